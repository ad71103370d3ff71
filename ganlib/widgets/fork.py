"""A game with a condition, live: slide c, and see p_data(x | c), p_g(x | c) and D(x, c), while it trains.

from ganlib.widgets import LiveFork, show

show(LiveFork(seed=0))
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from scipy.special import expit

from ganlib import plots
from ganlib.controls import Slider
from ganlib.densities import Array
from ganlib.picture import Heat, Level, Line, Mark, Panel, Picture
from ganlib.studies.conditional import FORK, ConditionalToys, Fork, Marginal
from ganlib.studies.conditional import JSD as mean_JSD
from ganlib.widgets.demo import Demo, cell_key
from ganlib.widgets.engine import GAME, Game
from ganlib.widgets.steering import rate_text

WINDOW = (-3.5, 3.5)  # the x that are shown
EDGES = np.linspace(*WINDOW, 141)  # of the bins that a density is averaged in, so that no spike is missed
X = (EDGES[1:] + EDGES[:-1]) / 2
C = np.linspace(0, 1, 41)  # the c of a map
EVERY, QUICK = 50, 6  # iterations between two measurements, and the c that they are averaged over
RATES = ("k", "lr_D", "lr_G")
TOP = 1.3  # the highest density that is shown


class ForkEngine(Game):
    """The demo without its front end: one conditional game, and a place c at which it is looked at."""

    title = "A game with a condition, in one dimension"
    COLUMNS = 2
    interval = 1 / 15

    def __init__(self, p_data: Fork | None = None, seed: int = 0, **settings: Any):
        self.p_data = p_data or Fork()
        rate = {
            "low": 1e-3,
            "high": 1.0,
            "log": True,
            "off": (0, "0: held"),
            "words": rate_text,
            "group": "Both players",
        }
        super().__init__(
            {
                **{key: one for key, one in GAME.items() if key != "restore"},
                "seed": replace(GAME["seed"], start=seed),
                "c": Slider(0, 1, 0.75, 0.01, "c", "What both players are given", group="Look", look=True),
                "k": Slider(1, 10, FORK.k, 1, "k", "D's updates to one of G's", whole=True, group="Both players"),
                "lr_D": Slider(**rate, start=FORK.lr_D, name="Rate of D"),
                "lr_G": Slider(**rate, start=FORK.lr_G, name="Rate of G"),
            },
            **settings,
        )
        self.ignores = mean_JSD(self.p_data, lambda c: Marginal(self.p_data), QUICK, order=6)
        self._data_map = self._map(self.p_data)
        self.begin()

    def begin(self) -> None:
        """Go to the start of the seed."""
        rates = {name: self.values[name] for name in RATES}
        self.toys = ConditionalToys(FORK, self.p_data, seeds=self.values["seed"], **rates)
        self._drawn = -1, np.empty(0)
        self._measure()

    def once(self) -> None:
        """One iteration: k updates of D, one of G."""
        self.toys.iterate()
        if self.toys.step % EVERY == 0:
            self._measure()

    def twin(self) -> ForkEngine:
        """Another such game at its start."""
        return ForkEngine(self.p_data, **self.values)

    def changed(self, values: dict[str, Any]) -> None:
        """Look at another c, or change k or a rate; another seed begins anew."""
        for name in values.keys() - {"seed", "c"}:
            self.note(self.toys.step, name, values[name])
        super().changed(values)
        if "seed" in values:
            self.reset()
        self.toys.set(**{name: self.values[name] for name in RATES})

    def _measure(self) -> None:
        self.JSD = self.toys.measure(n=QUICK).JSD
        self.curves.add(self.toys.step, (self.JSD,))

    # -- what there is to see ------------------------------------------------------------------------------------------

    def picture(self) -> Picture:
        """Both densities and D at this c; both densities as maps over c; the divergence over the iterations."""
        c = self.values["c"]
        here = self.toys.at_c(c)
        if self._drawn[0] != self.toys.step:
            self._drawn = self.toys.step, self._map(self.toys.given)
        maps = (("p_data(x | c)", self._data_map, 0), ("p_g(x | c)", self._drawn[1], 4))
        panels = [self._slice(c), *(self._heat(name, z, c, column) for name, z, column in maps), self._chart()]
        words = (
            f"At c = {c:.2f} the divergence of p_data and p_g is {here.JSD:.3f} nats; averaged over c {self.JSD:.3f}."
        )
        told = [(f"{self.toys.step:,}", "iterations"), (f"{here.JSD:.3f}", "JSD at this c")]
        return Picture(panels, words, [*told, (f"{here.V:.3f}", "V at this c, nats")])

    def _slice(self, c: float) -> Panel:
        p, g = self._in_bins(self.p_data(c)), self._in_bins(self.toys.given(c))
        D, total = expit(self.toys.logit_given(X, c)), p + g
        D_star = np.divide(p, total, out=np.full_like(total, 0.5), where=total > 1e-12)
        panel = plots.densities(X, p, np.minimum(g, 4 * TOP), D=D, D_star=D_star, top=TOP, title=f"At c = {c:.2f}")
        return replace(panel, at=(0, 0, 11, 12), reads=True)

    def _heat(self, name: str, z: Array, c: float, column: int) -> Panel:
        heat = Heat(np.minimum(z, TOP), (0, 1), WINDOW, limits=(0, TOP))
        more = {"levels": [Level(x=c)], "marks": [Mark(c, WINDOW[0], moves=("c", None))], "at": (11, column, 10, 4)}
        return Panel(name, (), (0, 1), WINDOW, "c", "x", heat=heat, **more)

    def _chart(self) -> Panel:
        step, JSD = self.curves.rows().T
        levels = [Level(self.ignores, "a G that ignores c"), *self.event_levels()]
        line = Line(step, JSD, "JSD, mean over c", "V", f"{self.JSD:.3f}")
        ends = (0.0, float(max(1_000, self.toys.step)))
        return Panel("Divergence, nats", [line], ends, (0, 0.4), "iterations", levels=levels, at=(11, 8, 10, 4))

    @staticmethod
    def _in_bins(p: Any) -> Array:
        """The mean density in each bin, (140,)."""
        return p.in_bins(EDGES) if hasattr(p, "in_bins") else p.pdf(X)

    def _map(self, given: Any) -> Array:
        """The density for every c of the map, a column each: (140, 41)."""
        return np.stack([self._in_bins(given(c)) for c in C], 1)


class LiveFork(Demo):
    """A conditional game in one dimension, to be looked at at any c while it trains.

        play = LiveFork(seed=0)
        show(play)
        play.c = 0.2    # the same as moving the slider, or dragging the line in a map
        play.start()

    All numbers are exact: p_g by G's broken line at this c, the divergences by quadrature, in nats. The line named "a G
    that ignores c" is the divergence of the G that draws p_data's x without looking at c.
    """

    def __init__(self, p_data: Fork | None = None, seed: int = 0, **settings: Any) -> None:
        super().__init__(ForkEngine(p_data, seed, **settings), key=cell_key(type(self).__name__))
