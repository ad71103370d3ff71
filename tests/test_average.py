"""The average of G: its recurrence by hand, nothing changed in the run, saved and resumed with it."""

from __future__ import annotations

import json

import pytest
import torch

from ganlib import Average, CheckpointError, RecipeError, Trainer, load_weights, runs
from ganlib.__main__ import main
from ganlib.checkpoints import Strip, load_run
from tests import small


def weights(net):
    return torch.cat([p.detach().flatten() for p in net.parameters()])


@pytest.mark.parametrize(("begun", "horizon", "part"), [(0, 1_000, 2), (0, 25, 2), (7, 30, 10), (7, 1_000, 3)])
def test_the_average_is_its_recurrence_written_out(begun, horizon, part):
    trainer = Trainer(small.recipe(), small.data(), seed=2, device="cpu", precision="float64")
    list(trainer.steps(begun))
    average = Average(trainer.G, horizon, step=begun, part=part)
    expected = weights(trainer.G).tolist()
    for step in trainer.steps(400):
        average.see(step.step)
        if step.step % 10 == 0:
            steps = min(horizon, (step.step - begun) / part)
            w = min(1.0, 10 / steps)
            expected = [e + w * (now - e) for e, now in zip(expected, weights(trainer.G).tolist(), strict=True)]
    assert weights(average.G).tolist() == pytest.approx(expected, abs=1e-12)
    assert (weights(average.G) - weights(trainer.G)).abs().max() > 1e-4, "the case must tell the two apart"
    assert str(average) == f"the average of G over {min(horizon, 400 // part)} steps"


def test_it_changes_nothing_in_the_run(tmp_path):
    plain = Trainer(small.recipe(epochs=9), small.data(), seed=2)
    run = runs.open(tmp_path, small.recipe(epochs=9), data=small.data(), seed=2)
    assert run.train(progress=False)
    list(plain.steps(run.trainer.step))
    small.same(plain.state()["nets"], run.trainer.state()["nets"])
    assert run.average.step == run.trainer.step


def test_it_is_saved_with_the_run_and_goes_on_bit_for_bit(tmp_path):
    one, two = (runs.open(tmp_path / name, small.recipe(), data=small.data(), seed=2) for name in "ab")
    list(one.steps(247))
    list(two.steps(124))
    two.save()
    again = runs.open(two.folder, data=small.data())
    list(again.steps(123))
    small.same(one.average.state(), again.average.state())
    assert not torch.equal(weights(again.average.G), weights(again.trainer.G))


def test_the_validation_score_of_the_average_stands_beside_that_of_the_last_iterate(tmp_path):
    run = runs.open(tmp_path, small.recipe(epochs=100), data=small.data())
    run.train(progress=False)
    last = run.trainer.history.scores[-1]
    assert last["average_log_likelihood"] == run.trainer.score(run.average.G)["log_likelihood"]
    assert last["log_likelihood"] == run.trainer.score(run.trainer.G)["log_likelihood"]
    assert last["average_log_likelihood"] != last["log_likelihood"]


@pytest.mark.parametrize("wrong", [{"horizon": 0}, {"horizon": 9}, {"horizon": 1e4}, {"part": 0}, {"part": 2.5}])
def test_a_horizon_that_makes_no_sense(wrong):
    G, _ = small.recipe().networks(0, torch.full((12,), 0.5))
    with pytest.raises(RecipeError, match=f"the {next(iter(wrong))} is"):
        Average(G, **wrong)


