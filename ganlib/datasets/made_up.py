"""Made-up pictures, always the same ones: to test the machinery, not to learn from."""

from __future__ import annotations

import numpy as np

from ganlib.datasets.dataset import Dataset, classes, fifths, rows, split
from ganlib.datasets.record import Record

SHAPES = {"synthetic": (1, 28, 28), "synthetic-faces": (1, 48, 48), "synthetic-cifar10": (3, 32, 32)}
FACTS = {"included": "made up on the spot", "note": "made-up blobs, not real pictures"}
RECORDS = {name: Record(name, shape, **FACTS) for name, shape in SHAPES.items()}
N = 3_000  # pictures in each: 2,000 / 500 / 500


def load(name: str) -> Dataset:
    """The made-up set of that name, with labels that say where its blobs are."""
    make = {"synthetic": _digits, "synthetic-faces": _faces, "synthetic-cifar10": _scenes}[name]
    made, labels = make(np.random.default_rng(0))
    pictures, kinds = rows(made), classes(labels)
    pairs = [(pictures[part], kinds[part]) for part in (slice(2_000), slice(2_000, 2_500), slice(2_500, N))]
    folds = fifths(pairs[1][0], pairs[2][0]) if name == "synthetic-faces" else ()
    return split(RECORDS[name], *pairs, source="made up by ganlib", folds=folds)


def _digits(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """A round blob at a random place; its label says whether it lies to the right."""
    y, x = np.mgrid[:28, :28]
    centre = rng.uniform(8, 20, (2, N, 1, 1))
    blobs = np.exp(-((x - centre[0]) ** 2 + (y - centre[1]) ** 2) / 18)
    return (255 * blobs).astype(np.uint8), centre[0, :, 0, 0] > 14


def _faces(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """An oval with two eyes and a mouth, a little moved; its label says whether it lies to the right."""
    y, x = np.mgrid[:48, :48].astype(np.float32)
    right, down = rng.uniform(-4, 4, (2, N, 1, 1)).astype(np.float32)

    def blob(at_x: float, at_y: float, width: float, height: float) -> np.ndarray:
        """A soft ellipse of that size at that place, moved with the face."""
        along, across = (x - 24 - at_x - right) / width, (y - 24 - at_y - down) / height
        return np.exp(-(along**2) - across**2)

    light = rng.uniform(150, 230, (N, 1, 1)).astype(np.float32) * np.minimum(1, 1.6 * blob(0, 0, 15, 20))
    dark = blob(-6, -6, 3, 2) + blob(6, -6, 3, 2) + blob(0, 9, 6, 2)
    return (light * (1 - 0.8 * dark.clip(0, 1))).astype(np.uint8), right[:, 0, 0] > 0


def _scenes(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """A coloured blob before a background of another colour; its label, 0 to 9, goes with the blob's place."""
    y, x = np.mgrid[:32, :32].astype(np.float32)
    centre = rng.uniform(8, 24, (2, N, 1, 1, 1)).astype(np.float32)
    colours = rng.uniform(0, 255, (2, N, 3, 1, 1)).astype(np.float32)
    share = np.exp(-((x - centre[0]) ** 2 + (y - centre[1]) ** 2) / 40)  # (N, 1, 32, 32)
    made = colours[0] + share * (colours[1] - colours[0])  # (N, 3, 32, 32)
    return made.astype(np.uint8), ((centre[0, :, 0, 0, 0] - 8) / 1.6).astype(np.int64).clip(0, 9)
