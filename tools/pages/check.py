"""A built site, looked at as a browser would: every link, anchor and picture, and what a page needs from elsewhere."""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass, field
from functools import cached_property
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

from PIL import Image

NEEDED = {  # by element, the attributes whose address is loaded without a click
    **{"img": ("src", "srcset"), "script": ("src",), "source": ("src", "srcset"), "iframe": ("src",)},
    **{"video": ("src", "poster"), "audio": ("src",), "embed": ("src",), "object": ("data",), "track": ("src",)},
    **{"input": ("src",), "use": ("href", "xlink:href"), "image": ("href",)},
}
LOADED = {"stylesheet", "icon", "shortcut", "preload", "prefetch", "modulepreload", "preconnect", "dns-prefetch"}
IN_STYLE = re.compile(r"url\(\s*['\"]?([^'\")]+)['\"]?\s*\)|@import\s+['\"]([^'\"]+)['\"]")
IN_SCRIPT = re.compile(r"(?:\bimport\s*\(?|\bfrom|\bfetch\s*\(|importScripts\s*\()\s*['\"`]((?:https?:)?//[^'\"`]+)")


@dataclass
class Page(HTMLParser):
    """What one HTML file says: its anchors, its links, and what it loads."""

    path: Path
    ids: set[str] = field(default_factory=set)
    links: list[str] = field(default_factory=list)
    needs: list[str] = field(default_factory=list)  # what is loaded
    pictures: list[tuple[str, str | None]] = field(default_factory=list)  # src and alt
    inside: str = ""  # "style" or "script" while that is read

    def __post_init__(self) -> None:
        super().__init__()
        self.feed(self.path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Take note of an element."""
        given = {name: value or "" for name, value in attrs}
        self.ids |= {given[name] for name in ("id", "name") if given.get(name) and (name == "id" or tag == "a")}
        self.inside = tag if tag in ("style", "script") else ""
        for name in NEEDED.get(tag, ()):
            if name in given:
                listed = given[name].split(",") if name == "srcset" else [given[name]]
                self.needs += [one.split()[0] for one in listed if one.strip()] if name == "srcset" else listed
        if tag == "link" and LOADED & set(given.get("rel", "").split()):
            self.needs.append(given.get("href", ""))
        if tag in ("a", "area") and "href" in given:
            self.links.append(given["href"])
        if "data-recording" in given:
            self.needs.append(f"recordings/{given['data-recording']}.js")
        if tag == "form":
            self.links.append(given.get("action", ""))
        if tag == "img":
            self.pictures.append((given.get("src", ""), given.get("alt")))
        self.needs += _in_style(given.get("style", ""))

    def handle_endtag(self, tag: str) -> None:
        """A style or a script has ended."""
        self.inside = ""

    def handle_data(self, data: str) -> None:
        """Take note of what a style or a script in the page loads."""
        if self.inside == "style":
            self.needs += _in_style(data)
        elif self.inside == "script":
            self.needs += IN_SCRIPT.findall(data)


@dataclass(frozen=True)
class Site:
    """The folder of a built site."""

    folder: Path

    @cached_property
    def pages(self) -> dict[Path, Page]:
        """Every HTML file by its path."""
        return {path: Page(path) for path in sorted(self.folder.rglob("*.html"))}

    def said(self) -> str:
        """How large it is."""
        files = [path for path in self.folder.rglob("*") if path.is_file()]
        size, scripts = sum(path.stat().st_size for path in files), [p for p in files if p.parent.name == "recordings"]
        words = f"{len(self.pages)} pages in {len(files)} files, {size / 1e6:.1f} MB"
        recorded = sum(path.stat().st_size for path in scripts) / 1e6
        return f"{words}, of it {len(scripts)} files of recordings, {recorded:.1f} MB."

    def problems(self) -> list[str]:
        """Everything that is wrong with it, in words."""
        found = []
        for path, page in self.pages.items():
            here = path.relative_to(self.folder).as_posix()
            found += [f"{here}: {problem}" for problem in self._page(path, page)]
        for path in sorted([*self.folder.rglob("*.css"), *self.folder.rglob("*.js")]):
            text, here = _text(path), path.relative_to(self.folder).as_posix()
            needs = _in_style(text) if path.suffix == ".css" else IN_SCRIPT.findall(text)
            found += [f"{here}: {problem}" for need in needs for problem in self._needed(path, need)]
        for path in sorted(self.folder.rglob("*")):
            if path.suffix in (".png", ".webp", ".jpg", ".gif") and not _is_picture(path):
                found.append(f"{path.relative_to(self.folder).as_posix()}: no picture")
        return found

    def _page(self, path: Path, page: Page) -> list[str]:
        found = []
        for need in page.needs:
            found += self._needed(path, need)
        for link in page.links:
            found += self._linked(path, link)
        found += [f"the picture {src[:60]} has no alt text" for src, alt in page.pictures if alt is None]
        return found

    def _needed(self, path: Path, address: str) -> list[str]:
        parts = urlsplit(address.strip())
        if parts.scheme in ("data", "blob") or (not parts.path and parts.fragment):
            return []
        if parts.scheme or parts.netloc:
            return [f"it needs {address[:90]}, which is outside the site"]
        return [] if self._at(path, parts.path).is_file() else [f"{address[:90]} is not there"]

    def _linked(self, path: Path, address: str) -> list[str]:
        parts = urlsplit(address.strip())
        if parts.scheme or parts.netloc:
            return [] if parts.scheme in ("https", "http", "mailto") else [f"a link leads to {address[:90]}"]
        target = self._at(path, parts.path) if parts.path else path
        if target.is_dir():
            target /= "index.html"
        if not target.is_file():
            return [f"a link leads to {address[:90]}, which is not there"]
        anchor = unquote(parts.fragment)
        if anchor and target.suffix == ".html" and anchor not in self.pages[target].ids:
            return [f"a link leads to {address[:90]}, and that page has no such place"]
        return []

    def _at(self, path: Path, address: str) -> Path:
        base = self.folder if address.startswith("/") else path.parent
        return (base / unquote(address).lstrip("/")).resolve()


def _text(path: Path) -> str:
    """A file's text: in UTF-16 where it begins so, as the digits' weights do, else in UTF-8."""
    data = path.read_bytes()
    return data.decode("utf-16" if data.startswith(codecs.BOM_UTF16_LE) else "utf-8")


def _in_style(text: str) -> list[str]:
    return [one or other for one, other in IN_STYLE.findall(text)]


def _is_picture(path: Path) -> bool:
    try:
        with Image.open(path) as picture:
            picture.load()
            return min(picture.size) > 1
    except OSError:
        return False
