"""A game in the plane: data on a ring, on a grid, or where a person puts them; D as a map, and where G is pulled to."""

from __future__ import annotations

from collections import deque
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from scipy.special import expit

from ganlib.controls import Choice, Points, Slider
from ganlib.densities import Modes, grid, ring
from ganlib.errors import TrainingDiverged
from ganlib.game import MINUS_LOG_4, generator_cost
from ganlib.picture import Arrows, Heat, Level, Line, Note, Panel, Picture
from ganlib.recipes import RING, Recipe
from ganlib.studies.toys import Toys
from ganlib.widgets.curves import Curves
from ganlib.widgets.demo import GAME, Demo, Game, cell_key
from ganlib.widgets.training import COSTS, rate_text

REACH = 3.0
"""x and y go from -REACH to REACH."""
SIDE = 49
"""D is looked at on a grid of so many points a side."""
SHOWN, PULLED = 400, 80
"""Points of the data and of G that are drawn, and arrows."""
MEASURED = 1_000
"""Samples that modes are counted on."""
EVERY = 25
"""Iterations between two measurements."""
STD = 0.05
"""Of each mode."""
DATA = {"ring": "a ring of 8", "grid": "a grid of 25", "points": "points of your own"}
AXIS = np.linspace(-REACH, REACH, SIDE)


