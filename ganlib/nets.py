"""The networks G and D of the paper: multilayer perceptrons with rectifiers, sigmoids, maxout and dropout."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ganlib.errors import RecipeError

ACTIVATIONS = ("relu", "sigmoid", "linear", "maxout")
BIASES = ("zero", "marginal", "irange")


@dataclass(frozen=True)
class Layer:
    """One fully connected layer, in plain numbers and short strings."""

    units: int
    """How many numbers the layer puts out."""
    activation: str
    """"relu", "sigmoid", "linear", or "maxout" (the largest of `pieces` linear functions)."""
    irange: float
    """Weights start as U(-irange, irange)."""
    pieces: int = 1
    """Linear functions a unit takes the maximum of (maxout only)."""
    keep: float = 1.0
    """Dropout: the probability that an element of the layer's INPUT is kept, then scaled by 1/keep."""
    bias: str = "zero"
    """"zero"; "marginal": logit of the mean of the training data, so that G starts at that mean; or "irange": drawn
    as the weights are, which in one dimension spreads the rectifiers' kinks."""

    def __post_init__(self) -> None:
        for name in ("units", "pieces"):
            value = getattr(self, name)
            if not isinstance(value, int) or isinstance(value, bool) or value < 1:
                raise RecipeError(f"a layer's {name} is {value!r}; it must be an integer >= 1")
        if self.activation not in ACTIVATIONS:
            raise RecipeError(f"unknown activation {self.activation!r}; use one of {', '.join(ACTIVATIONS)}")
        if self.pieces > 1 and self.activation != "maxout":
            raise RecipeError(f"a {self.activation} layer has {self.pieces} pieces; only maxout has more than one")
        if not 0 < self.keep <= 1:
            raise RecipeError(f"a layer keeps {self.keep!r} of its input; it must lie in (0, 1]")
        if not (self.irange >= 0 and math.isfinite(self.irange)):
            raise RecipeError(f"irange is {self.irange!r}; it must be a finite number >= 0")
        if self.bias not in BIASES:
            raise RecipeError(f"unknown bias {self.bias!r}; use one of {', '.join(BIASES)}")


def dropout(x: Tensor, keep: float, rng: torch.Generator) -> Tensor:
    """Keep each element of each example with probability `keep` and scale it by 1/keep; else set it to 0.

    Srivastava et al. 2014, in the form the recipes use: rescaled in training, so that nothing changes afterwards.
    """
    kept = torch.rand(x.shape, generator=rng, device=x.device) < keep
    return x * kept.to(x.dtype).mul_(1 / keep)


class Dense(nn.Module):
    """A `Layer` with its parameters: dropout on the input, a linear map, an activation.

    Maxout (Goodfellow et al. 2013): unit u takes the maximum over the adjacent rows u*pieces ... u*pieces + pieces - 1
    of the linear map, with no implicit zero among them.
    """

    def __init__(self, inputs: int, layer: Layer, rng: torch.Generator | None = None, data_mean: Tensor | None = None):
        super().__init__()
        self.layer = layer
        self.linear = nn.utils.skip_init(nn.Linear, inputs, layer.units * layer.pieces)
        with torch.no_grad():
            self.linear.weight.uniform_(-layer.irange, layer.irange, generator=rng)
            self.linear.bias.zero_()
            if layer.bias == "marginal":
                self.linear.bias.copy_(marginal_bias(data_mean))
            elif layer.bias == "irange":
                self.linear.bias.uniform_(-layer.irange, layer.irange, generator=rng)

    def forward(self, x: Tensor, rng: torch.Generator | None = None) -> Tensor:
        """Map x (m, inputs) to (m, units); with `rng`, its dropout is on."""
        h = self.logit(x, rng)
        if self.layer.activation == "relu":
            return torch.relu(h)
        if self.layer.activation == "sigmoid":
            return torch.sigmoid(h)
        return h

    def logit(self, x: Tensor, rng: torch.Generator | None = None) -> Tensor:
        """What the activation is applied to; for maxout, what it puts out. float32 at least, (m, units)."""
        if rng is not None and self.layer.keep < 1:
            x = dropout(x, self.layer.keep, rng)
        h = self.linear(x)  # (m, units * pieces)
        if self.layer.pieces > 1:
            h = h.unflatten(-1, (self.layer.units, self.layer.pieces)).max(-1).values  # (m, units)
        return h.to(x.dtype)


def marginal_bias(data_mean: Tensor | None) -> Tensor:
    """logit(mean of the training data, clipped to [1e-7, 1 - 1e-7]): (d,) in [0, 1] -> (d,)."""
    if data_mean is None:
        raise RecipeError("a layer with bias='marginal' needs the mean of the training data: pass data_mean")
    return torch.logit(data_mean.double(), eps=1e-7)


def stack(inputs: int, layers: Sequence[Layer], rng: torch.Generator | None, data_mean: Tensor | None) -> nn.ModuleList:
    """The layers one on another, their parameters drawn from `rng` bottom up."""
    widths = [inputs, *(layer.units for layer in layers)]
    return nn.ModuleList(Dense(width, layer, rng, data_mean) for width, layer in zip(widths[:-1], layers, strict=True))


class Generator(nn.Module):
    """G(z; theta_g): noise z (m, z_dim) to pictures x (m, d). No dropout (Goodfellow et al. 2014, section 5)."""

    def __init__(
        self,
        z_dim: int,
        layers: Sequence[Layer],
        rng: torch.Generator | None = None,
        data_mean: Tensor | None = None,
    ):
        super().__init__()
        self.z_dim = z_dim
        self.layers = stack(z_dim, layers, rng, data_mean)

    def forward(self, z: Tensor) -> Tensor:
        """Draw x = G(z): (m, z_dim) -> (m, d)."""
        x = z
        for layer in self.layers:
            x = layer(x)
        return x

    @torch.no_grad()
    def pictures(self, z: Tensor, chunk: int = 1_000) -> Tensor:
        """G(z) to look at or to score: any z (n, z_dim) -> (n, d) on the CPU, with no gradient kept."""
        weight = next(self.parameters())
        return torch.cat([self(part.to(weight)).cpu() for part in z.split(chunk)])


class Discriminator(nn.Module):
    """D(x; theta_d): the probability that x came from the data rather than from G."""

    def __init__(self, inputs: int, layers: Sequence[Layer], rng: torch.Generator | None = None):
        super().__init__()
        if layers[-1].units != 1 or layers[-1].activation != "sigmoid":
            raise RecipeError(f"D must end in one sigmoid unit; it ends in {layers[-1]}")
        self.layers = stack(inputs, layers, rng, None)

    def forward(self, x: Tensor, rng: torch.Generator | None = None) -> Tensor:
        """D(x), a probability: (m, d) -> (m,)."""
        return torch.sigmoid(self.logit(x, rng))

    def logit(self, x: Tensor, rng: torch.Generator | None = None) -> Tensor:
        """a(x) = log D(x) - log(1 - D(x)), which feeds the costs: (m, d) -> (m,). With `rng`, dropout is on."""
        for layer in self.layers[:-1]:
            x = layer(x, rng)
        return self.layers[-1].logit(x, rng).squeeze(-1)


def count_parameters(net: nn.Module) -> int:
    """How many numbers the net learns."""
    return sum(parameter.numel() for parameter in net.parameters())
