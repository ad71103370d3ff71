"""Labeled Faces in the Wild (Huang et al. 2007), funneled, grey, cropped to the face: a stand-in for TFD.

The archive is scikit-learn's, held against the same checksum, and the pictures are those of its
`fetch_lfw_people(slice_=(slice(65, 185), slice(65, 185)), resize=0.4)` (a test holds the two together). The fetcher
itself is not called: it unpickles what it kept, and unpacks the archive by the names in it.
"""

from __future__ import annotations

import io
import os
import re
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from ganlib.datasets import files
from ganlib.datasets.dataset import FOLDS, Dataset, fifths, split
from ganlib.datasets.download import fetch
from ganlib.datasets.kept import kept
from ganlib.datasets.record import Record, short

ARCHIVE = "lfw-funneled.tgz"
"""243,346,528 bytes; its checksum is the one that scikit-learn states (sklearn/datasets/_lfw.py)."""
SIDE = 250  # pixels across and down of a picture in the archive
CROP = (65, 185)
"""From which to which pixel of 250, across and down. A face detector's square, widened by 2.2, was scaled to 250: it is
the middle 113.6. The middle 120 hold it with 3 to spare on each side, and 0.4 of 120 is 48."""
MEMBER = re.compile(r"lfw_funneled/([^/]{1,100})/\1_\d{4}\.jpg")
LARGEST = 10_000_000  # bytes; far more than a picture of 250 x 250 has, or one of the lists beside them
WHOLE = 400_000_000  # bytes of the archive, packed and unpacked, at most
KEPT = 200_000_000  # bytes of what is kept, at most: 50,000 members of the archive would be 115 million
SCANS = 100  # in a JPEG picture, at most; each is decoded all over the picture, and a progressive one has ten

RECORD = Record(
    "lfw",
    (1, 48, 48),
    title="Labeled Faces in the Wild",
    publisher="LFW's authors",
    files={ARCHIVE: "b47c8422c8cded889dc5a13418c4bc2abbda121092b3533a83306f90d900100a"},
    addresses=[  # scikit-learn's copy, then the publisher's own (plain http: the checksum vouches for it)
        "https://ndownloader.figshare.com/files/5976015",
        "http://vis-www.cs.umass.edu/lfw/lfw-funneled.tgz",
    ],
    counts={"pictures": 13_233, "people": 5_749},
    folders=["lfw_home", "lfw_funneled"],
    layout=(
        "13,233 JPEG pictures of 250 x 250 pixels, of 5,749 people, under names like lfw_funneled/Name/Name_0001.jpg"
    ),
    note=(
        "LFW stands in for TFD: other faces, so its scores do not compare with the paper's; its splits (by person) and "
        "its five folds are made here"
    ),
)

LIKE = {"pictures": ((48 * 48,), torch.uint8), "people": ((), torch.int64)}


def load(verify: bool, download: bool) -> Dataset:
    """Of each ten people, in the alphabet's order, eight are in train, the ninth in valid and the tenth in test.

    So no person is in two splits. Labels are the people. The folds are fifths of valid and of test, in their order.
    What was read (30 MB) is kept in the cache under the archive's SHA-256, and is enough without the archive.
    """
    archive, key = files.find(RECORD, ARCHIVE), RECORD.files[ARCHIVE]
    if archive is not None:
        key = files.sha256(RECORD, archive, WHOLE)
        if verify:
            RECORD.compare(archive, key, ARCHIVE)

    def unpack() -> dict[str, Tensor]:
        """The pictures and people of the archive, which is downloaded where it is not here."""
        return _read(archive or fetch(RECORD, ARCHIVE, download, WHOLE), verify)

    read = kept(RECORD, _kept(key), LIKE, unpack, _sound, KEPT)
    pictures, people = read["pictures"], read["people"]
    turn = people % 10
    pairs = [(pictures[part], people[part]) for part in (turn < 8, turn == 8, turn == 9)]
    return split(RECORD, *pairs, source=archive or _kept(key), folds=fifths(pairs[1][0], pairs[2][0]))


def find() -> Path | None:
    """The archive, or what was kept of it."""
    path = _kept(RECORD.files[ARCHIVE])
    return files.find(RECORD, ARCHIVE) or (path if os.path.isfile(path) else None)


def crop(picture: Image.Image) -> np.ndarray:
    """The face of a picture of 250 x 250: its middle 120 x 120 in 48 x 48 grey values, uint8.

    Scaled by Pillow's bicubic filter in colour, then the mean of the three channels, as scikit-learn does.
    """
    first, last = CROP
    face = picture.convert("RGB").crop((first, first, last, last)).resize(RECORD.shape[1:])
    return np.rint(np.asarray(face, np.float32).mean(-1)).astype(np.uint8)


def _kept(digest: str) -> Path:
    return RECORD.cache() / f"{digest}.safetensors"


def _sound(read: dict[str, Tensor]) -> bool:
    people = read["people"]
    turns = people % 10  # each split must hold enough for its folds
    enough = all(int((turns == turn).sum()) >= FOLDS for turn in (8, 9)) and bool((turns < 8).any())
    return len(people) == len(read["pictures"]) and bool((people >= 0).all()) and enough


def _read(archive: Path, verify: bool) -> dict[str, Tensor]:
    """The faces (n, 2304) uint8, in the order of people and their pictures, and the people (n,) int64."""
    faces = {
        name: _face(content, f"{archive}: the member {short(name)!r}")
        for name, content in files.members(RECORD, archive, MEMBER.fullmatch, largest=LARGEST, whole=WHOLE)
    }
    names = sorted(faces)
    people, numbers = np.unique([name.split("/")[1] for name in names], return_inverse=True)
    counts = {"pictures": len(names), "people": len(people)}
    if len(people) < 10 or (verify and counts != RECORD.counts):
        raise RECORD.refusal(archive, f"holds {len(names):,} pictures of {len(people):,} people")
    return {
        "pictures": torch.from_numpy(np.stack([faces[name].reshape(-1) for name in names])),
        "people": torch.from_numpy(numbers),
    }


def _face(content: bytes, where: str) -> np.ndarray:
    with (
        files.reading(RECORD, where, "a JPEG picture"),
        Image.open(io.BytesIO(content), formats=["JPEG"]) as picture,
    ):
        if picture.size != (SIDE, SIDE):  # known from the header, before anything is decoded
            raise RECORD.refusal(where, f"has {picture.size[0]} x {picture.size[1]} pixels")
        if content.count(b"\xff\xda") > SCANS:
            raise RECORD.refusal(where, f"has more than {SCANS} scans")
        return crop(picture)
