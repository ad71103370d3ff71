"""The live toy in a real JupyterLab in a real Chromium: frames a second, latency, every control, drawing, presets.

What is done here to a `lab` (a notebook with a toy in it) works on any JupyterLab; see `opened` in tests/browser.py.
Measured figures are printed; what is asserted of them is loose, as machines are noisy.
"""

from __future__ import annotations

import numpy as np
import pytest

from ganlib.widgets.toy_presets import PRESETS
from tests.browser import (
    changed,
    drag,
    hide,
    key_times,
    opened,
    pixels,
    press,
    quantiles,
    run,
    serve,
    settings,
    theme,
    told,
    wait_for,
    wait_until_applied,
    write_notebook,
)

pytestmark = pytest.mark.browser

NAME = "toy.ipynb"
SOURCE = ["from ganlib.widgets import LiveToy, show", "toy = LiveToy(seed=3)\nshow(toy)"]
NO_SUBSHELLS = {"@jupyterlab/apputils-extension/kernels-settings": {"commsOverSubshells": "disabled"}}
BUTTONS = (
    "Play",
    "Pause",
    "One D step",
    "One G step",
    "One iteration",
    "D to its optimum",
    "Stop",
    "Reset",
    "Defaults",
)
SLIDERS = {
    "k": "k",
    "lr_D": "Rate of D",
    "lr_G": "Rate of G",
    "momentum": "Momentum μ",
    "batch": "Batch m",
    "speed": "Speed",
}
CHOICES = {
    "p_data": ("p_data", "bimodal"),
    "p_z": ("Prior on z", "normal"),
    "generator_cost": ("Cost of G", "minimax"),
    "units": ("Units of G", "sigmoid"),
    "update": ("Who moves when", "simultaneous"),
}


@pytest.fixture(scope="module")
def lab(jupyterlab, _chromium):
    write_notebook(jupyterlab, NAME, SOURCE)
    with opened(_chromium, jupyterlab, NAME) as lab:
        lab.page.locator(".gl-toy").wait_for()
        yield lab


@pytest.fixture
def demo(lab):
    """The toy at its start, on screen."""
    return at_the_start(lab)


def at_the_start(lab):
    root = lab.page.locator(".gl-toy")
    root.scroll_into_view_if_needed()
    press(lab, "Stop", "Defaults", "Reset")
    wait_until_applied(lab)
    wait_for(lab, "e.dataset.step === '0' && e.dataset.state === 'idle' && Number(e.dataset.frames) > 0")
    return root


def main(lab):
    return lab.page.locator(".gl-toy .gl-canvas-main")


def charts(lab):
    return lab.page.locator(".gl-toy .gl-canvas-charts")


def settle(lab, ms=250):
    """Wait until what was asked for has been carried out and drawn."""
    wait_until_applied(lab)
    lab.page.wait_for_timeout(ms)


def frames_a_second(lab, seconds=5.0):
    """Frames and iterations a second while it trains at full speed."""
    press(lab, "Play")
    wait_for(lab, "e.dataset.state === 'running' && Number(e.dataset.step) > 20")
    begun = [int(told(lab, name)) for name in ("frames", "step")]
    lab.page.wait_for_timeout(seconds * 1_000)
    rates = [(int(told(lab, name)) - start) / seconds for name, start in zip(("frames", "step"), begun)]
    press(lab, "Stop")
    return rates


def check_that_it_plays(lab):
    """Play, a control while it trains by page and by Python, stop: what must work on every JupyterLab and kernel."""
    at_the_start(lab)
    press(lab, "Play")
    wait_for(lab, "e.dataset.state === 'running' && Number(e.dataset.step) > 20")
    said, p90 = quantiles(key_times(lab, 40))
    assert run(lab, "print(toy.k == int(toy.toys.k[0]), toy.state)")[0] == "True running"
    run(lab, "toy.lr_G = 0.02")
    wait_for(lab, "JSON.parse(e.dataset.settings).lr_G === 0.02")
    drag(lab, "momentum", 0.5)
    wait_until_applied(lab)
    assert run(lab, f"print(toy.momentum == {settings(lab)['momentum']})")[0] == "True"
    press(lab, "Stop")
    wait_for(lab, "e.dataset.state === 'stopped'")
    assert_still(lab)
    return said, p90


