"""Checkpoints and weights: whole or refused, never half, never executed, and a full disk loses nothing."""

from __future__ import annotations

import errno
import os
import resource
import shutil
import signal
import stat
import subprocess
from pathlib import Path

import pytest
import torch

from ganlib import (
    MNIST,
    CheckpointError,
    Trainer,
    checkpoints,
    load,
    runs,
)
from ganlib.runs import Run
from tests import small
from tests.killed import in_new_process


@pytest.fixture
def trainer():
    trainer = Trainer(small.recipe(), small.data(), seed=7, device="cpu")
    list(trainer.steps(3))
    return trainer


@pytest.fixture
def run(trainer, tmp_path):
    """A run that is at step 3 and saved there."""
    run = Run(trainer, tmp_path)
    run.save()
    return run


@pytest.fixture
def twice(run):
    """A folder with checkpoints of steps 3 (the previous) and 5 (the latest)."""
    list(run.trainer.steps(2))
    run.save()
    return run.folder


def resume(folder):
    return runs.open(folder, data=small.data()).trainer


# -- resume -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("precision", ["float32", "bfloat16", "float64"])
@pytest.mark.parametrize("update", ["simultaneous", "alternating"])
def test_resumed_goes_on_bit_for_bit(update, precision, tmp_path):
    recipe = small.recipe(update=update, k=2)
    one, two = (Trainer(recipe, small.data(), seed=1, device="cpu", precision=precision) for _ in range(2))
    list(one.steps(7))
    list(two.steps(4))
    two.change(lr_D=0.1)  # a change that changes nothing but the history
    Run(two, tmp_path).save()
    two = resume(tmp_path)
    list(two.steps(3))
    for player in "GD":
        for a, b in zip(getattr(one, player).parameters(), getattr(two, player).parameters()):
            assert torch.equal(a, b) and a.dtype == b.dtype
        assert all(torch.equal(a, b) for a, b in zip(one.velocity[player], two.velocity[player]))
    assert (one.step, one.updates, one.epoch, one.position) == (two.step, two.updates, two.epoch, two.position)
    assert torch.equal(one.order, two.order) and torch.equal(one.rng.get_state(), two.rng.get_state())
    assert one.history.state()["window"].equal(two.history.state()["window"])
    assert two.history.changes == [{"step": 4, "lr_D": 0.1}]


@pytest.mark.parametrize("precision", ["bfloat16", "float32"])
def test_the_full_recipe_resumes_bit_for_bit(precision, tmp_path):
    """The real widths, whose matrix products run in threads and in blocks."""
    data = load("mnist-5k")
    one, two = (Trainer(MNIST, data, seed=1, device="cpu", precision=precision) for _ in range(2))
    list(one.steps(6))
    list(two.steps(3))
    Run(two, tmp_path).save()
    two = runs.open(tmp_path, data=data).trainer
    list(two.steps(3))
    for player in "GD":
        for a, b in zip(getattr(one, player).parameters(), getattr(two, player).parameters()):
            assert torch.equal(a, b)


def test_live_changes_survive(trainer, tmp_path):
    trainer.change(k=3, update="alternating", lr_G=0.01)
    Run(trainer, tmp_path).save()
    assert resume(tmp_path).recipe == trainer.recipe


def test_other_data_another_device_or_none_are_refused(run, tmp_path):
    with pytest.raises(CheckpointError, match=r"trained on 'small' \(\w+\), and this is 'small' \(\w+\)"):
        runs.open(tmp_path, data=small.data(seed=1))
    for device in ("cuda", "mps", "cuda:0", "abacus"):
        with pytest.raises(CheckpointError, match=f"was made on cpu; it cannot go on on {device}"):
            runs.open(tmp_path, data=small.data(), device=device)
    assert runs.open(tmp_path, data=small.data(), device="cpu").trainer.step == 3


