"""`Guess` without a browser: nothing is shown before a guess, and the guess stays beside what happens."""

from __future__ import annotations

import io
import random

import numpy as np
import pytest
from PIL import Image

from ganlib import RecipeError
from ganlib.widgets import Guess, Line, Panel, frame
from ganlib.widgets.guess import FIRST, NODES, GuessEngine

QUESTION = "Where does C(G) go when the two hills part?"
OPTIONS = ["to 0", "to -log 4", "to minus infinity"]
AXES = Panel(x=(0, 10), y=(-1, 1), x_label="moves")
X = np.linspace(0, 10, 101)
SINE = (X, np.sin(X))
SWING = np.linspace(0, 10, NODES)


def choice(**more):
    return GuessEngine(QUESTION, OPTIONS, **{"answer": "to 0", "because": "They have nothing in common."} | more)


def sketch(truth=SINE, **more):
    return GuessEngine("Sketch the sine.", panel=AXES, truth=truth, **more)


def said(engine):
    return " ".join(line for note in engine.complete().notes for line in (note.title, *note.lines) if line)


def drawn(engine):
    return [line.name for line in engine.complete().panels[0].lines]


def test_an_option_is_guessed_before_anything_is_shown():
    engine = choice()
    assert (engine.made, engine.state, engine.off()) == (None, "idle", ["reveal", "again"])
    with pytest.raises(RecipeError, match=FIRST):
        engine.press("reveal")
    engine.press("option_1")
    engine.press("option_2")  # another one, as nothing is shown yet
    assert (engine.made, engine.state, engine.off(), engine.pressed()) == ("to -log 4", "guessed", [], ["option_2"])
    assert "nothing in common" not in said(engine)
    engine.press("reveal")
    assert engine.state == "shown" and engine.off() == ["option_2", "option_3", "reveal"], "only the answer is lit"
    assert engine.pressed() == ["option_2"], "the guess stays"
    assert said(engine) == "You guessed: to −log 4. What happens: to 0. They have nothing in common."
    engine.press("option_1")  # the answer, which is lit: nothing to be told off for
    assert engine.made == "to -log 4"
    with pytest.raises(RecipeError, match="shown already"):
        engine.press("option_3")
    engine.press("again")
    assert (engine.made, engine.state, engine.pressed()) == (None, "idle", [])
    assert engine.line() is None


def test_the_verdict_says_whether_the_option_was_right():
    engine = choice()
    for option, tone in zip(OPTIONS, ("normal", "odd", "odd")):
        engine.again()
        engine.pick(option)
        engine.reveal()
        assert engine.picture().notes[-1].tone == tone


def test_a_sketch_stays_over_what_happens():
    calls = []
    engine = sketch(lambda: calls.append(1) or SINE, because="It swings.")
    assert drawn(engine) == [] and engine.complete().panels[0].draws == "sketch"
    with pytest.raises(RecipeError, match=FIRST):
        engine.reveal()
    heights = [None] * 40 + [0.5] * 41
    engine.set(sketch=heights)
    x, y = engine.made
    assert np.array_equal(np.isnan(y), np.arange(NODES) < 40) and (x[0], x[-1]) == (0, 10)
    assert drawn(engine) == ["your guess"] and calls == [], "the truth is not looked at before it is shown"
    engine.reveal()
    assert drawn(engine) == ["what happens", "your guess"] and calls == [1]
    assert engine.complete().panels[0].draws is None, "a guess cannot be mended afterwards"
    with pytest.raises(RecipeError, match="shown already"):
        engine.set(sketch=[0.0] * NODES)
    line = engine.line("before")
    assert (line.name, line.style) == ("before", "guess") and np.array_equal(line.y, y, equal_nan=True)
    assert "It swings." in said(engine)
    engine.again()
    assert engine.made is None and engine.line() is None and drawn(engine) == []


@pytest.mark.parametrize(
    ("heights", "right", "words"),
    [
        (np.sin(SWING), True, "close to what happens"),
        (0.4 * np.sin(SWING), True, "right shape"),
        (-np.sin(SWING), False, "another curve"),
        (np.sin(SWING) + 0.6 * np.sin(3 * SWING), False, "another curve"),  # it correlates, and has more turns
        (np.zeros(NODES), False, "another curve"),
    ],
)
def test_the_verdict_on_a_sketch(heights, right, words):
    engine = sketch()
    engine.set(sketch=heights)
    engine.reveal()
    assert engine.verdict()[0] is right and words in said(engine)
    off = np.abs(heights - np.sin(SWING)).mean()
    assert off < 0.01 or f"{off:.2g}" in said(engine)


def test_a_sketch_may_lie_below_0_and_another_demo_may_show_what_happens():
    engine = sketch(None)
    engine.set(sketch=[-0.5] * NODES)
    engine.reveal()
    assert drawn(engine) == ["your guess"] and "Your guess is kept" in said(engine)
    line = Line(X, X / 10, "JSD", "C")
    engine = sketch(lambda: line)
    engine.set(sketch=[0.5] * 9)
    engine.reveal()
    assert drawn(engine) == ["JSD", "your guess"]


