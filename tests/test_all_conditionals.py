"""All conditionals by one G: the exact slices, what V is worth, errors of a JSD from draws, and the joint by blocks."""

from __future__ import annotations

import math
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch.nn.functional import softplus

from ganlib import DataError, RecipeError, conditions, game, theory
from ganlib.checkpoints import Trained
from ganlib.lessons import all_conditionals as lesson
from ganlib.recipes import MASKS, MNIST
from ganlib.studies import all_conditionals as study
from ganlib.studies.all_conditionals import HILLS, ORDERS, PLANE, PLANE_MASKS, SHAPE, Plane, PlaneGame

OTHER = Plane(((0.5, (-0.9, -0.3), (0.8, 0.9), 0.5), (0.5, (0.8, 0.3), (0.8, 0.9), -0.4)))
DIGITS = (1, 28, 28)


@pytest.fixture(scope="module")
def trained():
    recipe = MASKS.at("smoke")
    G, D = recipe.networks(0, torch.full((784,), 0.3))
    with torch.no_grad():
        for p in G.parameters():
            p.mul_(3)  # so that its z and its condition can be seen
    return Trained(G, D, recipe, {})


# -- in the plane ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("axis", [0, 1])
def test_a_conditional_is_the_joint_over_the_marginal(axis):
    x = np.linspace(-3, 3, 41)
    for value in (-1.3, 0.2, 1.7):
        at = np.stack([x, np.full_like(x, value)] if axis == 0 else [np.full_like(x, value), x], -1)
        exact = HILLS.pdf(at) / HILLS.marginal(1 - axis).pdf(value)
        assert HILLS.conditional(axis, value).pdf(x) == pytest.approx(exact, rel=1e-12)
    nodes, w = theory.quadrature(HILLS.marginal(axis))
    at = np.stack([nodes, np.full_like(nodes, 0.4)] if axis == 0 else [np.full_like(nodes, 0.4), nodes], -1)
    assert w @ HILLS.pdf(at) == pytest.approx(float(HILLS.marginal(1 - axis).pdf(0.4)), rel=1e-9)


def test_the_transform_to_the_square_has_the_density_as_its_jacobian():
    x, h = HILLS.sample(50, np.random.default_rng(0)), 1e-5
    up, right = (
        (HILLS.uniform(x + step) - HILLS.uniform(x - step)) / (2 * h) for step in (np.array([0, h]), np.array([h, 0]))
    )
    assert np.abs(up[:, 0]).max() == 0
    assert right[:, 0] * up[:, 1] == pytest.approx(HILLS.pdf(x), rel=1e-6)
    mean = HILLS.uniform(HILLS.sample(40_000, np.random.default_rng(1))).mean(0)
    assert mean == pytest.approx([0.5, 0.5], abs=5 / math.sqrt(12 * 40_000))


@pytest.mark.parametrize("mask", PLANE_MASKS)
def test_v_at_the_best_d_is_minus_log_4_and_twice_the_jsd_of_the_conditionals(mask):
    jsd = study.mean_conditional_jsd(HILLS, OTHER, mask)
    assert 0.02 < jsd < 0.1
    assert study.V_by_grid(HILLS, OTHER, mask) == pytest.approx(-math.log(4) + 2 * jsd, abs=1e-7)
    assert study.mean_conditional_jsd(HILLS, HILLS, mask) == pytest.approx(0, abs=1e-12)


def test_the_value_function_of_the_core_agrees_on_draws_with_d_at_its_best():
    """G draws x1 from a Gaussian's conditional, through `Given`; D* looks at the rows that D is given."""
    rho, n = 0.6, 200_000
    q = Plane(((1.0, (0.2, 0.0), (0.9, 1.1), rho),))
    rng = np.random.default_rng(3)
    x = torch.from_numpy(HILLS.sample(n, rng))
    c = conditions.hidden(x, torch.tensor([1.0, 0.0], dtype=torch.float64).expand(n, 2))

    def G(row):  # (z, seen, mask) -> x, both coordinates; the second is not taken
        x1 = 0.2 + rho * 0.9 / 1.1 * row[:, 2] + 0.9 * math.sqrt(1 - rho**2) * row[:, 0]
        return torch.stack([x1, torch.full_like(x1, 99.0)], 1)

    given = conditions.Given(G, c, "mask", SHAPE)
    fake = given(torch.from_numpy(rng.standard_normal((n, 1))))
    real = conditions.looked_at("mask", x, c)
    assert torch.equal(fake[:, 1:], real[:, 1:])  # what is seen, and the mask

    assert real[:, 2:].tolist()[0] == [conditions.MASK, 0]

    def logit(rows):
        at = rows[:, :2].numpy()
        fakes = HILLS.marginal(1).pdf(at[:, 1]) * q.pdf(at) / q.marginal(1).pdf(at[:, 1])
        return torch.from_numpy(np.log(HILLS.pdf(at)) - np.log(fakes))

    expected = theory.MINUS_LOG_4 + 2 * study.mean_conditional_jsd(HILLS, q, (1, 0))
    assert game.value(logit(real), logit(fake)).item() == pytest.approx(expected, abs=0.006)


