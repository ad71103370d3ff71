"""Files on the disk: read only where they are regular and small enough, and written in one step.

A file is moved to its place in one step and the one before it kept: a killed process leaves a whole one.
"""

import contextlib
import errno
import hashlib
import json
import math
import os
import stat
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from ganlib.errors import CheckpointError, brief

LARGEST = 4 * 2**30  # bytes of a checkpoint or of weights; those of the largest recipe here take 1.3 GB
TEXT = 8 * 2**20  # bytes of a JSON file, and of the header of a file of tensors; Python makes 30 of one at the most


@contextmanager
def regular(path: Path, most: int = LARGEST) -> Iterator[BinaryIO]:
    """A file to read from, if it is a regular one of at most so many bytes; ValueError before it is opened, OSError."""
    _refuse(path, os.stat(path), most)
    with open(os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)), "rb") as file:
        _refuse(path, os.fstat(file.fileno()), most)  # a pipe may have taken its place since
        yield file


def _refuse(path: Path, found: os.stat_result, most: int) -> None:
    if not stat.S_ISREG(found.st_mode):
        raise ValueError(f"{path.name} is not a regular file")
    if found.st_size > most:
        raise ValueError(f"{path.name} has {found.st_size:,} bytes, more than {most:,}")


def sha256(path: Path) -> str:
    """The SHA-256 of a regular file, in constant memory."""
    with regular(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


# -- JSON --------------------------------------------------------------------------------------------------------------


def read_json(path: Path) -> Any:
    """What a JSON file says, in at most `TEXT` bytes; ValueError for a key that is there twice, NaN, or a deep nest."""
    with regular(path, TEXT) as file:
        return parsed(file.read(TEXT + 1))


def parsed(text: bytes) -> Any:
    """What JSON text says, as `read_json` does. It takes 30 times the text's memory, and a second for 8 MB."""
    if len(text) > TEXT:
        raise ValueError(f"the text has more than {TEXT:,} bytes")
    try:
        return json.loads(text.decode(), object_pairs_hook=_once, parse_constant=_finite, parse_float=_finite)
    except RecursionError:
        raise ValueError("its values nest too deeply") from None


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise ValueError(f"{brief(name)} is there twice")
        found[name] = value
    return found


def _finite(text: str) -> float:
    if not math.isfinite(value := float(text)):
        raise ValueError(f"{text[:20]} is not a finite number")
    return value


# -- writing -----------------------------------------------------------------------------------------------------------


def atomically(
    path: Path, save: Callable[[Any], Any], previous: Path | None = None, whole: Callable[[Path], bool] = bool
) -> Path:
    """Let `save` write beside `path`, flush, and move it there in one step; what was there, if `whole`, to `previous`.

    What is at `path` but is no regular file stays there. Raises `CheckpointError`; then all is as it was.
    """
    beside = path.with_name(f".{path.name}.writing")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if os.path.lexists(path):
            _refuse(path, os.stat(path), sys.maxsize)
        beside.unlink(missing_ok=True)  # of a process that was killed
        with open(beside, "xb") as file:
            save(file)
            file.flush()
            os.fsync(file.fileno())
            own = os.fstat(file.fileno())
        if not os.path.samestat(own, os.stat(beside)):
            raise ValueError("another process writes it")
        if previous is not None and path.exists() and whole(path):
            os.replace(path, previous)
        os.replace(beside, path)
        if os.name == "posix":  # flush the folder itself, so that the move survives a power cut
            handle = os.open(path.parent, os.O_RDONLY)
            try:
                os.fsync(handle)
            finally:
                os.close(handle)
    except (OSError, RuntimeError, ValueError) as error:  # torch.save wraps a full disk in a RuntimeError
        number = getattr(error, "errno", None) or getattr(error.__context__, "errno", None)
        why = "the disk is full" if number in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG) else line(error)
        saved = "What was saved before is untouched. Free some space, or save elsewhere."
        raise CheckpointError(f"{path} cannot be written: {why}. {saved}") from error
    finally:
        with contextlib.suppress(OSError):
            beside.unlink(missing_ok=True)
    return path


def line(error: Exception) -> str:
    """What an error says, in a line of at most 160 characters."""
    return (str(error).splitlines() or [""])[0][:160]
