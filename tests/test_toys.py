"""Stacks of small GANs against one plain GAN in float64 autograd; p_g, V, C and D* against other ways to get them."""

from __future__ import annotations

import dataclasses
import itertools
import math

import numpy as np
import pytest
import torch
from scipy import stats

from ganlib import MNIST, RecipeError, TrainingDiverged
from ganlib.densities import Gaussian, Mixture, Uniform, ring
from ganlib.nets import Layer
from ganlib.recipes import TOY
from ganlib.studies.best_D import BestD
from ganlib.studies.toys import MAX_K, Toys
from ganlib.theory import D_star

pytestmark = pytest.mark.usefixtures("one_thread")

COSTS = ["non-saturating", "minimax"]
UPDATES = ["alternating", "simultaneous"]
DATA = Mixture((Gaussian(-1, 0.3), Gaussian(1, 0.4)))
SMALL = dataclasses.replace(
    TOY,
    G=(Layer(7, "relu", 1.0, bias="irange"), Layer(5, "relu", 1.0, bias="irange"), Layer(1, "linear", 1.0)),
    D=(
        Layer(6, "maxout", 1.0, pieces=3, bias="irange"),
        Layer(4, "maxout", 1.0, pieces=2, bias="irange"),
        Layer(1, "sigmoid", 1.0, bias="irange"),
    ),
    batch=11,
)
PLANE = dataclasses.replace(
    SMALL, z_dim=3, G=(Layer(7, "relu", 1.0), Layer(2, "sigmoid", 1.0)), D=(Layer(5, "relu", 1.0), *SMALL.D[1:])
)


def recipe(**changes):
    return dataclasses.replace(SMALL, **changes)


def parameters(toys, player):
    return [p.detach().clone() for p in getattr(toys, player).parameters()]


def same(a, b):
    """Whether two stacks are equal bit for bit, velocities too."""
    return all(
        torch.equal(p, q)
        for player in "GD"
        for p, q in zip(parameters(a, player) + a.velocity[player], parameters(b, player) + b.velocity[player])
    )


def finite(toys):
    """Which games' parameters are all finite numbers: (B,) bool."""
    parameters = [*toys.G.parameters(), *toys.D.parameters()]
    return torch.stack([p.detach().isfinite().flatten(1).all(1) for p in parameters]).all(0).numpy()


def recorded(toys):
    """Have a stack write down all the minibatches that it draws, in order."""
    draws, draw = [], toys._draw

    def recording(stream):
        draws.append(draw(stream))
        return draws[-1]

    toys._draw = recording
    return draws


# -- one GAN, written down plainly ------------------------------------------------------------------------------------


class Plain:
    """Game i of a stack as a GAN of its own: nets written out, the costs with log and exp, gradients by autograd."""

    def __init__(self, toys, i):
        self.spec = {"G": toys.recipe.G, "D": toys.recipe.D}
        self.theta = {
            player: [
                (w[i].detach().clone(), b[i, 0].detach().clone())
                for w, b in zip(getattr(toys, player).weights, getattr(toys, player).biases)
            ]
            for player in "GD"
        }
        self.v = {player: [torch.zeros_like(t) for pair in self.theta[player] for t in pair] for player in "GD"}

    def net(self, player, theta, h):
        for (W, b), layer in zip(theta, self.spec[player]):
            h = h @ W + b
            if layer.activation == "relu":
                h = h * (h > 0)
            elif layer.activation == "maxout":
                h = torch.stack(
                    [h[:, u * layer.pieces : (u + 1) * layer.pieces].max(1)[0] for u in range(layer.units)], 1
                )
            elif layer.activation == "sigmoid" and player == "G":
                h = 1 / (1 + torch.exp(-h))
        return h  # D's logit: its last sigmoid is in the costs

    def gradient(self, player, x, z, cost):
        theta = {p: [(W.clone().requires_grad_(), b.clone().requires_grad_()) for W, b in self.theta[p]] for p in "GD"}
        fake = self.net("G", theta["G"], z)
        log_not_D = -torch.log1p(torch.exp(self.net("D", theta["D"], fake)))[:, 0]
        if player == "D":
            log_D = -torch.log1p(torch.exp(-self.net("D", theta["D"], x)))[:, 0]
            loss = -(log_D.mean() + log_not_D.mean()) / 2  # descend -V/2
        elif cost == "minimax":
            loss = log_not_D.mean()
        else:
            loss = torch.log1p(torch.exp(-self.net("D", theta["D"], fake))).mean()
        return torch.autograd.grad(loss, [t for pair in theta[player] for t in pair])

    def move(self, player, gradient, rate, mu):
        flat = [t for pair in self.theta[player] for t in pair]
        self.v[player] = [mu * v - rate * g for v, g in zip(self.v[player], gradient)]
        flat = [t + v for t, v in zip(flat, self.v[player])]
        self.theta[player] = list(zip(flat[::2], flat[1::2]))

    def iterate(self, draws, update, cost, k, lr_D, lr_G, mu):
        """One iteration on draws (x, z): D's, k of them, and in alternation G's own."""
        if update == "alternating":
            *for_D, for_G = draws
            for x, z in for_D:
                self.move("D", self.gradient("D", x, z, cost), lr_D, mu)
            self.move("G", self.gradient("G", *for_G, cost), lr_G, mu)
            return
        for x, z in draws[:-1]:
            self.move("D", self.gradient("D", x, z, cost), lr_D, mu)
        of_D, of_G = (self.gradient(player, *draws[-1], cost) for player in "DG")  # both from the old parameters
        if k:
            self.move("D", of_D, lr_D, mu)
        self.move("G", of_G, lr_G, mu)

    def distance(self, toys, i):
        """The largest difference of any parameter or velocity from those of game i."""
        ours = [t for player in "GD" for pair in self.theta[player] for t in pair]
        theirs = [
            t
            for player in "GD"
            for pair in zip(getattr(toys, player).weights, getattr(toys, player).biases)
            for t in (pair[0][i], pair[1][i, 0])
        ]
        return max((a - b).abs().max().item() for a, b in zip(ours, theirs, strict=True))


