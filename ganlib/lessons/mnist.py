"""Notebook 06: MNIST by the 2014 recipe; its sizes, guesses, demos, figures and scores."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pandas as pd
import torch
from matplotlib.axes import Axes
from pandas.io.formats.style import Styler
from torch import Tensor

from ganlib import images, parzen, plots, runs, scale
from ganlib.checkpoints import Trained
from ganlib.datasets import Dataset
from ganlib.game import MINUS_LOG_4, interpolate
from ganlib.history import Step
from ganlib.nets import count_parameters
from ganlib.picture import Line, Panel
from ganlib.recipes import MNIST, Recipe, profile
from ganlib.studies import table_1
from ganlib.trainer import Trainer
from ganlib.widgets import Guess, LiveTraining

EPOCHS = 5  # of a run in the profile `quick`: it has to end while the reader waits
SKETCH = 40  # epochs that the reader sketches the score over
LEFT = [{"selector": "th", "props": [("text-align", "left")]}]


def recipe() -> Recipe:
    """MNIST's recipe at the scale of this profile: in `quick` the full nets, and few epochs."""
    scaled = MNIST.at(profile())
    return replace(scaled, epochs=EPOCHS) if profile() == "quick" else scaled


def about(pair: Trained) -> str:
    """Which G this is, and of what run."""
    info = pair.info
    return f"{pair.iterate}, after {info['epochs']:,.0f} epochs on {info['data']}, seed {info['seed']}"


# -- guesses -----------------------------------------------------------------------------------------------------------


def guess_bad_samples() -> Guess:
    """What gives the bad samples away."""
    sharp = "the strokes are crisp, and form no digit"
    return Guess(
        "Look for the worst of the hundred. What gives them away?",
        ["they are blurred", sharp, "the background is grey"],
        answer=sharp,
        because="A sample is a draw from p_g and no average over many digits, so that it has no reason to be blurred.",
    )


def guess_first_winner() -> Guess:
    """Where V goes first from -log 4."""
    up = "up, towards 0: D wins first"
    return Guess(
        "Where does V go from -log 4 in the first 1,500 steps?",
        [up, "down: G wins first", "nowhere: both learn equally fast"],
        answer=up,
        because="Telling a blur from a digit is easier than drawing a digit.",
    )


def guess_held() -> Guess:
    """What becomes of the digits when D is held."""
    few = "a few shapes for all z"
    return Guess(
        "D is held, and G alone trains on. What does G draw after 300 steps?",
        ["the same digits, and better ones", few, "grey noise"],
        answer=few,
        because="Nothing but D keeps G from putting every z where this one D is highest.",
    )


def guess_score(trained: Trained) -> Guess:
    """A sketch of the score of the last iterate over the first epochs."""
    rows = [row for row in trained.info["validation"] if row["epoch"] <= SKETCH]
    axes = {"x": (0, SKETCH), "y": (-150, 250), "x_label": "epoch", "y_label": "nats"}
    return Guess(
        "Sketch the score of the last iterate over the first 40 epochs.",
        panel=Panel("Parzen score of 1,000 validation digits", **axes),
        truth=Line([row["epoch"] for row in rows], [row["log_likelihood"] for row in rows], "what happens", "G"),
        because="In the shipped run it falls first, while the digits get better: this ruler prefers a blur to a wrong "
        "stroke.",
    )


# -- the data, the recipe, and the first step --------------------------------------------------------------------------


def about_data(data: Dataset, trained: Trained) -> str:
    """How many pictures each split has; and, of digits that stand in for MNIST's, that the shipped pair saw them."""
    told = f"{data.name}: {len(data.train):,} training, {len(data.valid):,} validation, {len(data.test):,} test digits."
    seen = "" if data.name == trained.info["data"] else " The shipped pair has seen all of these in its training."
    return f"{told} {data.note}{seen}".strip()


def table(recipe: Recipe) -> Styler:
    """Every number of a recipe, with where it stands in the authors' files."""
    rows = pd.DataFrame(recipe.table()[2:], columns=["field", "value", "what it means", "in the source"])
    left = {"text-align": "left", "white-space": "normal"}
    return rows.style.hide(axis="index").set_properties(**left).set_table_styles(LEFT)


