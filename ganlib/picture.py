"""The vocabulary of pictures: panels, and what stands in them.

A `Picture` is plain data. Two renderers draw any of them: `plots.draw` in matplotlib, and the canvas of a live demo.
Colours, dashes, ranges, ticks and words are decided here, once, for both.

    y = np.linspace(0.001, 0.999, 400)
    Picture([Panel("a log y", [Line(y, np.log(y), "log y")])], "It rises to 0.")
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Annotated, Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ganlib.errors import RecipeError, Within, brief, door, is_number, table


class Look(NamedTuple):
    """How a style is drawn: its colour on a light and on a dark page, dashes (pixels on, off, ...), width, opacity."""

    light: str
    dark: str
    dash: tuple[float, ...] = ()
    width: float = 2.0
    alpha: float = 1.0


BLUE, GREEN, VERMILION, PURPLE = "#0072B2", "#009E73", "#D55E00", "#CC79A7"  # Okabe and Ito's colours
LOOKS = {
    "data": Look("#1C1C1C", "#F0F0F0", (1.5, 3)),
    "D": Look(BLUE, "#56B4E9", (7, 4)),
    "D*": Look("#2E94D4", "#56B4E9", (), 1.3, 0.9),
    "G": Look(GREEN, "#1FBF92"),
    "V": Look(VERMILION, "#F0842C"),
    "C": Look("#1C1C1C", "#F0F0F0", (5, 3), 1.6),
    "other": Look(PURPLE, "#E29BC4", (8, 3, 1.5, 3)),
    "guess": Look(PURPLE, "#E29BC4", (2, 3), 2.4),
    "reference": Look("#767676", "#9A9A9A", (), 1.2, 0.8),
}
"""The styles by what they are for."""
DASHES = ((), (6, 3), (2, 2), (8, 3, 2, 3))
"""What sets several lines of one style apart, by `Line.dash`."""
RAMPS = {
    "viridis": ["#440154", "#472d7b", "#3b528b", "#2c728e", "#21918c", "#28ae80", "#5ec962", "#addc30", "#fde725"],
    "cividis": [
        *("#00224e", "#123570", "#3b496c", "#575d6d", "#707173"),
        *("#8a8678", "#a59c74", "#c3b369", "#e1cc55", "#fee838"),
    ],
    "push": ["#0072B2", "#5FA6CF", "#A9CDE3", "#F3F3F3", "#F0BE97", "#E58F4F", "#D55E00"],
    "D": ["#FFFFFF", "#D6E8F3", "#AED1E7", "#85BADB"],
}
"""Colours from low to high: of numbers, of cells with words, of what has two signs, of what D says beneath points."""
LIT = 1.6
"""How much wider a line is that is lit."""
MAX_POINTS = 20_000
"""Numbers in one line or heat map, so that a picture stays small."""
COLUMNS = 12
"""Columns of the grid that panels stand on; a row of it is 24 pixels high."""

Range = tuple[float, float]
Tick = tuple[float, str]


# -- what stands in a panel --------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Line:
    """A curve: x and y (n,), in one of `LOOKS`. A y that is not finite is a gap.

    `value`, a number or words, stands beside its name. `fill` tints the area down to 0; `right` reads y on the axis at
    the right; `smooth` draws it faintly and its running mean in full; `dots` draws points; `dash` is one of `DASHES`;
    `lit` draws it wider, as what has just moved.
    """

    x: ArrayLike
    y: ArrayLike
    name: str = ""
    style: str = "V"
    value: float | str | None = None
    fill: bool = False
    right: bool = False
    smooth: bool = False
    dots: bool = False
    dash: int | None = None
    lit: bool = False


@dataclass(frozen=True)
class Level:
    """A thin line across the panel with a name: level at y (with `right` on the axis at the right), or upright at x."""

    y: float | None = None
    name: str = ""
    x: float | None = None
    right: bool = False


@dataclass(frozen=True)
class Mark:
    """A point with a label. `moves` names the sliders that dragging it sets: (by its x, by its y).

    `stem` draws a line down to the axis of x; `up` draws a triangle that points upward, for what lies above.
    """

    x: float
    y: float
    name: str = ""
    style: str = "other"
    moves: tuple[str | None, str | None] = (None, None)
    stem: bool = False
    up: bool = False


@dataclass(frozen=True)
class Heat:
    """A map of colours behind the lines: z (rows, columns), z[i, j] at the i-th of the y and the j-th of the x.

    x and y are (first, last), evenly spaced in between; `contours` are values whose level lines are drawn; `limits`
    are the ends of the colours, of one of `RAMPS` (None: those of z).
    """

    z: ArrayLike
    x: Range
    y: Range
    contours: Sequence[float] = ()
    name: str = ""
    limits: Range | None = None
    ramp: str = "viridis"


@dataclass(frozen=True)
class Cells:
    """A table in colour: values (rows, columns), the first row at the bottom; nan stays grey.

    `words` are written in the cells, a line each. `limits` are the ends of the colours, `log` spaces those by ratios.
    `chosen` (row, column) is framed; choosing one sets the `Choice`s that `moves` names: (by its column, by its row).
    """

    values: ArrayLike
    words: Sequence[Sequence[Sequence[str]]]
    rows: Sequence[str]
    columns: Sequence[str]
    limits: Range
    log: bool = False
    name: str = ""
    chosen: tuple[int, int] | None = None
    moves: tuple[str | None, str | None] = (None, None)
    ramp: str = "cividis"


@dataclass(frozen=True)
class Tiles:
    """A sheet of images, row by row: uint8 (n, height, width) or (n, height, width, 3), `columns` in a row.

    `badges`: the index of an image that is picked -> what its badge says. A click presses the button `press`, with the
    image's index. With `paint` a stroke of the held mouse goes on over other images: it presses the button for each of
    them once, with `stroke=True`.
    """

    images: np.ndarray
    columns: int
    badges: Mapping[int, str] = field(default_factory=dict)
    press: str | None = None
    paint: bool = False


@dataclass(frozen=True)
class Arrows:
    """Arrows from `start` (n, 2) to `end` (n, 2), in the panel's numbers; one that is outside is cut at the edge.

    With a `name` they are in the legend, and `value` stands beside it.
    """

    start: ArrayLike
    end: ArrayLike
    style: str = "G"
    name: str = ""
    value: float | str | None = None


@dataclass(frozen=True)
class Panel:
    """One chart: what is in it, and the ranges and ticks of its axes (None: round numbers around what is in it).

    `right` is the range of an axis at the right, if there is one. A tick is (value, words). `square`: a unit of x is as
    long as one of y. `draws` names the control, a `Curve` or `Points`, that a person draws here, and `seeks` the
    `Place` that dragging along x sets. With `reads` a page says the value of every named line at the pointer's x.
    `words` are for a screen reader ("": the title and the lines' values). `at` is (row, column, rows, columns) on the
    grid of 12 columns.
    """

    title: str = ""
    lines: Sequence[Line] = ()
    x: Range | None = None
    y: Range | None = None
    x_label: str = "x"
    y_label: str = ""
    levels: Sequence[Level] = ()
    marks: Sequence[Mark] = ()
    heat: Heat | None = None
    cells: Cells | None = None
    tiles: Tiles | None = None
    arrows: Sequence[Arrows] = ()
    right: Range | None = None
    right_label: str = ""
    x_ticks: Sequence[Tick] | None = None
    y_ticks: Sequence[Tick] | None = None
    right_ticks: Sequence[Tick] | None = None
    square: bool = False
    draws: str | None = None
    seeks: str | None = None
    reads: bool = False
    caption: str = ""
    words: str = ""
    at: tuple[int, int, int, int] | None = None


@dataclass(frozen=True)
class Note:
    """What is said below the panels, or above them: sentences, one a line; with the tone "code", lines to copy.

    The other tones are "", "wait", "normal", "odd" and "broken".
    """

    lines: Sequence[str]
    title: str = ""
    tone: str = ""
    above: bool = False


@dataclass(frozen=True)
class Picture:
    """What a demo shows at one moment: panels, what they show in a sentence, and numbers with their units, as words."""

    panels: Sequence[Panel]
    words: str = ""
    readouts: Sequence[tuple[str, str]] = ()
    notes: Sequence[Note] = ()


# -- from what a person wrote to what is drawn -------------------------------------------------------------------------


def completed(picture: Any, sliders: Sequence[str] | None = ()) -> Picture:
    """The picture with float arrays, and with every range, tick and place worked out, as both renderers need it.

    `sliders` are the names that marks may move; None: any. Raises `RecipeError` that says what is wrong, and where.
    """
    if not isinstance(picture, Picture):
        raise RecipeError(f"the function returned {type(picture).__name__}; it must return a Picture of panels")
    try:
        return _completed(picture, sliders)
    except RecipeError:
        raise
    except (TypeError, ValueError, AttributeError, LookupError, ArithmeticError) as error:  # it is made of plain data
        why = brief(f"{type(error).__name__}: {error}", 200, quoted=False)
        raise RecipeError(f"the picture holds what cannot be drawn ({why})") from None


def _completed(picture: Picture, sliders: Sequence[str] | None) -> Picture:
    if not (picture.panels or picture.notes) or not all(isinstance(panel, Panel) for panel in picture.panels):
        raise RecipeError("a Picture needs one Panel or more, in a list, or a Note")
    panels, n = [_panel(panel, sliders) for panel in picture.panels], len(picture.panels)
    if any(panel.at is None for panel in panels):  # side by side; one alone is not as wide as the page
        across = n if n < 4 else 2
        wide = min(COLUMNS // across, 8)
        panels = [replace(p, at=(12 * (i // across), wide * (i % across), 12, wide)) for i, p in enumerate(panels)]
    said = [note if note.tone == "code" else replace(note, lines=[*map(minus, note.lines)]) for note in picture.notes]
    return replace(picture, panels=panels, words=minus(picture.words), notes=said)


def _panel(panel: Panel, sliders: Sequence[str] | None) -> Panel:
    where = f"panel {panel.title!r}"
    lines = [_line(line, where) for line in panel.lines]
    heat, cells = panel.heat and _heat(panel.heat, where), panel.cells and _cells(panel.cells, where)
    arrows = [_arrows(arrow, where) for arrow in panel.arrows]
    if panel.tiles is not None:
        _check_tiles(panel.tiles, where)
    for mark in panel.marks:
        _check("style", mark.style, LOOKS, where)
        for name in mark.moves:
            if name is not None and sliders is not None and name not in sliders:
                raise RecipeError(f"{where}: a mark moves {name!r}, which is no slider of this demo")
    for thing in (*panel.marks, *panel.levels):
        at = [number for number in (thing.x, thing.y) if number is not None]
        if not at or not all(map(is_number, at)):
            raise RecipeError(f"{where}: {thing.name!r} stands at {at or None}; give finite numbers")
    given = (*panel.marks, *(level for level in panel.levels if level.x is None and not level.right))
    xs = [*(line.x for line in lines), np.array([mark.x for mark in panel.marks], float)]
    ys = [*(line.y for line in lines if not line.right), np.array([thing.y for thing in given], float)]
    x, y = panel.x or (heat.x if heat else _around(xs)), panel.y or (heat.y if heat else round_range(*_around(ys)))
    if cells:
        x, y = (0, len(cells.columns)), (0, len(cells.rows))
    for ends in (x, y, panel.right or (0, 1)):
        if not (len(ends) == 2 and all(map(is_number, ends)) and ends[0] < ends[1]):
            ends = f"{brief(ends[0])} to {brief(ends[-1])}"
            raise RecipeError(f"{where}: an axis from {ends}; give finite numbers, the lower first")
    tall = panel.at is None or panel.at[2] > 6
    values = ", ".join(f"{line.name} {line.value}" for line in lines if line.value is not None)
    return replace(
        panel,
        **{kind: [replace(t, name=minus(t.name)) for t in getattr(panel, kind)] for kind in ("marks", "levels")},
        **{"lines": lines, "heat": heat, "cells": cells, "arrows": arrows},
        **{"x": tuple(map(float, x)), "y": tuple(map(float, y))},
        x_ticks=ticks(*x, 6) if panel.x_ticks is None else panel.x_ticks,
        y_ticks=ticks(*y, 4 if tall else 2) if panel.y_ticks is None else panel.y_ticks,
        right_ticks=(ticks(*panel.right, 4) if panel.right else ()) if panel.right_ticks is None else panel.right_ticks,
        words=panel.words or minus(". ".join(filter(None, (panel.title, values, panel.caption)))),
    )


def _line(line: Line, where: str) -> Line:
    _check("style", line.style, LOOKS, where)
    where, x, y = f"{where}, line {line.name!r}", table(line.x), table(line.y)
    if x is None or y is None:
        raise RecipeError(f"{where}: x and y must be numbers")
    if x.ndim != 1 or x.shape != y.shape or len(x) > MAX_POINTS:
        raise RecipeError(f"{where}: x is {x.shape} and y {y.shape}; both must be (n,), n up to {MAX_POINTS}")
    if line.dash is not None and line.dash not in range(len(DASHES)):
        raise RecipeError(f"{where}: dash is {line.dash!r}; use None or 0 to {len(DASHES) - 1}")
    return replace(line, x=x, y=y, value=_value(line.value))


def _value(value: float | str | None) -> str | None:
    """A number or words as they stand beside a name."""
    value = f"{value:.3f}" if is_number(value) else value
    return None if value is None else minus(str(value))


def _heat(heat: Heat, where: str) -> Heat:
    z = table(heat.z)
    if z is None or z.ndim != 2 or min(z.shape) < 2 or z.size > MAX_POINTS or not np.isfinite(z).all():
        what = f"the heat map is {getattr(z, 'shape', None)}"
        raise RecipeError(f"{where}: {what}; it must be finite (rows, columns), up to {MAX_POINTS}")
    _check("ramp", heat.ramp, RAMPS, where)
    return replace(heat, z=z, limits=heat.limits or (float(z.min()), float(z.max())))


def _cells(cells: Cells, where: str) -> Cells:
    values, size = table(cells.values), (len(cells.rows), len(cells.columns))
    shape = getattr(values, "shape", None)
    if shape != size:
        raise RecipeError(f"{where}: values are {shape}, for {size[0]} rows and {size[1]} columns")
    if [len(row) for row in cells.words] != [size[1]] * size[0]:
        raise RecipeError(f"{where}: give a list of words for each cell, in rows")
    _check("ramp", cells.ramp, RAMPS, where)
    return replace(cells, values=values)


def _check_tiles(tiles: Tiles, where: str) -> None:
    images, shape = tiles.images, getattr(tiles.images, "shape", ())
    plain = isinstance(images, np.ndarray) and images.dtype == np.uint8
    if not plain or len(shape) < 3 or shape[3:] not in ((), (3,)) or tiles.columns not in range(1, 1_001):
        what = f"{brief(images)} in {brief(tiles.columns)} columns"
        raise RecipeError(f"{where}: images are {what}; give uint8 (n, height, width) or (..., 3)")


def _arrows(arrows: Arrows, where: str) -> Arrows:
    _check("style", arrows.style, LOOKS, where)
    start, end = (np.asarray(ends, float).reshape(-1, 2) for ends in (arrows.start, arrows.end))
    if start.shape != end.shape:
        raise RecipeError(f"{where}: arrows from {len(start)} points to {len(end)}; give as many ends as starts")
    return replace(arrows, start=start, end=end, value=_value(arrows.value))


def _check(what: str, name: str, known: Mapping[str, Any], where: str) -> None:
    if name not in known:
        raise RecipeError(f"{where}: {what} {name!r}; use one of {', '.join(known)}")


@door(RecipeError)
def minus(words: str) -> str:
    """The words with a true minus before numbers and before log: "-0.5" and "-log 4", but not "part-time"."""
    return re.sub(r"(^|[\s(=\[])-(?=[\d.]|log)", r"\1−", words)


# -- ranges, ticks and shares of a scale -------------------------------------------------------------------------------


def _step(low: float, high: float, n: int) -> float:
    """A round step (1, 2 or 5 times a power of ten) that divides the range into about n."""
    raw = (high - low) / n
    if not (1e-300 < raw < math.inf):
        raise RecipeError(f"a range from {low:g} to {high:g} has no room for ticks; the low end must be below the high")
    power = 10.0 ** math.floor(math.log10(raw))
    return next((m * power for m in (1, 2, 5) if m * power >= 0.999 * raw), 10 * power)


@door(RecipeError)
def round_range(low: float, high: float, n: Annotated[int, Within(1, 1_000)] = 5) -> Range:
    """The range, widened to round numbers."""
    step = _step(low, high, n)
    ends = step * math.floor(low / step + 1e-9), step * math.ceil(high / step - 1e-9)
    return float(f"{ends[0]:.12g}"), float(f"{ends[1]:.12g}")


@door(RecipeError)
def ticks(low: float, high: float, n: Annotated[int, Within(1, 1_000)]) -> list[Tick]:
    """About n round numbers in the range, each with its words."""
    step = _step(low, high, n)
    digits = max(0, -math.floor(math.log10(step) + 1e-9))
    at = [i * step for i in range(math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9) + 1)]
    return [(float(f"{v:.12g}"), f"{v + 0.0:,.{digits}f}".replace("-", "−")) for v in at]


@door(RecipeError)
def quantile_range(curves: Sequence[ArrayLike], include: Range) -> Range:
    """Round numbers around the curves, by their 0.5 % and 99.5 % quantiles, so that no spike hides the rest."""
    finite = [values[np.isfinite(values)] for values in (np.asarray(curve, float) for curve in curves)]
    ends = [include, *(np.quantile(values, (0.005, 0.995)) for values in finite if len(values))]
    return round_range(min(low for low, _ in ends), max(high for _, high in ends), 4)


@door(RecipeError)
def running_mean(y: NDArray[np.floating], share: Annotated[float, Within(0, 1)] = 0.03) -> np.ndarray:
    """The mean over a window of `share` of the curve around each point: (n,) -> (n,). A gap stays one, and only one."""
    half = int(y.size * share / 2) if y.ndim == 1 else 0
    if half == 0:
        return y
    there, window = np.isfinite(y), np.ones(2 * half + 1)
    total, number = (np.convolve(v, window, "same") for v in (np.where(there, y, 0.0), there))
    return np.where(there, total / np.maximum(number, 1), np.nan)


@door(RecipeError)
def shares(values: NDArray[np.floating], limits: Range, log: bool = False) -> np.ndarray:
    """Where values lie between the ends of a scale, 0 to 1, cut off at both; nan stays nan."""
    low, high = limits
    if log and low <= 0:
        raise RecipeError(f"a scale by ratios from {low:g} to {high:g}; it must begin above 0")
    if log:
        values, low, high = np.log(np.maximum(values, 1e-12)), math.log(low), math.log(high)
    return np.clip((values - low) / ((high - low) or 1.0), 0, 1)


def _around(arrays: Sequence[np.ndarray]) -> Range:
    """A range that holds all the finite numbers there are."""
    numbers = np.concatenate([np.empty(0), *arrays])
    numbers = numbers[np.isfinite(numbers)]
    if not len(numbers):
        return 0.0, 1.0
    low, high = float(numbers.min()), float(numbers.max())
    return (low - 0.5, high + 0.5) if low == high else (low, high)
