"""Small GANs, many at once: the games of Figure 1 and of the notebooks on theory, stacked and trained together.

`Toys` plays the same game as `Trainer`, by the same gradients of `ganlib.game`, on fresh draws from a density, and on B
pairs of nets with a rate, a momentum and a k of their own. p_g, V and C are computed by quadrature, not from samples.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor

from ganlib import game, theory
from ganlib.densities import PRIOR_REACH, Array, Density, Modes, Pushforward, relu_line
from ganlib.errors import RecipeError, TrainingDiverged, brief
from ganlib.recipes import Recipe
from ganlib.studies.stacked import Stack, StackedDiscriminator

STREAM = 2014  # sets the draws of a toy apart from every other use of a seed
SMOOTH_PIECES = 800  # a G that is not made of rectifiers is looked at as so many straight lines
MAX_K = 100
CHOICES = ("batch", "p_z", "update", "generator_cost")
"""What all games of a stack have in common and `Toys.set` may change."""


class Jitter:
    """Gaussian noise on what D sees, by seed, so that a game's is the same alone and in company."""

    def __init__(self, seeds: Sequence[int], row: Tensor, std: float):
        states = (np.random.SeedSequence([seed, STREAM, MAX_K + 2]).generate_state(1, np.uint64)[0] for seed in seeds)
        self.rngs = [torch.Generator().manual_seed(int(state >> np.uint64(1))) for state in states]
        self.row, self.std = row, std

    def like(self, x: Tensor) -> Tensor:
        """Noise for x (B, m, d)."""
        drawn = torch.stack([torch.randn(x.shape[1:], generator=rng) for rng in self.rngs])
        return (self.std * drawn[self.row]).to(x.dtype)


@dataclass(frozen=True)
class Measured:
    """A toy of one dimension at one moment, by quadrature, in nats."""

    V: float  # V(D, G), eq. 1
    C: float  # C(G) = max_D V(D, G), eq. 4
    JSD: float  # JSD(p_data || p_g), from 0 to log 2

    @property
    def gap(self) -> float:
        """C(G) - V(D, G) >= 0: what D lacks of its optimum."""
        return self.C - self.V


