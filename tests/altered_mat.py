"""Altered files of MATLAB's format, byte by byte: TFD's."""

from __future__ import annotations

import io
import os
import struct
import zlib

import numpy as np
import scipy.io

from tests import test_datasets_faces as faces
from tests.altered_data import Content, Files, odd

MAT = "TFD_48x48.mat"
_ORDER = ("images", "folds", "labs_ex")


def mat(compress: bool = False, **changes: object) -> bytes:
    buffer = io.BytesIO()
    variables = {name: value for name, value in faces.tfd(**changes).items() if value is not None}
    scipy.io.savemat(buffer, variables, do_compression=compress)
    return buffer.getvalue()


def element(kind: int, content: bytes, length: int | None = None) -> bytes:
    """An element of a MATLAB file, and how long it says that it is."""
    return struct.pack("<II", kind, len(content) if length is None else length) + content + bytes(-len(content) % 8)


def matrix(
    name: str, shape: tuple[int, ...], content: bytes, *, kind: int = 9, stored: int = 2, flags: int = 0,
    length: int | None = None, whole: int | None = None, packed: bool = False, more: bytes = b"",
) -> bytes:  # fmt: skip
    """A variable of a MATLAB file, byte by byte."""
    parts = [
        element(6, struct.pack("<II", kind | flags, 0)),
        element(5, struct.pack(f"<{len(shape)}i", *shape)),
        element(1, name.encode("latin-1")),
        element(stored, content, length),
    ]
    made = element(14, b"".join(parts), whole) + more
    if not packed:
        return made
    made = zlib.compress(made, 1)
    return struct.pack("<II", 15, len(made)) + made


def put_together(packed: bool = False, **instead: bytes | None) -> bytes:
    """The small TFD, with other elements in the place of its own; `more` behind them, `before` before them."""
    value = faces.tfd()
    n = len(value["images"])
    made = {
        "before": b"",
        "images": matrix("images", (n, 48, 48), value["images"].tobytes("F"), packed=packed),
        "folds": matrix("folds", (n, 5), value["folds"].tobytes("F"), kind=10, stored=3, packed=packed),
        "labs_ex": matrix("labs_ex", (n, 1), value["labs_ex"].tobytes("F"), kind=10, stored=3, packed=packed),
        "more": b"",
    } | instead
    return b"MATLAB 5.0 MAT-file".ljust(124) + b"\0\x01IM" + b"".join(part for part in made.values() if part)


