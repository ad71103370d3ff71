"""Ways of coordination: what each does to D's updates, equal cost, averages, the blend of both costs; bad input."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy import stats

from ganlib import MNIST, RecipeError, game, load, theory
from ganlib.densities import Gaussian, Mixture, ring
from ganlib.lessons import coordination as lesson
from ganlib.recipes import TOY
from ganlib.studies import coordination as study
from ganlib.studies.coordination import DATA, WAYS, Gap, Play, Way, plane_JSD
from ganlib.studies.toys import Toys

pytestmark = pytest.mark.usefixtures("one_thread")

TWO = DATA["two hills"]


def play(way, budget=60, seeds=(0, 1, 2), **more):
    way = WAYS[way] if isinstance(way, str) else way
    return Play(way, TOY, more.pop("p_data", TWO), budget=budget, seeds=list(seeds), **more)


def counted(one):
    """Count the games' moves where the parameters move, whatever `Play` says of itself."""
    moves, move = {"D": torch.zeros(len(one.toys)), "G": torch.zeros(len(one.toys))}, one.toys._move

    def counting(player, gradients, active=None):
        moves[player] += 1 if active is None else active
        move(player, gradients, active)

    one.toys._move = counting
    return moves


# -- equal cost --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", WAYS)
def test_every_way_spends_the_budget_exactly(name):
    one = play(name, budget=62)
    moves = counted(one)
    one.finish()
    assert (moves["D"] + moves["G"]).tolist() == [62] * 3
    assert moves["D"].tolist() == one.n_D.tolist() and moves["G"].tolist() == one.n_G.tolist()
    assert moves["G"].min() >= 3 and np.isfinite(one.JSD()).all()


def test_schedules_of_k():
    expected = {"k = 5": [5] * 6, "k rises, 1 to 5": [1, 1, 1, 1, 2, 2], "k falls, 5 to 1": [5, 5, 4, 3, 3, 2]}
    for name, ks in expected.items():
        one, seen = play(name, budget=40, seeds=[0]), []
        while one.share < 1:
            before = int(one.n_D)
            one.iterate()
            seen.append(int(one.n_D) - before)
        assert seen[: len(ks)] == ks, seen
        assert sum(seen) + int(one.n_G) == 40


def test_k_1_is_algorithm_1_bit_for_bit():
    one, plain = play("k = 1", budget=80), Toys(TOY, TWO, seeds=[0, 1, 2])
    one.finish()
    for _ in range(40):
        plain.iterate()
    for a, b in zip(
        [*one.toys.G.parameters(), *one.toys.D.parameters()], [*plain.G.parameters(), *plain.D.parameters()]
    ):
        assert torch.equal(a, b)


def test_two_rates_and_momentum_keep_the_product_and_the_step():
    one = play(Way("", ratio=9.0, momentum=0.5), lr_D=[0.1, 0.2, 0.4], lr_G=0.02)
    assert one.toys.lr_D.tolist() == pytest.approx([0.15, 0.3, 0.6])
    assert one.toys.lr_G.tolist() == pytest.approx([0.02 / 6] * 3)
    assert one.toys.momentum.tolist() == [0.5] * 3


# -- k by a rule -------------------------------------------------------------------------------------------------------


def test_k_by_accuracy_stops_each_game_at_its_own_accuracy():
    """Accuracies worked out anew from what is drawn, before each of D's moves."""
    one, level = play(Way("", k=(5,), rule="accuracy", level=0.6), budget=120), 0.6
    told, draw, move = [], one.toys._draw, one.toys._move

    def drawing(stream):
        x, z = draw(stream)
        if stream >= 0:
            with torch.no_grad():
                real, fake = one.toys.D.logit(x), one.toys.D.logit(one.toys.G(z))
            right = (real > 0).sum(1) + (fake < 0).sum(1)
            told.append((stream, right / (2 * x.shape[1]), torch.zeros(3)))
        return x, z

    def moving(player, gradients, active=None):
        if player == "D":
            told[-1][2].add_(1 if active is None else active)
        move(player, gradients, active)

    one.toys._draw, one.toys._move = drawing, moving
    while one.cost.max() < 110:
        one.iterate()
    stopped = 0
    for (turn, right, moved), (_, _, after) in itertools.pairwise(told):
        if turn == 0:
            assert moved.tolist() == [1, 1, 1], "D moves once at least"
        if turn < 4:
            assert after.tolist() == (moved.bool() & (right < level)).float().tolist()
            stopped += int((moved - after).sum())
    assert 0 < stopped < len(told) * 3


