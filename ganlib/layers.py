"""The layers of G, D and E in plain numbers, and how many numbers a net of them learns.

Every layer reads and gives flat rows, (m, numbers); a convolution knows the shape of what it reads.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ganlib.errors import RecipeError, brief

ACTIVATIONS = ("relu", "sigmoid", "linear", "maxout")
BIASES = ("zero", "marginal", "irange")
WIDEST = 1_000_000  # numbers that a layer puts out, at the most
LEARNT = 2**28  # numbers that a net learns, at the most: 1 GB as float32; the largest published one has 89 million


# -- what a number may be ----------------------------------------------------------------------------------------------


def is_plain(value: Any) -> bool:
    """Whether it is an int or a float as a file of plain values holds them, of any size, or nan; and not a bool."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def is_integer(value: Any) -> bool:
    """Whether it is an int, and not a bool."""
    return isinstance(value, int) and not isinstance(value, bool)


@dataclass(frozen=True)
class Rule:
    """Which values a field may have, and what to say of the others. NaN is in no range."""

    fits: Callable[[Any], bool]
    words: str
    most: float = math.inf  # beside `fits`: a number may be so large

    def hold(self, what: str, value: Any) -> None:
        """Raise `RecipeError` unless the value fits."""
        if not self.fits(value):
            raise RecipeError(f"{what} {brief(value)}; {self.words}")
        if is_plain(value) and value > self.most:
            raise RecipeError(f"{what} {brief(value)}; it must be at most {self.most:,}")


def whole(low: int, most: int) -> Rule:
    """The rule of a whole number from low to most: a Python int, as what goes into a file has to be plain."""
    return Rule(lambda value: is_integer(value) and value >= low, f"it must be an integer >= {low}", most)


def one_of(choices: Sequence[str]) -> Rule:
    """The rule of a word from a list."""
    words = f"use one of {', '.join(filter(None, choices))}"
    return Rule(lambda value: isinstance(value, str) and value in choices, words)


NOT_NEGATIVE = Rule(
    lambda value: is_plain(value) and 0 <= value < math.inf, "it must be a finite number >= 0", 1_000_000
)
KEEP = Rule(lambda value: is_plain(value) and 0 < value <= 1, "it must lie in (0, 1]")
BIAS = Rule(
    lambda value: value in BIASES if isinstance(value, str) else is_plain(value) and abs(value) < math.inf,
    f"use a number, or one of {', '.join(BIASES)}",
    1_000_000,
)


# -- layers ------------------------------------------------------------------------------------------------------------


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
        one_of(ACTIVATIONS).hold("unknown activation", self.activation)
        if self.pieces > 1 and self.activation != "maxout":
            raise RecipeError(f"a {self.activation} layer has {self.pieces} pieces; only maxout has more than one")
        BIAS.hold("unknown bias", self.bias)
        NOT_NEGATIVE.hold("a layer's noise is", self.noise)
        if not isinstance(self.normalise, bool) or (self.normalise and self.activation == "maxout"):
            what = f"a {self.activation} layer has normalise {brief(self.normalise)}"
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
        whole(1, WIDEST).hold("what a convolution puts out is", self.units)

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
        whole(1, WIDEST).hold("what a transposed convolution puts out is", self.units)

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
        if not all(isinstance(each, list | tuple) for each in (self.reads, self.beside)):
            raise RecipeError(
                f"layers beside each other are {brief(self.beside)}; they must be a list, as what they read"
            )
        try:
            layers = tuple(layer if isinstance(layer, Layer) else layer_from(layer) for layer in self.beside)
        except TypeError as error:
            raise RecipeError(f"layers beside each other are {brief(self.beside)}: {str(error)[:80]}") from None
        object.__setattr__(self, "beside", layers)  # from a file they come as plain lists
        object.__setattr__(self, "reads", tuple(self.reads))
        if not all(isinstance(layer, Layer) for layer in self.beside):
            raise RecipeError("only fully connected layers stand beside each other")
        if len(self.reads) != len(self.beside) or not all(map(_is_width, self.reads)):
            read = f"{len(self.beside)} layers beside each other read {brief(self.reads)}"
            raise RecipeError(f"{read}: one number >= 1 for each")
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
    """The layer that `dataclasses.asdict` made plain. Raises TypeError on anything else, or `RecipeError`."""
    if not isinstance(plain, Mapping):
        raise TypeError(f"a layer is {brief(plain)}")
    if "reads" in plain:
        return Beside(**plain)
    return (Convolution if "maps" in plain else Deconvolution if "channels" in plain else Layer)(**plain)


def learnt(inputs: int, layers: Sequence[AnyLayer]) -> int:
    """How many numbers layers one on another learn, the first of which reads so many."""
    total = 0
    for layer in layers:
        if isinstance(layer, Beside):
            total += sum(learnt(width, [one]) for width, one in zip(layer.reads, layer.beside))
        elif isinstance(layer, Convolution):
            total += (layer.of[0] * layer.kernel**2 + 1) * layer.maps * layer.pieces
        elif isinstance(layer, Deconvolution):
            total += layer.of[0] * layer.channels * layer.kernel**2 + layer.units
        else:
            total += (inputs + 1) * layer.units * layer.pieces
        inputs = layer.units
    return total


def _is_width(value: Any) -> bool:
    return is_integer(value) and 1 <= value <= WIDEST


def _check(layer: AnyLayer, what: str, **least: int) -> None:
    """Raise `RecipeError` when a count is less than its least, or the shape, `keep` or `irange` makes no sense."""
    for name, lowest in least.items():
        whole(lowest, WIDEST).hold(f"{what}'s {name} is", getattr(layer, name))
    if hasattr(layer, "of"):
        of = layer.of
        if not (isinstance(of, list | tuple) and len(of) == 3 and all(map(_is_width, of))):
            raise RecipeError(f"{what} is of {brief(of)}; it must be (channels, height, width), integers >= 1")
        object.__setattr__(layer, "of", tuple(of))  # from a file it comes as a list
    if not KEEP.fits(keep := getattr(layer, "keep", 1.0)):
        raise RecipeError(f"a layer keeps {brief(keep)} of its input; {KEEP.words}")
    NOT_NEGATIVE.hold("irange is", layer.irange)


def _notes(layer: AnyLayer, *more: str) -> str:
    """How the weights start, dropout, and more, in words."""
    sparse, keep = getattr(layer, "sparse", 0), getattr(layer, "keep", 1.0)
    start = f"{sparse} weights N(0, 1), rest 0" if sparse else f"U(-{layer.irange:g}, {layer.irange:g})"
    return "; ".join([start, *([f"keeps {keep:g} of its input"] if keep < 1 else []), *more])
