"""Future work 1 of the paper, p(x | c): a game of one dimension with its exact answers, and digits drawn on demand.

In the toy c is a number, uniform in [0, 1]. G reads (z, c), D looks at (x, c). At a fixed c a G of rectifiers is a
broken line, so that p_g(x | c) is exact, and so are V, C and the Jensen-Shannon divergence, averaged over c.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor, nn
from torch.nn import functional

from ganlib import conditions, parzen, theory
from ganlib.checkpoints import Trained
from ganlib.densities import Array, Density, Gaussian, Mixture, Pushforward, relu_line
from ganlib.errors import DataError, RecipeError, brief
from ganlib.nets import Discriminator, Generator, Layer
from ganlib.recipes import TOY, Recipe
from ganlib.studies.measures import Classifier
from ganlib.studies.stacked import Stack
from ganlib.studies.toys import Draws, Measured, Toys

RESULTS = Path(__file__).parent.parent / "results" / "conditional.json"
NODES = 20  # values of c by which is averaged over c
Conditional = Callable[[float], Density]
"""A density of x for each c in [0, 1]."""


# -- one dimension -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Fork:
    """p_data(x | c) of the toy: two equal hills leave one place as c grows, one faster than the other; c ~ U(0, 1)."""

    start: float = -2.0  # where both stand at c = 0
    ways: tuple[float, float] = (1.5, 4.0)  # how far each has gone at c = 1
    std: float = 0.35  # of both

    def __call__(self, c: float) -> Mixture:
        """The density of x at this c. Raises `RecipeError` when c is not in [0, 1]."""
        c = _checked(c)
        return Mixture(tuple(Gaussian(self.start + way * c, self.std) for way in self.ways))

    def sample(self, n: int, rng: np.random.Generator) -> Array:
        """n draws of both, rows (x, c): (n, 2)."""
        c = rng.random(n)
        centre = self.start + np.array(self.ways)[rng.integers(2, size=n)] * c
        return np.stack([centre + self.std * rng.standard_normal(n), c], 1)


@dataclass(frozen=True)
class Marginal:
    """The density of x alone: the mean over c in [0, 1] of p(x | c), by quadrature over n values of c."""

    given: Conditional
    n: int = NODES

    @property
    def knots(self) -> Array:
        """Those of every p(x | c) that it is the mean of."""
        return np.unique(np.concatenate([self.given(c).knots for c in nodes(self.n)[0]]))

    def pdf(self, x: ArrayLike) -> Array:
        """The mean of the densities at x."""
        return sum(w * self.given(c).pdf(x) for c, w in zip(*nodes(self.n)))

    def sample(self, n: int, rng: np.random.Generator) -> Array:
        """n draws: (n,)."""
        which = rng.choice(self.n, n, p=nodes(self.n)[1])
        return np.array([self.given(nodes(self.n)[0][i]).sample(1, rng)[0] for i in which])


def nodes(n: int = NODES) -> tuple[list[float], list[float]]:
    """n values of c in [0, 1] and their weights, which sum to 1 (Gauss and Legendre)."""
    t, w = np.polynomial.legendre.leggauss(n)
    return ((t + 1) / 2).tolist(), (w / 2).tolist()


def over_c(f: Callable[[float], ArrayLike], n: int = NODES) -> Array:
    """The mean of f(c) over c ~ U(0, 1), by quadrature."""
    return sum(w * np.asarray(f(c), float) for c, w in zip(*nodes(n)))


def JSD(p: Conditional, q: Conditional, n: int = NODES, order: int = 20) -> float:
    """E_c JSD(p(. | c) || q(. | c)), nats: what the game with a condition brings down."""
    return float(over_c(lambda c: theory.JSD(p(c), q(c), order=order), n))


def V(D: Callable[[Array, float], ArrayLike], p: Conditional, q: Conditional, n: int = NODES) -> float:
    """E_c [E_{x ~ p(. | c)} log D(x, c) + E_{x ~ q(. | c)} log(1 - D(x, c))], eq. 1 with a condition, nats."""
    return float(over_c(lambda c: theory.V(lambda x: D(x, c), p(c), q(c)), n))


@dataclass(frozen=True)
class GivenNumber(Recipe):
    """A recipe of a toy whose nets read one number, c, beside z and beside x."""

    def players(self, seed: int, data_mean: Tensor) -> dict[str, Any]:
        """G on (z, c) and D on (x, c), as they start."""
        rng = torch.Generator().manual_seed(seed)
        G = Generator(self.z_dim + 1, self.G, rng, data_mean)
        return {"G": G, "D": Discriminator(len(data_mean) + 1, self.D, rng)}


class Rows(nn.Module):
    """A stack of Gs from rows (z, c) to the rows (x, c) that D looks at."""

    def __init__(self, net: Stack):
        super().__init__()
        self.net = net

    def forward(self, zc: Tensor) -> Tensor:
        """(B, m, 2) -> (B, m, 2)."""
        return torch.cat([self.net(zc), zc[..., -1:]], -1)


class ConditionalToys(Toys):
    """B games of one recipe at once, as `Toys`, where c is given to both players.

    The fakes of a minibatch are given the c of its examples; an update of G alone takes c of its own.
    """

    def __init__(self, recipe: Recipe | None = None, p_data: Fork | None = None, **how: Any):
        recipe = recipe or FORK
        if recipe.z_dim != 1 or recipe.G[-1].units != 1 or recipe.condition:
            raise RecipeError(f"the toy with a c goes from one z to one x; {brief(recipe.name)} is another recipe")
        super().__init__(GivenNumber(**vars(recipe)), p_data or Fork(), **how)
        if not self.exact:
            raise RecipeError("the toy with a c takes a G of rectifiers, so that p_g(x | c) is exact")
        self.G = Rows(self.G)

    def _drawn(self, draws: Draws, stream: int) -> tuple[Tensor, Tensor]:
        """Examples as rows (x, c), and noise as rows (z, c) with the same c."""
        x, z = draws.next((self.p_data, self.batch, self.p_z), 1, self.dtype, data=True)
        return x[self._row], torch.cat([z, x[..., 1:]], -1)[self._row]

    def given(self, c: float, i: int = 0) -> Pushforward:
        """p_g(x | c) of game i, exactly: c goes into the biases of G's first layer."""
        c, net = _checked(c), self.G.net
        both = zip(net.weights, net.biases)
        layers = [(w[i].T.detach().double().numpy(), b[i, 0].detach().double().numpy()) for w, b in both]
        W, b = layers[0]
        return Pushforward(*relu_line([(W[:, :1], b + c * W[:, 1]), *layers[1:]], self.p_z), self.p_z)

    def logit_given(self, x: ArrayLike, c: float, i: int = 0) -> Array:
        """D's logit in game i at (x, c): x (n,) -> (n,)."""
        column = torch.as_tensor(np.asarray(x, float), dtype=self.dtype)
        rows = torch.stack([column, torch.full_like(column, _checked(c))], 1)
        with torch.no_grad():
            return self.D(rows[None], i)[0, :, 0].double().numpy()

    def at_c(self, c: float, i: int = 0, *, order: int = 6) -> Measured:
        """V, C and JSD of game i at one c, by quadrature."""
        logit = lambda x: self.logit_given(x, c, i)  # noqa: E731
        return Measured(*theory.V_C_JSD(logit, self.p_data(c), self.given(c, i), order=order))

    def measure(self, i: int = 0, *, order: int = 6, n: int = NODES) -> Measured:
        """V, C and JSD of game i, averaged over c by quadrature."""
        each = over_c(lambda c: [(m := self.at_c(c, i, order=order)).V, m.C, m.JSD], n)
        return Measured(*each.tolist())


