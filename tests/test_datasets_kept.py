"""What was read once and is kept in the cache: used when it is whole, and made again, with a word, when it is not."""

from __future__ import annotations

import os

import pytest
import safetensors.torch
import torch

from ganlib.datasets import files, kept, mnist

LIKE = {"pictures": ((6,), torch.uint8), "labels": ((), torch.int64)}


def keep(path, like, read):
    """What is read, and kept if the labels are those of `tensors`."""
    return kept.kept(mnist.RECORD, path, like, read, lambda made: made.get("labels", [7])[0] == 7, 10_000)


def tensors():
    return {"pictures": torch.arange(12, dtype=torch.uint8).reshape(2, 6), "labels": torch.tensor([7, 8])}


def never():
    pytest.fail("read again")


def test_what_was_read_is_kept(tmp_path):
    path = tmp_path / "below" / "a.safetensors"
    for read in (tensors, never):
        back = keep(path, LIKE, read)
        assert back.keys() == LIKE.keys() and all(torch.equal(back[name], value) for name, value in tensors().items())
    assert [each.name for each in path.parent.iterdir()] == ["a.safetensors"]


@pytest.mark.parametrize(
    "damage",
    [
        "pixel",
        "header",
        "truncated",
        "empty",
        "other shapes",
        "other names",
        "other types",
        "other values",
        "no digest",
        "sparse",
        "a pipe",
    ],
)
def test_a_damaged_file_of_the_cache_is_made_again_and_says_so(damage, tmp_path):
    path = tmp_path / "a.safetensors"
    keep(path, LIKE, tensors)
    content, other = bytearray(path.read_bytes()), tensors()
    if damage == "pixel":
        content[-1] ^= 1
    elif damage == "header":
        content[3] = 255
    elif damage in ("truncated", "empty"):
        content = content[: -5 if damage == "truncated" else 0]
    elif damage == "no digest":
        content = safetensors.torch.save(tensors())
    path.write_bytes(content)
    if damage.startswith("other"):
        other |= {
            "other shapes": {"pictures": torch.zeros(2, 5)},
            "other names": {"more": torch.zeros(2)},
            "other types": {"pictures": torch.zeros(2, 6)},
            "other values": {"labels": torch.tensor([8, 8])},
        }[damage]
        path.unlink()
        kept.kept(mnist.RECORD, path, LIKE, lambda: other, bool, 10_000)
    elif damage == "sparse":
        os.truncate(path, 60 * 10**9)
    elif damage == "a pipe":
        if not hasattr(os, "mkfifo"):
            pytest.skip("no pipes here")
        path.unlink()
        os.mkfifo(path)
    with pytest.warns(UserWarning, match=r"a.safetensors is damaged \(.*\); it is made again"):
        assert keep(path, LIKE, tensors).keys() == LIKE.keys()
    keep(path, LIKE, never)


def test_a_cache_that_cannot_be_written_is_a_warning(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.warns(UserWarning, match=r"a.safetensors cannot be written .*GANLIB_CACHE may name another folder"):
        assert keep(tmp_path / "file" / "a.safetensors", LIKE, tensors).keys() == LIKE.keys()


def test_what_a_killed_process_left_is_removed_after_a_day(tmp_path):
    old, new = tmp_path / f"{files.BESIDE}old", tmp_path / f"{files.BESIDE}new"
    for folder in (old, new):
        folder.mkdir()
        (folder / "half").write_bytes(b"half")
    os.utime(old, (0, 0))
    keep(tmp_path / "a.safetensors", LIKE, tensors)
    assert sorted(path.name for path in tmp_path.iterdir()) == [new.name, "a.safetensors"]
