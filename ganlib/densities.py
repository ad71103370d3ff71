"""Probability densities in one dimension, among them the exact p_g of a piecewise-linear G; and modes in two."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtr, ndtri

from ganlib.errors import RecipeError, Within, brief, door, held, table

Array = NDArray[np.float64]
Count = Annotated[int, Within(0, 10_000_000)]  # draws at a time: 80 MB
Std = Annotated[float, Within(1e-100, 1e100)]  # of a density: so that neither its square nor 1 / std leaves the floats

REACH = 12.0  # standard deviations on either side of a Gaussian that are looked at: 4e-33 of its mass lies outside
_WITHIN_1 = math.erf(math.sqrt(0.5))  # the probability of N(0, 1) within one standard deviation
_STRETCH = math.sqrt(1 - 2 * math.exp(-0.5) / (math.sqrt(2 * math.pi) * _WITHIN_1))  # the std of N(0, 1) within [-1, 1]
PRIOR_REACH = {"uniform": math.sqrt(3), "normal": 9.0, "truncated": 1 / _STRETCH, "mixture": 0.8 + 9 * 0.6}
"""p_g is computed from |z| <= reach: all of p_z, or all but 2e-19."""
POINTS = ("sphere", "discrete")  # priors that have two points only in one dimension, -1 and 1, and so have p_g
_PIECES = {"normal": 18, "truncated": 18, "mixture": 24}  # narrow enough for quadrature; even ones are exact anyhow


class Density(Protocol):
    """What p_data and p_g have in common."""

    @property
    def knots(self) -> Array:
        """Points, ascending, that hold all its mass but for 1e-30; it is smooth in between, for `theory.quadrature`."""

    def pdf(self, x: ArrayLike) -> Array:
        """The density at x, any shape."""

    def sample(self, n: Count, rng: np.random.Generator) -> Array:
        """n independent draws: (n,)."""


@dataclass(frozen=True)
class Gaussian:
    """N(mean, std^2).

    >>> round(float(Gaussian(0, 1).pdf(0)), 6)
    0.398942
    """

    mean: Annotated[float, Within(-1e100, 1e100)] = 0.0
    std: Std = 1.0

    def __post_init__(self) -> None:
        held(self, RecipeError)

    @property
    def knots(self) -> Array:
        """Every standard deviation, out to 12 on either side."""
        return self.mean + self.std * np.arange(-REACH, REACH + 1)

    @door(RecipeError)
    def pdf(self, x: ArrayLike) -> Array:
        """exp(-(x - mean)^2 / 2 std^2) / (std sqrt(2 pi))."""
        t = (np.asarray(x, float) - self.mean) / self.std
        return np.exp(-t * t / 2) / (self.std * math.sqrt(2 * math.pi))

    @door(RecipeError)
    def sample(self, n: Count, rng: np.random.Generator) -> Array:
        """n draws: (n,)."""
        return self.mean + self.std * rng.standard_normal(n)


@dataclass(frozen=True)
class Uniform:
    """U(low, high)."""

    low: Annotated[float, Within(-1e100, 1e100)] = -1.0
    high: Annotated[float, Within(-1e100, 1e100)] = 1.0

    def __post_init__(self) -> None:
        held(self, RecipeError)
        if self.high - self.low < 1e-100:
            raise RecipeError(f"U({self.low!r}, {self.high!r}) is empty; low must be below high")

    @property
    def knots(self) -> Array:
        """Its two ends."""
        return np.array([self.low, self.high], float)

    @door(RecipeError)
    def pdf(self, x: ArrayLike) -> Array:
        """1 / (high - low) inside, 0 outside."""
        x = np.asarray(x, float)
        return np.where((x >= self.low) & (x <= self.high), 1 / (self.high - self.low), 0.0)

    @door(RecipeError)
    def sample(self, n: Count, rng: np.random.Generator) -> Array:
        """n draws: (n,)."""
        return rng.uniform(self.low, self.high, n)


@dataclass(frozen=True)
class Mixture:
    """sum_i weights_i parts_i; the weights are scaled to sum to 1 (None: equal ones)."""

    parts: tuple[Density, ...]
    weights: tuple[float, ...] | None = None

    def __post_init__(self) -> None:
        held(self, RecipeError)
        weights = self.weights
        if not self.parts or (weights is not None and len(weights) != len(self.parts)):
            raise RecipeError(f"{len(self.parts)} parts with weights {brief(weights)}: one for each, or None")
        if weights is not None and not (min(weights) >= 0 and 0 < sum(weights) < math.inf):
            raise RecipeError(f"the weights of a mixture are {brief(weights)}; they must be >= 0 and not all 0")

    @property
    def shares(self) -> Array:
        """The weights, summing to 1."""
        weights = np.ones(len(self.parts)) if self.weights is None else np.array(self.weights, float)
        return weights / weights.sum()

    @property
    def knots(self) -> Array:
        """Those of all parts."""
        return np.unique(np.concatenate([part.knots for part in self.parts]))

    @door(RecipeError)
    def pdf(self, x: ArrayLike) -> Array:
        """The weighted sum of the parts' densities."""
        return sum(share * part.pdf(x) for share, part in zip(self.shares, self.parts))

    @door(RecipeError)
    def sample(self, n: Count, rng: np.random.Generator) -> Array:
        """n draws: (n,), in random order."""
        which, x = rng.choice(len(self.parts), n, p=self.shares), np.empty(n)
        for i, part in enumerate(self.parts):
            x[which == i] = part.sample(int((which == i).sum()), rng)
        return x


