"""One function per figure: each takes arrays and returns panels for `draw`, or draws on `ax` and returns the Axes."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import cycle
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import torch
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle
from numpy.typing import ArrayLike
from pandas.io.formats.style import Styler
from torch import Tensor

from ganlib import picture as vocabulary
from ganlib.densities import Array
from ganlib.drawing import (  # noqa: F401 (a notebook takes all from here)
    DPI,
    INK,
    STYLE,
    Drawing,
    draw,
    film,
    in_256_colours,
    pixels,
    png,
)
from ganlib.errors import DataError
from ganlib.game import MINUS_LOG_4
from ganlib.images import mosaic
from ganlib.picture import BLUE, GREEN, PURPLE, VERMILION, Arrows, Level, Line, Mark, Panel, Tick

ORANGE, GREY = "#E69F00", INK


def use_style() -> None:
    """Let every figure of this session look like the project's own, in a notebook the drawings, too."""
    plt.style.use(STYLE)
    ipython = sys.modules.get("IPython")
    if shell := getattr(ipython, "get_ipython", lambda: None)():
        from matplotlib_inline.config import InlineBackend

        # JupyterLab puts a figure on white that has no colour behind it, in a dark theme, too: so it has one, and is
        # shown without
        plt.rcParams["figure.facecolor"] = "white"
        inline = InlineBackend.instance(parent=shell)
        inline.print_figure_kwargs = {**inline.print_figure_kwargs, "facecolor": "none"}
        ipython.core.pylabtools.select_figure_formats(shell, inline.figure_formats, **inline.print_figure_kwargs)
        # else, once pyplot has drawn, IPython's own way with figures comes first, which trims and resizes
        shell.display_formatter.formatters["image/png"].for_type(Drawing, png)


# -- panels of the paper's figures -------------------------------------------------------------------------------------


PUSH, MOST_PUSH = 0.6, 3.0
"""How many units of x an arrow is long for a push of 1 nat a unit of x; the largest push that is drawn to scale."""


def figure_1(
    x: Array,
    p_data: Array,
    p_g: Array,
    *,
    arrows: Sequence[Array],
    reach: float,
    z_ticks: Sequence[Tick],
    push: Array | None = None,
    ghosts: Sequence[Line] = (),
    lit: str = "",
    **more: Any,
) -> list[Panel]:
    """Figure 1: `densities` with D and `more` of its options, and a panel for below it, the arrows x = G(z).

    `arrows`: z (a,) and G(z) (a,). z from -`reach` to `reach` spans 92 % of the width; `z_ticks` are (value, words).
    `push` (a,), what pushes each G(z) along x, is drawn on D's curve. `ghosts` lie behind the curves; the curve of the
    name `lit` is lit.
    """
    (low, high), top = (float(x[0]), float(x[-1])), vocabulary.round_range(0, 1.7 * float(np.max(p_data)), 4)[1]
    marks: list[Mark] = []
    above = np.flatnonzero(p_g > top)
    stretches = np.split(above, np.flatnonzero(np.diff(above) > 1) + 1) if len(above) else []
    for i in sorted((stretch[np.argmax(p_g[stretch])] for stretch in stretches), key=lambda i: -p_g[i]):
        named = [mark.x for mark in marks if mark.name]
        far = len(named) < 3 and all(abs(x[i] - other) > 0.1 * (high - low) for other in named)
        name = f"p_g to {p_g[i]:.{1 if p_g[i] < 10 else 0}f}" if far else ""
        marks.append(Mark(float(x[i]), top, name, "G", up=True))
    upper = replace(densities(x, p_data, p_g, top=top, **more), marks=marks, x_label="", at=(0, 0, 11, 12))
    upper = replace(upper, lines=[*ghosts, *(replace(line, lit=line.name == lit) for line in upper.lines)], reads=True)
    if push is not None:
        at = np.interp(arrows[1], x, more["D"])
        inside = (arrows[1] >= low) & (arrows[1] <= high)
        dots, pushed = pushes(*(part[inside] for part in (arrows[1], at, push)), top)
        upper = replace(upper, lines=[*upper.lines, dots], arrows=[pushed])
    (z, Gz), middle, unit = arrows, (low + high) / 2, 0.46 * (high - low) / reach
    start, end = np.stack([middle + unit * z, 0 * z], 1), np.stack([np.clip(Gz, low, high), 1 + 0 * z], 1)
    inside = (Gz >= low) & (Gz <= high)
    ways = [Arrows(start[which], end[which], style) for which, style in ((inside, "G"), (~inside, "other"))]
    scale, words = [(middle + unit * value, said) for value, said in z_ticks], "Arrows from each z to x = G(z)"
    rest = {"x_ticks": scale, "y_ticks": [(0, "z"), (1, "x")], "words": words, "at": (11, 0, 5, 12)}
    top_line = Line((low, high), (1, 1), style="reference")
    return [upper, Panel("", [top_line], (low, high), (0, 1), "", arrows=ways, **rest)]


