"""The recipes for faces and CIFAR-10, scaled down, against updates written a second time in plain float64 autograd."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import pytest
import torch
from torch.nn import functional

from ganlib import RecipeError, Trainer, load, runs
from ganlib.recipes import CIFAR10_CONV, CIFAR10_FC, MNIST, TFD_1, TFD_2
from tests.plain import PlainRun, maxout, relu, sigmoid
from tests.small import same, saved

# -- the oracle: the nets, pixels, noise and max-norm of the paper's facts, on PlainRun's updates ----------------------


class PlainFaces(PlainRun):
    """Stage 1: pictures / 255, z from N(0, 1), ReLU, sigmoid, sigmoid against two maxout layers."""

    widths = ((2304, 0.8), (30, 0.5), (30, 0.5))  # of the same D as MNIST's: two maxout layers, five pieces

    @staticmethod
    def G_of(theta, z):
        W1, b1, W2, b2, W3, b3 = theta
        return sigmoid(sigmoid(relu(z @ W1.T + b1) @ W2.T + b2) @ W3.T + b3)

    def noise(self, m):
        return torch.randn(m, 100, generator=self.rng).double()

    def limit(self, theta):
        """Each row of each matrix, one at a time (each piece of a maxout has a row), each filter, each channel."""
        for weight in theta[0::2] if self.recipe.max_norm else ():
            transposed = weight.ndim == 4 and weight.shape[1] == 3 and len(theta) == 6  # (maps, channels put out, 5, 5)
            for row in weight.transpose(0, 1) if transposed else weight:
                length = (row**2).sum().sqrt()
                if length > self.recipe.max_norm:
                    row *= self.recipe.max_norm / length


class PlainFaces2(PlainFaces):
    """Stage 2: ReLU, sigmoid, and stage 1's three layers."""

    @staticmethod
    def G_of(theta, z):
        W1, b1, W2, b2 = theta[:4]
        return PlainFaces.G_of(theta[4:], sigmoid(relu(z @ W1.T + b1) @ W2.T + b2))


class PlainScenes(PlainFaces):
    """CIFAR-10, fully connected: mean off, norm to 55; ReLU, sigmoid, linear."""

    widths = ((3072, 0.8), (40, 0.5), (40, 0.5))

    @staticmethod
    def G_of(theta, z):
        W1, b1, W2, b2, W3, b3 = theta
        return sigmoid(relu(z @ W1.T + b1) @ W2.T + b2) @ W3.T + b3

    def scaled(self, raw):
        made = torch.empty_like(raw)
        for i, picture in enumerate(raw):
            centred = picture - picture.sum() / 3072
            divisor = (centred**2).sum() ** 0.5 / 55
            made[i] = centred / (divisor if divisor >= 1e-8 else 1.0)
        return made


class PlainConvolutions(PlainScenes):
    """CIFAR-10, convolutional: 2 maps of 10 x 10 spread over 3 x 32 x 32; three convolutions, a maxout layer."""

    widths = ((3 * 32 * 32, 0.8), (2 * 16 * 16, 0.5), (2 * 7 * 7, 0.5), (12 * 5 * 5, 0.5), (31, 0.5))

    @staticmethod
    def G_of(theta, z):
        W1, b1, W2, b2, W3, b3 = theta
        h = sigmoid(relu(z @ W1.T + b1) @ W2.T + b2).reshape(len(z), 2, 10, 10)
        return (functional.conv_transpose2d(h, W3, stride=3) + b3).reshape(len(z), 3072)

    @staticmethod
    def D_of(theta, x, masks):
        """Every pooling by hand: minus infinity is put around what is short of the last window."""
        h = x.reshape(len(x), 3, 32, 32)
        geometry = ((4, 4, 1, 33), (3, 4, 1, 15), (3, 2, 1, 9))  # padding, window, what hangs over, side before pooling
        for i, (padding, window, short, side) in enumerate(geometry):
            h = h * masks[i].reshape(h.shape) / (0.8 if i == 0 else 0.5)
            h = functional.conv2d(h, theta[2 * i], theta[2 * i + 1], padding=padding)
            assert h.shape[-1] == side
            h = torch.stack([h[:, 0::2], h[:, 1::2]]).max(dim=0).values
            h = functional.max_pool2d(functional.pad(h, (0, short, 0, short), value=-torch.inf), window, 2)
        W4, b4, W5, b5 = theta[6:]
        h = maxout((h.flatten(1) * masks[3] / 0.5) @ W4.T + b4)
        return sigmoid((h * masks[4] / 0.5) @ W5.T + b5)[:, 0]


