"""Section 6: sharp and even degenerate distributions, by a GAN, a VAE and three Markov chains.

Data on a circle of radius 1, or on the two points (-1, 0) and (1, 0): distributions without a density.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice

import numpy as np
import torch
from scipy.special import expit
from torch import Tensor, nn

from ganlib import theory
from ganlib.baselines import Chain, Model
from ganlib.baselines.gsn import GSN, GSNRecipe
from ganlib.baselines.vae import VAE, VAERecipe
from ganlib.densities import Array, Gaussian
from ganlib.picture import Line, Panel, Picture
from ganlib.plots import decades
from ganlib.recipes import RING
from ganlib.studies.claims.judged import Numbers, judged, rounded
from ganlib.studies.toys import Toys

BATCH = 128
ARCS = 32  # of the circle, for coverage


@dataclass(frozen=True)
class Circle:
    """All points at a distance of 1 from 0 alike."""

    def sample(self, n: int, rng: np.random.Generator) -> Array:
        """n draws: (n, 2)."""
        t = rng.uniform(0, 2 * math.pi, n)
        return np.stack([np.cos(t), np.sin(t)], 1)

    def distance(self, x: Array) -> Array:
        """How far each x lies from the nearest point that can be drawn: (n, 2) -> (n,)."""
        return np.abs(np.linalg.norm(x, axis=1) - 1)

    def part(self, x: Array) -> Array:
        """In which of the equal arcs each x lies, seen from 0: (n, 2) -> (n,) int."""
        turn = np.arctan2(x[:, 1], x[:, 0]) / (2 * math.pi)
        return (np.floor(turn * ARCS) % ARCS).astype(int)

    def across(self, x: Array) -> Array:
        """Where each x lies across the circle: its distance from 0: (n, 2) -> (n, 1)."""
        return np.linalg.norm(x, axis=1, keepdims=True)

    parts = ARCS


@dataclass(frozen=True)
class TwoPoints:
    """(-1, 0) or (1, 0), with a half each."""

    def sample(self, n: int, rng: np.random.Generator) -> Array:
        """n draws: (n, 2)."""
        return np.stack([rng.choice([-1.0, 1.0], n), np.zeros(n)], 1)

    def distance(self, x: Array) -> Array:
        """How far each x lies from the nearer point: (n, 2) -> (n,)."""
        return np.hypot(np.abs(x[:, 0]) - 1, x[:, 1])

    def part(self, x: Array) -> Array:
        """0 on the left, 1 on the right: (n, 2) -> (n,) int."""
        return (x[:, 0] > 0).astype(int)

    def across(self, x: Array) -> Array:
        """Where each x lies: (n, 2) -> (n, 2)."""
        return x

    parts = 2


SHAPES = {"circle": Circle(), "points": TwoPoints()}


def blur(data: Circle | TwoPoints, x: Array) -> float:
    """How wide samples (n, 2) are, wherever they lie: the median distance, across, from the median of their part."""
    part, across = data.part(x), data.across(x)
    away = np.empty(len(x))
    for p in np.unique(part):
        here = across[part == p]
        away[part == p] = np.linalg.norm(here - np.median(here, 0), axis=1)
    return float(np.median(away))


class GaussianVAE(VAE):
    """A VAE whose p(x | z) is N(mean(z), s^2 I), with s learned."""

    def __init__(self, recipe: VAERecipe, mean: Tensor, seed: int):
        super().__init__(recipe, mean, seed)
        self.log_s = nn.Parameter(torch.zeros(()))
        self.optimiser.add_param_group({"params": [self.log_s]})

    def log_p_x_given(self, z: Tensor, x: Tensor) -> Tensor:
        """log N(x; mean(z), s^2 I), nats: (m,)."""
        square = ((x - self.decoder(z)) / self.log_s.exp()).square() / 2
        return -(square + self.log_s + math.log(2 * math.pi) / 2).sum(1)

    @torch.no_grad()
    def samples(self, n: int, seed: int = 0, means: bool = False) -> Tensor:
        """n draws, or their means: (n, d)."""
        rng = torch.Generator().manual_seed(seed)
        mean = self.decoder(torch.randn(n, self.recipe.z_dim, generator=rng))
        return mean if means else mean + self.log_s.exp() * torch.randn(mean.shape, generator=rng)


@dataclass(frozen=True)
class GaussianRBMRecipe:
    """The numbers of an RBM with Gaussian visible units of a fixed width s."""

    hidden: int = 128
    s: float = 0.3
    k: int = 5
    lr: float = 0.003

    def start(self, mean: Tensor, seed: int) -> GaussianRBM:
        """The model before its first update."""
        return GaussianRBM(self, mean, seed)


class GaussianRBM(Chain):
    """p(v, h) = exp(-E / s^2) / Z, E = |v - b|^2 / 2 - c.h - v W h, learned by contrastive divergence, CD-k.

    p(v | h) = N(b + W h, s^2 I), p(h = 1 | v) = sigmoid((c + v W) / s^2).
    """

    def __init__(self, recipe: GaussianRBMRecipe, mean: Tensor, seed: int):
        super().__init__(recipe, mean)
        rng = torch.Generator().manual_seed(seed)
        self.register_buffer("W", torch.randn(len(mean), recipe.hidden, generator=rng) * 0.1)
        self.register_buffer("b", mean.float().clone())
        self.register_buffer("c", -self.W.square().sum(0) / 2)  # off or on with equal chances at b

    def up(self, v: Tensor) -> Tensor:
        """p(h = 1 | v): (m, hidden)."""
        return ((self.c + v @ self.W) / self.recipe.s**2).sigmoid()

    @torch.no_grad()
    def learn(self, x: Tensor, rng: torch.Generator) -> float:
        """One step; the cost is the squared error of one pass, mean."""
        h = self.up(x)
        v, mean = next(islice(self.walk(x, rng), self.recipe.k - 1, None))
        p, lr = self.up(v), self.recipe.lr
        self.W += lr * (x.T @ h / len(x) - v.T @ p / len(v))
        self.b += lr * (x - v).mean(0)
        self.c += lr * (h - p).mean(0)
        return (x - mean).square().sum(1).mean().item()

    def walk(self, x: Tensor, rng: torch.Generator) -> Iterator[tuple[Tensor, Tensor]]:
        """Gibbs sampling."""
        while True:
            h = torch.bernoulli(self.up(x), generator=rng)
            mean = self.b + h @ self.W.T
            x = mean + self.recipe.s * torch.randn(mean.shape, generator=rng)
            yield x, mean


DAE = GSNRecipe(hidden=(128,), walkbacks=1, visible="gaussian", spread=0.1, corruption=0.3, sigma=0.0, lr=0.01)
MODELS: dict[str, Callable[[Tensor, int], Model]] = {
    "VAE": lambda mean, seed: GaussianVAE(VAERecipe(hidden=(64, 64), z_dim=2), mean, seed),
    "RBM, width 0.3": lambda mean, seed: GaussianRBMRecipe().start(mean, seed),
    "RBM, width 0.1": lambda mean, seed: GaussianRBMRecipe(s=0.1).start(mean, seed),
    "DAE chain": lambda mean, seed: GSN(DAE, mean, seed),
}
"""The GAN's rivals: encoder and decoder of two layers of 64 (VAE), or 128 hidden units and a chain to sample by."""


