"""CIFAR-10: the binary version's layout, an archive that may be hostile, and its checksum, compared each time."""

from __future__ import annotations

import gzip
import hashlib
import os
import pickle
import subprocess
import sys
import tarfile
import time
from pathlib import Path

import numpy as np
import pytest
import torch

from benchmarks.memory import UNKNOWN, peak
from benchmarks.turns import take_turns
from ganlib import DataError, datasets, load
from ganlib.datasets import cifar10
from tests.archives import archive, hostile, member, tree
from tests.hosts import closed_port, empty_machine, send, serve

ROOT = Path(__file__).resolve().parent.parent
N = 20  # records in each of the six small files
FOLDER = "cifar-10-batches-bin"
FILES = [*(f"data_batch_{i}.bin" for i in range(1, 6)), "test_batch.bin"]


def record(i):
    """Picture i of the 120: class i mod 10; red i, green i + 1, blue i + 2, but for one pixel of each plane."""
    picture = np.empty((3, 32, 32), np.uint8)
    for channel in range(3):
        picture[channel] = i + channel
        picture[channel, 4 * channel, i % 32] = 255
    return bytes([i % 10]) + picture.tobytes()


def made():
    """Six small files in the publisher's layout, by hand."""
    return {file: b"".join(record(b * N + r) for r in range(N)) for b, file in enumerate(FILES)}


@pytest.fixture(scope="module")
def published():
    return made()


def members(published):
    """As in the publisher's archive: the folder, a text, and the six files, in no order of theirs."""
    folder = member(FOLDER, type=tarfile.DIRTYPE)
    text = member(f"{FOLDER}/batches.meta.txt", b"airplane\n")
    return [folder, text, *(member(f"{FOLDER}/{file}", published[file]) for file in reversed(FILES))]


@pytest.fixture(autouse=True)
def here(monkeypatch, tmp_path, published):
    """An empty cache, an empty GANLIB_DATA, no network, and the small archive's checksum."""
    empty_machine(monkeypatch, tmp_path, cifar10)
    small(monkeypatch)
    return tmp_path


def small(monkeypatch):
    """The small archive, and its facts in the place of CIFAR-10's."""
    monkeypatch.setattr(cifar10.RECORD, "counts", {"a file": N})
    return {cifar10.ARCHIVE: publish(monkeypatch, archive(*members(made())))}


def publish(monkeypatch, content):
    monkeypatch.setattr(cifar10.RECORD, "files", {cifar10.ARCHIVE: hashlib.sha256(content).hexdigest()})
    return content


def put(folder, published):
    folder.mkdir(parents=True, exist_ok=True)
    for file, content in published.items():
        (folder / file).write_bytes(content)
    return folder


def is_right(data):
    """The splits by hand: 80, 20 and 20 of the 120 pictures, in order, rows channel by channel."""
    for pictures, labels, first, n in (
        (data.train, data.train_labels, 0, 80),
        (data.valid, data.valid_labels, 80, 20),
        (data.test, data.test_labels, 100, 20),
    ):
        assert pictures.dtype == torch.uint8 and pictures.shape == (n, 3072)
        assert labels.dtype == torch.int64 and labels.tolist() == [i % 10 for i in range(first, first + n)]
        for i, picture in enumerate(pictures.reshape(n, 3, 32, 32), first):
            assert [int(picture[c, 20, 20]) for c in range(3)] == [i, i + 1, i + 2]
            assert [int(picture[c, 4 * c, i % 32]) for c in range(3)] == [255, 255, 255]
    return True


# -- where it is found ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("below", ["", "cifar10"])
def test_the_users_folder_by_its_layout(below, here, published):
    folder = put(here / "own" / below / FOLDER, published)
    data = load("cifar10", download=False)
    assert is_right(data) and data.source == str(folder)
    assert (data.name, data.shape, data.note, data.folds) == ("cifar10", (3, 32, 32), "", ())
    assert datasets.status("cifar10") == (True, f"in {folder}")
    data.train[0] = 0  # in memory, and ours
    assert (folder / FILES[0]).read_bytes() == published[FILES[0]]


