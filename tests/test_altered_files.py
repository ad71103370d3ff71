"""Altered files: over 200 of them, each refused in one line, in bounded memory and time, or read as if it were whole.

`tests/altered.py` makes them, by their structure. They are read in one process that was forked for it, which notes
after each how much memory it has ever had.
"""

import json
import os
import resource
import shutil
import sys
import time
from pathlib import Path

import pytest
import torch

from ganlib import CheckpointError, baselines, checkpoints, load_weights, runs
from tests import altered, altered_weights, small
from tests.altered import DELETE, INF, NAN, Case, put
from tests.killed import in_new_process

pytestmark = pytest.mark.skipif(os.name != "posix", reason="needs pipes, and processes that are forked")

MORE = 500 * 2**20  # bytes above what the process had before
SECONDS = 10

HUGE = 10**400
WHOLE = (-1, 1.5, True, "3", None, [], HUGE, NAN)  # no whole numbers from 0 on
VALUES = {
    "format": (2, 0, "1", True, 1.0, None, [], DELETE),
    "recipe": (None, 3, [], {}, "mnist", DELETE),
    "seed": (*WHOLE, 2**63, DELETE),
    "step": (*WHOLE, 10**9, DELETE),
    "updates": (*WHOLE, 10**9),
    "epoch": (*WHOLE, 0),
    "position": (*WHOLE, 99),
    "order": (
        torch.zeros(25, dtype=torch.int64),
        torch.arange(25) - 1,
        torch.arange(1, 26),
        torch.arange(25.0),
        torch.arange(25)[None],
        torch.arange(0),
        list(range(25)),
        None,
        DELETE,
    ),
    "data_rng": (torch.zeros(3, dtype=torch.uint8), torch.zeros(5056), torch.full((5056,), 255, dtype=torch.uint8), 3),
    "rng": (torch.zeros(5056, dtype=torch.uint8), torch.zeros(0, dtype=torch.uint8), None, [], DELETE),
    "nets": ({}, None, [], {"G": {}, "D": {}}),
    "nets.G": ({}, None, 3, DELETE),
    "nets.D": ([], DELETE),
    "nets.G.layers/0/linear/bias": (
        torch.zeros(7),
        torch.zeros(6, 1),
        torch.full((6,), NAN),
        torch.full((6,), -INF),
        torch.zeros(6, dtype=torch.int64),
        [0.0] * 6,
        None,
        DELETE,
    ),
    "velocity.D": ([], {}, None, [torch.zeros(3)]),
    "velocity.G.0": (torch.full((6, 4), NAN), torch.zeros(4, 6), None),
    "history": ({}, None, []),
    "history.every": (0, *WHOLE),
    "history.rows": (torch.zeros(3, dtype=torch.float64), torch.zeros(2, 12), torch.full((2, 12), NAN).double(), []),
    "history.window": (torch.zeros(9, 12, dtype=torch.float64), torch.zeros(1, 99, dtype=torch.float64), DELETE),
    "history.scores": ("x", [1], [{"step": "x"}], {}),
    "history.changes": ([[]], [{"k": []}], None),
    "average": ({}, None, []),
    "average.horizon": (0, *WHOLE),
    "average.part": (0, "x"),
    "average.what": (3, None, DELETE),
    "average.G": ({}, None),
    "strip": ("x", [1], [{}]),
    "strip.0.last": (torch.zeros(8, 12), torch.zeros(8, 13, dtype=torch.uint8), None),
    "strip.0.epoch": (-1, "x"),
    "sessions": ("x", [1], [{"built_on": 3}], [{"built_on": {"epochs": "x"}}]),
    "data": (3, None, []),
    "fingerprint": (3, None),
    "device": ("meta", "", 3, None, DELETE),
    "precision": ("float8", 3, [], DELETE),
    "recipe.G": ([], None, 3, "x", [3], [{}], [{"units": 3}]),
    "recipe.D": ([], {}),
    "recipe.E": ([], [{"units": 4, "activation": "linear", "irange": 0.1}], 3),
    "recipe.z_dim": (0, 10**9, 5, *WHOLE),
    "recipe.batch": (0, 10**9, 24.5, 26),
    "recipe.k": (0, 10**9, HUGE),
    "recipe.lr_D": (0, -1, NAN, INF, HUGE, "0.1"),
    "recipe.condition": ("class", 3, []),
    "recipe.classes": (10**9, "x"),
    "recipe.labels": (10, "x"),
    "recipe.p_z": ("gaussian", ["uniform"], None),
    "recipe.name": (3, None, "x" * 10**6),
    "recipe.more": (1,),
    "recipe.G.0.units": (0, 7, 10**9, HUGE, "6"),
    "recipe.G.0.activation": ("tanh", [], None, "maxout" * 10**5),
    "recipe.G.0.irange": (NAN, -1, "0.5"),
    "recipe.G.0.bias": ("x", NAN, [], HUGE),
    "recipe.G.0.reads": ([4],),
    "recipe.G.0.maps": (3,),
    "recipe.D.0.pieces": (10**9, 4, 0),
    "recipe.D.0.keep": (0, 2, NAN),
}
"""What a run's state says, with checksums that are right; each value is refused, whether or not something else fits."""

