"""What dask loads into each process of a local cluster: it ends when the process that started it has gone.

Loaded as a file and not as a part of the package, so that a scheduler need not load torch.
"""

import os
import sys
import threading
import time
from typing import Any

LAST = 20.0  # seconds that the run under way has to be saved in


def dask_setup(server: Any) -> None:
    """Watch from now on."""
    threading.Thread(target=_watch, args=(server, os.getppid()), daemon=True).start()


def _watch(server: Any, parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(0.5)
    if (work := sys.modules.get("ganlib.sweep.work")) is not None:
        work.stop.set()
    end = time.monotonic() + LAST
    while time.monotonic() < end and getattr(getattr(server, "state", None), "executing_count", 0):
        time.sleep(0.1)
    os._exit(1)
