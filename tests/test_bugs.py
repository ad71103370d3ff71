"""The broken loops: each is the right one but for a line or two, and has the symptom that its text claims."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from ganlib.lessons import algorithm_1
from ganlib.studies import bugs
from ganlib.studies.bugs import BUGS, LOOP, Played

pytestmark = pytest.mark.usefixtures("one_thread")
K = 2
TWICE = ("right", bugs.TWO_SIGMOIDS.name, bugs.ONE_BATCH.name)  # compared with each other over two seeds


@pytest.fixture(scope="module")
def played(one_thread) -> dict[str, list[Played]]:
    """Every loop by its name, with one seed or with two."""
    sources = {"right": LOOP} | {bug.name: bug.source for bug in BUGS.values()}
    seeds = {name: (0, 1) if name in TWICE else (0,) for name in sources}
    return {name: [bugs.play(source, seed, k=K) for seed in seeds[name]] for name, source in sources.items()}


def end(values: np.ndarray) -> float:
    """The mean over the last quarter."""
    return float(values[-len(values) // 4 :].mean())


def off(run: Played) -> float:
    """How far the samples are from the data: the mean distance between their quantiles (Wasserstein-1)."""
    return float(np.abs(np.sort(run.samples) - np.sort(run.data)).mean())


@pytest.mark.parametrize("bug", BUGS.values(), ids=lambda bug: bug.name)
def test_a_bug_replaces_whole_lines_that_stand_once_in_the_loop(bug):
    assert LOOP.count(bug.right) == 1 and bug.right.endswith("\n") and bug.wrong.endswith("\n")
    assert bug.source != LOOP and len(bug.wrong.splitlines()) <= len(bug.right.splitlines()) + 1
    minus = [line[2:] for line in bug.difference.splitlines() if line.startswith("- ")]
    plus = [line[2:] for line in bug.difference.splitlines() if line.startswith("+ ")]
    assert minus and plus and set(minus) <= set(bug.wrong.splitlines()) and set(plus) <= set(bug.right.splitlines())
    assert bug.why


def test_a_folded_answer_does_not_say_what_is_wrong(monkeypatch):
    run = bugs.play(iterations=50)
    monkeypatch.setattr(algorithm_1, "played", lambda: dict.fromkeys(["right", *BUGS], run))
    for letter, bug in list(BUGS.items())[:1]:
        folded, told = algorithm_1.reveal(letter).data.split("</summary>")
        assert folded.endswith(f"loop {letter}") and bug.name[1:] in told


def test_there_are_five_and_none_twice():
    assert "".join(BUGS) == "ABCDE" and len({bug.source for bug in BUGS.values()}) == 5


def test_a_run_repeats_and_leaves_torchs_random_numbers_alone():
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    one, two = bugs.play(iterations=20, seed=1), bugs.play(iterations=20, seed=1)
    assert torch.equal(torch.rand(3), expected)
    assert np.array_equal(one.samples, two.samples) and len(one.cost_D) == 20


def test_the_right_loop_ends_at_the_data(played):
    for run in played["right"]:
        assert end(run.D_real) == pytest.approx(0.5, abs=0.02) and end(run.D_fake) == pytest.approx(0.5, abs=0.02)
        assert end(run.cost_D) == pytest.approx(math.log(4), abs=0.02)
        assert off(run) < 0.25


def test_a_sigmoid_too_many_keeps_D_above_a_half(played):
    for run, right in zip(played[bugs.TWO_SIGMOIDS.name], played["right"]):
        for said in (run.D_real, run.D_fake):
            assert 0.5 <= said.min() and said.max() <= 1 / (1 + math.exp(-1)) + 1e-6
        assert right.D_fake.min() < 0.47
        assert run.cost_D[0] > 1.01 * math.log(4)
        assert end(run.cost_D) == pytest.approx(math.log(4), abs=0.01)  # as if all were well
        assert end(run.D_fake) == pytest.approx(0.5, abs=0.02)


def test_a_sigmoid_too_many_leaves_the_samples_off(played):
    far = [off(run) for run in played[bugs.TWO_SIGMOIDS.name]]
    assert far[0] > 0.4, "the run that is shown"
    assert np.mean(far) > 2 * np.mean([off(run) for run in played["right"]])


def test_with_the_wrong_sign_both_costs_go_to_0_and_G_runs_away(played):
    for run in played[bugs.WRONG_SIGN.name]:
        assert end(run.cost_D) < 0.01 and end(run.cost_G) < 0.01 and end(run.D_fake) < 0.01
        assert run.samples.max() < run.data.min()


def test_one_batch_for_all_steps_leaves_no_trace(played):
    """It differs from the right loop no more than seeds of that one differ from each other."""
    for name in ("cost_D", "cost_G", "D_real", "D_fake"):
        right, wrong = ([end(getattr(run, name)) for run in played[which]] for which in ("right", bugs.ONE_BATCH.name))
        assert abs(np.mean(wrong) - np.mean(right)) < 0.01
    assert max(off(run) for run in played[bugs.ONE_BATCH.name]) < 0.25


def test_a_G_that_moves_D_makes_it_believe(played):
    for run in played[bugs.G_MOVES_D.name]:
        for said in (run.D_real, run.D_fake):
            assert 0.53 < end(said) < (K + 1) / (2 * K + 1) + 0.01
        assert end(run.cost_D) > math.log(4) + 0.01
        assert off(run) < 0.4


@pytest.mark.parametrize("k", [1, 2, 5])
def test_where_the_pushes_cancel(k):
    """The two values that the table gives, for one logit a that all of the data and of the fakes have."""
    a = torch.logit(torch.tensor((k + 1) / (2 * k + 1), dtype=torch.float64)).requires_grad_()
    on_D = k * (bugs.loss(a, 1) + bugs.loss(a, 0)) + bugs.loss(a, 1)
    assert abs(torch.autograd.grad(on_D, a)[0]) < 1e-12
    a = torch.logit(torch.tensor(1 / (k + 1), dtype=torch.float64)).requires_grad_()
    on_G = bugs.loss(a, 1) + k * bugs.loss(a, 0)
    assert abs(torch.autograd.grad(on_G, a)[0]) < 1e-12


def test_without_detach_the_players_stay_apart(played):
    for run in played[bugs.NO_DETACH.name]:
        assert end(run.D_fake) < 1 / (K + 1) and end(run.D_real) > 0.65
        assert off(run) > 0.2 and run.samples.mean() < run.data.mean()


def test_without_detach_but_with_clean_gradients_nothing_is_lost():
    """What the text says in brackets: the same numbers, where G's gradients are cleared before its own pass."""
    clears = LOOP.replace("    cost_G.backward()\n", "    optim_G.zero_grad()\n    cost_G.backward()\n")
    slip = clears.replace(bugs.NO_DETACH.right, bugs.NO_DETACH.wrong)
    assert slip != clears
    a, b = (bugs.play(source, iterations=100) for source in (clears, slip))
    assert np.array_equal(a.samples, b.samples) and np.array_equal(a.cost_D, b.cost_D)
