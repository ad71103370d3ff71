"""What a sweep consists of: one recipe, the values of some of its fields, and seeds. The plan decides every number."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple, Self

import numpy as np

from ganlib import disk, runs
from ganlib.densities import Density, Modes, grid, ring
from ganlib.errors import CheckpointError, RecipeError, brief, door, is_whole
from ganlib.hardware import provenance
from ganlib.recipes import PLAIN, Recipe
from ganlib.studies.phenomena import DATA

FILE, FORMAT = "plan.json", 1
MOST = 1_000_000  # runs of a plan
DENSITIES: dict[str, Density | Modes] = {**DATA, "ring": ring(), "grid": grid()}
"""What a toy's `data` may be, by name."""
FREE = {name: kind for name, kind in PLAIN.items() if name not in ("source", "built_on")}
"""Field of a recipe that a sweep may vary -> its type."""
PLAYED = ("k", "lr_D", "lr_G", "momentum_start", "batch", "p_z", "z_dim", "update", "generator_cost", "data")
"""Those that a toy plays by; the others mean nothing to it."""


Row = dict[str, float]
"""What one record of a run has measured."""


class Run(NamedTuple):
    """One run of a plan."""

    number: int
    recipe: Recipe
    seed: int
    values: dict[str, int | float | str]  # of the fields that the plan varies

    @property
    def name(self) -> str:
        """What its files are called."""
        return f"{self.number:06d}"


