"""The recipes for faces and CIFAR-10: every number written out a second time, and their nets counted by hand."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import pytest
import torch

from ganlib import Recipe, load, named
from ganlib.nets import Convolution, Deconvolution, Layer
from ganlib.recipes import (
    CIFAR10_CONV,
    CIFAR10_FC,
    MNIST,
    PROFILES,
    PUBLISHED,
    RECIPES,
    SCALES,
    SECTION_7,
    TFD_1,
    TFD_2,
)

FOUR = pytest.mark.parametrize("recipe", [TFD_1, TFD_2, CIFAR10_FC, CIFAR10_CONV], ids=lambda recipe: recipe.name)

# -- every number, from the authors' hyperparameters and the paper -----------------------------------------------------


def dense(units, activation, irange, pieces=1, keep=1.0, bias="zero", sparse=0):
    return {
        "units": units,
        "activation": activation,
        "irange": irange,
        "pieces": pieces,
        "keep": keep,
        "bias": bias,
        "sparse": sparse,
    }


def maxout_D(units):
    """maxout units x 5 twice, sigmoid; irange .005; the input keeps .8, the input of every other layer .5."""
    return (
        dense(units, "maxout", 0.005, pieces=5, keep=0.8),
        dense(units, "maxout", 0.005, pieces=5, keep=0.5),
        dense(1, "sigmoid", 0.005, keep=0.5),
    )


def convolution(of, maps, kernel, padding, pool, stride, keep):
    return {
        "of": of,
        "maps": maps,
        "pieces": 2,
        "kernel": kernel,
        "padding": padding,
        "pool": pool,
        "stride": stride,
        "irange": 0.005,
        "keep": keep,
    }


COMMON = {
    "p_z": "normal",
    "z_dim": 100,
    "batch": 100,
    "k": 1,
    "update": "simultaneous",
    "generator_cost": "non-saturating",
    "lr_decay": 1.000004,
    "lr_min": 1e-6,
    "momentum_start": 0.5,
    "momentum_end": 0.7,
    "momentum_epochs": 250,
    "examples": 0,
    "n_samples": 10_000,
    "pixels": "unit",
    "max_norm": 0.0,
    "built_on": "",
}
TFD_STAGE_1_G = (
    dense(8000, "relu", 0.05),
    dense(8000, "sigmoid", 0.05, bias=-2.0),
    dense(2304, "sigmoid", 0.05, sparse=100, bias="marginal"),
)
PAPER = {
    "tfd-1": {
        **COMMON,
        "data": "tfd",
        "G": TFD_STAGE_1_G,
        "D": maxout_D(1200),
        "lr_D": 0.05,
        "lr_G": 0.05,
        "max_norm": 1.9365,
        "epochs": 50,
    },
    "tfd-2": {
        **COMMON,
        "data": "tfd",
        "G": (dense(8000, "relu", 0.05), dense(100, "sigmoid", 0.05, bias=-2.0), *TFD_STAGE_1_G),
        "D": maxout_D(1200),
        "lr_D": 0.05,
        "lr_G": 0.05,
        "max_norm": 1.9365,
        "epochs": 22,
        "built_on": "tfd-1",
    },
    "cifar10-fc": {
        **COMMON,
        "data": "cifar10",
        "pixels": "gcn",
        "G": (dense(8000, "relu", 0.05), dense(8000, "sigmoid", 0.05), dense(3072, "linear", 0.5)),
        "D": maxout_D(1600),
        "lr_D": 0.025,
        "lr_G": 0.025,
    },
    "cifar10-conv": {
        **COMMON,
        "data": "cifar10",
        "pixels": "gcn",
        "G": (
            dense(8000, "relu", 0.05),
            dense(8000, "sigmoid", 0.05),
            {"of": (80, 10, 10), "channels": 3, "kernel": 5, "stride": 3, "irange": 0.05},
        ),
        "D": (
            convolution((3, 32, 32), 32, kernel=8, padding=4, pool=4, stride=2, keep=0.8),
            convolution((32, 16, 16), 32, kernel=8, padding=3, pool=4, stride=2, keep=0.5),
            convolution((32, 7, 7), 192, kernel=5, padding=3, pool=2, stride=2, keep=0.5),
            dense(500, "maxout", 0.005, pieces=5, keep=0.5),
            dense(1, "sigmoid", 0.005, keep=0.5),
        ),
        "batch": 128,
        "lr_D": 0.004,
        "lr_G": 0.004,
    },
}


@FOUR
def test_every_number(recipe):
    """The published CIFAR-10 files have no stopping rule: those `epochs` alone are this project's."""
    own = {"name": recipe.name, "source": recipe.source}
    if recipe.data == "cifar10":
        own["epochs"] = recipe.epochs
        assert recipe.epochs >= 100
    assert recipe.to_dict() == own | PAPER[recipe.name]
    assert named(recipe.name) is recipe and recipe.at("paper") is recipe


