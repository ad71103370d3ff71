"""How fast is a step? The trainer against the usual loop and against the bare matrix products: `make bench`.

All sides take turns in one process, so that a noisy machine slows all of them. Figures: medians and minima, in ms.
"""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import sys
from collections.abc import Callable

import torch
from torch import nn
from torch.nn.functional import binary_cross_entropy_with_logits

from benchmarks import toys
from benchmarks.turns import take_turns
from ganlib import MNIST, Trainer, load, parzen, scale
from ganlib.datasets import Dataset

ROUNDS = 40


class Maxout(nn.Module):
    """A maxout layer with dropout on what it reads, as most would write it."""

    def __init__(self, inputs: int, units: int, keep: float):
        super().__init__()
        self.linear, self.drop = nn.Linear(inputs, 5 * units), nn.Dropout(1 - keep)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map x (m, inputs) to (m, units)."""
        return self.linear(self.drop(x)).unflatten(-1, (-1, 5)).max(-1).values


def usual_loop(data: Dataset, compiled: bool = False) -> Callable[[], object]:
    """A step as most implementations write it: G through D, then D on the data, then D on the fakes; torch's SGD."""
    G = nn.Sequential(nn.Linear(100, 1200), nn.ReLU(), nn.Linear(1200, 1200), nn.ReLU(), nn.Linear(1200, 784))
    G = nn.Sequential(G, nn.Sigmoid())
    D = nn.Sequential(Maxout(784, 240, 0.8), Maxout(240, 240, 0.5), nn.Dropout(0.5), nn.Linear(240, 1), nn.Flatten(0))
    optimiser_G = torch.optim.SGD(G.parameters(), lr=0.1, momentum=0.5)
    optimiser_D = torch.optim.SGD(D.parameters(), lr=0.1, momentum=0.5)
    ones, zeros = torch.ones(100), torch.zeros(100)
    if compiled:
        G, D = torch.compile(G), torch.compile(D)

    def step() -> None:
        x = scale(data.train[torch.randint(len(data.train), (100,))])
        fake = G(3**0.5 * (2 * torch.rand(100, 100) - 1))
        optimiser_G.zero_grad()
        binary_cross_entropy_with_logits(D(fake), ones).backward()
        optimiser_G.step()
        optimiser_D.zero_grad()
        real_cost = binary_cross_entropy_with_logits(D(x), ones)
        fake_cost = binary_cross_entropy_with_logits(D(fake.detach()), zeros)
        ((real_cost + fake_cost) / 2).backward()
        optimiser_D.step()

    return step


def bare_products(dtype: torch.dtype) -> Callable[[], object]:
    """The matrix products that one step cannot do without, and nothing else: forward, and both gradients."""
    shapes = [(100, 100, 1200), (100, 1200, 1200), (100, 1200, 784), (200, 784, 1200), (200, 240, 1200)]
    sides = [(torch.randn(m, i, dtype=dtype), torch.randn(o, i, dtype=dtype)) for m, i, o in shapes]
    back = [torch.randn(m, o, dtype=dtype) for m, _, o in shapes]

    def products() -> None:
        for (x, W), g in zip(sides, back, strict=True):
            x @ W.T, g @ W, g.T @ x

    return products


def profile(step: Callable[[], object], rows: int = 12) -> None:
    """Print where the time of a step goes: torch's own operations, those that take most of it first."""
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU]) as found:
        for _ in range(ROUNDS):
            step()
    events = sorted(found.key_averages(), key=lambda event: -event.self_cpu_time_total)
    total = sum(event.self_cpu_time_total for event in events)
    for event in events[:rows]:
        share, calls = event.self_cpu_time_total / total, event.count / ROUNDS
        print(f"{event.key:32}{share:7.1%}{event.self_cpu_time_total / ROUNDS / 1e3:8.2f} ms{calls:7.0f} calls a step")


def compare(sides: dict[str, Callable[[], object]]) -> dict[str, list[float]]:
    """Let them take turns, print what a step of each takes, and give the seconds."""
    seconds = take_turns(sides, ROUNDS)
    usual = seconds["usual loop, float32"]
    print(f"One step of the full MNIST recipe (batch 100), {torch.get_num_threads()} threads, {ROUNDS} rounds:\n")
    print(f"{'':26}{'median ms':>10}{'min ms':>10}{'usual loop / this, median':>28}{'min':>7}")
    for name, each in seconds.items():
        middle, best = statistics.median(each), min(each)
        ratios = statistics.median(usual) / middle, min(usual) / best
        print(f"{name:26}{1e3 * middle:10.1f}{1e3 * best:10.1f}{ratios[0]:28.2f}{ratios[1]:7.2f}")
    return seconds


def with_compiler() -> None:
    """The usual loop by torch.compile, which needs a compiler on the machine; ganlib does not.

    In a process of its own, in which waiting threads sleep: compiled code brings a second set of threads, and two sets
    that spin while they wait make every side up to a hundred times as slow.
    """
    data = load("mnist-5k")
    step = Trainer(MNIST, data, precision="bfloat16", device="cpu").steps()
    usual, compiled = usual_loop(data), usual_loop(data, compiled=True)
    sides = {"usual loop, float32": usual, "usual loop, compiled": compiled, "Trainer, bfloat16": lambda: next(step)}
    compare(sides)


def main() -> None:
    """Print the tables."""
    torch.set_num_threads(min(2, torch.get_num_threads()))
    data = load("mnist-5k")
    steps = {p: Trainer(MNIST, data, precision=p, device="cpu").steps() for p in ("float32", "bfloat16")}
    sides: dict[str, Callable[[], object]] = {
        "usual loop, float32": usual_loop(data),
        "Trainer, float32": lambda: next(steps["float32"]),
        "Trainer, bfloat16": lambda: next(steps["bfloat16"]),
        "bare products, float32": bare_products(torch.float32),
        "bare products, bfloat16": bare_products(torch.bfloat16),
    }
    seconds = compare(sides)
    for precision in steps:
        of, bare = (seconds[f"{side}, {precision}"] for side in ("Trainer", "bare products"))
        ratios = statistics.median(of) / statistics.median(bare), min(of) / min(bare)
        print(f"Trainer / bare products, {precision}: {ratios[0]:.2f} (of the minima {ratios[1]:.2f})")

    rng = torch.Generator().manual_seed(0)
    centres, valid, test = (torch.rand(n, 784, generator=rng) for n in (10_000, 1_000, 10_000))
    found = take_turns({"parzen": lambda: parzen.score(centres, valid, test, data="noise")}, 3)["parzen"]
    print("\nOne step of Trainer, bfloat16, by operation (the profiler's own work included):\n")
    profile(sides["Trainer, bfloat16"])
    print(f"\nParzen, the paper's protocol: {statistics.median(found):.1f} s (min {min(found):.1f} s)")
    toys.main()
    if shutil.which("c++"):
        print("\nBeside torch.compile, waiting threads asleep:\n", flush=True)
        command = [sys.executable, "-m", "benchmarks", "compiled"]
        subprocess.run(command, env=os.environ | {"OMP_WAIT_POLICY": "PASSIVE"}, check=True)


if __name__ == "__main__":
    with_compiler() if sys.argv[1:] == ["compiled"] else main()
