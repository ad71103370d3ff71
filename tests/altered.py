"""Data files that somebody altered: good small ones of every format, and what is done to them, by structure."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import os
import pickle
import struct
import tarfile
import zlib
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import safetensors.torch
import scipy.io
import torch

from ganlib.datasets import cifar10, kept, lfw
from tests import test_datasets_cifar10 as cifar
from tests import test_datasets_faces as faces
from tests import test_datasets_lfw as people
from tests.archives import archive, member

Content = bytes | Callable[[Path], object] | None  # what is in a file, or what makes it; None: it is not there
Files = dict[str, Content]
TRAIN, TEST = 60, 10  # pictures in the small MNIST


class Evil:
    """Whoever unpickles it makes a file."""

    def __reduce__(self):
        return Path.touch, (Path("executed"),)


PICKLE = pickle.dumps(Evil())
ODD: Files = {  # in the place of any file
    "sparse, 60 GB": lambda path: (path.touch(), os.truncate(path, 60 * 10**9)),
    "a pipe": lambda path: os.mkfifo(path),
    "/dev/zero": lambda path: path.symlink_to("/dev/zero"),
    "a link to nothing": lambda path: path.symlink_to("nothing"),
    "a link to itself": lambda path: path.symlink_to(path.name),
    "empty": b"",
    "zeros": bytes(5_000),
    "text": b"<html>Log in to the network</html>\n" * 99,
    "a pickle": PICKLE,
    "a pickle, gzipped": gzip.compress(PICKLE),
    "a zip": b"PK\x03\x04" + bytes(range(256)),
    "bz2": bz2.compress(bytes(999)),
    "numpy's": b"\x93NUMPY\x01\x00" + bytes(200),
}
ALWAYS = [name for name, content in ODD.items() if content is not None]


def odd(file: str) -> dict[str, Files]:
    return {name: {file: content} for name, content in ODD.items()}


# -- MNIST -------------------------------------------------------------------------------------------------------------


def idx(magic: bytes, sizes: tuple[int, ...], content: bytes) -> bytes:
    return magic + struct.pack(f">{len(sizes)}I", *sizes) + content


@cache
def digits() -> dict[str, bytes]:
    """The four files of the small MNIST, plain."""
    rng, made = np.random.default_rng(0), {}
    for part, n in (("train", TRAIN), ("t10k", TEST)):
        pixels = rng.integers(0, 256, (n, 784), np.uint8).tobytes()
        made[f"{part}-images-idx3-ubyte"] = idx(b"\0\0\x08\x03", (n, 28, 28), pixels)
        made[f"{part}-labels-idx1-ubyte"] = idx(b"\0\0\x08\x01", (n,), bytes(i % 10 for i in range(n)))
    return made


IMAGES, LABELS, TEST_IMAGES, _ = digits()


def digits_gzipped() -> Files:
    return {f"{file}.gz": gzip.compress(content, 1) for file, content in digits().items()}


def bomb(megabytes: int) -> bytes:
    """Zeros, gzipped to a thousandth."""
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    return b"".join(packer.compress(bytes(2**20)) for _ in range(megabytes)) + packer.flush()


def mnist_contents() -> dict[str, tuple[str, bytes]]:
    """What may be in a file, plain or gzipped: the file, and its content."""
    whole, labels = digits()[IMAGES], digits()[LABELS]
    pixels, n = whole[16:], TRAIN
    made = {f"type {kind:#x}": idx(bytes([0, 0, kind, 3]), (n, 28, 28), pixels) for kind in (0, 9, 0xB, 0xD, 0xE)}
    made |= {
        f"{len(sizes)} dimensions": idx(bytes([0, 0, 8, len(sizes)]), sizes, pixels)
        for sizes in ((), (n * 784,), (n, 784), (n, 28, 28, 1), (1,) * 252 + (n, 28, 28))
    }
    made |= {
        f"sizes {' x '.join(map(str, sizes))}": idx(b"\0\0\x08\x03", sizes, pixels)
        for sizes in (
            (0, 28, 28), (n - 1, 28, 28), (n + 1, 28, 28), (n, 784, 1), (2**31, 2**31, 4), (2**32 - 1,) * 3, (n, 0, 28)
        )
    }  # fmt: skip
    made |= {
        "the other order of bytes": b"\0\0\x08\x03" + struct.pack("<3I", n, 28, 28) + pixels,
        "a byte less": whole[:-1],
        "a byte more": whole + b"x",
        "a header alone": whole[:16],
        "half a header": whole[:6],
        "the test images": digits()[TEST_IMAGES],
        "the labels": labels,
    }
    made = {name: (IMAGES, content) for name, content in made.items()}
    made |= {f"label {k}": (LABELS, labels[:-1] + bytes([k])) for k in (10, 255)}
    return made | {"images for labels": (LABELS, whole), "no labels": (LABELS, labels[:8])}


def mnist_plain() -> dict[str, Files]:
    return odd(IMAGES) | {name: {file: content} for name, (file, content) in mnist_contents().items()}


def mnist_gzipped() -> dict[str, Files]:
    whole = gzip.compress(digits()[IMAGES], 1, mtime=0)
    wrong = {name: {f"{file}.gz": gzip.compress(content, 1)} for name, (file, content) in mnist_contents().items()}
    made = {f"cut at {at}": whole[:at] for at in (5, 10, 18, len(whole) // 2, len(whole) - 4)} | {
        "another sum": whole[:-8] + b"abcd" + whole[-4:],
        "another size at the end": whole[:-4] + b"\xff\xff\xff\xff",
        "another method": whole[:2] + b"\x07" + whole[3:],
        "a name without end": whole[:3] + b"\x08" + whole[4:10] + b"n" * 100_000,
        "an extra field without end": whole[:3] + b"\x04" + whole[4:10] + b"\xff\xff" + whole[10:30],
        "all flags": whole[:3] + b"\xff" + whole[4:],
        "a bomb of 1 GB": bomb(1_000)[:140_000],
        "a bomb of 150 MB": bomb(145),
        "a bomb behind the file": whole + bomb(100),
        "another file behind it": whole + gzip.compress(b"more"),
        "garbage behind it": whole + b"garbage",
        "many empty ones": gzip.compress(b"", mtime=0) * 7_000,
        "gzipped twice": gzip.compress(whole),
        "a header, then 60 GB of nothing": lambda path: (path.write_bytes(whole[:10]), os.truncate(path, 60 * 10**9)),
        "a header, then zeros": whole[:10] + bytes(100_000),
    }
    return odd(f"{IMAGES}.gz") | wrong | {name: {f"{IMAGES}.gz": content} for name, content in made.items()}


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


# -- TFD ---------------------------------------------------------------------------------------------------------------

MAT = "TFD_48x48.mat"
_ORDER = ("images", "folds", "labs_ex")


def mat(compress: bool = False, **changes: object) -> bytes:
    buffer = io.BytesIO()
    variables = {name: value for name, value in faces.tfd(**changes).items() if value is not None}
    scipy.io.savemat(buffer, variables, do_compression=compress)
    return buffer.getvalue()


def element(kind: int, content: bytes, length: int | None = None) -> bytes:
    """An element of a MATLAB file, and how long it says that it is."""
    return struct.pack("<II", kind, len(content) if length is None else length) + content + bytes(-len(content) % 8)


def matrix(
    name: str, shape: tuple[int, ...], content: bytes, *, kind: int = 9, stored: int = 2, flags: int = 0,
    length: int | None = None, whole: int | None = None, packed: bool = False, more: bytes = b"",
) -> bytes:  # fmt: skip
    """A variable of a MATLAB file, byte by byte."""
    parts = [
        element(6, struct.pack("<II", kind | flags, 0)),
        element(5, struct.pack(f"<{len(shape)}i", *shape)),
        element(1, name.encode("latin-1")),
        element(stored, content, length),
    ]
    made = element(14, b"".join(parts), whole) + more
    if not packed:
        return made
    made = zlib.compress(made, 1)
    return struct.pack("<II", 15, len(made)) + made


def put_together(packed: bool = False, **instead: bytes | None) -> bytes:
    """The small TFD, with other elements in the place of its own; `more` behind them, `before` before them."""
    value = faces.tfd()
    n = len(value["images"])
    made = {
        "before": b"",
        "images": matrix("images", (n, 48, 48), value["images"].tobytes("F"), packed=packed),
        "folds": matrix("folds", (n, 5), value["folds"].tobytes("F"), kind=10, stored=3, packed=packed),
        "labs_ex": matrix("labs_ex", (n, 1), value["labs_ex"].tobytes("F"), kind=10, stored=3, packed=packed),
        "more": b"",
    } | instead
    return b"MATLAB 5.0 MAT-file".ljust(124) + b"\0\x01IM" + b"".join(part for part in made.values() if part)


def tfd() -> dict[str, Files]:
    n, pixels = len(faces.TFD), faces.tfd()["images"].tobytes("F")
    made: dict[str, Content] = {
        f"{what}{', packed' if packed else ''}": mat(packed, **change)
        for what, (change, _) in faces.TFD_BAD.items()
        for packed in ((False, True) if what in ("a fifth code", "flat images", "infinite") else (False,))
    }
    for packed in (False, True):
        many = 10**6 if packed else 10**5
        how = {"packed": packed}
        first = {
            "a small `images` first": matrix("images", (n, 4, 4), pixels[: n * 16], **how),
            "a large `images` first": matrix("images", (10**6, 48, 48), pixels, **how),
            "`folds` twice": matrix("folds", (n, 5), bytes(5 * n), **how),
            "`labs_ex` twice": matrix("labs_ex", (n, 1), bytes(n), **how),
        }
        images = {
            "a million faces of zeros": matrix("images", (many, 48, 48), bytes(3 * 10**8 if packed else 99), **how),
            "faces of 2^31 - 1": matrix("images", (2**31 - 1, 48, 48), pixels, **how),
            "a negative number of faces": matrix("images", (-n, 48, 48), pixels, **how),
            "faces of -48 x -48": matrix("images", (n, -48, -48), pixels, **how),
            "no shape": matrix("images", (), pixels, **how),
            "100 dimensions": matrix("images", (n, 48, 48) + (1,) * 97, pixels, **how),
            "3,000 dimensions": matrix("images", (1,) * 3_000, pixels, **how),
            "pixels that are doubles": matrix("images", (n, 48, 48), pixels, stored=9, **how),
            "pixels of an unknown type": matrix("images", (n, 48, 48), pixels, stored=99, **how),
            "pixels that are a matrix": matrix("images", (n, 48, 48), pixels, stored=14, **how),
            "a length of pixels of 0": matrix("images", (n, 48, 48), pixels, length=0, **how),
            "a length of pixels of 4 GB": matrix("images", (n, 48, 48), pixels, length=2**32 - 1, **how),
            "pixels that are not there": matrix("images", (n, 48, 48), pixels[:99], length=len(pixels), **how),
            "an element of 8 bytes": matrix("images", (n, 48, 48), pixels, whole=8, **how),
            "an element of 4 GB": matrix("images", (n, 48, 48), pixels, whole=2**32 - 1, **how),
            "an object": matrix("images", (n, 48, 48), pixels, kind=17, **how),
            "a function": matrix("images", (n, 48, 48), pixels, kind=16, **how),
            "a sparse matrix": matrix("images", (n, 48), pixels, kind=5, **how),
            "complex pixels": matrix("images", (n, 48, 48), pixels, flags=0x800, **how),
            "a name of 3,000 letters": matrix("i" * 3_000, (n, 48, 48), pixels, **how),
            "an empty name": matrix("", (n, 48, 48), pixels, **how),
        }  # fmt: skip
        for what, content in first.items():
            made[f"{what}{', packed' if packed else ''}"] = put_together(packed, before=content)
            made[f"{what}, last{', packed' if packed else ''}"] = put_together(packed, more=content)
        made |= {
            f"{what}{', packed' if packed else ''}": put_together(packed, images=part) for what, part in images.items()
        }
    whole, packed = put_together(), matrix("images", (n, 48, 48), pixels, packed=True)
    again = zlib.compress(packed)
    made |= {
        "another sum of what is packed": put_together(images=packed[:-1] + bytes([packed[-1] ^ 1])),
        "packed pixels cut": put_together(images=struct.pack("<II", 15, 99) + packed[8:107]),
        "packed pixels, and 200 MB more": put_together(
            images=matrix("images", (n, 48, 48), pixels, packed=True, more=bytes(200_000_000))
        ),
        "packed in what is packed": put_together(images=struct.pack("<II", 15, len(again)) + again),
        "an element of type 99": put_together(before=element(99, bytes(16))),
        "an element of no bytes": put_together(before=struct.pack("<II", 14, 0)),
        "2,000 variables": put_together(before=matrix("a", (1, 1), b"1") * 2_000),
        "the other order of bytes": whole[:126] + b"MI" + whole[128:],
        "a header alone": whole[:128],
        "version 7.3": whole[:124] + b"\0\x02IM" + whole[128:],
        "version 4": faces.OTHER_FILES["version 4"],
        "sparse, 3 GB of zeros behind it": lambda path: (path.write_bytes(whole), os.truncate(path, 3 * 10**9)),
        "sparse, 900 MB of zeros behind it": lambda path: (path.write_bytes(whole), os.truncate(path, 9 * 10**8)),
        **{f"cut at {share:.0%}": whole[: int(share * len(whole))] for share in (0.01, 0.3, 0.99)},
    }  # fmt: skip
    return odd(MAT) | {name: {MAT: content} for name, content in made.items()}


def many_faces(n: int) -> bytes:
    """So many black faces, packed to a thousandth, in folds that are right."""
    folds = np.zeros((n, 5), np.uint8, order="F")
    folds[:3], folds[0], folds[1] = 1, 2, 3
    labels = np.where(folds[:, 0] > 0, 1, -1).astype(np.int8)
    return put_together(
        images=matrix("images", (n, 48, 48), bytes(n * 2304), packed=True),
        folds=matrix("folds", (n, 5), folds.tobytes("F"), packed=True),
        labs_ex=matrix("labs_ex", (n, 1), labels.tobytes(), kind=8, stored=1, packed=True),
    )


# -- FER-2013 ----------------------------------------------------------------------------------------------------------


def fer2013() -> dict[str, Files]:
    text, line = faces.text, faces.line
    numbers = " ".join(["7"] * 2304)
    pixels = {
        "a sign": "+7", "an underscore": "1_0", "a digit of another script": "٣", "a small digit": "²",
        "hexadecimal": "0x7", "an exponent": "1e2", "5,000 digits": "9" * 5_000, "nan": "nan",
        "a NUL": "7\0", "none between": "7,7",
    }  # fmt: skip
    made: dict[str, Content] = {name: content for name, (content, _) in faces.FER_BAD.items()}
    made |= {what: faces.other(3, pixels=numbers.replace("7", value, 1)) for what, value in pixels.items()}
    made |= {
        "a line of 1 MB": faces.other(3, pixels=" " * 2**20 + numbers),
        "a line of 300 MB": lambda path: (path.write_text(text()), os.truncate(path, 300_000_000)),
        "a line of 2 GB": lambda path: (path.write_text(text()), os.truncate(path, 2 * 10**9)),
        "a first line of 300 MB": lambda path: (path.write_text("emotion"), os.truncate(path, 300_000_000)),
        "30,000 fields": text(*map(line, range(17)), "," * 30_000),
        "a quote over many lines": text(*map(line, range(17)), '"a\n' * 9_999),
        "fields that end in the next line": text(*map(line, range(17)), *['0","\n'] * 9_999),
        "semicolons": text().replace(",", ";"),
        "tabs": text().replace(",", "\t"),
        "an empty line": text(line(0), "", *map(line, range(1, 17))),
        "a header twice": text("emotion,pixels,Usage", *map(line, range(17))),
        "a mark of the order of bytes": b"\xef\xbb\xbf" + text().encode(),
        "lines of NUL": text(*map(line, range(17)), "\0" * 99),
        "gzipped": gzip.compress(text().encode()),
        "a header alone": "emotion,pixels,Usage\n",
    }
    made = {name: content.encode() if isinstance(content, str) else content for name, content in made.items()}
    return odd("fer2013.csv") | {name: {"fer2013.csv": content} for name, content in made.items()}


# -- what is kept in the cache -----------------------------------------------------------------------------------------


def tensors(said: object, content: bytes, length: int | None = None) -> bytes:
    """A file of tensors, with any header."""
    said = said if isinstance(said, bytes) else json.dumps(said).encode()
    return struct.pack("<Q", len(said) if length is None else length) + said + content


def kept_faces() -> dict[str, Content]:
    """What may be in the place of LFW's faces in the cache, each with the right digest where it can have one."""
    pictures, who = torch.zeros(200, 2304, dtype=torch.uint8), torch.arange(200)
    good = {"pictures": pictures, "people": who}
    other = {
        "pictures of floats": {"pictures": pictures.float()},
        "people of floats": {"people": who.double()},
        "people of bytes": {"people": who.byte()},
        "fewer people": {"people": who[:-1]},
        "people below 0": {"people": who - 9},
        "one person": {"people": who * 0},
        "people that are a table": {"people": who[:, None]},
        "longer pictures": {"pictures": torch.zeros(200, 2305, dtype=torch.uint8)},
        "no pictures": {"pictures": pictures[:0], "people": who[:0]},
        "a single number": {"people": torch.tensor(7)},
        "more tensors": {"more": who + 1},
    }
    made: dict[str, Content] = {
        name: safetensors.torch.save(good | change, {"sha256": kept._digest(good | change)})
        for name, change in other.items()
    }
    whole = safetensors.torch.save(good, {"sha256": kept._digest(good)})
    size = struct.unpack("<Q", whole[:8])[0]
    facts = json.loads(whole[8 : 8 + size])
    body = whole[8 + size :]

    def with_facts(name: str, **change: object) -> bytes:
        return tensors(facts | {name: facts[name] | change}, body)

    return made | {
        "another digest": safetensors.torch.save(good, {"sha256": "0" * 64}),
        "no digest": safetensors.torch.save(good),
        "a byte changed": whole[:-1] + b"?",
        "a byte less": whole[:-1],
        "a byte more": whole + b"x",
        "a header of 2^63 bytes": tensors(facts, body, 2**63),
        "a header of 90 MB": tensors(facts, body, 90_000_000),
        "a header that nests deep": tensors(b'{"a":' * 50_000 + b"1" + b"}" * 50_000, body),
        "a header that is a list": tensors([1, 2], body),
        "a header of no JSON": tensors(b"nonsense", body),
        "a shape of 2^62": with_facts("pictures", shape=[2**62, 2304]),
        "a shape of -1": with_facts("pictures", shape=[-1, 2304]),
        "an unknown type": with_facts("pictures", dtype="X9"),
        "a type of half a byte": with_facts("pictures", dtype="F4"),
        "offsets beyond the end": with_facts("pictures", data_offsets=[0, 2**40]),
        "offsets that overlap": with_facts("people", data_offsets=facts["pictures"]["data_offsets"]),
        "sparse, 150 MB": lambda path: (path.touch(), os.truncate(path, 150_000_000)),
    }


