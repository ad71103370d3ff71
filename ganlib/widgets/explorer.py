"""The explorer: heat maps over k and both players' rates, and the curves of the runs behind each cell."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from ganlib.controls import Button, Choice
from ganlib.errors import RecipeError
from ganlib.game import MINUS_LOG_4
from ganlib.picture import Cells, Level, Line, Note, Panel, Picture, Range
from ganlib.studies.sweeps import COLLAPSED, DIVERGED, MnistSweep, Results, ToySweep, seeds_mean
from ganlib.widgets.demo import Demo, Engine, cell_key


@dataclass(frozen=True)
class Measure:
    """What a heat map shows of a run: its name, its colours' ends, and how many decimals its numbers have."""

    name: str
    title: str
    limits: Range
    log: bool = False
    digits: int = 3


MEASURES = {
    "toy": {
        "JSD": Measure("JSD(p_data ‖ p_g)", "JSD(p_data ‖ p_g), nats", (0.015, math.log(2)), True),
        "gap": Measure("C(G) − V(D, G)", "C(G) − V(D, G), nats: what D lacks", (0.003, 1), True),
        "width": Measure("width of p_g", "Width of p_g over that of p_data", (0.1, 10), True, 2),
    },
    "mnist": {
        "score": Measure("Parzen score", "Parzen score, nats (higher is better; see the text)", (-450, 0), False, 0),
        "width": Measure("spread of the samples", "Spread of the samples over that of digits", (0, 1.2), False, 2),
        "V": Measure("V(D, G)", "V(D, G), nats", (-1.4, 0), False, 2),
        "D_fake": Measure("D(G(z))", "D(G(z)), probability", (0, 0.6), False, 2),
    },
}
"""Kind of grid -> what may be shown. A colour means the same wherever a measure is drawn."""
AXES = {"k": "k", "D": "D's rate", "G": "G's rate"}
PLANES = {"D × G": ("D", "G", "k"), "k × D": ("k", "D", "G"), "k × G": ("k", "G", "D")}
"""Name -> the axis of the rows, that of the columns, and the one that a slider picks."""
MEAN = "mean of all"
OFTEN = 0.4
"""Seconds between frames at the least."""


