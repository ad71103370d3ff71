"""Experiments on digits for the claims of sections 3, 5 and 6: nets of the recipe's size, a few epochs, two seeds.

`tools/make_claims.py` runs them and keeps what they return in results/claims.json, plain numbers all of it.
"""

from __future__ import annotations

import base64
import time
import zlib
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor, nn

from ganlib import game, hardware, parzen, scale
from ganlib.average import Average
from ganlib.checkpoints import pretrained
from ganlib.datasets import Dataset
from ganlib.nets import Dense, Discriminator, Generator, Layer, Rng, count_parameters
from ganlib.players import Player
from ganlib.recipes import MNIST, Recipe
from ganlib.studies import measures
from ganlib.trainer import Trainer

EPOCHS = 8  # as many as the profile `quick` trains
SEEDS = (0, 1)
N_NEIGHBOURS = 3_000  # pictures on each side of precision and recall
CURVES = ("epoch", "V", "D_real", "D_fake", "norm_G")
N_SHEET = 20  # samples that are kept to be looked at

# -- noise at every layer ----------------------------------------------------------------------------------------------


class NoisyGenerator(Generator):
    """G with noise at every layer: z (m, z_dim) is cut into equal parts, and each joins the input of one layer."""

    def __init__(self, z_dim: int, layers: tuple[Layer, ...], rng: Rng = None, data_mean: Tensor | None = None):
        nn.Module.__init__(self)
        self.z_dim, self.part = z_dim, z_dim // len(layers)
        widths = (0, *(layer.units for layer in layers[:-1]))
        self.layers = nn.ModuleList(
            Dense(width + self.part, layer, rng, data_mean) for width, layer in zip(widths, layers, strict=True)
        )

    def forward(self, z: Tensor) -> Tensor:
        """Draw x = G(z): (m, z_dim) -> (m, d)."""
        h = z[..., :0]
        for layer, noise in zip(self.layers, z.split(self.part, -1), strict=True):
            h = layer(torch.cat([h, noise], -1))
        return h


@dataclass(frozen=True)
class NoisyRecipe(Recipe):
    """A recipe whose G is a `NoisyGenerator`."""

    @classmethod
    def of(cls, recipe: Recipe) -> Self:
        """The recipe with as many coordinates of noise at every layer of G as it has at the bottom."""
        return cls(**vars(recipe) | {"name": f"{recipe.name}, noise everywhere", "z_dim": recipe.z_dim * len(recipe.G)})

    def networks(self, seed: int, data_mean: Tensor) -> tuple[Generator, Discriminator]:
        """G and D as they start."""
        rng = torch.Generator().manual_seed(seed)
        return NoisyGenerator(self.z_dim, self.G, rng, data_mean), Discriminator(len(data_mean), self.D, rng)


@torch.no_grad()
def shares(G: NoisyGenerator, n: int = 200, redraws: int = 20, seed: int = 0) -> list[float]:
    """How much of the samples' variance the noise of each layer makes when all else is held: a share a layer.

    The mean over n held z of the variance of G over `redraws` of one part, summed over the pixels, by the variance of
    fair samples. The shares need not sum to 1, as the parts act together.
    """
    rng = torch.Generator().manual_seed(seed)
    z = game.prior("uniform", n, G.z_dim, rng)
    total = G.pictures(game.prior("uniform", n * redraws, G.z_dim, rng)).var(0).sum()
    found = []
    for i in range(len(G.layers)):
        many = z.repeat_interleave(redraws, 0)  # (n * redraws, z_dim)
        part = slice(i * G.part, (i + 1) * G.part)
        many[:, part] = game.prior("uniform", len(many), G.part, rng)
        each = G.pictures(many).unflatten(0, (n, redraws)).var(1).sum(-1)  # (n,)
        found.append((each.mean() / total).item())
    return found


@torch.no_grad()
def redrawn(G: NoisyGenerator, rows: int = 4, columns: int = 10, seed: int = 0) -> Tensor:
    """Samples that share the noise at the bottom along a row, with all other noise drawn anew: (rows * columns, d)."""
    rng = torch.Generator().manual_seed(seed)
    z = game.prior("uniform", rows * columns, G.z_dim, rng)
    z[:, : G.part] = z[::columns, : G.part].repeat_interleave(columns, 0)
    return G.pictures(z)


# -- recipes against one another ---------------------------------------------------------------------------------------


def discriminator(kind: str, drops: bool) -> tuple[Layer, ...]:
    """D of "maxout", as the recipe has it, or of "relu" with about as many parameters; with its dropout or without."""
    layers = MNIST.D
    if kind == "relu":
        layers = tuple(replace(layer, units=784, activation="relu", pieces=1) for layer in layers[:2]) + layers[2:]
    return layers if drops else tuple(replace(layer, keep=1.0) for layer in layers)


