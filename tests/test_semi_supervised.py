"""A few labels: the optimum of the game of K + 1 classes, the fits against plain oracles, what moves and what stays."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
import torch
from scipy.optimize import minimize
from scipy.special import expit, log_softmax, logsumexp, softmax

from ganlib import DataError, RecipeError, game
from ganlib.lessons import semi_supervised as lesson
from ganlib.nets import Discriminator, Layer
from ganlib.studies import semi_supervised as study

RNG = np.random.default_rng(3)


def discrete(points=6, classes=3):
    """p_data(x, y) over points and classes, and p_g over points; one is never drawn by G but for a trace."""
    joint, p_g = RNG.random((points, classes)) + 0.02, RNG.random(points) + 0.02
    p_g[0] = 1e-3
    return joint / joint.sum(), p_g / p_g.sum()


def cost_of(l, joint, p_g):
    """What D descends, written from the definitions: -V/2 and the cross-entropy of labels, in nats."""
    D = expit(logsumexp(l, axis=1))
    V = joint.sum(1) @ np.log(D) + p_g @ np.log(1 - D)
    return -V / 2 - (joint * log_softmax(l, axis=1)).sum()


# -- the optimum -------------------------------------------------------------------------------------------------------


def test_the_best_D_has_the_classes_in_its_softmax_and_the_ratio_in_its_sum():
    joint, p_g = discrete()
    found = minimize(
        lambda l: cost_of(l.reshape(6, 3), joint, p_g), np.zeros(18), method="BFGS", options={"gtol": 1e-9}
    )
    l, p_data = found.x.reshape(6, 3), joint.sum(1)
    np.testing.assert_allclose(softmax(l, axis=1), joint / p_data[:, None], atol=1e-4)
    np.testing.assert_allclose(logsumexp(l, axis=1), np.log(p_data / p_g), atol=1e-2)
    best = lesson.best_logits(joint, p_g)
    assert cost_of(best, joint, p_g) == pytest.approx(found.fun, abs=1e-8)
    np.testing.assert_allclose(lesson.found_logits(joint, p_g), best, atol=1e-4)


def test_without_a_label_any_split_of_the_sum_costs_the_same():
    joint, p_g = discrete()
    best = lesson.best_logits(joint, p_g)
    unlabelled, x = np.where(np.arange(6)[:, None] == 2, 0, joint), joint.sum(1)

    def cost(l):
        D = expit(logsumexp(l, axis=1))
        return -(x @ np.log(D) + p_g @ np.log(1 - D)) / 2 - (unlabelled * log_softmax(l, axis=1)).sum()

    other = best.copy()
    other[2] = logsumexp(best[2]) + np.log([0.98, 0.01, 0.01])
    assert abs(best[2] - other[2]).max() > 0.5
    assert cost(other) == pytest.approx(cost(best), abs=1e-12)


# -- logistic regression -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("n", "d"), [(12, 40), (60, 5)])
def test_logistic_regression_is_where_the_penalised_cost_is_flat(n, d):
    rng = torch.Generator().manual_seed(0)
    x, y = torch.randn(n, d, generator=rng, dtype=torch.float64), torch.arange(n) % 3
    found = study.logistic(x, y, 0.05, 3)
    W, b = (torch.tensor(part, requires_grad=True) for part in (found.W, found.b))
    cost = -torch.log_softmax(x @ W.T + b, 1)[torch.arange(n), y].mean() + 0.025 * (W**2).sum()
    for g in torch.autograd.grad(cost, [W, b]):
        assert g.abs().max() < 1e-5
    torch.testing.assert_close(found.logits(x), x @ W.detach().T + b.detach())
    assert found.logits(x.float()).dtype == torch.float32


def test_logistic_regression_refuses_what_makes_no_sense():
    x, y = torch.zeros(4, 2), torch.tensor([0, 1, 0, 1])
    for wrong in (y[:3], y + 1, y[:0]):
        with pytest.raises(DataError, match="labels from 0 to 1"):
            study.logistic(x[: len(wrong)] if len(wrong) == 0 else x, wrong, 1.0, 2)
    for strength in (0, -1, math.inf, math.nan):
        with pytest.raises(RecipeError, match="above 0"):
            study.logistic(x, y, strength, 2)


def test_errors_and_scaling():
    logits, y = torch.tensor([[1.0, 0.0], [0.0, 1.0], [3.0, 2.0], [0.0, 9.0]]), torch.tensor([0, 1, 1, 1])
    assert study.error(logits, y) == 0.25
    x = torch.randn(500, 7, generator=torch.Generator().manual_seed(1)) * torch.arange(1, 8) + 3
    scaled = study.Scaling.of(x)(x)
    assert scaled.mean(0).abs().max() < 1e-5 and scaled.square().mean().item() == pytest.approx(1, abs=1e-5)
    assert (scaled[:, 6].std() / scaled[:, 0].std()).item() == pytest.approx((x[:, 6].std() / x[:, 0].std()).item())


# -- D with another head -----------------------------------------------------------------------------------------------

LAYERS = (
    Layer(4, "maxout", 0.5, pieces=5, keep=0.8),
    Layer(3, "maxout", 0.5, pieces=5, keep=0.5),
    Layer(1, "sigmoid", 0.5, keep=0.5),
)


def test_another_head_stands_on_the_same_features():
    D = Discriminator(12, LAYERS, torch.Generator().manual_seed(0))
    x = torch.rand(9, 12, generator=torch.Generator().manual_seed(1))
    new = study.reheaded(D, 10, seed=5)
    assert torch.equal(new.features(x), D.features(x)) and new.classes(x).shape == (9, 10)
    assert new.layers[-1].layer.keep == 0.5
    assert torch.equal(study.hidden(D, 2)(x), D.features(x))
    fresh = study.from_scratch(D, 10, seed=5)
    assert [layer.layer.units for layer in fresh.layers] == [4, 3, 10]
    assert not torch.equal(fresh.features(x), D.features(x))
    with pytest.raises(RecipeError, match="give 1 to 3"):
        study.hidden(D, 4)


def test_tuning_learns_the_labels_and_a_strong_pull_keeps_the_net_where_it_was():
    D = Discriminator(12, [dataclasses.replace(layer, keep=1.0) for layer in LAYERS], torch.Generator().manual_seed(0))
    x, y = torch.rand(30, 12, generator=torch.Generator().manual_seed(1)), torch.arange(30) % 3
    begun = study.reheaded(D, 3)
    free = study.tune(study.reheaded(D, 3), x, y, 0.0, steps=200, lr=0.03)
    assert study.error(free.classes(x), y) < 0.2 < study.error(begun.classes(x), y)
    held = study.tune(study.reheaded(D, 3), x, y, 1e9, steps=20, lr=0.02)
    for p, start in zip(held.parameters(), begun.parameters()):
        assert p.ndim == 1 or torch.allclose(p, start)
    again = study.tune(study.reheaded(D, 3), x, y, 0.0, steps=200, lr=0.03)
    assert all(torch.equal(a, b) for a, b in zip(free.parameters(), again.parameters()))


# -- the game ----------------------------------------------------------------------------------------------------------


def small(seed=0, m=8):
    x, y = study.points("moons", 40, 0)
    recipe = dataclasses.replace(study.plane(units=8), batch=m)
    return study.ClassGame(recipe, x, x[:4], y[:4], seed)


def test_a_step_descends_the_costs_of_the_game_by_adam():
    """Both players' first Adam step goes lr along the sign of the gradient that plain autograd gives."""
    game_, m = small(), 8
    before = {name: [p.detach().clone() for p in getattr(game_, name).parameters()] for name in "GD"}
    draws, rng = (torch.Generator() for _ in range(2))
    draws.set_state(game_.draws.get_state())
    rng.set_state(game_.rng.get_state())
    game_.step()
    rows = torch.randperm(40, generator=draws)[:m]
    labelled = torch.randint(4, (m,), generator=draws)
    known, y = game_.known[labelled], game_.y[labelled]
    z = game.prior("normal", m, 4, rng)
    fresh = small()
    G, D = fresh.G, fresh.D
    fake = G(z)
    f = D.features(torch.cat([known, game_.x[rows], fake]), rng)
    l = D.layers[-1].logit(f, rng)
    D_of = torch.sigmoid(l.logsumexp(1)).double()
    V = torch.log(D_of[m : 2 * m]).mean() + torch.log(1 - D_of[2 * m :]).mean()
    cost_D = -V / 2 - torch.log_softmax(l[:m], 1)[torch.arange(m), y].mean()
    cost_G = (f[m : 2 * m].mean(0) - f[2 * m :].mean(0)).square().mean()
    for name, cost, net in (("D", cost_D, D), ("G", cost_G, G)):
        gradients = torch.autograd.grad(cost, list(net.parameters()), retain_graph=True)
        for p, old, g in zip(getattr(game_, name).parameters(), before[name], gradients, strict=True):
            sure = g.abs() > 1e-5
            torch.testing.assert_close((p - old)[sure], -3e-3 * g.sign()[sure], atol=3e-5, rtol=0)


