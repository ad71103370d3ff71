"""Section 4 by numbers: the constants, the identities and the bounds, against scipy, mpmath and autograd."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import torch
from scipy import integrate, stats
from scipy.special import expit, ndtr, xlogy

from ganlib import RecipeError, theory
from ganlib.densities import Drawn, Gaussian, Mixture, Pushforward, Uniform, relu_line
from ganlib.theory import JSD, KL, MINUS_LOG_4, C, D_star, U, V, dirac_gan, expectation, multiplicative_step, quadrature

ROOT_3 = math.sqrt(3)
STANDARD = Gaussian(0, 1)
JSD_OF_THE_PAPERS_LIST = {  # N(0, 1) and N(m, s): the digits of the list, and those of 30-digit arithmetic
    (0.5, 1): (0.030311300521, 0.03031130052083898),
    (1, 1): (0.111421482184, 0.1114214821847362),
    (2, 1): (0.336830820346, 0.3368308203468316),
    (4, 1): (0.632720193735, 0.632720193736867),
    (8, 1): (0.693053645481, 0.6930536454829199),
    (0, 2): (0.092733381666, 0.09273338166641253),
}


def random_G(seed, p_z="uniform"):
    """p_g of a random net of rectifiers in one dimension."""
    rng = np.random.default_rng(seed)
    layers = [(rng.normal(size=(n, m)), rng.normal(size=n)) for m, n in ((1, 7), (7, 5), (5, 1))]
    return Pushforward(*relu_line(layers, p_z), p_z)


HALF_FLAT = Pushforward([-ROOT_3, 0, ROOT_3], [0.0, 0, 2])
"""Half of its mass on x = 0, the rest even over (0, 2)."""
DENSITIES = {
    "gaussian": STANDARD,
    "narrow": Gaussian(1, 0.05),
    "uniform": Uniform(-1.5, 2),
    "mixture": Mixture((Gaussian(-2, 0.3), Gaussian(1.5, 0.5)), (1, 2)),
    "drawn": Drawn([-2, -1, 0, 2, 3], [0, 3, 0.5, 1, 0]),
    "p_g": random_G(0),
    "p_g normal": random_G(1, "normal"),
    "atom": HALF_FLAT,
}
PAIRS = [(a, b) for a in DENSITIES for b in DENSITIES if a < b]


def by_quad(f, *densities):
    """scipy's adaptive quadrature of f, piece by piece between the knots."""
    knots = np.unique(np.concatenate([p.knots for p in densities]))
    return math.fsum(
        integrate.quad(lambda x: float(f(x)), a, b, epsabs=1e-13, epsrel=1e-13)[0]
        for a, b in itertools.pairwise(knots)
        if b - a > 1e-12
    )


# -- the numbers ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("m", "s"), JSD_OF_THE_PAPERS_LIST)
def test_the_constants_of_the_jensen_shannon_divergence(m, s):
    printed, exact = JSD_OF_THE_PAPERS_LIST[m, s]
    assert JSD(STANDARD, Gaussian(m, s)) == pytest.approx(exact, abs=1e-13)
    assert JSD(Gaussian(m, s), STANDARD) == pytest.approx(exact, abs=1e-13)
    assert exact == pytest.approx(printed, abs=3e-12)


@pytest.mark.parametrize(("m", "s"), [(2, 1), (0, 2)])
def test_the_constants_by_30_digits(m, s):
    mpmath = pytest.importorskip("mpmath")
    with mpmath.workdps(30):

        def integrand(x):
            p, q = mpmath.npdf(x), mpmath.npdf(x, m, s)
            return (p * mpmath.log(2 * p / (p + q)) + q * mpmath.log(2 * q / (p + q))) / 2

        exact = mpmath.quad(integrand, list(range(-20, 23)))
        assert JSD(STANDARD, Gaussian(m, s)) == pytest.approx(float(exact), abs=1e-15)


def test_the_minimum_is_minus_log_4():
    assert MINUS_LOG_4 == pytest.approx(-1.386294361119890618834464, abs=1e-15)


