"""The game in the plane, without a page: every control, points of one's own, what is measured, what ends it."""

from __future__ import annotations

import math
import random
import time

import numpy as np
import pytest
import torch

from ganlib import RecipeError
from ganlib.densities import grid, ring
from ganlib.errors import TrainingDiverged
from ganlib.recipes import RING
from ganlib.studies.toys import Toys
from ganlib.widgets import LivePlane
from ganlib.widgets.plane import FALL, LEARNS, PlaneEngine

WILD = {"lr_D": 1.0, "lr_G": 1.0, "momentum": 0.95}


@pytest.fixture
def engine():
    return PlaneEngine(RING)


def parameters(engine):
    nets = (engine.toys.G, engine.toys.D)
    return [p.detach().clone() for net in nets for p in net.parameters()]


def same(these, those):
    return all(torch.equal(a, b) for a, b in zip(these, those, strict=True))


def played(engine, n):
    for _ in range(n):
        engine.once()
    return engine


# -- controls ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "value"), [("k", 3), ("lr_D", 0.2), ("lr_G", 0.0), ("momentum", 0.5), ("generator_cost", "minimax")]
)
def test_a_control_reaches_the_game_that_goes_on(engine, name, value):
    played(engine, 3)
    engine.set(**{name: value})
    held = getattr(engine.toys, name)
    assert (held if isinstance(held, str) else held.item()) == pytest.approx(value)
    assert engine.events == [(3, name, value)]
    twin = Toys(RING, ring(), seeds=0)  # the same game, told by hand
    for _ in range(3):
        twin.iterate()
    twin.set(**{name: value})
    for _ in range(3):
        twin.iterate()
    played(engine, 3)
    assert same(parameters(engine), [p for net in (twin.G, twin.D) for p in net.parameters()])


def test_the_data_are_the_ring_the_grid_or_points_of_ones_own(engine):
    assert engine.modes() == ring(std=0.05)
    engine.set(p_data="grid")
    assert engine.toys.p_data == grid(std=0.05)
    engine.set(points=[[-1, 0], [1, 0.5]])  # what a person puts there becomes the data
    assert engine.values["p_data"] == "points"
    assert engine.toys.p_data.centres == ((-1, 0), (1, 0.5))
    engine.picture()
    distance = np.linalg.norm(engine.data[:, None] - np.array(engine.values["points"]), axis=-1)
    assert distance.min(1).max() < 0.3
    assert set(distance.argmin(1)) == {0, 1}
    engine.set(points=[])
    assert engine.toys.p_data == ring(std=0.05)
    assert "Until you do, the ring is the data" in engine.picture().panels[0].caption
    engine.set(p_data="ring", points=[[0, 0]])  # what is said outright holds
    assert engine.toys.p_data == ring(std=0.05)
    with pytest.raises(RecipeError, match="not finite"):
        engine.set(points=[[0, math.nan]])


def test_both_rates_fall_once_and_are_back_after_a_reset(engine):
    engine.set(fall=500, lr_D=0.05, momentum=0.5)
    engine.toys.step = 498
    engine.once()
    assert (engine.toys.lr_D.item(), engine.toys.lr_G.item()) == pytest.approx((0.05, 0.01))
    engine.once()
    assert (engine.toys.lr_D.item(), engine.toys.lr_G.item()) == pytest.approx((FALL * 0.05, FALL * 0.01))
    assert engine.values["lr_D"] == 0.05  # the slider stays where it is
    engine.set(lr_G=0.1)
    assert engine.toys.lr_G.item() == pytest.approx(FALL * 0.1)
    assert "rates fall" in [level.name for level in engine.picture().panels[1].levels]
    engine.set(fall=0)
    assert engine.toys.lr_G.item() == pytest.approx(0.1)
    engine.set(fall=500)
    engine.reset()
    assert (engine.toys.step, engine.toys.lr_D.item()) == (0, pytest.approx(0.05))


def test_the_button_that_learns_the_ring_begins_anew_with_its_settings(engine):
    engine.set(p_data="grid", k=4, lr_D=0.5, generator_cost="minimax")
    played(engine, 3).press("learn")
    assert {name: engine.values[name] for name in LEARNS} == LEARNS
    assert (engine.toys.step, engine.state, engine.events) == (0, "idle", [])
    assert same(parameters(engine), parameters(PlaneEngine(RING, **LEARNS)))
    engine.press("restore")
    assert engine.values == PlaneEngine(RING).values


