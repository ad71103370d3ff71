"""Sweeps: training every run of a grid of k, D's rate, G's rate and seeds, and what the runs have measured.

All runs of a grid get the same number of updates (D's and G's together), that is the same work: with k = 1 half of
them are G's, with k = 10 one in eleven. `ToySweep` trains small games in stacks, `MnistSweep` small nets on digits one
after another; both in pieces, so that a live demo can drive them. No run depends on what else is in its grid.
"""

from __future__ import annotations

import asyncio
import math
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from scipy.special import ndtri
from torch import Tensor
from tqdm import tqdm

from ganlib import parzen, theory
from ganlib.datasets import Dataset, load
from ganlib.densities import Array, Density
from ganlib.errors import RecipeError, TrainingDiverged, brief
from ganlib.hardware import provenance
from ganlib.history import Step
from ganlib.images import scale
from ganlib.recipes import MNIST, TOY, Recipe
from ganlib.studies.diagnosis import spread
from ganlib.studies.grids import Grid, Results
from ganlib.studies.toys import Toys
from ganlib.trainer import Trainer

SPREAD = 500  # pictures whose mean distance is taken
BINS = 64  # p_g is drawn as its mean density in so many bins
RATES = (0.003, 0.02, 0.1, 0.5, 3.0)  # rates of both players: factors of about 6, from one too small to one too large
TOYS = {"ks": (1, 2, 5, 10), "lrs_D": RATES, "lrs_G": RATES, "seeds": (0, 1), "updates": 8_000, "records": 50}
NETS = {"ks": (1, 2, 5), "lrs_D": (0.03, 0.1, 0.3, 1.0), "lrs_G": (0.1, 0.3, 1.0), "seeds": (0, 1)}
NETS |= {"updates": 4_800, "records": 12}
"""The usual grid of toys, and of small nets on digits: what a sweep is not told is as in these."""


class Sweep:
    """A grid of runs under way: what `ToySweep` and `MnistSweep` have in common.

    Each has a `kind`, a `narrow` and an `info` as in `Results`, the `names` of its curves, and a generator `_work()`,
    which trains and measures every run from where it stands, and yields after each small piece of work.
    """

    def __init__(self, recipe: Recipe, *, updates: int, records: int, **axes: Sequence[float]):
        rates = {name: tuple(map(float, axes.pop(name))) for name in ("lrs_D", "lrs_G")}
        self.grid = Grid(**{name: tuple(values) for name, values in axes.items()}, **rates)
        self.recipe, most = recipe, self.grid.ks[-1] + 1
        if not isinstance(updates, int) or updates < most:
            at_least = f"an integer >= {most}, one iteration of the largest k"
            raise RecipeError(f"updates is {brief(updates)}; it must be {at_least}")
        if not isinstance(records, int) or not 1 <= records <= updates // most:
            raise RecipeError(f"records is {brief(records)}; it must be an integer from 1 to {updates // most}")
        self.updates = np.linspace(updates / records, updates, records)
        self.reset()

    def reset(self) -> None:
        """Back to the start of every run."""
        self.curves = {name: np.full((*self.grid.shape, len(self.updates)), math.nan) for name in self.names}
        self.diverged = np.zeros(self.grid.shape, bool)
        self.steps = np.zeros(self.grid.shape, int)  # iterations that each run has done
        self.recorded = np.zeros(self.grid.shape, int)  # records that each has, or (diverged) needs no more
        self.version = 0  # counts up whenever something was measured
        self._pieces: Iterator[None] | None = None

    def target(self, k: int, record: int) -> int:
        """Iterations that a run with this k has done at a record."""
        return max(round(self.updates[record] / (k + 1)), 1)

    @property
    def finished(self) -> bool:
        """Whether every run has all its records."""
        return bool((self.recorded == len(self.updates)).all())

    @property
    def done(self) -> float:
        """The share of the work that is done, 0 to 1."""
        of = np.reshape([self.target(k, -1) for k in self.grid.ks], (-1, 1, 1, 1))
        share = np.where(self.recorded == len(self.updates), 1, self.steps / of)
        return 1.0 if self.finished else min(float(share.mean()), 0.99)

    def advance(self, seconds: float) -> None:
        """Work for about so many seconds, at least one piece, unless all is done."""
        end = time.perf_counter() + seconds
        self._pieces = self._pieces or self._work()
        try:
            for _ in self._pieces:
                if time.perf_counter() >= end:
                    return
        except BaseException:  # an interrupt ends this generator; the next one goes on from where the runs stand
            self._pieces = None
            raise

    def finish(self, *, progress: bool = True) -> bool:
        """Work to the end; True when it got there. An interrupt stops it, and the next call goes on from there."""
        look = {"file": sys.stdout, "ncols": 80, "bar_format": "{l_bar}{bar}| {elapsed}"}
        with tqdm(total=100, disable=not progress or self.finished, **look) as bar:
            try:
                while not self.finished:
                    self.advance(0.2)
                    bar.update(round(100 * self.done) - bar.n)
            except (KeyboardInterrupt, asyncio.CancelledError):
                print(f"Stopped at {100 * self.done:.0f} %. Run this cell again to go on from there.")
        return self.finished

    @property
    def results(self) -> Results:
        """What is measured so far; a copy."""
        curves = {name: values.copy() for name, values in self.curves.items()}
        return Results(self.kind, self.grid, self.updates, curves, self.diverged.copy(), self.narrow, dict(self.info))

    def _write(self, at: tuple[int, ...], record: int, values: Mapping[str, float]) -> None:
        """Write down what one run has measured; a number that is not finite means that the run has diverged."""
        self.version += 1
        self.diverged[at] = not all(math.isfinite(value) for value in values.values())
        self.recorded[at] = len(self.updates) if self.diverged[at] else record + 1
        if not self.diverged[at]:
            for name, value in values.items():
                self.curves[name][(*at, record)] = value


