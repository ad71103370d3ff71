"""The long runs of MNIST and the weights that they left: every recorded score, and what each part of the gap is worth.

`rows` reads a run of results/mnist_runs.json; `score_now` scores the weights that come with the package.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from importlib.resources import files
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from torch import Tensor

from ganlib import parzen, scale
from ganlib.checkpoints import Trained
from ganlib.datasets import Dataset
from ganlib.densities import Array
from ganlib.errors import DataError, brief, is_whole
from ganlib.recipes import MNIST, profile
from ganlib.studies import table_1

LAST, AVERAGE, REAL = "last iterate", "average", "real digits"
PAPER, PAPER_ERROR = 225, 2  # nats, Table 1
STEPS_AN_EPOCH = 500
CHANGED = {
    "precision of training, float32": "float32",
    "prior, Gaussian": "normal prior",
    "update, alternating": "alternating",
}


# -- the recorded runs ------------------------------------------------------------------------------------------------


@cache
def read(name: str) -> dict[str, Any]:
    """A results file of the package."""
    return json.loads((files("ganlib") / "results" / name).read_text(encoding="utf-8"))


def recorded() -> dict[str, Any]:
    """The long runs by name. "seed 0", "seed 1" and "seed 2" are the recipe unchanged."""
    return read("mnist_runs.json")["runs"]


def first() -> dict[str, Any]:
    """The score of the first release's weights, by the same protocol."""
    return read("mnist_first_release.json")


@cache
def scores() -> pd.DataFrame:
    """Every recorded score: run, split, epoch, iterate, and the score by the paper's grid and by the fine one."""
    told = [(run, split, rows.get(split, [])) for run, rows in recorded().items() for split in ("validation", "test")]
    table = pd.DataFrame([{"run": run, "split": split, **row} for run, split, rows in told for row in rows])
    table["iterate"] = table["iterate"].replace("average, 33333 steps", AVERAGE)  # the longest, where none is named
    return table


def rows(run: str, split: str, iterate: str = LAST) -> pd.DataFrame:
    """The scores of a run on a split, by epoch; an empty table where there are none.

    Raises `DataError` for a run, a split or an iterate of which nothing is recorded.
    """
    known = {"run": list(recorded()), "split": ["validation", "test"], "iterate": sorted(set(scores()["iterate"]))}
    for what, name in (("run", run), ("split", split), ("iterate", iterate)):
        if name not in known[what]:
            raise DataError(f"no {what} {brief(name)} is recorded; there are: {', '.join(known[what])}")
    chosen = scores().query("run == @run and split == @split and iterate == @iterate")
    return chosen.drop_duplicates("epoch", keep="last").set_index("epoch").sort_index()


def effective_rate(epochs: Array) -> pd.Series:
    """G's learning rate over 1 - momentum, by epoch: it sets how long the steps are."""
    return pd.Series([MNIST.lr("G", STEPS_AN_EPOCH * e) / (1 - MNIST.momentum(e)) for e in epochs], epochs)


def jitter(run: str, epoch: float, iterate: str = LAST, width: float = 100) -> float:
    """How far a validation score lies off its trend: standard deviation within `width` epochs, nats.

    Raises `DataError` where fewer than three scores lie that near to the epoch.
    """
    y = rows(run, "validation", iterate).loc[epoch - width : epoch + width, "paper"].to_numpy()
    if len(y) < 3:
        raise DataError(f"{len(y)} scores of {run} lie within {width:g} epochs of epoch {epoch:g}; a trend takes three")
    return float(np.sqrt(np.mean((y[2:] - 2 * y[1:-1] + y[:-2]) ** 2) / 6))


def seeds_of(iterate: str, split: str) -> tuple[pd.DataFrame, float]:
    """The scores of the seeds by epoch, from epoch 50 on (before it they rise too fast), and their typical spread."""
    names = [name for name in recorded() if name.startswith("seed ")]
    table = pd.DataFrame({run: rows(run, split, iterate)["paper"] for run in names})
    table = table[table.index >= 50].dropna(thresh=2)
    return table, float(np.sqrt(table.var(axis=1, ddof=1).mean()))


