"""A run of a sweep on pictures: a run of `ganlib.runs` in its folder."""

import math
from functools import lru_cache
from pathlib import Path

import torch
from torch import Tensor

from ganlib import datasets, runs
from ganlib.errors import RecipeError, TrainingDiverged
from ganlib.images import scale
from ganlib.studies.diagnosis import spread
from ganlib.studies.sweeps import SPREAD, measured_net
from ganlib.sweep.planning import Plan, Run
from ganlib.trainer import Trainer

HISTORY = 50  # steps to a row of the history, at the most


class PictureGame:
    """A game of pictures: a run of `ganlib.runs` in its folder; its records are the scores of its history."""

    def __init__(self, plan: Plan, run: Run, folder: Path | None):
        self.plan, data = plan, dataset(run.recipe.data)
        how = {"seed": run.seed, "device": plan.device, "precision": plan.precision}
        if folder is None:
            self.played = runs.Run(Trainer(run.recipe, data, **how), "")
        else:
            self.played = runs.open(folder, run.recipe, data=data, **how)
        self.trainer, self.resumed = self.played.trainer, self.played.trainer.step
        steps = run.recipe.epochs * self.trainer.batches / (run.recipe.k * plan.records)  # to a record
        if steps < 1:
            few = f"{plan.records} records are more than this run has iterations"
            raise RecipeError(f"{few}: {steps * plan.records:.0f}")
        if not self.step:
            self.trainer.history.every = max(1, min(HISTORY, int(steps / 2)))
        self.rows = self.trainer.history.scores

    @property
    def step(self) -> int:
        """Iterations done."""
        return self.trainer.step

    @property
    def finished(self) -> bool:
        """Whether it has all its records."""
        return len(self.rows) >= self.plan.records

    def advance(self) -> None:
        """An iteration, and the record that is due after it. Raises `TrainingDiverged`."""
        trainer = self.trainer
        for _ in self.played.steps(1):
            pass
        if trainer.epochs_done < trainer.recipe.epochs * (len(self.rows) + 1) / self.plan.records:
            return
        columns = {name: trainer.history.column(name) for name in ("step", "V", "D_real", "D_fake")}
        new = columns.pop("step") > (self.rows[-1]["step"] if self.rows else 0)
        means = {name: float(values[new].mean()) for name, values in columns.items()}
        valid, data_spread = _valid(trainer.recipe.data, trainer.recipe.pixels)
        found = measured_net(trainer, means, valid, data_spread, runs.scored(trainer.recipe))
        if not all(map(math.isfinite, found.values())):
            raise TrainingDiverged(f"its samples are no longer finite at {trainer.step:,} iterations")
        place = {"step": trainer.step, "updates": trainer.updates, "epoch": trainer.epochs_done}
        self.rows.append({**place, **found})

    def save(self) -> None:
        """Write a checkpoint. Raises `TrainingDiverged` for a game that cannot go on, `CheckpointError`."""
        for player in self.trainer.players.values():
            if not all(bool(torch.isfinite(p).all()) for p in player.theta):
                raise TrainingDiverged(f"its parameters are no longer finite at {self.trainer.step:,} iterations")
        self.played.save()


# -- what many runs share --------------------------------------------------------------------------------------------


@lru_cache(maxsize=2)
def dataset(name: str) -> datasets.Dataset:
    """The data set of that name, and never another in its place: all workers have to train on the same."""
    return datasets.load(name, stand_in=False)


@lru_cache(maxsize=2)
def _valid(name: str, pixels: str) -> tuple[Tensor, float]:
    """The validation pictures as the nets see them, and their spread."""
    valid = scale(dataset(name).valid, pixels=pixels)
    return valid, spread(valid[:SPREAD])
