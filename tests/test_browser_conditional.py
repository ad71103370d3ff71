"""The digit that is asked for, and the game with a condition, on the page of a real JupyterLab."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.browser import changed, opened, pixels, press, run, values, wait_for, wait_until_applied

pytestmark = pytest.mark.browser

SOURCE = [
    f"""\
import sys
sys.path.insert(0, {str(Path(__file__).resolve().parent.parent)!r})
import torch
from ganlib.checkpoints import Trained
from ganlib.recipes import CONDITIONAL
from ganlib.studies import measures
from ganlib import load
from ganlib.widgets import Ask, LiveFork, show
data = load("synthetic")
recipe = CONDITIONAL.at("smoke")
nets = recipe.players(0, data.mean())
with torch.no_grad():
    for name, p in nets["G"].named_parameters():
        p.mul_(12 if name.endswith("weight") else 1)
by = measures.train_classifier(*2 * (data.train, data.train_labels), hidden=(8,), epochs=1)
play = Ask(Trained(nets["G"], nets["D"], recipe, dict()), data.shape, by, n=16)
show(play)""",
    "live = LiveFork(seed=0)\nshow(live)",
]
ASK = 'section.ganlib[aria-label="Draw the digit that I ask for"]'
FORK = 'section.ganlib[aria-label="A game with a condition, in one dimension"]'


@pytest.fixture(scope="module")
def lab(jupyterlab, _chromium):
    with opened(_chromium, jupyterlab, "conditional.ipynb", SOURCE, (ASK, FORK)) as lab:
        yield lab


def seen(lab, of, n):
    """What the panels of a demo show, once the page has drawn it."""
    lab.page.wait_for_timeout(300)
    found = [lab.page.locator(f"{of} .gl-canvas-{i}") for i in range(n)]
    found[0].scroll_into_view_if_needed()
    return [pixels(one) for one in found]


def moved(lab, of, before):
    """How much of each panel has changed by what the page was told."""
    wait_until_applied(lab, of)
    return [changed(old, new) for old, new in zip(before, seen(lab, of, len(before)))]


def test_a_digit_is_asked_for_by_its_button_and_by_its_key(lab):
    press(lab, "4", of=ASK)
    wait_until_applied(lab, ASK)  # the page has its height now
    before = seen(lab, ASK, 3)
    press(lab, "7", of=ASK)
    assert min(moved(lab, ASK, before)[::2]) > 0.001, "the sheet and the strip"
    assert run(lab, "print(play.engine.digit, play.engine.seed)")[0] == "7 0"
    lab.page.locator(f"{ASK} .gl-canvas-0").focus()
    lab.page.keyboard.press("2")
    wait_until_applied(lab, ASK)
    assert run(lab, "print(play.engine.digit)")[0] == "2"
    before = seen(lab, ASK, 1)
    press(lab, "New noise", of=ASK)
    assert moved(lab, ASK, before)[0] > 0.001
    assert run(lab, "print(play.engine.digit, play.engine.seed)")[0] == "2 1"


def test_the_mixture_moves_the_sheet_and_the_mark_and_leaves_the_strip(lab):
    before = seen(lab, ASK, 3)
    slider = lab.page.locator(f"{ASK} input[data-name=mix]")
    for _ in range(3):
        slider.press("PageUp")
    wait_until_applied(lab, ASK)
    assert values(lab, ASK)["mix"] > 0
    change = moved(lab, ASK, before)
    assert change[0] > 0.0003 and change[1] > 0.0003, change


def test_a_place_c_is_looked_at_while_the_game_trains(lab):
    press(lab, "Step", of=FORK)
    wait_until_applied(lab, FORK)
    before = seen(lab, FORK, 4)
    lab.page.locator(f"{FORK} input[data-name=c]").press("Home")
    wait_until_applied(lab, FORK)
    assert values(lab, FORK)["c"] == 0
    change = moved(lab, FORK, before)
    assert change[0] > 0.005 and change[3] < 0.001, change
    press(lab, "Play", of=FORK)
    wait_for(lab, "e.dataset.state === 'running' && Number(e.querySelector('b').textContent) > 60", FORK)
    press(lab, "Pause", of=FORK)
    wait_for(lab, "e.dataset.state === 'paused'", FORK)
    assert moved(lab, FORK, before)[3] > 0.0005, "the chart has more to show"
