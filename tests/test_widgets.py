"""The live demos without a browser: every command, absurd values, the background loop, what the page is sent."""

from __future__ import annotations

import asyncio
import base64
import io
import math
import random
import threading
import time
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from ganlib import MNIST, RecipeError, Trainer, load
from ganlib.trainer import Step
from ganlib.widgets import Interpolation, LiveTraining, TrainingEngine, bundle, interpolate, show
from ganlib.widgets import protocol as protocol_module
from ganlib.widgets.background import IN_FLIGHT, SILENCE, Background, superseded
from ganlib.widgets.curves import Curves
from ganlib.widgets.diagnosis import Evidence, diagnose, reversals, spread
from ganlib.widgets.engine import CURVES, SETTINGS, Z_SEED
from ganlib.widgets.interpolation import MOST_PICKED, InterpolationEngine, on_path
from ganlib.widgets.preview import running_mean
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


def random_command(rng):
    kind = rng.choice(["start", "pause", "step", "stop", "reset", "restore", "set", "set", "slow", "explode", None, 7])
    command = {"type": kind, "id": rng.choice([rng.randrange(10**6), None, "x"])}
    if kind == "reset":
        command["seed"] = rng.choice([None, 0, 5, -1, "a", 2**70, 1.0])
    if kind == "slow":
        command["value"] = rng.choice([True, False, None])
    if kind == "set":
        good = {
            "k": rng.choice([1, 2, 3]), "lr_D": rng.choice([0.001, 0.1]), "momentum": rng.choice([None, 0.0, 0.5]),
            "update": rng.choice(["simultaneous", "alternating"]), "generator_cost": rng.choice(["minimax", "non-saturating"]),
        }  # fmt: skip
        values = dict(rng.sample(sorted(good.items(), key=str), rng.randrange(1, 4)))
        if rng.random() < 0.4:
            values.update([rng.choice([(n, v) for n, v in ABSURD if isinstance(n, str)])])
        command["values"] = rng.choice([values, values, values, None, 3])
    return command


def test_a_thousand_random_events_leave_the_engine_consistent(data):
    rng = random.Random(0)
    recipe = replace(RECIPE, batch=4, G=tuple(replace(x, units=min(x.units, 8)) for x in RECIPE.G[:-1]) + RECIPE.G[-1:])
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


def test_a_page_that_follows_the_increments_has_the_same_curves(engine):
    engine.curves = Curves(1 + len(CURVES), points=8)
    page, have = {}, {}
    for _ in range(30):
        engine.step()
        snapshot = engine.snapshot(False)
        message, buffers = snapshot.pack(have)
        have = snapshot.have()
        for what, buffer in zip(message["buffers"], buffers, strict=True):
            if "curves" in what:
                rows = np.frombuffer(buffer, np.float32).reshape(-1, what["columns"])
                old = page["rows"][: what["from"]] if what["from"] else rows[:0]
                page = {"rows": np.concatenate([old, rows])}
    assert np.array_equal(page["rows"], engine.curves.rows())


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


# -- is this loss curve normal? ---------------------------------------------------------------------------------------


def steps(n=200, first=1, **values):
    usual = dict(V=-0.9, cost_D=0.45, cost_G=1.5, D_real=0.7, D_fake=0.3, norm_D=1.3, norm_G=1.4)
    usual |= dict(epoch=1.0, lr_D=0.1, lr_G=0.1, momentum=0.5) | values
    at = {name: value if callable(value) else (lambda i, value=value: value) for name, value in usual.items()}
    return [Step(step=first + i, **{name: f(i) for name, f in at.items()}) for i in range(n)]


CHANCE = dict(V=-1.386, D_real=0.5, D_fake=0.5, cost_G=0.693, norm_G=1e-4)
WINS = dict(V=-0.012, D_real=0.996, D_fake=0.007, cost_G=5.2)


