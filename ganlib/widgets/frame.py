"""A picture and its controls as plain data and buffers: what a page is sent, and what a recording holds."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from ganlib.controls import Button, Choice, Control, Curve, Number, Place, Points, Slider, Switch
from ganlib.picture import DASHES, LIT, LOOKS, RAMPS, Panel, Picture, running_mean, shares

FIELDS = (
    *("title", "x", "y", "x_label", "y_label", "right", "right_label", "x_ticks", "y_ticks", "right_ticks"),
    *("square", "draws", "seeks", "reads", "caption", "words", "at"),
)
"""What of a `Panel` is plain already."""
Described = Mapping[str, Control | Button]


def packed(picture: Picture) -> tuple[dict[str, Any], list[bytes]]:
    """A completed picture as plain data and buffers; an array that stands in two places is packed once.

    An array is {"at": index of its buffer, "shape": [...], "type": "float32" or "uint8"}.
    """
    buffers: list[bytes] = []
    seen: dict[int, tuple[np.ndarray, dict[str, Any]]] = {}

    def array(values: np.ndarray, dtype: type = np.float32) -> dict[str, Any]:
        """The place of an array among the buffers."""
        if id(values) not in seen:
            buffers.append(np.ascontiguousarray(values, dtype).tobytes())
            place = {"at": len(buffers) - 1, "shape": list(values.shape), "type": dtype.__name__}
            seen[id(values)] = values, place  # held here, so that no other array gets its id meanwhile
        return seen[id(values)][1]

    plain = {
        "words": picture.words,
        "readouts": picture.readouts,
        "notes": [vars(note) for note in picture.notes],
        "panels": [_panel(panel, array) for panel in picture.panels],
    }
    return finite(plain), buffers


def _panel(panel: Panel, array: Callable[..., dict[str, Any]]) -> dict[str, Any]:
    heat, cells, tiles = panel.heat, panel.cells, panel.tiles
    lines = []
    for line in panel.lines:
        mean = array(running_mean(line.y)) if line.smooth else None
        lines.append({**vars(line), "x": array(line.x), "y": array(line.y), "mean": mean})
    return {
        **{name: getattr(panel, name) for name in FIELDS},
        "lines": lines,
        "levels": [vars(level) for level in panel.levels],
        "marks": [vars(mark) for mark in panel.marks],
        "arrows": [{**vars(a), "start": array(a.start), "end": array(a.end)} for a in panel.arrows],
        "heat": heat and {**vars(heat), "z": array(heat.z), "contours": [float(v) for v in heat.contours]},
        "cells": cells and {**vars(cells), "values": shares(cells.values, cells.limits, cells.log).tolist()},
        "tiles": tiles and {**vars(tiles), "images": array(tiles.images, np.uint8), "badges": [*tiles.badges.items()]},
    }


def described(controls: Described) -> list[dict[str, Any]]:
    """The controls as a page takes them, once: kind, name, hint, group, and every place of a slider with its words.

    Those of the group "hidden" are left out: what a panel presses, and no button of its own.
    """
    shown = {key: control for key, control in controls.items() if getattr(control, "group", "") != "hidden"}
    return [finite(_described(key, control)) for key, control in shown.items()]


def _described(key: str, control: Control | Button) -> dict[str, Any]:
    common = {"key": key, "name": getattr(control, "name", key)}
    common |= {name: getattr(control, name, "") for name in ("hint", "group")}
    if isinstance(control, Slider | Choice):
        kind = "slider" if getattr(control, "slide", True) else "choice"
        places, play = control.places(), getattr(control, "play", None)
        return {**common, "kind": kind, "places": places, "words": [*map(control.said, places)], "play": play}
    if isinstance(control, Button):
        once = {"once": True} if control.once else {}
        return {**common, "kind": "button", "press": control.key, "icon": control.icon, **once}
    kinds = {Switch: "switch", Number: "number", Curve: "curve", Points: "points", Place: "place"}
    rest = {"of": control.of} if isinstance(control, Number) else {"free": getattr(control, "free", False)}
    return {**common, "kind": kinds[type(control)], **rest}


def valued(controls: Described, places: Mapping[str, list[Any]], values: Mapping[str, Any]) -> dict[str, Any]:
    """What a page shows of each control: [value, place, words] of a slider or a choice, else [value]."""
    found: dict[str, Any] = {}
    for key, value in values.items():
        if isinstance(controls[key], Slider | Choice):
            found[key] = [value, _nearest(places[key], value), controls[key].said(value)]
        elif not isinstance(controls[key], Curve):  # that is the data's line in its panel
            found[key] = [value]
    return finite(found)


def _nearest(places: list[Any], value: Any) -> int:
    """The index of the place nearest to the value."""
    if value in places:
        return places.index(value)
    return int(np.argmin([math.inf if place is None else abs(place - value) for place in places]))


def looks() -> dict[str, Any]:
    """The styles, dashes and ramps of `picture`, as a page takes them."""
    return {
        "styles": {name: look._asdict() for name, look in LOOKS.items()},
        "dashes": DASHES,
        "ramps": RAMPS,
        "lit": LIT,
    }


def finite(value: Any) -> Any:
    """Plain data: every number that JSON cannot hold (nan, inf) becomes None, and numpy's numbers become Python's."""
    if value is None or type(value) in (str, int, bool):  # most of what there is
        return value
    if isinstance(value, float | np.generic):
        value = value.item() if isinstance(value, np.generic) else value
        return value if not isinstance(value, float) or math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {key: finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [finite(item) for item in value]
    return value
