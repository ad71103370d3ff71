"""The live demos without a browser: every command, absurd values, the background loop, what the page is sent."""

from __future__ import annotations

import base64
import io
import math
import random
import time
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from ganlib import MNIST, RecipeError, Trainer, load, runs
from ganlib.recipes import CIFAR10_FC, TFD_1, TFD_2
from ganlib.widgets import Interpolation, LiveTraining, TrainingEngine, bundle, show
from ganlib.widgets import protocol as protocol_module
from ganlib.widgets.background import Background
from ganlib.widgets.curves import Curves
from ganlib.widgets.engine import CURVES, SETTINGS, Z_SEED
from ganlib.widgets.protocol import Snapshot, finite, script

RECIPE = replace(MNIST.at("smoke"), batch=20, z_dim=20)
STATES = ("idle", "running", "paused", "stopped", "error")


@pytest.fixture(scope="module")
def data():
    return load("synthetic")


@pytest.fixture
def engine(data):
    return TrainingEngine(RECIPE, data, seed=3, samples=(2, 3))


@pytest.fixture
def live(data):
    demo = LiveTraining(RECIPE, data, seed=3, samples=(2, 3))
    yield demo
    demo._background.retire()


def parameters(trainer):
    return torch.cat([p.detach().flatten() for net in (trainer.G, trainer.D) for p in net.parameters()])


# -- the training engine: commands ------------------------------------------------------------------------------------


def test_it_starts_idle_at_the_seeds_start(engine, data):
    assert (engine.state, engine.trainer.step, engine.running) == ("idle", 0, False)
    assert torch.equal(parameters(engine.trainer), parameters(Trainer(RECIPE, data, seed=3)))
    engine.advance(0.01)
    assert engine.trainer.step == 0


def test_start_pause_stop(engine):
    engine.start()
    engine.advance(0)
    assert (engine.state, engine.trainer.step) == ("running", 1)  # at least one step
    engine.pause()
    engine.advance(1)
    assert (engine.state, engine.trainer.step) == ("paused", 1)
    engine.start()
    engine.stop()
    engine.advance(1)
    assert (engine.state, engine.trainer.step) == ("stopped", 1)
    engine.start()
    engine.advance(0)
    assert engine.trainer.step == 2


def test_advance_keeps_to_its_budget(engine):
    engine.start()
    engine.advance(0)
    begun = time.perf_counter()
    engine.advance(0.05)
    assert time.perf_counter() - begun >= 0.05
    assert engine.trainer.step >= 2


def test_step_is_exactly_one_and_rests(engine):
    engine.start()
    engine.step()
    assert (engine.state, engine.trainer.step) == ("paused", 1)
    assert engine.latest.step == 1


def test_it_trains_as_the_trainer_does(engine, data):
    engine.start()
    for _ in range(7):
        engine.step()
        engine.draw()  # looking does not touch the run's random numbers
    trainer = Trainer(RECIPE, data, seed=3)
    steps = list(trainer.steps(7))
    assert torch.equal(parameters(engine.trainer), parameters(trainer))
    assert engine.curves.rows()[:, 1] == pytest.approx([step.V for step in steps])


@pytest.mark.parametrize("seed", [None, 3, 11])
def test_reset_is_bit_for_bit_the_seeds_start(engine, data, seed):
    picture = engine.snapshot(True).pictures["samples"][1]
    engine.set(k=2, lr_G=0.3, momentum=0.9)
    for _ in range(5):
        engine.step()
    engine.draw()
    engine.reset(seed)
    fresh = Trainer(RECIPE, data, seed=3 if seed is None else seed)
    assert torch.equal(parameters(engine.trainer), parameters(fresh))
    assert torch.equal(engine.trainer.rng.get_state(), fresh.rng.get_state())
    assert torch.equal(engine.trainer.data_rng.get_state(), fresh.data_rng.get_state())
    assert torch.equal(engine.trainer.order, fresh.order)
    assert (engine.state, engine.trainer.step, len(engine.curves.rows()), engine.marks) == ("idle", 0, 0, [])
    assert engine.settings["k"] == 2  # the controls stay
    if seed != 11:
        assert engine.snapshot(True).pictures["samples"][1] == picture


