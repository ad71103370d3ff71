"""FER-2013, from the user's own fer2013.csv: faces of TFD's size, which stand in for it under their own name."""

from __future__ import annotations

import csv
from pathlib import Path

import torch
from torch import Tensor

from ganlib.datasets import files
from ganlib.datasets.dataset import Dataset, fifths
from ganlib.errors import DataError

SHAPE = (1, 48, 48)
PIXELS = 48 * 48
FILE = "fer2013.csv"
HEADER = ["emotion", "pixels", "Usage"]
SPLITS = {"Training": ("train", 28_709), "PublicTest": ("valid", 3_589), "PrivateTest": ("test", 3_589)}
"""The column Usage: the official splits, what they are here, and their numbers of pictures."""
VALUES = {str(value): value for value in range(256)}
"""What a pixel may be; looked up, which is faster than int() and takes no "+7" or "1_0"."""
PAGE = "https://www.kaggle.com/c/challenges-in-representation-learning-facial-expression-recognition-challenge"
LAYOUT = (
    f"FER-2013's file has the line {','.join(HEADER)} and then one a picture: an emotion from 0 to 6, {PIXELS:,} "
    f"grey values from 0 to 255 with spaces between, and one of {', '.join(SPLITS)}"
)


def load(verify: bool) -> Dataset:
    """Training, PublicTest and PrivateTest as train, valid and test: 28,709 / 3,589 / 3,589 faces.

    It has no folds of its own. The five here are made by this project: fold f is the f-th fifth of valid and the f-th
    fifth of test, in the file's order. The publisher states no checksum: the layout and the numbers of pictures are
    checked instead. The text, 300 MB, is read once; what was read is kept in the cache under the text's SHA-256.
    """
    path = _find()
    if path is None:
        raise DataError(_how_to_get())
    cached = files.cache_folder() / "fer2013" / f"{files.sha256(path)}.safetensors"
    like = {split: (None, PIXELS) for split, _ in SPLITS.values()}
    read = files.kept(cached, like | {f"{split}_labels": (None,) for split in like})
    if read is None:
        read = _read(path)
        files.keep(cached, read)
    for usage, (split, n) in SPLITS.items():
        if len(read[split]) != n and verify:
            raise DataError(
                f"{path} has {len(read[split]):,} pictures of {usage}, expected {n:,}: it is cut short, or is another "
                f"set. {_what_to_do(path)} Or pass verify=False if you know better."
            )
    return Dataset(
        name="fer2013",
        shape=SHAPE,
        source=str(path),
        note=(
            "FER-2013 stands in for TFD: other faces, so its scores do not compare with the paper's; its five folds "
            "are fifths of PublicTest and of PrivateTest, made here"
        ),
        folds=fifths(read["valid"], read["test"]),
        **read,
    )


def status() -> tuple[bool, str]:
    """Whether the user's file is here, and where, or how to get it."""
    return files.status(_find, _how_to_get)


def _find() -> Path | None:
    return files.find("fer2013", FILE)


def _how_to_get() -> str:
    return (
        f"FER-2013 is not here, and can only be downloaded by hand, with an account: get {FILE} (in the archive "
        f"fer2013.tar.gz) from {PAGE} and put it into {files.cache_folder() / 'fer2013'}, or into a folder that the "
        "environment variable GANLIB_DATA names. Its publisher states no checksum."
    )


def _what_to_do(path: Path) -> str:
    return f"Get the file again from {PAGE}."


def _read(path: Path) -> dict[str, Tensor]:
    """The pictures (n, 2304) uint8 and the labels (n,) int64 of each split, read a line at a time."""
    pixels = {usage: bytearray() for usage in SPLITS}
    labels = {usage: [] for usage in SPLITS}

    def refusal(problem: str) -> DataError:
        """The error that names the file, the problem and what was expected."""
        return DataError(f"{path}, {problem}. {LAYOUT}. {_what_to_do(path)}")

    line = 0
    try:
        with open(path, encoding="utf-8", newline="") as file:
            lines = csv.reader(file, strict=True)
            if (header := next(lines, [])) != HEADER:
                raise refusal(f"line 1 is {','.join(header)[:80]!r}")
            for row in lines:
                line = lines.line_num
                if len(row) != 3:
                    raise refusal(f"line {line}: {len(row)} fields, expected 3")
                emotion, values, usage = row
                if usage not in SPLITS:
                    raise refusal(f"line {line}: the usage is {usage[:40]!r}")
                if emotion not in "0123456" or len(emotion) != 1:
                    raise refusal(f"line {line}: the emotion is {emotion[:40]!r}")
                picture = _picture(values)
                if picture is None:
                    raise refusal(f"line {line}: a pixel is no number from 0 to 255")
                if len(picture) != PIXELS:
                    raise refusal(f"line {line}: {len(picture):,} pixels, expected {PIXELS:,}")
                pixels[usage] += picture
                labels[usage].append(int(emotion))
    except UnicodeDecodeError as error:
        raise refusal(f"after line {line}: not UTF-8 text ({error.reason})") from None
    except csv.Error as error:
        raise refusal(f"after line {line}: not a table with commas ({error})") from None
    except OSError as error:
        raise files.cannot_read(path, error) from None
    for usage in SPLITS:
        if not labels[usage]:
            raise refusal(f"which ends at line {line}, has no picture of {usage}")
    read = {split: torch.frombuffer(pixels[usage], dtype=torch.uint8) for usage, (split, _) in SPLITS.items()}
    read = {split: flat.reshape(-1, PIXELS) for split, flat in read.items()}
    return read | {f"{split}_labels": torch.tensor(labels[usage]) for usage, (split, _) in SPLITS.items()}


def _picture(values: str) -> bytes | None:
    """The pixels in a line; None when one is no whole number from 0 to 255."""
    try:
        return bytes(map(VALUES.__getitem__, values.split()))
    except KeyError:
        return None
