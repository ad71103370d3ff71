"""The nets: maxout, dropout, marginal bias and initial weights, each against its definition."""

from __future__ import annotations

import math
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch.autograd import gradcheck

from benchmarks.memory import UNKNOWN, peak
from ganlib import RecipeError
from ganlib.nets import (
    Affine,
    Convolution,
    Convolve,
    Deconvolution,
    Deconvolve,
    Dense,
    Discriminator,
    Generator,
    Layer,
    count_parameters,
    fixed,
    limit,
    marginal_bias,
    mask,
)
from tests import plain

ROOT = Path(__file__).resolve().parent.parent


def rng(seed=0):
    return torch.Generator().manual_seed(seed)


def draw(*shape, seed=0):
    return torch.randn(*shape, generator=rng(seed), dtype=torch.float64)


# -- maxout -----------------------------------------------------------------------------------------------------------


def test_maxout_takes_the_largest_of_adjacent_pieces():
    """With the identity as weights unit 0 sees inputs 0, 1, 2 and unit 1 sees 3, 4, 5."""
    layer = Dense(6, Layer(2, "maxout", 0.1, pieces=3), rng())
    with torch.no_grad():
        layer.linear.weight.copy_(torch.eye(6))
    x = torch.tensor([[1.0, 5.0, 2.0, -7.0, -3.0, -9.0]])
    assert layer(x).tolist() == [[5, -3]]


def test_maxout_has_no_implicit_zero():
    layer = Dense(3, Layer(4, "maxout", 0.1, pieces=5), rng())
    with torch.no_grad():
        layer.linear.bias.fill_(-100)
    assert (layer(torch.rand(10, 3, generator=rng(1))) < -90).all()


@pytest.mark.parametrize("pieces", [1, 2, 5])
def test_maxout_equals_its_definition(pieces):
    layer = Dense(7, Layer(4, "maxout", 0.5, pieces=pieces), rng()).double()
    x, W, b = draw(6, 7), layer.linear.weight, layer.linear.bias
    for i in range(6):
        for u in range(4):
            rows = range(u * pieces, (u + 1) * pieces)
            assert layer(x)[i, u].item() == pytest.approx(max((W[r] @ x[i] + b[r]).item() for r in rows), abs=1e-14)


@pytest.mark.parametrize(("activation", "f"), [("relu", lambda h: max(h, 0)), ("linear", lambda h: h)])
def test_the_other_activations(activation, f):
    layer = Dense(3, Layer(5, activation, 1.0), rng()).double()
    h = draw(4, 3) @ layer.linear.weight.T
    assert layer(draw(4, 3)).flatten().tolist() == pytest.approx([f(v) for v in h.flatten().tolist()], abs=1e-14)


@pytest.mark.parametrize("pieces", [1, 3])
@pytest.mark.parametrize("dropped", [True, False])
def test_the_gradient_written_out_is_that_of_autograd(pieces, dropped):
    """Also where pieces are equally large: of an example that dropout leaves nothing of, all of them are their bias."""
    x, W, b = (
        draw(*shape, seed=i).requires_grad_() for i, shape in enumerate([(9, 4), (2 * pieces, 4), (2 * pieces,)])
    )
    kept = mask((9, 4), 0.5, rng(), torch.float64) if dropped else None
    with torch.no_grad():
        b.fill_(0.5)
        if dropped:
            kept[0] = 0
    h = (x if kept is None else x * kept) @ W.T + b
    expected = h.reshape(9, 2, pieces).max(-1).values
    found = Affine.apply(x, W, b, kept, pieces)
    assert (found - expected).abs().max().item() < 1e-14
    weighted = draw(9, 2, seed=7)
    gradients = (torch.autograd.grad((weighted * h).sum(), (x, W, b)) for h in (found, expected))
    for own, plain_one in zip(*gradients, strict=True):
        assert (own - plain_one).abs().max().item() < 1e-13


def test_a_fixed_net_passes_gradients_on_and_takes_none():
    D, x = Discriminator(4, (Layer(3, "maxout", 0.5, pieces=2), Layer(1, "sigmoid", 0.5)), rng()).double(), draw(5, 4)
    free, held = (x.clone().requires_grad_() for _ in range(2))
    D.logit(free).sum().backward()
    D.zero_grad(set_to_none=True)
    with fixed(D):
        D.logit(held).sum().backward()
    assert torch.equal(held.grad, free.grad) and held.grad.any()
    assert all(p.grad is None and p.requires_grad for p in D.parameters())
    with pytest.raises(KeyError), fixed(D):
        raise KeyError
    assert all(p.requires_grad for p in D.parameters())


