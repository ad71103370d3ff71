"""TFD from the user's own file, its five folds by hand; and FER-2013, which stands in for it under its own name."""

from __future__ import annotations

import io
import os
import pickle
import random
import shutil
import subprocess
import sys
import time
import warnings
from pathlib import Path

import numpy as np
import pytest
import scipy.io
import torch

from benchmarks.memory import UNKNOWN, peak
from benchmarks.turns import take_turns
from ganlib import DataError, datasets, load
from ganlib.datasets import fer2013
from tests.hosts import offline

ROOT = Path(__file__).resolve().parent.parent
REAL = os.environ.get("GANLIB_DATA")


@pytest.fixture(autouse=True)
def own(monkeypatch, tmp_path):
    """An empty GANLIB_DATA, and an empty cache beside it."""
    offline(monkeypatch)
    (tmp_path / "own").mkdir()
    monkeypatch.setenv("GANLIB_DATA", str(tmp_path / "own"))
    monkeypatch.setenv("GANLIB_CACHE", str(tmp_path / "cache"))
    return tmp_path / "own"


def values(pictures):
    """Which pictures these are: the value of a pixel that holds a picture's number."""
    return pictures[:, 0].tolist()


# -- TFD --------------------------------------------------------------------------------------------------------------

# Eleven faces, one a line: the code in each of the five folds (0 unlabeled, 1 train, 2 valid, 3 test), the expression.
TFD = [
    ((1, 1, 1, 2, 3), 1),
    ((0, 0, 0, 0, 0), -1),
    ((3, 1, 1, 1, 2), 2),
    ((2, 3, 1, 1, 1), 3),
    ((0, 0, 0, 0, 0), -1),
    ((1, 2, 3, 1, 1), 4),
    ((1, 1, 2, 3, 1), 5),
    ((3, 1, 1, 1, 2), 6),
    ((0, 0, 0, 0, 0), -1),
    ((1, 1, 1, 3, 1), 7),
    ((2, 3, 1, 1, 1), 1),
]
UNLABELED = [1, 4, 8]
FOLDS = [([3, 10], [2, 7]), ([5], [3, 10]), ([6], [5]), ([0], [6, 9]), ([2, 7], [0])]  # (valid, test) by hand


def tfd(**changes):
    """The variables of the small file: face i holds i in its first pixel, and 200 in row 1, column 2."""
    images = np.zeros((len(TFD), 48, 48), np.uint8)
    images[:, 0, 0] = np.arange(len(TFD))
    images[:, 1, 2] = 200
    folds = np.array([codes for codes, _ in TFD], np.int16)
    labels = np.array([[label] for _, label in TFD], np.int16)
    return {"images": images, "folds": folds, "labs_ex": labels, "labs_id": labels, **changes}


def put(own, name="TFD_48x48.mat", compress=False, **changes):
    variables = {name: value for name, value in tfd(**changes).items() if value is not None}
    (own / name).parent.mkdir(exist_ok=True)
    scipy.io.savemat(own / name, variables, do_compression=compress)
    return own / name


def small_tfd(monkeypatch):
    """The small file."""
    buffer = io.BytesIO()
    scipy.io.savemat(buffer, tfd())
    return {"TFD_48x48.mat": buffer.getvalue()}


@pytest.mark.parametrize("compress", [False, True], ids=["v6", "v7"])
@pytest.mark.parametrize("below", ["", "tfd/"])
def test_tfd_trains_on_the_unlabeled_and_has_its_own_five_folds(below, compress, own):
    path = put(own, f"{below}TFD_48x48.mat", compress)
    data = load("tfd")
    assert (data.name, data.shape, data.source) == ("tfd", (1, 48, 48), str(path))
    assert values(data.train) == UNLABELED and data.train_labels.tolist() == [-1] * 3
    assert [(values(fold.valid), values(fold.test)) for fold in data.folds] == FOLDS
    assert (values(data.valid), values(data.test)) == FOLDS[0]
    assert data.valid_labels.tolist() == [3, 1] and data.test_labels.tolist() == [2, 6]
    everything = [data.train, data.valid, data.test, *(part for f in data.folds for part in (f.valid, f.test))]
    for part in everything:
        assert part.dtype == torch.uint8 and (part.reshape(-1, 48, 48)[:, 1, 2] == 200).all(), "row by row"
        assert part.is_contiguous() and part.shape[1] == 2304
    assert data.note == "trained on the 3 unlabeled faces of TFD_48x48.mat"
    assert datasets.status("tfd") == (True, f"in {path}")


