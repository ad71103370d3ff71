"""Files and pictures of one's own: found under the names that common tools give them, checked, or one error."""

from __future__ import annotations

import dataclasses
import gzip
import hashlib
import sys

import pytest
import torch

from ganlib import DataError, Dataset, datasets, load
from ganlib.datasets import cifar10, dataset, lfw, mnist, record
from tests import altered_data, altered_tars
from tests.hosts import closed_port, offline, send, serve

FILES = list(altered_data.digits())
TRAIN, TRAIN_LABELS, TEST, TEST_LABELS = FILES
PACKED = {name: gzip.compress(content, 1) for name, content in altered_data.digits().items()}


@pytest.fixture(autouse=True)
def own(monkeypatch, tmp_path):
    """An empty cache and no network; a small MNIST in the place of the published one; the folder for GANLIB_DATA."""
    offline(monkeypatch)
    monkeypatch.setenv("GANLIB_CACHE", str(tmp_path / "cache"))
    for each in (mnist, cifar10, lfw):
        monkeypatch.setattr(each.RECORD, "addresses", [closed_port()])
    digests = {f"{name}.gz": hashlib.sha256(content).hexdigest() for name, content in altered_data.digits().items()}
    monkeypatch.setattr(mnist.RECORD, "files", digests)
    monkeypatch.setattr(mnist.RECORD, "counts", {"train": altered_data.TRAIN, "t10k": altered_data.TEST})
    return tmp_path / "own"


def put(folder, leave_out=()):
    folder.mkdir(parents=True)
    for name in FILES:
        if name not in leave_out:
            (folder / f"{name}.gz").write_bytes(PACKED[name])


# -- where files lie -------------------------------------------------------------------------------------------------


NAMES_OF_OTHERS = {
    "with dots": lambda name: f"{name.replace('-idx', '.idx')}",
    "with dots, gzipped": lambda name: f"{name.replace('-idx', '.idx')}.gz",
    "as torchvision unpacks it": lambda name: f"MNIST/raw/{name}",
    "as torchvision loads it": lambda name: f"MNIST/raw/{name}.gz",
    "in its raw folder": lambda name: f"raw/{name}.gz",
    "as Kaggle unpacks it": lambda name: f"{name}/{name}",
    "as Kaggle unpacks it, with dots": lambda name: (
        f"mnist/{name.replace('-idx', '.idx')}/{name.replace('-idx', '.idx')}"
    ),
    "unpacked by a browser that kept the name": lambda name: f"{name}.gz",
    "packed by one that did not": lambda name: name,
    "in capitals": lambda name: f"Mnist/{name.upper()}",
}


@pytest.mark.parametrize("how", NAMES_OF_OTHERS)
def test_files_are_found_under_the_names_and_in_the_folders_of_common_tools(how, own, monkeypatch):
    monkeypatch.setenv("GANLIB_DATA", str(own))
    for name, content in altered_data.digits().items():
        path = own / NAMES_OF_OTHERS[how](name)
        path.parent.mkdir(parents=True, exist_ok=True)
        packed = path.suffix == ".gz" and "browser" not in how
        path.write_bytes(PACKED[name] if packed or "did not" in how else content)
    data = load("mnist", download=False)
    assert data.test_labels.tolist() == list(range(10)) and len(data.train) == 50 and len(data.valid) == 10
    assert bytes(data.train[0].numpy()) == altered_data.digits()[TRAIN][16:800]
    assert datasets.status("mnist") == (True, f"in {data.source}")


@pytest.mark.parametrize("missing", [[TEST_LABELS], [TRAIN, TEST]])
def test_where_some_of_the_files_are_there_the_error_names_what_is_missing_and_what_was_found(
    missing, own, monkeypatch
):
    put(own, leave_out=missing)
    monkeypatch.setenv("GANLIB_DATA", str(own))
    for allowed in (False, True):
        with pytest.raises(DataError) as caught:
            load("mnist", download=allowed)
        lacks, _, found = str(caught.value).partition(" Found: ")
        assert not isinstance(caught.value, record.Unreachable), "the user has the others: nothing stands in"
        for name in FILES:
            assert (name in lacks) is (name in missing)
            assert (f"{own / name}.gz" in found) is (name not in missing)
    assert datasets.status("mnist")[0] is False and f"Missing: {missing[0]}.gz" in datasets.status("mnist")[1]
    with serve(lambda path, handler: send(handler, PACKED[path.removesuffix(".gz")])) as (addresses, requests):
        monkeypatch.setattr(mnist.RECORD, "addresses", [addresses[0] + "{file}"])
        assert load("mnist").name == "mnist"
        assert len(requests) == len(missing)