def test_the_users_archive_is_read_and_not_unpacked(here, published):
    (here / "own" / "cifar-10-binary.tar.gz").write_bytes(archive(*members(published)))
    before = tree(here)
    assert is_right(load("cifar10", download=False))
    assert tree(here) == before
    assert datasets.status("cifar10") == (True, f"in {here / 'own' / 'cifar-10-binary.tar.gz'}")


def test_downloaded_once_then_read_from_the_archive_each_time(here, published, monkeypatch):
    content = archive(*members(published))
    with serve(lambda path, handler: send(handler, content)) as (addresses, requests):
        monkeypatch.setattr(cifar10.RECORD, "addresses", [closed_port() + "{file}", addresses[0] + "{file}"])
        for _ in range(2):
            assert is_right(load("cifar10"))
        assert requests == [(0, "/cifar-10-binary.tar.gz")]
    assert tree(here / "cache" / "cifar10") == ["cifar-10-binary.tar.gz"]


def test_a_folder_in_the_cache_is_passed_over(here, published):
    """Of what was downloaded only the archive has a checksum."""
    put(here / "cache" / "cifar10" / FOLDER, published)
    with pytest.raises(DataError, match="CIFAR-10 is not here"):
        load("cifar10", download=False)


# -- what is refused --------------------------------------------------------------------------------------------------


def test_the_published_checksum_and_hosts_are_real(monkeypatch):
    """What the fixture replaces: the publisher's archive, whose MD5 its author states."""
    monkeypatch.undo()
    record = cifar10.RECORD
    sha256 = "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd"
    assert record.files == {"cifar-10-binary.tar.gz": sha256} and record.counts == {"a file": 10_000}
    assert [url.format(file=cifar10.ARCHIVE) for url in record.addresses] == [
        "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz",
        "https://cave.cs.toronto.edu/kriz/cifar-10-binary.tar.gz",
    ]


DAMAGE = {
    "missing": (lambda content: None, f"{FOLDER} does not hold {FOLDER}/data_batch_2.bin"),
    "empty": (lambda content: b"", "data_batch_2.bin has 0 bytes, not 61,460"),
    "truncated": (lambda content: content[:-1], "data_batch_2.bin has 61,459 bytes, not 61,460"),
    "one picture more": (
        lambda content: content + content[:3073],
        "data_batch_2.bin has 64,533 bytes, more than 61,460",
    ),
    "labels behind their pictures": (
        lambda content: b"".join(content[i + 1 : i + 3073] + content[i : i + 1] for i in range(0, len(content), 3073)),
        "data_batch_2.bin gives picture 0 the label 20",
    ),
}


@pytest.mark.parametrize("damage", DAMAGE)
@pytest.mark.parametrize("verify", [True, False], ids=["verified", "unverified"])
def test_a_damaged_file_is_refused_by_name(verify, damage, here, published):
    make, said = DAMAGE[damage]
    content = make(published["data_batch_2.bin"])
    files = {name: data for name, data in (published | {"data_batch_2.bin": content}).items() if data is not None}
    folder = put(here / "own" / FOLDER, files)
    with pytest.raises(DataError, match=said) as caught:
        load("cifar10", download=False, verify=verify)
    assert str(folder) in str(caught.value) and "Expected the six files" in str(caught.value)


# -- the archive ------------------------------------------------------------------------------------------------------

PASSED_OVER = hostile(FOLDER, "data_batch_1.bin")


@pytest.mark.parametrize("bad", PASSED_OVER)
def test_members_of_other_names_are_passed_over_wherever_they_point(bad, here, published, monkeypatch):
    evil = PASSED_OVER[bad]
    content = publish(monkeypatch, archive(evil, *members(published), evil))
    (here / "own" / "cifar-10-binary.tar.gz").write_bytes(content)
    around, before = set(here.parent.iterdir()), tree(here)
    assert is_right(load("cifar10", download=False))
    assert tree(here) == before
    assert set(here.parent.iterdir()) == around and not Path("/ganlib-evil.bin").exists()


