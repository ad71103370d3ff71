"""Sides that take turns in one process, so that a noisy machine slows all of them."""

from __future__ import annotations

import time
from collections.abc import Callable


def take_turns(
    sides: dict[str, Callable[[], object]], rounds: int, clock: Callable[[], float] = time.perf_counter
) -> dict[str, list[float]]:
    """Seconds of each side, a list a side, one call of each in turn.

    `time.process_time` as the clock counts the time of a processor only, so that waiting for a turn on a busy machine
    does not count. It suits sides that work in one thread.
    """
    for run in sides.values():
        run(), run()
    seconds: dict[str, list[float]] = {name: [] for name in sides}
    for _ in range(rounds):
        for name, run in sides.items():
            start = clock()
            run()
            seconds[name].append(clock() - start)
    return seconds
