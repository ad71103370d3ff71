"""The experiments on toys behind "what the paper claims": exact where they can be, small, the same for one seed."""

from __future__ import annotations

import itertools
import json
import math

import numpy as np
import pytest
import torch
from scipy.special import expit

from ganlib import game, theory
from ganlib.densities import Gaussian
from ganlib.picture import completed
from ganlib.recipes import TOY
from ganlib.studies import nce, phenomena
from ganlib.studies.claims import D as claims_D
from ganlib.studies.claims import curve as claims_curve
from ganlib.studies.claims import nce as claims_nce
from ganlib.studies.claims.judged import judged
from ganlib.studies.claims.toys import EXPERIMENTS
from ganlib.studies.toys import Toys

pytestmark = pytest.mark.usefixtures("one_thread")

SMALL = {
    "overfit_D": {"sizes": (5, 50), "seeds": (0,), "updates": 300, "records": 6, "fresh": 2_000},
    "k_and_gap": {"ks": (1, 3), "lrs_G": (0.01, 0.1), "seeds": (0,), "updates": 120, "records": 8},
    "both_costs": {"apart": (0, 1, 4)},
    "cost_games": {"seeds": (0, 3), "alone": 30, "far": 20, "near": 20, "records": 4},
    "helvetica": {"seeds": (4,), "together": 500, "alone": 400, "records": 2},
    "helvetica, bounded": {"seeds": (0,), "together": 50, "alone": 400, "records": 2},
    "synchrony": {"counts": (1, 5), "seeds": (0, 1), "updates": 100},
    "nce_signal": {"noises": ((0, 2),), "distances": (1, 0.1)},
    "nce_curves": {"noises": ((0, 2),), "rates": (0.1,), "seeds": (0,), "updates": 100, "records": 8},
    "sharp, circle": {"updates": 4, "seeds": (0,), "n": 200, "walk": 5},
    "blur_and_mixing": {},
}


@pytest.fixture(scope="module")
def found():
    """What each experiment gives when it is small, each made once."""
    made: dict = {}

    def get(name):
        if name not in made:
            made[name] = EXPERIMENTS[name].run(**SMALL[name])
        return made[name]

    return get


@pytest.mark.parametrize("name", SMALL)
def test_an_experiment_gives_plain_numbers_the_same_for_the_same_seeds_and_a_picture(found, name):
    first, again = found(name), EXPERIMENTS[name].run(**SMALL[name])
    plain = [{key: value for key, value in run.items() if key != "seconds"} for run in (first, again)]
    assert plain[0] == plain[1]
    assert json.loads(json.dumps(first, allow_nan=False)).keys() == first.keys()
    for verdict in first["verdicts"]:
        good = [(v > verdict["threshold"]) == verdict["above"] for v in verdict["values"]]
        assert verdict["holds"] == pytest.approx(np.mean(good))
        assert verdict["mean"] == pytest.approx(np.mean(verdict["values"]), rel=1e-3, abs=1e-4)
    assert completed(EXPERIMENTS[name].show(json.loads(json.dumps(first)))).panels


def test_every_experiment_is_tested():
    assert {*EXPERIMENTS} == {*SMALL, "sharp, points"}


def test_a_verdict_counts_the_seeds_on_the_right_side():
    above = judged("q", [1.0, 3.0], 2.0, "why")
    below = judged("q", [1.0, 1.5, 3.0], 2.0, "why", above=False)
    assert (above["holds"], above["mean"], above["spread"]) == (0.5, 2.0, pytest.approx(math.sqrt(2), rel=1e-4))
    assert below["holds"] == pytest.approx(2 / 3)


# -- section 3 --------------------------------------------------------------------------------


def test_D_overfits_a_handful_of_points_against_an_exact_C(found):
    run = found("overfit_D")
    assert run["C"] == pytest.approx(theory.MINUS_LOG_4 + 2 * 0.336830820346, abs=1e-9)
    few, many = np.array(run["train"]) - np.array(run["fresh"])
    assert few[0, -1] > 0.05 and few[0, -1] > 2 * many[0, -1]
    assert np.all(np.array(run["fresh"]) < run["C"] + 0.05)  # the noise of 2,000 points
    points = np.array(run["points"])
    drawn = claims_D.Points(points).sample(100, np.random.default_rng(0))
    assert {tuple(row) for row in drawn.tolist()} == {tuple(row) for row in points.tolist()}


def test_the_gap_is_that_of_the_game_alone(found):
    run = found("k_and_gap")
    alone, gaps = Toys(TOY, Gaussian(0, 1), seeds=0, k=3, lr_D=0.3, lr_G=0.1), []
    for updates in np.linspace(120 / 8, 120, 8):
        while alone.step < round(updates / 4):
            alone.iterate()
        gaps.append(alone.measure(0).gap)
    assert run["gap"][1][1][0] == pytest.approx(np.mean(gaps[2:]), abs=2e-3)
    assert np.all(np.array(run["gap"]) > 0)


