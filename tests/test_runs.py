"""Runs on the disk: the one door, stops, folders that several processes want. Kills stand in test_kills.py."""

from __future__ import annotations

import os
import shutil
import signal
from pathlib import Path

import pytest
import torch

from ganlib import CheckpointError, GanlibError, RecipeError, Trainer, TrainingDiverged, checkpoints, runs
from ganlib import trainer as trainer_module
from ganlib.history import CURVES
from ganlib.nets import Layer
from ganlib.runs import Run
from tests import small
from tests.killed import in_new_process, train
from tests.small import same, saved

pytestmark = pytest.mark.skipif(os.name != "posix", reason="needs SIGKILL and fork")

RECIPE = small.recipe(epochs=8)


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory):
    """The final checkpoint of a run that was trained in one go, and saved only at the two ends."""
    folder = tmp_path_factory.mktemp("whole")
    assert in_new_process(train, folder, RECIPE, 1e9) == 0
    return saved(folder)


# -- stopped politely -------------------------------------------------------------------------------------------------


def during(monkeypatch, nth, act):
    """Do something in the middle of the nth update of the run."""
    honest, calls = trainer_module.game.simultaneous_gradients, 0

    def interrupted(*arguments):
        nonlocal calls
        calls += 1
        if calls == nth:
            act()
        return honest(*arguments)

    monkeypatch.setattr(trainer_module.game, "simultaneous_gradients", interrupted)


def stop_during(monkeypatch, nth, *numbers):
    """Send signals to this very process in the middle of the nth update of the run."""
    during(monkeypatch, nth, lambda: [os.kill(os.getpid(), number) for number in numbers])


@pytest.fixture
def begun(tmp_path):
    return runs.open(tmp_path, RECIPE, data=small.data(), seed=7)


def train_on(folder):
    """Go on with the run in the folder, to its end."""
    return runs.open(folder, data=small.data()).train(progress=False)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_lets_the_step_finish_and_saves(number, begun, monkeypatch, capsys, uninterrupted):
    folder, handler = begun.folder, signal.getsignal(number)
    stop_during(monkeypatch, 5, number)
    assert begun.train(progress=False) is False
    assert begun.trainer.step == 5 and saved(folder)["step"] == 5
    said = capsys.readouterr().out
    assert f"step 5. Saved in {folder}" in said and f"ganlib train --resume --out {folder}" in said
    assert signal.getsignal(number) is handler
    assert train_on(folder) is True
    same(saved(folder), uninterrupted)


def test_a_second_interrupt_stops_at_once_and_the_last_checkpoint_stays(begun, monkeypatch, capsys, uninterrupted):
    folder = begun.folder
    stop_during(monkeypatch, 5, signal.SIGINT, signal.SIGINT)
    assert begun.train(progress=False, checkpoint_seconds=1e-9) is False
    assert not begun.trainer.whole and saved(folder)["step"] == 4
    assert f"This step is lost; the last checkpoint is in {folder}" in capsys.readouterr().out
    with pytest.raises(CheckpointError, match="inside a step"):
        begun.save()
    assert train_on(folder) is True
    same(saved(folder), uninterrupted)


def test_a_stop_that_cannot_be_saved_says_so(begun, monkeypatch, capsys):
    """Never "Saved in" when it was not."""
    begun.save()
    stop_during(monkeypatch, 3, signal.SIGINT)

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(CheckpointError, match="the disk is full"):
        begun.train(progress=False)
    assert "Saved" not in capsys.readouterr().out
    assert saved(begun.folder)["step"] == 0


# -- the one door -----------------------------------------------------------------------------------------------------


@pytest.fixture
def finished(tmp_path):
    run = runs.open(tmp_path / "run", small.recipe(epochs=2), data=small.data(), seed=7)
    assert run.train(progress=False)
    return run.folder


def test_a_folder_that_holds_a_run_is_refused_where_a_new_one_was_asked_for(finished):
    with pytest.raises(CheckpointError, match=r"already holds a run; resume it .* or choose another folder"):
        runs.open(finished, small.recipe(), data=small.data(), resume=False)
    (finished / "checkpoint.pt").unlink()  # the previous one alone is a run too
    with pytest.raises(CheckpointError, match="already holds a run"):
        runs.open(finished, small.recipe(), data=small.data(), resume=False)