GAMES = {
    "seeds": [3, 3, 4, 5, 3, 6],
    "k": [1, 3, 0, 3, 1, 2],
    "lr_D": [0.1, 0.3, 0.2, 0.0, 0.1, 0.07],
    "lr_G": [0.1, 0.05, 0.2, 0.3, 0.0, 0.07],
    "momentum": [0.5, 0.9, 0.0, 0.7, 0.5, 0.3],
}


def against_plain(toys, iterations, games=GAMES):
    """Run a stack and its games one by one, each on the draws that the stack made; the largest difference."""
    plain = [Plain(toys, i) for i in range(len(toys))]
    draws = recorded(toys)
    most = max(games["k"])
    for _ in range(iterations):
        draws.clear()
        toys.iterate()
        for i, game in enumerate(plain):
            k, *numbers = (games[name][i] for name in ("k", "lr_D", "lr_G", "momentum"))
            mine = [(x[i] if x.numel() else x, z[i]) for x, z in draws]
            if toys.update == "alternating":
                assert len(draws) == most + 1
                mine = mine[most - k :]  # a game with a smaller k joins in later
            else:
                assert len(draws) == max(most, 1)
                mine = mine[max(most, 1) - max(k, 1) :]
            game.iterate(mine, toys.update, toys.generator_cost, k, *numbers)
    return max(game.distance(toys, i) for i, game in enumerate(plain))


@pytest.mark.parametrize("update", UPDATES)
@pytest.mark.parametrize("cost", COSTS)
@pytest.mark.parametrize("p_z", ["uniform", "normal"])
def test_a_stack_is_so_many_plain_GANs(cost, update, p_z):
    """Games with rates, momenta and k (0, 1, 2, 3) of their own in one stack, number for number, over 4 iterations."""
    toys = Toys(recipe(update=update, generator_cost=cost, p_z=p_z), DATA, **GAMES, dtype=torch.float64)
    before = parameters(toys, "D") + parameters(toys, "G")
    assert against_plain(toys, 4) < 1e-10
    moved = [(p - q).abs().max().item() for p, q in zip(parameters(toys, "D") + parameters(toys, "G"), before)]
    assert min(moved) > 1e-3, "and all layers did move"


@pytest.mark.parametrize("update", UPDATES)
@pytest.mark.parametrize("cost", COSTS)
@pytest.mark.parametrize("k", [0, 1, 3])
def test_one_game_alone_is_a_plain_GAN(cost, update, k):
    games = {"seeds": [2], "k": [k], "lr_D": [0.2], "lr_G": [0.1], "momentum": [0.6]}
    toys = Toys(recipe(update=update, generator_cost=cost), DATA, **games, dtype=torch.float64)
    assert against_plain(toys, 3, games) < 1e-10


