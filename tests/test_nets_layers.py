"""Layers as plain data: shapes counted by hand and by brute force, refusals, and the way to JSON."""

from __future__ import annotations

import json
from dataclasses import asdict, replace

import pytest
import torch

from ganlib import RecipeError
from ganlib.nets import (
    Convolution,
    Convolve,
    Deconvolution,
    Dense,
    Discriminator,
    Generator,
    Layer,
    is_integer,
    is_plain,
    layer_from,
)
from ganlib.recipes import CIFAR10_CONV, MNIST, TFD_1, Recipe

CONVOLUTION = Convolution((3, 32, 32), 32, pieces=2, kernel=8, padding=4, pool=4, stride=2, irange=0.005, keep=0.8)
DECONVOLUTION = Deconvolution((80, 10, 10), channels=3, kernel=5, stride=3, irange=0.05)

# -- shapes -----------------------------------------------------------------------------------------------------------


def windows_that_cover(side, kernel, padding, pool, stride):
    """(the side after the convolution, the fewest windows that leave no element out), by trying."""
    convolved = sum(1 for start in range(-padding, side + padding) if start + kernel <= side + padding)
    starts = [0]
    while starts[-1] + pool < convolved:
        starts.append(starts[-1] + stride)
    return convolved, len(starts)


@pytest.mark.parametrize(
    ("layer", "convolved", "shape", "units"),
    [
        # 32 + 2 * 4 - 8 + 1 = 33; windows at 0, 2, ..., 30, the last over 30..33, of which 33 hangs over the edge
        (CIFAR10_CONV.D[0], 33, (32, 16, 16), 8_192),
        # 16 + 2 * 3 - 8 + 1 = 15; windows at 0, 2, ..., 12, the last over 12..15, of which 15 hangs over
        (CIFAR10_CONV.D[1], 15, (32, 7, 7), 1_568),
        # 7 + 2 * 3 - 5 + 1 = 9; windows at 0, 2, 4, 6, 8, the last over 8 and 9, of which 9 hangs over
        (CIFAR10_CONV.D[2], 9, (192, 5, 5), 4_800),
    ],
    ids=["first", "second", "third"],
)
def test_the_shapes_of_the_convolutional_D_by_hand(layer, convolved, shape, units):
    assert (layer.shape, layer.units) == (shape, units)
    side, left = layer.of[1], layer.shape[1]
    assert windows_that_cover(side, layer.kernel, layer.padding, layer.pool, layer.stride) == (convolved, left)


def test_the_shape_of_the_deconvolutional_G_by_hand():
    """10 places, 3 apart, each spread over 5: 9 * 3 + 5 = 32, with nothing to cut off."""
    assert (DECONVOLUTION.shape, DECONVOLUTION.units) == ((3, 32, 32), 3_072)
    assert CIFAR10_CONV.G[-1] == DECONVOLUTION
    assert CIFAR10_CONV.G[1].units == 8_000 == 80 * 10 * 10


@pytest.mark.parametrize("padding", [0, 1, 3])
@pytest.mark.parametrize(("pool", "stride"), [(1, 1), (2, 2), (3, 2), (4, 2), (4, 1), (3, 3)])
def test_shapes_are_those_of_brute_force_and_of_torch(pool, stride, padding):
    tried = 0
    for height, width, kernel in [(5, 5, 3), (9, 6, 2), (4, 11, 1), (7, 8, 4), (12, 5, 5), (10, 10, 6)]:
        if min(height, width) + 2 * padding - kernel + 1 < pool:
            continue
        layer = Convolution((2, height, width), 3, 2, kernel, padding, pool, stride, irange=0.1)
        sides = [windows_that_cover(side, kernel, padding, pool, stride)[1] for side in (height, width)]
        assert layer.shape == (3, *sides)
        h = torch.nn.functional.conv2d(
            torch.zeros(1, 2, height, width), torch.zeros(3, 2, kernel, kernel), padding=padding
        )
        pooled = torch.nn.functional.max_pool2d(h, pool, stride, ceil_mode=True)
        assert layer.shape == pooled.shape[1:]
        tried += 1
    assert tried >= 4


@pytest.mark.parametrize(("kernel", "stride"), [(5, 3), (1, 1), (2, 3), (4, 2)])
def test_shapes_of_transposed_convolutions_are_those_of_torch(kernel, stride):
    layer = Deconvolution((2, 3, 6), channels=4, kernel=kernel, stride=stride, irange=0.1)
    out = torch.nn.functional.conv_transpose2d(
        torch.zeros(1, 2, 3, 6), torch.zeros(2, 4, kernel, kernel), stride=stride
    )
    assert layer.shape == out.shape[1:]


