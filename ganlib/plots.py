"""One function per figure: each takes arrays, draws on `ax` (or a new one), and returns the Axes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle
from torch import Tensor

from ganlib.errors import DataError
from ganlib.game import MINUS_LOG_4
from ganlib.pictures import mosaic

STYLE = Path(__file__).with_name("ganlib.mplstyle")
BLUE, VERMILION, GREEN, ORANGE, GREY = "#0072B2", "#D55E00", "#009E73", "#E69F00", "#777777"
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
