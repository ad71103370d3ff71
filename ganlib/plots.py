"""One function per figure: each takes arrays, draws on `ax` (or a new one), and returns the Axes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm, Normalize
from matplotlib.patches import Rectangle
from torch import Tensor

from ganlib.errors import DataError
from ganlib.game import MINUS_LOG_4
from ganlib.images import mosaic

STYLE = Path(__file__).with_name("ganlib.mplstyle")
BLUE, VERMILION, GREEN, ORANGE, GREY = "#0072B2", "#D55E00", "#009E73", "#E69F00", "#777777"
PURPLE = "#CC79A7"
"""Okabe and Ito's colours, and a grey for what is a reference: D is blue and dashed, G green and solid."""


def use_style() -> None:
    """Let every figure of this session look like the project's own."""
    plt.style.use(STYLE)


def sample_grid(pictures: Tensor, shape: tuple[int, int, int], *, columns: int = 10, ax: Axes | None = None) -> Axes:
    """Pictures (n, d) in [0, 1] in rows of `columns`, in the order given."""
    sheet = mosaic(pictures, shape, columns)
    ax = ax or _canvas(sheet)
    ax.imshow(sheet, vmin=0, vmax=255)
    ax.set_axis_off()
    return ax


def figure_2(
    samples: Tensor, neighbours: Tensor, shape: tuple[int, int, int], *, columns: int = 5, ax: Axes | None = None
) -> Axes:
    """Figure 2: fair samples, and in the rightmost column the training example nearest to the sample beside it.

    samples (rows * columns, d) in the order drawn; neighbours (rows, d), one for the last sample of each row, framed.
    """
    rows = len(neighbours)
    if len(samples) != rows * columns:
        raise DataError(f"{len(samples)} samples do not fill {rows} rows of {columns}, one row for each neighbour")
    cells = samples.reshape(rows, columns, -1)
    together = np.concatenate([cells.cpu().numpy(), neighbours.cpu().numpy()[:, None]], axis=1)
    gap = 2
    sheet = mosaic(samples.new_tensor(together.reshape(rows * (columns + 1), -1)), shape, columns + 1, gap=gap)
    ax = ax or _canvas(sheet)
    ax.imshow(sheet, vmin=0, vmax=255)
    height, width = shape[1] + gap, shape[2] + gap
    for row in range(rows):
        corner = (columns * width - 1.5, row * height - 1.5)
        ax.add_patch(Rectangle(corner, shape[2] + 2, shape[1] + 2, fill=False, edgecolor=ORANGE, lw=2.2, clip_on=False))
    ax.set_axis_off()
    return ax


def figure_3(strip: Tensor, shape: tuple[int, int, int], *, ax: Axes | None = None) -> Axes:
    """Figure 3: pictures (n, d) along straight lines between points z, side by side."""
    return sample_grid(strip, shape, columns=len(strip), ax=ax)


def learning_curves(curves: Mapping[str, np.ndarray], *, axes: Sequence[Axes] | None = None) -> Sequence[Axes]:
    """A run in three panels over its epochs: both costs; V against -log 4; mean D(x) and D(G(z)).

    `curves` holds epoch, cost_D, cost_G, V, D_real and D_fake, arrays of one length (columns of a `History`).
    """
    if axes is None:
        _, axes = plt.subplots(1, 3, figsize=(10.5, 2.8), layout="constrained")
    epoch = curves["epoch"]
    costs, value, beliefs = axes
    costs.plot(epoch, curves["cost_D"], color=BLUE, ls="--", label="D's cost, -V/2")
    costs.plot(epoch, curves["cost_G"], color=GREEN, label="G's cost")
    costs.set(title="Costs", ylabel="nats")
    value.plot(epoch, curves["V"], color=VERMILION, label="V(D, G)")
    value.axhline(MINUS_LOG_4, color=GREY, ls=":", label="-log 4: D cannot tell")
    value.set(title="The value of the game", ylabel="nats")
    beliefs.plot(epoch, curves["D_real"], color="black", ls=":", label="D(x), on data")
    beliefs.plot(epoch, curves["D_fake"], color=GREEN, label="D(G(z)), on samples")
    beliefs.axhline(0.5, color=GREY, lw=0.8)
    beliefs.set(title="What D believes", ylabel="mean probability", ylim=(0, 1))
    for ax in axes:
        ax.set_xlabel("epoch")
        ax.legend()
    return axes


