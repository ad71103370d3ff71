"""The two-player game: V(D, G), both players' costs, the prior on z, and the gradients of one update.

Everything is in nats and takes D's logits a = log D - log(1 - D), for which
log D = -softplus(-a) and log(1 - D) = -softplus(a) lose no precision where D is near 0 or 1.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Protocol

import torch
from torch import Tensor
from torch.nn import functional

from ganlib.errors import Floats, RecipeError, Within, brief, door
from ganlib.nets import Rng, real_logit

PRIORS = ("uniform", "normal", "sphere", "truncated", "mixture", "discrete")
PAPERS_PRIORS = PRIORS[:2]  # those of the published recipes
GENERATOR_COSTS = ("non-saturating", "minimax", "blend", "features")
UPDATES = ("simultaneous", "alternating")
MINUS_LOG_4 = -math.log(4)  # V at p_g = p_data with D at its optimum (Goodfellow et al. 2014, Theorem 1), nats
TRUNCATED_SD = 0.5395600937601126  # of N(0, 1) within [-1, 1]: sqrt(1 - 2 phi(1) / erf(1 / sqrt 2))
LOWEST_LOGIT = -40.0  # below it D's gradient would come near the underflow of float32: `simultaneous_gradients`

Numbers = Annotated[Tensor, Floats()]
Logits = Annotated[Tensor, Floats(empty=True)]  # the mean of none is nan
Rows = Annotated[Tensor, Floats(2)]
_softplus = partial(functional.softplus, threshold=40.0)  # `softplus` without its door
AT_ONCE = 200_000_000  # numbers of z at a time, at most: 800 MB


class Draws(Protocol):
    """What the gradients need of G, or of E: a net, or one with what it is given (`conditions.Given`)."""

    def parameters(self) -> Iterator[Tensor]:
        """What it learns."""

    def __call__(self, z: Tensor) -> Tensor:
        """(m, z_dim) -> (m, d)."""


class Noise(Protocol):
    """What may come in place of random numbers for dropout: noise on what D reads."""

    def like(self, x: Tensor) -> Tensor:
        """As much as x."""


Dropout = Rng | Noise  # None: none


class Judges(Protocol):
    """What the gradients need of D."""

    def parameters(self) -> Iterator[Tensor]:
        """What it learns."""

    def logit(self, x: Tensor, rng: Rng) -> Tensor:
        """(m, d) -> (m,)."""


@door(RecipeError)
def softplus(a: Logits) -> Tensor:
    """log(1 + exp(a)), any shape. Torch's own turns linear at 20, where it is still off by 2e-9; this one at 40."""
    return _softplus(a)


@door(RecipeError)
def value(a_real: Logits, a_fake: Logits) -> Tensor:
    """V(D, G) = mean log D(x) + mean log(1 - D(G(z))), eq. 1 on a minibatch: two logits (..., m) -> nats (...)."""
    return -_softplus(-a_real).mean(-1) - _softplus(a_fake).mean(-1)


@door(RecipeError)
def discriminator_cost(a_real: Logits, a_fake: Logits) -> Tensor:
    """What D descends: -V/2 = 1/2 [softplus(-a(x)) + softplus(a(G(z)))], batch mean, as in the authors' code."""
    return -value(a_real, a_fake) / 2


@door(RecipeError)
def generator_cost(a_fake: Logits, cost: str = "non-saturating") -> Tensor:
    """What G descends, without the factor 1/2 of D's cost: logits (..., m) -> nats (...).

    "minimax": mean log(1 - D(G(z))), eq. 1. "non-saturating": -mean log D(G(z)), section 3, the authors' code. "blend":
    the mean of both, which against D* descends KL(p_g || p_data) / 2. ("features" is not of logits: `feature_cost`.)
    """
    if cost == "non-saturating":
        return _softplus(-a_fake).mean(-1)
    if cost == "minimax":
        return -_softplus(a_fake).mean(-1)
    if cost == "blend":
        return -a_fake.mean(-1) / 2
    raise RecipeError(f"unknown generator cost {brief(cost)} of logits; use one of {', '.join(GENERATOR_COSTS[:3])}")


