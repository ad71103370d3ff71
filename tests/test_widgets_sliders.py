"""`Sliders` without a browser: the picture is that of the present values, and a preview leaves the demo alone."""

from __future__ import annotations

import io
import random

import numpy as np
import pytest
from PIL import Image

from ganlib import RecipeError
from ganlib.widgets import Heat, Level, Line, Mark, Panel, Picture, Slider, Sliders
from ganlib.widgets.sliders import SlidersEngine

X = np.linspace(0, 1, 50)
CONTROLS = {"a": (0, 2, 1), "b": Slider(0.1, 10, 1, log=True), "kind": ["line", "map"]}


def draw(a, b=1.0, kind="line"):
    curve = Line(X, a * X**b, "a x^b", "G", value=a)
    heat = Heat(np.outer(X[:7], X[:9]), (0, 1), (0, 2)) if kind == "map" else None
    marks = [Mark(0.5, a * 0.5**b, "half", moves=("a", None))]
    return Picture(
        [Panel("curve", [curve], marks=marks, levels=[Level(1, "one")]), Panel("map", heat=heat)], f"a = {a}"
    )


def test_the_picture_is_the_functions_at_the_present_values():
    engine = SlidersEngine(draw, CONTROLS)
    engine.do({"type": "set", "id": 3, "values": {"a": 1.5, "b": 2}})
    picture = engine.complete()
    assert np.allclose(picture.panels[0].lines[0].y, 1.5 * X**2)
    assert (picture.words, picture.panels[0].lines[0].value, engine.applied) == ("a = 1.5", "1.500", 3)
    assert engine.said() == ["a = 1.50", "b = 2", "kind = line"]
    engine.press("reset")
    assert engine.values == {"a": 1.0, "b": 1.0, "kind": "line"}


def test_a_demo_needs_controls():
    with pytest.raises(RecipeError, match="at least one control"):
        SlidersEngine(draw, {})


def test_a_random_demo_is_never_out_of_date():
    """1,000 random events: the picture is the one of the values, whatever was refused between them."""
    rng, engine, refused = random.Random(0), SlidersEngine(draw, CONTROLS), 0
    for _ in range(1_000):
        value = rng.choice([rng.uniform(-1, 3), rng.choice(["line", "map", "other"]), None, float("nan"), True, []])
        values = {rng.choice(["a", "b", "kind", "nothing"]): value}
        command = rng.choice([{"type": "set", "values": values}, {"type": "press", "button": "reset"}, {"type": 3}])
        before = dict(engine.values)
        try:
            engine.do(command)
        except RecipeError:
            refused += 1
            assert engine.values == before
        a, b, kind = engine.values.values()
        assert 0 <= a <= 2
        assert 0.1 <= b <= 10
        picture = engine.picture()
        assert np.allclose(picture.panels[0].lines[0].y, a * X**b)
        assert (picture.panels[1].heat is not None) == (kind == "map")
    assert 300 < refused < 900


def test_the_preview_shows_the_demo_and_leaves_it_alone():
    demo = Sliders(draw, a=(0, 2, 1), kind=["line", "map"])
    previews = demo.preview(), demo.preview(a=0.2, kind="map")
    now, other = (np.asarray(Image.open(io.BytesIO(png)).convert("RGBA")) for png in previews)
    assert now.shape == other.shape
    difference = (now != other).any(2)
    assert difference[:, : now.shape[1] // 2].any()  # the curve
    assert difference[:, now.shape[1] // 2 :].any()  # the map
    assert demo.values == {"a": 1.0, "kind": "line"}
    with pytest.raises(RecipeError):
        demo.preview(a=5)
    demo.set(a=0.2, kind="map")
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(demo.preview()))), other)
    with pytest.raises(RecipeError, match=r"a is 7; it must lie in \[0, 2\]"):
        demo["a"] = 7
    with pytest.raises(RecipeError, match="there is no control 'mean'; there are: a, kind"):
        demo.set(mean=3)


def test_what_goes_wrong_in_the_first_picture_is_raised():
    with pytest.raises(RecipeError, match="NoneType; it must return a Picture"):
        Sliders(lambda a: None, a=(0, 1, 0))
