"""Ways to coordinate D and G, and priors on z, at equal cost: toys by the hundred with an exact JSD, and digits.

The cost is counted in gradients: each of D's costs one, and each of G's. So a larger k means fewer updates of G.
"""

from __future__ import annotations

import base64
import math
import time
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any

import numpy as np
import torch
from scipy.special import ndtr
from torch import Tensor

from ganlib import parzen, theory
from ganlib.average import PART, Average
from ganlib.datasets import Dataset
from ganlib.densities import PRIOR_REACH, Array, Density, Gaussian, Mixture, Modes, ring
from ganlib.errors import RecipeError, TrainingDiverged, brief
from ganlib.game import PRIORS
from ganlib.images import scale
from ganlib.nets import Layer
from ganlib.recipes import MNIST, RING, TOY, Recipe
from ganlib.studies import measures
from ganlib.studies.toys import Toys
from ganlib.trainer import Trainer

RULES = ("", "accuracy", "gap")


@dataclass(frozen=True)
class Way:
    """A way to play: what it changes in a plain game. Raises `RecipeError` on what makes no sense."""

    name: str
    recipe: Mapping[str, Any] = field(default_factory=dict)  # fields that differ: update, generator_cost, p_z, ...
    k: tuple[int, ...] = (1,)  # D's updates for one of G's (at the most, with a rule), in equal parts of the budget
    rule: str = ""  # D stops before all of its k: at an "accuracy" on its minibatch, or a "gap" C(G) - V(D, G)
    level: float = 0.0  # ... of so much: a share, or nats
    ratio: float = 1.0  # D's rate times its root, G's rate by its root: their product stays
    momentum: float | None = None  # (rates times 1 - momentum, so that a step in a steady direction stays); None: as is
    noise: tuple[float, float] = (0.0, 0.0)  # the std of Gaussian noise on all that D sees, from start to end

    def __post_init__(self) -> None:
        if self.rule not in RULES:
            raise RecipeError(f"unknown rule {brief(self.rule)}; use one of {', '.join(filter(None, RULES))}, or none")
        if strange := set(self.recipe) - {each.name for each in fields(Recipe)}:
            raise RecipeError(f"{brief(self.name)} changes {brief(min(strange))}, which is no field of a Recipe")
        if not self.k or min(self.k) < 1:
            raise RecipeError(f"k is {brief(self.k)}; it must be whole numbers >= 1")
        if not (0 < self.ratio < math.inf and min(self.noise) >= 0):
            raise RecipeError(
                f"ratio {brief(self.ratio)} and noise {brief(self.noise)}: the first must be > 0, the others >= 0"
            )

    def k_at(self, share: float) -> int:
        """k when so much of the budget is spent."""
        return self.k[min(int(share * len(self.k)), len(self.k) - 1)]

    def on(self, recipe: Recipe) -> Recipe:
        """A recipe for `Trainer` that plays this way from the start on, from that of a plain game."""
        if self.rule == "gap" or self.noise[0] != self.noise[1]:
            raise RecipeError(
                f"{brief(self.name)} is for toys: only there are C(G) known and D's noise changed on the way"
            )
        root, changes = math.sqrt(self.ratio), dict(self.recipe)
        if self.noise[0]:
            changes["D"] = (replace(recipe.D[0], noise=self.noise[0]), *recipe.D[1:])
        if self.momentum is not None:
            root_mu = {"momentum_start": self.momentum, "momentum_end": self.momentum}
            changes |= root_mu
        rates = {"lr_D": recipe.lr_D * root, "lr_G": recipe.lr_G / root}
        until = self.level if self.rule else 0.0
        return replace(recipe, **rates, k=self.k[0], k_until=until, **changes)


# -- toys --------------------------------------------------------------------------------------------------------------