def test_one_step_moves_one_player(engine):
    for button, mover, rest in (("step_D", "D", "G"), ("step_G", "G", "D")):
        before = {name: [p.detach().clone() for p in getattr(engine.toys, name).parameters()] for name in "GD"}
        engine.press(button)
        assert same(before[rest], getattr(engine.toys, rest).parameters())
        assert not any(torch.equal(a, b) for a, b in zip(before[mover], getattr(engine.toys, mover).parameters()))
        assert (engine.state, engine.toys.step) == ("paused", 0)
    engine.press("step")
    assert (engine.state, engine.toys.step) == ("paused", 1)


def test_a_reset_is_the_start_of_the_seed_bit_for_bit(engine):
    fresh = parameters(engine)
    later = parameters(played(engine, 5))
    for button in ("step_D", "step_G", "step"):
        engine.press(button)
    engine.reset()
    assert same(parameters(engine), fresh)
    assert same(parameters(played(engine, 5)), later)
    engine.set(seed=3)
    assert (engine.toys.step, engine.toys.seeds) == (0, [3])
    assert not same(parameters(engine), fresh)
    assert len(engine.curves.rows()) == 1


def test_looking_does_not_disturb_the_game(engine):
    other = PlaneEngine(RING)
    for _ in range(30):
        engine.once()
        engine.picture()
    assert same(parameters(engine), parameters(played(other, 30)))
    assert np.array_equal(engine.curves.rows(), other.curves.rows())


# -- what is measured --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("cost", ["non-saturating", "minimax"])
def test_the_arrows_are_minus_the_gradient_of_Gs_cost(cost):
    engine = played(PlaneEngine(RING, generator_cost=cost), 20)
    toys = engine.toys = Toys(RING, ring(), seeds=0, dtype=torch.float64)
    layers = list(zip(toys.D.weights, toys.D.biases))

    def D(x):
        h = x
        for weight, bias in layers:
            h = h @ weight[0].detach().numpy() + bias[0].detach().numpy()
            a, h = h[:, 0], np.maximum(h, 0)
        return 1 / (1 + np.exp(-a))

    def of_each(x):
        return -np.log(D(x)) if cost == "non-saturating" else np.log(1 - D(x))

    x, h = np.random.default_rng(0).normal(size=(50, 2)), 1e-6
    slopes = [(of_each(x + h * axis) - of_each(x - h * axis)) / (2 * h) for axis in np.eye(2)]
    assert np.allclose(engine.pull(x), -np.stack(slopes, 1), rtol=1e-6, atol=1e-8)


def test_modes_and_good_samples_by_counting_one_by_one(engine):
    for points in ([], [[0.2, 0.1], [-0.4, 0.3], [2.5, 2.5]]):
        engine.set(points=points, p_data="points" if points else "ring")
        played(engine, 25)
        engine.picture()
        x, centres = engine.toys.samples(1_000, 1)[0], engine.toys.p_data.centres
        good, reached = 0, set()
        for a, b in x:
            distances = [math.hypot(a - c, b - d) for c, d in centres]
            if min(distances) <= 0.15:
                good += 1
                reached.add(distances.index(min(distances)))
        assert good
        assert (engine.reached, engine.good) == (len(reached), good / 1_000)
        assert f"{len(reached)} of {len(centres)} modes, and {good / 1_000:.0%} of its" in engine.picture().words


def test_V_and_the_map_of_D(engine):
    played(engine, 25)
    picture = engine.complete()

    def D(x):
        return 1 / (
            1 + np.exp(-engine.toys.D(torch.tensor(x, dtype=torch.float32)[None])[0, :, 0].detach().double().numpy())
        )

    V = np.log(D(engine.data)).mean() + np.log(1 - D(engine.toys.samples(1_000, 1)[0])).mean()
    assert engine.V == pytest.approx(float(V), abs=1e-5)
    assert engine.curves.rows()[-1] == pytest.approx([25, engine.V, engine.reached / 8, engine.good])
    z = picture.panels[0].heat.z
    i, j = 5, 40  # the row is y, the column x
    assert z[i, j] == pytest.approx(float(D(np.array([[-3 + 6 * j / 48, -3 + 6 * i / 48]]))[0]), abs=1e-6)
    arrows = picture.panels[0].arrows[0]
    lengths = np.linalg.norm(np.array(arrows.end) - arrows.start, axis=1)
    pull = np.linalg.norm(engine.pull(engine.x[:80]), axis=1)
    assert np.corrcoef(lengths, pull)[0, 1] > 0.9999
    assert lengths.max() == pytest.approx(0.6 * min(1, pull.max() / 0.05))


