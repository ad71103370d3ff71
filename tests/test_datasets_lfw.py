"""LFW: the crop by hand and against scikit-learn's own, the splits by person, and an archive that may be hostile."""

from __future__ import annotations

import hashlib
import io
import pickle
import re
import tarfile
import warnings
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from ganlib import DataError, datasets, load
from ganlib.datasets import lfw
from tests.archives import archive, hostile, member, tree
from tests.hosts import closed_port, empty_machine, send, serve

PEOPLE = [f"Person_{letter}{digit}" for letter in "ABCDEF" for digit in range(10)]  # in the alphabet's order
PICTURES = [(person, i) for p, person in enumerate(PEOPLE) for i in range(1, 2 + (p % 3 == 0))]


def jpeg(pixels, **options):
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", quality=100, subsampling=0, **options)
    return buffer.getvalue()


def name(person, i):
    return f"lfw_funneled/{person}/{person}_{i:04}.jpg"


@cache
def made():
    """A picture each of one shade of grey, its person's number, or 100 more for a person's second picture."""
    shades = {key: np.full((250, 250, 3), PEOPLE.index(key[0]) + 100 * (key[1] - 1), np.uint8) for key in PICTURES}
    return {name(*key): jpeg(shade) for key, shade in shades.items()}


@pytest.fixture(scope="module")
def published():
    return made()


def members(published):
    """As in the archive of LFW: folders, a list, and the pictures, in no order of theirs."""
    first = [member("lfw_funneled", type=tarfile.DIRTYPE), member("lfw_funneled/pairs_01.txt", b"a list")]
    return first + [member(file, published[file]) for file in sorted(published, reverse=True)]


@pytest.fixture(scope="module")
def content(published):
    return archive(*members(published))


@pytest.fixture(autouse=True)
def here(monkeypatch, tmp_path, content):
    """An empty cache, an empty GANLIB_DATA, no network, and the small archive's checksum and numbers."""
    empty_machine(monkeypatch, tmp_path, lfw)
    small(monkeypatch)
    return tmp_path


def small(monkeypatch):
    """The small archive, and its facts in the place of LFW's."""
    monkeypatch.setattr(lfw.RECORD, "counts", {"pictures": len(PICTURES), "people": len(PEOPLE)})
    return {lfw.ARCHIVE: publish(monkeypatch, archive(*members(made())))}


def publish(monkeypatch, content):
    monkeypatch.setattr(lfw.RECORD, "files", {lfw.ARCHIVE: hashlib.sha256(content).hexdigest()})
    return content


def sum_of_archive():
    return lfw.RECORD.files[lfw.ARCHIVE]


def put(folder, content):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "lfw-funneled.tgz").write_bytes(content)
    return folder / "lfw-funneled.tgz"


def is_right(data):
    """Of each ten people the ninth in valid and the tenth in test, in the alphabet's order, each of one shade."""
    for pictures, labels, turns in (
        (data.train, data.train_labels, range(8)),
        (data.valid, data.valid_labels, [8]),
        (data.test, data.test_labels, [9]),
    ):
        expected = [(PEOPLE.index(p), i) for p, i in PICTURES if PEOPLE.index(p) % 10 in turns]
        assert labels.tolist() == [person for person, _ in expected] and labels.dtype == torch.int64
        shades = torch.tensor([person + 100 * (i - 1) for person, i in expected])
        assert pictures.dtype == torch.uint8 and torch.equal(pictures.long(), shades[:, None].expand(-1, 2304))
    return True


# -- the crop ---------------------------------------------------------------------------------------------------------


def crop(pixels):
    return lfw.crop(Image.fromarray(pixels))


def test_the_crop_is_the_middle_120_and_nothing_around_it():
    pixels = np.full((250, 250, 3), 255, np.uint8)
    pixels[65:185, 65:185] = 7
    assert crop(pixels).shape == (48, 48) and crop(pixels).dtype == np.uint8 and (crop(pixels) == 7).all()
    for row, column, at in ((65, 65, (0, 0)), (65, 184, (0, 47)), (184, 65, (47, 0)), (184, 184, (47, 47))):
        corner = np.zeros((250, 250, 3), np.uint8)
        corner[row, column] = 255
        assert crop(corner)[at] > 0 and np.count_nonzero(crop(corner)) == 1, "the corners of 120 are those of 48"


