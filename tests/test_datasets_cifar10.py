"""CIFAR-10: the binary version's layout, an archive that may be hostile, and the cache that is verified each time."""

from __future__ import annotations

import gzip
import hashlib
import os
import pickle
import re
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


@pytest.fixture(scope="module")
def published():
    """Six small files in the publisher's layout, by hand."""
    return {file: b"".join(record(b * N + r) for r in range(N)) for b, file in enumerate(FILES)}


def members(published):
    """As in the publisher's archive: the folder, a text, and the six files, in no order of theirs."""
    folder = member(FOLDER, type=tarfile.DIRTYPE)
    text = member(f"{FOLDER}/batches.meta.txt", b"airplane\n")
    return [folder, text, *(member(f"{FOLDER}/{file}", published[file]) for file in reversed(FILES))]


@pytest.fixture(autouse=True)
def here(monkeypatch, tmp_path, published):
    """An empty cache, an empty GANLIB_DATA, no network, and the small archive's checksum."""
    empty_machine(monkeypatch, tmp_path, cifar10)
    monkeypatch.setattr(cifar10, "RECORDS", N)
    publish(monkeypatch, archive(*members(published)))
    return tmp_path


def publish(monkeypatch, content):
    monkeypatch.setattr(cifar10, "ARCHIVE_SHA256", hashlib.sha256(content).hexdigest())
    return content


def put(folder, published):
    folder.mkdir(parents=True, exist_ok=True)
    for file, content in published.items():
        (folder / file).write_bytes(content)
    return folder


def put_in_cache(here, published):
    folder = put(here / "cache" / "cifar10" / FOLDER, published)
    sums = [f"{hashlib.sha256(published[file]).hexdigest()}  {file}\n" for file in FILES]
    (folder / "SHA256SUMS").write_text("".join(sums))
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


def test_downloaded_once_then_cached_with_digests_that_sha256sum_reads(here, published, monkeypatch):
    content = archive(*members(published))
    with serve(lambda path, handler: send(handler, content)) as (addresses, requests):
        monkeypatch.setattr(cifar10, "URLS", [closed_port() + "down", addresses[0] + "cifar-10-binary.tar.gz"])
        assert is_right(load("cifar10"))
        assert is_right(load("cifar10"))
        assert len(requests) == 1
    folder = here / "cache" / "cifar10"
    assert tree(folder) == sorted(
        [FOLDER, "cifar-10-binary.tar.gz", f"{FOLDER}/SHA256SUMS", *(f"{FOLDER}/{file}" for file in FILES)]
    )
    for file in FILES:
        assert (folder / FOLDER / file).read_bytes() == published[file]
    lines = (folder / FOLDER / "SHA256SUMS").read_text().splitlines()
    assert sorted(lines) == sorted(f"{hashlib.sha256(published[file]).hexdigest()}  {file}" for file in FILES)


