"""What keeps long work alive when nobody watches: output that may break, stops that wait, a folder for one process."""

import errno
import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Self, TextIO

from ganlib.errors import CheckpointError

SPELT = {"±": "+/-", "→": "->"}  # where the terminal has no such sign
STOPS = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]

# -- output ------------------------------------------------------------------------------------------------------------


class Steady:
    """A stream that never raises: it spells what its encoding lacks another way, and is silent once it is broken.

    `broken` is the error that ended it: the reader of a pipe has died, the device is full, the stream is closed.
    """

    def __init__(self, stream: TextIO | None):
        self.stream = stream
        self.broken = OSError(errno.EBADF, "it is closed") if stream is None else None

    @classmethod
    def of(cls, stream: TextIO | None) -> Self:
        """The stream, made steady if it is not yet."""
        return stream if isinstance(stream, cls) else cls(stream)

    def write(self, text: str) -> int:
        """Write, unless the stream is broken."""
        try:
            self._do("write", text)
        except UnicodeEncodeError as error:
            for sign, spelt in SPELT.items():
                text = text.replace(sign, spelt)
            self._do("write", text.encode(error.encoding, "replace").decode(error.encoding))
        return len(text)

    def flush(self) -> None:
        """Flush, unless the stream is broken."""
        self._do("flush")

    def isatty(self) -> bool:
        """Whether a person at a terminal sees it."""
        return bool(self._do("isatty"))

    def _do(self, name: str, *arguments: str) -> Any:
        if self.broken:
            return None
        try:
            return getattr(self.stream, name)(*arguments)
        except UnicodeEncodeError:
            raise
        except (OSError, ValueError) as error:  # ValueError: of a closed stream
            self.broken = error
            return None

    def lost(self) -> str:
        """Why what was written is lost; "" when it is not, or when the reader has had enough of it."""
        self.flush()
        if self.broken is None or isinstance(self.broken, BrokenPipeError):
            return ""
        return getattr(self.broken, "strerror", None) or str(self.broken)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stream, name)


@contextmanager
def steady_output() -> Iterator[Steady]:
    """Make standard output and standard error steady, for the length of a command; gives the first of them.

    Whatever stays in the buffer of a broken one goes nowhere, so that Python does not complain of it at its end.
    """
    for number in range(3):  # a file opened next would take the place of a closed one, and get what is meant for it
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
    before = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = both = [Steady.of(stream) for stream in before]
    try:
        yield both[0]
    finally:
        sys.stdout, sys.stderr = before
        for one in both:
            one.flush()
            if one.broken and one.stream is not None:
                with suppress(OSError, ValueError):
                    nowhere = os.open(os.devnull, os.O_WRONLY)
                    os.dup2(nowhere, one.stream.fileno())
                    os.close(nowhere)


def say(text: str) -> None:
    """Print a line, if it can be printed: output that is broken ends no run."""
    out = Steady.of(sys.stdout)
    out.write(text + "\n")
    out.flush()


class Bar:
    """The progress of long work, for a `with`: speed and the time that is left; once in 30 s when it goes to a file.

    What goes wrong with it ends the bar, not the work (tqdm takes its settings from the environment, too).
    """

    def __init__(self, total: int, done: int = 0, *, show: bool = True, unit: str = "step"):
        out = Steady.of(sys.stdout)
        terminal = out.isatty()
        looks = {"unit": unit, "dynamic_ncols": terminal, "ncols": None if terminal else 100}
        seconds = 0.5 if terminal or in_notebook() else 30
        self._tqdm = None
        with suppress(Exception):
            from tqdm import tqdm

            self._tqdm = tqdm(total=total, initial=done, disable=not show, file=out, mininterval=seconds, **looks)

    def update(self, n: int = 1) -> None:
        """So many steps more are done."""
        self._do("update", n)

    def say(self, before: str = "", after: str = "") -> None:
        """What stands at either end of it from now on."""
        if before:
            self._do("set_description_str", before, refresh=False)
        if after:
            self._do("set_postfix_str", after, refresh=False)

    def _do(self, name: str, *arguments: object, **options: bool) -> None:
        try:
            getattr(self._tqdm, name, lambda *_, **__: None)(*arguments, **options)
        except Exception:
            self._tqdm = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._do("close")