# -- what no layer may hold -------------------------------------------------------------------------------------------

NAN, INF = float("nan"), float("inf")


@pytest.mark.parametrize("values", [(0, -1), (1.5, 2.0, NAN), (True, "3", None)], ids=["too small", "float", "other"])
@pytest.mark.parametrize(
    ("layer", "what", "counts"),
    [
        (Layer(3, "maxout", 0.1), "a layer", ("units", "pieces")),
        (CONVOLUTION, "a convolution", ("maps", "pieces", "kernel", "pool", "stride")),
        (DECONVOLUTION, "a transposed convolution", ("channels", "kernel", "stride")),
    ],
    ids=["layer", "convolution", "deconvolution"],
)
def test_what_is_counted_is_an_integer_of_at_least_one(layer, what, counts, values):
    for name in counts:
        for value in values:
            with pytest.raises(RecipeError) as caught:
                replace(layer, **{name: value})
            assert str(caught.value) == f"{what}'s {name} is {value!r}; it must be an integer >= 1"


@pytest.mark.parametrize("value", [-1, 0.5, True, "1", None], ids=str)
def test_padding_and_sparse_may_be_zero_but_no_less(value):
    with pytest.raises(RecipeError) as caught:
        replace(CONVOLUTION, padding=value)
    assert str(caught.value) == f"a convolution's padding is {value!r}; it must be an integer >= 0"
    with pytest.raises(RecipeError) as caught:
        Layer(3, "relu", 0.1, sparse=value)
    assert str(caught.value) == f"a layer's sparse is {value!r}; it must be an integer >= 0"
    assert replace(CONVOLUTION, padding=0).shape == (32, 12, 12)  # 25: windows at 0, 2, ..., 22 (22..25, 25 hangs)


@pytest.mark.parametrize(
    "of",
    [(), (3, 32), (3, 32, 32, 1), (0, 32, 32), (3, 32, -1), (3, 32.0, 32), (3, "32", 32), (True, 32, 32), 3072, None],
    ids=str,
)
def test_of_is_channels_height_width(of):
    for what, layer in (("a convolution", CONVOLUTION), ("a transposed convolution", DECONVOLUTION)):
        with pytest.raises(RecipeError) as caught:
            replace(layer, of=of)
        assert str(caught.value) == f"{what} is of {of!r}; it must be (channels, height, width), integers >= 1"


@pytest.mark.parametrize("irange", [-0.1, NAN, INF, "0.1", None, True], ids=str)
def test_irange_is_a_finite_number(irange):
    for layer in (Layer(3, "relu", 0.1), CONVOLUTION, DECONVOLUTION):
        with pytest.raises(RecipeError) as caught:
            replace(layer, irange=irange)
        assert str(caught.value) == f"irange is {irange!r}; it must be a finite number >= 0"


@pytest.mark.parametrize("keep", [0, -0.5, 1.01, NAN, "0.5", None, True], ids=str)
def test_keep_is_a_probability_above_zero(keep):
    for layer in (Layer(3, "relu", 0.1), CONVOLUTION):
        with pytest.raises(RecipeError) as caught:
            replace(layer, keep=keep)
        assert str(caught.value) == f"a layer keeps {keep!r} of its input; it must lie in (0, 1]"


@pytest.mark.parametrize("bias", ["one", "", None, NAN, INF, -INF, True, [0.0]], ids=str)
def test_bias_is_a_finite_number_or_one_of_three_words(bias):
    with pytest.raises(RecipeError) as caught:
        Layer(3, "relu", 0.1, bias=bias)
    assert str(caught.value) == f"unknown bias {bias!r}; use a number, or one of zero, marginal, irange"


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"stride": 5}, "a convolution pools 4 with stride 5: elements would be left out"),
        ({"of": (3, 32, 3), "padding": 2}, "a kernel of 8 does not fit into (3, 32, 3) with padding 2"),
        ({"of": (3, 3, 32), "padding": 2}, "a kernel of 8 does not fit into (3, 3, 32) with padding 2"),
        ({"of": (3, 32, 2), "padding": 4}, "a convolution pools 4 of what it leaves 3 of: pool at most that"),
    ],
    ids=["stride", "wide kernel", "high kernel", "pool"],
)
def test_a_convolution_that_cannot_be_is_refused(wrong, said):
    with pytest.raises(RecipeError) as caught:
        replace(CONVOLUTION, **wrong)
    assert str(caught.value) == said