def test_k_by_the_gap_lets_G_move_when_D_is_near_its_optimum():
    """Gaps by `Toys.measure`, whose nodes and sums are other ones."""
    one, level, k = play(Way("", k=(8,), rule="gap", level=0.1), budget=160), 0.1, 8
    n, seen, step_D, step_G = np.zeros(3), [], one.toys.step_D, one.toys.step_G

    def gaps():
        return np.array([one.toys.measure(i).gap for i in range(3)])

    def moving_D(turn, only):
        low = gaps() <= level - 1e-4
        assert not (low & only.numpy()).any(), "D does not move where the gap is small"
        n.__iadd__(only.numpy())
        return step_D(turn, only)

    def moving_G(only):
        seen.append((n.copy(), gaps()))
        assert ((gaps() < level + 1e-4) | (n == k) | ~only.numpy() | (one.cost.numpy() >= 159)).all()
        n.fill(0)
        return step_G(only)

    one.toys.step_D, one.toys.step_G = moving_D, moving_G
    one.finish()
    used = np.array([each for each, _ in seen])
    assert used.max() == k and (used == 0).any(), "at first all of them; later none at times"


def test_the_gap_of_a_stack_is_that_of_each_game():
    toys = Toys(TOY, TWO, seeds=[0, 1, 5], dtype=torch.float64)
    for _ in range(30):
        toys.iterate()
    assert Gap(toys).now().tolist() == pytest.approx([toys.measure(i).gap for i in range(3)], abs=1e-9)


@pytest.mark.parametrize("name", ["k by D's accuracy", "k by the gap", "noise for D, fading"])
def test_a_game_is_the_same_alone_and_in_company(name):
    company, alone = play(name, seeds=[0, 1, 2]).finish(), play(name, seeds=[1]).finish()
    assert company.n_D[1] == alone.n_D[0]
    assert company.JSD()[1] == pytest.approx(alone.JSD()[0], abs=1e-4)
    assert company.JSD(averaged=True)[1] == pytest.approx(alone.JSD(averaged=True)[0], abs=1e-4)


# -- noise and averages ------------------------------------------------------------------------------------------------


def test_noise_is_on_all_that_D_sees_and_fades():
    one, seen = play(Way("", noise=(0.6, 0.2)), budget=200, p_data=Gaussian(0, 1e-9)), []
    with torch.no_grad():
        for p in one.toys.G.parameters():
            p.zero_()  # all that D would see is 0
    one.toys.lr_G.zero_()
    forward = one.toys.D.forward
    one.toys.D.forward = lambda x, only=None: (seen.append(x.detach()), forward(x, only))[1]
    one.finish()
    stds = [x.std().item() for x in seen]
    assert stds[0] == pytest.approx(0.6, rel=0.12) and stds[-1] == pytest.approx(0.2, rel=0.15)
    assert np.mean(stds) == pytest.approx(0.4, rel=0.05)
    assert np.corrcoef(seen[0][:, :64, 0].numpy())[0, 1] == pytest.approx(0, abs=0.4), "each seed has its own"


def test_noise_goes_on_from_what_was_saved():
    toys = Toys(TOY, TWO, seeds=[0, 1])
    toys.noise = 0.3
    for _ in range(3):
        toys.iterate()
    saved, found = toys.saved(), []
    for again in (False, True):
        if again:
            toys.load(saved)
        for _ in range(4):
            toys.iterate()
        found.append([p.detach().clone() for p in toys.G.parameters()])
    assert all(map(torch.equal, *found))