@pytest.mark.parametrize(
    ("colour", "grey"), [((30, 60, 120), 70), ((0, 0, 1), 0), ((0, 1, 1), 1), ((255, 255, 255), 255), ((0, 0, 255), 85)]
)
def test_grey_is_the_mean_of_the_three_channels_to_the_nearest(colour, grey):
    assert (crop(np.broadcast_to(np.array(colour, np.uint8), (250, 250, 3)).copy()) == grey).all()
    assert (crop(np.full((250, 250), grey, np.uint8)) == grey).all(), "a grey picture stays as it is"


def bicubic(sizes_from, sizes_to):
    """The matrix of the antialiased bicubic filter (Keys 1981, a = -1/2) in float64, by its definition."""
    scale = sizes_from / sizes_to
    centre = (np.arange(sizes_to)[:, None] + 0.5) * scale
    t = np.abs(np.arange(sizes_from)[None] + 0.5 - centre) / scale
    weights = np.where(t < 1, 1.5 * t**3 - 2.5 * t**2 + 1, np.where(t < 2, -0.5 * t**3 + 2.5 * t**2 - 4 * t + 2, 0))
    return weights / weights.sum(1, keepdims=True)


def test_the_crop_agrees_with_the_filter_computed_in_float64():
    pixels = np.random.default_rng(0).integers(60, 190, (250, 250, 3)).astype(np.uint8)
    R = bicubic(120, 48)
    expected = np.einsum("ij,jkc,lk->ilc", R, pixels[65:185, 65:185].astype(float), R, optimize=True).mean(-1)
    assert np.abs(crop(pixels) - expected).max() < 1.5  # Pillow rounds after each of its two passes


def test_an_edge_by_hand():
    """Black, then white from the middle on: flat but near the edge, and the same on both sides of it."""
    pixels = np.zeros((250, 250, 3), np.uint8)
    pixels[:, 125:] = 255
    row = crop(pixels)[10].astype(int)
    assert (row[:22] == 0).all() and (row[26:] == 255).all()
    assert abs(row[23] + row[24] - 255) <= 1 and 0 < row[23] < row[24] < 255


def test_the_faces_are_those_of_scikit_learns_own_fetcher(here, monkeypatch):
    """`fetch_lfw_people` on the same pictures, with the same crop, gives the same faces for the same people."""
    from sklearn.datasets import fetch_lfw_people

    rng = np.random.default_rng(0)
    smooth = [Image.fromarray(rng.integers(0, 256, (8, 8, 3)).astype(np.uint8)).resize((250, 250)) for _ in PICTURES]
    files = {name(*key): jpeg(np.asarray(picture)) for key, picture in zip(PICTURES, smooth)}
    put(here / "own", archive(*members(files)))
    data = load("lfw", verify=False)
    home = here / "home" / "lfw_home"
    for file, content in files.items():
        (home / file).parent.mkdir(parents=True, exist_ok=True)
        (home / file).write_bytes(content)
    for file in ("pairsDevTrain.txt", "pairsDevTest.txt", "pairs.txt"):
        (home / file).write_text("")
    middle = slice(65, 185)
    theirs = fetch_lfw_people(
        data_home=here / "home", slice_=(middle, middle), resize=0.4, min_faces_per_person=0, download_if_missing=False
    )
    assert theirs.images.shape == (len(PICTURES), 48, 48)
    faces = np.rint(theirs.images.reshape(-1, 2304) * 255).astype(np.uint8)
    ours = torch.cat([data.train, data.valid, data.test]).numpy()
    people = torch.cat([data.train_labels, data.valid_labels, data.test_labels]).tolist()
    expected = sorted((int(person), bytes(face)) for person, face in zip(theirs.target, faces))
    assert sorted((person, bytes(face)) for person, face in zip(people, ours)) == expected
    assert theirs.target_names.tolist() == [person.replace("_", " ") for person in PEOPLE]


