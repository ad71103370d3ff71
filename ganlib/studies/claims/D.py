"""Section 3 on D, put to the test on toys: D trained to completion on few data, and k against the rate of G."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from scipy.special import expit

from ganlib import game, theory
from ganlib.densities import Array, Gaussian
from ganlib.nets import Layer
from ganlib.picture import Heat, Level, Line, Panel, Picture
from ganlib.recipes import RING, TOY
from ganlib.studies.claims.judged import Numbers, judged, rounded
from ganlib.studies.sweeps import ToySweep
from ganlib.studies.toys import Toys

# -- section 3: D trained to completion --------------------------------------------------------------------------------


class Points:
    """A finite data set in the plane: a minibatch is drawn from its points (n, 2), with replacement."""

    def __init__(self, points: Array):
        self.points = points

    def sample(self, n: int, rng: np.random.Generator) -> Array:
        """n draws: (n, 2)."""
        return self.points[rng.integers(len(self.points), size=n)]


def overfit_D(
    sizes: Sequence[int] = (20, 200, 2_000),
    seeds: Sequence[int] = range(4),
    updates: int = 4_000,
    records: int = 40,
    fresh: int = 10_000,
    apart: float = 2.0,
) -> Numbers:
    """Section 3: to train D to completion on a finite data set would make it overfit.

    In the plane p_data is N(0, I) and G is held at p_g = N((apart, 0), I), so D* and C(G) are known exactly. D (two
    layers of 64 rectifiers, batches of 64, rate 0.1, momentum 0.5) is trained alone on n points of p_data and on fresh
    draws of G. V(D, G) is measured on the n points ("train") and on `fresh` points that D never saw ("fresh"), both
    against the same fresh draws of G: lists (size, seed, record). "D_grid" is D of the smallest set and the first seed,
    (41, 41), rows by y, over [-3, 5] x [-4, 4].
    """
    recipe = replace(RING, z_dim=2, G=(Layer(2, "linear", irange=0.0),), batch=64)
    C = theory.C(Gaussian(0, 1), Gaussian(apart, 1))
    at = np.unique(np.round(np.geomspace(10, updates, records)).astype(int))
    V = np.zeros((2, len(sizes), len(seeds), len(at)))
    picture: Numbers = {}
    for i, j in np.ndindex(len(sizes), len(seeds)):
        rng = np.random.default_rng([seeds[j], sizes[i]])
        data, unseen = Points(rng.standard_normal((sizes[i], 2))), rng.standard_normal((fresh, 2))
        fakes = rng.standard_normal((fresh, 2)) + np.array([apart, 0.0])
        toys = Toys(recipe, data, seeds=seeds[j], lr_D=0.1, lr_G=0.0, momentum=0.5)
        with torch.no_grad():
            toys.G.weights[0].copy_(torch.eye(2))
            toys.G.biases[0].copy_(torch.tensor([apart, 0.0]))
        for r, update in enumerate(at):
            while toys.step < update:
                toys.step_D()
                toys.step += 1
            a_data, a_new, a_fake = (_logits(toys, x) for x in (data.points, unseen, fakes))
            V[:, i, j, r] = [game.value(a, a_fake).item() for a in (a_data, a_new)]
        if i == j == 0:
            x, y = np.meshgrid(np.linspace(-3, 5, 41), np.linspace(-4, 4, 41))
            D = expit(_logits(toys, np.stack([x.ravel(), y.ravel()], 1)).numpy()).reshape(41, 41)
            picture = {"D_grid": np.round(D, 3).tolist(), "points": rounded(data.points)}
    train, new = V
    fall, over = new.max(-1) - new[..., -1], train[..., -1] - C
    few, many = fall[0], fall[-1]
    verdicts = [
        judged(
            f"V on fresh points, from its best to the end, with {sizes[0]} points: how far it falls, nats",
            few,
            0.1 * (C - theory.MINUS_LOG_4),
            "a tenth of all that D* gains over a D of 1/2; the mean over the fresh points is good to a hundredth of it",
        ),
        judged(
            f"V on its {sizes[0]} training points at the end less C(G), nats",
            over[0],
            0.0,
            "no D can have a larger V than C(G) on p_data itself",
        ),
        judged(
            f"the fall with {sizes[-1]:,} points over that with {sizes[0]}",
            many / np.maximum(few, 1e-12),
            0.5,
            "what comes of too few data must shrink when there are more",
            above=False,
        ),
    ]
    curves = {"updates": at.tolist(), "C": C, "train": rounded(train), "fresh": rounded(new)}
    return {"sizes": list(sizes), "seeds": list(seeds), **curves, **picture, "verdicts": verdicts}


@torch.no_grad()
def _logits(toys: Toys, x: Array) -> torch.Tensor:
    return toys.D.logit(torch.as_tensor(x, dtype=toys.dtype)[None])[0].double()


def show_overfit_D(found: Numbers) -> Picture:
    """V on the training points and on fresh ones for each number of points; D at the end on the smallest set."""
    updates = np.log10(found["updates"])
    ends = (updates[0], updates[-1])
    ticks = [(e, f"{10**e:,}") for e in range(math.ceil(ends[0]), math.floor(ends[1]) + 1)]
    panels = []
    for i, n in enumerate(found["sizes"]):
        train, new = (np.mean(found[name][i], 0) for name in ("train", "fresh"))
        lines = [Line(updates, train, "on its own points", "V"), Line(updates, new, "on fresh points", "D")]
        C = [Level(found["C"], "C(G)")]
        panels.append(Panel(f"V(D, G), {n:,} points", lines, ends, (-1.5, 0), "updates of D", "nats", C, x_ticks=ticks))
    x, y = np.array(found["points"]).T
    heat = Heat(found["D_grid"], (-3, 5), (-4, 4), (0.5,), "D(x)", (0, 1), "D")
    dots = [Line(x, y, "the data", "data", dots=True)]
    title = f"D at the end, {found['sizes'][0]} points"
    return Picture([*panels, Panel(title, dots, (-3, 5), (-4, 4), "", heat=heat, square=True)])


# -- section 3: k and the rate of G ------------------------------------------------------------------------------------


def k_and_gap(
    ks: Sequence[int] = (1, 2, 5, 10),
    lrs_G: Sequence[float] = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3),
    seeds: Sequence[int] = range(5),
    updates: int = 8_000,
    records: int = 40,
) -> Numbers:
    """Section 3: k updates of D to one of G keep D near its optimum, so long as G changes slowly enough.

    Games of one dimension against N(0, 1), D's rate 0.3, every run with the same number of updates of both players.
    "gap" is C(G) - V(D, G) by quadrature, the mean over the records after the first quarter of the run, and "JSD" the
    mean over the last tenth: lists (k, lr_G, seed), nats; None where a run has diverged.
    """
    sweep = ToySweep(
        TOY, Gaussian(0, 1), ks=tuple(ks), lrs_D=(0.3,), lrs_G=tuple(lrs_G), seeds=tuple(seeds),
        updates=updates, records=records,
    )  # fmt: skip
    sweep.finish(progress=False)
    curves, first = sweep.results.curves, records // 4
    gap = (curves["C"] - curves["V"])[:, 0, ..., first:].mean(-1)  # (k, lr_G, seed)
    JSD = sweep.results.final("JSD")[:, 0]
    slow, fast, patient = gap[0, 0], gap[0, -1], gap[-1, -1]
    verdicts = [
        judged(
            f"the gap with k = {ks[0]} and the slowest G (rate {lrs_G[0]:g}), nats",
            slow,
            0.05,
            "a gap of 0.05 nats is 4 % of the 2 log 2 that C(G) can lie above -log 4",
            above=False,
        ),
        judged(
            f"the gap with the fastest G (rate {lrs_G[-1]:g}) over that with the slowest, k = {ks[0]}",
            fast / slow,
            3.0,
            "the claim is conditional: where G moves fast, D must fall behind clearly",
        ),
        judged(
            f"the gap with the fastest G, k = {ks[0]} over k = {ks[-1]}",
            fast / patient,
            1.0,
            "more updates of D for each one of G must bring D nearer to its optimum; the paper names no factor",
        ),
    ]
    found = {"ks": list(ks), "lrs_G": list(lrs_G), "seeds": list(seeds), "updates": updates}
    return {**found, "gap": rounded(gap), "JSD": rounded(JSD), "verdicts": verdicts}


def show_k_and_gap(found: Numbers) -> Picture:
    """What D lacks of its optimum, and the JSD reached, by G's rate: a line for each k."""
    x = np.log10(found["lrs_G"])
    ticks = [(at, f"{rate:g}") for at, rate in zip(x, found["lrs_G"])]
    panels = []
    for name, title in (("gap", "C(G) − V(D, G): what D lacks"), ("JSD", "JSD(p_data ‖ p_g) at the end")):
        ys = np.log10(np.nanmean(np.array(found[name], float), -1))
        lines = [Line(x, y, f"k = {k}", "D", dash=i % 4) for i, (k, y) in enumerate(zip(found["ks"], ys))]
        low, high = math.floor(ys.min()), math.ceil(ys.max())
        decades = [(e, f"{10.0**e:g}") for e in range(low, high + 1)]
        panels.append(
            Panel(title, lines, (x[0], x[-1]), (low, high), "G's rate", "nats", x_ticks=ticks, y_ticks=decades)
        )
    return Picture(panels)
