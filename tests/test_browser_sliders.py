"""`Sliders` in a real JupyterLab in a real Chromium: by keyboard, by mouse, from Python; names, themes, latency."""

from __future__ import annotations

import json

import nbformat
import numpy as np
import pytest

from tests.browser import LabPage
from tests.test_browser_training import changed, pixels, quantiles, run, theme

pytestmark = pytest.mark.browser

SOURCE = [
    """\
import numpy as np
from ganlib import theory
from ganlib.densities import Gaussian
from ganlib.widgets import Heat, Level, Line, Mark, Panel, Picture, Slider, Sliders, show
p, x = Gaussian(0, 1), np.linspace(-6, 6, 400)
means, widths = np.linspace(-4, 4, 33), np.linspace(0.25, 4, 31)
C = np.array([[theory.C(p, Gaussian(m, s), order=4) for m in means] for s in widths])""",
    """\
def draw(mean, width, kind):
    if kind == "broken":
        raise ValueError("this kind is broken")
    q = Gaussian(mean, width)
    value = theory.C(p, q)
    here = Mark(mean, width, f"{value:.3f}", moves=("mean", "width"))
    curves = [Line(x, p.pdf(x), "p_data", "data"), Line(x, q.pdf(x), "p_g", "G", fill=True)]
    curves.append(Line(x, theory.D_star(p, q)(x), "D*", "D", 0.5))
    heat = Heat(C, (-4, 4), (0.25, 4), (-1.3, -1.0, -0.6), "C(G)")
    return Picture(
        [
            Panel("C over mean and width", heat=heat, marks=[here], x_label="mean", y_label="width"),
            Panel("Densities", curves, x=(-6, 6), y=(0, 1), levels=[Level(0.5, "1/2")]),
        ],
        f"C(G) is {value:.3f} nats.",
    )
demo = Sliders(
    draw,
    title="Surface",
    mean=Slider(-4, 4, 2, step=0.1, name="mean of p_g", hint="where the fakes lie", play=4),
    width=(0.25, 4, 0.5, 0.05),
    kind=["whole", "broken"],
)
show(demo)""",
]
ROOT = ".gl-sliders"


@pytest.fixture(scope="module")
def lab(jupyterlab, _chromium):
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    cells = [nbformat.v4.new_code_cell(source) for source in SOURCE]
    notebook = nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": kernel})
    nbformat.write(notebook, jupyterlab.folder / "sliders.ipynb")
    context = _chromium.new_context(viewport={"width": 1280, "height": 950})
    page = context.new_page()
    lab = LabPage(page, jupyterlab)
    lab.open("sliders.ipynb")
    lab.restart_and_run_all()
    assert lab.errors() == []
    page.locator(ROOT).wait_for()
    yield lab
    page.evaluate("() => window.jupyterapp.shell.currentWidget.sessionContext.shutdown()")
    context.close()


@pytest.fixture
def demo(lab):
    """The demo as it began, on screen."""
    root = lab.page.locator(ROOT)
    root.scroll_into_view_if_needed()
    root.get_by_role("button", name="Reset").click()
    wait_for(lab, "JSON.parse(e.dataset.values).mean === 2 && Number(e.dataset.applied) >= Number(e.dataset.asked)")
    lab.page.wait_for_timeout(100)
    return root


def wait_for(lab, condition, timeout=15_000):
    """Wait until the condition on e, the demo's element, holds."""
    lab.page.wait_for_function(
        f"() => {{ const e = document.querySelector('{ROOT}'); return {condition}; }}", timeout=timeout
    )


def values(lab):
    return json.loads(lab.page.locator(ROOT).get_attribute("data-values"))


def test_a_slider_by_keyboard_moves_both_pictures(lab, demo):
    panels = [demo.locator(f".gl-canvas-{i}") for i in (0, 1)]
    before = [pixels(panel) for panel in panels]
    assert all(picture.std() > 5 for picture in before)
    demo.get_by_role("slider", name="mean of p_g").focus()
    for _ in range(5):
        lab.page.keyboard.press("ArrowLeft")
    wait_for(lab, "JSON.parse(e.dataset.values).mean === 1.5")
    lab.page.wait_for_timeout(200)
    moved = [changed(old, pixels(panel)) for old, panel in zip(before, panels)]
    print(f"\nchanged by five keys: {moved[0]:.3f} of the map, {moved[1]:.3f} of the densities")
    assert 0 < moved[0] < 0.1  # the mark alone: the map stays
    assert moved[1] > 0.02
    assert run(lab, "print(demo['mean'])")[0] == "1.5"
    value = float(run(lab, "print(theory.C(p, Gaussian(1.5, 0.5)))")[0])
    assert demo.locator(".gl-words").inner_text() == f"C(G) is −{-value:.3f} nats."


def test_the_map_is_sent_once(lab, demo):
    """Of what has not changed nothing is sent again: its version stays."""
    run(lab, "before = {k: v for k, (v, _) in demo.engine.snapshot(True).arrays.items()}; demo['mean'] = 0.5")
    text, _ = run(lab, "print([k for k, (v, _) in demo.engine.snapshot(True).arrays.items() if v != before[k]])")
    assert text == "['p1.1', 'p1.2']"


