"""The widget that shows an engine and takes a person's commands.

The page asks ("ask"), sets controls ("set") and presses buttons ("press"); each message is answered at once with the
newest frame, and allows some more to be sent unasked. When no page asks, the loop rests.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import anywidget
import traitlets

from ganlib.controls import Button, Choice, Slider
from ganlib.errors import RecipeError, door
from ganlib.picture import Picture
from ganlib.widgets import frame
from ganlib.widgets.engine import Engine, RecordingEngine
from ganlib.widgets.loop import Loop

FOLDER = Path(__file__).parent
SCRIPTS = ("controls.js", "canvas.js", "panel.js", "talk.js", "view.js")


def script() -> str:
    """The scripts as one module, which is what anywidget takes: their imports of each other go."""
    texts = [(FOLDER / name).read_text(encoding="utf-8") for name in SCRIPTS]
    inner = [re.sub("^export ", "", text, flags=re.M) for text in texts[:-1]]
    return re.sub(r'^import .*from "\./.*\n', "", "".join([*inner, texts[-1]]), flags=re.M)


class Trait(traitlets.TraitType):  # Colab has traitlets 5.7, whose TraitType takes no types
    """A control as a trait: what is assigned to it goes through the engine's `check`."""

    def validate(self, obj: Demo, value: Any) -> Any:
        """The value as the engine takes it. Raises `RecipeError` on one that it does not take."""
        return obj.engine.check(self.name, value)


