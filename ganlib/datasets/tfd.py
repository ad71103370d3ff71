"""The Toronto Face Database: licensed, so only ever read from the user's own TFD_48x48.mat."""

from __future__ import annotations

import math
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ganlib.datasets import files
from ganlib.datasets.dataset import FOLDS, Dataset, Fold, classes, rows
from ganlib.errors import DataError

SHAPE = (1, 48, 48)
FILE = "TFD_48x48.mat"
UNLABELED, TRAIN, VALID, TEST = range(4)
"""What the numbers in `folds` mean."""
VARIABLES = ("images", "folds", "labs_ex")
LAYOUT = (
    "TFD's file holds `images`, N x 48 x 48 uint8; `folds`, N x 5 integers (0 unlabeled, 1 train, 2 valid, 3 test); "
    "and `labs_ex`, N x 1 integers (the expression, 1 to 7; -1 unlabeled)"
)


def load() -> Dataset:
    """The unlabeled faces to train on, as the paper's recipe does, and TFD's own five folds of the labelled ones.

    `valid` and `test` are those of the first fold. The labelled training faces (1 in `folds`) are left out: no recipe
    here uses them. A face that is unlabeled in one fold and not in another is refused.
    """
    path = _find()
    if path is None:
        raise DataError(_how_to_get())
    images, folds, labels = _read(path)
    unlabeled = folds[:, 0] == UNLABELED
    if not ((folds == UNLABELED) == unlabeled[:, None]).all():
        raise _refusal(path, "the unlabeled faces are not the same in its five folds")
    if not unlabeled.any():
        raise _refusal(path, "no face is unlabeled (0 in `folds`), and those are the ones to train on")
    for f in range(FOLDS):
        for code, what in ((TRAIN, "train"), (VALID, "valid"), (TEST, "test")):
            if not (folds[:, f] == code).any():
                raise _refusal(path, f"fold {f + 1} of 5 has no face in {what!r} ({code} in `folds`)")
    parts = unlabeled, folds[:, 0] == VALID, folds[:, 0] == TEST
    return Dataset(
        "tfd",
        SHAPE,
        *(rows(images[part]) for part in parts),
        *(classes(labels[part]) for part in parts),
        source=str(path),
        note=f"trained on the {unlabeled.sum():,} unlabeled faces of {path.name}",
        folds=tuple(Fold(rows(images[folds[:, f] == VALID]), rows(images[folds[:, f] == TEST])) for f in range(FOLDS)),
    )


def status() -> tuple[bool, str]:
    """Whether the user's file is here, and where, or how to get one."""
    return files.status(_find, _how_to_get)


def _find() -> Path | None:
    return files.find("tfd", FILE)


def _how_to_get() -> str:
    return (
        "The Toronto Face Database (Susskind, Anderson and Hinton 2010, technical report, University of Toronto) is "
        "not here, and cannot be downloaded: its authors give it out on request, under a licence that does not allow "
        f"handing it on. With a copy from them, put {FILE} into {files.cache_folder() / 'tfd'}, or into a folder that "
        "the environment variable GANLIB_DATA names. Without one, other faces of the same size stand in, under their "
        "own names: load('fer2013') or load('lfw')."
    )


def _refusal(path: Path, problem: str) -> DataError:
    return DataError(f"{path}: {problem}. {LAYOUT}. Get the file again from whoever gave it to you.")


def _read(path: Path) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """`images` (N, 48, 48) uint8, `folds` (N, 5) and `labs_ex` (N,) integers; of nothing else in the file is read.

    The headers are looked at first: a file that is none of TFD's costs no memory, MATLAB's objects and functions are
    never made, and scipy, which a wrong header makes crash the process, gets plain arrays only.
    """
    import scipy.io

    try:
        there = dict(_headers(path))
        if missing := [name for name in VARIABLES if name not in there]:
            raise _refusal(path, f"it does not hold {' and '.join(missing)}, but {', '.join(there) or 'nothing'}")
        n = there["images"].shape[0] if there["images"].shape else 0
        for name, shapes in (("images", [(n, 48, 48)]), ("folds", [(n, FOLDS)]), ("labs_ex", [(n, 1), (1, n)])):
            _check(path, name, there[name], shapes, n)
        content = scipy.io.loadmat(path, variable_names=list(VARIABLES))
        images, folds, labels = (content[name] for name in VARIABLES)
    except (
        ValueError,
        TypeError,
        LookupError,
        EOFError,
        zlib.error,
        struct.error,
        scipy.io.matlab.MatReadError,
    ) as error:
        raise _refusal(path, f"truncated, damaged, or not a MATLAB file ({error})") from None
    except OSError as error:
        raise files.cannot_read(path, error) from None
    for name, array in (("folds", folds), ("labs_ex", labels)):
        if not (array == np.floor(array)).all():
            raise _refusal(path, f"`{name}` holds numbers that are no integers")
    if not np.isin(folds, (UNLABELED, TRAIN, VALID, TEST)).all():
        raise _refusal(path, f"`folds` holds numbers from {folds.min()} to {folds.max()}")
    return images, folds, labels.reshape(-1)