class ToySweep(Sweep):
    """A grid of toy games against one p_data, trained all at once: one stack of `Toys` for each k.

        sweep = ToySweep(TOY, Gaussian(0, 1), ks=(1, 5), lrs_D=(0.1, 0.3), lrs_G=(0.01, 0.03), seeds=range(2))

    A run comes out as `Toys` alone gives it, to rounding. `curves`: JSD, C and V (nats, by quadrature) and "width",
    the shortest interval with 90 % of p_g over that of p_data. Collapsed: "width" below 0.1 at the end. A p_g so narrow
    has, against a Gaussian, a JSD of at least about 0.4 of the 0.693 there are; no healthy run ends below 0.5.
    """

    kind = "toy"
    names = ("JSD", "C", "V", "width")
    narrow = 0.1

    def __init__(self, recipe: Recipe = TOY, p_data: Density | None = None, **grid: Any):
        if p_data is None:
            raise RecipeError("a sweep of toys needs p_data: a density such as Gaussian(0, 1)")
        self.p_data = p_data
        self.info = {"recipe": recipe.to_dict(), "data": repr(p_data), **provenance()}
        many = np.sort(p_data.sample(100_000, np.random.default_rng(0)))
        self._data_width = width(many)
        low, high = np.quantile(many, [0.0005, 0.9995])
        margin = 0.25 * (high - low)
        self.edges = np.linspace(low - margin, high + margin, BINS + 1)  # (BINS + 1,): the bins that p_g is drawn in
        super().__init__(recipe, **TOYS | grid)

    def reset(self) -> None:
        """Back to the start of every run."""
        super().reset()
        axes = np.meshgrid(self.grid.lrs_D, self.grid.lrs_G, self.grid.seeds, indexing="ij")
        lr_D, lr_G, seeds = (axis.ravel() for axis in axes)
        common = {"seeds": seeds.astype(int).tolist(), "lr_D": lr_D, "lr_G": lr_G}
        self.stacks = [Toys(self.recipe, self.p_data, k=k, **common) for k in self.grid.ks]
        """One for each k: len(lrs_D) * len(lrs_G) * len(seeds) games."""
        self.p_g = np.full((*self.grid.shape, BINS), math.nan)
        """(K, D, G, S, BINS): each run's mean density in each bin, at its last record."""

    def _work(self) -> Iterator[None]:
        """Record by record: every stack trained up to it, an iteration a piece; then every game measured."""
        for record in range(len(self.updates)):
            for i, (k, stack) in enumerate(zip(self.grid.ks, self.stacks)):
                while stack.step < self.target(k, record):
                    stack.iterate()
                    self.steps[i] = stack.step
                    yield
            for at in np.ndindex(*self.grid.shape):
                if self.recorded[at] == record:
                    self._measure(at, record)
                    yield

    def _measure(self, at: tuple[int, ...], record: int) -> None:
        toys, i = self.stacks[at[0]], int(np.ravel_multi_index(at[1:], self.grid.shape[1:]))
        found = measured(toys, i, self._data_width)
        self._write(at, record, found)
        if not self.diverged[at]:
            self.p_g[at] = toys.p_g(i).in_bins(self.edges)


