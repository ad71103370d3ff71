"""Fields of a recipe as a person sets them on the command line."""

from collections.abc import Mapping
from typing import Any

from ganlib.errors import RecipeError, brief, unknown
from ganlib.recipes.recipe import PLAIN

_KINDS = {int: "whole numbers, such as 1,2,5", float: "numbers, such as 0.05,0.1", str: "words"}


def setting(text: str, free: Mapping[str, type] = PLAIN, several: bool = False) -> tuple[str, list[Any]]:
    """What --set says: "k=2" -> ("k", [2]), and with `several` "k=1,2" -> ("k", [1, 2]). Raises `RecipeError`.

    `free` are the fields that may be set, and their types.
    """
    name, equals, values = text.partition("=")
    if not equals:
        what = "FIELD=VALUE,VALUE" if several else "FIELD=VALUE"
        raise RecipeError(f"--set takes {what}, not {brief(text)}; the fields are {', '.join(free)}")
    if name not in free:
        raise RecipeError(f"--set {brief(text)}: {unknown(name, free)}")
    try:
        return name, [free[name](value.strip()) for value in (values.split(",") if several else [values])]
    except ValueError:
        takes = f"takes {_KINDS[free[name]]}" if several else "must be a number"
        raise RecipeError(f"--set {brief(text)}: {name} {takes}") from None
