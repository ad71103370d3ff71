"""What a claim and a verdict are, and what verdicts are worked out with: the results files of the package.

A verdict is a small function that takes what `claims.results` reads and gives a `Verdict`: a word, and the numbers that
it rests on. Where the results lack something it raises KeyError, and the claim says `MISSING`. The functions stand in
`section_2`, `section_3`, `section_5`, `section_6`, each above the claims that it judges.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from ganlib.studies.claims.digits import SEEDS

HOLDS, IN_PART, NOT_HERE, UNTESTED = "holds", "holds in part", "does not hold here", "cannot be tested here"
MISSING = "not measured yet"
VERDICTS = (HOLDS, IN_PART, NOT_HERE, UNTESTED)
Results = Mapping[str, Any]


class Verdict(NamedTuple):
    """A verdict, and the numbers that it rests on, in words."""

    word: str
    because: str


@dataclass(frozen=True)
class Claim:
    """A claim of the paper, and what was done about it."""

    name: str
    section: str
    said: str  # the claim, in our words
    done: str  # the experiment, in words
    shown: str  # where: notebooks; of notebook 14 itself above or below the matrix; or only in results/
    judge: Callable[[Results], Verdict]

    def verdict(self, r: Results) -> Verdict:
        """What the results say of it; `MISSING` where they lack what it needs."""
        try:
            return self.judge(r)
        except KeyError as error:
            return Verdict(MISSING, f"the results lack {error.args[0]!r}")


def decide(*parts: bool) -> str:
    """Every part of the claim holds, some do, or none does."""
    return HOLDS if all(parts) else IN_PART if any(parts) else NOT_HERE


def untested(why: str) -> Callable[[Results], Verdict]:
    """The verdict on what no experiment of this project can decide, and why."""
    return lambda r: Verdict(UNTESTED, why)


def part(r: Results, experiment: str, name: str) -> dict[str, Any]:
    """What a part of an experiment gave."""
    return r["claims"][experiment][name]["result"]


def seeds(r: Results, variant: str, iterate: str, measure: str) -> np.ndarray:
    """A measure of a variant of the recipe: a number for each seed that was trained, the first of them seed 0."""
    found = [part(r, "variants", f"{variant}, seed 0")[iterate][measure]]
    for seed in SEEDS[1:]:
        if (name := f"{variant}, seed {seed}") in r["claims"]["variants"]:
            found.append(part(r, "variants", name)[iterate][measure])
    return np.array(found)


def said(values: Iterable[float], form: str = ".3g") -> str:
    """Numbers of several seeds in a row."""
    return " and ".join(f"{value:{form}}" for value in values)


def toys(*names: str, only: Sequence[int] | None = None) -> Callable[[Results], Verdict]:
    """A verdict from the numbers that the toys' experiments call decisive.

    It holds where every seed is on its side with every number, and does not where none is with any. `only` are the
    places of the numbers that this claim is about.
    """

    def judge(r: Results) -> Verdict:
        """What the toys say."""
        found = [(name, one) for name in names for one in part(r, "toys", name)["verdicts"]]
        found = found if only is None else [found[i] for i in only]
        shares = [one["holds"] for _, one in found]
        word = HOLDS if min(shares) == 1 else NOT_HERE if max(shares) == 0 else IN_PART
        kinds = [name.partition(", ")[2] for name, _ in found]  # "sharp, circle": the circle
        told = [f"{kind}: {number(one)}" if kind else number(one) for kind, (_, one) in zip(kinds, found)]
        return Verdict(word, "; ".join(told))

    return judge


def number(judged: Mapping[str, Any]) -> str:
    """A decisive number of a toy experiment in words: its mean over the seeds, and where it should lie."""
    side = "above" if judged["above"] else "below"
    mean = "none" if judged["mean"] is None else brief(judged["mean"])
    spread = f" ± {brief(judged['spread'])}" if judged["spread"] else ""
    share = "" if judged["holds"] in (0, 1) else f", so in {judged['holds']:.0%} of the seeds"
    return f"{judged['quantity']}: {mean}{spread} ({side} {judged['threshold']:.3g} is asked{share})"


def brief(value: float) -> str:
    """A number with two or three digits that count."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}" if abs(value) >= 1 else f"{value:.2g}"


def both(*judges: Callable[[Results], Verdict]) -> Callable[[Results], Verdict]:
    """Several verdicts on parts of one claim: the same for all, or in part."""

    def judge(r: Results) -> Verdict:
        """All of them together."""
        each = [one(r) for one in judges]
        words = {verdict.word for verdict in each}
        return Verdict(words.pop() if len(words) == 1 else IN_PART, "; ".join(verdict.because for verdict in each))

    return judge


# -- rows of the table of all models -----------------------------------------------------------------------------------

COMPARED = {"dbn": "DBN", "cae": "stacked CAE", "gsn": "deep GSN"}
"""The models of Table 1 besides ours, as results/baselines.json names them."""
OURS = "adversarial"
NAMES = {OURS: "adversarial nets", "rbm": "RBM", "dbm": "DBM", "dae": "DAE", "vae": "VAE", **COMPARED}
"""The models whose work is counted."""


def row(r: Results, model: str, kind: str = "samples") -> dict[str, Any]:
    """The row of a model on MNIST in results/baselines.json: of its samples, or of its conditional "means".

    "gan" is the last iterate of the shipped adversarial nets, "gan-average" the average.
    """
    for one in r["baselines"]["rows"]:
        if (one["model"], one["data"], one["kind"]) == (model, "mnist", kind):
            return one
    raise KeyError(f"{model}, {kind}")


def final(r: Results) -> dict[str, dict[str, Any]]:
    """The latest test scores of the run of seed 0: of the last iterate, and of the average."""
    rows = r["mnist_runs"]["runs"]["seed 0"]["test"]
    end = max(one["epoch"] for one in rows)
    found = {("average" if "average" in one["iterate"] else "last iterate"): one for one in rows if one["epoch"] == end}
    return found
