"""A game in the plane: data on a ring, on a grid, or where a person puts them; D as a map, and where G is pulled to."""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from scipy.special import expit

from ganlib.controls import Button, Choice, Points, Slider
from ganlib.densities import Modes, grid, ring
from ganlib.errors import TrainingDiverged
from ganlib.game import MINUS_LOG_4, value
from ganlib.picture import Arrows, Heat, Level, Line, Panel, Picture
from ganlib.recipes import RING, Recipe
from ganlib.studies.toys import Toys
from ganlib.widgets.demo import Demo, cell_key
from ganlib.widgets.engine import GAME, Game
from ganlib.widgets.steering import COSTS, rate_text

REACH = 3.0  # x and y go from -REACH to REACH
SHOWN, PULLED, MEASURED = (
    400,
    80,
    1_000,
)  # points of the data and of G that are drawn; arrows; samples for the counts
EVERY, STD, FALL = 25, 0.05, 0.2  # iterations between points of the charts; the modes' std; what a fall leaves of rates
#: settings that learn the ring, by `RING`; notebook 05 has what was measured
LEARNS = dict(p_data="ring", k=1, lr_D=0.03, lr_G=0.01, momentum=0.5, fall=2_500, generator_cost="non-saturating")
DATA = {"ring": "a ring of 8", "grid": "a grid of 25", "points": "points of your own"}
#: below the map: always, where a person puts the points, and while there are none yet
HALF = "On the thin line D says 1/2."
OWN = " Click into the map to put data there, and on a point to take it away."
UNTIL = " Until you do, the ring is the data."
AXIS = np.linspace(-REACH, REACH, 49)  # where D is looked at, in x and in y


def controls(recipe: Recipe, seed: int) -> dict[str, Any]:
    """The controls of a game as its recipe has them."""
    D, G, both = "D, the discriminator", "G, the generator", "Data, and both"
    rate = {"low": 1e-3, "high": 1.0, "log": True, "off": (0, "0: held"), "words": rate_text}
    rate["hint"] = "How far it moves at each of its updates; at the left end it is held"
    fall = f"After so many iterations {FALL:g} of both rates is left"
    falls = {"off": (0, "never"), "words": "after {:,}".format, "whole": True, "group": both}
    return {
        **GAME,
        "step_D": Button("One step of D", "One update of D on fresh draws; G stays (D)", "d", group=D),
        "step_G": Button("One step of G", "One update of G; D stays (G)", "g", group=G),
        "seed": replace(GAME["seed"], start=seed),
        "learn": Button("Settings that learn the ring", "The ring, with settings that reach all 8 modes", group="-"),
        "p_data": Choice(list(DATA), name="Data", hint="Where the data lie", words=DATA, group=both),
        "momentum": Slider(0, 0.95, recipe.momentum_start, 0.05, "Momentum μ", "What is kept of a move", group=both),
        "fall": Slider(500, 10_000, 0, 500, "Rates fall", fall, **falls),
        "points": Points(),
        "k": Slider(1, 20, recipe.k, 1, "k", "D's updates to one of G's", whole=True, group=D),
        "lr_D": Slider(**rate, start=recipe.lr_D, name="Rate of D", group=D),
        "lr_G": Slider(**rate, start=recipe.lr_G, name="Rate of G", group=G),
        "generator_cost": Choice(list(COSTS), recipe.generator_cost, "Cost of G", "What G descends", COSTS, group=G),
    }