VARIANTS: dict[str, Recipe] = {
    "recipe": MNIST,
    "noise at every layer": NoisyRecipe.of(MNIST),
    "rectifiers, dropout": replace(MNIST, D=discriminator("relu", True)),
    "maxout, no dropout": replace(MNIST, D=discriminator("maxout", False)),
    "minimax cost": replace(MNIST, generator_cost="minimax"),
    "rectifiers, no dropout": replace(MNIST, D=discriminator("relu", False)),
}
"""What is compared, by name; everything else is the recipe's."""


class Ruler:
    """What samples of digits are measured by: a classifier trained here, real test digits as its floor, Parzen."""

    def __init__(self, data: Dataset):
        self.data = data
        self.classifier = measures.train_classifier(data.train, data.train_labels, data.test, data.test_labels)
        drawn = torch.randperm(len(data.train), generator=torch.Generator().manual_seed(0))[:10_000]
        self.train, self.test = (self.classifier.features(scale(x)) for x in (data.train[drawn], data.test))
        self.classes = measures.classes(self.classifier, scale(data.test))

    def floor(self) -> dict[str, float]:
        """What real test digits give."""
        return {"accuracy": self.classifier.accuracy, "frechet": measures.frechet(self.train, self.test)}

    def untrained(self) -> dict[str, float]:
        """What samples of a G give that has not been trained."""
        G, _ = MNIST.networks(0, self.data.mean())
        return self.measure(MNIST.samples(G, 10_000, 1))

    def measure(self, x: Tensor) -> dict[str, float]:
        """The measures of samples x (n, 784)."""
        features = self.classifier.features(x)
        near = measures.precision_recall(self.test[:N_NEIGHBOURS], features[:N_NEIGHBOURS])
        found = measures.classes(self.classifier, x)
        score = parzen.validation_score(x, scale(self.data.valid))
        told = {"frechet": measures.frechet(self.train, features), "precision": near[0], "recall": near[1]}
        told |= {"classes": found.distance(self.classes), "unsure": found.unsure}
        return rounded(told | {name: score[name] for name in ("log_likelihood", "standard_error", "sigma")})


def run(recipe: Recipe, data: Dataset, ruler: Ruler, seed: int, epochs: int = EPOCHS) -> dict[str, Any]:
    """Train a recipe for some epochs; measure its last iterate and its average; keep curves and a sheet of samples."""
    begun = time.perf_counter()
    trainer = Trainer(replace(recipe, epochs=epochs), data, seed=seed, device="cpu", history_every=50)
    average = Average(trainer.G)
    for step in trainer.steps(epochs * trainer.batches):
        average.see(step.step)
    trained = time.perf_counter() - begun
    told: dict[str, Any] = {"seed": seed, "epochs": epochs, "changes": recipe.changes(MNIST)}
    told |= {"parameters_D": count_parameters(trainer.D), "precision": trainer.hardware.precision}
    told["training_seconds"] = round(trained, 1)
    for name, G in (("last", trainer.G), ("average", average.G)):
        told[name] = ruler.measure(trainer.recipe.samples(G, 10_000, 1).float())
    told["curves"] = {
        name: np.round(trainer.history.column(name), 5).tolist()
        for name in ("epoch", "V", "D_real", "D_fake", "norm_G")
    }
    told["samples"] = packed(trainer.recipe.samples(average.G, N_SHEET, 2))
    if isinstance(average.G, NoisyGenerator):
        told |= {"shares": rounded(shares(average.G)), "redrawn": packed(redrawn(average.G))}
    return told


# -- D alone, to completion, on finite data ----------------------------------------------------------------------------

BEGUN = 0.05
"""The irange of a D that is trained alone: from the recipe's 0.005, against a G that is good already, it would rest at
1/2 for a thousand updates and more."""
FINITE = {"500": 500, "5,000": 5_000, "50,000": 50_000}
"""How many digits D is trained on."""