@pytest.mark.parametrize("options", [{}, {"resume": True}, {"resume": False}, {"resume": True, "recipe": small.RECIPE}])
def test_nothing_to_go_on_with(options, tmp_path):
    with pytest.raises(CheckpointError, match="holds no checkpoint; train one with"):
        runs.open(tmp_path / "nowhere", data=small.data(), **options)
    assert not (tmp_path / "nowhere").exists()


def test_more_epochs_go_on_as_if_they_had_been_asked_for_at_once(finished, uninterrupted):
    run = runs.open(finished, data=small.data(), epochs=8)
    assert run.trainer.finished is False
    assert run.train(progress=False) is True
    same(saved(finished), uninterrupted)


@pytest.mark.parametrize("recipe", [None, small.RECIPE], ids=["none", "a recipe"])
@pytest.mark.parametrize("epochs", [0, -1, 1.5])
def test_senseless_epochs_are_refused(epochs, recipe, finished):
    with pytest.raises(RecipeError, match="epochs is"):
        runs.open(finished, recipe, data=small.data(), epochs=epochs)


def test_the_same_call_begins_a_run_and_goes_on_with_it(finished, tmp_path):
    fresh = runs.open(tmp_path / "fresh", small.recipe(), data=small.data(), seed=7, epochs=9).trainer
    assert (fresh.step, fresh.recipe.epochs) == (0, 9)
    again = runs.open(finished, small.recipe(epochs=5), data=small.data(), seed=7).trainer
    assert again.step == 6 and again.recipe.epochs == 5
    with pytest.raises(CheckpointError, match=r"another one \(k: 3 -> 1; seed: 8 -> 7\)"):
        runs.open(finished, small.recipe(k=3), data=small.data(), seed=8)


def test_a_folder_that_cannot_be_written_is_refused_before_training(tmp_path):
    (tmp_path / "file").write_text("in the way")
    run = runs.open(tmp_path / "file", small.recipe(), data=small.data())
    with pytest.raises(CheckpointError, match="cannot be written"):
        run.train(progress=False)
    assert run.trainer.step == 0
    assert (tmp_path / "file").read_text() == "in the way"


def test_a_budget_of_seconds_stops_in_time_and_goes_on_bit_for_bit(begun, uninterrupted, capsys, monkeypatch):
    """One step a second by a clock of ours: 3 seconds are 3 steps; then the rest, as if nothing had happened."""
    now = iter(range(10**6))
    monkeypatch.setattr(runs.time, "monotonic", lambda: next(now))
    assert begun.train(progress=False, seconds=9, checkpoint_seconds=1e9) is False
    assert 0 < begun.trainer.step < 9 and "To go on" in capsys.readouterr().out
    monkeypatch.undo()
    again = runs.open(begun.folder, data=small.data())
    assert again.trainer.step == begun.trainer.step and again.train(progress=False)
    same(saved(begun.folder), uninterrupted)


@pytest.mark.parametrize("name", ["seconds", "checkpoint_seconds"])
@pytest.mark.parametrize("value", [0, -1, float("nan"), "60", True])
def test_senseless_seconds_are_refused(name, value, begun):
    with pytest.raises(RecipeError, match=f"^{name} is"):
        begun.train(**{name: value})


def test_a_run_that_diverges_keeps_its_earlier_checkpoint(begun):
    list(begun.trainer.steps(2))
    begun.save()
    before = (begun.folder / "checkpoint.pt").read_bytes()
    begun.trainer.change(lr_D=1e30, lr_G=1e30)
    with pytest.raises(TrainingDiverged, match=r"lr_D (1|9\.\d*)e\+"):
        begun.train(progress=False, validate=False)
    assert (begun.folder / "checkpoint.pt").read_bytes() == before
    with pytest.raises(CheckpointError, match="has diverged"):
        begun.save()
    assert runs.open(begun.folder, data=small.data()).trainer.step == 2


