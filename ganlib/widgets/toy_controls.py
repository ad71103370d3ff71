"""What a person can press and set in the live toy."""

from __future__ import annotations

from typing import Any

from ganlib import game
from ganlib.controls import Button, Choice, Curve, Slider, Switch
from ganlib.recipes import Recipe
from ganlib.studies.phenomena import PRESETS, hills
from ganlib.widgets.engine import GAME
from ganlib.widgets.past import MEMORY


def controls(recipe: Recipe) -> dict[str, Any]:
    """What a person can press and set, at first as the recipe has it."""
    noise, for_D, for_G, both = "Data and noise", "D, the discriminator", "G, the generator", "Both"
    data = {"gaussian": "one Gaussian", "bimodal": "two Gaussians", "trimodal": "three Gaussians"}
    data |= {"uniform": "uniform", "drawn": "draw it yourself"}
    costs = {"non-saturating": "−log D(G(z))", "minimax": "log(1 − D(G(z)))"}
    orders = {"alternating": "D, then G (Algorithm 1)", "simultaneous": "both at once (the authors)"}
    units, sizes = {"relu": "rectifiers", "sigmoid": "sigmoids"}, {2**i: str(2**i) for i in range(3, 10)}
    speeds = {n: f"{n} move{'s' * (n > 1)}/s" for n in (1, 2, 5, 10, 30, 100, 300)}
    speeds = {0.2: "a move in 5 s", **speeds, "full": "as fast as it goes"}
    k_of = {"whole": True, "words": lambda k: f"{k} of D to 1 of G" if k else "0: only G moves"}
    rate = {"low": 1e-3, "high": 1.0, "log": True, "off": (0.0, "0: held")}
    moves = "How far {} moves at each of its updates; at the left end it is held".format
    of_cost = "What G descends: the non-saturating cost, or the minimax one of Algorithm 1"
    of_order = "Alternating: D first, then G against the new D. Simultaneous: both from the same old parameters"
    of_p_data = "What the data are drawn from; draw it yourself: drag on the picture"
    of_mu = "The share of the last move that is kept in the next one"
    of_push = "At each G(z) an arrow: where G's cost falls along x, by D's slope there; none where D is flat"
    of_step = "k updates of D and one of G, or the rest of the iteration under way (S)"
    return {
        **{name: GAME[name] for name in ("start", "pause")},
        "step_D": Button("One D step", "One update of D on fresh draws, G held (D)", "d", "step"),
        "step_G": Button("One G step", "One update of G, D held (G)", "g", "step"),
        "step": Button("One iteration", of_step, "s", "step"),
        "best_D": Button("D to its optimum", "Train D alone until V no longer grows (B)", "b", "up"),
        **{name: GAME[name] for name in ("stop", "reset", "seed", "restore")},
        "undo": MEMORY["undo"],
        **{name: Button(preset.title, preset.see, group=preset.group) for name, preset in PRESETS.items()},
        **{name: one for name, one in MEMORY.items() if name != "undo"},
        "p_data": Choice(data, "gaussian", "p_data", of_p_data, group=noise),
        "heights": Curve(hills((-1.5, 0.9, 1.0), (1.8, 0.5, 0.6))),
        "p_z": Choice(game.PAPERS_PRIORS, recipe.p_z, "Prior on z", "What z is drawn from", group=noise),
        "batch": Choice(sizes, recipe.batch, "Batch m", "Examples, and z, in each update", slide=True, group=noise),
        "k": Slider(0, 20, recipe.k, 1, "k", "How often D is updated for each update of G", **k_of, group=for_D),
        "lr_D": Slider(**rate, start=recipe.lr_D, name="Rate of D", hint=moves("D"), group=for_D),
        "push": Switch(False, "push on G(z)", of_push, group=for_D),
        "lr_G": Slider(**rate, start=recipe.lr_G, name="Rate of G", hint=moves("G"), group=for_G),
        "generator_cost": Choice(costs, recipe.generator_cost, "Cost of G", of_cost, group=for_G),
        "units": Choice(units, "relu", "Units of G", "G's hidden units; another choice begins anew", group=for_G),
        "speed": Choice(speeds, "full", "Speed", "Moves a second: each an update of D or of G", slide=True, group=both),
        "momentum": Slider(0, 0.95, recipe.momentum_start, 0.05, "Momentum μ", of_mu, group=both),
        "update": Choice(orders, recipe.update, "Who moves when", of_order, group=both),
    }
