"""Two ways to fit a density that is known but for its constant, without a draw from it: here in one dimension.

Noise-contrastive estimation: Gutmann & Hyvarinen (2010), "Noise-contrastive estimation: a new estimation principle for
unnormalized statistical models". A logistic regression tells data x from nu times as many draws y of a fixed noise
p_n; the density's constant is one more parameter, c, of phi:

    h(u) = sigmoid(log phi(u) - log p_n(u) - log nu),    cost = -E log h(x) - nu E log(1 - h(y))

Score matching: Hyvarinen (2005), "Estimation of non-normalized statistical models by score matching", theorem 1:

    psi(x) = d/dx log phi(x),    cost = E [psi'(x) + psi(x)^2 / 2]

    from ganlib.studies.nce import NCERecipe, fit

    for step in fit(data, NCERecipe(), seed=0):
        print(step.step, step.cost, step.theta)

All in float64. `theta` (p,) is the vector of parameters, c the last of them.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor

from ganlib.densities import Density, Gaussian, log_pdf
from ganlib.errors import DataError, RecipeError, brief
from ganlib.game import softplus
from ganlib.theory import quadrature

WIDE = Gaussian(0.0, 2.0)


@dataclass(frozen=True)
class Bell:
    """An unnormalised Gaussian: log phi(x) = -exp(l) (x - mu)^2 / 2 + c, with theta = (mu, l, c).

    It is normalised where c = (l - log(2 pi)) / 2.
    """

    start: tuple[float, ...] = (0.0, 0.0, 0.0)

    def log_phi(self, theta: Tensor, x: Tensor) -> Tensor:
        """log phi at x, any shape; nats."""
        mu, l, c = theta.unbind(-1)
        return c - l.exp() * (x - mu).square() / 2


@dataclass(frozen=True)
class Polynomial:
    """log phi(x) = c + sum_k theta_k x^k: with a degree of 4 it can have two hills. theta = (theta_1 .., c).

    It is linear in theta, so both costs are convex in it, and score matching's minimiser solves a linear system.
    """

    start: tuple[float, ...] = (0.0, -0.5, 0.0, 0.0, 0.0)  # of degree 4; exp(-x^2 / 2)

    def log_phi(self, theta: Tensor, x: Tensor) -> Tensor:
        """log phi at x, any shape; nats."""
        y = torch.zeros_like(x)
        *coefficients, c = theta.unbind(-1)
        for coefficient in reversed(coefficients):
            y = (y + coefficient) * x
        return y + c


@dataclass(frozen=True)
class NCERecipe:
    """The numbers of a fit. Neither paper fixes a rate: theirs are found by conjugate gradients on the full sum."""

    family: Bell | Polynomial = Bell()
    by: str = "noise"  # or "scores": score matching, which leaves c where it starts
    noise: Density = WIDE  # p_n; it must not be 0 where data are
    nu: int = 1  # draws of the noise to a datum
    lr: float = 0.1
    batch: int | None = 100  # data a step, with fresh noise; None: all data, with noise drawn once, as in the paper
    steps: int = 2000

    def __post_init__(self) -> None:
        if self.by not in ("noise", "scores"):
            raise RecipeError(f"by is {brief(self.by)}; use 'noise' (contrastive) or 'scores' (score matching)")
        if not (self.nu >= 1 and self.lr > 0 and self.steps >= 0 and (self.batch is None or self.batch >= 1)):
            raise RecipeError(f"{self}: nu and batch must be 1 or more, lr above 0, steps 0 or more")


@dataclass(frozen=True)
class NCEStep:
    """What one update left behind."""

    step: int  # updates so far
    cost: float  # of the minibatch before the update; nats a datum for "noise"
    gradient: Tensor  # of that cost, (p,)
    theta: Tensor  # as it is now, (p,)


def on_data(recipe: NCERecipe, theta: Tensor, x: Tensor) -> Tensor:
    """Each datum's part of the cost: -log h(x), or psi'(x) + psi(x)^2 / 2 for score matching. x (m,) -> (m,)."""
    if recipe.by == "noise":
        return softplus(-_logit(recipe, theta, x))

    x = x.detach().requires_grad_()
    (psi,) = torch.autograd.grad(recipe.family.log_phi(theta, x).sum(), x, create_graph=True)
    (slope,) = torch.autograd.grad(psi.sum(), x, create_graph=True)
    return slope + psi.square() / 2


def on_noise(recipe: NCERecipe, theta: Tensor, y: Tensor) -> Tensor:
    """Each noise draw's part of the cost: -nu log(1 - h(y)), or 0 for score matching. y (k,) -> (k,)."""
    if recipe.by == "noise":
        return recipe.nu * softplus(_logit(recipe, theta, y))
    return 0 * recipe.family.log_phi(theta, y)