def score_curve(
    epochs: np.ndarray, scores: np.ndarray, errors: np.ndarray, *, paper: float | None = None, ax: Axes | None = None
) -> Axes:
    """Parzen log-likelihoods (nats) over training, with two standard errors; `paper` is the published number."""
    if ax is None:
        _, ax = plt.subplots(figsize=(5.5, 3), layout="constrained")
    ax.fill_between(epochs, scores - 2 * errors, scores + 2 * errors, color=BLUE, alpha=0.2, lw=0)
    ax.plot(epochs, scores, color=BLUE, marker=".", label="this run (band: two standard errors)")
    if paper is not None:
        ax.axhline(paper, color=GREY, ls=":", label=f"the paper's Table 1: {paper:g}")
    ax.set(xlabel="epoch", ylabel="nats", title="Parzen log-likelihood, validation images")
    ax.legend(loc="lower right")
    return ax


def sigma_curve(sigmas: Sequence[float], means: np.ndarray, *, label: str = "", ax: Axes | None = None) -> Axes:
    """The validation log-likelihood (nats) against the bandwidth, with the best one marked."""
    if ax is None:
        _, ax = plt.subplots(figsize=(5.5, 3), layout="constrained")
        ax.set(xscale="log", xlabel="sigma", ylabel="nats", title="Choosing sigma on 1,000 validation images")
    best = int(np.argmax(means))
    (line,) = ax.plot(sigmas, means, marker="." if len(sigmas) < 20 else None, label=label)
    ax.plot(sigmas[best], means[best], "o", color=line.get_color(), mfc="none", ms=9)
    return ax


def _canvas(sheet: np.ndarray) -> Axes:
    """Axes that show a sheet about three pixels a pixel, and nothing around it."""
    height, width = sheet.shape[:2]
    size = np.clip(3 * width / 110, 3, 10)
    figure = plt.figure(figsize=(size, size * height / width))
    return figure.add_axes((0, 0, 1, 1))


def figure_1(
    x: np.ndarray,
    p_data: np.ndarray,
    p_g: np.ndarray,
    D: np.ndarray,
    arrows: tuple[np.ndarray, np.ndarray],
    *,
    D_star: np.ndarray | None = None,
    title: str = "",
    ax: Axes | None = None,
) -> Axes:
    """A panel of Figure 1: p_data black and dotted, p_g green and solid, D blue and dashed; below, arrows x = G(z).

    p_data, p_g (densities) and D, D_star (probabilities): (n,) at x (n,). `arrows`: z (a,) and G(z) (a,). The lower
    line is z's, stretched to the picture's width, the upper one x's. Curves of both kinds share the axis, as in the
    paper.
    """
    if ax is None:
        _, ax = plt.subplots(figsize=(4, 3.4), layout="constrained")
    top = 1.08
    if D_star is not None:
        ax.plot(x, D_star, color=BLUE, lw=0.9, alpha=0.45)
    ax.plot(x, p_data, color="black", ls=(0, (1, 1.4)), lw=1.8)
    ax.plot(x, np.where(p_g <= top, p_g, np.nan), color=GREEN, lw=1.8)
    ax.plot(x, D, color=BLUE, ls="--", lw=1.6)
    low, high = float(x[0]), float(x[-1])
    z, Gz = (np.asarray(values, float) for values in arrows)
    at_z = np.interp(z, (z.min(), z.max()), (low + 0.2 * (high - low), high - 0.2 * (high - low)))
    upper, lower = -0.18, -0.62
    for y, name in ((upper, "x"), (lower, "z")):
        ax.plot((low, high), (y, y), color="black", lw=0.9, clip_on=False)
        ax.text(low - 0.02 * (high - low), y, name, ha="right", va="center", style="italic")
    for start, end in zip(at_z, Gz):
        if low <= end <= high:
            ax.annotate("", (end, upper), (start, lower), arrowprops={"arrowstyle": "->", "color": "black", "lw": 0.7})
    ax.set(xlim=(low, high), ylim=(lower - 0.06, top), title=title)
    ax.set_axis_off()
    ax.set_title(title)
    return ax