def sizes_and_schedule(recipe: Recipe, data: Dataset) -> str:
    """How many numbers the players learn, and how the rate and the momentum change, a line each."""
    G, D = recipe.networks(seed=0, data_mean=data.mean())
    rates = ", ".join(f"{recipe.lr('D', t):.4f}" for t in (0, 50_000, 350_000))
    momenta = ", ".join(f"{recipe.momentum(epoch):.2f}" for epoch in (1, 125, 250))
    return (
        f"G learns {count_parameters(G):,} numbers, D {count_parameters(D):,}.\n"
        f"Both rates after 0, 50,000 and 350,000 updates: {rates}\n"
        f"Momentum in epochs 1, 125 and 250: {momenta}"
    )


def begun(trainer: Trainer, step: Step) -> str:
    """What G draws and what D says before the first step, in numbers."""
    away = (trainer.recipe.samples(trainer.G, 10).float() - trainer.data.mean()).abs().mean()
    return (
        f"Pixels of G(z) differ from the mean digit by {away:.3f} on average.\n"
        f"D(x) = {step.D_real:.3f}, D(G(z)) = {step.D_fake:.3f}, V = {step.V:.4f}, -log 4 = {MINUS_LOG_4:.4f}"
    )


# -- demos -------------------------------------------------------------------------------------------------------------


def live(data: Dataset) -> LiveTraining:
    """The run of the recipe from its start, to be steered; the full nets, but for the profile `smoke`."""
    return LiveTraining(recipe() if profile() == "smoke" else MNIST, data, seed=0)


def from_the_weights(trained: Trained, data: Dataset) -> LiveTraining:
    """The demo that starts from the shipped pair and has presets that try to break it; one sample is picked."""
    demo = LiveTraining(data=data, start=trained, seed=0)
    demo.pick(1)
    return demo


def with_D_held(demo: LiveTraining, steps: int = 300) -> bytes:
    """A PNG of the demo after so many steps of its preset "Hold D", trained aside."""
    engine = demo.engine.twin()
    engine.preset("hold_D")
    engine.pause()
    for _ in range(steps):
        engine.once()
    return engine.png()


# -- the run -----------------------------------------------------------------------------------------------------------


def folder(data: Dataset) -> Path:
    """Where this notebook's run is kept."""
    return runs.home() / f"notebook-06-{data.name}-{profile()}"


def plot_run(trainer: Trainer) -> plots.Drawing:
    """The costs, V, and what D says, over the steps of a run."""
    names = ("epoch", "cost_D", "cost_G", "V", "D_real", "D_fake")
    return plots.draw(plots.learning_curves({name: trainer.history.column(name) for name in names}))


def plot_shipped_run(trained: Trained) -> plots.Drawing:
    """The same of the run that the package ships, in means over ten epochs."""
    return plots.draw(plots.learning_curves(trained.info["curves"], title="The shipped run"))


def milestones(trained: Trained, rows: tuple[int, ...] = (0, 1, 2, 5, 10, 50, -1)) -> Styler:
    """The same as numbers, at some places."""
    names = {"epoch": "around epoch", "V": "V", "D_real": "D(x)", "D_fake": "D(G(z))", "cost_G": "cost of G"}
    curves = pd.DataFrame(trained.info["curves"]).iloc[list(rows)][list(names)].rename(columns=names)
    return curves.style.hide(axis="index").format(precision=2).format("{:,.0f}", subset="around epoch")


def plot_scores(*pairs: Trained) -> Axes:
    """The validation scores of the shipped run over its epochs: of the last iterate, and of the average."""
    [ax] = plots.panels(1, width=5.5, height=3)
    for pair in pairs:
        column = "log_likelihood" if pair.iterate == pairs[0].iterate else "average_log_likelihood"
        some = pd.DataFrame(pair.info["validation"]).dropna(subset=column)
        ax.plot(some["epoch"], some[column], marker=".", label=pair.iterate)
    ax.set(xlabel="epoch", ylabel="nats", ylim=(-150, 250))
    ax.set_title("Parzen score of 1,000 validation digits\n(the average: over at most a tenth of the run so far)")
    ax.legend(loc="lower right")
    return ax


