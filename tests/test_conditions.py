"""What is given: masks and rows by hand, every step against plain float64 autograd, and the recipes of section 7."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from ganlib import DataError, RecipeError, Trainer, TrainingDiverged, checkpoints, conditions, nets, runs
from ganlib.nets import Beside, Layer
from ganlib.recipes import SECTION_7
from tests import small
from tests.plain import maxout, relu, sigmoid

SHAPE = (1, 3, 4)
PLAIN_D = (Layer(5, "maxout", 0.5, pieces=3), Layer(1, "sigmoid", 0.5))
GIVEN = {
    "class": {"condition": "class", "D": (Beside((12, 10), (Layer(4, "relu", 0.5), Layer(3, "relu", 0.5))), *PLAIN_D)},
    "left half": {"condition": "left half", "D": PLAIN_D},
    "mask": {"condition": "mask", "block": 1, "D": PLAIN_D},
}
JOINT = {"E": (Layer(5, "relu", 0.5), Layer(4, "linear", 0.5)), "inference": "joint", "D": PLAIN_D}
LABELS = {"D": (Layer(6, "relu", 0.5), Layer(10, "linear", 0.5)), "labels": 20, "generator_cost": "features"}
GAMES = GIVEN | {"joint": JOINT, "regression": JOINT | {"inference": "regression"}, "labels": LABELS}
NORMALISED = (Layer(6, "relu", 0.5, normalise=True), Layer(12, "sigmoid", 0.5, bias="marginal"))
GAMES["adam"] = LABELS | {"G": NORMALISED, "optimiser": "adam", "fall": 0.5}


def rng(seed=0):
    return torch.Generator().manual_seed(seed)


# -- rows and masks ---------------------------------------------------------------------------------------------------


def test_a_mask_says_what_is_hidden_and_G_fills_it():
    x, drawn = torch.tensor([[0.1, 0.2, 0.3, 0.4]]), torch.tensor([[9.0, 8.0, 7.0, 6.0]])
    mask = torch.tensor([[0.0, 1.0, 1.0, 0.0]])
    c = conditions.hidden(x, mask)
    assert torch.equal(c, torch.tensor([[0.1, 0.0, 0.0, 0.4, 0.0, 1.0, 1.0, 0.0]]))
    whole = conditions.completed("mask", drawn, c, (1, 2, 2))
    assert torch.equal(whole, torch.tensor([[0.1, 8.0, 7.0, 0.4]]))
    assert torch.equal(conditions.looked_at("mask", whole, c), torch.cat([whole, 0.1 * mask], 1))
    z = torch.tensor([[5.0]])
    assert torch.equal(conditions.beside("mask", z, c), torch.tensor([[5.0, 0.1, 0, 0, 0.4, 0, 0.1, 0.1, 0]]))


def test_half_a_picture_is_its_left_columns_in_every_channel():
    shape = (2, 2, 3)  # of three columns the right "half" is two
    x = torch.arange(1.0, 13)[None]
    c = conditions.given("left half", x, torch.tensor([0]), shape, 10, 1, rng())
    assert c.view(2, 2, 3)[..., 1:].abs().sum() == 0 and torch.equal(c.view(2, 2, 3)[..., 0], x.view(2, 2, 3)[..., 0])
    assert torch.equal(conditions.completed("left half", -x, c, shape), torch.where(c > 0, x, -x))
    assert torch.equal(conditions.looked_at("left half", x, c), x)


def test_a_class_has_the_mean_square_of_z_for_G_and_is_a_one_for_D():
    c = conditions.of_class(torch.tensor([2, 0]), 4)
    assert torch.equal(c, torch.tensor([[0.0, 0, 2, 0], [2.0, 0, 0, 0]])) and c.square().mean() == 1
    row = conditions.looked_at("class", torch.zeros(2, 3), c)
    assert torch.equal(row[:, 3:], torch.eye(4)[[2, 0]])


def test_random_masks_are_of_blocks_and_of_four_kinds():
    shape, block = (2, 8, 12), 4
    masks = conditions.masks(4_000, shape, block, rng()).view(-1, 2, 2, 4, 3, 4)
    assert set(masks.unique().tolist()) == {0.0, 1.0}
    assert torch.equal(masks.amax((3, 5)), masks.amin((3, 5))) and torch.equal(masks[:, 0], masks[:, 1])
    blocks = masks.amax((3, 5))[:, 0].flatten(1)  # (n, 6)
    assert 0.25 < blocks.all(1).double().mean() < 0.5, "a quarter, and what the other kinds add"
    assert 0.4 < blocks.mean() < 0.8 and blocks.mean(0).std() < 0.05, "no place is hidden more often than others"
    seen = {tuple(row) for row in blocks.int().tolist()}
    assert len(seen) == 2**6, "every mask can come"


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (lambda: conditions.masks(1, (1, 28, 28), 5, rng()), "blocks of 5 do not fill pictures of 28 x 28"),
        (lambda: conditions.of_class(torch.tensor([3, 10]), 10), "labels run from 3 to 10; the recipe has 10 classes"),
        (lambda: conditions.some_of_each(torch.arange(50) % 10, 25, 10, 0), "25 labels cannot be shared evenly"),
        (lambda: conditions.some_of_each(torch.arange(50) % 10, 60, 10, 0), "60 labels take 6 examples of each class"),
        (lambda: conditions.nothing("left half", 3, SHAPE, 10), "give it left ones"),
    ],
)
def test_what_makes_no_sense_is_refused(wrong, said):
    with pytest.raises((RecipeError, DataError), match=said):
        wrong()


def test_labels_are_drawn_evenly_and_by_the_seed():
    labels = torch.randint(10, (500,), generator=rng())
    rows = conditions.some_of_each(labels, 40, 10, 3)
    assert labels[rows].bincount().tolist() == [4] * 10 and len(rows.unique()) == 40
    assert torch.equal(rows, conditions.some_of_each(labels, 40, 10, 3))
    assert not torch.equal(rows, conditions.some_of_each(labels, 40, 10, 4))


# -- steps ------------------------------------------------------------------------------------------------------------


def net(module, x):
    """The layers of a G or D once more, down to the logit of a sigmoid at the end of D."""
    for i, layer in enumerate(module.layers):
        of, one = layer.layer, lambda dense, part: part @ dense.linear.weight.T + dense.linear.bias
        if isinstance(of, Beside):
            parts = x.split(of.reads, 1)
            x = torch.cat([relu(one(dense, part)) for dense, part in zip(layer.each, parts)], 1)
            continue
        x = one(layer, x)
        if of.activation == "relu":
            x = relu(x)
        elif of.activation == "maxout":
            x = maxout(x, of.pieces)
        elif of.activation == "sigmoid" and not (i == len(module.layers) - 1 and of.units == 1):
            x = sigmoid(x)
    return x


@pytest.mark.parametrize("update", ["simultaneous", "alternating"])
@pytest.mark.parametrize("condition", GIVEN)
def test_a_step_with_something_given_is_that_of_plain_autograd(condition, update, monkeypatch):
    """Three steps. G and D are asked about the same c; D sees what is given on both sides."""
    recipe = small.recipe(**GIVEN[condition], update=update, lr_D=0.5, lr_G=0.3)
    trainer = Trainer(recipe, small.data(), seed=1, device="cpu", precision="float64")
    noise, given = [], []
    honest, draw = trainer._noise, conditions.given
    monkeypatch.setattr(trainer, "_noise", lambda m: noise.append(honest(m)) or noise[-1])
    monkeypatch.setattr(conditions, "given", lambda *a: given.append((a[1], a[2], draw(*a))) or given[-1][2])
    for _ in range(3):
        noise.clear()
        theta = {name: [p.detach().clone() for p in getattr(trainer, name).parameters()] for name in "GD"}
        velocity = {name: [v.clone() for v in trainer.velocity[name]] for name in "GD"}
        rates, mu = [recipe.lr(name, trainer.updates) for name in "DG"], recipe.momentum(trainer.epoch)
        before = Trainer(recipe, small.data(), seed=1, device="cpu", precision="float64")
        for name in "GD":
            for p, value in zip(getattr(before, name).parameters(), theta[name]):
                p.data.copy_(value)
        next(trainer.steps(1))
        x, labels, c = given[-1]
        assert torch.equal(x * 255, trainer.data.train[trainer.order[: trainer.position * 10][-len(x) :]].double())

        def rows(G, z, x=x, c=c, labels=labels):
            scaled = torch.cat([c[:, :12], 0.1 * c[:, 12:]], 1) if condition == "mask" else c
            drawn = net(G, torch.cat([z, scaled], 1))
            if condition == "class":
                one = torch.eye(10, dtype=torch.float64)[labels]
                return torch.cat([x, one], 1), torch.cat([drawn, one], 1)
            hidden = c[:, 12:] if condition == "mask" else torch.tensor([0.0, 0, 1, 1] * 3, dtype=torch.float64)
            fake = torch.where(hidden.expand(len(x), 12) > 0, drawn, x)
            beside = [hidden / 10] if condition == "mask" else []
            return torch.cat([x, *beside], 1), torch.cat([fake, *beside], 1)

        log_sigmoid = torch.nn.functional.logsigmoid
        real, fake = rows(before.G, noise[0])
        cost_D = -(log_sigmoid(net(before.D, real)).mean() + log_sigmoid(-net(before.D, fake)).mean()) / 2
        D, G = list(before.D.parameters()), list(before.G.parameters())
        grad_D = torch.autograd.grad(cost_D, D, retain_graph=True)
        moved = [mu * v - rates[0] * g for v, g in zip(velocity["D"], grad_D)]
        if update == "alternating":
            for p, step in zip(D, moved):
                p.data.add_(step)
            fake = rows(before.G, noise[1])[1]
        grad_G = torch.autograd.grad(-log_sigmoid(net(before.D, fake)).mean(), G)
        if update == "simultaneous":
            for p, step in zip(D, moved):
                p.data.add_(step)
        for p, v, g in zip(G, velocity["G"], grad_G):
            p.data.add_(mu * v - rates[1] * g)
        for name in "GD":
            own, plain = (list(getattr(run, name).parameters()) for run in (trainer, before))
            assert max((a - b).abs().max().item() for a, b in zip(own, plain)) < 1e-12, name
            assert max((a - b).abs().max().item() for a, b in zip(own, theta[name])) > 1e-6, name


@pytest.mark.parametrize(("inference", "moves"), [("regression", "GDE"), ("joint", "GDE"), ("alone", "E")])
def test_who_moves(inference, moves):
    recipe = small.recipe(**JOINT | {"inference": inference})
    trainer = Trainer(recipe, small.data(), precision="float64")
    without = Trainer(small.recipe(D=PLAIN_D), small.data(), precision="float64")
    before = {name: [p.clone() for p in player.theta] for name, player in trainer.players.items()}
    steps = list(trainer.steps(4))
    for name, player in trainer.players.items():
        moved = any(not torch.equal(a, b) for a, b in zip(before[name], player.theta))
        assert moved == (name in moves), name
    assert all(step.cost_E > 0 for step in steps)
    if inference == "regression":
        list(without.steps(4))
        small.same([p.detach() for p in trainer.G.parameters()], [p.detach() for p in without.G.parameters()])


def test_an_inference_net_that_diverges_ends_the_run():
    recipe = small.recipe(**JOINT | {"inference": "alone", "lr_E": 1e9})
    with pytest.raises(TrainingDiverged, match=r"E's cost (nan|inf): the run has diverged"):
        list(Trainer(recipe, small.data(), precision="float64").steps(300))


def test_D_learns_from_the_labelled_examples_alone_which_class_is_which():
    recipe = small.recipe(**LABELS | {"D": (Layer(60, "relu", 1.0), Layer(10, "linear", 0.5))}, epochs=400)
    trainer = Trainer(recipe, small.data(), precision="float64")
    rows = trainer._labelled
    first, *_, last = trainer.steps(300)
    assert len(rows) == 20 and first.cost_labels > 1.5 > 0.5 > last.cost_labels > 0
    x = trainer.data.train[rows].double() / 255
    assert (trainer.D.classes(x).argmax(1) == trainer.data.train_labels[rows]).double().mean() > 0.9


def test_k_until_lets_D_go_on_only_until_it_is_right():
    """Always right enough: one update of D where G moves apart. Never: all k. At 0 nobody asks."""
    for until, expected in ((1e-9, 1), (1.0, 5), (0.0, 5)):
        trainer = Trainer(small.recipe(k=5, update="alternating", k_until=until), small.data())
        list(trainer.steps(2))
        assert trainer.updates in (2 * expected, 2 * (expected + 1)), until


@pytest.mark.parametrize("name", GAMES)
def test_such_a_run_is_saved_and_goes_on_bit_for_bit(name, tmp_path):
    recipe, data = small.recipe(**GAMES[name]), small.data()
    run = runs.open(tmp_path / "run", recipe, data=data)
    list(run.steps(7))
    run.save()
    again = runs.open(tmp_path / "run", data=data)
    assert list(again.steps(5)) == list(run.steps(5))
    small.same(again.trainer.state(), run.trainer.state())
    run.save()
    trained = checkpoints.load_run(tmp_path / "run")
    back = checkpoints.load_weights(checkpoints.save_weights(tmp_path / "w.safetensors", trained))
    assert back.recipe == recipe and (back.E is None) == (name not in ("joint", "regression"))
    if back.E:
        x = data.valid[:3] / 255
        torch.testing.assert_close(back.E(x), trained.E(x), rtol=0, atol=0.01)


@pytest.mark.parametrize("name", GAMES)
def test_such_a_run_trains_to_its_end_and_keeps_what_it_drew(name, tmp_path):
    run = runs.open(tmp_path, small.recipe(**GAMES[name], epochs=2), data=small.data())
    assert run.train(progress=False) and [row["epoch"] for row in run.strip] == [1, 2]
    if name == "mask":
        assert run.trainer.samples(3).shape == (3, 12)  # of the data's shape, which is no square
    if name == "left half":
        left = torch.tensor([1, 1, 0, 0] * 3) > 0
        assert torch.equal(run.strip[-1]["last"][:, left], small.data().valid[:8, left])


def test_every_recipe_of_section_7_plays_at_smoke_scale():
    from ganlib import load

    data = load("mnist-5k")
    for recipe in SECTION_7:
        trainer = Trainer(recipe.at("smoke"), data)
        *_, step = trainer.steps(2)
        assert step.V < 0 and sum(nets.count_parameters(player.net) for player in trainer.players.values()) < 400_000


# -- samples and refusals ---------------------------------------------------------------------------------------------


def test_samples_are_of_the_classes_in_turn_or_of_what_is_given():
    recipe = small.recipe(**GIVEN["class"])
    G, _ = recipe.networks(0, torch.full((12,), 0.5))
    z, c = recipe.noise(12, 5), conditions.of_class(torch.arange(12) % 10, 10)
    assert torch.equal(recipe.samples(G, 12, 5), G(torch.cat([z, c], 1)).detach())
    threes = conditions.of_class(torch.full((12,), 3), 10)
    assert torch.equal(recipe.samples(G, 12, 5, given=threes), G(torch.cat([z, threes], 1)).detach())
    masked = small.recipe(**GIVEN["mask"])
    G, _ = masked.networks(0, torch.full((12,), 0.5))
    x, mask = torch.rand(4, 12, generator=rng()), (torch.rand(4, 12, generator=rng(1)) < 0.5).float()
    drawn = masked.samples(G, 4, 0, given=conditions.hidden(x, mask), shape=SHAPE)
    assert torch.equal(drawn[mask == 0], x[mask == 0]) and not torch.equal(drawn, x)
    with pytest.raises(RecipeError, match=r"what is given has the shape \(4, 12\); 4 samples take \(4, 24\)"):
        masked.samples(G, 4, 0, given=x, shape=SHAPE)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"condition": "colour"}, "condition is 'colour'; use one of class, left half, mask"),
        ({"inference": "joint"}, "takes both E's layers and `inference`"),
        (GIVEN["mask"] | {"labels": 20}, "exclude each other"),
        (GIVEN["left half"] | {"E": JOINT["E"], "inference": "regression"}, "where nothing is given"),
        (LABELS | {"k": 2}, "simultaneous updates and k = 1"),
        (JOINT | {"update": "alternating"}, "simultaneous updates and k = 1"),
        (JOINT | {"inference": "regression", "update": "alternating"}, "simultaneous updates and k = 1"),
        (JOINT | {"inference": "alone", "k": 2}, "simultaneous updates and k = 1"),
        (JOINT | {"generator_cost": "features"}, "takes a cost of logits"),
        ({"labels": 20}, "a unit for each class"),
        ({"D": LABELS["D"]}, "a unit for each class"),
        ({"k_until": 1.5}, "k_until is 1.5; an accuracy lies in"),
        ({"labels": -1}, "labels is -1"),
    ],
)
def test_a_recipe_that_makes_no_sense_is_refused(changes, said):
    with pytest.raises(RecipeError, match=said):
        small.recipe(**changes)


def test_layers_side_by_side_read_their_own_shares():
    layers = (Beside((2, 1), (Layer(2, "linear", 1.0), Layer(1, "linear", 1.0))), Layer(1, "sigmoid", 1.0))
    D = nets.Discriminator(3, layers, rng())
    (A, b), (C, e) = ([p.detach() for p in dense.parameters()] for dense in D.layers[0].each)
    x = torch.rand(5, 3, generator=rng())
    expected = torch.cat([x[:, :2] @ A.T + b, x[:, 2:] @ C.T + e], 1)
    torch.testing.assert_close(D.layers[0](x), expected)
    nets.limit(D.layers[0], 0.1)
    assert all(dense.linear.weight.norm(dim=1).max() < 0.1001 for dense in D.layers[0].each)
    assert "2 linear" in str(layers[0]) and "beside" in str(layers[0])
    with pytest.raises(RecipeError, match=r"side by side read \(2, 1\); the layer below gives 4 numbers"):
        nets.Discriminator(4, layers, rng())
    with pytest.raises(RecipeError, match="2 layers beside each other read"):
        Beside((2,), (Layer(2, "linear", 1.0), Layer(1, "linear", 1.0)))
    with pytest.raises(RecipeError, match="a layer's noise is -1"):
        Layer(2, "relu", 1.0, noise=-1)


def test_noise_is_on_where_dropout_is():
    dense = nets.Dense(3, Layer(2, "linear", 1.0, noise=0.5), rng())
    x = torch.zeros(20_000, 3)
    assert torch.equal(dense(x), dense.linear.bias.expand(20_000, 2))
    spread = (dense(x, rng(1)) - dense.linear.bias).std(0) / dense.linear.weight.norm(dim=1)
    assert spread.tolist() == pytest.approx([0.5, 0.5], rel=0.03)


def test_a_start_from_a_pair_teaches_an_inference_net_alone(tmp_path):
    pair_run = runs.open(tmp_path / "pair", small.recipe(), data=small.data())
    list(pair_run.steps(3))
    pair_run.save()
    pair = checkpoints.load_run(tmp_path / "pair")
    recipe = replace(small.recipe(), E=JOINT["E"], inference="alone", epochs=9)
    run = runs.open(tmp_path / "alone", recipe, data=small.data(), start=pair)
    list(run.steps(4))
    small.same([p.detach() for p in run.trainer.G.parameters()], [p.detach() for p in pair.G.parameters()])


def test_small_weights_leave_D_out_and_keep_a_matrix_to_a_255th_of_its_rows(tmp_path):
    run = runs.open(tmp_path / "run", small.recipe(**GAMES["regression"]), data=small.data())
    list(run.steps(5))
    run.save()
    trained = checkpoints.load_run(tmp_path / "run")
    path = checkpoints.save_weights(tmp_path / "w.safetensors", trained, small=True)
    back = checkpoints.load_weights(path)
    with checkpoints.read_weights(path) as (tensors, _):
        assert tensors["G.layers.0.linear.weight"].dtype == torch.int8 and not any(key[0] == "D" for key in tensors)
    assert back.D is None and back.recipe == trained.recipe
    for name in ("G", "E", "average"):
        for own, kept in zip(getattr(trained, name).parameters(), getattr(back, name).parameters()):
            rows = own.detach().abs().reshape(len(own), -1).amax(1)
            off = (own - kept).detach().abs().reshape(len(own), -1).amax(1)
            assert (off <= 0.51 * rows / 127 + 1e-3 * rows + 1e-7).all(), name
