"""Parameters, memory and seconds an iteration of each recipe at full size, here: `python -m benchmarks.full_size`.

Made-up pictures, a few iterations, each recipe in a process of its own. The least of the times is what the arithmetic
takes when nothing else runs; the whole recipe's time is that times its iterations. On a GPU a second table has the
updates played from Python, not replayed (`ganlib.replay`).
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time

import torch

from benchmarks.memory import peak
from ganlib import Trainer, named
from ganlib.datasets import Dataset
from ganlib.hardware import choose
from ganlib.recipes import RECIPES

ITERATIONS = {"cpu": 6, "mps": 60, "cuda": 300}
TRAINING_PICTURES = {"mnist": 50_000, "tfd-1": 100_000, "tfd-2": 100_000, "cifar10-fc": 40_000, "cifar10-conv": 40_000}
"""In the whole data set; of the faces of TFD about a hundred thousand are unlabeled."""


def measure(name: str, replay: bool = True) -> dict[str, float | None]:
    """Some iterations of the recipe of that name: parameters, seconds, gigabytes (on CUDA the GPU's)."""
    recipe = named(name)
    n, d = 2 * recipe.batch, recipe.G[-1].units
    x = torch.randint(0, 256, (n, d), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    y = torch.zeros(n, dtype=torch.int64)
    data = Dataset("made up", (1, 1, d), x, x, x, y, y, y, source="made up by the benchmark")
    top = recipe.networks(0, data.mean())[0].layers[2:] if recipe.built_on else None
    trainer = Trainer(recipe, data, top=top)
    kind = trainer.hardware.device.type
    if not replay:
        trainer._repeats = lambda: False
    seconds = []
    for _ in range(ITERATIONS[kind]):
        begun = time.perf_counter()
        next(trainer.steps(1))  # it reads numbers off the device, so it waits for it
        seconds.append(time.perf_counter() - begun)
    most = torch.cuda.max_memory_allocated() if kind == "cuda" else peak()
    return {
        "parameters": sum(recipe.sizes().values()),
        "least": min(seconds),
        "median": statistics.median(seconds),
        "gigabytes": None if most is None else most / 1e9,
    }


def table(*more: str) -> None:
    """The recipes one after the other, each in a process of its own."""
    print(
        "| recipe | parameters | memory, GB | seconds an iteration: least, median | iterations | hours at the least |"
    )
    print("| --- | --- | --- | --- | --- | --- |")
    for name, recipe in RECIPES.items():
        command = [sys.executable, "-m", __spec__.name, name, *more]
        found = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
        iterations = recipe.epochs * -(-TRAINING_PICTURES[name] // recipe.batch)
        time_taken = f"{found['least']:.5f}, {found['median']:.5f} | {iterations:,}"
        hours = iterations * found["least"] / 3600
        memory = "unknown" if found["gigabytes"] is None else f"{found['gigabytes']:.1f}"
        print(f"| {name} | {found['parameters']:,} | {memory} | {time_taken} | {hours:,.2f} |", flush=True)


def main() -> None:
    """Print the table, and on CUDA the one of played updates."""
    hardware = choose()
    cuda = hardware.device.type == "cuda"
    where = torch.cuda.get_device_name() if cuda else hardware.device
    print(f"{where}, {hardware.precision}, {torch.get_num_threads()} threads\n")
    table()
    if cuda:
        print("\nplayed:\n")
        table("played")


if __name__ == "__main__":
    if len(sys.argv) > 1:
        print(json.dumps(measure(sys.argv[1], replay="played" not in sys.argv)))
    else:
        main()
