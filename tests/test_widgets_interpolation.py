"""Interpolation between digits, without a browser."""

from __future__ import annotations

import io
import math
import random
import time
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from ganlib import MNIST, RecipeError, Trainer, load
from ganlib.game import interpolate
from ganlib.widgets import Interpolation
from ganlib.widgets.background import Background
from ganlib.widgets.interpolation import MOST_PICKED, InterpolationEngine

RECIPE = replace(MNIST.at("smoke"), batch=20, z_dim=20)


@pytest.fixture(scope="module")
def data():
    return load("synthetic")


@pytest.fixture(scope="module")
def trainer(data):
    made = Trainer(RECIPE, data)
    with torch.no_grad():
        for p in made.G.parameters():
            p.mul_(4)  # so that digits differ
    return made


@pytest.fixture
def walk(trainer, data):
    return InterpolationEngine(trainer, data.shape, seed=2, n=12)


def test_the_digits_are_the_generators_own_samples(walk, trainer):
    assert torch.equal(walk.x, trainer.samples(12, seed=2))


def test_the_strip_is_g_at_those_z(walk, trainer):
    walk.clear()
    for index in (3, 7, 5):
        walk.pick(index)
    strip = walk.strip(walk.z[walk.path], walk.strip_length)
    with torch.no_grad():
        assert torch.allclose(strip, trainer.G(interpolate(walk.z[[3, 7, 5]], walk.strip_length)), atol=1e-6)
    each = (walk.strip_length - 1) // 2
    assert torch.allclose(strip[[0, each, -1]], walk.x[[3, 7, 5]], atol=1e-5)  # each picked digit is in it
    assert 18 <= walk.strip_length <= 22


@pytest.mark.parametrize("picked", range(2, MOST_PICKED + 1))
def test_the_strip_is_about_twenty_and_holds_every_picked_digit(walk, picked):
    walk.clear()
    for index in range(picked):
        walk.pick(index)
    assert (walk.strip_length - 1) % (picked - 1) == 0
    assert 15 <= walk.strip_length <= 25


def test_picking(walk):
    assert len(walk.picks) == 4
    assert len(set(walk.picks)) == 4
    walk.clear()
    assert walk.path == []
    walk.pick(4)
    assert walk.path == []
    walk.pick(2)
    walk.pick(9)
    walk.pick(2)
    assert walk.path == [4, 9]
    walk.set_closed(True)
    assert walk.path == [4, 9, 4]
    for index in (-1, 12, 1.0, "3", None, True):
        with pytest.raises(RecipeError, match="no picture"):
            walk.pick(index)
    assert walk.picks == [4, 9]


def test_a_path_has_an_end(trainer, data):
    walk = InterpolationEngine(trainer, data.shape, n=20)
    walk.clear()
    for index in range(MOST_PICKED):
        walk.pick(index)
    with pytest.raises(RecipeError, match="at the most"):
        walk.pick(MOST_PICKED)


def big(walk):
    return np.asarray(Image.open(io.BytesIO(walk.snapshot(True).pictures["big"][1]))) / 255


def test_moving_t_shows_g_there(walk):
    walk.clear()
    walk.pick(1)
    walk.pick(6)
    for t, index in ((0.0, 1), (1.0, 6)):
        walk.move(t)
        assert np.abs(big(walk) - walk.x[index].reshape(28, 28).numpy()).max() < 0.01
    walk.move(0.5)
    middle = walk.generate((walk.z[1:2] + walk.z[6:7]) / 2).reshape(28, 28).numpy()
    assert np.abs(big(walk) - middle).max() < 0.01
    for t in (-0.1, 1.1, math.nan, "0.5", None, True):
        with pytest.raises(RecipeError, match="t is"):
            walk.move(t)
    assert walk.t == 0.5


def test_only_what_changes_is_drawn_again(walk):
    def versions():
        return {name: version for name, (version, _) in walk.snapshot(True).pictures.items()}

    before = versions()
    walk.move(0.3)
    moved = versions()
    assert (moved["grid"], moved["strip"], moved["big"]) == (before["grid"], before["strip"], before["big"] + 1)
    walk.new()
    after = versions()
    assert all(after[name] > moved[name] for name in after)
    assert walk.seed == 3
    assert walk.picks == []


def test_random_events_leave_the_walk_consistent(walk):
    rng = random.Random(1)
    background = Background(walk, lambda draw: walk.snapshot(draw))
    for _ in range(300):
        kind = rng.choice(["pick", "pick", "pick", "set", "closed", "clear", "new", "start", None])
        junk = rng.choice([None, -1, "x", 2.5, [], {}, math.nan])
        command = {"type": kind, "id": rng.randrange(99)}
        command["index"] = rng.choice([rng.randrange(12), rng.randrange(12), junk])
        command["values"] = rng.choice([{"t": rng.random()}, {"t": junk}, junk])
        command["value"], command["seed"] = rng.choice([True, False, junk]), rng.choice([None, rng.randrange(9), junk])
        background.post(command)
        background.tick()
        assert all(0 <= index < 12 for index in walk.picks)
        assert 0 <= walk.t <= 1
        snapshot = walk.snapshot(True)
        strip = Image.open(io.BytesIO(snapshot.pictures["strip"][1]))
        assert strip.width == 28 * max(snapshot.header["strip"], 1)


def test_interpolation_from_python(trainer, data):
    demo = Interpolation((trainer.G, RECIPE), data.shape, n=10)
    demo.clear()
    demo.pick(3, 4)
    demo.set_closed(True)
    demo.move(0.25)
    assert demo.engine.path == [3, 4, 3]
    with pytest.raises(RecipeError):
        demo.pick(10)
    assert demo.preview().startswith(b"\x89PNG")
    demo.new_pictures(seed=5)
    assert demo.engine.seed == 5
    assert demo.preview().startswith(b"\x89PNG")  # with no path
    demo._background.retire()


def test_a_walk_answers_quickly(walk):
    walk.snapshot(True)
    times = []
    for i in range(20):
        begun = time.perf_counter()
        walk.move(i / 20)
        walk.snapshot(True)
        times.append(time.perf_counter() - begun)
    assert sorted(times)[10] < 0.1
