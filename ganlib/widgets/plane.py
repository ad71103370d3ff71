"""A game in the plane: data on a ring, on a grid, or where a person puts them; D as a map, and where G is pulled to."""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from scipy.special import expit

from ganlib.controls import Button, Choice, Points, Slider
from ganlib.densities import Modes, grid, ring
from ganlib.errors import TrainingDiverged
from ganlib.game import MINUS_LOG_4, generator_cost
from ganlib.picture import Arrows, Heat, Level, Line, Note, Panel, Picture
from ganlib.recipes import RING, Recipe
from ganlib.studies.toys import Toys
from ganlib.widgets.curves import Curves, Ranges
from ganlib.widgets.demo import GAME, Demo, Game, cell_key
from ganlib.widgets.training import COSTS, rate_text

REACH = 3.0
"""x and y go from -REACH to REACH."""
SIDE = 49
"""D is looked at on a grid of so many points a side."""
SHOWN, PULLED, MEASURED = 400, 80, 1_000
"""Points of the data and of G that are drawn, arrows, and samples that modes are counted on."""
EVERY = 25
"""Iterations between two points of the charts."""
LONGEST = 0.6
"""How long the longest arrow is drawn."""
STD = 0.05
"""Of each mode."""
DATA = {"ring": "a ring of 8", "grid": "a grid of 25", "points": "points of your own"}
AXIS = np.linspace(-REACH, REACH, SIDE)