def rewrite(folder, **changes):
    path = folder / "checkpoint.pt"
    state = torch.load(path, weights_only=True) | changes
    torch.save({key: value for key, value in state.items() if value is not None}, path)


@pytest.mark.skipif(torch.cuda.is_available(), reason="needs a machine without CUDA")
def test_a_run_from_a_device_that_is_not_here_is_refused(run, tmp_path):
    rewrite(tmp_path, device="cuda")
    with pytest.raises(CheckpointError, match="cannot go on on this machine: device 'cuda' is not usable here"):
        resume(tmp_path)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"format": 99}, r"checkpoint format 99; this version of ganlib reads 1"),
        ({"format": None}, r"checkpoint format None"),
        ({"order": None}, "lacks a part or is of another version"),
        ({"order": torch.arange(24)}, "has an order of 24 examples; there are 25"),
        (
            {"nets": {"G": {}, "D": {}}},
            r"lacks a part or is of another version: its nets\['G'\] is \[\]; it must be the 6 te",
        ),
        ({"velocity": {"G": [torch.zeros(3)], "D": []}}, "lacks a part or is of another version"),
        ({"rng": torch.zeros(3, dtype=torch.uint8)}, "lacks a part or is of another version"),
        ({"recipe": {"name": "mnist"}}, "lacks a part or is of another version"),
        ({"history": {}}, "lacks a part or is of another version"),
        ({"seed": "seven"}, "lacks a part or is of another version"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_a_checkpoint_of_another_layout_is_refused(changes, said, run, tmp_path):
    rewrite(tmp_path, **changes)
    with pytest.raises(CheckpointError, match=said):
        resume(tmp_path)


# -- damage -----------------------------------------------------------------------------------------------------------


def truncate(content, share):
    return content[: int(len(content) * share)]


def alter(content, share):
    at = min(int(len(content) * share), len(content) - 1)
    return content[:at] + bytes([content[at] ^ 0xFF]) + content[at + 1 :]


@pytest.mark.parametrize("damage", [truncate, alter])
@pytest.mark.parametrize("share", [0.0, 0.01, 0.1, 0.3, 0.5, 0.8, 0.95, 0.999])
def test_after_damage_the_previous_checkpoint_is_taken_with_a_warning(damage, share, twice):
    latest = twice / "checkpoint.pt"
    whole = latest.read_bytes()
    latest.write_bytes(damage(whole, share))
    try:
        state, remark = checkpoints.read(twice)
    except CheckpointError:
        pytest.fail("the previous checkpoint is whole")
    if not remark:  # the byte was padding: then everything must be as it was
        assert damage is alter
        same = torch.load(twice / "checkpoint.pt", weights_only=True)
        latest.write_bytes(whole)
        assert str(same) == str(torch.load(latest, weights_only=True)) and state["step"] == 5
        return
    with pytest.warns(UserWarning, match=r"checkpoint.pt is not a whole .*going on from .*checkpoint-previous.pt"):
        assert resume(twice).step == 3


def test_a_flipped_bit_inside_the_weights_is_seen(twice):
    """torch.load itself would take it."""
    latest, weight = twice / "checkpoint.pt", torch.load(twice / "checkpoint.pt", weights_only=True)
    raw = weight["nets"]["G"]["layers.0.linear.weight"].numpy().tobytes()
    content = latest.read_bytes()
    at = content.index(raw) + 2
    latest.write_bytes(content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :])
    assert torch.load(latest, weights_only=True)["step"] == 5
    with pytest.warns(UserWarning, match="does not match its checksum"):
        assert resume(twice).step == 3


def test_when_both_are_broken_the_error_names_both(twice):
    (twice / "checkpoint.pt").write_bytes(b"")
    (twice / "checkpoint-previous.pt").write_bytes(b"PK\x03\x04 and then nothing")
    with pytest.raises(CheckpointError, match=r"checkpoint.pt .*checkpoint-previous.pt .*no whole checkpoint is left"):
        resume(twice)