NAME = f"{FOLDER}/data_batch_3.bin"
REFUSED = {
    "a symlink": (lambda content: [member(NAME, type=tarfile.SYMTYPE, linkname="/etc/passwd")], "is no regular file"),
    "a symlink with a size": (
        lambda content: [member(NAME, type=tarfile.SYMTYPE, linkname="data_batch_4.bin", size=61_460)],
        "is no regular file",
    ),
    "a hard link": (
        lambda content: [member(NAME, type=tarfile.LNKTYPE, linkname=f"{FOLDER}/data_batch_4.bin")],
        "is no regular file",
    ),
    "a device": (lambda content: [member(NAME, type=tarfile.CHRTYPE)], "is no regular file"),
    "a folder": (lambda content: [member(NAME, type=tarfile.DIRTYPE)], "is no regular file"),
    "truncated": (lambda content: [member(NAME, content[:-1])], "has 61,459 bytes, not 61,460"),
    "one byte more": (lambda content: [member(NAME, content + b"1")], "has 61,461 bytes, more than 61,460"),
    "twice": (lambda content: [member(NAME, content)] * 2, "is there twice"),
    "missing": (lambda content: [], f"does not hold {NAME}"),
    "labels": (lambda content: [member(NAME, b"\x0a" + content[1:])], "gives picture 0 the label 10"),
    "huge": (
        lambda content: [member("anything", size=10**13)],
        "'anything' has 10,000,000,000,000 bytes, more than 61,460",
    ),
}


@pytest.mark.parametrize("bad", REFUSED)
def test_a_member_that_is_not_what_it_should_be_is_refused(bad, here, published):
    make, said = REFUSED[bad]
    others = [m for m in members(published) if m[0].name != NAME]
    path = here / "own" / "cifar-10-binary.tar.gz"
    path.write_bytes(archive(*others, *make(published["data_batch_3.bin"])))
    before = tree(here)
    with pytest.raises(DataError, match=r"is not the file that CIFAR-10's author published.*verify=False"):
        load("cifar10", download=False)
    with pytest.raises(DataError, match=said) as caught:
        load("cifar10", download=False, verify=False)
    assert str(path) in str(caught.value) and tree(here) == before


def test_a_cached_archive_altered_later_is_refused(here, published):
    """verify=False is the way round, and changes nothing for the next load."""
    folder = here / "cache" / "cifar10"
    folder.mkdir(parents=True)
    zeros = [member(f"{FOLDER}/{name}", bytes(len(content))) for name, content in published.items()]
    (folder / "cifar-10-binary.tar.gz").write_bytes(archive(*zeros))
    assert load("cifar10", download=False, verify=False).train.max() == 0
    with pytest.raises(DataError, match=r"is not the file that .* Delete it, and load again.*verify=False"):
        load("cifar10", download=False)
    assert tree(folder) == ["cifar-10-binary.tar.gz"]


@pytest.mark.parametrize("share", [0, 0.01, 0.5, 0.99])
def test_a_truncated_archive_is_refused(share, here, published, monkeypatch):
    content = archive(*members(published))
    path = here / "own" / "cifar-10-binary.tar.gz"
    path.write_bytes(content[: int(share * len(content))])
    with pytest.raises(DataError, match=r"tar.gz is not the file that CIFAR-10's author published: [\d,]+ bytes"):
        load("cifar10", download=False)
    with pytest.raises(DataError, match=r"tar.gz (is truncated, damaged, or not a gzipped tar|does not hold)"):
        load("cifar10", download=False, verify=False)


