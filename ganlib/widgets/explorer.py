"""The explorer: heatmaps over k and both players' rates, and the curves of the runs behind each cell."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from ganlib import plots
from ganlib.errors import RecipeError
from ganlib.game import MINUS_LOG_4
from ganlib.plots import BLUE, GREEN, VERMILION
from ganlib.studies.sweeps import COLLAPSED, DIVERGED, MnistSweep, Results, ToySweep, seeds_mean
from ganlib.widgets.explorer_engine import ExplorerEngine
from ganlib.widgets.preview import DPI, finish, level, png
from ganlib.widgets.protocol import LiveWidget, call, cell_key, script, style

JSD_LIMITS = (0.015, math.log(2))
"""The ends of the colours for JSDs, nats; the page has the same."""
_SEEDS = ("-", (0, (6, 3)), (0, (2, 2)), (0, (8, 3, 2, 3)))
_TITLE: dict[str, Any] = {"loc": "left", "fontsize": 9}


class Explorer(LiveWidget):
    """Look around in a grid of runs: every k with every rate of D and of G, over seeds.

        explorer = Explorer(ToySweep(TOY, Gaussian(0, 1)), load_results())
        show(explorer)          # the widget; it waits for its start button
        explorer.finish()       # or train the whole grid here and now
        explorer.results().score

    Each of the two grids is a sweep, which trains in the background, or the `Results` of one that has been trained
    before, which are shown and called so. Moving the mouse over the heatmap, or the arrow keys, choose a cell.
    """

    _esm = script("link.js", "canvas.js", "controls.js", "view.js", "heatmap.js", "explorer.js")
    _css = style("live.css", "explorer.css")

    def __init__(self, toy: ToySweep | Results | None = None, mnist: MnistSweep | Results | None = None) -> None:
        super().__init__(ExplorerEngine(toy, mnist), key=cell_key(type(self).__name__))

    def start(self, kind: str = "toy") -> None:
        """Train that grid in the background, or go on: "toy" or "mnist"."""
        self._background.call(call("start", tab=kind))

    def pause(self) -> None:
        """Rest where the training is."""
        self._background.call(call("pause"))

    def reset(self, kind: str = "toy") -> None:
        """Every run of that grid back to its start."""
        self._background.call(call("reset", tab=kind))

    def finish(self, kind: str = "toy", *, progress: bool = True) -> Results:
        """Train that grid to its end here and now, if it trains at all; its results.

        Interrupted, it goes on from there when called again.
        """
        results = self.results(kind)
        if isinstance(self._engine.sources[kind], Results):
            return results
        self._engine.finish(kind, progress=progress)
        self._background.call(call("pause"))  # shows it
        return self._engine.results(kind)

    def results(self, kind: str = "toy") -> Results:
        """What that grid has measured so far."""
        if kind not in self._engine.sources:
            raise RecipeError(f"there is no grid {kind!r}; there are: {', '.join(self._engine.sources)}")
        return self._engine.results(kind)

    @property
    def engine(self) -> ExplorerEngine:
        """The demo without its front end."""
        return self._engine

    def preview(self, kind: str = "toy", *, k: int | None = None, finish: bool = False) -> bytes:
        """A PNG of a grid as it is: the slice of that k (None: the smallest), and the curves of its best cell.

        With `finish`, the grid is first trained to its end.
        """
        if finish:
            self.finish(kind, progress=False)
        results = self.results(kind if kind in self._engine.sources else next(iter(self._engine.sources)))
        return explorer_picture(results, results.grid.ks[0] if k is None else k)


def explorer_picture(results: Results, k: int) -> bytes:
    """The heatmap of one k, and the curves of its best cell: the bytes of a PNG file."""
    if k not in results.grid.ks:
        raise RecipeError(f"k is {k!r}; this grid has {', '.join(map(str, results.grid.ks))}")
    i = results.grid.ks.index(k)
    figure = Figure(figsize=(9.6, 4.4), dpi=DPI, facecolor="white", layout="constrained")
    parts = figure.add_gridspec(2, 2, width_ratios=(1.05, 1))
    best = heat(results, i, figure.add_subplot(parts[:, 0]))
    _charts(results, (i, *best), figure.add_subplot(parts[0, 1]), figure.add_subplot(parts[1, 1]))
    return png(figure)


def heat(results: Results, i: int, ax: Any) -> tuple[int, int]:
    """Draw the heatmap of the i-th k, the mean over the seeds; return the place of its best cell."""
    toy = results.kind == "toy"
    mean = seeds_mean(results.score[i])
    marks = {"×": results.share(DIVERGED)[i], "o": results.share(COLLAPSED)[i]}
    words = "final JSD, nats" if toy else "Parzen score, nats"
    title = f"{words}; k = {results.grid.ks[i]}, mean of {len(results.grid.seeds)} seeds (× diverged, o collapsed)"
    colours = {"log": True, "limits": JSD_LIMITS} if toy else {}
    ax.tick_params(labelsize=8)
    plots.heatmap(mean, results.grid.lrs_D, results.grid.lrs_G, marks=marks, ax=ax, **colours)
    ax.set_title(title, **_TITLE)
    if not np.isfinite(mean).any():
        return 0, 0
    best = np.nanargmin(mean if toy else -mean)
    return tuple(map(int, np.unravel_index(best, mean.shape)))


def _charts(results: Results, at: tuple[int, int, int], above: Any, below: Any) -> None:
    """One cell's curves: its score for each seed; V with C, or with what D says."""
    grid, x = results.grid, results.updates
    toy = results.kind == "toy"
    name = "JSD" if toy else "score"
    for i, curve in enumerate(results.curves[name][at]):
        above.plot(x, curve, color=GREEN, linewidth=1.2, alpha=0.9, linestyle=_SEEDS[i % len(_SEEDS)])
    where = f"k = {grid.ks[at[0]]}, D's rate {grid.lrs_D[at[1]]:g}, G's rate {grid.lrs_G[at[2]]:g}"
    above.set_title(f"The best cell: {where}; {'JSD' if toy else 'Parzen score'} by seed", **_TITLE)
    lines = (("C", BLUE, (0, (5, 2))), ("V", VERMILION, "-")) if toy else (("V", VERMILION, "-"),)
    for name, colour, dashes in lines:
        below.plot(x, seeds_mean(results.curves[name][at].T), color=colour, linestyle=dashes, label=name)
    level(below, MINUS_LOG_4, "−log 4")
    below.legend(fontsize=7.5, frameon=False, ncols=2)
    below.set_title("V(D, G) and C(G), nats" if toy else "V(D, G), nats", **_TITLE)
    below.set_xlabel("updates of either player", fontsize=8)
    for axes in (above, below):
        finish(axes, int(x[-1]))
