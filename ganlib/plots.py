"""One function per figure: each takes arrays, draws on `ax` (or a new one), and returns the Axes."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import LineCollection, PolyCollection
from matplotlib.colors import LinearSegmentedColormap, LogNorm, Normalize, to_rgb
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle
from matplotlib.textpath import text_to_path
from PIL import Image
from torch import Tensor

from ganlib.errors import DataError
from ganlib.game import MINUS_LOG_4
from ganlib.images import mosaic
from ganlib.picture import (
    COLUMNS,
    DASHES,
    LOOKS,
    RAMPS,
    Arrows,
    Cells,
    Heat,
    Line,
    Mark,
    Note,
    Panel,
    Picture,
    Tiles,
    completed,
    minus,
    running_mean,
    shares,
    ticks,
)

STYLE = Path(__file__).with_name("ganlib.mplstyle")
BLUE, VERMILION, GREEN, ORANGE, GREY = "#0072B2", "#D55E00", "#009E73", "#E69F00", "#777777"
PURPLE = "#CC79A7"
"""Okabe and Ito's colours, and a grey for what is a reference: D is blue and dashed, G green and solid."""
BLACK = LOOKS["data"].light
INK = "#767676"
"""What is black on paper, and its grey for pages that may be light or dark: as far from white as from #111."""
PICKED = LOOKS["other"].light
TONES = {"normal": LOOKS["G"].light, "odd": LOOKS["V"].light, "broken": LOOKS["V"].light}
"""The colours of notes' titles."""


def use_style() -> None:
    """Let every figure of this session look like the project's own."""
    plt.style.use(STYLE)


# -- pictures: the renderer for paper, and for readers without a kernel ------------------------------------------------

EDGE, ROW, UNIT = 0.1, 0.165, 0.25
"""Inches: around a figure, of a row of text, and of a row of the panels' grid."""
TITLE, SMALL, TICK = 9, 8, 7.5
"""Points."""
_Row = tuple[str, dict[str, Any]]


class Drawing(Figure):
    """A figure that shows itself at the end of a cell, without pyplot."""

    sheet = False
    """Whether it is mostly images, of which a PNG needs no more than 256 colours."""

    def _repr_png_(self) -> bytes:
        return png(self)


def draw(
    picture: Picture, *, said: Sequence[str] = (), width: float = 9.6, paper: bool = False, figure: Figure | None = None
) -> Figure:
    """A picture as a live demo shows it, with `said` (its controls in words) above it and what it shows below.

    `width` is in inches; a row of the panels' grid is a quarter of an inch. The background is transparent and the ink
    grey, for pages of any colour; on `paper` they are white and black. `figure` is drawn anew; None makes one.
    """
    picture = completed(picture, None)
    inner = width - 2 * EDGE
    charts = [_Chart(panel, inner / COLUMNS) for panel in picture.panels]
    told = "     ".join(f"{number} {unit}" for number, unit in picture.readouts)
    head = [*_wrapped("     ".join(said), inner, weight="bold"), *_wrapped(told, inner)]
    head += [row for note in picture.notes if note.above for row in _note(note, inner)]
    foot = _wrapped(picture.words, inner)
    foot += [row for note in picture.notes if not note.above for row in _note(note, inner)]
    top = EDGE + ROW * len(head) + (0.1 if head else 0)
    bottom = top + UNIT * max(panel.at[0] + panel.at[2] for panel in picture.panels)
    page = _Page(figure or Drawing(), width, bottom + ROW * len(foot) + EDGE, paper)
    page.rows(EDGE, EDGE, head)
    page.rows(EDGE, bottom, foot)
    for chart in charts:
        chart.place(charts, top)
        chart.draw(page)
    page.figure.sheet = any(panel.tiles for panel in picture.panels)
    return page.figure


