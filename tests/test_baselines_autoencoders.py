"""The contractive and denoising autoencoders, the GSN and the VAE, against autograd, enumeration and quadrature."""

import copy
import math
from dataclasses import replace
from itertools import product

import pytest
import torch
from torch.nn.functional import binary_cross_entropy

from ganlib import DataError, hardware
from ganlib.baselines import fit
from ganlib.baselines.cae import CAERecipe
from ganlib.baselines.gsn import DAE, GSNRecipe
from ganlib.baselines.vae import VAERecipe
from ganlib.studies.likelihood import by_encoder

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture
def float32(monkeypatch):
    """Training without bfloat16, also on a processor that has it."""
    monkeypatch.setattr(hardware, "has_bfloat16", lambda device: False)


def rng(seed=0):
    return torch.Generator().manual_seed(seed)


def pictures(n, d, seed=0):
    return torch.rand(n, d, generator=rng(seed))


def started(recipe, d, dtype=torch.float64):
    """A model with biases that are not 0, so that none goes unseen."""
    model = recipe.start(torch.full((d,), 0.4), 3)
    with torch.no_grad():
        for p in model.parameters():
            p.add_(torch.randn(p.shape, generator=rng(1)) * 0.3)
    return model.to(dtype)


def last(steps):
    *_, step = steps
    return step


# -- the contractive autoencoder --------------------------------------------------------------------------------------


def test_the_penalty_is_the_squared_norm_of_autograds_jacobian():
    layer = started(CAERecipe(hidden=(4,)), 6).layers[0]
    for x in pictures(5, 6).double():
        J = torch.autograd.functional.jacobian(lambda u: layer.f(u[None])[0], x)  # (4, 6)
        assert layer.penalty(layer.f(x[None])).item() == pytest.approx(J.square().sum().item(), rel=1e-12)


@pytest.mark.parametrize("hidden", [(4,), (5, 3)])
def test_a_move_of_the_chain_is_J_J_T_epsilon(hidden):
    model = started(CAERecipe(hidden=hidden, sigma=0.7), 6)
    x = pictures(2, 6).double()

    def f(u):
        for layer in model.layers:
            u = (u @ layer.W + layer.c).sigmoid()
        return u

    epsilon = 0.7 * torch.randn((2, hidden[-1]), generator=rng(), dtype=torch.float64)
    h = []
    for row, e in zip(x, epsilon):
        J = torch.autograd.functional.jacobian(f, row)
        h.append(f(row) + J @ J.T @ e)
    expected = torch.stack(h)
    for layer in reversed(model.layers):
        expected = layer.g(expected)
    draw, mean = next(model.walk(x, rng()))
    assert torch.allclose(draw, expected, atol=1e-12) and torch.equal(draw, mean)


def test_its_samples_can_begin_at_pictures():
    model, x = started(CAERecipe(hidden=(4,), burn_in=2, thin=3), 6, torch.float32), pictures(3, 6)
    found = model.samples(7, 1, start=x)
    walk = model.walk(x, rng(1))
    with torch.no_grad():
        each = [next(walk)[0] for _ in range(11)]
    assert torch.equal(found, torch.cat([each[4], each[7], each[10]])[:7])


@pytest.mark.parametrize("turn", [0, 1])
def test_a_step_of_one_layer_goes_down_the_cost_written_out(turn):
    model = started(CAERecipe(hidden=(5, 3), epochs_a_layer=10, lr=0.2, contraction=0.3), 6)
    model.done = 10 * turn
    before, x = copy.deepcopy(model), pictures(4, 6).double()
    below = before.layers[0].f(x).detach() if turn else x
    layer = before.layers[turn]
    cost = 0
    for u in below:
        J = torch.autograd.functional.jacobian(lambda v: (v @ layer.W + layer.c).sigmoid(), u, create_graph=True)
        mean = ((u @ layer.W + layer.c).sigmoid() @ layer.W.T + layer.b).sigmoid()
        cost = cost + (binary_cross_entropy(mean, u, reduction="sum") + 0.3 * J.square().sum()) / 4
    cost.backward()
    assert model.learn(x, rng()) == pytest.approx(cost.item(), rel=1e-12)
    for name, p in model.named_parameters():
        old, slope = before.get_parameter(name), before.get_parameter(name).grad
        assert torch.allclose(p, old if slope is None else old - 0.2 * slope, atol=1e-12), name
        assert (slope is not None) == name.startswith(f"layers.{turn}.")


