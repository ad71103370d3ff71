"""Pictures in matplotlib: every element is there, in its colour and place, on light pages and on dark ones."""

from __future__ import annotations

import dataclasses
import io
import subprocess
import sys
import textwrap

import matplotlib
import numpy as np
import pytest
import torch
from matplotlib.colors import to_rgb
from PIL import Image

from ganlib import MNIST, DataError, RecipeError, plots
from ganlib.drawing import BLACK
from ganlib.nets import Convolution, Deconvolution, Layer
from ganlib.picture import (
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
    Tiles,
    completed,
)
from ganlib.recipes import TFD_1

X = np.linspace(0, 1, 50)
BOX = (0, 0, 12, 12)
WHITE, DARK = (255, 255, 255), (17, 17, 17)


@pytest.fixture(autouse=True)
def _closed():
    yield
    plots.plt.close("all")


def pixels(figure, *, on=WHITE, dpi=100):
    """The figure on a page: float (height, width, 3)."""
    image = plots.pixels(figure, dpi)
    page = Image.new("RGBA", image.size, (*on, 255))
    page.alpha_composite(image)
    return np.asarray(page.convert("RGB"), float)


def near(image, colour, within=40):
    """How many pixels are nearly of a colour."""
    return int((np.abs(image - 255 * np.array(to_rgb(colour))).max(-1) < within).sum())


def inside(figure, image, i=0):
    """The part of an image inside the axes of the i-th panel."""
    left, bottom, right, top = figure.axes[i].get_position().extents
    height, width = image.shape[:2]
    return image[round(height * (1 - top)) : round(height * (1 - bottom)), round(width * left) : round(width * right)]


def drawn(paper=True, **things):
    """A picture of one panel, and the pixels in its axes."""
    figure = plots.draw(Picture([Panel(at=BOX, **{"x": (0, 1), "y": (0, 1), **things})]), paper=paper)
    return inside(figure, pixels(figure))


@pytest.mark.parametrize("style", LOOKS)
def test_each_style_has_its_own_colour_and_dashes(style):
    look = LOOKS[style]
    ink = [1 - look.alpha * (1 - channel) for channel in to_rgb(look.light)]
    solid = near(drawn(lines=[Line(X, 0.5 + 0 * X, "", "G")]), LOOKS["G"].light)
    seen = near(drawn(lines=[Line(X, 0.5 + 0 * X, "", style)]), ink)
    assert seen > 0.15 * solid
    assert (seen < 0.8 * solid) == (bool(look.dash) or look.width < 1.4)
    assert near(drawn(lines=[Line([0.2, 0.5], [0.5, 0.5], "", style, dots=True)]), ink) > 5


def test_lines_of_one_style_are_set_apart_by_their_dashes():
    seen = [near(drawn(lines=[Line(X, 0.5 + 0 * X, dash=i)]), LOOKS["V"].light) for i in range(len(DASHES))]
    assert seen[0] == max(seen)
    assert len(set(seen)) == len(seen)


