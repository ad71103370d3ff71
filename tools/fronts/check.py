"""Runs inside the environment of a set: every notebook in `smoke`, a live demo in JupyterLab and Notebook 7, one row.

The row of FRONTENDS.md is written from what was found here, and from the versions that this very Python has.
"""

from __future__ import annotations

import argparse
import os
import platform
import re
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path

from tools.run_tests import NBVAL, WORKERS, run

ROOT = Path(__file__).resolve().parent.parent.parent
TABLE = ROOT / "FRONTENDS.md"
PACKAGES = ("torch", "numpy", "scipy", "ipython", "ipykernel", "ipywidgets", "anywidget")
FRONT_ENDS = {"jupyterlab": "lab/tree", "notebook": "notebooks"}  # and the path that opens a notebook
HEAD = ("set", "Python", *PACKAGES, "cells that run, in notebooks", "demo in JupyterLab", "demo in Notebook")


def notebooks(names: list[str] | None) -> tuple[str, bool]:
    """Run the notebooks that begin with these names, or all: "532 of 532 in 20", and whether that is all well."""
    files = [
        p for p in sorted((ROOT / "notebooks").glob("*.ipynb")) if names is None or p.name.startswith(tuple(names))
    ]
    together = ["-n", str(WORKERS), "--dist", "loadscope"]
    with tempfile.TemporaryDirectory() as scratch:  # the notebooks begin their runs afresh
        os.environ |= {"GANLIB_RUNS": scratch, "PYDEVD_DISABLE_FILE_VALIDATION": "1"}
        code, counts, failures = run("notebooks in smoke", [*together, *NBVAL, *map(str, files)], 1)
    print("\n".join(failures))
    ran = counts["passed"] + counts["failed"] + counts["error"] + counts["errors"]
    return f"{counts['passed']} of {ran} in {len(files)}", code == 0 and counts["passed"] > 0


def demo(front: str, screenshots: Path | None) -> str:
    """Run notebook 1 in a front end, move a slider of its live toy and let it play: "works", or what failed."""
    from playwright.sync_api import sync_playwright

    from tests import browser

    path = browser.find_chromium()
    if path is None:
        return "no Chromium on this machine"
    with tempfile.TemporaryDirectory() as scratch, sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=path, headless=True, args=browser.CHROMIUM_FLAGS)
        page = chromium.new_page(viewport={"width": 1400, "height": 1000})
        try:
            with browser.serve(ROOT / "notebooks", Path(scratch)) as server:
                return played(browser.LabPage(page, server, FRONT_ENDS[front]), front, screenshots)
        except Exception as error:
            print(f"{front}: {error}")
            if screenshots:
                page.screenshot(path=screenshots / f"{front}-failed.png")
            return f"fails: {' '.join(str(error).split())[:80]}"
        finally:
            chromium.close()


def played(lab: object, front: str, screenshots: Path | None) -> str:
    """The same, on a page: the slider's value must reach the kernel, and the curves must move once it plays."""
    from ganlib.widgets import ToyEngine
    from tests import browser

    toy, asked = f'section.ganlib[aria-label="{ToyEngine.title}"]', []
    # Badges and other pictures of the text may come from anywhere.
    lab.page.on("request", lambda r: asked.append(r.url) if r.resource_type != "image" else None)
    lab.open("01_the_game.ipynb")
    lab.run_all()
    if errors := lab.errors():
        return f"fails: {errors[0][:80]}"
    browser.wait_for(lab, "Number(e?.dataset.frames) > 0", toy)
    curves = browser.canvas(lab, 0, toy)
    browser.drag(lab, "k", 0.5, toy)
    browser.wait_until_applied(lab, toy)
    k = browser.values(lab, toy)["k"]
    if k == 1 or browser.run(lab, "print(toy.k)")[0] != str(k):
        return f"fails: the slider k is at {k} on the page and not in the kernel"
    before = browser.pixels(curves)
    browser.press(lab, "Play", of=toy)
    browser.wait_for(lab, "e.dataset.state === 'running'", toy)
    lab.page.wait_for_timeout(2_000)
    if screenshots:
        screenshots.mkdir(parents=True, exist_ok=True)
        lab.page.screenshot(path=screenshots / f"{front}.png")
    browser.press(lab, "Pause", of=toy)
    browser.wait_for(lab, "e.dataset.state === 'paused'", toy)
    if browser.changed(before, browser.pixels(curves)) < 0.005:
        return "fails: the curves stand still"
    outside = {url for url in asked if not url.startswith((lab.server.url, "data:", "blob:"))}
    return f"asks for {sorted(outside)[0][:60]}" if outside else "works"


def row(name: str, ran: str, demos: dict[str, str]) -> str:
    """One line of the table."""
    versions = [version(package).partition("+")[0] for package in PACKAGES]
    shown = [f"{version(front)}: {demos[front]}" for front in FRONT_ENDS]
    return "| " + " | ".join([name, platform.python_version(), *versions, ran, *shown]) + " |"


def record(line: str, path: Path = TABLE) -> None:
    """Put a row in its place in the table: that of the same set and Python 3.x, or below the others."""
    text = path.read_text(encoding="utf-8")
    name, python = re.match(r"\| (\w+) \| (3\.\d+)", line).groups()
    old = re.compile(rf"^\| {name} \| {re.escape(python)}\b.*$", re.M)
    if old.search(text):
        text = old.sub(lambda _: line, text)
    else:
        head = "| " + " | ".join(HEAD) + " |\n"
        begin = text.index(head)
        end = text.find("\n\n", begin)
        text = f"{text[:end]}\n{line}{text[end:]}"
    path.write_text(text, encoding="utf-8")


def main(arguments: list[str]) -> int:
    """Check, print the row, and record it where asked and where all was run."""
    parser = argparse.ArgumentParser(prog="python -m tools.fronts.check")
    parser.add_argument("set")
    parser.add_argument("--record", action="store_true")
    parser.add_argument("--notebooks", nargs="*")
    parser.add_argument("--screenshots", type=Path)
    told = parser.parse_args(arguments)
    ran, well = notebooks(told.notebooks) if told.notebooks != [] else ("not run", True)
    demos = {front: demo(front, told.screenshots) for front in FRONT_ENDS}
    line = row(told.set, ran, demos)
    print(f"\n| {' | '.join(HEAD)} |\n{line}")
    if told.record and told.notebooks is None:
        record(line)
    return 0 if well and set(demos.values()) == {"works"} else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
