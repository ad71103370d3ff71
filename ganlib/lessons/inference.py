"""Notebook 16, learned inference: the posterior in one dimension, inference nets on digits, and what was measured."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from pandas.io.formats.style import Styler
from torch import Tensor

from ganlib import plots, scale, theory
from ganlib.controls import Choice, Curve
from ganlib.datasets import Dataset
from ganlib.densities import Array, Pushforward
from ganlib.drawing import Drawing
from ganlib.nets import Generator
from ganlib.picture import Level, Line, Mark, Panel, Picture
from ganlib.recipes import Recipe, profile
from ganlib.studies import inference
from ganlib.studies.inference import NETS, REACH, SHAPES, Inference
from ganlib.widgets import Guess, RealWalk, Slider, Sliders

RESULTS = Path(__file__).resolve().parent.parent / "results" / "inference.json"
DRAWN = "drawn by you"
NODES = 41  # heights of a G that is drawn
TOP = 1.5  # |x| of the G in one dimension, at the most
STEPS = {"smoke": 20, "quick": 3_000, "paper": 10_000}
COLOURS = {"beside": plots.BLUE, "after": plots.GREEN, "joint": plots.VERMILION}


# -- guesses -----------------------------------------------------------------------------------------------------------


def guess_between() -> Guess:
    """What regression answers where two z draw the same x."""
    between = "a z half-way between the two, which draws another x"
    return Guess(
        "Two z draw the same x, and both are equally likely. E learns by the squared distance to the z that was drawn. "
        "What does it answer for this x?",
        ["one of the two z, always the same", "now one of the two, now the other", between],
        answer=between,
        because="The mean is what has the smallest squared distance on average. A net without noise of its own has one "
        "answer for each x.",
    )


def guess_joint() -> Guess:
    """What the joint game's E answers."""
    one = "it chooses one of the two"
    return Guess(
        "Now E plays against a D that sees pairs, (x, E(x)) and (G(z), z). G stands still. What does E answer where "
        "two z draw the same x?",
        ["the mean again", one, "anything: G gives it no gradient"],
        answer=one,
        because="A pair that lies between the two is never drawn by G, so that D rejects it. A pair on one of them is.",
    )


def guess_z() -> Guess:
    """How well z can be told from a digit."""
    return Guess(
        "A constant guess has a mean squared error of 1 in each coordinate of z. What does a good E get on "
        "samples of its own G?",
        ["below 0.1", "about 0.5", "above 0.9"],
        answer="above 0.9",
        because="The picture tells only a few of the hundred coordinates, and hardly depends on the rest.",
    )


# -- one dimension -----------------------------------------------------------------------------------------------------


def line(shape: str, drawn: Sequence[float | None]) -> Pushforward:
    """The G of a name of `SHAPES`, or the one that a person has drawn; a gap in it becomes a straight line."""
    if shape != DRAWN:
        return inference.folded(shape)
    at = np.linspace(-REACH, REACH, len(drawn))
    heights = np.array([np.nan if height is None else height for height in drawn], float)
    there = np.isfinite(heights)
    if there.sum() < 2:
        return inference.folded("straight")
    return Pushforward(at, np.clip(np.interp(at, at[there], heights[there]), -TOP, TOP))


def backwards() -> Sliders:
    """The demo of the posterior: a G to choose or to draw, and an x to move."""
    at = np.linspace(-REACH, REACH, NODES)
    start = (1.1 * np.sin(1.6 * at) + 0.25 * at).round(2).tolist()
    choices = {**SHAPES, DRAWN: DRAWN}
    return Sliders(
        _backwards,
        title="From x back to z",
        shape=Choice(choices, start="once", name="G is"),
        x=Slider(-TOP, TOP, -0.2, 0.01, "x, what was seen", play=8.0),
        drawn=Curve(start, free=True),
    )


