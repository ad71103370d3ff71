"""Notebook 17, all conditionals by one family: its guesses, its figures, its tables, and the pair that it looks at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
import torch
from matplotlib.axes import Axes
from pandas.io.formats.style import Styler

from ganlib import plots, scale, theory
from ganlib.checkpoints import Trained, pretrained
from ganlib.datasets import Dataset
from ganlib.drawing import Drawing
from ganlib.lessons.mnist import about  # noqa: F401 (for the notebook, as the next ones)
from ganlib.lessons.table_1 import classifier, smoke  # noqa: F401
from ganlib.picture import Heat, Line, Panel
from ganlib.studies import all_conditionals as study
from ganlib.studies.all_conditionals import HILLS, ORDERS, PLANE_MASKS, REACH, Plane, PlaneGame
from ganlib.studies.measures import Classifier
from ganlib.widgets import Guess

OTHER = Plane(((0.5, (-0.9, -0.3), (0.8, 0.9), 0.5), (0.5, (0.8, 0.3), (0.8, 0.9), -0.4)))
"""A density whose conditionals stand for a G's, where V is worked out."""
HIDDEN = ("x1, given x2", "x2, given x1", "both")
WAYS = ("in one go", "block by block, row by row", "block by block, in random order")
SHARES = (0.25, 0.5, 0.75, 1.0)


# -- guesses -----------------------------------------------------------------------------------------------------------


def guess_hill() -> Guess:
    """What becomes of a slice with two hills."""
    return Guess(
        "The slice at x2 = -0.5 crosses both slanted hills, so p(x1 | x2) has two tops. G is continuous in z. "
        "How many of its draws of x1 will lie between the two tops?",
        ["none", "more than there should", "all of them: it draws the mean"],
        answer="more than there should",
        because="A continuous G cannot tear z apart: on its way from one top to the other it passes what lies between.",
    )


def guess_joint() -> Guess:
    """Which of the three joints comes closest, by what was measured."""
    mean = {order: np.mean([row[order][0] for row in study.recorded()["plane"]["joints"]]) for order in ORDERS}
    return Guess(
        "The same G draws the joint in three ways: both coordinates in one go; x1, then x2 given that x1; x2, then x1 "
        "given that x2. Which of the three joints comes closest to the data?",
        ["in one go: it was trained for that", "one of the other two", "all three agree: they are one density"],
        answer="one of the other two" if min(mean, key=mean.get) != ORDERS[0] else "in one go: it was trained for that",
        because="The second step is drawn anew, given the first, and repairs what the draw of both got wrong there.",
    )


def guess_agreement(rows: Sequence[Mapping[str, float]]) -> Guess:
    """The share of completions that are taken for the right digit, to be sketched; the first of `rows` hides none."""
    x = np.linspace(0, 1, 41)
    truth = np.interp(x, [row["share"] for row in rows], [row["agreement"] for row in rows])
    panel = Panel("Completions taken for the digit's own label", (), (0, 1), (0, 1), "share of the blocks hidden")
    return Guess(
        "A share of a test digit's 49 blocks is hidden, and G draws them. How often does a classifier take the result "
        "for the digit that it was? Sketch it.",
        panel=panel,
        truth=(x, truth),
        because="Each hidden block takes a stroke away, and G restores only what the seen ones decide. With nothing to "
        "see, about one in ten is right by chance.",
    )


# -- in the plane ------------------------------------------------------------------------------------------------------


def V_by_quadrature() -> Styler:
    """For each mask, and for all: the mean JSD of the conditionals, and V at the best D in two ways, in nats."""
    jsds = [study.mean_conditional_jsd(HILLS, OTHER, mask) for mask in PLANE_MASKS]
    Vs = [study.V_by_grid(HILLS, OTHER, mask) for mask in PLANE_MASKS]
    rows = [
        {"hidden": name, "E JSD": jsd, "-log 4 + 2 E JSD": theory.MINUS_LOG_4 + 2 * jsd, "V(D*, G)": V}
        for name, jsd, V in zip((*HIDDEN, "all three"), (*jsds, np.mean(jsds)), (*Vs, np.mean(Vs)))
    ]
    return plots.table(rows, digits=6)


@lru_cache(maxsize=2)
def played(seed: int = 0) -> PlaneGame:
    """The game in the plane after 1,500 iterations (in the profile smoke: 60)."""
    game = PlaneGame(seed=seed)
    for _ in range(60 if smoke() else 1_500):
        game.iterate()
    return game


def plot_joints(game: PlaneGame, n: int = 500) -> Drawing:
    """Points of the data and of the three joints, side by side."""
    ends, axis = (-REACH, REACH), np.linspace(-REACH, REACH, 61)
    heat = Heat(game.p_data.pdf(np.stack(np.meshgrid(axis, axis), -1)), ends, ends, name="p_data")
    drawn = {"data": game.p_data.sample(n, np.random.default_rng(0))}
    drawn |= {order: game.joint(order, n) for order in ORDERS}
    return plots.draw(
        [
            Panel(name, [Line(*x.T, style="V", dots=True)], ends, ends, "x1", "x2", heat=heat, square=True)
            for name, x in drawn.items()
        ]
    )


