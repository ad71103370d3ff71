"""Where a figure or a file of weights came from: versions, commit, date."""

from __future__ import annotations

import datetime
import functools
import platform
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path


@functools.cache
def describe() -> dict[str, str | dict[str, str]]:
    """The commit of the source tree (with "+changes" when it differs from it), the day, and the versions."""
    packages = {name: _version(name) for name in ("ganlib", "torch", "numpy", "matplotlib")}
    return {
        "commit": commit(),
        "made": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "versions": {"python": platform.python_version(), **packages},
    }


def commit() -> str:
    """The commit that the source tree is at, or "unknown" outside a checkout."""
    here = Path(__file__).parent

    def git(*words: str) -> str:
        """What git prints when asked about the folder of this file."""
        return subprocess.run(
            ["git", "-C", str(here), *words], capture_output=True, text=True, check=True, timeout=20
        ).stdout.strip()

    try:
        if git("ls-files", "--", Path(__file__).name) == "":
            return "unknown"  # installed somewhere inside another project's checkout
        dirty = "+changes" if git("status", "--porcelain", "--untracked-files=no", "--", str(here)) else ""
        return git("rev-parse", "--short=12", "HEAD") + dirty
    except (OSError, subprocess.SubprocessError):
        return "unknown"


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "unknown"
