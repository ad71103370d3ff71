"""Every number of the MNIST recipe against the paper and the authors' published files, and what no recipe may hold."""

from __future__ import annotations

import json
import math
import re
from dataclasses import fields, replace
from pathlib import Path

import pytest
import torch

from ganlib import MNIST, Recipe, RecipeError, load, named, profile
from ganlib.nets import Layer, count_parameters
from ganlib.recipes import LATER, LIVE, PROFILES, RECIPES

# -- the numbers ------------------------------------------------------------------------------------------------------


def test_noise_of_a_seed_is_independent_of_the_weights_of_that_seed():
    """Both were once the same numbers, and samples that G had been made for."""
    G, _ = MNIST.networks(0, torch.full((784,), 0.5))
    z, W = MNIST.noise(1_200, 0) / 3**0.5, G.layers[0].linear.weight / 0.05  # both (1200, 100), in [-1, 1]
    assert torch.equal(MNIST.noise(3, 5), MNIST.noise(3, 5)) and not torch.equal(MNIST.noise(3, 5), MNIST.noise(3, 6))
    assert abs(torch.corrcoef(torch.stack([z.flatten(), W.flatten()]))[0, 1].item()) < 0.02


def dense(units, activation, irange, pieces, keep, bias):
    """A fully connected layer as plain values."""
    plain = {"units": units, "activation": activation, "irange": irange, "pieces": pieces}
    return plain | {"keep": keep, "bias": bias, "sparse": 0}


def test_every_number_of_mnist():
    """Against the authors' mnist.yaml and section 5 of the paper; `epochs` alone is this project's."""
    assert MNIST.to_dict() == {
        "name": "mnist",
        "source": MNIST.source,
        "data": "mnist",
        "p_z": "uniform",  # U(-sqrt 3, sqrt 3)
        "z_dim": 100,
        "G": (
            dense(1200, "relu", 0.05, pieces=1, keep=1.0, bias="zero"),
            dense(1200, "relu", 0.05, pieces=1, keep=1.0, bias="zero"),
            dense(784, "sigmoid", 0.05, pieces=1, keep=1.0, bias="marginal"),
        ),
        "D": (
            dense(240, "maxout", 0.005, pieces=5, keep=0.8, bias="zero"),
            dense(240, "maxout", 0.005, pieces=5, keep=0.5, bias="zero"),
            dense(1, "sigmoid", 0.005, pieces=1, keep=0.5, bias="zero"),
        ),
        "batch": 100,
        "k": 1,
        "update": "simultaneous",
        "generator_cost": "non-saturating",
        "lr_D": 0.1,
        "lr_G": 0.1,
        "lr_decay": 1.000004,
        "lr_min": 1e-6,
        "momentum_start": 0.5,
        "momentum_end": 0.7,
        "momentum_epochs": 250,
        "epochs": MNIST.epochs,
        "examples": 0,
        "n_samples": 10_000,
        "pixels": "unit",
        "max_norm": 0.0,
        "built_on": "",
    }
    assert MNIST.epochs >= 600


def test_the_counts_of_parameters_by_hand():
    G, D = MNIST.networks(0, torch.full((784,), 0.5))
    assert count_parameters(G) == (100 + 1) * 1200 + (1200 + 1) * 1200 + (1200 + 1) * 784 == 2_503_984
    assert count_parameters(D) == (784 + 1) * 240 * 5 + (240 + 1) * 240 * 5 + (240 + 1) == 1_231_441
    assert [tuple(p.shape) for p in D.parameters()] == [(1200, 784), (1200,), (1200, 240), (1200,), (1, 240), (1,)]


