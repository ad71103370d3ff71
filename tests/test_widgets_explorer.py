"""The explorer without a page: its states, its numbers against the results', and a look around at any moment."""

from __future__ import annotations

import json
import math
import random
import re
import threading
from dataclasses import replace

import numpy as np
import pytest

from ganlib import RecipeError, widgets
from ganlib.densities import Gaussian, Mixture
from ganlib.recipes import TOY
from ganlib.studies import sweeps
from ganlib.studies.grids import MEASURES, Results, load_results, seeds_mean
from ganlib.studies.sweeps import MnistSweep, ToySweep, small_mnist
from ganlib.studies.toys import Toys
from ganlib.widgets import Explorer, LiveToy
from ganlib.widgets.explorer_engine import MEAN, PLANES, ExplorerEngine
from ganlib.widgets.frame import packed
from tests import small

SMALL = {"ks": (1, 3), "lrs_D": (0.05, 0.3), "lrs_G": (0.01, 0.1, 1.0), "seeds": (0, 1), "updates": 40, "records": 4}


def toys(**changes):
    return ToySweep(TOY, Gaussian(0, 1), **{**SMALL, **changes})


def digits(**changes):
    grid = {"ks": (1,), "lrs_D": (0.1, 1e30), "lrs_G": (0.1,), "seeds": (0,), "updates": 24, "records": 2}
    return MnistSweep(small.recipe(), small.data(40), **{**grid, **changes})


@pytest.fixture
def engine():
    return ExplorerEngine(toys())


def invented(kind, seed=0):
    """Results in which runs of all sorts stand side by side: wide, narrow, diverged early or late, under way."""
    rng = np.random.default_rng(seed)
    own = (
        toys()
        if kind == "toy"
        else MnistSweep(data=small.data(40), ks=(1, 3), lrs_D=(0.03, 1.0), lrs_G=(0.1, 0.3, 1.0))
    )
    shape, names = (2, 2, 3, 2, 25), own.names
    curves = {name: rng.uniform(-1, 1, shape) * (400 if name == "score" else 1) for name in names}
    curves["width"] = 10 ** rng.uniform(-2, 2, (*shape[:-1], 1)) * np.ones(25)
    last = rng.choice([0, 3, 12, 25, 25, 25], shape[:-1])  # records of each run
    diverged = (last < 25) & (rng.random(shape[:-1]) < 0.6)
    for curve in curves.values():
        curve[np.arange(25) >= last[..., None]] = math.nan
    grid = replace(own.grid, seeds=(0, 1))
    return Results(kind, grid, np.arange(1.0, 26), curves, diverged, own.narrow, own.info)


# -- states ------------------------------------------------------------------------------------------------------------


def test_start_stop_go_on_finish_and_reset(engine):
    engine.do({"type": "press", "button": "start"})
    for _ in range(40):
        engine.advance(0.0)
    engine.do({"type": "press", "button": "pause"})
    done = engine.source.done
    assert (engine.state, engine.off()) == ("paused", ("pause",)) and 0 < done < 1
    so_far = re.match(r"So far the runs have had ([\d,]+) updates", engine.picture().panels[0].caption)
    assert so_far and 0 < float(so_far[1].replace(",", "")) < engine.results.updates[-1]
    engine.start()
    while engine.running:
        engine.advance(0.0)
    assert (engine.state, engine.complete().readouts) == ("finished", [("100", "% done"), ("24", "runs")])
    assert "So far" not in engine.picture().panels[0].caption
    alone = toys()
    alone.finish(progress=False)
    assert np.array_equal(engine.results.curves["JSD"], alone.curves["JSD"])
    engine.start()
    assert not engine.running, "there is nothing left to train"
    engine.reset()
    assert engine.state == "idle" and np.isnan(engine.results.curves["JSD"]).all()
    assert "nothing measured yet" in engine.complete().words


