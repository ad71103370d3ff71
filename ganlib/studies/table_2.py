"""Table 2, cell by cell: small experiments, each with what it measures known exactly or in closed form where it can be.

Nats where not said otherwise. What is measured of trained models takes them as arguments.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any

import numpy as np
import torch
from scipy.integrate import trapezoid
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits

from ganlib import game, theory
from ganlib.baselines import fit
from ganlib.baselines.dbm import DBM, DBMRecipe
from ganlib.baselines.gsn import GSN, GSNRecipe
from ganlib.baselines.rbm import RBM, RBMRecipe
from ganlib.checkpoints import Trained
from ganlib.densities import PRIOR_REACH, Gaussian, Pushforward
from ganlib.errors import RecipeError, Within, door, held
from ganlib.recipes import TOY
from ganlib.studies import likelihood
from ganlib.studies.phenomena import PLAIN, PRESETS, density
from ganlib.studies.toys import Toys

Steps = Annotated[int, Within(1)]

# -- a world small enough to be counted --------------------------------------------------------------------------------


def bars_and_stripes(height: int = 3, width: int = 4) -> Tensor:
    """All pictures whose rows, or whose columns, are each of one value (MacKay 2003): (2^h + 2^w - 2, h w).

    The data are these, each as often as the others, so no model can give them more than -log(2^h + 2^w - 2) nats.
    """
    rows = {tuple(np.repeat(on, width)) for on in itertools.product((0, 1), repeat=height)}
    columns = {on * height for on in itertools.product((0, 1), repeat=width)}
    return torch.tensor(sorted(rows | columns)).float()


@cache
def every_picture(d: int) -> Tensor:
    """All 2^d pictures of d binary pixels: (2^d, d)."""
    return torch.tensor(list(itertools.product((0.0, 1.0), repeat=d)))


@torch.no_grad()
def learn_exactly(rbm: RBM, x: Tensor) -> None:
    """One step up the gradient of the likelihood itself: the negative phase is the mean over all 2^d pictures."""
    v = every_picture(rbm.d)
    p, h, h_v = torch.softmax(-rbm.free_energy(v), 0), rbm.up(x), rbm.up(v)
    rate = rbm.recipe.lr
    rbm.W.add_(x.T @ h / len(x) - (v * p[:, None]).T @ h_v, alpha=rate)
    rbm.b.add_(x.mean(0) - p @ v, alpha=rate)
    rbm.c.add_(h.mean(0) - p @ h_v, alpha=rate)


def dbm_log_likelihood(dbm: DBM, v: Tensor) -> Tensor:
    """log p(v) of bits v (m, d), exactly: a sum over h^2, with h^1 summed out in closed form; (m,) nats."""
    rbm, h2 = likelihood.bipartite(dbm), every_picture(len(dbm.c2))
    both = torch.cat([v[:, None].expand(-1, len(h2), -1), h2.expand(len(v), -1, -1)], -1)  # (m, 2^n2, d + n2)
    return (-rbm.free_energy(both.flatten(0, 1))).view(len(v), -1).logsumexp(1) - likelihood.log_z(rbm)


def random_dbm(recipe: DBMRecipe, std: float = 1.0, seed: int = 1) -> DBM:
    """A machine on 12 pixels with weights from N(0, std^2), and biases that make every unit 1 half of the time."""
    dbm, rng = recipe.start(torch.full((12,), 0.5), 0), torch.Generator().manual_seed(seed)
    for W in (dbm.W1, dbm.W2):
        W.copy_(torch.randn(W.shape, generator=rng) * std)
    dbm.b.copy_(-dbm.W1.sum(1) / 2)
    dbm.c1.copy_(-(dbm.W1.sum(0) + dbm.W2.sum(1)) / 2)
    dbm.c2.copy_(-dbm.W2.sum(0) / 2)
    return dbm


WAYS: dict[str, dict[str, Any]] = {
    "exact gradient": {},
    "CD-10": {"k": 10},
    "CD-1": {"k": 1},
    "persistent chain": {"k": 1, "persistent": True},
}
"""How the negative phase of an RBM is done."""


@door(RecipeError)
def learning_curves(updates: Steps, *, lr: float = 0.2, hidden: int = 16, seed: int = 0) -> tuple[np.ndarray, dict]:
    """The exact log-likelihood of bars and stripes over the updates, by each of `WAYS` from one start: (moments,) each.

    Five copies of the data make a minibatch, so that five times 22 chains estimate the negative phase.
    """
    x = bars_and_stripes().repeat(5, 1)
    at = np.unique(np.geomspace(1, updates, 60).astype(int))
    curves = {}
    for name, options in WAYS.items():
        recipe = RBMRecipe(hidden=hidden, lr=lr, batch=len(x), **options)
        rbm, rng = recipe.start(x.mean(0), seed), torch.Generator().manual_seed(seed)
        rbm.W.mul_(0.1)
        found = []
        for step in range(1, updates + 1):
            if options:
                rbm.learn(x, rng)
            else:
                learn_exactly(rbm, x)
            if step in at:
                found.append(likelihood.log_p(rbm, x).mean().item())
        curves[name] = np.array(found)
    return at, curves


def trained_rbm(updates: int, lr: float = 0.2, hidden: int = 16) -> RBM:
    """The RBM of `learning_curves` as the exact gradient trains it."""
    x = bars_and_stripes()
    rbm = RBMRecipe(hidden=hidden, lr=lr).start(x.mean(0), 0)
    rbm.W.mul_(0.1)
    for _ in range(updates):
        learn_exactly(rbm, x)
    return rbm


# -- a directed model whose posterior is known -------------------------------------------------------------------------

POSTERIORS = ("exact", "learned", "held")
"""Which q(z | x) trains the linear model: the posterior itself, one that learns with it, the prior and no more."""


@dataclass(frozen=True)
class Linear:
    """x = w z + s n in the plane, z and n standard normal; the data have covariance C."""

    w: Tensor  # (2,)
    s: Tensor  # ()
    C: Tensor  # (2, 2) of the data

    @property
    def covariance(self) -> Tensor:
        """That of the model's x: w w^T + s^2 I."""
        return torch.outer(self.w, self.w) + self.s**2 * torch.eye(2, dtype=self.w.dtype)

    @property
    def lost(self) -> Tensor:
        """KL(p_data || p_model), nats: ()."""
        S = self.covariance
        return (torch.trace(torch.linalg.solve(S, self.C)) - 2 + S.logdet() - self.C.logdet()) / 2

    def posterior(self) -> tuple[Tensor, Tensor]:
        """p(z | x) = N(a . x, t^2), as (a, log t)."""
        precision = 1 + self.w @ self.w / self.s**2
        return self.w / self.s**2 / precision, -precision.log() / 2

    def bound(self, a: Tensor, log_t: Tensor) -> Tensor:
        """The mean over the data of E_q log p(x | z) - KL(q || p(z)) with q(z | x) = N(a . x, t^2): ()."""
        t2, s2, B = (2 * log_t).exp(), self.s**2, torch.eye(2, dtype=self.w.dtype) - torch.outer(self.w, a)
        error = torch.trace(B @ self.C @ B.T) + self.w @ self.w * t2
        kl = (a @ self.C @ a + t2 - 1 - 2 * log_t) / 2
        return -math.log(2 * math.pi) - s2.log() - error / (2 * s2) - kl


