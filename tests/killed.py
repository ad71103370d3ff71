"""What the processes do that tests kill. They are forked from one that has imported torch, so each costs little.

`command` is the real command line, with a small game among its recipes and data sets, and a checkpoint after each step.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

from ganlib import Recipe, Trainer, baselines, checkpoints, datasets, game, runs
from ganlib.__main__ import main
from ganlib.datasets.record import Record
from ganlib.recipes import recipe as recipes
from tests import small

FORK = multiprocessing.get_context("forkserver" if os.name == "posix" else "spawn")
FORK.set_forkserver_preload(["tests.forked"])
TRAIN = ["train", "small", "--device", "cpu", "--precision", "float32", "--seed", "7"]


def in_new_process(target: Callable, *arguments: object, **options: object) -> int:
    """Run a function of a module in a process of its own: the exit code, or minus the signal that ended it."""
    process = FORK.Process(target=target, args=arguments, kwargs=options)
    process.start()
    process.join(240)
    assert process.exitcode is not None, "still running after 240 s"
    return process.exitcode


def train(folder: Path, recipe: Recipe, checkpoint_seconds: float) -> None:
    """Begin a small run or go on with it, and train it to its end."""
    run = runs.open(folder, recipe, data=small.data(), seed=7)
    run.train(progress=False, checkpoint_seconds=checkpoint_seconds)


def command(
    arguments: list[str],
    *moment: object,
    seconds: float = 1e-9,
    out: str = "nowhere",
    err: str = "nowhere",
    environment: dict | None = None,
    mnist: dict | None = None,
) -> None:
    """`python -m ganlib ARGUMENTS`; at a moment (see `at`) it dies, or gets signals. `seconds` between checkpoints.

    `out` and `err`: what becomes of its output, see `lead`. `mnist`: the facts of other files in the place of MNIST's.
    """
    recipes.RECIPES["small"] = small.RECIPE
    recipes.SCALES["smoke"]["small"] = {}
    datasets.RECORDS["small"] = Record("small", (1, 3, 4))
    datasets.SETS["small"] = SimpleNamespace(load=lambda *_, **__: small.data())
    baselines.RECIPES["small"] = baselines.KINDS["rbm"](hidden=5, epochs=4, batch=10)
    baselines.files.SCORED = 50
    runs.Run.train.__kwdefaults__["checkpoint_seconds"] = seconds
    os.environ |= environment or {}
    for name, value in (mnist or {}).items():
        setattr(datasets.mnist.RECORD, name, value)
    sys.stdout, sys.stderr = lead(1, out), lead(2, err)
    if moment:
        at(*moment)
    sys.exit(main(arguments))


def at(where: str, nth: int, what: str | tuple[int, ...]) -> None:
    """Die at the nth call of a function: "before" it, "after" it or "half-way"; or get these signals in the midst."""
    owner, name = {
        "fsync": (os, "fsync"),
        "replace": (os, "replace"),
        "save": (checkpoints.torch, "save"),
        "descend": (Trainer, "_descend"),
        "validate": (Trainer, "validate"),
        "gradients": (game, "simultaneous_gradients"),
        "score": (runs, "score"),
    }[where]
    honest, calls = getattr(owner, name), 0

    def deadly(*arguments, **options):
        nonlocal calls
        calls += 1
        if calls != nth:
            return honest(*arguments, **options)
        if what == "before":
            die()
        if what == "half-way":  # the file that is flushed or saved has but its first half on the disk
            result = honest(*arguments, **options)
            file = arguments[0]
            if where == "save":  # torch.save(state, file)
                arguments[1].flush()
                file = arguments[1].fileno()
            os.truncate(file, os.fstat(file).st_size // 2)
            die()
        for number in () if isinstance(what, str) else what:
            os.kill(os.getpid(), number)
        result = honest(*arguments, **options)
        if what == "after":
            die()
        return result

    setattr(owner, name, deadly)


def lead(number: int, where: str):
    """Let standard output (1) or error (2) go "nowhere", or into a file; or break it; gives what is left of it."""
    if where == "dead reader":
        reader, writer = os.pipe()
        os.close(reader)
    elif where == "closed":
        os.close(number)
        return None
    else:
        named = {"nowhere": os.devnull, "full device": "/dev/full"}
        writer = os.open(named.get(where, where.removeprefix("ascii ")), os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(writer, number)
    return open(number, "w", encoding="ascii" if where.startswith("ascii ") else "utf-8", closefd=False)


def die() -> None:
    """End this process as a power cut would: no handler runs, nothing is flushed."""
    os.kill(os.getpid(), signal.SIGKILL)