def test_the_archive_is_scikit_learns(monkeypatch):
    monkeypatch.undo()
    published = pytest.importorskip("sklearn.datasets._lfw").FUNNELED_ARCHIVE
    assert lfw.RECORD.files == {published.filename: published.checksum}
    assert lfw.RECORD.addresses[0] == published.url
    assert lfw.RECORD.counts == {"pictures": 13_233, "people": 5_749}


# -- where it is found ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("below", ["", "lfw"])
def test_the_users_archive_is_read_once_and_not_unpacked(below, here, content, monkeypatch):
    path = put(here / "own" / below, content)
    data = load("lfw", download=False)
    assert is_right(data) and (data.name, data.shape, data.source) == ("lfw", (1, 48, 48), str(path))
    assert "LFW stands in for TFD" in data.note and "do not compare with the paper's" in data.note
    assert tree(here / "cache") == ["lfw", f"lfw/{sum_of_archive()}.safetensors"]
    assert datasets.status("lfw") == (True, f"in {path}")
    monkeypatch.setattr(lfw, "_read", lambda *_: pytest.fail("read again"))
    assert is_right(load("lfw", download=False))


def test_no_person_is_in_two_splits_and_the_folds_are_fifths(here, content):
    put(here / "own", content)
    data = load("lfw")
    people = [set(labels.tolist()) for labels in (data.train_labels, data.valid_labels, data.test_labels)]
    assert [len(some) for some in people] == [48, 6, 6] and len(set.union(*people)) == 60
    # people 8, 18, 28, 38, 48, 58 are in valid, 18 and 48 with a second picture; 9, 39 of 9, 19, ..., 59 in test
    assert [fold.valid[:, 0].tolist() for fold in data.folds] == [[8, 18], [118, 28], [38, 48], [148], [58]]
    assert [fold.test[:, 0].tolist() for fold in data.folds] == [[9, 109], [19, 29], [39, 139], [49], [59]]


def test_downloaded_once_then_kept(here, content, monkeypatch):
    with serve(lambda path, handler: send(handler, content)) as (addresses, requests):
        monkeypatch.setattr(lfw.RECORD, "addresses", [closed_port() + "down", addresses[0] + "files/5976015"])
        assert is_right(load("lfw"))
        assert is_right(load("lfw"))
        assert len(requests) == 1
    assert tree(here / "cache" / "lfw") == sorted(["lfw-funneled.tgz", f"{sum_of_archive()}.safetensors"])


def test_what_was_kept_is_enough_and_made_again_when_damaged(here, content):
    path = put(here / "own", content)
    load("lfw")
    path.unlink()
    kept = here / "cache" / "lfw" / f"{sum_of_archive()}.safetensors"
    assert is_right(load("lfw", download=False)) and datasets.status("lfw") == (True, f"in {kept}")
    kept.write_bytes(kept.read_bytes()[:-1] + b"?")
    with pytest.warns(UserWarning, match="is damaged"), pytest.raises(DataError, match="Faces in the Wild is not here"):
        load("lfw", download=False)
    put(here / "own", content)
    with pytest.warns(UserWarning, match="is damaged"):
        assert is_right(load("lfw", download=False))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert is_right(load("lfw", download=False))


# -- what is refused --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("bad", hostile("lfw_funneled", "Person_A0/Person_A0_0001.jpg"))
def test_members_of_other_names_are_passed_over_wherever_they_point(bad, here, published, monkeypatch):
    evil = hostile("lfw_funneled", "Person_A0/Person_A0_0001.jpg")[bad]
    put(here / "own", publish(monkeypatch, archive(evil, *members(published), evil)))
    before, around = set(tree(here)), set(here.parent.iterdir())
    assert is_right(load("lfw", download=False))
    assert set(tree(here)) - before == {"cache", "cache/lfw", f"cache/lfw/{sum_of_archive()}.safetensors"}
    assert set(here.parent.iterdir()) == around and not Path("/ganlib-evil.bin").exists()


