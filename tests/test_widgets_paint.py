"""Painting a mask, and slices through the plane, without a page: what each command changes, and mistakes."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from ganlib import MNIST, RecipeError, load, scale
from ganlib.checkpoints import Trained
from ganlib.recipes import MASKS
from ganlib.studies import all_conditionals as study
from ganlib.widgets import PaintMask
from ganlib.widgets.paint import HIDDEN, PaintMaskEngine
from ganlib.widgets.slices import SlicesEngine


@pytest.fixture(scope="module")
def data():
    return load("synthetic")


@pytest.fixture(scope="module")
def trained(data):
    recipe = MASKS.at("smoke")
    G, D = recipe.networks(0, data.mean())
    with torch.no_grad():
        for p in G.parameters():
            p.mul_(3)
    return Trained(G, D, recipe, {})


@pytest.fixture
def play(trained, data):
    return PaintMaskEngine(trained, data, seed=2)


def expected(play):
    """The completions, from the blocks by hand."""
    mask = play.hidden.view(7, 1, 7, 1).expand(7, 4, 7, 4).reshape(784).float()
    x = play.x * (1 - mask)
    return play.trained.samples(8, play.seed, torch.cat([x, mask[None]], 1).expand(8, -1))


def test_a_block_is_hidden_or_shown_and_the_rest_of_the_stroke_follows_the_first(play):
    assert play.hidden.tolist() == [False] * 21 + [True] * 28
    for command in ({"index": 3}, {"index": 30, "stroke": True}, {"index": 4, "stroke": True}):
        play.press("paint", **command)
    assert play.hidden[[3, 4, 30]].all(), "hidden by the stroke, the one that was hidden stays so"
    play.press("paint", index=30)
    play.press("paint", index=5, stroke=True)
    play.press("paint", index=3, stroke=True)
    assert not play.hidden[[30, 5, 3]].any() and play.hidden[4]
    assert torch.allclose(play.completions, expected(play), atol=1e-6)
    blocks = play.complete().panels[0].tiles.images
    shown = [bool((block == (0.65 * np.array(HIDDEN)).astype(np.uint8)).all()) for block in blocks]
    assert shown == play.hidden.tolist()


def test_all_none_another_digit_and_new_noise(play, data):
    play.press("none")
    assert torch.allclose(play.completions, play.x.expand(8, -1)) and play.apart == 0
    play.press("all")
    drawn = play.completions
    assert torch.allclose(drawn, play.trained.samples(8, 2), atol=1e-6)
    play.press("other")
    assert torch.equal(play.completions, drawn), "nothing of the digit is seen"
    which = play.order[1]
    assert torch.equal(play.x, scale(data.test[which : which + 1])) and play.label == data.test_labels[which]
    play.press("noise")
    assert not torch.allclose(play.completions, drawn)
    by_hand = [(a - b).norm().item() for i, a in enumerate(play.completions) for b in play.completions[:i]]
    assert play.apart == pytest.approx(np.mean(by_hand), rel=1e-5)


def test_the_classifier_s_answers_stand_in_the_completions(trained, data):
    judge = SimpleNamespace(probabilities=lambda x: torch.eye(10)[torch.arange(len(x)) % 3])
    picture = PaintMask(trained, data, judge).engine.complete()
    assert list(picture.panels[1].tiles.badges.values()) == list("01201201")


def test_mistakes(play, trained, data):
    for index in (-1, 49, True, "3"):
        with pytest.raises(RecipeError, match="no block"):
            play.press("paint", index=index)
    with pytest.raises(RecipeError, match=r"the mask is \(3,\)"):
        play.cover(torch.ones(3))
    with pytest.raises(RecipeError, match=r"the mask is 3; it must be a torch.Tensor of \(49,\) blocks"):
        play.cover(3)
    with pytest.raises(RecipeError, match="not given masks"):
        PaintMaskEngine(replace(trained, recipe=MNIST), data)


def test_slices_are_those_of_the_game_and_a_seed_begins_anew():
    play = SlicesEngine(seed=1, at=-0.5)
    for _ in range(60):
        play.once()
    assert play.curves.rows()[:, 0].tolist() == [0, 50]
    picture = play.complete()
    G, exact = picture.panels[1].lines
    assert exact.y == pytest.approx(study.HILLS.conditional(0, -0.5).pdf(exact.x))
    widths = np.diff(G.x)[::2]
    assert (G.y[::2] * widths).sum() == pytest.approx(1, abs=0.01), "bars of a density"
    play.set(which="x2", at=1.0)
    assert play.jsd() == play.game.conditional_jsd(1, 1.0, 4_000)
    assert play.complete().panels[0].marks[0].moves == ("at", None)
    was = [p.clone() for p in play.game.G.parameters()]
    play.reset()
    for _ in range(60):
        play.once()
    assert all(torch.equal(a, b) for a, b in zip(was, play.game.G.parameters()))
    play.set(seed=2)
    assert play.game.seed == 2 and play.game.step == 0
