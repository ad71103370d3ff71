"""What the baselines share: the loop that fits one, a run of it that survives, chains, and files of weights.

A model is a `torch.nn.Module` over pictures (n, d) in [0, 1], with a frozen recipe of plain numbers. A file a model;
each is meant to be read beside its own paper.
"""

import copy
from collections.abc import Iterator
from dataclasses import dataclass, fields
from itertools import islice, pairwise
from typing import Any, ClassVar, Self

import numpy as np
import torch
from torch import Tensor, nn

from ganlib import hardware
from ganlib.errors import DataError, RecipeError, brief, is_whole
from ganlib.layers import LEARNT, NOT_NEGATIVE, WIDEST, Rule, is_integer, one_of, whole


def _widths(value: Any, n: tuple[int, ...]) -> bool:
    return isinstance(value, tuple) and len(value) in n and all(is_integer(w) and 1 <= w <= WIDEST for w in value)


_OR_NONE = Rule(lambda value: value is None or NOT_NEGATIVE.fits(value), "it must be a finite number >= 0, or None")
RULES: dict[Any, Rule] = {
    int: whole(1, 1_000_000),
    float: NOT_NEGATIVE,
    float | None: _OR_NONE,
    bool: Rule(lambda value: isinstance(value, bool), "it must be True or False"),
    tuple[int, ...]: Rule(lambda value: _widths(value, tuple(range(1, 17))), "it must be a tuple of 1 to 16 widths"),
    tuple[int, int]: Rule(lambda value: _widths(value, (2,)), "it must be a tuple of two widths"),
    "burn_in": whole(0, 1_000_000),
    "act": one_of(("tanh", "sigmoid")),
    "visible": one_of(("binary", "gaussian")),
}
"""Which values a field of a recipe may have, by its name or else by its type."""


class ModelRecipe:
    """What the recipes share. Whose they are stands with the model: `class RBM(Chain, of=RBMRecipe)`.

    Raises `RecipeError` on a value that makes no sense.
    """

    model: ClassVar[type["Model"]]

    def __post_init__(self) -> None:
        for item in fields(self):
            RULES[item.name if item.name in RULES else item.type].hold(f"{item.name} is", getattr(self, item.name))

    def start(self, mean: Tensor, seed: int) -> "Model":
        """The model before its first update."""
        hidden = (self.hidden,) if is_integer(self.hidden) else self.hidden
        if (weights := sum(a * b for a, b in pairwise((len(mean), *hidden)))) > LEARNT:
            raise RecipeError(
                f"the model would have {weights:,} weights, more than {LEARNT:,}: make its layers narrower"
            )
        return self.model(self, mean, seed)


class Model(nn.Module):
    """What every baseline has: `learn` for one minibatch, `samples`."""

    def __init_subclass__(cls, of: type[ModelRecipe] | None = None) -> None:
        if of:
            of.model = cls

    def __init__(self, recipe: ModelRecipe, mean: Tensor):
        super().__init__()
        self.recipe, self.d = recipe, len(mean)  # numbers in a picture
        self.done = 0  # epochs of training
        self.register_buffer("mean", mean.float())  # the mean training picture, (d,)

    def learn(self, x: Tensor, rng: torch.Generator) -> float:
        """One update by a minibatch x (m, d); the cost before it."""
        raise NotImplementedError

    def samples(self, n: int, seed: int = 0, means: bool = False) -> Tensor:
        """n draws of x, or with `means` the conditional means that the draws were made from: (n, d), on the CPU."""
        raise NotImplementedError

    def state(self) -> dict[str, Any]:
        """Everything that `fit` goes on from: tensors and plain values."""
        state = {"done": self.done, "net": self.state_dict()}
        return state | ({"optimiser": self.optimiser.state_dict()} if hasattr(self, "optimiser") else {})

    def restore(self, state: dict[str, Any]) -> Self:
        """The model as it was when `state` was taken."""
        self.load_state_dict(state["net"])
        self.done = state["done"]
        if "optimiser" in state:
            self.optimiser.load_state_dict(copy.deepcopy(state["optimiser"]))  # it keeps the tensors it is given
        return self


@dataclass(frozen=True)
class Step:
    """What one update left behind."""

    step: int  # updates of this fit so far
    epoch: int  # of this update, from 1 on
    cost: float  # of the minibatch before the update; what it is stands in the model's `learn`
    model: Model  # as it is now


