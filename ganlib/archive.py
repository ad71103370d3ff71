"""What `torch.save` wrote, read as data: tensors and plain values, and nothing else. No code of a file is ever run.

Such a file is a zip archive, stored and not compressed: a pickle of the plain values that names the tensors, and a part
for the numbers of each. Here the pickle may only build values, its tensors must lie within the parts, and all is
checked before a number is read.
"""

import math
import pickle
import pickletools
import struct
import sys
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO, ClassVar, NamedTuple

import torch
from torch import Tensor

from ganlib import disk
from ganlib.errors import GanlibError, brief

CHUNK = 2**20
PARTS = 20_000  # of an archive at the most; a run has about 100
VALUES = 2_000_000  # steps of the pickle at the most: eight for a change of a recipe, so 250,000 of those
NEST = 32  # dicts and lists within one another
STORAGES = {"Double": torch.float64, "Float": torch.float32, "Half": torch.float16, "BFloat16": torch.bfloat16}
STORAGES |= {"Long": torch.int64, "Int": torch.int32, "Short": torch.int16, "Char": torch.int8, "Byte": torch.uint8}

STEPS = {"PROTO", "STOP", "MARK", "NONE", "NEWTRUE", "NEWFALSE", "BININT", "BININT1", "BININT2", "LONG1", "BINFLOAT"}
STEPS |= {"BINUNICODE", "EMPTY_DICT", "EMPTY_LIST", "EMPTY_TUPLE", "TUPLE", "TUPLE1", "TUPLE2", "TUPLE3", "APPEND"}
STEPS |= {"APPENDS", "SETITEM", "SETITEMS", "BINGET", "LONG_BINGET", "BINPUT", "LONG_BINPUT"}
STEPS |= {"GLOBAL", "REDUCE", "BUILD", "BINPERSID"}
"""The steps of a pickle that our values take. Those that make room for what does not follow are not among them."""


