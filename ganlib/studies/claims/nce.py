"""Section 2 on noise-contrastive estimation, in one dimension: does it slow down once the model is roughly right?"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
from scipy.special import expit
from torch import Tensor, nn

from ganlib import game, theory
from ganlib.densities import Array, Gaussian
from ganlib.picture import Line, Panel, Picture
from ganlib.plots import decades
from ganlib.studies import nce
from ganlib.studies.claims.judged import Numbers, judged, rounded

P_DATA = Gaussian(0, 1)
SCORES = "score matching"
NOISES = ((0.0, 2.0), (0.0, 30.0), (4.0, 1.0))
"""The fixed noise of NCE, (mean, width): near the data, spread far out, and where data hardly ever are."""


def nce_signal(
    noises: Sequence[tuple[float, float]] = NOISES,
    distances: Sequence[float] = tuple(np.geomspace(2, 0.02, 13).tolist()),
    batch: int = 100,
    lag: float = 0.1,
) -> Numbers:
    """Section 2: with its fixed noise, NCE learns slowly once the model is roughly right; the game's D keeps up.

    p_data is N(0, 1), and the model N(t, e^(2t)) comes closer as t, one of `distances`, falls: mean and log width are
    both off by t. Measured is the signal-to-noise ratio of the gradient of a minibatch of `batch`, its |mean| over the
    root of the trace of its covariance, exactly, by quadrature, for

    - NCE, a row for each of the `noises`, (mean, width) of a Gaussian; and score matching;
    - "G": the non-saturating gradient by its mean and log width, with D = D*; "G, D late": with the D* of t (1 + lag);
    - "D, late": the gradient of that late D, whose logit is a quadratic, so that it can be D*.

    "JSD" is that of p_data and the model at each t, nats.
    """
    found: dict[str, list[float]] = {}
    for t in distances:
        theta = [t, -2 * t, -t - math.log(2 * math.pi) / 2]  # normalised
        for noise in noises:
            recipe = nce.NCERecipe(noise=Gaussian(*noise))
            found.setdefault(_noise(*noise), []).append(nce.signal_to_noise(recipe, theta, P_DATA, batch))
        scores = nce.NCERecipe(by="scores")
        found.setdefault(SCORES, []).append(nce.signal_to_noise(scores, theta, P_DATA, batch))
        late = t * (1 + lag)
        found.setdefault("G", []).append(_of_G(t, t, batch))
        found.setdefault("G, D late", []).append(_of_G(t, late, batch))
        found.setdefault("D, late", []).append(_of_D(t, late, batch))
    far, near = (int(np.abs(np.log(np.divide(distances, t))).argmin()) for t in (1.0, 0.1))
    fall = {name: row[near] / row[far] for name, row in found.items()}
    nces = [_noise(*noise) for noise in noises]
    verdicts = [
        judged(
            "the fall of NCE's signal-to-noise ratio from a distance of 1 to 0.1, over that of G's, each noise",
            [fall[name] / fall["G"] for name in nces],
            0.5,
            "the claim compares the two: NCE's step must lose at least twice as much of its signal as G's",
            above=False,
        ),
        judged(
            f"at 0.1, the ratio of a D that is late by {lag:.0%} over NCE's, each noise",
            [found["D, late"][near] / found[name][near] for name in nces],
            1.0,
            "D, too, learns from draws: the game gains nothing if D's own gradient is the weak one",
        ),
    ]
    model = [theory.JSD(P_DATA, Gaussian(t, math.exp(t))) for t in distances]
    axes = {
        "distances": rounded(distances),
        "JSD": rounded(model),
        "noises": [list(noise) for noise in noises],
        "batch": batch,
        "lag": lag,
    }
    return {**axes, "signal_to_noise": rounded(found), "verdicts": verdicts}


def _noise(mean: float, width: float) -> str:
    return f"NCE, noise N({mean:g}, {width:g}²)"


def _logit(t: float) -> Array:
    """D*'s logit log p_data - log p_g for the model at t, as the coefficients of 1, x, x^2."""
    precision = math.exp(-2 * t)
    return np.array([t + precision * t * t / 2, -precision * t, (precision - 1) / 2])


def _ratio(*parts: tuple[Array, Array], batch: int) -> float:
    """|mean| / sqrt(trace of the covariance) of a sum of means over `batch` draws, each (values (n, p), share (n,))."""
    means = [share @ each for each, share in parts]
    trace = sum((share @ (each - mean) ** 2).sum() for (each, share), mean in zip(parts, means)) / batch
    return float(np.linalg.norm(sum(means)) / math.sqrt(trace))


