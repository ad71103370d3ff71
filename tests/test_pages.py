"""The site: every page of it, its links, its formulas, what it needs from elsewhere, and demos that play in it."""

from __future__ import annotations

import base64
import gzip
import itertools
import json
import re
import shutil
import struct
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import nbformat
import numpy as np
import pytest
import torch
from torch import nn

pytest.importorskip("myst_nb", reason='the extra "site" is not installed: make env')

from ganlib import load
from ganlib.checkpoints import Trained
from ganlib.densities import Gaussian
from ganlib.lessons import optimal_discriminator as lesson
from ganlib.recipes import MASKS, TOY
from ganlib.studies.measures import Classifier
from ganlib.studies.sweeps import ToySweep
from ganlib.widgets import BeTheDiscriminator, BeTheGenerator, Explorer, FewLabels, LiveFork, LiveToy, PaintMask
from ganlib.widgets.be_discriminator import ANSWERS
from ganlib.widgets.explorer_engine import MEAN
from tests.browser import drag
from tools.pages import record, sources
from tools.pages.build import build
from tools.pages.check import Site
from tools.pages.mathml import mathml
from tools.run_notebooks import ANSWER, HINT

CHAPTERS = sources.chapters()
pytestmark = pytest.mark.filterwarnings("ignore::PendingDeprecationWarning")  # MyST-NB beside the newest Sphinx


PAGE = "02_optimal_discriminator"
FRAMES = 6  # of the run that is recorded here
SKETCHES = {
    "close": lambda x, y: y + 0.01,
    "another": lambda x, y: 1 - y,
    "the shape": lambda x, y: 0.5 * y + 0.4 + 0.03 * np.sin(7 * x),
    "a part": lambda x, y: np.where(x < 0, y + 0.123, np.nan),
}


def some(folder: Path, names: Any) -> list[str]:
    """One recording of each kind, in the places of other demos: what `record.record` does for all, in seconds."""
    demos = {1: lesson.guess_one_point(), 2: lesson.one_point(), 3: lesson.guess_wider(), 5: LiveToy(seed=3, lr_G=0)}
    demos |= {4: BeTheDiscriminator(), 6: LiveFork()}
    named = {f"{PAGE}-{i}": demo for i, demo in demos.items()}
    named |= {"14_claims-1": BeTheGenerator(), "14_claims-2": explorer(), "14_claims-3": mask()}
    for name, demo in named.items():
        for file, script in record.recorded(demo).scripts(name).items():
            (folder / f"{file}.js").write_text(script, encoding="utf-8")
    return [*named]


def explorer() -> Explorer:
    """A grid of twelve toys."""
    grid = {"ks": (1, 3), "lrs_D": (0.05, 0.3), "lrs_G": (0.01, 0.1, 1.0), "seeds": (0, 1)}
    return Explorer(ToySweep(TOY, Gaussian(0, 1), **grid, updates=40, records=4))


def mask() -> PaintMask:
    """A mask for a G and a classifier that have learnt nothing."""
    data, recipe = load("synthetic"), MASKS.at("smoke")
    G, D = recipe.networks(0, data.mean())
    with torch.no_grad(), torch.random.fork_rng():
        torch.manual_seed(0)
        for p in G.parameters():
            p.mul_(3)
        net = nn.Sequential(nn.Linear(784, 30), nn.ReLU(), nn.Linear(30, 10)).requires_grad_(False)
    return PaintMask(Trained(G, D, recipe, {}), data, Classifier(net, 0.1, 10, 0.0))


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The whole site, without recordings."""
    folder = tmp_path_factory.mktemp("site") / "_site"
    yield build(folder)
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A site of two notebooks, with nine recordings."""
    folder = tmp_path_factory.mktemp("small") / "_site"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(record, "FRAMES", FRAMES)
        patch.setattr(record, "FEWER", {"ForkEngine": 3})
        patch.setattr(record, "LOOKS", {"ForkEngine": {"c": (0.25, 0.75)}})
        patch.setattr(record, "DEALS", 2)
        patch.setattr(record, "MOMENTS", 2)
        yield build(folder, names=[PAGE, "14_claims"], record=some)
    shutil.rmtree(folder)