@pytest.mark.parametrize("update", UPDATES)
@pytest.mark.parametrize("cost", COSTS)
def test_logits_far_below_zero(cost, update):
    """One game's D is certain, the others' not: the gradients of the joint move come from a pass of their own."""
    toys = Toys(recipe(update=update, generator_cost=cost), DATA, **GAMES, dtype=torch.float64)
    with torch.no_grad():
        toys.D.biases[-1][1].fill_(-60)
    assert against_plain(toys, 2) < 1e-10


@pytest.mark.parametrize("update", UPDATES)
def test_more_coordinates_and_other_layers(update):
    """z in three dimensions, x in two, a sigmoid at the end of G, rectifiers in D."""
    toys = Toys(dataclasses.replace(PLANE, update=update), ring(), **GAMES, dtype=torch.float64)
    assert toys._draw(0)[0].shape == (6, 11, 2) and toys._draw(0)[1].shape == (6, 11, 3)
    assert against_plain(toys, 3) < 1e-10
    assert toys.samples(9).shape == (6, 9, 2)


def test_it_starts_as_the_recipes_nets():
    toys = Toys(SMALL, DATA, seeds=[5, 0])
    for i, seed in enumerate((5, 0)):
        G, D = SMALL.networks(seed, torch.zeros(1))
        z = torch.linspace(-1, 1, 9)[:, None]
        assert torch.allclose(toys.G(z[None], i)[0], G(z), atol=1e-6)
        assert torch.allclose(toys.D(z[None], i)[0, :, 0], D.logit(z), atol=1e-6)
        assert toys.logit(z[:, 0].numpy(), i) == pytest.approx(D.logit(z).detach().numpy(), abs=1e-6)
        assert toys.G_of(z[:, 0].numpy(), i) == pytest.approx(G(z)[:, 0].detach().numpy(), abs=1e-6)


# -- alone and in company, again and again ----------------------------------------------------------------------------


@pytest.mark.parametrize("update", UPDATES)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_game_alone_is_the_game_in_company(update, dtype):
    """To rounding: matrix products of other sizes may add up in another order."""
    r = recipe(update=update)
    company = Toys(r, DATA, **GAMES, dtype=dtype)
    alone = [Toys(r, DATA, **{name: v[i] for name, v in GAMES.items()}, dtype=dtype) for i in range(6)]
    for _ in range(10):
        for toys in (company, *alone):
            toys.iterate()
    for i, one in enumerate(alone):
        for player in "GD":
            for p, q in zip(parameters(company, player), parameters(one, player)):
                assert (p[i] - q[0]).abs().max().item() < (1e-3 if dtype == torch.float32 else 1e-11)
    again = Toys(r, DATA, **GAMES, dtype=dtype)
    for _ in range(10):
        again.iterate()
    assert same(again, company), "the same seeds in the same company: bit for bit"


def test_one_seed_means_one_game():
    """Wherever in a stack it stands; in float64, as rounding differs from place to place."""
    toys = Toys(SMALL, DATA, seeds=[7, 8, 7], dtype=torch.float64)
    for _ in range(15):
        toys.iterate()
    for player in "GD":
        for p in parameters(toys, player):
            assert torch.allclose(p[0], p[2], rtol=0, atol=1e-11) and not torch.allclose(p[0], p[1], atol=1e-2)


def test_seeing_leaves_the_random_numbers_alone():
    """Samples, measures, densities and pictures of G and D, between the moves of one of two equal stacks."""
    quiet, seen = (Toys(SMALL, DATA, seeds=[1, 2]) for _ in range(2))
    state = torch.random.get_rng_state(), np.random.get_state()[1].tolist()
    for _ in range(40):
        quiet.substep()
        seen.substep()
        seen.samples(50, seed=1)
        seen.measure(1)
        seen.p_g().pdf(np.linspace(-1, 1, 5))
        seen.logit([0.0])
        seen.G_of([0.0])
        assert finite(seen).all()
    assert same(quiet, seen) and (quiet.step, quiet.turn) == (seen.step, seen.turn)
    assert torch.equal(state[0], torch.random.get_rng_state()), "nobody else's random numbers are touched"
    assert state[1] == np.random.get_state()[1].tolist()


