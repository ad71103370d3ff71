"""Checks of claims that take seconds: identities, and counts of work. Looks at the shipped weights stand in `shipped`.

`tools/make_claims.py` runs them and keeps what they return in results/claims.json, plain numbers all of it.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy, softplus
from torch.utils.flop_counter import FlopCounterMode

from ganlib import game, scale
from ganlib.baselines import RECIPES, Chain
from ganlib.baselines.gsn import GSN, GSNRecipe
from ganlib.baselines.model import fit
from ganlib.baselines.rbm import RBM, RBMRecipe
from ganlib.baselines.vae import VAERecipe
from ganlib.datasets import Dataset
from ganlib.nets import Discriminator, Generator
from ganlib.recipes import MNIST, Recipe
from ganlib.studies import ais, likelihood, measures
from ganlib.studies.claims.digits import packed
from ganlib.studies.claims.shipped import independence, interpolation, ruler, support, trained_D

# -- what G's gradient is made of --------------------------------------------------------------------------------------


def _pair(recipe: Recipe, seed: int = 0) -> tuple[Generator, Discriminator, torch.Generator]:
    """A pair of a recipe as it starts, and random numbers."""
    mean = torch.full((recipe.G[-1].units,), 0.5)
    return *recipe.networks(seed, mean), torch.Generator().manual_seed(seed)


def through_D(recipe: Recipe = MNIST, m: int = 100) -> dict[str, float]:
    """How far G's gradient moves when the data are others: with D held, and with the D that one update on them gave.

    Both relative to the gradient's length. The authors' simultaneous update is used: one pass serves both players.
    """
    G, D, rng = _pair(recipe)
    x = torch.rand(2, m, recipe.G[-1].units, generator=rng)
    z = game.prior(recipe.p_z, m, recipe.z_dim, rng)

    def both(data: Tensor) -> game.Gradients:
        """The gradients on these data: the same z, the same dropout."""
        return game.simultaneous_gradients(G, D, data, z, recipe.generator_cost, torch.Generator().manual_seed(1))

    one, other = both(x[0]), both(x[1])
    far = _distance(one.G, other.G) / _length(one.G)
    moved = []
    for found in (one, other):
        for theta, g in zip(D.parameters(), found.D, strict=True):
            theta.data.add_(g, alpha=-1.0)
        moved.append(both(x[0]).G)
        for theta, g in zip(D.parameters(), found.D, strict=True):
            theta.data.add_(g, alpha=1.0)
    return {"D held": far, "D moved by the data": _distance(*moved) / _length(moved[0])}


def _length(gradients: tuple[Tensor, ...]) -> float:
    return math.sqrt(sum(g.double().square().sum().item() for g in gradients))


def _distance(a: tuple[Tensor, ...], b: tuple[Tensor, ...]) -> float:
    return _length(tuple(one - other for one, other in zip(a, b, strict=True)))


def discrete() -> dict[str, float]:
    """Gradients through numbers that are rounded, and through the same numbers as they are.

    "real" and "rounded": the length of G's gradient, by what it puts out. "VAE" and "VAE, rounded": that of a VAE's
    encoder by its reconstruction, by the hidden z that it infers.
    """
    G, D, rng = _pair(MNIST.at("smoke"))
    z = game.prior("uniform", 100, MNIST.z_dim, rng)
    vae, x = VAERecipe(hidden=(50,)).start(torch.full((784,), 0.5), 0), torch.rand(100, 784, generator=rng)
    told = {}
    for name, finish in (("", lambda x: x), ("rounded", torch.round)):
        cost = game.generator_cost(D.logit(finish(G(z))))
        told[name or "real"] = _length(torch.autograd.grad(cost, list(G.parameters())))
        hidden = finish(vae.encoder(x)[:, : vae.recipe.z_dim])
        cost = binary_cross_entropy_with_logits(vae.decoder(hidden), x)
        found = torch.autograd.grad(cost, list(vae.encoder.parameters()))
        told[f"VAE, {name}" if name else "VAE"] = _length(found)
    return told


# -- work, counted in multiplications and additions --------------------------------------------------------------------


def _addmm_(_: Any, a: Any, b: Any, *__: Any, **___: Any) -> int:
    """The products of `addmm_`, which torch's counter does not know, from the shapes of its factors."""
    return 2 * a[0] * a[1] * b[1]


def counter() -> FlopCounterMode:
    """Counts the multiplications and additions of the matrix products that are made while it is entered."""
    return FlopCounterMode(display=False, custom_mapping={torch.ops.aten.addmm_: _addmm_})


