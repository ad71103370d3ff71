"""The Parzen ruler under a person's hands: how wide the Gaussians are, and how many samples they stand on.

from ganlib.widgets import Ruler, show

show(Ruler({"real digits": table_of_digits, "samples of G": table_of_samples}))
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

import numpy as np

from ganlib.controls import Choice
from ganlib.errors import DataError, brief
from ganlib.picture import Line, Mark, Panel, Picture
from ganlib.studies.table_1 import ScoreTable
from ganlib.widgets.sliders import Sliders

PAPER_SIGMA = 0.1668  # where the slider begins: of the paper's ten values the one that its protocol takes for MNIST
STYLES = ("data", "G", "other", "V", "D")
TICKS = [n for i in range(7) for n in (10**i, 3 * 10**i)]
LOW = 400.0  # nats shown below the best score: what lies lower leaves the picture


class Ruler(Sliders):
    """A demo with a slider for sigma and one for the number of centres, over tables of one grid (`score_table`).

    Up to five tables by name, the data's first, then the samples'. Both sliders have the tables' entries as places, so
    that a move costs next to nothing. Raises `DataError` when the tables do not fit.
    """

    def __init__(self, tables: Mapping[str, ScoreTable], *, title: str = "The Parzen ruler") -> None:
        sigmas, numbers = (grid.tolist() for grid in _grid(tables))
        start = min(sigmas, key=lambda sigma: abs(np.log(sigma / PAPER_SIGMA)))
        width = Choice(sigmas, start, "σ", "The width of the Gaussian on each centre", "{:.3f}".format, slide=True)
        many = Choice(numbers, numbers[-1], "centres", "How many Gaussians there are", "{:,}".format, slide=True)
        super().__init__(partial(cuts, tables), title=title, sigma=width, centres=many)


def cuts(tables: Mapping[str, ScoreTable], sigma: float, centres: int) -> Picture:
    """Both cuts through the tables at their entry nearest to (sigma, centres)."""
    sigmas, numbers = _grid(tables)
    best = max(table.means.max() for table in tables.values())
    low, high = 50 * np.floor((best - LOW) / 50), 50 * np.ceil(best / 50)
    j, k = int(np.abs(np.log(sigmas / sigma)).argmin()), int(np.abs(numbers - centres).argmin())
    sigma, centres, at = float(sigmas[j]), int(numbers[k]), np.log10(numbers)
    across, along, here, there, told = [], [], [], [], []
    for style, (name, table) in zip(STYLES, tables.items()):
        value, top = float(table.means[k, j]), int(table.means[k].argmax())
        across.append(Line(sigmas, table.means[k], name, style, f"{value:.0f}"))
        along.append(Line(at, table.means[:, j], name, style))
        if low <= value <= high:
            here.append(Mark(sigma, value, style=style, moves=("sigma", None)))
            there.append(Mark(at[k], value, style=style))
        told.append(f"{name} {value:.1f} (best {table.means[k, top]:.1f} at {sigmas[top]:.3f})")
    x, y, decades = (sigmas[0], sigmas[-1]), (low, high), (at[0], at[-1] + 0.05)  # room for the marks at the end
    ticks = [(float(np.log10(n)), f"{n:,}") for n in TICKS if numbers[0] <= n <= numbers[-1]]
    left = Panel(f"With {centres:,} centres", across, x, y, "σ", "nats", marks=here, at=(0, 0, 12, 7))
    right = Panel(f"At σ {sigma:.3f}", along, decades, y, "centres", marks=there, at=(0, 7, 12, 5), x_ticks=ticks)
    where = f"σ {sigma:.3f}, {centres:,} centres, {next(iter(tables.values())).n_test:,} pictures scored"
    return Picture([left, right], f"{where}, nats: {'; '.join(told)}.")


def _grid(tables: Mapping[str, ScoreTable]) -> tuple[np.ndarray, np.ndarray]:
    """The sigmas (to four digits, as they are set and said) and the numbers that all tables have in common."""
    if not 1 <= len(tables) <= len(STYLES):
        raise DataError(f"{len(tables)} tables; the ruler takes one to {len(STYLES)}")
    first = next(iter(tables.values()))
    if min(len(first.sigmas), len(first.numbers)) < 2:
        raise DataError("the tables need two sigmas and two numbers of centres or more, for the sliders to move")
    for name, table in tables.items():
        if not (np.array_equal(table.sigmas, first.sigmas) and np.array_equal(table.numbers, first.numbers)):
            raise DataError(f"the table of {brief(name)} has other sigmas or numbers than the first one")
    return np.array([float(f"{sigma:.4g}") for sigma in first.sigmas]), first.numbers