def assert_still(lab):
    """Nothing moves any more, on the page and in the kernel."""
    at = told(lab, "moves")
    lab.page.wait_for_timeout(600)
    assert told(lab, "moves") == at
    assert run(lab, "print(toy.engine.moves)")[0] == at


def test_it_shows_the_start_and_waits(lab, demo):
    assert told(lab, "state") == "idle"
    assert pixels(main(lab)).std() > 10
    assert pixels(charts(lab)).std() > 3
    green = np.abs(pixels(main(lab)) - (0, 158, 115)).max(2) < 12
    blue = np.abs(pixels(main(lab)) - (0, 114, 178)).max(2) < 12
    assert green.sum() > 200
    assert blue.sum() > 200


def test_frames_a_second_while_it_trains(lab, demo):
    before = pixels(main(lab)), pixels(charts(lab))
    frames, iterations = frames_a_second(lab)
    print(f"\n{frames:.1f} frames/s, {iterations:.0f} iterations/s")
    assert frames >= 12
    for was, canvas in zip(before, (main(lab), charts(lab))):
        assert changed(was, pixels(canvas)) > 0.003


@pytest.mark.parametrize("subshells", [True, False], ids=["subshells", "no-subshells"])
def test_it_plays_with_subshells_and_without(lab, _chromium, tmp_path_factory, subshells):
    def check(lab):
        run(lab, "import threading; here = threading.get_ident(); heard = set()")
        run(lab, "toy.on_msg(lambda *_: heard.add(threading.get_ident() == here))")
        said, p90 = check_that_it_plays(lab)
        print(f"\nfrom a key to the applied value on the page: {said}")
        assert p90 < 1_500
        assert (run(lab, "print(False in heard)")[0] == "True") == subshells

    if subshells:
        check(lab)
        return
    scratch = tmp_path_factory.mktemp("no-subshells")
    (scratch / "source").mkdir()
    with serve(scratch / "source", scratch, NO_SUBSHELLS) as server:
        write_notebook(server, NAME, SOURCE)
        with opened(_chromium, server, NAME) as own:
            check(own)


def test_the_buttons(lab, demo):
    press(lab, "One D step")
    wait_for(lab, "e.dataset.moves === '1' && e.dataset.moved === 'D' && e.dataset.state === 'paused'")
    press(lab, "One G step")
    wait_for(lab, "e.dataset.moves === '2' && e.dataset.moved === 'G'")
    press(lab, "One iteration")
    wait_for(lab, "e.dataset.step === '1'")
    press(lab, "Play")
    wait_for(lab, "Number(e.dataset.step) > 20")
    press(lab, "Pause")
    wait_for(lab, "e.dataset.state === 'paused'")
    assert_still(lab)
    before = pixels(main(lab))
    press(lab, "D to its optimum")
    wait_for(lab, "e.dataset.state === 'paused' && e.dataset.moved === 'D to its optimum'", timeout=40_000)
    assert float(run(lab, "print(toy.engine.measured.gap)")[0]) < 0.03
    settle(lab)
    assert changed(before, pixels(main(lab))) > 0.002
    demo.get_by_label("Seed that reset goes back to").fill("5")
    press(lab, "Reset")
    wait_for(lab, "e.dataset.step === '0' && e.dataset.state === 'idle'")
    assert run(lab, "print(toy.seed, toy.toys.seeds)")[0] == "5 [5]"
    demo.get_by_label("Seed that reset goes back to").fill("3")


def test_D_on_its_way_to_the_optimum_stops(lab, demo):
    press(lab, "D to its optimum")
    wait_for(lab, "e.dataset.state !== 'idle'")  # the page knows, and its Stop is on
    press(lab, "Stop")
    wait_for(lab, "e.dataset.state === 'stopped'")
    assert_still(lab)


