"""A picture in matplotlib, as a live demo shows it: a figure, its PNG, or several as a film."""

from __future__ import annotations

import io
import textwrap
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import LinearSegmentedColormap, to_rgb
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle
from matplotlib.transforms import Affine2D, Bbox
from PIL import Image

from ganlib import picture as vocabulary
from ganlib.images import in_rows
from ganlib.picture import GREEN, LIT, LOOKS, PURPLE, VERMILION, Line, Mark, Panel, Picture

STYLE = Path(__file__).with_name("ganlib.mplstyle")
BLACK, INK = LOOKS["data"].light, LOOKS["reference"].light
"""What is black on paper, and its grey for pages that may be light or dark."""
TONES = {"normal": GREEN, "odd": VERMILION, "broken": VERMILION}
"""The colours of notes' titles."""
EDGE, ROW, UNIT = 0.1, 0.165, 0.25
"""Inches: around a drawing, of a row of text, and of a row of the panels' grid."""
TITLE, SMALL, TICK = 9.0, 8.0, 7.5
"""Points."""
KEPT = "\N{NO-BREAK SPACE}"  # no row ends here
DPI = 130
"""Pixels to an inch in the PNG of a drawing."""
INKS = ("text.color", "axes.edgecolor", "axes.labelcolor", "xtick.color", "ytick.color")
PLAIN = {
    **{"text.parse_math": False, "axes.grid": False, "axes.labelsize": SMALL, "axes.labelpad": 2.0},
    **{"xtick.labelsize": TICK, "ytick.labelsize": TICK, "xtick.major.size": 2.5, "ytick.major.size": 2.5},
}
"""What pictures have different from other figures."""
LEGEND = {"borderaxespad": 0.2, "borderpad": 0.1, "handlelength": 2.6, "columnspacing": 1.2, "labelspacing": 0.35}
RAMPS = {name: LinearSegmentedColormap.from_list(name, colours) for name, colours in vocabulary.RAMPS.items()}
FRAME = {"fill": False, "edgecolor": PURPLE, "lw": 2.2, "clip_on": False, "zorder": 5}
ARROWS = {
    **{"angles": "xy", "scale_units": "xy", "scale": 1, "units": "inches", "width": 0.01, "minlength": 0},
    **{"headwidth": 5, "headlength": 7, "headaxislength": 7},
}


class Drawing(Figure):
    """A figure that shows itself at the end of a cell, without pyplot; unless it is `fine`, in 256 colours."""

    fine = True

    def _repr_png_(self) -> bytes:
        return png(self)


def draw(
    picture: Picture | Sequence[Panel], *, said: Sequence[str] = (), width: float = 9.6, paper: bool = False
) -> Drawing:
    """A picture, or panels alone, as a live demo shows it: `said` (its controls in words) above, its words below.

    `width` is in inches; a row of the panels' grid is a quarter of an inch. The background is transparent and the ink
    grey, for pages of any colour; on `paper` they are white and black.
    """
    picture = vocabulary.completed(Picture(picture) if isinstance(picture, list | tuple) else picture, None)
    unit, ink = (width - 2 * EDGE) / vocabulary.COLUMNS, BLACK if paper else INK
    told = "     ".join(f"{number} {what}" for number, what in picture.readouts)
    kept = "     ".join(one.replace(" ", KEPT) if len(one) < 60 else one for one in said)  # a name with its value
    head, foot = [*_rows(kept, width, weight="bold"), *_rows(told, width)], _rows(picture.words, width)
    for note in picture.notes:
        rows = head if note.above else foot
        rows += _rows(note.title, width, weight="bold", color=TONES.get(note.tone, ink))
        for line in note.lines:
            rows += _rows(line, width, SMALL, family="monospace" if note.tone == "code" else "sans-serif")
    top = EDGE + ROW * len(head) + 0.1 * bool(head)
    bottom = top + UNIT * max((panel.at[0] + panel.at[2] for panel in picture.panels), default=0)
    height = bottom + ROW * len(foot) + EDGE
    with matplotlib.rc_context({**PLAIN, **dict.fromkeys(INKS, ink)}, STYLE):
        figure = Drawing(figsize=(width, height), facecolor="white" if paper else "none")
        figure.fine = any(panel.heat is not None for panel in picture.panels)
        for start, rows in ((EDGE, head), (bottom, foot)):
            for i, (words, look) in enumerate(rows):
                figure.text(EDGE / width, 1 - (start + ROW * i + 0.12) / height, words, **look)
        charts = [_Chart(figure, panel, unit, ink) for panel in picture.panels]
        for chart in charts:
            chart.draw(*chart.place(charts, height - top))
    return figure