def _checked(c: Any) -> float:
    """c as a float. Raises `RecipeError` when it is no number in [0, 1]."""
    try:
        value = float(c)
    except (TypeError, ValueError):
        value = math.nan
    if not 0 <= value <= 1:
        raise RecipeError(f"c is {brief(c)}; the toy's condition is a number from 0 to 1")
    return value


FORK = replace(
    TOY,
    name="fork",
    D=(Layer(32, "relu", 1.5, bias="irange"), Layer(32, "relu", 0.43, bias="irange"), Layer(1, "sigmoid", 0.43)),
    batch=128,
    k=3,
    lr_G=0.02,
)
"""The toy with a condition: the G of `TOY`, at twice its rate, against a D that is twice as wide.

D makes three updates to one of G's. With one, the divergence after 2,000 iterations is about twice as large.
"""


# -- digits ------------------------------------------------------------------------------------------------------------


def recorded() -> dict[str, Any]:
    """What `tools/measure_conditional.py` measured, part by part. Raises `DataError` when there is nothing."""
    if not RESULTS.exists():
        raise DataError(f"{RESULTS.name} is not there: run tools/measure_conditional.py")
    return json.loads(RESULTS.read_text(encoding="utf-8"))


def checked(trained: Trained, condition: str) -> Trained:
    """The pair, if its recipe has this condition. Raises `RecipeError` otherwise."""
    if trained.recipe.condition != condition:
        has = f"{brief(trained.recipe.name)} has {brief(trained.recipe.condition)}"
        raise RecipeError(f"this takes a pair with the condition {brief(condition)}, and {has}: take another pair")
    return trained


def of_two(recipe: Recipe, one: int, other: int, w: ArrayLike) -> Tensor:
    """c on the straight line from a class, w = 0, to another one, w = 1: w (n,) -> (n, classes)."""
    ends = conditions.of_class(torch.tensor([one, other]), recipe.classes)
    w = torch.as_tensor(np.asarray(w, np.float32))[:, None]
    return (1 - w) * ends[0] + w * ends[1]


def a_row_a_class(trained: Trained, n: int, seed: int = 0) -> Tensor:
    """n samples of each class, class by class; column j has the same z in every row: (classes * n, d)."""
    recipe = checked(trained, "class").recipe
    z = recipe.noise(n, seed).repeat(recipe.classes, 1)
    c = conditions.of_class(torch.arange(recipe.classes).repeat_interleave(n), recipe.classes)
    return trained.pictures(torch.cat([z, c], 1))


