"""What a `Sliders` demo shows and what moves it, without a front end.

A person writes a function from the controls' values to a `Picture`; the engine checks what comes back, works out the
ranges of the axes, and hands the page only the numbers that have changed.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from matplotlib.ticker import MaxNLocator
from numpy.typing import ArrayLike

from ganlib.errors import GanlibError, RecipeError
from ganlib.widgets.background import Command
from ganlib.widgets.protocol import Snapshot

STYLES = ("data", "D", "G", "V", "other", "reference")
"""How a line looks: data dotted black, D dashed blue, G solid green, V vermilion, other dash-dotted purple, reference
thin grey."""
MAX_POINTS = 20_000
"""Numbers in one line or heat map, so that a frame stays small."""


@dataclass(frozen=True)
class Slider:
    """A number that a person moves between low and high.

    `step` None: a hundredth of a round range. `log`: equal ratios, not equal steps, from end to end (low above 0).
    `play`: with a play button that takes so many seconds from low to high; one slider of a demo may have it.
    """

    low: float
    high: float
    start: float
    step: float | None = None
    name: str = ""
    """What stands beside it; "": the argument's name."""
    hint: str = ""
    """What it means, in a few words, shown when the pointer rests on it."""
    unit: str = ""
    log: bool = False
    play: float | None = None


@dataclass(frozen=True)
class Choice:
    """One of several words."""

    options: Sequence[str]
    start: str | None = None
    """None: the first."""
    name: str = ""
    hint: str = ""


@dataclass(frozen=True)
class Line:
    """A curve: x and y (n,), in one of `STYLES`. A y that is not finite is a gap.

    `value` is shown beside its name: a number (three decimals) or words. `fill` tints the area down to 0.
    """

    x: ArrayLike
    y: ArrayLike
    name: str = ""
    style: str = "V"
    value: float | str | None = None
    fill: bool = False


@dataclass(frozen=True)
class Level:
    """A horizontal line at y with a name."""

    y: float
    name: str = ""


@dataclass(frozen=True)
class Mark:
    """A point with a label. `moves` names the sliders that dragging it sets: (by its x, by its y), either may be None.

    `stem` draws a line from it down to the axis of x.
    """

    x: float
    y: float
    name: str = ""
    style: str = "other"
    moves: tuple[str | None, str | None] = (None, None)
    stem: bool = False


@dataclass(frozen=True)
class Heat:
    """A map of colours behind the lines: z (rows, columns), z[i, j] at the i-th of the y and the j-th of the x.

    x and y are (first, last), evenly spaced in between; `contours` are values whose level lines are drawn.
    """

    z: ArrayLike
    x: tuple[float, float]
    y: tuple[float, float]
    contours: Sequence[float] = ()
    name: str = ""


@dataclass(frozen=True)
class Panel:
    """One picture: what is in it, and the ranges of its axes (None: round numbers around what is in it)."""

    title: str = ""
    lines: Sequence[Line] = ()
    x: tuple[float, float] | None = None
    y: tuple[float, float] | None = None
    x_label: str = "x"
    y_label: str = ""
    levels: Sequence[Level] = ()
    marks: Sequence[Mark] = ()
    heat: Heat | None = None


@dataclass(frozen=True)
class Picture:
    """What a demo shows for the present values: panels side by side, and what they show in a sentence."""

    panels: Sequence[Panel]
    words: str = ""


