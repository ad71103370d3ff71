"""Sides that take turns in one process, so that a noisy machine slows all of them."""

from __future__ import annotations

import time
from collections.abc import Callable


def take_turns(sides: dict[str, Callable[[], object]], rounds: int) -> dict[str, list[float]]:
    """Seconds of each side, a list a side, one call of each in turn."""
    for run in sides.values():
        run(), run()
    seconds: dict[str, list[float]] = {name: [] for name in sides}
    for _ in range(rounds):
        for name, run in sides.items():
            start = time.perf_counter()
            run()
            seconds[name].append(time.perf_counter() - start)
    return seconds