def test_samples_are_fair_draws_of_G():
    toys = Toys(SMALL, DATA, seeds=[1, 2])
    x = toys.samples(20_000, seed=3)
    assert x.shape == (2, 20_000, 1)
    assert np.array_equal(x, toys.samples(20_000, seed=3)) and not np.array_equal(x, toys.samples(20_000, seed=4))
    for p_z in ("uniform", "normal"):
        toys.set(p_z=p_z)
        for i in (0, 1):
            draws, p_g = np.sort(toys.samples(20_000)[i, :, 0]), toys.p_g(i)
            off = np.abs(p_g.cdf(draws[::50] + 1e-6) - (np.arange(0, 20_000, 50) + 1) / 20_000)
            assert off.max() < 1.95 / math.sqrt(20_000) + 0.001


# -- minibatches ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("update", UPDATES)
def test_k_fresh_minibatches_for_each_of_the_k(update):
    toys = Toys(recipe(update=update), DATA, seeds=[0, 1], k=4)
    draws = recorded(toys)
    for _ in range(20):
        toys.iterate()
    assert len(draws) == 20 * (5 if update == "alternating" else 4)
    xs, zs = [x for x, _ in draws if x.numel()], [z for _, z in draws]
    assert len(xs) == 80
    for batches in (xs, zs):
        seen = torch.stack(batches)  # (n, B, m, 1)
        assert seen.shape[1:3] == (2, 11)
        assert len(seen.unique()) > 0.999 * seen.numel(), "no number twice: not in k, not in the next iteration"
    x, z = torch.cat(xs).flatten().double().numpy(), torch.cat(zs).flatten().double().numpy()
    assert stats.kstest(z, stats.uniform(-math.sqrt(3), 2 * math.sqrt(3)).cdf).pvalue > 0.001
    law = lambda t: (stats.norm(-1, 0.3).cdf(t) + stats.norm(1, 0.4).cdf(t)) / 2  # noqa: E731
    assert stats.kstest(x, law).pvalue > 0.001


def test_x_and_z_and_seeds_do_not_hang_together():
    toys = Toys(recipe(batch=500), Gaussian(), seeds=[0, 1])
    toys.set(p_z="normal")
    streams = [t[:, :, 0].numpy() for n in (-1, 0, 1) for t in toys._draw(n) if t.numel()]
    rows = np.concatenate(streams)
    assert len(rows) == 10 and np.abs(np.corrcoef(rows) - np.eye(10)).max() < 0.2


# -- moves ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("update", "k", "moves"),
    [
        ("alternating", 0, ["G"]),
        ("alternating", 1, ["D", "G"]),
        ("alternating", 3, ["D", "D", "D", "G"]),
        ("simultaneous", 0, ["G"]),
        ("simultaneous", 1, ["both"]),
        ("simultaneous", 3, ["D", "D", "both"]),
    ],
)
def test_the_moves_of_an_iteration(update, k, moves):
    toys = Toys(recipe(update=update), DATA, k=k)
    for n in range(3):
        assert toys.step == n and toys.turn == 0
        for t, move in enumerate(moves):
            assert toys.turn == t
            before = {player: parameters(toys, player) for player in "GD"}
            assert toys.substep() == move
            moved = {p for p in "GD" if not all(map(torch.equal, before[p], parameters(toys, p)))}
            assert moved == {"D": {"D"}, "G": {"G"}, "both": {"D", "G"}}[move]
    assert toys.step == 3 and toys.turn == 0


def test_an_iteration_finishes_the_one_under_way():
    one, two = (Toys(SMALL, DATA, k=3) for _ in range(2))
    one.iterate()
    two.substep()
    two.substep()
    two.iterate()
    assert same(one, two) and two.step == 1


@pytest.mark.parametrize("update", UPDATES)
def test_changes_in_the_middle_of_an_iteration(update):
    """k up, down, to 0; the other update; another batch, prior and data: it ends, and the next begins."""
    toys = Toys(recipe(update=update), DATA, seeds=[0, 1], k=3)
    toys.substep()
    toys.set(k=5)
    assert [toys.substep() for _ in range(3 + (update == "alternating"))] == ["D"] * (3 + (update == "alternating"))
    toys.set(k=[1, 2])
    D = parameters(toys, "D")
    assert toys.turn >= 4 and toys.substep() == "G" and (toys.step, toys.turn) == (1, 0)
    assert all(map(torch.equal, D, parameters(toys, "D"))), "D has had more than its k already"
    toys.substep()
    toys.set(k=0)
    toys.iterate()
    for changes in ({"update": "simultaneous"}, {"update": "alternating"}, {"p_z": "normal"}, {"batch": 30}):
        toys.set(k=3)
        toys.substep()
        toys.set(**changes)
        before = toys.step
        toys.iterate()
        assert toys.step == before + 1 and toys.turn == 0
    toys.p_data = Uniform(5, 6)
    x, z = toys._draw(0)
    assert x.shape == (2, 30, 1) and 5 <= x.min() and x.max() <= 6 and z.abs().max() > 1.8
    assert finite(toys).all()


