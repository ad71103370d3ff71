"""Mosaics, PNG files and nearest neighbours, against what they should hold pixel by pixel."""

from __future__ import annotations

import io

import numpy as np
import pytest
import torch
from PIL import Image

from ganlib import DataError, images, load, scale


def test_a_grey_mosaic_by_hand():
    """Three pictures of 1 x 2 in rows of two: a gap of one white pixel, and white where there is no fourth."""
    tiles = torch.tensor([[0.0, 1.0], [0.5, 0.2], [0.4, 0.6]])
    sheet = images.mosaic(tiles, (1, 1, 2), columns=2)
    assert sheet.dtype == np.uint8
    assert sheet.tolist() == [[0, 255, 255, 128, 51], [255] * 5, [102, 153, 255, 255, 255]]
    dark = images.mosaic(tiles, (1, 1, 2), columns=3, gap=0, paper=7)
    assert dark.tolist() == [[0, 255, 128, 51, 102, 153]]


def test_a_colour_mosaic_keeps_its_channels():
    """Flat pictures are channel by channel: all of red, then green, then blue."""
    one = torch.tensor([1.0, 0.0, 0.0, 0.0, 0.0, 1.0])  # 1 x 2: a red pixel, then a blue one
    sheet = images.mosaic(torch.stack([one, 1 - one]), (3, 1, 2), columns=1)
    assert sheet.shape == (3, 2, 3)
    assert sheet[0].tolist() == [[255, 0, 0], [0, 0, 255]]
    assert sheet[1].tolist() == [[255] * 3] * 2
    assert sheet[2].tolist() == [[0, 255, 255], [255, 255, 0]]


def test_rows_of_a_picture_are_its_rows():
    digit = load("mnist-5k").train[0]
    assert np.array_equal(images.mosaic(scale(digit[None]), (1, 28, 28), 1), digit.reshape(28, 28).numpy())


def test_values_outside_are_clipped_and_gradients_are_no_obstacle():
    x = torch.tensor([[-3.0, 7.0]], requires_grad=True)
    assert images.mosaic(x, (1, 1, 2), 1).tolist() == [[0, 255]]


@pytest.mark.parametrize(
    ("shape", "columns"), [((2, 5), 1), ((0, 4), 1), ((4,), 1), ((2, 4), 0)], ids=["size", "none", "flat", "columns"]
)
def test_a_senseless_mosaic_is_refused(shape, columns):
    with pytest.raises(DataError, match=r"columns is 0; it must|pictures is an array of .* not empty|take \(n, 4\)"):
        images.mosaic(torch.zeros(shape), (1, 2, 2), columns)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("zoom", [1, 3])
def test_a_png_comes_back_as_it_went(channels, zoom):
    sheet = np.random.default_rng(0).integers(0, 256, (5, 7, channels), np.uint8).squeeze()
    back = np.array(Image.open(io.BytesIO(images.png(sheet, zoom))))
    assert back.shape[:2] == (5 * zoom, 7 * zoom)
    assert np.array_equal(back[::zoom, ::zoom], sheet) and np.array_equal(
        back[zoom - 1 :: zoom, zoom - 1 :: zoom], sheet
    )


def brute_force(queries, others):
    q, o = queries.double().numpy(), others.double().numpy() / 255
    distance = np.array([[np.sqrt(((a - b) ** 2).sum()) for b in o] for a in q])
    return distance.argmin(1), distance.min(1)


@pytest.mark.parametrize("chunk", [10_000, 97, 1])
def test_nearest_is_that_of_brute_force(chunk):
    data = load("mnist-5k")
    queries, others = scale(data.test[:6]), data.train[:300]
    index, distance = images.nearest(queries, others, chunk)
    at, how_far = brute_force(queries, others)
    assert index.tolist() == at.tolist()
    assert distance.tolist() == pytest.approx(how_far, rel=1e-5)


def test_nearest_of_itself_is_itself_at_distance_zero():
    """Also when the rest is large and close: the distances are differences, not sums of large squares."""
    train = load("mnist-5k").train
    index, distance = images.nearest(scale(train[100:140]), train)
    assert index.tolist() == list(range(100, 140))
    assert distance.tolist() == [0] * 40


@pytest.mark.parametrize("chunk", [10_000, 5, 2])
def test_of_two_that_are_equally_near_the_first_is_taken(chunk):
    train = load("mnist-5k").train[:60]
    twice = torch.cat([train, train])
    assert images.nearest(scale(train), twice, chunk)[0].tolist() == list(range(60))


@pytest.mark.parametrize(("queries", "others"), [((2, 5), (3, 4)), ((2, 4), (0, 4)), ((4,), (3, 4)), ((0, 4), (3, 4))])
def test_senseless_neighbours_are_refused(queries, others):
    with pytest.raises(DataError, match="nearest takes|queries is an array of .* not empty"):
        images.nearest(torch.zeros(queries), torch.zeros(others, dtype=torch.uint8))


def test_nearest_of_normalised_pictures_is_measured_between_normalised_pictures():
    """A brighter copy of a picture is the same picture after GCN: distance 0, however far its raw pixels are."""
    rng = np.random.default_rng(0)
    others = torch.from_numpy(rng.integers(0, 100, (30, 12), dtype=np.uint8))
    brighter = others[[7, 21]] + 150
    index, distance = images.nearest(scale(brighter, pixels="gcn"), others, chunk=4, pixels="gcn")
    assert index.tolist() == [7, 21] and distance.tolist() == pytest.approx([0, 0], abs=1e-4)

    query = torch.from_numpy(rng.integers(0, 256, (3, 12), dtype=np.uint8))
    q, o = (a.numpy() - a.double().numpy().mean(1, keepdims=True) for a in (query, others))
    q, o = (55 * a / np.sqrt((a**2).sum(1, keepdims=True)) for a in (q, o))
    by_hand = np.sqrt(((q[:, None] - o[None]) ** 2).sum(2))  # (3, 30)
    index, distance = images.nearest(scale(query, pixels="gcn"), others, pixels="gcn")
    assert index.tolist() == by_hand.argmin(1).tolist()
    assert distance.tolist() == pytest.approx(by_hand.min(1).tolist(), rel=1e-5)


def test_filters_are_grey_at_zero_and_reach_black_or_white_each():
    weight = torch.tensor([[[0.0, 2.0], [-1.0, 0.5]], [[0.0, 0.0], [-0.001, 0.0]], [[0.0, 0.0], [0.0, 0.0]]])
    assert images.filters(weight).tolist() == [[0.5, 1, 0.25, 0.625], [0.5, 0.5, 0, 0.5], [0.5, 0.5, 0.5, 0.5]]