@pytest.mark.parametrize(
    ("tone", "words", "evidence"),
    [
        ("wait", "Nothing has happened", Evidence([], 0.05, MNIST)),
        ("wait", "only begun", Evidence(steps(19), 0.05, MNIST)),
        ("wait", "just changed", Evidence(steps(5), 0.05, MNIST, changed=True)),
        ("normal", "Normal for a beginning", Evidence(steps(**CHANCE), 0.055, MNIST, updates=200)),
        ("odd", "D does not learn", Evidence(steps(**CHANCE), 0.055, MNIST, updates=4_000)),
        ("odd", "Theorem 1", Evidence(steps(**CHANCE), 0.9, MNIST, updates=200_000)),
        ("normal", "D is ahead", Evidence(steps(V=-0.2, D_real=0.94, D_fake=0.06), 0.6, MNIST)),
        ("normal", "Normal. D says 0.70", Evidence(steps(first=5_000), 0.9, MNIST)),
        ("normal", "Helvetica", Evidence(steps(first=5_000), 0.1, MNIST)),
        ("odd", "lower k", Evidence(steps(**WINS), 0.6, replace(MNIST, k=5))),
        ("odd", "D's rate is 100 times", Evidence(steps(**WINS), 0.6, replace(MNIST, lr_G=0.001))),
        ("broken", "saturated", Evidence(steps(**WINS, norm_G=0.003), 0.054, replace(MNIST, generator_cost="minimax"))),
        ("broken", "run away", Evidence(steps(V=lambda i: -9.0 if i == 150 else -1.0), 0.6, MNIST)),
        ("odd", "swings", Evidence(steps(V=lambda i: -0.8 + 0.7 * math.sin(i / 5)), 0.6, MNIST)),
        ("odd", "worse than", Evidence(steps(V=-2.0, D_real=0.4, D_fake=0.6), 0.6, MNIST)),
    ],
)
def test_the_diagnosis_says_what_the_run_shows(tone, words, evidence):
    verdict = diagnose(evidence)
    assert verdict.tone == tone, verdict
    assert words in " ".join(verdict.sentences)
    assert 1 <= len(verdict.sentences) <= 3


def test_the_diagnosis_forgets_what_was_before_a_change(engine):
    for _ in range(25):
        engine.step()
    assert engine.verdict().tone == "normal"
    engine.set(k=2)
    assert "just changed" in engine.diagnosis()[0]


def test_reversals_and_spread():
    assert reversals(np.full(200, -1.0)) == 0
    assert reversals(np.linspace(-1.4, 0, 200)) <= 1
    x = torch.tensor([[0.0, 0.0], [3.0, 4.0]])
    assert spread(x) == 5
    assert spread(torch.ones(4, 3)) == 0
    assert math.isnan(spread(x[:1]))
    assert running_mean(np.arange(100.0), 0.1)[50] == pytest.approx(50)


# -- the background loop ----------------------------------------------------------------------------------------------


class Fake:
    """An engine that counts."""

    interval = 0.0

    def __init__(self):
        self.running, self.worked, self.done, self.errors, self.retired = False, 0, [], [], False
        self.threads = set()

    def do(self, command):
        self.threads.add(threading.get_ident())
        if command["type"] == "bad":
            raise RecipeError("k is 0")
        self.running = {"start": True, "pause": False}.get(command["type"], self.running)
        self.done.append(command)

    def advance(self, seconds):
        self.worked += 1
        if self.worked == 50:
            raise ZeroDivisionError("division by zero")
        time.sleep(0.001)

    def fail(self, error):
        self.errors.append(error)
        self.running = self.running and isinstance(error, RecipeError)

    def retire(self):
        self.running, self.retired = False, True


def fake():
    engine, shown = Fake(), []
    return engine, shown, Background(engine, shown.append)


def test_commands_may_come_from_many_threads_and_run_on_one():
    engine, _, background = fake()
    posts = [threading.Thread(target=lambda n=n: [background.post({"type": "x", "n": n, "i": i}) for i in range(200)])
             for n in range(8)]  # fmt: skip
    for thread in posts:
        thread.start()
    while any(thread.is_alive() for thread in posts):
        background.tick()
    background.tick()
    assert engine.threads == {threading.get_ident()}
    assert len(engine.done) == 1_600
    for n in range(8):
        assert [command["i"] for command in engine.done if command["n"] == n] == list(range(200))