def text(site: Site, name: str) -> str:
    return (site.folder / f"{name}.html").read_text(encoding="utf-8")


def test_every_link_anchor_and_picture_is_there_and_nothing_is_needed_from_elsewhere(site):
    assert site.problems() == []
    assert {path.stem for path in site.pages} >= {chapter.name for chapter in CHAPTERS} | {"index", "search"}
    assert sum(len(page.links) for page in site.pages.values()) > 1_000
    glossary = [link for page in site.pages.values() for link in page.links if link == "00_start_here.html#glossary"]
    assert len(glossary) > 50


def test_the_pages_go_from_one_to_the_next_and_back(site):
    for one, other in itertools.pairwise(CHAPTERS):
        assert re.search(rf'class="next-page" href="{other.name}.html"', text(site, one.name))
        assert re.search(rf'class="prev-page" href="{one.name}.html"', text(site, other.name))
    assert all(f'class="card" href="{chapter.name}.html"' in text(site, "index") for chapter in CHAPTERS)


def test_a_page_has_what_its_notebook_put_out_and_not_what_is_of_use_in_jupyterlab_only(site):
    for chapter in CHAPTERS:
        page = text(site, chapter.name)
        assert "google.colab" not in page and "# Your turn." not in page and "ganlib-still" not in page
        notebook = nbformat.read(sources.ROOT / "notebooks" / f"{chapter.name}.ipynb", as_version=4)
        answers = sum(ANSWER in cell.metadata.get("tags", ()) for cell in notebook.cells)
        assert page.count(sources.FOLDED) == answers and HINT not in page, "an answer is folded, under words of its own"
        assert "\u2060" not in page and 'class="joined"' in page, "a formula and what ends its sentence are not parted"
        assert "colab.research.google.com/github/" in page and "mybinder.org/v2/gh/" in page
        assert "$" not in re.sub(r"<(script|style|pre|code|math)\b.*?</\1>|alttext=\"[^\"]*\"", "", page, flags=re.S)
    assert text(site, "01_the_game").count("A picture of a live demo") == 3


def test_the_search_finds_words_of_the_pages(site):
    index = (site.folder / "searchindex.js").read_text(encoding="utf-8")
    assert all(f'"{word}"' in index or f"{word}:" in index for word in ("helvetica", "parzen", "jensen"))


def test_formulas_are_mathml_as_latex_means_them():
    assert "<mi>JSD</mi>" in mathml(r"\mathrm{JSD}") and "𝔼" in mathml(r"\mathbb E_z")
    assert 'alttext="-\\log 4"' in mathml(r"-\log 4")
    short, long = mathml(r"\frac12 \big(a\big)"), mathml(r"\frac{1}{2} \bigl(a\bigr)")
    assert re.sub('alttext="[^"]*"', "", short) == re.sub('alttext="[^"]*"', "", long)
    assert re.search(r"<munder><munder>.*⏟.*</munder><mi>b</mi></munder>", mathml(r"\underbrace{a}_b"))
    with pytest.raises(ValueError, match="nonsense"):
        mathml(r"\nonsense x")


@pytest.mark.parametrize(
    ("markup", "problem"),
    [
        ('<a href="b.html">b</a>', "which is not there"),
        ('<a href="#nowhere">a</a>', "no such place"),
        ('<img src="a.png" alt="">', "a.png is not there"),
        ('<img src="data:image/png;base64,AA">', "no alt text"),
        ('<script src="https://example.org/a.js"></script>', "outside the site"),
        ('<link rel="stylesheet" href="//example.org/a.css">', "outside the site"),
        ("<style>a { background: url(https://example.org/a.png) }</style>", "outside the site"),
        ('<script type="module">import "https://example.org/a.js";</script>', "outside the site"),
        ('<a href="ftp://example.org">a</a>', "a link leads to"),
        ('<a href="#here">a</a><b id="here"></b><a href="https://example.org/">out</a>', None),
    ],
)
def test_the_check_finds_what_is_wrong(tmp_path: Path, markup: str, problem: str | None):
    (tmp_path / "index.html").write_text(f"<!doctype html><p>{markup}</p>")
    found = Site(tmp_path).problems()
    assert len(found) == (problem is not None) and all(problem in one for one in found)


