"""FER-2013, from the user's own fer2013.csv: faces of TFD's size, which stand in for it under their own name."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path

import torch
from torch import Tensor

from ganlib.datasets import files
from ganlib.datasets.dataset import Dataset, fifths, split
from ganlib.datasets.kept import kept
from ganlib.datasets.record import Record, short

FILE = "fer2013.csv"
HEADER = ["emotion", "pixels", "Usage"]
PIXELS = 48 * 48
SPLITS = {"Training": "train", "PublicTest": "valid", "PrivateTest": "test"}  # the column Usage, and what it is here
VALUES = {str(value): value for value in range(256)}  # of a pixel; faster than int(), and takes no "+7" or "1_0"
LARGEST = 350_000_000  # bytes of the text at most; the published one has 300 million
LONGEST = 2**16  # characters of a line at most; a picture's has up to 9,232
PAGE = "https://www.kaggle.com/c/challenges-in-representation-learning-facial-expression-recognition-challenge"

RECORD = Record(
    "fer2013",
    (1, 48, 48),
    title="FER-2013",
    files={FILE: ""},
    origin=f"It can only be downloaded by hand, with an account, in the archive fer2013.tar.gz at {PAGE}.",
    counts={"Training": 28_709, "PublicTest": 3_589, "PrivateTest": 3_589},
    layout=(
        f"the line {','.join(HEADER)} and then one a picture: an emotion from 0 to 6, {PIXELS:,} grey values from 0 to "
        "255 with spaces between, and one of Training (28,709 pictures), PublicTest (3,589) and PrivateTest (3,589)"
    ),
    remedy=f"Get the file again from {PAGE}.",
    note=(
        "FER-2013 stands in for TFD: other faces, so its scores do not compare with the paper's; its five folds are "
        "fifths of PublicTest and of PrivateTest, made here"
    ),
)

LIKE = {name: ((PIXELS,), torch.uint8) for name in SPLITS.values()}
LIKE |= {f"{name}_labels": ((), torch.int64) for name in SPLITS.values()}


def load(verify: bool, download: bool) -> Dataset:
    """Training, PublicTest and PrivateTest as train, valid and test: 28,709 / 3,589 / 3,589 faces.

    It has no folds of its own: fold f is the f-th fifth of valid and the f-th fifth of test, in the file's order. The
    publisher states no checksum: the layout and the numbers of pictures are checked instead. The text, 300 MB, is read
    once; what was read is kept in the cache under the text's SHA-256.
    """
    path = find()
    if path is None:
        raise RECORD.missing()
    cached = RECORD.cache() / f"{files.sha256(RECORD, path, LARGEST)}.safetensors"
    read = kept(RECORD, cached, LIKE, lambda: _read(path), _sound, LARGEST)
    for usage, name in SPLITS.items():
        if verify and len(read[name]) != RECORD.counts[usage]:
            raise RECORD.refusal(path, f"has {len(read[name]):,} pictures of {usage}", way_round=True)
    pairs = [(read[name], read[f"{name}_labels"]) for name in SPLITS.values()]
    return split(RECORD, *pairs, source=path, folds=fifths(read["valid"], read["test"]))


def find() -> Path | None:
    """The user's file."""
    return files.find(RECORD, FILE)


def _sound(read: dict[str, Tensor]) -> bool:
    labels = [(read[name], read[f"{name}_labels"]) for name in SPLITS.values()]
    return all(len(x) == len(y) > 0 and 0 <= y.min() and y.max() <= 6 for x, y in labels)


def _read(path: Path) -> dict[str, Tensor]:
    """The pictures (n, 2304) uint8 and the labels (n,) int64 of each split, read a line at a time."""
    pixels = {usage: bytearray() for usage in SPLITS}
    labels = {usage: [] for usage in SPLITS}
    with files.opened(RECORD, path, "a table with commas in UTF-8 text", LARGEST) as file:
        for n, row in enumerate(_rows(path, io.TextIOWrapper(file, encoding="utf-8", newline="")), 1):
            where = f"{path}: line {n}"
            if n == 1:
                if row != HEADER:
                    raise RECORD.refusal(where, f"is {short(','.join(row))!r}")
                continue
            if len(row) != 3:
                raise RECORD.refusal(where, f"has {len(row)} fields, not 3")
            emotion, values, usage = row
            if usage not in SPLITS:
                raise RECORD.refusal(where, f"has the usage {short(usage, 40)!r}")
            if emotion not in "0123456" or len(emotion) != 1:
                raise RECORD.refusal(where, f"has the emotion {short(emotion, 40)!r}")
            try:
                picture = bytes(map(VALUES.__getitem__, values.split()))
            except KeyError as error:
                raise RECORD.refusal(where, f"has the pixel {short(error, 40)}") from None
            if len(picture) != PIXELS:
                raise RECORD.refusal(where, f"has {len(picture):,} pixels, not {PIXELS:,}")
            pixels[usage] += picture
            labels[usage].append(int(emotion))
    if empty := [usage for usage in SPLITS if not labels[usage]]:
        raise RECORD.refusal(path, f"has no picture of {empty[0]}")
    read = {name: torch.frombuffer(pixels[usage], dtype=torch.uint8) for usage, name in SPLITS.items()}
    read = {name: flat.reshape(-1, PIXELS) for name, flat in read.items()}
    return read | {f"{name}_labels": torch.tensor(labels[usage]) for usage, name in SPLITS.items()}


def _rows(path: Path, text: io.TextIOBase) -> Iterator[list[str]]:
    """The fields of each line, by itself: a quote that stays open must not swallow the lines below. One, if none."""
    n = 0
    while line := text.readline(LONGEST + 1):
        n += 1
        if len(line) > LONGEST:
            raise RECORD.refusal(f"{path}: line {n}", f"has more than {LONGEST:,} characters")
        yield next(csv.reader([line], strict=True), [])
    if n == 0:
        yield []
