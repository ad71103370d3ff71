"""The Parzen-window log-likelihood of Table 1: an isotropic Gaussian on each sample of G, scored on real pictures.

    log p(x) = logmeanexp_j(-|x - mu_j|^2 / (2 sigma^2)) - d log(sigma sqrt(2 pi))      (nats)

The estimator of Breuleux et al. (2011), as the authors' parzen_ll.py computes it. It has high variance, has not
converged in the number of centres at 10,000, and can rank blurred pictures above real ones (Theis et al. 2016).
"""

import math
import sys
import warnings
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Annotated, Any

import numpy as np
import torch
from torch import Tensor

from ganlib.errors import DataError, Within, brief, door, is_number, need

SIGMAS: tuple[float, ...] = tuple(np.logspace(-1, 0, 10).tolist())  # the paper's grid
FINE_SIGMAS: tuple[float, ...] = tuple(np.logspace(-1, 0, 91).tolist())  # ten times as fine, over the same range
N_VALID = 1_000  # sigma is chosen on this many images, the first of the validation split
CHUNK = 500  # rows of the distance matrix in memory at once
SIGMA = Within(1e-15, 1e15)  # so that no square of it leaves float32
LARGEST = 1e15  # of a pixel, for the same reason
Rows = Tensor | np.ndarray | Sequence[Sequence[float]]  # pictures (n, d), of any floating type


class ParzenWarning(UserWarning):
    """A score that is probably not the one that was meant."""


warnings.filterwarnings("always", category=ParzenWarning, append=True)  # not once a process, unless a person asks so


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
        return {name: _plain(value) for name, value in asdict(self).items()}


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
        plain = {name: _plain(value) for name, value in asdict(self).items()}
        return plain | {"each": [score.to_dict() for score in self.each]}


def _plain(value: Any) -> Any:
    """A number of numpy's or of torch's as Python's own."""
    return value.item() if isinstance(value, np.generic | Tensor) else value


def log_likelihood(x: Rows, centres: Rows, sigmas: Sequence[float]) -> Tensor:
    """log p(x) in nats under the mixture, for every sigma from one distance matrix.

    x (n, d) and centres (c, d), any floating type; returns float64 (len(sigmas), n). Computed in float32 chunk by
    chunk; within 0.01 nats of float64 for sigma >= 0.1 and pictures in [0, 1]. Float64 input is computed in float64.
    Raises `DataError` on anything else: other shapes and types, values that are not finite, senseless sigmas.

    >>> import torch, math
    >>> lone = log_likelihood(torch.zeros(1, 3), torch.zeros(1, 3), [0.5])
    >>> bool(abs(lone.item() + 3 * math.log(0.5 * math.sqrt(2 * math.pi))) < 1e-12)
    True
    """
    x, centres, sigmas = _rows(x, "x"), _rows(centres, "centres"), _sigmas(sigmas)
    if x.shape[1] != centres.shape[1]:
        raise DataError(f"x is {tuple(x.shape)} and centres {tuple(centres.shape)}; both must be (n, d), same d, n > 0")
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


def _rows(x: Rows, name: str) -> Tensor:
    """Pictures (n, d) as a tensor of finite floats. Raises `DataError` on what is none."""
    if not isinstance(x, Tensor):
        try:
            x = torch.tensor(np.ascontiguousarray(x))
        except (TypeError, ValueError, OverflowError, RuntimeError):
            raise DataError(f"{name} is {brief(x)}; give pictures (n, d) as a tensor of floats") from None
    if x.is_meta or x.layout != torch.strided:
        raise DataError(f"{name} is a tensor without numbers of its own ({x.device}, {x.layout}); give a dense one")
    if x.ndim != 2 or not len(x) or not x.shape[1]:
        raise DataError(f"{name} is {tuple(x.shape)}; it must be (n, d), n pictures of d numbers, both above 0")
    if not x.is_floating_point():
        raise DataError(f"{name} is {x.dtype}; scale pictures to floating point first")
    low, high = (end.item() for end in x.detach().aminmax())
    if not (math.isfinite(low) and math.isfinite(high)):
        raise DataError(f"{name} holds values that are not finite numbers; the net that made it has diverged")
    if max(-low, high) > LARGEST:
        raise DataError(f"{name} holds values from {low:.3g} to {high:.3g}; a score takes pictures in [0, 1]")
    return x.detach()


def _sigmas(sigmas: Sequence[float]) -> list[float]:
    """The bandwidths as Python's floats. Raises `DataError` on what is none."""
    listed = sigmas.tolist() if isinstance(sigmas, Tensor | np.ndarray) else sigmas
    listed = list(listed) if isinstance(listed, list | tuple) else None
    if not listed or not all(is_number(sigma) and SIGMA.holds(sigma) for sigma in listed):
        raise DataError(f"sigmas are {brief(sigmas)}; give a list of numbers{SIGMA}")
    return [float(sigma) for sigma in listed]


@door(DataError)
def fine_sigmas_near(best: Annotated[int, Within(0, len(SIGMAS) - 1)]) -> tuple[float, ...]:
    """The fine grid from the one neighbour of SIGMAS[best] to the other: enough, as a score over sigma has one hill."""
    return FINE_SIGMAS[max(10 * best - 10, 0) : 10 * best + 11]