def in_notebook() -> bool:
    """Whether a Jupyter kernel runs this code."""
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    return getattr(shell, "kernel", None) is not None


# -- stops -------------------------------------------------------------------------------------------------------------


class Stop:
    """Whether a stop was asked for."""

    def __init__(self) -> None:
        self._asked = threading.Event()
        self.patient = False  # whether a second Ctrl-C waits like the first: while a run is saved it does

    def is_set(self) -> bool:
        """Whether a stop was asked for."""
        return self._asked.is_set()

    def set(self) -> None:
        """Ask for a stop."""
        self._asked.set()

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """Be patient in a `with`: what is done there is done to its end."""
        self.patient = True
        yield
        self.patient = False

    def hear(self, number: int, frame: object) -> None:
        """Take a signal: note that a stop was asked for; asked again by Ctrl-C, stop at once."""
        if self.is_set() and number == signal.SIGINT and not self.patient:
            self.patient = True  # who catches this saves what there is
            raise KeyboardInterrupt
        self.set()


@contextmanager
def polite_stop() -> Iterator[Stop]:
    """A `Stop` that SIGINT, SIGTERM and SIGHUP set; the second SIGINT raises KeyboardInterrupt, unless it is patient.

    Save before this ends: from then on a signal does what it did before. A SIGHUP that is ignored (nohup) stays so.
    """
    stop = Stop()
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return
    before = {number: signal.getsignal(number) for number in STOPS}
    if before.get(getattr(signal, "SIGHUP", None)) == signal.SIG_IGN:
        del before[signal.SIGHUP]
    for number in before:
        signal.signal(number, stop.hear)
    try:
        yield stop
    finally:
        for number, handler in before.items():
            if handler is not None:  # None: it was not set from Python, and cannot be set again from here
                signal.signal(number, handler)


# -- a folder ----------------------------------------------------------------------------------------------------------


class Lock:
    """The lock that a process holds on a folder, so that no other trains into it (where the system can tell)."""

    def __init__(self, folder: Path | str):
        self.folder = Path(folder)
        self._handle: int | None = None
        self._depth = 0

    @contextmanager
    def alone(self) -> Iterator[Self]:
        """Hold the lock in a `with`; one within another holds it, too."""
        self._depth += 1
        try:
            self.take()
            yield self
        finally:
            self._depth -= 1
            if not self._depth:
                self._free()

    def take(self) -> None:
        """Lock the folder that is at the path now, made where none is: the one that was locked may have been removed.

        Raises `CheckpointError` when another process has locked it, or it cannot be made.
        """
        if self._handle is not None and self._still():
            return
        replaced = self._handle is not None
        self._free()
        try:
            if not self.folder.is_dir():
                self.folder.mkdir(parents=True, exist_ok=True)
            self._handle = self._lock()
        except BlockingIOError:
            what = f"another process is training in {self.folder}"
            what += ", which was removed or replaced while this run trained there" if replaced else ""
            raise CheckpointError(f"{what}; wait for its end, or choose another folder") from None
        except (OSError, ValueError) as error:
            why = getattr(error, "strerror", None) or error
            raise CheckpointError(f"{self.folder} cannot be written: {why}. Choose another folder") from None

    def _lock(self) -> int | None:
        try:
            import fcntl
        except ImportError:  # Windows
            return None
        handle = os.open(self.folder, os.O_RDONLY)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)  # the system lets go of it when the process dies
        except BlockingIOError:
            os.close(handle)
            raise
        except OSError:  # a file system that knows no locks
            pass
        return handle

    def _still(self) -> bool:
        """Whether the folder that is locked is the one at the path."""
        try:
            return os.path.samestat(os.stat(self.folder), os.fstat(self._handle))
        except OSError:
            return False

    def _free(self) -> None:
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None
