"""Notebook 07: faces, in two stages."""

from __future__ import annotations

import textwrap
import warnings
from dataclasses import replace
from pathlib import Path

import torch
from matplotlib.axes import Axes
from pandas.io.formats.style import Styler
from torch import Tensor

from ganlib import checkpoints, datasets, plots, runs
from ganlib.datasets import Dataset
from ganlib.images import filters
from ganlib.nets import Discriminator, Generator
from ganlib.recipes import MNIST, Recipe, named, profile
from ganlib.trainer import Trainer
from ganlib.widgets import Guess, LiveTraining

# -- guesses ----------------------------------------------------------------------------------------------------------


def guess_halfway() -> Guess:
    """How far from the centre the middle of a walk in z lies."""
    return Guess(
        "Draws of z lie about 10 from the centre. How far from it is the middle of the line between two draws?",
        ["about 10, as the draws do", "about 7", "about 5", "0"],
        answer="about 7",
        because="Two independent draws z and z' are nearly at a right angle. So (z + z')/2 has the length 10 / √2.",
    )


def guess_first_samples() -> Guess:
    """What G draws before its first step."""
    return Guess(
        "What do the first samples of G look like?",
        ["the mean face, with a little grain", "noise, and hardly anything of the mean face", "plain grey"],
        answer="noise, and hardly anything of the mean face",
        because="A pixel adds up a hundred numbers near 0.12 times weights of size 1, and that is more than its bias.",
    )


def guess_one_update() -> Guess:
    """What one update with a limit on the weights does to the samples."""
    return Guess(
        "What do the samples look like after one update of G, which limits the weights?",
        ["the same noise", "the mean face, with some grain", "four different faces"],
        answer="the mean face, with some grain",
        because="The limit shortens the weights of each pixel from about 10 to 1.94, and leaves the bias as it is.",
    )


def guess_new_bottom() -> Guess:
    """What a trained top draws when it stands on an untrained bottom."""
    return Guess(
        "The top half of G is trained, and the bottom half is fresh. What does G draw of six different z?",
        ["noise", "six different faces", "six times nearly the same face"],
        answer="six times nearly the same face",
        because="The fresh bottom hands up nearly the same 100 numbers whatever z is.",
    )


# -- the shipped pair -------------------------------------------------------------------------------------------------


def what_was_changed(trained: checkpoints.Trained) -> Styler:
    """How the recipe of the shipped pair differs from the published one."""
    published = named(trained.recipe.name)
    return plots.changes(trained.recipe.differences(published), "published", "this pair")


def plot_scores(trained: checkpoints.Trained) -> Axes:
    """The record of the run: Parzen log-likelihoods (nats) of validation faces by epoch, of both iterates."""
    scores = trained.info["validation"]
    [ax] = plots.panels(1, width=6, height=2.8)
    for key, name, width in (("log_likelihood", "last iterate", 0.9), ("average_log_likelihood", "average of G", 2.2)):
        x, y = ([row[column] for row in scores] for column in ("epoch", key))
        ax.plot(x, y, lw=width, color=plots.BLUE, marker=".", label=name)
    ax.set(xlabel="epoch of stage 2", ylabel="nats", title="Parzen log-likelihood of the first 1,000 validation faces")
    ax.legend()
    return ax


def strongest(D: Discriminator, n: int) -> Tensor:
    """The n longest weight vectors of D's first layer as pictures, the longest first: (n, 2304) in [0, 1]."""
    weight = D.layers[0].linear.weight.detach()  # (units * pieces, 2304)
    return filters(weight[weight.norm(dim=1).argsort(descending=True)[:n]])


# -- the data and the recipe ------------------------------------------------------------------------------------------


def faces(name: str = "") -> Dataset:
    """The faces of that name; without one the first of "tfd", "fer2013" and "lfw" that is on this machine."""
    if profile() == "smoke":
        name = name or "synthetic-faces"
    here = [known for known in ("tfd", "fer2013", "lfw") if datasets.status(known)[0]]
    return datasets.load(name or (here or ["fer2013"])[0])


