"""CIFAR-10, in its publisher's binary version (the Python version would have to be unpickled)."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch

from ganlib.datasets import files
from ganlib.datasets.dataset import Dataset, classes, split
from ganlib.datasets.download import fetch
from ganlib.datasets.record import Record

ARCHIVE = "cifar-10-binary.tar.gz"  # 170,052,171 bytes; its author states the MD5 c32a1d4ab5d03f1284b67883e8d87530
FOLDER = "cifar-10-batches-bin"
BATCHES = [*(f"{FOLDER}/data_batch_{i}.bin" for i in range(1, 6)), f"{FOLDER}/test_batch.bin"]
BYTES = 1 + 3 * 32 * 32  # the label, 0 to 9, then the red, the green and the blue plane, row by row
LARGEST = 250_000_000  # bytes of the archive, packed and unpacked, at most

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

    The author states a checksum for the archive alone. Of a folder of the user's own the layout is checked, and what
    is known of the pictures: 1,000 of each class in the last file, 5,000 in the others, none of one colour, none twice.
    """
    place = find() or fetch(RECORD, ARCHIVE, download, LARGEST)
    own = place.is_dir()
    if verify and not own:
        files.verify(RECORD, place, ARCHIVE, LARGEST)
    n = RECORD.counts["a file"]
    pictures, labels = np.empty((6 * n, BYTES - 1), np.uint8), np.empty(6 * n, np.uint8)
    missing = set(BATCHES)
    # members of other names are passed over
    archived = files.members(RECORD, place, BATCHES.__contains__, largest=n * BYTES, whole=LARGEST)
    for name, content in _batches(place, n * BYTES) if own else archived:
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
    if verify and own:
        _check(place, pictures, labels)
    parts = slice(0, 4 * n), slice(4 * n, 5 * n), slice(5 * n, 6 * n)
    pairs = [(torch.from_numpy(pictures[part]), classes(labels[part])) for part in parts]
    return split(RECORD, *pairs, source=place)


def find() -> Path | None:
    """The user's own folder of the six files, or the archive of them."""
    return files.find(RECORD, ARCHIVE, folder=FOLDER)


def _batches(folder: Path, size: int) -> Iterator[tuple[str, bytes]]:
    for name in BATCHES:
        path = folder / name.split("/")[1]
        if os.path.lexists(path):
            yield name, files.content(RECORD, path, size)


def _check(folder: Path, pictures: np.ndarray, labels: np.ndarray) -> None:
    """Refuse what cannot be CIFAR-10, though its layout is right: a batch of zeros, a batch in the place of another."""

    def refuse(picture: int, problem: str) -> None:
        """Raise the error that names the batch that this picture stands in."""
        where = f"{folder}: {BATCHES[picture // (len(labels) // 6)]}"
        raise RECORD.refusal(where, problem, "60,000 pictures, no two alike", "Get it again.", way_round=True)

    n = len(labels) // 6
    flat = pictures.max(1) == pictures.min(1)
    if flat.any():
        i = int(flat.argmax())
        refuse(i, f"holds {flat[i // n * n :][:n].sum():,} pictures of one colour; the first is picture {i % n:,}")
    weights = np.random.default_rng(0).integers(2**63, size=384, dtype=np.uint64) | np.uint64(1)
    keys = np.concatenate([(part.view(np.uint64) * weights).sum(1) for part in np.split(pictures, 6)])  # one a picture
    first = np.unique(keys, return_index=True)[1]
    if len(first) < len(keys):
        twice = np.setdiff1d(np.arange(len(keys)), first)
        refuse(twice[0], f"holds pictures that were there before, {len(twice):,} in all; the first is {twice[0] % n:,}")
    for part, what in ((labels[5 * n :], "test_batch.bin"), (labels[: 5 * n], "data_batch_1.bin to 5")):
        counts = np.bincount(part, minlength=10)
        if (counts != len(part) // 10).any():
            k = int(abs(counts - len(part) // 10).argmax())
            problem = f"holds {counts[k]:,} pictures of class {k}, not {len(part) // 10:,}"
            worst = max(BATCHES[:5], key=lambda name: abs(np.bincount(_of(name, labels), minlength=10)[k] - n / 10))
            more = "" if len(part) == n else f" (most of them, or fewest, in {worst.split('/')[1]})"
            raise RECORD.refusal(f"{folder}/{what}", problem + more, way_round=True)


def _of(name: str, labels: np.ndarray) -> np.ndarray:
    return np.split(labels, 6)[BATCHES.index(name)]
