"""Makes figures/live_mnist.png, the picture at the top of the README: JupyterLab in Chromium while MNIST trains live.

python tools/make_screenshot.py [STEPS]      needs Chromium and MNIST; a few minutes
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import nbformat
from playwright.sync_api import sync_playwright

from tests import browser

ROOT = Path(__file__).resolve().parent.parent
CELLS = [
    nbformat.v4.new_code_cell(
        "from ganlib import MNIST, load\nfrom ganlib.widgets import LiveTraining, show\n\n"
        'live = LiveTraining(MNIST, load("mnist"), seed=0)\nshow(live)'
    ),
]
KERNEL = {"name": "python3", "display_name": "Python 3 (ipykernel)", "language": "python"}


def main(steps: int) -> None:
    """Train live for so many steps, then take the picture."""
    with (
        tempfile.TemporaryDirectory() as scratch,
        browser.serve(ROOT / "notebooks", Path(scratch)) as server,
        sync_playwright() as playwright,
    ):
        notebook = nbformat.v4.new_notebook(cells=CELLS, metadata={"kernelspec": KERNEL})
        nbformat.write(notebook, server.folder / "live.ipynb")
        chromium = playwright.chromium.launch(
            executable_path=browser.find_chromium(), headless=True, args=browser.CHROMIUM_FLAGS
        )
        page = chromium.new_page(viewport={"width": 1280, "height": 1180}, device_scale_factor=1.5)
        lab = browser.LabPage(page, server)
        lab.open("live.ipynb")
        lab.run_all()
        page.evaluate("() => window.jupyterapp.commands.execute('application:toggle-left-area')")
        page.locator(".gl-start").click()
        while int(browser.run(lab, "print(live.trainer.step)")[0]) < steps:
            page.wait_for_timeout(1_000)
        page.screenshot(path=ROOT / "figures" / "live_mnist.png")
        chromium.close()


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 5_000)