class Chain(Model):
    """A model that draws by a Markov chain: its recipe says how many chains, how long before the first draw."""

    def walk(self, x: Tensor, rng: torch.Generator) -> Iterator[tuple[Tensor, Tensor]]:
        """The chain from pictures x (c, d) on, without end: after each step a draw and its conditional mean, (c, d)."""
        raise NotImplementedError

    @torch.no_grad()
    def chain(
        self, n: int, seed: int = 0, start: Tensor | None = None, means: bool = False, thin: int = 1, burn_in: int = 0
    ) -> Tensor:
        """n draws of the chains that begin at `start` (c, d): (n, c, d), on the CPU; one draw in every `thin` steps.

        Without a start one chain begins at pixels drawn one by one with the probabilities of the mean picture.
        """
        rng = torch.Generator(self.mean.device).manual_seed(seed)
        x = torch.bernoulli(self.mean[None], generator=rng) if start is None else start.to(self.mean)
        drawn = torch.empty(n, len(x), self.d)
        steps = islice(self.walk(x, rng), burn_in + thin - 1, burn_in + n * thin, thin)
        for i, (sample, mean) in enumerate(steps):
            drawn[i] = mean if means else sample
        return drawn

    def samples(self, n: int, seed: int = 0, means: bool = False, start: Tensor | None = None) -> Tensor:
        """n draws, by the recipe's chains side by side after its `burn_in`, or their conditional means: (n, d).

        The chains begin at the first pictures of `start` (c, d), or at pixels drawn as in `chain`.
        """
        chains, rng = min(self.recipe.chains, n), torch.Generator().manual_seed(seed)
        start = torch.bernoulli(self.mean.cpu().expand(chains, -1), generator=rng) if start is None else start[:chains]
        drawn = self.chain(-(-n // len(start)), seed, start, means, self.recipe.thin, self.recipe.burn_in)
        return drawn.flatten(0, 1)[:n]  # of (draws, chains, d)


def glorot(a: int, b: int, rng: torch.Generator) -> Tensor:
    """Weights between a and b units as U(-r, r), r = sqrt(6 / (a + b)) (Glorot & Bengio 2010): (a, b)."""
    return (torch.rand(a, b, generator=rng) * 2 - 1) * (6 / (a + b)) ** 0.5


def fit(
    data: Tensor, recipe: ModelRecipe, seed: int = 0, model: Model | None = None, device: str = "auto"
) -> Iterator[Step]:
    """Fit the recipe's model to pictures (n, d) in [0, 1], update by update: the caller drives the loop.

    Each epoch draws its order and its noise from a stream of its own, so a `model` that stands at the end of an epoch
    goes on bit for bit. Raises `DataError` when the data are not pictures in [0, 1].
    """
    if not isinstance(recipe, ModelRecipe):
        raise RecipeError(f"{brief(recipe)} is no recipe of a baseline; take one of baselines.RECIPES")
    if not isinstance(data, Tensor):
        raise DataError(f"data are {brief(data)}; a fit takes pictures (n, d) as floats in [0, 1]")
    if not (is_whole(seed) and seed >= 0):
        raise RecipeError(f"seed is {brief(seed)}; it must be an integer >= 0")
    if data.ndim != 2 or not data.is_floating_point() or not len(data):
        raise DataError(f"data are {tuple(data.shape)} {data.dtype}; a fit takes pictures (n, d) as floats in [0, 1]")
    if not bool(((data >= 0) & (data <= 1)).all()):
        raise DataError(f"data lie in [{data.min():.3g}, {data.max():.3g}]; a fit takes pictures in [0, 1]")
    on, seed = hardware.choose(device).device, int(seed)
    model = (model or recipe.start(data.mean(0), seed)).to(on)
    if hasattr(model, "optimiser"):
        model.optimiser.load_state_dict(model.optimiser.state_dict())  # what it keeps follows the parameters
    data = data.to(on)
    for epoch in range(model.done, recipe.epochs):
        stream = np.random.SeedSequence([seed, epoch]).generate_state(1, np.uint64)[0] >> np.uint64(1)
        rng = torch.Generator(on).manual_seed(int(stream))
        batches = torch.randperm(len(data), generator=rng, device=on).split(recipe.batch)
        for i, rows in enumerate(batches, start=1):
            cost = model.learn(data[rows], rng)
            model.done = epoch + (i == len(batches))
            yield Step(epoch * len(batches) + i, epoch + 1, cost, model)