class Part(NamedTuple):
    """A part of the gap: how many nats (a change or a spread), how well that is known, and what was compared."""

    nats: str
    error: str
    compared: str

    def __str__(self) -> str:
        known = f"; ± {self.error}" if self.error else ""
        return f"{self.nats} nats ({self.compared}{known})" if self.compared else self.nats


def against(run: str, iterate: str, back: float = 0) -> Part:
    """A run's latest score minus seed 0's of the same epoch, or of up to `back` epochs before."""
    for split in ("test", "validation"):
        one, other = rows(run, split, iterate), rows("seed 0", split, iterate)
        for e in one.index[::-1]:
            earlier = other.index[(other.index <= e) & (other.index >= e - back)]
            if len(earlier):
                a, b = one.loc[e], other.loc[earlier[-1]]
                error = f"at most {np.hypot(a.error, b.error):.1f}" if split == "test" else "1,000 digits, other noise"
                words = f"{a.paper:.1f} at epoch {e:g}, seed 0 {b.paper:.1f} at {earlier[-1]:g}, {split}"
                return Part(f"{a.paper - b.paper:+.1f}", error, words)
    return Part("not run yet", "", "")


class Gap(NamedTuple):
    """Average minus last iterate by epoch, and the power of the effective rate that it follows from epoch 250 on."""

    table: pd.DataFrame
    late: pd.DataFrame
    power: float
    error: float
    factor: float


def gap() -> Gap:
    """The gap between the average and the last iterate on the test digits, seed 0, with its fit."""
    table = pd.DataFrame({name: rows("seed 0", "test", name)["paper"] for name in (AVERAGE, LAST)})
    table["gap"] = table[AVERAGE] - table[LAST]
    table["rate / (1 − momentum)"] = effective_rate(table.index.astype(int)).to_numpy()
    late = table[table.index >= MNIST.momentum_epochs]
    fit, covariance = np.polyfit(np.log(late.iloc[:, 3]), np.log(late["gap"]), 1, cov=True)
    return Gap(table, late, fit[0], covariance[0, 0] ** 0.5, float(np.exp(fit[1])))


def look_back() -> pd.DataFrame:
    """Validation scores by epoch: the average over a half of the run so far beside that over a tenth."""
    columns = {
        "last iterate (half)": rows("half", "validation")["paper"],
        "last iterate (seed 0)": rows("seed 0", "validation")["paper"],
        "average over a tenth (seed 0)": rows("seed 0", "validation", AVERAGE)["paper"],
        "average over a half": rows("half", "validation", AVERAGE)["paper"],
        "the same, run “faster”": rows("faster", "validation", AVERAGE)["paper"],
    }
    table = pd.DataFrame(columns).dropna(subset="average over a half")
    table = table[table.index % 20 == 0]
    return table.set_axis(pd.Index([f"{e:g}" for e in table.index], name="epoch"))


def look_back_gain() -> Part:
    """What looking back over a half gives against a tenth, at the latest epoch that both have; of two runs."""
    table = look_back().dropna(subset="average over a tenth (seed 0)")
    apart, row = table["last iterate (half)"] - table["last iterate (seed 0)"], table.iloc[-1]
    nats = row["average over a half"] - row["average over a tenth (seed 0)"]
    error = f"their last iterates differ by {apart.min():+.1f} to {apart.max():+.1f}, here {apart.iloc[-1]:+.1f}"
    return Part(f"{nats:+.1f}", error, f"half against seed 0, two runs, epoch {row.name}, validation")


# -- the weights of the package, scored now ---------------------------------------------------------------------------


class Grids(NamedTuple):
    """Scores over σ: of both iterates on validation and test digits; and what each grid chooses."""

    on_valid: dict[str, pd.Series]
    on_test: dict[str, pd.DataFrame]
    table: pd.DataFrame


