"""Measure notebook 17: `python -m tools.measure_all_conditionals plane` or `... digits [--run FOLDER] [--average]`.

"plane": the game in the plane, some seeds, 10,000 iterations each. "digits": completions of test digits and the joint
drawn in three ways, of the shipped G "mnist-masks", or of a run's folder by its last iterate or its average. Each
part goes into `ganlib/results/all_conditionals.json`, and the others that are there stay. A part takes 5 to 20 minutes
on one thread.
"""

from __future__ import annotations

import argparse
import json
import time
from itertools import combinations
from pathlib import Path
from typing import Any

import torch

from ganlib import load, pretrained, scale
from ganlib.checkpoints import Trained, load_run
from ganlib.hardware import provenance
from ganlib.studies import all_conditionals as study
from ganlib.studies.table_1 import both_grids
from tools.score_pictures import Ruler

SEEDS, LOOKS, POINTS = (0, 1, 2), (500, 1_000, 2_000, 5_000, 10_000), 50_000
COUNTS, DIGITS = (3, 6, 12, 18, 25, 31, 37, 43, 49), 5_000  # blocks hidden, of 49; test digits
N, SEED = 10_000, 1  # draws of the joint


def main() -> None:
    """Measure the part that the command line names."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("part", choices=("plane", "digits"))
    parser.add_argument("--run", type=Path)
    parser.add_argument("--average", action="store_true")
    options = parser.parse_args()
    if options.part == "plane":
        found = {"plane": plane()}
    else:
        found = {"average" if options.average or not options.run else "last": digits(options.run, options.average)}
    told = study.recorded() if study.RESULTS.exists() else {}
    told |= found | {"measured_by": provenance()}
    study.RESULTS.write_text(json.dumps(told, indent=1, ensure_ascii=False) + "\n")


def pair(estimate: study.Estimate) -> list[float]:
    """A number and its error, rounded."""
    return [round(estimate.value, 5), round(estimate.error, 5)]


def plane() -> dict[str, Any]:
    """JSD of each kind of conditional over the iterations, and of the three joints in the end, of some seeds."""
    rows, joints, begun = [], [], time.perf_counter()
    for seed in SEEDS:
        played = study.PlaneGame(seed=seed)
        for look in LOOKS:
            while played.step < look:
                played.iterate()
            rows.append({"seed": seed, "iterations": look, "jsds": [pair(one) for one in played.jsds(POINTS)]})
            print(rows[-1], flush=True)
        drawn = {order: played.joint(order, POINTS) for order in study.ORDERS}
        row = {order: pair(study.plane_jsd(played.p_data, x)) for order, x in drawn.items()}
        row |= {
            f"{a} | {b}": pair(study.plane_jsd(played.p_data, drawn[a], drawn[b])) for a, b in combinations(drawn, 2)
        }
        joints.append({"seed": seed, "iterations": played.step, "iterate": str(played.average)} | row)
        print(joints[-1], flush=True)
    seconds = round(time.perf_counter() - begun)
    return {"points": POINTS, "bins": study.BINS, "rows": rows, "joints": joints, "seconds": seconds}


def iterate(trained: Trained) -> str:
    """Which G this is, in words: the shipped one is the average."""
    return trained.info.get("average", {}).get("what", trained.iterate) if trained.D is None else trained.iterate


def digits(run: Path | None, average: bool) -> dict[str, Any]:
    """Completions by how much is hidden, and the joint in one go and block by block."""
    begun, data = time.perf_counter(), load("mnist", stand_in=False)
    trained = load_run(run) if run else pretrained("mnist-masks")
    trained = trained.averaged() if average and run else trained
    ruler = Ruler(data, "unit")
    test, labels = scale(data.test), data.test_labels
    told: dict[str, Any] = {"epochs": trained.info["epochs"], "seed": trained.info["seed"], "iterate": iterate(trained)}
    told |= {"ruler": ruler.about(), "digits": DIGITS, "block": trained.recipe.block, "samples": N, "noise_seed": SEED}
    shown = (test[:DIGITS], labels[:DIGITS], data.shape)
    rows = study.by_hidden(trained, *shown, ruler.classifier, COUNTS)
    told["hidden"] = [{name: round(value, 5) for name, value in row.items()} for row in rows]
    print(told["hidden"], flush=True)
    blocks, told["joint"] = study.blocks_of(trained, data.shape), []
    for way, order in (
        ("in one go", None),
        ("block by block, row by row", study.raster(N, blocks)),
        ("block by block, in random order", study.random_order(N, blocks, SEED)),
    ):
        at = time.perf_counter()
        if order is None:
            x = trained.samples(N, SEED).float()
        else:
            parts = enumerate(order.split(2_000), SEED)
            x = torch.cat([study.joint_by_blocks(trained, some, data.shape, seed) for seed, some in parts])
        seconds = round(time.perf_counter() - at, 1)
        paper, fine = both_grids(x, scale(data.valid), test, data=data.name)
        row: dict[str, Any] = {"way": way, "log_likelihood": round(paper.log_likelihood, 2)}
        row |= {
            "standard_error": round(paper.standard_error, 2),
            "sigma": paper.sigma,
            "fine": round(fine.log_likelihood, 2),
        }
        row |= ruler.measure(x) | {"seconds_for_10000": seconds}
        answers = ruler.classifier.probabilities(x)
        row["sure"] = round((answers.amax(1) > 0.9).double().mean().item(), 4)
        row["classes"] = [round(share, 4) for share in (answers.argmax(1).bincount(minlength=10) / N).tolist()]
        told["joint"].append(row)
        print(row, flush=True)
    return told | {"seconds": round(time.perf_counter() - begun)}


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
