"""The record of a run: what each step was, and what the run did over its length."""

from dataclasses import astuple, dataclass, fields
from typing import Any, Self

import numpy as np
import torch

from ganlib.errors import RecipeError, brief
from ganlib.layers import one_of, whole


@dataclass(frozen=True)
class Step:
    """One iteration: k updates of D and one of G. Costs and probabilities are those that the updates started from."""

    step: int  # iterations done
    epoch: float  # passes over the training data done
    V: float  # V(D, G) on the (last) minibatch, nats
    cost_D: float  # -V/2, nats
    cost_G: float  # what G descends, nats
    D_real: float  # mean D(x)
    D_fake: float  # mean D(G(z))
    norm_D: float  # L2 norm of D's gradient
    norm_G: float  # L2 norm of G's gradient
    lr_D: float  # D's rate at this step
    lr_G: float  # G's rate at this step
    momentum: float  # mu at this step
    cost_E: float = 0.0  # what an inference net descends
    cost_labels: float = 0.0  # what D descends on labelled examples, beside cost_D, nats


COLUMNS = tuple(item.name for item in fields(Step))
TWO = COLUMNS.index("cost_E")  # so many numbers has a step of a game of two nets
CURVES = ("epoch", "V", "cost_D", "cost_G", "D_real", "D_fake")  # those that are drawn, and kept beside weights


class History:
    """What a run did: steps averaged over windows of `every`, validation scores, and changes made while it ran."""

    def __init__(self, every: int = 50):
        whole(1, 10**9).hold("history_every is", every)
        self.every = every
        self.rows: list[tuple[float, ...]] = []  # of a `Step`'s numbers, one for each full window
        self.scores: list[dict[str, float]] = []
        self.changes: list[dict[str, Any]] = []
        self._window: list[tuple[float, ...]] = []

    def record(self, step: Step) -> None:
        """Add one step; a full window becomes a row (its step and epoch are the last ones, the rest are means)."""
        if not isinstance(step, Step):
            raise RecipeError(f"a history takes a Step, not {brief(step)}")
        self._window.append(astuple(step))
        if len(self._window) == self.every:
            means = np.mean(self._window, axis=0)
            self.rows.append((float(step.step), step.epoch, *means[2:].tolist()))
            self._window.clear()

    def column(self, name: str) -> np.ndarray:
        """One column over the run, float64 (rows,): a field of `Step`."""
        one_of(COLUMNS).hold("a column is", name)
        return np.array([row[COLUMNS.index(name)] for row in self.rows], dtype=np.float64)

    def curves(self) -> dict[str, np.ndarray]:
        """What `plots.learning_curves` draws of the run, by epoch: each of `CURVES`, (rows,)."""
        return {name: self.column(name) for name in CURVES}

    def state(self) -> dict[str, Any]:
        """Everything, as tensors and plain values."""
        rows, window = (
            torch.tensor(steps, dtype=torch.float64).reshape(len(steps), len(COLUMNS))
            for steps in (self.rows, self._window)
        )
        if not (rows[:, TWO:].any() or window[:, TWO:].any()):  # as earlier versions wrote it, and read it
            rows, window = rows[:, :TWO].clone(), window[:, :TWO].clone()
        plain = {"scores": list(self.scores), "changes": list(self.changes)}
        return {"every": self.every, "rows": rows, "window": window, **plain}

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> Self:
        """The history that `state` described."""
        history = cls(state["every"])
        for name, steps in (("rows", state["rows"]), ("_window", state["window"])):
            fill = (0.0,) * (len(COLUMNS) - steps.shape[1])  # earlier versions recorded fewer numbers
            setattr(history, name, [(*row, *fill) for row in steps.tolist()])
        history.scores, history.changes = list(state["scores"]), list(state["changes"])
        return history