def largest() -> dict[str, tuple[str, str, bytes]]:
    """What is as large as a reader takes: the set, the file, and its content."""
    n = lfw.KEPT // 2_400
    made = {"pictures": torch.zeros(n, 2304, dtype=torch.uint8), "people": torch.arange(n)}
    return {
        "TFD": ("tfd", MAT, many_faces(120_000 - 1)),
        "LFW, kept in the cache": ("lfw", "kept", safetensors.torch.save(made, {"sha256": kept._digest(made)})),
    }


def cached() -> dict[str, Files]:
    return odd("kept") | {name: {"kept": content} for name, content in kept_faces().items()}


FORMATS: dict[str, tuple[str, Callable[[], dict[str, Files]], Callable[[], Files], bool]] = {
    # the set; what is altered; the good files around it; whether it is verified
    "MNIST, plain": ("mnist", mnist_plain, lambda: dict(digits()), False),
    "MNIST, gzipped": ("mnist", mnist_gzipped, digits_gzipped, False),
    "CIFAR-10, a folder": ("cifar10", cifar_folder, lambda: dict(cifar.made()), False),
    "CIFAR-10, a folder, verified": ("cifar10", cifar_checked, lambda: dict(cifar.made()), True),
    "CIFAR-10, an archive": ("cifar10", cifar_archive, dict, False),
    "LFW": ("lfw", lfw_archive, dict, False),
    "LFW, kept in the cache": ("lfw", cached, dict, False),
    "TFD": ("tfd", tfd, dict, False),
    "FER-2013": ("fer2013", fer2013, dict, False),
}  # fmt: skip
