"""All conditionals of a density in the plane by one G, while it learns: move the slice, and compare with the exact one.

from ganlib.widgets import Slices, show

show(Slices(seed=0))
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ganlib.controls import Choice, Slider
from ganlib.game import MINUS_LOG_4
from ganlib.picture import Heat, Level, Line, Mark, Panel, Picture, minus
from ganlib.recipes import Recipe
from ganlib.studies.all_conditionals import HILLS, ORDERS, PLANE, REACH, Estimate, Plane, PlaneGame
from ganlib.widgets.demo import Demo, cell_key
from ganlib.widgets.engine import GAME, Game

EVERY = 50  # iterations between points of the chart
DRAWN, SHOWN, MEASURED = 4_000, 500, 4_000  # draws of a slice, points in the plane, points for each number of the chart
EDGES = np.linspace(-REACH, REACH, 57)  # of the bars of a slice
FINE = np.linspace(-REACH, REACH, 281)  # where the exact density of a slice is drawn
AXIS = np.linspace(-REACH, REACH, 81)
WHICH = {"x1": "x1, given x2", "x2": "x2, given x1"}
CORNERS = np.stack(np.meshgrid(AXIS, AXIS), -1)  # (81, 81, 2)


class SlicesEngine(Game):
    """The game without its front end, and one slice through it."""

    title = "Slices through a density"
    interval = 1 / 12

    def __init__(self, p_data: Plane = HILLS, seed: int = 0, recipe: Recipe = PLANE, **settings: Any):
        look = {"group": "What is looked at", "look": True}
        buttons = {name: GAME[name] for name in ("start", "pause", "step", "reset", "seed")}
        at = "Where the other coordinate is held"
        controls = {
            **buttons,
            "which": Choice(WHICH, name="The slice shows", hint="Which coordinate is hidden from G", **look),
            "at": Slider(-2.5, 2.5, 0.0, 0.05, "the other coordinate", at, **look),
            "order": Choice(ORDERS, name="Points of G, drawn", hint="How both coordinates are drawn", **look),
        }
        super().__init__(controls, seed=seed, **settings)
        self.p_data, self.recipe = p_data, recipe
        self._map = p_data.pdf(CORNERS)
        self.begin()

    def begin(self) -> None:
        """Go to the start of the seed."""
        self.game = PlaneGame(self.p_data, self.values["seed"], self.recipe)
        self._seen: dict[Any, Any] = {}
        self._measure()

    def twin(self) -> SlicesEngine:
        """Another game with the same controls, at its start."""
        return SlicesEngine(self.p_data, recipe=self.recipe, **self.values)

    def once(self) -> None:
        """One iteration: an update of D, and one of G."""
        self.game.iterate()
        if self.game.step % EVERY == 0:
            self._measure()

    def changed(self, values: dict[str, Any]) -> None:
        """Look elsewhere; another seed begins anew."""
        super().changed(values)
        if "seed" in values:
            self.reset()

    def _measure(self) -> None:
        self.jsds = self.game.jsds(MEASURED)
        self.curves.add(self.game.step, tuple(jsd.value for jsd in self.jsds))

    def _once(self, what: str, key: Any, find: Any) -> Any:
        """What `find` gives, worked out once for this G and this key."""
        if self._seen.get(what, (None,))[0] != (self.game.step, key):
            self._seen[what] = (self.game.step, key), find()
        return self._seen[what][1]

    @property
    def axis(self) -> int:
        """The coordinate that is hidden: 0 or 1."""
        return list(WHICH).index(self.values["which"])

    def jsd(self) -> Estimate:
        """The JSD of the slice in nats, with the error of its draws."""
        axis, at = self.axis, self.values["at"]
        return self._once("jsd", (axis, at), lambda: self.game.conditional_jsd(axis, at, DRAWN))

    # -- what there is to see ------------------------------------------------------------------------------------------

    def picture(self) -> Picture:
        """The plane with the slice in it, the slice, and the mean JSD of every kind of conditional."""
        step, jsd = self.game.step, self.jsd()
        bound = MINUS_LOG_4 + 2 * np.mean([one.value for one in self.jsds])
        told = [(f"{step:,}", "iterations"), (minus(f"{jsd.value:.3f} ± {jsd.error:.3f}"), "JSD of this slice, nats")]
        told.append((minus(f"{bound:.3f}"), "V at the best D, nats"))
        seen = f"x{2 - self.axis} = {self.values['at']:.2f}"
        words = f"After {step:,} iterations, given {seen}, G's draws are {jsd.value:.3f} nats of JSD from the exact "
        words += f"conditional. Over all slices: {self._all()}."
        return Picture([self._plane(), self._slice(jsd), self._chart()], minus(words), told)

    def _all(self) -> str:
        names = (*(name.replace(",", "") for name in WHICH.values()), "both at once")
        return ", ".join(f"{name} {jsd.value:.3f}" for name, jsd in zip(names, self.jsds))

    def _plane(self) -> Panel:
        axis, at, order = self.axis, self.values["at"], self.values["order"]
        x = self._once("joint", order, lambda: self.game.joint(order, SHOWN))
        ends = (-REACH, REACH)
        handle = (REACH - 0.25, at) if axis == 0 else (at, REACH - 0.25)
        mark = Mark(*handle, "slice", moves=(None, "at") if axis == 0 else ("at", None))
        level = Level(y=at) if axis == 0 else Level(x=at)
        return Panel(
            "The density, and points of G",
            [Line(*x.T, f"G, {order}", "V", dots=True)],
            *(ends, ends, "x1", "x2"),
            heat=Heat(self._map, ends, ends, name="p_data", limits=(0, float(self._map.max()))),
            levels=[level],
            marks=[mark],
            square=True,
            at=(0, 0, 19, 7),
            caption="Drag the slice.",
        )

    def _slice(self, jsd: Estimate) -> Panel:
        axis, at = self.axis, self.values["at"]
        drawn = self._once("slice", (axis, at), lambda: self.game.conditional(axis, at, DRAWN))
        bars = np.histogram(drawn, EDGES)[0] / (len(drawn) * np.diff(EDGES))
        x, y = EDGES.repeat(2)[1:-1], bars.repeat(2)
        p = self.p_data.conditional(axis, at).pdf(FINE)
        name = f"p(x{axis + 1} | x{2 - axis} = {at:.2f})"
        lines = [Line(x, y, "G", "G", minus(f"JSD {jsd.value:.3f}"), fill=True), Line(FINE, p, "exact", "data")]
        top = max(1.0, float(np.ceil(2 * max(p.max(), bars.max())) / 2))
        return Panel(
            minus(name), lines, (-REACH, REACH), (0, min(top, 3.0)), f"x{axis + 1}", "density", at=(0, 7, 10, 5)
        )

    def _chart(self) -> Panel:
        step, *each = self.curves.rows().T
        names = ("x1 | x2", "x2 | x1", "both")
        lines = [
            Line(step, y, name, "G" if dash < 2 else "V", jsd.value, dash=dash)
            for dash, (y, name, jsd) in enumerate(zip(each, names, self.jsds))
        ]
        top = self._ranges.around("JSD", [*each], (0, 0.1))[1]
        across = (0.0, float(max(self.game.step, 1_000)))
        return Panel("JSD, nats, mean over what is seen", lines, across, (0, top), "iterations", at=(10, 7, 9, 5))


class Slices(Demo):
    """One G that learns all conditionals of a density in the plane, and a slice to be moved through it.

        slices = Slices(seed=0)
        show(slices)
        slices.at, slices.which = 1.2, "x1"     # look at p(x1 | x2 = 1.2)
        slices.game                             # the `PlaneGame` under it

    `p_data` is a `studies.all_conditionals.Plane`.
    """

    def __init__(self, p_data: Plane = HILLS, seed: int = 0, *, recipe: Recipe = PLANE, **settings: Any) -> None:
        super().__init__(SlicesEngine(p_data, seed, recipe, **settings), key=cell_key(type(self).__name__))

    @property
    def game(self) -> PlaneGame:
        """The game as it is."""
        return self.engine.game
