"""The recipes: every number of an experiment, each with its source. Vary one with `dataclasses.replace`."""

import math
import os
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor

from ganlib import nets
from ganlib.errors import RecipeError
from ganlib.game import GENERATOR_COSTS, PRIORS, UPDATES, prior
from ganlib.images import PIXELS
from ganlib.nets import AnyLayer, Convolution, Deconvolution, Discriminator, Generator, Layer, is_integer, is_number

PROFILES = ("smoke", "quick", "paper")
LIVE = ("k", "update", "generator_cost", "lr_D", "lr_G", "momentum_start", "momentum_end")  # may change in training


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
    D: tuple[AnyLayer, ...] = number(
        "D's layers, from x up", "discriminator: layers; cost: discriminator_input_include_probs, _scales"
    )

    batch: int = number(
        "m: data examples (and as many noise samples) in a minibatch; the last one of an epoch is what is left",
        "algorithm: batch_size",
    )
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
        "passes over the training data. TFD (faces): 50 and 22, of the authors' files from 10 June 2014 on (an earlier "
        "version: 53 and 25). The files for MNIST and CIFAR-10 have no stopping rule: there the number is ours",
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
        for names, fits, rule in RULES:
            for name in names.split():
                value = getattr(self, name)
                if not fits(value):
                    raise RecipeError(f"{name} is {value!r}; {rule}")

    def lr(self, player: str, t: int) -> float:
        """The rate of "D" or "G" after t updates: max(lr_0 / lr_decay^t, lr_min)."""
        return max(getattr(self, f"lr_{player}") * self.lr_decay**-t, self.lr_min)  # a positive exponent could overflow

    def momentum(self, epoch: int) -> float:
        """mu in an epoch (the first is 1): linear from `momentum_start` to `momentum_end` at `momentum_epochs`."""
        share = min(max((epoch - 1) / max(self.momentum_epochs - 1, 1), 0.0), 1.0)
        return self.momentum_start + share * (self.momentum_end - self.momentum_start)

    def epochs_done(self, examples: int, epoch: int, position: int) -> float:
        """Passes over so many examples done, `position` minibatches into the pass `epoch` (the first is 1)."""
        return epoch - 1 + min(position * self.batch, examples) / examples

    def networks(self, seed: int, data_mean: Tensor) -> tuple[Generator, Discriminator]:
        """G and D as they start, float32 on the CPU; `data_mean` (d,), in [0, 1], is for the bias of G's output."""
        rng = torch.Generator().manual_seed(seed)
        return Generator(self.z_dim, self.G, rng, data_mean), Discriminator(len(data_mean), self.D, rng)

    def sizes(self) -> dict[str, int]:
        """How many numbers G and D learn, counted without the memory that they take."""
        with torch.device("meta"):
            G, D = self.networks(0, torch.full((self.G[-1].units,), 0.5))
        return {"G": nets.count_parameters(G), "D": nets.count_parameters(D)}

    def noise(self, n: int, seed: int = 0) -> Tensor:
        """n draws from p_z: (n, z_dim), float32 on the CPU, from a stream of its own."""
        own = 1406_2661  # else the seed would give back the very numbers that `networks` began its weights with
        stream = int(np.random.SeedSequence([seed, own]).generate_state(1, np.uint64)[0] >> np.uint64(1))
        return prior(self.p_z, n, self.z_dim, torch.Generator().manual_seed(stream))

    def samples(self, G: Generator, n: int, seed: int = 0) -> Tensor:
        """n fair draws x = G(z): (n, d) on the CPU. The same seed means the same z on every device."""
        return G.pictures(self.noise(n, seed))

    def at(self, profile: str) -> Self:
        """The recipe scaled ("paper": as it is). What a variant changed stays, but for its own nets: `RecipeError`."""
        if profile == "paper":
            return self
        if profile not in SCALES:
            raise RecipeError(f"unknown profile {profile!r}; use one of {', '.join(PROFILES)}")
        if self.name not in SCALES[profile]:
            raise RecipeError(f"{profile!r} scales {', '.join(SCALES[profile])}, and this is {self.name!r}")
        scaled = SCALES[profile][self.name]
        for net in {"G", "D"} & scaled.keys():
            if getattr(self, net) not in (getattr(RECIPES[self.name], net), scaled[net]):
                other = f"this {net} is not that of the recipe {self.name!r}, and {profile!r} would replace it"
                raise RecipeError(f"{other}: scale the recipe first, then give it your {net}")
        return replace(self, **scaled)

    def changes(self, reference: Self) -> list[str]:
        """What differs from another recipe, a line a field: "epochs: 600 -> 4"."""
        lines: dict[str, list[str]] = {}
        for name, part, old, new in self.differences(reference):
            lines.setdefault(name, []).append(f"{part} {old} -> {new}" if part else f"{old} -> {new}")
        return [f"{name}: {'; '.join(parts)}" for name, parts in lines.items()]

    def differences(self, reference: Self) -> list[tuple[str, str, str, str]]:
        """What differs from another recipe: rows of (field, number of its layers or "", value there, value here)."""
        both = ((name, getattr(reference, name), getattr(self, name)) for name in vars(self))
        return [(name, *row) for name, old, new in both if old != new for row in _difference(old, new)]

    def table(self) -> list[tuple[str, str, str, str]]:
        """Rows of (field, value, what it means, where its value stands in the source)."""
        return [(item.name, _brief(getattr(self, item.name)), *item.metadata.values()) for item in fields(self)]

    def to_dict(self) -> dict[str, Any]:
        """The recipe as plain numbers, strings, lists and dicts, for a checkpoint or a JSON file."""
        return asdict(self)

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any]) -> Self:
        """The recipe that `to_dict` wrote. Raises `RecipeError` on anything else."""
        try:
            return cls(**{**plain, **{name: tuple(map(nets.layer_from, plain[name])) for name in ("G", "D")}})
        except (TypeError, KeyError) as error:
            raise RecipeError(f"this is not a recipe that this version of ganlib wrote: {error}") from None