class SlidersEngine:
    """The controls' values, and the picture that the function makes of them.

    Raises what `draw` raises for the first picture; later errors stand in the message, and the last picture stays.
    """

    running = False
    interval = 1 / 40

    def __init__(self, draw: Callable[..., Picture], controls: Mapping[str, Any], title: str = "") -> None:
        self.controls = {name: _control(name, given) for name, given in controls.items()}
        if not self.controls:
            raise RecipeError("a demo needs at least one control, such as a=(0, 2, 1): from 0 to 2, 1 at first")
        if sum(getattr(control, "play", None) is not None for control in self.controls.values()) > 1:
            raise RecipeError("only one slider of a demo may have a play button")
        self.title, self._draw = title, draw
        self.values = {name: control.start for name, control in self.controls.items()}
        self.message, self.applied = "", 0
        self._panels: list[dict[str, Any]] = []
        self._words = ""
        self._arrays: dict[str, tuple[int, np.ndarray]] = {}
        self._fresh = False
        self.picture = self._look()

    # -- commands ------------------------------------------------------------------------------------------------------

    def set(self, values: Mapping[str, Any]) -> None:
        """Set some controls: all of them, or on an error none. The picture follows when it is looked at."""
        if not isinstance(values, Mapping):
            raise RecipeError(f"values are {values!r}; give a control's name and its value")
        checked = {name: self.check(name, value) for name, value in values.items()}
        self.values.update(checked)
        self._fresh = False

    def check(self, name: str, value: Any) -> Any:
        """The value as a control holds it. Raises `RecipeError` on one that it does not take."""
        control = self.controls.get(name)
        if control is None:
            raise RecipeError(f"there is no control {name!r}; there are: {', '.join(self.controls)}")
        if isinstance(control, Choice):
            if value not in control.options:
                raise RecipeError(f"{name} is {value!r}; use one of {', '.join(control.options)}")
            return value
        if not _is_number(value) or not control.low <= value <= control.high:
            raise RecipeError(f"{name} is {value!r}; it must lie in [{control.low:g}, {control.high:g}]")
        return float(value)

    def reset(self) -> None:
        """Every control back to where it began."""
        self.set({name: control.start for name, control in self.controls.items()})

    def do(self, command: Command) -> None:
        """Carry out a command as plain data: {"type": "set", "values": {"a": 1.2}}."""
        kind = command.get("type")
        if isinstance(command.get("id"), int):
            self.applied = command["id"]
        if kind == "set":
            self.set(command.get("values"))
        elif kind == "reset":
            self.reset()
        else:
            raise RecipeError(f"unknown command {kind!r}")
        self.message = ""

    def advance(self, seconds: float) -> None:
        """Nothing goes on between two commands: the page moves a slider that plays."""

    def fail(self, error: BaseException) -> None:
        """Take note of an error for the status line."""
        self.message = str(error) if isinstance(error, GanlibError) else f"{type(error).__name__}: {error}"

    def retire(self) -> None:
        """Nothing to stop."""

    def at(self, values: Mapping[str, Any]) -> SlidersEngine:
        """Another engine of the same demo, with some values set otherwise."""
        moved = {name: replace(self.controls[name], start=self.values[name]) for name in self.controls}
        given = {name: replace(moved[name], start=self.check(name, value)) for name, value in values.items()}
        return SlidersEngine(self._draw, {**moved, **given}, self.title)

    def told(self) -> list[str]:
        """Every control with its value, in words: ["a = 1.00", "kind = one"]."""
        return [f"{control.name} = {shown(control, self.values[name])}" for name, control in self.controls.items()]

    # -- what there is to see ------------------------------------------------------------------------------------------

    def snapshot(self, draw: bool) -> Snapshot:
        """All that the page shows."""
        if not self._fresh:
            try:
                self.picture = self._look()
            except Exception as error:  # a person's own function: whatever it raises is news for the status line
                self._fresh = True
                self.fail(error)
        header = {
            "title": self.title,
            "message": self.message,
            "applied": self.applied,
            "values": dict(self.values),
            "controls": [_described(name, control) for name, control in self.controls.items()],
            "panels": self._panels,
            "words": self._words,
            "state": "idle",
        }
        return Snapshot(header, arrays=dict(self._arrays))

    def _look(self) -> Picture:
        """Draw with the present values and take the result in: all of it, or on an error nothing."""
        picture = checked(self._draw(**self.values), self.controls)
        panels, arrays = [], {}
        for i, panel in enumerate(picture.panels):
            panels.append(_panel_header(panel, f"p{i}", arrays))
        for name, array in arrays.items():
            version, old = self._arrays.get(name, (0, None))
            if old is None or old.shape != array.shape or not np.array_equal(old, array, equal_nan=True):
                self._arrays[name] = (version + 1, array)
        self._panels, self._words, self._fresh = panels, picture.words, True
        return picture


# -- controls ----------------------------------------------------------------------------------------------------------