# -- the generative stochastic network and the denoising autoencoder --------------------------------------------------


def test_corruption_sets_two_pixels_in_five_by_a_fair_coin():
    x = torch.tensor([0.0, 0.5, 1.0]).expand(10_000, 3)
    got = DAE.start(x[0], 0).corrupt(x, rng())
    for value, shares in zip((0.0, 0.5, 1.0), ({0: 0.8, 1: 0.2}, {0: 0.2, 0.5: 0.6, 1: 0.2}, {0: 0.2, 1: 0.8})):
        column = got[:, x[0] == value]
        for to, share in shares.items():
            assert (column == to).double().mean().item() == pytest.approx(share, abs=0.02)


def kernel(model):
    """T[x, x'] of the chain over all pictures of d binary pixels, for one hidden layer: by enumeration."""
    d, c = model.d, model.recipe.corruption
    states = torch.tensor(list(product([0.0, 1.0], repeat=d)), dtype=torch.float64)
    same = (states[:, None] == states[None]).double()
    corrupted = (same * (1 - c / 2) + (1 - same) * c / 2).prod(2)  # (x, x~)
    with torch.no_grad():
        h = (states @ model.W[0] + model.b[1]).sigmoid()
        p = (h @ model.W[0].T + model.b[0]).sigmoid()  # (x~, d)
    drawn = torch.where(states[None] == 1, p[:, None], 1 - p[:, None]).prod(2)  # (x~, x')
    return states, corrupted @ drawn


def stationary(T):
    return torch.linalg.matrix_power(T, 10_000)[0]


SMALL_DAE = replace(DAE, hidden=(8,), lr=1.0, batch=100)


def test_a_long_chain_visits_each_picture_as_often_as_its_enumerated_kernel_says():
    model = started(SMALL_DAE, 3)
    with torch.no_grad():
        model.W[0].mul_(3)  # far from even
    states, T = kernel(model)
    assert T.sum(1).tolist() == pytest.approx([1] * 8)
    pi = stationary(T)
    assert (pi @ T - pi).abs().max() < 1e-12 and pi.max() > 3 * pi.min()
    x = model.chain(60, 1, states.repeat(500, 1), burn_in=40).double().flatten(0, 1)  # 4,000 chains
    visits = (x[:, None] == states).all(2).double().mean(0)
    assert bool(((visits - pi).abs() < 5 * (2 * pi * (1 - pi) / len(x)).sqrt()).all())
    pairs = model.chain(1, 2, states[5].expand(20_000, 3)).double()[0]
    next_one = (pairs[:, None] == states).all(2).double().mean(0)
    assert (next_one - T[5]).abs().max() < 4 * math.sqrt(0.25 / 20_000)


def test_a_denoising_autoencoder_learns_the_data_as_its_chains_distribution(float32):
    """Theorem 1 of Bengio et al. (2013), where p(x | x~) can be met exactly: independent pixels."""
    share = torch.tensor([0.2, 0.7, 0.5])
    x = torch.bernoulli(share.expand(4000, 3), generator=rng())
    model = last(fit(x, replace(SMALL_DAE, epochs=15), device="cpu")).model.double()
    states, T = kernel(model)
    assert ((stationary(T) @ states) - x.mean(0)).abs().max() < 0.03
    data = torch.where(states == 1, share.double(), 1 - share.double()).prod(1)
    assert (stationary(T) - data).abs().sum() / 2 < 0.05


