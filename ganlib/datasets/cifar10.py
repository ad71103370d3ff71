"""CIFAR-10, in its publisher's binary version (the Python version would have to be unpickled)."""

from __future__ import annotations

import hashlib
import os
import tarfile
import tempfile
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch

from ganlib.datasets import files
from ganlib.datasets.dataset import Dataset, classes
from ganlib.errors import DataError

SHAPE = (3, 32, 32)
URLS = [
    "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz",
    "https://cave.cs.toronto.edu/kriz/cifar-10-binary.tar.gz",
]
"""Where its author publishes it, tried in this order."""
ARCHIVE = "cifar-10-binary.tar.gz"
ARCHIVE_SHA256 = "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd"
"""Of the archive of 170,052,171 bytes whose MD5 its author states: c32a1d4ab5d03f1284b67883e8d87530."""
FOLDER = "cifar-10-batches-bin"
BATCHES = (*(f"data_batch_{i}.bin" for i in range(1, 6)), "test_batch.bin")
RECORD = 1 + 3 * 32 * 32
"""Bytes of a picture in a file: the label, 0 to 9, then the red, the green and the blue plane, row by row."""
RECORDS = 10_000
"""Pictures in a file."""
SUMS = "SHA256SUMS"
"""Written beside the files in the cache, in the format of the command sha256sum."""


def load(verify: bool, download: bool) -> Dataset:
    """40,000 / 10,000 / 10,000 pictures: the paper trains on the first four batches and validates on the fifth.

    The user's own `cifar-10-batches-bin` is checked by its layout only: sizes and labels (its author states a
    checksum for the archive, none for the files in it). The archive is compared with its checksum, and the files that
    were unpacked from it into the cache are compared with the digests written then.
    """
    place = _find() or files.fetch(
        _cache() / ARCHIVE, URLS, download, _how_to_get(), "CIFAR-10's author", lambda path: _verify(path, True)
    )
    if place == _cache() / ARCHIVE and verify:  # what is unverified never enters the cache
        place = _unpack(place)
    if place.is_dir():
        batches = _in_folder(place, verify)
    else:
        _verify(place, verify)
        batches = _in_archive(place)
    pictures, labels = np.empty((6 * RECORDS, RECORD - 1), np.uint8), np.empty(6 * RECORDS, np.uint8)
    for name, content in batches:
        records = _records(content, place / name)
        part = slice(BATCHES.index(name) * RECORDS, (BATCHES.index(name) + 1) * RECORDS)
        pictures[part], labels[part] = records[:, 1:], records[:, 0]
    parts = slice(0, 4 * RECORDS), slice(4 * RECORDS, 5 * RECORDS), slice(5 * RECORDS, 6 * RECORDS)
    return Dataset(
        "cifar10",
        SHAPE,
        *(torch.from_numpy(pictures[part]) for part in parts),
        *(classes(labels[part]) for part in parts),
        source=str(place),
    )


def status() -> tuple[bool, str]:
    """Whether it is here, and where, or how to get it."""
    return files.status(_find, _how_to_get)


def _cache() -> Path:
    return files.cache_folder() / "cifar10"


def _find() -> Path | None:
    """The folder of the six files, or the archive of them; None where there is neither."""
    for place in files.own_places("cifar10"):
        if (place / FOLDER).is_dir():
            return place / FOLDER
        if (place / ARCHIVE).is_file():
            return place / ARCHIVE
    if (_cache() / FOLDER / SUMS).is_file():  # written last: without it the files may be incomplete
        return _cache() / FOLDER
    return _cache() / ARCHIVE if (_cache() / ARCHIVE).is_file() else None


def _how_to_get() -> str:
    return (
        f"CIFAR-10 is not here. Put the archive {ARCHIVE} (162 MB, SHA-256 {ARCHIVE_SHA256}) into {_cache()}, or the "
        f"archive or its folder {FOLDER} into a folder that the environment variable GANLIB_DATA names. It is "
        "published at " + " and ".join(URLS)
    )


def _what_to_do(path: Path) -> str:
    if _cache() in path.parents:
        return f"Delete {_cache()} and load again to download it."
    return f"Get it again from {URLS[0]} (or delete it, and load again: it is then downloaded)."


def _verify(archive: Path, really: bool) -> None:
    if really:
        what_to_do = f"{_what_to_do(archive)} Or pass verify=False if you know better."
        files.verify(archive, ARCHIVE_SHA256, "CIFAR-10's author", what_to_do)


