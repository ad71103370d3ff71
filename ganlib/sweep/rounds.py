"""Handing the runs of a plan to dask, round after round, until each has a result in the sweep's folder."""

import time
from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

from ganlib.errors import GanlibError
from ganlib.sweep import work
from ganlib.sweep.cluster import Local, Lost, NoCluster, Remote
from ganlib.sweep.gathering import result
from ganlib.sweep.planning import Plan
from ganlib.unattended import Bar, Stop, say

TURN = 0.1  # seconds between two looks at what has come in
REFUSED = 3  # so often a run is handed out whose worker cannot use the folder, or dies
IN_VAIN = 20  # rounds in a row without one result more

Task = Callable[[str, int, work.How], str]


class Rounds:
    """A plan under way on a cluster.

    A round hands out all that has no result, and ends when each of them was taken in, or the scheduler is lost. What a
    task returns is not asked for: it may have died with its worker, where the result in the folder has not.
    """

    def __init__(self, plan: Plan, home: Path, place: Local | Remote, how: work.How, task: Task, stop: Stop, bar: Bar):
        self.plan, self.home, self.place, self.how, self.task = plan, home, place, how, task
        self.stop, self.bar = stop, bar
        self.fates: Counter[str] = Counter()  # what became of the runs
        self.refused: Counter[int] = Counter()  # run -> how often it came back without a result

    def finish(self, todo: list[int]) -> Counter[str]:
        """Until every run has a result, or a stop was asked for; what became of the runs."""
        turn, vain, told = 0, 0, ""
        while todo and not self.stop.is_set():
            client = None
            try:
                client = self.place.client()
                if client.dashboard_link != told:
                    say(f"Dashboard: {client.dashboard_link}")
                    told = client.dashboard_link
                self.once(client, todo, turn)
            except Lost:
                self.place.mend()
            finally:
                close(client)
            before, todo = len(todo), sorted(set(todo) - work.done(self.home))
            turn, vain = turn + 1, vain + 1 if len(todo) == before else 0
            if vain >= IN_VAIN:
                raise NoCluster(f"{IN_VAIN} rounds brought not one result more: see {self.home / 'logs'}")
        self.place.busy = bool(todo)
        return self.fates

    def once(self, client: Any, todo: Iterable[int], turn: int) -> None:
        """One round. Raises `Lost` when the scheduler is gone."""
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
        """What became of one run; one without a result is handed out again in the next round."""
        error = future.exception() if future.status == "error" else None
        if work.result_path(self.home, number).exists():
            self.fates[result(self.home, number)["status"]] += 1
        elif error is None:  # its worker has lost what it returned, or the scheduler is gone
            return
        else:
            self.refused[number] += 1
            if self.refused[number] < (1 if self.place.exact and not isinstance(error, GanlibError) else REFUSED):
                return
            if isinstance(error, GanlibError):  # the folder cannot be written, or is not seen: no fault of the run
                raise error
            self._give_up(number, error)
        bad = [f"{n} {name}" for name, n in self.fates.items() if name in (work.DIVERGED, work.FAILED)]
        self.bar.say(after=", ".join(bad))
        self.bar.update(1)

    def _give_up(self, number: int, error: BaseException) -> None:
        """Write the result of a run that kills its workers."""
        text = f"{type(error).__name__}: {' '.join(str(error).split())}"
        made = {"seconds": 0.0, "from_step": 0, "ended": time.time()}
        work.write_result(self.home, self.plan.run(number), work.FAILED, text, [], 0, made)
        self.fates[work.FAILED] += 1


def close(client: Any) -> None:
    """End a connection, also to a scheduler that is gone."""
    if client is not None:
        with suppress(Exception):
            client.close(timeout=3)
