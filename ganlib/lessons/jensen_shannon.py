"""Notebook 03: C(G) as the Jensen-Shannon divergence, its landscape, and what the two costs of G pull by."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from itertools import cycle
from typing import Annotated

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import torch
from matplotlib.figure import Figure
from scipy import optimize
from scipy.special import expit

from ganlib import game, plots, theory
from ganlib.densities import Array, Density, Drawn, Gaussian, Mixture, Pushforward, Uniform, log_pdf
from ganlib.errors import RecipeError, Within, brief, door
from ganlib.picture import Heat, Level, Line, Mark, Panel, Picture
from ganlib.recipes import profile
from ganlib.widgets import Guess, Slider, Sliders

LOG_2 = float(np.log(2))
LINE = np.linspace(-6, 6, 601)
TWO_HILLS = Mixture((Gaussian(-1.5, 0.5), Gaussian(2, 0.7)), (0.6, 0.4))
PAIRS: dict[str, tuple[Density, Density]] = {
    "two hills, a wide hill": (TWO_HILLS, Gaussian(0, 1.5)),
    "two Gaussians": (Gaussian(0, 1), Gaussian(1, 2)),
    "two uniforms": (Uniform(-1, 1), Uniform(0, 3)),
    "drawn by hand, a Gaussian": (Drawn([-3, -2, -1, 0, 0.5, 1.5, 3], [0, 2, 1, 0.2, 3, 2, 0]), Gaussian(0.5, 1)),
    "a Gaussian, a folded G": (
        Gaussian(0, 1),
        Pushforward([-(3**0.5), -0.6, 0.4, 3**0.5], [-2.0, 0.9, -0.2, 2.5]),
    ),
}
"""p_data and p_g by name: one pair for each kind of density."""
DATA: dict[str, Density] = {"one hill": Gaussian(0, 1), "two hills": TWO_HILLS}
"""The data of the landscapes."""
DIVERGENCES: dict[str, Callable[..., float]] = {
    "KL(p_data || p_g)": theory.KL,
    "KL(p_g || p_data)": lambda p_data, p_g, *, order: theory.KL(p_g, p_data, order=order),
    "JSD": theory.JSD,
}
LOOKS = {"KL(p_data || p_g)": ("other", 1), "KL(p_g || p_data)": ("other", 2), "JSD": ("V", 0)}
"""The style and the dash of each divergence, the same in every picture."""
CONTOURS = (-1.3, -1.1, -0.9, -0.6, -0.3)


# -- the derivation ----------------------------------------------------------------------------------------------------


def plot_pairs() -> plots.Drawing:
    """The five pairs of densities."""
    x, panels = np.linspace(-5, 5, 1001), []
    for i, (name, (p_data, p_g)) in enumerate(PAIRS.items()):
        at = {"at": (9 * (i // 3), 4 * (i % 3), 9, 4)}
        lines = [Line(x, p_data.pdf(x), "p_data", "data"), Line(x, p_g.pdf(x), "p_g", "G", fill=True)]
        panels.append(Panel(name, lines, (-5, 5), (0, 0.6), y_label="density", **at))
    return plots.draw(panels)


def compare(**values: float) -> None:
    """Print numbers one below the other, in nats, so that their digits can be compared: `compare(line_1=line_1)`."""
    wide = max(map(len, values))
    for name, value in values.items():
        print(f"{name.replace('_', ' '):{wide}}  {value:.10f} nats")


def derivation(p_data: Density, p_g: Density) -> list[float]:
    """The right-hand sides of the six lines, nats; by logarithms of densities, so that every pair may be tried."""
    m = Mixture((p_data, p_g))  # (p_data + p_g) / 2

    def E(f: Callable[[Array], Array], p: Density) -> float:
        """The mean of f over p."""
        return theory.expectation(f, p, p_data, p_g)

    def log_ratio(p: Density, shift: float = 0.0) -> Callable[[Array], Array]:
        """log(p / m) - shift, as a function of x."""
        return lambda x: log_pdf(p, x) - log_pdf(m, x) - shift

    both, minus_log_4 = (p_data, p_g), -2 * LOG_2
    return [
        theory.V(lambda x: log_pdf(p_data, x) - log_pdf(p_g, x), p_data, p_g, logit=True),
        sum(E(lambda x, p=p: log_pdf(p, x) - np.logaddexp(log_pdf(p_data, x), log_pdf(p_g, x)), p) for p in both),
        sum(E(log_ratio(p, LOG_2), p) for p in both),
        minus_log_4 + sum(E(log_ratio(p), p) for p in both),
        minus_log_4 + theory.KL(p_data, m) + theory.KL(p_g, m),
        minus_log_4 + 2 * theory.JSD(p_data, p_g),
    ]


def table_of_lines() -> pd.DataFrame:
    """All six lines, a row each, for all five pairs, nats."""
    columns = {name: [f"{value:.8f}" for value in derivation(*pair)] for name, pair in PAIRS.items()}
    return pd.DataFrame(columns, index=[f"line {i}" for i in range(1, 7)])


def plot_share() -> plots.Drawing:
    """f(r) = r log r + (1 - r) log(1 - r), with its one minimum."""
    r = np.linspace(1e-6, 1 - 1e-6, 801)
    f = Line(r, r * np.log(r) + (1 - r) * np.log(1 - r), "f(r) = r log r + (1 - r) log(1 - r)", "V")
    least = {"levels": [Level(-LOG_2, "-log 2")], "marks": [Mark(0.5, -LOG_2, style="V", stem=True)]}
    return plots.draw([Panel("What one x adds, nats", [f], (0, 1), (-0.8, 0.05), "r, the share of data", **least)])


# -- how large it can get ----------------------------------------------------------------------------------------------


def guess_jsd() -> Guess:
    """A sketch of the JSD of N(0, 1) and N(mu, 1) over mu."""
    mu = np.linspace(0, 10, 81)
    return Guess(
        "p_data = N(0, 1) and p_g = N(mu, 1). Sketch their JSD while mu grows from 0 to 10.",
        panel=Panel("JSD, nats", [], (0, 10), (0, 1.2), "mu, the distance between the two", "nats"),
        truth=lambda: Line(mu, [theory.JSD(Gaussian(0, 1), Gaussian(m, 1), order=10) for m in mu], "JSD", "V"),
        because="It starts flat, rises, and levels off at log 2, about 0.69 nats. Once the two have next to nothing "
        "in common, it makes no difference how far apart they are.",
    )


def known_values() -> pd.DataFrame:
    """The JSD of N(0, 1) and six other Gaussians: numbers to hold an implementation against."""
    rows = {}
    for mean, std in ((0.5, 1), (1, 1), (2, 1), (4, 1), (8, 1), (0, 2)):
        p, q = Gaussian(0, 1), Gaussian(mean, std)
        JSD, C = theory.JSD(p, q), theory.C(p, q)
        rows[f"N({mean}, {std}²)"] = [f"{JSD:.12f}", f"{JSD / LOG_2:.12f}", f"{C:.12f}"]
    return pd.DataFrame.from_dict(rows, "index", columns=["JSD, nats", "JSD, bits", "C(G), nats"]).rename_axis("p_g")


# -- the landscape -----------------------------------------------------------------------------------------------------


def axes_of_the_land() -> tuple[Array, Array]:
    """The means and the widths of p_g over which the land is drawn."""
    columns, rows = (21, 16) if profile() == "smoke" else (81, 61)
    return np.linspace(-4, 4, columns), np.linspace(0.25, 4, rows)


def over_the_land(name: str, hills: str) -> Array:
    """One of `DIVERGENCES` between one of `DATA` and p_g = N(mean, width^2), nats: (widths, means)."""
    means, widths = axes_of_the_land()
    return _over_the_land(name, hills, tuple(means), tuple(widths))


@cache
def _over_the_land(name: str, hills: str, means: tuple[float, ...], widths: tuple[float, ...]) -> Array:
    f, p_data = DIVERGENCES[name], DATA[hills]
    return np.array([[f(p_data, Gaussian(mean, width), order=6) for mean in means] for width in widths])


def C_over_the_land(hills: str) -> Array:
    """C(G) = -log 4 + 2 JSD over the land, nats: (widths, means)."""
    return theory.MINUS_LOG_4 + 2 * over_the_land("JSD", hills)


def plot_landscape() -> Figure:
    """C(G) for data N(0, 1) as a surface over the mean and the width of p_g, and the same from above."""
    (means, widths), C = axes_of_the_land(), C_over_the_land("one hill")
    row, column = np.unravel_index(C.argmin(), C.shape)
    figure = plt.figure(figsize=(9.6, 3.9))
    surface = figure.add_axes((0.0, 0.02, 0.46, 1.0), projection="3d")
    surface.plot_surface(*np.meshgrid(means, widths), C, cmap="viridis", rcount=60, ccount=60, linewidth=0)
    surface.view_init(28, -62)
    surface.set_xlabel("mean of p_g", labelpad=2)
    surface.set_ylabel("width of p_g", labelpad=8)
    surface.set_title("C(G), nats", y=0.93)
    surface.set_box_aspect(None, zoom=0.86)
    above = figure.add_axes((0.56, 0.14, 0.42, 0.74))
    filled = above.contourf(means, widths, C, 40, cmap="viridis")
    lines = above.contour(means, widths, C, CONTOURS, colors="white", linewidths=0.8, linestyles="-")
    above.clabel(lines, fontsize=7, fmt="%g")
    above.plot(means[column], widths[row], "o", color="white", ms=6, mec="black")
    above.annotate(f"{C.min():.3f}".replace("-", "−"), (means[column], widths[row]), (7, 5), color="white", **OFFSET)
    above.grid(False)
    above.set(xlabel="mean of p_g", ylabel="width of p_g", title="The same from above")
    figure.colorbar(filled, ax=above, pad=0.02, label="nats")
    return figure


OFFSET = {"textcoords": "offset points"}


def walk() -> Sliders:
    """A walk on the landscape of C(G), with the densities and D* at the place where one stands."""
    maps = {hills: C_over_the_land(hills) for hills in DATA}

    def draw(hills: str, mean: float, width: float) -> Picture:
        """The map with the place, and the densities there."""
        p_data, p_g = DATA[hills], Gaussian(mean, width)
        here = theory.C(p_data, p_g, order=8)
        heat = Heat(maps[hills], (-4, 4), (0.25, 4), CONTOURS, "nats", (theory.MINUS_LOG_4, 0))
        dot = Mark(mean, width, f"{here:.3f}", moves=("mean", "width"))
        left = Panel("C(G)", heat=heat, marks=[dot], x_label="mean of p_g", y_label="width of p_g")
        curves = [
            Line(LINE, p_data.pdf(LINE), "p_data", "data"),
            Line(LINE, p_g.pdf(LINE), "p_g", "G", fill=True),
            Line(LINE, expit(log_pdf(p_data, LINE) - log_pdf(p_g, LINE)), "D*", "D*"),
        ]
        right = Panel("The densities, and D*", curves, (-6, 6), (0, 1.05), levels=[Level(0.5, "1/2")])
        more = max(here - theory.MINUS_LOG_4, 0.0)  # at the bottom the quadrature may miss it by 1e-15
        words = f"C(G) is {here:.3f} nats, {more:.3f} above -log 4. The JSD, half of that, is {more / 2:.3f} nats."
        return Picture([left, right], words)

    mean, width = Slider(-4, 4, 2.5, 0.05, "mean of p_g"), Slider(0.25, 4, 0.5, 0.05, "width of p_g")
    return Sliders(draw, title="C(G) over the mean and the width of p_g", hills=list(DATA), mean=mean, width=width)


# -- KL both ways, and JSD ---------------------------------------------------------------------------------------------


def guess_forgotten_hill() -> Guess:
    """Which divergence is largest when p_g covers one of two hills."""
    return Guess(
        "The data have two hills. A narrow p_g sits on one of them and forgets the other. Which is the largest?",
        ["KL(p_data || p_g)", "KL(p_g || p_data)", "JSD"],
        answer="KL(p_data || p_g)",
        because="It is a mean over the data of log(p_data / p_g). On the forgotten hill there are data, and p_g is "
        "next to nothing. The other KL is a mean over samples of p_g, and there are none on the forgotten hill.",
    )


def three() -> Sliders:
    """KL in both directions and JSD over the mean of p_g, for a width that a person sets."""
    means, widths = axes_of_the_land()
    tables = {hills: {name: over_the_land(name, hills) for name in DIVERGENCES} for hills in DATA}

    def draw(hills: str, mean: float, width: float) -> Picture:
        """The densities, and the three over the mean of p_g."""
        p_g, row = Gaussian(mean, width), np.abs(widths - width).argmin()
        curves, dots = [], []
        for name, table in tables[hills].items():
            now, (style, dash) = float(np.interp(mean, means, table[row])), LOOKS[name]
            curves.append(Line(means, table[row], name, style, now, dash=dash))
            dots += [Mark(mean, now, style=style)] if now < 4 else []
        seen = [Line(LINE, DATA[hills].pdf(LINE), "p_data", "data"), Line(LINE, p_g.pdf(LINE), "p_g", "G", fill=True)]
        handle = Mark(mean, min(p_g.pdf(mean), 1), style="G", moves=("mean", None))  # a narrow p_g is higher
        left = Panel("The densities", seen, (-6, 6), (0, 1.05), marks=[handle])
        top = Level(LOG_2, "log 2, the most that JSD can be")
        right = Panel("The three divergences, nats", curves, (-4, 4), (0, 4), "mean of p_g", "", [top], dots)
        words = ", ".join(f"{curve.name} is {curve.value:.2f}" for curve in curves)
        return Picture([left, right], f"{words} nats.")

    step = widths[1] - widths[0]
    mean, width = Slider(-4, 4, 0, 0.05, "mean of p_g", play=8), Slider(0.25, 4, 1, step, "width of p_g")
    return Sliders(draw, title="KL both ways, and JSD", hills=["two hills", "one hill"], mean=mean, width=width)


@door(RecipeError)
def hills(apart: float, left: Annotated[float, Within(0, 1)] = 0.6) -> Mixture:
    """Two hills so far apart: a share of the data on the left one, of width 0.5, the rest on the right one, of 0.7."""
    return Mixture((Gaussian(-apart / 2, 0.5), Gaussian(apart / 2, 0.7)), (left, 1 - left))


@door(RecipeError)
def best_gaussian(divergence: str, p_data: Mixture) -> Gaussian:
    """The Gaussian p_g with the least of one of `DIVERGENCES`: of three searches, the best.

    They begin on each hill and over both.
    """
    if divergence not in DIVERGENCES:
        raise RecipeError(f"no divergence is called {brief(divergence)}; there are {', '.join(DIVERGENCES)}")
    starts = [(p_data.parts[0].mean, -0.5), (0, 0.5), (p_data.parts[1].mean, -0.5)]  # mean, log width

    def value(at: Array) -> float:
        """The divergence of the Gaussian with this mean and log width."""
        return DIVERGENCES[divergence](p_data, Gaussian(at[0], np.exp(at[1])), order=12)

    ends = [optimize.minimize(value, start, method="Nelder-Mead", tol=1e-9) for start in starts]
    mean, log_width = min(ends, key=lambda end: end.fun).x
    return Gaussian(round(mean, 7) + 0.0, float(np.exp(log_width)))


def best_gaussians() -> dict[float, dict[str, Gaussian]]:
    """For hills 2, 3.5 and 5 apart, the best Gaussian by each divergence."""
    return {apart: {name: best_gaussian(name, hills(apart)) for name in DIVERGENCES} for apart in (2, 3.5, 5)}


def table_of_best(best: dict[float, dict[str, Gaussian]]) -> pd.DataFrame:
    """The mean and the width of each."""
    rows = {f"hills {apart} apart": {f"least {n}": f"N({p.mean:.2f}, {p.std:.2f}²)" for n, p in fits.items()}
            for apart, fits in best.items()}  # fmt: skip
    return pd.DataFrame.from_dict(rows, "index")


def plot_best(best: dict[float, dict[str, Gaussian]]) -> plots.Drawing:
    """The data and the three best Gaussians, for each distance of the hills."""
    panels = []
    for apart, fits in best.items():
        lines = [Line(LINE, hills(apart).pdf(LINE), "p_data", "data")]
        for name in reversed(fits):  # JSD first, so that the dashes are seen upon it
            style, dash = LOOKS[name]
            lines.append(Line(LINE, fits[name].pdf(LINE), f"least {name}", style, dash=dash))
        panels.append(Panel(f"Hills {apart} apart", lines, (-6, 6), (0, 0.9), y_label="density"))
    return plots.draw(panels)


# -- the two costs of G at D* ------------------------------------------------------------------------------------------


def guess_far() -> Guess:
    """How large the saturating gradient is at mu = 8."""
    return Guess(
        "At mu = 8 nearly every sample is rejected. How large is the gradient of log(1 - D*)?",
        ["about 8", "about 1", "below 0.001"],
        answer="below 0.001",
        because="It is mu times the mean of D* over the samples, and D* takes hardly any of them for data. "
        "G is at its worst, and hears next to nothing.",
    )


def pulls(mu: float) -> tuple[float, float]:
    """Both gradients by the formulas, mu E[D*] and mu E[1 - D*] over p_g = N(mu, 1), by quadrature, nats."""
    p_data, p_g = Gaussian(0, 1), Gaussian(mu, 1)
    D = theory.D_star(p_data, p_g)
    integrands: tuple[Callable[[Array], Array], ...] = (lambda x: mu * D(x), lambda x: mu * (1 - D(x)))
    saturating, non_saturating = (theory.expectation(integrand, p_g, p_data) for integrand in integrands)
    return saturating, non_saturating


def pulls_by_autograd(mu: float) -> tuple[float, float, float]:
    """The same two from ganlib's own costs of G, with D* held; and the gradient of C(G), where D* follows G."""
    z, w = (torch.tensor(t) for t in theory.quadrature(Gaussian(0, 1), Gaussian(-mu, 1)))
    w = w * torch.exp(-z * z / 2) / (2 * torch.pi) ** 0.5
    m = torch.tensor(float(mu), dtype=w.dtype, requires_grad=True)  # G(z) = m + z
    held = mu**2 / 2 - mu * (m + z)  # the logit of D* at G(z); its own mu does not move
    costs = [-(w @ game.softplus(held)), w @ game.softplus(-held)]  # E log(1 - D*), E[-log D*]
    on_data, on_samples = m**2 / 2 - m * z, m**2 / 2 - m * (m + z)  # here it moves
    costs.append(-(w @ game.softplus(-on_data)) - w @ game.softplus(on_samples))
    first, second, of_C = (torch.autograd.grad(cost, m, retain_graph=True)[0].item() for cost in costs)
    return first, second, of_C


