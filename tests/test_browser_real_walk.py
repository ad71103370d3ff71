"""The walk between two real digits on the page of a real JupyterLab: only what needs the page."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.browser import changed, opened, pixels, press, run, values, wait_until_applied

pytestmark = pytest.mark.browser

SOURCE = [
    f"""\
import sys
sys.path.insert(0, {str(Path(__file__).resolve().parent.parent)!r})
import torch
from ganlib import load
from ganlib.recipes import INFERENCE
from ganlib.studies.inference import Inference
from ganlib.widgets import RealWalk, show
data, nets = load("synthetic"), {{}}
for seed, name in enumerate(("beside", "joint")):
    players = INFERENCE.at("smoke").players(seed, data.mean())
    with torch.no_grad():
        for p in [*players["G"].parameters(), *players["E"].parameters()]:
            p.mul_(8)  # so that two digits have two z, and two pictures
    nets[name] = Inference(players["G"], players["E"], INFERENCE.at("smoke"), {{}})
walk = RealWalk(nets, data, n=20)
show(walk)"""
]
WALK = 'section.ganlib[aria-label="A walk between two real digits"]'


@pytest.fixture(scope="module")
def lab(jupyterlab, _chromium):
    with opened(_chromium, jupyterlab, "real_walk.ipynb", SOURCE, (WALK,)) as lab:
        yield lab


def sheets(lab, *, told=True):
    """What the three panels show, once the page has drawn what it was told, if it was."""
    if told:
        wait_until_applied(lab, WALK)
    lab.page.wait_for_timeout(300)
    found = [lab.page.locator(f"{WALK} .gl-canvas-{i}") for i in range(3)]
    for one in found:
        one.scroll_into_view_if_needed()
    return [pixels(one) for one in found]


def test_a_click_on_a_digit_makes_it_the_end_of_the_walk(lab):
    before = sheets(lab, told=False)
    sheet = lab.page.locator(f"{WALK} .gl-canvas-0")
    sheet.scroll_into_view_if_needed()
    box = sheet.bounding_box()
    side = min((box["width"] + 2) / 10, (box["height"] + 2) / 2)  # of a digit: two rows of ten
    sheet.click(position={"x": 5.5 * side, "y": 1.5 * side})
    moved = [changed(old, new) for old, new in zip(before, sheets(lab))]
    assert min(moved) > 0.001, moved
    assert run(lab, "print(walk.engine.picks[1])")[0] == "15"


def test_t_moves_G_between_the_digits(lab):
    before = sheets(lab, told=False)
    slider = lab.page.locator(f"{WALK} input[data-name=t]")
    slider.press("End")
    moved = [changed(old, new) for old, new in zip(before, sheets(lab))]
    assert values(lab, WALK)["t"] == 1 and moved[1] > 0.001 and moved[2] > 0.0001, moved


def test_descent_and_another_net_change_the_walk(lab):
    before = sheets(lab, told=False)
    press(lab, "Descend", of=WALK)
    moved = changed(before[2], sheets(lab)[2])
    assert moved > 0.0005 and run(lab, "print(walk.engine.descended)")[0] == "20"
    lab.page.locator(f"{WALK} select[data-name=net]").select_option(index=1)
    sheets(lab)
    assert run(lab, "print(walk.engine.values['net'], walk.engine.descended)")[0] == "joint 0"