# -- recordings --------------------------------------------------------------------------------------------------------


def unpacked(script: str) -> tuple[dict[str, Any], bytes]:
    """What a recording's script holds: its plain data, and its buffers one after another."""
    data = gzip.decompress(base64.b64decode(re.search(r', "(.*)"\);$', script)[1]))
    (n,) = struct.unpack("<I", data[:4])
    return json.loads(data[4 : 4 + n]), data[4 + n :]


def test_a_recording_holds_the_numbers_of_each_frame_to_a_quarter_of_a_pixel():
    demo = lesson.one_point()
    about, data = unpacked(record.recorded(demo).script("a"))
    axes = dict(about["axes"])
    assert 200 < axes["a"] * axes["b"] <= record.PLACES and len(about["frames"]) == axes["a"] * axes["b"]
    ends = np.cumsum([0, *(size for size, _ in about["buffers"])])
    for i in (0, 37, len(about["frames"]) - 1):
        frame = about["frames"][i]
        demo.set(a=frame["values"]["a"][0], b=frame["values"]["b"][0])
        message, buffers = demo.latest
        assert message["picture"] == frame["picture"]
        for at, real in zip(frame["b"], buffers):
            there = np.frombuffer(data[ends[at] : ends[at + 1]], np.uint8).reshape(4, -1).T.copy().view("<f4").ravel()
            np.testing.assert_allclose(there, np.frombuffer(real, np.float32), rtol=2**-12)
    start = about["frames"][about["start"]]["values"]
    assert (start["a"][0], start["b"][0]) == (0.6, 0.9)


def test_a_notebook_runs_only_what_its_demos_need(tmp_path, monkeypatch):
    monkeypatch.setattr(record, "_explored", lambda demo: record.Recording(demo, "explored"))  # untrained
    player = record.Player(sources.ROOT / "notebooks" / "09_k_and_learning_rates.ipynb", tmp_path, lambda said: None)
    player.play()
    assert player.names == [f"09_k_and_learning_rates-{i}" for i in range(1, 6)]
    assert "sweep" in player._names and "results" not in player._names  # which takes minutes


# -- in a browser ------------------------------------------------------------------------------------------------------


@pytest.fixture
def opened(page: Any, small: Site) -> Iterator[Any]:
    """Notebook 2 in a browser, from a file: `demo(i)` is its i-th demo; whatever a page asks for is in `asked`."""
    asked, errors = list[str](), list[str]()
    page.on("request", lambda request: asked.append(request.url))
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto((small.folder / f"{PAGE}.html").as_uri())

    def demo(i: int, of: str = PAGE) -> Any:
        place = page.locator(f'.demo[data-recording="{of}-{i}"]')
        place.evaluate("e => { const fold = e.closest('details'); if (fold) fold.open = true; }")  # of an answer
        place.scroll_into_view_if_needed()
        page.locator(f'.demo[data-recording="{of}-{i}"][data-there]').wait_for()
        return place

    yield SimpleNamespace(page=page, demo=demo, asked=asked)
    assert {error for error in errors if "Failed to fetch" not in error} == set()  # of files the search has no excerpts


def verdict(place: Any) -> list[str]:
    """What stands in a question's note."""
    return place.locator(".gl-note[data-tone] li").all_inner_texts()


@pytest.mark.browser
def test_no_page_asks_for_anything_outside_the_site(opened, small):
    assert small.problems() == [] and text(small, PAGE).count('<div class="demo" data-recording=') == 6
    opened.demo(1)
    for name in ("index", "14_claims", "search"):
        opened.page.goto((small.folder / f"{name}.html").as_uri() + ("?q=entropies" if name == "search" else ""))
    opened.page.locator("#search-results a", has_text="2 · The optimal discriminator").wait_for()
    assert len(opened.asked) > 20 and all(url.startswith(("file:", "data:", "blob:")) for url in opened.asked)


