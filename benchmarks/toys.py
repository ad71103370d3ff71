"""Do 64 toy GANs train together in under four times the time of one alone? Part of `make bench`."""

from __future__ import annotations

import statistics

import torch

from benchmarks.turns import take_turns
from ganlib.densities import Gaussian
from ganlib.recipes import TOY
from ganlib.studies.toys import Toys

ROUNDS = 300


def one_and_many(many: int = 64, rounds: int = ROUNDS) -> tuple[list[float], list[float]]:
    """Seconds of an iteration of one game, and of `many` in a stack, taking turns; on one thread, which is faster."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        sides = {n: Toys(TOY, Gaussian(0, 1), seeds=range(n)).iterate for n in (1, many)}
        seconds = take_turns(sides, rounds)
    finally:
        torch.set_num_threads(threads)
    return seconds[1], seconds[many]


def main() -> None:
    """Print the ratio."""
    one, many = one_and_many()
    middle = [1e3 * statistics.median(each) for each in (one, many)]
    print(f"\nAn iteration of one toy: {middle[0]:.2f} ms; of 64 together: {middle[1]:.2f} ms", end="")
    print(f" ({middle[1] / middle[0]:.1f} times; by the minima {min(many) / min(one):.1f})")


if __name__ == "__main__":
    main()
