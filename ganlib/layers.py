"""The layers of a recipe as plain numbers and short strings; `nets` gives them their parameters."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

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
