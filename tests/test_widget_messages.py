"""2,000 random messages to all the live demos, through the door that a page's messages come by: none ends a run."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from ganlib import MNIST, load, widgets
from ganlib.checkpoints import Trained
from ganlib.controls import Button, Choice, Curve, Number, Place, Points, Slider, Switch
from ganlib.densities import Gaussian
from ganlib.picture import Panel
from ganlib.recipes import CONDITIONAL, INFERENCE, MASKS, TOY
from ganlib.studies.inference import Inference
from ganlib.studies.sweeps import ToySweep
from ganlib.studies.table_1 import ScoreTable
from ganlib.widgets import loop
from tests import demos as examples
from tests.test_widgets_chains import Lamp

MESSAGES = 2_000
BETWEEN = 5  # messages from one turn of the kernel to the next
LONG = "x" * 100_000
HUGE = 10**400  # the largest numbers that Python reads from JSON have ten times as many digits


def nested(depth):
    """Lists in lists, as deep as JSON is read."""
    return json.loads("[" * depth + "]" * depth)


WORDS = ["self", "key", "button", "values", "args", "kwargs", "cls", "seed", "index", "stroke", "name", "first", "type"]
WORDS += ["", "zz", "__class__", "_engine", "layout", "start", LONG]
ABSURD = [
    *(None, True, False, 0, 1, -1, 2, 3, 0.5, -0.0, 1e308, 5e-324, float("nan"), float("inf"), -float("inf")),
    *(2**31, 2**53, 2**63, -(2**63), 2**64, HUGE, -HUGE, "", "0", "k", "nan", LONG, [], {}, [[]], [{}], {"": {}}),
    *(nested(400), [None] * 9, [HUGE] * 9, [1.0] * 9, [[0, 1]], [[0, HUGE]], [["a", "b"]], [float("nan")] * 40),
    *([1] * 100_000, {"x": LONG}, {LONG: 1}, {"self": {"self": 1}}, [True] * 12, [LONG] * 9, [-1.0] * 40),
]


def sensible(rng, control):
    """What the control takes, as a page would send it."""
    if isinstance(control, Slider | Choice):
        return rng.choice([place for place in control.places() if place != "broken"])  # some examples break by that
    if isinstance(control, Curve):
        return [rng.random() for _ in range(rng.choice([control.least, 40]))]
    return {
        Switch: lambda: rng.random() < 0.5,
        Number: lambda: rng.randrange(50),
        Points: lambda: [[rng.uniform(-2, 2), rng.uniform(-2, 2)] for _ in range(rng.randrange(5))],
        Place: lambda: rng.choice([None, rng.random() * 9]),
    }[type(control)]()


def message(rng, controls):
    """A message to a demo with these controls: the half of it as a page sends it, the half not."""
    kind = rng.choice(["set", "press"] * 4 + ["ask", rng.choice([*ABSURD, "jump"])])
    if rng.random() < 0.05:
        return rng.choice(ABSURD)
    content = {"type": kind, "id": rng.choice([1, 7, 2**60, HUGE, True, 1.5, "x", None, [1]])}
    content |= {name: rng.choice(ABSURD) for name in ("have", "slow") if rng.random() < 0.2}
    keys = [key for key, one in controls.items() if isinstance(one, Button) == (kind == "press")] or ["zz"]
    if kind == "press":
        content["button"] = rng.choice(keys) if rng.random() < 0.8 else rng.choice([*ABSURD, *WORDS])
        content["values"] = {rng.choice(["index", "seed", *WORDS]): rng.choice(ABSURD) for _ in range(rng.randrange(3))}
        if rng.random() < 0.5:
            content["values"] = rng.choice([{}, {"index": rng.randrange(6)}])
    else:
        content["values"] = {}
        for _ in range(rng.randrange(1, 4)):
            key = rng.choice(keys) if rng.random() < 0.8 else rng.choice(WORDS)
            own = key in controls and not isinstance(controls[key], Button) and rng.random() < 0.4
            content["values"][key] = sensible(rng, controls[key]) if own else rng.choice(ABSURD)
    if rng.random() < 0.05:
        content["values"] = rng.choice(ABSURD)
    for name in list(content):
        if rng.random() < 0.03:
            del content[name]
    return content


def trained(recipe, mean):
    """A pair at its start, its G four times as lively, so that pictures differ."""
    players = recipe.players(0, mean)
    with torch.no_grad():
        for p in players["G"].parameters():
            p.mul_(4)
    return players


@pytest.fixture(scope="module")
def makers():
    """How each demo is made, by name."""
    data, recipe = load("synthetic"), replace(MNIST.at("smoke"), batch=20, z_dim=20)
    mean = data.mean()

    def pair(recipe):
        """A pair of this recipe."""
        nets = trained(recipe, mean)
        return Trained(nets["G"], nets["D"], recipe, {"epochs": 1.0, "steps": 10})

    def inference():
        """A G and an E."""
        nets = trained(INFERENCE.at("smoke"), mean)
        return {"beside": Inference(nets["G"], nets["E"], INFERENCE.at("smoke"), {})}

    brightest = SimpleNamespace(probabilities=lambda x: x[:, :10])
    grid = {"ks": (1, 3), "lrs_D": (0.05, 0.3), "lrs_G": (0.01, 0.1, 1.0), "seeds": (0,), "updates": 8, "records": 2}
    rulers = {"digits": ScoreTable(np.linspace(0.1, 0.4, 5), np.array([10, 100]), -np.ones((2, 5)), 50)}
    axes = Panel(x=(0, 3), y=(-1, 1))
    return {
        "Ask": lambda: widgets.Ask(pair(CONDITIONAL.at("smoke")), data.shape, brightest, n=6),
        "BeTheDiscriminator": lambda: widgets.BeTheDiscriminator(pair(recipe), data, n=6),
        "BeTheGenerator": lambda: widgets.BeTheGenerator(Gaussian(0, 1), pieces=3),
        "Chains": lambda: widgets.Chains({"lamp": Lamp()}, pair(recipe), data, brightest),
        "Explorer": lambda: widgets.Explorer(ToySweep(TOY, Gaussian(0, 1), **grid)),
        "FewLabels": widgets.FewLabels,
        "Guess": lambda: widgets.Guess("Where to?", ["to 0", "to 1"], answer="to 0", because="So it is."),
        "Guess by a sketch": lambda: widgets.Guess("Sketch it.", panel=axes, truth=([0, 1, 3], [0, 1, -1])),
        "Interpolation": lambda: widgets.Interpolation(pair(recipe), data.shape, n=6),
        "LiveFork": widgets.LiveFork,
        "LivePlane": widgets.LivePlane,
        "LiveToy": widgets.LiveToy,
        "LiveTraining": lambda: widgets.LiveTraining(recipe, data, samples=(2, 3)),
        "LiveTraining from a pair": lambda: widgets.LiveTraining(recipe, data, samples=(2, 3), start=pair(recipe)),
        "PaintMask": lambda: widgets.PaintMask(pair(MASKS.at("smoke")), data, brightest),
        "RealWalk": lambda: widgets.RealWalk(inference(), data, n=6),
        "Recording": lambda: widgets.Recording(examples.film(4)),
        "Ruler": lambda: widgets.Ruler(rulers),
        "SideBySide": widgets.SideBySide,
        "Slices": widgets.Slices,
        "Sliders": lambda: widgets.Sliders(examples.draw, mean=(-2, 2, 0), width=(0.5, 2, 1), kind=["fine", "broken"]),
        "Demo": lambda: widgets.Demo(examples.Small()),
    }


NAMES = [
    *("Ask", "BeTheDiscriminator", "BeTheGenerator", "Chains", "Demo", "Explorer", "FewLabels", "Guess"),
    *("Guess by a sketch", "Interpolation", "LiveFork", "LivePlane", "LiveToy", "LiveTraining"),
    *("LiveTraining from a pair", "PaintMask", "RealWalk", "Recording", "Ruler", "SideBySide", "Slices", "Sliders"),
]


def test_every_demo_there_is_hears_the_messages(makers):
    things = {name: getattr(widgets, name) for name in widgets.__all__}
    there = {name for name, thing in things.items() if isinstance(thing, type) and issubclass(thing, widgets.Demo)}
    assert there == {name.split()[0] for name in NAMES} and set(NAMES) == set(makers)


@pytest.mark.parametrize("name", NAMES)
def test_no_message_ends_a_run_and_each_is_answered_by_a_frame(makers, name, monkeypatch):
    monkeypatch.setattr(loop, "BUDGET", 0.0)  # one step a turn
    rng, sent = random.Random(name), []
    demo = makers[name]()
    engine = demo.engine
    monkeypatch.setattr(demo, "send", lambda content, buffers=None: sent.append((content, buffers)), raising=False)
    for i in range(-(-MESSAGES // len(NAMES))):
        sent.clear()
        content = message(rng, engine.controls)
        demo._handle_msg({"content": {"data": {"method": "custom", "content": content}}, "buffers": []})
        answers = [one for one in sent if one[0]["answer"]]
        assert len(answers) == 1 and answers[0][0]["type"] in ("frame", "same"), content
        if i % BETWEEN == 0:
            demo._loop.tick()
        for frame, _ in sent:
            json.dumps(frame, allow_nan=False)
            assert type(frame["applied"]) is int and abs(frame["applied"]) < 2**53, "what a page can hold"
            if frame["type"] == "frame":
                said = frame["message"]
                assert len(said) <= 400 and "\n" not in said and "x" * 81 not in said
                assert frame["picture"]["panels"] or frame["picture"]["notes"]
        assert engine.state != "error", (content, engine.error)
        for key, value in engine.values.items():
            taken = engine.check(key, value)
            assert taken == value, (key, value)
    demo._loop.retire()