def test_of_a_drag_only_the_last_value_is_carried_out():
    engine, _, background = fake()
    for k in range(1, 8):
        background.post({"type": "set", "id": k, "values": {"k": k}})
    background.post({"type": "set", "values": {"lr_D": 0.1}})
    background.tick()
    assert [command["values"] for command in engine.done] == [{"k": 7}, {"lr_D": 0.1}]
    assert not superseded({"type": "set", "values": {"k": 1}}, {"type": "reset"})
    assert not superseded({"type": "set", "values": None}, {"type": "set", "values": None})


def test_the_task_begins_and_ends_with_the_work():
    async def story():
        engine, shown, background = fake()
        assert background._task is None
        background.post({"type": "start"})
        await asyncio.sleep(0.05)
        assert engine.worked > 1
        background.post({"type": "pause"})
        await asyncio.sleep(0.05)
        at = engine.worked
        await asyncio.sleep(0.05)
        assert engine.worked == at
        assert background._task is None
        assert shown

    asyncio.run(story())


def test_a_command_from_another_thread_wakes_the_task():
    async def story():
        engine, _, background = fake()
        await asyncio.to_thread(background.post, {"type": "start"})
        await asyncio.sleep(0.05)
        assert engine.worked > 0
        assert engine.threads == {threading.get_ident()}
        background.cancel()

    asyncio.run(story())


def test_the_loop_stays_free_while_it_trains():
    async def story():
        _, _, background = fake()
        background.post({"type": "start"})
        await asyncio.sleep(0)
        begun = time.perf_counter()
        for _ in range(10):
            await asyncio.sleep(0)
        background.cancel()
        return time.perf_counter() - begun

    assert asyncio.run(story()) < 0.5


def test_an_error_shows_and_ends_the_work_but_not_the_loop():
    engine, shown, background = fake()
    background.post({"type": "start"})
    for _ in range(60):
        background.heard()
        background.tick()
    assert [type(error) for error in engine.errors] == [ZeroDivisionError]
    assert engine.worked == 50
    shown.clear()
    background.post({"type": "bad"})
    background.tick()
    assert [str(error) for error in engine.errors[1:]] == ["k is 0"]
    assert shown, "the error is shown"


def test_an_error_in_showing_is_kept_too(caplog):
    engine = Fake()

    def publish(draw):
        raise OSError("comm is closed")

    background = Background(engine, publish)
    background.post({"type": "start"})
    background.tick()
    assert "comm is closed" in str(engine.errors[0])
    assert caplog.records


def test_call_raises_at_once_on_the_owners_thread():
    engine, shown, background = fake()
    background.call({"type": "start"})
    assert engine.running
    with pytest.raises(RecipeError):
        background.call({"type": "bad"})
    assert len(shown) == 2
    thread = threading.Thread(target=background.call, args=[{"type": "pause"}])
    thread.start()
    thread.join()
    assert engine.running  # only noted
    background.tick()
    assert not engine.running


def test_a_new_demo_of_the_same_key_retires_the_old_one():
    async def story():
        old, gone = Fake(), []
        first = Background(old, lambda draw: None, key="test:cell", retired=lambda: gone.append(True))
        first.post({"type": "start"})
        await asyncio.sleep(0.02)
        assert old.worked
        other = Background(Fake(), lambda draw: None, key="test:another cell")
        assert not old.retired
        second = Background(Fake(), lambda draw: None, key="test:cell")
        at = old.worked
        await asyncio.sleep(0.03)
        assert (old.worked, old.retired, gone) == (at, True, [True])
        second.retire()
        other.retire()
        assert not [key for key in Background._by_key if key.startswith("test:")]

    asyncio.run(story())


