"""Labeled Faces in the Wild (Huang et al. 2007), funneled, grey, cropped to the face: a stand-in for TFD.

The archive is the one that scikit-learn's `fetch_lfw_people` downloads, from the same address and held against the
same checksum, and the pictures are those of `fetch_lfw_people(slice_=(slice(65, 185), slice(65, 185)), resize=0.4)`
(a test holds the two together). The fetcher itself is not called: it keeps what it read as a pickle and unpickles it
the next time, unpacks the archive by the names in it, and does not say which picture is damaged.
"""

from __future__ import annotations

import io
import re
import tarfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from ganlib.datasets import files
from ganlib.datasets.dataset import Dataset, fifths
from ganlib.errors import DataError

if TYPE_CHECKING:
    from PIL import Image

SHAPE = (1, 48, 48)
ARCHIVE = "lfw-funneled.tgz"
ARCHIVE_SHA256 = "b47c8422c8cded889dc5a13418c4bc2abbda121092b3533a83306f90d900100a"
"""As scikit-learn states it (sklearn/datasets/_lfw.py); the archive has 243,346,528 bytes."""
URLS = ["https://ndownloader.figshare.com/files/5976015", "http://vis-www.cs.umass.edu/lfw/lfw-funneled.tgz"]
"""scikit-learn's copy, and the publisher's own (plain http: the checksum vouches for it)."""
SIDE = 250
"""Pixels across and down of a picture in the archive."""
CROP = (65, 185)
"""From which to which pixel of 250, across and down. A picture was made by widening the square that a face detector
found by 2.2 and scaling it to 250: the detector's square is the middle 250 / 2.2 = 113.6 pixels. The middle 120 hold
it with 3 pixels to spare on each side, and 0.4 of 120 is 48."""
PICTURES, PEOPLE = 13_233, 5_749
MEMBER = re.compile(r"lfw_funneled/([^/]+)/\1_\d{4}\.jpg")
LARGEST = 1_000_000
"""Bytes; no picture of 250 x 250 has more."""


def load(verify: bool, download: bool) -> Dataset:
    """Of each ten people, in the alphabet's order, eight are in train, the ninth in valid and the tenth in test.

    No person is in two splits, so that a sample near a training picture cannot be one of somebody in test. Labels are
    the people, in the alphabet's order. LFW has no folds for this: fold f is the f-th fifth of valid and the f-th
    fifth of test, in the order of people and their pictures. What was read (30 MB) is kept in the cache under the
    archive's SHA-256.
    """
    archive = _find()
    if archive is None and not _cached(ARCHIVE_SHA256).is_file():
        archive = _fetch(download)
    key = ARCHIVE_SHA256 if archive is None else _verified(archive, verify)
    read = files.kept(_cached(key), {"pictures": (None, 48 * 48), "people": (None,)})
    if read is None:
        archive = archive or _fetch(download)
        read = _read(archive, verify)
        files.keep(_cached(key), read)
    pictures, people = read["pictures"], read["people"]
    turn = people % 10
    parts = [turn < 8, turn == 8, turn == 9]
    return Dataset(
        "lfw",
        SHAPE,
        *(pictures[part] for part in parts),
        *(people[part] for part in parts),
        source=str(archive or _cached(key)),
        note=(
            "LFW stands in for TFD: other faces, so its scores do not compare with the paper's; its splits (by "
            "person) and its five folds are made here"
        ),
        folds=fifths(pictures[parts[1]], pictures[parts[2]]),
    )


def status() -> tuple[bool, str]:
    """Whether it can be loaded without a download, and from where, or how to get it."""
    kept = _cached(ARCHIVE_SHA256)
    return files.status(lambda: _find() or (kept if kept.is_file() else None), _how_to_get)


def crop(picture: Image.Image) -> np.ndarray:
    """The face of a picture of 250 x 250: its middle 120 x 120 in 48 x 48 grey values, uint8.

    Scaled by Pillow's bicubic filter in colour, then the mean of the three channels, as scikit-learn does.
    """
    first, last = CROP
    face = picture.convert("RGB").crop((first, first, last, last)).resize(SHAPE[1:])
    return np.rint(np.asarray(face, np.float32).mean(-1)).astype(np.uint8)