# -- dropout ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("keep", [0.8, 0.5])
def test_dropout_keeps_or_kills_each_element_of_each_example_and_preserves_the_mean(keep):
    y = 3 * mask((2_000, 300), keep, rng(), torch.float32)
    assert y.unique().tolist() == pytest.approx([0, 3 / keep])
    kept = (y > 0).float()
    n = kept.numel()
    assert kept.mean().item() == pytest.approx(keep, abs=5 * math.sqrt(keep * (1 - keep) / n))
    assert y.mean().item() == pytest.approx(3, rel=0.01)
    for over in (0, 1):  # were a mask shared by examples or by elements, these would all be 0 or 1
        shares = kept.mean(over)
        assert 0.2 < shares.min() and shares.max() < 0.95
        assert shares.std().item() == pytest.approx(math.sqrt(keep * (1 - keep) / kept.shape[over]), rel=0.2)


@pytest.mark.parametrize(("keep", "scale"), [(0.8, 1.25), (0.5, 2.0)])
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16])
def test_what_is_kept_is_scaled_exactly(keep, scale, dtype):
    drawn = mask((100, 10), keep, rng(), dtype)
    assert drawn.dtype == dtype and set(drawn.unique().tolist()) == {0.0, scale}


def test_a_mask_is_the_same_in_every_precision_and_fresh_at_each_call():
    stream = rng()
    one, same = (mask((50, 50), 0.5, rng(), dtype) for dtype in (torch.bfloat16, torch.float64))
    assert torch.equal(one > 0, same > 0)
    assert not torch.equal(*(mask((50, 50), 0.5, stream, torch.float32) for _ in range(2)))


def test_dropout_is_off_without_random_numbers_and_on_every_layer_with_them():
    layers = (
        Layer(4, "maxout", 0.5, pieces=2, keep=0.8),
        Layer(3, "maxout", 0.5, pieces=2, keep=0.5),
        Layer(1, "sigmoid", 0.5, keep=0.5),
    )
    D, x = Discriminator(6, layers, rng()).double(), draw(5, 6)
    assert torch.equal(D(x), D(x))
    assert not torch.equal(D(x, rng()), D(x))
    stream = rng(4)
    masks = [plain.kept((5, width), keep, stream) for width, keep in ((6, 0.8), (4, 0.5), (3, 0.5))]
    h = x
    for layer, kept, keep in zip(D.layers, masks, (0.8, 0.5, 0.5)):
        h = (h * kept / keep) @ layer.linear.weight.T + layer.linear.bias
        if layer.layer.activation == "maxout":
            h = torch.maximum(h[:, 0::2], h[:, 1::2])
    assert (D.logit(x, rng(4)) - h[:, 0]).abs().max().item() < 1e-14


def test_dropout_of_the_training_pass_has_the_test_pass_as_its_mean():
    """For a linear net the mean over masks is the net itself: nothing is rescaled afterwards."""
    D = Discriminator(20, (Layer(1, "sigmoid", 1.0, keep=0.5),), rng()).double()
    x = draw(1, 20).expand(40_000, 20)
    assert D.logit(x, rng(1)).mean().item() == pytest.approx(D.logit(x[:1]).item(), abs=0.06)


# -- D, G, and their gradients ----------------------------------------------------------------------------------------


def test_D_is_the_sigmoid_of_its_logit():
    D = Discriminator(6, (Layer(4, "maxout", 3.0, pieces=2), Layer(1, "sigmoid", 3.0)), rng()).double()
    x = draw(50, 6)
    p, a = D(x), D.logit(x)
    assert p.shape == a.shape == (50,)
    assert p.tolist() == pytest.approx([1 / (1 + math.exp(-v)) for v in a.tolist()], abs=1e-14)
    near = a.abs() < 10  # where 1 - D still has its digits
    assert (a - torch.log(p / (1 - p)))[near].abs().max().item() < 1e-9
    assert a.max() > 0 > a.min()


