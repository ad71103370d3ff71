"""Gather the scores of long runs of MNIST into `ganlib/results/mnist_runs.json`: one entry a run.

    python tools/gather_runs.py "seed 0=runs/mnist-0.log" "alternating=runs/mnist-alternating" ...

A run is a folder that `python -m ganlib train` made, or a log with a line of JSON every ten epochs, as the first runs
wrote it. Validation scores are of the first 1,000 validation digits, test scores of the 10,000 test digits at the sigma
which the validation digits chose; 10,000 samples each, noise of seed 1 (of the run's seed in a folder's validation).
Who trained a run stands in its folder: that of `X.log` is `X`. "average_part": 10 where the average looks back over a
tenth of the run so far, 2 where over a half.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from ganlib import checkpoints, load, parzen, runs
from ganlib.average import HORIZON
from ganlib.hardware import provenance
from ganlib.history import History
from ganlib.recipes import MNIST

RESULTS = Path(__file__).resolve().parent.parent / "ganlib" / "results" / "mnist_runs.json"
AVERAGES = {"0.999": 1_000, "0.9999": 10_000, "0.99997": HORIZON}  # decay of a step in a log -> steps
TENTH = 10  # the part of a run that an average of a log, or of a checkpoint that names none, looks back over


def from_log(path: Path) -> dict[str, Any]:
    """The scores that stand in a log: {"validation": [...], "test": [...]}, a row an epoch and an iterate.

    With the run's folder beside the log, also its seed, its precision and who trained it.
    """
    found: dict[str, Any] = {}
    if checkpoints.exists(path.with_suffix("")):
        info = checkpoints.load_run(path.with_suffix("")).info
        found |= {name: info[name] for name in ("seed", "precision", "trained_by")}
    found |= {"average_part": TENTH, "validation": [], "test": []}
    for line in path.read_text().splitlines():
        row = json.loads(line)
        iterates = {"last iterate": row.get("last") or row.get("raw")}
        iterates |= {f"average, {steps} steps": row[decay] for decay, steps in AVERAGES.items() if decay in row}
        for iterate, score in iterates.items():
            if "paper" in score and isinstance(score["paper"], float):  # the first layout of the log
                paper = {"valid": score["paper"], "sigma": score["sig_p"]}
                fine = {"valid": score["fine"], "sigma": score["sig_f"]}
                if "test" in score:
                    paper |= {"test": score["test"], "error": score["test_se"]}
                    fine |= {"test": score["test_fine"]}
            else:
                paper, fine = score["paper"], score["fine"]
            at = {"epoch": row["epoch"], "iterate": iterate}
            sigmas = {"sigma": paper["sigma"], "fine_sigma": fine["sigma"]}
            found["validation"].append(at | {"paper": paper["valid"], "fine": fine["valid"]} | sigmas)
            if "test" in paper:
                test = {"paper": paper["test"], "error": paper["error"], "fine": fine["test"]}
                found["test"].append(at | test | sigmas)
    return found


def from_folder(folder: Path) -> dict[str, Any]:
    """The validation scores that a run kept, and test scores of where it stands now."""
    last = checkpoints.load_run(folder)
    found: dict[str, Any] = {"seed": last.info["seed"], "precision": last.info["precision"]}
    found |= {"changes": last.recipe.changes(MNIST), "trained_by": last.info["trained_by"]}
    found |= {"average_part": last.info["average"].get("part", TENTH)} if last.average else {}
    found["validation"] = []
    state, _ = checkpoints.read(folder)
    history = History.from_state(state["history"])
    if history.rows:  # the last window of steps: who is winning
        columns = ("step", "V", "D_real", "D_fake", "norm_G")
        found["end"] = {name: round(float(history.column(name)[-1]), 5) for name in columns}
    names = {"last iterate": ""} | ({f"average, {HORIZON} steps": "average_"} if last.average else {})
    for row in last.info["validation"]:
        for iterate, prefix in names.items():
            if f"{prefix}fine" in row:
                numbers = {"paper": row[f"{prefix}log_likelihood"], "fine": row[f"{prefix}fine"]}
                numbers |= {name: row[prefix + name] for name in ("sigma", "fine_sigma")}
                rounded = {name: round(value, 4) for name, value in numbers.items()}
                found["validation"].append({"epoch": round(row["epoch"], 3), "iterate": iterate} | rounded)
    data, found["test"] = load(last.info["data"], stand_in=False), []
    for iterate in names:
        trained = last if iterate == "last iterate" else last.averaged()
        paper, fine = (runs.score(trained, data, sigmas) for sigmas in (parzen.SIGMAS, parzen.FINE_SIGMAS))
        score = {"paper": paper.log_likelihood, "error": paper.standard_error, "fine": fine.log_likelihood}
        score |= {"sigma": paper.sigma, "fine_sigma": fine.sigma}
        at = {"epoch": last.info["epochs"], "iterate": iterate}
        found["test"].append(at | {name: round(value, 4) for name, value in score.items()})
    return found


def main(arguments: list[str]) -> None:
    """Write each NAME=PATH into the results; other runs that are there already stay."""
    told = json.loads(RESULTS.read_text()) if RESULTS.exists() else {"runs": {}}
    for argument in arguments:
        name, _, path = argument.partition("=")
        entry = from_folder(Path(path)) if Path(path).is_dir() else from_log(Path(path))
        told["runs"][name] = entry
        print(name, *(f"{row['epoch']:g} {row['iterate']}: {row['paper']:.1f}" for row in entry["test"]), sep="\n  ")
    told["runs"] = dict(sorted(told["runs"].items()))
    lines = [f"{json.dumps(name)}: {json.dumps(run, ensure_ascii=False)}" for name, run in told["runs"].items()]
    by = json.dumps(provenance())
    RESULTS.write_text('{"gathered_by": ' + by + ', "runs": {\n' + ",\n".join(lines) + "\n}}\n")  # a line a run


if __name__ == "__main__":
    main(sys.argv[1:])