def joints(game: PlaneGame, n: int = 20_000) -> Styler:
    """JSD in nats of the three joints from the data, and from each other."""
    n = 2_000 if smoke() else n
    drawn, rows = {order: game.joint(order, n) for order in ORDERS}, []
    for order, x in drawn.items():
        row = {"the joint, drawn": order, "from the data": study.plane_jsd(game.p_data, x)}
        row |= {f"from: {other}": study.plane_jsd(game.p_data, x, y) for other, y in drawn.items()}
        row[f"from: {order}"] = ""
        rows.append({name: str(value) for name, value in row.items()})
    return plots.table(rows)


def recorded_joints() -> Styler:
    """The same after longer games of several seeds: the mean over the seeds, and their least and greatest."""
    told = study.recorded()["plane"]
    names = [*ORDERS, *(f"{a} | {b}" for a, b in combinations(ORDERS, 2))]
    rows = []
    for name in names:
        values = [row[name][0] for row in told["joints"]]
        first, _, second = name.partition(" | ")
        rows.append({"JSD, nats": f"{first} ↔ {second or 'the data'}", "mean": np.mean(values)})
        rows[-1] |= {"least": min(values), "greatest": max(values)}
    return plots.table(rows, digits=4)


def said_plane() -> str:
    """Of which games the recorded numbers are, and how far each kind of conditional got."""
    told = study.recorded()["plane"]
    last = max(row["iterations"] for row in told["rows"])
    ends = np.array([[one[0] for one in row["jsds"]] for row in told["rows"] if row["iterations"] == last])
    n = len(ends)
    each = "; ".join(f"{name}: {m:.3f} ± {s:.3f}" for name, m, s in zip(HIDDEN, ends.mean(0), ends.std(0, ddof=1)))
    return f"JSD of the conditionals after {last:,} iterations, mean ± scatter of {n} seeds, nats.\n{each}."


def plot_recorded_plane() -> Axes:
    """The mean JSD of each kind of conditional over the iterations, of each seed."""
    [ax] = plots.panels(1, width=6.0, height=2.9)
    told = pd.DataFrame(study.recorded()["plane"]["rows"])
    for i, (name, colour) in enumerate(zip(HIDDEN, (plots.GREEN, plots.BLUE, plots.VERMILION))):
        for seed, rows in told.groupby("seed"):
            y = [jsds[i][0] for jsds in rows["jsds"]]
            ax.plot(rows["iterations"], y, color=colour, marker="o", ms=3, label=name if not seed else None)
    ax.set(
        xscale="log", ylim=(0, None), xlabel="iterations", ylabel="nats", title="JSD of the conditionals, three seeds"
    )
    ax.legend()
    return ax


# -- digits ------------------------------------------------------------------------------------------------------------


def pair() -> Trained:
    """The shipped G that was trained with masks; it is an average of G, and came without its D."""
    trained = pretrained("mnist-masks")
    return replace(trained, iterate=trained.info["average"]["what"])


def plot_completions(trained: Trained, data: Dataset, n: int = 14, seed: int = 3) -> Drawing:
    """Fair test digits, what is left of each, and two completions below each other, a row for each of `SHARES`."""
    blocks, (channels, height, width) = study.blocks_of(trained, data.shape), data.shape
    which = torch.randperm(len(data.test), generator=torch.Generator().manual_seed(seed))[:n]
    x, rows = scale(data.test[which]), {}
    for share in SHARES:
        hidden = study.hide(n, round(share * blocks), blocks, seed)
        mask = study.pixels_of(hidden, data.shape, trained.recipe.block)
        drawn = [study.complete(trained, x, mask, again) for again in (1, 2)]
        said = "" if rows else ": the digit, what is left of it (grey: hidden), two completions"
        rows[f"{share:.0%} hidden{said}"] = torch.cat([x, x * (1 - mask) + 0.35 * mask, *drawn], 1)
    return plots.rows(rows, (channels, 4 * height, width))


def measured(trained: Trained, data: Dataset, judge: Classifier) -> list[dict[str, float]]:
    """Diversity and agreement by how much is hidden, on some test digits."""
    n, blocks = (100 if smoke() else 2_000), study.blocks_of(trained, data.shape)
    which = torch.randperm(len(data.test), generator=torch.Generator().manual_seed(0))[:n]
    counts = [round(share * blocks) for share in (0.0, 0.125, *SHARES)]
    return study.by_hidden(trained, scale(data.test[which]), data.test_labels[which], data.shape, judge, counts)


