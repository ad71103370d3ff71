"""Measures of chains against processes whose answers are known, and a sum written out."""

from __future__ import annotations

import math
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from ganlib.baselines.model import Chain
from ganlib.errors import DataError
from ganlib.studies import chains


def ar_1(rho, n, c=20, d=3, seed=0, scale=(1.0, 2.0, 0.0)):
    """x_t = rho x_{t-1} + noise, stationary, each pixel with its own scale, around 5: (n, c, d)."""
    rng = np.random.default_rng(seed)
    x, out = rng.normal(size=(c, d)), np.empty((n, c, d))
    for t in range(n):
        out[t] = x
        x = rho * x + math.sqrt(1 - rho**2) * rng.normal(size=(c, d))
    return torch.from_numpy(5 + out * np.array(scale)).float()


@pytest.mark.parametrize("rho", [0.0, 0.9, -0.5])
def test_an_autoregression_has_the_powers_of_its_coefficient(rho):
    found = chains.autocorrelation(ar_1(rho, 4_000), longest=12)
    assert found == pytest.approx(rho ** np.arange(13.0), abs=0.03)
    assert chains.integrated_time(found) == pytest.approx(max((1 + rho) / (1 - rho), 1), rel=0.15 if rho < 0.5 else 0.5)


def test_the_time_of_an_autoregression_is_its_closed_form():
    rho = chains.autocorrelation(ar_1(0.9, 4_000), longest=500)
    assert chains.integrated_time(rho) == pytest.approx(1.9 / 0.1, rel=0.08)
    assert chains.integrated_time(0.9 ** np.arange(501.0)) == pytest.approx(19, rel=0.01)
    assert chains.integrated_time(0.9 ** np.arange(4.0)) == pytest.approx(1 + 2 * (0.9 + 0.81 + 0.729))  # cut off


@pytest.mark.parametrize("given", [False, True])
def test_the_autocorrelation_is_the_sum_written_out(given):
    x = ar_1(0.7, 30, c=2).double().numpy()
    mean = np.array([5.1, 4.8, 5.0]) if given else x.mean((0, 1))
    y = x - mean
    by_hand = [np.mean([(y[s, c] * y[s + t, c]).sum() for c in range(2) for s in range(30 - t)]) for t in range(16)]
    found = chains.autocorrelation(torch.from_numpy(x), torch.from_numpy(mean) if given else None)
    assert found == pytest.approx(np.array(by_hand) / by_hand[0], abs=1e-10)


def test_a_chain_that_stays_at_one_picture_does_not_seem_to_mix():
    x = ar_1(0.0, 400, c=1, scale=(0.1, 0.1, 0.1))
    assert chains.autocorrelation(x)[1:20].max() < 0.3  # around its own mean
    assert chains.autocorrelation(x, torch.zeros(3))[1:20].min() > 0.99
    two = torch.cat([x, x + 3], 1)
    assert chains.autocorrelation(two)[1:20].min() > 0.98, "two chains that never meet have one mean"


def test_steps_between_digits():
    assert chains.steps_between_digits(torch.tensor([1, 1, 1, 2, 2, 1, 1])) == 3
    assert chains.steps_between_digits(torch.tensor([[0, 3], [0, 4], [0, 5]])) == 2
    assert chains.steps_between_digits(torch.tensor([4, 4])) == math.inf
    rng = torch.Generator().manual_seed(0)
    independent = torch.randint(10, (20_000, 2), generator=rng)
    assert chains.steps_between_digits(independent) == pytest.approx(10 / 9, rel=0.01)


class Walk(Chain):
    """A chain of one pixel that goes round ten values, and counts its steps."""

    def __init__(self, **recipe):
        super().__init__(SimpleNamespace(**recipe), torch.zeros(1))
        self.steps, self.rows = 0, set()

    def walk(self, x, rng):
        while True:
            self.steps += 1
            self.rows.add(len(x))
            x = (x + 1) % 10
            yield x, x


def test_all_of_it_of_a_chain_that_goes_round():
    around = SimpleNamespace(probabilities=lambda x: torch.nn.functional.one_hot(x[:, 0].long() // 5, 2).float())
    found = chains.mixing(Walk().chain(1_000, start=torch.tensor([[0.0], [3.0]])), around)
    assert found.between == pytest.approx(5, rel=0.01) and found.seen == 2 and found.n == 2_000
    assert found.rho[10] == pytest.approx(1, abs=1e-2) and found.effective == found.n / found.time


def test_what_draws_cost_is_counted_from_the_recipe(monkeypatch):
    """A second for each time the clock is asked: three tries, the least is 1 s for 20 steps."""
    clock = iter(range(100))
    monkeypatch.setattr(chains.time, "perf_counter", lambda: float(next(clock)))
    walk = Walk(chains=100, burn_in=500, thin=10)
    assert chains.steps_for(walk.recipe) == 500 + 10 * 100
    assert chains.seconds_for(walk) == pytest.approx((500 + 10 * 100) / 20)
    assert walk.steps == 60 and walk.rows == {100}
    many = Walk(chains=2_000, burn_in=50, thin=1)  # a hundred of them are timed
    assert chains.seconds_for(many) == pytest.approx((50 + 5) / 20 * 20) and many.rows == {100}
    assert chains.steps_for(SimpleNamespace(chains=1, burn_in=0, thin=1)) == 10_000
    asked = []
    G = SimpleNamespace(samples=asked.append)
    assert chains.seconds_for(G) == pytest.approx(10_000 / 1_000) and asked == [1_000] * 3


def test_what_is_no_chain_is_refused():
    with pytest.raises(DataError, match=r"\(10, 3\)"):
        chains.autocorrelation(torch.rand(10, 3))
    with pytest.raises(DataError, match="never moves"):
        chains.autocorrelation(torch.ones(10, 1, 3))
    with pytest.raises(DataError, match="two draws"):
        chains.steps_between_digits(torch.tensor([1]))
