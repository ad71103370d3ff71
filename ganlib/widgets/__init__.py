"""The live demos: an engine each, and one view that shows any of them in a notebook.

from ganlib.widgets import LiveTraining, show

live = LiveTraining(recipe, data, seed=0)
show(live)
"""

from __future__ import annotations

import base64
import os
from collections.abc import Callable

from IPython.display import display

from ganlib.controls import Button, Choice, Curve, Number, Points, Slider, Switch
from ganlib.picture import Arrows, Cells, Heat, Level, Line, Mark, Note, Panel, Picture, Tiles
from ganlib.widgets.ask import Ask
from ganlib.widgets.be_discriminator import BeTheDiscriminator
from ganlib.widgets.be_generator import BeTheGenerator
from ganlib.widgets.chains import Chains
from ganlib.widgets.coordination import SideBySide
from ganlib.widgets.demo import Demo, Recording
from ganlib.widgets.engine import Engine, Game
from ganlib.widgets.explorer import Explorer
from ganlib.widgets.few_labels import FewLabels
from ganlib.widgets.fork import LiveFork
from ganlib.widgets.guess import Guess
from ganlib.widgets.interpolation import Interpolation
from ganlib.widgets.paint import PaintMask
from ganlib.widgets.plane import LivePlane
from ganlib.widgets.real_walk import RealWalk
from ganlib.widgets.ruler import Ruler
from ganlib.widgets.slices import Slices
from ganlib.widgets.sliders import Sliders
from ganlib.widgets.toy import LiveToy
from ganlib.widgets.toy_engine import ToyEngine
from ganlib.widgets.training import LiveTraining

__all__ = [
    "Arrows",
    "Ask",
    "BeTheDiscriminator",
    "BeTheGenerator",
    "Button",
    "Cells",
    "Chains",
    "Choice",
    "Curve",
    "Demo",
    "Engine",
    "Explorer",
    "FewLabels",
    "Game",
    "Guess",
    "Heat",
    "Interpolation",
    "Level",
    "Line",
    "LiveFork",
    "LivePlane",
    "LiveToy",
    "LiveTraining",
    "Mark",
    "Note",
    "Number",
    "PaintMask",
    "Panel",
    "Picture",
    "Points",
    "RealWalk",
    "Recording",
    "Ruler",
    "SideBySide",
    "Slices",
    "Slider",
    "Sliders",
    "Switch",
    "Tiles",
    "ToyEngine",
    "show",
]

WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"
STILL = """<style>
@keyframes ganlib-later { from, to { max-height: 0; overflow: hidden } }
.jp-OutputArea-child:has(.ganlib-still),
.jp-OutputArea-child:has(.ganlib-still) + .jp-OutputArea-child { animation: ganlib-later 2s }
.jp-OutputArea-child:has(.ganlib-still):has(+ * + * section.ganlib),
.jp-OutputArea-child:has(.ganlib-still) + .jp-OutputArea-child:has(+ * section.ganlib),
.jp-OutputArea-child:has(.ganlib-still) + * +
.jp-OutputArea-child:has(> .jupyter-widgets):not(:has(> .jupyter-widgets > *)) {
  display: none
}
.jp-OutputArea-child:has(.ganlib-still):has(+ * + * > .jupyter-widgets),
.jp-OutputArea-child:has(.ganlib-still) + .jp-OutputArea-child:has(+ * > .jupyter-widgets) { animation: none }
.reveal p.ganlib-still { display: none }
.reveal .jp-OutputArea-child:has(.ganlib-still) + .jp-OutputArea-child img { max-height: 540px; width: auto }
</style><p class="ganlib-still">A picture of a live demo. To use it, run all cells (menu Run).</p>"""
"""Stands above the picture of a demo and its page. Where the page is there, this hides the picture, and where it is on
its way, for two seconds. In place of a widget that no kernel knows, as in a saved notebook that was opened anew, there
is an error with the class jupyter-widgets, and nothing in it; this hides the error. On slides the picture fits one."""


def show(demo: Demo, *, picture: bytes | Callable[[], bytes] | None = None) -> None:
    """Display a demo so that it can also be read without a kernel: a PNG, and the widget, which takes its place.

    A running kernel shows the widget; GitHub and nbviewer show the PNG. `picture` is that PNG's bytes; None draws the
    demo as it is now. A demo at its start has little to show: `show(live, picture=lambda: live.preview(steps=300))`
    draws what 300 steps make of it, trained aside. Such a function is called only where its picture will be seen, when
    `make notebooks` makes the outputs to commit (it sets GANLIB_MAKING_NOTEBOOKS), and keeps nobody else waiting.
    """
    if callable(picture):
        picture = picture() if os.environ.get("GANLIB_MAKING_NOTEBOOKS") else None
    png = demo.preview() if picture is None else picture
    words = f"{type(demo).__name__}: a live demo. Run this notebook's cells to use it."
    display({"text/html": STILL, "text/plain": words}, raw=True)
    display({"image/png": base64.b64encode(png).decode("ascii"), "text/plain": words}, raw=True)
    view = {"version_major": 2, "version_minor": 0, "model_id": demo.model_id}
    display({WIDGET_VIEW: view, "text/plain": words}, raw=True)
