"""Table 1, and what its ruler says of centres that are no model's samples: real pictures, blurred ones, centroids.

"A note on the evaluation of generative models" (Theis, van den Oord & Bethge 2016) asked first. Pictures are (n, d) in
[0, 1], scores are nats.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from ganlib import parzen
from ganlib.checkpoints import Trained, pretrained
from ganlib.datasets import Dataset, load, status
from ganlib.errors import CheckpointError, DataError
from ganlib.parzen import SIGMAS, FoldsScore, Score

PAPER: dict[str, tuple[str, str]] = {
    "DBN": ("138 ± 2", "1909 ± 66"),
    "Stacked CAE": ("121 ± 1.6", "2110 ± 50"),
    "Deep GSN": ("214 ± 1.1", "1890 ± 29"),
    "Adversarial nets": ("225 ± 2", "2057 ± 26"),
}
"""Table 1 as printed, nats: model -> (MNIST, TFD)."""
FACES = ("tfd", "fer2013", "lfw")
"""The faces that Table 1's second column may be computed on: the paper's own, and what stands in for them."""

BASELINES = Path(__file__).parent.parent / "results" / "baselines.json"


def recorded() -> dict[str, Any]:
    """What `tools/score_baselines.py` measured of every model of Table 1 that is shipped, and of the VAE.

    "rows" has two for each model and data set, of "samples" and of "means" (conditional means); "rulers" says by data
    set what classifier measured, and the "floor", the Frechet distance of real test pictures.
    """
    return json.loads(BASELINES.read_text(encoding="utf-8"))


def find_faces() -> tuple[Trained | None, Dataset | None, str]:
    """The first of `FACES` that is on this machine, with the weights trained on it, or two None; and why, in words."""
    found = []
    for name in FACES:
        try:
            trained = pretrained(name)
        except CheckpointError:
            found.append(f"{name}: no weights come with this package")
            continue
        if status(name)[0]:
            return trained, load(name), f"{name}: its faces and weights trained on it are here"
        found.append(f"{name}: weights are here, its faces are not (`python -m ganlib data` says how to get them)")
    return None, None, "; ".join(found)


def table_1(mnist: Mapping[str, Score], faces: Mapping[str, FoldsScore] | None = None) -> pd.DataFrame:
    """The paper's Table 1 with this project's rows below it: one for each score, by the name that it has.

    Digits that stand in for MNIST, and faces that stand in for TFD, always bear their own name.
    """
    how = dict.fromkeys(PAPER, "as printed")
    how["Adversarial nets"] = "10,000 samples, the paper's grid (the authors' code)"
    rows = [(f"{model} (the paper)", *scores, how[model]) for model, scores in PAPER.items()]
    for name, score in mnist.items():
        own = "" if score.data == "mnist" else f"{score.data}: "
        value = f"{own}{score.log_likelihood:.1f} ± {score.standard_error:.1f}"
        measured = f"{score.n_samples:,} samples, σ {score.sigma:.4f}; {score.n_test:,} {score.split} pictures"
        rows.append((f"Adversarial nets (here): {name}", value, "", measured))
    for name, folds in (faces or {}).items():
        own = folds.data if folds.data == "tfd" else f"{folds.data}, not TFD"
        value = f"{own}: {folds.log_likelihood:.0f} ± {folds.standard_error:.0f}"
        sigmas = [f"{score.sigma:.4f}" for score in folds.each]
        chosen = ", ".join(sigmas) if len(set(sigmas)) > 1 else f"{sigmas[0]} in each"
        measured = f"{folds.n_samples:,} samples; {len(folds.each)} folds, σ {chosen}; {folds.n_test:,} test faces"
        rows.append((f"Adversarial nets (here): {name}", "", value, measured))
    return pd.DataFrame(rows, columns=["model", "MNIST", "TFD, or faces in its place", "measured with"])


def both_grids(centres: Tensor, valid: Tensor, test: Tensor, *, data: str) -> tuple[Score, Score]:
    """The score by the paper's grid of sigmas, and by the fine one between the neighbours of the paper's best."""
    best = SIGMAS.index(parzen.choose_sigma(valid, centres)[0])
    fine = parzen.fine_sigmas_near(best)
    means = parzen.log_likelihood(valid[: parzen.N_VALID], centres, fine).mean(1)
    chosen = [SIGMAS[best], fine[int(means.argmax())]]
    each = parzen.log_likelihood(test, centres, chosen)  # (2, n)
    errors = [row.std(correction=0).item() / math.sqrt(len(test)) for row in each]
    return tuple(
        Score(row.mean().item(), error, sigma, len(centres), len(test), "test", data)
        for row, error, sigma in zip(each, errors, chosen)
    )


def equal_number(log_likelihood: float, numbers: Sequence[int], scores: Sequence[float]) -> float:
    """How many real pictures score as much: `numbers` of them have these `scores`; in between, linear in log n.

    Beyond the least and the greatest score it is nan.
    """
    order = np.argsort(numbers)
    log_n, scores = np.log(np.asarray(numbers, float)[order]), np.asarray(scores, float)[order]
    if len(log_n) != len(scores) or (np.diff(scores) <= 0).any():
        raise DataError("the scores of real pictures do not rise with their number; score more pictures")
    return float(np.exp(np.interp(log_likelihood, scores, log_n, np.nan, np.nan)))


@dataclass(frozen=True)
class ScoreTable:
    """Mean log-likelihoods over two things that a person may choose: how many centres, and how wide."""

    sigmas: np.ndarray  # (s,), rising
    numbers: np.ndarray  # (k,) of the centres, rising: the first n of them
    means: np.ndarray  # (k, s) nats
    n_test: int  # pictures in each mean


def score_table(x: Tensor, centres: Tensor, sigmas: Sequence[float], numbers: Sequence[int]) -> ScoreTable:
    """The mean log-likelihood of x (n, d) for every sigma and number of centres, from one distance matrix (n, c).

    A table costs about what its last row does. Float32, within 0.02 nats of `parzen.log_likelihood`.
    """
    numbers = sorted(set(numbers))
    if not numbers or numbers[0] < 1 or numbers[-1] > len(centres):
        raise DataError(f"numbers are {numbers}; each must lie between 1 and the {len(centres)} centres there are")
    half = -torch.cdist(x, centres[: numbers[-1]]).square() / 2  # (n, c)
    parts = half.tensor_split(numbers[:-1], dim=1)  # the centres between one number and the next
    means = np.empty((len(numbers), len(sigmas)))
    for j, sigma in enumerate(sigmas):
        sums = torch.stack([torch.logsumexp(part / sigma**2, 1).double() for part in parts])  # (k, n)
        each = sums.logcumsumexp(0) - torch.tensor(numbers).double().log()[:, None]
        means[:, j] = each.mean(1).numpy() - x.shape[1] * math.log(sigma * math.sqrt(2 * math.pi))
    return ScoreTable(np.array(sigmas), np.array(numbers), means, len(x))


def random_subset(pictures: Tensor, n: int, seed: int = 0) -> Tensor:
    """n of the pictures, drawn without replacement, fewer being part of more. MNIST's first 1,000 score 7 nats less."""
    if not 0 < n <= len(pictures):
        raise DataError(f"{n:,} pictures cannot be drawn from {len(pictures):,} without replacement")
    order = torch.randperm(len(pictures), generator=torch.Generator().manual_seed(seed))
    return pictures[order[:n]]


