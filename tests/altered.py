"""Files that somebody altered: the small good ones, made once, and the ways in which each is changed by its structure.

A case is a name, the kind of file, whether it must be refused, and what makes it from a folder of good files.
"""

from __future__ import annotations

import collections
import io
import json
import os
import pickle
import random
import struct
import warnings
import zipfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch

from ganlib import Trained, Trainer, baselines, save_weights
from ganlib.runs import Run
from tests import small

NAN, INF = float("nan"), float("inf")


class Case(NamedTuple):
    """One altered file. `refused` False: it may be refused, or load as if nothing had been altered."""

    name: str
    kind: str
    alter: Callable[[Path], Any]
    refused: bool = True


def good(home: Path) -> None:
    """The folders of good files that the cases are made from: a run and its weights, two baselines and theirs."""
    trainer = Trainer(small.recipe(), small.data(), seed=7, device="cpu", history_every=2)
    run = Run(trainer, home / "run")
    list(run.steps(5))
    trainer.history.scores.append({"step": 5, "epoch": 1.6, "log_likelihood": -3.0})
    trainer.change(lr_D=0.1)
    run.look()
    run.save()
    info = {"data": "small", "seed": 7, "epochs": 1.6, "average": {"what": "an average"}}
    pair = Trained(trainer.G, trainer.D, trainer.recipe, info, run.average.G)
    for kind in ("weights", "small"):
        (home / kind).mkdir()
        save_weights(home / kind / "w.safetensors", pair, small=kind == "small")
    vae = baselines.KINDS["vae"](hidden=(5, 4), z_dim=2, batch=10, epochs=1)
    model = baselines.train(home / "baseline", vae, small.data(), progress=False, validate_every=0, device="cpu")
    (home / "model").mkdir()
    baselines.save_weights(home / "model" / "w.safetensors", model, {"data": "small"})


# -- archives of torch -------------------------------------------------------------------------------------------------


class Lies(NamedTuple):
    """A tensor that claims to lie so in a storage."""

    part: bytes
    kind: str = "FloatStorage"
    length: int | None = None
    offset: Any = 0
    shape: Any = (1,)
    stride: Any = (1,)


class _Storage:
    def __init__(self, *told: Any):
        self.told = told


class Packer(pickle.Pickler):
    """Pickles a state as torch does; `Lies` become tensors. `parts` are its numbers."""

    def __init__(self, file: io.BytesIO):
        super().__init__(file, 2)
        self.parts: list[bytes] = []

    def persistent_id(self, value: Any) -> Any:
        """What stands for a storage."""
        return value.told if isinstance(value, _Storage) else None

    def reducer_override(self, value: Any) -> Any:
        """How a tensor is written."""
        if isinstance(value, torch.Tensor):
            kind = {torch.float32: "Float", torch.float64: "Double", torch.int64: "Long", torch.uint8: "Byte"}
            raw = value.contiguous().numpy().tobytes()
            name = f"{kind.get(value.dtype, 'Half')}Storage"
            value = Lies(raw, name, value.numel(), 0, tuple(value.shape), value.contiguous().stride())
        if not isinstance(value, Lies):
            return NotImplemented
        length = len(value.part) // 4 if value.length is None else value.length
        storage = _Storage("storage", getattr(torch, value.kind), str(len(self.parts)), "cpu", length)
        self.parts.append(value.part)
        told = (storage, value.offset, value.shape, value.stride, False, collections.OrderedDict())
        return torch._utils._rebuild_tensor_v2, told


def packed(state: Any) -> tuple[bytes, list[bytes]]:
    """The pickle of a state and the numbers of its tensors."""
    packer = Packer(file := io.BytesIO())
    packer.dump(state)
    return file.getvalue(), packer.parts