def test_tfd_takes_doubles_and_a_row_of_labels_as_matlab_writes_them(own):
    whole = tfd()
    put(own, folds=whole["folds"].astype(float), labs_ex=whole["labs_ex"].astype(float).T)
    data = load("tfd")
    assert [(values(fold.valid), values(fold.test)) for fold in data.folds] == FOLDS
    assert data.valid_labels.dtype == torch.int64 and data.valid_labels.tolist() == [3, 1]


def test_without_tfd_the_error_says_how_it_is_licensed_and_what_stands_in(own, tmp_path):
    put(own, "tfd-layout/TFD_48x48.mat")  # somebody's stand-in, which is not taken for TFD
    with pytest.raises(DataError) as caught:
        load("tfd")
    said = str(caught.value)
    for fact in ("Toronto Face Database", "Susskind", "licence", "cannot be downloaded", "on request"):
        assert fact in said
    assert "TFD_48x48.mat" in said and str(tmp_path / "cache" / "tfd") in said and "GANLIB_DATA" in said
    assert "load('fer2013')" in said and "load('lfw')" in said


def changed_folds(row, fold, code, dtype=np.int16):
    folds = tfd()["folds"].astype(dtype)
    folds[row, fold] = code
    return {"folds": folds}


cells = np.full((11, 1), "a cell", object)
TFD_BAD = {
    "no images": ({"images": None}, "does not hold images, but folds, labs_ex, labs_id"),
    "no folds and labels": ({"folds": None, "labs_ex": None}, "does not hold folds and labs_ex, but images"),
    "flat images": ({"images": np.zeros((11, 2304), np.uint8)}, "has `images` of 11 x 2304, uint8"),
    "larger images": ({"images": np.zeros((11, 96, 96), np.uint8)}, "has `images` of 11 x 96 x 96, uint8"),
    "the other way round": ({"images": np.zeros((48, 48, 11), np.uint8)}, "has `images` of 48 x 48 x 11, uint8"),
    "images of doubles": ({"images": np.zeros((11, 48, 48))}, "has `images` of 11 x 48 x 48, other numbers"),
    "images of cells": ({"images": cells}, "has `images` of 11 x 1, no numbers"),
    "images are a structure": ({"images": {"a": 1}}, "has `images` of 1 x 1, no numbers"),
    "no faces": ({"images": np.zeros((0, 48, 48), np.uint8)}, "has `images` of 0 x 48 x 48"),
    "four folds": ({"folds": np.zeros((11, 4), np.int16)}, "has `folds` of 11 x 4"),
    "folds of fewer faces": ({"folds": np.zeros((10, 5), np.int16)}, "has `folds` of 10 x 5"),
    "folds are text": ({"folds": np.array(["abcde"] * 11)}, "has `folds` of 11.*, no numbers"),
    "complex folds": ({"folds": tfd()["folds"] + 1j}, "has a damaged `folds`"),
    "labels of fewer faces": ({"labs_ex": np.zeros((10, 1), np.int16)}, "has `labs_ex` of 10 x 1"),
    "halves": (changed_folds(0, 0, 1.5, float), "has numbers in `folds` that are no integers"),
    "not a number": (changed_folds(0, 0, np.nan, float), "has numbers in `folds` that are no integers"),
    "a fifth code": (changed_folds(0, 0, 4), "has numbers from 0 to 4 in `folds`"),
    "no expression": ({"labs_ex": tfd()["labs_ex"] + 92}, "has numbers from 91 to 99 in `labs_ex`"),
    "infinite": ({"labs_ex": np.where(tfd()["labs_ex"] == 7, np.inf, 1)}, "has numbers from 1 to inf in `labs_ex`"),
    "labelled without": (
        {"labs_ex": -np.ones((11, 1))},
        "has a labelled face whose number in `labs_ex` is no expression",
    ),
    "a negative code": (changed_folds(0, 0, -1), "has numbers from -1 to 3 in `folds`"),
    "none unlabeled": ({"folds": np.maximum(tfd()["folds"], 1)}, "has no unlabeled face"),
    "a fold without valid": (changed_folds(5, 1, 1), "has no face of 'valid' in fold 2 of 5"),
    "a fold without test": (changed_folds(0, 4, 1), "has no face of 'test' in fold 5 of 5"),
}


