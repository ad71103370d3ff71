"""The site: every page of it, its links, its formulas, what it needs from elsewhere, and demos that play in it."""

from __future__ import annotations

import itertools
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("myst_nb", reason='the extra "site" is not installed: make env')

from tools.pages import sources
from tools.pages.build import build
from tools.pages.check import Site
from tools.pages.mathml import mathml

CHAPTERS = sources.chapters()
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # between the versions of Sphinx and MyST


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The whole site, without recordings."""
    folder = tmp_path_factory.mktemp("site") / "_site"
    yield build(folder)
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
        assert "colab.research.google.com/github/" in page and "mybinder.org/v2/gh/" in page
        assert "$" not in re.sub(r"<(script|style|pre|code|math)\b.*?</\1>|alttext=\"[^\"]*\"", "", page, flags=re.S)
    assert '<div class="demo" data-recording="01_the_game-3">' in text(site, "01_the_game")
    assert "PREDICT" not in text(site, "01_the_game") and "<summary>" in text(site, "01_the_game")


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