@pytest.mark.parametrize("what", ["text", "a zip", "gzipped text", "the Python version"])
def test_another_file_under_the_archives_name_is_refused(what, here):
    python = member("cifar-10-batches-py/data_batch_1", pickle.dumps({"data": 1}))
    content = {"text": b"<html>" * 99, "a zip": b"PK\x03\x04" + bytes(99), "gzipped text": gzip.compress(b"hello" * 99)}
    (here / "own" / "cifar-10-binary.tar.gz").write_bytes(content.get(what) or archive(python))
    with pytest.raises(
        DataError,
        match=rf"tar.gz (is truncated, damaged, or not a gzipped tar|does not hold {FOLDER}/data_batch_1.bin)",
    ):
        load("cifar10", download=False, verify=False)


# -- at real size -----------------------------------------------------------------------------------------------------

GROWTH = """
import ganlib
from benchmarks.memory import peak
from ganlib.datasets import cifar10, files
cifar10.RECORD.files[cifar10.ARCHIVE] = files.sha256(cifar10.RECORD, cifar10.find(), cifar10.LARGEST)
before = peak()
data = ganlib.load("cifar10", download=False)
print(peak() - before, len(data.train), len(data.valid), len(data.test))
"""


@pytest.fixture
def cached(here, monkeypatch):
    """A cache that holds an archive of six files of the real size, with its checksum in the record: the archive."""
    folder = here / "cache" / "cifar10"
    folder.mkdir(parents=True)
    content = np.random.default_rng(0).integers(0, 10, 30_730_000, np.uint8).tobytes()
    padded = gzip.compress(content + bytes(-len(content) % 512), 1)
    headers = [member(f"{FOLDER}/{file}", content)[0].tobuf() for file in FILES]
    whole = b"".join(gzip.compress(header) + padded for header in headers) + gzip.compress(bytes(1024))
    archive = folder / cifar10.ARCHIVE
    archive.write_bytes(whole)
    monkeypatch.setitem(cifar10.RECORD.files, cifar10.ARCHIVE, hashlib.sha256(whole).hexdigest())
    monkeypatch.setitem(cifar10.RECORD.counts, "a file", 10_000)
    return archive


@pytest.mark.skipif(peak() is None, reason=UNKNOWN)
def test_60000_pictures_take_less_memory_than_two_copies_of_them(cached):
    """The pictures are 184 MB. They and one file at a time are held; a second copy of them would be too much."""
    command = [sys.executable, "-c", GROWTH]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0, done.stderr
    grown, *numbers = map(int, done.stdout.split())
    assert numbers == [40_000, 10_000, 10_000]
    assert grown < 2 * 60_000 * 3_072


@pytest.mark.serial
def test_60000_pictures_load_in_under_three_times_the_time_that_the_archive_takes(cached):
    """The archive has to be compared with its checksum and unpacked; all the rest must not take long beside that."""

    def least():
        hashlib.sha256(cached.read_bytes()).hexdigest()
        with gzip.open(cached) as file:
            while file.read(2**20):
                pass

    sides = {"load": lambda: load("cifar10", download=False), "least": least}
    seconds = take_turns(sides, 3, clock=time.process_time)
    assert min(seconds["load"]) < 3 * min(seconds["least"])


@pytest.mark.skipif(not os.environ.get("GANLIB_DATA"), reason="GANLIB_DATA names no folder with the real CIFAR-10")
def test_the_real_cifar10(monkeypatch):
    monkeypatch.undo()
    if not datasets.status("cifar10")[0]:
        pytest.skip("GANLIB_DATA holds no CIFAR-10")
    data = load("cifar10", download=False)
    assert [len(part) for part in (data.train, data.valid, data.test)] == [40_000, 10_000, 10_000]
    assert torch.bincount(torch.cat([data.train_labels, data.valid_labels])).tolist() == [5_000] * 10
    assert torch.bincount(data.test_labels).tolist() == [1_000] * 10
    channels = torch.cat([data.train, data.valid]).reshape(-1, 3, 1024).double().mean((0, 2)) / 255
    assert channels.tolist() == pytest.approx([0.4914, 0.4822, 0.4465], abs=2e-3)