def archive(
    path: Path, text: bytes, parts: Sequence[bytes] = (), how: int = zipfile.ZIP_STORED, order: bytes = b"little"
) -> None:
    """Write an archive as torch does, of a pickle and the numbers of its tensors."""
    with zipfile.ZipFile(path, "w", how) as file:
        file.writestr("archive/data.pkl", text)
        file.writestr("archive/byteorder", order)
        for i, part in enumerate(parts):
            file.writestr(f"archive/data/{i}", part)


def latest(folder: Path) -> Path:
    """The checkpoint of a folder."""
    return folder / "checkpoint.pt"


def state_of(folder: Path) -> dict[str, Any]:
    """What the good checkpoint holds."""
    state = torch.load(latest(folder), weights_only=True)
    return state | {"recipe": json.loads(json.dumps(state["recipe"]))}  # lists for tuples, which can be altered


def with_state(change: Callable[[dict[str, Any]], Any]) -> Callable[[Path], None]:
    """Alter the state and write it with checksums that are right."""

    def alter(folder: Path) -> None:
        """Write what `change` makes of the state, or what it gives back."""
        state = state_of(folder)
        changed = change(state)
        text, parts = packed(state if changed is None else changed)
        archive(latest(folder), text, parts)

    return alter


def put(place: str, value: Any) -> Callable[[Path], None]:
    """Another value at a place of the state, as "history.rows": `DELETE` takes it away, a function makes a new one."""

    def change(state: dict[str, Any]) -> None:
        """Walk to the place and change it."""
        *way, last = place.split(".")
        for name in way:
            state = state[int(name) if isinstance(state, list) else name.replace("/", ".")]
        last = int(last) if isinstance(state, list) else last.replace("/", ".")
        if value is DELETE:
            del state[last]
        else:
            state[last] = value(state[last]) if callable(value) else value

    return with_state(change)


DELETE = object()


def raw(text: bytes) -> Callable[[Path], None]:
    """An archive whose pickle is this one."""
    return lambda folder: archive(latest(folder), text)


def of_bytes(change: Callable[[bytes], bytes]) -> Callable[[Path], None]:
    """The bytes of the checkpoint, changed."""
    return lambda folder: latest(folder).write_bytes(change(latest(folder).read_bytes()))


def repacked(how: int = zipfile.ZIP_STORED, order: bytes = b"little") -> Callable[[Path], None]:
    """The same state in another archive."""
    return lambda folder: archive(latest(folder), *packed(state_of(folder)), how, order)


def flipped(seed: int) -> Callable[[bytes], bytes]:
    """Content with three of its bytes altered."""

    def change(content: bytes) -> bytes:
        """Flip bits at places drawn by the seed."""
        rng, content = random.Random(seed), bytearray(content)
        for _ in range(3):
            content[rng.randrange(len(content))] ^= rng.randrange(1, 256)
        return bytes(content)

    return change


class Runs:
    """An object whose unpickling would make a folder."""

    def __init__(self, f: Callable, *arguments: Any):
        self.call = f, arguments

    def __reduce__(self) -> Any:
        return self.call


def nest(n: int) -> list:
    """A list in a list, n deep."""
    value: list = []
    for _ in range(n):
        value = [value]
    return value


def laughs(n: int) -> list:
    """100^n values in the memory of 100 n."""
    value: list = [1]
    for _ in range(n):
        value = [value] * 100
    return value


