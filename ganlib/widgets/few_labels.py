"""A few labels in a person's hands: who draws the better boundary, with the same labels?

from ganlib.widgets import FewLabels, show

show(FewLabels())
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ganlib.controls import Button, Choice, Points, Slider
from ganlib.densities import Array
from ganlib.picture import Heat, Level, Line, Mark, Panel, Picture
from ganlib.studies import semi_supervised as study
from ganlib.widgets.demo import Demo, cell_key
from ganlib.widgets.engine import GAME, Game

REACH, SHOWN, EVERY = 2.0, 300, 20  # the axes' ends; points drawn of a kind; iterations between points of the chart
AXIS = np.linspace(-REACH, REACH, 41)  # where the boundaries are looked at, in x and in y
N, N_TEST = 1_000, 2_000  # points that the game sees, and points that errors are counted on
NAMES = {"lines": "logistic regression", "alone": "the net on labels alone", "game": "the net in the game"}
NEAR = 0.05  # nearer than this a label is a label of that very point
WORDS = {"moons": "two moons", "rings": "a ring in a ring"}


class FewLabelsEngine(Game):
    """Points of two classes in the plane, of which a person has some labelled; three classifiers, without a page."""

    title = "A few labels"
    interval = 1 / 12

    def __init__(self, seed: int = 0, **settings: Any):
        both = "Data and labels"
        controls = {
            **GAME,
            "seed": replace(GAME["seed"], start=seed),
            "more": Button("One more label", "Of a point drawn at random (L)", "l", group=both),
            "clear": Button("Take all labels away", "And begin anew", group=both),
            "data": Choice(list(WORDS), name="Data", hint="Where the points lie", words=WORDS, group=both),
            "noise": Slider(0, 0.5, study.NOISE, 0.05, "Noise inside D", "On what its upper layers read", group="D"),
            "points": Points(most=100),
        }
        super().__init__(controls, **settings)
        if "points" not in settings:
            self.values["points"] = self._first()
        self.begin()

    def twin(self) -> FewLabelsEngine:
        """Another one with the same controls, at its start."""
        return FewLabelsEngine(**self.values)

    def begin(self) -> None:
        """Both nets at the start of the seed."""
        seed = self.values["seed"]
        recipe = study.plane(self.values["noise"])
        self.x, self.y = study.points(self.values["data"], N, seed=1)
        self.test, self.test_y = study.points(self.values["data"], N_TEST, seed=2)
        none = self.x[:0], self.y[:0]
        self.game, self.alone = (study.ClassGame(recipe, self.x, *none, seed=seed) for _ in range(2))
        self.extra = torch.Generator().manual_seed(seed)
        self._label(self.values["points"])
        self._measure()

    def changed(self, values: dict[str, Any]) -> None:
        """A point that a person puts down labels the example that is nearest to it. Other data, noise: begin anew."""
        if "data" in values and "points" not in values:
            values["points"] = self._first(values["data"])
        self.values |= values
        if values.keys() & {"data", "seed", "noise"}:
            self.reset()
        elif "points" in values:
            self.note(self.game.steps, "points", len(values["points"]))
            self._label(values["points"])
            self._measure()

    def more(self) -> None:
        """Label one more example, drawn at random."""
        at = int(torch.randint(len(self.x), (), generator=self.extra))
        self.set(points=[*self.values["points"], self.x[at].tolist()])

    def clear(self) -> None:
        """Take all labels away, and begin anew."""
        self.values["points"] = []
        self.reset()

    def _first(self, data: str | None = None) -> list[list[float]]:
        """One label of each class."""
        x, y = study.points(data or self.values["data"], N, seed=1)
        return [x[y == k][0].tolist() for k in (0, 1)]

    def _label(self, points: list[list[float]]) -> None:
        """Look up the examples nearest to these points, and tell everybody their classes."""
        at = torch.tensor(points, dtype=torch.float32).reshape(-1, 2)
        rows = torch.cdist(at, self.x).argmin(1) if len(at) else torch.zeros(0, dtype=torch.int64)
        rows = torch.tensor(list(dict.fromkeys(rows.tolist())), dtype=torch.int64)  # each once
        self.known, self.known_y = self.x[rows], self.y[rows]
        self.values["points"] = self.known.double().tolist()  # where the examples are, so that one more click removes
        for game in (self.game, self.alone):
            game.learn(self.known, self.known_y)
        both = len(self.known_y.unique()) == 2
        self.lines = study.logistic(self.known, self.known_y, study.STRENGTH, 2) if both else None

    # -- moves ---------------------------------------------------------------------------------------------------------

    def once(self) -> None:
        """One iteration of the game, and one of the net that learns from the labels alone."""
        self.game.step()
        self.alone.step_on_labels()
        if self.game.steps % EVERY == 0:
            self._measure()

    # -- what is measured ----------------------------------------------------------------------------------------------

    def classifiers(self) -> dict[str, Callable[[Tensor], Tensor]]:
        """From points (n, 2) to what each says of both classes, (n, 2)."""
        never = lambda x: torch.zeros(len(x), 2)  # noqa: E731
        lines = self.lines.logits if self.lines else never
        return {"lines": lines, "alone": self.alone.D.classes, "game": self.game.D.classes}

    @torch.no_grad()
    def _measure(self) -> None:
        """The share of fresh points that each names wrong."""
        self.wrong = {name: study.error(f(self.test), self.test_y) for name, f in self.classifiers().items()}
        self.curves.add(self.game.steps, tuple(self.wrong.values()))

    @torch.no_grad()
    def share(self, name: str, x: Array) -> Array:
        """p(second class | x) by one of the three, at points x (n, 2): (n,)."""
        return self.classifiers()[name](torch.as_tensor(x, dtype=torch.float32)).double().softmax(1)[:, 1].numpy()

    # -- what there is to see ------------------------------------------------------------------------------------------

    def picture(self) -> Picture:
        """What each says of every place, and the share of points that each names wrong, over the iterations."""
        n = len(self.known_y)
        told = [(f"{n}", "labels"), (f"{self.game.steps:,}", "iterations")]
        told += [(f"{self.wrong[name]:.1%}", f"wrong: {what}") for name, what in NAMES.items()]
        return Picture([*(self._map(i, name) for i, name in enumerate(NAMES)), self._chart()], self._words(), told)

    def _map(self, i: int, name: str) -> Panel:
        ends, corners = (-REACH, REACH), np.stack(np.meshgrid(AXIS, AXIS), -1).reshape(-1, 2)
        p = self.share(name, corners).reshape(len(AXIS), -1)
        lines = [Line(*self.x[:SHOWN].T.numpy(), "no label", "reference", dots=True)]
        if name == "game":
            z = self.game.recipe.noise(SHOWN, 1)
            lines.append(Line(*self.game.G.pictures(z).T.numpy(), "G(z)", "G", dots=True))
        marks = [Mark(*at, "AB"[k], ("D", "V")[k]) for at, k in zip(self.known.tolist(), self.known_y.tolist())]
        told = f"{self.wrong[name]:.1%} of {N_TEST:,} fresh points wrong."
        return Panel(
            NAMES[name][0].upper() + NAMES[name][1:],
            lines,
            *(ends, ends, ""),
            marks=marks,
            heat=Heat(p, ends, ends, (0.5,), "p(B | x)", (0, 1), "push"),
            **{"square": True, "draws": "points", "at": (0, 4 * i, 11, 4)},
            words=f"{NAMES[name]}: a map of p(B given x), with {len(self.known_y)} labelled points. {told}",
        )

    def _chart(self) -> Panel:
        step, *wrong = self.curves.rows().T.copy()
        lines = [
            Line(step, y, what, style, f"{self.wrong[name]:.1%}", dash=dash)
            for (name, what), y, style, dash in zip(NAMES.items(), wrong, ("reference", "other", "V"), (1, 3, 0))
        ]
        levels = [Level(x=float(x), name=f"{n} labels") for x, _, n in self.events[-5:]]
        reach, ticks = (0.0, float(max(self.game.steps, 500))), [(0, "0"), (0.25, "25 %"), (0.5, "50 %")]
        return Panel(
            *("Points named wrong", lines, reach, (0, 0.55), "iterations"),
            levels=levels,
            y_ticks=ticks,
            at=(11, 0, 6, 12),
        )

    def _words(self) -> str:
        if self.lines is None:
            return (
                "Click near a point of each class. A click labels the nearest point, and another takes the label away."
            )
        best = min(self.wrong, key=self.wrong.__getitem__)
        told = f"With {len(self.known_y)} labels, after {self.game.steps:,} iterations, {NAMES[best]} is best"
        return f"{told}: {self.wrong[best]:.1%} wrong. Click near a point to label it, and on a label to take it away."


class FewLabels(Demo):
    """Two classes in the plane: a person chooses which points get their label, and three classifiers answer.

        play = FewLabels()
        show(play)
        play.start()
        play.points = [(-1.4, 0), (1.4, 0)]     # the same as clicking: the nearest examples are labelled
        play.data = "rings"

    Logistic regression and a net see the labels alone; the same net in the game of K + 1 classes sees all points, and
    what G draws. Errors are counted on fresh points.
    """

    def __init__(self, seed: int = 0, **settings: Any) -> None:
        super().__init__(FewLabelsEngine(seed, **settings), key=cell_key(type(self).__name__))