# -- V, D* and C ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("p", DENSITIES.values(), ids=DENSITIES)
def test_at_the_data_V_is_minus_log_4_and_D_is_one_half(p):
    """Also for a density with an atom, met by an equal one."""
    same = Mixture((p, p)) if p is not HALF_FLAT else p
    assert V(lambda x: 0.5, p, same) == pytest.approx(MINUS_LOG_4, abs=1e-12)
    assert V(D_star(p, same), p, same) == pytest.approx(MINUS_LOG_4, abs=1e-12)
    assert V(lambda x: 0.0, p, same, logit=True) == pytest.approx(MINUS_LOG_4, abs=1e-12)
    assert C(p, same) == pytest.approx(MINUS_LOG_4, abs=1e-12)
    assert JSD(p, same) == pytest.approx(0, abs=1e-12) and JSD(p, p) == 0
    assert KL(p, same) == pytest.approx(0, abs=1e-12)
    assert theory.total_variation(p, same) == pytest.approx(0, abs=1e-12)
    assert np.abs(D_star(p, same)(np.linspace(-1, 1, 7)) - 0.5).max() < 1e-15


@pytest.mark.parametrize(("a", "b"), PAIRS)
def test_every_line_of_the_derivation(a, b):
    """Eq. 4 to 6: C = V(D*) = -log 4 + KL + KL = -log 4 + 2 JSD, whatever the two densities."""
    p, g = DENSITIES[a], DENSITIES[b]
    found = C(p, g)
    assert V(D_star(p, g), p, g) == pytest.approx(found, abs=1e-12)
    assert MINUS_LOG_4 + 2 * JSD(p, g) == pytest.approx(found, abs=1e-12)
    if HALF_FLAT not in (p, g):  # a mixture forgets atoms
        half = Mixture((p, g))
        assert MINUS_LOG_4 + KL(p, half) + KL(g, half) == pytest.approx(found, abs=1e-10)
    assert MINUS_LOG_4 <= found <= 0 and 0 <= JSD(p, g) <= math.log(2)
    assert JSD(p, g) == pytest.approx(JSD(g, p), abs=1e-14)


@pytest.mark.parametrize(("a", "b"), PAIRS[::2])
def test_C_by_another_quadrature(a, b):
    p, g = DENSITIES[a], DENSITIES[b]

    def integrand(x):
        P, G = float(p.pdf(x)), float(g.pdf(x))
        return (xlogy(P, P / (P + G)) + xlogy(G, G / (P + G))) if P + G > 0 else 0.0

    assert C(p, g) == pytest.approx(by_quad(integrand, p, g), abs=1e-9)


def test_V_C_and_JSD_together():
    rng = np.random.default_rng(0)
    for a, b in PAIRS:
        p, g = DENSITIES[a], DENSITIES[b]
        slope, shift = rng.normal(0, 2, 2)
        for order, tolerance in ((6, 1e-6), (20, 1e-12)):
            value, c, jsd = theory.V_C_JSD(lambda x: slope * x + shift, p, g, order=order)  # noqa: B023
            assert value == pytest.approx(V(lambda x: slope * x + shift, p, g, logit=True), abs=tolerance)  # noqa: B023
            assert c == pytest.approx(C(p, g), abs=tolerance) and jsd == pytest.approx(JSD(p, g), abs=tolerance)
            assert value <= c


def test_no_D_does_better_than_D_star():
    rng = np.random.default_rng(1)
    for a, b in PAIRS:
        p, g = DENSITIES[a], DENSITIES[b]
        best, star = C(p, g), D_star(p, g)
        for _ in range(5):
            w = rng.normal(size=(3, 4))

            def logit(x, w=w):
                return (np.tanh(np.asarray(x)[..., None] * w[0] + w[1]) * w[2] * 3).sum(-1)

            assert V(logit, p, g, logit=True) <= best + 1e-12
            # and a step away from D* in any direction loses
            moved = V(lambda x, f=logit, star=star: np.clip(star(x) + 0.01 * np.sin(f(x)), 1e-9, 1 - 1e-9), p, g)
            assert moved < best


