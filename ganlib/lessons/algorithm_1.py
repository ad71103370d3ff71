"""What notebook 4 shows: guesses, five broken loops and their mended twins, two updates, and what k buys."""

from __future__ import annotations

import base64
import html
import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from IPython.display import HTML
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import ArrayLike
from torch import nn

from ganlib import plots, profile
from ganlib.densities import Gaussian
from ganlib.drawing import INK
from ganlib.picture import BLUE, GREEN, VERMILION
from ganlib.recipes import TOY
from ganlib.studies import bugs
from ganlib.studies.bugs import BUGS, Played
from ganlib.studies.toys import Toys
from ganlib.widgets import Guess

TOP = 2.5  # nats, where the charts of costs end
REACH = (-3.6, 3.6)  # the numbers that the histograms show
COLOURS = {"-": VERMILION, "+": GREEN, " ": "inherit"}  # of a line that is broken, one that mends it, one between


def difference(net: nn.Module, other: nn.Module) -> float:
    """The largest difference between a parameter of one net and the same one of another."""
    return max((p - q).abs().max().item() for p, q in zip(net.parameters(), other.parameters(), strict=True))


def apart(values: ArrayLike, others: ArrayLike) -> float:
    """The largest difference between two rows of numbers."""
    return float(np.abs(np.subtract(values, others)).max())


# -- spot the bug ------------------------------------------------------------------------------------------------------


@cache
def played() -> dict[str, Played]:
    """The right loop and the five broken ones, by their letters, from the same seed."""
    iterations = {"smoke": 300}.get(profile(), 2_000)
    sources = {"right": bugs.LOOP} | {letter: bug.source for letter, bug in BUGS.items()}
    return {name: bugs.play(source, iterations=iterations) for name, source in sources.items()}


def suspects() -> None:
    """The right loop and the five broken ones, a row each: the costs, what D says, and samples."""
    runs = played()
    rows(runs | {"the right loop": runs["right"]}, ["the right loop", *BUGS])


def guess_bug(letter: str) -> Guess:
    """Which mistake does a loop make?"""
    names = [bug.name for bug in sorted(BUGS.values(), key=lambda bug: bug.name)]
    right = BUGS[letter].name
    return Guess(f"What is wrong in loop {letter}?", names, answer=right, because="The folded answers below say why.")


def reveal(letter: str) -> HTML:
    """A loop's mistake, folded: the lines, the curves of the broken and of the mended loop, and why."""
    bug, runs = BUGS[letter], played()
    figure = rows({f"loop {letter}": runs[letter], "mended": runs["right"]})
    figure.savefig(file := io.BytesIO(), format="png", dpi=110)
    picture = base64.b64encode(file.getvalue()).decode("ascii")
    plt.close(figure)
    lines = "\n".join(
        f'<span style="color: {COLOURS[line[0]]}">{html.escape(line)}</span>' for line in bug.difference.splitlines()
    )
    told = f"Loop {letter}, broken and mended: costs, what D says, and samples."
    return HTML(
        f"<details><summary>What is wrong in loop {letter}</summary>\n"
        f"<p><b>{html.escape(bug.name[0].upper() + bug.name[1:])}.</b> Broken (−) and mended (+):</p>\n"
        f'<pre style="white-space: pre; overflow-x: auto">{lines}</pre>\n'
        f'<p style="max-width: 46em">{html.escape(bug.why)}</p>\n'
        f'<img alt="{told}" style="max-width: 100%" src="data:image/png;base64,{picture}"></details>'
    )


def rows(runs: Mapping[str, Played], names: Sequence[str] = ()) -> Figure:
    """A row of charts for each run: both costs, what D says of data and of fakes, and a histogram of samples."""
    names = list(names or runs)
    options = {"sharex": "col", "sharey": "col", "squeeze": False, "layout": "constrained"}
    figure, axes = plt.subplots(len(names), 3, figsize=(9.5, 0.45 + 1.25 * len(names)), **options)
    for row, name in zip(axes, names):
        _row(row, runs[name])
        row[0].set_ylabel(name if len(name) > 1 else f"loop {name}", fontweight="bold")
    for ax, title in zip(
        axes[0], ("Costs, nats", "What D says, on average", "Numbers at the end (high peaks are cut)")
    ):
        ax.set_title(title)
        place = "upper right" if ax is axes[0][2] else "lower right"
        ax.legend(loc=place, ncols=2, handlelength=1.6, columnspacing=1, borderaxespad=0.1)
    axes[0][0].set(ylim=(0, TOP))
    axes[0][1].set(ylim=(0, 1.25), yticks=(0, 0.5, 1))
    axes[0][2].set(xlim=REACH, yticks=[])
    for ax, words in zip(axes[-1], ("iteration", "iteration", "x")):
        ax.set_xlabel(words)
    return figure


