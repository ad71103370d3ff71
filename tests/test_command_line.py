"""`python -m ganlib`: what it prints, what it writes, how it stops, and one line for each thing a person gets wrong."""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import sys
import warnings
from collections import Counter
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image

from ganlib import MNIST, Trainer, baselines, checkpoints, datasets, load, load_weights, parzen, runs, scale
from ganlib.__main__ import main
from ganlib.checkpoints import load_run
from ganlib.recipes import TFD_2
from ganlib.runs import Run
from tests.hosts import empty_machine
from tests.small import same, saved

ROOT = Path(__file__).resolve().parent.parent
TRAIN = ["train", "mnist", "--data", "synthetic", "--device", "cpu", "--precision", "float32"]


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run of two epochs of the smoke recipe on made-up data."""
    folder = tmp_path_factory.mktemp("runs") / "one"
    assert main([*TRAIN, "--seed", "3", "--epochs", "2", "--out", str(folder)]) == 0
    return folder


# -- train ------------------------------------------------------------------------------------------------------------


def test_train_says_what_it_changed_what_it_uses_and_how_far_it_is(tmp_path, capsys):
    assert main([*TRAIN, "--epochs", "2", "--out", str(tmp_path / "run")]) == 0
    out, err = capsys.readouterr()
    lines = out.replace("\r", "\n").splitlines()
    assert lines[0].startswith("Changed from the recipe 'mnist': data: mnist -> synthetic; G: units 1200, 1200, 784 ")
    assert "epochs: 700 -> 2" in lines[0] and "n_samples: 10000 -> 500" in lines[0]
    assert lines[1] == f"synthetic (made up by ganlib), cpu, float32, into {tmp_path / 'run'}"
    last = next(line for line in reversed(lines) if line.strip())
    for part in ("epoch 2/2", "40/40", "<00:0", "validation ", " nats]"):
        assert part in last, last
    assert err == ""


def test_a_baseline_is_fitted_scored_and_gone_on_with(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(baselines.files, "SCORED", 500)
    fit = ["baseline", "vae", "--data", "synthetic", "--device", "cpu", "--out", str(tmp_path)]
    assert main([*fit, "--epochs", "1"]) == 0
    assert f"on synthetic (made up by ganlib), into {tmp_path}" in capsys.readouterr().out
    assert main([*fit, "--epochs", "2"]) == 0
    model, told = baselines.load(tmp_path)
    assert model.done == 2 and [row["epoch"] for row in told["history"]] == [1, 2]
    assert all(np.isfinite(row["log_likelihood"]) for row in told["history"])
    capsys.readouterr()
    assert main([*fit, "--seed", "1"]) == 2
    assert "is another one (seed: 0 -> 1)" in capsys.readouterr().err
    assert "argument --epochs: '0' is not a whole number from 1" in refused(capsys, *fit, "--epochs", "0")


def test_train_by_default_goes_to_runs_and_takes_the_profile_of_the_environment(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main([*TRAIN, "--seed", "5"]) == 0
    trainer = runs.open("runs/mnist-5").trainer
    assert trainer.recipe.changes(MNIST.at("smoke")) == ["data: mnist -> synthetic"]
    assert (trainer.seed, trainer.hardware.precision, trainer.step) == (5, "float32", 20 * MNIST.at("smoke").epochs)


def test_a_profile_that_is_asked_for_wins_over_the_environment(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(Run, "train", lambda run: print(run.trainer.recipe.at("paper").table()) or True)
    assert main([*TRAIN, "--profile", "paper", "--out", str(tmp_path / "run")]) == 0
    assert "Changed from the recipe 'mnist': data: mnist -> synthetic\n" in capsys.readouterr().out


def test_resume_to_more_epochs_equals_one_long_run(run, tmp_path, capsys):
    long, short = tmp_path / "long", tmp_path / "short"
    main([*TRAIN, "--seed", "3", "--epochs", "3", "--out", str(long)])
    main([*TRAIN, "--seed", "3", "--epochs", "1", "--out", str(short)])
    assert main(["train", "--resume", "--epochs", "3", "--out", str(short)]) == 0
    same(saved(short), saved(long))


# -- a recipe in two stages -------------------------------------------------------------------------------------------

FACES = ["--data", "synthetic-faces", "--device", "cpu", "--precision", "float32", "--epochs", "1"]


@pytest.fixture(scope="module")
def stages(tmp_path_factory):
    """Both stages of TFD at the smoke scale on made-up faces, one on the other."""
    folder = tmp_path_factory.mktemp("stages")
    assert main(["train", "tfd-1", *FACES, "--out", str(folder / "one")]) == 0
    assert main(["train", "tfd-2", *FACES, "--on", str(folder / "one"), "--out", str(folder / "two")]) == 0
    return folder / "one", folder / "two"


def test_stage_2_trains_on_the_folder_of_stage_1(stages, tmp_path, monkeypatch, capsys):
    """From stage 1's own G: at its first step, before it has moved, the top layers are bit for bit those."""
    one, two = stages
    assert load_run(two).recipe == replace(TFD_2.at("smoke"), data="synthetic-faces", epochs=1)
    begun = []
    monkeypatch.setattr(Run, "train", lambda run: begun.append(run.trainer) or True)
    assert main(["train", "tfd-2", *FACES, "--on", str(one), "--out", str(tmp_path / "again")]) == 0
    out = capsys.readouterr().out
    assert out.startswith("Changed from the recipe 'tfd-2': data: tfd -> synthetic-faces; G: units 8000, 100, ")
    top = list(begun[0].G.layers[2:].parameters())
    assert all(torch.equal(a, b) for a, b in zip(load_run(one).G.parameters(), top, strict=True))
    ends = list(load_run(two).G.layers[2:].parameters())
    assert not any(torch.equal(a, b) for a, b in zip(top[4:], ends[4:], strict=True)), "they go on learning"