def train_linear(which: str, steps: int = 600, rate: float = 0.05) -> tuple[list[float], Linear]:
    """What is lost (nats) at each step up the bound with the q that `which` of `POSTERIORS` says, and the model."""
    along = torch.tensor([1.5, 1.0], dtype=torch.float64)
    C = torch.outer(along, along) + 0.01 * torch.eye(2, dtype=torch.float64)
    theta = [torch.tensor(start, dtype=torch.float64, requires_grad=True) for start in ([0.3, -0.2], 0.0)]
    q = [torch.zeros(2, dtype=torch.float64, requires_grad=True), torch.zeros((), dtype=torch.float64)]
    q[1].requires_grad_()
    optimiser = torch.optim.Adam([*theta, *(q if which == "learned" else [])], lr=rate)
    lost = []
    for _ in range(steps + 1):
        model = Linear(theta[0], theta[1].exp(), C)
        lost.append(model.lost.item())
        a, log_t = (part.detach() for part in model.posterior()) if which == "exact" else q
        optimiser.zero_grad()
        (-model.bound(a, log_t)).backward()
        optimiser.step()
    return lost, Linear(model.w.detach(), model.s.detach(), C)


# -- mixing against reconstruction -------------------------------------------------------------------------------------

CORRUPTIONS = (0.1, 0.3, 0.5, 0.7, 0.9)
"""Shares of pixels that salt and pepper take."""


