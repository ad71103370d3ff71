"""The controls of the live toy: what each takes, what it is at first, and the densities that p_data may be."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from ganlib.densities import Array, Density, Drawn, Gaussian, Mixture, Uniform
from ganlib.errors import RecipeError
from ganlib.game import GENERATOR_COSTS, PRIORS, UPDATES
from ganlib.recipes import Recipe

WINDOW = (-5.0, 5.0)
"""The x that are shown."""
DATA: dict[str, Density] = {
    "gaussian": Gaussian(0.0, 1.0),
    "bimodal": Mixture((Gaussian(-1.5, 0.5), Gaussian(1.5, 0.5))),
    "trimodal": Mixture((Gaussian(-2.4, 0.4), Gaussian(0.0, 0.4), Gaussian(2.4, 0.4))),
    "uniform": Uniform(-2.0, 2.0),
}
"""What p_data may be, besides "drawn"."""
UNITS = ("relu", "sigmoid")
"""G's hidden units. Of rectifiers p_g is exact; of sigmoids it is that of many straight lines through G."""
SPEEDS = (1, 2, 5, 10, 30, 100, 300, "full")
"""Moves (updates of D or G) a second; "full" is as fast as it goes."""
CHOICES: dict[str, tuple[Any, ...]] = {
    "p_data": (*DATA, "drawn"),
    "batch": tuple(2**i for i in range(3, 10)),
    "p_z": PRIORS,
    "generator_cost": GENERATOR_COSTS,
    "update": UPDATES,
    "units": UNITS,
    "speed": SPEEDS,
}
LIMITS = {
    "k": (0, 20),
    "lr_D": (1e-3, 1.0),
    "lr_G": (1e-3, 1.0),
    "momentum": (0.0, 0.95),
    "seed": (0, 2**53 - 1),
}
"""What the number controls take; the rates take 0 as well, which holds that player. A page counts to 2^53 - 1."""
HEIGHTS = (8, 400)
"""So many heights may a drawn p_data have, at equal steps over the window: the least and the most."""
SETTINGS = (
    *("p_data", "heights", "k", "lr_D", "lr_G", "momentum", "batch", "p_z"),
    *("generator_cost", "update", "units", "seed", "speed"),
)
"""What a person may change while it runs; `units` and `seed` begin the game anew."""


def opening(recipe: Recipe) -> dict[str, Any]:
    """The controls as the recipe means them."""
    own = {name: getattr(recipe, name) for name in ("k", "lr_D", "lr_G", "batch", "p_z", "generator_cost", "update")}
    own |= {"p_data": "gaussian", "heights": first_drawing(), "momentum": recipe.momentum_start}
    own |= {"units": "relu", "seed": 0, "speed": "full"}
    return {name: own[name] for name in SETTINGS}


def first_drawing() -> list[float]:
    """The heights that "drawn" begins with: two unlike hills."""
    x = np.linspace(*WINDOW, 81)
    hills = np.exp(-(((x + 1.5) / 0.9) ** 2)) + 0.6 * np.exp(-(((x - 1.8) / 0.5) ** 2))
    return [float(h) for h in np.round(hills, 4)]


def density(settings: Mapping[str, Any]) -> Density:
    """The p_data that the controls mean."""
    name, heights = settings["p_data"], settings["heights"]
    return DATA[name] if name != "drawn" else Drawn(np.linspace(*WINDOW, len(heights)), heights)


def smooth(recipe: Recipe) -> Recipe:
    """The recipe with sigmoids in G instead of rectifiers, and wider weights, as a sigmoid's slope is 1/4."""
    hidden = [replace(layer, activation="sigmoid", irange=4 * layer.irange) for layer in recipe.G[:-1]]
    return replace(recipe, G=(*hidden, recipe.G[-1]))


def check(name: str, value: Any) -> Any:
    """The value of a control as the game takes it. Raises `RecipeError` when it makes no sense."""
    if name not in SETTINGS:
        raise RecipeError(f"{name!r} is no control of the toy; there are: {', '.join(SETTINGS)}")
    if name == "heights":
        return _check_heights(value)
    if isinstance(value, np.generic):
        value = value.item()
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if name in CHOICES:
        if not (number or isinstance(value, str)) or value not in CHOICES[name]:
            raise RecipeError(f"{name} is {value!r}; use one of {', '.join(map(str, CHOICES[name]))}")
        return CHOICES[name][CHOICES[name].index(value)]
    low, high = LIMITS[name]
    whole = name in ("k", "seed")
    if whole and not (number and isinstance(value, int)):
        raise RecipeError(f"{name} is {value!r}; it must be a whole number")
    rate = name in ("lr_D", "lr_G")
    if rate and number and value == 0:
        return 0.0
    if not (number and low <= value <= high):
        held = ", or 0, which holds that player" if rate else ""
        raise RecipeError(f"{name} is {value!r}; the toy takes {low:.16g} to {high:.16g}{held}")
    return value if whole else float(value)


def _check_heights(value: Any) -> list[float]:
    try:
        heights = np.array(value, float)
    except (TypeError, ValueError):
        raise RecipeError("heights must be a list of numbers: those of p_data at equal steps over the window") from None
    least, most = HEIGHTS
    if heights.ndim != 1 or not least <= len(heights) <= most:
        raise RecipeError(f"heights have the shape {heights.shape}; the toy takes a list of {least} to {most} numbers")
    Drawn(np.linspace(*WINDOW, len(heights)), heights)  # its own rules: finite, >= 0, not all 0
    return [float(h) for h in heights]


def mean_in_bins(p: Density, edges: Array, points: int = 16) -> Array:
    """A density's mean in each bin, from so many points in each: edges (n + 1,) -> (n,)."""
    share = (np.arange(points) + 0.5) / points
    x = edges[:-1, None] + np.diff(edges)[:, None] * share
    return p.pdf(x).mean(1)
