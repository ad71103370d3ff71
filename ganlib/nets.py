"""The networks G and D of the paper: their layers in plain numbers, and the modules that give them parameters.

Perceptrons and convolutions with rectifiers, sigmoids, maxout and dropout. Every layer reads and gives flat rows,
(m, numbers); a convolution knows the shape of what it reads.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

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
    bias: str | float = "zero"
    """"zero"; a number that every bias starts at; "marginal": logit of the mean of the training data, so that G starts
    at that mean; or "irange": drawn as the weights are, which in one dimension spreads the rectifiers' kinks."""
    sparse: int = 0
    """Instead of `irange`: so many of a unit's incoming weights, at places drawn anew for each unit, start as N(0, 1),
    the others at 0 (Martens 2010). 0 means `irange`."""

    def __post_init__(self) -> None:
        for name, least in (("units", 1), ("pieces", 1), ("sparse", 0)):
            _check_count("a layer", name, getattr(self, name), least)
        if self.activation not in ACTIVATIONS:
            raise RecipeError(f"unknown activation {self.activation!r}; use one of {', '.join(ACTIVATIONS)}")
        if self.pieces > 1 and self.activation != "maxout":
            raise RecipeError(f"a {self.activation} layer has {self.pieces} pieces; only maxout has more than one")
        _check_start(self.irange, self.keep)
        if self.bias not in BIASES and not (is_number(self.bias) and math.isfinite(self.bias)):
            raise RecipeError(f"unknown bias {self.bias!r}; use a number, or one of {', '.join(BIASES)}")

    def __str__(self) -> str:
        pieces = f" x {self.pieces}" if self.pieces > 1 else ""
        notes = [f"{self.sparse} weights N(0, 1), rest 0" if self.sparse else _irange(self.irange), *_keeps(self.keep)]
        if self.bias != "zero":
            notes.append(f"{self.bias} bias" if isinstance(self.bias, str) else f"bias {self.bias:g}")
        return f"{self.units}{pieces} {self.activation} ({'; '.join(notes)})"

    @property
    def width(self) -> int:
        """What scaling a recipe down divides."""
        return self.units

    def with_width(self, width: int) -> Layer:
        """The same layer, wider or narrower."""
        return replace(self, units=width)


@dataclass(frozen=True)
class Convolution:
    """A maxout convolution with pooling: the maximum over the pieces first, then over space. Biases are tied."""

    of: tuple[int, int, int]
    """(channels, height, width) of what it reads."""
    maps: int
    """Channels that it puts out."""
    pieces: int
    """Linear functions that an element takes the maximum of."""
    kernel: int
    """Height and width of the filters."""
    padding: int
    """Zeros put around the input on each side."""
    pool: int
    """Height and width of the windows that the maximum is taken over."""
    stride: int
    """Steps between those windows; the last one may hang over the edge, so that the edge is covered ("ceil mode")."""
    irange: float
    """Weights start as U(-irange, irange)."""
    keep: float = 1.0
    """Dropout on the input, element by element, as in `Layer`."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "of", _shape("a convolution", self.of))
        for name, least in (("maps", 1), ("pieces", 1), ("kernel", 1), ("padding", 0), ("pool", 1), ("stride", 1)):
            _check_count("a convolution", name, getattr(self, name), least)
        _check_start(self.irange, self.keep)
        if self.stride > self.pool:
            raise RecipeError(f"a convolution pools {self.pool} with stride {self.stride}: elements would be left out")
        convolved = min(self.of[1:]) + 2 * self.padding - self.kernel + 1
        if convolved < 1:
            raise RecipeError(f"a kernel of {self.kernel} does not fit into {self.of} with padding {self.padding}")
        if convolved < self.pool:
            raise RecipeError(f"a convolution pools {self.pool} of what it leaves {convolved} of: pool at most that")

    def __str__(self) -> str:
        notes = [_irange(self.irange), *_keeps(self.keep), f"padding {self.padding}"]
        notes.append(f"pool {self.pool} / {self.stride}")
        size = f"{self.kernel} x {self.kernel} on {self.of}"
        return f"{self.maps} x {self.pieces} maxout maps, {size} ({'; '.join(notes)})"

    @property
    def shape(self) -> tuple[int, int, int]:
        """(channels, height, width) of what it puts out."""
        return (self.maps, *(self._out(side) for side in self.of[1:]))

    def _out(self, side: int) -> int:
        convolved = side + 2 * self.padding - self.kernel + 1
        return -(-(convolved - self.pool) // self.stride) + 1  # the least number of windows that covers it

    @property
    def units(self) -> int:
        """How many numbers it puts out."""
        return math.prod(self.shape)

    @property
    def width(self) -> int:
        """What scaling a recipe down divides."""
        return self.maps

    def with_width(self, width: int) -> Convolution:
        """The same layer with more or fewer maps."""
        return replace(self, maps=width)


@dataclass(frozen=True)
class Deconvolution:
    """A transposed convolution, linear, with a bias of its own for every number it puts out."""

    of: tuple[int, int, int]
    """(maps, height, width) of what it reads."""
    channels: int
    """Channels that it puts out."""
    kernel: int
    """Height and width of what one input element is spread over."""
    stride: int
    """Steps between the places of two neighbours."""
    irange: float
    """Weights start as U(-irange, irange)."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "of", _shape("a transposed convolution", self.of))
        for name in ("channels", "kernel", "stride"):
            _check_count("a transposed convolution", name, getattr(self, name), 1)
        _check_start(self.irange, 1.0)

    def __str__(self) -> str:
        maps, height, width = self.of
        size = f"{self.kernel} x {self.kernel} stride {self.stride}"
        return f"{maps} maps of {height} x {width} by {size} to {self.shape} linear ({_irange(self.irange)})"

    @property
    def shape(self) -> tuple[int, int, int]:
        """(channels, height, width) of what it puts out."""
        return (self.channels, *((side - 1) * self.stride + self.kernel for side in self.of[1:]))

    @property
    def units(self) -> int:
        """How many numbers it puts out."""
        return math.prod(self.shape)

    @property
    def width(self) -> int:
        """What scaling a recipe down divides."""
        return self.of[0]

    def with_width(self, width: int) -> Deconvolution:
        """The same layer, reading more or fewer maps."""
        return replace(self, of=(width, *self.of[1:]))


