"""Two ways side by side on the page of a real JupyterLab: only what needs the page."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.browser import changed, opened, pixels, press, run, values, wait_for, wait_until_applied

pytestmark = pytest.mark.browser

SOURCE = [
    f"""\
import sys
sys.path.insert(0, {str(Path(__file__).resolve().parent.parent)!r})
from ganlib.widgets import SideBySide, show
two = SideBySide(right="k by the gap")
show(two)"""
]
TWO = 'section.ganlib[aria-label="Two ways of coordination side by side"]'


@pytest.fixture(scope="module")
def lab(jupyterlab, _chromium):
    with opened(_chromium, jupyterlab, "side_by_side.ipynb", SOURCE, (TWO,)) as lab:
        yield lab


def canvases(lab):
    """What the four panels show, once the page has drawn what it was told."""
    wait_until_applied(lab, TWO)
    lab.page.wait_for_timeout(300)
    found = [lab.page.locator(f"{TWO} .gl-canvas-{i}") for i in range(4)]
    found[0].scroll_into_view_if_needed()
    return [pixels(one) for one in found]


def test_both_play_at_equal_cost_and_the_right_one_can_be_changed(lab):
    press(lab, "Step", of=TWO)
    before = canvases(lab)
    press(lab, "Play", of=TWO)
    wait_for(
        lab, "e.dataset.state === 'running' && Number(e.querySelector('b').textContent.replace(',', '')) > 300", TWO
    )
    press(lab, "Pause", of=TWO)
    wait_for(lab, "e.dataset.state === 'paused'", TWO)
    moved = [changed(old, new) for old, new in zip(before, canvases(lab))]
    assert min(moved) > 0.001, moved
    costs = run(lab, "print(*(int(play.cost) for play in two.engine.plays.values()))")[0].split()
    assert abs(int(costs[0]) - int(costs[1])) <= 11, "an iteration of k = 10 may go over"
    lab.page.locator(f"{TWO} select[data-name=z_right]").select_option(label="mixture")
    wait_until_applied(lab, TWO)
    assert values(lab, TWO)["z_right"] == "mixture"
    assert run(lab, "print(int(two.engine.plays['right'].cost), two.engine.plays['right'].toys.p_z)")[0] == "0 mixture"
