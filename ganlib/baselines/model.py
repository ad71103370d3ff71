"""What the baselines share: the loop that fits one, a run of it that survives, chains, and files of weights.

A model is a `torch.nn.Module` over pictures (n, d) in [0, 1], with a frozen recipe of plain numbers. A file a model;
each is meant to be read beside its own paper.
"""

import copy
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any, ClassVar, Self

import numpy as np
import torch
from torch import Tensor, nn

from ganlib import hardware
from ganlib.errors import DataError


class ModelRecipe:
    """What the recipes share. Whose they are stands with the model: `class RBM(Chain, of=RBMRecipe)`."""

    model: ClassVar[type["Model"]]

    def start(self, mean: Tensor, seed: int) -> "Model":
        """The model before its first update."""
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
    if data.ndim != 2 or not data.is_floating_point() or not len(data):
        raise DataError(f"data are {tuple(data.shape)} {data.dtype}; a fit takes pictures (n, d) as floats in [0, 1]")
    if not bool(((data >= 0) & (data <= 1)).all()):
        raise DataError(f"data lie in [{data.min():.3g}, {data.max():.3g}]; a fit takes pictures in [0, 1]")
    on = hardware.choose(device).device
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
