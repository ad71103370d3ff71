"""What is known of a data set before any of it is read, and the one place where a refusal is worded."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ganlib.errors import DataError


class Unreachable(DataError):
    """A data set is not on this machine, and no host of it can be reached."""


def cache_folder() -> Path:
    """Where downloads are kept: the operating system's cache folder for ganlib, or GANLIB_CACHE."""
    import pooch  # here, not above: it would double the time of `import ganlib`

    return Path(os.environ.get("GANLIB_CACHE") or pooch.os_cache("ganlib"))


@dataclass
class Record:
    """The facts of one data set; not frozen, so that tests can put those of small files in their place."""

    name: str  # what `load` calls it
    shape: tuple[int, int, int]  # a picture's (channels, height, width)
    title: str = ""  # what a message calls it
    publisher: str = ""  # who made the files and vouches for their checksums
    files: dict[str, str] = field(default_factory=dict)  # their names, each with its published SHA-256, or ""
    digest_of: str = "file"  # what the checksums are of: "file", or "decompressed content"
    addresses: Sequence[str] = ()  # where a file is downloaded from, tried in this order; {file} stands for its name
    origin: str = ""  # how a person gets it, where it cannot be downloaded
    layout: str = ""  # what its files must hold; follows the word "expected"
    counts: dict[str, int] = field(default_factory=dict)  # how many pictures, by what is counted
    remedy: str = "Delete it, and load again to download it."  # what to do about a wrong file
    stand_in: str = ""  # the set that is loaded instead, under its own name, when this one is unreachable
    included: str = ""  # where it comes from, when it needs no file that could be missing
    note: str = ""  # what a figure made from it must say

    def refusal(
        self, where: object, problem: str, expected: str = "", remedy: str = "", *, way_round: bool = False
    ) -> DataError:
        """The error that says where something is wrong, what, what was expected, and what to do.

        `expected` and `remedy` are the record's unless given. `way_round` adds that verify=False skips this check.
        """
        said = f"{where} {problem}. Expected {expected or self.layout}. {remedy or self.remedy}"
        return DataError(f"{said} Or pass verify=False if you know better." if way_round else said)

    def missing(self, tried: Sequence[str] = (), kind: type[DataError] = Unreachable) -> DataError:
        """The error for a set that is not here: where its files belong, where they come from, their checksums."""
        places = f"its files in {self.cache()}, or in a folder that the environment variable GANLIB_DATA names"
        origin = self.origin or f"It is published at {' and '.join(self.addresses)}."
        lines = [origin.replace("{file}", ""), "Its files:"]
        for file, digest in self.files.items():
            published = f"{self.digest_of} with SHA-256 {digest}" if digest else "no checksum is published"
            lines.append(f"  {file}, {published}")
        lines += ["Tried now:", *tried] if tried else []
        return kind(str(self.refusal(self.title, "is not here", places, "\n".join(lines))))

    def compare(self, path: Path, digest: str, file: str) -> None:
        """Refuse what is at `path` when its SHA-256 is not the one that `file` was published with."""
        if digest != self.files[file]:
            found = f"{path.stat().st_size:,} bytes, {self.digest_of} with SHA-256 {digest}"
            problem = f"is not the file that {self.publisher} published: {found}"
            raise self.refusal(path, problem, f"{self.digest_of} with SHA-256 {self.files[file]}", way_round=True)

    def cache(self) -> Path:
        """Its folder in the cache."""
        return cache_folder() / self.name
