"""Where files are looked for and how one is read: regular files only, and never more of one than it may hold."""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
import tarfile
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO

from ganlib.datasets.inflate import GZIP, Inflated
from ganlib.datasets.record import Record, entries, own_folder, same, short
from ganlib.errors import GanlibError

MEMBERS = 50_000  # in a tar archive, at most; LFW's, the largest, has 19,000
BESIDE = ".writing-"  # begins the name of a folder that a file is written in


def find(record: Record, *names: str, folder: str = "") -> Path | None:
    """The first file of these names, or folder of that name, in GANLIB_DATA; else such a file in the cache; or None.

    In GANLIB_DATA a folder of the set's name is looked into first (`Record.places`). Capitals, hyphens, underscores
    and dots may differ from the names, and a file may lie in a folder that bears its own name. A folder in the cache
    is passed over: what is there was downloaded, and only files are compared with a checksum. Raises `DataError` for a
    pipe, a device or a broken link in the place of a file.
    """
    for place in record.places():
        if folder and same(place.name) == same(folder):  # GANLIB_DATA may name that folder itself
            return place
        there: dict[str, list[Path]] = {}
        for name in entries(place):
            there.setdefault(same(name), []).append(place / name)
        for path in there.get(same(folder), ()) if folder else ():
            if os.path.isdir(path):
                return path
        for name in names:
            exact_first = sorted(there.get(same(name), ()), key=lambda path, name=name: path.name != name)
            for path in exact_first:
                inside = [path / each for each in entries(path) if same(each) in map(same, names)]
                if found := next((each for each in (path, *inside) if _regular(record, each)), None):
                    return found
    return next((path for path in (record.cache() / name for name in names) if _regular(record, path)), None)


def _regular(record: Record, path: Path) -> bool:
    """Whether a regular file is there; refuses what is neither one nor a folder."""
    if os.path.isfile(path):
        return True
    if os.path.lexists(path) and not os.path.isdir(path):
        raise record.refusal(path, "is no regular file, but a pipe, a device or a broken link", remedy="Remove it.")
    return False


def owned(path: Path) -> bool:
    """Whether a file is one of the user's own, and not in the cache."""
    own = own_folder()
    return own is not None and path.is_relative_to(own)


@contextmanager
def reading(record: Record, where: object, what: str) -> Iterator[None]:
    """Refuse a file when reading it here raises anything, as it does when it is not `what`.

    Only what was refused already, and a lack of memory, pass through: that one is never the file's fault, as all that
    is read here is bounded.
    """
    try:
        yield
    except (GanlibError, MemoryError):
        raise
    except OSError as error:
        if error.errno is None:  # gzip, Pillow
            raise _damaged(record, where, what, error) from None
        problem = f"cannot be read: {error.strerror or short(error)}"
        raise record.refusal(where, problem, remedy=f"Make it readable, or start afresh: {record.remedy}") from None
    except Exception as error:  # each reader has many of its own
        raise _damaged(record, where, what, error) from None


def _damaged(record: Record, where: object, what: str, error: Exception) -> GanlibError:
    return record.refusal(where, f"is truncated, damaged, or not {what} ({short(error, 120) or type(error).__name__})")


@contextmanager
def opened(record: Record, path: Path, what: str, largest: int) -> Iterator[BinaryIO]:
    """A file to read, in `reading`: a regular one of at most `largest` bytes, and nothing that has to be awaited.

    Known before any of it is read, so a sparse file of any size costs nothing.
    """
    with reading(record, path, what), open(path, "rb", opener=_without_waiting) as file:
        found = os.fstat(file.fileno())
        if not stat.S_ISREG(found.st_mode):
            raise record.refusal(path, "is no regular file")
        if found.st_size > largest:
            raise record.refusal(path, f"has {found.st_size:,} bytes, more than {largest:,}")
        yield file


def _without_waiting(path: str, flags: int) -> int:
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))  # a pipe without a writer would be waited for


