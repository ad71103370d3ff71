"""`Sliders` without a browser: the controls, what the function may return, what is sent, the picture."""

from __future__ import annotations

import io
import random

import numpy as np
import pytest
from PIL import Image

from ganlib import RecipeError
from ganlib.widgets import Choice, Heat, Level, Line, Mark, Panel, Picture, Slider, Sliders
from ganlib.widgets.background import Background
from ganlib.widgets.sliders_engine import SlidersEngine, minus, shown

X = np.linspace(0, 1, 50)


def draw(a, b=1.0, kind="line"):
    curve = Line(X, a * X**b, "a x^b", "G", value=a)
    heat = Heat(np.outer(X[:7], X[:9]), (0, 1), (0, 2)) if kind == "map" else None
    marks = [Mark(0.5, a * 0.5**b, "half", moves=("a", None))]
    return Picture(
        [Panel("curve", [curve], marks=marks, levels=[Level(1, "one")]), Panel("map", heat=heat)], f"a = {a}"
    )


@pytest.fixture
def engine():
    return SlidersEngine(draw, {"a": (0, 2, 1), "b": Slider(0.1, 10, 1, log=True), "kind": ["line", "map"]})


def arrays(engine):
    return engine.snapshot(True).arrays


def test_the_picture_is_the_functions_at_the_present_values(engine):
    engine.do({"type": "set", "id": 3, "values": {"a": 1.5, "b": 2}})
    snapshot = engine.snapshot(True)
    _, numbers = snapshot.arrays["p0.0"]
    assert numbers.dtype == np.float32
    assert np.allclose(numbers, [X, 1.5 * X**2])
    assert snapshot.header["values"] == {"a": 1.5, "b": 2.0, "kind": "line"}
    assert snapshot.header["applied"] == 3
    assert snapshot.header["words"] == "a = 1.5"
    assert snapshot.header["panels"][0]["lines"][0]["value"] == "1.500"
    assert snapshot.header["panels"][0]["marks"][0]["y"] == 0.375


def test_only_what_has_changed_gets_a_new_version(engine):
    engine.set({"kind": "map"})
    before = {name: version for name, (version, _) in arrays(engine).items()}
    assert set(before) == {"p0.0", "p1.heat"}
    engine.set({"a": 0.2})
    after = {name: version for name, (version, _) in arrays(engine).items()}
    assert after == {"p0.0": before["p0.0"] + 1, "p1.heat": before["p1.heat"]}
    message, buffers = engine.snapshot(True).pack({"arrays": before})
    assert [what["array"] for what in message["buffers"]] == ["p0.0"]
    assert message["buffers"][0]["shape"] == [2, 50]
    assert np.allclose(np.frombuffer(buffers[0], np.float32).reshape(2, 50)[1], 0.2 * X)


def test_of_many_moves_only_the_last_is_drawn():
    seen = []

    def noted(a):
        seen.append(a)
        return draw(a)

    engine = SlidersEngine(noted, {"a": (0, 2, 1)})
    background = Background(engine, lambda drawn: engine.snapshot(drawn))
    for i in range(50):
        background.post({"type": "set", "id": i, "values": {"a": i / 25}})
    background.tick()
    assert seen == [1.0, 49 / 25]
    assert engine.applied == 49


def test_ranges_hold_what_is_shown():
    def ranges(*lines, **rest):
        engine = SlidersEngine(lambda a: Picture([Panel("", lines, **rest)]), {"a": (0, 1, 0)})
        panel = engine.snapshot(True).header["panels"][0]
        return panel["x"], panel["y"]

    assert ranges(Line([0, 3], [-0.7, 1.3])) == ((0, 3), (-1, 1.5))
    assert ranges(Line([0, 3], [2, 2])) == ((0, 3), (1.5, 2.5))
    assert ranges(Line([0, 1, 2], [-np.inf, np.nan, 0]), y=(-6, 0)) == ((0, 2), (-6, 0))
    assert ranges(Line([0, 1, 2], [-np.inf, 1, 2]))[1] == (1, 2)
    assert ranges() == ((0, 1), (0, 1))


