"""Measures of samples that need nothing from a hub: a classifier trained here, and distances. Each says what it misses.

Pictures are float (n, d) in [0, 1] where not said otherwise; features, (n, f), are the numbers in the classifier's last
hidden layer, or any others.
"""

from __future__ import annotations

import json
import math
import time
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from ganlib.errors import DataError, brief
from ganlib.images import scale

CHUNK = 2_000  # rows of a distance matrix in memory at once
PICTURES = Path(__file__).parent.parent / "results" / "pictures.json"


def recorded(pair: str) -> dict[str, Any]:
    """What `tools/score_pictures.py` measured of shipped weights ("fer2013", "cifar10-fc", "cifar10-conv").

    "classifier" and "floor" (the distance of real test pictures) say what the ruler was; "rows" has one for each
    release and iterate: Frechet distance, precision, recall, epochs.
    """
    pairs = json.loads(PICTURES.read_text(encoding="utf-8"))["pairs"]
    if pair not in pairs:
        raise DataError(f"nothing is recorded of {brief(pair)}; there are: {', '.join(sorted(pairs))}")
    return pairs[pair]


def compared(*pairs: str) -> list[dict[str, Any]]:
    """What is recorded of shipped pairs, as rows of a table; of each pair first its floor, real pictures."""
    rows = []
    for pair in pairs:
        record = recorded(pair)
        real = {"release": "", "iterate": f"none: {record['test_pictures']:,} real test pictures"}
        for row in ({**real, "frechet": record["floor"]}, *record["rows"]):
            rows.append(
                {
                    **({"pair": pair} if len(pairs) > 1 else {}),
                    "generator": row["iterate"] + " (of the first release)" * (row["release"] == "first"),
                    "epochs": f"{row['epochs']:.0f}" if "epochs" in row else "",
                    "Fréchet distance": row["frechet"],
                    "precision": row.get("precision", math.nan),
                    "recall": row.get("recall", math.nan),
                }
            )
    return rows


class Judge(Protocol):
    """What takes pictures for classes: a `Classifier`, or another."""

    def probabilities(self, x: Tensor) -> Tensor:
        """What it takes each picture for: (n, classes), rows sum to 1."""


@dataclass(frozen=True)
class Classifier:
    """A small network that tells the classes of a data set apart, and its last hidden layer as a feature space.

    It has only seen real pictures, and a sure answer does not make a sample real. Between pictures that only differ in
    what no class needs it sees no difference.
    """

    net: nn.Sequential  # pictures (n, d) to the logits of the classes; its last but one layer gives the features
    accuracy: float  # share of the test pictures classified right
    n_test: int
    seconds: float  # what training took

    @torch.no_grad()
    def features(self, x: Tensor) -> Tensor:
        """The last hidden layer's outputs: (n, f)."""
        return torch.cat([self.net[:-1](part) for part in x.split(CHUNK)])

    @torch.no_grad()
    def probabilities(self, x: Tensor) -> Tensor:
        """What it takes each picture for: (n, classes), rows sum to 1."""
        return self.net[-1](self.features(x)).softmax(1)

    def __str__(self) -> str:
        return f"{self.accuracy:.2%} of {self.n_test:,} test pictures right, after {self.seconds:.0f} s of training"


