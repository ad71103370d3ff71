"""The Toronto Face Database: licensed, so only ever read from the user's own TFD_48x48.mat."""

from __future__ import annotations

import math
import struct
import warnings
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from ganlib.datasets import files
from ganlib.datasets.dataset import FOLDS, Dataset, Fold, classes, rows, split
from ganlib.datasets.record import Record

FILE = "TFD_48x48.mat"
VARIABLES = ("images", "folds", "labs_ex")
CODES = UNLABELED, TRAIN, VALID, TEST = range(4)  # what the numbers in `folds` mean

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
    `test` are those of the first fold. The labelled training faces are left out: no recipe uses them.
    """
    path = find()
    if path is None:
        raise RECORD.missing()
    images, folds, labels = _read(path)
    unlabeled = folds[:, 0] == UNLABELED
    if not unlabeled.any():
        raise RECORD.refusal(path, "has no unlabeled face (0 in `folds`), and those are the ones to train on")
    for f in range(FOLDS):
        for code, what in ((TRAIN, "train"), (VALID, "valid"), (TEST, "test")):
            if not (folds[:, f] == code).any():
                raise RECORD.refusal(path, f"has no face of {what!r} in fold {f + 1} of 5 ({code} in `folds`)")
    if ((folds == UNLABELED) != unlabeled[:, None]).any():
        what = f"{path} has other unlabeled faces in one of its five folds than in the first"
        trained = f"The {unlabeled.sum():,} of the first are the ones to train on, as in the authors' code"
        scored = int(np.isin(folds[unlabeled], (VALID, TEST)).any(1).sum())
        warnings.warn(f"{what}. {trained}; {scored:,} of them are scored in other folds.", stacklevel=3)
    pairs = [(rows(images[part]), classes(labels[part])) for part in (unlabeled, *(folds[:, 0] == [[VALID], [TEST]]))]
    own = [Fold(rows(images[folds[:, f] == VALID]), rows(images[folds[:, f] == TEST])) for f in range(FOLDS)]
    note = f"trained on the {unlabeled.sum():,} unlabeled faces of {path.name}"
    return split(RECORD, *pairs, source=path, note=note, folds=tuple(own))


def find() -> Path | None:
    """The user's file."""
    return files.find(RECORD, FILE)


def _read(path: Path) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """`images` (N, 48, 48) uint8, `folds` (N, 5) and `labs_ex` (N,) integers; nothing else in the file is read.

    The headers are looked at first: a wrong file costs no memory, MATLAB's objects and functions are never made, and
    scipy, which a wrong header makes crash the process, gets plain arrays only.
    """
    import scipy.io

    damage = ValueError, TypeError, LookupError, EOFError, zlib.error, struct.error, scipy.io.matlab.MatReadError
    with files.reading(RECORD, path, "a MATLAB file", *damage):
        there = {name: header for name, *header in _headers(path)}
        if missing := [name for name in VARIABLES if name not in there]:
            raise RECORD.refusal(path, f"does not hold {' and '.join(missing)}, but {', '.join(there) or 'nothing'}")
        n = max((1, *there["images"][0][:1]))  # so a file without a face is refused as well
        for name, shapes in (("images", [(n, 48, 48)]), ("folds", [(n, FOLDS)]), ("labs_ex", [(n, 1), (1, n)])):
            shape, kind, plain = there[name]
            if shape not in shapes or kind not in NUMBERS or (name == "images" and kind != UINT8):
                said = "uint8" if kind == UINT8 else "other numbers" if kind in NUMBERS else "no numbers"
                raise RECORD.refusal(path, f"has `{name}` of {' x '.join(map(str, shape))}, {said}")
            if not plain:
                raise RECORD.refusal(path, f"has a damaged `{name}`: its content is not what its header promises")
        content = scipy.io.loadmat(path, variable_names=list(VARIABLES))
        images, folds, labels = (content[name] for name in VARIABLES)
    for name, array in (("folds", folds), ("labs_ex", labels)):
        if not (array == np.floor(array)).all():
            raise RECORD.refusal(path, f"has numbers in `{name}` that are no integers")
    if not np.isin(folds, CODES).all():
        raise RECORD.refusal(path, f"has numbers from {folds.min()} to {folds.max()} in `folds`")
    return images, folds, labels.reshape(-1)


UINT8, NUMBERS = 9, range(6, 16)  # MATLAB's classes of arrays; the others are cells, structures, text, objects ...
ITEMS = {1: 1, 2: 1, 3: 2, 4: 2, 5: 4, 6: 4, 7: 4, 9: 8, 12: 8, 13: 8}  # bytes of a number, by the type it is stored as
MATRIX, COMPRESSED, OPAQUE, COMPLEX = 14, 15, 17, 0x800
HEAD = 4096  # bytes that are enough for the header of a variable


def _headers(path: Path) -> Iterator[tuple]:
    """Each variable's `_header` in a MATLAB file of version 5 to 7; ValueError or struct.error for any other file."""
    size = path.stat().st_size
    with open(path, "rb") as file:
        start = file.read(128)
        if start[124:] in (b"\x00\x02IM", b"\x02\x00MI"):
            raise RECORD.refusal(path, "is a MATLAB file of version 7.3 (HDF5)", remedy="Save it with -v7 in MATLAB.")
        if start[124:] not in (b"\x00\x01IM", b"\x01\x00MI"):
            raise ValueError("it does not begin as one")
        order = "<" if start.endswith(b"IM") else ">"
        while (at := file.tell()) < size:
            head = file.read(HEAD)
            kind, length = struct.unpack_from(f"{order}II", head)
            end = at + 8 + length
            if end > size:
                raise ValueError(f"it ends at byte {size:,}, and {end:,} were announced")
            if kind == COMPRESSED:
                head = zlib.decompressobj().decompress(head[8 : 8 + length], HEAD)
                kind, length = struct.unpack_from(f"{order}II", head)
            if kind != MATRIX:
                raise ValueError(f"an element of type {kind} at byte {at:,}")
            yield _header(head[: 8 + length], order)
            file.seek(end)


def _header(head: bytes, order: str) -> tuple[str, tuple[int, ...], int, bool]:
    """The name, shape and class of a variable, and whether real numbers follow, as many as the shape asks for."""

    def element(start: int) -> tuple[int, int, bytes, int]:
        """Type, length and (the first bytes of) the content of the element there, and where the next one is."""
        kind, length = struct.unpack_from(f"{order}II", head, start)
        if kind >> 16:  # up to four bytes, within the tag
            return kind & 0xFFFF, kind >> 16, head[start + 4 : start + 4 + (kind >> 16)], start + 8
        return kind, length, head[start + 8 : start + 8 + length], start + 8 + -(-length // 8) * 8

    _, _, flags, start = element(8)
    flags, _ = struct.unpack(f"{order}II", flags)
    kind, plain = flags & 0xFF, False
    if kind == OPAQUE:
        return "an object", (), kind, plain
    _, length, sizes, start = element(start)
    shape = struct.unpack(f"{order}{length // 4}i", sizes)
    _, _, name, start = element(start)
    if kind in NUMBERS and not flags & COMPLEX and start + 8 <= len(head):
        stored, length, _, _ = element(start)
        plain = length == math.prod(shape) * ITEMS.get(stored, -1)
    return name.decode("latin-1"), shape, kind, plain
