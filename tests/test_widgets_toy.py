"""The live toy without a browser: every control, absurd values, slow motion, D's optimum, what each preset claims."""

from __future__ import annotations

import io
import math
import random

import numpy as np
import pytest
import torch
from PIL import Image

from ganlib import RecipeError
from ganlib.densities import Drawn
from ganlib.errors import TrainingDiverged
from ganlib.theory import C as C_by_quadrature
from ganlib.widgets import LiveToy, ToyEngine, bundle
from ganlib.widgets import toy_controls as controls
from ganlib.widgets.toy_engine import INTERVAL, MEASURE_EVERY
from ganlib.widgets.toy_presets import PRESETS
from ganlib.widgets.toy_scene import ARROWS, EDGES

STATES = ("idle", "running", "paused", "stopped", "error")
MINUS_LOG_4 = -math.log(4)
WIDTH = EDGES[1] - EDGES[0]
CENTRES = (EDGES[1:] + EDGES[:-1]) / 2


@pytest.fixture(autouse=True, scope="module")
def _one_thread():
    """Nets this small gain nothing from a second thread, and beside other work lose much."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def engine():
    return ToyEngine(seed=3)


@pytest.fixture
def toy():
    demo = LiveToy("bimodal", seed=3)
    yield demo
    demo._background.retire()


def everything(engine):
    """All that the future of a game depends on, as one vector; the next draws last, which moves their streams on."""
    toys = engine.toys
    now = [*toys.G.parameters(), *toys.D.parameters(), *toys.velocity["G"], *toys.velocity["D"]]
    draws = [part for stream in (0, 1, -1) for part in toys._draw(stream)]
    return torch.cat([t.detach().flatten().double() for t in [*now, *draws]])


def arrays(engine):
    return {name: array for name, (_, array) in engine.snapshot(True).arrays.items()}


def players(engine):
    return {n: torch.cat([p.detach().flatten() for p in getattr(engine.toys, n).parameters()]) for n in "DG"}


def moved(engine, act):
    """Which players an act moves."""
    before = players(engine)
    act()
    after = players(engine)
    return "".join(n for n in "DG" if not torch.equal(before[n], after[n]))


# -- moves and states -------------------------------------------------------------------------------------------------


def test_it_starts_idle_and_has_something_to_show(engine):
    assert (engine.state, engine.toys.step, engine.moves, len(engine.curves.rows())) == ("idle", 0, 0, 1)
    engine.advance(0.01)
    assert engine.moves == 0
    seen = arrays(engine)
    assert {name: len(a) for name, a in seen.items() if name != "heights"} == {
        **dict.fromkeys(("p_data", "p_g", "D", "D_star"), 240),
        **dict.fromkeys(("z", "x"), ARROWS),
    }
    assert seen["p_data"].sum() * WIDTH == pytest.approx(1, abs=1e-5)
    assert seen["p_g"].sum() * WIDTH == pytest.approx(1, abs=1e-5)
    np.testing.assert_allclose(seen["x"], engine.toys.G_of(seen["z"]), atol=1e-5)


def test_start_pause_stop_step(engine):
    engine.start()
    engine.advance(0)
    assert (engine.state, engine.moves) == ("running", 1)
    engine.pause()
    engine.advance(1)
    assert (engine.state, engine.moves) == ("paused", 1)
    engine.step()  # the rest of the iteration under way
    assert (engine.state, engine.moves, engine.toys.step, engine.toys.turn) == ("paused", 2, 1, 0)
    engine.stop()
    assert engine.state == "stopped"
    engine.start()
    engine.advance(0)
    assert (engine.state, engine.moves) == ("running", 3)


def test_one_step_of_one_player_leaves_the_other(engine):
    assert moved(engine, engine.step_D) == "D"
    assert (engine.state, engine.moved, engine.moves, engine.toys.step) == ("paused", "D", 1, 0)
    assert moved(engine, engine.step_G) == "G"
    assert moved(engine, engine.step) == "DG"
    assert engine.moves == 4
    assert len(engine.curves.rows()) == 4  # the start, and every step by hand


@pytest.mark.parametrize(
    ("update", "k", "count"), [("alternating", 3, 4), ("simultaneous", 3, 3), ("alternating", 0, 1)]
)
def test_an_iteration_counts_its_moves(update, k, count):
    engine = ToyEngine(update=update, k=k)
    engine.step()
    assert (engine.moves, engine.toys.step) == (count, 1)
    engine.start()
    engine.turn()
    engine.step()
    assert (engine.moves, engine.toys.step) == (2 * count, 2) if count > 1 else (3, 3)


@pytest.mark.parametrize("player", "DG")
def test_a_rate_of_0_holds_a_player_whatever_its_momentum(player):
    engine = ToyEngine(momentum=0.9)
    engine.train(5)
    engine.set(**{f"lr_{player}": 0})
    assert not any(v.any() for v in engine.toys.velocity[player])  # no old momentum waits for its return
    assert moved(engine, lambda: engine.train(5)) == {"D": "G", "G": "D"}[player]


def test_slow_motion_shows_the_order_of_the_moves():
    """Paced by a clock of the test's own: one move a second, D k times and then G."""
    engine = ToyEngine(k=3, speed=1)
    now = [100.0]
    engine.clock = lambda: now[0]
    engine.start()
    told = []
    for _ in range(6):
        coming = engine.next
        engine.advance(0.01)
        told.append(engine.moved)
        assert engine.moved == coming
        engine.advance(0.01)
        assert engine.rest == pytest.approx(1)
        now[0] += 1.0
    assert told == ["D, 1 of 3", "D, 2 of 3", "D, 3 of 3", "G", "D, 1 of 3", "D, 2 of 3"]
    assert len(engine.curves.rows()) == 7  # every move is measured
    engine.set(update="simultaneous")
    engine.advance(0.01)
    assert engine.moved == "D and G together"


