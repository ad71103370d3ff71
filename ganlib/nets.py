"""The nets G and D of the paper: the modules that give layers (`ganlib.layers`) their parameters."""

import copy
import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Annotated, Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from ganlib.errors import RecipeError, Within, brief, need
from ganlib.layers import (
    LEARNT,
    AnyLayer,
    Beside,
    Convolution,
    Deconvolution,
    Layer,
    is_integer,
    is_plain,
    layer_from,
    learnt,
)

__all__ = ["AnyLayer", "Beside", "Convolution", "Deconvolution", "Layer", "is_integer", "is_plain", "layer_from"]
__all__ += ["Abreast", "Convolve", "Deconvolve", "Dense", "Discriminator", "Generator", "count_parameters", "fixed"]
__all__ += ["MODULES", "Affine", "Rng", "Sigmoid", "limit", "marginal_bias", "mask", "moments", "real_logit"]
__all__ += ["settled", "sigmoid", "stack"]

Rng = torch.Generator | None  # where dropout and the first weights come from; None: no dropout, torch's own numbers


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


class Sigmoid(torch.autograd.Function):
    """1 / (1 + exp(-h)), with a slope that does not vanish in bfloat16: it is sigmoid(h) sigmoid(-h), of any shape.

    Autograd takes y (1 - y) from the rounded y, and in bfloat16 y is 1 above h = 6.2. A G whose pixels have all become
    white would then never learn again: so it went with the faces at full size.
    """

    @staticmethod
    def forward(ctx: Any, h: Tensor) -> Tensor:
        """The activation."""
        ctx.save_for_backward(h)
        return torch.sigmoid(h)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, grad: Tensor) -> Tensor:
        """From d cost / d y to d cost / d h."""
        (h,) = ctx.saved_tensors
        return grad * torch.sigmoid(h) * torch.sigmoid(-h)


def sigmoid(h: Tensor) -> Tensor:
    """1 / (1 + exp(-h)), any shape; in bfloat16 by `Sigmoid`."""
    return Sigmoid.apply(h) if h.dtype == torch.bfloat16 else torch.sigmoid(h)


class Dense(nn.Module):
    """A `Layer` with its parameters: dropout, a linear map, an activation; a maxout unit's pieces are adjacent rows."""

    def __init__(self, inputs: int, layer: Layer, rng: Rng = None, data_mean: Tensor | None = None):
        super().__init__()
        self.layer = layer
        outputs = layer.units * layer.pieces
        self.linear = nn.utils.skip_init(nn.Linear, inputs, outputs, device=_device())
        with torch.no_grad():
            if layer.sparse:
                _sparse_(self.linear.weight, layer.sparse, rng)
            else:
                self.linear.weight.uniform_(-layer.irange, layer.irange, generator=rng)
            self.linear.bias.fill_(layer.bias if is_plain(layer.bias) else 0.0)
            if layer.bias == "marginal":
                self.linear.bias.copy_(marginal_bias(data_mean))
            elif layer.bias == "irange":
                self.linear.bias.uniform_(-layer.irange, layer.irange, generator=rng)

    def forward(self, x: Tensor, rng: Rng = None) -> Tensor:
        """Map x (m, inputs) to (m, units); with `rng`, its dropout is on."""
        activate = {"relu": torch.relu, "sigmoid": sigmoid}.get(self.layer.activation)
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
        sizes, device = (layer.of[0], layer.maps * layer.pieces, layer.kernel), _device()
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


def _device() -> torch.device:
    """Where a new tensor lies: `torch.get_default_device` in torch 2.6 does not see `with torch.device(...)`."""
    return torch.empty(0).device


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
    if data_mean.is_meta:  # where numbers have no values: its logit there would load a second's worth of torch
        return data_mean.double()
    return torch.logit(data_mean.double(), eps=1e-7)


MODULES = {Layer: Dense, Convolution: Convolve, Deconvolution: Deconvolve, Beside: Abreast}


def stack(inputs: int, layers: Sequence[AnyLayer], rng: Rng, data_mean: Tensor | None = None) -> nn.ModuleList:
    """The layers one on another, their parameters drawn from `rng` bottom up. Raises `RecipeError`."""
    need(RecipeError, Annotated[int, Within(1, LEARNT)], inputs=inputs)
    need(RecipeError, Sequence[AnyLayer], layers=layers)
    if not layers:
        raise RecipeError("a net takes one layer or more; there are none")
    if (total := learnt(inputs, layers)) > LEARNT:
        raise RecipeError(f"a net would learn {total:,} numbers, more than {LEARNT:,}: make its layers narrower")
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
        need(RecipeError, Annotated[int, Within(1, 10**9)], chunk=chunk)
        if not isinstance(z, Tensor) or z.ndim != 2 or z.shape[1] != self.z_dim or z.is_meta or z.is_sparse:
            raise RecipeError(f"z is {brief(z)}; this net takes a tensor of rows, (n, {self.z_dim})")
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
        last = layers[-1] if isinstance(layers, Sequence) and len(layers) else None
        ends = isinstance(last, Layer) and (last.units > 1, last.activation) in ((False, "sigmoid"), (True, "linear"))
        if not ends:
            ends = f"it ends in {brief(str(last), 120, quoted=False)}"
            raise RecipeError(f"D must end in one sigmoid unit, or in a linear unit for each class; {ends}")
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