class Play:
    """B toys that play one way until each has spent its budget of gradients.

        play = Play(WAYS["k = 5"], TOY, DATA["two hills"], seeds=range(8), budget=6_000)
        play.finish()
        play.JSD()         # (8,), of the last iterates; play.JSD(averaged=True): of the averages of G's parameters

    `seeds`, `lr_D` and `lr_G` are as in `Toys`. A game that has spent its budget rests; its last iteration is cut so
    that D's and G's gradients together are exactly the budget. The gap is measured by quadrature, which no gradient
    is counted for: a real game could not do that.
    """

    def __init__(
        self,
        way: Way,
        recipe: Recipe,
        p_data: Density | Modes,
        *,
        budget: int,
        seeds: int | Sequence[int] = 0,
        lr_D: Any = None,
        lr_G: Any = None,
    ):
        if not isinstance(budget, int) or budget < 2 or budget % 2:
            raise RecipeError(f"the budget is {brief(budget)}; it must be an even number of gradients, 2 or more")
        recipe = replace(recipe, **way.recipe)
        if recipe.update == "simultaneous" and (way.rule or set(way.k) != {1}):
            raise RecipeError(
                f"{brief(way.name)}: simultaneous updates of toys at equal cost have k = 1, without a rule"
            )
        mu = recipe.momentum_start if way.momentum is None else way.momentum
        size = (1 - mu) * np.array([math.sqrt(way.ratio), 1 / math.sqrt(way.ratio)])
        rates = [
            np.asarray(own if given is None else given, float)
            for given, own in zip((lr_D, lr_G), (recipe.lr_D, recipe.lr_G))
        ]
        self.way, self.budget = way, budget
        self.toys = Toys(recipe, p_data, seeds=seeds, lr_D=size[0] * rates[0], lr_G=size[1] * rates[1], momentum=mu)
        self.n_D, self.n_G = (torch.zeros(len(self.toys), dtype=torch.long) for _ in "DG")
        self.average = [p.detach().clone() for p in self.toys.G.parameters()]

    @property
    def cost(self) -> Tensor:
        """Gradients spent by each game: (B,)."""
        return self.n_D + self.n_G

    @property
    def share(self) -> float:
        """The share of the budget that the least advanced game has spent."""
        return int(self.cost.min()) / self.budget

    def finish(self) -> Play:
        """Play to the end of the budget."""
        while self.share < 1:
            self.iterate()
        return self

    def iterate(self) -> None:
        """D's updates and one of G's, in the games that have not spent their budget."""
        way, toys = self.way, self.toys
        start, end = way.noise
        toys.noise = start + (end - start) * self.share
        alive = self.cost < self.budget
        if toys.update == "simultaneous":
            toys.step_both(alive)
            self.n_D += alive
            self.n_G += alive
        else:
            self._move_D(alive)
            toys.step_G(alive)
            self.n_G += alive
        toys.step += 1
        with torch.no_grad():
            w = (alive * (PART / self.n_G.clamp_min(PART)))[:, None, None].float()  # 1 / half of the run so far
            for mean, p in zip(self.average, toys.G.parameters()):
                mean += w * (p - mean)

    def _move_D(self, alive: Tensor) -> None:
        """D's updates in the games `alive`, each until its rule is met; one gradient is left for G."""
        way, toys = self.way, self.toys
        gap = Gap(toys) if way.rule == "gap" else None
        moves = alive
        for turn in range(way.k_at(self.share)):
            moves = moves & (self.cost < self.budget - 1)
            if gap:
                moves = moves & (gap.now() > way.level)
            found = toys.step_D(turn, moves)  # the draws are made in any case: a game is the same alone and in company
            self.n_D += moves
            if way.rule == "accuracy" and found is not None:
                right = ((found.a_real > 0).float().mean(-1) + (found.a_fake < 0).float().mean(-1)) / 2
                moves = moves & (right < way.level)

    def JSD(self, averaged: bool = False) -> Array:
        """JSD(p_data || p_g) of each game, nats: exact in one dimension, in the plane of a histogram. nan: diverged."""
        toys = self.averaged() if averaged else self.toys
        if isinstance(toys.p_data, Modes):
            return np.array([plane_JSD(toys.p_data, x) for x in toys.samples(PLANE_SAMPLES)])
        found = np.full(len(toys), math.nan)
        for i in range(len(toys)):
            try:
                found[i] = theory.JSD(toys.p_data, toys.p_g(i), order=6)
            except (TrainingDiverged, RecipeError):
                continue
        return found

    def averaged(self) -> Toys:
        """The same games with the averages of G's parameters over the last half or so of the run, to look at."""
        other = self.toys.at(self.toys.saved())
        with torch.no_grad():
            for p, mean in zip(other.G.parameters(), self.average):
                p.copy_(mean)
        return other


