"""MNIST."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np

from ganlib.datasets import files
from ganlib.datasets.dataset import Dataset, classes, rows, split
from ganlib.datasets.download import fetch
from ganlib.datasets.record import Record

RECORD = Record(
    "mnist",
    (1, 28, 28),
    title="MNIST",
    publisher="MNIST's authors",
    files={
        "train-images-idx3-ubyte.gz": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
        "train-labels-idx1-ubyte.gz": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
        "t10k-images-idx3-ubyte.gz": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
        "t10k-labels-idx1-ubyte.gz": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
    },
    digest_of="decompressed content",  # the wrappers differ between hosts
    addresses=[
        "https://ossci-datasets.s3.amazonaws.com/mnist/{file}",
        "https://storage.googleapis.com/cvdf-datasets/mnist/{file}",
    ],
    counts={"train": 60_000, "t10k": 10_000},
    layout="the bytes of 60,000 (train) or 10,000 (t10k) images of 28 x 28, or of as many labels, in an IDX file",
    stand_in="mnist-5k",
)


def load(verify: bool, download: bool) -> Dataset:
    """The digits, 50,000 / 10,000 / 10,000."""
    paths = {file: _find(file) for file in RECORD.files}
    found = [path for path in paths.values() if path]
    paths = {file: path or fetch(RECORD, file, download, _size(file), found) for file, path in paths.items()}
    images, labels, test, test_labels = (_read(path, file, verify) for file, path in paths.items())
    n = 5 * len(images) // 6  # 50,000
    images, labels = rows(images), classes(labels)
    pairs = [(images[part], labels[part]) for part in (slice(n), slice(n, None))]
    return split(RECORD, *pairs, (rows(test), classes(test_labels)), source=next(iter(paths.values())).parent)


def find() -> Path | None:
    """The folder of the four files; `DataError` names what is missing where only some are there."""
    found = [_find(file) for file in RECORD.files]
    if any(found) and not all(found):
        raise RECORD.missing(found=[path for path in found if path])
    return found[0].parent if all(found) else None


def _find(file: str) -> Path | None:
    return files.find(RECORD, file, file.removesuffix(".gz"))


def _shape(file: str) -> tuple[int, ...]:
    return (RECORD.counts[file.split("-")[0]], 28, 28)[: 3 if "images" in file else 1]


def _header(file: str) -> bytes:
    """What an IDX file begins with: 0, 0, 8 for bytes, the number of dimensions, each dimension in four bytes."""
    shape = _shape(file)
    return bytes([0, 0, 8, len(shape)]) + np.array(shape, ">u4").tobytes()


def _size(file: str) -> int:
    return len(_header(file)) + math.prod(_shape(file))


def _read(path: Path, file: str, verify: bool) -> np.ndarray:
    """The images (n, 28, 28) or the labels (n,) in one of the four files, which lies at `path`, gzipped or not."""
    content, header = files.content(RECORD, path, _size(file), file if verify else ""), _header(file)
    if not content.startswith(header):
        raise RECORD.refusal(path, f"begins with the bytes {content[: len(header)].hex(' ')}, not {header.hex(' ')}")
    if len(content) != _size(file):
        raise RECORD.refusal(path, f"has {len(content):,} bytes, not {_size(file):,}")
    read = np.frombuffer(content, np.uint8, offset=len(header)).reshape(_shape(file))
    if read.ndim == 1 and read.max() > 9:
        raise RECORD.refusal(path, f"gives picture {(read > 9).argmax():,} the label {read.max()}")
    return read
