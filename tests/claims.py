"""Numbers in the notebooks' text that no cell of the same notebook puts out, each with where it comes from.

CLAIMS[notebook][number as it is written] is a value, or a function that reads it from a results file or works it out.
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

from ganlib import named, parzen
from ganlib.datasets import RECORDS, mnist, mnist_5k
from ganlib.lessons import coordination, k_and_rates
from ganlib.lessons.table_1 import BEFORE as before
from ganlib.recipes import INFERENCE, MNIST
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
    "00_start_here": {
        "784": lambda: MNIST.G[-1].units,
        "1.44": lambda: 1 / math.log(2),
        "500": lambda: 50_000 / MNIST.batch,
        "184": lambda: math.floor(read("mnist_first_release.json", "paper")),  # the title of notebook 11: whole nats
    },
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
    "07_faces": {
        **{"2110": 2110, "1890": 1890},  # the paper, Table 1, TFD
        "1.9365": lambda: named("tfd-1").max_norm,
        "8,000": lambda: named("tfd-1").G[0].units,
        "288": lambda: -(-RECORDS["fer2013"].counts["Training"] // named("tfd-1").batch),  # minibatches an epoch
    },
    "08_cifar10": {
        "255": 255,  # the largest value of a byte
        "162": 162,  # MB, the publisher's page: www.cs.toronto.edu/~kriz/cifar.html
        "±0.05": lambda: named("cifar10-conv").G[-1].irange,
        "±0.005": lambda: [layer.irange for layer in named("cifar10-conv").D],
        "0.025": lambda: named("cifar10-fc").lr_D,
        "0.004": lambda: named("cifar10-conv").lr_D,
        "8,000": lambda: named("cifar10-conv").G[0].units,
        "24.6": lambda: named("cifar10-fc").G[1].units * named("cifar10-fc").G[2].units / 1e6,  # million weights
    },
    "09_k_and_learning_rates": {
        "0.05": lambda: [k_and_rates.GOOD, k_and_rates.FAST],
        "2,400": lambda: read("mnist_k_rates.json", "updates", -1) / 2,  # with k = 1 every second update is G's
        "350,000": lambda: MNIST.epochs * 500,
    },
    "10_table_1": {"784": lambda: MNIST.G[-1].units},
    "12_rest_of_table_1": {
        "138": lambda: table_1_of("DBN")[0],
        "121": lambda: table_1_of("Stacked CAE")[0],
        "114": lambda: float(before["real digits, binarised"]),
        "1,000": lambda: parzen.N_VALID,
        "10,000": lambda: MNIST.n_samples,
        "5,000": lambda: float(mnist_5k.RECORD.layout.split()[0].replace(",", "")),
    },
    "13_table_2": {
        "784": lambda: MNIST.G[-1].units,
        "5,000": lambda: float(mnist_5k.RECORD.layout.split()[0].replace(",", "")),
    },
    "15_conditional": {
        "5,000": lambda: float(mnist_5k.RECORD.layout.split()[0].replace(",", "")),
        "1,000": lambda: read("conditional.json", "class", "samples") / named("mnist-conditional").classes,
        "240": lambda: named("mnist-conditional").D[1].units,
    },
    "18_semi_supervised": {
        "50,000": lambda: mnist.RECORD.counts["train"] - 10_000,  # the others are for validation
        "240": lambda: MNIST.D[0].units,
    },
    "16_inference": {
        "5,000": lambda: float(mnist_5k.RECORD.layout.split()[0].replace(",", "")),
        "240": lambda: INFERENCE.E[0].units,
        "100": lambda: INFERENCE.E[-1].units,
        "50,000": lambda: read("inference.json", "reference", "train"),
        "97.4": 97.4,  # Donahue et al. 2017, Table 1: BiGAN, one nearest neighbour, 97.39 % right
        "2.6": 2.6,
    },
    "19_coordination": {
        "0.3": lambda: coordination.FAILED[1],
        "0.5": lambda: coordination.FAILED[2],
    },
}
