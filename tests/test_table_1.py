"""Table 1 and its ruler: each kind of centre, each table and the rule for faces against small cases by hand."""

from __future__ import annotations

import math
import os
from dataclasses import replace

import numpy as np
import pytest
import torch

from ganlib import DataError, load, parzen, scale
from ganlib.errors import CheckpointError, RecipeError
from ganlib.parzen import FoldsScore, Score
from ganlib.picture import completed
from ganlib.studies import table_1
from ganlib.widgets.ruler import LOW, Ruler, cuts


def rand(*shape, seed=0):
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed))


def score_of(value, n=100, data="digits"):
    return Score(value, 1.0, 0.2, n, 50, "test", data)


# -- centres that are no model's samples ------------------------------------------------------------------------------


def test_drawn_pictures_are_there_once_and_fewer_are_part_of_more():
    pictures = torch.arange(50).reshape(50, 1)
    ten, twenty = table_1.random_subset(pictures, 10, seed=3), table_1.random_subset(pictures, 20, seed=3)
    assert torch.equal(ten, twenty[:10])
    assert len(set(twenty[:, 0].tolist())) == 20
    assert not torch.equal(twenty, table_1.random_subset(pictures, 20, seed=4))
    with pytest.raises(DataError, match="51 pictures cannot be drawn from 50"):
        table_1.random_subset(pictures, 51)


def test_blurred_keeps_the_first_components_by_hand():
    """Points along (3, 4) with a little across it: one component keeps the first and drops the second."""
    along, across = torch.tensor([0.6, 0.8]), torch.tensor([-0.8, 0.6])
    t, u = torch.tensor([-0.2, -0.1, 0.1, 0.2]), torch.tensor([0.01, -0.01, -0.01, 0.01])
    x = 0.5 + t[:, None] * along + u[:, None] * across
    assert table_1.blurred(x, 1).numpy() == pytest.approx((0.5 + t[:, None] * along).numpy(), abs=1e-6)
    assert table_1.blurred(x, 2).numpy() == pytest.approx(x.numpy(), abs=1e-6)


def test_blurred_equals_an_svd_and_is_cut_off():
    x = scale(load("mnist-5k").train[:300, 300:400])
    mean = x.double().mean(0)
    U, S, V = np.linalg.svd((x - mean).double().numpy(), full_matrices=False)
    expected = np.clip((U[:, :20] * S[:20]) @ V[:20] + mean.numpy(), 0, 1)
    found = table_1.blurred(x, 20)
    assert np.abs(found.numpy() - expected).max() < 1e-4
    assert (found.min(), found.max()) == (0, 1)
    with pytest.raises(DataError, match="101 components"):
        table_1.blurred(x, 101)


def test_a_round_of_k_means_by_hand():
    """Four points on a line, two of them the start: each centroid moves to the mean of those nearest to it."""
    x = torch.tensor([[0.0], [1.0], [4.0], [6.0]])
    seed = next(s for s in range(99) if sorted(table_1.random_subset(x, 2, s)[:, 0].tolist()) == [0, 1])
    found, sizes = table_1.centroids(x, 2, seed=seed)
    assert sorted(found[:, 0].tolist()) == pytest.approx([0, 11 / 3])
    assert sorted(sizes.tolist()) == [2, 2]  # after the move, 1 is nearer to 0
    found, sizes = table_1.centroids(x, 2, rounds=3, seed=seed)
    assert sorted(found[:, 0].tolist()) == pytest.approx([0.5, 5])


# -- the ruler --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("width", "n", "side"), [(1.0, 80, "below"), (0.7, 80, "above"), (1.6, 320, "above")])
def test_both_grids_equal_two_scores(width, n, side):
    """With the fine grid's best on either side of the paper's: only a part of the fine grid is tried."""
    centres, valid, test = (width * rand(m, 6, seed=seed) for seed, m in enumerate((n, 60, 30)))
    paper, fine = table_1.both_grids(centres, valid, test, data="noise")
    assert paper == parzen.score(centres, valid, test, data="noise")
    assert fine == parzen.score(centres, valid, test, data="noise", sigmas=parzen.FINE_SIGMAS)
    assert paper.sigma in parzen.SIGMAS and fine.sigma in parzen.FINE_SIGMAS
    assert ("below" if fine.sigma < paper.sigma else "above") == side