def test_a_checkpoint_of_another_version_is_no_damaged_one(twice):
    """Else the next save would be written over it."""
    rewrite(twice, format=2)
    with pytest.raises(
        CheckpointError, match=r"checkpoint.pt has checkpoint format 2; this version of ganlib reads 1$"
    ):
        resume(twice)


def test_a_checkpoint_of_wrong_numbers_is_passed_over_and_never_takes_the_place_of_the_good_one(twice):
    """Its checksums are right, and a number of G is none. After the next save begins, the good one is still there."""
    nets = torch.load(twice / "checkpoint.pt", weights_only=True)["nets"]
    nets["G"]["layers.0.linear.bias"][0] = float("nan")
    rewrite(twice, nets=nets)
    with pytest.warns(UserWarning, match="holds values that are not finite.*going on from .*previous"):
        run = runs.open(twice, data=small.data())
    assert run.trainer.step == 3
    good = (twice / "checkpoint-previous.pt").read_bytes()
    run.save()
    assert (twice / "checkpoint-previous.pt").read_bytes() == good and resume(twice).step == 3


def test_a_state_that_could_not_be_read_is_not_written(run, twice):
    before = (twice / "checkpoint.pt").read_bytes()
    run.trainer.history.scores.append({"step": {1, 2}})
    with pytest.raises(CheckpointError, match="^nothing was saved in .*scores.* is .1, 2.; it must be a plain value"):
        run.save()
    assert (twice / "checkpoint.pt").read_bytes() == before


def test_a_missing_latest_checkpoint_falls_back_too(twice):
    (twice / "checkpoint.pt").unlink()
    assert resume(twice).step == 3


def test_code_inside_a_checkpoint_is_refused_and_not_run(run, tmp_path):
    class Evil:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "executed"),)

    torch.save({"format": 1, "recipe": Evil()}, tmp_path / "checkpoint.pt")
    with pytest.raises(CheckpointError, match=r"not a whole checkpoint \(it names 'posix.mkdir', and only"):
        resume(tmp_path)
    assert not (tmp_path / "executed").exists()


# -- what may not be saved --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("player", ["G", "D"])
@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_parameters_that_are_not_finite_are_not_saved(player, bad, run, twice):
    before = (twice / "checkpoint.pt").read_bytes()
    next(getattr(run.trainer, player).parameters()).data[0, 0] = bad
    with pytest.raises(CheckpointError, match=f"{player} holds values that are not finite.*Nothing was saved"):
        run.save()
    assert (twice / "checkpoint.pt").read_bytes() == before


def test_a_run_interrupted_inside_a_step_cannot_be_saved(run, twice, monkeypatch):
    honest = Trainer._descend

    def interrupted(self, player, *arguments, **options):
        honest(self, player, *arguments, **options)
        raise KeyboardInterrupt

    monkeypatch.setattr(Trainer, "_descend", interrupted)
    with pytest.raises(KeyboardInterrupt):
        next(run.trainer.steps(1))
    with pytest.raises(CheckpointError, match="stopped inside a step"):
        run.save()
    assert resume(twice).step == 5


# -- the disk ---------------------------------------------------------------------------------------------------------


def test_a_checkpoint_is_flushed_before_it_takes_its_place_in_one_step(run, monkeypatch):
    done, fsync, replace = [], os.fsync, os.replace

    def watched_fsync(handle):
        what = "folder" if stat.S_ISDIR(os.fstat(handle).st_mode) else "file"
        done.append(f"flush the {what}")
        fsync(handle)

    def watched_replace(source, target):
        assert checkpoints._damage(source) is None
        done.append(f"{Path(source).name} -> {Path(target).name}")
        replace(source, target)

    monkeypatch.setattr(os, "fsync", watched_fsync)
    monkeypatch.setattr(os, "replace", watched_replace)
    run.save()
    assert done == [
        "flush the file",
        "checkpoint.pt -> checkpoint-previous.pt",
        ".checkpoint.pt.writing -> checkpoint.pt",
        "flush the folder",
    ]


