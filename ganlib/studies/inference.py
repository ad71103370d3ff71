"""From x back to z (section 7, future work 2): the exact posterior in one dimension, and inference nets on digits.

In one dimension G is a broken line, a `Pushforward`, and the posterior p(z | x) is a handful of points: the z with
G(z) = x, each as likely as p_z(z) / |G'(z)| says.

    G = folded("once", at=-0.6)
    z, p = posterior(G, 0.4)
    posterior_mean(G, [0.4])  # what regression of z on G(z) learns in the limit

    joint_V(G, lambda x: heaviest(G, x))  # the game over pairs at its best D, nats

On digits an `Inference` holds G, E and where they come from; `errors`, `nearest_class` and `best_z` measure it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import ArrayLike
from scipy.special import xlogy
from torch import Tensor, nn

from ganlib import checkpoints, game, theory
from ganlib.densities import Array, Pushforward
from ganlib.errors import DataError, RecipeError, brief
from ganlib.images import scale
from ganlib.nets import Discriminator, Generator, Layer, fixed
from ganlib.players import Player
from ganlib.recipes import Recipe

REACH = math.sqrt(3)  # of the uniform prior
SHAPES = {"straight": "straight", "once": "folded once", "twice": "folded twice"}
WEIGHTS = checkpoints.WEIGHTS / "inference"
NETS = {"beside": "beside the game", "after": "after the game", "joint": "in the joint game"}
"""The nets E that are shipped, by how they learned."""
KEPT = 16  # test digits, and samples, of which a net's pictures are kept
FLOOR = 300  # steps of gradient descent to the best z


# -- one dimension, exactly --------------------------------------------------------------------------------------------


def folded(shape: str = "once", at: float = -0.6) -> Pushforward:
    """A G of one z that is "straight", folded "once" (a V, its turn at z = `at`), or folded "twice" (an N)."""
    if shape not in SHAPES:
        raise RecipeError(f"unknown shape {brief(shape)} of G; use one of {', '.join(SHAPES)}")
    if shape == "straight":
        return Pushforward([-REACH, REACH], [-1.5, 1.5])
    if shape == "once":
        if not -REACH < at < REACH:
            raise RecipeError(f"G turns at z = {brief(at)}; that must lie between -sqrt 3 and sqrt 3")
        return Pushforward([-REACH, at, REACH], [2 * (REACH + at) - 1.5, -1.5, REACH - at - 1.5])
    return Pushforward([-REACH, -0.5, 0.3, REACH], [-1.5, 0.9, -0.4, 1.5])


def branches(G: Pushforward, x: ArrayLike) -> tuple[Array, Array]:
    """For each x (n,) and each sloping piece of G: the z on its line with G(z) = x, and its p_z(z) / |slope|.

    Twice (n, pieces); the second is 0 where the piece does not pass x. Flat pieces, whose x are atoms, are left out.
    """
    sloping = ~G.flat
    low, high, z, start, slope = (
        part[sloping] for part in (G.low, G.high, G.z[:-1], G.x[:-1], np.diff(G.x) / np.diff(G.z))
    )
    t = np.asarray(x, float)[..., None]
    at = z + (t - start) / slope
    uniform = np.where(np.abs(at) <= REACH + 1e-12, 0.5 / REACH, 0.0)
    p_z = uniform if G.p_z == "uniform" else np.exp(-at * at / 2) / math.sqrt(2 * math.pi)
    return at, np.where((t >= low) & (t < high), p_z / np.abs(slope), 0.0)


def posterior(G: Pushforward, x: float) -> tuple[Array, Array]:
    """p(z | x): the z with G(z) = x, ascending, and the probability of each; both empty where no z draws x."""
    z, weight = branches(G, [x])
    there = weight[0] > 0
    order = np.argsort(z[0][there])
    z, weight = z[0][there][order], weight[0][there][order]
    return z, weight / weight.sum()


def posterior_mean(G: Pushforward, x: ArrayLike) -> Array:
    """E[z | x], which E(x) = argmin E |z - E(G(z))|^2 is: (n,) -> (n,); nan where no z draws x."""
    z, weight = branches(G, x)
    with np.errstate(invalid="ignore"):
        return (weight * z).sum(-1) / weight.sum(-1)


def heaviest(G: Pushforward, x: ArrayLike) -> Array:
    """The likeliest z of each x (n,), of equally likely ones the least: (n,); nan where no z draws x."""
    z, weight = branches(G, x)
    likely = weight >= weight.max(-1, keepdims=True) * (1 - 1e-9)
    return np.where(weight.max(-1) > 0, np.where(likely, z, np.inf).min(-1), np.nan)


def least_cost(G: Pushforward) -> float:
    """What the best E pays on average, E Var(z | x) / 2, by quadrature; a constant guess pays 1/2."""
    x, w = theory.quadrature(G)
    return (1 - float((w * G.pdf(x)) @ np.nan_to_num(posterior_mean(G, x)) ** 2)) / 2


def best_V(P: ArrayLike, Q: ArrayLike) -> float:
    """V(D*) of two distributions over the same cells, nats: P that of the real pairs, Q that of fakes, any shape."""
    P, Q = np.asarray(P, float), np.asarray(Q, float)
    with np.errstate(invalid="ignore"):
        D = np.where(P + Q > 0, P / (P + Q), 0.5)
    return float((xlogy(P, D) + xlogy(Q, 1 - D)).sum())


def joint_V(G: Pushforward, E: Callable[[Array], Array], within: float = 1e-6) -> float:
    """V at the best D of the game over pairs, where x of the data are draws of G itself: -log 4 + 2 JSD, nats.

    The pairs (x, E(x)) and (G(z), z) lie on two curves in the plane. At each node of a quadrature over x the cells are
    G's branches and one more: that of an E(x) that is on none of them, to `within` in z.
    """
    x, w = theory.quadrature(G)
    z, weight = branches(G, x)
    Q = w[:, None] * weight
    on = (np.abs(z - np.asarray(E(x), float)[:, None]) <= within) & (weight > 0)
    on &= np.cumsum(on, 1) == 1  # two branches that meet are one cell of E's
    P = (w * G.pdf(x))[:, None] * np.column_stack([on, ~on.any(1)])
    return best_V(P, np.column_stack([Q, np.zeros(len(x))]))


# -- small nets on it --------------------------------------------------------------------------------------------------

E_LINE = (Layer(64, "relu", 1.0, bias="irange"), Layer(1, "linear", 0.1))
G_LINE = (Layer(32, "relu", 1.0, bias="irange"), Layer(1, "linear", 0.3))
D_PAIRS = (Layer(64, "relu", 1.0, bias="irange"), Layer(64, "relu", 0.3), Layer(1, "sigmoid", 0.2))


def as_net(G: Pushforward) -> Generator:
    """The broken line as a net of rectifiers, exactly: a unit for each of its turns."""
    slopes = np.diff(G.x) / np.diff(G.z)
    net = Generator(1, (Layer(len(slopes), "relu", 0.0), Layer(1, "linear", 0.0)))
    first, last = (layer.linear for layer in net.layers)
    with torch.no_grad():
        first.weight.fill_(1.0)
        first.bias.copy_(torch.from_numpy(-G.z[:-1]))
        last.weight.copy_(torch.from_numpy(np.diff(slopes, prepend=0.0)[None]))
        last.bias.fill_(G.x[0])
    return net


def on_line(net: nn.Module, at: ArrayLike) -> Array:
    """A net of one number, at these numbers: (n,) -> (n,)."""
    with torch.no_grad():
        return net(torch.tensor(np.asarray(at, float), dtype=torch.float32)[:, None])[:, 0].double().numpy()


def regress(G: Pushforward, steps: int = 2_000, seed: int = 0, lr: float = 0.05, batch: int = 200) -> Generator:
    """An E of rectifiers that learns z from G(z), as `INFERENCE` does while G stands still."""
    rng = torch.Generator().manual_seed(seed)
    E, line = Generator(1, E_LINE, rng), as_net(G)
    player = Player(E, torch.float32)
    for step in range(steps):
        z = game.prior("uniform", batch, 1, rng)
        with torch.no_grad():
            x = line(z)
        _, gradients = game.inference_gradients(E, x, z)
        player.descend(gradients, lr * (1 - step / steps), 0.9)
    return E


@dataclass(frozen=True)
class Pairs:
    """The joint game in one dimension at one moment."""

    G: Generator
    E: Generator
    D: Discriminator
    V: float  # on the last minibatch, nats


def joint(
    data: Pushforward,
    seed: int = 0,
    steps: int = 3_000,
    *,
    fixed_G: bool = False,
    lr: float = 0.005,
    lr_D: float = 0.1,
    batch: int = 200,
) -> Iterator[Pairs]:
    """The joint game on draws of the broken line `data`, a step at a time.

    With `fixed_G` the G of the game is that line itself and stands still; else it is a fresh net that learns. The rate
    of G and E falls to 0 over the steps, so that they come to rest.
    """
    rng = torch.Generator().manual_seed(seed)
    line = as_net(data)
    G = line if fixed_G else Generator(1, G_LINE, rng)
    nets = {"G": G, "E": Generator(1, E_LINE, rng), "D": Discriminator(2, D_PAIRS, rng)}
    players = {name: Player(net, torch.float32) for name, net in nets.items()}
    for step in range(steps):
        now = lr * (1 - step / steps)
        with torch.no_grad():
            x = line(game.prior("uniform", batch, 1, rng))
        z = game.prior("uniform", batch, 1, rng)
        found = game.joint_gradients(G, nets["E"], nets["D"], x, z, "non-saturating")
        players["D"].descend(found.D, lr_D, 0.5)
        players["E"].descend(found.E, now, 0.5)
        if not fixed_G:
            players["G"].descend(found.G, now, 0.5)
        yield Pairs(G, nets["E"], nets["D"], game.value(found.a_real, found.a_fake).item())


# -- digits ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Inference:
    """A generator with an inference net for it."""

    G: Generator
    E: Generator
    recipe: Recipe
    info: dict[str, Any]  # data, seed, epochs, ...

    @classmethod
    def of(cls, trained: checkpoints.Trained) -> Self:
        """Of a run or of weights whose recipe has an inference net. Raises `RecipeError` where it has none."""
        if trained.E is None:
            raise RecipeError(f"the recipe {brief(trained.recipe.name)} has no inference net; train one with INFERENCE")
        told = {name: trained.info[name] for name in ("data", "seed", "epochs", "steps") if name in trained.info}
        return cls(trained.G, trained.E, trained.recipe, told)

    def z(self, x: Tensor) -> Tensor:
        """E(x): pictures (n, d) -> (n, z_dim), on the CPU."""
        return self.E.pictures(x)

    def again(self, x: Tensor) -> Tensor:
        """G(E(x)): (n, d) -> (n, d)."""
        return self.G.pictures(self.z(x))

    def features(self, x: Tensor) -> dict[str, Tensor]:
        """What each layer of E puts out, by name, from x up: (n, d) -> (n, units) each."""
        found, last = {}, len(self.E.layers) - 1
        with torch.no_grad():
            for i, layer in enumerate(self.E.layers):
                x = layer(x)
                found["E(x)" if i == last else f"hidden layer {i + 1} of E"] = x
        return found

    def save(self, path: Path, *, own_G: bool = True) -> Path:
        """Write both nets in 8 bits; with `own_G` False E alone, for the G of the shipped MNIST pair."""
        nets = {"E": self.E, **({"G": self.G} if own_G else {})}
        tensors = {f"{name}.{key}": part.half() for name, net in nets.items() for key, part in net.state_dict().items()}
        told = {**self.info, "recipe": self.recipe.to_dict()}
        return checkpoints.write_weights(path, checkpoints.in_8_bits(tensors), told)

    @classmethod
    def load(cls, name: str, folder: Path = WEIGHTS) -> Self:
        """The nets of that name (`NETS`). Raises `CheckpointError` where they are not there, or broken."""
        with checkpoints.read_weights(checkpoints.shipped(name, folder)) as (tensors, info):
            recipe = Recipe.from_dict(info.pop("recipe"))
            players = recipe.players(0, torch.full((recipe.G[-1].units,), 0.5))
            states: dict[str, dict[str, Tensor]] = {"G": {}, "E": {}}
            for key, tensor in checkpoints.from_8_bits(tensors).items():
                net, _, part = key.partition(".")
                states[net][part] = tensor.float()
            players["E"].load_state_dict(states["E"])
            G = players["G"] if states["G"] else checkpoints.pretrained("mnist").G
            if states["G"]:
                G.load_state_dict(states["G"])
            return cls(G, players["E"], recipe, info)


def shipped() -> dict[str, Inference]:
    """The inference nets that come with the package, by `NETS`."""
    return {name: Inference.load(name) for name in NETS if (WEIGHTS / f"{name}.safetensors").exists()}


def keep_pictures(name: str, net: Inference, digits: Tensor, folder: Path = WEIGHTS) -> Path:
    """Keep what a net makes of digits (n, d), and of as many samples of its G, also where the net is not shipped."""
    path = folder / "pictures.safetensors"
    kept, told = pictures(folder) if path.exists() else ({}, {})
    samples = net.G.pictures(net.recipe.noise(len(digits), 0))
    kept |= {"digits": digits, f"{name}.digits": net.again(digits)}
    kept |= {f"{name}.samples": samples, f"{name}.again": net.again(samples)}
    tensors = {key: (255 * x).round().to(torch.uint8) for key, x in kept.items()}
    return checkpoints.write_weights(path, tensors, {**told, name: {**net.info, "recipe": net.recipe.to_dict()}})


def pictures(folder: Path = WEIGHTS) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """The pictures that are kept, (n, d) in [0, 1], and what is known of the nets that made them, by name.

    "digits" are the first test digits; of each net there are "NAME.digits", G(E(x)); "NAME.samples", and their "again".
    """
    with checkpoints.read_weights(folder / "pictures.safetensors") as (tensors, told):
        return {key: scale(x) for key, x in tensors.items()}, told


def distance(a: Tensor, b: Tensor) -> float:
    """The mean over pictures of |a - b|^2, the sum over pixels: (n, d) twice."""
    return (a - b).double().square().sum(1).mean().item()


def errors(net: Inference, digits: Tensor, seed: int = 3) -> dict[str, float]:
    """How far E is off, on digits (n, d) in [0, 1] and on n fair samples of the net's own G.

    "z": mean |z - E(G(z))|^2 / z_dim, 1 for a constant guess. "samples" and "digits": mean |x - G(E(x))|^2. "size":
    the mean square of the coordinates of E(x), x a digit; that of the prior is 1.
    """
    z = net.recipe.noise(len(digits), seed)
    x = net.G.pictures(z)
    return {
        "z": (net.z(x) - z).double().square().mean().item(),
        "samples": distance(x, net.again(x)),
        "digits": distance(digits, net.again(digits)),
        "size": net.z(digits).double().square().mean().item(),
    }


def best_z(
    G: Generator, x: Tensor, starts: Sequence[Tensor], steps: int = FLOOR, lr: float = 0.05, reach: float = REACH
) -> tuple[Tensor, Tensor]:
    """The z within the prior's reach that draw x (n, d) best, as far as gradient descent finds them.

    Adam on |x - G(z)|^2 from each of `starts` (n, z_dim). Returns the best z (n, z_dim), and its |x - G(z)|^2 (n,).
    """
    z = torch.stack(list(starts)).clamp(-reach, reach).requires_grad_()  # (k, n, z_dim)
    optimiser = torch.optim.Adam([z], lr)
    with fixed(G):
        for _ in range(steps):
            optimiser.zero_grad()
            (G(z.flatten(0, 1)).unflatten(0, z.shape[:2]) - x).square().sum().backward()
            optimiser.step()
            with torch.no_grad():
                z.clamp_(-reach, reach)
        with torch.no_grad():
            off = (G(z.flatten(0, 1)).unflatten(0, z.shape[:2]) - x).square().sum(-1)  # (k, n)
    best, which = off.min(0)
    return z.detach()[which, torch.arange(len(x))], best


def closest(pictures: Tensor, samples: Tensor, k: int = 1, chunk: int = 500) -> tuple[Tensor, Tensor]:
    """The k nearest (L2) of the samples (N, d) to each picture (n, d), nearest first: |x - s|^2 and which, (n, k)."""
    found = [torch.cdist(part, samples).topk(k, largest=False) for part in pictures.split(chunk)]
    return torch.cat([one.values for one in found]).square(), torch.cat([one.indices for one in found])


def spectrum(G: Generator, z: Tensor) -> Tensor:
    """The singular values of dG/dz at each z (n, z_dim), largest first: (n, z_dim).

    A step of 1 along the i-th direction in z moves the picture about so far, in units of pixels' brightness.
    """
    found, d = [], G(z[:1]).shape[1]
    with fixed(G):
        for one in z:
            same = one.expand(d, -1).clone().requires_grad_()
            (jacobian,) = torch.autograd.grad(G(same), same, torch.eye(d))  # a row a pixel
            found.append(torch.linalg.svdvals(jacobian.double()))
    return torch.stack(found)


@torch.no_grad()
def nearest_class(train: Tensor, labels: Tensor, test: Tensor, chunk: int = 500) -> Tensor:
    """The label of the nearest (L2) of the training features (N, f), for each test feature (n, f): (n,)."""
    if len(train) != len(labels) or train.shape[1:] != test.shape[1:] or train.ndim != 2:
        sizes = f"{tuple(train.shape)}, {tuple(labels.shape)} and {tuple(test.shape)}"
        raise DataError(f"training features, labels and test features are {sizes}; give (N, f), (N,), (n, f)")
    own = train.square().sum(1)
    return torch.cat([labels[torch.addmm(own, part, train.T, alpha=-2).argmin(1)] for part in test.split(chunk)])