def work(d: int = 784, m: int = 100, n: int = 10_000) -> dict[str, dict[str, float]]:
    """What an update costs for each example of a minibatch, and what a draw does, model by model, at full size.

    "update", "step": millions of multiplications and additions; a step is one of a chain, or one run of G. "steps":
    those to n draws by the recipe, with the wait before the first one, a draw. "chain": whether drawing needs one, and
    "chain_in_training" its steps for each update. "inference": whether training infers hidden units from data.
    """
    x = torch.rand(m, d, generator=torch.Generator().manual_seed(0))
    G, D, rng = _pair(MNIST)
    z, million = game.prior(MNIST.p_z, m, MNIST.z_dim, rng), m * 1e6
    with counter() as update:
        game.simultaneous_gradients(G, D, x, z, MNIST.generator_cost, rng)
    with counter() as step:
        G.pictures(z)
    row: dict[str, Any] = {"chain": False, "chain_in_training": 0, "inference": False, "steps": 1.0}
    row |= {"update": update.get_total_flops() / million, "step": step.get_total_flops() / million}
    told = {"adversarial": row}
    for name, recipe in RECIPES.items():
        model, rng = recipe.start(x.mean(0), 0), torch.Generator().manual_seed(0)
        if hasattr(recipe, "epochs_a_layer"):
            model.done = recipe.epochs - 1  # the top layer's turn
        with counter() as update:
            model.learn(x, rng)
        draws = isinstance(model, Chain)
        walk = model.walk(x, rng) if draws else iter(lambda: model.samples(m), None)  # noqa: B023
        with torch.no_grad():
            next(walk)
            with counter() as step:
                next(walk)
        inside = {"rbm": "k", "dbn": "k", "dbm": "k", "gsn": "walkbacks"}.get(name, "")
        row = {"chain": draws, "chain_in_training": getattr(recipe, inside, 0), "inference": True}
        row["steps"] = recipe.thin + recipe.burn_in * recipe.chains / n if draws else 1.0
        row |= {"update": update.get_total_flops() / million, "step": step.get_total_flops() / million}
        told[name] = row
    return told


# -- exact statements on other models ----------------------------------------------------------------------------------


def partition(most: int = 16, d: int = 784) -> dict[str, Any]:
    """log Z of RBMs as they start, by enumeration over the hidden units: its terms, its seconds, its value, nats.

    "AIS": annealed importance sampling of the same, and "error" the standard error of its mean weight, as a share.
    """
    told: dict[str, Any] = {name: [] for name in ("hidden", "terms", "seconds", "log_Z", "AIS", "error")}
    for hidden in range(8, most + 1, 2):
        rbm = RBM(RBMRecipe(hidden=hidden), torch.full((d,), 0.5), 0)
        begun = time.perf_counter()
        told["log_Z"].append(likelihood.log_z(rbm).item())
        told["seconds"].append(time.perf_counter() - begun)
        estimate = ais.log_z(rbm, steps=1_000)
        told["AIS"].append(estimate.value)
        told["error"].append(estimate.standard_error)
        told["hidden"].append(hidden)
        told["terms"].append(2**hidden)
    full = min(RECIPES["rbm"].hidden, d)
    return told | {"full_units": full, "full_log10_terms": full * math.log10(2)}


def score_matching(m: int = 20, d: int = 6, hidden: int = 4, sigma: float = 0.3) -> dict[str, float]:
    """A denoising autoencoder's cost against denoising score matching of a Gaussian-binary RBM (Vincent 2011).

    E(x) = (|x - b|^2 / 2 - sum_j softplus(c_j + x W_j)) / sigma^2, whose score is (r(x) - x) / sigma^2 with the
    autoencoder's reconstruction r(x) = b + W sigmoid(c + x W). "cost" and "gradient": the largest relative difference.
    """
    rng = torch.Generator().manual_seed(0)
    x, noise, W, b, c = (
        torch.randn(*shape, generator=rng, dtype=torch.float64)
        for shape in ((m, d), (m, d), (d, hidden), (d,), (hidden,))
    )
    theta = [t.requires_grad_() for t in (W, b, c)]
    noisy = (x + sigma * noise).requires_grad_()
    reconstructed = b + torch.sigmoid(c + noisy @ W) @ W.T
    dae = (reconstructed - x).square().sum(1).mean() / (2 * sigma**4)
    energy = ((noisy - b).square().sum(1) / 2 - softplus(c + noisy @ W, threshold=700).sum(1)) / sigma**2
    (slope,) = torch.autograd.grad(energy.sum(), noisy, create_graph=True)
    matching = (-slope - (x - noisy) / sigma**2).square().sum(1).mean() / 2
    g_dae, g_matching = (torch.autograd.grad(cost, theta, retain_graph=True) for cost in (dae, matching))
    return {
        "cost": abs((dae - matching) / dae).item(),
        "gradient": _distance(g_dae, g_matching) / _length(g_dae),
    }