class PlaneEngine(Game):
    """One game in the plane under a person's hands, without a front end."""

    title = "A generative adversarial net in the plane"
    interval = 1 / 12

    def __init__(self, recipe: Recipe = RING, seed: int = 0, **settings: Any):
        rate = {"low": 1e-3, "high": 1.0, "log": True, "off": (0, "0: held"), "words": rate_text}
        D, G, both = "D, the discriminator", "G, the generator", "Data, and both"
        hint = "How far it moves at each of its updates; at the left end it is held"
        super().__init__(
            {
                **GAME,
                "seed": replace(GAME["seed"], start=seed),
                "p_data": Choice(list(DATA), name="Data", hint="Where the data lie", words=DATA, group=both),
                "points": Points(),
                "k": Slider(1, 20, recipe.k, 1, "k", "D's updates to one of G's", whole=True, group=D),
                "lr_D": Slider(**rate, start=recipe.lr_D, name="Rate of D", hint=hint, group=D),
                "lr_G": Slider(**rate, start=recipe.lr_G, name="Rate of G", hint=hint, group=G),
                "generator_cost": Choice(
                    list(COSTS), recipe.generator_cost, "Cost of G", "What G descends", COSTS, group=G
                ),
                "momentum": Slider(0, 0.95, recipe.momentum_start, 0.05, "Momentum μ", group=both),
            }
        )
        self.recipe, self.curves = recipe, Curves(4)
        self.values |= {key: self.check(key, value) for key, value in settings.items()}
        self.defaults = dict(self.values)
        self.begin()

    def begin(self) -> None:
        """Go to the start of the seed."""
        v = self.values
        rates = {name: v[name] for name in ("k", "lr_D", "lr_G", "momentum")}
        self.toys = Toys(self.recipe, self.modes(), seeds=v["seed"], **rates)
        self.toys.generator_cost = v["generator_cost"]
        self.curves.clear()
        self._times: deque[tuple[float, int]] = deque(maxlen=50)
        self._measure()

    def modes(self) -> Modes:
        """What the data are drawn from."""
        chosen = self.values["p_data"]
        if chosen == "points" and self.values["points"]:
            return Modes(tuple(map(tuple, self.values["points"])), STD)
        return grid(std=STD) if chosen == "grid" else ring(std=STD)

    def changed(self, values: dict[str, Any]) -> None:
        """Change the game while it goes on. Points of a person's own become the data; another seed begins anew."""
        if values.get("points") and "p_data" not in values:
            values = {**values, "p_data": "points"}
        self.values |= values
        for name in values.keys() - {"seed", "points"}:
            self.note(self.toys.step, name, values[name])
        if "seed" in values:
            self.reset()
            return
        named = ("k", "lr_D", "lr_G", "momentum", "generator_cost")
        self.toys.set(**{name: values[name] for name in named if name in values})
        if values.keys() & {"p_data", "points"}:
            self.toys.p_data = self.modes()
            self._measure()

    def once(self) -> None:
        """One iteration."""
        self.toys.iterate()
        if self.toys.step % EVERY == 0:
            self._measure()

    def _measure(self) -> None:
        """Count the modes that G reaches, and the share of its samples that lie near one; V on as many of both."""
        toys = self.toys
        if not toys.finite[0]:
            raise TrainingDiverged(f"The game has diverged after {toys.step:,} iterations. Reset, and lower the rates.")
        self.x = toys.samples(MEASURED, seed=1)[0]  # (n, 2)
        self.data = toys.p_data.sample(MEASURED, np.random.default_rng(1))
        self.covered, self.good = (float(found) for found in toys.p_data.covered(self.x))
        a_data, a_x = self.logit(self.data), self.logit(self.x)
        self.V = float(-np.logaddexp(0, -a_data).mean() - np.logaddexp(0, a_x).mean())
        self.curves.add(toys.step, (self.V, self.covered / len(toys.p_data.centres), self.good))

    @torch.no_grad()
    def logit(self, x: np.ndarray) -> np.ndarray:
        """D's logit at points x (n, 2): (n,)."""
        return self.toys.D(torch.as_tensor(x, dtype=self.toys.dtype)[None])[0, :, 0].double().numpy()

    def pull(self, x: np.ndarray) -> np.ndarray:
        """Minus the gradient of G's cost at samples x (n, 2), where each would go if it were free to: (n, 2)."""
        at = torch.as_tensor(x, dtype=self.toys.dtype).requires_grad_()
        cost = generator_cost(self.toys.D(at[None])[0, :, 0], self.values["generator_cost"]) * len(x)
        return -torch.autograd.grad(cost, at)[0].double().numpy()

    # -- what there is to see ------------------------------------------------------------------------------------------

    def picture(self) -> Picture:
        """D as a map with data, samples and arrows on it; modes and good samples, and V, over the iterations."""
        toys, n = self.toys, len(self.toys.p_data.centres)
        corners = np.stack(np.meshgrid(AXIS, AXIS), -1).reshape(-1, 2)
        D = expit(self.logit(corners)).reshape(SIDE, SIDE)
        x = toys.samples(SHOWN, seed=1)[0]
        pull = self.pull(x[:PULLED])
        longest = np.linalg.norm(pull, axis=1).max(initial=1e-12)
        ends = x[:PULLED] + 0.6 * pull / max(longest, 0.05)  # the longest arrow is 0.6 long, where G is pulled at all
        plane = Panel(
            "D(x) as a map; data, and where each G(z) is pulled",
            [
                Line(self.data[:SHOWN, 0], self.data[:SHOWN, 1], "data", "data", dots=True),
                Line(x[:, 0], x[:, 1], "G(z)", "G", dots=True),
            ],
            *((-REACH, REACH), (-REACH, REACH)),
            x_label="",
            heat=Heat(D, (-REACH, REACH), (-REACH, REACH), (0.5,), "D", (0, 1), "D"),
            arrows=[Arrows(x[:PULLED], ends, "other")],
            square=True,
            draws="points",
            at=(0, 0, 19, 7),
            words=f"{SHOWN} samples of G and as many data on a map of D, after {toys.step:,} iterations.",
        )
        modes = f"{self.covered:.0f} of {n} modes, {self.good:.0%} of the samples near one"
        words = f"After {toys.step:,} iterations G reaches {modes}. V(D, G) is {self.V:.3f} nats."
        own = self.values["p_data"] == "points" and not self.values["points"]
        notes = [Note(["Click into the map to put data there; click on a point to take it away."])] if own else []
        return Picture([plane, *self._charts()], words, [(f"{toys.step:,}", "iterations")], notes)

    def _charts(self) -> list[Panel]:
        step, V, modes, good = self.curves.rows().T.copy()
        reach = (0.0, float(max(self.toys.step, 500)))
        shares = [
            Line(step, modes, "modes reached", "D", f"{modes[-1]:.0%}"),
            Line(step, good, "good samples", "G", f"{good[-1]:.0%}"),
        ]
        value = [Line(step, V, "V(D, G)", "V", float(V[-1]))]
        y = (min(-2.0, float(np.quantile(V, 0.02))), 0.0)
        named, bare = self.event_levels(), self.event_levels(named=False)
        return [
            Panel("Shares", shares, reach, (0, 1), "", levels=named, x_ticks=(), at=(0, 7, 9, 5)),
            Panel(
                *("Value, nats", value, reach, y, "iterations"),
                levels=[Level(MINUS_LOG_4, "-log 4"), *bare],
                at=(9, 7, 10, 5),
            ),
        ]


class LivePlane(Demo):
    """A game in the plane, to play with while it trains: a ring of 8 modes, a grid of 25, or points of your own.

        plane = LivePlane("ring", seed=0)
        show(plane)                             # the widget; it waits for its play button
        plane.points = [(-1, 0), (1, 0.5)]      # the same as clicking into the map

    The controls `p_data`, `points`, `k`, `lr_D`, `lr_G`, `generator_cost`, `momentum` and `seed` are traits; `settings`
    are their values at first. A value that the demo does not take raises `RecipeError`.
    """

    def __init__(self, p_data: str = "ring", seed: int = 0, *, recipe: Recipe = RING, **settings: Any) -> None:
        super().__init__(PlaneEngine(recipe, seed, p_data=p_data, **settings), key=cell_key(type(self).__name__))

    def preview(self, steps: int = 0) -> bytes:
        """A PNG of the demo as it is, or of its game after so many iterations: played aside, the demo does not move."""
        engine = self.engine
        if steps:
            engine = PlaneEngine(engine.recipe, **engine.values)
            for _ in range(steps):
                engine.once()
        return engine.png()
