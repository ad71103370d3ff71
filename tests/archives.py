"""Archives for the tests, honest and hostile."""

from __future__ import annotations

import gzip
import io
import pickle
import tarfile
from pathlib import Path


def member(name: str, content: bytes | None = None, **fields):
    """One member of a tar archive."""
    info = tarfile.TarInfo(name)
    info.size = len(content or b"")
    for field, value in fields.items():
        setattr(info, field, value)
    return info, content


def archive(*members) -> bytes:
    """A gzipped tar archive of these members, always the same bytes."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for info, content in members:
            tar.addfile(info, None if content is None else io.BytesIO(content))
    return gzip.compress(buffer.getvalue(), 1, mtime=0)


def hostile(folder: str, file: str) -> dict:
    """Members to pass over: they point out of the folder, or bear almost the name of one of its files."""
    return {
        "out of the folder": member("../evil.bin", b"evil"),
        "out of the folder, by its own": member(f"{folder}/../../evil.bin", b"evil"),
        "absolute": member("/ganlib-evil.bin", b"evil"),
        "a symlink": member(f"{folder}/link", type=tarfile.SYMTYPE, linkname="/etc/passwd"),
        "a symlink out of it": member("link", type=tarfile.SYMTYPE, linkname="../.."),
        "a hard link": member(f"{folder}/hard", type=tarfile.LNKTYPE, linkname="../../own"),
        "a device": member(f"{folder}/device", type=tarfile.CHRTYPE, devmajor=1, devminor=5),
        "a pipe": member("pipe", type=tarfile.FIFOTYPE),
        "its name in another folder": member(f"elsewhere/{file}", b"evil"),
        "its name with a dot": member(f"./{folder}/{file}", b"evil"),
        "a pickle": member(f"{folder}/a.pkl", pickle.dumps(["evil"])),
    }


def tree(folder: Path) -> list[str]:
    """The paths of everything below a folder."""
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))
