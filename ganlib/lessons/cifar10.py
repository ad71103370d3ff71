"""Notebook 08: CIFAR-10, fully connected and convolutional."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from matplotlib.axes import Axes
from pandas.io.formats.style import Styler
from torch import Tensor
from torch.nn.functional import conv_transpose2d

from ganlib import datasets, images, nets, plots, runs
from ganlib.checkpoints import Trained
from ganlib.datasets import Dataset
from ganlib.errors import RecipeError, brief, is_whole
from ganlib.nets import Discriminator
from ganlib.recipes import CIFAR10_CONV, MNIST, Recipe, named, profile
from ganlib.widgets import Guess, LiveTraining

WHITE = 3.0  # normalised pixels from -3 to 3, three standard deviations, are shown from black to white

# -- guesses ----------------------------------------------------------------------------------------------------------


def guess_what_comes_first() -> Guess:
    """What G learns to draw first."""
    return Guess(
        "Which of these does G learn to draw first?",
        ["the outlines of things", "large areas of light and colour", "fine texture, such as grass"],
        answer="large areas of light and colour",
        because="By epoch 5 both pairs draw soft spots of light and colour. Horizons and dark things come later.",
    )


def guess_first_pixels() -> Guess:
    """How large the pixels of an untrained, fully connected G are."""
    return Guess(
        "The pixels of real pictures spread by 0.99. How far do those of the untrained, fully connected G spread?",
        ["a tenth as far", "about as far", "more than ten times as far"],
        answer="more than ten times as far",
        because="Each pixel adds up 8,000 sigmoids near 1/2, with weights of up to ±0.5.",
    )


def guess_places() -> Guess:
    """How many places of the layer below reach a pixel of the transposed convolution."""
    return Guess(
        "How many of the 10 × 10 places reach one pixel of the picture?",
        ["always 1", "1, 2 or 4, which depends on the pixel", "always 4", "always 25"],
        answer="1, 2 or 4, which depends on the pixel",
        because="Windows of 5 that begin 3 apart overlap by 2: along a line a pixel lies in one window, or in two.",
    )


def guess_what_survives() -> Guess:
    """What contrast normalisation leaves of a picture."""
    return Guess(
        "Which of these does the normalised picture still tell you?",
        ["its brightness", "its contrast", "whether it is bluish or reddish"],
        answer="whether it is bluish or reddish",
        because="One mean and one norm are taken over all three colours together. The balance between them stays.",
    )


# -- pictures ---------------------------------------------------------------------------------------------------------


def shown(x: Tensor) -> Tensor:
    """Normalised pictures (n, 3072) to [0, 1] for the eye, all in one range: from -3, black, to 3, white."""
    return images.shown(x, "gcn", WHITE)


def strongest(D: Discriminator, n: int) -> Tensor:
    """The n longest weight vectors of the fully connected D's first layer as pictures: (n, 3072) in [0, 1]."""
    weight = D.layers[0].linear.weight.detach()  # (units * pieces, 3072)
    return images.filters(weight[weight.norm(dim=1).argsort(descending=True)[:n]])


def windows(D: Discriminator) -> Tensor:
    """All filters of the convolutional D's first layer as pictures, a map's pieces side by side: (n, 192) in [0, 1]."""
    return images.filters(D.layers[0].convolution.weight)


# -- the shipped pairs ------------------------------------------------------------------------------------------------


def what_was_changed(pair: Trained) -> Styler:
    """How the recipe of a shipped pair differs from the published one, which has no number of epochs."""
    published = named(pair.recipe.name)
    told = [row for row in pair.recipe.differences(published) if row[0] != "epochs"]
    return plots.changes(told, f"{published.name}, published", "this pair")


# -- the recipes ------------------------------------------------------------------------------------------------------


def published(before: Recipe, now: Recipe) -> Styler:
    """What a published recipe changes of another one; the published files have no stopping rule, so no epochs."""
    rows: list[tuple[str, str, str, str]] = []
    for row in now.differences(before):
        if row[0] in ("G", "D") and not row[1]:  # nets of other kinds of layers
            rows += plots.side_by_side(row[0], getattr(before, row[0]), getattr(now, row[0]))
        elif row[0] not in ("name", "source", "data", "epochs"):
            rows.append(row)
    return plots.changes(rows, *({MNIST: "digits"}.get(recipe, recipe.name) for recipe in (before, now)))


