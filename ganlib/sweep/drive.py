"""Carrying out a plan: what has no result yet is handed to dask, again and again, until every run has one."""

import os
import time
from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any, NamedTuple

from ganlib.errors import CheckpointError, GanlibError, RecipeError, Within, door
from ganlib.sweep import planning, work
from ganlib.sweep.cluster import Local, Lost, NoCluster, Remote, distributed
from ganlib.sweep.picture_game import dataset
from ganlib.sweep.planning import Plan
from ganlib.unattended import Bar, Lock, Stop, polite_stop, say

TURN = 0.1  # seconds between two looks at what has come in
REFUSED = 3  # so often a run is handed out whose worker cannot use the folder
ROUNDS = 20  # schedulers lost in a row without one result more

Task = Callable[[str, int, work.How], str]


class Told(NamedTuple):
    """What `run` says at its end."""

    results: int  # runs that have a result now
    of: int
    fates: dict[str, int]  # "done", "diverged", "failed" -> how many of those of this call


@door(RecipeError)
def run(
    plan: Plan | None,
    folder: Path | str,
    *,
    workers: Annotated[int, Within(1, 1_000)] | None = None,
    scheduler: str | None = None,
    checkpoint_seconds: Annotated[float, Within(0, above=True)] = 60.0,
    keep: bool = False,
    retry: bool = False,
    progress: bool = True,
    task: Callable = work.task,
) -> Told:
    """Carry out the runs of a plan that have no result in `folder` yet, on dask; None: of the plan that is there.

        sweep.run(sweep.plan("toy", {"k": [1, 2, 5]}, seeds=8), "sweeps/mine", workers=4)

    `workers`: processes of this machine with one thread each (None: one a core), or `scheduler`: the address of a
    cluster, all of whose workers see `folder` under this name. A killed worker loses `checkpoint_seconds` of a run at
    the most; killed workers and schedulers are replaced, and what has no result is handed out again. Ctrl-C saves and
    stops; the same call goes on. `keep` leaves each run's last checkpoint in runs/; `retry` does again what failed by
    an error, though not what diverged. `task` is what a worker does, of (folder, number, how).

    Raises `CheckpointError` when the folder holds another sweep or cannot be written, `RecipeError`, `DataError` where
    the data are not here, `NoCluster` where no scheduler answers.
    """
    home = Path(folder).absolute()
    if scheduler is not None and workers is not None:
        raise RecipeError(f"the workers of the cluster at {scheduler} are its own: leave out {workers} workers")
    distributed()  # before a folder is made
    with Lock(home).alone(), polite_stop() as stop:
        plan = settled(plan, home)
        if retry:
            _forget_failed(home)
        todo = sorted(set(range(len(plan))) - work.done(home))
        if todo:
            _examples(plan)
            place = Remote(scheduler) if scheduler else Local(workers or _cores(), home / "logs")
            how = work.How(checkpoint_seconds, keep)
            with place, Bar(len(plan), len(plan) - len(todo), show=progress, unit="run") as bar:
                fates = Drive(plan, home, place, how, task, stop, bar).finish(todo)
        else:
            fates = {}
    return Told(len(work.done(home)), len(plan), fates)