@dataclass(frozen=True)
class Live:
    """The weights of the package and real digits, scored on this machine: digit by digit, for several draws."""

    data: Dataset
    trained: Trained
    n: int  # centres
    draws: int  # of the samples, or of the real digits
    valid: Tensor
    test: Tensor
    centres: Mapping[str, Tensor]  # of the first draw
    sigma: Mapping[tuple[str, int], float]  # (what, draw) -> the width that the validation digits chose
    each: Mapping[tuple[str, int], Array]  # (what, draw) -> the log-likelihood of each test digit

    @property
    def epoch(self) -> float:
        """The epoch of the weights."""
        return self.trained.info["epochs"]

    @property
    def compares(self) -> bool:
        """Whether the scores compare with the recorded ones: all of MNIST, and 10,000 samples."""
        return self.data.name == "mnist" and self.n == 10_000

    @cached_property
    def now(self) -> dict[str, tuple[float, float]]:
        """Score and error of the last iterate and of the average, as recorded with the weights, and of real digits."""
        told = {LAST: self.trained.info["parzen"], AVERAGE: self.trained.info["average"]["parzen"]}
        found = {name: (score["log_likelihood"], score["standard_error"]) for name, score in told.items()}
        x = self.each[REAL, 1]
        return found | {REAL: (x.mean(), x.std() / len(x) ** 0.5) if self.compares else (np.nan, np.nan)}

    @cached_property
    def means(self) -> pd.DataFrame:
        """The score of each draw (rows) for each kind of centres (columns)."""
        seeds = range(1, self.draws + 1)
        return pd.DataFrame({name: [self.each[name, s].mean() for s in seeds] for name in self.centres}, seeds)

    @cached_property
    def on_validation(self) -> dict[str, Array]:
        """The log-likelihood of all 10,000 validation digits, under the first draw."""
        return {
            name: parzen.log_likelihood(self.valid, centres, [self.sigma[name, 1]])[0].numpy()
            for name, centres in self.centres.items()
        }

    @cached_property
    def blocks(self) -> Array:
        """From the first release to today's last iterate: nats in each block of 1,000 digits, validation then test."""
        before = np.array([first()["validation_blocks"], first()["test_blocks"]])
        today = np.array([self.on_validation[LAST], self.each[LAST, 1]])
        return today.reshape(2, 10, 1_000).mean(2) - before

    @cached_property
    def grids(self) -> Grids:
        """The scores over σ, and what four grids of σ choose."""
        return score_grids(self)

    def paired(self, a: str, b: str) -> tuple[float, float]:
        """a - b over the same test digits: the error of the mean difference, and its spread over draws, nats."""
        differences = [self.each[a, seed] - self.each[b, seed] for seed in range(1, self.draws + 1)]
        spread = float(np.std([d.mean() for d in differences], ddof=1))
        return (differences[0].std() / len(self.test) ** 0.5, spread) if self.compares else (np.nan, np.nan)


def score_now(data: Dataset, trained: Trained, draws: int = 4) -> Live:
    """Score the last iterate, the average, and real training digits in the place of samples, for several draws each.

    Raises `DataError` unless `draws` is a whole number of 2 or more.
    """
    if not is_whole(draws) or draws < 2:
        raise DataError(f"draws is {brief(draws)}; it must be a whole number of 2 or more, for a spread over them")
    smoke = profile() == "smoke"
    n, draws = (400, 2) if smoke else (min(10_000, len(data.train)), draws)
    valid, test = (scale(part[:300] if smoke else part) for part in (data.valid, data.test))
    makers = {LAST: trained.samples, AVERAGE: trained.averaged().samples}
    makers[REAL] = lambda n, seed: scale(table_1.random_subset(data.train, n, seed - 1))
    first_draw, sigma, each = {name: draw(n, 1) for name, draw in makers.items()}, {}, {}
    for name, draw in makers.items():
        for seed in range(1, draws + 1):
            centres = first_draw[name] if seed == 1 else draw(n, seed)
            sigma[name, seed], _ = parzen.choose_sigma(valid, centres)
            each[name, seed] = parzen.log_likelihood(test, centres, [sigma[name, seed]])[0].numpy()
    return Live(data, trained, n, draws, valid, test, first_draw, sigma, each)


