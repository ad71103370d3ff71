"""How many frames a second do the live games draw in their pages while they train, and how soon are they there?

    python -m benchmarks.page [--only play|ring]

The pages of `make site`, Figure 1 and the ring of 8, in a headless Chromium, which shows 60 pictures a second at the
most. A frame counts when the page has drawn a new state of the game. It trains at full speed, from its start, as a
reader sees it.
"""

from __future__ import annotations

import argparse
import itertools
import statistics
import sys
import tempfile
from pathlib import Path
from typing import Any

from tests.browser import CHROMIUM_FLAGS, find_chromium
from tools import plane_page, toy_page

ROUNDS, SECONDS = 3, 10
PAGES = {"play": toy_page, "ring": plane_page}
SIZES = {"wide": (1400, 1000), "a phone": (390, 844)}
THERE = """
() => new Promise((resolve) => {
  const look = () => {
    const demo = document.querySelector("section.ganlib");
    if (Number(demo?.dataset.frames) > 0) resolve(performance.now());
    else setTimeout(look, 1);
  };
  look();
})"""
COUNT = """
(ms) => new Promise((resolve) => {
  const demo = document.querySelector("section.ganlib");
  const read = () => Number(demo.querySelector(".gl-readout b").textContent.replaceAll(",", ""));
  const frames = () => Number(demo.dataset.frames);
  const at = [];
  const [begun, before, step] = [performance.now(), frames(), read()];
  const next = (now) => {
    at.push(now);
    if (now - begun < ms) return requestAnimationFrame(next);
    const seconds = (performance.now() - begun) / 1000;
    const late = at.filter((one, i) => i && one - at[i - 1] > 25).length;
    resolve([(frames() - before) / seconds, at.length / seconds, late, (read() - step) / seconds]);
  };
  requestAnimationFrame(next);
})"""


def measured(page: Any, path: Path) -> tuple[float, float, float, int, float]:
    """Seconds to the first trained frame; then frames, pictures, late pictures and iterations a second, training."""
    page.goto(path.as_uri(), wait_until="commit")
    start = page.evaluate(THERE) / 1000
    demo = page.locator("section.ganlib")
    for name in ("Reset", "Play"):
        demo.get_by_role("button", name=name, exact=True).click(force=True)
    page.wait_for_timeout(1_000)
    frames, pictures, late, iterations = page.evaluate(COUNT, 1000 * SECONDS)
    return start, frames, pictures, late, iterations


def main() -> None:
    """Print each round, and the median and the minimum of all."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.page", description=__doc__.splitlines()[0])
    parser.add_argument("--only", choices=PAGES, action="append", help="one page (default: both)")
    pages = parser.parse_args().only
    from playwright.sync_api import sync_playwright

    chromium = find_chromium() or sys.exit("no Chromium or Chrome on this machine")
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, headless=True, args=CHROMIUM_FLAGS)
        for which, (name, (width, height)) in itertools.product(pages or PAGES, SIZES.items()):
            path, name, found = PAGES[which].write(Path(folder) / which), f"{which}, {name}", []
            for _ in range(ROUNDS):
                context = browser.new_context(viewport={"width": width, "height": height})
                found.append(measured(context.new_page(), path))
                context.close()
                start, frames, pictures, late, iterations = found[-1]
                print(
                    f"{name}: there after {start:.2f} s; {frames:.1f} new frames a second, {pictures:.1f} pictures, ",
                    end="",
                )
                print(f"{late} of them late; {iterations:,.0f} iterations a second")
            frames, starts = [one[1] for one in found], [one[0] for one in found]
            print(
                f"{name}: median {statistics.median(frames):.1f}, minimum {min(frames):.1f} frames a second; ", end=""
            )
            print(f"there after {statistics.median(starts):.2f} s, {max(starts):.2f} s at the most")
        browser.close()


if __name__ == "__main__":
    main()