def controls(recipe: Recipe, seed: int) -> dict[str, Any]:
    """The controls of a game as its recipe has them."""
    D, G, both = "D, the discriminator", "G, the generator", "Data, and both"
    rate = {"low": 1e-3, "high": 1.0, "log": True, "off": (0, "0: held"), "words": rate_text}
    rate["hint"] = "How far it moves at each of its updates; at the left end it is held"
    front = ("start", "pause", "step")
    return {
        **{key: GAME[key] for key in front},
        "step_D": Button("D only", "One update of D on fresh draws; G stays (D)", "d", "step"),
        "step_G": Button("G only", "One update of G; D stays (G)", "g", "step"),
        **{key: button for key, button in GAME.items() if key not in front},
        "seed": replace(GAME["seed"], start=seed),
        "learn": Button("Settings that learn the ring", "The ring, with settings that reach all 8 modes", group="-"),
        "p_data": Choice(list(DATA), name="Data", hint="Where the data lie", words=DATA, group=both),
        "momentum": Slider(0, 0.95, recipe.momentum_start, 0.05, "Momentum μ", "What is kept of a move", group=both),
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
        super().__init__(controls(recipe, seed))
        self.recipe, self.curves, self._ranges = recipe, Curves(4), Ranges()
        self.values |= {key: self.check(key, value) for key, value in settings.items()}
        self.defaults = dict(self.values)
        self.begin()

    def begin(self) -> None:
        """Go to the start of the seed."""
        v = self.values
        rates = {name: v[name] for name in ("k", "lr_D", "lr_G", "momentum")}
        self.toys = Toys(self.recipe, self.modes(), seeds=v["seed"], **rates)
        self.toys.set(generator_cost=v["generator_cost"])
        self.curves.clear()
        self._ranges.clear()
        self._times: deque[float] = deque(maxlen=50)
        self._measure()
        self._keep()

    def modes(self) -> Modes:
        """What the data are drawn from; the ring, as long as a person has put no points of their own."""
        chosen = self.values["p_data"]
        if chosen == "points" and self.values["points"]:
            return Modes(tuple(map(tuple, self.values["points"])), STD)
        return grid(std=STD) if chosen == "grid" else ring(std=STD)

    def changed(self, values: dict[str, Any]) -> None:
        """Change the game while it goes on. Points of a person's own become the data; another seed begins anew."""
        if values.get("points") and "p_data" not in values:
            values = {**values, "p_data": "points"}
        for name in values.keys() - {"seed", "points"}:
            if values[name] != self.values[name]:
                self.note(self.toys.step, name, values[name])
        self.values |= values
        if "seed" in values:
            self.reset()
            return
        named = ("k", "lr_D", "lr_G", "momentum", "generator_cost")
        self.toys.set(**{name: values[name] for name in named if name in values})
        if values.keys() & {"p_data", "points"}:
            self.toys.p_data, self._fresh = self.modes(), False

    # -- moves ---------------------------------------------------------------------------------------------------------

    def once(self) -> None:
        """One iteration. Raises `TrainingDiverged` when a parameter is no longer finite."""
        self._move(self.toys.iterate)
        self._times.append(time.perf_counter())
        if self.toys.step % EVERY == 0:
            self._measure()
            self._keep()

    def step_D(self) -> None:
        """One update of D on fresh draws, G held; then rest. It counts in no iteration."""
        self._by_hand(self.toys.step_D)

    def step_G(self) -> None:
        """One update of G, D held; then rest. It counts in no iteration."""
        self._by_hand(self.toys.step_G)

    def learn(self) -> None:
        """The ring with the settings under which it is learnt, from the start of the seed."""
        self.set(**LEARNS_THE_RING)
        self.reset()

    def _by_hand(self, move: Callable[[], None]) -> None:
        self.usable()
        self.state = "paused"
        try:
            self._move(move)
        except TrainingDiverged as error:
            self.fail(error)
            raise

    def _move(self, move: Callable[[], None]) -> None:
        move()
        self._fresh = False
        last = self.toys.G.biases[-1].sum() + self.toys.D.biases[-1].sum()
        self._check_finite(last.item())  # within an iteration, what is not finite in one place is so in all

    def _check_finite(self, number: float) -> None:
        if not math.isfinite(number):
            n = f"{self.toys.step:,}"
            raise TrainingDiverged(f"The game has diverged after {n} iterations. Reset it, and lower the rates.")

    # -- what is measured ----------------------------------------------------------------------------------------------

    def _measure(self) -> None:
        """Count the modes that G reaches, and the share of its samples that lie near one; V on as many of both."""
        p_data = self.toys.p_data
        data, x = p_data.sample(MEASURED, np.random.default_rng(1)), self.toys.samples(MEASURED, seed=1)[0]  # (n, 2)
        a_data, a_x = self.logit(data), self.logit(x)
        V = float(-np.logaddexp(0, -a_data).mean() - np.logaddexp(0, a_x).mean())
        self._check_finite(V)
        self.data, self.x, self.V, self._fresh = data, x, V, True
        self.D_data, self.D_x = expit(a_data).mean(), expit(a_x).mean()
        self.reached, self.good = (float(found) for found in p_data.covered(x))

    def _keep(self) -> None:
        self.curves.add(self.toys.step, (self.V, self.reached / len(self.toys.p_data.centres), self.good))

    @torch.no_grad()
    def logit(self, x: np.ndarray) -> np.ndarray:
        """D's logit at points x (n, 2): (n,)."""
        return self.toys.D(torch.as_tensor(x, dtype=self.toys.dtype)[None])[0, :, 0].double().numpy()

    def pull(self, x: np.ndarray) -> np.ndarray:
        """Minus the gradient of G's cost at samples x (n, 2), where each would go if it were free to: (n, 2)."""
        at = torch.as_tensor(x, dtype=self.toys.dtype).requires_grad_()
        cost = generator_cost(self.toys.D(at[None])[0, :, 0], self.values["generator_cost"]) * len(x)
        return -torch.autograd.grad(cost, at)[0].double().numpy()

    @property
    def speed(self) -> float:
        """Iterations a second of late; 0 at rest."""
        times = self._times
        return (len(times) - 1) / (times[-1] - times[0]) if self.running and len(times) > 1 else 0.0

    # -- what there is to see ------------------------------------------------------------------------------------------

    def picture(self) -> Picture:
        """D as a map with data, samples and arrows on it; modes and good samples, and V, over the iterations."""
        if not self._fresh and self.state != "error":
            try:
                self._measure()
            except TrainingDiverged as error:  # then what was measured last is shown
                self.fail(error)
        toys, n = self.toys, len(self.toys.p_data.centres)
        reached = f"{self.reached:.0f} of {n} modes"
        words = f"After {toys.step:,} iterations G reaches {reached}, and {self.good:.0%} of its samples lie near one. "
        words += f"V(D, G) is {self.V:.3f} nats; with D at its best it would be -1.386 where G has learnt the data."
        none_yet = self.values["p_data"] == "points" and not self.values["points"]
        own = "Click into the map to put data there; click on a point to take it away. Until then the ring is the data."
        readouts = [(f"{toys.step:,}", "iterations"), (f"{self.speed:,.0f}", "iterations/s")]
        return Picture([self._map(), *self._charts(reached)], words, readouts, [Note([own])] if none_yet else [])

    def _map(self) -> Panel:
        corners = np.stack(np.meshgrid(AXIS, AXIS), -1).reshape(-1, 2)
        D = np.nan_to_num(expit(self.logit(corners)), nan=0.5).reshape(SIDE, SIDE)
        data, x = self.data[:SHOWN], self.x[:SHOWN]
        start, pull = x[:PULLED], np.nan_to_num(self.pull(x[:PULLED]), posinf=0, neginf=0)
        scale = LONGEST / max(np.linalg.norm(pull, axis=1).max(), 0.05)  # where G is hardly pulled, arrows are short
        return Panel(
            "D(x) as a map; data, and where each G(z) is pulled",
            [Line(*data.T, "data", "data", dots=True), Line(*x.T, "G(z)", "G", dots=True)],
            *((-REACH, REACH), (-REACH, REACH), ""),
            heat=Heat(D, (-REACH, REACH), (-REACH, REACH), (0.5,), "D", (0, 1), "D"),
            arrows=[Arrows(start, start + scale * pull, "other")],
            square=True,
            draws="points",
            at=(0, 0, 19, 7),
            words=f"A map of D with {SHOWN} data and as many samples of G. "
            f"On average D says {self.D_data:.2f} on the data and {self.D_x:.2f} on the samples.",
        )

    def _charts(self, reached: str) -> list[Panel]:
        step, V, modes, good = self.curves.rows().T.copy()
        reach = (0.0, float(max(self.toys.step, 500)))
        shares = [
            Line(step, modes, "modes reached", "D", reached.removesuffix(" modes")),
            Line(step, good, "good samples", "G", f"{self.good:.0%}"),
        ]
        value = [Line(step, V, "V(D, G)", "V", self.V)]
        y = (self._ranges.around("V", [V], (-1.5, 0))[0], 0.0)
        named, bare = self.event_levels(), self.event_levels(named=False)
        below = [Level(MINUS_LOG_4, "-log 4"), *bare]
        return [
            Panel("Shares", shares, reach, (0, 1), "", levels=named, x_ticks=(), at=(0, 7, 9, 5)),
            Panel("Value, nats", value, reach, y, "iterations", levels=below, at=(9, 7, 10, 5)),
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