def score_grids(live: Live) -> Grids:
    """Four grids of σ: each chooses on validation digits; what is compared is the test score."""
    grids = {"the paper's, 10 values": parzen.SIGMAS, "earlier script, 15 values": np.logspace(-1, 0, 15).tolist()}
    grids |= {"fine, 91 values": parzen.fine_sigmas_near(2)}  # those of the 91 from 0.13 to 0.22, where the best lies
    grids |= {"free, steps of 0.001": np.arange(0.17, 0.196, 0.001).round(3).tolist()}
    curve, chosen, on_valid, on_test = [0.14, 0.15, 0.16, 0.2, 0.22, 0.24], [], {}, {}
    sigmas = sorted({s for grid in grids.values() for s in grid})
    for name in (LAST, AVERAGE):
        means = parzen.log_likelihood(live.valid[: parzen.N_VALID], live.centres[name], sigmas).mean(1).numpy()
        on_valid[name] = pd.Series(means, sigmas)
        best = {grid: on_valid[name][list(values)].idxmax() for grid, values in grids.items()}
        wanted = sorted({*curve, *parzen.SIGMAS[2:4], *best.values()})
        found = parzen.log_likelihood(live.test, live.centres[name], wanted).numpy()
        error = found.std(1) / len(live.test) ** 0.5
        on_test[name] = pd.DataFrame({"mean": found.mean(1), "error": error}, wanted)
        chosen += [(name, grid, s, *on_test[name].loc[s]) for grid, s in best.items()]
    table = pd.DataFrame(chosen, columns=["iterate", "grid of σ", "σ chosen", "test score", "±"])
    table["gain"] = table["test score"] - table.groupby("iterate")["test score"].transform("first")
    return Grids(on_valid, on_test, table)


def precision(live: Live) -> dict[str, tuple[float, float, float]]:
    """The scores of the weights in float32 (recorded), float16 (shipped) and bfloat16 (scored here)."""
    found = {}
    for name, iterate in ((LAST, live.trained), (AVERAGE, live.trained.averaged())):
        single = rows("seed 0", "test", name)["paper"].get(live.epoch, np.nan)
        centres = live.trained.recipe.samples(copy.deepcopy(iterate.G).bfloat16().float(), live.n, 1)
        brain = parzen.log_likelihood(live.test, centres, [live.sigma[name, 1]])[0].mean().item()
        found[name] = single, live.now[name][0], brain
    return found


# -- the parts of the gap ---------------------------------------------------------------------------------------------


def steps(live: Live) -> pd.DataFrame:
    """From the first release to real digits, one change a row: score, change, and what may move it."""
    again, noisy = rows("seed 0", "test").loc[300], {e: jitter("seed 0", e) for e in (300, live.epoch)}
    released, here = (first()["paper"], first()["error"]), (again.paper, again.error)
    (digits, draw), (digits_real, draw_real) = live.paired(AVERAGE, LAST), live.paired(REAL, AVERAGE)
    last, average, real = (live.now[name] for name in (LAST, AVERAGE, REAL))
    two = np.hypot(noisy[300], noisy[live.epoch])
    table = [  # what; score and its error; what the change may be off by: other digits, another moment or draw
        (f"first release: last iterate, epoch {first()['epoch']:.0f}", *released, np.nan, np.nan),
        ("the recipe run again: last iterate, epoch 300", *here, np.hypot(here[1], released[1]), 2**0.5 * noisy[300]),
        (f"a longer run: last iterate, epoch {live.epoch:g}", *last, np.hypot(last[1], here[1]), two),
        (f"average, not last iterate, epoch {live.epoch:g}", *average, digits, np.hypot(draw, noisy[live.epoch])),
        ("real digits, not samples", *real, digits_real, draw_real),
    ]
    table = pd.DataFrame(table, columns=["step", "score", "± score", "± digits", "± path"])
    table.insert(3, "change", table["score"].diff())
    return table


