"""The recipes: every number of an experiment, each with its source. Vary one with `dataclasses.replace`."""

import itertools
import math
import os
from collections.abc import Callable, Mapping
from dataclasses import MISSING, asdict, dataclass, field, fields, replace
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor

from ganlib import conditions, nets
from ganlib.errors import RecipeError
from ganlib.game import GENERATOR_COSTS, PRIORS, UPDATES, prior
from ganlib.images import PIXELS
from ganlib.nets import (
    AnyLayer,
    Beside,
    Convolution,
    Deconvolution,
    Discriminator,
    Generator,
    Layer,
    is_integer,
    is_number,
)

PROFILES = ("smoke", "quick", "paper")
LIVE = ("k", "update", "generator_cost", "lr_D", "lr_G", "momentum_start", "momentum_end")  # may change in training
INFERENCES = ("none", "regression", "joint", "alone")


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
    # What section 7 names; at its default a field is neither written nor listed.
    k_until: float = number(
        "D's accuracy on its minibatch at which it stops before all of its k updates; 0: it makes all k",
        "none",
        default=0.0,
    )
    condition: str = number(
        "what G and D are given: nothing; class; left half; mask (all that a random mask leaves)", "none", default=""
    )
    classes: int = number("classes of the labels", "none", default=10)
    block: int = number("random masks are made of blocks of so many pixels a side", "none", default=4)
    E: tuple[AnyLayer, ...] = number("the inference net's layers, from x up to z", "none", default=())
    inference: str = number(
        "how E learns: not at all; by regression of z on G(z), with no way back to G; in the joint game over pairs "
        "(x, z); alone, while G and D stand still",
        "none",
        default="none",
    )
    lr_E: float = number("E's rate at the first update", "none", default=0.1)
    labels: int = number("training examples whose labels D sees, as many of each class", "none", default=0)
    labels_seed: int = number("which examples these are", "none", default=0)

    def __post_init__(self) -> None:
        for names, fits, rule in RULES:
            for name in names.split():
                value = getattr(self, name)
                if not fits(value):
                    raise RecipeError(f"{name} is {value!r}; {rule}")
        joint, names_classes = self.inference == "joint", self.labels > 0
        special = joint or names_classes or self.generator_cost == "features"
        for wrong, what in (
            (bool(self.E) == (self.inference == "none"), "an inference net takes both E's layers and `inference`"),
            (
                joint + names_classes + bool(self.condition) > 1,
                "condition, labels and joint inference exclude each other",
            ),
            (self.condition and self.E, "an inference net goes with a game where nothing is given"),
            (special and (self.update, self.k) != ("simultaneous", 1), "this game has simultaneous updates and k = 1"),
            (joint and self.generator_cost == "features", "the joint game takes a cost of logits"),
            (
                names_classes != (self.D[-1].units > 1),
                "labels take a D that ends in a unit for each class, and no other",
            ),
        ):
            if wrong:
                raise RecipeError(
                    f"{what}: {self.name!r} has inference {self.inference!r}, {len(self.E)} layers of E, "
                    f"condition {self.condition!r}, {self.labels} labels, generator_cost {self.generator_cost!r}, "
                    f"update {self.update!r}, k {self.k}"
                )

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
        players = self.players(seed, data_mean)
        return players["G"], players["D"]

    def players(self, seed: int, data_mean: Tensor) -> dict[str, Any]:
        """G, D and, where the recipe has one, the inference net E, by name, as they start; see `networks`."""
        rng, d = torch.Generator().manual_seed(seed), len(data_mean)
        for_G, for_D = conditions.widths(self.condition, d, self.classes)
        for_D += self.z_dim * (self.inference == "joint")
        found: dict[str, Any] = {"G": Generator(self.z_dim + for_G, self.G, rng, data_mean)}
        found["D"] = Discriminator(d + for_D, self.D, rng)
        return found | ({"E": Generator(d, self.E, rng)} if self.E else {})

    def sizes(self) -> dict[str, int]:
        """How many numbers each net learns, counted without the memory that they take."""
        with torch.device("meta"):
            players = self.players(0, torch.full((self.G[-1].units,), 0.5))
        return {name: nets.count_parameters(net) for name, net in players.items()}

    def noise(self, n: int, seed: int = 0) -> Tensor:
        """n draws from p_z: (n, z_dim), float32 on the CPU, from a stream of its own."""
        own = 1406_2661  # else the seed would give back the very numbers that `networks` began its weights with
        stream = int(np.random.SeedSequence([seed, own]).generate_state(1, np.uint64)[0] >> np.uint64(1))
        return prior(self.p_z, n, self.z_dim, torch.Generator().manual_seed(stream))

    def samples(
        self, G: Generator, n: int, seed: int = 0, given: Tensor | None = None, shape: conditions.Shape | None = None
    ) -> Tensor:
        """n fair draws x = G(z): (n, d) on the CPU. The same seed means the same z on every device.

        Where the recipe has a condition, `given` is c (n, numbers; `ganlib.conditions`), and `shape` that of a picture
        (None: grey and square). Without c the classes come in turn, and of a masked picture all is hidden.
        """
        z = self.noise(n, seed)
        if not self.condition:
            return G.pictures(z)
        side = math.isqrt(self.G[-1].units)
        shape = shape or (1, side, side)
        c = conditions.nothing(self.condition, n, shape, self.classes) if given is None else given
        wide = conditions.widths(self.condition, self.G[-1].units, self.classes)[0]
        if c.shape != (n, wide):
            raise RecipeError(f"what is given has the shape {tuple(c.shape)}; {n} samples take ({n}, {wide})")
        return conditions.completed(self.condition, G.pictures(conditions.beside(self.condition, z, c)), c, shape)

    def at(self, profile: str) -> Self:
        """The recipe scaled ("paper": as it is). What a variant changed stays, but for its own nets: `RecipeError`."""
        if profile == "paper":
            return self
        if profile not in SCALES:
            raise RecipeError(f"unknown profile {profile!r}; use one of {', '.join(PROFILES)}")
        if self.name not in SCALES[profile]:
            raise RecipeError(f"{profile!r} scales {', '.join(SCALES[profile])}, and this is {self.name!r}")
        scaled = SCALES[profile][self.name]
        for net in {"G", "D", "E"} & scaled.keys():
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
        own = [item for item in fields(self) if getattr(self, item.name) != LATER.get(item.name, MISSING)]
        return [(item.name, _brief(getattr(self, item.name)), *item.metadata.values()) for item in own]

    def to_dict(self) -> dict[str, Any]:
        """The recipe as plain numbers, strings, lists and dicts, for a checkpoint or a JSON file."""
        return asdict(self, dict_factory=lambda pairs: {k: v for k, v in pairs if k not in LATER or v != LATER[k]})

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any]) -> Self:
        """The recipe that `to_dict` wrote. Raises `RecipeError` on anything else."""
        try:
            stacks = ("G", "D", *(["E"] if "E" in plain else []))
            layers = {name: tuple(map(nets.layer_from, plain[name])) for name in stacks}
            return cls(**{**plain, **layers})
        except (TypeError, KeyError) as error:
            raise RecipeError(f"this is not a recipe that this version of ganlib wrote: {error}") from None


