"""The variational autoencoder of the same months: Kingma & Welling (2014), "Auto-encoding variational Bayes".

log p(x) >= E_q(z | x) log p(x | z) - KL(q(z | x) || p(z)),   p(z) = N(0, I),   q(z | x) = N(mu(x), diag sigma(x)^2)
"""

from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits

from ganlib.baselines.model import Model, ModelRecipe, glorot


@dataclass(frozen=True)
class VAERecipe(ModelRecipe):
    """The numbers of a VAE, encoder d-500-500-20 and a decoder that mirrors it."""

    hidden: tuple[int, ...] = (500, 500)
    z_dim: int = 20
    lr: float = 1e-3  # of Adam
    batch: int = 100
    epochs: int = 100


def _net(widths: tuple[int, ...], rng: torch.Generator) -> nn.Sequential:
    layers: list[nn.Module] = []
    for a, b in pairwise(widths):
        linear = nn.Linear(a, b)
        linear.weight, linear.bias = nn.Parameter(glorot(b, a, rng)), nn.Parameter(torch.zeros(b))
        layers += [linear, nn.ReLU()]
    return nn.Sequential(*layers[:-1])


class VAE(Model, of=VAERecipe):
    """`encoder` (m, d) -> (m, 2 z_dim): mu and log sigma^2; `decoder` (m, z_dim) -> the logits of p(x | z), (m, d)."""

    def __init__(self, recipe: VAERecipe, mean: Tensor, seed: int):
        super().__init__(recipe, mean)
        rng = torch.Generator().manual_seed(seed)
        self.encoder = _net((self.d, *recipe.hidden, 2 * recipe.z_dim), rng)
        self.decoder = _net((recipe.z_dim, *recipe.hidden[::-1], self.d), rng)
        self.optimiser = torch.optim.Adam(self.parameters(), lr=recipe.lr)

    def q(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """mu(x) and log sigma(x)^2: (m, z_dim) each."""
        return self.encoder(x).chunk(2, dim=1)

    def log_p_x_given(self, z: Tensor, x: Tensor) -> Tensor:
        """log p(x | z), nats: (m,). A pixel between 0 and 1 counts by its cross-entropy: no density, only a cost."""
        return -binary_cross_entropy_with_logits(self.decoder(z), x, reduction="none").sum(1)

    def bound(self, x: Tensor, rng: torch.Generator) -> Tensor:
        """The lower bound of log p(x) by one z for each x (m, d), nats: (m,)."""
        mu, log_var = self.q(x)
        z = mu + (log_var / 2).exp() * torch.randn(mu.shape, generator=rng, device=x.device, dtype=mu.dtype)
        kl = (mu.square() + log_var.exp() - 1 - log_var).sum(1) / 2
        return self.log_p_x_given(z, x) - kl

    def learn(self, x: Tensor, rng: torch.Generator) -> float:
        """One step of Adam up the bound; the cost is minus the bound, nats a picture."""
        cost = -self.bound(x, rng).mean()
        self.optimiser.zero_grad()
        cost.backward()
        self.optimiser.step()
        return cost.item()

    @torch.no_grad()
    def samples(self, n: int, seed: int = 0, means: bool = False) -> Tensor:
        """n draws: z from N(0, I), then x from p(x | z), or its mean: (n, d)."""
        rng = torch.Generator().manual_seed(seed)
        z = torch.randn(n, self.recipe.z_dim, generator=rng)
        mean = self.decoder(z.to(self.mean.device)).sigmoid().cpu()
        return mean if means else torch.bernoulli(mean, generator=rng)