@door(RecipeError)
def log_pdf(p: Density, x: ArrayLike) -> Array:
    """log p(x), any shape; of Gaussians and their mixtures also where p(x) is below the smallest float."""
    x = np.asarray(x, float)
    if isinstance(p, Gaussian):
        t = (x - p.mean) / p.std
        return -t * t / 2 - math.log(p.std * math.sqrt(2 * math.pi))
    with np.errstate(divide="ignore"):
        if isinstance(p, Mixture):
            return np.logaddexp.reduce([np.log(share) + log_pdf(part, x) for share, part in zip(p.shares, p.parts)])
        return np.log(p.pdf(x))


def _ascends(x: Array, y: Array) -> bool:
    """Whether the x ascend, two or more of them, with a y for each."""
    return x.ndim == 1 and x.shape == y.shape and len(x) > 1 and bool(np.all(np.diff(x) > 0))


class Drawn:
    """The density that is proportional to the straight lines between points (x_i, height_i), 0 outside them.

    What a person draws with the mouse. Raises `RecipeError` unless the x ascend and the heights are >= 0, one above 0.
    """

    def __init__(self, x: ArrayLike, heights: ArrayLike):
        self.x, h = table(x), table(heights)
        if self.x is None or h is None:
            raise RecipeError("a drawn density needs numbers x and heights")
        self.x = self.x.copy()
        if not _ascends(self.x, h):
            raise RecipeError(f"a drawn density needs ascending x (n >= 2) and a height for each; got {self.x.shape}")
        if not (np.abs(self.x).max() <= 1e100 and np.isfinite(h).all() and h.min() >= 0 and h.max() > 0):
            raise RecipeError("the heights of a drawn density must be finite, >= 0, and not all 0: draw a hill first")
        h = h / h.max()
        areas = (h[1:] + h[:-1]) / 2 * np.diff(self.x)
        with np.errstate(over="ignore"):
            self.heights = h / areas.sum()
        if not np.isfinite(self.heights).all():
            raise RecipeError(f"a density drawn from {self.x[0]:g} to {self.x[-1]:g} is too narrow to have a height")
        self._cdf = np.concatenate([[0.0], np.cumsum(areas / areas.sum())])

    @property
    def knots(self) -> Array:
        """The points it was drawn through, and where p sinks to 0 (log p is steep) ever closer ones towards there."""
        left, width, zero = self.x[:-1], np.diff(self.x)[:, None], self.heights == 0
        near = width * 0.25 ** np.arange(1, 16)
        from_left = (left[:, None] + near)[zero[:-1] & ~zero[1:]]
        from_right = (self.x[1:, None] - near)[~zero[:-1] & zero[1:]]
        return np.unique(np.concatenate([self.x, from_left.ravel(), from_right.ravel()]))

    @door(RecipeError)
    def pdf(self, x: ArrayLike) -> Array:
        """The lines' height at x, scaled to area 1."""
        return np.interp(np.asarray(x, float), self.x, self.heights, left=0.0, right=0.0)

    @door(RecipeError)
    def sample(self, n: Count, rng: np.random.Generator) -> Array:
        """n draws by the inverse of the distribution function, quadratic between the points: (n,)."""
        u = rng.random(n)
        i = np.clip(np.searchsorted(self._cdf, u, side="right") - 1, 0, len(self.x) - 2)
        width, low, high = np.diff(self.x)[i], self.heights[i], self.heights[i + 1]
        rest = (u - self._cdf[i]) / width  # the area to fill, in units of the width
        root = np.sqrt(np.maximum(low * low + 2 * (high - low) * rest, 0.0))
        t = np.where(rest > 0, 2 * rest / np.maximum(low + root, 1e-300), 0.0)
        return self.x[i] + width * np.clip(t, 0.0, 1.0)


