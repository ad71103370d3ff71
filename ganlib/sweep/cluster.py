"""Where the runs of a sweep are carried out: processes of this machine, or a cluster of dask that is there already.

A local cluster is one scheduler and some workers, the commands of dask itself. This process starts again what dies.
"""

import json
import logging
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

from ganlib.errors import GanlibError, RecipeError, brief
from ganlib.unattended import say

PRELOAD = str(Path(__file__).with_name("preload.py"))
START = 60.0  # seconds that a process has to come up in
YOUNG = 20.0  # seconds: one that ends sooner than that has never worked
TRIES = 4  # so often in a row
ENVIRONMENT = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
ENVIRONMENT |= {"DASK_DISTRIBUTED__SCHEDULER__WORKER_SATURATION": "1.0"}  # no second run waits at a worker
LONELY = 20.0  # seconds between two looks for the workers of another cluster
LEAVE = 15.0  # seconds that workers have to save in before they are killed
BREATH = 1.0  # seconds before a scheduler that has died is started again


class Lost(Exception):
    """The scheduler is gone, and with it all that was handed to it."""


class NoCluster(GanlibError):
    """A cluster cannot be had, or does not stay."""


def distributed() -> Any:
    """The package, or `RecipeError` that says how to install it."""
    try:
        import distributed
    except ImportError as error:
        name = error.name or "dask"
        raise RecipeError(f"{name} is not installed, and a sweep needs it: pip install 'ganlib[sweep]'") from None
    logging.getLogger("distributed.client").setLevel(logging.CRITICAL)  # a scheduler that is lost is no news to a sweep
    return distributed


class Remote:
    """A cluster whose scheduler has this address. It is waited for when it is gone, for so many seconds."""

    exact = False  # whether only the run that a worker was at is blamed for its death

    def __init__(self, address: str, patience: float = 600.0):
        if not re.fullmatch(r"(\w+://)?[^\s/]+:\d{1,5}", address):
            raise RecipeError(f"{brief(address)} is no address of a scheduler; give one such as tcp://host:8786")
        self.address, self.patience = address, patience
        self._known = self._alone = False
        self._next = 0.0  # when to look for workers again
        self.busy = True

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def client(self) -> Any:
        """A connection to the scheduler. Raises `NoCluster` when none answers."""
        dask, end = distributed(), time.monotonic() + (self.patience if self._known else 10)
        while True:
            try:
                found = dask.Client(self.address, timeout=5, set_as_default=False)
                self._known = True
                return found
            except (OSError, TimeoutError) as error:
                if time.monotonic() > end:
                    why = str(error).splitlines()[0] if str(error) else type(error).__name__
                    raise NoCluster(f"no scheduler of dask answers at {self.address} ({why})") from None
                time.sleep(BREATH)

    def watch(self, client: Any) -> None:
        """Say once that there are no workers; they are looked after by who started them."""
        if (now := time.monotonic()) < self._next or client.status != "running":
            return
        self._next, alone = now + LONELY, self._next > 0 and not client.scheduler_info()["workers"]
        if alone and not self._alone:
            say(f"The scheduler at {self.address} has no workers; some are waited for.")
        self._alone = alone

    def mend(self) -> None:
        """Say that the scheduler is waited for."""
        say(f"The scheduler at {self.address} is gone; it is waited for up to {self.patience:.0f} s.")