@pytest.mark.parametrize("name", SLIDERS)
def test_a_slider_changes_the_game_by_mouse_and_by_keyboard(lab, demo, name):
    before, still = pixels(charts(lab)), pixels(main(lab))
    drag(lab, name, 0.75)
    settle(lab)
    value = settings(lab)[name]
    assert run(lab, f"print(toy.{name} == {value!r})")[0] == "True"
    if name != "speed":
        assert run(lab, f"print(abs(float(toy.toys.{name}) - {value}) < 1e-6)")[0] == "True"
    if name != "speed":
        assert changed(before, pixels(charts(lab))) > 0.0001  # the mark where it was changed
    assert changed(still, pixels(main(lab))) == 0  # it rests
    press(lab, "Play")
    wait_for(lab, "Number(e.dataset.moves) > 2")
    demo.get_by_role("slider", name=SLIDERS[name], exact=True).focus()
    lab.page.keyboard.press("Home")
    least = {"k": 0, "lr_D": 0, "lr_G": 0, "momentum": 0, "batch": 8, "speed": 1}[name]
    wait_for(lab, f"JSON.parse(e.dataset.settings).{name} === {least}")
    lab.page.keyboard.press("End")
    most = {"k": 20, "lr_D": 1, "lr_G": 1, "momentum": 0.95, "batch": 512, "speed": "full"}[name]
    wait_for(lab, f"JSON.parse(e.dataset.settings).{name} === {most!r}")
    assert run(lab, f"print(toy.{name} == {most!r})")[0] == "True"


@pytest.mark.parametrize("name", CHOICES)
def test_a_choice_changes_the_game_and_what_it_should(lab, demo, name):
    title, value = CHOICES[name]
    before = pixels(main(lab)), pixels(charts(lab))
    demo.get_by_role("combobox", name=title, exact=True).select_option(value)
    settle(lab, 600)
    assert settings(lab)[name] == value
    assert run(lab, f"print(toy.{name})")[0] == value
    seen = changed(before[0], pixels(main(lab))) > 0.002
    assert seen == (name in ("p_data", "p_z", "units"))  # the others show only in how the game goes on
    if name != "units":
        assert changed(before[1], pixels(charts(lab))) > 0.0001
    else:
        assert "800 straight lines" in demo.locator(".gl-caption").inner_text()


def test_slow_motion_tells_whose_move_it_is(lab, demo):
    run(lab, "toy.k = 2; toy.speed = 5")
    wait_for(lab, "JSON.parse(e.dataset.settings).speed === 5")
    lab.page.evaluate(
        """() => {
            const root = document.querySelector(".gl-toy");
            window.told = [];
            new MutationObserver(() => window.told.push(root.dataset.moved))
                .observe(root, { attributes: true, attributeFilter: ["data-moved"] });
        }"""
    )
    press(lab, "Play")
    lab.page.wait_for_function("() => window.told.length >= 7", timeout=20_000)
    press(lab, "Stop")
    told_by = lab.page.evaluate("() => window.told")[:7]
    start = told_by.index("D, 1 of 2")
    assert told_by[start : start + 4] == ["D, 1 of 2", "D, 2 of 2", "G", "D, 1 of 2"]
    wait_for(lab, "e.dataset.state === 'stopped'")
    assert "next:" in demo.locator(".gl-turns").text_content()


@pytest.mark.parametrize("name", ["b", "saturation", "Helvetica"])
def test_a_preset_by_click(lab, demo, name):
    before = pixels(main(lab))
    press(lab, PRESETS[name].title)
    wait_for(lab, f"e.dataset.preset === '{name}' && e.dataset.state === 'paused'", timeout=60_000)
    settle(lab)
    assert demo.locator(".gl-see").inner_text() == PRESETS[name].see
    assert demo.get_by_role("button", name=PRESETS[name].title, exact=True).get_attribute("aria-pressed") == "true"
    assert changed(before, pixels(main(lab))) > 0.01
    assert run(lab, "print(toy.engine.preset_name)")[0] == name


def test_drawing_the_data_with_the_mouse(lab, demo):
    demo.get_by_role("combobox", name="p_data", exact=True).select_option("drawn")
    settle(lab)
    before = pixels(main(lab))
    press(lab, "Play")
    wait_for(lab, "Number(e.dataset.step) > 5")
    main(lab).scroll_into_view_if_needed()
    box = main(lab).bounding_box()
    at = lambda x, y: (box["x"] + x * box["width"], box["y"] + y * box["height"])  # noqa: E731
    lab.page.mouse.move(*at(0.7, 0.68))
    lab.page.mouse.down()
    for i in range(1, 11):
        lab.page.mouse.move(*at(0.7 + 0.015 * i, 0.68 - 0.05 * min(i, 10 - i)))
    lab.page.mouse.up()
    wait_until_applied(lab)
    press(lab, "Pause")
    settle(lab)
    run(lab, "import numpy as np; h = np.array(toy.heights); x = np.linspace(-5, 5, len(h))")
    higher = "h[(x > 2) & (x < 4)].max() > 2 * h[(x > 4.6) | (x < -4.6)].max()"
    assert run(lab, f"print({higher}, toy.state)")[0] == "True paused"
    same = "p = toy.toys.p_data.pdf(x); print(bool(abs(p / p.sum() - h / h.sum()).max() < 1e-6))"
    assert run(lab, same)[0] == "True"
    assert changed(before, pixels(main(lab))) > 0.01