def choose_sigma(valid: Rows, centres: Rows, sigmas: Sequence[float] = SIGMAS) -> tuple[float, Tensor]:
    """The sigma with the best mean over the first 1,000 of `valid` (n, d), and the mean for every sigma, nats.

    Warns, every time, when that sigma is at the edge of the grid, and when pictures and centres are of two scales.
    """
    valid, centres = _rows(valid, "valid")[:N_VALID], _rows(centres, "centres")
    sigmas = _sigmas(sigmas)
    _compare(centres, valid)
    return _best(valid, centres, sigmas)


def _best(valid: Tensor, centres: Tensor, sigmas: list[float]) -> tuple[float, Tensor]:
    means = log_likelihood(valid, centres, sigmas).mean(1)  # (len(sigmas),)
    best = int(means.argmax())
    if len(sigmas) > 2 and best in (0, len(sigmas) - 1):
        at = f"the best sigma, {sigmas[best]:.4g}, is at the edge of the grid {sigmas[0]:.4g} to {sigmas[-1]:.4g}"
        _warn(f"{at}: the true best may lie outside it, and the score is then too low. Few or poor samples cause this.")
    return sigmas[best], means


def _compare(centres: Tensor, *pictures: Tensor) -> None:
    """Warn when the pictures that are scored and the samples look like numbers on two different scales.

    That is when one goes below 0 as normalised pictures do and the other does not, or when one is in the hundreds, as
    bytes are, and the other is not. A poor G's narrow range within that of the pictures is no sign of it.
    """
    for some in pictures:
        ends = [tuple(end.item() for end in side.aminmax()) for side in (some, centres)]
        signed = [_low(side) < -0.1 * (high - low) for side, (low, high) in zip((some, centres), ends)]
        never = [low > -0.05 * (high - low) for low, high in ends]
        least, most = sorted(max(-low, high) for low, high in ends)
        if (signed[0] and never[1]) or (signed[1] and never[0]) or (most > 64 and most > 4 * least):
            (a, b), (c, d) = ends
            said = f"the pictures lie in [{a:.3g}, {b:.3g}] and the samples in [{c:.3g}, {d:.3g}]"
            _warn(f"{said}: the score is far too low unless both are on one scale, [0, 1] as a rule (ganlib.scale).")
            return


def _low(x: Tensor) -> float:
    """The value that a tenth of the numbers lie below, of a hundred rows or so."""
    numbers = x[:: -(-len(x) // 128)].flatten().double().cpu()
    return numbers.kthvalue(-(-len(numbers) // 10)).values.item()


def _warn(words: str) -> None:
    """Warn the caller of this package."""
    frame, level = sys._getframe(1), 2
    while frame.f_back is not None and frame.f_globals.get("__name__", "").startswith("ganlib"):
        frame, level = frame.f_back, level + 1
    warnings.warn(words, ParzenWarning, stacklevel=level)


def validation_score(centres: Rows, valid: Rows) -> dict[str, float]:
    """What a run is watched by: the best mean over the grid on the images that choose sigma, its error, its sigma.

    `fine` and `fine_sigma` are the best mean and its sigma on the finer grid between the neighbours of that sigma.
    """
    valid = _rows(valid, "valid")[:N_VALID]
    best = int(log_likelihood(valid, centres, SIGMAS).mean(1).argmax())
    near = fine_sigmas_near(best)
    each = log_likelihood(valid, centres, near)  # (21 or, at an edge, 11; n)
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
    centres: Rows, valid: Rows, test: Rows, *, data: str, split: str = "test", sigmas: Sequence[float] = SIGMAS
) -> Score:
    """The paper's protocol: sigma by the validation images, then the mean and standard error over `test` (n, d).

    All pictures in [0, 1]; a warning names both ranges where pictures and samples are plainly of two scales. Raises
    `DataError` on shapes that do not fit or values that are not finite.
    """
    need(DataError, str, data=data, split=split)
    valid, test, centres = _rows(valid, "valid")[:N_VALID], _rows(test, "test"), _rows(centres, "centres")
    sigmas = _sigmas(sigmas)
    _compare(centres, valid, test)
    sigma, _ = _best(valid, centres, sigmas)
    mean, error = _mean_and_error(log_likelihood(test, centres, [sigma])[0])
    return Score(mean, error, sigma, len(centres), len(test), split, data)


def folds_score(
    centres: Rows, folds: Sequence[tuple[Rows, Rows]], *, data: str, sigmas: Sequence[float] = SIGMAS
) -> FoldsScore:
    """Table 1's rule for faces: on each fold (valid, test), sigma by its validation images, the mean over its test's.

    The score is the mean of the folds' means, +- its standard error across them, with n - 1 in the denominator (the
    paper does not say which; with n the error of five folds would be 11 % smaller). All pictures (n, d) in [0, 1].
    """
    need(DataError, Sequence, folds=folds)
    if len(folds) < 2:
        raise DataError(f"{len(folds)} fold(s); a standard error across folds needs two or more")
    for fold in folds:
        if not isinstance(fold, list | tuple) or len(fold) != 2:
            raise DataError(f"a fold is {brief(fold)}; give pictures to choose sigma on and pictures to score")
    each = tuple(score(centres, valid, test, data=data, sigmas=sigmas) for valid, test in folds)
    means = torch.tensor([fold.log_likelihood for fold in each], dtype=torch.float64)
    return FoldsScore(*_mean_and_error(means, correction=1), each, len(centres), data)
