"""What the live toy draws: p_data, p_g, D and D* over a window of x, and the arrows of x = G(z), as small arrays."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.special import expit, ndtri

from ganlib.densities import PRIOR_REACH, Array, Pushforward
from ganlib.studies.toys import Toys
from ganlib.widgets.toy_controls import WINDOW, mean_in_bins

EDGES = np.linspace(*WINDOW, 241)
"""The bins of x; p_g is shown as its exact mean in each, so that no spike is missed."""
ARROWS = 33
"""z whose way to x = G(z) is shown, at equal steps of the prior's quantiles."""
SCENERY = ("p_data", "heights", "p_z")
"""The controls whose arrays stay the same while the game goes on."""


class Scene:
    """The arrays that the page draws, each with a version that grows when it changes; drawn anew only where needed."""

    def __init__(self) -> None:
        self.arrays: dict[str, tuple[int, np.ndarray]] = {}
        """Name -> (version, float32): p_data, p_g, D, D_star (a bin each), z, x (an arrow each), heights."""
        self.outside = 0.0
        """The share of p_g outside the window."""
        self.stale = {"picture", *SCENERY}
        """What has changed since the last drawing."""
        self._version = 0

    def touch(self, *what: str) -> None:
        """Note that the picture, and which controls of SCENERY, have changed."""
        self.stale |= {"picture", *what}

    def draw(self, toys: Toys, p_g: Pushforward, heights: Sequence[float]) -> bool:
        """Bring the arrays up to date; False, and nothing changes, when D's values are no longer finite."""
        fresh: dict[str, Array] = {}
        if self.stale & {"p_data", "heights"}:
            fresh["p_data"], fresh["heights"] = mean_in_bins(toys.p_data, EDGES), np.array(heights)
        z = arrow_z(toys.p_z)
        if "p_z" in self.stale:
            fresh["z"] = z
        data = fresh["p_data"] if "p_data" in fresh else self.arrays["p_data"][1]
        in_bins = p_g.in_bins(EDGES)
        in_bins = np.where(in_bins > 1e-12, in_bins, 0.0)  # below this it is rounding
        D = expit(toys.logit((EDGES[1:] + EDGES[:-1]) / 2))
        if not np.isfinite(D).all():
            return False
        total = data + in_bins
        D_star = np.divide(data, total, out=np.full_like(D, 0.5), where=total > 0)
        fresh |= {"p_g": in_bins, "D": D, "D_star": D_star, "x": toys.G_of(z)}
        self._version += 1
        self.arrays |= {name: (self._version, np.float32(array)) for name, array in fresh.items()}
        self.outside = max(0.0, 1.0 - float(in_bins @ np.diff(EDGES)))
        self.stale = set()
        return True


def arrow_z(p_z: str) -> Array:
    """z at equal steps of the prior's quantiles: (ARROWS,)."""
    share = (np.arange(ARROWS) + 0.5) / ARROWS
    return ndtri(share) if p_z == "normal" else PRIOR_REACH["uniform"] * (2 * share - 1)


def next_move(toys: Toys) -> str:
    """The move that comes next in the iteration under way, in words."""
    k, turn = int(toys.k[0]), toys.turn
    joint = toys.update == "simultaneous"
    if k - turn > joint:
        return f"D, {turn + 1} of {k}"
    return "D and G together" if joint and k - turn == 1 else "G"
