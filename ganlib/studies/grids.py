"""A grid of k, D's rate, G's rate and seeds, and what its runs have measured, whoever trained them."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ganlib.densities import Array
from ganlib.errors import DataError, RecipeError, brief

UNKNOWN, NEITHER, COLLAPSED, DIVERGED = range(-1, 3)  # what may become of a run; unknown: nothing measured of late
WIDE = 10.0  # samples that end so many times as wide as the data count as diverged, though all numbers are finite


class Measure(NamedTuple):
    """What a heat map of a grid may show of a run: how it is called, its best value and a bad one, and its decimals."""

    name: str
    title: str
    best: float
    bad: float
    log: bool = False  # between the two by ratios, not by differences
    both: bool = False  # as bad when it lies as far on the other side of the best
    digits: int = 3

    def badness(self, values: Array) -> Array:
        """Where values lie from the best (0) to a bad one (1), cut off at both; nan stays nan.

        >>> MEASURES["toy"]["width"].badness(np.array([0.1, 1.0, 10.0, math.nan])).round(9).tolist()
        [1.0, 0.0, 1.0, nan]
        """
        values, best, bad = np.asarray(values, float), self.best, self.bad
        if self.log:
            values, best, bad = np.log(np.maximum(values, 1e-12)), math.log(best), math.log(bad)
        share = (values - best) / (bad - best)
        return np.clip(np.abs(share) if self.both else share, 0, 1)


MEASURES = {
    "toy": {
        "JSD": Measure("JSD(p_data ‖ p_g)", "JSD(p_data ‖ p_g), nats", 0.015, math.log(2), log=True),
        "gap": Measure("C(G) − V(D, G)", "C(G) − V(D, G), nats: what D lacks", 0.003, 1, log=True),
        "width": Measure("width of p_g", "Width of p_g over that of p_data", 1, 10, log=True, both=True, digits=2),
    },
    "mnist": {
        "width": Measure(
            "spread of the samples", "Spread of the samples over that of digits", 1, 0, both=True, digits=2
        ),
        "score": Measure("Parzen score", "Parzen score, nats; see the text", -50, -350, digits=0),
        "V": Measure("V(D, G)", "V(D, G), nats", -1.4, 0, digits=2),
        "D_fake": Measure("D(G(z))", "D(G(z)), probability", 0.5, 0, digits=2),
    },
    "plane": {
        "JSD": Measure("JSD(p_data ‖ p_g)", "JSD(p_data ‖ p_g) of bins, nats", 0.05, math.log(2), log=True),
        "good": Measure("share of good samples", "Share of samples within 3 std of a mode", 1, 0, digits=2),
        "width": Measure(
            "spread of the samples", "Spread of the samples over that of p_data", 1, 0, both=True, digits=2
        ),
    },
}
"""Kind of grid -> what may be shown of it. In every map dark is good and light is bad."""
MEASURES["pictures"] = {name: one for name, one in MEASURES["mnist"].items() if name != "score"}
MNIST_FILE = Path(__file__).parent.parent / "results" / "mnist_k_rates.json"  # the grid of small nets in the package


@dataclass(frozen=True)
class Grid:
    """The values of each axis. Raises `RecipeError` on an empty axis, a value twice, or one out of order."""

    ks: tuple[int, ...]
    lrs_D: tuple[float, ...]
    lrs_G: tuple[float, ...]
    seeds: tuple[int, ...]

    def __post_init__(self) -> None:
        for name, values in vars(self).items():
            if not values or list(values) != sorted(set(values)):
                raise RecipeError(f"{name} are {brief(values)}; they must be at least one value, ascending, none twice")

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """(K, D, G, S): how many k, rates of D, rates of G, and seeds."""
        return len(self.ks), len(self.lrs_D), len(self.lrs_G), len(self.seeds)

    def runs(self) -> Iterator[tuple[tuple[int, int, int, int], int, float, float, int]]:
        """Every run's place in the arrays, with its k, lr_D, lr_G and seed."""
        for at in np.ndindex(*self.shape):
            yield at, self.ks[at[0]], self.lrs_D[at[1]], self.lrs_G[at[2]], self.seeds[at[3]]