class _Chart:
    """A panel, and the room that it needs around its axes, in inches."""

    def __init__(self, figure: Drawing, panel: Panel, unit: float, ink: str):
        self.figure, self.panel, self.unit, self.ink = figure, panel, unit, ink
        room = panel.at[3] * unit - 0.6
        self.title, self.caption = _rows(panel.title, room, weight="bold"), _rows(panel.caption, room, SMALL)
        self.named = [f"{one.name} {one.value or ''}".strip() for one in (*panel.lines, *panel.arrows)]
        self.across = max(1, int(room / (_wide(self.named, SMALL) + 0.45)))
        self.x_ticks, self.y_ticks = panel.x_ticks, panel.y_ticks
        if panel.cells:
            names = (panel.cells.columns, panel.cells.rows)
            self.x_ticks, self.y_ticks = ([(i + 0.5, name) for i, name in enumerate(those)] for those in names)
        self.above = 0.12 + ROW * (len(self.title) - (-sum(map(bool, self.named)) // self.across))
        self.left, self.right, self.below = 0.03, 0.1, 0.1 + ROW * len(self.caption)
        if panel.tiles is None:
            self.left = 0.12 + _wide([words for _, words in self.y_ticks]) + 0.18 * bool(panel.y_label)
            if panel.right:
                self.right = 0.12 + _wide([w for _, w in panel.right_ticks]) + 0.22 * bool(panel.right_label)
            self.right += 0.6 * bool(panel.heat)
            self.below += 0.15 * bool(self.x_ticks) + 0.17 * bool(panel.x_label)

    def place(self, charts: Sequence[_Chart], top: float) -> tuple[float, float, float, float]:
        """Where the axes stand: charts above each other begin and end alike, and so do those beside each other."""
        row, column, rows, columns = self.panel.at
        for chart in charts:
            if chart.panel.at[1::2] == (column, columns):
                self.left, self.right = max(self.left, chart.left), max(self.right, chart.right)
            if chart.panel.at[::2] == (row, rows):
                self.above, self.below = max(self.above, chart.above), max(self.below, chart.below)
        w, h = columns * self.unit - self.left - self.right, UNIT * rows - self.above - self.below
        return EDGE + column * self.unit + self.left, top - UNIT * (row + rows) + self.below, max(w, 0.2), max(h, 0.1)

    def draw(self, x: float, y: float, w: float, h: float) -> None:
        """Draw it on axes that stand at x, y (inches from the bottom left), w wide and h high."""
        panel, (width, height) = self.panel, self.figure.get_size_inches()
        sheet = panel.tiles and _sheet(panel.tiles.images, panel.tiles.columns)
        ends = (panel.x, panel.y) if sheet is None else ((0, sheet.shape[1]), (sheet.shape[0], 0))
        if panel.square or sheet is not None:
            spans = np.abs(np.diff(ends)).ravel()
            square = spans * min((w, h) / spans)
            x, y, (w, h) = x + (w - square[0]) / 2, y + h - square[1], square
        ax = self.ax = self.figure.add_axes((x / width, y / height, w / width, h / height), xlim=ends[0], ylim=ends[1])
        self.w, self.h, foot = w, h, ROW * len(self.caption) - self.below
        for rows, at, start in ((self.title, 1, self.above - 0.02), (self.caption, 0, foot)):
            for i, (words, look) in enumerate(rows):
                self.text(words, (0, at), (0, 72 * (start - ROW * i) - 9), "axes fraction", **look)
        if sheet is not None:
            return self.tiles(sheet)
        ax.set_xticks([value for value, _ in self.x_ticks], [words for _, words in self.x_ticks])
        ax.set_yticks([value for value, _ in self.y_ticks], [words for _, words in self.y_ticks])
        ax.set(xlabel=panel.x_label, ylabel=panel.y_label)
        self.other = ax
        if panel.right:
            read = (line.style for line in panel.lines if line.right and line.style != "reference")
            colour = next(map(self.colour, read), self.ink)
            self.other = ax.twinx()
            self.other.spines[:].set_visible(False)
            self.other.set_yticks(*([tick[i] for tick in panel.right_ticks] for i in (0, 1)), color=colour)
            self.other.tick_params(length=0)
            self.other.set_ylabel(panel.right_label, color=colour, labelpad=4)
        if panel.heat:
            self.heat()
        if panel.cells:
            self.cells()
        for arrows in panel.arrows:
            ways = *arrows.start.T, *(arrows.end - arrows.start).T
            ax.quiver(*ways, color=self.colour(arrows.style), **ARROWS)
        keys = [Line2D([], [], marker=">", ms=4, lw=1, color=self.colour(arrows.style)) for arrows in panel.arrows]
        handles = [*map(self.line, panel.lines), *keys]
        ax.set(xlim=panel.x, ylim=panel.y)
        self.other.set_ylim(panel.right or panel.y)
        self.levels()
        for mark in panel.marks:
            self.mark(mark)
        if any(self.named):
            shown = [(handle, name) for handle, name in zip(handles, self.named) if name]
            ax.legend(*zip(*shown), loc="lower left", bbox_to_anchor=(0, 1), ncols=self.across, **LEGEND)

    def text(self, words: str, at: tuple[float, float], by: tuple[float, float], of: Any = "data", **look: Any) -> None:
        """Words so many points away from a place."""
        self.ax.annotate(words, at, by, of, "offset points", **{"fontsize": TICK, "annotation_clip": False} | look)

    def colour(self, style: str) -> str:
        """A style's colour; what is black on paper is grey where the page may be black."""
        return self.ink if LOOKS[style].light == BLACK else LOOKS[style].light

    def line(self, line: Line) -> Any:
        """Draw a line; what the legend shows of it. `LOOKS` gives pixels, of which 96 are an inch."""
        ax, colour, look = self.other if line.right else self.ax, self.colour(line.style), LOOKS[line.style]
        y, dash = np.where(np.isfinite(line.y), line.y, np.nan), look.dash
        if line.fill:
            ax.fill_between(line.x, y, color=colour, alpha=0.14, lw=0)
        if line.smooth:
            ax.plot(line.x, y, color=colour, lw=0.6, alpha=0.3)
            y = vocabulary.running_mean(y)
        if line.dots:
            return ax.plot(line.x, y, "o", ms=3.2, mew=0, color=colour, alpha=look.alpha)[0]
        if line.dash is not None:
            dash = vocabulary.DASHES[line.dash]
        dashes = (0, [d / look.width for d in dash]) if dash else "-"
        width = 0.75 * look.width * (LIT if line.lit else 1)
        return ax.plot(line.x, y, ls=dashes, lw=width, color=colour, alpha=look.alpha)[0]

    def heat(self) -> None:
        """Bands, as a smooth map makes a file three times as large; level lines; the colours with their numbers."""
        heat, (low, high) = self.panel.heat, self.panel.heat.limits
        x, y = (np.linspace(*ends, n) for ends, n in zip((heat.x, heat.y), heat.z.shape[::-1]))
        bands, ramp = np.linspace(low, high if high > low else low + 1, 41), RAMPS[heat.ramp]
        filled = self.ax.contourf(x, y, heat.z, bands, cmap=ramp, extend="both")
        self.ax.contour(x, y, heat.z, sorted(heat.contours), colors=_on(ramp(0.5)), linewidths=0.8, alpha=0.6)
        beside = self.ax.inset_axes((1 + 0.12 / self.w, 0, 0.1 / self.w, 1))
        bar = self.figure.colorbar(filled, cax=beside, extendfrac=0)
        numbers = vocabulary.ticks(bands[0], bands[-1], 4)
        bar.set_ticks([value for value, _ in numbers], labels=[words for _, words in numbers])
        bar.outline.set_visible(False)
        self.text(heat.name, (1, 1), (43, 4), "axes fraction", ha="right")

    def cells(self) -> None:
        """The table's colours, its words as large as they fit, and the frame of the chosen cell."""
        cells, ramp = self.panel.cells, RAMPS[self.panel.cells.ramp].with_extremes(bad=(0.5, 0.5, 0.5, 0.2))
        at = np.ma.masked_invalid(vocabulary.shares(cells.values, cells.limits, cells.log))
        rows, columns = at.shape
        whole = {"extent": (0, columns, 0, rows), "aspect": "auto", "origin": "lower", "interpolation": "nearest"}
        self.ax.imshow(at, ramp, vmin=0, vmax=1, **whole)
        self.ax.spines[:].set_visible(False)
        for i, j in np.ndindex(rows, columns):
            if words := [word for word in cells.words[i][j] if word]:
                size = min(SMALL, self.w / columns / _wide(words, 1), 60 * self.h / rows / len(words))
                ink = self.ink if at[i, j] is np.ma.masked else _on(ramp(at[i, j]))
                look = {"color": ink, "fontsize": size, "ha": "center", "va": "center", "linespacing": 1}
                self.ax.text(j + 0.5, i + 0.5, "\n".join(words), **look)
        if cells.chosen is not None:
            self.ax.add_patch(Rectangle(cells.chosen[::-1], 1, 1, **FRAME))

    def tiles(self, sheet: np.ndarray) -> None:
        """The images, and a frame with a badge around those that are picked."""
        self.ax.set_axis_off()
        self.ax.imshow(sheet, interpolation="nearest", aspect="auto", extent=(0, sheet.shape[1], sheet.shape[0], 0))
        (h, w), columns = self.panel.tiles.images.shape[1:3], self.panel.tiles.columns
        gap = max(1, round(w / 20))
        for i, words in self.panel.tiles.badges.items():
            corner = i % columns * (w + gap), i // columns * (h + gap)
            self.ax.add_patch(Rectangle(corner, w, h, **FRAME))
            box = {"boxstyle": "square,pad=0.15", "facecolor": PURPLE, "edgecolor": "none"}
            self.text(words, corner, (3, -3), color=BLACK, weight="bold", va="top", bbox=box)

    def levels(self) -> None:
        """Lines across the panel. Each name stands where the fewest lines pass, and on no other name.

        Its places are above the line and below it at the right end, then at the left end; beside what stands upright
        they are rows from the top. A name that finds no place is left out.
        """
        look, taken = {"color": self.ink, "lw": 0.8, "ls": (0, (2.5, 2.5))}, []
        for level in self.panel.levels:
            if level.x is None:
                (self.other if level.right else self.ax).axhline(level.y, **look)
            else:
                self.ax.axvline(level.x, **look)
        inches = self.ax.transAxes.inverted() + Affine2D().scale(self.w, self.h)
        lines = {*self.ax.lines, *self.other.lines}
        paths = [line.get_path().transformed(line.get_transform() + inches) for line in lines]
        for level in sorted(self.panel.levels, key=lambda level: (level.x is None, level.x or 0, level.y or 0)):
            ax, wide = self.other if level.right else self.ax, _wide([level.name])
            x, y = ax.transLimits.transform((level.x or 0, level.y or 0)) * (self.w, self.h)
            if level.x is None:
                ends = ((self.w - 0.03 - wide, "right"), (0.03, "left"))
                places = [(left, y + by, side) for left, side in ends for by in (0.03, -0.13) if 0 <= y <= self.h]
            else:
                left, rows = max(min(x + 0.04, self.w - wide), 0), range(max(1, int(self.h / 0.3)))
                places = [(left, self.h - 0.125 * (row + 1), "left") for row in rows if 0 <= x <= self.w]
            boxes = [(Bbox.from_bounds(x, y, wide, 0.12), side) for x, y, side in places if 0 <= y <= self.h - 0.11]
            free = [(box, side) for box, side in boxes if not box.count_overlaps(taken)]
            if level.name and free:
                box, side = min(free, key=lambda place: sum(path.intersects_bbox(place[0], False) for path in paths))
                taken.append(box)
                by = 72 * (box.x0 if side == "left" else box.x1), 72 * box.y0
                self.text(level.name, (0, 0), by, "axes fraction", ha=side)

    def mark(self, mark: Mark) -> None:
        """A point, larger where it is a handle, with its name at the side where there is room."""
        colour, (x, y) = self.colour(mark.style), self.ax.transLimits.transform((mark.x, mark.y))
        if mark.stem:
            self.ax.plot([mark.x] * 2, [self.panel.y[0], mark.y], color=colour, lw=0.9, ls=(0, (2, 2)))
        size = 8 if mark.up else 9 if any(mark.moves) else 5.5
        self.ax.plot(mark.x, mark.y, "^" if mark.up else "o", ms=size, color=colour, mew=0, clip_on=False, zorder=5)
        side = -1 if self.w * (1 - x) < _wide([mark.name], 9.5) else 1
        look = {"ha": "right" if side < 0 else "left", "fontsize": SMALL, "weight": "bold", "zorder": 6}
        if self.panel.heat:
            look["color"] = _on(vocabulary.RAMPS[self.panel.heat.ramp][3])
        by = 7 * side, -9 if mark.up or self.h * (1 - y) < 0.15 else 3
        self.text(mark.name, (mark.x, mark.y), by, **look)


def _wide(words: Sequence[str], size: float = TICK) -> float:
    """About how wide the longest of some words is, in inches."""
    return 0.0088 * size * max(map(len, words), default=0)


def _rows(words: str, width: float, size: float = TITLE, **look: Any) -> list[tuple[str, dict[str, Any]]]:
    """Words as rows that fit the width, and how they look."""
    n = max(6, int((width - 2 * EDGE) / size / (0.0084 if look.get("weight") == "bold" else 0.0079)))
    rows = [
        row
        for part in vocabulary.minus(words).split("\n")
        for row in textwrap.wrap(part, n, break_on_hyphens=False) or [""]
    ]
    return [(row.replace(KEPT, " "), {"fontsize": size, **look}) for row in rows] if words else []


def _on(colour: Any) -> str:
    """White or black, whichever is legible on a colour."""
    return "white" if np.dot(to_rgb(colour), (0.299, 0.587, 0.114)) < 0.5 else BLACK


def _sheet(images: np.ndarray, columns: int) -> np.ndarray:
    """All tiles with transparent gaps between them: uint8 (height, width, 4)."""
    colours = images if images.ndim == 4 else images[..., None].repeat(3, -1)
    opaque = np.full((*images.shape[:3], 1), 255, np.uint8)
    return in_rows(np.concatenate([colours, opaque], -1), columns, max(1, round(images.shape[2] / 20)), 0)


def pixels(figure: Figure, dpi: float = DPI) -> Image.Image:
    """The figure as an image, whatever style is in use."""
    figure.set_dpi(dpi)
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return Image.fromarray(np.array(canvas.buffer_rgba()))


def png(figure: Drawing) -> bytes:
    """The figure as the bytes of a PNG file; without a heat map it has 256 colours, which makes it a third as large."""
    image, file = pixels(figure), io.BytesIO()
    if not figure.fine:
        image = image.quantize(256, Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE)
    image.save(file, "PNG", optimize=True)
    return file.getvalue()


def in_256_colours(png: bytes) -> bytes:
    """The picture in its 256 most frequent colours, each pixel in the nearest of them: a third of the bytes.

    For a heat map whose colours are few; `png` leaves the others as they are.
    """
    pixels = np.asarray(Image.open(io.BytesIO(png)).convert("RGBA"))
    colours, which, counts = np.unique(pixels.reshape(-1, 4), axis=0, return_inverse=True, return_counts=True)
    kept = colours[np.argsort(-counts, kind="stable")[:256]]
    nearest = np.square(colours[:, None].astype(int) - kept.astype(int)).sum(-1).argmin(1).astype(np.uint8)
    small, file = Image.fromarray(nearest[which.ravel()].reshape(pixels.shape[:2])), io.BytesIO()
    small.putpalette(kept.tobytes(), "RGBA")
    small.save(file, "PNG", optimize=True, transparency=kept[:, 3].tobytes())
    return file.getvalue()


def film(pictures: Iterable[Picture]) -> bytes:
    """Pictures one after another, 0.13 s each and the last for 1.6 s, as a looping animated PNG on white.

    Its few colours are those of `LOOKS`, greys, and their mixtures with white: each curve keeps its own in all frames.
    """
    frames = [pixels(draw(picture, width=7.2, paper=True), 80).convert("RGB") for picture in pictures]
    size = [max(frame.size[i] for frame in frames) for i in (0, 1)]
    inks = np.array([to_rgb(colour) for colour in dict.fromkeys(look.light for look in LOOKS.values())])
    mixed = np.concatenate([255 * (1 - share * (1 - inks)) for share in (1, 0.75, 0.55, 0.35, 0.14)] + [[[255.0] * 3]])
    palette = Image.new("P", (1, 1))
    palette.putpalette(mixed.round().astype(np.uint8).tobytes())
    small = []
    for frame in frames:
        sheet = Image.new("RGB", size, "white")
        sheet.paste(frame)
        small.append(sheet.quantize(palette=palette, dither=Image.Dither.NONE))
    file, milliseconds = io.BytesIO(), [130] * (len(small) - 1) + [1600]
    small[0].save(file, "PNG", save_all=True, append_images=small[1:], duration=milliseconds, loop=0, optimize=True)
    return file.getvalue()