def _control(name: str, given: Any) -> Slider | Choice:
    """A control from its short form: (low, high, start), (low, high, start, step), or a list of words."""
    if isinstance(given, tuple) and 3 <= len(given) <= 4:
        given = Slider(*given)
    elif isinstance(given, list):
        given = Choice(given)
    if isinstance(given, Choice):
        options = list(given.options)
        if len(options) < 2 or not all(isinstance(option, str) for option in options):
            raise RecipeError(f"the choices of {name} are {options!r}; give two words or more")
        start = options[0] if given.start is None else given.start
        if start not in options:
            raise RecipeError(f"{name} begins at {start!r}; use one of {', '.join(options)}")
        return replace(given, options=options, start=start, name=given.name or name)
    if not isinstance(given, Slider):
        raise RecipeError(f"{name} is {given!r}; give (low, high, start), a Slider, a list of words, or a Choice")
    return _slider(name, given)


def _slider(name: str, given: Slider) -> Slider:
    low, high, start = given.low, given.high, given.start
    if not all(map(_is_number, (low, high, start))) or not low < high or not low <= start <= high:
        raise RecipeError(f"{name} goes from {low!r} to {high!r} and begins at {start!r}; low <= start <= high")
    if given.log and low <= 0:
        raise RecipeError(f"{name} goes from {low!r} by equal ratios; low must be above 0")
    step = 10.0 ** math.floor(math.log10((high - low) / 50)) if given.step is None else given.step
    if not _is_number(step) or not 0 < step <= high - low:
        raise RecipeError(f"the step of {name} is {step!r}; it must be above 0 and at most {high - low:g}")
    if given.play is not None and (not _is_number(given.play) or given.play <= 0):
        raise RecipeError(f"{name} plays for {given.play!r} seconds; that must be above 0")
    return replace(given, start=float(start), step=float(step), name=given.name or name)


def _described(name: str, control: Slider | Choice) -> dict[str, Any]:
    """A control as the page takes it."""
    if isinstance(control, Choice):
        return {"key": name, "kind": "choice", "name": control.name, "hint": control.hint, "options": control.options}
    keys = ("low", "high", "step", "name", "hint", "unit", "log", "play")
    return {"key": name, "kind": "slider", **{key: getattr(control, key) for key in keys}}


def shown(control: Slider | Choice, value: Any) -> str:
    """A control's value in words: with its unit, and as many decimals as its step has."""
    if isinstance(control, Choice):
        return value
    digits = next((d for d in range(3) if abs(control.step - round(control.step, d)) < 1e-9), 3)
    text = f"{value:.3g}" if control.log else f"{value:.{digits}f}"
    return f"{text} {control.unit}".strip().replace("-", "−")


# -- what the function returns -----------------------------------------------------------------------------------------


def checked(picture: Any, controls: Mapping[str, Slider | Choice]) -> Picture:
    """The picture with float arrays and with every range worked out. Raises `RecipeError` that says what is wrong."""
    if not isinstance(picture, Picture):
        raise RecipeError(f"the function returned {type(picture).__name__}; it must return a Picture of panels")
    if not picture.panels or not all(isinstance(panel, Panel) for panel in picture.panels):
        raise RecipeError("a Picture needs one Panel or more, in a list")
    panels = [_checked_panel(panel, controls) for panel in picture.panels]
    return replace(picture, panels=panels, words=minus(picture.words))


def minus(words: str) -> str:
    """The words with a true minus before numbers and before log: "-0.5" and "-log 4", but not "part-time"."""
    return re.sub(r"(^|[\s(=\[])-(?=[\d.]|log)", r"\1−", words)


def _checked_panel(panel: Panel, controls: Mapping[str, Slider | Choice]) -> Panel:
    where = f"panel {panel.title!r}"
    lines = [_checked_line(line, where) for line in panel.lines]
    heat = None if panel.heat is None else _checked_heat(panel.heat, where)
    for mark in panel.marks:
        _check_style(mark.style, where)
        for name in mark.moves:
            if name is not None and not isinstance(controls.get(name), Slider):
                raise RecipeError(f"{where}: a mark moves {name!r}, which is no slider of this demo")
    for thing in (*panel.marks, *panel.levels):
        if not _is_number(thing.y) or not _is_number(getattr(thing, "x", 0)):
            raise RecipeError(f"{where}: {thing.name!r} stands at {thing.y!r}; give finite numbers")
    xs = [line.x for line in lines] + [np.array([mark.x for mark in panel.marks], float)]
    ys = [line.y for line in lines] + [np.array([thing.y for thing in (*panel.marks, *panel.levels)], float)]
    x = panel.x or (heat.x if heat else _around(xs, round_numbers=False))
    y = panel.y or (heat.y if heat else _around(ys, round_numbers=True))
    for low, high in (x, y):
        if not (_is_number(low) and _is_number(high) and low < high):
            raise RecipeError(f"{where}: an axis from {low!r} to {high!r}; give finite numbers, the lower one first")
    named = {"marks": panel.marks, "levels": panel.levels}
    named = {kind: [replace(thing, name=minus(thing.name)) for thing in things] for kind, things in named.items()}
    return replace(panel, **named, lines=lines, heat=heat, x=(float(x[0]), float(x[1])), y=(float(y[0]), float(y[1])))


