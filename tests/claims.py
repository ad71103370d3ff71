"""Numbers in the notebooks' text that no cell of the same notebook puts out, each with where it comes from.

CLAIMS[notebook][number as it is written] is a value, or a function that reads it from a results file or works it out.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ganlib import MNIST
from ganlib.lessons import k_and_rates

RESULTS = Path(__file__).resolve().parent.parent / "ganlib" / "results"


def read(name: str, *path: str | int) -> Any:
    """What stands in a results file of the package at a path of keys and positions."""
    found = json.loads((RESULTS / name).read_text())
    for key in path:
        found = found[key]
    return found


CLAIMS: dict[str, dict[str, Any]] = {
    "09_k_and_learning_rates": {
        "0.05": lambda: [k_and_rates.GOOD, k_and_rates.FAST],
        "2,400": lambda: read("mnist_k_rates.json", "updates", -1) / 2,  # with k = 1 every second update is G's
        "350,000": lambda: MNIST.epochs * 500,
    },
    "10_table_1": {"784": lambda: MNIST.G[-1].units},
}