@pytest.mark.parametrize("last", [Layer(2, "sigmoid", 0.1), Layer(1, "linear", 0.1), Layer(1, "relu", 0.1)])
def test_D_must_end_in_one_sigmoid(last):
    with pytest.raises(RecipeError, match="D must end in one sigmoid unit"):
        Discriminator(6, (Layer(4, "maxout", 0.1), last))


def test_gradients_are_right():
    layers = (Layer(4, "maxout", 0.7, pieces=3), Layer(1, "sigmoid", 0.7))
    D = Discriminator(5, layers, rng()).double()
    G = Generator(3, (Layer(6, "relu", 0.7), Layer(5, "sigmoid", 0.7)), rng()).double()
    z = draw(4, 3).requires_grad_()
    parameters = [*G.parameters(), *D.parameters()]

    def game(z, *_):
        return D.logit(G(z))

    assert gradcheck(game, (z, *parameters))


def test_pictures_of_any_z_keep_no_gradient_and_do_not_depend_on_the_chunk():
    G = Generator(3, (Layer(6, "relu", 0.7), Layer(5, "sigmoid", 0.7)), rng())
    z = torch.randn(25, 3, generator=rng())
    pictures = G.pictures(z, chunk=10)
    assert not pictures.requires_grad and pictures.shape == (25, 5)
    assert torch.allclose(pictures, G(z))


# -- initial values ---------------------------------------------------------------------------------------------------


def test_marginal_bias_is_the_logit_of_the_clipped_mean():
    mean = torch.tensor([0.0, 1e-9, 0.25, 0.5, 0.9, 1.0])
    lowest = math.log(1e-7 / (1 - 1e-7))
    expected = [lowest, lowest, math.log(1 / 3), 0, math.log(9), -lowest]
    assert marginal_bias(mean).tolist() == pytest.approx(expected, rel=1e-6)


def test_marginal_bias_needs_the_mean():
    with pytest.raises(RecipeError, match="needs the mean of the training data"):
        Generator(3, (Layer(6, "sigmoid", 0.1, bias="marginal"),))


@pytest.mark.parametrize("irange", [0.05, 0.005, 0.0])
def test_weights_start_uniform_and_biases_at_zero(irange):
    layer = Dense(400, Layer(100, "maxout", irange, pieces=5), rng())
    weight = layer.linear.weight
    assert weight.shape == (500, 400) and layer.linear.bias.abs().max() == 0
    assert weight.abs().max().item() <= irange
    if irange:
        share = torch.histc(weight.detach(), 20, -irange, irange) / weight.numel()
        assert (share - 1 / 20).abs().max().item() < 0.003
        assert weight.std().item() == pytest.approx(irange / math.sqrt(3), rel=0.01)


def test_biases_drawn_as_the_weights_are():
    """bias="irange": U(-irange, irange), after the weights, which are those of the same layer with biases of 0."""
    for irange in (0.7, 0.0):
        spread, plain = (Dense(5, Layer(4_000, "relu", irange, bias=b), rng(3)).linear for b in ("irange", "zero"))
        assert torch.equal(spread.weight, plain.weight) and plain.bias.abs().max() == 0
        assert spread.bias.abs().max().item() <= irange
        if irange:
            share = torch.histc(spread.bias.detach(), 10, -irange, irange) / 4_000
            assert (share - 1 / 10).abs().max().item() < 0.03
            assert torch.isin(spread.bias.detach(), spread.weight.detach()).double().mean() < 0.01, (
                "numbers of their own"
            )
    again = Dense(5, Layer(40, "maxout", 0.7, pieces=3, bias="irange"), rng(3)).linear.bias
    assert again.shape == (120,) and again.unique().numel() > 110
    assert torch.equal(again, Dense(5, Layer(40, "maxout", 0.7, pieces=3, bias="irange"), rng(3)).linear.bias)