AnyLayer = Layer | Convolution | Deconvolution


def narrowed(layers: Sequence[AnyLayer], divide: int, keep: int = 1) -> tuple[AnyLayer, ...]:
    """The layers with a `divide`-th of their width, the output's apart; those of at most `keep` units stay."""
    hidden = [
        layer if layer.width <= keep else layer.with_width(max(layer.width // divide, 1)) for layer in layers[:-1]
    ]
    last = layers[-1]
    result = [*hidden, last.with_width(max(last.width // divide, 1)) if isinstance(last, Deconvolution) else last]
    for i, (below, layer) in enumerate(pairwise(result), 1):
        if isinstance(layer, Convolution) and isinstance(below, Convolution):
            result[i] = replace(layer, of=below.shape)
        elif isinstance(layer, Deconvolution) and isinstance(below, Layer):
            result[i - 1] = below.with_width(math.prod(layer.of))  # both may have been rounded
    return tuple(result)


def with_spread_of(wide: Sequence[AnyLayer], narrow: Sequence[AnyLayer]) -> tuple[AnyLayer, ...]:
    """The narrow layers with the irange at which a unit's sum is spread at the start as in the wide layers.

    The sum over n inputs spreads as irange * sqrt(n): a unit that reads a c-th of the inputs starts with sqrt(c) times
    the irange. Left as it is, a narrow deep net would start with signals that shrink from layer to layer.
    """
    result = [narrow[0]]
    for (below, layer), (wide_below, _) in zip(pairwise(narrow), pairwise(wide), strict=True):
        # a layer over a convolution reads more numbers than that has maps, in both nets alike
        ratio = 1.0 if isinstance(layer, Layer) and layer.sparse else math.sqrt(wide_below.units / below.units)
        result.append(replace(layer, irange=layer.irange * ratio))
    return tuple(result)


def layer_from(plain: Mapping[str, Any]) -> AnyLayer:
    """The layer that `dataclasses.asdict` made plain. Raises TypeError on anything else."""
    return (Convolution if "maps" in plain else Deconvolution if "channels" in plain else Layer)(**plain)


def is_number(value: Any) -> bool:
    """Whether it is an int or a float, and not a bool."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def _check_count(what: str, name: str, value: Any, least: int) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        raise RecipeError(f"{what}'s {name} is {value!r}; it must be an integer >= {least}")


def _check_start(irange: float, keep: float) -> None:
    if not (is_number(keep) and 0 < keep <= 1):
        raise RecipeError(f"a layer keeps {keep!r} of its input; it must lie in (0, 1]")
    if not (is_number(irange) and 0 <= irange < math.inf):
        raise RecipeError(f"irange is {irange!r}; it must be a finite number >= 0")


def _shape(what: str, of: Any) -> tuple[int, int, int]:
    """A shape as a tuple; from a file it comes as a list."""
    if not (isinstance(of, list | tuple) and len(of) == 3 and all(type(n) is int and n >= 1 for n in of)):
        raise RecipeError(f"{what} is of {of!r}; it must be (channels, height, width), integers >= 1")
    return tuple(of)


def _irange(irange: float) -> str:
    return f"U(-{irange:g}, {irange:g})"


def _keeps(keep: float) -> list[str]:
    return [f"keeps {keep:g} of its input"] if keep < 1 else []


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
