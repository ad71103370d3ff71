"""The costs against log D written out, the fused gradient against plain autograd, the prior against its moments."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy import stats
from scipy.special import expit, log_expit

from ganlib import RecipeError, game
from ganlib.nets import Discriminator, Generator, Layer

COSTS = ["non-saturating", "minimax", "blend"]


def logits(*values):
    return torch.tensor(values, dtype=torch.float64)


# -- V and the costs --------------------------------------------------------------------------------------------------


def test_V_and_the_costs_are_the_papers_formulas():
    rng = np.random.default_rng(0)
    a, b = rng.normal(0, 3, 50), rng.normal(0, 3, 50)
    D_x, D_Gz = expit(a), expit(b)
    V = np.mean(np.log(D_x)) + np.mean(np.log(1 - D_Gz))
    real, fake = torch.tensor(a), torch.tensor(b)
    assert game.value(real, fake).item() == pytest.approx(V, abs=1e-12)
    assert game.discriminator_cost(real, fake).item() == pytest.approx(-V / 2, abs=1e-12)
    assert game.generator_cost(fake, "minimax").item() == pytest.approx(np.mean(np.log(1 - D_Gz)), abs=1e-12)
    assert game.generator_cost(fake, "non-saturating").item() == pytest.approx(-np.mean(np.log(D_Gz)), abs=1e-12)
    blend = (np.mean(np.log(1 - D_Gz)) - np.mean(np.log(D_Gz))) / 2
    assert game.generator_cost(fake, "blend").item() == pytest.approx(blend, abs=1e-12)
    assert game.generator_cost(fake).item() == game.generator_cost(fake, "non-saturating").item()


def test_V_is_minus_log_4_where_D_knows_nothing():
    half = torch.zeros(7, dtype=torch.float64)
    assert game.value(half, half).item() == pytest.approx(-math.log(4), abs=1e-12)
    assert game.MINUS_LOG_4 == pytest.approx(-1.386294361119890, abs=1e-12)
    assert game.discriminator_cost(half, half).item() == pytest.approx(math.log(2), abs=1e-12)


def test_batches_of_two_sizes_are_averaged_each():
    assert game.value(logits(0.0, 0.0, 0.0), logits(0.0)).item() == pytest.approx(-math.log(4), abs=1e-12)


@pytest.mark.parametrize("a", [-1000.0, -100.0, -41.0, -39.0, -21.0, -19.0, 19.0, 21.0, 39.0, 41.0, 100.0, 1000.0])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_extreme_logits_stay_finite_and_exact(a, dtype):
    one = torch.tensor([a], dtype=dtype, requires_grad=True)
    zero = torch.zeros(1, dtype=dtype)
    for cost, expected in (
        (game.value(one, zero), log_expit(a) - math.log(2)),
        (game.value(zero, one), log_expit(-a) - math.log(2)),
        (game.generator_cost(one, "non-saturating"), -log_expit(a)),
        (game.generator_cost(one, "minimax"), log_expit(-a)),
    ):
        assert cost.item() == pytest.approx(expected, rel=1e-15 if dtype == torch.float64 else 1e-6, abs=1e-40)
        (gradient,) = torch.autograd.grad(cost, one)
        assert torch.isfinite(gradient).all()


def test_minimax_and_non_saturating_gradients():
    """Per logit: minimax gives -D, non-saturating -(1 - D); so their sum is -1 and the first vanishes early."""
    a = logits(-8.0, -1.0, 0.0, 0.5, 9.0).requires_grad_()
    D = torch.sigmoid(a).detach()
    (minimax,) = torch.autograd.grad(5 * game.generator_cost(a, "minimax"), a)
    (strong,) = torch.autograd.grad(5 * game.generator_cost(a, "non-saturating"), a)
    assert (minimax + D).abs().max().item() < 1e-14
    assert (strong + 1 - D).abs().max().item() < 1e-14
    assert minimax[0].abs() < 0.001 < 0.999 < strong[0].abs()


@pytest.mark.parametrize("cost", ["", "Minimax", "wasserstein", "features"])
def test_an_unknown_cost_is_refused(cost):
    for ask in (game.generator_cost, game.fused_factor):
        with pytest.raises(RecipeError, match="unknown generator cost .*; use one of non-saturating, minimax"):
            ask(torch.zeros(3), cost)


# -- the prior --------------------------------------------------------------------------------------------------------


def heaps(z):
    return (stats.norm.cdf(z, -0.8, 0.6) + stats.norm.cdf(z, 0.8, 0.6)) / 2


LAWS = {
    "uniform": stats.uniform(-math.sqrt(3), 2 * math.sqrt(3)).cdf,
    "normal": stats.norm.cdf,
    "truncated": lambda z: stats.truncnorm.cdf(z * stats.truncnorm.std(-1, 1), -1, 1),
    "mixture": heaps,
}


@pytest.mark.parametrize("name", LAWS)
def test_the_prior_has_its_distribution(name):
    z = game.prior(name, 2_000, 50, torch.Generator().manual_seed(0)).double()
    assert z.shape == (2_000, 50)
    assert stats.kstest(z.flatten().numpy(), LAWS[name]).pvalue > 0.01
    assert z.mean().item() == pytest.approx(0, abs=0.02)
    assert z.var().item() == pytest.approx(1, abs=0.02)
    assert np.corrcoef(z.T.numpy())[np.triu_indices(50, 1)] == pytest.approx(0, abs=0.12)
    if name == "uniform":
        assert math.sqrt(3) - 0.001 < z.abs().max().item() <= math.sqrt(3) + 1e-6


def test_the_sphere_and_the_coins():
    z = game.prior("sphere", 2_000, 20, torch.Generator().manual_seed(0)).double()
    assert z.norm(dim=1).sub(math.sqrt(20)).abs().max() < 1e-5
    share = z[:, 0].square() / 20  # a coordinate's share of the squared radius, of a direction without preference
    assert stats.kstest(share.numpy(), stats.beta(0.5, 9.5).cdf).pvalue > 0.01
    z = game.prior("discrete", 2_000, 5, torch.Generator().manual_seed(0)).double()
    assert set(z[:, :3].flatten().tolist()) == {-1.0, 1.0}
    assert z[:, :3].mean(0).abs().max() < 0.08 and z[:, :3].T.corrcoef().triu(1).abs().max() < 0.08
    assert stats.kstest(z[:, 3:].flatten().numpy(), "norm").pvalue > 0.01


@pytest.mark.parametrize("name", game.PRIORS)
def test_a_seed_means_the_same_z_in_every_precision(name):
    one, two = (game.prior(name, 5, 3, torch.Generator().manual_seed(1), d) for d in (torch.float32, torch.float64))
    assert two.dtype == torch.float64 and torch.equal(one.double(), two)


def test_an_unknown_prior_is_refused():
    with pytest.raises(RecipeError, match="unknown prior 'cauchy'; use one of uniform, normal, sphere"):
        game.prior("cauchy", 5, 3, torch.Generator())


# -- interpolation ----------------------------------------------------------------------------------------------------


def test_interpolation_is_linear_and_meets_its_points():
    points = torch.randn(4, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    walk = game.interpolate(points, 13)
    assert torch.equal(walk[::4], points)
    for i in range(13):
        line, share = divmod(i, 4)
        there = points[min(line + 1, 3)]
        assert (walk[i] - (points[line] + share / 4 * (there - points[line]))).abs().max().item() < 1e-15
    odd = game.interpolate(points, 20)
    assert torch.equal(odd[[0, -1]], points[[0, -1]]) and len(odd) == 20


def test_interpolate_has_exact_ends_and_equal_spacing():
    z = torch.randn(4, 7, generator=torch.Generator().manual_seed(0))
    path = game.interpolate(z, 31)
    assert path.shape == (31, 7)
    assert path.dtype == z.dtype
    assert torch.equal(path[0], z[0])
    assert torch.equal(path[-1], z[-1])
    assert torch.equal(path[[0, 10, 20, 30]], z)
    for piece in range(3):
        moves = path[10 * piece : 10 * piece + 11].double().diff(dim=0)
        assert torch.allclose(moves, (z[piece + 1] - z[piece]).double() / 10, atol=1e-6)
    assert torch.equal(game.interpolate(z[:2], 2), z[:2])
    uneven = game.interpolate(z, 20)  # 19 is no multiple of 3: still equal spacing in t
    assert torch.allclose(uneven, game.on_path(z, torch.arange(20) / 19.0), atol=1e-6)


@pytest.mark.parametrize("n", [1, 0, -3, 2.0, True, "5", None])
def test_interpolate_refuses_an_absurd_n(n):
    with pytest.raises(RecipeError, match="n is"):
        game.interpolate(torch.zeros(2, 3), n)


@pytest.mark.parametrize("shape", [(1, 3), (0, 3), (3,)])
def test_interpolate_needs_two_points(shape):
    with pytest.raises(RecipeError, match="a path through z needs|points is an array of .* must be a dense"):
        game.interpolate(torch.zeros(shape), 5)


# -- gradients --------------------------------------------------------------------------------------------------------


def pair(shift=0.0, dtype=torch.float64):
    """A small G and D; D's output bias is `shift`, so its logits lie around it."""
    rng = torch.Generator().manual_seed(2)
    G = Generator(3, (Layer(8, "relu", 1.0), Layer(6, "sigmoid", 1.0)), rng)
    D = Discriminator(6, (Layer(5, "maxout", 1.0, pieces=5, keep=0.8), Layer(1, "sigmoid", 1.0, keep=0.5)), rng)
    with torch.no_grad():
        D.layers[-1].linear.bias.fill_(shift)
    x, z = torch.rand(7, 6, generator=rng), torch.randn(7, 3, generator=rng)
    return G.to(dtype), D.to(dtype), x.to(dtype), z.to(dtype)