@cache
def data(name):
    return load(name)


DATA = {"tfd": "synthetic-faces", "cifar10": "synthetic-cifar10"}
PLAIN = {"tfd-1": PlainFaces, "tfd-2": PlainFaces2, "cifar10-fc": PlainScenes, "cifar10-conv": PlainConvolutions}
SMALL = {"batch": 20, "examples": 67, "n_samples": 50, "momentum_epochs": 3, "lr_decay": 1.1}


def scaled(recipe, **changes):
    """The smoke recipe on a few pictures: four minibatches an epoch, one small; momentum rises, rates fall."""
    small = recipe.at("smoke")
    return replace(small, **{"data": DATA[recipe.data], **SMALL, **changes})


def bold(recipe):
    """A D that starts ten times as wide: at irange .005, five layers deep, it would move the bottom of G by 1e-13."""
    return tuple(replace(layer, irange=0.05) for layer in recipe.at("smoke").D)


def trainer(recipe, precision="float64", seed=3, **changes):
    recipe = scaled(recipe, **changes)
    top = None
    if recipe.built_on:
        first = Trainer(scaled(TFD_1), data(recipe.data), seed=8, device="cpu", precision=precision)
        list(first.steps(3))
        top = first.G.layers
    return Trainer(recipe, data(recipe.data), seed=seed, device="cpu", precision=precision, top=top)


def compare(own, plain, start):
    """Every parameter and every velocity: equal to 1e-9 of how far that tensor has moved."""
    for player in "GD":
        pairs = zip(getattr(own, player).parameters(), getattr(plain, player), start[player], strict=True)
        for a, b, before in pairs:
            moved = (b - before).abs().max().item()
            assert moved > 1e-10, "nothing moved, so nothing was compared"
            assert (a - b).abs().max().item() <= 1e-9 * moved + 4e-16 * b.abs().max().item()
        for a, b in zip(own.velocity[player], getattr(plain, f"v_{player}"), strict=True):
            assert (a - b).abs().max().item() <= 1e-9 * b.abs().max().item()


# -- the update --------------------------------------------------------------------------------------------------------
TIGHT = 1.386
"""A max-norm that cuts about half of the rows of D's first layer too: 2,304 weights of U(-.05, .05)."""


@pytest.mark.parametrize("update", ["simultaneous", "alternating"])
@pytest.mark.parametrize(
    ("recipe", "changes"),
    [
        (TFD_1, {}),
        (TFD_1, {"max_norm": TIGHT, "generator_cost": "minimax", "k": 2}),
        (TFD_2, {}),
        (CIFAR10_FC, {}),
        (CIFAR10_CONV, {}),
        (CIFAR10_CONV, {"max_norm": 0.4, "generator_cost": "minimax"}),
    ],
    ids=["tfd-1", "tfd-1 tight", "tfd-2", "cifar10-fc", "cifar10-conv", "cifar10-conv tight"],
)
def test_every_update_equals_an_independent_float64_computation(recipe, changes, update):
    """Five steps of the scaled recipe, over the end of an epoch; its start is held in test_recipes_pictures."""
    own = trainer(recipe, update=update, D=bold(recipe), **changes)
    plain = PLAIN[recipe.name](own)
    start = {player: [p.clone() for p in getattr(plain, player)] for player in "GD"}
    for _ in own.steps(5):
        plain.iterate()
        compare(own, plain, start)
    assert own.epoch == plain.epoch > 1
    if max_norm := own.recipe.max_norm:
        lengths = [p.detach().flatten(1).norm(dim=1) for p in own.D.parameters() if p.ndim > 1]
        cut = [(length > max_norm * (1 - 1e-12)).double().mean().item() for length in lengths]
        assert all(length.max() <= max_norm * (1 + 1e-12) for length in lengths)
        if max_norm == TIGHT:
            assert 0.05 < cut[0] < 0.95 and cut[1] == 0, "some rows of D above the limit and some below were to be seen"


