"""What is known of a data set before any of it is read, and the one place where a refusal is worded."""

from __future__ import annotations

import importlib
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType

from ganlib.errors import DataError, brief

SEEN = 8  # names at most that a message lists of a folder


class Unreachable(DataError):
    """A data set is not on this machine, and no host of it answers: as with no network."""

    why = ""  # in a few words


def short(value: object, most: int = 80) -> str:
    """The text of a value for a message, as `errors.brief` has it, without quotes."""
    return brief(value if isinstance(value, str) else str(value), most, quoted=False)


def folder_named_by(variable: str) -> Path | None:
    """The folder that an environment variable names, with ~ expanded; None where it is not set or empty."""
    value = os.environ.get(variable)
    if not value:
        return None
    path = os.path.expanduser(value)
    if path.startswith("~"):
        raise DataError(f"{variable} is {short(value)!r}, and nobody of that name has a home here; name a folder")
    return Path(path)


def package(name: str) -> ModuleType:
    """A package that is needed for this alone, loaded late (it takes its time); `DataError` where it is missing."""
    try:
        return importlib.import_module(name)
    except ImportError as error:
        said = f"the package {name} cannot be loaded ({short(error)})"
        raise DataError(f"{said}; install it: `pip install {name}`") from None


def cache_folder() -> Path:
    """Where downloads are kept: the operating system's cache folder for ganlib, or GANLIB_CACHE."""
    return folder_named_by("GANLIB_CACHE") or Path(package("pooch").os_cache("ganlib"))


def own_folder() -> Path | None:
    """The folder of the user's own files, GANLIB_DATA; None where it is not set."""
    own = folder_named_by("GANLIB_DATA")
    if own and not os.path.isdir(own):
        named = short(os.environ["GANLIB_DATA"])
        raise DataError(f"GANLIB_DATA is {named!r}, which is not a folder; create it, or unset the variable")
    return own


def same(name: str) -> str:
    """A name without what differs between the tools that write it: capitals, hyphens, underscores, dots, blanks."""
    return re.sub(r"[-_. ]", "", name.casefold())


def entries(folder: Path) -> list[str]:
    """The names in a folder, in order; none where there is no such folder."""
    try:
        return sorted(os.listdir(folder))
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise DataError(f"{short(folder, 200)} cannot be looked into: {error.strerror}. Make it readable.") from None


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
    included: str = ""  # where it comes from, when it needs no file of the user's
    note: str = ""  # what a figure made from it must say
    folders: Sequence[str] = ()  # other names that common tools give its folder

    def refusal(
        self, where: object, problem: str, expected: str = "", remedy: str = "", *, way_round: bool = False
    ) -> DataError:
        """The error that says where something is wrong, what, what was expected, and what to do: one line.

        `expected` and `remedy` are the record's unless given. `way_round` adds that verify=False skips this check.
        """
        said = f"{where} {problem}. Expected {expected or self.layout}. {remedy or self.remedy}"
        return DataError(short(f"{said} Or pass verify=False if you know better." if way_round else said, 4_000))

    def missing(
        self, tried: Sequence[str] = (), kind: type[DataError] = Unreachable, found: Sequence[Path] = ()
    ) -> DataError:
        """The error for a set that is not here: what is missing, what was found or seen, where it comes from."""
        places = f"its files in {self.cache()}, or in a folder that the environment variable GANLIB_DATA names"
        here = {same(path.name).removesuffix("gz") for path in found}
        lack = {file: digest for file, digest in self.files.items() if same(file).removesuffix("gz") not in here}
        facts = [
            f"{name} ({self.digest_of} with SHA-256 {digest})" if digest else name for name, digest in lack.items()
        ]
        said = [f"Missing: {', '.join(facts)}."]
        if found:
            said += [f"Found: {', '.join(str(path) for path in found)}."]
        elif seen := self.seen():
            said += [seen]
        said += [(self.origin or f"It is published at {' and '.join(self.addresses)}.").replace("{file}", "")]
        if self.stand_in:
            said += [f"load({self.stand_in!r}) is what stands in for it."]
        if tried:
            said += [f"Tried now: {'; '.join(tried)}."]
        error = kind(
            str(self.refusal(self.title, "is not whole here" if found else "is not here", places, " ".join(said)))
        )
        if isinstance(error, Unreachable):
            error.why = short("; ".join(tried), 400) or "no download was asked for"
        return error

    def seen(self) -> str:
        """What lies in the user's own folders, in a few words."""
        said = []
        for place in self.places():
            names = [short(name, 40) for name in entries(place)]
            more = f" and {len(names) - SEEN} more" if len(names) > SEEN else ""
            said.append(f"{short(place, 200)} holds {', '.join(names[:SEEN]) or 'nothing'}{more}.")
        return " ".join(said[:4])

    def compare(self, path: Path, digest: str, file: str) -> None:
        """Refuse what is at `path` when its SHA-256 is not the one that `file` was published with."""
        if digest != self.files[file]:
            found = f"{path.stat().st_size:,} bytes, {self.digest_of} with SHA-256 {digest}"
            problem = f"is not the file that {self.publisher} published: {found}"
            raise self.refusal(path, problem, f"{self.digest_of} with SHA-256 {self.files[file]}", way_round=True)

    def cache(self) -> Path:
        """Its folder in the cache."""
        return cache_folder() / self.name

    def places(self) -> list[Path]:
        """The user's own folders that are looked into: those in GANLIB_DATA that bear the set's name, then it itself.

        The name may be written otherwise ("MNIST", "cifar-10"); of each its subfolder `raw`, where torchvision puts
        files, is looked into, too.
        """
        own = own_folder()
        if own is None:
            return []
        names = {same(name) for name in (self.name, *self.folders)}
        below = [own / name for name in entries(own) if same(name) in names and os.path.isdir(own / name)]
        below.sort(key=lambda path: path.name != self.name)  # its own name first
        return [place for each in (*below, own) for place in (each, each / "raw") if os.path.isdir(place)]