def test_count_parameters():
    assert count_parameters(Generator(3, (Layer(6, "relu", 0.1), Layer(5, "sigmoid", 0.1)))) == 3 * 6 + 6 + 6 * 5 + 5
    assert count_parameters(Discriminator(4, (Layer(2, "maxout", 0.1, pieces=5), Layer(1, "sigmoid", 0.1)))) == 53


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"units": 0}, "units is 0"),
        ({"units": 1.5}, "units is 1.5"),
        ({"units": True}, "units is True"),
        ({"pieces": 0}, "pieces is 0"),
        ({"activation": "tanh"}, "unknown activation 'tanh'; use one of relu"),
        ({"activation": "relu", "pieces": 2}, "relu layer has 2 pieces"),
        ({"irange": -0.1}, "irange is -0.1"),
        ({"irange": float("nan")}, "irange is nan"),
        ({"irange": float("inf")}, "irange is inf"),
        ({"keep": 0}, "keeps 0 of its input"),
        ({"keep": 1.5}, "keeps 1.5"),
        ({"keep": float("nan")}, "keeps nan"),
        ({"bias": "one"}, "unknown bias 'one'"),
    ],
)
def test_a_senseless_layer_is_refused(wrong, said):
    with pytest.raises(RecipeError, match=said):
        Layer(**{"units": 3, "activation": "maxout", "irange": 0.1, **wrong})


# -- convolutions -----------------------------------------------------------------------------------------------------


def fill(net, seed=0):
    """The net in float64, every parameter drawn from N(0, 1)."""
    net = net.double()
    stream = rng(seed)
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=stream, dtype=torch.float64))
    return net


def convolved_by_hand(picture, weight, bias, padding):
    """Every channel of a convolution at every place, by five loops: (channels, height, width) -> a nest of lists."""
    of, height, width = picture.shape
    kernel = weight.shape[-1]

    def at(channel, y, x):
        total = bias[channel].item()
        for c in range(of):
            for dy in range(kernel):
                for dx in range(kernel):
                    row, column = y + dy - padding, x + dx - padding
                    if 0 <= row < height and 0 <= column < width:
                        total += weight[channel, c, dy, dx].item() * picture[c, row, column].item()
        return total

    rows, columns = (side + 2 * padding - kernel + 1 for side in (height, width))
    return [[[at(o, y, x) for x in range(columns)] for y in range(rows)] for o in range(len(weight))]


def maxout_and_pooled_by_hand(channels, pieces, pool, stride):
    """Pieces first: map c is the largest of its adjacent channels; then windows until every element is in one."""
    rows, columns = len(channels[0]), len(channels[0][0])
    maps = [
        [[max(channels[c + p][y][x] for p in range(pieces)) for x in range(columns)] for y in range(rows)]
        for c in range(0, len(channels), pieces)
    ]

    def starts(side):
        found = [0]
        while found[-1] + pool < side:
            found.append(found[-1] + stride)
        return found

    return [
        [
            [max(h[y][x] for y in range(top, min(top + pool, rows)) for x in range(left, min(left + pool, columns)))
             for left in starts(columns)]
            for top in starts(rows)
        ]
        for h in maps
    ]  # fmt: skip


@pytest.mark.parametrize("pieces", [1, 2, 3])
@pytest.mark.parametrize(("pool", "stride"), [(2, 2), (4, 2), (3, 2)])
def test_a_convolution_equals_brute_force(pool, stride, pieces):
    layer = Convolution((2, 5, 6), 3, pieces, kernel=3, padding=1, pool=pool, stride=stride, irange=0.5)
    net, x = fill(Convolve(60, layer)), draw(2, 60, seed=1)
    out = net(x)
    assert out.shape == (2, layer.units)
    for i in range(2):
        weight, bias = net.convolution.weight, net.convolution.bias
        channels = convolved_by_hand(x[i].reshape(2, 5, 6), weight, bias, padding=1)
        expected = torch.tensor(maxout_and_pooled_by_hand(channels, pieces, pool, stride), dtype=torch.float64)
        assert expected.shape == layer.shape
        assert (out[i] - expected.flatten()).abs().max().item() < 1e-13


