"""Writes the Binder and Colab links, and the cell that installs ganlib on Colab: `make links [REPO=owner/name]`.

The repository's slug stands in pyproject.toml, [tool.ganlib]; with REPO it is changed there first. Running this
twice changes nothing the second time. A new notebook gets its badges and its Colab cell from it.
"""

from __future__ import annotations

import json
import re
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

# OWNER/NAME and FILE are filled in. --no-deps: Colab's own torch and numpy stay exactly as they are.
BADGES = (
    "[![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)]"
    "(https://colab.research.google.com/github/OWNER/NAME/blob/main/notebooks/FILE) "
    "[![Launch on Binder](https://mybinder.org/badge_logo.svg)]"
    "(https://mybinder.org/v2/gh/OWNER/NAME/HEAD?urlpath=lab/tree/notebooks/FILE)"
)
COLAB_CELL = """\
import sys

if "google.colab" in sys.modules:
    %pip install -q --no-deps git+https://github.com/OWNER/NAME anywidget psygnal mlxtend pooch safetensors"""
COLAB_MARK = '"google.colab" in sys.modules'

SLUG = r"[A-Za-z0-9][A-Za-z0-9-]*/[A-Za-z0-9._-]+"
LINKS = [  # what comes before the slug, and what after it
    (r"https://colab\.research\.google\.com/github/", r"(?=/blob/)"),
    (r"https://mybinder\.org/v2/gh/", r"(?=/HEAD)"),
    (r"git\+https://github\.com/", r"(?![A-Za-z0-9._/-])"),
]


def read_slug(root: Path = ROOT) -> str:
    """Return "owner/name" as pyproject.toml has it."""
    return tomllib.loads((root / "pyproject.toml").read_text())["tool"]["ganlib"]["repository"]


def badges(slug: str, file: str) -> str:
    """Return the line of badges of one notebook."""
    return BADGES.replace("OWNER/NAME", slug).replace("FILE", file)


def colab_cell(slug: str) -> str:
    """Return the source of a notebook's first code cell."""
    return COLAB_CELL.replace("OWNER/NAME", slug)


def relink(text: str, old: str, new: str) -> str:
    """Return `text` with every Binder and Colab link, and every link to the old repository, leading to the new one."""
    for before, after in LINKS:
        text = re.sub(f"({before}){SLUG}{after}", rf"\g<1>{new}", text)
    return re.sub(rf"(github\.com/){re.escape(old)}(?![A-Za-z0-9._-])", rf"\g<1>{new}", text)


def complete(text: str, slug: str, file: str) -> str:
    """Return a notebook's text with its badges and its Colab cell; the very same text if it has both already."""
    notebook = json.loads(text)
    cells = notebook["cells"]
    if not cells or cells[0]["cell_type"] != "markdown":
        cells.insert(0, {"cell_type": "markdown", "id": "title", "metadata": {}, "source": []})
    changed = _put_badges(cells[0], badges(slug, file))
    changed |= _put_colab_cell(cells, colab_cell(slug))
    return json.dumps(notebook, indent=1, ensure_ascii=False) + "\n" if changed else text


def _put_badges(cell: dict, line: str) -> bool:
    source = "".join(cell["source"])
    lines = source.split("\n")
    there = [i for i, old in enumerate(lines) if "colab-badge.svg" in old or "badge_logo.svg" in old]
    if there:
        lines[there[0]] = line
        lines = [old for i, old in enumerate(lines) if i not in there[1:]]
    elif source.startswith("#"):
        lines[1:1] = ["", line]
    else:
        lines = [line, "", *lines] if source else [line]
    cell["source"] = _as_list("\n".join(lines))
    return "\n".join(lines) != source


def _put_colab_cell(cells: list[dict], source: str) -> bool:
    at, first = next(((i, c) for i, c in enumerate(cells) if c["cell_type"] == "code"), (1, None))
    if first is None or COLAB_MARK not in "".join(first["source"]):
        first = {"cell_type": "code", "execution_count": None, "id": "colab", "metadata": {}, "outputs": []}
        cells.insert(at, first)
    changed = "".join(first.get("source", [])) != source
    first["source"] = _as_list(source)
    return changed


def _as_list(source: str) -> list[str]:
    return source.splitlines(keepends=True)


def rewrite(root: Path, slug: str) -> list[Path]:
    """Set the slug in pyproject.toml and make every link agree with it. Return the files that changed."""
    old, changed = read_slug(root), []
    pyproject, readme = root / "pyproject.toml", root / "README.md"
    notebooks = sorted((root / "notebooks").glob("*.ipynb"))
    for path in [pyproject, readme, *notebooks]:
        if not path.exists():
            continue
        text = path.read_text(encoding="utf-8")
        if path == pyproject:
            new = re.sub(rf'(?m)^(repository = "){re.escape(old)}"', rf'\g<1>{slug}"', text)
        else:
            new = relink(text, old, slug)
        if path in notebooks:
            new = complete(new, slug, path.name)
        if new != text:
            path.write_text(new, encoding="utf-8")
            changed.append(path)
    return changed


def main(arguments: list[str]) -> None:
    """Run `links.py [owner/name]`."""
    slug = arguments[0] if arguments else read_slug()
    if len(arguments) > 1 or not re.fullmatch(SLUG, slug) or slug.endswith(".git"):
        sys.exit(f"REPO must be owner/name as in github.com/owner/name, not {' '.join(arguments)!r}")
    changed = rewrite(ROOT, slug)
    names = ", ".join(str(path.relative_to(ROOT)) for path in changed)
    print(f"{slug}: " + (f"changed {names}" if names else "every link agrees already"))


if __name__ == "__main__":
    main(sys.argv[1:])
