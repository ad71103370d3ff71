"""What the site is made of: each notebook as a page needs it, and the page that one lands on."""

from __future__ import annotations

import ast
import base64
import html
import io
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

import nbformat
from PIL import Image

from tools.links import COLAB_MARK, badges
from tools.run_notebooks import ANSWER, is_hint

ROOT = Path(__file__).resolve().parent.parent.parent
STILL = "ganlib-still"  # stands above the picture of a demo, see `ganlib.widgets.show`
SHOWS = re.compile(r"\bshow\(")
ROW = re.compile(r"^\| \[(?P<title>[^\]]*)\]\((?P<name>\w+)\.ipynb\) \| (?P<question>.*) \| (?P<minutes>\d+) \|$", re.M)
GROUPS = {  # what stands above each group of notebooks, by the number of its first
    0: "The game and its theory",
    6: "On pictures",
    10: "What the paper measures and claims",
    15: "Section 7, played",
}
ONLY_THERE = '<p class="demo-said">A picture of a live demo: it plays where a kernel runs, in its notebook.</p>'
FOLDED = "Guess first; then open the"


@dataclass(frozen=True)
class Live:
    """A page of its own that plays a game without a kernel; the module that makes it has `write(folder, links=...)`."""

    folder: str
    module: str
    button: str  # on the first page
    words: str  # below the demo that it goes beyond
    demo: str
    notebook: str = ""  # where it stands, if not in all

    def link(self, words: str, style: str) -> str:
        """A link to it."""
        return f'<a class="{style}" href="{self.folder}/index.html">{words}</a>'

    def beside(self, demo: str, name: str) -> bool:
        """Whether a demo of a notebook is the one that it goes beyond."""
        return demo == self.demo and self.notebook in ("", name)


LIVE = (
    Live("play", "tools.toy_page", "Play Figure 1, live", "Play Figure 1 live, with every control", "LiveToy"),
    Live("ring", "tools.plane_page", "Play the ring of 8, live", "Play it live, with every control", "LivePlane"),
    Live(
        *("digits", "tools.digits_page", "Draw digits, live", "Draw digits live, and walk through z"),
        *("Interpolation", "06_mnist"),
    ),
)
THUMB = (480, 300)  # pixels of a card's picture


@dataclass(frozen=True)
class Chapter:
    """A notebook as the table of notebook 0 names it."""

    name: str
    title: str
    question: str
    minutes: int

    @property
    def number(self) -> int:
        """Its place in the reading order."""
        return int(self.name[:2])


def chapters(root: Path = ROOT) -> list[Chapter]:
    """Every notebook, in reading order. Raises `ValueError` where the table of notebook 0 and the folder differ."""
    first = nbformat.read(root / "notebooks" / "00_start_here.ipynb", as_version=4)
    text = "\n".join(cell.source for cell in first.cells if cell.cell_type == "markdown")
    found = [Chapter(m["name"], m["title"], m["question"], int(m["minutes"])) for m in ROW.finditer(text)]
    names = sorted(path.stem for path in (root / "notebooks").glob("*.ipynb"))
    if [chapter.name for chapter in found] != names:
        raise ValueError(f"notebook 0 has the table {[c.name for c in found]}, and the folder {names}")
    return found


def said_of(root: Path = ROOT) -> dict[str, str]:
    """By the name of each public function of `ganlib.lessons`, the first sentence that its docstring says of it."""
    found = {}
    for path in sorted((root / "ganlib" / "lessons").rglob("*.py")):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.FunctionDef) and (said := ast.get_docstring(node)):
                found[node.name] = " ".join(said.split("\n\n")[0].split())
    return found


def page_of(
    notebook: nbformat.NotebookNode,
    name: str,
    slug: str,
    said: Mapping[str, str],
    recordings: Collection[str] = (),
    *,
    live: Collection[Live] = (),
) -> nbformat.NotebookNode:
    """A notebook as its page needs it: what is of use in JupyterLab only goes, pictures get words, demos a place.

    The place of the i-th demo of a page is `<div class="demo" data-recording="NAME-i">`, after its picture. Where there
    is no such recording, words stand there. `live` are the pages to lead to.
    """
    notebook = nbformat.from_dict(notebook)
    cells, demos = [], 0
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            cell.source = _words(cell.source, name, slug)
        elif COLAB_MARK in cell.source or cell.source.strip() == "# Your turn.":
            continue
        else:
            demos = _code(cell, name, demos, said, recordings, live)
        cells.append(cell)
    notebook.cells = cells
    return notebook


def elsewhere(text: str, absent: Collection[str], slug: str) -> str:
    """The text of a page with its links to notebooks that the site has not leading to GitHub."""
    for name in absent:
        there = f"https://github.com/{slug}/blob/main/notebooks/{name}.ipynb"
        text = re.sub(rf'(\]\(|href=\\?"){name}\.(?:ipynb|html)(#[\w%-]*)?', rf"\g<1>{there}\g<2>", text)
    return text


def _words(source: str, name: str, slug: str) -> str:
    """Markdown for the page: its badges, which are pictures from elsewhere, become links in words."""
    row = badges(slug, f"{name}.ipynb")
    colab, binder = re.findall(r"\]\((https://(?:colab|mybinder)[^)]*)\)(?: |$)", row)
    here = f"https://github.com/{slug}/blob/main/notebooks/{name}.ipynb"
    links = f'<p class="open-in">Run it: <a href="{colab}">in Colab</a> <a href="{binder}">on Binder</a> '
    return source.replace(row, f'{links}<a href="{here}">its notebook</a></p>')


