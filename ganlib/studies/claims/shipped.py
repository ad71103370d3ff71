"""Looks at the weights that come with the package, for the claims: the support of G, its samples, its D, the ruler."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ganlib import game, parzen, scale
from ganlib.checkpoints import pretrained
from ganlib.datasets import Dataset
from ganlib.nets import Generator
from ganlib.recipes import MNIST
from ganlib.studies import measures, table_1


def jacobian(G: Generator, z: Tensor) -> Tensor:
    """dG/dz at one z (z_dim,) of a G of rectifiers with a sigmoid on top, layer by layer: (d, z_dim)."""
    J, h = torch.eye(len(z), dtype=z.dtype), z[None]
    for layer in G.layers:
        a = layer.logit(h)
        h = layer(h)
        slope = (a[0] > 0).to(z) if layer.layer.activation == "relu" else h[0] * (1 - h[0])
        J = slope[:, None] * (layer.linear.weight @ J)
    return J


@torch.no_grad()
def support(n: int = 20, seed: int = 3) -> dict[str, Any]:
    """The rank of G's Jacobian dG/dz, 784 x 100, at n samples of the shipped weights: singular values in float64.

    A rank below 784 everywhere means that all samples lie on a set of no volume, where no density p_g(x) exists.
    """
    G = pretrained("mnist").G.double()
    z = game.prior(MNIST.p_z, n, MNIST.z_dim, torch.Generator().manual_seed(seed), torch.float64)
    values = [torch.linalg.svdvals(jacobian(G, one)) for one in z]
    return {"d": G.layers[-1].layer.units, "z_dim": G.z_dim, "ranks": [int((v > 1e-9 * v[0]).sum()) for v in values]}


def independence(n: int = 10_000, seed: int = 1) -> dict[str, float]:
    """The correlation of one sample of G with the next, over all pixels; its standard error under independence.

    The samples are the shipped weights'; the mean picture is taken off. With it the same of a sorted order, a control.
    """
    x = pretrained("mnist").samples(n, seed)
    x = x - x.mean(0)

    def correlation(x: Tensor) -> float:
        """Of neighbours in the order given."""
        return ((x[1:] * x[:-1]).sum() / x.square().sum()).item()

    shuffled = [correlation(x[torch.randperm(n, generator=torch.Generator().manual_seed(i))]) for i in range(20)]
    spread = torch.tensor(shuffled).double().std().item()
    return {"n": n, "correlation": correlation(x), "error": spread, "sorted": correlation(x[x.norm(dim=1).argsort()])}


@torch.no_grad()
def trained_D(data: Dataset, n: int = 5_000) -> dict[str, float]:
    """V of the shipped pair, D without dropout, on n training digits and on n that it has never seen; its epochs."""
    trained = pretrained("mnist")
    a_fake = trained.D.logit(trained.samples(n, 77))
    sides = {"train": data.train[:n], "validation": data.valid[:n]}
    told = {side: game.value(trained.D.logit(scale(x)), a_fake).item() for side, x in sides.items()}
    return told | {"epochs": trained.info["epochs"]}


def interpolation(data: Dataset, pairs: int = 2_000, points: int = 9, seed: int = 5) -> dict[str, Any]:
    """Between two samples: along a straight line in z, and along one in pixels; what a classifier says of the pictures.

    "t": the share of the way. "unsure": the share of pictures whose likeliest class has a probability below 0.9.
    "frechet": the Frechet distance of the pictures halfway to training digits.
    """
    trained = pretrained("mnist")
    classifier = measures.train_classifier(data.train, data.train_labels, data.test, data.test_labels)
    ends = trained.recipe.noise(2 * pairs, seed).unflatten(0, (2, pairs))
    real = classifier.features(scale(table_1.random_subset(data.train, 10_000)))
    ways = {"z": lambda t: trained.pictures((1 - t) * ends[0] + t * ends[1])}
    first, last = (trained.pictures(z) for z in ends)
    ways["pixels"] = lambda t: (1 - t) * first + t * last
    t = torch.linspace(0, 1, points).tolist()
    told: dict[str, Any] = {"t": t, "pairs": pairs}
    for name, way in ways.items():
        told[name] = [measures.classes(classifier, way(one)).unsure for one in t]
        told[f"frechet_{name}"] = measures.frechet(real, classifier.features(way(0.5)))
    told["unsure_real"] = measures.classes(classifier, scale(data.test)).unsure
    return told


def ruler(data: Dataset, draws: int = 5) -> dict[str, Any]:
    """What the Parzen estimator says of real digits, of blurred ones and of G, on the first 1,000 validation digits.

    "real": nats by the number of training digits taken as centres; "draws": 10,000 samples of G, drawn anew.
    """
    valid = scale(data.valid[: parzen.N_VALID])

    def score(x: Tensor) -> float:
        """The best mean over the paper's grid."""
        return parzen.log_likelihood(valid, x, parzen.SIGMAS).mean(1).max().item()

    many = scale(table_1.random_subset(data.train, 20_000))
    told: dict[str, Any] = {"real": {str(n): score(many[:n]) for n in (1_000, 2_500, 5_000, 10_000, 20_000)}}
    told["blurred"] = score(table_1.blurred(many[:10_000]))
    trained = pretrained("mnist")
    told["draws"] = [score(trained.samples(10_000, seed)) for seed in range(1, draws + 1)]
    each = parzen.log_likelihood(valid, trained.samples(10_000, 1), [parzen.SIGMAS[2]])[0]
    return told | {"each_digit": each.std().item()}
