"""What notebook 0 shows: the game as one picture, digits by the trained G, and whether this machine is ready."""

from __future__ import annotations

import os
import time

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import torch
from matplotlib.axes import Axes
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch
from torch import Tensor

from ganlib import MNIST, Dataset, Trainer, plots, pretrained, profile
from ganlib.drawing import INK
from ganlib.hardware import choose
from ganlib.images import mosaic, scale
from ganlib.picture import BLUE, GREEN, VERMILION

WIDE, HIGH = 9.5, 3.9  # inches


def the_game(data: Dataset) -> None:
    """The whole game in one picture: z, G, G(z), x, D and what D says, with the shapes that the digits have."""
    trained = pretrained("mnist")
    figure = plt.figure(figsize=(WIDE, HIGH))
    ax = figure.add_axes((0, 0, 1, 1))
    ax.set(xlim=(0, WIDE), ylim=(0, HIGH))
    ax.set_axis_off()
    _bars(ax, trained.recipe.noise(1, 3)[0, :24], 0.25, 0.75)
    _box(ax, "G", "generator", GREEN, 2.05, 1.0)
    _digits(ax, trained.samples(4, 5), 4.05, 0.92)
    _digits(ax, scale(data.train[[7, 13, 40, 56]]), 4.05, 2.52)
    _box(ax, "D", "discriminator", BLUE, 6.35, 1.8)
    for x, y, words in (
        (0.8, 0.5, "noise  z\n100 numbers"),
        (4.65, 2.42, "fakes  G(z), 784 pixels each"),
        (4.65, 3.86, "data  x, 784 pixels each"),
    ):
        ax.text(x, y, words, ha="center", va="top", color=INK, fontsize=10)
    ax.text(8.82, 2.62, "D(x)\nD wants it near 1", ha="center", va="center", color=INK, fontsize=9.5)
    ax.text(
        8.82, 1.72, "D(G(z))\nD wants it near 0,\nG wants it near 1", ha="center", va="center", color=INK, fontsize=9.5
    )
    for start, end in (
        ((1.42, 1.45), (2.0, 1.45)),
        ((3.4, 1.45), (3.98, 1.45)),
        ((5.32, 1.45), (6.3, 2.0)),
        ((5.32, 3.05), (6.3, 2.5)),
        ((7.7, 2.42), (8.08, 2.56)),
        ((7.7, 2.08), (8.08, 1.9)),
    ):
        _arrow(ax, start, end, INK)
    _arrow(ax, (7.0, 1.72), (2.72, 0.92), VERMILION, "--", "arc3,rad=-0.42")
    ax.text(
        5.6, 0.1, "the gradient, back through D: all that G ever learns from", ha="center", color=VERMILION, fontsize=10
    )


def _box(ax: Axes, letter: str, name: str, colour: str, x: float, y: float) -> None:
    ax.add_patch(
        FancyBboxPatch((x + 0.06, y + 0.06), 1.2, 0.78, "round,pad=0.06,rounding_size=0.12", fc=colour, ec="none")
    )
    ax.text(x + 0.66, y + 0.56, letter, ha="center", va="center", color="white", fontsize=19, fontweight="bold")
    ax.text(x + 0.66, y + 0.2, name, ha="center", va="center", color="white", fontsize=10)


def _arrow(ax: Axes, start: tuple, end: tuple, colour: str, style: str = "-", bend: str = "arc3") -> None:
    look = {"arrowstyle": "-|>", "mutation_scale": 13, "lw": 1.5, "shrinkA": 0, "shrinkB": 0}
    ax.add_patch(FancyArrowPatch(start, end, color=colour, linestyle=style, connectionstyle=bend, **look))


def _bars(ax: Axes, z: Tensor, x: float, y: float) -> None:
    """Some coordinates of z, as bars up and down from a line."""
    at = x + np.linspace(0, 1.1, len(z))
    ax.bar(at, 0.38 * z.numpy(), 0.032, y + 0.7, color=INK)


def _digits(ax: Axes, pictures: Tensor, x: float, y: float) -> None:
    """Four digits, two by two."""
    ax.imshow(mosaic(pictures, (1, 28, 28), 2, 1), extent=(x, x + 1.2, y, y + 1.2), vmin=0, vmax=255, zorder=3)
    ax.set(xlim=(0, WIDE), ylim=(0, HIGH), aspect="equal")


def digits(n: int = 40, seed: int = 0) -> None:
    """Fair draws of the G that comes with the package, and its score."""
    trained = pretrained("mnist")
    plots.sample_grid(trained.samples(n, seed), (1, 28, 28), columns=20)
    score = trained.info["parzen"]
    print(
        f"{n} fair draws after {trained.info['epochs']:,.0f} epochs, last iterate; Parzen score "
        f"{score['log_likelihood']:.1f} "
        f"± {score['standard_error']:.1f} nats (the paper: 225 ± 2)"
    )


def machine(data: Dataset) -> None:
    """What will compute here, in which precision, and on which data."""
    hardware, threads = choose(), torch.get_num_threads()
    at_once = f"{threads} thread{'s' * (threads > 1)} of {os.cpu_count()} cores"
    print(f"{_whose()}torch {torch.__version__} on {hardware.device}, {at_once}")
    print(f"precision of the matrix products: {hardware.precision}; profile: {profile()}")
    print(f"{data.name}: {len(data.train):,} training pictures. {data.note}")


def hours(data: Dataset) -> None:
    """How long the full recipe would take here, from thirty steps of it."""
    trainer, times = Trainer(MNIST, data, seed=0), []
    for _ in trainer.steps(30):
        times.append(time.perf_counter())
    each = pd.Series(times).diff().median()
    epoch = each * 500  # 50,000 pictures in batches of 100
    total = MNIST.epochs * epoch / 3600
    print(
        f"{_whose()}{1000 * each:.0f} ms a step: an epoch in {epoch:.0f} s, {MNIST.epochs} epochs in {total:.1f} hours"
    )


def _whose() -> str:
    """Whose machine is spoken of, where a notebook is made: one who only reads it sees the maker's."""
    made = os.environ.get("GANLIB_MAKING_NOTEBOOKS")
    return "Of the machine on which this notebook was made; run the cell to hear of yours:\n" if made else ""
