"""Is this loss curve normal? What the live demo says about runs whose answer is known."""

from __future__ import annotations

import math
import re
from dataclasses import replace

import numpy as np
import pytest
import torch

from ganlib import MNIST, DataError, load, pretrained
from ganlib.history import Step
from ganlib.images import scale
from ganlib.picture import running_mean
from ganlib.studies.diagnosis import Evidence, Reference, Seen, diagnose, reversals, spread


def steps(n=200, first=1, **values):
    usual = dict(V=-0.9, cost_D=0.45, cost_G=1.5, D_real=0.7, D_fake=0.3, norm_D=1.3, norm_G=1.4)
    usual |= dict(epoch=1.0, lr_D=0.1, lr_G=0.1, momentum=0.5) | values
    at = {name: value if callable(value) else (lambda i, value=value: value) for name, value in usual.items()}
    return [Step(step=first + i, **{name: f(i) for name, f in at.items()}) for i in range(n)]


VARIED = Seen(60, ((12, 1), *((6, label) for label in (2, 3, 4, 5, 6, 7, 8)), (5, 0), (5, 9)))
ONE_PICTURE, FEW_PICTURES = Seen(1, ((64, 3),)), Seen(4, ((40, 3), (24, 5)))
ONES, ONES_AND_SEVENS = Seen(52, ((63, 1), (1, 7))), Seen(55, ((33, 7), (28, 1), (3, 9)))
CHANCE = dict(V=-1.386, D_real=0.5, D_fake=0.5, cost_G=0.693, norm_G=1e-4)
WINS = dict(V=-0.012, D_real=0.996, D_fake=0.007, cost_G=5.2)


@pytest.mark.parametrize(
    ("tone", "words", "evidence"),
    [
        ("wait", "Nothing has happened", Evidence([], ONE_PICTURE, MNIST)),
        ("wait", "only begun", Evidence(steps(19), ONE_PICTURE, MNIST)),
        ("wait", "just changed", Evidence(steps(5), ONE_PICTURE, MNIST, changed=True)),
        ("normal", "Normal for a beginning", Evidence(steps(**CHANCE), ONE_PICTURE, MNIST, updates=200)),
        ("odd", "D does not learn", Evidence(steps(**CHANCE), ONE_PICTURE, MNIST, updates=4_000)),
        ("odd", "Theorem 1", Evidence(steps(**CHANCE), VARIED, MNIST, updates=200_000)),
        ("normal", "D is ahead", Evidence(steps(V=-0.2, D_real=0.94, D_fake=0.06), VARIED, MNIST)),
        ("normal", "Normal. D says 0.70", Evidence(steps(first=5_000), VARIED, MNIST)),
        ("wait", "Too early to say", Evidence(steps(V=-0.2, D_real=0.94, D_fake=0.06), FEW_PICTURES, MNIST)),
        ("odd", "draws only one picture", Evidence(steps(first=3_001), ONE_PICTURE, MNIST)),
        ("odd", "hardly more than one picture", Evidence(steps(first=3_001), FEW_PICTURES, MNIST)),
        ("odd", "G draws little but class 1: 6", Evidence(steps(first=3_001), ONES, MNIST)),
        ("odd", "G draws little but classes 1 and 7: 61 of", Evidence(steps(first=3_001), ONES_AND_SEVENS, MNIST)),
        ("odd", "lower k", Evidence(steps(**WINS), VARIED, replace(MNIST, k=5))),
        ("odd", "D's rate is 100 times", Evidence(steps(**WINS), VARIED, replace(MNIST, lr_G=0.001))),
        ("odd", "wins by too much", Evidence(steps(**WINS, norm_G=0.003), VARIED, MNIST)),
        (
            "broken",
            "saturated",
            Evidence(steps(**WINS, norm_G=0.003), ONE_PICTURE, replace(MNIST, generator_cost="minimax")),
        ),
        ("broken", "run away", Evidence(steps(V=lambda i: -9.0 if i >= 193 else -1.0), VARIED, MNIST)),
        ("broken", "run away", Evidence(steps(cost_G=lambda i: 21.0 if i in (181, 199) else 2.0), VARIED, MNIST)),
        # what the run on faces did at step 851: one step, and back
        ("normal", "D is ahead", Evidence(steps(V=lambda i: -12.0 if i == 199 else -0.3), VARIED, MNIST)),
        ("normal", "Normal. D says", Evidence(steps(V=lambda i: -12.0 if 150 <= i < 153 else -0.9), VARIED, MNIST)),
        ("odd", "swings", Evidence(steps(V=lambda i: -0.8 + 0.7 * math.sin(i / 5)), VARIED, MNIST)),
        ("odd", "worse than", Evidence(steps(V=-2.0, D_real=0.4, D_fake=0.6), VARIED, MNIST)),
    ],
)
def test_the_diagnosis_says_what_the_run_shows(tone, words, evidence):
    verdict = diagnose(evidence)
    assert verdict.tone == tone, verdict
    assert words in " ".join(verdict.sentences)
    assert 1 <= len(verdict.sentences) <= 3


