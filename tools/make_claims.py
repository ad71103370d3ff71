"""Run the experiments behind the matrix of claims: `python tools/make_claims.py`, about 40 minutes on two cores.

Each part of each experiment is kept in `ganlib/results/claims.json` as soon as it is done, and is not run again.
`--only NAME ...` runs some experiments, `--again` those that are there already, too. It needs the full MNIST.
"""

from __future__ import annotations

import argparse
import functools
import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch

from ganlib import load, pretrained
from ganlib.datasets import Dataset
from ganlib.hardware import provenance
from ganlib.studies.claims import digits
from ganlib.studies.claims.checks import parts as quick_checks
from ganlib.studies.claims.toys import EXPERIMENTS as TOYS

RESULTS = Path(__file__).resolve().parent.parent / "ganlib" / "results" / "claims.json"
Part = tuple[str, Callable[[], dict[str, Any]]]  # its name, and what runs it


@functools.cache
def mnist() -> Dataset:
    """All of MNIST."""
    return load("mnist", stand_in=False)


@functools.cache
def ruler() -> digits.Ruler:
    """What samples of digits are measured by."""
    return digits.Ruler(mnist())


def variants() -> Iterator[Part]:
    """Recipes against one another, a part a recipe and a seed."""
    yield "real test digits", lambda: ruler().floor()
    yield "untrained G", lambda: ruler().untrained()
    for seed in digits.SEEDS:
        for name, recipe in digits.VARIANTS.items():
            yield f"{name}, seed {seed}", functools.partial(_run, recipe, seed)


def _run(recipe: Any, seed: int) -> dict[str, Any]:
    return digits.run(recipe, mnist(), ruler(), seed)


def overfitting() -> Iterator[Part]:
    """D alone on finite data, a part a number of digits and a seed; the second seed on the fewest digits only."""
    for seed in digits.SEEDS:
        for name, n in digits.FINITE.items():
            if seed == 0 or name == "500":
                yield f"{name}, seed {seed}", functools.partial(_alone, n, seed)


def _alone(n: int, seed: int) -> dict[str, Any]:
    return digits.D_alone(mnist(), pretrained("mnist").G, n, seed=seed)


def copies() -> Iterator[Part]:
    """Samples beside the training digits."""
    yield "shipped weights", lambda: digits.copies(mnist())


def checks() -> Iterator[Part]:
    """What takes seconds."""
    yield from quick_checks(mnist)


def toys() -> Iterator[Part]:
    """Games in one dimension and in the plane, and what they are compared with."""
    for name, experiment in TOYS.items():
        yield name, experiment.run


EXPERIMENTS: dict[str, Callable[[], Iterator[Part]]] = {
    "variants": variants,
    "overfitting": overfitting,
    "copies": copies,
    "checks": checks,
    "toys": toys,
}


def read() -> dict[str, Any]:
    """What was kept before."""
    return json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else {}


def keep(name: str, part: str, made: dict[str, Any]) -> None:
    """Add a part to the file, which holds a line for each, in one move."""
    told = read()
    told.setdefault(name, {})[part] = made
    lines = []
    for name, parts in told.items():
        inner = ",\n".join(f"  {json.dumps(part)}: {json.dumps(made, allow_nan=False)}" for part, made in parts.items())
        lines.append(f" {json.dumps(name)}: {{\n{inner}\n }}")
    beside = RESULTS.with_suffix(".writing")
    beside.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")
    os.replace(beside, RESULTS)


def main(arguments: list[str] | None = None) -> None:
    """Run what is asked for and not there yet."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", nargs="+", choices=EXPERIMENTS, default=list(EXPERIMENTS), metavar="NAME")
    parser.add_argument("--again", action="store_true", help="run also what is there already")
    chosen = parser.parse_args(arguments)
    torch.set_num_threads(1)
    for name in chosen.only:
        for part, make in EXPERIMENTS[name]():
            if part in read().get(name, {}) and not chosen.again:
                continue
            begun = time.perf_counter()
            result = make()
            seconds = round(time.perf_counter() - begun, 1)
            keep(name, part, {"result": result, "seconds": seconds, "made_by": provenance()})
            print(f"{name}, {part}: {seconds} s", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
