"""A trained pair to start from and to break, players that are held, and one sample looked at closely: no page."""

from __future__ import annotations

import copy
from dataclasses import replace

import numpy as np
import pytest
import torch

from ganlib import MNIST, RecipeError, Trainer, images, load
from ganlib.checkpoints import Trained
from ganlib.game import generator_cost
from ganlib.recipes import CIFAR10_FC
from ganlib.widgets import LiveTraining
from ganlib.widgets.closer import MASKS, push
from ganlib.widgets.frame import described
from ganlib.widgets.steering import BREAKS
from ganlib.widgets.training import TrainingEngine
from tests.small import same

RECIPE = replace(MNIST.at("smoke"), batch=20, z_dim=20)


@pytest.fixture(scope="module")
def data():
    return load("synthetic")


@pytest.fixture(scope="module")
def pair(data):
    trainer = Trainer(RECIPE, data, seed=1)
    with torch.no_grad():
        for p in (*trainer.G.parameters(), *trainer.D.parameters()):
            p.mul_(8)
        trainer.D.layers[-1].linear.bias.fill_(1.0)  # D(x) is not 1/2
    return Trained(trainer.G, trainer.D, RECIPE, {"epochs": 3.0, "data": data.name})


@pytest.fixture
def engine(data):
    return TrainingEngine(RECIPE, data, seed=3, samples=(2, 3))


@pytest.fixture
def going_on(data, pair):
    return TrainingEngine(RECIPE, data, seed=3, samples=(2, 3), start=pair)


def nets(trainer):
    return {name: copy.deepcopy(net.state_dict()) for name, net in (("G", trainer.G), ("D", trainer.D))}


def train(engine, n=1):
    for _ in range(n):
        engine.step()


# -- from a trained pair -----------------------------------------------------------------------------------------------


def test_it_starts_from_the_pair_at_its_place_and_a_reset_goes_back_to_it(going_on, pair):
    own, batches = nets(pair), going_on.trainer.batches
    same(nets(going_on.trainer), own)
    train(going_on, 3)
    run = going_on.trainer
    assert (run.step, run.updates, run.epoch, going_on.since) == (3 * batches + 3, 3 * batches + 3, 4, 3)
    assert going_on.latest.lr_G == pytest.approx(RECIPE.lr("G", 3 * batches + 2))
    assert not torch.equal(nets(run)["G"]["layers.0.linear.weight"], own["G"]["layers.0.linear.weight"])
    same(nets(pair), own)  # the pair itself has not moved
    assert going_on.complete().panels[1].x == (0, 20) and going_on.curves.rows()[:, 0].tolist() == [1, 2, 3]
    going_on.reset()
    same(nets(going_on.trainer), own)
    assert going_on.since == 0
    train(going_on, 2)
    same(nets(going_on.twin().trainer), own)


def test_a_pair_of_other_nets_is_refused(data, pair):
    with pytest.raises(RecipeError, match="G is not that of the pair"):
        TrainingEngine(MNIST, data, start=pair)


def test_the_recipe_and_the_diagnosis_are_the_pairs(pair, data):
    live = LiveTraining(data=data, start=pair, samples=(2, 3))
    assert live.trainer.recipe == RECIPE and live.diagnosis()[0].startswith("Nothing has happened yet")
    live.preview(steps=21)
    assert live.diagnosis()[0] == "Read from the preview above, 21 steps:"
    live._loop.retire()


# -- held players, and presets -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("held", "other"), [("D", "G"), ("G", "D")])
@pytest.mark.parametrize("update", ["simultaneous", "alternating"])
def test_a_player_whose_rate_is_0_is_held_until_it_gets_another(going_on, held, other, update):
    train(going_on, 2)
    going_on.set(**{f"lr_{held}": 0, "update": update})
    before = nets(going_on.trainer)
    train(going_on, 2)
    now = nets(going_on.trainer)
    same(now[held], before[held])
    assert not torch.equal(now[other]["layers.0.linear.weight"], before[other]["layers.0.linear.weight"])
    assert going_on.twin().trainer.held == [held]
    going_on.reset()
    assert going_on.trainer.held == [held]
    going_on.restore()
    train(going_on)
    weight = "layers.0.linear.weight"
    assert not torch.equal(nets(going_on.trainer)[held][weight], nets(going_on.trained)[held][weight])


