"""Learned inference: the posterior of a broken line, the game over pairs, and the measures, against other ways."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from ganlib import CheckpointError, DataError, RecipeError, theory
from ganlib.checkpoints import Trained, pretrained
from ganlib.densities import Pushforward
from ganlib.nets import Generator, Layer
from ganlib.recipes import INFERENCE
from ganlib.studies import inference
from ganlib.studies.inference import REACH, Inference

LINES = [inference.folded(shape) for shape in inference.SHAPES]
NORMAL = Pushforward([-8, -1, 0.5, 8], [3, -1, 0.5, -2], "normal")
GRID = np.linspace(-REACH, REACH, 400_001)[:-1] + REACH / 400_000  # z, so fine that sums over it are integrals


@pytest.mark.parametrize("G", [*LINES, NORMAL])
def test_the_branches_draw_x_and_their_weights_add_up_to_the_density(G):
    x = np.linspace(G.x.min(), G.x.max(), 41)[1:-1] + 0.0013  # at a turn two branches would meet
    z, weight = inference.branches(G, x)
    there = weight > 0
    assert np.allclose(G.G(z)[there], np.broadcast_to(x[:, None], z.shape)[there], atol=1e-12)
    assert np.allclose(weight.sum(1), G.pdf(x), atol=1e-12)
    for one in x:
        z, p = inference.posterior(G, one)
        assert p.sum() == pytest.approx(1) and (np.diff(z) > 0).all()
        assert inference.posterior_mean(G, [one])[0] == pytest.approx(p @ z)
        assert p[z == inference.heaviest(G, [one])[0]] == pytest.approx(p.max())


def test_an_x_that_nothing_draws_has_no_posterior_and_a_flat_piece_is_no_branch():
    z, p = inference.posterior(LINES[0], 2.0)
    assert len(z) == len(p) == 0
    assert np.isnan(inference.posterior_mean(LINES[0], [2.0])).all() and np.isnan(inference.heaviest(LINES[0], [2.0]))
    step = Pushforward([-REACH, 0, 1, REACH], [-1, 0, 0, 1])
    assert inference.posterior(step, -0.5)[0] == pytest.approx([-REACH / 2])
    with pytest.raises(RecipeError, match="unknown shape 'thrice'.*use one of straight"):
        inference.folded("thrice")
    with pytest.raises(RecipeError, match="turns at z = 2"):
        inference.folded("once", at=2)


@pytest.mark.parametrize("G", LINES)
def test_the_posterior_mean_is_what_regression_finds(G):
    """The best E among all that are constant on bins of x is the mean of the z in each, counted over a fine grid."""
    edges = np.linspace(G.x.min(), G.x.max(), 201)
    bins = np.clip(np.digitize(G.G(GRID), edges) - 1, 0, 199)
    counted = np.bincount(bins, GRID, 200) / np.bincount(bins, minlength=200)
    nodes, w = np.polynomial.legendre.leggauss(8)
    x = edges[:-1, None] + np.diff(edges)[:, None] * (nodes + 1) / 2
    exact = (w * G.pdf(x) * inference.posterior_mean(G, x)).sum(1) / (w * G.pdf(x)).sum(1)
    smooth = np.abs(np.diff(exact, prepend=exact[0], append=exact[-1])).reshape(-1)  # not a bin in which the mean jumps
    quiet = (smooth[:-1] < 0.05) & (smooth[1:] < 0.05)
    assert quiet.sum() > 180 and np.abs(counted - exact)[quiet].max() < 2e-3
    paid = np.mean((GRID - inference.posterior_mean(G, G.G(GRID))) ** 2) / 2
    assert inference.least_cost(G) == pytest.approx(paid, abs=1e-4)
    better = np.mean((GRID - counted[bins]) ** 2) / 2
    assert better >= paid - 1e-4, "no other E pays less"


def test_the_value_at_the_best_D_is_twice_the_JSD_and_no_D_does_better():
    rng = np.random.default_rng(0)
    P, Q = rng.random((2, 5, 4)) * (rng.random((2, 5, 4)) > 0.4)
    P, Q = P / P.sum(), Q / Q.sum()

    def entropy(p):
        return -sum(value * math.log(value) for value in p.ravel() if value > 0)

    JSD = entropy((P + Q) / 2) - (entropy(P) + entropy(Q)) / 2
    assert inference.best_V(P, Q) == pytest.approx(-math.log(4) + 2 * JSD, abs=1e-12)
    a = torch.zeros(P.shape, dtype=torch.float64, requires_grad=True)
    climb = torch.optim.LBFGS([a], max_iter=60)
    p, q = torch.from_numpy(P), torch.from_numpy(Q)

    def cost():
        climb.zero_grad()
        c = (p * torch.nn.functional.softplus(-a) + q * torch.nn.functional.softplus(a)).sum()
        c.backward()
        return c

    climb.step(cost)
    assert inference.best_V(P, Q) == pytest.approx(-cost().item(), abs=1e-4)


def test_the_joint_value_of_lines():
    """By the closed form: where E is on a branch of weight w, D* is 1 / (1 + w) there; off all of them D is right."""
    straight, once, twice = LINES
    assert inference.joint_V(straight, lambda x: inference.posterior_mean(straight, x)) == pytest.approx(-math.log(4))
    assert inference.joint_V(straight, lambda x: 0 * x + 5) == pytest.approx(0, abs=1e-12)

    def by_hand(w):
        return w * math.log(w) - (1 + w) * math.log(1 + w)

    both = 3 * (REACH - 0.6) / (2 * REACH)  # the share of z below the end of the shorter arm: its own, and twice that
    expected = both * by_hand(2 / 3) + (1 - both) * by_hand(1)
    assert inference.joint_V(once, lambda x: inference.heaviest(once, x)) == pytest.approx(expected, abs=1e-9)
    least = inference.joint_V(twice, lambda x: inference.heaviest(twice, x))
    for branch in range(3):  # any other choice of a branch is worse
        other = inference.joint_V(twice, lambda x, b=branch: inference.branches(twice, x)[0][:, b])
        assert other > least + 0.01


def test_a_line_is_a_net_and_small_nets_learn_from_it():
    for G in LINES:
        assert np.allclose(inference.on_line(inference.as_net(G), GRID[::1000]), G.G(GRID[::1000]), atol=1e-5)
    once, x = LINES[1], np.linspace(-1.3, 0.5, 10)
    E = inference.regress(once, 600)
    assert np.abs(inference.on_line(E, x) - inference.posterior_mean(once, x)).max() < 0.12
    *_, after = inference.joint(LINES[0], steps=800, fixed_G=True)
    assert np.abs(LINES[0].G(inference.on_line(after.E, x)) - x).max() < 0.2
    assert after.G.layers[0].linear.weight.equal(inference.as_net(LINES[0]).layers[0].linear.weight)
    first = next(inference.joint(once, lr=0.0, lr_D=0.0))
    *_, later = inference.joint(once, steps=30)
    assert not first.G.layers[0].linear.weight.equal(later.G.layers[0].linear.weight), "here G learns, too"


# -- nets on pictures --------------------------------------------------------------------------------------------------


def linear(inputs, weight, last="linear"):
    """A net of one layer with this weight (units, inputs)."""
    net = Generator(inputs, (Layer(len(weight), last, 0.1),))
    with torch.no_grad():
        net.layers[0].linear.weight.copy_(torch.as_tensor(weight))
        net.layers[0].linear.bias.zero_()
    return net


W = torch.randn(6, 3, generator=torch.Generator().manual_seed(0))
RECIPE = replace(INFERENCE, z_dim=3)


def test_the_errors_of_nets_that_are_linear():
    G, E = linear(3, W), linear(6, torch.linalg.pinv(W))
    net, x = Inference(G, E, RECIPE, {}), torch.rand(50, 6, generator=torch.Generator().manual_seed(1))
    found = inference.errors(net, x)
    rest = x - x @ torch.linalg.pinv(W).T @ W.T
    assert found["z"] < 1e-10 and found["samples"] < 1e-10
    assert found["digits"] == pytest.approx(rest.square().sum(1).mean().item(), rel=1e-4)
    nothing = Inference(G, linear(6, 0 * W.T), RECIPE, {})
    assert inference.errors(nothing, x)["z"] == pytest.approx(1, abs=0.25) and inference.errors(nothing, x)["size"] == 0
    assert list(net.features(x)) == ["E(x)"] and torch.equal(net.features(x)["E(x)"], net.z(x))


def test_descent_finds_the_best_z_within_reach_and_keeps_the_better_start():
    G, x = linear(3, W), torch.rand(4, 6, generator=torch.Generator().manual_seed(1))
    z, off = inference.best_z(G, x, [torch.zeros(4, 3)], steps=600, reach=100)
    assert torch.allclose(z, x @ torch.linalg.pinv(W).T, atol=1e-3)
    assert torch.allclose(off, (G(z) - x).square().sum(1), atol=1e-5)
    near, _ = inference.best_z(G, x, [torch.full((4, 3), 9.0), z], steps=1, lr=1e-9, reach=100)
    assert torch.allclose(near, z), "the better of two starts"
    assert inference.best_z(G, 100 * x, [z], steps=50)[0].abs().max() <= REACH + 1e-6
    assert all(p.requires_grad for p in G.parameters())


def test_singular_values_are_those_of_the_jacobian():
    G, z = linear(3, W, "sigmoid"), torch.randn(2, 3, generator=torch.Generator().manual_seed(2))
    for one, found in zip(z, inference.spectrum(G, z)):
        slope = torch.sigmoid(W @ one) * (1 - torch.sigmoid(W @ one))
        assert torch.allclose(found, torch.linalg.svdvals((slope[:, None] * W).double()), atol=1e-6)


def test_nearest_neighbours_by_brute_force():
    rng = torch.Generator().manual_seed(0)
    train, test = torch.rand(40, 5, generator=rng), torch.rand(17, 5, generator=rng)
    labels = torch.arange(40) % 7
    apart = ((test[:, None] - train[None]) ** 2).sum(-1)
    assert torch.equal(inference.nearest_class(train, labels, test, chunk=4), labels[apart.argmin(1)])
    off, which = inference.closest(test, train, k=3, chunk=4)
    assert torch.equal(which, apart.argsort(1)[:, :3]) and torch.allclose(off, apart.sort(1).values[:, :3], atol=1e-5)
    with pytest.raises(DataError, match=r"\(40, 5\), \(39,\) and \(17, 5\)"):
        inference.nearest_class(train, labels[1:], test)


def test_weights_come_back_and_what_is_missing_is_said(tmp_path):
    recipe = INFERENCE.at("smoke")
    players = recipe.players(0, torch.full((784,), 0.2))
    trained = Trained(players["G"], players["D"], recipe, {"data": "made up", "seed": 0, "epochs": 1.0}, E=players["E"])
    net, x = Inference.of(trained), torch.rand(3, 784, generator=torch.Generator().manual_seed(0))
    net.save(tmp_path / "joint.safetensors")
    same = Inference.load("joint", tmp_path)
    assert torch.allclose(same.again(x), net.again(x), atol=2e-2) and same.info == net.info and same.recipe == recipe
    with pytest.raises(CheckpointError, match="no weights named 'after' come with this package; there are: joint"):
        Inference.load("after", tmp_path)
    with pytest.raises(RecipeError, match="'mnist' has no inference net"):
        Inference.of(pretrained("mnist"))
    wide = INFERENCE.players(0, torch.full((784,), 0.2))
    Inference(pretrained("mnist").G, wide["E"], INFERENCE, {}).save(tmp_path / "after.safetensors", own_G=False)
    z = INFERENCE.noise(2, 0)
    assert torch.equal(Inference.load("after", tmp_path).G.pictures(z), pretrained("mnist").G.pictures(z))


def test_the_cost_is_half_of_one_for_a_constant_guess():
    assert inference.least_cost(LINES[0]) == pytest.approx(0, abs=1e-12)
    even = Pushforward([-REACH, 0, REACH], [1, 0, 1])  # a V in the middle says nothing of z's sign
    assert inference.least_cost(even) == pytest.approx(0.5)
    assert theory.expectation(lambda x: 1 + 0 * x, even) == pytest.approx(1)
