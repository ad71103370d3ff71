"""Live training without a page: its controls, that it trains as the Trainer does, what it shows, and what it says."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from ganlib import MNIST, RecipeError, Trainer, load, runs
from ganlib.history import Step
from ganlib.recipes import CIFAR10_FC, TFD_1, TFD_2
from ganlib.widgets import LiveTraining
from ganlib.widgets import engine as engine_module
from ganlib.widgets.frame import packed
from ganlib.widgets.training import CURVES, Z_SEED, TrainingEngine
from tests.small import same

RECIPE = replace(MNIST.at("smoke"), batch=20, z_dim=20)
FACES = [replace(recipe.at("smoke"), batch=20) for recipe in (TFD_1, TFD_2)]


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
    demo._loop.retire()


def sheet(engine):
    """G's samples as the page gets them: (n, height, width) or (n, height, width, 3) in [0, 1]."""
    plain, buffers = packed(engine.complete())
    images = plain["panels"][0]["tiles"]["images"]
    return np.frombuffer(buffers[images["at"]], np.uint8).reshape(images["shape"]) / 255


def state(trainer):
    """All that a run goes on from."""
    parts = {"G": trainer.G.state_dict(), "D": trainer.D.state_dict(), "velocity": dict(trainer.velocity)}
    parts |= {"rng": trainer.rng.get_state(), "data_rng": trainer.data_rng.get_state(), "order": trainer.order}
    return {**parts, "recipe": trainer.recipe, "at": (trainer.seed, trainer.step, trainer.updates)}


def said(engine):
    return " ".join(engine.verdict().sentences)


# -- controls ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "value", "fields"),
    [
        ("k", 4, {"k": 4}),
        ("lr_D", 0.02, {"lr_D": 0.02}),
        ("lr_G", 1.0, {"lr_G": 1.0}),
        ("momentum", 0.9, {"momentum_start": 0.9, "momentum_end": 0.9}),
        ("update", "alternating", {"update": "alternating"}),
        ("generator_cost", "minimax", {"generator_cost": "minimax"}),
    ],
)
def test_each_control_reaches_the_recipe_while_it_trains_and_can_be_taken_back(live, name, value, fields):
    live.step()
    setattr(live, name, value)
    live.step()
    assert live.trainer.recipe == replace(RECIPE, **fields)
    assert (live.trainer.step, live.engine.events) == (2, [(1, name, value)])
    live.restore()
    assert live.trainer.recipe == RECIPE and getattr(live, name) == live.engine.defaults[name]


def test_k_is_obeyed_by_the_next_step(engine):
    engine.step()
    engine.set(k=4)
    engine.step()
    assert engine.trainer.updates == 1 + 4


def test_no_momentum_of_ones_own_is_the_recipes_schedule(engine):
    assert engine.controls["momentum"].said(None) == "the recipe's, 0.5 to 0.7"
    engine.set(momentum=0)
    assert (engine.trainer.recipe.momentum_start, engine.trainer.recipe.momentum_end) == (0, 0)
    engine.set(momentum=None)
    assert engine.trainer.recipe == RECIPE


def test_controls_that_the_recipe_or_the_demo_refuses_change_nothing(engine):
    before = engine.trainer
    for values in ({"k": 2, "lr_D": -1}, {"k": 2, "momentum": 0.96}, {"k": 2, "batch": 3}, {"k": 2, "seed": -1}):
        with pytest.raises(RecipeError):
            engine.set(**values)
    assert (engine.trainer, engine.trainer.recipe, engine.events) == (before, RECIPE, [])


def test_a_recipe_beyond_the_usual_ends_can_be_shown(data):
    engine = TrainingEngine(replace(RECIPE, lr_D=3.0, k=12), data, samples=(1, 1))
    assert (engine.values["lr_D"], engine.values["k"], engine.controls["lr_G"].high) == (3.0, 12, 3.0)