def plain_cost_G(a_fake, cost):
    log_D, log_not_D = (torch.nn.functional.logsigmoid(sign * a_fake).mean() for sign in (1, -1))
    return {"non-saturating": -log_D, "minimax": log_not_D, "blend": (log_not_D - log_D) / 2}[cost]


def plain_gradients(G, D, x, z, cost, rng):
    """Both gradients by autograd through the whole of G and D, the logits' losses written out."""
    a_real, a_fake = D.logit(torch.cat([x, G(z)]), rng).split(7)
    log1p = torch.nn.functional.logsigmoid
    cost_D = -(log1p(a_real).mean() + log1p(-a_fake).mean()) / 2
    cost_G = plain_cost_G(a_fake, cost)
    grad_D = torch.autograd.grad(cost_D, list(D.parameters()), retain_graph=True)
    return grad_D, torch.autograd.grad(cost_G, list(G.parameters()))


def relative_difference(found, expected):
    return max(((a - b).norm() / b.norm().clamp(min=1e-300)).item() for a, b in zip(found, expected, strict=True))


@pytest.mark.parametrize("dropout", [True, False])
@pytest.mark.parametrize("shift", [0.0, -5.0, 5.0, -30.0, 30.0, -39.0, -41.0, -100.0, 100.0, -1000.0, 1000.0])
@pytest.mark.parametrize("cost", COSTS)
def test_the_fused_gradient_is_that_of_plain_autograd(cost, shift, dropout):
    """Far below zero D's own gradient underflows; then G's comes from a pass of its own."""
    G, D, x, z = pair(shift)
    streams = [torch.Generator().manual_seed(5) if dropout else None for _ in range(2)]
    found = game.simultaneous_gradients(G, D, x, z, cost, streams[0])
    grad_D, grad_G = plain_gradients(G, D, x, z, cost, streams[1])
    assert relative_difference(found.D, grad_D) < 1e-11
    assert relative_difference(found.G, grad_G) < 1e-11
    assert found.a_fake.mean().item() == pytest.approx(shift, abs=5)
    assert not found.a_fake.requires_grad and not found.a_real.requires_grad
    if cost == "non-saturating" and shift < 0:
        assert max(g.abs().max().item() for g in found.G) > 1e-3, "the strong gradient early in learning"


