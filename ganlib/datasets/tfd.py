"""The Toronto Face Database: licensed, so only ever read from the user's own TFD_48x48.mat.

The three arrays are read here, not by scipy, which a wrong file can make crash the process. They are what MATLAB's
"MAT-File Format" (The MathWorks) calls numeric arrays of level 5, compressed or not.
"""

from __future__ import annotations

import math
import struct
import warnings
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
import torch
from torch import Tensor

from ganlib.datasets import files
from ganlib.datasets.dataset import FOLDS, Dataset, Fold, classes, split
from ganlib.datasets.inflate import ZLIB, Inflated
from ganlib.datasets.record import Record, short

FILE = "TFD_48x48.mat"
VARIABLES = ("images", "folds", "labs_ex")
CODES = UNLABELED, TRAIN, VALID, TEST = range(4)  # what the numbers in `folds` mean
LABELS = range(-1, 8)  # -1 (or 0) unlabeled, then the expressions
SIDE = 48
LARGEST = 1_000_000_000  # bytes of the file at most; of other variables in it, nothing is read
MOST = 120_000  # faces at most (TFD has 112,234), and 150,000 where those of each fold are counted, too
IN_PARTS = 150_000

RECORD = Record(
    "tfd",
    (1, 48, 48),
    title="The Toronto Face Database",
    files={FILE: ""},
    origin=(
        "It (Susskind, Anderson and Hinton 2010, technical report, University of Toronto) cannot be downloaded: its "
        "authors give it out on request, under a licence that does not allow handing it on. Without it, other faces of "
        "the same size stand in, under their own names: load('fer2013') or load('lfw')."
    ),
    layout=(
        "`images`, N x 48 x 48 uint8; `folds`, N x 5 integers (0 unlabeled, 1 train, 2 valid, 3 test); and `labs_ex`, "
        "N x 1 integers (the expression, 1 to 7; -1 unlabeled)"
    ),
    remedy="Get the file again from whoever gave it to you.",
)


def load(verify: bool, download: bool) -> Dataset:
    """The unlabeled faces to train on, as the paper's recipe does, and TFD's own five folds of the labelled ones.

    Unlabeled is what the first fold calls so, as in the authors' code; warns where another fold differs. `valid` and
    `test` are those of the first fold. The labelled training faces are left out: no recipe uses them. Takes the memory
    of the faces that it returns and 100 MB: at most 450 MB, whatever the file holds.
    """
    path = find()
    if path is None:
        raise RECORD.missing()
    with files.opened(RECORD, path, "a MATLAB file", LARGEST) as file:
        images, folds, labels = _read(path, file)
        unlabeled = folds[:, 0] == UNLABELED
        if not unlabeled.any():
            raise RECORD.refusal(path, "has no unlabeled face (0 in `folds`), and those are the ones to train on")
        for f in range(FOLDS):
            for code, what in ((TRAIN, "train"), (VALID, "valid"), (TEST, "test")):
                if not (folds[:, f] == code).any():
                    raise RECORD.refusal(path, f"has no face of {what!r} in fold {f + 1} of 5 ({code} in `folds`)")
        if not np.isin(labels[~unlabeled], LABELS[2:]).all():
            raise RECORD.refusal(path, "has a labelled face whose number in `labs_ex` is no expression")
        scored = [folds[:, f] == code for f in range(FOLDS) for code in (VALID, TEST)]
        parts = [unlabeled, *scored[:2]]
        if (n := sum(int(part.sum()) for part in (*parts, *scored))) > IN_PARTS:
            raise RECORD.refusal(path, f"has {n:,} faces to train on and in its folds, more than {IN_PARTS:,}")
        pictures = _pictures(file, images, [*parts, *scored])
    if ((folds == UNLABELED) != unlabeled[:, None]).any():
        what = f"{path} has other unlabeled faces in one of its five folds than in the first"
        trained = f"The {unlabeled.sum():,} of the first are the ones to train on, as in the authors' code"
        elsewhere = int(np.isin(folds[unlabeled], (VALID, TEST)).any(1).sum())
        warnings.warn(f"{what}. {trained}; {elsewhere:,} of them are scored in other folds.", stacklevel=3)
    pairs = [(rows, classes(labels[part])) for rows, part in zip(pictures, parts)]
    own = tuple(Fold(valid, test) for valid, test in zip(pictures[3::2], pictures[4::2]))
    note = f"trained on the {unlabeled.sum():,} unlabeled faces of {path.name}"
    return split(RECORD, *pairs, source=path, note=note, folds=own)


