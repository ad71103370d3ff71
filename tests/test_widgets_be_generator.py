"""The reader as G, without a page: every number against `theory` and against sums over a fine grid."""

from __future__ import annotations

import math
import random

import numpy as np
import pytest

from ganlib import RecipeError, theory
from ganlib.densities import Gaussian, Mixture
from ganlib.game import MINUS_LOG_4
from ganlib.widgets import BeTheGenerator
from ganlib.widgets.be_generator import REACH, WIDTHS, BeTheGeneratorEngine, pieces_at, two_hills

FINE = np.linspace(-12, 12, 480_001)


@pytest.fixture
def play():
    return BeTheGeneratorEngine()


def scattered(play, seed=0):
    rng = np.random.default_rng(seed)
    play.set(**{f"x_{i}": float(x) for i, x in enumerate(rng.uniform(-2.5, 2.5, play.n), 1)}, width=0.4)
    return play


def on_grid(play):
    """V, C, JSD and G's cost, summed over a fine grid with D as a probability."""
    step = FINE[1] - FINE[0]
    p, g = play.p_data.pdf(FINE), play.p_g.pdf(FINE)
    h = g if play.follows else play.held.pdf(FINE)
    D, best = (p / np.maximum(p + q, 1e-300) for q in (h, g))
    with np.errstate(divide="ignore", invalid="ignore"):

        def V_of(D):
            return np.nansum(np.where(p > 0, p * np.log(D), 0) + g * np.log1p(-D)) * step

        return V_of(D), V_of(best), (V_of(best) + math.log(4)) / 2, np.nansum(g * np.log1p(-D)) * step


@pytest.mark.parametrize("seed", range(4))
def test_the_numbers_are_those_of_theory_and_of_a_fine_grid(play, seed):
    scattered(play, seed)
    assert play.C == theory.C(play.p_data, play.p_g)
    assert play.JSD == pytest.approx(theory.JSD(play.p_data, play.p_g), abs=1e-12)
    assert play.V == pytest.approx(play.C, abs=1e-12), "a D that follows is D*"
    assert on_grid(play) == pytest.approx((play.V, play.C, play.JSD, play.cost), abs=1e-6)
    play.hold()
    scattered(play, seed + 10)
    assert on_grid(play) == pytest.approx((play.V, play.C, play.JSD, play.cost), abs=1e-5)
    D = theory.D_star(play.p_data, play.held)
    assert play.V == pytest.approx(theory.V(D, play.p_data, play.p_g), abs=1e-9)
    assert play.V < play.C


@pytest.mark.parametrize("held", [False, True])
def test_the_arrows_are_the_downhill_slope_of_v_with_d_as_it_is(play, held):
    scattered(play)
    if held:
        play.hold()
        scattered(play, 1)
    push, x, width, h = play.push(), play.x, play.values["width"], 1e-5
    logit = play.logit
    if not held:  # D stays what it was at x
        frozen = play.p_g
        play.held = frozen
    for i in range(play.n):
        ends = [pieces_at(x + sign * h * (np.arange(play.n) == i), width) for sign in (1, -1)]
        up, down = (
            theory.expectation(lambda x: -np.logaddexp(0, logit(x)), q, play.p_data, play.held or play.p_g)
            for q in ends
        )
        assert push[i] == pytest.approx(-play.n * (up - down) / (2 * h), abs=2e-3)


def test_two_hills_is_a_density_that_ends():
    p = two_hills()
    assert p.pdf(FINE).sum() * (FINE[1] - FINE[0]) == pytest.approx(1, abs=1e-6)
    assert p.pdf(FINE)[FINE < 0].sum() * (FINE[1] - FINE[0]) == pytest.approx(0.4, abs=0.002)
    assert (p.pdf([-2.75, -0.3, 2.95]) == 0).all()


def test_the_best_place_is_near_p_data_and_counts_not_as_the_readers_own(play):
    jsd, x, width = play.possible()
    first = play.closest
    play.press("best")
    assert play.JSD == pytest.approx(jsd, abs=1e-12) and jsd < 0.003 < 0.1 < first == play.closest
    assert (np.abs(x) <= REACH).all() and WIDTHS[0] <= width <= WIDTHS[1]
    assert sorted(x < 0) == [False] * 3 + [True] * 2, "two pieces of five on the hill with 0.4 of the mass"
    for seed in range(20):
        assert scattered(play, seed).JSD > jsd
    assert play.closest < first