def test_D_star_is_the_maximiser_at_every_point():
    """a log y + b log(1 - y), on a fine grid of y: Proposition 1."""
    p, g = Gaussian(0, 1), Gaussian(1, 0.5)
    y = np.linspace(0, 1, 100_001)[1:-1]
    for x in np.linspace(-2, 3, 11):
        a, b = float(p.pdf(x)), float(g.pdf(x))
        assert D_star(p, g)(x) == pytest.approx(y[np.argmax(a * np.log(y) + b * np.log(1 - y))], abs=2e-5)
        assert D_star(p, g)(x) == pytest.approx(a / (a + b), abs=1e-15)


def test_D_star_at_the_edges():
    star = D_star(Uniform(0, 1), Uniform(2, 3))
    assert star([0.5, 2.5, 1.5, -9]).tolist() == [1, 0, 0.5, 0.5]
    assert star(np.zeros((2, 3))).shape == (2, 3)
    at_the_atom = D_star(STANDARD, HALF_FLAT)
    assert at_the_atom([0.0, -1.0]).tolist() == [0, 1] and 0 < at_the_atom(1e-9) < 1
    assert D_star(HALF_FLAT, STANDARD)(0.0) == 1
    assert D_star(HALF_FLAT, HALF_FLAT)([0.0, 1.0]).tolist() == [0.5, 0.5]
    assert V(lambda x: np.zeros_like(x), STANDARD, STANDARD) == -math.inf


def test_D_as_probabilities_that_round_to_1():
    """Where p_g is 1e-17 of p_data D* rounds to 1: that must not cost log 0. Nor may logits pass for probabilities."""
    p, g = Uniform(0, 1), Mixture((Uniform(0, 1), Uniform(2, 3)), (1e-17, 1))
    assert D_star(p, g)(0.5) == 1
    assert V(D_star(p, g), p, g) == pytest.approx(0, abs=1e-15)
    for wrong in (1.5, -0.1):
        with pytest.raises(RecipeError, match=r"outside \[0, 1\]; if they are logits, say logit=True"):
            V(lambda x, wrong=wrong: np.full_like(x, wrong), p, g)
        with pytest.raises(RecipeError, match="outside"):
            U(np.ones(1), np.array([wrong]), np.ones(1), np.ones(1))


def test_a_logit_is_exact_where_D_has_no_digits_left():
    """D = 1 - 1e-40 is 1 in floating point; its logit is not."""
    a = 40 * math.log(10)
    found = V(lambda x: np.full_like(x, a), STANDARD, STANDARD, logit=True)
    assert found == pytest.approx(-a, rel=1e-14)


def test_V_is_a_mean_over_samples():
    p, g = Mixture((Gaussian(-1, 0.4), Gaussian(2, 0.7))), random_G(3)
    rng = np.random.default_rng(0)
    n = 400_000
    on_data, on_fakes = -np.logaddexp(0, 1 - p.sample(n, rng)), -np.logaddexp(0, g.sample(n, rng) - 1)
    error = math.hypot(on_data.std(), on_fakes.std()) / math.sqrt(n)
    assert V(lambda x: x - 1, p, g, logit=True) == pytest.approx(on_data.mean() + on_fakes.mean(), abs=4 * error)


def test_expectations_with_atoms_and_plain_numbers():
    assert expectation(lambda x: x, HALF_FLAT) == pytest.approx(0.5, abs=1e-14)
    assert expectation(lambda x: (x + 1) ** 2, HALF_FLAT) == pytest.approx(0.5 + 26 / 3 / 4, abs=1e-14)
    assert expectation(lambda x: 3.0, HALF_FLAT) == pytest.approx(3, abs=1e-14)
    dead = Pushforward([-ROOT_3, ROOT_3], [0.7, 0.7])
    assert expectation(lambda x: x, dead) == pytest.approx(0.7, abs=1e-15)
    assert V(lambda x: 0.5, STANDARD, dead) == pytest.approx(MINUS_LOG_4, abs=1e-12)
    assert JSD(STANDARD, dead) == pytest.approx(math.log(2), abs=1e-15) and C(STANDARD, dead) == pytest.approx(
        0, abs=1e-15
    )


