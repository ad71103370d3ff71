"""One function per figure: each takes arrays, draws on `ax` (or a new one), and returns the Axes."""

from __future__ import annotations

import io
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import LinearSegmentedColormap, to_rgb
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle
from numpy.typing import ArrayLike
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
    Level,
    Line,
    Mark,
    Note,
    Panel,
    Picture,
    Tick,
    Tiles,
    completed,
    minus,
    quantile_range,
    round_range,
    running_mean,
    shares,
    ticks,
)

STYLE = Path(__file__).with_name("ganlib.mplstyle")
BLUE, GREEN, VERMILION, PURPLE = (LOOKS[style].light for style in ("D", "G", "V", "other"))
ORANGE = "#E69F00"
BLACK, INK, PICKED = LOOKS["data"].light, LOOKS["reference"].light, LOOKS["other"].light
"""What is black on paper; its grey for pages that may be light or dark, which is also for what is a reference; and the
colour of what a person picked."""
GREY = INK
TONES = {"normal": LOOKS["G"].light, "odd": LOOKS["V"].light, "broken": LOOKS["V"].light}
"""The colours of notes' titles."""


def use_style() -> None:
    """Let every figure of this session look like the project's own."""
    plt.style.use(STYLE)


# -- drawing a picture -------------------------------------------------------------------------------------------------

EDGE, ROW, UNIT = 0.1, 0.165, 0.25
"""Inches: around a drawing, of a row of text, and of a row of the panels' grid."""
TITLE, SMALL, TICK = 9.0, 8.0, 7.5
"""Points."""
INKS = ("text.color", "axes.edgecolor", "axes.labelcolor", "xtick.color", "ytick.color")
PLAIN = {
    **{"text.parse_math": False, "axes.grid": False, "axes.labelsize": SMALL, "axes.labelpad": 2.0},
    **{"xtick.labelsize": TICK, "ytick.labelsize": TICK, "xtick.major.size": 2.5, "ytick.major.size": 2.5},
}
"""What pictures have different from other figures."""
LEGEND = {"borderaxespad": 0.2, "borderpad": 0.1, "handlelength": 2.6, "columnspacing": 1.2, "labelspacing": 0.35}
FRAME = {"fill": False, "edgecolor": PICKED, "lw": 2.2, "clip_on": False, "zorder": 5}
_Row = tuple[str, dict[str, Any]]


class Drawing(Figure):
    """A figure that shows itself at the end of a cell, without pyplot."""

    ink = INK
    sheet = False
    """Whether it holds images, for which a PNG needs no more than 256 colours."""

    def _repr_png_(self) -> bytes:
        return png(self)


def draw(
    picture: Picture | Sequence[Panel], *, said: Sequence[str] = (), width: float = 9.6, paper: bool = False
) -> Drawing:
    """A picture, or panels alone, as a live demo shows it: `said` (its controls in words) above, its words below.

    `width` is in inches; a row of the panels' grid is a quarter of an inch. The background is transparent and the ink
    grey, for pages of any colour; on `paper` they are white and black.
    """
    picture = completed(Picture(picture) if isinstance(picture, list | tuple) else picture, None)
    panels, unit, ink = picture.panels, (width - 2 * EDGE) / COLUMNS, BLACK if paper else INK
    told = "     ".join(f"{number} {what}" for number, what in picture.readouts)
    over, under = ([row for n in picture.notes if n.above == up for row in _note(n, width)] for up in (True, False))
    head = [*_rows("     ".join(said), width, weight="bold"), *_rows(told, width), *over]
    foot = [*_rows(picture.words, width), *under]
    top = EDGE + ROW * len(head) + (0.1 if head else 0)
    bottom = top + UNIT * max(panel.at[0] + panel.at[2] for panel in panels)
    height = bottom + ROW * len(foot) + EDGE
    style = matplotlib.rc_params_from_file(STYLE, use_default_template=False)
    with matplotlib.rc_context({**style, **PLAIN, **dict.fromkeys(INKS, ink)}):
        figure = Drawing(figsize=(width, height), facecolor="white" if paper else "none")
        figure.ink, figure.sheet = ink, any(panel.tiles is not None for panel in panels)
        for start, rows in ((EDGE, head), (bottom, foot)):
            for i, (words, look) in enumerate(rows):
                figure.text(EDGE / width, 1 - (start + ROW * i + 0.12) / height, words, **look)
        charts = [_Chart(figure, panel, unit) for panel in panels]
        for chart in charts:
            chart.draw(*chart.place(charts, height - top))
    return figure


