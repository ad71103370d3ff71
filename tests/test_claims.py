"""The matrix of claims: verdicts on made-up results and on those of the package; its experiments on small cases."""

from __future__ import annotations

import copy
import functools
import json
import math

import numpy as np
import pytest
import torch

from ganlib import MNIST, game, load
from ganlib.baselines.rbm import RBM, RBMRecipe
from ganlib.errors import RecipeError
from ganlib.lessons import claims as lesson
from ganlib.nets import Generator
from ganlib.studies import claims
from ganlib.studies.claims import checks, digits, section_2, section_5, section_6, shipped, verdict
from ganlib.studies.claims.verdict import HOLDS, IN_PART, MISSING, NOT_HERE, UNTESTED, VERDICTS
from tools import make_claims

REAL = claims.results()


def changed(path: str, value: object) -> dict:
    """The results of the package with one number, "experiment/part/key/...", replaced."""
    r = copy.deepcopy(REAL)
    experiment, part, *keys, last = path.split("/")
    at = functools.reduce(lambda found, key: found[key], keys, r["claims"][experiment][part]["result"])
    at[last] = value
    return r


# -- the words ---------------------------------------------------------------------------------------------------------


def test_all_parts_some_or_none():
    assert (verdict.decide(True, True), verdict.decide(True, False), verdict.decide(False, False)) == (
        HOLDS,
        IN_PART,
        NOT_HERE,
    )


@pytest.mark.parametrize(
    ("shares", "word"), [((1, 1), HOLDS), ((1, 0.75), IN_PART), ((0.5, 0), IN_PART), ((0, 0), NOT_HERE)]
)
def test_a_number_of_the_toys_counts_where_every_seed_agrees(shares, word):
    judged = [
        {"quantity": "q", "mean": 2.0, "spread": 0.1, "threshold": 1.0, "above": True, "holds": share}
        for share in shares
    ]
    r = {"claims": {"toys": {"x": {"result": {"verdicts": judged}}}}}
    found = verdict.toys("x")(r)
    assert found.word == word
    assert "q: 2 ± 0.1 (above 1 is asked" in found.because
    assert verdict.toys("x", only=[0])(r).word == {1: HOLDS, 0.5: IN_PART, 0: NOT_HERE}[shares[0]]


def test_verdicts_that_differ_are_in_part_together():
    one, other = (lambda r, word=word: verdict.Verdict(word, word) for word in (HOLDS, NOT_HERE))
    assert verdict.both(one, one)({}).word == HOLDS
    assert verdict.both(one, other)({}) == (IN_PART, f"{HOLDS}; {NOT_HERE}")


def test_what_the_results_lack_is_said_and_is_no_verdict():
    for claim in claims.CLAIMS:
        found = claim.verdict({})
        assert found.word in (MISSING, UNTESTED)
        assert found.because


# -- each verdict turns when its numbers do ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("claim", "path", "value", "word"),
    [
        ("partition", "checks/partition/terms", [10, 20, 30, 40, 50], NOT_HERE),
        ("density", "checks/support/ranks", [784, 3], NOT_HERE),
        ("autoencoders", "checks/score matching/gradient", 0.1, IN_PART),
        ("gsn", "checks/independence/correlation", 0.5, IN_PART),
        ("feedback", "checks/feedback/rectifiers, rate 0.25/largest", [1.0] * 30, IN_PART),
        ("sole criterion", "variants/untrained G/log_likelihood", 250.0, NOT_HERE),
        ("discrete", "checks/discrete/rounded", 0.1, IN_PART),
        ("fooled", "checks/fooled/sure", 0.0, IN_PART),
        ("completion", "overfitting/50,000, seed 0/V_validation", [0.0] + [-1.0] * 99, NOT_HERE),
        ("anywhere", "variants/noise at every layer, seed 0/shares", [1.0, 0.0, 0.0], IN_PART),
        ("independent", "checks/independence/correlation", 0.5, NOT_HERE),
        ("memorised", "copies/shipped weights/average/seen_z", 5.0, IN_PART),
        ("memorised", "copies/shipped weights/noisy copies/copies", False, UNTESTED),
        ("inference", "checks/work/adversarial/inference", True, NOT_HERE),
        ("backprop", "checks/work/adversarial/chain", True, NOT_HERE),
        ("cheap", "checks/work/adversarial/update", 0.1, HOLDS),
        ("through D", "checks/through D/D held", 0.1, NOT_HERE),
        ("interpolation", "checks/interpolation/z", [0.1] * 4 + [0.99] * 5, NOT_HERE),
        ("ruler", "checks/ruler/blurred", 0.0, IN_PART),
    ],
)
def test_a_verdict_turns_with_its_numbers(claim, path, value, word):
    found = next(one for one in claims.CLAIMS if one.name == claim)
    assert found.verdict(REAL).word != word or word == IN_PART
    assert found.verdict(changed(path, value)).word == word


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: lesson.toy("nce"), "experiment .nce. is not there; use one of: .nce_signal."),
        (lambda: lesson.matrix("4"), "section .4. is not there; use one of: .2., .3., .5., .6."),
        (lambda: lesson.table_of_variants("recipe", "x"), "variant .x. is not there; use one of: .*.minimax cost."),
    ],
)
def test_a_name_that_is_not_there_is_said_with_those_that_are(call, said):
    with pytest.raises(RecipeError, match=said):
        call()


