"""Pictures of the demos for readers without a kernel, in the layout that the live view has."""

from __future__ import annotations

import io
import textwrap
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.patheffects import withStroke
from matplotlib.ticker import MaxNLocator
from PIL import Image

from ganlib.game import MINUS_LOG_4
from ganlib.plots import BLUE, GREEN, VERMILION

PICK, INK, FAINT = "#CC79A7", "#222222", "#8A8A8A"
"""Okabe and Ito's colour for what is picked; and two greys."""
DPI = 110
SAVED_DPI = 130
"""Of the file, whatever style is in use: sharp on a good screen, and small enough for a notebook."""
SHEET_COLOURS = 256
"""Of a picture that is mostly G's samples. A grey face of 48 x 48 is 2 kB of noise that no packing makes smaller."""


def training_picture(engine: Any) -> bytes:
    """The sample grid and the three charts of a `TrainingEngine`: the bytes of a PNG file."""
    engine.draw()
    rows = engine.curves.rows()
    step, V, cost_D, cost_G, D_real, D_fake = rows.T.astype(float)
    figure = Figure(figsize=(9.6, 4.7), dpi=DPI, facecolor="white", layout="constrained")
    grid = figure.add_gridspec(3, 2, width_ratios=(1, 1.12))
    sheet = figure.add_subplot(grid[:, 0])
    _sheet(sheet, engine.snapshot(False).pictures["samples"][1], *engine.samples)
    sheet.set_title(f"G after {engine.trainer.step:,} steps, always the same z", **TITLE)
    costs, value, verdicts = (figure.add_subplot(grid[i, 1]) for i in range(3))
    _line(costs, step, cost_D, BLUE, (0, (5, 2)), "cost of D")
    _line(costs, step, cost_G, GREEN, "-", "cost of G")
    costs.set_title("Costs, nats", **TITLE)
    _line(value, step, V, VERMILION, "-", "V(D, G)")
    level(value, MINUS_LOG_4, "−log 4")
    value.set_title("V(D, G), nats", **TITLE)
    _line(verdicts, step, D_real, INK, (0, (1, 1.5)), "D(x), data")
    _line(verdicts, step, D_fake, GREEN, "-", "D(G(z))")
    level(verdicts, 0.5, "1/2")
    verdicts.set_ylim(0, 1)
    verdicts.set_title("What D says: probability of data", **TITLE)
    verdicts.set_xlabel("step", fontsize=8)
    for axes in (costs, value, verdicts):
        finish(axes, engine.trainer.step)
    return png(figure, colours=SHEET_COLOURS)