def test_the_nets_start_as_the_recipe_says():
    """All weights U(-irange, irange), all biases 0, but G's last: the logit of the clipped mean."""
    mean = load("mnist-5k").mean()
    G, D = MNIST.networks(0, mean)
    for net, irange in ((G, 0.05), (D, 0.005)):
        for layer in net.layers:
            weight = layer.linear.weight.detach().flatten()
            assert weight.abs().max().item() <= irange
            assert weight.mean().abs().item() < 5 * irange / math.sqrt(3 * len(weight))
            assert weight.std().item() == pytest.approx(irange / math.sqrt(3), rel=3 / math.sqrt(len(weight)))
            uniform = (weight.sort().values + irange) / (2 * irange)
            ladder = (torch.arange(len(weight)) + 0.5) / len(weight)
            assert (uniform - ladder).abs().max().item() < 2.5 / math.sqrt(len(weight))  # Kolmogorov and Smirnov
    biases = [layer.linear.bias for layer in (*G.layers, *D.layers)]
    expected = [math.log(p / (1 - p)) for p in mean.clamp(1e-7, 1 - 1e-7).tolist()]
    assert biases.pop(2).tolist() == pytest.approx(expected, rel=1e-5)
    assert all(bias.abs().max() == 0 for bias in biases)
    assert mean.min() == 0 and min(expected) == pytest.approx(-16.118, abs=0.001), "the clip is not exercised"


def test_G_starts_at_the_mean_picture_and_D_at_one_half():
    mean = load("mnist-5k").mean()
    G, D = MNIST.networks(0, mean)
    samples = MNIST.samples(G, 500)
    assert (samples.mean(0) - mean).abs().mean().item() < 0.02
    assert mean.abs().mean() > 0.1
    assert (D(samples) - 0.5).abs().max().item() < 0.01


def test_a_seed_decides_the_nets():
    mean = torch.full((784,), 0.5)
    one, two, other = (MNIST.at("smoke").networks(seed, mean)[0] for seed in (1, 1, 2))
    weights = [net.layers[0].linear.weight for net in (one, two, other)]
    assert torch.equal(weights[0], weights[1]) and not torch.equal(weights[0], weights[2])


def test_samples_depend_on_the_seed_alone():
    G, _ = MNIST.at("smoke").networks(0, torch.full((784,), 0.5))
    many = MNIST.samples(G, 2_500, seed=4)
    assert many.shape == (2_500, 784) and not many.requires_grad
    assert torch.equal(many, MNIST.samples(G, 2_500, seed=4))
    assert not torch.equal(many, MNIST.samples(G, 2_500, seed=5))
    assert torch.allclose(many, G(MNIST.noise(2_500, seed=4)), atol=1e-6)
    assert MNIST.noise(2_500, seed=4).abs().max() <= math.sqrt(3) + 1e-6


# -- schedules --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("t", "lr"),
    [
        (0, 0.1),
        (1, 0.1 / 1.000004),
        (500, 0.0998002),  # an epoch: exp(-0.002)
        (1_000_000, 0.00183158),  # exp(-4) of the start, but for 1 + 4e-6 against exp(4e-6)
        (2_878_000, 1.00054e-6),
        (2_879_000, 1e-6),
        (10**9, 1e-6),
        (10**12, 1e-6),
    ],
)
def test_the_rate_decays_to_its_floor(t, lr):
    for player in "DG":
        assert MNIST.lr(player, t) == pytest.approx(lr, rel=1e-3 if t > 500 else 1e-6)
    exact = math.exp(-1_000_000 * math.log1p(4e-6)) / 10
    assert MNIST.lr("D", 1_000_000) == pytest.approx(exact, rel=1e-9)


def test_the_two_rates_are_two():
    recipe = replace(MNIST, lr_D=0.2)
    assert (recipe.lr("D", 0), recipe.lr("G", 0)) == (0.2, 0.1)


@pytest.mark.parametrize(
    ("epoch", "mu"), [(1, 0.5), (2, 0.5 + 0.2 / 249), (125, 0.5 + 0.2 * 124 / 249), (250, 0.7), (251, 0.7), (700, 0.7)]
)
def test_momentum_rises_linearly_from_epoch_1_to_250(epoch, mu):
    assert MNIST.momentum(epoch) == pytest.approx(mu, abs=1e-15)


def test_momentum_over_a_single_epoch_does_not_divide_by_zero():
    assert replace(MNIST, momentum_epochs=1).momentum(1) == 0.5