def table_of_pulls() -> pd.DataFrame:
    """Both gradients for six mu, in two ways, their sum, and the gradient of C(G), nats."""
    rows = {}
    for mu in (0.25, 0.5, 1, 2, 4, 8):
        (first, second), (auto_first, auto_second, of_C) = pulls(mu), pulls_by_autograd(mu)
        values = (first, auto_first, of_C, second, auto_second, first + second)
        rows[f"{mu:g}"] = [f"{value:.5f}" for value in values]
    columns = ["saturating, formula", "autograd", "of C(G)", "non-saturating, formula", "autograd ", "their sum"]
    return pd.DataFrame.from_dict(rows, "index", columns=columns).rename_axis("mu")


@cache
def _pulls_over_mu() -> tuple[Array, Array]:
    mu = np.linspace(0.05, 10, 200)
    return mu, np.array([pulls(m) for m in mu]).T  # (2, 200)


def _pull_lines(values: tuple[str, str] = ("", "")) -> list[Line]:
    mu, both = _pulls_over_mu()
    names = ("saturating: of log(1 - D*)", "non-saturating: of -log D*")
    looks = zip(names, np.log10(both), ("V", "G"), values)
    return [Line(mu, log, name, style, value or None) for name, log, style, value in looks]


PULL_AXES = {"x": (0, 10), "y": (-6, 1.3), "y_ticks": plots.decades(-6, 1), "x_label": "mu, how far p_g is from p_data"}