def test_a_preset_goes_back_to_the_pair_changes_its_own_and_trains(going_on, pair):
    for name, changes in (
        ("hold_D", {"lr_D": 0, "lr_G": 10 * RECIPE.lr_G}),
        ("fast_G", {"lr_G": 10 * RECIPE.lr_G}),
        ("minimax", {"generator_cost": "minimax"}),
    ):
        going_on.set(k=3)
        train(going_on)
        going_on.do({"type": "press", "button": name})
        same(nets(going_on.trainer), nets(pair))
        assert going_on.values == going_on.defaults | changes and going_on.state == "running"
        assert (going_on.pressed(), going_on.events, going_on.trainer.held) == ([name], [], ["D"] * (name == "hold_D"))
        going_on.set(k=2)
        assert going_on.pressed() == []


def test_only_a_demo_that_starts_from_a_pair_has_presets(engine, going_on):
    assert not BREAKS.keys() & engine.controls.keys() and BREAKS.keys() <= going_on.controls.keys()
    assert "pick" not in [one["key"] for one in described(engine.controls)]  # no button of its own on the page
    with pytest.raises(RecipeError, match="no button"):
        engine.do({"type": "press", "button": "hold_D"})


def test_the_verdict_says_that_d_is_held(going_on):
    going_on.preset("hold_D")
    train(going_on, 25)
    verdict = going_on.verdict()
    assert verdict.tone == "odd" and verdict.sentences[0].startswith("D is held: ")
    assert "different real pictures" in " ".join(verdict.sentences) or "only one picture" in verdict.sentences[1]


# -- one sample closely ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("cost", ["non-saturating", "minimax"])
@pytest.mark.parametrize("masks", [0, 3])
def test_the_push_is_minus_the_slope_of_gs_cost_at_each_pixel(pair, cost, masks):
    """By central differences in float64, with the same masks, at some pixels of two pictures; and in closed form."""
    D = copy.deepcopy(pair.D).double()
    x = torch.rand(2, 784, generator=torch.Generator().manual_seed(5), dtype=torch.float64)
    found = push(pair.D, x, cost, masks)
    assert found.shape == x.shape and found.dtype == torch.float32
    h, scale, n = 1e-5, found.abs().max().item(), masks or 1

    def logits(x):
        """(n, 2)."""
        rng = torch.Generator().manual_seed(0) if masks else None
        return D.logit(x.repeat(n, 1), rng).view(n, 2)

    for i, pixel in ((0, 0), (0, 391), (1, 405), (1, 783)):
        to = torch.zeros(2, 784, dtype=torch.float64)
        to[i, pixel] = h
        with torch.no_grad():
            ends = [generator_cost(logits(x + sign * to)[:, i], cost).item() for sign in (1, -1)]
        assert -(ends[0] - ends[1]) / (2 * h) == pytest.approx(found[i, pixel].item(), abs=1e-4 * scale)
    y = x.repeat(n, 1).requires_grad_()
    a = D.logit(y, torch.Generator().manual_seed(0) if masks else None)
    (slope,) = torch.autograd.grad(a.sum(), y)
    D_x = torch.sigmoid(a.detach())
    factor = 1 - D_x if cost == "non-saturating" else D_x
    expected = (factor[:, None] * slope).view(n, 2, 784).mean(0).float()
    assert (found - expected).abs().max() < 1e-5 * scale