def scores_over_epochs(trained: Trained) -> Styler:
    """The same as numbers, at some epochs."""
    scores = pd.DataFrame(trained.info["validation"])
    some = scores[scores["epoch"].isin([2, 5, 10, 20, 40, 100, 300, scores["epoch"].max()])]
    names = {"epoch": "epoch", "log_likelihood": "last iterate, nats", "sigma": "its sigma"}
    names |= {"average_log_likelihood": "average, nats", "average_sigma": "its sigma "}
    shown = some[list(names)].rename(columns=names).style.hide(axis="index")
    return shown.format(precision=2, na_rep="not scored").format("{:,.0f}", subset="epoch")


# -- Figures 2a and 3, and the score -----------------------------------------------------------------------------------


def median_distances(trained: Trained, data: Dataset, n: int = 200) -> dict[str, float]:
    """The median L2 distance to the nearest training digit: of n real test digits, and of n samples."""
    queries = {"test digits": scale(data.test[:n]), "samples": trained.samples(n, seed=2)}
    return {name: round(images.nearest(x, data.train)[1].median().item(), 2) for name, x in queries.items()}


def path_through(digits: tuple[int, ...], trained: Trained, data: Dataset) -> Tensor:
    """21 z (21, z_dim) on straight lines from one digit to the next, and back to the first.

    No label was ever told, so a sample has that of its nearest training digit. Of 1,000 draws the ends are, for each
    digit, the one that lies closest to a training digit.
    """
    z = trained.recipe.noise(1_000, seed=0)
    index, distance = images.nearest(trained.pictures(z), data.train)
    labels = data.train_labels[index]
    ends = [int(distance.where(labels == digit, torch.inf).argmin()) for digit in digits]
    return interpolate(z[[*ends, ends[0]]], 21)


def centres(pair: Trained) -> Tensor:
    """The samples that the Parzen estimator puts its Gaussians on: (n, d), 10,000 but in the profile `smoke`."""
    return pair.samples(recipe().n_samples, seed=1)


def plot_sigma(pair: Trained, data: Dataset) -> Axes:
    """How sigma is chosen: the score of 1,000 validation digits over the paper's ten values, and over a finer grid."""
    _, means = parzen.choose_sigma(scale(data.valid), centres(pair), parzen.FINE_SIGMAS)
    [ax] = plots.panels(1, width=5.5, height=3)
    for every, label in ((10, "the paper's ten"), (1, "ten times as fine")):
        some, grid = means[::every], parzen.FINE_SIGMAS[::every]
        best = grid[int(some.argmax())]
        [line] = ax.plot(grid, some, marker="." if every > 1 else None, label=f"{label}: best at {best:.4f}")
        ax.plot(best, some.max(), "o", color=line.get_color(), mfc="none", ms=9)
    ax.set(xscale="log", xlabel="sigma", ylabel="nats", title=f"Choosing sigma for {pair.iterate}", ylim=(-200, 300))
    ax.set_xticks(ticks := (0.1, 0.2, 0.3, 0.5, 1.0), [f"{tick:g}" for tick in ticks])
    ax.minorticks_off()
    ax.legend()
    return ax


def scores(pairs: tuple[Trained, ...], data: Dataset) -> dict[str, list[parzen.Score]]:
    """By Gaussians on what: the score by the paper's protocol, and with sigma from a finer grid.

    The last row is that of real training digits, drawn fairly, in the place of samples.
    """
    rows = {pair.iterate: centres(pair) for pair in pairs}
    n = min(len(next(iter(rows.values()))), len(data.train))
    rows["real training digits"] = scale(table_1.random_subset(data.train, n))
    valid, test = scale(data.valid), scale(data.test)
    found = {}
    for name, x in rows.items():
        best = parzen.SIGMAS.index(parzen.choose_sigma(valid, x)[0])
        grids = (parzen.SIGMAS, parzen.fine_sigmas_near(best))
        found[name] = [parzen.score(x, valid, test, data=data.name, sigmas=grid) for grid in grids]
    return found


def score_table(scores: dict[str, list[parzen.Score]]) -> pd.DataFrame:
    """The scores with their standard errors and sigmas."""
    said = [
        [f"{s.log_likelihood:.1f} ± {s.standard_error:.1f} (sigma {s.sigma:.4f})" for s in row]
        for row in scores.values()
    ]
    one = next(iter(scores.values()))[0]
    columns = pd.Index(["the paper's protocol", "a finer grid of sigma"])
    title = f"nats; {one.n_samples:,} centres, {one.n_test:,} digits of {one.data} {one.split}"
    return pd.DataFrame(said, index=pd.Index(list(scores), name=title), columns=columns)
