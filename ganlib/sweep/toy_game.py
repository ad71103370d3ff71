"""A run of a sweep against a density: one game of `Toys`, with checkpoints."""

import math
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ganlib import checkpoints, game
from ganlib.densities import Array, Modes
from ganlib.errors import CheckpointError, TrainingDiverged, brief
from ganlib.layers import is_integer, is_plain
from ganlib.studies.coordination import PLANE_SAMPLES, plane_JSD
from ganlib.studies.diagnosis import spread
from ganlib.studies.sweeps import SPREAD, measured, width
from ganlib.studies.toys import Toys
from ganlib.sweep.planning import DENSITIES, Plan, Row, Run

PIECE = 50  # iterations between two looks at the clock


class ToyGame:
    """A game of one or two dimensions: `Toys` with one game in the stack. Float32, on the CPU."""

    def __init__(self, plan: Plan, run: Run, folder: Path | None):
        self.plan, self.run, self.folder = plan, run, folder
        self.p_data = DENSITIES[run.recipe.data]
        self.toys = Toys(run.recipe, self.p_data, seeds=run.seed)
        self.rows: list[Row] = []
        if folder is not None and checkpoints.exists(folder):
            state, _ = checkpoints.read(folder, self.check)
            self._restore(state)
        self.resumed = self.toys.step

    @property
    def step(self) -> int:
        """Iterations done."""
        return self.toys.step

    @property
    def finished(self) -> bool:
        """Whether it has all its records."""
        return len(self.rows) == self.plan.records

    def advance(self) -> None:
        """Some iterations, and the record that is due after them. Raises `TrainingDiverged`."""
        updates = self.plan.updates * (len(self.rows) + 1) / self.plan.records
        target = max(round(updates / (self.run.recipe.k + 1)), 1)
        for _ in range(min(PIECE, target - self.toys.step)):
            self.toys.iterate()
        if self.toys.step < target:
            return
        found = self._measured()
        if not all(map(math.isfinite, found.values())):
            raise TrainingDiverged(f"its numbers are no longer finite at {self.toys.step:,} iterations")
        self.rows.append({"step": self.toys.step, "updates": updates, **found})

    def _measured(self) -> Row:
        if not isinstance(self.p_data, Modes):
            return measured(self.toys, 0, _data_width(self.run.recipe.data))
        x, real, data_spread = self.toys.samples(PLANE_SAMPLES)[0], *_plane(self.run.recipe.data)
        if not np.isfinite(x).all():
            return {"V": math.nan}
        with torch.no_grad():
            sides = (torch.as_tensor(side, dtype=self.toys.dtype)[None] for side in (real, x))
            V = game.value(*(self.toys.D.logit(side)[0] for side in sides)).item()
        good = float(self.p_data.covered(x)[1])
        return {"JSD": plane_JSD(self.p_data, x), "V": V, "good": good, "width": _spread(x) / data_spread}

    # -- checkpoints ---------------------------------------------------------------------------------------------------

    def save(self) -> None:
        """Write a checkpoint. Raises `TrainingDiverged` for a game that cannot go on, `CheckpointError`."""
        saved = self.toys.saved()
        numbers = [*saved["nets"], *saved["velocity"]]
        if not all(bool(torch.isfinite(one).all()) for one in numbers):
            raise TrainingDiverged(f"its parameters are no longer finite at {self.toys.step:,} iterations")
        streams = {}
        for stream, (_, after, under_way, (for_x, for_z)) in saved["streams"].items():
            streams[stream] = {"next": after, "under_way": bool(under_way), "x": for_x[0], "z": for_z[0]}
        told = {
            "seed": self.run.seed,
            "recipe": self.run.recipe.to_dict(),
            "rows": self.rows,
            "step": saved["plain"]["step"],
        }
        state = {**told, "nets": saved["nets"], "velocity": saved["velocity"], "streams": streams}
        checkpoints.write(self.folder, state, self.check)

    def _restore(self, state: dict[str, Any]) -> None:
        """Go on from a state that `check` has seen."""
        toys, saved = self.toys, self.toys.saved()
        kind = (self.p_data, toys.batch, toys.p_z)
        streams = {}
        for stream, told in state["streams"].items():
            how = (kind, self.run.recipe.z_dim, toys.dtype, stream >= 0) if told["under_way"] else False
            streams[stream] = (kind, told["next"], how, ([told["x"]], [told["z"]]))
        plain = {**saved["plain"], "step": state["step"], "turn": 0}
        self.rows = list(state["rows"])
        toys.load({**saved, "plain": plain, "nets": state["nets"], "velocity": state["velocity"], "streams": streams})

    def check(self, state: Any) -> None:
        """Raise `CheckpointError` unless this is a state of this very run."""
        try:
            like = self.toys.saved()
            own = {"seed": self.run.seed, "recipe": self.run.recipe.to_dict()}
            right = all(state[name] == value for name, value in own.items())
            for name in ("nets", "velocity"):
                right &= [one.shape for one in state[name]] == [one.shape for one in like[name]]
                right &= all(one.dtype == self.toys.dtype for one in state[name])
            right &= is_integer(state["step"]) and 0 <= state["step"] and len(state["rows"]) <= self.plan.records
            right &= all(is_plain(value) for row in state["rows"] for value in row.values())
            for stream, told in state["streams"].items():
                right &= is_integer(stream) and is_integer(told["next"]) and 0 <= told["next"] <= 16
                if not told["z"].is_meta:
                    torch.Generator().set_state(told["z"])
                np.random.default_rng().bit_generator.state = told["x"]
        except (LookupError, TypeError, ValueError, AttributeError, RuntimeError, OverflowError) as error:
            raise CheckpointError(f"lacks a part or is of another version: {brief(str(error))}") from None
        if not right:
            raise CheckpointError("is of another run, or damaged")


# -- what many runs share --------------------------------------------------------------------------------------------


@lru_cache
def _data_width(name: str) -> float:
    """The width of a density, from as many draws as `ToySweep` takes."""
    return width(np.sort(DENSITIES[name].sample(100_000, np.random.default_rng(0))))


@lru_cache
def _plane(name: str) -> tuple[Array, float]:
    """Draws of modes in the plane, and their spread."""
    x = DENSITIES[name].sample(PLANE_SAMPLES, np.random.default_rng(0))
    return x, _spread(x)


def _spread(x: Array) -> float:
    return spread(torch.from_numpy(x[:SPREAD]))
