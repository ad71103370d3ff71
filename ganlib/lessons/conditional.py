"""Notebook 15, p(x | c): a toy with exact answers, digits that are asked for, and right halves of left ones."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import torch
from matplotlib.axes import Axes
from pandas.io.formats.style import Styler
from torch import Tensor

from ganlib import plots, pretrained, scale, theory
from ganlib.checkpoints import Trained
from ganlib.conditions import right_half
from ganlib.datasets import Dataset
from ganlib.drawing import Drawing
from ganlib.errors import RecipeError, brief
from ganlib.lessons.table_1 import classifier, smoke  # noqa: F401 (the first for the notebook)
from ganlib.picture import Line, Panel, Picture
from ganlib.studies import conditional, measures
from ganlib.studies.conditional import Completed, Conditional, Fork, Marginal
from ganlib.widgets import Ask, Guess, LiveFork

MIRZA = "132 ± 1.8"
"""Mirza & Osindero 2014, Table 1: nats, 1,000 samples of each class."""
PAIRS = ((3, 8), (4, 9), (1, 0))
"""Digits between which the classifier is asked."""


def the_pair(condition: str) -> Trained:
    """What is shipped of the pair that is given the "class" or the "left half": the average of its G."""
    names = {"class": "mnist-conditional", "left half": "mnist-halves"}
    if condition not in names:
        raise RecipeError(f"no pair is shipped for the condition {brief(condition)}; use one of {', '.join(names)}")
    return pretrained(names[condition])


def about(trained: Trained) -> str:
    """Which pair this is, in words."""
    info, recipe = trained.info, trained.recipe
    given = {"class": "the class", "left half": "the left half"}[recipe.condition]
    which = info["average"]["what"] if trained.D is None else trained.iterate
    return f"{recipe.name}: both players are given {given}. This is {which}, after {info['epochs']:,.0f} epochs."


# -- guesses -----------------------------------------------------------------------------------------------------------


def guess_ignores() -> Guess:
    """What a D that sees c makes of a G that does not."""
    return Guess(
        "G draws exactly the x of the data, all values of c taken together, but does not look at c. What can the best "
        "D that does look at c do?",
        ["only say 1/2: x is distributed rightly", "tell some fakes from data", "tell all fakes from data"],
        answer="tell some fakes from data",
        because="An x that lies where this c has no hill is a fake. Where it lies in a hill by chance, D cannot know.",
    )


def guess_between() -> Guess:
    """What is between two digits."""
    turns = "they turn from the one into the other somewhere on the way"
    return Guess(
        "G was only ever given whole digits. Now c goes from a 3 to an 8 in a straight line. What do the samples do?",
        [turns, "half-way they are a blur of both", "half-way they are noise"],
        answer=turns,
        because="G is continuous, and its last hidden layer goes in between. Nobody told it what belongs there.",
    )


def guess_scale() -> Guess:
    """What the size of the number for a class changes."""
    lost = "G loses: D is right about nearly everything"
    return Guess(
        "G is told the class by ten numbers, of which one is 1 and nine are 0. They are made smaller or larger, by one "
        "factor. Nothing else changes. What does a small factor do?",
        ["nothing: weights can make up for it", lost, "D loses: it says 1/2 of everything"],
        answer=lost,
        because="Weights can make up for it, but they must learn to, at a rate that falls with the factor squared.",
    )


def guess_halves() -> Guess:
    """How different eight right halves are."""
    some = "they differ, but less than the right halves of other digits"
    return Guess(
        "G draws eight right halves for one and the same left half. What do you expect of them?",
        ["they are all the same", some, "they differ as much as those of any digits"],
        answer=some,
        because="The left half says much of the right one, and not all.",
    )


# -- one dimension -----------------------------------------------------------------------------------------------------


def plot_data(at: tuple[float, ...] = (0.0, 0.35, 0.75)) -> Drawing:
    """p_data(x | c) of the toy for three c."""
    x, fork = np.linspace(-3.5, 3.5, 400), Fork()
    looks = zip(at, ("other", "V", "G"), range(3))
    lines = [Line(x, fork(c).pdf(x), f"c = {c:g}", style, dash=dash) for c, style, dash in looks]
    return plots.draw(Picture([Panel("p_data(x | c)", lines, y_label="density", at=(0, 0, 9, 8))]))


def three_Gs() -> dict[str, Conditional]:
    """p_g(x | c) of a G that is right, of one that ignores c, and of one that takes c for 1 - c."""
    fork = Fork()
    alone = Marginal(fork)
    return {"is right": fork, "ignores c": lambda c: alone, "takes c for 1 − c": lambda c: fork(1 - c)}


def told_apart() -> Styler:
    """What the best D can tell of three Gs, by x alone and by x and c; nats, by quadrature."""
    fork, rows = Fork(), []
    for name, p_g in three_Gs().items():
        alone = theory.JSD(Marginal(fork), Marginal(p_g) if name != "ignores c" else p_g(0))
        given = conditional.JSD(fork, p_g)
        best = conditional.V(lambda x, c, p_g=p_g: theory.D_star(fork(c), p_g(c))(x), fork, p_g)
        rows.append((f"G {name}", abs(alone), given, best, theory.MINUS_LOG_4 + 2 * given))
    columns = ["p_g(x | c)", "JSD of x alone", "JSD, mean over c", "V at D*(x, c)", "−log 4 + 2 × that mean"]
    return plots.table(pd.DataFrame(rows, columns=columns), digits=4)


def live() -> LiveFork:
    """The toy, to be trained and looked at."""
    return LiveFork(seed=0)


def trained_iterations() -> int:
    """How far the still picture is trained."""
    return 200 if smoke() else 3_000


# -- digits of a class -------------------------------------------------------------------------------------------------


def plot_rows(trained: Trained, data: Dataset, n: int = 20) -> Axes:
    """n samples of each class: a row a class; the pictures of a column have the same z."""
    return plots.sample_grid(conditional.a_row_a_class(trained, n), data.shape, columns=n, zoom=2)


def demo(trained: Trained, data: Dataset, by: measures.Classifier) -> Ask:
    """The samples that a person asks for."""
    return Ask(trained, data.shape, by, digit=3)


def from_3_to_8(play: Ask) -> bytes:
    """A PNG of the demo half-way between its two digits."""
    engine = play.engine
    engine.set(mix=0.5)
    png = engine.png()
    engine.set(mix=0.0)
    return png


def plot_along(trained: Trained, by: measures.Classifier, n: int = 200) -> list[Axes]:
    """What the samples of n z are taken for on the way from one digit to another, for three pairs of digits."""
    w, z = np.linspace(0, 1, 11 if smoke() else 21), trained.recipe.noise(20 if smoke() else n, 2)
    axes = list(plots.panels(len(PAIRS), width=9.5, height=2.6, sharey=True))
    for ax, (one, other) in zip(axes, PAIRS):
        found = conditional.along(trained, by, one, other, z, w)
        ax.plot(w, found[:, one], color=plots.GREEN, label="the first")
        ax.plot(w, found[:, other], color=plots.VERMILION, ls="--", label="the second")
        ax.plot(w, np.delete(found, [one, other], 1).sum(1), color=plots.INK, ls=":", label="any other")
        ax.set(title=f"from {one} to {other}", xlabel="how much of the second")
    axes[0].set_ylabel("share of the samples")
    axes[0].legend(loc="center left")
    return axes


def obeys(trained: Trained, by: measures.Classifier) -> str:
    """How many of some samples are taken for the class that was asked for, in words."""
    n = 200 if smoke() else 2_000
    share, each = conditional.right(conditional.taken_for(trained, by, n, seed=3))
    worst = int(each.argmin())
    told = f"{share:.1%} of {n:,} samples are taken for the digit that was asked for; least often a {worst}"
    return f"{told} ({each[worst]:.1%}). Of real test digits it gets {by.accuracy:.1%} right."


# -- what is recorded --------------------------------------------------------------------------------------------------


def record(part: str) -> dict[str, Any]:
    """A part of what was measured: "class", "halves" or "scales"."""
    return conditional.recorded()[part]


def class_table() -> Styler:
    """The pair that is given a class: last iterate and average, against Mirza and Osindero's and real digits."""
    found, rows = record("class"), [("Mirza & Osindero (2014)", MIRZA, *[""] * 3, np.nan, np.nan)]
    for row in found["rows"]:
        score = f"{row['log_likelihood']:.1f} ± {row['standard_error']:.1f}"
        own = f"{row['own_class']:.1f} ± {row['own_class_error']:.1f}"
        rows.append((row["iterate"], score, f"{row['sigma']:.4f}", own, f"{row['agrees']:.2%}", row["frechet"]))
        rows[-1] += (row["recall"],)
    real = found["real"]
    own = f"{real['own_class']:.1f} ± {real['own_class_error']:.1f}"
    score = f"{real['log_likelihood']:.1f} ± {real['standard_error']:.1f}"
    rows.append(("real digits", score, f"{real['sigma']:.4f}", own, f"{real['agrees_on_test_digits']:.2%}"))
    rows[-1] += (found["ruler"]["floor"], np.nan)
    columns = [
        "G",
        "Parzen, nats",
        "σ",
        "by its own class alone",
        "the classifier agrees",
        "Fréchet distance",
        "recall",
    ]
    return plots.table(pd.DataFrame(rows, columns=columns))


