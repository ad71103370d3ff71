"""The nets G and D of the paper: their layers in plain numbers, and the modules that give them parameters.

Every layer reads and gives flat rows, (m, numbers); a convolution knows the shape of what it reads.
"""

import copy
import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from ganlib.errors import RecipeError

Rng = torch.Generator | None  # where dropout and the first weights come from; None: no dropout, torch's own numbers
ACTIVATIONS = ("relu", "sigmoid", "linear", "maxout")
BIASES = ("zero", "marginal", "irange")

# -- layers in plain numbers -------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Layer:
    """One fully connected layer. Its weights start as U(-irange, irange), or sparse.

    `bias` is "zero"; a number; "marginal": logit of the mean of the training data, so that G starts at that mean; or
    "irange": drawn as the weights are. `sparse` (Martens 2010), unless 0: so many of a unit's incoming weights, at
    places drawn anew for each unit, start as N(0, 1), the others at 0.
    """

    units: int  # how many numbers it puts out
    activation: str  # "relu", "sigmoid", "linear", or "maxout" (the largest of `pieces` linear functions)
    irange: float
    pieces: int = 1  # linear functions that a unit takes the maximum of (maxout only)
    keep: float = 1.0  # dropout: the probability that an element of the INPUT is kept, then scaled by 1/keep
    bias: str | float = "zero"
    sparse: int = 0
    noise: float = 0.0  # where dropout is on: the standard deviation of Gaussian noise added to each element it reads
    normalise: bool = False  # W x gets mean 0 and variance 1 over each minibatch before the bias (Ioffe & Szegedy 2015)

    def __post_init__(self) -> None:
        _check(self, "a layer", units=1, pieces=1, sparse=0)
        if self.activation not in ACTIVATIONS:
            raise RecipeError(f"unknown activation {self.activation!r}; use one of {', '.join(ACTIVATIONS)}")
        if self.pieces > 1 and self.activation != "maxout":
            raise RecipeError(f"a {self.activation} layer has {self.pieces} pieces; only maxout has more than one")
        if self.bias not in BIASES and not (is_number(self.bias) and math.isfinite(self.bias)):
            raise RecipeError(f"unknown bias {self.bias!r}; use a number, or one of {', '.join(BIASES)}")
        if not (is_number(self.noise) and 0 <= self.noise < math.inf):
            raise RecipeError(f"a layer's noise is {self.noise!r}; it must be a finite number >= 0")
        if not isinstance(self.normalise, bool) or (self.normalise and self.activation == "maxout"):
            what = f"a {self.activation} layer has normalise {self.normalise!r}"
            raise RecipeError(f"{what}; it must be True or False, and no maxout layer normalises")

    def __str__(self) -> str:
        pieces = f" x {self.pieces}" if self.pieces > 1 else ""
        bias = f"{self.bias} bias" if isinstance(self.bias, str) else f"bias {self.bias:g}"
        noise = [f"noise {self.noise:g} on its input"] if self.noise else []
        normalised = ["normalised"] if self.normalise else []
        notes = _notes(self, *([bias] if self.bias != "zero" else []), *noise, *normalised)
        return f"{self.units}{pieces} {self.activation} ({notes})"


class OnMaps:
    """A layer that puts out a `shape`, (channels, height, width)."""

    @property
    def units(self) -> int:
        """How many numbers it puts out."""
        return math.prod(self.shape)


