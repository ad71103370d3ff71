"""Notebook 02: the best D at one x and at every x, and how close real nets come to it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Annotated, NamedTuple

import numpy as np
import pandas as pd
import torch
from matplotlib.axes import Axes
from scipy.special import expit

from ganlib import densities, game, nets, plots, theory
from ganlib.densities import Array, Density, Gaussian
from ganlib.errors import RecipeError, Within, door
from ganlib.picture import Level, Line, Mark, Panel, Picture
from ganlib.recipes import TOY, profile
from ganlib.studies.best_D import BestD
from ganlib.studies.toys import Toys
from ganlib.widgets import Guess, Slider, Sliders

FACTORS = np.linspace(0, 4, 61)
"""Factors on the logit of D*; 1 is among them."""
LINE = np.linspace(-8, 8, 1601)
"""Where densities and D's are drawn."""

# -- one x ------------------------------------------------------------------------------------


def guess_one_point() -> Guess:
    """What D should say where data are three times as dense as G's samples."""
    return Guess(
        "At some x, data are three times as dense as G's samples. What should D say there?",
        ["1: data are the more likely", "3/4", "2/3", "1/2"],
        answer="3/4",
        because="Of four examples that fall there, three are data. A firm 1 would cost without bound "
        "when the fourth comes.",
    )


def one_point() -> Sliders:
    """What one x adds to V, over the answer y of D, for any a = p_data(x) and b = p_g(x)."""
    y = np.linspace(0.0005, 0.9995, 600)

    def draw(a: float, b: float) -> Picture:
        """a log y, b log(1 - y), and their sum with its peak."""
        top = a / (a + b)
        best = a * np.log(top) + b * np.log(1 - top)
        lines = [
            Line(y, a * np.log(y), "a log y", "data"),
            Line(y, b * np.log(1 - y), "b log(1 - y)", "G"),
            Line(y, a * np.log(y) + b * np.log(1 - y), "their sum", "V"),
        ]
        levels, peak = [Level(x=top, name=f"a/(a + b) = {top:.3f}")], Mark(top, best, style="V")
        panel = Panel("What this x adds to V, nats", lines, (0, 1), (-6, 0.8), "y, the answer of D", "", levels, [peak])
        return Picture(
            [panel], f"With a = {a:.2f} and b = {b:.2f} the best answer is {top:.3f}. It adds {best:.3f} nats."
        )

    weight = {"low": 0.02, "high": 2, "step": 0.02}
    return Sliders(
        draw,
        title="One x at a time",
        a=Slider(start=0.6, name="a = p_data(x)", hint="how densely data fall at this x", **weight),
        b=Slider(start=0.9, name="b = p_g(x)", hint="how densely G's samples fall at this x", **weight),
    )


# -- every x ------------------------------------------------------------------------------------


def disturbed(p_data: Density, p_g: Density, n: int) -> Array:
    """V of n discriminators, each D* with random waves added to its logit, nats: (n,)."""
    x, w = theory.quadrature(p_data, p_g)
    waves = np.random.default_rng(0).normal(size=(n, 5)) @ np.cos(np.outer(range(5), x))
    logit = waves + densities.log_pdf(p_data, x) - densities.log_pdf(p_g, x)
    return -np.logaddexp(0, -logit) @ (w * p_data.pdf(x)) - np.logaddexp(0, logit) @ (w * p_g.pdf(x))


def by_factor(p_data: Density, p_g: Density) -> Array:
    """V of D's whose logit is that of D* times each of `FACTORS`, nats: (61,)."""
    x, w = theory.quadrature(p_data, p_g, order=8)
    logit = FACTORS[:, None] * (densities.log_pdf(p_data, x) - densities.log_pdf(p_g, x))
    return -np.logaddexp(0, -logit) @ (w * p_data.pdf(x)) - np.logaddexp(0, logit) @ (w * p_g.pdf(x))