def test_the_average_is_over_the_last_half_or_so():
    one, seen = play("k = 1", seeds=[0]), []
    weight = one.toys.G.weights[0]
    mean = weight[0].detach().clone().double()
    for n in range(1, 31):
        one.iterate()
        seen.append(weight[0].detach().clone().double())
        mean += min(1.0, 2 / n) * (seen[-1] - mean)
    assert torch.allclose(one.average[0][0].double(), mean, atol=1e-6)
    by_hand = [2 * (t - 1) / (30 * 29) for t in range(1, 31)]  # w_t = 2/t times what later steps leave of it
    assert torch.allclose(mean, sum(w * s for w, s in zip(by_hand, seen)), atol=1e-6)
    assert one.JSD(averaged=True)[0] != one.JSD()[0]


# -- the plane ---------------------------------------------------------------------------------------------------------


def test_JSD_of_bins():
    p_data = ring(8, 2.0, 0.1)
    far = np.full((100, 2), 50.0)
    assert plane_JSD(p_data, far) == pytest.approx(math.log(2), abs=1e-9)
    one_bin = np.full((10, 2), [2.05, 0.05])
    axis = [stats.norm(2, 0.1), stats.norm(0, 0.1)]
    p = np.prod([law.cdf(b) - law.cdf(a) for law, a, b in zip(axis, (2.0, 0.0), (2.1, 0.1))]) / 8
    m = (p + 1) / 2
    by_hand = (math.log(1 / m) + p * math.log(p / m) + (1 - p) * math.log(2)) / 2
    assert plane_JSD(p_data, one_bin) == pytest.approx(by_hand, abs=1e-6)
    floors = [study.plane_floor(p_data, n) for n in (5_000, 20_000)]
    assert 0.001 < floors[1] < floors[0] < 0.02
    assert math.isnan(plane_JSD(p_data, np.full((2, 2), np.nan)))


# -- the blend ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("mean", "std"), [(-3.0, 0.7), (0.2, 1.5), (2.0, 0.4)])
def test_the_blend_descends_half_of_KL(mean, std):
    """d/d(mean, std) of `generator_cost(., "blend")` against D* held, by quadrature over z; KL by differences."""
    p_data = Mixture((Gaussian(-1.5, 0.5), Gaussian(1.5, 0.8)), (1.0, 2.0))
    z, w = theory.quadrature(Gaussian(0, 1))
    z, weight = torch.from_numpy(z), torch.from_numpy(w * stats.norm.pdf(z))
    theta = torch.tensor([mean, std], dtype=torch.float64, requires_grad=True)
    x = theta[0] + theta[1] * z
    heights = sum(s * torch.exp(-(((x - m) / d) ** 2) / 2) / d for s, m, d in ((1 / 3, -1.5, 0.5), (2 / 3, 1.5, 0.8)))
    held = theta.detach()
    a = torch.log(heights) + ((x - held[0]) / held[1]) ** 2 / 2 + torch.log(held[1])  # D*'s logit; p_g's own is held
    cost = (weight * game.generator_cost(a[:, None], "blend")).sum()
    (found,) = torch.autograd.grad(cost, theta)
    h, KL = 1e-5, lambda m, s: theory.KL(Gaussian(m, s), p_data)
    expected = [
        (KL(mean + h, std) - KL(mean - h, std)) / (2 * h),
        (KL(mean, std + h) - KL(mean, std - h)) / (2 * h),
    ]
    assert (2 * found).tolist() == pytest.approx(expected, abs=1e-6)
    slopes = lesson.slopes(p_data, mean, std)
    assert slopes["minimax"] + slopes["non-saturating"] == pytest.approx(expected[0], abs=1e-6)


# -- digits ------------------------------------------------------------------------------------------------------------