def test_the_edges_of_what_fits():
    assert Convolution((1, 1, 1), 1, 1, kernel=1, padding=0, pool=1, stride=1, irange=0).shape == (1, 1, 1)
    assert replace(CONVOLUTION, of=(3, 32, 3), padding=4).shape == (32, 16, 1)  # 3 + 8 - 8 + 1 = 4: one window of 4
    assert replace(CONVOLUTION, stride=4).shape == (32, 9, 9)  # 33: windows at 0, 4, ..., 28 end at 31, so one more


def test_the_layers_of_a_net_must_fit_each_other():
    with pytest.raises(RecipeError, match=r"^a convolution reads \(3, 32, 32\), 3072 numbers; the layer below gives 7"):
        Discriminator(784, CIFAR10_CONV.D)
    with pytest.raises(RecipeError, match=r"^a convolution reads \(32, 16, 16\), 8192 numbers; .* below gives 4096$"):
        Discriminator(3_072, (replace(CONVOLUTION, maps=16), *CIFAR10_CONV.D[1:]))
    with pytest.raises(RecipeError, match=r"^a transposed convolution reads \(80, 10, 10\), 8000 numbers; .* 7999$"):
        Generator(10, (Layer(7_999, "relu", 0.1), DECONVOLUTION))
    with pytest.raises(
        RecipeError, match=r"^D must end in one sigmoid unit, or in a linear .*; it ends in 32 x 2 maxout maps"
    ):
        Discriminator(3_072, (CONVOLUTION,))


# -- in words ---------------------------------------------------------------------------------------------------------


def test_a_layer_in_words():
    assert str(TFD_1.G[1]) == "8000 sigmoid (U(-0.05, 0.05); bias -2)"
    assert str(TFD_1.G[2]) == "2304 sigmoid (100 weights N(0, 1), rest 0; marginal bias)"
    assert str(CIFAR10_CONV.D[0]) == (
        "32 x 2 maxout maps, 8 x 8 on (3, 32, 32) (U(-0.005, 0.005); keeps 0.8 of its input; padding 4; pool 4 / 2)"
    )
    assert str(DECONVOLUTION) == "80 maps of 10 x 10 by 5 x 5 stride 3 to (3, 32, 32) linear (U(-0.05, 0.05))"
    assert str(MNIST.D[0]) == "240 x 5 maxout (U(-0.005, 0.005); keeps 0.8 of its input)"


# -- plain data -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "layer",
    [Layer(3, "relu", 0.1), TFD_1.G[2], Layer(4, "sigmoid", 0.5, bias=-2.0), MNIST.D[0], CONVOLUTION, DECONVOLUTION],
    ids=["relu", "sparse", "number as bias", "maxout", "convolution", "deconvolution"],
)
def test_a_layer_survives_json(layer):
    again = layer_from(json.loads(json.dumps(asdict(layer))))
    assert again == layer and type(again) is type(layer) and hash(again) == hash(layer)


@pytest.mark.parametrize(
    "plain",
    [{}, {"units": 3}, {"maps": 3}, {"channels": 3}, {**asdict(CONVOLUTION), "units": 3}, {"layer": 1}],
    ids=["nothing", "units", "maps", "channels", "one too many", "another"],
)
def test_what_is_no_layer_is_a_type_error(plain):
    with pytest.raises(TypeError):
        layer_from(plain)


def test_recipe_files_of_before_still_load():
    """They were written before layers could be sparse, pictures normalised, or one recipe built on another."""
    plain = MNIST.to_dict()
    for later in ("pixels", "max_norm", "built_on"):
        del plain[later]
    for layer in (*plain["G"], *plain["D"]):
        del layer["sparse"]
    assert Recipe.from_dict(plain) == MNIST


def test_is_plain():
    assert all(map(is_plain, (0, -1.5, INF, NAN)))
    assert not any(map(is_plain, (True, "1", None, 1j, [1])))
    assert is_integer(0) and not any(map(is_integer, (True, 1.0, "1", None, NAN)))


def test_parameters_lie_where_new_tensors_lie(monkeypatch):
    """Also in torch 2.6, whose `get_default_device` does not see `with torch.device(...)`."""
    monkeypatch.setattr(torch, "get_default_device", lambda: torch.device("cpu"))
    with torch.device("meta"):
        nets = Dense(3, Layer(2, "sigmoid", irange=0.1)), Convolve(3072, CONVOLUTION)
    assert all(p.is_meta for net in nets for p in net.parameters())
    assert not any(p.is_meta for p in Dense(3, Layer(2, "sigmoid", irange=0.1)).parameters())