def test_pooling_covers_the_edge_and_puts_nothing_there():
    """Figures by hand. A 5 x 5 picture, all negative but for one corner: what hangs over the edge is no zero."""
    layer = Convolution((1, 5, 5), 1, pieces=1, kernel=1, padding=0, pool=2, stride=2, irange=0.0)
    net = Convolve(25, layer, rng())
    with torch.no_grad():
        net.convolution.weight.fill_(1)
    picture = torch.tensor(
        [
            [-11.0, -12, -13, -14, -15],
            [-21, -22, -23, -24, -25],
            [-31, -32, -33, -34, -35],
            [-41, -42, -43, -44, -45],
            [-51, -52, -53, -54, 99],
        ]
    )
    by_two = [[-11.0, -13, -15], [-31, -33, -35], [-51, -53, 99]]  # the last window of each line is 2 x 1, 1 x 2, 1 x 1
    assert net(picture.reshape(1, 25)).reshape(3, 3).tolist() == by_two
    wide = Convolve(25, Convolution((1, 5, 5), 1, pieces=1, kernel=1, padding=0, pool=4, stride=2, irange=0.0), rng())
    wide.load_state_dict(net.state_dict())
    assert wide(picture.reshape(1, 25)).reshape(2, 2).tolist() == [[-11, -13], [-31, 99]]  # 4 x 4, 4 x 3, 3 x 4, 3 x 3


def test_a_map_takes_the_largest_of_its_adjacent_pieces():
    """Pieces 0 and 1 see x and -x, which makes |x|; pieces 2 and 3 see 2 x and -3; then the largest of the window."""
    net = Convolve(4, Convolution((1, 2, 2), 2, pieces=2, kernel=1, padding=0, pool=2, stride=2, irange=0.0), rng())
    with torch.no_grad():
        net.convolution.weight.copy_(torch.tensor([1.0, -1.0, 2.0, 0.0]).reshape(4, 1, 1, 1))
        net.convolution.bias.copy_(torch.tensor([0.0, 0.0, 0.0, -3.0]))
    assert net(torch.tensor([[1.0, -7, 2, 3]])).tolist() == [[7, 6]]
    assert net(torch.tensor([[-5.0, -7, -6, -8]])).tolist() == [[8, -3]]


def test_dropout_on_the_input_of_a_convolution():
    layer = Convolution((2, 4, 4), 3, pieces=2, kernel=3, padding=1, pool=2, stride=2, irange=0.5, keep=0.8)
    net, x = fill(Convolve(32, layer)), draw(5, 32)
    kept = plain.kept((5, 32), 0.8, rng(4))
    assert not kept.all() and torch.equal(net(x), net(x))
    assert (net(x, rng(4)) - net(x * kept / 0.8)).abs().max().item() < 1e-13


def test_a_transposed_convolution_equals_brute_force_with_a_bias_for_each_number():
    """What map k holds at (i, j) is spread over kernel x kernel places of each channel, `stride` apart."""
    net, x = fill(Deconvolve(24, Deconvolution((4, 2, 3), channels=3, kernel=5, stride=3, irange=0.5))), draw(2, 24)
    assert net.bias.shape == (3, 8, 11) and net.weight.shape == (4, 3, 5, 5)
    for i in range(2):
        expected = net.bias.detach().tolist()
        for k in range(4):
            for y in range(2):
                for x_ in range(3):
                    value = x[i].reshape(4, 2, 3)[k, y, x_].item()
                    for c in range(3):
                        for dy in range(5):
                            for dx in range(5):
                                expected[c][3 * y + dy][3 * x_ + dx] += value * net.weight[k, c, dy, dx].item()
        assert (net(x)[i].reshape(3, 8, 11) - torch.tensor(expected, dtype=torch.float64)).abs().max().item() < 1e-13


def test_a_transposed_convolution_is_the_adjoint_of_the_convolution():
    """<T x, y> = <x, conv2d(y)> for the shape of the recipe, 80 maps of 10 x 10 to 3 x 32 x 32."""
    net = fill(Deconvolve(8_000, Deconvolution((80, 10, 10), channels=3, kernel=5, stride=3, irange=0.05)))
    x, y = draw(2, 8_000), draw(2, 3, 32, 32, seed=1)
    linear = net(x) - net.bias.flatten()
    back = torch.nn.functional.conv2d(y, net.weight, stride=3)
    assert back.shape == (2, 80, 10, 10)
    one, other = (linear * y.flatten(1)).sum().item(), (x * back.flatten(1)).sum().item()
    assert one == pytest.approx(other, rel=1e-12) and abs(one) > 1