class ExplorerEngine(Engine):
    """A grid of runs that can train here, or the `Results` of one that has been trained, and what is looked at.

    States: "idle", "running", "paused", "finished", "error", or "precomputed" for results.
    """

    title = "Explorer of k and the learning rates"
    interval = OFTEN
    STATES = {  # noqa: RUF012
        **{"idle": "Ready", "running": "Training", "paused": "Paused", "finished": "Finished", "error": "Error"},
        "precomputed": "Precomputed",
    }

    def __init__(self, source: ToySweep | MnistSweep | Results):
        if not isinstance(source, ToySweep | MnistSweep | Results):
            raise RecipeError(f"an explorer needs a ToySweep, a MnistSweep, or their Results; this is {source!r:.60}")
        self.source, self.error = source, ""
        self.results = source if isinstance(source, Results) else source.results
        """What the grid has measured so far."""
        self.kind, grid = self.results.kind, self.results.grid
        self.axes = {"k": grid.ks, "D": grid.lrs_D, "G": grid.lrs_G}
        self.measures = MEASURES[self.kind]
        self.state = self._rest()
        look, here = {"look": True, "group": "What to look at"}, {"look": True, "slide": True, "group": "Which run"}
        names = {name: measure.name for name, measure in self.measures.items()}
        last = len(self.results.updates) - 1
        axes = {
            axis: Choice(list(values), name=AXES[axis], words=plainly, **here) for axis, values in self.axes.items()
        }
        super().__init__(
            {
                "start": Button("Start", "Train every run of this grid in the background (Space)", " ", "play"),
                "pause": Button("Stop", "Rest here; Start goes on (Space)", " ", "stop"),
                "reset": Button("Reset", "Every run of this grid back to its start (R)", "r", "reset"),
                "shown": Choice(list(names), name="Colour", hint="What the heat map shows", words=names, **look),
                "plane": Choice(list(PLANES), name="Rows × columns", hint="The third axis has a slider", **look),
                "record": Choice(
                    list(range(last + 1)), last, "After", words=lambda i: f"{self.results.updates[i]:,.0f} updates",
                    slide=True, **look,
                ),
                **axes,
                "seed": Choice([MEAN, *grid.seeds], name="Seeds", hint="All of them, or one", **here),
            }
        )  # fmt: skip

    def _rest(self) -> str:
        """The state of a grid that does not train."""
        if isinstance(self.source, Results):
            return "precomputed"
        return "finished" if self.source.finished else "paused" if self.source.done > 0 else "idle"

    # -- commands ------------------------------------------------------------------------------------------------------

    @property
    def running(self) -> bool:
        """Whether `advance` trains."""
        return self.state == "running"

    def start(self) -> None:
        """Train the grid, or go on."""
        if not self._sound().finished:
            self.state = "running"

    def pause(self) -> None:
        """Rest where the training is."""
        if self.running:
            self.state = self._rest()
        if self.state != "error":
            self.take()

    def reset(self) -> None:
        """Forget what the grid has learnt: every run back to its start."""
        self._sweep().reset()
        self.error, self.state = "", "idle"
        self.take()

    def finish(self, *, progress: bool = True) -> bool:
        """Train the grid to its end here and now; True when it got there."""
        sweep = self._sound()
        try:
            return sweep.finish(progress=progress)
        finally:
            self.state = self._rest()
            self.take()

    def _sweep(self) -> ToySweep | MnistSweep:
        if isinstance(self.source, Results):
            raise RecipeError("these runs were trained before, and do not train here")
        return self.source

    def _sound(self) -> ToySweep | MnistSweep:
        """The sweep, unless an error has ended it: nobody knows what state that left it in."""
        sweep = self._sweep()
        if self.state == "error":
            raise RecipeError(f"the sweep has ended in an error, reset it first: {self.error}")
        return sweep

    def fail(self, error: BaseException) -> None:
        """Take note of an error: a command that made no sense changes nothing, any other error ends the training."""
        if isinstance(error, KeyboardInterrupt):
            self.pause()
            self.message = "Interrupted. Start goes on from here."
            return
        super().fail(error)
        if not isinstance(error, RecipeError):
            self.error = self.error if self.state == "error" else self.message  # the first cause stays
            self.state, self.message = "error", self.error

    def off(self) -> Sequence[str]:
        """The buttons that can do nothing in this state."""
        return {
            **{"precomputed": ("start", "pause", "reset"), "running": ("start",), "error": ("start", "pause")},
            "finished": ("start", "pause"),
        }.get(self.state, ("pause",))

    def retire(self) -> None:
        """Stop for good."""
        self.pause()

    # -- work ----------------------------------------------------------------------------------------------------------

    def advance(self, seconds: float) -> None:
        """Train for about so many seconds."""
        self.source.advance(seconds)
        if self.source.finished:
            self.state = "finished"
        self.take()

    def take(self) -> None:
        """Take over what the sweep has measured, where that is new."""
        if not isinstance(self.source, Results) and self.source.version != getattr(self, "_version", None):
            self.results, self._version = self.source.results, self.source.version

    # -- what there is to see ------------------------------------------------------------------------------------------

    def picture(self) -> Picture:
        """The heat map at the left; the curves of the chosen cell at the right; its numbers in words, and as code."""
        values, results = self.values, self.results
        rows, columns, third = PLANES[values["plane"]]
        at = tuple(self.axes[axis].index(values[axis]) for axis in ("k", "D", "G"))
        words = self._words(at)
        heat = Panel(
            f"{self.measures[values['shown']].title}; {AXES[third]} {plainly(values[third])}",
            cells=self._cells(rows, columns, dict(zip(("k", "D", "G"), at))),
            x_label=f"{AXES[columns]} →",
            y_label=f"{AXES[rows]} →",
            at=(0, 0, 17, 6),
            words=f"Heat map: rows {AXES[rows]}, columns {AXES[columns]}. Chosen: {words}",
        )
        done = 1.0 if isinstance(self.source, Results) else self.source.done
        readouts = [(f"{100 * done:.0f}", "% done"), (f"{math.prod(results.grid.shape):,}", "runs")]
        notes = [Note([self._code()], "This run by itself", "code")]
        if self.state == "precomputed":
            notes.insert(0, Note([self._provenance()], above=True))
        return Picture([heat, *self._curves(at)], words, readouts, notes)

    def seen(self) -> Results:
        """The results up to the record that is looked at, of the seeds that are looked at."""
        n, seed, results = self.values["record"] + 1, self.values["seed"], self.results
        s = slice(None) if seed == MEAN else slice(results.grid.seeds.index(seed), results.grid.seeds.index(seed) + 1)
        curves = {name: curve[..., s, :n] for name, curve in results.curves.items()}
        gone = results.diverged[..., s] & ~np.isfinite(curves["width"][..., -1])
        seeds = results.grid.seeds[s]
        return replace(
            results, grid=replace(results.grid, seeds=seeds), updates=results.updates[:n], curves=curves, diverged=gone
        )

    def _numbers(self, seen: Results) -> np.ndarray:
        """(K, D, G, S): what is shown of each run."""
        name = self.values["shown"]
        return seen.final("C") - seen.final("V") if name == "gap" else seen.final(name)

    def _cells(self, rows: str, columns: str, at: dict[str, int]) -> Cells:
        measure, seen = self.measures[self.values["shown"]], self.seen()
        order = ["k", "D", "G"]
        third = next(axis for axis in order if axis not in (rows, columns))

        def cut(values: np.ndarray) -> np.ndarray:
            """The slice that is shown: (K, D, G, ...) -> (rows, columns, ...)."""
            return np.moveaxis(values, [order.index(axis) for axis in (rows, columns, third)], (0, 1, 2))[
                :, :, at[third]
            ]

        mean, outcome = cut(seeds_mean(self._numbers(seen))), cut(seen.outcome)
        words = [[_signs(m, o, measure.digits) for m, o in zip(*pair)] for pair in zip(mean, outcome)]
        names = [[plainly(value) for value in self.axes[axis]] for axis in (rows, columns)]
        chosen, limits = (at[rows], at[columns]), measure.limits
        return Cells(mean, words, *names, limits, measure.log, measure.name, chosen, (columns, rows))

    def _curves(self, at: tuple[int, int, int]) -> list[Panel]:
        """One cell's curves: its score for each seed; V with C; and p_g, for toys."""
        results, x, toy = self.results, self.results.updates, self.kind == "toy"
        name = "JSD" if toy else "score"
        each = [Line(x, curve, f"seed {seed}", "G", dash=i % 4) for i, (seed, curve) in enumerate(self._each(name, at))]
        lines = [Line(x, seeds_mean(results.curves["V"][at].T), "V(D, G)", "V")]
        if toy:
            lines.append(Line(x, seeds_mean(results.curves["C"][at].T), "C(G)", "C"))
        tall = (6, 6) if toy else (8, 9)
        title = "JSD(p_data ‖ p_g), nats" if toy else "Parzen score, nats"
        found = [
            Panel(f"{title}, by seed", each, x=(0, float(x[-1])), x_label="", x_ticks=(), at=(0, 6, tall[0], 6)),
            Panel(
                *("Nats, mean of the seeds", lines), x=(0, float(x[-1])), x_label="updates of either player",
                levels=[Level(MINUS_LOG_4, "-log 4")], at=(tall[0], 6, tall[1], 6),
            ),
        ]  # fmt: skip
        if isinstance(self.source, ToySweep):
            found.append(self._densities(at))
        return found

    def _each(self, name: str, at: tuple[int, int, int]) -> list[tuple[int, np.ndarray]]:
        """The curves of a cell's seeds, each with its seed."""
        return list(zip(self.results.grid.seeds, self.results.curves[name][at]))

    def _densities(self, at: tuple[int, int, int]) -> Panel:
        edges = self.source.edges
        x = (edges[1:] + edges[:-1]) / 2
        p = self.source.p_data.pdf(x)
        lines = [Line(x, p_g, "", "G", dash=i % 4) for i, p_g in enumerate(self.source.p_g[at])]
        lines.append(Line(x, p, "p_data", "data"))
        return Panel("p_g of each seed at its last record", lines, y=(0, 1.7 * float(p.max())), at=(12, 6, 5, 6))

    def _words(self, at: tuple[int, int, int]) -> str:
        """The chosen cell in words, from the same numbers and outcomes as its colour and its signs."""
        values, seen, measure = self.values, self.seen(), self.measures[self.values["shown"]]
        rates = f"D's rate {plainly(values['D'])}, G's rate {plainly(values['G'])}"
        where = f"k = {values['k']}, {rates}"
        found, outcome = self._numbers(seen)[at], seen.outcome[at]
        known = int((outcome >= 0).sum())
        if not known:
            return f"{where}: nothing measured yet."
        found, d = found[np.isfinite(found)], measure.digits
        value = "no number left"
        if len(found):
            value = f"{measure.name} {found.mean():,.{d}f}"
            if len(found) > 1:
                value += f" ({found.min():,.{d}f} to {found.max():,.{d}f} over {len(found)} seeds)"
        fates = [
            (int((outcome == fate).sum()), name) for fate, name in ((DIVERGED, "diverged"), (COLLAPSED, "collapsed"))
        ]
        told = ", ".join(f"{n} of {known} {name}" for n, name in fates if n) or "none diverged or collapsed"
        return f"{where}: {value}; {told}."

    def _code(self) -> str:
        """Lines that open the chosen run by itself, in a notebook, as they stand."""
        v, seed = self.values, self.values["seed"]
        seed = self.results.grid.seeds[0] if seed == MEAN else seed
        rates = f"k={v['k']}, lr_D={v['D']}, lr_G={v['G']}"
        if self.kind == "mnist":
            return (
                "from dataclasses import replace\nfrom ganlib import load\nfrom ganlib.studies.sweeps import "
                f"small_mnist\nfrom ganlib.widgets import LiveTraining, show\n"
                f'show(LiveTraining(replace(small_mnist(), {rates}), load("mnist"), seed={seed}))'
            )
        p_data = getattr(self.source, "p_data", None) or self.results.info.get("data", "Gaussian(0, 1)")
        return (
            "from ganlib.densities import *\nfrom ganlib.recipes import TOY\nfrom ganlib.studies.toys import Toys\n"
            f"toys = Toys(TOY, {p_data}, {rates}, seeds={seed})\n"
            f"for _ in range({max(round(self.results.updates[-1] / (v['k'] + 1)), 1)}):\n    toys.iterate()\n"
            "print(toys.measure())"
        )

    def _provenance(self) -> str:
        """What must be said about results that were not made here."""
        info, results = self.results.info, self.results
        took = f" in {info['minutes']:.0f} minutes" if "minutes" in info else ""
        return (
            f"Precomputed, not trained here: {results.diverged.size} runs, {len(results.grid.seeds)} seeds a cell, "
            f"made on {info.get('made', 'a day unknown')}{took}, on {info.get('data', 'data unknown')}, at commit "
            f"{info.get('commit', 'unknown')}."
        )