def test_an_error_ends_the_training_until_a_reset(engine):
    engine.start()
    engine.fail(RecipeError("nonsense"))
    assert engine.running, "a command that made no sense leaves it as it is"
    engine.fail(RuntimeError("out of memory"))
    engine.fail(RuntimeError("later"))
    assert (engine.state, engine.message) == ("error", "RuntimeError: out of memory")
    for act in (engine.start, lambda: engine.finish(progress=False)):
        with pytest.raises(RecipeError, match="reset it first: RuntimeError: out of memory"):
            act()
    assert engine.source.done == 0, "it trained on"
    engine.reset()
    engine.start()
    engine.fail(KeyboardInterrupt())
    assert (engine.state, engine.message) == ("idle", "Interrupted. Start goes on from here.")
    assert engine.finish(progress=False)
    assert (engine.state, engine.message) == ("finished", ""), "an old message under a finished sweep"


def test_results_from_elsewhere_are_called_so_and_do_not_train():
    engine, results = ExplorerEngine(load_results()), load_results()
    picture = engine.complete()
    said = " ".join(picture.notes[0].lines)
    for words in ("Precomputed, not trained here", "72 runs", "2 seeds", results.info["made"], results.info["commit"]):
        assert words in said
    assert engine.state == "precomputed" and set(engine.off()) == {"start", "pause", "reset"}
    assert [panel.title for panel in picture.panels[1:]] == ["Parzen score, nats, by seed", "Value, nats", "D says"]
    for button in ("start", "reset"):
        with pytest.raises(RecipeError, match="do not train here"):
            engine.do({"type": "press", "button": button})
    for source in (None, "toy", results.grid):
        with pytest.raises(RecipeError, match="needs a ToySweep, a MnistSweep, or their Results"):
            ExplorerEngine(source)


def test_random_commands_change_nothing_that_is_trained():
    rng = random.Random(0)
    engine = ExplorerEngine(toys(ks=(1,), lrs_G=(0.1,), seeds=(0,)))
    values = [0, 1, 0.05, 0.3, MEAN, "width", "k × D", None, [], 7]
    for _ in range(400):
        command = {"type": rng.choice(["press", "set", "", None]), "id": rng.choice([1, "x"])}
        command["button"] = rng.choice(["start", "start", "pause", "reset", "stop", 3])
        command["values"] = {rng.choice([*engine.values, "tab"]): rng.choice(values)} if rng.random() < 0.7 else {}
        try:
            engine.do(command)
        except RecipeError as error:
            engine.fail(error)
        engine.advance(0.0) if engine.running else None
        json.dumps(packed(engine.complete())[0], allow_nan=False)
    engine.reset()
    engine.finish(progress=False)
    alone = toys(ks=(1,), lrs_G=(0.1,), seeds=(0,))
    alone.finish(progress=False)
    assert np.array_equal(engine.results.curves["JSD"], alone.curves["JSD"])


# -- numbers -----------------------------------------------------------------------------------------------------------


def by_hand(results, name, at, seed, n):
    """One run after n records, from its curves alone: its number (nan: none), and what became of it."""
    s = results.grid.seeds.index(seed)
    curves = {key: curve[(*at, s)][:n] for key, curve in results.curves.items()}
    others = {key: curve[..., :n] for key, curve in results.curves.items()}
    records = max(
        (j + 1 for j in range(n) if np.isfinite(others[name if name != "gap" else "V"][..., j]).any()), default=1
    )
    tenth = slice(records - max(int(0.1 * records + 0.5), 1), records)
    gone = results.diverged[(*at, s)] and not math.isfinite(curves["width"][-1])

    def mean(key):
        known = [v for v in curves[key][tenth] if math.isfinite(v)]
        return float(np.mean(known)) if known and not gone else math.nan

    value = mean("C") - mean("V") if name == "gap" else mean(name)
    width = mean("width")
    value = math.nan if width > 10 else value
    fate = "diverged" if gone or width > 10 else "collapsed" if width < results.narrow else "neither"
    return value, "unknown" if not gone and math.isnan(width) else fate