@dataclass(frozen=True)
class Plan:
    """A grid of runs; `plan` makes one. Raises `RecipeError` on any value that makes no sense, in any run."""

    recipe: Recipe
    axes: dict[str, tuple[int | float | str, ...]]  # field -> its values
    seeds: tuple[int, ...]
    records: int  # how often each run is measured, evenly, the last time at its end
    updates: int = 0  # of a toy: updates of either player; 0: the game is one of pictures, which has epochs
    device: str = "cpu"
    precision: str = "float32"

    def __post_init__(self) -> None:
        for name, values in {**self.axes, "seeds": self.seeds}.items():
            if name != "seeds" and name not in self._free:
                what = "a toy does not play by it" if name in FREE else "no number or word of a recipe"
                raise RecipeError(f"{brief(name)} cannot vary: {what}. These can: {', '.join(self._free)}")
            if not values or len(set(values)) < len(values):
                raise RecipeError(f"{name} is {brief(values)}; give one value or more, none twice")
        for seed in self.seeds:
            if not (is_whole(seed) and 0 <= seed < 2**63):
                raise RecipeError(f"a seed is {brief(seed)}; it must be a whole number from 0 to 2^63 - 1")
        if len(self) > MOST:
            raise RecipeError(f"this plan has {len(self):,} runs; at most {MOST:,} fit into one")
        for cell in range(self.cells):
            self._hold(self.run(cell).recipe)

    def _hold(self, recipe: Recipe) -> None:
        """Raise `RecipeError` where a recipe of this plan cannot be played or measured so often."""
        if self.toys:
            if recipe.data not in DENSITIES:
                raise RecipeError(f"a toy's data are {brief(recipe.data)}; use one of {', '.join(DENSITIES)}")
            wide = 2 if isinstance(DENSITIES[recipe.data], Modes) else 1
            if recipe.G[-1].units != wide:
                has = f"{recipe.data!r} lies in {wide} dimensions"
                raise RecipeError(f"{has}, and G of {recipe.name!r} makes {recipe.G[-1].units}: take another of both")
            if wide == 1 and recipe.z_dim != 1:
                raise RecipeError(f"z_dim is {recipe.z_dim}; p_g of one dimension is computed from one coordinate of z")
            if self.updates < (most := self.records * (recipe.k + 1)):
                short = f"{self.updates:,} updates are too few for {self.records} records at k = {recipe.k}"
                raise RecipeError(f"{short}: at least {most:,}, one iteration each")
        elif recipe.built_on:
            raise RecipeError(f"{recipe.name!r} is built on another run, and a sweep begins each of its runs anew")

    @property
    def toys(self) -> bool:
        """Whether these are games against a density, and not of pictures."""
        return self.updates > 0

    @property
    def _free(self) -> Sequence[str]:
        return PLAYED if self.toys else tuple(FREE)

    @property
    def kind(self) -> str:
        """What is measured of its runs: a kind of `grids.MEASURES`."""
        if self.toys:
            return "toy" if self.recipe.G[-1].units == 1 else "plane"
        return "mnist" if runs.scored(self.recipe) and "pixels" not in self.axes else "pictures"

    @cached_property
    def cells(self) -> int:
        """How many runs one seed has."""
        return math.prod(map(len, self.axes.values()))

    def __len__(self) -> int:
        return self.cells * len(self.seeds)

    def run(self, number: int) -> Run:
        """The run of that number: all of the first seed first, the last field varies fastest."""
        if not (is_whole(number) and 0 <= number < len(self)):
            raise RecipeError(f"there is no run {brief(number)}: this plan has runs 0 to {len(self) - 1:,}")
        seed, cell = divmod(int(number), self.cells)
        at = np.unravel_index(cell, [len(values) for values in self.axes.values()]) if self.axes else ()
        values = {name: values[i] for (name, values), i in zip(self.axes.items(), at)}
        return Run(int(number), replace(self.recipe, **values), self.seeds[seed], values)

    def number(self, values: Mapping[str, Any], seed: int) -> int:
        """The number of the run with these values."""
        at = [axis.index(values[name]) for name, axis in self.axes.items()]
        cell = int(np.ravel_multi_index(at, [len(axis) for axis in self.axes.values()])) if at else 0
        return self.seeds.index(seed) * self.cells + cell

    # -- on the disk ---------------------------------------------------------------------------------------------------

    def to_dict(self) -> dict[str, Any]:
        """The plan as plain values."""
        told = {name: getattr(self, name) for name in ("records", "updates", "device", "precision")}
        axes = {name: list(values) for name, values in self.axes.items()}
        return {"format": FORMAT, "recipe": self.recipe.to_dict(), "axes": axes, "seeds": list(self.seeds), **told}

    @classmethod
    def from_dict(cls, plain: Any) -> Self:
        """The plan that `to_dict` wrote. `RecipeError` for anything else."""
        try:
            found = {name: value for name, value in dict(plain).items() if name != "made"}
            if found.pop("format") != FORMAT:
                raise RecipeError(f"it has another format than {FORMAT}, that of this version of ganlib")
            axes = {str(name): tuple(values) for name, values in found.pop("axes").items()}
            return cls(Recipe.from_dict(found.pop("recipe")), axes, tuple(found.pop("seeds")), **found)
        except (TypeError, LookupError, ValueError, AttributeError) as error:
            raise RecipeError(f"this is no plan of a sweep: {disk.line(error)}") from None

    def write(self, folder: Path, **made: Any) -> None:
        """Keep it in the folder of its sweep, with what is known of its making."""
        text = json.dumps({**self.to_dict(), "made": {**provenance(), **made}}, indent=1).encode()
        disk.atomically(folder / FILE, lambda file: file.write(text))

    def changes(self, other: Self) -> list[str]:
        """What differs from another plan, in a line each."""
        told = self.recipe.changes(other.recipe)
        mine, others = ({**plan.axes, "seeds": plan.seeds} for plan in (self, other))
        for name in dict.fromkeys([*others, *mine]):
            before, now = (each.get(name, "not varied") for each in (others, mine))
            if before != now:
                told.append(f"{name}: {_listed(before)} -> {_listed(now)}")
        for name in ("records", "updates", "device", "precision"):
            before, now = getattr(other, name), getattr(self, name)
            told += [f"{name}: {before} -> {now}"] if before != now else []
        return told


def _listed(values: Any) -> str:
    return brief(", ".join(map(str, values)) if isinstance(values, tuple) else values, quoted=False)


def there(folder: Path) -> bool:
    """Whether the folder holds a sweep."""
    return (folder / FILE).exists()


@door(CheckpointError)
def read(folder: Path | str) -> Plan:
    """The plan of the sweep in a folder. `CheckpointError` where there is none, or it cannot be understood."""
    path = Path(folder) / FILE
    if not there(Path(folder)):
        raise CheckpointError(f"{folder} holds no sweep; plan one with `python -m ganlib sweep RECIPE --out {folder}`")
    try:
        return Plan.from_dict(disk.read_json(path))
    except (OSError, ValueError) as error:  # a RecipeError is one
        raise CheckpointError(f"{path} cannot be read as the plan of a sweep: {disk.line(error)}") from None


def made(folder: Path) -> dict[str, Any]:
    """What is known of the making of the sweep in a folder: commit, day and versions; the examples of its data."""
    found = disk.read_json(folder / FILE).get("made", {})
    return found if isinstance(found, dict) else {}