def test_changed_numbers_count_from_the_next_move():
    """The same changes to a stack and to plain GANs."""
    toys = Toys(SMALL, DATA, seeds=[0, 1], dtype=torch.float64)
    plain = [Plain(toys, i) for i in range(2)]
    draws = recorded(toys)
    changes = [{"lr_D": [0.3, 0.0]}, {"momentum": 0.0}, {"generator_cost": "minimax"}, {"k": 2}, {"lr_G": 0.01}]
    now = {"k": [1, 1], "lr_D": [SMALL.lr_D] * 2, "lr_G": [SMALL.lr_G] * 2, "momentum": [SMALL.momentum_start] * 2}
    for change in changes:
        toys.set(**change)
        now |= {name: np.broadcast_to(v, 2).tolist() for name, v in change.items() if name in now}
        draws.clear()
        toys.iterate()
        for i, game in enumerate(plain):
            if now["lr_D"][i] == 0:
                game.v["D"] = [0 * v for v in game.v["D"]]  # held at once
            mine = [(x[i] if x.numel() else x, z[i]) for x, z in draws]
            game.iterate(
                mine, "alternating", toys.generator_cost, *(now[n][i] for n in ("k", "lr_D", "lr_G", "momentum"))
            )
    assert max(game.distance(toys, i) for i, game in enumerate(plain)) < 1e-10


@pytest.mark.parametrize("update", UPDATES)
@pytest.mark.parametrize("player", ["D", "G"])
def test_a_rate_of_0_holds_a_player(update, player):
    """From the start; and later too, at once, for all its momentum, in that game alone."""
    toys = Toys(recipe(update=update), DATA, seeds=[0, 1], k=2, momentum=0.9, **{f"lr_{player}": 0.0})
    before, other = parameters(toys, player), "DG".replace(player, "")
    begun = parameters(toys, other)
    for _ in range(5):
        toys.iterate()
    assert all(map(torch.equal, before, parameters(toys, player)))
    assert not any(map(torch.equal, begun, parameters(toys, other)))
    toys.set(**{f"lr_{player}": 0.1})
    for _ in range(5):
        toys.iterate()
    toys.set(**{f"lr_{player}": [0.0, 0.1]})
    before = parameters(toys, player)
    toys.iterate()
    for p, q in zip(before, parameters(toys, player)):
        assert torch.equal(p[0], q[0]) and not torch.equal(p[1], q[1])


def test_one_step_of_D_or_of_G_by_hand():
    """Whatever k is, of all games, and outside the count of iterations; on fresh draws each time."""
    toys = Toys(SMALL, DATA, seeds=[0, 1], k=[0, 2])
    draws = recorded(toys)
    for name, player, held in (("step_D", "D", "G"), ("step_G", "G", "D")):
        before, still = parameters(toys, player), parameters(toys, held)
        getattr(toys, name)()
        for p, q in zip(before, parameters(toys, player)):
            assert not torch.equal(p[0], q[0]) and not torch.equal(p[1], q[1])
        assert all(map(torch.equal, still, parameters(toys, held)))
    assert toys.step == toys.turn == 0
    toys.step_D()
    assert not torch.equal(draws[0][0], draws[2][0])


def test_k_0_in_company_moves_no_D():
    for update in UPDATES:
        toys = Toys(recipe(update=update), DATA, seeds=0, k=[0, 1, 3])
        before = parameters(toys, "D")
        toys.iterate()
        for p, q in zip(before, parameters(toys, "D")):
            assert torch.equal(p[0], q[0]) and not torch.equal(p[1], q[1]) and not torch.equal(p[2], q[2])


