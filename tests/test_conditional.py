"""p(x | c): the toy against sums over a grid, against plain autograd, and the measures of digits by hand."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import partial
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch.nn import functional

from ganlib import RecipeError, conditions, load
from ganlib.checkpoints import Trained
from ganlib.lessons import conditional as lesson
from ganlib.recipes import CONDITIONAL, HALF, MNIST, RING
from ganlib.studies import conditional
from ganlib.studies.conditional import FORK, Completed, ConditionalToys, Fork, Marginal

SHAPE = (1, 28, 28)


def by_hand(x, c, start=-2.0, ways=(1.5, 4.0), std=0.35):
    """The toy's p_data(x | c), written anew."""
    return sum(np.exp(-(((x - start - way * c) / std) ** 2) / 2) for way in ways) / (2 * std * math.sqrt(2 * math.pi))


@pytest.fixture(scope="module")
def grid():
    """Points x, c in the middle of small cells, and the area of one."""
    c, x = (np.arange(400) + 0.5) / 400, -5 + 10 * (np.arange(2000) + 0.5) / 2000
    return *np.meshgrid(x, c), 10 / 2000 / 400


# -- theory ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["ignores c", "takes c for 1 − c"])
def test_the_best_d_gives_minus_log_4_and_twice_the_divergence_averaged_over_c(name, grid):
    """By one sum over the joint density of (x, c), which knows nothing of a mean over c."""
    x, c, area = grid
    p, fork, p_g = by_hand(x, c), Fork(), lesson.three_Gs()[name]
    q = by_hand(x, 1 - c) if name != "ignores c" else np.broadcast_to(p.mean(0), p.shape)
    V = area * (p * np.log(p / (p + q)) + q * np.log(q / (p + q))).sum()
    jsd = area * (p * np.log(2 * p / (p + q)) + q * np.log(2 * q / (p + q))).sum() / 2
    assert conditional.JSD(fork, p_g) == pytest.approx(jsd, abs=2e-5)
    assert pytest.approx(-math.log(4) + 2 * jsd, abs=1e-9) == V

    def D(x, c, off=0.0):
        a = np.log(fork(c).pdf(x) + 1e-200) - np.log(p_g(c).pdf(x) + 1e-200)
        return 1 / (1 + np.exp(-np.clip(a + off * np.sin(3 * x), -400, 36)))

    assert conditional.V(D, fork, p_g) == pytest.approx(V, abs=4e-5)
    worse = partial(D, off=0.3)
    assert conditional.V(worse, fork, p_g) < V - 0.003


def test_a_g_that_ignores_c_is_right_by_x_alone(grid):
    x, c, _ = grid
    marginal = Marginal(Fork())
    assert np.abs(marginal.pdf(x[0]) - by_hand(x, c).mean(0)).max() < 2e-4
    table = lesson.told_apart().data.set_index("p_g(x | c)")
    assert table.loc["G ignores c", "JSD of x alone"] < 1e-12 < 0.1 < table.loc["G ignores c", "JSD, mean over c"]
    rng = np.random.default_rng(0)
    assert marginal.sample(2_000, rng).mean() == pytest.approx(-2 + 2.75 / 2, abs=0.1)


# -- the toy -----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def toys():
    made = ConditionalToys(seeds=[0, 5], k=1, dtype=torch.float64)
    for _ in range(30):
        made.iterate()
    return made


@torch.no_grad()
def test_p_g_at_a_c_is_the_push_forward_of_g_there(toys):
    z = torch.linspace(-math.sqrt(3), math.sqrt(3), 20_001, dtype=torch.float64)
    for i, c in ((0, 0.0), (1, 0.31), (1, 1.0)):
        rows = torch.stack([z, torch.full_like(z, c)], 1).expand(2, -1, -1)
        x = toys.G(rows)[i, :, 0].numpy()
        p_g = toys.given(c, i)
        assert np.abs(p_g.G(z.numpy()) - x).max() < 1e-12
        at = np.linspace(x.min(), x.max(), 23)
        assert np.abs(p_g.cdf(at) - (x[:, None] <= at).mean(0)).max() < 2e-3


