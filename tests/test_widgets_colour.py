"""Colour pictures in the demos: a G that always draws one known picture, and what arrives of it.

The picture is red and dark in its upper left quarter, green and then blue to the right of it and below, so that
channels, rows or columns that change places show.
"""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from ganlib import Dataset, Trainer, load
from ganlib.nets import Layer
from ganlib.recipes import CIFAR10_FC, Recipe
from ganlib.widgets import Interpolation, LiveTraining
from ganlib.widgets.preview import training_picture
from tests.browser import opened, pixels, press, wait_for, write_notebook

QUARTERS = {  # of the picture (row, column): red, green and blue, in units of the largest value that is shown
    (0, 0): (1.0, -0.5, -1.0),
    (0, 1): (-1.0, 1.0, 0.25),
    (1, 0): (-1.0, -1.0, 1.0),
    (1, 1): (0.5, 0.5, 0.5),
}
BYTES = {(0, 0): (255, 64, 0), (0, 1): (0, 255, 159), (1, 0): (0, 0, 255), (1, 1): (191, 191, 191)}
"""By hand: -1 is 0 and 1 is 255, so v is 127.5 (v + 1), rounded."""
HALF = {(0, 0): (191, 96, 64), (0, 1): (64, 191, 143), (1, 0): (64, 64, 191), (1, 1): (159, 159, 159)}
"""The same of a picture half as loud."""
CENTRES = {(0, 0): (8, 8), (0, 1): (8, 24), (1, 0): (24, 8), (1, 1): (24, 24)}
"""Where to look for them in a tile of 32 x 32."""


def recipe(scale: str) -> Recipe:
    """CIFAR-10 pictures from z by one linear layer whose weights are 0, at rates that move nothing."""
    G, D = (Layer(3072, "linear", irange=0.0),), (Layer(1, "sigmoid", irange=0.005),)
    return replace(CIFAR10_FC, data="synthetic-cifar10", z_dim=4, G=G, D=D, pixels=scale, lr_D=1e-6, lr_G=1e-6)


def drawn(largest: float) -> torch.Tensor:
    """The known picture as a flat row (3072,), red plane first, its largest |value| as given."""
    planes = np.zeros((3, 32, 32), np.float32)
    for (row, column), colour in QUARTERS.items():
        planes[:, 16 * row : 16 * row + 16, 16 * column : 16 * column + 16] = np.reshape(colour, (3, 1, 1))
    return torch.from_numpy(largest * planes).flatten()


def let_G_draw(G: torch.nn.Module, picture: torch.Tensor) -> None:
    """Make it G's answer to every z."""
    G.layers[0].linear.bias.data.copy_(picture)


def live_demo(scale: str, data: Dataset, samples: tuple[int, int], picture: torch.Tensor) -> LiveTraining:
    """A live demo after one step, so that its pictures are drawn anew, of a G that draws the picture."""
    live = LiveTraining(recipe(scale), data, samples=samples)
    let_G_draw(live.trainer.G, picture)
    live.engine.step()
    return live


def largest_real(data: Dataset, n: int) -> float:
    """The largest |value| of the first n validation pictures after GCN, in float64, without ganlib."""
    x = data.valid[:n].numpy().astype(np.float64)
    x -= x.mean(1, keepdims=True)
    return float(np.abs(55 * x / np.sqrt((x**2).sum(1, keepdims=True))).max())


def sheet(snapshot: Any, name: str) -> np.ndarray:
    """A picture of a snapshot as the page decodes it: (height, width, 3) uint8."""
    return np.asarray(Image.open(io.BytesIO(snapshot.pictures[name][1])))


def assert_known(sheet: np.ndarray, expected: dict[Any, Any] = BYTES, tolerance: int = 0) -> None:
    """Assert that every tile of 32 x 32 is the known picture."""
    assert sheet.dtype == np.uint8 and sheet.ndim == 3 and sheet.shape[2] == 3
    for top in range(0, sheet.shape[0], 32):
        for left in range(0, sheet.shape[1], 32):
            for quarter, (y, x) in CENTRES.items():
                found = sheet[top + y, left + x].astype(int)
                assert np.abs(found - expected[quarter]).max() <= tolerance, (top, left, quarter, found)


@pytest.fixture(scope="module")
def data() -> Dataset:
    return load("synthetic-cifar10")


def test_live_training_shows_normalised_colours_in_the_range_of_real_pictures(data):
    live = live_demo("gcn", data, (2, 3), drawn(largest_real(data, 6) / 2))
    samples = sheet(live.engine.snapshot(True), "samples")
    assert samples.shape == (64, 96, 3)
    assert_known(samples, HALF, tolerance=1)  # float32 against float64
    live._background.retire()


def test_live_training_shows_colours_in_0_to_1_as_they_are(data):
    live = live_demo("unit", data, (1, 2), (drawn(1.0) + 1) / 2)
    assert_known(sheet(live.engine.snapshot(True), "samples"))
    live._background.retire()


def test_the_picture_for_readers_without_a_kernel_is_in_colour(data):
    live = live_demo("unit", data, (2, 2), (drawn(1.0) + 1) / 2)
    picture = np.asarray(Image.open(io.BytesIO(training_picture(live.engine))).convert("RGB")).astype(int)
    for quarter, colour in BYTES.items():
        share = (np.abs(picture - colour).max(2) <= 2).mean()
        assert share > 0.05, (quarter, share)  # the sheet is nearly half of the picture, a quarter a quarter of it
    live._background.retire()


def test_a_walk_shows_normalised_colours_in_the_range_of_its_grid(data):
    made = Trainer(recipe("gcn"), data)
    let_G_draw(made.G, drawn(2.5))
    walk = Interpolation(made, data.shape, n=20)
    walk.clear()
    walk.pick(3, 17)
    walk.move(0.5)
    snapshot = walk.engine.snapshot(True)
    for name in ("grid", "strip", "big"):
        assert_known(sheet(snapshot, name))
    walk._background.retire()


SOURCE = [
    f"""\
import sys
sys.path.insert(0, {str(Path(__file__).resolve().parent.parent)!r})
from ganlib import load
from ganlib.widgets import Interpolation, show
from tests.test_widgets_colour import drawn, largest_real, live_demo
data = load("synthetic-cifar10")
live = live_demo("gcn", data, (2, 2), drawn(largest_real(data, 4)))
show(live)""",
    """\
walk = Interpolation(live.trainer, data.shape, n=20)
show(walk)""",
]


@pytest.mark.browser
def test_the_colours_arrive_on_the_page(jupyterlab, _chromium):
    """Quarter by quarter of the first tile of each canvas; a colour profile of the screen may move them a little."""
    write_notebook(jupyterlab, "colour.ipynb", SOURCE)
    with opened(_chromium, jupyterlab, "colour.ipynb") as lab:
        press(lab, "Step")  # the page is told of the picture that G draws now
        wait_for(lab, "e.dataset.step === '2' && Number(e.dataset.pictures) > 1")
        for name, tiles in ((".gl-canvas-samples", 2), (".gl-canvas-grid", 10), (".gl-canvas-big", 1)):
            canvas = lab.page.locator(name)
            canvas.scroll_into_view_if_needed()
            lab.page.wait_for_timeout(500)
            shown = pixels(canvas)
            side = shown.shape[1] / tiles
            for quarter, (y, x) in CENTRES.items():
                found = shown[int(side * y / 32), int(side * x / 32)]
                assert np.abs(found - BYTES[quarter]).max() <= 6, (name, quarter, found)
