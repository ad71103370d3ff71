"""What the paper says in sections 2, 3 and 6, put to the test on toys in one dimension and in the plane.

An experiment is a function of plain arguments that gives plain numbers: what was measured, its "verdicts", and
"seconds". Each has a function `show_...` that makes a `Picture` of those numbers. The sharp distributions and the
count of the passes stand in `claims_curve`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from scipy.special import expit

from ganlib import game, theory
from ganlib.densities import Array, Gaussian
from ganlib.nets import Layer
from ganlib.picture import Heat, Level, Line, Mark, Panel, Picture
from ganlib.recipes import RING, TOY
from ganlib.studies import phenomena
from ganlib.studies.sweeps import ToySweep, width
from ganlib.studies.toys import Toys

Numbers = dict[str, Any]


def judged(quantity: str, values: Any, threshold: float, reason: str, *, above: bool = True) -> Numbers:
    """One number that a claim stands or falls with: of every seed, and on which side of the threshold it should lie.

    "holds": the share of the seeds that lie there. A claim holds where this is 1 for all its numbers.
    """
    values = np.asarray(values, float)
    good = (values > threshold) if above else (values < threshold)
    spread = values.std(ddof=1) if len(values) > 1 else 0.0
    return {
        "quantity": quantity,
        "values": rounded(values),
        "mean": rounded(values.mean()),
        "spread": rounded(spread),
        "threshold": threshold,
        "above": above,
        "holds": float(good.mean()),
        "reason": reason,
    }


def rounded(values: Any) -> Any:
    """Numbers and arrays as plain lists, to five digits; None for what is not finite."""
    if isinstance(values, Mapping):
        return {key: rounded(value) for key, value in values.items()}
    plain = np.vectorize(lambda v: float(f"{v:.5g}") if math.isfinite(v) else None, otypes=[object])
    return plain(np.asarray(values, float)).tolist()


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
    updates: int = 8_000,
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
        fakes = rng.standard_normal((fresh, 2)) + [apart, 0]
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
            2.0,
            "k is there to hold D near its optimum, so it must at least halve what D lacks",
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
        panels.append(Panel(title, lines, (x[0], x[-1]), (low, high), "G's rate", "nats", x_ticks=ticks, y_ticks=decades))
    return Picture(panels)


# -- section 3: the non-saturating cost --------------------------------------------------------------------------------


def both_costs(apart: Sequence[float] = (0.0, 0.125, 0.25, 0.5, 1, 2, 3, 4, 5, 6, 7, 8), batch: int = 64) -> Numbers:
    """Section 3: to raise log D(G(z)) has the same fixed point as to lower log(1 - D(G(z))), and stronger gradients early.

    p_data is N(0, 1), G(z) = mu + z with z normal, and D is the best there is, so that by Proposition 1 its logit is
    mu^2/2 - mu x. The gradient of each cost by mu, for mu = `apart`, is an integral: "minimax" mu E D, and
    "non-saturating" mu E (1 - D), both over p_g; the two always add up to mu. "noise": |mean| over the standard
    deviation of the gradient of a minibatch of `batch`; None where both are 0.
    """
    mean: dict[str, list[float]] = {"minimax": [], "non-saturating": []}
    sure: dict[str, list[float]] = {name: [] for name in mean}
    for mu in apart:
        for name, sign in (("minimax", 1.0), ("non-saturating", -1.0)):
            first, second = (
                theory.expectation(lambda x: (mu * expit(sign * (mu * mu / 2 - mu * x))) ** power, Gaussian(mu, 1))  # noqa: B023
                for power in (1, 2)
            )
            deviation = math.sqrt(max(second - first * first, 0.0) / batch)
            mean[name].append(first)
            sure[name].append(first / deviation if deviation > 1e-12 else math.nan)
    ratio = [b / a if a > 0 else math.nan for a, b in zip(mean["minimax"], mean["non-saturating"])]
    early = [r for r, mu in zip(ratio, apart) if mu >= 4]
    ends = [max(a, b) for a, b, mu in zip(mean["minimax"], mean["non-saturating"], apart) if mu == 0]
    pushed = [min(a, b) / mu for a, b, mu in zip(mean["minimax"], mean["non-saturating"], apart) if mu > 0]
    verdicts = [
        judged(
            "the non-saturating gradient over the minimax one, hills 4 or more widths apart",
            early,
            10.0,
            "a rate can make up for a factor of 2 or 3, not for 10 and more",
        ),
        judged("both gradients where p_g = p_data", ends, 1e-12, "a fixed point of the one and the other", above=False),
        judged(
            "the weaker of the two gradients elsewhere, over mu",
            pushed,
            0.0,
            "there is no other fixed point: both costs push G towards the data from everywhere",
        ),
    ]
    return {
        "apart": list(map(float, apart)),
        "gradient": rounded(mean),
        "signal_to_noise": rounded(sure),
        "ratio": rounded(ratio),
        "verdicts": verdicts,
    }


def show_both_costs(found: Numbers) -> Picture:
    """Both gradients, and their signal-to-noise ratios, by how far apart the hills are."""
    panels, x = [], np.array(found["apart"])
    for key, title in (("gradient", "Gradient by μ, D at its optimum"), ("signal_to_noise", "Its |mean| / deviation")):
        lines = []
        for name, style, dash in (("minimax", "C", 1), ("non-saturating", "G", 0)):
            y = np.array(found[key][name], float)
            with np.errstate(divide="ignore", invalid="ignore"):
                lines.append(Line(x, np.where(y > 0, np.log10(y), math.nan), name, style, dash=dash))
        top = max(np.nanmax(line.y) for line in lines)
        low = min(np.nanmin(line.y) for line in lines)
        ends = math.floor(low), math.ceil(top)
        ticks = [(e, f"{10.0**e:g}") for e in range(ends[0], ends[1] + 1)]
        panels.append(Panel(title, lines, (0, x[-1]), ends, "distance of the hills, widths", y_ticks=ticks))
    return Picture(panels)


def cost_games(seeds: Sequence[int] = range(8), alone: int = 300, far: int = 500, near: int = 4_000) -> Numbers:
    """The same claim in games that are played: early, far from the data and with a D that is sure, and at the end.

    "far": the live toy's preset "Saturation": p_data far from where G begins, `alone` updates of D, then `far`
    iterations with each cost from the same start. "near": N(0, 1) from the usual start, `near` iterations. "push" is
    the mean |push| on a G(z) just before G first moves. JSDs in nats, lists (seed,).
    """
    preset = phenomena.PRESETS["saturation"].settings
    p_data = phenomena.density("drawn", preset["heights"])
    found: Numbers = {"seeds": list(seeds), "push": {}, "far": {}, "near": {}}
    plain = {name: phenomena.PLAIN[name] for name in ("k", "lr_D", "lr_G", "momentum")}
    for cost in game.GENERATOR_COSTS:
        toys = Toys(TOY, p_data, seeds=list(seeds), **plain)
        toys.set(generator_cost=cost)
        for _ in range(alone):
            toys.step_D()
        x = toys.samples(1_000)[..., 0]
        found["push"][cost] = rounded([np.abs(toys.push(x[i], i)).mean() for i in range(len(toys))])
        found["far"][cost] = _played(toys, far)
        toys = Toys(TOY, Gaussian(0, 1), seeds=list(seeds), **plain)
        toys.set(generator_cost=cost)
        found["near"][cost] = _played(toys, near)
    better, worse = (np.array(found["far"][cost]) for cost in game.GENERATOR_COSTS)
    ends = np.abs(np.subtract(*(found["near"][cost] for cost in game.GENERATOR_COSTS)))
    pushes = np.divide(*(found["push"][cost] for cost in game.GENERATOR_COSTS))
    found["verdicts"] = [
        judged("the push on G(z) by a sure D: non-saturating over minimax", pushes, 10.0, "as in the exact case"),
        judged(
            f"JSD after {far} iterations from far: minimax less non-saturating, nats",
            worse - better,
            0.1,
            "a seventh of the log 2 that JSD can have: more than any two seeds differ by in the end",
        ),
        judged(
            f"JSD after {near:,} iterations from near: difference of the costs, nats",
            ends,
            0.05,
            "the same fixed point: both come as near to p_data, but for the jitter of a constant rate",
            above=False,
        ),
    ]
    return found


def _played(toys: Toys, n: int) -> list[float]:
    """The JSD of every game after n more iterations."""
    for _ in range(n):
        toys.iterate()
    return rounded([toys.measure(i).JSD for i in range(len(toys))])


def show_cost_games(found: Numbers) -> Picture:
    """A point for every seed: JSD after the same iterations with both costs, from far and from near."""
    panels = []
    for key, title in (("far", "From far, D sure of itself"), ("near", "From near, at the end")):
        x, y = (found[key][cost] for cost in ("minimax", "non-saturating"))
        lines = [Line([0, 0.7], [0, 0.7], "equal", "reference"), Line(x, y, "a seed", "G", dots=True)]
        labels = {"x_label": "JSD with the minimax cost", "y_label": "JSD, non-saturating"}
        panels.append(Panel(title, lines, (0, 0.72), (0, 0.72), square=True, **labels))
    return Picture(panels)


# -- section 6: Helvetica, and D's synchrony ---------------------------------------------------------------------------


def helvetica(
    seeds: Sequence[int] = range(8), together: int = 500, alone: int = 400, lr_G: float = 0.03, records: int = 20
) -> Numbers:
    """Section 6: G trained too much without updating D collapses too many z to the same x.

    The live toy's preset "Helvetica": p_data is uniform on [-2, 2]; `together` iterations, then `alone` updates of G at
    `lr_G` with D held ("held"), or as many with D updated each time ("both"), from the same moment. "share": the
    largest share of z that G maps into one interval of x a twentieth as long as that of the data; p_data has 0.05.
    "outside": the share of z that land outside the data's interval; "JSD": nats. Lists (seed, record), the first at the
    moment itself.
    """
    at = np.unique(np.round(np.linspace(0, alone, records)).astype(int))
    start = Toys(TOY, phenomena.DATA["uniform"], seeds=list(seeds))
    for _ in range(together):
        start.iterate()
    saved, found = start.saved(), {"seeds": list(seeds), "updates": at.tolist()}
    z = np.sqrt(3) * np.linspace(-1, 1, 4_001)
    for name, k in (("held", 0), ("both", 1)):
        toys = start.at(saved)
        toys.set(k=k, lr_G=lr_G)
        share, outside, JSD = (np.zeros((len(toys), len(at))) for _ in range(3))
        for r, update in enumerate(at):
            while toys.step - start.step < update:
                toys.iterate()
            for i in range(len(toys)):
                x = np.sort(toys.G_of(z, i))
                share[i, r] = (np.searchsorted(x, x + 0.2) - np.arange(len(x))).max() / len(x)
                outside[i, r] = (np.abs(x) > 2).mean()
                JSD[i, r] = toys.measure(i).JSD
        found[name] = {"share": rounded(share), "outside": rounded(outside), "JSD": rounded(JSD)}
    held, both = (np.array(found[name]["share"])[:, -1] for name in ("held", "both"))
    rise = np.array(found["held"]["JSD"])[:, -1] - np.array(found["both"]["JSD"])[:, -1]
    found["verdicts"] = [
        judged("the share of z on one x in the end, D held", held, 0.5, "half of all z, ten times the share of p_data"),
        judged("the same, D updated too", both, 0.5, "the control: it is D's standing still that does it", above=False),
        judged("JSD in the end: D held less D updated, nats", rise, 0.1, "a seventh of the log 2 that JSD can have"),
    ]
    return found


def show_helvetica(found: Numbers) -> Picture:
    """The share of z on one x and the JSD over G's updates, D held and D updated: every seed, thin, and the mean."""
    panels = []
    for key, title, top in (("share", "Largest share of z on one x", 1.0), ("JSD", "JSD(p_data ‖ p_g), nats", 0.7)):
        lines = []
        for name, style, words in (("held", "V", "D held"), ("both", "G", "D updated too")):
            ys = np.array(found[name][key])
            lines += [Line(found["updates"], y, style="reference") for y in ys]
            lines.append(Line(found["updates"], ys.mean(0), words, style, lit=True))
        panels.append(Panel(title, lines, (0, found["updates"][-1]), (0, top), "updates of G"))
    return Picture(panels)