# -- scores and progress ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("k", "batches"), [(1, 2), (3, 2), (3, 5), (5, 2)])
def test_validation_scores_come_after_the_epochs_that_are_due_whatever_k(k, batches, tmp_path):
    recipe = small.recipe(k=k, epochs=23)
    run = runs.open(tmp_path, recipe, data=small.data(n=10 * batches))
    assert run.train(progress=False)
    scores = run.trainer.history.scores
    scored = [int(score["epoch"]) for score in scores]
    if k <= batches:
        assert scored == [1, 2, 3, 4, 5, 10, 20, 23]
    else:  # a step of more than an epoch may step over one that is due, but not over the end
        assert 3 <= len(scored) <= 8 and scored[-1] >= 23
    assert all(score["sigma"] > 0 and score["standard_error"] > 0 for score in scores)


def test_no_validation_when_not_asked_for(tmp_path):
    run = runs.open(tmp_path, small.recipe(epochs=2), data=small.data())
    assert run.train(progress=False, validate=False) and run.trainer.history.scores == []


def test_the_progress_holds_epoch_step_time_left_and_validation_score(tmp_path, capsys):
    runs.open(tmp_path, small.recipe(epochs=3), data=small.data()).train()
    last = capsys.readouterr().out.rstrip().splitlines()[-1].split("\r")[-1]
    assert last.startswith("epoch 3/3: 100%") and "9/9 [00:0" in last and "<00:0" in last
    assert "validation -" in last and "nats" in last


def test_the_score_of_a_run_follows_the_protocol(tmp_path):
    trainer = Trainer(small.recipe(), small.data())
    list(trainer.steps(2))
    Run(trainer, tmp_path).save()
    trained = checkpoints.load_run(tmp_path)
    score = runs.score(trained, trainer.data)
    assert (score.n_samples, score.n_test, score.split, score.data) == (50, 30, "test", "small")
    assert runs.score(trained, trainer.data) == score != runs.score(trained, trainer.data, seed=2)


# -- one folder, several processes ------------------------------------------------------------------------------------


def locked(folder):
    """The lock on a folder, as `train` holds it in another process."""
    fcntl = pytest.importorskip("fcntl")
    other = os.open(folder, os.O_RDONLY)
    fcntl.flock(other, fcntl.LOCK_EX)
    return other


def test_two_processes_cannot_train_into_one_folder(begun):
    other = locked(begun.folder)
    for refused in (begun.save, lambda: begun.train(progress=False)):
        with pytest.raises(CheckpointError, match="another process is training in"):
            refused()
    assert begun.trainer.step == 0 and not list(begun.folder.iterdir())
    os.close(other)
    begun.save()
    other = locked(begun.folder)
    with pytest.raises(CheckpointError, match="another process is training in"):
        runs.open(begun.folder, data=small.data())
    os.close(other)
    assert begun.train(progress=False, validate=False)


def test_a_file_system_without_locks_is_trained_on_all_the_same(begun, monkeypatch):
    fcntl = pytest.importorskip("fcntl")

    def no_locks(*_):
        raise OSError(37, "No locks available")

    monkeypatch.setattr(fcntl, "flock", no_locks)
    assert begun.train(progress=False, validate=False)


def test_a_run_never_overwrites_another_one(tmp_path):
    one, two = (Run(Trainer(small.recipe(), small.data(), seed=seed), tmp_path) for seed in (1, 2))
    one.save()
    for refused in (two.save, lambda: two.train(progress=False)):
        with pytest.raises(CheckpointError, match="already holds another run"):
            refused()
    assert saved(tmp_path)["seed"] == 1 and two.trainer.step == 0
    one.save()
    runs.open(tmp_path, data=small.data()).save()