@pytest.mark.parametrize("seed", [-1, "", "12", 1.5, True and 2**63, [], {}])
def test_reset_refuses_an_absurd_seed_and_keeps_the_run(engine, seed):
    engine.step()
    before = engine.trainer
    with pytest.raises(RecipeError, match="seed"):
        engine.reset(seed)
    assert engine.trainer is before


@pytest.mark.parametrize(
    ("name", "value", "field"),
    [
        ("k", 4, "k"),
        ("lr_D", 0.02, "lr_D"),
        ("lr_G", 1.0, "lr_G"),
        ("update", "alternating", "update"),
        ("generator_cost", "minimax", "generator_cost"),
    ],
)
def test_each_control_reaches_the_recipe_while_it_trains(engine, name, value, field):
    engine.start()
    engine.advance(0)
    engine.do({"type": "set", "id": 5, "values": {name: value}})
    engine.advance(0)
    assert getattr(engine.trainer.recipe, field) == value
    assert engine.settings[name] == value
    assert engine.applied == 5
    assert engine.marks == [(1, name, value)]
    assert engine.running
    engine.restore()
    assert engine.trainer.recipe == RECIPE


def test_k_is_obeyed_by_the_next_step(engine):
    engine.step()
    engine.set(k=4)
    engine.step()
    assert engine.trainer.updates == 1 + 4


def test_momentum_and_its_schedule(engine):
    engine.set(momentum=0.9)
    assert (engine.trainer.recipe.momentum_start, engine.trainer.recipe.momentum_end) == (0.9, 0.9)
    assert engine.settings["momentum"] == 0.9
    engine.set(momentum=None)
    assert (engine.trainer.recipe.momentum_start, engine.trainer.recipe.momentum_end) == (0.5, 0.7)
    assert engine.settings["momentum"] is None


ABSURD = [
    ("k", 0), ("k", -1), ("k", 11), ("k", 10**6), ("k", 1.5), ("k", True), ("k", "3"), ("k", None), ("k", [1]),
    ("lr_D", 0), ("lr_D", -0.1), ("lr_D", math.nan), ("lr_G", math.inf), ("lr_G", 1.01), ("lr_G", 1e-5),
    ("lr_G", "0.1"), ("lr_D", np.array([0.1, 0.2])), ("momentum", -0.1), ("momentum", 1), ("momentum", 0.96),
    ("momentum", math.nan), ("momentum", {}), ("update", "both"), ("update", 3), ("update", None),
    ("generator_cost", ""), ("generator_cost", ["minimax"]), ("batch", 10), ("__class__", 1), ("", 0),
]  # fmt: skip


@pytest.mark.parametrize(("name", "value"), ABSURD, ids=lambda item: repr(item)[:24])
def test_an_absurd_value_is_refused_and_changes_nothing(engine, name, value):
    before = engine.trainer.recipe
    with pytest.raises(RecipeError, match=name or "control"):
        engine.set(**{name: value, "k" if name != "k" else "lr_D": 2 if name != "k" else 0.5})
    assert engine.trainer.recipe is before
    assert engine.marks == []


def test_numbers_of_numpy_are_numbers(engine):
    engine.set(k=np.int64(3), lr_D=np.float32(0.5))
    assert engine.settings["k"] == 3
    assert type(engine.trainer.recipe.k) is int


def test_changes_in_a_drag_leave_one_mark(engine):
    for value in (0.2, 0.3, 0.4):
        engine.set(lr_D=value)
    engine.set(k=2)
    assert [mark[1:] for mark in engine.marks] == [("lr_D", 0.4), ("k", 2)]


