"""A game small enough for a test: 12 pixels, a handful of units, two or three minibatches an epoch."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import torch

from ganlib import MNIST, Dataset, Recipe
from ganlib.nets import Layer

RECIPE = dataclasses.replace(
    MNIST,
    name="small",
    data="small",
    z_dim=4,
    G=(Layer(6, "relu", 0.5), Layer(5, "relu", 0.5), Layer(12, "sigmoid", 0.5, bias="marginal")),
    D=(
        Layer(4, "maxout", 0.5, pieces=5, keep=0.8),
        Layer(3, "maxout", 0.5, pieces=5, keep=0.5),
        Layer(1, "sigmoid", 0.5, keep=0.5),
    ),
    batch=10,
    momentum_epochs=3,
    epochs=6,
    n_samples=50,
)
"""The MNIST recipe in small: the same kinds of layers, the same dropout, the same schedules."""


def recipe(**changes: Any) -> Recipe:
    """The small recipe, with changes."""
    return dataclasses.replace(RECIPE, **changes)


def data(n: int = 25, seed: int = 0) -> Dataset:
    """n training pictures of 3 x 4 random pixels, no two alike, and 30 each to validate and to test."""
    rng = torch.Generator().manual_seed(seed)
    pixels = torch.randint(0, 256, (n + 60, 12), generator=rng, dtype=torch.uint8)
    labels = torch.arange(n + 60) % 10
    return Dataset(
        "small",
        (1, 3, 4),
        *pixels.split([n, 30, 30]),
        *labels.split([n, 30, 30]),
        source="made by the tests",
    )


def same(a: Any, b: Any, at: str = "state") -> None:
    """Assert that two nests of dicts, lists, tensors and plain values are equal bit for bit.

    "sessions" may differ: they say in which processes a run was trained.
    """
    assert type(a) is type(b), at
    if isinstance(a, torch.Tensor):
        assert a.dtype == b.dtype and torch.equal(a, b), at
    elif isinstance(a, dict):
        assert a.keys() == b.keys(), at
        for key in a.keys() - {"sessions"}:
            same(a[key], b[key], f"{at}.{key}")
    elif isinstance(a, list | tuple):
        assert len(a) == len(b), at
        for i, (x, y) in enumerate(zip(a, b)):
            same(x, y, f"{at}[{i}]")
    else:
        assert a == b, at


def saved(folder: Path) -> dict[str, Any]:
    """The latest checkpoint of a run."""
    return torch.load(folder / "checkpoint.pt", weights_only=True)
