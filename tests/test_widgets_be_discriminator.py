"""The reader as D, without a page: the pictures, what D says of them, and both scores by an independent computation."""

from __future__ import annotations

import math
import random
from dataclasses import replace

import numpy as np
import pytest
import torch

from ganlib import MNIST, RecipeError, Trainer, load
from ganlib.checkpoints import Trained
from ganlib.widgets import BeTheDiscriminator
from ganlib.widgets.be_discriminator import ANSWERS, MASKS, BeTheDiscriminatorEngine, score

RECIPE = replace(MNIST.at("smoke"), batch=20, z_dim=20)


@pytest.fixture(scope="module")
def data():
    return load("synthetic")


@pytest.fixture(scope="module")
def trained(data):
    G, D = RECIPE.networks(0, data.mean())
    average, _ = RECIPE.networks(1, data.mean())
    with torch.no_grad():
        for net in (G, D, average):
            for p in net.parameters():
                p.mul_(4)
    return Trained(G, D, RECIPE, {"average": {"what": "the average"}}, average)


@pytest.fixture
def play(trained, data):
    return BeTheDiscriminatorEngine(trained, data.test, data.shape, n=20, seed=3)


def by_hand(D, real):
    """V, accuracy and confidence in plain numpy."""
    D, real = np.asarray(D, float), np.asarray(real, bool)
    V = np.log(D[real]).mean() + np.log(1 - D[~real]).mean()
    right = np.where(D == 0.5, 0.5, (D > 0.5) == real).mean()
    return right, V, np.maximum(D, 1 - D).mean()


def test_half_are_real_test_pictures_and_half_are_drawn_by_g(play, trained, data):
    real = play.real.numpy()
    assert real.sum() == 10 and not (np.sort(real)[::-1] == real).all()
    test = {tuple(row) for row in data.test.tolist()}
    pixels = (play.x * 255).round().long().tolist()
    assert all(tuple(pixels[i]) in test for i in range(20) if real[i])
    fakes = trained.recipe.samples(trained.G, 10, 20_140_613)
    there = play.x[~play.real]
    assert sorted(there.tolist()) == sorted(fakes.tolist())
    again = BeTheDiscriminatorEngine(trained, data.test, data.shape, n=20, seed=3)
    assert torch.equal(again.x, play.x) and torch.equal(again.real, play.real)
    play.press("new")
    assert play.seed == 4 and not torch.equal(again.x, play.x)


def test_one_who_never_knows_has_minus_log_4(play):
    for _ in range(20):
        play.press("say_3")
    own, _ = play.scores()
    assert own == pytest.approx((0.5, -math.log(4), 0.5), abs=1e-12)


def test_both_scores_are_those_computed_by_hand(play, trained):
    rng = np.random.default_rng(0)
    said = rng.uniform(0.02, 0.98, 20)
    with torch.no_grad():
        masks = torch.Generator().manual_seed(3)
        D = torch.sigmoid(trained.D.logit(play.x.repeat(MASKS, 1), masks)).view(MASKS, 20).double().mean(0).numpy()
    for i, D_own in enumerate(said, 1):
        play.say(float(D_own))
        real = play.real[:i].numpy()
        own, of_D = play.scores()
        if real.any() and not real.all():
            assert own == pytest.approx(by_hand(said[:i], real), abs=1e-10)
            assert of_D == pytest.approx(by_hand(D[:i], real), abs=1e-5)
        else:
            assert math.isnan(own.V) and "V is not known yet" in play.complete().notes[0].lines[0]
    assert play.state == "finished" and f"V = {own.V:.2f}".replace("-", "−") in play.complete().notes[0].lines[0]
    assert f"V = {of_D.V:.2f}".replace("-", "−") in play.complete().notes[0].lines[1]


def test_a_perfect_d_has_v_near_0_and_one_that_is_surely_wrong_pays(play):
    sure = torch.where(play.real, 4.0, -4.0).double()
    assert score(sure, play.real).V == pytest.approx(-2 * math.log1p(math.exp(-4)))
    assert score(-sure, play.real).V == pytest.approx(-2 * math.log1p(math.exp(4)))
    assert (score(sure, play.real).right, score(-sure, play.real).right) == (1, 0)


