"""Pictures of the demos for readers without a kernel, in the layout that the live view has."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator
from PIL import Image

from ganlib.game import MINUS_LOG_4
from ganlib.plots import BLUE, GREEN, VERMILION

PICK, INK, FAINT = "#CC79A7", "#222222", "#8A8A8A"
"""Okabe and Ito's colour for what is picked; and two greys."""
DPI = 110


def training_picture(engine: Any) -> bytes:
    """The sample grid and the three charts of a `TrainingEngine`: the bytes of a PNG file."""
    engine.draw()
    rows = engine.curves.rows()
    step, V, cost_D, cost_G, D_real, D_fake = rows.T.astype(float)
    figure = Figure(figsize=(9.6, 4.7), dpi=DPI, facecolor="white", layout="constrained")
    grid = figure.add_gridspec(3, 2, width_ratios=(1, 1.12))
    sheet = figure.add_subplot(grid[:, 0])
    _sheet(sheet, engine.snapshot(False).pictures["samples"][1], *engine.samples)
    sheet.set_title(f"G after {engine.trainer.step:,} steps, always the same z", **_TITLE)
    costs, value, verdicts = (figure.add_subplot(grid[i, 1]) for i in range(3))
    _line(costs, step, cost_D, BLUE, (0, (5, 2)), "cost of D")
    _line(costs, step, cost_G, GREEN, "-", "cost of G")
    costs.set_title("Costs, nats", **_TITLE)
    _line(value, step, V, VERMILION, "-", "V(D, G)")
    _level(value, MINUS_LOG_4, "−log 4")
    value.set_title("V(D, G), nats", **_TITLE)
    _line(verdicts, step, D_real, INK, (0, (1, 1.5)), "D(x), data")
    _line(verdicts, step, D_fake, GREEN, "-", "D(G(z))")
    _level(verdicts, 0.5, "1/2")
    verdicts.set_ylim(0, 1)
    verdicts.set_title("What D says: probability of data", **_TITLE)
    verdicts.set_xlabel("step", fontsize=8)
    for axes in (costs, value, verdicts):
        _finish(axes, engine.trainer.step)
    return _png(figure)


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
    digits.set_title(f"{engine.n} digits drawn by G; the picked ones are numbered", **_TITLE)
    _sheet(walk, snapshot.pictures["strip"][1], 1, strip)
    walk.set_title("G along the straight lines between their z", **_TITLE)
    return _png(figure)


_TITLE: dict[str, Any] = {"loc": "left", "fontsize": 9, "color": INK}


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


def _level(axes: Axes, y: float, label: str) -> None:
    axes.axhline(y, color=FAINT, linewidth=0.9, linestyle=(0, (2, 2)))
    axes.annotate(
        label, (1, y), (3, 0), ("axes fraction", "data"), "offset points", fontsize=7.5, color=FAINT, va="center"
    )


def _finish(axes: Axes, steps: int) -> None:
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


def _png(figure: Figure) -> bytes:
    file = io.BytesIO()
    figure.savefig(file, format="png", metadata={"Software": None})
    return file.getvalue()
