"""The recorded scores of the long runs: read from both layouts of a log, and of one piece with the shipped weights."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pytest

from ganlib import pretrained
from tools import gather_runs

OLD = {
    "epoch": 100,
    "raw": {"paper": 1.0, "sig_p": 0.2, "fine": 2.0, "sig_f": 0.21, "test": 3.0, "test_se": 0.5, "test_fine": 4.0},
    "0.999": {"paper": 5.0, "sig_p": 0.2, "fine": 6.0, "sig_f": 0.21},
}
NEW = {
    "epoch": 200,
    "last": {
        "paper": {"valid": 1.5, "sigma": 0.3, "test": 3.5, "error": 0.25},
        "fine": {"valid": 2.5, "sigma": 0.31, "test": 4.5},
    },
    "0.99997": {"paper": {"valid": 7.0, "sigma": 0.3}, "fine": {"valid": 8.0, "sigma": 0.31}},
}


def test_both_layouts_of_a_log(tmp_path):
    path = tmp_path / "a.log"
    path.write_text("".join(json.dumps(row) + "\n" for row in (OLD, NEW)))
    found = gather_runs.from_log(path)
    rows = [(row["epoch"], row["iterate"], row["paper"], row["fine"], row["sigma"]) for row in found["validation"]]
    assert rows == [
        (100, "last iterate", 1.0, 2.0, 0.2),
        (100, "average, 1000 steps", 5.0, 6.0, 0.2),
        (200, "last iterate", 1.5, 2.5, 0.3),
        (200, "average, 33333 steps", 7.0, 8.0, 0.3),
    ]
    tests = [(row["epoch"], row["iterate"], row["paper"], row["error"], row["fine"]) for row in found["test"]]
    assert tests == [(100, "last iterate", 3.0, 0.5, 4.0), (200, "last iterate", 3.5, 0.25, 4.5)]


def test_the_recorded_scores_of_the_shipped_weights_are_those_beside_them():
    """To the half precision of the weights and the two digits of the log."""
    told = json.loads(gather_runs.RESULTS.read_text())["runs"]
    info = pretrained("mnist").info
    rows = {row["iterate"]: row for row in told[f"seed {info['seed']}"]["test"] if row["epoch"] == info["epochs"]}
    for iterate, scores in (("last iterate", info), ("average, 33333 steps", info["average"])):
        assert rows[iterate]["paper"] == pytest.approx(scores["parzen"]["log_likelihood"], abs=0.02)
        assert rows[iterate]["fine"] == pytest.approx(scores["parzen_fine_grid"]["log_likelihood"], abs=0.02)
        assert rows[iterate]["error"] == pytest.approx(scores["parzen"]["standard_error"], abs=0.006)


def test_a_log_has_its_run_beside_it(tmp_path, monkeypatch):
    """The seed, the precision and who trained it stand in the run's folder, where there is one."""
    (tmp_path / "a.log").write_text(json.dumps(OLD) + "\n")
    assert list(gather_runs.from_log(tmp_path / "a.log")) == ["average_part", "validation", "test"]
    info = {"seed": 3, "precision": "float32", "trained_by": [{"from_step": 0}], "epochs": 1.0}
    monkeypatch.setattr(gather_runs.checkpoints, "exists", lambda folder: folder == tmp_path / "a")
    monkeypatch.setattr(gather_runs.checkpoints, "load_run", lambda folder: SimpleNamespace(info=info))
    found = gather_runs.from_log(tmp_path / "a.log")
    assert found["seed"] == 3 and found["trained_by"] == info["trained_by"] and found["average_part"] == 10
    assert "epochs" not in found and len(found["validation"]) == 2