@door(RecipeError)
def feature_cost(f_real: Numbers, f_fake: Numbers) -> Tensor:
    """|mean f(x) - mean f(G(z))|^2 over D's features (m, units), their mean: Salimans et al. 2016, section 3.1."""
    if f_real.ndim < 2 or f_fake.ndim < 2 or f_real.shape[-1] != f_fake.shape[-1]:
        both = f"{tuple(f_real.shape)} and {tuple(f_fake.shape)}"
        raise RecipeError(f"features are {both}; they must be (m, units), the same units")
    return (f_real.mean(-2) - f_fake.mean(-2)).square().mean(-1)


@door(RecipeError)
def prior(
    name: str,
    m: Annotated[int, Within(0)],
    z_dim: Annotated[int, Within(1)],
    rng: torch.Generator,
    dtype: torch.dtype = torch.float32,
) -> Tensor:
    """Draw m vectors from p_z: (m, z_dim), at most 200 million numbers (800 MB) at a time.

    "uniform" is U(-sqrt 3, sqrt 3), with mean 0 and variance 1 like "normal", N(0, 1), and like all others: "sphere",
    the directions of N(0, 1) at radius sqrt(z_dim); "truncated", N(0, 1) within one standard deviation, stretched;
    "mixture", in each coordinate two heaps, N(-.8, .6^2) and N(.8, .6^2); "discrete", coins of -1 and 1 in the first
    half of the coordinates (rounded up) and N(0, 1) in the rest. Drawn in float32 always, so that a seed means the same
    z in every precision.
    """
    if m * z_dim > AT_ONCE or not dtype.is_floating_point:
        raise RecipeError(f"{m:,} x {z_dim:,} numbers of {dtype}; draw at most {AT_ONCE:,} at a time, floating point")
    if name == "uniform":
        z = torch.rand(m, z_dim, generator=rng, device=rng.device)
        return ((2 * z - 1) * math.sqrt(3)).to(dtype)
    if name == "normal":
        return torch.randn(m, z_dim, generator=rng, device=rng.device).to(dtype)
    if name == "truncated":
        u = 2 * torch.rand(m, z_dim, generator=rng, device=rng.device) - 1
        return (torch.erfinv(u * math.erf(math.sqrt(0.5))) * math.sqrt(2) / TRUNCATED_SD).to(dtype)
    if name in PRIORS:
        z = torch.randn(m, z_dim, generator=rng, device=rng.device)
        if name == "sphere":
            return (z * (math.sqrt(z_dim) / z.norm(dim=1, keepdim=True))).to(dtype)
        coins = 2.0 * torch.randint(2, z.shape, generator=rng, device=rng.device) - 1
        if name == "mixture":
            return (0.8 * coins + 0.6 * z).to(dtype)
        half = -(-z_dim // 2)
        return torch.cat([coins[:, :half], z[:, half:]], 1).to(dtype)
    raise RecipeError(f"unknown prior {brief(name)}; use one of {', '.join(PRIORS)}")


@door(RecipeError)
def interpolate(points: Rows, n: Annotated[int, Within(2, 1_000_000)]) -> Tensor:
    """n points at equal steps along the straight lines between `points` in turn: (p, z_dim) -> (n, z_dim).

    Figure 3's walk through z. The first and the last are exactly the first and the last of `points`, and every line
    takes an equal share of the steps: with n = (p - 1) * steps + 1 each of `points` is met exactly.

    >>> interpolate(torch.tensor([[0.0], [1.0], [3.0]]), 5).flatten().tolist()
    [0.0, 0.5, 1.0, 2.0, 3.0]
    """
    return on_path(points, torch.linspace(0, 1, n, dtype=torch.float64))


@door(RecipeError)
def on_path(points: Rows, t: Annotated[Tensor, Floats(1)]) -> Tensor:
    """The points at t (n,) in [0, 1] on the broken line through `points` (p >= 2, z_dim): (n, z_dim)."""
    if len(points) < 2:
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
    E: tuple[Tensor, ...] = ()  # d cost_E / d theta_e, of an inference net
    cost_G: float | None = None  # where it is not one of logits, nats or the mean square of features
    cost_E: float = 0.0  # what E descends
    cost_labels: float = 0.0  # what D descends on labelled examples beside -V/2, nats


def _logit(D: Judges, x: Tensor, rng: Dropout) -> Tensor:
    """D's logits (m,), in float32 at least."""
    return _wide(D.logit(x, rng))


def _wide(numbers: Tensor) -> Tensor:
    """In float32 at least: the costs lose too much in bfloat16."""
    return numbers.float() if numbers.dtype == torch.bfloat16 else numbers


def _both_logits(D: Judges, x: Numbers, fake: Numbers, rng: Dropout) -> tuple[Tensor, ...]:
    """D's logits on x and on the fakes, from one pass."""
    if x.shape[:-2] != fake.shape[:-2] or x.shape[-1] != fake.shape[-1]:
        both = f"data are {tuple(x.shape)} and samples {tuple(fake.shape)}"
        raise RecipeError(f"{both}; D takes (m, d) of both, the same d")
    return _logit(D, torch.cat([x, fake], -2), rng).split([x.shape[-2], fake.shape[-2]], -1)


@door(RecipeError)
def discriminator_gradients(D: Judges, x: Numbers, fake: Numbers, rng: Dropout = None) -> Gradients:
    """D's gradient on m data examples x and m samples of G, both (m, d): Algorithm 1, the inner loop."""
    a_real, a_fake = _both_logits(D, x, fake.detach(), rng)
    grad_D = torch.autograd.grad(discriminator_cost(a_real, a_fake).sum(), list(D.parameters()))
    return Gradients(a_fake.detach(), a_real.detach(), D=grad_D)


@door(RecipeError)
def generator_gradients(G: Draws, D: Judges, z: Numbers, cost: str, rng: Dropout = None) -> Gradients:
    """G's gradient through a fixed D, on m noise samples z (m, z_dim): Algorithm 1, the outer step."""
    a_fake = _logit(D, G(z), rng)
    grad_G = torch.autograd.grad(generator_cost(a_fake, cost).sum(), list(G.parameters()))
    return Gradients(a_fake.detach(), G=grad_G)


@door(RecipeError)
def simultaneous_gradients(G: Draws, D: Judges, x: Numbers, z: Numbers, cost: str, rng: Dropout = None) -> Gradients:
    """Both players' gradients at the same parameters, from one pass through D: the authors' update.

    One fake batch and one dropout mask on it serve both costs. Examples do not meet inside D, so the gradient that
    G needs at the pixels of fake i is the one that D's cost already gives there, times

        (d cost_G / d a_i) / (d cost_D / d a_i) = -2 exp(-a_i)  (non-saturating),  -2  (minimax).

    Both are taken at a_i = -40 where a logit is lower, as D's own gradient would near the smallest float there: that
    changes D's gradient by less than 1e-17 / m a logit, and G's non-saturating one not at all.
    """
    fake = G(z)
    pixels = fake.detach().requires_grad_()
    a_real, a_fake = _both_logits(D, x, pixels, rng)
    seen = _held(a_fake, cost)
    *grad_D, grad_pixels = torch.autograd.grad(discriminator_cost(a_real, seen).sum(), [*D.parameters(), pixels])
    grad_pixels = grad_pixels * fused_factor(seen.detach(), cost).unsqueeze(-1)
    grad_G = torch.autograd.grad(fake, list(G.parameters()), grad_pixels.to(fake.dtype))
    return Gradients(a_fake.detach(), a_real.detach(), tuple(grad_D), grad_G)


def _held(a: Tensor, cost: str) -> Tensor:
    """Logits of fakes, none below `LOWEST_LOGIT`, with the way back of what they were; minimax needs no such floor."""
    if cost == "minimax":  # its factor is the same everywhere
        return a
    low = a.detach()
    return a + (low.clamp(min=LOWEST_LOGIT) - low)


@door(RecipeError)
def fused_factor(a_fake: Logits, cost: str) -> Tensor:
    """(d cost_G / d a_i) / (d cost_D / d a_i), for the two costs as this module defines them: (m,) -> (m,)."""
    if cost == "non-saturating":
        return -2 * torch.exp(-a_fake)
    if cost == "minimax":
        return torch.full_like(a_fake, -2.0)
    if cost == "blend":
        return -1 - torch.exp(-a_fake)
    raise RecipeError(f"unknown generator cost {brief(cost)} of logits; use one of {', '.join(GENERATOR_COSTS[:3])}")


# -- a third net, and a D that names classes ---------------------------------------------------------------------------


@door(RecipeError)
def inference_gradients(E: Draws, x: Numbers, z: Numbers) -> tuple[float, tuple[Tensor, ...]]:
    """The cost of E and its gradient on samples x = G(z), which come without a way back to G.

    E guesses z: mean |z - E(x)|^2 / (2 z_dim), so that 1/2 is what a constant guess pays (section 7, future work 2; the
    authors' code had such a net).
    """
    cost = (_wide(z) - _wide(E(x))).square().mean() / 2
    return cost.item(), torch.autograd.grad(cost, list(E.parameters()))


@door(RecipeError)
def joint_gradients(G: Draws, E: Draws, D: Judges, x: Numbers, z: Numbers, cost: str, rng: Dropout = None) -> Gradients:
    """All three gradients of the game over pairs: D tells (x, E(x)) from (G(z), z), and G and E play against it.

    E descends G's cost with the sides changed, generator_cost(-a(x, E(x))). Donahue et al. 2017 (BiGAN), Dumoulin et
    al. 2017 (ALI). At D's optimum V = -log 4 + 2 JSD of the two joint distributions. One pass through D, as in
    `simultaneous_gradients`: towards the real pairs the factor is that of -a.
    """
    real, fake = torch.cat([x, E(x)], -1), torch.cat([G(z), z], -1)
    rows = torch.cat([real, fake], -2).detach().requires_grad_()
    a_real, a_fake = _logit(D, rows, rng).split([len(x), len(z)], -1)
    against = _held(torch.cat([-a_real, a_fake], -1), cost)  # what each of both wants to be large
    of_real, of_fake = against.split([len(x), len(z)], -1)
    *grad_D, grad_rows = torch.autograd.grad(discriminator_cost(-of_real, of_fake).sum(), [*D.parameters(), rows])
    cost_E = generator_cost(-a_real, cost)
    grad_rows = grad_rows * fused_factor(against.detach(), cost).unsqueeze(-1)
    for_E, for_G = grad_rows.to(real.dtype).split([len(x), len(z)], -2)
    grad_E = torch.autograd.grad(real, list(E.parameters()), for_E)
    grad_G = torch.autograd.grad(fake, list(G.parameters()), for_G)
    return Gradients(a_fake.detach(), a_real.detach(), tuple(grad_D), grad_G, grad_E, cost_E=cost_E.item())


@door(RecipeError)
def feature_gradients(
    G: Draws,
    D: Judges,
    x: Numbers,
    z: Numbers,
    cost: str,
    rng: Dropout = None,
    labelled: tuple[Tensor, Tensor] | None = None,
) -> Gradients:
    """Both players' gradients where G matches D's features, or D learns from labels, too.

    `labelled` is (x_l (m, d), y (m,) int64): D then descends -V/2 + mean[-log p(y | x_l, not from G)] (Salimans et al.
    2016, section 5). `cost` is that of G, "features" or one of logits.
    """
    fake = G(z)
    pixels = fake.detach().requires_grad_()
    known, y = labelled if labelled is not None else (x[:0], None)
    parts = [len(known), len(x), len(z)]
    f = D.features(torch.cat([known, x, pixels], -2), rng)
    _, f_real, f_fake = f.split(parts, -2)
    out = _wide(D.layers[-1].logit(f, rng))
    _, a_real, a_fake = real_logit(out).split(parts, -1)
    on_labels = functional.cross_entropy(out[: len(known)], y) if y is not None else out.new_zeros(())
    cost_D = discriminator_cost(a_real, a_fake) + on_labels
    grad_D = torch.autograd.grad(cost_D, list(D.parameters()), retain_graph=True)
    matches = cost == "features"
    cost_G = feature_cost(_wide(f_real).detach(), _wide(f_fake)) if matches else generator_cost(a_fake, cost)
    (grad_pixels,) = torch.autograd.grad(cost_G, pixels)
    grad_G = torch.autograd.grad(fake, list(G.parameters()), grad_pixels.to(fake.dtype))
    told = {"cost_G": cost_G.item(), "cost_labels": on_labels.item()}
    return Gradients(a_fake.detach(), a_real.detach(), grad_D, grad_G, **told)