@pytest.mark.parametrize("samples", [(0, 2), (2, 21), (2.0, 2), (True, "2")])
def test_a_sheet_of_no_size_is_refused(data, samples):
    with pytest.raises(RecipeError, match="samples is"):
        TrainingEngine(RECIPE, data, samples=samples)


def test_a_drag_of_two_seconds_leaves_one_event(engine, monkeypatch):
    """As slow as the loop may be under a long step: a change now and then, each within a second of the last."""
    now = [0.0]
    monkeypatch.setattr(engine_module.time, "monotonic", lambda: now[0])
    for rate in (0.2, 0.3, 0.4):
        engine.step()
        engine.set(lr_D=rate)
        now[0] += 0.9
    assert engine.events == [(3, "lr_D", 0.4)]
    charts = engine.complete().panels[1:]
    assert [[level.name for level in chart.levels if level.x == 3] for chart in charts] == [
        ["Learning rate of D 0.40"],
        [""],
        [""],
    ]


# -- the run -----------------------------------------------------------------------------------------------------------


def test_it_trains_as_the_trainer_does_while_it_is_looked_at(engine, data):
    engine.start()
    for _ in range(7):
        engine.advance(0)
        engine.complete()
    trainer = Trainer(RECIPE, data, seed=3)
    steps = list(trainer.steps(7))
    same(state(engine.trainer), state(trainer))
    rows = engine.curves.rows()
    assert rows[:, 0].tolist() == [1, 2, 3, 4, 5, 6, 7]
    for i, name in enumerate(CURVES, 1):
        assert rows[:, i].tolist() == [getattr(step, name) for step in steps]


@pytest.mark.parametrize("seed", [None, 11])
def test_reset_is_bit_for_bit_the_seeds_start(live, data, seed):
    first = sheet(live.engine)
    live.set(k=2, momentum=0.9)
    for _ in range(3):
        live.step()
    live.reset(seed=seed) if seed else live.reset()
    recipe = replace(RECIPE, k=2, momentum_start=0.9, momentum_end=0.9)  # the controls stay
    same(state(live.trainer), state(Trainer(recipe, data, seed=seed or 3)))
    assert (live.state, live.seed, live.engine.events, len(live.engine.curves.rows())) == ("idle", seed or 3, [], 0)
    assert np.array_equal(sheet(live.engine), first) == (seed is None)


def test_another_seed_begins_anew(live, data):
    live.step()
    live.seed = 5
    same(state(live.trainer), state(Trainer(RECIPE, data, seed=5)))


def test_a_second_stage_keeps_its_top_through_reset_and_twin():
    faces = load("synthetic-faces")
    trained = Trainer(FACES[0], faces, seed=4)
    list(trained.steps(2))
    given = [p.detach().clone() for p in trained.G.parameters()]
    engine = TrainingEngine(FACES[1], faces, seed=3, samples=(1, 2), top=trained.G.layers)
    fresh = state(Trainer(FACES[1], faces, seed=3, top=trained.G.layers))
    same(state(engine.trainer), fresh)
    own = [p for layer in engine.trainer.G.layers[2:] for p in layer.parameters()]
    assert all(torch.equal(a, b) for a, b in zip(own, given, strict=True))
    engine.step()
    assert all(torch.equal(a, b) for a, b in zip(trained.G.parameters(), given, strict=True))  # stage 1 has not moved
    same(state(engine.twin().trainer), fresh)
    engine.reset()
    same(state(engine.trainer), fresh)
    with pytest.raises(RecipeError, match="tfd-1"):
        TrainingEngine(FACES[1], faces)


def test_a_picture_of_steps_ahead_is_trained_aside(live):
    live.k = 2
    before = live.trainer
    assert live.preview(steps=3) != live.preview()
    assert (live.trainer, live.trainer.step, live.k) == (before, 0, 2)