def test_variants_are_compared_seed_by_seed():
    def told(**frechet):
        parts = {
            f"{name}, seed {i}": {"average": {"frechet": v}} for name, vs in frechet.items() for i, v in enumerate(vs)
        }
        return {"claims": {"variants": {name: {"result": result} for name, result in parts.items()}}}

    judge = section_5.helps(["a"], ["b"], "a")
    assert judge(told(a=(1, 2), b=(3, 4))).word == HOLDS
    assert judge(told(a=(1, 5), b=(3, 4))).word == IN_PART
    assert judge(told(a=(5, 5), b=(3, 4))).word == NOT_HERE
    assert "1 of 1 pairs" in judge(told(a=(1,), b=(3, 4))).because


def table_of(**rows):
    """A results file of baselines with these rows: a model's name with "_means" is the row of its means."""
    plain = {"data": "mnist", "kind": "samples", "log_likelihood": 0.0, "frechet": 1.0, "nearer": 0.1}
    plain |= {"steps_between_digits": 50.0, "autocorrelation_time": 50.0, "standard_error": 2.0}
    found = []
    for name, row in rows.items():
        model, _, kind = name.partition("_")
        found.append(plain | {"model": model, "kind": kind or "samples"} | row)
    return {"baselines": {"rows": found, "n_chain": 2_000}}


def test_the_order_of_the_models_is_the_papers_as_far_as_it_goes():
    scores = {"gan": 212, "dbn": 10, "cae": 121, "gsn": 20, "dbn_means": 138, "cae_means": 121, "gsn_means": 214}
    made = {name: {"log_likelihood": score} for name, score in scores.items()}
    made["gan-average"] = made["gan"]
    assert section_5.the_order(table_of(**made)).word == IN_PART
    assert section_5.the_order(table_of(**made | {"gan": {"log_likelihood": 225}})).word == HOLDS
    assert section_5.the_order(table_of(**made | {"gan": {"log_likelihood": 100}})).word == NOT_HERE


def test_the_score_is_that_of_the_table_of_all_models_with_its_epochs():
    scores = {"gan": 212.15, "gan-average": 225.68}
    made = {
        name: {"log_likelihood": score, "standard_error": 2.2529, "epochs": 1000.0} for name, score in scores.items()
    }
    found = section_5.the_score(table_of(**made))
    assert found.word == IN_PART
    assert "after 1,000 epochs, nats: average 225.7 ± 2.3, last iterate 212.2 ± 2.3;" in found.because


def test_chains_that_stay_are_slow_and_one_that_faded_is_left_out():
    times = {"dbn": (50.0, 900.0), "cae": (None, 1_500.0), "gsn": (2.0, 4.0)}
    made = {f"{name}_means": {"steps_between_digits": n, "autocorrelation_time": t} for name, (n, t) in times.items()}
    found = section_2.mixing(table_of(**made))
    assert found.word == IN_PART
    assert found.because.endswith("left out, as its chain fades to an empty picture: stacked CAE")
    made["gsn_means"]["autocorrelation_time"] = 40.0
    assert section_2.mixing(table_of(**made)).word == HOLDS


def test_the_samples_of_others_may_be_nearer_or_better():
    names = ("gan", "vae", "dbn", "cae", "gsn")
    rows = {f"{name}{kind}": {"frechet": 10.0, "nearer": 0.5} for name in names for kind in ("", "_means")}
    assert section_5.competitive(table_of(**rows)).word == HOLDS
    assert section_5.competitive(table_of(**rows | {"gsn_means": {"frechet": 1.0}})).word == NOT_HERE
    assert section_5.competitive(table_of(**rows | {"vae": {"frechet": 1.0}})).word == NOT_HERE
    assert section_6.statistical(table_of(**rows)).word == NOT_HERE
    assert section_6.statistical(table_of(**rows | {"gan": {"nearer": 0.1}})).word == HOLDS


# -- the record and the results ----------------------------------------------------------------------------------------