def test_drawing_the_data_with_the_keyboard(lab, demo):
    demo.get_by_role("combobox", name="p_data", exact=True).select_option("drawn")
    settle(lab)
    code = "print(float(toy.toys.p_data.pdf(3.75)))"
    before = float(run(lab, code)[0])
    main(lab).focus()
    for key, times in (("Shift+ArrowLeft", 17), ("Shift+ArrowRight", 14)):  # in steps of 5 points of 81
        for _ in range(times):
            lab.page.keyboard.press(key)
    for _ in range(4):
        lab.page.keyboard.press("ArrowUp")
        settle(lab, 50)
    assert float(run(lab, code)[0]) > before + 0.05
    higher = float(run(lab, code)[0])
    for _ in range(3):
        lab.page.keyboard.press("ArrowDown")
        settle(lab, 50)
    assert float(run(lab, code)[0]) < higher - 0.03


def test_the_keyboard_on_the_picture(lab, demo):
    main(lab).focus()
    keys = lab.page.keyboard
    keys.press("d")
    wait_for(lab, "e.dataset.moves === '1' && e.dataset.moved === 'D'")
    keys.press("g")
    wait_for(lab, "e.dataset.moves === '2' && e.dataset.moved === 'G'")
    keys.press("s")
    wait_for(lab, "e.dataset.step === '1'")
    keys.press(" ")
    wait_for(lab, "e.dataset.state === 'running' && Number(e.dataset.step) > 5")
    keys.press(" ")
    wait_for(lab, "e.dataset.state === 'paused'")
    keys.press("b")
    wait_for(lab, "e.dataset.moved === 'D to its optimum' && e.dataset.state === 'paused'", timeout=40_000)
    keys.press("r")
    wait_for(lab, "e.dataset.moves === '0' && e.dataset.state === 'idle'")
    cells = "() => window.jupyterapp.shell.currentWidget.content.widgets.map(cell => cell.model.type).join()"
    assert set(lab.page.evaluate(cells).split(",")) == {"code"}  # the notebook's own D, D and R have not acted


def test_everything_has_a_name(lab, demo):
    for name in (*BUTTONS, *(preset.title for preset in PRESETS.values())):
        assert demo.get_by_role("button", name=name, exact=True).count() == 1, name
    for name in SLIDERS.values():
        assert demo.get_by_role("slider", name=name, exact=True).get_attribute("aria-valuetext")
    for name, _ in CHOICES.values():
        assert demo.get_by_role("combobox", name=name, exact=True).count() == 1
    assert demo.get_by_role("spinbutton", name="Seed that reset goes back to").count() == 1
    assert demo.get_by_role("group", name="Presets").count() == 1
    press(lab, "One iteration")
    wait_for(lab, "e.querySelector('.gl-canvas-main').ariaLabel?.includes('after 1 iterations')", timeout=6_000)
    images = [canvas.get_attribute("aria-label") for canvas in demo.get_by_role("img").all()]
    assert len(images) == 2
    assert "C(G)" in images[0]
    assert "D gives data" in images[0]
    for canvas in demo.get_by_role("img").all():
        assert canvas.get_attribute("aria-keyshortcuts") == "Space D G S B R"
        assert "left and right" in canvas.get_attribute("title")


def test_what_python_refuses_and_what_the_page_gets_wrong(lab, demo):
    assert "k is 99" in run(lab, "toy.k = 99")[0]
    assert settings(lab)["k"] == 1
    seed = demo.get_by_label("Seed that reset goes back to")
    seed.evaluate("e => { e.type = 'text'; e.value = 'x'; }")
    press(lab, "Reset")
    demo.get_by_role("status").filter(has_text="seed is 'x'").wait_for()
    seed.evaluate("e => { e.type = 'number'; e.value = '3'; }")


