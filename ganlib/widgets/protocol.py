"""What the kernel and the page say to each other, and the widget that says it.

The page sends commands (`{"type": "set", "id": 7, "values": {"k": 3}}`), `shown` (it drew frame n), `tick` (it got
nothing for a while and asks), `visible` (its tab is on screen, or no longer). The kernel sends frames: a small header
in JSON, and as buffers the pictures, the arrays and the rows of the curves that the page lacks. A page that missed
something asks with what it has, and gets the rest: so it also works where the kernel's own messages do not reach the
page and only answers do.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import anywidget
import numpy as np
import traitlets

from ganlib.widgets.background import Background, Command

FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class Snapshot:
    """A demo at one moment. Nothing in it changes any more, so that any thread may send it."""

    header: dict[str, Any]
    """Plain numbers and strings: the state, the settings, the words."""
    pictures: Mapping[str, tuple[int, bytes]] = field(default_factory=dict)
    """Name -> (version, the bytes of a PNG file)."""
    curves: tuple[int, np.ndarray] | None = None
    """(generation, rows (n, columns) float32)."""
    arrays: Mapping[str, tuple[int, np.ndarray]] = field(default_factory=dict)
    """Name -> (version, numbers of any shape, float32); sent whole when the version has changed."""

    def have(self) -> dict[str, Any]:
        """What a page has that has seen this snapshot."""
        have: dict[str, Any] = {
            "pictures": {name: version for name, (version, _) in self.pictures.items()},
            "arrays": {name: version for name, (version, _) in self.arrays.items()},
        }
        if self.curves is not None:
            have["curves"] = [self.curves[0], len(self.curves[1])]
        return have

    def pack(self, have: Mapping[str, Any]) -> tuple[dict[str, Any], list[bytes]]:
        """The message for a page that has `have`: the header with the names of the buffers, and the buffers."""
        message, buffers = dict(self.header, type="frame", buffers=[]), []
        seen = have.get("pictures") or {}
        for name, (version, png) in self.pictures.items():
            if seen.get(name) != version:
                message["buffers"].append({"picture": name, "version": version})
                buffers.append(png)
        seen = have.get("arrays") or {}
        for name, (version, array) in self.arrays.items():
            if seen.get(name) != version:
                message["buffers"].append({"array": name, "version": version, "shape": list(array.shape)})
                buffers.append(np.ascontiguousarray(array, np.float32).tobytes())
        if self.curves is not None:
            generation, rows = self.curves
            own, n = have.get("curves") or (None, 0)
            start = n if own == generation and isinstance(n, int) and 0 <= n <= len(rows) else 0
            message["buffers"].append({"curves": generation, "from": start, "columns": rows.shape[1]})
            buffers.append(rows[start:].tobytes())
        return message, buffers


def finite(value: Any) -> Any:
    """Plain data with every number that JSON cannot hold (nan, inf) replaced by None."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {key: finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [finite(item) for item in value]
    return value


def script(*names: str) -> str:
    """The files of this folder as one module, which is what anywidget takes: their imports of each other go."""
    parts = []
    for name in names:
        lines = (FOLDER / name).read_text(encoding="utf-8").splitlines()
        kept = [line for line in lines if not (line.startswith("import ") and 'from "./' in line)]
        last = name == names[-1]
        parts.append("\n".join(line if last else line.removeprefix("export ") for line in kept))
    return "\n".join(parts)


def style(*names: str) -> str:
    """The style sheets of this folder as one."""
    return "\n".join((FOLDER / name).read_text(encoding="utf-8") for name in names)