def test_a_run_that_is_saved_can_be_gone_on_with(live, data, tmp_path):
    live.k = 2
    live.step()
    live.save(tmp_path / "run")
    live.step()
    live.save(tmp_path / "run")  # again, into the same folder
    again = runs.open(tmp_path / "run", data=data).trainer
    assert (again.step, again.recipe.k) == (2, 2)
    next(again.steps(1))
    live.step()
    same(state(again), state(live.trainer))


def test_a_run_that_diverges_says_so_and_only_reset_helps(engine):
    engine.start()
    with torch.no_grad():
        next(engine.trainer.D.parameters()).fill_(math.nan)
    with pytest.raises(ArithmeticError):
        engine.advance(0.01)
    assert engine.state == "error" and "diverged" in engine.message
    assert engine.verdict().tone == "broken" and "Reset" in said(engine)
    with pytest.raises(RecipeError, match="reset it first"):
        engine.start()
    engine.complete()
    engine.reset()
    engine.step()
    assert (engine.trainer.step, engine.message) == (1, "")


def test_the_interrupt_key_pauses_and_start_goes_on(live, monkeypatch):
    live.start()
    monkeypatch.setattr(Trainer, "steps", lambda self, n: (_ for _ in ()).throw(KeyboardInterrupt))
    live._loop.tick()
    assert (live.state, live.engine.message) == ("paused", "Interrupted. Start goes on from here.")
    monkeypatch.undo()
    live.start()
    live._loop.tick()
    assert live.trainer.step >= 1


# -- what there is to see ----------------------------------------------------------------------------------------------


def test_the_sheet_shows_g_at_the_same_z(engine):
    first = sheet(engine)
    assert first.shape == (6, 28, 28)
    assert np.abs(first - engine.trainer.samples(6, Z_SEED).reshape(6, 28, 28).numpy()).max() <= 0.5 / 255 + 1e-6
    with torch.no_grad():
        engine.trainer.G.layers[-1].linear.bias.add_(1.0)
    assert np.array_equal(sheet(engine), first)  # nothing has moved, as far as the run knows
    engine.step()
    assert np.abs(sheet(engine) - engine.trainer.samples(6, Z_SEED).reshape(6, 28, 28).numpy()).max() < 0.003


def test_normalised_colours_are_shown_in_one_range_for_the_whole_run():
    """GCN: by the largest |value| among as many real pictures, so that a louder G looks louder."""
    data = load("synthetic-cifar10")
    engine = TrainingEngine(replace(CIFAR10_FC.at("smoke"), batch=20), data, samples=(1, 2))
    real = data.valid[:2].numpy().astype(np.float64)
    real -= real.mean(1, keepdims=True)
    largest = np.abs(55 * real / np.sqrt((real**2).sum(1, keepdims=True))).max()
    loud = []
    for factor in (1.0, 2.0, 1e3):
        with torch.no_grad():
            engine.trainer.G.layers[-1].linear.weight.mul_(factor)
        engine.step()
        x = engine.trainer.samples(64, Z_SEED)[:2].numpy().astype(np.float64)  # (in bfloat16, 2 alone round otherwise)
        expected = np.clip((x / largest + 1) / 2, 0, 1).reshape(2, 3, 32, 32).transpose(0, 2, 3, 1)  # red, green, blue
        assert np.abs(sheet(engine) - expected).max() <= 0.5 / 255 + 1e-4
        loud.append(sheet(engine).std())
    assert loud[0] < loud[1] < loud[2]


@pytest.mark.parametrize(("cost", "interval"), [(0.001, 0.2), (0.045, 0.3), (1.0, 0.5)])
def test_frames_come_less_often_when_they_cost_more(engine, monkeypatch, cost, interval):
    now = [0.0]
    monkeypatch.setattr("ganlib.widgets.training.time.perf_counter", lambda: now[0])
    monkeypatch.setattr(
        engine.trainer, "samples", lambda n, seed: now.__setitem__(0, now[0] + cost) or torch.zeros(n, 784)
    )
    engine.complete()
    assert engine.interval == pytest.approx(interval)


