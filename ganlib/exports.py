"""Weights as they are exported: a file of tensors and a .json that tells of it, which belong together at every moment.

Nothing in them is executed, and no number is read before what a header says of it was found right.
"""

import contextlib
import hashlib
import json
import math
import os
import struct
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

import safetensors.torch
import torch
from torch import Tensor

from ganlib import disk
from ganlib.archive import finite
from ganlib.errors import CheckpointError, brief

LARGEST = 2**30  # bytes of a file of weights
TYPES = {"F64": torch.float64, "F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16}
TYPES |= {"I8": torch.int8, "U8": torch.uint8}
EIGHT = ":scale"  # ends the name of the scales of a matrix in 8 bits


def check_export_path(path: Path) -> None:
    """Raise `CheckpointError` unless weights may be written to `path`: a .safetensors in a folder that can be written.

    What is there already must be weights that this package wrote: both files, or the `.json` alone. Writes nothing.
    """
    path = Path(path)
    if path.suffix != ".safetensors":
        raise CheckpointError(f"{path} does not end in .safetensors; write the weights to {path.name}.safetensors")
    beside, what = path.with_suffix(".json"), "not weights that this package exported"
    try:
        there = [one for one in (path, beside) if _there(one)]
        if there:
            told = _told(beside)
        if path in there:
            _facts(path, told)
        folder = next(folder for folder in path.absolute().parents if _there(folder))
        if not (folder.is_dir() and os.access(folder, os.W_OK | os.X_OK)):
            raise CheckpointError(f"{path} cannot be written: {folder} is no folder that can be; save elsewhere")
    except FileNotFoundError:
        raise CheckpointError(f"{path} is {what}: it has no .json beside it; choose another name") from None
    except (OSError, ValueError) as error:
        raise CheckpointError(f"{path} or its .json is {what} ({disk.line(error)}); choose another name") from None


def _there(path: Path) -> bool:
    """Whether anything is at a path, a link to nothing too. OSError, ValueError for what is no path."""
    try:
        os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return False
    return True


def write_weights(path: Path, tensors: dict[str, Tensor], told: dict[str, Any]) -> Path:
    """Write tensors as safetensors to `path`, and what is told of them to a `.json` beside it, as one.

    The `.json` names the SHA-256 of the tensors' file. While that file is replaced it tells of the old one, too.
    """
    check_export_path(path := Path(path))
    whole = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    beside = path.with_suffix(".json")
    try:
        for name, tensor in whole.items():
            finite(brief(name), tensor)
        content = safetensors.torch.save(whole)
        digest = hashlib.sha256(content).hexdigest()
        text = _text({**told, "sha256": digest})
        if len(content) > LARGEST or 2 * len(text) > disk.TEXT:
            raise ValueError(f"{len(content):,} and {len(text):,} bytes are too many")
    except (ValueError, TypeError, RecursionError) as error:
        raise CheckpointError(
            f"{path} was not written: {disk.line(error)}. What was saved before is untouched"
        ) from None
    if path.exists():
        old = _facts(path, _told(beside))
        if old["sha256"] != digest:
            both = _text({**told, "sha256": digest, "before": old})
            disk.atomically(beside, lambda file: file.write(both))
    else:
        disk.atomically(beside, lambda file: file.write(text))
    disk.atomically(path, lambda file: file.write(content))
    return disk.atomically(beside, lambda file: file.write(text)).with_suffix(path.suffix)


def _text(told: dict[str, Any]) -> bytes:
    return (json.dumps(told, indent=1, ensure_ascii=False, allow_nan=False) + "\n").encode()


def _told(beside: Path) -> dict[str, Any]:
    """What the .json of weights says. ValueError where it is none, OSError."""
    told = disk.read_json(beside)
    if not (isinstance(told, dict) and ("recipe" in told or isinstance(told.get("sha256"), str))):
        raise ValueError(f"{beside.name} does not tell of weights")
    return told


def _facts(path: Path, told: dict[str, Any]) -> dict[str, Any]:
    """What is told of the very tensors that are at `path`: of old or new ones, if a process died while it wrote them.

    Its "sha256" is that of the file, also where an earlier version told none. ValueError when nothing is.
    """
    parts_of(path)  # a file of tensors
    digest = disk.sha256(path)
    before = told.pop("before", None)
    if told.setdefault("sha256", digest) == digest:
        return told
    if isinstance(before, dict) and before.get("sha256") == digest:
        return before
    raise ValueError(f"{path.name} has the SHA-256 {digest[:12]}..., and its .json tells of another")


@contextlib.contextmanager
def read_weights(
    path: Path, fits: Callable[[dict[str, Tensor], dict[str, Any]], Any] | None = None
) -> Iterator[tuple[dict[str, Tensor], dict[str, Any]]]:
    """The tensors and what is told of them, as `write_weights` wrote both, for use in a `with`.

    `fits` sees what is told, and the tensors without their numbers, before those are read. An error there, in reading,
    or in the `with` becomes a `CheckpointError` that says which file is missing, broken, or does not fit.

    Memory: twice the file of tensors, which has at most `LARGEST` bytes, and is not read at all unless it fits;
    30 times the .json, which has at most `disk.TEXT`. Time: that of reading both and of a SHA-256.
    """
    path = Path(path)
    try:
        told = _facts(path, _told(path.with_suffix(".json")))
        del told["sha256"]
        if fits:
            fits(parts_of(path), told)
        yield tensors_of(path), told
    except FileNotFoundError as error:
        lost = error.filename or path
        raise CheckpointError(f"{lost} is missing; weights are two files, {path.name} and a .json") from None
    except RuntimeError as error:
        raise CheckpointError(f"{path} does not fit the nets of its recipe: {disk.line(error)}") from None
    except (OSError, ValueError, LookupError, TypeError, AttributeError, ArithmeticError, MemoryError) as error:
        why = disk.line(error)
        raise CheckpointError(f"{path} or the .json beside it is damaged: {why}; get both files again") from None


def shipped(name: str, folder: Path) -> Path:
    """The file of weights of that name in a folder of this package. Raises `CheckpointError` with the names there."""
    there = sorted(file.stem for file in folder.glob("*.safetensors"))
    if not isinstance(name, str) or name not in there:
        names = ", ".join(there) or "none"
        raise CheckpointError(f"no weights named {brief(name)} come with this package; there are: {names}")
    return folder / f"{name}.safetensors"


# -- 8 bits ------------------------------------------------------------------------------------------------------------


def in_8_bits(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """The same, each matrix as whole numbers up to 127 and, at its name and `EIGHT`, a scale for each of its rows."""
    small = dict(tensors)
    for key, tensor in tensors.items():
        if tensor.ndim == 2:
            scale = (tensor.float().abs().amax(1, keepdim=True) / 127).clamp_min(1e-6)
            small[key], small[key + EIGHT] = (tensor / scale).round().to(torch.int8), scale
    return small


def from_8_bits(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """What `in_8_bits` took, but for the rounding; what is not in 8 bits stays as it is."""
    plain = {key: tensor for key, tensor in tensors.items() if not key.endswith(EIGHT)}
    return {key: tensor * tensors[key + EIGHT] if key + EIGHT in tensors else tensor for key, tensor in plain.items()}


# -- safetensors -------------------------------------------------------------------------------------------------------


def parts_of(path: Path) -> dict[str, Tensor]:
    """The tensors of a safetensors file, without their numbers (on the device "meta"): what its header says.

    ValueError unless the header accounts for every byte of the file once. It reads the header alone.
    """
    with disk.regular(path, LARGEST) as file:
        return {name: torch.empty(shape, dtype=kind, device="meta") for name, kind, shape, _ in _header(file)}


def tensors_of(path: Path) -> dict[str, Tensor]:
    """The tensors of a safetensors file, in memory of that size, `LARGEST` at most. ValueError for NaN and infinity."""
    with disk.regular(path, LARGEST) as file:
        found = {}
        for name, kind, shape, size in _header(file):
            raw = bytearray(size)
            if file.readinto(raw) < size:
                raise ValueError(f"{path.name} ends inside {brief(name)}")
            found[name] = _as(raw, kind).reshape(shape)
            finite(brief(name), found[name])
        return found


def _as(raw: bytearray, kind: torch.dtype) -> Tensor:
    return torch.frombuffer(raw, dtype=kind) if raw else torch.empty(0, dtype=kind)


def _header(file: BinaryIO) -> list[tuple[str, torch.dtype, list[int], int]]:
    """Name, type, shape and bytes of each tensor, in the order in which they follow the header, where it ends."""
    total = file.seek(0, os.SEEK_END)
    file.seek(0)
    first = file.read(8)
    length = struct.unpack("<Q", first)[0] if len(first) == 8 else 0
    if not 2 <= length <= min(disk.TEXT, total - 8):
        raise ValueError(f"it begins with a header of {length:,} bytes, and the file has {total:,}")
    told = disk.parsed(file.read(length))
    if not isinstance(told, dict):
        raise ValueError("its header is not a table of tensors")
    told.pop("__metadata__", None)
    found, at = [], 0
    for name, one in sorted(told.items(), key=lambda item: _place(*item)):
        kind, shape = TYPES.get(one["dtype"] if isinstance(one["dtype"], str) else ""), one["shape"]
        if kind is None:
            raise ValueError(f"{brief(name)} is of the type {brief(one['dtype'])}; weights have {', '.join(TYPES)}")
        if not (
            isinstance(shape, list) and len(shape) <= 8 and all(type(n) is int and 0 <= n <= LARGEST for n in shape)
        ):
            raise ValueError(f"{brief(name)} has the shape {brief(shape)}")
        size = math.prod(shape) * kind.itemsize
        if one["data_offsets"] != [at, at + size]:
            raise ValueError(f"{brief(name)} lies at {brief(one['data_offsets'])}; its place is {[at, at + size]}")
        found.append((name, kind, shape, size))
        at += size
    if at != total - 8 - length:
        raise ValueError(f"its tensors take {at:,} bytes, and the file has {total - 8 - length:,} for them")
    return found


def _place(name: str, one: Any) -> tuple[int, int]:
    """Where a tensor begins and ends, so that empty ones come before what begins at their place."""
    if not (isinstance(one, dict) and {"dtype", "shape", "data_offsets"} == one.keys()):
        raise ValueError(f"{brief(name)} is not described as a tensor")
    ends = one["data_offsets"]
    if not (isinstance(ends, list) and len(ends) == 2 and all(map(_is_size, ends))):
        raise ValueError(f"{brief(name)} lies at {brief(ends)}")
    return ends[0], ends[1]


def _is_size(value: Any) -> bool:
    return type(value) is int and 0 <= value <= LARGEST
