"""The game in the plane without a kernel: its parameters and numbers against ganlib's, and its page in a browser."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from ganlib.densities import ring
from ganlib.recipes import RING
from ganlib.studies.toys import Toys
from ganlib.widgets import plane
from ganlib.widgets.plane import MEASURED, PlaneEngine
from tests.browser import page_of_its_own, press, told, values, wait_for, wait_until_applied
from tests.test_browser_toy_page import agrees, functions_of, iterated, theta
from tools import plane_page, toy_page

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("one_thread")]

INSIDE = """
text => {
  const alone = { postMessage() {}, requestAnimationFrame() {} };
  Object.assign(window, new Function("self", `${text}; return { Modes, Plane, PlaneGame };`)(alone));
  window.begin = ({ recipe, theta, settings, centres }) => {
    const game = new PlaneGame(recipe, new Modes(centres, 0.05), settings);
    ["G", "D"].forEach((name, i) => theta && game[name].theta.set(theta[i]));
    return game;
  };
  window.theta = (game) => ["G", "D"].map((name) => Array.from(game[name].theta));
}"""


@pytest.fixture(scope="module")
def inside(_chromium):
    """Runs functions in a page that holds the engine's script, with plain data as JSON."""
    with functions_of(_chromium, plane_page, INSIDE) as run:
        yield run


def setting(toys):
    """What the engine takes to begin the same game."""
    own = {name: float(getattr(toys, name)[0]) for name in ("k", "lr_D", "lr_G", "momentum")}
    own |= {name: getattr(toys, name) for name in ("batch", "p_z", "update", "generator_cost")}
    settings = {"seed": toys.seeds[0], **own}
    centres = toys.p_data.centres
    return {"recipe": plane_page.recipe(), "theta": theta(toys), "settings": settings, "centres": centres}


@pytest.mark.parametrize(
    "chosen", [{}, {"update": "simultaneous", "generator_cost": "minimax", "k": 2, "momentum": 0.5}]
)
def test_the_same_draws_and_first_weights_give_ganlibs_parameters(inside, chosen):
    toys = Toys(RING, ring(), seeds=3, dtype=torch.float64)
    toys.set(batch=16, **chosen)
    data = setting(toys)
    drawn, played = iterated(toys, 150)
    found, left = inside(played, {**data, "drawn": drawn})
    assert left == 0
    assert agrees(data["theta"], theta(toys), found, least=0.1)


def test_a_seed_begins_with_the_same_nets_and_what_is_drawn_follows_the_data(inside):
    data = setting(Toys(RING, ring(), seeds=7))
    expected = data.pop("theta")
    data["settings"]["batch"] = 4_000
    asked = """
    (given) => {
      const game = begin(given);
      const { x, z } = game.draw(0);
      return [theta(game), Array.from(x), Array.from(z)];
    }"""
    found, x, z = inside(asked, data)
    assert found == expected
    nearest, good = ring().quality(np.reshape(x, (-1, 2)))
    assert good.mean() > 0.98 and np.ptp(np.bincount(nearest, minlength=8)) < 160
    assert (
        len(z) == 4_000 * RING.z_dim
        and np.mean(z) == pytest.approx(0, abs=0.04)
        and np.std(z) == pytest.approx(1, abs=0.03)
    )


def test_what_is_measured_and_said_is_what_the_notebook_measures_and_says(inside):
    engine = PlaneEngine(seed=2, p_data="grid", lr_D=0.1)
    for _ in range(25):
        engine.once()
    z = RING.noise(MEASURED, 1)
    toys = engine.toys
    asked = """
    ({ theta, data, z }) => {
      const plane = new Plane({ ...given, values: { ...given.values, p_data: "grid", lr_D: 0.1 } });
      ["G", "D"].forEach((name, i) => plane.game[name].theta.set(theta[i]));
      Object.assign(plane.game, { step: 25, data: () => new Float64Array(data) });
      plane.z = new Float64Array(z);
      plane.measure(true);
      const [{ picture }] = plane.frame();
      return [Array.from(plane.game.push(plane.measured.x)), plane.measured.V, picture];
    }"""
    push, V, picture = inside(
        asked, {"theta": theta(toys), "data": engine.data.ravel().tolist(), "z": z.flatten().tolist()}
    )
    own = engine.complete()
    assert V == pytest.approx(engine.V, abs=1e-6)
    np.testing.assert_allclose(np.reshape(push, (-1, 2)), engine.pull(engine.x), atol=1e-5)
    assert picture["words"] == own.words and picture["readouts"] == [[*one] for one in own.readouts]
    there, here = picture["panels"], own.panels
    assert (there[0]["words"], there[0]["caption"]) == (here[0].words, here[0].caption)
    named = lambda lines: [(line["name"], line.get("value")) for line in lines]  # noqa: E731
    for one, other in zip(there, here):
        assert named(one["lines"])[-2:] == named(map(vars, other.lines))[-2:]
        assert [level["name"] for level in one["levels"]] == [level.name.replace("-", "−") for level in other.levels]


def test_points_of_ones_own_are_explained_and_an_error_ends_the_game(inside):
    asked = """
    () => {
      const plane = new Plane({ ...given, values: { ...given.values, p_data: "points", points: [] } });
      const caption = () => plane.frame()[0].picture.panels[0].caption;
      plane.measure(true);
      const [none, reached] = [caption(), plane.game.p_data.centres.length];
      plane.set({ points: [[0, 0]] });
      const some = caption();
      plane.fail(Error("over"));
      return [none, reached, some, plane.state, plane.message];
    }"""
    told = plane.HALF + plane.OWN
    assert inside(asked, None) == [told + plane.UNTIL, 8, told, "error", "over"]


@pytest.fixture(scope="module")
def live(_chromium, tmp_path_factory):
    path = plane_page.write(tmp_path_factory.mktemp("ring"))
    with page_of_its_own(_chromium, path) as live:
        live.page.wait_for_function("() => Number(document.querySelector('section.ganlib')?.dataset.frames) > 0")
        yield live


def test_it_plays_by_itself_takes_points_and_begins_anew(live):
    assert [url for url in live.asked if not url.startswith(("file:", "blob:"))] == []
    words = live.page.locator("section.ganlib .gl-words")
    assert told(live, "state") == "idle" and "After 0 iterations" in words.inner_text()
    press(live, "Settings that learn the ring", "Play")
    wait_for(live, "e.dataset.state === 'running' && /After [1-9]/.test(e.querySelector('.gl-words').textContent)")
    press(live, "Pause")
    wait_for(live, "e.dataset.state === 'paused'")
    assert values(live)["fall"] == 2_500
    box = live.page.locator("section.ganlib .gl-canvas-0").bounding_box()
    live.page.mouse.click(box["x"] + 0.4 * box["width"], box["y"] + 0.4 * box["height"])
    wait_until_applied(live)
    assert values(live)["p_data"] == "points" and len(values(live)["points"]) == 1
    words.filter(has_text="of 1 modes").wait_for()
    press(live, "Reset")
    words.filter(has_text="After 0 iterations").wait_for()


def test_the_script_beside_the_view_is_small():
    pytest.importorskip("minify", reason="tdewolff-minify, of the extra `site`, is not installed")
    size = len((toy_page.engine_script(plane_page.ENGINE) + toy_page.small(toy_page.START)).encode())
    print(f"\n{size:,} bytes")
    assert size <= 20_000
