"""The figures of Table 1's audit and of the measures beside it; `plots` holds those of the paper."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter

from ganlib.plots import BLUE, GREEN, GREY, ORANGE, PURPLE, VERMILION

DOTTED = (0, (1, 1.4))
LOOKS = {  # what a name begins with -> how it is drawn
    "real": {"color": "black", "ls": DOTTED, "marker": "o"},
    "samples": {"color": GREEN, "ls": "-", "marker": "s"},
}


def growth(
    curves: Mapping[str, tuple[Sequence[int], Sequence[float]]],
    *,
    levels: Mapping[str, float] | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Scores (nats) against the number of centres, on a logarithmic axis: name -> (numbers, scores).

    A name that begins with "real" is black and dotted, "samples" green. `levels` are scores to compare with.
    """
    if ax is None:
        _, ax = plt.subplots(figsize=(5.8, 3.4), layout="constrained")
    others = iter((PURPLE, VERMILION, BLUE))
    for name, (numbers, scores) in curves.items():
        look = LOOKS.get(name.split()[0]) or {"color": next(others), "ls": "-.", "marker": "^"}
        ax.plot(numbers, scores, **look, ms=4, label=name)
    ax.set_xscale("log")
    numbers = sorted({n for numbers, _ in curves.values() for n in numbers})
    ax.set_xticks(numbers, minor=False)
    ax.xaxis.set_major_formatter(FuncFormatter(lambda n, _: f"{n:,.0f}"))
    ax.tick_params(axis="x", which="minor", bottom=False, labelbottom=False)
    ax.margins(x=0.05)
    for name, level in (levels or {}).items():
        ax.axhline(level, color=GREY, lw=1)
        ax.annotate(
            name, (0, level), (3, 2), xycoords=("axes fraction", "data"), textcoords="offset points", color=GREY
        )
    ax.set(xlabel="centres", ylabel="nats", title="The ruler has not converged")
    ax.legend(loc="lower right")
    return ax


def bars(scores: Mapping[str, float], *, reference: str | None = None, ax: Axes | None = None) -> Axes:
    """Scores (nats) of several kinds of centres, in the order given, each with its number; `reference` is one of them.

    What scores above the reference is vermilion, the reference black, the rest blue; samples are green.
    """
    if ax is None:
        _, ax = plt.subplots(figsize=(6.6, 0.6 + 0.3 * len(scores)), layout="constrained")
    level = scores[reference] if reference else np.inf
    for row, (name, value) in enumerate(scores.items()):
        colour = "black" if name == reference else VERMILION if value > level else BLUE
        colour = GREEN if name.startswith("samples") else colour
        ax.barh(row, value, color=colour, height=0.66, hatch="///" if value > level else None, edgecolor="white")
        side = 3 if value >= 0 else -3
        ha = "left" if value >= 0 else "right"
        ax.annotate(f"{value:.0f}", (value, row), (side, 0), textcoords="offset points", ha=ha, va="center", fontsize=8)
    if reference:
        ax.axvline(level, color="black", ls=DOTTED, lw=1)
    ax.set_yticks(range(len(scores)), list(scores))
    ax.invert_yaxis()
    ax.margins(x=0.08)
    ax.grid(axis="y", visible=False)
    ax.set(xlabel="nats", title="The same ruler, laid against other things")
    return ax


def class_histogram(shares: Mapping[str, np.ndarray], *, ax: Axes | None = None) -> Axes:
    """How often a classifier takes pictures for each class: name -> shares (classes,); the first one is the data's."""
    if ax is None:
        _, ax = plt.subplots(figsize=(4.8, 2.8), layout="constrained")
    colours = ("#444444", GREEN, ORANGE)
    width = 0.8 / len(shares)
    for i, (name, share) in enumerate(shares.items()):
        at = np.arange(len(share)) + (i - (len(shares) - 1) / 2) * width
        ax.bar(at, share, width, color=colours[i % 3], hatch=("", "///", "...")[i % 3], edgecolor="white", label=name)
    ax.set_xticks(range(len(share)))
    ax.grid(axis="x", visible=False)
    ax.set(xlabel="class", ylabel="share", title="What the classifier takes them for")
    ax.legend(ncols=len(shares), loc="upper center", bbox_to_anchor=(0.5, -0.2))
    return ax


def distances(nearest: Mapping[str, np.ndarray], *, title: str = "", ax: Axes | None = None) -> Axes:
    """Distances to the nearest training picture: for each name the share (n,) that lies within so far.

    A name that begins with "real" is black and dotted, "samples" green. Copies rise far to the left of the data.
    """
    if ax is None:
        _, ax = plt.subplots(figsize=(6.6, 3), layout="constrained")
    others = iter(((VERMILION, "--"), (PURPLE, "-."), (BLUE, (0, (4, 1, 1, 1, 1, 1)))))
    for name, distance in nearest.items():
        known = LOOKS.get(name.split()[0])
        colour, ls = (known["color"], known["ls"]) if known else next(others)
        ax.plot(np.sort(distance), np.arange(1, len(distance) + 1) / len(distance), color=colour, ls=ls, label=name)
    ax.set(xlabel="L2 distance to the nearest training picture", ylabel="share within", title=title, ylim=(0, 1.02))
    ax.set_xlim(left=0)
    ax.legend(loc="center left", bbox_to_anchor=(1.0, 0.5))
    return ax