# -- divergences ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("m", "s"), [(0, 1), (0.5, 1), (3, 2), (1, 0.3), (-2, 0.05), (8, 1), (40, 1), (0, 20)])
def test_KL_of_gaussians_in_closed_form(m, s):
    """Also where one of the two densities is below the smallest float."""
    p, q = STANDARD, Gaussian(m, s)
    for a, b in ((p, q), (q, p)):
        exact = math.log(b.std / a.std) + (a.std**2 + (a.mean - b.mean) ** 2) / (2 * b.std**2) - 0.5
        assert KL(a, b) == pytest.approx(exact, rel=1e-12, abs=1e-13)


def test_KL_is_infinite_where_the_second_has_no_mass():
    assert KL(Uniform(0, 2), Uniform(0, 1)) == math.inf
    assert KL(Uniform(0, 1), Uniform(0, 2)) == pytest.approx(math.log(2), abs=1e-15)
    assert KL(STANDARD, Uniform(-9, 9)) == math.inf
    assert KL(HALF_FLAT, STANDARD) == math.inf, "an atom has mass where the other has none"
    assert KL(HALF_FLAT, HALF_FLAT) == 0
    assert KL(Uniform(0, 2), HALF_FLAT) == pytest.approx(math.log(2), abs=1e-14)
    twice = Pushforward([-ROOT_3, ROOT_3 / 2, ROOT_3], [0.0, 0, 2])  # 3/4 on the atom
    assert KL(HALF_FLAT, twice) == pytest.approx(0.5 * math.log(2 / 3) + 0.5 * math.log(2), abs=1e-14)
    assert JSD(HALF_FLAT, twice) == pytest.approx(stats_jsd([0.5, 0.5], [0.75, 0.25]), abs=1e-14)
    assert theory.total_variation(HALF_FLAT, twice) == pytest.approx(0.25, abs=1e-14)


def stats_jsd(p, q):
    """The JSD of two lists of probabilities, by scipy's entropy."""
    m = (np.array(p) + q) / 2
    return (stats.entropy(p, m) + stats.entropy(q, m)) / 2


def test_KL_with_a_drawn_density_that_sinks_to_zero():
    """KL(U(0, 1) || triangle on (0, 1)) = -integral log 2x = 1 - log 2: log q runs off to -infinity at 0."""
    assert KL(Uniform(0, 1), Drawn([0, 1], [0, 1])) == pytest.approx(1 - math.log(2), abs=1e-10)
    triangle = Drawn([0, 1], [0, 1])  # JSD: integral of 2x log x and of (1 + 2x)/2 log((1 + 2x)/2)
    exact = (by_quad(lambda x: xlogy(2 * x, 2 * x) - xlogy(1 + 2 * x, (1 + 2 * x) / 2), triangle)) / 2
    assert JSD(Uniform(0, 1), triangle) == pytest.approx(exact, abs=1e-12)


def test_nats_not_bits():
    assert JSD(Uniform(0, 1), Uniform(2, 3)) == pytest.approx(math.log(2), abs=1e-15)
    assert C(Uniform(0, 1), Uniform(2, 3)) == pytest.approx(0, abs=1e-15)
    assert JSD(Uniform(0, 1), Uniform(1, 2)) == pytest.approx(math.log(2), abs=1e-15), "touching is disjoint"
    assert JSD(Uniform(0, 1), Uniform(0, 2)) == pytest.approx(stats_jsd([1, 0], [0.5, 0.5]), abs=1e-15)
    assert JSD(STANDARD, Gaussian(200, 1)) == pytest.approx(math.log(2), abs=1e-15)


def test_total_variation():
    assert theory.total_variation(Uniform(0, 1), Uniform(0.25, 1.25)) == pytest.approx(0.25, abs=1e-15)
    assert theory.total_variation(Uniform(0, 1), Uniform(2, 3)) == pytest.approx(1, abs=1e-15)
    for m in (0.5, 1, 2, 3.7):
        exact = 2 * ndtr(m / 2) - 1
        assert theory.total_variation(STANDARD, Gaussian(m, 1)) == pytest.approx(exact, abs=2e-4)
        assert theory.total_variation(STANDARD, Gaussian(m, 1), order=400) == pytest.approx(exact, abs=1e-6)