def sharp(
    shape: str = "circle", updates: int = 4_000, seeds: Sequence[int] = range(3), n: int = 2_000, walk: int = 100
) -> Numbers:
    """Section 6: a GAN can represent sharp, even degenerate distributions; Markov chains need them to be blurred.

    Data on the "circle" or on the two "points"; the same `updates` of each model, each on 128 fresh draws: the GAN (k =
    1, G and D of two layers of 64, rates of `RING`), a VAE with a Gaussian decoder whose width is learned, Gibbs chains
    of RBMs with Gaussian visible units of two widths, and the chain of a denoising autoencoder with Gaussian noise 0.3.
    Of n samples (200 chains begin far out; 300 steps to the first draw, 10 to the next):

    - "blur": how wide they are across the data's parts (`blur`), wherever these have come to lie;
    - "distance": the median distance from the nearest point that data can have;
    - "covered": the share of the parts (32 arcs, or two points) with at least a quarter of their fair share;
    - "walk": the share of the parts that `walk` consecutive draws reach, mean over 20 walks (GAN, VAE: fair draws).

    Lists by seed; "samples": 400 of the first seed; "seconds": of training, on the machine that made them.
    """
    data = SHAPES[shape]
    names = ["GAN", *MODELS]
    keys = ("blur", "distance", "covered", "walk", "seconds", "samples")
    found: Numbers = {key: {name: [] for name in names} for key in keys}
    for seed in seeds:
        for name in names:
            begun = time.perf_counter()
            fair, walks = (_gan if name == "GAN" else _rival)(data, name, updates, seed, n, walk)
            seconds = time.perf_counter() - begun
            parts = np.bincount(data.part(fair), minlength=data.parts) * data.parts / len(fair)
            reached = [len(np.unique(data.part(each))) / data.parts for each in walks]
            found["blur"][name].append(rounded(blur(data, fair)))
            found["distance"][name].append(rounded(np.median(data.distance(fair))))
            found["covered"][name].append(float((parts >= 0.25).mean()))
            found["walk"][name].append(rounded(np.mean(reached)))
            found["seconds"][name].append(round(seconds, 1))
            if seed == seeds[0]:
                found["samples"][name] = np.round(fair[:400], 3).tolist()
    chains = [name for name in MODELS if name != "VAE"]
    sharpest = np.min([found["blur"][name] for name in chains], 0)
    found["verdicts"] = [
        judged("blur of G's samples", found["blur"]["GAN"], 0.05, "a twentieth of the radius", above=False),
        judged(
            "blur: the sharpest of the chains over G",
            sharpest / np.maximum(found["blur"]["GAN"], 1e-6),
            2.0,
            "the claim is that chains need more blur than G",
        ),
        judged(
            "share of the data's parts that G covers", found["covered"]["GAN"], 0.9, "to leave parts out is no merit"
        ),
        judged(
            "median distance of G's samples from the data",
            found["distance"]["GAN"],
            0.05,
            "sharp in the wrong place does not count",
            above=False,
        ),
    ]
    return {"shape": shape, "updates": updates, "batch": BATCH, "seeds": list(seeds), **found}


