"""The live Figure 1 without a kernel: its game against ganlib's own, its numbers, its words, and its page in a browser.

Measured figures are printed; what is asserted of times is loose, as machines are noisy.
"""

from __future__ import annotations

import json
import math
import re
import time
from contextlib import contextmanager
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from ganlib.picture import minus
from ganlib.recipes import TOY
from ganlib.studies.best_D import BestD
from ganlib.studies.diagnosis import ToyEvidence, diagnose_toy
from ganlib.studies.phenomena import DATA, PRESETS, density
from ganlib.studies.toys import Toys
from ganlib.widgets import ToyEngine
from ganlib.widgets.frame import packed
from ganlib.widgets.scene import CENTRES, EDGES
from ganlib.widgets.toy_engine import DECAY
from tests.browser import (
    changed,
    draw_a_hill,
    page_of_its_own,
    pixels,
    press,
    told,
    values,
    wait_for,
    wait_until_applied,
)
from tools import toy_page

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("one_thread")]

HILL = [0.0, 0, 1, 2, 3, 2, 1, 0, 0]
INSIDE = """
text => {
  const names = "Game, BestD, Toy, density, diagnose";
  Object.assign(window, new Function("self", `${text}; return { ${names} };`)({ postMessage() {} }));
  window.begin = ({ recipe, p_data, theta, settings }) => {
    const game = new Game(recipe, density(p_data), settings);
    ["G", "D"].forEach((name, i) => theta && game[name].theta.set(theta[i]));
    return game;
  };
  window.theta = (game) => ["G", "D"].map((name) => Array.from(game[name].theta));
  window.played = (name, toy = new Toy({ ...given, opening: "" })) => {
    toy.preset(name);
    toy.finish();
    toy.picture();
    return toy;
  };
  window.seen = ({ scene, measured }) => ({ ...scene, ...measured });
}"""


@contextmanager
def functions_of(chromium, module, begin):
    """A page that holds the script of a live game, to run functions in, with plain data as JSON; `begin` runs first."""
    context = chromium.new_context()
    page = context.new_page()
    text = "".join((toy_page.FOLDER / name).read_text() for name in module.ENGINE)
    page.evaluate(begin, toy_page.joined(text))
    page.evaluate("text => { window.given = JSON.parse(text) }", json.dumps(module.given()))

    def run(function, data=None):
        code = f"text => JSON.stringify(({function})(JSON.parse(text)) ?? null)"
        return json.loads(page.evaluate(code, json.dumps(data)))

    yield run
    context.close()


@pytest.fixture(scope="module")
def inside(_chromium):
    """Runs functions in a page that holds the engine's script, with plain data as JSON."""
    with functions_of(_chromium, toy_page, INSIDE) as run:
        yield run


def theta(toys):
    """The parameters of G and of D in the engine's order: W (inputs, units) and b of each layer."""
    return [
        torch.cat([part[0].detach().flatten() for pair in zip(net.weights, net.biases) for part in pair]).tolist()
        for net in (toys.G, toys.D)
    ]


def setting(toys, units="relu"):
    """What the engine takes to begin the same game."""
    own = {name: float(getattr(toys, name)[0]) for name in ("k", "lr_D", "lr_G", "momentum")}
    own |= {name: getattr(toys, name) for name in ("batch", "p_z", "update", "generator_cost")}
    recipe = toy_page.given()["recipe"]
    recipe = recipe if units == "relu" else recipe | {"G": recipe["smooth"]}
    return {"recipe": recipe, "theta": theta(toys), "settings": {"seed": toys.seeds[0], **own}}


def iterated(toys, iterations):
    """Play so many iterations: the draws of x and z that they took, and the function that plays them in the page."""
    drawn, own = [], toys._draw

    def draw(stream):
        x, z = own(stream)
        drawn.append([x.flatten().tolist(), z.flatten().tolist()])
        return x, z

    toys._draw = draw
    for _ in range(iterations):
        toys.iterate()
    return (
        drawn,
        f"""
    ({{ drawn, ...given }}) => {{
      const game = begin(given);
      game.draw = () => {{
        const [x, z] = drawn.shift();
        return {{ x: new Float64Array(x), z: new Float64Array(z) }};
      }};
      for (let i = 0; i < {iterations}; i++) game.iterate();
      return [theta(game), drawn.length];
    }}""",
    )


