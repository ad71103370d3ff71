"""The stacked contractive autoencoder, and its sampler.

Rifai, Vincent, Muller, Glorot & Bengio (2011), "Contractive auto-encoders: explicit invariance during feature
extraction"; the sampler: Rifai, Bengio, Dauphin & Vincent (2012), "A generative process for sampling contractive
auto-encoders", which gives the row of Table 1, 121.17 +- 1.59, and no recipe. A layer's cost is

    CE(x, g(f(x))) + lambda |J|^2,   f(x) = sigmoid(x W + c),   g(h) = sigmoid(h W^T + b),   J = df / dx
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate, pairwise

import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits

from ganlib import hardware
from ganlib.baselines.model import Chain, ModelRecipe, glorot


@dataclass(frozen=True)
class CAERecipe(ModelRecipe):
    """The numbers of a stacked CAE.

    Its chain has no rest: run long enough it fades to an empty picture, from noise at once. So chains begin at training
    digits, and the burn-in is the first ten steps after which fewer than 5 % of the pictures still have the digit
    that they began at as the nearest of the training set. Parzen scores fall with every step.
    """

    hidden: tuple[int, ...] = (1000, 1000)
    contraction: float = 0.1  # lambda, on the squared Frobenius norm of the Jacobian of one picture
    lr: float = 0.1
    batch: int = 100
    epochs_a_layer: int = 50
    sigma: float = 0.3  # of epsilon in the move h <- h + J J^T epsilon
    chains: int = 2000
    from_data: bool = True  # they begin at training pictures
    burn_in: int = 50
    thin: int = 1

    @property
    def epochs(self) -> int:
        """Epochs of all the layers, which are trained one after the other."""
        return self.epochs_a_layer * len(self.hidden)


class Layer(nn.Module):
    """One contractive autoencoder with tied weights: W (a, b), biases c of the code and b of the input."""

    def __init__(self, a: int, b: int, rng: torch.Generator):
        super().__init__()
        self.W = nn.Parameter(glorot(a, b, rng))
        self.b, self.c = nn.Parameter(torch.zeros(a)), nn.Parameter(torch.zeros(b))

    def f(self, x: Tensor) -> Tensor:
        """The code: (m, b)."""
        return torch.addmm(self.c, x, self.W).sigmoid()

    def g(self, h: Tensor) -> Tensor:
        """The reconstruction: (m, a)."""
        return torch.addmm(self.b, h, self.W.T).sigmoid()

    def penalty(self, h: Tensor) -> Tensor:
        """|J|^2 for each code h (m, b): sum_j (h_j (1 - h_j))^2 sum_i W_ij^2, (m,)."""
        return (h * (1 - h)).square() @ self.W.square().sum(0)


class CAE(Chain, of=CAERecipe):
    """A stack of layers, `layers[0]` on the pictures."""

    def __init__(self, recipe: CAERecipe, mean: Tensor, seed: int):
        super().__init__(recipe, mean)
        rng = torch.Generator().manual_seed(seed)
        self.layers = nn.ModuleList(Layer(a, b, rng) for a, b in pairwise((len(mean), *recipe.hidden)))

    def learn(self, x: Tensor, rng: torch.Generator) -> float:
        """One SGD step of the layer whose turn it is; its cost, nats a picture."""
        turn = min(self.done // self.recipe.epochs_a_layer, len(self.layers) - 1)
        layer, on = self.layers[turn], hardware.choose(x.device.type)
        with torch.autocast(x.device.type, torch.bfloat16, enabled=on.precision == "bfloat16"):
            for below in self.layers[:turn]:
                x = below.f(x).detach()
            h = layer.f(x)
            logits = torch.addmm(layer.b, h, layer.W.T)
            cross = binary_cross_entropy_with_logits(logits.to(layer.b), x.to(layer.b), reduction="sum") / len(x)
            cost = cross + self.recipe.contraction * layer.penalty(h).mean()
        theta = list(layer.parameters())
        with torch.no_grad():
            for p, gradient in zip(theta, torch.autograd.grad(cost, theta)):
                p.sub_(gradient, alpha=self.recipe.lr)
        return cost.item()

    def walk(self, x: Tensor, rng: torch.Generator) -> Iterator[tuple[Tensor, Tensor]]:
        """h = f(x); h <- h + J J^T epsilon; x <- g(h). A draw has no noise of its own: it is its conditional mean."""
        while True:
            _, *codes = accumulate(self.layers, lambda h, layer: layer.f(h), initial=x)  # of each layer, bottom up
            x = codes[-1]
            move = torch.randn(x.shape, generator=rng, device=x.device, dtype=x.dtype) * self.recipe.sigma
            for layer, h in zip(reversed(self.layers), reversed(codes)):  # J^T epsilon
                move = (move * h * (1 - h)) @ layer.W.T
            for layer, h in zip(self.layers, codes):  # J J^T epsilon
                move = (move @ layer.W) * h * (1 - h)
            x = x + move
            for layer in reversed(self.layers):
                x = layer.g(x)
            yield x, x
