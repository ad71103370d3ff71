"""From uint8 pixels to the numbers that the nets see, and back: mosaics, PNG, filters, the nearest example."""

import io
import math
from typing import Annotated

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from ganlib.errors import DataError, Floats, Within, brief, door

PIXELS = ("unit", "gcn")
"""How a recipe scales pictures: "unit" to [0, 1]; "gcn", global contrast normalisation (the CIFAR-10 recipes)."""
GCN_NORM = 55.0  # the L2 norm of a picture after global contrast normalisation
GCN_LEAST = 1e-8  # a picture is divided by its centred norm / 55; where that is below this, by 1


@door(DataError)
def scale(pictures: Tensor, dtype: torch.dtype = torch.float32, pixels: str = "unit") -> Tensor:
    """uint8 pictures (..., d), a row a picture, to the numbers that a recipe's nets see: "unit" or "gcn"."""
    if pictures.dtype != torch.uint8 or not dtype.is_floating_point:
        raise DataError(f"pictures are {pictures.dtype}, to be {dtype}; scale takes uint8 on 0..255 to a floating type")
    if pixels == "unit":
        return pictures.to(dtype) / 255
    if pixels == "gcn":
        return gcn(pictures.to(dtype))
    raise _unknown(pixels)


def _unknown(pixels: str) -> DataError:
    return DataError(f"unknown scale of pixels {brief(pixels)}; use one of {', '.join(PIXELS)}")


@door(DataError)
def gcn(pictures: Annotated[Tensor, Floats()]) -> Tensor:
    """Global contrast normalisation of pictures (..., d), raw values 0..255: each to mean 0 and L2 norm 55.

    As in the authors' CIFAR-10 yaml files: no standard deviation, nothing added to the norm, and in the order of
    pylearn2: the mean off, then divided by norm / 55. A flat picture is divided by 1, so it stays what it is, centred.
    """
    centred = pictures - pictures.mean(-1, keepdim=True)
    divisor = torch.linalg.vector_norm(centred, dim=-1, keepdim=True) / GCN_NORM
    return centred / torch.where(divisor < GCN_LEAST, torch.ones_like(divisor), divisor)


@door(DataError)
def shown(x: Annotated[Tensor, Floats()], pixels: str = "unit", largest: float | None = None) -> Tensor:
    """Pictures as the nets see them, (n, d), to [0, 1] for the eye.

    "unit": as they are. "gcn": divided by the largest |value| among them all, as the authors' scripts for Figures 2c
    and 2d do with their 20 samples, and [-1, 1] moved to [0, 1]; the colours then depend on what is shown together.
    `largest` divides by that instead, and what is beyond is cut off: for pictures that are shown one after the other.
    """
    if pixels == "unit":
        return x
    if pixels == "gcn":
        most = x.abs().max() if largest is None else torch.tensor(largest)
        return (x / most.clamp_min(torch.finfo(x.dtype).tiny) + 1).clamp(0, 2) / 2
    raise _unknown(pixels)


@door(DataError)
def shown_beside(
    samples: Annotated[Tensor, Floats()], neighbours: Annotated[Tensor, Floats()], pixels: str = "unit"
) -> tuple[Tensor, Tensor]:
    """Samples (n, d) and the real pictures (k, d) beside them in Figure 2, to [0, 1] for the eye.

    "gcn": all divided by the largest |value| among the samples alone, as in the authors' scripts for Figures 2c and 2d,
    so that the neighbours do not change how the samples look. What is beyond it in a neighbour is cut off.
    """
    largest = samples.abs().max().item()
    return shown(samples, pixels, largest), shown(neighbours, pixels, largest)


@door(DataError)
def mean_picture(pictures: Tensor) -> Tensor:
    """The mean of uint8 pictures (n, d), scaled to [0, 1]: (d,) float64, exact, with no float copy of them all."""
    if pictures.dtype != torch.uint8 or pictures.ndim != 2 or not len(pictures):
        raise DataError(f"pictures are {pictures.dtype} {tuple(pictures.shape)}; a mean takes uint8 (n, d), n > 0")
    return pictures.sum(0, dtype=torch.int64).double() / len(pictures) / 255


Side = Annotated[int, Within(1, 10_000)]
Pictures = Annotated[Tensor, Floats(2)]
Shape = tuple[Side, Side, Side]  # (channels, height, width)


