"""How much memory has this process held at most? For the benchmarks, and for the tests that limit it."""

from __future__ import annotations

import re
import sys
from pathlib import Path

UNKNOWN = "this system does not say how much memory a process itself has held"


def peak() -> int | None:
    """The most memory that this process has held at once, in bytes; None where the system does not say.

    On Linux the kernel's own figure is read, VmHWM. The figure of `getrusage`, `ru_maxrss`, would mislead there: a new
    process begins with the peak of the process that started it. On macOS `ru_maxrss` begins anew, and is in bytes.
    """
    if sys.platform == "darwin":
        import resource

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    status = Path("/proc/self/status")
    found = re.search(r"^VmHWM:\s+(\d+) kB$", status.read_text(), re.MULTILINE) if status.exists() else None
    return int(found[1]) * 1024 if found else None