def test_a_fill_a_gap_a_right_axis_and_a_running_mean():
    plain = drawn(lines=[Line(X, 0.5 + 0 * X, "", "G")])
    tint = [1 - 0.14 * (1 - channel) for channel in to_rgb(LOOKS["G"].light)]
    assert near(drawn(lines=[Line(X, 0.5 + 0 * X, "", "G", fill=True)]), tint, 3) > 0.4 * plain[..., 0].size
    gap = drawn(lines=[Line(X, np.where(X < 0.5, 0.5, np.nan), "", "G")])
    assert near(gap[:, : gap.shape[1] // 2 - 8], LOOKS["G"].light) > 100
    assert near(gap[:, gap.shape[1] // 2 + 8 :], LOOKS["G"].light) == 0
    right = drawn(lines=[Line(X, 50 + 0 * X, "", "G", right=True)], right=(0, 100))
    assert np.array_equal(np.argwhere(near_rows(right)), np.argwhere(near_rows(plain)))
    noise = np.tile([0.2, 0.8], 200)
    smooth = drawn(lines=[Line(np.linspace(0, 1, 400), noise, smooth=True)])
    third = len(smooth) // 3
    assert near(smooth[third : 2 * third], LOOKS["V"].light) > 100  # the mean
    assert near(smooth[:third], LOOKS["V"].light) == 0
    assert np.abs(smooth[: third // 2 * 2] - 255).max() > 40  # the raw values, faintly


def near_rows(image, within=40):
    return (np.abs(image - 255 * np.array(to_rgb(LOOKS["G"].light))).max(-1) < within).any(1)


def test_levels_and_their_names_keep_clear():
    upright = [Level(x=x, name=f"k = {i}") for i, x in enumerate((0.1, 0.11, 0.12, 0.5, 0.99))]
    panel = Panel(x=(0, 1), y=(0, 1), levels=[Level(0.5, "one"), Level(0.51, "two"), Level(3, "out"), *upright], at=BOX)
    figure = plots.draw(Picture([panel]))
    plots.png(figure)
    boxes = [text.get_window_extent() for text in figure.axes[0].texts if text.get_text()]
    assert {text.get_text() for text in figure.axes[0].texts} >= {"one", "two", *(f"k = {i}" for i in range(5))}
    assert "out" not in {text.get_text() for text in figure.axes[0].texts}
    for i, box in enumerate(boxes):
        assert not any(box.overlaps(other) for other in boxes[i + 1 :])
    crowd = Panel(x=(0, 1), levels=[Level(x=0.5 + i / 1_000, name="control = 3") for i in range(50)], at=BOX)
    assert len(plots.draw(Picture([crowd])).axes[0].texts) < 20  # no room for more, and none lies on another


def test_the_name_of_a_level_stands_where_no_curve_passes():
    def stands(*curves, y=0.5):
        lines = [Line(x, height) for x, height in curves]
        figure = plots.draw(Picture([Panel(lines=lines, x=(0, 1), y=(0, 1), levels=[Level(y, "-log 4")], at=BOX)]))
        ax = figure.axes[0]
        [name] = [text for text in ax.texts if text.get_text()]
        box = name.get_window_extent().transformed(ax.transData.inverted())
        for line in ax.lines:
            path = line.get_path().transformed(line.get_transform() + ax.transData.inverted())
            assert not path.intersects_bbox(box, filled=False)
        return ("left" if box.x1 < 0.5 else "right", "above" if box.y0 > y else "below")

    above, below = ([0, 1], [0.53, 0.53]), ([0, 1], [0.46, 0.46])
    assert stands() == ("right", "above")
    assert stands(above) == ("right", "below")
    assert stands(([0.5, 1], [0.53, 0.53]), ([0.5, 1], [0.46, 0.46])) == ("left", "above")
    assert stands(above, ([0.5, 1], [0.46, 0.46])) == ("left", "below")
    assert stands(below, y=0.99) == ("right", "below")  # there is no room above


def test_marks():
    point = near(drawn(marks=[Mark(0.5, 0.5, style="G")]), LOOKS["G"].light)
    assert near(drawn(marks=[Mark(0.5, 0.5, style="G", moves=("a", None))]), LOOKS["G"].light) > 1.8 * point
    stem = drawn(marks=[Mark(0.5, 0.5, style="G", stem=True)])
    assert near(stem[len(stem) * 3 // 4 :], LOOKS["G"].light) > 20
    up = drawn(marks=[Mark(0.5, 0.5, "", "G", up=True)])
    rows = (np.abs(up - 255 * np.array(to_rgb(LOOKS["G"].light))).max(-1) < 40).sum(1)
    assert rows[rows > 0][0] < rows[rows > 0][-1]  # it points upward
    for x in (0.01, 0.99):
        figure = plots.draw(Picture([Panel(x=(0, 1), y=(0, 1), marks=[Mark(x, 0.5, "a long name")], at=BOX)]))
        plots.png(figure)
        name = next(text for text in figure.axes[0].texts if text.get_text())
        assert figure.axes[0].get_window_extent().containsx(sum(name.get_window_extent().intervalx) / 2)


def test_a_heat_map_has_its_colours_level_lines_and_a_bar():
    z = np.outer(np.ones(20), np.linspace(0, 1, 20))
    figure = plots.draw(Picture([Panel(heat=Heat(z, (0, 1), (0, 1), [0.5], "density"), at=BOX)]), paper=True)
    image = inside(figure, pixels(figure))
    assert near(image[:, :20], RAMPS["viridis"][0]) > 1_000
    assert near(image[:, -20:], RAMPS["viridis"][-1]) > 1_000
    middle = image[20:-20, image.shape[1] // 2 - 3 : image.shape[1] // 2 + 3]
    assert middle.max() > image[20:-20, image.shape[1] // 2 - 15].max() + 20  # a white line
    assert "density" in {text.get_text() for text in figure.axes[0].texts}
    flat = plots.draw(Picture([Panel(heat=Heat(np.zeros((3, 3)), (0, 1), (0, 1)), at=BOX)]))
    assert plots.png(flat)


def test_cells_say_their_words_in_a_legible_ink():
    words = [[["0.1"], ["0.9", "× 20%"]], [[""], ["five", "rows", "of", "words", "here"]]]
    cells = Cells([[0.1, 0.9], [np.nan, 0.5]], words, ["r", "s"], ["a", "b"], (0, 1), chosen=(0, 1))
    figure = plots.draw(Picture([Panel(cells=cells, at=BOX, x_label="c")]), paper=True)
    ax, image = figure.axes[0], inside(figure, pixels(figure))
    assert [text.get_text() for text in ax.get_xticklabels()] == ["a", "b"]
    assert [text.get_text() for text in ax.get_yticklabels()] == ["r", "s"]
    inks = {text.get_text(): text.get_color() for text in ax.texts if text.get_text()}
    assert inks.pop("five\nrows\nof\nwords\nhere") in ("white", BLACK)
    assert inks == {"0.1": "white", "0.9\n× 20%": BLACK}
    h, w = image.shape[0] // 2, image.shape[1] // 2
    assert near(image[:h, :w], (0.9, 0.9, 0.9), 5) > 0.8 * h * w  # nan
    assert near(image[h:, w:], LOOKS["other"].light) > near(image[:h, :w], LOOKS["other"].light) + 300  # the frame


def test_tiles_are_the_images_with_gaps_and_badges():
    images = np.stack([np.full((10, 20), shade, np.uint8) for shade in (0, 60, 120, 180, 240)])
    figure = plots.draw(Picture([Panel("", tiles=Tiles(images, 3, {4: "2"}), at=BOX)]))
    sheet = figure.axes[0].images[0].get_array()
    assert sheet.shape == (21, 62, 4)
    assert (sheet[:10, 21:41] == (60, 60, 60, 255)).all()
    assert (sheet[11:, 21:41] == (240, 240, 240, 255)).all()
    assert not sheet[:, 20, 3].any()
    assert not sheet[11:, 42:, 3].any()
    image = pixels(figure)
    assert near(image, LOOKS["other"].light) > 200
    assert "2" in {text.get_text() for text in figure.axes[0].texts}
    colour = np.arange(2 * 4 * 5 * 3, dtype=np.uint8).reshape(2, 4, 5, 3)
    sheet = plots.draw(Picture([Panel(tiles=Tiles(colour, 1))])).axes[0].images[0].get_array()
    assert np.array_equal(sheet[5:9, :, :3], colour[1])
    assert plots.png(plots.draw(Picture([Panel(tiles=Tiles(colour[:0], 4))])))


def test_arrows_point_and_are_cut_at_the_edge():
    up = drawn(arrows=[Arrows([[0.5, 0.2]], [[0.5, 0.8]])])
    rows = near_rows(up, 160)  # a thin shaft between two rows of pixels is faint
    assert rows.sum() > 0.55 * len(rows)
    counts = (np.abs(up - 255 * np.array(to_rgb(LOOKS["G"].light))).max(-1) < 60).sum(1)
    assert counts[: len(counts) // 2].max() > counts[len(counts) // 2 :].max() + 2  # the head is above
    figures = [
        plots.draw(
            Picture([Panel(x=(0, 1), y=(0, 1), arrows=[Arrows(ends, ends + np.array([0, 5]))], at=(4, 0, 8, 12))])
        )
        for ends in (np.array([[0.5, 0.5]]), np.empty((0, 2)))
    ]
    changed = np.abs(np.subtract(*map(pixels, figures)))
    assert inside(figures[0], changed).sum() == changed.sum() > 1_000
    assert plots.png(plots.draw(Picture([Panel(arrows=[Arrows([[np.nan, 0]], [[1, 1]]), Arrows([], [])])])))


def test_ranges_and_ticks_are_those_worked_out():
    panel = Panel("T", [Line([0, 3], [-0.7, 1.3]), Line([0, 3], [0, 9], right=True)], right=(0, 10), right_label="r")
    [ready] = completed(Picture([panel])).panels
    ax, right = plots.draw(Picture([panel])).axes
    assert (ax.get_xlim(), ax.get_ylim(), right.get_ylim()) == (ready.x, ready.y, ready.right)
    for axis, told in ((ax.xaxis, ready.x_ticks), (ax.yaxis, ready.y_ticks), (right.yaxis, ready.right_ticks)):
        assert [label.get_text() for label in axis.get_ticklabels()] == [words for _, words in told]
        assert list(axis.get_ticklocs()) == [value for value, _ in told]
    assert right.get_ylabel() == "r"


def test_panels_stand_on_the_grid_and_are_aligned():
    wide = Panel("Above\nin two rows", [Line(X, 1e5 * X, "a")], y_label="y", at=(0, 0, 12, 6))
    panels = [wide, Panel(lines=[Line(X, X)], at=(12, 0, 6, 6)), Panel("Beside", [Line(X, X)], at=(0, 6, 12, 6))]
    figure = plots.draw(Picture(panels))
    one, below, beside = (ax.get_position() for ax in figure.axes)
    assert (one.x0, one.x1) == pytest.approx((below.x0, below.x1))
    assert (one.y0, one.y1) == pytest.approx((beside.y0, beside.y1))
    assert below.y1 < one.y0 < one.y1
    assert beside.x0 > 0.5
    assert tuple(figure.get_size_inches()) == pytest.approx((9.6, 18 * 0.25 + 0.2))
    square = plots.draw(Picture([Panel(x=(-1, 1), y=(-2, 2), square=True, at=BOX)]))
    box = square.axes[0].get_position().size * square.get_size_inches()
    assert box[1] == pytest.approx(2 * box[0])


def test_what_is_said_stands_above_and_below():
    notes = [
        Note(["All is well."], "Verdict", "normal"),
        Note(["a = 1", "  b"], tone="code"),
        Note(["First"], above=True),
    ]
    picture = Picture([Panel("T", at=BOX, caption="below it")], "word " * 60, [("1,200", "steps")], notes)
    figure = plots.draw(picture, said=["a = 1.00", "kind = $x_1$"])
    rows = [text.get_text() for text in figure.texts]
    assert rows[:3] == ["a = 1.00     kind = $x_1$", "1,200 steps", "First"]
    assert rows[-4:] == ["Verdict", "All is well.", "a = 1", "  b"]
    assert len(rows) == 3 + 3 + 4  # the words take three rows
    plots.png(figure)
    width = figure.bbox.width
    assert all(text.get_window_extent().x1 < width for text in figure.texts)
    heights = [text.get_position()[1] for text in figure.texts]
    assert heights == sorted(heights, reverse=True)
    assert "below it" in {text.get_text() for text in figure.axes[0].texts}
    said = [f"number {i} = non-saturating costs" for i in range(8)]
    rows = [text.get_text() for text in plots.draw(Picture(picture.panels), said=said).texts]
    assert len(rows) > 1 and [one for row in rows for one in row.split("     ")] == said  # none is broken in two


@pytest.mark.parametrize("style", LOOKS)
def test_a_picture_is_legible_on_light_pages_and_on_dark_ones(style):
    figure = plots.draw(Picture([Panel("Title", [Line(X, X, "a", style, fill=True)], at=BOX)]))
    raw = np.asarray(Image.open(io.BytesIO(plots.png(figure))).convert("RGBA"))
    assert raw[0, 0, 3] == 0
    opaque = raw[raw[..., 3] > 250][:, :3].astype(float)
    assert len(opaque) > 500
    light = np.dot(
        np.where(opaque > 10, ((opaque / 255 + 0.055) / 1.055) ** 2.4, opaque / 3295), (0.2126, 0.7152, 0.0722)
    )
    assert (1.05 / (light + 0.05)).min() > 2.9  # against white
    assert ((light + 0.05) / (0.0056 + 0.05)).min() > 2.9  # against #111
    assert near(pixels(plots.draw(Picture([Panel("Title", at=BOX)]), paper=True), on=DARK), "white", 2) > 100_000


def test_a_picture_leaves_the_style_in_use_alone_and_does_not_depend_on_it():
    picture = Picture([Panel("T", [Line(X, X, "a")], at=BOX)])
    before, there = plots.png(plots.draw(picture)), dict(matplotlib.rcParams)
    assert dict(matplotlib.rcParams) == there
    with matplotlib.rc_context():
        plots.use_style()
        assert plots.png(plots.draw(picture)) == before
    assert not plots.plt.get_fignums()  # pyplot holds no picture


def test_few_colours_for_a_sheet_of_images():
    images = np.random.default_rng(0).integers(0, 256, (20, 16, 16, 3), np.uint8)
    picture = Picture(
        [Panel(tiles=Tiles(images, 5), at=(0, 0, 12, 6)), Panel("", [Line(X, X, "", "D")], at=(0, 6, 12, 6))]
    )
    figure = plots.draw(picture)
    plots.pixels(figure).save(whole := io.BytesIO(), "PNG", optimize=True)
    assert len(plots.png(figure)) < 0.6 * len(whole.getvalue())
    small = Image.open(io.BytesIO(plots.png(figure))).convert("RGBA")
    assert small.getpixel((0, 0))[3] == 0
    seen = np.asarray(small)
    assert near(seen[seen[..., 3] > 128][:, :3].astype(float), LOOKS["D"].light) > 100


def scene(t):
    x = np.linspace(-3, 3, 200)
    p, q = np.exp(-(x**2) / 2) / 2.5, np.exp(-((x - t) ** 2) / 0.5) / 1.25
    z = np.linspace(-1, 1, 9)
    D, scale = p / (p + q), {"reach": 1, "z_ticks": [(0, "0")]}
    return plots.figure_1(x, p, q, D=D, D_star=D + 0.02, arrows=(z, z + t), **scale)


def test_a_film_keeps_every_colour_in_all_its_frames():
    frames = [Picture(scene(t), notes=[Note(["x"] * (t == 0.5))]) for t in (-0.5, 0.0, 0.5)]
    film = plots.film(frames * 12)
    assert len(film) < 400_000
    moving = Image.open(io.BytesIO(film))
    assert moving.n_frames > 30
    assert moving.size[0] == 576
    for i in (0, 1, 2, moving.n_frames - 1):
        moving.seek(i)
        image = np.asarray(moving.convert("RGB"), float)
        for style in ("D", "G", "data"):
            assert near(image, LOOKS[style].light, 20) > 100, (i, style)
        assert (image[0, 0] == 255).all()
        assert near(image, LOOKS["V"].light, 20) == 0
    assert moving.info["loop"] == 0


def test_figure_1():
    upper, lower = scene(0.5)
    assert [line.style for line in upper.lines] == ["G", "data", "D*", "D"]
    assert [line.right for line in upper.lines] == [False, False, True, True]
    assert (upper.x, upper.y, upper.right) == ((-3, 3), (0, 0.8), (0, 1))
    assert upper.right_ticks == [(0, "0"), (0.5, "1/2"), (1, "1")]
    assert [mark.up for mark in upper.marks] == []
    assert lower.y_ticks == [(0, "z"), (1, "x")]
    assert lower.x_ticks == [(0.0, "0")]
    inside, outside = lower.arrows
    assert (len(inside.start), len(outside.start)) == (9, 0)
    assert inside.start[0].tolist() == [-0.92 * 3, 0]  # the first z, a little inside the edge
    assert inside.end[-1].tolist() == [1.5, 1]
    _, lower = scene(2.5)
    inside, outside = lower.arrows
    assert len(outside.start) == 2
    assert outside.style != inside.style
    assert (outside.end[:, 0] == 3).all()
    axes = plots.draw(Picture(scene(0.5))).axes
    assert len({ax.get_position().x0 for ax in axes}) == 1  # x above stands over x below


def test_figure_1_names_the_three_highest_spikes():
    x = np.linspace(-5, 5, 501)
    p_g = sum(
        h * np.exp(-(((x - at) / 0.05) ** 2))
        for at, h in ((-4, 12), (-3.9, 11), (-1, 3), (1, 5.25), (3, 4), (4.5, 0.5))
    )
    upper, _ = plots.figure_1(x, np.exp(-(x**2)), p_g, arrows=(np.zeros(1), np.zeros(1)), reach=1, z_ticks=[])
    names = {round(mark.x): mark.name for mark in upper.marks}
    assert names == {-4: "p_g to 12", -1: "", 1: "p_g to 5.2", 3: "p_g to 4.0"}
    assert all(mark.y == upper.y[1] and mark.up for mark in upper.marks)
    completed(Picture([upper]))


def test_several_densities_are_told_apart():
    panel = plots.densities(X, X, {"one": X, "two": X, "three": X}, title="T", top=2)
    assert [line.name for line in panel.lines] == ["one", "two", "three", "p_data"]
    assert len({line.style for line in panel.lines}) == 4
    assert panel.right is None
    assert panel.y == (0, 2)
    zero = plots.densities(X, 0 * X, 0 * X, D_star=X)
    assert np.isnan(zero.lines[-1].y).all()  # D* is not defined where there is nothing


def test_learning_curves_over_epochs_and_over_steps():
    names = ("cost_D", "cost_G", "V", "D_real", "D_fake")
    curves = {name: np.linspace(0.2, 0.8, 30) for name in names}
    for over in ("epoch", "step"):
        panels = plots.learning_curves({over: np.arange(1, 31), **curves})
        assert [len(panel.lines) for panel in panels] == [2, 1, 2]
        assert {line.smooth for panel in panels for line in panel.lines} == {over == "step"}
        assert [panel.x_label for panel in panels] == [over] * 3
        assert plots.png(plots.draw(Picture(panels)))
    for n in (0, 1):
        for over in ("epoch", "step"):
            short = {name: values[:n] for name, values in {over: np.arange(1, 31), **curves}.items()}
            assert plots.png(plots.draw(Picture(plots.learning_curves(short, title="T"))))


def test_what_is_no_picture_is_refused():
    with pytest.raises(RecipeError, match="must return a Picture"):
        plots.draw(Panel())


def test_figure_2_has_the_neighbours_in_the_rightmost_column_framed():
    """Samples of the greys 0, 1, ... 5 in two rows of three, neighbours of 200 and 201."""
    samples, neighbours = (torch.tensor(greys)[:, None].expand(-1, 4) / 255 for greys in (range(6), (200, 201)))
    ax = plots.figure_2(samples, neighbours, (1, 2, 2), columns=3)
    sheet = np.asarray(ax.images[0].get_array())
    for row, greys in enumerate(((0, 1, 2, 200), (3, 4, 5, 201))):
        for column, grey in enumerate(greys):
            assert (sheet[4 * row : 4 * row + 2, 4 * column : 4 * column + 2] == grey).all()
    frames = [frame.get_bbox().bounds for frame in ax.patches]
    assert frames == [(10.5, -1.5, 4, 4), (10.5, 2.5, 4, 4)]  # a pixel's middle is a whole number
    with pytest.raises(DataError, match="6 samples do not fill 2 rows of 5"):
        plots.figure_2(samples, neighbours, (1, 2, 2))


def test_a_notebook_shows_a_drawing_by_its_own_png_after_pyplot_too():
    """IPython's formatter for all figures trims them, and writes each colour that there is."""
    code = """
        from IPython.core.interactiveshell import InteractiveShell
        from IPython.core.pylabtools import select_figure_formats
        from ganlib import plots
        shell = InteractiveShell.instance()
        plots.use_style()
        select_figure_formats(shell, {"png"})  # what the first figure of pyplot brings about
        drawing = plots.draw([plots.Panel("Title", [plots.Line([0, 1], [0, 1])])])
        told, _ = shell.display_formatter.format(drawing)
        assert told["image/png"] == plots.png(drawing)
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_rows_are_named_and_each_pixel_of_a_picture_is_a_block_of_the_png():
    pictures = {"two": torch.tensor([[0, 1 / 63, 1, 0.5], [1, 1, 0, 0]]), "one": torch.tensor([[0.2, 0.4, 0.6, 0.8]])}
    figure = plots.rows(pictures, (1, 2, 2), zoom=3)
    assert [text.get_text() for text in figure.texts] == ["two", "one"]
    image = np.asarray(plots.pixels(figure))
    assert image.shape == (2 * (28 + 6), 3 * 5, 4)
    for top, left, greys in ((28, 0, (0, 1, 63, 32)), (28, 9, (63, 63, 0, 0)), (62, 0, (13, 25, 38, 50))):
        block = image[top : top + 6, left : left + 6]
        for i, level in enumerate(greys):
            part = block[3 * (i // 2) : 3 * (i // 2) + 3, 3 * (i % 2) : 3 * (i % 2) + 3]
            assert np.abs(part - [*3 * [255 * level / 63], 255.0]).max() <= 1, (i, part[..., 0])
    assert (image[:28, :, 3] < 255).any() and (image[62:, 6:, 3] == 0).all()  # nothing behind the names


def test_a_table_has_no_index_and_says_nothing_for_nan():
    html = plots.table([{"what": "one", "n": 1_234.5}, {"what": "two", "n": float("nan")}], digits=1).to_html()
    assert "1,234.5" in html and ">nan<" not in html and html.count("<th ") == 2


def test_changes_are_told_in_words():
    rows = TFD_1.differences(MNIST)
    told = plots.changes(rows, "there", "here").data.set_index("what")
    assert tuple(told.loc["G: units in each layer"]) == ("1200, 1200, 784", "8000, 8000, 2304")
    assert tuple(told.loc["longest weight vector allowed"]) == ("no limit", "1.9365")
    fields = {item.name for item in dataclasses.fields(TFD_1)} - {"name", "source", "G", "D"}
    layers = {item.name for kind in (Layer, Convolution, Deconvolution) for item in dataclasses.fields(kind)}
    said = {name for name, *_ in rows} | {part for _, part, *_ in rows}
    assert plots.WORDS.keys() - {""} <= fields | layers and said - plots.WORDS.keys() <= {"name", "source", "G", "D"}


def test_run_curves_draw_the_last_iterate_thin_and_the_longest_average_thick():
    rows = [
        {"epoch": epoch, "iterate": iterate, "paper": score + epoch, "error": 2.0}
        for iterate, score in (("average, 1000 steps", 50), ("last iterate", 0), ("average, 33333 steps", 100))
        for epoch in (20, 10)
    ]
    ax = plots.run_curves({"seed 0": {"validation": rows}, "seed 1": {"validation": rows[2:4]}})
    thin, thick, other = ax.get_lines()
    assert [line.get_label() for line in (thin, thick)] == ["seed 0, last iterate", "seed 0, average"]
    assert [list(line.get_ydata()) for line in (thin, thick)] == [[10, 20], [110, 120]]
    assert thick.get_linewidth() > thin.get_linewidth()
    assert other.get_color() != thin.get_color() == thick.get_color()
    ax = plots.run_curves({"seed 0": {"test": rows}}, split="test")
    [last, _] = ax.containers
    assert last[2][0].get_segments()[0][:, 1].tolist() == [10 - 4, 10 + 4]  # a bar of two standard errors
    assert not plots.run_curves({"seed 2": {}}, split="test").get_lines()


def test_the_strip_has_a_row_an_epoch_and_both_iterates_side_by_side():
    last, average = torch.zeros(3, 2, 4, dtype=torch.uint8), torch.full((3, 2, 4), 255, dtype=torch.uint8)
    ax = plots.strip([1, 10, 1_000], last, average, (1, 2, 2))
    sheet = ax.images[0].get_array()
    assert sheet.shape == (3 * 3 - 1, 4 * 3 - 1)
    assert (sheet[:2, :2] == 0).all() and (sheet[:2, -2:] == 255).all()
    assert [label.get_text() for label in ax.get_yticklabels()] == ["1", "10", "1,000"]
    image = np.asarray(plots.pixels(ax.figure))
    assert image.shape[:2] == (24 + 3 * 8, 60 + 3 * 11)
    assert (image[24:30, 60:66, :3] == 0).all() and (image[24:30, -6:, :3] == 255).all()  # each pixel three wide
    coloured = plots.strip([1, 2, 3], last.repeat(1, 1, 3), average.repeat(1, 1, 3), (3, 2, 2))
    assert np.asarray(plots.pixels(coloured.figure)).shape == image.shape


def test_a_picture_in_256_colours_keeps_what_there_is_much_of():
    """White, green and a clear pixel stay as they are; the odd ones of 500 shades of grey move by a little."""
    picture = np.zeros((60, 60, 4), np.uint8)
    picture[:20], picture[20:40] = 255, (0, 158, 115, 255)
    picture[50:58, :, :3] = np.random.default_rng(0).integers(100, 120, (8, 60, 3))
    picture[50:58, :, 3] = 255
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "PNG")
    small = Image.open(io.BytesIO(plots.in_256_colours(file.getvalue())))
    assert small.mode == "P"
    after = np.asarray(small.convert("RGBA"))
    assert (after[:40] == picture[:40]).all() and (after[58:, :, 3] == 0).all()
    assert np.abs(after[50:58].astype(int) - picture[50:58]).max() < 20
