"""The two-player game: V(D, G), both players' costs, the prior on z, and the gradients of one update.

Everything is in nats and takes D's logits a = log D - log(1 - D), for which
log D = -softplus(-a) and log(1 - D) = -softplus(a) lose no precision where D is near 0 or 1.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from ganlib.errors import RecipeError
from ganlib.nets import Discriminator, Generator, Rng, is_integer

PRIORS = ("uniform", "normal")
GENERATOR_COSTS = ("non-saturating", "minimax")
UPDATES = ("simultaneous", "alternating")
MINUS_LOG_4 = -math.log(4)  # V at p_g = p_data with D at its optimum (Goodfellow et al. 2014, Theorem 1), nats
LOWEST_LOGIT = -40.0  # below it the fused gradient would come near the underflow of float32: `simultaneous_gradients`


def softplus(a: Tensor) -> Tensor:
    """log(1 + exp(a)), any shape. Torch's own turns linear at 20, where it is still off by 2e-9; this one at 40."""
    return functional.softplus(a, threshold=40.0)


def value(a_real: Tensor, a_fake: Tensor) -> Tensor:
    """V(D, G) = mean log D(x) + mean log(1 - D(G(z))), eq. 1 on a minibatch: two logits (..., m) -> nats (...)."""
    return -softplus(-a_real).mean(-1) - softplus(a_fake).mean(-1)


def discriminator_cost(a_real: Tensor, a_fake: Tensor) -> Tensor:
    """What D descends: -V/2 = 1/2 [softplus(-a(x)) + softplus(a(G(z)))], batch mean, as in the authors' code."""
    return -value(a_real, a_fake) / 2


def generator_cost(a_fake: Tensor, cost: str = "non-saturating") -> Tensor:
    """What G descends, without the factor 1/2 of D's cost: logits (..., m) -> nats (...).

    "minimax": mean log(1 - D(G(z))), eq. 1. "non-saturating": -mean log D(G(z)), section 3, the authors' code.
    """
    if cost == "non-saturating":
        return softplus(-a_fake).mean(-1)
    if cost == "minimax":
        return -softplus(a_fake).mean(-1)
    raise RecipeError(f"unknown generator cost {cost!r}; use one of {', '.join(GENERATOR_COSTS)}")


def prior(name: str, m: int, z_dim: int, rng: torch.Generator, dtype: torch.dtype = torch.float32) -> Tensor:
    """Draw m vectors from p_z: (m, z_dim).

    "uniform" is U(-sqrt 3, sqrt 3), with mean 0 and variance 1 like "normal", N(0, 1). Drawn in float32 always, so that
    a seed means the same z in every precision.
    """
    if name == "uniform":
        z = torch.rand(m, z_dim, generator=rng, device=rng.device)
        return ((2 * z - 1) * math.sqrt(3)).to(dtype)
    if name == "normal":
        return torch.randn(m, z_dim, generator=rng, device=rng.device).to(dtype)
    raise RecipeError(f"unknown prior {name!r}; use one of {', '.join(PRIORS)}")


def interpolate(points: Tensor, n: int) -> Tensor:
    """n points at equal steps along the straight lines between `points` in turn: (p, z_dim) -> (n, z_dim).

    Figure 3's walk through z. The first and the last are exactly the first and the last of `points`, and every line
    takes an equal share of the steps: with n = (p - 1) * steps + 1 each of `points` is met exactly.

    >>> interpolate(torch.tensor([[0.0], [1.0], [3.0]]), 5).flatten().tolist()
    [0.0, 0.5, 1.0, 2.0, 3.0]
    """
    if not is_integer(n) or n < 2:
        raise RecipeError(f"n is {n!r}; a line needs an integer >= 2 of points on it")
    return on_path(points, torch.linspace(0, 1, n, dtype=torch.float64))


def on_path(points: Tensor, t: Tensor) -> Tensor:
    """The points at t (n,) in [0, 1] on the broken line through `points` (p >= 2, z_dim): (n, z_dim)."""
    if points.ndim != 2 or len(points) < 2:
        raise RecipeError(f"points are {tuple(points.shape)}; a path through z needs (p >= 2, z_dim)")
    s = t.double().clamp(0, 1) * (len(points) - 1)
    line = s.floor().clamp(max=len(points) - 2).long()  # (n,)
    w = (s - line).unsqueeze(1)  # (n, 1), in [0, 1]
    z = points.double()
    return ((1 - w) * z[line] + w * z[line + 1]).to(points.dtype)


