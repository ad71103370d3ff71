"""What a data set is once it is in memory."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ganlib.datasets.record import Record
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
    """A data set in memory: pictures as flat uint8 rows, split as the paper splits them."""

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
    """Five folds for faces that come with none: fold f is the f-th fifth of `valid` and of `test`, in their order.

    Where a number does not divide by five, the first folds hold one picture more.
    """
    if min(len(valid), len(test)) < FOLDS:
        raise DataError(f"{len(valid)} validation and {len(test)} test pictures do not make {FOLDS} folds")
    return tuple(Fold(v, t) for v, t in zip(valid.tensor_split(FOLDS), test.tensor_split(FOLDS)))