# -- profiles, changes, the table -------------------------------------------------------------------------------------


def test_paper_is_the_recipe_itself_and_the_others_say_what_they_change():
    assert MNIST.at("paper") is MNIST
    assert MNIST.changes(MNIST) == []
    quick = MNIST.at("quick")
    assert quick.changes(MNIST) == [f"epochs: 700 -> {quick.epochs}"] and quick.epochs < 20
    smoke = MNIST.at("smoke")
    assert [line.split(":")[0] for line in smoke.changes(MNIST)] == ["G", "D", "epochs", "examples", "n_samples"]
    assert [layer.units for layer in (*smoke.G, *smoke.D)] == [120, 120, 784, 24, 24, 1]
    for scaled, full in zip((*smoke.G, *smoke.D), (*MNIST.G, *MNIST.D)):
        assert replace(scaled, units=full.units) == full
    assert smoke.changes(MNIST)[0] == "G: units 1200, 1200, 784 -> 120, 120, 784"
    assert smoke.at("smoke") == smoke
    other = replace(MNIST, G=(Layer(784, "sigmoid", 0.1),))
    assert other.changes(MNIST)[0].endswith("marginal bias) -> 784 sigmoid (U(-0.1, 0.1))")


def test_differences_are_the_numbers_of_changes_one_by_one():
    other = replace(MNIST, k=3, G=(*MNIST.G[:2], replace(MNIST.G[2], irange=0.1, bias="zero")))
    rows = [
        ("G", "irange", "0.05, 0.05, 0.05", "0.05, 0.05, 0.1"),
        ("G", "bias", "zero, zero, marginal", "zero, zero, zero"),
        ("k", "", "1", "3"),
    ]
    assert other.differences(MNIST) == rows
    assert other.changes(MNIST) == [
        "G: irange 0.05, 0.05, 0.05 -> 0.05, 0.05, 0.1; bias zero, zero, marginal -> zero, zero, zero",
        "k: 1 -> 3",
    ]


def test_scaling_keeps_what_a_variant_changed():
    variant = replace(MNIST, k=3, lr_D=0.2, generator_cost="minimax")
    assert variant.at("smoke").changes(MNIST.at("smoke")) == [
        "k: 1 -> 3",
        "generator_cost: non-saturating -> minimax",
        "lr_D: 0.1 -> 0.2",
    ]


def test_nets_of_your_own_are_not_put_away_silently():
    """`smoke` has narrow nets written out for the published ones; `quick` leaves MNIST's as they are."""
    for net in ("G", "D"):
        own = replace(MNIST, **{net: getattr(MNIST, net)[-1:]})
        assert getattr(own.at("quick"), net) == getattr(own, net)
        with pytest.raises(RecipeError, match=f"^this {net} is not that of the recipe 'mnist', and 'smoke' would repl"):
            own.at("smoke")


def test_an_unknown_profile_is_refused_and_a_recipe_without_scales_too():
    with pytest.raises(RecipeError, match="unknown profile 'huge'; use one of smoke, quick, paper"):
        MNIST.at("huge")
    with pytest.raises(RecipeError, match="^'quick' scales mnist, tfd-1, .*, and this is 'mine'$"):
        replace(MNIST, name="mine").at("quick")


@pytest.mark.parametrize(
    ("value", "expected"), [("paper", "paper"), ("", "quick"), (" smoke ", "smoke"), (None, "quick")]
)
def test_the_profile_of_the_environment(value, expected, monkeypatch):
    if value is None:
        monkeypatch.delenv("GANLIB_PROFILE")
    else:
        monkeypatch.setenv("GANLIB_PROFILE", value)
    assert profile() == expected and expected in PROFILES


@pytest.mark.parametrize("value", ["full", "SMOKE", "0"])
def test_a_bad_profile_in_the_environment_is_refused(value, monkeypatch):
    monkeypatch.setenv("GANLIB_PROFILE", value)
    with pytest.raises(RecipeError, match=f"GANLIB_PROFILE is '{value}'; use one of smoke, quick, paper"):
        profile()


