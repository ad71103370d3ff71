"""The trainer against an update written a second time, from the paper's facts alone, in plain float64 autograd."""

from __future__ import annotations

import copy
import math

import pytest
import torch

from ganlib import DataError, RecipeError, Trainer, TrainingDiverged, game, named, plots
from ganlib.history import History, Step
from tests import small
from tests.plain import PlainRun, largest_difference, plain_cost_D, plain_cost_G, plain_D, plain_G

SCHEDULE = {"lr_D": 0.5, "lr_G": 0.3, "lr_decay": 1.1, "lr_min": 0.25, "momentum_epochs": 3}

# -- the update -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("k", [1, 3])
@pytest.mark.parametrize("cost", ["non-saturating", "minimax"])
@pytest.mark.parametrize("update", ["simultaneous", "alternating"])
def test_every_step_equals_an_independent_float64_computation(update, cost, k):
    """Six steps: epochs end with a smaller batch and reshuffle, momentum rises, a rate decays to its floor."""
    recipe = small.recipe(update=update, generator_cost=cost, k=k, **SCHEDULE)
    trainer = Trainer(recipe, small.data(), seed=3, device="cpu", precision="float64")
    plain = PlainRun(trainer)
    for step in trainer.steps(6):
        plain.iterate()
        assert largest_difference(trainer, plain) < 1e-10, step
    assert plain.epoch == trainer.epoch == 2 * k
    assert [len(rows) for rows in plain.drawn] == [10, 10, 5] * 2 * k
    assert sum(v.abs().sum() for v in plain.v_G) > 0.01, "nothing moved, so nothing was compared"
    assert recipe.lr_G / recipe.lr_decay**plain.t < recipe.lr_min, "the floor of the rates was not reached"


def test_a_step_of_the_full_recipe_equals_an_independent_float64_computation():
    """One step of the real widths and the real schedule: 1200-1200-784 against 240 x 5, 240 x 5."""
    from ganlib import MNIST, load

    trainer = Trainer(MNIST, load("mnist-5k"), seed=0, device="cpu", precision="float64")
    plain = PlainRun(trainer)
    plain.widths = ((784, 0.8), (240, 0.5), (240, 0.5))
    next(trainer.steps(1))
    before = [p.clone() for p in plain.G]
    assert [p.shape for p in before] == [p.shape for p in trainer.G.parameters()]
    plain.iterate()
    assert largest_difference(trainer, plain) < 1e-15, "G's first step is about 1e-7: 1e-10 would say little"
    assert max((a - b).abs().max() for a, b in zip(before, plain.G)) > 1e-8


@pytest.mark.parametrize("update", ["simultaneous", "alternating"])
def test_k_updates_draw_fresh_batches_and_an_epoch_repeats_no_example(update, monkeypatch):
    """All D updates of a step see other rows; within an epoch each example at most once; epochs are in other orders."""
    recipe = small.recipe(update=update, k=3, batch=5)
    trainer = Trainer(recipe, small.data(n=30), seed=0, precision="float64")
    index = {tuple(row): i for i, row in enumerate(trainer.data.train.tolist())}
    seen = []
    for name in ("discriminator_gradients", "simultaneous_gradients"):
        honest = getattr(game, name)

        def spy(*arguments, honest=honest):
            x = next(a for a in arguments if isinstance(a, torch.Tensor) and a.shape == (5, 12))
            seen.append([index[tuple(row)] for row in (x * 255).round().int().tolist()])
            return honest(*arguments)

        monkeypatch.setattr(game, name, spy)
    for _ in trainer.steps(4):  # 12 updates of D, 6 an epoch
        pass
    assert len(seen) == 12 and trainer.updates == 12 and trainer.step == 4
    first, second = sum(seen[:6], []), sum(seen[6:], [])
    assert sorted(first) == sorted(second) == list(range(30))
    assert first != second