@pytest.mark.parametrize("shift", [-1000.0, -100.0, -88.0, -41.0, -39.0, 0.0, 39.0, 100.0, 1000.0])
@pytest.mark.parametrize("cost", COSTS)
def test_the_fused_gradient_is_right_in_float32_too(cost, shift):
    exact = plain_gradients(*pair(shift), cost, None)[1]
    found = game.simultaneous_gradients(*pair(shift, torch.float32), cost).G
    for f, e in zip(found, exact, strict=True):
        assert torch.isfinite(f).all()
        assert (f - e).norm().item() <= 1e-4 * e.norm().item() + 1e-37


@pytest.mark.parametrize("cost", COSTS)
def test_nets_in_bfloat16_leave_the_costs_in_float32(cost):
    G, D, x, z = pair(-5.0, torch.bfloat16)
    both, alone = game.simultaneous_gradients(G, D, x, z, cost), game.generator_gradients(G, D, z, cost)
    assert both.a_real.dtype == both.a_fake.dtype == alone.a_fake.dtype == torch.float32
    assert {g.dtype for g in (*both.D, *both.G, *alone.G)} == {torch.bfloat16}


@pytest.mark.parametrize("cost", COSTS)
def test_a_batch_in_which_one_logit_is_far_below_the_rest(cost):
    G, D, x, z = pair(shift=-75.0)
    with torch.no_grad():
        D.layers[0].linear.weight.mul_(60)
    found = game.simultaneous_gradients(G, D, x, z, cost)
    assert found.a_fake.min() < -41 and found.a_fake.max() > -5
    grad_D, grad_G = plain_gradients(G, D, x, z, cost, None)
    assert relative_difference(found.D, grad_D) < 1e-12 and relative_difference(found.G, grad_G) < 1e-11


