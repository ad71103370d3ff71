"""The background loop of every live demo: one asyncio task that feeds an engine commands, time, and its audience.

Training runs on the kernel's own event loop, a few milliseconds at a time, so that other cells run in between. Not a
thread: that would get 60 % of the speed. Not a cell that awaits: then the controls' messages would wait for its end.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any, Protocol

BUDGET = 0.010
"""Seconds that an engine may train before the kernel gets its turn; one step of a large net may take longer."""
BREATH = 0.001
"""The least seconds that the kernel gets between two turns."""
SHARE = 0.06
"""The kernel's turn is at least this share of the engine's, so that long steps leave room for another cell."""
MOST_REST = 0.015
"""Seconds at the most that an engine in slow motion (its `rest`, if it has one) sleeps; no command waits longer."""
SILENCE = 2.0
"""Seconds without a word from the page after which the engine waits."""
IN_FLIGHT = 6
"""Frames that may be under way to the page before the next one waits for an answer; it answers to every third."""

Command = Mapping[str, Any]
log = logging.getLogger("ganlib.widgets")


class Engine(Protocol):
    """What the loop drives: a demo without its front end."""

    running: bool
    """Whether `advance` has work to do."""
    interval: float
    """Seconds between frames while it runs."""

    def do(self, command: Command) -> None:
        """Carry a command out. Raises on one that makes no sense, and then has changed nothing."""

    def advance(self, seconds: float) -> None:
        """Work for about so many seconds; at least one step."""

    def fail(self, error: BaseException) -> None:
        """Take note of an error, so that the status line shows it."""

    def retire(self) -> None:
        """Stop for good: a newer demo has taken this one's place."""


