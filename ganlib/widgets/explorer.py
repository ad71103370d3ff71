"""The explorer: heat maps over k and both players' rates, and the curves of the runs behind each cell."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from ganlib.errors import CheckpointError, door
from ganlib.studies.grids import Results
from ganlib.sweep.following import Following, read
from ganlib.widgets.demo import Demo, cell_key
from ganlib.widgets.explorer_engine import ExplorerEngine, Grids
from ganlib.widgets.follower import FollowerEngine


class Opening:
    """`Explorer.open(source)`; a widget that is there keeps the `open` of all widgets, which connects it to a page."""

    def __get__(self, widget: Explorer | None, kind: type[Explorer]) -> Callable[..., Any]:
        return partial(opened, kind) if widget is None else super(Explorer, widget).open


@door(CheckpointError)
def opened(kind: type, source: Path | str, **values: Any) -> Explorer:
    """The sweep in a folder (`ganlib.sweep`), followed while it goes on; or a file of results, as it is.

    `values` choose where more varies than k, the rates and seeds: Explorer.open("sweeps/mine", p_z="normal").
    """
    explorer = kind(read(source, **values))
    if isinstance(explorer.engine, FollowerEngine):
        explorer.start()
    return explorer


class Explorer(Demo):
    """Look around in a grid of runs: every k with every rate of D and of G, over seeds.

        explorer = Explorer(ToySweep(TOY, Gaussian(0, 1)))
        show(explorer)          # the widget; it waits for its start button
        explorer.finish()       # or train the whole grid here and now
        explorer.results.score

    `source` is a sweep, which trains in the background, or the `Results` of one that has been trained before, which are
    shown and called so. `Explorer.open` follows a sweep that goes on elsewhere. Moving the mouse over the heat map, or
    the arrow keys, choose a cell.
    """

    def __init__(self, source: Grids) -> None:
        engine = FollowerEngine if isinstance(source, Following) else ExplorerEngine
        super().__init__(engine(source), key=cell_key(type(self).__name__))

    open = Opening()

    def finish(self, *, progress: bool = True) -> Results:
        """Train the grid to its end here and now, if it trains at all; after an interrupt, from there. Its results."""
        if not isinstance(self.engine.source, Results):
            self.engine.finish(progress=progress)
            self.pause()  # shows it
        return self.results

    @property
    def results(self) -> Results:
        """What the grid has measured so far."""
        self.engine.take()
        return self.engine.results

    def preview(self, *, finish: bool = False) -> bytes:
        """A PNG of the grid as it is, its best cell chosen; with `finish` the grid is first trained to its end."""
        if finish:
            self.finish(progress=False)
        engine = self.engine
        engine.take()
        chosen = dict(engine.values)
        engine.values |= engine.best()
        try:
            return engine.png()
        finally:
            engine.values = chosen