# Fields, which values they may have, and what to say of the others.
RULES: list[tuple[str, Callable[[Any], bool], str]] = [
    ("examples", lambda n: is_integer(n) and n >= 0, "it must be an integer >= 0"),
    ("z_dim batch k momentum_epochs epochs", lambda n: is_integer(n) and n >= 1, "it must be an integer >= 1"),
    ("n_samples", lambda n: is_integer(n) and n >= 2, "it must be an integer >= 2"),
    ("lr_D lr_G lr_min", lambda x: is_number(x) and 0 < x < math.inf, "a rate must be a positive, finite number"),
    ("momentum_start momentum_end", lambda x: is_number(x) and 0 <= x < 1, "momentum must lie in [0, 1) (try 0.5)"),
    ("lr_decay", lambda x: is_number(x) and 1 <= x < math.inf, "it divides the rates, so it must be a number >= 1"),
    ("max_norm", lambda x: is_number(x) and 0 <= x < math.inf, "it must be a finite number >= 0 (0: no limit)"),
    ("built_on", lambda name: isinstance(name, str), "it must be the name of a recipe, or empty"),
]
for _name, _choices in (("pixels", PIXELS), ("p_z", PRIORS), ("update", UPDATES), ("generator_cost", GENERATOR_COSTS)):
    RULES.append((_name, _choices.__contains__, f"use one of {', '.join(_choices)}"))


def named(name: str) -> Recipe:
    """The recipe of that name. Raises `RecipeError` with the names there are."""
    if name not in RECIPES:
        raise RecipeError(f"unknown recipe {name!r}; there are: {', '.join(sorted(RECIPES))}")
    return RECIPES[name]


def _brief(value: Any) -> str:
    """A field's value in a line."""
    if not isinstance(value, tuple):
        return str(value)
    return ", ".join(f"{item:.4g}" if isinstance(item, float) else str(item) for item in value)


def _difference(old: Any, new: Any) -> list[tuple[str, str, str]]:
    """Both values; of two stacks of the same kinds of layers, number by number, those that differ."""
    if not isinstance(old, tuple) or [type(layer) for layer in old] != [type(layer) for layer in new]:
        return [("", _brief(old), _brief(new))]
    told = []
    for name in dict.fromkeys(name for layer in old for name in vars(layer)):
        sides = [tuple(vars(layer)[name] for layer in layers if name in vars(layer)) for layers in (old, new)]
        if sides[0] != sides[1]:
            told.append((name, _brief(sides[0]), _brief(sides[1])))
    return told


