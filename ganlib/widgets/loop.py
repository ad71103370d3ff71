"""The loop behind every live demo: one asyncio task that gives an engine commands and time, and shows what it has.

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
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ganlib.widgets.engine import Engine

BUDGET = 0.010  # seconds that an engine may work before the kernel gets its turn; a step of a large net may take longer
BREATH = 0.001  # the least seconds that the kernel gets between two turns
SHARE = 0.06  # the kernel's turn is at least this share of the engine's, so that long steps leave room for another cell
MOST_REST = 0.015  # seconds at the most that an engine in slow motion sleeps between two turns; no command waits longer
SILENCE = 2.0  # seconds after a page's last question until the engine rests: nobody looks at it
AHEAD = 10  # frames that are sent unasked after a page's question, so that a slow page is not flooded
STALLED = 0.7  # seconds without a turn, though there is work, after which the kernel is busy with something else
SLOW = 1.0  # seconds between frames, at the least, for a person who asks for less motion

Command = Mapping[str, Any]
log = logging.getLogger("ganlib.widgets")


class Loop:
    """Drives one engine on the event loop of the thread that made it.

    `post`, `asked` and `at_once` may be called from any thread. The task begins when there is something to do, and ends
    when there is not. `show()` makes a frame of the engine's present state and sends it. `key` names the demo: a new
    one with the same key retires the old one, so that re-running a cell never leaves two that train; the old one then
    calls `retired`.
    """

    _by_key: dict[str, Loop] = {}  # noqa: RUF012 (shared on purpose)

    def __init__(
        self, engine: Engine, show: Callable[[], None], *, key: str = "", retired: Callable[[], None] = lambda: None
    ):
        self.engine, self.show, self.key, self.retired = engine, show, key, retired
        self.slow = False  # whether the person asks for less motion: a frame a second
        self.resting = False  # whether the engine rests because no page has asked for a while
        self._silent, self._allowed = 0.0, AHEAD
        self._turned = self._listened = self._shown = time.monotonic()
        self._turning = False
        self._commands: deque[Command] = deque()
        self._lock = threading.RLock()  # one thread at a time works with the engine
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

    def asked(self, slow: bool | None = None) -> None:
        """A page has asked: somebody looks."""
        self._silent, self._allowed = 0.0, AHEAD
        if slow is not None:
            self.slow = slow
        if self.resting:
            self.resting = False
            self._wake()

    def at_once(self, command: Command) -> None:
        """Carry out a command that changes only what is looked at, on this very thread, unless the engine is at work.

        So a person can look around while another cell keeps the kernel busy, where messages have a thread of their own.
        """
        if not self._lock.acquire(timeout=0.2):
            self.post(command)
            return
        try:
            self._try(command)
            self._show()
        finally:
            self._lock.release()

    @property
    def stalled(self) -> bool:
        """Whether there is work, and the kernel does something else."""
        return self.busy and not self._turning and time.monotonic() - self._turned > STALLED

    # -- on the owner's thread -----------------------------------------------------------------------------------------

    def call(self, command: Command) -> None:
        """Carry a command out now, after those that wait, and raise what it raises; from another thread, `post` it."""
        if threading.get_ident() != self._owner:
            self.post(command)
            return
        self._find_loop()
        with self._lock:
            self._drain()
            try:
                self.engine.do(command)
            finally:
                self._show()
                self._wake()

    def retire(self) -> None:
        """End the task and the engine for good."""
        self.cancel()
        self._commands.clear()
        with self._lock:
            self.engine.retire()
            self._show()
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
        return bool(self._commands) or (self.engine.running and not self.resting)

    def tick(self) -> None:
        """One turn: carry out what waits, let the engine work, show a frame when one is due. Never raises."""
        with self._lock:
            self._turning = True
            try:
                if self._drain():  # what a person did shows before the next long step
                    self._show()
                self._listen()
                if self.engine.running and not self.resting:
                    self.engine.advance(BUDGET)
                    self._show_if_due()
            except (Exception, KeyboardInterrupt) as error:
                self.engine.fail(error)
                self._show()
            finally:
                self._turning, self._turned = False, time.monotonic()

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
            self._turned = time.monotonic()
            self._task = asyncio.get_running_loop().create_task(self._run())

    async def _run(self) -> None:
        try:
            while self.busy:
                start = time.monotonic()
                self.tick()
                rest = min(self.engine.rest, MOST_REST)
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
            self._try(command)
        return handled

    def _try(self, command: Command) -> None:
        try:
            self.engine.do(command)
        except Exception as error:
            self.engine.fail(error)

    def _listen(self) -> None:
        """Rest when no page has asked for too long, in time that this loop was awake."""
        now = time.monotonic()
        self._silent = self._silent + min(now - self._listened, 0.1) if self.engine.running else 0.0
        self._listened = now
        self.resting = self.engine.running and self._silent > SILENCE

    def _show_if_due(self) -> None:
        """A frame, when one is due and a page has asked not long ago; a last one when the work has ended."""
        interval = max(self.engine.interval, SLOW) if self.slow else self.engine.interval
        due = time.monotonic() - self._shown >= interval
        if not self.engine.running or (due and self._allowed > 0):
            self._allowed -= 1
            self._show()

    def _show(self) -> None:
        self._shown = time.monotonic()
        try:
            self.show()
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