@pytest.mark.parametrize("speed", [2, 10, 100, 300])
def test_the_pace_is_kept_and_lost_time_makes_no_burst(speed):
    engine = ToyEngine(speed=speed)
    now = [0.0]
    engine.clock = lambda: now[0]
    engine.start()
    while now[0] < 4:
        engine.advance(1.0)
        now[0] += 0.004
    assert engine.moves == pytest.approx(4 * speed, abs=2)
    before, now[0] = engine.moves, now[0] + 60
    engine.advance(1.0)
    assert engine.moves - before <= max(1, 0.1 * speed)


def test_frames_come_at_once_when_something_moved_and_seldom_for_less_motion(engine):
    engine.snapshot(True)
    assert engine.interval == 0.5
    engine.step_D()
    assert engine.interval == INTERVAL
    engine.do({"type": "slow", "value": True})
    assert engine.interval == 1.0


def test_measured_by_a_fixed_rule_of_moves(engine):
    engine.start()
    for _ in range(100):
        engine.turn()
    steps = np.diff(engine.curves.rows()[:, 0])
    assert (steps == MEASURE_EVERY).all()
    engine.turn()
    engine.pause()
    assert engine.curves.rows()[-1, 0] == engine.moves  # what rests has been measured
    assert engine.measured.C == pytest.approx(C_by_quadrature(engine.toys.p_data, engine.toys.p_g()), abs=1e-4)


def test_D_to_its_optimum_by_bits(engine):
    engine.train(40)
    held, gap = players(engine)["G"], engine.measured.gap
    engine.best_D()
    bits = 0
    while engine.running:
        engine.advance(0)
        bits += 1
    assert bits > 2
    assert engine.state == "paused"
    assert 0 <= engine.measured.gap < 0.2 * gap
    assert torch.equal(held, players(engine)["G"])
    seen = arrays(engine)
    where = (seen["p_data"] > 0.05) & (seen["p_g"] > 0.05)
    assert np.abs(seen["D"] - seen["D_star"])[where].mean() < 0.03


def test_D_on_its_way_can_be_stopped_and_follows_new_data(engine):
    engine.best_D()
    engine.advance(0)
    engine.stop()
    assert (engine.state, engine.running) == ("stopped", False)
    engine.best_D()
    engine.advance(0)
    engine.set(p_data="uniform")
    while engine.running:
        engine.advance(0)
    assert engine.measured.gap < 0.05


