"""The Parzen estimator against brute force, against Gaussians whose answer is known, and against the least work."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
import time
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.special import logsumexp

from benchmarks.memory import UNKNOWN, peak
from benchmarks.turns import take_turns
from ganlib import DataError, load, parzen, scale

ROOT = Path(__file__).resolve().parent.parent


def brute_force(x, centres, sigma):
    """log p(x), image by image in float64, from the definition: (n,)."""
    x, centres = (np.asarray(a, dtype=np.float64) for a in (x, centres))
    d, result = x.shape[1], []
    for row in x:
        exponents = -((row - centres) ** 2).sum(1) / (2 * sigma**2)
        result.append(logsumexp(exponents) - math.log(len(centres)) - d * math.log(sigma * math.sqrt(2 * math.pi)))
    return np.array(result)


@pytest.fixture(scope="module")
def digits():
    """Real digits: 40 to score, and centres of the kinds that occur (other digits, near copies, blurred, noise)."""
    data = load("mnist-5k")
    x = scale(data.test[:40])
    rng = torch.Generator().manual_seed(0)
    near = x[:20] + 0.01 * torch.randn(20, 784, generator=rng)
    centres = torch.cat([scale(data.train[:1500]), near, x[20:22], torch.rand(50, 784, generator=rng)])
    return x, centres


# -- the formula ------------------------------------------------------------------------------------------------------


def test_within_a_hundredth_of_a_nat_of_brute_force_on_real_digits(digits):
    x, centres = digits
    found = parzen.log_likelihood(x, centres, parzen.SIGMAS)
    assert found.dtype == torch.float64 and found.shape == (10, 40)
    for i, sigma in enumerate(parzen.SIGMAS):
        assert np.abs(found[i].numpy() - brute_force(x, centres, sigma)).max() < 0.01, sigma


def test_float64_input_is_computed_in_float64(digits):
    x, centres = (tensor.double() for tensor in digits)
    found = parzen.log_likelihood(x[:5], centres[:300], [0.1, 1.0])
    for row, sigma in zip(found, [0.1, 1.0]):
        assert row.numpy() == pytest.approx(brute_force(x[:5], centres[:300], sigma), abs=1e-8)


def test_ten_sigmas_at_once_equal_one_at_a_time(digits):
    x, centres = digits
    together = parzen.log_likelihood(x, centres, parzen.SIGMAS)
    alone = torch.cat([parzen.log_likelihood(x, centres, [sigma]) for sigma in parzen.SIGMAS])
    assert torch.equal(together, alone)


@pytest.mark.parametrize("d", [1, 3, 784])
@pytest.mark.parametrize("sigma", [0.1, 0.5, 3.0])
def test_one_centre_is_one_gaussian(d, sigma):
    rng = np.random.default_rng(0)
    mu, x = rng.normal(size=(1, d)), rng.normal(size=(4, d))
    expected = -((x - mu) ** 2).sum(1) / (2 * sigma**2) - d / 2 * math.log(2 * math.pi * sigma**2)
    found = parzen.log_likelihood(torch.tensor(x), torch.tensor(mu), [sigma])[0]
    assert found.numpy() == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("d", [1, 2])
def test_many_centres_from_a_gaussian_give_the_wider_gaussian(d):
    """Centres from N(0, s^2 I) make the mixture N(0, (s^2 + sigma^2) I), whose expected log-likelihood is known."""
    s, sigma, data_s = 1.5, 0.5, 0.7
    rng = np.random.default_rng(1)
    centres, x = torch.tensor(rng.normal(0, s, (40_000, d))), torch.tensor(rng.normal(0, data_s, (500, d)))
    variance = s**2 + sigma**2
    pointwise = -x.square().sum(1) / (2 * variance) - d / 2 * math.log(2 * math.pi * variance)
    found = parzen.log_likelihood(x, centres, [sigma])[0]
    assert (found - pointwise).abs().max().item() < 0.1
    assert found.mean().item() == pytest.approx(pointwise.mean().item(), abs=0.01)
    expected = -d / 2 * (data_s**2 / variance + math.log(2 * math.pi * variance))
    assert found.mean().item() == pytest.approx(expected, abs=0.05)


def test_the_normaliser_integrates_to_one():
    centres = torch.tensor([[-1.0], [0.3], [2.0]], dtype=torch.float64)
    x = torch.linspace(-12, 13, 20_001, dtype=torch.float64).unsqueeze(1)
    density = parzen.log_likelihood(x, centres, [0.7])[0].exp()
    assert torch.trapezoid(density, x[:, 0]).item() == pytest.approx(1, abs=1e-9)


def test_centres_and_scored_pictures_are_not_the_other_way_round():
    """A centre far from every x costs little; an x far from every centre costs much."""
    x, far = torch.zeros(1, 2), torch.full((1, 2), 10.0)
    assert parzen.log_likelihood(x, torch.cat([x, far]), [1.0]).mean() > -3
    assert parzen.log_likelihood(torch.cat([x, far]), x, [1.0]).mean() < -50


def test_a_far_picture_does_not_underflow():
    """exp(-5,000,000) is 0 in every float; the logarithm of the mean of such numbers is finite all the same."""
    found = parzen.log_likelihood(torch.full((1, 784), 100.0), torch.zeros(7, 784), [0.1])
    assert found.item() == pytest.approx(-784 * 100**2 / 0.02 - 784 * math.log(0.1 * math.sqrt(2 * math.pi)), rel=1e-6)


@pytest.mark.parametrize("n", [1, 499, 500, 501, 1000, 1001])
def test_chunks_meet_without_a_seam(n):
    rng = torch.Generator().manual_seed(0)
    x, centres = torch.rand(n, 6, generator=rng), torch.rand(30, 6, generator=rng)
    found = parzen.log_likelihood(x, centres, [0.2, 0.6])
    distance = torch.cdist(x.double(), centres.double(), compute_mode="donot_use_mm_for_euclid_dist")
    for row, sigma in zip(found, [0.2, 0.6]):
        total = torch.logsumexp(-distance.square() / (2 * sigma**2), 1)
        expected = total - math.log(30) - 6 * math.log(sigma * math.sqrt(2 * math.pi))
        assert (row - expected).abs().max().item() < 1e-4


# -- the protocol -----------------------------------------------------------------------------------------------------


def test_the_grids_are_the_papers_and_a_finer_one():
    listed = [0.1, 0.1292, 0.1668, 0.2154, 0.2783, 0.3594, 0.4642, 0.5995, 0.7743, 1]
    assert parzen.SIGMAS == pytest.approx(listed, abs=5e-5)
    assert len(parzen.FINE_SIGMAS) == 91
    assert parzen.FINE_SIGMAS[::10] == pytest.approx(parzen.SIGMAS, rel=1e-12)
    assert np.diff(np.log(parzen.FINE_SIGMAS)) == pytest.approx(np.full(90, math.log(10) / 90))


def blobs(spread, n, seed):
    return 0.5 + spread * torch.randn(n, 8, generator=torch.Generator().manual_seed(seed))


def test_sigma_is_chosen_on_the_first_thousand_of_valid_and_never_on_test():
    centres, narrow, wide = blobs(0.3, 100, 0), blobs(0.1, 1_500, 1), blobs(0.9, 1_500, 2)
    sigma, means = parzen.choose_sigma(narrow, centres)
    assert sigma < parzen.choose_sigma(wide, centres)[0], "the two must ask for different sigmas, or this tests nothing"
    expected = [brute_force(narrow[:1000], centres, s).mean() for s in parzen.SIGMAS[3:6]]
    assert means[3:6].numpy() == pytest.approx(expected, abs=0.001)
    mixed = torch.cat([narrow[:1000], wide])
    assert parzen.choose_sigma(mixed, centres)[0] == sigma
    for test in (narrow, wide):
        assert parzen.score(centres, mixed, test, data="blobs").sigma == sigma
    assert parzen.score(centres, wide, narrow, data="blobs").sigma > sigma


def test_mean_and_standard_error_by_hand():
    centres, valid, test = blobs(0.3, 200, 0), blobs(0.3, 50, 1), blobs(0.3, 37, 2)
    score = parzen.score(centres, valid, test, data="blobs", split="held out")
    each = brute_force(test, centres, score.sigma)
    assert score.log_likelihood == pytest.approx(each.mean(), abs=1e-4)
    assert score.standard_error == pytest.approx(math.sqrt(((each - each.mean()) ** 2).mean() / 37), rel=1e-4)
    assert (score.n_samples, score.n_test, score.split, score.data) == (200, 37, "held out", "blobs")
    assert json.loads(json.dumps(score.to_dict())) == score.to_dict()
    for part in (f"{score.log_likelihood:.1f} ± {score.standard_error:.1f} nats", "200 samples", "37 images of blobs"):
        assert part in str(score)


def test_the_validation_score_is_the_best_mean_of_the_papers_grid():
    centres, valid = blobs(0.3, 200, 0), blobs(0.3, 1_200, 1)
    found = parzen.validation_score(centres, valid)
    sigma, means = parzen.choose_sigma(valid, centres)
    assert found["sigma"] == sigma
    assert found["log_likelihood"] == pytest.approx(means.max().item(), abs=1e-9)
    sigma, means = parzen.choose_sigma(valid, centres, parzen.FINE_SIGMAS)
    assert found["fine_sigma"] == pytest.approx(sigma, rel=1e-9) and sigma not in parzen.SIGMAS
    assert found["fine"] == pytest.approx(means.max().item(), abs=1e-9) and found["fine"] > found["log_likelihood"]
    each = brute_force(valid[:1000], centres, found["sigma"])
    assert found["standard_error"] == pytest.approx(each.std() / math.sqrt(1000), rel=1e-3)


def test_faces_by_folds_by_hand():
    """Five folds, each with its own sigma; ± is s / sqrt(5), with n - 1 in s."""
    centres = blobs(0.3, 100, 0)
    spreads = (0.1, 0.2, 0.3, 0.5, 0.8)
    folds = [(blobs(s, 60, 10 + i), blobs(s, 20 + i, 20 + i)) for i, s in enumerate(spreads)]
    found = parzen.folds_score(centres, folds, data="blobs")
    means = []
    for valid, test in folds:
        curve = [brute_force(valid, centres, sigma).mean() for sigma in parzen.SIGMAS]
        means.append(brute_force(test, centres, parzen.SIGMAS[int(np.argmax(curve))]).mean())
    assert len({score.sigma for score in found.each}) > 2, "the folds must ask for different sigmas"
    assert [score.log_likelihood for score in found.each] == pytest.approx(means, abs=1e-4)
    mean = sum(means) / 5
    assert found.log_likelihood == pytest.approx(mean, abs=1e-4)
    assert found.standard_error == pytest.approx(math.sqrt(sum((m - mean) ** 2 for m in means) / 4 / 5), rel=1e-5)
    assert (found.n_samples, found.n_test, found.data) == (100, 20 + 21 + 22 + 23 + 24, "blobs")
    assert json.loads(json.dumps(found.to_dict())) == found.to_dict()
    assert f"{found.log_likelihood:.1f} ± {found.standard_error:.1f} nats (5 folds" in str(found)
    with pytest.raises(DataError, match="needs two or more"):
        parzen.folds_score(centres, folds[:1], data="blobs")


@pytest.mark.parametrize(("spread", "edge"), [(0.0, 0.1), (5.0, 1.0)])
def test_a_best_sigma_at_the_edge_of_the_grid_warns(spread, edge):
    centres, valid = blobs(0.001, 50, 0), blobs(spread, 50, 1)
    with pytest.warns(UserWarning, match=rf"the best sigma, {edge:g}, is at the edge of the grid 0.1 to 1"):
        assert parzen.choose_sigma(valid, centres)[0] == pytest.approx(edge)


def test_no_warning_inside_the_grid():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        parzen.choose_sigma(blobs(0.3, 50, 1), blobs(0.3, 50, 0))


def test_real_digits_as_centres_are_the_ceiling_at_their_number():
    """4,000 digits of 28 x 28 score far above noise, far below the 243 of 10,000 (the estimator has not converged)."""
    data = load("mnist-5k")
    score = parzen.score(scale(data.train), scale(data.valid), scale(data.test), data=data.name)
    assert 0.15 < score.sigma < 0.25
    assert 160 < score.log_likelihood < 230
    assert 5 < score.standard_error < 15


# -- what is refused --------------------------------------------------------------------------------------------------

GOOD = torch.rand(4, 3)


SENSELESS = [
    (GOOD[0], r"is \(3,\); it must be \(n, d\)"),
    (GOOD[:0], r"is \(0, 3\); it must be"),
    (GOOD[:, :0], r"is \(4, 0\); it must be"),
    ((GOOD * 255).byte(), "is torch.uint8; scale pictures"),
    (GOOD.to(torch.complex64), "is torch.complex64; scale"),
    (GOOD > 0.5, "is torch.bool; scale"),
    (GOOD * float("nan"), "holds values that are not finite"),
    (GOOD / 0, "holds values that are not finite"),
    (GOOD * 1e30, "holds values from .* a score takes pictures"),
    (GOOD.to("meta"), "is a tensor without numbers of its own"),
    (GOOD.to_sparse(), "is a tensor without numbers of its own"),
    (None, "is None; give pictures"),
    ("digits", "is 'digits'; give pictures"),
    ([["a", "b"]], "is .* give pictures"),
    ([[1.0], [2.0, 3.0]], "is .* give pictures"),
    ([[1, 2, 3]], "is torch.int64; scale"),
    (0.5, r"is \(1,\); it must be"),
]


@pytest.mark.parametrize(("x", "said"), SENSELESS)
def test_pictures_and_samples_that_are_none_are_refused_wherever_they_are_given(x, said):
    for name, call in (
        ("x", lambda: parzen.log_likelihood(x, GOOD, [0.1])),
        ("centres", lambda: parzen.log_likelihood(GOOD, x, [0.1])),
        ("valid", lambda: parzen.choose_sigma(x, GOOD)),
        ("centres", lambda: parzen.choose_sigma(GOOD, x)),
        ("valid", lambda: parzen.validation_score(GOOD, x)),
        ("centres", lambda: parzen.score(x, GOOD, GOOD, data="x")),
        ("valid", lambda: parzen.score(GOOD, x, GOOD, data="x")),
        ("test", lambda: parzen.score(GOOD, GOOD, x, data="x")),
        ("test", lambda: parzen.folds_score(GOOD, [(GOOD, GOOD), (GOOD, x)], data="x")),
    ):
        with pytest.raises(DataError, match=f"^{name} {said}"):
            call()
    with pytest.raises(DataError, match=r"x is \(4, 3\) and centres \(4, 2\); both must be \(n, d\), same d"):
        parzen.log_likelihood(GOOD, GOOD[:, :2], [0.1])


@pytest.mark.parametrize(
    "sigmas",
    [
        *([bad] for bad in (0, -0.1, float("nan"), float("inf"), 1e-200, 1e200, 10**400, True, None, "0.2", [0.2], 1j)),
        *([], (), None, 0.2, "0.2", {0.2}, [0.1, 0.0], np.array([[0.2]]), np.array(["0.2"]), torch.tensor(0.2)),
    ],
)
def test_sigmas_that_are_none_are_refused(sigmas):
    for call in (
        lambda: parzen.log_likelihood(GOOD, GOOD, sigmas),
        lambda: parzen.choose_sigma(GOOD, GOOD, sigmas),
        lambda: parzen.score(GOOD, GOOD, GOOD, data="x", sigmas=sigmas),
        lambda: parzen.folds_score(GOOD, [(GOOD, GOOD)] * 2, data="x", sigmas=sigmas),
    ):
        with pytest.raises(DataError, match="^sigmas are .{1,60}; give a list of numbers from 1e-15 to 1e[+]15$"):
            call()


def test_arrays_lists_and_every_kind_of_number_give_the_same_score_and_plain_dicts():
    centres, valid, test = (blobs(0.3, n, seed).double() for n, seed in ((60, 0), (30, 1), (20, 2)))
    sigmas = [0.2, 0.3, 0.5]
    expected = parzen.score(centres, valid, test, data="blobs", sigmas=sigmas)
    assert brute_force(test, centres, expected.sigma).mean() == pytest.approx(expected.log_likelihood, rel=1e-9)
    backwards = np.asarray(test.flip(1))[:, ::-1]  # of negative strides
    for kind in (torch.tensor(sigmas, dtype=torch.float64), np.array(sigmas), tuple(sigmas)):
        for given in ((centres.numpy(), valid.numpy(), backwards), (centres.tolist(), valid.tolist(), test.tolist())):
            found = parzen.score(*given, data="blobs", sigmas=kind)
            assert found == expected and json.loads(json.dumps(found.to_dict())) == found.to_dict()
    found = parzen.score(centres, valid, test, data="blobs", sigmas=np.float32(sigmas))
    assert type(found.to_dict()["sigma"]) is float and found.sigma == pytest.approx(expected.sigma)
    by_hand = parzen.Score(np.float32(1), torch.tensor(2.0), np.float64(0.2), np.int64(3), 4, "test", "x").to_dict()
    assert {type(value) for value in by_hand.values()} == {float, int, str} and json.dumps(by_hand)
    faces = parzen.folds_score(centres, [(valid, test)] * 2, data="blobs", sigmas=np.float32(sigmas)).to_dict()
    assert json.loads(json.dumps(faces)) == faces
    for end in (1e-15, 1e15):
        assert parzen.log_likelihood(centres.float(), centres.float(), [end]).isfinite().all()


@pytest.mark.parametrize(
    ("of_samples", "of_pictures", "warns"),
    [
        ((0, 1), (0, 1), False),
        ((0, 1), (-1, 1), True),  # normalised to [-1, 1]
        ((-1, 1), (0, 1), True),
        ((-0.5, 0.5), (0, 1), True),
        ((0, 1), (-0.424, 2.82), True),  # standardised by the mean and std of MNIST
        ((0, 255), (0, 1), True),
        ((0, 1), (0, 255), True),
        ((-1, 1), (-1, 1), False),  # scored on purpose
        ((-0.424, 2.82), (-0.424, 2.82), False),
        ((0.4, 0.5), (0, 1), False),  # a young G
        ((0, 0), (0, 1), False),
        ((-0.05, 0.05), (-1, 1), False),
    ],
)
def test_two_scales_are_warned_of_every_time_with_both_ranges(digits, of_samples, of_pictures, warns):
    x = digits[0]
    (a, b), (c, d) = of_samples, of_pictures
    samples, pictures = a + (b - a) * x[:20], c + (d - c) * x
    for call in (
        lambda: parzen.choose_sigma(pictures, samples),
        lambda: parzen.score(samples, pictures, pictures, data="x"),
        lambda: parzen.score(samples, samples, pictures, data="x"),  # the scored ones alone
    ):
        for _ in range(2):
            with warnings.catch_warnings(record=True) as seen:  # with the filters that a person has
                call()
            said = [str(one.message) for one in seen if "the pictures lie in" in str(one.message)]
            ends = f"the pictures lie in [{c:.3g}, {d:.3g}] and the samples in [{a:.3g}, {b:.3g}]"
            assert [one.split(":")[0] for one in said] == [ends] * warns
            assert all(one.filename == __file__ for one in seen)


# -- memory and speed -------------------------------------------------------------------------------------------------

PROTOCOL = """
import sys, torch
from benchmarks.memory import peak
from ganlib import parzen
torch.set_num_threads(int(sys.argv[1]))
rng = torch.Generator().manual_seed(0)
centres, valid, test = (torch.rand(10_000, 784, generator=rng) for _ in range(3))
before = peak()
parzen.score(centres, valid, test, data="random", sigmas=parzen.SIGMAS)
print(peak() - before)
for _ in range(3):
    parzen.choose_sigma(9 * valid[:9], centres[:9])
