"""Noise-contrastive estimation and score matching, against minimisers known in closed form and against quadrature."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from ganlib import DataError, RecipeError
from ganlib.densities import Gaussian, Mixture, Uniform
from ganlib.studies.nce import Bell, NCERecipe, Polynomial, fit, gradient, on_data, on_noise, signal_to_noise
from ganlib.theory import quadrature

pytestmark = pytest.mark.usefixtures("one_thread")

P = Gaussian(1.0, 0.5)
TRUE = (1.0, -math.log(0.25), (-math.log(0.25) - math.log(2 * math.pi)) / 2)  # mu, l and c = -log of the normaliser
TWO_HILLS = Mixture((Gaussian(-1.2, 0.6), Gaussian(1.2, 0.6)), (0.3, 0.7))


def last(steps):
    *_, step = steps
    return step


def expected_cost(recipe, theta, p_data):
    """The cost at the population level, by quadrature with its own logistic function: a float."""
    u, w = quadrature(p_data, recipe.noise)
    log_phi = recipe.family.log_phi(torch.tensor(theta, dtype=torch.float64), torch.tensor(u)).numpy()
    log_noise = np.log(recipe.nu * recipe.noise.pdf(u))
    total = np.logaddexp(log_phi, log_noise)
    return -(w * (p_data.pdf(u) * (log_phi - total) + recipe.nu * recipe.noise.pdf(u) * (log_noise - total))).sum()


def slopes(cost, theta):
    """Central differences of cost(theta): (p,)."""
    theta, h = np.array(theta), 1e-5
    return [(cost(theta + h * e) - cost(theta - h * e)) / (2 * h) for e in np.eye(len(theta))]


# -- noise-contrastive estimation -------------------------------------------------------------------------------------


@pytest.mark.parametrize("nu", [1, 4])
@pytest.mark.parametrize("noise", [Gaussian(0, 2), Gaussian(-1, 1)])
def test_its_gradient_vanishes_at_the_truth_with_c_the_log_of_the_constant(noise, nu):
    recipe = NCERecipe(noise=noise, nu=nu)
    at_truth, covariance = gradient(recipe, TRUE, P)
    assert at_truth.abs().max() < 1e-12 and covariance.trace() > 1e-4
    for move in 0.1 * np.eye(3):
        assert gradient(recipe, TRUE + move, P)[0].norm() > 1e-3


@pytest.mark.parametrize("family", [Bell((0.3, 0.2, -0.5)), Polynomial((0.1, -0.4, 0.05, -0.02, -0.7))])
@pytest.mark.parametrize("nu", [1, 3])
def test_its_gradient_is_that_of_the_cost_written_out(family, nu):
    recipe = NCERecipe(family, nu=nu)
    expected = slopes(lambda theta: expected_cost(recipe, theta, TWO_HILLS), family.start)
    assert gradient(recipe, family.start, TWO_HILLS)[0].tolist() == pytest.approx(expected, abs=1e-6)


def test_a_fit_finds_mean_variance_and_constant():
    """To the error that the draws of the noise leave."""
    x = P.sample(5000, np.random.default_rng(0))
    step = last(fit(x, NCERecipe(batch=None, nu=4, lr=0.2, steps=300)))
    assert step.gradient.norm() < 1e-3
    assert step.theta.tolist() == pytest.approx((x.mean(), -math.log(x.var()), TRUE[2]), abs=0.05)


def test_minibatches_lead_to_the_same_place():
    x = P.sample(20_000, np.random.default_rng(0))
    late = torch.stack([step.theta for step in fit(x, NCERecipe(steps=1500))])[500:]
    assert late.mean(0).tolist() == pytest.approx(TRUE, abs=0.06)


def test_signal_to_noise_is_that_of_minibatches_drawn():
    recipe, theta, rng = NCERecipe(nu=2, batch=20), torch.tensor([0.5, 0.5, -0.5]).double(), np.random.default_rng(0)
    x, y = torch.tensor(P.sample(40_000, rng)), torch.tensor(recipe.noise.sample(80_000, rng))
    free = theta.expand(2000, -1).clone().requires_grad_()  # a theta for each minibatch
    rows = free[:, None]
    cost = on_data(recipe, rows, x.view(2000, 20)).mean(1) + on_noise(recipe, rows, y.view(2000, 40)).mean(1)
    (drawn,) = torch.autograd.grad(cost.sum(), free)
    mean, covariance = gradient(recipe, theta, P, batch=20)
    assert (drawn.mean(0) - mean).norm() < 4 * (covariance.trace() / 2000).sqrt()
    assert torch.cov(drawn.T).numpy() == pytest.approx(covariance.numpy(), rel=0.1, abs=0.002)
    assert signal_to_noise(recipe, theta, P, 20) == pytest.approx((mean.norm() / covariance.trace().sqrt()).item())
    assert signal_to_noise(recipe, theta, P, 80) == pytest.approx(2 * signal_to_noise(recipe, theta, P, 20))


# -- score matching ---------------------------------------------------------------------------------------------------


def test_score_matching_of_a_gaussian_gives_the_sample_mean_and_variance():
    x = P.sample(500, np.random.default_rng(0))
    step = last(fit(x, NCERecipe(by="scores", batch=None, steps=600)))
    mu, l, c = step.theta.tolist()
    assert (mu, math.exp(-l)) == pytest.approx((x.mean(), x.var()), abs=1e-9)
    assert c == 0.0  # the constant plays no part


def test_score_matching_of_a_polynomial_solves_its_linear_system():
    """With t_k = x^k: A theta = -b, A = mean t' t'^T, b = mean t''."""
    x = TWO_HILLS.sample(500, np.random.default_rng(0))
    k = np.arange(1, 5)
    t1, t2 = k * x[:, None] ** (k - 1), k * (k - 1) * x[:, None] ** np.maximum(k - 2, 0)
    best = np.linalg.solve(t1.T @ t1, -t2.sum(0))
    step = next(fit(x, NCERecipe(Polynomial((*best, 0.0)), by="scores", batch=None)))
    assert step.gradient.abs().max() < 1e-10
    assert step.cost == pytest.approx((t2 @ best + (t1 @ best) ** 2 / 2).mean())


@pytest.mark.parametrize("family", [Bell((0.3, 0.2, -0.5)), Polynomial((0.1, -0.4, 0.05, -0.02, -0.7))])
def test_its_objective_is_the_distance_of_scores_up_to_a_constant(family):
    """Theorem 1: E [psi' + psi^2 / 2] = E (psi - psi_data)^2 / 2 - E psi_data^2 / 2, by quadrature."""
    u, w = (torch.tensor(a) for a in quadrature(TWO_HILLS, order=40))
    p = torch.tensor(TWO_HILLS.pdf(u.numpy()))
    theta, h = torch.tensor(family.start, dtype=torch.float64), 1e-5
    found = w * p @ on_data(NCERecipe(family, by="scores"), theta, u)
    psi = (family.log_phi(theta, u + h) - family.log_phi(theta, u - h)) / (2 * h)
    data = torch.tensor(np.log(TWO_HILLS.pdf(u.numpy() + h) / TWO_HILLS.pdf(u.numpy() - h)) / (2 * h))
    assert found.item() == pytest.approx((w * p @ ((psi - data).square() - data.square()) / 2).item(), abs=1e-7)


# -- the rest ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "bad",
    [{"by": "luck"}, {"nu": 0}, {"lr": 0.0}, {"lr": math.nan}, {"batch": 0}, {"steps": -1}],
)
def test_a_recipe_that_makes_no_sense(bad):
    with pytest.raises(RecipeError, match=next(iter(bad))):
        replace(NCERecipe(), **bad)


@pytest.mark.parametrize("bad", [[], [[1.0]], [math.nan], 1.0, "hat"])
def test_data_that_are_no_row_of_numbers(bad):
    with pytest.raises(DataError, match="row of finite numbers"):
        next(fit(bad, NCERecipe()))


def test_noise_that_does_not_reach_the_data():
    with pytest.raises(DataError, match="noise has no density"):
        next(fit([0.5, 3.0], NCERecipe(noise=Uniform(-1, 1))))


def test_a_seed_repeats_a_fit():
    a, b, c = (last(fit([0.0, 1.0, 3.0], NCERecipe(steps=5, batch=2), seed)).theta for seed in (1, 1, 2))
    assert torch.equal(a, b) and not torch.equal(a, c)
