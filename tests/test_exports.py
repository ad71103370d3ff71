"""Weights: two files that belong together at every moment, whole or refused, and never written over anything else."""

import errno
import hashlib
import json
import os
from pathlib import Path

import pytest
import torch

from ganlib import CheckpointError, Trained, Trainer, checkpoints, load_weights, pretrained, save_weights
from tests import small
from tests.killed import die, in_new_process


@pytest.fixture
def trainer():
    trainer = Trainer(small.recipe(), small.data(), seed=7, device="cpu")
    list(trainer.steps(3))
    return trainer


def pair(trainer, **told):
    return Trained(trainer.G, trainer.D, trainer.recipe, {"data": "small", **told})


@pytest.fixture
def weights(trainer, tmp_path):
    pair = Trained(trainer.G, trainer.D, trainer.recipe, {"seed": 7, "data": "small"})
    return save_weights(tmp_path / "w.safetensors", pair)


def test_weights_come_back_in_half_precision(weights, trainer):
    trained = load_weights(weights)
    assert trained.recipe == trainer.recipe
    assert trained.info == {"seed": 7, "data": "small"}
    for own, back in ((trainer.G, trained.G), (trainer.D, trained.D)):
        for p, q in zip(own.parameters(), back.parameters(), strict=True):
            assert q.dtype == torch.float32
            assert torch.equal(q, p.detach().half().float())
    assert trained.samples(5, seed=3).shape == (5, 12)
    assert torch.allclose(trained.samples(5, seed=3), trainer.samples(5, seed=3), atol=1e-3)
    sizes = sum(p.numel() for net in (trainer.G, trainer.D) for p in net.parameters())
    assert 2 * sizes < weights.stat().st_size < 2 * sizes + 2_000


@pytest.mark.parametrize("missing", [".safetensors", ".json"])
def test_weights_are_two_files(weights, missing):
    weights.with_suffix(missing).unlink()
    with pytest.raises(CheckpointError, match=rf"w\{missing} is missing; weights are two files"):
        load_weights(weights)


@pytest.mark.parametrize("share", [0, 0.1, 0.9])
@pytest.mark.parametrize("part", [".safetensors", ".json"])
def test_truncated_weights_are_refused(weights, part, share):
    path = weights.with_suffix(part)
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    with pytest.raises(CheckpointError, match=r"w.safetensors or the .json beside it is damaged: .*get both files"):
        load_weights(weights)


@pytest.mark.parametrize("text", ["[]", "3", "null", "{}", '{"recipe": 3}', '{"recipe": {"k": 1}}', "\x00", "{"])
def test_a_json_that_is_no_description_of_weights_is_refused(weights, text):
    weights.with_suffix(".json").write_text(text)
    with pytest.raises(CheckpointError, match="is damaged"):
        load_weights(weights)


def test_weights_of_other_nets_are_refused(weights):
    path = weights.with_suffix(".json")
    info = json.loads(path.read_text())
    info["recipe"]["z_dim"] = 9
    path.write_text(json.dumps(info))
    with pytest.raises(CheckpointError, match="does not fit the nets of its recipe"):
        load_weights(weights)


def test_weights_of_an_unknown_name_are_refused():
    with pytest.raises(CheckpointError, match=r"no weights named 'nobody' come with this package; there are: "):
        pretrained("nobody")