@pytest.mark.parametrize("same", [True, False])
@pytest.mark.parametrize("both", [True, False])
def test_a_jsd_from_draws_is_unbiased_and_its_error_is_its_scatter(same, both):
    rng, n = np.random.default_rng(5), 3_000
    p = rng.dirichlet(np.full(60, 5.0))
    q = p if same else rng.dirichlet(np.full(60, 5.0))
    found = []
    for _ in range(300):
        counted = rng.multinomial(n, p) if both else p
        found.append(study.binned_jsd(counted, rng.multinomial(2 * n, q), n if both else math.inf, 2 * n))
    exact = study.binned_jsd(p, q)
    values, errors = np.array(found).T
    assert exact.error == 0 and exact.value == pytest.approx(0 if same else 0.05, abs=0.03)
    assert values.mean() == pytest.approx(exact.value, abs=4 * values.std() / math.sqrt(300) + 1e-5)
    assert errors.mean() == pytest.approx(values.std(), rel=0.2)


def test_an_iteration_is_one_step_of_plain_autograd():
    recipe = replace(PLANE, batch=20, momentum_start=0.0, momentum_end=0.0)
    played, twin = PlaneGame(seed=4, recipe=recipe), PlaneGame(seed=4, recipe=recipe)
    played.iterate()
    x = torch.from_numpy(HILLS.sample(20, twin.data_rng)).float()
    mask = twin.masks(20)
    assert {tuple(row) for row in mask.int().tolist()} <= set(PLANE_MASKS)
    G, D = twin.G.double(), twin.D.double()
    x, mask = x.double(), mask.double()

    def draw(z):
        y = G(torch.cat([z, x * (1 - mask), conditions.MASK * mask], 1))
        return torch.cat([torch.where(mask > 0, y, x), conditions.MASK * mask], 1)

    fake = draw(twin.noise(20).double()).detach()
    cost = (softplus(-D.logit(torch.cat([x, conditions.MASK * mask], 1))).mean() + softplus(D.logit(fake)).mean()) / 2
    with torch.no_grad():
        for p, g in zip(D.parameters(), torch.autograd.grad(cost, list(D.parameters()))):
            p -= recipe.lr_D * g
    cost = softplus(-D.logit(draw(twin.noise(20).double()))).mean()
    grads = torch.autograd.grad(cost, list(G.parameters()))
    for net, own in ((D, played.D), (G, played.G)):
        steps = [recipe.lr_G * g for g in grads] if net is G else [0.0] * 6
        for p, g, moved in zip(net.parameters(), steps, own.parameters()):
            assert torch.allclose(p - g, moved.double(), atol=2e-7)


def test_what_is_seen_stays_and_the_joints_begin_alike():
    played = PlaneGame(seed=1)
    x = HILLS.sample(50, np.random.default_rng(0))
    done = played.complete(x, (0, 1))
    assert done[:, 0] == pytest.approx(x[:, 0], abs=1e-6) and np.abs(done[:, 1] - x[:, 1]).min() > 0
    first, second, third = (played.joint(order, 50, seed=7) for order in ORDERS)
    assert second[:, 0] == pytest.approx(first[:, 0], abs=1e-6) and third[:, 1] == pytest.approx(first[:, 1], abs=1e-6)
    assert not np.isclose(second[:, 1], first[:, 1]).any() and not np.isclose(third[:, 0], first[:, 0]).any()
    with pytest.raises(RecipeError, match="no order 'both'"):
        played.joint("both", 5)


def test_a_slice_of_the_exact_density_has_no_jsd_and_one_elsewhere_has():
    played = PlaneGame(seed=0)
    rng = np.random.default_rng(2)
    played.conditional = lambda axis, value, n, seed=0: HILLS.conditional(axis, 0.7).sample(n, rng)
    near, far = (played.conditional_jsd(1, value) for value in (0.7, -1.0))
    assert abs(near.value) < 4 * near.error
    exact = theory.JSD(HILLS.conditional(1, -1.0), HILLS.conditional(1, 0.7))
    assert far.value == pytest.approx(exact, rel=0.03)


