"""Live training without a front end: one `Trainer`, the commands that act on it, and what there is to see."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from ganlib import images
from ganlib.datasets import Dataset
from ganlib.errors import RecipeError
from ganlib.images import scale, shown
from ganlib.recipes import Recipe
from ganlib.studies.diagnosis import WINDOW, Evidence, Verdict, diagnose, spread
from ganlib.trainer import Step, Trainer
from ganlib.widgets.commanded import Commanded
from ganlib.widgets.curves import Curves, Mark, marked
from ganlib.widgets.protocol import Snapshot

LIMITS = {"k": (1, 10), "lr_D": (1e-4, 1.0), "lr_G": (1e-4, 1.0), "momentum": (0.0, 0.95)}
"""What the live demo's controls take. With k = 10 a step of the full nets keeps the kernel for a third of a second."""
SETTINGS = ("k", "lr_D", "lr_G", "momentum", "update", "generator_cost")
"""What a person may change while the run trains."""
CURVES = ("V", "cost_D", "cost_G", "D_real", "D_fake")
"""The columns of the curves after the step, fields of `Step`: nats, nats, nats, probability, probability."""
PICTURES = (0.2, 0.5)
"""Seconds between sample grids: the least and the most."""
DRAWING = 0.15
"""The share of the time that drawing may take; grids come less often when they cost more."""
Z_SEED = 1406
"""The seed of the z whose pictures are shown, always the same ones."""