def test_it_waits_while_the_tab_is_hidden(lab, demo):
    press(lab, "Play")
    wait_for(lab, "Number(e.dataset.step) > 5")
    hide(lab, True)
    try:
        demo.locator(".gl-state", has_text="Waiting").wait_for()
        at = run(lab, "print(toy.engine.moves)")[0]
        lab.page.wait_for_timeout(500)
        assert run(lab, "print(toy.engine.moves, toy.state)")[0] == f"{at} running"
    finally:
        hide(lab, False)
    wait_for(lab, f"Number(e.dataset.moves) > {at}")


def test_it_works_where_only_answers_reach_the_page(lab, demo):
    """Colab is suspected to drop what the kernel sends of its own accord: the page asks, and is answered."""
    run(lab, "say = toy._say; toy._say = lambda *args, answer=False: say(*args, answer=True) if answer else None")
    try:
        press(lab, "Play")
        wait_for(lab, "Number(e.dataset.step) > 5")
        frames = int(told(lab, "frames"))
        lab.page.wait_for_timeout(4_000)
        assert int(told(lab, "frames")) - frames >= 8
        press(lab, "Stop")
        wait_for(lab, "e.dataset.state === 'stopped'")
    finally:
        run(lab, "del toy._say")


def test_another_cell_runs_while_it_trains(lab, demo):
    press(lab, "Play")
    wait_for(lab, "Number(e.dataset.step) > 5")
    times = [run(lab, "print(1)")[1] for _ in range(10)]
    said, p90 = quantiles(times)
    print(f"\nanother cell while it trains: {said}")
    assert p90 < 2_000


@pytest.mark.parametrize("width", [1280, 700])
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_it_fits_and_follows_the_theme(lab, demo, tmp_path, width, dark):
    page = lab.page
    page.set_viewport_size({"width": width, "height": 950})
    theme(page, dark)
    page.wait_for_timeout(1_500)
    try:
        for element in ("e", "e.closest('.jp-OutputArea-output')"):
            assert demo.evaluate(f"e => {element}.scrollWidth - {element}.clientWidth") == 0
        for canvas in (main(lab), charts(lab)):
            canvas.scroll_into_view_if_needed()
            assert (pixels(canvas).mean() < 90) == dark
            assert canvas.evaluate("e => Math.abs(e.width / devicePixelRatio - e.clientWidth) < 2")
        blue = demo.evaluate("e => getComputedStyle(e).getPropertyValue('--gl-D').trim()")
        assert blue == ("#56b4e9" if dark else "#0072b2")
        page.screenshot(path=tmp_path / f"toy-{width}-{dark}.png")
    finally:
        page.set_viewport_size({"width": 1280, "height": 950})
        theme(page, False)


def test_less_motion_for_those_who_ask_for_it(lab, jupyterlab, _chromium):
    """A page that asks for it from the start: about a frame a second, while the game goes on at its own speed."""
    write_notebook(jupyterlab, "slow.ipynb", SOURCE)
    with opened(_chromium, jupyterlab, "slow.ipynb", reduced_motion="reduce") as slow:
        at_the_start(slow)
        press(slow, "Play")
        wait_for(slow, "Number(e.dataset.step) > 5")
        slow.page.wait_for_timeout(1_000)
        frames = int(told(slow, "frames"))
        slow.page.wait_for_timeout(5_000)
        assert 2 <= int(told(slow, "frames")) - frames <= 8
        assert run(slow, "print(toy.engine.slow)")[0] == "True"


def test_restart_and_run_all(lab, demo):
    press(lab, "Play")
    wait_for(lab, "Number(e.dataset.step) > 5")
    lab.restart_and_run_all()
    assert lab.errors() == []
    wait_for(lab, "e?.dataset.step === '0' && e.dataset.state === 'idle' && Number(e.dataset.frames) > 0")
    lab.page.locator(".gl-toy").scroll_into_view_if_needed()
    press(lab, "Play")
    wait_for(lab, "Number(e.dataset.step) > 5")
    press(lab, "Stop")
    wait_for(lab, "e.dataset.state === 'stopped'")
    assert_still(lab)