def files_in(folder):
    """The names and the contents of all files there."""
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.parametrize("still", [False, True], ids=["finished", "still trains"])
def test_another_run_that_came_to_the_folder_meanwhile_is_left_alone(still, begun, monkeypatch, uninterrupted):
    """The folder is removed while this run trains in it, and another run begins there."""
    folder, there = begun.folder, {}

    def replaced():
        shutil.rmtree(folder)
        assert in_new_process(train, folder, small.recipe(), 1e9) == 0
        there.update(files_in(folder), lock=locked(folder) if still else None)

    during(monkeypatch, 5, replaced)
    said = "was removed or replaced while this run trained" if still else "another process has written there since"
    with pytest.raises(CheckpointError, match=said):
        begun.train(progress=False)
    lock = there.pop("lock")
    assert files_in(folder) == there
    if still:
        os.close(lock)
    monkeypatch.undo()
    begun.folder = elsewhere = folder.with_name(folder.name + "-elsewhere")  # what it has learnt is not lost
    assert begun.train(progress=False)
    same(saved(elsewhere), uninterrupted)


def test_a_folder_that_is_removed_while_a_run_trains_is_made_again(begun, monkeypatch, uninterrupted):
    during(monkeypatch, 5, lambda: shutil.rmtree(begun.folder))
    assert begun.train(progress=False, checkpoint_seconds=1e-9)
    same(saved(begun.folder), uninterrupted)


def test_a_run_that_went_on_elsewhere_is_not_thrown_back(begun, uninterrupted):
    """Opened here at its beginning, and trained to its end by another process: it must not be trained here again."""
    begun.save()
    here = runs.open(begun.folder, data=small.data())
    assert in_new_process(train, begun.folder, RECIPE, 1e9) == 0
    finished = files_in(begun.folder)
    for refused in (here.save, lambda: here.train(progress=False), begun.save):
        with pytest.raises(CheckpointError, match="another process has written there since.*open it again"):
            refused()
    assert files_in(begun.folder) == finished and here.trainer.step == 0
    assert runs.open(begun.folder, data=small.data()).trainer.finished


# -- what is asked of it ----------------------------------------------------------------------------------------------


def test_output_that_breaks_while_it_trains_ends_nothing(begun, monkeypatch, uninterrupted):
    """Of a script of one's own, too: the bar is dropped."""

    class Broken:
        encoding = "utf-8"

        def write(self, text):
            raise BrokenPipeError(32, "Broken pipe")

        flush = isatty = lambda self: self.write("")

    monkeypatch.setattr("sys.stdout", Broken())
    assert begun.train(progress=True)
    monkeypatch.undo()
    same(saved(begun.folder), uninterrupted)


@pytest.mark.parametrize("broken", ["tqdm.tqdm.__init__", "tqdm.tqdm.update"])
def test_a_bar_that_breaks_ends_nothing(broken, begun, monkeypatch, uninterrupted):
    """As by TQDM_BAR_FORMAT={nonsense}."""
    monkeypatch.setattr(broken, lambda *_, **__: {}["nonsense"])
    assert begun.train(progress=True)
    monkeypatch.undo()
    same(saved(begun.folder), uninterrupted)


ABSURD = {
    "folder": [None, 3, b"here", ["here"]],
    "recipe": ["mnist", 3, {}],
    "data": ["mnist", 3, torch.zeros(3)],
    "seed": [None, "0", 1.5, True, -1, 2**63, 10**400],
    "on": [3, ["there"]],
    "start": ["mnist", 0],
    "epochs": ["8", 1.5, True, 0, -1],
    "device": [None, 0, "", "abacus", "meta", "cuda:99", "\0"],
    "precision": [None, 32, "", "int8"],
    "resume": ["yes", 1],
    "stand_in": ["yes", None],
}


@pytest.mark.parametrize("name", ABSURD)
def test_absurd_arguments_are_one_error_in_one_line(name, tmp_path):
    right = {"folder": tmp_path / "run", "recipe": small.RECIPE, "data": small.data()}
    for value in ABSURD[name]:
        with pytest.raises(GanlibError) as caught:
            runs.open(**{**right, name: value})
        said = str(caught.value)
        assert "\n" not in said and len(said) < 300, said
    run, trained = runs.open(**right), right["recipe"]
    for call in (
        lambda: Run(None, tmp_path),
        lambda: Run(run.trainer, 3),
        lambda: run.steps("3"),
        lambda: run.steps(-1),
        lambda: runs.scored("mnist"),
        lambda: runs.score(trained, right["data"]),
        lambda: runs.curves(None),
        lambda: runs.curves(tmp_path, points=0),
        lambda: runs.take_place(run.trainer, run),
        lambda: setattr(run, "folder", None),
    ):
        with pytest.raises(GanlibError, match="it must be"):
            call()
    with pytest.raises(CheckpointError, match="cannot be written"):
        runs.open("\0", small.RECIPE, data=small.data()).save()
    assert list(tmp_path.iterdir()) == []


