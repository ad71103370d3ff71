"""Measure the shipped pairs of faces and CIFAR-10, today's and the first release's: `python tools/score_pictures.py`.

Fréchet distances in the features of a convolutional classifier that is trained here, beside that of real test pictures,
and precision and recall: into `ganlib/results/pictures.json`. Takes about five minutes; names of weights choose some.
"""

from __future__ import annotations

import json
import sys
from typing import Any

import torch
from torch import Tensor

from ganlib import load, pretrained, scale
from ganlib.datasets import Dataset
from ganlib.hardware import provenance
from ganlib.studies import measures
from tools.score_first_release import ROOT, from_history

RESULTS = ROOT / "ganlib" / "results" / "pictures.json"
PAIRS = ("fer2013", "cifar10-fc", "cifar10-conv")  # by the name of their weights
FIRST = "ceb2d0c"  # the commit that first shipped them
N = 10_000  # samples, and training pictures
N_NEIGHBOURS = 3_000  # pictures on each side of precision and recall


class Ruler:
    """A classifier of a data set, and features of N drawn training pictures and of all the test pictures."""

    def __init__(self, data: Dataset, pixels: str, epochs: int = 6):
        pictures = (data.train, data.train_labels, data.test, data.test_labels)
        how = {"hidden": (128,), "shape": data.shape, "pixels": pixels, "epochs": epochs}
        self.classifier = measures.train_classifier(*pictures, **how)
        drawn = torch.randperm(len(data.train), generator=torch.Generator().manual_seed(0))[:N]
        self.train, self.test = (
            self.classifier.features(scale(x, pixels=pixels)) for x in (data.train[drawn], data.test)
        )

    def about(self) -> dict[str, Any]:
        """What it is, and the floor: the distance of real test pictures."""
        told = {"classifier": f"two convolutions and 128 units, {self.classifier.accuracy:.2%} of the test set right"}
        floor = measures.frechet(self.train, self.test)
        return told | {"test_pictures": len(self.test), "floor": round(floor, 3)}

    def measure(self, x: Tensor) -> dict[str, float]:
        """N samples (N, d)."""
        features = self.classifier.features(x)
        near = measures.precision_recall(self.test[:N_NEIGHBOURS], features[:N_NEIGHBOURS])
        told = {"frechet": measures.frechet(self.train, features), "precision": near[0], "recall": near[1]}
        return {name: round(value, 3) for name, value in told.items()}


def main(names: list[str]) -> None:
    """Measure the pairs of these names (none: all) and write them; others that are there already stay."""
    told = json.loads(RESULTS.read_text()) if RESULTS.exists() else {"pairs": {}}
    rulers: dict[str, Ruler] = {}
    for name in names or PAIRS:
        now = pretrained(name)
        data, rows = now.info["data"], []
        if data not in rulers:
            rulers[data] = Ruler(load(data, stand_in=False), now.recipe.pixels)
        ruler = rulers[data]
        for release, trained in (("first", from_history(FIRST, name)), ("now", now)):
            for iterate in [trained, *([trained.averaged()] if trained.average else [])]:
                at = {"release": release, "epochs": trained.info["epochs"], "iterate": iterate.iterate}
                rows.append(at | ruler.measure(iterate.samples(N, seed=1)))
                print(name, rows[-1])
        told["pairs"][name] = {"data": data, **ruler.about(), "rows": rows}
    told |= {"samples": N, "noise_seed": 1, "measured_by": provenance()}
    RESULTS.write_text(json.dumps(told, indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
