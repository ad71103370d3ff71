"""The live demos: a headless engine each, and the view that a notebook shows.

from ganlib.widgets import LiveTraining, show

live = LiveTraining(recipe, data, seed=0)
show(live)
"""

from __future__ import annotations

import base64
import os
from collections.abc import Callable

from IPython.display import display

from ganlib.widgets.explorer import Explorer, ExplorerEngine
from ganlib.widgets.interpolation import Interpolation
from ganlib.widgets.protocol import LiveWidget
from ganlib.widgets.ruler import Ruler
from ganlib.widgets.sliders import Choice, Heat, Level, Line, Mark, Panel, Picture, Slider, Sliders
from ganlib.widgets.toy import LiveToy, ToyEngine
from ganlib.widgets.training import LiveTraining, TrainingEngine

__all__ = [
    "Choice",
    "Explorer",
    "ExplorerEngine",
    "Heat",
    "Interpolation",
    "Level",
    "Line",
    "LiveToy",
    "LiveTraining",
    "LiveWidget",
    "Mark",
    "Panel",
    "Picture",
    "Ruler",
    "Slider",
    "Sliders",
    "ToyEngine",
    "TrainingEngine",
    "bundle",
    "show",
]

WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"


def show(demo: LiveWidget, *, picture: bytes | Callable[[], bytes] | None = None) -> None:
    """Display a demo so that it can also be read without a kernel: the widget, a PNG and a line of text in one bundle.

    A running kernel shows the widget; GitHub and nbviewer show the PNG. `picture` is that PNG's bytes; None draws the
    demo as it is now. A demo at its start has little to show: `show(live, picture=lambda: live.preview(steps=300))`
    draws what 300 steps make of it, trained aside. Such a function is called only where its picture will be seen, when
    `make notebooks` makes the outputs to commit (it sets GANLIB_MAKING_NOTEBOOKS), and keeps nobody else waiting.
    """
    if callable(picture):
        picture = picture() if os.environ.get("GANLIB_MAKING_NOTEBOOKS") else None
    display(bundle(demo, picture=picture), raw=True)


def bundle(demo: LiveWidget, *, picture: bytes | None = None) -> dict[str, object]:
    """What `show` displays: MIME type -> data. Made by hand, as ipywidgets 7 has no `_repr_mimebundle_`."""
    png = demo.preview() if picture is None else picture
    return {
        WIDGET_VIEW: {"version_major": 2, "version_minor": 0, "model_id": demo.model_id},
        "image/png": base64.b64encode(png).decode("ascii"),
        "text/plain": f"{type(demo).__name__}: a live demo. Run this notebook's cells to use it.",
    }
