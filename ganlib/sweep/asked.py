"""The plan that a person asks for, in Python or on the command line."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Annotated, Any

import numpy as np

from ganlib.errors import RecipeError, Within, brief, door, is_whole
from ganlib.recipes import RECIPES, RING, TOY, Recipe, profile, setting
from ganlib.studies.sweeps import NETS, TOYS
from ganlib.sweep.planning import FREE, MOST, Plan

TOY_RECIPES = {"toy": replace(TOY, data="gaussian"), "ring": replace(RING, data="ring")}


@door(RecipeError)
def plan(
    recipe: str | Recipe,
    over: Mapping | None = None,
    *,
    seeds: Annotated[int, Within(1, MOST)] | Sequence[int] = 1,
    profile: str | None = None,
    epochs: Annotated[int, Within(1, 10**9)] | None = None,
    updates: Annotated[int, Within(1, 10**9)] | None = None,
    records: Annotated[int, Within(1, 10_000)] | None = None,
    data: str | None = None,
    device: str = "cpu",
    precision: str = "float32",
) -> Plan:
    """A grid over a recipe: every value of each field in `over` with every other, by every seed.

        plan = sweep.plan("mnist", {"k": [1, 2, 5], "lr_G": [0.05, 0.1]}, seeds=3, profile="smoke", epochs=2)
        plan = sweep.plan("toy", {"lr_D": [0.1, 0.3], "data": ["gaussian", "bimodal"]}, seeds=8, updates=4_000)

    `recipe` is a name ("toy", "ring" or one of `RECIPES`) or a `Recipe`. `seeds`: how many, from 0 on, or which.
    Pictures: `profile` scales a recipe that is named, `epochs` is the length of a run. Toys: `updates` of either
    player, the same for every k. `records`: how often a run is measured. Raises `RecipeError`, also where one of the
    runs makes no sense.
    """
    chosen = _recipe(recipe, profile)
    toy = chosen.G[-1].units in (1, 2)
    if toy:
        for name, value, how in (("profile", profile, "a toy has one scale"), ("epochs", epochs, "a toy has updates")):
            if value is not None:
                raise RecipeError(f"{name} is {brief(value)}, and {how}: leave it out")
        if chosen.data == TOY.data:
            chosen = replace(chosen, data="gaussian" if chosen.G[-1].units == 1 else "ring")
    elif updates is not None:
        raise RecipeError(f"updates is {updates:,}, and a game of pictures has epochs: leave it out")
    changes = {"epochs": epochs, "data": data}
    chosen = replace(chosen, **{name: value for name, value in changes.items() if value is not None})
    axes = {name: _several(name, values) for name, values in (over or {}).items()}
    for name in changes.keys() & axes.keys():
        if changes[name] is not None:
            raise RecipeError(f"{name} is given twice, once as {brief(changes[name])}: leave one of them out")
    each = tuple(range(int(seeds))) if is_whole(seeds) else tuple(int(seed) for seed in seeds)
    usual = TOYS if toy else NETS
    length = (updates or usual["updates"]) if toy else 0
    return Plan(chosen, axes, each, records or _records(usual["records"], chosen, length), length, device, precision)


def _records(usual: int, recipe: Recipe, updates: int) -> int:
    """The usual number of records, or as many as so short a toy has iterations for."""
    return max(1, min(usual, updates // 11)) if updates else min(usual, 2 * recipe.epochs)


def _recipe(recipe: str | Recipe, scale: str | None) -> Recipe:
    if isinstance(recipe, Recipe):
        return recipe.at(scale) if scale is not None else recipe
    if recipe in TOY_RECIPES:
        return TOY_RECIPES[recipe]
    if recipe not in RECIPES:
        names = ", ".join([*TOY_RECIPES, *sorted(RECIPES)])
        raise RecipeError(f"unknown recipe {brief(recipe)}; there are: {names}")
    return RECIPES[recipe].at(profile() if scale is None else scale)


def _several(name: str, values: Any) -> tuple[Any, ...]:
    """The values of a field, each of its type; a field that no recipe has is left to `Plan`."""
    listed = list(values) if isinstance(values, Sequence | np.ndarray | range) and not isinstance(values, str) else None
    if listed is None:
        raise RecipeError(f"{brief(name)} is {brief(values)}; give a list of values")
    kind = FREE.get(name)
    return tuple(_typed(name, kind, value) if kind else value for value in listed)


def _typed(name: str, kind: type, value: Any) -> Any:
    value = value.item() if isinstance(value, np.generic) else value
    if kind is float and is_whole(value):
        return float(value)
    return value


@door(RecipeError)
def settings(texts: Sequence[str]) -> dict[str, list[Any]]:
    """The values that the command line gives: ["k=1,2", "p_z=normal"] -> {"k": [1, 2], "p_z": ["normal"]}."""
    found: dict[str, list[Any]] = {}
    for text in texts:
        name, values = setting(text, FREE, several=True)
        if name in found:
            raise RecipeError(f"--set takes FIELD=VALUE,VALUE, not {brief(text)}; {name} is there twice")
        found[name] = values
    return found
