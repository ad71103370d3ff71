"""A guess and the two games on a page, by mouse and by keys: an option, a sketch, a judgement, a piece of p_g."""

from __future__ import annotations

import numpy as np
import pytest

from tests.browser import DEMO, opened, press, run, values, wait_for, wait_until_applied

pytestmark = pytest.mark.browser

SOURCES = [
    "from ganlib import MNIST, Trainer, load\nfrom ganlib.widgets import *\n"
    "choice = Guess('Where to? ' * 12, ['to 0', 'to -log 4'], answer='to 0', because='They are apart.')\nshow(choice)",
    "sketch = Guess('Sketch.', panel=Panel(x=(0, 1), y=(-1, 1)), truth=([0, 1], [0, 1]))\nshow(sketch)",
    "generator = BeTheGenerator()\nshow(generator)",
    "data = load('synthetic')\nplay = BeTheDiscriminator(Trainer(MNIST.at('smoke'), data), data)\nshow(play)",
]
CHOICE, SKETCH = f"{DEMO}:has(.gl-option_1)", f"{DEMO}:has(.gl-reveal):has(canvas)"
GENERATOR, PLAY = f"{DEMO}:has(.gl-hold)", f"{DEMO}:has(.gl-say_1)"


@pytest.fixture(scope="module")
def lab(jupyterlab, _chromium):
    demos = (CHOICE, SKETCH, GENERATOR, PLAY)
    with opened(_chromium, jupyterlab, "guess.ipynb", SOURCES, demos, viewport={"width": 1280, "height": 950}) as lab:
        yield lab


def canvas(lab, of):
    found = lab.page.locator(f"{of} .gl-canvas-0")
    found.scroll_into_view_if_needed()
    return found


def test_an_option_is_picked_and_the_right_one_is_marked(lab):
    demo = lab.page.locator(CHOICE)
    assert demo.locator("canvas").count() == 0 and demo.bounding_box()["height"] < 260
    press(lab, "Show what happens", of=CHOICE)  # off: nothing happens
    press(lab, "to −log 4", of=CHOICE)
    wait_for(lab, "e.dataset.state === 'guessed'", CHOICE)
    assert "apart" not in demo.inner_text()
    press(lab, "Show what happens", of=CHOICE)
    wait_for(lab, "e.dataset.state === 'shown' && e.innerText.includes('They are apart.')", CHOICE)
    assert demo.get_by_role("button", name="✓ to 0", exact=True).count() == 1
    option = [demo.locator(f".gl-option_{i}") for i in (1, 2)]
    assert [one.get_attribute("aria-disabled") for one in option] == ["false", "true"]
    assert [one.get_attribute("aria-pressed") for one in option] == ["false", "true"]
    press(lab, "Guess again", of=CHOICE)
    wait_for(lab, "e.dataset.state === 'idle'", CHOICE)


def test_a_sketch_by_mouse_lies_where_the_mouse_was(lab):
    box = canvas(lab, SKETCH).bounding_box()
    left, right, top, bottom = box["x"] + 54, box["x"] + box["width"] - 12, box["y"] + 9, box["y"] + box["height"] - 34
    middle = (left + right) / 2
    lab.page.mouse.move(middle, bottom - 10)
    lab.page.mouse.down()
    for share in np.linspace(0, 1, 12):
        lab.page.mouse.move(middle + share * (right - middle), bottom - 10)
    lab.page.mouse.up()
    wait_until_applied(lab, SKETCH)
    half, low = run(lab, "x, y = sketch.made; print((y == y).mean(), min(y[60:]))")[0].split()
    assert 0.45 < float(half) < 0.6 and -1 <= float(low) < -0.7, "the half that was drawn, below 0"
    assert top < bottom


def test_a_sketch_by_keys_and_what_happens_on_enter(lab):
    canvas(lab, SKETCH).focus()
    lab.page.keyboard.press("r")
    wait_for(lab, "e.dataset.state === 'idle'", SKETCH)
    for key in ["ArrowLeft"] * 5 + ["ArrowUp"] * 5:
        lab.page.keyboard.press(key)
    wait_until_applied(lab, SKETCH)
    wait_for(lab, "e.dataset.state === 'guessed'", SKETCH)
    at, high, end = map(float, run(lab, "x, y = sketch.made; print(x[y.argmax()], y.max(), y[0])")[0].split())
    assert at == pytest.approx(1 - 5 / 80), "from where the mouse was"
    assert 0.2 < high < 0.5 and abs(end) < 0.05
    lab.page.keyboard.press("Enter")
    wait_for(lab, "e.dataset.state === 'shown'", SKETCH)
    assert lab.page.locator(SKETCH).get_by_text("what happens", exact=True).count() == 1


def test_the_generators_pieces_by_mouse_and_by_keys(lab):
    box = canvas(lab, GENERATOR).bounding_box()
    left, right, bottom = box["x"] + 54, box["x"] + box["width"] - 50, box["y"] + box["height"] - 34
    lane = (bottom - box["y"] - 9) * 0.055 / (0.055 * 6 + 1.05)
    place = [left + (x + 4.4) / 8.8 * (right - left) for x in (0.6, 2.0)]  # piece 5 stands in the lowest lane
    lab.page.mouse.move(place[0], bottom - lane)
    lab.page.mouse.down()
    for share in np.linspace(0, 1, 6):
        lab.page.mouse.move(place[0] + share * (place[1] - place[0]), bottom - lane)
    lab.page.mouse.up()
    wait_until_applied(lab, GENERATOR)
    assert values(lab, GENERATOR)["x_5"] == pytest.approx(2, abs=0.11)
    canvas(lab, GENERATOR).focus()
    lab.page.keyboard.press("2")
    wait_until_applied(lab, GENERATOR)
    for key in ("ArrowLeft", "ArrowLeft", "h"):
        lab.page.keyboard.press(key)
    wait_until_applied(lab, GENERATOR)
    wait_for(lab, "e.innerText.includes('D is held')", GENERATOR)
    assert values(lab, GENERATOR)["x_2"] == pytest.approx(-0.4)


def test_the_discriminator_judges_by_button_and_by_keys(lab):
    press(lab, "surely real: 0.99", of=PLAY)
    canvas(lab, PLAY).focus()
    for key in ("1", "3", "Backspace"):
        lab.page.keyboard.press(key)
    wait_until_applied(lab, PLAY)
    assert run(lab, "print(play.engine.answers)")[0] == "[0.99, 0.01]"
    wait_for(lab, "e.innerText.includes('Picture 3 of 20') && e.innerText.includes('2 of 20')", PLAY)