def blurred(pictures: Tensor, components: int = 50) -> Tensor:
    """x -> mean + W W^T (x - mean), cut off at 0 and 1: W (d, components) holds the pictures' first principal axes."""
    if not 0 < components <= min(pictures.shape):
        raise DataError(f"{components} components of pictures {tuple(pictures.shape)}; at most {min(pictures.shape)}")
    mean = pictures.mean(0)
    centred = pictures - mean
    _, vectors = torch.linalg.eigh((centred.T @ centred).double())  # in order of rising variance
    W = vectors[:, -components:].to(pictures)
    return (centred @ W @ W.T + mean).clamp(0, 1)


def centroids(pictures: Tensor, n: int, *, rounds: int = 1, seed: int = 0) -> tuple[Tensor, Tensor]:
    """The n centroids (n, d) of k-means after so many rounds of Lloyd's algorithm from n drawn pictures.

    Also their sizes (n,): how many pictures are then nearest to each.
    """
    from sklearn.cluster import KMeans  # here: it takes a second to import

    start = random_subset(pictures, n, seed).numpy()
    found = KMeans(n, init=start, n_init=1, max_iter=rounds, tol=0, algorithm="lloyd").fit(pictures.numpy())
    sizes = torch.from_numpy(np.bincount(found.labels_, minlength=n))
    return torch.from_numpy(found.cluster_centers_).to(pictures), sizes
