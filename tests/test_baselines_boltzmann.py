"""RBM, DBN, DBM and annealed importance sampling against sums over every state, autograd, quadrature and Gaussians."""

from __future__ import annotations

import dataclasses
import itertools
import math

import pytest
import torch
from scipy import integrate, stats
from torch.distributions import MultivariateNormal

from ganlib import RecipeError
from ganlib.baselines import fit
from ganlib.baselines.dbm import DBMRecipe
from ganlib.baselines.dbn import DBNRecipe
from ganlib.baselines.rbm import RBMRecipe
from ganlib.studies import ais, likelihood


def bits(n):
    """Every state of n units: (2^n, n), float64."""
    return torch.tensor(list(itertools.product([0.0, 1.0], repeat=n)), dtype=torch.float64)


def rng(seed=0):
    return torch.Generator().manual_seed(seed)


def tiny(recipe, d, seed=0, scale=1.0):
    """A model of random parameters in float64."""
    model, stream = recipe.start(torch.full((d,), 0.4), 0).double(), rng(seed)
    for p in model.parameters():
        p.copy_(torch.randn(p.shape, generator=stream, dtype=torch.float64) * scale)
    return model


def rbm(d=5, hidden=4, seed=0, scale=1.0, **numbers):
    return tiny(RBMRecipe(hidden=hidden, **numbers), d, seed, scale)


def dbm(d=5, hidden=(4, 3), seed=0, scale=1.0, **numbers):
    return tiny(DBMRecipe(hidden=hidden, **numbers), d, seed, scale)


def teacher():
    """log p(v) of 6 units that depend on one another: what tiny machines learn, with KL = 0 at the top."""
    model = rbm(6, 3, seed=3, scale=2.0)
    model.b.copy_(-model.W.sum(1) / 2), model.c.copy_(-model.W.sum(0) / 2)
    return likelihood.log_p(model, bits(6))


def joint(model):
    """log p*(v, h) of an RBM over all pairs of states, by the energy itself: (2^d, 2^hidden)."""
    v, h = bits(model.d), bits(len(model.c))
    return (v @ model.b)[:, None] + h @ model.c + v @ model.W @ h.T


def deep_joint(model):
    """log p*(v, h1, h2) of a DBM: (2^d, 2^n1, 2^n2)."""
    v, h1, h2 = bits(model.d), bits(len(model.c1)), bits(len(model.c2))
    low = (v @ model.b)[:, None] + h1 @ model.c1 + v @ model.W1 @ h1.T
    return low[:, :, None] + h1 @ model.W2 @ h2.T + h2 @ model.c2


def draw(log_p, states, n, seed=0):
    """n states by their probabilities."""
    return states[torch.multinomial(log_p.exp(), n, replacement=True, generator=rng(seed))]


def code(v):
    """The row of each state in `bits`."""
    return (v @ 2.0 ** torch.arange(v.shape[1] - 1, -1, -1, dtype=v.dtype)).long()


def same_distribution(v, p):
    """The p value of Pearson's test that states v were drawn independently with probabilities p."""
    keep = p * len(v) >= 5
    seen, due = torch.bincount(code(v), minlength=len(p)).double(), p * len(v)
    seen = torch.cat([seen[keep], seen[~keep].sum()[None]])
    due = torch.cat([due[keep], due[~keep].sum()[None]])
    seen, due = seen[due > 0], due[due > 0]
    return stats.chisquare(seen.numpy(), due.numpy() * seen.sum().item() / due.sum().item()).pvalue


# -- the RBM -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("d, hidden", [(5, 4), (4, 6), (1, 1)])
def test_free_energy_and_log_likelihood_are_sums_over_every_state(d, hidden):
    model = rbm(d, hidden)
    log_p = joint(model)
    torch.testing.assert_close(-model.free_energy(bits(d)), log_p.logsumexp(1))
    torch.testing.assert_close(likelihood.log_z(model), log_p.flatten().logsumexp(0))
    torch.testing.assert_close(likelihood.log_p(model, bits(d)), log_p.logsumexp(1) - log_p.flatten().logsumexp(0))
    torch.testing.assert_close(likelihood.log_p(model, bits(d), 2.0), log_p.logsumexp(1) - 2)


def test_log_z_in_several_parts():
    model = rbm(14, 13, scale=0.5)
    expected = -model.free_energy(bits(14))
    torch.testing.assert_close(likelihood.log_z(model), expected.logsumexp(0))