@pytest.mark.parametrize("cost", COSTS)
def test_the_alternating_gradients_are_those_of_plain_autograd(cost):
    G, D, x, z = pair(-1.0)
    grad_D, grad_G = plain_gradients(G, D, x, z, cost, None)
    assert relative_difference(game.discriminator_gradients(D, x, G(z)).D, grad_D) < 1e-12
    found = game.generator_gradients(G, D, z, cost)
    assert relative_difference(found.G, grad_G) < 1e-12
    assert found.D == () and found.a_real is None
    assert game.discriminator_gradients(D, x, G(z)).G == ()


def test_the_fused_factor_is_the_ratio_of_the_costs_slopes():
    a = logits(-30.0, -2.0, 0.0, 1.5, 20.0).requires_grad_()
    for cost in COSTS:
        (of_G,) = torch.autograd.grad(game.generator_cost(a, cost), a)
        (of_D,) = torch.autograd.grad(game.discriminator_cost(logits(0.0), a), a)
        assert (game.fused_factor(a.detach(), cost) / (of_G / of_D)).tolist() == pytest.approx([1] * 5, rel=1e-7)


# -- three nets, features, labels -------------------------------------------------------------------------------------


def third(dtype=torch.float64):
    """E, from x (6) to z (3), and a D of pairs (x, z)."""
    rng = torch.Generator().manual_seed(4)
    E = Generator(6, (Layer(7, "relu", 1.0), Layer(3, "linear", 1.0)), rng)
    layers = (Layer(5, "maxout", 1.0, pieces=5, keep=0.8), Layer(1, "sigmoid", 1.0, keep=0.5))
    return E.to(dtype), Discriminator(9, layers, rng).to(dtype)


