"""Is this loss curve normal? What the live demo says about runs whose answer is known."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from ganlib import MNIST
from ganlib.picture import running_mean
from ganlib.studies.diagnosis import Evidence, diagnose, reversals, spread
from ganlib.trainer import Step


def steps(n=200, first=1, **values):
    usual = dict(V=-0.9, cost_D=0.45, cost_G=1.5, D_real=0.7, D_fake=0.3, norm_D=1.3, norm_G=1.4)
    usual |= dict(epoch=1.0, lr_D=0.1, lr_G=0.1, momentum=0.5) | values
    at = {name: value if callable(value) else (lambda i, value=value: value) for name, value in usual.items()}
    return [Step(step=first + i, **{name: f(i) for name, f in at.items()}) for i in range(n)]


CHANCE = dict(V=-1.386, D_real=0.5, D_fake=0.5, cost_G=0.693, norm_G=1e-4)
WINS = dict(V=-0.012, D_real=0.996, D_fake=0.007, cost_G=5.2)


@pytest.mark.parametrize(
    ("tone", "words", "evidence"),
    [
        ("wait", "Nothing has happened", Evidence([], 0.05, MNIST)),
        ("wait", "only begun", Evidence(steps(19), 0.05, MNIST)),
        ("wait", "just changed", Evidence(steps(5), 0.05, MNIST, changed=True)),
        ("normal", "Normal for a beginning", Evidence(steps(**CHANCE), 0.055, MNIST, updates=200)),
        ("odd", "D does not learn", Evidence(steps(**CHANCE), 0.055, MNIST, updates=4_000)),
        ("odd", "Theorem 1", Evidence(steps(**CHANCE), 0.9, MNIST, updates=200_000)),
        ("normal", "D is ahead", Evidence(steps(V=-0.2, D_real=0.94, D_fake=0.06), 0.6, MNIST)),
        ("normal", "Normal. D says 0.70", Evidence(steps(first=5_000), 0.9, MNIST)),
        ("normal", "Helvetica", Evidence(steps(first=5_000), 0.1, MNIST)),
        ("odd", "lower k", Evidence(steps(**WINS), 0.6, replace(MNIST, k=5))),
        ("odd", "D's rate is 100 times", Evidence(steps(**WINS), 0.6, replace(MNIST, lr_G=0.001))),
        ("odd", "wins by too much", Evidence(steps(**WINS, norm_G=0.003), 0.6, MNIST)),
        ("broken", "saturated", Evidence(steps(**WINS, norm_G=0.003), 0.054, replace(MNIST, generator_cost="minimax"))),
        ("broken", "run away", Evidence(steps(V=lambda i: -9.0 if i >= 193 else -1.0), 0.6, MNIST)),
        ("broken", "run away", Evidence(steps(cost_G=lambda i: 21.0 if i in (181, 199) else 2.0), 0.6, MNIST)),
        # what the run on faces did at step 851: one step, and back
        ("normal", "D is ahead", Evidence(steps(V=lambda i: -12.0 if i == 199 else -0.3), 0.6, MNIST)),
        ("normal", "Normal. D says", Evidence(steps(V=lambda i: -12.0 if 150 <= i < 153 else -0.9), 0.6, MNIST)),
        ("odd", "swings", Evidence(steps(V=lambda i: -0.8 + 0.7 * math.sin(i / 5)), 0.6, MNIST)),
        ("odd", "worse than", Evidence(steps(V=-2.0, D_real=0.4, D_fake=0.6), 0.6, MNIST)),
    ],
)
def test_the_diagnosis_says_what_the_run_shows(tone, words, evidence):
    verdict = diagnose(evidence)
    assert verdict.tone == tone, verdict
    assert words in " ".join(verdict.sentences)
    assert 1 <= len(verdict.sentences) <= 3


def test_reversals_and_spread():
    assert reversals(np.full(200, -1.0)) == 0
    assert reversals(np.linspace(-1.4, 0, 200)) <= 1
    x = torch.tensor([[0.0, 0.0], [3.0, 4.0]])
    assert spread(x) == 5
    assert spread(torch.ones(4, 3)) == 0
    assert math.isnan(spread(x[:1]))
    assert running_mean(np.arange(100.0), 0.1)[50] == pytest.approx(50)