def test_against_a_held_d_one_point_is_best_and_d_then_makes_it_pay(play):
    play.press("best")
    fitted = play.V
    assert MINUS_LOG_4 < fitted < MINUS_LOG_4 + 0.01
    play.press("hold")
    top, least = play.top(), play.least()
    assert abs(top) < 3 and least == pytest.approx(np.log(1 - 1 / (1 + np.exp(-play.logit(top)))), abs=1e-9)
    costs = [scattered(play, seed).cost for seed in range(20)]
    play.press("best")
    assert np.ptp(play.x) == 0 and play.x[0] == top and play.values["width"] == WIDTHS[0]
    assert least <= play.cost < min(costs) and play.V < fitted
    assert "nothing is better" in play.complete().words
    assert [what for _, what in play.complete().readouts] == ["V, nats", "your cost", "the least there is"]
    held = play.V
    play.press("follow")
    assert play.V == play.C > -0.4 and f"to {held:.2f}".replace("-", "−") in play.complete().words
    assert [level.name for level in play.complete().panels[1].levels] == ["−log 4", "D held", "D follows"]


def test_the_arrow_keys_move_the_chosen_piece(play):
    def handles():
        return [mark.moves[0] for mark in play.complete().panels[0].marks if mark.moves[0]]

    assert handles()[0] == "x_1" and play.pressed() == ["pick_1"]
    play.press("pick_4")
    assert handles() == ["x_4", "x_1", "x_2", "x_3", "x_5"] and play.pressed() == ["pick_4"]
    play.set(x_2=1.0)
    assert handles()[0] == "x_2" and play.x[1] == 1


def test_a_high_p_g_says_how_high(play):
    assert not any(mark.up for mark in play.complete().panels[0].marks)
    play.set(**{f"x_{i}": 0.0 for i in range(1, 6)}, width=0.1)
    [up] = [mark for mark in play.complete().panels[0].marks if mark.up]
    assert up.name == f"p_g to {1 / (0.1 * math.sqrt(2 * math.pi)):.1f}"


def test_a_held_d_that_has_never_seen_a_place_stays_finite(play):
    play.set(**{f"x_{i}": -4.0 for i in range(1, 6)}, width=0.1)
    play.hold()
    play.best()
    assert math.isfinite(play.V) and math.isfinite(play.cost) and play.V < -100
    play.complete()


def test_reset_goes_back(play):
    first = play.complete()
    scattered(play).hold()
    scattered(play, 2)
    play.press("reset")
    again = play.complete()
    assert play.follows and again.readouts == first.readouts and again.words == first.words
    assert len(play.curve.rows()) == 1 and play.events == []


@pytest.mark.parametrize(
    ("act", "message"),
    [
        (lambda: BeTheGeneratorEngine(pieces=1), "1 pieces; give a whole number from 2 to 8"),
        (lambda: BeTheGeneratorEngine(pieces=2.5), "from 2 to 8"),
        (lambda: BeTheGeneratorEngine("two hills"), "give a density"),
        (lambda: BeTheGeneratorEngine(width=5), "begins at 5"),
        (lambda: BeTheGeneratorEngine().set(x_1=9), r"x_1 is 9; it must lie in \[-4, 4\]"),
        (lambda: BeTheGeneratorEngine().set(width=0), "width is 0"),
        (lambda: BeTheGenerator().move(1, 2), "2 places for 5 pieces"),
    ],
)
def test_every_mistake_has_one_clear_message(act, message):
    with pytest.raises(RecipeError, match=message):
        act()


def test_the_widget_says_the_same():
    play = BeTheGenerator(Mixture((Gaussian(-1, 0.5), Gaussian(1, 0.5))), pieces=2)
    play.move(-1, 1)
    play.width = 0.5
    assert play.engine.JSD == pytest.approx(0, abs=1e-12) and play.engine.V == pytest.approx(MINUS_LOG_4)
    play.hold()
    assert play.x_1 == -1 and play.engine.off() == ["hold"]
    play.follow()
    assert len(play.preview()) > 1000


def test_random_events_keep_v_at_most_c(play):
    rng, refused = random.Random(0), 0
    for _ in range(300):
        button = {"type": "press", "button": rng.choice(["hold", "follow", "best", "reset", "pick_3", "pick_9"])}
        values = {rng.choice(["x_1", "x_5", "width", "x_7"]): rng.choice([rng.uniform(-3, 3), 0.3, None, math.nan])}
        try:
            play.do(rng.choice([button, {"type": "set", "values": values}, {"type": "set", "values": {"x_2": 1.5}}]))
        except RecipeError:
            refused += 1
        assert play.V <= play.C + 1e-12 and play.closest >= play.possible()[0] - 1e-6
        assert not play.follows or play.V == pytest.approx(play.C, abs=1e-10)
        assert play.cost >= play.least() - 1e-9 or not play.follows
        play.complete()
    assert 20 < refused < 200
