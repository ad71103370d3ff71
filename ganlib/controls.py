"""What moves a picture: sliders, choices, switches, numbers, hand-drawn curves and points, and buttons.

Each says once what it is called, what it means, what it takes, and how its values are said; traits, checks and the page
follow from that.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ganlib.errors import RecipeError, brief, door, held, is_number, table

PLACES = 10_000
"""Steps of a slider at the most: the page is told every one."""


@dataclass(frozen=True)
class Slider:
    """A number that a person moves between low and high.

    `step` None: a hundredth of a round range. `log`: equal ratios, not equal steps, from end to end (low above 0).
    `off` is a value of its own at the left end, and what it is called: (0, "0: held"). `play`: with a play button that
    takes so many seconds from low to high; one slider of a demo may have it. `words` says a value (None: as a number
    with its unit). Of every control: `hint` is shown when the pointer rests on it, `group` is the title of the group it
    stands in, and `look` marks one that changes only what is looked at: it is obeyed even while another cell runs.
    """

    low: float
    high: float
    start: Any
    step: float | None = None
    name: str = ""
    hint: str = ""
    unit: str = ""
    log: bool = False
    play: float | None = None
    off: tuple[Any, str] | None = None
    words: Callable[[Any], str] | None = None
    whole: bool = False
    group: str = ""
    look: bool = False

    def completed(self, key: str) -> Slider:
        """The same with its step worked out, and a name. Raises `RecipeError` on numbers that make no sense."""
        low, high, start = self.low, self.high, self.start
        off = self.off is not None and start == self.off[0]
        if not all(map(is_number, (low, high))) or not low < high or not (off or _within(start, low, high)):
            ends = f"{key} goes from {brief(low)} to {brief(high)} and begins at {brief(start)}"
            raise RecipeError(f"{ends}; low <= start <= high")
        if self.log and low <= 0:
            raise RecipeError(f"{key} goes from {low!r} by equal ratios; low must be above 0")
        held(self, RecipeError, key)
        span = high - low
        if not is_number(span) or not (self.log is False or is_number(high / low)):
            raise RecipeError(f"{key} goes from {low!r} to {high!r}, too far for a slider")
        step = 10.0 ** math.floor(math.log10(span / 50)) if self.step is None else self.step
        if not is_number(step) or not span / PLACES <= step <= span:
            raise RecipeError(f"the step of {key} is {brief(step)}; it must be above 0, at most {span:g}, and not tiny")
        if self.play is not None and (not is_number(self.play) or self.play <= 0):
            raise RecipeError(f"{key} plays for {brief(self.play)} seconds; that must be above 0")
        start = start if off or self.whole else float(start)
        return replace(self, start=start, step=float(step), name=self.name or key)

    def check(self, key: str, value: Any) -> Any:
        """The value as the demo takes it. Raises `RecipeError` on one that it does not take."""
        value = value.item() if isinstance(value, np.generic) else value
        plain = value is None or isinstance(value, str | int | float)
        if self.off is not None and plain and type(value) is not bool and value == self.off[0]:
            return self.off[0]
        if self.whole and is_number(value) and value != int(value):
            raise RecipeError(f"{key} is {brief(value)}; it must be a whole number")
        if not _within(value, self.low, self.high):
            also = f", or {self.off[0]} ({self.off[1]})" if self.off else ""
            raise RecipeError(f"{key} is {brief(value)}; it must lie in [{self.low:.16g}, {self.high:.16g}]{also}")
        return int(value) if self.whole else float(value)

    def places(self) -> list[Any]:
        """Every value that the page can set, from left to right."""
        if self.log:
            n = round(20 * math.log10(self.high / self.low)) if self.off else 200
            places = (float(f"{v:.4g}") for v in np.geomspace(self.low, self.high, max(n, 2) + 1))
            values = [min(max(v, self.low), self.high) for v in places]
        else:
            n = round((self.high - self.low) / self.step)
            values = [min(self.high, float(f"{self.low + i * self.step:.12g}")) for i in range(n + 1)]
        values = [int(v) for v in values] if self.whole else values
        return values if self.off is None else [self.off[0], *values]

    def said(self, value: Any) -> str:
        """A value in words: with its unit, and as many decimals as the step has."""
        if self.off is not None and value == self.off[0]:
            return self.off[1]
        if self.words is not None:
            return self.words(value)
        digits = next((d for d in range(3) if abs(self.step - round(self.step, d)) < 1e-9), 3)
        text = f"{value:.3g}" if self.log else f"{value:.{digits}f}"
        return f"{text} {self.unit}".strip().replace("-", "−")


@dataclass(frozen=True)
class Choice:
    """One of several values, words as a rule; `slide` shows them as the places of a slider. It starts at the first."""

    options: Sequence[Any] | Mapping[Any, str]
    """The values; as a mapping, with how each is said."""
    start: Any = None
    name: str = ""
    hint: str = ""
    words: Callable[[Any], str] | Mapping[Any, str] | None = None
    slide: bool = False
    group: str = ""
    look: bool = False

    def completed(self, key: str) -> Choice:
        """The same with a start and a name. Raises `RecipeError` on options that make no sense."""
        held(self, RecipeError, key)
        options = list(self.options)
        if len(options) > PLACES:
            raise RecipeError(f"there are {len(options):,} choices of {key}; a page takes up to {PLACES:,}")
        if (len(options) < 2 and not self.slide) or not all(isinstance(o, str | int | float) for o in options):
            raise RecipeError(f"the choices of {key} are {brief(options)}; give two words or more")
        start = options[0] if self.start is None else self.start
        if start not in options:
            raise RecipeError(f"{key} begins at {brief(start)}; use one of {brief(options)}")
        words = self.options if isinstance(self.options, Mapping) else self.words
        return replace(self, options=options, start=start, name=self.name or key, words=words)

    def check(self, key: str, value: Any) -> Any:
        """The option that the value is. Raises `RecipeError` on anything else."""
        value = value.item() if isinstance(value, np.generic) else value
        plain = isinstance(value, str | int | float) and (type(value) is not bool or bool in map(type, self.options))
        if not plain or value not in self.options:
            raise RecipeError(f"{key} is {brief(value)}; use one of {', '.join(map(str, self.options))}")
        return self.options[list(self.options).index(value)]

    def places(self) -> list[Any]:
        """The options."""
        return list(self.options)

    def said(self, value: Any) -> str:
        """An option in words."""
        words = self.words
        return words[value] if isinstance(words, Mapping) else words(value) if words else str(value)


@dataclass(frozen=True)
class Switch:
    """Something that is on or off."""

    start: bool = False
    name: str = ""
    hint: str = ""
    group: str = ""
    look: bool = False

    def check(self, key: str, value: Any) -> bool:
        """The value. Raises `RecipeError` when it is not True or False."""
        if not isinstance(value, bool | np.bool_):
            raise RecipeError(f"{key} is {brief(value)}; it is either True or False")
        return bool(value)


@dataclass(frozen=True)
class Number:
    """A whole number that a person types; `of` names the button that it belongs to, and is sent with."""

    start: int = 0
    high: int = 2**53 - 1
    name: str = ""
    hint: str = ""
    of: str = ""

    def check(self, key: str, value: Any) -> int:
        """The value. Raises `RecipeError` on one that is no whole number from 0 to `high`."""
        value = value.item() if isinstance(value, np.generic) else value
        if type(value) is not int or not 0 <= value <= self.high:
            raise RecipeError(f"{key} is {brief(value)}; it must be a whole number from 0 to {self.high}")
        return value


@dataclass(frozen=True)
class Curve:
    """A curve that a person draws over a panel's x: heights at equal steps from its left end to its right end.

    One that is `free` may lie below 0, and is None where nothing is drawn.
    """

    start: Sequence[float | None]
    least: int = 8
    most: int = 400
    free: bool = False

    def check(self, key: str, value: Any) -> list[Any]:
        """The heights as floats. Raises `RecipeError` unless they are finite, >= 0, not all 0, and not too many."""
        heights = table(value)
        if heights is None or heights.ndim != 1 or not self.least <= len(heights) <= self.most:
            n = f"{self.least} to {self.most}"
            raise RecipeError(f"{key} is {brief(value)}; it must be a list of {n} numbers, heights at equal steps of x")
        if self.free and not np.isinf(heights).any():
            return [None if np.isnan(height) else height for height in heights.tolist()]
        if not np.isfinite(heights).all() or (heights < 0).any() or not heights.any():
            raise RecipeError(f"{key} must be finite heights of at least 0, not all of them 0")
        return heights.tolist()


@dataclass(frozen=True)
class Points:
    """Points (x, y) that a person puts into a panel, one by one."""

    start: Sequence[Sequence[float]] = ()
    most: int = 200

    def check(self, key: str, value: Any) -> list[list[float]]:
        """The points as lists of floats. Raises `RecipeError` unless they are finite pairs, and not too many."""
        points = table(value)
        points = points.reshape(0, 2) if points is not None and not points.size else points
        if points is None or points.shape[1:] != (2,) or len(points) > self.most:
            raise RecipeError(f"{key} is {brief(value)}; it must be a list of at most {self.most} points [x, y]")
        if not np.isfinite(points).all():
            raise RecipeError(f"{key} holds a number that is not finite")
        return points.tolist()


@dataclass(frozen=True)
class Place:
    """A place along a panel's x, to which a person drags (`Panel.seeks`); None: none, as at first."""

    start: None = None
    look: bool = False

    def check(self, key: str, value: Any) -> float | None:
        """The place as a float, or None. Raises `RecipeError` on what is no finite number."""
        if value is not None and not is_number(value):
            raise RecipeError(f"{key} is {brief(value)}; it must be None or a finite number")
        return None if value is None else float(value)


