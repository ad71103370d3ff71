"""Every kind of control: what it takes, what it refuses, its places, and its values in words."""

from __future__ import annotations

import math

import numpy as np
import pytest

from ganlib import RecipeError
from ganlib.controls import Button, Choice, Curve, Number, Points, Slider, Switch, control
from ganlib.errors import brief

HUGE = 10**400
ABSURD = [None, "", "x", math.nan, math.inf, -1e300, HUGE, 10**5000, [], {}, 1 + 1j, b"1", np.zeros(3), object()]


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (5, "give (low, high, start)"),
        ((0, 1), "give (low, high, start)"),
        (None, "give (low, high, start)"),
        ((0, 1, 2), "low <= start <= high"),
        ((1, 1, 1), "low <= start <= high"),
        ((0, math.nan, 0), "low <= start <= high"),
        ((0, HUGE, 0), "low <= start <= high"),
        ((0, True, 0), "low <= start <= high"),
        (("0", 1, 0), "low <= start <= high"),
        (Slider(0, 1, 0.5, log=True), "low must be above 0"),
        (Slider(0, 1, 0.5, step=0), "step of a"),
        (Slider(0, 1, 0.5, step=3), "step of a"),
        (Slider(0, 1, 0.5, step=1e-12), "not tiny"),
        (Slider(0, 1, 0.5, step=math.nan), "a's step is"),
        (Slider(0, 1, 0.5, play=-1), "plays for -1 seconds"),
        ([], "two words or more"),
        (["one"], "two words or more"),
        ([["one"], "two"], "two words or more"),
        (Choice(["one", "two"], "three"), "begins at 'three'"),
    ],
)
def test_a_control_that_makes_no_sense_is_refused(given, says):
    with pytest.raises(RecipeError) as error:
        control("a", given)
    assert says in str(error.value)


def test_short_forms():
    slider = control("a", (0, 2, 1))
    assert (slider.name, slider.low, slider.high, slider.start, slider.step) == ("a", 0, 2, 1.0, 0.01)
    assert type(slider.start) is float
    assert control("a", (0, 2, 1, 0.5)).step == 0.5
    assert control("a", (np.float64(0), 1, np.float32(0.5))).start == 0.5
    choice = control("kind", ["one", "two"])
    assert (choice.start, choice.name) == ("one", "kind")
    assert control("s", Switch()).name == "s"
    assert control("n", Number(name="seed")).name == "seed"
    button = Button("Play")
    assert control("b", button) is button


@pytest.mark.parametrize("value", ABSURD, ids=lambda value: type(value).__name__)
@pytest.mark.parametrize(
    "one",
    [
        control("a", (0, 2, 1)),
        control("a", Slider(1, 20, 3, 1, whole=True, off=(0, "held"))),
        control("a", Slider(0.1, 10, 1, log=True)),
        control("a", ["one", "two"]),
        Switch(),
        Number(),
        Curve([1.0] * 8),
    ],
    ids=["linear", "whole", "log", "choice", "switch", "number", "curve"],
)
def test_an_absurd_value_is_refused_in_a_short_sentence(one, value):
    with pytest.raises(RecipeError) as error:
        one.check("a", value)
    assert str(error.value).startswith("a ")
    assert len(str(error.value)) < 200


def test_a_slider_takes_its_range_and_no_more():
    slider = control("a", (0, 2, 1))
    for value in (0, 2, 1.5, np.float32(0.5), np.int64(1)):
        taken = slider.check("a", value)
        assert type(taken) is float
        assert taken == value
    for value in (-1e-9, 2.0000001, True, np.True_, "1"):
        with pytest.raises(RecipeError, match=r"a is .*; it must lie in \[0, 2\]"):
            slider.check("a", value)


def test_whole_numbers_and_the_value_at_the_left_end():
    slider = control("k", Slider(1, 20, 3, 1, whole=True, off=(0, "0: D held")))
    assert [slider.check("k", value) for value in (0, 0.0, 1, 20.0, np.int32(4))] == [0, 0, 1, 20, 4]
    assert type(slider.check("k", 3.0)) is int
    with pytest.raises(RecipeError, match=r"k is 2.5; it must be a whole number"):
        slider.check("k", 2.5)
    with pytest.raises(RecipeError, match=r"k is 21; it must lie in \[1, 20\], or 0 \(0: D held\)"):
        slider.check("k", 21)
    with pytest.raises(RecipeError):
        slider.check("k", False)  # 0 is a number, False is not
    assert slider.places() == [0, *range(1, 21)]
    assert [slider.said(value) for value in (0, 3)] == ["0: D held", "3"]
    scheduled = control("m", Slider(0, 0.9, None, off=(None, "the recipe's")))
    assert scheduled.check("m", None) is None
    assert scheduled.said(None) == "the recipe's"