def pushes(x: Array, D: Array, push: Array, top: float) -> tuple[Line, Arrows]:
    """The push on samples x (n,), where D says D (n,) on an axis as high as `top`: their points on D, and the arrows.

    The largest is said in the legend. Those above `MOST_PUSH` are cut there, which is said, too.
    """
    start = np.stack([x, top * D], 1)
    end = start + np.stack([PUSH * np.clip(push, -MOST_PUSH, MOST_PUSH), 0 * x], 1)
    most = float(np.abs(push).max(initial=0.0))
    said = (
        f"up to {most:.{3 if most < 0.1 else 2}f}" if most <= MOST_PUSH else f"up to {most:.3g}, cut at {MOST_PUSH:g}"
    )
    return Line(x, D, "", "other", dots=True, right=True), Arrows(start, end, "other", "push on G(z)", said)


def densities(
    x: Array,
    p_data: Array,
    p_g: Array | Mapping[str, Array],
    *,
    D: Array | None = None,
    D_star: Array | None = None,
    top: float | None = None,
    title: str = "",
) -> Panel:
    """p_data dotted and p_g, or up to three p_g by name to compare them; D and D*, read at the right: (n,) at x (n,).

    `top` is the highest density shown; None: a little above all.
    """
    if isinstance(p_g, Mapping):
        looks = zip(("other", "V", "G"), range(3))
        lines = [Line(x, p, name, style, dash=i) for (name, p), (style, i) in zip(p_g.items(), looks)]
    else:
        lines = [Line(x, p_g, "p_g", "G", fill=True)]
        D_star = None if D_star is None else np.where(np.add(p_data, p_g) > 0, D_star, np.nan)
    lines.append(Line(x, p_data, "p_data", "data"))
    top = top or 1.05 * max(float(np.max(line.y)) for line in lines) or 1.0
    chances = [Line(x, y, name, name, right=True) for name, y in (("D*", D_star), ("D", D)) if y is not None]
    right: dict[str, Any] = {"right": (0, 1), "right_label": "D(x)", "right_ticks": [(0, "0"), (0.5, "1/2"), (1, "1")]}
    right = {**right, "levels": [Level(0.5, right=True)]} if chances else {}
    return Panel(title, lines + chances, (float(x[0]), float(x[-1])), (0.0, top), y_label="density", **right)


def decades(low: int, high: int, every: int = 1) -> list[Tick]:
    """The ticks of an axis of log10 from 10^`low` to 10^`high`, as plain numbers: 0.01, 1, 1,000."""
    return [(float(e), f"{10.0**e:,.{max(0, -e)}f}") for e in range(low, high + 1, every)]


def learning_curves(curves: Mapping[str, ArrayLike], *, title: str = "") -> list[Panel]:
    """A run in three panels: both costs and V against -log 4, in nats; what D says of data and of samples.

    `curves` holds cost_D, cost_G, V, D_real and D_fake, arrays of one length, over "step" (drawn faintly, with their
    running means) or over "epoch".
    """
    over = "step" if "step" in curves else "epoch"
    x = np.asarray(curves[over], float)
    look = {"smooth": over == "step", "dots": over == "epoch" and len(x) < 2}  # one point alone is a dot
    names = {"cost_D": ("cost of D", "D"), "cost_G": ("cost of G", "G"), "V": ("V(D, G)", "V")}
    names |= {"D_real": ("D(x)", "data"), "D_fake": ("D(G(z))", "G")}
    cost_D, cost_G, V, D_real, D_fake = (Line(x, curves[key], *name, **look) for key, name in names.items())
    costs = vocabulary.quantile_range([cost_D.y, cost_G.y], (0, 1))
    value = vocabulary.quantile_range([V.y], (-1.5, 0))
    charts = [
        Panel(f"{title}: costs, nats" if title else "Costs, nats", [cost_D, cost_G], y=costs),
        Panel("Value, nats", [V], y=value, levels=[Level(MINUS_LOG_4, "-log 4 = -1.386")]),
        Panel("D says", [D_real, D_fake], y=(0, 1), levels=[Level(0.5, "1/2")]),
    ]
    end = (0.0, max([20.0, *x[-1:]])) if over == "step" else None
    return [replace(chart, x=end, x_label=over, at=(0, 4 * i, 9, 4)) for i, chart in enumerate(charts)]


# -- figures on axes --------------------------------------------------------------------------------------------------