class Toys:
    """B games of one recipe at once.

        toys = Toys(TOY, Gaussian(0, 1), seeds=range(8), lr_G=[0.1] * 4 + [0.2] * 4)
        for _ in range(1_000):
            toys.iterate()
        toys.measure(0).JSD

    `seeds`, `k`, `lr_D`, `lr_G` and `momentum` are one value for all, or one for each game; None: the recipe's. With k
    0 G alone moves, and a rate of 0 holds that player. All but the seeds may be changed by `set`, as may `CHOICES`;
    `p_data` is an attribute. Games of one seed see the same draws, and come out the same alone as in company.

    Moves: an iteration is k updates of D, each on a fresh batch, then one of G ("alternating", Algorithm 1), or k - 1
    updates of D and a joint one of both from the same old parameters ("simultaneous", the authors' code).

    `noise` is the std of Gaussian noise on all that D sees while either player learns; it may be changed at any time.
    """

    def __init__(
        self,
        recipe: Recipe,
        p_data: Density | Modes,
        *,
        seeds: int | Sequence[int] = 0,
        k: ArrayLike | None = None,
        lr_D: ArrayLike | None = None,
        lr_G: ArrayLike | None = None,
        momentum: ArrayLike | None = None,
        dtype: torch.dtype = torch.float32,
    ):
        given = (seeds, k, lr_D, lr_G, momentum)
        own = (0, recipe.k, recipe.lr_D, recipe.lr_G, recipe.momentum_start)
        rule = "seeds, k, lr_D, lr_G and momentum must be one value each, or one for each game"
        try:
            stretched = np.broadcast_arrays(*(np.atleast_1d(o if g is None else g) for g, o in zip(given, own)))
        except ValueError:
            raise RecipeError(rule) from None
        self.recipe, self.p_data, self.dtype = recipe, p_data, dtype
        self.seeds = stretched[0].ravel().tolist()
        if not self.seeds or not all(type(seed) is int and 0 <= seed < 2**63 for seed in self.seeds):
            raise RecipeError(f"seeds are {self.seeds}; they must be integers from 0 to 2^63 - 1, one at least")
        self.batch, self.p_z = recipe.batch, recipe.p_z
        self.update, self.generator_cost = recipe.update, recipe.generator_cost
        self.set(k=stretched[1], lr_D=stretched[2], lr_G=stretched[3], momentum=stretched[4])
        pairs = {seed: recipe.networks(seed, torch.zeros(recipe.G[-1].units)) for seed in set(self.seeds)}
        self.G = Stack([pairs[seed][0] for seed in self.seeds], dtype)
        self.D = StackedDiscriminator([pairs[seed][1] for seed in self.seeds], dtype)
        self.velocity = {name: [torch.zeros_like(p) for p in getattr(self, name).parameters()] for name in "GD"}
        self.noise = 0.0
        self._jitter: Jitter | None = None
        self.step = self.turn = 0  # iterations done, and D's updates in the one under way
        self._unique = list(pairs)
        self._row = torch.tensor([self._unique.index(seed) for seed in self.seeds])
        self._streams: dict[int, Draws] = {}

    def __len__(self) -> int:
        return len(self.seeds)

    def set(self, **values: Any) -> None:
        """Set k, a rate, the momentum or one of `CHOICES`: all that is given, or nothing when it raises."""
        chosen = {name: values.pop(name) for name in CHOICES if name in values}
        replace(self.recipe, **chosen)  # raises on what no recipe may hold
        checked = {name: _checked(name, value, len(self.seeds), self.dtype) for name, value in values.items()}
        for name, value in {**chosen, **checked}.items():
            setattr(self, name, value)

    # -- moves ---------------------------------------------------------------------------------------------------------

    def iterate(self) -> None:
        """One iteration, or the rest of the one under way."""
        before = self.step
        while self.step == before:
            self.substep()

    def substep(self) -> str:
        """The next move of the iteration under way: "D", "G", or "both" (the joint one); which one it was."""
        moved, stream = self.coming
        if moved == "D":
            self.step_D(stream)
            self.turn += 1
            return moved
        if self.update == "simultaneous":  # also when k is 0, so that a game sees the same z alone as in company
            self._step_both(moved == "both")
        else:
            self.step_G()
        self.turn, self.step = 0, self.step + 1
        return moved

    @property
    def coming(self) -> tuple[str, int]:
        """The next move of the iteration under way, and the kind of its draws, as `ahead` takes it."""
        left, joint = int(self.k.max()) - self.turn, self.update == "simultaneous"
        if left > joint:
            return "D", left - 1
        return ("both" if left == 1 else "G", 0) if joint else ("G", -1)

    def step_D(self, turn: int | None = None, only: Tensor | None = None) -> game.Gradients | None:
        """One update of D on fresh draws: in every game, with `turn` in those whose k is above it, or in `only` (B,).

        What D saw; None where `only` is nobody, in which case the draws are made all the same.
        """
        x, z = self._draw(turn or 0)
        if only is not None and not only.any():
            return None
        with torch.no_grad():
            fake = self.G(z)
        found = game.discriminator_gradients(self.D, x, fake, self._seen_through())
        self._move("D", found.D, self._active(turn) if only is None else self._these(only))
        return found

    def step_G(self, only: Tensor | None = None) -> None:
        """One update of G, on fresh noise, against D as it is: in every game, or in `only` (B,)."""
        _, z = self._draw(-1)
        found = game.generator_gradients(self.G, self.D, z, self.generator_cost, self._seen_through())
        self._move("G", found.G, self._these(only))

    def step_both(self, only: Tensor | None = None) -> None:
        """A joint update of both from the same old parameters: in every game, or in `only` (B,)."""
        self._step_both(True, only)

    def _step_both(self, D_too: bool, only: Tensor | None = None) -> None:
        x, z = self._draw(0)
        found = game.simultaneous_gradients(self.G, self.D, x, z, self.generator_cost, self._seen_through())
        if D_too:
            self._move("D", found.D, self._active(0) if only is None else self._these(only))
        self._move("G", found.G, self._these(only))

    def _these(self, only: Tensor | None) -> Tensor | None:
        """Some games as 1 and 0; None: all."""
        return None if only is None or bool(only.all()) else only.to(self.dtype)

    def _seen_through(self) -> Jitter | None:
        """The noise on what D sees, where there is any."""
        if not self.noise:
            return None
        self._jitter = self._jitter or Jitter(self._unique, self._row, 0.0)
        self._jitter.std = float(self.noise)
        return self._jitter

    def _active(self, turn: int | None) -> Tensor | None:
        """The games whose k is above `turn`, as 1 and 0; None: all, which needs no masks."""
        return None if turn is None or self.k.min() > turn else (self.k > turn).to(self.dtype)

    @torch.no_grad()
    def _move(self, player: str, gradients: Sequence[Tensor], active: Tensor | None = None) -> None:
        """v = mu v - lr g; theta += v, in the active games. A rate of 0 holds at once: mu v would still coast."""
        rate = getattr(self, f"lr_{player}")[:, None, None]
        mu = self.momentum[:, None, None] * (rate > 0)
        for p, v, g in zip(getattr(self, player).parameters(), self.velocity[player], gradients):
            if active is None:
                v.mul_(mu).addcmul_(g, rate, value=-1)
                p.add_(v)
            else:
                on = active[:, None, None]
                v.copy_(torch.where(on > 0, mu * v - rate * g, v))
                p.add_(torch.where(on > 0, v, torch.zeros_like(v)))

    def _draw(self, stream: int) -> tuple[Tensor, Tensor]:
        """m data examples and m noise samples for every game: (B, m, d), (B, m, z_dim); by seed and kind of move."""
        if stream not in self._streams:
            self._streams[stream] = Draws(self._unique, stream)
        return self._drawn(self._streams[stream], stream)

    def _drawn(self, draws: Draws, stream: int) -> tuple[Tensor, Tensor]:
        kind = (self.p_data, self.batch, self.p_z)
        x, z = draws.next(kind, self.recipe.z_dim, self.dtype, data=stream >= 0)
        return x[self._row], z[self._row]

    # -- looking ahead and going back ----------------------------------------------------------------------------------

    def ahead(self, stream: int) -> tuple[Tensor, Tensor]:
        """What the next move of a kind (-1: G's; n: D's with n to follow) will draw; the draws are not used up."""
        draws = Draws(self._unique, stream)
        if stream in self._streams:
            draws.load(self._streams[stream].saved())
        return self._drawn(draws, stream)

    @torch.no_grad()
    def saved(self) -> dict[str, Any]:
        """All that the future of these games depends on, for `load`: nets, velocities, place, numbers and draws."""
        names = ("p_data", "k", "lr_D", "lr_G", "momentum", "noise", "step", "turn", *CHOICES)
        return {
            "plain": {name: getattr(self, name) for name in names},  # none of them is changed in place
            "nets": [p.detach().clone() for name in "GD" for p in getattr(self, name).parameters()],
            "velocity": [v.clone() for name in "GD" for v in self.velocity[name]],
            "streams": {stream: draws.saved() for stream, draws in self._streams.items()},
            "jitter": self._jitter and [rng.get_state() for rng in self._jitter.rngs],
        }

    def at(self, saved: dict[str, Any]) -> Toys:
        """Other games that stand where `saved` says, to look at; these stay as they are."""
        other = copy.copy(self)
        other.G, other.D, other.velocity = (copy.deepcopy(part) for part in (self.G, self.D, self.velocity))
        other.load(saved)
        return other

    @torch.no_grad()
    def load(self, saved: dict[str, Any]) -> None:
        """Go back to what `saved` gave: these games then go on as they did from there, bit for bit."""
        vars(self).update(saved["plain"])
        now = [p for name in "GD" for p in getattr(self, name).parameters()]
        for tensor, value in zip([*now, *self.velocity["G"], *self.velocity["D"]], saved["nets"] + saved["velocity"]):
            tensor.copy_(value)
        self._streams = {stream: Draws(self._unique, stream) for stream in saved["streams"]}
        for stream, draws in self._streams.items():
            draws.load(saved["streams"][stream])
        self._jitter = Jitter(self._unique, self._row, 0.0) if saved["jitter"] else None
        for rng, state in zip(self._jitter.rngs if self._jitter else (), saved["jitter"] or ()):
            rng.set_state(state)

    # -- looking at a game of one dimension ----------------------------------------------------------------------------

    def p_g(self, i: int = 0) -> Pushforward:
        """The density of game i's G(z): exact for a G of rectifiers, else that of 800 straight lines through G."""
        if self.recipe.z_dim != 1 or self.G.specs[-1].units != 1:
            raise RecipeError("only a G from one coordinate of z to one of x has a p_g that can be computed")
        both = zip(self.G.weights, self.G.biases)
        layers = [(w[i].T.detach().double().numpy(), b[i, 0].detach().double().numpy()) for w, b in both]
        if not all(np.isfinite(part).all() for layer in layers for part in layer):
            raise TrainingDiverged(f"G's parameters are no longer finite after {self.step} iterations")
        if self.exact:
            return Pushforward(*relu_line(layers, self.p_z), self.p_z)
        z = np.linspace(-PRIOR_REACH[self.p_z], PRIOR_REACH[self.p_z], SMOOTH_PIECES + 1)
        return Pushforward(z, self.G_of(z, i), self.p_z, even=True)

    @property
    def exact(self) -> bool:
        """Whether G is made of rectifiers, so that p_g is exact."""
        *hidden, last = (layer.activation for layer in self.G.specs)
        return set(hidden) <= {"relu"} and last == "linear"

    def G_of(self, z: ArrayLike, i: int = 0) -> Array:
        """G(z) of game i, for a G of one dimension: z (n,) -> x (n,)."""
        return self._through(self.G, z, i)

    def logit(self, x: ArrayLike, i: int = 0) -> Array:
        """D's logit in game i, for x in one dimension: (n,) -> (n,)."""
        return self._through(self.D, x, i)

    def push(self, x: ArrayLike, i: int = 0, cost: str | None = None) -> Array:
        """Where a sample G(z) = x is pushed: -d/dx of what G pays for that one z, nats a unit of x; x (n,) or (n, d).

        With the logit a(x) it is (1 - D) a'(x) for the non-saturating cost, and D a'(x) for the minimax one: next to
        nothing where D is flat, and where the minimax cost has saturated. `cost` None: that of the game.
        """
        at = torch.as_tensor(np.asarray(x, float), dtype=self.dtype)
        points = (at if at.ndim > 1 else at[:, None])[None].requires_grad_()  # (1, n, d)
        costs = game.generator_cost(self.D(points, i)[0], cost or self.generator_cost)  # (n,): one for each z
        return -torch.autograd.grad(costs.sum(), points)[0][0].reshape(at.shape).double().numpy()

    @torch.no_grad()
    def _through(self, nets: Stack, x: ArrayLike, i: int) -> Array:
        column = torch.as_tensor(np.asarray(x, float), dtype=self.dtype)[None, :, None]
        return nets(column, i)[0, :, 0].double().numpy()

    def measure(self, i: int = 0, *, order: int = 6) -> Measured:
        """V, C and JSD of game i, by quadrature with so many nodes between two knots."""
        return Measured(*theory.V_C_JSD(lambda x: self.logit(x, i), self.p_data, self.p_g(i), order=order))

    @torch.no_grad()
    def samples(self, n: int, seed: int = 0) -> Array:
        """n fair draws of every game, from the same z: (B, n, d). Leaves the games' own random numbers alone."""
        z = replace(self.recipe, p_z=self.p_z).noise(n, seed).to(self.dtype)  # (n, z_dim)
        return self.G(z.expand(len(self), -1, -1)).double().numpy()


