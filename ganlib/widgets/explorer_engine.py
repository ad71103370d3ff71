"""What an explorer shows and does: heat maps over k and both rates, and the curves of the runs behind each cell."""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import ClassVar

import numpy as np

from ganlib.controls import Button, Choice
from ganlib.errors import RecipeError, brief
from ganlib.game import MINUS_LOG_4
from ganlib.picture import Cells, Level, Line, Note, Panel, Picture, quantile_range
from ganlib.recipes import TOY, Recipe
from ganlib.studies import grids
from ganlib.studies.grids import COLLAPSED, DIVERGED, UNKNOWN, Results, seeds_mean
from ganlib.studies.phenomena import DATA
from ganlib.studies.sweeps import MnistSweep, ToySweep, small_mnist
from ganlib.sweep.following import Following
from ganlib.widgets.engine import Game

AXES = {"k": "k", "D": "D's rate", "G": "G's rate"}
#: name -> the axis of the rows, that of the columns, and the one that a slider picks
PLANES = {"D × G": ("D", "G", "k"), "k × D": ("k", "D", "G"), "k × G": ("k", "G", "D")}
PLANE_NAMES = {name: f"{AXES[rows]} × {AXES[columns]}" for name, (rows, columns, _) in PLANES.items()}
MEAN = "mean of all"
FATES = {DIVERGED: "diverged", COLLAPSED: "collapsed"}
BY_SEED = {
    "JSD": ("JSD, nats, by seed", (0, 0.1)),
    "score": ("Parzen score, nats, by seed", (-100, 0)),
    "width": ("Spread over the data's, by seed", (0, 1)),
}
"""What is drawn of each run, and its usual range."""
CHOSEN = "Chosen: "
KEY = "Dark is good, light is bad. No colour: a seed diverged (×), and the number is of the others. ○: collapsed."
"""What the colours and signs of a heat map say, the same in all maps."""


Grids = ToySweep | MnistSweep | Following | Results
"""What an explorer looks at."""


