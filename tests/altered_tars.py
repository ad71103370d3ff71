"""Altered archives, of CIFAR-10 and of LFW, and CIFAR-10's unpacked folder."""

from __future__ import annotations

import gzip
import tarfile

import numpy as np

from ganlib.datasets import cifar10, lfw
from tests import test_datasets_cifar10 as cifar
from tests import test_datasets_lfw as people
from tests.altered_data import PICKLE, Content, Files, bomb, odd
from tests.archives import archive, member

# -- CIFAR-10 ----------------------------------------------------------------------------------------------------------

BATCH = "data_batch_3.bin"


def cifar_folder() -> dict[str, Files]:
    good = cifar.made()
    batch = np.frombuffer(good[BATCH], np.uint8).reshape(cifar.N, 3073)
    made = {
        "a picture less": good[BATCH][:-3073],
        "a byte less": good[BATCH][:-1],
        "a byte more": good[BATCH] + b"x",
        "label 10": b"\x0a" + good[BATCH][1:],
        "labels behind their pictures": np.roll(batch, -1, 1).tobytes(),
        "not there": None,
        "a pickle of its size": PICKLE.ljust(len(good[BATCH]), b"\xff"),
        "text of its size": (b"text" * 99_999)[: len(good[BATCH])],
    }
    return {f"{name}, in a batch": files for name, files in odd(BATCH).items()} | {
        name: {BATCH: content} for name, content in made.items()
    }