# -- controls ---------------------------------------------------------------------------------------------------------

OTHERS = {
    **{
        "p_data": "bimodal",
        "heights": [0.0, 0, 1, 2, 3, 2, 1, 0, 0],
        "k": 7,
        "lr_D": 0.02,
        "lr_G": 0.2,
        "momentum": 0.6,
    },
    **{"batch": 16, "p_z": "normal", "generator_cost": "minimax", "update": "simultaneous", "units": "sigmoid"},
    **{"seed": 9, "speed": 30},
}


def in_the_game(engine):
    """The controls as the game itself has them."""
    toys = engine.toys
    numbers = {
        name: pytest.approx(float(getattr(toys, name)[0]), rel=1e-6) for name in ("k", "lr_D", "lr_G", "momentum")
    }
    return numbers | {
        **{name: getattr(toys, name) for name in ("batch", "p_z", "generator_cost", "update")},
        **{"seed": toys.seeds[0], "units": "relu" if toys.exact else "sigmoid"},
    }


@pytest.mark.parametrize("name", OTHERS)
def test_every_control_changes_the_game_while_it_runs(engine, name):
    engine.start()
    engine.advance(0.01)
    step = engine.toys.step
    p_data = engine.toys.p_data
    engine.set(**{name: OTHERS[name]})
    assert engine.settings[name] == OTHERS[name]
    assert {n: engine.settings[n] for n in in_the_game(engine)} == in_the_game(engine)
    anew = name in ("units", "seed")
    assert (engine.state, engine.toys.step) == (("idle", 0) if anew else ("running", step))
    assert (engine.toys.p_data != p_data) == (name in ("p_data", "units", "seed") and name == "p_data")
    engine.start()
    engine.advance(0.01)
    assert engine.running
    engine.restore()
    assert engine.settings == engine.defaults


def test_drawn_data(engine):
    heights = np.zeros(41)
    heights[30:33] = (1, 2, 1)
    engine.set(p_data="drawn", heights=heights)
    assert isinstance(engine.toys.p_data, Drawn)
    seen = arrays(engine)
    assert seen["p_data"].sum() * WIDTH == pytest.approx(1, abs=1e-3)
    assert CENTRES[seen["p_data"].argmax()] == pytest.approx(2.75, abs=0.05)
    assert engine.settings["heights"] == list(heights)


ABSURD = [
    *[("p_data", v) for v in ("Gaussian", None, 3, "", ["gaussian"])],
    *[("k", v) for v in (-1, 21, 2.5, 3.0, "3", True, None, math.nan, math.inf, 10**30)],
    *[(rate, v) for rate in ("lr_D", "lr_G") for v in (-0.1, 1e-9, 1.5, "0.1", True, None, math.nan, math.inf)],
    *[("momentum", v) for v in (-0.1, 0.96, 1, "0.5", None, math.nan, False)],
    *[("batch", v) for v in (0, 7, 100, 1024, 64.5, "64", None, True, math.nan)],
    *[("p_z", v) for v in ("cauchy", 0, None)],
    *[("generator_cost", v) for v in ("hinge", None)],
    *[("update", v) for v in ("both", True)],
    *[("units", v) for v in ("tanh", 1)],
    *[("seed", v) for v in (-1, 2**53, 2**63, 1.5, "1", True, math.nan)],
    *[("speed", v) for v in (0, 3, "fast", True, None, math.inf, -1)],
    *[("heights", v) for v in ([0.0] * 50, [-1.0] * 50, [math.nan] * 50, [1.0, 2.0], [1.0] * 500, "hill", 3, None)],
    *[("heights", v) for v in ([[1.0] * 50], [1.0] * 49 + [math.inf], [1.0] * 49 + ["x"], {"a": 1})],
    ("speeed", 1),
]


