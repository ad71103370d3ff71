"""Notebook 05: Proposition 2 in function space, and what becomes of it when parameters move."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from scipy.special import expit

from ganlib import game, plots, theory
from ganlib.densities import Array, Gaussian, Pushforward, relu_line, ring
from ganlib.picture import Level, Line, Mark, Panel, Picture
from ganlib.recipes import RING, TOY, profile
from ganlib.studies.toys import Toys
from ganlib.widgets import BeTheGenerator, Guess, LivePlane, Slider, Sliders

RECORD = Path(__file__).parent.parent / "results" / "ring_of_8.json"

# -- function space ----------------------------------------------------------------------------------------------------


def plot_touching(data: Array, g: Array, h: Array, w: Array) -> plots.Drawing:
    """C, and U with D held at the best one for g, along the straight line of densities from g to h."""
    ts, D = np.linspace(0, 1, 41), data / (data + g)
    way = [(1 - t) * g + t * h for t in ts]
    C = Line(ts, [theory.U(p, data / (data + p), data, w) for p in way], "C(p_g): D is the best for each p_g", "C")
    U = Line(ts, [theory.U(p, D, data, w) for p in way], "U(p_g, D): D is the best for g, and held", "V")
    touch = Mark(0, C.y[0], style="V")
    return plots.draw(
        [Panel("On the way from g to h, nats", [C, U], (0, 1), None, "from g (0) to h (1)", marks=[touch])]
    )


def guess_halved() -> Guess:
    """What p_g <- (p_g + p_data)/2 does to the total variation."""
    return Guess(
        "Each step replaces p_g by (p_g + p_data)/2. What does a step do to the total variation from p_data?",
        ["it takes the same amount off", "it halves it", "it squares it"],
        answer="it halves it",
        because="The new difference, (p_g + p_data)/2 - p_data, is half of the old one, p_g - p_data, at every x.",
    )


def plot_steps(x: Array, data: Array, path: Sequence[Array], w: Array) -> plots.Drawing:
    """p_g at the first steps in function space, and both distances from p_data over the steps."""
    lines = [Line(x, data, "p_data", "data")]
    lines += [Line(x, path[n], f"p_g, step {n}", "G", dash=dash) for n, dash in ((0, 2), (1, 3), (2, 1), (4, 0))]
    left = Panel("Function space", lines, (-4.5, 4.5), (0, 0.45), y_label="density")
    steps = np.arange(len(path))
    tv = [np.log10(w @ np.abs(p - data) / 2) for p in path]
    more = [np.log10(theory.U(p, data / (data + p), data, w) - theory.MINUS_LOG_4) for p in path]
    curves = [Line(steps, tv, "total variation", "other", dash=0), Line(steps, more, "C(G) + log 4 = 2 JSD, nats", "V")]
    dots = [Line(steps, y, style=style, dots=True) for y, style in ((tv, "other"), (more, "V"))]
    ends, ticks = (0, len(path) - 1), plots.decades(-5, 0)
    right = Panel("Distance from p_data", curves + dots, ends, (-5, 0), "step", y_ticks=ticks)
    return plots.draw([left, right])


# -- the Dirac-GAN -----------------------------------------------------------------------------------------------------


def guess_dirac() -> Guess:
    """Where simultaneous gradient steps lead in the Dirac-GAN."""
    return Guess(
        "Both players take gradient steps at the same time, from θ = 1 and ψ = 0. Where do they go?",
        ["to the equilibrium", "around it, at one distance", "away from it, in a spiral"],
        answer="away from it, in a spiral",
        because="Each step goes at a right angle to the line from the equilibrium, and so always ends a little "
        "farther away.",
    )


def plot_dirac(step: float = 0.2) -> plots.Drawing:
    """Three ways to play the Dirac-GAN as paths in the plane of (theta, psi), and their distance from (0, 0)."""
    games: dict[str, dict[str, Any]] = {
        "both at once": {},
        "D first, then G": {"update": "alternating"},
        "D first, with a penalty": {"update": "alternating", "gamma": 0.3},
    }
    panels, curves, ends = [], [], (-2.4, 2.4)
    for i, (name, options) in enumerate(games.items()):
        path = theory.dirac_gan(500, step=step, **options)
        at, marks = (0, 4 * i, 13, 4), [Mark(1, 0, "start"), Mark(0, 0, style="reference")]
        lines = [Line(*path[:200].T, "200 steps", "other", dash=i)]
        axes = {"x_label": "θ, the place of G's sample", "y_label": "ψ, the slope of D", "square": True}
        panels.append(Panel(name, lines, ends, ends, marks=marks, at=at, **axes))
        far = np.log10(np.maximum(np.hypot(*path.T), 1e-4))
        curves.append(Line(np.arange(len(far)), far, name, "other", dash=i))
    away = {"y_ticks": plots.decades(-3, 1), "at": (13, 0, 9, 8)}
    panels.append(Panel("Distance from the equilibrium", curves, (0, 500), (-3, 1), "step", **away))
    return plots.draw(panels)


def dirac() -> Sliders:
    """The Dirac-GAN with its step, its penalty, its update and its cost in a person's hands."""
    n = 400

    def draw(step: float, gamma: float, update: str, cost: str) -> Picture:
        """The path in the plane, and the distance from the equilibrium."""
        path = np.clip(theory.dirac_gan(n, step=step, gamma=gamma, update=update, cost=cost), -1e6, 1e6)
        far = np.hypot(*path.T)
        ends = [Mark(*path[-1], f"step {n}")] if np.abs(path[-1]).max() < 3 else []
        marks = [Mark(0, 0, "equilibrium", "reference"), *ends]
        labels = {"x_label": "θ, the place of G's sample", "y_label": "ψ, the slope of D", "square": True}
        plane = Panel(
            "The path",
            [Line(*path.T, style="other", dash=0)],
            (-3, 3),
            (-3, 3),
            marks=marks,
            at=(0, 0, 13, 6),
            **labels,
        )
        height = np.log10(np.maximum(far, 1e-6))
        low, high = min(-1, math.floor(height.min())), max(1, math.ceil(height.max()))  # 0.1 to 10, or more decades
        curve = Line(np.arange(n + 1), height, "distance", "other", f"{far[-1]:.3g}", dash=0)
        axis = {"y_ticks": plots.decades(low, high, 1 if high - low < 5 else 2), "at": (0, 6, 13, 6)}
        away = Panel("Distance from the equilibrium", [curve], (0, n), (low, high), "step", **axis)
        words = f"After {n} steps at distance {far[-1]:.3g}. The last step multiplied it by {far[-1] / far[-2]:.4f}."
        return Picture([plane, away], words)

    step = Slider(0.02, 1, 0.2, 0.01, "step h", "how far both players go along their gradients")
    gamma = Slider(0, 2, 0, 0.05, "penalty γ", "what D pays for its slope at the data")
    choices = {"update": ["simultaneous", "alternating"], "cost": ["minimax", "non-saturating"]}
    return Sliders(draw, title="Dirac-GAN", step=step, gamma=gamma, **choices)


