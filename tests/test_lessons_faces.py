"""Notebook 07: what its guesses say happens, happens; its words and tables hold what they promise."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from ganlib import Trainer, load, named, pretrained, runs
from ganlib.lessons import faces as lesson


@pytest.fixture(scope="module")
def data():
    return load("synthetic-faces")


@pytest.fixture(autouse=True)
def _smoke(monkeypatch, tmp_path):
    monkeypatch.setenv("GANLIB_PROFILE", "smoke")
    monkeypatch.setenv("GANLIB_RUNS", str(tmp_path))


def test_halfway_between_two_draws_z_is_about_7_long():
    z = named("tfd-1").noise(2_000)
    assert z.norm(dim=1).mean().item() == pytest.approx(10, abs=0.1)
    middle = ((z[:1_000] + z[1_000:]) / 2).norm(dim=1)
    assert f"about {middle.mean():.0f}" == lesson.guess_halfway().engine.answer


def test_one_update_with_the_limit_brings_the_mean_face_out_of_the_noise(data):
    """The narrow nets of `quick`: each pixel's weights are about 10 long, then 1.94, and the samples follow."""
    recipe = named("tfd-1").at("quick")
    trainer = Trainer(recipe, data, seed=0)
    off = []
    for expected in (pytest.approx(10, abs=0.2), pytest.approx(recipe.max_norm, abs=1e-3)):
        weight = trainer.G.layers[-1].linear.weight
        assert weight.norm(dim=1).mean().item() == expected
        off.append((trainer.samples(8) - data.mean()).abs().mean().item())
        next(trainer.steps(1))
    assert off[0] > 0.15 > 3 * off[1]
    assert max(lesson.longest(trainer.G) + lesson.longest(trainer.D)) <= 1.94
    assert "noise" in lesson.guess_first_samples().engine.answer
    assert "the mean face" in lesson.guess_one_update().engine.answer


def test_a_fresh_bottom_hands_up_nearly_the_same_numbers(data):
    trained, z = pretrained("fer2013"), named("tfd-2").noise(500)
    G = lesson.on_a_fresh_bottom(trained, data)
    assert all(torch.equal(a, b) for a, b in zip(G.layers[2:].parameters(), trained.G.layers[2:].parameters()))
    fresh, learnt = lesson.codes(G, z), lesson.codes(trained.G, z)
    assert fresh.shape == learnt.shape == (500, 100)
    assert torch.equal(torch.nn.Sequential(*G.layers[2:])(fresh).detach(), G(z).detach())
    assert fresh.std(0).mean() < learnt.std(0).mean() / 4
    pictures = [net.pictures(z[:50]).std(0).mean().item() for net in (G, trained.G)]
    assert pictures[0] < pictures[1] / 2
    assert "same face" in lesson.guess_new_bottom().engine.answer


def test_black_faces_and_seams_are_told(data):
    """Of made-up faces: none is black; with a seam at every eighth column it is the edges that differ."""
    assert "\n0 of the training faces are wholly black" in lesson.describe(data)
    seams = torch.zeros(20, 48, 48, dtype=torch.uint8)
    seams[5:, :, 8:16] = seams[5:, :, 24:32] = 255
    told = lesson.describe(replace(data, train=seams.flatten(1), train_labels=data.train_labels[:20]))
    assert "\n5 of the training faces are wholly black" in told and max(map(len, told.splitlines())) <= 108
    assert "differ by 0.600 across the edges of JPEG's blocks of 8 x 8, and by 0.000 inside" in told


def test_the_runs_of_both_stages_are_begun_and_gone_on_with(data):
    first = lesson.run(1, data)
    next(first.steps(1))
    first.save()
    second = lesson.run(2, data)
    below = runs.open(lesson.folder("stage-1", data)).trainer.G
    for a, b in zip(second.trainer.G.layers[2:].parameters(), below.parameters()):
        assert torch.equal(a, b)
    assert lesson.run(1, data).trainer.step == 1


def test_the_tables_hold_the_published_numbers():
    def cells(styler):
        return {row["what"]: tuple(row)[1:] for _, row in styler.data.iterrows()}

    one, two = cells(lesson.published_stage_1()), cells(lesson.published_stage_2())
    assert one["longest weight vector allowed"] == ("no limit", "1.9365")
    assert one["prior on z"] == ("uniform", "normal") and "epochs" not in one
    assert two["epochs"] == ("50", "22")
    assert [two[f"G: layer {i}"] for i in range(1, 6)] == [
        *(("", str(layer)) for layer in named("tfd-2").G[:2]),
        *((str(layer), str(layer)) for layer in named("tfd-1").G),
    ]
    assert named("tfd-2").G[2:] == named("tfd-1").G
    assert lesson.sizes().data["G"].tolist()[:2] == [83_250_304, 84_858_404]