class Local:
    """A scheduler and `workers` processes with one thread each, on this machine, heard of by no other."""

    exact = True

    def __init__(self, workers: int, logs: Path):
        self.workers, self.logs = workers, logs
        self.busy = True  # whether its workers may have something to save when it ends
        self._hearth = Path(tempfile.mkdtemp(prefix="ganlib-sweep-"))
        self.processes: dict[str, subprocess.Popen] = {}  # "scheduler", "worker-0", ...
        self._begun: dict[str, float] = {}
        self._young: dict[str, int] = {}  # how often in a row each ended at once

    @property
    def _file(self) -> Path:
        return self._hearth / "scheduler.json"

    def __enter__(self) -> Self:
        distributed()
        self.logs.mkdir(parents=True, exist_ok=True)
        return self

    def __exit__(self, *_: object) -> None:
        self._end([name for name in self.processes if name != "scheduler"], LEAVE if self.busy else 0)
        self._end(["scheduler"], 0)
        shutil.rmtree(self._hearth, ignore_errors=True)

    def client(self) -> Any:
        """A connection to the scheduler, which is started with its workers where it does not run."""
        if "scheduler" not in self.processes:
            self._file.unlink(missing_ok=True)
            where = ["--host", "127.0.0.1", "--port", "0", "--dashboard-address", "127.0.0.1:8787"]
            self._start("scheduler", ["scheduler", *where])
            for i in range(self.workers):
                self._start_worker(f"worker-{i}")
        end = time.monotonic() + START
        while not self._file.exists():
            self.watch()
            if time.monotonic() > end:
                raise NoCluster(f"the scheduler has not come up within {START:.0f} s{self._last_words('scheduler')}")
            time.sleep(0.05)
        try:
            address = json.loads(self._file.read_text())["address"]
            return distributed().Client(address, timeout=START, set_as_default=False)
        except (OSError, TimeoutError, ValueError):
            raise Lost from None

    def watch(self, client: Any = None) -> None:
        """Start again the workers that have died. Raises `Lost` when it is the scheduler, `NoCluster` at no end."""
        for name, process in list(self.processes.items()):
            if process.poll() is None:
                continue
            self._count(name, process.returncode)
            if name == "scheduler":
                raise Lost
            self._start_worker(name)

    def mend(self) -> None:
        """End what is left of the cluster, so that `client` starts another one."""
        self._end([name for name in self.processes if name != "scheduler"], 2)
        self._end(["scheduler"], 0)
        time.sleep(BREATH)

    def _count(self, name: str, code: int) -> None:
        young = code >= 0 and time.monotonic() - self._begun[name] < YOUNG  # below 0: it was killed
        self._young[name] = self._young.get(name, 0) + 1 if young else 0
        if self._young[name] >= TRIES:
            raise NoCluster(f"the {name} ended {TRIES} times as soon as it had begun{self._last_words(name)}")

    def _last_words(self, name: str) -> str:
        with suppress(OSError):
            lines = (self.logs / f"{name}.log").read_text(errors="replace").strip().splitlines()
            return f"; its last line: {lines[-1][:200]}" if lines else ""
        return ""

    def _start_worker(self, name: str) -> None:
        alone = ["--no-nanny", "--no-dashboard", "--nthreads", "1", "--memory-limit", "0", "--death-timeout", "60"]
        self._start(name, ["worker", *alone, "--name", f"{name}-{time.monotonic_ns()}"])

    def _start(self, name: str, command: Sequence[str]) -> None:
        more = ["--scheduler-file", str(self._file), "--preload", PRELOAD]
        if command[0] == "worker":
            more += ["--local-directory", str(self._hearth)]
        with open(self.logs / f"{name}.log", "ab") as log:
            self.processes[name] = subprocess.Popen(
                [sys.executable, "-m", "dask", *command, *more],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=os.environ | ENVIRONMENT,
                start_new_session=True,  # a Ctrl-C is for this process alone, which lets its workers save
            )
        self._begun[name] = time.monotonic()

    def _end(self, names: Sequence[str], seconds: float) -> None:
        """Let processes end by themselves, and kill those that have not after so many seconds."""
        found = [self.processes.pop(name) for name in names if name in self.processes]
        for process in found:
            with suppress(OSError):
                process.terminate() if seconds else process.kill()
        end = time.monotonic() + seconds
        for process in found:
            with suppress(subprocess.TimeoutExpired):
                process.wait(max(0.0, end - time.monotonic()))
            with suppress(OSError):
                process.kill()
            process.wait()
