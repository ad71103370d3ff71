"""The recipes: every number of an experiment, as plain data, each with its source.

A recipe is frozen. Vary it with `dataclasses.replace(MNIST, k=3)`; scale it with `MNIST.at("quick")`.
"""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ganlib.errors import RecipeError
from ganlib.game import GENERATOR_COSTS, PRIORS, UPDATES, prior
from ganlib.images import PIXELS
from ganlib.nets import (
    AnyLayer,
    Convolution,
    Deconvolution,
    Discriminator,
    Generator,
    Layer,
    count_parameters,
    is_number,
    layer_from,
    narrowed,
    with_spread_of,
)

PROFILES = ("smoke", "quick", "paper")
LIVE = ("k", "update", "generator_cost", "lr_D", "lr_G", "momentum_start", "momentum_end")
"""The fields that may change while a run trains."""
NOISE = 1406_2661
"""Sets the noise that samples are drawn from apart from every other use of a seed."""


def profile() -> str:
    """The profile of this process, from the environment variable GANLIB_PROFILE: "quick" unless it says otherwise."""
    chosen = os.environ.get("GANLIB_PROFILE", "").strip() or "quick"
    if chosen not in PROFILES:
        raise RecipeError(f"GANLIB_PROFILE is {chosen!r}; use one of {', '.join(PROFILES)}")
    return chosen


def number(meaning: str, key: str, **options: Any) -> Any:
    """A field of a recipe that carries what it means and where its value stands in the recipe's source."""
    return field(metadata={"meaning": meaning, "key": key}, **options)