def test_the_table_has_a_value_a_meaning_and_a_source_for_each_field():
    rows = MNIST.table()
    assert [row[0] for row in rows] == [item.name for item in fields(Recipe) if item.name not in LATER]
    assert {row[0] for row in named("mnist-labels").table()} == {row[0] for row in rows} | {
        "labels",
        "optimiser",
        "fall",
    }
    for name, value, meaning, key in rows:
        assert meaning and (value or name == "built_on"), "MNIST is built on no other recipe"
        assert key or name in ("name", "source")
    table = {row[0]: row[1:] for row in rows}
    assert table["D"][0].startswith("240 x 5 maxout (U(-0.005, 0.005); keeps 0.8 of its input), 240 x 5 maxout")
    assert table["G"][0].endswith("784 sigmoid (U(-0.05, 0.05); marginal bias)")
    assert table["epochs"][2] == "none", "ours, and said so"


def test_the_epochs_are_called_ours_where_the_authors_published_none():
    """Their rule stands in a file of another recipe, so no text may hand it to these; the numbers for TFD changed."""
    root = Path(__file__).parent.parent
    files = [
        *root.glob("*.md"),
        *root.glob("*/README.md"),
        *root.glob("ganlib/**/*.py"),
        *root.glob("notebooks/*.ipynb"),
    ]
    assert len(files) > 50
    for file in files:
        text = re.sub(r'[\s"\\]+', " ", file.read_text(encoding="utf-8"))  # over the ends of lines and of strings
        assert not re.search(r"epochs without|without (an )?improvement|100 epochs .{,40}better", text), file
    [meaning] = [row[2] for row in MNIST.table() if row[0] == "epochs"]
    for said in ("50 and 22", "from 10 June 2014 on", "53 and 25", "no stopping rule", "ours"):
        assert said in meaning


def test_a_recipe_survives_json():
    for recipe in (*RECIPES.values(), MNIST.at("smoke"), replace(MNIST, k=3, lr_D=0.02, update="alternating")):
        assert Recipe.from_dict(json.loads(json.dumps(recipe.to_dict()))) == recipe


@pytest.mark.parametrize(
    "plain",
    [
        {},
        None,
        [],
        3,
        {**MNIST.to_dict(), "learning_rate": 1},
        {key: value for key, value in MNIST.to_dict().items() if key != "k"},
        {**MNIST.to_dict(), "G": [{"units": 3}]},
        {**MNIST.to_dict(), "D": 3},
        {**MNIST.to_dict(), "k": 0},
    ],
)
def test_what_is_no_recipe_is_refused(plain):
    with pytest.raises(RecipeError):
        Recipe.from_dict(plain)


def test_recipes_are_found_by_name():
    assert named("mnist") is MNIST
    assert all(recipe.name == name for name, recipe in RECIPES.items())
    with pytest.raises(RecipeError, match=r"unknown recipe 'imagenet'; there are: .*mnist"):
        named("imagenet")


# -- what no recipe may hold ------------------------------------------------------------------------------------------

NAN, INF = float("nan"), float("inf")