@pytest.mark.parametrize(
    ("changed", "scored", "folds"),
    [
        ((0, 2, 0), 0, FOLDS),  # a training face of fold 3 that is unlabeled there
        ((1, 4, 1), 0, FOLDS),  # unlabeled, but in fold 5 for training
        ((1, 4, 3), 1, [*FOLDS[:4], ([2, 7], [0, 1])]),  # unlabeled, but in fold 5 to test
    ],
    ids=["unlabeled in one fold only", "labelled in one fold", "scored in one fold"],
)
def test_tfd_trains_on_what_the_first_fold_calls_unlabeled_and_warns_where_another_differs(changed, scored, folds, own):
    path = put(own, **changed_folds(*changed))
    with pytest.warns(UserWarning, match="has other unlabeled faces in one of its five folds") as caught:
        data = load("tfd")
    assert str(caught[0].message) == (
        f"{path} has other unlabeled faces in one of its five folds than in the first. The 3 of the first are the ones "
        f"to train on, as in the authors' code; {scored} of them are scored in other folds."
    )
    assert caught[0].filename == __file__
    assert values(data.train) == UNLABELED and data.train_labels.tolist() == [-1] * 3
    assert [(values(fold.valid), values(fold.test)) for fold in data.folds] == folds


@pytest.mark.parametrize("bad", TFD_BAD)
def test_another_layout_is_refused_with_tfds_own(bad, own):
    change, said = TFD_BAD[bad]
    path = put(own, **change)
    with pytest.raises(DataError, match=said) as caught:
        load("tfd")
    said = str(caught.value)
    assert said.startswith(f"{path} ") and "N x 48 x 48 uint8" in said and "Get the file again" in said


@pytest.mark.parametrize("compress", [False, True], ids=["v6", "v7"])
@pytest.mark.parametrize("share", [0, 0.001, 0.01, 0.5, 0.999])
def test_a_truncated_tfd_is_refused(share, compress, own):
    path = put(own, compress=compress)
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
    with pytest.raises(DataError, match=r"TFD_48x48.mat is truncated, damaged, or not a MATLAB file"):
        load("tfd")


OTHER_FILES = {
    "text": b"images, folds\n" * 99,
    "a pickle": pickle.dumps(tfd()),
    "numpy's": b"\x93NUMPY\x01\x00" + bytes(200),
    "zeros": bytes(5000),
    "version 7.3": b"MATLAB 7.3 MAT-file".ljust(124) + b"\x00\x02IM" + bytes(100),
    "version 4": b"\x00\x00\x00\x00\x0b\x00\x00\x00\x05\x00\x00\x00\x00\x00\x00\x00\x06\x00\x00\x00folds\x00"
    + bytes(440),
}


@pytest.mark.parametrize("what", OTHER_FILES)
def test_another_kind_of_file_is_refused(what, own):
    (own / "TFD_48x48.mat").write_bytes(OTHER_FILES[what])
    said = (
        "is a MATLAB file of version 7.3 .* Save it with -v7" if "7.3" in what else "not a MATLAB file .*begin as one"
    )
    with pytest.raises(DataError, match=said):
        load("tfd")


def test_matlabs_objects_are_never_made(own):
    """Of class 17, opaque: passed over beside the three variables, and none of the three when it takes their place."""
    path = put(own, labs_id=None)
    whole = path.read_bytes()
    opaque = b"\x0e\0\0\0\x10\0\0\0\x06\0\0\0\x08\0\0\0\x11\0\0\0\0\0\0\0"
    path.write_bytes(whole + opaque)
    assert values(load("tfd").train) == UNLABELED
    at = whole.index(b"images") - 40  # its flags: the class, 9, and the marks
    assert whole[at] == 9
    path.write_bytes(whole[:at] + b"\x11" + whole[at + 1 :])
    with pytest.raises(DataError, match="does not hold images, but an object, folds, labs_ex"):
        load("tfd")