def test_a_run_that_diverges_shows_it_and_only_reset_helps(data):
    engine = TrainingEngine(RECIPE, data, samples=(1, 2))
    engine.set(lr_D=1.0, lr_G=1.0, momentum=0.95)
    engine.start()
    with torch.no_grad():
        next(engine.trainer.D.parameters()).fill_(math.nan)
    with pytest.raises(ArithmeticError):
        engine.advance(0.01)
    assert engine.state == "error"
    assert "diverged" in engine.message
    assert "diverged" in engine.error
    with pytest.raises(RecipeError, match="reset it first"):
        engine.start()
    engine.do({"type": "set", "values": {"lr_D": 0.1}})
    assert "diverged" in engine.message  # a later command does not wipe it away
    assert engine.snapshot(True).header["state"] == "error"
    engine.do({"type": "reset"})
    assert (engine.state, engine.message) == ("idle", "")
    engine.step()


def test_the_interrupt_key_pauses(engine):
    engine.start()
    engine.fail(KeyboardInterrupt())
    assert engine.state == "paused"
    assert "Interrupted" in engine.message


def random_command(rng):
    kind = rng.choice(["start", "pause", "step", "stop", "reset", "restore", "set", "set", "slow", "explode", None, 7])
    command = {"type": kind, "id": rng.choice([rng.randrange(10**6), None, "x"])}
    if kind == "reset":
        command["seed"] = rng.choice([None, 0, 5, -1, "a", 2**70, 1.0])
    if kind == "slow":
        command["value"] = rng.choice([True, False, None])
    if kind == "set":
        good = {
            "k": rng.choice([1, 2, 3]),
            "lr_D": rng.choice([0.001, 0.1]),
            "momentum": rng.choice([None, 0.0, 0.5]),
            "update": rng.choice(["simultaneous", "alternating"]),
            "generator_cost": rng.choice(["minimax", "non-saturating"]),
        }
        values = dict(rng.sample(sorted(good.items(), key=str), rng.randrange(1, 4)))
        if rng.random() < 0.4:
            values.update([rng.choice([(n, v) for n, v in ABSURD if isinstance(n, str)])])
        command["values"] = rng.choice([values, values, values, None, 3])
    return command


def test_a_thousand_random_events_leave_the_engine_consistent(data, monkeypatch):
    monkeypatch.setattr("ganlib.widgets.background.BUDGET", 0.0)  # a step a turn
    rng = random.Random(0)
    small = {name: [replace(layer, units=min(layer.units, 8)) for layer in getattr(RECIPE, name)[:-1]] for name in "GD"}
    nets = {name: (*small[name], getattr(RECIPE, name)[-1]) for name in "GD"}
    recipe = replace(RECIPE, batch=4, examples=40, **nets)
    engine = TrainingEngine(recipe, data, samples=(1, 2))
    background = Background(engine, lambda draw: engine.snapshot(draw))
    for _ in range(1_000):
        background.post(random_command(rng))
        if rng.random() < 0.7:
            background.heard()
            engine.interval  # noqa: B018 (it may be asked at any moment)
            background.tick()
        assert engine.state in STATES
        assert engine.state != "error", engine.error
        settings = engine.settings
        for name in SETTINGS:
            assert engine.check(name, settings[name]) == settings[name]
        assert len(engine.curves.rows()) <= engine.trainer.step
        assert engine.trainer.updates >= engine.trainer.step
    background.tick()
    engine.do({"type": "restore"})
    engine.do({"type": "reset", "seed": 0})
    assert torch.equal(parameters(engine.trainer), parameters(Trainer(recipe, data)))
    assert engine.trainer.recipe == recipe


# -- the training engine: what there is to see ------------------------------------------------------------------------