def rows(pictures: Mapping[str, Tensor], shape: tuple[int, int, int], *, zoom: int = 2) -> Drawing:
    """Pictures (n, d) in [0, 1] of each name in a row of their own, below the name; each pixel is `zoom` wide."""
    sheets = [mosaic(_levels(x), shape, len(x)) for x in pictures.values()]
    sizes = [(zoom * sheet.shape[1], zoom * sheet.shape[0]) for sheet in sheets]
    band, width, height = 28, max(w for w, _ in sizes), sum(h for _, h in sizes)  # pixels: of a name; of all
    figure = Drawing(figsize=(width / DPI, (height + band * len(sheets)) / DPI), facecolor="none")
    total = top = height + band * len(sheets)
    for name, sheet, (w, h) in zip(pictures, sheets, sizes):
        figure.text(0, 1 - (total - top + 0.6 * band) / total, name, fontsize=9, color=INK, va="center")
        top -= band + h
        ax = figure.add_axes((0, top / total, w / width, h / total))
        ax.imshow(sheet, vmin=0, vmax=255, cmap="gray", interpolation="nearest", aspect="auto")
        ax.set_axis_off()
    return figure


def sample_grid(
    pictures: Tensor,
    shape: tuple[int, int, int],
    *,
    columns: int = 10,
    gap: int = 1,
    zoom: int = 3,
    ax: Axes | None = None,
) -> Axes:
    """Pictures (n, d) in [0, 1] in rows of `columns`, in the order given; each pixel about `zoom` wide."""
    sheet = mosaic(pictures, shape, columns, gap)
    if ax is None:  # nothing around them
        width = np.clip(zoom * sheet.shape[1] / 110, 3, 10)
        figure = plt.figure(figsize=(width, width * sheet.shape[0] / sheet.shape[1]))
        ax = figure.add_axes((0, 0, 1, 1))
    ax.imshow(sheet, vmin=0, vmax=255)
    ax.set_axis_off()
    return ax


def figure_2(
    samples: Tensor,
    neighbours: Tensor,
    shape: tuple[int, int, int],
    *,
    columns: int = 5,
    zoom: int = 3,
    ax: Axes | None = None,
) -> Axes:
    """Figure 2: fair samples, and in the rightmost column the training example nearest to the sample beside it.

    samples (rows * columns, d) in the order drawn; neighbours (rows, d), one for the last sample of each row, framed.
    """
    rows, gap = len(neighbours), 2
    if len(samples) != rows * columns:
        raise DataError(f"{len(samples)} samples do not fill {rows} rows of {columns}, one row for each neighbour")
    together = torch.cat([samples.reshape(rows, columns, -1), neighbours[:, None].to(samples)], 1).flatten(0, 1)
    ax = sample_grid(together, shape, columns=columns + 1, gap=gap, zoom=zoom, ax=ax)
    for row in range(rows):
        corner = (columns * (shape[2] + gap) - 1.5, row * (shape[1] + gap) - 1.5)
        ax.add_patch(Rectangle(corner, shape[2] + 2, shape[1] + 2, fill=False, edgecolor=ORANGE, lw=2.2, clip_on=False))
    return ax


def figure_3(strip: Tensor, shape: tuple[int, int, int]) -> Axes:
    """Figure 3: pictures (n, d) along straight lines between points z, side by side."""
    return sample_grid(strip, shape, columns=len(strip))