def test_stage_2_is_resumed_without_stage_1(stages, tmp_path, capsys):
    _, two = stages
    (tmp_path / "two").mkdir()
    (tmp_path / "two" / "checkpoint.pt").write_bytes((two / "checkpoint.pt").read_bytes())
    assert main(["train", "--resume", "--epochs", "2", "--out", str(tmp_path / "two")]) == 0
    assert load_run(tmp_path / "two").info["epochs"] == 2


def test_stage_2_says_what_it_was_built_on_and_is_scored_by_folds(stages, capsys):
    """Table 1's rule for faces: the mean of the folds' means, and the error across them."""
    one, two = stages
    below = load_run(two).info["trained_by"][0]["built_on"]
    assert (below["recipe"], below["data"], below["epochs"]) == ("tfd-1", "synthetic-faces", 1)
    assert below["trained_by"] == load_run(one).info["trained_by"]
    capsys.readouterr()
    assert main(["evaluate", str(two), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    means = np.array([fold["log_likelihood"] for fold in found["each"]])
    assert len(means) == 5 and found["log_likelihood"] == pytest.approx(means.mean())
    assert found["standard_error"] == pytest.approx(means.std(ddof=1) / 5**0.5)


def test_samples_of_every_shape_of_picture(stages, tmp_path):
    path = tmp_path / "faces.png"
    assert main(["sample", str(stages[1]), "--out", str(path), "--n", "3"]) == 0
    assert Image.open(path).size == (2 * (10 * 48 + 9), 2 * 48)


def test_normalised_pictures_are_drawn_shown_and_shipped_but_not_scored(tmp_path, capsys):
    """CIFAR-10 through GCN: the paper gives no score, and its sigmas are for pictures in [0, 1]."""
    folder, small = tmp_path / "run", ["--data", "synthetic-cifar10", "--epochs", "1"]
    assert main(["train", "cifar10-fc", *small, "--out", str(folder)]) == 0
    assert load_run(folder).info["validation"] == []
    assert "normalises its pictures (gcn)" in refused(capsys, "evaluate", str(folder))

    assert main(["sample", str(folder), "--out", str(tmp_path / "x.png"), "--n", "2", "--columns", "2"]) == 0
    x = load_run(folder).samples(2, seed=0).reshape(2, 3, 32, 32)
    shown = ((x / x.abs().max() + 1) / 2 * 255).round()
    sheet = np.asarray(Image.open(tmp_path / "x.png"))[::2, ::2]  # (32, 65, 3): two pixels a pixel
    assert np.array_equal(sheet[:, :32], shown[0].permute(1, 2, 0)) and sheet.shape == (32, 65, 3)

    export = ["export", str(folder), "--out", str(tmp_path / "weights.safetensors"), "--note", "made-up pictures"]
    assert main(export) == 0
    assert "epoch 1, the last iterate: not scored" in capsys.readouterr().out
    info = load_weights(tmp_path / "weights.safetensors").info
    assert "parzen" not in info and info["note"] == "made-up pictures" and info["curves"] == runs.curves(folder)


def test_what_is_wrong_with_on_is_one_line(stages, run, tmp_path, monkeypatch, capsys):
    one, two = stages
    monkeypatch.chdir(tmp_path)
    begin = ["train", "tfd-2", *FACES, "--out", "new"]
    assert "a new bottom under the G that 'tfd-1' has trained: train that one first" in refused(capsys, *begin)
    assert "--on its folder" in refused(capsys, *begin)
    assert "nowhere holds no checkpoint; train one with" in refused(capsys, *begin, "--on", "nowhere")
    said = refused(capsys, *begin, "--on", str(run))
    assert f"{run} holds a run of 'mnist', and 'tfd-2' is built on 'tfd-1': pass the folder of such a run" in said
    said = refused(capsys, *begin, "--on", str(two))
    assert f"{two} holds a run of 'tfd-2', and 'tfd-2' is built on 'tfd-1'" in said
    said = refused(capsys, "train", "tfd-1", *FACES, "--out", "new", "--on", str(one))
    assert f"the recipe 'tfd-1' is not built on another one: leave out {one}" in said
    said = refused(capsys, *begin, "--profile", "quick", "--on", str(one))
    assert "the trained layers do not fit on top of the G of 'tfd-2'" in said and "at the same scale" in said
    assert "expected one argument" in refused(capsys, *begin, "--on")
    said = refused(capsys, "train", "tfd-2", "--data", "synthetic", "--out", "new", "--on", str(one))
    assert f"the run in {one} was trained on 'synthetic-faces', and this is 'synthetic'" in said
    assert list(tmp_path.iterdir()) == []


def test_a_convolutional_run_is_trained_sampled_and_exported_but_not_scored(tmp_path, capsys):
    folder, png, weights = tmp_path / "run", tmp_path / "s.png", tmp_path / "w.safetensors"
    options = ["--data", "synthetic-cifar10", "--device", "cpu", "--precision", "float32", "--epochs", "1"]
    assert main(["train", "cifar10-conv", *options, "--out", str(folder)]) == 0
    assert main(["sample", str(folder), "--out", str(png), "--n", "3", "--columns", "3"]) == 0
    picture = np.array(Image.open(png))
    assert picture.shape == (2 * 32, 2 * (3 * 32 + 2), 3)
    capsys.readouterr()
    assert "normalises its pictures (gcn)" in refused(capsys, "evaluate", str(folder))
    assert main(["export", str(folder), "--out", str(weights)]) == 0
    both = "the last iterate", "the average of G over 2 steps"
    assert capsys.readouterr().out == "".join(f"{weights}, epoch 1, {which}: not scored\n" for which in both)
    trained = load_weights(weights)
    assert trained.recipe == load_run(folder).recipe and "parzen" not in trained.info
    assert (trained.samples(4) - load_run(folder).samples(4)).abs().max().item() < 0.05


# -- evaluate, sample, export, data -----------------------------------------------------------------------------------

KEYS = ["iterate", "log_likelihood", "standard_error", "sigma", "n_samples", "n_test", "split", "data"]


def test_fields_of_the_recipe_may_be_set(tmp_path):
    options = ["--profile", "smoke", "--data", "synthetic", "--epochs", "1", "--out", str(tmp_path)]
    assert main(["train", "mnist", *options, "--set", "update=alternating", "lr_G=0.05", "k=2"]) == 0
    recipe = load_run(tmp_path).recipe
    assert (recipe.update, recipe.lr_G, recipe.k) == ("alternating", 0.05, 2)


def test_evaluate_prints_the_score_and_as_json_the_same(run, capsys):
    assert main(["evaluate", str(run)]) == 0
    text = capsys.readouterr().out
    assert main(["evaluate", str(run), "--json"]) == 0
    out = capsys.readouterr().out
    assert out.count("\n") == 1
    found = json.loads(out)
    assert list(found) == KEYS
    assert (found["n_samples"], found["n_test"], found["split"], found["data"]) == (500, 500, "test", "synthetic")
    mean, error = found["log_likelihood"], found["standard_error"]
    first, second = text.splitlines()[:2]
    assert first == f"{run}, epoch 2, the last iterate"
    said = f"{mean:.1f} ± {error:.1f} nats (sigma {found['sigma']:.4f}"
    assert second.startswith(f"Parzen, the paper's grid, fewer samples: {said}")  # 500 of them are not the protocol
    assert "a finer grid" in text

    trainer, data = runs.open(run).trainer, load("synthetic")
    centres = trainer.samples(500, seed=1)
    sigma, _ = parzen.choose_sigma(scale(data.valid), centres)
    assert mean == pytest.approx(parzen.log_likelihood(scale(data.test), centres, [sigma]).mean().item(), abs=1e-6)


def test_evaluate_json_is_json_even_when_something_is_to_be_noted(run, tmp_path):
    """Notes, such as a sigma at the edge of the grid, go to standard error."""
    command = [sys.executable, "-m", "ganlib", "evaluate", str(run), "--json", "--seed", "2"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=240, check=True)
    assert list(json.loads(done.stdout)) == KEYS
    assert "Traceback" not in done.stderr and all(line.startswith("note: ") for line in done.stderr.splitlines())


def test_sample_writes_a_picture_of_the_right_size(run, tmp_path, capsys):
    path = tmp_path / "new folder" / "samples.png"
    assert main(["sample", str(run), "--out", str(path), "--n", "7", "--columns", "5"]) == 0
    picture = np.array(Image.open(path))
    assert picture.shape == (2 * (2 * 28 + 1), 2 * (5 * 28 + 4)) and picture.dtype == np.uint8
    expected = (runs.open(run).trainer.samples(7, seed=0)[6] * 255).round().reshape(28, 28)
    assert np.array_equal(picture[58::2, 58:114:2][:28], expected.numpy())  # the second in the second row
    assert main(["sample", str(run), "--out", str(path)]) == 0
    assert Image.open(path).size == (2 * (10 * 28 + 9), 2 * (10 * 28 + 9))


def test_the_home_folder_may_be_written_as_a_tilde(run, tmp_path, monkeypatch):
    """As in --out=~/s.png, which a shell leaves as it is."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    assert main(["sample", str(run), "--out=~/s.png", "--n", "1"]) == 0
    assert main([*TRAIN, "--epochs", "1", "--out=~/run"]) == 0
    assert main(["evaluate", "~/run"]) == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["run", "s.png"]


def test_export_writes_weights_that_evaluate_to_the_scores_beside_them(run, tmp_path, capsys):
    path = tmp_path / "w.safetensors"
    assert main(["export", str(run), "--out", str(path)]) == 0
    capsys.readouterr()
    trained = load_weights(path)
    assert trained.recipe == runs.open(run).trainer.recipe
    assert {"seed": 3, "epochs": 2.0, "steps": 40, "data": "synthetic"}.items() <= trained.info.items()
    assert {"exported_by", "parzen", "parzen_fine_grid", "validation"} <= trained.info.keys()
    assert trained.info["trained_by"][0].keys() == {"from_step", "commit", "made", "versions"}
    assert trained.info["validation"] == runs.open(run).trainer.history.scores
    assert main(["evaluate", str(path), "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"iterate": "the last iterate"} | trained.info["parzen"]
    assert main(["sample", str(path), "--out", str(tmp_path / "s.png"), "--n", "1"]) == 0
    assert Image.open(tmp_path / "s.png").size == (2 * 10 * 28 + 18, 56)


def test_data_says_of_each_set_where_it_is_or_how_to_get_it(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("GANLIB_CACHE", str(tmp_path))
    monkeypatch.delenv("GANLIB_DATA", raising=False)
    assert main(["data"]) == 0
    lines = capsys.readouterr().out.splitlines()
    heads = [line.split() for line in lines if not line.startswith(" ")]
    assert [head[0] for head in heads] == list(datasets.NAMES) and {head[1] for head in heads} == {"found", "missing"}
    assert heads[0] == ["mnist", "missing"] and heads[1][:3] == ["mnist-5k", "found", "comes"]
    assert lines[1].startswith("    MNIST is not here. Expected its files in"), "why stands below, set in"
    assert [line for line in lines if len(line) > 80 and " " in line.strip()] == [], "a line too long is one word"
    address = datasets.RECORDS["mnist"].addresses[0].replace("{file}", "")
    assert any(address in line for line in lines), "an address is not broken"


# -- what goes wrong --------------------------------------------------------------------------------------------------


def refused(capsys, *arguments):
    """The one line of error that a command leaves, having printed nothing else and made nothing."""
    try:
        code = main(list(arguments))
    except SystemExit as stop:
        code = stop.code
    out, err = capsys.readouterr()
    assert code == 2
    assert err.startswith("error: ") and err.count("\n") == 1, err
    assert "Traceback" not in out
    return err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["train", "imagenet"], "'imagenet'; there are: cifar10-conv, cifar10-fc, mnist, mnist-conditional, "),
        (["train", "mnist", "--seed", "-1"], "argument --seed: '-1' is not a whole number from 0 to 2^63 - 1"),
        (["train", "mnist", "--seed", "one"], "'one' is not a whole number"),
        (["train", "mnist", "--seed", str(2**63)], "is not a whole number from 0 to 2^63 - 1"),
        (["train", "mnist", "--seed", "9" * 100_000], "999... is not a whole number"),
        (["train", "mnist", "--epochs", "0"], "argument --epochs: '0' is not a whole number from 1 to 1,000,000,000"),
        (["train", "mnist", "--epochs", "1.5"], "argument --epochs: '1.5' is not a whole number"),
        (["train", "mnist", "--epochs", "9" * 5_000], "is not a whole number from 1"),
        (["train", "mnist", "--out", ""], "argument --out: '' is no path"),
        (
            ["train", "mnist", "--out", "~nobody-of-that-name/run"],
            "the home folder in '~nobody-of-that-name/run' is not",
        ),
        (["train", "mnist", "--data", "synthetic", "--out", "x" * 5_000], "cannot be written: File name too long"),
        (["train", "mnist", "--data", "synthetic", "--out", "/dev/null/run"], "cannot be written: Not a directory"),
        (["train", "mnist", "--set", "source=\udcff"], "is not valid text (UTF-8)"),
        (["train", "mnist", "--set", "k=" + "9" * 5_000], "k must be a number"),
        (["train", "mnist", "two", "lines\nand \x1b[31m more"], "unrecognized arguments: two lines and ?[31m more"),
        (["train", "mnist", "--profile", "huge"], "argument --profile: invalid choice: 'huge'"),
        (["train", "mnist", "--data", "cifar-11"], "unknown data set 'cifar-11'; there are: mnist"),
        (["train", "mnist", "--data", "synthetic", "--device", "abacus"], "device 'abacus' is not usable here"),
        (["train", "mnist", "--set", "k"], "--set takes FIELD=VALUE, not 'k'; the fields are source, data, p_z"),
        (["train", "mnist", "--set", "G=1"], "--set 'G=1': 'G' is no field that can be set; the fields are"),
        (["train", "mnist", "--set", "lrD=1"], "--set 'lrD=1': 'lrD' is no field that can be set; did you mean lr_D"),
        (["train", "mnist", "--set", "k=two"], "--set 'k=two': k must be a number"),
        (["train", "mnist", "--set", "k=0"], "k is 0; it must be an integer >= 1"),
        (["train", "mnist", "--data", "synthetic", "--precision", "int8"], "precision is 'int8'; use 'auto' or one of"),
        (["train", "--resume", "--out", "nowhere"], "nowhere holds no checkpoint; train one with"),
        (["evaluate", "nowhere"], "nowhere is neither a run's folder nor a .safetensors file"),
        (["evaluate", "."], ". holds no checkpoint"),
        (["evaluate", "nowhere.safetensors"], "is missing; weights are two files"),
        (["evaluate"], "the following arguments are required: DIR"),
        (["sample", "nowhere", "--out", "a.png"], "nowhere is neither"),
        (["sample", ".", "--out", "a.png", "--n", "0"], "argument --n: '0' is not a whole number from 1 to 10,000"),
        (["sample", ".", "--out", "a.png", "--n", "1000000000"], "argument --n: '1000000000' is not a whole number"),
        (["sample", ".", "--out", "a.png", "--columns", "1000000000"], "argument --columns: '1000000000' is not"),
        (["sample", ".", "--out", "a.jpg"], "--out a.jpg: samples are written as PNG; call the file a.png"),
        (["sample", ".", "--out", "a"], "samples are written as PNG; call the file a.png"),
        (["sample", ".", "--out", "/dev/full"], "samples are written as PNG; call the file full.png"),
        (["export", ".", "--out", "a.pt"], "a.pt"),
        (["export", ".", "--out", "a"], "a.safetensors"),
        (["export", ".", "--out", "/dev/full"], "/dev/full"),
        (["export", ".", "--out", "a.safetensors", "--note", "\udcff"], "is not valid text (UTF-8)"),
        (["evaluate", "x" * 5_000], "File name too long"),
        (["export", "nowhere", "--out", "a.safetensors"], "nowhere holds no checkpoint"),
        (["dance"], "invalid choice: 'dance'"),
        ([], "the following arguments are required: COMMAND"),
    ],
    ids=lambda value: ascii("-".join(value))[1:60] if isinstance(value, list) else "",
)
def test_one_line_for_each_thing_that_is_wrong(arguments, said, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert said in refused(capsys, *arguments)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("command", ["train", "baseline"])
def test_a_device_that_is_not_here_is_one_line(command, tmp_path, monkeypatch, capsys):
    """Every name that torch knows, but for those that this machine has; and some that it does not."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(RuntimeError) as known:
        torch.device("abacus")
    names = str(known.value).removeprefix("Expected one of ").split(" device type")[0].split(", ")
    assert {"mps", "meta", "xla", "cuda"} < set(names)
    here = ["cpu", *["cuda"] * torch.cuda.is_available(), *["mps"] * torch.mps.is_available()]
    arguments = {"train": TRAIN[:4], "baseline": ["baseline", "vae", "--data", "synthetic"]}[command]
    for name in [*sorted(set(names) - set(here)), "cuda:99", "cpu:-1", "abacus", "", "cuda:", "x" * 100_000]:
        said = refused(capsys, *arguments, "--device", name)
        assert "is not usable here" in said and "use one of 'auto', 'cpu'" in said and len(said) < 400
    assert list(tmp_path.iterdir()) == []


def test_without_a_network_only_a_plain_yes_trains_on_the_stand_in(tmp_path, monkeypatch, capsys):
    empty_machine(monkeypatch, tmp_path, datasets.mnist)
    monkeypatch.setenv("CI", "1")  # no bar of the download
    train = ["train", "mnist", "--device", "cpu", "--epochs", "1", "--out", str(tmp_path / "run")]
    for command in (train, ["baseline", "vae", "--out", str(tmp_path / "run")]):
        said = refused(capsys, *command)
        assert "MNIST is not on this machine" in said and "to train on its stand-in 'mnist-5k', add --stand-in" in said
    assert not (tmp_path / "run").exists()
    assert main([*train, "--stand-in"]) == 0
    said = capsys.readouterr()
    assert "mnist-5k (" in said.out and said.err.startswith("note: MNIST is not on this machine")
    assert main([*train[:-1], str(tmp_path / "run"), "--resume"]) == 0


def test_a_name_that_is_no_export_is_refused_and_left(run, tmp_path, capsys):
    """What is there is a run, a folder, a file of somebody's, a device."""
    (tmp_path / "folder.safetensors").mkdir()
    (tmp_path / "mine.safetensors").write_bytes(b"mine")
    (tmp_path / "noted.json").write_text('{"mine": true}')
    os.symlink("/dev/null", tmp_path / "null.safetensors")
    before = (run / "checkpoint.pt").read_bytes()
    for name in (
        run / "checkpoint.pt",
        *(f"{tmp_path}/{name}.safetensors" for name in ("folder", "mine", "noted", "null")),
    ):
        refused(capsys, "export", str(run), "--out", str(name))
    assert (run / "checkpoint.pt").read_bytes() == before
    assert (tmp_path / "mine.safetensors").read_bytes() == b"mine"
    assert (tmp_path / "noted.json").read_text() == '{"mine": true}' and os.path.islink(tmp_path / "null.safetensors")
    (tmp_path / "folder.png").mkdir()
    os.mkfifo(tmp_path / "pipe.png")
    for name in ("folder.png", "pipe.png"):
        assert "is no regular file" in refused(capsys, "sample", str(run), "--out", str(tmp_path / name))


@pytest.mark.parametrize("name", ["GANLIB_PROFILE", "GANLIB_DATA", "GANLIB_CACHE", "GANLIB_RUNS"])
def test_an_absurd_environment_is_one_line_or_none(name, run, tmp_path, monkeypatch, capsys):
    monkeypatch.delenv("GANLIB_DATA", raising=False)
    for value in ("nonsense", "/dev/null", "~nobody-of-that-name", "x" * 5_000, " ", "a\nb", "\udcff"):
        monkeypatch.setenv(name, value)
        for arguments in (["train", "mnist", "--epochs", "1", "--out", str(tmp_path / "run")], ["data"]):
            with monkeypatch.context() as patch:
                patch.setattr(datasets.mnist, "fetch", no_network)
                patch.setattr(Run, "train", lambda _: True)
                code = main(arguments)
            out, err = capsys.readouterr()
            assert code in (0, 2) and err.count("\n") == (code == 2) and "Traceback" not in err + out, err


def no_network(record, *_, **__):
    """As `fetch` where no host can be reached."""
    raise record.missing()


OPTIONS = {
    "train": (
        "--profile",
        "--seed",
        "--epochs",
        "--set",
        "--data",
        "--out",
        "--on",
        "--resume",
        "--device",
        "--precision",
    ),
    "baseline": ("--seed", "--epochs", "--data", "--out", "--device"),
    "evaluate": ("--json", "--seed", "--average"),
    "sample": ("--out", "--n", "--columns", "--seed", "--average"),
    "export": ("--out", "--note"),
}
PLACES = (
    "run w.safetensors file pipe loop empty bad.safetensors bad/x piped . / ~nobody-of-that-name /dev/null /dev/full"
)
NUMBERS = (
    "-1 0 1 1e9 1000000000 99999999999999999999 nan inf true k=0 k=1000000000 z_dim=1000000000 lr_D=nan batch=10**9"
)
WORDS = "synthetic cifar10-fc mnist tfd vae rbm cpu meta cuda:9 float64 smoke --help -- =x x= data=no pixels=gcn"


def test_whatever_is_asked_for_is_done_or_refused_in_one_line(run, tmp_path, monkeypatch, capsys):
    """300 command lines drawn at random."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("GANLIB_DATA", raising=False)
    monkeypatch.setenv("GANLIB_CACHE", str(tmp_path / "cache"))
    for module in (datasets.mnist, datasets.cifar10, datasets.lfw):
        monkeypatch.setattr(module, "fetch", no_network)
    monkeypatch.setattr(Run, "train", lambda _: True)
    monkeypatch.setattr(baselines, "train", lambda _, recipe, *__, **___: SimpleNamespace(done=recipe.epochs))
    shutil.copytree(run, "run")
    assert main(["export", "run", "--out", "w.safetensors"]) == 0
    Path("file").write_text("x")
    Path("bad.safetensors").write_bytes(bytes(100))
    os.mkfifo("pipe")
    os.symlink("loop", "loop")
    for name in ("empty", "bad", "piped"):
        os.mkdir(name)
    os.mkfifo("piped/checkpoint.pt")
    values = [
        *PLACES.split(),
        *NUMBERS.split(),
        *WORDS.split(),
        "",
        "two\nlines",
        "\x1b[31m",
        "\udcff",
        "x" * 300,
        "9" * 5_000,
    ]
    rng, codes = random.Random(0), Counter()
    capsys.readouterr()
    for _ in range(300):
        command = rng.choice(list(OPTIONS))
        arguments = [command, rng.choice(values if rng.random() < 0.4 else ["run", "w.safetensors", "mnist"])]
        for option in rng.sample(OPTIONS[command], rng.randint(1, 2)):
            plain = option in ("--resume", "--json", "--average")
            arguments += [option] if plain else [option, rng.choice(values)]
        try:
            code = main(arguments)
        except SystemExit as stop:
            code = stop.code
        err = capsys.readouterr().err.splitlines()
        codes[code] += 1
        assert [line.partition(":")[0] for line in err if not line.startswith("note: ")] == ["error"] * (code == 2), (
            arguments
        )
        assert all(len(line) < 1_500 for line in err)
    assert codes.keys() == {0, 2} and codes[0] >= 10 and codes[2] > 200, codes


def test_a_warning_that_python_was_told_to_raise_is_one_line(run, tmp_path, monkeypatch, capsys):
    for name in ("checkpoint.pt", "checkpoint-previous.pt"):
        (tmp_path / name).write_bytes((run / name).read_bytes())
    (tmp_path / "checkpoint.pt").write_bytes(b"")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert "is not a whole checkpoint" in refused(capsys, "sample", str(tmp_path), "--out", str(tmp_path / "s.png"))


def test_too_little_memory_is_one_line(run, tmp_path, monkeypatch, capsys):
    def full(error):
        raise error

    for error in (
        MemoryError(),
        RuntimeError("DefaultCPUAllocator: can't allocate memory"),
        torch.OutOfMemoryError("CUDA out of memory"),
    ):
        monkeypatch.setattr(checkpoints, "load_run", lambda _, error=error: full(error))
        assert "there is not enough memory" in refused(capsys, "sample", str(run), "--out", str(tmp_path / "s.png"))


def test_train_refuses_a_folder_that_holds_a_run_and_leaves_it(run, capsys):
    before = (run / "checkpoint.pt").read_bytes()
    assert f"{run} already holds a run; resume it (--resume" in refused(capsys, *TRAIN, "--out", str(run))
    assert (run / "checkpoint.pt").read_bytes() == before


def test_train_refuses_a_folder_it_cannot_write_before_it_trains(tmp_path, monkeypatch, capsys):
    (tmp_path / "file").write_text("")
    monkeypatch.setattr(Trainer, "steps", lambda *_: pytest.fail("it trains"))
    assert "cannot be written" in refused(capsys, *TRAIN, "--out", str(tmp_path / "file"))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--seed", "4"], "goes on with the seed of the run in"),
        (["--data", "mnist-5k"], "goes on with the data of the run in"),
        (["--precision", "float64"], "goes on with the precision of the run in"),
        (["--profile", "quick"], "leave out --profile"),
        (["--device", "cuda"], "was made on cpu; it cannot go on on cuda"),
        (["--epochs", "-1"], "'-1' is not a whole number"),
        (["--on", "elsewhere"], "--resume needs no --on elsewhere"),
    ],
)
def test_resume_refuses_what_contradicts_the_run(options, said, run, capsys):
    assert said in refused(capsys, "train", "--resume", "--out", str(run), *options)


def test_resume_takes_the_options_that_the_run_began_with(run):
    step = load_run(run).info["steps"]
    assert main(["train", "mnist", "--profile", "smoke", "--seed", "3", "--resume", "--out", str(run)]) == 0
    assert load_run(run).info["steps"] == step  # it was at its end already


def test_a_run_is_sampled_and_scored_without_its_training_data(run, tmp_path, monkeypatch):
    monkeypatch.setattr(datasets, "load", lambda *_, **__: pytest.fail("asked for the data"))
    assert main(["sample", str(run), "--out", str(tmp_path / "s.png")]) == 0


def test_a_bad_profile_in_the_environment_is_named(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("GANLIB_PROFILE", "turbo")
    said = refused(capsys, *TRAIN, "--out", str(tmp_path / "run"))
    assert "GANLIB_PROFILE is 'turbo'; use one of smoke, quick, paper" in said


def test_a_sample_that_cannot_be_written_says_so(run, tmp_path, capsys):
    (tmp_path / "file").write_text("")
    assert "cannot be written" in refused(capsys, "sample", str(run), "--out", str(tmp_path / "file" / "s.png"))


def test_a_run_that_diverges_ends_with_one_line_and_code_2(tmp_path, monkeypatch, capsys):
    honest = runs.open

    def reckless(*arguments, **options):
        run = honest(*arguments, **options)
        run.trainer.change(lr_D=1e30, lr_G=1e30)
        return run

    monkeypatch.setattr(runs, "open", reckless)
    said = refused(capsys, *TRAIN, "--out", str(tmp_path / "run"))
    assert "the run has diverged with lr_D" in said and "Nothing is saved from here on" in said
    assert honest(tmp_path / "run").trainer.step == 0


def test_broken_checkpoints_and_weights_are_named(run, tmp_path, capsys):
    (tmp_path / "checkpoint.pt").write_bytes((run / "checkpoint.pt").read_bytes()[:5_000])
    assert "no whole checkpoint is left here" in refused(capsys, "evaluate", str(tmp_path))
    path = tmp_path / "w.safetensors"
    main(["export", str(run), "--out", str(path)])
    info = json.loads(path.with_suffix(".json").read_text())
    capsys.readouterr()
    path.with_suffix(".json").write_text(json.dumps({key: info[key] for key in info if key != "data"}))
    assert "w.json does not name its data set" in refused(capsys, "evaluate", str(path))


def test_a_damaged_latest_checkpoint_is_noted_and_the_one_before_taken(run, tmp_path, capsys):
    for name in ("checkpoint.pt", "checkpoint-previous.pt"):
        (tmp_path / name).write_bytes((run / name).read_bytes())
    (tmp_path / "checkpoint.pt").write_bytes(b"")
    assert main(["train", "--resume", "--out", str(tmp_path)]) == 0
    assert capsys.readouterr().err.startswith("note: ")
    same(saved(tmp_path), saved(run))


def test_an_interrupt_while_loading_is_no_traceback(monkeypatch, capsys):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(runs, "open", lambda *_, **__: interrupted())
    assert main(TRAIN) == 1
    assert capsys.readouterr().err == "stopped\n"


def test_version_and_help(capsys):
    for option, said in (("--version", f"ganlib 0.1.0, torch {torch.__version__}"), ("--help", "evaluate")):
        with pytest.raises(SystemExit) as stop:
            main([option])
        assert stop.value.code == 0
        assert said in capsys.readouterr().out