class Gap:
    """C(G) - V(D, G) of every game of a stack, while G stands still: exact, by quadrature at nodes found once."""

    def __init__(self, toys: Toys):
        self.toys, parts = toys, []
        for i in range(len(toys)):
            try:
                parts.append(theory.shares(toys.p_data, toys.p_g(i), order=6))
            except (TrainingDiverged, RecipeError):
                parts.append((np.zeros(1),) * 3)  # nothing to gain there
        n = max(len(x) for x, _, _ in parts)
        x, P, Q = (np.stack([np.pad(part[j], (0, n - len(part[j]))) for part in parts]) for j in range(3))
        self.x = torch.as_tensor(x[..., None], dtype=toys.dtype)  # (B, n, 1), padded with nodes of no weight
        self.P, self.Q = P, Q
        total = np.where(P + Q > 0, P + Q, 1.0)
        self.C = (P * np.log(np.where(P > 0, P / total, 1)) + Q * np.log(np.where(Q > 0, Q / total, 1))).sum(1)

    @torch.no_grad()
    def now(self) -> Tensor:
        """The gap of each game with D as it is, nats: (B,)."""
        a = self.toys.D(self.x)[..., 0].double().numpy()
        V = -(self.P * np.logaddexp(0, -a) + self.Q * np.logaddexp(0, a)).sum(1)
        return torch.from_numpy(self.C - V)


PLANE_SAMPLES = 20_000
WINDOW, BINS = 3.0, 60  # in the plane: bins of a side of 0.1 over [-3, 3]^2, and one for all that lies outside


def plane_JSD(p_data: Modes, x: Array) -> float:
    """JSD of p_data's exact probabilities of the bins and the shares of the samples x (n, 2) in them, nats.

    It says nothing of what happens inside a bin, and of n samples it is a little too large: see `plane_floor`.
    """
    if not np.isfinite(x).all():
        return math.nan
    edges = np.linspace(-WINDOW, WINDOW, BINS + 1)
    inside = [np.diff(ndtr((edges - np.array(p_data.centres)[:, [axis]]) / p_data.std), axis=1) for axis in (0, 1)]
    P = np.einsum("ni,nj->ij", *inside).ravel() / len(p_data.centres)
    Q = np.histogram2d(*x.T, bins=(edges, edges))[0].ravel() / len(x)
    P, Q = (np.append(shares, max(0.0, 1 - shares.sum())) for shares in (P, Q))
    M = np.where(P + Q > 0, (P + Q) / 2, 1.0)
    each = (shares * np.log(np.where(shares > 0, shares / M, 1.0)) for shares in (P, Q))
    return float(sum(part.sum() for part in each) / 2)


def plane_floor(p_data: Modes, n: int = PLANE_SAMPLES) -> float:
    """What `plane_JSD` gives for n draws from p_data itself."""
    return plane_JSD(p_data, p_data.sample(n, np.random.default_rng(0)))


DATA: dict[str, Density | Modes] = {
    "two hills": Mixture((Gaussian(-1.5, 0.5), Gaussian(1.5, 0.5))),
    "far hills": Mixture((Gaussian(-3.0, 0.4), Gaussian(3.0, 0.4))),
    "a spike": Mixture((Gaussian(-0.5, 1.2), Gaussian(1.0, 0.1)), (2.0, 1.0)),
    "ring of 8": ring(8, 2.0, 0.1),
}
"""What the toys learn: three densities in one dimension, and eight hills in the plane."""


def plane(z_dim: int = 2) -> Recipe:
    """The ring's recipe with nets of half the width, which take a third of the time, and z of so many coordinates."""
    G = Layer(32, "relu", math.sqrt(3 / z_dim)), Layer(32, "relu", 0.31), Layer(2, "linear", 0.31)
    D = replace(RING.D[0], units=32), replace(RING.D[1], units=32, irange=0.31), replace(RING.D[2], irange=0.31)
    return replace(RING, name="small ring", z_dim=z_dim, p_z="uniform", G=G, D=D, batch=64)


def recipe_for(data: str, z_dim: int | None = None) -> Recipe:
    """The plain game for one of DATA: uniform z as in the paper, of one coordinate (in the plane: two)."""
    return plane(z_dim or 2) if isinstance(DATA[data], Modes) else TOY


