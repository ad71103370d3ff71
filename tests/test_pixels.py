"""The scale of the pictures: GCN by hand, its mean and its norm for any picture, and what is shown of it."""

from __future__ import annotations

import math
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from ganlib import images
from ganlib.errors import DataError


def test_gcn_of_a_case_computed_by_hand():
    """(10, 20, 30, 40): mean 25, centred (-15, -5, 5, 15) with norm sqrt 500, so 55 / sqrt 500 of that."""
    pictures = torch.tensor([[10, 20, 30, 40], [0, 0, 0, 200]], dtype=torch.uint8)
    k = 55 / math.sqrt(500)
    m = 55 / math.sqrt(3 * 50**2 + 150**2)  # mean 50, centred (-50, -50, -50, 150)
    expected = torch.tensor([[-15 * k, -5 * k, 5 * k, 15 * k], [-50 * m, -50 * m, -50 * m, 150 * m]])
    assert images.scale(pictures, torch.float64, "gcn").dtype == torch.float64
    torch.testing.assert_close(images.scale(pictures, torch.float64, "gcn"), expected.double(), rtol=1e-7, atol=1e-6)
    assert k == pytest.approx(2.459675) and m == pytest.approx(0.317543, abs=1e-6)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=["float32", "float64"])
def test_gcn_leaves_mean_0_and_norm_55_over_all_3072_values(dtype):
    """Against numpy in float64, channels together: neither their means nor their standard deviations are equal."""
    rng = np.random.default_rng(0)
    raw = rng.integers(0, 256, (7, 3, 1024)) * np.array([1, 0.5, 0.2])[:, None]
    raw = raw.astype(np.uint8).reshape(7, 3072)
    exact = raw.astype(np.float64)
    exact -= exact.mean(1, keepdims=True)
    exact *= 55 / np.sqrt((exact**2).sum(1, keepdims=True))
    found = images.scale(torch.from_numpy(raw), dtype, "gcn")
    assert found.dtype == dtype
    np.testing.assert_allclose(found.numpy(), exact, atol=1e-12 if dtype == torch.float64 else 1e-5)
    means = found.double().reshape(7, 3, 1024).mean(2)
    assert (means[:, 0] - means[:, 2] > 0.5).all()


@pytest.mark.parametrize("grey", [0, 1, 77, 255])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=["float32", "float64"])
def test_a_flat_picture_becomes_zero_and_not_noise_or_nan(dtype, grey):
    """Its norm / 55 is under 1e-8 and counts as 1; its neighbour is not touched by it."""
    pictures = torch.full((2, 3072), grey, dtype=torch.uint8)
    pictures[1, ::2] = 128
    found = images.scale(pictures, dtype, "gcn")
    assert found[0].abs().max() == 0
    assert torch.linalg.vector_norm(found[1].double()).item() == pytest.approx(55, rel=1e-6)


def test_a_divisor_just_under_the_least_counts_as_1_and_one_above_does_not():
    """(3a, -3a, 4a, -4a) has mean 0 and norm a sqrt 50, and is divided by norm / 55; below 1e-8 that is 1.

    a = 7.7e-8: norm 5.4447e-7, divisor 9.8995e-9. a = 7.8e-8: norm 5.5154e-7, divisor 1.0028e-8.
    """
    pattern = torch.tensor([3.0, -3.0, 4.0, -4.0], dtype=torch.float64)
    assert torch.equal(images.gcn(7.7e-8 * pattern), 7.7e-8 * pattern), "left as it is, not times 55"
    assert images.gcn(7.8e-8 * pattern).tolist() == pytest.approx([x * 55 / math.sqrt(50) for x in (3, -3, 4, -4)])
    both = images.gcn(torch.stack([7.7e-8 * pattern, 7.8e-8 * pattern]))
    assert both.norm(dim=1).tolist() == pytest.approx([7.7e-8 * math.sqrt(50), 55]), "picture by picture"


def test_gcn_does_what_pylearn2_does_in_its_order_to_the_last_bit():
    """(X - mean) / (norm / 55) in float32, where all sums are exact: a product with 55 / norm rounds elsewhere."""
    raw = np.random.default_rng(0).integers(0, 8, (50, 16)) * 16  # means and squares that float32 holds exactly
    x = raw.astype(np.float32)
    x = x - x.mean(1, keepdims=True)
    divisor = np.sqrt((x**2).sum(1, keepdims=True)) / np.float32(55)
    assert np.array_equal(images.scale(torch.from_numpy(raw.astype(np.uint8)), pixels="gcn").numpy(), x / divisor)