def test_both_gradients_are_those_of_the_costs_and_add_up_to_mu(found):
    run = found("both_costs")
    z, w = (torch.from_numpy(a) for a in theory.quadrature(Gaussian(0, 1)))
    share = w * torch.from_numpy(Gaussian(0, 1).pdf(z.numpy()))
    for i, mu in enumerate(run["apart"]):
        a = run["gradient"]["minimax"][i], run["gradient"]["non-saturating"][i]
        assert sum(a) == pytest.approx(mu, rel=1e-4)
        for cost, by_hand in zip(("minimax", "non-saturating"), a):
            place = torch.tensor(mu, dtype=torch.float64, requires_grad=True)
            logit = mu * mu / 2 - mu * (place + z)  # D* for p_g where it is, held
            each = torch.stack([game.generator_cost(one[None], cost) for one in logit])
            (by_autograd,) = torch.autograd.grad(share @ each, place)
            assert by_hand == pytest.approx(by_autograd.item(), rel=1e-4, abs=1e-12)


def test_the_games_begin_alike_and_the_push_of_a_sure_D_is_the_larger_one(found):
    run = found("cost_games")
    toys = Toys(TOY, phenomena.density("drawn", phenomena.FAR["heights"]), seeds=[0, 3], lr_D=0.3)
    for _ in range(30):
        toys.step_D()
    x = toys.samples(1_000)[1, :, 0]
    D = expit(toys.logit(x, 1))
    slope = (toys.logit(x + 1e-3, 1) - toys.logit(x - 1e-3, 1)) / 2e-3  # a finite difference, float32
    assert run["push"]["minimax"][1] == pytest.approx(np.abs(D * slope).mean(), rel=0.05)
    assert run["push"]["non-saturating"][1] == pytest.approx(np.abs((1 - D) * slope).mean(), rel=0.05)


# -- section 6: Helvetica --------------------------------------------------------------------------------


def test_G_alone_collapses_and_in_company_does_not(found):
    run = found("helvetica")
    held, both = run["held"], run["both"]
    assert held["share"][0][0] == both["share"][0][0] < 0.3 and held["JSD"][0][0] == both["JSD"][0][0]
    assert held["share"][0][-1] > 0.8 > 0.3 > both["share"][0][-1]
    assert held["JSD"][0][-1] > both["JSD"][0][-1] + 0.2


def test_a_bounded_G_collapses_onto_the_highest_point_of_D_that_it_can_reach(found):
    run = found("helvetica, bounded")
    assert run["held"]["share"][0][-1] > 0.8 > run["both"]["share"][0][-1]


def test_one_update_of_G_to_one_of_D_is_algorithm_1(found):
    run = found("synchrony")
    toys, looks = Toys(TOY, phenomena.DATA["bimodal"], seeds=[0, 1]), []
    for _ in range(100):
        toys.iterate()
        looks.append(toys.measure(1).JSD)
    assert run["JSD"][0][1] == pytest.approx(np.mean(looks[90:]), rel=1e-4)


# -- section 2 --------------------------------------------------------------------------------


