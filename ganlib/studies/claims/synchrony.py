"""Section 6 on the drawback of the framework, on toys: D must be kept in step with G, or G collapses."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from ganlib.densities import Uniform
from ganlib.nets import Layer
from ganlib.picture import Level, Line, Panel, Picture
from ganlib.recipes import TOY
from ganlib.studies import phenomena
from ganlib.studies.claims.judged import Numbers, judged, rounded
from ganlib.studies.sweeps import width
from ganlib.studies.toys import Toys

BOUNDED = replace(
    TOY,
    G=(TOY.G[0], Layer(1, "sigmoid", irange=1.0)),
    D=(replace(TOY.D[0], irange=4.0), *TOY.D[1:]),  # its rectifiers bend within [0, 1]
    lr_D=0.1,
)
"""The toy with a G whose x lie in [0, 1]."""


def helvetica(
    seeds: Sequence[int] = range(8),
    bounded: bool = False,
    together: int = 500,
    alone: int = 400,
    lr_G: float = 0.03,
    records: int = 20,
) -> Numbers:
    """Section 6: G trained too much without updating D collapses too many z to the same x.

    The live toy's preset "Helvetica": p_data is uniform on [-2, 2]; `together` iterations, then `alone` updates of G at
    `lr_G` with D held ("held"), or as many with D updated each time ("both"), from the same moment. "share": the
    largest share of z that G maps into one interval of x a twentieth as long as that of the data; p_data has 0.05.
    "outside": the share of z that land outside the data's interval; "JSD": nats. Lists (seed, record), the first at the
    moment itself. With `bounded` G ends in a sigmoid, as that for digits does, so that x cannot leave [0, 1], and
    p_data is uniform on [0.2, 0.8]: the highest point of D is then within G's reach.
    """
    at = np.unique(np.round(np.linspace(0, alone, records)).astype(int))
    p_data, recipe = (Uniform(0.2, 0.8), BOUNDED) if bounded else (phenomena.DATA["uniform"], TOY)
    start = Toys(recipe, p_data, seeds=list(seeds))
    for _ in range(together):
        start.iterate()
    saved, found = start.saved(), {"seeds": list(seeds), "updates": at.tolist()}
    z, near = np.sqrt(3) * np.linspace(-1, 1, 4_001), (p_data.high - p_data.low) / 20
    for name, k in (("held", 0), ("both", 1)):
        toys = start.at(saved)
        toys.set(k=k, lr_G=lr_G)
        share, outside, JSD = (np.zeros((len(toys), len(at))) for _ in range(3))
        for r, update in enumerate(at):
            while toys.step - start.step < update:
                toys.iterate()
            for i in range(len(toys)):
                x = np.sort(toys.G_of(z, i))
                share[i, r] = (np.searchsorted(x, x + near) - np.arange(len(x))).max() / len(x)
                outside[i, r] = ((x < p_data.low) | (x > p_data.high)).mean()
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
    counts: Sequence[int] = (1, 2, 5, 10, 20, 50, 100), seeds: Sequence[int] = range(6), updates: int = 6_000
) -> Numbers:
    """Section 6: D must be kept well synchronised with G: JSD reached against the updates of G to one update of D.

    Games of one dimension against p_data with two hills, at the toy's rates; each run has the same number of updates of
    G, `updates`, and one of D before each `count` of them. "JSD": nats, by quadrature; "width": that of p_g over that
    of p_data; both the mean over the last tenth. Lists (count, seed).
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
    for key, title, level in (
        ("JSD", "JSD(p_data ‖ p_g), nats", math.log(2)),
        ("width", "Width of p_g over p_data's", 1),
    ):
        ys = np.array(found[key])
        dots = [Line(x, y, style="reference", dots=True) for y in ys.T]
        mean = Line(x, ys.mean(1), "mean of the seeds", "V" if key == "JSD" else "G")
        levels = [Level(level, "log 2" if key == "JSD" else "p_data")]
        ends = (x[0], x[-1])
        panels.append(Panel(title, [*dots, mean], ends, None, "updates of G to one of D", levels=levels, x_ticks=ticks))
    return Picture(panels)
