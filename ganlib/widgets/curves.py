"""The curves of a run, kept short: a table that halves its resolution whenever it is full."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ganlib.picture import Range, quantile_range

POINTS = 600
"""Rows at the most: about as many as a chart has pixels."""


class Curves:
    """Rows of numbers over the steps of a run, each the mean of `stride` steps in a row.

    When `points` rows are full, neighbours are merged and `stride` doubles: a run of any length stays this cheap.
    """

    def __init__(self, columns: int, points: int = POINTS):
        if points < 2 or points % 2:
            raise ValueError(f"points is {points}; it must be an even number >= 2")
        self.columns, self.points = columns, points
        self.clear()

    def clear(self) -> None:
        """Forget everything."""
        self.stride = 1
        self._table = np.empty((self.points, self.columns))
        self._rows = 0
        self._sum = np.zeros(self.columns)
        self._summed = 0

    def add(self, step: float, values: tuple[float, ...]) -> None:
        """Add one step: its number, and the `columns - 1` values it measured."""
        self._sum += (step, *values)
        self._summed += 1
        if self._summed < self.stride:
            return
        if self._rows == self.points:  # each pair of neighbours becomes one
            pairs = self._table.reshape(-1, 2, self.columns)
            self._rows, self.stride = self.points // 2, 2 * self.stride
            self._table[: self._rows, 0], self._table[: self._rows, 1:] = pairs[:, 1, 0], pairs[:, :, 1:].mean(1)
            return
        self._table[self._rows] = self._sum / self._summed
        self._table[self._rows, 0] = step
        self._rows += 1
        self._sum[:] = 0
        self._summed = 0

    def cut(self, step: float) -> None:
        """Forget the rows of `step` and of those after it."""
        self._rows = int((self._table[: self._rows, 0] < step).sum())
        self._sum[:] = 0
        self._summed = 0

    def rows(self) -> np.ndarray:
        """The table as it is now: (rows, columns), the step (of each row's last step) in column 0; a copy."""
        return self._table[: self._rows].copy()


class Ranges:
    """The ranges of a demo's axes, by name: they widen as the curves do, and never leap back while a game goes on."""

    def __init__(self) -> None:
        self._ends: dict[str, Range] = {}

    def clear(self) -> None:
        """Begin anew, as after a reset."""
        self._ends.clear()

    def around(self, name: str, curves: Sequence[np.ndarray], include: Range) -> Range:
        """Round numbers around the curves, by quantiles, and around all that this axis has shown so far."""
        low, high = quantile_range(curves, include)
        before = self._ends.get(name, (low, high))
        self._ends[name] = min(low, before[0]), max(high, before[1])
        return self._ends[name]
