"""Numbers in the notebooks' text that no cell of the same notebook puts out, each with where it comes from.

CLAIMS[notebook][number as it is written] is a value, or a function that reads it from a results file or works it out.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ganlib import parzen
from ganlib.datasets import mnist, mnist_5k
from ganlib.recipes import MNIST
from ganlib.studies import diagnosis, table_1
from ganlib.widgets import steering

RESULTS = Path(__file__).resolve().parent.parent / "ganlib" / "results"


def read(name: str, *path: str | int) -> Any:
    """What stands in a results file of the package at a path of keys and positions."""
    found = json.loads((RESULTS / name).read_text())
    for key in path:
        found = found[key]
    return found


def table_1_of(model: str, column: int = 0) -> list[float]:
    """A cell of Table 1 as the paper prints it: the score and its error. Columns: MNIST, TFD."""
    return [float(number) for number in table_1.PAPER[model][column].split(" ± ")]


CLAIMS: dict[str, dict[str, Any]] = {
    "06_mnist": {
        "225": lambda: table_1_of("Adversarial nets")[0],
        "214": lambda: table_1_of("Deep GSN")[0],
        "1.1": lambda: table_1_of("Deep GSN")[1],
        "138": lambda: table_1_of("DBN")[0],
        "121": lambda: table_1_of("Stacked CAE")[0],
        "1.6": lambda: table_1_of("Stacked CAE")[1],
        "500": lambda: 50_000 / MNIST.batch,  # steps in an epoch
        "1,000": lambda: parzen.N_VALID,
        "200": lambda: diagnosis.WINDOW,
        "784": lambda: MNIST.G[-1].units,
        "0.95": lambda: steering.controls(MNIST, 0)["momentum"].high,
        "60,000": lambda: mnist.RECORD.counts["train"],
        "5,000": lambda: float(mnist_5k.RECORD.layout.split()[0].replace(",", "")),
    },
}