_SECTION_7 = ("k_until", "condition", "classes", "block", "E", "inference", "lr_E", "labels", "labels_seed")
LATER = {"noise": 0.0, **{item.name: item.default for item in fields(Recipe) if item.name in _SECTION_7}}
"""Fields of recipes and of layers that the published recipes leave at these values, where they are not written."""

# Fields, which values they may have, and what to say of the others.
RULES: list[tuple[str, Callable[[Any], bool], str]] = [
    ("examples labels labels_seed", lambda n: is_integer(n) and n >= 0, "it must be an integer >= 0"),
    ("z_dim batch k momentum_epochs epochs block", lambda n: is_integer(n) and n >= 1, "it must be an integer >= 1"),
    ("n_samples classes", lambda n: is_integer(n) and n >= 2, "it must be an integer >= 2"),
    ("lr_D lr_G lr_E lr_min", lambda x: is_number(x) and 0 < x < math.inf, "a rate must be a positive, finite number"),
    ("momentum_start momentum_end", lambda x: is_number(x) and 0 <= x < 1, "momentum must lie in [0, 1) (try 0.5)"),
    ("lr_decay", lambda x: is_number(x) and 1 <= x < math.inf, "it divides the rates, so it must be a number >= 1"),
    ("k_until", lambda x: is_number(x) and 0 <= x <= 1, "an accuracy lies in [0, 1]; 0 means that D makes all k"),
    ("max_norm", lambda x: is_number(x) and 0 <= x < math.inf, "it must be a finite number >= 0 (0: no limit)"),
    ("built_on", lambda name: isinstance(name, str), "it must be the name of a recipe, or empty"),
]
for _name, _choices in (
    ("pixels", PIXELS),
    ("p_z", PRIORS),
    ("update", UPDATES),
    ("generator_cost", GENERATOR_COSTS),
    ("condition", conditions.CONDITIONS),
    ("inference", INFERENCES),
):
    RULES.append((_name, _choices.__contains__, f"use one of {', '.join(filter(None, _choices))}"))


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