def plot_taken(which: int = -1) -> Axes:
    """Asked for and taken for: how often, per thousand samples of a class; of the average, or (0) the last iterate."""
    rows = record("class")["rows"]
    if which not in range(-len(rows), len(rows)):
        raise RecipeError(f"which is {brief(which)}; use 0 for the last iterate, and 1 or -1 for the average")
    row = rows[which]
    counts = np.array(row["taken_for"])
    share = counts / counts.sum(1, keepdims=True)
    [ax] = plots.panels(1, width=5.2, height=4.4)
    ax.imshow(np.where(np.eye(len(share)), np.nan, share), vmin=0, vmax=0.05, cmap="cividis")
    for (i, j), part in np.ndenumerate(share):
        if part >= 0.0005:
            dark = i != j and part < 0.03
            ax.text(
                j, i, f"{1000 * part:.0f}", ha="center", va="center", fontsize=8, color="white" if dark else "black"
            )
    ax.set_xticks(range(len(share)))
    ax.set_yticks(range(len(share)))
    ax.tick_params(length=0)
    ax.grid(visible=False)
    ax.set(xlabel="taken for", ylabel="asked for", title=f"Of 1,000 samples of each digit ({row['iterate']})")
    return ax


def class_says() -> str:
    """The verdict on the goal of 95 %, in words."""
    found = record("class")
    lines = []
    for row in found["rows"]:
        share, each = conditional.right(row["taken_for"])
        over = "over" if share >= 0.95 else "under"
        worst = int(each.argmin())
        line = f"{row['iterate']}: {share:.2%} of {found['samples']:,} samples, {over} the 95 % that we had aimed at"
        lines.append(f"{line}; worst at the {worst}, {each[worst]:.1%}")
    return "\n".join(lines)