def describe(data: Dataset) -> str:
    """What there is to know of the pictures before anybody trains on them."""
    black = int((data.train.amax(1) == 0).sum())
    x = data.train[:10_000].view(-1, *data.shape[1:]).float() / 255  # (10000, 48, 48)
    mean, spread = x.flatten(1).mean(1).median(), x.flatten(1).std(1).median()
    steps = (x[..., 1:] - x[..., :-1]).abs().mean((0, 1))  # (47,): between a column and the next one
    edge = torch.arange(1, data.shape[2]) % 8 == 0
    said = (
        f"{data.name}: {len(data.train):,} faces to train on, {len(data.valid):,} to validate, {len(data.test):,} to "
        f"test. {data.note}.\n"
        f"{black} of the training faces are wholly black. The median face has a mean grey of {mean:.2f} and a spread "
        f"of {spread:.2f}; {(x > 0.98).float().mean():.1%} of all pixels are white.\n"
        f"Neighbouring pixels differ by {steps[edge].mean():.3f} across the edges of JPEG's blocks of 8 x 8, and by "
        f"{steps[~edge].mean():.3f} inside them."
    )
    return "\n".join(textwrap.fill(line, 108, break_on_hyphens=False) for line in said.split("\n"))


def published_stage_1() -> Styler:
    """What the published recipe of stage 1 changes of the one for digits, whose file gives no number of epochs."""
    told = named("tfd-1").differences(MNIST)
    return plots.changes(
        [row for row in told if row[0] not in ("name", "source", "data", "epochs")], "digits", "stage 1"
    )


def published_stage_2() -> Styler:
    """G's layers in both published stages, from z up, and the epochs."""
    one, two = named("tfd-1"), named("tfd-2")
    epochs = [row for row in two.differences(one) if row[0] == "epochs"]
    return plots.changes([*plots.side_by_side("G", one.G, two.G), *epochs], "stage 1", "stage 2")


def sizes() -> Styler:
    """How many numbers both players learn, at the published widths and at those of `quick`."""
    recipes = {f"{name}, {of}": named(name).at(of) for of in ("paper", "quick") for name in ("tfd-1", "tfd-2")}
    widths = {name: ", ".join(str(layer.units) for layer in recipe.G) for name, recipe in recipes.items()}
    return plots.table([{"recipe": name, "widths of G": widths[name], **recipes[name].sizes()} for name in recipes])


def stage(n: int, data: Dataset) -> Recipe:
    """The recipe of stage 1 or 2 for these faces, as wide as the profile says."""
    return replace(named(f"tfd-{n}").at(profile()), data=data.name)


def longest(net: Generator | Discriminator) -> list[float]:
    """The longest incoming weight vector of each layer."""
    return [round(layer.linear.weight.norm(dim=1).max().item(), 2) for layer in net.layers]


def on_a_fresh_bottom(trained: checkpoints.Trained, data: Dataset) -> Generator:
    """G as stage 2 begins, with the upper three layers of the trained pair as its top."""
    recipe = replace(trained.recipe, data=data.name)
    return Trainer(recipe, data, seed=0, top=trained.G.layers[-3:]).G


@torch.no_grad()
def codes(G: Generator, z: Tensor) -> Tensor:
    """What the two bottom layers of stage 2's G hand up: (m, 100) -> (m, 100)."""
    return G.layers[1](G.layers[0](z))


# -- training ---------------------------------------------------------------------------------------------------------


def live(data: Dataset) -> LiveTraining:
    """Stage 1 under your hands, always narrow enough for a CPU."""
    recipe = named("tfd-1").at("smoke" if profile() == "smoke" else "quick")
    return LiveTraining(replace(recipe, data=data.name), data, seed=0, samples=(4, 4))


def seconds() -> float | None:
    """What a cell of this notebook trains for at most: 20 seconds; to the end with the profile `paper`."""
    return None if profile() == "paper" else 20


def folder(what: str, data: Dataset) -> Path:
    """Where this notebook keeps a run."""
    return runs.home() / f"notebook-07-{data.name}-{profile()}-{what}"


def run(n: int, data: Dataset) -> runs.Run:
    """The run of stage 1 or 2 in its folder, begun or gone on with. Stage 2 begins on stage 1 as far as that got."""
    on = folder("stage-1", data) if n == 2 else None
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "the run in .* is at epoch")  # stage 1 had its 20 seconds
        return runs.open(folder(f"stage-{n}", data), stage(n, data), data=data, seed=0, on=on)
