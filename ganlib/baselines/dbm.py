"""The deep Boltzmann machine of two hidden layers: mean field for the data's side, persistent chains for the model's.

Salakhutdinov & Hinton (2009), "Deep Boltzmann machines". Trained without pretraining by the centred gradient of
Montavon & Muller (2012), "Deep Boltzmann machines and the centering trick", whose sizes the recipe takes.

    p(v, h^1, h^2) = exp(v W^1 h^1 + h^1 W^2 h^2 + b.v + c^1.h^1 + c^2.h^2) / Z
    log p(v) >= E_q log p*(v, h^1, h^2) + H(q) - log Z,   q = prod_j Bernoulli(mu^1_j) prod_k Bernoulli(mu^2_k)
    mu^1 = sigmoid(c^1 + v W^1 + mu^2 W^2^T),   mu^2 = sigmoid(c^2 + mu^1 W^2)   (the fixed point of mean field)
"""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ganlib.baselines.model import Chain, ModelRecipe


@dataclass(frozen=True)
class DBMRecipe(ModelRecipe):
    """The numbers of a DBM; rate, epochs and decay by trial on MNIST."""

    hidden: tuple[int, int] = (400, 100)
    mean_field: int = 10  # updates of mu
    k: int = 1  # Gibbs steps of the persistent chains between two updates
    lr: float = 0.05  # falls to 0 in a straight line, epoch by epoch
    batch: int = 100  # and as many persistent chains
    epochs: int = 12
    beta_rate: float = 0.01  # of the running means of mu, which centre the gradient
    chains: int = 10_000  # side by side, in `samples`
    burn_in: int = 300
    thin: int = 1


class DBM(Chain, of=DBMRecipe):
    """W1 (d, n1), W2 (n1, n2), b (d,), c1 (n1,), c2 (n2,)."""

    def __init__(self, recipe: DBMRecipe, mean: Tensor, seed: int):
        super().__init__(recipe, mean)
        rng, d, (n1, n2), chains = torch.Generator().manual_seed(seed), len(mean), recipe.hidden, recipe.batch
        self.register_buffer("v", torch.bernoulli(self.mean.expand(chains, -1), generator=rng))  # the chains
        self.register_buffer("h2", torch.rand(chains, n2, generator=rng).round())
        self.register_buffer("beta1", torch.full((n1,), 0.5))  # the running means
        self.register_buffer("beta2", torch.full((n2,), 0.5))
        start = {"W1": torch.randn(d, n1, generator=rng) * 0.01, "W2": torch.randn(n1, n2, generator=rng) * 0.01}
        start |= {"b": self.mean.clamp(0.01, 0.99).logit(), "c1": torch.zeros(n1), "c2": torch.zeros(n2)}
        for name, value in start.items():
            self.register_parameter(name, nn.Parameter(value, requires_grad=False))

    def p_h1(self, v: Tensor, h2: Tensor) -> Tensor:
        """p(h^1_j = 1 | v, h^2): (m, n1)."""
        return torch.addmm(torch.addmm(self.c1, v, self.W1), h2, self.W2.T).sigmoid_()

    def p_v(self, h1: Tensor) -> Tensor:
        """p(v_i = 1 | h^1): (m, d)."""
        return torch.addmm(self.b, h1, self.W1.T).sigmoid_()

    def p_h2(self, h1: Tensor) -> Tensor:
        """p(h^2_k = 1 | h^1): (m, n2)."""
        return torch.addmm(self.c2, h1, self.W2).sigmoid_()

    def mean_field(self, v: Tensor, steps: int | None = None) -> tuple[Tensor, Tensor]:
        """mu^1 (m, n1) and mu^2 (m, n2) of q(h | v); they start from one pass up, with W^1 doubled for want of h^2."""
        a = torch.addmm(self.c1, v, self.W1)
        mu1 = (2 * a - self.c1).sigmoid_()
        mu2 = self.p_h2(mu1)
        for _ in range(self.recipe.mean_field if steps is None else steps):
            mu1 = torch.addmm(a, mu2, self.W2.T).sigmoid_()
            mu2 = self.p_h2(mu1)
        return mu1, mu2

    def gibbs(self, v: Tensor, h2: Tensor, rng: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
        """h^1 from p(h^1 | v, h^2), then v and h^2 given it: v, h^2 and p(v | h^1)."""
        h1 = torch.bernoulli(self.p_h1(v, h2), generator=rng)
        mean = self.p_v(h1)
        return torch.bernoulli(mean, generator=rng), torch.bernoulli(self.p_h2(h1), generator=rng), mean

    @torch.no_grad()
    def learn(self, x: Tensor, rng: torch.Generator) -> float:
        """One step up the bound; bits are drawn from x first. The cost is |x - p(v | mu^1)|^2, mean."""
        x = torch.bernoulli(x, generator=rng)
        mu1, mu2 = self.mean_field(x)
        for _ in range(self.recipe.k):
            self.v, self.h2, _ = self.gibbs(self.v, self.h2, rng)
        v, h2, p1 = self.v, self.h2, self.p_h1(self.v, self.h2)
        m, n, rate = len(x), len(v), self.recipe.lr * (1 - self.done / self.recipe.epochs)
        self.beta1.lerp_(mu1.mean(0), self.recipe.beta_rate)
        self.beta2.lerp_(mu2.mean(0), self.recipe.beta_rate)
        beta0, beta1, beta2 = self.mean, self.beta1, self.beta2
        db, dc1, dc2 = x.mean(0) - v.mean(0), mu1.mean(0) - p1.mean(0), mu2.mean(0) - h2.mean(0)
        # <(v - beta0)(h^1 - beta1)^T> of the data less that of the model, and so on: rank-1 corrections
        dW1 = (x.T @ mu1 / m).addmm_(v.T, p1, alpha=-1 / n) - torch.outer(beta0, dc1) - torch.outer(db, beta1)
        dW2 = (mu1.T @ mu2 / m).addmm_(p1.T, h2, alpha=-1 / n) - torch.outer(beta1, dc2) - torch.outer(dc1, beta2)
        cost = (x - self.p_v(mu1)).square().sum(1).mean()
        self.W1.add_(dW1, alpha=rate)
        self.W2.add_(dW2, alpha=rate)
        self.b.add_(db - dW1 @ beta1, alpha=rate)
        self.c1.add_(dc1 - beta0 @ dW1 - dW2 @ beta2, alpha=rate)
        self.c2.add_(dc2 - beta1 @ dW2, alpha=rate)
        return cost.item()

    def walk(self, x: Tensor, rng: torch.Generator) -> Iterator[tuple[Tensor, Tensor]]:
        """Gibbs sampling over v, h^2 | h^1; the first h^2 from the mean field of x."""
        h2 = torch.bernoulli(self.mean_field(x)[1], generator=rng)
        while True:
            x, h2, mean = self.gibbs(x, h2, rng)
            yield x, mean