@pytest.mark.parametrize(("name", "value"), ABSURD, ids=repr)
def test_an_absurd_value_is_refused_and_changes_nothing(engine, name, value):
    engine.train(2)
    settings, before = dict(engine.settings), everything(engine)
    again = ToyEngine(seed=3)
    again.train(2)
    with pytest.raises(RecipeError) as refused:
        engine.set(**({"k": 5, name: value} if name != "k" else {"lr_D": 0.5, name: value}))
    assert name in str(refused.value)
    assert "\n" not in str(refused.value)
    assert (engine.settings, engine.state) == (settings, "paused")
    assert torch.equal(before, everything(again))


def test_nonsense_from_the_page_ends_in_a_message_not_in_a_crash(engine):
    for command in ({"type": "fly"}, {}, {"type": "set"}, {"type": "set", "values": [1]}, {"type": "preset"}):
        with pytest.raises(RecipeError):
            engine.do(command)
    engine.fail(RecipeError("no"))
    assert (engine.message, engine.state) == ("no", "idle")
    engine.do({"type": "step", "id": 4})
    assert (engine.message, engine.applied) == ("", 4)


# -- reset, and a thousand events -------------------------------------------------------------------------------------


def test_reset_is_bit_for_bit_the_seeds_start():
    engine = ToyEngine(seed=5, momentum=0.5)
    engine.train(20)
    engine.best_D()
    engine.advance(0)
    engine.reset()
    assert torch.equal(everything(engine), everything(ToyEngine(seed=5, momentum=0.5)))
    engine.reset(6)
    assert torch.equal(everything(engine), everything(ToyEngine(seed=6, momentum=0.5)))


VALUES = {
    "p_data": [*controls.CHOICES["p_data"], "nonsense", 3],
    "heights": [[1.0] * 30, [0, 0, 1, 5, 1, 0, 0, 2, 9], [0.0] * 30, [math.nan] * 30],
    "k": [0, 1, 3, 20, 21, -1, 2.5, "3", math.nan],
    "lr_D": [0, 1e-3, 0.1, 1.0, 2.0, -1, math.inf, True],
    "lr_G": [0, 1e-3, 0.01, 1.0, math.nan, "fast"],
    "momentum": [0, 0.5, 0.95, 1.0, None],
    "batch": [8, 64, 512, 100, 0],
    "p_z": ["uniform", "normal", "cauchy"],
    "generator_cost": ["minimax", "non-saturating", ""],
    "update": ["alternating", "simultaneous", 0],
    "units": ["relu", "sigmoid", "tanh"],
    "seed": [0, 1, 2**40, -1, "x"],
    "speed": [1, 10, 300, "full", 7],
}
PLAIN_COMMANDS = ("start", "pause", "stop", "step", "step_D", "step_G", "restore", "reset")


ERRORS = (RuntimeError("out of memory"), TrainingDiverged(""), RecipeError("no"), KeyboardInterrupt())


def an_event(rng):
    kind = rng.choice([*PLAIN_COMMANDS, *["advance"] * 4, *["set"] * 8, "best_D", "preset", "slow", "fail", "nonsense"])
    if kind == "set":
        names = rng.sample(list(VALUES), rng.choice([1, 1, 2]))
        return {"type": "set", "values": {name: rng.choice(VALUES[name]) for name in names}}
    if kind == "preset":
        return {"type": "preset", "name": rng.choice([*PRESETS, "x"])}
    if kind == "reset":
        return {"type": "reset", "seed": rng.choice([None, None, 4, -3, "x"])}
    if kind == "fail":
        return {"type": "fail", "error": rng.choice(ERRORS)}
    return {"type": kind, "value": rng.choice([True, False])}


