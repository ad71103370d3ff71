"""Absurd controls, pictures and demos: a wrong type or a senseless value for each part ends in one clear error."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ganlib import controls, picture, widgets
from ganlib.controls import Button, Choice, Curve, Number, Place, Points, Slider, Switch
from ganlib.densities import Gaussian
from ganlib.picture import Arrows, Cells, Heat, Level, Line, Mark, Note, Panel, Picture, Tiles
from tests.absurd import HUGE, NO_ARRAY, NO_DENSITY, NO_NUMBER, NO_NUMBERS, NO_STRING, NO_WHOLE, Bad, Call, refused

AT_LEAST = 150  # calls that are refused


def calls() -> list[Call]:
    """What a person makes a demo of: controls and pictures."""
    x = [0.0, 1.0]

    def drawn(**panel: Any) -> None:
        """A picture of one panel."""
        picture.completed(Picture([Panel(**panel)]))

    def line(**about: Any) -> None:
        """A picture of one line."""
        drawn(lines=[Line(**about)])

    def check(one: Any) -> Callable[..., Any]:
        """What a control says of a value."""
        return lambda value: controls.control("a", one).check("a", value)

    no_list = (None, 3, "ab", Bad(), HUGE)
    return [
        Call(
            lambda **about: controls.control("a", Slider(**about)),
            {"low": 0, "high": 1, "start": 0.5, "step": 0.1, "name": "a", "play": 2, "log": False},
            {
                **{"low": (*NO_NUMBER, 2, -1e308 * 10), "high": (*NO_NUMBER, -1), "start": (*NO_NUMBER, 2)},
                **{
                    "step": (*NO_NUMBER[1:], 0, 2, 1e-9),
                    "name": NO_STRING,
                    "play": (*NO_NUMBER[1:], 0),
                    "log": (None, 3),
                },
            },
        ),
        Call(
            lambda options, start: controls.control("a", Choice(options, start)),
            {"options": ["b", "c"], "start": "b"},
            {
                "options": (None, 3, [], ["b"], [None, 1], [[1], [2]], range(10**6)),
                "start": (3, "d", HUGE, ["b"], Bad()),
            },
        ),
        Call(lambda name: controls.control("a", Button(name)), {"name": "b"}, {"name": NO_STRING}),
        Call(
            controls.control,
            {"key": "a", "given": (0, 1, 0)},
            {"key": NO_STRING, "given": (None, 3, "ab", (1, 2), Bad())},
        ),
        Call(check(Slider(0, 1, 0.5)), {"value": 0.2}, {"value": (*NO_NUMBER, 2, True)}),
        Call(check(Slider(1, 9, 2, 1, whole=True)), {"value": 3}, {"value": (*NO_WHOLE, 10)}),
        Call(check(Choice(["b", "c"])), {"value": "b"}, {"value": (None, 3, True, "d", ["b"], {}, HUGE, Bad())}),
        Call(check(Switch()), {"value": True}, {"value": (None, 1, 0, "yes", [], Bad())}),
        Call(check(Number()), {"value": 3}, {"value": (*NO_WHOLE, 2**53)}),
        Call(
            check(Curve([1.0] * 8)),
            {"value": [1] * 8},
            {"value": (*NO_NUMBERS, [1] * 7, [1] * 401, [0] * 8, [-1] * 8, [HUGE] * 8)},
        ),
        Call(
            check(Points()),
            {"value": [[0, 1]]},
            {"value": (*NO_NUMBERS, [1], [[1, 2, 3]], [[0, math.inf]], [[0, 1]] * 201)},
        ),
        Call(check(Place()), {"value": 0.5}, {"value": (*NO_NUMBER[1:], True)}),
        Call(
            picture.completed,
            {"picture": Picture([Panel(lines=[Line(x, x)])])},
            {"picture": (*no_list, Panel(), Picture([]))},
        ),
        Call(
            lambda **about: picture.completed(Picture(**{"panels": [Panel()], **about})),
            {"panels": [Panel()], "words": "a", "notes": [Note(["b"])]},
            {"panels": (*no_list[:-1], [3], ["ab"]), "words": NO_STRING, "notes": (3, ["ab"], [None], [Note([3])])},
        ),
        Call(
            drawn,
            {"title": "a", "lines": [], "x": (0, 1), "y": (0, 1), "marks": [], "levels": [], "right": (0, 1)},
            {
                **{
                    "lines": (3, [3], ["ab"], [None]),
                    "marks": (3, [3], [Mark("a", 0)], [Mark(0, math.nan)]),
                    "levels": (3, [Level()]),
                },
                **{
                    name: (3, "ab", (1, 0), (0, 0), (0, math.nan), (0, "a"), (0,), (0, HUGE))
                    for name in ("x", "y", "right")
                },
            },
        ),
        Call(
            line,
            {"x": x, "y": x, "style": "D", "dash": 1},
            {
                "x": (*NO_NUMBERS, [0], 3),
                "y": (*NO_NUMBERS, [0]),
                "style": (None, 3, "dotted", ["D"]),
                "dash": (-1, 9, "a", 1.5),
            },
        ),
        Call(
            lambda **about: drawn(heat=Heat(**about)),
            {"z": np.ones((2, 2)), "x": (0, 1), "y": (0, 1), "ramp": "viridis"},
            {
                "z": (*NO_NUMBERS, 3, [[math.nan] * 2] * 2, np.ones((300, 300))),
                "x": (None, 3, (1, 0)),
                "ramp": (None, "grey", [1]),
            },
        ),
        Call(
            lambda images, columns: drawn(tiles=Tiles(images, columns)),
            {"images": np.ones((2, 3, 3), np.uint8), "columns": 2},
            {"images": (*NO_ARRAY, np.ones((2, 3, 3))), "columns": (None, "a", 0, -1, 10**9, 1.5)},
        ),
        Call(
            lambda **about: drawn(cells=Cells(**about)),
            {"values": [[1, 2]], "words": [[["a"], ["b"]]], "rows": ["r"], "columns": ["a", "b"], "limits": (0, 1)},
            {
                "values": (*NO_NUMBERS, [1]),
                "words": (None, 3, [[["a"]]]),
                "rows": (None, 3, []),
                "columns": (None, ["a"]),
            },
        ),
        Call(
            lambda start, end: drawn(arrows=[Arrows(start, end)]),
            {"start": [[0, 0]], "end": [[1, 1]]},
            {"start": (*NO_NUMBERS, [[0, 0, 0]]), "end": NO_NUMBERS},
        ),
        Call(
            picture.ticks,
            {"low": 0, "high": 1, "n": 5},
            {"low": (*NO_NUMBER, 1, 2), "high": (*NO_NUMBER, 0, 1e-310), "n": (*NO_WHOLE, 0, 10**9)},
        ),
        Call(
            picture.round_range,
            {"low": 0, "high": 1, "n": 5},
            {"low": (*NO_NUMBER, 1), "high": (*NO_NUMBER, 0), "n": (*NO_WHOLE, 0)},
        ),
        Call(
            picture.quantile_range,
            {"curves": [x], "include": (0, 1)},
            {"curves": (None, 3, "ab", [["a"]]), "include": (None, 3, (1,), ("a", 1), (0, math.nan))},
        ),
        Call(picture.running_mean, {"y": np.ones(50), "share": 0.1}, {"y": NO_ARRAY, "share": (*NO_NUMBER, -1, 2)}),
        Call(
            picture.shares,
            {"values": np.ones(5), "limits": (1, 2), "log": True},
            {"values": NO_ARRAY, "limits": (None, 3, (1,), (0, 1), ("a", 1)), "log": (None, 1)},
        ),
        Call(picture.minus, {"words": "-1"}, {"words": NO_STRING}),
    ]


def demos() -> list[Call]:
    """What a person makes the cheap demos of; the others stand behind the same door."""
    film = [Picture([Panel(lines=[Line([0, 1], [0, 1])])])] * 2
    seeds, rates = (*NO_WHOLE, 2**53), (*NO_NUMBER, 99)
    return [
        Call(
            widgets.BeTheGenerator,
            {"p_data": Gaussian(), "pieces": 3},
            {"p_data": NO_DENSITY[1:], "pieces": (*NO_WHOLE, 9)},
        ),
        Call(widgets.FewLabels, {"seed": 1, "noise": 0.1}, {"seed": seeds, "noise": rates}),
        Call(
            widgets.Guess,
            {"question": "Where?", "options": ["a", "b"], "answer": "a"},
            {"question": NO_STRING, "options": (3, "ab", ["a"], [1, 2]), "answer": NO_STRING},
        ),
        Call(widgets.LiveFork, {"seed": 1, "c": 0.2}, {"seed": seeds, "c": rates}),
        Call(widgets.LivePlane, {"p_data": "ring", "seed": 1}, {"p_data": (*NO_STRING, "torus"), "seed": seeds}),
        Call(
            widgets.LiveToy,
            {"p_data": "gaussian", "seed": 1, "k": 2, "lr_D": 0.1},
            {"p_data": (*NO_STRING, "torus"), "seed": seeds, "k": (*NO_WHOLE, 10**9), "lr_D": rates},
        ),
        Call(
            widgets.Recording,
            {"pictures": film, "seconds": 2.0, "name": "a"},
            {"pictures": (None, 3, [], [3], "ab"), "seconds": (*NO_NUMBER, 0), "name": NO_STRING},
        ),
        Call(widgets.Slices, {"seed": 1, "at": 0.1}, {"seed": seeds, "at": rates}),
    ]


def test_every_public_function_is_called():
    called = {call.f.__qualname__ for call in calls()}
    for module in (controls, picture):
        own = {name: f for name, f in vars(module).items() if inspect.isfunction(f) and f.__module__ == module.__name__}
        missing = {name for name in own if not name.startswith("_")} - called
        assert not missing, f"{module.__name__}: {missing}"


def test_absurd_controls_and_pictures_end_in_one_clear_error():
    assert refused(calls()) >= AT_LEAST


def test_a_demo_of_absurd_parts_ends_in_one_clear_error():
    assert refused(demos()) >= AT_LEAST
