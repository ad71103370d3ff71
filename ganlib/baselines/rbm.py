"""The restricted Boltzmann machine, with binary hidden units and visible ones in [0, 1].

Smolensky (1986); contrastive divergence: Hinton (2002), "Training products of experts by minimizing contrastive
divergence"; persistent chains: Tieleman (2008), "Training RBMs using approximations to the likelihood gradient".

    p(v, h) = exp(b.v + c.h + v W h) / Z,    F(v) = -b.v - sum_j softplus(c_j + v W_j),    p(v) = exp(-F(v)) / Z
"""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

from ganlib.baselines.model import Chain, ModelRecipe, glorot


@dataclass(frozen=True)
class RBMRecipe(ModelRecipe):
    """The numbers of an RBM. Its defaults are those of the lab's tutorial of the time (deeplearning.net, 2010)."""

    hidden: int = 1000
    k: int = 1  # Gibbs steps of the negative phase
    persistent: bool = False  # the negative phase goes on from where it was, and does not begin at the data
    lr: float = 0.01
    decay: bool = False  # the rate falls to 0 in a straight line, epoch by epoch, as Tieleman's does
    batch: int = 10
    epochs: int = 100
    binarise: bool = False  # each minibatch's bits are drawn anew, with the pixels as their probabilities
    W_std: float | None = None  # W starts as N(0, W_std^2), b at logit(mean): Hinton's guide (2010). Or the tutorial's
    chains: int = 10_000  # side by side, in `samples`
    burn_in: int = 300  # steps of a chain before its first draw
    thin: int = 1  # steps from one draw to the next


PCD = RBMRecipe(hidden=500, persistent=True, lr=0.05, decay=True, batch=100, epochs=60, binarise=True, W_std=0.01)
"""A smaller one with persistent chains, on bits: for its likelihood. The numbers are by trial on MNIST."""


class RBM(Chain, of=RBMRecipe):
    """W (d, hidden), b (d,), c (hidden,)."""

    def __init__(self, recipe: RBMRecipe, mean: Tensor, seed: int):
        super().__init__(recipe, mean)
        rng = torch.Generator().manual_seed(seed)
        if recipe.W_std is None:
            W, b = glorot(self.d, recipe.hidden, rng) * 4, torch.zeros(self.d)
        else:
            W, b = torch.randn(self.d, recipe.hidden, generator=rng) * recipe.W_std, self.log_odds()
        self.W = nn.Parameter(W, requires_grad=False)
        self.b = nn.Parameter(b, requires_grad=False)
        self.c = nn.Parameter(torch.zeros(recipe.hidden), requires_grad=False)
        if recipe.persistent:
            self.register_buffer("particles", torch.bernoulli(mean.float().expand(recipe.batch, -1), generator=rng))

    def log_odds(self) -> Tensor:
        """logit(mean picture), with the mean held in [.01, .99]: the biases of independent pixels, (d,)."""
        return self.mean.clamp(0.01, 0.99).logit()

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
        """One step down F(x) - F(v), means over the minibatch; v, held fixed, is the chain's after k Gibbs steps.

        The cost is the squared error of one reconstruction, |x - p(v | h)|^2 with h drawn from p(h | x), mean.
        """
        x = torch.bernoulli(x, generator=rng) if self.recipe.binarise else x
        h, k, persistent = self.up(x), self.recipe.k, self.recipe.persistent
        mean = self.down(torch.bernoulli(h, generator=rng))
        cost = (x - mean).square().sum(1).mean()
        # of a chain that begins at the data the reconstruction is the first step
        v, k = (self.particles, k) if persistent else (torch.bernoulli(mean, generator=rng), k - 1)
        for _ in range(k):
            v = torch.bernoulli(self.down(torch.bernoulli(self.up(v), generator=rng)), generator=rng)
        if persistent:
            self.particles = v
        p, rate = self.up(v), self.recipe.lr
        rate *= 1 - self.done / self.recipe.epochs if self.recipe.decay else 1
        self.W.addmm_(x.T, h, alpha=rate / len(x)).addmm_(v.T, p, alpha=-rate / len(v))
        self.b.add_(x.mean(0) - v.mean(0), alpha=rate)
        self.c.add_(h.mean(0) - p.mean(0), alpha=rate)
        return cost.item()

    def walk(self, x: Tensor, rng: torch.Generator) -> Iterator[tuple[Tensor, Tensor]]:
        """Gibbs sampling: h from p(h | v), v from p(v | h)."""
        while True:
            mean = self.down(torch.bernoulli(self.up(x), generator=rng))
            x = torch.bernoulli(mean, generator=rng)
            yield x, mean