@torch.no_grad()
def reconstruction(model: GSN, x: Tensor, seed: int = 0) -> float:
    """Minus the mean log-probability of pictures x (n, d) after one step from x corrupted, nats a picture."""
    rng = torch.Generator().manual_seed(seed)
    logits = model.step(model._begin(x, rng), rng)
    return binary_cross_entropy_with_logits(logits, x, reduction="sum").item() / len(x)


def denoiser(x: Tensor, corruption: float, epochs: int, hidden: int = 300, seed: int = 0) -> GSN:
    """A small denoising autoencoder on pictures x (n, d): one sigmoid layer, two walkbacks, salt and pepper.

    Trained by Adam, which in so few epochs gets further than the rates of the GSN's recipe, made for hundreds.
    """
    recipe = GSNRecipe(
        hidden=(hidden,), act="sigmoid", walkbacks=2, sigma=0.0, corruption=corruption, lr=0.008, epochs=epochs
    )
    model = recipe.start(x.mean(0), seed)
    model.optimiser = torch.optim.Adam(model.parameters())
    *_, last = fit(x, recipe, seed, model, device="cpu")
    return last.model


# -- D out of step with G ----------------------------------------------------------------------------------------------


def helvetica() -> tuple[list[Pushforward], Toys]:
    """p_g of the toy's preset "Helvetica" when D is first held, and in the end; and the game as it then is."""
    preset = PRESETS["Helvetica"]
    settings = {**PLAIN, **preset.settings}
    numbers = {name: settings[name] for name in ("k", "lr_D", "lr_G", "momentum")}
    toys, found = Toys(TOY, density(settings["p_data"], ()), seeds=settings["seed"], **numbers), []
    for act in preset.acts:
        toys.set(**{name: value for name, value in act.settings.items() if name in numbers})
        for _ in range(act.n):
            toys.iterate()
        found.append(toys.p_g())
    return found, toys


def width(p: Pushforward) -> float:
    """The width of the interval that holds the middle 90 % of p."""
    z = np.linspace(-PRIOR_REACH["uniform"], PRIOR_REACH["uniform"], 2_001)
    low, high = np.quantile(p.G(z), (0.05, 0.95))
    return float(high - low)


# -- from x to z -------------------------------------------------------------------------------------------------------


def invert(trained: Trained, x: Tensor, steps: int, starts: int = 4, seed: int = 0) -> tuple[np.ndarray, Tensor]:
    """Search z by gradient descent on |x - G(z)|^2 from several starts: the mean best error a step, and the best G(z).

    x (n, d) in [0, 1]. z stays where a uniform prior has it: z = sqrt 3 tanh u. Adam on u, rate 0.05.
    """
    reach, G = 3**0.5, trained.G
    z = trained.recipe.noise(starts * len(x), seed) / reach
    u = z.clamp(-0.999, 0.999).atanh().requires_grad_()
    optimiser, errors = torch.optim.Adam([u], lr=0.05), []
    for step in range(steps + 1):
        made = G(reach * u.tanh()).unflatten(0, (starts, len(x)))
        error = (made - x).square().sum(-1)  # (starts, n)
        errors.append(error.amin(0).mean().item())
        if step < steps:
            optimiser.zero_grad()
            error.sum().backward()
            optimiser.step()
    best = error.argmin(0)
    return np.array(errors), made[best, torch.arange(len(x))].detach()