def _backwards(shape: str, x: float, drawn: Sequence[float | None]) -> Picture:
    """G with both answers of E, the posterior at x, and what G makes of the mean."""
    G = line(shape, drawn)
    z, p = inference.posterior(G, x)
    over = _inside(G)
    mean, likely = inference.posterior_mean(G, over), inference.heaviest(G, over)
    answer = float(p @ z) if len(z) else None
    marks = [Mark(float(one), x, "", "G") for one in z]
    bars = [Mark(float(one), float(share), f"{share:.0%}", "G", stem=True) for one, share in zip(z, p)]
    mine, back = [], []
    if answer is not None:
        again = float(G.G(answer))
        mine = [Mark(answer, x, "E(x)", "V", moves=(None, "x"))]
        back = [Mark(x, again, "", "V")]
        words = f"{len(z)} z draw x = {x:.2f}. Their mean is {answer:.2f}" if len(z) > 1 else f"One z draws x = {x:.2f}"
        words += f", and G draws {again:.2f} from it." if len(z) > 1 else f": it is {answer:.2f}, and E gives it."
    else:
        words = f"No z draws x = {x:.2f}."
    axis = {"x": (-REACH, REACH), "x_label": "z"}
    draws = {"draws": "drawn"} if shape == DRAWN else {}
    panels = [
        Panel(
            "G, and the z that E gives for each x" + (": draw here" if draws else ""),
            [
                Line(G.z, G.x, "x = G(z)", "G"),
                _answers(mean, over, "E by regression: the mean", "V"),
                _answers(likely, over, "the likeliest z", "D"),
            ],
            y=(-1.7, 1.7),
            y_label="x",
            levels=[Level(x, "x")],
            marks=[*marks, *mine],
            at=(0, 0, 14, 7),
            **axis,
            **draws,
        ),
        Panel("p(z | x), exact", marks=bars, y=(0, 1.15), y_label="", at=(0, 7, 7, 5), **axis, levels=_upright(answer)),
        Panel(
            "G(E(x)), E by regression",
            [Line((-TOP, TOP), (-TOP, TOP), "x itself", "reference"), Line(over, G.G(mean), "G(E(x))", "V")],
            x=(-TOP, TOP),
            y=(-TOP, TOP),
            marks=back,
            at=(7, 7, 7, 5),
        ),
    ]
    V = [inference.joint_V(G, lambda at, f=f: f(G, at)) for f in (inference.posterior_mean, inference.heaviest)]
    told = [
        (f"{V[0]:.3f}".replace("-", "−"), "V of pairs, E the mean"),
        (f"{V[1]:.3f}".replace("-", "−"), "V of pairs, E the likeliest z"),
    ]
    return Picture(panels, words, told)


def _answers(z: Array, x: Array, name: str, style: str) -> Line:
    """E's answers z (n,) at x (n,) ascending, as a line over z; a gap where they jump, or where there is none."""
    jumps = np.abs(np.diff(z, prepend=z[0])) > 0.1
    return Line(z, np.where(np.isfinite(z) & ~jumps, x, np.nan), name, style)


def _upright(at: float | None) -> list[Level]:
    return [] if at is None else [Level(x=at, name="mean")]


def _inside(G: Pushforward, n: int = 401) -> Array:
    """The x that G draws, evenly spaced."""
    low, high = float(G.x.min()), float(G.x.max())
    edge = 1e-6 * max(high - low, 1e-3)
    return np.linspace(low + edge, max(high - edge, low + 2 * edge), n)


def steps() -> int:
    """How many steps a small joint game takes in this profile; regression takes half as many."""
    return STEPS[profile()]


