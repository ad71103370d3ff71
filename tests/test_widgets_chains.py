"""The chain and G side by side, without a page: which step makes a draw, what is counted, and mistakes."""

from __future__ import annotations

import random
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from ganlib import MNIST, RecipeError, load
from ganlib.baselines import RECIPES
from ganlib.baselines.model import Chain
from ganlib.checkpoints import Trained
from ganlib.widgets import Chains
from ganlib.widgets import chains as module
from ganlib.widgets.chains import COLUMNS, LEAST, ROWS, ChainsEngine

RECIPE = replace(MNIST.at("smoke"), batch=20, z_dim=20)
EVERY = 3  # steps for which the made-up chain stays at a digit


class Lamp(Chain):
    """Step t lights pixel t // 3 of ten, whatever the start; its conditional mean is half as bright."""

    def __init__(self):
        super().__init__(SimpleNamespace(chains=1, burn_in=0, thin=1), torch.full((784,), 0.05))
        self.starts = []

    def walk(self, x, rng):
        self.starts.append(x)
        for t in range(10**6):
            x = torch.nn.functional.one_hot(torch.tensor([t // EVERY % 10]), 784).float()
            yield x, x / 2


class Still(Lamp):
    """It stays where it is."""

    def walk(self, x, rng):
        while True:
            yield x, x


LIT = SimpleNamespace(probabilities=lambda x: x[:, :10])  # a classifier: the brightest of ten pixels


@pytest.fixture(scope="module")
def data():
    return load("synthetic")


@pytest.fixture(scope="module")
def trained(data):
    G, D = RECIPE.networks(0, data.mean())
    with torch.no_grad():
        for p in G.parameters():
            p.mul_(4)
    return Trained(G, D, RECIPE, {})


@pytest.fixture
def play(trained, data):
    return ChainsEngine({"lamp": Lamp(), "still": Still()}, trained, data, LIT, seed=3)


def test_a_draw_comes_after_so_many_steps_and_g_makes_one_with_it(play, trained):
    play.set(thin=5)
    for _ in range(4):
        play.press("step")
    assert play.steps == 4 and not play.drawn
    play.press("step")
    assert play.steps == 5 and len(play.drawn) == 1
    play.press("draw")
    assert play.steps == 10 and len(play.drawn) == 2 and play.state == "paused"
    play.press("step")
    play.press("draw")
    assert play.steps == 15 and len(play.drawn) == 3, "the steps that were left"
    lit = [int(pair[0].argmax()) for pair in play.drawn]
    assert lit == [4 // EVERY, 9 // EVERY, 14 // EVERY]
    fresh = trained.samples(module.MOST, seed=module.UNSEEN + 3)[:3]
    sheet = play.complete().panels[3].tiles.images[:3]
    assert np.abs(sheet / 255 - fresh.reshape(3, 28, 28).numpy()).max() <= 0.5 / 255 + 1e-6


def test_what_is_counted_is_counted_by_hand(play):
    for _ in range(11):
        play.once()
    own, fresh = play.digits()
    assert own == [0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3]
    assert fresh == play.fresh[:11, :10].argmax(1).tolist()
    which, many, _ = play.complete().panels[4:]
    assert which.lines[-1].y.tolist() == own and which.lines[0].y.tolist() == fresh
    assert many.lines[-1].y.tolist() == [1, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4] and many.lines[-1].value == "4"
    assert many.lines[0].value == str(len(set(fresh)))
    assert "the chain has shown 4 different digits" in play.complete().words
    play.set(thin=2)
    for _ in range(22):
        play.once()
    assert play.digits()[0] == [0, 1, 1, 2, 3, 3, 4, 5, 5, 6, 7]  # of the steps 2, 4, 6, ...
    assert f"another digit after {10 * 2 / 7:.1f} steps" in play.complete().notes[0].lines[0]


def test_the_autocorrelation_is_taken_around_the_mean_picture(play):
    play.set(model="still")
    for _ in range(LEAST - 1):
        play.once()
    assert not play.complete().panels[6].lines, "too few draws"
    play.once()
    assert play.traces()[0].rho == pytest.approx(np.ones(LEAST // 2 + 1)), "it would be 0 / 0 around its own mean"
    G = play.fresh[:LEAST].double() - 0.05
    by_hand = [(G[: LEAST - t] * G[t:]).sum(1).mean() for t in range(LEAST // 2 + 1)]
    assert play.traces()[1].rho == pytest.approx((torch.stack(by_hand) / by_hand[0]).numpy(), abs=1e-6)


def test_what_is_shown_is_the_mean_or_the_draw(play):
    play.press("step")
    assert play.complete().panels[0].tiles.images.max() == 128
    assert play.complete().panels[1].tiles.images[0].max() == 128
    play.set(shown="draws")
    assert play.complete().panels[0].tiles.images.max() == 255 and play.steps == 1


def test_the_sheet_holds_the_last_draws_in_reading_order(play):
    n = COLUMNS * ROWS + 1
    for _ in range(n):
        play.once()
    sheet = play.complete().panels[1].tiles.images
    lit = [int(image[0].argmax()) if image.max() == 128 else None for image in sheet]
    first = COLUMNS
    assert lit == [t // EVERY % 10 for t in range(first, n)] + [None] * (COLUMNS - 1)


@pytest.mark.parametrize(("origin", "share"), [("mean", 0.05), ("noise", 0.5), ("digit", None)])
def test_a_chain_starts_where_a_person_says(play, data, origin, share):
    play.set(model="lamp")
    play.set(origin=origin)
    play.once()
    start = play.model.starts[-1]
    if share is None:
        assert start[0].mul(255).round().long().tolist() in data.test.tolist()
    else:
        assert start.unique().tolist() == [0, 1] and start.mean().item() == pytest.approx(share, abs=0.06)


def test_the_chain_before_stays_in_the_charts(play):
    for _ in range(LEAST):
        play.once()
    play.set(pace=50)
    assert play.ghost is None and play.steps == LEAST
    play.set(thin=2)
    assert play.ghost.name == "lamp, 1 step a draw" and play.steps == 0
    names = [line.name for line in play.complete().panels[5].lines]
    assert names == ["lamp, 1 step a draw"]
    play.set(thin=5)
    assert play.ghost.name == "lamp, 1 step a draw", "a chain of no draws takes no one's place"


def test_a_real_chain_is_the_same_again_after_a_reset(trained, data):
    small = replace(RECIPES["rbm"], hidden=30).start(torch.full((784,), 0.13), 0)
    play = ChainsEngine({"RBM": small}, trained, data, LIT)

    def after(n):
        for _ in range(n):
            play.once()
        return torch.stack(play.drawn)

    first = after(6)
    assert not torch.equal(first[0], first[1])
    play.press("reset")
    assert torch.equal(after(6), first)
    play.press("reset", seed=1)
    assert not torch.equal(after(6), first)
    twin = play.twin()
    assert twin.values == play.values and twin.steps == 0


def test_it_rests_when_all_draws_are_there(play, monkeypatch):
    monkeypatch.setattr(module, "MOST", 12)
    play.press("reset")
    play.press("start")
    play.set(pace=200)
    play.clock = iter(range(1_000)).__next__  # a second goes by whenever it is asked
    play.advance(100)
    assert len(play.drawn) == 12 and play.state == "stopped" and not play.running
    assert {"start", "step", "draw"} <= set(play.off())
    with pytest.raises(RecipeError, match="all 12 draws are there"):
        play.press("step")
    play.press("reset")
    assert play.state == "idle" and "step" not in play.off()


def test_no_more_steps_a_second_than_a_person_sets(play):
    now = [0.0]
    play.clock = lambda: now[0]
    play.set(pace=10)
    play.press("start")
    for _ in range(300):
        now[0] += 0.01
        play.advance(0.005)
    assert 29 <= play.steps <= 31


def test_every_mistake_has_one_clear_message(play, trained, data):
    with pytest.raises(RecipeError, match="there are no models"):
        ChainsEngine({}, trained, data, LIT)
    small = replace(RECIPES["rbm"], hidden=3).start(torch.full((12,), 0.13), 0)
    vae = RECIPES["vae"].start(torch.full((784,), 0.13), 0)
    with pytest.raises(RecipeError, match=r"over pictures of \(1, 28, 28\): small, vae"):
        ChainsEngine({"lamp": Lamp(), "small": small, "vae": vae}, trained, data, LIT)
    for values in ({"thin": 3}, {"thin": None}, {"model": "DBM"}, {"origin": 0}, {"pace": 0}, {"shown": True}):
        with pytest.raises(RecipeError):
            play.set(**values)
    assert play.values["thin"] == 1


def test_random_events_keep_it_whole(play):
    rng = random.Random(0)
    for _ in range(150):
        button = rng.choice(["start", "pause", "step", "draw", "reset", ""])
        key = rng.choice([key for key in play.values if key != "seed"])
        values = {key: rng.choice(play.controls[key].places())}
        play.do({"type": "press", "button": button} if button else {"type": "set", "values": values})
        play.advance(0)
        assert len(play.drawn) == play.steps // play.values["thin"] == len(play.taken)
        play.complete()


def test_the_widget_and_its_still_picture(trained, data):
    play = Chains({"lamp": Lamp()}, trained, data, LIT)
    play.thin = 2
    play.step()
    assert play.engine.steps == 1 and play.state == "paused"
    assert len(play.preview(steps=40)) > len(play.preview()) > 1000
    assert play.engine.steps == 1, "a preview is played aside"