def gzipped(largest: int) -> int:
    """Bytes of a gzip file at most whose content has at most `largest`: not compressed at all, and with a long name."""
    return largest + largest // 1_000 + 100_000


def sha256(record: Record, path: Path, largest: int) -> str:
    """The SHA-256 of a file of at most `largest` bytes."""
    with opened(record, path, "a file", largest) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def content(record: Record, path: Path, largest: int, published: str = "") -> bytes:
    """What is in a file, decompressed if it is a gzip file, and compared with the published file of that name.

    Never more than `largest` bytes: a file that holds more is refused before more is read. Takes twice the memory of
    what it returns, and the time that it takes to decompress and to hash as much.
    """
    with opened(record, path, "a gzip file", gzipped(largest)) as file:
        begins = file.read(2)
        file.seek(0)
        if begins == b"\x1f\x8b":
            read = Inflated(file, largest).take(largest + 1)
        elif path.suffix == ".gz" and begins != b"\0\0":  # a browser may have unpacked it, and kept the name
            raise ValueError(f"it begins with the bytes {begins.hex(' ')}")
        else:
            read = file.read(largest + 1)
            if len(read) > largest:
                size = max(len(read), os.fstat(file.fileno()).st_size)
                raise record.refusal(path, f"has {size:,} bytes, more than {largest:,}")
    if published:
        record.compare(path, hashlib.sha256(read).hexdigest(), published)
    return read


@contextmanager
def beside(path: Path) -> Iterator[Path]:
    """A place to write a file that is moved to `path` when it is whole; OSError where none can be had.

    What a process that was killed left there is removed after a day.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    for left in path.parent.glob(f"{BESIDE}*"):
        with suppress(OSError):
            if time.time() - left.stat().st_mtime > 86_400:
                shutil.rmtree(left, ignore_errors=True)
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=BESIDE, ignore_cleanup_errors=True) as temporary:
        yield Path(temporary) / path.name


def verify(record: Record, path: Path, published: str, largest: int) -> None:
    """Refuse what is at `path` when it is not the published file of that name, of at most `largest` bytes."""
    if record.digest_of == "file":
        record.compare(path, sha256(record, path, largest), published)
    else:
        content(record, path, largest, published)


def members(
    record: Record, archive: Path, wanted: Callable[[str], Any], *, largest: int, whole: int
) -> Iterator[tuple[str, bytes]]:
    """The name and the content of each wanted member of a gzipped tar archive, read in memory, one at a time.

    Nothing is written under a member's name. A member of more than `largest` bytes, wanted or not, is refused before
    any of it is read; so is a wanted one that is no regular file, or is there twice. An archive that unpacks to more
    than `whole` bytes, or has more than 50,000 members, is refused where that is seen. Takes the memory of the largest
    member, and the time to decompress `whole` bytes.
    """
    seen = set()
    with opened(record, archive, "a gzipped tar file", gzipped(whole)) as file:
        unpacked = Inflated(file, whole, GZIP)
        with tarfile.open(fileobj=unpacked, mode="r:") as tar:
            n = 0
            while (member := tar.next()) is not None:
                tar.members.clear()  # it would keep them all
                where = f"{archive}: the member {short(member.name)!r}"
                if (n := n + 1) > MEMBERS:
                    raise record.refusal(archive, f"has more than {MEMBERS:,} members")
                if not 0 <= member.size <= largest:
                    said = "fewer than none" if member.size < 0 else f"more than {largest:,}"
                    raise record.refusal(where, f"has {member.size:,} bytes, {said}")
                if not wanted(member.name):
                    continue
                if member.name in seen:
                    raise record.refusal(where, "is there twice")
                if not member.isreg() or member.issparse():
                    raise record.refusal(where, "is no regular file")
                seen.add(member.name)
                unpacked.seek(member.offset_data)
                read = unpacked.take(member.size)
                if len(read) < member.size:
                    raise EOFError("it ends too early")
                yield member.name, read