def test_it_waits_when_the_page_is_silent_and_goes_on_when_it_speaks():
    engine, shown, background = fake()
    background.post({"type": "start"})
    background.tick()
    background._silent = SILENCE + 1
    background.tick()
    assert background.waiting
    assert not background.busy
    at = engine.worked
    background.tick()
    assert engine.worked == at
    background.heard(0)
    background.tick()
    assert engine.worked == at + 1
    assert not background.waiting


def test_time_in_which_the_kernel_was_busy_is_not_the_pages_silence():
    engine, _, background = fake()
    background.post({"type": "start"})
    background.tick()
    background._last_tick -= 60  # a cell ran for a minute, and the page's words wait in the queue
    background.tick()
    assert not background.waiting


def test_it_waits_while_the_tab_is_hidden():
    engine, _, background = fake()
    background.post({"type": "start"})
    background.set_visible(False)
    background.tick()
    background.heard(0)  # a late word does not start it again
    background.tick()
    assert (background.waiting, engine.worked) == (True, 0)
    background.set_visible(True)
    background.tick()
    assert (background.waiting, engine.worked) == (False, 1)


def test_no_more_frames_than_the_page_takes():
    engine, shown, _ = fake()
    background = Background(engine, lambda draw: (shown.append(draw), setattr(background, "sent", background.sent + 1)))
    background.post({"type": "start"})
    for _ in range(20):
        background.tick()
    assert len(shown) == IN_FLIGHT
    background.heard(background.sent - 1)
    for _ in range(5):
        background.tick()
    assert len(shown) == 2 * IN_FLIGHT - 1


def test_the_interrupt_key_pauses_and_does_not_escape(engine):
    background = Background(engine, lambda draw: None)
    background.post({"type": "start"})
    engine.advance = lambda seconds: (_ for _ in ()).throw(KeyboardInterrupt)
    background.tick()
    assert engine.state == "paused"
    assert "Interrupted" in engine.message


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
    [("k", 3), ("lr_D", 0.5), ("lr_G", 0.001), ("momentum", 0.9), ("update", "alternating"), ("generator_cost", "minimax")],
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
    live._background.tick()
    assert getattr(live, name) == value
    assert seen == [value]
    assert live._snapshot.header["applied"] == 9


@pytest.mark.parametrize(("name", "value"), [pair for pair in ABSURD if pair[0] in SETTINGS], ids=lambda v: repr(v)[:24])
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
    trainer = Trainer.resume(tmp_path / "run", data)
    assert (trainer.step, trainer.recipe.k) == (1, 2)
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


# -- interpolation ----------------------------------------------------------------------------------------------------


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


def test_interpolate_has_exact_ends_and_equal_spacing():
    z = torch.randn(4, 7, generator=torch.Generator().manual_seed(0))
    path = interpolate(z, 31)
    assert path.shape == (31, 7)
    assert path.dtype == z.dtype
    assert torch.equal(path[0], z[0])
    assert torch.equal(path[-1], z[-1])
    assert torch.equal(path[[0, 10, 20, 30]], z)
    for piece in range(3):
        moves = path[10 * piece : 10 * piece + 11].double().diff(dim=0)
        assert torch.allclose(moves, (z[piece + 1] - z[piece]).double() / 10, atol=1e-6)
    assert torch.equal(interpolate(z[:2], 2), z[:2])
    uneven = interpolate(z, 20)  # 19 is no multiple of 3: still equal spacing in t
    assert torch.allclose(uneven, on_path(z, torch.arange(20) / 19.0), atol=1e-6)


@pytest.mark.parametrize("n", [1, 0, -3, 2.0, True, "5", None])
def test_interpolate_refuses_an_absurd_n(n):
    with pytest.raises(RecipeError, match="n is"):
        interpolate(torch.zeros(2, 3), n)


@pytest.mark.parametrize("shape", [(1, 3), (0, 3), (3,)])
def test_interpolate_needs_two_points(shape):
    with pytest.raises(RecipeError, match="path needs"):
        interpolate(torch.zeros(shape), 5)


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
        with pytest.raises(RecipeError, match="no digit"):
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
    demo.new_digits(seed=5)
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