"""


@pytest.mark.serial
@pytest.mark.skipif(peak() is None, reason=UNKNOWN)
def test_the_protocol_never_holds_all_distances_at_once():
    """10,000 samples, 10,000 images: their distances are 400 MB in float32, and one more copy holds the exponentials.

    What it does hold, 500 rows of distances and the pictures once more, is half of the limit.
    """
    command = [sys.executable, "-c", PROTOCOL, str(min(2, os.cpu_count() or 1))]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) < 500_000_000
    edges = [line for line in done.stderr.splitlines() if "is at the edge of the grid 0.1 to 1" in line]
    assert len(edges) >= 3, "with Python's own filters it is said every time, and not once a process"


@pytest.fixture
def one_thread():
    """The time of a processor is the time that the work takes only when one processor does it."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.mark.serial
@pytest.mark.filterwarnings("ignore:the best sigma")
def test_the_protocol_takes_under_three_times_the_arithmetic_that_it_cannot_do_without(one_thread):
    """That is: the products of 1,000 images, ten exponentials of each; the products of 5,000, one exponential."""
    rng = torch.Generator().manual_seed(0)
    centres, valid, test = (torch.rand(n, 784, generator=rng) for n in (1_000, 5_000, 5_000))

    def arithmetic():
        for images, sigmas in ((valid[:1_000], 10), (test, 1)):
            for rows in images.split(500):
                products = rows @ centres.T
                for _ in range(sigmas):
                    (products / -1_000).exp_().sum(1)

    sides = {"protocol": lambda: parzen.score(centres, valid, test, data="random"), "arithmetic": arithmetic}
    seconds = take_turns(sides, 6, clock=time.process_time)
    assert min(seconds["protocol"]) < 3 * min(seconds["arithmetic"])