def levers(live: Live) -> pd.DataFrame:
    """More epochs and averaging, together and alone: test scores of seed 0."""
    then = {name: rows("seed 0", "test", name).loc[300] for name in (LAST, AVERAGE)}
    table = pd.DataFrame(
        {name: [then[name].paper, live.now[name][0]] for name in then}, index=["300", f"{live.epoch:g}"]
    )
    table["gain by averaging"] = table[AVERAGE] - table[LAST]
    table.loc["gain by epochs"] = [*(table.iloc[1] - table.iloc[0])[:2], np.nan]
    table.index.name = "epoch"
    return table


def parts(live: Live, weights: Mapping[str, tuple[float, float, float]]) -> dict[str, Part]:
    """All parts that this notebook measures; `weights` is what `precision` found."""
    found, at, none = {}, f"epoch {live.epoch:g}", "not measured here"
    for name in (LAST, AVERAGE):
        a, b = rows("seed 0", "test", name).loc[300], rows("seed 0", "test", name).iloc[-1]
        words = f"epoch {b.name:g} against 300, seed 0, test"
        found[f"length of the run: {name}"] = Part(
            f"{b.paper - a.paper:+.1f}", f"at most {np.hypot(a.error, b.error):.1f}", words
        )
    then = {name: rows("seed 0", "test", name).loc[300] for name in (LAST, AVERAGE)}
    limit, words = np.hypot(then[AVERAGE].error, then[LAST].error), "average against last iterate, seed 0, test"
    table, (digits, draw) = levers(live), live.paired(AVERAGE, LAST)
    errors = f"{digits:.1f} digits, {draw:.1f} draw" if live.compares else ""
    found["averaging, at epoch 300"] = Part(f"{table.iloc[0, 2]:+.1f}", f"at most {limit:.1f}", words)
    found[f"averaging, at {at}"] = Part(f"{table.iloc[1, 2]:+.1f}", errors, words)
    found["average over a half, not a tenth"] = look_back_gain()
    for name in (LAST, AVERAGE):
        found[f"annealing: {name}"] = against("annealed", name, 150)
    for name in (LAST, AVERAGE):
        table, typical = seeds_of(name, "validation")
        span = f"{table.notna().any().sum()} seeds, epochs {table.index[0]:g} to {table.index[-1]:g}, validation"
        found[f"seed of the run: {name}"] = Part(f"± {typical:.1f}", "", f"standard deviation, pooled over {span}")
    for name, (single, half, _) in weights.items():
        nats, words = f"± {abs(half - single):.2f}", f"difference to float32, the same noise, {at}, test"
        found[f"precision of the weights, float16: {name}"] = Part(nats if live.compares else none, "", words)
    for what, run in CHANGED.items():
        found |= {f"{what}: {name}": against(run, name) for name in (LAST, AVERAGE)}
    for _, row in live.grids.table.iterrows():
        if "earlier" in row["grid of σ"] or "fine" in row["grid of σ"]:
            words = f"against the paper's grid, {at}, test; sensitivity, not the headline"
            nats = f"{row['gain']:+.1f}" if live.compares else none
            found[f"grid of σ, {row['grid of σ']}: {row['iterate']}"] = Part(nats, "", words)
    for name in live.centres:
        nats = f"± {live.means[name].std():.1f}" if live.compares else none
        words = f"standard deviation over {live.draws} draws, {at}, test"
        found[f"draw of the samples: {name}"] = Part(nats, "", words)
    if live.compares:
        lacking, (digits, draw) = live.now[REAL][0] - live.now[AVERAGE][0], live.paired(REAL, AVERAGE)
        words = f"real digits against the average of {at}, test"
        found["left to real digits: average"] = Part(f"{lacking:+.1f}", f"{digits:.1f} digits, {draw:.1f} draw", words)
        for half, which in zip(np.array_split(live.each[AVERAGE, 1], 2), ("first", "last")):
            nats, words = f"{half.mean() - live.now[AVERAGE][0]:+.1f}", f"against all 10,000, average of {at}"
            found[f"test digits: the {which} 5,000 alone"] = Part(nats, "", words)
    return found