def agrees(first, there, here, least=0.3):
    """Whether the parameters of a game that was played moved, and are the same in both."""
    moved, off = difference(first, there), difference(here, there)
    print(f"\nthe parameters moved by up to {moved:.2f}, and differ by at most {off:.1e}")
    return moved > least and off < 1e-9


def difference(one, other):
    return max(np.abs(np.array(a) - b).max() for a, b in zip(one, other, strict=True))


# -- the same game ----------------------------------------------------------------------------------------------------

GAMES = [
    {"update": "alternating", "generator_cost": "non-saturating"},
    {"update": "simultaneous", "generator_cost": "minimax", "k": 2, "p_z": "normal", "p_data": "bimodal"},
    {"update": "simultaneous", "generator_cost": "blend", "momentum": 0.3, "p_data": "uniform"},
]


@pytest.mark.parametrize("game", GAMES, ids=lambda game: f"{game['update']} {game['generator_cost']}")
def test_the_same_draws_and_first_weights_give_ganlibs_parameters_after_1000_iterations(inside, game):
    chosen = {"k": 1, "momentum": 0.0, "p_z": "uniform", "p_data": "gaussian", **game}
    name = chosen.pop("p_data")
    toys = Toys(TOY, DATA[name], seeds=3, dtype=torch.float64)
    toys.set(**chosen)
    data = setting(toys)
    drawn, played = iterated(toys, 1_000)
    found, left = inside(played, {**data, "p_data": toy_page.plain_density(DATA[name]), "drawn": drawn})
    assert left == 0
    assert agrees(data["theta"], theta(toys), found)


@pytest.mark.parametrize("seed", [0, 29, 2**40 + 3])
def test_a_seed_begins_with_the_same_nets_as_in_ganlib(inside, seed):
    data = setting(Toys(TOY, DATA["gaussian"], seeds=seed))
    expected = data.pop("theta")
    assert inside("given => theta(begin(given))", {**data, "p_data": {"even": [0, 1]}}) == expected


CASES = [
    *[(name, p_z, "relu") for name in (*DATA, "drawn") for p_z in ("uniform", "normal")],
    *[("bimodal", p_z, "sigmoid") for p_z in ("uniform", "normal")],
]


@pytest.mark.parametrize(("name", "p_z", "units"), CASES)
def test_p_g_V_C_and_the_divergence_are_ganlibs(inside, name, p_z, units):
    toys = ToyEngine(p_data=name, heights=HILL, p_z=p_z, units=units, seed=1).toys
    toys = Toys(toys.recipe, density(name, HILL), seeds=1, dtype=torch.float64)
    toys.set(p_z=p_z)
    for _ in range(60):
        toys.iterate()
    own = {"drawn": HILL, "window": [-5, 5]} if name == "drawn" else toy_page.plain_density(DATA[name])
    asked = """
    ({ x, ...given }) => {
      const [game, p] = [begin(given), density(given.p_data)];
      const { V, C, JSD } = game.measure();
      const bins = Array.from(game.p_g().inBins(-5, 10 / 240, 240));
      return [[V, C, JSD], bins, Array.from(game.push(x)), x.map((at) => p.pdf(at))];
    }"""
    found = inside(asked, {**setting(toys, units), "p_data": own, "x": CENTRES.tolist()})
    measured = toys.measure(order=6 if units == "relu" else 2)
    bins = toys.p_g().in_bins(EDGES)
    expected = [[measured.V, measured.C, measured.JSD], bins, toys.push(CENTRES), toys.p_data.pdf(CENTRES)]
    assert bins.max() > 0.1
    for one, other in zip(found, expected):
        np.testing.assert_allclose(one, other, atol=1e-9)


