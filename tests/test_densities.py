"""Densities against their integrals, their samples and scipy; the exact p_g against its net on a fine grid of z."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import torch
from scipy import integrate, stats

from ganlib import RecipeError, game
from ganlib.densities import (
    PRIOR_REACH,
    Drawn,
    Gaussian,
    Mixture,
    Modes,
    Pushforward,
    Uniform,
    grid,
    log_pdf,
    prior_cdf,
    prior_pdf,
    relu_line,
    ring,
)

ROOT_3 = math.sqrt(3)
N = 1_000_000
KOLMOGOROV = 1.95 / math.sqrt(N)
"""A sample of a million is further off than this in one case of a thousand."""


def net(rng, widths=(1, 9, 7, 1), scale=1.0):
    """A random net of rectifiers, as `relu_line` takes it: weights and biases from z up."""
    return [(scale * rng.normal(size=(n, m)), scale * rng.normal(size=n)) for m, n in itertools.pairwise(widths)]


def run(layers, z):
    """The net itself, unit by unit: z (n,) -> x (n,)."""
    h = np.asarray(z, float)[:, None]
    for i, (weight, bias) in enumerate(layers):
        h = np.stack([sum(w * h[:, j] for j, w in enumerate(row)) + b for row, b in zip(weight, bias)], 1)
        if i < len(layers) - 1:
            h = h * (h > 0)
    return h[:, 0]


def area(p, low=-math.inf, high=math.inf):
    """The integral of the pdf from low to high, 40 nodes to each stretch between knots (numpy's own rule)."""
    knots = np.unique(np.clip(np.append(p.knots, [low, high]), p.knots[0], p.knots[-1]))
    knots = knots[(knots >= low) & (knots <= high)]
    t, w = np.polynomial.legendre.leggauss(40)
    middle, half = (knots[1:] + knots[:-1])[:, None] / 2, np.diff(knots)[:, None] / 2
    return float((half * w * p.pdf(middle + half * t)).sum())


def distance_of_a_sample(p, cdf, seed=0):
    """The largest difference of a million draws' distribution function from `cdf`, at 400 points."""
    x = np.sort(p.sample(N, np.random.default_rng(seed)))
    at = np.concatenate([x[:: N // 200], np.linspace(p.knots[0], p.knots[-1], 200)])
    return np.abs(np.searchsorted(x, at, side="right") / N - cdf(at)).max()


SMOOTH = {
    "gaussian": Gaussian(0.7, 0.2),
    "uniform": Uniform(-3, 0.5),
    "mixture": Mixture((Gaussian(-2, 0.1), Uniform(0, 1), Gaussian(3, 2)), (1, 2, 5)),
    "equal mixture": Mixture((Gaussian(-1, 0.3), Gaussian(1, 0.3))),
    "drawn": Drawn([-2, -1, 0, 0.5, 4], [0, 3, 0, 0, 1]),
    "drawn steep": Drawn([0, 1e-6, 1, 2], [1e-9, 1e9, 1, 0]),
}


# -- densities given by a formula -------------------------------------------------------------------------------------


@pytest.mark.parametrize("p", SMOOTH.values(), ids=SMOOTH)
def test_a_density_integrates_to_one_between_its_knots(p):
    assert area(p) == pytest.approx(1, abs=1e-12)
    assert np.all(np.diff(p.knots) > 0) and np.isfinite(p.knots).all()
    assert p.pdf(p.knots[[0, -1]] + [-1e-3, 1e-3]).max() < 1e-30, "no mass outside its knots"
    assert p.pdf(np.zeros((2, 3))).shape == (2, 3) and np.shape(p.pdf(0.3)) == ()


@pytest.mark.parametrize("p", SMOOTH.values(), ids=SMOOTH)
def test_a_large_sample_has_the_density(p):
    x = np.unique(np.concatenate([np.linspace(a, b, 200) for a, b in zip(p.knots[:-1], p.knots[1:])]))
    cdf = np.concatenate([[0], np.cumsum(np.diff(x) * p.pdf((x[1:] + x[:-1]) / 2))])
    assert cdf[-1] == pytest.approx(1, abs=1e-4)
    assert distance_of_a_sample(p, lambda at: np.interp(at, x, cdf)) < KOLMOGOROV


def test_the_formulas_are_those_of_scipy():
    x = np.linspace(-4, 6, 101)
    assert np.abs(Gaussian(0.7, 0.2).pdf(x) - stats.norm(0.7, 0.2).pdf(x)).max() < 1e-14
    assert np.abs(Uniform(-3, 0.5).pdf(x) - stats.uniform(-3, 3.5).pdf(x)).max() < 1e-15
    parts = stats.norm(-2, 0.1).pdf(x) / 8 + stats.uniform(0, 1).pdf(x) / 4 + stats.norm(3, 2).pdf(x) * 5 / 8
    assert np.abs(SMOOTH["mixture"].pdf(x) - parts).max() < 1e-14
    triangle = Drawn([-1, 1, 2], [0, 7, 0])  # the scale of the heights is forgotten
    assert np.abs(triangle.pdf(x) - stats.triang(2 / 3, -1, 3).pdf(x)).max() < 1e-14


@pytest.mark.parametrize("p", SMOOTH.values(), ids=SMOOTH)
def test_log_pdf_is_the_logarithm(p):
    x = np.linspace(-5, 6, 300)
    with np.errstate(divide="ignore"):
        expected = np.log(p.pdf(x))
    seen = p.pdf(x) > 1e-290
    assert np.abs(log_pdf(p, x)[seen] - expected[seen]).max() < 1e-12
    assert np.all(log_pdf(p, x)[~seen] < -660)


def test_log_pdf_of_a_gaussian_reaches_below_the_smallest_float():
    assert log_pdf(Gaussian(1, 0.1), 101.0) == pytest.approx(
        -500_000 - math.log(0.1 * math.sqrt(2 * math.pi)), rel=1e-15
    )
    two = Mixture((Gaussian(0, 1), Gaussian(0, 0.01)), (0, 1))
    assert log_pdf(two, 3.0) == pytest.approx(float(log_pdf(Gaussian(0, 0.01), 3.0)))


def test_a_drawn_density_that_starts_at_its_highest_and_one_with_a_gap():
    falling = Drawn([0, 1], [2, 0])
    assert falling.pdf([0, 0.25, 1, -0.1, 1.1]).tolist() == pytest.approx([2, 1.5, 0, 0, 0])
    gap = Drawn([0, 1, 2, 3, 4], [1, 0, 0, 0, 1]).sample(10_000, np.random.default_rng(0))
    assert not ((gap > 1.001) & (gap < 2.999)).any() and 0.48 < (gap < 2).mean() < 0.52


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: Gaussian(0, 0), "Gaussian's std is 0; it must be a finite number from 1e-100"),
        (lambda: Gaussian(0, -1), "std is -1"),
        (lambda: Gaussian(0, math.nan), "std is nan"),
        (lambda: Gaussian(math.inf, 1), "mean is inf"),
        (lambda: Uniform(1, 1), "is empty"),
        (lambda: Uniform(2, 1), "low must be below high"),
        (lambda: Uniform(0, math.inf), "high is inf"),
        (lambda: Uniform(math.nan, 1), "low is nan"),
        (lambda: Mixture(()), "0 parts"),
        (lambda: Mixture((Gaussian(),), (1, 2)), "1 parts with weights"),
        (lambda: Mixture((Gaussian(), Gaussian()), (0, 0)), "not all 0"),
        (lambda: Mixture((Gaussian(), Gaussian()), (2, -1)), "must be >= 0"),
        (lambda: Mixture((Gaussian(), Gaussian()), (1, math.nan)), "weights is .1, nan.; it must be a list, each a"),
        (lambda: Mixture((Gaussian(), Gaussian()), (1, math.inf)), "weights is .1, inf."),
        (lambda: Drawn([0, 1], [0, 0]), "draw a hill"),
        (lambda: Drawn([0, 1], [-1, 2]), "must be finite, >= 0"),
        (lambda: Drawn([0, 1], [math.nan, 2]), "must be finite"),
        (lambda: Drawn([0, math.inf], [1, 2]), "must be finite"),
        (lambda: Drawn([0, 0], [1, 2]), "ascending x"),
        (lambda: Drawn([1, 0], [1, 2]), "ascending x"),
        (lambda: Drawn([0], [1]), "ascending x"),
        (lambda: Drawn([0, 1, 2], [1, 2]), "a height for each"),
        (lambda: Drawn(["a", "b"], [1, 2]), "needs numbers"),
        (lambda: Drawn([[0, 1]], [[1, 2]]), "ascending x"),
        (lambda: Pushforward([0], [0]), "ascending points z"),
        (lambda: Pushforward([1, 0], [0, 0]), "ascending points z"),
        (lambda: Pushforward([0, 1], [0, 0, 0]), "an x for each"),
        (lambda: Pushforward([0, 1], [0, math.nan]), "the run has diverged"),
        (lambda: Pushforward([0, 1], [0, 1], "cauchy"), "unknown prior 'cauchy'; use one of uniform, normal"),
        (lambda: relu_line([([[1.0]], [0.0])], "cauchy"), "unknown prior 'cauchy'; use one of uniform, normal"),
        (lambda: relu_line([]), "at least one layer"),
        (lambda: Modes((), 1.0), "centres of the modes"),
        (lambda: Modes(((0, math.nan),), 1.0), "centres is .*a list of 2, each a finite number"),
        (lambda: Modes(((0, 0, 0),), 1.0), "a list of 2"),
        (lambda: ring(std=0), "std is 0"),
        (lambda: ring(0), "n is 0; it must be a whole number from 1 to"),
    ],
)
def test_what_is_no_density_is_refused(make, said):
    with pytest.raises(RecipeError, match=said):
        make()


# -- the exact p_g ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("p_z", PRIOR_REACH)
@pytest.mark.parametrize("seed", range(6))
def test_the_breakpoints_are_all_of_the_nets(seed, p_z):
    """Between two breakpoints G is a straight line, and at them it is right: so `np.interp` is the net itself."""
    rng = np.random.default_rng(seed)
    layers = net(rng, [(1, 5, 1), (1, 9, 7, 1), (1, 4, 4, 4, 4, 1)][seed % 3])
    z, x = relu_line(layers, p_z)
    reach = PRIOR_REACH[p_z]
    assert z[0] == -reach and z[-1] == reach and np.all(np.diff(z) > 0)
    fine = np.linspace(-reach, reach, 20_001)
    expected = run(layers, fine)
    assert np.abs(np.interp(fine, z, x) - expected).max() < 1e-12 * max(1, np.abs(expected).max())


LAWS = {  # scipy's densities of one coordinate of z
    "uniform": stats.uniform(-ROOT_3, 2 * ROOT_3).pdf,
    "normal": stats.norm.pdf,
    "truncated": stats.truncnorm(-1, 1, scale=1 / stats.truncnorm(-1, 1).std()).pdf,
    "mixture": lambda z: (stats.norm(-0.8, 0.6).pdf(z) + stats.norm(0.8, 0.6).pdf(z)) / 2,
}


@pytest.mark.parametrize("p_z", PRIOR_REACH)
def test_the_law_of_one_coordinate_is_that_of_its_draws(p_z):
    """Against scipy's density, its integral by another rule, and a million draws of `game.prior`."""
    reach = PRIOR_REACH[p_z]
    z = np.linspace(-reach * 0.999, reach * 0.999, 4_001)
    assert prior_pdf(p_z, z) == pytest.approx(LAWS[p_z](z), abs=1e-12)
    assert prior_pdf(p_z, [-reach - 0.1, reach + 0.1]) == pytest.approx([0, 0], abs=1e-15)
    below = [integrate.quad(LAWS[p_z], -reach, end, points=[-0.5, 0.5], limit=200)[0] for end in z[::1000]]
    assert prior_cdf(p_z, z[::1000]) == pytest.approx(below, abs=1e-8)
    draws = np.sort(game.prior(p_z, N, 1, torch.Generator().manual_seed(0)).numpy()[:, 0])
    assert np.abs(np.searchsorted(draws, z, side="right") / N - prior_cdf(p_z, z)).max() < KOLMOGOROV
    assert draws.mean() == pytest.approx(0, abs=0.005) and draws.std() == pytest.approx(1, abs=0.005)


@pytest.mark.parametrize("p_z", ["sphere", "discrete"])
def test_two_points_have_no_density(p_z):
    assert game.prior(p_z, 100, 1, torch.Generator().manual_seed(0)).round(decimals=6).unique().tolist() == [-1, 1]
    with pytest.raises(RecipeError, match="is two points, -1 and 1"):
        Pushforward([-2, 2], [0, 1], p_z)


def brute_pdf(layers, p_z, at, n=200_000):
    """p_g by its definition: p_z(z) / |G'(z)| summed over the z of a fine grid between which G passes x."""
    reach = PRIOR_REACH[p_z]
    z = np.linspace(-reach, reach, n)
    x = run(layers, z)
    result = []
    for a in at:
        i = np.nonzero((x[:-1] - a) * (x[1:] - a) < 0)[0]
        slope = (x[i + 1] - x[i]) / (z[1] - z[0])
        root = z[i] + (a - x[i]) / slope
        result.append((LAWS[p_z](root) / np.abs(slope)).sum())
    return np.array(result)


@pytest.mark.parametrize("p_z", PRIOR_REACH)
@pytest.mark.parametrize("seed", range(4))
def test_p_g_is_exact(seed, p_z):
    layers = net(np.random.default_rng(100 + seed), [(1, 6, 1), (1, 8, 6, 1), (1, 5, 5, 5, 1)][seed % 3])
    p_g = Pushforward(*relu_line(layers, p_z), p_z)
    at, mass = p_g.atoms
    assert area(p_g) + mass.sum() == pytest.approx(1, abs=1e-10)
    # against the net on a fine grid of z, at points that are not within a hair of a knot
    low, high = np.quantile(p_g.x, [0.02, 0.98])
    x = np.random.default_rng(seed).uniform(low, high, 40)
    x = x[np.abs(x[:, None] - p_g.knots).min(1) > 1e-3 * (high - low)]
    assert len(x) > 5
    assert p_g.pdf(x) == pytest.approx(brute_pdf(layers, p_z, x), rel=1e-6)
    # the distribution function is the integral of the density and the atoms
    for end in np.concatenate([x[:8], p_g.knots[:3]]):
        assert p_g.cdf(end) == pytest.approx(area(p_g, high=end) + mass[at <= end].sum(), abs=1e-10)
    # and a million draws, by G itself and not by the broken line, have it
    draws = np.sort(run(layers, game.prior(p_z, N, 1, torch.Generator().manual_seed(seed)).double().numpy()[:, 0]))
    points = np.concatenate([x, at + 1e-9])
    assert np.abs(np.searchsorted(draws, points, side="right") / N - p_g.cdf(points)).max() < KOLMOGOROV
    assert distance_of_a_sample(p_g, lambda a: p_g.cdf(a + 1e-12)) < KOLMOGOROV


@pytest.mark.parametrize("p_z", PRIOR_REACH)
def test_the_bins_of_a_million_draws(p_z):
    """Chi-square: the exact mass of 60 bins against the counts."""
    p_g = Pushforward(*relu_line(net(np.random.default_rng(5)), p_z), p_z)
    edges = np.quantile(p_g.sample(10_000, np.random.default_rng(1)), np.linspace(0, 1, 61))
    edges = np.unique(np.append(edges, p_g.knots[[0, -1]] + [-1e-9, 1e-9]))
    expected = N * p_g.in_bins(edges) * np.diff(edges)
    counts, _ = np.histogram(p_g.sample(N, np.random.default_rng(2)), edges)
    enough = expected > 20
    assert enough.sum() > 30
    chi_square = ((counts - expected) ** 2 / expected)[enough].sum()
    assert chi_square < stats.chi2(enough.sum()).ppf(0.999)


def test_a_straight_G_gives_the_prior_scaled():
    line = [([[-0.5]], [2.0])]
    uniform = Pushforward(*relu_line(line))
    x = np.linspace(-1, 5, 301) + 1e-5
    assert np.abs(uniform.pdf(x) - Uniform(2 - ROOT_3 / 2, 2 + ROOT_3 / 2).pdf(x)).max() < 1e-15
    normal = Pushforward(*relu_line(line, "normal"), "normal")
    assert np.abs(normal.pdf(x) - stats.norm(2, 0.5).pdf(x)).max() < 1e-14
    assert np.abs(normal.cdf(x) - stats.norm(2, 0.5).cdf(x)).max() < 1e-15
    assert normal.pdf(2 + 0.5 * 8.7) == pytest.approx(stats.norm.pdf(8.7) * 2, rel=1e-9), "far into the tail"
    assert area(normal) == pytest.approx(1, abs=1e-14)


def test_a_folded_G_adds_its_branches():
    """x = |z|: two z to one x. With the normal prior, the half-normal."""
    fold = [([[1.0], [-1.0]], [0.0, 0.0]), ([[1.0, 1.0]], [0.0])]
    x = np.linspace(0.001, 1.7, 50)
    assert Pushforward(*relu_line(fold)).pdf(x) == pytest.approx(np.full(50, 1 / ROOT_3), abs=1e-15)
    half = Pushforward(*relu_line(fold, "normal"), "normal")
    assert half.pdf(x) == pytest.approx(stats.halfnorm.pdf(x), abs=1e-14)
    assert half.cdf(x) == pytest.approx(stats.halfnorm.cdf(x), abs=1e-14)
    assert not len(half.atoms[0]) and area(half) == pytest.approx(1, abs=1e-14)


def test_a_flat_piece_is_an_atom():
    """x = max(0, z): half of all z go to x = 0."""
    rectifier = [([[1.0]], [0.0]), ([[1.0]], [0.0])]
    for p_z in PRIOR_REACH:
        p_g = Pushforward(*relu_line(rectifier, p_z), p_z)
        at, mass = p_g.atoms
        assert np.all(at == 0) and mass.sum() == pytest.approx(0.5, abs=1e-15)
        assert p_g.cdf([-1e-9, 0.0]) == pytest.approx([0, 0.5], abs=1e-15)
        assert area(p_g) == pytest.approx(0.5, abs=1e-12)
        low = 0.4 if p_z == "uniform" else 0.3
        assert p_g.in_bins([-1.0, 0.5, 1.0])[0] > low, "the bin that holds the atom"
    assert (p_g.sample(1000, np.random.default_rng(0)) == 0).mean() == pytest.approx(0.5, abs=0.05)


@pytest.mark.parametrize("p_z", PRIOR_REACH)
def test_a_collapsed_G_is_one_atom(p_z):
    """Dead units: whatever z is, x is 0.25."""
    dead = [([[1.0], [2.0]], [-100.0, -100.0]), ([[3.0, 4.0]], [0.25])]
    p_g = Pushforward(*relu_line(dead, p_z), p_z)
    at, mass = p_g.atoms
    assert set(at) == {0.25} and mass.sum() == pytest.approx(1, abs=1e-15)
    assert np.all(p_g.pdf(np.linspace(-1, 1, 9)) == 0)
    assert p_g.cdf([0.2, 0.25, 0.3]) == pytest.approx([0, 1, 1], abs=1e-15)
    assert (p_g.in_bins([0.0, 0.2, 0.3]) * [0.2, 0.1]).tolist() == pytest.approx([0, 1], abs=1e-12)


@pytest.mark.parametrize("p_z", PRIOR_REACH)
def test_kinks_that_meet(p_z):
    """Units that break at the same z, at the ends of the prior's reach, at whole numbers; a dead and a linear unit."""
    reach = PRIOR_REACH[p_z]
    weight = [[1.0], [1.0], [-2.0], [1.0], [1.0], [0.0], [1.0], [0.0]]
    bias = [0.0, 0.0, 0.0, -1.0, -reach, -1.0, 50.0, 1.0]
    layers = [(weight, bias), ([[1.0, -1, 2, 0.5, 1, 1, 0.1, 1], [0.0] * 7 + [-1]], [-5.0, 0.0]), ([[1.0, 1.0]], [0.5])]
    z, x = relu_line(layers, p_z)
    fine = np.linspace(-reach, reach, 10_001)
    assert np.abs(np.interp(fine, z, x) - run(layers, fine)).max() < 1e-12
    p_g = Pushforward(z, x, p_z)
    assert area(p_g) + p_g.atoms[1].sum() == pytest.approx(1, abs=1e-12)


def test_a_narrow_spike_leaves_no_rounding_behind():
    """A piece 3e-13 wide has a density of 7e11; what stands to its right must still be right to the last digits."""
    p_g = Pushforward(np.linspace(-ROOT_3, ROOT_3, 6), [-1.0, 0, 3e-13, 1, 2, 3])
    assert p_g.pdf([-0.5, 0.5, 1.5, 2.5]) == pytest.approx([0.2] * 4, rel=1e-11)
    assert area(p_g) == pytest.approx(1, abs=1e-10)


@pytest.mark.parametrize("p_z", PRIOR_REACH)
def test_bins_hold_the_mass_of_their_window(p_z):
    p_g = Pushforward(*relu_line(net(np.random.default_rng(3)), p_z), p_z)
    low, high = p_g.knots[[0, -1]]
    for a, b in ((low - 1, high + 1), (low + 0.3 * (high - low), low + 0.6 * (high - low))):
        for n in (1, 7, 400):
            edges = np.linspace(a, b, n + 1)
            bins = p_g.in_bins(edges)
            assert bins.min() >= -1e-15
            assert (bins * np.diff(edges)).sum() == pytest.approx(p_g.cdf(b) - p_g.cdf(a), abs=1e-12)
    assert p_g.cdf([low - 1, high]) == pytest.approx([0, 1], abs=1e-12)
    assert np.all(np.diff(p_g.cdf(np.linspace(low, high, 999))) >= -1e-15)


def test_spread_evenly():
    """`even` changes nothing with the uniform prior; with the normal one it keeps each piece's share, and converges."""
    layers = net(np.random.default_rng(4))
    uniform = relu_line(layers)
    x = np.linspace(uniform[1].min(), uniform[1].max(), 500)
    assert np.array_equal(Pushforward(*uniform).pdf(x), Pushforward(*uniform, even=True).pdf(x))
    errors = []
    for n in (100, 1_000, 5_000):
        z = np.linspace(-9, 9, n + 1)
        exact, even = (Pushforward(z, np.tanh(z), "normal", even=e) for e in (False, True))
        assert area(even) == pytest.approx(1, abs=1e-12)
        assert even.cdf(even.knots[::7]) == pytest.approx(exact.cdf(even.knots[::7]), abs=1e-12)
        t = np.linspace(-0.95, 0.95, 51)
        truth = stats.norm.pdf(np.arctanh(t)) / (1 - t**2)  # p_z(z) / |dx/dz|
        errors.append(np.abs(even.pdf(t) / truth - 1).max())
    assert errors[0] < 0.25 and errors[1] < errors[0] / 5 and errors[2] < errors[1] / 3


def test_the_broken_line_and_its_draws():
    p_g = Pushforward([-ROOT_3, 0, ROOT_3], [0, 1, -1])
    assert p_g.G([-ROOT_3, -ROOT_3 / 2, 0, ROOT_3 / 2]).tolist() == pytest.approx([0, 0.5, 1, 0])
    x = p_g.sample(5, np.random.default_rng(0))
    assert x.tolist() == p_g.G(np.random.default_rng(0).uniform(-ROOT_3, ROOT_3, 5)).tolist()
    assert p_g.pdf(np.zeros((2, 3))).shape == p_g.cdf(np.zeros((2, 3))).shape == (2, 3)
    by_quad, _ = integrate.quad(lambda t: float(p_g.pdf(t)), -1, 1, points=[0])
    assert by_quad == pytest.approx(1, abs=1e-10)
    assert p_g.pdf([-0.5, 0.5, 1.5]).tolist() == pytest.approx([0.25, 0.75, 0], abs=1e-15)


# -- modes in the plane -----------------------------------------------------------------------------------------------


def test_ring_and_grid():
    eight = np.array(ring().centres)
    assert len(eight) == 8 and np.linalg.norm(eight, axis=1) == pytest.approx([2] * 8)
    assert np.degrees(np.arctan2(eight[:, 1], eight[:, 0])) % 360 == pytest.approx(np.arange(0, 360, 45))
    square = np.array(grid(spacing=2.0).centres)
    assert len(square) == 25 and set(square.ravel()) == {-4, -2, 0, 2, 4}
    assert len(np.unique(square, axis=0)) == 25 and square.mean(0).tolist() == [0, 0]
    assert len(grid(2).centres) == 4 and grid(2).centres[0] == (-0.5, -0.5)


def test_modes_covered_and_high_quality_by_hand():
    modes = Modes(((0.0, 0.0), (10.0, 0.0), (0.0, 10.0)), std=1.0)
    x = np.array([[0.0, 0], [2.9, 0], [3.1, 0], [10, 3], [10, 3.01], [6, 6]])
    nearest, good = modes.quality(x)
    assert nearest.tolist() == [0, 0, 0, 1, 1, 1]
    assert good.tolist() == [True, True, False, True, False, False]
    assert [float(v) for v in modes.covered(x)] == [2, 0.5]
    assert [float(v) for v in modes.covered(x[[2, 5]])] == [0, 0]
    two, share = modes.covered(np.stack([x, np.full((6, 2), np.nan)]))  # a stack, one of its games diverged
    assert two.tolist() == [2, 0] and share.tolist() == [0.5, 0]


def test_draws_of_modes_are_equal_gaussians():
    modes = ring(std=0.1)
    x = modes.sample(80_000, np.random.default_rng(0))
    nearest, good = modes.quality(x)
    assert modes.covered(x)[0] == 8
    assert good.mean() == pytest.approx(1 - math.exp(-4.5), abs=0.001), "3 std in the plane: 98.9 %"
    assert stats.chisquare(np.bincount(nearest)).pvalue > 0.001
    off = (x - np.array(modes.centres)[nearest]) / 0.1
    assert (
        stats.kstest(off[:, 0], stats.norm.cdf).pvalue > 0.001
        and stats.kstest(off[:, 1], stats.norm.cdf).pvalue > 0.001
    )
