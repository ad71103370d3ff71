"""The live toy on a page: what needs its picture. Frames a second, p_data drawn by mouse and by keys, a preset.

Measured figures are printed; what is asserted of them is loose, as machines are noisy.
"""

from __future__ import annotations

import numpy as np
import pytest

from ganlib.studies.phenomena import PRESETS
from tests.browser import (
    DEMO,
    changed,
    draw_a_hill,
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

SOURCE = ["from ganlib.widgets import LiveToy, show", "toy = LiveToy(opening='a')\nshow(toy)"]


@pytest.fixture(scope="module")
def lab(jupyterlab, _chromium):
    with opened(_chromium, jupyterlab, "toy.ipynb", SOURCE, viewport={"width": 1366, "height": 768}) as lab:
        wait_for(lab, "Number(e?.dataset.frames) > 0")
        yield lab


def curves(lab):
    return lab.page.locator(f"{DEMO} .gl-canvas-0")


def change(lab, before, least=0.0, most=1.0):
    """How much the curves have changed, as soon as that lies in a range: a page draws when it comes to it."""
    for _ in range(20):
        lab.page.wait_for_timeout(150)
        if least <= (found := changed(before, pixels(curves(lab)))) <= most:
            break
    return found


def play_a(lab):
    """The game at the end of panel (a), played anew."""
    press(lab, "Reset")
    wait_for(lab, "e.dataset.state === 'idle'")
    press(lab, PRESETS["a"].title)
    wait_for(lab, "e.querySelector('.gl-a').ariaPressed === 'true' && e.dataset.state === 'paused'", timeout=60_000)


def draw_it_yourself(lab):
    lab.page.locator(DEMO).get_by_role("combobox", name="p_data", exact=True).select_option(label="draw it yourself")
    wait_until_applied(lab)
    wait_for(lab, "JSON.parse(e.dataset.values).p_data === 'drawn'")


def test_it_opens_on_panel_a_and_fits_the_screen(lab):
    demo = lab.page.locator(DEMO)
    demo.scroll_into_view_if_needed()
    assert told(lab, "state") == "paused"
    a = demo.get_by_role("button", name=PRESETS["a"].title, exact=True)
    assert a.get_attribute("aria-pressed") == "true"
    for colour in ((0, 158, 115), (0, 114, 178)):  # p_g and D
        assert (np.abs(pixels(curves(lab)) - colour).max(2) < 12).sum() > 100
    tops = [demo.get_by_role("button", name="Play", exact=True)]
    ends = [demo.get_by_role("slider", name=name, exact=True) for name in ("k", "Rate of D", "Rate of G", "Speed")]
    height = max(one.bounding_box()["y"] + one.bounding_box()["height"] for one in ends) - tops[0].bounding_box()["y"]
    print(f"\nfrom the buttons to the last of the sliders: {height:.0f} pixels")
    assert height < 768 - 115  # above are the menu, the tabs and the toolbar, below the status bar


def test_frames_a_second_while_it_plays(lab):
    before = pixels(curves(lab))
    press(lab, "Reset", "Play")
    wait_for(lab, "e.dataset.state === 'running'")
    lab.page.wait_for_timeout(500)
    frames = int(told(lab, "frames"))
    lab.page.wait_for_timeout(3_000)
    rate = (int(told(lab, "frames")) - frames) / 3
    press(lab, "Stop")
    print(f"\n{rate:.1f} frames/s, {float(run(lab, 'print(toy.toys.step)')[0]) / 3.5:.0f} iterations/s")
    assert rate > 5
    assert changed(before, pixels(curves(lab))) > 0.003


def test_drawing_the_data_with_the_mouse_while_it_plays(lab):
    draw_it_yourself(lab)
    before = pixels(curves(lab))
    press(lab, "Play")
    draw_a_hill(lab, curves(lab))
    press(lab, "Pause")
    wait_until_applied(lab)
    run(lab, "import numpy as np; h = np.array(toy.heights); x = np.linspace(-5, 5, len(h))")
    higher = "h[(x > 2) & (x < 4)].max() > 2 * h[(x > 4.6) | (x < -4.6)].max()"
    assert run(lab, f"print({higher}, toy.state)")[0] == "True paused"
    same = "p = toy.toys.p_data.pdf(x); print(bool(abs(p / p.sum() - h / h.sum()).max() < 1e-6))"
    assert run(lab, same)[0] == "True"
    assert changed(before, pixels(curves(lab))) > 0.01


def test_drawing_the_data_with_the_keyboard(lab):
    draw_it_yourself(lab)
    code = "print(float(toy.toys.p_data.pdf(3.75)))"
    before = float(run(lab, code)[0])
    curves(lab).focus()
    for key, times in (("Shift+ArrowLeft", 17), ("Shift+ArrowRight", 14)):  # in steps of 5 points of 81
        for _ in range(times):
            lab.page.keyboard.press(key)
    for _ in range(4):
        lab.page.keyboard.press("ArrowUp")
        wait_until_applied(lab)
    assert float(run(lab, code)[0]) > before + 0.05


def test_a_preset_by_click_and_the_keys_on_the_picture(lab):
    press(lab, PRESETS["b"].title)
    wait_for(lab, "e.querySelector('.gl-b').ariaPressed === 'true' && e.dataset.state === 'paused'", timeout=60_000)
    demo = lab.page.locator(DEMO)
    demo.get_by_text(PRESETS["b"].see).wait_for()
    b = demo.get_by_role("button", name=PRESETS["b"].title, exact=True)
    assert b.get_attribute("aria-pressed") == "true"
    curves(lab).focus()
    moves = int(run(lab, "print(toy.engine.moves)")[0])
    for key in "dgs":
        lab.page.keyboard.press(key)
        wait_until_applied(lab)
    assert run(lab, "print(toy.engine.moves)")[0] == str(moves + 4)
    assert values(lab)["k"] == 1


def test_the_curves_are_read_by_mouse_and_by_keyboard(lab):
    play_a(lab)
    lab.page.mouse.move(5, 5)
    lab.page.wait_for_timeout(200)
    before, box = pixels(curves(lab)), curves(lab).bounding_box()
    lab.page.mouse.move(box["x"] + 0.6 * box["width"], box["y"] + 0.5 * box["height"])
    assert change(lab, before, least=0.004) > 0.004  # a line, and numbers beside it
    lab.page.mouse.move(5, 5)
    assert change(lab, before, most=0.0) == 0
    curves(lab).focus()
    for _ in range(10):
        lab.page.keyboard.press("ArrowRight")
    told_there = lab.page.locator(f"{DEMO} .gl-told").filter(has_text="At x = 0.996: p_g")
    told_there.wait_for(timeout=8_000)
    own = "e = toy.engine._scene; print(round(float(np.interp(0.996, np.linspace(-4.979, 4.979, 240), e.D)), 2))"
    D = run(lab, f"import numpy as np; {own}")[0]
    assert f"D {D}" in told_there.inner_text()
    lab.page.keyboard.press("Escape")
    curves(lab).blur()
    assert change(lab, before, most=0.0) == 0


def test_an_earlier_moment_by_dragging_along_a_chart_and_undo_by_key(lab):
    demo, chart = lab.page.locator(DEMO), lab.page.locator(f"{DEMO} .gl-canvas-3")
    play_a(lab)
    before, nets = pixels(curves(lab)), "print(float(sum(p.detach().sum() for p in toy.toys.G.parameters())))"
    was, box = run(lab, nets)[0], chart.bounding_box()
    lab.page.mouse.move(box["x"] + 0.9 * box["width"], box["y"] + 0.5 * box["height"])
    lab.page.mouse.down()
    for share in (0.7, 0.5, 0.3):
        lab.page.mouse.move(box["x"] + share * box["width"], box["y"] + 0.5 * box["height"])
    lab.page.mouse.up()
    wait_until_applied(lab)
    demo.get_by_text("You look back at move").wait_for()
    assert change(lab, before, least=0.01) > 0.01
    there = values(lab)["moment"]
    assert 10 < there < 80
    assert run(lab, nets)[0] == was
    chart.focus()
    lab.page.keyboard.press("Shift+ArrowRight")
    wait_until_applied(lab)
    assert values(lab)["moment"] > there
    lab.page.keyboard.press("Escape")
    wait_until_applied(lab)
    assert values(lab)["moment"] is None
    lab.page.keyboard.press("Shift+ArrowLeft")
    wait_until_applied(lab)
    press(lab, "Go on from here")
    wait_until_applied(lab)
    assert int(run(lab, "print(toy.engine.moves)")[0]) < 160
    lab.page.keyboard.press("u")  # the chart has the focus no longer
    curves(lab).focus()
    lab.page.keyboard.press("u")
    wait_until_applied(lab)
    wait_for(lab, "e.dataset.state === 'paused'")
    assert run(lab, "print(toy.engine.moves)")[0] == "160"
    assert run(lab, nets)[0] == was