class _Chart:
    """A panel, and the room that it needs around its axes, in inches."""

    def __init__(self, figure: Drawing, panel: Panel, unit: float):
        self.figure, self.panel, self.unit, self.ink = figure, panel, unit, figure.ink
        room = panel.at[3] * unit - 0.6
        self.title, self.caption = _rows(panel.title, room, weight="bold"), _rows(panel.caption, room, SMALL)
        self.named = [f"{line.name} {line.value or ''}".strip() for line in panel.lines]
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
        sheet = None if panel.tiles is None else _sheet(panel.tiles)
        ends = (panel.x, panel.y) if sheet is None else ((0, sheet.shape[1]), (sheet.shape[0], 0))
        if panel.square or sheet is not None:
            spans = np.abs(np.diff(ends)).ravel()
            square = spans * min((w, h) / spans)
            x, y, (w, h) = x + (w - square[0]) / 2, y + h - square[1], square
        ax = self.ax = self.figure.add_axes((x / width, y / height, w / width, h / height), xlim=ends[0], ylim=ends[1])
        self.w, self.h = w, h
        for rows, at, start in (
            (self.title, 1, self.above - 0.02),
            (self.caption, 0, ROW * len(self.caption) - self.below),
        ):
            for i, (words, look) in enumerate(rows):
                self.text(words, (0, at), (0, 72 * (start - ROW * i) - 9), "axes fraction", **look)
        if sheet is not None:
            return self.tiles(panel.tiles, sheet)
        ax.set_xticks([value for value, _ in self.x_ticks], [words for _, words in self.x_ticks])
        ax.set_yticks([value for value, _ in self.y_ticks], [words for _, words in self.y_ticks])
        ax.set(xlabel=panel.x_label, ylabel=panel.y_label)
        self.other = ax
        if panel.right:
            colour = next((_style(line, self.ink)["color"] for line in panel.lines if line.right), self.ink)
            self.other = ax.twinx()
            self.other.spines[:].set_visible(False)
            self.other.set_yticks(*([tick[i] for tick in panel.right_ticks] for i in (0, 1)), color=colour)
            self.other.tick_params(length=0)
            self.other.set_ylabel(panel.right_label, color=colour, labelpad=4)
        if panel.heat:
            self.heat(panel.heat)
        if panel.cells:
            self.cells(panel.cells)
        for arrows in panel.arrows:
            ways = [*arrows.start.T, *(arrows.end - arrows.start).T]
            units = {"angles": "xy", "scale_units": "xy", "scale": 1, "units": "inches", "width": 0.01, "minlength": 0}
            head = {"headwidth": 5, "headlength": 7, "headaxislength": 7}
            ax.quiver(*ways, color=_colour(arrows.style, self.ink), **units, **head)
        handles = [self.line(line) for line in panel.lines]
        self.levels()
        for mark in panel.marks:
            self.mark(mark)
        ax.set(xlim=panel.x, ylim=panel.y)
        self.other.set_ylim(panel.right or panel.y)
        if any(self.named):
            shown = [(handle, name) for handle, name in zip(handles, self.named) if name]
            ax.legend(*zip(*shown), loc="lower left", bbox_to_anchor=(0, 1), ncols=self.across, **LEGEND)

    def text(self, words: str, at: tuple[float, float], by: tuple[float, float], of: Any = "data", **look: Any) -> None:
        """Words so many points away from a place."""
        self.ax.annotate(words, at, by, of, "offset points", **{"fontsize": TICK, "annotation_clip": False} | look)

    def line(self, line: Line) -> Line2D:
        """Draw a line; what the legend shows of it."""
        ax, look, y = (
            self.other if line.right else self.ax,
            _style(line, self.ink),
            np.where(np.isfinite(line.y), line.y, np.nan),
        )
        if line.fill:
            ax.fill_between(line.x, y, color=look["color"], alpha=0.14, lw=0)
        if line.smooth:
            ax.plot(line.x, y, color=look["color"], lw=0.6, alpha=0.3)
            y = running_mean(y)
        return ax.plot(line.x, y, **look)[0]

    def heat(self, heat: Heat) -> None:
        """Bands, as a smooth map makes a file three times as large; level lines; the colours with their numbers."""
        x, y = (np.linspace(*ends, n) for ends, n in zip((heat.x, heat.y), heat.z.shape[::-1]))
        low, high = heat.limits
        bands, ramp = np.linspace(low, high if high > low else low + 1, 41), _ramp(heat.ramp)
        filled = self.ax.contourf(x, y, heat.z, bands, cmap=ramp, extend="both")
        self.ax.contour(x, y, heat.z, sorted(heat.contours), colors=_on(ramp(0.5)), linewidths=0.8, alpha=0.6)
        beside = self.ax.inset_axes((1 + 0.12 / self.w, 0, 0.1 / self.w, 1))
        bar = self.figure.colorbar(filled, cax=beside, extendfrac=0)
        numbers = ticks(bands[0], bands[-1], 4)
        bar.set_ticks([value for value, _ in numbers], labels=[words for _, words in numbers])
        bar.outline.set_visible(False)
        self.text(heat.name, (1, 1), (43, 4), "axes fraction", ha="right")

    def cells(self, cells: Cells) -> None:
        """The table's colours, its words as large as they fit, and the frame of the chosen cell."""
        ramp, at = _ramp(cells.ramp), np.ma.masked_invalid(shares(cells.values, cells.limits, cells.log))
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

    def tiles(self, tiles: Tiles, sheet: np.ndarray) -> None:
        """The images, and a frame with a badge around those that are picked."""
        self.ax.set_axis_off()
        self.ax.imshow(sheet, interpolation="nearest", aspect="auto", extent=(0, sheet.shape[1], sheet.shape[0], 0))
        h, w = tiles.images.shape[1:3]
        for i, words in tiles.badges.items():
            corner = i % tiles.columns * (w + _gap(w)), i // tiles.columns * (h + _gap(w))
            self.ax.add_patch(Rectangle(corner, w, h, **FRAME))
            box = {"boxstyle": "square,pad=0.15", "facecolor": PICKED, "edgecolor": "none"}
            self.text(words, corner, (3, -3), color=BLACK, weight="bold", va="top", bbox=box)

    def levels(self) -> None:
        """Lines across the panel, whose names keep clear of each other."""
        (x0, x1), names, until = self.panel.x, [], [0.0] * max(1, int(self.h / 0.3))
        thin = {"color": self.ink, "lw": 0.8, "ls": (0, (2.5, 2.5))}
        for level in sorted(self.panel.levels, key=lambda level: (level.x or 0, level.y or 0)):
            if level.x is None:
                low, high = self.panel.right if level.right and self.panel.right else self.panel.y
                (self.other if level.right else self.ax).axhline(level.y, **thin)
                at = self.h * (level.y - low) / (high - low)  # inches from the bottom
                if level.name and 0 <= at <= self.h:
                    at += 0.03 if at < self.h - 0.14 else -0.13
                    while any(abs(at - other) < 0.13 for other in names):
                        at += 0.13
                    names.append(at)
                    self.text(level.name, (1, 0), (-2, 72 * at), "axes fraction", ha="right")
            elif x0 <= level.x <= x1:
                self.ax.axvline(level.x, **thin)
                at, wide = self.w * (level.x - x0) / (x1 - x0), _wide([level.name])
                at = max(min(at + 0.04, self.w - wide), 0)
                row = next((i for i, end in enumerate(until) if end <= at), None)
                if level.name and row is not None:  # where there is no room left for the name, the line is all
                    until[row] = at + wide + 0.05
                    self.text(level.name, (0, 1), (72 * at, -9 - 9 * row), "axes fraction")

    def mark(self, mark: Mark) -> None:
        """A point, larger where it is a handle, with its name at the side where there is room."""
        colour, share = _colour(mark.style, self.ink), (mark.x - self.panel.x[0]) / np.ptp(self.panel.x)
        if mark.stem:
            self.ax.plot([mark.x] * 2, [self.panel.y[0], mark.y], color=colour, lw=0.9, ls=(0, (2, 2)))
        size = 8 if mark.up else 9 if any(mark.moves) else 5.5
        self.ax.plot(mark.x, mark.y, "^" if mark.up else "o", ms=size, color=colour, mew=0, clip_on=False, zorder=5)
        side = -1 if self.w * (1 - share) < _wide([mark.name], 9.5) else 1
        ink = {"color": _on(RAMPS[self.panel.heat.ramp][3])} if self.panel.heat else {}
        look = {"ha": "right" if side < 0 else "left", "fontsize": SMALL, "weight": "bold", "zorder": 6}
        low = mark.up or self.h * (self.panel.y[1] - mark.y) / np.ptp(self.panel.y) < 0.15
        self.text(mark.name, (mark.x, mark.y), (7 * side, -9 if low else 3), **look, **ink)