@pytest.mark.parametrize("shift", [0.0, -41.0, 41.0, -500.0, 500.0])
@pytest.mark.parametrize("cost", COSTS)
def test_the_joint_gradients_are_those_of_plain_autograd(cost, shift):
    """D parts (x, E(x)) from (G(z), z). G wants a(G(z), z) large, E wants a(x, E(x)) small, each at its own cost."""
    (G, _, x, z), (E, D) = pair(), third()
    with torch.no_grad():
        D.layers[-1].linear.bias.fill_(shift)
    streams = [torch.Generator().manual_seed(5) for _ in range(2)]
    found = game.joint_gradients(G, E, D, x, z, cost, streams[0])
    real, fake = torch.cat([x, E(x)], 1), torch.cat([G(z), z], 1)
    a_real, a_fake = D.logit(torch.cat([real, fake]), streams[1]).split(7)
    log_sigmoid = torch.nn.functional.logsigmoid
    cost_D = -(log_sigmoid(a_real).mean() + log_sigmoid(-a_fake).mean()) / 2
    for name, net, paid in (
        ("D", D, cost_D),
        ("G", G, plain_cost_G(a_fake, cost)),
        ("E", E, plain_cost_G(-a_real, cost)),
    ):
        expected = torch.autograd.grad(paid, list(net.parameters()), retain_graph=True)
        assert relative_difference(getattr(found, name), expected) < 1e-10, name
    assert found.cost_E == pytest.approx(plain_cost_G(-a_real, cost).item(), rel=1e-12)


def test_the_inference_net_descends_the_mean_square_of_its_guess():
    (G, _, _, z), (E, _) = pair(), third()
    with torch.no_grad():
        x = G(z)
    cost, found = game.inference_gradients(E, x, z)
    paid = sum((a - b) ** 2 for row, guess in zip(z, E(x)) for a, b in zip(row, guess)) / (7 * 3 * 2)
    assert cost == pytest.approx(paid.item(), rel=1e-12)
    assert relative_difference(found, torch.autograd.grad(paid, list(E.parameters()))) < 1e-12


def classifier():
    """A D that ends in four classes."""
    rng = torch.Generator().manual_seed(6)
    layers = (Layer(5, "relu", 1.0, noise=0.3), Layer(4, "linear", 1.0, keep=0.5, noise=0.2))
    return Discriminator(6, layers, rng).double()


@pytest.mark.parametrize("cost", ["features", *COSTS])
@pytest.mark.parametrize("labelled", [True, False])
def test_gradients_with_features_and_labels_are_those_of_plain_autograd(cost, labelled):
    """p(y) = exp l_y / (1 + sum exp l): class K + 1, "from G", has the logit 0. f is what the last layer reads."""
    G, two, x, z = pair()
    D = classifier() if labelled else two
    known, y = torch.rand(3, 6, dtype=torch.float64), torch.tensor([2, 0, 3])
    streams = [torch.Generator().manual_seed(5) for _ in range(2)]
    found = game.feature_gradients(G, D, x, z, cost, streams[0], (known, y) if labelled else None)
    rows = torch.cat([*([known] if labelled else []), x, G(z)])
    f = rows
    for layer in D.layers[:-1]:
        f = layer(f, streams[1])
    out = D.layers[-1].logit(f, streams[1])
    f_real, f_fake = f[-14:-7], f[-7:]
    p = torch.sigmoid(out[:, 0]) if not labelled else 1 - 1 / (1 + out.exp().sum(1))
    cost_D = -(p[-14:-7].log().mean() + (1 - p[-7:]).log().mean()) / 2
    if labelled:
        right = torch.stack([out[i].exp()[k] / out[i].exp().sum() for i, k in enumerate(y.tolist())])
        cost_D = cost_D - right.log().mean()
        assert found.cost_labels == pytest.approx(-right.log().mean().item(), rel=1e-12)
    matched = ((f_real.detach().mean(0) - f_fake.mean(0)) ** 2).mean()
    a_fake = (p / (1 - p)).log()[-7:]
    cost_G = matched if cost == "features" else plain_cost_G(a_fake, cost)
    assert found.cost_G == pytest.approx(cost_G.item(), rel=1e-10)
    grad_G = torch.autograd.grad(cost_G, list(G.parameters()), retain_graph=True)
    assert relative_difference(found.G, grad_G) < 1e-10
    assert relative_difference(found.D, torch.autograd.grad(cost_D, list(D.parameters()))) < 1e-10
    assert found.a_fake.tolist() == pytest.approx(a_fake.tolist(), rel=1e-9)