class ExplorerEngine(Game):
    """A grid of runs that can train here, or the `Results` of one that has been trained, and what is looked at.

    States: "idle", "running", "paused", "finished", "error", or "precomputed" for results.
    """

    title = "Explorer of k and the learning rates"
    interval = 0.4
    STATES = Game.STATES | {"running": "Training", "finished": "Finished", "precomputed": "Precomputed"}
    BUTTONS: ClassVar = {
        "start": Button("Start", "Train every run of this grid in the background (Space)", " ", "play"),
        "pause": Button("Stop", "Rest here; Start goes on (Space)", " ", "stop"),
        "reset": Button("Reset", "Every run of this grid back to its start (R)", "r", "reset"),
    }

    def __init__(self, source: Grids):
        if not isinstance(source, Grids):
            raise RecipeError(f"an explorer needs a ToySweep, a MnistSweep, or their Results; this is {brief(source)}")
        self.source = source
        self.results = source if isinstance(source, Results) else source.results  # what the grid has measured so far
        self.kind, grid = self.results.kind, self.results.grid
        self.axes = {"k": grid.ks, "D": grid.lrs_D, "G": grid.lrs_G}
        self.measures, p_data = grids.MEASURES[self.kind], getattr(source, "p_data", None)
        self.live = next((name for name, density in DATA.items() if density == p_data), "")  # as `LiveToy` calls it
        look, slices = {"look": True, "group": "The heat map"}, "The heat map's axes; a slider picks the slice"
        cell, runs = ({"look": True, "slide": True, "group": group} for group in ("Which cell", "When, which seeds"))
        names = {name: measure.name for name, measure in self.measures.items()}
        records = {i: f"{updates:,.0f} updates" for i, updates in enumerate(self.results.updates)}
        seeds = {MEAN: f"mean of {len(grid.seeds)}", **{seed: f"seed {seed}" for seed in grid.seeds}}
        controls = {
            **self.BUTTONS,
            "shown": Choice(names, None, "Colour", "What the heat map shows", **look),
            "plane": Choice(PLANE_NAMES, None, "Rows × columns", slices, **look),
        }
        for axis, v in self.axes.items():
            controls[axis] = Choice(list(v), v[0 if axis == "k" else len(v) // 2], AXES[axis], words=plainly, **cell)
        controls["record"] = Choice(records, max(records), "Up to", "The moment that the heat map shows", **runs)
        super().__init__({**controls, "seed": Choice(seeds, None, "Seeds", "All of them, or one", **runs)})
        self.state = self._rest()

    def _rest(self) -> str:
        """The state of a grid that does not train."""
        if isinstance(self.source, Results):
            return "precomputed"
        return "finished" if self.source.finished else "paused" if self.source.done > 0 else "idle"

    # -- commands ------------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Train the grid, or go on."""
        self.usable()
        if not self._sweep().finished:
            self.state = "running"

    def pause(self) -> None:
        """Rest where the training is."""
        if self.running:
            self.state = self._rest()
        self.take()

    stop = pause  # a grid is not stopped in another way, also when it retires

    def reset(self) -> None:
        """Forget what the grid has learnt: every run back to its start."""
        self._sweep().reset()
        self.error, self.state = "", "idle"
        self.take()

    def finish(self, *, progress: bool = True) -> bool:
        """Train the grid to its end here and now; True when it got there."""
        self.usable()
        self.message = ""
        try:
            return self._sweep().finish(progress=progress)
        finally:
            self.state = self._rest()
            self.take()

    def _sweep(self) -> ToySweep | MnistSweep:
        if isinstance(self.source, Results):
            raise RecipeError("these runs were trained before, and do not train here")
        return self.source

    def best(self) -> dict[str, float]:
        """The cell that is best by the first of the measures, of those in which all runs go on; none where none do."""
        results, (shown, measure) = self.results, next(iter(self.measures.items()))
        bad = measure.badness(seeds_mean(results.final(shown)))
        bad = np.where((results.outcome == grids.NEITHER).all(-1), bad, math.nan)
        if not np.isfinite(bad).any():
            return {}
        at = np.unravel_index(np.nanargmin(bad), bad.shape)
        return {axis: values[i] for (axis, values), i in zip(self.axes.items(), at)}

    def off(self) -> Sequence[str]:
        """The buttons that can do nothing in this state."""
        none = {"precomputed": ("start", "pause", "reset"), "running": ("start",)}
        return none.get(self.state, ("start", "pause") if self.state in ("error", "finished") else ("pause",))

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
        results, seen = self.results, self.seen()
        words, heat = self.cell(seen), self.map(seen)
        heat = replace(heat, words=f"{heat.words} {CHOSEN}{words}")
        done = 1.0 if isinstance(self.source, Results) else self.source.done
        readouts = [(f"{100 * done:.0f}", "% done"), (f"{math.prod(results.grid.shape):,}", "runs")]
        notes = [Note([self._provenance()], above=True)] if self.state == "precomputed" else []
        notes.append(Note([self._code()], f"Seed {self._seed} of this cell by itself", "code"))
        return Picture([heat, *self._curves(self._at, self._seeds)], words, readouts, notes)

    @property
    def _at(self) -> tuple[int, ...]:
        """Where the chosen cell stands in the arrays of the results."""
        return tuple(self.axes[axis].index(self.values[axis]) for axis in ("k", "D", "G"))

    @property
    def _seeds(self) -> list[int]:
        """The seeds that are looked at."""
        return list(self.results.grid.seeds) if self.values["seed"] == MEAN else [self.values["seed"]]

    def seen(self) -> Results:
        """What the seeds that are looked at had measured at the moment that is looked at."""
        return self.results.part(self._seeds, self.values["record"] + 1)

    def map(self, seen: Results) -> Panel:
        """The heat map of what is seen."""
        values, measure = self.values, self.measures[self.values["shown"]]
        rows, columns, third = PLANES[values["plane"]]
        heat = heat_map(seen, values["shown"], values["plane"], values[third], {a: values[a] for a in (rows, columns)})
        title = f"{measure.title}; {AXES[third]} = {plainly(values[third])}"
        told = f"Heat map of {measure.title}. Rows: {AXES[rows]}; columns: {AXES[columns]}; {AXES[third]} "
        told, caption = f"{told}{plainly(values[third])}.", self._reached(seen) + KEY
        return replace(heat, title=title, words=told, caption=caption, at=(0, 0, 15, 7))

    def _reached(self, seen: Results) -> str:
        """How far the runs have come, where that is less far than what is looked at."""
        known = np.isfinite(seen.curves["V"]).any((0, 1, 2, 3))  # (T,)
        n = 0 if self.state in ("finished", "precomputed") or known.all() else int(known.sum())
        return f"So far the runs have had {seen.updates[n - 1]:,.0f} updates. " if n else ""

    def cell(self, seen: Results) -> str:
        """The chosen cell in words: its numbers, and what became of its runs."""
        numbers, outcome = seen.final(self.values["shown"])[self._at], seen.outcome[self._at]  # (S,) each
        measure, axes = self.measures[self.values["shown"]], (plainly(self.values[axis]) for axis in "DG")
        where = f"k = {self.values['k']}, D's rate {next(axes)}, G's rate {next(axes)}"
        known, digits = int((outcome != UNKNOWN).sum()), measure.digits
        if not known:
            return f"{where}: nothing measured yet."
        mean, found = float(seeds_mean(numbers)), numbers[np.isfinite(numbers)]
        value = f"{measure.name} {_number(mean, digits)}" if len(found) else "no number left"
        if len(found) > 1:
            value += f" ({_number(found.min(), digits)} to {_number(found.max(), digits)} over {len(found)} seeds)"
        elif len(found) < known and len(found):
            value += " (of one seed)"
        fates = [(int((outcome == fate).sum()), name) for fate, name in FATES.items()]
        told = ", ".join(f"{n} of {known} {name}" for n, name in fates if n) or "None diverged or collapsed"
        return f"{where}: {value}. {told}."

    def _curves(self, at: tuple[int, ...], seeds: Sequence[int]) -> list[Panel]:
        """One cell's curves over its updates: its score by seed, V and C, and p_g or what D says."""
        results, x, last = self.results, self.results.updates, self.values["record"]
        some = results.part(seeds, len(x)).curves
        here = [] if last == len(x) - 1 else [Level(x=float(x[last]))]  # the moment that the heat map shows
        ends = (0.0, float(x[-1]))

        def mean(name: str, words: str, style: str) -> Line:
            """The mean over the seeds that are looked at, with its last value."""
            y = seeds_mean(some[name][at].T)
            known = y[np.isfinite(y)]
            return Line(x, y, words, style, f"{known[-1]:.2f}" if len(known) else None)

        name = next(name for name in ("JSD", "score", "width") if name in some)
        each = [
            Line(x, y, f"seed {seed}", "G" if seed in seeds else "reference", dash=i % 4)
            for i, (seed, y) in enumerate(zip(results.grid.seeds, results.curves[name][at]))
        ]
        nats = [mean("V", "V(D, G)", "V"), *([mean("C", "C(G)", "C")] if "C" in some else [])]
        title, usual = BY_SEED[name]
        y = quantile_range([line.y for line in each], usual)
        panels = [Panel(title, each, ends, y, "", levels=here, x_ticks=(), at=(0, 7, 5, 5))]
        y = max(quantile_range([line.y for line in nats], (-1.5, 0))[0], -4.0), 0.0
        own = {"levels": [Level(MINUS_LOG_4, "-log 4"), *here], "at": (5, 7, 5, 5)}
        counted = results.info.get("counted", "updates of either player")
        panels.append(Panel("Value, nats", nats, ends, y, counted, **own))
        if isinstance(self.source, ToySweep):
            panels.append(self._densities(at, seeds))
        elif "D_real" in some:
            says = [mean("D_real", "D(x)", "data"), mean("D_fake", "D(G(z))", "G"), mean("width", "spread", "other")]
            panels.append(Panel("D says", says, ends, (0, 1.2), "", levels=[Level(0.5, "½"), *here], at=(10, 7, 5, 5)))
        return panels

    def _densities(self, at: tuple[int, ...], seeds: Sequence[int]) -> Panel:
        """p_data, and the runs' p_g as they are now: mean densities in bins."""
        x = (self.source.edges[1:] + self.source.edges[:-1]) / 2
        p = self.source.p_data.pdf(x)
        lines = []
        for i, (seed, p_g) in enumerate(zip(self.results.grid.seeds, self.source.p_g[at])):
            if seed in seeds:
                lines.append(Line(x, p_g, "" if lines else "p_g", "G", dash=i % 4))
        lines.append(Line(x, p, "p_data", "data"))
        return Panel("Densities, at the latest record", lines, y=(0, 2 * float(p.max())), at=(10, 7, 5, 5))

    @property
    def _seed(self) -> int:
        """The seed that is chosen; the first, where it is the mean of all."""
        return self.results.grid.seeds[0] if self.values["seed"] == MEAN else self.values["seed"]

    def _code(self) -> str:
        """Lines that open the chosen run by itself, in a notebook, as they stand."""
        v, results = self.values, self.results
        seed = self._seed
        rates = f"k={v['k']}, lr_D={v['D']}, lr_G={v['G']}"
        recipe, data = Recipe.from_dict(results.info["recipe"]), results.info["data"]
        own, name = (TOY, "TOY") if self.kind == "toy" else (small_mnist(), "small_mnist()")
        fields = [field.name for field in dataclasses.fields(recipe) if field.name not in ("k", "lr_D", "lr_G")]
        other = [f"{key}={getattr(recipe, key)!r}" for key in fields if getattr(recipe, key) != getattr(own, key)]
        imports = ["from dataclasses import replace"] if other or self.kind == "mnist" else []
        imports += ["from ganlib.nets import Layer"] if "Layer(" in "".join(other) else []
        if self.kind == "mnist":
            imports += ["from ganlib import load", "from ganlib.studies.sweeps import small_mnist"]
            imports += ["from ganlib.widgets import LiveTraining, show"]
            made = f"LiveTraining(replace({', '.join([name, *other, rates])})"
            run = [f'live = {made}, load("{data}"), seed={seed}, precision="float32")', "show(live)"]
        elif self.live and not other and 1e-3 <= min(v["D"], v["G"]) <= max(v["D"], v["G"]) <= 1 and v["k"] <= 20:
            imports = ["from ganlib.widgets import LiveToy, show"]
            run = [f'toy = LiveToy("{self.live}", {rates}, seed={seed})', "show(toy)"]
        else:
            kinds = sorted(set(re.findall(r"([A-Z]\w+)\(", data)))
            imports += [f"from ganlib.densities import {', '.join(kinds)}", "from ganlib.recipes import TOY"]
            imports += ["from ganlib.studies.toys import Toys"]
            made = f"replace({', '.join([name, *other])})" if other else name
            steps, last = self._steps(seed)
            run = [f"# in the grid this run diverged soon after {steps:,} iterations"] if last else []
            run += [f"toys = Toys({made}, {data}, {rates}, seeds={seed})"]
            run += [f"for _ in range({steps}): toys.iterate()", "print(toys.measure())"]
        return "\n".join([*imports, *run])

    def _steps(self, seed: int) -> tuple[int, bool]:
        """Iterations of the chosen run up to the end, or to its last record before it diverged; and whether it did."""
        results, v = self.results, self.values
        at = (*(self.axes[axis].index(v[axis]) for axis in ("k", "D", "G")), results.grid.seeds.index(seed))
        if not results.diverged[at]:
            return max(round(results.updates[-1] / (v["k"] + 1)), 1), False
        n = int(np.isfinite(results.curves["V"][at]).sum())
        return round(results.updates[n - 1] / (v["k"] + 1)) if n else 0, True

    def _provenance(self) -> str:
        """What must be said about results that were not made here."""
        info, results = self.results.info, self.results
        took = f" in {info['minutes']:.0f} minutes" if "minutes" in info else ""
        return (
            f"Precomputed, not trained here: {results.diverged.size} runs, {len(results.grid.seeds)} seeds a cell, "
            f"made on {info.get('made', 'a day unknown')}{took}, on {info.get('data', 'data unknown')}, at commit "
            f"{info.get('commit', 'unknown')}."
        )


def heat_map(
    results: Results, shown: str, plane: str, third: float, chosen: Mapping[str, float] | None = None
) -> Panel:
    """A slice of a grid: a row and a column for each value of two axes, at one value of the third; means over seeds.

    `plane` is one of `PLANES`. A cell with a run that diverged has no colour. `chosen` is one cell: axis -> its value.
    """
    grid, measure = results.grid, grids.MEASURES[results.kind][shown]
    axes = {"k": grid.ks, "D": grid.lrs_D, "G": grid.lrs_G}
    rows, columns, other = PLANES[plane]
    order = [list(axes).index(axis) for axis in (rows, columns, other)]
    turned = (np.moveaxis(values, order, (0, 1, 2)) for values in (results.final(shown), results.outcome))
    numbers, outcome = (values[:, :, axes[other].index(third)] for values in turned)  # (rows, columns, S)
    mean = seeds_mean(numbers)
    colour = np.where((outcome == DIVERGED).any(-1), math.nan, measure.badness(mean))
    words = [[_signs(m, o, measure.digits) for m, o in zip(*pair)] for pair in zip(mean, outcome)]
    names = [[plainly(value) for value in axes[axis]] for axis in (rows, columns)]
    at = chosen and (axes[rows].index(chosen[rows]), axes[columns].index(chosen[columns]))
    cells = Cells(
        colour, words, *names, (0, 1), name="good to bad:", chosen=at, moves=(columns, rows) if chosen else (None, None)
    )
    title = f"{AXES[other]} = {plainly(third)}"
    return Panel(title, cells=cells, x_label=f"{AXES[columns]} →", y_label=f"{AXES[rows]} →")


def _signs(mean: float, outcome: np.ndarray, digits: int) -> list[str]:
    """What a cell says: its number, and × and ○ for seeds that diverged and collapsed."""
    known = int((outcome != UNKNOWN).sum())
    words = [_number(mean, digits)] if math.isfinite(mean) else []
    for fate, sign in ((DIVERGED, "×"), (COLLAPSED, "○")):
        if n := int((outcome == fate).sum()):
            words.append(f"{sign} {n}/{known}" if known > 1 else sign)
    return words


def _number(value: float, digits: int) -> str:
    """A number as it is written in a cell, and said below."""
    return (f"{value:.0e}" if abs(value) >= 1e4 else f"{value:.{digits}f}").replace("-", "−")


def plainly(value: float) -> str:
    """A number with three digits at the most."""
    return f"{value:.3g}"
