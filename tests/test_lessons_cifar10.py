"""Notebook 08: what its guesses say happens, happens; its tables hold what they promise."""

from __future__ import annotations

import pytest
import torch

from ganlib import MNIST, images, load, named, pretrained
from ganlib.errors import RecipeError
from ganlib.lessons import cifar10 as lesson


@pytest.fixture(autouse=True)
def _smoke(monkeypatch, tmp_path):
    monkeypatch.setenv("GANLIB_PROFILE", "smoke")
    monkeypatch.setenv("GANLIB_RUNS", str(tmp_path))


def test_the_places_that_reach_a_pixel_are_counted_one_by_one():
    counted = torch.zeros(32, 32)
    for i in range(10):
        for j in range(10):
            counted[3 * i : 3 * i + 5, 3 * j : 3 * j + 5] += 1
    assert torch.equal(lesson.places(), counted)
    assert counted.unique().tolist() == [1, 2, 4]
    assert lesson.guess_places().engine.answer.startswith("1, 2 or 4")
    with pytest.raises(RecipeError, match="stride is 0; it must be a whole number from 1 to 100"):
        lesson.places(5, 0)


def test_pixels_that_more_places_reach_vary_more_before_any_training():
    x = lesson.first_samples(named("cifar10-conv").at("quick"), 1_000)
    spread, places = x.view(-1, 3, 32, 32).std(0).mean(0), lesson.places()
    once, twice, four = (spread[places == n].mean().item() for n in (1, 2, 4))
    assert (twice / once, four / once) == (pytest.approx(2**0.5, rel=0.1), pytest.approx(2, rel=0.1))
    axes = lesson.plot_checkerboard(places, spread, x[0])
    assert [ax.images[0].get_array().shape[:2] for ax in axes] == [(32, 32)] * 3


def test_the_first_pixels_of_the_fully_connected_G_are_far_too_wide():
    """As many inputs at the last layer as published, so as wide: 0.5 sqrt(8000 / 3) / 2."""
    x = lesson.first_samples(named("cifar10-fc"), 8)
    assert x.std() > 10 * 55 / 3072**0.5
    assert lesson.guess_first_pixels().engine.answer == "more than ten times as far"


def test_the_colour_cast_survives_and_nothing_else():
    x = 255 * torch.rand(1, 3072, generator=torch.Generator().manual_seed(0))
    x[:, :1024] += 30  # reddish
    normal = images.gcn(x)
    assert torch.allclose(images.gcn(0.3 * x + 40), normal, atol=1e-4)  # neither brightness nor contrast
    assert normal[:, :1024].mean() > 0.1 > normal[:, 1024:].mean()
    assert "reddish" in lesson.guess_what_survives().engine.answer


def test_pictures_are_shown_in_one_range():
    x = torch.tensor([[-4.0, -3.0, 0.0, 1.5, 3.0, 9.0]])
    assert lesson.shown(x).tolist() == [[0, 0, 0.5, 0.75, 1, 1]]


def test_first_layers_as_pictures():
    fc, conv = (pretrained(name).D for name in ("cifar10-fc", "cifar10-conv"))
    assert lesson.strongest(fc, 8).shape == (8, 3072) and lesson.windows(conv).shape == (16, 3 * 8 * 8)
    x, lengths = lesson.strongest(fc, 1)[0], fc.layers[0].linear.weight.norm(dim=1)
    longest = fc.layers[0].linear.weight[lengths.argmax()]
    assert torch.allclose(2 * x - 1, longest / longest.abs().max(), atol=1e-6)


def test_an_untrained_D_says_nearly_the_same_of_all_pictures():
    x = torch.randn(16, 3072, generator=torch.Generator().manual_seed(0))
    recipe = named("cifar10-conv")
    assert lesson.first_logits(recipe, x).std() < 1e-5 < lesson.first_logits(recipe.at("quick"), x).std()
    assert lesson.widths(recipe) == "32, 32, 192, 500"


def test_the_tables_hold_the_published_shapes_and_numbers():
    shapes = lesson.shapes().data
    assert shapes["puts out"].tolist() == ["(32, 16, 16)", "(32, 7, 7)", "(192, 5, 5)", "(3, 32, 32)"]
    assert shapes["convolved"].tolist()[:3] == [f"2 x {n} maps of {s} x {s}" for n, s in ((32, 33), (32, 15), (192, 9))]
    for name in ("cifar10-fc", "cifar10-conv"):  # the published files have no stopping rule
        told = lesson.what_was_changed(pretrained(name)).data
        assert f"{name}, published" in told and "epochs" not in set(told["what"])
    told = lesson.published(MNIST, named("cifar10-fc")).data.set_index("what")
    assert tuple(told.loc["learning rate of D"]) == ("0.1", "0.025") and "epochs" not in told.index
    fc, conv = named("cifar10-fc"), named("cifar10-conv")
    told = lesson.published(fc, conv).data.set_index("what")
    assert tuple(told.loc["D: layer 5"]) == (str(fc.D[-1]), str(conv.D[-1]))
    assert tuple(told.loc["D: layer 1"]) == ("", str(conv.D[0])) and tuple(told.loc["minibatch"]) == ("100", "128")


def test_a_run_of_a_pair_is_begun_and_gone_on_with(capsys):
    data = lesson.pictures()
    assert "2,000 pictures to train on" in capsys.readouterr().out and data.name == "synthetic-cifar10"
    run = lesson.run("cifar10-fc", load("synthetic-cifar10"))
    list(run.steps(5))
    run.save()
    assert lesson.run("cifar10-fc", data).trainer.step == 5
    assert len(run.trainer.history.rows) == 1  # a point for five steps