def test_there_are_no_other_recipes_to_train():
    assert {recipe.name for recipe in PUBLISHED} == {"mnist", *PAPER}
    assert set(RECIPES) == {"mnist", *PAPER} | {recipe.name for recipe in SECTION_7}


@FOUR
def test_it_fits_the_data_it_names(recipe):
    from ganlib import datasets

    shape = datasets.picture_shape(recipe.data)
    assert recipe.G[-1].units == math.prod(shape)
    if recipe is CIFAR10_CONV:
        assert recipe.G[-1].shape == recipe.D[0].of == shape


# -- counted at full size, without the memory --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("recipe", "G", "D"),
    [
        (
            TFD_1,
            (100 + 1) * 8000 + (8000 + 1) * 8000 + (8000 + 1) * 2304,
            (2304 + 1) * 1200 * 5 + (1200 + 1) * 1200 * 5 + (1200 + 1),
        ),
        (
            TFD_2,
            (100 + 1) * 8000 + (8000 + 1) * 100 + (100 + 1) * 8000 + (8000 + 1) * 8000 + (8000 + 1) * 2304,
            (2304 + 1) * 1200 * 5 + (1200 + 1) * 1200 * 5 + (1200 + 1),
        ),
        (
            CIFAR10_FC,
            (100 + 1) * 8000 + (8000 + 1) * 8000 + (8000 + 1) * 3072,
            (3072 + 1) * 1600 * 5 + (1600 + 1) * 1600 * 5 + (1600 + 1),
        ),
        (
            CIFAR10_CONV,
            (100 + 1) * 8000 + (8000 + 1) * 8000 + 80 * 3 * 5 * 5 + 3 * 32 * 32,  # an untied bias: one a number
            (3 * 8 * 8 + 1) * 32 * 2  # tied biases: one a piece
            + (32 * 8 * 8 + 1) * 32 * 2
            + (32 * 5 * 5 + 1) * 192 * 2
            + (192 * 5 * 5 + 1) * 500 * 5
            + (500 + 1),
        ),
    ],
    ids=["tfd-1", "tfd-2", "cifar10-fc", "cifar10-conv"],
)
def test_the_counts_of_parameters_by_hand(recipe, G, D):
    assert recipe.sizes() == {"G": G, "D": D}
    assert (G, D) == {
        "tfd-1": (83_250_304, 21_037_201),
        "tfd-2": (84_858_404, 21_037_201),
        "cifar10-fc": (89_395_072, 37_393_601),
        "cifar10-conv": (64_825_072, 12_454_073),
    }[recipe.name]


SHAPES = {
    "tfd-1": (
        [(8000, 100), (8000,), (8000, 8000), (8000,), (2304, 8000), (2304,)],
        [(6000, 2304), (6000,), (6000, 1200), (6000,), (1, 1200), (1,)],
    ),
    "tfd-2": (
        [(8000, 100), (8000,), (100, 8000), (100,), (8000, 100), (8000,), (8000, 8000), (8000,), (2304, 8000), (2304,)],
        [(6000, 2304), (6000,), (6000, 1200), (6000,), (1, 1200), (1,)],
    ),
    "cifar10-fc": (
        [(8000, 100), (8000,), (8000, 8000), (8000,), (3072, 8000), (3072,)],
        [(8000, 3072), (8000,), (8000, 1600), (8000,), (1, 1600), (1,)],
    ),
    "cifar10-conv": (
        [(8000, 100), (8000,), (8000, 8000), (8000,), (80, 3, 5, 5), (3, 32, 32)],
        [(64, 3, 8, 8), (64,), (64, 32, 8, 8), (64,), (384, 32, 5, 5), (384,), (2500, 4800), (2500,), (1, 500), (1,)],
    ),
}


@FOUR
def test_the_shapes_of_parameters_and_pictures_at_full_size(recipe):
    """On the meta device, where a tensor is a shape alone: the pair is built, and G's pictures go through D."""
    d = recipe.G[-1].units
    with torch.device("meta"):
        G, D = recipe.networks(0, torch.full((d,), 0.5))
        z = torch.empty(recipe.batch, 100)
        assert G(z).shape == (recipe.batch, d)
        assert D(G(z)).shape == (recipe.batch,)
    assert all(p.is_meta for net in (G, D) for p in net.parameters())
    assert tuple([tuple(p.shape) for p in net.parameters()] for net in (G, D)) == SHAPES[recipe.name]


# -- as they start -----------------------------------------------------------------------------------------------------