@dataclass(frozen=True)
class Recipe:
    """All that decides a training run, apart from its seed. Raises `RecipeError` on a value that makes no sense."""

    name: str = number("its name", "")
    source: str = number("where its numbers come from", "")
    data: str = number("the data set, a name for `datasets.load`", "dataset")

    p_z: str = number("the prior on z: uniform is U(-sqrt 3, sqrt 3), normal is N(0, 1)", "generator: noise")
    z_dim: int = number("coordinates of z", "generator: nvis")
    G: tuple[AnyLayer, ...] = number("G's layers, from z up", "generator: layers")
    D: tuple[AnyLayer, ...] = number("D's layers, from x up", "discriminator: layers, include_probs, input_scales")

    batch: int = number("m: data examples (and as many noise samples) in a minibatch", "algorithm: batch_size")
    k: int = number(
        "D's updates to one of G's", "algorithm: one update of both on each batch (paper, Algorithm 1: k = 1)"
    )
    update: str = number(
        "simultaneous: both players from the same old parameters (the authors' code); "
        "alternating: D first, then G against the new D (Algorithm 1 as printed)",
        "algorithm: SGD on the joint cost",
    )
    generator_cost: str = number(
        "non-saturating: -log D(G(z)) (section 3, the authors' code); minimax: log(1 - D(G(z))) (eq. 1)",
        "cost: AdversaryCost2",
    )
    lr_D: float = number("D's rate at the first update", "algorithm: learning_rate")
    lr_G: float = number("G's rate at the first update", "algorithm: learning_rate")
    lr_decay: float = number("the rates are divided by this after each update", "update_callbacks: decay_factor")
    lr_min: float = number("the rates never fall below this", "update_callbacks: min_lr")
    momentum_start: float = number("mu in the first epoch", "learning_rule: init_momentum")
    momentum_end: float = number("mu from `momentum_epochs` on", "extensions: final_momentum")
    momentum_epochs: int = number("the epoch at which mu has risen (linearly) to its end", "extensions: saturate")
    epochs: int = number(
        "passes over the training data. TFD: 50 and 22, the authors'. The files for MNIST and CIFAR-10 have no "
        "stopping rule; a related one stopped after 100 epochs without a better validation score. There the number is "
        "ours",
        "none",
    )
    examples: int = number("training examples used, the first of the split; 0 means all", "none (all)", default=0)
    n_samples: int = number("samples of G that the Parzen estimator takes as centres", "parzen_ll.py", default=10_000)
    pixels: str = number(
        "what the nets see of a picture: unit is [0, 1]; gcn is global contrast normalisation",
        "dataset",
        default="unit",
    )
    max_norm: float = number(
        "after each update the incoming weights of every unit (in maxout: of every piece) are scaled down to this L2 "
        "norm; 0 means no limit",
        "max_col_norm",
        default=0.0,
    )
    built_on: str = number(
        "the recipe whose trained G makes the top layers of this one's G; they go on learning", "layers", default=""
    )

    def __post_init__(self) -> None:
        for name in ("z_dim", "batch", "k", "momentum_epochs", "epochs", "n_samples"):
            at_least = 2 if name == "n_samples" else 1
            _check_integer(name, getattr(self, name), at_least)
        _check_integer("examples", self.examples, 0)
        for name in ("lr_D", "lr_G", "lr_min"):
            rate = getattr(self, name)
            if not (is_number(rate) and 0 < rate < math.inf):
                raise RecipeError(f"{name} is {rate!r}; a learning rate must be a positive, finite number (try 0.1)")
        for name in ("momentum_start", "momentum_end"):
            mu = getattr(self, name)
            if not (is_number(mu) and 0 <= mu < 1):
                raise RecipeError(f"{name} is {mu!r}; momentum must lie in [0, 1) (the recipe rises from 0.5 to 0.7)")
        if not (is_number(self.lr_decay) and 1 <= self.lr_decay < math.inf):
            raise RecipeError(f"lr_decay is {self.lr_decay!r}; it divides the rates, so it must be a number >= 1")
        if not (is_number(self.max_norm) and 0 <= self.max_norm < math.inf):
            raise RecipeError(f"max_norm is {self.max_norm!r}; it must be a finite number >= 0 (0: no limit)")
        if not isinstance(self.built_on, str):
            raise RecipeError(f"built_on is {self.built_on!r}; it must be the name of a recipe, or empty")
        _check_choice("pixels", self.pixels, PIXELS)
        _check_choice("p_z", self.p_z, PRIORS)
        _check_choice("update", self.update, UPDATES)
        _check_choice("generator_cost", self.generator_cost, GENERATOR_COSTS)

    def lr(self, player: str, t: int) -> float:
        """The rate of "D" or "G" after t updates: max(lr_0 / lr_decay^t, lr_min)."""
        return max(getattr(self, f"lr_{player}") * self.lr_decay**-t, self.lr_min)  # a positive exponent could overflow

    def momentum(self, epoch: int) -> float:
        """mu in an epoch (the first is 1): linear from `momentum_start` to `momentum_end` at `momentum_epochs`."""
        share = min(max((epoch - 1) / max(self.momentum_epochs - 1, 1), 0.0), 1.0)
        return self.momentum_start + share * (self.momentum_end - self.momentum_start)

    def networks(self, seed: int, data_mean: Tensor) -> tuple[Generator, Discriminator]:
        """G and D as the recipe starts them, in float32 on the CPU.

        `data_mean` (d,), in [0, 1], is the mean of the training data, which the marginal bias of G's output needs.
        """
        rng = torch.Generator().manual_seed(seed)
        G = Generator(self.z_dim, self.G, rng, data_mean)
        return G, Discriminator(len(data_mean), self.D, rng)

    def sizes(self) -> dict[str, int]:
        """How many numbers G and D learn, counted without the memory that they take."""
        with torch.device("meta"):
            nets = self.networks(0, torch.full((self.G[-1].units,), 0.5))
        return dict(zip(("G", "D"), map(count_parameters, nets), strict=True))

    def noise(self, n: int, seed: int = 0) -> Tensor:
        """n draws from p_z: (n, z_dim), float32 on the CPU, from a stream of its own.

        The seed alone would give back the very numbers that `networks` began the weights of that seed with.
        """
        stream = int(np.random.SeedSequence([seed, NOISE]).generate_state(1, np.uint64)[0] >> np.uint64(1))
        return prior(self.p_z, n, self.z_dim, torch.Generator().manual_seed(stream))

    def samples(self, G: Generator, n: int, seed: int = 0) -> Tensor:
        """n fair draws x = G(z): (n, d) on the CPU. The same seed means the same z on every device."""
        return G.pictures(self.noise(n, seed))

    def at(self, profile: str) -> Recipe:
        """The recipe scaled: "paper" is the recipe itself; `changes` says what the others changed."""
        if profile == "paper":
            return self
        if profile not in SCALES:
            raise RecipeError(f"unknown profile {profile!r}; use one of {', '.join(PROFILES)}")
        scale = dict(SCALES[profile].get(self.name, SCALES[profile]["mnist"]))
        G = narrowed(self.G, scale.pop("divide_G", 1), keep=self.z_dim)  # 100 units in a G stand for the z of a stage
        D = narrowed(self.D, scale.pop("divide_D", 1))
        if scale.pop("keep_spread", False):
            G, D = with_spread_of(self.G, G), with_spread_of(self.D, D)
        G = (*G[:-1], replace(G[-1], irange=scale.pop("output_irange", G[-1].irange)))
        times = scale.pop("times_irange_D", 1.0)
        D = tuple(replace(layer, irange=times * layer.irange) for layer in D)
        return replace(self, G=G, D=D, **scale)

    def changes(self, reference: Recipe) -> list[str]:
        """What differs from another recipe, a line a field: "epochs: 600 -> 4"."""
        lines = []
        for item in fields(self):
            old, new = getattr(reference, item.name), getattr(self, item.name)
            if old != new:
                lines.append(f"{item.name}: {' -> '.join(_difference(old, new))}")
        return lines

    def table(self) -> list[tuple[str, str, str, str]]:
        """Rows of (field, value, what it means, where its value stands in the source)."""
        return [
            (item.name, _brief(getattr(self, item.name)), item.metadata["meaning"], item.metadata["key"])
            for item in fields(self)
        ]

    def to_dict(self) -> dict[str, Any]:
        """The recipe as plain numbers, strings, lists and dicts, for a checkpoint or a JSON file."""
        return asdict(self)

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any]) -> Recipe:
        """The recipe that `to_dict` wrote. Raises `RecipeError` on anything else."""
        try:
            stacks = {name: tuple(layer_from(layer) for layer in plain[name]) for name in ("G", "D")}
            return cls(**{**plain, **stacks})
        except (TypeError, KeyError) as error:
            raise RecipeError(f"this is not a recipe that this version of ganlib wrote: {error}") from None