class LiveWidget(anywidget.AnyWidget):
    """A live demo in the notebook: an engine, the background loop that drives it, and the page that shows it.

    A subclass gives `_esm`, `_css`, and the engine, whose `snapshot(draw)` is what the page gets.
    """

    first = traitlets.Dict().tag(sync=True)
    """What the page draws before the kernel has answered it: the header of the first snapshot."""
    first_pictures = traitlets.Dict().tag(sync=True)
    """The pictures of the first snapshot, as PNG bytes."""

    def __init__(self, engine: Any, *, key: str = "") -> None:
        self._engine = engine
        self._sent: dict[str, Any] = {}
        self._snapshot: Snapshot = engine.snapshot(True)
        super().__init__(
            first=finite(self._snapshot.header),
            first_pictures={name: png for name, (_, png) in self._snapshot.pictures.items()},
        )
        self._background = Background(engine, self._publish, key=key, retired=self.close)
        self.on_msg(self._heard)

    def preview(self) -> bytes:
        """The demo's present state as the bytes of a PNG file, for readers without a kernel."""
        raise NotImplementedError

    def _heard(self, widget: object, content: Any, buffers: object) -> None:
        """Take a message of the page; on whatever thread it comes, leave a note and return."""
        kind = content.get("type") if isinstance(content, Mapping) else None
        if kind == "visible":
            self._background.set_visible(bool(content.get("value")))
        elif kind in ("shown", "tick"):
            frame = content.get("frame")
            self._background.heard(frame if isinstance(frame, int) else None)
            if kind == "tick":
                have = content.get("have")
                self._say(self._snapshot, have if isinstance(have, Mapping) else {}, answer=True)
        else:
            self._background.heard(0)
            self._background.post(content if isinstance(content, Mapping) else {"type": repr(content)})

    def _publish(self, draw: bool) -> None:
        snapshot = self._engine.snapshot(draw)
        header = {**snapshot.header, "waiting": self._background.waiting}
        self._background.sent += 1
        self._snapshot = replace(snapshot, header=finite({**header, "frame": self._background.sent}))
        self._say(self._snapshot, self._sent)
        self._sent = self._snapshot.have()
        self._follow()

    def _say(self, snapshot: Snapshot, have: Mapping[str, Any], *, answer: bool = False) -> None:
        message, buffers = snapshot.pack(have)
        self.send({**message, "answer": answer}, buffers)

    def _follow(self) -> None:
        """Bring the traits that Python sees in line with the engine; a subclass that has any says how."""


class Control(traitlets.TraitType[Any, Any]):
    """A control of a `LiveRun` as a trait: what is assigned to it goes through the engine's `check`."""

    def validate(self, obj: LiveRun, value: Any) -> Any:
        """The value as the engine takes it."""
        return value if obj._following else obj._engine.check(self.name, value)


class LiveRun(LiveWidget):
    """A live demo of something that trains: start, pause, step, stop, reset, and controls.

    Each `Control` of a subclass follows the engine's `settings`, and the engine follows it. A value that the engine
    does not take raises `RecipeError` and changes nothing.
    """

    _following = True
    """Whether it is the engine's own values that are written to the traits."""

    def __init__(self, engine: Any, *, key: str = "") -> None:
        super().__init__(engine, key=key)
        self._follow()
        self.observe(self._control_changed, names=list(engine.settings))

    def start(self) -> None:
        """Train, or go on training, in the background."""
        self._background.call(call("start"))

    def pause(self) -> None:
        """Rest where the run is."""
        self._background.call(call("pause"))

    def step(self) -> None:
        """Exactly one iteration, then rest."""
        self._background.call(call("step"))

    def stop(self) -> None:
        """End the training; what was learnt stays."""
        self._background.call(call("stop"))

    def reset(self, seed: int | None = None) -> None:
        """Go back to the start of the seed, bit for bit (None: the same seed). The controls stay as they are set."""
        self._background.call(call("reset", seed=seed))

    def restore(self) -> None:
        """Set every control to its own value at first."""
        self._background.call(call("restore"))

    @property
    def engine(self) -> Any:
        """The demo without its front end."""
        return self._engine

    @property
    def state(self) -> str:
        """ "idle", "running", "paused", "stopped" or "error"."""
        return self._engine.state

    def _control_changed(self, change: Any) -> None:
        if not self._following:
            self._background.call(call("set", values={change["name"]: change["new"]}))

    def _follow(self) -> None:
        self._following = True
        try:
            for name, value in self._engine.settings.items():
                setattr(self, name, value)
        finally:
            self._following = False


def call(type: str, **rest: Any) -> Command:
    """A command as plain data."""
    return {"type": type, **rest}


def cell_key(name: str) -> str:
    """The demo's name and its cell's, where that is known: the same when the cell runs again."""
    try:
        from IPython import get_ipython

        parent = get_ipython().get_parent()
        return f"{name}:{parent['metadata'].get('cellId', '')}"
    except (ImportError, AttributeError, KeyError, TypeError):
        return name
