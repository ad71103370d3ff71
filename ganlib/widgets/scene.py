"""What a game of one dimension looks like at one moment, and Figure 1 as it is drawn of that."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import expit, ndtri

from ganlib import plots
from ganlib.densities import PRIOR_REACH, Array, Density, Pushforward
from ganlib.picture import Line, Panel
from ganlib.studies.phenomena import WINDOW
from ganlib.studies.toys import Toys

EDGES = np.linspace(*WINDOW, 241)  # the bins of x; p_g is shown as its exact mean in each, so that no spike is missed
CENTRES, WIDTH = (EDGES[1:] + EDGES[:-1]) / 2, EDGES[1] - EDGES[0]
SHARES, ROOT_3 = (np.arange(33) + 0.5) / 33, PRIOR_REACH["uniform"]
#: for each prior: 33 z at equal steps of its quantiles, whose x = G(z) are shown; the axis's largest z, and ticks
ARROWS: dict[str, tuple[Array, float, list[tuple[float, str]]]] = {
    "uniform": (ROOT_3 * (2 * SHARES - 1), ROOT_3, [(-ROOT_3, "−√3"), (0.0, "0"), (ROOT_3, "√3")]),
    "normal": (ndtri(SHARES), 2.6, [(float(z), f"{z}".replace("-", "−")) for z in range(-2, 3)]),
}


@dataclass(frozen=True)
class Scene:
    """What is drawn of a game at one moment: curves over the bins (240,), and 33 z with their x."""

    p_data: Array
    p_g: Array
    D: Array
    D_star: Array
    z: Array
    x: Array
    push: Array | None  # -d cost / dx at each of these x; None: not asked for
    p_z: str
    says: tuple[float, float]  # the means of D(x) over p_data and of D(G(z)), in the window
    outside: float  # the share of p_g outside the window
    finite: bool  # whether D's logits are numbers

    def figure_1(self, title: str = "", ghosts: Sequence[Line] = (), lit: str = "") -> list[Panel]:
        """The curves, and the arrows below them."""
        curves = {name: getattr(self, name) for name in ("p_data", "p_g", "D", "D_star")}
        _, reach, z_ticks = ARROWS[self.p_z]
        more: dict[str, Any] = {"push": self.push, "ghosts": ghosts, "lit": lit, "title": title}
        return plots.figure_1(CENTRES, **curves, arrows=(self.z, self.x), reach=reach, z_ticks=z_ticks, **more)

    def ghost(self, player: str, name: str = "", dash: int | None = None) -> Line:
        """The curve of a player ("D" or "G") in grey, to stand behind a later one."""
        if player == "D":
            return Line(CENTRES, self.D, name, "reference", right=True, dash=1 if dash is None else dash)
        return Line(CENTRES, self.p_g, name, "reference", dash=dash)


def in_bins(p_data: Density) -> Array:
    """The mean of p_data in each bin: (240,)."""
    return p_data.pdf(EDGES[:-1, None] + WIDTH * (np.arange(16) + 0.5) / 16).mean(1)


def scene(toys: Toys, p_data: Array, p_g: Pushforward, *, push: bool = False) -> Scene:
    """How a stack of one game looks: p_data (240,) by `in_bins`, and p_g as it is now."""
    z, mass = ARROWS[toys.p_z][0], p_g.in_bins(EDGES)
    mass = np.where(mass > 1e-12, mass, 0.0)  # below this it is rounding
    logit, total, x = toys.logit(CENTRES), p_data + mass, toys.G_of(z)
    D, D_star = expit(logit), np.divide(p_data, total, out=np.full_like(total, 0.5), where=total > 0)
    data, fakes = (float(p @ D / max(p.sum(), 1e-9)) for p in (p_data, mass))
    outside = max(0.0, 1.0 - float(mass.sum()) * WIDTH)
    pushed = np.nan_to_num(toys.push(x), posinf=0, neginf=0) if push else None
    return Scene(
        p_data, mass, D, D_star, z, x, pushed, toys.p_z, (data, fakes), outside, bool(np.isfinite(logit).all())
    )
