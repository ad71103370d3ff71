"""Walks between pictures without a page: paths, the pictures along them, the colours, and absurd commands."""

from __future__ import annotations

import random
from dataclasses import replace

import numpy as np
import pytest
import torch

from ganlib import MNIST, RecipeError, Trainer, load
from ganlib.game import interpolate
from ganlib.nets import Layer
from ganlib.recipes import CIFAR10_FC
from ganlib.widgets import Interpolation
from ganlib.widgets.frame import described, packed
from ganlib.widgets.interpolation import HINT, MOST_PICKED, PATH_AT_FIRST, InterpolationEngine

RECIPE = replace(MNIST.at("smoke"), batch=20, z_dim=20)


@pytest.fixture(scope="module")
def data():
    return load("synthetic")


@pytest.fixture(scope="module")
def trainer(data):
    made = Trainer(RECIPE, data)
    with torch.no_grad():
        for p in made.G.parameters():
            p.mul_(4)  # so that pictures differ
    return made


@pytest.fixture
def walk(trainer, data):
    return InterpolationEngine(trainer, data.shape, seed=2, n=20)


def picked(walk, *picks):
    walk.clear()
    for index in picks:
        walk.pick(index)
    return walk


def sheets(walk):
    """What the page gets, in [0, 1]: the sheet, the picture at t, and the strip."""
    plain, buffers = packed(walk.complete())
    images = [panel["tiles"]["images"] for panel in plain["panels"]]
    return [np.frombuffer(buffers[each["at"]], np.uint8).reshape(each["shape"]) / 255 for each in images]


def test_the_pictures_are_gs_own_samples_in_the_order_of_the_sheet(walk, trainer):
    assert torch.equal(walk.x, trainer.samples(20, seed=2))
    assert np.abs(sheets(walk)[0] - walk.x.reshape(20, 28, 28).numpy()).max() <= 0.5 / 255 + 1e-6


def test_it_begins_with_a_path_through_pictures_that_are_unlike(walk, trainer, data):
    assert len(set(walk.picks)) == PATH_AT_FIRST and len(walk.path) == PATH_AT_FIRST
    first, second = walk.x[walk.picks[:2]]
    likely = trainer.D.logit(walk.x).argsort(descending=True)[:10].tolist()  # the half that D takes for data
    assert walk.picks[0] == likely[0] and set(walk.picks) <= set(likely)
    assert (first - second).norm() == pytest.approx(max((first - walk.x[i]).norm() for i in likely))
    assert InterpolationEngine((trainer.G, RECIPE), data.shape, n=20).path  # a G alone has a path, too


@pytest.mark.parametrize("n", range(2, MOST_PICKED + 1))
def test_the_strip_is_g_on_straight_lines_and_holds_every_picked_picture(walk, trainer, n):
    picks = [19, *range(n - 1)]
    strip = sheets(picked(walk, *picks))[2]
    assert 15 <= len(strip) == walk.strip_length <= 25
    with torch.no_grad():
        expected = trainer.G(interpolate(walk.z[picks], len(strip)))
    assert np.abs(strip - expected.reshape(-1, 28, 28).numpy()).max() <= 0.5 / 255 + 1e-5
    between = (len(strip) - 1) // (n - 1)
    assert np.abs(strip[::between] - walk.x[picks].reshape(-1, 28, 28).numpy()).max() <= 0.5 / 255 + 1e-5
    badges = walk.complete().panels[2].tiles.badges
    assert badges == {i * between: str(i + 1) for i in range(n)}


def test_picking_and_the_end_of_a_path(walk):
    picked(walk, 4, 2, 9, 2)  # the second time takes it off
    assert walk.path == [4, 9] and walk.complete().panels[0].tiles.badges == {4: "1", 9: "2"}
    walk.set(closed=True)
    assert walk.path == [4, 9, 4] and walk.complete().panels[2].tiles.badges[walk.strip_length - 1] == "1"
    for index in (-1, 20, 1.0, "3", None, True):
        with pytest.raises(RecipeError, match="there is no picture"):
            walk.do({"type": "press", "button": "pick", "values": {"index": index}})
    assert walk.picks == [4, 9]
    picked(walk, *range(MOST_PICKED))
    with pytest.raises(RecipeError, match="12 pictures at the most"):
        walk.pick(MOST_PICKED)


def test_moving_t_shows_g_there(walk):
    picked(walk, 1, 6)
    halfway = walk.generate((walk.z[1:2] + walk.z[6:7]) / 2)
    for t, expected in ((0.0, walk.x[1]), (0.5, halfway), (1.0, walk.x[6])):
        walk.set(t=t)
        assert np.abs(sheets(walk)[1] - expected.reshape(1, 28, 28).numpy()).max() < 0.01
        (mark,) = walk.complete().panels[2].marks
        assert (mark.x, mark.moves) == (t, ("t", None))
    left, right = walk.complete().panels[2].x  # 0 and 1 are the middles of the first and the last picture
    tile = (right - left) / walk.strip_length
    assert (left + tile / 2, right - tile / 2) == pytest.approx((0, 1))