def _of_G(t: float, of_D: float, batch: int) -> float:
    """The ratio of G's gradient at t, with D the best for the model at `of_D`."""
    z, w = theory.quadrature(P_DATA)
    x, (a0, a1, a2) = t + math.exp(t) * z, _logit(of_D)
    push = -expit(-(a0 + a1 * x + a2 * x * x)) * (a1 + 2 * a2 * x)  # d cost / d x
    return _ratio((np.stack([push, push * math.exp(t) * z], 1), w * P_DATA.pdf(z)), batch=batch)


def _of_D(t: float, of_D: float, batch: int) -> float:
    """The ratio of D's gradient by its three coefficients, where D is the best for `of_D` and G is at t."""
    p_g, parts = Gaussian(t, math.exp(t)), []
    x, w = theory.quadrature(P_DATA, p_g)
    powers = x[:, None] ** np.arange(3)
    a = powers @ _logit(of_D)
    for p, each in ((P_DATA, -expit(-a)), (p_g, expit(a))):
        parts.append((each[:, None] * powers, w * p.pdf(x)))
    return _ratio(*parts, batch=batch)


def show_nce_signal(found: Numbers) -> Picture:
    """The signal-to-noise ratio of one minibatch by the distance of the model, and the same by the JSD."""
    panels = []
    looks = iter(((*"C1",), (*"C2",), (*"C3",)))
    lines = []
    for name, row in found["signal_to_noise"].items():
        style, dash = {SCORES: ("other", "0"), "G": ("G", "0"), "G, D late": ("G", "1"), "D, late": ("D", "1")}.get(
            name
        ) or next(looks)
        lines.append((name, np.log10(row), style, int(dash)))
    for key, title, label in (
        ("distances", "Signal over noise of a minibatch", "distance t of the model"),
        ("JSD", "The same, by the JSD", "JSD of data and model, nats"),
    ):
        x = np.log10(found[key])
        ends = math.floor(min(x)), math.ceil(max(x))
        drawn = [Line(x, y, name, style, dash=dash) for name, y, style, dash in lines]
        panels.append(Panel(title, drawn, ends, (-3, 3), label, x_ticks=decades(*ends), y_ticks=decades(-3, 3)))
    return Picture(panels)


# -- the curves of learning --------------------------------------------------------------------------------------------


class Widen(nn.Module):
    """B games' G(z) = mu + e^s z in one dimension: z (B, m, 1) -> (B, m, 1)."""

    def __init__(self, games: int, mu: float, s: float):
        super().__init__()
        self.mu, self.s = (nn.Parameter(torch.full((games, 1, 1), v, dtype=torch.float64)) for v in (mu, s))

    def forward(self, z: Tensor) -> Tensor:
        """x."""
        return self.mu + self.s.exp() * z


class Quadratic(nn.Module):
    """B games' D, whose logit is a quadratic in x: all that D* can be between two Gaussians."""

    def __init__(self, games: int):
        super().__init__()
        self.a = nn.Parameter(torch.zeros(games, 3, 1, dtype=torch.float64))

    def logit(self, x: Tensor, rng: torch.Generator | None = None) -> Tensor:
        """a(x): (B, m, 1) -> (B, m)."""
        return (torch.cat([torch.ones_like(x), x, x * x], -1) @ self.a)[..., 0]