_ALL = (
    Way("k = 1"),
    Way("k = 2", k=(2,)),
    Way("k = 5", k=(5,)),
    Way("k rises, 1 to 5", k=(1, 2, 3, 4, 5)),
    Way("k falls, 5 to 1", k=(5, 4, 3, 2, 1)),
    Way("k by D's accuracy", k=(5,), rule="accuracy", level=0.65),
    Way("k by the gap", k=(10,), rule="gap", level=0.06),  # at 0.02 D used all ten nearly always, and did no better
    Way("D's rate × 2, G's ÷ 2", ratio=4.0),
    Way("D's rate ÷ 2, G's × 2", ratio=0.25),
    Way("simultaneous", {"update": "simultaneous"}),
    Way("momentum 0.5", momentum=0.5),
    Way("momentum 0.9", momentum=0.9),
    Way("minimax cost", {"generator_cost": "minimax"}),
    Way("blend of both costs", {"generator_cost": "blend"}),
    Way("noise for D", noise=(0.3, 0.3)),
    Way("noise for D, fading", noise=(0.6, 0.0)),
)
WAYS: dict[str, Way] = {way.name: way for way in _ALL}
"""The ways of coordination, by name. "k = 1" is the plain game: Algorithm 1 as printed, the others change one thing."""

Z_DIMS = (1, 2, 8, 32, 200)
"""Coordinates of z in the plane."""
BUDGET = 4_000  # gradients of a toy, D's and G's together
SEEDS = range(8)
RATES = {1: ((0.3, 0.01), (0.3, 0.03)), 2: ((0.1, 0.01), (0.1, 0.03))}
"""The pairs (D's rate, G's rate) that every way is tried with, by the dimension of x."""


def pieces() -> Iterator[tuple[str, Way, int]]:
    """All that is measured of toys: what they learn, the way, and coordinates of z. Uniform z is in the ways."""
    flat = {data: isinstance(p_data, Modes) for data, p_data in DATA.items()}
    for data in DATA:
        for way in WAYS.values():
            if not (flat[data] and way.rule == "gap"):
                yield data, way, 1 + flat[data]
    for z_dim in Z_DIMS:
        for data in DATA:
            for p_z in PRIORS:
                here = flat[data] or (z_dim == 1 and p_z in PRIOR_REACH)
                if here and (p_z, z_dim) != ("uniform", 1 + flat[data]):
                    yield data, Way(p_z, {"p_z": p_z}), z_dim


def measured(data: str, way: Way, z_dim: int, budget: int = BUDGET, seeds: Sequence[int] = SEEDS) -> dict[str, Any]:
    """One piece: JSD (rates, seeds) of last iterates and averages, G's share of the gradients; in the plane the modes.

    "spent" is the least and the most that a game has spent: the budget, both.
    """
    p_data, pairs = DATA[data], RATES[2 if isinstance(DATA[data], Modes) else 1]
    lr_D, lr_G = np.repeat(np.array(pairs), len(seeds), axis=0).T
    play = Play(way, recipe_for(data, z_dim), p_data, budget=budget, seeds=[*seeds] * len(pairs), lr_D=lr_D, lr_G=lr_G)
    play.finish()
    shape, spent = (len(pairs), len(seeds)), play.cost
    found: dict[str, Any] = {"data": data, "way": way.name, "z_dim": z_dim}
    found |= {"last": rounded(play.JSD(), shape), "average": rounded(play.JSD(averaged=True), shape)}
    found |= {"share_G": round((play.n_G / spent).mean().item(), 3), "spent": [int(spent.min()), int(spent.max())]}
    if isinstance(p_data, Modes):
        modes, good = p_data.covered(play.toys.samples(PLANE_SAMPLES))
        found |= {"modes": modes.reshape(shape).tolist(), "good": rounded(good, shape)}
    return found


def rounded(values: Array, shape: tuple[int, ...]) -> list[Any]:
    """Numbers with four digits in that shape, None for nan."""
    plain = [float(f"{value:.4g}") if math.isfinite(value) else None for value in values]
    return np.array(plain, object).reshape(shape).tolist()


# -- digits ------------------------------------------------------------------------------------------------------------

