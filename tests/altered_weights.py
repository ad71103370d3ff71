"""Weights that somebody altered: the file of tensors, by its header and its numbers, and the .json beside it."""

from __future__ import annotations

import hashlib
import json
import os
import struct
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from tests.altered import DELETE, INF, NAN, Case, flipped


def of_json(change: Callable[[Any], Any]) -> Callable[[Path], None]:
    """What the .json of weights says, changed."""

    def alter(folder: Path) -> None:
        """Write what `change` makes of it, or what it gives back: text or bytes as they are."""
        path = folder / "w.json"
        told = json.loads(path.read_text())
        changed = change(told)
        changed = told if changed is None else changed
        if not isinstance(changed, bytes):
            changed = (changed if isinstance(changed, str) else json.dumps(changed)).encode()
        path.write_bytes(changed)

    return alter


def says(place: str, value: Any) -> Callable[[Path], None]:
    """Another value at a place of the .json, as "recipe.k"; `DELETE` takes it away."""

    def change(told: dict[str, Any]) -> None:
        """Walk to the place and change it."""
        *way, last = place.split(".")
        for name in way:
            told = told[int(name) if isinstance(told, list) else name]
        if value is DELETE:
            del told[last]
        else:
            told[last] = value

    return of_json(change)


def of_tensors(change: Callable[[dict[str, Any], bytearray], Any]) -> Callable[[Path], None]:
    """The header and the numbers of a safetensors file, changed; its SHA-256 in the .json is then the new one's."""

    def alter(folder: Path) -> None:
        """Write what `change` makes of both; what it gives back is the whole file."""
        path = folder / "w.safetensors"
        content = path.read_bytes()
        n = struct.unpack("<Q", content[:8])[0]
        header, numbers = json.loads(content[8 : 8 + n]), bytearray(content[8 + n :])
        changed = change(header, numbers)
        if changed is None:
            text = json.dumps(header).encode()
            changed = struct.pack("<Q", len(text)) + text + bytes(numbers)
        path.write_bytes(changed)
        says("sha256", hashlib.sha256(changed).hexdigest())(folder)

    return alter


def with_header(text: bytes) -> Callable[[Path], None]:
    """A header of this text."""
    return of_tensors(lambda header, numbers: with_text(text.decode("latin-1"), numbers))


def with_text(text: str, numbers: bytearray) -> bytes:
    """A file whose header is this text."""
    return struct.pack("<Q", len(text.encode())) + text.encode() + bytes(numbers)


def twice(header: dict[str, Any], key: str) -> str:
    """A header that names a tensor twice, in the same words."""
    return f"{json.dumps(header)[:-1]}, {json.dumps({key: header[key]})[1:]}"


def describes(key: str, name: str, value: Any) -> Callable[[Path], None]:
    """A tensor whose dtype, shape or data_offsets is said to be another."""
    return of_tensors(lambda header, numbers: header[key].update({name: value}))


def number(key: str, value: float) -> Callable[[Path], None]:
    """The first number of a tensor of halves is this one."""

    def change(header: dict[str, Any], numbers: bytearray) -> None:
        """Write it in its place."""
        at = header[key]["data_offsets"][0]
        numbers[at : at + 2] = struct.pack("<e", value)

    return of_tensors(change)