@torch.no_grad()
@door(RecipeError)
def complete(model: GSN, x: Tensor, known: Tensor, steps: Steps, seed: int = 0) -> Tensor:
    """A GSN's chain with the pixels `known` (d,) held at x (n, d): the conditional means of the rest, (steps, n, d).

    The unknown pixels begin drawn one by one, with the probabilities of the mean picture.
    """
    rng = torch.Generator().manual_seed(seed)
    start = torch.where(known, x, torch.bernoulli(model.mean.expand_as(x), generator=rng))
    h, found = model._begin(start, rng), []
    for _ in range(steps):
        mean = model.step(h, rng).sigmoid()
        drawn = torch.where(known, x, torch.bernoulli(mean, generator=rng))
        h[0] = model.corrupt(drawn, rng)
        found.append(torch.where(known, x, mean))
    return torch.stack(found)


# -- what may be built -------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Fold:
    """z from N(0, 1) and x = |z| + s n: for a given x the posterior has a hill on each side, by quadrature."""

    x: float
    s: Annotated[float, Within(0, above=True)] = 0.2

    def __post_init__(self) -> None:
        held(self, RecipeError)

    @property
    def z(self) -> np.ndarray:
        """The grid."""
        return np.linspace(-5, 5, 4_001)

    @property
    def log_joint(self) -> np.ndarray:
        """log p(x, z) on the grid z."""
        log_x = -((self.x - np.abs(self.z)) ** 2) / (2 * self.s**2) - math.log(self.s * math.sqrt(2 * math.pi))
        return log_x - self.z**2 / 2 - math.log(math.sqrt(2 * math.pi))

    @property
    def log_p(self) -> float:
        """log p(x), nats."""
        return float(np.log(trapezoid(np.exp(self.log_joint), self.z)))

    @property
    def posterior(self) -> np.ndarray:
        """p(z | x) on the grid z."""
        return np.exp(self.log_joint - self.log_p)

    def bound(self, mu: float, t: float) -> float:
        """E_q [log p(x, z) - log q(z)] with q = N(mu, t^2), nats."""
        log_q = -((self.z - mu) ** 2) / (2 * t**2) - math.log(t * math.sqrt(2 * math.pi))
        return float(trapezoid(np.exp(log_q) * (self.log_joint - log_q), self.z))

    def best(self) -> tuple[float, float, float]:
        """The Gaussian q with the highest bound: (mu, t, the nats it lacks of log p(x)); of two mirrors the right."""
        from scipy.optimize import minimize  # here: a quarter of a second to import

        starts = [(self.x, math.log(self.s)), (0.0, math.log(self.x + self.s))]
        found = [minimize(lambda v: -self.bound(v[0], math.exp(v[1])), start, method="Nelder-Mead") for start in starts]
        best = min(found, key=lambda one: one.fun)
        return abs(float(best.x[0])), math.exp(best.x[1]), self.log_p + float(best.fun)