@pytest.mark.parametrize("below", [cifar10.FOLDER, f"CIFAR-10/{cifar10.FOLDER}", "cifar-10/raw/CIFAR-10-batches-bin"])
@pytest.mark.parametrize("inside", [True, False], ids=["the folder itself", "the one above"])
def test_the_unpacked_folder_of_cifar10_is_found(inside, below, own, monkeypatch):
    (own / below).mkdir(parents=True)
    for file, content in altered_tars.cifar.made().items():
        (own / below / file).write_bytes(content)
    monkeypatch.setenv("GANLIB_DATA", str(own / below if inside else own))
    monkeypatch.setattr(cifar10.RECORD, "counts", {"a file": altered_tars.cifar.N})
    assert load("cifar10", download=False).source == str(own / below)


@pytest.mark.parametrize("name", ["pooch", "requests"])
def test_a_package_that_is_missing_is_named_with_how_to_install_it(name, own, monkeypatch):
    monkeypatch.delenv("GANLIB_CACHE")
    monkeypatch.setitem(sys.modules, name, None)
    if name == "requests":
        monkeypatch.setenv("GANLIB_CACHE", str(own))
    with pytest.raises(DataError, match=f"^the package {name} cannot be loaded .* `pip install {name}`"):
        load("mnist")


def test_an_error_says_what_was_seen_where_nothing_was_found(own, monkeypatch):
    monkeypatch.setenv("GANLIB_DATA", str(own))
    (own / "CIFAR-10" / "cifar-10-batches-py").mkdir(parents=True)
    (own / "mnist.npz").write_bytes(b"keras")
    assert f"{own} holds CIFAR-10, mnist.npz." in datasets.status("mnist")[1]
    assert f"{own / 'CIFAR-10'} holds cifar-10-batches-py." in datasets.status("cifar10")[1]


