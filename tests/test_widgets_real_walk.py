"""The walk between two real digits, without a page: who is picked, whose z they get, what descent does, mistakes."""

from __future__ import annotations

import random

import numpy as np
import pytest
import torch

from ganlib import RecipeError, load
from ganlib.game import interpolate
from ganlib.images import scale, tiles
from ganlib.recipes import INFERENCE
from ganlib.studies.inference import Inference
from ganlib.widgets import RealWalk
from ganlib.widgets.real_walk import DESCENT, REACH, STRIP, RealWalkEngine

RECIPE = INFERENCE.at("smoke")


@pytest.fixture(scope="module")
def data():
    return load("synthetic")


@pytest.fixture(scope="module")
def nets(data):
    found = {}
    for seed, name in enumerate(("beside", "joint")):
        players = RECIPE.players(seed, data.mean())
        with torch.no_grad():
            for net in (players["G"], players["E"]):
                for p in net.parameters():
                    p.mul_(4)
        found[name] = Inference(players["G"], players["E"], RECIPE, {})
    return found


@pytest.fixture
def walk(nets, data):
    return RealWalkEngine(nets, data, seed=1, n=20)


def test_the_walk_goes_from_E_of_the_first_digit_to_E_of_the_second(walk, nets):
    assert walk.labels[walk.picks[0]] != walk.labels[walk.picks[1]], "two classes at first"
    walk.press("pick", index=7)
    walk.press("pick", index=3)
    assert walk.picks == [7, 3]
    net = nets["beside"]
    assert torch.equal(walk.z, net.E.pictures(walk.x[[7, 3]]))
    assert torch.equal(walk.at(0.0), net.G.pictures(walk.z[:1])) and torch.equal(
        walk.at(1.0), net.G.pictures(walk.z[1:])
    )
    middle = net.G.pictures(walk.z.mean(0, keepdim=True))
    assert torch.allclose(walk.at(0.5), middle, atol=1e-6)
    strip = walk.complete().panels[2].tiles.images
    assert np.array_equal(strip[0], tiles(walk.x[[7]], walk.data.shape)[0]), "the real digits stand at its ends"
    assert np.array_equal(strip[-1], tiles(walk.x[[3]], walk.data.shape)[0])
    drawn = tiles(net.G.pictures(interpolate(walk.z, STRIP)), walk.data.shape)
    assert np.array_equal(strip[1:-1], drawn)


def test_the_digits_shown_are_test_digits_and_new_ones_come(walk, data):
    rows = {row.tobytes() for row in scale(data.test).numpy()}
    before = walk.x
    walk.press("new")
    assert walk.seed == 2 and not torch.equal(walk.x, before)
    assert all(row.tobytes() in rows for row in walk.x.numpy())


def test_descent_comes_closer_stays_within_the_prior_and_there_is_a_way_back(walk):
    first, off = walk.z, walk.off_by()
    assert "inferred" in walk.off()
    walk.press("descend")
    assert walk.descended == DESCENT and sum(walk.off_by()) < sum(off)
    assert walk.z.abs().max() <= REACH + 1e-6
    walk.press("inferred")
    assert torch.equal(walk.z, first) and "inferred" in walk.off()


def test_turning_round_keeps_what_is_shown(walk):
    walk.set(t=0.25)
    shown = walk.at(walk.values["t"])
    walk.press("swap")
    assert walk.values["t"] == 0.75 and torch.allclose(walk.at(0.75), shown, atol=1e-6)


def test_another_net_has_its_own_z(walk, nets):
    walk.press("descend")
    walk.set(net="joint")
    assert torch.equal(walk.z, nets["joint"].E.pictures(walk.ends)) and walk.descended == 0


def test_of_one_net_there_is_nothing_to_choose(nets, data):
    walk = RealWalkEngine({"joint": nets["joint"]}, data, seed=1, n=20)
    assert "net" not in walk.controls and walk.net is nets["joint"]
    assert "A walk from a" in walk.complete().words


def test_any_commands_leave_a_picture(walk):
    choose = random.Random(0)
    for _ in range(40):
        key = choose.choice(["pick", "new", "swap", "descend", "inferred", "t", "net"])
        if key == "t":
            walk.set(t=choose.random())
        elif key == "net":
            walk.set(net=choose.choice(["beside", "joint"]))
        elif key == "pick":
            index = choose.randrange(20)
            if index not in walk.picks:
                walk.press("pick", index=index)
        else:
            walk.press(key)
        assert len(set(walk.picks)) == 2
        assert "A walk from a" in walk.complete().words


def test_mistakes_are_refused_and_change_nothing(walk, nets, data):
    before = list(walk.picks)
    for wrong, said in ((20, "no digit 20"), (True, "no digit True"), (before[0], "picked already")):
        with pytest.raises(RecipeError, match=said):
            walk.press("pick", index=wrong)
    with pytest.raises(RecipeError, match="use one of beside, joint"):
        walk.set(net="after")
    assert walk.picks == before
    with pytest.raises(RecipeError, match="give an Inference by name"):
        RealWalkEngine({}, data)
    with pytest.raises(RecipeError, match="shows 2 to"):
        RealWalkEngine(nets, data, n=1)


def test_the_demo_picks_as_a_click_does(nets, data):
    demo = RealWalk(nets, data, n=10)
    demo.pick(6)
    assert demo.engine.picks[1] == 6
    demo.t = 0.5
    assert demo.engine.values["t"] == 0.5