class MnistSweep(Sweep):
    """A grid of small nets on digits, trained by `Trainer`, one run after another, all cells of a seed first.

    `curves`: "score" (the Parzen score of 500 samples on 1,000 validation digits, nats), V (nats), D(x) and D(G(z)),
    means over the steps since the last record, and "width", the mean distance between two samples over that between two
    digits. Collapsed: "width" below 0.3 at the end, as healthy runs have it only in their first few hundred steps.
    """

    kind = "mnist"
    names = ("score", "V", "D_real", "D_fake", "width")
    narrow = 0.3
    STEPS = 5  # iterations in a piece

    def __init__(self, recipe: Recipe | None = None, data: Dataset | None = None, **grid: Any):
        recipe = small_mnist() if recipe is None else recipe
        self.data = load(recipe.data) if data is None else data
        of = {"data": self.data.name, "examples": len(self.data.train[: recipe.examples or None])}
        self.info = {"recipe": recipe.to_dict(), "changes": recipe.changes(MNIST), **of, **provenance()}
        self._valid = scale(self.data.valid)
        self._data_spread = spread(self._valid[: min(recipe.n_samples, SPREAD)])
        super().__init__(recipe, **NETS | grid)
        for _, k, lr_D, lr_G, _ in self.grid.runs():
            replace(recipe, k=k, lr_D=lr_D, lr_G=lr_G)  # the recipe's rules, before hours of work

    def _work(self) -> Iterator[None]:
        """Run by run; one that was interrupted begins again."""
        for at, k, lr_D, lr_G, seed in sorted(self.grid.runs(), key=lambda run: run[-1]):
            if self.recorded[at] < len(self.updates):
                recipe = replace(self.recipe, k=k, lr_D=lr_D, lr_G=lr_G)
                yield from self._train(at, Trainer(recipe, self.data, seed=seed, precision="float32", device="cpu"))

    def _train(self, at: tuple[int, ...], trainer: Trainer) -> Iterator[None]:
        """One run, a few iterations a piece; the measurement belongs to the piece that comes to a record."""
        for record in range(len(self.updates)):
            target, steps = self.target(trainer.recipe.k, record), []
            while trainer.step < target:
                try:
                    steps += trainer.steps(min(target - trainer.step, self.STEPS))
                except TrainingDiverged:
                    self._write(at, record, {"V": math.nan})
                    return
                self.steps[at] = trainer.step
                if trainer.step < target:
                    yield
            self._write(at, record, self._measure(trainer, steps))
            yield

    def _measure(self, trainer: Trainer, steps: Sequence[Step]) -> dict[str, float]:
        means = {name: float(np.mean([getattr(step, name) for step in steps])) for name in ("V", "D_real", "D_fake")}
        return measured_net(trainer, means, self._valid, self._data_spread)


def small_mnist() -> Recipe:
    """The recipe for MNIST with a tenth of its units, and a D that begins with larger weights.

    D's weights within 0.05 instead of 0.005: as the recipe has them, so narrow a D takes 700 steps to wake up.
    """
    narrow = MNIST.at("smoke")
    D = tuple(replace(layer, irange=0.05) for layer in narrow.D)
    return replace(narrow, name="mnist-small", D=D, examples=0, epochs=1, n_samples=500)


def measured(toys: Toys, i: int, data_width: float) -> dict[str, float]:
    """JSD, C, V (nats, by quadrature) and the width of game i of one dimension, as `ToySweep` has them.

    A V of nan alone: the game has diverged. `data_width` is the `width` of p_data.
    """
    try:
        p_g = toys.p_g(i)
        with np.errstate(all="ignore"):  # a D that is no longer finite shows in V
            V, C, JSD = theory.V_C_JSD(lambda x: toys.logit(x, i), toys.p_data, p_g, order=6)
    except TrainingDiverged:
        V = C = JSD = math.nan
    if not math.isfinite(V):
        return {"V": math.nan}
    share = (np.arange(1_001) + 0.5) / 1_001
    z = ndtri(share) if toys.p_z == "normal" else math.sqrt(3) * (2 * share - 1)  # even steps of p_z's cdf
    return {"JSD": JSD, "C": C, "V": V, "width": width(np.sort(p_g.G(z))) / data_width}


def measured_net(
    trainer: Trainer, means: Mapping[str, float], valid: Tensor, data_spread: float, score: bool = True
) -> dict[str, float]:
    """What `MnistSweep` measures of a net, beside the means over its steps; a score of nan: the net has diverged."""
    x = trainer.samples(trainer.recipe.n_samples, seed=trainer.seed)  # (n, d)
    if not bool(x.isfinite().all()):
        return {"score": math.nan}
    found = {"score": parzen.validation_score(x, valid)["log_likelihood"]} if score else {}
    return {**found, **means, "width": spread(x[:SPREAD]) / data_spread}


def width(x: Array) -> float:
    """The shortest interval that holds 90 % of the ascending x (n,).

    >>> round(width(np.linspace(0, 1, 1001)), 12)
    0.9
    """
    n = math.ceil(0.9 * (len(x) - 1))
    return float((x[n:] - x[: len(x) - n]).min())
