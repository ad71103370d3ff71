"""A game that remembers: steps can be undone, an earlier moment be looked at and gone on from, and a run be pinned."""

from __future__ import annotations

import copy
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ganlib.controls import Button, Place
from ganlib.errors import RecipeError
from ganlib.widgets.curves import Curves
from ganlib.widgets.engine import Game

KEPT = 60  # moments of a run that are kept at the most, at equal steps from its start on
UNDONE = 50  # acts that can be undone one after another
RUN = "This run"
MEMORY: dict[str, Any] = {
    "undo": Button("Undo", "Back to before the last step, run, preset or reset (U)", "u", "undo"),
    "resume": Button("Go on from here", "Make the moment that you look at the present one", group=RUN, once=True),
    "present": Button("Back to now", "Look at the present again (Escape, on a chart)", group=RUN, once=True),
    "pin": Button("Pin this run", "Keep its curves as a ghost, to compare with; once more: take them away", group=RUN),
    "moment": Place(look=True),
}
"""The controls of a game that remembers."""


@dataclass(frozen=True)
class Moment:
    """A game as it was: what its subclass gave as `saved`, and what the charts showed."""

    moves: int
    values: Mapping[str, Any]  # the controls
    events: Sequence[tuple[float, str, Any]]
    game: Any
    curves: Curves | None = None  # None: those of the run that is under way, up to here
    kept: tuple[Moment, ...] = ()


class Kept:
    """Moments of one run, at equal steps: when there are too many, every other one goes, and the step doubles."""

    def __init__(self, most: int = KEPT):
        self.most, self.moments, self.stride = most, list[Moment](), 1

    def due(self, moves: int) -> bool:
        """Whether the next moment is to be kept."""
        return not self.moments or moves >= self.moments[-1].moves + self.stride

    def add(self, moment: Moment) -> None:
        """Keep a moment, the newest."""
        if len(self.moments) == self.most:
            self.moments, self.stride = self.moments[::2], 2 * self.stride
        if self.due(moment.moves):
            self.moments.append(moment)

    def near(self, moves: float) -> Moment:
        """The moment that is nearest to a number of moves."""
        return min(self.moments, key=lambda moment: abs(moment.moves - moves))

    def back_to(self, moments: Sequence[Moment]) -> None:
        """Keep these moments alone."""
        self.moments = list(moments)
        self.stride = min((b.moves - a.moves for a, b in zip(self.moments, self.moments[1:])), default=1)


class Remembering(Game):
    """A `Game` with the controls `MEMORY`. A subclass counts `moves`, and gives `saved`, `load` and `shown`.

    It calls `remember` before an act that a person may undo, and `keep` after each move.
    """

    moves = 0
    SEEN: tuple[str, ...] = ("moment",)  # controls that change only how the game is seen, and stay when one goes back

    def __init__(self, controls: Mapping[str, Any], **settings: Any):
        self.kept, self._undone = Kept(), deque[Moment](maxlen=UNDONE)
        self.pinned: Any = None  # what `shown` gave when a run was pinned
        super().__init__(controls, **settings)

    def saved(self) -> Any:
        """All that the future of the game depends on, besides the controls."""
        raise NotImplementedError

    def load(self, saved: Any) -> None:
        """Go back to what `saved` gave; controls, events and curves are back already."""
        raise NotImplementedError

    def shown(self) -> Any:
        """What a pinned run is compared by."""
        raise NotImplementedError

    def same(self, one: Moment, other: Moment) -> bool:
        """Whether two moments are the same, so that only one of them need be kept."""
        return False

    # -- keeping -------------------------------------------------------------------------------------------------------

    def keep(self) -> None:
        """Keep the present among the moments of this run, where one is due."""
        if self.kept.due(self.moves):
            self.kept.add(self._moment())

    def remember(self) -> None:
        """Take note of the present, so that what comes can be undone. A game that has broken is not worth it."""
        if self.state == "error":
            return
        now = self._moment(copy.deepcopy(self.curves), tuple(self.kept.moments))
        if self._undone and self.same(self._undone[-1], now):
            self._undone.pop()
        self._undone.append(now)

    def _moment(self, curves: Curves | None = None, kept: tuple[Moment, ...] = ()) -> Moment:
        values = {name: value for name, value in self.values.items() if name not in self.SEEN}
        return Moment(self.moves, values, tuple(self.events), self.saved(), curves, kept)

    def reset(self, seed: Any = None) -> None:
        """Go back to the start of the seed, which can be undone; the controls stay. None: the same seed."""
        seed = self.check("seed", self.values["seed"] if seed is None else seed)
        self.remember()
        self.anew(seed)

    def anew(self, seed: Any = None) -> None:
        """Go back to the start of the seed."""
        self.kept.back_to(())
        self.values["moment"] = None
        super().reset(seed)

    # -- going back ----------------------------------------------------------------------------------------------------

    @property
    def looked_at(self) -> Moment | None:
        """The moment that is looked at; None: the present."""
        at = self.values["moment"]
        return None if at is None or at >= self.moves or not self.kept.moments else self.kept.near(at)

    def undo(self) -> None:
        """Back to before the last step, run, preset or reset. Raises `RecipeError` when there is none."""
        if not self._undone:
            raise RecipeError("there is nothing to undo")
        self._back_to(self._undone.pop())

    def resume(self) -> None:
        """Go on from the moment that is looked at; what came after it can be had back by `undo`."""
        moment = self.looked_at
        if moment is None:
            raise RecipeError("drag along a chart first, to look at an earlier moment")
        self.remember()
        self._back_to(moment)

    def present(self) -> None:
        """Look at the present again."""
        self.values["moment"] = None

    def pin(self) -> None:
        """Keep what this run shows as a ghost, or take it away again."""
        self.pinned = self.shown() if self.pinned is None else None

    def _back_to(self, moment: Moment) -> None:
        self.values |= {**moment.values, "moment": None}
        self.events, self.error, self.message = list(moment.events), "", ""
        self.kept.back_to(moment.kept or [one for one in self.kept.moments if one.moves <= moment.moves])
        if moment.curves is not None:
            self.curves = copy.deepcopy(moment.curves)
        self.curves.cut(moment.moves)
        self.moves, self._due = moment.moves, 0.0
        self.state = "paused" if moment.moves else "idle"
        self._ends.clear()
        self.load(moment.game)

    def off(self) -> Sequence[str]:
        """The buttons that can do nothing now."""
        looking = self.looked_at is not None
        return (*super().off(), *(["undo"] * (not self._undone)), *(["resume", "present"] * (not looking)))
