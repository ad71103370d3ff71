"""The nets: maxout, dropout, marginal bias and initial weights, each against its definition."""

from __future__ import annotations

import math

import pytest
import torch
from torch.autograd import gradcheck

from ganlib import RecipeError
from ganlib.nets import Dense, Discriminator, Generator, Layer, count_parameters, dropout, marginal_bias


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


# -- dropout ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("keep", [0.8, 0.5])
def test_dropout_keeps_or_kills_each_element_of_each_example_and_preserves_the_mean(keep):
    x = torch.full((2_000, 300), 3.0)
    y = dropout(x, keep, rng())
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
    x = torch.ones(100, 10, dtype=dtype)
    assert set(dropout(x, keep, rng()).unique().tolist()) == {0.0, scale}
    assert dropout(x, keep, rng()).dtype == dtype


def test_a_mask_is_the_same_in_every_precision_and_fresh_at_each_call():
    x, stream = torch.ones(50, 50), rng()
    assert torch.equal(dropout(x, 0.5, rng()) > 0, dropout(x.double(), 0.5, rng()) > 0)
    assert not torch.equal(dropout(x, 0.5, stream), dropout(x, 0.5, stream))


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
    masks = [torch.rand(5, width, generator=stream) < keep for width, keep in ((6, 0.8), (4, 0.5), (3, 0.5))]
    h = x
    for layer, mask, keep in zip(D.layers, masks, (0.8, 0.5, 0.5)):
        h = (h * mask / keep) @ layer.linear.weight.T + layer.linear.bias
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