def _given_G(*parts: tuple[int, int], units: int = 1200, z: float = 0.05) -> tuple[AnyLayer, ...]:
    """An MNIST G that reads z and what it is given side by side: (numbers read, rectifiers on them), each part.

    `z` is the irange of the first part.
    """
    own, *others = (Layer(width, "relu", irange=0.05) for _, width in parts)
    first = Beside(tuple(reads for reads, _ in parts), (replace(own, irange=z), *others))
    return first, *_mnist_G(units)[1:]


def _given_D(*parts: tuple[int, int], units: int = 240, pieces: int = 5) -> tuple[AnyLayer, ...]:
    """An MNIST D that reads two things side by side: (numbers read, maxout units on them), each part."""
    first, joint, last = _maxout_D(units)
    beside = Beside(tuple(reads for reads, _ in parts), tuple(replace(first, units=width) for _, width in parts))
    return beside, replace(joint, pieces=pieces), last


def _mnist_E(units: int) -> tuple[Layer, ...]:
    first = Layer(units, "maxout", pieces=5, irange=0.05)
    return first, Layer(units, "sigmoid", irange=0.05), Layer(100, "linear", irange=0.05)


def _relu_E(units: int) -> tuple[Layer, ...]:
    hidden = Layer(units, "relu", irange=0.1)
    return hidden, hidden, Layer(100, "linear", irange=0.1)


