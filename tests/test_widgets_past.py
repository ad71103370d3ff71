"""What the live toy explains and remembers, without a page: the push, slow motion, undo, the past, a pinned run."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from ganlib import RecipeError
from ganlib.densities import Gaussian, Modes, Uniform
from ganlib.errors import TrainingDiverged
from ganlib.picture import Line
from ganlib.plots import MOST_PUSH, PUSH
from ganlib.recipes import RING, TOY
from ganlib.studies.phenomena import PRESETS
from ganlib.studies.toys import Toys
from ganlib.widgets import LiveToy, ToyEngine, toy_film
from ganlib.widgets.frame import packed
from ganlib.widgets.past import KEPT

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture
def engine():
    return ToyEngine(seed=3)


def nets(toys):
    now = [*toys.G.parameters(), *toys.D.parameters(), *toys.velocity["G"], *toys.velocity["D"]]
    return torch.cat([t.detach().flatten().double() for t in now])


def went_on(engine, iterations=30):
    """The nets after so many iterations more."""
    engine.train(iterations)
    return nets(engine.toys)


def above(engine):
    return engine.picture().notes[0].lines[0]


# -- the push on G(z) --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("cost", ["non-saturating", "minimax"])
def test_the_push_is_minus_the_slope_of_the_cost_of_one_z(cost):
    """Against central differences in float64 of the cost by its definition, for each of two games of one stack."""
    toys = Toys(TOY, Gaussian(0, 1), seeds=[3, 4], dtype=torch.float64)
    toys.set(generator_cost=cost)
    for _ in range(30):
        toys.iterate()
    x, h = np.linspace(-3, 3, 41) + 0.0137, 1e-6
    for i in (0, 1):

        def of_one(x, i=i):
            D = 1 / (1 + np.exp(-toys.logit(x, i)))
            return -np.log(D) if cost == "non-saturating" else np.log(1 - D)

        np.testing.assert_allclose(toys.push(x, i), -(of_one(x + h) - of_one(x - h)) / (2 * h), atol=1e-7)
    assert np.abs(toys.push(x)).max() > 0.1


def test_the_push_is_that_of_the_chain_rule_for_G():
    """The gradient of G's cost by its parameters is that of G, times minus the push, averaged over the batch."""
    toys = Toys(TOY, Gaussian(0, 1), seeds=3, dtype=torch.float64)
    for _ in range(20):
        toys.iterate()
    _, z = toys.ahead(-1)
    x = toys.G(z)  # (1, m, 1)
    push = torch.as_tensor(toys.push(x.detach().numpy().ravel()))
    mine = torch.autograd.grad((-push * x.ravel()).mean(), list(toys.G.parameters()))
    before, lr = [p.detach().clone() for p in toys.G.parameters()], toys.lr_G[0]
    toys.step_G()
    for gradient, old, new in zip(mine, before, toys.G.parameters()):
        torch.testing.assert_close(old - lr * gradient, new.detach(), atol=1e-12, rtol=1e-9)


def test_the_push_is_drawn_on_D_and_a_cliff_is_cut_and_said(engine):
    engine.train(30)
    assert not engine.picture().panels[0].arrows
    engine.set(push=True)
    upper = engine.complete().panels[0]
    (arrows,), x, push = upper.arrows, engine._scene.x, engine.toys.push(engine._scene.x)
    np.testing.assert_allclose(arrows.end[:, 0] - arrows.start[:, 0], PUSH * push, atol=1e-9)
    np.testing.assert_allclose(arrows.start[:, 0], x)
    D = 1 / (1 + np.exp(-engine.toys.logit(x)))
    np.testing.assert_allclose(arrows.start[:, 1], upper.y[1] * D, atol=0.01)
    assert arrows.value == f"up to {np.abs(push).max():.2f}"
    with torch.no_grad():
        for p in engine.toys.D.parameters():
            p.mul_(4)
    engine._stale = True
    (arrows,) = engine.complete().panels[0].arrows
    assert np.abs(engine.toys.push(x)).max() > MOST_PUSH
    assert "cut at 3" in arrows.value
    assert np.abs(arrows.end - arrows.start).max() == pytest.approx(PUSH * MOST_PUSH)