@pytest.mark.parametrize(
    ("field", "values"),
    [
        ("k", [0, -1, 2.5, True, "1", None, NAN, 10**9]),
        ("batch", [0, -100, 10.0, False, 10**9]),
        ("z_dim", [0, 1.5, 10**9]),
        ("epochs", [0, -1, 0.5, None, 10**10]),
        ("momentum_epochs", [0, 2.5, 10**10]),
        ("n_samples", [0, 1, 10.5, 10**9]),
        ("examples", [-1, 0.5, None, 10**10]),
        ("block", [0, 10**9]),
        ("classes", [1, 10**9]),
        ("labels_seed", [-1, 2**63]),
        ("name", [3, None]),
        ("data", [3, None]),
        ("G", [(), [], None, 3, (3,), ("relu",)]),
        ("D", [(), None]),
        ("E", [None, (3,)]),
        ("condition", ["left", None, []]),
        ("lr_D", [0, 0.0, -0.1, NAN, INF, -INF, "0.1", None, True]),
        ("lr_G", [0, -1e-9, NAN, INF]),
        ("lr_min", [0, -1e-6, NAN]),
        ("lr_decay", [0.999, 0, -1, NAN, INF, "1", 10**9]),
        ("momentum_start", [1, 1.0, -0.1, NAN, INF, "0.5", None]),
        ("momentum_end", [1, 1.5, -0.1, NAN]),
        ("update", ["both", "Simultaneous", "", None]),
        ("generator_cost", ["saturating", "", None, 1]),
        ("p_z", ["gaussian", "", None]),
        ("pixels", ["zca", "", None, 1]),
        ("max_norm", [-1, -1e-9, NAN, INF, "1.9365", None, True]),
        ("built_on", [None, 3, True, ("mnist",)]),
    ],
)
def test_a_senseless_value_is_refused_by_its_field_and_itself(field, values):
    for value in values:
        with pytest.raises(RecipeError) as caught:
            replace(MNIST, **{field: value})
        assert str(caught.value).startswith(f"{field} is {value!r}; ")


@pytest.mark.parametrize("field", ["lr_D", "k", "update", "momentum_start"])
def test_a_recipe_is_frozen(field):
    with pytest.raises(AttributeError):
        setattr(MNIST, field, 1)


def test_the_edges_of_what_makes_sense():
    replace(MNIST, momentum_start=0, momentum_end=0, k=50, lr_decay=1, lr_D=1, n_samples=2, examples=0, epochs=1)
    assert set(LIVE) < {item.name for item in fields(Recipe)}
    assert Layer(1, "linear", 0).irange == 0


def test_a_number_too_long_to_print_is_refused_in_a_short_line():
    for field in ("k", "z_dim", "lr_D", "lr_decay", "max_norm", "momentum_start", "labels_seed"):
        with pytest.raises(RecipeError, match=f"^{field} is ") as caught:
            replace(MNIST, **{field: 10**5000})
        assert len(str(caught.value)) < 200


@pytest.mark.parametrize("field", ["units", "pieces", "irange", "bias", "noise", "sparse"])
def test_a_layer_without_bounds_is_refused(field):
    for value in (10**9, 10**400):
        with pytest.raises(RecipeError, match=field):
            Layer(**{"units": 3, "activation": "maxout", "irange": 0.1, field: value})


def test_a_net_that_no_memory_holds_is_refused_before_it_is_made():
    wide = Layer(1_000_000, "relu", 0.1)
    for recipe in (replace(MNIST, G=(wide, *MNIST.G)), replace(MNIST, D=(wide, wide, *MNIST.D))):
        with pytest.raises(RecipeError, match="a net would learn [0-9,]{13,} numbers, more than 268,435,456"):
            recipe.players(0, torch.full((784,), 0.5))
    assert sum(named("cifar10-fc").sizes().values()) > 10**8, "and the largest published one fits"


@pytest.mark.parametrize(
    ("n", "seed"), [(10**9, 0), (-1, 0), (1.5, 0), ("3", 0), (True, 0), (3, -1), (3, "x"), (3, None)]
)
def test_draws_without_bounds_or_by_no_seed_are_refused(n, seed):
    recipe = MNIST.at("smoke")
    G, _ = recipe.networks(0, torch.full((784,), 0.5))
    for draw in (lambda: recipe.samples(G, n, seed), lambda: recipe.noise(n, seed)):
        with pytest.raises(RecipeError, match="draw|must be a whole number"):
            draw()


@pytest.mark.parametrize(
    "plain", [{"G": "x" * 10**6}, {"G": [[[[]]]] * 10**5}, {"D": []}, {"G": None}, {"E": 3}, {3: 4}]
)
def test_what_is_no_recipe_is_refused_in_one_short_line(plain):
    with pytest.raises(RecipeError) as caught:
        Recipe.from_dict({**MNIST.to_dict(), **plain})
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 300