@pytest.mark.parametrize(("update", "of_G"), [("simultaneous", []), ("alternating", [10])])
def test_the_last_batch_of_an_epoch_is_what_is_left_with_as_much_noise(update, of_G, monkeypatch):
    """25 examples in tens: 10, 10, 5, each example once. An alternating update of G draws m samples always."""
    trainer = Trainer(small.recipe(update=update), small.data(n=25), seed=0, precision="float64")
    index = {tuple(row): i for i, row in enumerate(trainer.data.train.tolist())}
    x, z, honest = [], [], (trainer._next_batch, trainer._noise)
    monkeypatch.setattr(trainer, "_next_batch", lambda: x.append(honest[0]()) or x[-1])
    monkeypatch.setattr(trainer, "_noise", lambda m: z.append(m) or honest[1](m))
    done = [step.epoch for step in trainer.steps(6)]
    assert [len(batch) for batch in x] == [10, 10, 5] * 2
    assert z == [m for batch in x for m in [len(batch), *of_G]]
    rows = [index[tuple(row)] for row in (torch.cat(x) * 255).round().int().tolist()]
    assert sorted(rows[:25]) == sorted(rows[25:]) == list(range(25)) and rows[:25] != rows[25:]
    assert done == [0.4, 0.8, 1, 1.4, 1.8, 2], "of the examples, not of the batches"


@pytest.mark.parametrize(
    ("name", "examples", "updates"),
    [("mnist", 50_000, 500), ("cifar10-fc", 40_000, 400), ("cifar10-conv", 40_000, 313), ("tfd-1", 28_709, 288)],
)
def test_updates_in_an_epoch_of_the_published_recipes(name, examples, updates):
    trainer = Trainer(small.recipe(batch=named(name).batch), small.data(n=200))
    trainer.pictures = torch.empty(examples, 0)
    assert trainer.batches == updates
    trainer.position = updates
    assert trainer.epochs_done == 1
    trainer.position = updates - 1
    assert trainer.epochs_done == (updates - 1) * named(name).batch / examples < 1


@pytest.mark.parametrize("update", ["simultaneous", "alternating"])
def test_one_player_with_a_vanishing_rate_stays_while_the_other_moves(update):
    """G's gradient goes through D, and D's through G's pictures; neither may move the other."""
    for still, moving in (("D", "G"), ("G", "D")):
        rates = {f"lr_{still}": 1e-300, f"lr_{moving}": 0.5, "lr_min": 1e-300}
        trainer = Trainer(small.recipe(update=update, k=2, **rates), small.data(), precision="float64")
        before = {name: [p.detach().clone() for p in getattr(trainer, name).parameters()] for name in "GD"}
        list(trainer.steps(3))
        moved = {
            name: max((a - b).abs().max().item() for a, b in zip(before[name], getattr(trainer, name).parameters()))
            for name in "GD"
        }
        assert moved[still] < 1e-290
        assert moved[moving] > 1e-3


def test_no_gradient_is_left_on_the_nets():
    trainer = Trainer(small.recipe(), small.data(), precision="float64")
    list(trainer.steps(2))
    assert all(p.grad is None for net in (trainer.G, trainer.D) for p in net.parameters())


@pytest.mark.parametrize(("precision", "tolerance"), [("float32", 1e-5), ("bfloat16", 0.03)])
@pytest.mark.parametrize("update", ["simultaneous", "alternating"])
def test_a_lower_precision_stays_close_to_float64(precision, tolerance, update):
    recipe = small.recipe(update=update)
    exact, rough = (Trainer(recipe, small.data(), seed=1, device="cpu", precision=p) for p in ("float64", precision))
    for a, b in zip(exact.steps(5), rough.steps(5)):
        assert b.V == pytest.approx(a.V, abs=10 * tolerance)
        assert b.norm_G == pytest.approx(a.norm_G, rel=20 * tolerance)
    for name in "GD":
        for p, q in zip(getattr(exact, name).parameters(), getattr(rough, name).parameters()):
            assert q.dtype == torch.float32
            assert (p - q).abs().max().item() < tolerance


