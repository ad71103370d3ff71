"""The generative stochastic network, and with one layer and one walkback the denoising autoencoder as a sampler.

Bengio, Thibodeau-Laufer, Alain & Yosinski (2014), "Deep generative stochastic networks trainable by backprop", and
Bengio, Yao, Alain & Vincent (2013), "Generalized denoising auto-encoders as generative models". The numbers are those
of the authors' published scripts, which train on 60,000 digits. A step of the chain updates the odd layers, then the
even ones, the pictures among them; n and n' are noise, and there is none in h_1:

    h_i <- n + tanh(W_i h_{i-1} + W_{i+1}^T h_{i+1} + b_i + n'),   p = sigmoid(W_1^T h_1 + b_0),   x <- corrupt(x' ~ p)
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits

from ganlib import hardware
from ganlib.baselines.model import Chain, ModelRecipe, glorot


@dataclass(frozen=True)
class GSNRecipe(ModelRecipe):
    """The numbers of a GSN: run_dsn.py of the authors' code, but for `epochs` (1,000 there)."""

    hidden: tuple[int, ...] = (1500, 1500)
    act: str = "tanh"  # or "sigmoid"
    walkbacks: int = 4  # steps of the chain in training; the cost sums over them
    visible: str = "binary"  # or "gaussian": not in the scripts, p(x | h) = N(m + spread a, spread^2), m the mean
    spread: float = 0.1  # of "gaussian" units, for which h_0 is (x - m) / spread
    corruption: float = 0.4  # the share of pixels set to 0 or 1 by a fair coin; or "gaussian" noise's deviation
    sigma: float = 2.0  # of the Gaussian noise before and after the activation; none in the first layer
    binarise: bool = False  # pictures are cut at 1/2 to bits first
    lr: float = 0.25
    annealing: float = 0.995  # the rate's factor an epoch
    momentum: float = 0.5  # of a buffer that takes (1 - momentum) of each gradient
    batch: int = 100
    epochs: int = 1000
    chains: int = 1  # the score is of consecutive draws of one chain
    burn_in: int = 0
    thin: int = 1


DAE = GSNRecipe((2000,), "sigmoid", 1, binarise=True, sigma=0.0, lr=10.0, annealing=1.0, momentum=0.0, epochs=200)
"""The denoising autoencoder of run_dae_no_walkback.py, which takes digits binarised at 1/2, and up to 1,000 epochs; a
note there says that 200 and more give about -10 nats at sigma .2. With `walkbacks=5`: run_dae_walkback.py."""


class GSN(Chain, of=GSNRecipe):
    """Tied weights: W[i] (width i, width i + 1), and a bias b[i] for each layer, b[0] for the pictures."""

    def __init__(self, recipe: GSNRecipe, mean: Tensor, seed: int):
        super().__init__(recipe, mean)
        rng = torch.Generator().manual_seed(seed)
        widths = (len(mean), *recipe.hidden)
        self.W = nn.ParameterList(glorot(a, b, rng) for a, b in pairwise(widths))
        self.b = nn.ParameterList(torch.zeros(width) for width in widths)
        self.optimiser = torch.optim.SGD(self.parameters(), recipe.lr, recipe.momentum, dampening=recipe.momentum)

    def corrupt(self, x: Tensor, rng: torch.Generator) -> Tensor:
        """Salt and pepper: each pixel is set to 0 or to 1, with half the probability `corruption` each."""
        c = self.recipe.corruption
        if self.recipe.visible == "gaussian":
            return x + _noise(x, c, rng)
        u = torch.rand(x.shape, generator=rng, device=x.device)
        return torch.where(u < c, (u < c / 2).to(x), x)

    def conditional(self, a: Tensor, rng: torch.Generator) -> tuple[Tensor, Tensor]:
        """A draw of p(x | h) and its mean, from what `step` gives: (m, d) each."""
        if self.recipe.visible == "gaussian":
            mean = self.mean + self.recipe.spread * a
            return mean + _noise(mean, self.recipe.spread, rng), mean
        mean = a.sigmoid()
        return torch.bernoulli(mean, generator=rng), mean

    def cost(self, a: Tensor, x: Tensor) -> Tensor:
        """-log p(x | h), nats a pixel, mean over the minibatch; of Gaussian units without its constant."""
        if self.recipe.visible == "gaussian":
            return (a - self._scaled(x)).square().mean() / 2
        return binary_cross_entropy_with_logits(a, x)

    def _scaled(self, x: Tensor) -> Tensor:
        return (x - self.mean) / self.recipe.spread if self.recipe.visible == "gaussian" else x

    def units(self, a: Tensor, sigma: float, rng: torch.Generator) -> Tensor:
        """The units of a layer from what drives them, with noise before and after the activation: (m, width)."""
        act = torch.tanh if self.recipe.act == "tanh" else torch.sigmoid
        return act(a + _noise(a, sigma, rng)) + _noise(a, sigma, rng) if sigma > 0 else act(a)

    def step(self, h: list[Tensor], rng: torch.Generator) -> Tensor:
        """One step of the chain, in place on the layers h but for the pictures; the logits a of p(x | h): (m, d)."""
        top = len(h) - 1
        for i in (*range(1, top + 1, 2), *range(2, top + 1, 2)):
            a = torch.addmm(self.b[i], h[i - 1], self.W[i - 1])
            if i < top:
                a = a + h[i + 1] @ self.W[i].T
            h[i] = self.units(a, self.recipe.sigma if i > 1 else 0.0, rng)
        return torch.addmm(self.b[0], h[1], self.W[0].T)

    def _begin(self, x: Tensor, rng: torch.Generator) -> list[Tensor]:
        return [self._scaled(self.corrupt(x, rng)), *(x.new_zeros(len(x), width) for width in self.recipe.hidden)]

    def learn(self, x: Tensor, rng: torch.Generator) -> float:
        """One SGD step on the cross-entropies summed over the walkbacks; the cost is the last one, nats a pixel."""
        for group in self.optimiser.param_groups:
            group["lr"] = self.recipe.lr * self.recipe.annealing**self.done
        x = (x > 0.5).to(x) if self.recipe.binarise else x
        on = hardware.choose(x.device.type)
        with torch.autocast(x.device.type, torch.bfloat16, enabled=on.precision == "bfloat16"):
            h, costs = self._begin(x, rng), []
            for _ in range(self.recipe.walkbacks):
                a = self.step(h, rng).to(x)
                costs.append(self.cost(a, x))
                h[0] = self._scaled(self.corrupt(self.conditional(a.detach(), rng)[0], rng))
        self.optimiser.zero_grad()
        sum(costs).backward()
        if not self.optimiser.state:  # torch's first buffer is all of the gradient, the authors' (1 - momentum) of it
            for p in self.parameters():
                p.grad.mul_(1 - self.recipe.momentum)
        self.optimiser.step()
        return costs[-1].item()

    def walk(self, x: Tensor, rng: torch.Generator) -> Iterator[tuple[Tensor, Tensor]]:
        """Steps of the chain from pictures x, corrupted, with the layers above at zero."""
        h = self._begin(x, rng)
        while True:
            x, mean = self.conditional(self.step(h, rng), rng)
            h[0] = self._scaled(self.corrupt(x, rng))
            yield x, mean


def _noise(like: Tensor, sigma: float, rng: torch.Generator) -> Tensor:
    return torch.randn(like.shape, generator=rng, device=like.device, dtype=like.dtype) * sigma