def test_the_gradient_of_the_likelihood_is_data_minus_model():
    model, x = rbm(), bits(5)[[3, 3, 9, 30]]
    for p in model.parameters():
        p.requires_grad_(True)
    likelihood.log_p(model, x).mean().backward()
    with torch.no_grad():
        p, v = (joint(model).logsumexp(1) - likelihood.log_z(model)).exp(), bits(5)
        torch.testing.assert_close(model.W.grad, x.T @ model.up(x) / 4 - (v * p[:, None]).T @ model.up(v))
        torch.testing.assert_close(model.b.grad, x.mean(0) - p @ v)
        torch.testing.assert_close(model.c.grad, model.up(x).mean(0) - p @ model.up(v))


def test_an_update_descends_the_difference_of_free_energies():
    model = rbm(persistent=True, batch=3, lr=0.1, decay=True, epochs=4)
    model.done, x = 1, torch.rand(7, 5, generator=rng(1), dtype=torch.float64)
    old = {name: p.clone().requires_grad_(True) for name, p in model.named_parameters()}
    model.learn(x, rng(2))

    def free_energy(v):
        return (-(v @ old["b"]) - torch.nn.functional.softplus(old["c"] + v @ old["W"]).sum(1)).mean()

    (free_energy(x) - free_energy(model.particles)).backward()
    for name, p in model.named_parameters():
        torch.testing.assert_close(p, old[name] - 0.1 * 3 / 4 * old[name].grad)


@pytest.mark.parametrize("persistent", [False, True])
def test_the_cost_is_the_squared_error_of_one_reconstruction(persistent):
    model, x = rbm(persistent=persistent), bits(5)[5:15]
    mean = model.down(torch.bernoulli(model.up(x), generator=rng(3)))
    assert model.learn(x, rng(3)) == pytest.approx((x - mean).square().sum(1).mean().item())


@pytest.mark.parametrize("k", [1, 3])
def test_contrastive_divergence_stays_where_the_data_are_the_models_own(k):
    """The expected update is 0 there, and only there; for CD-k it is tested within its sampling error."""
    n, states = 200_000, bits(5)
    for data, still in (("own", True), ("other", False)):
        model = rbm(k=k, lr=1.0)
        log_p = likelihood.log_p(model, states)
        x = draw(log_p if still else likelihood.log_p(rbm(seed=1), states), states, n)
        before = [p.clone() for p in model.parameters()]
        model.learn(x, rng(1))
        moved = torch.cat([(p - q).flatten() for p, q in zip(model.parameters(), before)])
        worst = moved.abs().max().item() * math.sqrt(n)  # each is a mean of n numbers in [-1, 1]
        assert (worst < 4.5) == still, (data, worst)


def test_one_step_of_the_chain_has_the_enumerated_kernel_and_it_leaves_p_as_it_is():
    model, n = rbm(4, 3), 100_000
    log_p = joint(model)
    h_given_v, v_given_h = log_p.softmax(1), log_p.softmax(0).T  # (2^4, 2^3), (2^3, 2^4)
    kernel = h_given_v @ v_given_h
    p = log_p.logsumexp(1).softmax(0)
    torch.testing.assert_close(p @ kernel, p)
    for start in (0, 6, 15):
        v, mean = next(model.walk(bits(4)[[start]].expand(n, -1), rng(start)))
        assert same_distribution(v, kernel[start]) > 1e-3
        assert (mean.mean(0) - kernel[start] @ bits(4)).abs().max() < 4 / math.sqrt(n)


def test_persistent_chains_climb_the_exact_likelihood_to_its_top():
    states, log_p = bits(6), teacher()
    recipe = RBMRecipe(hidden=6, persistent=True, batch=100, lr=0.3, decay=True, epochs=40, W_std=0.1)
    kl = []
    for step in fit(draw(log_p, states, 4_000).float(), recipe, device="cpu"):
        if step.step in (1, 1600):
            kl.append((log_p.exp() @ (log_p - likelihood.log_p(step.model, states.float()))).item())
    assert kl[0] > 0.3 and kl[1] < 0.02, kl