def of_archives(executed: Path) -> Iterator[Case]:
    """Checkpoints that are no archive of tensors and plain values."""

    def case(name: str, alter: Callable[[Path], Any], refused: bool = True) -> Case:
        """Of a run."""
        return Case(f"checkpoint: {name}", "run", alter, refused)

    for share in (0.0, 0.2, 0.6, 0.99):
        yield case(f"cut at {share}", of_bytes(lambda content, share=share: content[: int(len(content) * share)]))
    yield case("a byte behind", of_bytes(lambda content: content + b"x"))
    yield case("a kilobyte before", of_bytes(lambda content: bytes(1024) + content))
    yield case("twice", of_bytes(lambda content: content + content))
    yield case("zeros", of_bytes(lambda content: bytes(len(content))))
    yield case("text", of_bytes(lambda content: b"not a checkpoint\n" * 100))
    yield case("a bare pickle", of_bytes(lambda content: pickle.dumps({"format": 1})))
    yield case("60 GB of nothing", lambda folder: os.truncate(latest(folder), 60 * 10**9))
    yield case("3 GB of nothing", lambda folder: os.truncate(latest(folder), 3 * 10**9))
    for name, how in (("deflated", zipfile.ZIP_DEFLATED), ("bzip2", zipfile.ZIP_BZIP2), ("lzma", zipfile.ZIP_LZMA)):
        yield case(name, repacked(how))
    yield case("other order of bytes", repacked(order=b"big"))
    yield case("two pickles", lambda folder: two_pickles(latest(folder)))
    yield case("a part twice", lambda folder: twice(latest(folder)))
    yield case("100,000 parts", lambda folder: many(latest(folder)))
    yield case("a table of parts of 2 GB", of_bytes(lambda content: content[:-10] + b"\0\0\0\x7f" + content[-6:]))
    yield case("a flag of encryption", of_bytes(encrypted))
    yield case("a pickle of 60 MB", raw(pickle.dumps("x" * 60_000_000, 2)))
    yield case("zeros, deflated", lambda folder: archive(latest(folder), bytes(300_000_000), how=zipfile.ZIP_DEFLATED))
    for i in range(12):
        yield case(f"flipped {i}", of_bytes(flipped(i)), False)
    for name, f, *arguments in (
        ("a folder made", os.mkdir, str(executed)),
        ("a command", os.system, f"touch {executed}"),
        ("an expression", eval, f"open({str(executed)!r}, 'w')"),
        ("ten gigabytes", bytearray, 10**10),
        ("a counter", collections.Counter, "ab"),
        ("a set", set, (1, 2)),
        ("torch.load", torch.load, str(executed)),
        ("a file opened", open, str(executed), "w"),
    ):
        yield case(f"code: {name}", with_state(lambda state, f=f, a=arguments: state.update(seed=Runs(f, *a))))
    yield case("a list 100,000 deep", raw(b"\x80\2" + b"]" * 100_000 + b"a" * 99_999 + b"."))
    yield case("a list 100 deep", put("history.scores", nest(100)))
    yield case("100^20 values", put("history.changes", laughs(20)))
    yield case("a list in itself", with_state(lambda state: state["sessions"].append(state["sessions"])))
    yield case("3 million steps", raw(b"\x80\2(" + b"]" * 3_000_000 + b"l."))
    for n in (27, 31):
        yield case(f"room for 2^{n} values", raw(b"\x80\2}r" + struct.pack("<I", 2**n - 1) + b"."))
    yield case("room for a long string", raw(b"\x80\4\x8d" + struct.pack("<Q", 2**40) + b"x."))
    yield case("room for a long frame", raw(b"\x80\4\x95" + struct.pack("<Q", 2**40) + b"}."))
    yield case("a number of a million bytes", raw(b"\x80\2\x8b" + struct.pack("<i", 10**6) + b"\1" * 10**6 + b"."))
    yield case("nothing on the stack", raw(b"\x80\2."))
    yield case("an empty pickle", raw(b""))
    yield case("a list", with_state(lambda state: [state]))
    yield case("keys of tuples", with_state(lambda state: {(1, 2): 3}))
    yield case("bytes", put("data", b"small"))
    yield case("a complex number", put("seed", 1j))
    one = bytes(4)
    for name, lies in (
        ("stride 0", Lies(one, shape=(10**9,), stride=(0,))),
        ("stride 0 within its part", Lies(bytes(80), shape=(10, 10), stride=(0, 1))),
        ("a stride below 0", Lies(bytes(80), shape=(4,), stride=(-1,), offset=4)),
        ("behind its part", Lies(one, offset=7)),
        ("before its part", Lies(one, offset=-1)),
        ("longer than its part", Lies(one, shape=(10**10,))),
        ("of 2^70 numbers", Lies(one, shape=(2**35, 2**35), stride=(2**35, 1))),
        ("of a false length", Lies(one, length=10**9)),
        ("of a length below 0", Lies(one, length=-1)),
        ("of complex numbers", Lies(bytes(8), "ComplexFloatStorage", 1)),
        ("of bools", Lies(b"\7", "BoolStorage", 1)),
        ("without a shape", Lies(one, shape=None, stride=None)),
        ("of a shape in words", Lies(one, shape=("1",))),
        ("of 30 sides", Lies(one, shape=(1,) * 30, stride=(1,) * 30)),
    ):
        yield case(f"a tensor {name}", put("nets.G.layers/0/linear/bias", lies))
    yield case("600 MB that the recipe has no place for", lambda folder: swollen(folder, 600 * 10**6))


