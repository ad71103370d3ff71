"""Live training, the walk, the explorer and the ruler on one page of a real JupyterLab: only what needs the page."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.browser import (
    changed,
    drag,
    opened,
    pixels,
    press,
    run,
    told,
    values,
    wait_for,
    wait_until_applied,
)

pytestmark = pytest.mark.browser

SOURCE = [
    f"""\
import sys
sys.path.insert(0, {str(Path(__file__).resolve().parent.parent)!r})
from dataclasses import replace
import numpy as np
import torch
from ganlib import MNIST, Trainer, load
from ganlib.densities import Gaussian
from ganlib.nets import Layer
from ganlib.recipes import CIFAR10_FC, TOY
from ganlib.studies.sweeps import ToySweep
from ganlib.studies.table_1 import ScoreTable
from ganlib.widgets import Explorer, Interpolation, LiveTraining, Ruler, show
live = LiveTraining(replace(MNIST.at("smoke"), batch=20, z_dim=20), load("synthetic"), samples=(2, 3))
show(live)""",
    """\
# a G that draws one known picture, whatever z is: red above, green at its right, blue below
colours = np.array([[(1, -0.5, -1), (-1, 1, 0.25)], [(-1, -1, 1), (0.5, 0.5, 0.5)]])
planes = np.kron(colours.transpose(2, 0, 1), np.ones((16, 16)))
nets = {"G": (Layer(3072, "linear", irange=0.0),), "D": (Layer(1, "sigmoid", irange=0.005),)}
made = Trainer(replace(CIFAR10_FC, data="synthetic-cifar10", z_dim=4, **nets), load("synthetic-cifar10"))
made.G.layers[0].linear.bias.data.copy_(torch.from_numpy(planes).flatten())
walk = Interpolation(made, (3, 32, 32), n=20)
show(walk)""",
    """\
sizes = {"ks": (1, 3), "lrs_D": (0.05, 0.3), "lrs_G": (0.01, 0.1, 1.0), "updates": 80, "records": 4}
sweep = ToySweep(TOY, Gaussian(0, 1), **sizes)
explorer = Explorer(sweep)
show(explorer)""",
    """\