def test_an_atom_of_p_g_counts_as_in_ganlib(inside):
    toys = Toys(TOY, DATA["uniform"], seeds=1, dtype=torch.float64)
    with torch.no_grad():
        toys.G.weights[-1][:] = 0
        toys.G.biases[-1][:] = 1.23
    asked = "given => { const { V, C, JSD } = begin(given).measure(); return [V, C, JSD]; }"
    found = inside(asked, {**setting(toys), "p_data": toy_page.plain_density(DATA["uniform"])})
    measured = toys.measure()
    assert measured.JSD == pytest.approx(math.log(2))
    np.testing.assert_allclose(found, [measured.V, measured.C, measured.JSD], atol=1e-9)


def test_D_comes_as_near_to_its_optimum_as_in_ganlib(inside):
    toys = Toys(TOY, DATA["gaussian"], seeds=5, dtype=torch.float64)
    data = setting(toys) | {"p_data": toy_page.plain_density(DATA["gaussian"]), "decay": DECAY["uniform"]}
    climb, begun = BestD(toys, decay=DECAY["uniform"]), toys.measure().gap
    while not climb.done:
        climb.advance()
    asked = """
    ({ decay, ...given }) => {
      const game = begin(given);
      const climb = new BestD(game, game.p_g(), decay);
      while (!climb.done) climb.advance();
      const { V, C } = game.measure();
      return C - V;
    }"""
    own, theirs = inside(asked, data), toys.measure().gap
    print(f"\nthe gap of {begun:.3f} shrinks to {own:.4f}; in ganlib to {theirs:.4f}")
    assert begun > 0.3
    assert 0 < own < theirs + 0.003


@pytest.mark.parametrize("p_z", ["uniform", "normal"])
def test_what_is_drawn_follows_its_density(inside, p_z):
    """Means and distribution functions of 20,000 draws, to 5 standard errors; two kinds of move have their own."""
    asked = """
    ({ recipe, settings, densities }) => densities.map((p_data) => {
      const game = begin({ recipe, p_data, settings });
      const all = [0, 1].map((kind) => game.draw(kind));
      return [...all.map(({ x }) => Array.from(x)), ...all.map(({ z }) => Array.from(z))];
    })"""
    names = [*DATA, "drawn"]
    own = [toy_page.plain_density(p) for p in DATA.values()] + [{"drawn": HILL, "window": [-5, 5]}]
    data = setting(Toys(TOY, DATA["gaussian"], seeds=8))
    settings = data["settings"] | {"batch": 10_000, "p_z": p_z}
    for name, (x, other, z, other_z) in zip(names, inside(asked, {**data, "settings": settings, "densities": own})):
        assert abs(np.corrcoef(x, other)[0, 1]) < 0.05 and abs(np.corrcoef(z, other_z)[0, 1]) < 0.05
        p, x, z = density(name, HILL), np.array([*x, *other]), np.array([*z, *other_z])
        grid = np.linspace(-6, 6, 6_001)
        cdf = np.cumsum(p.pdf(grid)) * 0.002
        for at in (-2.0, -1.0, 0.0, 0.7, 2.0):
            assert (x <= at).mean() == pytest.approx(np.interp(at, grid, cdf), abs=5 * 0.5 / math.sqrt(20_000))
        assert z.mean() == pytest.approx(0, abs=0.036)
        assert z.std() == pytest.approx(1, abs=0.03)
        assert (np.abs(z).max() <= math.sqrt(3)) == (p_z == "uniform")


# -- what it says -----------------------------------------------------------------------------------------------------

PLAIN = {"lr_D": 0.3, "lr_G": 0.01, "momentum": 0.5, "k": 1, "generator_cost": "non-saturating"}