@pytest.mark.parametrize("kind", ["toy", "mnist"])
def test_cells_signs_and_words_are_the_runs_own_for_every_look(kind):
    results = invented(kind)
    engine = ExplorerEngine(results)
    rng, looks, kinds = random.Random(0), 0, set()
    for shown, measure in MEASURES[kind].items():
        for plane, (rows, columns, third) in PLANES.items():
            for seed in (MEAN, 0, 1):
                for record in (24, rng.randrange(24)):
                    place = {axis: rng.choice(values) for axis, values in engine.axes.items()}
                    engine.set(shown=shown, plane=plane, seed=seed, record=record, **place)
                    picture = engine.complete()
                    cells = picture.panels[0].cells
                    assert cells.limits == (0, 1) and cells.moves == (columns, rows)
                    for i, j in np.ndindex(cells.values.shape):
                        at = {third: place[third], rows: engine.axes[rows][i], columns: engine.axes[columns][j]}
                        index = tuple(engine.axes[axis].index(at[axis]) for axis in "kDG")
                        runs = [
                            by_hand(results, shown, index, s, record + 1) for s in ([0, 1] if seed == MEAN else [seed])
                        ]
                        found = [value for value, _ in runs if math.isfinite(value)]
                        known = [fate for _, fate in runs if fate != "unknown"]
                        value = float(np.mean(found)) if found else math.nan
                        colour = math.nan if "diverged" in known else float(measure.badness(value))
                        assert cells.values[i, j] == pytest.approx(colour, nan_ok=True)
                        number = f"{value:.{measure.digits}f}".replace("-", "−")
                        signs = [number] if found else []
                        for sign, fate in (("×", "diverged"), ("○", "collapsed")):
                            if fate in known:
                                signs.append(f"{sign} {known.count(fate)}/{len(known)}" if len(known) > 1 else sign)
                        assert list(cells.words[i][j]) == signs
                        kinds |= set(known)
                        if (i, j) == cells.chosen:
                            looks += 1
                            assert at == place
                            assert (f"{measure.name} {number}" in picture.words) == bool(found)
                            assert ("nothing measured yet" in picture.words) == (not known)
                            for fate in ("diverged", "collapsed"):
                                said = f"{known.count(fate)} of {len(known)} {fate}"
                                assert (said in picture.words) == (fate in known)
                            assert ("None diverged or collapsed" in picture.words) == (
                                known.count("neither") == len(known) > 0
                            )
    assert looks == len(MEASURES[kind]) * 18 and kinds == {"diverged", "collapsed", "neither"}


def test_at_the_end_the_cells_are_the_results(engine):
    engine.finish(progress=False)
    engine.set(plane="k × G", D=0.3)
    results = engine.results
    measures = MEASURES["toy"]
    shown = measures["JSD"].badness(results.score[:, 1].mean(-1))
    assert engine.complete().panels[0].cells.values == pytest.approx(shown)
    engine.set(shown="gap", seed=1)
    gap = (results.final("C") - results.final("V"))[:, 1, :, 1]
    assert engine.complete().panels[0].cells.values == pytest.approx(measures["gap"].badness(gap))


def test_dark_is_good_and_light_is_bad_in_every_map():
    """The best value of each measure has the colour 0, a bad one 1; grey, and no colour, is a cell that diverged."""
    good = {"toy": {"JSD": 0, "gap": 0, "width": 1}, "mnist": {"width": 1, "score": 0, "V": -1.4, "D_fake": 0.5}}
    good |= {"plane": {"JSD": 0.03, "good": 1, "width": 1}, "pictures": good["mnist"]}
    bad = {"toy": {"JSD": 0.69, "gap": 2, "width": 0.05}, "mnist": {"width": 0, "score": -400, "V": 0, "D_fake": 0}}
    bad |= {"plane": {"JSD": 0.69, "good": 0, "width": 0}, "pictures": bad["mnist"]}
    for kind, measures in MEASURES.items():
        for name, measure in measures.items():
            assert measure.badness(good[kind][name]) < 0.01 < 0.99 < measure.badness(bad[kind][name]), name
    assert MEASURES["toy"]["width"].badness(3) == pytest.approx(MEASURES["toy"]["width"].badness(1 / 3))


def test_a_run_whose_samples_became_too_wide_counts_in_no_mean():
    """It has diverged, though all its numbers are finite: the others' mean in the cell, the map's number, no colour."""
    results = invented("toy")
    results.curves["JSD"][0, 0, 0], results.diverged[0, 0, 0] = [[0.1], [0.6]], False
    results.curves["width"][0, 0, 0] = [[1.0], [11.0]]
    assert seeds_mean(results.score)[0, 0, 0] == pytest.approx(0.1)
    engine = ExplorerEngine(results)
    engine.set(k=1, D=0.05, G=0.01)
    picture = engine.complete()
    cells = picture.panels[0].cells
    assert cells.words[0][0] == ["0.100", "× 1/2"] and math.isnan(cells.values[0, 0])
    assert "JSD(p_data ‖ p_g) 0.100 (of one seed). 1 of 2 diverged." in picture.words