class _Page:
    """A figure with places in inches from its top left corner."""

    def __init__(self, figure: Figure, width: float, height: float, paper: bool):
        figure.clear()
        figure.set_size_inches(width, height)
        figure.patch.set(facecolor="white" if paper else "none")
        self.figure, self.width, self.height, self.ink = figure, width, height, BLACK if paper else INK

    def colour(self, style: str) -> str:
        """A style's colour; what is black on paper is grey where the page may be black."""
        return LOOKS[style].light if LOOKS[style].light != BLACK else self.ink

    def look(self, line: Line) -> dict[str, Any]:
        """How a line is drawn; `LOOKS` gives pixels, of which 96 are an inch."""
        look = LOOKS[line.style]
        dash = look.dash if line.dash is None else DASHES[line.dash]
        style = (0, [d / look.width for d in dash]) if dash else "-"
        if line.dots:
            return {"color": self.colour(line.style), "ls": "", "marker": "o", "ms": 3.2, "mew": 0, "alpha": look.alpha}
        return {"color": self.colour(line.style), "ls": style, "lw": 0.75 * look.width, "alpha": look.alpha}

    def text(self, x: float, y: float, words: str, **look: Any) -> None:
        """Words with their base line at x, y."""
        look = {"fontsize": SMALL, "color": self.ink, "parse_math": False} | look
        self.figure.text(x, self.height - y, words, transform=self.figure.dpi_scale_trans, **look)

    def line(self, x: Any, y: Any, **look: Any) -> None:
        """A line through places."""
        y = self.height - np.asarray(y)
        self.figure.add_artist(Line2D(x, y, transform=self.figure.dpi_scale_trans, **look))

    def rows(self, x: float, y: float, rows: Sequence[_Row]) -> float:
        """Rows of text from y down; where they end."""
        for words, look in rows:
            self.text(x, y + 0.12, words, **look)
            y += ROW
        return y