def test_a_damaged_tfd_is_refused_or_read_and_never_ends_the_process(own):
    """Headers and contents with random bytes in them. (scipy alone crashes on some of these.)"""
    for compress in (False, True):
        path = put(own, compress=compress)
        whole = path.read_bytes()
        for seed in range(150):
            draw, content = random.Random(seed), bytearray(whole)
            for _ in range(draw.randint(1, 4)):
                content[draw.randrange(0, 400 if seed % 2 else len(content))] = draw.randrange(256)
            path.write_bytes(content)
            try:
                data = load("tfd")
            except DataError as error:
                assert str(error).startswith(f"{path} ")
            else:
                assert len(data.folds) == 5


# -- FER-2013 ---------------------------------------------------------------------------------------------------------

USAGES = ["Training"] * 3 + ["PublicTest", "PrivateTest"] * 6 + ["Training", "PrivateTest"]


def picture(i):
    """Picture i: its number, then a ramp of its own."""
    return [i, *((i * j) % 256 for j in range(1, 2304))]


def line(i, pixels=None, emotion=None, usage=None):
    pixels = pixels or " ".join(map(str, picture(i)))
    return f"{i % 7 if emotion is None else emotion},{pixels},{usage or USAGES[i]}"


def text(*lines, end="\n"):
    return end.join(["emotion,pixels,Usage", *(lines or map(line, range(len(USAGES))))]) + end


@pytest.fixture
def small(monkeypatch):
    small_fer2013(monkeypatch)


def small_fer2013(monkeypatch):
    """The small file, and its numbers of pictures in the place of the published ones."""
    monkeypatch.setattr(fer2013.RECORD, "counts", {"Training": 4, "PublicTest": 6, "PrivateTest": 7})
    return {"fer2013.csv": text().encode()}


def put_csv(own, content, below=""):
    (own / below).mkdir(exist_ok=True)
    path = own / below / "fer2013.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def test_the_published_numbers_of_fer2013():
    assert fer2013.RECORD.counts == {"Training": 28_709, "PublicTest": 3_589, "PrivateTest": 3_589}


@pytest.mark.parametrize("end", ["\n", "\r\n"], ids=["unix", "windows"])
@pytest.mark.parametrize("below", ["", "fer2013"])
def test_fer2013_by_its_official_splits_under_its_own_name(below, end, own, small):
    path = put_csv(own, text(end=end), below)
    data = load("fer2013")
    assert (data.name, data.shape, data.source) == ("fer2013", (1, 48, 48), str(path))
    numbers = {usage: [i for i, u in enumerate(USAGES) if u == usage] for usage in fer2013.SPLITS}
    for pictures, labels, usage in (
        (data.train, data.train_labels, "Training"),
        (data.valid, data.valid_labels, "PublicTest"),
        (data.test, data.test_labels, "PrivateTest"),
    ):
        assert pictures.dtype == torch.uint8 and pictures.tolist() == [picture(i) for i in numbers[usage]]
        assert labels.dtype == torch.int64 and labels.tolist() == [i % 7 for i in numbers[usage]]
    assert values(data.train) == [0, 1, 2, 15]
    # six and seven pictures in five folds: two and one, two, two and one
    assert [values(fold.valid) for fold in data.folds] == [[3, 5], [7], [9], [11], [13]]
    assert [values(fold.test) for fold in data.folds] == [[4, 6], [8, 10], [12], [14], [16]]
    assert "FER-2013 stands in for TFD" in data.note and "do not compare with the paper's" in data.note
    assert datasets.status("fer2013") == (True, f"in {path}")


def test_fer2013_is_read_once_and_again_when_it_changed(own, small, tmp_path, monkeypatch):
    path = put_csv(own, text())
    first = load("fer2013")
    with monkeypatch.context() as patch:
        patch.setattr(fer2013, "_read", lambda _: pytest.fail("read again"))
        second = load("fer2013")
    assert first.fingerprint() == second.fingerprint() and torch.equal(first.test_labels, second.test_labels)
    second.train[0] = 0  # in memory, and ours
    path.write_text(text().replace("0,0 0 0", "0,7 0 0", 1))
    assert values(load("fer2013").train) == [7, 1, 2, 15]
    assert len(list((tmp_path / "cache" / "fer2013").iterdir())) == 2