@door(RecipeError)
def prior_pdf(p_z: str, z: ArrayLike) -> Array:
    """The density of a prior's one coordinate at z, any shape; see `ganlib.game.prior`."""
    z, reach = np.asarray(z, float), _reach(p_z)
    if p_z == "uniform":
        return np.where(np.abs(z) <= reach, 1 / (2 * reach), 0.0)
    if p_z == "mixture":
        return (_phi((z - 0.8) / 0.6) + _phi((z + 0.8) / 0.6)) / 1.2
    if p_z == "truncated":
        return np.where(np.abs(z) <= reach, _phi(z * _STRETCH) * (_STRETCH / _WITHIN_1), 0.0)
    return _phi(z)


@door(RecipeError)
def prior_cdf(p_z: str, z: ArrayLike) -> Array:
    """The distribution function of a prior's one coordinate at z, any shape."""
    z, reach = np.asarray(z, float), _reach(p_z)
    if p_z == "uniform":
        return np.clip((z / reach + 1) / 2, 0.0, 1.0)
    if p_z == "mixture":
        return (ndtr((z - 0.8) / 0.6) + ndtr((z + 0.8) / 0.6)) / 2
    if p_z == "truncated":
        return np.clip((ndtr(z * _STRETCH) - ndtr(-1.0)) / _WITHIN_1, 0.0, 1.0)
    return ndtr(z)


def _phi(z: Array) -> Array:
    return np.exp(-z * z / 2) / math.sqrt(2 * math.pi)


