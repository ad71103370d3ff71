"""The Parzen-window log-likelihood of Table 1: an isotropic Gaussian on each sample of G, scored on real pictures.

    log p(x) = logmeanexp_j(-|x - mu_j|^2 / (2 sigma^2)) - d log(sigma sqrt(2 pi))      (nats)

The estimator of Breuleux et al. (2011), as the authors' parzen_ll.py computes it. It has high variance, has not
converged in the number of centres at 10,000, and can rank blurred pictures above real ones (Theis et al. 2016).
"""

import math
import warnings
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ganlib.errors import DataError

SIGMAS: tuple[float, ...] = tuple(np.logspace(-1, 0, 10).tolist())  # the paper's grid
FINE_SIGMAS: tuple[float, ...] = tuple(np.logspace(-1, 0, 91).tolist())  # ten times as fine, over the same range
N_VALID = 1_000  # sigma is chosen on this many images, the first of the validation split
CHUNK = 500  # rows of the distance matrix in memory at once


@dataclass(frozen=True)
class Score:
    """A Parzen score, with all that it depends on."""

    log_likelihood: float  # mean over the scored images, nats
    standard_error: float  # of that mean across the images, nats
    sigma: float  # the bandwidth, chosen on the validation images
    n_samples: int  # samples of G used as centres
    n_test: int  # images scored
    split: str  # that they come from
    data: str  # the data set that they come from

    def __str__(self) -> str:
        return (
            f"{self.log_likelihood:.1f} ± {self.standard_error:.1f} nats "
            f"(sigma {self.sigma:.4f}, {self.n_samples:,} samples, {self.n_test:,} images of {self.data} {self.split})"
        )

    def to_dict(self) -> dict[str, float | int | str]:
        """The score as plain numbers and strings."""
        return asdict(self)


@dataclass(frozen=True)
class FoldsScore:
    """The Parzen score of faces: several folds, each with a sigma of its own, as Table 1 has it for TFD."""

    log_likelihood: float  # mean over the folds of each fold's mean, nats
    standard_error: float  # of that mean across the folds, nats
    each: tuple[Score, ...]  # the folds one by one; their own standard errors are across images
    n_samples: int  # samples of G used as centres, the same in every fold
    data: str  # the data set that the images come from

    @property
    def n_test(self) -> int:
        """Images scored, over all the folds."""
        return sum(score.n_test for score in self.each)

    def __str__(self) -> str:
        sigmas = ", ".join(f"{score.sigma:.4f}" for score in self.each)
        what = f"{self.n_samples:,} samples, {self.n_test:,} images of {self.data} {self.each[0].split}"
        score = f"{self.log_likelihood:.1f} ± {self.standard_error:.1f} nats"
        return f"{score} ({len(self.each)} folds, sigma {sigmas}, {what})"

    def to_dict(self) -> dict[str, Any]:
        """The score as plain numbers, strings and lists."""
        return asdict(self) | {"each": [score.to_dict() for score in self.each]}


def log_likelihood(x: Tensor, centres: Tensor, sigmas: Sequence[float]) -> Tensor:
    """log p(x) in nats under the mixture, for every sigma from one distance matrix.

    x (n, d) and centres (c, d), any floating type; returns float64 (len(sigmas), n). Computed in float32 chunk by
    chunk; within 0.01 nats of float64 for sigma >= 0.1 and pictures in [0, 1]. Float64 input is computed in float64.

    >>> import torch, math
    >>> lone = log_likelihood(torch.zeros(1, 3), torch.zeros(1, 3), [0.5])
    >>> bool(abs(lone.item() + 3 * math.log(0.5 * math.sqrt(2 * math.pi))) < 1e-12)
    True
    """
    if x.ndim != 2 or centres.ndim != 2 or x.shape[1] != centres.shape[1] or not len(x) or not len(centres):
        raise DataError(f"x is {tuple(x.shape)} and centres {tuple(centres.shape)}; both must be (n, d), same d, n > 0")
    if not x.is_floating_point() or not centres.is_floating_point():
        raise DataError(f"x is {x.dtype} and centres {centres.dtype}; scale pictures to floating point first")
    if not len(sigmas) or not all(0 < sigma < math.inf for sigma in sigmas):
        raise DataError(f"sigmas are {list(sigmas)}; each must be a positive, finite number")
    for name, tensor in (("x", x), ("centres", centres)):
        if not bool(torch.isfinite(tensor).all()):
            raise DataError(f"{name} holds values that are not finite numbers; the net that made it has diverged")
    dtype = torch.float64 if x.dtype == torch.float64 else torch.float32
    middle = centres.mean(0, dtype=torch.float64).to(dtype)  # smaller numbers, smaller rounding
    mu = centres.to(dtype) - middle
    mu_norm = mu.square().sum(1)  # (c,)
    d, c = x.shape[1], len(centres)
    result = torch.empty(len(sigmas), len(x), dtype=torch.float64, device="cpu")
    for start in range(0, len(x), CHUNK):
        rows = x[start : start + CHUNK].to(mu) - middle
        half = torch.addmm(mu_norm / -2, rows, mu.T).sub_(rows.square().sum(1, keepdim=True) / 2)  # -|x - mu|^2 / 2
        half.clamp_(max=0)
        nearest = half.amax(1, keepdim=True)
        half.sub_(nearest)  # (chunk, c), largest is 0
        for i, sigma in enumerate(sigmas):
            total = (half / sigma**2).exp_().sum(1)
            logmeanexp = nearest[:, 0].double() / sigma**2 + total.double().log() - math.log(c)
            result[i, start : start + CHUNK] = logmeanexp - d * math.log(sigma * math.sqrt(2 * math.pi))
    return result