class TrainingEngine(Commanded):
    """One run of `recipe` on `data` under a person's hands, without a front end.

    States: "idle" (at the start), "running", "paused", "stopped", and "error" (the run has diverged or broken; only
    `reset` leads out). A command that makes no sense raises `RecipeError` and changes nothing. `samples` is the grid
    of the picture, (rows, columns); pictures that are normalised (GCN) are shown in the range of as many real ones.
    """

    COMMANDS = ("start", "pause", "step", "stop", "restore")
    GOES_ON = "Start"

    def __init__(
        self,
        recipe: Recipe,
        data: Dataset,
        seed: int = 0,
        *,
        samples: tuple[int, int] = (8, 8),
        device: str = "auto",
        precision: str = "auto",
        top: Sequence[torch.nn.Module] | None = None,
    ):
        rows, columns = samples
        if not all(isinstance(n, int) and 1 <= n <= 20 for n in (rows, columns)):
            raise RecipeError(f"samples is {samples!r}; it must be (rows, columns), each an integer from 1 to 20")
        self.original, self.data, self.samples = recipe, data, (rows, columns)
        self._options = {"device": device, "precision": precision, "top": top}
        real = scale(data.valid[: rows * columns], pixels=recipe.pixels)
        self._data_spread, self._largest = spread(real), real.abs().max().item()
        self.trainer = Trainer(recipe, data, seed=seed, **self._options)
        self.slow = False
        """Whether the person asks for less motion: one picture a second."""
        self.applied = 0
        """The `id` of the last command that was carried out."""
        self.spent = {"training": 0.0, "drawing": 0.0}
        """Seconds spent since the last reset."""
        self.curves = Curves(1 + len(CURVES))
        self._picture = (0, b"")
        self._begin()

    def _begin(self) -> None:
        """What is empty at the start of a run."""
        self.state, self.error, self.message = "idle", "", ""
        self.latest: Step | None = None
        self.marks: list[Mark] = []
        self.curves.clear()
        self.spent = dict.fromkeys(self.spent, 0.0)
        self._recent: deque[Step] = deque(maxlen=WINDOW)
        self._times: deque[float] = deque(maxlen=50)
        self._drawn_at: int | None = None
        self._drawing_seconds = 0.0
        self._spread = float("nan")

    # -- commands ------------------------------------------------------------------------------------------------------

    @property
    def running(self) -> bool:
        """Whether `advance` trains."""
        return self.state == "running"

    def start(self) -> None:
        """Train, or go on training. Raises `RecipeError` after an error: `reset` first."""
        self._usable()
        self.state = "running"

    def pause(self) -> None:
        """Rest where the run is."""
        if self.running:
            self.state = "paused"

    def stop(self) -> None:
        """End the training; what was learnt stays, and `start` would go on from here."""
        if self.state in ("running", "paused"):
            self.state = "stopped"

    def step(self) -> None:
        """Exactly one iteration (k updates of D, one of G), then rest."""
        self._usable()
        self.state = "paused"
        self._train_once()

    def reset(self, seed: int | None = None) -> None:
        """Go back to the start of the seed, bit for bit; the controls stay as they are set. None: the same seed."""
        seed = self.trainer.seed if seed is None else seed
        self.trainer = Trainer(self.trainer.recipe, self.data, seed=seed, **self._options)
        self._begin()

    def twin(self) -> TrainingEngine:
        """The same demo at the start of its run, with the controls as they are set."""
        trainer = self.trainer
        return TrainingEngine(trainer.recipe, self.data, trainer.seed, samples=self.samples, **self._options)

    def restore(self) -> None:
        """Set every control to the recipe's own value."""
        self.set(**self.settings_of(self.original))

    def set(self, **values: Any) -> None:
        """Change k, lr_D, lr_G, momentum (None: the recipe's schedule), update, generator_cost: all or none."""
        checked = {name: self.check(name, value) for name, value in values.items()}
        changed = {name: value for name, value in checked.items() if value != self.settings[name]}
        if not changed:
            return
        live = {name: value for name, value in changed.items() if name != "momentum"}
        if "momentum" in changed:
            mu = changed["momentum"]
            ends = (self.original.momentum_start, self.original.momentum_end) if mu is None else (mu, mu)
            live["momentum_start"], live["momentum_end"] = ends
        self.trainer.change(**live)
        for name, value in changed.items():
            self._mark(name, value)

    def check(self, name: str, value: Any) -> Any:
        """The value as the run takes it. Raises `RecipeError` when the live demo does not take it."""
        if name not in SETTINGS:
            raise RecipeError(f"{name!r} is no control of the live demo; there are: {', '.join(SETTINGS)}")
        if name == "momentum" and value is None:
            return None
        if isinstance(value, np.generic):
            value = value.item()
        field = "momentum_start" if name == "momentum" else name
        try:
            replace(self.original, **{field: value})  # the recipe's own rules first
        except (TypeError, ValueError) as error:
            raise error if isinstance(error, RecipeError) else RecipeError(f"{name} is {value!r}: {error}") from None
        if name in LIMITS and not LIMITS[name][0] <= value <= LIMITS[name][1]:
            low, high = LIMITS[name]
            raise RecipeError(f"{name} is {value!r}; the live demo takes {low:g} to {high:g}")
        return value

    @property
    def settings(self) -> dict[str, Any]:
        """The controls as they are set; momentum is None under the recipe's schedule."""
        return self.settings_of(self.trainer.recipe)

    def settings_of(self, recipe: Recipe) -> dict[str, Any]:
        """The controls that a recipe means."""
        ends = (recipe.momentum_start, recipe.momentum_end)
        schedule = ends == (self.original.momentum_start, self.original.momentum_end)
        own = {name: getattr(recipe, name) for name in SETTINGS if name != "momentum"}
        return own | {"momentum": None if schedule else recipe.momentum_start}

    def retire(self) -> None:
        """Stop for good, because a newer demo has taken this one's place."""
        self.stop()

    def _usable(self) -> None:
        if self.state == "error":
            raise RecipeError(f"the run has ended in an error, reset it first: {self.error}")

    def _mark(self, name: str, value: Any) -> None:
        """Note a change for the curves; one that follows another of the same control at the same place replaces it."""
        near = 10 * self.curves.stride
        self.marks = marked(self.marks, (self.trainer.step, name, value), near=near)

    # -- work ----------------------------------------------------------------------------------------------------------

    @property
    def interval(self) -> float:
        """Seconds between pictures: often enough to follow, seldom enough to cost little."""
        if self.slow:
            return 1.0
        least, most = PICTURES
        return min(max(self._drawing_seconds / DRAWING, least), most)

    def advance(self, seconds: float) -> None:
        """Train for about so many seconds, at least one step. An error ends the run and shows in `message`."""
        end = time.perf_counter() + seconds
        while self.running:
            self._train_once()
            if time.perf_counter() >= end:
                return

    def _train_once(self) -> None:
        begun = time.perf_counter()
        try:
            (step,) = self.trainer.steps(1)
        except Exception as error:
            self.fail(error)
            raise
        self.latest = step
        self._recent.append(step)
        self.curves.add(step.step, tuple(getattr(step, name) for name in CURVES))
        self._times.append(time.perf_counter())
        self.spent["training"] += self._times[-1] - begun

    def draw(self) -> None:
        """Draw the sample grid, unless nothing has moved since. The run's random numbers stay as they are."""
        if self._drawn_at == self.trainer.step:
            return
        begun = time.perf_counter()
        rows, columns = self.samples
        x = torch.nan_to_num(self.trainer.samples(rows * columns, Z_SEED))  # (rows * columns, d)
        self._spread = spread(x) / self._data_spread
        x = shown(x, self.original.pixels, self._largest)
        sheet = images.mosaic(x, self.data.shape, columns, gap=0)
        self._picture = (self._picture[0] + 1, images.png(sheet))
        self._drawn_at = self.trainer.step
        self._drawing_seconds = time.perf_counter() - begun
        self.spent["drawing"] += self._drawing_seconds

    # -- what there is to see ------------------------------------------------------------------------------------------

    @property
    def speed(self) -> float:
        """Iterations per second of late; 0 at rest."""
        if not self.running or len(self._times) < 2:
            return 0.0
        return (len(self._times) - 1) / (self._times[-1] - self._times[0])

    def diagnosis(self) -> list[str]:
        """Is this loss curve normal? A few plain sentences, from the last steps of the run."""
        return list(self.verdict().sentences)

    def verdict(self) -> Verdict:
        """The same with its tone: "wait", "normal", "odd" or "broken"."""
        if self.state == "error":
            return Verdict(
                "broken", ("The run has ended in an error, which stands above. Reset goes back to its start.",)
            )
        changed_at = self.marks[-1][0] if self.marks else 0
        steps = [step for step in self._recent if step.step > changed_at]
        trainer = self.trainer
        return diagnose(Evidence(steps, self._spread, trainer.recipe, trainer.updates, changed=changed_at > 0))

    def snapshot(self, draw: bool) -> Snapshot:
        """All that the page shows; `draw` says whether the sample grid is to be drawn anew."""
        if draw:
            self.draw()
        trainer = self.trainer
        verdict = self.verdict()
        header = {
            "state": self.state,
            "message": self.message,
            "applied": self.applied,
            "step": trainer.step,
            "epoch": trainer.epochs_done,
            "speed": self.speed,
            "seed": trainer.seed,
            "settings": self.settings,
            "momentum": trainer.recipe.momentum(trainer.epoch),
            "schedule": [self.original.momentum_start, self.original.momentum_end],
            "latest": {name: getattr(self.latest, name) for name in CURVES} if self.latest else None,
            "marks": [list(mark) for mark in self.marks],
            "diagnosis": {"tone": verdict.tone, "sentences": list(verdict.sentences)},
            "grid": {"rows": self.samples[0], "columns": self.samples[1], "shape": list(self.data.shape)},
            "data": {"name": self.data.name, "n": len(trainer.pictures), "note": self.data.note},
        }
        return Snapshot(header, {"samples": self._picture}, (self.curves.generation, self.curves.rows()))