def _row(row: Sequence[Axes], run: Played) -> None:
    for values, name, colour, style in ((run.cost_D, "of D", BLUE, "--"), (run.cost_G, "of G", GREEN, "-")):
        _smooth(row[0], values, name, colour, style)
    for values, name, colour, style in ((run.D_real, "D(x)", INK, ":"), (run.D_fake, "D(G(z))", GREEN, "-")):
        _smooth(row[1], values, name, colour, style)
    for ax, pair in ((row[0], (run.cost_D, run.cost_G)), (row[1], (run.D_real, run.D_fake))):
        ends = " and ".join(f"{values[-100:].mean():.2f}" for values in pair)
        ax.text(0.02, 0.98, f"at the end {ends}", fontsize=8, va="top", transform=ax.transAxes)
    row[0].axhline(math.log(4), color=INK, lw=0.7)
    row[1].axhline(0.5, color=INK, lw=0.7)
    bins = np.linspace(*REACH, 61)
    row[2].hist(run.data, bins, color=INK, alpha=0.4, label="data")
    row[2].hist(run.samples, bins, histtype="step", color=GREEN, lw=1.6, label="G(z)")
    row[2].set_ylim(0, 520)


def _smooth(ax: Axes, values: np.ndarray, name: str, colour: str, style: str) -> None:
    """The values faintly, and their means over 25 iterations."""
    means = values[: len(values) // 25 * 25].reshape(-1, 25).mean(1)
    ax.plot(values, color=colour, alpha=0.2, lw=0.6)
    ax.plot(25 * np.arange(len(means)) + 12, means, color=colour, ls=style, label=name)


# -- the authors' update -----------------------------------------------------------------------------------------------


def guess_updates() -> Guess:
    """How far apart are the two updates?"""
    return Guess(
        "The same game and the same seed, once with Algorithm 1 and once with the authors' update. How do the two "
        "curves of V differ?",
        ["not at all", "hardly", "one of them fails"],
        answer="hardly",
        because="In one iteration they differ by about a learning rate: the players move in another order. In this "
        "game that matters little.",
    )


def plot_two_updates() -> None:
    """V by quadrature over 400 iterations of the one-dimensional game, by both updates, from one seed."""
    [ax] = plots.panels(1, width=7, height=2.8)
    for update, name, colour, style in (
        ("alternating", "Algorithm 1", VERMILION, "-"),
        ("simultaneous", "the authors' update", BLUE, "--"),
    ):
        toys, V = Toys(replace(TOY, update=update), Gaussian(0, 1), seeds=0), []
        for _ in range(400):
            toys.iterate()
            V.append(toys.measure().V)
        ax.plot(V, color=colour, ls=style, label=name)
    ax.axhline(-math.log(4), color=INK, ls=":", label="−log 4")
    ax.set(xlabel="iteration", ylabel="V(D, G), nats", title="The same seed, two updates")
    ax.legend()


# -- what k buys -------------------------------------------------------------------------------------------------------


def guess_k() -> Guess:
    """What does a larger k do at the same cost?"""
    return Guess(
        "Every run gets the same number of updates in total. As k goes from 1 to 20, what happens to the gap of D, and "
        "to the divergence of G?",
        ["both fall", "the gap falls, the divergence is best in between", "both rise"],
        answer="the gap falls, the divergence is best in between",
        because="With a large k, D is close to its optimum, but few of the updates are left for G.",
    )


def what_k_buys(ks: Sequence[int], *, lr_G: float = 0.05) -> pd.DataFrame:
    """The gap C(G) - V(D, G) and the JSD (nats) for each k and seed, means over the second half of a run.

    Every run has the same number of updates: k of D for one of G count as k + 1.
    """
    updates, seeds = {"smoke": (600, 2), "quick": (6_000, 8), "paper": (30_000, 16)}[profile()]
    found = []
    for k in ks:
        toys = Toys(TOY, Gaussian(0, 1), seeds=range(seeds), k=k, lr_D=0.1, lr_G=lr_G)
        measured, iterations = [], updates // (k + 1)
        for i in range(iterations):
            toys.iterate()
            if i > iterations / 2 and i % max(1, iterations // 20) == 0:
                measured.append([(toys.measure(j).gap, toys.measure(j).JSD) for j in range(seeds)])
        found += [(k, *means) for means in np.mean(measured, axis=0)]
    print(f"{seeds} seeds, {updates:,} updates in every run")
    return pd.DataFrame(found, columns=["k", "gap", "JSD"])


def plot_what_k_buys(found: pd.DataFrame) -> None:
    """The gap and the JSD against k: a dot for each seed, and means with their standard errors."""
    axes = plots.panels(2, width=9, height=3)
    looks = (("gap", "The gap: C(G) − V(D, G)", BLUE, "--"), ("JSD", "The result: JSD of p_data and p_g", GREEN, "-"))
    for ax, (name, title, colour, style) in zip(axes, looks):
        by_k = found.groupby("k")[name]
        ax.plot(found["k"], found[name], ".", color=colour, alpha=0.35)
        ax.errorbar(by_k.mean().index, by_k.mean(), by_k.sem(), color=colour, ls=style, capsize=3)
        ks = sorted(found["k"].unique())
        ax.set(xscale="log", xticks=ks, xticklabels=ks, xlabel="k", ylabel="nats", title=title)
        ax.minorticks_off()


def table_of_k(found: pd.DataFrame) -> pd.DataFrame:
    """The means over the seeds, in nats."""
    means = found.groupby("k").mean()
    return pd.DataFrame(
        {"gap, nats": means["gap"].map("{:.3f}".format), "JSD, nats": means["JSD"].map("{:.4f}".format)}
    )
