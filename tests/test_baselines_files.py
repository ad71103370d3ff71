"""A baseline's run on the disk: it goes on bit for bit, refuses another run's folder, and its weights come back."""

import json
from dataclasses import replace

import pytest
import torch

from ganlib import baselines
from ganlib.baselines import files
from ganlib.baselines.files import KINDS, kind, recipe_from
from ganlib.errors import CheckpointError, DataError, RecipeError
from tests import small

SMALL = {"hidden": (5, 4), "batch": 10}
R = baselines.RECIPES
RECIPES = [
    KINDS["rbm"](hidden=5, epochs=3),
    replace(R["rbm"], hidden=5, epochs=3, batch=10),
    replace(R["dbn"], epochs_a_layer=2, **SMALL),
    replace(R["dbm"], epochs=3, **SMALL),
    replace(R["cae"], epochs_a_layer=2, **SMALL),
    replace(R["gsn"], epochs=3, **SMALL),
    replace(R["vae"], epochs=3, **SMALL),
]


def names(recipe):
    return kind(recipe) + ("-persistent" if getattr(recipe, "persistent", False) else "")


def train(folder, recipe, **options):
    data = options.pop("data", None) or small.data()
    return baselines.train(folder, recipe, data, progress=False, validate_every=0, device="cpu", **options)


@pytest.mark.parametrize("recipe", RECIPES, ids=names)
def test_a_run_that_was_killed_goes_on_bit_for_bit(recipe, tmp_path, monkeypatch):
    whole = train(tmp_path / "whole", recipe)

    def killed(*arguments):
        for step in baselines.fit(*arguments):
            if step.step == 5:  # in the second epoch of three minibatches
                raise MemoryError
            yield step

    with monkeypatch.context() as patch, pytest.raises(MemoryError):
        patch.setattr(files, "fit", killed)
        train(tmp_path / "killed", recipe)
    assert baselines.load(tmp_path / "killed")[0].done == 1
    small.same(whole.state(), train(tmp_path / "killed", recipe).state())
    history = baselines.load(tmp_path / "killed")[1]["history"]
    assert [row["epoch"] for row in history] == list(range(1, recipe.epochs + 1))


def test_a_stop_says_what_is_saved(tmp_path, capsys):
    assert train(tmp_path, RECIPES[0], seconds=1e-9).done == 0
    assert f"Stopped; epoch 0 of 3 is saved in {tmp_path}. The same call goes on." in capsys.readouterr().out
    assert train(tmp_path, RECIPES[0]).done == 3


def test_another_run_is_refused_and_stays(tmp_path):
    recipe = RECIPES[0]
    train(tmp_path, recipe)
    before = baselines.load(tmp_path)[0].state()
    with pytest.raises(CheckpointError, match=r"another one \(lr: 0.01 -> 0.5\)"):
        train(tmp_path, replace(recipe, lr=0.5))
    with pytest.raises(CheckpointError, match=r"another one \(seed: 0 -> 1\)"):
        train(tmp_path, recipe, seed=1)
    with pytest.raises(CheckpointError, match="another one .*fingerprint"):
        train(tmp_path, recipe, data=small.data(seed=1))
    with pytest.raises(CheckpointError, match="rbm -> vae"):
        train(tmp_path, RECIPES[-1])
    assert train(tmp_path, replace(recipe, epochs=4)).done == 4
    assert before["done"] == 3


@pytest.mark.parametrize("recipe", RECIPES, ids=names)
def test_weights_come_back_as_halves(recipe, tmp_path):
    *_, step = baselines.fit(small.data().train / 255, recipe, 0, device="cpu")
    path = baselines.save_weights(tmp_path / "a.safetensors", step.model, {"data": "small"})
    model = baselines.load_weights(path)
    assert model.recipe == recipe and model.done == recipe.epochs and model.info["data"] == "small"
    for name, tensor in step.model.state_dict().items():
        assert torch.equal(tensor.half().float(), model.state_dict()[name]), name
    assert model.samples(7, 1).shape == (7, 12)
    assert not torch.equal(model.samples(7, 1), model.samples(7, 2))
    assert torch.equal(model.samples(7, 1), model.samples(7, 1))
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(CheckpointError, match="damaged"):
        baselines.load_weights(path)


@pytest.mark.parametrize("path", sorted(files.WEIGHTS.glob("*.safetensors")), ids=lambda path: path.stem)
def test_what_is_shipped_draws_digits_and_is_what_was_scored(path):
    model = baselines.pretrained(path.stem)
    x = model.samples(5, 1, means=True)
    assert x.shape == (5, 784) and float(x.min()) >= 0 and float(x.max()) <= 1
    rows = json.loads((files.WEIGHTS.parent.parent / "results" / "baselines.json").read_text())["rows"]
    [row] = [row for row in rows if (row["model"], row["data"], row["kind"]) == (path.stem, "mnist", "means")]
    assert (row["epochs"], row["seed"]) == (model.done, model.info["seed"])


def test_a_name_that_is_not_shipped_is_one_line(tmp_path):
    with pytest.raises(CheckpointError, match="no weights named 'dbm2' come with this package; there are: "):
        baselines.pretrained("dbm2")
    with pytest.raises(RecipeError, match="unknown baseline 'x'; there are: rbm, dbn"):
        recipe_from("x", {})
    with pytest.raises(RecipeError, match="not a recipe that this version"):
        recipe_from("rbm", {"hiden": 3})
    assert set(baselines.RECIPES) >= set(KINDS)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (torch.zeros(3, 2, dtype=torch.uint8), "floats in"),
        (torch.zeros(3), r"\(3,\)"),
        (torch.full((3, 2), 1.5), r"lie in \[1.5, 1.5\]"),
        (torch.full((3, 2), float("nan")), "lie in"),
        (torch.zeros(0, 2), r"\(0, 2\)"),
    ],
)
def test_what_is_no_pictures_is_refused(data, message):
    with pytest.raises(DataError, match=message):
        next(baselines.fit(data, RECIPES[0]))
