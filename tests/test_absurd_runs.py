"""Absurd calls of what `import ganlib` gives: recipes, layers, data sets, trainers, weights; one clear error each."""

from __future__ import annotations

import math
from dataclasses import fields, replace

import pytest
import torch

import ganlib
from ganlib import MNIST, Average, History, Recipe, Trainer, conditions, datasets, nets
from ganlib.nets import Convolution, Deconvolution, Generator, Layer
from tests import small
from tests.absurd import HUGE, LARGE, NO_NUMBER, NO_STRING, NO_TENSOR, NO_TORCH_RNG, NO_WHOLE, Bad, Call, refused

AT_LEAST = 300
NO_COUNT = tuple(value for value in NO_WHOLE if value is not LARGE)  # where 10^18 is none too many
NO_SEED = (*NO_COUNT, 2**64)
NO_LAYERS = (None, 3, "ab", (), [3], (None,), Bad(), [Layer(3, "relu", 0.1), 3])
NO_LABELS = (*NO_TENSOR, torch.ones(25), torch.ones(24).long(), torch.ones(25, 1).long())
NO_PICTURES = (*NO_TENSOR, torch.rand(25, 12), torch.ones(25, 12).byte(), torch.zeros(25, 12, dtype=torch.int8))
NO_PICTURES += (torch.full((25, 11), 9, dtype=torch.uint8), torch.full((12,), 9, dtype=torch.uint8))
NO_PICTURES += (torch.full((0, 12), 9, dtype=torch.uint8), torch.full((25, 1, 3, 4), 9, dtype=torch.uint8))


def recipes() -> list[Call]:
    """Each field of a recipe and of a layer."""

    def varied(**change: object) -> Recipe:
        """The small recipe with a change."""
        return small.recipe(**change)

    whole, real = {}, {}
    for item in fields(Recipe):
        value = getattr(small.RECIPE, item.name)
        if type(value) is int:
            whole[item.name] = (
                (*NO_WHOLE, 10**9)
                if item.name in ("z_dim", "batch", "k", "n_samples", "classes", "block")
                else NO_COUNT
            )
        elif type(value) is float:
            real[item.name] = (*NO_NUMBER, -1.0)
    words = {name: (*NO_STRING, "no such word") for name in ("p_z", "update", "generator_cost", "pixels", "condition")}
    words |= {name: NO_STRING for name in ("name", "source", "data", "built_on")}
    own = {name: getattr(small.RECIPE, name) for name in (*whole, *real, *words)}
    counts, rate = (*NO_WHOLE, 0, 10**9), (*NO_NUMBER, -0.1)
    layer = {
        "units": 3,
        "activation": "maxout",
        "irange": 0.1,
        "pieces": 2,
        "keep": 0.5,
        "bias": 0.1,
        "sparse": 1,
        "noise": 0.1,
    }
    convolution = dict(of=(1, 8, 8), maps=2, pieces=2, kernel=3, padding=1, pool=2, stride=1, irange=0.1, keep=0.5)
    spread = dict(of=(2, 4, 4), channels=1, kernel=3, stride=2, irange=0.1)
    of = (None, 3, "abc", (1, 2), (1, 2, 0), (1, 2.0, 3), (1, HUGE, 3))
    r, d = MNIST.at("smoke"), torch.full((784,), 0.1)
    G = r.networks(0, d)[0]
    return [
        Call(varied, own, {**whole, **real, **words}),
        Call(varied, {"G": small.RECIPE.G, "D": small.RECIPE.D}, {"G": NO_LAYERS, "D": NO_LAYERS}),
        Call(
            Layer,
            layer,
            {
                "units": counts,
                "pieces": counts,
                "sparse": NO_WHOLE,
                "irange": rate,
                "keep": (*rate, 0, 2),
                "noise": rate,
                "activation": (*NO_STRING, "tanh"),
                "bias": (None, "one", math.nan, HUGE, [], Bad()),
            },
        ),
        Call(
            Convolution,
            convolution,
            {
                "of": of,
                "maps": counts,
                "pieces": counts,
                "kernel": counts,
                "padding": NO_WHOLE,
                "pool": counts,
                "stride": counts,
                "irange": rate,
                "keep": (*rate, 0),
            },
        ),
        Call(Deconvolution, spread, {"of": of, "channels": counts, "kernel": counts, "stride": counts, "irange": rate}),
        Call(
            Recipe.from_dict,
            {"plain": r.to_dict()},
            {
                "plain": (
                    None,
                    3,
                    "ab",
                    {},
                    [],
                    {"G": 3},
                    {**r.to_dict(), "zz": 1},
                    {**r.to_dict(), "G": [{"units": 3}]},
                    {**r.to_dict(), "G": []},
                    {**r.to_dict(), "D": None},
                )
            },
        ),
        Call(r.at, {"profile": "smoke"}, {"profile": (*NO_STRING, "tiny")}),
        Call(r.noise, {"n": 3, "seed": 1}, {"n": NO_WHOLE, "seed": NO_COUNT}),
        Call(
            r.samples,
            {"G": G, "n": 3, "seed": 1},
            {"G": (None, 3, "G", Bad()), "n": (*NO_WHOLE, 10**9), "seed": NO_COUNT},
        ),
        Call(r.networks, {"seed": 0, "data_mean": d}, {"seed": NO_SEED, "data_mean": (*NO_TENSOR, d[:5], d[None])}),
        Call(r.changes, {"reference": MNIST}, {"reference": (None, 3, "mnist", {})}),
        Call(ganlib.named, {"name": "mnist"}, {"name": (*NO_STRING, "mnist2", ["mnist"])}),
        Call(nets.Generator, {"z_dim": 2, "layers": [Layer(3, "relu", 0.1)]}, {"z_dim": counts, "layers": NO_LAYERS}),
        Call(
            nets.Discriminator,
            {"inputs": 2, "layers": [Layer(1, "sigmoid", 0.1)]},
            {"inputs": counts, "layers": NO_LAYERS},
        ),
    ]