def of_weights(kind: str, key: str) -> Iterator[Case]:
    """Weights whose tensors or whose .json were altered; `key` is one of their tensors, of halves."""

    def case(name: str, alter: Callable[[Path], Any], refused: bool = True) -> Case:
        """Of these weights."""
        return Case(f"{kind}: {name}", kind, alter, refused)

    def tensors(change: Callable[[bytes], bytes]) -> Callable[[Path], None]:
        """The bytes of the tensors' file, changed, and the .json as it was."""
        return lambda folder: (folder / "w.safetensors").write_bytes(change((folder / "w.safetensors").read_bytes()))

    for i in range(6):
        yield case(f"tensors flipped {i}", tensors(flipped(i)))
    for i in range(6):
        yield case(
            f"json flipped {i}",
            lambda folder, i=i: (folder / "w.json").write_bytes(flipped(i)((folder / "w.json").read_bytes())),
            False,
        )
    yield case("a bit of a number", tensors(lambda content: content[:-1] + bytes([content[-1] ^ 1])))
    for name in ("w.safetensors", "w.json"):
        yield case(f"{name} of 60 GB", lambda folder, name=name: os.truncate(folder / name, 60 * 10**9))
        yield case(f"{name} of 900 MB", lambda folder, name=name: os.truncate(folder / name, 900 * 10**6))
        yield case(f"{name} empty", lambda folder, name=name: os.truncate(folder / name, 0))
        yield case(f"{name} missing", lambda folder, name=name: (folder / name).unlink())
    for name, text in (
        ("empty", b"{}"),
        ("of zeros", bytes(64)),
        ("a list", b"[]"),
        ("no JSON", b"{'a'}"),
        ("deep", b"[" * 100_000),
        ("deep and whole", b'{"a":' * 5000 + b"1" + b"}" * 5000),
    ):
        yield case(f"a header {name}", with_header(text))
    for n in (0, 1, 2**31, 2**63, 2**64 - 1):
        yield case(
            f"a header of {n} bytes",
            of_tensors(
                lambda header, numbers, n=n: struct.pack("<Q", n) + json.dumps(header).encode() + bytes(numbers)
            ),
        )
    for name, value in (
        *(("dtype", value) for value in ("I16", "I64", "F8_E4M3", "BOOL", "U8", "f16", "", None, ["F16"])),
        *(
            ("shape", value)
            for value in ([], [-1], [10**12], [2**70], [1.0], ["1"], 3, None, [True], [1] * 30, [10**9, 0])
        ),
        *(
            ("data_offsets", value)
            for value in ([0], [0, 2**70], [-2, 0], [0.0, 2.0], [10**9, 10**9], "ab", None, [4, 2])
        ),
        ("more", 1),
    ):
        yield case(f"a {name} of {str(value)[:20]}", describes(key, name, value))
    yield case("a tensor twice", of_tensors(lambda header, numbers: with_text(twice(header, key), numbers)))
    yield case("a tensor less", of_tensors(lambda header, numbers: header.pop(key) and None))
    yield case(
        "a tensor more",
        of_tensors(
            lambda header, numbers: (
                header.update(more={"dtype": "F16", "shape": [1], "data_offsets": [len(numbers), len(numbers) + 2]})
                or numbers.extend(b"ab")
            )
        ),
    )
    yield case("a tensor of another name", of_tensors(lambda header, numbers: header.update(other=header.pop(key))))
    yield case("a gap", of_tensors(lambda header, numbers: numbers.extend(bytes(64))))
    for value in (NAN, INF, -INF):
        yield case(f"a number that is {value}", number(key, value))
    for name, change in (
        ("empty", lambda told: ""),
        ("a list", lambda told: []),
        ("a number", lambda told: 3),
        ("no more than braces", lambda told: {}),
        ("cut", lambda told: json.dumps(told)[:-9]),
        ("deep", lambda told: "[" * 200_000),
        ("deep and whole", lambda told: json.dumps(told)[:-1] + ', "more": ' + "[" * 900 + "]" * 900 + "}"),
        ("no UTF-8", lambda told: b"\xff\xfe" + json.dumps(told).encode()),
        ("a key twice", lambda told: json.dumps(told)[:-1] + ', "data": "small"}'),
        ("20 MB", lambda told: json.dumps(told) + " " * 20_000_000),
        ("NaN", lambda told: json.dumps({**told, "more": NAN})),
        ("1e999", lambda told: json.dumps(told)[:-1] + ', "more": 1e999}'),
        ("a number of 100,000 digits", lambda told: json.dumps(told)[:-1] + ', "more": ' + "9" * 100_000 + "}"),
    ):
        yield case(f"the .json: {name}", of_json(change), name != "deep and whole")
    for value in ("0" * 64, "", 3, None, [], {}):
        yield case(f"sha256: {str(value)[:5]}", says("sha256", value))
    yield case("no sha256, but NaN", lambda folder: (number(key, NAN)(folder), says("sha256", DELETE)(folder)))
    for value in (None, "epochs", NAN, -1, [], 10**400):
        yield case(f"epochs: {str(value)[:10]}", says("epochs", value))
    for value in (DELETE, None, 3, [], {}, "mnist"):
        yield case(f"recipe: {'none' if value is DELETE else value}", says("recipe", value))


def large() -> Iterator[Case]:
    """Weights that take long or much, where they are no whole ones: each once."""
    one = '"{}":{{"dtype":"F16","shape":[0],"data_offsets":[0,0]}}'
    many = "{" + ",".join(one.format(i) for i in range(100_000)) + "}"
    yield Case("weights: 100,000 tensors", "weights", with_header(many.encode()))
    lists = ', "more": [' + "[]," * 2_600_000 + "[]]}"
    alter = of_json(lambda told: json.dumps(told)[:-1] + lists)
    yield Case("weights: the .json: 8 MB of lists", "weights", alter, False)
    yield Case("weights: 600 MB that the recipe has no place for", "weights", swollen)


def swollen(folder: Path) -> None:
    """The last tensor is said to have 300 million numbers, and the file has room for them (which takes no disk)."""
    path = folder / "w.safetensors"
    content = path.read_bytes()
    n = struct.unpack("<Q", content[:8])[0]
    header, more = json.loads(content[8 : 8 + n]), 600 * 10**6
    told = max(header.values(), key=lambda one: one["data_offsets"])
    told["data_offsets"][1] += more
    told["shape"] = [(told["data_offsets"][1] - told["data_offsets"][0]) // 2]
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + content[8 + n :])
    os.truncate(path, path.stat().st_size + more)
    says("sha256", DELETE)(folder)