def test_a_number_is_rounded_in_one_place():
    results = load_results()
    engine = ExplorerEngine(results)
    engine.set(k=1, D=0.3, G=0.3, shown="score")
    picture, mean = engine.complete(), np.nanmean(results.score[0, 2, 1])
    assert picture.panels[0].cells.words[2][1][0] == f"{mean:.0f}".replace("-", "−")
    assert f"Parzen score {mean:.0f}".replace("-", "−") in picture.words


def test_the_curves_are_the_chosen_cells(engine):
    engine.finish(progress=False)
    engine.set(k=3, D=0.3, G=1.0, seed=1, record=1)
    by_seed, nats, densities = engine.complete().panels[1:]
    curves, at = engine.results.curves, (1, 1, 2)
    assert [line.y.tolist() for line in by_seed.lines] == curves["JSD"][at].tolist()
    assert [(line.name, line.style) for line in by_seed.lines] == [("seed 0", "reference"), ("seed 1", "G")]
    assert [line.y.tolist() for line in nats.lines] == [curves[name][at][1].tolist() for name in ("V", "C")]
    assert nats.lines[0].value == f"{curves['V'][at][1, -1]:.2f}".replace("-", "−")
    assert [level.x for level in by_seed.levels] == [20.0], "where the heat map looks"
    p_g, p_data = densities.lines
    assert p_g.y.tolist() == engine.source.p_g[at][1].tolist()
    assert p_data.y == pytest.approx(np.exp(-(p_data.x**2) / 2) / math.sqrt(2 * math.pi))
    engine.set(seed=MEAN, record=3)
    by_seed, nats, densities = engine.complete().panels[1:]
    assert nats.lines[0].y == pytest.approx(curves["V"][at].mean(0)) and by_seed.levels == []
    assert {line.style for line in by_seed.lines} == {"G"} and len(densities.lines) == 3


# -- the code that opens a run -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("recipe", "p_data"),
    [(TOY, Gaussian(0, 1)), (replace(TOY, p_z="normal", batch=32), Mixture([Gaussian(-1, 0.5), Gaussian(1, 0.5)]))],
)
def test_the_code_trains_the_run_of_a_toy(recipe, p_data, monkeypatch):
    engine = ExplorerEngine(ToySweep(recipe, p_data, **SMALL))
    engine.finish(progress=False)
    engine.set(k=3, D=0.3, G=0.1, seed=1)
    monkeypatch.setattr(widgets, "show", lambda demo: None)
    said = {}
    exec(engine.complete().notes[-1].lines[0], {"print": lambda *words: None}, said)
    if "toy" in said:  # a live one
        assert isinstance(said["toy"], LiveToy)
        said["toy"].engine.train(10)
        said["toys"] = said["toy"].toys
        said["toy"]._loop.retire()
    assert isinstance(said["toys"], Toys) and ("toy" in said) == (p_data == Gaussian(0, 1))
    assert said["toys"].measure().JSD == pytest.approx(engine.results.curves["JSD"][1, 1, 1, 1, -1], abs=1e-4)


def test_the_code_of_every_cell_runs_as_copied_also_where_the_run_diverged(monkeypatch):
    """Each is run as it stands, and a game that is not live comes to the sweep's last number."""
    sweep = ToySweep(TOY, Gaussian(0, 1), **{**SMALL, "lrs_D": (0.05, 3.0, 1e12), "lrs_G": (0.01, 3.0), "updates": 60})
    engine, shown, diverged = ExplorerEngine(sweep), [], 0
    engine.finish(progress=False)
    monkeypatch.setattr(widgets, "show", shown.append)
    for k, D, G in np.ndindex(2, 3, 2):
        engine.set(k=SMALL["ks"][k], D=sweep.grid.lrs_D[D], G=sweep.grid.lrs_G[G], seed=1)
        code, said = engine.complete().notes[-1].lines[0], {}
        exec(code, {"print": said.setdefault("printed", []).append}, said)
        if "toys" in said:
            JSDs = engine.results.curves["JSD"][k, D, G, 1]
            last = JSDs[np.isfinite(JSDs)]
            if len(last):
                assert said["printed"][0].JSD == pytest.approx(last[-1], abs=1e-4)
            diverged += "diverged soon after" in code
    assert diverged >= 4 and len(shown) == 2
    for demo in shown:
        demo._loop.retire()