def train_classifier(
    train: Tensor,
    train_labels: Tensor,
    test: Tensor,
    test_labels: Tensor,
    *,
    hidden: tuple[int, ...] = (256, 64),
    shape: tuple[int, int, int] | None = None,
    pixels: str = "unit",
    epochs: int = 5,
    batch: int = 200,
    seed: int = 0,
) -> Classifier:
    """Train one on uint8 pictures (n, d) with labels 0, 1, ... (n,), by Adam with a rate that falls to 0.

    `hidden` are the widths of its layers; with a `shape`, (channels, height, width), two convolutions come before
    them (32 and 64 maps, 5 x 5, stride 2), for photographs. It sees the pictures at the scale `pixels`, as a recipe's
    nets do. The same seed on the same machine gives the same network.
    """
    for pictures, labels in ((train, train_labels), (test, test_labels)):
        if pictures.ndim != 2 or len(pictures) != len(labels) or not len(labels) or int(labels.min()) < 0:
            found = f"pictures are {tuple(pictures.shape)} and labels {tuple(labels.shape)}"
            raise DataError(f"{found}; a classifier needs (n, d) and a label from 0 up for each")
    if len(train_labels.unique()) < 2:
        raise DataError("all the labels are the same; a classifier needs two classes or more to tell apart")
    begun = time.perf_counter()
    order = torch.Generator().manual_seed(seed)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        first = _convolutions(shape) if shape else []
        with torch.no_grad():
            widths = [nn.Sequential(*first)(train[:1].float()).shape[1], *hidden]
        layers = [layer for a, b in pairwise(widths) for layer in (nn.Linear(a, b), nn.ReLU())]
        net = nn.Sequential(*first, *layers, nn.Linear(widths[-1], int(train_labels.max()) + 1))
    steps = epochs * -(-len(train) // batch)
    optimiser = torch.optim.Adam(net.parameters(), lr=2e-3)
    schedule = torch.optim.lr_scheduler.LinearLR(optimiser, 1.0, 0.0, steps)
    for _ in range(epochs):
        for rows in torch.randperm(len(train), generator=order).split(batch):
            cost = cross_entropy(net(scale(train[rows], pixels=pixels)), train_labels[rows])
            optimiser.zero_grad()
            cost.backward()
            optimiser.step()
            schedule.step()
    net.requires_grad_(False)
    right = [net(scale(x, pixels=pixels)).argmax(1) == y for x, y in zip(test.split(CHUNK), test_labels.split(CHUNK))]
    return Classifier(net, torch.cat(right).double().mean().item(), len(test), time.perf_counter() - begun)


def _convolutions(shape: tuple[int, int, int]) -> list[nn.Module]:
    """Pictures (n, d) to the flattened maps of two convolutions."""
    first, second = nn.Conv2d(shape[0], 32, 5, stride=2, padding=2), nn.Conv2d(32, 64, 5, stride=2, padding=2)
    return [nn.Unflatten(1, shape), first, nn.ReLU(), second, nn.ReLU(), nn.Flatten()]


@dataclass(frozen=True)
class Classes:
    """What pictures are taken for. It does not see how a class varies: one digit a class, repeated, does well."""

    shares: np.ndarray  # (classes,): how often each class is the likeliest
    confidence: np.ndarray  # (n,): the likeliest class's probability, for each picture

    @property
    def unsure(self) -> float:
        """The share of pictures whose likeliest class has a probability below 0.9."""
        return float((self.confidence < 0.9).mean())

    def distance(self, other: Classes) -> float:
        """Total variation between two histograms of classes: 0 for the same, 1 for nothing in common."""
        return float(np.abs(self.shares - other.shares).sum() / 2)


def classes(classifier: Classifier, x: Tensor) -> Classes:
    """The histogram of classes and the confidence on pictures x (n, d)."""
    likeliest, which = classifier.probabilities(x).max(1)
    n_classes = classifier.net[-1].out_features
    return Classes(torch.bincount(which, minlength=n_classes).numpy() / len(x), likeliest.numpy())


def frechet(a: Tensor, b: Tensor) -> float:
    """Frechet distance between Gaussians fitted to features a (n, f) and b (m, f), squared, as the "FID" is (float64).

        |mu_a - mu_b|^2 + tr(C_a + C_b - 2 (C_a C_b)^(1/2))

    (Dowson & Landau 1982; Heusel et al. 2017, there with a network from a hub.) It sees two moments and no more, only
    distances by the same classifier compare, and it is too large for few pictures: hold it against the distance of as
    many real ones, never against 0.
    """
    _check(a, b)
    if min(len(a), len(b)) < 2:
        raise DataError("a covariance needs two pictures or more on both sides")
    a, b = a.double(), b.double()
    C_a, C_b = torch.cov(a.T).reshape(a.shape[1], -1), torch.cov(b.T).reshape(a.shape[1], -1)
    values, vectors = torch.linalg.eigh(C_a)
    root = (vectors * values.clamp_min(0).sqrt()) @ vectors.T  # C_a^(1/2)
    cross = torch.linalg.eigvalsh(root @ C_b @ root).clamp_min(0).sqrt().sum()  # the same trace, of a symmetric matrix
    between = (a.mean(0) - b.mean(0)).square().sum()
    return max(0.0, (between + C_a.trace() + C_b.trace() - 2 * cross).item())


def precision_recall(real: Tensor, fake: Tensor, k: int = 3) -> tuple[float, float]:
    """Precision, the share of `fake` (m, f) in some ball of `real` (n, f), and recall, that of `real` in one of `fake`.

    A picture's ball reaches to its k-th nearest neighbour of its own kind ("Improved precision and recall metric",
    Kynkaanniemi et al. 2019, with k = 3). Misses: one outlier has a huge ball and covers much; both depend on n and m,
    so compare at equal numbers only; a copied training set scores well.
    """
    _check(real, fake)
    if not 1 <= k < min(len(real), len(fake)):
        raise DataError(f"k is {k}; it must be from 1 to one less than the {min(len(real), len(fake))} pictures")
    real, fake = real.double(), fake.double()
    return _covered(fake, real, k), _covered(real, fake, k)


def _covered(x: Tensor, cloud: Tensor, k: int) -> float:
    """The share of x (n, f) in a ball of the cloud (m, f)."""
    own = [torch.cdist(rows, cloud).kthvalue(k + 1, dim=1).values for rows in cloud.split(CHUNK)]  # (itself is first)
    radius = torch.cat(own)  # (m,)
    inside = [(torch.cdist(rows, cloud) <= radius).any(1) for rows in x.split(CHUNK)]
    return torch.cat(inside).double().mean().item()


def nearest_distance(x: Tensor, pictures: Tensor) -> Tensor:
    """The L2 distance of each x (n, d) in [0, 1] to the nearest of uint8 `pictures` (N, d): (n,) float32.

    The nearest is found by matrix products, many times faster than `images.nearest`, and its distance then worked out
    exactly, so that a copy lies at 0.
    """
    from sklearn.metrics import pairwise_distances_argmin  # here: it takes a second to import

    _check(x, pictures)
    nearest = scale(pictures[pairwise_distances_argmin(x.numpy(), scale(pictures).numpy())])  # (n, d)
    return (x - nearest).norm(dim=1)


@dataclass(frozen=True)
class Memorisation:
    """Whether samples lie nearer to the training set than fresh real pictures, which it does not hold.

    `z` is Mann and Whitney's statistic in standard deviations: far below 0 when samples lie nearer, so copying; far
    above when they lie farther. The sign is that of C_T (Meehan, Chaudhuri & Dasgupta 2020, without their cells).
    """

    nearer: float  # the probability that a sample lies nearer than a fresh picture (a tie counts half); 1/2 for equals
    z: float
    tail: float  # share of samples nearer than 99 % of the fresh pictures: 0.01 for equals, more when a few are copies
    tail_p: float  # how probable a tail as large would be for equals (Fisher's exact test, one-sided)

    @property
    def copies(self) -> bool:
        """Whether samples lie nearer to the training set than chance allows: z < -3, or tail_p < 0.001."""
        return self.z < -3 or self.tail_p < 0.001

    def __str__(self) -> str:
        verdict = "copies of training pictures" if self.copies else "no sign of copying"
        nearer = "a sample is nearer to the training set than a fresh picture with probability"
        tail = f"{self.tail:.1%} are nearer than 99 % of the fresh ones"
        return f"{verdict}: {nearer} {self.nearer:.2f} (z {self.z:+.1f}); {tail}"


def memorisation(samples: Tensor, fresh: Tensor) -> Memorisation:
    """Do samples lie nearer to the training set than fresh real pictures do? By the `nearest_distance` of each.

    `samples` (n,): the samples' distances; `fresh` (m,): those of real pictures that are not in the training set.
    Misses a copy that is moved by a pixel, or made brighter, and one of the test set. Blurred samples lie near
    everything and may look like copies.
    """
    from scipy.stats import fisher_exact, mannwhitneyu  # here: half a second to import

    ours, real = samples.numpy(), fresh.numpy()
    n, m = len(ours), len(real)
    U = mannwhitneyu(ours, real).statistic  # pairs in which the sample lies farther
    z = (U - n * m / 2) / math.sqrt(n * m * (n + m + 1) / 12)
    near = np.quantile(real, 0.01)
    tails = [[int((d <= near).sum()), int((d > near).sum())] for d in (ours, real)]
    p = fisher_exact(tails, alternative="greater").pvalue
    return Memorisation(float(1 - U / (n * m)), float(z), tails[0][0] / n, float(p))


def _check(a: Tensor, b: Tensor) -> None:
    if a.ndim != 2 or b.ndim != 2 or a.shape[1] != b.shape[1] or not len(a) or not len(b):
        raise DataError(f"got {tuple(a.shape)} and {tuple(b.shape)}; both must be (n, f), same f, n > 0")
    for x in (a, b):
        if x.is_floating_point() and not bool(torch.isfinite(x).all()):
            raise DataError("there are values that are not finite numbers; the net that made them has diverged")