def test_an_iteration_is_plain_gradient_descent_on_both_costs():
    toys = ConditionalToys(seeds=3, k=1, dtype=torch.float64, momentum=0.0)
    before = [p.detach().clone()[0].requires_grad_() for net in (toys.D, toys.G) for p in net.parameters()]
    nD = len(list(toys.D.parameters()))
    theta_D, theta_G = before[:nD], before[nD:]

    def run(x, theta):
        n = len(theta) // 2  # weights, then biases
        for i in range(n):
            x = x @ theta[i] + theta[n + i]
            x = torch.relu(x) if i < n - 1 else x
        return x

    (x, _), _ = [(pair[0][0], pair[1][0]) for pair in (toys.ahead(0), toys.ahead(-1))]
    zc, own = toys.ahead(0)[1][0], toys.ahead(-1)[1][0]
    assert torch.equal(x[:, 1], zc[:, 1]) and not torch.equal(x[:, 1], own[:, 1])
    fake = torch.cat([run(zc, theta_G), x[:, 1:]], 1).detach()
    ones, zeros = torch.ones(len(x), 1, dtype=torch.float64), torch.zeros(len(x), 1, dtype=torch.float64)
    loss = functional.binary_cross_entropy_with_logits
    cost = (loss(run(x, theta_D), ones) + loss(run(fake, theta_D), zeros)) / 2
    new_D = [p - 0.3 * g for p, g in zip(theta_D, torch.autograd.grad(cost, theta_D))]
    cost = loss(run(torch.cat([run(own, theta_G), own[:, 1:]], 1), new_D), ones)
    new_G = [p - 0.02 * g for p, g in zip(theta_G, torch.autograd.grad(cost, theta_G))]
    toys.iterate()
    found = [p[0] for net in (toys.D, toys.G) for p in net.parameters()]
    assert max((a - b).abs().max().item() for a, b in zip(found, [*new_D, *new_G])) < 1e-12


def test_what_is_measured_is_the_mean_over_c(toys):
    each = [toys.at_c(c, 1, order=10) for c in (np.arange(100) + 0.5) / 100]
    found = toys.measure(1, order=10)
    for name in ("V", "C", "JSD"):
        assert getattr(found, name) == pytest.approx(np.mean([getattr(m, name) for m in each]), abs=2e-3)
    assert pytest.approx(-math.log(4) + 2 * found.JSD, abs=1e-12) == found.C and found.V < found.C


def test_it_learns_more_than_a_g_that_ignores_c():
    toys = ConditionalToys(seeds=0)
    for _ in range(500):
        toys.iterate()
    assert toys.measure(n=6).JSD < 0.75 * conditional.JSD(Fork(), lambda c: Marginal(Fork()))


# -- digits ------------------------------------------------------------------------------------------------------------


def a_pair(recipe):
    """An untrained pair whose pictures differ."""
    made = recipe.at("smoke").players(0, torch.full((784,), 0.13))
    with torch.no_grad():
        for name, p in made["G"].named_parameters():
            p.mul_(8 if name.endswith("weight") else 1)
    return Trained(made["G"], made["D"], recipe.at("smoke"), {"epochs": 0.0})


@pytest.fixture(scope="module")
def asked():
    return a_pair(CONDITIONAL)


@pytest.fixture(scope="module")
def half():
    return a_pair(HALF)


def test_a_row_has_one_class_and_a_column_one_z(asked):
    x, recipe = conditional.a_row_a_class(asked, 3, seed=4), asked.recipe
    z = recipe.noise(3, 4)
    for row, column in ((0, 0), (7, 2), (9, 1)):
        c = conditions.of_class(torch.tensor([row]), 10)
        own = asked.G.pictures(torch.cat([z[column : column + 1], c], 1))[0]
        assert torch.allclose(x[3 * row + column], own, atol=1e-5)


def test_between_two_classes_lies_a_straight_line(asked):
    c = conditional.of_two(asked.recipe, 3, 8, [0.0, 0.25, 1.0])
    one, other = conditions.of_class(torch.tensor([3, 8]), 10)
    assert torch.equal(c[0], one) and torch.equal(c[2], other)
    assert c[1].tolist() == pytest.approx((0.75 * one + 0.25 * other).tolist())


def test_what_samples_are_taken_for_is_counted_row_by_row(asked):
    says = iter([torch.tensor([0, 1, 2, 3, 4, 5, 6, 7, 8, 8, 0, 1]), torch.tensor([1, 1, 0, 1])])
    by = SimpleNamespace(probabilities=lambda x: functional.one_hot(next(says), 10).double())
    counts = conditional.taken_for(asked, by, n=12)
    assert counts[0, 0] == counts[1, 1] == 2 and counts[9, 8] == 1 and counts.sum() == 12
    share, each = conditional.right(counts)
    assert share == 11 / 12 and each.tolist() == [1] * 9 + [0]
    found = conditional.along(asked, by, 0, 1, asked.recipe.noise(2), [0.0, 1.0])
    assert found[:, :2].tolist() == [[0, 1], [0.5, 0.5]]


