"""Digits without a kernel: G's forward pass and D's opinion against torch's, and the page in a browser.

Measured figures are printed; what is asserted of times is loose, as machines are noisy.
"""

from __future__ import annotations

import json
import time

import numpy as np
import pytest
import torch

from ganlib.checkpoints import pretrained
from tests.browser import changed, page_of_its_own, pixels, press, told, values, wait_for, wait_until_applied
from tools import digits_page, toy_page

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("one_thread")]


@pytest.fixture(scope="module")
def live(_chromium, tmp_path_factory):
    path = digits_page.write(tmp_path_factory.mktemp("digits"))
    with page_of_its_own(_chromium, path) as live:
        yield live


def canvas(live, i):
    return live.page.locator(f"section.ganlib .gl-canvas-{i}")


@pytest.fixture
def fetched(live):
    """The page with G and D."""
    for name, there in (("Fetch G", "D is not here yet"), ("Fetch D, too", "1 is data, 0 is G's")):
        if (button := live.page.get_by_role("button", name=name)).is_visible():
            button.click()
            live.page.get_by_text(there).wait_for()
    return live


def test_G_is_fetched_when_asked_for_then_D_and_nothing_else_is(live):
    G, D = (live.page.get_by_role("button", name=name) for name in ("Fetch G", "Fetch D, too"))
    files = lambda: [url.rsplit("/", 1)[1] for url in live.asked if not url.startswith("blob:")]  # noqa: E731
    size = {name: (live.path.parent / f"{name}.js").stat().st_size for name in "GD"}
    assert files() == [toy_page.NAME] and not D.is_visible()
    begun = time.perf_counter()
    G.click()
    live.page.wait_for_function("() => Number(document.querySelector('section.ganlib')?.dataset.frames) > 0")
    print(f"\n{size} bytes; the digits are there {time.perf_counter() - begun:.1f} s after the click")
    assert size["G"] == pytest.approx(2 * 2_503_984, rel=1e-3)  # 784, 1,200 and 1,200 units, two bytes a number
    assert files() == [toy_page.NAME, "G.js"] and not G.is_visible()
    assert live.page.get_by_role("checkbox").nth(1).is_disabled()
    live.page.get_by_text("D is not here yet").wait_for()
    D.click()
    live.page.get_by_text("1 is data, 0 is G's").wait_for()
    assert files() == [toy_page.NAME, "G.js", "D.js"] and not D.is_visible()
    assert live.page.locator("section.ganlib canvas").count() == 4


def test_what_is_on_its_way_is_said(live, _chromium):
    """Over http, with how much has come; and that G draws, until its digits are there."""
    context = _chromium.new_context()
    page, folder = context.new_page(), live.path.parent
    page.route("http://site/**", lambda route: route.fulfill(path=folder / route.request.url.rsplit("/", 1)[1]))
    page.goto(f"http://site/{live.path.name}")
    page.evaluate(
        """() => {
            window.heard = [];
            const said = document.getElementById("said");
            new MutationObserver(() => heard.push(said.textContent)).observe(said, { childList: true });
        }"""
    )
    page.get_by_role("button", name="Fetch G").click()
    page.wait_for_function("() => Number(document.querySelector('section.ganlib')?.dataset.frames) > 0")
    first, *_, last, empty = page.evaluate("() => heard")
    assert first == "G is on its way, 5.0 MB." and last.endswith("draws its first digits.") and empty == ""
    assert "G is on its way: 5.0 of 5.0 MB." in page.evaluate("() => heard")
    context.close()


def test_G_and_D_are_those_that_the_repository_ships(live, _chromium):
    trained, rng = pretrained("mnist"), np.random.default_rng(0)
    z = rng.uniform(-(3**0.5), 3**0.5, (4, trained.recipe.z_dim))
    with torch.no_grad():
        x = trained.G(torch.tensor(z, dtype=torch.float32))
        a = trained.D.logit(x).numpy()
    context = _chromium.new_context()
    page = context.new_page()
    text = "".join((toy_page.FOLDER / name).read_text() for name in digits_page.ENGINE)
    inside = "text => Object.assign(window, new Function('self', `${text}; return { net, through };`)({}))"
    page.goto(live.path.as_uri())
    page.evaluate(inside, toy_page.joined(text))
    page.evaluate("() => { window.texts = {}; window.ganlibWeights = (name, text) => { texts[name] = text; }; }")
    for name in "GD":
        page.add_script_tag(url=f"{name}.js")
    found = page.evaluate(
        """text => {
            const { layers, z } = JSON.parse(text);
            const [G, D] = ["G", "D"].map((name) => net(layers[name], texts[name]));
            const x = z.map((one) => through(G, one));
            return JSON.stringify([x.map((one) => Array.from(one)), x.map((one) => through(D, one)[0])]);
        }""",
        json.dumps({"layers": digits_page.layers(trained), "z": z.tolist()}),
    )
    context.close()
    own_x, own_a = map(np.array, json.loads(found))
    print(f"\npixels differ by at most {np.abs(own_x - x.numpy()).max():.1e}, logits by {np.abs(own_a - a).max():.1e}")
    assert x.max() > 0.9 and np.ptp(a) > 0.1
    np.testing.assert_allclose(own_x, x.numpy(), atol=1e-4)
    np.testing.assert_allclose(own_a, a, atol=1e-3)


def test_the_walk_moves_a_path_is_picked_and_D_sorts(fetched):
    live = fetched
    demo = live.page.locator("section.ganlib")
    sheet, now = pixels(canvas(live, 0)), pixels(canvas(live, 1))
    assert sheet.std() > 30
    press(live, "Play")
    wait_for(live, "JSON.parse(e.dataset.values).t > 0.1")
    press(live, "Pause")
    wait_until_applied(live)
    live.page.wait_for_timeout(200)
    assert changed(now, pixels(canvas(live, 1))) > 0.03
    press(live, "Clear the path")
    wait_until_applied(live)
    assert demo.get_by_role("slider").is_disabled() and values(live)["t"] == 0
    box = canvas(live, 0).bounding_box()
    for share in (0.05, 0.4):
        live.page.mouse.click(box["x"] + share * box["width"], box["y"] + 0.2 * box["height"])
        wait_until_applied(live)
    assert demo.get_by_role("slider").is_enabled()
    demo.get_by_text("digits along the path through 2 digits.").first.wait_for()
    before = pixels(canvas(live, 0))
    demo.get_by_text("those that D takes for data first").click()
    wait_until_applied(live)
    live.page.wait_for_timeout(200)
    assert changed(before, pixels(canvas(live, 0))) > 0.05
    press(live, "New pictures")
    wait_until_applied(live)
    demo.get_by_text("seed 1", exact=True).wait_for()
    assert told(live, "values") and not demo.get_by_role("slider").is_enabled()
