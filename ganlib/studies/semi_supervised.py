"""A few labels and many pictures: what D's features, E's features and a D that names classes are worth (section 7).

Everything here takes float pictures or features (n, d) and labels (n,) int64. Errors are shares, from 0 to 1.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
import torch
from scipy.optimize import minimize
from torch import Tensor
from torch.nn.functional import cross_entropy

from ganlib import game
from ganlib.densities import Array
from ganlib.errors import DataError, RecipeError, brief
from ganlib.nets import Dense, Discriminator, Generator, Layer
from ganlib.players import PLAYERS
from ganlib.recipes import SEMI_SUPERVISED, Recipe
from ganlib.recipes.stacks import rectifiers_D
from ganlib.trainer import LABELLED

CHUNK = 2_000  # rows that a net reads at once
TUNING = {"steps": 500, "batch": 100, "lr": 1e-3}  # of `tune`, by Adam

# -- logistic regression -----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Logistic:
    """Logistic regression for K classes: p(y | x) = softmax(W x + b)."""

    W: Array  # (K, d)
    b: Array  # (K,)

    def logits(self, x: Tensor) -> Tensor:
        """(n, d) -> (n, K), of the type of x."""
        return x @ torch.as_tensor(self.W, dtype=x.dtype).T + torch.as_tensor(self.b, dtype=x.dtype)


def logistic(x: Tensor, y: Tensor, strength: float, classes: int = 10) -> Logistic:
    """The W and b of the least mean[-log p(y | x)] + strength/2 |W|^2, in nats, by L-BFGS in float64.

    The best W is made of the examples x (n, d) themselves, so where they are fewer than d the search goes on in
    coordinates along them. Raises `DataError`, or `RecipeError` on a strength that is not above 0.
    """
    if x.ndim != 2 or len(x) != len(y) or not len(y) or not 0 <= int(y.min()) <= int(y.max()) < classes:
        raise DataError(f"x is {tuple(x.shape)} and y {tuple(y.shape)}; give (n, d) and labels from 0 to {classes - 1}")
    if not 0 < strength < math.inf:
        raise RecipeError(f"the strength of the penalty is {brief(strength)}; it must be a finite number above 0")
    X, hot = x.double().numpy(), np.eye(classes)[y.numpy()]
    along = np.linalg.qr(X.T)[0] if len(X) < X.shape[1] else None
    rows = X if along is None else X @ along  # (n, r), r = min(n, d)
    n, r = rows.shape

    def cost(theta: Array) -> tuple[float, Array]:
        """The cost and its gradient, W (K, r) and b (K,) in one row."""
        W, b = theta[: classes * r].reshape(classes, r), theta[classes * r :]
        a = rows @ W.T + b
        a -= a.max(1, keepdims=True)
        log_p = a - np.log(np.exp(a).sum(1, keepdims=True))
        by_a = (np.exp(log_p) - hot) / n
        value = -(hot * log_p).sum() / n + strength / 2 * (W**2).sum()
        return value, np.concatenate([(by_a.T @ rows + strength * W).ravel(), by_a.sum(0)])

    options = {"maxiter": 2_000, "maxfun": 4_000, "ftol": 1e-12, "gtol": 1e-7}
    theta = minimize(cost, np.zeros(classes * (r + 1)), jac=True, method="L-BFGS-B", options=options).x
    W = theta[: classes * r].reshape(classes, r)
    return Logistic(W if along is None else W @ along.T, theta[classes * r :])


@dataclass(frozen=True)
class Scaling:
    """Features moved to mean 0 and divided by one number, so that their mean square is 1: one grid of penalties fits.

    The mean and the number come from unlabelled training pictures, never from the labelled ones alone.
    """

    mean: Tensor  # (d,)
    by: float

    @classmethod
    def of(cls, x: Tensor) -> Self:
        """From features (n, d)."""
        mean = x.mean(0)
        return cls(mean, (x - mean).square().mean().sqrt().clamp_min(1e-12).item())

    def __call__(self, x: Tensor) -> Tensor:
        """(n, d) -> (n, d)."""
        return (x - self.mean) / self.by


def error(logits: Tensor, y: Tensor) -> float:
    """The share that a classifier with these logits (n, K) gets wrong."""
    return (logits.argmax(1) != y).double().mean().item()


@torch.no_grad()
def by_parts(f: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    """f(x) for many rows."""
    return torch.cat([f(part) for part in x.split(CHUNK)])


def hidden(net: Discriminator | Generator, layers: int) -> Callable[[Tensor], Tensor]:
    """What the first so many layers of a net put out, its dropout off: of D, or of an inference net E."""
    if not 1 <= layers <= len(net.layers):
        raise RecipeError(f"{layers} layers of a net of {len(net.layers)}; give 1 to {len(net.layers)}")

    def f(x: Tensor) -> Tensor:
        """(n, d) -> (n, units)."""
        for layer in net.layers[:layers]:
            x = layer(x)
        return x

    return f


# -- D with another head, tuned on labels ------------------------------------------------------------------------------


def reheaded(D: Discriminator, classes: int = 10, seed: int = 0) -> Discriminator:
    """A copy of a trained D that ends in a linear unit for each class, freshly drawn, in place of its last unit."""
    last = D.layers[-1].layer
    inputs = D.layers[-1].linear.in_features
    head = Layer(classes, "linear", 1 / math.sqrt(inputs), keep=last.keep)
    new = copy.deepcopy(D)
    new.layers[-1] = Dense(inputs, head, torch.Generator().manual_seed(seed))
    return new


def from_scratch(D: Discriminator, classes: int = 10, seed: int = 0) -> Discriminator:
    """The same nets as `reheaded` gives, of random weights: U(-1, 1) times sqrt(3 / inputs), so that none fades."""
    rng = torch.Generator().manual_seed(seed)
    widths = [dense.linear.in_features for dense in D.layers]
    layers = [Layer(**{**vars(dense.layer), "irange": math.sqrt(3 / n)}) for dense, n in zip(D.layers, widths)]
    last = Layer(classes, "linear", 1 / math.sqrt(widths[-1]), keep=layers[-1].keep)
    return Discriminator(widths[0], [*layers[:-1], last], rng)


def tune(D: Discriminator, x: Tensor, y: Tensor, decay: float, seed: int = 0, **how: float) -> Discriminator:
    """Train all of a D that names classes on labelled examples alone, by Adam, with its dropout; gives the same D.

    It descends mean[-log p(y | x)] on minibatches, drawn with replacement, while the rate falls to 0. `decay` pulls
    the weights (not the biases) towards where they began: of a trained D, towards what it had learnt; per step by
    rate * decay of the way. `how` changes `TUNING`.
    """
    told = TUNING | how
    steps, batch = int(told["steps"]), int(told["batch"])
    draws, masks = (torch.Generator().manual_seed(s) for s in np.random.SeedSequence(seed).generate_state(2).tolist())
    adam = torch.optim.Adam(D.parameters(), lr=told["lr"])
    begun = [p.detach().clone() for p in D.parameters()]
    for step in range(steps):
        adam.param_groups[0]["lr"] = lr = told["lr"] * (1 - step / steps)
        rows = torch.randint(len(x), (min(batch, len(x)),), generator=draws)
        cost = cross_entropy(D.classes(x[rows], masks), y[rows])
        adam.zero_grad()
        cost.backward()
        adam.step()
        with torch.no_grad():
            for p, start in zip(D.parameters(), begun):
                if p.ndim > 1:
                    p.lerp_(start, min(1.0, lr * decay))
    return D


# -- the game in which D names classes ---------------------------------------------------------------------------------


class ClassGame:
    """The game of `SEMI_SUPERVISED` on points whose labels may change while it goes on; on digits `Trainer` plays it.

    `recipe` has the nets, the prior, the batch, the rates and beta_1 (`momentum_start`). x (n, d) are the unlabelled
    examples; `known` (m, d) and y (m,) the labelled ones.
    """

    def __init__(self, recipe: Recipe, x: Tensor, known: Tensor, y: Tensor, seed: int = 0):
        self.recipe, self.x, self.steps = recipe, x, 0
        nets = recipe.players(seed, torch.full((x.shape[1],), 0.5))
        self.G, self.D = nets["G"], nets["D"]
        self.players = {name: PLAYERS[recipe.optimiser](net, torch.float32) for name, net in nets.items()}
        self.draws, self.rng = (
            torch.Generator().manual_seed(s) for s in np.random.SeedSequence(seed).generate_state(2).tolist()
        )
        self.order = torch.zeros(0, dtype=torch.int64)
        self.learn(known, y)

    def learn(self, known: Tensor, y: Tensor) -> None:
        """From now on the labelled examples are these."""
        K = self.recipe.D[-1].units
        if len(known) != len(y) or (len(y) and not 0 <= int(y.min()) <= int(y.max()) < K):
            raise DataError(f"{len(known)} examples and {len(y)} labels; give one each, from 0 to {K - 1}")
        self.known, self.y = known, y

    def step(self) -> game.Gradients:
        """One update of both players from the same old parameters."""
        recipe, m = self.recipe, self.recipe.batch
        if len(self.order) < m:
            self.order = torch.cat([self.order, torch.randperm(len(self.x), generator=self.draws)])
        rows, self.order = self.order[:m], self.order[m:]
        labelled = self._labelled() if len(self.y) else None
        z = game.prior(recipe.p_z, m, recipe.z_dim, self.rng)
        found = game.feature_gradients(self.G, self.D, self.x[rows], z, "features", self.rng, labelled)
        for name in "DG":
            self._descend(name, getattr(found, name))
        self.steps += 1
        return found

    def step_on_labels(self) -> None:
        """D alone moves, on the labelled part of its cost: the same net without the game."""
        if len(self.y):
            known, y = self._labelled()
            cost = cross_entropy(self.D.classes(known, self.rng), y)
            self._descend("D", torch.autograd.grad(cost, list(self.D.parameters())))
        self.steps += 1

    def _descend(self, name: str, gradients: Sequence[Tensor]) -> None:
        self.players[name].descend(gradients, self.recipe.lr(name, self.steps), self.recipe.momentum_start)

    def _labelled(self) -> tuple[Tensor, Tensor]:
        """A minibatch of the labelled examples, drawn with replacement."""
        drawn = torch.randint(len(self.y), (min(self.recipe.batch, LABELLED),), generator=self.draws)
        return self.known[drawn], self.y[drawn]


# -- two classes in the plane ------------------------------------------------------------------------------------------

SHAPES = ("moons", "rings")
NOISE = 0.3  # inside the D of `plane`
STRENGTH = 0.01  # of the penalty of logistic regression there


def points(shape: str, n: int, seed: int, spread: float = 0.08) -> tuple[Tensor, Tensor]:
    """n points of two classes in turn, (n, 2) and (n,): two half circles that clasp, or a ring in a ring."""
    if shape not in SHAPES:
        raise RecipeError(f"unknown shape {brief(shape)}; use one of {', '.join(SHAPES)}")
    rng = torch.Generator().manual_seed(seed)
    y = torch.arange(n) % 2
    turn = math.pi * torch.rand(n, generator=rng)
    if shape == "moons":
        side = 1.0 - 2.0 * y
        x = torch.stack([side * (turn.cos() - 0.5), side * (turn.sin() - 0.25)], 1)
    else:
        x = torch.stack([(2 * turn).cos(), (2 * turn).sin()], 1) * (1.4 - 0.8 * y[:, None])
    return x + spread * torch.randn(n, 2, generator=rng), y


def plane(noise: float = NOISE, units: int = 64) -> Recipe:
    """The game of K + 1 classes in the plane, for K = 2: small nets of rectifiers, for `ClassGame`."""
    D = rectifiers_D(2, units, units, units, 2, noise=noise, first=0.05)
    G = [Layer(units, "relu", math.sqrt(6 / n), normalise=True) for n in (4, units)]
    return replace(
        SEMI_SUPERVISED,
        name="plane-labels",
        source="this project's: nets for pictures",
        data="drawn from a shape",
        p_z="normal",
        z_dim=4,
        G=(*G, Layer(2, "linear", math.sqrt(3 / units))),
        D=(replace(D[0], bias="irange"), *D[1:]),
        batch=64,
        lr_D=3e-3,
        lr_G=3e-3,
        classes=2,
        labels=2,
    )
