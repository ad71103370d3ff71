"""The lessons of notebooks 02, 03 and 05: what they compute is right, and their demos draw whatever is set."""

from __future__ import annotations

import ast
import math
import re
from itertools import product
from pathlib import Path

import nbformat
import numpy as np
import pytest

from ganlib import theory
from ganlib.controls import Choice, Slider
from ganlib.densities import Gaussian, Mixture, log_pdf
from ganlib.errors import RecipeError
from ganlib.lessons import convergence, jensen_shannon, optimal_discriminator
from ganlib.studies import bugs

LOG_4 = math.log(4)


@pytest.fixture(autouse=True)
def _smoke(monkeypatch):
    monkeypatch.setenv("GANLIB_PROFILE", "smoke")


DEMOS = [
    optimal_discriminator.one_point,
    optimal_discriminator.two_densities,
    jensen_shannon.walk,
    jensen_shannon.three,
    jensen_shannon.pull,
    convergence.dirac,
]
GUESSES = [
    optimal_discriminator.guess_one_point,
    optimal_discriminator.guess_wider,
    optimal_discriminator.guess_few_samples,
    jensen_shannon.guess_jsd,
    jensen_shannon.guess_forgotten_hill,
    jensen_shannon.guess_far,
    convergence.guess_halved,
    convergence.guess_dirac,
    convergence.guess_best_response,
    convergence.guess_modes,
]


@pytest.mark.parametrize("make", DEMOS, ids=lambda make: make.__name__)
def test_a_demo_draws_at_the_ends_of_its_controls(make):
    demo = make()
    ends = {}
    for key, control in demo.engine.controls.items():
        if isinstance(control, Slider):
            ends[key] = (control.low, control.high)
        elif isinstance(control, Choice):
            ends[key] = tuple(control.options)
    for values in product(*ends.values()):
        demo.engine.set(**dict(zip(ends, values)))
        picture = demo.engine.complete()
        assert picture.words and "nan" not in picture.words and "inf" not in picture.words, (values, picture.words)
        assert all(np.isfinite(line.y).all() for panel in picture.panels for line in panel.lines), values
        for panel in picture.panels:
            held = [mark for mark in panel.marks if mark.moves]
            assert all(panel.y is None or panel.y[0] <= mark.y <= panel.y[1] for mark in held), (values, "out of reach")


def test_a_demo_does_not_open_on_the_answer_of_the_guess_above_it():
    assert "0.750" not in optimal_discriminator.one_point().engine.complete().words
    forward, backward, _ = (line.value for line in jensen_shannon.three().engine.complete().panels[1].lines)
    assert forward < backward


def test_the_axis_of_the_distance_holds_what_happens_and_little_more():
    demo = convergence.dirac()
    ranges = []
    for gamma in (0, 0.3):
        demo.engine.set(gamma=gamma)
        away = demo.engine.picture().panels[1]
        assert away.y[0] <= away.lines[0].y.min() and away.lines[0].y.max() <= away.y[1]
        ranges.append(away.y)
    assert ranges == [(-1, 1), (-5, 1)]


@pytest.mark.parametrize("make", GUESSES, ids=lambda make: make.__name__)
def test_a_guess_can_be_made_and_shown(make):
    guess = make()
    if guess.engine.panel is None:
        guess.pick(guess.engine.answer)
    else:
        truth = guess.engine.truth()
        assert np.isfinite(truth.y).all()
        low, high = guess.engine.panel.y
        assert low <= np.min(truth.y) and np.max(truth.y) <= high, "what happens stands outside the panel"
        guess.sketch = np.interp(np.linspace(*guess.engine.panel.x, len(guess.sketch)), truth.x, truth.y).tolist()
    guess.reveal()
    assert guess.engine.verdict()[0] and guess.engine.because


# -- notebook 02 ------------------------------------------------------------------------------------------------------


def test_no_factor_on_the_logit_beats_D_star():
    """V over the factors is largest at 1, where it is C(G), at every corner of the sliders."""
    means, widths = (-4, 4), (0.3, 3)
    for mean_data, width_data, mean_g, width_g in product(means, widths, means, widths):
        pair = Gaussian(mean_data, width_data), Gaussian(mean_g, width_g)
        V = optimal_discriminator.by_factor(*pair)
        assert V.max() == pytest.approx(theory.C(*pair), abs=1e-6)
        if pair[0] != pair[1]:
            assert optimal_discriminator.FACTORS[V.argmax()] == pytest.approx(1)


def test_disturbed_discriminators_are_worse():
    p_data, p_g = Gaussian(0, 1), Mixture((Gaussian(-1, 0.5), Gaussian(2, 1)))
    V = optimal_discriminator.disturbed(p_data, p_g, 300)
    assert V.shape == (300,) and (V < theory.C(p_data, p_g)).all() and len({*V.tolist()}) == 300


def test_a_D_that_saw_few_samples():
    """Better than any D on what it saw, worse on the densities; with fewer steps it is less so."""
    pair = Gaussian(0, 1), Gaussian(1, 1)
    full, early = (optimal_discriminator.fit_sample(*pair, n=20, steps=steps) for steps in (200, 3))
    assert full.seen > theory.C(*pair) > full.true and full.true < -LOG_4
    assert full.seen > early.seen and early.true > full.true
    assert full.true == pytest.approx(theory.V(full.logit, *pair, logit=True), abs=1e-12)


# -- notebook 03 ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", jensen_shannon.PAIRS)
def test_the_six_lines_are_equal(name):
    lines = jensen_shannon.derivation(*jensen_shannon.PAIRS[name])
    assert len(lines) == 6
    assert np.ptp(lines) < 1e-10 and abs(lines[0] - theory.C(*jensen_shannon.PAIRS[name])) < 1e-10