@pytest.mark.browser
def test_a_question_answers_in_the_page_as_in_the_notebook(opened):
    place, real = opened.demo(1), lesson.guess_one_point()
    for option in ("2/3", "3/4"):
        real.press("again")
        real.pick(option)
        real.press("reveal")
        place.get_by_role("button", name=option, exact=True).click()
        place.get_by_role("button", name="Show what happens").click()
        place.page.wait_for_function("e => e.dataset.state === 'shown'", arg=place.locator("section").element_handle())
        assert verdict(place) == [line for note in real.latest[0]["picture"]["notes"] for line in note["lines"]]
        place.get_by_role("button", name="Guess again").click()
    still = opened.page.locator(".cell_output img").first
    assert not still.is_visible()


@pytest.mark.browser
def test_sliders_show_in_the_page_what_they_show_in_the_notebook(opened):
    place, real = opened.demo(2), lesson.one_point()
    lab = SimpleNamespace(page=opened.page)
    drag(lab, "a", 0.9, of=f'[data-recording="{PAGE}-2"]')
    drag(lab, "b", 0.2, of=f'[data-recording="{PAGE}-2"]')
    section = place.locator("section")
    opened.page.wait_for_function(
        "e => Number(e.dataset.applied) >= Number(e.dataset.asked)", arg=section.element_handle()
    )
    values = json.loads(section.get_attribute("data-values"))
    assert values["a"] > 1.5 and values["b"] < 0.6
    real.set(**values)
    assert place.locator(".gl-words").inner_text() == real.latest[0]["picture"]["words"]
    place.get_by_role("button", name="Reset").click()
    opened.page.wait_for_function("e => JSON.parse(e.dataset.values).a === 0.6", arg=section.element_handle())


@pytest.mark.browser
def test_a_sketch_is_judged_in_the_page_as_in_the_notebook(opened):
    place, real = opened.demo(3), lesson.guess_wider()
    truth, nodes = real.engine.truth(), np.linspace(-6, 6, record.NODES)
    found = set()
    for wrong in SKETCHES.values():
        heights = np.clip(wrong(nodes, np.interp(nodes, truth.x, truth.y)), 0, 1).round(4)
        sketch = [float(h) if np.isfinite(h) else None for h in heights]
        place.evaluate("(e, sketch) => e.model.send({ type: 'set', id: 1, values: { sketch } })", sketch)
        place.get_by_role("button", name="Show what happens").click()
        real.set(sketch=sketch)
        real.press("reveal")
        *_, note = real.latest[0]["picture"]["notes"]
        place.locator(f".gl-note[data-tone={note['tone']}]").wait_for()
        assert verdict(place) == note["lines"]
        found.add(note["lines"][0].split(":")[0][:20])
        place.get_by_role("button", name="Guess again").click()
        real.press("again")
    assert len(found) == 3  # close, of the right shape, another


@pytest.mark.browser
def test_a_run_plays_to_its_end_and_goes_back(opened):
    place, section = opened.demo(5), opened.demo(5).locator("section")
    state = "(e, state) => e.dataset.state === state"
    frames = int(section.get_attribute("data-frames"))
    place.get_by_role("button", name="Play", exact=True).click()
    opened.page.wait_for_function(f"e => ({state})(e, 'paused')", arg=section.element_handle())
    assert int(section.get_attribute("data-frames")) >= frames + 2
    assert f"after {10 * (FRAMES - 1)} iterations" in place.locator(".gl-words").inner_text()
    assert not place.get_by_role("slider").count()  # what a recording cannot do is not offered
    place.get_by_role("button", name="Reset").click()
    opened.page.wait_for_function(f"e => ({state})(e, 'idle')", arg=section.element_handle())
    assert "after 0 iterations" in place.locator(".gl-words").inner_text()