# -- the record -------------------------------------------------------------------------------------------------------


def test_the_record_of_a_step_says_what_the_step_started_from():
    recipe = small.recipe(**SCHEDULE)
    trainer = Trainer(recipe, small.data(), seed=5, precision="float64")
    plain = PlainRun(trainer)
    plain.iterate()  # one step behind is enough: now look at the second
    first = next(trainer.steps(1))
    theta_G, theta_D = ([p.clone().requires_grad_() for p in theta] for theta in (plain.G, plain.D))
    x, z, masks = plain.batch(), plain.noise(10), plain.masks(20)
    p_fake = plain_D(theta_D, plain_G(theta_G, z), [mask[10:] for mask in masks])
    p_real = plain_D(theta_D, x, [mask[:10] for mask in masks])
    cost_D, cost_G = plain_cost_D(p_real, p_fake), plain_cost_G(p_fake, "non-saturating")
    grad_D = torch.autograd.grad(cost_D, theta_D, retain_graph=True)
    grad_G = torch.autograd.grad(cost_G, theta_G)

    step = next(trainer.steps(1))
    assert (first.step, first.epoch, step.step, step.epoch) == (1, 0.4, 2, 0.8)
    assert step.V == pytest.approx(-2 * cost_D.item(), abs=1e-12)
    assert step.cost_D == pytest.approx(cost_D.item(), abs=1e-12)
    assert step.cost_G == pytest.approx(cost_G.item(), abs=1e-12)
    assert step.D_real == pytest.approx(p_real.mean().item(), abs=1e-12)
    assert step.D_fake == pytest.approx(p_fake.mean().item(), abs=1e-12)
    assert step.norm_D == pytest.approx(math.sqrt(sum((g**2).sum().item() for g in grad_D)), abs=1e-12)
    assert step.norm_G == pytest.approx(math.sqrt(sum((g**2).sum().item() for g in grad_G)), abs=1e-12)
    assert (step.lr_D, step.lr_G) == pytest.approx((0.5 / 1.1, 0.3 / 1.1))
    assert (first.lr_D, first.momentum, step.momentum) == (0.5, 0.5, 0.5)


def test_history_averages_whole_windows():
    history = History(every=3)
    steps = [Step(i, i / 4, -1.0 * i, *[float(i)] * 9) for i in range(1, 8)]
    for step in steps:
        history.record(step)
    assert history.column("step").tolist() == [3, 6]
    assert history.column("epoch").tolist() == [0.75, 1.5]
    assert history.column("V").tolist() == [-2, -5]
    curves = history.curves()
    assert (curves["epoch"].tolist(), curves["V"].tolist()) == ([0.75, 1.5], [-2, -5])
    assert plots.learning_curves(curves), "the names that a drawing asks for"
    again = History.from_state(history.state())
    for step in (steps[0], steps[1]):
        history.record(step)
        again.record(step)
    assert again.rows == history.rows and len(again.rows) == 3


def test_the_same_seed_gives_the_same_run_and_looking_at_it_changes_nothing():
    watched, alone = (Trainer(small.recipe(), small.data(), seed=2, device="cpu") for _ in range(2))
    for _ in watched.steps(4):
        watched.samples(7)
        watched.validate()
    list(alone.steps(4))
    other = Trainer(small.recipe(), small.data(), seed=3, device="cpu")
    list(other.steps(4))
    for name in "GD":
        nets = [getattr(trainer, name) for trainer in (watched, alone, other)]
        for p, q, r in zip(*(net.parameters() for net in nets)):
            assert torch.equal(p, q)
            assert not torch.equal(p, r)


