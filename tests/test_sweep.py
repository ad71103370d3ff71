"""`ganlib.sweep`: plans, their errors, runs that go on bit for bit, one file of results, a cluster that is killed."""

from __future__ import annotations

import contextlib
import json
import math
import os
import signal
import sys
import threading
import time
from collections import Counter
from itertools import product

import numpy as np
import pytest
import torch

from ganlib import DataError, RecipeError, TrainingDiverged, sweep
from ganlib.__main__ import main
from ganlib.densities import Gaussian
from ganlib.errors import CheckpointError
from ganlib.recipes import TOY
from ganlib.studies.grids import NEITHER, UNKNOWN
from ganlib.studies.sweeps import ToySweep
from ganlib.sweep import asked, cluster, drive, following, games, gathering, picture_game, planning, toy_game, work
from ganlib.unattended import Lock
from ganlib.widgets import Explorer
from tests import small

NO_DASK = "dask or pyarrow is not installed: pip install 'ganlib[sweep]'"


def toys(**changes):
    return sweep.plan(
        "toy", **{"over": {"k": [3, 1], "lr_G": [0.01, 0.1]}, "seeds": 2, "updates": 80, "records": 4} | changes
    )


def played(game):
    """A game to its end; its rows."""
    while not game.finished:
        game.advance()
    return game.rows


@pytest.fixture
def folder(tmp_path):
    """A folder with a plan of eight small toys."""
    drive.settled(toys(), tmp_path)
    return tmp_path


@pytest.fixture
def digits(monkeypatch):
    """A plan for small nets on made-up pictures, which are had by name."""
    monkeypatch.setattr(picture_game, "dataset", lambda name: small.data(40))
    monkeypatch.setattr(drive, "dataset", lambda name: small.data(40))
    return sweep.plan(small.recipe(), {"k": [1, 3]}, epochs=6, records=3)


# -- plans -------------------------------------------------------------------------------------------------------------


def test_a_plan_is_every_value_with_every_other_by_every_seed_seeds_last(tmp_path):
    plan = sweep.plan("toy", {"k": [1, 2], "p_z": ["normal", "uniform"], "lr_D": [1, 0.5]}, seeds=[7, 3])
    wanted = [(s, k, p, r) for s, (k, p, r) in product([7, 3], product([1, 2], ["normal", "uniform"], [1.0, 0.5]))]
    found = [plan.run(i) for i in range(len(plan))]
    assert [(r.seed, r.recipe.k, r.recipe.p_z, r.recipe.lr_D) for r in found] == wanted
    assert all(plan.number(run.values, run.seed) == run.number for run in found)
    assert all(type(run.recipe.lr_D) is float for run in found)
    plan.write(tmp_path)
    again = planning.read(tmp_path)
    assert again == plan and again.changes(plan) == []
    other = sweep.plan("toy", {"k": [1, 2, 5], "p_z": ["normal", "uniform"]}, updates=4_000, data="bimodal")
    assert other.changes(plan) == [
        "data: gaussian -> bimodal", "k: 1, 2 -> 1, 2, 5", "lr_D: 1.0, 0.5 -> not varied", "seeds: 7, 3 -> 0",
        "updates: 8000 -> 4000",
    ]  # fmt: skip