def _logit(recipe: NCERecipe, theta: Tensor, u: Tensor) -> Tensor:
    log_p_n = torch.from_numpy(log_pdf(recipe.noise, u.numpy()))
    return recipe.family.log_phi(theta, u) - log_p_n - math.log(recipe.nu)


def fit(data: ArrayLike, recipe: NCERecipe, seed: int = 0) -> Iterator[NCEStep]:
    """Fit theta to data (n,), update by update: plain gradient descent, the caller drives the loop.

    Raises `DataError` when the data are not a row of numbers, or lie where the noise has no density.
    """
    try:
        x = torch.from_numpy(np.array(data, float))
    except (TypeError, ValueError):
        raise DataError(f"data are {brief(data)}; a fit takes a row of finite numbers (n,)") from None
    if x.ndim != 1 or not len(x) or not bool(x.isfinite().all()):
        raise DataError(f"data of shape {tuple(x.shape)}; a fit takes a row of finite numbers (n,)")
    if recipe.by == "noise" and not np.isfinite(log_pdf(recipe.noise, x.numpy())).all():
        raise DataError("the noise has no density where some data lie; take one that is above 0 wherever data may be")
    rng = np.random.default_rng(seed)
    m = recipe.batch or len(x)
    theta = torch.tensor(recipe.family.start, dtype=torch.float64)
    for step in range(1, recipe.steps + 1):
        if step == 1 or recipe.batch:
            y = torch.from_numpy(recipe.noise.sample(recipe.nu * m, rng))
        rows = x[rng.integers(len(x), size=m)] if recipe.batch else x
        theta = theta.detach().requires_grad_()
        cost = on_data(recipe, theta, rows).mean() + on_noise(recipe, theta, y).mean()
        (gradient,) = torch.autograd.grad(cost, theta)
        theta = theta.detach() - recipe.lr * gradient
        yield NCEStep(step, cost.item(), gradient, theta)


def gradient(recipe: NCERecipe, theta: ArrayLike, p_data: Density, batch: int = 100) -> tuple[Tensor, Tensor]:
    """The mean (p,) and the covariance (p, p) of the gradient of a minibatch, exactly, by quadrature.

    A minibatch is `batch` draws of p_data and nu times as many of the noise.
    """
    theta = torch.as_tensor(theta, dtype=torch.float64)
    nodes, w = quadrature(p_data, recipe.noise)
    mean, covariance = 0, 0
    for part, p, draws in ((on_data, p_data, batch), (on_noise, recipe.noise, batch * recipe.nu)):
        keep = p.pdf(nodes) > 0
        u, share = (torch.from_numpy(a[keep]) for a in (nodes, w * p.pdf(nodes)))
        many = theta.expand(len(u), -1).clone().requires_grad_()  # a theta for each node, so that gradients stay apart
        (each,) = torch.autograd.grad(part(recipe, many, u).sum(), many)  # (n, p)
        middle = share @ each
        mean = mean + middle
        covariance = covariance + (each - middle).T @ (share[:, None] * (each - middle)) / draws
    return mean, covariance


def signal_to_noise(recipe: NCERecipe, theta: ArrayLike, p_data: Density, batch: int = 100) -> float:
    """|mean| / sqrt(trace of the covariance) of a minibatch's gradient: below 1, most of a step is chance."""
    mean, covariance = gradient(recipe, theta, p_data, batch)
    return float(mean.norm() / covariance.trace().sqrt())