@pytest.mark.parametrize("seed", range(3))
def test_a_thousand_random_events_leave_it_consistent(seed):
    rng = random.Random(seed)
    engine = ToyEngine(seed=seed)
    refused = diverged = 0
    for _ in range(1_000):
        event = an_event(rng)
        try:
            if event["type"] == "fail":
                engine.fail(event["error"])
            else:
                engine.advance(0) if event["type"] == "advance" else engine.do(event)
        except RecipeError:
            refused += 1
        except TrainingDiverged:
            diverged += 1
            assert engine.state == "error"
        assert engine.state in STATES
        assert (engine.state == "error") == bool(engine.error)
        assert not engine.preset_name or engine.act or engine.state in ("paused", "stopped")  # at its end, it rests
        for name, value in engine.settings.items():
            assert controls.check(name, value) == value
        assert {n: engine.settings[n] for n in in_the_game(engine)} == in_the_game(engine)
        found = engine.measured
        assert MINUS_LOG_4 - 1e-9 <= found.C <= 1e-9
        assert found.V <= found.C + 1e-9
        assert np.isfinite(engine.curves.rows()).all()
        snapshot = engine.snapshot(rng.random() < 0.3)
        for name, (_, array) in snapshot.arrays.items():
            assert np.isfinite(array).all(), name
            assert array.dtype == np.float32
        if snapshot.arrays:
            assert 0 <= snapshot.arrays["p_g"][1].sum() * WIDTH <= 1 + 1e-4
    assert refused > 50
    engine.reset()
    s = {name: value for name, value in engine.settings.items()}
    assert engine.state == "idle"
    assert torch.equal(everything(engine), everything(ToyEngine(**s)))


def test_a_D_that_is_no_longer_finite_is_seen_when_it_is_drawn(engine):
    engine.snapshot(True)
    with torch.no_grad():
        engine.toys.D.weights[0][:] = math.nan
    engine.scene.touch()
    snapshot = engine.snapshot(True)
    assert engine.state == "error"
    assert all(np.isfinite(array).all() for _, array in snapshot.arrays.values())


@pytest.mark.parametrize("how", ["not finite", "far away", "D not finite"])
def test_a_game_that_has_diverged_says_so_once_and_reset_leads_out(engine, how):
    engine.train(3)
    with torch.no_grad():
        if how == "D not finite":
            engine.toys.D.weights[0][:] = math.nan
        else:
            engine.toys.G.biases[-1][:] = math.inf if how == "not finite" else 1e7
    if how == "far away":
        engine.set(lr_D=0, lr_G=0)  # it stays there
    engine.start()
    with pytest.raises(TrainingDiverged):
        for _ in range(2 * MEASURE_EVERY):
            engine.turn()
    assert engine.state == "error"
    assert "diverged" in engine.message
    assert how != "far away" or "G(z) has left" in engine.message
    assert "Reset" in engine.message
    snapshot = engine.snapshot(True)
    assert snapshot.header["state"] == "error"
    assert all(np.isfinite(array).all() for _, array in snapshot.arrays.values())
    for act in (engine.start, engine.step, engine.step_D, engine.step_G, engine.best_D):
        with pytest.raises(RecipeError, match="reset it first"):
            act()
    engine.reset()
    assert (engine.state, engine.message) == ("idle", "")
    assert torch.equal(everything(engine), everything(ToyEngine(seed=3)))


# -- what there is to see ---------------------------------------------------------------------------------------------


def test_the_optimal_D_is_the_ratio_and_p_g_misses_no_spike(engine):
    engine.set(p_data="bimodal")
    engine.train(30)
    seen = {name: a.astype(float) for name, a in arrays(engine).items()}
    total = seen["p_data"] + seen["p_g"]
    np.testing.assert_allclose(
        seen["D_star"], np.where(total > 0, seen["p_data"] / np.maximum(total, 1e-30), 0.5), atol=1e-4
    )
    with torch.no_grad():  # all z on one x: an atom of probability 1
        engine.toys.G.weights[-1][:] = 0
        engine.toys.G.biases[-1][:] = 1.23
    engine.step_D()
    p_g = arrays(engine)["p_g"]
    assert p_g.max() * WIDTH == pytest.approx(1, abs=1e-4)
    assert CENTRES[p_g.argmax()] == pytest.approx(1.23, abs=WIDTH)