def _cache() -> Path:
    return files.cache_folder() / "lfw"


def _cached(key: str) -> Path:
    return _cache() / f"{key}.safetensors"


def _find() -> Path | None:
    return files.find("lfw", ARCHIVE)


def _fetch(download: bool) -> Path:
    def check(path: Path) -> None:
        """Refuse a download that is not the archive its authors published."""
        files.verify(path, ARCHIVE_SHA256, "LFW's authors", "")

    return files.fetch(_cache() / ARCHIVE, URLS, download, _how_to_get(), "LFW's authors", check)


def _how_to_get() -> str:
    return (
        f"Labeled Faces in the Wild is not here. Put the archive {ARCHIVE} (243 MB, SHA-256 {ARCHIVE_SHA256}) into "
        f"{_cache()}, or into a folder that the environment variable GANLIB_DATA names. It is published at "
        + " and ".join(URLS)
    )


def _what_to_do(archive: Path) -> str:
    return f"Delete it and load again to download it, or get it again from {URLS[0]}."


def _verified(archive: Path, verify: bool) -> str:
    """The archive's SHA-256, compared with the publisher's."""
    if verify:
        files.verify(
            archive,
            ARCHIVE_SHA256,
            "LFW's authors",
            f"{_what_to_do(archive)} Or pass verify=False if you know better.",
        )
        return ARCHIVE_SHA256
    return files.sha256(archive)


def _read(archive: Path, verify: bool) -> dict[str, Tensor]:
    """The faces (n, 2304) uint8, in the order of people and their pictures, and the people (n,) int64."""
    faces = dict(_faces(archive))
    names = sorted(faces)
    people = sorted({name.split("/")[1] for name in names})
    if len(people) < 10 or (verify and (len(names), len(people)) != (PICTURES, PEOPLE)):
        raise DataError(
            f"{archive} holds {len(names):,} pictures of {len(people):,} people, expected {PICTURES:,} of {PEOPLE:,}, "
            f"under names like lfw_funneled/Name/Name_0001.jpg. {_what_to_do(archive)}"
        )
    number = {person: i for i, person in enumerate(people)}
    return {
        "pictures": torch.from_numpy(np.stack([faces[name].reshape(-1) for name in names])),
        "people": torch.tensor([number[name.split("/")[1]] for name in names]),
    }


def _faces(archive: Path) -> Iterator[tuple[str, np.ndarray]]:
    """Each face in the archive, by its member's name, read in memory; nothing is written under a member's name.

    Members of other names (there are lists among them) are passed over, wherever their names point to.
    """
    seen = set()
    try:
        with tarfile.open(archive, "r:gz") as tar:
            for member in tar:
                if not MEMBER.fullmatch(member.name):
                    continue
                if member.name in seen or not member.isreg() or member.size > LARGEST:
                    what = "is there twice" if member.name in seen else f"is no file of at most {LARGEST:,} bytes"
                    raise DataError(f"{archive}: the member {member.name!r} {what}. {_what_to_do(archive)}")
                seen.add(member.name)
                yield member.name, _face(tar.extractfile(member).read(), f"{archive}: {member.name}")
    except (tarfile.TarError, EOFError, zlib.error, OSError) as error:
        raise DataError(f"{archive} is truncated or not a gzipped tar file ({error}). {_what_to_do(archive)}") from None


def _face(content: bytes, where: str) -> np.ndarray:
    from PIL import Image

    try:
        with Image.open(io.BytesIO(content), formats=["JPEG"]) as picture:
            if picture.size == (SIDE, SIDE):  # known from the header, before anything is decoded
                return crop(picture)
            size = " x ".join(map(str, picture.size))
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise DataError(f"{where} is damaged, or not a JPEG picture ({error}). Get the archive again.") from None
    raise DataError(f"{where} is {size}; LFW's pictures are {SIDE} x {SIDE}. Get the archive again.")