def plot_scales(most: int = 20) -> list[Axes]:
    """The first epochs with the class given to G at two scales, and of Mirza and Osindero's G: scores, what D says."""
    axes = list(plots.panels(2, width=9.0, height=3.1))
    looks = ((plots.VERMILION, "-"), (plots.GREEN, "--"), (plots.BLUE, "-."))
    for run, (colour, dash) in zip(record("scales")["runs"], looks):
        rows, look = [row for row in run["rows"] if row["epoch"] <= most], {"color": colour, "ls": dash, "marker": "o"}
        epoch = [row["epoch"] for row in rows]
        axes[0].plot(epoch, [row["log_likelihood"] for row in rows], ms=3, label=run["what"], **look)
        axes[1].plot(epoch, [row["D_real"] - row["D_fake"] for row in rows], ms=3, **look)
    axes[0].set(xlabel="epoch", ylabel="nats", title="Parzen score of 1,000 validation digits")
    axes[1].set(xlabel="epoch", title="How far D is ahead: D(x) − D(G(z))", ylim=(0, 1.05))
    for ax in axes:
        ax.set_xticks([1, 5, 10, 15, 20])
    axes[0].legend(fontsize=8)
    return axes


def scales_say() -> str:
    """What became of each game, in words."""
    lines = []
    for run in record("scales")["runs"]:
        for row in {row["epoch"]: row for row in run["rows"] if row["epoch"] in (run["rows"][-1]["epoch"], 4)}.values():
            says = f"D says {row['D_real']:.2f} of data and {row['D_fake']:.2f} of samples"
            lines.append(f"{run['what']}: {row['log_likelihood']:.0f} nats after epoch {row['epoch']}; {says}")
    return "\n".join(lines)


# -- halves ------------------------------------------------------------------------------------------------------------


def left_halves(data: Dataset, n: int = 10) -> Tensor:
    """A test digit of each class, whole: (10, 784)."""
    first = [int((data.test_labels == k).nonzero()[0, 0]) for k in range(n)]
    return scale(data.test[torch.tensor(first)])


def plot_completions(trained: Trained, data: Dataset, k: int = 8) -> Axes:
    """A test digit of each class, its left half on grey, and k whole digits that G makes of that half."""
    x = left_halves(data)
    mask = right_half(data.shape, x)
    half = x * (1 - mask) + 0.4 * mask
    drawn = conditional.completions(trained, x, k, data.shape)
    table = torch.cat([x[None], half[None], drawn]).transpose(0, 1)  # (10, k + 2, d)
    return plots.sample_grid(table.flatten(0, 1), data.shape, columns=k + 2, zoom=3)


def try_halves(trained: Trained, data: Dataset, by: measures.Classifier, k: int = 8) -> str:
    """The same of some test digits, here and now, in words."""
    n = 20 if smoke() else 500
    x, labels = scale(data.test[:n]), data.test_labels[:n]
    found = Completed.of(conditional.completions(trained, x, k, data.shape, 1), x, labels, by, data.shape)
    return (
        f"{found.right:.1%} of {k} × {n} completions are taken for the digit that the left half is of.\n"
        f"Of {found.several:.1%} of the left halves the {k} completions are taken for two digits or more.\n"
        f"{found.variance_left:.1%} of the variance of right halves is left once the left half is given."
    )


def halves_table() -> Styler:
    """Right halves by G, and those of the training digits whose left halves are nearest."""
    found = record("halves")
    rows = [(row["iterate"], row["right"], row["several"], row["variance_left"]) for row in found["rows"]]
    near = found["neighbours"]
    rows.append((f"{found['each']} nearest training digits", near["right"], near["several"], near["variance_left"]))
    rows.append(("the originals", found["originals"], np.nan, np.nan))
    columns = ["right halves from", "taken for its own digit", "left halves with two digits", "variance left"]
    return plots.table(pd.DataFrame(rows, columns=columns), formats=dict.fromkeys(columns[1:], "{:.1%}"))