def test_an_unpacking_that_was_interrupted_is_done_again(here, published, monkeypatch):
    folder = here / "cache" / "cifar10"
    folder.mkdir(parents=True)
    (folder / "cifar-10-binary.tar.gz").write_bytes(archive(*members(published)))
    honest, calls = os.replace, []

    def killed(*arguments):
        calls.append(arguments)
        if len(calls) == 4:
            raise KeyboardInterrupt
        honest(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", killed)
        with pytest.raises(KeyboardInterrupt):
            load("cifar10", download=False)
    assert (folder / "cifar-10-binary.tar.gz").is_file() and len(list((folder / FOLDER).iterdir())) == 3
    assert is_right(load("cifar10", download=False))
    assert len(list((folder / FOLDER).iterdir())) == 7


def test_what_was_not_verified_never_enters_the_cache(here, published):
    """verify=False reads another archive once, in memory; the next load, verified, refuses it as before."""
    folder = here / "cache" / "cifar10"
    folder.mkdir(parents=True)
    zeros = [(name, bytes(len(content))) for name, content in published.items()]
    (folder / "cifar-10-binary.tar.gz").write_bytes(archive(*(member(f"{FOLDER}/{name}", c) for name, c in zeros)))
    assert load("cifar10", download=False, verify=False).train.max() == 0
    assert tree(folder) == ["cifar-10-binary.tar.gz"]
    with pytest.raises(DataError, match=re.escape("cifar-10-binary.tar.gz")):
        load("cifar10", download=False)


def test_a_full_disk_says_so_and_keeps_the_archive(here, published, monkeypatch):
    folder = here / "cache" / "cifar10"
    folder.mkdir(parents=True)
    (folder / "cifar-10-binary.tar.gz").write_bytes(archive(*members(published)))

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(DataError, match=r"cannot be unpacked into .*No space left.*free some space, or .*GANLIB_CACHE"):
        load("cifar10", download=False)
    assert (folder / "cifar-10-binary.tar.gz").is_file()


# -- what is refused --------------------------------------------------------------------------------------------------


def test_missing_says_where_to_put_what(here):
    for options in ({}, {"download": False}):
        with pytest.raises(DataError) as caught:
            load("cifar10", **options)
        said = str(caught.value)
        assert str(here / "cache" / "cifar10") in said and "GANLIB_DATA" in said
        assert cifar10.ARCHIVE_SHA256 in said and all(url in said for url in cifar10.URLS)
        assert ("ConnectionError" in said) is ("download" not in options)


def test_the_published_checksum_and_hosts_are_real():
    """What the fixture replaces: the publisher's archive, whose MD5 its author states."""
    source = Path(cifar10.__file__).read_text()
    for fact in (
        "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz",
        "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd",
        "c32a1d4ab5d03f1284b67883e8d87530",
        "RECORDS = 10_000\n",
    ):
        assert fact in source


DAMAGE = {
    "missing": (lambda content: None, r"is missing; .* must hold all of data_batch_1.bin, "),
    "empty": (lambda content: b"", r"has 0 bytes; expected 20 records of 3,073 bytes.*: 61,460"),
    "truncated": (lambda content: content[:-1], r"has 61,459 bytes; expected 20 records of 3,073 bytes"),
    "one record more": (lambda content: content + content[:3073], r"has 64,533 bytes; expected 20 records"),
    "labels behind their pictures": (
        lambda content: b"".join(content[i + 1 : i + 3073] + content[i : i + 1] for i in range(0, len(content), 3073)),
        r"record 0 has the label 20; expected 20 records of 3,073 bytes, each a label from 0 to 9",
    ),
}


@pytest.mark.parametrize("damage", DAMAGE)
@pytest.mark.parametrize("place", ["own", "cache"])
@pytest.mark.parametrize("verify", [True, False], ids=["verified", "unverified"])
def test_a_damaged_file_is_refused_by_name(verify, place, damage, here, published):
    folder = put(here / "own" / FOLDER, published) if place == "own" else put_in_cache(here, published)
    content = DAMAGE[damage][0](published["data_batch_2.bin"])
    if content is None:
        (folder / "data_batch_2.bin").unlink()
    else:
        (folder / "data_batch_2.bin").write_bytes(content)
    with pytest.raises(DataError, match=rf"data_batch_2.bin:? {DAMAGE[damage][1]}") as caught:
        load("cifar10", download=False, verify=verify)
    assert ("Get it again from" if place == "own" else f"Delete {folder.parent} and load again") in str(caught.value)


@pytest.mark.parametrize("what", ["a pixel", "its digest"])
def test_a_cached_file_altered_later_is_refused(what, here, published):
    folder = put_in_cache(here, published)
    assert is_right(load("cifar10", download=False))
    if what == "a pixel":
        content = bytearray(published["test_batch.bin"])
        content[5] ^= 1
        (folder / "test_batch.bin").write_bytes(content)
    else:
        sums = (folder / "SHA256SUMS").read_text()
        (folder / "SHA256SUMS").write_text(sums[:-80] + ("0" if sums[-80] != "0" else "1") + sums[-79:])
    with pytest.raises(DataError, match=r"test_batch.bin was altered after it was downloaded.*Delete"):
        load("cifar10", download=False)
    assert load("cifar10", download=False, verify=False).name == "cifar10", "verify=False is the way round"


@pytest.mark.parametrize("content", [b"", b"\xff\xfe", b"0123  data_batch_1.bin\n"], ids=["empty", "binary", "short"])
def test_damaged_digests_are_refused(content, here, published):
    folder = put_in_cache(here, published)
    (folder / "SHA256SUMS").write_bytes(content)
    with pytest.raises(DataError, match=r"SHA256SUMS (is damaged|cannot be read).*Delete .* and load again"):
        load("cifar10", download=False)


# -- the archive ------------------------------------------------------------------------------------------------------

PASSED_OVER = hostile(FOLDER, "data_batch_1.bin")


@pytest.mark.parametrize("bad", PASSED_OVER)
@pytest.mark.parametrize("place", ["own", "cache"])
def test_members_of_other_names_are_passed_over_wherever_they_point(place, bad, here, published, monkeypatch):
    evil = PASSED_OVER[bad]
    content = publish(monkeypatch, archive(evil, *members(published), evil))
    folder = here / "own" if place == "own" else here / "cache" / "cifar10"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "cifar-10-binary.tar.gz").write_bytes(content)
    around = set(here.parent.iterdir())
    before = set(tree(here))
    assert is_right(load("cifar10", download=False))
    new = {f"cache/cifar10/{FOLDER}", *(f"cache/cifar10/{FOLDER}/{file}" for file in [*FILES, "SHA256SUMS"])}
    assert set(tree(here)) - before == (new if place == "cache" else set())
    assert set(here.parent.iterdir()) == around and not Path("/ganlib-evil.bin").exists()