def test_the_picture_shows_g_at_the_same_z(engine):
    def shown():
        png = engine.snapshot(True).pictures["samples"][1]
        return np.asarray(Image.open(io.BytesIO(png)))

    first = shown()
    assert first.shape == (2 * 28, 3 * 28)
    expected = engine.trainer.samples(6, Z_SEED).reshape(2, 3, 28, 28).permute(0, 2, 1, 3).reshape(56, 84)
    assert np.abs(first / 255 - expected.numpy()).max() <= 0.5 / 255 + 1e-6
    with torch.no_grad():
        engine.trainer.G.layers[-1].linear.bias.add_(1.0)
    engine.step()
    assert not np.array_equal(shown(), first)
    engine.reset()
    assert np.array_equal(shown(), first)


def test_a_picture_is_drawn_only_when_asked_and_only_when_g_has_moved(engine):
    version = engine.snapshot(True).pictures["samples"][0]
    engine.step()
    assert engine.snapshot(False).pictures["samples"][0] == version
    assert engine.snapshot(True).pictures["samples"][0] == version + 1
    assert engine.snapshot(True).pictures["samples"][0] == version + 1


def test_pictures_come_less_often_when_they_cost_more(engine):
    engine._drawing_seconds = 0.001
    assert engine.interval == 0.2
    engine._drawing_seconds = 0.045
    assert engine.interval == pytest.approx(0.3)
    engine._drawing_seconds = 1.0
    assert engine.interval == 0.5
    engine.do({"type": "slow", "value": True})
    assert engine.interval == 1.0


def test_the_header_is_plain_data(engine):
    import json

    for _ in range(3):
        engine.step()
    header = json.loads(json.dumps(finite(engine.snapshot(True).header), allow_nan=False))
    assert header["step"] == 3
    assert set(header["latest"]) == set(CURVES)
    assert header["settings"]["momentum"] is None
    assert json.dumps(finite({"a": [math.nan, math.inf, (1.5,)]})) == '{"a": [null, null, [1.5]]}'


def test_curves_stay_short_and_right():
    curves = Curves(2, points=8)
    for step in range(1, 101):
        curves.add(step, (float(step),))
        assert len(curves.rows()) <= 8
    rows = curves.rows()
    assert curves.stride == 16
    assert rows[:, 0].tolist() == [16, 32, 48, 64, 80, 96]
    assert rows[:, 1] == pytest.approx([8.5, 24.5, 40.5, 56.5, 72.5, 88.5])  # means of 16 steps each


def test_rows_that_were_handed_out_never_change():
    curves = Curves(2, points=4)
    kept = []
    for step in range(1, 40):
        curves.add(step, (1.0 * step,))
        kept.append((curves.rows(), curves.rows().copy()))
    assert all(np.array_equal(rows, copy) for rows, copy in kept)


def test_a_page_that_follows_the_increments_has_the_same_curves():
    rng = random.Random(0)
    curves, step = Curves(2, points=8), 0
    page, have = np.empty((0, 2), np.float32), {}
    for _ in range(200):
        if rng.random() < 0.02:
            curves.clear()
        for _ in range(rng.randrange(40)):
            step += 1
            curves.add(step, (rng.random(),))
        snapshot = Snapshot({}, {}, (curves.generation, curves.rows()))
        message, (buffer,) = snapshot.pack(have)
        (what,) = message["buffers"]
        page = np.concatenate([page[: what["from"]], np.frombuffer(buffer, np.float32).reshape(-1, 2)])
        have = snapshot.have()
        assert np.array_equal(page, curves.rows())


def test_a_page_gets_only_what_it_lacks():
    rows = np.arange(12, dtype=np.float32).reshape(6, 2)
    snapshot = Snapshot({"step": 1}, {"samples": (3, b"png")}, (7, rows))
    message, buffers = snapshot.pack({})
    assert [b for b in buffers] == [b"png", rows.tobytes()]
    assert message["type"] == "frame"
    message, buffers = snapshot.pack({"pictures": {"samples": 3}, "curves": [7, 4]})
    assert message["buffers"] == [{"curves": 7, "from": 4, "columns": 2}]
    assert buffers == [rows[4:].tobytes()]
    for odd in ([6, 4], [7, 99], [7, -1], [7, "x"], None):
        assert snapshot.pack({"curves": odd})[0]["buffers"][-1]["from"] == 0
    assert snapshot.pack(snapshot.have())[1] == [b""]