def check_uniform(weight, irange):
    weight = weight.detach().flatten()
    assert weight.abs().max().item() <= irange
    assert weight.mean().abs().item() < 5 * irange / math.sqrt(3 * len(weight))
    assert weight.std().item() == pytest.approx(irange / math.sqrt(3), rel=4 / math.sqrt(len(weight)))


@FOUR
def test_the_nets_start_as_the_paper_says(recipe):
    """Scaled down. What is drawn how, and every bias: 0, -2, or the logit of the mean picture."""
    small = recipe.at("smoke")
    data = load("synthetic-faces" if recipe.data == "tfd" else "synthetic-cifar10")
    mean = data.mean()
    G, D = small.networks(0, mean)
    for net, layers in ((G, PAPER[recipe.name]["G"]), (D, PAPER[recipe.name]["D"])):
        for made, layer in zip(net.layers, layers, strict=True):
            weight, bias = made.parameters()
            if sparse := layer.get("sparse"):
                assert set((weight != 0).sum(1).tolist()) == {sparse}
                assert weight[weight != 0].std().item() == pytest.approx(1, abs=0.01)
            else:
                check_uniform(weight, layer["irange"])
            if layer.get("bias") == "marginal":
                expected = [math.log(p / (1 - p)) for p in mean.double().clamp(1e-7, 1 - 1e-7).tolist()]
                assert bias.tolist() == pytest.approx(expected, rel=1e-5)
            else:
                assert set(bias.flatten().tolist()) == {{"zero": 0.0}.get(layer.get("bias", "zero"), -2.0)}


# -- scaled down -------------------------------------------------------------------------------------------------------


NARROW = {
    ("tfd-1", "smoke"): ((200, 200, 2304), (30, 30, 1)),
    ("tfd-2", "smoke"): ((200, 100, 200, 200, 2304), (30, 30, 1)),
    ("cifar10-fc", "smoke"): ((200, 200, 3072), (40, 40, 1)),
    ("cifar10-conv", "smoke"): ((200, 200, 2), (2, 2, 12, 31, 1)),
    ("tfd-1", "quick"): ((1000, 1000, 2304), (150, 150, 1)),
    ("tfd-2", "quick"): ((1000, 100, 1000, 1000, 2304), (150, 150, 1)),
    ("cifar10-fc", "quick"): ((800, 800, 3072), (160, 160, 1)),
    ("cifar10-conv", "quick"): ((800, 800, 8), (8, 8, 48, 125, 1)),
}
"""Units; of a convolution the maps that it puts out, of a transposed one the maps that it reads."""


@pytest.mark.parametrize("scaled", ["quick", "smoke"])
@FOUR
def test_a_scaled_recipe_is_the_same_architecture_and_says_what_it_changed(recipe, scaled):
    """Kinds, activations, pieces, kernels, strides, dropout, z, momentum: all stay. Widths shrink.

    At "quick" the sums of a unit spread as in the wide net: irange grows by the root of the inputs that are gone. Two
    recipes start otherwise still, so that minutes are enough: G's output, and all of the convolutional D.
    """
    outputs = {CIFAR10_FC: 0.05, CIFAR10_CONV: 0.7} if scaled == "quick" else {}
    times_D = 4.0 if (recipe, scaled) == (CIFAR10_CONV, "quick") else 1.0
    small = recipe.at(scaled)
    assert set(SCALES) == set(PROFILES) - {"paper"} and set(SCALES[scaled]) == set(RECIPES)
    changed = [line.split(":")[0] for line in small.changes(recipe)]
    assert changed[:2] == ["G", "D"] and set(changed[2:]) <= {"epochs", "examples", "n_samples", "lr_D", "lr_G"}
    assert replace(small, **{name: getattr(recipe, name) for name in changed}) == recipe
    for layers, full, widths in zip((small.G, small.D), (recipe.G, recipe.D), NARROW[recipe.name, scaled]):
        for i, (layer, whole, width) in enumerate(zip(layers, full, widths, strict=True)):
            assert type(layer) is type(whole)
            spread = scaled == "quick" and i > 0 and not getattr(whole, "sparse", 0)
            fewer = full[i - 1].units / layers[i - 1].units if spread else 1.0
            irange = whole.irange * math.sqrt(fewer)
            if layers is small.D:
                irange *= times_D
            elif i == len(layers) - 1 and recipe in outputs:
                irange = outputs[recipe]
            assert layer.irange == pytest.approx(irange, rel=1e-12)
            below = layers[i - 1].shape if layers is small.D and 0 < i < 3 and hasattr(whole, "of") else None
            narrow = {
                Layer: {"units": width},
                Convolution: {"maps": width, **({"of": below} if below else {})},
                Deconvolution: {"of": (width, 10, 10)},
            }[type(whole)]
            assert layer == replace(whole, **narrow, irange=layer.irange)
    assert small.G[-1].units == recipe.G[-1].units and small.D[-1].units == 1
    assert 0 < small.epochs <= (2 if scaled == "smoke" else recipe.epochs)
    sizes = small.sizes()
    assert sizes["G"] < recipe.sizes()["G"] / 8 and sizes["D"] < recipe.sizes()["D"] / 8
    z = small.noise(3)
    G, D = small.networks(0, torch.full((recipe.G[-1].units,), 0.5))
    assert D(G(z)).shape == (3,)


