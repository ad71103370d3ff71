"""Errors a person can cause, and the checks that raise them. Each says what is wrong, with which value, what to do.

    @door(RecipeError)
    def sample(n: Annotated[int, Within(1, 1_000)], rng: np.random.Generator) -> Array: ...

`door` holds every call to the types and ranges of the signature: sample("3", rng) raises
RecipeError("n is '3'; it must be a whole number from 1 to 1,000"). `held` does so for the fields of a dataclass.
"""

from __future__ import annotations

import functools
import inspect
import math
import numbers
import reprlib
import types
import typing
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

MOST = 1_000  # characters of an error


class GanlibError(Exception):
    """The base of every error that this package raises on purpose."""

    def __str__(self) -> str:
        text = super().__str__()  # which may name a path, or a recipe, of any length
        half = MOST // 2 - 3
        return text if len(text) <= MOST else f"{text[:half]} ... {text[-half:]}"  # what to do stands at the end


class RecipeError(GanlibError, ValueError):
    """A recipe, a live change of one, or a call holds a value that makes no sense."""


class DataError(GanlibError):
    """A data set is missing, truncated, altered, or of the wrong layout."""


class CheckpointError(GanlibError):
    """A checkpoint or a file of weights cannot be read, written, or used here."""


class TrainingDiverged(GanlibError, ArithmeticError):
    """A cost or a parameter is no longer a finite number."""


# -- what a value is ---------------------------------------------------------------------------------------------------

_SHORT = reprlib.Repr()
_SHORT.maxlevel, _SHORT.maxlist, _SHORT.maxtuple, _SHORT.maxdict, _SHORT.maxother = 3, 12, 12, 6, 200


def brief(value: Any, most: int = 60, *, quoted: bool = True) -> str:
    """A value as an error names it: at most 60 characters of it, in one line, whatever it is."""
    try:
        if isinstance(getattr(value, "shape", None), tuple) and value.shape and hasattr(value, "dtype"):
            return f"an array of {tuple(value.shape)} {value.dtype}"
        if isinstance(value, str | bytes):
            text = repr(value[: most + 1]) if quoted else value[: 4 * most]
        else:
            text = _SHORT.repr(value) if isinstance(value, Iterable) else repr(value)
    except Exception:  # an integer of thousands of digits, or a repr that fails
        text = f"a number of {value.bit_length()} bits" if isinstance(value, int) else f"a {type(value).__name__}"
    text = "".join(c if c.isprintable() else "?" for c in " ".join(text.split()))
    return text if len(text) <= most else f"{text[: most - 3]}..."


def is_number(value: Any) -> bool:
    """Whether it is a finite number, and not a bool."""
    try:
        return isinstance(value, numbers.Real) and not isinstance(value, bool) and math.isfinite(value)
    except OverflowError:  # an integer of hundreds of digits
        return False


def is_whole(value: Any) -> bool:
    """Whether it is an integer of at most 64 bits, and not a bool."""
    return isinstance(value, numbers.Integral) and not isinstance(value, bool) and -(2**63) <= value < 2**64


def table(values: Any) -> np.ndarray | None:
    """The values as an array of floats; None when they are no numbers."""
    if values is None or (isinstance(values, np.ndarray) and values.dtype.kind not in "biufO"):
        return None
    try:
        return np.asarray(values, float)
    except (TypeError, ValueError, OverflowError, RuntimeError, RecursionError):
        return None


@dataclass(frozen=True)
class Within:
    """The range of a number: from low to high, both within it, but for a low that it must be `above`."""

    low: float = -math.inf
    high: float = math.inf
    above: bool = False

    def holds(self, value: Any) -> bool:
        """Whether the number lies in the range."""
        return (self.low < value if self.above else self.low <= value) and value <= self.high

    def __str__(self) -> str:
        low, high = (f"{end:,}" if isinstance(end, int) else f"{end:g}" for end in (self.low, self.high))
        if self.high == math.inf:
            return "" if self.low == -math.inf else f" above {low}" if self.above else f" >= {low}"
        return f" above {low}, at most {high}" if self.above else f" from {low} to {high}"


