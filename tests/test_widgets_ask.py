"""The digit that is asked for, without a page: which c and z each picture is of, what the chart says, and mistakes."""

from __future__ import annotations

import random
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from ganlib import RecipeError, conditions
from ganlib.checkpoints import Trained
from ganlib.recipes import CONDITIONAL, MNIST
from ganlib.widgets import Ask
from ganlib.widgets.ask import STEPS, STRIP, AskEngine

FIRST = SimpleNamespace(probabilities=lambda x: torch.eye(10)[(x[:, 350] * 10).long()])  # by how bright a pixel is


@pytest.fixture(scope="module")
def trained():
    recipe = CONDITIONAL.at("smoke")
    nets = recipe.players(0, torch.full((784,), 0.13))
    with torch.no_grad():
        for p in nets["G"].parameters():
            p.mul_(4)
    return Trained(nets["G"], nets["D"], recipe, {})


@pytest.fixture
def play(trained):
    return AskEngine(trained, classifier=FIRST, seed=3, n=6)


def images(play, i):
    return play.complete().panels[i].tiles.images / 255


def drawn(trained, z, c):
    return trained.G.pictures(torch.cat([z, c], 1)).reshape(-1, 28, 28).numpy()


def test_a_button_draws_its_class_from_the_same_z(play, trained):
    z = trained.recipe.noise(6, 3)
    for digit in (0, 7):
        play.press(f"ask_{digit}")
        c = conditions.of_class(torch.full((6,), digit), 10)
        assert np.abs(images(play, 0) - drawn(trained, z, c)).max() <= 0.5 / 255 + 1e-6
        assert play.pressed() == [f"ask_{digit}"]
    play.set(keep=False)
    play.press("ask_7")
    assert play.seed == 3, "asked for the same digit again, nothing changes"
    play.press("ask_1")
    assert play.seed == 4 and torch.equal(play.z, trained.recipe.noise(6, 4))
    play.set(other=1, mix=0.5)
    sheet = play.complete().panels[0]
    assert sheet.title == "You asked for: 1", "a mixture of a digit with itself is that digit"
    assert sheet.tiles.badges == {0: ""}, "no number in the frame, which one could take for a class"


def test_the_mixture_and_the_strip_lie_on_the_line_between_two_classes(play, trained):
    play.press("ask_2")
    play.set(other=5, mix=0.3)
    play.press("pick", index=4)
    one, other = conditions.of_class(torch.tensor([2, 5]), 10)
    c = (0.7 * one + 0.3 * other).expand(6, -1)
    assert np.abs(images(play, 0) - drawn(trained, play.z, c)).max() <= 0.5 / 255 + 1e-5
    w = torch.linspace(0, 1, STRIP)[:, None]
    walk = drawn(trained, play.z[4:5].expand(STRIP, -1), (1 - w) * one + w * other)
    assert np.abs(images(play, -1) - walk).max() <= 0.5 / 255 + 1e-5
    play.press("ask_2")
    assert play.values["mix"] == 0


def test_the_chart_says_what_the_classifier_says(play):
    play.press("ask_2")
    play.set(other=5)
    chart = play.complete().panels[1]
    for i in (0, 8, 20):
        play.set(mix=STEPS[i])
        taken = FIRST.probabilities(play.draw(np.full(6, STEPS[i]), play.z)).mean(0).numpy()
        at = [line.y[i] for line in chart.lines]
        assert at == pytest.approx([taken[2], taken[5], 1 - taken[2] - taken[5]], abs=1e-6)
        assert f"takes {taken.max():.0%} of them for {taken.argmax()}" in play.complete().words
    table = np.zeros((len(STEPS), 10))
    table[:, 2], table[:, 5] = 1 - STEPS, STEPS
    play._along = play._along[0], table
    play.set(mix=0.75)
    assert "takes 75% of them for 5" in play.complete().words
    play.set(other=2)
    assert len(play.complete().panels[1].lines) == 1
    assert len(AskEngine(play.trained).complete().panels) == 2, "without a classifier there is no chart"


def test_every_mistake_has_one_clear_message(play, trained):
    for digit in (10, -1, True, "3", None):
        with pytest.raises(RecipeError, match="there is no digit"):
            play.ask(digit)
    for index in (6, -1, 1.0):
        with pytest.raises(RecipeError, match="there is no sample"):
            play.press("pick", index=index)
    for values in ({"mix": 1.1}, {"other": 10}, {"keep": 1}):
        with pytest.raises(RecipeError):
            play.set(**values)
    with pytest.raises(RecipeError, match="condition 'class'"):
        AskEngine(Trained(trained.G, trained.D, MNIST, {}))
    for wrong in ({"n": 0}, {"n": 201}, {"seed": -1}, {"digit": 10}):
        with pytest.raises(RecipeError):
            AskEngine(trained, **wrong)


def test_random_events_keep_it_whole(play):
    rng = random.Random(0)
    for _ in range(60):
        if rng.random() < 0.5:
            play.do({"type": "press", "button": rng.choice([*(f"ask_{k}" for k in range(10)), "new"])})
        else:
            key = rng.choice(["mix", "other", "keep"])
            one = play.controls[key]
            value = rng.random() < 0.5 if key == "keep" else rng.choice(one.places())
            play.do({"type": "set", "values": {key: value}})
        assert len(play.complete().panels[0].tiles.images) == 6


def test_the_widget_asks_and_picks(trained):
    play = Ask(trained, classifier=FIRST, n=8)
    play.ask(7)
    play.pick(2)
    play.other, play.mix = 1, 0.5
    play.new()
    assert (play.engine.digit, play.engine.picked, play.engine.seed) == (7, 2, 1) and play["mix"] == 0.5
    with pytest.raises(RecipeError, match="there is no digit 12"):
        play.ask(12)
    assert len(play.preview()) > 1_000