@dataclass(frozen=True)
class Button:
    """What a person presses. `key` presses it from the keyboard (two may share one: the first that is on acts).

    `once`: it never shows that it was pressed, though it stands in a row of buttons that do.
    """

    name: str
    hint: str = ""
    key: str = ""
    icon: str = ""
    group: str = ""
    once: bool = False


Control = Slider | Choice | Switch | Number | Curve | Points | Place
"""What has a value."""


@door(RecipeError)
def control(key: str, given: Any) -> Control | Button:
    """A control from its short form: (low, high, start), (low, high, start, step), or a list of words.

    Raises `RecipeError` on what makes no sense.
    """
    if isinstance(given, tuple) and 3 <= len(given) <= 4:
        given = Slider(*given)
    elif isinstance(given, list):
        given = Choice(given)
    if isinstance(given, Slider | Choice):
        return given.completed(key)
    if isinstance(given, Switch | Number):
        held(given, RecipeError, key)
        return replace(given, name=given.name or key, start=given.check(key, given.start))
    if isinstance(given, Curve | Points | Place):
        return replace(given, start=given.check(key, given.start))
    if isinstance(given, Button):
        held(given, RecipeError, key)
    else:
        raise RecipeError(f"{key} is {brief(given)}; give (low, high, start), a Slider, a list of words, or a Choice")
    return given


def _within(value: Any, low: float, high: float) -> bool:
    return is_number(value) and low <= value <= high
