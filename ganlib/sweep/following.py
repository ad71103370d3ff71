"""Following a sweep while it goes on, from anywhere that sees its folder."""

import time
from pathlib import Path
from typing import Any

from ganlib.densities import Density
from ganlib.errors import CheckpointError, door
from ganlib.studies.grids import Results, load_results
from ganlib.sweep.gathering import Found
from ganlib.sweep.planning import DENSITIES

LOOK = 1.0  # seconds between two looks into the folder


class Following:
    """The grid of a sweep that goes on somewhere: what `ToySweep` is to an explorer, but it only looks.

    `source` is the folder of a sweep, and `values` chooses among fields that vary beside k and the rates.
    """

    def __init__(self, source: Path | str, **values: Any):
        self.found, self.values = Found(source), values
        self.found.look()
        self.results = self.found.grid(**values)
        self.version, self._looked = 0, time.monotonic()

    @property
    def p_data(self) -> Density | None:
        """The density of toys."""
        data = self.found.fixed(**self.values).get("data", self.found.plan.recipe.data)
        return DENSITIES[data] if self.found.plan.toys else None

    @property
    def finished(self) -> bool:
        """Whether every run of the sweep has its result."""
        return len(self.found.results) == len(self.found.plan)

    @property
    def done(self) -> float:
        """The share of the sweep that is done, 0 to 1."""
        under_way = sum(len(rows) for rows in self.found.live.values()) / self.found.plan.records
        return min(1.0, (len(self.found.results) + under_way) / len(self.found.plan))

    @property
    def rest(self) -> float:
        """Seconds until the next look."""
        return max(0.0, self._looked + LOOK - time.monotonic())

    def advance(self, seconds: float) -> None:
        """Look into the folder, when the time has come."""
        if self.rest <= 0:
            self.look()

    def look(self) -> None:
        """Look into the folder now."""
        self._looked = time.monotonic()
        if self.found.look():
            self.results, self.version = self.found.grid(**self.values), self.version + 1

    def finish(self, *, progress: bool = True) -> bool:
        """Wait for the end of the sweep; True when it was reached."""
        try:
            while not self.finished:
                time.sleep(LOOK)
                self.look()
        except KeyboardInterrupt:
            print("No longer waiting. The sweep goes on.")
        return self.finished

    def code(self, k: int, lr_D: float, lr_G: float, seed: int) -> list[str]:
        """Lines that play one run by itself, as they stand."""
        chosen = {name: value for name, value in {"k": k, "lr_D": lr_D, "lr_G": lr_G}.items() if name in self._axes}
        number = self.found.plan.number(self.found.fixed(**self.values) | chosen, seed)
        made = f'run = sweep.game("{self.found.home}", {number})'
        return ["from ganlib import sweep", made, "while not run.finished: run.advance()", "print(run.rows[-1])"]

    @property
    def _axes(self) -> dict[str, Any]:
        return self.found.plan.axes


@door(CheckpointError)
def read(source: Path | str, **values: Any) -> Results | Following:
    """The grid of a sweep's folder, followed while it goes on, or of a file that `gather` or `Results` wrote."""
    path = Path(source)
    if path.is_file():
        return load_results(path)
    return Following(path, **values)