@pytest.mark.parametrize("variable", ["GANLIB_DATA", "GANLIB_CACHE"])
def test_a_tilde_is_expanded_in_every_variable(variable, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("USERPROFILE", str(tmp_path / "home"))
    put(tmp_path / "home" / "x" / "mnist")
    monkeypatch.setenv(variable, "~/x")
    monkeypatch.chdir(tmp_path)
    assert load("mnist", download=False).source == str(tmp_path / "home" / "x" / "mnist")
    monkeypatch.setenv(variable, "~nobody-of-that-name/x")
    with pytest.raises(DataError, match=f"{variable} is '~nobody-of-that-name/x', and nobody of that name"):
        load("mnist", download=False)
    assert [path.name for path in tmp_path.iterdir()] == ["home"]


@pytest.mark.parametrize("value", ["", "x" * 5_000, "a\nb", "/dev/null", "/dev/null/x"])
@pytest.mark.parametrize("variable", ["GANLIB_DATA", "GANLIB_CACHE"])
def test_a_variable_that_makes_no_sense_is_one_error_or_nothing(variable, value, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(variable, value)
    for name in ("mnist", "cifar10", "lfw"):
        with pytest.raises(DataError) as caught:
            load(name, stand_in=False)
        assert "\n" not in str(caught.value) and datasets.status(name)[0] is False
    assert load("synthetic").name == "synthetic"


# -- a data set of one's own ------------------------------------------------------------------------------------------


def own_set(**change):
    x, y = torch.arange(120, dtype=torch.uint8).reshape(10, 12), torch.arange(10)
    parts = {"train": x, "valid": x[:4], "test": x[4:]}
    labels = {"train_labels": y, "valid_labels": y[:4], "test_labels": y[4:]}
    made = {"name": "own", "shape": (1, 3, 4), "source": "a test"} | parts | labels
    return Dataset(**made | change)


WRONG_PICTURES = {
    "floats from 0 to 1": (
        lambda x: x / 255,
        r"Tensor of torch.float32, \(\d+, 12\), from .* to 0\.\d+; .*torch.uint8",
    ),
    "floats from -1 to 1": (lambda x: x / 127.5 - 1, "from -1 to|from -0"),
    "doubles from 0 to 255": (lambda x: x.double(), "Tensor of torch.float64"),
    "not a number": (lambda x: x * torch.nan, "float32"),
    "whole numbers of 64 bits": (lambda x: x.long(), "int64"),
    "signed bytes": (lambda x: x.to(torch.int8), "int8"),
    "true and false": (lambda x: x > 60, "torch.bool"),
    "0 and 1": (lambda x: x % 2, "holds 0 and 1 only.*255"),
    "(n, channels, height, width)": (lambda x: x.reshape(-1, 1, 3, 4), r"\(\d+, 1, 3, 4\).*flatten\(1\)"),
    "one picture": (lambda x: x[0], r"\(12,\)"),
    "longer rows": (lambda x: torch.cat([x, x], 1), r"\(\d+, 24\)"),
    "no picture": (lambda x: x[:0], "holds no picture"),
    "numpy": (lambda x: x.numpy(), r"ndarray of uint8, \(\d+, 12\), from .*torch.as_tensor"),
    "a list": (lambda x: x.tolist(), "is a list"),
    "a DataLoader": (lambda x: torch.utils.data.DataLoader(x), "is a DataLoader"),
    "None": (lambda x: None, "is a NoneType"),
    "of the device meta": (lambda x: x.to("meta"), "uint8"),
    "sparse": (lambda x: x.to_sparse(), "uint8"),
}


@pytest.mark.parametrize("what", WRONG_PICTURES)
@pytest.mark.parametrize("part", ["train", "valid", "test"])
def test_pictures_of_ones_own_are_flat_bytes_or_an_error_by_hand_and_replaced(part, what):
    make, said = WRONG_PICTURES[what]
    right = own_set()
    wrong = make(getattr(right, part))
    for build in (own_set, lambda **change: dataclasses.replace(right, **change)):
        with pytest.raises(DataError, match=f"^{part} .*{said}|^{part} {said}") as caught:
            build(**{part: wrong})
        assert "flat uint8 rows (n, 12)" in str(caught.value) and len(str(caught.value)) < 400
    with pytest.raises(DataError, match=f"^{'test' if part == 'train' else part} of fold 2 "):
        folds = [dataset.Fold(right.valid, right.test)] * 2
        folds[1] = dataclasses.replace(folds[1], **{"test" if part == "train" else part: wrong})
        own_set(folds=tuple(folds))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"shape": (1, 12)}, "shape is"), ({"shape": [1, 3, 4]}, "shape is"), ({"shape": (1, 3, -4)}, "shape is"),
        ({"shape": (1, 3, 4.0)}, "shape is"), ({"shape": (10**400, 3, 4)}, "shape is"), ({"shape": None}, "shape is"),
        ({"shape": (1, 28, 28)}, "train is .*784"), ({"name": 3}, "name is 3"), ({"source": None}, "source is None"),
        ({"note": b"x"}, "note is"), ({"train_labels": torch.arange(9)}, r"train_labels is .*\(10,\)"),
        ({"test_labels": torch.arange(6.0)}, "test_labels is .*int64"), ({"valid_labels": [1, 2, 3, 4]}, "is a list"),
        ({"folds": [1]}, "folds is a list"), ({"folds": (1,)}, "folds is a tuple"),
    ],
)  # fmt: skip
def test_the_rest_of_a_data_set_of_ones_own_is_checked_too(change, said):
    assert own_set().d == 12 and own_set(folds=(dataset.Fold(own_set().valid, own_set().test),)).folds
    with pytest.raises(DataError, match=said):
        own_set(**change)


@pytest.mark.parametrize("name", [None, 3, ["mnist"], {}, "x" * 10**6, "\0", b"mnist", True])
def test_a_name_that_is_none_is_refused_in_a_line(name):
    for ask in (load, datasets.picture_shape, datasets.status):
        with pytest.raises(DataError, match="^unknown data set ") as caught:
            ask(name)
        assert len(str(caught.value)) < 300