def test_the_equal_number_of_pictures_by_hand():
    numbers, scores = [4_000, 1_000, 2_000], [180, 100, 140]
    assert table_1.equal_number(140, numbers, scores) == pytest.approx(2_000)
    assert table_1.equal_number(120, numbers, scores) == pytest.approx(1_000 * math.sqrt(2))
    assert all(math.isnan(table_1.equal_number(value, numbers, scores)) for value in (99, 181))
    with pytest.raises(DataError, match="do not rise"):
        table_1.equal_number(1, numbers, [180, 140, 100])


def test_a_score_table_equals_the_estimator_cell_by_cell():
    data = load("mnist-5k")
    x, centres = scale(data.test[:30]), scale(data.train[:700])
    sigmas, numbers = [0.1, 0.17, 0.4], [1, 10, 250, 700]
    table = table_1.score_table(x, centres, sigmas, numbers)
    assert table.means.shape == (4, 3) and table.n_test == 30
    for k, n in enumerate(numbers):
        expected = parzen.log_likelihood(x.double(), centres[:n].double(), sigmas).mean(1)
        assert table.means[k] == pytest.approx(expected.numpy(), abs=0.02)
    with pytest.raises(DataError, match="700 centres"):
        table_1.score_table(x, centres, sigmas, [701])


# -- Table 1 ----------------------------------------------------------------------------------------------------------


def test_the_papers_table_as_printed():
    numbers = [[float(part) for cell in row for part in cell.split(" ± ")] for row in table_1.PAPER.values()]
    assert numbers == [[138, 2, 1909, 66], [121, 1.6, 2110, 50], [214, 1.1, 1890, 29], [225, 2, 2057, 26]]


def test_table_1_names_the_faces_by_their_own_name():
    folds = FoldsScore(1800.4, 12.6, (score_of(1790, data="fer2013"), score_of(1810.8, data="fer2013")), 100, "fer2013")
    wide = replace(folds.each[1], sigma=0.9)
    table = table_1.table_1({"the paper's grid": score_of(184.46, 10_000, "mnist")}, {"fine grid": folds})
    how = table.set_index("model")["measured with"]  # only of its own model does the paper say how
    assert how["DBN (the paper)"] == "as printed" and "authors' code" in how["Adversarial nets (the paper)"]
    assert len(table) == 6
    mnist, faces = table.iloc[4], table.iloc[5]
    assert mnist["model"].endswith("(here): the paper's grid") and mnist["MNIST"] == "184.5 ± 1.0"
    assert mnist["measured with"].startswith("10,000 samples, σ ")
    assert faces["TFD, or faces in its place"] == "fer2013, not TFD: 1800 ± 13"
    assert f"2 folds, σ {folds.each[0].sigma:.4f} in each" in faces["measured with"] and "fine grid" in faces["model"]
    other = table_1.table_1({"": score_of(100, data="mnist-5k")}, {"": replace(folds, each=(folds.each[0], wide))})
    assert other["MNIST"][4] == "mnist-5k: 100.0 ± 1.0" and f"σ {folds.each[0].sigma:.4f}, 0.9000" in other.iat[5, 3]
    own = table_1.table_1({}, {"fine grid": replace(folds, data="tfd")})
    assert own.iloc[4]["TFD, or faces in its place"] == "tfd: 1800 ± 13"


def test_what_faces_are_here_is_said_in_words(monkeypatch):
    def nothing(name):
        raise CheckpointError("none")

    monkeypatch.setattr(table_1, "pretrained", nothing)
    trained, data, words = table_1.find_faces()
    assert trained is None and data is None
    for name in table_1.FACES:
        assert f"{name}: no weights come with this package" in words
    monkeypatch.setattr(table_1, "pretrained", lambda name: name)
    monkeypatch.setattr(table_1, "status", lambda name: (False, "fetch it\nthere"))
    assert "lfw: weights are here, its faces are not (`python -m ganlib data`" in table_1.find_faces()[2]
    monkeypatch.setattr(table_1, "status", lambda name: (name == "fer2013", ""))
    monkeypatch.setattr(table_1, "load", lambda name: f"faces of {name}")
    assert table_1.find_faces()[:2] == ("fer2013", "faces of fer2013")