NAME = name("Person_B4", 1)
GREY = np.zeros((250, 250, 3), np.uint8)


def announces(content, side):
    """A JPEG picture whose header says that it is larger than it is."""
    at = content.index(b"\xff\xc0") + 5
    return content[:at] + side.to_bytes(2, "big") * 2 + content[at + 4 :]


def png(pixels):
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


REFUSED = {
    "a symlink": (member(NAME, type=tarfile.SYMTYPE, linkname="/etc/passwd"), "is no regular file"),
    "a hard link": (member(NAME, type=tarfile.LNKTYPE, linkname=name("Person_A0", 1)), "is no regular file"),
    "a device": (member(NAME, type=tarfile.CHRTYPE), "is no regular file"),
    "huge": (member(NAME, size=10**13), "has 10,000,000,000,000 bytes, more than 10,000,000"),
    "a picture too small": (member(NAME, jpeg(GREY[:249])), "has 250 x 249 pixels"),
    "a picture too large": (member(NAME, jpeg(np.zeros((260, 260, 3), np.uint8))), "has 260 x 260 pixels"),
    "a picture that bursts": (
        member(NAME, announces(jpeg(GREY), 60_000)),
        "is truncated, damaged, or not a JPEG picture",
    ),
    "a PNG picture": (member(NAME, png(GREY)), "is truncated, damaged, or not a JPEG picture"),
    "truncated": (
        member(NAME, jpeg(np.arange(187_500, dtype=np.uint8).reshape(250, 250, 3))[:9_000]),
        "is truncated, damaged, or",
    ),
    "empty": (member(NAME, b""), "is truncated, damaged, or not a JPEG picture"),
    "a pickle": (member(NAME, pickle.dumps(GREY)), "is truncated, damaged, or not a JPEG picture"),
}


@pytest.mark.parametrize("bad", REFUSED)
def test_a_picture_that_is_not_what_it_should_be_is_refused_by_name(bad, here, published):
    evil, said = REFUSED[bad]
    path = put(here / "own", archive(*[m for m in members(published) if m[0].name != NAME], evil))
    with pytest.raises(DataError, match=r"lfw-funneled.tgz is not the file that LFW's authors published.*verify=False"):
        load("lfw")
    with pytest.raises(DataError, match=said) as caught:
        load("lfw", verify=False)
    assert str(path) in str(caught.value) and NAME in str(caught.value)
    assert not (here / "cache").exists()


def test_a_picture_that_is_there_twice_is_refused(here, published):
    put(here / "own", archive(*members(published), member(NAME, published[NAME])))
    with pytest.raises(DataError, match=re.escape(f"the member {NAME!r} is there twice")):
        load("lfw", verify=False)


@pytest.mark.parametrize("share", [0, 0.01, 0.5, 0.9])
def test_a_truncated_archive_is_refused(share, here, content):
    put(here / "own", content[: int(share * len(content))])
    with pytest.raises(DataError, match=r"tgz is not the file that LFW's authors published: [\d,]+ bytes"):
        load("lfw")
    with pytest.raises(DataError, match=r"tgz (is truncated, damaged, or not a gzipped tar|holds 0 pictures)"):
        load("lfw", verify=False)


def test_an_archive_with_a_picture_missing_or_of_another_layout_is_refused(here, published, content, monkeypatch):
    put(here / "own", publish(monkeypatch, archive(*members(published)[:-1])))
    with pytest.raises(DataError, match=r"tgz holds 79 pictures of 60 people. Expected 13,233 JPEG"):
        load("lfw")
    assert load("lfw", verify=False).name == "lfw", "verify=False is the way round"
    put(here / "own", archive(*(member(file.split("/")[-1], content) for file, content in published.items())))
    with pytest.raises(DataError, match=r"tgz holds 0 pictures of 0 people. Expected 13,233 .* under names like lfw_f"):
        load("lfw", verify=False)