class _Chart:
    """A panel, and the room that it needs around its axes, in inches."""

    def __init__(self, panel: Panel, unit: float):
        self.panel, self.unit = panel, unit
        self.bare = panel.tiles is not None
        self.x_ticks, self.y_ticks = panel.x_ticks, panel.y_ticks
        if panel.cells:
            self.x_ticks = [(i + 0.5, name) for i, name in enumerate(panel.cells.columns)]
            self.y_ticks = [(i + 0.5, name) for i, name in enumerate(panel.cells.rows)]
        self.left, self.right, self.below = 0.03, 0.1, 0.1
        if not self.bare:
            self.left = 0.1 + _widest(self.y_ticks) + 0.18 * bool(panel.y_label)
            self.right += 0.07 + _widest(panel.right_ticks) + 0.18 * bool(panel.right_label) if panel.right else 0
            self.right += 0.55 * bool(panel.heat)
            self.below += 0.15 * bool(self.x_ticks) + 0.16 * bool(panel.x_label)
        room = panel.at[3] * unit - self.left - self.right
        self.title = _wrapped(minus(panel.title), room, weight="bold")
        self.caption = _wrapped(minus(panel.caption), room, SMALL)
        self.legend: list[list[Line]] = []
        x = room
        for line in panel.lines:
            if line.name or line.value is not None:
                x += _entry(line)
                if x > room:
                    self.legend.append([])
                    x = _entry(line)
                self.legend[-1].append(line)
        self.above = 0.05 + ROW * (len(self.title) + len(self.legend)) + 0.05 * bool(self.title or self.legend)
        self.below += ROW * len(self.caption)

    def place(self, charts: Sequence[_Chart], top: float) -> None:
        """Find the axes' place: charts above each other begin and end alike, and so do those beside each other."""
        row, column, rows, columns = self.panel.at
        stack = [chart for chart in charts if chart.panel.at[1::2] == (column, columns)]
        beside = [chart for chart in charts if chart.panel.at[::2] == (row, rows)]
        left, right = max(chart.left for chart in stack), max(chart.right for chart in stack)
        above, below = max(chart.above for chart in beside), max(chart.below for chart in beside)
        self.x, self.y = EDGE + column * self.unit + left, top + UNIT * row + above
        self.head = top + UNIT * row + 0.05
        self.w, self.h = max(columns * self.unit - left - right, 0.2), max(UNIT * rows - above - below, 0.1)
        (x0, x1), (y0, y1) = self.panel.x, self.panel.y
        if self.panel.tiles is not None:
            self.sheet = _sheet(self.panel.tiles)
            y1, x1 = self.sheet.shape[:2]
            x0 = y0 = 0
        if self.panel.square or self.bare:
            scale = min(self.w / (x1 - x0), self.h / (y1 - y0))
            w, h = scale * (x1 - x0), scale * (y1 - y0)
            self.x, self.w, self.h = self.x + (self.w - w) / 2, w, h

    def draw(self, page: _Page) -> None:
        """Draw it all."""
        panel = self.panel
        self.page = page
        box = (self.x / page.width, 1 - (self.y + self.h) / page.height, self.w / page.width, self.h / page.height)
        ax = self.ax = page.figure.add_axes(box, facecolor="none")
        ax.set_axis_off()
        y = page.rows(self.x, self.head, self.title)
        for row in self.legend:
            x = self.x
            for line in row:
                page.line([x, x + 0.13, x + 0.26], [y + 0.08] * 3, **page.look(line))
                page.text(x + 0.32, y + 0.12, line.name)
                page.text(x + 0.32 + _wide(f"{line.name} ", SMALL), y + 0.12, line.value or "", weight="bold")
                x += _entry(line)
            y += ROW
        page.rows(self.x, self.head + UNIT * panel.at[2] - 0.05 - ROW * len(self.caption), self.caption)
        if panel.tiles is not None:
            return self._tiles(panel.tiles)
        if panel.heat:
            self._heat(panel.heat)
        if panel.cells:
            self._cells(panel.cells)
        for line in panel.lines:
            self._line(line)
        for arrows in panel.arrows:
            self._arrows(arrows)
        self._levels()
        for mark in panel.marks:
            self._mark(mark)
        ax.set(xlim=panel.x, ylim=panel.y)
        self._axes()

    def X(self, x: Any) -> Any:
        """Where x stands on the page."""
        return self.x + self.w * (np.asarray(x) - self.panel.x[0]) / (self.panel.x[1] - self.panel.x[0])

    def Y(self, y: Any, right: bool = False) -> Any:
        """Where y stands on the page, read at the left or at the right."""
        low, high = self.panel.right if right and self.panel.right else self.panel.y
        return self.y + self.h * (1 - (np.asarray(y) - low) / (high - low))

    def _axes(self) -> None:
        page, panel, foot = self.page, self.panel, self.y + self.h
        thin = {"color": page.ink, "lw": 0.7}
        if not panel.cells:
            page.line([self.x, self.x, self.x + self.w], [self.y, foot, foot], **thin)
        tick = {"fontsize": TICK}
        for value, words in self.x_ticks:
            x = float(self.X(value))
            page.line([x, x], [foot, foot + 0.03], **thin)
            page.text(x, foot + 0.15, words, ha="center", **tick)
        for value, words in self.y_ticks:
            y = float(self.Y(value))
            page.line([self.x - 0.03, self.x], [y, y], **thin)
            page.text(self.x - 0.06, y, words, ha="right", va="center_baseline", **tick)
        page.text(self.x + self.w / 2, foot + 0.14 + 0.15 * bool(self.x_ticks), panel.x_label, ha="center")
        upright = {"rotation": 90, "va": "center", "ha": "center"}
        page.text(self.x - self.left + 0.08, self.y + self.h / 2, panel.y_label, **upright)
        if panel.right:
            colour = next((page.colour(line.style) for line in panel.lines if line.right), page.ink)
            for value, words in panel.right_ticks:
                y = float(self.Y(value, True))
                page.text(self.x + self.w + 0.06, y, words, color=colour, va="center_baseline", **tick)
            x = self.x + self.w + _widest(panel.right_ticks) + 0.18
            page.text(x, self.y + self.h / 2, panel.right_label, color=colour, **upright)

    def _line(self, line: Line) -> None:
        y = np.where(np.isfinite(line.y), line.y, np.nan)
        look = self.page.look(line)
        if line.right and self.panel.right:
            low, high = self.panel.y
            y, zero = (low + (high - low) * (v - self.panel.right[0]) / np.ptp(self.panel.right) for v in (y, 0.0))
        else:
            zero = 0.0
        if line.fill:
            self.ax.fill_between(line.x, y, zero, color=look["color"], alpha=0.14, lw=0)
        if line.smooth:
            self.ax.plot(line.x, y, **look | {"ls": "-", "lw": 0.6, "alpha": 0.3})
            y = running_mean(y)
        self.ax.plot(line.x, y, **look)

    def _heat(self, heat: Heat) -> None:
        colours = LinearSegmentedColormap.from_list("", RAMPS[heat.ramp])
        x, y = (np.linspace(*ends, n) for ends, n in zip((heat.x, heat.y), heat.z.shape[::-1]))
        low, high = heat.limits
        bands = np.linspace(low, high if high > low else low + 1, 41)  # a smooth map makes a file three times as large
        self.ax.contourf(x, y, heat.z, bands, cmap=colours, extend="both")
        self.ax.contour(x, y, heat.z, sorted(heat.contours), colors=_on(colours(0.5)), linewidths=0.8, alpha=0.6)
        page, x = self.page, self.x + self.w + 0.12
        box = (x / page.width, 1 - (self.y + self.h) / page.height, 0.1 / page.width, self.h / page.height)
        bar = page.figure.add_axes(box)
        bar.imshow(np.linspace(1, 0, 40)[:, None], cmap=colours, aspect="auto", vmin=0, vmax=1)
        bar.set_axis_off()
        for value, words in ticks(bands[0], bands[-1], 4):
            at = self.y + self.h * (bands[-1] - value) / (bands[-1] - bands[0])
            page.text(x + 0.14, at, words, va="center_baseline", fontsize=TICK)
        page.text(x + 0.55, self.y - 0.06, heat.name, fontsize=TICK, ha="right")

    def _cells(self, cells: Cells) -> None:
        colours = LinearSegmentedColormap.from_list("", RAMPS[cells.ramp]).with_extremes(bad=LOOKS["reference"].dark)
        at = np.ma.masked_invalid(shares(cells.values, cells.limits, cells.log))
        rows, columns = at.shape
        extent = (0, columns, 0, rows)
        self.ax.imshow(at, cmap=colours, vmin=0, vmax=1, origin="lower", extent=extent, aspect="auto")
        for (i, j), share in np.ndenumerate(at.filled(np.nan)):
            words = [minus(word) for word in cells.words[i][j]] if i < len(cells.words) else []
            if words := [word for word in words if word]:
                size = min(SMALL, 7 * SMALL * self.w / columns / _wide(max(words, key=len), 7 * SMALL * 1.12))
                size = min(size, 72 * self.h / rows / len(words) / 1.2)
                look = {"color": _on(colours(share)), "fontsize": size, "ha": "center", "va": "center"}
                self.ax.text(j + 0.5, i + 0.5, "\n".join(words), linespacing=1, parse_math=False, **look)
        if cells.chosen is not None:
            row, column = cells.chosen
            frame = {"fill": False, "edgecolor": PICKED, "lw": 2.2, "clip_on": False, "zorder": 5}
            self.ax.add_patch(Rectangle((column, row), 1, 1, **frame))

    def _tiles(self, tiles: Tiles) -> None:
        sheet = self.sheet
        height, width = sheet.shape[:2]
        self.ax.imshow(sheet, interpolation="nearest", aspect="auto", extent=(0, width, height, 0))
        h, w = tiles.images.shape[1:3]
        for i, words in tiles.badges.items():
            x, y = i % tiles.columns * (w + _gap(w)), i // tiles.columns * (h + _gap(w))
            frame = {"fill": False, "edgecolor": PICKED, "lw": 2.2, "clip_on": False}
            self.ax.add_patch(Rectangle((x, y), w, h, **frame))
            box = {"boxstyle": "square,pad=0.15", "facecolor": PICKED, "edgecolor": "none"}
            look = {"color": BLACK, "fontsize": TICK, "weight": "bold", "va": "top", "parse_math": False, "bbox": box}
            self.ax.text(x + 0.06 * w, y + 0.06 * h, words, **look)

    def _arrows(self, arrows: Arrows) -> None:
        start, end = (
            np.stack([self.X(p[:, 0]), self.page.height - self.Y(p[:, 1])], 1) for p in (arrows.start, arrows.end)
        )
        way = end - start
        length = np.hypot(*way.T)
        seen = np.isfinite(length) & (length > 0.01)
        start, end, way = start[seen], end[seen], (way / length[:, None])[seen]
        across, back = way[:, ::-1] * (-0.027, 0.027), end - 0.073 * way
        heads = np.stack([end, back + across, back - across], 1)
        common = {
            "transform": self.page.figure.dpi_scale_trans,
            "color": self.page.colour(arrows.style),
            "clip_on": True,
        }
        for made in (
            LineCollection(np.stack([start, back], 1), lw=0.75, **common),
            PolyCollection(heads, lw=0, **common),
        ):
            made.set_clip_path(self.ax.patch)
            self.ax.add_artist(made)

    def _levels(self) -> None:
        page, panel = self.page, self.panel
        thin = {"color": page.ink, "lw": 0.8, "ls": (0, (2.5, 2.5))}
        end = self.x + self.w
        named: list[float] = []
        for level in sorted((level for level in panel.levels if level.x is None), key=lambda level: level.y):
            y = float(self.Y(level.y, level.right))
            if not self.y - 1e-6 <= y <= self.y + self.h + 1e-6:
                continue
            page.line([self.x, end], [y, y], **thin)
            if level.name:
                y -= 0.03 if y - self.y > 0.14 else -0.13
                while any(abs(y - other) < 0.13 for other in named):
                    y -= 0.13
                named.append(y)
                page.text(end - 0.03, y, level.name, fontsize=TICK, ha="right")
        taken = [0.0] * max(1, int(self.h / 0.3))
        for level in sorted((level for level in panel.levels if level.x is not None), key=lambda level: level.x):
            x = float(self.X(level.x))
            if not self.x - 1e-6 <= x <= end + 1e-6:
                continue
            page.line([x, x], [self.y, self.y + self.h], **thin)
            at = min(x + 0.04, end - _wide(level.name, TICK))
            row = next((i for i, until in enumerate(taken) if until < at), None)
            if level.name and row is not None:  # where there is no room left for its name, the line says it alone
                taken[row] = at + _wide(level.name, TICK) + 0.06
                page.text(at, self.y + 0.1 + 0.13 * row, level.name, fontsize=TICK)

    def _mark(self, mark: Mark) -> None:
        page, x, y = self.page, float(self.X(mark.x)), float(self.Y(mark.y))
        colour = page.colour(mark.style)
        if mark.stem:
            page.line([x, x], [y, self.y + self.h], color=colour, lw=0.9, ls=(0, (2, 2)))
        size = 9 if any(mark.moves) else 5.5
        shape = {"marker": "^" if mark.up else "o", "ms": 8 if mark.up else size, "color": colour, "mew": 0}
        page.line([x], [y], zorder=5, **shape)
        left = x + 0.1 + _wide(mark.name, SMALL, "bold") > self.x + self.w + self.right
        y = y + 0.1 if mark.up else y
        side = {"ha": "right" if left else "left", "va": "center_baseline"}
        ink = {"color": _on(RAMPS[self.panel.heat.ramp][3])} if self.panel.heat else {}
        page.text(x + (-0.1 if left else 0.1), y, mark.name, weight="bold", zorder=6, **side, **ink)