# The gradients below also serve many games at once (`toys`): nets whose parameters, inputs and logits carry a leading
# dimension, one game each. The games' costs are added up, which leaves each its own gradient.


@dataclass(frozen=True)
class Gradients:
    """What one evaluation of the game gives: the logits it saw, and the gradients it was asked for."""

    a_fake: Tensor  # D's logits on G(z), (m,)
    a_real: Tensor | None = None  # D's logits on x, (m,); None when only G was asked for
    D: tuple[Tensor, ...] = ()  # d cost_D / d theta_d, in the order of D.parameters()
    G: tuple[Tensor, ...] = ()  # d cost_G / d theta_g, in the order of G.parameters()


def _logit(D: Discriminator, x: Tensor, rng: Rng) -> Tensor:
    """D's logits (m,), in float32 at least: the costs lose too much in bfloat16."""
    a = D.logit(x, rng)
    return a.float() if a.dtype == torch.bfloat16 else a


def _both_logits(D: Discriminator, x: Tensor, fake: Tensor, rng: Rng) -> tuple[Tensor, ...]:
    """D's logits on x and on the fakes, from one pass."""
    return _logit(D, torch.cat([x, fake], -2), rng).split([x.shape[-2], fake.shape[-2]], -1)


def discriminator_gradients(D: Discriminator, x: Tensor, fake: Tensor, rng: Rng = None) -> Gradients:
    """D's gradient on m data examples x and m samples of G, both (m, d): Algorithm 1, the inner loop."""
    a_real, a_fake = _both_logits(D, x, fake.detach(), rng)
    grad_D = torch.autograd.grad(discriminator_cost(a_real, a_fake).sum(), list(D.parameters()))
    return Gradients(a_fake.detach(), a_real.detach(), D=grad_D)


def generator_gradients(G: Generator, D: Discriminator, z: Tensor, cost: str, rng: Rng = None) -> Gradients:
    """G's gradient through a fixed D, on m noise samples z (m, z_dim): Algorithm 1, the outer step."""
    a_fake = _logit(D, G(z), rng)
    grad_G = torch.autograd.grad(generator_cost(a_fake, cost).sum(), list(G.parameters()))
    return Gradients(a_fake.detach(), G=grad_G)


def simultaneous_gradients(
    G: Generator, D: Discriminator, x: Tensor, z: Tensor, cost: str, rng: Rng = None
) -> Gradients:
    """Both players' gradients at the same parameters, from one pass through D: the authors' update.

    One fake batch and one dropout mask on it serve both costs. Examples do not meet inside D, so the gradient that
    G needs at the pixels of fake i is the one that D's cost already gives there, times

        (d cost_G / d a_i) / (d cost_D / d a_i) = -2 exp(-a_i)  (non-saturating),  -2  (minimax).

    Where a logit is so low that D's own gradient nears the smallest float, G's is computed by a pass of its own.
    """
    fake = G(z)
    pixels = fake.detach().requires_grad_()
    a_real, a_fake = _both_logits(D, x, pixels, rng)
    own_pass = bool((a_fake.detach() < LOWEST_LOGIT).any())
    *grad_D, grad_pixels = torch.autograd.grad(
        discriminator_cost(a_real, a_fake).sum(), [*D.parameters(), pixels], retain_graph=own_pass
    )
    if own_pass:
        (grad_pixels,) = torch.autograd.grad(generator_cost(a_fake, cost).sum(), pixels)
    else:
        grad_pixels = grad_pixels * fused_factor(a_fake.detach(), cost).unsqueeze(-1)
    grad_G = torch.autograd.grad(fake, list(G.parameters()), grad_pixels.to(fake.dtype))
    return Gradients(a_fake.detach(), a_real.detach(), tuple(grad_D), grad_G)


def fused_factor(a_fake: Tensor, cost: str) -> Tensor:
    """(d cost_G / d a_i) / (d cost_D / d a_i), for the two costs as this module defines them: (m,) -> (m,)."""
    if cost == "non-saturating":
        return -2 * torch.exp(-a_fake)
    if cost == "minimax":
        return torch.full_like(a_fake, -2.0)
    raise RecipeError(f"unknown generator cost {cost!r}; use one of {', '.join(GENERATOR_COSTS)}")