@dataclass(frozen=True)
class Results:
    """What the runs of a grid have measured so far."""

    kind: str  # one of `MEASURES`
    grid: Grid
    updates: Array  # (T,): updates of either player done at each record, the same for all runs
    curves: dict[str, Array]  # name -> (K, D, G, S, T); nan where nothing is measured yet, and after a run has diverged
    diverged: np.ndarray  # (K, D, G, S) bool: parameters, or what was measured, are no longer finite
    narrow: float  # below this share of the data's width (toys) or spread (MNIST) a run counts as collapsed
    info: dict[str, Any]  # what was trained, on what, when

    def final(self, name: str) -> Array:
        """(K, D, G, S): a curve's mean (also "gap", C - V) over the last tenth of the records; nan where diverged."""
        if name == "gap":
            return self.final("C") - self.final("V")
        return np.where(self.outcome == DIVERGED, math.nan, self._last(name))

    def _last(self, name: str) -> Array:
        """The same, also of runs whose samples have become too wide."""
        curve = self.curves[name]
        records = max(int(np.isfinite(curve).any((0, 1, 2, 3)).sum()), 1)
        last = max(int(0.1 * records + 0.5), 1)
        return np.where(self.diverged, math.nan, seeds_mean(curve[..., records - last : records]))

    def part(self, seeds: Sequence[int], records: int) -> Results:
        """What some of the seeds had measured at the first so many records; a run that diverged later had not yet."""
        at = [self.grid.seeds.index(seed) for seed in seeds]
        curves = {name: values[..., at, :records] for name, values in self.curves.items()}
        diverged = self.diverged[..., at] & ~np.isfinite(curves["width"][..., -1])
        grid = replace(self.grid, seeds=tuple(seeds))
        return replace(self, grid=grid, updates=self.updates[:records], curves=curves, diverged=diverged)

    @property
    def score(self) -> Array:
        """(K, D, G, S): the final JSD of toys (0 is best) or Parzen score of nets, nats."""
        return self.final("JSD" if "JSD" in self.curves else "score")

    @property
    def outcome(self) -> np.ndarray:
        """(K, D, G, S) int: UNKNOWN, NEITHER, COLLAPSED or DIVERGED, by the last tenth of the records.

        Diverged: something is no longer finite, or the samples end more than 10 times as wide as the data. Collapsed:
        they end less than `narrow` times as wide, whether a run fell there or never left the start. Neither is not yet
        good: a lost mode among several, or a G that stands still, the JSD shows.
        """
        width = self._last("width")  # nan compares false
        cases = [self.diverged | (width > WIDE), ~np.isfinite(width), width < self.narrow]
        return np.select(cases, [DIVERGED, UNKNOWN, COLLAPSED], NEITHER)

    def share(self, outcome: int) -> Array:
        """(K, D, G): the share of seeds with that outcome, of those that have measured anything."""
        return seeds_mean(np.where(self.outcome == UNKNOWN, math.nan, self.outcome == outcome))

    def to_dict(self) -> dict[str, Any]:
        """Everything as plain lists and numbers, rounded to five digits; None stands for nan."""
        grid = {name: list(values) for name, values in vars(self.grid).items()}
        plain = np.vectorize(lambda v: float(f"{v:.5g}") if math.isfinite(v) else None, otypes=[object])
        curves = {name: plain(values).tolist() for name, values in self.curves.items()}
        rest = {"updates": self.updates.tolist(), "narrow": self.narrow, "diverged": self.diverged.astype(int).tolist()}
        return {"kind": self.kind, "info": self.info, "grid": grid, **rest, "curves": curves}


def load_results(path: Path | str = MNIST_FILE) -> Results:
    """What `Results.to_dict` gave, from a JSON file; without a path that of the small MNIST nets in the package."""
    try:
        plain = json.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, json.JSONDecodeError) as error:
        raise DataError(f"{path} cannot be read as the results of a sweep: {error}") from None
    try:
        grid = Grid(**{name: tuple(values) for name, values in plain["grid"].items()})
        curves = {name: np.array(values, float) for name, values in plain["curves"].items()}
        updates, diverged = np.array(plain["updates"], float), np.array(plain["diverged"], bool)
        shapes = {(*diverged.shape, len(updates)), *(curve.shape for curve in curves.values())}
        if shapes != {(*grid.shape, len(updates))}:
            raise ValueError(f"arrays of the shapes {shapes} on a grid of {grid.shape}")
        return Results(plain["kind"], grid, updates, curves, diverged, float(plain["narrow"]), dict(plain["info"]))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise DataError(f"these are no results of a sweep that this version of ganlib wrote: {error}") from None


def seeds_mean(values: Array) -> Array:
    """The mean over the last axis, the seeds', of what is a number; nan where nothing is: (..., S) -> (...).

    >>> seeds_mean(np.array([[1.0, math.nan, 3.0], [math.nan] * 3])).tolist()
    [2.0, nan]
    """
    known = np.isfinite(values)
    return np.where(known.any(-1), np.where(known, values, 0).sum(-1) / np.maximum(known.sum(-1), 1), math.nan)
