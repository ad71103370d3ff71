"""`Explorer` in a real JupyterLab in a real Chromium: tabs, cells, sliders, by keyboard and mouse."""

from __future__ import annotations

import itertools
import json

import pytest

from tests import browser
from tests.browser import changed, opened, pixels, quantiles, run, theme, write_notebook

pytestmark = pytest.mark.browser

SOURCE = """\
from ganlib.densities import Gaussian
from ganlib.studies.sweeps import load_results, seeds_mean
from ganlib.recipes import TOY
from ganlib.studies.sweeps import ToySweep
from ganlib.widgets import Explorer, show
rates = (0.003, 0.1, 3.0)
sweep = ToySweep(TOY, Gaussian(0, 1), ks=(1, 5), lrs_D=rates, lrs_G=rates, seeds=(0, 1), updates=1_200, records=20)
explorer = Explorer(sweep, load_results())
show(explorer)"""
ROOT = ".gl-explorer"


@pytest.fixture(scope="module")
def lab(jupyterlab, _chromium):
    write_notebook(jupyterlab, "explorer.ipynb", [SOURCE])
    with opened(_chromium, jupyterlab, "explorer.ipynb") as lab:
        lab.page.locator(ROOT).wait_for()
        yield lab


@pytest.fixture
def demo(lab):
    """The explorer on its first tab, all looks as at first, the toys trained to their end."""
    root = lab.page.locator(ROOT)
    root.scroll_into_view_if_needed()
    root.get_by_role("tab", name="Toy").click()
    run(lab, "explorer.finish(progress=False)")
    wait_for(lab, "e.dataset.state === 'finished'")
    root.locator("select[data-name=plane]").select_option("DG")
    root.locator("select[data-name=shown]").select_option("JSD")
    for name, key in (("slice", "Home"), ("seed", "Home"), ("record", "End")):
        root.locator(f"input[data-name={name}]").press(key)
    hover(lab, 1, 1)
    return root


def told(lab, name):
    return browser.told(lab, name, ROOT)


def wait_for(lab, condition, timeout=30_000):
    browser.wait_for(lab, condition, ROOT, timeout)


def heat(lab):
    return lab.page.locator(f"{ROOT} .gl-canvas-heat")


def charts(lab):
    return lab.page.locator(f"{ROOT} .gl-canvas-charts")


def hover(lab, row, column, rows=3, columns=3):
    """Move the mouse to the middle of a cell; the margins are the script's."""
    box = heat(lab).bounding_box()
    wide, high = (box["width"] - 116) / columns, (box["height"] - 66) / rows
    x, y = box["x"] + 58 + (column + 0.5) * wide, box["y"] + box["height"] - 40 - (row + 0.5) * high
    lab.page.mouse.move(x, y)
    wait_for(lab, f"e.dataset.cell.endsWith(',{row},{column}')")
    lab.page.wait_for_timeout(100)  # a frame


def words(lab):
    return lab.page.locator(f"{ROOT} .gl-words").inner_text()


def test_it_waits_then_trains_shows_it_and_stops(lab):
    run(lab, "explorer.reset()")
    wait_for(lab, "e.dataset.state === 'idle'")
    root = lab.page.locator(ROOT)
    empty = pixels(heat(lab))
    root.get_by_role("button", name="Start").click()
    wait_for(lab, "e.dataset.state === 'running' && Number(e.querySelector('.gl-done').textContent) > 15")
    lab.page.wait_for_timeout(500)
    assert changed(empty, pixels(heat(lab))) > 0.2, "the heatmap fills while it trains"
    times = []
    for i in range(8):
        text, ms = run(lab, f"print({i} + 1, explorer.engine.running)")
        assert text == f"{i + 1} True"
        times.append(ms)
    said, p90 = quantiles(times)
    print(f"\nanother cell while the sweep trains: {said}")
    assert p90 < 2_000
    root.get_by_role("button", name="Stop").click()
    wait_for(lab, "e.dataset.state === 'paused'")
    done = run(lab, "print(sweep.done)")[0]
    lab.page.wait_for_timeout(400)
    assert run(lab, "print(sweep.done)")[0] == done, "it stands still"
    heat(lab).press(" ")
    wait_for(lab, "e.dataset.state === 'running'")
    wait_for(lab, "e.dataset.state === 'finished'", 90_000)
    assert root.get_by_role("button", name="Start").get_attribute("aria-disabled") == "true"
    heat(lab).press("r")
    wait_for(lab, "e.dataset.state === 'idle'")
    lab.page.wait_for_timeout(300)
    assert changed(empty, pixels(heat(lab))) < 0.02, "back to the start"