# -- many games at once -----------------------------------------------------------------------------------------------


class Stack:
    """Nets side by side, as the gradients take them: inputs (B, m, .), outputs and logits with a leading dimension."""

    def __init__(self, nets):
        self.nets = nets

    def parameters(self):
        return [p for net in self.nets for p in net.parameters()]

    def __call__(self, z):
        return torch.stack([net(part) for net, part in zip(self.nets, z)])

    def logit(self, x, rng=None):
        return torch.stack([net.logit(part, rng) for net, part in zip(self.nets, x)])


def games(*shifts):
    """Games that differ in D's output bias and in their minibatches, one by one and as a stack."""
    each = [pair(shift) for shift in shifts]
    for i, (_, _, x, z) in enumerate(each):
        x.mul_(1 - 0.1 * i)
        z.add_(0.3 * i)
    Gs, Ds, xs, zs = zip(*each)
    return each, (Stack(Gs), Stack(Ds), torch.stack(xs), torch.stack(zs))


def test_costs_of_a_stack_are_each_games_own():
    a, b = torch.randn(2, 3, 7, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    for f in (game.value, game.discriminator_cost):
        assert f(a, b).tolist() == pytest.approx([f(*row).item() for row in zip(a, b)], abs=1e-14)
    for cost in COSTS:
        found = game.generator_cost(a, cost)
        assert found.tolist() == pytest.approx([game.generator_cost(row, cost).item() for row in a], abs=1e-14)
        assert game.fused_factor(a, cost).shape == a.shape


@pytest.mark.parametrize("shifts", [(0.0, -2.0, 3.0), (0.0, -1000.0, 1.0)])
@pytest.mark.parametrize("cost", COSTS)
def test_gradients_of_a_stack_are_each_games_own(cost, shifts):
    """Also where one game's logits are so low that the gradients of all come from a pass of their own."""
    each, together = games(*shifts)
    G, D, x, z = together
    plain = [plain_gradients(*one, cost, None) for one in each]
    grad_D, grad_G = ([g for pair in plain for g in pair[player]] for player in (0, 1))
    both = game.simultaneous_gradients(G, D, x, z, cost)
    assert both.a_fake.shape == both.a_real.shape == (3, 7)
    assert relative_difference(both.D, grad_D) < 1e-11 and relative_difference(both.G, grad_G) < 1e-11
    assert relative_difference(game.discriminator_gradients(D, x, G(z)).D, grad_D) < 1e-11
    assert relative_difference(game.generator_gradients(G, D, z, cost).G, grad_G) < 1e-11


@pytest.mark.parametrize("broken", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("cost", COSTS)
def test_a_broken_game_beside_one_with_very_low_logits(cost, broken):
    """NaN is below nothing: the low logits next to it must still call for the pass of their own."""
    each, (G, D, x, z) = games(-1000.0, 0.0, 0.5)
    with torch.no_grad():
        D.nets[1].layers[-1].linear.bias.fill_(broken)
    found = game.simultaneous_gradients(G, D, x, z, cost)
    for i in (0, 2):
        grad_D, grad_G = plain_gradients(*each[i], cost, None)
        for mine, expected in ((found.D, grad_D), (found.G, grad_G)):
            own = mine[i * len(expected) : (i + 1) * len(expected)]
            assert relative_difference(own, expected) < 1e-11
    if math.isnan(broken):
        assert found.a_fake[1].isnan().all() and not found.a_fake[0].isnan().any()
