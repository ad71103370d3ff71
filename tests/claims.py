"""Numbers in the notebooks' text that no cell of the same notebook puts out, each with where it comes from.

CLAIMS[notebook][number as it is written] is a value, or a function that reads it from a results file or works it out.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ganlib import named
from ganlib.datasets import RECORDS

RESULTS = Path(__file__).resolve().parent.parent / "ganlib" / "results"


def read(name: str, *path: str | int) -> Any:
    """What stands in a results file of the package at a path of keys and positions."""
    found = json.loads((RESULTS / name).read_text())
    for key in path:
        found = found[key]
    return found


def recipe(name: str) -> Any:
    """A published recipe."""
    return named(name)


CLAIMS: dict[str, dict[str, Any]] = {
    "07_faces": {
        **{"2110": 2110, "1890": 1890},  # the paper, Table 1, TFD
        "1.9365": lambda: recipe("tfd-1").max_norm,
        "8,000": lambda: recipe("tfd-1").G[0].units,
        "288": lambda: -(-RECORDS["fer2013"].counts["Training"] // recipe("tfd-1").batch),  # minibatches an epoch
    },
    "08_cifar10": {
        "255": 255,  # the largest value of a byte
        "162": 162,  # MB, the publisher's page: www.cs.toronto.edu/~kriz/cifar.html
        "±0.05": lambda: recipe("cifar10-conv").G[-1].irange,
        "±0.005": lambda: [layer.irange for layer in recipe("cifar10-conv").D],
        "0.025": lambda: recipe("cifar10-fc").lr_D,
        "0.004": lambda: recipe("cifar10-conv").lr_D,
        "8,000": lambda: recipe("cifar10-conv").G[0].units,
        "24.6": lambda: recipe("cifar10-fc").G[1].units * recipe("cifar10-fc").G[2].units / 1e6,  # million weights
    },
}
