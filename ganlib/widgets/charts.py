"""The charts beside Figure 1: V and C, and JSD, over the moves; and a run that is pinned there, to be compared."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ganlib.game import MINUS_LOG_4
from ganlib.picture import Level, Line, Mark, Panel
from ganlib.studies.toys import Measured
from ganlib.widgets.curves import Ranges
from ganlib.widgets.scene import Scene

LOWEST = -6.0  # a lower V leaves its chart
OVER = "moves of D and of G (drag here to look back)"


@dataclass(frozen=True)
class Pinned:
    """What is kept of a run, to be compared with another."""

    rows: np.ndarray  # moves, V, C and JSD, as in the engine's `curves`
    scene: Scene
    values: Mapping[str, Any]  # the controls
    step: int

    def compared(self, other: Pinned, controls: Mapping[str, Any]) -> list[str]:
        """What it came to, and in which controls another run differs, in sentences."""

        def said(name: str, of: Pinned) -> str:
            """The value of a control in a run, in words."""
            return getattr(controls[name], "said", str)(of.values[name])

        V, C, JSD = self.rows[-1, 1:]
        came = f"After {self.step:,} iterations: JSD {JSD:.3f}, V {V:.3f}, C(G) {C:.3f}."
        differing = [name for name, value in self.values.items() if other.values[name] != value]
        each = [f"{controls[n].name} {said(n, self)} (now {said(n, other)})" for n in differing if n != "heights"]
        each += ["the p_data that was drawn by hand"] if "heights" in differing else []
        return [came, f"It differs in: {'; '.join(each)}." if each else "Its controls were the same as now."]


def charts(
    rows: np.ndarray,
    now: Measured,
    moves: int,
    ranges: Ranges,
    events: tuple[Sequence[Level], Sequence[Level]],
    *,
    at: int | None = None,
    guess: Line | None = None,
    pinned: Pinned | None = None,
) -> list[Panel]:
    """Two panels of `rows` (n, 4), moves, V, C and JSD; `now` is said beside the names, and marked where `at` is given.

    `events` are the changes of controls, with names and without; `guess` is a line over the moves for the JSD.
    """
    over, V, C, JSD = rows.T.copy()
    value, distance = [], [] if guess is None else [guess]
    if pinned:
        then, before, _, apart = pinned.rows.T.copy()
        value.append(Line(then, before, "", "reference", dash=2))
        distance.append(Line(then, apart, "pinned", "reference", float(apart[-1]), dash=2))
    others = [np.asarray(line.x, float) for line in (*value, *distance)]
    x = (0.0, max([100.0, float(moves), *(float(one.max()) for one in others if len(one))]))
    low, high = ranges.around("V", [V, C, *(line.y for line in value)], (-1.45, -1.25))
    top = ranges.around("JSD", [JSD, *(line.y for line in distance)], (0, 0.1))[1]
    value += [Line(over, V, "V(D, G)", "V", now.V), Line(over, C, "C(G)", "C", now.C)]
    distance.append(Line(over, JSD, "JSD(p_data ‖ p_g)", "G", now.JSD))
    floor, ceiling = [Level(MINUS_LOG_4, "-log 4"), *events[0]], list(events[1])
    if top > math.log(2):
        ceiling.insert(0, Level(math.log(2), "log 2"))
    nats = (max(low, LOWEST), high)
    here = [] if at is None else [Mark(at, max(y, nats[0]), stem=True) for y in (now.V, now.JSD)]
    both: dict[str, Any] = {"x": x, "seeks": "moment"}
    lower = {"x_label": OVER, "levels": ceiling, "marks": here[1:], "at": (8, 8, 6, 4)}
    return [
        Panel("Nats", value, y=nats, x_label="", levels=floor, marks=here[:1], x_ticks=(), at=(0, 8, 8, 4), **both),
        Panel("Nats", distance, y=(0.0, top), **lower, **both),
    ]