# -- G against a D that is held ----------------------------------------------------------------------------------------


def guess_best_response() -> Guess:
    """Which p_g is the best for G against a D that is held."""
    return Guess(
        "D is held, and G may do what it likes. Which p_g gives G the lowest value?",
        ["p_data itself", "an even spread over all x where D(x) is above 1/2", "all of it at the x where D is highest"],
        answer="all of it at the x where D is highest",
        because="A mean of log(1 - D) over samples is lowest when every single sample lies where log(1 - D) is lowest.",
    )


def by_hand() -> BeTheGenerator:
    """The reader's own p_g against a D that is held, or that follows."""
    return BeTheGenerator()


def held_logit(x: Any) -> Any:
    """The logit of D* for p_data = N(0, 1) and p_g = N(0.8, 3^2): highest at x = -0.1, and falling from there on."""
    return float(np.log(3)) - x**2 / 2 + (x - 0.8) ** 2 / 18


@dataclass(frozen=True)
class Alone:
    """A G that went on alone against a held D: p_g after so many steps, from one random start."""

    seed: int
    steps: tuple[int, ...]
    p_gs: tuple[Pushforward, ...]

    @property
    def quantiles(self) -> Array:
        """The x below which 5 %, 50 % and 95 % of p_g lie, at every moment: (moments, 3)."""
        z = np.linspace(-(3**0.5), 3**0.5, 2_001)
        return np.array([np.quantile(p_g.G(z), (0.05, 0.5, 0.95)) for p_g in self.p_gs])

    @property
    def width(self) -> Array:
        """The width that holds 90 % of p_g, at every moment."""
        return self.quantiles[:, 2] - self.quantiles[:, 0]

    @property
    def V(self) -> Array:
        """V(D, G) against `held_logit`, nats, at every moment."""
        return np.array([theory.V(held_logit, Gaussian(0, 1), p_g, logit=True) for p_g in self.p_gs])