def panels(n: int, *, width: float = 11.5, height: float = 2.7, **options: Any) -> Sequence[Axes]:
    """n Axes side by side in one figure; `options` are those of `plt.subplots`."""
    _, axes = plt.subplots(1, n, figsize=(width, height), layout="constrained", squeeze=False, **options)
    return list(axes[0])


def densities(
    x: np.ndarray,
    p_data: np.ndarray,
    p_g: np.ndarray | Mapping[str, np.ndarray],
    *,
    D: np.ndarray | None = None,
    D_star: np.ndarray | None = None,
    title: str = "",
    ax: Axes | None = None,
) -> Axes:
    """p_data dotted, p_g green, D dashed blue, D* broad and faint: arrays (n,) at x (n,).

    Up to three p_g may be given by name, to compare them: purple, blue and vermilion, each with dashes of its own.
    """
    if ax is None:
        _, ax = plt.subplots(figsize=(5.2, 3), layout="constrained")
    ax.plot(x, p_data, color="black", ls=(0, (1, 1.4)), lw=1.8, label="p_data")
    if isinstance(p_g, Mapping):
        looks = ((PURPLE, (0, (6, 2, 1, 2)), 4), (BLUE, (0, (5, 2)), 3), (VERMILION, "-", 2))
        for (name, density), (colour, dashes, zorder) in zip(p_g.items(), looks):
            ax.plot(x, density, color=colour, ls=dashes, lw=1.5, zorder=zorder, label=name)
    else:
        ax.plot(x, p_g, color=GREEN, lw=1.5, label="p_g")
    if D_star is not None:
        ax.plot(x, D_star, color=BLUE, lw=4, alpha=0.25, label="D*")
    if D is not None:
        ax.plot(x, D, color=BLUE, ls="--", lw=1.5, label="D")
    ax.set(xlabel="x", xlim=(x[0], x[-1]), title=title)
    return ax


def heatmap(
    values: np.ndarray,
    rows: Sequence[float],
    columns: Sequence[float],
    *,
    log: bool = False,
    limits: tuple[float, float] | None = None,
    marks: Mapping[str, np.ndarray] | None = None,
    title: str = "",
    labels: tuple[str, str] = ("rate of D", "rate of G"),
    ax: Axes | None = None,
) -> Axes:
    """A table in colour: values (rows, columns), the first row at the bottom, each number written in its cell.

    `limits` are the ends of the colours (None: those of the values). `marks`: a sign -> shares (rows, columns) from 0
    to 1; a cell with a share above 0 carries the sign and, below 1, the share. A cell that is nan stays grey.
    """
    values = np.asarray(values, float)
    if values.shape != (len(rows), len(columns)):
        raise DataError(f"values are {values.shape}, for {len(rows)} rows and {len(columns)} columns")
    if ax is None:
        _, ax = plt.subplots(figsize=(1.0 + 0.75 * len(columns), 0.9 + 0.55 * len(rows)), layout="constrained")
    known = values[np.isfinite(values)]
    low, high = limits or ((known.min(), known.max()) if len(known) else (0.0, 1.0))
    norm = (LogNorm if log else Normalize)(low, high if high > low else low + 1, clip=True)
    colours = plt.get_cmap("cividis").with_extremes(bad="#D4D4D4")
    ax.imshow(np.ma.masked_invalid(values), cmap=colours, norm=norm, origin="lower", aspect="auto")
    for (i, j), value in np.ndenumerate(values):
        ink = "white" if np.isfinite(value) and norm(value) < 0.55 else "black"
        signs = [_sign(sign, share[i, j]) for sign, share in (marks or {}).items() if share[i, j] > 0]
        words = "\n".join([f"{value:.3g}" if np.isfinite(value) else "", *signs]).strip()
        ax.text(j, i, words, ha="center", va="center", color=ink, fontsize=8, linespacing=0.95)
    ax.set_xticks(range(len(columns)), [f"{c:g}" for c in columns])
    ax.set_yticks(range(len(rows)), [f"{r:g}" for r in rows])
    ax.set(ylabel=labels[0], xlabel=labels[1], title=title)
    ax.tick_params(length=0)
    ax.grid(False)
    return ax


def _sign(sign: str, share: float) -> str:
    """A mark, with its share of the seeds where it is not all of them."""
    return sign if share >= 1 else f"{sign} {share:.0%}"