def find() -> Path | None:
    """The user's file."""
    return files.find(RECORD, FILE)


# -- a MATLAB file -----------------------------------------------------------------------------------------------------

UINT8, NUMBERS = 9, range(6, 16)  # MATLAB's classes of arrays; the others are cells, structures, text, objects ...
TYPES = {
    1: "i1",
    2: "u1",
    3: "i2",
    4: "u2",
    5: "i4",
    6: "u4",
    7: "f4",
    9: "f8",
    12: "i8",
    13: "u8",
}  # of what is stored
MATRIX, COMPRESSED, OPAQUE, COMPLEX = 14, 15, 17, 0x800
HEAD = 4096  # bytes that are enough for the header of a variable
COLUMNS = 8  # of all faces, read at once


@dataclass(frozen=True)
class _Array:
    """What the header of a variable says, and where its numbers are."""

    name: str
    shape: tuple[int, ...] = ()
    kind: int = OPAQUE  # MATLAB's class
    dtype: np.dtype | None = None  # as it is stored; None unless real numbers follow, as many as the shape asks for
    at: int = 0  # where its element is in the file
    packed: int = 0  # bytes of that element, if compressed
    start: int = 0  # where the numbers are in the element

    @contextmanager
    def content(self, file: BinaryIO) -> Iterator[Callable[[int], bytes]]:
        """Gives the next n bytes of the numbers; at the end the sum of what is compressed is compared."""
        size = math.prod(self.shape) * self.dtype.itemsize
        file.seek(self.at + (8 if self.packed else self.start))
        unpacked = Inflated(file, self.start + size + 7, ZLIB, self.packed) if self.packed else None
        if unpacked:
            unpacked.seek(self.start)

        def take(n: int) -> bytes:
            """The next n bytes of the element, or EOFError."""
            read = unpacked.take(n) if unpacked else file.read(n)
            if len(read) < n:
                raise EOFError("it ends too early")
            return read

        yield take
        if unpacked:
            unpacked.take(8)

    def numbers(self, file: BinaryIO) -> np.ndarray:
        """All of them."""
        with self.content(file) as take:
            read = np.frombuffer(take(math.prod(self.shape) * self.dtype.itemsize), self.dtype)
        return read.reshape(self.shape, order="F")


def _pictures(file: BinaryIO, images: _Array, parts: list[np.ndarray]) -> list[Tensor]:
    """The faces (n, 2304) of each part, (N,) bool. In the file they lie column by column, all faces of each pixel."""
    made = [np.empty((int(part.sum()), SIDE, SIDE), np.uint8) for part in parts]
    faces = [np.flatnonzero(part) for part in parts]
    n = images.shape[0]
    with images.content(file) as take:
        for column in range(0, SIDE, COLUMNS):
            block = np.frombuffer(take(COLUMNS * SIDE * n), np.uint8).reshape(COLUMNS, SIDE, n)
            for some, out in zip(faces, made):
                out[:, :, column : column + COLUMNS] = block[:, :, some].transpose(2, 1, 0)
    return [torch.from_numpy(out.reshape(len(out), -1)) for out in made]


