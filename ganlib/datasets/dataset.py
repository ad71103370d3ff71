"""What a data set is once it is in memory."""

from __future__ import annotations

import contextlib
import hashlib
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ganlib.datasets.record import Record, short
from ganlib.errors import DataError
from ganlib.images import mean_picture

FOLDS = 5  # Table 1 scores faces on five folds


@dataclass(frozen=True)
class Fold:
    """One of the five folds of Table 1's faces."""

    valid: Tensor  # (n, d) uint8: chooses this fold's sigma
    test: Tensor  # (n, d) uint8: scored with it


@dataclass(frozen=True)
class Dataset:
    """A data set in memory: pictures as flat uint8 rows, split as the paper splits them.

    Your own pictures, x from 0 to 1 as (n, 1, 28, 28), are rows after `(255 * x).round().to(torch.uint8).flatten(1)`.
    Raises `DataError` for anything else, also when one part is replaced.
    """

    name: str  # its own name; a stand-in never carries the name of what it stands in for
    shape: tuple[int, int, int]  # a picture's (channels, height, width)
    train: Tensor  # (n, d) uint8: what D and G see
    valid: Tensor  # (n, d) uint8: chooses sigma
    test: Tensor  # (n, d) uint8: scored, nothing else
    train_labels: Tensor  # (n,) int64; never shown to the nets
    valid_labels: Tensor  # (n,) int64
    test_labels: Tensor  # (n,) int64
    source: str  # where the files were found
    note: str = ""  # what a figure made from it must say
    folds: tuple[Fold, ...] = ()  # five for faces, for Table 1's mean and ±; () for the rest

    def __post_init__(self) -> None:
        if not (isinstance(self.shape, tuple) and len(self.shape) == 3 and all(map(_is_count, self.shape))):
            raise DataError(f"shape is {short(self.shape)}; it must be (channels, height, width), each 1 or more")
        for name in ("name", "source", "note"):
            if not isinstance(getattr(self, name), str):
                raise DataError(f"{name} is {short(repr(getattr(self, name)))}; it must be text")
        for name in SPLITS:
            pictures, labels = getattr(self, name), getattr(self, f"{name}_labels")
            _check_pictures(name, pictures, self.d)
            if not (isinstance(labels, Tensor) and labels.dtype == torch.int64 and labels.shape == pictures.shape[:1]):
                raise DataError(f"{name}_labels is {_what(labels)}; it must be an int64 tensor, ({len(pictures)},)")
        if not (isinstance(self.folds, tuple) and all(isinstance(fold, Fold) for fold in self.folds)):
            raise DataError(f"folds is {_what(self.folds)}; it must be a tuple of Fold")
        for f, fold in enumerate(self.folds, 1):
            _check_pictures(f"valid of fold {f}", fold.valid, self.d)
            _check_pictures(f"test of fold {f}", fold.test, self.d)

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


SPLITS = ("train", "valid", "test")


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= 2**20


def _check_pictures(name: str, pictures: object, d: int) -> None:
    """Refuse what are no flat uint8 rows (n, d): pictures of another kind would be trained on without a word."""
    expected = f"expected flat uint8 rows (n, {d}), from 0 for black to 255 for white"
    if not isinstance(pictures, Tensor) or pictures.layout != torch.strided or pictures.device.type == "meta":
        raise DataError(f"{name} is {_what(pictures)}; {expected}; `torch.as_tensor` makes a tensor of an array")
    if pictures.dtype != torch.uint8:
        how = "`(255 * x).round().to(torch.uint8)` makes them of x from 0 to 1"
        raise DataError(f"{name} is {_what(pictures)}; {expected}; {how}")
    if pictures.ndim != 2 or pictures.shape[1] != d:
        how = "`.flatten(1)` makes rows of (n, channels, height, width)"
        raise DataError(f"{name} is {_what(pictures)}; {expected}, as the shape says; {how}")
    if not len(pictures):
        raise DataError(f"{name} holds no picture; {expected}")
    if pictures.max() == 1:
        raise DataError(f"{name} holds 0 and 1 only; {expected}; `255 * x` makes them of 0 and 1")


def _what(value: object) -> str:
    """A value in a few words: what a tensor or an array holds, the type of anything else."""
    if not hasattr(value, "dtype") or not hasattr(value, "shape"):
        return f"a {type(value).__name__}"
    said = f"{type(value).__name__} of {short(value.dtype)}, {short(tuple(value.shape), 40)}"
    with contextlib.suppress(Exception):  # of no numbers, or none at all
        said += f", from {float(value.min()):.3g} to {float(value.max()):.3g}"
    return said


def split(
    record: Record, *parts: tuple[Tensor, Tensor], source: object, note: str = "", folds: tuple[Fold, ...] = ()
) -> Dataset:
    """The data set of a record, from the pictures and the labels of train, of valid and of test."""
    pictures, labels = zip(*parts)
    note = note or record.note
    return Dataset(record.name, record.shape, *pictures, *labels, source=str(source), note=note, folds=folds)


def rows(pictures: np.ndarray) -> Tensor:
    """Pictures (n, ...) uint8 as flat rows (n, d): a copy, writable and alone in memory."""
    return torch.from_numpy(np.array(pictures, order="C").reshape(len(pictures), -1))


def classes(labels: np.ndarray) -> Tensor:
    """Labels as int64 (n,)."""
    return torch.from_numpy(labels.astype(np.int64))


def fifths(valid: Tensor, test: Tensor) -> tuple[Fold, ...]:
    """Five folds for faces that come with none: the fifths of `valid` and of `test`, the first ones longer by one."""
    if min(len(valid), len(test)) < FOLDS:
        raise DataError(f"{len(valid)} validation and {len(test)} test pictures do not make {FOLDS} folds")
    return tuple(Fold(v, t) for v, t in zip(valid.tensor_split(FOLDS), test.tensor_split(FOLDS)))
