"""Annealed importance sampling: log Z of a Boltzmann machine, and log p(x) of a generator with Gaussian noise.

Neal (2001), "Annealed importance sampling"; Salakhutdinov & Murray (2008), "On the quantitative analysis of deep belief
networks"; Wu, Burda, Salakhutdinov & Grosse (2017), "On the quantitative analysis of decoder-based generative models".
Runs go from a distribution p_0 that can be drawn to p_K by Markov transitions T_k that leave p_k as it is; with p* the
densities before they are normalised,

    x_1 ~ p_0,   x_{k+1} ~ T_k(. | x_k),   w = prod_k p*_k(x_k) / p*_{k-1}(x_k),   E w = Z_K / Z_0

so E log w <= log Z_K / Z_0: of a quantity like log p(x) a run gives a lower bound, in expectation.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor
from torch.nn.functional import softplus

from ganlib.baselines.rbm import RBM
from ganlib.errors import RecipeError, brief
from ganlib.game import PAPERS_PRIORS


@dataclass(frozen=True)
class Estimate:
    """log of a mean weight, nats, and its standard error by the weights' spread."""

    value: float
    standard_error: float  # of the mean weight, as a share of it; untrustworthy where it is near 1
    log_weights: Tensor = field(repr=False)  # of each run


def _estimate(log_w: Tensor, log_z0: float = 0.0) -> Estimate:
    log_mean = log_w.logsumexp(0) - math.log(len(log_w))
    error = (log_w - log_mean).exp().std() / math.sqrt(len(log_w))
    return Estimate(log_z0 + log_mean.item(), error.item(), log_w)


@torch.no_grad()
def log_z(rbm: RBM, chains: int = 100, steps: int = 10_000, seed: int = 0) -> Estimate:
    """log Z of an RBM, nats; of a DBM by `likelihood.bipartite`, h^1 summed out. p_k has, with beta = k / steps,

    log p*_k(v) = (1 - beta) b_0.v + beta b.v + sum_j softplus(beta (c_j + v W_j)),    b_0: the mean picture's log odds.
    """
    if chains < 2 or steps < 1:
        raise RecipeError(f"{chains} chains of {steps} steps; an estimate with an error takes 2 chains, 1 step or more")
    rng = torch.Generator(rbm.W.device).manual_seed(seed)
    b_0 = rbm.log_odds()
    v = torch.bernoulli(b_0.sigmoid().expand(chains, -1), generator=rng)
    log_w = torch.zeros(chains, dtype=torch.float64, device=v.device)
    for k in range(1, steps + 1):
        before, beta = (k - 1) / steps, k / steps
        a = torch.addmm(rbm.c, v, rbm.W)
        log_w += (v @ (rbm.b - b_0)) / steps + (softplus(beta * a) - softplus(before * a)).sum(1)
        h = torch.bernoulli((beta * a).sigmoid_(), generator=rng)
        b = b_0 + beta * (rbm.b - b_0)
        v = torch.bernoulli(torch.addmm(b, h, rbm.W.T, alpha=beta).sigmoid_(), generator=rng)
    return _estimate(log_w.cpu(), softplus(b_0.double()).sum().item() + rbm.recipe.hidden * math.log(2))


Energy = Callable[[Tensor], tuple[Tensor, Tensor]]  # u (m, z_dim) -> |x - G(z)|^2 / (2 sigma^2), (m,), and its gradient