def test_the_sparse_start_is_cut_at_the_first_update():
    """100 weights of N(0, 1) have a norm of about 10; the limit is 1.9365; what was 0 has moved by then too."""
    own = trainer(TFD_1)
    weight = own.G.layers[2].linear.weight
    norms = weight.detach().norm(dim=1)
    assert 7 < norms.min() and norms.max() < 13.5 and norms.mean().item() == pytest.approx(99.75**0.5, rel=0.01)
    before = [p.detach().clone() for p in own.D.parameters()]
    next(own.steps(1))
    assert (weight.detach().norm(dim=1) - 1.9365).abs().max().item() < 1e-12
    first = own.G.layers[0].linear.weight.detach().norm(dim=1)
    assert first.max().item() < 0.5, "rows below the limit are not scaled up to it"
    assert max((a - b).abs().max().item() for a, b in zip(before, own.D.parameters())) < 0.05


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
@pytest.mark.parametrize("recipe", [TFD_1, CIFAR10_FC, CIFAR10_CONV], ids=lambda recipe: recipe.name)
def test_a_lower_precision_stays_close_to_float64(recipe, precision):
    tolerance = {"float32": 1e-4, "bfloat16": 0.05}[precision]
    for a, b in zip(trainer(recipe).steps(3), trainer(recipe, precision).steps(3)):
        assert b.V == pytest.approx(a.V, abs=tolerance)
        assert b.norm_G == pytest.approx(a.norm_G, rel=tolerance)
        assert b.norm_D == pytest.approx(a.norm_D, rel=tolerance)


def test_D_sees_normalised_pictures():
    """Mean 0 and norm 55 for every row that a CIFAR-10 recipe draws; [0, 1] for the faces."""

    def batch(recipe):
        played = trainer(recipe)
        played._rows = played._next_rows()
        return played._next_batch()

    x = batch(CIFAR10_CONV)
    assert x.shape == (20, 3072) and x.mean(1).abs().max().item() < 1e-13
    assert x.norm(dim=1).tolist() == pytest.approx([55] * 20, rel=1e-13)
    faces = batch(TFD_1)
    assert faces.min() >= 0 and 0.2 < faces.max() <= 1 and faces.mean() > 0.05


# -- stage 2 -----------------------------------------------------------------------------------------------------------


def first_stage(**changes):
    first = Trainer(scaled(TFD_1, **changes), data("synthetic-faces"), seed=8, device="cpu", precision="float32")
    list(first.steps(2))
    return first


def second_stage(top, recipe=TFD_2, **changes):
    small = scaled(recipe, **changes)
    return Trainer(small, data("synthetic-faces"), seed=8, device="cpu", precision="float32", top=top)


def test_stage_2_begins_with_stage_1_on_top_and_trains_all_five_layers():
    first = first_stage()
    second = second_stage(first.G.layers, D=bold(TFD_2))
    kept = [p.detach().clone() for p in first.G.parameters()]
    on_top = list(second.G.layers[2:].parameters())
    assert all(torch.equal(a, b) for a, b in zip(first.G.parameters(), on_top, strict=True))
    h = torch.rand(5, 100, generator=torch.Generator().manual_seed(0))
    assert torch.equal(second.G.layers[4](second.G.layers[3](second.G.layers[2](h))), first.G(h))
    start = {player: [p.detach().clone() for p in getattr(second, player).parameters()] for player in "GD"}
    list(second.steps(2))
    for player in "GD":
        for before, after in zip(start[player], getattr(second, player).parameters(), strict=True):
            assert (before - after).abs().max().item() > 0
    assert all(torch.equal(a, b) for a, b in zip(kept, first.G.parameters())), "stage 1's own nets stay as they were"


