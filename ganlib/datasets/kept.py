"""What was read once and is kept in the cache."""

from __future__ import annotations

import hashlib
import os
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import safetensors
import safetensors.torch
import torch
from torch import Tensor

from ganlib.datasets import files
from ganlib.datasets.record import Record, short

Like = dict[str, tuple[tuple[int, ...], torch.dtype]]  # of each tensor: the shape of a row, and the type


def kept(
    record: Record,
    path: Path,
    like: Like,
    read: Callable[[], dict[str, Tensor]],
    sound: Callable[[dict[str, Tensor]], bool],
    largest: int,
) -> dict[str, Tensor]:
    """What `read` returns, kept in a file of the cache with a digest, so that it is read only once.

    `like` says what each tensor is but for the number of rows, and `sound` whether what it holds makes sense: a digest
    can be made for anything. A file that is damaged, holds other tensors or more than `largest` bytes is made again,
    with a warning; one that cannot be written is a warning, too. Takes twice the memory of the tensors.
    """
    if os.path.lexists(path):
        try:
            with files.opened(record, path, "a file", largest):
                pass  # a regular file, of no more than it may have
            with safetensors.safe_open(path, "pt") as file:
                there = {name: file.get_slice(name).get_shape()[1:] for name in file.keys()}  # noqa: SIM118 (no dict)
                if there != {name: list(shape) for name, (shape, _) in like.items()}:
                    raise ValueError(f"it holds {short(there)}")
                tensors = {name: file.get_tensor(name).clone() for name in like}
                digest = (file.metadata() or {}).get("sha256")
            right = all(tensors[name].dtype == kind and tensors[name].ndim > 0 for name, (_, kind) in like.items())
            if right and digest == _digest(tensors) and sound(tensors):
                return tensors
            damage = "its content is not what was written"
        except MemoryError:
            raise
        except Exception as error:  # safetensors has many
            damage = short(error, 120)
        warnings.warn(f"{path} is damaged ({damage}); it is made again", stacklevel=2)
    tensors = read()
    try:
        with files.beside(path) as written:
            written.write_bytes(safetensors.torch.save(tensors, {"sha256": _digest(tensors)}))
            os.replace(written, path)
    except OSError as error:
        again = "what was read is not kept, and is read again the next time"
        other = "The environment variable GANLIB_CACHE may name another folder."
        warnings.warn(f"{path} cannot be written ({error.strerror or error}): {again}. {other}", stacklevel=2)
    return tensors


def _digest(tensors: dict[str, Tensor]) -> str:
    digest = hashlib.sha256()
    for name in sorted(tensors):
        digest.update(f"{name} {tensors[name].dtype} {tuple(tensors[name].shape)}\n".encode())
        digest.update(np.ascontiguousarray(tensors[name].numpy()))
    return digest.hexdigest()