def fine_sigmas_near(best: int) -> tuple[float, ...]:
    """The fine grid from the one neighbour of SIGMAS[best] to the other: enough, as a score over sigma has one hill."""
    return FINE_SIGMAS[max(10 * best - 10, 0) : 10 * best + 11]


def choose_sigma(valid: Tensor, centres: Tensor, sigmas: Sequence[float] = SIGMAS) -> tuple[float, Tensor]:
    """The sigma with the best mean over the first 1,000 of `valid` (n, d), and the mean for every sigma, nats."""
    means = log_likelihood(valid[:N_VALID], centres, sigmas).mean(1)  # (len(sigmas),)
    best = int(means.argmax())
    if len(sigmas) > 2 and best in (0, len(sigmas) - 1):
        at = f"the best sigma, {sigmas[best]:.4g}, is at the edge of the grid {sigmas[0]:.4g} to {sigmas[-1]:.4g}"
        why = "the true best may lie outside it, and the score is then too low. Few or poor samples cause this."
        warnings.warn(f"{at}: {why}", stacklevel=2)
    return sigmas[best], means


def validation_score(centres: Tensor, valid: Tensor) -> dict[str, float]:
    """What a run is watched by: the best mean over the grid on the images that choose sigma, its error, its sigma.

    `fine` and `fine_sigma` are the best mean and its sigma on the finer grid between the neighbours of that sigma.
    """
    best = int(log_likelihood(valid[:N_VALID], centres, SIGMAS).mean(1).argmax())
    near = fine_sigmas_near(best)
    each = log_likelihood(valid[:N_VALID], centres, near)  # (21 or, at an edge, 11; n)
    mean, error = _mean_and_error(each[10 if best else 0])
    fine = each.mean(1)
    return {
        "log_likelihood": mean,
        "standard_error": error,
        "sigma": SIGMAS[best],
        "fine": fine.max().item(),
        "fine_sigma": near[int(fine.argmax())],
    }


def _mean_and_error(each: Tensor, correction: int = 0) -> tuple[float, float]:
    return each.mean().item(), each.std(correction=correction).item() / math.sqrt(len(each))


def score(
    centres: Tensor, valid: Tensor, test: Tensor, *, data: str, split: str = "test", sigmas: Sequence[float] = SIGMAS
) -> Score:
    """The paper's protocol: sigma by the validation images, then the mean and standard error over `test` (n, d).

    All pictures in [0, 1]. Raises `DataError` on shapes that do not fit or values that are not finite.
    """
    sigma, _ = choose_sigma(valid, centres, sigmas)
    mean, error = _mean_and_error(log_likelihood(test, centres, [sigma])[0])
    return Score(mean, error, sigma, len(centres), len(test), split, data)


def folds_score(
    centres: Tensor, folds: Sequence[tuple[Tensor, Tensor]], *, data: str, sigmas: Sequence[float] = SIGMAS
) -> FoldsScore:
    """Table 1's rule for faces: on each fold (valid, test), sigma by its validation images, the mean over its test's.

    The score is the mean of the folds' means, +- its standard error across them, with n - 1 in the denominator (the
    paper does not say which; with n the error of five folds would be 11 % smaller). All pictures (n, d) in [0, 1].
    """
    if len(folds) < 2:
        raise DataError(f"{len(folds)} fold(s); a standard error across folds needs two or more")
    each = tuple(score(centres, valid, test, data=data, sigmas=sigmas) for valid, test in folds)
    means = torch.tensor([fold.log_likelihood for fold in each], dtype=torch.float64)
    return FoldsScore(*_mean_and_error(means, correction=1), each, len(centres), data)