def test_a_run_goes_on_from_its_state_bit_for_bit_without_a_file():
    one, two = (Trainer(small.recipe(k=2), small.data(), seed=2, device="cpu") for _ in range(2))
    list(one.steps(5))
    list(two.steps(2))
    again = Trainer.from_state(copy.deepcopy(two.state()), small.data())
    small.same(again.state(), two.state())
    list(again.steps(3))
    small.same(again.state(), one.state())
    assert two.step == 2, "the state is a copy here; the run that gave it stays where it was"


# -- live changes, and what is refused --------------------------------------------------------------------------------


def test_a_live_change_acts_from_the_next_step_and_is_recorded():
    trainer = Trainer(small.recipe(), small.data(), precision="float64")
    list(trainer.steps(2))
    trainer.change(k=3, lr_D=0.01, lr_G=0.2, momentum_start=0.1, momentum_end=0.1, update="alternating")
    step = next(trainer.steps(1))
    assert trainer.updates == 5
    assert (step.lr_D, step.lr_G, step.momentum) == pytest.approx((0.01, 0.2, 0.1), rel=1e-4)
    assert trainer.history.changes[0]["step"] == 2
    assert trainer.history.changes[0]["k"] == 3


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"k": 0}, "k is 0"),
        ({"k": 2, "lr_D": -1.0}, "lr_D is -1.0"),
        ({"momentum_end": 1.0}, "momentum_end is 1.0"),
        ({"batch": 5}, "batch cannot change"),
        ({"nonsense": 5}, "nonsense cannot change"),
    ],
)
def test_a_refused_change_leaves_the_run_as_it_was(change, said):
    trainer = Trainer(small.recipe(), small.data())
    with pytest.raises(RecipeError, match=said):
        trainer.change(**change)
    assert trainer.recipe == small.recipe()
    assert trainer.history.changes == []


@pytest.mark.parametrize("seed", [-1, 2**63, 1.5, "0", None])
def test_a_bad_seed_is_refused(seed):
    with pytest.raises(RecipeError, match="seed is"):
        Trainer(small.recipe(), small.data(), seed=seed)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"precision": "float16"}, "precision is 'float16'"),
        ({"device": "abacus"}, "device 'abacus' is not usable"),
        ({"history_every": 0}, "history_every is 0"),
    ],
)
def test_bad_options_are_refused(options, said):
    with pytest.raises(RecipeError, match=said):
        Trainer(small.recipe(), small.data(), **options)


def test_data_that_do_not_fit_the_recipe_are_refused():
    with pytest.raises(DataError, match=r"9 training examples, fewer than a batch of 10"):
        Trainer(small.recipe(), small.data(n=9))
    with pytest.raises(DataError, match=r"784 numbers, 'small' has 12"):
        Trainer(small.recipe(G=small.MNIST.G), small.data())


@pytest.mark.parametrize("precision", ["float32", "bfloat16", "float64"])
@pytest.mark.parametrize("cost", ["non-saturating", "minimax"])
@pytest.mark.parametrize("update", ["simultaneous", "alternating"])
def test_a_run_that_diverges_says_when_and_at_which_rates(update, cost, precision):
    recipe = small.recipe(lr_D=1e20, lr_G=2e20, lr_decay=1, update=update, generator_cost=cost)
    trainer = Trainer(recipe, small.data(), device="cpu", precision=precision)
    said = r"^at step \d+ \(epoch \d\) V\(D, G\) is .* with lr_D 1e\+20, lr_G 2e\+20, momentum 0\.\d"
    with pytest.raises(TrainingDiverged, match=said) as caught:
        list(trainer.steps(300))
    assert "earlier checkpoints are untouched" in str(caught.value)


def test_examples_limits_the_training_data_and_the_mean_that_G_starts_from():
    trainer = Trainer(small.recipe(examples=12), small.data(n=25), precision="float64")
    assert len(trainer.pictures) == 12 and trainer.batches == 2
    mean = trainer.data.train[:12].double().mean(0) / 255
    assert torch.sigmoid(trainer.G.layers[-1].linear.bias).detach() == pytest.approx(mean, abs=1e-7)