def test_saturation_is_seen_by_the_arrows():
    sure = []
    for name in ("saturation", "no saturation"):
        engine = ToyEngine()
        engine.preset(name)
        while engine.toys.step == 0:
            engine.once()
        engine.picture()
        sure.append(np.abs(engine._scene.push))
    assert sure[0].max() < 0.02
    assert sure[1].min() > 0.2


# -- what is drawn of a move -------------------------------------------------------------------------------------------


def slow(**settings):
    engine, now = ToyEngine(seed=3, speed=0.2, **settings), [100.0]
    engine.clock = lambda: now[0]
    engine.start()
    engine.advance(0.01)
    return engine, now


@pytest.mark.parametrize(("update", "players"), [("alternating", "G"), ("simultaneous", "DG")])
def test_slow_motion_draws_the_parts_of_the_move_that_then_comes(update, players):
    engine, now = slow(update=update, **({"k": 2} if update == "simultaneous" else {}))
    seen = [engine.stage]
    for _ in range(4):
        assert engine.interval == 0.5 or engine.stage != engine._shown_stage or engine._stale
        engine.picture()
        now[0] += 1.0
        seen.append(engine.stage)
        assert engine.interval < 0.5  # a frame is due
    assert seen == [0, 1, 2, 3, 4]
    assert above(engine).startswith("4 of 4. The gradient")
    plan, before = engine._coming, nets(engine.toys)
    assert plan.players == players
    x, z = engine.toys.ahead(engine.toys.coming[1])
    drawn = engine.toys._draw
    used = []
    engine.toys._draw = lambda stream: used.append(drawn(stream)) or used[-1]
    now[0] += 1.0
    engine.advance(0.01)
    np.testing.assert_array_equal(used[0][1][0, :16, 0].numpy(), plan.z)  # what was shown is what was used
    assert torch.equal(used[0][1], z)
    assert torch.equal(used[0][0], x)
    assert not torch.equal(before, nets(engine.toys))
    upper = engine.complete().panels[0]
    assert [line.name for line in upper.lines if line.lit] == {"G": ["p_g"], "DG": []}[players]
    assert sum(line.style == "reference" for line in upper.lines) == len(players)
    assert "moved" in above(engine)


def test_looking_in_slow_motion_changes_no_draw():
    looked, plain = slow()[0], ToyEngine(seed=3)
    looked.toys.ahead(-1)
    for _ in range(40):
        looked.once()
        for stream in (-1, 0):
            looked.toys.ahead(stream)
    looked.set(p_data="uniform", batch=16)
    plain.start()
    plain.once()
    for _ in range(40):
        plain.once()
    plain.set(p_data="uniform", batch=16)
    for _ in range(5):
        looked.once()
        plain.once()
    assert torch.equal(nets(looked.toys), nets(plain.toys))


def test_a_step_by_hand_leaves_the_old_curve_in_grey(engine):
    old = engine._scene
    engine.step_D()
    upper = engine.complete().panels[0]
    (ghost,) = [line for line in upper.lines if line.style == "reference"]
    np.testing.assert_array_equal(ghost.y, old.D)
    assert [line.name for line in upper.lines if line.lit] == ["D"]
    engine.train(3)
    assert not any(line.style == "reference" or line.lit for line in engine.complete().panels[0].lines)


# -- the past ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("p_data", [Uniform(-2, 2), Modes(((0.0, 1.0), (1.0, 0.0)), 0.1)])
@pytest.mark.parametrize("n", [0, 1, 7, 16, 17])
def test_games_go_on_bit_for_bit_from_what_was_saved(n, p_data):
    """At any place in a block of draws, with k 2, whatever was changed in between."""
    toys = Toys(TOY if isinstance(p_data, Uniform) else RING, p_data, seeds=[3, 5], k=2, momentum=0.5)
    for _ in range(n):
        toys.substep()
    saved, ends = toys.saved(), []
    for change in (False, True, False):
        other = toys.at(saved)
        if change:
            other.set(batch=16, k=1)
        for _ in range(40):
            other.substep()
        ends.append(nets(other))
    toys.set(batch=8, update="simultaneous")
    toys.iterate()
    toys.load(saved)
    for _ in range(40):
        toys.substep()
    assert torch.equal(ends[0], ends[2])
    assert torch.equal(ends[0], nets(toys))
    assert not torch.equal(ends[0], ends[1])