EVALUATIONS = 8_000
"""Gradients in a run on digits: 4,000 steps of the paper's k = 1 with one of D and one of G, that is 8 epochs."""
_MOST_USED = (
    Way("as the paper"),  # simultaneous updates, k = 1, equal rates, uniform z
    Way("alternating", {"update": "alternating"}),  # Algorithm 1 as printed, and most implementations since
    Way("k = 5", k=(5,)),  # the usual choice where D is to be near its optimum (Arjovsky et al. 2017)
    Way("D's rate × 2, G's ÷ 2", ratio=4.0),  # a ratio of 4, as Zhang et al. 2019, after Heusel et al. 2017
    Way("normal z", {"p_z": "normal"}),  # the prior of most GANs
)
_BEST_TOYS = (
    Way("mixture z", {"p_z": "mixture"}),  # by far the smallest JSD on two of three densities
    Way("k by D's accuracy", k=(5,), rule="accuracy", level=0.8),  # the smallest on the spike, of the ways
    Way("k falls, 5 to 1", k=(5, 4, 3, 2, 1)),  # beats k = 1 with six seeds on two densities
    Way("blend of both costs", {"generator_cost": "blend"}),  # the same
    Way("noise for D", noise=(0.1, 0.1)),  # the smallest on the ring
)
"""Two lists of five. Two rates, the best way on two hills, are on the first one, as they are much used, too."""
N_FEATURES, N_NEIGHBOURS, N_SHOWN = 10_000, 3_000, 8


class Ruler:
    """The classifier of digits and features of real ones, trained once for all runs (about half a minute)."""

    def __init__(self, data: Dataset):
        self.data = data
        self.classifier = measures.train_classifier(data.train, data.train_labels, data.test, data.test_labels)
        drawn = torch.randperm(len(data.train), generator=torch.Generator().manual_seed(0))[:N_FEATURES]
        self.train, self.test = (self.classifier.features(scale(x)) for x in (data.train[drawn], data.test))

    @property
    def floor(self) -> float:
        """The Fréchet distance of real test digits."""
        return measures.frechet(self.train, self.test)

    def measure(self, x: Tensor) -> dict[str, float]:
        """Parzen score (nats; validation digits, sigma chosen on them), Fréchet distance, precision and recall."""
        features = self.classifier.features(x)
        score = parzen.validation_score(x, scale(self.data.valid))
        near = measures.precision_recall(self.test[:N_NEIGHBOURS], features[:N_NEIGHBOURS])
        found = {"score": score["log_likelihood"], "error": score["standard_error"], "sigma": score["sigma"]}
        return found | {"frechet": measures.frechet(self.train, features), "precision": near[0], "recall": near[1]}


def on_digits(
    way: Way, ruler: Ruler, seed: int, evaluations: int = EVALUATIONS, recipe: Recipe = MNIST
) -> Iterator[dict[str, Any]]:
    """Train one way at that cost, measure the last iterate and the average: yields its progress, last its record."""
    begun = time.perf_counter()
    trainer = Trainer(way.on(recipe), ruler.data, seed=seed)
    average = Average(trainer.G)
    spent = 0
    while spent < evaluations:
        k = way.k_at(spent / evaluations)
        if k != trainer.recipe.k:
            trainer.change(k=k)
        for step in trainer.steps(1):
            average.see(step.step)
        spent = trainer.updates + trainer.step
        if trainer.step % 500 == 0:
            yield {"spent": spent, "V": step.V}
    seconds = time.perf_counter() - begun
    found: dict[str, Any] = {"way": way.name, "seed": seed, "seconds": round(seconds), "gradients": spent}
    found |= {"updates_D": trainer.updates, "updates_G": trainer.step, "epochs": round(trainer.epochs_done, 2)}
    for name, G in (("last", trainer.G), ("average", average.G)):
        x = trainer.recipe.samples(G, N_FEATURES, 1).float()
        found[name] = {key: float(f"{value:.5g}") for key, value in ruler.measure(x).items()}
        found[name]["shown"] = (255 * x[:N_SHOWN]).round().byte().tolist()
    yield found


def packed(images: Array) -> str:
    """uint8 numbers as text, compressed."""
    return base64.b85encode(zlib.compress(images.astype(np.uint8).tobytes(), 9)).decode("ascii")


def unpacked(text: str) -> np.ndarray:
    """What `packed` made, flat."""
    return np.frombuffer(zlib.decompress(base64.b85decode(text)), np.uint8)


ON_DIGITS = {way.name: way for way in (*_MOST_USED, *_BEST_TOYS)}