def test_every_claim_is_in_our_words_once_and_says_what_was_done():
    assert len({claim.name for claim in claims.CLAIMS}) == len(claims.CLAIMS)
    assert {claim.section for claim in claims.CLAIMS} == set(claims.SECTIONS)
    for claim in claims.CLAIMS:
        assert claim.said.endswith((".", ".)", "(proceedings)."))
        assert claim.done.endswith((".", ".)"))


def test_every_verdict_of_the_package_is_one_of_four():
    """Four claims stand on the table of all models, and wait for its rows."""
    there = {
        (row["model"], row["kind"]) for row in REAL.get("baselines", {"rows": []})["rows"] if row["data"] == "mnist"
    }
    whole = {("gan", "samples"), *((name, "samples") for name in verdict.COMPARED), ("gsn", "means")} <= there
    waiting = set() if whole else {"mixing", "order", "competitive", "statistical"}
    assert {name for name, verdict in claims.verdicts_of().items() if verdict.word not in VERDICTS} <= waiting


def test_the_matrix_shows_every_claim_with_the_verdict_of_the_results():
    table = claims.matrix()
    assert list(table["the paper, in our words"]) == [claim.said for claim in claims.CLAIMS]
    assert list(table["verdict"]) == [claim.verdict(REAL).word for claim in claims.CLAIMS]
    parts = [claims.matrix(section) for section in claims.SECTIONS]
    assert sum(map(len, parts)) == len(table)


def test_the_file_holds_every_experiment_with_what_made_it():
    for name, parts in make_claims.EXPERIMENTS.items():
        for part, _ in parts():
            if part in REAL["claims"][name]:
                made = REAL["claims"][name][part]
                assert made["seconds"] >= 0
                assert made["made_by"]["commit"]


def test_the_tool_keeps_each_part_and_runs_only_what_is_missing(tmp_path, monkeypatch):
    ran = []

    def parts():
        for name in ("a", "b"):
            yield name, lambda name=name: ran.append(name) or {"x": 1.5}

    monkeypatch.setattr(make_claims, "RESULTS", tmp_path / "claims.json")
    monkeypatch.setattr(make_claims, "EXPERIMENTS", {"one": parts})
    make_claims.keep("one", "a", {"result": {"x": 0}})
    make_claims.main(["--only", "one"])
    assert ran == ["b"]
    told = json.loads((tmp_path / "claims.json").read_text())
    assert (told["one"]["a"]["result"], told["one"]["b"]["result"]) == ({"x": 0}, {"x": 1.5})
    make_claims.main(["--again"])
    assert ran == ["b", "a", "b"]


# -- noise at every layer ----------------------------------------------------------------------------------------------


def small_noisy() -> digits.NoisyRecipe:
    """A narrow recipe with noise at every layer."""
    return digits.NoisyRecipe.of(MNIST.at("smoke"))


def test_noise_joins_each_layer_and_nothing_else():
    """With all weights from the upper noise at 0 it is the recipe's G, and that noise makes no variance."""
    recipe = small_noisy()
    G, _ = recipe.networks(0, torch.full((784,), 0.5))
    plain = Generator(100, recipe.G, None, torch.full((784,), 0.5))
    with torch.no_grad():
        for layer, own in zip(G.layers, plain.layers):
            before = layer.linear.weight.shape[1] - G.part
            layer.linear.weight[:, before:] *= float(before == 0)
            own.linear.weight.copy_(layer.linear.weight[:, : before or G.part])
            own.linear.bias.copy_(layer.linear.bias)
    z = recipe.noise(50)
    assert torch.allclose(G(z), plain(z[:, :100]), atol=1e-6)
    assert digits.shares(G, 20, 10)[1:] == pytest.approx([0, 0], abs=1e-9)


def test_shares_of_a_sum_of_parts_are_those_of_their_variances():
    """One linear layer: x = W z with independent parts; here one part only, which makes all of the variance."""
    recipe = small_noisy()
    G, _ = recipe.networks(1, torch.full((784,), 0.5))
    found = digits.shares(G, 100, 30)
    assert all(0 < share < 1.2 for share in found)
    sheet = digits.redrawn(G, 2, 5)
    assert sheet.shape == (10, 784) and not torch.equal(sheet[0], sheet[1])


def test_D_alone_learns_by_heart_what_it_sees():
    """20 pictures: V on them rises above what it is on pictures that D does not see."""
    data, small = load("synthetic"), MNIST.at("smoke")
    G, _ = small.networks(0, data.mean())
    run = digits.D_alone(data, G, 20, small.D, steps=120, points=3)
    assert run["V_train"][0] == pytest.approx(-math.log(4), abs=0.01)
    assert run["V_train"][-1] > run["V_validation"][-1] + 0.01


# -- checks on small cases ---------------------------------------------------------------------------------------------


def test_the_data_reach_G_only_through_D():
    found = checks.through_D(MNIST.at("smoke"), m=20)
    assert found["D held"] == 0
    assert found["D moved by the data"] > 1e-4


