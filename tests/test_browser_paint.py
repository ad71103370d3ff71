"""Painting a mask on the page of a real JupyterLab: strokes of the mouse, keys, and buttons."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.browser import canvas, changed, opened, pixels, press, run, wait_for, wait_until_applied

pytestmark = pytest.mark.browser

SOURCE = [
    f"""\
import sys
sys.path.insert(0, {str(Path(__file__).resolve().parent.parent)!r})
import torch
from ganlib import load
from ganlib.checkpoints import Trained
from ganlib.recipes import MASKS
from ganlib.widgets import PaintMask, Slices, show
data = load("synthetic")
recipe = MASKS.at("smoke")
G, D = recipe.networks(0, data.mean())
for p in G.parameters():
    p.data.mul_(3)
play = PaintMask(Trained(G, D, recipe, dict()), data)
show(play)""",
    "slices = Slices(seed=0)\nshow(slices)",
]
PAINT = 'section.ganlib[aria-label="Paint a mask"]'
SLICES = 'section.ganlib[aria-label="Slices through a density"]'
HIDDEN = "print(*play.engine.hidden.nonzero().flatten().tolist())"


@pytest.fixture(scope="module")
def lab(jupyterlab, _chromium):
    with opened(_chromium, jupyterlab, "paint.ipynb", SOURCE, (PAINT, SLICES)) as lab:
        yield lab


def block(lab, i):
    """The middle of block i on the page; the 49 blocks are as large as they fit, from the left top corner."""
    box = canvas(lab, 0, PAINT).bounding_box()
    side = min(box["width"], box["height"]) / 7
    return box["x"] + (i % 7 + 0.5) * side, box["y"] + (i // 7 + 0.5) * side


def settle(lab, of=PAINT):
    wait_until_applied(lab, of)
    lab.page.wait_for_timeout(250)


def test_a_stroke_hides_every_block_on_its_way_and_the_completions_change(lab):
    press(lab, "Hide none", of=PAINT)
    settle(lab)
    before = pixels(canvas(lab, 1, PAINT))
    lab.page.mouse.move(*block(lab, 15))
    lab.page.mouse.down()
    lab.page.mouse.move(*block(lab, 19))  # one leap of the mouse over three blocks
    lab.page.mouse.move(*block(lab, 33))
    lab.page.mouse.up()
    lab.page.mouse.move(*block(lab, 40))  # the stroke is over
    settle(lab)
    assert run(lab, HIDDEN)[0] == "15 16 17 18 19 26 33"
    assert changed(before, pixels(canvas(lab, 1, PAINT))) > 0.002
    lab.page.mouse.move(*block(lab, 33))
    lab.page.mouse.down()
    lab.page.mouse.move(*block(lab, 32))  # this one is not hidden, and stays so
    lab.page.mouse.move(*block(lab, 18))
    lab.page.mouse.up()
    settle(lab)
    assert 33 not in (left := [int(n) for n in run(lab, HIDDEN)[0].split()]) and 18 not in left and 15 in left


def test_the_keys_paint_too_and_space_does_not_scroll(lab):
    press(lab, "Hide none", of=PAINT)
    settle(lab)
    lab.page.mouse.click(*block(lab, 8))
    canvas(lab, 0, PAINT).focus()
    for key in ("ArrowRight", "ArrowDown", " ", "ArrowDown", "Enter"):
        lab.page.keyboard.press(key)
    settle(lab)
    assert run(lab, HIDDEN)[0] == "8 16 23"
    lab.page.keyboard.press(" ")
    settle(lab)
    assert run(lab, HIDDEN)[0] == "8 16"


def test_buttons(lab):
    press(lab, "Hide all", of=PAINT)
    settle(lab)
    assert run(lab, "print(int(play.engine.hidden.sum()))")[0] == "49"
    before = pixels(canvas(lab, 1, PAINT))
    press(lab, "Another digit", of=PAINT)
    settle(lab)
    assert changed(before, pixels(canvas(lab, 1, PAINT))) < 0.001, "with all hidden the digit has no part in it"
    press(lab, "New noise", of=PAINT)
    settle(lab)
    assert changed(before, pixels(canvas(lab, 1, PAINT))) > 0.002


def test_the_slice_is_dragged_while_the_game_goes_on(lab):
    press(lab, "Play", of=SLICES)
    wait_for(lab, "e.dataset.state === 'running' && JSON.parse(e.dataset.values).at === 0", SLICES)
    box = canvas(lab, 0, SLICES).bounding_box()
    lab.page.mouse.move(box["x"] + 0.5 * box["width"], box["y"] + 0.5 * box["height"])
    lab.page.mouse.down()
    lab.page.mouse.move(box["x"] + 0.5 * box["width"], box["y"] + 0.3 * box["height"], steps=4)
    lab.page.mouse.up()
    wait_for(lab, "JSON.parse(e.dataset.values).at > 0.5", SLICES)
    press(lab, "Pause", of=SLICES)
    wait_for(lab, "e.dataset.state === 'paused'", SLICES)
    assert int(run(lab, "print(slices.game.step)")[0]) > 0
