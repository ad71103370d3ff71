"""An explorer of a sweep that goes on elsewhere: it looks, and trains nothing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from ganlib.controls import Button
from ganlib.errors import RecipeError
from ganlib.widgets.explorer_engine import ExplorerEngine


class FollowerEngine(ExplorerEngine):
    """A grid of runs that others train; it is looked at as they measure it."""

    STATES = ExplorerEngine.STATES | {"running": "Following"}
    BUTTONS: ClassVar = {
        "start": Button("Follow", "Show what the sweep's runs measure, as they measure it (Space)", " ", "play"),
        "pause": Button("Rest", "Look no more; the sweep goes on (Space)", " ", "stop"),
    }

    def reset(self) -> None:
        """Nothing that could be reset here. Raises `RecipeError`."""
        raise RecipeError("these runs are trained elsewhere, and are not reset here")

    def usable(self) -> None:
        """It is, also after the sweep could not be read: it may be readable again."""
        self.error = ""

    def off(self) -> Sequence[str]:
        """The buttons that can do nothing in this state."""
        return ("pause",) if self.state == "error" else super().off()

    @property
    def rest(self) -> float:
        """Seconds until the next look."""
        return self.source.rest

    def _code(self) -> str:
        v = self.values
        return "\n".join(self.source.code(v["k"], v["D"], v["G"], self._seed))