def test_convolutions_start_as_their_recipe_says():
    up = Deconvolve(8_000, Deconvolution((80, 10, 10), channels=3, kernel=5, stride=3, irange=0.05), rng())
    down = Convolve(3_072, Convolution((3, 32, 32), 32, 2, 8, 4, 4, 2, irange=0.005), rng())
    for weight, bias, irange in (
        (up.weight, up.bias, 0.05),
        (down.convolution.weight, down.convolution.bias, 0.005),
    ):
        assert bias.abs().max().item() == 0
        assert weight.abs().max().item() <= irange
        assert weight.std().item() == pytest.approx(irange / math.sqrt(3), rel=0.02)
        assert abs(weight.mean().item()) < 5 * irange / math.sqrt(3 * weight.numel())
    again = Deconvolve(8_000, up.layer, rng()).weight
    assert torch.equal(again, up.weight) and not torch.equal(Deconvolve(8_000, up.layer, rng(1)).weight, again)


def test_gradients_of_convolutions_are_right():
    D = Discriminator(
        32,
        (
            Convolution((2, 4, 4), 2, pieces=2, kernel=3, padding=1, pool=3, stride=2, irange=0.7),
            Convolution((2, 2, 2), 3, pieces=2, kernel=2, padding=1, pool=2, stride=2, irange=0.7),
            Layer(1, "sigmoid", 0.7),
        ),
        rng(),
    ).double()
    G = Generator(3, (Layer(8, "relu", 0.7), Deconvolution((2, 2, 2), 2, kernel=2, stride=2, irange=0.7)), rng())
    z = draw(3, 3).requires_grad_()
    G = G.double()

    def game(z, *_):
        return D.logit(G(z))

    assert gradcheck(game, (z, *G.parameters(), *D.parameters()), fast_mode=True)  # along random directions


# -- sparse starts ----------------------------------------------------------------------------------------------------


def test_a_sparse_start():
    """100 of 1,000 incoming weights of each unit, at places of its own, from N(0, 1); the rest exactly 0."""
    layer = Layer(400, "sigmoid", 0.05, sparse=100)
    weight = Dense(1_000, layer, rng()).linear.weight.detach()
    places = weight != 0
    assert weight.shape == (400, 1_000) and set(places.sum(1).tolist()) == {100}
    shared = places.double() @ places.double().T  # places that two units share: hypergeometric, mean 10, variance 8.1
    shared = shared[~torch.eye(400, dtype=torch.bool)]
    assert shared.mean().item() == pytest.approx(10, abs=0.1) and shared.max() < 40
    assert shared.std().item() == pytest.approx(math.sqrt(100 * 0.1 * 0.9 * 900 / 999), rel=0.05)
    by_input = places.sum(0).double()  # each input is taken by a tenth of the units: binomial, mean 40, variance 36
    assert by_input.mean() == 40 and by_input.std().item() == pytest.approx(6, rel=0.1)
    values = weight[places].sort().values.double()
    n = len(values)
    assert n == 40_000 and abs(values.mean().item()) < 5 / math.sqrt(n)
    assert values.std().item() == pytest.approx(1, abs=0.015)
    normal = (1 + torch.erf(values / math.sqrt(2))) / 2
    assert (normal - (torch.arange(n) + 0.5) / n).abs().max().item() < 2 / math.sqrt(n)  # Kolmogorov and Smirnov


def test_a_sparse_start_is_decided_by_the_seed_and_leaves_the_bias():
    layer = Layer(20, "maxout", 0.05, pieces=3, sparse=7, bias=-2.0)
    one, two, other = (Dense(50, layer, rng(seed)).linear for seed in (1, 1, 2))
    assert torch.equal(one.weight, two.weight) and not torch.equal(one.weight, other.weight)
    assert set((one.weight != 0).sum(1).tolist()) == {7} and one.weight.shape == (60, 50), "every piece for itself"
    assert set(one.bias.tolist()) == {-2.0}


def test_a_sparse_start_may_take_every_input_and_no_more():
    assert (Dense(7, Layer(3, "relu", 0.1, sparse=7), rng()).linear.weight != 0).all()
    with pytest.raises(RecipeError, match=r"^a unit has 7 incoming weights; 8 of them cannot start as N\(0, 1\)$"):
        Dense(7, Layer(3, "relu", 0.1, sparse=8), rng())


# -- max-norm ---------------------------------------------------------------------------------------------------------

NORMS = (0.0, 0.5, 1.9364, 1.93651, 3.0, 1e4)