@pytest.mark.parametrize("units", controls.UNITS)
@pytest.mark.parametrize("p_z", ["uniform", "normal"])
def test_what_is_drawn_agrees_with_a_large_sample(units, p_z):
    engine = ToyEngine(units=units, p_z=p_z, seed=1)
    engine.train(100)
    rng = np.random.default_rng(0)
    z = rng.uniform(-math.sqrt(3), math.sqrt(3), 200_000) if p_z == "uniform" else rng.standard_normal(200_000)
    coarse = EDGES[::12]
    counts, _ = np.histogram(engine.toys.G_of(z), coarse)
    mine = arrays(engine)["p_g"].reshape(-1, 12).sum(1) * WIDTH
    np.testing.assert_allclose(mine, counts / len(z), atol=0.006)
    assert engine.snapshot(True).header["exact"] == (units == "relu")


def test_a_snapshot_is_small_and_sends_only_what_changed(engine):
    first = engine.snapshot(True)
    message, buffers = first.pack({})
    assert sum(map(len, buffers)) < 5_000
    engine.step()
    message, buffers = engine.snapshot(True).pack(first.have())
    assert {b["array"] for b in message["buffers"] if "array" in b} == {"p_g", "D", "D_star", "x"}
    assert sum(map(len, buffers)) < 4_000
    engine.set(p_z="normal")
    assert "z" in {b.get("array") for b in engine.snapshot(True).pack(first.have())[0]["buffers"]}


# -- presets ----------------------------------------------------------------------------------------------------------


def play(name, engine=None):
    engine = engine or ToyEngine()
    engine.preset(name)
    assert engine.running
    engine.finish()
    assert (engine.state, engine.preset_name) == ("paused", name)
    assert engine.snapshot(True).header["see"] == PRESETS[name].see
    return engine


def spread(engine):
    return np.std(engine.toys.G_of(np.linspace(-1.7, 1.7, 201)))


def test_figure_1_in_four_clicks():
    engine = ToyEngine()
    a = play("a", engine).measured
    x, D = arrays(engine)["x"], arrays(engine)["D"]
    assert 0.02 < a.JSD < 0.2
    assert a.gap > 0.02  # D is only partly accurate
    b = play("b", engine).measured
    assert a.JSD == b.JSD  # G was held
    assert np.array_equal(x, arrays(engine)["x"])
    assert b.gap < 0.1 * a.gap
    assert not np.array_equal(D, arrays(engine)["D"])
    D = arrays(engine)["D"]
    c = play("c", engine).measured
    assert np.array_equal(D, arrays(engine)["D"])  # D was held
    assert c.JSD < 0.7 * b.JSD
    assert np.abs(arrays(engine)["x"] - x).mean() > 0.1
    d = play("d", engine).measured
    assert d.JSD < 0.005
    seen = arrays(engine)
    assert np.abs(seen["D"] - 0.5)[seen["p_data"] > 0.05].max() < 0.1
    assert np.abs(seen["p_g"] - seen["p_data"]).sum() * WIDTH / 2 < 0.08  # total variation


def test_panels_out_of_order_bring_about_the_ones_before():
    straight, jumped = ToyEngine(), ToyEngine(k=4, p_data="uniform")
    for name in "abc":
        play(name, straight)
    jumped.train(7)
    play("c", jumped)
    assert torch.equal(everything(straight), everything(jumped))
    straight.step_D()  # another hand: (d) and (b) no longer go on from here
    play("b", straight)
    assert straight.toys.step == PRESETS["a"].acts[0].n


def test_a_preset_is_the_same_each_time_and_pressed_while_another_runs():
    once, again = play("k too small"), ToyEngine()
    again.preset("oscillation")
    again.advance(0)
    play("k too small", again)
    assert torch.equal(everything(once), everything(again))


def test_a_preset_whose_end_was_trained_away_from_is_brought_about_anew():
    engine, straight = play("a"), play("b", play("a"))
    engine.start()
    engine.turn()
    assert engine.snapshot(True).header["title"] == ""
    assert torch.equal(everything(play("b", engine)), everything(straight))


@pytest.mark.parametrize("end", ["stop", "retire"])
def test_a_preset_that_was_ended_half_way_is_brought_about_anew(end):
    engine = ToyEngine()
    engine.preset("a")
    for _ in range(5):
        engine.turn()
    getattr(engine, end)()
    assert (engine.state, engine.preset_name) == ("stopped", "")
    assert torch.equal(everything(play("b", engine)), everything(play("b", play("a"))))