def test_a_way_on_digits_changes_the_recipe_and_nothing_else():
    ways = [
        (Way("", ratio=4.0), {"lr_D": 0.2, "lr_G": 0.05}),
        (Way("", k=(3,)), {"k": 3}),
        (Way("", k=(5,), rule="accuracy", level=0.7), {"k": 5, "k_until": 0.7}),
        (Way("", {"p_z": "sphere"}), {"p_z": "sphere"}),
        (Way("", momentum=0.0), {"momentum_start": 0.0, "momentum_end": 0.0}),
        (Way("", noise=(0.1, 0.1)), {"D": (replace(MNIST.D[0], noise=0.1), *MNIST.D[1:])}),
    ]
    for way, changes in ways:
        assert way.on(MNIST) == replace(MNIST, **changes)
    for way in (WAYS["k by the gap"], WAYS["noise for D, fading"]):
        with pytest.raises(RecipeError, match="is for toys"):
            way.on(MNIST)


@pytest.mark.parametrize("way", [Way("plain"), Way("rises", k=(1, 2, 4)), Way("alternates", {"update": "alternating"})])
def test_digits_at_equal_cost(way):
    class Ruler:
        data = load("synthetic")

        def measure(self, x):
            return {"n": len(x)}

    small = replace(MNIST.at("smoke"), batch=20)
    *_, found = study.on_digits(way, Ruler(), 0, evaluations=60, recipe=small)
    assert 60 <= found["gradients"] == found["updates_D"] + found["updates_G"] <= 60 + max(way.k)
    assert found["last"]["n"] == study.N_FEATURES and len(found["average"]["shown"]) == study.N_SHOWN
    if way.name == "rises":
        assert 10 + 7 + 4 <= found["updates_G"] <= 10 + 7 + 5


# -- what is shipped, and mistakes -------------------------------------------------------------------------------------


def test_the_record_is_whole_small_and_of_equal_cost():
    assert lesson.RECORD.stat().st_size < 200_000
    toys, digits = (lesson.record()[part] for part in ("toys", "digits"))
    assert all(run["spent"] == [toys["budget"]] * 2 for run in toys["runs"])
    assert {(run["way"], run["data"], run["z_dim"]) for run in toys["runs"]} == {
        (way.name, data, z_dim) for data, way, z_dim in study.pieces()
    }
    spent = [run["gradients"] for run in digits["runs"] if "gradients" in run]
    assert min(spent) >= digits["gradients"] and max(spent) <= digits["gradients"] + 6
    images = np.arange(256).astype(np.uint8)
    assert study.unpacked(study.packed(images)).tolist() == images.tolist()


def test_mistakes_have_one_clear_message():
    for make, words in (
        (lambda: Way("", rule="luck"), "unknown rule 'luck'"),
        (lambda: Way("", k=()), r"k is \(\)"),
        (lambda: Way("", k=(0,)), "whole numbers >= 1"),
        (lambda: Way("", ratio=0.0), "must be > 0"),
        (lambda: Way("", noise=(-1.0, 0.0)), ">= 0"),
        (lambda: play("k = 1", budget=3), "even number of gradients"),
        (lambda: play(Way("", {"update": "simultaneous"}, k=(2,))), "k = 1, without a rule"),
        (lambda: play(Way("", {"p_z": "none"})), "p_z is 'none'"),
        (lambda: Way("mine", {"p_zz": 1}), "'mine' changes 'p_zz', which is no field"),
        (lambda: lesson.compare("k = 9"), "way is 'k = 9'; use one of: k = 1; k = 2"),
        (lambda: lesson.compare("k = 1", data="hill"), "data is 'hill'; use one of: two hills"),
        (lambda: lesson.costs("k=1"), "way is 'k=1'"),
        (lambda: lesson.rerun("k = 1", data="hill"), "data is 'hill'"),
        (lambda: lesson.samples("mean"), "iterate is 'mean'; use one of: last; average"),
    ):
        with pytest.raises(RecipeError, match=words):
            make()
