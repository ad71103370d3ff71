"""Grids of runs and what they have measured: every k with every rate of D and of G, over seeds.

`ganlib.sweeps` trains them; `Results` holds the curves of every run and says what became of it.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ganlib.errors import DataError, RecipeError

Array = NDArray[np.float64]

NEITHER, COLLAPSED, DIVERGED = range(3)
OUTCOMES = ("neither", "collapsed", "diverged")
"""What may become of a run; `Results.outcome` holds their indices, and -1 for a run that has measured nothing yet."""
WIDE = 10.0
"""A run whose samples end so many times as wide as the data counts as diverged, though its parameters are finite."""
LAST = 0.1
"""A run is judged by the mean over the last tenth of its records."""
MNIST_FILE = Path(__file__).with_name("results") / "mnist_k_rates.json"
"""The grid of small MNIST nets that comes with the package."""


@dataclass(frozen=True)
class Grid:
    """The values of each axis. Raises `RecipeError` on an empty axis, a value twice, or one out of order."""

    ks: tuple[int, ...]
    """D's updates to one of G's."""
    lrs_D: tuple[float, ...]
    """D's rates."""
    lrs_G: tuple[float, ...]
    """G's rates."""
    seeds: tuple[int, ...]
    """Runs with the same settings."""

    def __post_init__(self) -> None:
        for name, values in asdict(self).items():
            if not values or list(values) != sorted(set(values)):
                raise RecipeError(f"{name} are {values!r}; they must be at least one value, ascending, none twice")

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

    kind: str
    """"toy" or "mnist"."""
    grid: Grid
    updates: Array
    """(T,): updates of either player done at each record, the same for all runs."""
    curves: dict[str, Array]
    """Name -> (K, D, G, S, T); nan where nothing is measured yet, and after a run has diverged."""
    diverged: np.ndarray
    """(K, D, G, S) bool: parameters, or what was measured, are no longer finite."""
    narrow: float
    """Below this share of the data's width (toys) or spread (MNIST) a run counts as collapsed."""
    info: dict[str, Any]
    """What was trained, on what, when."""

    def final(self, name: str) -> Array:
        """(K, D, G, S): a curve's mean over the last tenth of the records there are; nan for a run that diverged."""
        curve = self.curves[name]
        done = int(np.isfinite(curve).any((0, 1, 2, 3)).sum())
        at_least = max(int(LAST * done + 0.5), 1)
        tail = curve[..., max(done - at_least, 0) : max(done, 1)]
        found = np.isfinite(tail)
        total = np.where(found, tail, 0).sum(-1)
        return np.where(self.diverged | ~found.any(-1), math.nan, total / np.maximum(found.sum(-1), 1))

    def at(self, name: str, updates: ArrayLike) -> Array:
        """(K, D, G, S): a curve read after so many updates, one number for all or one for each k.

        After the same number of G's updates: `at("JSD", n * (k + 1))` for each k.
        """
        wanted = np.broadcast_to(np.asarray(updates, float), len(self.grid.ks))
        if (wanted > self.updates[-1] + 1e-9).any():
            raise RecipeError(f"updates are {updates!r}; every run was given {self.updates[-1]:.0f}")
        index = [int(np.argmin(np.abs(self.updates - n))) for n in wanted]
        return np.stack([self.curves[name][k, ..., j] for k, j in enumerate(index)])

    @property
    def score(self) -> Array:
        """(K, D, G, S): what the heatmap shows, JSD (nats, 0 is best) or the Parzen score (nats)."""
        return self.final("JSD" if self.kind == "toy" else "score")

    @property
    def outcome(self) -> np.ndarray:
        """(K, D, G, S) int: NEITHER, COLLAPSED, DIVERGED, or -1 while nothing is measured.

        Diverged: something is no longer finite, or the samples end more than 10 times as wide as the data. Collapsed:
        they end less than `narrow` times as wide (toys: the shortest interval that holds 90 %) or as far from one
        another (MNIST: mean distance) as the data; whether a run fell there or never left the start makes no
        difference. Neither is not yet good: a lost mode among several, or a G that stands still, the JSD shows.
        """
        measured = np.isfinite(self.curves["width"]).any(-1)
        width = self.final("width")  # nan compares false
        found = np.select([~measured, width < self.narrow, width > WIDE], [-1, COLLAPSED, DIVERGED], NEITHER)
        return np.where(self.diverged, DIVERGED, found)

    def share(self, outcome: int) -> Array:
        """(K, D, G): the share of seeds with that outcome, of those that have measured anything; else nan."""
        known = (self.outcome >= 0).sum(-1)
        hits = (self.outcome == outcome).sum(-1)
        return np.where(known > 0, hits / np.maximum(known, 1), math.nan)

    def to_dict(self) -> dict[str, Any]:
        """Everything as plain lists and numbers, rounded to five digits; None stands for nan."""
        curves = {name: _plain(values) for name, values in self.curves.items()}
        return {
            "kind": self.kind,
            "info": self.info,
            "grid": {name: list(values) for name, values in asdict(self.grid).items()},
            "updates": self.updates.tolist(),
            "narrow": self.narrow,
            "diverged": self.diverged.astype(int).tolist(),
            "curves": curves,
        }

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any]) -> Results:
        """The results that `to_dict` wrote. Raises `DataError` on anything else."""
        try:
            grid = Grid(**{name: tuple(values) for name, values in plain["grid"].items()})
            curves = {name: np.array(values, float) for name, values in plain["curves"].items()}
            updates, diverged = np.array(plain["updates"], float), np.array(plain["diverged"], bool)
            shapes = {curve.shape for curve in curves.values()} | {(*diverged.shape, len(updates))}
            if shapes != {(*grid.shape, len(updates))}:
                raise ValueError(f"arrays of the shapes {shapes} on a grid of {grid.shape}")
            return cls(plain["kind"], grid, updates, curves, diverged, float(plain["narrow"]), dict(plain["info"]))
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise DataError(f"these are no results of a sweep that this version of ganlib wrote: {error}") from None


def load_results(path: Path | str = MNIST_FILE) -> Results:
    """The results in a JSON file; without a path those of the small MNIST nets that come with the package."""
    try:
        return Results.from_dict(json.loads(Path(path).read_text(encoding="utf-8")))
    except (OSError, json.JSONDecodeError) as error:
        raise DataError(f"{path} cannot be read as the results of a sweep: {error}") from None


def seeds_mean(values: Array) -> Array:
    """The mean over the last axis, the seeds', of what is a number; nan where nothing is: (..., S) -> (...).

    >>> seeds_mean(np.array([[1.0, math.nan, 3.0], [math.nan] * 3])).tolist()
    [2.0, nan]
    """
    known = np.isfinite(values)
    return np.where(known.any(-1), np.where(known, values, 0).sum(-1) / np.maximum(known.sum(-1), 1), math.nan)


def _plain(values: Array) -> list[Any]:
    """Nested lists of numbers of five digits, None for nan."""
    if values.ndim:
        return [_plain(part) for part in values]
    return float(f"{values:.5g}") if math.isfinite(values) else None