class PlaneEngine(Game):
    """One game in the plane under a person's hands, without a front end."""

    title = "A generative adversarial net in the plane"
    interval = 1 / 12

    def __init__(self, recipe: Recipe = RING, seed: int = 0, **settings: Any):
        super().__init__(controls(recipe, seed), **settings)
        self.recipe = recipe
        self.begin()

    def twin(self) -> PlaneEngine:
        """Another game with the same controls, at its start."""
        return PlaneEngine(self.recipe, **self.values)

    def begin(self) -> None:
        """Go to the start of the seed."""
        self.toys = Toys(self.recipe, self.modes(), seeds=self.values["seed"])
        self._hand_over()
        self._measure(keep=True)

    def _hand_over(self) -> None:
        """Give the game what is set; the rates as they are by now."""
        v, left = self.values, FALL if 0 < self.values["fall"] <= self.toys.step else 1.0
        others = {name: v[name] for name in ("k", "momentum", "generator_cost")}
        self.toys.set(lr_D=left * v["lr_D"], lr_G=left * v["lr_G"], **others)

    def modes(self) -> Modes:
        """What the data are drawn from; the ring, as long as a person has put no points of their own."""
        chosen, points = self.values["p_data"], self.values["points"]
        if chosen == "points" and points:
            return Modes(tuple(map(tuple, points)), STD)
        return grid(std=STD) if chosen == "grid" else ring(std=STD)

    def changed(self, values: dict[str, Any]) -> None:
        """Change the game while it goes on. Points of a person's own become the data; another seed begins anew."""
        if values.get("points") and "p_data" not in values:
            values = {**values, "p_data": "points"}
        for name in values.keys() - {"seed", "points", "fall"}:
            self.note(self.toys.step, name, values[name])
        self.values |= values
        if "seed" in values:
            self.reset()
            return
        self._hand_over()
        if values.keys() & {"p_data", "points"}:
            self.toys.p_data, self._fresh = self.modes(), False

    # -- moves ---------------------------------------------------------------------------------------------------------

    def once(self) -> None:
        """One iteration."""
        self.toys.iterate()
        self._fresh = False
        if self.toys.step == self.values["fall"]:
            self._hand_over()
        if self.toys.step % EVERY == 0:
            self._measure(keep=True)

    def step_D(self) -> None:
        """One update of D on fresh draws, G held; then rest. It counts in no iteration."""
        self._by_hand(self.toys.step_D)

    def step_G(self) -> None:
        """One update of G, D held; then rest. It counts in no iteration."""
        self._by_hand(self.toys.step_G)

    def learn(self) -> None:
        """The ring from the start of the seed, under settings that learn it."""
        self.set(**LEARNS)
        self.reset()

    def _by_hand(self, move: Callable[[], None]) -> None:
        self.usable()
        self.state = "paused"
        self._guarded(lambda: (move(), self._measure()))

    # -- what is measured ----------------------------------------------------------------------------------------------

    def _measure(self, *, keep: bool = False) -> None:
        """Count the modes that G reaches and the share of its samples that lie near one; V on as many of both.

        Raises `TrainingDiverged` when V is no finite number; then what was measured last stays.
        """
        p_data = self.toys.p_data
        data, x = p_data.sample(MEASURED, np.random.default_rng(1)), self.toys.samples(MEASURED, 1)[0]  # (n, 2) each
        a_data, a_x = self.logit(data), self.logit(x)
        V = value(torch.tensor(a_data), torch.tensor(a_x)).item()
        if not math.isfinite(V):
            n = self.toys.step
            raise TrainingDiverged(f"After {n:,} iterations the game has diverged. Lower the rates, then reset.")
        self.data, self.x, self.V, self._fresh = data, x, V, True
        self.D_data, self.D_x = expit(a_data).mean(), expit(a_x).mean()
        self.reached, self.good = (float(found) for found in p_data.covered(x))
        if keep:
            self.curves.add(self.toys.step, (V, self.reached / len(p_data.centres), self.good))

    @torch.no_grad()
    def logit(self, x: np.ndarray) -> np.ndarray:
        """D's logit at points x (n, 2): (n,)."""
        return self.toys.D(torch.as_tensor(x, dtype=self.toys.dtype)[None])[0, :, 0].double().numpy()

    def pull(self, x: np.ndarray) -> np.ndarray:
        """Minus the gradient of G's cost at samples x (n, 2), where each would go if it were free to: (n, 2)."""
        return self.toys.push(x, cost=self.values["generator_cost"])

    # -- what there is to see ------------------------------------------------------------------------------------------

    def picture(self) -> Picture:
        """D as a map with data, samples and arrows on it; modes and good samples, and V, over the iterations."""
        if not self._fresh and self.state != "error":
            with suppress(TrainingDiverged):  # then what was measured last is shown
                self._guarded(self._measure)
        step, reached = self.toys.step, f"{self.reached:.0f} of {len(self.toys.p_data.centres)} modes"
        words = f"After {step:,} iterations G reaches {reached}, and {self.good:.0%} of its samples lie near one. "
        words += f"V(D, G) is {self.V:.3f} nats. Had G learnt the data, and were D at its best, it would be -1.386."
        return Picture([self._map(), *self._charts(reached)], words, [(f"{step:,}", "iterations")])

    def _map(self) -> Panel:
        ends, corners = (-REACH, REACH), np.stack(np.meshgrid(AXIS, AXIS), -1)  # (49, 49, 2)
        D = np.nan_to_num(expit(self.logit(corners.reshape(-1, 2))), nan=0.5).reshape(corners.shape[:2])
        start, pull = self.x[:PULLED], np.nan_to_num(self.pull(self.x[:PULLED]), posinf=0, neginf=0)
        scale = 0.6 / max(np.linalg.norm(pull, axis=1).max(), 0.05)  # where G is hardly pulled, arrows are short
        shown = (self.data, "data", "data"), (self.x, "G(z)", "G")
        own = self.values["p_data"] == "points"
        caption = HALF + own * OWN + (own and not self.values["points"]) * UNTIL
        return Panel(
            "D(x) as a map; data, and where each G(z) is pulled",
            [Line(*xs[:SHOWN].T, *style, dots=True) for xs, *style in shown],
            *(ends, ends, ""),
            heat=Heat(D, ends, ends, (0.5,), "D", (0, 1), "D"),
            arrows=[Arrows(start, start + scale * pull, "other")],
            **{"square": True, "draws": "points", "at": (0, 0, 19, 7), "caption": caption},
            words=f"A map of D with {SHOWN} data and as many samples of G. "
            f"On average D says {self.D_data:.2f} on the data and {self.D_x:.2f} on the samples.",
        )

    def _charts(self, reached: str) -> list[Panel]:
        step, V, modes, good = self.curves.rows().T.copy()
        reach = (0.0, float(max(self.toys.step, 500)))
        found = Line(step, modes, "modes reached", "D", reached.removesuffix(" modes"))
        near, V_line = Line(step, good, "good samples", "G", f"{self.good:.0%}"), Line(step, V, "V(D, G)", "V", self.V)
        y, fall = (self._ranges.around("V", [V], (-1.5, 0))[0], 0.0), float(self.values["fall"])
        fell = [Level(x=fall, name="rates fall")] if 0 < fall <= reach[1] else []
        named, below = [*self.event_levels(), *fell], [Level(MINUS_LOG_4, "-log 4"), *self.event_levels(named=False)]
        return [
            Panel("Shares", [found, near], reach, (0, 1), "", levels=named, x_ticks=(), at=(0, 7, 9, 5)),
            Panel("Value, nats", [V_line], reach, y, "iterations", levels=below, at=(9, 7, 10, 5)),
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