@door(DataError)
def tiles(pictures: Pictures, shape: Shape) -> np.ndarray:
    """Pictures (n, d) in [0, 1] as uint8 images: (n, height, width) when grey, (n, height, width, 3) in colour."""
    channels, height, width = shape
    if pictures.shape[1] != math.prod(shape) or channels not in (1, 3):
        what = f"images of {shape}, of 1 or 3 channels, take (n, {math.prod(shape)})"
        raise DataError(f"pictures are {tuple(pictures.shape)}; {what}")
    levels = pictures.detach().float().cpu().clamp(0, 1).mul(255).round().to(torch.uint8)
    images = levels.reshape(-1, channels, height, width).permute(0, 2, 3, 1).numpy()
    return images[..., 0] if channels == 1 else images


Columns = Annotated[int, Within(1, 1_000)]
Gap = Annotated[int, Within(0, 100)]
Level = Annotated[int, Within(0, 255)]


@door(DataError)
def mosaic(pictures: Pictures, shape: Shape, columns: Columns, gap: Gap = 1, paper: Level = 255) -> np.ndarray:
    """Pictures (n, d) in [0, 1] in rows of `columns`, `gap` pixels of `paper` between: uint8 (H, W) or (H, W, 3)."""
    return in_rows(tiles(pictures, shape), columns, gap, paper)


@door(DataError)
def in_rows(images: np.ndarray, columns: Columns, gap: Gap, paper: Level) -> np.ndarray:
    """Images (n, height, width, ...) in rows of `columns`, `gap` pixels of `paper` between: uint8 (H, W, ...)."""
    if images.dtype != np.uint8 or images.ndim not in (3, 4) or 0 in images.shape[1:]:
        raise DataError(f"images are {images.dtype} {images.shape}; give uint8 (n, height, width, ...)")
    n, height, width, *channels = images.shape
    rows = max(1, -(-n // columns))
    cells = np.full((rows * columns, height + gap, width + gap, *channels), paper, np.uint8)
    cells[:n, :height, :width] = images
    sheet = cells.reshape(rows, columns, *cells.shape[1:]).swapaxes(1, 2)
    sheet = sheet.reshape(rows * (height + gap), columns * (width + gap), *channels)
    return sheet[: len(sheet) - gap, : sheet.shape[1] - gap]


@door(DataError)
def png(sheet: np.ndarray, zoom: Annotated[int, Within(1, 100)] = 1) -> bytes:
    """A uint8 sheet, (H, W) or (H, W, 3), as the bytes of a PNG file; each pixel `zoom` wide."""
    if sheet.dtype != np.uint8 or sheet.ndim not in (2, 3) or sheet.shape[2:] not in ((), (3,), (4,)) or not sheet.size:
        raise DataError(f"a sheet is {sheet.dtype} {sheet.shape}; a PNG takes uint8 (H, W) or (H, W, 3)")
    file = io.BytesIO()
    Image.fromarray(sheet.repeat(zoom, 0).repeat(zoom, 1)).save(file, "PNG")
    return file.getvalue()


@door(DataError)
def filters(weight: Annotated[Tensor, Floats()]) -> Tensor:
    """A first layer's weights (n, ...) as pictures (n, d) in [0, 1], grey at 0, each by its own largest |weight|."""
    flat = weight.detach().float().cpu().reshape(len(weight), -1)
    return (flat / flat.abs().amax(1, keepdim=True).clamp_min(torch.finfo(flat.dtype).tiny) + 1) / 2


@door(DataError)
def nearest(
    queries: Pictures, pictures: Tensor, chunk: Annotated[int, Within(1)] = 10_000, pixels: str = "unit"
) -> tuple[Tensor, Tensor]:
    """For each query (n, d) the index of the closest of `pictures` (N, d) uint8, and its L2 distance.

    Pixel by pixel, the distance of Figure 2, between pictures as the nets see them (`pixels`: "unit" or "gcn"); the
    first of those equally near. Returns (n,) int64 and (n,) float32.
    """
    shapes = tuple(queries.shape), tuple(pictures.shape)
    if not queries.ndim == pictures.ndim == 2 or shapes[0][1] != shapes[1][1] or 0 in (len(queries), len(pictures)):
        raise DataError(f"nearest takes (n, d) and (N, d), n and N > 0; got {shapes[0]}, {shapes[1]}")
    exact = "donot_use_mm_for_euclid_dist"  # by matrix products a picture would lie 0.01 away from itself
    best, index = torch.full((len(queries),), torch.inf), torch.zeros(len(queries), dtype=torch.int64)
    for start in range(0, len(pictures), chunk):
        some = scale(pictures[start : start + chunk].cpu(), pixels=pixels)
        distance = torch.cdist(queries.float().cpu(), some, compute_mode=exact)  # (n, chunk)
        here, at = distance.min(1)
        index, best = torch.where(here < best, at + start, index), torch.minimum(here, best)
    return index, best