def log_p(
    G: Callable[[Tensor], Tensor],
    x: Tensor,
    sigma: float,
    z_dim: int,
    p_z: str = "uniform",
    *,
    z: Tensor | None = None,
    chains: int = 1,
    steps: int = 500,
    leapfrog: int = 5,
    power: float = 6.0,
    seed: int = 0,
) -> Tensor:
    """A stochastic lower bound of log p_sigma(x) = log E_z N(x; G(z), sigma^2 I), nats, of each x (n, d): (n,).

    p*_k = p_z(z) N(x; G(z), sigma^2 I)^beta, beta = (k / steps)^power; T_k is one step of Hamiltonian Monte Carlo. It
    moves u ~ N(0, I), of which z is a function: u itself, or sqrt(3) (2 Phi(u) - 1) for the uniform prior. A pilot on
    10 of the x finds step sizes that accept 65 %, as in Wu et al.; they then stay, so that the bound is one. With the
    `z` (n, z_dim) that made x, by G(z) + sigma noise, the runs go backwards: a stochastic upper bound.
    """
    if p_z not in PAPERS_PRIORS:
        raise RecipeError(f"p_z is {brief(p_z)}; use one of {', '.join(PAPERS_PRIORS)}")
    if not 0 < sigma < math.inf or min(chains, steps, leapfrog) < 1:
        raise RecipeError(f"sigma {sigma}, {chains} chains, {steps} steps, {leapfrog} leapfrog steps: all must be > 0")
    rng = torch.Generator(x.device).manual_seed(seed)

    def noise(rows: int) -> Tensor:
        """Standard normal numbers: (rows, z_dim)."""
        return torch.randn(rows, z_dim, generator=rng, device=x.device, dtype=x.dtype)

    def energy(x: Tensor) -> Energy:
        """The energy of u against these x, as a function of u."""

        @torch.enable_grad()
        def of(u: Tensor) -> tuple[Tensor, Tensor]:
            """|x - G(z)|^2 / (2 sigma^2), (m,), and its gradient in u, (m, z_dim)."""
            u = u.detach().requires_grad_()
            made = G(math.sqrt(3) * torch.erf(u / math.sqrt(2)) if p_z == "uniform" else u)
            E = (x - made).square().sum(1) / (2 * sigma**2)
            return E.detach(), torch.autograd.grad(E.sum(), u)[0]

        return of

    betas = [(k / steps) ** power for k in range(steps + 1)]
    pilot = x[torch.arange(10, device=x.device) % len(x)]
    _, sizes = _anneal(energy(pilot), noise(10), betas, None, leapfrog, rng)
    rows = x.repeat_interleave(chains, 0)
    if z is None:
        log_w, _ = _anneal(energy(rows), noise(len(rows)), betas, sizes, leapfrog, rng)
    else:
        share = (z / math.sqrt(3)).clamp(-1 + 1e-7, 1 - 1e-7)
        u = (math.sqrt(2) * torch.erfinv(share) if p_z == "uniform" else z).repeat_interleave(chains, 0)
        log_w, _ = _anneal(energy(rows), u, betas[::-1], sizes[::-1], leapfrog, rng)
    log_mean = log_w.view(-1, chains).logsumexp(1) - math.log(chains)
    return (log_mean if z is None else -log_mean) - x.shape[1] * math.log(sigma * math.sqrt(2 * math.pi))


@torch.no_grad()
def _anneal(
    energy: Energy,
    u: Tensor,
    betas: Sequence[float],
    sizes: Sequence[float] | None,
    leapfrog: int,
    rng: torch.Generator,
) -> tuple[Tensor, list[float]]:
    """log w (m,) of a run through the betas from each u (m, z_dim), and the step size at each beta: found if `None`."""
    E, gradient = energy(u)
    log_w, size, used = torch.zeros(len(u), dtype=torch.float64, device=u.device), 0.5, [0.5]
    for k in range(1, len(betas)):
        beta, size = betas[k], sizes[k] if sizes else size
        log_w -= (beta - betas[k - 1]) * E
        v = torch.randn(u.shape, generator=rng, device=u.device, dtype=u.dtype)  # momentum
        H = beta * E + (u.square() + v.square()).sum(1) / 2
        new, new_E, new_gradient = u, E, gradient
        for _ in range(leapfrog):
            v = v - size / 2 * (beta * new_gradient + new)
            new = new + size * v
            new_E, new_gradient = energy(new)
            v = v - size / 2 * (beta * new_gradient + new)
        chance = (H - beta * new_E - (new.square() + v.square()).sum(1) / 2).exp().clamp(max=1)
        taken = torch.rand(len(u), generator=rng, device=u.device, dtype=u.dtype) < chance  # of nan: never
        u, gradient = torch.where(taken[:, None], new, u), torch.where(taken[:, None], new_gradient, gradient)
        E = torch.where(taken, new_E, E)
        used.append(size)
        if sizes is None:
            size *= math.exp(0.2 * (chance.nan_to_num().mean().item() - 0.65))
    return log_w, used