@pytest.mark.browser
def test_pictures_are_judged_in_the_page_as_in_the_notebook(opened):
    place, real = opened.demo(4), BeTheDiscriminator()
    section = place.locator("section").element_handle()
    rng = np.random.default_rng(0)
    for i, choice in enumerate(rng.integers(1, 6, real.engine.n), 1):
        real.press(f"say_{choice}")
        place.get_by_role("button", name=re.compile([*ANSWERS][choice - 1])).click()
        opened.page.wait_for_function("([e, n]) => e.textContent.includes(`${n} of 20`)", arg=[section, i])
        if i in (1, 4, 20):
            picture = real.latest[0]["picture"]
            assert place.locator(".gl-words").inner_text() == picture["words"]
            assert place.locator(".gl-note li").all_inner_texts() == picture["notes"][0]["lines"]
            shown = place.evaluate("e => e.model.message('').picture.panels.map(({ tiles, cells }) => [tiles, cells])")
            sheet, table = picture["panels"][1]["tiles"], picture["panels"][2]["cells"]
            assert shown[1][0]["badges"] == json.loads(json.dumps(sheet["badges"]))
            assert shown[2][1]["words"] == json.loads(json.dumps(table["words"]))
    assert place.get_by_role("button", name="surely real").get_attribute("aria-disabled") == "true"
    place.get_by_role("button", name="Take back").click()
    opened.page.wait_for_function("e => e.textContent.includes('19 of 20')", arg=section)
    place.get_by_role("button", name="New pictures").click()
    opened.page.wait_for_function("e => e.textContent.includes('0 of 20')", arg=section)


@pytest.mark.browser
def test_p_g_is_in_the_readers_hands_in_the_page_as_in_the_notebook(opened, small):
    opened.page.goto((small.folder / "14_claims.html").as_uri())
    place, real = opened.demo(1, of="14_claims"), BeTheGenerator()
    moves = [{"x_1": -1.6, "x_5": 2.0}, {"width": 0.3}, "hold", {"x_2": 1.4}, "best", "follow", "best", "reset"]
    shown = "e => { const { picture } = e.model.message(); return [picture.readouts, picture.words, e.model.push]; }"
    for one in moves:
        if isinstance(one, str):
            place.locator("section").get_by_role("button", name=real.engine.controls[one].name, exact=True).click()
            real.press(one)
        else:
            place.evaluate("(e, values) => e.model.send({ type: 'set', id: 1, values })", one)
            real.set(**one)
        opened.page.wait_for_timeout(50)
        picture = real.latest[0]["picture"]
        readouts, words, push = place.evaluate(shown)
        assert [name for _, name in readouts] == [name for _, name in picture["readouts"]]
        numbers = [[float(said.replace("−", "-")) for said, _ in each] for each in (readouts, picture["readouts"])]
        np.testing.assert_allclose(*numbers, atol=0.0011)
        assert words == picture["words"]
        np.testing.assert_allclose(push, real.engine.push(), rtol=2e-3, atol=2e-3)


@pytest.mark.browser
def test_an_explorer_shows_each_of_its_runs_in_the_page_as_in_the_notebook(opened, small):
    opened.page.goto((small.folder / "14_claims.html").as_uri())
    place, real = opened.demo(2, of="14_claims"), explorer()
    real.finish(progress=False)
    real.set(**real.engine.best())
    shown = "e => { const { picture, buffers } = e.model.message(); "
    shown += "return [picture, buffers.map(({ buffer }) => Array.from(new Float32Array(buffer)))]; }"
    first = {"k": 3, "G": 1.0}
    for choice in ({}, first, {"plane": "k × G", "seed": 1}, {"shown": "width", "record": 1, "D": 0.3}, {"seed": MEAN}):
        place.evaluate("(e, values) => e.model.send({ type: 'set', id: 1, values })", choice)
        real.set(**choice)
        picture, floats = place.evaluate(shown)
        (message, buffers), cells = real.latest, picture["panels"][0]["cells"]
        own = json.loads(json.dumps(message["picture"]))
        numbers = [np.array(one.pop("values"), float) for one in (cells, own["panels"][0]["cells"])]
        np.testing.assert_allclose(*numbers, atol=0.0006)
        assert picture == own
        for there, buffer in zip(floats, buffers, strict=True):
            np.testing.assert_allclose(there, np.frombuffer(buffer, np.float32), rtol=2**-12)
    section = place.locator("section")
    place.locator("canvas").first.focus()
    opened.page.keyboard.press("ArrowLeft")  # the columns are G's rates, 1.0 was chosen
    opened.page.wait_for_function("e => JSON.parse(e.dataset.values).G === 0.1", arg=section.element_handle())
    assert not place.get_by_role("button", name="Start").count()