def _read(path: Path, file: BinaryIO) -> tuple[_Array, np.ndarray, np.ndarray]:
    """`images`, (N, 48, 48) uint8, yet to be read; `folds` (N, 5) and `labs_ex` (N,) integers.

    Nothing else in the file is read, and MATLAB's objects and functions are never made. The headers are looked at
    first: a wrong file costs no memory.
    """
    there = {}
    for n, array in enumerate(_arrays(file, path)):
        if array.name in VARIABLES and array.name in there:
            raise RECORD.refusal(path, f"holds `{array.name}` twice")
        there[array.name] = array
        if n > 1_000:
            raise RECORD.refusal(path, "holds more than 1,000 variables")
    if missing := [name for name in VARIABLES if name not in there]:
        names = ", ".join(short(name, 20) for name in list(there)[:10]) or "nothing"
        raise RECORD.refusal(path, f"does not hold {' and '.join(missing)}, but {names}")
    n = max((1, *there["images"].shape[:1]))  # so a file without a face is refused as well
    if n > MOST:
        raise RECORD.refusal(path, f"has {n:,} faces, more than {MOST:,}")
    for name, shapes in (("images", [(n, SIDE, SIDE)]), ("folds", [(n, FOLDS)]), ("labs_ex", [(n, 1), (1, n)])):
        shape, kind = there[name].shape, there[name].kind
        if shape not in shapes or kind not in NUMBERS or (name == "images" and kind != UINT8):
            said = "uint8" if kind == UINT8 else "other numbers" if kind in NUMBERS else "no numbers"
            raise RECORD.refusal(path, f"has `{name}` of {short(' x '.join(map(str, shape)), 40)}, {said}")
        if there[name].dtype is None or (name == "images" and there[name].dtype != np.uint8):
            raise RECORD.refusal(path, f"has a damaged `{name}`: its content is not what its header promises")
    folds, labels = (there[name].numbers(file) for name in VARIABLES[1:])
    for name, array in (("folds", folds), ("labs_ex", labels)):
        if not (array == np.floor(array)).all():
            raise RECORD.refusal(path, f"has numbers in `{name}` that are no integers")
    for name, array, codes in (("folds", folds, CODES), ("labs_ex", labels, LABELS)):
        if not np.isin(array, codes).all():
            raise RECORD.refusal(path, f"has numbers from {array.min():g} to {array.max():g} in `{name}`")
    return there["images"], folds, labels.reshape(-1)


def _arrays(file: BinaryIO, path: Path) -> Iterator[_Array]:
    """The header of each variable in a MATLAB file of version 5 to 7; ValueError or struct.error for any other file."""
    size = file.seek(0, 2)
    file.seek(0)
    start = file.read(128)
    if start[124:] in (b"\x00\x02IM", b"\x02\x00MI"):
        raise RECORD.refusal(path, "is a MATLAB file of version 7.3 (HDF5)", remedy="Save it with -v7 in MATLAB.")
    if start[124:] not in (b"\x00\x01IM", b"\x01\x00MI"):
        raise ValueError("it does not begin as one")
    order = "<" if start.endswith(b"IM") else ">"
    at = len(start)
    while at < size:
        file.seek(at)
        head = file.read(HEAD)
        kind, length = struct.unpack_from(f"{order}II", head)
        end = at + 8 + length
        if end > size:
            raise ValueError(f"it ends at byte {size:,}, and {end:,} were announced")
        packed = length if kind == COMPRESSED else 0
        if packed:
            head = zlib.decompressobj().decompress(head[8 : 8 + length], HEAD)
            kind, length = struct.unpack_from(f"{order}II", head)
        if kind != MATRIX:
            raise ValueError(f"an element of type {kind} at byte {at:,}")
        yield _header(head[: 8 + length], 8 + length, order, at, packed)
        at = end


def _header(head: bytes, whole: int, order: str, at: int, packed: int) -> _Array:
    """The header of the variable whose element, of `whole` bytes, begins with `head`."""

    def element(start: int) -> tuple[int, int, int, int]:
        """Type and length of the element there, where its content is, and where the next one."""
        kind, length = struct.unpack_from(f"{order}II", head, start)
        if kind >> 16:  # up to four bytes, within the tag
            return kind & 0xFFFF, kind >> 16, start + 4, start + 8
        return kind, length, start + 8, start + 8 + -(-length // 8) * 8

    _, _, place, start = element(8)
    (flags,) = struct.unpack_from(f"{order}I", head, place)
    kind = flags & 0xFF
    if kind == OPAQUE:
        return _Array("an object")
    _, length, place, start = element(start)
    shape = struct.unpack(f"{order}{length // 4}i", head[place : place + length])
    _, length, place, start = element(start)
    name = head[place : place + length].decode("latin-1")
    dtype = None
    if kind in NUMBERS and not flags & COMPLEX and start + 8 <= len(head) and min(shape, default=-1) >= 0:
        stored, length, place, _ = element(start)
        if stored in TYPES and 0 <= whole - (place + length) < 8:  # that ends the element
            dtype = np.dtype(f"{order}{TYPES[stored]}")
            dtype = dtype if length == math.prod(shape) * dtype.itemsize else None
    return _Array(name, shape, kind, dtype, at, packed, place)