def test_what_goes_wrong_in_the_truth_shows_nothing():
    engine = sketch(lambda: (X, X[:-1]))
    engine.set(sketch=[0.0] * NODES)
    with pytest.raises(RecipeError, match="as many y as x"):
        engine.reveal()
    assert engine.state == "guessed" and drawn(engine) == ["your guess"]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: GuessEngine(QUESTION, OPTIONS, answer="to 1"), "the answer is 'to 1'; it must be one of the options"),
        (lambda: GuessEngine(QUESTION, OPTIONS), "the answer is None"),
        (lambda: GuessEngine(QUESTION, ["to 0"], answer="to 0"), "two to eight different"),
        (lambda: GuessEngine(QUESTION, "yes or no", answer="y"), "two to eight different"),
        (lambda: GuessEngine(QUESTION, ["a", "a"], answer="a"), "two to eight different"),
        (lambda: GuessEngine(QUESTION), "give one of the two"),
        (lambda: GuessEngine(QUESTION, OPTIONS, answer="to 0", panel=AXES), "give one of the two"),
        (lambda: GuessEngine(QUESTION, OPTIONS, answer="to 0", truth=SINE), "for options give `answer`"),
        (lambda: GuessEngine(" ", OPTIONS, answer="to 0"), "give a sentence"),
        (lambda: GuessEngine(QUESTION, panel=Panel(x=(0, 1))), "the ranges x and y"),
        (lambda: GuessEngine(QUESTION, panel=AXES, answer="to 0"), "for a sketch give `truth`"),
        (lambda: GuessEngine(QUESTION, panel=Panel(x=(0, 1), y=(0, 1), draws="a")), "Panel of lines"),
        (lambda: sketch((X, X[:-1])), "as many y as x"),
        (lambda: sketch((X[::-1], X)), "x growing"),
        (lambda: sketch(3), "the truth is 3"),
        (lambda: choice().pick("to 1"), "'to 1' is none of the options"),
        (lambda: sketch().set(sketch=[0.0] * 3), "8 to 400 numbers"),
        (lambda: sketch().set(sketch=[np.inf] * NODES), "finite"),
    ],
)
def test_every_mistake_has_one_clear_message(make, message):
    with pytest.raises(RecipeError, match=message):
        make()


def test_the_widget_says_the_same():
    guess = Guess(QUESTION, OPTIONS, answer="to 0")
    guess.pick("to -log 4")
    assert guess.made == "to -log 4" and guess.line() is None
    guess.reveal()
    assert guess.state == "shown"
    guess.again()
    assert guess.made is None
    with pytest.raises(RecipeError, match="none of the options"):
        guess.pick("to 7")
    own = Guess("Sketch it.", panel=AXES, truth=SINE)
    own.sketch = [None, *[-0.25] * 80]
    assert own.line().y[1] == -0.25 and np.isnan(own.line().y[0])
    assert own.sketch[0] is None
    [about] = [one for one in frame.described(own.engine.controls) if one["key"] == "sketch"]
    assert about["free"] is True


def test_a_preview_shows_the_question_and_never_the_answer():
    guess, other = Guess(QUESTION, OPTIONS, answer="to 0", because="B."), Guess(QUESTION, OPTIONS, answer="to -log 4")
    before = guess.preview()
    guess.pick("to 0")
    guess.reveal()
    assert guess.preview() == before == other.preview()
    image = Image.open(io.BytesIO(before)).convert("RGBA")
    assert image.height < 160 and np.asarray(image)[..., 3].any()
    longer = Guess(QUESTION * 6, OPTIONS, answer="to 0").preview()
    assert Image.open(io.BytesIO(longer)).height > image.height, "a long question has more lines"
    wide = "k goes from 1 to 10, and the number of updates stays the same. What happens to the JSD of the best setting?"
    image = Image.open(io.BytesIO(Guess(wide, OPTIONS, answer="to 0").preview())).convert("RGBA")
    assert not np.asarray(image)[:, -4:, 3].any(), "a row of the question is cut off at the right"
    own = Guess("Sketch it.", panel=AXES, truth=SINE)
    empty = own.preview()
    own.sketch = [0.5] * NODES
    own.reveal()
    assert own.preview() == empty


def test_random_events_never_show_what_happens_without_a_guess():
    rng, refused = random.Random(0), 0
    for engine in (choice(), sketch()):
        for _ in range(300):
            button = {"type": "press", "button": rng.choice(["option_1", "option_3", "reveal", "again", "none"])}
            heights = [rng.choice([None, rng.uniform(-1, 1)])] * rng.choice([3, NODES])
            command = rng.choice([button, {"type": "set", "values": {"sketch": heights}}])
            try:
                engine.do(command)
            except RecipeError:
                refused += 1
            assert not engine.shown or engine.made is not None
            picture = engine.complete()
            assert not picture.panels or ("what happens" in drawn(engine)) == engine.shown
    assert 150 < refused < 450