def guess_wider() -> Guess:
    """A sketch of D* where p_g is twice as wide as p_data."""
    x, p_data, p_g = np.linspace(-6, 6, 241), Gaussian(0, 1), Gaussian(0, 2)
    hills = [Line(x, p_data.pdf(x), "p_data", "data"), Line(x, p_g.pdf(x), "p_g, twice as wide", "G", fill=True)]
    return Guess(
        "p_g has the same middle as p_data and is twice as wide. Sketch D* over x.",
        panel=Panel("Two densities, and D*", hills, (-6, 6), (0, 1), "x", "density; and D*"),
        truth=Line(x, theory.D_star(p_data, p_g)(x), "D*", "D"),
        because="D* is the share of data among all that falls on an x. In the middle data are the denser ones, and D* "
        "is 2/3. Far outside, on both sides, hardly anything but samples of the wider p_g is left, and D* falls to 0.",
    )


def two_densities() -> Sliders:
    """D* for two Gaussians that a person moves, and V of a D that is less sure of itself than D*, or more so."""

    def draw(mean_data: float, width_data: float, mean_g: float, width_g: float, factor: float) -> Picture:
        """The densities with D and D*, and V over the factor on D*'s logit."""
        p_data, p_g = Gaussian(mean_data, width_data), Gaussian(mean_g, width_g)
        logit, V = densities.log_pdf(p_data, LINE) - densities.log_pdf(p_g, LINE), by_factor(p_data, p_g)
        now, C = np.interp(factor, FACTORS, V), theory.C(p_data, p_g, order=8)
        lines = [
            Line(LINE, p_data.pdf(LINE), "p_data", "data"),
            Line(LINE, p_g.pdf(LINE), "p_g", "G", fill=True),
            Line(LINE, expit(factor * logit), "D", "D"),
            Line(LINE, expit(logit), "D*", "D*"),
        ]
        dots = [
            Mark(mean_data, p_data.pdf(mean_data), style="data", moves=("mean_data", None)),
            Mark(mean_g, p_g.pdf(mean_g), style="G", moves=("mean_g", None)),
        ]
        left = Panel("The densities, and what D says", lines, (-6, 6), (0, 1.4), marks=dots)
        here = Mark(factor, now, style="V", moves=("factor", None))
        levels = [Level(C, f"C(G) = {C:.3f}"), Level(theory.MINUS_LOG_4, "-log 4")]
        value = [Line(FACTORS, V, "V(D, G)", "V", now)]
        right = Panel("V(D, G), nats", value, (0, 4), (-3, 0.2), "factor on the logit of D*", "", levels, [here])
        words = f"V(D, G) is {now:.3f} nats, {max(C - now, 0):.3f} below C(G) = {C:.3f}, the best that any D reaches."
        return Picture([left, right], words)

    return Sliders(
        draw,
        title="D* for two densities",
        mean_data=Slider(-4, 4, -0.5, 0.05, "mean of p_data"),
        width_data=Slider(0.3, 3, 1, 0.05, "width of p_data"),
        mean_g=Slider(-4, 4, 1, 0.05, "mean of p_g"),
        width_g=Slider(0.3, 3, 0.6, 0.05, "width of p_g"),
        factor=Slider(0, 4, 2, 0.05, "factor on the logit", "how sure of itself D is; 1 is D*", play=6),
    )


# -- a D that is trained ------------------------------------------------------------------------------------


def moments() -> list[int]:
    """The updates of D after which it is looked at."""
    return [1, 3, 10, 30, 100, 300, 1_000, 3_000][: 6 if profile() == "smoke" else None]


def plot_climb(held: Toys, seen: Mapping[int, tuple[Array, float]]) -> plots.Drawing:
    """D at four moments of its training beside D*, and the gap C(G) - V(D, G) at every moment.

    `seen`: after so many updates -> D's logit at `LINE`, and the gap.
    """
    updates, here = np.array(list(seen)), np.flatnonzero((LINE > -3.5) & (LINE < 2))[::2]
    x, some = LINE[here], updates[[0, 3, 4, -1]]
    p_g = held.p_g().in_bins(np.append(x, 2 * x[-1] - x[-2]) - (x[1] - x[0]) / 2)
    Ds = {f"After {n:,} update{'s' if n > 1 else ''} of D": expit(seen[n][0][here]) for n in some}
    gaps = Panel(
        "What D lacks of its optimum, nats",
        _with_dots(np.log10(updates), np.log10([gap for _, gap in seen.values()]), "C(G) - V(D, G)"),
        *((-0.1, np.log10(updates[-1]) + 0.1), (-2, 0)),
        x_label="updates of D",
        x_ticks=plots.decades(0, 3),
        y_ticks=plots.decades(-2, 0),
        at=(18, 0, 9, 8),
    )
    return plots.draw([*_four(x, held.p_data.pdf(x), p_g, Ds), gaps])