def test_the_surface_of_C_has_its_minimum_at_the_data():
    m, s = np.linspace(-1, 1, 9), np.linspace(0.5, 1.5, 5)
    surface = np.array([[C(STANDARD, Gaussian(a, b)) for b in s] for a in m])
    assert np.unravel_index(surface.argmin(), surface.shape) == (4, 2)
    assert surface.min() == pytest.approx(MINUS_LOG_4, abs=1e-14)
    assert np.sort(surface.ravel())[1] > MINUS_LOG_4 + 1e-3


# -- the two gradients of G at D* -------------------------------------------------------------------------------------


@pytest.mark.parametrize("mu", [-3.0, -0.5, 0.1, 1.0, 2.5])
def test_saturating_and_non_saturating_add_up_to_mu(mu):
    """p_data = N(0, 1), p_g = N(mu, 1), D* held fixed: together the gradient of KL(p_g || p_data), mu^2/2."""
    p_g = Gaussian(mu, 1)
    star, not_star = D_star(STANDARD, p_g), D_star(p_g, STANDARD)  # 1 - D* with all its digits
    # x = mu + z: d/dmu E f(x) = E f'(x) = E f(x) (x - mu), for the Gaussian, with D* held fixed
    saturating = expectation(lambda x: np.log(not_star(x)) * (x - mu), p_g, STANDARD)
    non_saturating = expectation(lambda x: -np.log(star(x)) * (x - mu), p_g, STANDARD)
    assert saturating + non_saturating == pytest.approx(mu, abs=1e-12)
    # the logit of D* is mu^2/2 - mu x: so the slopes of both costs are known, and can be integrated by another rule
    by_slopes = by_quad(lambda x: mu * expit(mu * mu / 2 - mu * x) * p_g.pdf(x), p_g)
    assert saturating == pytest.approx(by_slopes, abs=1e-10)
    if abs(mu) > 2:
        assert abs(saturating) < 0.2 * abs(non_saturating), "why early learning needs the second"


@pytest.mark.parametrize("mu", [-3.0, 0.1, 2.5])
def test_saturating_and_non_saturating_by_autograd(mu):
    x, w = (torch.tensor(t) for t in quadrature(Gaussian(0, 1)))
    weight = w * torch.exp(-x * x / 2) / math.sqrt(2 * math.pi)  # E over z
    m = torch.tensor(mu, dtype=torch.float64, requires_grad=True)
    a = mu * mu / 2 - mu * (m + x)  # D*'s logit at G(z) = m + z; its own mu stays fixed
    log_D, log_not_D = torch.nn.functional.logsigmoid(a), torch.nn.functional.logsigmoid(-a)
    (saturating,) = torch.autograd.grad(weight @ log_not_D, m, retain_graph=True)
    (non_saturating,) = torch.autograd.grad(-(weight @ log_D), m)
    assert (saturating + non_saturating).item() == pytest.approx(mu, abs=1e-12)
    step = 1e-5
    slope = (KL(Gaussian(mu + step, 1), STANDARD) - KL(Gaussian(mu - step, 1), STANDARD)) / (2 * step)
    assert slope == pytest.approx(mu, abs=1e-8)
    # while the derivative of C itself, in which D* follows, is the saturating gradient: the supremum's (Prop. 2)
    slope = (C(STANDARD, Gaussian(mu + step, 1)) - C(STANDARD, Gaussian(mu - step, 1))) / (2 * step)
    assert slope == pytest.approx(saturating.item(), abs=1e-8)


# -- Proposition 2 ----------------------------------------------------------------------------------------------------


def on_nodes(p, g):
    x, w = quadrature(p, g)
    return p.pdf(x), g.pdf(x), w


def jsd_on_nodes(p, g, w):
    m = (p + g) / 2
    return float(w @ (xlogy(p, p / m) + xlogy(g, g / m))) / 2