def test_a_reset_undoes_a_move_that_was_not_sent_yet(lab, demo):
    """Both in one turn of the page: the move waits for the next frame, the reset does not."""
    lab.page.evaluate(
        """() => {
            const root = document.querySelector(".gl-sliders");
            const input = root.querySelector("input[data-name=mean]");
            input.value = 3;
            input.dispatchEvent(new Event("input"));
            root.querySelector(".gl-reset").click();
        }"""
    )
    lab.page.wait_for_timeout(500)
    assert values(lab)["mean"] == 2
    assert demo.get_by_role("slider", name="mean of p_g").input_value() == "60"


def test_dragging_the_mark_moves_two_sliders(lab, demo):
    canvas = demo.locator(".gl-canvas-0")
    box = canvas.bounding_box()
    lab.page.mouse.move(box["x"] + box["width"] * 0.75, box["y"] + box["height"] * 0.7)
    lab.page.mouse.down()
    lab.page.mouse.move(box["x"] + box["width"] * 0.3, box["y"] + box["height"] * 0.3, steps=8)
    lab.page.mouse.up()
    lab.page.wait_for_timeout(100)
    settled = "Number(e.dataset.applied) >= Number(e.dataset.asked)"
    wait_for(lab, f"JSON.parse(e.dataset.values).mean < -1 && JSON.parse(e.dataset.values).width > 2.5 && {settled}")
    now = values(lab)
    assert float(demo.locator("input[data-name=mean]").input_value()) == pytest.approx(
        (now["mean"] + 4) / 0.1, abs=0.01
    )
    lab.page.mouse.move(box["x"] + box["width"] * 0.6, box["y"] + box["height"] * 0.5)  # let go: nothing moves
    lab.page.wait_for_timeout(200)
    assert values(lab) == now


def test_it_follows_python(lab, demo):
    before = pixels(demo.locator(".gl-canvas-1"))
    run(lab, "demo.set(mean=-3.3, width=1.0)")
    wait_for(lab, "JSON.parse(e.dataset.values).mean === -3.3")
    slider = demo.get_by_role("slider", name="mean of p_g")
    assert slider.input_value() == "7"
    assert slider.get_attribute("aria-valuetext") == "−3.3"
    lab.page.wait_for_timeout(150)
    assert changed(before, pixels(demo.locator(".gl-canvas-1"))) > 0.02
    assert "it must lie in" in run(lab, "demo['mean'] = 99")[0]
    assert values(lab)["mean"] == -3.3


def test_an_error_of_the_function_does_not_end_the_demo(lab, demo):
    choice = demo.get_by_role("combobox", name="kind")
    choice.select_option("broken")
    demo.get_by_role("status").filter(has_text="ValueError: this kind is broken").wait_for()
    assert pixels(demo.locator(".gl-canvas-1")).std() > 5  # the last picture stays
    choice.select_option("whole")
    wait_for(lab, "e.querySelector('.gl-status').textContent === ''")
    demo.get_by_role("slider", name="mean of p_g").press("ArrowRight")
    wait_for(lab, "JSON.parse(e.dataset.values).mean === 2.1")


def test_it_plays_from_end_to_end_and_pauses(lab, demo):
    assert demo.get_attribute("data-playing") == "false"
    assert not demo.get_by_role("button", name="Pause").is_visible()
    demo.get_by_role("button", name="Play").click()
    wait_for(lab, "JSON.parse(e.dataset.values).mean > 2.5")
    demo.get_by_role("button", name="Pause").click()
    lab.page.wait_for_timeout(300)
    at = values(lab)["mean"]
    lab.page.wait_for_timeout(400)
    assert values(lab)["mean"] == at < 4
    demo.locator(".gl-canvas-0").focus()
    lab.page.keyboard.press(" ")
    wait_for(lab, "JSON.parse(e.dataset.values).mean === 4 && e.dataset.playing === 'false'")
    lab.page.keyboard.press(" ")  # from the start again
    wait_for(lab, "JSON.parse(e.dataset.values).mean < 0")
    lab.page.keyboard.press("r")
    wait_for(lab, "JSON.parse(e.dataset.values).mean === 2 && e.dataset.playing === 'false'")


def test_everything_has_a_name(lab, demo):
    for name in ("Play", "Reset"):
        assert demo.get_by_role("button", name=name, exact=True).count() == 1
    for name in ("mean of p_g", "width"):
        assert demo.get_by_role("slider", name=name, exact=True).get_attribute("aria-valuetext")
    assert demo.get_by_role("slider", name="mean of p_g").get_attribute("title") == "where the fakes lie"
    assert demo.get_by_role("combobox", name="kind", exact=True).count() == 1
    assert demo.get_attribute("aria-label") == "Surface"
    wait_for(lab, "e.querySelector('.gl-canvas-1').ariaLabel?.startsWith('Densities. D* 0.500. C(G) is')")
    assert len(demo.get_by_role("img").all()) == 2