@pytest.mark.parametrize(
    ("control", "says"),
    [
        (5, "give (low, high, start)"),
        ((0, 1), "give (low, high, start)"),
        ((0, 1, 2), "low <= start <= high"),
        ((1, 1, 1), "low <= start <= high"),
        ((0, float("nan"), 0), "low <= start <= high"),
        (("0", 1, 0), "low <= start <= high"),
        (Slider(0, 1, 0.5, log=True), "low must be above 0"),
        (Slider(0, 1, 0.5, step=0), "step of a"),
        (Slider(0, 1, 0.5, step=3), "step of a"),
        (Slider(0, 1, 0.5, play=-1), "plays for -1 seconds"),
        ([], "two words or more"),
        (["one"], "two words or more"),
        (["one", 2], "two words or more"),
        (Choice(["one", "two"], "three"), "begins at 'three'"),
    ],
)
def test_a_control_that_makes_no_sense_is_refused(control, says):
    with pytest.raises(RecipeError, match=says.replace("(", r"\(").replace(")", r"\)")):
        SlidersEngine(draw, {"a": control})


def test_a_demo_needs_controls_and_at_most_one_that_plays():
    with pytest.raises(RecipeError, match="at least one control"):
        SlidersEngine(draw, {})
    with pytest.raises(RecipeError, match="only one slider"):
        SlidersEngine(draw, {"a": Slider(0, 1, 0, play=1), "b": Slider(0, 1, 0, play=1)})


ABSURD = [None, "", "x", float("nan"), float("inf"), -1e300, 99, True, [], {}, 1 + 1j, np.nan, b"1"]


@pytest.mark.parametrize("value", ABSURD, ids=repr)
def test_an_absurd_value_is_refused_and_changes_nothing(engine, value):
    before = dict(engine.values)
    for name in ("a", "b", "kind"):
        with pytest.raises(RecipeError):
            engine.set({"a": 0.3, name: value} if name != "a" else {"a": value})
    assert engine.values == before


@pytest.mark.parametrize(
    "command", [{"type": "set", "values": {"c": 1}}, {"type": "set", "values": 3}, {"type": "no"}, {}, {"type": "set"}]
)
def test_a_command_that_makes_no_sense_is_refused(engine, command):
    with pytest.raises(RecipeError):
        engine.do(command)


@pytest.mark.parametrize(
    ("returned", "says"),
    [
        (None, "NoneType; it must return a Picture"),
        (Picture([]), "one Panel or more"),
        (Picture([3]), "one Panel or more"),
        (
            Picture([Panel("P", [Line([1, 2], [1, 2, 3], "wrong")])]),
            r"panel 'P', line 'wrong': x is \(2,\) and y \(3,\)",
        ),
        (Picture([Panel("P", [Line([1], [1])])]), "n from 2"),
        (Picture([Panel("P", [Line(["a", "b"], [1, 2])])]), "must be numbers"),
        (Picture([Panel("P", [Line([1, 2], [1, 2], style="red")])]), "style 'red'; use one of data, D, G"),
        (Picture([Panel("P", marks=[Mark(0, 0, "m", moves=("mean", None))])]), "'mean', which is no slider"),
        (Picture([Panel("P", marks=[Mark(0, float("nan"), "m")])]), "'m' stands at nan"),
        (Picture([Panel("P", levels=[Level(None, "l")])]), "'l' stands at None"),
        (Picture([Panel("P", x=(2, 1))]), "the lower one first"),
        (Picture([Panel("P", heat=Heat([1, 2], (0, 1), (0, 1)))]), r"heat map is \(2,\)"),
        (Picture([Panel("P", heat=Heat([[1, 2], [np.nan, 1]], (0, 1), (0, 1)))]), "must be finite"),
    ],
)
def test_what_the_function_returns_is_checked(returned, says):
    with pytest.raises(RecipeError, match=says):  # the first picture: in the cell that made the demo
        SlidersEngine(lambda a: returned, {"a": (0, 1, 0)})
    engine = SlidersEngine(lambda a: returned if a > 0.5 else draw(a), {"a": (0, 1, 0)})
    kept = engine.snapshot(True)
    engine.do({"type": "set", "values": {"a": 0.7}})
    later = engine.snapshot(True)
    assert later.header["message"]
    assert later.header["panels"] == kept.header["panels"]
    assert {name: version for name, (version, _) in later.arrays.items()} == {"p0.0": 1}
    engine.do({"type": "set", "values": {"a": 0.2}})
    assert engine.snapshot(True).header["message"] == ""