# -- nets at any width, for the published recipes and for their narrow versions ----------------------------------------
# `above` is the irange of the layers that read other units, which `quick` changes.


def _maxout_D(units: int, above: float = 0.005) -> tuple[Layer, ...]:
    return (
        Layer(units, "maxout", pieces=5, irange=0.005, keep=0.8),
        Layer(units, "maxout", pieces=5, irange=above, keep=0.5),
        Layer(1, "sigmoid", irange=above, keep=0.5),
    )


def _relu_D(units: int, irange: float, above: float) -> tuple[Layer, ...]:
    first = Layer(units, "relu", irange, bias="irange")
    return first, replace(first, irange=above), Layer(1, "sigmoid", above)


def _conv_D(maps: int, units: int, irange: float = 0.005, above: float = 0.005) -> tuple[AnyLayer, ...]:
    return (
        Convolution((3, 32, 32), maps, pieces=2, kernel=8, padding=4, pool=4, stride=2, irange=irange, keep=0.8),
        Convolution((maps, 16, 16), maps, pieces=2, kernel=8, padding=3, pool=4, stride=2, irange=above, keep=0.5),
        Convolution((maps, 7, 7), 6 * maps, pieces=2, kernel=5, padding=3, pool=2, stride=2, irange=above, keep=0.5),
        *_maxout_D(units, above)[1:],
    )


def _mnist_G(units: int) -> tuple[Layer, ...]:
    hidden = Layer(units, "relu", irange=0.05)
    return hidden, hidden, Layer(784, "sigmoid", irange=0.05, bias="marginal")


def _hidden(relu: int, sigmoid: int, above: float = 0.05, bias: str | float = "zero") -> tuple[Layer, ...]:
    return Layer(relu, "relu", irange=0.05), Layer(sigmoid, "sigmoid", irange=above, bias=bias)


def _tfd_G(units: int, above: float = 0.05) -> tuple[Layer, ...]:
    return *_hidden(units, units, above, -2.0), Layer(2304, "sigmoid", irange=0.05, sparse=100, bias="marginal")


def _tfd_2_G(units: int, above: float = 0.05) -> tuple[Layer, ...]:
    """A new bottom, whose 100 sigmoids take the place of z, under the three layers of stage 1."""
    return *_hidden(units, 100, above, -2.0), *_tfd_G(units, above)


def _cifar10_G(units: int, output: float, above: float = 0.05) -> tuple[Layer, ...]:
    return *_hidden(units, units, above), Layer(3072, "linear", irange=output)


def _deconv_G(maps: int, output: float, above: float = 0.05) -> tuple[AnyLayer, ...]:
    last = Deconvolution((maps, 10, 10), channels=3, kernel=5, stride=3, irange=output)
    return *_hidden(100 * maps, 100 * maps, above), last


# -- the recipes -------------------------------------------------------------------------------------------------------

