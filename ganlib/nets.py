"""The networks G and D of the paper: perceptrons and convolutions with rectifiers, sigmoids, maxout and dropout.

Every layer reads and gives flat rows, (m, numbers); a convolution knows the shape of what it reads.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from ganlib.errors import RecipeError
from ganlib.layers import AnyLayer, Convolution, Deconvolution, Layer


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
        self.linear = nn.utils.skip_init(
            nn.Linear, inputs, layer.units * layer.pieces, device=torch.get_default_device()
        )
        with torch.no_grad():
            if layer.sparse:
                _sparse_(self.linear.weight, layer.sparse, rng)
            else:
                self.linear.weight.uniform_(-layer.irange, layer.irange, generator=rng)
            self.linear.bias.fill_(layer.bias if isinstance(layer.bias, int | float) else 0.0)
            if layer.bias == "marginal":
                self.linear.bias.copy_(marginal_bias(data_mean))
            elif layer.bias == "irange":
                self.linear.bias.uniform_(-layer.irange, layer.irange, generator=rng)

    def limit(self, norm: float) -> None:
        """Max-norm: scale down every unit's (in maxout: every piece's) incoming weights of an L2 norm above `norm`."""
        _limit(self.linear.weight, norm)

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


class Convolve(nn.Module):
    """A `Convolution` with its parameters: dropout, a convolution, the maximum over pieces, the maximum over space.

    Map c takes the maximum over the adjacent channels c*pieces ... c*pieces + pieces - 1 of the convolution.
    """

    def __init__(self, inputs: int, layer: Convolution, rng: torch.Generator | None = None):
        super().__init__()
        _check_reads("a convolution", layer.of, inputs)
        self.layer = layer
        channels = layer.maps * layer.pieces
        self.convolution = nn.utils.skip_init(
            nn.Conv2d,
            layer.of[0],
            channels,
            layer.kernel,
            padding=layer.padding,
            device=torch.get_default_device(),
        )
        with torch.no_grad():
            self.convolution.weight.uniform_(-layer.irange, layer.irange, generator=rng)
            self.convolution.bias.zero_()

    def forward(self, x: Tensor, rng: torch.Generator | None = None) -> Tensor:
        """Map flat pictures x (m, channels * height * width) to flat (m, units); with `rng`, its dropout is on."""
        layer = self.layer
        if rng is not None and layer.keep < 1:
            x = dropout(x, layer.keep, rng)
        h = self.convolution(x.unflatten(-1, layer.of))  # (m, maps * pieces, height, width)
        h = h.unflatten(1, (layer.maps, layer.pieces)).max(2).values  # (m, maps, height, width)
        h = functional.max_pool2d(h, layer.pool, layer.stride, ceil_mode=True)
        return h.flatten(1).to(x.dtype)

    def limit(self, norm: float) -> None:
        """Max-norm on every filter (every piece's)."""
        _limit(self.convolution.weight, norm)


class Deconvolve(nn.Module):
    """A `Deconvolution` with its parameters: a transposed convolution and a bias for every number it puts out."""

    def __init__(self, inputs: int, layer: Deconvolution, rng: torch.Generator | None = None):
        super().__init__()
        _check_reads("a transposed convolution", layer.of, inputs)
        self.layer = layer
        device = torch.get_default_device()
        self.weight = nn.Parameter(torch.empty(layer.of[0], layer.channels, layer.kernel, layer.kernel, device=device))
        self.bias = nn.Parameter(torch.zeros(layer.shape, device=device))
        with torch.no_grad():
            self.weight.uniform_(-layer.irange, layer.irange, generator=rng)

    def forward(self, x: Tensor) -> Tensor:
        """Map flat maps x (m, maps * height * width) to flat pictures (m, units)."""
        h = functional.conv_transpose2d(x.unflatten(-1, self.layer.of), self.weight, stride=self.layer.stride)
        return (h.to(x.dtype) + self.bias).flatten(1)

    def limit(self, norm: float) -> None:
        """Max-norm on what a channel put out reads: weight (maps, channels, kernel, kernel), by channel."""
        _limit(self.weight.transpose(0, 1), norm)


def _check_reads(what: str, of: tuple[int, int, int], inputs: int) -> None:
    if math.prod(of) != inputs:
        raise RecipeError(f"{what} reads {of}, {math.prod(of)} numbers; the layer below gives {inputs}")


def _sparse_(weight: Tensor, n: int, rng: torch.Generator | None) -> None:
    """Set n weights in each row of (units, inputs), at places drawn anew for the row, to N(0, 1), the rest to 0."""
    rows, inputs = weight.shape
    if n > inputs:
        raise RecipeError(f"a unit has {inputs} incoming weights; {n} of them cannot start as N(0, 1)")
    device = "meta" if weight.is_meta else "cpu"
    places = torch.rand(rows, inputs, generator=rng, device=device).topk(n, dim=1).indices  # (units, n), all different
    weight.zero_().scatter_(1, places, torch.randn(rows, n, generator=rng, device=device))


@torch.no_grad()
def _limit(weight: Tensor, norm: float) -> None:
    """Scale down the rows of weight (units, ...) whose L2 norm is above `norm` to that norm, in place."""
    norms = torch.linalg.vector_norm(weight, dim=tuple(range(1, weight.ndim)), keepdim=True)
    weight.mul_(norm / norms.clamp_min(norm))


def marginal_bias(data_mean: Tensor | None) -> Tensor:
    """logit(mean of the training data, clipped to [1e-7, 1 - 1e-7]): (d,) in [0, 1] -> (d,)."""
    if data_mean is None:
        raise RecipeError("a layer with bias='marginal' needs the mean of the training data: pass data_mean")
    return torch.logit(data_mean.double(), eps=1e-7)


def stack(
    inputs: int, layers: Sequence[AnyLayer], rng: torch.Generator | None, data_mean: Tensor | None
) -> nn.ModuleList:
    """The layers one on another, their parameters drawn from `rng` bottom up."""
    widths = [inputs, *(layer.units for layer in layers)]
    return nn.ModuleList(_net(layer, width, rng, data_mean) for width, layer in zip(widths[:-1], layers, strict=True))


def _net(layer: AnyLayer, inputs: int, rng: torch.Generator | None, data_mean: Tensor | None) -> nn.Module:
    if isinstance(layer, Convolution):
        return Convolve(inputs, layer, rng)
    if isinstance(layer, Deconvolution):
        return Deconvolve(inputs, layer, rng)
    return Dense(inputs, layer, rng, data_mean)


class Generator(nn.Module):
    """G(z; theta_g): noise z (m, z_dim) to pictures x (m, d). No dropout (Goodfellow et al. 2014, section 5)."""

    def __init__(
        self,
        z_dim: int,
        layers: Sequence[AnyLayer],
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

    def __init__(self, inputs: int, layers: Sequence[AnyLayer], rng: torch.Generator | None = None):
        super().__init__()
        last = layers[-1]
        if not (isinstance(last, Layer) and last.units == 1 and last.activation == "sigmoid"):
            raise RecipeError(f"D must end in one sigmoid unit; it ends in {last}")
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