def D_alone(
    data: Dataset,
    G: Generator,
    n: int,
    layers: tuple[Layer, ...] = MNIST.D,
    *,
    seed: int = 0,
    steps: int = 2_000,
    points: int = 20,
) -> dict[str, list[float]]:
    """Train D alone, by the recipe but from `BEGUN`, against a held G on n digits; watch V on these and on fresh ones.

    The fakes are fresh at each step; those of the measurements are others, the same each time. D is measured without
    dropout, on at most 2,000 digits of a kind. "accuracy" is the share of digits taken for data and fakes for fakes.
    """
    recipe = replace(MNIST, D=tuple(replace(layer, irange=BEGUN) for layer in layers))
    on = hardware.choose("cpu")
    rng = torch.Generator().manual_seed(seed)
    order = torch.randperm(len(data.train), generator=rng)[:n]
    digits = scale(data.train[order])
    D = Discriminator(data.d, recipe.D, rng)
    player, dtype = Player(D, on.product_dtype), on.product_dtype
    fakes = recipe.samples(G, 2_000, 77)
    sides = {"train": digits[:2_000], "validation": scale(data.valid[:2_000])}
    told: dict[str, list[float]] = {"step": [], **{f"{what}_{s}": [] for s in sides for what in ("V", "accuracy")}}
    G_plays = Player(G, dtype).plays()
    due = {0, *np.unique(np.geomspace(25, steps, points).round().astype(int)).tolist()}
    for step in range(steps + 1):
        if step in due:
            with torch.no_grad():
                a_fake = D.logit(fakes)
                told["step"].append(step)
                for side, x in sides.items():
                    a_real = D.logit(x)
                    told[f"V_{side}"].append(round(game.value(a_real, a_fake).item(), 4))
                    right = ((a_real > 0).double().mean() + (a_fake <= 0).double().mean()) / 2
                    told[f"accuracy_{side}"].append(round(right.item(), 4))
        x = digits[torch.randint(n, (recipe.batch,), generator=rng)].to(dtype)
        with torch.no_grad():
            fake = G_plays(game.prior(recipe.p_z, len(x), recipe.z_dim, rng, dtype))
        found = game.discriminator_gradients(player.plays(), x, fake, rng)
        player.descend(found.D, recipe.lr("D", step), recipe.momentum(1))
    return told


# -- what needs no training --------------------------------------------------------------------------------------------


def copies(data: Dataset, n: int = 2_000, m: int = 10_000) -> dict[str, Any]:
    """Do samples of the shipped weights lie near the training digits because G has seen these? Two questions of each.

    Whether they lie nearer to the training digits than fresh digits do (`measures.memorisation`), which smooth pictures
    do without having copied anything. And "seen": how often the nearest digit, among m training digits and m that G has
    never seen, is one of the former; of fresh digits this should be as often. "seen_z": the difference to these, in
    standard deviations. The control is n training digits with Gaussian noise of standard deviation 0.05, cut to [0, 1].
    """
    trained = pretrained("mnist")
    noise = 0.05 * torch.randn(n, data.d, generator=torch.Generator().manual_seed(0))
    sides = {"fresh": scale(data.test[:n]), "last": trained.samples(n, 1), "average": trained.averaged().samples(n, 1)}
    sides["noisy copies"] = (scale(data.train[:n]) + noise).clamp(0, 1)
    near = {name: measures.nearest_distance(x, data.train) for name, x in sides.items()}
    seen = {
        name: (measures.nearest_distance(x, data.train[:m]) < measures.nearest_distance(x, data.valid[:m]))
        .double()
        .mean()
        for name, x in sides.items()
    }
    told: dict[str, Any] = {
        "n": n,
        "m": m,
        "fresh": {"median": near["fresh"].median().item(), "seen": seen["fresh"].item()},
    }
    for name in ("last", "average", "noisy copies"):
        found, share = measures.memorisation(near[name], near["fresh"]), (seen[name] + seen["fresh"]) / 2
        told[name] = {"nearer": found.nearer, "z": found.z, "tail": found.tail, "tail_p": found.tail_p}
        told[name] |= {"copies": found.copies, "median": near[name].median().item(), "seen": seen[name].item()}
        told[name]["seen_z"] = ((seen[name] - seen["fresh"]) / (2 * share * (1 - share) / n).sqrt()).item()
    return rounded(told)


def rounded(told: Any) -> Any:
    """The same with floats of six significant digits."""
    if isinstance(told, dict):
        return {name: rounded(value) for name, value in told.items()}
    if isinstance(told, list):
        return [rounded(value) for value in told]
    return float(f"{told:.6g}") if isinstance(told, float) else told


def packed(x: Tensor) -> str:
    """Pictures (n, d) in [0, 1] as text: uint8, compressed, in base 64."""
    levels = x.clamp(0, 1).mul(255).round().to(torch.uint8).numpy()
    return base64.b64encode(zlib.compress(levels.tobytes(), 9)).decode("ascii")


def unpacked(text: str, d: int = 784) -> Tensor:
    """The pictures that `packed` wrote: (n, d) in [0, 1]."""
    levels = np.frombuffer(zlib.decompress(base64.b64decode(text)), np.uint8).copy()
    return torch.from_numpy(levels).reshape(-1, d).float() / 255