def _widest(marks: Sequence[Any]) -> float:
    return max((_wide(words, TICK) for _, words in marks), default=0.0)


@lru_cache(4096)
def _wide(words: str, size: float, weight: str = "normal") -> float:
    """How wide words are, in inches."""
    return text_to_path.get_text_width_height_descent(words, FontProperties(size=size, weight=weight), False)[0] / 72


def _entry(line: Line) -> float:
    """How wide a line's entry in the legend is."""
    return 0.32 + _wide(f"{line.name} ", SMALL) + _wide(line.value or "", SMALL, "bold") + 0.12


def _wrapped(words: str, width: float, size: float = TITLE, **look: Any) -> list[_Row]:
    """Words as rows that fit the width."""
    rows: list[str] = []
    for part in words.split("\n") if words else []:
        row, *more = part.split(" ")
        for word in more:
            if _wide(f"{row} {word}", size, look.get("weight", "normal")) > width and row.strip():
                rows.append(row)
                row = word
            else:
                row = f"{row} {word}"
        rows.append(row)
    return [(row, {"fontsize": size, **look}) for row in rows]


def _note(note: Note, width: float) -> list[_Row]:
    colour = {"color": TONES[note.tone]} if note.tone in TONES else {}
    title = _wrapped(note.title, width, weight="bold", **colour)
    family = {"family": "monospace"} if note.tone == "code" else {}
    return title + [row for line in note.lines for row in (_wrapped(line, width, SMALL, **family) or [("", {})])]