def along(trained: Trained, by: Classifier, one: int, other: int, z: Tensor, w: ArrayLike) -> Array:
    """What the pictures of each z (n, z_dim) are taken for on the way from one class to another, at w (m,).

    The share of each class: (m, classes), rows sum to 1.
    """
    c = of_two(checked(trained, "class").recipe, one, other, np.repeat(np.asarray(w, float), len(z)))
    x = trained.pictures(torch.cat([z.repeat(len(c) // len(z), 1), c], 1)).float()
    hits = functional.one_hot(by.probabilities(torch.nan_to_num(x)).argmax(1), trained.recipe.classes)
    return hits.unflatten(0, (-1, len(z))).double().mean(1).numpy()


def taken_for(trained: Trained, by: Classifier, n: int = 10_000, seed: int = 1) -> Array:
    """How many samples of each class that was asked for are taken for each: (asked, taken), counts; n in all."""
    recipe = checked(trained, "class").recipe
    return confusion(torch.arange(n) % recipe.classes, by.probabilities(trained.samples(n, seed)).argmax(1))


def confusion(asked: Tensor, taken: Tensor, classes: int = 10) -> Array:
    """How often each pair of (asked, taken) occurs: two labels (n,) -> (classes, classes), counts."""
    return torch.bincount(asked * classes + taken, minlength=classes**2).reshape(classes, classes).double().numpy()


def right(counts: ArrayLike) -> tuple[float, Array]:
    """The share on the diagonal of such counts, in all, and row by row."""
    counts = np.asarray(counts, float)
    return float(np.trace(counts) / counts.sum()), np.diag(counts) / np.maximum(counts.sum(1), 1)


def own_class_score(centres: Tensor, asked: Tensor, x: Tensor, labels: Tensor, sigma: float) -> tuple[float, float]:
    """Mean and standard error of the Parzen log p(x | c), nats: each picture by the samples of its own class alone.

    centres (n, d) with the classes that were `asked` for, pictures x (m, d) with their labels. It is no number of the
    paper's: there the windows of all classes are one mixture, and nobody looks whether the class was obeyed.
    """
    each = torch.cat(
        [parzen.log_likelihood(x[labels == k], centres[asked == k], [sigma])[0] for k in labels.unique().tolist()]
    )
    return each.mean().item(), each.std(correction=0).item() / math.sqrt(len(each))


# -- halves ------------------------------------------------------------------------------------------------------------


def completions(trained: Trained, x: Tensor, k: int, shape: conditions.Shape, seed: int = 0) -> Tensor:
    """k right halves for the left half of each picture x (n, d), as whole pictures: (k, n, d)."""
    checked(trained, "left half")
    left = x * (1 - conditions.right_half(shape, x))
    return trained.recipe.samples(trained.G, k * len(x), seed, left.repeat(k, 1), shape).unflatten(0, (k, len(x)))


def neighbours(x: Tensor, train: Tensor, k: int, shape: conditions.Shape) -> Tensor:
    """The left half of each x (n, d) with the right halves of the k of `train` (m, d) whose left ones are nearest.

    (k, n, d). What real digits say of a right half, as far as 50,000 of them can.
    """
    mask = conditions.right_half(shape, x)
    left, lefts = x * (1 - mask), train * (1 - mask)
    norms, near = lefts.square().sum(1), []
    for rows in left.split(500):
        near.append((norms - 2 * rows @ lefts.T).topk(k, largest=False).indices)
    return left + mask * train[torch.cat(near).T]


def variance_left(completed: Tensor, x: Tensor, shape: conditions.Shape) -> float:
    """How much the right halves of one left half differ, as a share of how much those of all digits do.

    The variance of each pixel over the k completions (k, n, d) of a picture, its mean, over its variance among real
    pictures x (m, d). 0: z changes nothing. 1: the left half says nothing.
    """
    right = conditions.right_half(shape, x).bool()
    return (completed[..., right].var(0).mean() / x[:, right].var(0).mean()).item()


@dataclass(frozen=True)
class Completed:
    """What a classifier and a ruler say of k completions of each of n left halves."""

    right: float  # share that is taken for the digit that the original is
    by_class: list[float]  # the same, digit by digit
    several: float  # share of the left halves whose k completions are taken for two digits or more
    variance_left: float

    @classmethod
    def of(cls, completed: Tensor, x: Tensor, labels: Tensor, by: Classifier, shape: conditions.Shape) -> Completed:
        """completed (k, n, d) of pictures x (n, d) with labels (n,)."""
        taken = by.probabilities(completed.flatten(0, 1)).argmax(1).unflatten(0, completed.shape[:2])  # (k, n)
        share, each = right(confusion(labels.repeat(len(completed)), taken.flatten()))
        several = (taken != taken[0]).any(0).double().mean().item()
        return cls(share, each.tolist(), several, variance_left(completed, x, shape))