def test_undo_goes_back_to_before_a_step_a_run_and_a_reset(engine):
    assert "undo" in engine.off()
    with pytest.raises(RecipeError, match="nothing to undo"):
        engine.press("undo")
    engine.train(40)
    there, moves, rows = nets(engine.toys), engine.moves, engine.curves.rows()
    engine.step_D()
    engine.set(k=5)
    engine.start()
    for _ in range(50):
        engine.once()
    engine.press("undo")  # the run
    assert (engine.state, engine.moves) == ("paused", moves + 1)
    engine.press("undo")  # the step of D: the controls go back with it
    assert torch.equal(nets(engine.toys), there)
    assert (engine.moves, engine.values["k"], engine.toys.turn) == (moves, 1, 0)
    assert (engine.curves.rows()[:, 0] <= moves).all() and len(engine.curves.rows()) == len(rows)
    engine.set(units="sigmoid")  # begins anew
    assert (engine.state, engine.moves) == ("idle", 0)
    engine.press("undo")
    assert (engine.values["units"], engine.moves) == ("relu", moves)
    on, plain = went_on(engine), ToyEngine(seed=3)
    plain.train(40)
    assert torch.equal(on, went_on(plain))


@pytest.mark.parametrize("first", ["undo", "reset"])
def test_undo_leads_out_of_a_game_that_has_broken(first):
    engine = ToyEngine(seed=3)
    engine.train(10)
    there = nets(engine.toys)
    engine.set(lr_D=1, lr_G=1, momentum=0.95)
    with pytest.raises(TrainingDiverged):
        engine.train(500)
    assert engine.state == "error"
    engine.press(first)
    if first == "reset":  # the broken game is not what one would go back to
        engine.press("undo")
    assert (engine.state, engine.message, engine.moves) == ("paused", "", 20)
    assert torch.equal(nets(engine.toys), there)
    engine.complete()


def test_undo_of_a_preset_lets_the_next_one_go_on_from_the_last(engine):
    engine.preset("a")
    engine.finish()
    end = nets(engine.toys)
    engine.preset("b")
    engine.finish()
    engine.undo()
    assert torch.equal(nets(engine.toys), end)
    assert engine.pressed() == ("a",)
    engine.preset("b")
    engine.finish()
    assert torch.equal(nets(engine.toys), nets(ToyEngine(opening="b").toys))


def test_looking_back_shows_what_was_and_changes_nothing(engine):
    for _ in range(12):
        engine.train(20)
        engine.set(lr_D=0.2 + 0.01 * len(engine.events))
    then = ToyEngine(seed=3)
    engine.set(push=True)
    before, now, verdict = nets(engine.toys), engine.complete(), engine.verdict()
    engine.set(moment=43.2)
    looked = engine.looked_at
    then.train(20)
    then.set(lr_D=0.2)
    while then.moves < looked.moves:
        then.once()
    then.set(push=True)
    mine, real = engine.complete(), then.complete()
    assert abs(looked.moves - 43) <= engine.kept.stride
    for a, b in zip(mine.panels[0].lines[-6:], real.panels[0].lines[-6:]):
        np.testing.assert_array_equal(a.y, b.y)
    assert [mark.x for panel in mine.panels[2:] for mark in panel.marks] == [looked.moves] * 2
    assert mine.panels[0].title == f"At move {looked.moves}"
    assert mine.readouts == now.readouts
    assert engine.verdict() == then.verdict() != verdict, "whether it was normal then"
    engine.press("present")
    assert engine.complete().panels[0].title == ""
    assert torch.equal(before, nets(engine.toys))
    engine.set(moment=10**6)  # beyond the end is now
    assert engine.looked_at is None
    with pytest.raises(RecipeError, match="drag along a chart first"):
        engine.press("resume")
    for wrong in ("x", True, math.nan):
        with pytest.raises(RecipeError, match="moment"):
            engine.set(moment=wrong)