def test_a_damaged_cache_of_fer2013_is_made_again(own, small, tmp_path):
    put_csv(own, text())
    load("fer2013")
    (cached,) = (tmp_path / "cache" / "fer2013").iterdir()
    whole = cached.read_bytes()
    cached.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    with pytest.warns(UserWarning, match="is damaged .* it is made again"):
        assert values(load("fer2013").train) == [0, 1, 2, 15]
    assert cached.read_bytes() == whole


def test_fer2013_without_a_cache_works_with_a_warning(own, small, tmp_path, monkeypatch):
    put_csv(own, text())
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("GANLIB_CACHE", str(tmp_path / "file"))
    with pytest.warns(UserWarning, match=r"cannot be written .*GANLIB_CACHE may name another folder"):
        assert values(load("fer2013").train) == [0, 1, 2, 15]


def other(i, **change):
    """The whole text, but for one line."""
    return text(*(line(j, **change) if j == i else line(j) for j in range(len(USAGES))))


FER_BAD = {
    "empty": ("", "line 1 is ''"),
    "another header": (text().replace("Usage", "usage", 1), "line 1 is 'emotion,pixels,usage'"),
    "no header": (text().partition("\n")[2], "line 1 is '0,0 0 0"),
    "the competition's other file": ("emotion, Usage, pixels\n", "line 1 is 'emotion, Usage, pixels'"),
    "truncated in a picture": (text()[:-4000], r"line 18 has 2 fields, not 3"),
    "a pixel too few": (other(2, pixels=" ".join(["9"] * 2303)), "line 4 has 2,303 pixels, not 2,304"),
    "a pixel too many": (other(2, pixels=" ".join(["9"] * 2305)), "line 4 has 2,305 pixels, not 2,304"),
    "no pixels": (other(2, pixels=" "), "line 4 has 0 pixels, not 2,304"),
    "256": (other(5, pixels=" ".join(["256"] * 2304)), "line 7 has the pixel '256'"),
    "negative": (other(5, pixels=" ".join(["-1"] * 2304)), "line 7 has the pixel '-1'"),
    "a fraction": (other(5, pixels=" ".join(["1.5"] * 2304)), "line 7 has the pixel '1.5'"),
    "words": (other(5, pixels="a b c"), "line 7 has the pixel 'a'"),
    "an unknown usage": (other(0, usage="Test"), "line 2 has the usage 'Test'"),
    "an unknown emotion": (other(0, emotion=7), "line 2 has the emotion '7'"),
    "no emotion": (other(0, emotion=""), "line 2 has the emotion ''"),
    "a field more": (other(0, usage="Training,1"), "line 2 has 4 fields, not 3"),
    "an open quote": (other(3, emotion='"1'), "not a table with commas in UTF-8 text"),
    "not UTF-8": (text().encode().replace(b"3,3 3", b"3,3 \xff"), "not a table with commas in UTF-8 text"),
    "UTF-16": (text().encode("utf-16"), "not a table with commas in UTF-8 text"),
    "a split missing": (text(*map(line, range(3))), "has no picture of PublicTest"),
    "a zip": (b"PK\x03\x04" + bytes(range(256)), "in UTF-8 text|line 1 is"),
}


@pytest.mark.parametrize("verify", [True, False], ids=["verified", "unverified"])
@pytest.mark.parametrize("bad", FER_BAD)
def test_a_csv_of_another_layout_is_refused_by_its_line(bad, verify, own, small, tmp_path):
    content, said = FER_BAD[bad]
    path = put_csv(own, content)
    with pytest.raises(DataError, match=said) as caught:
        load("fer2013", verify=verify)
    said = str(caught.value)
    assert said.startswith(str(path)) and "emotion,pixels,Usage" in said and "Get the file again from" in said
    assert not (tmp_path / "cache").exists()


def test_other_numbers_of_pictures_are_refused(own):
    path = put_csv(own, text())
    for _ in range(2):  # read anew, and from the cache
        with pytest.raises(DataError, match=r"has 4 pictures of Training. Expected .*28,709") as caught:
            load("fer2013")
        assert str(path) in str(caught.value)
    assert values(load("fer2013", verify=False).train) == [0, 1, 2, 15], "verify=False is the way round"