def test_a_binarised_minibatch_is_bits_and_a_guided_start_has_the_datas_odds():
    mean = torch.tensor([0.0, 0.2, 0.5, 1.0])
    model = RBMRecipe(hidden=3, W_std=0.01, binarise=True, lr=1.0).start(mean, 0)
    torch.testing.assert_close(model.b.sigmoid(), torch.tensor([0.01, 0.2, 0.5, 0.99]))
    model.b.zero_()
    model.learn(torch.full((1, 4), 0.5), rng())
    assert set(model.b.tolist()) <= {-1.0, 0.0, 1.0}  # a bit less a bit


# -- the DBN -----------------------------------------------------------------------------------------------------------


def test_a_dbn_trains_its_layers_one_after_the_other_each_on_the_means_below():
    x, recipe = torch.rand(20, 6, generator=rng()), DBNRecipe(hidden=(5, 4), epochs_a_layer=1, lr=0.5)
    model = recipe.start(x.mean(0), 0)
    first = {name: p.clone() for name, p in model.named_parameters()}
    for step in fit(x, recipe, model=model, device="cpu"):
        if step.step == 2:  # the end of the first layer's epoch
            second = {name: p.clone() for name, p in model.named_parameters()}
    for name, p in model.named_parameters():
        lower = name.startswith("layers.0.")
        assert torch.equal(first[name], second[name]) != lower
        assert torch.equal(second[name], p) == lower
    alone, below = recipe.start(x.mean(0), 0), (x @ model.layers[0].W + model.layers[0].c).sigmoid()
    alone.load_state_dict(model.state_dict())
    model.learn(x, rng(5))
    alone.layers[1].learn(below, rng(5))
    torch.testing.assert_close(model.layers[1].W, alone.layers[1].W)


def test_a_draw_of_a_dbn_is_gibbs_in_the_top_rbm_then_one_pass_down():
    """2 - 3 - 2 - 3 units: bits of the middle layers are drawn, so a mean is one of eight."""
    model, n = tiny(DBNRecipe(hidden=(3, 2, 3)), 2, scale=3.0), 50_000
    low, middle, top = model.layers

    def product(p, states):  # of units on with probabilities p (a, n): (a, states)
        return torch.where(states[None] == 1, p[:, None], 1 - p[:, None]).prod(2)

    x = torch.tensor([[1.0, 0.0]], dtype=torch.float64)
    first = product(middle.up(low.up(x)), bits(2))[0]  # bits of the means above x
    p_two = first @ joint(top).softmax(1) @ joint(top).softmax(0).T  # after one Gibbs step, (4,)
    p_one = p_two @ product((bits(2) @ middle.W.T + middle.b).sigmoid(), bits(3))  # (8,)
    means = (bits(3) @ low.W.T + low.b).sigmoid()  # (8, 2)
    v, mean = next(model.walk(x.expand(n, -1), rng()))
    which = (mean[:, None] - means).abs().sum(2).min(1)
    assert which.values.max() < 1e-12
    assert same_distribution(bits(3)[which.indices], p_one) > 1e-3
    assert same_distribution(v, p_one @ product(means, bits(2))) > 1e-3


# -- the DBM -----------------------------------------------------------------------------------------------------------


def test_a_dbm_is_an_rbm_with_its_even_layers_on_one_side():
    model = dbm()
    one = likelihood.bipartite(model)
    torch.testing.assert_close(likelihood.log_z(one), deep_joint(model).flatten().logsumexp(0))
    v, h2, h1 = bits(5)[:8], bits(3), bits(4)
    torch.testing.assert_close(one.up(torch.cat([v, h2], 1)), model.p_h1(v, h2))
    torch.testing.assert_close(one.down(h1), torch.cat([model.p_v(h1), model.p_h2(h1)], 1))


def test_mean_field_solves_its_equations_and_bounds_the_likelihood_from_below():
    for scale in (0.5, 1.0):
        model, v = dbm(scale=scale), bits(5)
        exact = deep_joint(model).flatten(1).logsumexp(1)
        bounds = [likelihood.bound(model, v, 0.0, steps) for steps in (0, 1, 3, 1000)]
        for lower, higher in itertools.pairwise([*bounds, exact]):
            assert (higher - lower).min() > -1e-9  # each update of mu climbs
        mu1, mu2 = model.mean_field(v, 1000)
        torch.testing.assert_close(mu1, (model.c1 + v @ model.W1 + mu2 @ model.W2.T).sigmoid())
        torch.testing.assert_close(mu2, (model.c2 + mu1 @ model.W2).sigmoid())
    model.W2.zero_()  # now p(h | v) factorises, as q does
    torch.testing.assert_close(likelihood.bound(model, v, 1.5), deep_joint(model).flatten(1).logsumexp(1) - 1.5)