def test_the_code_opens_the_run_of_digits(monkeypatch):
    opened = []
    monkeypatch.setattr("ganlib.load", lambda name: (opened.append(name), small.data(40))[1])
    monkeypatch.setattr(widgets, "show", opened.append)
    engine = ExplorerEngine(load_results())
    engine.set(k=5, D=0.03, G=0.3, seed=1)
    monkeypatch.setattr(sweeps, "small_mnist", lambda: small.recipe())
    exec(engine.complete().notes[-1].lines[0], {})
    name, live = opened
    assert (name, live.trainer.seed) == ("mnist", 1)
    assert live.trainer.recipe == small.recipe(k=5, lr_D=0.03, lr_G=0.3)


def test_the_code_names_what_another_recipe_changes():
    sweep = MnistSweep(
        replace(small_mnist(), generator_cost="minimax"), small.data(40), ks=(1,), lrs_G=(0.1,), records=2
    )
    code = ExplorerEngine(sweep).complete().notes[-1].lines[0]
    assert "generator_cost='minimax'" in code and 'load("small")' in code
    assert "momentum" not in code and "epochs" not in code


# -- the widget --------------------------------------------------------------------------------------------------------


@pytest.fixture
def explorer():
    demo = Explorer(toys())
    demo.sent = []
    demo.send = lambda content, buffers=None: demo.sent.append(content)
    yield demo
    demo._loop.retire()


def from_elsewhere(demo, **values):
    """A message of the page on a thread of its own, as new kernels deliver it; the answer."""
    thread = threading.Thread(target=demo._heard, args=(None, {"type": "set", "id": 9, "values": values}, None))
    thread.start()
    thread.join()
    return demo.sent[-1]


def test_a_look_around_is_answered_at_once_while_the_kernel_is_busy(explorer):
    """This thread is busy: the loop gets no turn, and its lock is free."""
    explorer.finish(progress=False)
    for key, value in {"k": 3, "D": 0.3, "G": 1.0, "seed": 1, "record": 1, "shown": "width", "plane": "k × D"}.items():
        answer = from_elsewhere(explorer, **{key: value})
        assert (answer["applied"], answer["values"][key][0]) == (9, value), key
    assert explorer.engine.complete().words == answer["picture"]["words"]
    assert explorer.k == 3
    explorer.sent.clear()
    assert "k is 4" in from_elsewhere(explorer, k=4)["message"]


def test_a_look_around_while_the_grid_is_at_work_waits_its_turn(explorer):
    with explorer._loop._lock:
        answer = from_elsewhere(explorer, k=3)
    assert answer["applied"] == 0 and explorer.k == 1
    explorer._loop.tick()
    assert explorer.k == 3


def test_from_python(explorer):
    assert np.isnan(explorer.results.score).all()
    empty = explorer.preview()
    explorer.D = 0.05
    results = explorer.finish(progress=False)
    assert np.isfinite(results.score).all() and explorer.state == "finished"
    assert explorer.preview() != empty and explorer.D == 0.05, "the picture's best cell is its own"
    explorer.reset()
    assert explorer.state == "idle" and np.isnan(explorer.results.score).all()
    precomputed = Explorer(load_results())
    assert precomputed.finish() is precomputed.results and len(precomputed.preview()) > 10_000


def test_a_finish_that_is_interrupted_goes_on(explorer, monkeypatch):
    real, calls = explorer.engine.source.advance, []

    def advance(seconds):
        calls.append(seconds)
        if len(calls) == 5:
            raise KeyboardInterrupt
        real(0.0)

    monkeypatch.setattr(explorer.engine.source, "advance", advance)
    explorer.finish(progress=False)
    assert explorer.state == "paused"
    explorer.finish(progress=False)
    assert explorer.state == "finished"