# -- at real size -----------------------------------------------------------------------------------------------------

GROWTH = """
import ganlib
from benchmarks.memory import peak
before = peak()
data = ganlib.load("fer2013", verify=False)
print(peak() - before)
"""


def grown(cache):
    """How many bytes a process grows by that loads FER-2013 with this cache."""
    environment = os.environ | {"GANLIB_CACHE": str(cache)}
    command = [sys.executable, "-c", GROWTH]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=250, check=False)
    assert done.returncode == 0, done.stderr
    return int(done.stdout)


@pytest.fixture
def tenth(own):
    """A tenth of the text, 30 MB: 3,589 pictures, of which a hundred differ; the file."""
    rng = np.random.default_rng(0)
    faces = [" ".join(map(str, row)) for row in rng.integers(0, 256, (100, 2304))]
    usages = ["Training"] * 8 + ["PublicTest", "PrivateTest"]
    return put_csv(own, text(*(line(i, faces[i % 100], usage=usages[i % 10]) for i in range(3_589))))


@pytest.mark.skipif(peak() is None, reason=UNKNOWN)
def test_a_tenth_of_fer2013_takes_less_memory_than_five_copies_of_its_pictures(tenth, tmp_path):
    """The pictures of the whole are 83 MB, so that less than 420 MB are enough for it.

    Neither the text as a whole (as large as four copies) nor its pictures in float32 (as large, too) fit in as well.
    """
    for _ in range(2):  # the text, and then what was kept of it
        assert grown(tmp_path / "cache") < 5 * 3_589 * 2_304


@pytest.mark.serial
def test_a_tenth_of_fer2013_is_read_in_under_three_times_the_time_that_its_numbers_take(tenth, tmp_path):
    """Beside the same numbers read by Python's `int`; what was kept of the text loads in half the time."""

    def from_text():
        shutil.rmtree(tmp_path / "cache", ignore_errors=True)
        return load("fer2013", verify=False)

    def by_int():
        with open(tenth, encoding="utf-8") as file:
            next(file)
            return [bytes(map(int, each.split(",")[1].split())) for each in file]

    sides = {"text": from_text, "kept": lambda: load("fer2013", verify=False), "by int": by_int}
    seconds = {side: min(each) for side, each in take_turns(sides, 3, clock=time.process_time).items()}
    assert seconds["text"] < 3 * seconds["by int"]
    assert seconds["kept"] < seconds["text"] / 2


@pytest.mark.skipif(not REAL, reason="GANLIB_DATA names no folder with the real FER-2013")
def test_the_real_fer2013(monkeypatch, tmp_path):
    monkeypatch.setenv("GANLIB_DATA", REAL or "")
    if not datasets.status("fer2013")[0]:
        pytest.skip("GANLIB_DATA holds no FER-2013")
    if peak() is not None:
        for _ in range(2):  # the text, and then what was kept of it
            assert grown(tmp_path / "cache") < 5 * 35_887 * 2_304
    data = load("fer2013")
    assert [len(part) for part in (data.train, data.valid, data.test)] == [28_709, 3_589, 3_589]
    assert [len(fold.test) for fold in data.folds] == [718, 718, 718, 718, 717]
    assert 0.4 < data.mean().mean().item() < 0.6


@pytest.mark.skipif(not REAL, reason="GANLIB_DATA names no folder with a TFD_48x48.mat")
def test_a_file_of_tfds_layout_at_real_size(monkeypatch):
    monkeypatch.setenv("GANLIB_DATA", REAL or "")
    found, where = datasets.status("tfd")
    if not found:
        pytest.skip("GANLIB_DATA holds no TFD_48x48.mat")
    content = scipy.io.loadmat(where.removeprefix("in "))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        data = load("tfd")
    labelled = int((content["folds"][:, 0] != 0).sum())
    assert len(data.train) == len(content["images"]) - labelled > 10_000
    for f, fold in enumerate(data.folds):
        for part, code in ((fold.valid, 2), (fold.test, 3)):
            expected = [face.reshape(-1).tolist() for face in content["images"][content["folds"][:, f] == code]]
            assert part.tolist() == expected
    assert data.fingerprint() == load("tfd").fingerprint()
