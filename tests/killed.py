"""What the processes do that tests kill. They are forked from one that has imported torch, so each costs little."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Callable
from pathlib import Path

from ganlib import Recipe, Trainer, checkpoints, game, runs
from tests import small

FORK = multiprocessing.get_context("forkserver" if os.name == "posix" else "spawn")
FORK.set_forkserver_preload(["tests.forked"])


def in_new_process(target: Callable, *arguments: object) -> int:
    """Run a function of a module in a process of its own: the exit code, or minus the signal that ended it."""
    process = FORK.Process(target=target, args=arguments)
    process.start()
    process.join(240)
    assert process.exitcode is not None, "still running after 240 s"
    return process.exitcode


def train(folder: Path, recipe: Recipe, checkpoint_seconds: float) -> None:
    """Begin a small run or go on with it, and train it to its end."""
    run = runs.open(folder, recipe, data=small.data(), seed=7)
    run.train(progress=False, checkpoint_seconds=checkpoint_seconds)


def train_and_die(folder: Path, recipe: Recipe, where: str, nth: int, when: str) -> None:
    """Train, saving after each step, and die at the nth call of a function: before it, after it, or half-way."""
    owner, name = {
        "fsync": (os, "fsync"),
        "replace": (os, "replace"),
        "save": (checkpoints.torch, "save"),
        "descend": (Trainer, "_descend"),
        "validate": (Trainer, "validate"),
        "gradients": (game, "simultaneous_gradients"),
    }[where]
    honest, calls = getattr(owner, name), 0

    def deadly(*arguments, **options):
        nonlocal calls
        calls += 1
        if calls == nth and when == "before":
            die()
        if calls == nth and when == "half-way":  # of torch.save(state, file)
            honest(*arguments, **options)
            file = arguments[1]
            file.truncate(file.tell() // 2)
            die()
        result = honest(*arguments, **options)
        if calls == nth and when == "after":
            die()
        return result

    setattr(owner, name, deadly)
    train(folder, recipe, 1e-9)


def die() -> None:
    """End this process as a power cut would: no handler runs, nothing is flushed."""
    os.kill(os.getpid(), signal.SIGKILL)
