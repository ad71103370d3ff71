"""Slides: what `jupyter nbconvert --to slides` makes of the notebooks that carry the metadata for it."""

from __future__ import annotations

import re

import pytest

from tests.test_notebooks import NOTEBOOKS

TYPES = {"slide", "subslide", "fragment", "skip", "notes", "-"}
TALLEST = 14  # lines of text or code that a cell may put on a slide; a table's row counts as one


def kinds(name: str) -> list[str]:
    """The slide type of each cell; "-", its own default, goes on with the slide before."""
    return [cell.metadata.get("slideshow", {}).get("slide_type", "-") for cell in NOTEBOOKS[name].cells]


WITH_SLIDES = [name for name in NOTEBOOKS if "slide" in kinds(name)]


def test_the_first_notebook_makes_slides():
    assert "01_the_game" in WITH_SLIDES


@pytest.mark.parametrize("name", WITH_SLIDES)
def test_slides_begin_with_the_title_and_leave_out_what_is_no_matter_for_a_room(name):
    cells, types = NOTEBOOKS[name].cells, kinds(name)
    assert set(types) <= TYPES and types[0] == "slide" and 5 <= types.count("slide") <= 20
    for cell, kind in zip(cells, types):
        plumbing = "google.colab" in cell.source or "check" in cell.metadata.get("tags", ())
        if plumbing or "# Your turn." in cell.source or "```python" in cell.source:
            assert kind == "skip", cell.source[:60]
        if kind not in ("skip", "notes"):
            assert "<details>" not in cell.source, "an answer stands on a slide: put it into the notes"


@pytest.mark.parametrize("name", WITH_SLIDES)
def test_no_cell_is_too_long_for_a_slide(name):
    for cell, kind in zip(NOTEBOOKS[name].cells, kinds(name)):
        if kind in ("slide", "subslide", "fragment", "-"):
            lines = [line for line in cell.source.splitlines() if line.strip() and "badge" not in line]
            assert sum(1 + len(re.sub(r"\]\([^)]*\)", "", line)) // 130 for line in lines) <= TALLEST, cell.source[:60]


@pytest.mark.parametrize("name", WITH_SLIDES)
def test_no_line_of_code_is_cut_off_at_the_right_edge_of_a_slide(name):
    for cell, kind in zip(NOTEBOOKS[name].cells, kinds(name)):
        if cell.cell_type == "code" and kind not in ("skip", "notes"):
            assert max(map(len, cell.source.splitlines())) <= 74, cell.source


@pytest.mark.parametrize("name", WITH_SLIDES)
def test_nbconvert_makes_the_slides(name):
    exporter = pytest.importorskip("nbconvert").SlidesExporter()
    html, _ = exporter.from_notebook_node(NOTEBOOKS[name])
    assert html.count("<section") >= kinds(name).count("slide")
    assert "Your turn." not in html and "google.colab" not in html