class Demo(anywidget.AnyWidget):
    """A live demo in the notebook: an engine, the loop that drives it, and the page that shows it.

        demo.k = 3          # the same as moving the slider; every control is a trait
        demo["k"]           # its present value
        demo.set(k=3, m=8)  # several at once: all of them, or on an error none
        demo.start()        # the same as pressing the button

    A value that a control does not take raises `RecipeError` and changes nothing.
    """

    _esm = script()
    _css = (FOLDER / "demo.css").read_text(encoding="utf-8")
    first = traitlets.Dict().tag(sync=True)  # what the page needs before the kernel has answered it

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        if "__init__" in vars(cls):  # what a demo is made of is held to the signature
            cls.__init__ = door(RecipeError)(cls.__init__)

    def __init__(self, engine: Engine, *, key: str = "") -> None:
        self._engine, self._n = engine, 0
        self._places = {k: c.places() for k, c in engine.controls.items() if isinstance(c, Slider | Choice)}
        self._last: Picture | None = None
        self._make_frame()  # what goes wrong in the first picture is raised
        about = {"title": engine.title, "controls": frame.described(engine.controls), "looks": frame.looks()}
        super().__init__(first={**about, "frame": self._frame[0], "buffers": self._frame[1]})
        # A comm runs IPython's post_execute after each message, as if a cell had ended, and matplotlib-inline shows and
        # closes the figure that a running cell has half drawn. So the messages go past that, to the widget itself.
        if self.comm is not None:
            self.comm.handle_msg = self._handle_msg
        self._loop = Loop(engine, self._show, key=key, retired=self.close)
        self._followed = [name for name in engine.values if not hasattr(type(self), name)]
        self.add_traits(**{name: Trait(engine.values[name]) for name in self._followed})
        if self._followed:  # no names would mean all of the widget's own
            self.observe(self._trait_changed, names=self._followed)
        self.on_msg(self._heard)

    @property
    def engine(self) -> Any:
        """The demo without its front end."""
        return self._engine

    @property
    def state(self) -> str:
        """ "idle", "running", "paused", "stopped", "error", or another state of the engine's."""
        return self._engine.state

    @property
    def values(self) -> dict[str, Any]:
        """The controls' present values; a copy."""
        return dict(self._engine.values)

    @property
    def latest(self) -> tuple[dict[str, Any], list[bytes]]:
        """The newest frame with its buffers, as a page is sent it: what a recording is made of."""
        return self._frame

    def __getitem__(self, key: str) -> Any:
        return self._engine.values[key]

    def __setitem__(self, key: str, value: Any) -> None:
        self.set(**{key: value})

    def set(self, /, **values: Any) -> None:
        """Set some controls: all of them, or on an error none."""
        self._loop.call({"type": "set", "values": values})

    def press(self, button: str, /, **values: Any) -> None:
        """Press a button, such as press("reset", seed=3); `demo.reset(seed=3)` says the same."""
        self._loop.call({"type": "press", "button": button, "values": values})

    def __getattr__(self, name: str) -> Any:
        engine = self.__dict__.get("_engine")
        if engine is not None and isinstance(engine.controls.get(name), Button):
            return partial(self.press, name)
        raise AttributeError(f"{type(self).__name__} has no attribute {name!r}")

    def preview(self, steps: int = 0) -> bytes:
        """A PNG of the demo as it is, or of its game after so many iterations from its start, played aside."""
        return self._played(steps).png()

    def _played(self, steps: int) -> Any:
        """The engine as it is, or another of the same game after so many iterations from its start."""
        engine = self._engine.twin() if steps else self._engine
        for _ in range(steps):
            engine.once()
        return engine

    # -- the talk with the page ----------------------------------------------------------------------------------------

    def _heard(self, widget: object, content: Any, _: object) -> None:
        """Take a message of the page, on whatever thread it comes, and answer it at once."""
        content = content if isinstance(content, Mapping) else {"type": content}
        slow = content.get("slow")
        self._loop.asked(slow if isinstance(slow, bool) else None)
        if content.get("type") != "ask":
            values = content.get("values")
            controls = map(self._engine.controls.get, values if isinstance(values, Mapping) else ())
            looks = [getattr(control, "look", False) for control in controls]
            act = self._loop.at_once if looks and all(looks) and content.get("type") == "set" else self._loop.post
            act(content)
        (message, buffers), news = self._frame, {"stalled": self._loop.stalled, "answer": True}
        if content.get("have") == message["n"]:
            message, buffers = {"type": "same", "n": message["n"], "applied": message["applied"]}, None
        self.send({**message, **news}, buffers)

    def _show(self) -> None:
        self._make_frame()
        message, buffers = self._frame
        self.send({**message, "stalled": False, "answer": False}, buffers)
        for name in self._followed:
            setattr(self, name, self._engine.values[name])

    def _make_frame(self) -> None:
        """Draw the engine. When its picture fails, the last one stays, and the message says why."""
        engine = self._engine
        try:
            self._last = engine.complete()
        except Exception as error:
            if self._last is None:
                raise
            engine.fail(error)
        plain, buffers = frame.packed(self._last)
        self._n += 1
        header = {
            **{"type": "frame", "n": self._n, "running": engine.running, "message": engine.message},
            **{"state": engine.state, "named": engine.STATES.get(engine.state, ""), "applied": engine.applied},
            **{"off": list(engine.off()), "pressed": list(engine.pressed())},
            "values": frame.valued(engine.controls, self._places, engine.values),
        }
        self._frame = {**header, "picture": plain}, buffers

    def _trait_changed(self, change: Any) -> None:
        if change["new"] != self._engine.values[change["name"]]:
            self.set(**{change["name"]: change["new"]})


class Recording(Demo):
    """Pictures that the page plays without asking the kernel: at full speed also while another cell runs."""

    recording = traitlets.List().tag(sync=True)  # a frame with its buffers for each picture

    def __init__(self, pictures: Sequence[Picture], seconds: float = 5.0, name: str = "frame") -> None:
        engine = RecordingEngine(pictures, seconds, name)
        super().__init__(engine, key=cell_key(type(self).__name__))
        values = [frame.valued(engine.controls, self._places, {"frame": i}) for i in range(len(engine.pictures))]
        self.recording = [
            {**self._frame[0], "picture": plain, "values": shown, "buffers": buffers}
            for shown, (plain, buffers) in zip(values, map(frame.packed, engine.pictures))
        ]


def cell_key(name: str) -> str:
    """The demo's name and its cell's, where that is known: the same when the cell runs again."""
    try:
        from IPython import get_ipython

        return f"{name}:{get_ipython().get_parent()['metadata'].get('cellId', '')}"
    except (ImportError, AttributeError, KeyError, TypeError):
        return name
