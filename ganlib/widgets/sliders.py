"""Sliders over a person's own function: move one, and the pictures follow at once.

from ganlib.widgets import Line, Panel, Picture, Sliders, show

def draw(a, b):
    y = np.linspace(0.001, 0.999, 400)
    V = a * np.log(y) + b * np.log(1 - y)
    return Picture([Panel("a log y + b log(1 - y)", [Line(y, V, "V")])], f"It peaks at {a / (a + b):.2f}.")

demo = Sliders(draw, a=(0.1, 2, 1), b=(0.1, 2, 1))
show(demo)
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ganlib.widgets.preview import sliders_picture
from ganlib.widgets.protocol import LiveWidget, call, cell_key, script, style
from ganlib.widgets.sliders_engine import (
    Choice,
    Heat,
    Level,
    Line,
    Mark,
    Panel,
    Picture,
    Slider,
    SlidersEngine,
)

__all__ = ["Choice", "Heat", "Level", "Line", "Mark", "Panel", "Picture", "Slider", "Sliders", "SlidersEngine"]


class Sliders(LiveWidget):
    """A live demo of `draw(**values)`, a function from the controls' values to a `Picture`, made for each change.

        demo = Sliders(draw, a=(0.1, 2, 1), b=Slider(0.1, 2, 1, hint="weight of the fakes"), kind=["one", "two"])
        show(demo)
        demo["a"] = 1.2             # the same as moving the slider
        demo.set(a=1.2, b=0.3)      # both at once
        demo.values                 # {"a": 1.2, "b": 0.3, "kind": "one"}

    A control is (low, high, start), (low, high, start, step), a `Slider`, a list of words, or a `Choice`. `draw` should
    take under 5 ms, as every move of a slider calls it. What goes wrong in the first picture is raised; later it stands
    in the demo's status line, and the last picture stays. A value that a control does not take raises `RecipeError`.
    """

    _esm = script("link.js", "canvas.js", "controls.js", "sliders.js")
    _css = style("live.css", "sliders.css")

    def __init__(self, draw: Callable[..., Picture], /, *, title: str = "", **controls: Any) -> None:
        engine = SlidersEngine(draw, controls, title)
        super().__init__(engine, key=cell_key(f"{type(self).__name__} {title} {' '.join(controls)}"))

    @property
    def engine(self) -> SlidersEngine:
        """The demo without its front end."""
        return self._engine

    @property
    def values(self) -> dict[str, Any]:
        """The controls' present values; a copy."""
        return dict(self._engine.values)

    def __getitem__(self, name: str) -> Any:
        return self._engine.values[name]

    def __setitem__(self, name: str, value: Any) -> None:
        self.set(**{name: value})

    def set(self, **values: Any) -> None:
        """Set some controls: all of them, or on an error none."""
        self._background.call(call("set", values=values))

    def reset(self) -> None:
        """Every control back to where it began."""
        self._background.call(call("reset"))

    def preview(self, **values: Any) -> bytes:
        """A PNG of the demo as it is, or with some values set otherwise; the demo itself does not move."""
        return sliders_picture(self._engine.at(values) if values else self._engine)