NAME = f"{FOLDER}/data_batch_3.bin"
REFUSED = {
    "a symlink": (lambda content: [member(NAME, type=tarfile.SYMTYPE, linkname="/etc/passwd")], "is no file of 61,460"),
    "a symlink with a size": (
        lambda content: [member(NAME, type=tarfile.SYMTYPE, linkname="data_batch_4.bin", size=61_460)],
        "is no file of 61,460 bytes",
    ),
    "a hard link": (
        lambda content: [member(NAME, type=tarfile.LNKTYPE, linkname=f"{FOLDER}/data_batch_4.bin")],
        "is no file of 61,460 bytes",
    ),
    "a device": (lambda content: [member(NAME, type=tarfile.CHRTYPE)], "is no file of 61,460 bytes"),
    "a folder": (lambda content: [member(NAME, type=tarfile.DIRTYPE)], "is no file of 61,460 bytes"),
    "truncated": (lambda content: [member(NAME, content[:-1])], "is no file of 61,460 bytes"),
    "one byte more": (lambda content: [member(NAME, content + b"1")], "has 61,461 bytes; no file of CIFAR-10 has more"),
    "twice": (lambda content: [member(NAME, content)] * 2, "is there twice"),
    "missing": (lambda content: [], f"does not hold {NAME}"),
    "labels": (lambda content: [member(NAME, b"\x0a" + content[1:])], "record 0 has the label 10; expected 20 records"),
    "huge": (
        lambda content: [member("anything", size=10**13)],
        "'anything' has 10,000,000,000,000 bytes; no file of CIFAR-10 has more than 61,460",
    ),
}


@pytest.mark.parametrize("bad", REFUSED)
@pytest.mark.parametrize("place", ["own", "cache"])
def test_a_member_that_is_not_what_it_should_be_is_refused(place, bad, here, published, monkeypatch):
    make, said = REFUSED[bad]
    others = [m for m in members(published) if m[0].name != NAME]
    content = archive(*others, *make(published["data_batch_3.bin"]))
    folder = here / "own" if place == "own" else here / "cache" / "cifar10"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "cifar-10-binary.tar.gz").write_bytes(content)
    with pytest.raises(DataError, match=r"is not the file that CIFAR-10's author published.*verify=False"):
        load("cifar10", download=False)
    before = tree(here / "own")
    for _ in range(2):
        with pytest.raises(DataError, match=said) as caught:
            load("cifar10", download=False, verify=False)
        assert "cifar-10-binary.tar.gz" in str(caught.value)
    assert tree(here / "own") == before
    assert not (here / "cache" / "cifar10" / FOLDER / "SHA256SUMS").exists()