def shapes() -> Styler:
    """The convolutional layers of the published pair: what each reads and puts out."""
    rows = []
    for layer in CIFAR10_CONV.D[:3]:
        side = layer.of[1] + 2 * layer.padding - layer.kernel + 1
        convolved = f"{layer.pieces} x {layer.maps} maps of {side} x {side}"
        rows.append({"layer": "D, convolution", "reads": layer.of, "convolved": convolved, "puts out": layer.shape})
    last = CIFAR10_CONV.G[-1]
    rows.append({"layer": "G, transposed", "reads": last.of, "convolved": "", "puts out": last.shape})
    return plots.table([{key: str(value) for key, value in row.items()} for row in rows])


def first_samples(recipe: Recipe, n: int) -> Tensor:
    """What the untrained G of a recipe draws: (n, 3072)."""
    return nets.Generator(recipe.z_dim, recipe.G, torch.Generator().manual_seed(0)).pictures(recipe.noise(n))


@torch.no_grad()
def first_logits(recipe: Recipe, x: Tensor) -> Tensor:
    """What the untrained D of a recipe says of pictures x (n, 3072): logits, (n,)."""
    return nets.Discriminator(x.shape[1], recipe.D, torch.Generator().manual_seed(0)).logit(x)


def widths(recipe: Recipe) -> str:
    """The widths of D's hidden layers, in words: the maps of a convolution, the units of any other."""
    return ", ".join(str(getattr(layer, "maps", layer.units)) for layer in recipe.D[:-1])


def places(kernel: int = 5, stride: int = 3, sides: int = 10) -> Tensor:
    """How many of sides x sides places reach each pixel of a transposed convolution: (size, size).

    Raises `RecipeError` unless each is a whole number from 1 to 100.
    """
    for name, n in {"kernel": kernel, "stride": stride, "sides": sides}.items():
        if not is_whole(n) or not 1 <= n <= 100:
            raise RecipeError(f"{name} is {brief(n)}; it must be a whole number from 1 to 100")
    return conv_transpose2d(torch.ones(1, 1, sides, sides), torch.ones(1, 1, kernel, kernel), stride=stride)[0, 0]


def plot_checkerboard(reach: Tensor, spread: Tensor, x: Tensor) -> Sequence[Axes]:
    """The places that reach each pixel, how each pixel varies with z, (32, 32) both, and a picture x (3072,)."""
    axes = plots.panels(3, width=8.5, height=2.9)
    titles = ("places that reach a pixel: 1, 2 or 4", "how a pixel of G(z) varies with z", "one G(z)")
    for ax, sheet, title in zip(axes, (reach, spread, images.shown(x, "gcn").view(3, 32, 32).permute(1, 2, 0)), titles):
        ax.imshow(sheet.numpy(), cmap="cividis")  # dark is little, yellow is much
        ax.set_title(title)
        ax.set_axis_off()
    return axes


# -- the data and training --------------------------------------------------------------------------------------------


def pictures() -> Dataset:
    """CIFAR-10, found or downloaded; made-up blobs with the profile `smoke`, which is for tests."""
    name = "synthetic-cifar10" if profile() == "smoke" else "cifar10"
    here, how = datasets.status(name)
    if not here:
        print(how)
    data = datasets.load(name)
    sizes = [len(split) for split in (data.train, data.valid, data.test)]
    print(f"{name}: {sizes[0]:,} pictures to train on, {sizes[1]:,} to validate, {sizes[2]:,} to test. {data.note}")
    return data


def live(which: Recipe, data: Dataset) -> LiveTraining:
    """A pair at the width of the profile, under your hands."""
    return LiveTraining(which.at(profile()), data, seed=0, samples=(4, 4))


def seconds() -> float | None:
    """What each pair is trained for at most: 15 seconds with `quick`; to the end with the other profiles."""
    return 15 if profile() == "quick" else None


def folder(what: str, data: Dataset) -> Path:
    """Where this notebook keeps a run."""
    return runs.home() / f"notebook-08-{what}-{data.name}-{profile()}"


def run(name: str, data: Dataset) -> runs.Run:
    """The run of a pair from its seed, begun or gone on with, with a point on its curves every five steps."""
    found = runs.open(folder(name, data), named(name).at(profile()), data=data, seed=0)
    found.trainer.history.every = 5  # so short a run has few steps
    return found