def test_the_D_and_the_new_bottom_of_stage_2_are_fresh():
    """Not the D that stage 1 has trained, nor the one that it began with: drawn as the recipe says."""
    first = first_stage()
    second = second_stage(first.G.layers)
    began = Trainer(first.recipe, data("synthetic-faces"), seed=8, device="cpu", precision="float32")
    for D in (first.D, began.D):
        assert not torch.equal(D.layers[0].linear.weight, second.D.layers[0].linear.weight)
    fresh_G, fresh_D = second.recipe.networks(8, data("synthetic-faces").train[:67].double().mean(0) / 255)
    for a, b in zip(fresh_D.parameters(), second.D.parameters(), strict=True):
        assert torch.equal(a, b)
    for a, b in zip(fresh_G.layers[:2].parameters(), second.G.layers[:2].parameters(), strict=True):
        assert torch.equal(a, b)
    assert all((v == 0).all() for player in "GD" for v in second.velocity[player])
    assert (second.step, second.updates, second.epoch) == (0, 0, 1)


@pytest.mark.parametrize("top", [None, (), torch.nn.ModuleList()], ids=["none", "empty", "empty list"])
def test_stage_2_without_stage_1_is_refused(top):
    with pytest.raises(RecipeError) as caught:
        second_stage(top)
    assert str(caught.value) == (
        "the recipe 'tfd-2' puts a new bottom under the G that 'tfd-1' has trained: train that one first, and pass its "
        "G's layers as `top` (command line: --on its folder)"
    )


def test_a_top_that_does_not_fit_is_refused():
    first = first_stage()
    wide = Trainer(replace(first.recipe, G=TFD_1.at("quick").G), data("synthetic-faces"), device="cpu").G.layers
    own = second_stage(first.G.layers).G.layers
    wrong = {
        "of another scale": wide,
        "too many": [*own, *own],
        "in another order": [first.G.layers[i] for i in (1, 0, 2)],
        "of D": first.D.layers,
    }
    for name, top in wrong.items():
        with pytest.raises(RecipeError, match="^the trained layers do not fit on top of the G of 'tfd-2', ") as caught:
            second_stage(top)
        assert str(caught.value).endswith(": train 'tfd-1' at the same scale"), name
    with pytest.raises(RecipeError, match=r"ends in 200 relu \(.*\), 200 sigmoid \(.*\), 2304 sigmoid \(100 weights"):
        second_stage(wide)


def test_a_top_where_none_belongs_is_refused():
    first = first_stage()
    with pytest.raises(RecipeError, match="^the recipe 'tfd-1' is not built on another one: leave `top` out$"):
        second_stage(first.G.layers, TFD_1)
    with pytest.raises(RecipeError, match="^the recipe 'mnist' is not built on another one"):
        Trainer(MNIST.at("smoke"), load("synthetic"), top=first.G.layers)


# -- saved and resumed -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("precision", ["float32", "float64"])
@pytest.mark.parametrize(
    ("recipe", "update"),
    [(TFD_1, "simultaneous"), (TFD_2, "simultaneous"), (TFD_2, "alternating"), (CIFAR10_CONV, "simultaneous")],
    ids=["tfd-1", "tfd-2", "tfd-2 alternating", "cifar10-conv"],
)
def test_resumed_goes_on_bit_for_bit(recipe, update, precision, tmp_path):
    """A stage-2 run needs stage 1 no more: its layers are in the checkpoint."""
    one, two = (trainer(recipe, precision, update=update) for _ in range(2))
    runs_of = {name: runs.Run(each, tmp_path / name) for name, each in (("one", one), ("two", two))}
    list(runs_of["one"].steps(5))
    list(runs_of["two"].steps(2))
    runs_of["two"].save()
    run = runs.open(tmp_path / "two", data=data(two.recipe.data))
    assert run.trainer.recipe == one.recipe and run.trainer.recipe.built_on == recipe.built_on
    list(run.steps(3))
    runs_of["one"].save()
    run.save()
    same(saved(tmp_path / "two"), saved(tmp_path / "one"))


def test_normalised_pictures_are_trained_without_a_score(tmp_path):
    """The protocol's sigmas are for pictures in [0, 1]: CIFAR-10 gets no score, and asking for one is refused."""
    from ganlib import checkpoints

    own = trainer(CIFAR10_CONV, "float32", epochs=1)
    assert runs.Run(own, tmp_path).train(progress=False)
    assert own.history.scores == []
    with pytest.raises(RecipeError, match=r"'cifar10-conv' normalises its pictures \(gcn\).*scores no CIFAR-10 either"):
        runs.score(checkpoints.load_run(tmp_path), data("synthetic-cifar10"))
