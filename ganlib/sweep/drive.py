"""Carrying out a plan: what has no result yet is handed to dask, again and again, until every run has one."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, NamedTuple

from ganlib.errors import CheckpointError, RecipeError, Within, door
from ganlib.sweep import planning, work
from ganlib.sweep.cluster import Local, Remote, distributed
from ganlib.sweep.gathering import result
from ganlib.sweep.picture_game import dataset
from ganlib.sweep.planning import Plan
from ganlib.sweep.rounds import Rounds
from ganlib.unattended import Bar, Lock, polite_stop


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
                fates = Rounds(plan, home, place, how, task, stop, bar).finish(todo)
        else:
            fates = {}
    return Told(len(work.done(home)), len(plan), fates)


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
