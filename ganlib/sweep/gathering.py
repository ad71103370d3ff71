"""What the runs of a sweep have measured so far: as one Parquet file, and as the grid that the explorer shows."""

import itertools
import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from ganlib import disk
from ganlib.errors import CheckpointError, DataError, RecipeError, brief, door
from ganlib.recipes import RING, TOY
from ganlib.studies.grids import Grid as Shape
from ganlib.studies.grids import Results
from ganlib.studies.sweeps import MnistSweep, ToySweep
from ganlib.sweep import planning, work
from ganlib.sweep.games import Row
from ganlib.sweep.planning import DENSITIES, Plan

PARQUET = "results.parquet"
AXES = {"k": "ks", "lr_D": "lrs_D", "lr_G": "lrs_G"}  # of the explorer, beside the seeds
CURVES = {
    "toy": ("JSD", "C", "V", "width"),
    "plane": ("JSD", "V", "good", "width"),
    "mnist": ("score", "V", "D_real", "D_fake", "width"),
    "pictures": ("V", "D_real", "D_fake", "width"),
}
"""Kind of plan -> what its rows hold."""


def result(home: Path, number: int) -> dict[str, Any]:
    """The result of a run, as its worker wrote it. Raises `DataError`."""
    path = work.result_path(home, number)
    try:
        found = disk.read_json(path)
        if found["run"] != number or not isinstance(found["rows"], list):
            raise ValueError("it is of another run")
        return found
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise DataError(f"{path} cannot be read as the result of a run: {disk.line(error)}; delete it") from None


class Found:
    """The results in the folder of a sweep; `look` reads those that are new."""

    def __init__(self, folder: Path | str):
        self.home = Path(folder)
        self.plan = planning.read(self.home)
        self.made = planning.made(self.home)
        self.results: dict[int, dict[str, Any]] = {}
        self.live: dict[int, list[Row]] = {}  # what runs under way have measured

    def look(self) -> bool:
        """Read what is new; whether anything was."""
        there = work.done(self.home)
        new, before = there - self.results.keys(), self.live
        self.results = {n: one for n, one in self.results.items() if n in there}
        self.results |= {number: result(self.home, number) for number in sorted(new)}
        self.live = {n: rows for n, rows in self._under_way() if n not in there}
        return bool(new) or self.live != before

    def _under_way(self) -> Iterator[tuple[int, list[Row]]]:
        for path in (self.home / work.LIVE).glob("*.json"):
            try:
                found = disk.read_json(path)
                yield found["run"], found["rows"]
            except (OSError, ValueError):  # it has just ended
                continue

    # -- one file ------------------------------------------------------------------------------------------------------

    def columns(self) -> dict[str, list[Any]]:
        """The columns of the Parquet file, a row a run that has a result; the last five hold times and places."""
        plan, rows = self.plan, [self.results[number] for number in sorted(self.results)]
        found: dict[str, list[Any]] = {"run": [row["run"] for row in rows]}
        for name in plan.axes:
            found[name] = [row["values"][name] for row in rows]
        for name in ("seed", "status", "error", "steps"):
            found[name] = [row[name] for row in rows]
        for name in CURVES[plan.kind]:
            found[name] = [_final(row, name, plan.records) for row in rows]
        for name in ("step", "updates", *CURVES[plan.kind]):
            found[f"{name}_curve"] = [[float(record[name]) for record in row["rows"]] for row in rows]
        for name in ("seconds", "from_step", "ended", "host", "pid"):
            found[name] = [row["made"].get(name) for row in rows]
        return found

    # -- the explorer's grid -------------------------------------------------------------------------------------------

    def others(self) -> dict[str, Sequence[Any]]:
        """The fields that vary and are no axis of the explorer."""
        return {name: values for name, values in self.plan.axes.items() if name not in AXES}

    def slices(self) -> Iterator[dict[str, Any]]:
        """Each choice of values for the other fields."""
        others = self.others()
        for values in itertools.product(*others.values()):
            yield dict(zip(others, values))

    def fixed(self, **values: Any) -> dict[str, Any]:
        """A whole choice of the other fields, from those that are given. Raises `RecipeError`."""
        others = self.others()
        for name, value in values.items():
            if name not in others or value not in others[name]:
                there = "; ".join(f"{name}: {', '.join(map(str, each))}" for name, each in others.items()) or "nothing"
                raise RecipeError(f"{name} = {brief(value)} is not in this sweep. Beside k and rates vary {there}")
        open_ = {name: each for name, each in others.items() if name not in values and len(each) > 1}
        if open_:
            how = ", ".join(f"{name}={each[0]!r}" for name, each in open_.items())
            raise RecipeError(f"this sweep varies {', '.join(open_)}, too; an explorer shows one value: give {how}")
        return {name: values.get(name, each[0]) for name, each in others.items()}

    def grid(self, **values: Any) -> Results:
        """What the explorer shows, for one choice of the other fields."""
        plan, fixed = self.plan, self.fixed(**values)
        recipe = replace(plan.recipe, **fixed)
        axes = {name: tuple(sorted(plan.axes.get(name, (getattr(recipe, name),)))) for name in AXES}
        grid = Shape(**{AXES[name]: each for name, each in axes.items()}, seeds=tuple(sorted(plan.seeds)))
        curves = {name: np.full((*grid.shape, plan.records), math.nan) for name in CURVES[plan.kind]}
        diverged = np.zeros(grid.shape, bool)
        for at, *cell, seed in grid.runs():
            chosen = {name: value for name, value in zip(AXES, cell) if name in plan.axes}
            number = plan.number(fixed | chosen, seed)
            rows = self.results[number]["rows"] if number in self.results else self.live.get(number, [])
            for name, curve in curves.items():
                curve[at][: len(rows)] = [row[name] for row in rows]
            diverged[at] = number in self.results and self.results[number]["status"] == work.DIVERGED
        data = recipe.data
        if plan.toys:
            data, own = repr(DENSITIES[data]), TOY if plan.kind == "toy" else RING
            recipe = replace(recipe, data=own.data)
        info = {"recipe": recipe.to_dict(), "data": data, **self.made}
        info |= {} if plan.toys else {"counted": "updates of D"}
        narrow = ToySweep.narrow if plan.kind == "toy" else MnistSweep.narrow
        return Results(plan.kind, grid, self._updates(recipe), curves, diverged, narrow, info)

    def _updates(self, recipe: Any) -> np.ndarray:
        records = self.plan.records
        total = self.plan.updates
        if not total:
            n = self.made.get("examples", {}).get(recipe.data, recipe.examples or recipe.batch)
            total = recipe.epochs * math.ceil(min(recipe.examples or n, n) / recipe.batch)
        return np.linspace(total / records, total, records)


