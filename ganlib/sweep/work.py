"""What a worker does: one run, from its last checkpoint to its end, and its result as a file written in one step.

The folder of a sweep is the truth: a run whose result is there is done, whatever any process believes.
"""

import json
import os
import platform
import shutil
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch

from ganlib import disk
from ganlib.errors import CheckpointError, GanlibError, TrainingDiverged
from ganlib.sweep import planning
from ganlib.sweep.games import Game, opened
from ganlib.sweep.planning import Plan, Row, Run
from ganlib.unattended import Lock

RESULTS, RUNS, LIVE, JOURNAL = "results", "runs", "live", "journal.jsonl"
DONE, DIVERGED, FAILED = "done", "diverged", "failed"
SHOWN = 2.0  # seconds between two looks at a run under way that a follower may see, at the least
PATIENCE = 0.2  # seconds between two tries for a folder in which another process still trains

stop = threading.Event()
"""Set in a process that is to end: the run under way is saved, and left to another."""


class Left(GanlibError):
    """A run was saved before its end, because its process was told to stop."""


@dataclass(frozen=True)
class How:
    """How runs are carried out; none of it changes a number."""

    checkpoint_seconds: float = 60.0  # what a killed worker may lose at the most
    keep: bool = False  # whether the last checkpoint of a run stays


def result_path(folder: Path, number: int) -> Path:
    """Where the result of a run is."""
    return folder / RESULTS / f"{number:06d}.json"


def done(folder: Path) -> set[int]:
    """The numbers of the runs whose results are there."""
    try:
        names = [entry.name for entry in os.scandir(folder / RESULTS)]
    except FileNotFoundError:
        return set()
    return {int(name[:-5]) for name in names if name.endswith(".json") and name[:-5].isdecimal()}


def carry_out(folder: str, number: int, how: How, leaving: Callable[[], bool] = stop.is_set) -> str:
    """Train the run of that number to its end, unless that was done already; what became of it.

    A run that diverges or raises an error has a result, too, which says so. Raises `CheckpointError` where the folder
    cannot be written, which is no fault of the run, and `Left` when `leaving()`.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # sums over other numbers of threads round in another way
    try:
        return _carried_out(Path(folder), number, how, leaving)
    finally:
        torch.set_num_threads(threads)


def _carried_out(home: Path, number: int, how: How, leaving: Callable[[], bool]) -> str:
    plan, place = _plan(str(home), _stamp(home)), home / RUNS / f"{number:06d}"
    lock = Lock(place)
    while True:
        try:
            with lock.alone():
                if result_path(home, number).exists():
                    return "there"
                status = _train(home, place, plan, number, how, leaving)
                if not how.keep:
                    shutil.rmtree(place, ignore_errors=True)
                return status
        except CheckpointError as error:
            if not isinstance(error.__context__, BlockingIOError):
                raise
        if leaving():
            raise Left(f"run {number} waited for another process")
        time.sleep(PATIENCE)  # a worker that lost its scheduler may still be at it


def _train(home: Path, place: Path, plan: Plan, number: int, how: How, leaving: Callable[[], bool]) -> str:
    """A run in its own folder, which nobody else trains in, to its end."""
    begun, run = time.time(), plan.run(number)
    game, status, error = None, DONE, ""
    try:
        game = _opened(plan, run, place)
        note(home, event="begin", run=run.number, step=game.resumed)
        _play(home, run, game, how, leaving)
        if how.keep:
            game.save()
    except TrainingDiverged as found:
        status, error = DIVERGED, str(found)
    except (Left, CheckpointError):  # no end of this run
        raise
    except Exception as found:
        status, error = FAILED, str(found) if isinstance(found, GanlibError) else f"{type(found).__name__}: {found}"
    rows, step, resumed = (game.rows, game.step, game.resumed) if game else ([], 0, 0)
    made = {"seconds": time.time() - begun, "from_step": resumed, "ended": time.time(), **_here()}
    write_result(home, run, status, error, rows, step, made)
    note(home, event="end", run=run.number, step=step, status=status)
    (home / LIVE / f"{run.name}.json").unlink(missing_ok=True)
    return status


def _opened(plan: Plan, run: Run, place: Path) -> Game:
    """The run from its last checkpoint; anew where none of it is whole: it comes out the same."""
    try:
        return opened(plan, run, place / "run")
    except CheckpointError:
        shutil.rmtree(place / "run", ignore_errors=True)
        return opened(plan, run, place / "run")


def _play(home: Path, run: Run, game: Game, how: How, leaving: Callable[[], bool]) -> None:
    saved = shown = time.monotonic()
    rows = len(game.rows)
    while not game.finished:
        game.advance()
        now = time.monotonic()
        if leaving():
            game.save()
            raise Left(f"run {run.number} was saved at {game.step:,} iterations")
        if now - saved > how.checkpoint_seconds:
            game.save()
            saved = time.monotonic()
        if len(game.rows) > rows and now - shown > SHOWN:
            live = {"run": run.number, "rows": game.rows}
            disk.atomically(
                home / LIVE / f"{run.name}.json", lambda file, live=live: file.write(json.dumps(live).encode())
            )
            rows, shown = len(game.rows), time.monotonic()


def write_result(
    home: Path, run: Run, status: str, error: str, rows: list[Row], step: int, made: dict[str, Any]
) -> None:
    """What became of a run, as a file. Beside `made`, which has times, all of it follows from the plan."""
    told = {"run": run.number, "seed": run.seed, "values": run.values, "status": status, "error": error}
    _written(result_path(home, run.number), {**told, "steps": step, "rows": rows, "made": made})


def _written(path: Path, plain: dict[str, Any]) -> None:
    text = json.dumps(plain, allow_nan=False).encode()
    disk.atomically(path, lambda file: file.write(text))


def note(home: Path, **line: Any) -> None:
    """Add a line to the journal, in one write: of what was begun and ended, when and where."""
    text = json.dumps({**line, "at": time.time(), **_here()}) + "\n"
    handle = os.open(home / JOURNAL, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    try:
        os.write(handle, text.encode())
    finally:
        os.close(handle)


def _here() -> dict[str, Any]:
    return {"host": platform.node(), "pid": os.getpid()}


def _stamp(home: Path) -> int:
    """Changes when the plan of a folder does. `CheckpointError` where a worker does not see the folder."""
    try:
        return os.stat(home / planning.FILE).st_mtime_ns
    except OSError:
        what = f"{home} holds no plan on {platform.node()}"
        raise CheckpointError(f"{what}: a sweep takes a folder that all its workers share") from None


@lru_cache(maxsize=4)
def _plan(folder: str, stamp: int) -> Plan:
    return planning.read(folder)


def task(folder: str, number: int, how: How) -> str:
    """`carry_out` on a worker of dask: it leaves the run when the worker closes."""
    from distributed import Reschedule, Status, get_worker

    worker = get_worker()

    def leaving() -> bool:
        """Whether this worker is on its way out."""
        return stop.is_set() or worker.status not in (Status.running, Status.paused, Status.init)

    try:
        return carry_out(folder, number, how, leaving)
    except Left:
        raise Reschedule from None