def test_a_preset_that_rests_half_way_goes_on_and_one_at_its_end_outlives_a_stop():
    engine = ToyEngine()
    engine.preset("a")
    engine.turn()
    engine.pause()
    engine.start()
    assert (engine.state, engine.preset_name) == ("running", "a")
    engine.finish()
    engine.stop()
    moves = engine.moves
    play("b", engine)
    assert engine.toys.step == PRESETS["a"].acts[0].n
    assert engine.moves > moves  # it went on from (a)'s end
    assert torch.equal(everything(engine), everything(play("b", play("a"))))


@pytest.mark.parametrize("half_way", [False, True])
def test_a_preset_after_an_error_begins_anew(half_way):
    engine = ToyEngine() if half_way else play("a")
    if half_way:
        engine.preset("a")
        engine.turn()
    engine.fail(RuntimeError("out of memory"))
    assert (engine.state, engine.preset_name, engine.act) == ("error", "", None)
    engine.preset("b")
    assert (engine.state, engine.error, engine.message) == ("running", "", "")
    engine.finish()
    assert torch.equal(everything(engine), everything(play("b", play("a"))))


def test_an_error_without_words_is_told_by_its_name(engine):
    engine.fail(TrainingDiverged(""))
    assert (engine.state, engine.message) == ("error", "TrainingDiverged")


def test_a_control_changed_by_hand_ends_the_preset_and_trains_on():
    engine = ToyEngine()
    engine.preset("Helvetica")
    engine.turn()
    engine.set(speed=300)  # its pace is no other game
    assert engine.preset_name == "Helvetica"
    assert engine.act
    engine.set(p_data="uniform")
    assert (engine.state, engine.preset_name, engine.act) == ("running", "", None)
    step = engine.toys.step
    for _ in range(2 * PRESETS["Helvetica"].acts[0].n + 10):  # the later acts would have set p_data and k
        engine.turn()
    assert (engine.settings["p_data"], engine.settings["k"], engine.state) == ("uniform", 1, "running")
    assert engine.toys.step > step


@pytest.mark.parametrize("iterations", [0, -3, math.nan])
def test_to_train_for_no_iterations_is_refused(engine, iterations):
    with pytest.raises(RecipeError, match="1 at least"):
        engine.train(iterations)
    assert (engine.state, engine.moves) == ("idle", 0)


def test_seeds_are_what_a_page_can_count():
    """A page's numbers are whole, each of them, up to 2^53 - 1."""
    assert ToyEngine(seed=2**53 - 1).settings["seed"] == 9_007_199_254_740_991
    with pytest.raises(RecipeError, match="0 to 9007199254740991"):
        ToyEngine(seed=2**53)


def test_saturation_and_the_cost_that_does_not_saturate():
    stuck = ToyEngine()
    stuck.preset("saturation")
    while stuck.toys.step == 0:
        stuck.turn()
    at = arrays(stuck)
    assert (at["D"] * at["p_g"]).sum() / at["p_g"].sum() < 0.01  # D is sure
    stuck.finish()
    assert np.abs(arrays(stuck)["x"] - at["x"]).mean() < 0.15
    assert stuck.measured.JSD > 0.99 * math.log(2)
    free = play("no saturation")
    assert np.abs(arrays(free)["x"] - at["x"]).mean() > 3
    assert free.measured.JSD < 0.3


def test_the_Helvetica_scenario():
    engine = ToyEngine()
    engine.preset("Helvetica")
    while engine.settings["k"] != 0:
        engine.turn()
    before, D = spread(engine), players(engine)["D"]
    engine.finish()
    assert before > 1
    assert spread(engine) < 0.1
    assert torch.equal(D, players(engine)["D"])
    seen = arrays(engine)
    spike = seen["p_g"].argmax()
    assert seen["p_g"][spike - 3 : spike + 4].sum() * WIDTH > 0.9
    assert seen["D"][spike] > 0.97 * seen["D"][60:180].max()  # where D is highest