def test_gcn_takes_one_picture_or_many_and_does_not_change_them():
    pictures = torch.randint(0, 256, (2, 5, 12), dtype=torch.uint8)
    before = pictures.clone()
    many = images.scale(pictures, torch.float64, "gcn")
    assert torch.equal(pictures, before) and many.shape == (2, 5, 12)
    torch.testing.assert_close(many[1, 3], images.scale(pictures[1, 3], torch.float64, "gcn"))


def test_unit_is_255ths():
    assert images.scale(torch.tensor([[0, 51, 255]], dtype=torch.uint8), torch.float64).tolist() == [[0, 0.2, 1]]
    assert images.scale(torch.tensor([[0, 51, 255]], dtype=torch.uint8)).dtype == torch.float32


def test_what_is_shown_of_gcn_is_divided_by_the_largest_of_all():
    """Of (-4, 2) and (1, 0) the largest |value| is 4: (0, .75) and (.625, .5)."""
    x = torch.tensor([[-4.0, 2.0], [1.0, 0.0]])
    assert images.shown(x, "gcn").tolist() == [[0, 0.75], [0.625, 0.5]]
    assert images.shown(torch.zeros(2, 3), "gcn").tolist() == [[0.5] * 3] * 2
    assert images.shown(x) is x


def test_neighbours_are_shown_by_the_samples_largest_and_cut_off_beyond_it():
    """Samples to 4: (-4, 2) is (0, .75). Beside it (8, -1) is (1, .375): cut off, and the samples stay."""
    samples, near = torch.tensor([[-4.0, 2.0], [1.0, 0.0]]), torch.tensor([[8.0, -1.0]])
    found = images.shown_beside(samples, near, "gcn")
    assert [x.tolist() for x in found] == [[[0, 0.75], [0.625, 0.5]], [[1, 0.375]]]
    faces = torch.rand(2, 3), torch.rand(1, 3)
    assert all(a is b for a, b in zip(images.shown_beside(*faces), faces))


@pytest.mark.parametrize("quiet", [True, False], ids=["samples quieter", "samples louder"])
def test_figure_2_of_cifar10_is_in_the_range_of_its_samples(quiet, monkeypatch):
    """The figure's own tool, on samples that are quieter or louder than any real picture."""
    pytest.importorskip("matplotlib")
    from ganlib import load, recipes
    from tools import make_figures

    data, drawn = load("synthetic-cifar10"), []
    x = torch.randn(20, data.d, generator=torch.Generator().manual_seed(0)) * (0.1 if quiet else 10)
    monkeypatch.setattr(make_figures.plots, "figure_2", lambda *shown: drawn.extend(shown))
    average = SimpleNamespace(
        iterate="the average", recipe=recipes.CIFAR10_FC, info={"data": "none"}, samples=lambda n, seed: x
    )
    told = make_figures._narrow(SimpleNamespace(averaged=lambda: average), data, "neighbours")
    assert "the average" in told["shows"]
    samples, near, _ = drawn
    real = images.scale(data.train[told["training_rows"]], pixels="gcn")
    torch.testing.assert_close(samples, (x / x.abs().max() + 1) / 2)
    torch.testing.assert_close(near, ((real / x.abs().max()).clamp(-1, 1) + 1) / 2)
    assert bool((near == 1).any() or (near == 0).any()) == quiet


def test_the_mean_picture_is_exact():
    pictures = torch.randint(0, 256, (1_000, 6), dtype=torch.uint8)
    exact = [sum(column) / 1_000 / 255 for column in pictures.T.tolist()]
    assert images.mean_picture(pictures).tolist() == pytest.approx(exact, rel=1e-15)
    assert images.mean_picture(pictures).dtype == torch.float64


@pytest.mark.parametrize(("ask", "dtype"), [(images.scale, torch.uint8), (images.shown, torch.float32)])
def test_an_unknown_scale_is_refused(ask, dtype):
    with pytest.raises(DataError, match="unknown scale of pixels 'zca'; use one of unit, gcn"):
        ask(torch.zeros(1, 2, dtype=dtype), pixels="zca")


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.int64, torch.bool])
def test_pictures_that_are_scaled_already_are_not_scaled_again(dtype):
    for pixels in images.PIXELS:
        with pytest.raises(DataError, match=f"pictures are {dtype}, .*; scale takes uint8 on 0..255"):
            images.scale(torch.ones(2, 4, dtype=dtype), pixels=pixels)