def test_what_a_scaled_recipe_says():
    assert TFD_2.at("smoke").changes(TFD_2) == [
        "G: units 8000, 100, 8000, 8000, 2304 -> 200, 100, 200, 200, 2304",
        "D: units 1200, 1200, 1 -> 30, 30, 1",
        "epochs: 22 -> 2",
        "examples: 0 -> 1000",
        "n_samples: 10000 -> 200",
    ]
    assert CIFAR10_CONV.at("quick").changes(CIFAR10_CONV) == [
        "G: units 8000, 8000 -> 800, 800; irange 0.05, 0.05, 0.05 -> 0.05, 0.1581, 0.7; of (80, 10, 10) -> (8, 10, 10)",
        "D: of (3, 32, 32), (32, 16, 16), (32, 7, 7) -> (3, 32, 32), (8, 16, 16), (8, 7, 7); "
        "maps 32, 32, 192 -> 8, 8, 48; "
        "irange 0.005, 0.005, 0.005, 0.005, 0.005 -> 0.02, 0.04, 0.04, 0.04, 0.04; units 500, 1 -> 125, 1",
        "lr_D: 0.004 -> 0.008",
        "lr_G: 0.004 -> 0.06",
        "epochs: 250 -> 60",
    ]


def test_stacks_of_the_same_kinds_are_compared_number_by_number_others_said_in_full():
    first, *rest = CIFAR10_CONV.D
    kernel = replace(CIFAR10_CONV, D=(replace(first, kernel=7, padding=3), *rest))
    assert kernel.changes(kernel) == []
    assert kernel.changes(CIFAR10_CONV) == ["D: kernel 8, 8, 5 -> 7, 8, 5; padding 4, 3, 3 -> 3, 3, 3"]
    assert TFD_1.changes(MNIST)[4] == (
        "G: units 1200, 1200, 784 -> 8000, 8000, 2304; activation relu, relu, sigmoid -> relu, sigmoid, sigmoid; "
        "bias zero, zero, marginal -> zero, -2, marginal; sparse 0, 0, 0 -> 0, 0, 100"
    )
    old, new = CIFAR10_CONV.changes(CIFAR10_FC)[2].removeprefix("G: ").split(" -> ")
    assert old == ", ".join(map(str, CIFAR10_FC.G)) and new == ", ".join(map(str, CIFAR10_CONV.G))


def test_stage_2_says_how_it_differs_from_stage_1():
    assert [line.split(":")[0] for line in TFD_2.changes(TFD_1)] == ["name", "source", "G", "epochs", "built_on"]
    assert TFD_2.G[2:] == TFD_1.G and TFD_2.D == TFD_1.D
    assert TFD_2.G[1].units == TFD_1.z_dim, "what the new bottom puts out takes the place of stage 1's z"
    for profile in PROFILES:
        assert TFD_2.at(profile).G[2:] == TFD_1.at(profile).G


@FOUR
def test_it_survives_json(recipe):
    for variant in (recipe, recipe.at("quick"), replace(recipe, max_norm=2, pixels="gcn", k=2)):
        assert Recipe.from_dict(json.loads(json.dumps(variant.to_dict()))) == variant


@FOUR
def test_rates_and_momentum_by_hand(recipe):
    start = {"tfd-1": 0.05, "tfd-2": 0.05, "cifar10-fc": 0.025, "cifar10-conv": 0.004}[recipe.name]
    for player in "GD":
        assert recipe.lr(player, 0) == start
        assert recipe.lr(player, 100_000) == pytest.approx(start * math.exp(-100_000 * math.log1p(4e-6)), rel=1e-9)
    assert recipe.momentum(1) == 0.5 and recipe.momentum(250) == 0.7
    assert recipe.momentum(50) == pytest.approx(0.5 + 0.2 * 49 / 249)


def test_mnist_has_none_of_the_new_things():
    assert (MNIST.pixels, MNIST.max_norm, MNIST.built_on) == ("unit", 0.0, "")
    assert all(type(layer) is Layer and layer.sparse == 0 for layer in (*MNIST.G, *MNIST.D))