def plot_pulls() -> plots.Drawing:
    """Both gradients and their sum over mu, on a logarithmic axis."""
    mu, _ = _pulls_over_mu()
    total = Line(mu, np.log10(mu), "their sum, mu", "reference")
    return plots.draw([Panel("What pulls G back, nats per unit of mu", [*_pull_lines(), total], **PULL_AXES)])


def pull() -> Sliders:
    """p_g at a distance that a person sets, D*, and the two gradients there."""
    far, (mu, both) = np.linspace(-4, 14, 601), _pulls_over_mu()

    def draw(distance: float) -> Picture:
        """The densities with D*, and the gradients at this distance."""
        p_data, p_g = Gaussian(0, 1), Gaussian(distance, 1)
        curves = [
            Line(far, p_data.pdf(far), "p_data", "data"),
            Line(far, p_g.pdf(far), "p_g", "G", fill=True),
            Line(far, theory.D_star(p_data, p_g)(far), "D*", "D*"),
        ]
        handle = Mark(distance, p_g.pdf(distance), style="G", moves=("distance", None))
        left = Panel("p_g = N(mu, 1), and D*", curves, (-4, 14), (0, 1.05), marks=[handle])
        now = [float(10 ** np.interp(distance, mu, np.log10(row))) for row in both]
        dots = [Mark(distance, np.log10(value), style=style) for value, style in zip(now, cycle(("V", "G")))]
        said = tuple(f"{value:.3f}" if value >= 1e-3 else f"{value:.6f}" for value in now)
        right = Panel("The gradients, nats per unit of mu", _pull_lines(said), **PULL_AXES, marks=dots)
        words = f"At mu = {distance:.2f} the saturating gradient is {said[0]}, and the other one {said[1]}."
        return Picture([left, right], words)

    distance = Slider(0.05, 10, 5, 0.05, "mu", "how far p_g is from p_data", play=8)
    return Sliders(draw, title="The two gradients at D*", distance=distance)