@dataclass(frozen=True)
class Convolution(OnMaps):
    """A maxout convolution with pooling: the maximum over the pieces first, then over space. Biases are tied."""

    of: tuple[int, int, int]  # (channels, height, width) of what it reads
    maps: int  # channels that it puts out
    pieces: int  # linear functions that an element takes the maximum of
    kernel: int  # height and width of the filters
    padding: int  # zeros put around the input on each side
    pool: int  # height and width of the windows that the maximum is taken over
    stride: int  # steps between those windows; the last may hang over the edge, which it then covers ("ceil mode")
    irange: float  # weights start as U(-irange, irange)
    keep: float = 1.0  # dropout on the input, element by element, as in `Layer`

    def __post_init__(self) -> None:
        _check(self, "a convolution", maps=1, pieces=1, kernel=1, padding=0, pool=1, stride=1)
        if self.stride > self.pool:
            raise RecipeError(f"a convolution pools {self.pool} with stride {self.stride}: elements would be left out")
        convolved = min(self.of[1:]) + 2 * self.padding - self.kernel + 1
        if convolved < 1:
            raise RecipeError(f"a kernel of {self.kernel} does not fit into {self.of} with padding {self.padding}")
        if convolved < self.pool:
            raise RecipeError(f"a convolution pools {self.pool} of what it leaves {convolved} of: pool at most that")

    def __str__(self) -> str:
        notes = _notes(self, f"padding {self.padding}", f"pool {self.pool} / {self.stride}")
        return f"{self.maps} x {self.pieces} maxout maps, {self.kernel} x {self.kernel} on {self.of} ({notes})"

    @property
    def shape(self) -> tuple[int, int, int]:
        """(channels, height, width) of what it puts out: the fewest windows that cover each side."""
        convolved = [side + 2 * self.padding - self.kernel + 1 for side in self.of[1:]]
        return (self.maps, *(-(-(side - self.pool) // self.stride) + 1 for side in convolved))


@dataclass(frozen=True)
class Deconvolution(OnMaps):
    """A transposed convolution, linear, with a bias of its own for every number it puts out."""

    of: tuple[int, int, int]  # (maps, height, width) of what it reads
    channels: int  # channels that it puts out
    kernel: int  # height and width of what one input element is spread over
    stride: int  # steps between the places of two neighbours
    irange: float  # weights start as U(-irange, irange)

    def __post_init__(self) -> None:
        _check(self, "a transposed convolution", channels=1, kernel=1, stride=1)

    def __str__(self) -> str:
        maps, height, width = self.of
        size = f"{self.kernel} x {self.kernel} stride {self.stride}"
        return f"{maps} maps of {height} x {width} by {size} to {self.shape} linear ({_notes(self)})"

    @property
    def shape(self) -> tuple[int, int, int]:
        """(channels, height, width) of what it puts out."""
        return (self.channels, *((side - 1) * self.stride + self.kernel for side in self.of[1:]))


@dataclass(frozen=True)
class Beside:
    """Layers side by side: each reads its own share of the row, in turn, and what they put out is put together.

    For a G or a D that reads two things of different kinds, as a picture and its class (Mirza & Osindero 2014).
    """

    reads: tuple[int, ...]  # how many numbers of the row each of the layers reads
    beside: tuple[Layer, ...]

    def __post_init__(self) -> None:
        layers = (layer if isinstance(layer, Layer) else Layer(**layer) for layer in self.beside)
        object.__setattr__(self, "beside", tuple(layers))  # from a file they come as plain lists
        object.__setattr__(self, "reads", tuple(self.reads))
        if len(self.reads) != len(self.beside) or not all(is_integer(n) and n >= 1 for n in self.reads):
            raise RecipeError(
                f"{len(self.beside)} layers beside each other read {self.reads}: one number >= 1 for each"
            )
        if any(layer.normalise for layer in self.beside):
            raise RecipeError("a layer beside another one has normalise True; it must be False there")

    def __str__(self) -> str:
        return " beside ".join(f"{layer} on {n}" for layer, n in zip(self.beside, self.reads))

    @property
    def units(self) -> int:
        """How many numbers they put out together."""
        return sum(layer.units for layer in self.beside)


AnyLayer = Layer | Convolution | Deconvolution | Beside


def layer_from(plain: Mapping[str, Any]) -> AnyLayer:
    """The layer that `dataclasses.asdict` made plain. Raises TypeError on anything else."""
    if "reads" in plain:
        return Beside(**plain)
    return (Convolution if "maps" in plain else Deconvolution if "channels" in plain else Layer)(**plain)


def is_number(value: Any) -> bool:
    """Whether it is an int or a float, and not a bool."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def is_integer(value: Any) -> bool:
    """Whether it is an int, and not a bool."""
    return isinstance(value, int) and not isinstance(value, bool)


def _check(layer: AnyLayer, what: str, **least: int) -> None:
    """Raise `RecipeError` when a count is less than its least, or the shape, `keep` or `irange` makes no sense."""
    for name, lowest in least.items():
        value = getattr(layer, name)
        if not is_integer(value) or value < lowest:
            raise RecipeError(f"{what}'s {name} is {value!r}; it must be an integer >= {lowest}")
    of, keep = getattr(layer, "of", (1, 1, 1)), getattr(layer, "keep", 1.0)
    if not (isinstance(of, list | tuple) and len(of) == 3 and all(type(n) is int and n >= 1 for n in of)):
        raise RecipeError(f"{what} is of {of!r}; it must be (channels, height, width), integers >= 1")
    if hasattr(layer, "of"):
        object.__setattr__(layer, "of", tuple(of))  # from a file it comes as a list
    if not (is_number(keep) and 0 < keep <= 1):
        raise RecipeError(f"a layer keeps {keep!r} of its input; it must lie in (0, 1]")
    if not (is_number(layer.irange) and 0 <= layer.irange < math.inf):
        raise RecipeError(f"irange is {layer.irange!r}; it must be a finite number >= 0")


def _notes(layer: AnyLayer, *more: str) -> str:
    """How the weights start, dropout, and more, in words."""
    sparse, keep = getattr(layer, "sparse", 0), getattr(layer, "keep", 1.0)
    start = f"{sparse} weights N(0, 1), rest 0" if sparse else f"U(-{layer.irange:g}, {layer.irange:g})"
    return "; ".join([start, *([f"keeps {keep:g} of its input"] if keep < 1 else []), *more])


# -- modules -----------------------------------------------------------------------------------------------------------


def mask(shape: Sequence[int], keep: float, rng: torch.Generator, dtype: torch.dtype) -> Tensor:
    """For dropout: 1/keep with probability `keep`, else 0, for each element of `shape` on its own.

    On a CPU 16 random bits decide on an element, a third of the work of a random float; the probability is then `keep`
    to within 1e-5.
    """
    n = math.prod(shape)
    if rng.device.type == "cpu":
        words = torch.empty(-(-n // 4), dtype=torch.int64).random_(-(2**63), None, generator=rng)
        drawn, below = words.view(torch.int16)[:n].view(shape), round(keep * 2**16) - 2**15
    else:
        drawn, below = torch.rand(shape, generator=rng, device=rng.device), keep
    kept = torch.empty(shape, dtype=dtype, device=rng.device)
    return torch.lt(drawn, below, out=kept).mul_(1 / keep)  # before the product 1 or 0


class Affine(torch.autograd.Function):
    """h = W (x * kept) + b, and for maxout the largest of each unit's pieces, with the gradient written out.

    x (m, inputs), W (units * pieces, inputs), b (units * pieces,), kept (m, inputs) or None -> h (m, units), all of one
    type. Autograd gives the same gradients more slowly, as it looks up by its index which piece was the largest.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, W: Tensor, b: Tensor, kept: Tensor | None, pieces: int) -> Tensor:
        """The layer's forward pass."""
        x = x if kept is None else x * kept
        if pieces == 1:
            h, winners = torch.addmm(b, x, W.T), None  # (m, units)
        else:  # the examples last, so that the maximum over the pieces is one of whole rows
            each = torch.addmm(b[:, None], W, x.T).unflatten(0, (-1, pieces))  # (units, pieces, m)
            largest = each.amax(1)
            winners = torch.eq(each, largest[:, None], out=torch.empty_like(each))  # 0 or 1
            free = torch.ones_like(largest)
            for winner in winners.unbind(1):  # of pieces that are equally large the first one wins
                free -= winner.mul_(free)
            h = largest.T.contiguous()
        ctx.save_for_backward(x, W, kept, winners)
        return h

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        """From d cost / d h (m, units) to d cost / d x, d W and d b."""
        x, W, kept, winners = ctx.saved_tensors
        grad = grad.T  # (units, m)
        if winners is not None:
            grad = (winners * grad.contiguous()[:, None]).flatten(0, 1)  # (units * pieces, m)
        grad_x = grad_W = grad_b = None
        if ctx.needs_input_grad[0]:
            grad_x = grad.T @ W if kept is None else (grad.T @ W).mul_(kept)
        if ctx.needs_input_grad[1]:
            grad_W, grad_b = grad @ x, grad.sum(1)
        return grad_x, grad_W, grad_b, None, None


class Dense(nn.Module):
    """A `Layer` with its parameters: dropout, a linear map, an activation; a maxout unit's pieces are adjacent rows."""

    def __init__(self, inputs: int, layer: Layer, rng: Rng = None, data_mean: Tensor | None = None):
        super().__init__()
        self.layer = layer
        outputs = layer.units * layer.pieces
        self.linear = nn.utils.skip_init(nn.Linear, inputs, outputs, device=torch.get_default_device())
        with torch.no_grad():
            if layer.sparse:
                _sparse_(self.linear.weight, layer.sparse, rng)
            else:
                self.linear.weight.uniform_(-layer.irange, layer.irange, generator=rng)
            self.linear.bias.fill_(layer.bias if is_number(layer.bias) else 0.0)
            if layer.bias == "marginal":
                self.linear.bias.copy_(marginal_bias(data_mean))
            elif layer.bias == "irange":
                self.linear.bias.uniform_(-layer.irange, layer.irange, generator=rng)

    def forward(self, x: Tensor, rng: Rng = None) -> Tensor:
        """Map x (m, inputs) to (m, units); with `rng`, its dropout is on."""
        activate = {"relu": torch.relu, "sigmoid": torch.sigmoid}.get(self.layer.activation)
        h = self.logit(x, rng)
        return activate(h) if activate else h

    def logit(self, x: Tensor, rng: Rng = None) -> Tensor:
        """What the activation is applied to; for maxout, what it puts out: (m, units), of the type of x."""
        if rng is not None and self.layer.noise:
            x = x + self.layer.noise * torch.randn(x.shape, generator=rng, device=x.device, dtype=x.dtype)
        drops = rng is not None and self.layer.keep < 1
        kept = mask(x.shape, self.layer.keep, rng, x.dtype) if drops else None
        if self.layer.normalise:
            h = (x if kept is None else x * kept) @ self.linear.weight.T
            mean, scale = moments(h)
            return (h - mean) * scale + self.linear.bias
        return Affine.apply(x, self.linear.weight, self.linear.bias, kept, self.layer.pieces)


def moments(h: Tensor) -> tuple[Tensor, Tensor]:
    """Over a minibatch (m, units): the means, and one over the standard deviations (.001 on the variances)."""
    variance, mean = torch.var_mean(h.float() if h.dtype == torch.bfloat16 else h, 0, correction=0)
    return mean.to(h.dtype), (variance + 1e-3).rsqrt().to(h.dtype)


class Convolve(nn.Module):
    """A `Convolution` with its parameters: dropout, a convolution, the maximum over adjacent channels, over space."""

    def __init__(self, inputs: int, layer: Convolution, rng: Rng = None, data_mean: object = None):
        super().__init__()
        _check_reads("a convolution", layer.of, inputs)
        self.layer = layer
        sizes, device = (layer.of[0], layer.maps * layer.pieces, layer.kernel), torch.get_default_device()
        self.convolution = nn.utils.skip_init(nn.Conv2d, *sizes, padding=layer.padding, device=device)
        with torch.no_grad():
            self.convolution.weight.uniform_(-layer.irange, layer.irange, generator=rng)
            self.convolution.bias.zero_()

    def forward(self, x: Tensor, rng: Rng = None) -> Tensor:
        """Map flat pictures x (m, channels * height * width) to flat (m, units); with `rng`, its dropout is on."""
        layer = self.layer
        if rng is not None and layer.keep < 1:
            x = x * mask(x.shape, layer.keep, rng, x.dtype)
        h = self.convolution(x.unflatten(-1, layer.of))  # (m, maps * pieces, height, width)
        h = h.unflatten(1, (layer.maps, layer.pieces)).max(2).values  # (m, maps, height, width)
        h = functional.max_pool2d(h, layer.pool, layer.stride, ceil_mode=True)
        return h.flatten(1)


class Deconvolve(nn.Module):
    """A `Deconvolution` with its parameters: a transposed convolution and a bias for every number it puts out."""

    def __init__(self, inputs: int, layer: Deconvolution, rng: Rng = None, data_mean: object = None):
        super().__init__()
        _check_reads("a transposed convolution", layer.of, inputs)
        self.layer = layer
        self.weight = nn.Parameter(torch.empty(layer.of[0], layer.channels, layer.kernel, layer.kernel))
        self.bias = nn.Parameter(torch.zeros(layer.shape))
        with torch.no_grad():
            self.weight.uniform_(-layer.irange, layer.irange, generator=rng)

    def forward(self, x: Tensor) -> Tensor:
        """Map flat maps x (m, maps * height * width) to flat pictures (m, units)."""
        h = functional.conv_transpose2d(x.unflatten(-1, self.layer.of), self.weight, stride=self.layer.stride)
        return (h + self.bias).flatten(1)


class Abreast(nn.Module):
    """The layers of a `Beside` with their parameters."""

    def __init__(self, inputs: int, layer: Beside, rng: Rng = None, data_mean: object = None):
        super().__init__()
        if sum(layer.reads) != inputs:
            raise RecipeError(f"layers side by side read {layer.reads}; the layer below gives {inputs} numbers")
        self.layer = layer
        self.each = nn.ModuleList(Dense(n, one, rng) for n, one in zip(layer.reads, layer.beside))

    def forward(self, x: Tensor, rng: Rng = None) -> Tensor:
        """Map x (m, inputs) to (m, units); with `rng`, dropout is on."""
        parts = x.split(self.layer.reads, -1)
        return torch.cat([dense(part, rng) for dense, part in zip(self.each, parts)], -1)


@torch.no_grad()
def limit(layer: Dense | Convolve | Deconvolve | Abreast, norm: float) -> None:
    """Max-norm: scale down every unit's (or piece's, or channel's) incoming weights to an L2 norm of `norm` at most."""
    if isinstance(layer, Abreast):
        for each in layer.each:
            limit(each, norm)
        return
    weight = next(layer.parameters())  # (units, ...)
    if isinstance(layer, Deconvolve):
        weight = weight.transpose(0, 1)  # (maps, channels, kernel, kernel), by channel
    norms = torch.linalg.vector_norm(weight, dim=tuple(range(1, weight.ndim)), keepdim=True)
    weight.mul_(norm / norms.clamp_min(norm))


def _check_reads(what: str, of: tuple[int, int, int], inputs: int) -> None:
    if math.prod(of) != inputs:
        raise RecipeError(f"{what} reads {of}, {math.prod(of)} numbers; the layer below gives {inputs}")


def _sparse_(weight: Tensor, n: int, rng: Rng) -> None:
    """Set n weights in each row of (units, inputs), at places drawn anew for the row, to N(0, 1), the rest to 0."""
    rows, inputs = weight.shape
    if n > inputs:
        raise RecipeError(f"a unit has {inputs} incoming weights; {n} of them cannot start as N(0, 1)")
    device = "meta" if weight.is_meta else "cpu"
    places = torch.rand(rows, inputs, generator=rng, device=device).topk(n, dim=1).indices  # (units, n), all different
    weight.zero_().scatter_(1, places, torch.randn(rows, n, generator=rng, device=device))


def marginal_bias(data_mean: Tensor | None) -> Tensor:
    """logit(mean of the training data, clipped to [1e-7, 1 - 1e-7]): (d,) in [0, 1] -> (d,)."""
    if data_mean is None:
        raise RecipeError("a layer with bias='marginal' needs the mean of the training data: pass data_mean")
    return torch.logit(data_mean.double(), eps=1e-7)


MODULES = {Layer: Dense, Convolution: Convolve, Deconvolution: Deconvolve, Beside: Abreast}


def stack(inputs: int, layers: Sequence[AnyLayer], rng: Rng, data_mean: Tensor | None = None) -> nn.ModuleList:
    """The layers one on another, their parameters drawn from `rng` bottom up."""
    widths = [inputs, *(layer.units for layer in layers[:-1])]
    pairs = zip(layers, widths, strict=True)
    return nn.ModuleList(MODULES[type(layer)](width, layer, rng, data_mean) for layer, width in pairs)


class Generator(nn.Module):
    """G(z; theta_g): noise z (m, z_dim) to pictures x (m, d). No dropout (Goodfellow et al. 2014, section 5).

    A G that is given something, c, reads rows (z, c): there `z_dim` counts both. An inference net E, from x to z, is
    such a net, too.
    """

    def __init__(self, z_dim: int, layers: Sequence[AnyLayer], rng: Rng = None, data_mean: Tensor | None = None):
        super().__init__()
        self.z_dim = z_dim
        self.layers = stack(z_dim, layers, rng, data_mean)

    def forward(self, z: Tensor) -> Tensor:
        """Draw x = G(z): (m, z_dim) -> (m, d)."""
        for layer in self.layers:
            z = layer(z)
        return z

    @torch.no_grad()
    def pictures(self, z: Tensor, chunk: int = 1_000) -> Tensor:
        """G(z) to look at or to score: any z (n, z_dim) -> (n, d) on the CPU, with no gradient kept."""
        weight = next(self.parameters())
        return torch.cat([self(part.to(weight)).cpu() for part in z.split(chunk)])


@torch.no_grad()
def settled(G: Generator, z: Tensor) -> Generator:
    """The map that G is on the whole of these z (n, z_dim), as a G without `normalise`, which looks at each z alone."""
    G = copy.deepcopy(G)
    z = z.to(next(G.parameters()))
    for dense in G.layers:
        if getattr(dense.layer, "normalise", False):
            mean, scale = moments(z @ dense.linear.weight.T)
            dense.linear.weight.mul_(scale[:, None])
            dense.linear.bias.sub_(mean * scale)
            dense.layer = replace(dense.layer, normalise=False)
        z = dense(z)
    return G


class Discriminator(nn.Module):
    """D(x; theta_d): the probability that x came from the data rather than from G.

    A D that also names classes ends in K > 1 linear units, l(x). Class K + 1, "from G", has the logit 0, so that
    a(x) = log sum_k exp l_k(x) (Salimans et al. 2016, section 5).
    """

    def __init__(self, inputs: int, layers: Sequence[AnyLayer], rng: Rng = None):
        super().__init__()
        last = layers[-1]
        ends = isinstance(last, Layer) and (last.units > 1, last.activation) in ((False, "sigmoid"), (True, "linear"))
        if not ends:
            raise RecipeError(f"D must end in one sigmoid unit, or in a linear unit for each class; it ends in {last}")
        self.layers = stack(inputs, layers, rng)

    def forward(self, x: Tensor, rng: Rng = None) -> Tensor:
        """D(x), a probability: (m, d) -> (m,)."""
        return torch.sigmoid(self.logit(x, rng))

    def logit(self, x: Tensor, rng: Rng = None) -> Tensor:
        """a(x) = log D(x) - log(1 - D(x)), which feeds the costs: (m, d) -> (m,). With `rng`, dropout is on."""
        return self.judge(self.features(x, rng), rng)

    def features(self, x: Tensor, rng: Rng = None) -> Tensor:
        """What the last layer reads: (m, d) -> (m, units)."""
        for layer in self.layers[:-1]:
            x = layer(x, rng)
        return x

    def judge(self, features: Tensor, rng: Rng = None) -> Tensor:
        """The logit a of what has these features: (m, units) -> (m,)."""
        return real_logit(self.layers[-1].logit(features, rng))

    def classes(self, x: Tensor, rng: Rng = None) -> Tensor:
        """l(x), from which softmax gives p(class | x) of a D that names classes: (m, d) -> (m, K)."""
        return self.layers[-1].logit(self.features(x, rng), rng)


def real_logit(out: Tensor) -> Tensor:
    """a, "from the data", of what D's last layer puts out: one logit, or one for each of K classes, (m, .) -> (m,)."""
    return out.squeeze(-1) if out.shape[-1] == 1 else out.logsumexp(-1)


@contextmanager
def fixed(net: nn.Module) -> Iterator[None]:
    """Meanwhile no gradient is worked out for the net's own parameters, only through it."""
    net.requires_grad_(False)
    try:
        yield
    finally:
        net.requires_grad_(True)


def count_parameters(net: nn.Module) -> int:
    """How many numbers the net learns."""
    return sum(parameter.numel() for parameter in net.parameters())
