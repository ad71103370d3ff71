"""Run folders that earlier code wrote still open, and go on as that code would have gone on."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import torch

from ganlib import Trainer, checkpoints, nets, runs
from ganlib.history import COLUMNS
from tests import small

OLD_RUN = Path(__file__).parent / "fixtures" / "old-run"
"""A second stage in small, with max-norm, a change while it trained, and one resume: 53 steps; and where its own code
stood three steps later."""


@pytest.fixture
def old_run(tmp_path):
    shutil.copy(OLD_RUN / "checkpoint.pt", tmp_path)
    return tmp_path


def test_an_old_run_opens_with_all_that_it_was(old_run):
    run = runs.open(old_run, data=small.data())
    trainer = run.trainer
    assert (trainer.step, trainer.updates, trainer.seed, trainer.recipe.built_on) == (53, 57, 8, "small")
    history = trainer.history
    assert len(history.rows) == 1 and history.column("V")[0] == pytest.approx(-1.3939, abs=1e-4)
    assert [score["step"] for score in history.scores] == [49, 53]
    assert history.changes == [{"step": 49, "lr_D": 0.09, "k": 2}]
    assert [session["from_step"] for session in run.sessions] == [0, 49, 53]
    assert run.sessions[0]["built_on"]["recipe"] == "small"


def old_mask(shape, keep, rng, dtype):
    """Dropout as the old code drew it: a random float for each element."""
    return (torch.rand(shape, generator=rng) < keep).to(dtype) / keep


def test_an_old_run_goes_on_as_its_own_code_did(old_run, monkeypatch):
    """But for how dropout draws, and for the last batch of an epoch, 5 of 25 examples, which that code left out.

    To 1e-6: other processors and other versions of torch round differently.
    """
    monkeypatch.setattr(nets, "mask", old_mask)
    monkeypatch.setattr(Trainer, "batches", property(lambda trainer: len(trainer.pictures) // trainer.recipe.batch))
    later = torch.load(OLD_RUN / "three-steps-later.pt", weights_only=True)
    trainer = runs.open(old_run, data=small.data()).trainer
    list(trainer.steps(3))
    state = trainer.state()
    for name in "GD":
        for key, expected in later["nets"][name].items():
            torch.testing.assert_close(state["nets"][name][key], expected, rtol=0, atol=1e-6)
        for own, expected in zip(state["velocity"][name], later["velocity"][name], strict=True):
            torch.testing.assert_close(own, expected, rtol=0, atol=1e-6)
    for key in ("step", "updates", "epoch", "position"):
        assert state[key] == later[key]
    for key in ("order", "data_rng", "rng"):
        assert torch.equal(state[key], later[key])
    own, expected = (
        there["history"]["window"][:, [name != "epoch" for name in COLUMNS[:12]]] for there in (state, later)
    )
    torch.testing.assert_close(own, expected, rtol=0, atol=1e-6)


def test_an_old_run_goes_on_with_the_order_it_had_and_now_uses_all_of_it(old_run):
    """It stood after the first batch of ten: ten more, the five that are left, then a new order; two batches a step."""
    trainer = runs.open(old_run, data=small.data()).trainer
    order, drawn, honest = trainer.order.tolist(), [], trainer._next_batch
    assert (trainer.epoch, trainer.position, trainer.epochs_done) == (29, 1, 28.4)
    trainer._next_batch = lambda: drawn.append(honest()) or drawn[-1]
    done = [step.epoch for step in trainer.steps(2)]
    pictures = trainer.data.train.tolist()
    rows = [[pictures.index(row) for row in (x * 255).round().int().tolist()] for x in drawn]
    assert rows[:2] == [order[10:20], order[20:]] and done == pytest.approx([29, 29.8])
    assert rows[2:] == [trainer.order[:10].tolist(), trainer.order[10:20].tolist()]


def test_a_finished_old_run_is_one_small_batch_short_of_its_end(old_run):
    """Where that code ended its last epoch; it opens, says so, and ends after the batch that is left."""
    path = old_run / "checkpoint.pt"
    state = torch.load(path, weights_only=True)
    torch.save(state | {"epoch": state["recipe"]["epochs"], "position": 2}, path)
    assert checkpoints.load_run(old_run).info["epochs"] == pytest.approx(39.8)
    trainer = runs.open(old_run, data=small.data()).trainer
    trainer.change(k=1)
    assert not trainer.finished
    next(trainer.steps(1))
    assert trainer.finished and trainer.epochs_done == 40


def test_what_is_written_now_has_the_old_layout(old_run):
    """Format 1, the same parts: earlier code reads it too."""
    old = small.saved(old_run)
    runs.open(old_run, data=small.data()).save()
    new = small.saved(old_run)
    assert new.keys() == old.keys() | {"average", "strip"} and new["format"] == old["format"] == 1
    assert new["history"].keys() == old["history"].keys()
    del new["average"], new["strip"]
    small.same(new, old)
    assert checkpoints.load_run(old_run).info["trained_by"][:2] == old["sessions"]