def strip(epochs: Sequence[int], last: Tensor, average: Tensor, shape: tuple[int, int, int]) -> Axes:
    """Samples of the same z over the epochs, uint8 (k, n, d) of the last iterate and of the average: a row an epoch."""
    k, n, _ = last.shape
    sheet = mosaic(_levels(torch.cat([last, average], 1).flatten(0, 1) / 255), shape, 2 * n)
    (height, width), left, top = sheet.shape[:2], 60, 24  # pixels: of the sheet; for the words
    zoom = max(1, min(3, 1_000 // width))  # each pixel of a picture as wide as any other
    size = left + zoom * width, top + zoom * height
    figure = plt.figure(figsize=np.divide(size, DPI), dpi=DPI)
    ax = figure.add_axes((left / size[0], 0, 1 - left / size[0], 1 - top / size[1]))
    ax.imshow(sheet, vmin=0, vmax=255, cmap="gray", interpolation="nearest", aspect="auto")
    ax.axvline(width / 2 - 0.5, color="white", lw=3)
    ax.set_yticks([(i + 0.5) * height / k for i in range(k)], [f"{epoch:,}" for epoch in epochs])
    ax.set_xticks([width / 4, 3 * width / 4], ["last iterate", "average of G"])
    ax.set_ylabel("epoch")
    ax.xaxis.tick_top()
    ax.tick_params(length=0, labelsize=9)
    ax.spines[:].set_visible(False)
    ax.grid(visible=False)
    return ax


def run_curves(runs: Mapping[str, Mapping[str, Any]], *, split: str = "validation", ax: Axes | None = None) -> Axes:
    """Parzen log-likelihoods (nats) of long runs by epoch: of each the last iterate, thin, and G's average, thick.

    `runs`: name -> {split: rows} as in results/mnist_runs.json, where a row has "epoch", "iterate", "paper" and, of the
    test split, "error", drawn as a bar of two standard errors. Of several averages the longest is drawn.
    """
    ax = ax or panels(1, width=5.5, height=3.2)[0]
    for (name, run), colour in zip(runs.items(), cycle((BLUE, VERMILION, GREEN, PURPLE, ORANGE))):
        rows = run.get(split, [])
        averages = {row["iterate"] for row in rows if row["iterate"].startswith("average")}
        longest = max(averages, key=lambda words: int(words.split()[1]), default="")
        for iterate, width in (("last iterate", 0.9), (longest, 2.2)):
            chosen = sorted((row for row in rows if row["iterate"] == iterate), key=lambda row: row["epoch"])
            if not chosen:
                continue
            x, y = ([row[key] for row in chosen] for key in ("epoch", "paper"))
            word = "average" if iterate == longest else iterate
            look = {"color": colour, "lw": width, "label": f"{name}, {word}"}
            if split == "test":
                bars = [2 * row.get("error", 0) for row in chosen]
                ax.errorbar(x, y, bars, marker="o", ms=2 + width, elinewidth=0.8, **look)
            else:
                ax.plot(x, y, **look)
    ax.set(xlabel="epoch", ylabel="nats")
    return ax


def _levels(x: Tensor) -> Tensor:
    """Pictures in [0, 1] with 64 levels of each colour, which no eye sees, and which makes a file a fifth smaller."""
    return (63 * x.clamp(0, 1)).round() / 63


def panels(n: int, *, width: float = 11.5, height: float = 2.7, **options: Any) -> Sequence[Axes]:
    """n Axes side by side in one figure; `options` are those of `plt.subplots`."""
    _, axes = plt.subplots(1, n, figsize=(width, height), layout="constrained", squeeze=False, **options)
    return list(axes[0])


# -- tables -----------------------------------------------------------------------------------------------------------

WORDS = {
    **{"data": "data set", "p_z": "prior on z", "batch": "minibatch", "epochs": "epochs", "built_on": "built on"},
    **{"lr_D": "learning rate of D", "lr_G": "learning rate of G", "pixels": "scale of the pixels"},
    **{"max_norm": "longest weight vector allowed", "": "layers", "units": "units in each layer"},
    **{"activation": "activations", "irange": "weights start within ±", "bias": "biases start at"},
    **{"sparse": "weights a unit that start at N(0, 1), the rest at 0", "pieces": "linear pieces of a unit"},
    **{"keep": "share of the input kept by dropout", "of": "shapes that are read", "maps": "maps"},
}
"""Fields of recipes and of their layers, in words."""


def table(
    rows: pd.DataFrame | Sequence[Mapping[str, Any]], *, digits: int = 2, formats: Mapping[str, str] | None = None
) -> Styler:
    """Rows as a table of a notebook: words at the left of their cells, numbers with so many digits, nothing for nan.

    `formats` says otherwise for some columns, such as {"gain": "{:+.1f}"}.
    """
    frame = pd.DataFrame(rows)
    look = {"text-align": "left", "white-space": "normal"}
    words = frame.select_dtypes(exclude="number").columns
    styled = frame.style.hide(axis="index").format(precision=digits, na_rep="", thousands=",")
    styled = styled.format(dict(formats), na_rep="", subset=list(formats)) if formats else styled
    heads = [{"selector": "th", "props": [("text-align", "left")]}]
    return styled.set_properties(subset=list(words), **look).set_table_styles(heads)


def changes(differences: Sequence[tuple[str, str, str, str]], there: str, here: str) -> Styler:
    """What differs between two recipes (`Recipe.differences`), in words, below the names of both."""
    told = []
    for name, part, old, new in differences:
        what = f"{name}: {WORDS.get(part, part)}" if name in ("G", "D") else WORDS.get(name, name)
        nothing = {"max_norm": {"0.0": "no limit"}, "built_on": {"": "nothing"}}.get(name, {})
        told.append({"what": what, there: nothing.get(old, old), here: nothing.get(new, new)})
    return table(told)


def side_by_side(player: str, there: Sequence[Any], here: Sequence[Any]) -> list[tuple[str, str, str, str]]:
    """The layers of two stacks, the last beside the last, in rows that `changes` takes."""
    n = max(len(there), len(here))
    stacks = [[""] * (n - len(stack)) + [str(layer) for layer in stack] for stack in (there, here)]
    return [(player, f"layer {i}", *both) for i, both in enumerate(zip(*stacks, strict=True), 1)]