class RectifiedGSN(GSN):
    """A GSN whose hidden units are rectifiers, which nothing bounds."""

    def units(self, a: Tensor, sigma: float, rng: torch.Generator) -> Tensor:
        """max(0, a) in place of tanh, and no noise after it."""
        return torch.relu(a + sigma * torch.randn(a.shape, generator=rng).to(a) if sigma > 0 else a)


def feedback(data: Dataset, *, updates: int = 600, steps: int = 30, hidden: int = 200) -> dict[str, Any]:
    """A small GSN trained with tanh or with rectifiers in its loop, at two rates: the largest unit along its chain.

    "largest": by step of the chain after training; "cost": the mean cross-entropy of the last 50 updates, nats a pixel.
    """
    told: dict[str, Any] = {}
    x = scale(data.train[:5_000])
    for rate in (0.25, 0.025):
        for rectified in (False, True):
            recipe = replace(GSNRecipe(), hidden=(hidden, hidden), lr=rate, epochs=10**6)
            model = (RectifiedGSN if rectified else GSN)(recipe, x.mean(0), 0)
            costs = [step.cost for step, _ in zip(fit(x, recipe, model=model, device="cpu"), range(updates))]
            rng, largest = torch.Generator().manual_seed(1), []
            with torch.no_grad():
                h = [model.corrupt(x[:100], rng), *(torch.zeros(100, hidden) for _ in recipe.hidden)]
                for _ in range(steps):
                    p = torch.sigmoid(model.step(h, rng))
                    largest.append(max(float(layer.abs().max()) for layer in h[1:]))
                    if not math.isfinite(largest[-1]) or not bool(p.isfinite().all()):
                        break
                    h[0] = model.corrupt(torch.bernoulli(p, generator=rng), rng)
            finite = [value for value in largest if math.isfinite(value)]
            cost = sum(costs[-50:]) / 50
            name = f"{'rectifiers' if rectified else 'tanh'}, rate {rate:g}"
            told[name] = {
                "largest": finite,
                "finite": len(finite) == steps,
                "cost": cost if math.isfinite(cost) else None,
            }
    return told


def fooled(data: Dataset, n: int = 500, steps: int = 200, size: float = 0.01) -> dict[str, Any]:
    """Noise, moved uphill until a classifier of digits is sure of a class: how sure, and how far the noise moved.

    Each picture starts as pixels of digits, drawn one by one, and climbs by signed steps until a drawn class has a
    probability above 0.99. "moved" is the mean change of a pixel; "nearest" the median distance to the nearest training
    digit, over that of real test digits; "pictures" the first ten as they end.
    """
    classifier = measures.train_classifier(data.train, data.train_labels, data.test, data.test_labels)
    rng = torch.Generator().manual_seed(0)
    pixels = scale(data.train[:1_000]).flatten()
    x = pixels[torch.randint(len(pixels), (n, data.d), generator=rng)]
    start, wanted = x.clone(), torch.randint(10, (n,), generator=rng)
    for _ in range(steps):
        x = x.detach().requires_grad_()
        logits = classifier.net(x)
        (slope,) = torch.autograd.grad(cross_entropy(logits, wanted, reduction="sum"), x)
        unsure = logits.softmax(1)[torch.arange(n), wanted] <= 0.99
        x = (x.detach() - size * slope.sign() * unsure[:, None]).clamp(0, 1)
    sure = classifier.probabilities(x)[torch.arange(n), wanted]
    distances = [measures.nearest_distance(y, data.train).median().item() for y in (x, scale(data.test[:n]))]
    told = {"sure": (sure > 0.99).double().mean().item(), "moved": (x - start).abs().mean().item()}
    told["sure_before"] = (classifier.probabilities(start).max(1).values > 0.99).double().mean().item()
    return told | {"nearest": distances[0] / distances[1], "pictures": packed(x[:10])}


def parts(data: Callable[[], Dataset]) -> Iterator[tuple[str, Callable[[], dict[str, Any]]]]:
    """Every check of this file and of `shipped` by name; `data` gives the digits."""
    yield from {
        **{"through D": through_D, "discrete": discrete, "work": work, "support": support},
        **{"independence": independence, "partition": partition, "score matching": score_matching},
    }.items()
    for name, check in {
        "trained D": trained_D,
        "interpolation": interpolation,
        "ruler": ruler,
        "feedback": feedback,
        "fooled": fooled,
    }.items():
        yield name, lambda check=check: check(data())