def _checked_line(line: Line, where: str) -> Line:
    _check_style(line.style, where)
    try:
        x, y = np.asarray(line.x, float), np.asarray(line.y, float)
    except (TypeError, ValueError):
        raise RecipeError(f"{where}, line {line.name!r}: x and y must be numbers") from None
    if x.ndim != 1 or x.shape != y.shape or not 2 <= len(x) <= MAX_POINTS:
        raise RecipeError(
            f"{where}, line {line.name!r}: x is {x.shape} and y {y.shape}; both must be (n,), n from 2 to {MAX_POINTS}"
        )
    value = f"{line.value:.3f}" if _is_number(line.value) else line.value
    return replace(line, x=x, y=y, value=None if value is None else minus(str(value)))


def _checked_heat(heat: Heat, where: str) -> Heat:
    z = np.asarray(heat.z, float)
    if z.ndim != 2 or min(z.shape) < 2 or z.size > MAX_POINTS or not np.isfinite(z).all():
        raise RecipeError(f"{where}: the heat map is {z.shape}; it must be finite (rows, columns), up to {MAX_POINTS}")
    return replace(heat, z=z)


def _check_style(style: str, where: str) -> None:
    if style not in STYLES:
        raise RecipeError(f"{where}: style {style!r}; use one of {', '.join(STYLES)}")


def _around(arrays: Sequence[np.ndarray], *, round_numbers: bool) -> tuple[float, float]:
    """A range that holds all the finite numbers there are."""
    numbers = np.concatenate([np.empty(0), *arrays])
    numbers = numbers[np.isfinite(numbers)]
    if not len(numbers):
        return 0.0, 1.0
    low, high = float(numbers.min()), float(numbers.max())
    if low == high:
        return low - 0.5, high + 0.5
    if round_numbers:
        ticks = MaxNLocator(5, steps=[1, 2, 5, 10]).tick_values(low, high)
        low, high = float(ticks[0]), float(ticks[-1])
    return low, high


def _panel_header(panel: Panel, key: str, arrays: dict[str, np.ndarray]) -> dict[str, Any]:
    """The panel as plain data; its numbers go into `arrays`, each under a name that the header repeats."""
    lines = []
    for i, line in enumerate(panel.lines):
        name = f"{key}.{i}"
        arrays[name] = np.stack([line.x, line.y]).astype(np.float32)
        lines.append({"array": name, "name": line.name, "style": line.style, "value": line.value, "fill": line.fill})
    heat = panel.heat
    if heat is not None:
        arrays[f"{key}.heat"] = heat.z.astype(np.float32)
        ends = {"low": float(heat.z.min()), "high": float(heat.z.max())}
        contours = [float(value) for value in heat.contours]
        heat = {"array": f"{key}.heat", "x": heat.x, "y": heat.y, "contours": contours, "name": heat.name, **ends}
    marks = [{"name": mark.name, "style": mark.style, "moves": mark.moves, "stem": mark.stem} for mark in panel.marks]
    at = [{"x": float(mark.x), "y": float(mark.y)} for mark in panel.marks]
    return {
        **{name: getattr(panel, name) for name in ("title", "x", "y", "x_label", "y_label")},
        "lines": lines,
        "levels": [{"y": float(level.y), "name": level.name} for level in panel.levels],
        "marks": [{**mark, **place} for mark, place in zip(marks, at)],
        "heat": heat,
    }


def _is_number(value: Any) -> bool:
    number = isinstance(value, int | float | np.integer | np.floating) and not isinstance(value, bool)
    return number and math.isfinite(value)