def test_an_average_goes_on_over_its_part_of_the_run_and_an_older_one_over_a_tenth():
    G, _ = small.recipe().networks(0, torch.full((12,), 0.5))
    state = Average(G, part=3).state()
    assert Average.from_state(G, state).part == 3
    assert Average.from_state(G, {name: value for name, value in state.items() if name != "part"}).part == 10


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A run of digits of 200 steps by the command line, and its weights."""
    run, path = tmp_path_factory.mktemp("run"), tmp_path_factory.mktemp("weights") / "w.safetensors"
    options = ["--data", "synthetic", "--device", "cpu", "--precision", "float32", "--epochs", "10"]
    assert main(["train", "mnist", "--profile", "smoke", "--out", str(run), *options]) == 0
    assert main(["export", str(run), "--out", str(path)]) == 0
    return run, path


def test_the_commands_show_the_average_when_asked_and_say_so(trained, tmp_path, capsys):
    run, path = trained
    scores = load_weights(path).info
    assert main(["evaluate", str(path), "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"iterate": "the last iterate"} | scores["parzen"]
    assert main(["evaluate", str(path), "--json", "--average"]) == 0
    average = json.loads(capsys.readouterr().out)
    assert average == {"iterate": "the average of G over 100 steps"} | scores["average"]["parzen"]
    assert average["log_likelihood"] != scores["parzen"]["log_likelihood"]
    for source in (run, path):
        assert main(["sample", str(source), "--average", "--out", str(tmp_path / "s.png"), "--n", "1"]) == 0
        assert "1 samples of the average of G over 100 steps" in capsys.readouterr().out
    assert main(["evaluate", str(run), "--average"]) == 0
    assert "the average of G over 100 steps" in capsys.readouterr().out


def test_averaged_weights_are_those_of_the_run(trained):
    run, path = trained
    of_run, of_file = load_run(run).averaged(), load_weights(path).averaged()
    assert torch.allclose(weights(of_run.G), weights(of_file.G), rtol=1e-3, atol=1e-6)
    assert torch.equal(weights(of_run.G), weights(runs.open(run).average.G))
    assert of_run.iterate == of_file.iterate == "the average of G over 100 steps"


def test_the_strip_holds_what_both_iterates_drew_at_its_epochs(trained):
    run, path = trained
    now, of_run, of_file = runs.open(run), load_run(run).strip, load_weights(path).strip
    assert of_run.epochs == of_file.epochs == [1, 2, 5, 10]
    for kept in (of_run, of_file):
        for pictures, G in ((kept.last, now.trainer.G), (kept.average, now.average.G)):
            assert pictures.dtype == torch.uint8 and pictures.shape == (4, 8, 784)
            drawn = now.trainer.recipe.samples(G, 8, seed=0)
            assert (pictures[-1] / 255 - drawn).abs().max() <= 0.5 / 255 + 1e-6


def test_some_of_a_strip():
    last = torch.arange(4 * 8 * 2, dtype=torch.uint8).view(4, 8, 2)
    some = Strip([1, 2, 5, 10], last, last + 100).some([10, 2], n=3)
    assert some.epochs == [10, 2]
    assert torch.equal(some.last, last[[3, 1], :3]) and torch.equal(some.average, some.last + 100)


def test_a_look_draws_by_the_iterate_that_it_names(tmp_path):
    run = runs.open(tmp_path, small.recipe(), data=small.data(), seed=2)
    list(run.steps(250))
    run.look()
    [row] = run.strip
    for name, G in (("last", run.trainer.G), ("average", run.average.G)):
        drawn = run.trainer.recipe.samples(G, 8, seed=0)
        assert (row[name] / 255 - drawn).abs().max() <= 0.5 / 255 + 1e-6
    assert not torch.equal(row["last"], row["average"]) and row["epoch"] == int(run.trainer.epochs_done)


def test_where_no_average_was_kept(trained, tmp_path):
    run, _ = trained
    state = torch.load(run / "checkpoint.pt", weights_only=True)
    del state["average"]
    torch.save(state, tmp_path / "checkpoint.pt")
    with pytest.raises(CheckpointError, match="no average of G was kept"):
        load_run(tmp_path).averaged()
    later = runs.open(tmp_path).average
    assert (later.begun, later.step) == (200, 200), "an average of an older run begins where it is first kept"