def named(name: str) -> Recipe:
    """The recipe of that name. Raises `RecipeError` with the names there are."""
    if name not in RECIPES:
        raise RecipeError(f"unknown recipe {name!r}; there are: {', '.join(sorted(RECIPES))}")
    return RECIPES[name]


def _check_integer(name: str, value: Any, at_least: int) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or value < at_least:
        raise RecipeError(f"{name} is {value!r}; it must be an integer >= {at_least}")


def _check_choice(name: str, value: Any, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise RecipeError(f"{name} is {value!r}; use one of {', '.join(choices)}")


def _difference(old: Any, new: Any) -> tuple[str, str]:
    """Both values in brief; of layers that differ in their widths and iranges alone, those that differ."""
    if not (isinstance(old, tuple) and _bare(old) == _bare(new)):
        return _brief(old), _brief(new)
    both = [("widths", [[layer.width for layer in layers] for layers in (old, new)])]
    both.append(("irange", [[float(f"{layer.irange:.4g}") for layer in layers] for layers in (old, new)]))
    told = [[f"{name} {', '.join(map(str, side))}" for side in sides] for name, sides in both if sides[0] != sides[1]]
    return tuple("; ".join(side) for side in zip(*told, strict=True)) if told else (_brief(old), _brief(new))


def _bare(layers: tuple[AnyLayer, ...]) -> list[AnyLayer]:
    """The layers without their widths, nor those of the layers below, nor what follows from them."""
    bare = [replace(layer.with_width(1), irange=0.0) for layer in layers]
    above = [replace(layer, of=(1, *layer.of[1:])) if isinstance(layer, Convolution) else layer for layer in bare[1:]]
    return bare[:1] + above  # what the first one reads is the picture


def _brief(value: Any) -> str:
    """A field's value in a line."""
    return ", ".join(str(layer) for layer in value) if isinstance(value, tuple) else str(value)


def _maxout_D(units: int) -> tuple[Layer, ...]:
    """The fully connected D of the published files: two maxout layers of so many units with five pieces, a sigmoid."""
    return (
        Layer(units, "maxout", pieces=5, irange=0.005, keep=0.8),
        Layer(units, "maxout", pieces=5, irange=0.005, keep=0.5),
        Layer(1, "sigmoid", irange=0.005, keep=0.5),
    )


MNIST = Recipe(
    name="mnist",
    source="mnist.yaml, the authors' published hyperparameters (Goodfellow et al., June 2014)",
    data="mnist",
    p_z="uniform",
    z_dim=100,
    G=(
        Layer(1200, "relu", irange=0.05),
        Layer(1200, "relu", irange=0.05),
        Layer(784, "sigmoid", irange=0.05, bias="marginal"),
    ),
    D=_maxout_D(240),
    batch=100,
    k=1,
    update="simultaneous",
    generator_cost="non-saturating",
    lr_D=0.1,
    lr_G=0.1,
    lr_decay=1.000004,
    lr_min=1e-6,
    momentum_start=0.5,
    momentum_end=0.7,
    momentum_epochs=250,
    epochs=700,
)
"""MNIST as the authors trained it: the real-valued digits in [0, 1], 50,000 for training, 10,000 for validation."""

TOY = Recipe(
    name="toy",
    source="this project's: the paper gives no numbers for Figure 1",
    data="drawn afresh from a density",
    p_z="uniform",
    z_dim=1,
    G=(
        Layer(32, "relu", irange=1.0, bias="irange"),
        Layer(1, "linear", irange=0.3),
    ),
    D=(
        Layer(16, "relu", irange=1.5, bias="irange"),
        Layer(16, "relu", irange=0.43, bias="irange"),
        Layer(1, "sigmoid", irange=0.43),
    ),
    batch=64,
    k=1,
    update="alternating",
    generator_cost="non-saturating",
    lr_D=0.3,
    lr_G=0.01,
    lr_decay=1.0,
    lr_min=1e-6,
    momentum_start=0.0,
    momentum_end=0.0,
    momentum_epochs=1,
    epochs=1,
)
"""The game of Figure 1, in one dimension: a G of rectifiers, so that p_g is exact, against a D of rectifiers too."""

RING = replace(
    TOY,
    name="ring",
    p_z="normal",
    z_dim=4,
    G=(Layer(64, "relu", irange=0.87), Layer(64, "relu", irange=0.22), Layer(2, "linear", irange=0.22)),
    D=(
        Layer(64, "relu", irange=1.2, bias="irange"),
        Layer(64, "relu", irange=0.22, bias="irange"),
        Layer(1, "sigmoid", irange=0.22),
    ),
    batch=128,
    lr_D=0.03,
    lr_G=0.01,
)
"""Games in the plane, for modes on a ring or a grid. The rates are slow ones; tenfold ones lose most modes."""

_TFD_TOP = (
    Layer(8000, "relu", irange=0.05),
    Layer(8000, "sigmoid", irange=0.05, bias=-2.0),
    Layer(2304, "sigmoid", irange=0.05, sparse=100, bias="marginal"),
)

TFD_1 = replace(
    MNIST,
    name="tfd-1",
    source="the authors' published hyperparameters for TFD, first stage (Goodfellow et al., June 2014)",
    data="tfd",
    p_z="normal",
    G=_TFD_TOP,
    D=_maxout_D(1200),
    lr_D=0.05,
    lr_G=0.05,
    max_norm=1.9365,
    epochs=50,
)
"""The Toronto Face Database, first of two stages: its unlabeled faces, 48 x 48, in [0, 1]."""

TFD_2 = replace(
    TFD_1,
    name="tfd-2",
    source="the authors' published hyperparameters for TFD, second stage (Goodfellow et al., June 2014)",
    G=(Layer(8000, "relu", irange=0.05), Layer(100, "sigmoid", irange=0.05, bias=-2.0), *_TFD_TOP),
    epochs=22,
    built_on="tfd-1",
)
"""The second stage: a new bottom under the three layers of the first stage's G, all trained, against a fresh D."""

CIFAR10_FC = replace(
    MNIST,
    name="cifar10-fc",
    source="the authors' published hyperparameters for CIFAR-10, fully connected (Goodfellow et al., June 2014)",
    data="cifar10",
    pixels="gcn",
    p_z="normal",
    G=(
        Layer(8000, "relu", irange=0.05),
        Layer(8000, "sigmoid", irange=0.05),
        Layer(3072, "linear", irange=0.5),
    ),
    D=_maxout_D(1600),
    lr_D=0.025,
    lr_G=0.025,
    epochs=250,
)
"""CIFAR-10 with fully connected nets (Figure 2c). The published file has no stopping rule: the epochs are ours."""

CIFAR10_CONV = replace(
    CIFAR10_FC,
    name="cifar10-conv",
    source="the authors' published hyperparameters for CIFAR-10, convolutional (Goodfellow et al., June 2014)",
    G=(
        Layer(8000, "relu", irange=0.05),
        Layer(8000, "sigmoid", irange=0.05),
        Deconvolution((80, 10, 10), channels=3, kernel=5, stride=3, irange=0.05),
    ),
    D=(
        Convolution((3, 32, 32), 32, pieces=2, kernel=8, padding=4, pool=4, stride=2, irange=0.005, keep=0.8),
        Convolution((32, 16, 16), 32, pieces=2, kernel=8, padding=3, pool=4, stride=2, irange=0.005, keep=0.5),
        Convolution((32, 7, 7), 192, pieces=2, kernel=5, padding=3, pool=2, stride=2, irange=0.005, keep=0.5),
        Layer(500, "maxout", pieces=5, irange=0.005, keep=0.5),
        Layer(1, "sigmoid", irange=0.005, keep=0.5),
    ),
    batch=128,
    lr_D=0.004,
    lr_G=0.004,
)
"""CIFAR-10 with a convolutional D and a G that ends in a transposed convolution (Figure 2d)."""

RECIPES = {recipe.name: recipe for recipe in (MNIST, TFD_1, TFD_2, CIFAR10_FC, CIFAR10_CONV)}

SCALES: dict[str, dict[str, dict[str, Any]]] = {
    "smoke": {
        "mnist": {"divide_G": 10, "divide_D": 10, "epochs": 5, "examples": 2_000, "n_samples": 500},
        "tfd-1": {"divide_G": 40, "divide_D": 40, "epochs": 2, "examples": 1_000, "n_samples": 200},
        "tfd-2": {"divide_G": 40, "divide_D": 40, "epochs": 2, "examples": 1_000, "n_samples": 200},
        "cifar10-fc": {"divide_G": 40, "divide_D": 40, "epochs": 2, "examples": 1_000, "n_samples": 200},
        "cifar10-conv": {"divide_G": 40, "divide_D": 16, "epochs": 2, "examples": 512, "n_samples": 200},
    },
    "quick": {
        "mnist": {"epochs": 8},
        "tfd-1": {"divide_G": 8, "divide_D": 8, "keep_spread": True, "lr_D": 0.05, "lr_G": 0.15, "epochs": 30},
        "tfd-2": {"divide_G": 8, "divide_D": 8, "keep_spread": True, "lr_D": 0.05, "lr_G": 0.15},
        "cifar10-fc": {
            **{"divide_G": 10, "divide_D": 10, "keep_spread": True, "output_irange": 0.05},
            **{"lr_D": 0.05, "lr_G": 0.2, "epochs": 40},
        },
        "cifar10-conv": {
            **{"divide_G": 10, "divide_D": 4, "keep_spread": True, "output_irange": 0.7, "times_irange_D": 4.0},
            **{"lr_D": 0.008, "lr_G": 0.06, "epochs": 15},
        },
    },
}
"""What a profile changes, recipe by recipe: widths divided, fewer passes, fewer pictures.

Where `quick` trains narrow nets long enough to be looked at, they keep the spread of the wide ones at the start
(`with_spread_of`), and learn at higher rates: at one and the same rate a net of a c-th of the width changes what it
computes about c times more slowly. The fully connected G of CIFAR-10 starts, by the recipe, with pixels that
spread 13 times as wide as the data's; a narrow one does not recover from that within minutes, so its output starts at a
tenth of the irange. The convolutional pair starts, by the recipe, with logits of a millionth and with pixels that
spread a fifth as wide as the data's, and rests there for thousands of updates; the narrow pair starts farther out.
`changes` says all of it.
"""