def _final(row: dict[str, Any], name: str, records: int) -> float | None:
    """The mean over the last tenth of the records, as `Results.final`; None for a run that did not get there."""
    last = max(int(0.1 * records + 0.5), 1)
    return float(np.mean([record[name] for record in row["rows"][-last:]])) if row["status"] == work.DONE else None


@door(CheckpointError)
def gather(folder: Path | str) -> Path:
    """Write the results that are there into results.parquet, and into explorer*.json; the path of the first.

    A row of the table is a run: the fields that vary, its seed, what became of it ("done", "diverged", "failed", and
    the error), each measure's mean over the last tenth of the records, and its curve. The same runs give the same
    numbers bit for bit; only `seconds`, `from_step`, `ended`, `host` and `pid` say how they came about.
    """
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError:
        raise RecipeError(
            "pyarrow is not installed, and results.parquet needs it: pip install 'ganlib[sweep]'"
        ) from None
    found = Found(folder)
    found.look()
    told = {"plan": json.dumps(found.plan.to_dict()), "made": json.dumps(found.made)}
    table = pa.table(found.columns(), schema=_schema(found.plan, pa)).replace_schema_metadata(told)
    for chosen in found.slices():
        name = "-".join(["explorer", *(f"{field}={value}" for field, value in chosen.items())])
        text = json.dumps(found.grid(**chosen).to_dict()).encode()
        disk.atomically(found.home / f"{name}.json", lambda file, text=text: file.write(text))
    return disk.atomically(found.home / PARQUET, lambda file: pq.write_table(table, file))


def _schema(plan: Plan, pa: Any) -> Any:
    """The type of each column, whatever is in it."""
    kinds = {int: pa.int64(), float: pa.float64(), str: pa.string()}
    numbers = dict.fromkeys(CURVES[plan.kind], pa.float64())
    lists = dict.fromkeys((f"{name}_curve" for name in ("step", "updates", *numbers)), pa.list_(pa.float64()))
    types = {"run": pa.int64(), **{name: kinds[planning.FREE[name]] for name in plan.axes}, "seed": pa.int64()}
    types |= {"status": pa.string(), "error": pa.string(), "steps": pa.int64(), **numbers, **lists}
    types |= {"seconds": pa.float64(), "from_step": pa.int64(), "ended": pa.float64()}
    return pa.schema(list((types | {"host": pa.string(), "pid": pa.int64()}).items()))
