"""What a live demo is without a front end: an engine, and the games, which go on by themselves.

An engine says what its controls are, what there is to see (`picture`), and how it goes on (`advance`). The page, the
traits, the commands and their checks, and the picture for readers without a kernel follow from that.
"""

from __future__ import annotations

import inspect
import math
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ganlib import plots
from ganlib.controls import Button, Choice, Control, Number, Slider, control
from ganlib.errors import GanlibError, RecipeError, brief, is_whole
from ganlib.picture import Level, Picture, completed
from ganlib.widgets.curves import Curves, Ranges
from ganlib.widgets.loop import Command

DRAG = 1.0  # seconds within which another change of the same control belongs to the same drag
EVENTS = 50  # changes that a chart marks at the most; the oldest go


class Engine:
    """A demo without its front end. A subclass gives `picture`, and, where something goes on, `advance`.

    `controls` are, by key, `Slider`, `Choice`, `Switch`, `Number`, `Curve`, `Points`, `Place` and `Button`, or their
    short forms; `values` is what they are set to. A button presses the method of its key. Commands are all or nothing:
    one that makes no sense raises `RecipeError` and changes nothing.
    """

    running = False  # whether `advance` has work to do
    interval = 1 / 40  # seconds between frames while it runs
    rest = 0.0  # seconds until there is work again: more than 0 in slow motion only
    title = ""  # what the demo is called, for a screen reader
    error = ""  # what ended it, if anything has: it stays in the status line until a reset
    state = "idle"
    STATES: Mapping[str, str] = {}  # what a state is called on the page

    def __init__(self, controls: Mapping[str, Any]):
        self.controls: dict[str, Control | Button] = {key: control(key, given) for key, given in controls.items()}
        if sum(getattr(one, "play", None) is not None for one in self.controls.values()) > 1:
            raise RecipeError("only one slider of a demo may have a play button")
        self.values: dict[str, Any] = {k: c.start for k, c in self.controls.items() if not isinstance(c, Button)}
        self.message = ""  # what the status line says: an error, or nothing
        self.applied = 0  # the `id` of the last command that was carried out

    # -- what a subclass gives -----------------------------------------------------------------------------------------

    def picture(self) -> Picture:
        """What there is to see now."""
        raise NotImplementedError

    def advance(self, seconds: float) -> None:
        """Work for about so many seconds; at least one step."""

    def changed(self, values: dict[str, Any]) -> None:
        """Take over checked values that differ from the present ones. May raise; then nothing has changed."""
        self.values |= values

    def off(self) -> Sequence[str]:
        """The keys of the controls and buttons that can do nothing now."""
        return ()

    def pressed(self) -> Sequence[str]:
        """The keys of the buttons that show that they were pressed."""
        return ()

    def retire(self) -> None:
        """Stop for good, because a newer demo has taken this one's place."""

    # -- commands ------------------------------------------------------------------------------------------------------

    def check(self, key: str, value: Any) -> Any:
        """The value as a control takes it. Raises `RecipeError` on one that it does not take."""
        if key not in list(self.values):  # a list, as the page may send what cannot be hashed
            raise RecipeError(f"there is no control {brief(key)}; there are: {', '.join(self.values)}")
        return self.controls[key].check(key, value)

    def set(self, /, **values: Any) -> None:
        """Set some controls: all of them, or on an error none."""
        checked = {key: self.check(key, value) for key, value in values.items()}
        differing = {key: value for key, value in checked.items() if value != self.values[key]}
        if differing:
            self.changed(differing)

    def press(self, key: str, /, **values: Any) -> None:
        """Press a button; `values` go with it, such as the seed of a reset."""
        buttons = [k for k, c in self.controls.items() if isinstance(c, Button)]
        if key not in buttons:
            raise RecipeError(f"there is no button {brief(key)}; there are: {', '.join(buttons)}")
        act = getattr(self, key)
        try:
            inspect.signature(act).bind(**values)
        except TypeError as error:
            why = brief(error.args[0], quoted=False)
            raise RecipeError(f"the button {key!r} does not take {brief(values)}: {why}") from None
        act(**values)

    def do(self, command: Command) -> None:
        """Carry out a command as plain data, as the page sends it: {"type": "set", "values": {"k": 3}}."""
        kind, values = command.get("type"), command.get("values", {})
        if is_whole(number := command.get("id")) and abs(number) < 2**53:  # what a page can hold
            self.applied = number
        if not isinstance(values, Mapping) or not all(isinstance(key, str) for key in values):
            raise RecipeError(f"values are {brief(values)}; give a control's name and its value")
        if kind == "set":
            self.set(**values)
        elif kind == "press":
            self.press(command.get("button"), **values)
        else:
            raise RecipeError(f"unknown command {brief(kind)}")
        self.message = self.error

    def fail(self, error: BaseException) -> None:
        """Take note of an error for the status line, where it is one line, and not a long one."""
        name = type(error).__name__
        said = (str(error) or name) if isinstance(error, GanlibError) else f"{name}: {error}"
        self.message = brief(said, 400, quoted=False)

    def complete(self) -> Picture:
        """The picture as it is now, with every range and tick worked out. Raises `RecipeError` on one that is wrong."""
        return completed(self.picture(), list(self.values))

    def png(self) -> bytes:
        """The picture as it is now, as the bytes of a PNG file, for readers without a kernel."""
        return plots.png(plots.draw(self.complete(), said=self.said()))

    def said(self) -> list[str]:
        """Every slider and choice with its value, in words: ["a = 1.00", "kind = one"]."""
        told = {key: one for key, one in self.controls.items() if isinstance(one, Slider | Choice)}
        return [f"{one.name} = {one.said(self.values[key])}" for key, one in told.items()]


