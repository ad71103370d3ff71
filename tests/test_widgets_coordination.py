"""Two ways side by side, without a page: equal cost, what is measured, and mistakes."""

from __future__ import annotations

import math
import random

import pytest
import torch

from ganlib import RecipeError, theory
from ganlib.studies.coordination import BUDGET
from ganlib.widgets import SideBySide
from ganlib.widgets import coordination as module
from ganlib.widgets.coordination import AT_ONCE, EVERY, SideBySideEngine

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture
def two():
    return SideBySideEngine(right="k by the gap", z_right="mixture")


def costs(two):
    return [int(play.cost) for play in two.plays.values()]


def test_both_go_on_at_equal_cost_from_one_start(two):
    left, right = (play.toys for play in two.plays.values())
    assert all(map(torch.equal, left.G.parameters(), right.G.parameters()))
    for n in range(1, 8):
        two.press("step")
        assert costs(two)[0] == AT_ONCE * n and 0 <= costs(two)[1] - AT_ONCE * n <= 10
    assert left.p_z == "uniform" and right.p_z == "mixture" and two.state == "paused"


def test_what_is_shown_is_what_is_measured_by_other_sums(two):
    for _ in range(EVERY):
        two.once()
    JSDs, gaps = two.complete().panels[2:]
    assert two.twin().complete().panels[2].y == (0, 0.7), "at the start p_g is far from p_data, and the chart shows it"
    assert max(line.y[-1] for line in JSDs.lines) < JSDs.y[1]
    for i, play in enumerate(two.plays.values()):
        expected = theory.JSD(play.toys.p_data, play.toys.p_g(), order=20)
        assert JSDs.lines[2 * i].y[-1] == pytest.approx(expected, abs=1e-4)
        assert gaps.lines[i].y[-1] == pytest.approx(play.toys.measure(order=20).gap, abs=1e-3)
    assert len(JSDs.lines[0].x) == 2, "the start, and now"


def test_a_change_begins_both_anew(two):
    two.once()
    two.press("start")
    two.set(left="minimax cost")
    assert costs(two) == [0, 0] and two.running and two.plays["left"].toys.generator_cost == "minimax"
    two.press("reset", seed=3)
    assert two.plays["right"].toys.seeds == [3] and two.state == "idle"
    with pytest.raises(RecipeError):
        two.set(right="luck")
    assert two.values["right"] == "k by the gap"


def test_it_rests_when_the_budget_is_spent(two, monkeypatch):
    monkeypatch.setattr(module, "BUDGET", 60)
    two.press("reset")
    two.press("start")
    two.clock = iter(range(100)).__next__
    two.advance(50)
    assert costs(two) == [60, 60] and two.state == "stopped" and {"start", "step"} <= set(two.off())
    assert BUDGET > 60


def test_a_game_that_goes_off_says_so(two):
    with torch.no_grad():
        two.plays["left"].toys.G.biases[-1].fill_(math.inf)
    with pytest.raises(Exception, match="diverged|finite"):
        for _ in range(EVERY):
            two._guarded()
    assert two.state == "error" and "reset" not in two.off()
    two.press("reset")
    two.press("step")


def test_random_events_keep_it_whole(two):
    rng = random.Random(0)
    for _ in range(40):
        button = rng.choice(["start", "pause", "step", "reset", ""])
        key = rng.choice([key for key in two.values if key not in ("seed", "lr_D", "lr_G")])
        values = {key: rng.choice(two.controls[key].places())}
        two.do({"type": "press", "button": button} if button else {"type": "set", "values": values})
        two.advance(0)
        two.complete()


def test_the_widget_and_its_still_picture():
    two = SideBySide(left="blend of both costs")
    two.right = "momentum 0.5"
    two.step()
    assert two.values["right"] == "momentum 0.5" and len(two.preview(steps=2)) > 1_000