@pytest.mark.parametrize("update", UPDATES)
@pytest.mark.parametrize("cost", COSTS)
def test_a_broken_game_leaves_the_others_alone(cost, update):
    r = recipe(update=update, generator_cost=cost)
    whole, broken = (Toys(r, DATA, seeds=[0, 1, 2], k=[1, 3, 1]) for _ in range(2))
    with torch.no_grad():
        broken.G.weights[0][1].fill_(math.nan)
        for toys in (whole, broken):
            toys.D.biases[-1][2].fill_(-60)  # and one beside it whose logits are very low
    for _ in range(15):
        whole.iterate()
        broken.iterate()
    assert finite(broken).tolist() == [True, False, True] and finite(whole).all()
    for player in "GD":
        for p, q in zip(parameters(whole, player), parameters(broken, player)):
            assert torch.equal(p[0], q[0]) and torch.equal(p[2], q[2])
    with pytest.raises(TrainingDiverged, match="no longer finite after 15 iterations"):
        broken.p_g(1)
    with pytest.raises(TrainingDiverged):
        broken.measure(1)
    assert math.isfinite(broken.measure(0).JSD)


def test_which_games_are_finite():
    toys = Toys(SMALL, DATA, seeds=range(4))
    with torch.no_grad():
        toys.G.biases[1][0, 0, 2] = math.inf
        toys.D.weights[0][2, 0, 1] = math.nan
        toys.D.biases[-1][3] = -math.inf
    assert finite(toys).tolist() == [False, True, False, False]
    wild = Toys(SMALL, DATA, seeds=[0, 1], lr_D=[1e30, 0.1], lr_G=[1e30, 0.1])
    for _ in range(20):
        wild.iterate()
    assert finite(wild).tolist() == [False, True]


# -- what is looked at ------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def run():
    """Two games on their way. Tests that change one of its settings put it back."""
    toys = Toys(TOY, DATA, seeds=[0, 1])
    for _ in range(150):
        toys.iterate()
    return toys


@pytest.mark.parametrize("p_z", ["uniform", "normal"])
def test_p_g_is_that_of_the_net(run, p_z):
    run.set(p_z=p_z)
    assert run.exact
    for i in (0, 1):
        p_g = run.p_g(i)
        z = np.linspace(p_g.z[0], p_g.z[-1], 5_001)
        assert np.abs(p_g.G(z) - run.G_of(z, i)).max() < 1e-5, "float32 of the net, float64 of its breakpoints"
        x = np.linspace(p_g.x.min(), p_g.x.max(), 9)
        weight = np.ones(5_001) if p_z == "uniform" else np.exp(-z * z / 2)
        below = ((run.G_of(z, i)[:, None] <= x) * weight[:, None]).sum(0) / weight.sum()
        assert p_g.cdf(x) == pytest.approx(below, abs=2e-3)
    run.set(p_z="uniform")


def test_a_G_of_other_units_is_looked_at_through_800_lines():
    """A sigmoid at the end: p_g by the change of variables, with the slope of G from autograd."""
    bent = recipe(G=(Layer(6, "sigmoid", 2.0, bias="irange"), Layer(1, "linear", 3.0)))
    for p_z, reach in (("uniform", math.sqrt(3)), ("normal", 2.5)):
        toys = Toys(dataclasses.replace(bent, p_z=p_z), DATA, seeds=4, dtype=torch.float64)
        with torch.no_grad():
            for w in toys.G.weights:
                w.abs_()  # G rises
        p_g = toys.p_g()
        assert not toys.exact and len(p_g.z) == 801 and p_g.even
        z = torch.linspace(-reach, reach, 100_001, dtype=torch.float64, requires_grad=True)
        x = toys.G(z[None, :, None])[0, :, 0]
        (slope,) = torch.autograd.grad(x.sum(), z)
        assert slope.min() > 0
        p_z_of = stats.norm.pdf(z.detach()) if p_z == "normal" else 1 / (2 * reach)
        exact = p_z_of / slope.abs().numpy()
        inner = slice(2_000, -2_000)
        assert np.abs(p_g.pdf(x.detach().numpy()[inner]) / exact[inner] - 1).max() < 0.05


