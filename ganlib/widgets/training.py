"""Live training in the notebook: G's samples, the costs, V and D's verdicts, and every control."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import traitlets

from ganlib.datasets import Dataset, load
from ganlib.recipes import MNIST, Recipe
from ganlib.trainer import Trainer
from ganlib.widgets.engine import SETTINGS, TrainingEngine
from ganlib.widgets.preview import training_picture
from ganlib.widgets.protocol import LiveWidget, call, cell_key, script, style

__all__ = ["LiveTraining", "TrainingEngine"]


class LiveTraining(LiveWidget):
    """Train `recipe` on `data` in the background of the notebook, and change the run while it trains.

        live = LiveTraining(MNIST, load("mnist"), seed=0)
        show(live)          # the widget; it waits for its start button
        live.k = 3          # the same as the slider, in any other cell, while it trains
        live.save("runs/by-hand")

    The controls `k`, `lr_D`, `lr_G`, `momentum` (None: the recipe's schedule), `update` and `generator_cost` are
    traits: they follow the sliders, and the sliders follow them. A value that the demo does not take raises
    `RecipeError` and changes nothing. `data` None loads the recipe's; `samples` is the grid (rows, columns).
    """

    _esm = script("link.js", "canvas.js", "controls.js", "training.js")
    _css = style("live.css", "training.css")

    k = traitlets.Any()
    """D's updates to one of G's: 1 to 10."""
    lr_D = traitlets.Any()
    """D's rate at the first update: 1e-4 to 1."""
    lr_G = traitlets.Any()
    """G's rate at the first update: 1e-4 to 1."""
    momentum = traitlets.Any()
    """0 to 0.95, or None: as the recipe schedules it."""
    update = traitlets.Any()
    """"simultaneous" (the authors' code) or "alternating" (Algorithm 1 as printed)."""
    generator_cost = traitlets.Any()
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
    ) -> None:
        data = load(recipe.data) if data is None else data
        engine = TrainingEngine(recipe, data, seed, samples=samples, device=device, precision=precision)
        self._following = False
        super().__init__(engine, key=cell_key(type(self).__name__))
        self._follow()
        self.observe(self._control_changed, names=list(SETTINGS))

    def start(self) -> None:
        """Train, or go on training, in the background."""
        self._background.call(call("start"))

    def pause(self) -> None:
        """Rest where the run is."""
        self._background.call(call("pause"))

    def step(self) -> None:
        """Exactly one iteration, then rest."""
        self._background.call(call("step"))

    def stop(self) -> None:
        """End the training; what was learnt stays."""
        self._background.call(call("stop"))

    def reset(self, seed: int | None = None) -> None:
        """Go back to the start of the seed, bit for bit (None: the same seed). The controls stay as they are set."""
        self._background.call(call("reset", seed=seed))

    def restore(self) -> None:
        """Set every control to the recipe's own value."""
        self._background.call(call("restore"))

    def diagnosis(self) -> list[str]:
        """Is this loss curve normal? What the widget says about the last steps, sentence by sentence."""
        return self._engine.diagnosis()

    def save(self, folder: Path | str) -> Path:
        """Write a checkpoint of the run, from which `Trainer.resume` goes on. Raises `CheckpointError`."""
        return self._engine.trainer.save(folder)

    @property
    def trainer(self) -> Trainer:
        """The run itself; `reset` replaces it by a new one."""
        return self._engine.trainer

    @property
    def engine(self) -> TrainingEngine:
        """The demo without its front end."""
        return self._engine

    @property
    def state(self) -> str:
        """ "idle", "running", "paused", "stopped" or "error"."""
        return self._engine.state

    def preview(self, steps: int = 0) -> bytes:
        """A PNG of the demo as it is, or of its run after so many steps: trained aside, the demo does not move."""
        engine = self._engine
        if steps:
            trainer, hardware = engine.trainer, engine.trainer.hardware
            kind = {"device": str(hardware.device), "precision": hardware.precision}
            engine = TrainingEngine(trainer.recipe, engine.data, trainer.seed, samples=engine.samples, **kind)
            for _ in range(steps):
                engine.step()
        return training_picture(engine)

    @traitlets.validate(*SETTINGS)
    def _check(self, proposal: Any) -> Any:
        if self._following:
            return proposal["value"]
        return self._engine.check(proposal["trait"].name, proposal["value"])

    def _control_changed(self, change: Any) -> None:
        if not self._following:
            self._background.call(call("set", values={change["name"]: change["new"]}))

    def _follow(self) -> None:
        self._following = True
        try:
            for name, value in self._engine.settings.items():
                setattr(self, name, value)
        finally:
            self._following = False
