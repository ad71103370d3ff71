"""The chain and G on the page of a real JupyterLab: only what needs the page."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.browser import canvas, changed, opened, pixels, press, run, values, wait_for, wait_until_applied

pytestmark = pytest.mark.browser

SOURCE = [
    f"""\
import sys
sys.path.insert(0, {str(Path(__file__).resolve().parent.parent)!r})
from dataclasses import replace
import torch
from ganlib import load, pretrained
from ganlib.baselines import RECIPES, fit
from ganlib.studies import measures
from ganlib.widgets import Chains, show
data = load("synthetic")
recipe = replace(RECIPES["rbm"], hidden=50, batch=20, epochs=1)
for step in fit(data.train.float() / 255, recipe):
    pass
two = [measures.train_classifier(*2 * (data.train, data.train_labels), hidden=(8,), epochs=1)]
play = Chains({{"RBM": step.model}}, pretrained("mnist"), data, *two)
show(play)"""
]
CHAINS = 'section.ganlib[aria-label="A Markov chain and G"]'


@pytest.fixture(scope="module")
def lab(jupyterlab, _chromium):
    with opened(_chromium, jupyterlab, "chains.ipynb", SOURCE, (CHAINS,)) as lab:
        yield lab


def sheets(lab):
    """What the first six panels show, once the page has drawn what it was told."""
    wait_until_applied(lab, CHAINS)
    lab.page.wait_for_timeout(300)
    return [pixels(canvas(lab, i, CHAINS)) for i in range(6)]


def test_a_step_moves_the_chain_and_a_draw_fills_the_sheets_and_the_charts(lab):
    slider = lab.page.locator(f"{CHAINS} input[data-name=thin]")
    for _ in range(2):  # 1, 2, 5
        slider.press("ArrowRight")
    wait_until_applied(lab, CHAINS)
    assert values(lab, CHAINS)["thin"] == 5
    press(lab, "Step", of=CHAINS)  # the page has its height now
    before = sheets(lab)
    press(lab, "Step", of=CHAINS)
    moved = [changed(old, new) for old, new in zip(before, sheets(lab))]
    assert moved[0] > 0.01 and max(moved[1:4]) < 0.001, "one step moves the chain, and is no draw yet"
    press(lab, "Next draw", of=CHAINS)
    moved = [changed(old, new) for old, new in zip(before, sheets(lab))]
    assert min(moved) > 0.0005, moved
    assert run(lab, "print(play.engine.steps, len(play.engine.drawn))")[0] == "5 1"


def test_it_plays_and_a_change_begins_anew(lab):
    lab.page.locator(f"{CHAINS} input[data-name=thin]").press("Home")
    lab.page.locator(f"{CHAINS} input[data-name=pace]").press("End")
    wait_until_applied(lab, CHAINS)
    press(lab, "Play", of=CHAINS)
    wait_for(lab, "e.dataset.state === 'running' && Number(e.querySelector('b').textContent) > 20", CHAINS)
    press(lab, "Pause", of=CHAINS)
    wait_for(lab, "e.dataset.state === 'paused'", CHAINS)
    alike = pixels(canvas(lab, 6, CHAINS))
    lab.page.locator(f"{CHAINS} select[data-name=origin]").select_option(index=2)
    wait_until_applied(lab, CHAINS)
    assert values(lab, CHAINS)["origin"] == "noise"
    assert run(lab, "print(play.engine.steps, play.engine.ghost.name)")[0] == "0 RBM, 1 step a draw"
    lab.page.wait_for_timeout(300)
    assert changed(alike, pixels(canvas(lab, 6, CHAINS))) > 0.001