def test_a_sample_is_shown_beside_its_nearest_training_picture_and_the_push_on_it(going_on, data):
    train(going_on)
    assert len(going_on.complete().panels) == 4
    going_on.do({"type": "press", "button": "pick", "values": {"index": 4}})
    sheet, *_, one, other, pushed = going_on.complete().panels
    assert sheet.tiles.badges == {4: ""} and np.array_equal(one.tiles.images[0], sheet.tiles.images[4])
    x = going_on.trainer.samples(64, 1406)[4:5]
    index, distance = images.nearest(x, data.train)
    assert np.array_equal(other.tiles.images[0], data.train[index].reshape(28, 28).numpy())
    assert other.title == f"Nearest training picture, {distance.item():.2f} away"
    expected = push(going_on.trainer.D, x, masks=MASKS).reshape(28, 28)
    rng = torch.Generator().manual_seed(0)
    with torch.no_grad():
        chance = torch.sigmoid(going_on.trainer.D.logit(x.repeat(MASKS, 1), rng)).mean()
    assert one.title == f"The chosen sample: D(x) = {chance:.2f}"
    assert np.array_equal(np.flipud(pushed.heat.z), expected.numpy())  # the first row of a map stands below
    most = expected.abs().max().item()
    assert pushed.heat.limits == pytest.approx((-most, most)) and f"{expected.norm():.2g} long" in pushed.title
    going_on.set(generator_cost="minimax")
    again = np.flipud(going_on.complete().panels[-1].heat.z)
    assert np.allclose(again, push(going_on.trainer.D, x, "minimax", MASKS).reshape(28, 28), atol=1e-7)
    assert np.abs(again - expected.numpy()).max() > 0.1 * most
    assert going_on.twin().picked == 4
    going_on.pick(4)
    assert going_on.picked is None and len(going_on.complete().panels) == 4
    for junk in (-1, 6, 1.0, "3", None, True):
        with pytest.raises(RecipeError, match="there is no sample"):
            going_on.do({"type": "press", "button": "pick", "values": {"index": junk}})


def test_no_search_is_made_while_it_trains_and_looking_changes_nothing(engine, data, monkeypatch):
    searched = []
    true = images.nearest
    monkeypatch.setattr("ganlib.widgets.closer.nearest", lambda *a, **k: searched.append(1) or true(*a, **k))
    engine.pick(2)
    engine.complete()
    engine.start()
    for _ in range(3):
        engine.advance(0)
        titles = [panel.title for panel in engine.complete().panels]
    assert len(searched) == 1 and titles[-2].startswith("Nearest at step 0: ")
    engine.pick(5)
    engine.complete()
    assert len(searched) == 2
    engine.advance(0)
    engine.complete()
    engine.pause()
    assert engine.complete().panels[-2].title.startswith("Nearest training picture, ") and len(searched) == 3
    engine.complete()
    assert len(searched) == 3
    plain = Trainer(RECIPE, data, seed=3)
    list(plain.steps(4))
    same(nets(engine.trainer), nets(plain))
    assert torch.equal(engine.trainer.rng.get_state(), plain.rng.get_state())


def test_colours_are_added_up_in_the_push():
    colours = load("synthetic-cifar10")
    engine = TrainingEngine(replace(CIFAR10_FC.at("smoke"), batch=20), colours, samples=(1, 2))
    engine.pick(1)
    *_, one, other, pushed = engine.complete().panels
    x = engine.trainer.samples(64, 1406)[1:2]
    expected = push(engine.trainer.D, x, masks=MASKS).reshape(3, 32, 32).sum(0)
    assert np.allclose(np.flipud(pushed.heat.z), expected, rtol=1e-5, atol=1e-9)
    assert one.tiles.images.shape == other.tiles.images.shape == (1, 32, 32, 3)


def test_frames_come_less_often_when_the_look_at_a_sample_costs_more(engine, monkeypatch):
    now = [0.0]
    monkeypatch.setattr("ganlib.widgets.training.time.perf_counter", lambda: now[0])
    monkeypatch.setattr(engine._closer, "panels", lambda *_, **__: now.__setitem__(0, now[0] + 0.06) or [])
    engine.picture()
    assert engine.interval == pytest.approx(0.2)
    engine.pick(1)
    engine.picture()
    assert engine.interval == pytest.approx(0.4)
    engine.pick(1)
    engine.picture()
    assert engine.interval == pytest.approx(0.2)