class Pushforward:
    """The density p_g of x = G(z), z ~ p_z, for G linear between points (z_i, x_i): exact, not a histogram.

    On a piece from (z_i, x_i) to (z_i+1, x_i+1) a z at distance t along it contributes p_z(z) / |slope| to p_g(x); the
    pieces that pass x add up. A flat piece puts all its share of z on one x: an atom, which `pdf` leaves out and
    `atoms` lists. z and x (n,): z ascends and covers the prior's reach; p_z is one of `PRIOR_REACH`.

    `even=True` spreads each piece's share evenly over its x. With the uniform prior that changes nothing; with the
    others, and many pieces, it is an estimate that is quick to draw.
    """

    @door(RecipeError)
    def __init__(self, z: ArrayLike, x: ArrayLike, p_z: str = "uniform", *, even: bool = False):
        z, x = np.asarray(z, float), np.asarray(x, float)
        if not _ascends(z, x):
            raise RecipeError(f"G needs ascending points z (n >= 2) and an x for each; got {z.shape} and {x.shape}")
        if not (np.isfinite(z).all() and (np.abs(x) <= 1e100).all()):
            raise RecipeError("G's values are no longer finite: the run has diverged")
        _reach(p_z)
        self.z, self.x, self.p_z = z, x, p_z
        self.even = even or p_z == "uniform"
        self.mass = np.diff(prior_cdf(p_z, z))  # each piece's share of z, (n - 1,)
        self.low, self.high = np.minimum(x[1:], x[:-1]), np.maximum(x[1:], x[:-1])
        # Below this width a piece is a point: the difference of its ends is rounding.
        self.flat = (self.high - self.low) <= 1e-13 * np.maximum(1.0, np.abs(self.high))

    @property
    def knots(self) -> Array:
        """The x at G's breakpoints."""
        return np.unique(self.x)

    @property
    def atoms(self) -> tuple[Array, Array]:
        """Where p_g has no density but a lump of probability: the x, and each one's probability."""
        return self.low[self.flat], self.mass[self.flat]

    @door(RecipeError)
    def pdf(self, x: ArrayLike) -> Array:
        """p_g(x), without the atoms; at a knot, the density on its right."""
        x = np.asarray(x, float)
        if self.even:
            knots, height = self._steps
            i = np.searchsorted(knots, x, side="right") - 1
            return np.where(i >= 0, height[np.maximum(i, 0)], 0.0)
        pieces = (self.low, self.high, self.z[:-1], self.x[:-1], np.diff(self.x) / np.diff(self.z))
        low, high, z, start, slope = (each[~self.flat] for each in pieces)
        t = x[..., None]
        at = z + (t - start) / slope  # the z of each piece's line that x came from
        density = prior_pdf(self.p_z, at) / np.abs(slope)
        return np.where((t >= low) & (t < high), density, 0.0).sum(-1)

    @door(RecipeError)
    def cdf(self, x: ArrayLike) -> Array:
        """The probability of G(z) <= x, atoms included: any shape."""
        x = np.asarray(x, float)
        t = x[..., None]
        if self.even:
            knots, height = self._steps
            below = np.concatenate([[0.0], np.cumsum(height[:-1] * np.diff(knots))])
            return np.interp(x, knots, below) + ((t >= self.low[self.flat]) * self.mass[self.flat]).sum(-1)
        share = np.clip((t - self.low) / np.where(self.flat, 1.0, self.high - self.low), 0.0, 1.0)
        rising, z = np.diff(self.x) >= 0, self.z[:-1]
        along = np.where(rising, share, 1 - share)
        part = prior_cdf(self.p_z, z + along * np.diff(self.z)) - prior_cdf(self.p_z, z)
        inside = np.where(rising, part, self.mass - part)
        return np.where(self.flat, (t >= self.low) * self.mass, inside).sum(-1)

    @cached_property
    def _steps(self) -> tuple[Array, Array]:
        """Where the pieces spread their shares evenly: knots (n,), and the height from each to the next; the last 0."""
        # Not a running sum of ups and downs: what a narrow spike leaves of rounding would stand on all x to its right.
        low, high, mass = self.low[~self.flat], self.high[~self.flat], self.mass[~self.flat]
        if not len(low):
            return np.array([self.x[0]]), np.zeros(1)
        knots = np.unique(np.concatenate([low, high]))
        first = np.searchsorted(knots, low)
        n = np.searchsorted(knots, high) - first
        covered = np.repeat(first - np.cumsum(n) + n, n) + np.arange(n.sum())
        return knots, np.bincount(covered, np.repeat(mass / (high - low), n), len(knots))

    @door(RecipeError)
    def in_bins(self, edges: ArrayLike) -> Array:
        """The mean density in each bin, exact whatever spikes it holds: edges (n + 1,) -> (n,)."""
        edges = np.asarray(edges, float)
        if not _ascends(edges, edges):
            raise RecipeError(f"the edges of bins must ascend, two or more of them; got {brief(edges)}")
        return np.diff(self.cdf(edges)) / np.diff(edges)

    @door(RecipeError)
    def G(self, z: ArrayLike) -> Array:
        """The broken line itself: z -> x."""
        return np.interp(np.asarray(z, float), self.z, self.x)

    @door(RecipeError)
    def sample(self, n: Count, rng: np.random.Generator) -> Array:
        """n draws x = G(z): (n,)."""
        if self.p_z == "uniform":
            return self.G(rng.uniform(-math.sqrt(3), math.sqrt(3), n))
        if self.p_z == "truncated":
            return self.G(ndtri(ndtr(-1.0) + _WITHIN_1 * rng.random(n)) / _STRETCH)
        z = rng.standard_normal(n)
        return self.G(z if self.p_z == "normal" else 0.6 * z + np.where(rng.random(n) < 0.5, -0.8, 0.8))


