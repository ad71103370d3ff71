"""The browser's helpers themselves: if this fails, look here before looking at a widget."""

import sys

import nbformat
import pytest

from tests.browser import LabPage
from tools.run_notebooks import KERNEL

pytestmark = pytest.mark.browser


def test_a_notebook_opens_runs_and_shows_its_picture(jupyterlab, page, tmp_path):
    cells = [
        "import os, sys\nprint(6 * 7, os.environ['GANLIB_PROFILE'], sys.prefix)",
        "import ipywidgets\nslider = ipywidgets.IntSlider(3, 0, 10, description='k')\nslider",
        "slider.value = 8",
        "1 / 0",
    ]
    cells = [nbformat.v4.new_code_cell(source) for source in cells]
    notebook = nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": KERNEL})
    nbformat.write(notebook, jupyterlab.folder / "probe.ipynb")
    lab = LabPage(page, jupyterlab)
    lab.open("probe.ipynb")
    lab.run_all()
    assert lab.outputs()[0]["text"] == f"42 smoke {sys.prefix}\n"  # the kernel is this very environment
    assert lab.errors() == ["ZeroDivisionError: division by zero"]
    assert page.locator(".widget-readout").inner_text() == "8"
    assert len(lab.screenshot(tmp_path / "lab.png")) > 10_000

    lab.restart_and_run_all()
    assert lab.outputs()[0]["text"].startswith("42")
    (jupyterlab.folder / "probe.ipynb").unlink()


def test_the_token_is_needed(jupyterlab, page):
    page.goto(f"{jupyterlab.url}/lab")
    assert "/login" in page.url