@pytest.mark.parametrize("share", [0, 0.01, 0.5, 0.99])
def test_a_truncated_archive_is_refused(share, here, published, monkeypatch):
    content = archive(*members(published))
    path = here / "own" / "cifar-10-binary.tar.gz"
    path.write_bytes(content[: int(share * len(content))])
    with pytest.raises(DataError, match=r"tar.gz is not the file that CIFAR-10's author published: [\d,]+ bytes"):
        load("cifar10", download=False)
    with pytest.raises(DataError, match=r"tar.gz (is truncated or not a gzipped tar|does not hold)"):
        load("cifar10", download=False, verify=False)


@pytest.mark.parametrize("what", ["text", "a zip", "gzipped text", "the Python version"])
def test_another_file_under_the_archives_name_is_refused(what, here):
    python = member("cifar-10-batches-py/data_batch_1", pickle.dumps({"data": 1}))
    content = {"text": b"<html>" * 99, "a zip": b"PK\x03\x04" + bytes(99), "gzipped text": gzip.compress(b"hello" * 99)}
    (here / "own" / "cifar-10-binary.tar.gz").write_bytes(content.get(what) or archive(python))
    with pytest.raises(
        DataError, match=r"tar.gz (is truncated or not a gzipped tar|does not hold cifar-10-batches-bi)"
    ):
        load("cifar10", download=False, verify=False)


@pytest.mark.parametrize("bad", ["other bytes", "truncated", "a web page"])
def test_a_download_that_is_wrong_is_never_kept_even_unverified(bad, here, published, monkeypatch):
    content = archive(*members(published))
    sent = {"other bytes": archive(*members(published)[1:]), "truncated": content[:-9], "a web page": b"<html>"}[bad]
    with serve(lambda path, handler: send(handler, sent)) as (addresses, requests):
        monkeypatch.setattr(cifar10, "URLS", [addresses[0] + "1", addresses[0] + "2"])
        for verify in (True, False):
            with pytest.raises(DataError, match=r"(?s)CIFAR-10 is not here.*Tried now:.*what it sent is truncated, or"):
                load("cifar10", verify=verify)
        assert len(requests) == 4
    assert tree(here / "cache" / "cifar10") == []


def test_nothing_is_ever_unpickled(here, published, monkeypatch):
    def refuse(*_, **__):
        raise AssertionError("unpickled")

    for owner, name in ((pickle, "load"), (pickle, "loads"), (pickle, "Unpickler"), (np, "load"), (torch, "load")):
        monkeypatch.setattr(owner, name, refuse)
    (here / "own" / "cifar-10-binary.tar.gz").write_bytes(archive(*members(published)))
    assert is_right(load("cifar10"))


# -- at real size -----------------------------------------------------------------------------------------------------

GROWTH = """
import ganlib
from benchmarks.memory import peak
before = peak()
data = ganlib.load("cifar10", download=False)
print(peak() - before, len(data.train), len(data.valid), len(data.test))
"""


@pytest.fixture
def cached(here, monkeypatch):
    """A cache that holds six files of the real size, and the digests beside them: the folder."""
    monkeypatch.setattr(cifar10, "RECORDS", 10_000)
    folder = here / "cache" / "cifar10" / FOLDER
    folder.mkdir(parents=True)
    content = np.random.default_rng(0).integers(0, 10, 30_730_000, np.uint8).tobytes()
    digest = hashlib.sha256(content).hexdigest()
    for file in FILES:
        (folder / file).write_bytes(content)
    (folder / "SHA256SUMS").write_text("".join(f"{digest}  {file}\n" for file in FILES))
    return folder


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
def test_60000_pictures_load_in_under_three_times_the_time_that_their_digests_take(cached):
    """The files have to be read and compared with their digests; all the rest must not take long beside that."""

    def digests():
        for file in FILES:
            hashlib.sha256((cached / file).read_bytes()).hexdigest()

    sides = {"load": lambda: load("cifar10", download=False), "digests": digests}
    seconds = take_turns(sides, 5, clock=time.process_time)
    assert min(seconds["load"]) < 3 * min(seconds["digests"])


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