def test_a_checkpoint_says_what_trained_it(tmp_path):
    trainer = Trainer(small.recipe(), small.data())
    list(trainer.steps(3))
    Run(trainer, tmp_path).save()
    sessions = runs.open(tmp_path, data=small.data()).sessions
    assert [session["from_step"] for session in sessions] == [0, 3]
    assert all({"commit", "made", "versions"} <= session.keys() for session in sessions)


def test_the_notebooks_runs_are_kept_where_the_environment_says(tmp_path, monkeypatch):
    monkeypatch.setenv("GANLIB_RUNS", str(tmp_path))
    assert runs.home() == tmp_path
    monkeypatch.delenv("GANLIB_RUNS")
    root = Path(__file__).resolve().parent.parent
    assert runs.home().resolve() == root / "runs"
    monkeypatch.setenv("GANLIB_RUNS", "~/mine")
    assert runs.home() == Path.home() / "mine"
    monkeypatch.delenv("GANLIB_RUNS")

    def two_drives(*_):
        raise ValueError("path is on mount 'C:', start on mount 'D:'")

    monkeypatch.setattr(os.path, "relpath", two_drives)
    assert runs.home() == root / "runs"


# -- a recipe in two stages -------------------------------------------------------------------------------------------

STAGE_2 = small.recipe(
    name="small-2", G=(Layer(9, "relu", 0.5), Layer(4, "sigmoid", 0.5, bias=-2.0), *small.RECIPE.G), built_on="small"
)


def test_a_run_is_begun_on_the_folder_of_another_and_goes_on_without_it(tmp_path):
    """The four sigmoids of the new bottom take the place of the four coordinates of z."""
    first = runs.open(tmp_path / "one", small.recipe(epochs=1), data=small.data())
    assert first.train(progress=False)
    begun = runs.open(tmp_path / "two", STAGE_2, data=small.data(), on=tmp_path / "one")
    for a, b in zip(first.trainer.G.parameters(), begun.trainer.G.layers[2:].parameters(), strict=True):
        assert torch.equal(a, b)
    assert begun.train(progress=False)
    shutil.rmtree(tmp_path / "one")
    again = runs.open(tmp_path / "two", STAGE_2, data=small.data(), on=tmp_path / "one")
    assert again.trainer.finished and again.trainer.step == begun.trainer.step
    assert again.sessions[0]["built_on"]["recipe"] == "small"
    same(again.trainer.state(), begun.trainer.state())


def test_the_strip_of_a_run_goes_on_in_the_one_built_on_it(tmp_path):
    for name, recipe, on in (("one", small.recipe(epochs=2), None), ("two", STAGE_2, tmp_path / "one")):
        runs.open(tmp_path / name, recipe, data=small.data(), on=on).train(progress=False)
    one, two = (checkpoints.load_run(tmp_path / name).strip for name in ("one", "two"))
    assert (one.epochs, two.epochs) == ([1, 2], [1, 2, 3, 4, 7])
    for name in ("last", "average"):
        assert torch.equal(getattr(two, name)[:2], getattr(one, name))


def test_a_run_on_the_wrong_folder_is_refused_and_nothing_is_made(tmp_path):
    runs.open(tmp_path / "one", small.recipe(name="other", epochs=1), data=small.data()).save()
    for recipe, on, error, said in (
        (STAGE_2, None, RecipeError, "train that one first"),
        (STAGE_2, tmp_path / "none", CheckpointError, "none holds no checkpoint"),
        (STAGE_2, tmp_path / "one", RecipeError, "holds a run of 'other', and 'small-2' is built on 'small'"),
        (small.recipe(), tmp_path / "one", RecipeError, "'small' is not built on another one: leave out "),
    ):
        with pytest.raises(error, match=said):
            runs.open(tmp_path / "two", recipe, data=small.data(), on=on)
    assert not (tmp_path / "two").exists()


