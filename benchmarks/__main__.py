"""How fast is a step? The trainer against the usual loop and against the bare matrix products: `make bench`.

All sides take turns in one process, so that a noisy machine slows all of them. Figures: medians and minima, in ms.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable

import torch
from torch.nn.functional import binary_cross_entropy_with_logits

from benchmarks import toys
from benchmarks.turns import take_turns
from ganlib import MNIST, Trainer, load, parzen, scale
from ganlib.datasets import Dataset

ROUNDS = 40


def usual_loop(data: Dataset) -> Callable[[], object]:
    """A step as most implementations write it: G through D, then D on the data, then D on the fakes; torch's SGD."""
    G, D = MNIST.networks(0, data.mean())
    optimiser_G = torch.optim.SGD(G.parameters(), lr=0.1, momentum=0.5)
    optimiser_D = torch.optim.SGD(D.parameters(), lr=0.1, momentum=0.5)
    rng = torch.Generator().manual_seed(0)
    ones, zeros = torch.ones(100), torch.zeros(100)

    def step() -> None:
        x = scale(data.train[torch.randint(len(data.train), (100,), generator=rng)])
        fake = G(3**0.5 * (2 * torch.rand(100, 100, generator=rng) - 1))
        optimiser_G.zero_grad()
        binary_cross_entropy_with_logits(D.logit(fake, rng), ones).backward()
        optimiser_G.step()
        optimiser_D.zero_grad()
        real_cost = binary_cross_entropy_with_logits(D.logit(x, rng), ones)
        fake_cost = binary_cross_entropy_with_logits(D.logit(fake.detach(), rng), zeros)
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


def main() -> None:
    """Print the table."""
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
    seconds = take_turns(sides, ROUNDS)
    reference = "usual loop, float32"
    print(f"One step of the full MNIST recipe (batch 100), {torch.get_num_threads()} threads, {ROUNDS} rounds:\n")
    print(f"{'':26}{'median ms':>10}{'min ms':>10}{'usual loop / this, median':>28}{'min':>7}")
    for name, each in seconds.items():
        middle, best = statistics.median(each), min(each)
        ratios = statistics.median(seconds[reference]) / middle, min(seconds[reference]) / best
        print(f"{name:26}{1e3 * middle:10.1f}{1e3 * best:10.1f}{ratios[0]:28.2f}{ratios[1]:7.2f}")

    rng = torch.Generator().manual_seed(0)
    centres, valid, test = (torch.rand(n, 784, generator=rng) for n in (10_000, 1_000, 10_000))
    found = take_turns({"parzen": lambda: parzen.score(centres, valid, test, data="noise")}, 3)["parzen"]
    print(f"\nParzen, the paper's protocol: {statistics.median(found):.1f} s (min {min(found):.1f} s)")
    toys.main()


if __name__ == "__main__":
    main()
