"""Where files are looked for, how one is fetched from its hosts, and what is kept in the cache."""

from __future__ import annotations

import hashlib
import os
import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import safetensors
import safetensors.torch
from torch import Tensor

from ganlib.errors import DataError

TIMEOUT = (5, 20)
"""Seconds that a host may take to connect, and stay silent, before the next one is tried."""


class Unreachable(DataError):
    """No host of a data set could be reached."""


def cache_folder() -> Path:
    """Where downloads are kept: the operating system's cache folder for ganlib, or GANLIB_CACHE."""
    import pooch  # here, not above: it would double the time of `import ganlib`

    return Path(os.environ.get("GANLIB_CACHE") or pooch.os_cache("ganlib"))


def own_places(folder: str) -> list[Path]:
    """Where the user's own files of a set may be: in GANLIB_DATA, or in a folder of the set's name there.

    Raises `DataError` when GANLIB_DATA names no folder.
    """
    own = os.environ.get("GANLIB_DATA")
    if not own:
        return []
    if not Path(own).is_dir():
        raise DataError(f"GANLIB_DATA is {own!r}, which is not a folder; create it, or unset the variable")
    return [Path(own) / folder, Path(own)]


def find(folder: str, *names: str) -> Path | None:
    """The first file of these names in GANLIB_DATA or in the cache; None where there is none."""
    places = [*own_places(folder), cache_folder() / folder]
    return next((place / name for place in places for name in names if (place / name).is_file()), None)


def sha256(path: Path) -> str:
    """The SHA-256 of a file's content. Raises `DataError` when it cannot be read."""
    try:
        with open(path, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise cannot_read(path, error) from None


def cannot_read(path: Path, error: OSError) -> DataError:
    """What to raise when the system does not let us read a file."""
    return DataError(f"{path} cannot be read: {error.strerror or error}")


def verify(path: Path, expected: str, publisher: str, what_to_do: str) -> None:
    """Compare a file with its publisher's SHA-256. Raises `DataError` when it is another file."""
    if (digest := sha256(path)) != expected:
        raise DataError(
            f"{path} is not the file that {publisher} published: {path.stat().st_size:,} bytes with SHA-256 {digest}, "
            f"expected {expected}. {what_to_do}"
        )


def fetch(
    path: Path, urls: list[str], allowed: bool, how_to_get: str, publisher: str, check: Callable[[Path], object]
) -> Path:
    """Fetch one file to its place in the cache, from the first address whose content passes `check`.

    `check` takes the fetched file and raises `DataError` when it is not the right one. Nothing but the right file is
    kept. Raises `Unreachable` (which begins with `how_to_get`) when no host answers or `allowed` is false, and
    `DataError` when one answers with something else, or the file cannot be written.
    """
    import pooch
    import requests

    if not allowed:
        raise Unreachable(how_to_get)
    pooch.get_logger().setLevel("WARNING")  # it would announce each download on standard error
    failures, reached = [], False
    for url in urls:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(dir=path.parent, prefix=".download-") as temporary:
                downloader = pooch.HTTPDownloader(timeout=TIMEOUT, progressbar=not os.environ.get("CI"))
                fetched = pooch.retrieve(url, None, path.name, temporary, downloader=downloader)
                check(Path(fetched))
                os.replace(fetched, path)
                return path
        except requests.RequestException as error:  # (an OSError too, so it comes first)
            failures.append(f"{url}: {type(error).__name__}")
        except DataError:
            failures.append(f"{url}: what it sent is truncated, or is not the file that {publisher} published")
            reached = True
        except OSError as error:
            raise DataError(
                f"{path.name} cannot be written to {path.parent}: {error.strerror or error}; free some space, or let "
                "the environment variable GANLIB_CACHE name another folder"
            ) from None
    message = how_to_get + "\nTried now:\n" + "\n".join(failures)
    raise (DataError if reached else Unreachable)(message)


# -- what was read once and is kept -----------------------------------------------------------------------------------


def keep(path: Path, tensors: dict[str, Tensor]) -> None:
    """Keep tensors in a file of the cache, with their digest; a warning when it cannot be written."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=path.parent, prefix=".keep-") as temporary:
            written = Path(temporary) / path.name
            written.write_bytes(safetensors.torch.save(tensors, {"sha256": _digest(tensors)}))
            os.replace(written, path)
    except OSError as error:
        warnings.warn(
            f"{path} cannot be written ({error.strerror or error}): what was read is not kept, and is read again the "
            "next time. The environment variable GANLIB_CACHE may name another folder.",
            stacklevel=2,
        )


def kept(path: Path, like: dict[str, tuple[int | None, ...]]) -> dict[str, Tensor] | None:
    """The tensors that `keep` wrote, with shapes `like` these (None: any number); None where there are none.

    A file that is damaged counts as none, with a warning: it is made again.
    """
    if not path.is_file():
        return None
    try:
        with safetensors.safe_open(path, "pt") as file:
            tensors = {name: file.get_tensor(name).clone() for name in file.keys()}  # noqa: SIM118 (not a dict)
            digest = (file.metadata() or {}).get("sha256")
    except (OSError, safetensors.SafetensorError, ValueError) as error:
        damage = str(error)
    else:
        shapes = {name: tuple(tensor.shape) for name, tensor in tensors.items()}
        fits = shapes.keys() == like.keys() and all(
            len(shapes[name]) == len(shape) and all(n in (None, m) for n, m in zip(shape, shapes[name]))
            for name, shape in like.items()
        )
        if fits and digest == _digest(tensors):
            return tensors
        damage = "its content is not what was written"
    warnings.warn(f"{path} is damaged ({damage}); it is made again", stacklevel=2)
    return None


def _digest(tensors: dict[str, Tensor]) -> str:
    digest = hashlib.sha256()
    for name in sorted(tensors):
        digest.update(f"{name} {tensors[name].dtype} {tuple(tensors[name].shape)}\n".encode())
        digest.update(np.ascontiguousarray(tensors[name].numpy()))
    return digest.hexdigest()


def status(find: Callable[[], Path | None], how_to_get: Callable[[], str]) -> tuple[bool, str]:
    """Whether `find` finds a set without a download, and where, or how to get it."""
    try:
        place = find()
    except DataError as error:
        return False, str(error)
    return (True, f"in {place}") if place else (False, how_to_get())