def synchrony(
    counts: Sequence[int] = (1, 2, 5, 10, 20, 50), seeds: Sequence[int] = range(6), updates: int = 6_000
) -> Numbers:
    """Section 6: D must be kept well synchronised with G: JSD reached against the updates of G to one update of D.

    Games of one dimension against p_data with two hills, rates of the toy; every run has the same number of updates of G,
    `updates`, and one of D after each `count` of them. "JSD": the mean over the last tenth, nats, by quadrature; "width":
    that of p_g over that of p_data. Lists (count, seed).
    """
    p_data = phenomena.DATA["bimodal"]
    own = width(np.sort(p_data.sample(100_000, np.random.default_rng(0))))
    z = np.sqrt(3) * np.linspace(-1, 1, 1_001)
    JSD, wide = (np.zeros((len(counts), len(seeds))) for _ in range(2))
    for c, count in enumerate(counts):
        toys, looks = Toys(TOY, p_data, seeds=list(seeds)), 0
        for update in range(1, updates + 1):
            if (update - 1) % count == 0:
                toys.step_D()
            toys.step_G()
            if update > 0.9 * updates and update % max(updates // 100, 1) == 0:
                looks += 1
                for i in range(len(toys)):
                    JSD[c, i] += toys.measure(i).JSD
                    wide[c, i] += width(np.sort(toys.G_of(z, i))) / own
        JSD[c], wide[c] = JSD[c] / looks, wide[c] / looks
    verdicts = [
        judged(
            f"JSD with {counts[-1]} updates of G to one of D less that with {counts[0]}, nats",
            JSD[-1] - JSD[0],
            0.1,
            "a seventh of the log 2 that JSD can have",
        )
    ]
    found = {"counts": list(counts), "seeds": list(seeds), "updates": updates}
    return {**found, "JSD": rounded(JSD), "width": rounded(wide), "verdicts": verdicts}


def show_synchrony(found: Numbers) -> Picture:
    """The JSD reached, and how wide p_g is, by the updates of G to one of D: every seed a point, and the mean."""
    x = np.log10(found["counts"])
    ticks = [(at, str(count)) for at, count in zip(x, found["counts"])]
    panels = []
    for key, title, level in (("JSD", "JSD(p_data ‖ p_g), nats", math.log(2)), ("width", "Width of p_g over p_data's", 1)):
        ys = np.array(found[key])
        dots = [Line(x, y, style="reference", dots=True) for y in ys.T]
        mean = Line(x, ys.mean(1), "mean of the seeds", "V" if key == "JSD" else "G")
        levels = [Level(level, "log 2" if key == "JSD" else "p_data")]
        ends = (x[0], x[-1])
        panels.append(Panel(title, [*dots, mean], ends, None, "updates of G to one of D", levels=levels, x_ticks=ticks))
    return Picture(panels)
