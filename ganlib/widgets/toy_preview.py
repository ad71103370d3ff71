"""Pictures of the live toy for readers without a kernel: the page's layout as a PNG, and a short looping one."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch
from PIL import Image

from ganlib.densities import PRIOR_REACH
from ganlib.game import MINUS_LOG_4
from ganlib.plots import BLUE, GREEN, VERMILION
from ganlib.widgets.preview import DPI, FAINT, INK, TITLE, finish, level, png
from ganlib.widgets.protocol import Snapshot

LOOP_DPI, LOOP_SIZE = 80, (7.2, 4.1)
"""The looping picture: 576 x 328 pixels."""
MILLISECONDS, LAST = 130, 1_600
"""How long a frame of the loop stays, and the last one."""
COLOURS = 20
"""So many does the loop have, so that it stays small."""
Z_REACH = {"uniform": PRIOR_REACH["uniform"], "normal": 2.6}


def toy_picture(engine: Any) -> bytes:
    """Figure 1 and the charts of a `ToyEngine`: the bytes of a PNG file."""
    snapshot = engine.snapshot(True)
    figure = Figure(figsize=(9.6, 4.9), dpi=DPI, facecolor="white", layout="constrained")
    grid = figure.add_gridspec(5, 2, width_ratios=(1.75, 1))
    _figure_1(figure, figure.add_subplot(grid[:4, 0]), figure.add_subplot(grid[4, 0]), snapshot)
    value, distance = figure.add_subplot(grid[:3, 1]), figure.add_subplot(grid[3:, 1])
    moves, V, C, JSD = engine.curves.rows().T.astype(float)
    value.plot(moves, V, color=VERMILION, linewidth=1.2, label="V(D, G)")
    value.plot(moves, C, color=INK, linewidth=1.2, linestyle=(0, (5, 3)), label="C(G)")
    level(value, MINUS_LOG_4, "−log 4")
    low, high = np.quantile(np.concatenate([V, C]), [0.005, 0.995])
    value.set_ylim(min(low, -1.45), max(high, -1.25))
    value.set_title("Value, nats", **TITLE)
    distance.plot(moves, JSD, color=GREEN, linewidth=1.2)
    distance.set_ylim(0, max(0.1, 1.05 * np.quantile(JSD, 0.995)))
    distance.set_title("JSD(p_data ‖ p_g), nats; log 2 at most", **TITLE)
    distance.set_xlabel("moves: updates of D and of G", fontsize=8)
    for axes in (value, distance):
        finish(axes, engine.moves)
    value.legend(fontsize=7.5, frameon=False, loc="best", ncols=2)
    return png(figure)


def panel(engine: Any) -> dict[str, Any]:
    """A `ToyEngine` as it is now, as `plots.figure_1` takes it: x, p_data, p_g, D, D_star (n,), and 17 arrows."""
    snapshot = engine.snapshot(True)
    now = {name: array.astype(float) for name, (_, array) in snapshot.arrays.items()}
    edges = np.linspace(*snapshot.header["window"], len(now["p_data"]) + 1)
    curves = {name: now[name] for name in ("p_data", "p_g", "D", "D_star")}
    return {"x": (edges[1:] + edges[:-1]) / 2, **curves, "arrows": (now["z"][::2], now["x"][::2])}


def toy_loop(engine: Any, frames: int = 36) -> bytes:
    """What a `ToyEngine` has before it (a preset) as a looping animated PNG: an equal number of frames for each act."""
    acts: list[list[Snapshot]] = []
    act, turns = None, 0
    while engine.running:
        if engine.act is not act:
            act, turns = engine.act, 0
            acts.append([engine.snapshot(True)])
        engine.turn()
        turns += 1
        if turns % max(1, act.n // 40) == 0:
            acts[-1].append(engine.snapshot(True))
    share = np.linspace(0, 1, max(frames // len(acts), 2))
    chosen = [act[round(t * (len(act) - 1))] for act in acts for t in share]
    pictures = [_loop_frame(snapshot) for snapshot in chosen]
    palette = pictures[-1].quantize(COLOURS)
    small = [picture.quantize(palette=palette, dither=Image.Dither.NONE) for picture in pictures]
    file = io.BytesIO()
    durations = [MILLISECONDS] * (len(small) - 1) + [LAST]
    small[0].save(file, format="PNG", save_all=True, append_images=small[1:], duration=durations, loop=0, optimize=True)
    return file.getvalue()


def _loop_frame(snapshot: Snapshot) -> Image.Image:
    figure = Figure(figsize=LOOP_SIZE, facecolor="white")
    curves = figure.add_axes((0.07, 0.34, 0.86, 0.53))
    _figure_1(figure, curves, figure.add_axes((0.07, 0.07, 0.86, 0.17)), snapshot)
    return Image.open(io.BytesIO(png(figure, LOOP_DPI))).convert("RGB")


def _figure_1(figure: Figure, curves: Axes, lines: Axes, snapshot: Snapshot) -> None:
    """p_data, p_g, D and D* above; below, the arrows from z up to x = G(z)."""
    header = snapshot.header
    a = {name: array.astype(float) for name, (_, array) in snapshot.arrays.items()}
    low, high = header["window"]
    edges = np.linspace(low, high, len(a["p_data"]) + 1)
    x = (edges[1:] + edges[:-1]) / 2
    top = 1.7 * a["p_data"].max()
    curves.fill_between(x, np.minimum(a["p_g"], top), color=GREEN, alpha=0.13, linewidth=0)
    curves.plot(x, a["p_g"], color=GREEN, linewidth=1.6, label="p_g")
    curves.plot(x, a["p_data"], color="black", linewidth=1.6, linestyle=(0, (1, 1.6)), label="p_data")
    curves.set_ylim(0, top)
    verdict = curves.twinx()
    defined = np.where(a["p_data"] + a["p_g"] > 0, a["D_star"], np.nan)
    verdict.plot(x, defined, color=BLUE, linewidth=1.0, alpha=0.45, label="D*")
    verdict.plot(x, a["D"], color=BLUE, linewidth=1.5, linestyle=(0, (5, 2.5)), label="D")
    verdict.axhline(0.5, color=FAINT, linewidth=0.7, linestyle=(0, (2, 3)))
    verdict.set_ylim(0, 1)
    verdict.set_yticks([0, 0.5, 1], ["0", "1/2", "1"])
    for axes in (curves, verdict):
        axes.set_xlim(low, high)
        axes.tick_params(labelsize=7.5, colors=INK, length=2.5)
        axes.spines[["top"]].set_visible(False)
        axes.spines[["left", "right", "bottom"]].set_color(FAINT)
    verdict.tick_params(axis="y", colors=BLUE)
    handles = [*curves.get_legend_handles_labels()[0], *verdict.get_legend_handles_labels()[0]]
    labels = [*curves.get_legend_handles_labels()[1], *verdict.get_legend_handles_labels()[1]]
    curves.legend(handles, labels, fontsize=7.5, frameon=False, loc="upper right", ncols=4, handlelength=2.4)
    told = f"{header['step']:,} iterations, JSD {header['latest']['JSD']:.3f} nats"
    if header["preset"]:
        told = f"{header['title']}: {told}"
    curves.set_title(told, **TITLE)
    _arrows(lines, a["z"], a["x"], (low, high), Z_REACH[header["settings"]["p_z"]])


def _arrows(axes: Axes, z: np.ndarray, x: np.ndarray, window: tuple[float, float], reach: float) -> None:
    """Two lines, x above and z below, and an arrow from each z to G(z)."""
    low, high = window
    middle, half = (low + high) / 2, 0.46 * (high - low)
    axes.hlines([0, 1], low, high, color=INK, linewidth=0.9)
    for start, end in zip(middle + half * z / reach, np.clip(x, low, high)):
        style = {"arrowstyle": "-|>", "mutation_scale": 5, "color": GREEN, "linewidth": 0.7, "shrinkA": 0, "shrinkB": 0}
        axes.add_patch(FancyArrowPatch((start, 0), (end, 1), **style))
    for y, name in enumerate("zx"):
        axes.annotate(name, (low, y), (-6, 0), textcoords="offset points", ha="right", va="center", style="italic")
    axes.set(xlim=(low, high), ylim=(-0.08, 1.08))
    axes.set_axis_off()
