"""The restricted Boltzmann machine, with binary hidden units and visible ones in [0, 1].

Smolensky (1986); contrastive divergence: Hinton (2002), "Training products of experts by minimizing contrastive
divergence"; persistent chains: Tieleman (2008).

    p(v, h) = exp(b.v + c.h + v W h) / Z,    F(v) = -b.v - sum_j softplus(c_j + v W_j),    p(v) = exp(-F(v)) / Z
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

from ganlib.baselines.model import Chain


@dataclass(frozen=True)
class RBMRecipe:
    """The numbers of an RBM. Its defaults are those of the lab's tutorial of the time (deeplearning.net, 2010)."""

    hidden: int = 1000
    k: int = 1  # Gibbs steps of the negative phase
    persistent: bool = False  # the negative phase goes on from where it was, and does not begin at the data
    lr: float = 0.01
    batch: int = 10
    epochs: int = 100
    chains: int = 100  # side by side, in `samples`
    burn_in: int = 1000  # steps of a chain before its first draw
    thin: int = 10  # steps from one draw to the next

    def start(self, mean: Tensor, seed: int) -> RBM:
        """The model before its first update."""
        return RBM(self, mean, seed)


class RBM(Chain):
    """W (d, hidden), b (d,), c (hidden,)."""

    def __init__(self, recipe: RBMRecipe, mean: Tensor, seed: int):
        super().__init__(recipe, mean)
        rng = torch.Generator().manual_seed(seed)
        d, most = len(mean), 4 * (6 / (len(mean) + recipe.hidden)) ** 0.5  # the tutorial's range
        weights = (torch.rand(d, recipe.hidden, generator=rng) * 2 - 1) * most
        self.W = nn.Parameter(weights, requires_grad=False)
        self.b = nn.Parameter(torch.zeros(d), requires_grad=False)
        self.c = nn.Parameter(torch.zeros(recipe.hidden), requires_grad=False)
        if recipe.persistent:
            self.register_buffer("particles", torch.bernoulli(mean.float().expand(recipe.batch, -1), generator=rng))

    def up(self, v: Tensor) -> Tensor:
        """p(h_j = 1 | v): (m, hidden)."""
        return torch.addmm(self.c, v, self.W).sigmoid_()

    def down(self, h: Tensor) -> Tensor:
        """p(v_i = 1 | h): (m, d)."""
        return torch.addmm(self.b, h, self.W.T).sigmoid_()

    def free_energy(self, v: Tensor) -> Tensor:
        """F(v), nats: (m,)."""
        return -(v @ self.b) - softplus(torch.addmm(self.c, v, self.W)).sum(1)

    @torch.no_grad()
    def learn(self, x: Tensor, rng: torch.Generator) -> float:
        """One step up <dF(v') - dF(x)>, v' after k Gibbs steps; the cost is the squared error of one pass, mean."""
        h = self.up(x)
        p, v = h, x
        if self.recipe.persistent:
            p = self.up(self.particles)
        for _ in range(self.recipe.k):
            v = torch.bernoulli(self.down(torch.bernoulli(p, generator=rng)), generator=rng)
            p = self.up(v)
        if self.recipe.persistent:
            self.particles = v
        rate = self.recipe.lr
        cost = (x - self.down(h)).square().sum(1).mean().item() if torch.rand((), generator=rng) < 0.01 else 0.0
        self.W.addmm_(x.T, h, alpha=rate / len(x)).addmm_(v.T, p, alpha=-rate / len(v))
        self.b.add_(x.mean(0) - v.mean(0), alpha=rate)
        self.c.add_(h.mean(0) - p.mean(0), alpha=rate)
        return cost

    def walk(self, x: Tensor, rng: torch.Generator) -> Iterator[tuple[Tensor, Tensor]]:
        """Gibbs sampling: h from p(h | v), v from p(v | h)."""
        while True:
            mean = self.down(torch.bernoulli(self.up(x), generator=rng))
            x = torch.bernoulli(mean, generator=rng)
            yield x, mean
