"""Ship baselines and score every row of Table 1: `python tools/score_baselines.py [--ship] NAME=FOLDER ...`.

A NAME is what a row is called ("gsn"); its FOLDER is a run of `ganlib.baselines.train`, or "weights" for what is
shipped, and of adversarial nets ("gan", "gan-average") always the shipped pair. With `--ship` the run's weights are
written to `ganlib/weights/baselines/` first, and what is scored are those, in half precision. Rows go into
`ganlib/results/baselines.json`; those of other names stay. A name takes some five minutes on one thread.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from ganlib import baselines, load, parzen, pretrained, scale
from ganlib.baselines.files import WEIGHTS, draws
from ganlib.datasets import Dataset
from ganlib.hardware import provenance
from ganlib.studies import chains, measures
from ganlib.studies.table_1 import both_grids
from tools.score_first_release import ROOT
from tools.score_pictures import Ruler

RESULTS = ROOT / "ganlib" / "results" / "baselines.json"
N = 10_000  # draws in each row
SEED = 1  # of the draws
N_NEAREST = 2_000  # draws whose nearest training picture is looked for
N_CHAIN = 2_000  # steps of one chain, after the recipe's burn-in, for its autocorrelation


def main() -> None:
    """Score the rows that the command line names."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("rows", nargs="+", metavar="NAME=FOLDER")
    parser.add_argument("--ship", action="store_true")
    options = parser.parse_args()
    told = json.loads(RESULTS.read_text()) if RESULTS.exists() else {"rulers": {}, "rows": []}
    rulers: dict[str, Ruler] = {}
    for text in options.rows:
        name, _, folder = text.partition("=")
        draw, info, model = _gan(name) if name.startswith("gan") else _baseline(name, folder, options.ship)
        data = load(info["data"], stand_in=False)
        if data.name not in rulers:
            rulers[data.name] = Ruler(data, "unit")
            told["rulers"][data.name] = rulers[data.name].about()
        told["rows"] = [row for row in told["rows"] if (row["model"], row["data"]) != (name, data.name)]
        at, rows = {"model": name, "data": data.name, **info}, []
        drawn: dict[str, Tensor] = {}
        for kind in ("samples", "means"):
            begun = time.perf_counter()
            drawn[kind] = draw(N, kind == "means")
            seconds = {"seconds_for_10000": round(time.perf_counter() - begun, 2)}
            if rows and torch.equal(*drawn.values()):  # a draw has no noise of its own
                rows.append(rows[0] | {"kind": kind})
                continue
            row = at | {"kind": kind} | seconds | _row(drawn[kind], data, rulers[data.name])
            rows.append(row | _chain(model, kind, rulers[data.name], scale(data.train[:1])))
            print(json.dumps(rows[-1]), flush=True)
        told["rows"] += rows
        told |= {"n_samples": N, "samples_seed": SEED, "n_chain": N_CHAIN, "measured_by": provenance()}
        RESULTS.write_text(json.dumps(told, indent=1, ensure_ascii=False) + "\n")


Draw = Callable[[int, bool], Tensor]  # how many, and whether their means


def _gan(name: str) -> tuple[Draw, dict[str, Any], None]:
    """The shipped pair; G(z) has no noise of its own, so its draws and its means are the same."""
    trained = pretrained("mnist")
    info = {"epochs": trained.info["epochs"], "seed": trained.info["seed"], "data": trained.info["data"]}
    trained = trained.averaged() if name.endswith("average") else trained
    return lambda n, means: trained.samples(n, SEED), info, None


def _baseline(name: str, folder: str, ship: bool) -> tuple[Draw, dict[str, Any], baselines.Model]:
    if folder == "weights":
        model = baselines.pretrained(name)
        info = model.info
    else:
        model, info = baselines.load(folder)
        if ship:
            told = {key: info[key] for key in ("data", "seed", "seconds", "made", "history")}
            path = baselines.save_weights(WEIGHTS / f"{name}.safetensors", model, told)
            model = baselines.load_weights(path)
    about = {"epochs": model.done, "seed": info["seed"], "data": info["data"], "seconds": round(info["seconds"])}
    x = scale(load(info["data"], stand_in=False).train) if getattr(model.recipe, "from_data", False) else None
    return lambda n, means: draws(model, n, x, SEED, means), about, model


def _row(x: Tensor, data: Dataset, ruler: Ruler) -> dict[str, Any]:
    """What is measured of N draws, or of their means: x (N, d)."""
    test = scale(data.test)
    row: dict[str, Any] = {"n_samples": len(x)}
    if data.folds:
        folds = [(scale(fold.valid), scale(fold.test)) for fold in data.folds]
        score = parzen.folds_score(x, folds, data=data.name)
        row |= {"log_likelihood": score.log_likelihood, "standard_error": score.standard_error, "n_test": score.n_test}
    else:
        paper, fine = both_grids(x, scale(data.valid), test, data=data.name)
        row |= {"log_likelihood": paper.log_likelihood, "standard_error": paper.standard_error, "sigma": paper.sigma}
        row |= {"fine": fine.log_likelihood, "fine_sigma": fine.sigma, "n_test": paper.n_test}
        row["validation"] = parzen.validation_score(x, scale(data.valid))["log_likelihood"]
    row |= ruler.measure(x)
    answers = ruler.classifier.probabilities(x).argmax(1)
    row["classes"] = [round(share, 4) for share in (answers.bincount(minlength=10) / len(x)).tolist()]
    near = [measures.nearest_distance(some[:N_NEAREST], data.train) for some in (x, test)]
    copied = measures.memorisation(*near)
    return row | {"nearer": round(copied.nearer, 4), "tail": round(copied.tail, 4), "tail_p": copied.tail_p}


def _chain(model: baselines.Model | None, kind: str, ruler: Ruler, first: Tensor) -> dict[str, float]:
    """How one chain moves, where there is one: steps until it forgets, and until the classifier's answer changes."""
    if not isinstance(model, baselines.Chain):
        return {}
    start = first if getattr(model.recipe, "from_data", False) else None
    x = model.chain(N_CHAIN, SEED, start, means=kind == "means", burn_in=model.recipe.burn_in)  # (N_CHAIN, 1, d)
    steps = chains.steps_between_digits(chains.digits(x, ruler.classifier))
    return {
        "autocorrelation_time": round(chains.integrated_time(chains.autocorrelation(x, model.mean)), 2),
        "steps_between_digits": round(steps, 2) if math.isfinite(steps) else None,  # None: not once
    }


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