def test_a_plan_scales_recipes_of_pictures_by_profile_and_epochs():
    plan = sweep.plan("mnist", {"lr_G": [0.05]}, profile="smoke", epochs=2)
    assert (plan.recipe.G[0].units, plan.recipe.epochs, plan.kind, plan.device) == (120, 2, "mnist", "cpu")
    assert sweep.plan("cifar10-fc", profile="smoke").kind == "pictures"
    assert (sweep.plan("ring").kind, sweep.plan("ring").recipe.data) == ("plane", "ring")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ("", "name a recipe, or the folder"),
        ("nothing", "unknown recipe 'nothing'; there are: toy, ring, cifar10-conv"),
        ("toy --set k", "--set takes FIELD=VALUE,VALUE, not 'k'; the fields are"),
        ("toy --set k=1 k=2", "k is there twice"),
        ("toy --set lr_G=0.1,fast", "'lr_G=0.1,fast': lr_G takes numbers"),
        ("toy --set k=1.5", "k takes whole numbers"),
        ("toy --set k=1,0", "k is 0; it must be an integer >= 1"),
        ("toy --set k=2,2", "give one value or more, none twice"),
        ("toy --set lr_G=-1", "lr_G is -1.0; a rate must be"),
        ("toy --set p_z=flat", "p_z is 'flat'; use one of"),
        ("toy --set max_norm=1", "a toy does not play by it. These can: k, lr_D"),
        ("toy --set data=gaussian,moon", "a toy's data are 'moon'; use one of gaussian"),
        ("toy --data ring", "'ring' lies in 2 dimensions, and G of 'toy' makes 1"),
        ("toy --set z_dim=2", "z_dim is 2"),
        ("toy --epochs 3", "epochs is 3, and a toy has updates"),
        ("toy --profile smoke", "a toy has one scale"),
        ("toy --updates 20 --records 20", "20 updates are too few for 20 records at k = 1: at least 40"),
        ("mnist --updates 20", "a game of pictures has epochs"),
        ("mnist --epochs 3 --set epochs=1,2", "epochs is given twice"),
        ("mnist --profile smoke --set batch=0", "batch is 0"),
        ("tfd-2", "is built on another run"),
        ("toy --seeds 0", "give how many"),
        ("toy --seeds 1,1", "seeds is (1, 1)"),
        ("toy --seeds=-3,", "a seed is -3"),
        ("toy --seeds 300000 --set k=1,2,3,4", "1,200,000 runs; at most 1,000,000"),
        ("toy --workers 0", "not a whole number from 1"),
        ("toy --scheduler here", "'here' is no address of a scheduler"),
        ("toy --scheduler tcp://a:1 --workers 2", "leave out 2 workers"),
        ("--seeds 3", "name a recipe"),
        ("toy --gather", "holds no sweep; plan one with"),
    ],
)
def test_what_makes_no_sense_is_one_line_before_anything_starts(arguments, words, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    if "--scheduler" in arguments:
        pytest.importorskip("distributed", reason=NO_DASK)
    with pytest.raises(SystemExit) if "workers 0" in arguments else contextlib.nullcontext():
        assert main(["sweep", *arguments.split()]) == 2
    err = capsys.readouterr().err
    assert words in err and err.count("\n") == 1 and err.startswith("error: "), err
    assert not work.done(tmp_path / "sweeps" / "toy")


@pytest.mark.parametrize(
    "call",
    [
        lambda: sweep.plan(7),
        lambda: sweep.plan("toy", {"k": 3}),
        lambda: sweep.plan("toy", {"k": "12"}),
        lambda: sweep.plan("toy", {"k": []}),
        lambda: sweep.plan("toy", {"k": [None]}),
        lambda: sweep.plan("toy", {"name": ["a"]}),
        lambda: sweep.plan("toy", seeds=[]),
        lambda: sweep.plan("toy", seeds=-1),
        lambda: sweep.plan("toy", records=0),
        lambda: toys().run(8),
        lambda: toys().run("1"),
        lambda: sweep.run(toys(), "somewhere", workers=0),
        lambda: asked.settings(["=1"]),
        lambda: planning.Plan.from_dict({"format": 1}),
        lambda: planning.Plan.from_dict({**toys().to_dict(), "format": 2}),
        lambda: planning.Plan.from_dict({**toys().to_dict(), "seeds": 3}),
        lambda: planning.Plan.from_dict(None),
    ],
)
def test_absurd_calls_end_in_one_clear_error(call):
    with pytest.raises(RecipeError) as found:
        call()
    assert str(found.value) and "\n" not in str(found.value)


def test_a_dry_run_prints_the_runs_and_starts_nothing(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    command = "sweep mnist --profile smoke --set k=1,2,5 --set lr_G=0.05,0.1 --seeds 3 --epochs 2 --dry-run"
    assert main(command.split()) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "18 runs: 3 k x 2 lr_G x 3 seeds of 'mnist', 2 epochs each"
    assert lines[2].split() == ["0", "k=1", "lr_G=0.05", "seed=0"]
    assert lines[-1].split() == ["17", "k=5", "lr_G=0.1", "seed=2"]
    assert list(tmp_path.iterdir()) == []


def test_a_folder_with_another_plan_or_other_files_is_refused_and_left_alone(folder, tmp_path_factory, capsys):
    before = (folder / "plan.json").read_bytes()
    assert main(["sweep", "toy", "--set", "k=1", "--out", str(folder)]) == 2
    err = capsys.readouterr().err
    assert "holds another sweep (k: 3, 1 -> 1; lr_G: 0.01, 0.1 -> not varied; seeds: 0, 1 -> 0" in err
    assert main(["sweep", "--out", str(folder), "--seeds", "3"]) == 2
    assert "--seeds is for a new plan" in capsys.readouterr().err
    assert (folder / "plan.json").read_bytes() == before
    other = tmp_path_factory.mktemp("other")
    (other / "letter.txt").write_text("mine")
    with pytest.raises(CheckpointError, match="holds other files, and no sweep"):
        drive.settled(toys(), other)
    (folder / "plan.json").write_text("{")
    with pytest.raises(CheckpointError, match=r"plan.json cannot be read as the plan of a sweep"):
        planning.read(folder)


def test_without_dask_it_says_how_to_install_it(tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "distributed", None)
    assert main(["sweep", "toy", "--out", str(tmp_path / "new")]) == 2
    assert "is not installed, and a sweep needs it: pip install 'ganlib[sweep]'" in capsys.readouterr().err
    with pytest.raises(RecipeError, match="pip install 'ganlib"):
        sweep.run(toys(), tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_two_that_carry_out_one_sweep_are_one_too_many(folder):
    pytest.importorskip("distributed", reason=NO_DASK)
    with Lock(folder).alone(), pytest.raises(CheckpointError, match="another process is training in"):
        sweep.run(None, folder)


# -- runs --------------------------------------------------------------------------------------------------------------


def test_a_toy_comes_out_as_in_a_grid_that_trains_at_once():
    plan = sweep.plan("toy", {"k": [1, 3], "lr_G": [0.01, 0.1]}, updates=80, records=4)
    grid = ToySweep(
        TOY, Gaussian(0, 1), ks=(1, 3), lrs_D=(TOY.lr_D,), lrs_G=(0.01, 0.1), seeds=(0,), updates=80, records=4
    )
    grid.finish(progress=False)
    for number in range(4):
        rows = played(games.game(plan, number))
        for name in gathering.CURVES[plan.kind]:
            wanted = grid.curves[name][number // 2, 0, number % 2, 0]
            assert np.allclose([row[name] for row in rows], wanted, rtol=1e-4, atol=1e-6), name


@pytest.mark.parametrize(
    ("recipe", "over"),
    [("toy", {"k": [3]}), ("toy", {"update": ["simultaneous"], "k": [2]}), ("ring", {"generator_cost": ["minimax"]})],
)
def test_a_toy_goes_on_from_its_checkpoint_bit_for_bit(recipe, over, tmp_path, monkeypatch):
    monkeypatch.setattr(toy_game, "PIECE", 7)
    plan = sweep.plan(recipe, over, seeds=[5], updates=160, records=2)
    whole, parts = games.game(plan, 0), games.opened(plan, plan.run(0), tmp_path / "run")
    played(whole)
    for pieces in (1, 2, 2):
        for _ in range(pieces):
            parts.advance()
        parts.save()
        step = parts.step
        parts = games.opened(plan, plan.run(0), tmp_path / "run")
        assert parts.resumed == parts.step == step > 0
    assert played(parts) == whole.rows and len(whole.rows) == 2
    for a, b in zip(whole.toys.saved()["nets"], parts.toys.saved()["nets"], strict=True):
        assert torch.equal(a, b)


def test_a_net_goes_on_from_its_checkpoint_bit_for_bit(digits, tmp_path):
    for number in range(2):
        whole, parts = games.game(digits, number), games.opened(digits, digits.run(number), tmp_path / str(number))
        played(whole)
        for steps in (1, 3):
            for _ in range(steps):
                parts.advance()
            parts.save()
            parts = games.opened(digits, digits.run(number), tmp_path / str(number))
        assert parts.resumed == 4 and played(parts) == whole.rows
        small.same(parts.trainer.state(), whole.trainer.state())
        assert [row["epoch"] for row in whole.rows] == [2.0, 4.0, 6.0] if number == 0 else len(whole.rows) == 3
        for before, row in zip([{"step": 0}, *whole.rows], whole.rows):
            new = [one[2] for one in whole.trainer.history.rows if before["step"] < one[0] <= row["step"]]
            assert row["V"] == pytest.approx(np.mean(new), abs=1e-12), (
                "V is not that of the steps since the last record"
            )


def test_a_damaged_or_foreign_checkpoint_begins_anew(folder):
    plan = toys()
    other = games.opened(plan, plan.run(3), folder / "runs" / "000000" / "run")
    other.advance()
    other.save()
    with pytest.raises(CheckpointError, match="is of another run, or damaged"):
        games.opened(plan, plan.run(0), folder / "runs" / "000000" / "run")
    assert work.carry_out(str(folder), 0, work.How()) == "done"
    assert gathering.result(folder, 0)["rows"] == played(games.game(plan, 0))


def test_a_run_is_saved_and_left_when_its_process_is_to_end_and_goes_on(folder, monkeypatch):
    monkeypatch.setattr(toy_game, "PIECE", 5)
    turns = iter([False, False, True])
    with pytest.raises(work.Left, match="saved at 15 iterations"):
        work.carry_out(str(folder), 2, work.How(), lambda: next(turns))
    assert work.done(folder) == set()
    assert work.carry_out(str(folder), 2, work.How()) == "done"
    found = gathering.result(folder, 2)
    assert found["made"]["from_step"] == 15 and found["rows"] == played(games.game(toys(), 2))
    assert not (folder / "runs" / "000002").exists()


def test_a_run_that_diverges_or_fails_is_a_result_and_an_unwritable_folder_is_not(folder, monkeypatch):
    plan = sweep.plan("toy", {"lr_G": [1e30, 0.1]}, seeds=1, updates=80, records=4)
    (folder / "plan.json").unlink()
    drive.settled(plan, folder)
    assert work.carry_out(str(folder), 0, work.How()) == "diverged"
    found = gathering.result(folder, 0)
    assert found["status"] == "diverged" and "no longer finite at" in found["error"] and len(found["rows"]) < 4

    def broken(self):
        raise ZeroDivisionError("by hand")

    with monkeypatch.context() as patch:
        patch.setattr(toy_game.ToyGame, "advance", broken)
        assert work.carry_out(str(folder), 1, work.How()) == "failed"
    assert gathering.result(folder, 1)["error"] == "ZeroDivisionError: by hand"
    drive._forget_failed(folder)
    assert work.done(folder) == {0}
    (folder / "plan.json").unlink()
    with pytest.raises(CheckpointError, match="a sweep takes a folder that all its workers share"):
        work.carry_out(str(folder), 1, work.How())


def test_a_net_that_cannot_be_saved_any_more_has_diverged(digits, tmp_path):
    run = games.opened(digits, digits.run(0), tmp_path / "run")
    run.advance()
    with torch.no_grad():
        next(run.trainer.G.parameters()).fill_(math.nan)
    with pytest.raises(TrainingDiverged, match="no longer finite at 1 iterations"):
        run.save()


def test_while_another_process_is_at_a_run_it_is_waited_for_and_not_done_twice(folder):
    place, answer = Lock(folder / "runs" / "000001"), []
    with place.alone():
        waits = threading.Thread(target=lambda: answer.append(work.carry_out(str(folder), 1, work.How())))
        waits.start()
        time.sleep(0.1)
        assert not answer
        work.write_result(folder, toys().run(1), "done", "", [], 0, {})
    waits.join(20)
    assert answer == ["there"]
    assert not (folder / "journal.jsonl").exists()


# -- results -----------------------------------------------------------------------------------------------------------


def test_the_table_has_a_row_a_run_and_comes_back_as_it_was_measured(folder):
    pq = pytest.importorskip("pyarrow.parquet", reason=NO_DASK)
    for number in (5, 0):
        work.carry_out(str(folder), number, work.How())
    work.write_result(folder, toys().run(2), "failed", "MemoryError: ", [], 0, {"seconds": 0.0})
    table = pq.read_table(sweep.gather(folder))
    rows = table.to_pylist()
    assert [row["run"] for row in rows] == [0, 2, 5] and [row["seed"] for row in rows] == [0, 0, 1]
    assert [(row["k"], row["lr_G"]) for row in rows] == [(3, 0.01), (1, 0.01), (3, 0.1)]
    assert [row["status"] for row in rows] == ["done", "failed", "done"] and rows[1]["JSD"] is None
    for row, number in ((rows[0], 0), (rows[2], 5)):
        measured = played(games.game(toys(), number))
        for name in ("JSD", "C", "V", "width"):
            assert row[f"{name}_curve"] == [one[name] for one in measured] and row[name] == measured[-1][name]
    assert table.column_names[-5:] == ["seconds", "from_step", "ended", "host", "pid"]
    assert json.loads(table.schema.metadata[b"plan"]) == json.loads(json.dumps(toys().to_dict()))
    (folder / "results" / "000005.json").write_text("[]")
    with pytest.raises(DataError, match=r"000005.json cannot be read as the result of a run"):
        sweep.gather(folder)


def test_the_explorer_opens_a_sweep_that_is_half_done_and_follows_it(folder, monkeypatch):
    monkeypatch.setattr(following, "LOOK", 0.0)
    for number in (0, 3):
        work.carry_out(str(folder), number, work.How())
    explorer = Explorer.open(folder)
    engine, results = explorer.engine, explorer.results
    assert (explorer.state, engine.STATES["running"]) == ("running", "Following")
    assert (results.grid.ks, results.grid.lrs_G, results.grid.seeds) == ((1, 3), (0.01, 0.1), (0, 1))
    known = results.outcome != UNKNOWN
    assert np.argwhere(known).tolist() == [[0, 0, 1, 0], [1, 0, 0, 0]]
    assert np.array_equal(results.curves["JSD"][1, 0, 0, 0], [row["JSD"] for row in played(games.game(toys(), 0))])
    assert ("25", "% done") in engine.complete().readouts
    work._written(folder / "live" / "000001.json", {"run": 1, "rows": played(games.game(toys(), 1))[:2]})
    engine.advance(0.0)
    curve = explorer.results.curves["JSD"][1, 0, 1, 0]
    assert np.isfinite(curve).tolist() == [True, True, False, False] and ("31", "% done") in engine.complete().readouts
    explorer.set(k=3, G=0.1, seed=1)
    line = engine._code().splitlines()[1]
    assert line == f'run = sweep.game("{folder}", 5)'
    for number in set(range(8)) - work.done(folder):
        work.carry_out(str(folder), number, work.How())
    engine.advance(0.0)
    assert explorer.state == "finished" and (explorer.results.outcome == NEITHER).any()
    with pytest.raises(RecipeError, match="no button 'reset'"):
        explorer.press("reset")
    engine.state = "error"  # as when its folder cannot be read for a while: it can be followed again
    assert engine.off() == ("pause",)
    pytest.importorskip("pyarrow", reason=NO_DASK)
    sweep.gather(folder)
    again = Explorer.open(folder / "explorer.json")
    assert again.state == "precomputed"
    assert np.allclose(again.results.curves["V"], explorer.results.curves["V"], rtol=1e-4)


def test_a_sweep_that_varies_more_is_opened_one_value_at_a_time(tmp_path):
    plan = sweep.plan("toy", {"k": [1, 2], "p_z": ["normal", "uniform"]}, updates=40, records=2)
    drive.settled(plan, tmp_path)
    work.carry_out(str(tmp_path), 3, work.How())  # k = 2, uniform
    with pytest.raises(RecipeError, match="this sweep varies p_z, too; an explorer shows one value: give p_z='normal'"):
        sweep.read(tmp_path)
    with pytest.raises(RecipeError, match="p_z = 'flat' is not in this sweep"):
        sweep.read(tmp_path, p_z="flat")
    shares = [np.isfinite(sweep.read(tmp_path, p_z=p_z).results.curves["V"]).mean() for p_z in ("normal", "uniform")]
    assert shares == [0.0, 0.5]


def test_nets_are_explored_by_the_updates_of_D(digits, tmp_path):
    drive.settled(digits, tmp_path)
    assert work.carry_out(str(tmp_path), 1, work.How(keep=True)) == "done"
    followed = sweep.read(tmp_path)
    assert followed.results.updates.tolist() == [8.0, 16.0, 24.0] and followed.results.kind == "mnist"
    assert np.isfinite(followed.results.curves["score"][1, 0, 0, 0]).all()
    assert (tmp_path / "runs" / "000001" / "run" / "checkpoint.pt").exists()
    Explorer(followed).engine.complete()


# -- a cluster ---------------------------------------------------------------------------------------------------------


@pytest.mark.skipif(os.name != "posix", reason="needs SIGKILL")
def test_a_sweep_whose_worker_is_killed_ends_with_the_same_numbers_and_no_run_twice(tmp_path, monkeypatch, capsys):
    pytest.importorskip("distributed", reason=NO_DASK)
    plan = sweep.plan("toy", {"k": [1, 2]}, seeds=3, updates=300, records=2)
    home, killed = tmp_path / "sweep", []

    def kill():
        while not killed:
            time.sleep(0.01)
            lines = (home / work.JOURNAL).read_text().splitlines() if (home / work.JOURNAL).exists() else []
            if len(lines) > 3:
                killed.append(json.loads(lines[-1])["pid"])
                os.kill(killed[0], signal.SIGKILL)

    hand = threading.Thread(target=kill, daemon=True)
    hand.start()
    told = sweep.run(plan, home, workers=2, progress=False)
    assert killed and killed[0] != os.getpid()
    assert (told.results, told.of) == (6, 6)
    assert "Dashboard: http://127.0.0.1:" in capsys.readouterr().out
    ends = Counter(line["run"] for line in map(json.loads, (home / work.JOURNAL).open()) if line["event"] == "end")
    assert set(ends.values()) == {1} and set(ends) <= set(range(6))
    for number in range(6):
        assert gathering.result(home, number)["rows"] == played(games.game(plan, number))
    before = {path: path.stat().st_mtime_ns for path in (home / work.RESULTS).iterdir()}
    monkeypatch.setattr(cluster.Local, "_start", lambda *_: pytest.fail("a process was started, with nothing to do"))
    assert sweep.run(plan, home, progress=False).fates == {}
    assert {path: path.stat().st_mtime_ns for path in (home / work.RESULTS).iterdir()} == before
