"""A few labels on the page of a real JupyterLab: a click labels the nearest point, and the game plays."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.browser import canvas, changed, opened, pixels, press, run, values, wait_for, wait_until_applied

pytestmark = pytest.mark.browser

SOURCE = [
    f"""\
import sys
sys.path.insert(0, {str(Path(__file__).resolve().parent.parent)!r})
from ganlib.widgets import FewLabels, show
play = FewLabels()
show(play)"""
]
LABELS = 'section.ganlib[aria-label="A few labels"]'


@pytest.fixture(scope="module")
def lab(jupyterlab, _chromium):
    with opened(_chromium, jupyterlab, "labels.ipynb", SOURCE, (LABELS,)) as lab:
        yield lab


def test_a_click_labels_the_nearest_point_and_changes_the_line(lab):
    before = pixels(canvas(lab, 0, LABELS))
    box = canvas(lab, 0, LABELS).bounding_box()
    lab.page.mouse.click(box["x"] + 0.5 * box["width"], box["y"] + 0.45 * box["height"])
    wait_until_applied(lab, LABELS)
    lab.page.wait_for_timeout(300)
    assert len(values(lab, LABELS)["points"]) == 3
    assert changed(before, pixels(canvas(lab, 0, LABELS))) > 0.005
    told = "print(len(play.engine.known), float((play.engine.known[2] - play.engine.x).norm(dim=1).min()))"
    assert run(lab, told)[0] == "3 0.0"


def test_it_plays_and_all_labels_can_be_taken_away(lab):
    maps = [pixels(canvas(lab, i, LABELS)) for i in (1, 2)]
    press(lab, "Play", of=LABELS)
    wait_for(lab, "e.dataset.state === 'running'", LABELS)
    lab.page.wait_for_timeout(2_000)
    press(lab, "Pause", of=LABELS)
    wait_for(lab, "e.dataset.state === 'paused'", LABELS)
    for old, i in zip(maps, (1, 2)):
        assert changed(old, pixels(canvas(lab, i, LABELS))) > 0.005
    press(lab, "Take all labels away", of=LABELS)
    wait_until_applied(lab, LABELS)
    assert values(lab, LABELS)["points"] == []
    assert run(lab, "print(play.engine.game.steps, len(play.engine.known))")[0] == "0 0"
