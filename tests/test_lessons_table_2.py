"""Notebook 13: its small experiments against enumeration, quadrature, autograd and closed forms, and its table."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from scipy.stats import norm

from ganlib import pretrained
from ganlib.baselines import RECIPES
from ganlib.baselines.dbm import DBMRecipe
from ganlib.errors import RecipeError
from ganlib.lessons import table_2 as lesson
from ganlib.studies import likelihood
from ganlib.studies import table_2 as study

pytestmark = pytest.mark.usefixtures("one_thread")


def random_dbm(seed=0):
    """One of 12, 3 and 2 units with biases of its own."""
    dbm, rng = study.random_dbm(DBMRecipe(hidden=(3, 2))), torch.Generator().manual_seed(seed)
    for bias in (dbm.b, dbm.c1, dbm.c2):
        bias.copy_(torch.randn(bias.shape, generator=rng))
    return dbm


# -- training ----------------------------------------------------------------------------------------------------------


def test_bars_and_stripes_are_all_of_them_once():
    x = study.bars_and_stripes().reshape(-1, 3, 4)
    assert len(x) == 2**3 + 2**4 - 2 == len(x.flatten(1).unique(dim=0))
    bars = (x == x[:, :1]).flatten(1).all(1)  # every row is the first one
    stripes = (x == x[:, :, :1]).flatten(1).all(1)
    assert (bars | stripes).all() and (bars & stripes).sum() == 2


def test_the_exact_step_goes_up_the_gradient_of_the_likelihood():
    x = study.bars_and_stripes()
    rbm = replace(RECIPES["rbm"], hidden=5, lr=1.0).start(x.mean(0), 3)
    before = [p.detach().clone() for p in (rbm.W, rbm.b, rbm.c)]
    for p in (rbm.W, rbm.b, rbm.c):
        p.requires_grad_()
    gradients = torch.autograd.grad(likelihood.log_p(rbm, x).mean(), (rbm.W, rbm.b, rbm.c))
    study.learn_exactly(rbm.requires_grad_(False), x)
    for p, old, gradient in zip((rbm.W, rbm.b, rbm.c), before, gradients):
        assert torch.allclose(p - old, gradient, atol=1e-5)


def test_the_linear_models_bound_is_exact_with_its_posterior():
    C = torch.tensor([[2.0, 0.7], [0.7, 1.0]], dtype=torch.float64)
    model = study.Linear(torch.tensor([0.8, -0.3], dtype=torch.float64), torch.tensor(0.6, dtype=torch.float64), C)
    S, a, log_t = model.covariance, *model.posterior()
    log_p = -(2 * math.log(2 * math.pi) + S.logdet() + torch.trace(torch.linalg.solve(S, C))) / 2
    assert model.bound(a, log_t).item() == pytest.approx(log_p.item(), abs=1e-12)
    assert model.bound(a + 0.1, log_t) < log_p and model.bound(a, log_t + 0.1) < log_p
    entropy = (2 + 2 * math.log(2 * math.pi) + C.logdet()) / 2
    assert model.lost.item() == pytest.approx((-entropy - log_p).item(), abs=1e-12)


def test_without_inference_the_cause_is_given_up():
    lost, model = study.train_linear("held", 150)
    assert model.w.abs().max() < 1e-3
    values = torch.linalg.eigvalsh(model.C)
    assert lost[-1] == pytest.approx((2 * values.mean().log() - values.log().sum()).item() / 2, abs=1e-3)  # round noise


def test_a_reconstruction_without_noise_is_a_plain_pass():
    x = (torch.rand(6, 12, generator=torch.Generator().manual_seed(0)) > 0.5).float()
    model = replace(RECIPES["gsn"], hidden=(4,), act="sigmoid", sigma=0.0, corruption=0.0).start(x.mean(0), 0)
    W, p = model.W[0], ((x @ model.W[0]).sigmoid() @ model.W[0].T).sigmoid()
    assert W.shape == (12, 4)
    expected = -(x * p.log() + (1 - x) * (1 - p).log()).sum(1).mean()
    assert study.reconstruction(model, x) == pytest.approx(expected.item(), rel=1e-5)


def test_alone_G_throws_all_on_one_place():
    (before, after), toys = study.helvetica()
    assert study.width(before) > 3 and study.width(after) < 0.1
    assert toys.step == 900


# -- inference ---------------------------------------------------------------------------------------------------------


def test_the_likelihood_of_a_deep_machine_is_that_of_its_energy():
    dbm = random_dbm()
    v, h1, h2 = (study.every_picture(n) for n in (12, 3, 2))
    log_star = torch.stack(
        [v @ dbm.W1 @ a + (a @ dbm.W2 @ b) + v @ dbm.b + a @ dbm.c1 + b @ dbm.c2 for a, b in itertools.product(h1, h2)]
    ).logsumexp(0)
    assert torch.allclose(study.dbm_log_likelihood(dbm, v), log_star - log_star.logsumexp(0), atol=1e-4)


def test_a_search_for_z_gives_the_best_of_its_starts():
    trained = pretrained("mnist")
    x = trained.samples(3, seed=5)
    errors, best = study.invert(trained, x, 10, starts=3)
    assert len(errors) == 11 and errors[-1] < 0.8 * errors[0]
    assert (best - x).square().sum(1).mean().item() == pytest.approx(errors[-1], rel=1e-5)


def test_known_pixels_are_held_while_the_chain_fills_in_the_rest():
    x = torch.rand(4, 12, generator=torch.Generator().manual_seed(0))
    model, known = RECIPES["gsn"].start(x.mean(0), 0), torch.arange(12) < 6
    filled = study.complete(model, x, known, 5)
    assert filled.shape == (5, 4, 12) and (filled[:, :, known] == x[:, known]).all()
    assert (filled[-1][:, ~known] != x[:, ~known]).all()


# -- design ------------------------------------------------------------------------------------------------------------


def test_a_fold_is_known_in_closed_form_and_costs_log_2():
    fold = study.Fold(x=1.0, s=0.2)
    S = 1 + fold.s**2
    exact = math.log(2) + norm.logpdf(fold.x, scale=S**0.5) + norm.logcdf(fold.x / (fold.s * S**0.5))
    assert fold.log_p == pytest.approx(exact, abs=1e-9)
    assert fold.best()[2] == pytest.approx(math.log(2), abs=1e-4)
    mu, _, lost = study.Fold(x=0.05, s=0.2).best()
    assert mu < 0.01 and lost < 0.05


def test_drawing_by_layers_is_right_only_without_a_weight_within_one():
    assert study.a_weight_within(0) < 0.02 < 0.1 < study.a_weight_within(4)


def test_a_piece_without_a_gradient_does_not_train_and_a_fold_does():
    steps, fold = (study.play(study.net_of(name, 0), 150) for name in ("steps at the output", "fold |a|"))
    assert steps[1] == steps[0] and fold[1] < fold[0] - 0.02
    stuck, learnt = (study.autoencode(study.net_of(name, 0, 12, 12), 100) for name in ("steps at the output", "maxout"))
    assert stuck[1] > 0.9 * stuck[0] and learnt[1] < stuck[1] / 4


def test_the_density_of_a_straight_G_is_even():
    p = study.density_of(torch.nn.Identity())
    assert np.allclose(p.pdf([-1.0, 0.0, 1.5]), 1 / (2 * 3**0.5), rtol=1e-3) and p.pdf([1.8]).item() == 0


# -- the lesson --------------------------------------------------------------------------------------------------------


def test_the_density_of_a_linear_G_is_its_integral_over_z():
    rng = torch.Generator().manual_seed(0)
    linear = lesson.LinearG(torch.randn(4, generator=rng), torch.randn(1, 4, generator=rng))
    x, z = torch.randn(3, 4, generator=rng), torch.linspace(-9, 9, 20_001, dtype=torch.float64)[:, None]
    far = (x.double()[:, None] - (linear.mean + z @ linear.W.double())).square().sum(-1)
    log_joint = -far / (2 * 0.3**2) - 4 * math.log(0.3 * (2 * math.pi) ** 0.5) - z[:, 0] ** 2 / 2
    log_p = log_joint.logsumexp(1) + math.log(18 / 20_000) - math.log(2 * math.pi) / 2
    assert torch.allclose(linear.log_p(x, 0.3), log_p, atol=1e-5)


def test_multiplications_are_those_of_the_products():
    mean = torch.full((12,), 0.5)
    vae = replace(RECIPES["vae"], hidden=(7, 5), z_dim=3).start(mean, 0)
    assert lesson.multiply_adds(vae) == pytest.approx((3 * 5 + 5 * 7 + 7 * 12) / 1e6)
    rbm = replace(RECIPES["rbm"], hidden=6).start(mean, 0)
    assert lesson.multiply_adds(rbm) == pytest.approx(2 * 12 * 6 / 1e6)


def test_the_table_has_twenty_cells_and_says_what_was_found():
    assert list(lesson.PAPER) == list(lesson.ROWS) and {len(row) for row in lesson.PAPER.values()} == {4}
    assert len(lesson.missing({})) == 20
    found = {("sampling", "adversarial"): "one pass"}
    table = lesson.the_table(found)
    assert "No difficulty." in table.data.loc[2, "adversarial models"]
    assert [cell.endswith("one pass") for cell in table.data.to_numpy().ravel()].count(True) == 1
    assert ("sampling", "adversarial") not in lesson.missing(found)


def test_what_is_said_of_the_recorded_rulers_is_in_the_record():
    told, said = lesson.record(), lesson.says_rulers()
    assert len(told["ais"]) == len(told["parzen"]) and len(told["samples_lower"]) == len(told["samples_upper"])
    for name in ("ais", "parzen"):
        assert f"{np.mean(told[name]):.0f}" in said


def test_what_a_chain_costs_at_least_is_said_to_be_at_least(monkeypatch):
    monkeypatch.setenv("GANLIB_PROFILE", "smoke")
    d = 16
    data = SimpleNamespace(test=(255 * torch.eye(d)).to(torch.uint8), train=torch.zeros(20, d, dtype=torch.uint8))
    rbm = replace(RECIPES["rbm"], hidden=3).start(torch.full((d,), 0.5), 0)
    G = SimpleNamespace(samples=lambda n: torch.rand(n, 4) @ torch.rand(4, d))
    monkeypatch.setattr(lesson.draws, "multiply_adds", lambda model: 2.0)
    for known, least in ((1.0, ""), (40.0, "≥ ")):
        monkeypatch.setattr(lesson.draws.chains, "integrated_time", lambda rho, known=known: known)
        table = lesson.sampling({"RBM": rbm, "G": G}, data)
        steps, _, cost, ms = table.set_index("model").loc["RBM"]
        assert steps == f"{least}{known:.0f}" and cost.startswith(least) and ms.startswith(least)
        assert "≥" not in "".join(map(str, table.iloc[1]))
    assert lesson.says_sampling(table, "RBM").startswith("RBM: ≥ 40 steps of its chain for a fresh draw, ≥ ")


def test_numbers_that_make_no_sense_are_named():
    for call in (lambda: study.learning_curves(0), lambda: study.complete(None, None, None, 0)):
        with pytest.raises(RecipeError, match="it must be"):
            call()
    with pytest.raises(RecipeError, match="Fold's s is 0; it must be a finite number above 0"):
        study.Fold(x=1.0, s=0)


def test_what_is_found_is_shown_as_text_and_no_line_of_code(monkeypatch):
    shown = []
    monkeypatch.setattr(lesson.table, "display", shown.append)
    lesson.say("-1 nat", "more")
    assert [one.data for one in shown] == ["−1 nat", "more"]
