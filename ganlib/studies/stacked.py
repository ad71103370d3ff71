"""Small nets of one shape, stacked: B of them work in one product of matrices."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from ganlib.errors import RecipeError
from ganlib.game import Noise
from ganlib.nets import Discriminator, Generator, Layer


class Stack(nn.Module):
    """B nets of the same layers as one: parameters (B, ...), inputs (B, m, inputs), outputs (B, m, units)."""

    def __init__(self, nets: Sequence[Generator | Discriminator], dtype: torch.dtype = torch.float32):
        super().__init__()
        self.specs: tuple[Layer, ...] = tuple(dense.layer for dense in nets[0].layers)
        if any(layer.keep < 1 for layer in self.specs):
            raise RecipeError("toys have no dropout; every layer must keep all of its input")
        linears = [[net.layers[i].linear for net in nets] for i in range(len(self.specs))]
        weights = (torch.stack([linear.weight.detach().T for linear in same]) for same in linears)
        biases = (torch.stack([linear.bias.detach() for linear in same])[:, None] for same in linears)
        self.weights, self.biases = (nn.ParameterList(t.to(dtype) for t in each) for each in (weights, biases))

    def forward(self, x: Tensor, only: int | None = None) -> Tensor:
        """Map x (B, m, inputs) to (B, m, units); with `only`, x (1, m, inputs) by that one net."""
        for layer, weight, bias in zip(self.specs, self.weights, self.biases):
            if only is not None:
                weight, bias = weight[only : only + 1], bias[only : only + 1]
            x = torch.baddbmm(bias, x, weight)  # (B, m, units * pieces)
            if layer.activation == "relu":
                x = x.relu_()  # in place: on many games memory is what takes the time
            elif layer.activation == "sigmoid":
                x = torch.sigmoid(x)
            elif layer.pieces > 1:
                x = x.unflatten(-1, (layer.units, layer.pieces)).amax(-1)
        return x


class StackedDiscriminator(Stack):
    """B discriminators as one."""

    def __init__(self, nets: Sequence[Discriminator], dtype: torch.dtype = torch.float32):
        super().__init__(nets, dtype)
        self.specs = (*self.specs[:-1], Layer(1, "linear", 0.0))  # the costs take logits

    def logit(self, x: Tensor, rng: Noise | None = None) -> Tensor:
        """a(x) = log D(x) - log(1 - D(x)): (B, m, d) -> (B, m); with `rng`, of x and that noise."""
        return self(x if rng is None else x + rng.like(x)).squeeze(-1)
