"""How well a Markov chain mixes: how long its pictures stay alike, how long a digit stays, what a draw costs.

A chain is (n, c, d): n draws of c chains side by side, pictures of d numbers, as `Chain.chain` of the baselines gives
it. Times are in draws, so in steps of the chain where every step is a draw.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

from ganlib.baselines.model import Chain
from ganlib.errors import DataError
from ganlib.studies.measures import Classifier

ROWS = 100  # chains side by side that are timed, in place of more
WINDOW = 5  # the sum of an autocorrelation goes on to so many times what it gives (Sokal 1997)


class Sampler(Protocol):
    """What gives independent draws: a `Trained` pair, a VAE."""

    def samples(self, n: int, seed: int = 0) -> Tensor:
        """n draws: (n, d)."""


def autocorrelation(chain: Tensor, mean: Tensor | None = None, longest: int | None = None) -> np.ndarray:
    """rho(t) of a chain (n, c, d) for t = 0 to `longest` (None: a half of n), rho(0) = 1: (longest + 1,).

        rho(t) = E (x_s - mean) . (x_{s+t} - mean) / E |x_s - mean|^2

    It sums over the pixels, so one that never moves counts for nothing. The mean is that of all draws of all chains,
    or a given one (d,): of a single chain that shows one digit only, its own mean is that digit, and the chain would
    seem to mix. Raises `DataError` when the chain is too short, or never moves.
    """
    if chain.ndim != 3 or len(chain) < 2:
        raise DataError(f"the chain is {tuple(chain.shape)}; give (n, c, d): two draws or more of each chain")
    n = len(chain)
    longest = n // 2 if longest is None else min(longest, n - 1)
    mean = chain.double().mean((0, 1)) if mean is None else mean.double()
    sums = torch.zeros(longest + 1, dtype=torch.float64)
    for one in chain.unbind(1):
        power = torch.fft.rfft(one.double() - mean, 2 * n, dim=0).abs().square().sum(1)  # (n + 1,)
        sums += torch.fft.irfft(power, 2 * n)[: longest + 1]
    rho = (sums / (n - torch.arange(longest + 1))).numpy()
    if not rho[0] > 1e-12 * chain.shape[1] * chain.shape[2]:
        raise DataError("the chain never moves; an autocorrelation needs draws that differ")
    return rho / rho[0]


def integrated_time(rho: np.ndarray) -> float:
    """tau = 1 + 2 sum of rho(t), in draws: n draws are worth n / tau independent ones. 1 for independent draws.

    The sum ends at the first t >= `WINDOW` tau, beyond which there is little but noise. An autocorrelation that ends
    before that gives a lower limit.
    """
    tau = 1 + 2 * np.cumsum(rho[1:])
    enough = np.flatnonzero(np.arange(1, len(rho)) >= WINDOW * tau)
    return float(max(tau[enough[0] if len(enough) else -1], 1.0)) if len(tau) else 1.0


def steps_between_digits(labels: Tensor) -> float:
    """How many draws the answer of a classifier stays the same, on average: labels (n,) or (n, c) of c chains.

    All moves over the moves that change the digit; infinite when none does. Ten equally likely digits, drawn
    independently, have 10/9.
    """
    if len(labels) < 2:
        raise DataError(f"labels are {tuple(labels.shape)}; two draws or more are needed to see a change")
    changes = int((labels[1:] != labels[:-1]).sum())
    return labels[1:].numel() / changes if changes else math.inf


def digits(chain: Tensor, classifier: Classifier) -> Tensor:
    """What a classifier takes each picture of a chain (n, c, d) for: (n, c)."""
    return classifier.probabilities(chain.flatten(0, 1)).argmax(1).view(chain.shape[:2])


@dataclass(frozen=True)
class Mixing:
    """How well some chains mix."""

    rho: np.ndarray  # (lags,) the autocorrelation
    time: float  # the integrated autocorrelation time, draws
    between: float  # draws between two different digits, mean
    seen: float  # different digits that one chain shows, mean
    n: int  # draws in all

    @property
    def effective(self) -> float:
        """How many independent draws they are worth, by the autocorrelation."""
        return self.n / self.time


def mixing(chain: Tensor, classifier: Classifier, longest: int | None = None) -> Mixing:
    """All of it, of a chain (n, c, d)."""
    rho, labels = autocorrelation(chain, longest=longest), digits(chain, classifier)
    seen = np.mean([len(own.unique()) for own in labels.unbind(1)])
    return Mixing(rho, integrated_time(rho), steps_between_digits(labels), float(seen), labels.numel())


def steps_for(recipe: Any, n: int = 10_000) -> int:
    """Steps of each of a recipe's chains for n draws: those before the first draw, and those to each of its draws."""
    return recipe.burn_in + recipe.thin * -(-n // min(recipe.chains, n))


def seconds_for(model: Sampler, n: int = 10_000, part: int = 20) -> float:
    """Seconds that n draws take here: from a few steps of a chain's many, or from a part of independent draws.

    A measurement of this machine, at this moment; the least of three.
    """
    if isinstance(model, Chain):
        chains = min(model.recipe.chains, n)
        rows = min(chains, ROWS)
        start = model.mean.expand(rows, -1)
        return steps_for(model.recipe, n) * chains / (part * rows) * _least(lambda: model.chain(part, start=start))
    few = min(n, 50 * part)
    return n / few * _least(lambda: model.samples(few))


def _least(work: Callable[[], object]) -> float:
    """The least seconds of three that some work takes."""
    took = []
    for _ in range(3):
        begun = time.perf_counter()
        work()
        took.append(time.perf_counter() - begun)
    return min(took)