def tfd() -> dict[str, Files]:
    n, pixels = len(faces.TFD), faces.tfd()["images"].tobytes("F")
    made: dict[str, Content] = {
        f"{what}{', packed' if packed else ''}": mat(packed, **change)
        for what, (change, _) in faces.TFD_BAD.items()
        for packed in ((False, True) if what in ("a fifth code", "flat images", "infinite") else (False,))
    }
    for packed in (False, True):
        many = 10**6 if packed else 10**5
        how = {"packed": packed}
        first = {
            "a small `images` first": matrix("images", (n, 4, 4), pixels[: n * 16], **how),
            "a large `images` first": matrix("images", (10**6, 48, 48), pixels, **how),
            "`folds` twice": matrix("folds", (n, 5), bytes(5 * n), **how),
            "`labs_ex` twice": matrix("labs_ex", (n, 1), bytes(n), **how),
        }
        images = {
            "a million faces of zeros": matrix("images", (many, 48, 48), bytes(3 * 10**8 if packed else 99), **how),
            "faces of 2^31 - 1": matrix("images", (2**31 - 1, 48, 48), pixels, **how),
            "a negative number of faces": matrix("images", (-n, 48, 48), pixels, **how),
            "faces of -48 x -48": matrix("images", (n, -48, -48), pixels, **how),
            "no shape": matrix("images", (), pixels, **how),
            "100 dimensions": matrix("images", (n, 48, 48) + (1,) * 97, pixels, **how),
            "3,000 dimensions": matrix("images", (1,) * 3_000, pixels, **how),
            "pixels that are doubles": matrix("images", (n, 48, 48), pixels, stored=9, **how),
            "pixels of an unknown type": matrix("images", (n, 48, 48), pixels, stored=99, **how),
            "pixels that are a matrix": matrix("images", (n, 48, 48), pixels, stored=14, **how),
            "a length of pixels of 0": matrix("images", (n, 48, 48), pixels, length=0, **how),
            "a length of pixels of 4 GB": matrix("images", (n, 48, 48), pixels, length=2**32 - 1, **how),
            "pixels that are not there": matrix("images", (n, 48, 48), pixels[:99], length=len(pixels), **how),
            "an element of 8 bytes": matrix("images", (n, 48, 48), pixels, whole=8, **how),
            "an element of 4 GB": matrix("images", (n, 48, 48), pixels, whole=2**32 - 1, **how),
            "an object": matrix("images", (n, 48, 48), pixels, kind=17, **how),
            "a function": matrix("images", (n, 48, 48), pixels, kind=16, **how),
            "a sparse matrix": matrix("images", (n, 48), pixels, kind=5, **how),
            "complex pixels": matrix("images", (n, 48, 48), pixels, flags=0x800, **how),
            "a name of 3,000 letters": matrix("i" * 3_000, (n, 48, 48), pixels, **how),
            "an empty name": matrix("", (n, 48, 48), pixels, **how),
        }  # fmt: skip
        for what, content in first.items():
            made[f"{what}{', packed' if packed else ''}"] = put_together(packed, before=content)
            made[f"{what}, last{', packed' if packed else ''}"] = put_together(packed, more=content)
        made |= {
            f"{what}{', packed' if packed else ''}": put_together(packed, images=part) for what, part in images.items()
        }
    whole, packed = put_together(), matrix("images", (n, 48, 48), pixels, packed=True)
    again = zlib.compress(packed)
    made |= {
        "another sum of what is packed": put_together(images=packed[:-1] + bytes([packed[-1] ^ 1])),
        "packed pixels cut": put_together(images=struct.pack("<II", 15, 99) + packed[8:107]),
        "packed pixels, and 200 MB more": put_together(
            images=matrix("images", (n, 48, 48), pixels, packed=True, more=bytes(200_000_000))
        ),
        "packed in what is packed": put_together(images=struct.pack("<II", 15, len(again)) + again),
        "an element of type 99": put_together(before=element(99, bytes(16))),
        "an element of no bytes": put_together(before=struct.pack("<II", 14, 0)),
        "2,000 variables": put_together(before=matrix("a", (1, 1), b"1") * 2_000),
        "the other order of bytes": whole[:126] + b"MI" + whole[128:],
        "a header alone": whole[:128],
        "version 7.3": whole[:124] + b"\0\x02IM" + whole[128:],
        "version 4": faces.OTHER_FILES["version 4"],
        "sparse, 3 GB of zeros behind it": lambda path: (path.write_bytes(whole), os.truncate(path, 3 * 10**9)),
        "sparse, 900 MB of zeros behind it": lambda path: (path.write_bytes(whole), os.truncate(path, 9 * 10**8)),
        **{f"cut at {share:.0%}": whole[: int(share * len(whole))] for share in (0.01, 0.3, 0.99)},
    }  # fmt: skip
    return odd(MAT) | {name: {MAT: content} for name, content in made.items()}


def many_faces(n: int) -> bytes:
    """So many black faces, packed to a thousandth, in folds that are right."""
    folds = np.zeros((n, 5), np.uint8, order="F")
    folds[:3], folds[0], folds[1] = 1, 2, 3
    labels = np.where(folds[:, 0] > 0, 1, -1).astype(np.int8)
    return put_together(
        images=matrix("images", (n, 48, 48), bytes(n * 2304), packed=True),
        folds=matrix("folds", (n, 5), folds.tobytes("F"), packed=True),
        labs_ex=matrix("labs_ex", (n, 1), labels.tobytes(), kind=8, stored=1, packed=True),
    )