def test_words_are_told_at_most_every_two_seconds(lab, demo):
    lab.page.evaluate(
        """() => {
            window.told = [];
            const node = document.querySelector(".gl-sliders .gl-told");
            new MutationObserver(() => window.told.push(performance.now())).observe(node, { childList: true });
        }"""
    )
    demo.get_by_role("slider", name="width").focus()
    for _ in range(40):
        lab.page.keyboard.press("ArrowRight")
        lab.page.wait_for_timeout(100)
    lab.page.wait_for_timeout(2_200)
    told = lab.page.evaluate("() => window.told")
    assert 2 <= len(told) <= 5
    assert min(np.diff(told)) > 1_900
    assert demo.locator(".gl-told").text_content() == demo.locator(".gl-words").text_content()


def test_the_time_from_a_key_to_its_picture(lab, demo):
    demo.get_by_role("slider", name="mean of p_g").focus()
    lab.page.evaluate(
        """() => {
            const root = document.querySelector(".gl-sliders");
            window.times = [];
            let pressed = null;
            root.addEventListener("keydown", () => (pressed = performance.now()), true);
            new MutationObserver(() => {
                if (pressed === null || Number(root.dataset.applied) < Number(root.dataset.asked)) return;
                if (root.dataset.values === window.seen) return;
                window.seen = root.dataset.values;
                const begun = pressed;
                pressed = null;
                requestAnimationFrame(() => setTimeout(() => window.times.push(performance.now() - begun), 0));
            }).observe(root, { attributes: true, attributeFilter: ["data-values"] });
        }"""
    )
    for i in range(30):
        lab.page.keyboard.press("ArrowLeft" if i < 25 else "ArrowRight")
        lab.page.wait_for_function(f"() => window.times.length > {i}", timeout=15_000)
    said, p90 = quantiles(lab.page.evaluate("() => window.times"))
    print(f"\nfrom a key to the picture on the page: {said}")
    assert p90 < 500


def test_frames_while_a_slider_is_dragged(lab, demo):
    """Pictures a second while the slider moves 60 times a second."""
    rate = lab.page.evaluate(
        """() => new Promise(resolve => {
            const root = document.querySelector(".gl-sliders");
            const input = root.querySelector("input[data-name=width]");
            let [frames, place, begun] = [0, 0, performance.now()];
            const observer = new MutationObserver(() => frames++);
            observer.observe(root, { attributes: true, attributeFilter: ["data-values"] });
            const move = () => {
                input.value = place++ % 70;
                input.dispatchEvent(new Event("input"));
                if (performance.now() - begun < 3000) return requestAnimationFrame(move);
                observer.disconnect();
                resolve(frames / 3);
            };
            move();
        })"""
    )
    print(f"\n{rate:.0f} pictures/s while a slider is dragged")
    assert rate > 8


@pytest.mark.parametrize("width", [1280, 700])
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_it_fits_and_follows_the_theme(lab, demo, tmp_path, width, dark):
    page = lab.page
    page.set_viewport_size({"width": width, "height": 950})
    theme(page, dark)
    page.wait_for_timeout(1_500)
    try:
        assert demo.evaluate("e => e.scrollWidth - e.clientWidth") == 0
        assert (pixels(demo.locator(".gl-canvas-1")).mean() < 90) == dark
        page.screenshot(path=tmp_path / f"sliders-{width}-{dark}.png")
    finally:
        page.set_viewport_size({"width": 1280, "height": 950})
        theme(page, False)


# -- in the notebooks -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["02_optimal_discriminator.ipynb", "03_jensen_shannon.ipynb"])
def test_every_control_of_the_theory_notebooks_moves_its_picture(name, page, jupyterlab):
    """After all cells have run, as later cells may have given another meaning to a name that a demo uses."""
    if not (jupyterlab.folder / name).exists():
        pytest.skip(f"notebooks/{name} does not exist yet")
    lab = LabPage(page, jupyterlab)
    lab.open(name)
    lab.restart_and_run_all()
    assert lab.errors() == []
    demos = page.locator(ROOT).all()
    assert demos
    for demo in demos:
        demo.scroll_into_view_if_needed()
        for control in demo.locator("[data-name]").all():
            before = [pixels(canvas) for canvas in demo.locator("canvas").all()]
            control.focus()
            for _ in range(3):
                page.keyboard.press("ArrowRight" if control.get_attribute("type") == "range" else "ArrowDown")
            page.wait_for_timeout(400)
            after = [pixels(canvas) for canvas in demo.locator("canvas").all()]
            moved = max(changed(old, new) for old, new in zip(before, after))
            assert moved > 0.001, f"{demo.get_attribute('aria-label')}: {control.get_attribute('data-name')}"
        assert demo.locator(".gl-status").text_content() == ""
    page.evaluate("() => window.jupyterapp.shell.currentWidget.sessionContext.shutdown()")