def _with_dots(x: Array, y: Array, name: str) -> list[Line]:
    """A curve with a dot at each of its points."""
    return [Line(x, y, name, "V"), Line(x, y, style="V", dots=True)]


def _four(x: Array, p_data: Array, p_g: Array, Ds: Mapping[str, Array]) -> list[Panel]:
    """The same densities and D* with one D after another, by name, two in a row; all (n,) at x (n,)."""
    D_star = p_data / (p_data + p_g)
    panels = [plots.densities(x, p_data, p_g, D=D, D_star=D_star, title=name) for name, D in Ds.items()]
    return [replace(panel, at=(9 * (i // 2), 6 * (i % 2), 9, 6)) for i, panel in enumerate(panels)]


# -- few samples ------------------------------------------------------------------------------------


class Fit(NamedTuple):
    """A D at its optimum for what it was shown."""

    logit: Callable[[Array], Array]
    seen: float  # V on what it was shown, nats
    true: float  # V on the densities, nats


def guess_few_samples() -> Guess:
    """On which side of C(G) the V of a D lies that has seen 20 samples of each."""
    return Guess(
        "D is at its optimum for 20 data and 20 samples of G. Where is V on those 40, and where on the densities?",
        ["both are C(G)", "both below C(G)", "above C(G) on the 40, below it on the densities"],
        answer="above C(G) on the 40, below it on the densities",
        because="D learns the 40 points by heart. On them it does better than any D can on the densities; elsewhere "
        "it is sure of what is not so.",
    )


@door(RecipeError)
def fit_sample(
    p_data: Density, p_g: Density, n: Annotated[int, Within(1, 100_000)], seed: int = 0, *, steps: int = 200
) -> Fit:
    """A toy's D after so many steps of L-BFGS up V on n data and n samples of p_g, the same ones at each step."""
    rng = np.random.default_rng(seed)
    both = torch.tensor(np.concatenate([p_data.sample(n, rng), p_g.sample(n, rng)]))[:, None]  # (2n, 1)
    D = TOY.networks(seed, torch.zeros(1))[1].double()
    climber = torch.optim.LBFGS(D.parameters(), max_iter=steps, history_size=20, line_search_fn="strong_wolfe")

    def descent() -> torch.Tensor:
        """Minus V on the sample, with its gradient."""
        climber.zero_grad()
        minus_V = -game.value(*D.logit(both).split(n))
        minus_V.backward()
        return minus_V

    def logit(x: Array) -> Array:
        """D's logit: (m,) -> (m,)."""
        return D.logit(torch.as_tensor(x)[:, None]).detach().numpy()

    climber.step(descent)
    return Fit(logit, -descent().item(), theory.V(logit, p_data, p_g, logit=True))


def fit_samples(p_data: Density, p_g: Density) -> dict[int, list[Fit]]:
    """For each n, a D at its optimum for n samples of each density, under several seeds."""
    sizes, seeds = ((20, 100), 2) if profile() == "smoke" else ((20, 100, 1_000, 10_000), 5)
    return {n: [fit_sample(p_data, p_g, n, seed) for seed in range(seeds)] for n in sizes}


def table_of_fits(fits: Mapping[int, list[Fit]]) -> pd.DataFrame:
    """V on the samples and on the densities for each n: the median over the seeds and the range, nats."""
    rows = {}
    for n, row in fits.items():
        seen, true = (np.array([getattr(fit, name) for fit in row]) for name in ("seen", "true"))
        said = [f"{np.median(V):.3f}   ({V.min():.3f} to {V.max():.3f})" for V in (seen, true)]
        rows[f"{n:,}"] = dict(zip(("V on the samples that D saw", "V on the densities"), said))
    return pd.DataFrame.from_dict(rows, "index").rename_axis("samples of each")


def plot_fits(p_data: Density, p_g: Density, fits: Mapping[int, list[Fit]]) -> plots.Drawing:
    """For each n the D of the first seed, beside D*."""
    x = np.linspace(-4, 5, 900)
    Ds = {f"n = {n:,} of each": expit(row[0].logit(x)) for n, row in fits.items()}
    return plots.draw(_four(x, p_data.pdf(x), p_g.pdf(x), Ds))


def plot_overfitting(p_data: Density, p_g: Density, fits: Mapping[int, list[Fit]]) -> Axes:
    """V on the samples that D saw and on the densities over n: the median of the seeds, and each seed as a dot."""
    [ax], sizes, low = plots.panels(1, width=6.4, height=3.3), list(fits), -4.0
    for name, key, colour in (
        ("on the samples that D saw", "seen", plots.PURPLE),
        ("on the densities", "true", plots.VERMILION),
    ):
        V = np.array([[getattr(fit, key) for fit in row] for row in fits.values()])  # (sizes, seeds)
        ax.plot(sizes, np.where(V < low, np.nan, V), ".", color=colour, alpha=0.5, ms=7)
        ax.plot(sizes, np.where(V < low, low, np.nan), "v", color=colour, ms=8, clip_on=False)
        ax.plot(sizes, np.maximum(np.median(V, axis=1), low), color=colour, label=f"V {name}")
        if V.min() < low:
            ax.annotate(
                f"below, down to −{-V.min():.0f}", (sizes[0], low), (9, 2), textcoords="offset points", color=colour
            )
    ax.axhline(theory.C(p_data, p_g), color=plots.GREY, ls="--", lw=1, label="C(G), the most that any D reaches")
    ax.set(
        xscale="log",
        ylim=(low, 0.1),
        xlabel="n, samples of each density",
        ylabel="nats",
        title="V by the number of samples",
    )
    ax.legend(loc="lower right")
    return ax


# -- few units ------------------------------------------------------------------------------------

FOUR = densities.Mixture(tuple(Gaussian(mean, 0.15) for mean in (-1.8, -0.6, 0.6, 1.8)))
"""Data in four narrow hills."""


def fit_units() -> dict[int, list[tuple[Toys, float]]]:
    """Nets of so many maxout units at their optimum, with the gap C(G) - V(D, G) that is left, under several seeds.

    p_data is `FOUR`, and G(z) = 1.5 z, so that p_g is flat; V is taken by quadrature, that is on all of x.
    """
    units, seeds = ((1, 2, 4), 2) if profile() == "smoke" else ((1, 2, 4, 16, 64), 5)
    return {n: [_fit_units(n, seed) for seed in range(seeds)] for n in units}


def _fit_units(units: int, seed: int) -> tuple[Toys, float]:
    D = (nets.Layer(units, "maxout", pieces=2, irange=1.0, bias="irange"), nets.Layer(1, "sigmoid", irange=0.3))
    recipe = replace(TOY, G=(nets.Layer(1, "linear", irange=1.0),), D=D)
    toys = Toys(recipe, FOUR, seeds=seed, lr_G=0, dtype=torch.float64)
    toys.G.weights[0].data.fill_(1.5)
    best = BestD(toys)
    while not best.done:
        best.advance()
    return toys, best.gap


def plot_units(fits: Mapping[int, list[tuple[Toys, float]]]) -> plots.Drawing:
    """The best seed of four sizes beside D*, and the gap of every seed over the number of units."""
    x, units = np.linspace(-3, 3, 600), np.array(list(fits))
    best = {n: min(row, key=lambda fit: fit[1])[0] for n, row in fits.items()}
    some = {f"{n} unit{'s' if n > 1 else ''}": expit(best[n].logit(x)) for n in units if n != 2}
    gaps = np.array([[gap for _, gap in row] for row in fits.values()])  # (sizes, seeds)
    seeds = Line(np.repeat(np.log10(units), gaps.shape[1]), np.log10(gaps.ravel()), "one seed", "V", dots=True)
    chart = Panel(
        "What D lacks at its optimum, nats",
        [Line(np.log10(units), np.log10(np.median(gaps, axis=1)), "C(G) - V(D, G), median", "V"), seeds],
        *((-0.1, np.log10(units[-1]) + 0.1), (-3, 0)),
        x_label="maxout units of D",
        x_ticks=[(float(np.log10(n)), str(n)) for n in units],
        y_ticks=plots.decades(-3, 0),
        at=(18, 0, 9, 8),
    )
    p_g = best[units[0]].p_g().pdf(x)
    return plots.draw([*_four(x, FOUR.pdf(x), p_g, some), chart])