@pytest.mark.parametrize("seen", [ONE_PICTURE, FEW_PICTURES, ONES, ONES_AND_SEVENS])
@pytest.mark.parametrize(
    "costs", [{}, {"V": -0.2}, CHANCE, WINS, {"V": -2.0}, {"V": lambda i: -0.8 + 0.7 * math.sin(i / 5)}]
)
def test_a_collapse_is_said_whatever_the_costs_are_and_never_called_normal(costs, seen):
    verdict = diagnose(Evidence(steps(first=3_001, **costs), seen, MNIST, updates=3_200))
    assert verdict.tone == "odd" and verdict.sentences[0].startswith("Not normal")
    assert seen.collapse in " ".join(verdict.sentences) and len(verdict.sentences) <= 3


@pytest.fixture(scope="module")
def digits():
    return load("mnist-5k")


@pytest.fixture(scope="module")
def reference(digits):
    return Reference(digits)


def of_classes(digits, *labels):
    """64 real digits, of these classes alone, that the reference does not hold."""
    pictures, found = torch.cat([digits.valid, digits.test]), torch.cat([digits.valid_labels, digits.test_labels])
    return scale(torch.cat([pictures[found == label][: 64 // len(labels)] for label in labels]))


@pytest.mark.parametrize("labels", [(0,), (1,), (2,), (3,), (6,), (1, 7), (0, 6)])
def test_digits_of_one_class_or_two_are_seen_to_be_no_more(digits, reference, labels):
    name = f"class {labels[0]}:" if len(labels) == 1 else f"classes {labels[0]} and {labels[1]}:"
    assert f"G draws little but {name}" in reference.look(of_classes(digits, *labels)).collapse


@pytest.mark.parametrize("noise", [0.0, 0.02, 0.1])
def test_one_picture_is_seen_under_a_little_noise(digits, reference, noise):
    for picture in scale(digits.valid[::50]):
        x = picture + noise * torch.randn(64, 784, generator=torch.Generator().manual_seed(0))
        assert "one picture" in reference.look(x).collapse


def test_a_generator_of_ones_or_of_one_picture_is_seen_under_healthy_costs_in_one_verdict(digits, reference):
    """The spread of the ones is that of healthy samples; and no verdict is both "Normal" and "Helvetica"."""
    ones = of_classes(digits, 1)
    assert spread(ones) > 0.5 * spread(of_classes(digits, *range(10)))
    one = ones[:1].expand(64, -1)
    for x, words in (
        (ones, "G draws little but class 1: 6"),
        (one, "G draws only one picture"),
        (0 * one, "only one"),
    ):
        seen = reference.look(x)
        for first, tone, begins in ((1, "wait", "Too early to say"), (3_001, "odd", "Not normal: G has collapsed")):
            verdict = diagnose(Evidence(steps(first=first), seen, MNIST, updates=first + 199))
            assert (verdict.tone, words in " ".join(verdict.sentences)) == (tone, True)
            assert verdict.sentences[0].startswith(begins) and "Normal" not in " ".join(verdict.sentences)


@pytest.mark.parametrize("n", [8, 32, 200])
def test_sheets_of_other_sizes_are_judged_by_their_own(digits, reference, n):
    pictures, labels = torch.cat([digits.valid, digits.test]), torch.cat([digits.valid_labels, digits.test_labels])
    many, ones = scale(pictures[:n]), scale(pictures[labels == 1][:n])
    assert reference.look(many).collapse == ""
    assert re.search(rf"class 1: \d+ of its {len(ones)} samples", reference.look(ones).collapse)
    assert f"all {n} samples" in reference.look(many[:1].expand(n, -1)).collapse


def test_what_is_no_sheet_of_samples_is_refused_and_a_lost_one_is_looked_at(reference):
    for x in (torch.rand(64, 5), torch.rand(784), torch.rand(7, 784), torch.rand(0, 784), None, [[0.5]]):
        with pytest.raises(DataError, match="samples are|x is"):
            reference.look(x)
    assert "only one picture" in reference.look(torch.full((64, 784), math.nan)).collapse


def test_digits_of_all_classes_and_the_samples_of_trained_nets_have_not_collapsed(digits, reference):
    trained = pretrained("mnist")
    ours = [trained.recipe.samples(net, 64) for net in (trained.G, trained.average)]
    for x in (of_classes(digits, *range(10)), *ours):
        assert reference.look(x).collapse == ""


@pytest.mark.parametrize("name", ["synthetic", "synthetic-cifar10"])
def test_classes_that_are_few_or_that_do_not_show_in_a_picture_are_not_counted(name):
    data = load(name)
    assert Reference(data).look(scale(data.valid[:64])).classes == ()


def test_reversals_and_spread():
    assert reversals(np.full(200, -1.0)) == 0
    assert reversals(np.linspace(-1.4, 0, 200)) <= 1
    x = torch.tensor([[0.0, 0.0], [3.0, 4.0]])
    assert spread(x) == 5
    assert spread(torch.ones(4, 3)) == 0
    assert math.isnan(spread(x[:1]))
    assert running_mean(np.arange(100.0), 0.1)[50] == pytest.approx(50)