def test_densities_and_games_that_make_no_sense():
    with pytest.raises(RecipeError, match="correlation is .*1.0.; weight"):
        Plane(((1.0, (0, 0), (1, 1), 1.0),))
    with pytest.raises(RecipeError, match="one part or more"):
        Plane(())
    with pytest.raises(RecipeError, match="finite number"):
        HILLS.conditional(0, math.nan)
    with pytest.raises(RecipeError, match="no game with masks"):
        PlaneGame(recipe=replace(PLANE, condition=""))
    with pytest.raises(DataError, match="4 and 5 bins"):
        study.binned_jsd(np.ones(4), np.ones(5))


# -- digits ------------------------------------------------------------------------------------------------------------


def test_masks_of_so_many_blocks_as_pixels():
    hidden = study.hide(30, 12, 49, seed=1)
    assert (hidden.sum(1) == 12).all() and len({tuple(row) for row in hidden.tolist()}) == 30
    pixels = study.pixels_of(hidden, DIGITS, 4).view(30, 28, 28)
    for i in range(49):
        row, column = divmod(i, 7)
        cut = pixels[:, 4 * row : 4 * row + 4, 4 * column : 4 * column + 4].flatten(1)
        assert (cut == hidden[:, i : i + 1]).all()
    with pytest.raises(RecipeError, match="50 blocks cannot be hidden"):
        study.hide(1, 50, 49)


def test_diversity_and_agreement_by_hand():
    a, b = torch.zeros(2, 4), torch.tensor([[3.0, 4.0, 9.0, 0.0], [0.0, 0.0, 0.0, 1.0]])
    mask = torch.tensor([[1.0, 1.0, 0.0, 0.0], [0.0, 0.0, 0.0, 1.0]])
    found = study.diversity(a, b, mask)
    assert found.value == 3 and found.error == pytest.approx(math.sqrt(8) / math.sqrt(2))
    brightest = SimpleNamespace(probabilities=lambda x: x)
    assert study.agreement(brightest, b, torch.tensor([2, 0])) == (0.5, pytest.approx(0.5 / math.sqrt(2)))


def test_block_by_block_each_block_is_drawn_given_those_before_it(trained):
    order = study.random_order(3, 49, seed=2)
    assert (order.sort(1).values == torch.arange(49)).all()
    before, left = torch.zeros(3, 784), torch.ones(3, 49)
    for t, x in enumerate(study.by_blocks(trained, order, DIGITS, seed=5)):
        hidden = study.pixels_of(left, DIGITS, 4)
        left[torch.arange(3), order[:, t]] = 0
        now = hidden - study.pixels_of(left, DIGITS, 4)
        drawn = trained.samples(3, 5_000 + t, torch.cat([before * (1 - hidden), hidden], 1))
        assert torch.allclose(x, torch.where(now > 0, drawn, before), atol=1e-6)
        before = x
    assert t == 48 and (before > 0).all()
    assert torch.equal(study.joint_by_blocks(trained, order, DIGITS, seed=5), before)
    with pytest.raises(RecipeError, match="an order of 4 blocks"):
        next(study.by_blocks(trained, study.raster(2, 4), DIGITS))
    with pytest.raises(RecipeError, match="not given masks"):
        study.blocks_of(replace(trained, recipe=MNIST), DIGITS)


def test_rows_by_what_is_hidden(trained):
    x = torch.rand(40, 784, generator=torch.Generator().manual_seed(0))
    judge = SimpleNamespace(probabilities=lambda x: x[:, :10])
    labels = x[:, :10].argmax(1)
    none, all_ = study.by_hidden(trained, x, labels, DIGITS, judge, (0, 49))
    assert none["agreement"] == none["left"] == 1 and none["diversity"] == none["real"] == 0
    expected = (trained.samples(40, 1) - trained.samples(40, 2)).norm(dim=1)
    assert all_["share"] == 1 and all_["diversity"] == pytest.approx(expected.mean().item(), rel=1e-5)
    assert all_["real"] == pytest.approx((x - x.roll(1, 0)).norm(dim=1).mean().item(), rel=1e-5)


def test_the_guess_of_the_agreement_begins_where_nothing_is_hidden():
    """There the classifier is right about nearly all digits, and not about all of them."""
    guess = lesson.guess_agreement([{"share": 0.0, "agreement": 0.97}, {"share": 1.0, "agreement": 0.1}])
    truth = guess.engine.truth()
    assert (truth.y[0], truth.y[-1]) == (0.97, 0.1)