def runs(tmp_path) -> list[Call]:
    """What trains, and what is kept of it."""
    data, recipe = small.data(), small.recipe()
    trainer = Trainer(recipe, data)
    list(trainer.steps(3))
    trained = ganlib.Trained(trainer.G, trainer.D, recipe, {"epochs": 1.0, "steps": 3, "data": "small"})
    own = {item.name: getattr(data, item.name) for item in fields(data)}
    paths = (None, 3, "", Bad(), "\0", "x" * 10_000, tmp_path, tmp_path / "nothing", tmp_path / "w.pt")
    x, labels, rng = torch.rand(4, 16), torch.arange(4), torch.Generator().manual_seed(0)
    shape, no_shape = (1, 4, 4), (None, 3, "abc", (1, 4), (1, 0, 4), (1, 4.0, 4), (1, HUGE, 4), (1, 4, 5))
    no_condition, classes = (*NO_STRING, "colour"), (*NO_WHOLE, 0)
    G, m = Generator(20, [Layer(16, "sigmoid", 0.1)]), torch.zeros(4, 16)
    return [
        Call(
            lambda **own: ganlib.Dataset(**own),
            own,
            {
                **{n: NO_PICTURES for n in ("train", "valid", "test")},
                **{f"{n}_labels": NO_LABELS for n in ("train", "valid", "test")},
                "shape": (None, 3, "abc", (3, 4), (1, 3, 5), (1, 3.0, 4), (1, -3, -4), (HUGE, 1, 1)),
                "name": NO_STRING,
                "source": NO_STRING,
                "note": NO_STRING,
                "folds": (None, 3, [1], (1,)),
            },
        ),
        Call(lambda **change: replace(data, **change), {"train": data.train}, {"train": NO_PICTURES}),
        Call(ganlib.load, {"name": "synthetic"}, {"name": (*NO_STRING, "mnist2", ["mnist"])}),
        Call(datasets.status, {"name": "synthetic"}, {"name": (*NO_STRING, "mnist2")}),
        Call(datasets.picture_shape, {"name": "synthetic"}, {"name": (*NO_STRING, "mnist2")}),
        Call(
            Trainer,
            {"recipe": recipe, "data": data, "seed": 0, "device": "cpu", "precision": "float32", "history_every": 5},
            {
                "recipe": (None, 3, "mnist", {}, Bad()),
                "data": (None, 3, "mnist", data.train, Bad()),
                "seed": NO_SEED,
                "device": (*NO_STRING, "", "abacus", "cuda:99", "meta", "mps", "xla", "hpu"),
                "precision": (*NO_STRING, "float8", ""),
                "history_every": (*NO_WHOLE, 0),
            },
        ),
        Call(lambda n: list(zip(trainer.steps(n), range(2))), {"n": 1}, {"n": NO_COUNT[1:]}),
        Call(lambda k: next(Trainer(small.recipe(k=k), data).steps(1)), {"k": 2}, {"k": (*NO_WHOLE, 0, 10**9)}),
        Call(
            Average,
            {"G": trainer.G, "horizon": 100, "step": 0, "part": 2},
            {
                "G": (None, 3, "G", trainer.D, Bad()),
                "horizon": (*NO_WHOLE, 0),
                "step": NO_WHOLE,
                "part": (*NO_WHOLE, 0),
            },
        ),
        Call(Average(trainer.G).see, {"step": 10}, {"step": NO_WHOLE}),
        Call(History, {"every": 5}, {"every": (*NO_WHOLE, 0)}),
        Call(trainer.history.column, {"name": "V"}, {"name": (*NO_STRING, "W")}),
        Call(trainer.history.record, {"step": next(trainer.steps(1))}, {"step": (None, 3, "step", (1, 2), Bad())}),
        Call(ganlib.load_weights, {"path": ganlib.save_weights(tmp_path / "w.safetensors", trained)}, {"path": paths}),
        Call(ganlib.pretrained, {"name": "mnist"}, {"name": (*NO_STRING, "mnist2", "../mnist", "")}),
        Call(
            ganlib.save_weights,
            {"path": tmp_path / "v.safetensors", "trained": trained, "small": False},
            {
                "path": [p for p in paths if p != tmp_path / "nothing"],
                "trained": (None, 3, "mnist", trainer.G, Bad()),
                "small": (None, 1, "yes"),
            },
        ),
        Call(
            conditions.widths,
            {"condition": "class", "d": 16, "classes": 4},
            {"condition": no_condition, "d": (*NO_WHOLE, 0), "classes": classes},
        ),
        Call(
            conditions.of_class,
            {"labels": labels, "classes": 4, "dtype": torch.float32},
            {
                "labels": (*NO_TENSOR, labels - 1, labels + 1, x[0]),
                "classes": classes,
                "dtype": (None, "float32", torch.int64),
            },
        ),
        Call(conditions.hidden, {"x": x, "mask": m}, {"x": (*NO_TENSOR, x[:, :3]), "mask": (*NO_TENSOR, m[:, :3])}),
        Call(conditions.right_half, {"shape": shape, "like": x}, {"shape": no_shape[:-1], "like": NO_TENSOR}),
        Call(
            conditions.given,
            {"condition": "mask", "x": x, "labels": labels, "shape": shape, "classes": 4, "block": 2, "rng": rng},
            {
                "condition": no_condition,
                "x": (*NO_TENSOR, x[:, :3]),
                "shape": no_shape,
                "block": (*NO_WHOLE, 0, 3),
                "rng": NO_TORCH_RNG,
            },
        ),
        Call(
            conditions.nothing,
            {"condition": "mask", "n": 2, "shape": shape, "classes": 4},
            {"condition": (*no_condition, "left half"), "n": NO_WHOLE, "shape": no_shape[:-1], "classes": classes},
        ),
        Call(
            conditions.masks,
            {"m": 2, "shape": shape, "block": 2, "rng": rng},
            {"m": (*NO_WHOLE, 10**9), "shape": no_shape, "block": (*NO_WHOLE, 0, 3), "rng": NO_TORCH_RNG},
        ),
        Call(
            conditions.completed,
            {"condition": "mask", "x": x, "c": torch.cat([x, m], 1), "shape": shape},
            {"condition": no_condition, "x": (*NO_TENSOR, x[:, :3]), "c": NO_TENSOR, "shape": no_shape[:-1]},
        ),
        Call(
            conditions.beside,
            {"condition": "class", "z": x, "c": x},
            {"condition": no_condition, "z": NO_TENSOR, "c": NO_TENSOR},
        ),
        Call(
            conditions.looked_at,
            {"condition": "class", "x": x, "c": x},
            {"condition": no_condition, "x": NO_TENSOR, "c": NO_TENSOR},
        ),
        Call(
            conditions.some_of_each,
            {"labels": labels, "n": 4, "classes": 4, "seed": 0},
            {"labels": NO_TENSOR, "n": (*NO_WHOLE, 3, 400), "classes": classes, "seed": NO_SEED},
        ),
        Call(G.pictures, {"z": torch.rand(3, 20)}, {"z": (*NO_TENSOR, torch.rand(3, 5))}),
    ]


def test_absurd_recipes_and_layers_end_in_one_clear_error():
    assert refused(recipes()) >= AT_LEAST


def test_absurd_data_runs_and_weights_end_in_one_clear_error(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert refused(runs(tmp_path)) >= AT_LEAST


@pytest.mark.parametrize("profile", ["huge", "SMOKE", "\x00", "x" * 10_000, "quick quick"])
def test_an_absurd_profile_is_one_clear_error(profile, monkeypatch):
    monkeypatch.setattr(ganlib.recipes.recipe.os, "environ", {"GANLIB_PROFILE": profile})
    with pytest.raises(ganlib.RecipeError) as error:
        ganlib.profile()
    assert len(str(error.value)) < 200


def test_all_that_the_package_exports_is_called(tmp_path):
    called = {call.f.__qualname__.split(".")[0] for call in (*recipes(), *runs(tmp_path))}
    assert {name for name in ganlib.__all__ if callable(getattr(ganlib, name))} <= called | {"Dataset", "profile"} | {
        *("CheckpointError", "DataError", "GanlibError", "RecipeError", "TrainingDiverged"),  # errors
        *("Step", "Trained", "scale"),  # a record, what holds two nets, and of `test_absurd_calls`
    }