@pytest.mark.parametrize("hidden", [(5,), (5, 4), (5, 4, 3)])
def test_two_steps_of_learning_follow_the_authors_script(hidden, float32):
    """Odd layers, then even ones; noise but in h_1; costs summed over the walkbacks; momentum from a buffer of 0."""
    recipe = GSNRecipe(hidden=hidden, walkbacks=3, batch=4, lr=0.5, annealing=0.9)
    model, x, d = started(recipe, 6), pictures(4, 6).double(), 6
    model.done = 2
    theirs, K = copy.deepcopy(model), len(hidden)
    buffers = [torch.zeros_like(p) for p in theirs.parameters()]
    ours, same = rng(5), rng(5)

    def noise(shape):
        return 2.0 * torch.randn(shape, generator=same, dtype=torch.float64)

    def salt_and_pepper(v):
        u = torch.rand(v.shape, generator=same)
        return v * (u >= 0.4) + ((u >= 0) & (u < 0.2))

    for _ in range(2):
        W, b = list(theirs.W), list(theirs.b)
        h = [salt_and_pepper(x)] + [torch.zeros(4, width, dtype=torch.float64) for width in hidden]
        cost = 0
        for _ in range(3):
            for i in [i for i in range(1, K + 1) if i % 2] + [i for i in range(1, K + 1) if i % 2 == 0]:
                a = h[i - 1] @ W[i - 1] + b[i] + (h[i + 1] @ W[i].T if i < K else 0)
                h[i] = torch.tanh(a) if i == 1 else torch.tanh(a + noise(a.shape)) + noise(a.shape)
            p = torch.sigmoid(h[1] @ W[0].T + b[0])
            last_cost = -(x * p.log() + (1 - x) * (1 - p).log()).sum() / (4 * d)
            cost = cost + last_cost
            h[0] = salt_and_pepper(torch.bernoulli(p.detach(), generator=same))
        theta = list(theirs.parameters())
        with torch.no_grad():
            for p, buffer, g in zip(theta, buffers, torch.autograd.grad(cost, theta)):
                buffer.mul_(0.5).add_(0.5 * g)
                p.sub_(0.5 * 0.9**2 * buffer)
        assert model.learn(x, ours) == pytest.approx(last_cost.item(), rel=1e-6)
        for a, e in zip(model.parameters(), theirs.parameters()):
            assert torch.allclose(a, e, atol=1e-6)


def test_a_chain_in_the_plane_mixes_between_two_modes_and_has_the_right_histogram(float32):
    """Two hills on the diagonal, one with 65 % of the data; Gaussian visible units.

    Along the diagonal the data are further from a single Gaussian of their mean and variance than the chain may be.
    """
    upper = torch.rand(4000, generator=rng()) < 0.65
    x = torch.where(upper[:, None], 0.62, 0.38) + 0.08 * torch.randn(4000, 2, generator=rng(1))
    recipe = replace(
        DAE, binarise=False, hidden=(40,), act="tanh", visible="gaussian", spread=0.063, corruption=0.08, epochs=40
    )
    recipe = replace(recipe, lr=0.03, momentum=0.9, annealing=0.97, batch=50)
    model = last(fit(x, recipe, device="cpu")).model
    y = model.chain(200, 1, x[:200], burn_in=100)  # (200, 200, 2)
    high = y.mean(2) > 0.5
    assert (high[1:] != high[:-1]).float().mean() > 0.05
    assert abs(high.float().mean() - (x.mean(1) > 0.5).float().mean()) < 0.07
    y = y.flatten(0, 1)
    assert (torch.cov(y.T) - torch.cov(x.T)).abs().max() < 0.15 * x.var()
    lone = x.mean() + x.mean(1).std() * torch.randn(4000, generator=rng(2))
    along, across = (0.5, 0.5), (0.5, -0.5)

    def distance(u, v):
        """The total variation between histograms of ten bins."""
        bins = torch.linspace(0, 1, 11)
        return (torch.histogram(u, bins)[0] / len(u) - torch.histogram(v, bins)[0] / len(v)).abs().sum() / 2

    assert distance(y @ torch.tensor(along), x @ torch.tensor(along)) < 0.13 < 0.2 < distance(lone, x.mean(1))
    assert distance(y @ torch.tensor(across) + 0.5, x @ torch.tensor(across) + 0.5) < 0.1


# -- the variational autoencoder --------------------------------------------------------------------------------------


def one_z():
    """A VAE with one z, and a grid of z with weights for integrals over N(0, 1)."""
    model = started(VAERecipe(hidden=(4,), z_dim=1), 5)
    with torch.no_grad():
        model.encoder[-1].bias[1] = 0.2  # q is wide, so that weights p(x, z) / q(z | x) vary little
        model.encoder[-1].weight[1] *= 0.1
    z = torch.linspace(-9, 9, 4001, dtype=torch.float64)
    return model, z, torch.exp(-z.square() / 2) / math.sqrt(2 * math.pi) * (z[1] - z[0])