@pytest.mark.parametrize("t", [0.5, 1.5])
def test_the_signal_to_noise_ratios_are_those_of_minibatches(t):
    late, batch, n = 1.1 * t, 20, 4_000
    x = np.linspace(-3, 3, 7)
    D = theory.D_star(Gaussian(0, 1), Gaussian(late, math.exp(late)))(x)
    assert expit(np.stack([x**0, x, x * x], 1) @ claims_nce._logit(late)) == pytest.approx(D)
    G, D = claims_nce.Widen(n, t, t), claims_nce.Quadratic(n)
    with torch.no_grad():
        D.a.copy_(torch.from_numpy(claims_nce._logit(late))[:, None].expand(n, 3, 1))
    draw = torch.randn(2, n, batch, 1, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    of_D = torch.stack([g.flatten(1) for g in game.discriminator_gradients(D, draw[0], G(draw[1])).D])[0]
    of_G = torch.cat([g.flatten(1) for g in game.generator_gradients(G, D, draw[1], "non-saturating").G], 1)
    for each, exact in ((of_D, claims_nce._of_D), (of_G, claims_nce._of_G)):
        ratio = each.mean(0).norm() / each.var(0).sum().sqrt()
        # The mean of n minibatches is off by 1 / sqrt(n) of a minibatch's deviation.
        assert exact(t, late, batch) == pytest.approx(ratio.item(), rel=0.06, abs=2 / math.sqrt(n))


def test_all_learners_come_closer(found):
    run = found("nce_curves")
    begins = theory.JSD(Gaussian(0, 1), Gaussian(1.5, math.exp(0.7)))
    for name, JSD in run["JSD"].items():
        assert JSD[0][-1] < 0.8 * begins, name
    family = nce.Bell((1.5, -1.4, -0.7 - math.log(2 * math.pi) / 2))
    recipe = nce.NCERecipe(family, noise=Gaussian(0, 2), lr=0.1, batch=100, steps=100)
    *_, last = nce.fit(claims_nce.P_DATA.sample(100_000, np.random.default_rng([0, 1])), recipe, seed=0)
    mu, l, _ = last.theta.tolist()
    expected = theory.JSD(Gaussian(0, 1), Gaussian(mu, math.exp(l) ** -0.5))  # exp(l) is the precision
    assert run["JSD"]["NCE, noise N(0, 2²)"][0][-1] == pytest.approx(expected, rel=1e-3)
    assert claims_nce._JSD(math.nan, 0) == claims_nce._JSD(0, 1e9) == math.log(2)


# -- section 6: sharp distributions --------------------------------------------------------------------------------


def test_distances_and_parts():
    circle, points = claims_curve.SHAPES["circle"], claims_curve.SHAPES["points"]
    x = np.array([[0.5, 0.0], [0.0, -2.0], [-1.0, -1e-9]])
    assert circle.distance(x).tolist() == pytest.approx([0.5, 1.0, 0.0])
    assert circle.part(x).tolist() == [0, 24, 16]
    assert points.distance(x).tolist() == pytest.approx([0.5, math.sqrt(5), 0.0], abs=1e-8)
    assert points.part(x).tolist() == [1, 0, 0]
    assert claims_curve.blur(circle, 1.5 * circle.sample(500, np.random.default_rng(0))) == pytest.approx(0, abs=1e-12)
    wide = points.sample(4_000, np.random.default_rng(0)) + 0.1 * np.random.default_rng(1).standard_normal((4_000, 2))
    assert claims_curve.blur(points, wide + np.array([0.2, 0.1])) == pytest.approx(
        0.1 * math.sqrt(2 * math.log(2)), rel=0.05
    )
    for shape in (circle, points):
        many = shape.sample(20_000, np.random.default_rng(0))
        assert shape.distance(many).max() < 1e-12
        assert np.bincount(shape.part(many), minlength=shape.parts) * shape.parts / 20_000 == pytest.approx(1, abs=0.2)


def test_the_decoder_of_the_vae_is_a_normal_density():
    model = claims_curve.MODELS["VAE"](torch.zeros(2), 0)
    with torch.no_grad():
        model.log_s.fill_(-0.7)
    z, x = torch.randn(2, 5, 2, generator=torch.Generator().manual_seed(0))
    expected = torch.distributions.Normal(model.decoder(z), math.exp(-0.7)).log_prob(x).sum(1)
    assert torch.allclose(model.log_p_x_given(z, x), expected, atol=1e-5)
    noise = model.samples(4_000, 1) - model.samples(4_000, 1, means=True)
    assert noise.std().item() == pytest.approx(math.exp(-0.7), rel=0.03)


def test_the_gaussian_rbm_walks_through_its_own_distribution():
    """Against all states of three hidden units: v given h is N(b + W h, s^2), and p(h) is a sum over eight terms."""
    model = claims_curve.GaussianRBMRecipe(hidden=3, s=0.8).start(torch.tensor([0.3, -0.2]), 0)
    rng = torch.Generator().manual_seed(1)
    model.W.copy_(torch.randn(2, 3, generator=rng) * 0.7)
    h = torch.tensor(list(itertools.product((0.0, 1.0), repeat=3)))
    mean = model.b + h @ model.W.T
    v = torch.randn(6, 2, generator=rng)
    minus_E = h @ model.c + (v @ model.W) @ h.T  # of each v with each h: (6, 8); what is the same for all h is left out
    assert torch.allclose(model.up(v), (minus_E / 0.8**2).softmax(1) @ h, atol=1e-5)
    log_p = (h @ model.c + mean.square().sum(1) / 2) / 0.8**2  # the Gaussian integral over v
    p = log_p.softmax(0)
    m = p @ mean
    second = (p[:, None] * mean).T @ mean + 0.8**2 * torch.eye(2)
    drawn = model.chain(400, 0, torch.zeros(100, 2), burn_in=100).flatten(0, 1)
    assert torch.allclose(drawn.mean(0), m, atol=0.06)
    assert torch.allclose(drawn.T @ drawn / len(drawn), second, atol=0.15)
    model.recipe = claims_curve.GaussianRBMRecipe(hidden=3, s=0.8, k=20, lr=0.1)
    before = model.W.clone()
    model.learn(drawn[torch.randperm(len(drawn), generator=rng)[:20_000]], rng)
    assert (model.W - before).abs().max() < 0.1 * 0.05  # data of the model's own: nothing to learn


def test_steps_to_cross_are_those_of_a_chain_that_is_run():
    w, rng = 0.6, np.random.default_rng(0)
    run = claims_curve.blur_and_mixing((w, 100.0))
    side, crossed = np.ones(4_000), 0
    for _ in range(200):
        v = side + w * rng.standard_normal(4_000)
        new = np.where(rng.random(4_000) < expit(2 * v / w**2), 1.0, -1.0)
        crossed += (new != side).sum()
        side = new
    assert run["steps"][0] == pytest.approx(200 * 4_000 / crossed, rel=0.03)
    assert run["steps"][1] == pytest.approx(2, abs=1e-3)