def test_weights_that_cannot_be_written_leave_the_old_ones(weights, trainer, monkeypatch):
    before = weights.read_bytes(), weights.with_suffix(".json").read_bytes()

    def full(_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(CheckpointError, match="the disk is full"):
        save_weights(weights, Trained(trainer.G, trainer.D, trainer.recipe, {}))
    assert (weights.read_bytes(), weights.with_suffix(".json").read_bytes()) == before
    assert sorted(path.name for path in weights.parent.iterdir()) == ["w.json", "w.safetensors"]


# -- as one ------------------------------------------------------------------------------------------------------------


def export_and_die(path, nth, when):
    """Save other weights over those at a path, and die at the nth move of a file to its place, before it or after."""
    honest, calls = os.replace, 0

    def deadly(*arguments):
        nonlocal calls
        calls += 1
        if (calls, when) == (nth, "before"):
            die()
        honest(*arguments)
        if (calls, when) == (nth, "after"):
            die()

    trainer = Trainer(small.recipe(), small.data(), seed=7, device="cpu")
    list(trainer.steps(5))
    os.replace = deadly
    save_weights(path, pair(trainer, seed=8))


def numbers(trained):
    return torch.cat([p.flatten() for p in trained.G.parameters()])


@pytest.mark.parametrize("first", [True, False])
def test_a_killed_export_leaves_the_old_pair_or_the_new_one(first, weights, trainer, tmp_path):
    """Each moment between two moves of files. Unless `first`, the next export goes on from what the last kill left."""
    old = numbers(load_weights(weights))
    assert in_new_process(export_and_die, tmp_path / "other.safetensors", 99, "") == 0
    new = numbers(load_weights(tmp_path / "other.safetensors"))
    assert not torch.equal(old, new)
    found = []
    for nth in (1, 2, 3) if first else (1, 2):  # where the tensors are those already, two moves are all
        for when in ("before", "after"):
            if first:
                save_weights(weights, pair(trainer, seed=7))
            assert in_new_process(export_and_die, weights, nth, when) == -9
            left = load_weights(weights)
            is_new = torch.equal(numbers(left), new)
            assert is_new or torch.equal(numbers(left), old)
            assert left.info == {"data": "small", "seed": 8 if is_new else 7}
            found.append(is_new)
    assert found == [False] * 3 + [True] * (len(found) - 3)  # from the second move on, that of the tensors
    save_weights(weights, pair(trainer, seed=7))
    assert torch.equal(numbers(load_weights(weights)), old) and "before" not in weights.with_suffix(".json").read_text()


def test_a_kill_in_the_first_export_leaves_nothing_that_loads_and_the_next_goes_through(tmp_path):
    path = tmp_path / "w.safetensors"
    assert in_new_process(export_and_die, path, 1, "after") == -9
    with pytest.raises(CheckpointError, match="w.safetensors is missing"):
        load_weights(path)
    assert in_new_process(export_and_die, path, 99, "") == 0
    assert load_weights(path).info["seed"] == 8


def test_the_json_names_the_tensors_and_a_pair_that_was_mixed_is_refused(weights, trainer, tmp_path):
    digest = hashlib.sha256(weights.read_bytes()).hexdigest()
    assert json.loads(weights.with_suffix(".json").read_text())["sha256"] == digest
    list(trainer.steps(1))
    other = save_weights(tmp_path / "other.safetensors", pair(trainer))
    weights.write_bytes(other.read_bytes())
    with pytest.raises(CheckpointError, match=r"has the SHA-256 \w{12}\.\.\., and its .json tells of another"):
        load_weights(weights)


def test_weights_that_an_earlier_version_wrote_name_no_checksum_and_load(weights):
    path, before = weights.with_suffix(".json"), numbers(load_weights(weights))
    told = json.loads(path.read_text())
    del told["sha256"]
    path.write_text(json.dumps(told))
    assert torch.equal(numbers(load_weights(weights)), before)


SHIPPED = sorted(checkpoints.WEIGHTS.rglob("*.safetensors"))


def test_what_is_shipped_is_what_its_json_names():
    assert len(SHIPPED) >= 15
    for path in SHIPPED:
        told = json.loads(path.with_suffix(".json").read_text())
        assert told["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest(), path


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), 1e6])
def test_numbers_that_are_not_finite_as_halves_are_never_exported_over_good_ones(bad, weights, trainer):
    before = weights.read_bytes()
    next(trainer.G.parameters()).data[0, 0] = bad
    with pytest.raises(CheckpointError, match="was not written: 'G.*' holds values that are not finite. What"):
        save_weights(weights, pair(trainer))
    assert weights.read_bytes() == before and load_weights(weights).info["seed"] == 7


# -- where -------------------------------------------------------------------------------------------------------------


def wrong_places(folder):
    """Paths that no export may be written to, and what is said; what is there is left as it is."""
    for name in ("run", "else", "mixed", "half"):
        (folder / name).mkdir()
    yield folder / "run" / "checkpoint.pt", "does not end in .safetensors; write the weights to checkpoint"
    yield folder / "w", "does not end in"
    yield folder / "w.SAFETENSORS", "does not end in"
    yield folder / "run", "does not end in"
    yield Path("/dev/null"), "does not end in"
    for name, make in (
        ("a folder", Path.mkdir),
        ("a pipe", os.mkfifo),
        ("a device", lambda path: path.symlink_to("/dev/null")),
        ("a link to nothing", lambda path: path.symlink_to(folder / "nothing")),
        ("a text", lambda path: path.write_text("mine")),
    ):
        make(path := folder / f"{name}.safetensors")
        yield path, "is not weights that this package exported"
    (folder / "else" / "w.json").write_text('{"mine": 1}')
    yield folder / "else" / "w.safetensors", "w.json does not tell of weights"
    (folder / "half" / "w.json").mkdir()
    yield folder / "half" / "w.safetensors", "w.json is not a regular file"
    (folder / "file").write_text("in the way")
    yield folder / "file" / "w.safetensors", "no folder that can be"
    yield Path("/dev/full/w.safetensors"), "no folder that can be"
    yield folder / ("x" * 300 + ".safetensors"), "too long"
    yield folder / "a\0.safetensors", "null"


def test_an_export_is_never_written_over_anything_else(trainer, tmp_path):
    def there():
        return {path: path.is_file() and path.read_bytes() for path in tmp_path.rglob("*")}

    for path, said in wrong_places(tmp_path):
        before = there()
        for call in (checkpoints.check_export_path, lambda path: save_weights(path, pair(trainer))):
            with pytest.raises(CheckpointError, match=said) as caught:
                call(path)
            assert "\n" not in str(caught.value)
        assert there() == before, path


def test_an_export_over_other_tensors_than_its_json_tells_of_is_refused(weights, trainer):
    weights.write_bytes(content := b"another file")
    with pytest.raises(CheckpointError, match="is not weights that this package exported"):
        save_weights(weights, pair(trainer))
    assert weights.read_bytes() == content


def test_where_an_export_may_go(weights, tmp_path):
    for path in (weights, tmp_path / "new.safetensors", tmp_path / "a" / "b" / "new.safetensors"):
        before = sorted(tmp_path.rglob("*"))
        checkpoints.check_export_path(path)
        assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize("call", [load_weights, pretrained, lambda value: save_weights("w.safetensors", value)])
def test_what_is_no_path_name_or_pair_is_one_error(call):
    for value in (3, None, [], b"w", 1.5):
        with pytest.raises(CheckpointError, match="it must be"):
            call(value)