class Draws:
    """Minibatches for one kind of move (-1: G's; n: D's with n to follow), drawn ahead in blocks, which is faster."""

    AHEAD = 16

    def __init__(self, seeds: Sequence[int], move: int):
        sequences = [np.random.SeedSequence([seed, STREAM, move + 1]).spawn(2) for seed in seeds]
        begins = [int(for_z.generate_state(1, np.uint64)[0] >> np.uint64(1)) for _, for_z in sequences]
        self._x_rngs = [np.random.default_rng(for_x) for for_x, _ in sequences]
        self._z_rngs = [torch.Generator().manual_seed(begin) for begin in begins]
        self._kind, self._next = None, self.AHEAD
        self._before = self._states()  # from where the present block was drawn
        self._how: tuple = ()  # ... and how

    def next(self, kind: tuple, z_dim: int, dtype: torch.dtype, *, data: bool) -> tuple[Tensor, Tensor]:
        """The next x (S, m, d), or nothing of it without `data`, and z (S, m, z_dim), for S seeds.

        When `kind`, (p_data, m, p_z), has changed, what was drawn ahead is thrown away.
        """
        if self._next == self.AHEAD or kind != self._kind:
            self._block(kind, z_dim, dtype, data)
            self._next = 0
        i, self._next = self._next, self._next + 1
        return self._x[:, i], self._z[:, i]

    def _block(self, *how: Any) -> None:
        self._how, self._before = how, self._states()
        self._kind, z_dim, dtype, data = how
        p_data, m, p_z = self._kind
        n = self.AHEAD * m
        zs = [game.prior(p_z, n, z_dim, z_rng, dtype) for z_rng in self._z_rngs]
        self._z = torch.stack(zs).unflatten(1, (self.AHEAD, m))
        if data:
            xs = [torch.from_numpy(p_data.sample(n, x_rng)).reshape(n, -1) for x_rng in self._x_rngs]
            self._x = torch.stack(xs).to(dtype).unflatten(1, (self.AHEAD, m))
        else:
            self._x = self._z[..., :0]

    def saved(self) -> tuple:
        """Where these draws stand, for `load`: the block is drawn again from the random state before it."""
        under_way = self._next < self.AHEAD
        return self._kind, self._next, under_way and self._how, self._before if under_way else self._states()

    def load(self, saved: tuple) -> None:
        """Go back to what `saved` gave."""
        self._kind, self._next, how, (for_x, for_z) = saved
        for rng, state in zip(self._x_rngs, for_x):
            rng.bit_generator.state = state
        for rng, state in zip(self._z_rngs, for_z):
            rng.set_state(state)
        if how:
            self._block(*how)

    def _states(self) -> tuple[list[Any], list[Tensor]]:
        return [rng.bit_generator.state for rng in self._x_rngs], [rng.get_state() for rng in self._z_rngs]


def _checked(name: str, value: Any, games: int, dtype: torch.dtype) -> Tensor:
    """k, a rate or the momentum as one number for each game. Raises `RecipeError` on one that makes no sense."""
    rate = (lambda v: (v >= 0) & np.isfinite(v), "finite numbers >= 0")
    rules = {
        "k": (lambda v: (v >= 0) & (v <= MAX_K) & (v == np.floor(v)), f"whole numbers from 0 to {MAX_K}"),
        **{"lr_D": rate, "lr_G": rate},
        "momentum": (lambda v: (v >= 0) & (v < 1), "in [0, 1)"),
    }
    if name not in rules:
        raise RecipeError(f"{brief(name)} is nothing that a toy can set; there are: {', '.join([*rules, *CHOICES])}")
    holds, words = rules[name]
    try:
        values = np.broadcast_to(np.asarray(value, float), games)
    except (TypeError, ValueError, OverflowError):
        raise RecipeError(
            f"{name} is {brief(value)}; it must be one number, or one for each of {games} games"
        ) from None
    if not holds(values).all():
        raise RecipeError(f"{name} is {brief(np.asarray(value).tolist())}; it must be {words}")
    return torch.as_tensor(values.copy(), dtype=dtype if name != "k" else torch.long)