# -- the demo ---------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def tables():
    data = load("mnist-5k")
    x, real = scale(data.test[:40]), scale(data.train[:600])
    sigmas, numbers = parzen.FINE_SIGMAS[:60:2], [100, 200, 400, 600]
    return {
        name: table_1.score_table(x, centres, sigmas, numbers)
        for name, centres in (("real digits", real), ("blurred", table_1.blurred(real)))
    }


def test_the_demo_shows_the_tables_entries_where_its_sliders_stand(tables):
    demo = Ruler(tables)
    table = tables["real digits"]
    for key, grid in (("sigma", table.sigmas), ("centres", table.numbers)):
        assert demo.engine.controls[key].places() == pytest.approx(grid.tolist(), rel=1e-3)
    for j, k in ((0, 0), (len(table.sigmas) // 2, 2)):
        sigma, centres = (demo.engine.controls[key].places()[i] for key, i in (("sigma", j), ("centres", k)))
        demo.set(sigma=sigma, centres=centres)
        picture = demo.engine.complete()
        across, along = picture.panels
        said = [demo.engine.controls[key].said(demo[key]) for key in ("sigma", "centres")]
        assert (across.title, along.title) == (f"With {said[1]} centres", f"At σ {said[0]}")
        assert across.lines[0].y.tolist() == table.means[k].tolist()
        assert along.lines[0].y.tolist() == table.means[:, j].tolist()
        assert f"real digits {table.means[k, j]:.1f}".replace("-", "−") in picture.words
        for mark in across.marks:
            assert (mark.x, mark.moves) == (sigma, ("sigma", None))
    assert len(across.marks) == 2 and across.marks[0].y == table.means[k, j]
    with pytest.raises(RecipeError, match="use one of"):
        demo["sigma"] = 0.2001234


def test_the_demo_starts_at_the_papers_sigma_with_all_centres(tables):
    demo = Ruler(tables)
    assert demo["centres"] == 600 and demo["sigma"] == pytest.approx(0.1668, rel=1e-3)
    assert len(demo.preview()) > 5_000


@pytest.mark.parametrize("sigma", [0.1, 0.13, 0.45])
@pytest.mark.parametrize("centres", [100, 600])
def test_no_place_of_the_sliders_draws_outside_the_picture(tables, sigma, centres):
    picture = cuts(tables, sigma, centres)
    for panel in completed(picture, None).panels:
        assert panel.y[1] - panel.y[0] >= LOW
        assert all(panel.y[0] <= mark.y <= panel.y[1] for mark in panel.marks)


def test_tables_of_two_grids_are_refused(tables):
    first = tables["real digits"]
    with pytest.raises(DataError, match="'b' has other sigmas or numbers"):
        Ruler({"a": first, "b": replace(first, numbers=first.numbers + 1)})
    with pytest.raises(DataError, match="two sigmas and two numbers"):
        Ruler({"a": replace(first, numbers=first.numbers[:1], means=first.means[:1])})
    with pytest.raises(DataError, match="0 tables"):
        Ruler({})


# -- the paper's figures, on real MNIST -------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.serial
@pytest.mark.skipif(not os.environ.get("GANLIB_DATA"), reason="needs real MNIST: set GANLIB_DATA")
def test_the_audit_of_mnist_agrees_with_figures_measured_before():
    """Real digits as centres, blurred copies, binarised ones: within 3 nats of what others measured."""
    try:
        data = load("mnist", download=False, stand_in=False)
    except DataError as error:
        pytest.skip(str(error).splitlines()[0])
    valid, test, real = scale(data.valid), scale(data.test), scale(table_1.random_subset(data.train, 10_000))
    published = {
        "10,000": (real, 243, 244),
        "5,000": (real[:5_000], 201, 208),
        "1,000": (real[:1_000], 124, 124),
        "blurred": (table_1.blurred(real), 313, 313),
        "binarised": ((real > 0.5).float(), 114, 114),
    }
    for name, (centres, on_paper_grid, on_fine_grid) in published.items():
        paper, fine = table_1.both_grids(centres, valid, test, data="mnist")
        print(name, paper, fine, sep="\n  ")
        assert abs(paper.log_likelihood - on_paper_grid) < 3, name
        assert abs(fine.log_likelihood - on_fine_grid) < 3, name
