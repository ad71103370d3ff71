"""Makes figures/live_toy.webp, the film at the top of the README: the live toy in a real JupyterLab in Chromium.

python -m tools.make_film     needs Chromium; a minute
"""

from __future__ import annotations

import io
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import nbformat
from PIL import Image
from playwright.sync_api import sync_playwright

from tests import browser

ROOT = Path(__file__).resolve().parent.parent
TOY = 'from ganlib.widgets import LiveToy, show\n\nlive = LiveToy(opening="a")\nshow(live)'
PLAYED = {"a": 2, "b": 10, "c": 10, "d": 34}  # the presets of the film, and how many frames of each
EACH = 120  # milliseconds that a frame of the film is shown
KERNEL = {"name": "python3", "display_name": "Python 3 (ipykernel)", "language": "python"}


@contextmanager
def lab(code: str, width: int, height: int) -> Iterator[browser.LabPage]:
    """A JupyterLab in which a notebook of one cell has run."""
    with (
        tempfile.TemporaryDirectory() as scratch,
        browser.serve(ROOT / "notebooks", Path(scratch)) as server,
        sync_playwright() as playwright,
    ):
        cells = [nbformat.v4.new_code_cell(code)]
        nbformat.write(
            nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": KERNEL}), server.folder / "live.ipynb"
        )
        chromium = playwright.chromium.launch(
            executable_path=browser.find_chromium(), headless=True, args=browser.CHROMIUM_FLAGS
        )
        page = chromium.new_page(viewport={"width": width, "height": height}, device_scale_factor=1.5)
        opened = browser.LabPage(page, server)
        opened.open("live.ipynb")
        opened.run_all()
        page.evaluate("() => window.jupyterapp.commands.execute('application:toggle-left-area')")
        yield opened
        chromium.close()


def toy() -> None:
    """Press the four panels of Figure 1 one after the other, and keep what is seen as a film."""
    frames = []
    with lab(TOY, 1100, 1400) as opened:
        page, demo = opened.page, opened.page.locator(browser.DEMO)
        for preset, n in PLAYED.items():
            page.locator(f".gl-{preset}").click()
            for _ in range(n):
                page.wait_for_timeout(EACH)
                frames.append(Image.open(io.BytesIO(demo.screenshot())).convert("RGB"))
            while preset != "d" and browser.run(opened, "print(live.state)")[0].strip() == "running":
                page.wait_for_timeout(100)
    width, height = frames[0].size
    small = [frame.resize((960, round(height * 960 / width)), Image.Resampling.LANCZOS) for frame in frames]
    look = {"duration": EACH, "loop": 0, "quality": 70, "method": 6}
    small[0].save(ROOT / "figures" / "live_toy.webp", save_all=True, append_images=small[1:], **look)


if __name__ == "__main__":
    toy()