def interpolation_picture(engine: Any) -> bytes:
    """The digits and the strip of an `InterpolationEngine`: the bytes of a PNG file."""
    snapshot = engine.snapshot(True)
    grid, strip = snapshot.header["grid"], max(snapshot.header["strip"], 1)
    _, height, width = engine.shape
    heights = [9.6 * grid["rows"] / grid["columns"], 9.6 / strip]
    figure = Figure(figsize=(9.6, sum(heights) + 0.7), dpi=DPI, facecolor="white", layout="constrained")
    digits, walk = figure.subplots(2, 1, height_ratios=heights)
    _sheet(digits, snapshot.pictures["grid"][1], grid["rows"], grid["columns"])
    for order, i in enumerate(engine.picks, 1):
        left, top = (i % grid["columns"]) * width - 0.5, (i // grid["columns"]) * height - 0.5
        digits.add_patch(Rectangle((left, top), width, height, fill=False, edgecolor=PICK, linewidth=2.2))
        digits.annotate(str(order), (left + 2, top + 2), color="white", fontsize=7.5, va="top", backgroundcolor=PICK)
    digits.set_title(f"{engine.n} pictures drawn by G; the picked ones are numbered", **TITLE)
    _sheet(walk, snapshot.pictures["strip"][1], 1, strip)
    walk.set_title("G along the straight lines between their z", **TITLE)
    return png(figure, colours=SHEET_COLOURS)


TITLE: dict[str, Any] = {"loc": "left", "fontsize": 9, "color": INK}


def _line(axes: Axes, x: np.ndarray, y: np.ndarray, colour: str, dashes: Any, label: str) -> None:
    """The measured values, faint, and their running mean in full."""
    axes.plot(x, y, color=colour, alpha=0.25, linewidth=0.8)
    axes.plot(x, running_mean(y), color=colour, linestyle=dashes, linewidth=1.6, label=label)


def running_mean(y: np.ndarray, share: float = 0.03) -> np.ndarray:
    """The mean over a window of `share` of the curve around each point: (n,) -> (n,)."""
    half = int(len(y) * share / 2)
    if half == 0:
        return y
    total = np.concatenate([[0.0], np.cumsum(y)])
    at = np.arange(len(y))
    low, high = np.maximum(at - half, 0), np.minimum(at + half + 1, len(y))
    return (total[high] - total[low]) / (high - low)


def level(axes: Axes, y: float, label: str) -> None:
    """A faint horizontal line with its name at its right end."""
    axes.axhline(y, color=FAINT, linewidth=0.9, linestyle=(0, (2, 2)))
    axes.annotate(
        label, (1, y), (3, 0), ("axes fraction", "data"), "offset points", fontsize=7.5, color=FAINT, va="center"
    )


def finish(axes: Axes, steps: int) -> None:
    """Ticks, spines and a legend as all charts over steps have them."""
    axes.set_xlim(0, max(steps, 10))
    axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
    axes.yaxis.set_major_locator(MaxNLocator(4))
    axes.tick_params(labelsize=7.5, colors=INK, length=2.5)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(FAINT)
    if len(axes.lines) > 3:
        axes.legend(fontsize=7.5, frameon=False, loc="best", ncols=2, handlelength=2.6)


def _sheet(axes: Axes, png: bytes, rows: int, columns: int) -> None:
    """A mosaic that has no gaps, with thin ones."""
    picture = np.asarray(Image.open(io.BytesIO(png)))
    axes.imshow(picture, cmap="gray", vmin=0, vmax=255, interpolation="nearest")
    height, width = picture.shape[0] / rows, picture.shape[1] / columns
    axes.hlines(np.arange(1, rows) * height - 0.5, -0.5, picture.shape[1] - 0.5, color="white", linewidth=1)
    axes.vlines(np.arange(1, columns) * width - 0.5, -0.5, picture.shape[0] - 0.5, color="white", linewidth=1)
    axes.set_axis_off()


def png(figure: Figure, dpi: int = SAVED_DPI, colours: int = 0) -> bytes:
    """The figure as the bytes of a PNG file; in at most so many colours (0: in all of them), which halves a sheet."""
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=dpi, metadata={"Software": None})
    if not colours:
        return file.getvalue()
    # by coverage, not by number of pixels: thin lines keep their colours
    few = Image.open(file).convert("RGB").quantize(colours, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
    file = io.BytesIO()
    few.save(file, "PNG", optimize=True)
    return file.getvalue()


_KINDS: dict[str, tuple[str, Any]] = {
    "data": ("black", (0, (1, 1.5))),
    "D": (BLUE, (0, (5, 2))),
    "G": (GREEN, "-"),
    "V": (VERMILION, "-"),
    "other": (PICK, (0, (6, 2, 1.5, 2))),
    "reference": (FAINT, "-"),
}
"""The colour and the dashes of each style of line in a `Sliders` demo."""


def sliders_picture(engine: Any) -> bytes:
    """The panels of a `SlidersEngine` with its values above and its sentence below: the bytes of a PNG file."""
    picture, panels = engine.picture, engine.picture.panels
    columns = min(len(panels), 3 if len(panels) == 3 else 2)
    rows = -(-len(panels) // columns)
    width = 9.6 if columns > 1 else 6.4
    figure = Figure(figsize=(width, 0.9 + 2.9 * rows), dpi=DPI, facecolor="white", layout="constrained")
    grid = figure.subplots(rows, columns, squeeze=False).ravel()
    for axes, panel in zip(grid, panels):
        _panel(axes, panel)
    for axes in grid[len(panels) :]:
        axes.set_axis_off()
    figure.suptitle("      ".join(engine.told()), x=0.01, ha="left", fontsize=9, fontweight="bold", color=INK)
    figure.supxlabel("\n".join(textwrap.wrap(picture.words, int(width * 15))), x=0.01, ha="left", fontsize=8.5)
    return png(figure)


def _panel(axes: Axes, panel: Any) -> None:
    if panel.heat is not None:
        _heat(axes, panel.heat)
    for line in panel.lines:
        colour, dashes = _KINDS[line.style]
        value = "" if line.value is None else f" {line.value}"
        thick = 1.0 if line.style == "reference" else 1.7
        axes.plot(line.x, line.y, color=colour, linestyle=dashes, linewidth=thick, label=(line.name + value) or None)
        if line.fill:
            axes.fill_between(line.x, line.y, color=colour, alpha=0.14, linewidth=0)
    axes.set(xlim=panel.x, ylim=panel.y)
    for level in panel.levels:
        axes.axhline(level.y, color=FAINT, linewidth=0.9, linestyle=(0, (2, 2)))
        at = (0.99, level.y)
        axes.annotate(
            level.name, at, (0, 2), ("axes fraction", "data"), "offset points", fontsize=7.5, color=FAINT, ha="right"
        )
    for mark in panel.marks:
        _mark(axes, mark, panel)
    axes.set_title(panel.title, pad=20 if any(line.name for line in panel.lines) else 6, **TITLE)
    axes.set_xlabel(panel.x_label, fontsize=8)
    axes.set_ylabel(panel.y_label, fontsize=8)
    axes.tick_params(labelsize=7.5, colors=INK, length=2.5)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(FAINT)
    if any(line.name for line in panel.lines):
        corner = {"loc": "lower left", "bbox_to_anchor": (-0.02, 0.985), "borderpad": 0.2}
        axes.legend(fontsize=7.5, frameon=False, ncols=4, handlelength=2.6, columnspacing=1.2, **corner)


def _mark(axes: Axes, mark: Any, panel: Any) -> None:
    """A point with its label, on the side where there is room."""
    colour = _KINDS[mark.style][0]
    if mark.stem:
        axes.vlines(mark.x, panel.y[0], mark.y, color=colour, linewidth=1, linestyle=(0, (2, 2)))
    handle = any(mark.moves)
    axes.plot(mark.x, mark.y, "o", color=colour, markersize=8 if handle else 5.5, markeredgecolor="white", zorder=5)
    left = (mark.x - panel.x[0]) / (panel.x[1] - panel.x[0]) > 0.7
    halo = [withStroke(linewidth=2.5, foreground="white")]
    where = {"xytext": (-8 if left else 8, 0), "textcoords": "offset points", "ha": "right" if left else "left"}
    axes.annotate(
        mark.name, (mark.x, mark.y), **where, va="center", fontsize=8, fontweight="bold", path_effects=halo, zorder=6
    )


def _heat(axes: Axes, heat: Any) -> None:
    x, y = (np.linspace(*ends, n) for ends, n in zip((heat.x, heat.y), heat.z.shape[::-1]))
    mesh = axes.contourf(x, y, heat.z, 40, cmap="viridis")  # bands: a smooth mesh makes a PNG three times as large
    axes.contour(x, y, heat.z, sorted(heat.contours), colors="white", linewidths=0.8, alpha=0.6, linestyles="-")
    bar = axes.figure.colorbar(mesh, ax=axes, pad=0.02)
    bar.ax.tick_params(labelsize=7)
    bar.ax.set_title(heat.name, fontsize=7.5, color=INK)
    bar.outline.set_visible(False)
