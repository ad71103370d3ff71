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

from collections.abc import Callable, Mapping
from copy import copy
from typing import Any

from ganlib.controls import Button
from ganlib.errors import RecipeError
from ganlib.picture import Picture
from ganlib.widgets.demo import Demo, cell_key
from ganlib.widgets.engine import Engine


class SlidersEngine(Engine):
    """The controls' values, and the picture that the function makes of them."""

    def __init__(self, draw: Callable[..., Picture], controls: Mapping[str, Any], title: str = ""):
        if not controls:
            raise RecipeError("a demo needs at least one control, such as a=(0, 2, 1): from 0 to 2, 1 at first")
        reset = Button("Reset", "Every control back to where it began (R)", "r", "reset")
        super().__init__({**controls, "reset": reset})
        self.title, self._draw = title or "Sliders and what they change", draw

    def picture(self) -> Picture:
        """What the function makes of the present values."""
        return self._draw(**self.values)

    def reset(self) -> None:
        """Every control back to where it began."""
        self.set(**{key: self.controls[key].start for key in self.values})


class Sliders(Demo):
    """A live demo of `draw(**values)`, a function from the controls' values to a `Picture`, made for each change.

        demo = Sliders(draw, a=(0.1, 2, 1), b=Slider(0.1, 2, 1, hint="weight of the fakes"), kind=["one", "two"])
        show(demo)
        demo["a"] = 1.2             # the same as moving the slider
        demo.set(a=1.2, b=0.3)      # both at once
        demo.values                 # {"a": 1.2, "b": 0.3, "kind": "one"}

    A control is (low, high, start), (low, high, start, step), a `Slider`, a list of words, or a `Choice`. `draw` should
    take under 5 ms. What goes wrong in the first picture is raised; later it stands in the demo's status line, and the
    last picture stays. A value that a control does not take raises `RecipeError`.
    """

    def __init__(self, draw: Callable[..., Picture], /, *, title: str = "", **controls: Any) -> None:
        engine = SlidersEngine(draw, controls, title)
        super().__init__(engine, key=cell_key(f"{type(self).__name__} {title} {' '.join(controls)}"))

    def preview(self, **values: Any) -> bytes:
        """A PNG of the demo as it is, or with some values set otherwise; the demo itself does not move."""
        engine = copy(self._engine)
        engine.values = dict(engine.values)
        engine.set(**values)
        return engine.png()