def test_V_C_and_JSD_of_a_run_against_other_ways(run):
    for i in (0, 1):
        found = run.measure(i)
        # by the midpoint rule in z, where p_g needs no density, and in x
        n = 400_000
        z = (np.arange(n) + 0.5) / n * 2 * math.sqrt(3) - math.sqrt(3)
        x = (np.arange(n) + 0.5) / n * 12 - 6
        on_fakes = -np.logaddexp(0, run.logit(run.G_of(z, i), i)).mean()
        on_data = (-np.logaddexp(0, -run.logit(x, i)) * DATA.pdf(x)).sum() * 12 / n
        assert found.V == pytest.approx(on_data + on_fakes, abs=2e-4)
        # C = E log p/(p + g) + E log g/(p + g), again E of p_g over z
        p_g = run.p_g(i)
        G_z = p_g.G(z)
        p, g = DATA.pdf(G_z), p_g.pdf(G_z)
        of_fakes = np.log(g / (p + g)).mean()
        p, g = DATA.pdf(x), p_g.pdf(x)
        of_data = (p * np.log(np.maximum(p, 1e-300) / np.maximum(p + g, 1e-300))).sum() * 12 / n
        assert found.C == pytest.approx(of_data + of_fakes, abs=1e-4)
        assert found.JSD == pytest.approx((found.C + math.log(4)) / 2, abs=1e-14)
        assert found.gap == found.C - found.V
        fine = run.measure(i, order=40)
        assert found.C == pytest.approx(fine.C, abs=1e-7) and found.V == pytest.approx(fine.V, abs=2e-4)
        # and by samples
        rng = np.random.default_rng(0)
        real, fakes = run.logit(DATA.sample(n, rng), i), run.logit(run.samples(n)[i, :, 0], i)
        sampled = -np.logaddexp(0, -real), -np.logaddexp(0, fakes)
        error = math.hypot(*(s.std() for s in sampled)) / math.sqrt(n)
        assert found.V == pytest.approx(sum(s.mean() for s in sampled), abs=5 * error)


def test_V_never_exceeds_C_and_the_JSD_its_bounds():
    toys = Toys(SMALL, DATA, seeds=range(6), k=[0, 1, 2, 5, 1, 1], lr_G=[0.1, 0.1, 0.1, 0.1, 1.0, 3.0])
    for _ in range(6):
        for i in range(6):
            now = toys.measure(i)
            assert now.gap >= 0 and 0 <= now.JSD <= math.log(2) and -math.log(4) <= now.C <= 0
        for _ in range(5):
            toys.iterate()


def test_a_collapsed_G_is_as_far_as_can_be():
    toys = Toys(SMALL, DATA)
    with torch.no_grad():
        toys.G.weights[-1].zero_()
        toys.G.biases[-1].fill_(0.3)
    now = toys.measure()
    assert now.JSD == pytest.approx(math.log(2), abs=1e-12) and now.C == pytest.approx(0, abs=1e-12) and now.gap > 0
    assert toys.p_g().atoms[0] == pytest.approx(0.3, abs=1e-7) and toys.p_g().atoms[1].sum() == pytest.approx(1)


@pytest.mark.parametrize("look", [Toys.p_g, Toys.measure, BestD])
def test_what_has_more_coordinates_has_no_p_g(look):
    with pytest.raises(RecipeError, match="one coordinate of z to one of x"):
        look(Toys(PLANE, ring()))


# -- D at its optimum -------------------------------------------------------------------------------------------------


def test_D_reaches_its_optimum():
    """A smooth case with capacity enough: the gap C - V all but closes, and D is D*."""
    flat = dataclasses.replace(TOY, G=(Layer(1, "linear", 1.0),))
    toys = Toys(flat, Gaussian(0, 1), seeds=0)
    with torch.no_grad():
        toys.G.weights[0].fill_(0.8)  # p_g = N(0.5, 0.8^2) for normal z
        toys.G.biases[0].fill_(0.5)
    toys.set(p_z="normal")
    toys.iterate()
    with torch.no_grad():
        toys.G.weights[0].fill_(0.8)
        toys.G.biases[0].fill_(0.5)
    G, start = parameters(toys, "G"), toys.measure().gap
    best = BestD(toys)
    gaps = [start]
    while not best.done:
        best.advance()
        gaps.append(best.gap)
        assert len(gaps) < 200
    assert all(b <= a + 1e-6 for a, b in itertools.pairwise(gaps)) and gaps[-1] < min(2e-4, gaps[0] / 20)
    assert toys.measure().gap == pytest.approx(best.gap, abs=1e-5) and toys.measure().gap >= 0
    assert all(map(torch.equal, G, parameters(toys, "G"))), "G stays where it is"
    assert all(v.abs().max() == 0 for v in toys.velocity["D"]), "and D does not fly on"
    x = np.linspace(-1.5, 2.0, 50)
    exact = D_star(Gaussian(0, 1), Gaussian(0.5, 0.8))(x)
    assert np.abs(1 / (1 + np.exp(-toys.logit(x))) - exact).max() < 0.03
    assert best.C == pytest.approx(toys.measure().C, abs=1e-9)