def cifar_checked() -> dict[str, Files]:
    """Of the right layout, and refused for what the publisher says of the pictures."""
    good = cifar.made()
    batch = np.frombuffer(good[BATCH], np.uint8).reshape(cifar.N, 3073)
    half, flat, one = batch.copy(), batch.copy(), batch.copy()
    half[cifar.N // 2 :] = half[: cifar.N // 2]
    flat[:, 1:], one[7, 1:] = 127, 255
    labels = {k: np.where(np.arange(3073) == 0, np.uint8(k), batch) for k in (0, 9)}
    one_label = batch.copy()
    one_label[0, 0] = (one_label[0, 0] + 1) % 10
    made = {
        "a batch of zeros": bytes(len(good[BATCH])),
        "another batch": good["data_batch_2.bin"],
        "the test batch": good["test_batch.bin"],
        "its first half twice": half.tobytes(),
        "pictures of one grey": flat.tobytes(),
        "a white picture": one.tobytes(),
        "all of class 0": labels[0].tobytes(),
        "all of class 9": labels[9].tobytes(),
        "one of another class": one_label.tobytes(),
    }
    made = {name: {BATCH: content} for name, content in made.items()}
    test = np.frombuffer(good["test_batch.bin"], np.uint8).reshape(cifar.N, 3073).copy()
    test[0, 0] = (test[0, 0] + 1) % 10
    return made | {
        "zeros in all": {file: bytes(len(content)) for file, content in good.items()},
        "one of another class to test": {"test_batch.bin": test.tobytes()},
    }


NAME = f"{cifar.FOLDER}/{BATCH}"


def header(info: tarfile.TarInfo, content: bytes = b"", **fields: bytes) -> bytes:
    """A member with fields of its header overwritten (and its sum made again): at the places of the ustar format."""
    places = {"size": (124, 12), "mtime": (136, 12), "type": (156, 1), "magic": (257, 8), "sum": (148, 8)}
    raw = bytearray(info.tobuf(tarfile.USTAR_FORMAT))
    for field, value in fields.items():
        at, length = places[field]
        raw[at : at + length] = value.ljust(length, b"\0")
    if "sum" not in fields:
        raw[148:156] = b" " * 8
        raw[148:156] = b"%06o\0 " % sum(raw)
    return bytes(raw) + content + bytes(-len(content) % 512)


def plain(name: str, content: bytes, **fields: bytes) -> bytes:
    info = tarfile.TarInfo(name)
    info.size = len(content)
    return header(info, content, **fields)


def long(kind: bytes, content: bytes, **fields: bytes) -> bytes:
    """A member that says something of the next one: a long name (L, K), pax facts (x, g)."""
    return plain("././@LongLink", content, type=kind, **fields)


def pax(**facts: str) -> bytes:
    said = b""
    for name, value in facts.items():
        record = f" {name}={value}\n".encode()
        size = len(record) + 2
        said += b"%d" % (size if size < 100 else size + 1) + record
    return long(b"x", said)


def tars(good: bytes, others: list[tuple], name: str) -> dict[str, Content]:
    """A tar archive of `others`, and of one member that is wrong, put first."""
    kinds = {
        "a symlink": tarfile.SYMTYPE, "a hard link": tarfile.LNKTYPE, "a device": tarfile.CHRTYPE,
        "a pipe in it": tarfile.FIFOTYPE, "a folder": tarfile.DIRTYPE,
    }  # fmt: skip
    firsts = {what: plain(name, b"", type=kind) for what, kind in kinds.items()}
    firsts |= {
        "a negative size": plain(name, good, size=b"\xff" * 12),
        "a size of 2^80": plain(name, good, size=b"\x80" + b"\xff" * 11),
        "a size of letters": plain(name, good, size=b"abcdefg"),
        "10 TB": plain(name, good, size=b"\x80\0\0\0\0\0\x09\x18\x4e\x72\xa0\0"),
        "twice": plain(name, good) * 2,
        "another sum": plain(name, good, sum=b"000001"),
        "a name of 6 GB": long(b"L", b"n", size=b"\x80" + (6 * 10**9).to_bytes(11, "big")),
        "a name of 50 MB": long(b"L", bytes(50_000_000)),
        "a link of 50 MB": long(b"K", bytes(50_000_000)),
        "2,000 long names, one for another": long(b"L", b"n" * 200) * 2_000,
        "pax facts of 20 MB": long(b"x", b"9 ab=cd\n\n" * 2_000_000),
        "pax facts of nonsense": long(b"x", b"nonsense without a length") + plain(name, good[:-1]),
        "pax facts with a length of 0": long(b"x", b"0 a=b\n") + plain(name, good[:-1]),
        "pax facts with a length of 9999": long(b"x", b"9999 a=b\n") + plain(name, good[:-1]),
        "a pax size of 10 TB": pax(size=str(10**13)) + plain(name, good),
        "a pax size of -1": pax(size="-1") + plain(name, good),
        "a pax size of letters": pax(size="many") + plain(name, good[:-1]),
        "a pax size of 5,000 digits": pax(size="9" * 5_000) + plain(name, good),
        "a pax time of letters": pax(mtime="soon") + plain(name, good[:-1]),
        "a sparse one": plain(name, good, type=b"S"),
        "a sparse one of pax": pax(**{"GNU.sparse.realsize": "1", "GNU.sparse.major": "1"}) + plain(name, good),
        "51,000 empty ones": plain("a", b"") * 51_000,
        "another name": plain(f"./{name}", good),
        "a longer path": plain(f"../{name}", good),
        "garbage between": b"\xff" * 1024,
    }  # fmt: skip
    rest = gzip.decompress(archive(*others))
    made = {what: gzip.compress(first + rest, 1, mtime=0) for what, first in firsts.items()}
    whole = gzip.compress(plain(name, good) + rest, 1, mtime=0)
    return made | {f"cut at {share:.0%}": whole[: int(share * len(whole))] for share in (0.02, 0.3, 0.6, 0.97)} | {
        "a tar that is not packed": rest,
        "an empty tar": gzip.compress(bytes(10_240)),
        "zeros without end": bomb(450),
        "packed twice": gzip.compress(whole),
    }  # fmt: skip


def cifar_archive() -> dict[str, Files]:
    good = cifar.made()
    others = [m for m in cifar.members(good) if m[0].name != NAME]
    made = tars(good[BATCH], others, NAME) | {
        "a batch is missing": archive(*others),
        "a batch too short": archive(*others, member(NAME, good[BATCH][:-1])),
        "a batch too long": archive(*others, member(NAME, good[BATCH] + b"x")),
        "a label of 10": archive(*others, member(NAME, b"\x0a" + good[BATCH][1:])),
        "the Python version": archive(member("cifar-10-batches-py/data_batch_1", PICKLE)),
    }
    return odd(cifar10.ARCHIVE) | {name: {cifar10.ARCHIVE: content} for name, content in made.items()}


# -- LFW ---------------------------------------------------------------------------------------------------------------


def lfw_archive() -> dict[str, Files]:
    name, good = people.NAME, people.made()[people.NAME]
    others = [member(file, content) for file, content in people.made().items() if file != name]
    at = good.index(b"\xff\xda")
    grey = people.jpeg(people.GREY, progressive=True)
    pictures = {
        "a picture too small": people.jpeg(people.GREY[:249]),
        "a picture that says it is larger": people.announces(good, 60_000),
        "a picture of 0 pixels": people.announces(good, 0),
        "a PNG picture": people.png(people.GREY),
        "a picture cut": good[: at + 20],
        "a picture without tables": good[:20] + good[at:],
        "a picture of 500 scans": grey[:-2] + grey[grey.index(b"\xff\xda") : -2] * 60 + grey[-2:],
        "a picture of 12 MB": good + bytes(12_000_000),
        "an empty picture": b"",
        "a pickle for a picture": PICKLE,
        "a TIFF picture": b"II*\0" + bytes(200),
        "a web page for a picture": b"<html>",
    }
    made = tars(good, others, name) | {
        what: gzip.compress(plain(name, content) + gzip.decompress(archive(*others)), 1)
        for what, content in pictures.items()
    }
    made["nine people"] = archive(*[m for m in others if m[0].name.split("/")[1] < "Person_A9"])
    made["a name of 150 letters"] = archive(member(f"lfw_funneled/{'n' * 150}/{'n' * 150}_0001.jpg", good))
    for harmless in ("another name", "a longer path"):  # passed over, and the picture is not missed unverified
        del made[harmless]
    return odd(lfw.ARCHIVE) | {name: {lfw.ARCHIVE: content} for name, content in made.items()}