def test_the_page_can_set_every_place_of_a_slider():
    for slider in (
        control("a", (0, 1, 0.5)),
        control("a", (0, 1, 0.5, 0.3)),
        control("a", Slider(0.0123456, 0.987654, 0.5, log=True)),
        control("a", Slider(1e-4, 1, 0.1, log=True, off=(0, "off"))),
        control("a", Slider(1, 1000, 1, log=True, whole=True)),
        control("a", Slider(-3.3, 7.7, 0, 0.1)),
    ):
        places = slider.places()
        assert [slider.check("a", place) for place in places] == places
        on = places[slider.off is not None :]
        assert on == sorted(on)
        assert on[0] == pytest.approx(slider.low, rel=1e-3)
        assert len(places) <= 10_002
    assert control("a", (0, 1, 0, 0.25)).places() == [0, 0.25, 0.5, 0.75, 1]
    ratios = np.diff(np.log(control("a", Slider(0.01, 1, 0.1, log=True)).places()))
    assert np.allclose(ratios, ratios[0], atol=2e-3)


def test_a_value_in_words():
    assert control("a", Slider(-1, 1, -0.5, 0.05, unit="nats")).said(-0.5) == "−0.50 nats"
    assert control("a", Slider(0.01, 1, 0.1234, log=True)).said(0.1234) == "0.123"
    assert [control("a", (0, 1, 0, step)).said(0.25) for step in (1, 0.5, 0.25, 0.0625)] == [
        "0",
        "0.2",
        "0.25",
        "0.250",
    ]
    assert control("a", Slider(3, 9, 5, 1, words=lambda i: f"m = {2**i}")).said(5) == "m = 32"
    assert control("a", Choice([1, 2], words={1: "one", 2: "two"})).said(2) == "two"
    assert control("a", Choice([1, 2], words=lambda o: f"k = {o}")).said(2) == "k = 2"
    assert control("a", ["one", "two"]).said("two") == "two"


def test_a_choice_takes_its_options():
    choice = control("kind", Choice([1, 2.5, "x"]))
    assert choice.places() == [1, 2.5, "x"]
    assert choice.check("kind", np.float64(2.5)) == 2.5
    taken = choice.check("kind", 1.0)
    assert (taken, type(taken)) == (1, int)  # the option, not what was given
    for value in (True, "1", 3):
        with pytest.raises(RecipeError, match="use one of 1, 2.5, x"):
            choice.check("kind", value)
    assert control("kind", Choice([7], slide=True)).start == 7


def test_switches_and_numbers():
    assert Switch().check("s", np.True_) is True
    for value in (1, 0, "True", None):
        with pytest.raises(RecipeError, match="either True or False"):
            Switch().check("s", value)
    assert Number().check("n", np.int64(2**40)) == 2**40
    for value in (-1, 2**53, 1.0, True, "3"):
        with pytest.raises(RecipeError, match="whole number from 0 to 9007199254740991"):
            Number().check("n", value)
    assert Number(high=5).check("n", 5) == 5


def test_a_curve_and_points():
    curve = Curve([1.0] * 8)
    assert curve.check("p", np.arange(8)) == list(map(float, range(8)))
    for value in ([1.0] * 7, [1.0] * 401, [[1.0] * 8], "12345678", [HUGE] * 8):
        with pytest.raises(RecipeError, match="list of 8 to 400 numbers"):
            curve.check("p", value)
    for value in ([0.0] * 8, [-1.0] + [1.0] * 7, [math.nan] + [1.0] * 7, [math.inf] * 8, [None] * 8):
        with pytest.raises(RecipeError, match="finite heights of at least 0, not all of them 0"):
            curve.check("p", value)
    points = Points(most=3)
    assert points.check("p", []) == []
    assert points.check("p", ((1, 2), np.array([3, 4]))) == [[1.0, 2.0], [3.0, 4.0]]
    for value in ([1, 2], [[1, 2, 3]], [[0, 0]] * 4, None, "ab", [[HUGE, 0]]):
        with pytest.raises(RecipeError, match="at most 3 points"):
            points.check("p", value)
    with pytest.raises(RecipeError, match="not finite"):
        points.check("p", [[0, math.inf]])


def test_an_error_names_a_value_briefly():
    assert brief("x") == "'x'"
    assert brief("x" * 10_000) == "'" + "x" * 56 + "..."
    assert len(brief(HUGE)) == 60
    assert brief(10**5000) == "a number of 16610 bits"
    assert brief([10**5000]) == "a list"


def test_a_free_curve_may_lie_below_0_and_have_gaps():
    curve = control("sketch", Curve([None] * 8, free=True))
    assert curve.start == [None] * 8
    assert curve.check("sketch", [np.nan, -1, 2, *[0] * 5]) == [None, -1.0, 2.0, *[0.0] * 5]
    for value in ([np.inf] * 8, [0.0] * 7, "up"):
        with pytest.raises(RecipeError, match="sketch"):
            curve.check("sketch", value)
    with pytest.raises(RecipeError, match="at least 0"):
        Curve([1.0] * 8).check("heights", [-1.0] * 8)
