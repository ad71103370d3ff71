"""Builds the site: sources together, Sphinx over them, and everything in it looked at once more."""

from __future__ import annotations

import argparse
import importlib.util
import os
import re
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import nbformat

from tools.links import read_slug
from tools.pages import sources
from tools.pages.check import Site
from tools.toy_page import joined

ROOT = sources.ROOT
HERE = Path(__file__).resolve().parent
WIDGETS = ROOT / "ganlib" / "widgets"
GAME = "01_the_game"
Record = Callable[[Path, Sequence[str]], list[str]]


def build(out: Path, *, names: Sequence[str] = (), record: Record | None = None) -> Site:
    """Build the site into `out`, which is made anew, and return it.

    `names` are the notebooks that it has, all unless said otherwise; with names it has no other page that plays, and
    its links to what it has not lead to GitHub. `record` writes the recordings of their demos into a folder and names
    them; without it a demo is its picture. Raises `RuntimeError` on what Sphinx warns of, and where `out` holds other
    things than a site.
    """
    if out.exists() and not (out.is_dir() and ((out / "_static").is_dir() or not any(out.iterdir()))):
        raise RuntimeError(f"{out} is there and is no site; give a new folder, or remove it by hand")
    with tempfile.TemporaryDirectory() as folder:
        source, built = Path(folder) / "source", Path(folder) / "built" / "site"  # MyST-NB writes beside `built`, too
        recordings = source / "extra" / "recordings"
        recordings.mkdir(parents=True)
        _gather(source, names, record(recordings, names) if record else [])
        _sphinx(source, built)
        shutil.rmtree(out, ignore_errors=True)
        shutil.copytree(built, out)
    return Site(out)


def _gather(source: Path, names: Sequence[str], recordings: Sequence[str]) -> None:
    slug, said = read_slug(ROOT), sources.said_of()
    found = [chapter for chapter in sources.chapters() if not names or chapter.name in names]
    absent = {chapter.name for chapter in sources.chapters()} - {chapter.name for chapter in found}
    extra = source / "extra"
    live = [one for one in sources.LIVE if not names and _live(one, extra / one.folder)]
    for part in ("thumbs", "film"):
        (extra / part).mkdir(parents=True)
    for chapter in found:
        notebook = nbformat.read(ROOT / "notebooks" / f"{chapter.name}.ipynb", as_version=4)
        (extra / "thumbs" / f"{chapter.name}.webp").write_bytes(sources.thumb(notebook))
        page = sources.page_of(notebook, chapter.name, slug, said, recordings, live=live)
        page = nbformat.reads(sources.elsewhere(nbformat.writes(page), absent, slug), as_version=4)
        nbformat.write(page, source / f"{chapter.name}.ipynb")
    for picture in ("live_toy.webp", "fig1_toy.png"):
        shutil.copy(ROOT / "figures" / picture, extra / "film")
    text = sources.elsewhere(sources.landing(found, live), absent, slug)
    (source / "index.md").write_text(text.replace("SLUG", slug).replace("NAME", slug.split("/")[1]), encoding="utf-8")
    reference = (ROOT / "REFERENCE.md").read_text(encoding="utf-8")
    home = f"https://github.com/{slug}/blob/main/"
    links = re.sub(r"\]\((?!https?:|#)([^)]*)\)", rf"]({home}\1)", reference)
    (source / "reference.md").write_text(links, encoding="utf-8")
    (extra / ".nojekyll").touch()  # GitHub's own builder would leave out folders that begin with "_"


def _live(one: sources.Live, folder: Path) -> bool:
    """Write a page that plays without a kernel into the folder, where this checkout has what makes it."""
    if importlib.util.find_spec(one.module) is None:
        return False
    links = f'<a href="../index.html">Generative Adversarial Nets, alive</a> <a href="../{GAME}.html">The game</a>'
    importlib.import_module(one.module).write(folder, links=links)
    return True


def _sphinx(source: Path, out: Path) -> None:
    from sphinx.cmd.build import build_main

    os.environ["GANLIB_PAGES_SLUG"] = read_slug(ROOT)
    shutil.copy(HERE / "conf.py", source)
    static = source / "static"
    shutil.copytree(HERE / "static", static)
    shutil.copy(WIDGETS / "demo.css", static)
    (static / "demos.js").write_text(demos(), encoding="utf-8")
    arguments = ["-q", "-W", "--keep-going", "-b", "html", "-d", str(source / "doctrees"), "-c", str(source)]
    if code := build_main([*arguments, str(source), str(out)]):
        raise RuntimeError(f"Sphinx ended with exit code {code}: see above")
    for left in ("objects.inv", ".buildinfo"):
        (out / left).unlink(missing_ok=True)


def demos() -> str:
    """The script of the view as a plain script, and what plays recordings to it; it also works from a file."""
    from ganlib.widgets.demo import FOLDER, script

    view = re.sub(r"^export default", "return", script(), flags=re.M)
    parts = (FOLDER / "plain.js", *(HERE / name for name in ("recorded.js", "by_hand.js", "painted.js")))
    player = joined("".join(part.read_text(encoding="utf-8") for part in parts))
    return f"window.ganlibView = (() => {{\n{view}\n}})();\n{player}"


def main(arguments: list[str]) -> None:
    """Run `python -m tools.pages [FOLDER]`: build into FOLDER (_site), say how large it is, and check all of it."""
    from tools.pages.record import record

    parser = argparse.ArgumentParser(prog="python -m tools.pages", description="Build the site, and check it.")
    parser.add_argument("folder", nargs="?", type=Path, default=Path("_site"), help="where it goes (_site)")
    parser.add_argument("--only", nargs="+", default=[], metavar="NAME", help="some notebooks, such as 01_the_game")
    options = parser.parse_args(arguments)
    if strange := set(options.only) - {chapter.name for chapter in sources.chapters()}:
        parser.error(f"there is no notebook {', '.join(sorted(strange))} in notebooks/")
    out, start = options.folder.resolve(), time.monotonic()
    print("Recording the demos and building the pages: ten minutes or so for all of them.", flush=True)
    site = build(out, names=options.only, record=record)
    print(site.said(), f"Built in {time.monotonic() - start:.0f} s into {out}.")
    found = site.problems()
    print("\n".join(found))
    if found:
        sys.exit(f"{len(found)} problems")
    print("Every link, anchor and picture is there, and no page needs an address outside the site.")
