"""The matrix of claims: what the paper says in sections 2, 3, 5 and 6, what was done about it here, and a verdict.

A `Claim` carries a function that works its verdict out from the results files of the package; both stand in the file of
their section. Nothing is typed: when a results file changes, so does the matrix. The words are ours. "Proceedings"
marks what only the version in the proceedings (NIPS 2014) says; the rest stands in that of June 2014, too.
"""

from __future__ import annotations

import json
from importlib.resources import files
from typing import Any

import pandas as pd

from ganlib.studies.claims import section_2, section_3, section_5, section_6
from ganlib.studies.claims.verdict import Claim, Results, Verdict

SECTIONS = {
    "2": "Related work",
    "3": "Adversarial nets",
    "5": "Experiments",
    "6": "Advantages and disadvantages",
}
CLAIMS: tuple[Claim, ...] = (*section_2.CLAIMS, *section_3.CLAIMS, *section_5.CLAIMS, *section_6.CLAIMS)


def results() -> dict[str, Any]:
    """The results files that verdicts are made from, by name; those that are not there yet are left out."""
    found = {}
    for name in ("claims", "baselines", "mnist_runs", "pictures"):
        path = files("ganlib") / "results" / f"{name}.json"
        if path.is_file():
            found[name] = json.loads(path.read_text(encoding="utf-8"))
    return found


def verdicts_of(r: Results | None = None) -> dict[str, Verdict]:
    """The verdict on every claim, by name."""
    r = results() if r is None else r
    return {claim.name: claim.verdict(r) for claim in CLAIMS}


def matrix(section: str = "", r: Results | None = None) -> pd.DataFrame:
    """The claims of a section ("": of all): section, claim, experiment, verdict, numbers, and where it is shown."""
    found = verdicts_of(r)
    rows = [
        {
            "section": claim.section,
            "the paper, in our words": claim.said,
            "what we did": claim.done,
            "verdict": found[claim.name].word,
            "what came out": found[claim.name].because,
            "where": claim.shown,
        }
        for claim in CLAIMS
        if section in ("", claim.section)
    ]
    return pd.DataFrame(rows)