@cache
def small(shape: str) -> dict[str, tuple[Generator | Pushforward, Generator]]:
    """G and E in one dimension after three ways to learn: regression; the joint game, G still or learning."""
    G = inference.folded(shape)
    found: dict[str, Any] = {"regression": (G, inference.regress(G, steps() // 2))}
    for name, still in (("joint game, G stands still", True), ("joint game, G learns", False)):
        *_, last = inference.joint(G, steps=steps(), fixed_G=still)
        found[name] = (G if still else last.G, last.E)
    return found


def plot_small(shapes: Sequence[str] = ("once", "twice")) -> Drawing:
    """Those three, a row a G: G, E as learned, and the exact mean and the likeliest z."""
    panels = []
    for row, shape in enumerate(shapes):
        exact = inference.folded(shape)
        x = _inside(exact)
        for column, (name, (G, E)) in enumerate(small(shape).items()):
            z = np.linspace(-REACH, REACH, 401)
            own = exact.G(z) if G is exact or isinstance(G, Pushforward) else inference.on_line(G, z)
            lines = [Line(z, own, "G", "G"), Line(inference.on_line(E, x), x, "E", "V")]
            if column == 0:
                lines.append(_answers(inference.posterior_mean(exact, x), x, "exact mean", "C"))
            if column == 1:
                lines.append(_answers(inference.heaviest(exact, x), x, "likeliest z", "D"))
            at = (11 * row, 4 * column, 11, 4)
            panels.append(
                Panel(f"{SHAPES[shape]}: {name}", lines, (-2, 2), (-1.8, 1.8), "z", "x" * (column == 0), at=at)
            )
    return plots.draw(panels)


def small_errors(shapes: Sequence[str] = ("once", "twice")) -> Styler:
    """How far each is off in z and in x, on draws of the line; and the exact posterior mean."""
    rows = []
    for shape in shapes:
        data = inference.folded(shape)
        x, w = theory.quadrature(data)
        p = w * data.pdf(x)
        mean = inference.posterior_mean(data, x)
        rows.append(
            (SHAPES[shape], "exact posterior mean", 2 * inference.least_cost(data), p @ (data.G(mean) - x) ** 2)
        )
        for name, (G, E) in small(shape).items():
            z = np.linspace(-REACH, REACH, 2_001)
            draw = G.G if isinstance(G, Pushforward) else (lambda at, net=G: inference.on_line(net, at))
            off = np.mean((inference.on_line(E, draw(z)) - z) ** 2)
            rows.append((SHAPES[shape], name, off, p @ (draw(inference.on_line(E, x)) - x) ** 2))
    columns = ["data: a G that is", "E", "mean |z − E(G(z))|²", "mean |x − G(E(x))|²"]
    return plots.table(pd.DataFrame(rows, columns=columns), digits=3)


# -- digits ------------------------------------------------------------------------------------------------------------


def recorded() -> dict[str, Any]:
    """What `tools/measure_inference.py` measured."""
    return json.loads(RESULTS.read_text(encoding="utf-8"))


def about() -> Styler:
    """How each net was trained; those that are shipped can be played with."""
    _, told = inference.pictures()
    rows = []
    for name in filter(told.__contains__, NETS):
        net, recipe = told[name], Recipe.from_dict(told[name]["recipe"])
        hidden = ", ".join(f"{layer.units} {layer.activation}" for layer in recipe.E[:-1])
        how = {"E learned": NETS[name], "E's hidden layers": hidden, "E's rate": f"{recipe.lr_E:g}"}
        rows.append(how | {"epochs of the run": f"{net['epochs']:,.0f}", "seed": net["seed"], "data": net["data"]})
    return plots.table(rows)


def digits(data: Dataset, n: int = 16) -> Tensor:
    """The first n test digits: nobody has picked them."""
    return scale(data.test[:n])


def plot_digits(shape: tuple[int, int, int]) -> Drawing:
    """The first test digits, and below them what each G makes of its E's answer."""
    kept, told = inference.pictures()
    again = {f"G(E(x)), E learned {NETS[name]}": kept[f"{name}.digits"] for name in NETS if name in told}
    return plots.rows({"x, the first test digits of MNIST": kept["digits"], **again}, shape)


def plot_samples(shape: tuple[int, int, int]) -> Drawing:
    """Fair samples of each G, and below them what it makes of its E's answer."""
    (kept, told), found = inference.pictures(), {}
    for name in filter(told.__contains__, NETS):
        found |= {
            f"samples x, E learned {NETS[name]}": kept[f"{name}.samples"],
            f"G(E(x)), {name}": kept[f"{name}.again"],
        }
    return plots.rows(found, shape)


def plot_spectra() -> Axes:
    """How far a step in z moves the picture, by direction: the median over samples of each singular value of dG/dz."""
    [ax] = plots.panels(1, width=6, height=3)
    for name, row in recorded()["nets"].items():
        values = np.array(row["singular_values"])
        ax.plot(np.arange(1, len(values) + 1), np.maximum(values, 1e-5), color=COLOURS[name], label=NETS[name])
    ax.set(
        yscale="log", ylim=(1e-4, 100), xlabel="direction in z, the most visible first", ylabel="change of the picture"
    )
    ax.set_title("How far a step of 1 in z moves G(z)\n(L2 distance over the pixels, each from 0 to 1)")
    ax.legend(title="E learned")
    return ax


def visible(least: float = 0.1) -> Styler:
    """In how many directions a step of 1 in z moves the picture by at least so much."""
    rows = [
        {
            "E learned": NETS[name],
            "directions that move the picture": int(sum(v >= least for v in row["singular_values"])),
        }
        | {"of": len(row["singular_values"])}
        for name, row in recorded()["nets"].items()
    ]
    return plots.table(rows, digits=0)


def errors() -> Styler:
    """The errors in both spaces, and what they may be held against."""
    record = recorded()
    rows: list[dict[str, Any]] = []
    for name, row in record["nets"].items():
        off = row["errors"]
        rows.append(
            {
                "E learned": NETS[name],
                "z: mean |z − E(G(z))|² / 100": off["z"],
                "E(x), x a digit: mean square": off["size"],
                "samples: |x − G(E(x))|²": off["samples"],
                "digits: |x − G(E(x))|²": off["digits"],
                "digits: |x − nearest of 10,000 samples|²": row["closest_sample"],
            }
        )
    guess = {"E learned": "not at all: a constant guess", "z: mean |z − E(G(z))|² / 100": 1.0}
    guess |= {"digits: |x − G(E(x))|²": record["reference"]["mean_digit"]}
    return plots.table([*rows, guess])


def floors() -> Styler:
    """E beside the best z that gradient descent finds, on a few pictures."""
    rows = []
    for name, row in recorded()["nets"].items():
        for kind, found in row["floors"].items():
            rows.append(
                {"E learned": NETS[name], "x": f"{found['n']} {kind}"}
                | {"|x − G(E(x))|²": found["E"], "|x − G(z)|², the best z found": found["best"]}
            )
    return plots.table(rows, digits=1)


def neighbours() -> Styler:
    """The errors of one nearest neighbour in 10,000 test digits, in per cent, by the features of each layer."""
    record = recorded()
    rows = [{"features": "raw pixels", "E learned": "", "% wrong": 100 * record["reference"]["pixels_wrong"]}]
    for name, row in record["nets"].items():
        for layer in row["wrong"]["trained"]:
            rows.append(
                {"features": layer, "E learned": NETS[name], "% wrong": 100 * row["wrong"]["trained"][layer]}
                | {"% wrong, E untrained": 100 * row["wrong"]["untrained"][layer]}
            )
    return plots.table(rows)


def joint_games() -> Styler:
    """What became of the joint games on digits: each with another E or another rate of it."""
    rows = [
        {
            "E's hidden layers": game["E"],
            "weights start within ±": game["irange"],
            "E's rate": f"{game['lr_E']:g}",
            "epochs": f"{game['epochs']:.0f}",
            "spread of E(x) over digits": game["spread"],
            "z: mean |z − E(G(z))|² / 100": game["z"],
            "digits: |x − G(E(x))|²": game["digits"],
            "D(x, E(x))": game["D_real"],
            "D(G(z), z)": game["D_fake"],
        }
        for game in recorded().get("joint_games", [])
    ]
    return plots.table(rows)


def walk(nets: Mapping[str, Inference], data: Dataset) -> RealWalk:
    """The walk between two real digits."""
    return RealWalk(nets, data, seed=0)
