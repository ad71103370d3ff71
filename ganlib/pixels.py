"""The numbers that the nets see: uint8 pictures to the scale of a recipe, and back to what can be shown."""

from __future__ import annotations

import torch
from torch import Tensor

from ganlib.errors import DataError

PIXELS = ("unit", "gcn")
"""How a recipe scales pictures: "unit" to [0, 1]; "gcn", global contrast normalisation (the CIFAR-10 recipes)."""
GCN_NORM = 55.0
"""The L2 norm of a picture after global contrast normalisation."""
GCN_LEAST = 1e-8
"""A picture whose centred norm is below this is flat; it is divided by 1 instead."""


def scale(pictures: Tensor, dtype: torch.dtype = torch.float32, pixels: str = "unit") -> Tensor:
    """uint8 pictures (..., d), a row a picture, to the numbers that a recipe's nets see: "unit" or "gcn"."""
    if pixels == "unit":
        return pictures.to(dtype) / 255
    if pixels == "gcn":
        return gcn(pictures.to(dtype))
    raise DataError(f"unknown scale of pixels {pixels!r}; use one of {', '.join(PIXELS)}")


def gcn(pictures: Tensor) -> Tensor:
    """Global contrast normalisation of pictures (..., d), raw values 0..255: each to mean 0 and L2 norm 55.

    The authors' settings (their CIFAR-10 yaml files): the mean over all d values is taken off, and the rest
    scaled to norm 55; no standard deviation, nothing added to the norm; a norm below 1e-8 counts as 1.
    """
    centred = pictures - pictures.mean(-1, keepdim=True)
    norm = torch.linalg.vector_norm(centred, dim=-1, keepdim=True)
    return centred * (GCN_NORM / torch.where(norm < GCN_LEAST, torch.ones_like(norm), norm))


def shown(x: Tensor, pixels: str = "unit", largest: float | None = None) -> Tensor:
    """Pictures as the nets see them, (n, d), to [0, 1] for the eye.

    "unit": as they are. "gcn": divided by the largest |value| among them all, as the authors' show_samples does, and
    [-1, 1] moved to [0, 1]; their colours are then those of a normalised picture, and depend on what is beside them.
    `largest` divides by that instead, and what is beyond is cut off: for pictures that are shown one after the other.
    """
    if pixels == "unit":
        return x
    if pixels == "gcn":
        most = x.abs().max() if largest is None else torch.tensor(largest)
        return (x / most.clamp_min(torch.finfo(x.dtype).tiny) + 1).clamp(0, 2) / 2
    raise DataError(f"unknown scale of pixels {pixels!r}; use one of {', '.join(PIXELS)}")


def mean_picture(pictures: Tensor) -> Tensor:
    """The mean of uint8 pictures (n, d), scaled to [0, 1]: (d,) float64, exact, with no float copy of them all."""
    return pictures.sum(0, dtype=torch.int64).double() / len(pictures) / 255