def test_a_dbms_update_is_the_gradient_in_centred_parameters():
    """Against autograd, for b, c1, c2 written as functions of centred biases and the weights."""
    model = dbm(lr=0.1, epochs=4, batch=6, beta_rate=0.0)
    model.beta1.uniform_(generator=rng(1)), model.beta2.uniform_(generator=rng(2))
    model.done, x = 1, bits(5)[4:13]
    old = {name: p.clone() for name, p in model.named_parameters()}
    mu1, mu2 = model.mean_field(x)
    model.learn(x, rng(3))
    v, h2 = model.v, model.h2
    p1 = (old["c1"] + v @ old["W1"] + h2 @ old["W2"].T).sigmoid()
    b0, b1, b2 = model.mean, model.beta1, model.beta2
    W1, W2 = old["W1"].requires_grad_(True), old["W2"].requires_grad_(True)
    tilde = [(old["b"] + W1 @ b1), (old["c1"] + b0 @ W1 + W2 @ b2), (old["c2"] + b1 @ W2)]
    tilde = [t.detach().requires_grad_(True) for t in tilde]

    def minus_energy(v, h1, h2):
        v, h1, h2 = v - b0, h1 - b1, h2 - b2
        return ((v @ W1 * h1).sum(1) + (h1 @ W2 * h2).sum(1) + v @ tilde[0] + h1 @ tilde[1] + h2 @ tilde[2]).mean()

    gain = minus_energy(x, mu1, mu2) - minus_energy(v, p1, h2)
    new = [p + 0.1 * 3 / 4 * g for p, g in zip([W1, W2, *tilde], torch.autograd.grad(gain, [W1, W2, *tilde]))]
    torch.testing.assert_close(model.W1, new[0])
    torch.testing.assert_close(model.W2, new[1])
    torch.testing.assert_close(model.b, new[2] - new[0] @ b1)
    torch.testing.assert_close(model.c1, new[3] - b0 @ new[0] - new[1] @ b2)
    torch.testing.assert_close(model.c2, new[4] - b1 @ new[1])


def test_a_dbm_climbs_the_exact_likelihood():
    states, log_p = bits(6), teacher()
    recipe = DBMRecipe(hidden=(5, 3), lr=0.3, epochs=40)
    kl = []
    for step in fit(draw(log_p, states, 4_000).float(), recipe, device="cpu"):
        if step.step in (1, 1600):
            q = deep_joint(step.model.double()).flatten(1).logsumexp(1).log_softmax(0)
            kl.append((log_p.exp() @ (log_p - q)).item())
            step.model.float()
    assert kl[0] > 0.3 and kl[1] < 0.05, kl


def test_the_chain_of_a_dbm_comes_to_its_distribution():
    model, n = dbm(4, (3, 2), seed=2, scale=1.5), 40_000  # where a chain with its first h^2 for good is told apart
    p = deep_joint(model).flatten(1).logsumexp(1).softmax(0)
    walk = model.walk(torch.zeros(n, 4, dtype=torch.float64), rng())
    assert same_distribution(next(walk)[0], p) < 1e-6  # not yet
    v, mean = next(itertools.islice(walk, 40, None))
    assert same_distribution(v, p) > 1e-3
    assert (mean.mean(0) - p @ bits(4)).abs().max() < 4 / math.sqrt(n)


# -- annealed importance sampling --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "make", [lambda s: rbm(12, 8, seed=s), lambda s: likelihood.bipartite(dbm(12, (6, 5), seed=s))]
)
def test_ais_finds_log_z_within_its_error(make):
    z = []
    for seed in range(4):
        model = make(seed)
        estimate = ais.log_z(model, chains=100, steps=400, seed=seed)
        assert estimate.standard_error < 0.1
        z.append((estimate.value - likelihood.log_z(model).item()) / estimate.standard_error)
    assert max(map(abs, z)) < 4 and abs(sum(z)) / 2 < 3, z