def _classes_D(units: int) -> tuple[Layer, ...]:
    widths = (784, units, units // 2, units // 4, units // 4, units // 4, 10)
    layers = [Layer(n, "relu", irange=math.sqrt(3 / m), noise=0.5) for m, n in itertools.pairwise(widths)]
    return replace(layers[0], noise=0.3), *layers[1:-1], replace(layers[-1], activation="linear")


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

CONDITIONAL = replace(
    MNIST,
    name="mnist-conditional",
    source="D: Mirza & Osindero 2014, section 4.1; the rest as MNIST here, as their G and their rates lost to D",
    D=_given_D((784, 240), (10, 50), pieces=4),
    condition="class",
    epochs=100,
)
"""Digits of a class that is asked for.

Their G (200 rectifiers on z, 1,000 on the class, 1,200 joint) and their decay of the rates (1.00004) do not work with
the paper's D of today: D is right on everything within ten epochs. They publish neither dropout rates nor irange.
"""

HALF = replace(
    MNIST,
    name="mnist-halves",
    source="MNIST here; the task of the authors' code: half of a picture, given the other. Nets and epochs are ours",
    G=_given_G((100, 800), (784, 400)),
    condition="left half",
    epochs=100,
)
"""The right half of a digit, given the left one."""

MASKS = replace(
    MNIST,
    name="mnist-masks",
    source="MNIST here, and future work 3 of the paper; nets, masks and epochs are ours",
    G=_given_G((100, 1000), (784, 400), (784, 50), z=0.15),
    D=_given_D((784, 240), (784, 50)),
    condition="mask",
    epochs=150,
)
"""All conditionals of a digit by one pair of nets: any blocks of it, given the others."""

INFERENCE = replace(
    MNIST,
    name="mnist-inference",
    source="mnist.yaml, and the inference net of the authors' code: maxout 240 x 5, sigmoid 240, linear 100",
    E=_mnist_E(240),
    inference="regression",
    lr_E=5.0,  # of a cost that is the mean over 100 coordinates: .05 of their sum
    epochs=100,
)
"""MNIST with a net that learns to say from which z a sample came, beside the game."""

JOINT = replace(
    INFERENCE,
    name="mnist-joint",
    source="INFERENCE here, in the game over pairs (x, z) of Donahue et al. 2017 and Dumoulin et al. 2017; E is ours",
    D=_given_D((784, 240), (100, 240)),
    E=_relu_E(1200),
    inference="joint",
    lr_E=0.005,
)
"""BiGAN or ALI with the paper's G and D: D tells (x, E(x)) from (G(z), z).

With the E of INFERENCE, or at a rate of .1, E gives one z for all x (notebook 16).
"""

SEMI_SUPERVISED = replace(
    MNIST,
    name="mnist-labels",
    source="Salimans et al. 2016, sections 3.1 and 5: their D, without weight normalisation; G and rates of MNIST here",
    D=_classes_D(1000),
    generator_cost="features",
    labels=100,
    epochs=50,
)
"""D names the ten classes and "from G", and sees 100 labels; G matches D's features.

With momentum alone it learns little from the digits without labels in its first epochs. What notebook 18 measures is
`ganlib.studies.semi_supervised.MNIST_LABELS`, where both move by Adam and G's hidden units are normalised.
"""

SECTION_7 = (CONDITIONAL, HALF, MASKS, INFERENCE, JOINT, SEMI_SUPERVISED)
PUBLISHED = (MNIST, TFD_1, TFD_2, CIFAR10_FC, CIFAR10_CONV)
RECIPES = {recipe.name: recipe for recipe in (*PUBLISHED, *SECTION_7)}

_FEW = {"epochs": 2, "examples": 1_000, "n_samples": 200}
_8, _10 = math.sqrt(8), math.sqrt(10)

SCALES: dict[str, dict[str, dict[str, Any]]] = {
    "smoke": {
        "mnist": {"G": _mnist_G(120), "D": _maxout_D(24), "epochs": 5, "examples": 2_000, "n_samples": 500},
        "tfd-1": {"G": _tfd_G(200), "D": _maxout_D(30), **_FEW},
        "tfd-2": {"G": _tfd_2_G(200), "D": _maxout_D(30), **_FEW},
        "cifar10-fc": {"G": _cifar10_G(200, output=0.5), "D": _maxout_D(40), **_FEW},
        "cifar10-conv": {"G": _deconv_G(2, output=0.05), "D": _conv_D(2, 31), **_FEW, "examples": 512},
        "mnist-conditional": {"G": _mnist_G(120)} | {"D": _given_D((784, 24), (10, 5), units=24, pieces=4), **_FEW},
        "mnist-halves": {"G": _given_G((100, 80), (784, 40), units=120), "D": _maxout_D(24), **_FEW},
        "mnist-masks": {"G": _given_G((100, 100), (784, 40), (784, 5), units=120, z=0.15)}
        | {"D": _given_D((784, 24), (784, 5), units=24), **_FEW},
        "mnist-inference": {"G": _mnist_G(120), "D": _maxout_D(24), "E": _mnist_E(24), **_FEW},
        "mnist-joint": {"G": _mnist_G(120), "D": _given_D((784, 24), (100, 24), units=24), "E": _relu_E(120), **_FEW},
        "mnist-labels": {"G": _mnist_G(120), "D": _classes_D(100), **_FEW},
    },
    "quick": {
        "mnist": {"epochs": 8},
        "tfd-1": {"G": _tfd_G(1000, 0.05 * _8), "D": _maxout_D(150, 0.005 * _8), "lr_G": 0.15},
        "tfd-2": {"G": _tfd_2_G(1000, 0.05 * _8), "D": _maxout_D(150, 0.005 * _8), "lr_G": 0.15},
        "cifar10-fc": {"G": _cifar10_G(800, 0.05, 0.05 * _10), "D": _maxout_D(160, 0.005 * _10)}
        | {"lr_D": 0.05, "lr_G": 0.2},
        "cifar10-conv": {"G": _deconv_G(8, 0.7, 0.05 * _10), "D": _conv_D(8, 125, irange=0.02, above=0.04)}
        | {"lr_D": 0.008, "lr_G": 0.06, "epochs": 60},
        **{recipe.name: {"epochs": 4} for recipe in SECTION_7},
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
