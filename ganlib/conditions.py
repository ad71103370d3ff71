"""What G and D are given: a class, the left half of a picture, or all of it but what a mask hides (section 7).

Each example has a row c of numbers. G reads (z, c), D looks at x beside c, and nothing else in the game changes: at the
best D, V is -log 4 plus twice the Jensen-Shannon divergence of p_data(x | c) and p_g(x | c), averaged over c.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from ganlib.errors import DataError, RecipeError, Within, brief, door
from ganlib.nets import Generator

CONDITIONS = ("", "class", "left half", "mask")
Condition = Literal[CONDITIONS]
MOST = 2**31  # numbers of masks drawn at once, at the most
MASK = 0.1  # G and D read so much for a hidden pixel
Side = Annotated[int, Within(1, 10_000)]
Shape = tuple[Side, Side, Side]  # a picture's (channels, height, width)
Classes = Annotated[int, Within(2, 10_000)]
Count = Annotated[int, Within(0, 1_000_000)]


@door(RecipeError)
def widths(condition: Condition, d: Annotated[int, Within(1, 2**31)], classes: Classes) -> tuple[int, int]:
    """How many numbers G reads beside z, and D beside the d of x."""
    return {"": (0, 0), "class": (classes, classes), "left half": (d, 0), "mask": (2 * d, d)}[condition]


@door(RecipeError)
def of_class(labels: Tensor, classes: Classes, dtype: torch.dtype = torch.float32) -> Tensor:
    """c for "class": labels (m,) in 0 .. classes - 1 as rows with sqrt(classes) in their place, (m, classes).

    So the numbers of c have the mean square of those of z. With a one there G learns its c so much more slowly than D
    does that it loses (six epochs of CONDITIONAL: -173 nats against 30). D itself looks at a one.
    """
    if labels.is_floating_point() or labels.is_complex() or labels.ndim != 1 or not dtype.is_floating_point:
        raise DataError(f"labels are {brief(labels)}, to be {dtype}; they must be whole numbers (m,), to be floats")
    if labels.numel() and not 0 <= int(labels.min()) <= int(labels.max()) < classes:
        raise DataError(f"labels run from {int(labels.min())} to {int(labels.max())}; the recipe has {classes} classes")
    return functional.one_hot(labels.long(), classes).to(dtype) * math.sqrt(classes)


@door(RecipeError)
def hidden(x: Tensor, mask: Tensor) -> Tensor:
    """c for "mask": what is seen of x (m, d), 0 where mask (m, d) is 1, which means hidden; and the mask: (m, 2 d)."""
    if x.shape != mask.shape:
        raise RecipeError(f"x is {tuple(x.shape)} and its mask {tuple(mask.shape)}; both must be (m, d)")
    return torch.cat([x * (1 - mask), mask], -1)


@door(RecipeError)
def right_half(shape: Shape, like: Tensor) -> Tensor:
    """The mask (d,) that hides the right half of a picture of this shape."""
    channels, height, width = shape
    column = torch.arange(width, device=like.device) >= width // 2
    return column.expand(channels, height, width).flatten().to(like.dtype)


@door(RecipeError)
def given(
    condition: Condition, x: Tensor, labels: Tensor, shape: Shape, classes: Classes, block: Side, rng: torch.Generator
) -> Tensor | None:
    """c of the examples x (m, d): (m, numbers that G reads), or None where nothing is given. Masks come from `rng`."""
    _check_shape(x, shape)
    if condition == "class":
        return of_class(labels, classes, x.dtype).to(x.device)
    if condition == "left half":
        return x * (1 - right_half(shape, x))
    if condition == "mask":
        return hidden(x, masks(len(x), shape, block, rng).to(x.dtype))
    return None


@door(RecipeError)
def nothing(condition: Condition, n: Count, shape: Shape, classes: Classes) -> Tensor | None:
    """c of n samples where nobody gives any: the classes in turn, or all hidden. Raises `RecipeError` for halves."""
    if condition == "class":
        return of_class(torch.arange(n) % classes, classes)
    if condition == "mask":
        d = math.prod(shape)
        if n * d > MOST:
            raise RecipeError(f"{n:,} masks of {shape} are more than fit; draw fewer at once")
        return hidden(torch.zeros(n, d), torch.ones(n, d))
    if condition == "left half":
        raise RecipeError("this G draws right halves: give it left ones, samples(n, given=c)")
    return None


@door(RecipeError)
def masks(m: Count, shape: Shape, block: Side, rng: torch.Generator) -> Tensor:
    """m masks of blocks of `block` x `block` pixels, (m, d), 1 where a picture is hidden.

    A quarter each: every block hidden with a probability that is drawn for the picture; a rectangle of blocks hidden;
    all but a rectangle hidden; all hidden. The last is the game of the paper, where G needs its z: without that quarter
    it learnt to leave z alone. The sides of a rectangle are drawn evenly, so any row or column may be its border.
    """
    channels, height, width = shape
    if m * channels * height * width > MOST:
        raise RecipeError(f"{m:,} masks of {shape} are more than fit; draw fewer at once")
    if height % block or width % block:
        raise RecipeError(f"blocks of {block} do not fill pictures of {height} x {width}; use a divisor of both")
    rows, columns = height // block, width // block
    where = {"device": rng.device, "generator": rng}
    scattered = torch.rand(m, rows, columns, **where) < torch.rand(m, 1, 1, **where)
    sides = []
    for n in (rows, columns):
        a, b = torch.randint(0, n + 1, (2, m, 1), **where).sort(0).values  # from a, before b
        at = torch.arange(n, device=rng.device)
        sides.append((at >= a) & (at < b))
    rectangle = sides[0][:, :, None] & sides[1][:, None, :]
    kind = torch.randint(4, (m, 1, 1), **where)
    blocks = torch.where(kind == 0, scattered, rectangle ^ (kind == 2)) | (kind == 3)
    pixels = blocks.repeat_interleave(block, 1).repeat_interleave(block, 2)
    return pixels[:, None].expand(m, channels, height, width).flatten(1).float()


@door(RecipeError)
def completed(condition: Condition, x: Tensor, c: Tensor | None, shape: Shape) -> Tensor:
    """The whole picture (m, d) of G's x (m, d) and of what it was given: G's own numbers where nothing was."""
    _check_given(condition, x, c)
    if condition == "left half":
        _check_shape(x, shape)
    if condition == "mask":
        seen, mask = c.split(x.shape[-1], -1)
        return seen + mask * x
    if condition == "left half":
        return c + right_half(shape, x) * x
    return x


def _check_shape(x: Tensor, shape: Shape) -> None:
    if x.ndim != 2 or x.shape[1] != math.prod(shape):
        raise RecipeError(f"pictures are {brief(x)}; of the shape {shape} they must be (m, {math.prod(shape)})")


def _check_given(condition: str, x: Tensor, c: Tensor | None) -> None:
    wide = {"": None, "class": None, "left half": x.shape[-1], "mask": 2 * x.shape[-1]}[condition]
    if condition and (c is None or c.shape[:-1] != x.shape[:-1] or c.shape[-1] != (wide or c.shape[-1])):
        found = "nothing" if c is None else tuple(c.shape)
        raise RecipeError(f"{found} is given for x {tuple(x.shape)}; the condition {condition!r} takes a row for each")


@door(RecipeError)
def beside(condition: Condition, z: Tensor, c: Tensor) -> Tensor:
    """The rows that G reads: z (m, z_dim) with c beside it, of a mask a tenth, (m, z_dim + numbers)."""
    if z.shape[:-1] != c.shape[:-1]:
        raise RecipeError(f"z is {tuple(z.shape)} and what is given {tuple(c.shape)}; there must be a row for each z")
    if condition == "mask":
        seen, mask = c.chunk(2, -1)
        return torch.cat([z, seen, mask * MASK], -1)
    return torch.cat([z, c], -1)


@door(RecipeError)
def looked_at(condition: Condition, x: Tensor, c: Tensor | None) -> Tensor:
    """The rows that D looks at: whole pictures x (m, d), with their class or their mask beside them."""
    _check_given(condition, x, c)
    if condition == "class":
        return torch.cat([x, c / math.sqrt(c.shape[-1])], -1)
    return torch.cat([x, c[..., x.shape[-1] :] * MASK], -1) if condition == "mask" else x


@dataclass(frozen=True)
class Given:
    """G where something is given: from z to the rows that D looks at. `ganlib.game` takes it in G's place."""

    G: Generator
    c: Tensor  # (m, numbers that G reads)
    condition: str
    shape: Shape

    def __call__(self, z: Tensor) -> Tensor:
        """(m, z_dim) -> (m, numbers that D reads)."""
        return looked_at(self.condition, self.draw(z), self.c)

    def draw(self, z: Tensor) -> Tensor:
        """Whole pictures: (m, z_dim) -> (m, d)."""
        return completed(self.condition, self.G(beside(self.condition, z, self.c)), self.c, self.shape)

    def parameters(self) -> Iterator[nn.Parameter]:
        """G's own."""
        return self.G.parameters()


@door(RecipeError)
def some_of_each(
    labels: Tensor, n: Annotated[int, Within(0)], classes: Classes, seed: Annotated[int, Within(0, 2**63 - 1)]
) -> Tensor:
    """The rows of n labelled examples, as many of each class, drawn by the seed: (n,) int64. Raises `RecipeError`."""
    if n % classes:
        raise RecipeError(f"{n} labels cannot be shared evenly among {classes} classes; use a multiple of {classes}")
    if labels.ndim != 1:
        raise RecipeError(f"labels are {brief(labels)}; they must be (n,)")
    rng = torch.Generator().manual_seed(int(seed))
    order = torch.randperm(len(labels), generator=rng)
    each = [order[labels[order] == k][: n // classes] for k in range(classes)]
    if min(map(len, each)) < n // classes:
        raise RecipeError(f"{n} labels take {n // classes} examples of each class, and one has {min(map(len, each))}")
    return torch.cat(each)
