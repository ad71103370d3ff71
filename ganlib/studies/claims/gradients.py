"""Section 3 on G's cost, exactly and in toy games: the same fixed point, and much stronger gradients early."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from scipy.special import expit

from ganlib import theory
from ganlib.densities import Gaussian
from ganlib.picture import Line, Panel, Picture
from ganlib.recipes import TOY
from ganlib.studies import phenomena
from ganlib.studies.claims.judged import Numbers, judged, rounded
from ganlib.studies.toys import Toys

COSTS = ("non-saturating", "minimax")  # the two of the paper


def both_costs(apart: Sequence[float] = (0.0, 0.125, 0.25, 0.5, 1, 2, 3, 4, 5, 6, 7, 8), batch: int = 64) -> Numbers:
    """Section 3: raising log D(G(z)) has the fixed point of lowering log(1 - D(G(z))), and stronger gradients early.

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


def cost_games(
    seeds: Sequence[int] = range(8), alone: int = 300, far: int = 500, near: int = 4_000, records: int = 20
) -> Numbers:
    """The same claim in games that are played: early, far from the data and with a D that is sure, and at the end.

    "far": the live toy's preset "Saturation": p_data far from where G begins, `alone` updates of D, then `far`
    iterations with each cost from the same start, JSD (seed, record) at "iterations". "near": N(0, 1) from the usual
    start, JSD (seed,) after `near` iterations. JSDs in nats. "push": the mean |push| on a G(z) before G first moves.
    """
    preset = phenomena.PRESETS["saturation"].settings
    p_data = phenomena.density("drawn", preset["heights"])
    at = np.unique(np.round(np.linspace(far / records, far, records)).astype(int))
    found: Numbers = {"seeds": list(seeds), "iterations": at.tolist(), "push": {}, "far": {}, "near": {}}
    plain = {name: phenomena.PLAIN[name] for name in ("k", "lr_D", "lr_G", "momentum")}
    for cost in COSTS:
        toys = Toys(TOY, p_data, seeds=list(seeds), **plain)
        toys.set(generator_cost=cost)
        for _ in range(alone):
            toys.step_D()
        x = toys.samples(1_000)[..., 0]
        found["push"][cost] = rounded([np.abs(toys.push(x[i], i)).mean() for i in range(len(toys))])
        found["far"][cost] = np.transpose([_played(toys, step) for step in at]).tolist()
        toys = Toys(TOY, Gaussian(0, 1), seeds=list(seeds), **plain)
        toys.set(generator_cost=cost)
        found["near"][cost] = _played(toys, near)
    better, worse = (np.mean(found["far"][cost], 1) for cost in COSTS)
    ends = np.abs(np.subtract(*(found["near"][cost] for cost in COSTS)))
    pushes = np.divide(*(found["push"][cost] for cost in COSTS))
    found["verdicts"] = [
        judged("the push on G(z) by a sure D: non-saturating over minimax", pushes, 10.0, "as in the exact case"),
        judged(
            f"mean JSD over {far} iterations from far: minimax less non-saturating, nats",
            worse - better,
            0.1,
            "a seventh of the log 2 that JSD can have",
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
    """The JSD of every game after n iterations in all."""
    while toys.step < n:
        toys.iterate()
    return rounded([toys.measure(i).JSD for i in range(len(toys))])


def show_cost_games(found: Numbers) -> Picture:
    """From far, the JSD over the iterations with both costs, every seed and the mean; from near, a point for a seed."""
    lines = []
    for cost, style in (("minimax", "C"), ("non-saturating", "G")):
        curves = np.array(found["far"][cost])
        lines += [Line(found["iterations"], y, style=style, dash=2) for y in curves]
        lines.append(Line(found["iterations"], curves.mean(0), f"{cost}, mean of the seeds", style, dash=0, lit=True))
    far = Panel("From far, D sure: JSD, nats", lines, (0, found["iterations"][-1]), (0, 0.7), "iteration")
    x, y = (found["near"][cost] for cost in ("minimax", "non-saturating"))
    top = 1.2 * max(*x, *y)
    ends = [Line([0, top], [0, top], "equal", "reference"), Line(x, y, "a seed", "G", dots=True)]
    labels = {"x_label": "JSD with the minimax cost", "y_label": "JSD, non-saturating"}
    return Picture([far, Panel("From near, at the end", ends, (0, top), (0, top), square=True, **labels)])
