"""Figures by what is drawn: where each picture stands, what a heatmap's cells say, what is refused."""

from __future__ import annotations

import math

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch

from ganlib import DataError, plots


@pytest.fixture(autouse=True)
def _closed():
    yield
    plt.close("all")


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


def test_a_heatmap_says_values_and_marks():
    values = np.array([[0.1234, math.nan, 3.0], [1.0, 2.0, 30.0]])
    marks = {"×": np.array([[0, 1, 0], [0, 0.5, 0]]), "o": np.array([[0, 0, 0.25], [0, 0.5, 0]])}
    ax = plots.heatmap(values, (0.1, 1), (0.01, 0.1, 1), log=True, limits=(0.1, 3), marks=marks)
    said = {text.get_position(): text.get_text() for text in ax.texts}
    assert said == {
        (0, 0): "0.123",
        (1, 0): "×",
        (2, 0): "3\no 25%",
        (0, 1): "1",
        (1, 1): "2\n× 50%\no 50%",
        (2, 1): "30",
    }
    colours = ax.images[0]
    assert colours.norm(math.sqrt(0.1 * 3)) == pytest.approx(0.5) and colours.norm(30) == 1
    assert [label.get_text() for label in ax.get_yticklabels()] == ["0.1", "1"]
    with pytest.raises(DataError, match="for 2 rows and 2 columns"):
        plots.heatmap(values, (0.1, 1), (0.1, 1))


def test_figure_1_leaves_out_what_does_not_fit():
    x = np.linspace(-1, 1, 5)
    p_g = np.array([0, 0.5, 1.0, 9.0, 0])
    ax = plots.figure_1(x, 0 * x, p_g, 0 * x, (np.array([-1.0, 0.0, 1.0]), np.array([-0.5, 0.5, 7.0])))
    green = next(line for line in ax.lines if line.get_color() == plots.GREEN)
    assert np.array_equal(green.get_ydata(), [0, 0.5, 1, np.nan, 0], equal_nan=True)
    ends = [text.xy[0] for text in ax.texts if hasattr(text, "xy")]
    assert ends == [-0.5, 0.5], "the arrow to 7 leads out of the picture"


def test_the_best_sigma_is_marked():
    ax = plots.sigma_curve([0.1, 0.2, 0.4], np.array([1.0, 5.0, 2.0]))
    assert ax.lines[1].get_xydata().tolist() == [[0.2, 5.0]]