def test_a_picture_is_scored_by_the_samples_of_its_own_class():
    """One sample a class: the log density of a Gaussian around it."""
    centres = torch.tensor([[0.0, 0.0], [1.0, 1.0]])
    x, labels = torch.tensor([[0.1, 0.0], [1.0, 0.8]]), torch.tensor([0, 1])
    mean, error = conditional.own_class_score(centres, torch.tensor([0, 1]), x, labels, 0.5)
    each = [-d / (2 * 0.25) - math.log(2 * math.pi * 0.25) for d in (0.01, 0.04)]
    assert mean == pytest.approx(np.mean(each), abs=1e-5)
    assert error == pytest.approx(np.std(each) / math.sqrt(2), abs=1e-5)


def test_completions_keep_the_left_half_and_differ_at_the_right(half):
    x = load("synthetic").test[:5].float() / 255
    drawn = conditional.completions(half, x, 3, SHAPE, seed=2)
    left = conditions.right_half(SHAPE, x) == 0
    assert drawn.shape == (3, 5, 784) and torch.equal(drawn[..., left], x[:, left].expand(3, -1, -1))
    assert drawn[:, 0, ~left].var(0).max() > 1e-4
    z = half.recipe.noise(15, 2)[8]  # the second completion of the fourth digit
    own = half.G.pictures(torch.cat([z, x[3] * left])[None])[0]
    assert torch.allclose(drawn[1, 3, ~left], own[~left], atol=1e-5)


def test_neighbours_are_found_by_their_left_halves():
    train = load("synthetic").train[:60].float() / 255
    x, left = train[:4] * 0.9, conditions.right_half(SHAPE, train) == 0
    found = conditional.neighbours(x, train, 2, SHAPE)
    for i in range(4):
        near = (train[:, left] - x[i, left]).norm(dim=1).argsort()[:2]
        assert torch.equal(found[:, i, ~left], train[near][:, ~left]) and torch.equal(found[0, i, left], x[i, left])


def test_variance_left_is_0_for_copies_and_1_for_any_right_half():
    rng = torch.Generator().manual_seed(0)
    x = torch.rand(500, 784, generator=rng)
    assert conditional.variance_left(x[:7].expand(4, -1, -1), x, SHAPE) == 0
    anything = torch.rand(8, 300, 784, generator=rng)
    anything[..., conditions.right_half(SHAPE, x) == 0] = 0.3  # a left half that is the same in all
    assert conditional.variance_left(anything, x, SHAPE) == pytest.approx(1, abs=0.01)
    by = SimpleNamespace(probabilities=lambda x: functional.one_hot(torch.tensor([0, 1, 2, 0, 1, 1]), 10).double())
    found = Completed.of(anything[:2, :3], x[:3], torch.tensor([0, 1, 2]), by, SHAPE)
    assert found.right == pytest.approx(5 / 6) and found.several == pytest.approx(1 / 3)
    assert found.by_class[:3] == [1, 1, 0.5]


# -- mistakes, and what the notebook says ------------------------------------------------------------------------------


def test_every_mistake_has_one_clear_message(asked, half):
    for c in (-0.1, 1.5, math.nan, "left", None):
        with pytest.raises(RecipeError, match="a number from 0 to 1"):
            Fork()(c)
    with pytest.raises(RecipeError, match="from one z to one x; 'ring'"):
        ConditionalToys(RING)
    smooth = replace(FORK, G=(replace(FORK.G[0], activation="sigmoid"), FORK.G[1]))
    with pytest.raises(RecipeError, match="rectifiers"):
        ConditionalToys(smooth)
    with pytest.raises(RecipeError, match="condition 'class', and 'mnist-halves' has 'left half'"):
        conditional.a_row_a_class(half, 2)
    with pytest.raises(RecipeError, match="condition 'left half'"):
        conditional.completions(asked, torch.zeros(1, 784), 2, SHAPE)
    with pytest.raises(RecipeError, match="condition 'classes'; use one of class, left half"):
        lesson.the_pair("classes")
    with pytest.raises(RecipeError, match="which is 2; use 0 for the last iterate"):
        lesson.plot_taken(2)
    with pytest.raises(RecipeError, match="condition 'class'"):
        conditional.taken_for(replace(asked, recipe=MNIST), None)