def test_without_a_path_nothing_jumps_and_t_rests(walk):
    before = [panel.at for panel in walk.complete().panels]
    walk.set(t=0.4)
    walk.clear()
    assert [panel.at for panel in walk.complete().panels] == before
    assert (walk.values["t"], walk.off(), walk.complete().words) == (0.0, ["t"], HINT)
    assert not sheets(walk)[1].any() and not sheets(walk)[2].any()
    walk.pick(5)
    assert np.array_equal(sheets(walk)[1][0], sheets(walk)[0][5]) and not sheets(walk)[2].any()
    walk.pick(7)
    assert walk.off() == [] and sheets(walk)[2].any()


def test_normalised_colours_are_shown_in_the_range_of_their_sheet():
    """A G that draws one known picture: red above, green at its right, blue below; by hand -1 is 0 and 1 is 255."""
    colours = np.array([[(1, -0.5, -1), (-1, 1, 0.25)], [(-1, -1, 1), (0.5, 0.5, 0.5)]])
    planes = np.kron(colours.transpose(2, 0, 1), np.ones((16, 16)))  # (3, 32, 32), the red plane first
    layers = {"G": (Layer(3072, "linear", irange=0.0),), "D": (Layer(1, "sigmoid", irange=0.005),)}
    made = Trainer(replace(CIFAR10_FC, data="synthetic-cifar10", z_dim=4, **layers), load("synthetic-cifar10"))
    made.G.layers[0].linear.bias.data.copy_(torch.from_numpy(2.5 * planes).flatten())
    walk = picked(InterpolationEngine(made, (3, 32, 32), n=20), 3, 17)
    walk.set(t=0.5)
    for images in sheets(walk):
        assert images.shape[1:] == (32, 32, 3)
        found = np.rint(255 * images[:, 8::16, 8::16]).astype(int)
        assert (found == [[(255, 64, 0), (0, 255, 159)], [(0, 0, 255), (191, 191, 191)]]).all()


def test_random_commands_leave_the_walk_consistent(walk):
    rng = random.Random(1)
    for _ in range(300):
        junk = rng.choice([None, -1, "x", 2.5, [], {}, float("nan")])
        command = {"type": rng.choice(["press", "press", "set", None]), "id": rng.randrange(99)}
        command["button"] = rng.choice(["pick", "pick", "clear", "new", "start"])
        pressed = rng.choice(
            [{"index": rng.randrange(20)}, {"index": rng.randrange(20)}, {"index": junk}, {"seed": junk}]
        )
        moved = rng.choice([{"t": rng.random()}, {"t": junk}, {"closed": rng.choice([True, False, junk])}, junk])
        command["values"] = moved if command["type"] == "set" else pressed
        try:
            walk.do(command)
        except RecipeError as error:
            walk.fail(error)
        assert all(0 <= index < 20 for index in walk.picks) and 0 <= walk.values["t"] <= 1
    assert len(sheets(walk)[2]) == (walk.strip_length or 20)


def test_from_python(trainer, data):
    demo = Interpolation((trainer.G, RECIPE), data.shape, n=10)
    demo.clear()
    demo.pick(3, 4)
    demo.closed, demo.t = True, 0.25
    assert demo.engine.path == [3, 4, 3] and demo.preview().startswith(b"\x89PNG")
    with pytest.raises(RecipeError, match="there is no picture 10"):
        demo.pick(10)
    demo.new_pictures(seed=5)
    demo.new_pictures()
    assert (demo.engine.seed, demo.engine.picks) == (6, [])
    assert torch.equal(demo.engine.z, RECIPE.noise(10, 6))
    assert "pick" not in [one["key"] for one in described(demo.engine.controls)]  # no button of its own on the page
    for bad in ({"n": 1}, {"n": 2.0}, {"seed": -1}, {"seed": True}):
        with pytest.raises(RecipeError):
            Interpolation(trainer, data.shape, **bad)


def test_t_plays_along_the_path_and_has_no_place_without_one(walk):
    [t] = [one for one in described(walk.controls) if one["key"] == "t"]
    assert t["play"] == 12 and len(t["places"]) == 201
    picked(walk, 4)
    with pytest.raises(RecipeError, match="no path yet"):
        walk.set(t=0.5)
    assert walk.values["t"] == 0
    walk.pick(9)
    walk.set(t=0.5)
    assert walk.values["t"] == 0.5