def plot_measured(rows: Sequence[Mapping[str, float]]) -> Sequence[Axes]:
    """Diversity and agreement over the share that is hidden, with bars of two standard errors."""
    left, right = plots.panels(2, width=9.4, height=3.0)
    x = [row["share"] for row in rows]
    for ax, name, label, colour, dash in (
        (left, "real", "two real digits", plots.INK, ":"),
        (left, "diversity", "two completions of one digit", plots.GREEN, "-"),
        (right, "agreement", "completed by G", plots.GREEN, "-"),
        (right, "left", "hidden pixels left black", plots.INK, ":"),
    ):
        y, error = ([row[key] for row in rows] for key in (name, f"{name} error"))
        ax.errorbar(x, y, 2 * np.array(error), color=colour, ls=dash, marker="o", ms=3, label=label)
    left.set(ylim=(0, None), xlabel="share of the blocks hidden", title="L2 distance on the hidden pixels")
    right.set(ylim=(0, 1.02), xlabel="share of the blocks hidden", title="Taken for the digit's own label")
    for ax in (left, right):
        ax.set_xlim(0, 1.02)
        ax.legend()
    return left, right


def table_of(rows: Sequence[Mapping[str, float]]) -> Styler:
    """The same numbers, each with its standard error."""
    heads = {"diversity": "two completions (L2)", "real": "two real digits (L2)"}
    heads |= {"agreement": "completed: own label", "left": "left black: own label"}
    told = []
    for row in rows:
        told.append({"blocks hidden": f"{row['hidden']:.0f}, {row['share']:.0%}"})
        for key, head in heads.items():
            percent = key in ("agreement", "left")
            told[-1][head] = (
                f"{row[key]:.1%} ± {row[f'{key} error']:.1%}"
                if percent
                else f"{row[key]:.2f} ± {row[f'{key} error']:.2f}"
            )
    return plots.table(told)


def iterates() -> dict[str, dict[str, Any]]:
    """What is recorded of the shipped pair on all of MNIST, by its iterate; empty before it was measured."""
    told = study.recorded()
    return {told[key]["iterate"]: told[key] for key in ("last", "average") if key in told}


def recorded_hidden() -> Styler | str:
    """Diversity and agreement as they were measured on 5,000 test digits."""
    found = iterates()
    if not found:
        return "Not measured yet: `python -m tools.measure_all_conditionals digits`."
    name, told = list(found.items())[-1]
    return table_of(told["hidden"]).set_caption(f"{name}, {told['epochs']:.0f} epochs, {told['digits']:,} test digits")


def drawn_joint(trained: Trained, data: Dataset, n: int = 20) -> dict[str, torch.Tensor]:
    """The joint in each of `WAYS`, n pictures each."""
    blocks, n = study.blocks_of(trained, data.shape), 4 if smoke() else n
    found = {WAYS[0]: trained.samples(n, 1).float()}
    for way, order in zip(WAYS[1:], (study.raster(n, blocks), study.random_order(n, blocks, 1))):
        found[way] = study.joint_by_blocks(trained, order, data.shape, 1)
    return found


def plot_growing(trained: Trained, data: Dataset, n: int = 3, every: int = 4) -> Drawing:
    """Pictures as they grow block by block in a random order: a row a picture, grey where nothing is drawn yet."""
    blocks, shape = study.blocks_of(trained, data.shape), data.shape
    order, steps = study.random_order(n, blocks, 2), []
    for t, x in enumerate(study.by_blocks(trained, order, shape, 2), 1):
        left = torch.ones(n, blocks).scatter(1, order[:, :t], 0.0)
        if t % every == 1 or t == blocks:
            steps.append(x + 0.35 * study.pixels_of(left, shape, trained.recipe.block))
    tall = [torch.cat(list(x), 0) for x in steps]  # the n pictures of a moment below each other
    channels, height, width = shape
    return plots.rows({"in random order, every fourth block": torch.stack(tall)}, (channels, n * height, width))


def recorded_joint() -> Styler | str:
    """The Parzen score, Fréchet distance, precision and recall of the joint in each of `WAYS`, 10,000 pictures each."""
    rows = []
    for name, told in iterates().items():
        for row in told["joint"]:
            score = f"{row['log_likelihood']:.1f} ± {row['standard_error']:.1f}"
            kept = {"G": name, "the joint, drawn": row["way"], "Parzen score, nats": score}
            kept |= {"Fréchet distance": row["frechet"], "precision": row["precision"], "recall": row["recall"]}
            rows.append(kept | {"sure digits": row["sure"]})
        rows.append({"G": "real test digits", "Fréchet distance": told["ruler"]["floor"]})
    if not rows:
        return "Not measured yet: `python -m tools.measure_all_conditionals digits`."
    return plots.table(pd.DataFrame(rows).drop_duplicates(), formats={"sure digits": "{:.1%}"})


def said_joint() -> str:
    """What the block by block joints cost or gain beside the one in one go, in words."""
    lines = []
    for name, told in iterates().items():
        first, *others = told["joint"]
        for row in others:
            nats, farther = (row[key] - first[key] for key in ("log_likelihood", "frechet"))
            told = (
                f"{row['way']}, against one go: {nats:+.1f} nats in the score, {farther:+.2f} in the Fréchet distance."
            )
            lines.append(f"{name}, {told}")
    return "\n".join(lines) or "Not measured yet."