def rows_of(norms, *shape, dtype):
    """A weight whose rows (each of `shape`) have these L2 norms."""
    weight = torch.randn(len(norms), *shape, generator=rng(), dtype=torch.float64)
    lengths = weight.flatten(1).norm(dim=1)
    return (weight.flatten(1) * (torch.tensor(norms, dtype=torch.float64) / lengths).unsqueeze(1)).to(dtype)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize("kind", ["dense", "maxout", "convolution", "deconvolution"])
def test_max_norm_scales_down_what_is_above_and_leaves_the_rest_bit_for_bit(kind, dtype):
    """Six rows: of six units, of two units with three pieces each, of six filters, or of six channels put out."""
    net, shape = {
        "dense": (Dense(40, Layer(6, "relu", 0.1), rng()), (40,)),
        "maxout": (Dense(40, Layer(2, "maxout", 0.1, pieces=3), rng()), (40,)),
        "convolution": (Convolve(50, Convolution((2, 5, 5), 3, 2, 3, 0, 1, 1, 0.1), rng()), (2, 3, 3)),
        "deconvolution": (Deconvolve(12, Deconvolution((3, 2, 2), 6, 2, 2, 0.1), rng()), (3, 2, 2)),
    }[kind]
    net = net.to(dtype)
    weight = next(net.parameters()).detach()
    by_unit = weight.transpose(0, 1) if kind == "deconvolution" else weight  # the same memory
    before = rows_of(NORMS, *shape, dtype=dtype)
    by_unit.copy_(before.reshape(by_unit.shape))
    biases = [p.detach().clone() for p in list(net.parameters())[1:]]
    limit(net, 1.9365)
    after = by_unit.reshape(6, -1)
    assert torch.equal(after[:3], before[:3]), "below the limit not a bit may change"
    exact = 4 * torch.finfo(dtype).eps
    assert after.double().norm(dim=1).tolist() == pytest.approx([0, 0.5, 1.9364, *[1.9365] * 3], rel=exact, abs=0)
    for old, new, norm in zip(before[3:].double(), after[3:].double(), NORMS[3:]):
        assert (new - old * (1.9365 / norm)).abs().max().item() < 1e-6, "the direction stays"
    assert all(torch.equal(a, b) for a, b in zip(biases, list(net.parameters())[1:]))


# -- counting without the memory --------------------------------------------------------------------------------------

COUNT = """
import time
from benchmarks.memory import peak
from ganlib.recipes import CIFAR10_CONV, CIFAR10_FC, TFD_1, TFD_2

TFD_1.at("smoke").sizes()  # what torch imports at the first use of the meta device does not count
before, began = peak(), time.process_time()
total = sum(sum(recipe.sizes().values()) for recipe in (TFD_1, TFD_2, CIFAR10_FC, CIFAR10_CONV))
print(total, peak() - before, time.process_time() - began)
"""


@pytest.mark.skipif(peak() is None, reason=UNKNOWN)
def test_sizes_take_neither_memory_nor_time():
    """The four pairs hold 414 million numbers, 1.7 GB in float32.

    Counting them takes a hundredth of the second that the test allows; building the four pairs takes two seconds.
    """
    command = [sys.executable, "-c", COUNT]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=240, check=True)
    total, grown, seconds = done.stdout.split()
    assert (
        int(total) == 322_328_852 + 91_922_076
    )  # of the four G, of the four D; each by hand in test_recipes_pictures.py
    assert int(grown) < 20e6 and float(seconds) < 1


def test_a_saturated_unit_of_a_sigmoid_still_learns_in_bfloat16():
    """Its slope is that of float64 within 1 % far out on both sides; y (1 - y) of a rounded y is 0 above 6.2."""
    dense = Dense(1, Layer(1, "sigmoid", 1.0)).bfloat16()
    with torch.no_grad():
        dense.linear.weight.fill_(1.0)
    h = torch.linspace(-30, 30, 61, dtype=torch.bfloat16)[:, None].requires_grad_()
    (slope,) = torch.autograd.grad(dense(h).sum(), h)
    wide = h.detach().double()
    torch.testing.assert_close(slope.double(), torch.sigmoid(wide) * torch.sigmoid(-wide), rtol=0.01, atol=0)