@pytest.mark.parametrize(
    "g", [Gaussian(1, 0.5), Uniform(-1, 4), Gaussian(6, 1), random_G(2)], ids=["near", "uniform", "far", "p_g"]
)
def test_a_full_multiplicative_step_halves_the_total_variation(g):
    p, q, w = on_nodes(STANDARD, g)
    for _ in range(20):
        after = multiplicative_step(p, q, w)
        assert np.abs(after - (p + q) / 2).max() < 1e-12 * q.max()
        assert (w @ np.abs(p - after)) == pytest.approx((w @ np.abs(p - q)) / 2, abs=1e-12)
        assert w @ after == pytest.approx(1, abs=1e-13)
        q = after
    assert jsd_on_nodes(p, q, w) < 2**-20


@pytest.mark.parametrize("step", [0.05, 0.3, 0.9])
def test_smaller_steps_go_down_too(step):
    p, q, w = on_nodes(STANDARD, Gaussian(1, 0.7))
    for _ in range(30):
        after = multiplicative_step(p, q, w, step)
        by_definition = q * np.exp(-step * np.log(q / (p + q)))  # 1 - D*
        assert np.abs(after - by_definition / (w @ by_definition)).max() < 1e-12
        assert w @ after == pytest.approx(1, abs=1e-13)
        assert jsd_on_nodes(p, after, w) < jsd_on_nodes(p, q, w)
        q = after


@pytest.mark.parametrize("step", [0, -0.1, 1.01, math.nan, math.inf])
def test_a_step_outside_0_to_1_is_refused(step):
    with pytest.raises(RecipeError, match=r"step is .*; it must be a finite number above 0, at most 1"):
        multiplicative_step(np.ones(2) / 2, np.ones(2) / 2, np.ones(2), step)


def test_U_is_linear_in_p_g():
    p, q, w = on_nodes(STANDARD, Gaussian(1, 0.5))
    r = Gaussian(-1, 2).pdf(quadrature(STANDARD, Gaussian(1, 0.5))[0])
    D = 0.1 + 0.8 * p / (p + q)
    for t in (-0.5, 0.0, 0.3, 1.0, 1.7):
        mixed = (1 - t) * U(q, D, p, w) + t * U(r, D, p, w)
        assert U((1 - t) * q + t * r, D, p, w) == pytest.approx(mixed, abs=1e-13)
    assert U(q, D, p, w) == pytest.approx(w @ (p * np.log(D) + q * np.log(1 - D)), abs=1e-14)
    assert U(q, p / (p + q), p, w) == pytest.approx(C(STANDARD, Gaussian(1, 0.5)), abs=1e-13)


def test_U_where_D_is_certain():
    """Disjoint densities: D* is 1 on the data and 0 on the fakes, and U = C = 0; a wrong certainty costs much."""
    p, g, w = np.array([1.0, 0]), np.array([0.0, 1]), np.ones(2)
    assert U(g, np.array([1.0, 0]), p, w) == 0
    assert U(g, np.array([1.0, 1]), p, w) == pytest.approx(-53 * math.log(2)), "as far as a probability reaches"


def test_the_derivative_at_D_star_is_a_subgradient_of_C():
    """C(r) >= C(q) + <log(1 - D*_q), r - q> for all r, with equality to first order along any line."""
    p, q, w = on_nodes(STANDARD, Gaussian(1, 0.8))
    x = quadrature(STANDARD, Gaussian(1, 0.8))[0]

    def best(g):
        return U(g, p / (p + g), p, w)

    slope = np.log(q / (p + q))  # log(1 - D*)
    rng = np.random.default_rng(0)
    for _ in range(20):
        r = Gaussian(rng.normal(0, 2), rng.uniform(0.5, 3)).pdf(x)
        assert best(r) >= best(q) + w @ (slope * (r - q)) - 1e-13
        near = Gaussian(rng.normal(1, 0.1), rng.uniform(0.3, 0.6)).pdf(x)  # never many times q
        tiny = 1e-4
        excess = best(q + tiny * (near - q)) - best(q) - tiny * (w @ (slope * (near - q)))
        assert -1e-13 < excess < 10 * tiny**2


