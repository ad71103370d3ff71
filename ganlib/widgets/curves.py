"""The curves of a run, kept short: a table that halves its resolution whenever it is full."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

POINTS = 2_000
"""Rows at the most; the browser draws no more than that."""
MARKS = 50
"""Marks at the most; the oldest go."""
Mark = tuple[int, str, Any]
"""Where on the curves a control was changed, which one, and its new value."""


def marked(marks: Sequence[Mark], mark: Mark, *, near: int) -> list[Mark]:
    """The marks with one more, which replaces the last one if that is of the same control and at most `near` away."""
    if marks and marks[-1][1] == mark[1] and mark[0] - marks[-1][0] <= near:
        marks = marks[:-1]
    return [*marks[-MARKS + 1 :], mark]


class Curves:
    """Rows of numbers over the steps of a run, each the mean of `stride` steps in a row.

    When `points` rows are full, neighbours are merged and `stride` doubles: a run of any length stays this cheap.
    `generation` counts up whenever the rows begin anew, so that a reader that has the first n rows of the same
    generation needs only the rest. A row that was handed out is never written again: readers need no lock.
    """

    def __init__(self, columns: int, points: int = POINTS):
        if points < 2 or points % 2:
            raise ValueError(f"points is {points}; it must be an even number >= 2")
        self.columns, self.points = columns, points
        self.generation = 0
        self.clear()

    def clear(self) -> None:
        """Forget everything."""
        self.stride = 1
        self.generation += 1
        self._table = np.empty((self.points, self.columns), np.float32)
        self._rows = 0
        self._sum = np.zeros(self.columns)
        self._summed = 0

    def add(self, step: int, values: tuple[float, ...]) -> None:
        """Add one step: its number, and the `columns - 1` values it measured."""
        self._sum += (step, *values)
        self._summed += 1
        if self._summed < self.stride:
            return
        if self._rows == self.points:
            self._halve()
            if self._summed < self.stride:
                return
        self._table[self._rows] = self._sum / self._summed
        self._table[self._rows, 0] = step
        self._rows += 1
        self._sum[:] = 0
        self._summed = 0

    def _halve(self) -> None:
        pairs = self._table.reshape(-1, 2, self.columns)
        table = np.empty_like(self._table)
        self._rows = self.points // 2
        table[: self._rows] = pairs.mean(1)
        table[: self._rows, 0] = pairs[:, 1, 0]
        self._table = table  # a new one: who holds the old rows may go on reading them
        self.stride *= 2
        self.generation += 1

    def rows(self) -> np.ndarray:
        """The table as it is now: (rows, columns) float32, the step (of each row's last step) in column 0."""
        return self._table[: self._rows]
