"""CUDA: updates that are recorded and replayed, the recipes, a run that goes on, a demo. Most of it needs a GPU.

What a machine without one can show of it is shown there, too.
"""

import pytest
import torch

from ganlib import RecipeError, Trainer, game, hardware, runs
from ganlib.recipes import PUBLISHED
from ganlib.replay import FIRST, Record
from ganlib.widgets.training import TrainingEngine
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


def test_the_environment_names_the_device(monkeypatch):
    monkeypatch.setenv("GANLIB_DEVICE", " cpu ")
    assert hardware.choose().device == torch.device("cpu")
    monkeypatch.setenv("GANLIB_DEVICE", "abacus")
    with pytest.raises(RecipeError, match=r"^GANLIB_DEVICE: device 'abacus' is not usable here.*; use one of 'auto'"):
        hardware.choose()
    assert hardware.choose("cpu").device.type == "cpu", "a device that is asked for comes first"


@needs_cuda
@pytest.mark.parametrize("max_norm", [0.0, 0.5])
@pytest.mark.parametrize(("update", "k"), [("simultaneous", 1), ("alternating", 3)])
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_a_recorded_run_is_the_run_that_is_played(precision, update, k, max_norm, monkeypatch):
    """The same steps with and without records, a cost changed on the way, dropout's numbers included."""
    found = []
    for recorded in (True, False):
        if not recorded:
            monkeypatch.setattr(Trainer, "_repeats", lambda self: False)
        recipe = small.recipe(update=update, k=k, max_norm=max_norm, lr_D=0.1, lr_G=0.1)
        trainer = Trainer(recipe, small.data(), seed=3, device="cuda", precision=precision)
        steps = list(trainer.steps(12 * FIRST))
        trainer.change(generator_cost="minimax", lr_G=0.05)
        steps += trainer.steps(12 * FIRST)
        assert recorded is any(record._graph is not None for record in trainer._records.values())
        found.append((steps, [p.clone() for net in (trainer.G, trainer.D) for p in net.parameters()], trainer.rng))
    (steps, theta, rng), (played, as_played, its_rng) = found
    tolerance = 1e-4 if precision == "float32" else 3e-2
    assert torch.equal(rng.get_state(), its_rng.get_state())
    assert max((a - b).abs().max().item() for a, b in zip(theta, as_played)) < tolerance
    assert all(abs(a.V - b.V) < 10 * tolerance for a, b in zip(steps, played))


@needs_cuda
@pytest.mark.parametrize("recipe", PUBLISHED, ids=lambda recipe: recipe.name)
def test_the_gradients_of_each_recipe_are_those_of_the_cpu(recipe):
    """In float64, without dropout: the random numbers of a GPU are its own."""
    recipe, rng = recipe.at("smoke"), torch.Generator().manual_seed(0)
    d = recipe.G[-1].units
    G, D = (net.double() for net in recipe.networks(0, torch.full((d,), 0.5)))
    x, z = torch.rand(8, d, generator=rng).double(), recipe.noise(8, 0).double()
    found = []
    for device in ("cpu", "cuda"):
        G, D, x, z = (part.to(device) for part in (G, D, x, z))
        one = game.simultaneous_gradients(G, D, x, z, recipe.generator_cost)
        found.append([one.a_fake, one.a_real, *one.D, *one.G])
    for on_cpu, on_cuda in zip(*found, strict=True):
        torch.testing.assert_close(on_cuda.cpu(), on_cpu, rtol=1e-9, atol=1e-14)


@needs_cuda
def test_a_run_is_saved_and_goes_on(tmp_path):
    run = runs.open(tmp_path, small.recipe(epochs=40), data=small.data(), device="cuda", precision="float32")
    list(run.steps(50))
    run.save()
    again = runs.open(tmp_path, data=small.data())
    assert again.trainer.hardware.device.type == "cuda" and again.trainer.step == 50
    for one in (run, again):
        list(one.steps(20))
    for a, b in zip(run.trainer.G.parameters(), again.trainer.G.parameters()):
        torch.testing.assert_close(a, b, rtol=0, atol=1e-4)
    assert again.train(progress=False) and again.trainer.finished


@needs_cuda
def test_a_live_demo_trains_there(monkeypatch):
    monkeypatch.setenv("GANLIB_DEVICE", "cuda")
    engine = TrainingEngine(small.recipe(), small.data(), seed=3, samples=(2, 3))
    for _ in range(12):
        engine.step()
    engine.set(generator_cost="minimax")
    engine.step()
    assert engine.trainer.hardware.device.type == "cuda" and engine.trainer.step == 13
    assert engine.complete().panels[0].tiles is not None