def two_pickles(path: Path) -> None:
    """A second archive within the archive."""
    with zipfile.ZipFile(path, "a") as file:
        file.writestr("other/data.pkl", b"\x80\2}.")


def swollen(folder: Path, more: int) -> None:
    """The last tensor is longer by so many bytes, and the file has room for them (which takes no disk)."""
    length = (400 + more) // 4
    put("strip.0.average", Lies(bytes(400), length=length, shape=(length,)))(folder)
    content = latest(folder).read_bytes()
    with zipfile.ZipFile(latest(folder)) as file:
        table = file.start_dir
    at = content.rindex(b"PK\1\2")
    behind = bytearray(content[table:])
    behind[at - table + 20 : at - table + 28] = struct.pack("<II", 400 + more, 400 + more)
    behind[-6:-2] = struct.pack("<I", table + more)
    with open(latest(folder), "wb") as file:
        file.write(content[:table])
        file.seek(table + more)
        file.write(behind)


def twice(path: Path) -> None:
    """A part of a name that is there."""
    with zipfile.ZipFile(path, "a") as file, warnings.catch_warnings(action="ignore"):
        file.writestr(next(name for name in file.namelist() if name.endswith("data/0")), b"other")


def encrypted(content: bytes) -> bytes:
    """The same, but the table of parts calls one encrypted."""
    at = content.index(b"PK\1\2") + 8
    return content[:at] + bytes([content[at] | 1]) + content[at + 1 :]


def many(path: Path) -> None:
    """Far more parts than a run has."""
    with zipfile.ZipFile(path, "w") as file:
        for i in range(100_000):
            file.filelist.append(zipfile.ZipInfo(f"archive/data/{i}"))
        for info in file.filelist:
            info.header_offset = info.CRC = info.compress_size = info.file_size = 0
        file._didModify = True


# -- what is no file ---------------------------------------------------------------------------------------------------


def in_the_place_of(name: str, make: Callable[[Path], Any]) -> Callable[[Path], None]:
    """Something else in the place of a file."""

    def alter(folder: Path) -> None:
        """Take the file away and put it there."""
        (folder / name).unlink()
        make(folder / name)

    return alter


def of_no_files() -> Iterator[Case]:
    """Pipes, devices, folders and links in the place of each file."""
    for kind, names in (
        ("run", ["checkpoint.pt"]),
        ("baseline", ["checkpoint.pt"]),
        ("weights", ["w.json", "w.safetensors"]),
    ):
        for name in names:
            for what, make in (
                ("a pipe", os.mkfifo),
                ("a folder", os.mkdir),
                ("/dev/zero", lambda path: path.symlink_to("/dev/zero")),
                ("/dev/null", lambda path: path.symlink_to("/dev/null")),
                ("a link to itself", lambda path: path.symlink_to(path)),
                ("a link to nothing", lambda path: path.symlink_to("nothing")),
            ):
                yield Case(f"{kind}: {what} as {name}", kind, in_the_place_of(name, make))