def test_a_run_on_one_that_is_not_finished_says_so(tmp_path):
    runs.open(tmp_path / "one", small.recipe(), data=small.data()).save()
    with pytest.warns(UserWarning, match=r"one is at epoch 0 of 6; this one is built on it as it is"):
        runs.open(tmp_path / "two", STAGE_2, data=small.data(), on=tmp_path / "one")


def test_the_curves_of_a_run_are_its_history_in_fewer_points(finished, tmp_path):
    assert runs.curves(finished) == {name: [] for name in CURVES}, "no window is full yet"
    trainer = Trainer(small.recipe(), small.data(), history_every=2)
    for _ in trainer.steps(13):
        pass
    Run(trainer, tmp_path / "longer").save()
    history = trainer.history
    whole = runs.curves(tmp_path / "longer", points=10**6)
    assert len(history.rows) == 6 and whole["V"] == [round(v, 4) for v in history.column("V").tolist()]
    halves = runs.curves(tmp_path / "longer", points=2)["D_fake"]
    assert halves == pytest.approx(
        [history.column("D_fake")[part].mean() for part in (slice(3), slice(3, 6))], abs=1e-4
    )
    (V,), (epoch,) = (runs.curves(tmp_path / "longer", points=1)[name] for name in ("V", "epoch"))
    assert (V, epoch) == (round(history.column("V").mean(), 4), round(history.column("epoch").mean(), 4))


# -- from a trained pair ----------------------------------------------------------------------------------------------


def test_a_run_goes_on_from_a_trained_pair_at_its_epoch_with_its_average(tmp_path):
    first = runs.open(tmp_path / "one", small.recipe(epochs=3), data=small.data())
    first.train(progress=False)
    pair = checkpoints.load_run(tmp_path / "one")
    recipe = small.recipe(epochs=5, momentum_start=0.1, momentum_end=0.9, momentum_epochs=9)
    run = runs.open(tmp_path / "two", recipe, data=small.data(), seed=7, start=pair)
    both = (first.trainer, run.trainer)
    for nets in zip(*([t.G, t.D, a.G] for t, a in zip(both, (first.average, run.average)))):
        small.same(*(net.state_dict() for net in nets))
    assert (run.trainer.step, run.trainer.updates, run.trainer.epochs_done) == (
        first.trainer.step,
        first.trainer.updates,
        3,
    )
    step = next(run.steps(1))
    assert step.momentum == recipe.momentum(4) and step.lr_D == recipe.lr("D", first.trainer.updates)
    assert (run.average.horizon, run.average.begun) == (first.average.horizon, 0)
    assert run.train(progress=False) and run.trainer.epochs_done == 5
    told = checkpoints.load_run(tmp_path / "two").info["trained_by"][0]
    assert told["from_step"] == first.trainer.step
    assert told["started_from"]["recipe"] == "small" and told["started_from"]["epochs"] == 3


def test_a_built_on_recipe_goes_on_from_a_pair_of_its_own(tmp_path):
    runs.open(tmp_path / "one", small.recipe(epochs=1), data=small.data()).train(progress=False)
    runs.open(tmp_path / "two", STAGE_2, data=small.data(), on=tmp_path / "one").train(progress=False)
    pair = checkpoints.load_run(tmp_path / "two")
    run = runs.open(tmp_path / "three", STAGE_2, data=small.data(), start=pair)
    small.same(run.trainer.G.state_dict(), pair.G.state_dict())


def test_a_pair_of_other_nets_is_refused(tmp_path):
    runs.open(tmp_path / "one", small.recipe(epochs=1), data=small.data()).train(progress=False)
    pair = checkpoints.load_run(tmp_path / "one")
    with pytest.raises(RecipeError, match="this recipe's G is not that of the pair to start from"):
        runs.open(tmp_path / "two", STAGE_2, data=small.data(), start=pair)
    with pytest.raises(RecipeError, match="not from both"):
        runs.open(tmp_path / "two", small.recipe(), data=small.data(), start=pair, on=tmp_path / "one")
    assert not (tmp_path / "two").exists()