def a_weight_within(strength: float, d: int = 6, hidden: int = 4, steps: int = 40_000, seed: int = 0) -> float:
    """Block Gibbs sampling of a small machine with one more weight, between two visible units: total variation.

    Between p(v), by enumeration, and the visibles drawn. All visibles are drawn at once given the hidden units, as in
    an RBM, each from its true conditional given what its neighbours were before. With strength 0 it is an RBM, and
    what is left is the error of so many draws.
    """
    rng, chains = torch.Generator().manual_seed(seed), 200
    W = torch.randn(d, hidden, generator=rng)
    L = torch.zeros(d, d)
    L[0, 1] = L[1, 0] = strength
    v_all = every_picture(d)
    energy = -nn.functional.softplus(v_all @ W - 1).sum(1) - (v_all @ L * v_all).sum(1) / 2
    energy += strength / d * v_all.sum(1)
    p = torch.softmax(-energy, 0)
    v, counts = torch.bernoulli(torch.full((chains, d), 0.5), generator=rng), torch.zeros(2**d)
    places = 2 ** torch.arange(d - 1, -1, -1)
    for step in range(steps // chains + 50):
        h = torch.bernoulli((v @ W - 1).sigmoid(), generator=rng)
        v = torch.bernoulli((h @ W.T + v @ L - strength / d).sigmoid(), generator=rng)
        if step >= 50:
            counts += torch.bincount((v.long() * places).sum(1), minlength=2**d)
    return float((counts / counts.sum() - p).abs().sum() / 2)


class Pairs(nn.Module):
    """Maxout over pairs: (m, 2 n) -> (m, n)."""

    def forward(self, a: Tensor) -> Tensor:
        """The larger one of each pair."""
        return a.unflatten(-1, (-1, 2)).amax(-1)


class Of(nn.Module):
    """A function of each number as a layer."""

    def __init__(self, f: Callable[[Tensor], Tensor]):
        super().__init__()
        self.f = f

    def forward(self, a: Tensor) -> Tensor:
        """f(a)."""
        return self.f(a)


PIECES: dict[str, Callable[[], nn.Module]] = {
    "rectifier": nn.ReLU,
    "maxout": Pairs,
    "tanh": nn.Tanh,
    "sine": lambda: Of(torch.sin),
    "fold |a|": lambda: Of(torch.abs),
    "steps at the output": lambda: Of(torch.round),
}
"""What stands between the linear layers of G; of the last one, which has rectifiers there, behind them."""


def net_of(piece: str, rng_seed: int, d_in: int = 1, d_out: int = 1, width: int = 32) -> nn.Sequential:
    """Two linear layers with a piece between them, or behind them where its name says so."""
    made = PIECES[piece]()
    wide = 2 * width if piece == "maxout" else width
    behind = "output" in piece
    net = nn.Sequential(nn.Linear(d_in, wide), nn.ReLU() if behind else made, nn.Linear(width, d_out))
    rng = torch.Generator().manual_seed(rng_seed)
    with torch.no_grad():
        for p, most in zip(net.parameters(), (1.0, 1.0, 0.3, 0.3)):
            p.copy_((torch.rand(p.shape, generator=rng) * 2 - 1) * most)
    return net.append(made) if behind else net


def density_of(G: nn.Module) -> Pushforward:
    """p_g of a G in one dimension with the uniform prior, as 4,000 straight lines."""
    z = np.linspace(-PRIOR_REACH["uniform"], PRIOR_REACH["uniform"], 4_001)
    with torch.no_grad():
        x = G(torch.as_tensor(z, dtype=torch.float32)[:, None])[:, 0].double().numpy()
    return Pushforward(z, x, even=True)


def play(G: nn.Module, iterations: int, seed: int = 0) -> list[float]:
    """Algorithm 1 in one dimension with any G, the toy's D and its rates: JSD (nats) before and after.

    The data are N(1, 1).
    """
    p_data = Gaussian(1.0, 1.0)
    D = TOY.networks(seed, torch.zeros(1))[1]
    rng, numbers = torch.Generator().manual_seed(seed), np.random.default_rng(seed)
    theta = list(G.parameters())
    before = theory.JSD(p_data, density_of(G))
    for _ in range(iterations):
        x = torch.as_tensor(p_data.sample(TOY.batch, numbers), dtype=torch.float32)[:, None]
        with torch.no_grad():
            fake = G(game.prior("uniform", TOY.batch, 1, rng))
        _descend(list(D.parameters()), game.discriminator_gradients(D, x, fake).D, TOY.lr_D)
        z = game.prior("uniform", TOY.batch, 1, rng)
        _descend(theta, game.generator_gradients(G, D, z, TOY.generator_cost).G, TOY.lr_G)
    return [before, theory.JSD(p_data, density_of(G))]


def autoencode(net: nn.Module, updates: int, seed: int = 0) -> list[float]:
    """A denoising autoencoder of bars and stripes with any net (m, 12) -> (m, 12): squared error before and after.

    A fifth of the pixels is flipped; the error is a picture's, of the clean picture from a corrupted one.
    """
    rng, x, theta = torch.Generator().manual_seed(seed), bars_and_stripes().repeat(5, 1), list(net.parameters())
    errors = []
    for _ in range(updates + 1):
        flipped = (x - (torch.rand(x.shape, generator=rng) < 0.2).to(x)).abs()
        error = (net(flipped) - x).square().sum(1).mean()
        errors.append(error.item())
        _descend(theta, torch.autograd.grad(error, theta), 0.02)
    n = max(1, updates // 20)
    return [errors[0], float(np.mean(errors[-n:]))]


@torch.no_grad()
def _descend(theta: Sequence[Tensor], gradients: Sequence[Tensor], rate: float) -> None:
    for p, g in zip(theta, gradients):
        p.sub_(g, alpha=rate)