class Archive:
    """A file that `torch.save` wrote, open for reading: `values` gives what is in it. ValueError for any other file.

    Memory: 200 bytes a step of the pickle, of which there are `VALUES` at the most; with `read` that of the tensors,
    which is at most the size of the file. Time: 5 s for as many steps, and that of reading the file once.
    """

    def __init__(self, file: BinaryIO):
        self.size = _directory(file)
        self._zip = zipfile.ZipFile(file)
        self._parts = {info.filename: info for info in self._zip.infolist()}
        if len(self._parts) < len(self._zip.infolist()):
            raise ValueError("a part is there twice")
        for name, info in self._parts.items():
            if info.compress_type != zipfile.ZIP_STORED or info.file_size != info.compress_size or info.flag_bits & 1:
                raise ValueError(f"its part {brief(name)} is compressed or encrypted; torch stores parts as they are")
        if sum(info.file_size for info in self._parts.values()) > self.size:
            raise ValueError("its parts take more bytes than the file has")
        pickles = [name for name in self._parts if name.endswith("/data.pkl") and name.count("/") == 1]
        if len(pickles) != 1:
            raise ValueError(f"it has {len(pickles)} parts named data.pkl")
        self._root = pickles[0].removesuffix("data.pkl")
        if self._text("byteorder", 16) not in (b"", sys.byteorder.encode()):
            raise ValueError("it was written on a machine with another order of bytes")
        text = self._text("data.pkl", disk.TEXT)
        _check_steps(text)
        self._storages: dict[str, torch.dtype] = {}
        self._found = _Values(BytesIO(text), self._storage).load()

    def values(self, read: bool = False) -> Any:
        """The dicts, lists and plain values, with every tensor; without their numbers (on "meta") unless `read`.

        With `read` ValueError where a part does not match its checksum, or holds numbers that are not finite.
        """
        memory = {key: self._numbers(key) for key in self._storages} if read else None
        return _Walk(self, memory).plain(self._found)

    def check(self) -> None:
        """What `values(read=True)` raises, in the memory of the largest tensor."""
        for key in self._storages:
            self._numbers(key)

    def length(self, key: str) -> int:
        """How many numbers a storage has."""
        return self._parts[f"{self._root}data/{key}"].file_size // self._storages[key].itemsize

    def kind(self, key: str) -> torch.dtype:
        """The type of the numbers of a storage."""
        return self._storages[key]

    def _text(self, name: str, most: int) -> bytes:
        """A small part; nothing where there is none."""
        part = self._parts.get(self._root + name)
        if part is None:
            return b""
        if part.file_size > most:
            raise ValueError(f"its part {name} has {part.file_size:,} bytes, more than {most:,}")
        return self._zip.read(part)

    def _storage(self, told: Any) -> "_Storage":
        """The storage that the pickle names so: ("storage", type, key, device, length)."""
        word, kind, key, _, length = told
        part = self._parts.get(f"{self._root}data/{key}") if isinstance(key, str) else None
        if word != "storage" or part is None or not isinstance(kind, torch.dtype) or type(length) is not int:
            raise ValueError(f"its tensor {brief(key)} is not there")
        if part.file_size != length * kind.itemsize:
            raise ValueError(f"its part {brief(key)} has {part.file_size:,} bytes; {length:,} {kind} take others")
        if self._storages.setdefault(key, kind) != kind:
            raise ValueError(f"its part {brief(key)} is of two types")
        return _Storage(key)

    def _numbers(self, key: str) -> Tensor:
        """All numbers of a storage, in memory of their own."""
        part, kind = self._parts[f"{self._root}data/{key}"], self._storages[key]
        numbers = torch.empty(part.file_size // kind.itemsize, dtype=kind)
        room = memoryview(numbers.view(torch.uint8).numpy()) if len(numbers) else memoryview(bytearray())
        try:
            with self._zip.open(part) as file:  # it compares the checksum when the last byte is read
                while room and (got := file.read(min(len(room), CHUNK))):
                    room[: len(got)] = got
                    room = room[len(got) :]
        except zipfile.BadZipFile:
            raise ValueError(f"its part {brief(key)} does not match its checksum") from None
        if room:
            raise ValueError(f"the file ends inside its part {brief(key)}")
        finite(f"its part {brief(key)}", numbers)
        return numbers


class _Storage(NamedTuple):
    """What the pickle has in the place of a storage."""

    key: str


class _Lies(NamedTuple):
    """What the pickle has in the place of a tensor: where in a storage it lies."""

    storage: Any
    offset: Any
    shape: Any
    stride: Any


def _rebuilt(storage: Any, offset: Any, shape: Any, stride: Any, *_: Any) -> _Lies:
    """In the place of torch's function that makes a tensor."""
    return _Lies(storage, offset, shape, stride)


class _Ordered(dict):
    """In the place of `OrderedDict`, without what a net says of its versions."""

    def __setstate__(self, state: Any) -> None:
        """Leave it out."""


class _Values(pickle.Unpickler):
    """Builds values, and knows three names beside those of the storages; all are ours."""

    known: ClassVar[dict[tuple[str, str], Any]] = {
        ("collections", "OrderedDict"): _Ordered,
        ("torch._utils", "_rebuild_tensor_v2"): _rebuilt,
    } | {("torch", f"{name}Storage"): kind for name, kind in STORAGES.items()}

    def __init__(self, file: BinaryIO, storage: Callable[[Any], _Storage]):
        super().__init__(file)
        self._storage = storage

    def find_class(self, module: str, name: str) -> Any:
        """What stands for a name. Nothing is imported."""
        if (module, name) not in self.known:
            raise ValueError(f"it names {brief(f'{module}.{name}')}, and only tensors and plain values belong there")
        return self.known[module, name]

    def persistent_load(self, pid: Any) -> _Storage:
        """The storage of a name."""
        return self._storage(pid)


class _Walk:
    """From what the pickle built to plain values and tensors, each counted, so that none can be named without end."""

    def __init__(self, archive: Archive, memory: dict[str, Tensor] | None):
        self.archive, self.memory = archive, memory
        self.left, self.bytes = VALUES, 2 * archive.size  # tensors may share their numbers, as two names of one do

    def plain(self, value: Any, nest: int = NEST) -> Any:
        """A value as it is: dict, list, tuple, tensor, number, string, None."""
        self.left -= 1
        if self.left < 0 or nest < 0:
            raise ValueError(f"it holds more than {VALUES:,} values" if nest >= 0 else "its values nest too deeply")
        kind = type(value)
        if kind in (str, int, float, bool, type(None)):
            return value
        if kind in (dict, _Ordered):
            if not all(type(key) in (str, int) for key in value):
                raise ValueError("the keys of a dict are not words or numbers")
            return {key: self.plain(one, nest - 1) for key, one in value.items()}
        if kind in (list, tuple):
            return kind([self.plain(one, nest - 1) for one in value])
        if kind is _Lies:
            return self.tensor(value)
        raise ValueError(f"it holds a {kind.__name__}")

    def tensor(self, lies: _Lies) -> Tensor:
        """The tensor that lies so in its storage."""
        sizes = (lies.shape, lies.stride)
        right = type(lies.storage) is _Storage and all(type(one) is tuple and len(one) <= 8 for one in sizes)
        numbers = [*lies.shape, *lies.stride, lies.offset] if right else []
        if not right or len(lies.shape) != len(lies.stride) or not all(type(n) is int and 0 <= n for n in numbers):
            raise ValueError("a tensor has no shape")
        shape, stride, kind = lies.shape, lies.stride, self.archive.kind(lies.storage.key)
        if max(numbers) > self.archive.size:
            raise ValueError(f"a tensor of {brief(shape)} does not lie within its part")
        last = lies.offset + sum((n - 1) * step for n, step in zip(shape, stride)) if math.prod(shape) else -1
        self.bytes -= math.prod(shape) * kind.itemsize
        if max(last + 1, math.prod(shape)) > self.archive.length(lies.storage.key) or self.bytes < 0:
            raise ValueError(f"a tensor of {brief(shape)} does not lie within its part")
        if self.memory is None:
            return torch.empty(shape, dtype=kind, device="meta")
        return self.memory[lies.storage.key].as_strided(shape, stride, lies.offset)


def _check_steps(text: bytes) -> None:
    """ValueError unless a pickle only builds values, and keeps no more of them than it has steps."""
    kept = 0
    for i, (step, argument, _) in enumerate(pickletools.genops(text)):
        if step.name not in STEPS or i > VALUES:
            raise ValueError(f"its pickle takes the step {step.name}" if i <= VALUES else f"more than {VALUES:,} steps")
        if step.name in ("BINPUT", "LONG_BINPUT"):
            kept += 1
            if argument > kept:
                raise ValueError(f"its pickle keeps a value at {argument:,}")


def _directory(file: BinaryIO) -> int:
    """The size of a zip file whose end says that its table of parts is a small one, and nothing follows it."""
    size = file.seek(0, 2)
    file.seek(max(0, size - 98))
    end = file.read(98)
    if end[-22:-18] != b"PK\5\6" or end[-2:] != bytes(2):
        raise ValueError("it does not end as a file of torch does; it is cut off, or another file")
    counts = [struct.unpack("<HHI", end[-14:-6])]
    if end[-42:-38] == b"PK\6\7":
        if len(end) < 98 or end[:4] != b"PK\6\6" or struct.unpack("<Q", end[-34:-26])[0] != size - 98:
            raise ValueError("its end does not say where its table of parts is")
        counts.append(struct.unpack("<QQQ", end[24:48]))
    if any(parts > PARTS or table > 200 * PARTS for _, parts, table in counts if table != 2**32 - 1):
        raise ValueError(f"it has more than {PARTS:,} parts")
    return size


def read(path: Path, fits: Callable[[Any], Any] | None = None) -> Any:
    """The values of the file at a path: what `fits` has seen without numbers is read, and seen again. ValueError.

    Bounds: those of `Archive`, and `disk.LARGEST` bytes.
    """
    with opened(path) as archive:
        if fits:
            fits(archive.values())
        found = archive.values(read=True)
    if fits:
        fits(found)
    return found


@contextmanager
def opened(path: Path) -> Iterator[Archive]:
    """The archive at a path. Whatever is wrong with it is a ValueError."""
    try:
        with disk.regular(path) as file:
            yield Archive(file)
    except (ValueError, GanlibError):
        raise
    except (zipfile.BadZipFile, pickle.UnpicklingError, EOFError, struct.error, LookupError, TypeError) as error:
        raise ValueError(disk.line(error)) from None
    except (AttributeError, ArithmeticError, RuntimeError, NotImplementedError, MemoryError, OSError) as error:
        raise ValueError(f"{type(error).__name__}: {disk.line(error)}") from None


def finite(name: str, tensor: Tensor) -> None:
    """ValueError where a tensor holds NaN or infinity."""
    if tensor.is_floating_point() and not bool(torch.isfinite(tensor).all()):
        raise ValueError(f"{name} holds values that are not finite")