class Background:
    """Drives one engine on the event loop of the thread that made it.

    `post`, `heard` and `set_visible` may be called from any thread: they leave a note and return. Only the task (and
    `call`, on the owner's thread) touches the engine. The task begins when there is something to do, and ends when
    there is not.

    `publish(draw)` shows the engine's present state; `draw` says whether the picture is due. `key` names the demo:
    a new one with the same key retires the old one, so that re-running a cell never leaves two that train; the old
    one then calls `retired`.
    """

    _by_key: dict[str, Background] = {}  # noqa: RUF012 (shared on purpose)

    def __init__(
        self,
        engine: Engine,
        publish: Callable[[bool], None],
        *,
        key: str = "",
        retired: Callable[[], None] = lambda: None,
    ):
        self.engine, self.publish, self.key, self.retired = engine, publish, key, retired
        self.waiting = False
        """Whether the engine waits for the page: hidden, gone, or silent."""
        self.sent = 0
        """Frames sent; the front end counts them up."""
        self._acknowledged = 0
        self._visible = True
        self._silent = 0.0
        self._last_tick = self._last_draw = time.monotonic()
        self._commands: deque[Command] = deque()
        self._owner = threading.get_ident()
        self._task: asyncio.Task[None] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._find_loop()
        if key:
            if (old := self._by_key.get(key)) is not None:
                old.retire()
            self._by_key[key] = self

    # -- from any thread -----------------------------------------------------------------------------------------------

    def post(self, command: Command) -> None:
        """Leave a command for the next turn."""
        self._commands.append(command)
        self._wake()

    def heard(self, frame: int | None = None) -> None:
        """The page gave a sign of life; `frame` is the number of the latest frame that it drew."""
        self._silent = 0.0
        self._acknowledged = self.sent if frame is None else max(self._acknowledged, min(frame, self.sent))
        if self.waiting and self._visible:
            self.waiting = False
            self._wake()

    def set_visible(self, visible: bool) -> None:
        """The page's tab is on screen again, or no longer."""
        self._visible = visible
        if visible:
            self.heard()
        else:
            self._wake()

    # -- on the owner's thread -----------------------------------------------------------------------------------------

    def call(self, command: Command) -> None:
        """Carry a command out now, after those that wait, and raise what it raises; from another thread, `post` it."""
        if threading.get_ident() != self._owner:
            self.post(command)
            return
        self._find_loop()
        self._drain()
        try:
            self.engine.do(command)
        finally:
            self._publish(not self.engine.running)
            self._wake()

    def retire(self) -> None:
        """End the task and the engine for good."""
        self.cancel()
        self._commands.clear()
        self.engine.retire()
        self._publish(False)
        if self._by_key.get(self.key) is self:
            del self._by_key[self.key]
        self.retired()

    def cancel(self) -> None:
        """End the task; the next command begins another."""
        if self._task is not None:
            self._task.cancel()
            self._task = None

    @property
    def busy(self) -> bool:
        """Whether another turn has anything to do."""
        return bool(self._commands) or (self.engine.running and not self.waiting)

    def tick(self) -> None:
        """One turn: carry out what waits, let the engine work, show a frame when one is due. Never raises."""
        try:
            if self._drain():  # what a person did shows before the next long step
                self._publish(not self.engine.running)
            self._listen()
            if self.engine.running and not self.waiting:
                self.engine.advance(BUDGET)
                self._show()
        except (Exception, KeyboardInterrupt) as error:
            self.engine.fail(error)
            self._publish(False)

    # -- inside --------------------------------------------------------------------------------------------------------

    def _find_loop(self) -> None:
        try:
            self._loop = asyncio.get_running_loop()
        except RuntimeError:  # no loop runs: a plain script or a test, which calls `tick` itself
            return

    def _wake(self) -> None:
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._begin)

    def _begin(self) -> None:
        if self._task is None or self._task.done():
            self._last_tick = time.monotonic()
            self._task = asyncio.get_running_loop().create_task(self._run())

    async def _run(self) -> None:
        try:
            # The first turn comes even when there is no work: it may have to tell the page why.
            while True:
                start = time.monotonic()
                self.tick()
                if not self.busy:
                    return
                rest = min(getattr(self.engine, "rest", 0.0), MOST_REST)
                await asyncio.sleep(max(BREATH, SHARE * (time.monotonic() - start), rest))
        finally:
            if self._task is asyncio.current_task():
                self._task = None

    def _drain(self) -> bool:
        """Carry out the commands that wait; of several changes of one control in a row only the last."""
        handled = False
        while self._commands:
            command = self._commands.popleft()
            if self._commands and superseded(command, self._commands[0]):
                continue
            handled = True
            try:
                self.engine.do(command)
            except Exception as error:
                self.engine.fail(error)
        return handled

    def _listen(self) -> None:
        """Wait when the page is hidden or has been silent for too long, in time that this loop was awake."""
        now = time.monotonic()
        if self.engine.running:
            self._silent += min(now - self._last_tick, 0.1)
        else:
            self._silent = 0.0
        self._last_tick = now
        waits = self.engine.running and (not self._visible or self._silent > SILENCE)
        if waits != self.waiting:
            self.waiting = waits
            self._publish(False)

    def _show(self) -> None:
        """A frame, when one is due and the page has not fallen behind; a last one when the work has ended."""
        due = time.monotonic() - self._last_draw >= self.engine.interval
        if not self.engine.running or (due and self.sent - self._acknowledged < IN_FLIGHT):
            self._publish(True)

    def _publish(self, draw: bool) -> None:
        if draw:
            self._last_draw = time.monotonic()
        try:
            self.publish(draw)
        except Exception as error:
            log.exception("a demo could not show its state")
            self.engine.fail(error)


def superseded(command: Command, following: Command) -> bool:
    """Whether `following` sets again all that `command` sets, so that only it need be carried out."""
    return (
        command.get("type") == following.get("type") == "set"
        and isinstance(command.get("values"), Mapping)
        and isinstance(following.get("values"), Mapping)
        and set(command["values"]) <= set(following["values"])
    )