def test_going_on_from_an_earlier_moment_is_the_same_run_bit_for_bit(engine):
    engine.start()
    for _ in range(300):
        engine.once()
    end = nets(engine.toys)
    engine.set(k=4, p_data="uniform")
    for _ in range(33):
        engine.once()
    engine.set(moment=101)
    moment = engine.looked_at
    engine.press("resume")
    assert (engine.state, engine.moves, engine.values["k"], engine.values["p_data"]) == (
        *("paused", moment.moves),
        *(1, "gaussian"),
    )
    assert engine.values["moment"] is None
    assert (engine.curves.rows()[:, 0] <= moment.moves).all()
    assert engine.kept.moments[-1].moves == moment.moves
    engine.start()
    while engine.moves < 300:
        engine.once()
    assert torch.equal(end, nets(engine.toys))
    engine.press("undo")
    engine.press("undo")
    assert engine.moves == 333  # what came after is not lost


def test_the_moments_are_few_and_evenly_spread(engine):
    engine.start()
    for _ in range(1_500):
        engine.once()
    at = [moment.moves for moment in engine.kept.moments]
    assert KEPT / 2 - 1 <= len(at) <= KEPT
    assert at[0] == 0 and set(np.diff(at)) == {engine.kept.stride}
    assert engine.moves - at[-1] <= engine.kept.stride
    for moment in (0.0, 700.0, 1_499.0):
        engine.set(moment=moment)
        _, buffers = packed(engine.complete())
        assert sum(map(len, buffers)) < 20_000


# -- a pinned run, a guess, the groups ---------------------------------------------------------------------------------


def test_a_pinned_run_stays_as_a_ghost_and_says_what_differs(engine):
    engine.train(50)
    rows, p_g = engine.curves.rows(), engine.complete().panels[0].lines
    p_g = next(line.y for line in p_g if line.name == "p_g")
    engine.press("pin")
    assert "pin" in engine.pressed()
    engine.reset(4)
    engine.set(k=3)
    engine.train(20)
    picture = engine.complete()
    ghost = next(line for line in picture.panels[0].lines if line.name == "pinned p_g")
    np.testing.assert_array_equal(ghost.y, p_g)
    for panel, column in zip(picture.panels[2:], (1, 3)):
        np.testing.assert_array_equal(
            next(line for line in panel.lines if line.style == "reference").y, rows[:, column]
        )
        assert panel.x[1] == 100
    said = " ".join(picture.notes[2].lines)
    assert "After 50 iterations" in said
    assert "k 1 of D to 1 of G (now 3 of D to 1 of G)" in said
    assert "seed 3 (now 4)" in said
    engine.press("pin")
    assert len(engine.complete().notes) == 2
    assert "pin" not in engine.pressed()


def test_a_guess_stays_in_the_chart_of_the_JSD():
    class Sketch:
        drawn = None

        def line(self):
            return self.drawn

    guess = Sketch()
    toy = LiveToy(seed=3, guess=guess)
    assert len(toy.engine.complete().panels[3].lines) == 1
    guess.drawn = Line([0, 400], [1.2, 0.0], "your guess", "other")
    panel = toy.engine.complete().panels[3]
    assert [line.name for line in panel.lines][0] == "your guess"
    assert panel.x[1] == 400 and panel.y[1] >= 1.2
    assert toy.engine.twin().guess is guess
    with pytest.raises(RecipeError, match="line"):
        LiveToy(guess=0.3)


def test_presets_stand_in_two_groups(engine):
    groups = {name: engine.controls[name].group for name in PRESETS}
    assert {name for name, group in groups.items() if group == "Figure 1"} == set("abcd")
    assert set(groups.values()) == {"Figure 1", "How it goes wrong"}


def test_figure_1_has_a_key_and_panels_that_differ():
    panels, measured = toy_film.four(ToyEngine(opening="d"))
    upper = panels[::2]
    names = [{line.name for line in panel.lines} - {""} for panel in upper]
    assert names == [{"p_data", "p_g", "D", "D*"}, {"D before"}, {"p_g before"}, set()]
    assert all(panel.right == (0, 1) and panel.right_ticks for panel in upper)
    assert [bool(panel.arrows) for panel in upper] == [False, False, True, False]
    a, b, c, d = measured.values()
    assert a.JSD == b.JSD > 2 * c.JSD > 4 * d.JSD