MNIST = Recipe(
    name="mnist",
    source="mnist.yaml, the authors' published hyperparameters (Goodfellow et al., June 2014)",
    data="mnist",
    p_z="uniform",
    z_dim=100,
    G=_mnist_G(1200),
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
"""MNIST as the authors trained it: the real-valued digits in [0, 1], 50,000 for training, 10,000 for validation.

The published file has no stopping rule: the epochs are ours. A rule stands in another file, of another recipe (normal
prior, max-norm); it watches 100 samples at sigma .2, and once the log-likelihood is positive a plateau never ends it.
"""

TOY = replace(
    MNIST,
    name="toy",
    source="this project's: the paper gives no numbers for Figure 1",
    data="drawn afresh from a density",
    z_dim=1,
    G=(Layer(32, "relu", irange=1.0, bias="irange"), Layer(1, "linear", irange=0.3)),
    D=_relu_D(16, 1.5, above=0.43),
    batch=64,
    update="alternating",
    lr_D=0.3,
    lr_G=0.01,
    lr_decay=1.0,
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
    D=_relu_D(64, 1.2, above=0.22),
    batch=128,
    lr_D=0.03,
    lr_G=0.01,
)
"""Games in the plane, for modes on a ring or a grid. The rates are slow ones; tenfold ones lose most modes."""

TFD_1 = replace(
    MNIST,
    name="tfd-1",
    source="the authors' published hyperparameters for TFD, first stage (Goodfellow et al., June 2014)",
    data="tfd",
    p_z="normal",
    G=_tfd_G(8000),
    D=_maxout_D(1200),
    lr_D=0.05,
    lr_G=0.05,
    max_norm=1.9365,
    epochs=50,
)
"""The Toronto Face Database, first of two stages: its unlabeled faces, 48 x 48, in [0, 1].

50 epochs, and 22 in the second stage, stand in the authors' files from 10 June 2014 on; an earlier version, of 6 June,
had 53 and 25.
"""

TFD_2 = replace(
    TFD_1,
    name="tfd-2",
    source="the authors' published hyperparameters for TFD, second stage (Goodfellow et al., June 2014)",
    G=_tfd_2_G(8000),
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
    G=_cifar10_G(8000, output=0.5),
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
    G=_deconv_G(80, output=0.05),
    D=_conv_D(32, 500),
    batch=128,
    lr_D=0.004,
    lr_G=0.004,
)
"""CIFAR-10 with a convolutional D and a G that ends in a transposed convolution (Figure 2d)."""

RECIPES = {recipe.name: recipe for recipe in (MNIST, TFD_1, TFD_2, CIFAR10_FC, CIFAR10_CONV)}

_FEW = {"epochs": 2, "examples": 1_000, "n_samples": 200}
_8, _10 = math.sqrt(8), math.sqrt(10)

SCALES: dict[str, dict[str, dict[str, Any]]] = {
    "smoke": {
        "mnist": {"G": _mnist_G(120), "D": _maxout_D(24), "epochs": 5, "examples": 2_000, "n_samples": 500},
        "tfd-1": {"G": _tfd_G(200), "D": _maxout_D(30), **_FEW},
        "tfd-2": {"G": _tfd_2_G(200), "D": _maxout_D(30), **_FEW},
        "cifar10-fc": {"G": _cifar10_G(200, output=0.5), "D": _maxout_D(40), **_FEW},
        "cifar10-conv": {"G": _deconv_G(2, output=0.05), "D": _conv_D(2, 31), **_FEW, "examples": 512},
    },
    "quick": {
        "mnist": {"epochs": 8},
        "tfd-1": {"G": _tfd_G(1000, 0.05 * _8), "D": _maxout_D(150, 0.005 * _8), "lr_G": 0.15},
        "tfd-2": {"G": _tfd_2_G(1000, 0.05 * _8), "D": _maxout_D(150, 0.005 * _8), "lr_G": 0.15},
        "cifar10-fc": {"G": _cifar10_G(800, 0.05, 0.05 * _10), "D": _maxout_D(160, 0.005 * _10)}
        | {"lr_D": 0.05, "lr_G": 0.2},
        "cifar10-conv": {"G": _deconv_G(8, 0.7, 0.05 * _10), "D": _conv_D(8, 125, irange=0.02, above=0.04)}
        | {"lr_D": 0.008, "lr_G": 0.06, "epochs": 60},
    },
}
"""What a profile changes, recipe by recipe: narrow nets, fewer passes, fewer pictures. `Recipe.changes` says all of it.

`smoke` takes seconds, for tests. `quick` trains narrow nets long enough to be looked at. There a layer that reads a
c-th of the published layer's inputs starts with sqrt(c) times its irange, as a sum over n inputs spreads as
irange * sqrt(n); at one and the same rate it would learn about c times more slowly, so the rates are higher.

The published G of cifar10-fc starts with pixels 13 times as wide as the data's, from which a narrow one does not
recover within minutes: its output starts at a tenth. The published pair of cifar10-conv rests at logits of a millionth
for thousands of updates: the narrow one starts farther out, G's output at .7, D at four times what the rule gives.
"""