@door(RecipeError)
def relu_line(layers: Sequence[tuple[ArrayLike, ArrayLike]], p_z: str = "uniform") -> tuple[Array, Array]:
    """The breakpoints of a G of rectifiers in one dimension, exactly: (z, x), each (n,), over the prior's reach.

    `layers` are (weight (units, inputs), bias (units,)) from z up; every layer but the last is followed by max(0, .).
    A unit's zeros are the next layer's breakpoints. But for the uniform prior, points at equal steps (of 1 for the
    normal one) keep the pieces narrow.
    """
    reach = _reach(p_z)
    z = np.linspace(-reach, reach, _PIECES.get(p_z, 1) + 1)
    h = z[:, None]  # (n, units)
    for i, (weight, bias) in enumerate(layers):
        weight, bias = np.asarray(weight, float), np.asarray(bias, float)
        if weight.ndim != 2 or 0 in weight.shape or (weight.shape[1:], weight.shape[:1]) != (h.shape[1:], bias.shape):
            what = f"layer {i} has weights {weight.shape} and a bias {bias.shape}"
            raise RecipeError(f"{what}; above {h.shape[1]} units they are (units, {h.shape[1]}) and (units,)")
        a = h @ weight.T + bias  # (n, units), linear between the z
        if i == len(layers) - 1:
            return z, a[:, 0]
        left, right = a[:-1], a[1:]
        interval, unit = np.nonzero(left * right < 0)
        share = left[interval, unit] / (left[interval, unit] - right[interval, unit])
        zeros = z[interval] + share * (z[interval + 1] - z[interval])
        inside = (zeros > z[interval]) & (zeros < z[interval + 1])
        interval, unit, share, zeros = interval[inside], unit[inside], share[inside], zeros[inside]
        rows = a[interval] + share[:, None] * (a[interval + 1] - a[interval])
        rows[np.arange(len(unit)), unit] = 0.0
        z, first = np.unique(np.concatenate([z, zeros]), return_index=True)
        h = np.maximum(np.concatenate([a, rows])[first], 0.0)
    raise RecipeError("G needs at least one layer")


def _reach(p_z: str) -> float:
    """The prior's reach. Raises `RecipeError` when there is no such prior."""
    if p_z in POINTS:
        what = f"in one coordinate the prior {p_z!r} is two points, -1 and 1, and p_g two lumps without a density"
        raise RecipeError(f"{what}: use one of {', '.join(PRIOR_REACH)}, or more coordinates")
    if p_z not in PRIOR_REACH:
        raise RecipeError(f"unknown prior {p_z!r}; use one of {', '.join(PRIOR_REACH)}")
    return PRIOR_REACH[p_z]


@dataclass(frozen=True)
class Modes:
    """Equal Gaussians in the plane: centres (n, 2), one std. `ring` and `grid` are the usual ones."""

    centres: tuple[tuple[float, float], ...]
    std: Std

    def __post_init__(self) -> None:
        held(self, RecipeError)
        if not self.centres:
            raise RecipeError("the centres of the modes are (): give one or more points (x, y)")

    @door(RecipeError)
    def sample(self, n: Count, rng: np.random.Generator) -> Array:
        """n draws: (n, 2)."""
        which = rng.integers(len(self.centres), size=n)
        return np.array(self.centres)[which] + self.std * rng.standard_normal((n, 2))

    @door(RecipeError)
    def quality(self, x: ArrayLike) -> tuple[Array, Array]:
        """Each sample's nearest mode, and whether it lies within 3 std of it: (..., n, 2) -> twice (..., n)."""
        x = np.asarray(x, float)
        if x.shape[-1:] != (2,) or not x.size:
            raise RecipeError(f"samples in the plane are (..., n, 2), n > 0; these are {x.shape}")
        distance = np.linalg.norm(x[..., None, :] - np.array(self.centres), axis=-1)
        return distance.argmin(-1), distance.min(-1) <= 3 * self.std

    @door(RecipeError)
    def covered(self, x: ArrayLike) -> tuple[Array, Array]:
        """Modes with a sample within 3 std, and the share of samples that are: (..., n, 2) -> (...), (...)."""
        nearest, good = self.quality(x)
        hit = (nearest[..., None] == np.arange(len(self.centres))) & good[..., None]
        return hit.any(-2).sum(-1), good.mean(-1)


@door(RecipeError)
def ring(n: Annotated[int, Within(1, 10_000)] = 8, radius: float = 2.0, std: Std = 0.05) -> Modes:
    """n modes on a circle."""
    angles = 2 * math.pi * np.arange(n) / n
    return Modes(tuple((radius * math.cos(t), radius * math.sin(t)) for t in angles), std)


@door(RecipeError)
def grid(side: Annotated[int, Within(1, 100)] = 5, spacing: float = 1.0, std: Std = 0.05) -> Modes:
    """side x side modes on a square grid around 0."""
    at = spacing * (np.arange(side) - (side - 1) / 2)
    return Modes(tuple((float(x), float(y)) for x in at for y in at), std)