def test_the_bound_and_the_divergence_from_the_posterior_make_up_log_p():
    """bound + KL(q || p(z | x)) = log p(x), the mean over many draws against quadrature over z."""
    model, z, prior = one_z()
    with torch.no_grad():
        for x in (pictures(3, 5).double() > 0.5).double():
            p = model.decoder(z[:, None]).sigmoid()
            likelihood = torch.where(x == 1, p, 1 - p).prod(1)
            log_p = (prior @ likelihood).log()
            mu, sigma = model.encoder(x[None])[0, 0], (model.encoder(x[None])[0, 1] / 2).exp()
            log_q = -((z - mu) / sigma).square() / 2 - (sigma * math.sqrt(2 * math.pi)).log()
            log_prior = -z.square() / 2 - math.log(2 * math.pi) / 2
            log_posterior = likelihood.log() + log_prior - log_p
            kl = (log_q.exp() * (log_q - log_posterior)).sum() * (z[1] - z[0])
            each = model.bound(x.expand(20_000, -1), rng())
            error = each.std().item() / math.sqrt(20_000)
            assert (each.mean() + kl).item() == pytest.approx(log_p.item(), abs=5 * error)
            assert each.mean() < log_p and kl > 5 * error
            weights = by_encoder(model, x.expand(20_000, -1), rng(), k=1).exp()  # unbiased
            error = weights.std().item() / math.sqrt(20_000)
            assert weights.mean().item() == pytest.approx(log_p.exp().item(), abs=5 * error)
            assert each.mean() < by_encoder(model, x.expand(4000, -1), rng(), k=10).mean() < log_p


def test_the_vaes_draws_have_the_mean_that_quadrature_gives():
    model, z, prior = one_z()
    with torch.no_grad():
        expected = prior @ model.decoder(z[:, None]).sigmoid()
    for means in (False, True):
        x = model.float().samples(20_000, 1, means).double()
        assert (x.mean(0) - expected).abs().max() < 4 * math.sqrt(0.25 / 20_000)
        assert bool(((x == 0) | (x == 1)).all()) != means


# -- every one of them ------------------------------------------------------------------------------------------------

SMALL = {
    "cae": CAERecipe(hidden=(5, 3), epochs_a_layer=1, batch=8),
    "gsn": GSNRecipe(hidden=(5, 4), batch=8, epochs=2),
    "dae": replace(SMALL_DAE, epochs=2, batch=8),
    "vae": VAERecipe(hidden=(5,), z_dim=2, batch=8, epochs=2),
}


@pytest.mark.parametrize("recipe", SMALL.values(), ids=SMALL)
def test_a_fit_cut_at_an_epochs_end_goes_on_bit_for_bit(recipe):
    x = pictures(20, 6)
    through = last(fit(x, recipe, 4, device="cpu"))
    for step in fit(x, recipe, 4, device="cpu"):
        if step.model.done == 1:
            break
    again = recipe.start(x.mean(0), 9).restore(copy.deepcopy(step.model.state()))
    resumed = list(fit(x, recipe, 4, again, device="cpu"))
    assert [s.step for s in resumed] == [4, 5, 6] and resumed[-1].cost == through.cost
    for name, tensor in through.model.state_dict().items():
        assert torch.equal(tensor, resumed[-1].model.state_dict()[name]), name


@pytest.mark.parametrize("recipe", SMALL.values(), ids=SMALL)
def test_samples_repeat_by_seed(recipe):
    model = started(recipe, 6, torch.float32)
    a, b, c = (model.samples(7, seed) for seed in (1, 1, 2))
    assert a.shape == (7, 6) and torch.equal(a, b) and not torch.equal(a, c)
    assert 0 <= a.min() and a.max() <= 1


@pytest.mark.parametrize(
    "bad", [torch.rand(6), torch.zeros(0, 6), torch.ones(3, 6, dtype=torch.int), torch.full((3, 6), math.nan)]
)
def test_a_fit_refuses_what_are_no_pictures(bad):
    with pytest.raises(DataError, match="pictures"):
        next(fit(bad, SMALL["vae"]))
    with pytest.raises(DataError, match=r"\[0, 1\]"):
        next(fit(torch.rand(3, 6) + 0.9, SMALL["gsn"]))