def test_the_optimum_for_a_run():
    toys = Toys(TOY, DATA, seeds=1)
    for _ in range(100):
        toys.iterate()
    best, first = BestD(toys, limit=150), toys.measure()
    while not best.done:
        best.advance()
        assert toys.measure().gap >= 0
    assert toys.measure().gap < first.gap / 2
    assert toys.measure().C == pytest.approx(first.C, abs=1e-12)
    assert best.evaluations <= 150 + 30
    toys.iterate()
    assert finite(toys).all()


def test_the_search_ends():
    toys = Toys(SMALL, DATA)
    best = BestD(toys, tolerance=10.0)
    best.advance()
    assert best.done and best.gap < 10
    few = BestD(toys, tolerance=0.0, limit=25)
    while not few.done:
        few.advance()
    assert few.evaluations < 60
    lost = Toys(SMALL, DATA)
    with torch.no_grad():
        lost.D.weights[0].fill_(math.nan)
    best = BestD(lost)
    best.advance()
    assert best.done, "a D that is lost is not searched for ever"
    with pytest.raises(RecipeError, match="only a stack of one game .* this one has 2"):
        BestD(Toys(SMALL, DATA, seeds=[0, 1]))


# -- bad input --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"seeds": -1}, "seeds are"),
        ({"seeds": []}, "one at least"),
        ({"seeds": 1.5}, "they must be integers"),
        ({"seeds": "a"}, "they must be integers"),
        ({"seeds": True}, "they must be integers"),
        ({"seeds": 2**70}, "they must be integers from 0"),
        ({"seeds": [0, 1], "k": [1, 2, 3]}, "one value each, or one for each game"),
        ({"k": [1, 2], "lr_D": [0.1] * 3}, "one value each, or one for each game"),
        ({"k": -1}, f"whole numbers from 0 to {MAX_K}"),
        ({"k": MAX_K + 1}, "whole numbers"),
        ({"k": 1.5}, "k is .*1.5.*; it must be whole numbers"),
        ({"k": math.nan}, "whole numbers"),
        ({"k": "many"}, "k is"),
        ({"lr_D": -0.1}, "lr_D is .*-0.1.*; it must be finite numbers >= 0"),
        ({"lr_D": math.inf}, "lr_D is"),
        ({"lr_G": math.nan}, "lr_G is"),
        ({"seeds": [0, 1], "lr_G": [0.1, -1]}, "lr_G is"),
        ({"momentum": 1.0}, r"momentum is .*1.0.*; it must be in \[0, 1\)"),
        ({"momentum": -0.1}, "momentum is"),
        ({"momentum": math.nan}, "momentum is"),
    ],
)
def test_senseless_values_are_refused(wrong, said):
    with pytest.raises(RecipeError, match=said):
        Toys(SMALL, DATA, **wrong)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"k": -1}, "k is"),
        ({"k": [1, 2]}, "one for each of 3 games"),
        ({"k": None}, "whole numbers"),
        ({"lr_D": "fast"}, "lr_D is 'fast'"),
        ({"lr_D": [[0.1], [0.2]]}, "one for each of 3 games"),
        ({"momentum": 2}, "momentum is"),
        ({"rate": 1}, "'rate' is nothing that a toy can set; there are: k, lr_D"),
        ({"batch": 0}, "batch is 0"),
        ({"batch": 2.5}, "batch is 2.5"),
        ({"p_z": "cauchy"}, "p_z is 'cauchy'; use one of"),
        ({"update": "both"}, "update is 'both'"),
        ({"generator_cost": "hinge"}, "generator_cost is 'hinge'"),
    ],
)
def test_a_senseless_change_changes_nothing(wrong, said):
    toys = Toys(SMALL, DATA, seeds=[0, 1, 2])
    before = {**vars(toys)}
    with pytest.raises(RecipeError, match=said):
        toys.set(**{"lr_G": 0.5, **wrong})
    assert {**vars(toys)} == before or all(vars(toys)[name] is before[name] for name in before)


def test_dropout_has_no_place_in_a_stack():
    with pytest.raises(RecipeError, match="no dropout"):
        Toys(MNIST.at("smoke"), DATA)