# -- the training engine: other pictures than digits -------------------------------------------------------------------

FACES = [replace(recipe.at("smoke"), batch=20) for recipe in (TFD_1, TFD_2)]


@pytest.fixture(scope="module")
def faces():
    return load("synthetic-faces")


@pytest.fixture(scope="module")
def trained(faces):
    """A first stage after two steps, with a G far enough from the start's."""
    trainer = Trainer(FACES[0], faces, seed=4)
    list(trainer.steps(2))
    return trainer


def sheet(engine):
    return np.asarray(Image.open(io.BytesIO(engine.snapshot(True).pictures["samples"][1])))


def test_faces_of_48_by_48(faces):
    engine = TrainingEngine(FACES[0], faces, seed=3, samples=(2, 3))
    engine.step()
    assert engine.snapshot(True).header["grid"] == {"rows": 2, "columns": 3, "shape": [1, 48, 48]}
    expected = engine.trainer.samples(6, Z_SEED).reshape(2, 3, 48, 48).permute(0, 2, 1, 3).reshape(96, 144)
    assert np.abs(sheet(engine) / 255 - expected.numpy()).max() <= 0.5 / 255 + 1e-6
    trainer = Trainer(FACES[0], faces, seed=3)
    next(trainer.steps(1))
    assert torch.equal(parameters(engine.trainer), parameters(trainer))
    longest = max(layer.linear.weight.detach().norm(dim=1).max().item() for layer in engine.trainer.G.layers)
    assert longest == pytest.approx(1.9365, abs=1e-4)  # it began at about 10


def test_a_second_stage_keeps_its_top_through_reset_and_twin(faces, trained):
    given = [p.detach().clone() for p in trained.G.parameters()]
    engine = TrainingEngine(FACES[1], faces, seed=3, samples=(1, 2), top=trained.G.layers)
    start = parameters(engine.trainer)
    fresh = Trainer(FACES[1], faces, seed=3, top=trained.G.layers)
    assert torch.equal(start, parameters(fresh))
    own = [p for layer in engine.trainer.G.layers[2:] for p in layer.parameters()]
    assert all(torch.equal(a, b) for a, b in zip(own, given, strict=True))
    first = sheet(engine)
    engine.set(k=2)
    for _ in range(3):
        engine.step()
    assert not torch.equal(parameters(engine.trainer), start)
    assert all(torch.equal(a, b) for a, b in zip(trained.G.parameters(), given, strict=True))  # stage 1 has not moved
    twin = engine.twin()
    assert (twin.trainer.step, twin.settings, twin.samples) == (0, engine.settings, engine.samples)
    assert torch.equal(parameters(twin.trainer), start)
    engine.reset()
    assert torch.equal(parameters(engine.trainer), start)
    assert np.array_equal(sheet(engine), first)


def test_a_second_stage_without_its_top_is_refused(faces, trained):
    with pytest.raises(RecipeError, match="tfd-1"):
        TrainingEngine(FACES[1], faces)
    with pytest.raises(RecipeError, match="leave `top` out"):
        TrainingEngine(FACES[0], faces, top=trained.G.layers)


def test_the_widget_takes_a_second_stage_and_draws_it_ahead(faces, trained):
    live = LiveTraining(FACES[1], faces, seed=3, samples=(1, 2), top=trained.G.layers)
    picture = np.asarray(Image.open(io.BytesIO(live.preview(steps=2))).convert("RGB")).astype(int)
    for colour in ((0, 114, 178), (0, 158, 115), (213, 94, 0)):  # D, G and V, few pixels among the greys
        assert np.abs(picture - colour).max(2).min() <= 16
    assert live.trainer.step == 0
    live.step()
    assert live.trainer.step == 1
    live._background.retire()