sigmas, numbers = np.linspace(0.1, 0.4, 13), np.array([10, 100, 1_000])
means = -1_000 * (sigmas - 0.2) ** 2 + 20 * np.log(numbers)[:, None]
ruler = Ruler({"real digits": ScoreTable(sigmas, numbers, means, 50)})
show(ruler)""",
]
LIVE, WALK, EXPLORER, RULER = (
    f'section.ganlib[aria-label="{title}"]'
    for title in (
        "Live training of a generative adversarial net",
        "Interpolation between pictures",
        "Explorer of k and the learning rates",
        "The Parzen ruler",
    )
)


@pytest.fixture(scope="module")
def lab(jupyterlab, _chromium):
    with opened(_chromium, jupyterlab, "demos.ipynb", SOURCE, (LIVE, WALK, EXPLORER, RULER)) as lab:
        yield lab


def canvas(lab, of, i):
    found = lab.page.locator(f"{of} .gl-canvas-{i}")
    found.scroll_into_view_if_needed()
    return found


def settle(lab):
    """Let the page draw what it was told."""
    lab.page.wait_for_timeout(300)


def test_training_starts_and_its_charts_and_samples_follow(lab):
    charts = [pixels(canvas(lab, LIVE, i)) for i in (1, 2, 3)]
    press(lab, "Start", of=LIVE)
    wait_for(lab, "e.dataset.state === 'running' && Number(e.querySelector('b').textContent) > 40", LIVE)
    slider = lab.page.locator(f"{LIVE} input[data-name=k]")
    slider.press("ArrowRight")
    wait_until_applied(lab, LIVE)
    assert values(lab, LIVE)["k"] == 2 and run(lab, "print(live.k, live.trainer.recipe.k)")[0] == "2 2"
    press(lab, "Pause", of=LIVE)
    wait_for(lab, "e.dataset.state === 'paused'", LIVE)
    settle(lab)
    for i, before in enumerate(charts, 1):
        assert changed(before, pixels(canvas(lab, LIVE, i))) > 0.003, i
    before = pixels(canvas(lab, LIVE, 0))
    run(lab, "live.trainer.G.layers[-1].linear.bias.data.add_(3)")
    press(lab, "Step", of=LIVE)
    wait_until_applied(lab, LIVE)
    settle(lab)
    assert changed(before, pixels(canvas(lab, LIVE, 0))) > 0.3
    assert lab.page.locator(f"{LIVE} .gl-note").inner_text().startswith("Is this normal?")
    print(f"\n{told(lab, 'frames', LIVE)} frames")


def tile(shown, columns, rows, i):
    """Where the i-th picture of a sheet lies on its canvas: its left upper corner, and its side."""
    side = min((shown["width"] + 2) / columns, (shown["height"] + 2) / rows) - 2
    return i % columns * (side + 2), i // columns * (side + 2), side


def test_a_sample_is_looked_at_closely_by_mouse_and_by_keys(lab):
    run(lab, "live.pause()")
    sheet = canvas(lab, LIVE, 0)
    x, y, side = tile(sheet.bounding_box(), 3, 2, 4)
    sheet.click(position={"x": x + side / 2, "y": y + side / 2})
    wait_until_applied(lab, LIVE)
    assert run(lab, "print(live.engine.picked)")[0] == "4"
    titles = lab.page.locator(f"{LIVE} .gl-title").all_inner_texts()[4:]
    assert [title.split(",")[0].split(":")[0] for title in titles] == [
        "The chosen sample",
        "Nearest training picture",
        "The push on it",
    ]
    settle(lab)
    push = pixels(canvas(lab, LIVE, 6))
    assert len(np.unique(push.reshape(-1, 3), axis=0)) > 50, "a map of colours"
    sheet.evaluate("e => e.blur()")
    settle(lab)
    framed = pixels(sheet)
    sheet.focus()
    for key in ("ArrowUp", "Enter"):
        lab.page.keyboard.press(key)
    wait_until_applied(lab, LIVE)
    assert run(lab, "print(live.engine.picked)")[0] == "1"
    sheet.evaluate("e => e.blur()")
    settle(lab)
    assert changed(framed, pixels(canvas(lab, LIVE, 0))) > 0.003, "another one is framed"
    sheet.focus()
    lab.page.keyboard.press("Enter")
    wait_until_applied(lab, LIVE)
    wait_for(lab, "[...e.querySelectorAll('canvas')].filter(c => c.getClientRects().length).length === 4", LIVE)


def test_pictures_are_picked_by_mouse_and_by_keys_in_their_colours(lab):
    run(lab, "walk.clear()")
    sheet = canvas(lab, WALK, 0)
    for index in (3, 17):
        x, y, side = tile(sheet.bounding_box(), 10, 2, index)
        sheet.click(position={"x": x + side / 2, "y": y + side / 2})
        wait_until_applied(lab, WALK)
    sheet.focus()
    for key in ("ArrowUp", "ArrowRight", "Enter"):  # from 17 over 7 to 8
        lab.page.keyboard.press(key)
    wait_until_applied(lab, WALK)
    assert run(lab, "print(walk.engine.picks)")[0] == "[3, 17, 8]"
    sheet.evaluate("e => e.blur()")
    lab.page.mouse.move(2, 2)
    settle(lab)
    for i, columns, rows in ((0, 10, 2), (1, 1, 1)):
        shown = canvas(lab, WALK, i)
        seen = pixels(shown)
        _, _, side = tile(shown.bounding_box(), columns, rows, 0)
        quarters = [[seen[int(side * y), int(side * x)] for x in (0.25, 0.75)] for y in (0.25, 0.75)]
        by_hand = [[(255, 64, 0), (0, 255, 159)], [(0, 0, 255), (191, 191, 191)]]
        assert abs(quarters - np.array(by_hand)).max() <= 6, i  # a screen's profile moves them a little
    sheet.focus()
    lab.page.keyboard.press("Backspace")
    wait_until_applied(lab, WALK)
    assert run(lab, "print(walk.engine.picks)")[0] == "[]"


def test_t_is_dragged_by_its_slider_and_along_the_strip(lab):
    run(lab, "walk.clear(); walk.pick(3, 17)")
    settle(lab)
    strip = canvas(lab, WALK, 2)
    before = pixels(strip)
    drag(lab, "t", 0.5, of=WALK)
    wait_until_applied(lab, WALK)
    assert values(lab, WALK)["t"] == pytest.approx(0.5, abs=0.02)
    settle(lab)
    assert changed(before, pixels(strip)) > 0.002, "the mark moves"
    box = strip.bounding_box()
    _, _, side = tile(box, 20, 1, 0)
    y, first, last = box["y"] + side, box["x"] + side / 2, box["x"] + box["width"] - side / 2
    lab.page.mouse.move(first + values(lab, WALK)["t"] * (last - first), y)
    lab.page.mouse.down()
    lab.page.mouse.move(first + 0.8 * (last - first), y, steps=4)
    lab.page.mouse.up()
    wait_until_applied(lab, WALK)
    assert values(lab, WALK)["t"] == pytest.approx(0.8, abs=0.03)
    assert run(lab, "print(walk.t)")[0] == str(values(lab, WALK)["t"])


def test_the_walk_plays_along_its_path(lab):
    run(lab, "walk.clear()")
    wait_for(lab, "e.querySelector('.gl-play').ariaDisabled === 'true'", WALK)  # there is nowhere to go
    run(lab, "walk.pick(3, 17)")
    wait_for(lab, "e.querySelector('.gl-play').ariaDisabled === 'false'", WALK)
    press(lab, "Play", of=WALK)
    wait_for(lab, "JSON.parse(e.dataset.values).t > 0.1", WALK)
    press(lab, "Pause", of=WALK)
    wait_until_applied(lab, WALK)
    t = values(lab, WALK)["t"]
    settle(lab)
    assert 0.1 < t < 1 and values(lab, WALK)["t"] == t and run(lab, "print(walk.t)")[0] == str(t)


def words(lab, of):
    return lab.page.locator(f"{of} .gl-words").inner_text()


def test_cells_are_chosen_by_mouse_and_keys_also_while_another_cell_runs(lab):
    run(lab, "explorer.finish(progress=False)")
    wait_for(lab, "e.dataset.state === 'finished'", EXPLORER)
    heat, curves = canvas(lab, EXPLORER, 0), canvas(lab, EXPLORER, 1)
    settle(lab)
    before = pixels(curves)
    box = heat.bounding_box()
    heat.hover(position={"x": box["width"] * 0.85, "y": box["height"] * 0.25})  # the last of three, the upper of two
    wait_until_applied(lab, EXPLORER)
    said = run(lab, "print(f'{explorer.results.score[0, 1, 2].mean():.3f}')")[0]
    assert f"k = 1, D's rate 0.3, G's rate 1: JSD(p_data ‖ p_g) {said}" in words(lab, EXPLORER)
    settle(lab)
    assert changed(before, pixels(curves)) > 0.003
    lab.page.mouse.move(2, 2)
    kernel = "window.jupyterapp.shell.currentWidget.sessionContext.session.kernel"
    lab.page.evaluate(f"""() => {{
        {kernel}.requestExecute({{ code: "import time; time.sleep(6)", store_history: false }}).done
            .then(() => {{ window.slept = true; }});
    }}""")
    lab.page.wait_for_function(f"() => {kernel}.status === 'busy'")
    heat.focus()
    for key, where in (("ArrowLeft", "D's rate 0.3, G's rate 0.1:"), ("ArrowDown", "D's rate 0.05, G's rate 0.1:")):
        lab.page.keyboard.press(key)
        wait_for(lab, f'e.querySelector(".gl-words").textContent.includes("{where}")', EXPLORER)
    lab.page.locator(f"{EXPLORER} select[data-name=shown]").select_option(label="width of p_g")
    wait_for(lab, 'e.querySelector(".gl-words").textContent.includes("width of p_g")', EXPLORER)
    assert not lab.page.evaluate("window.slept ?? false"), "it waited for the other cell"
    lab.page.wait_for_function("() => window.slept")
    assert run(lab, "print(explorer.D, explorer.G, explorer.shown)")[0] == "0.05 0.1 width"


def test_the_ruler_s_slider_and_its_panel_agree(lab):
    before = pixels(canvas(lab, RULER, 0))
    drag(lab, "sigma", 0.6, of=RULER)
    wait_until_applied(lab, RULER)
    settle(lab)
    said = lab.page.locator(f"{RULER} input[data-name=sigma]").get_attribute("aria-valuetext")
    assert said == f"{values(lab, RULER)['sigma']:.3f}" != "0.175"
    assert f"At σ {said}" in lab.page.locator(RULER).inner_text()
    assert changed(before, pixels(canvas(lab, RULER, 0))) > 0.001