def test_what_the_picture_says_in_words(engine):
    words = played(engine, 30).picture().words
    assert words.startswith("After 30 iterations G reaches ")
    assert f"V(D, G) is {engine.V:.3f} nats." in words and "were D at its best, it would be -1.386." in words
    assert f"D says {engine.D_data:.2f} on the data and {engine.D_x:.2f}" in engine.picture().panels[0].words


# -- what ends it, and what does not -----------------------------------------------------------------------------------


def test_a_game_that_diverges_ends_with_a_message_and_a_reset_leads_out():
    engine = PlaneEngine(RING, **WILD)
    engine.start()
    with pytest.raises(TrainingDiverged, match=r"After 25 iterations the game has diverged. Lower the rates, then"):
        for _ in range(100):
            engine.advance(1)
    assert engine.state == "error"
    assert engine.message.startswith("After 25")
    picture = engine.complete()  # there is still something to see
    assert np.isfinite(picture.panels[0].heat.z).all()
    assert np.isfinite(engine.V)
    with pytest.raises(RecipeError, match="reset it first"):
        engine.press("step_D")
    engine.set(p_data="grid", **dict.fromkeys(("lr_D", "lr_G"), 0.01))
    engine.complete()
    engine.press("reset")
    engine.start()
    engine.advance(0.01)
    assert (engine.state, engine.message) == ("running", "")


def test_looking_finds_that_a_game_has_diverged_between_two_measurements():
    engine = played(PlaneEngine(RING, **WILD), 15)
    engine.start()
    engine.complete()
    assert (engine.state, "diverged" in engine.message) == ("error", True)


def test_random_commands_leave_the_demo_in_order(engine):
    rng = random.Random(0)
    values = {
        "k": [1, 3, 21, "x"],
        "lr_D": [0, 0.01, 0.3, 2, math.nan],
        "lr_G": [0, 0.01, 0.3, -1],
        "momentum": [0, 0.5, 1],
        "p_data": ["ring", "grid", "points", "line"],
        "points": [[], [[0, 0]], [[9, 9], [-1, 2]], [[1]], "a"],
        "generator_cost": ["minimax", "non-saturating", None],
        "fall": [0, 500, 3],
        "seed": [0, 5, -1],
    }
    buttons = [key for key in engine.controls if hasattr(engine, key)]
    assert {"start", "pause", "step", "step_D", "step_G", "stop", "reset", "restore", "learn"} <= set(buttons)
    for _ in range(150):
        before = (dict(engine.values), engine.toys.step)
        try:
            if rng.random() < 0.5:
                chosen = rng.sample(sorted(values), rng.randint(1, 3))
                engine.do({"type": "set", "values": {name: rng.choice(values[name]) for name in chosen}})
            else:
                engine.do({"type": "press", "button": rng.choice(buttons)})
            engine.advance(0)
        except RecipeError:
            assert (engine.values, engine.toys.step) == before
        except TrainingDiverged:
            assert engine.state == "error"
            engine.reset()
        assert set(engine.values) == {*values}
        engine.complete()


def test_a_picture_takes_less_than_ten_milliseconds(engine):
    engine.set(p_data="grid")
    times = []
    for _ in range(30):
        engine.once()
        begun = time.perf_counter()
        engine.picture()
        times.append(time.perf_counter() - begun)
    assert min(times) < 0.010


# -- the widget --------------------------------------------------------------------------------------------------------


def test_the_demo_has_its_controls_as_traits_and_draws_a_game_played_aside():
    demo = LivePlane("grid", 2, k=2)
    try:
        assert (demo.p_data, demo.seed, demo.k, demo.state) == ("grid", 2, 2, "idle")
        demo.points = [(-1, 0), (1, 0.5)]
        assert (demo.p_data, demo["points"]) == ("points", [[-1, 0], [1, 0.5]])
        with pytest.raises(RecipeError, match="k is 0"):
            demo.k = 0
        png = demo.preview(steps=3)
        assert png.startswith(b"\x89PNG")
        assert png != demo.preview()
        assert demo.engine.toys.step == 0
        demo.step_D()
        demo.learn()
        assert demo.fall == LEARNS["fall"]
    finally:
        demo._loop.retire()
    with pytest.raises(RecipeError, match="use one of ring, grid, points"):
        LivePlane("line")