class _Header(NamedTuple):
    """What a MATLAB file says of a variable before its content."""

    shape: tuple[int, ...]
    kind: int
    """MATLAB's class: 6 to 15 are numbers (9 is uint8), the others cells, structures, text, objects, functions."""
    plain: bool
    """Whether real numbers follow, and as many bytes of them as the shape asks for."""


NUMBERS, UINT8 = range(6, 16), 9
ITEMS = {1: 1, 2: 1, 3: 2, 4: 2, 5: 4, 6: 4, 7: 4, 9: 8, 12: 8, 13: 8}
"""Bytes of a number, by the type under which a MATLAB file stores it."""
MATRIX, COMPRESSED, OPAQUE = 14, 15, 17


def _check(path: Path, name: str, header: _Header, shapes: list[tuple[int, ...]], n: int) -> None:
    right = header.kind == UINT8 if name == "images" else header.kind in NUMBERS
    if header.shape not in shapes or not right or not n:
        kind = "uint8" if header.kind == UINT8 else "other numbers" if header.kind in NUMBERS else "no numbers"
        raise _refusal(path, f"`{name}` is {' x '.join(map(str, header.shape))}, {kind}")
    if not header.plain:
        raise _refusal(path, f"`{name}` is damaged: its content is not what its header promises")


def _headers(path: Path) -> Iterator[tuple[str, _Header]]:
    """The variables of a MATLAB file of version 5 to 7 ("MAT-File Format", MathWorks): names and headers, no content.

    Raises ValueError or struct.error for other files, and for one that ends early.
    """
    size = path.stat().st_size
    with open(path, "rb") as file:
        start = file.read(128)
        if start[124:128] in (b"\x00\x02IM", b"\x02\x00MI"):
            raise _refusal(path, "this is a MATLAB file of version 7.3 (HDF5); save it with -v7 in MATLAB")
        if start[124:128] not in (b"\x00\x01IM", b"\x01\x00MI"):
            raise ValueError("it does not begin as one")
        order = "<" if start.endswith(b"IM") else ">"
        while (at := file.tell()) < size:
            kind, length = struct.unpack(f"{order}II", file.read(8))
            if at + 8 + length > size:
                raise ValueError(f"it ends at byte {size:,}, and {at + 8 + length:,} were announced")
            head = file.read(min(length, 4096))
            if kind == COMPRESSED:
                unpacked = zlib.decompressobj().decompress(head, 4096)
                kind, _ = struct.unpack_from(f"{order}II", unpacked)
                head = unpacked[8:]
            if kind != MATRIX:
                raise ValueError(f"an element of type {kind} at byte {at:,}")
            yield _header(head, order)
            file.seek(at + 8 + length)


def _header(head: bytes, order: str) -> tuple[str, _Header]:
    """The name and the header of one variable, from the first bytes of it."""

    def element(at: int) -> tuple[int, int, bytes, int]:
        """Type, length and (the first bytes of) the content of the element there, and where the next one is."""
        kind, length = struct.unpack_from(f"{order}II", head, at)
        if kind >> 16:  # up to four bytes, within the tag
            return kind & 0xFFFF, kind >> 16, head[at + 4 : at + 4 + (kind >> 16)], at + 8
        return kind, length, head[at + 8 : at + 8 + length], at + 8 + -(-length // 8) * 8

    _, _, flags, at = element(0)
    flags, _ = struct.unpack(f"{order}II", flags)
    if flags & 0xFF == OPAQUE:
        return "an object", _Header((), OPAQUE, False)
    _, length, sizes, at = element(at)
    shape = struct.unpack(f"{order}{length // 4}i", sizes)
    _, _, name, at = element(at)
    plain = False
    if flags & 0xFF in NUMBERS and at + 8 <= len(head):
        kind, length, _, _ = element(at)
        plain = not flags & 0x800 and length == math.prod(shape) * ITEMS.get(kind, -1)  # 0x800: complex
    return name.decode("latin-1"), _Header(shape, flags & 0xFF, plain)