def _gan(data: Circle | TwoPoints, name: str, updates: int, seed: int, n: int, walk: int) -> tuple[Array, Array]:
    """n fair draws (n, 2), and 20 times `walk` of them."""
    toys = Toys(replace(RING, z_dim=2, batch=BATCH), data, seeds=seed)
    for _ in range(updates):
        toys.iterate()
    return toys.samples(n)[0], toys.samples(20 * walk, seed=1)[0].reshape(20, walk, 2)


def _rival(data: Circle | TwoPoints, name: str, updates: int, seed: int, n: int, walk: int) -> tuple[Array, Array]:
    """The same of another model; of a chain 20 walks."""
    rng, torch_rng = np.random.default_rng([seed, 3]), torch.Generator().manual_seed(seed)
    model = MODELS[name](torch.zeros(2), seed)
    for _ in range(updates):
        model.learn(torch.from_numpy(data.sample(BATCH, rng)).float(), torch_rng)
    if not isinstance(model, Chain):
        return model.samples(n, seed).double().numpy(), model.samples(20 * walk, seed + 1).double().numpy().reshape(
            20, -1, 2
        )
    start = torch.from_numpy(rng.uniform(-1.5, 1.5, (200, 2))).float()
    fair = model.chain(-(-n // 200), seed, start, burn_in=300, thin=10).flatten(0, 1)[:n]
    walks = model.chain(walk, seed + 1, fair[-20:]).swapaxes(0, 1)
    return fair.double().numpy(), walks.double().numpy()


def show_sharp(found: Numbers) -> Picture:
    """The samples of every model, 400 each, with the median distance from the data over all seeds."""
    panels = []
    for i, (name, samples) in enumerate(found["samples"].items()):
        x, y = np.array(samples).T
        wide, far, covered = (np.mean(found[key][name]) for key in ("blur", "distance", "covered"))
        dots = [Line(x, y, style="G" if name == "GAN" else "other", dots=True)]
        words = f"blur {wide:.3f}, distance {far:.3f}"
        at = (9 * (i // 3), 4 * (i % 3), 9, 4)  # three in a row
        panels.append(
            Panel(f"{name}: {covered:.0%} covered", dots, (-1.6, 1.6), (-1.6, 1.6), words, square=True, at=at)
        )
    return Picture(panels)


def blur_and_mixing(widths: Sequence[float] = tuple(np.round(np.geomspace(0.2, 1, 12), 3).tolist())) -> Numbers:
    """Section 6: why a chain needs blur, exactly: Gibbs steps between two points against the width of the model.

    An RBM with one Gaussian visible unit of width w and one hidden unit can be two hills of that width at -1 and 1: h
    says which. From a v on one hill the chance that the next h is the other is 1 / (1 + exp(2 v / w^2)); "steps", the
    mean number of steps to cross, is one over its mean over the hill, by quadrature. G's samples are independent: two
    draws lie on different points with a half, at any width, 0 too.
    """
    steps = [1 / theory.expectation(lambda v: expit(-2 * v / w**2), Gaussian(1, w)) for w in widths]  # noqa: B023
    sharpest = [w for w, s in zip(widths, steps) if s <= 1_000]
    verdicts = [
        judged(
            "the least width of the hills at which the chain crosses within 1,000 steps, half their distance being 1",
            [min(sharpest)] if sharpest else [math.inf],
            0.1,
            "a chain of 1,000 steps a sample must be blurrier than a tenth of the distance; G can have a width of 0",
        )
    ]
    return {"widths": list(widths), "steps": rounded(steps), "verdicts": verdicts}


def show_blur_and_mixing(found: Numbers) -> Picture:
    """Steps to cross from one point to the other, by the width of the hills."""
    y = np.log10(found["steps"])
    top = math.ceil(y.max())
    lines = [Line(found["widths"], y, "Gibbs chain", "other", dash=0), Line([0, 1], [math.log10(2)] * 2, "G", "G")]
    ticks = decades(0, top, max(1, top // 6))
    return Picture([Panel("Draws until the other point", lines, (0, 1), (0, top), "width of the hills", y_ticks=ticks)])
