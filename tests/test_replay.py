"""Updates that are recorded on CUDA and replayed. What a machine without CUDA can show of it is shown there, too."""

import pytest
import torch

from ganlib import Trainer
from ganlib.replay import FIRST, Record
from tests import small
from tests.plain import PlainRun, largest_difference

needs_cuda = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs CUDA")


@pytest.mark.parametrize("k", [1, 2])
@pytest.mark.parametrize("update", ["simultaneous", "alternating"])
def test_an_update_that_reads_its_record_equals_an_independent_computation(update, k, monkeypatch):
    """Rows and rates come from memory that stays, and rates move it as tensors: the numbers are the same."""
    monkeypatch.setattr(Trainer, "_repeats", lambda self: True)
    monkeypatch.setattr(Record, "__call__", lambda self, update: update())
    recipe = small.recipe(update=update, k=k, lr_D=0.5, lr_G=0.3, lr_decay=1.1, lr_min=0.25, momentum_epochs=3)
    trainer = Trainer(recipe, small.data(), seed=3, device="cpu", precision="float64")
    plain = PlainRun(trainer)
    for step in trainer.steps(6):
        plain.iterate()
        assert largest_difference(trainer, plain) < 1e-10, step
    assert {record.rows.shape for record in trainer._records.values()} == {(10,)}, "what is left of an epoch is played"


@needs_cuda
@pytest.mark.parametrize("max_norm", [0.0, 0.5])
@pytest.mark.parametrize(("update", "k"), [("simultaneous", 1), ("alternating", 3)])
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_on_cuda_a_recorded_run_is_the_run_that_is_played(precision, update, k, max_norm, monkeypatch):
    """The same steps with and without records, a cost changed on the way, dropout's numbers included."""
    runs = []
    for recorded in (True, False):
        if not recorded:
            monkeypatch.setattr(Trainer, "_repeats", lambda self: False)
        recipe = small.recipe(update=update, k=k, max_norm=max_norm, lr_D=0.1, lr_G=0.1)
        trainer = Trainer(recipe, small.data(), seed=3, device="cuda", precision=precision)
        steps = list(trainer.steps(12 * FIRST))
        trainer.change(generator_cost="minimax", lr_G=0.05)
        steps += trainer.steps(12 * FIRST)
        assert bool(trainer._records) is recorded
        assert recorded is any(record._graph is not None for record in trainer._records.values())
        runs.append((steps, [p.clone() for net in (trainer.G, trainer.D) for p in net.parameters()], trainer.rng))
    (steps, theta, rng), (played, as_played, its_rng) = runs
    tolerance = 1e-4 if precision == "float32" else 3e-2
    assert torch.equal(rng.get_state(), its_rng.get_state())
    assert max((a - b).abs().max().item() for a, b in zip(theta, as_played)) < tolerance
    assert all(abs(a.V - b.V) < 10 * tolerance for a, b in zip(steps, played))
