"""Numbers in the notebooks' text that no cell of the same notebook puts out, each with where it comes from.

CLAIMS[notebook][number as it is written] is a value, or a function that reads it from a results file or works it out.
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

from ganlib import MNIST

RESULTS = Path(__file__).resolve().parent.parent / "ganlib" / "results"


def read(name: str, *path: str | int) -> Any:
    """What stands in a results file of the package at a path of keys and positions."""
    found = json.loads((RESULTS / name).read_text())
    for key in path:
        found = found[key]
    return found


CLAIMS: dict[str, dict[str, Any]] = {
    "00_start_here": {
        "784": lambda: MNIST.G[-1].units,
        "1.44": lambda: 1 / math.log(2),
        "500": lambda: 50_000 / MNIST.batch,
    },
}
