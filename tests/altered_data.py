"""Data files that somebody altered: good small ones of every format, and what is done to them, by structure."""

from __future__ import annotations

import bz2
import gzip
import json
import os
import pickle
import struct
import zlib
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import safetensors.torch
import torch

from ganlib.datasets import kept
from tests import test_datasets_faces as faces

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
    """Zeros, gzipped to a thousandth: a megabyte is packed once, and stands there again and again."""
    packer, megabyte, crc = zlib.compressobj(9, zlib.DEFLATED, -15), bytes(2**20), 0
    block = packer.compress(megabyte) + packer.flush(zlib.Z_FULL_FLUSH)
    for _ in range(megabytes):
        crc = zlib.crc32(megabyte, crc)
    end = packer.flush() + struct.pack("<2I", crc, megabytes * 2**20 % 2**32)
    return gzip.compress(b"", mtime=0)[:10] + block * megabytes + end


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


def cached() -> dict[str, Files]:
    return odd("kept") | {name: {"kept": content} for name, content in kept_faces().items()}