@dataclass(frozen=True)
class Floats:
    """What a tensor is beside dense: floating point, of exactly so many dimensions (None: one or more), not empty."""

    dims: int | None = None
    empty: bool = False  # whether it may be

    def holds(self, tensor: Any) -> bool:
        """Whether the tensor is so."""
        fits = tensor.ndim >= 1 if self.dims is None else tensor.ndim == self.dims
        return fits and tensor.is_floating_point() and (self.empty or tensor.numel() > 0)

    def __str__(self) -> str:
        shape = {None: "(..., n)", 1: "(n,)", 2: "(m, n)"}[self.dims]
        return f" of floats {shape}" + ("" if self.empty else ", not empty")


Seed = Annotated[int, Within(0, 2**53 - 1)]  # of random numbers: what a page can hold, too


def unknown(name: str, names: Iterable[str]) -> str:
    """What is said of a field that cannot be set: the ones that are called alike, or else all that there are."""
    import difflib

    alike = {one.lower(): one for one in names}
    near = [alike[one] for one in difflib.get_close_matches(name.lower(), alike, 3, 0.5)]
    words = f"did you mean {' or '.join(near)}?" if near else f"the fields are {', '.join(alike.values())}"
    return f"{brief(name)} is no field that can be set; {words}"


# -- doors -------------------------------------------------------------------------------------------------------------


class Rule(NamedTuple):
    """What an argument has to be: a test, and what it asks for in words."""

    fits: Callable[[Any], bool]
    words: str


def door(error: type[GanlibError]) -> Callable[[Callable], Callable]:
    """A decorator: each argument of a call is held to its annotation, before anything is done with it.

    int is a whole number of at most 64 bits, float a finite number, `ArrayLike` anything that makes an array of
    numbers, a protocol what has its members; `Annotated[int, Within(1, 9)]` gives a range. Raises `error`.
    """

    def wrap(f: Callable) -> Callable:
        """The function with its door before it."""
        names, rules, rest, read = [], {}, None, False

        def prepare() -> None:
            """Read the signature: at the first call, as an annotation may name what is defined further down."""
            nonlocal rest, read
            try:
                hints = typing.get_type_hints(f, include_extras=True)
            except NameError:  # of a function of a person's own
                hints = {}
            for name, one in inspect.signature(f).parameters.items():
                rule = _rule(hints.get(name, Any), one.default)
                if one.kind is one.VAR_POSITIONAL:
                    rest = rule and (name, rule)
                elif rule is not None and one.kind is not one.VAR_KEYWORD:
                    rules[name] = rule
                if one.kind in (one.POSITIONAL_ONLY, one.POSITIONAL_OR_KEYWORD):
                    names.append(name)
            read = True

        @functools.wraps(f)
        def held_to(*args: Any, **kwargs: Any) -> Any:
            """The function, behind its door."""
            if not read:
                prepare()
            for name, value in zip(names, args):
                if name in rules and not rules[name].fits(value):
                    raise _refusal(error, name, value, rules[name])
            for name, value in kwargs.items():
                if name in rules and not rules[name].fits(value):
                    raise _refusal(error, name, value, rules[name])
            if rest is not None:
                for value in args[len(names) :]:
                    if not rest[1].fits(value):
                        raise _refusal(error, rest[0], value, rest[1])
            return f(*args, **kwargs)

        return held_to

    return wrap


def held(instance: Any, error: type[GanlibError], name: str = "") -> None:
    """Hold the fields of a dataclass, called `name`, to their annotations, as `door` does the arguments."""
    for field, rule in _fields(type(instance)).items():
        value = getattr(instance, field)
        if not rule.fits(value):
            raise _refusal(error, f"{name or type(instance).__name__}'s {field}", value, rule)


def need(error: type[GanlibError], hint: Any, **values: Any) -> None:
    """Hold some values to one annotation: need(DataError, str, name=name)."""
    rule = _rule(hint)
    for name, value in values.items():
        if rule is not None and not rule.fits(value):
            raise _refusal(error, name, value, rule)


def _refusal(error: type[GanlibError], name: str, value: Any, rule: Rule) -> GanlibError:
    return error(f"{name} is {brief(value)}; it must be {rule.words}")


@functools.cache
def _fields(cls: type) -> dict[str, Rule]:
    hints = typing.get_type_hints(cls, include_extras=True)
    rules = {name: _rule(hints[name], one.default) for name, one in cls.__dataclass_fields__.items()}
    return {name: rule for name, rule in rules.items() if rule is not None}