def test_the_table_of_lines_shows_one_number_a_column():
    table = jensen_shannon.table_of_lines()
    assert table.shape == (6, 5)
    for name in table:
        assert len({*table[name]}) == 1 and float(table[name].iloc[0]) < 0


@pytest.mark.parametrize("mu", [0.25, 1, 4, 8])
def test_both_gradients_in_two_ways(mu):
    (first, second), by_autograd = jensen_shannon.pulls(mu), jensen_shannon.pulls_by_autograd(mu)
    assert first + second == pytest.approx(mu, abs=1e-10)
    assert by_autograd == pytest.approx((first, second, first), abs=1e-10)


def test_the_land_is_lowest_at_the_data():
    means, widths = jensen_shannon.axes_of_the_land()
    C = jensen_shannon.C_over_the_land("one hill")
    assert C.shape == (len(widths), len(means))
    assert C[2, 1] == pytest.approx(theory.C(Gaussian(0, 1), Gaussian(means[1], widths[2])), abs=1e-6)
    row, column = np.unravel_index(C.argmin(), C.shape)
    assert (means[column], widths[row]) == (0, 1) and C.min() == pytest.approx(-LOG_4, abs=1e-8)
    assert jensen_shannon.C_over_the_land("two hills").min() > -LOG_4 + 0.1
    walk = jensen_shannon.walk().engine
    walk.set(mean=0, width=1)  # where rounding errors once made it -0.000
    assert walk.complete().words.endswith("0.000 above −log 4. The JSD, half of that, is 0.000 nats.")


def test_maximum_likelihood_takes_the_mean_and_the_variance_of_the_data():
    p_data = jensen_shannon.hills(3.5)
    best = jensen_shannon.best_gaussian("KL(p_data || p_g)", p_data)
    mean = theory.expectation(lambda x: x, p_data)
    assert best.mean == pytest.approx(mean, abs=1e-6)
    assert best.std**2 == pytest.approx(theory.expectation(lambda x: (x - mean) ** 2, p_data), abs=1e-6)
    assert jensen_shannon.best_gaussian("KL(p_g || p_data)", p_data).std < 0.6
    assert jensen_shannon.best_gaussian("JSD", p_data).std > 1.5


@pytest.mark.parametrize(
    "call, said",
    [
        (lambda: jensen_shannon.hills(5, left=2), "left is 2; it must be a finite number from 0 to 1"),
        (lambda: jensen_shannon.best_gaussian("KL", jensen_shannon.hills(3)), "called 'KL'; there are"),
        (lambda: jensen_shannon.best_gaussian("JSD", Gaussian(0, 1)), "p_data is"),
        (lambda: optimal_discriminator.fit_sample(Gaussian(0, 1), Gaussian(1, 1), n=0), "n is 0; it must be a whole"),
        (lambda: bugs.play(iterations=0), "iterations is 0; it must be a whole number from 1 to"),
    ],
)
def test_what_a_person_may_try_says_what_is_wrong(call, said):
    with pytest.raises(RecipeError, match=re.escape(said)):
        call()


# -- notebook 05 ------------------------------------------------------------------------------------------------------


def test_the_held_D_is_optimal_for_a_wide_p_g():
    x = np.linspace(-5, 5, 201)
    logit = log_pdf(Gaussian(0, 1), x) - log_pdf(Gaussian(0.8, 3), x)
    assert convergence.held_logit(x) == pytest.approx(logit, abs=1e-12)
    assert x[convergence.held_logit(x).argmax()] == pytest.approx(-0.1)


def test_G_alone_gathers_at_the_top_of_a_held_D():
    run = convergence.alone(0, steps=600)
    assert run.width[0] > 3 and run.width[-1] < 0.3
    assert run.quantiles[-1, 1] == pytest.approx(-0.1, abs=0.1)
    assert (run.V >= convergence.least_value()).all() and run.V[-1] < convergence.least_value() + 0.01


def test_the_rates_fall_in_the_last_third_only():
    games = convergence.ring_games()
    before = games.lr_D.numpy().copy(), games.lr_G.numpy().copy()
    convergence.let_rates_fall(games)
    for rate, was in zip((games.lr_D.numpy(), games.lr_G.numpy()), before):
        n = len(was) // 3
        assert (rate[:-n] == was[:-n]).all() and rate[-n:] == pytest.approx(0.2 * was[-n:])


def test_the_record_of_the_ring_says_what_the_notebook_says():
    """Seven of eight seeds learn the ring once the rates fall; seed 6 does not."""
    rows = convergence.record()
    assert len(rows) == 7
    last = rows.iloc[-1]
    modes = [int(n) for n in last.iloc[0].split()]
    assert [seed for seed, n in enumerate(modes) if n < 8] == [6]
    assert rows.index[-1] == ("0.03, 0.01, a fifth after 2,500", "8,000")


# -- notebook 03: its names, and its slides ----------------------------------------------------------------------------

NOTEBOOK_3 = nbformat.read(Path(__file__).parent.parent / "notebooks" / "03_jensen_shannon.ipynb", as_version=4)


def test_the_names_of_the_derivation_stay():
    """The exercises go on with x, w, a, b, P, Q, m, r and f: no later cell takes one of them for something else."""
    named = [
        {n.id for n in ast.walk(ast.parse(cell.source)) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
        if cell.cell_type == "code" and "%pip" not in cell.source
        else set()
        for cell in NOTEBOOK_3.cells
    ]
    end = next(i for i, names in enumerate(named) if "r" in names) + 1
    derivation = set().union(*named[:end])
    assert derivation >= {"p_data", "p_g", "D_star", "line_6", *"xwabPQmrf"}
    assert not {name for names in named[end:] for name in names & derivation}