def test_a_line_of_a_random_demo_is_never_out_of_date(engine):
    """1,000 random events: the picture is the one of the values, and reset leads back to the start."""
    rng = random.Random(0)
    start = engine.snapshot(True).header
    background = Background(engine, lambda drawn: engine.snapshot(drawn))
    for i in range(1_000):
        name = rng.choice(["a", "b", "kind", "nothing"])
        value = rng.choice([rng.uniform(-1, 3), rng.choice(["line", "map", "other"]), rng.choice(ABSURD)])
        command = rng.choice(
            [{"type": "set", "values": {name: value}}, {"type": "reset"}, {"type": rng.choice(ABSURD)}]
        )
        background.post({**command, "id": i})
        if rng.random() < 0.3:
            background.tick()
            snapshot = engine.snapshot(True)
            a, b, kind = (snapshot.header["values"][name] for name in ("a", "b", "kind"))
            assert 0 <= a <= 2
            assert 0.1 <= b <= 10
            assert (snapshot.header["panels"][1]["heat"] is not None) == (kind == "map")
            assert np.allclose(snapshot.arrays["p0.0"][1], [X, a * X**b])
    background.post({"type": "reset", "id": start["applied"]})
    background.tick()
    assert {**engine.snapshot(True).header, "message": ""} == start


def test_the_demo_from_python():
    demo = Sliders(draw, title="Curve", a=(0, 2, 1), b=(1, 3, 2), kind=["line", "map"])
    demo["a"] = 1.25
    demo.set(b=1, kind="map")
    assert demo.values == {"a": 1.25, "b": 1.0, "kind": "map"}
    assert demo["a"] == 1.25
    assert demo._snapshot.header["words"] == "a = 1.25"  # and it has been sent
    with pytest.raises(RecipeError, match=r"a is 7; it must lie in \[0, 2\]"):
        demo["a"] = 7
    with pytest.raises(RecipeError, match="there is no control 'mean'; there are: a, b, kind"):
        demo.set(mean=3)
    demo.reset()
    assert demo.values == {"a": 1.0, "b": 2.0, "kind": "line"}


def test_the_first_header_is_plain_data():
    """What the page gets before the kernel answers must go through JSON, numpy's numbers too."""
    import json

    point = Mark(np.float32(0.5), np.float64(0.5), "m")
    picture = Picture([Panel("P", [Line(X, X, value=np.float32(0.25))], marks=[point], levels=[Level(np.float32(1))])])
    demo = Sliders(lambda a: picture, a=(np.float64(0), 1, np.float32(0.5)))
    assert json.loads(json.dumps(demo.first))["panels"][0]["lines"][0]["value"] == "0.250"


def test_a_value_in_words():
    engine = SlidersEngine(draw, {"a": Slider(-1, 1, -0.5, 0.05, unit="nats"), "b": Slider(0.01, 1, 0.1234, log=True)})
    assert engine.told() == ["a = −0.50 nats", "b = 0.123"]
    assert shown(engine.controls["a"], 1) == "1.00 nats"
    assert [shown(Slider(0, 1, 0, step), 0.25) for step in (1, 0.5, 0.25, 0.0625)] == ["0", "0.2", "0.25", "0.250"]
    assert minus("-1.2 (-3), C = -log 4, x-ray, a -b") == "−1.2 (−3), C = −log 4, x-ray, a -b"


def test_the_preview_shows_the_demo_and_leaves_it_alone():
    demo = Sliders(draw, a=(0, 2, 1), kind=["line", "map"])
    now, other = (np.asarray(Image.open(io.BytesIO(png))) for png in (demo.preview(), demo.preview(a=0.2, kind="map")))
    assert now.shape == other.shape
    assert now.std() > 10
    difference = (now != other).any(2)
    assert difference[:, : now.shape[1] // 2].any()  # the curve
    assert difference[:, now.shape[1] // 2 :].any()  # the map
    assert demo.values == {"a": 1.0, "kind": "line"}
    with pytest.raises(RecipeError):
        demo.preview(a=5)
    demo.set(a=0.2, kind="map")
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(demo.preview()))), other)