def test_arrow_keys_move_the_cell_and_change_the_charts(lab, demo):
    before = pixels(charts(lab))
    heat(lab).focus()
    for key, cell in (("ArrowUp", "0,2,1"), ("ArrowRight", "0,2,2"), ("ArrowRight", "0,2,2"), ("ArrowDown", "0,1,2")):
        lab.page.keyboard.press(key)
        wait_for(lab, f"e.dataset.cell === '{cell}'")
    lab.page.wait_for_timeout(100)
    assert changed(before, pixels(charts(lab))) > 0.005
    assert "k = 1, D's rate 0.1, G's rate 3:" in words(lab)
    outline = heat(lab).evaluate("e => e.matches(':focus-visible') && getComputedStyle(e).outlineStyle")
    assert outline == "solid", "the focus can be seen"


def test_hovering_chooses_a_cell_and_its_words_are_python_s_numbers(lab, demo):
    first = pixels(charts(lab))
    hover(lab, 2, 0)
    assert changed(first, pixels(charts(lab))) > 0.005
    for k, row, column in ((0, 2, 0), (0, 0, 2), (0, 1, 1)):
        hover(lab, row, column)
        code = f"r = explorer.results(); s = r.score[{k}, {row}, {column}]; print(f'{{seeds_mean(s):.3f}}')"
        assert f") {run(lab, code)[0]}" in words(lab)
    assert lab.page.locator(f"{ROOT} .gl-code").inner_text() == 'LiveToy("gaussian", k=1, lr_D=0.1, lr_G=0.1, seed=0)'
    hover(lab, 2, 2)
    assert "Toys(TOY, p_data, k=1, lr_D=3, lr_G=3, seeds=0)" in lab.page.locator(f"{ROOT} .gl-code").inner_text()


@pytest.mark.parametrize("name", ["slice", "seed", "record"])
def test_each_slider_changes_the_heatmap(lab, demo, name):
    before = pixels(heat(lab))
    slider = demo.locator(f"input[data-name={name}]")
    slider.press({"slice": "ArrowRight", "seed": "End", "record": "Home"}[name])
    lab.page.wait_for_timeout(150)
    assert changed(before, pixels(heat(lab))) > 0.02
    assert slider.get_attribute("aria-valuetext") == {"slice": "5", "seed": "seed 1", "record": "60 updates"}[name]


def test_colours_and_axes_are_choices(lab, demo):
    before = pixels(heat(lab))
    for name, value in (("shown", "gap"), ("shown", "width"), ("plane", "kD"), ("plane", "kG")):
        demo.locator(f"select[data-name={name}]").select_option(value)
        lab.page.wait_for_timeout(150)
        after = pixels(heat(lab))
        assert changed(before, after) > 0.02, (name, value)
        before = after
    assert demo.locator("input[data-name=slice]").get_attribute("aria-label") == "D's rate"
    heat(lab).focus()
    lab.page.keyboard.press("ArrowUp")  # k is an axis now
    wait_for(lab, "e.dataset.cell === '1,1,1'")