def _records(content: bytes, path: Path) -> np.ndarray:
    """The records (10,000, 3,073) in one file's content. Raises `DataError` when it has another layout."""
    expected = f"expected {RECORDS:,} records of {RECORD:,} bytes, each a label from 0 to 9 and 3 x 32 x 32 pixels"
    if len(content) != RECORDS * RECORD:
        raise DataError(f"{path} has {len(content):,} bytes; {expected}: {RECORDS * RECORD:,}. {_what_to_do(path)}")
    records = np.frombuffer(content, np.uint8).reshape(RECORDS, RECORD)
    if records[:, 0].max() > 9:
        i = int((records[:, 0] > 9).argmax())
        raise DataError(f"{path}: record {i:,} has the label {records[i, 0]}; {expected}. {_what_to_do(path)}")
    return records


def _in_folder(folder: Path, verify: bool) -> Iterator[tuple[str, bytes]]:
    """The six files of a folder, one at a time; those in the cache compared with the digests beside them."""
    sums = _sums(folder) if verify and folder == _cache() / FOLDER else None
    for name in BATCHES:
        path = folder / name
        try:
            content = path.read_bytes()
        except FileNotFoundError:
            raise DataError(
                f"{path} is missing; {folder} must hold all of {', '.join(BATCHES)}. {_what_to_do(path)}"
            ) from None
        except OSError as error:
            raise files.cannot_read(path, error) from None
        _records(content, path)  # a wrong size is said as such, before a wrong digest
        if sums is not None and (digest := hashlib.sha256(content).hexdigest()) != sums[name]:
            raise DataError(
                f"{path} was altered after it was downloaded: its SHA-256 is {digest}, expected {sums[name]} "
                f"(from {folder / SUMS}). {_what_to_do(path)} Or pass verify=False if you know better."
            )
        yield name, content


def _sums(folder: Path) -> dict[str, str]:
    try:
        lines = (folder / SUMS).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{folder / SUMS} cannot be read ({error}). {_what_to_do(folder / SUMS)}") from None
    sums = {name: digest for digest, _, name in (line.partition("  ") for line in lines)}
    if sums.keys() != set(BATCHES):
        raise DataError(f"{folder / SUMS} is damaged: it does not list the six files. {_what_to_do(folder / SUMS)}")
    return sums


def _in_archive(archive: Path) -> Iterator[tuple[str, bytes]]:
    """The six files of the archive, one at a time, read in memory; nothing is written under a member's name.

    Raises `DataError` when the archive is damaged, or one of the six is missing, twice there, not a regular file or
    of another size. Members of other names are passed over, wherever their names point to.
    """
    names = {f"{FOLDER}/{name}": name for name in BATCHES}
    size, missing = RECORDS * RECORD, set(names)
    try:
        with tarfile.open(archive, "r:gz") as tar:
            for member in tar:
                if member.size > size:  # before anything of it is read
                    raise DataError(
                        f"{archive}: the member {member.name!r} has {member.size:,} bytes; no file of CIFAR-10 has "
                        f"more than {size:,}. {_what_to_do(archive)}"
                    )
                if member.name not in names:
                    continue
                if member.name not in missing or not member.isreg() or member.size != size:
                    what = "is there twice" if member.name not in missing else f"is no file of {size:,} bytes"
                    raise DataError(f"{archive}: the member {member.name!r} {what}. {_what_to_do(archive)}")
                missing.remove(member.name)
                yield names[member.name], tar.extractfile(member).read()
    except (tarfile.TarError, EOFError, zlib.error, OSError) as error:
        raise DataError(f"{archive} is truncated or not a gzipped tar file ({error}). {_what_to_do(archive)}") from None
    if missing:
        raise DataError(f"{archive} does not hold {', '.join(sorted(missing))}. {_what_to_do(archive)}")


def _unpack(archive: Path) -> Path:
    """Put the six files of an archive that is the publisher's in the cache, their digests last: the new folder."""
    _verify(archive, True)
    folder = archive.parent / FOLDER
    sums = []
    try:
        folder.mkdir(exist_ok=True)
        with tempfile.TemporaryDirectory(dir=archive.parent, prefix=".unpack-") as temporary:
            written = Path(temporary) / "file"
            for name, content in _in_archive(archive):
                written.write_bytes(_records(content, archive / name))
                os.replace(written, folder / name)
                sums.append(f"{hashlib.sha256(content).hexdigest()}  {name}\n")
            written.write_text("".join(sums), encoding="utf-8")
            os.replace(written, folder / SUMS)
    except OSError as error:
        raise DataError(
            f"{archive} cannot be unpacked into {folder}: {error.strerror or error}; free some space, or let the "
            "environment variable GANLIB_CACHE name another folder"
        ) from None
    return folder