def test_nothing_comes_back_through_rounded_numbers():
    found = checks.discrete()
    assert found["rounded"] == found["VAE, rounded"] == 0
    assert min(found["real"], found["VAE"]) > 0


def test_the_jacobian_is_autograds():
    G, _ = MNIST.at("smoke").networks(3, torch.full((784,), 0.5))
    G, z = G.double(), game.prior("uniform", 1, 100, torch.Generator().manual_seed(0), torch.float64)[0]
    expected = torch.autograd.functional.jacobian(lambda v: G(v[None])[0], z)
    with torch.no_grad():
        assert torch.allclose(shipped.jacobian(G, z), expected, atol=1e-12)


def test_products_are_counted_as_by_hand():
    """G of the recipe: 2 (100 x 1200 + 1200 x 1200 + 1200 x 784); an RBM's step: twice 2 x 784 x 1000."""
    with checks.counter() as counted:
        G, _ = MNIST.networks(0, torch.full((784,), 0.5))
        G.pictures(MNIST.noise(3))
    assert counted.get_total_flops() == 3 * 2 * (100 * 1200 + 1200 * 1200 + 1200 * 784)
    rbm, rng = RBM(RBMRecipe(hidden=10), torch.full((20,), 0.5), 0), torch.Generator().manual_seed(0)
    walk = rbm.walk(torch.zeros(7, 20), rng)
    with checks.counter() as counted:
        next(walk)
    assert counted.get_total_flops() == 7 * 2 * 2 * 20 * 10
    with checks.counter() as counted, torch.no_grad():
        rbm.W.addmm_(torch.rand(20, 7), torch.rand(7, 10))
    assert counted.get_total_flops() == 2 * 20 * 7 * 10


def test_a_denoising_autoencoder_matches_scores():
    found = checks.score_matching(m=5, d=4, hidden=3)
    assert max(found.values()) < 1e-12


def test_rectifiers_are_the_only_difference_in_the_loop():
    """With no noise and a negative drive a rectifier is silent where tanh is not."""
    recipe = checks.GSNRecipe(hidden=(5, 5), sigma=0.0)
    model = checks.RectifiedGSN(recipe, torch.full((4,), 0.5), 0)
    with torch.no_grad():
        model.b[1].fill_(-100.0)
        h = [torch.zeros(2, 4), torch.zeros(2, 5), torch.zeros(2, 5)]
        model.step(h, torch.Generator().manual_seed(0))
    assert float(h[1].abs().max()) == 0
    with torch.no_grad():
        model.b[1].fill_(50.0)
        model.step(h, torch.Generator().manual_seed(0))
    assert float(h[1].min()) > 10  # tanh would end at 1


def test_pictures_survive_their_packing():
    x = torch.randint(0, 256, (3, 784)).float() / 255
    assert torch.equal(digits.unpacked(digits.packed(x)), x)


# -- the lesson --------------------------------------------------------------------------------------------------------


def test_the_answers_of_the_guesses_are_what_the_results_say():
    words = claims.matrix()["verdict"]
    fifths = ("about one in five", "about two in five", "about three in five", "about four in five", "all of them")
    share = (fifths.index(lesson.guess_count().engine.answer) + 1) / 5
    assert abs(share - (words == HOLDS).mean()) <= 0.1
    few = verdict.part(REAL, "overfitting", "500, seed 0")
    assert few["V_validation"][-1] < -math.log(4) - 0.5  # it falls far below
    assert min(verdict.part(REAL, "variants", "noise at every layer, seed 0")["shares"]) > 0.1  # real use of it
    assert (verdict.seeds(REAL, "rectifiers, dropout", "average", "recall") < 0.01).all()  # hardly any variety
    plain, rectified = (verdict.seeds(REAL, name, "average", "frechet") for name in ("recipe", "rectifiers, dropout"))
    assert rectified.min() > 2 * plain.max()


def test_the_table_has_a_word_and_a_colour_for_each_verdict():
    html = lesson.matrix("5").to_html()
    for claim in claims.matrix("5")["verdict"].unique():
        assert claim in html and lesson.COLOURS[claim] in html
    assert '<a href="12_rest_of_table_1.ipynb">12</a>' in html
    white = np.array([1.0, 1.0, 1.0])
    for colour in lesson.COLOURS.values():
        rgb = np.array([int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)])
        assert contrast(white, rgb) > 4.5, colour


def contrast(a, b):
    """WCAG 2's contrast of two colours (3,) in [0, 1]."""
    linear = [
        np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4) @ [0.2126, 0.7152, 0.0722] for c in (a, b)
    ]
    return (max(linear) + 0.05) / (min(linear) + 0.05)
