"""All conditionals p(x_S | x_not S) by one G (section 7, future work 3): exact in the plane, measured on digits.

A mask is 1 where a coordinate is hidden. `Plane` is a density whose conditionals are known, `PlaneGame` the game on it;
below are what is measured of completed pictures, and the joint that is drawn block by block from conditionals alone.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import ArrayLike
from scipy.special import ndtr, xlogy
from torch import Tensor

from ganlib import conditions, game, theory
from ganlib.average import Average
from ganlib.checkpoints import Trained
from ganlib.densities import Array, Density, Gaussian, Mixture
from ganlib.errors import DataError, RecipeError, TrainingDiverged, brief
from ganlib.nets import Layer
from ganlib.players import Player
from ganlib.recipes import RING, Recipe
from ganlib.studies.measures import Classifier

RESULTS = Path(__file__).parent.parent / "results" / "all_conditionals.json"
PLANE_MASKS = ((1, 0), (0, 1), (1, 1))
"""The masks of the plane: x1 is hidden, x2 is hidden, both are."""
ORDERS = ("in one go", "x1, then x2", "x2, then x1")
"""The three ways in which a `PlaneGame` draws the joint."""
REACH = 3.5  # x1 and x2 are looked at from -REACH to REACH
BINS, SLICE_BINS = 24, 60  # of equal mass, along each axis of the plane and along a slice
SHAPE = (1, 1, 2)  # a point of the plane as a picture


def recorded() -> dict[str, Any]:
    """What `tools/measure_all_conditionals.py` measured."""
    return json.loads(RESULTS.read_text(encoding="utf-8"))


# -- a density in the plane whose conditionals are known ---------------------------------------------------------------


@dataclass(frozen=True)
class Plane:
    """A mixture of Gaussians in the plane: of each its weight, mean (2,), standard deviations (2,) and correlation.

    Its marginals and its conditionals are mixtures of Gaussians in one dimension:

        p(x1 | x2) = sum_k w_k(x2) N(x1; mean of x1 in k, given x2; ...),  w_k(x2) proportional to w_k N(x2; ...)
    """

    parts: tuple[tuple[float, tuple[float, float], tuple[float, float], float], ...]

    def __post_init__(self) -> None:
        for weight, mean, std, rho in self.parts:
            if not (weight > 0 and min(std) > 0 and -1 < rho < 1 and np.isfinite([*mean, *std]).all()):
                raise RecipeError(
                    f"a part of weight, mean, std and correlation is {brief((weight, mean, std, rho))}; "
                    "weight and std must be above 0, the correlation within (-1, 1)"
                )
        if not self.parts:
            raise RecipeError("a density in the plane needs one part or more")

    @property
    def shares(self) -> Array:
        """The weights, summing to 1."""
        weights = np.array([weight for weight, *_ in self.parts])
        return weights / weights.sum()

    def marginal(self, axis: int) -> Mixture:
        """The density of x1 (axis 0) or of x2 (axis 1)."""
        return Mixture(tuple(Gaussian(mean[axis], std[axis]) for _, mean, std, _ in self.parts), tuple(self.shares))

    def conditional(self, axis: int, value: float) -> Mixture:
        """The density of x1 (axis 0) or of x2 (axis 1), the other one being `value`. Raises `RecipeError` far out."""
        if not math.isfinite(value):
            raise RecipeError(f"the other coordinate is {brief(value)}; it must be a finite number")
        other = 1 - axis
        here, logs = [], []
        for share, (_, mean, std, rho) in zip(self.shares, self.parts):
            t = (value - mean[other]) / std[other]
            here.append(Gaussian(mean[axis] + rho * std[axis] * t, std[axis] * math.sqrt(1 - rho * rho)))
            logs.append(math.log(share / std[other]) - t * t / 2)
        return Mixture(tuple(here), tuple(np.exp(np.array(logs) - max(logs))))

    def pdf(self, x: ArrayLike) -> Array:
        """The density at points x (..., 2)."""
        x, total = np.asarray(x, float), 0.0
        for share, (_, mean, std, rho) in zip(self.shares, self.parts):
            u, v = ((x[..., i] - mean[i]) / std[i] for i in (0, 1))
            q = (u * u - 2 * rho * u * v + v * v) / (1 - rho * rho)
            total = total + share * np.exp(-q / 2) / (2 * math.pi * std[0] * std[1] * math.sqrt(1 - rho * rho))
        return total

    def sample(self, n: int, rng: np.random.Generator) -> Array:
        """n draws: (n, 2)."""
        which = rng.choice(len(self.parts), n, p=self.shares)
        mean, std, rho = (np.array([part[i] for part in self.parts], float)[which] for i in (1, 2, 3))
        u, v = rng.standard_normal((2, n))
        return mean + std * np.stack([u, rho * u + np.sqrt(1 - rho * rho) * v], 1)

    def uniform(self, x: ArrayLike) -> Array:
        """(F(x1), F(x2 | x1)) of points x (n, 2), Rosenblatt's transform: draws of this density become uniform in the
        square, and no JSD changes: (n, 2).
        """
        x = np.asarray(x, float)
        mean, std, rho = (np.array([part[i] for part in self.parts], float) for i in (1, 2, 3))
        t = (x[:, :1] - mean[:, 0]) / std[:, 0]  # (n, parts)
        log_w = np.log(self.shares / std[:, 0]) - t * t / 2
        w = np.exp(log_w - log_w.max(1, keepdims=True))  # of each part, given x1
        of_x2 = ndtr((x[:, 1:] - mean[:, 1] - rho * std[:, 1] * t) / (std[:, 1] * np.sqrt(1 - rho**2)))
        return np.stack([ndtr(t) @ self.shares, (w * of_x2).sum(1) / w.sum(1)], 1)


HILLS = Plane(
    (
        (0.4, (-1.0, -0.5), (0.6, 0.75), 0.75),
        (0.35, (1.0, -0.2), (0.6, 0.8), -0.7),
        (0.25, (0.1, 1.3), (0.8, 0.4), 0.3),
    )
)
"""The density of notebook 17: two slanted hills, and one across above them. A slice through it has one hill or two."""


def cdf(p: Density, x: ArrayLike) -> Array:
    """The distribution function of a mixture of Gaussians: x (n,) -> (n,)."""
    return sum(share * ndtr((np.asarray(x, float) - part.mean) / part.std) for share, part in zip(p.shares, p.parts))


# -- how far samples are from a density, with the error of that --------------------------------------------------------


class Estimate(NamedTuple):
    """A number from samples, and its standard error."""

    value: float
    error: float

    def __str__(self) -> str:
        return f"{self.value:.4f} ± {self.error:.4f}"


def binned_jsd(p: ArrayLike, q: ArrayLike, m: float = math.inf, n: float = math.inf) -> Estimate:
    """JSD of two histograms (any shape), in nats; m and n are the draws that each was counted from (inf: it is exact).

    Counted histograms make the plain JSD too large by about (1 / 4n) sum_i (1 - q_i) p_i / (p_i + q_i), and the same
    with p and q exchanged; that is taken off. The error has the scatter to first order, less what is mere
    noise of it, and to second, which is all there is where two histograms agree.
    """
    p, q = (np.asarray(one, float).ravel() / np.sum(one) for one in (p, q))
    if p.shape != q.shape or not (np.isfinite(p).all() and np.isfinite(q).all()):
        raise DataError(f"histograms of {p.size} and {q.size} bins; both must be of the same bins, with something in")
    half = np.where(p + q > 0, (p + q) / 2, 1.0)
    plain = (xlogy(p, p / half) + xlogy(q, q / half)).sum() / 2
    cross = (p * q / (2 * half) ** 2).sum() / 4
    bias, variance = 0.0, cross / (m * n)
    for one, other, count, others in ((p, q, m, n), (q, p, n, m)):
        if math.isfinite(count):
            slope = np.log(np.where(one > 0, one, 1.0) / np.where(one > 0, half, 1.0)) / 2
            both = (1 - one) * other / (2 * half)
            noise = (both**2).sum() / (4 * count) + cross / others
            bias += both.sum() / (4 * count)
            variance += max((one @ slope**2) - (one @ slope) ** 2 - noise, 0.0) / count + (both**2).sum() / (
                8 * count**2
            )
    return Estimate(float(plain - bias), float(math.sqrt(variance)))


def plane_jsd(p: Plane, x: Array, other: Array | None = None, bins: int = BINS) -> Estimate:
    """JSD in nats between p and points x (n, 2), or between those and `other` points, in bins x bins of equal mass.

    Of points whose hidden coordinate was drawn by G and whose seen one comes from p it is the mean, over what is seen,
    of the JSD of the conditionals, since the seen coordinate has the same density on both sides. Within a bin nothing
    is seen, so it is a little too small.
    """
    edges = np.linspace(0, 1, bins + 1)
    counts = [np.histogram2d(*p.uniform(one).T, bins=[edges, edges])[0] for one in (x, other) if one is not None]
    if other is None:
        return binned_jsd(np.ones((bins, bins)), counts[0], n=len(x))
    return binned_jsd(counts[1], counts[0], len(other), len(x))


# -- the game in the plane ---------------------------------------------------------------------------------------------

PLANE = replace(
    RING,
    name="plane",
    condition="mask",
    p_z="normal",
    z_dim=2,
    G=(Layer(96, "relu", irange=0.9, bias="irange"), Layer(96, "relu", irange=0.25), Layer(2, "linear", irange=0.25)),
    D=(Layer(96, "relu", irange=1.2, bias="irange"), Layer(96, "relu", irange=0.25), Layer(1, "sigmoid", irange=0.25)),
    batch=256,
    lr_D=0.2,
    lr_G=0.01,
    momentum_start=0.5,
    momentum_end=0.5,
)
"""One G for all conditionals of a density in the plane: it reads z, what is seen, and the mask."""
HORIZON = 2_000  # updates that G is averaged over


class PlaneGame:
    """Algorithm 1 on a density in the plane, where each example has a mask of its own, `PLANE_MASKS` in equal shares.

        played = PlaneGame(HILLS, seed=0)
        for _ in range(4_000):
            played.iterate()
        played.conditional(0, 1.2, n=1_000)     # draws of x1, given x2 = 1.2

    The gradients are those of `ganlib.game`, through `conditions.Given`. What is drawn to be looked at comes from the
    average of G over the last updates.
    """

    def __init__(self, p_data: Plane = HILLS, seed: int = 0, recipe: Recipe = PLANE):
        if recipe.condition != "mask" or recipe.G[-1].units != 2:
            raise RecipeError(f"{brief(recipe.name)} is no game with masks in the plane; vary ganlib.studies' PLANE")
        self.p_data, self.recipe, self.seed, self.step = p_data, recipe, seed, 0
        self.G, self.D = recipe.networks(seed, torch.zeros(2))
        with torch.no_grad():  # here a mask begins with the weight of a coordinate, though a tenth of it is read
            for net in (self.G, self.D):
                net.layers[0].linear.weight[:, -2:] /= conditions.MASK
        self.players = {"G": Player(self.G, torch.float32), "D": Player(self.D, torch.float32)}
        self.average = Average(self.G, HORIZON)
        self.rng = torch.Generator().manual_seed(seed)
        self.data_rng = np.random.default_rng([seed, 17])
        self.V = math.nan  # on the last minibatch

    def masks(self, m: int) -> Tensor:
        """m masks, drawn in equal shares: (m, 2)."""
        return torch.tensor(PLANE_MASKS, dtype=torch.float32)[torch.randint(len(PLANE_MASKS), (m,), generator=self.rng)]

    def iterate(self) -> None:
        """k updates of D, each on fresh examples and masks, then one of G. Raises `TrainingDiverged`."""
        recipe = self.recipe
        for _ in range(recipe.k):
            x = torch.from_numpy(self.p_data.sample(recipe.batch, self.data_rng)).float()
            c = conditions.hidden(x, self.masks(len(x)))
            given = conditions.Given(self.G, c, "mask", SHAPE)
            with torch.no_grad():
                fake = given(self.noise(len(x)))
            found = game.discriminator_gradients(self.D, conditions.looked_at("mask", x, c), fake)
            self._descend("D", found.D)
        self.V = game.value(found.a_real, found.a_fake).item()
        found = game.generator_gradients(given, self.D, self.noise(recipe.batch), recipe.generator_cost)
        self._descend("G", found.G)
        self.step += 1
        self.average.see(self.step)
        if not math.isfinite(self.V):
            raise TrainingDiverged(f"V is {self.V} after {self.step:,} iterations: the game has diverged; reset it")

    def _descend(self, name: str, gradients: Sequence[Tensor]) -> None:
        self.players[name].descend(gradients, self.recipe.lr(name, self.step), self.recipe.momentum_start)

    def noise(self, m: int) -> Tensor:
        """m draws of z in the course of the game: (m, z_dim)."""
        return game.prior(self.recipe.p_z, m, self.recipe.z_dim, self.rng)

    # -- what it has learnt --------------------------------------------------------------------------------------------

    @torch.no_grad()
    def complete(self, x: ArrayLike, mask: Sequence[int], seed: int = 0) -> Array:
        """Points x (n, 2) with what the mask hides drawn anew by the average of G: (n, 2)."""
        x = torch.as_tensor(np.asarray(x), dtype=torch.float32)
        c = conditions.hidden(x, torch.tensor([mask], dtype=torch.float32).expand(len(x), -1))
        given = conditions.Given(self.average.G, c, "mask", SHAPE)
        return given.draw(self.recipe.noise(len(x), seed)).double().numpy()

    def conditional(self, axis: int, value: float, n: int, seed: int = 0) -> Array:
        """n draws of x1 (axis 0) or of x2 (axis 1), the other one being `value`: (n,)."""
        mask = [int(axis == 0), int(axis == 1)]
        return self.complete(np.full((n, 2), float(value)), mask, seed)[:, axis]

    def joint(self, order: str, n: int, seed: int = 0) -> Array:
        """n points of the joint, in one of `ORDERS`: (n, 2). The first coordinate comes from a draw of both."""
        if order not in ORDERS:
            raise RecipeError(f"there is no order {brief(order)}; there are: {', '.join(ORDERS)}")
        x = self.complete(np.zeros((n, 2)), (1, 1), seed)
        if order == ORDERS[0]:
            return x
        return self.complete(x, (0, 1) if order == ORDERS[1] else (1, 0), seed + 1)

    def conditional_jsd(self, axis: int, value: float, n: int = 20_000, seed: int = 0) -> Estimate:
        """JSD in nats of the exact p(x_axis | the other one is `value`) and n draws of G, in bins of equal mass."""
        u = cdf(self.p_data.conditional(axis, value), self.conditional(axis, value, n, seed))
        return binned_jsd(np.ones(SLICE_BINS), np.histogram(u, SLICE_BINS, (0, 1))[0], n=n)

    def jsds(self, n: int = 20_000, seed: int = 0) -> list[Estimate]:
        """For each of `PLANE_MASKS` the mean JSD of the conditionals over what is seen, in nats, from n points."""
        x = self.p_data.sample(n, np.random.default_rng([seed, 2014]))
        return [plane_jsd(self.p_data, self.complete(x, mask, seed + i)) for i, mask in enumerate(PLANE_MASKS)]


# -- what V is worth ---------------------------------------------------------------------------------------------------


def mean_conditional_jsd(p: Plane, q: Plane, mask: Sequence[int], order: int = 6) -> float:
    """E over what is seen of JSD(p(x_S | x_not S) || q(x_S | x_not S)) in nats, by quadrature; S is what is hidden.

    q's conditionals stand for a G's. With both hidden it is the JSD of p and q.
    """
    if tuple(mask) == (1, 1):
        x1, w1 = theory.quadrature(p.marginal(0), q.marginal(0), order=order)
        x2, w2 = theory.quadrature(p.marginal(1), q.marginal(1), order=order)
        at = np.stack(np.meshgrid(x1, x2, indexing="ij"), -1)
        P, Q = (np.outer(w1, w2) * one.pdf(at) for one in (p, q))
        m = np.where(P + Q > 0, (P + Q) / 2, 1.0)
        return float((xlogy(P, P / m) + xlogy(Q, Q / m)).sum() / 2)
    axis = 0 if mask[0] else 1
    seen = p.marginal(1 - axis)

    def jsds(values: Array) -> Array:
        """JSD of both conditionals at each value of what is seen."""
        return np.array([theory.JSD(p.conditional(axis, v), q.conditional(axis, v), order=order) for v in values])

    return theory.expectation(jsds, seen, order=order)


def V_by_grid(p: Plane, q: Plane, mask: Sequence[int], side: int = 801, reach: float = 6.0) -> float:
    """V(D*, G) in nats for one mask, straight from eq. 1: sums over a grid of the plane, D* = p / (p + p_g) there.

    p_g(x) = p(x_not S) q(x_S | x_not S): what is seen comes from the data, and what is hidden from q's conditional.
    """
    axis = np.linspace(-reach, reach, side)
    at = np.stack(np.meshgrid(axis, axis, indexing="ij"), -1)  # (side, side, 2)
    step = axis[1] - axis[0]
    P, Q = (one.pdf(at) * step * step for one in (p, q))
    if tuple(mask) != (1, 1):
        seen = 1 if mask[0] else 0
        shape = (1, -1) if seen == 1 else (-1, 1)
        ratio = p.marginal(seen).pdf(axis) / q.marginal(seen).pdf(axis)
        Q = Q * ratio.reshape(shape)
    total = np.where(P + Q > 0, P + Q, 1.0)
    return float((xlogy(P, P / total) + xlogy(Q, Q / total)).sum())


# -- digits ------------------------------------------------------------------------------------------------------------


def blocks_of(trained: Trained, shape: conditions.Shape) -> int:
    """How many blocks the pictures of this pair have. Raises `RecipeError` unless it was trained with masks."""
    recipe = trained.recipe
    if recipe.condition != "mask":
        raise RecipeError(f"{brief(recipe.name)} is not given masks; take a pair of the recipe 'mnist-masks'")
    return shape[1] * shape[2] // recipe.block**2


def pixels_of(blocks: Tensor, shape: conditions.Shape, block: int) -> Tensor:
    """Masks of blocks (n, blocks), row by row, as masks of pixels (n, d)."""
    channels, height, width = shape
    on = blocks.float().view(-1, height // block, width // block)
    on = on.repeat_interleave(block, 1).repeat_interleave(block, 2)
    return on[:, None].expand(-1, channels, -1, -1).flatten(1)


def hide(n: int, hidden: int, of: int, seed: int = 0) -> Tensor:
    """n masks that hide so many blocks each, wherever: bool (n, of)."""
    if not 0 <= hidden <= of:
        raise RecipeError(f"{hidden} blocks cannot be hidden; a picture has {of}")
    rng = torch.Generator().manual_seed(seed)
    return torch.rand(n, of, generator=rng).argsort(1) < hidden


def complete(trained: Trained, x: Tensor, mask: Tensor, seed: int = 0) -> Tensor:
    """Pictures x (n, d) in [0, 1] with what the mask (n, d) hides drawn by G: (n, d)."""
    return trained.samples(len(x), seed, conditions.hidden(x, mask)).float()


def diversity(a: Tensor, b: Tensor, mask: Tensor) -> Estimate:
    """The mean L2 distance of two completions (n, d) of the same pictures on the hidden pixels."""
    each = ((a - b) * mask).norm(dim=1).double()
    return Estimate(each.mean().item(), each.std().item() / math.sqrt(len(each)))


def agreement(classifier: Classifier, x: Tensor, labels: Tensor) -> Estimate:
    """The share of pictures x (n, d) that a classifier takes for their label (n,)."""
    right = (classifier.probabilities(x).argmax(1) == labels).double()
    return Estimate(right.mean().item(), right.std(correction=0).item() / math.sqrt(len(right)))


def by_hidden(
    trained: Trained, x: Tensor, labels: Tensor, shape: conditions.Shape, classifier: Classifier, counts: Sequence[int]
) -> list[dict[str, float]]:
    """How completions of pictures x (n, d) vary, and what they are taken for: a row for each count of hidden blocks.

    "diversity" is the L2 distance of two completions on the hidden pixels, "real" that of two real pictures there;
    "agreement" is the share of completions that are taken for the label, "left" that of pictures whose hidden pixels
    are left at 0. Each has its standard error, "... error".
    """
    blocks, rows = blocks_of(trained, shape), []
    for count in counts:
        mask = pixels_of(hide(len(x), count, blocks, seed=count), shape, trained.recipe.block)
        a, b = (complete(trained, x, mask, seed) for seed in (1, 2))
        row: dict[str, float] = {"hidden": count, "share": count / blocks}
        for name, found in (
            ("diversity", diversity(a, b, mask)),
            ("real", diversity(x, x.roll(1, 0), mask)),
            ("agreement", agreement(classifier, a, labels)),
            ("left", agreement(classifier, x * (1 - mask), labels)),
        ):
            row |= {name: found.value, f"{name} error": found.error}
        rows.append(row)
    return rows


def raster(n: int, blocks: int) -> Tensor:
    """Row by row, the same for all n pictures: (n, blocks) int64."""
    return torch.arange(blocks).expand(n, -1)


def random_order(n: int, blocks: int, seed: int = 0) -> Tensor:
    """An order of its own for each of n pictures: (n, blocks) int64."""
    return torch.rand(n, blocks, generator=torch.Generator().manual_seed(seed)).argsort(1)


def by_blocks(trained: Trained, order: Tensor, shape: conditions.Shape, seed: int = 0) -> Iterator[Tensor]:
    """The joint drawn from conditionals alone: block after block, each given all those before it; order (n, blocks).

    Yields the pictures (n, d) after each block, 0 where nothing is drawn yet. Every block has a z of its own, and what
    G draws beyond that block is thrown away.
    """
    n, blocks = order.shape
    if blocks != blocks_of(trained, shape):
        raise RecipeError(f"an order of {blocks} blocks; pictures of {shape} have {blocks_of(trained, shape)}")
    x = torch.zeros(n, math.prod(shape))
    left = torch.ones(n, blocks)  # 1 where a block is hidden
    for t in range(blocks):
        mask = pixels_of(left, shape, trained.recipe.block)
        drawn = complete(trained, x, mask, seed * 1_000 + t)
        left.scatter_(1, order[:, t : t + 1], 0.0)
        now = mask * (1 - pixels_of(left, shape, trained.recipe.block))  # the block of this turn
        x = x + now * drawn
        yield x


def joint_by_blocks(trained: Trained, order: Tensor, shape: conditions.Shape, seed: int = 0) -> Tensor:
    """The pictures that `by_blocks` ends with: (n, d)."""
    *_, x = by_blocks(trained, order, shape, seed)
    return x
