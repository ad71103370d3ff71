"""CIFAR-10, in its publisher's binary version (the Python version would have to be unpickled)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from ganlib.datasets import files
from ganlib.datasets.dataset import Dataset, classes, split
from ganlib.datasets.record import Record

ARCHIVE = "cifar-10-binary.tar.gz"  # 170,052,171 bytes; its author states the MD5 c32a1d4ab5d03f1284b67883e8d87530
FOLDER = "cifar-10-batches-bin"
BATCHES = [*(f"{FOLDER}/data_batch_{i}.bin" for i in range(1, 6)), f"{FOLDER}/test_batch.bin"]
BYTES = 1 + 3 * 32 * 32  # the label, 0 to 9, then the red, the green and the blue plane, row by row

RECORD = Record(
    "cifar10",
    (3, 32, 32),
    title="CIFAR-10",
    publisher="CIFAR-10's author",
    files={ARCHIVE: "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd"},
    addresses=["https://www.cs.toronto.edu/~kriz/{file}", "https://cave.cs.toronto.edu/kriz/{file}"],
    counts={"a file": 10_000},
    layout=(
        f"the six files {FOLDER}/data_batch_1.bin to 5 and test_batch.bin, each of 10,000 pictures of 3,073 bytes: a "
        "label from 0 to 9, then 3 x 32 x 32 pixels"
    ),
)


def load(verify: bool, download: bool) -> Dataset:
    """40,000 / 10,000 / 10,000 pictures: the paper trains on the first four batches and validates on the fifth.

    Of a folder of the user's own only the layout is checked: the author states a checksum for the archive alone.
    """
    place = find() or files.fetch(RECORD, ARCHIVE, download)
    if verify and place.is_file():
        files.verify(RECORD, place, ARCHIVE)
    n = RECORD.counts["a file"]
    if place.is_dir():
        there = [name for name in BATCHES if (place.parent / name).is_file()]
        contents = ((name, files.content(RECORD, place.parent / name)) for name in there)
    else:  # members of other names are passed over
        contents = files.members(RECORD, place, BATCHES.__contains__, largest=n * BYTES)
    pictures, labels = np.empty((6 * n, BYTES - 1), np.uint8), np.empty(6 * n, np.uint8)
    missing = set(BATCHES)
    for name, content in contents:
        if len(content) != n * BYTES:
            raise RECORD.refusal(f"{place}: {name}", f"has {len(content):,} bytes, not {n * BYTES:,}")
        records = np.frombuffer(content, np.uint8).reshape(n, BYTES)
        if records[:, 0].max() > 9:
            i = int((records[:, 0] > 9).argmax())
            raise RECORD.refusal(f"{place}: {name}", f"gives picture {i:,} the label {records[i, 0]}")
        part = slice(BATCHES.index(name) * n, (BATCHES.index(name) + 1) * n)
        pictures[part], labels[part] = records[:, 1:], records[:, 0]
        missing.remove(name)
    if missing:
        raise RECORD.refusal(place, f"does not hold {', '.join(sorted(missing))}")
    parts = slice(0, 4 * n), slice(4 * n, 5 * n), slice(5 * n, 6 * n)
    pairs = [(torch.from_numpy(pictures[part]), classes(labels[part])) for part in parts]
    return split(RECORD, *pairs, source=place)


def find() -> Path | None:
    """The user's own folder of the six files, or the archive of them."""
    return files.find(RECORD, ARCHIVE, folder=FOLDER)
