"""What a recipe is: every number of an experiment, each with its source. Vary one with `dataclasses.replace`."""

import math
import os
from collections.abc import Mapping
from dataclasses import MISSING, asdict, dataclass, field, fields, replace
from typing import Annotated, Any, Self

import numpy as np
import torch
from torch import Tensor

from ganlib import conditions, nets
from ganlib.errors import RecipeError, Within, brief, door, is_whole, need
from ganlib.game import GENERATOR_COSTS, PRIORS, UPDATES, prior
from ganlib.images import PIXELS
from ganlib.layers import NOT_NEGATIVE, WIDEST, Rule, one_of, whole
from ganlib.nets import AnyLayer, Discriminator, Generator, is_plain

PROFILES = ("smoke", "quick", "paper")
LIVE = ("k", "update", "generator_cost", "lr_D", "lr_G", "momentum_start", "momentum_end")  # may change in training
OPTIMISERS = ("momentum", "adam")
INFERENCES = ("none", "regression", "joint", "alone")


def profile() -> str:
    """The profile of this process, from the environment variable GANLIB_PROFILE: "quick" unless it says otherwise."""
    chosen = os.environ.get("GANLIB_PROFILE", "").strip() or "quick"
    if chosen not in PROFILES:
        raise RecipeError(f"GANLIB_PROFILE is {brief(chosen)}; use one of {', '.join(PROFILES)}")
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
    optimiser: str = number("how a player moves: momentum, or adam, whose beta_1 is mu", "none", default="momentum")
    fall: float = number("the last share of the updates, over which the rates fall to 0", "none", default=0.0)

    def __post_init__(self) -> None:
        for names, rule in RULES.items():
            for name in names.split():
                rule.hold(f"{name} is", getattr(self, name))
        joint, names_classes = self.inference == "joint", self.labels > 0
        special = self.inference != "none" or names_classes or self.generator_cost == "features"
        for wrong, what in (
            (bool(self.E) == (self.inference == "none"), "an inference net takes both E's layers and `inference`"),
            (
                joint + names_classes + bool(self.condition) > 1,
                "condition, labels and joint inference exclude each other",
            ),
            (self.condition and self.E, "an inference net goes with a game where nothing is given"),
            (special and (self.update, self.k) != ("simultaneous", 1), "this game has simultaneous updates and k = 1"),
            (self.condition and _normalises(self.G), "a G that normalises is given nothing"),
            (_normalises(self.D) or _normalises(self.E), "only G's layers normalise"),
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

    @door(RecipeError)
    def lr(self, player: str, t: Annotated[int, Within(0)], of: int = 0) -> float:
        """The rate of "D" or "G" after t updates of all: max(lr_0 / lr_decay^t, lr_min), and a fall to 0 at the end."""
        one_of(("G", "D", "E")).hold("a player is", player)
        lr = max(getattr(self, f"lr_{player}") * self.lr_decay**-t, self.lr_min)  # a positive exponent could overflow
        return lr * min(1.0, max(0.0, (1 - t / of) / self.fall)) if self.fall and of else lr

    @door(RecipeError)
    def momentum(self, epoch: int) -> float:
        """mu in an epoch (the first is 1): linear from `momentum_start` to `momentum_end` at `momentum_epochs`."""
        share = min(max((epoch - 1) / max(self.momentum_epochs - 1, 1), 0.0), 1.0)
        return self.momentum_start + share * (self.momentum_end - self.momentum_start)

    @door(RecipeError)
    def epochs_done(self, examples: Annotated[int, Within(1)], epoch: int, position: int) -> float:
        """Passes over so many examples done, `position` minibatches into the pass `epoch` (the first is 1)."""
        return epoch - 1 + min(position * self.batch, examples) / examples

    def networks(self, seed: int, data_mean: Tensor) -> tuple[Generator, Discriminator]:
        """G and D as they start, float32 on the CPU; `data_mean` (d,), in [0, 1], is for the bias of G's output."""
        players = self.players(seed, data_mean)
        return players["G"], players["D"]

    def players(self, seed: int, data_mean: Tensor) -> dict[str, Any]:
        """G, D and, where the recipe has one, the inference net E, by name, as they start; see `networks`."""
        need(RecipeError, Annotated[int, Within(0, 2**63 - 1)], seed=seed)
        if not isinstance(data_mean, Tensor) or data_mean.shape != (self.G[-1].units,) or data_mean.is_sparse:
            raise RecipeError(f"the mean of the data is {brief(data_mean)}; it must be ({self.G[-1].units},)")
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
        if not (is_whole(n) and 0 <= n * self.z_dim <= DRAWN and is_whole(seed) and seed >= 0):
            most = DRAWN // self.z_dim
            raise RecipeError(f"{brief(n)} draws by the seed {brief(seed)}: whole numbers, of draws at most {most:,}")
        own = 1406_2661  # else the seed would give back the very numbers that `networks` began its weights with
        stream = int(np.random.SeedSequence([seed, own]).generate_state(1, np.uint64)[0] >> np.uint64(1))
        return prior(self.p_z, n, self.z_dim, torch.Generator().manual_seed(stream))

    def settled(self, G: Generator) -> Generator:
        """G; where its layers normalise, a G that looks at each z alone, with the moments over 10,000 other z."""
        return nets.settled(G, self.noise(10_000, seed=2)) if _normalises(self.G) else G

    def samples(
        self, G: Generator, n: int, seed: int = 0, given: Tensor | None = None, shape: conditions.Shape | None = None
    ) -> Tensor:
        """n fair draws x = G(z): (n, d) on the CPU. The same seed means the same z on every device.

        Where the recipe has a condition, `given` is c (n, numbers; `ganlib.conditions`), and `shape` that of a picture
        (None: grey and square). Without c the classes come in turn, and of a masked picture all is hidden.
        """
        if not isinstance(G, Generator):
            raise RecipeError(f"G is {brief(G)}; give a Generator")
        if is_whole(n) and n * self.G[-1].units > DRAWN:
            raise RecipeError(f"{n:,} samples are more than fit; draw at most {DRAWN // self.G[-1].units:,} at once")
        z = self.noise(n, seed)
        if not self.condition:
            return self.settled(G).pictures(z)
        side = math.isqrt(self.G[-1].units)
        shape = shape or (1, side, side)
        c = conditions.nothing(self.condition, n, shape, self.classes) if given is None else given
        wide = conditions.widths(self.condition, self.G[-1].units, self.classes)[0]
        if not isinstance(c, Tensor) or c.shape != (n, wide):
            found = tuple(c.shape) if isinstance(c, Tensor) else brief(c)
            raise RecipeError(f"what is given has the shape {found}; {n} samples take ({n}, {wide})")
        return conditions.completed(self.condition, G.pictures(conditions.beside(self.condition, z, c)), c, shape)

    def at(self, profile: str) -> Self:
        """The recipe scaled ("paper": as it is). What a variant changed stays, but for its own nets: `RecipeError`."""
        one_of(PROFILES).hold("unknown profile", profile)
        if profile == "paper":
            return self
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
        if not isinstance(reference, Recipe):
            raise RecipeError(f"the other recipe is {brief(reference)}; give a Recipe")
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
            plain = dict(plain)
            stacks = ("G", "D", *(["E"] if "E" in plain else []))
            layers = {name: tuple(map(nets.layer_from, plain[name][:DEEPEST])) for name in stacks}
            return cls(**{**plain, **layers})
        except RecipeError:
            raise
        except (TypeError, LookupError, ValueError, AttributeError, RuntimeError) as error:
            why = " ".join(str(error).split())[:120]
            raise RecipeError(f"this is not a recipe that this version of ganlib wrote: {why}") from None


PLAIN = {item.name: item.type for item in fields(Recipe) if item.type in (int, float, str) and item.name != "name"}
"""Field of a recipe that holds a number or a word -> its type."""
_NAMES = [item.name for item in fields(Recipe)]
LATER = {item.name: item.default for item in fields(Recipe)[_NAMES.index("k_until") :]}
LATER |= {"noise": 0.0, "normalise": False}
"""Fields of recipes and of layers that the published recipes leave at these values, where they are not written."""

DEEPEST = 64  # layers of a net, at the most
DRAWN = 2**31  # numbers of samples drawn at once, at the most: 8 GB

_TEXT = Rule(lambda value: isinstance(value, str) and len(value) <= 10_000, "it must be a text")
_RATE = Rule(lambda x: is_plain(x) and 0 < x <= 1e300, "a rate must be a positive, finite number")
_MOMENTUM = Rule(lambda x: is_plain(x) and 0 <= x < 1, "momentum must lie in [0, 1) (try 0.5)")


def _layers(least: int) -> Rule:
    kinds = tuple(nets.MODULES)
    words = f"it must be a tuple of {least} to {DEEPEST} layers"
    return Rule(
        lambda value: (
            isinstance(value, tuple)
            and least <= len(value) <= DEEPEST
            and all(isinstance(layer, kinds) for layer in value)
        ),
        words,
    )


RULES: dict[str, Rule] = {
    "name source data": _TEXT,
    "G D": _layers(1),
    "E": _layers(0),
    "examples labels": whole(0, 10**9),
    "labels_seed": whole(0, 2**63 - 1),
    "z_dim": whole(1, WIDEST),
    "batch": whole(1, 1_000_000),
    "k": whole(1, 10_000),
    "momentum_epochs epochs": whole(1, 10**9),
    "block": whole(1, 10_000),
    "n_samples": whole(2, 1_000_000),
    "classes": whole(2, 10_000),
    "lr_D lr_G lr_E lr_min": _RATE,
    "momentum_start momentum_end": _MOMENTUM,
    "lr_decay": Rule(
        lambda x: is_plain(x) and 1 <= x < math.inf,
        "it divides the rates, so it must be a number >= 1",
        1_000_000,
    ),
    "fall": Rule(lambda x: is_plain(x) and 0 <= x <= 1, "a share lies in [0, 1]; 0 means that the rates do not fall"),
    "k_until": Rule(lambda x: is_plain(x) and 0 <= x <= 1, "an accuracy lies in [0, 1]; 0 means that D makes all k"),
    "max_norm": replace(NOT_NEGATIVE, words="it must be a finite number >= 0 (0: no limit)"),
    "built_on": Rule(lambda name: isinstance(name, str), "it must be the name of a recipe, or empty"),
    "pixels": one_of(PIXELS),
    "p_z": one_of(PRIORS),
    "update": one_of(UPDATES),
    "generator_cost": one_of(GENERATOR_COSTS),
    "condition": one_of(conditions.CONDITIONS),
    "inference": one_of(INFERENCES),
    "optimiser": one_of(OPTIMISERS),
}
"""Fields, which values they may have, and what is said of the others."""


RECIPES: dict[str, Recipe] = {}  # by name; the package's `__init__` fills it
SCALES: dict[str, dict[str, dict[str, Any]]] = {}  # by profile and name: what a profile changes; filled there, too


def named(name: str) -> Recipe:
    """The recipe of that name. Raises `RecipeError` with the names there are."""
    if not isinstance(name, str) or name not in RECIPES:
        raise RecipeError(f"unknown recipe {brief(name)}; there are: {', '.join(sorted(RECIPES))}")
    return RECIPES[name]


def _normalises(layers: tuple[AnyLayer, ...]) -> bool:
    return any(getattr(layer, "normalise", False) for layer in layers)


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