GAME = {  # the buttons of a game; a subclass may leave some out, put others between them, or rename them
    "start": Button("Play", "Train in the background (Space)", " ", "play"),
    "pause": Button("Pause", "Rest here (Space)", " ", "pause"),
    "step": Button("Step", "Exactly one iteration: k updates of D, one of G (S)", "s", "step"),
    "stop": Button("Stop", "End the training; what was learnt stays", "", "stop"),
    "reset": Button("Reset", "Back to the start of the seed; the controls stay (R)", "r", "reset"),
    "seed": Number(0, name="seed", hint="The seed that reset goes back to", of="reset"),
    "restore": Button("Defaults", "Every control as it was at first", group="-"),
}


class Game(Engine):
    """An engine that trains: it can start, pause, step, stop, and go back to the start of its seed.

    States: "idle" (at the start), "running", "paused", "stopped", and "error", out of which only a reset leads. A
    subclass gives `once` (one iteration or move), `begin` (the start of the seed in `values["seed"]`), `twin` (another
    such game at its start), and `picture`. `settings` are controls by name as they are at first.
    """

    STATES: Mapping[str, str] = dict(idle="Ready", running="Playing", paused="Paused", stopped="Stopped", error="Error")
    LIVING = ("start", "pause", "step", "stop")  # buttons that can do nothing after an error
    COLUMNS = 4  # of `curves`: the step, and what is measured at it
    pace = math.inf  # how often a second `once` may be called

    def __init__(self, controls: Mapping[str, Any], **settings: Any):
        super().__init__(controls)
        self.values |= {key: self.check(key, value) for key, value in settings.items()}
        self.defaults = dict(self.values)  # what `restore` goes back to
        self.events: list[tuple[float, str, Any]] = []  # where on the charts a control changed, which, its new value
        self._event_at = -DRAG
        self.curves, self._ranges = Curves(self.COLUMNS), Ranges()  # what was measured, and the ends of the charts
        self.clock: Callable[[], float] = time.perf_counter  # seconds; what paces and times the game
        self._due = 0.0  # when `once` may be called next, by the clock
        self._ends: deque[float] = deque(maxlen=50)  # when the last iterations ended

    @property
    def running(self) -> bool:
        """Whether `advance` trains."""
        return self.state == "running"

    def begin(self) -> None:
        """Go to the start of the seed."""
        raise NotImplementedError

    def once(self) -> None:
        """One iteration."""
        raise NotImplementedError

    def start(self) -> None:
        """Train, or go on training. Raises `RecipeError` after an error: `reset` first."""
        self.usable()
        self.state = "running"

    def pause(self) -> None:
        """Rest where the game is."""
        if self.running:
            self.state = "paused"

    def stop(self) -> None:
        """End the training; what was learnt stays, and `start` would go on from here."""
        if self.state in ("running", "paused"):
            self.state = "stopped"

    def step(self) -> None:
        """Exactly one iteration, then rest."""
        self.usable()
        self.state = "paused"
        self._guarded()

    def reset(self, seed: Any = None) -> None:
        """Go back to the start of the seed, bit for bit; the controls stay as they are set. None: the same seed."""
        self.values["seed"] = self.check("seed", self.values["seed"] if seed is None else seed)
        self.state, self.error, self.message, self.events, self._due = "idle", "", "", [], 0.0
        for old in (self.curves, self._ranges, self._ends):
            old.clear()
        self.begin()

    def restore(self) -> None:
        """Set every control, but for the seed, to what it was at first."""
        self.set(**{key: value for key, value in self.defaults.items() if key != "seed"})

    def advance(self, seconds: float) -> None:
        """Train for about so many seconds, or as the pace lets: lost time makes no burst. An error ends the game."""
        end = self.clock() + seconds
        while self.running and (now := self.clock()) >= self._due:
            self._due = max(self._due, now - 0.1) + 1 / self.pace
            self._guarded()
            if self.clock() >= end:
                return

    @property
    def rest(self) -> float:
        """Seconds until the next move is due."""
        return max(0.0, self._due - self.clock())

    @property
    def speed(self) -> float:
        """Iterations a second of late; 0 at rest."""
        seconds = self._ends[-1] - self._ends[0] if self._ends else 0.0
        return (len(self._ends) - 1) / seconds if self.running and seconds > 0 else 0.0

    def _guarded(self, move: Callable[[], None] | None = None) -> None:
        try:
            (move or self.once)()
        except Exception as error:
            self.fail(error)
            raise

    def usable(self) -> None:
        """Raise `RecipeError` when the game has ended in an error."""
        if self.state == "error":
            raise RecipeError(f"the game has ended in an error, reset it first: {self.error}")

    def fail(self, error: BaseException) -> None:
        """Take note of an error: a command that made no sense leaves the game as it is, any other error ends it."""
        if isinstance(error, KeyboardInterrupt):
            self.pause()
            self.message = f"Interrupted. {self.controls['start'].name} goes on from here."
            return
        super().fail(error)
        ended = self.state == "error"
        if not isinstance(error, RecipeError):
            self.error = self.error if ended else self.message  # the first cause stays
            self.state, self.message = "error", self.error
        elif ended and self.error not in self.message:
            self.message = f"{self.error}. And then: {self.message}"

    def off(self) -> Sequence[str]:
        """The buttons that can do nothing in this state."""
        usual = {"running": ("start",), "paused": ("pause",), "error": self.LIVING}
        return usual.get(self.state, ("pause", "stop"))

    def retire(self) -> None:
        """Stop for good."""
        self.stop()

    def note(self, x: float, key: str, value: Any) -> None:
        """Mark a change of a control on the charts at x; the changes of one drag become one, with its last value."""
        now = time.monotonic()
        if self.events and self.events[-1][1] == key and now - self._event_at < DRAG:
            self.events.pop()
        self._event_at = now
        self.events = [*self.events[-EVENTS + 1 :], (x, key, value)]

    def event_levels(self, *, named: bool = True) -> list[Level]:
        """The changes as upright lines of a panel, with names such as "k 3" or without."""
        levels = []
        for x, key, value in self.events:
            one = self.controls[key]
            said = value if getattr(one, "whole", False) else one.said(value)
            levels.append(Level(x=float(x), name=f"{one.name} {said}" if named else ""))
        return levels


class RecordingEngine(Engine):
    """Pictures one after another, with a slider that plays them."""

    title = "A recording"

    def __init__(self, pictures: Sequence[Picture], seconds: float, name: str):
        if not pictures:
            raise RecipeError("a recording takes one picture or more")
        self.pictures = [completed(picture) for picture in pictures]
        last = len(self.pictures) - 1
        super().__init__({"frame": Slider(0, max(last, 1), 0, 1, name=name, play=seconds, whole=True)})

    def picture(self) -> Picture:
        """The picture that the slider stands at."""
        return self.pictures[min(self.values["frame"], len(self.pictures) - 1)]