def test_one_step_of_ais_is_importance_sampling_from_independent_pixels():
    """With one step the mean weight is an average over v ~ p_0; its expectation is a sum over every state."""
    model = rbm(3, 2, scale=0.3)
    b_0, v = model.log_odds(), bits(3)
    p_0 = (v @ b_0).log_softmax(0)
    log_w = -model.free_energy(v) - (v @ b_0 + 2 * math.log(2))
    spread = ((p_0 + 2 * log_w).logsumexp(0) - 2 * (p_0 + log_w).logsumexp(0)).expm1().sqrt() / math.sqrt(20_000)
    estimate = ais.log_z(model, chains=20_000, steps=1)
    assert estimate.standard_error == pytest.approx(spread.item(), rel=0.1)
    assert abs(estimate.value - likelihood.log_z(model).item()) < 4 * spread


def linear(d=8, k=3, sigma=0.3, n=60):
    """A linear G with Gaussian z: G, x, the z of each, and log N(x; b, W W^T + sigma^2 I)."""
    stream = rng(1)
    W, b = (torch.randn(*s, generator=stream, dtype=torch.float64) for s in ((d, k), (d,)))
    z = torch.randn(n, k, generator=stream, dtype=torch.float64)
    x = z @ W.T + b + sigma * torch.randn(n, d, generator=stream, dtype=torch.float64)
    exact = MultivariateNormal(b, W @ W.T + sigma**2 * torch.eye(d)).log_prob(x)
    return (lambda z: z @ W.T + b), x, z, exact


def test_ais_of_a_linear_generator_closes_in_on_the_known_density_from_both_sides():
    G, x, z, exact = linear()
    gaps = []
    for steps in (100, 800):
        for given in (None, z):
            gap = ais.log_p(G, x, 0.3, 3, "normal", z=given, steps=steps, leapfrog=1, power=3) - exact
            gap = gap if given is None else -gap
            gaps.append(gap.mean().item())
            assert gaps[-1] < 3 * gap.std().item() / math.sqrt(len(x))  # a bound, in expectation
    assert min(gaps[2:]) > -0.4 and gaps[2] > gaps[0] / 2 and gaps[3] > gaps[1] / 2, gaps
    mean = ais.log_p(G, x[:6], 0.3, 3, "normal", steps=300, leapfrog=1, chains=100, power=3) - exact[:6]
    assert mean.abs().max() < 0.3, mean  # of many chains the mean weight itself


def test_ais_of_a_generator_with_a_uniform_prior_against_quadrature():
    def G(z):
        return torch.cat([z.sin(), z.square() / 2], 1)

    x = torch.tensor([[0.5, 0.2], [-0.9, 0.9], [1.0, 1.2], [0.0, 0.0]], dtype=torch.float64)
    edge = math.sqrt(3)

    def density(z, v):
        return math.exp(-((v[0] - math.sin(z)) ** 2 + (v[1] - z * z / 2) ** 2) / 0.08) / (0.08 * math.pi * 2 * edge)

    exact = torch.tensor([math.log(integrate.quad(density, -edge, edge, (v,))[0]) for v in x.tolist()])
    estimate = ais.log_p(G, x, 0.2, 1, chains=200, steps=100)
    torch.testing.assert_close(estimate, exact.double(), atol=0.1, rtol=0)


# -- bad input ---------------------------------------------------------------------------------------------------------


def test_what_cannot_be_done_says_so():
    with pytest.raises(RecipeError, match=r"2\^21 terms.*ais.log_z"):
        likelihood.log_z(rbm(21, 30))
    with pytest.raises(RecipeError, match="1 chains of 10 steps"):
        ais.log_z(rbm(), chains=1, steps=10)
    x = torch.zeros(2, 3)
    with pytest.raises(RecipeError, match="p_z is 'cauchy'; use one of uniform, normal"):
        ais.log_p(lambda z: z, x, 0.2, 3, "cauchy")
    for wrong in ({"sigma": 0.0}, {"sigma": math.nan}, {"steps": 0}, {"chains": 0}):
        with pytest.raises(RecipeError, match="all must be > 0"):
            ais.log_p(lambda z: z, x, **{"sigma": 0.2, "z_dim": 3, **wrong})
    for recipe in (RBMRecipe(hidden=2), DBMRecipe(hidden=(2, 2)), dataclasses.replace(DBNRecipe(), hidden=(2, 2))):
        assert recipe.start(torch.full((3,), 0.5), 0).samples(7, means=True).shape == (7, 3)