def test_the_charts_show_the_steps_and_the_words_their_numbers(engine):
    for _ in range(3):
        engine.step()
    picture, latest = engine.complete(), engine.latest
    costs, value, says = picture.panels[1:]
    assert [(line.name, line.value) for line in (*costs.lines, *says.lines)] == [
        ("D", f"{latest.cost_D:.2f}"),
        ("G", f"{latest.cost_G:.2f}"),
        ("D(x)", f"{latest.D_real:.2f}"),
        ("D(G(z))", f"{latest.D_fake:.2f}"),
    ]
    assert value.lines[0].y.tolist() == engine.curves.rows()[:, 1].tolist()
    assert costs.x == value.x == says.x == (0, 20) and value.y[1] == 0
    assert f"V {latest.V:.2f} nats".replace("-", "−") in picture.words
    assert [unit for _, unit in picture.readouts] == ["steps", "epochs", "steps/s"]
    assert picture.readouts[0][0] == "3"


# -- is this normal? ---------------------------------------------------------------------------------------------------


def test_the_verdict_is_of_the_steps_since_the_last_change(engine, live):
    assert said(engine).startswith("Nothing has happened yet")
    for _ in range(25):
        engine.step()
    engine.complete()
    assert (engine.verdict().tone, said(engine)[:24]) == ("normal", "Normal for a beginning: ")
    engine.set(k=2)
    assert engine.verdict().tone == "wait" and "A control has just changed" in said(engine)
    usual = {"epoch": 9.0, "lr_D": 0.1, "lr_G": 0.1, "momentum": 0.5, "norm_D": 1.0, "norm_G": 1.0}
    wins = {"V": -0.01, "cost_D": 0.01, "cost_G": 6.0, "D_real": 0.99, "D_fake": 0.005}
    engine._recent.extend(Step(step=26 + i, **usual, **wins) for i in range(40))
    assert engine.verdict().tone == "odd" and "With k = 2 D moves 2 times for each move of G: lower k." in said(engine)
    note = engine.complete().notes[0]
    assert (note.title, note.tone) == ("Is this normal?", "odd") and "lower k" in note.lines[1]
    assert live.diagnosis() == list(live.engine.verdict().sentences)


def test_the_verdict_sees_64_samples_whatever_the_sheet_shows(engine, monkeypatch):
    usual = {"epoch": 9.0, "lr_D": 0.1, "lr_G": 0.1, "momentum": 0.5, "norm_D": 1.0, "norm_G": 1.0}
    healthy = {"V": -0.9, "cost_D": 0.4, "cost_G": 1.5, "D_real": 0.7, "D_fake": 0.3}
    engine._recent.extend(Step(step=3_001 + i, **usual, **healthy) for i in range(200))
    real = engine.data.valid.float() / 255
    for step, draw, tone in (
        (1, lambda n, seed: real[:n], "normal"),
        (2, lambda n, seed: real[:1].repeat(n, 1), "odd"),
    ):
        engine.trainer.step = step
        monkeypatch.setattr(engine.trainer, "samples", draw)
        assert (engine.verdict().tone, "G draws only one picture" in said(engine)) == (tone, tone == "odd")


def test_the_diagnosis_reads_the_preview_until_the_demo_itself_has_moved(live):
    assert live.diagnosis()[0].startswith("Nothing has happened yet")
    live.preview(steps=25)
    first, *rest = live.diagnosis()
    assert first == "Read from the preview above, 25 steps:"
    twin = live.engine.twin()
    for _ in range(25):
        twin.step()
    assert rest == list(twin.verdict().sentences)
    live.k = 2  # the preview had k = 1
    assert live.diagnosis() == list(live.engine.verdict().sentences)
    live.k = 1
    assert live.diagnosis()[0] == first
    live.step()
    assert "The run has only begun" in live.diagnosis()[0]
    live.reset()
    assert live.diagnosis()[0].startswith("Nothing has happened yet")
