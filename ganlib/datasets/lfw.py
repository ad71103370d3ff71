"""Labeled Faces in the Wild (Huang et al. 2007), funneled, grey, cropped to the face: a stand-in for TFD.

The archive is scikit-learn's, held against the same checksum, and the pictures are those of its
`fetch_lfw_people(slice_=(slice(65, 185), slice(65, 185)), resize=0.4)` (a test holds the two together). The fetcher
itself is not called: it unpickles what it kept, and unpacks the archive by the names in it.
"""

from __future__ import annotations

import io
import re
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from ganlib.datasets import files
from ganlib.datasets.dataset import Dataset, fifths, split
from ganlib.datasets.record import Record

ARCHIVE = "lfw-funneled.tgz"
"""243,346,528 bytes; its checksum is the one that scikit-learn states (sklearn/datasets/_lfw.py)."""
SIDE = 250  # pixels across and down of a picture in the archive
CROP = (65, 185)
"""From which to which pixel of 250, across and down. A face detector's square, widened by 2.2, was scaled to 250: it is
the middle 113.6. The middle 120 hold it with 3 to spare on each side, and 0.4 of 120 is 48."""
MEMBER = re.compile(r"lfw_funneled/([^/]+)/\1_\d{4}\.jpg")
LARGEST = 10_000_000  # bytes; far more than a picture of 250 x 250 has, or one of the lists beside them

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
    layout=(
        "13,233 JPEG pictures of 250 x 250 pixels, of 5,749 people, under names like lfw_funneled/Name/Name_0001.jpg"
    ),
    note=(
        "LFW stands in for TFD: other faces, so its scores do not compare with the paper's; its splits (by person) and "
        "its five folds are made here"
    ),
)


def load(verify: bool, download: bool) -> Dataset:
    """Of each ten people, in the alphabet's order, eight are in train, the ninth in valid and the tenth in test.

    So no person is in two splits. Labels are the people. LFW has no folds for this: fold f is the f-th fifth of valid
    and the f-th fifth of test, in the order of people and their pictures. What was read (30 MB) is kept in the cache
    under the archive's SHA-256, and is enough without the archive.
    """
    archive, key = files.find(RECORD, ARCHIVE), RECORD.files[ARCHIVE]
    if archive is not None:
        key = files.sha256(RECORD, archive)
        if verify:
            RECORD.compare(archive, key, ARCHIVE)
    like = {"pictures": (48 * 48,), "people": ()}
    read = files.kept(_kept(key), like, lambda: _read(archive or files.fetch(RECORD, ARCHIVE, download), verify))
    pictures, people = read["pictures"], read["people"]
    turn = people % 10
    pairs = [(pictures[part], people[part]) for part in (turn < 8, turn == 8, turn == 9)]
    return split(RECORD, *pairs, source=archive or _kept(key), folds=fifths(pairs[1][0], pairs[2][0]))


def find() -> Path | None:
    """The archive, or what was kept of it."""
    kept = _kept(RECORD.files[ARCHIVE])
    return files.find(RECORD, ARCHIVE) or (kept if kept.is_file() else None)


def crop(picture: Image.Image) -> np.ndarray:
    """The face of a picture of 250 x 250: its middle 120 x 120 in 48 x 48 grey values, uint8.

    Scaled by Pillow's bicubic filter in colour, then the mean of the three channels, as scikit-learn does.
    """
    first, last = CROP
    face = picture.convert("RGB").crop((first, first, last, last)).resize(RECORD.shape[1:])
    return np.rint(np.asarray(face, np.float32).mean(-1)).astype(np.uint8)


def _kept(digest: str) -> Path:
    return RECORD.cache() / f"{digest}.safetensors"


def _read(archive: Path, verify: bool) -> dict[str, Tensor]:
    """The faces (n, 2304) uint8, in the order of people and their pictures, and the people (n,) int64."""
    faces = {
        name: _face(content, f"{archive}: the member {name!r}")
        for name, content in files.members(RECORD, archive, MEMBER.fullmatch, LARGEST)
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
    damage = OSError, ValueError, SyntaxError, Image.DecompressionBombError
    with (
        files.reading(RECORD, where, "a JPEG picture", *damage),
        Image.open(io.BytesIO(content), formats=["JPEG"]) as picture,
    ):
        if picture.size != (SIDE, SIDE):  # known from the header, before anything is decoded
            raise RECORD.refusal(where, f"has {picture.size[0]} x {picture.size[1]} pixels")
        return crop(picture)