def alone(seed: int, logit: Callable[[Any], Any] = held_logit, *, steps: int = 2_000, rate: float = 0.05) -> Alone:
    """A G that descends -log D(G(z)) on minibatches of 64, against a D with this logit that never moves.

    It starts as a random net, stretched four times, so that p_g is about as wide as N(0, 1).
    """
    G, rng = TOY.networks(seed, torch.zeros(1))[0], torch.Generator().manual_seed(seed)
    for p in G.layers[-1].linear.parameters():
        p.data *= 4
    moments, p_gs = (*range(0, min(steps, 100), 5), *range(100, steps + 1, 50)), []
    for n in range(steps + 1):
        if n in moments:
            layers = [(d.linear.weight.detach().numpy(), d.linear.bias.detach().numpy()) for d in G.layers]
            p_gs.append(Pushforward(*relu_line(layers)))
        cost = game.generator_cost(logit(G(game.prior("uniform", 64, 1, rng)))[:, 0])
        for p, gradient in zip(G.parameters(), torch.autograd.grad(cost, list(G.parameters()))):
            p.data -= rate * gradient
    return Alone(seed, moments, tuple(p_gs))


def least_value() -> float:
    """The least V that any G reaches against `held_logit`: E log D(x) + log(1 - max D), nats."""
    on_data = theory.expectation(lambda x: -np.logaddexp(0, -held_logit(x)), Gaussian(0, 1))
    return float(on_data - np.logaddexp(0, held_logit(-0.1)))


def table_of_ends(runs: Sequence[Alone]) -> pd.DataFrame:
    """Where each run began and ended, beside the least value that there is."""
    rows = {}
    for run in runs:
        rows[f"seed {run.seed}"] = {
            "width of p_g at first": f"{run.width[0]:.2f}",
            f"after {run.steps[-1]:,} steps": f"{run.width[-1]:.3f}",
            "its middle": f"{run.quantiles[-1, 1]:.2f}",
            "V(D, G), nats": f"{run.V[-1]:.4f}",
            "the least V, nats": f"{least_value():.4f}",
        }
    return pd.DataFrame.from_dict(rows, "index")


def plot_alone(runs: Sequence[Alone]) -> plots.Drawing:
    """p_g of the first run at both ends with the held D; of all runs where p_g lies, and V, over the steps."""
    edges, top, first = np.linspace(-3, 3, 301), 1.8, runs[0]
    x = (edges[1:] + edges[:-1]) / 2
    lines = [Line(x, Gaussian(0, 1).pdf(x), "p_data", "data"), Line(x, expit(held_logit(x)), "D, held", "D")]
    before, after = first.p_gs[0].in_bins(edges), first.p_gs[-1].in_bins(edges)
    lines.append(Line(x, before, "p_g at first", "G", dash=2))
    lines.append(Line(x, np.minimum(after, top), f"p_g after {first.steps[-1]:,} steps", "G", fill=True))
    up = [Mark(float(x[after.argmax()]), top, f"p_g to {after.max():.0f}", "G", up=True)] if after.max() > top else []
    labels = {"y_label": "density; and D", "marks": up, "at": (0, 0, 14, 7)}
    left = Panel("G alone against a D that is held", lines, (-3, 3), (0, top), **labels)
    steps, inside = np.log10(np.maximum(first.steps, 1)), []
    for i, run in enumerate(runs):
        inside += [Line(steps, run.quantiles[:, 0], f"seed {run.seed}", "G", dash=i)]
        inside += [Line(steps, run.quantiles[:, 2], "", "G", dash=i)]
    peak, ends, ticks = [Level(-0.1, "the top of D")], (0, steps[-1]), plots.decades(0, 3)
    where = Panel("Between two lines: 90 % of p_g", inside, ends, (-3, 3), "", "x", peak, x_ticks=(), at=(0, 7, 7, 5))
    values = [Line(steps, run.V, f"seed {run.seed}", "V", dash=i) for i, run in enumerate(runs)]
    low = least_value()
    around, least = (low - 0.05, max(run.V[0] for run in runs)), [Level(low, "the least that any G reaches")]
    axis = {"levels": least, "x_ticks": ticks, "at": (7, 7, 7, 5)}
    value = Panel("V(D, G), nats", values, ends, around, "steps of G alone", **axis)
    return plots.draw([left, where, value])


# -- many modes --------------------------------------------------------------------------------------------------------

SETTINGS = {
    "quick: rates 0.1 and 0.03": (0.1, 0.03),
    "slow: rates 0.03 and 0.01": (0.03, 0.01),
    "slow, and a fifth after 2,500": (0.03, 0.01),
}
"""The rates of D and of G in the three games on the ring."""


def guess_modes() -> Guess:
    """Which comes first on the ring: all modes, or good samples."""
    return Guess(
        "G starts as one blob in the middle of the ring. Which comes first: all modes, or good samples?",
        ["all modes reached, few samples good", "good samples, on few modes", "both at the same time"],
        answer="all modes reached, few samples good",
        because="The blob spreads over the whole ring before it breaks up into modes. While it does, modes get lost.",
    )


