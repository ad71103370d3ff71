"""Two ways of coordination side by side: the same start, the same data, and as many gradients for each.

from ganlib.widgets import SideBySide, show

show(SideBySide(right="k = 5"))
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
from scipy.special import expit

from ganlib.controls import Choice, Slider
from ganlib.densities import PRIOR_REACH, Modes
from ganlib.errors import TrainingDiverged
from ganlib.picture import Line, Note, Panel, Picture
from ganlib.recipes import TOY
from ganlib.studies.coordination import BUDGET, DATA, WAYS, Play, Way
from ganlib.studies.toys import Measured
from ganlib.widgets.demo import Demo, cell_key
from ganlib.widgets.engine import GAME, Game
from ganlib.widgets.scene import CENTRES, EDGES, in_bins
from ganlib.widgets.steering import rate_text

LINEAR = {name: p_data for name, p_data in DATA.items() if not isinstance(p_data, Modes)}
SIDES = ("left", "right")
AT_ONCE = 12  # gradients for each side between two frames
EVERY = 5  # ... of which a curve gets a point
FAR = 1e4  # a G whose samples have gone farther has diverged
STYLE = {"left": "reference", "right": "V"}


class SideBySideEngine(Game):
    """The demo without its front end: two games of one dimension, each played one way.

    Whatever is changed, both begin anew, as a way is for a whole game.
    """

    title = "Two ways of coordination side by side"
    STATES = Game.STATES | {"stopped": "Budget spent"}
    COLUMNS = 7

    def __init__(self, **settings: Any):
        ways = {name: name for name in WAYS}
        rate = {"low": 1e-3, "high": 1.0, "log": True, "words": rate_text, "group": "Both"}
        whole = {"hint": "Both games begin anew"}
        buttons = {key: GAME[key] for key in ("start", "pause", "step", "reset", "seed")}
        buttons["step"] = replace(GAME["step"], hint=f"{AT_ONCE} gradients for each (S)")
        super().__init__(
            {
                **buttons,
                "left": Choice(ways, None, "Left: way", group="At the left", **whole),
                "z_left": Choice(list(PRIOR_REACH), None, "Left: z", group="At the left", **whole),
                "right": Choice(ways, "k = 5", "Right: way", group="At the right", **whole),
                "z_right": Choice(list(PRIOR_REACH), None, "Right: z", group="At the right", **whole),
                "p_data": Choice(list(LINEAR), None, "Data", group="Both", **whole),
                "lr_D": Slider(start=0.3, name="D's rate", **rate, **whole),
                "lr_G": Slider(start=0.03, name="G's rate", **rate, **whole),
            },
            **settings,
        )
        self.begin()

    # -- the games -----------------------------------------------------------------------------------------------------

    def begin(self) -> None:
        """Both games at the start of the seed."""
        v = self.values
        rates = {"lr_D": v["lr_D"], "lr_G": v["lr_G"], "seeds": v["seed"], "budget": BUDGET}
        self.plays = {side: Play(self._way(side), TOY, LINEAR[v["p_data"]], **rates) for side in SIDES}
        self._data, self._done = in_bins(LINEAR[v["p_data"]]), 0  # and how often `once` was called
        self.curves.clear()
        self._measure()

    def _way(self, side: str) -> Way:
        way, p_z = WAYS[self.values[side]], self.values[f"z_{side}"]
        return replace(way, recipe={**way.recipe, "p_z": p_z})

    def once(self) -> None:
        """Some gradients for each side."""
        self._done += 1
        for play in self.plays.values():
            while int(play.cost) < min(AT_ONCE * self._done, BUDGET):
                play.iterate()
        if self._done % EVERY == 0 or self.full:
            self._measure()
        if self.full:
            self.state = "stopped"

    def step(self) -> None:
        """Some gradients for each, then rest."""
        if not self.full:
            super().step()
            self._measure()

    @property
    def full(self) -> bool:
        """Whether both have spent their budget."""
        return all(play.share >= 1 for play in self.plays.values())

    def off(self) -> list[str]:
        """The buttons that can do nothing now."""
        return [*super().off(), *(("start", "step") if self.full else ())]

    def changed(self, values: dict[str, Any]) -> None:
        """Both games begin anew with what was changed."""
        before = dict(self.values)
        super().changed(values)
        try:
            self.begin()
        except Exception:
            self.values = before
            self.begin()
            raise
        self.state, self.error = "running" if self.running else "idle", ""

    def twin(self) -> SideBySideEngine:
        """Another such demo at its start."""
        return SideBySideEngine(**self.values)

    # -- what is measured ----------------------------------------------------------------------------------------------

    def _measure(self) -> None:
        """JSD, also of the average, and the gap of both. Raises `TrainingDiverged` where a game has gone off."""
        self.found: dict[str, Measured] = {}
        row = []
        for side, play in self.plays.items():
            found = play.toys.measure()
            if not math.isfinite(found.V) or np.abs(play.toys.p_g().x).max() > FAR:
                raise TrainingDiverged(f"The game at the {side} has diverged. Lower the rates, or reset.")
            self.found[side] = found
            row += [found.JSD, float(play.JSD(averaged=True)[0]), found.gap]
        self.curves.add(int(self.plays["left"].cost), tuple(row))

    # -- what there is to see ------------------------------------------------------------------------------------------

    def picture(self) -> Picture:
        """Both games' densities above; JSD and the gap over the gradients below."""
        spent, *rows = self.curves.rows().T.copy()
        panels = [self._densities(side, 6 * i) for i, side in enumerate(SIDES)]
        reach = (0.0, float(BUDGET))
        JSDs, gaps = [], []
        for i, side in enumerate(SIDES):
            last, average, gap = rows[3 * i : 3 * i + 3]
            JSDs += [
                Line(spent, last, side, STYLE[side], f"{last[-1]:.3f}"),
                Line(spent, average, f"{side}, averaged", STYLE[side], f"{average[-1]:.3f}", dash=1),
            ]
            gaps.append(Line(spent, gap, side, STYLE[side], f"{gap[-1]:.3f}"))
        top = 0.25 if max(line.y[-1] for line in JSDs) < 0.25 else 0.7  # a JSD is log 2 at the most
        panels += [
            Panel("JSD(p_data ‖ p_g), nats", JSDs, reach, (0, top), "gradients", at=(10, 0, 9, 6)),
            Panel("C(G) − V(D, G), nats: what D lacks", gaps, reach, (0, 0.3), "gradients", at=(10, 6, 9, 6)),
        ]
        counts = [f"{play.n_D.item():,} of D and {play.n_G.item():,} of G" for play in self.plays.values()]
        ends = [f"{self.found[side].JSD:.3f}" for side in SIDES]
        words = (
            f"JSD {ends[0]} nats at the left ({self.values['left']}), {ends[1]} at the right ({self.values['right']})."
        )
        note = Note([f"Gradients so far, left: {counts[0]}; right: {counts[1]}. Grey: p_g of the averaged G."])
        cost = int(self.plays["left"].cost)
        return Picture(panels, words, [(f"{cost:,}", f"of {BUDGET:,} gradients each")], [note])

    def _densities(self, side: str, column: int) -> Panel:
        """p_data, p_g, that of the averaged G, and D."""
        play = self.plays[side]
        curves = [
            Line(CENTRES, play.averaged().p_g().in_bins(EDGES), "averaged", "reference"),
            Line(CENTRES, play.toys.p_g().in_bins(EDGES), "p_g", "G"),
            Line(CENTRES, self._data, "p_data", "data"),
            Line(CENTRES, expit(play.toys.logit(CENTRES)), "D", "D", right=True),
        ]
        top = 2 * float(self._data.max())
        title = f"{side.capitalize()}: {self.values[side]}, {self.values[f'z_{side}']} z"
        return Panel(title, curves, (EDGES[0], EDGES[-1]), (0, top), right=(0, 1), at=(0, column, 10, 6))


class SideBySide(Demo):
    """Two ways of coordination, or two priors, played side by side at equal cost.

        two = SideBySide(left="k = 1", right="k by the gap")
        show(two)
        two.right = "blend of both costs"   # both begin anew
        two.start()

    `left` and `right` are names of `ganlib.studies.coordination.WAYS`; `z_left`, `z_right`, `p_data`, `lr_D`, `lr_G`
    and `seed` are controls, too. The rates are those before a way changes them. The dashed curves are those of the
    averages of G's parameters over the last half or so of the game.
    """

    def __init__(self, **settings: Any) -> None:
        super().__init__(SideBySideEngine(**settings), key=cell_key(type(self).__name__))