def _code(
    cell: nbformat.NotebookNode,
    name: str,
    demos: int,
    said: Mapping[str, str],
    recordings: Collection[str],
    live: Collection[Live],
) -> int:
    """Make a code cell ready, in place; `demos` are the demos before it. Returns those up to its end."""
    hidden = cell.metadata.get("jupyter", {}).get("source_hidden")
    tags = cell.metadata.get("tags", [])
    answer = ANSWER in tags
    cell.metadata["tags"] = [*tags, *(["hide-input"] if hidden else []), *(["hide-output"] if answer else [])]
    called = re.findall(r"\b(?:lesson|plots)\.(\w+)\(", cell.source)
    words = next((said[function] for function in called if function in said), "What the code above draws.")
    cell.metadata["mystnb"] = {"image": {"alt": words}}
    outputs, still, before = [], False, demos
    for output in cell.outputs:
        if is_hint(output):
            continue
        data = output.get("data", {})
        markup = data.get("text/html", "")
        if STILL in markup:
            still = True
            continue
        if markup:
            data["text/html"] = _table(markup)
        outputs.append(output)
        if still and "image/png" in data:
            demos, still = demos + 1, False
            recording = f"{name}-{demos}"
            place = f'<div class="demo" data-recording="{recording}"></div>'
            if recording not in recordings:
                place = ONLY_THERE
            demo = data["text/plain"].split(":")[0]
            links = "".join(one.link(one.words, "") for one in live if one.beside(demo, name))
            place += f'<p class="demo-said">{links}</p>' if links else ""
            outputs.append(nbformat.v4.new_output("display_data", {"text/html": place}))
    cell.outputs = outputs
    if answer:
        what = "demo" if demos > before else "answer"
        cell.metadata["mystnb"] |= {"code_prompt_show": f"{FOLDED} {what}", "code_prompt_hide": f"The {what}"}
    return demos


def _table(markup: str) -> str:
    """A table that scrolls by itself where it is wider than the page, and leads to pages, not to notebooks."""
    markup = re.sub(r'(href="\d\d_\w+)\.ipynb', r"\1.html", markup)
    markup = re.sub(r"<style scoped>.*?</style>", "", markup, flags=re.S)
    return f'<div class="table-wrapper">{markup}</div>' if "<table" in markup else markup


def landing(found: list[Chapter], live: Collection[Live]) -> str:
    """The text of the first page, in MyST Markdown; `live` are the pages that play without a kernel."""
    parts = [(ROOT / "tools" / "pages" / "landing.md").read_text(encoding="utf-8")]
    play = "".join(one.link(one.button, "button first") + "\n" for one in live)
    parts[0] = parts[0].replace("<!-- play -->\n", play)
    cards, trees = [], []
    starts = [*GROUPS, 1 + max(chapter.number for chapter in found)]
    for (low, title), high in zip(GROUPS.items(), starts[1:]):
        group = [chapter for chapter in found if low <= chapter.number < high]
        if not group:
            continue
        cards += [f"### {title}\n", '<div class="cards">', *map(_card, group), "</div>\n"]
        names = "\n".join(chapter.name for chapter in group)
        trees.append(f"```{{toctree}}\n:hidden:\n:caption: {title}\n\n{names}\n```\n")
    trees.append("```{toctree}\n:hidden:\n:caption: To look up\n\nreference\n```\n")
    return parts[0].replace("<!-- cards -->", "\n".join(cards)) + "\n" + "\n".join(trees)


def _card(chapter: Chapter) -> str:
    question = re.sub(r"\$([^$]*)\$", r"<i>\1</i>", html.escape(chapter.question, quote=False)).replace("`", "")
    title = re.sub(r"\$([^$]*)\$", r"<i>\1</i>", html.escape(chapter.title, quote=False))
    return (
        f'<a class="card" href="{chapter.name}.html">'
        f'<img src="thumbs/{chapter.name}.webp" alt="" width="{THUMB[0] // 2}" height="{THUMB[1] // 2}" loading="lazy">'
        f"<b>{title}</b><span>{question}</span><small>{chapter.minutes} minutes</small></a>"
    )


def thumb(notebook: nbformat.NotebookNode) -> bytes:
    """A small picture of a notebook as the bytes of a WebP: of its pictures the one that fills a card best."""
    pictures = []
    for cell in notebook.cells:
        outputs = cell.get("outputs", [])
        words = [str(output.get("data", {}).get("text/plain", "")) for output in outputs]
        if any(word.startswith("Guess:") for word in words):
            continue
        for output in outputs:
            if png := output.get("data", {}).get("image/png"):
                pictures.append(Image.open(io.BytesIO(base64.b64decode(png))).convert("RGBA"))
    wanted = THUMB[0] / THUMB[1]
    best = min(pictures, key=lambda one: abs(one.width / one.height - wanted))
    card = Image.new("RGB", THUMB, "white")
    best.thumbnail((THUMB[0] - 16, THUMB[1] - 16), Image.Resampling.LANCZOS)
    card.paste(best, ((THUMB[0] - best.width) // 2, (THUMB[1] - best.height) // 2), best)
    file = io.BytesIO()
    card.save(file, "WEBP", quality=82)
    return file.getvalue()
