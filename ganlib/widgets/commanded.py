"""What the engines of the games share: commands as the page sends them, and what becomes of an error."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ganlib.errors import GanlibError, RecipeError
from ganlib.widgets.background import Command


class Commanded:
    """A game under a person's hands: an engine that `set`s, `reset`s and `pause`s, and has a state and a message."""

    COMMANDS: tuple[str, ...] = ()
    """Commands that are the method of that name, with nothing to say beside it."""
    GOES_ON = ""
    """The button that goes on after an interrupt."""
    state: str
    error: str
    message: str
    slow: bool
    applied: int

    def do(self, command: Command) -> None:
        """Carry out a command as plain data, as the page sends it: {"type": "set", "values": {"k": 3}}."""
        kind = command.get("type")
        if isinstance(command.get("id"), int):
            self.applied = command["id"]
        if kind == "set":
            values = command.get("values")
            if not isinstance(values, Mapping):
                raise RecipeError(f"values are {values!r}; they must be a mapping of control to value")
            self.set(**{str(name): value for name, value in values.items()})
        elif kind == "reset":
            self.reset(command.get("seed"))
        elif kind == "slow":
            self.slow = bool(command.get("value"))
        elif kind in self.COMMANDS:
            getattr(self, kind)()
        else:
            self.other(command)
        self.message = self.error

    def other(self, command: Command) -> None:
        """A command of the engine's own. Raises `RecipeError` on one that it does not know."""
        raise RecipeError(f"unknown command {command.get('type')!r}")

    def fail(self, error: BaseException) -> None:
        """Take note of an error for the status line.

        A `RecipeError`, a command that made no sense, leaves the game as it is; any other ends it until a reset.
        """
        if isinstance(error, KeyboardInterrupt):
            self.pause()
            self.message = f"Interrupted. {self.GOES_ON} goes on from here."
        elif isinstance(error, RecipeError):
            self.message = str(error)
        else:
            self.state = "error"
            name = type(error).__name__
            self.error = (str(error) or name) if isinstance(error, GanlibError) else f"{name}: {error}"
            self.message = self.error

    def set(self, **values: Any) -> None:
        """Change controls: all of them or none."""
        raise NotImplementedError

    def reset(self, seed: int | None = None) -> None:
        """Go back to the start of the seed."""
        raise NotImplementedError

    def pause(self) -> None:
        """Rest where the game is."""
        raise NotImplementedError