def _signs(mean: float, outcome: np.ndarray, digits: int) -> list[str]:
    """What a cell says: its number, and × and ○ for seeds that diverged and collapsed."""
    known = int((outcome >= 0).sum())
    words = (
        [f"{mean:.0e}" if abs(mean) >= 1e4 else f"{mean:.{digits}f}".replace("-", "−")] if math.isfinite(mean) else []
    )
    for fate, sign in ((DIVERGED, "×"), (COLLAPSED, "○")):
        if n := int((outcome == fate).sum()):
            words.append(f"{sign} {n}/{known}" if known > 1 else sign)
    return words


def plainly(value: float) -> str:
    """A number with three digits at the most."""
    return f"{value:.3g}"


class Explorer(Demo):
    """Look around in a grid of runs: every k with every rate of D and of G, over seeds.

        explorer = Explorer(ToySweep(TOY, Gaussian(0, 1)))
        show(explorer)          # the widget; it waits for its start button
        explorer.finish()       # or train the whole grid here and now
        explorer.results.score

    `source` is a sweep, which trains in the background, or the `Results` of one that has been trained before, which are
    shown and called so. Moving the mouse over the heat map, or the arrow keys, choose a cell.
    """

    def __init__(self, source: ToySweep | MnistSweep | Results) -> None:
        super().__init__(ExplorerEngine(source), key=cell_key(type(self).__name__))

    def finish(self, *, progress: bool = True) -> Results:
        """Train the grid to its end here and now, if it trains at all; its results.

        Interrupted, it goes on from there when called again.
        """
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
        engine, score, chosen = self.engine, seeds_mean(self.results.score), dict(self.engine.values)
        if np.isfinite(score).any():
            best = np.unravel_index(np.nanargmin(score if engine.kind == "toy" else -score), score.shape)
            engine.values |= {axis: values[i] for (axis, values), i in zip(engine.axes.items(), best)}
        try:
            return engine.png()
        finally:
            engine.values = chosen