def only_checkpoints(folder):
    return sorted(path.name for path in Path(folder).iterdir()) == ["checkpoint-previous.pt", "checkpoint.pt"]


@pytest.mark.parametrize("where", ["write", "fsync"])
@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_disk_that_reports_full_loses_nothing(where, number, run, twice, monkeypatch):
    def full(*_):
        raise OSError(number, os.strerror(number))

    if where == "fsync":
        monkeypatch.setattr(os, "fsync", full)
    else:
        monkeypatch.setattr(checkpoints.torch, "save", full)
    with pytest.raises(CheckpointError, match=r"cannot be written: the disk is full.*untouched. Free some space"):
        run.save()
    assert only_checkpoints(twice)
    assert resume(twice).step == 5


def save_with_a_limit(folder, limit):
    """In a process whose files may not grow beyond `limit` bytes: exit code 3 when the error is the right one."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    run = runs.open(folder, data=small.data())
    list(run.trainer.steps(2))
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    try:
        run.save()
    except CheckpointError as error:
        os._exit(3 if "the disk is full" in str(error) else 4)
    os._exit(0)


@pytest.mark.parametrize("limit", [0, 1, 1_000, 10_000, 10_000_000])
def test_a_file_that_may_not_grow_loses_nothing(limit, twice):
    assert in_new_process(save_with_a_limit, twice, limit) == (3 if limit < 1_000_000 else 0)
    assert only_checkpoints(twice)
    assert resume(twice).step == (5 if limit < 1_000_000 else 7)


@pytest.fixture
def tiny_disk(tmp_path):
    """A real disk of 128 KB, where this process may mount one."""
    if not hasattr(os, "geteuid") or os.geteuid() != 0 or shutil.which("mount") is None:
        pytest.skip("only root mounts a disk")
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=128k", "tmpfs", disk], capture_output=True)
    if mounted.returncode != 0:
        pytest.skip(f"no disk to mount: {mounted.stderr.decode().strip()}")
    yield disk
    subprocess.run(["umount", disk], check=True)


def test_a_really_full_disk_loses_nothing(tiny_disk, trainer):
    run = Run(trainer, tiny_disk)
    run.save()
    list(trainer.steps(2))
    run.save()
    with open(tiny_disk / "other", "wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(4096))
        except OSError:
            pass
    list(trainer.steps(2))
    with pytest.raises(CheckpointError, match="cannot be written: the disk is full"):
        run.save()
    (tiny_disk / "other").unlink()
    assert only_checkpoints(tiny_disk)
    assert resume(tiny_disk).step == 5
    run.save()
    assert resume(tiny_disk).step == 7


def test_a_folder_below_a_file_cannot_be_written(trainer, tmp_path):
    (tmp_path / "file").write_text("in the way")
    for folder in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(CheckpointError, match="cannot be written"):
            Run(trainer, folder).save()


def save_without_permission(folder):
    """As nobody, if this is root, whom no permission stops: exit code 3 when the error is the right one."""
    recipe, data = small.recipe(), small.data()
    Trainer(recipe, data)  # loads what nobody may not
    if os.geteuid() == 0:
        os.setuid(65534)
    try:
        runs.open(folder, recipe, data=data).train(progress=False)
    except CheckpointError as error:
        os._exit(3 if "cannot be written: " in str(error) and "Permission denied" in str(error) else 4)
    os._exit(0)


@pytest.mark.parametrize("mode", [0o555, 0o000])
def test_a_folder_without_permission_cannot_be_written(mode, twice):
    folder = twice / "closed"
    folder.mkdir()
    folder.chmod(mode)
    assert in_new_process(save_without_permission, folder) == 3
    folder.chmod(0o755)
    assert list(folder.iterdir()) == [] and resume(twice).step == 5