def after(plane: LivePlane, steps: int) -> Callable[[], bytes]:
    """What `show` displays where there is no kernel: the game after so many iterations, a PNG of 256 colours."""
    return lambda: plots.in_256_colours(plane.preview(steps))


def iterations() -> int:
    """How long the games on the ring are played, by the profile."""
    return {"smoke": 500, "quick": 5_000, "paper": 20_000}[profile()]


def ring_games() -> Toys:
    """Games on the ring of 8, with each of `SETTINGS` under several seeds, side by side."""
    seeds = {"smoke": 1, "quick": 5, "paper": 8}[profile()]
    lr_D, lr_G = np.repeat(list(SETTINGS.values()), seeds, axis=0).T
    return Toys(RING, ring(), seeds=[*range(seeds)] * 3, lr_D=lr_D, lr_G=lr_G, momentum=0.5)


def let_rates_fall(toys: Toys) -> None:
    """Leave a fifth of both rates in the last third of the games."""
    left = torch.ones(len(toys))
    left[-len(toys) // 3 :] = 0.2
    toys.set(lr_D=(left * toys.lr_D).numpy(), lr_G=(left * toys.lr_G).numpy())


def by_setting(counts: Mapping[int, tuple[Array, Array]]) -> Array:
    """(moments, modes and good samples, settings, seeds)."""
    return np.array(list(counts.values())).reshape(len(counts), 2, len(SETTINGS), -1)


def table_of_modes(counts: Mapping[int, tuple[Array, Array]]) -> pd.DataFrame:
    """Modes reached, and the share of good samples, in the end: by setting and seed."""
    modes, good = by_setting(counts)[-1]  # (settings, seeds) each
    said = [[f"{m:.0f} of 8, {g:.0%} good" for m, g in zip(*row)] for row in zip(modes, good)]
    columns = [f"seed {seed}" for seed in range(modes.shape[1])]
    return pd.DataFrame(said, list(SETTINGS), columns).rename_axis(f"after {list(counts)[-1]:,} iterations")


def plot_modes(counts: Mapping[int, tuple[Array, Array]]) -> plots.Drawing:
    """Modes reached, and the share of good samples, over the iterations: a column a setting, a line a seed."""
    found, step, panels = by_setting(counts), np.array(list(counts)), []
    ends = (0.0, float(step[-1]))
    for i, name in enumerate(SETTINGS):
        for j, (title, style, top, ticks) in enumerate(
            (("modes reached", "D", 8.4, [(n, str(n)) for n in (0, 2, 4, 6, 8)]), ("good samples", "G", 1, None))
        ):
            lines = [Line(step, y, title if not k else "", style) for k, y in enumerate(found[:, j, i].T)]
            fell = [Level(x=2_500, name="rates fall")] if i == 2 and step[-1] > 2_500 else []
            at = {"at": (9 * j, 4 * i, 9 - j, 4), "y_ticks": ticks, "levels": fell}
            below = {"x_label": "iterations" if j else "", "x_ticks": None if j else ()}
            panels.append(Panel("" if j else name, lines, ends, (0, top), **at, **below))
    return plots.draw(panels)


def plot_rings(toys: Toys) -> plots.Drawing:
    """500 samples of seed 0 under each of `SETTINGS`, and as many data."""
    seeds, ends, panels = len(toys) // len(SETTINGS), (-3.2, 3.2), []
    data = Line(*ring().sample(500, np.random.default_rng(0)).T, "data", "data", dots=True)
    for x, name in zip(toys.samples(500)[::seeds], SETTINGS):
        lines = [data, Line(*x.T, "G(z)", "G", dots=True)]
        panels.append(Panel(name, lines, ends, ends, "", square=True, x_ticks=(), y_ticks=()))
    return plots.draw(panels)


def record() -> pd.DataFrame:
    """Longer games on the ring, measured once and kept in results/ring_of_8.json: seeds 0 to 7 in a row."""
    rows = []
    for game_ in json.loads(RECORD.read_text())["ring"]:
        fall = f", a fifth after {game_['fall']:,}" if game_["fall"] else ""
        modes, good = (" ".join(f"{n}" for n in game_[key]) for key in ("modes", "good"))
        rows.append([f"{game_['lr_D']}, {game_['lr_G']}{fall}", f"{game_['iterations']:,}", modes, good])
    columns = ["rates of D and of G", "iterations", "modes reached, by seed", "good samples in %, by seed"]
    return pd.DataFrame(rows, columns=columns).set_index(columns[:2])