def test_the_game_is_decided_by_its_seed_and_the_net_alone_leaves_G():
    one, two, other = small(), small(), small(1)
    for _ in range(3):
        for each in (one, two, other):
            each.step()
    same = [all(torch.equal(a, b) for a, b in zip(one.D.parameters(), g.D.parameters())) for g in (two, other)]
    assert same == [True, False]
    alone = small()
    before = [p.detach().clone() for p in alone.G.parameters()]
    moved = [p.detach().clone() for p in alone.D.parameters()]
    alone.step_on_labels()
    assert all(torch.equal(a, b) for a, b in zip(before, alone.G.parameters()))
    assert not any(torch.equal(a, b) for a, b in zip(moved, alone.D.parameters()))


def test_what_makes_no_sense_is_refused():
    with pytest.raises(DataError, match="4 examples and 3 labels"):
        small().learn(torch.zeros(4, 2), torch.zeros(3, dtype=torch.int64))
    with pytest.raises(DataError, match="from 0 to 1"):
        small().learn(torch.zeros(1, 2), torch.tensor([2]))
    with pytest.raises(RecipeError, match="moons, rings"):
        study.points("stars", 10, 0)


def test_two_labels_of_each_moon_are_enough_in_the_game_and_not_for_a_line():
    x, y = study.points("moons", 500, 1)
    test, test_y = study.points("moons", 500, 2)
    at = torch.tensor([[-1.4, 0.0], [0.4, 0.2], [1.4, 0.0], [-0.4, -0.3]])
    known = torch.cdist(at, x).argmin(1)
    play = study.ClassGame(study.plane(), x, x[known], y[known])
    for _ in range(500):
        play.step()
    assert study.error(play.D.classes(test), test_y) < 0.03
    assert study.error(study.logistic(x[known], y[known], study.STRENGTH, 2).logits(test), test_y) > 0.08
