"""The explorer without a browser: commands, states, what the page gets, random events, the widget and its picture."""

from __future__ import annotations

import io
import json
import math
import random

import numpy as np
import pytest
from PIL import Image

from ganlib import RecipeError
from ganlib.densities import Gaussian
from ganlib.recipes import TOY
from ganlib.studies.sweeps import MnistSweep, ToySweep, load_results
from ganlib.widgets import Explorer, ExplorerEngine
from ganlib.widgets.explorer import explorer_picture
from ganlib.widgets.protocol import FOLDER, finite
from tests import small

SMALL = {"ks": (1, 3), "lrs_D": (0.05, 0.3), "lrs_G": (0.01, 0.1, 1.0), "seeds": (0, 1), "updates": 40, "records": 4}


def toys(**changes):
    return ToySweep(TOY, Gaussian(0, 1), **{**SMALL, **changes})


def digits():
    grid = {"ks": (1,), "lrs_D": (0.1, 1e30), "lrs_G": (0.1,), "seeds": (0,), "updates": 24, "records": 2}
    return MnistSweep(small.recipe(), small.data(40), **grid)


def run(engine, limit=10_000):
    for _ in range(limit):
        if not engine.running:
            return
        engine.advance(0.0)
    raise AssertionError("it does not end")


def tab(engine, kind):
    return next(tab for tab in engine.snapshot(True).header["tabs"] if tab["kind"] == kind)


def test_start_pause_go_on_finish_reset():
    engine = ExplorerEngine(toys(), load_results())
    assert not engine.running and tab(engine, "toy")["state"] == "idle" and tab(engine, "toy")["done"] == 0
    engine.do({"type": "start", "tab": "toy", "id": 3})
    for _ in range(40):
        engine.advance(0.0)
    assert engine.running and engine.applied == 3
    engine.do({"type": "pause"})
    done = tab(engine, "toy")["done"]
    assert tab(engine, "toy")["state"] == "paused" and 0 < done < 1
    engine.advance(1.0)
    assert tab(engine, "toy")["done"] == done, "it rests"
    engine.do({"type": "start", "tab": "toy"})
    run(engine)
    assert tab(engine, "toy")["state"] == "finished" and tab(engine, "toy")["done"] == 1
    alone = toys()
    alone.finish(progress=False)
    assert np.array_equal(engine.results("toy").curves["JSD"], alone.curves["JSD"])
    engine.do({"type": "start", "tab": "toy"})
    assert not engine.running, "there is nothing left to train"
    engine.do({"type": "reset", "tab": "toy"})
    assert tab(engine, "toy")["state"] == "idle" and np.isnan(engine.results("toy").curves["JSD"]).all()


def test_two_grids_never_train_at_once():
    engine = ExplorerEngine(toys(), digits())
    engine.start("toy")
    engine.start("mnist")
    assert engine.states == {"toy": "idle", "mnist": "running"}
    engine.advance(0.0)
    engine.start("toy")
    assert engine.states == {"toy": "running", "mnist": "paused"}
    run(engine)
    engine.start("mnist")
    run(engine)
    assert set(engine.states.values()) == {"finished"}


def test_precomputed_results_are_said_to_be_so():
    engine = ExplorerEngine(None, load_results())
    shown = tab(engine, "mnist")
    info = load_results().info
    assert shown["state"] == "precomputed" and shown["done"] == 1
    for words in ("Precomputed, not trained here", "72 runs", "2 seeds", info["made"], info["commit"], "on mnist"):
        assert words in shown["note"]
    for command in ("start", "reset"):
        with pytest.raises(RecipeError, match="no grid that trains here"):
            engine.do({"type": command, "tab": "mnist"})
    assert ExplorerEngine(toys()).snapshot(True).header["tabs"][0]["note"] == ""


def test_the_page_gets_every_run_s_curves():
    engine = ExplorerEngine(toys(), load_results())
    engine.sources["toy"].finish(progress=False)
    snapshot = engine.snapshot(True)
    header, arrays = finite(snapshot.header), snapshot.arrays
    json.dumps(header, allow_nan=False)
    for kind in ("toy", "mnist"):
        results, shown = engine.results(kind), next(tab for tab in header["tabs"] if tab["kind"] == kind)
        assert shown["axes"] == {
            "k": list(results.grid.ks),
            "D": list(results.grid.lrs_D),
            "G": list(results.grid.lrs_G),
        }
        curves = arrays[f"{kind}_curves"][1]
        assert curves.shape == (len(shown["names"]), *results.grid.shape, len(shown["updates"]))
        for i, name in enumerate(shown["names"]):
            assert np.array_equal(curves[i], results.curves[name].astype(np.float32), equal_nan=True)
        assert np.array_equal(arrays[f"{kind}_diverged"][1] > 0, results.diverged)
    x, p = arrays["toy_p_data"][1]
    assert p == pytest.approx(np.exp(-(x**2) / 2) / math.sqrt(2 * math.pi), abs=1e-6)
    p_g = arrays["toy_p_g"][1]
    inside = p_g.sum(-1) * (x[1] - x[0])
    assert (inside < 1.001).all() and (inside > 0.9).mean() > 0.5, (
        "densities, of which a little lies outside the window"
    )
    assert next(tab for tab in header["tabs"] if tab["kind"] == "toy")["open"] == "gaussian"