def _wide(words: Sequence[str], size: float = TICK) -> float:
    """About how wide the longest of some words is, in inches."""
    return 0.0088 * size * max(map(len, words), default=0)


def _rows(words: str, width: float, size: float = TITLE, **look: Any) -> list[_Row]:
    """Words as rows that fit the width."""
    n = max(6, int((width - 2 * EDGE) / size / 0.0079))
    rows = [row for part in minus(words).split("\n") for row in textwrap.wrap(part, n) or [""]]
    return [(row, {"fontsize": size, **look}) for row in rows] if words else []


def _note(note: Note, width: float) -> list[_Row]:
    look = {"family": "monospace"} if note.tone == "code" else {}
    title = _rows(note.title, width, weight="bold", **({"color": TONES[note.tone]} if note.tone in TONES else {}))
    return title + [row for line in note.lines for row in _rows(line, width, SMALL, **look)]


def _style(line: Line, ink: str) -> dict[str, Any]:
    """How matplotlib draws a line; `LOOKS` gives pixels, of which 96 are an inch."""
    look = LOOKS[line.style]
    common = {"color": _colour(line.style, ink), "alpha": look.alpha}
    if line.dots:
        return {**common, "ls": "", "marker": "o", "ms": 3.2, "mew": 0}
    dash = look.dash if line.dash is None else DASHES[line.dash]
    return {**common, "ls": (0, [d / look.width for d in dash]) if dash else "-", "lw": 0.75 * look.width}


