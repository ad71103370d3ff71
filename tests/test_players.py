"""How players move, and what a normalised G does: against torch's own Adam and batch normalisation."""

from __future__ import annotations

import pytest
import torch

from ganlib import RecipeError, Trainer
from ganlib.nets import Beside, Generator, Layer, settled
from ganlib.players import Adam
from tests import small

NORMALISED = (Layer(6, "relu", 0.5, normalise=True), Layer(12, "sigmoid", 0.5, bias="marginal"))


def test_adam_is_torchs():
    net = Generator(3, (Layer(5, "relu", 1.0), Layer(2, "linear", 1.0))).double()
    theirs = [p.detach().clone().requires_grad_() for p in net.parameters()]
    player = Adam(net, torch.float64)
    torch_adam = torch.optim.Adam(theirs, lr=0.01, betas=(0.5, 0.999))
    for t in range(5):
        gradients = [torch.randn(p.shape, generator=torch.Generator().manual_seed(t), dtype=p.dtype) for p in theirs]
        for p, g in zip(theirs, gradients):
            p.grad = g.clone()
        torch_adam.step()
        player.descend(gradients, 0.01, 0.5)
    for own, other in zip(net.parameters(), theirs):
        torch.testing.assert_close(own, other, atol=1e-12, rtol=0)


def test_a_normalised_G_is_torchs_batch_norm_and_settles_into_a_plain_one():
    layers = (Layer(6, "relu", 1.0, bias="irange", normalise=True), Layer(2, "linear", 1.0))
    G = Generator(3, layers).double()
    z = torch.randn(50, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    h = torch.nn.functional.batch_norm(z @ G.layers[0].linear.weight.T, None, None, training=True, eps=1e-3)
    out = G.layers[1](torch.relu(h + G.layers[0].linear.bias))
    torch.testing.assert_close(G(z), out, atol=1e-12, rtol=0)
    plain = settled(G, z)
    torch.testing.assert_close(plain(z), out, atol=1e-12, rtol=0)
    assert not torch.allclose(plain(z[:5]), G(z[:5]), atol=1e-3)  # it looks at each z alone
    assert G.layers[0].layer.normalise and not plain.layers[0].layer.normalise


def test_samples_of_a_normalised_G_do_not_depend_on_how_many_are_drawn():
    recipe = small.recipe(G=NORMALISED)
    G, _ = recipe.networks(0, torch.full((12,), 0.5))
    torch.testing.assert_close(recipe.samples(G, 50, 5)[:3], recipe.samples(G, 3, 5))
    assert torch.equal(small.recipe().settled(G).layers[0].linear.weight, G.layers[0].linear.weight)


def test_a_trainer_moves_its_players_by_adam_at_rates_that_fall_to_0():
    """Beside torch's own Adam on the same gradients. Of six updates the rates fall from the fourth on."""
    recipe = small.recipe(optimiser="adam", fall=0.5, lr_D=0.01, lr_G=0.02, lr_decay=1.0, lr_min=1e-9, epochs=2)
    trainer = Trainer(recipe, small.data(30), precision="float64", device="cpu")
    theirs = {name: [p.clone().requires_grad_() for p in player.theta] for name, player in trainer.players.items()}
    adams = {name: torch.optim.Adam(theirs[name], betas=(recipe.momentum_start, 0.999)) for name in "GD"}
    honest = Adam.descend
    rates = []

    def watched(player, gradients, lr, mu):
        name = next(name for name, own in trainer.players.items() if own is player)
        for p, g in zip(theirs[name], gradients):
            p.grad = g.clone()
        adams[name].param_groups[0].update(lr=lr, betas=(mu, 0.999))
        adams[name].step()
        rates.append((name, lr))
        honest(player, gradients, lr, mu)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Adam, "descend", watched)
        steps = list(trainer.steps(3))
    for name, player in trainer.players.items():
        for own, other in zip(player.theta, theirs[name]):
            torch.testing.assert_close(own, other.detach(), atol=1e-12, rtol=0)
    *_, last = (*steps, *trainer.steps(3))
    assert [lr for name, lr in rates if name == "G"] == [0.02] * 3, "the first three of six"
    assert last.lr_G == pytest.approx(0.02 / 3) and trainer.finished


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"optimiser": "sgd"}, "optimiser is 'sgd'; use one of momentum, adam"),
        ({"fall": 1.5}, "fall is 1.5; a share lies in"),
        ({"D": (NORMALISED[0], Layer(1, "sigmoid", 0.5))}, "only G's layers normalise"),
        ({"G": NORMALISED, "condition": "class"}, "a G that normalises is given nothing"),
    ],
)
def test_a_recipe_that_makes_no_sense_is_refused(changes, said):
    with pytest.raises(RecipeError, match=said):
        small.recipe(**changes)


def test_a_layer_that_cannot_normalise_is_refused():
    with pytest.raises(RecipeError, match="no maxout layer normalises"):
        Layer(3, "maxout", 1.0, pieces=2, normalise=True)
    with pytest.raises(RecipeError, match="normalise 1; it must be True or False"):
        Layer(3, "relu", 1.0, normalise=1)
    with pytest.raises(RecipeError, match="a layer beside another one"):
        Beside((2,), (Layer(3, "relu", 1.0, normalise=True),))