def _on(colour: Any) -> str:
    """Black or white, whichever is legible on a colour."""
    return "white" if np.dot(to_rgb(colour), (0.299, 0.587, 0.114)) < 0.5 else BLACK


def _gap(width: int) -> int:
    """Pixels between tiles."""
    return max(1, round(width / 20))


def _sheet(tiles: Tiles) -> np.ndarray:
    """All tiles with transparent gaps between them: uint8 (height, width, 4)."""
    images = tiles.images if tiles.images.ndim == 4 else np.repeat(tiles.images[..., None], 3, 3)
    n, h, w, _ = images.shape
    gap = _gap(w)
    rows = max(1, -(-n // tiles.columns))
    sheet = np.zeros((rows * (h + gap) - gap, tiles.columns * (w + gap) - gap, 4), np.uint8)
    for i, image in enumerate(images):
        y, x = i // tiles.columns * (h + gap), i % tiles.columns * (w + gap)
        sheet[y : y + h, x : x + w, :3], sheet[y : y + h, x : x + w, 3] = image, 255
    return sheet


def png(figure: Figure, *, dpi: int = 130, colours: int | None = None) -> bytes:
    """The figure as the bytes of a PNG file, whatever style is in use.

    In at most so many colours, which halves a sheet of images (0: in all of them; None: 256 for a sheet).
    """
    image = _image(figure, dpi)
    colours = 256 * getattr(figure, "sheet", False) if colours is None else colours
    if colours:
        image = image.quantize(colours, Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE)
    file = io.BytesIO()
    image.save(file, "PNG", optimize=True)
    return file.getvalue()


def _image(figure: Figure, dpi: float) -> Image.Image:
    figure.set_dpi(dpi)
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return Image.fromarray(np.array(canvas.buffer_rgba()))


def sample_grid(pictures: Tensor, shape: tuple[int, int, int], *, columns: int = 10, ax: Axes | None = None) -> Axes:
    """Pictures (n, d) in [0, 1] in rows of `columns`, in the order given."""
    sheet = mosaic(pictures, shape, columns)
    ax = ax or _canvas(sheet)
    ax.imshow(sheet, vmin=0, vmax=255)
    ax.set_axis_off()
    return ax


def figure_2(
    samples: Tensor, neighbours: Tensor, shape: tuple[int, int, int], *, columns: int = 5, ax: Axes | None = None
) -> Axes:
    """Figure 2: fair samples, and in the rightmost column the training example nearest to the sample beside it.

    samples (rows * columns, d) in the order drawn; neighbours (rows, d), one for the last sample of each row, framed.
    """
    rows = len(neighbours)
    if len(samples) != rows * columns:
        raise DataError(f"{len(samples)} samples do not fill {rows} rows of {columns}, one row for each neighbour")
    cells = samples.reshape(rows, columns, -1)
    together = np.concatenate([cells.cpu().numpy(), neighbours.cpu().numpy()[:, None]], axis=1)
    gap = 2
    sheet = mosaic(samples.new_tensor(together.reshape(rows * (columns + 1), -1)), shape, columns + 1, gap=gap)
    ax = ax or _canvas(sheet)
    ax.imshow(sheet, vmin=0, vmax=255)
    height, width = shape[1] + gap, shape[2] + gap
    for row in range(rows):
        corner = (columns * width - 1.5, row * height - 1.5)
        ax.add_patch(Rectangle(corner, shape[2] + 2, shape[1] + 2, fill=False, edgecolor=ORANGE, lw=2.2, clip_on=False))
    ax.set_axis_off()
    return ax


def figure_3(strip: Tensor, shape: tuple[int, int, int], *, ax: Axes | None = None) -> Axes:
    """Figure 3: pictures (n, d) along straight lines between points z, side by side."""
    return sample_grid(strip, shape, columns=len(strip), ax=ax)


def learning_curves(curves: Mapping[str, np.ndarray], *, axes: Sequence[Axes] | None = None) -> Sequence[Axes]:
    """A run in three panels over its epochs: both costs; V against -log 4; mean D(x) and D(G(z)).

    `curves` holds epoch, cost_D, cost_G, V, D_real and D_fake, arrays of one length (columns of a `History`).
    """
    if axes is None:
        _, axes = plt.subplots(1, 3, figsize=(10.5, 2.8), layout="constrained")
    epoch = curves["epoch"]
    costs, value, beliefs = axes
    costs.plot(epoch, curves["cost_D"], color=BLUE, ls="--", label="D's cost, -V/2")
    costs.plot(epoch, curves["cost_G"], color=GREEN, label="G's cost")
    costs.set(title="Costs", ylabel="nats")
    value.plot(epoch, curves["V"], color=VERMILION, label="V(D, G)")
    value.axhline(MINUS_LOG_4, color=GREY, ls=":", label="-log 4: D cannot tell")
    value.set(title="The value of the game", ylabel="nats")
    beliefs.plot(epoch, curves["D_real"], color="black", ls=":", label="D(x), on data")
    beliefs.plot(epoch, curves["D_fake"], color=GREEN, label="D(G(z)), on samples")
    beliefs.axhline(0.5, color=GREY, lw=0.8)
    beliefs.set(title="What D believes", ylabel="mean probability", ylim=(0, 1))
    for ax in axes:
        ax.set_xlabel("epoch")
        ax.legend()
    return axes


def score_curve(
    epochs: np.ndarray, scores: np.ndarray, errors: np.ndarray, *, paper: float | None = None, ax: Axes | None = None
) -> Axes:
    """Parzen log-likelihoods (nats) over training, with two standard errors; `paper` is the published number."""
    if ax is None:
        _, ax = plt.subplots(figsize=(5.5, 3), layout="constrained")
    ax.fill_between(epochs, scores - 2 * errors, scores + 2 * errors, color=BLUE, alpha=0.2, lw=0)
    ax.plot(epochs, scores, color=BLUE, marker=".", label="this run (band: two standard errors)")
    if paper is not None:
        ax.axhline(paper, color=GREY, ls=":", label=f"the paper's Table 1: {paper:g}")
    ax.set(xlabel="epoch", ylabel="nats", title="Parzen log-likelihood, validation images")
    ax.legend(loc="lower right")
    return ax


def sigma_curve(sigmas: Sequence[float], means: np.ndarray, *, label: str = "", ax: Axes | None = None) -> Axes:
    """The validation log-likelihood (nats) against the bandwidth, with the best one marked."""
    if ax is None:
        _, ax = plt.subplots(figsize=(5.5, 3), layout="constrained")
        ax.set(xscale="log", xlabel="sigma", ylabel="nats", title="Choosing sigma on 1,000 validation images")
    best = int(np.argmax(means))
    (line,) = ax.plot(sigmas, means, marker="." if len(sigmas) < 20 else None, label=label)
    ax.plot(sigmas[best], means[best], "o", color=line.get_color(), mfc="none", ms=9)
    return ax


def _canvas(sheet: np.ndarray) -> Axes:
    """Axes that show a sheet about three pixels a pixel, and nothing around it."""
    height, width = sheet.shape[:2]
    size = np.clip(3 * width / 110, 3, 10)
    figure = plt.figure(figsize=(size, size * height / width))
    return figure.add_axes((0, 0, 1, 1))


def figure_1(
    x: np.ndarray,
    p_data: np.ndarray,
    p_g: np.ndarray,
    D: np.ndarray,
    arrows: tuple[np.ndarray, np.ndarray],
    *,
    D_star: np.ndarray | None = None,
    title: str = "",
    ax: Axes | None = None,
) -> Axes:
    """A panel of Figure 1: p_data black and dotted, p_g green and solid, D blue and dashed; below, arrows x = G(z).

    p_data, p_g (densities) and D, D_star (probabilities): (n,) at x (n,). `arrows`: z (a,) and G(z) (a,). The lower
    line is z's, stretched to the picture's width, the upper one x's. Curves of both kinds share the axis, as in the
    paper.
    """
    if ax is None:
        _, ax = plt.subplots(figsize=(4, 3.4), layout="constrained")
    top = 1.08
    if D_star is not None:
        ax.plot(x, D_star, color=BLUE, lw=0.9, alpha=0.45)
    ax.plot(x, p_data, color="black", ls=(0, (1, 1.4)), lw=1.8)
    ax.plot(x, np.where(p_g <= top, p_g, np.nan), color=GREEN, lw=1.8)
    ax.plot(x, D, color=BLUE, ls="--", lw=1.6)
    low, high = float(x[0]), float(x[-1])
    z, Gz = (np.asarray(values, float) for values in arrows)
    at_z = np.interp(z, (z.min(), z.max()), (low + 0.2 * (high - low), high - 0.2 * (high - low)))
    upper, lower = -0.18, -0.62
    for y, name in ((upper, "x"), (lower, "z")):
        ax.plot((low, high), (y, y), color="black", lw=0.9, clip_on=False)
        ax.text(low - 0.02 * (high - low), y, name, ha="right", va="center", style="italic")
    for start, end in zip(at_z, Gz):
        if low <= end <= high:
            ax.annotate("", (end, upper), (start, lower), arrowprops={"arrowstyle": "->", "color": "black", "lw": 0.7})
    ax.set(xlim=(low, high), ylim=(lower - 0.06, top), title=title)
    ax.set_axis_off()
    ax.set_title(title)
    return ax


def panels(n: int, *, width: float = 11.5, height: float = 2.7, **options: Any) -> Sequence[Axes]:
    """n Axes side by side in one figure; `options` are those of `plt.subplots`."""
    _, axes = plt.subplots(1, n, figsize=(width, height), layout="constrained", squeeze=False, **options)
    return list(axes[0])


def densities(
    x: np.ndarray,
    p_data: np.ndarray,
    p_g: np.ndarray | Mapping[str, np.ndarray],
    *,
    D: np.ndarray | None = None,
    D_star: np.ndarray | None = None,
    title: str = "",
    ax: Axes | None = None,
) -> Axes:
    """p_data dotted, p_g green, D dashed blue, D* broad and faint: arrays (n,) at x (n,).

    Up to three p_g may be given by name, to compare them: purple, blue and vermilion, each with dashes of its own.
    """
    if ax is None:
        _, ax = plt.subplots(figsize=(5.2, 3), layout="constrained")
    ax.plot(x, p_data, color="black", ls=(0, (1, 1.4)), lw=1.8, label="p_data")
    if isinstance(p_g, Mapping):
        looks = ((PURPLE, (0, (6, 2, 1, 2)), 4), (BLUE, (0, (5, 2)), 3), (VERMILION, "-", 2))
        for (name, density), (colour, dashes, zorder) in zip(p_g.items(), looks):
            ax.plot(x, density, color=colour, ls=dashes, lw=1.5, zorder=zorder, label=name)
    else:
        ax.plot(x, p_g, color=GREEN, lw=1.5, label="p_g")
    if D_star is not None:
        ax.plot(x, D_star, color=BLUE, lw=4, alpha=0.25, label="D*")
    if D is not None:
        ax.plot(x, D, color=BLUE, ls="--", lw=1.5, label="D")
    ax.set(xlabel="x", xlim=(x[0], x[-1]), title=title)
    return ax


def heatmap(
    values: np.ndarray,
    rows: Sequence[float],
    columns: Sequence[float],
    *,
    log: bool = False,
    limits: tuple[float, float] | None = None,
    marks: Mapping[str, np.ndarray] | None = None,
    title: str = "",
    labels: tuple[str, str] = ("rate of D", "rate of G"),
    ax: Axes | None = None,
) -> Axes:
    """A table in colour: values (rows, columns), the first row at the bottom, each number written in its cell.

    `limits` are the ends of the colours (None: those of the values). `marks`: a sign -> shares (rows, columns) from 0
    to 1; a cell with a share above 0 carries the sign and, below 1, the share. A cell that is nan stays grey.
    """
    values = np.asarray(values, float)
    if values.shape != (len(rows), len(columns)):
        raise DataError(f"values are {values.shape}, for {len(rows)} rows and {len(columns)} columns")
    if ax is None:
        _, ax = plt.subplots(figsize=(1.0 + 0.75 * len(columns), 0.9 + 0.55 * len(rows)), layout="constrained")
    known = values[np.isfinite(values)]
    low, high = limits or ((known.min(), known.max()) if len(known) else (0.0, 1.0))
    norm = (LogNorm if log else Normalize)(low, high if high > low else low + 1, clip=True)
    colours = plt.get_cmap("cividis").with_extremes(bad="#D4D4D4")
    ax.imshow(np.ma.masked_invalid(values), cmap=colours, norm=norm, origin="lower", aspect="auto")
    for (i, j), value in np.ndenumerate(values):
        ink = "white" if np.isfinite(value) and norm(value) < 0.55 else "black"
        signs = [_sign(sign, share[i, j]) for sign, share in (marks or {}).items() if share[i, j] > 0]
        words = "\n".join([f"{value:.3g}" if np.isfinite(value) else "", *signs]).strip()
        ax.text(j, i, words, ha="center", va="center", color=ink, fontsize=8, linespacing=0.95)
    ax.set_xticks(range(len(columns)), [f"{c:g}" for c in columns])
    ax.set_yticks(range(len(rows)), [f"{r:g}" for r in rows])
    ax.set(ylabel=labels[0], xlabel=labels[1], title=title)
    ax.tick_params(length=0)
    ax.grid(False)
    return ax


def _sign(sign: str, share: float) -> str:
    """A mark, with its share of the seeds where it is not all of them."""
    return sign if share >= 1 else f"{sign} {share:.0%}"
