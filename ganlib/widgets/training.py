"""Live training in the notebook: G's samples, the costs, V and D's verdicts, and every control."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch

from ganlib.datasets import Dataset, load
from ganlib.recipes import MNIST, Recipe
from ganlib.runs import Run
from ganlib.trainer import Trainer
from ganlib.widgets.engine import TrainingEngine
from ganlib.widgets.preview import training_picture
from ganlib.widgets.protocol import Control, LiveRun, cell_key, script, style

__all__ = ["LiveTraining", "TrainingEngine"]


class LiveTraining(LiveRun):
    """Train `recipe` on `data` in the background of the notebook, and change the run while it trains.

        live = LiveTraining(MNIST, load("mnist"), seed=0)
        show(live)          # the widget; it waits for its start button
        live.k = 3          # the same as the slider, in any other cell, while it trains
        live.save("runs/by-hand")

    The controls `k`, `lr_D`, `lr_G`, `momentum` (None: the recipe's schedule), `update` and `generator_cost` are
    traits: they follow the sliders, and the sliders follow them. A value that the demo does not take raises
    `RecipeError` and changes nothing. `data` None loads the recipe's; `samples` is the grid (rows, columns); `top`
    is what `Trainer` takes for a recipe that is built on another one.
    """

    _esm = script("link.js", "canvas.js", "controls.js", "view.js", "training.js")
    _css = style("live.css", "training.css")

    k = Control()
    """D's updates to one of G's: 1 to 10."""
    lr_D = Control()
    """D's rate at the first update: 1e-4 to 1."""
    lr_G = Control()
    """G's rate at the first update: 1e-4 to 1."""
    momentum = Control()
    """0 to 0.95, or None: as the recipe schedules it."""
    update = Control()
    """"simultaneous" (the authors' code) or "alternating" (Algorithm 1 as printed)."""
    generator_cost = Control()
    """"non-saturating" or "minimax"."""

    def __init__(
        self,
        recipe: Recipe = MNIST,
        data: Dataset | None = None,
        seed: int = 0,
        *,
        samples: tuple[int, int] = (8, 8),
        device: str = "auto",
        precision: str = "auto",
        top: Sequence[torch.nn.Module] | None = None,
    ) -> None:
        data = load(recipe.data) if data is None else data
        engine = TrainingEngine(recipe, data, seed, samples=samples, device=device, precision=precision, top=top)
        super().__init__(engine, key=cell_key(type(self).__name__))
        self._run: Run | None = None  # where it was saved last

    def diagnosis(self) -> list[str]:
        """Is this loss curve normal? What the widget says about the last steps, sentence by sentence."""
        return self._engine.diagnosis()

    def save(self, folder: Path | str) -> Path:
        """Write a checkpoint of the run, from which `runs.open` goes on. Raises `CheckpointError`."""
        if self._run is None or (self._run.trainer, self._run.folder) != (self.trainer, Path(folder)):
            self._run = Run(self.trainer, folder)
        return self._run.save()

    @property
    def trainer(self) -> Trainer:
        """The run itself; `reset` replaces it by a new one."""
        return self._engine.trainer

    def preview(self, steps: int = 0) -> bytes:
        """A PNG of the demo as it is, or of its run after so many steps: trained aside, the demo does not move."""
        engine = self._engine
        if steps:
            engine = engine.twin()
            for _ in range(steps):
                engine.step()
        return training_picture(engine)