# -- the Dirac-GAN ----------------------------------------------------------------------------------------------------


def test_simultaneous_steps_spiral_out_by_the_exact_factor():
    for step in (0.05, 0.2, 1.0):
        path = dirac_gan(200, step=step)
        theta, psi = path[:-1].T
        grown = (path[1:] ** 2).sum(1) / (path[:-1] ** 2).sum(1)
        assert np.abs(grown / (1 + (step * expit(psi * theta)) ** 2) - 1).max() < 1e-14
    near = dirac_gan(10, start=(1e-4, 0.0))
    factor = np.linalg.norm(near[1:], axis=1) / np.linalg.norm(near[:-1], axis=1)
    assert factor == pytest.approx(np.full(10, math.sqrt(1 + 0.2**2 / 4)), abs=1e-9)
    assert math.sqrt(1 + 0.2**2 / 4) == pytest.approx(1.004988, abs=5e-7)
    assert np.linalg.norm(dirac_gan(3_000)[-1]) > 4


@pytest.mark.parametrize("cost", ["minimax", "non-saturating"])
@pytest.mark.parametrize("update", ["simultaneous", "alternating"])
@pytest.mark.parametrize("gamma", [0.0, 0.7])
def test_the_steps_are_those_of_autograd(update, cost, gamma):
    """V and the two costs written with log and sigmoid, their gradients by autograd."""
    path = dirac_gan(25, step=0.3, update=update, cost=cost, gamma=gamma, start=(0.8, -0.4))
    theta, psi = (torch.tensor(t, dtype=torch.float64, requires_grad=True) for t in (0.8, -0.4))
    for row in path:
        assert [theta.item(), psi.item()] == pytest.approx(row.tolist(), abs=1e-12)

        def D(x, psi=psi):
            return torch.sigmoid(psi * x)

        # R1: gamma/2 E_data |dD's logit/dx|^2, which is psi^2
        gain = torch.log(D(0 * theta.detach())) + torch.log(1 - D(theta.detach())) - gamma / 2 * psi**2
        (up,) = torch.autograd.grad(gain, psi)
        new = (psi + 0.3 * up).detach().requires_grad_()
        seen = D(theta, psi.detach() if update == "simultaneous" else new.detach())
        (down,) = torch.autograd.grad(torch.log(1 - seen) if cost == "minimax" else -torch.log(seen), theta)
        theta, psi = (theta - 0.3 * down).detach().requires_grad_(), new


def test_alternating_steps_orbit():
    orbit = np.linalg.norm(dirac_gan(20_000, update="alternating"), axis=1)
    assert 0.5 < orbit.min() and orbit.max() < 1.6
    assert orbit[-2_000:].max() == pytest.approx(orbit[:2_000].max(), rel=0.02), "neither in nor out"
    # with the other cost they creep in, slower and slower: d/dt |.|^2 = -2 theta psi tanh(theta psi / 2)
    creeping = np.linalg.norm(dirac_gan(20_000, update="alternating", cost="non-saturating"), axis=1)
    assert creeping.max() < 1.1 and 0.001 < creeping[-500:].max() < 0.1


@pytest.mark.parametrize("update", ["simultaneous", "alternating"])
@pytest.mark.parametrize("cost", ["minimax", "non-saturating"])
def test_with_the_R1_penalty_they_converge(cost, update):
    assert np.linalg.norm(dirac_gan(2_000, update=update, cost=cost, gamma=1.0)[-1]) < 1e-10


def test_the_path_starts_where_it_is_told():
    assert dirac_gan(0).tolist() == [[1.0, 0.0]]
    assert dirac_gan(3, start=(0.0, 0.0)).tolist() == [[0.0, 0.0]] * 4, "the equilibrium"
    assert dirac_gan(5).shape == (6, 2)
    for wrong, said in (({"update": "both"}, "unknown update 'both'"), ({"cost": "least"}, "unknown generator cost")):
        with pytest.raises(RecipeError, match=said):
            dirac_gan(3, **wrong)
    with pytest.raises(RecipeError, match="n is -1"):
        dirac_gan(-1)
