"""Where files are looked for, how one is fetched and read, and what is kept in the cache."""

from __future__ import annotations

import gzip
import hashlib
import os
import tarfile
import tempfile
import warnings
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import safetensors
import safetensors.torch
from torch import Tensor

from ganlib.datasets.record import Record, Unreachable
from ganlib.errors import DataError

TIMEOUT = (5, 20)  # seconds that a host may take to connect, and stay silent, before the next one is tried


def find(record: Record, *names: str, folder: str = "") -> Path | None:
    """The first file of these names, or folder of that name, in GANLIB_DATA; else such a file in the cache; or None.

    In GANLIB_DATA a folder of the set's name is looked into first. A folder in the cache is passed over: what is
    there was downloaded, and only files are compared with a checksum.
    """
    own = os.environ.get("GANLIB_DATA")
    if own and not Path(own).is_dir():
        raise DataError(f"GANLIB_DATA is {own!r}, which is not a folder; create it, or unset the variable")
    for place in (Path(own) / record.name, Path(own)) if own else ():
        if folder and (place / folder).is_dir():
            return place / folder
        for name in names:
            if (place / name).is_file():
                return place / name
    return next((record.cache() / name for name in names if (record.cache() / name).is_file()), None)


def fetch(record: Record, file: str, allowed: bool) -> Path:
    """Fetch one file to its place in the cache, from the first address that sends what was published, and no other.

    Raises `Unreachable` when no host answers or `allowed` is false, else `DataError`.
    """
    import pooch
    import requests

    if not allowed:
        raise record.missing()
    pooch.get_logger().setLevel("WARNING")  # it would announce each download on standard error
    path = record.cache() / file
    failures, kind = [], Unreachable
    for url in (address.format(file=file) for address in record.addresses):
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(dir=path.parent, prefix=".download-") as temporary:
                downloader = pooch.HTTPDownloader(timeout=TIMEOUT, progressbar=not os.environ.get("CI"))
                fetched = pooch.retrieve(url, None, path.name, temporary, downloader=downloader)
                verify(record, Path(fetched), file)
                os.replace(fetched, path)
                return path
        except requests.RequestException as error:  # (an OSError too, so it comes first)
            failures.append(f"{url}: {type(error).__name__}")
        except DataError:
            failures.append(f"{url}: what it sent is truncated, or is not the file that {record.publisher} published")
            kind = DataError
        except OSError as error:
            problem = f"cannot be written: {error.strerror or error}"
            remedy = "Free some space, or let the environment variable GANLIB_CACHE name another folder."
            raise record.refusal(path, problem, "room for it in the cache", remedy) from None
    raise record.missing(failures, kind)


@contextmanager
def reading(record: Record, where: object, what: str, *damage: type[Exception]) -> Iterator[None]:
    """Refuse a file when reading it here raises one of `damage`, as it does when it is not `what`."""
    try:
        yield
    except damage as error:
        raise record.refusal(where, f"is truncated, damaged, or not {what} ({error})") from None
    except OSError as error:
        problem = f"cannot be read: {error.strerror or error}"
        raise record.refusal(where, problem, remedy=f"Make it readable, or start afresh: {record.remedy}") from None


def sha256(record: Record, path: Path) -> str:
    """The SHA-256 of a file."""
    with reading(record, path, "a file"), open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def content(record: Record, path: Path, published: str = "") -> bytes:
    """What is in a file, decompressed if its name ends in .gz, and compared with the published file of that name."""
    with reading(record, path, "a gzip file", EOFError, gzip.BadGzipFile, zlib.error), open(path, "rb") as file:
        read = gzip.decompress(file.read()) if path.suffix == ".gz" else file.read()
    if published:
        record.compare(path, hashlib.sha256(read).hexdigest(), published)
    return read


def verify(record: Record, path: Path, published: str) -> None:
    """Refuse what is at `path` when it is not the published file of that name."""
    if record.digest_of == "file":
        record.compare(path, sha256(record, path), published)
    else:
        content(record, path, published)


def members(record: Record, archive: Path, wanted: Callable[[str], Any], largest: int) -> Iterator[tuple[str, bytes]]:
    """The name and the content of each wanted member of a gzipped tar archive, read in memory, one at a time.

    Nothing is written under a member's name. A member of more than `largest` bytes, wanted or not, is refused before
    any of it is read; so is a wanted one that is no regular file, or is there twice.
    """
    seen = set()
    damage = tarfile.TarError, EOFError, gzip.BadGzipFile, zlib.error
    with (
        reading(record, archive, "a gzipped tar file", *damage),
        open(archive, "rb") as file,
        tarfile.open(fileobj=file, mode="r:gz") as tar,
    ):
        for member in tar:
            where = f"{archive}: the member {member.name!r}"
            if member.size > largest:
                raise record.refusal(where, f"has {member.size:,} bytes, more than {largest:,}")
            if not wanted(member.name):
                continue
            if member.name in seen:
                raise record.refusal(where, "is there twice")
            if not member.isreg():
                raise record.refusal(where, "is no regular file")
            seen.add(member.name)
            yield member.name, tar.extractfile(member).read()


def kept(path: Path, like: dict[str, tuple[int, ...]], read: Callable[[], dict[str, Tensor]]) -> dict[str, Tensor]:
    """What `read` returns, kept in a file of the cache with a digest, so that it is read only once.

    `like` gives each tensor's shape but for the number of rows. A file that is damaged, or holds other tensors, is made
    again with a warning; one that cannot be written is a warning, too.
    """
    if path.is_file():
        try:
            with safetensors.safe_open(path, "pt") as file:
                tensors = {name: file.get_tensor(name).clone() for name in file.keys()}  # noqa: SIM118 (not a dict)
                digest = (file.metadata() or {}).get("sha256")
            if {name: tensor.shape[1:] for name, tensor in tensors.items()} == like and digest == _digest(tensors):
                return tensors
            damage = "its content is not what was written"
        except (OSError, safetensors.SafetensorError, ValueError) as error:
            damage = str(error)
        warnings.warn(f"{path} is damaged ({damage}); it is made again", stacklevel=2)
    tensors = read()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=path.parent, prefix=".keep-") as temporary:
            written = Path(temporary) / path.name
            written.write_bytes(safetensors.torch.save(tensors, {"sha256": _digest(tensors)}))
            os.replace(written, path)
    except OSError as error:
        again = "what was read is not kept, and is read again the next time"
        other = "The environment variable GANLIB_CACHE may name another folder."
        warnings.warn(f"{path} cannot be written ({error.strerror or error}): {again}. {other}", stacklevel=2)
    return tensors


def _digest(tensors: dict[str, Tensor]) -> str:
    digest = hashlib.sha256()
    for name in sorted(tensors):
        digest.update(f"{name} {tensors[name].dtype} {tuple(tensors[name].shape)}\n".encode())
        digest.update(np.ascontiguousarray(tensors[name].numpy()))
    return digest.hexdigest()