@pytest.mark.browser
def test_a_mask_is_painted_in_the_page_as_in_the_notebook_once_its_nets_are_fetched(opened, small):
    opened.page.goto((small.folder / "14_claims.html").as_uri())
    place, real = opened.demo(3, of="14_claims"), mask()
    paint = lambda index, **more: place.evaluate(  # noqa: E731
        "(e, values) => e.model.send({ type: 'press', id: 1, button: 'paint', values })", {"index": index, **more}
    )
    paint(3)
    place.get_by_text("G is not here yet").wait_for()
    assert not any("-nets" in url for url in opened.asked)
    place.get_by_role("button", name="Fetch G").click()
    place.get_by_text("G and the classifier are here").wait_for()
    shown = "e => { const { picture, buffers } = e.model.message(); "
    shown += "return JSON.stringify([picture, buffers.map(({ buffer }) => Array.from(new Uint8Array(buffer)))]); }"
    for move in (
        {},
        {"index": 3},
        {"index": 30, "stroke": True},
        {"index": 31},
        "Another digit",
        "New noise",
        "Hide all",
    ):
        if isinstance(move, str):
            place.get_by_role("button", name=move).click()
            real.press(next(key for key, one in real.engine.controls.items() if one.name == move))
        elif move:
            paint(**move)
            real.press("paint", **move)
        picture, images = json.loads(place.evaluate(shown))
        own = json.loads(json.dumps(real.latest[0]["picture"]))
        there, here = (float(one["readouts"][1].pop(0)) for one in (picture, own))
        assert there == pytest.approx(here, abs=0.02) and picture == own
        for found, buffer in zip(images, real.latest[1], strict=True):
            np.testing.assert_allclose(found, np.frombuffer(buffer, np.uint8), atol=2)


@pytest.mark.browser
def test_a_run_is_looked_at_from_more_than_one_place(opened):
    place, real = opened.demo(6), LiveFork()
    words, step = place.locator(".gl-words"), record.RUNS["ForkEngine"]
    assert words.inner_text() == real.latest[0]["picture"]["words"], "it begins where the notebook's demo begins"
    for _ in range(step):
        real.engine.once()
    place.get_by_role("button", name="Step", exact=True).click()
    for key, c in (("Home", 0.25), ("End", 0.75)):
        place.get_by_role("slider").focus()
        opened.page.keyboard.press(key)
        real.set(c=c)
        words.filter(has_text=real.latest[0]["picture"]["words"]).wait_for()


def test_a_run_takes_no_points_of_a_person():
    message, _ = record._still(FewLabels().latest)
    assert [panel["draws"] for panel in message["picture"]["panels"]] == [None] * 4


@pytest.mark.browser
def test_a_phone_shows_a_page_without_scrolling_sideways_and_the_theme_reaches_its_demos(opened, small):
    opened.page.set_viewport_size({"width": 390, "height": 844})
    section = opened.demo(2).locator("section")
    for scheme, dark in (("light", "0"), ("dark", "1")):
        opened.page.emulate_media(color_scheme=scheme)
        there = "(e, dark) => getComputedStyle(e).getPropertyValue('--gl-dark').trim() === dark"
        opened.page.wait_for_function(f"([e, dark]) => ({there})(e, dark)", arg=[section.element_handle(), dark])
    assert opened.page.evaluate("document.documentElement.scrollWidth") <= 390
    for name in ("index", "14_claims"):
        opened.page.goto((small.folder / f"{name}.html").as_uri())
        assert opened.page.evaluate("document.documentElement.scrollWidth") <= 390, name


def test_a_folder_of_other_things_is_refused_and_left(tmp_path):
    kept = tmp_path / "notes.txt"
    kept.write_text("mine")
    with pytest.raises(RuntimeError, match="is there and is no site"):
        build(tmp_path)
    assert kept.read_text() == "mine"