def nce_curves(
    noises: Sequence[tuple[float, float]] = NOISES,
    rates: Sequence[float] = (0.01, 0.03, 0.1, 0.3, 1.0),
    seeds: Sequence[int] = range(4),
    updates: int = 2_000,
    records: int = 40,
    batch: int = 100,
    start: tuple[float, float] = (1.5, 0.7),
) -> Numbers:
    """The same claim by learning: JSD over the updates of NCE, of score matching and of the game, in one family.

    The model is a Gaussian that begins with mean and log width `start`, p_data is N(0, 1). The game: G(z) = mu + e^s z,
    a D with a quadratic logit, Algorithm 1 with k = 1 and the non-saturating cost, one rate for both. All take plain
    gradient steps with one rate: that of `rates` with the least mean JSD over the last half of the records, for all
    seeds. An update sees `batch` data and as many draws of the noise, or of G. "JSD": name -> (seed, record), nats.
    "reach": updates until the JSD stays below 0.03, 0.01 and 0.003, by the mean curve; None: not in that time.
    """
    at = np.unique(np.round(np.geomspace(10, updates, records)).astype(int))
    curves = {
        _noise(*noise): _nce(nce.NCERecipe(noise=Gaussian(*noise)), rates, seeds, at, batch, start) for noise in noises
    }
    curves[SCORES] = _nce(nce.NCERecipe(by="scores"), rates, seeds, at, batch, start)
    curves["the game"] = _game(rates, seeds, at, batch, start)
    best, reach = {}, {}
    for name, JSD in curves.items():  # (rate, seed, record)
        chosen = int(np.nan_to_num(JSD[..., len(at) // 2 :].mean((1, 2)), nan=9.0).argmin())
        best[name], curves[name] = float(rates[chosen]), JSD[chosen]
        mean = JSD[chosen].mean(0)
        last = {level: np.nonzero(~(mean < level))[0] for level in (0.03, 0.01, 0.003)}
        ends = {level: 0 if not len(over) else over[-1] + 1 for level, over in last.items()}
        reach[name] = [int(at[end]) if end < len(at) else None for end in ends.values()]
    final = {name: JSD[:, -len(at) // 8 :].mean(1) for name, JSD in curves.items()}
    verdicts = [
        judged(
            f"JSD after the same updates: {_noise(*noise)}, over the game",
            final[_noise(*noise)] / final["the game"],
            2.0,
            "twice as far from the data after as many draws",
        )
        for noise in noises
    ]
    axes = {
        "updates": at.tolist(),
        "noises": [list(noise) for noise in noises],
        "seeds": list(seeds),
        "start": list(start),
        "batch": batch,
    }
    return {**axes, "rate": best, "JSD": rounded(curves), "reach": reach, "verdicts": verdicts}


def _nce(
    recipe: nce.NCERecipe,
    rates: Sequence[float],
    seeds: Sequence[int],
    at: Array,
    batch: int,
    start: tuple[float, float],
) -> Array:
    """The JSD of a fit at each record: (rate, seed, record); log 2 where it has diverged."""
    mu, s = start
    family = nce.Bell((mu, -2 * s, -s - math.log(2 * math.pi) / 2))
    JSD = np.full((len(rates), len(seeds), len(at)), math.log(2))
    for i, j in np.ndindex(JSD.shape[:2]):
        data = P_DATA.sample(100_000, np.random.default_rng([seeds[j], 1]))
        of = nce.NCERecipe(family, recipe.by, recipe.noise, lr=rates[i], batch=batch, steps=int(at[-1]))
        for step in nce.fit(data, of, seed=seeds[j]):
            if step.step in at:
                mu, l, _ = step.theta.tolist()
                JSD[i, j, np.searchsorted(at, step.step)] = _JSD(mu, -l / 2)
    return JSD


def _game(rates: Sequence[float], seeds: Sequence[int], at: Array, batch: int, start: tuple[float, float]) -> Array:
    """The same of the game, all rates and seeds at once."""
    games = len(rates) * len(seeds)
    lr = torch.tensor(np.repeat(rates, len(seeds)))[:, None, None]
    G, D = Widen(games, *start), Quadratic(games)
    rngs = [np.random.default_rng([seed, 2]) for seed in seeds]
    JSD = np.full((games, len(at)), math.log(2))
    for update in range(1, int(at[-1]) + 1):
        draws = np.stack([rng.standard_normal((3, batch, 1)) for rng in rngs], 1)  # (3, seeds, m, 1)
        x, z, again = torch.from_numpy(np.tile(draws, (1, len(rates), 1, 1)))
        with torch.no_grad():
            fake = G(z)
        _descend(D, game.discriminator_gradients(D, x, fake).D, lr)
        _descend(G, game.generator_gradients(G, D, again, "non-saturating").G, lr)
        if update in at:
            JSD[:, np.searchsorted(at, update)] = [_JSD(*pair) for pair in zip(*_numbers(G))]
    return JSD.reshape(len(rates), len(seeds), len(at))


def _numbers(G: Widen) -> tuple[list[float], list[float]]:
    return G.mu.flatten().tolist(), G.s.flatten().tolist()


@torch.no_grad()
def _descend(net: nn.Module, gradients: Sequence[Tensor], lr: Tensor) -> None:
    for p, g in zip(net.parameters(), gradients):
        p.sub_(lr * g)


def _JSD(mu: float, s: float) -> float:
    """JSD(p_data || N(mu, e^(2s))), nats; log 2 where that is no density any more."""
    if not (abs(mu) < 1e3 and abs(s) < 10):
        return math.log(2)
    return theory.JSD(P_DATA, Gaussian(mu, math.exp(s)), order=6)


def show_nce_curves(found: Numbers) -> Picture:
    """The JSD over the updates, the mean of the seeds, each with its best rate."""
    x, lines, looks = np.log10(found["updates"]), [], iter((1, 2, 3))
    for name, JSD in found["JSD"].items():
        style = {"the game": "G", SCORES: "other"}.get(name, "C")
        y = np.log10(np.mean(JSD, 0))
        lines.append(
            Line(x, y, f"{name} (rate {found['rate'][name]:g})", style, dash=next(looks) if style == "C" else 0)
        )
    ends = math.floor(x[0]), math.ceil(x[-1])
    title = "JSD(p_data ‖ model), nats"
    return Picture(
        [Panel(title, lines, (x[0], x[-1]), (-5, 0), "updates", x_ticks=decades(*ends), y_ticks=decades(-5, 0))]
    )