def test_normalised_pictures_are_shown_in_one_range_for_the_whole_run():
    """GCN: by the largest |value| among as many real pictures, so that a louder G looks louder."""
    data = load("synthetic-cifar10")
    engine = TrainingEngine(replace(CIFAR10_FC.at("smoke"), batch=20), data, samples=(1, 2))
    real = data.valid[:2].numpy().astype(np.float64)
    real -= real.mean(1, keepdims=True)
    largest = np.abs(55 * real / np.sqrt((real**2).sum(1, keepdims=True))).max()
    levels = []
    for factor in (1.0, 2.0, 1e3):
        with torch.no_grad():
            engine.trainer.G.layers[-1].linear.weight.mul_(factor)
        engine.step()
        x = engine.trainer.samples(2, Z_SEED).numpy().astype(np.float64)
        grey = np.clip((x / largest + 1) / 2, 0, 1)
        expected = grey.reshape(2, 3, 32, 32).transpose(2, 0, 3, 1).reshape(32, 64, 3)
        seen = sheet(engine)
        assert seen.shape == (32, 64, 3)
        assert np.abs(seen / 255 - expected).max() <= 0.5 / 255 + 1e-4
        levels.append(seen.std())
    assert levels[0] < levels[1] < levels[2]


# -- the widgets, without a page --------------------------------------------------------------------------------------


def heard(demo, **message):
    demo._heard(demo, message, [])


def test_live_training_from_python(live):
    assert (live.state, live.k, live.lr_D, live.lr_G, live.momentum) == ("idle", 1, 0.1, 0.1, None)
    live.step()
    assert (live.state, live.trainer.step) == ("paused", 1)
    live.start()
    live._background.tick()
    assert live.trainer.step >= 2
    live.pause()
    live.stop()
    live.reset(seed=9)
    assert (live.trainer.seed, live.trainer.step, live.state) == (9, 0, "idle")
    assert live.diagnosis()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("k", 3),
        ("lr_D", 0.5),
        ("lr_G", 0.001),
        ("momentum", 0.9),
        ("update", "alternating"),
        ("generator_cost", "minimax"),
    ],
)
def test_each_trait_sets_the_run_and_follows_it(live, name, value):
    setattr(live, name, value)
    assert live.engine.settings[name] == value
    old = getattr(live, name)
    heard(live, type="restore", id=8)
    assert getattr(live, name) == old  # only noted so far
    live._background.tick()
    assert getattr(live, name) == TrainingEngine(RECIPE, live.engine.data, samples=(1, 1)).settings[name]
    seen = []
    live.observe(lambda change: seen.append(change["new"]), names=name)
    heard(live, type="set", id=9, values={name: value})
    frames = live._background.sent
    live._background.tick()
    assert live._background.sent == frames + 1  # the traits' following is no command of its own
    assert getattr(live, name) == value
    assert seen == [value]
    assert live._snapshot.header["applied"] == 9


@pytest.mark.parametrize(
    ("name", "value"), [pair for pair in ABSURD if pair[0] in SETTINGS], ids=lambda v: repr(v)[:24]
)
def test_a_trait_refuses_an_absurd_value(live, name, value):
    before = getattr(live, name)
    with pytest.raises(RecipeError, match=name):
        setattr(live, name, value)
    assert getattr(live, name) == before
    assert live.engine.settings[name] == before


def test_an_absurd_message_of_the_page_shows_in_the_status_line(live):
    for message in ({"type": "set", "values": {"k": 0}}, {"type": "reset", "seed": "x"}, {"type": "nonsense"}, {}):
        heard(live, **message)
        live._background.tick()
        assert live.engine.message
        assert live._snapshot.header["message"] == live.engine.message
        assert live.state == "idle"
    live._heard(live, "no mapping at all", [])
    live._background.tick()
    heard(live, type="step")
    live._background.tick()
    assert live.engine.message == ""
    assert live.trainer.step == 1


