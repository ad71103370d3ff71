"""Measure ways of coordination and priors, for notebook 19: `python -m tools.measure_coordination PART`.

PART is "toys" (some ten minutes on one thread), "digits" (some two minutes a run; `--ways` and `--seeds` choose which),
or "gather", which writes all that is there into `ganlib/results/coordination.json`. A part that was interrupted goes on
from its last whole piece: a file a piece stands in FOLDER.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ganlib import hardware, load
from ganlib.errors import TrainingDiverged
from ganlib.studies import coordination as study

RESULTS = Path(__file__).resolve().parent.parent / "ganlib" / "results" / "coordination.json"

SIGNS = {"×": "times", "÷": "over"}


def kept(path: Path, record: Any) -> None:
    """Write a record, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    part.write_text(json.dumps(record) + "\n", encoding="utf-8")
    part.replace(path)


def named(name: str) -> str:
    """A way's name as part of a file's name."""
    return "".join(letter if letter.isalnum() else SIGNS.get(letter, "-") for letter in name)


def toys(folder: Path) -> None:
    """Play all toys, piece by piece."""
    for data, way, z_dim in study.pieces():
        path = folder / f"toys-{named(data)}-{named(way.name)}-{z_dim}.json"
        if not path.exists():
            begun = time.process_time()
            record = study.measured(data, way, z_dim)
            kept(path, record | {"seconds": round(time.process_time() - begun, 2)})
            print(data, way.name, z_dim, record["last"], flush=True)


def digits(folder: Path, names: list[str], seeds: list[int]) -> None:
    """Train and measure these ways (none: all) with these seeds, seed by seed."""
    ways = [study.ON_DIGITS[name] for name in names or study.ON_DIGITS]
    ruler = None
    for seed in seeds:
        for way in ways:
            path = folder / f"digits-{named(way.name)}-{seed}.json"
            if path.exists():
                continue
            ruler = ruler or study.Ruler(load("mnist", stand_in=False))
            floor = {"floor": ruler.floor, "classifier": ruler.classifier.accuracy, "device": "cpu"}
            try:
                for record in study.on_digits(way, ruler, seed):
                    print(
                        way.name, seed, {key: value for key, value in record.items() if key not in ("last", "average")}
                    )
            except TrainingDiverged as error:
                record = {"way": way.name, "seed": seed, "diverged": str(error)}
            kept(path, record | floor)


def gather(folder: Path) -> None:
    """Write all pieces that are there as one record."""
    toys = [json.loads(path.read_text()) for path in sorted(folder.glob("toys-*.json"))]
    runs = [json.loads(path.read_text()) for path in sorted(folder.glob("digits-*.json"))]
    known = {way.name: i for i, way in enumerate((*study.WAYS.values(), *study.ON_DIGITS.values()))}
    runs.sort(key=lambda run: (known[run["way"]], run["seed"]))
    seconds = sum(run.pop("seconds") for run in toys)
    shown: dict[str, dict[str, str]] = {"last": {}, "average": {}}
    floor, accuracy = (max((run.pop(name) for run in runs), default=0.0) for name in ("floor", "classifier"))
    for run in runs:
        for iterate in shown:
            images = run.get(iterate, {}).pop("shown", None)
            if images and run["seed"] == 0:
                shown[iterate][run["way"]] = study.packed(np.array(images))
    about_digits = {
        "what": "MNIST, full training set. Score: Parzen, 10,000 samples, the first 1,000 validation digits, on which "
        "sigma is chosen. Fréchet distance of 10,000 samples to 10,000 training digits. Precision and recall: 3,000 "
        "test digits and samples, k = 3. Noise seed 1.",
        "gradients": study.EVALUATIONS,
        "epochs": study.EVALUATIONS // 1_000,
        "floor": round(floor, 3),
        "classifier": round(accuracy, 4),
        "n_shown": study.N_SHOWN,
        "runs": runs,
        "shown": shown,
    }
    about_toys = {
        "what": "JSD, nats, (pair of rates, seed), of last iterates and of averages of G's parameters; None: diverged",
        "budget": study.BUDGET,
        "seeds": list(study.SEEDS),
        "rates": {str(dim): pairs for dim, pairs in study.RATES.items()},
        "floor": round(study.plane_floor(study.DATA["ring of 8"]), 4),
        "seconds": round(seconds),
        "runs": toys,
    }
    text = json.dumps({"toys": about_toys, "digits": about_digits, "made": hardware.provenance()}, ensure_ascii=False)
    RESULTS.write_text(text.replace('{"data"', '\n{"data"').replace('{"way"', '\n{"way"') + "\n", encoding="utf-8")
    print(f"{len(toys)} pieces of toys, {len(runs)} runs on digits, {RESULTS.stat().st_size / 1e3:.0f} kB")


def main() -> None:
    """Measure a part, or gather all."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("part", choices=("toys", "digits", "gather"))
    parser.add_argument("--runs", type=Path, default=Path("runs/coordination"))
    parser.add_argument("--ways", nargs="*", default=[])
    parser.add_argument("--seeds", type=int, nargs="*", default=[0, 1, 2])
    options = parser.parse_args()
    torch.set_num_threads(1)
    if options.part == "toys":
        toys(options.runs)
    elif options.part == "digits":
        digits(options.runs, options.ways, options.seeds)
    else:
        gather(options.runs)


if __name__ == "__main__":
    main()