def test_tabs_by_keyboard(lab, demo):
    toy, mnist = demo.get_by_role("tab", name="Toy"), demo.get_by_role("tab", name="MNIST")
    assert toy.get_attribute("aria-selected") == "true" and mnist.get_attribute("tabindex") == "-1"
    before = pixels(heat(lab))
    toy.focus()
    lab.page.keyboard.press("ArrowRight")
    wait_for(lab, "e.dataset.tab === 'mnist' && e.dataset.state === 'precomputed'")
    assert mnist.get_attribute("aria-selected") == "true"
    assert lab.page.evaluate("document.activeElement.textContent") == "MNIST"
    panel = demo.get_by_role("tabpanel")
    assert panel.get_attribute("aria-labelledby") == mnist.get_attribute("id")
    assert mnist.get_attribute("aria-controls") == panel.get_attribute("id")
    lab.page.wait_for_timeout(150)
    assert changed(before, pixels(heat(lab))) > 0.1
    assert "Precomputed, not trained here: 72 runs" in demo.locator(".gl-note").inner_text()
    assert demo.get_by_role("button", name="Start").get_attribute("aria-disabled") == "true"
    hover(lab, 3, 0, rows=4)
    assert "2 of 2 diverged" in words(lab)
    mnist.focus()
    lab.page.keyboard.press("Home")
    wait_for(lab, "e.dataset.tab === 'toy'")


def test_everything_has_a_name_and_says_what_it_shows(lab, demo):
    nameless = demo.evaluate(
        """root => [...root.querySelectorAll("button, input, select, canvas, [role]")]
            .filter(e => !(e.getAttribute("aria-label") || e.getAttribute("aria-labelledby") || e.textContent.trim()))
            .filter(e => !e.classList.contains("gl-status")).map(e => e.outerHTML)"""
    )
    assert nameless == []
    hover(lab, 0, 2)
    lab.page.wait_for_timeout(2_300)
    said = heat(lab).get_attribute("aria-label")
    assert "Heatmap of JSD" in said and "Rows: D's rate; columns: G's rate; k 1" in said and "G's rate 3" in said
    assert demo.locator("[aria-live=polite]").inner_text() == words(lab)
    lab.page.evaluate(
        """root => { window.changes = []; new MutationObserver(() => window.changes.push(performance.now()))
            .observe(document.querySelector(root + " .gl-told"), { childList: true, subtree: true }); }""",
        ROOT,
    )
    heat(lab).focus()
    for key in ["ArrowUp", "ArrowLeft", "ArrowDown", "ArrowRight"] * 4:
        lab.page.keyboard.press(key)
        lab.page.wait_for_timeout(250)
    lab.page.wait_for_timeout(2_200)
    times = lab.page.evaluate("window.changes")
    gaps = [b - a for a, b in itertools.pairwise(times)]
    print(f"\n{len(times)} changes of the live region, at least {min(gaps):.0f} ms apart")
    assert min(gaps) > 1_900


def test_the_time_from_a_key_to_the_other_cell(lab, demo):
    times = lab.page.evaluate(
        """async root => {
            const canvas = document.querySelector(root + " .gl-canvas-heat"), times = [];
            const frame = () => new Promise(done => requestAnimationFrame(done));
            canvas.focus();
            for (let i = 0; i < 20; i++) {
                const begun = performance.now();
                const key = i % 2 ? "ArrowUp" : "ArrowDown";
                canvas.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true }));
                await frame(); await frame();
                times.push(performance.now() - begun);
            }
            return times;
        }""",
        ROOT,
    )
    said, p90 = quantiles(times)
    print(f"\nfrom an arrow key to the drawn cell: {said}")
    assert p90 < 250


def test_dark_theme(lab, demo):
    light = pixels(heat(lab))
    try:
        theme(lab.page, dark=True)
        lab.page.wait_for_timeout(1_300)
        dark = pixels(heat(lab))
        assert light[2, -3].min() > 200 and dark[2, -3].max() < 60, "the paper around the cells"
    finally:
        theme(lab.page, dark=False)
        lab.page.wait_for_timeout(1_300)


def test_json_of_the_look_is_whole(lab, demo):
    look = json.loads(told(lab, "look"))
    assert look == {"shown": "JSD", "plane": "DG", "k": 0, "D": 1, "G": 1, "seed": -1, "record": 19}