def _colour(style: str, ink: str) -> str:
    """A style's colour; what is black on paper is grey where the page may be black."""
    return ink if LOOKS[style].light == BLACK else LOOKS[style].light


def _ramp(name: str) -> LinearSegmentedColormap:
    return LinearSegmentedColormap.from_list(name, RAMPS[name]).with_extremes(bad=(0.5, 0.5, 0.5, 0.2))


def _on(colour: Any) -> str:
    """White or black, whichever is legible on a colour."""
    return "white" if np.dot(to_rgb(colour), (0.299, 0.587, 0.114)) < 0.5 else BLACK


def _gap(width: int) -> int:
    """Pixels between tiles."""
    return max(1, round(width / 20))


def _sheet(tiles: Tiles) -> np.ndarray:
    """All tiles with transparent gaps between them: uint8 (height, width, 4)."""
    n, h, w = tiles.images.shape[:3]
    rows, columns, gap = max(1, -(-n // tiles.columns)), tiles.columns, _gap(w)
    sheet = np.zeros((rows * columns, h + gap, w + gap, 4), np.uint8)
    sheet[:n, :h, :w, :3] = tiles.images if tiles.images.ndim == 4 else tiles.images[..., None]
    sheet[:n, :h, :w, 3] = 255
    sheet = sheet.reshape(rows, columns, h + gap, w + gap, 4).swapaxes(1, 2)
    return sheet.reshape(rows * (h + gap), columns * (w + gap), 4)[:-gap, :-gap]


def png(figure: Figure, *, dpi: float = 130, colours: int | None = None) -> bytes:
    """The figure as the bytes of a PNG file, whatever style is in use.

    In at most so many colours, which halves a sheet of images (0: in all of them; None: 256 where there are images).
    """
    image = _image(figure, dpi)
    if colours or (colours is None and getattr(figure, "sheet", False)):
        image = image.quantize(colours or 256, Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE)
    file = io.BytesIO()
    image.save(file, "PNG", optimize=True)
    return file.getvalue()


def film(pictures: Iterable[Picture], *, seconds: float = 0.13, last: float = 1.6, width: float = 7.2) -> bytes:
    """Pictures one after another, for so many seconds each, as a looping animated PNG on white; 80 pixels an inch.

    Its few colours are those of `LOOKS`, greys, and their mixtures with white: each curve keeps its own in all frames.
    """
    frames = [_image(draw(picture, width=width, paper=True), 80).convert("RGB") for picture in pictures]
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
    file, milliseconds = io.BytesIO(), [round(1000 * seconds)] * (len(small) - 1) + [round(1000 * last)]
    small[0].save(file, "PNG", save_all=True, append_images=small[1:], duration=milliseconds, loop=0, optimize=True)
    return file.getvalue()


def _image(figure: Figure, dpi: float) -> Image.Image:
    figure.set_dpi(dpi)
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return Image.fromarray(np.array(canvas.buffer_rgba()))


# -- panels of the paper's figures -------------------------------------------------------------------------------------


def figure_1(
    x: np.ndarray,
    p_data: np.ndarray,
    p_g: np.ndarray,
    D: np.ndarray,
    arrows: tuple[np.ndarray, np.ndarray],
    *,
    D_star: np.ndarray | None = None,
    reach: float | None = None,
    z_ticks: Sequence[Tick] | None = None,
    title: str = "",
) -> list[Panel]:
    """Figure 1: p_data dotted, p_g solid, D dashed, with D* faint; and a panel for below it, the arrows x = G(z).

    p_data, p_g (densities), D and D_star (probabilities): (n,) at x (n,). `arrows`: z (a,) and G(z) (a,). z from
    -`reach` to `reach` spans 92 % of the width (None: the largest z does); `z_ticks` are its (value, words).
    """
    window = low, high = float(x[0]), float(x[-1])
    top = round_range(0, 1.7 * float(np.max(p_data)), 4)[1]
    upper = densities(x, p_data, p_g, D=D, D_star=D_star, top=top, title=title)
    marks = []
    for i in sorted(_peaks(p_g, top), key=lambda i: -p_g[i]):
        far = all(abs(x[i] - mark.x) > 0.1 * (high - low) for mark in marks if mark.name)
        name = f"p_g to {p_g[i]:.{1 if p_g[i] < 10 else 0}f}" if far and sum(bool(m.name) for m in marks) < 3 else ""
        marks.append(Mark(float(x[i]), top, name, "G", up=True))
    z, Gz = (np.asarray(values, float) for values in arrows)
    reach = reach or float(np.abs(z).max()) or 1.0
    at, inside = (low + high) / 2 + 0.46 * (high - low) * z / reach, (Gz >= low) & (Gz <= high)
    start, end = np.stack([at, 0 * z], 1), np.stack([np.clip(Gz, *window), 1 + 0 * z], 1)
    ways = [Arrows(start[which], end[which], style) for which, style in ((inside, "G"), (~inside, "other"))]
    scale = [
        ((low + high) / 2 + 0.46 * (high - low) * v / reach, words) for v, words in z_ticks or ticks(-reach, reach, 4)
    ]
    rest = {"x_ticks": scale, "x_label": "", "y_ticks": [(0, "z"), (1, "x")], "words": "Arrows from each z to x = G(z)"}
    lower = Panel(
        lines=[Line(window, (1, 1), style="reference")], x=window, y=(0, 1), arrows=ways, at=(11, 0, 5, 12), **rest
    )
    return [replace(upper, marks=marks, x_label="", at=(0, 0, 11, 12)), lower]


def _peaks(p: np.ndarray, top: float) -> list[int]:
    """Where each stretch above `top` is highest."""
    above = np.flatnonzero(np.asarray(p) > top)
    stretches = np.split(above, np.flatnonzero(np.diff(above) > 1) + 1)
    return [int(stretch[np.argmax(np.asarray(p)[stretch])]) for stretch in stretches if len(stretch)]


def densities(
    x: np.ndarray,
    p_data: np.ndarray,
    p_g: np.ndarray | Mapping[str, np.ndarray],
    *,
    D: np.ndarray | None = None,
    D_star: np.ndarray | None = None,
    top: float | None = None,
    title: str = "",
) -> Panel:
    """p_data dotted and p_g, or up to three p_g by name to compare them; D and D*, read at the right: (n,) at x (n,).

    `top` is the highest density shown; None: a little above all.
    """
    several = isinstance(p_g, Mapping)
    lines = [] if several else [Line(x, p_g, "p_g", "G", fill=True)]
    for i, (name, p) in enumerate(p_g.items() if several else ()):
        lines.append(Line(x, p, name, ("other", "V", "G")[i], dash=i))
    lines.append(Line(x, p_data, "p_data", "data"))
    if D_star is not None:
        there = several or np.add(p_data, p_g) > 0
        lines.append(Line(x, np.where(there, D_star, np.nan), "D*", "D*", right=True))
    if D is not None:
        lines.append(Line(x, D, "D", "D", right=True))
    right: dict[str, Any] = {"right": (0, 1), "right_label": "D(x)", "right_ticks": [(0, "0"), (0.5, "1/2"), (1, "1")]}
    right = {**right, "levels": [Level(0.5, right=True)]} if lines[-1].right else {}
    top = top or 1.05 * max(float(np.max(line.y)) for line in lines if not line.right) or 1.0
    return Panel(title, lines, (float(x[0]), float(x[-1])), (0.0, top), y_label="density", **right)


def learning_curves(curves: Mapping[str, ArrayLike], *, title: str = "") -> list[Panel]:
    """A run in three panels: both costs and V against -log 4, in nats; what D says of data and of samples.

    `curves` holds cost_D, cost_G, V, D_real and D_fake, arrays of one length, over "step" (drawn faintly, with their
    running means) or over "epoch".
    """
    over = "step" if "step" in curves else "epoch"
    x = np.asarray(curves[over], float)
    end = {"x": (0.0, max([20.0, *x[-1:]]))} if over == "step" else {}

    def line(key: str, name: str, style: str) -> Line:
        """A curve; one point alone is a dot."""
        return Line(x, curves[key], name, style, smooth=over == "step", dots=over == "epoch" and len(x) < 2)

    charts = {
        f"{title}: costs, nats" if title else "Costs, nats": [
            ("cost_D", "cost of D", "D"),
            ("cost_G", "cost of G", "G"),
        ],
        "Value, nats": [("V", "V(D, G)", "V")],
        "D says": [("D_real", "D(x)", "data"), ("D_fake", "D(G(z))", "G")],
    }
    ends = (
        quantile_range([curves["cost_D"], curves["cost_G"]], (0, 1)),
        quantile_range([curves["V"]], (-1.5, 0)),
        (0, 1),
    )
    levels = [], [Level(MINUS_LOG_4, "-log 4 = -1.386")], [Level(0.5, "1/2")]
    return [
        Panel(name, [line(*one) for one in those], y=y, levels=named, x_label=over, at=(0, 4 * i, 9, 4), **end)
        for i, ((name, those), y, named) in enumerate(zip(charts.items(), ends, levels))
    ]


def heatmap(
    values: ArrayLike,
    rows: Sequence[float],
    columns: Sequence[float],
    *,
    log: bool = False,
    limits: tuple[float, float] | None = None,
    marks: Mapping[str, np.ndarray] | None = None,
    title: str = "",
    labels: tuple[str, str] = ("rate of D", "rate of G"),
) -> Panel:
    """A table in colour: values (rows, columns), the first row at the bottom, each number written in its cell.

    `limits` are the ends of the colours (None: those of the values). `marks`: a sign -> shares (rows, columns) from 0
    to 1; a cell with a share above 0 carries the sign and, below 1, the share. A cell that is nan stays grey.
    """
    values = np.asarray(values, float)
    if values.shape != (len(rows), len(columns)):
        raise DataError(f"values are {values.shape}, for {len(rows)} rows and {len(columns)} columns")
    known = values[np.isfinite(values)]
    limits = limits or ((float(known.min()), float(known.max())) if len(known) else (0.0, 1.0))
    words: list[list[list[str]]] = [[[] for _ in columns] for _ in rows]
    for i, j in np.ndindex(values.shape):
        signs = [(sign, share[i, j]) for sign, share in (marks or {}).items() if share[i, j] > 0]
        number = [f"{values[i, j]:.3g}"] if np.isfinite(values[i, j]) else []
        words[i][j] = number + [sign if share >= 1 else f"{sign} {share:.0%}" for sign, share in signs]
    names = ([f"{value:g}" for value in those] for those in (rows, columns))
    return Panel(title, cells=Cells(values, words, *names, limits, log), y_label=labels[0], x_label=labels[1])


# -- figures on axes --------------------------------------------------------------------------------------------------


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


def panels(n: int, *, width: float = 11.5, height: float = 2.7, **options: Any) -> Sequence[Axes]:
    """n Axes side by side in one figure; `options` are those of `plt.subplots`."""
    _, axes = plt.subplots(1, n, figsize=(width, height), layout="constrained", squeeze=False, **options)
    return list(axes[0])