def test_nothing_is_given_away_before_a_picture_is_judged(play):
    def seen():
        panels = play.complete().panels
        return panels, panels[1].tiles, panels[2].cells

    (one, _, _), sheet, table = seen()
    assert one.title == "Picture 1 of 20: real or fake?" and not sheet.badges
    assert (sheet.images == sheet.images[0, 0, 0]).all() and np.isnan(table.values).all()
    play.press("say_5")
    play.press("say_1")
    (one, _, _), sheet, table = seen()
    assert one.title == "Picture 3 of 20: real or fake?" and set(sheet.badges) == {0, 1}
    assert np.isfinite(table.values).sum() == 6 and np.isnan(table.values[:, 2:]).all()
    assert (one.tiles.images[0] == play._sheet[2]).all()
    kind = ["fake", "real"][int(play.real[0])]
    assert table.words[2][0] == [kind] and table.words[1][0] == ["0.99"]
    assert sheet.badges[0] == f"{kind} {'✓' if play.real[0] else '✗'}"
    play.press("look", index=0)
    assert seen()[0][0].title == f"Picture 1, a {'real one' if play.real[0] else 'fake'}"
    assert "Picture 1 was" in play.complete().words
    play.press("look", index=7)  # not judged yet
    assert play.looking is None and play.complete().panels[0].title.startswith("Picture 3 of 20")


def test_an_answer_can_be_taken_back(play):
    assert "back" in play.off()
    for _ in range(20):
        play.once()
    assert {"say_1", "say_5"} <= {*play.off()}
    with pytest.raises(RecipeError, match="all 20 pictures are judged"):
        play.press("say_1")
    play.press("back")
    assert len(play.answers) == 19 and play.off() == []


def test_the_fakes_may_be_those_of_the_average(play, trained, data):
    before = play.x
    play.say(0.3)
    play.set(G="average")
    assert play.answers == [] and not torch.equal(play.x, before)
    assert torch.equal(play.x[play.real], before[play.real]), "the real ones stay"
    assert play.twin().values == play.values and torch.equal(play.twin().x, play.x)
    assert "G" not in BeTheDiscriminatorEngine(replace(trained, average=None), data.test, data.shape).values


@pytest.mark.parametrize(
    ("act", "message"),
    [
        (lambda play: play.say(0), r"D\(x\) is 0; it must lie in \(0, 1\)"),
        (lambda play: play.say(float("nan")), "must lie in"),
        (lambda play: play.say("real"), "must lie in"),
        (lambda play: play.look(20), "numbered from 0 to 19"),
        (lambda play: play.look(True), "there is no picture True"),
        (lambda play: play.new(-1), "whole number"),
        (lambda play: play.set(G="both"), "use one of last, average"),
        (lambda play: BeTheDiscriminatorEngine(play.trained, play.pictures, play.shape, n=1), "2 to 60"),
        (lambda play: BeTheDiscriminatorEngine(play.trained, play.pictures[:3], play.shape, n=20), "half of them"),
        (lambda play: BeTheDiscriminator(play.trained, play.pictures), "with their shape"),
        (lambda play: BeTheDiscriminator(play.trained, [1, 2], play.shape), "data is .* must be a Dataset or"),
    ],
)
def test_every_mistake_has_one_clear_message(play, act, message):
    with pytest.raises(RecipeError, match=message):
        act(play)


def test_the_widget_says_the_same_of_any_pair_and_data(data):
    trainer = Trainer(RECIPE, data)
    play = BeTheDiscriminator(trainer, data, n=4, seed=1)
    rows = BeTheDiscriminator(trainer, data.test, data.shape, n=4, seed=1)
    assert torch.equal(rows.engine.x, play.engine.x)
    play.say(0.5, 0.5)
    play.press("say_1")
    assert play.engine.answers == [0.5, 0.5, ANSWERS["surely fake"]] and play.state == "playing"
    with pytest.raises(RecipeError, match="must lie in"):
        play.say(2)
    assert len(play.preview(steps=4)) > len(play.preview()) > 1000
    assert len(play.engine.answers) == 3, "a preview is played aside"


def test_random_events_keep_the_game_whole(play):
    rng, refused = random.Random(0), 0
    for _ in range(300):
        button = rng.choice([*(f"say_{i}" for i in range(1, 7)), "back", "new", "look"])
        values = {"index": rng.choice([0, 5, 25, None])} if button == "look" else {}
        try:
            play.do({"type": "press", "button": button, "values": values})
        except RecipeError:
            refused += 1
        assert len(play.answers) <= 20 and play.real.sum() == 10
        assert play.looking is None or play.looking < len(play.answers)
        play.complete()
    assert 20 < refused < 150
