"""Measure ways of coordination and priors, for notebook 19: `python tools/measure_coordination.py PART [--runs FOLDER]`.

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

import torch

from ganlib import hardware, load
from ganlib.errors import TrainingDiverged
from ganlib.studies import coordination as study


def kept(path: Path, record: Any) -> None:
    """Write a record, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    part.write_text(json.dumps(record) + "\n", encoding="utf-8")
    part.replace(path)


def named(name: str) -> str:
    """A way's name as part of a file's name."""
    return "".join(letter if letter.isalnum() else "-" for letter in name)


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
                    print(way.name, seed, {key: value for key, value in record.items() if key not in ("last", "average")})
            except TrainingDiverged as error:
                record = {"way": way.name, "seed": seed, "diverged": str(error)}
            kept(path, record | floor)


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


if __name__ == "__main__":
    main()
