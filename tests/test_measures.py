"""Measures against hand-computed cases and brute force; the memorisation test against cheats that are known."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.linalg import sqrtm

from ganlib import DataError, images, load, pretrained, scale
from ganlib.studies import measures


def normal(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


# -- the classifier ---------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def digits():
    return load("mnist-5k")


@pytest.fixture(scope="module")
def classifier(digits):
    d = digits
    return measures.train_classifier(d.train, d.train_labels, d.test, d.test_labels, hidden=(32, 16), batch=50)


def test_a_classifier_learns_and_says_how_well(digits, classifier):
    assert 0.75 < classifier.accuracy < 1 and classifier.n_test == 500
    right = classifier.probabilities(scale(digits.test)).argmax(1) == digits.test_labels
    assert classifier.accuracy == pytest.approx(right.double().mean().item())
    assert f"{classifier.accuracy:.2%} of 500 test pictures right" in str(classifier)


def test_features_are_what_the_last_layer_reads(digits, classifier):
    x = scale(digits.test[:20])
    features = classifier.features(x)
    assert features.shape == (20, 16) and features.min() >= 0
    assert torch.allclose(classifier.net[-1](features).softmax(1), classifier.probabilities(x))
    assert not features.requires_grad


def test_a_convolutional_classifier_sees_pictures_at_the_scale_it_was_trained_at(digits, monkeypatch):
    d, asked = digits, []
    monkeypatch.setattr(measures, "scale", lambda x, pixels="unit": (asked.append(pixels), scale(x, pixels=pixels))[1])
    few = (d.train[:1_000], d.train_labels[:1_000], d.test, d.test_labels)
    found = measures.train_classifier(*few, hidden=(24,), shape=d.shape, pixels="gcn", epochs=3, batch=50)
    assert set(asked) == {"gcn"}
    x = scale(d.test, pixels="gcn")
    assert found.features(x[:20]).shape == (20, 24)
    right = (found.probabilities(x).argmax(1) == d.test_labels).double().mean().item()
    assert found.accuracy == pytest.approx(right) and right > 0.8
    maps = found.net[:3](x[:1])  # a convolution sees a picture moved by its stride as maps moved by one
    assert maps.shape == (1, 32, 14, 14)
    moved = found.net[:3](x[:1].reshape(1, 1, 28, 28).roll(2, 3).reshape(1, 784))
    assert torch.allclose(moved[..., 2:-2, 3:-2], maps[..., 2:-2, 2:-3], atol=1e-4)


def test_the_same_seed_gives_the_same_network(digits):
    def train(seed):
        d = digits
        few = (d.train[:400], d.train_labels[:400], d.test[:50], d.test_labels[:50])
        return measures.train_classifier(*few, hidden=(8,), epochs=1, seed=seed).net[0].weight

    before = torch.random.get_rng_state()
    assert torch.equal(train(0), train(0)) and not torch.equal(train(0), train(1))
    assert torch.equal(torch.random.get_rng_state(), before), "the global random state must not move"


def test_histogram_and_confidence_by_hand():
    given = torch.tensor([[0.5, 0.3, 0.2], [0.05, 0.95, 0], [0.0, 0.0, 1.0], [0.89, 0.11, 0]])
    same = torch.nn.Linear(3, 3)
    same.weight.data, same.bias.data = torch.eye(3), torch.zeros(3)
    fixed = measures.Classifier(torch.nn.Sequential(same), 1.0, 4, 0.0)
    found = measures.classes(fixed, given.clamp_min(1e-30).log())
    assert found.shares.tolist() == [0.5, 0.25, 0.25]
    assert found.confidence == pytest.approx([0.5, 0.95, 1, 0.89]) and found.unsure == 0.5
    other = measures.Classes(np.array([0.0, 0.5, 0.5]), found.confidence)
    assert found.distance(other) == 0.5 and found.distance(found) == 0


@pytest.mark.parametrize(
    ("labels", "said"),
    [
        (torch.zeros(10, dtype=torch.int64), "all the labels are the same"),
        (torch.arange(9), "a label from 0 up for each"),
        (torch.full((10,), -1), "a label from 0 up for each"),
    ],
    ids=["one-class", "too-few-labels", "unlabeled"],
)
def test_labels_that_make_no_sense_are_refused(labels, said):
    x = torch.zeros(10, 4, dtype=torch.uint8)
    with pytest.raises(DataError, match=said):
        measures.train_classifier(x, labels, x, labels)


# -- Frechet distance -------------------------------------------------------------------------------------------------


def exactly(mean, std, n=10):
    """Numbers (n, f) with exactly that sample mean and standard deviation in each column, the columns uncorrelated."""
    q = np.linalg.qr(np.column_stack([np.ones(n), normal(n, len(mean)).numpy()]))[0][:, 1:]
    return torch.tensor(q * math.sqrt(n - 1) * np.array(std) + np.array(mean))


def test_frechet_in_one_dimension_by_hand():
    """(1 - 4)^2 + (2 - 5)^2 = 18: with scalars the trace is the square of the difference of the two deviations."""
    assert measures.frechet(exactly([1], [2]), exactly([4], [5])) == pytest.approx(18, abs=1e-9)


def test_frechet_of_diagonal_covariances_by_hand():
    a, b = exactly([0, 1, -2], [1, 2, 3]), exactly([1, 1, 0], [4, 2, 1], n=25)
    assert measures.frechet(a, b) == pytest.approx(1 + 0 + 4 + 9 + 0 + 4, abs=1e-9)


def test_frechet_of_full_covariances_against_the_matrix_root():
    a, b = normal(60, 5) @ normal(5, 5, seed=1), normal(40, 5, seed=2) @ normal(5, 5, seed=3) + 0.3
    C_a, C_b = (np.cov(x.numpy().T) for x in (a, b))
    expected = ((a.mean(0) - b.mean(0)) ** 2).sum().item() + np.trace(C_a + C_b - 2 * sqrtm(C_a @ C_b).real)
    assert measures.frechet(a, b) == pytest.approx(expected, rel=1e-8)
    assert measures.frechet(b, a) == pytest.approx(expected, rel=1e-8)
    assert measures.frechet(a, a) == pytest.approx(0, abs=1e-6)


def test_frechet_of_fewer_pictures_than_features_is_finite():
    assert 0 < measures.frechet(normal(4, 30).float(), normal(5, 30, seed=1).float()) < 1e4


# -- precision and recall ---------------------------------------------------------------------------------------------


def brute_force(x, cloud, k):
    inside = 0
    for row in x:
        for i, centre in enumerate(cloud):
            radius = sorted(math.dist(centre, other) for j, other in enumerate(cloud) if j != i)[k - 1]
            if math.dist(row, centre) <= radius:
                inside += 1
                break
    return inside / len(x)


@pytest.mark.parametrize("k", [1, 3])
def test_precision_and_recall_equal_brute_force(k):
    real, fake = normal(50, 3), 0.6 * normal(40, 3, seed=1) + 1
    precision, recall = measures.precision_recall(real, fake, k)
    assert precision == brute_force(fake.tolist(), real.tolist(), k)
    assert recall == brute_force(real.tolist(), fake.tolist(), k)
    assert 0 < recall < precision < 1, "the case must tell the two apart"


def test_precision_and_recall_by_hand():
    """On a line, k = 1: balls of real -5, 0, 1, 10 reach 5, 1, 1, 9; of fake 0.5, 0.6, 30 reach 0.1, 0.1, 29.4.

    So 0.5 and 0.6 are covered and 30 is not; 1 and 10 are covered, by the huge ball of the outlier 30 alone.
    """
    real, fake = torch.tensor([[-5.0], [0.0], [1.0], [10.0]]), torch.tensor([[0.5], [0.6], [30.0]])
    assert measures.precision_recall(real, fake, 1) == pytest.approx((2 / 3, 2 / 4))
    for k in (0, 3):
        with pytest.raises(DataError, match=f"k is {k}"):
            measures.precision_recall(real, fake, k)


def test_chunks_meet_without_a_seam(monkeypatch):
    real, fake = normal(50, 3), normal(40, 3, seed=1)
    whole = measures.precision_recall(real, fake)
    monkeypatch.setattr(measures, "CHUNK", 7)
    assert measures.precision_recall(real, fake) == whole


# -- copies of the training set ---------------------------------------------------------------------------------------


def test_nearest_distances_equal_the_exact_search(digits):
    x = torch.cat([scale(digits.test[:30]), scale(digits.train[:5])])
    _, expected = images.nearest(x, digits.train)
    assert measures.nearest_distance(x, digits.train).numpy() == pytest.approx(expected.numpy(), abs=1e-4)
    assert measures.nearest_distance(x, digits.train)[30:].tolist() == [0] * 5


def test_the_statistic_by_hand():
    """Of 3 x 2 pairs the sample is nearer in 3, tied in 1: 3.5 / 6. U = 2.5, its mean 3, its deviation sqrt(3)."""
    ours, real = torch.tensor([1.0, 2.0, 5.0]), torch.tensor([2.0, 3.0])
    found = measures.memorisation(ours, real)
    assert found.nearer == pytest.approx(3.5 / 6)
    assert found.z == pytest.approx((2.5 - 3) / math.sqrt(3 * 2 * 6 / 12))
    assert found.tail == 2 / 3 and not found.copies  # 1 and 2 are below 2.01
    assert found.tail_p == pytest.approx(7 / 10)  # 3 of the 5 are near: two or three of ours, (6 + 1) / 10


@pytest.fixture(scope="module")
def distances(digits):
    """Of real digits that are not in the training set, of two kinds: `fresh` to compare with, `other` as samples."""
    return [measures.nearest_distance(scale(part), digits.train) for part in (digits.test, digits.valid)]


def noisy(x):
    return (x + 0.05 * torch.randn(x.shape, generator=torch.Generator().manual_seed(0))).clamp(0, 1)


def test_fresh_digits_are_no_copies(digits, distances):
    found = measures.memorisation(distances[1], distances[0])
    assert not found.copies and abs(found.z) < 3 and 0.45 < found.nearer < 0.55
    assert "no sign of copying" in str(found)


def test_copies_are_found_out(digits, distances):
    cheat = noisy(scale(digits.train[:300]))
    found = measures.memorisation(measures.nearest_distance(cheat, digits.train), distances[0][:300])
    assert found.copies and found.z < -10 and found.nearer > 0.99 and found.tail > 0.99
    assert "copies of training pictures" in str(found)


def test_a_few_copies_among_fresh_digits_are_found_out_by_the_tail(digits, distances):
    few = measures.nearest_distance(noisy(scale(digits.train[:30])), digits.train)
    found = measures.memorisation(torch.cat([distances[1][:470], few]), distances[0])
    assert found.copies and found.z > -3 and found.tail_p < 0.001 and 0.05 < found.tail < 0.1


def test_what_it_misses_a_copy_moved_by_two_pixels(digits, distances):
    moved = scale(digits.train[:300]).reshape(-1, 28, 28).roll(2, 2).reshape(-1, 784)
    assert not measures.memorisation(measures.nearest_distance(moved, digits.train), distances[0][:300]).copies


def test_samples_that_are_far_off_are_no_copies(digits, distances):
    far = torch.rand(100, 784, generator=torch.Generator().manual_seed(0))
    found = measures.memorisation(measures.nearest_distance(far, digits.train), distances[0][:100])
    assert not found.copies and found.z > 10 and found.nearer == 0


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: measures.frechet(torch.rand(5, 3), torch.rand(5, 4)), "same f"),
        (lambda: measures.frechet(torch.rand(1, 3), torch.rand(5, 3)), "two pictures or more"),
        (lambda: measures.precision_recall(torch.rand(5), torch.rand(5)), "must be"),
        (lambda: measures.frechet(torch.rand(5, 3) / 0, torch.rand(5, 3)), "not finite"),
        (lambda: measures.nearest_distance(torch.rand(0, 3), torch.zeros(5, 3, dtype=torch.uint8)), "n > 0"),
    ],
    ids=["widths", "one-picture", "flat", "not-finite", "empty"],
)
def test_senseless_input_is_refused(call, said):
    with pytest.raises(DataError, match=said):
        call()


@pytest.mark.parametrize("name", ["fer2013", "cifar10-fc", "cifar10-conv"])
def test_what_is_recorded_is_of_the_weights_that_are_shipped(name):
    trained, rows = pretrained(name), measures.recorded(name)["rows"]
    now = [(row["epochs"], row["iterate"]) for row in rows if row["release"] == "now"]
    assert now == [(pair.info["epochs"], pair.iterate) for pair in (trained, trained.averaged())]
    floor, numbers = measures.recorded(name)["floor"], [f"{row['frechet']:.1f}" for row in rows]
    readme = (Path(__file__).resolve().parent.parent / "README.md").read_text(encoding="utf-8")
    assert f"| {floor:.2f} | {' | '.join(numbers)} |" in readme
    with pytest.raises(DataError, match="nothing is recorded of 'mnist'; there are: cifar10-conv, cifar10-fc, fer2013"):
        measures.recorded("mnist")


def test_what_is_recorded_as_the_rows_of_a_table():
    faces, both = measures.compared("fer2013"), measures.compared("cifar10-fc", "cifar10-conv")
    assert faces[0]["generator"] == "none: 3,589 real test pictures" and np.isnan(faces[0]["recall"])
    record = measures.recorded("fer2013")
    assert [row["Fréchet distance"] for row in faces] == [record["floor"], *(row["frechet"] for row in record["rows"])]
    assert [row["epochs"] for row in faces] == ["", "22", "22", "22"]
    assert sum("first release" in row["generator"] for row in faces) == 1
    assert "pair" not in faces[0] and [row["pair"] for row in both] == 4 * ["cifar10-fc"] + 4 * ["cifar10-conv"]
