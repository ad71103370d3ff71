"""The vocabulary of pictures: what is refused, and which ranges, ticks and places are worked out."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from ganlib import RecipeError
from ganlib.picture import (
    Arrows,
    Cells,
    Heat,
    Level,
    Line,
    Mark,
    Note,
    Panel,
    Picture,
    Tiles,
    completed,
    is_number,
    minus,
    quantile_range,
    round_range,
    running_mean,
    shares,
    ticks,
)

HUGE = 10**400
TABLE = Cells([[1, 2]], [[["1"], ["2"]]], ["r"], ["a", "b"], (0, 2))
SHEET = Tiles(np.zeros((3, 4, 5), np.uint8), 2)


def done(*panels: Panel) -> list[Panel]:
    return list(completed(Picture(panels), None).panels)


@pytest.mark.parametrize(
    ("picture", "says"),
    [
        (None, "the function returned NoneType; it must return a Picture"),
        ([Panel()], "the function returned list"),
        (Picture([]), "one Panel or more"),
        (Picture([3]), "one Panel or more"),
    ],
)
def test_only_a_picture_of_panels_is_taken(picture, says):
    with pytest.raises(RecipeError, match=says):
        completed(picture)


def test_notes_alone_are_a_picture():
    assert completed(Picture([], notes=[Note(["to -1"])])).notes[0].lines == ["to −1"]


@pytest.mark.parametrize(
    ("what", "says"),
    [
        ({"lines": [Line([1, 2], [1, 2, 3], "wrong")]}, "panel 'P', line 'wrong': x is (2,) and y (3,)"),
        ({"lines": [Line(np.zeros(20_001), np.zeros(20_001))]}, "n up to 20000"),
        ({"lines": [Line(np.zeros((2, 2)), np.zeros((2, 2)))]}, "both must be (n,)"),
        ({"lines": [Line(["a", "b"], [1, 2])]}, "x and y must be numbers"),
        ({"lines": [Line([1, HUGE], [1, 2])]}, "x and y must be numbers"),
        ({"lines": [Line([1, 2], [1, 2], style="red")]}, "style 'red'; use one of data, D, D*, G"),
        ({"lines": [Line([1, 2], [1, 2], "l", dash=4)]}, "line 'l': dash is 4; use None or 0 to 3"),
        ({"marks": [Mark(0, 0, "m", moves=("mean", None))]}, "a mark moves 'mean', which is no slider"),
        ({"marks": [Mark(0, math.nan, "m")]}, "'m' stands at [0, nan]"),
        ({"marks": [Mark(0, 0, style="dotted")]}, "style 'dotted'"),
        ({"levels": [Level(None, "l")]}, "'l' stands at None"),
        ({"levels": [Level(True, "l")]}, "'l' stands at [True]"),
        ({"x": (2, 1)}, "an axis from 2 to 1; give finite numbers, the lower first"),
        ({"y": (0, math.inf)}, "an axis from 0 to inf"),
        ({"right": (1, 1)}, "an axis from 1 to 1"),
        ({"heat": Heat([1, 2], (0, 1), (0, 1))}, "heat map is (2,)"),
        ({"heat": Heat([[1, 2], [math.nan, 1]], (0, 1), (0, 1))}, "must be finite"),
        ({"heat": Heat([["a", "b"]], (0, 1), (0, 1))}, "heat map is None"),
        ({"heat": Heat(np.eye(2), (0, 1), (0, 1), ramp="jet")}, "ramp 'jet'; use one of viridis"),
        ({"cells": replace(TABLE, values=[[1]])}, "values are (1, 1), for 1 rows and 2 columns"),
        ({"cells": replace(TABLE, values="x")}, "values are None"),
        ({"cells": replace(TABLE, words=[[["1"]]])}, "a list of words for each cell"),
        ({"cells": replace(TABLE, ramp="jet")}, "ramp 'jet'"),
        (
            {"tiles": replace(SHEET, images=np.zeros((3, 4, 5)))},
            "images are an array of (3, 4, 5) float64 in 2 columns; give uint8",
        ),
        (
            {"tiles": replace(SHEET, images=np.zeros((3, 4, 5, 4), np.uint8))},
            "images are an array of (3, 4, 5, 4) uint8",
        ),
        ({"tiles": replace(SHEET, columns=0)}, "in 0 columns"),
        ({"tiles": replace(SHEET, images=[1])}, "images are [1] in 2"),
        ({"arrows": [Arrows([[0, 0]], [[1, 1], [2, 2]])]}, "arrows from 1 points to 2"),
        ({"arrows": [Arrows([[0, 0]], [[1, 1]], "grey")]}, "style 'grey'"),
    ],
)
def test_what_is_wrong_with_a_panel_is_said(what, says):
    with pytest.raises(RecipeError) as error:
        completed(Picture([Panel("P", **what)]), ["a", "b"])
    assert says in str(error.value)
    assert str(error.value).startswith("panel 'P'")


def test_marks_may_move_sliders():
    panel = Panel(marks=[Mark(0, 0, moves=("a", None))])
    assert completed(Picture([panel]), ["a"]).panels[0].marks[0].moves == ("a", None)
    assert completed(Picture([panel]), None)  # None: any
    with pytest.raises(RecipeError, match="no slider"):
        completed(Picture([panel]))


def test_a_completed_picture_stays_as_it_is():
    lines = [Line([0, 1], [2, 3], "a", value=1.23456), Line([], [], smooth=True)]
    things = {"lines": lines, "marks": [Mark(0, -1, "m")], "heat": Heat(np.eye(2), (0, 1), (0, 1))}
    once = completed(Picture([Panel("-1", **things, right=(0, 1)), Panel(cells=TABLE)], "-2", notes=[Note(["-3"])]))
    twice = completed(once)
    assert repr(twice) == repr(once)
    assert once.panels[0].lines[0].value == "1.235"
    assert once.words == "−2"
    assert once.notes[0].lines == ["−3"]
    assert once.panels[0].words == "−1. a 1.235"
    assert once.panels[0].right_ticks == [(0.0, "0.0"), (0.5, "0.5"), (1.0, "1.0")]


def test_ranges_hold_what_is_shown():
    def ranges(*lines, **rest):
        [panel] = done(Panel(lines=lines, **rest))
        return panel.x, panel.y

    assert ranges(Line([0, 3], [-0.7, 1.3])) == ((0, 3), (-1, 1.5))
    assert ranges(Line([0, 3], [2, 2])) == ((0, 3), (1.4, 2.6))
    assert ranges(Line([0, 1, 2], [-np.inf, np.nan, 0]), y=(-6, 0)) == ((0, 2), (-6, 0))
    assert ranges(Line([0, 1, 2], [-np.inf, 1, 2]))[1] == (1, 2)
    assert ranges(Line([0, 3], [0, 1]), levels=[Level(4)], marks=[Mark(5, 2)]) == ((0, 5), (0, 4))
    assert ranges(Line([0, 3], [0, 1]), levels=[Level(x=9), Level(7, right=True)])[1] == (0, 1)
    assert ranges(Line([0, 3], [0, 1]), Line([0, 3], [50, 60], right=True), right=(0, 100))[1] == (0, 1)
    assert ranges(Line([np.nan, np.nan], [np.nan, np.nan])) == ((0, 1), (0, 1))
    assert ranges() == ((0, 1), (0, 1))
    [heat, cells] = done(Panel(heat=Heat(np.eye(3), (-1, 2), (5, 9))), Panel(cells=TABLE))
    assert (heat.x, heat.y, heat.heat.limits) == ((-1, 2), (5, 9), (0, 1))
    assert (cells.x, cells.y) == ((0, 2), (0, 1))
    assert done(Panel(x=(np.float32(0), 1)))[0].x == (0.0, 1.0)


def test_panels_without_a_place_stand_side_by_side():
    for n, at in ((1, [(0, 0)]), (2, [(0, 0), (0, 6)]), (3, [(0, 0), (0, 4), (0, 8)]), (5, [(0, 0), (0, 6), (12, 0)])):
        places = [panel.at for panel in done(*[Panel()] * n)]
        assert [place[:2] for place in places[: len(at)]] == at
    mixed = done(Panel(at=(3, 0, 5, 6)), Panel())
    assert [panel.at for panel in mixed] == [(0, 0, 12, 6), (0, 6, 12, 6)]
    assert done(Panel(at=(3, 0, 5, 6)))[0].at == (3, 0, 5, 6)


def test_ticks_are_round():
    assert ticks(0, 1, 4) == [(0.0, "0.0"), (0.5, "0.5"), (1.0, "1.0")]
    assert ticks(-1, 1, 2) == [(-1.0, "−1"), (0.0, "0"), (1.0, "1")]
    assert ticks(0, 30_000, 3) == [(0.0, "0"), (10_000.0, "10,000"), (20_000.0, "20,000"), (30_000.0, "30,000")]
    assert ticks(0.12, 0.31, 4) == [(0.15, "0.15"), (0.2, "0.20"), (0.25, "0.25"), (0.3, "0.30")]
    assert len(done(Panel(y=(0, 1), at=(0, 0, 6, 6)))[0].y_ticks) < len(done(Panel(y=(0, 1)))[0].y_ticks) + 1
    assert done(Panel(x_ticks=(), y_ticks=[(0.5, "half")]))[0].y_ticks == [(0.5, "half")]
    for low, high in ((1e-9, 3e-9), (-1e6, 1e6), (0.1, 0.1000001), (-7, -6.5)):
        values = [value for value, _ in ticks(low, high, 5)]
        assert 2 <= len(values) <= 8
        assert low <= values[0] <= values[-1] <= high


def test_round_ranges():
    assert round_range(-0.7, 1.3) == (-1, 1.5)
    assert round_range(0, 0.68, 4) == (0, 0.8)
    assert round_range(2, 4) == (2, 4)
    spikes = np.r_[np.linspace(0, 1, 1_000), 1e6, np.nan]
    assert quantile_range([spikes], (0, 0.5)) == (0, 1)
    assert quantile_range([], (-1.5, 0)) == (-1.5, 0)
    assert quantile_range([[np.inf, np.nan]], (0, 1)) == (0, 1)


def test_the_running_mean():
    y = np.random.default_rng(0).normal(size=200)
    mean = running_mean(y, 0.05)  # 5 at either side
    for i in (0, 3, 100, 199):
        assert mean[i] == pytest.approx(y[max(0, i - 5) : i + 6].mean())
    assert running_mean(y[:10]) is not None
    assert np.array_equal(running_mean(y[:10]), y[:10])  # too short to smooth
    gap = y.copy()
    gap[[7, 50]] = np.nan, np.inf
    smooth = running_mean(gap, 0.05)
    assert np.flatnonzero(~np.isfinite(smooth)).tolist() == [7, 50]
    assert smooth[100] == pytest.approx(mean[100])
    assert smooth[8] == pytest.approx(np.delete(y[3:14], 4).mean())
    assert len(running_mean(np.empty(0))) == 0


def test_shares_of_a_scale():
    assert shares(np.array([-1, 0, 1, 2, 3.0]), (0, 2)).tolist() == [0, 0, 0.5, 1, 1]
    assert shares(np.array([0.01, 0.1, 1]), (0.01, 1), True) == pytest.approx([0, 0.5, 1])
    assert shares(np.array([0.0]), (0.01, 1), True) == [0]
    assert np.isnan(shares(np.array([np.nan]), (0, 1))).all()
    assert shares(np.array([3.0]), (3, 3)) == [0]


def test_a_true_minus():
    assert (
        minus("-1.2 (-3), C = -log 4, x-ray, a -b, 1e-5, [-0.5]") == "−1.2 (−3), C = −log 4, x-ray, a -b, 1e-5, [−0.5]"
    )


def test_what_a_number_is():
    assert all(map(is_number, (0, -1.5, np.float32(2), np.int8(3))))
    assert not any(map(is_number, (True, None, "1", math.nan, math.inf, HUGE, 1j, np.True_, [1])))