HARMLESS = {("recipe.E", 0)}  # as if it were not there
BASELINE = {
    "kind": ("rbm", "x", 3, [], None, DELETE),
    "recipe": (None, [], {}, {"hidden": (5, 4)}),
    "recipe.hidden": ((), (5,), (10**9, 10**9), ("5", "4"), 3),
    "recipe.z_dim": (10**9, 3, 0, "x"),
    "recipe.batch": (0, "x", 10**12),
    "recipe.more": (1,),
    "seed": WHOLE,
    "seconds": ("x", -1, None),
    "history": ("x", [1], [{"cost": "x"}]),
    "fingerprint": (3,),
    "model": ({}, None, 3),
    "model.done": WHOLE,
    "model.net": ({}, None),
    "model.net.mean": (torch.full((12,), 2.0), torch.full((12,), NAN), torch.zeros(13), torch.zeros(0), 3, DELETE),
    "model.optimiser": ({}, None, DELETE),
    "model.optimiser.state": ({0: {}}, {99: {}}, []),
    "model.optimiser.param_groups": ([], [{}], 3),
}


def cases(executed: Path) -> list[Case]:
    """All of them."""
    found = [*altered.of_archives(executed), *altered.of_no_files()]
    for kind, table in (("run", VALUES), ("baseline", BASELINE)):
        for place, values in table.items():
            for i, value in enumerate(values):
                found.append(Case(f"{kind}: {place} {i}", kind, put(place, value), (place, i) not in HARMLESS))
    found += altered_weights.large()
    found += altered_weights.of_weights("weights", "G.layers.0.linear.bias")
    found += altered_weights.of_weights("small", "G.layers.0.linear.bias")
    found += altered_weights.of_weights("model", "mean")
    return found


def read(kind: str, folder: Path) -> list:
    """What the readers of that kind of file give: one after the other, an error from each."""
    weights = folder / "w.safetensors"
    return {
        "run": [
            lambda: runs.open(folder, data=small.data()).trainer.state(),
            lambda: nets(checkpoints.load_run(folder)),
        ],
        "baseline": [lambda: baselines.load(folder)[0].state()],
        "model": [lambda: dict(baselines.load_weights(weights).state_dict())],
    }.get(kind, [lambda: nets(load_weights(weights))])


def nets(trained: checkpoints.Trained) -> dict:
    """The parameters of all nets, and the recipe."""
    found = {name: getattr(trained, name) for name in ("G", "D", "average")}
    return {name: dict(net.state_dict()) for name, net in found.items() if net} | {"recipe": trained.recipe.to_dict()}


def read_all(home: Path) -> None:
    """Read every case in this process, and write down what happened."""
    altered.good(home / "good")
    executed = home / "executed"
    right = {kind: [one() for one in read(kind, home / "good" / kind)] for kind in KINDS}
    base = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    resource.setrlimit(resource.RLIMIT_AS, (8 * 2**30, 8 * 2**30))  # not to take the machine down
    rows, had = [], base
    for name, kind, alter, refused in cases(executed):
        folder = home / "case"
        shutil.copytree(home / "good" / kind, folder)
        alter(folder)
        had = max(had, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)  # what the altering itself took
        said, began = [], time.process_time()
        for one, expected in zip(read(kind, folder), right[kind]):
            try:
                found = one()
                small.same(found, expected)
                said.append(["loads"])
            except CheckpointError as error:
                said.append(["refused", str(error)])
            except AssertionError as error:
                said.append(["loads otherwise", str(error)])
            except BaseException as error:
                said.append([type(error).__name__, str(error)])
        seconds = time.process_time() - began
        now = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        rows.append(
            {"name": name, "refused": refused, "said": said, "seconds": seconds, "more": now - had, "all": now - base}
        )
        had = now
        shutil.rmtree(folder)
    (home / "rows.json").write_text(json.dumps({"rows": rows, "executed": executed.exists()}))


KINDS = ("run", "weights", "small", "baseline", "model")


@pytest.fixture(scope="module")
def seen(tmp_path_factory):
    home = tmp_path_factory.mktemp("altered")
    assert in_new_process(read_all, home) == 0
    return json.loads((home / "rows.json").read_text())


def test_each_of_the_altered_files_is_refused_in_one_line_or_is_harmless(seen):
    rows = seen["rows"]
    assert len(rows) >= 200 and len({row["name"] for row in rows}) == len(rows)
    wrong = [row for row in rows for what in row["said"] if not right(row, *what)]
    assert not wrong, "\n".join(f"{row['name']}: {row['said']}" for row in wrong)


def right(row, what, message=""):
    """Whether a reader did as it should: one line, short enough to read, that names a file."""
    if what == "loads":
        return not row["refused"]
    return what == "refused" and "\n" not in message and len(message) < 600 and "case" in message


def test_no_altered_file_takes_half_a_gigabyte_or_ten_seconds(seen):
    unit = 1 if sys.platform == "darwin" else 1024
    wrong = [row for row in seen["rows"] if row["all"] * unit > MORE or row["seconds"] > SECONDS]
    assert not wrong, "\n".join(
        f"{row['name']}: {row['seconds']:.1f} s, {row['all'] * unit / 2**20:.0f} MB" for row in wrong
    )


def test_nothing_in_an_altered_file_is_executed(seen):
    assert not seen["executed"] and any("code" in row["name"] for row in seen["rows"])