def test_oscillation():
    engine = ToyEngine()
    engine.preset("oscillation")
    means, distances, values = [], [], []
    while engine.running:
        engine.turn()
        if engine.moves % 20 == 0:
            means.append(engine.toys.G_of(np.linspace(-1.7, 1.7, 51)).mean())
            distances.append(engine.measured.JSD)
            values.append(engine.measured.V)
    assert "JSD stays near log 2" in PRESETS["oscillation"].see
    means = np.array(means[30:])
    assert means.std() > 0.7
    assert (np.diff(np.sign(means)) != 0).sum() >= 5
    assert np.ptp(values[30:]) > 0.5
    assert np.abs(np.array(distances[30:]) - math.log(2)).max() < 0.08  # "JSD stays near log 2"


def test_k_too_small_and_k_large():
    def late(name):
        engine = ToyEngine()
        engine.preset(name)
        engine.finish()
        _, V, C, JSD = engine.curves.rows()[len(engine.curves.rows()) // 3 :].T
        return (C - V).mean(), JSD.mean()

    (gap_small, JSD_small), (gap_large, JSD_large) = late("k too small"), late("k large")
    assert gap_large < 0.5 * gap_small
    assert JSD_large < 0.7 * JSD_small


def test_presets_are_data_that_the_game_takes():
    for name, preset in PRESETS.items():
        assert name == preset.name
        assert preset.title
        assert preset.see.endswith((".", ".)"))
        assert not (preset.after and preset.settings)
        assert not preset.after or preset.after in PRESETS
        for values in (preset.settings, *(act.settings for act in preset.acts)):
            for control, value in values.items():
                assert controls.check(control, value) == value


# -- the widget, without a page ---------------------------------------------------------------------------------------


def test_traits_and_controls_follow_each_other(toy):
    toy.k = 4
    assert toy.engine.settings["k"] == int(toy.toys.k[0]) == 4
    toy.engine.set(momentum=0.5)
    toy._publish(False)
    assert toy.momentum == 0.5
    for name, value in (("k", 2.5), ("lr_G", -1), ("p_data", "x"), ("momentum", None), ("speed", 3)):
        before = getattr(toy, name)
        with pytest.raises(RecipeError):
            setattr(toy, name, value)
        assert getattr(toy, name) == toy.engine.settings[name] == before
    toy.step_D()
    toy.step_G()
    toy.step()
    assert (toy.toys.step, toy.state) == (1, "paused")
    assert toy.measure().JSD == pytest.approx(toy.engine.measured.JSD)
    toy.best_D()
    assert toy.state == "running"
    toy.stop()
    toy.preset("a")
    assert toy.p_z == "normal"
    toy.restore()
    assert (toy.p_data, toy.seed, toy.p_z) == ("bimodal", 3, "uniform")
    toy.reset(5)
    assert (toy.seed, toy.state) == (5, "idle")


def test_only_D_learns():
    toy = LiveToy("gaussian", seed=1, lr_G=0)
    assert moved(toy.engine, lambda: toy.engine.train(5)) == "D"
    with pytest.raises(RecipeError):
        LiveToy(lr_G=-1)
    with pytest.raises(RecipeError):
        LiveToy("cauchy")


def test_pictures_for_readers_without_a_kernel(toy):
    before = everything(ToyEngine(**toy.engine.settings))
    png = toy.preview(steps=20)
    assert Image.open(io.BytesIO(png)).size[0] > 900
    assert toy.preview(preset="b") != png
    assert set(bundle(toy, picture=png)) == {"application/vnd.jupyter.widget-view+json", "image/png", "text/plain"}
    assert torch.equal(before, everything(toy.engine))  # played aside


def test_the_looping_picture(toy):
    loop = toy.loop("b", frames=12)
    picture = Image.open(io.BytesIO(loop))
    assert picture.is_animated
    assert picture.n_frames >= 8
    assert picture.info["loop"] == 0
    assert 560 <= picture.size[0] <= 640
    assert len(loop) < 250_000