def test_the_page_is_answered_with_what_it_lacks(live, monkeypatch):
    said = []
    monkeypatch.setattr(LiveTraining, "send", lambda self, message, buffers: said.append((message, buffers)))
    for _ in range(3):
        live.step()
    assert [message["frame"] for message, _ in said] == [1, 2, 3]
    heard(live, type="tick", frame=0, have={})
    message, buffers = said[-1]
    assert message["answer"]
    assert message["step"] == 3
    assert [list(what)[0] for what in message["buffers"]] == ["picture", "curves"]
    assert buffers[0].startswith(b"\x89PNG")
    assert np.frombuffer(buffers[1], np.float32).reshape(3, 6)[:, 0].tolist() == [1, 2, 3]
    heard(live, type="tick", frame=3, have=live._snapshot.have())
    assert said[-1][1] == [b""]
    heard(live, type="tick", frame="x", have="y")


def test_the_rate_of_pictures_and_their_share_of_the_time(live):
    live.start()
    end = time.perf_counter() + 1.5
    version = live._snapshot.pictures["samples"][0]
    while time.perf_counter() < end:
        heard(live, type="shown", frame=live._background.sent)
        live._background.tick()
    rate = (live._snapshot.pictures["samples"][0] - version) / 1.5
    assert 1 <= rate <= 6
    spent = live.engine.spent
    assert spent["drawing"] < 0.3 * spent["training"]


def test_save_can_be_resumed(live, data, tmp_path):
    live.k = 2
    live.step()
    live.save(tmp_path / "run")
    live.step()
    live.save(tmp_path / "run")
    trainer = runs.open(tmp_path / "run", data=data).trainer
    assert (trainer.step, trainer.recipe.k) == (2, 2)
    assert torch.equal(parameters(trainer), parameters(live.trainer))


def test_show_displays_three_kinds_in_one_bundle(live, monkeypatch):
    shown = []
    monkeypatch.setattr("ganlib.widgets.display", lambda data, raw: shown.append((data, raw)))
    show(live, picture=b"\x89PNG as given")
    ((data, raw),) = shown
    assert raw is True
    assert set(data) == {"application/vnd.jupyter.widget-view+json", "image/png", "text/plain"}
    view = data["application/vnd.jupyter.widget-view+json"]
    assert view == {"version_major": 2, "version_minor": 0, "model_id": live.model_id}
    assert base64.b64decode(data["image/png"]) == b"\x89PNG as given"
    assert "live demo" in data["text/plain"]


def test_a_costly_picture_is_drawn_only_where_notebooks_are_made(live, monkeypatch):
    shown = []
    monkeypatch.setattr("ganlib.widgets.display", lambda data, raw: shown.append(base64.b64decode(data["image/png"])))
    monkeypatch.delenv("GANLIB_MAKING_NOTEBOOKS", raising=False)
    show(live, picture=lambda: pytest.fail("kept a person waiting"))
    monkeypatch.setenv("GANLIB_MAKING_NOTEBOOKS", "1")
    show(live, picture=lambda: b"\x89PNG made aside")
    assert shown[0] == live.preview() and shown[1] == b"\x89PNG made aside"


def test_the_picture_for_readers_without_a_kernel(live):
    step = live.trainer.step
    png = live.preview(steps=30)
    assert live.trainer.step == step
    picture = Image.open(io.BytesIO(png))
    assert picture.width > 800
    assert 10_000 < len(png) < 300_000
    assert base64.b64decode(bundle(live)["image/png"]).startswith(b"\x89PNG")


def test_the_scripts_are_one_module_each():
    for cls in (LiveTraining, Interpolation):
        esm = cls._esm
        assert esm.count("export ") == 1
        assert "import " not in "\n".join(line for line in esm.splitlines() if line.startswith("import"))
        assert "http" not in esm.replace("http://www.w3.org", "")
        assert "export default { render }" in esm
    assert "import" in (protocol_module.FOLDER / "training.js").read_text()
    assert "class Link" in script("link.js", "training.js")