class Drive:
    """A plan under way on a cluster."""

    def __init__(self, plan: Plan, home: Path, place: Local | Remote, how: work.How, task: Task, stop: Stop, bar: Bar):
        self.plan, self.home, self.place, self.how, self.task = plan, home, place, how, task
        self.stop, self.bar = stop, bar
        self.fates: dict[str, int] = {}
        self.refused: Counter[int] = Counter()  # run -> how often its worker could not write or see the folder
        self.lost = 0

    def finish(self, todo: list[int]) -> dict[str, int]:
        """Until every run has a result, or a stop was asked for; what became of the runs."""
        turn, told = 0, ""
        while todo and not self.stop.is_set():
            client = None
            try:
                client = self.place.client()
                if client.dashboard_link != told:
                    say(f"Dashboard: {client.dashboard_link}")
                    told = client.dashboard_link
                self._round(client, todo, turn)
            except Lost:
                self.lost += 1
                if self.lost > ROUNDS:
                    raise NoCluster(f"the scheduler was lost {ROUNDS} times without one result more") from None
                self.place.mend()
            finally:
                _close(client)
            turn, todo = turn + 1, sorted(set(todo) - work.done(self.home))
        self.place.busy = bool(todo)
        return self.fates

    def _round(self, client: Any, todo: Iterable[int], turn: int) -> None:
        """Hand runs to one scheduler, and take in what becomes of them. Raises `Lost`."""
        from distributed import as_completed

        numbers = {f"run-{number:06d}-{turn}": number for number in todo}
        try:
            todo = list(numbers.values())
            futures = client.map(self.task, [str(self.home)] * len(todo), todo, how=self.how, key=list(numbers))
            coming, left = as_completed(futures, loop=client.loop), len(todo)
            del futures
            while left and not self.stop.is_set():
                if client.status != "running":
                    raise Lost
                self.place.watch(client)
                for future in coming.next_batch(block=False):
                    self._take(numbers[future.key], future)
                    left -= 1
                time.sleep(TURN)
        except (OSError, TimeoutError):
            raise Lost from None

    def _take(self, number: int, future: Any) -> None:
        """What became of one run."""
        if future.status == "finished":
            status = future.result()
        elif future.status == "error":
            error = future.exception()
            if isinstance(error, GanlibError):  # of the folder, not of the run: it cannot be written, or seen
                self.refused[number] += 1
                if self.refused[number] < REFUSED:
                    return  # it has no result, so it is handed out again
                raise error
            text = f"{type(error).__name__}: {' '.join(str(error).split())}"
            made = {"seconds": 0.0, "from_step": 0, "ended": time.time()}
            work.write_result(self.home, self.plan.run(number), work.FAILED, text, [], 0, made)
            status = work.FAILED
        else:  # cancelled, lost: the scheduler is gone
            raise Lost
        self.lost = 0
        self.fates[status] = self.fates.get(status, 0) + 1
        bad = [f"{n} {name}" for name, n in self.fates.items() if name in (work.DIVERGED, work.FAILED)]
        self.bar.say(after=", ".join(bad))
        self.bar.update(1)


def settled(plan: Plan | None, home: Path) -> Plan:
    """The plan of a folder: written there, or found there and the same. Raises `CheckpointError`."""
    if planning.there(home):
        old = planning.read(home)
        if plan is not None:
            agree(plan, old, home)
        return old
    if plan is None:
        return planning.read(home)  # raises
    if any(entry.name != "logs" for entry in os.scandir(home)):
        raise CheckpointError(f"{home} holds other files, and no sweep; choose a folder that is new or empty")
    plan.write(home, examples=_examples(plan))
    return plan


def agree(plan: Plan, old: Plan, home: Path) -> None:
    """Raise `CheckpointError` unless a plan is that of the sweep in its folder."""
    if different := plan.changes(old):
        what = f"{home} holds another sweep ({'; '.join(different)})"
        raise CheckpointError(f"{what}; choose another folder (--out), or ask for that one")


def _forget_failed(home: Path) -> None:
    from ganlib.sweep.gathering import result

    for number in work.done(home):
        if result(home, number)["status"] == work.FAILED:
            work.result_path(home, number).unlink()


def _examples(plan: Plan) -> dict[str, int]:
    """The training examples of each data set, which is had before any worker asks for it. `RecipeError` for too few."""
    if plan.toys:
        return {}
    found = {name: len(dataset(name).train) for name in plan.axes.get("data", [plan.recipe.data])}
    for cell in range(plan.cells):
        recipe = plan.run(cell).recipe
        n = min(found[recipe.data], recipe.examples or found[recipe.data])
        if recipe.batch > n:
            raise RecipeError(f"batch is {recipe.batch:,}, and only {n:,} examples of {recipe.data!r} are trained on")
    return found


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _close(client: Any) -> None:
    if client is not None:
        with suppress(Exception):  # of a scheduler that is gone
            client.close(timeout=3)