def test_arrays_are_sent_again_only_when_something_was_measured():
    engine = ExplorerEngine(toys(), load_results())
    versions = {name: version for name, (version, _) in engine.snapshot(True).arrays.items()}
    again = {name: version for name, (version, _) in engine.snapshot(True).arrays.items()}
    assert versions == again
    engine.start("toy")
    run(engine)
    later = {name: version for name, (version, _) in engine.snapshot(True).arrays.items()}
    assert later["toy_curves"] > versions["toy_curves"] and later["mnist_curves"] == versions["mnist_curves"]
    engine.reset("toy")
    reset = engine.snapshot(True).arrays["toy_curves"]
    assert reset[0] > later["toy_curves"] and np.isnan(reset[1]).all()


def test_frames_come_less_often_when_they_are_large_or_less_motion_is_asked_for():
    engine = ExplorerEngine(toys())
    engine.snapshot(True)
    assert engine.interval == pytest.approx(0.4)
    engine.do({"type": "slow", "value": True})
    assert engine.interval == 1.0
    large = ExplorerEngine(toys(seeds=tuple(range(200)), records=20, updates=80))
    large.snapshot(True)
    assert large.interval > 1.0


@pytest.mark.parametrize(
    "command",
    [
        {"type": "start"},
        {"type": "start", "tab": "cifar"},
        {"type": "start", "tab": ["toy"]},
        {"type": "reset", "tab": 7},
        {"type": "dance"},
        {"type": None},
        {},
    ],
)
def test_commands_that_make_no_sense_change_nothing(command):
    engine = ExplorerEngine(toys(), load_results())
    before = dict(engine.states)
    with pytest.raises(RecipeError):
        engine.do(command)
    assert engine.states == before


def test_what_is_no_grid_is_refused():
    with pytest.raises(RecipeError, match="needs a grid"):
        ExplorerEngine(None, None)
    with pytest.raises(RecipeError, match="toy is"):
        ExplorerEngine(load_results())  # results, but of the other kind
    with pytest.raises(RecipeError, match="mnist is"):
        ExplorerEngine(toys(), toys())


def test_an_error_ends_the_training_until_a_reset(monkeypatch):
    engine = ExplorerEngine(toys())
    engine.start("toy")
    engine.fail(RuntimeError("out of memory"))
    header = engine.snapshot(True).header
    assert header["state"] == "error" and "out of memory" in header["message"] and not engine.running
    with pytest.raises(RecipeError, match="reset it first"):
        engine.start("toy")
    with pytest.raises(RecipeError, match="reset it first: RuntimeError: out of memory"):
        engine.finish("toy", progress=False)
    assert engine.states["toy"] == "error" and engine.sources["toy"].done == 0, "it trained on"
    engine.reset("toy")
    engine.start("toy")
    engine.fail(RecipeError("nonsense"))
    assert engine.running, "a command that made no sense leaves it as it is"
    engine.fail(KeyboardInterrupt())
    assert not engine.running and "Interrupted" in engine.message
    assert engine.finish("toy", progress=False)
    header = engine.snapshot(True).header
    assert engine.states["toy"] == "finished" and header["message"] == "", "an old message under a finished sweep"


def test_a_thousand_random_events():
    rng = random.Random(0)
    few = {"ks": (1,), "lrs_G": (0.1,), "seeds": (0,)}
    engine = ExplorerEngine(toys(**few), digits())
    kinds = ["toy", "mnist", "cifar", None, 3, [], "TOY"]
    for _ in range(1_000):
        kind = rng.choice(["start", "start", "pause", "stop", "reset", "slow", "set", "", None])
        command = {
            "type": kind,
            "tab": rng.choice(kinds),
            "id": rng.choice([1, "x", None]),
            "value": rng.choice([1, ""]),
        }
        try:
            engine.do(command)
        except RecipeError as error:
            engine.fail(error)
        if rng.random() < 0.7:
            engine.advance(0.0)
        assert list(engine.states.values()).count("running") <= 1
        if rng.random() < 0.1:
            json.dumps(finite(engine.snapshot(rng.random() < 0.5).header), allow_nan=False)
    engine.reset("toy")
    engine.finish("toy", progress=False)
    alone = toys(**few)
    alone.finish(progress=False)
    assert np.array_equal(engine.results("toy").curves["JSD"], alone.curves["JSD"]), "the same as if nothing had been"


def test_the_widget_finishes_resets_and_draws_itself():
    explorer = Explorer(toys(), load_results())
    with pytest.raises(RecipeError, match="there is no grid"):
        explorer.results("cifar")
    assert np.isnan(explorer.results().score).all()
    empty = np.asarray(Image.open(io.BytesIO(explorer.preview())).convert("L"))
    results = explorer.finish(progress=False)
    assert np.isfinite(results.score).all() and explorer.engine.states["toy"] == "finished"
    full = np.asarray(Image.open(io.BytesIO(explorer.preview(k=3))).convert("L"))
    assert full.shape == empty.shape and (full != empty).mean() > 0.05
    assert explorer.finish("mnist") is explorer.results("mnist"), "nothing to train"
    with pytest.raises(RecipeError, match="k is 4"):
        explorer_picture(results, 4)
    explorer.start()
    explorer.reset()
    assert explorer.engine.states["toy"] == "idle"
    assert Image.open(io.BytesIO(explorer.preview("mnist"))).size[0] > 900


def test_the_page_and_python_judge_a_run_alike():
    """What the page repeats of sweeps.py, so that it can look at any moment without the kernel."""
    page = (FOLDER / "heatmap.js").read_text()
    assert "const LAST = 0.1;" in page
    assert "width < this.tab.narrow" in page and "width > this.tab.wide" in page