def _rule(hint: Any, default: Any = None) -> Rule | None:
    """The rule that an annotation states; None where it allows anything."""
    if hint in (Any, object, ArrayLike):
        return Rule(_numbers, "numbers") if hint is ArrayLike else None
    origin, inner = typing.get_origin(hint), typing.get_args(hint)
    if hasattr(origin or hint, "__value__"):  # `type Numbers[T] = ...`, as numpy 2.5 has NDArray
        return _rule(origin.__value__[inner] if inner else hint.__value__)
    if origin is Annotated:
        rule = _rule(inner[0])
        for more in inner[1:]:
            if isinstance(more, Within | Floats):
                rule = _both(rule, more)
        return rule
    if origin in (typing.Union, types.UnionType):
        rules = [_rule(one) for one in inner]
        if None in rules:
            return None
        return Rule(lambda value: any(rule.fits(value) for rule in rules), " or ".join(rule.words for rule in rules))
    if hint is int:
        return Rule(is_whole, "a whole number")
    if hint is float:
        return Rule(is_number, "a finite number")
    if origin is Literal:
        words = f"one of {', '.join(map(repr, inner))}"
        return Rule(lambda value: isinstance(value, str | int) and value in inner, words)
    if hint in (None, type(None)):
        return Rule(lambda value: value is None, "None")
    if hint is bool:
        return Rule(lambda value: isinstance(value, bool | np.bool_), "True or False")
    if hint is str:
        return Rule(lambda value: isinstance(value, str), "a string")
    if origin is not None:
        return _generic(origin, inner)
    if getattr(hint, "_is_protocol", False):
        members = {name for name in (*vars(hint), *getattr(hint, "__annotations__", ())) if not name.startswith("_")}

        def has_all(value: Any) -> bool:
            """Whether its class, or it itself, has the members; asked so that no property is worked out."""
            own = () if isinstance(value, type) else getattr(value, "__dict__", ())
            return all(hasattr(type(value), name) or name in own for name in members)

        return Rule(has_all, f"a {hint.__name__.lower()}")
    if isinstance(hint, type):
        if hint.__module__ == "torch" and hint.__name__ == "Tensor":
            return Rule(lambda value: isinstance(value, hint) and _dense(value), "a dense torch.Tensor")
        return Rule(lambda value: isinstance(value, hint), _a(hint))
    return None


def _generic(origin: type, inner: tuple[Any, ...]) -> Rule:
    """The rule of a class with parameters: a callable, an array, or several of one kind."""
    if origin is Callable:
        return Rule(callable, "a function")
    if origin is np.ndarray:
        return Rule(lambda value: isinstance(value, np.ndarray) and value.dtype.kind in "fiu", "an array of numbers")
    if not issubclass(origin, Sequence):
        return Rule(lambda value: isinstance(value, origin), _a(origin))
    several = origin if issubclass(origin, tuple) else Sequence
    if several is tuple and ... not in inner:
        each = [_rule(one) for one in inner]
        said = [rule.words if rule else "anything" for rule in each]
        words = f"a list of {len(each)}" + (f", each {said[0]}" if len(set(said)) == 1 else f": {', '.join(said)}")
        return Rule(
            lambda value: (
                isinstance(value, tuple | list)
                and len(value) == len(each)
                and all(rule is None or rule.fits(one) for rule, one in zip(each, value))
            ),
            words,
        )
    one = _rule(inner[0]) if inner else None

    def fits(value: Any) -> bool:
        """Several, and each of them fits."""
        listed = isinstance(value, Sequence) or (isinstance(value, np.ndarray) and value.ndim == 1)
        return listed and not isinstance(value, str | bytes) and (one is None or all(map(one.fits, value)))

    return Rule(fits, f"a list, each {one.words}" if one else "a list")


def _both(rule: Rule, more: Within | Floats) -> Rule:
    return Rule(lambda value: rule.fits(value) and more.holds(value), f"{rule.words}{more}")


def _numbers(value: Any) -> bool:
    return (isinstance(value, np.ndarray) and value.dtype.kind in "biuf") or table(value) is not None


def _dense(tensor: Any) -> bool:
    """Whether a tensor has numbers of its own, in rows: not one of the device "meta", and not sparse."""
    return not (tensor.is_meta or tensor.is_sparse or tensor.is_sparse_csr or tensor.is_nested or tensor.is_quantized)


def _a(kind: type) -> str:
    module = kind.__module__.split(".")[0]
    name = kind.__name__ if module in ("builtins", "ganlib", "collections") else f"{module}.{kind.__name__}"
    return f"{'an' if name[0] in 'aeiou' else 'a'} {name}"