def evidence(V=-1.3, C=-1.2, JSD=0.1, n=40, *, swing=0.0, says=(0.61, 0.42), moves=900, **more):
    """Some measurements, and what else a verdict stands on."""
    controls = {name: more.pop(name, value) for name, value in PLAIN.items()}
    rows = [[10.0 * i, V + swing * ((i // 6) % 2), C, JSD] for i in range(n)]
    rest = {"width": 0.9, "outside": 0.0, "missed": 0, "steep": 0.0} | more
    return {"recent": rows, "controls": controls, "says": says, "moves": moves, **rest}


VERDICTS = {
    "before": evidence(moves=0),
    "runs away": evidence(V=-12.345),
    "too steep": evidence(V=-12.345, steep=1234.0),
    "gone": evidence(outside=0.42),
    "D held": evidence(lr_D=0, width=0.08),
    "G held": evidence(lr_G=0),
    "few": evidence(n=2),
    "saturated": evidence(says=(0.99, 0.0123), generator_cost="minimax"),
    "swings": evidence(swing=0.9, V=-1.2, width=0.1),
    "narrow": evidence(width=0.1),
    "below": evidence(V=-1.9),
    "missed": evidence(missed=2),
    "converged": evidence(JSD=0.012),
    "ahead": evidence(V=-0.3, C=-0.1),
    "even": evidence(),
}


@pytest.mark.parametrize("name", VERDICTS)
def test_is_this_normal_is_said_as_in_the_notebooks(inside, name):
    given = VERDICTS[name]
    asked = """
    (one) => {
      const toy = new Toy({ ...given, opening: "" });
      return diagnose((name, values) => toy.say(name, values), one);
    }"""
    tone, *said = inside(asked, given)
    verdict = diagnose_toy(ToyEvidence(**{**given, "recent": np.array(given["recent"])}))
    assert (tone, said) == (verdict.tone, [minus(sentence) for sentence in verdict.sentences])


def test_what_is_shown_at_a_seeds_start_is_what_a_notebook_shows(inside):
    """Panels, ranges, ticks, captions, words and curves, without a single draw."""
    engine = ToyEngine(seed=7, p_data="bimodal", p_z="normal", push=True, k=3)
    expected, buffers = packed(engine.complete())
    asked = """
    (values) => {
      const toy = new Toy({ ...given, opening: "", values: { ...given.values, ...values } });
      const [frame, buffers] = toy.frame();
      return [frame, buffers.map((buffer) => Array.from(new Float32Array(buffer)))];
    }"""
    found, numbers = inside(asked, {"seed": 7, "p_data": "bimodal", "p_z": "normal", "push": True, "k": 3})
    picture = found["picture"]
    for one in ("words", "readouts", "notes"):
        assert picture[one] == json.loads(json.dumps(expected[one])), one
    assert found["off"] == list(engine.off()) and found["state"] == engine.state
    for own, theirs in zip(picture["panels"], expected["panels"], strict=True):
        for name in ("title", "x_label", "y_label", "right_label", "caption", "at", "seeks", "draws", "reads", "right"):
            assert own[name] == json.loads(json.dumps(theirs[name])), name
        for name in ("x", "y", "x_ticks", "y_ticks", "right_ticks"):
            assert [flat(one) for one in own[name]] == [pytest.approx(flat(one)) for one in theirs[name]], name
        for kind in ("lines", "arrows"):
            assert len(own[kind]) == len(theirs[kind])
            for one, other in zip(own[kind], theirs[kind]):
                assert (one.get("name", ""), one["style"], one.get("value")) == (
                    other["name"],
                    other["style"],
                    other["value"],
                )
                for part in ("x", "y") if kind == "lines" else ("start", "end"):
                    plain = np.array(numbers[one[part]["at"]], float)  # null is no number
                    there = np.frombuffer(buffers[other[part]["at"]], np.float32)
                    np.testing.assert_allclose(plain, there, atol=1e-3)  # there D at G(z) lies between two bins


def flat(tick):
    """A tick without its words."""
    return tick[0] if isinstance(tick, list | tuple) else tick


# -- presets ----------------------------------------------------------------------------------------------------------


def test_figure_1_in_four_clicks(inside):
    a, b, c, d = (
        SimpleNamespace(**one)
        for one in inside("() => { let toy; return [...'abcd'].map((one) => seen((toy = played(one, toy)))); }")
    )
    width = EDGES[1] - EDGES[0]
    assert 0.02 < a.JSD < 0.2 and a.C - a.V > 0.02
    assert max(a.p_g) < a.top  # no spike that the axis cuts off
    assert a.JSD == b.JSD and b.C - b.V < 0.1 * (a.C - a.V)
    assert b.D == c.D and c.JSD < 0.7 * b.JSD
    assert d.JSD < 0.005
    p_data, D = np.array(d.p_data), np.array(d.D)
    assert np.abs(D - 0.5)[p_data > 0.05].max() < 0.1
    assert np.abs(p_data - d.p_g).sum() * width / 2 < 0.08


def test_how_it_goes_wrong_in_one_click_each(inside):
    stuck, free, Helvetica = (
        SimpleNamespace(**one)
        for one in inside("() => ['saturation', 'no saturation', 'Helvetica'].map((one) => seen(played(one)))")
    )
    assert stuck.JSD > 0.99 * math.log(2) and free.JSD < 0.3
    assert Helvetica.JSD > 0.5
    spike = int(np.argmax(Helvetica.p_g))
    assert sum(Helvetica.p_g[spike - 3 : spike + 4]) * (EDGES[1] - EDGES[0]) > 0.9
    assert Helvetica.D[spike] > 0.97 * max(Helvetica.D[60:180])


# -- the page ---------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def live(_chromium, tmp_path_factory):
    path = toy_page.write(tmp_path_factory.mktemp("page"))
    with page_of_its_own(_chromium, path) as live:
        there = "() => Number(document.querySelector('section.ganlib')?.dataset.frames) > 0"
        live.page.wait_for_function(there, timeout=30_000)
        live.opened = time.perf_counter() - live.begun
        yield live


def canvas(live, i=0):
    return live.page.locator(f"section.ganlib .gl-canvas-{i}")


def iterations(live):
    """The iterations so far."""
    return int(live.page.locator("section.ganlib .gl-readout b").first.inner_text().replace(",", ""))


def test_it_opens_at_once_on_panel_a_and_asks_for_nothing_else(live):
    print(f"\nopened within {live.opened:.2f} s; {live.path.stat().st_size / 1e3:.0f} kB")
    assert live.opened < 5
    assert [url for url in live.asked if not url.startswith(("file:", "blob:"))] == []
    assert len([url for url in live.asked if url.startswith("file:")]) == 1
    assert told(live, "state") == "paused" and iterations(live) == 80
    live.page.get_by_text(PRESETS["a"].see).wait_for()
    for colour in ((0, 158, 115), (0, 114, 178)):  # p_g and D
        assert (np.abs(pixels(canvas(live)) - colour).max(2) < 12).sum() > 100


def test_the_script_beside_the_view_is_small():
    pytest.importorskip("minify", reason="tdewolff-minify, of the extra `site`, is not installed")
    size = len((toy_page.engine_script() + toy_page.small(toy_page.START)).encode())
    print(f"\n{size:,} bytes")
    assert size <= 30_000


def test_frames_a_second_while_it_trains(live):
    press(live, "Reset", "Play")
    wait_for(live, "e.dataset.state === 'running'")
    live.page.wait_for_timeout(500)
    counted = """
    () => new Promise((resolve) => {
      const demo = document.querySelector("section.ganlib");
      const [begun, before] = [performance.now(), Number(demo.dataset.frames)];
      let pictures = 0;
      const next = (now) => {
        pictures++;
        if (now - begun < 2000) return requestAnimationFrame(next);
        const seconds = (performance.now() - begun) / 1000;
        resolve([pictures / seconds, (Number(demo.dataset.frames) - before) / seconds]);
      };
      requestAnimationFrame(next);
    })"""
    before = pixels(canvas(live))
    screen, fresh = live.page.evaluate(counted)
    speed = live.page.locator("section.ganlib .gl-readouts").inner_text().split("\n")[-1]
    press(live, "Stop")
    print(f"\n{fresh:.0f} new frames a second, {screen:.0f} pictures of the screen, {speed}")
    assert fresh > 8
    assert changed(before, pixels(canvas(live))) > 0.003


def test_every_control_reaches_the_game_and_undo_takes_a_step_back(live):
    demo = live.page.locator("section.ganlib")
    press(live, "Reset", "One iteration", "One D step", "One G step")
    wait_until_applied(live)
    assert iterations(live) == 1
    demo.get_by_role("slider", name="k", exact=True).focus()
    live.page.keyboard.press("ArrowRight")
    demo.get_by_role("combobox", name="Cost of G", exact=True).select_option(label=toy_page.BLEND)
    demo.get_by_role("combobox", name="Who moves when", exact=True).select_option(index=1)
    demo.get_by_role("combobox", name="Prior on z", exact=True).select_option(label="uniform")
    wait_until_applied(live)
    now = values(live)
    assert (now["k"], now["generator_cost"], now["p_z"]) == (2, "blend", "uniform")
    assert now["update"] != ToyEngine().values["update"]
    before = pixels(canvas(live))
    press(live, "One iteration")
    wait_until_applied(live)
    live.page.wait_for_timeout(200)
    assert changed(before, pixels(canvas(live))) > 0.003
    press(live, "Undo")
    wait_until_applied(live)
    live.page.mouse.move(5, 5)
    live.page.wait_for_timeout(200)
    assert iterations(live) == 1
    press(live, "Defaults")
    wait_until_applied(live)
    assert values(live)["k"] == 1


def test_p_data_is_drawn_by_hand_while_it_plays(live):
    demo = live.page.locator("section.ganlib")
    demo.get_by_role("combobox", name="p_data", exact=True).select_option(label="draw it yourself")
    wait_until_applied(live)
    press(live, "Play")
    draw_a_hill(live, canvas(live))
    press(live, "Pause")
    wait_until_applied(live)
    assert told(live, "state") == "paused"
    canvas(live).focus()
    for key in ("Shift+ArrowLeft", "ArrowLeft"):  # from where the pen was lifted back to the hill, and read there
        live.page.keyboard.press(key)
    there = re.compile(r"At x = 3\.[0-4]\d*: .*p_data 0\.[2-9]")
    live.page.locator("section.ganlib .gl-told").filter(has_text=there).wait_for(timeout=8_000)


def test_a_preset_by_click_slow_motion_and_an_earlier_moment(live):
    demo = live.page.locator("section.ganlib")
    press(live, PRESETS["b"].title)
    wait_for(live, "e.querySelector('.gl-b').ariaPressed === 'true' && e.dataset.state === 'paused'", timeout=60_000)
    demo.get_by_text(PRESETS["b"].see).wait_for()
    demo.get_by_role("slider", name="Speed", exact=True).focus()
    live.page.keyboard.press("Home")
    press(live, "Play")
    demo.get_by_text("z are drawn from the prior").first.wait_for()
    press(live, "Pause")
    normal = demo.locator(".gl-note", has_text="Is this normal?")
    now, box = normal.inner_text(), canvas(live, 3).bounding_box()
    live.page.mouse.click(box["x"] + 0.5 * box["width"], box["y"] + 0.5 * box["height"])
    demo.get_by_text("You look back at move").wait_for()
    assert normal.inner_text() != now, "whether it was normal then"
    press(live, "Go on from here")
    wait_until_applied(live)
    assert iterations(live) < 80
    assert told(live, "state") == "paused"


def test_it_fits_a_phone_and_follows_a_dark_theme(_chromium, live):
    context = _chromium.new_context(viewport={"width": 390, "height": 844}, color_scheme="dark")
    page = context.new_page()
    page.goto(live.path.as_uri())
    page.wait_for_function("() => Number(document.querySelector('section.ganlib')?.dataset.frames) > 0", timeout=30_000)
    assert page.evaluate("() => document.documentElement.scrollWidth") <= 390
    assert pixels(page.locator(".gl-canvas-0")).mean() < 60
    page.get_by_role("button", name="Light or dark").click()
    page.wait_for_function("() => document.documentElement.getAttribute('theme') === 'light'")
    context.close()
