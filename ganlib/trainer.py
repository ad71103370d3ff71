"""Algorithm 1, the authors' simultaneous update, and the record of a run."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import astuple, dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ganlib import checkpoints, game, hardware, parzen
from ganlib.datasets import Dataset, load
from ganlib.errors import CheckpointError, DataError, RecipeError, TrainingDiverged
from ganlib.hardware import provenance
from ganlib.images import mean_picture, scale
from ganlib.recipes import LIVE, Recipe


@dataclass(frozen=True)
class Step:
    """One iteration: k updates of D and one of G. Costs and probabilities are those that the updates started from."""

    step: int
    """Iterations done."""
    epoch: float
    """Passes over the training data done."""
    V: float
    """V(D, G) on the (last) minibatch, nats."""
    cost_D: float
    """-V/2, nats."""
    cost_G: float
    """What G descends, nats."""
    D_real: float
    """Mean D(x)."""
    D_fake: float
    """Mean D(G(z))."""
    norm_D: float
    """L2 norm of D's gradient."""
    norm_G: float
    """L2 norm of G's gradient."""
    lr_D: float
    """D's rate at this step."""
    lr_G: float
    """G's rate at this step."""
    momentum: float
    """mu at this step."""


COLUMNS = tuple(item.name for item in fields(Step))


class History:
    """What a run did: steps averaged over windows of `every`, validation scores, and changes made while it ran."""

    def __init__(self, every: int = 50):
        if not isinstance(every, int) or every < 1:
            raise RecipeError(f"history_every is {every!r}; it must be an integer >= 1")
        self.every = every
        self.rows: list[tuple[float, ...]] = []
        self.scores: list[dict[str, float]] = []
        self.changes: list[dict[str, Any]] = []
        self._window: list[tuple[float, ...]] = []

    def record(self, step: Step) -> None:
        """Add one step; a full window becomes a row (its step and epoch are the last ones, the rest are means)."""
        self._window.append(astuple(step))
        if len(self._window) == self.every:
            means = np.mean(self._window, axis=0)
            self.rows.append((float(step.step), step.epoch, *means[2:].tolist()))
            self._window.clear()

    def column(self, name: str) -> np.ndarray:
        """One column over the run, float64 (rows,): a field of `Step`."""
        return np.array([row[COLUMNS.index(name)] for row in self.rows], dtype=np.float64)

    def state(self) -> dict[str, Any]:
        """Everything, as tensors and plain values."""
        return {
            "every": self.every,
            "rows": _table(self.rows),
            "window": _table(self._window),
            "scores": [dict(score) for score in self.scores],
            "changes": [dict(change) for change in self.changes],
        }

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> History:
        """The history that `state` described."""
        history = cls(state["every"])
        history.rows = [tuple(row) for row in state["rows"].tolist()]
        history._window = [tuple(row) for row in state["window"].tolist()]
        history.scores, history.changes = list(state["scores"]), list(state["changes"])
        return history


def _table(rows: list[tuple[float, ...]]) -> Tensor:
    return torch.tensor(rows, dtype=torch.float64).reshape(len(rows), len(COLUMNS))


def _norm(tensors: tuple[Tensor, ...]) -> float:
    """The L2 norm of all of them together."""
    return torch.stack(torch._foreach_norm(tensors)).norm().item()


class Trainer:
    """Trains G against D by a recipe (Goodfellow et al. 2014, Algorithm 1, or the authors' simultaneous update).

    The caller owns the loop:

        trainer = Trainer(recipe, load(recipe.data), seed=0)
        for step in trainer.steps(1_000):
            ...

    The order in which random numbers are drawn is part of the recipe: for each of D's updates m data examples (from
    `data_rng`), m noise samples, D's masks layer by layer (from `rng`); for an alternating update of G m fresh noise
    samples, then masks. In the simultaneous update G uses the noise and the masks of D's last update.

    `top` is for a recipe that is built on another: the trained layers (m, numbers) -> (m, numbers) of that one's G,
    which become the last layers of this G.
    """

    def __init__(
        self,
        recipe: Recipe,
        data: Dataset,
        *,
        seed: int = 0,
        device: str = "auto",
        precision: str = "auto",
        history_every: int = 50,
        top: Sequence[torch.nn.Module] | None = None,
    ):
        if not isinstance(seed, int) or not 0 <= seed < 2**63:
            raise RecipeError(f"seed is {seed!r}; it must be an integer from 0 to 2^63 - 1")
        if recipe.G[-1].units != data.d:
            raise DataError(f"recipe {recipe.name!r} makes {recipe.G[-1].units} numbers, {data.name!r} has {data.d}")
        self.recipe, self.data, self.seed = recipe, data, seed
        self.hardware = hardware.choose(device, precision)
        self.history = History(history_every)
        self.sessions: list[dict[str, Any]] = [{"from_step": 0, **provenance()}]
        """What trained it: commit, day and versions, at the start and at each resume."""
        self._home: Path | None = None  # the folder that holds this run
        self.step = 0
        """Iterations done."""
        self.updates = 0
        """D's updates done: the t of the rates' schedule."""
        self.epoch = 1
        """The pass over the data that is under way, from 1."""
        pictures = data.train[: recipe.examples or None]
        if len(pictures) < recipe.batch:
            raise DataError(
                f"{data.name!r} has {len(pictures)} training examples, fewer than a batch of {recipe.batch}"
            )
        self.pictures = pictures.to(self.hardware.device)
        G, D = recipe.networks(seed, mean_picture(pictures))
        self.G, self.D = (net.to(self.hardware.device, self.hardware.dtype) for net in (G, D))
        self._put_on_top(top)
        self.velocity = {name: [torch.zeros_like(p) for p in net.parameters()] for name, net in self._players()}
        seeds = np.random.SeedSequence(seed).generate_state(2).tolist()
        self.data_rng = torch.Generator().manual_seed(seeds[0])
        self.rng = self.hardware.generator(seeds[1])
        self._reshuffle()
        self.whole = True
        """Whether the run stands between two steps; inside one, or diverged, it cannot be saved."""

    @torch.no_grad()
    def _put_on_top(self, top: Sequence[torch.nn.Module] | None) -> None:
        """Give G's last layers the parameters of the trained layers `top`, as the recipe asks for."""
        built_on = self.recipe.built_on
        if (not top) == bool(built_on):
            raise RecipeError(
                f"the recipe {self.recipe.name!r} puts a new bottom under the G that {built_on!r} has trained: train "
                f"that one first, and pass its G's layers as `top` (command line: --on its folder)"
                if built_on
                else f"the recipe {self.recipe.name!r} is not built on another one: leave `top` out"
            )
        own = self.G.layers[len(self.G.layers) - len(top or ()) :]
        try:
            for layer, trained in zip(own, top or (), strict=True):
                layer.load_state_dict(trained.state_dict())
        except (RuntimeError, ValueError):
            raise RecipeError(
                f"the trained layers do not fit on top of the G of {self.recipe.name!r}, which ends in "
                f"{', '.join(str(layer.layer) for layer in own)}: train {built_on!r} at the same scale"
            ) from None

    def _players(self) -> tuple[tuple[str, torch.nn.Module], tuple[str, torch.nn.Module]]:
        return ("G", self.G), ("D", self.D)

    # -- training --------------------------------------------------------------------------------------------------

    def steps(self, n: int | None = None) -> Iterator[Step]:
        """Train for n iterations (None: until the caller breaks), yielding a record AFTER each.

        Raises `TrainingDiverged` when a cost is no longer a finite number.
        """
        done = 0
        while n is None or done < n:
            self.whole = False
            step = self._iterate()
            self.history.record(step)
            self.whole = True
            done += 1
            yield step

    @property
    def batches(self) -> int:
        """Minibatches in an epoch; a rest that fills no batch is left out, another one after each shuffle."""
        return len(self.pictures) // self.recipe.batch

    @property
    def finished(self) -> bool:
        """Whether the recipe's epochs are done."""
        return self.epochs_done >= self.recipe.epochs

    @property
    def epochs_done(self) -> float:
        """Passes over the data done."""
        return self.epoch - 1 + self.position / self.batches

    def change(self, **values: Any) -> None:
        """Change the run while it trains: k, update, generator_cost, lr_D, lr_G, momentum_start, momentum_end.

        Raises `RecipeError` on another field or on a value that makes no sense, and then changes nothing.
        """
        if unknown := set(values) - set(LIVE):
            raise RecipeError(f"{', '.join(sorted(unknown))} cannot change while a run trains; {', '.join(LIVE)} can")
        self.recipe = replace(self.recipe, **values)
        self.history.changes.append({"step": self.step, **values})

    def _iterate(self) -> Step:
        recipe = self.recipe
        for _ in range(recipe.k - 1):
            self._update_D()
        if recipe.update == "simultaneous":
            on_D = on_G = self._update_both()
        else:
            on_D, on_G = self._update_D(), self._update_G()
        t = self.updates - 1
        self.step += 1
        V = game.value(on_D.a_real, on_D.a_fake).item()
        cost_G = game.generator_cost(on_G.a_fake, recipe.generator_cost).item()
        if not (math.isfinite(V) and math.isfinite(cost_G)):
            raise TrainingDiverged(
                f"at step {self.step} (epoch {self.epoch}) V(D, G) is {V} and G's cost {cost_G}: the run has diverged "
                f"with lr_D {recipe.lr('D', t):g}, lr_G {recipe.lr('G', t):g}, "
                f"momentum {recipe.momentum(self.epoch):g}. "
                "Nothing is saved from here on, and earlier checkpoints are untouched. Go back to the last one, or "
                "start again, with lower rates or less momentum."
            )
        return Step(
            step=self.step,
            epoch=self.epochs_done,
            V=V,
            cost_D=-V / 2,
            cost_G=cost_G,
            D_real=torch.sigmoid(on_D.a_real).mean().item(),
            D_fake=torch.sigmoid(on_D.a_fake).mean().item(),
            norm_D=_norm(on_D.D),
            norm_G=_norm(on_G.G),
            lr_D=recipe.lr("D", t),
            lr_G=recipe.lr("G", t),
            momentum=recipe.momentum(self.epoch),
        )

    def _update_both(self) -> game.Gradients:
        """The authors' update: both gradients at the old parameters, then both players move."""
        x, z = self._next_batch(), self._noise()
        with self.hardware.autocast():
            found = game.simultaneous_gradients(self.G, self.D, x, z, self.recipe.generator_cost, self.rng)
        self._descend("D", found.D)
        self._descend("G", found.G)
        self.updates += 1
        return found

    def _update_D(self) -> game.Gradients:
        """Algorithm 1, one turn of the inner loop: a fresh batch, fresh noise, D moves."""
        x, z = self._next_batch(), self._noise()
        with self.hardware.autocast():
            with torch.no_grad():
                fake = self.G(z)
            found = game.discriminator_gradients(self.D, x, fake, self.rng)
        self._descend("D", found.D)
        self.updates += 1
        return found

    def _update_G(self) -> game.Gradients:
        """Algorithm 1, the outer step: fresh noise, G moves against the D that has just moved."""
        with self.hardware.autocast():
            found = game.generator_gradients(self.G, self.D, self._noise(), self.recipe.generator_cost, self.rng)
        self._descend("G", found.G, t=self.updates - 1)
        return found

    @torch.no_grad()
    def _descend(self, player: str, gradients: tuple[Tensor, ...], t: int | None = None) -> None:
        """v = mu v - lr g; theta += v; then max-norm, where the recipe has it."""
        parameters = list(getattr(self, player).parameters())
        velocity = self.velocity[player]
        torch._foreach_mul_(velocity, self.recipe.momentum(self.epoch))
        torch._foreach_add_(velocity, gradients, alpha=-self.recipe.lr(player, self.updates if t is None else t))
        torch._foreach_add_(parameters, velocity)
        if self.recipe.max_norm:
            for layer in getattr(self, player).layers:
                layer.limit(self.recipe.max_norm)

    def _noise(self) -> Tensor:
        return game.prior(self.recipe.p_z, self.recipe.batch, self.recipe.z_dim, self.rng, self.hardware.dtype)

    def _next_batch(self) -> Tensor:
        """The next m examples of the shuffled data, scaled: (m, d)."""
        if self.position == self.batches:
            self.epoch += 1
            self._reshuffle()
        m = self.recipe.batch
        rows = self.order[self.position * m : (self.position + 1) * m]
        self.position += 1
        rows = rows.to(self.pictures.device)
        return scale(self.pictures[rows], self.hardware.dtype, self.recipe.pixels)

    def _reshuffle(self) -> None:
        self.order = torch.randperm(len(self.pictures), generator=self.data_rng)
        self.position = 0

    # -- looking at the run ------------------------------------------------------------------------------------------

    def samples(self, n: int, seed: int = 0) -> Tensor:
        """n fair draws of G as it is now: (n, d) on the CPU. Leaves the run's own random numbers alone."""
        return self.recipe.samples(self.G, n, seed).float()

    def validate(self) -> dict[str, float]:
        """The Parzen score of the validation images that sigma is chosen on; added to the history's scores."""
        valid = scale(self.data.valid[: parzen.N_VALID], pixels=self.recipe.pixels)
        found = parzen.validation_score(self.samples(self.recipe.n_samples, seed=self.seed), valid)
        entry = {"step": self.step, "epoch": self.epochs_done, **found}
        self.history.scores.append(entry)
        return entry

    # -- saving ------------------------------------------------------------------------------------------------------

    def save(self, folder: Path | str) -> Path:
        """Write a checkpoint from which `Trainer.resume` goes on as if nothing had happened.

        Raises `CheckpointError` when the run is between two players' moves (interrupted inside a step), has diverged,
        the disk refuses, or the folder holds another run; what was saved before stays.
        """
        folder = Path(folder)
        if folder.absolute() != self._home and checkpoints.exists(folder):
            raise CheckpointError(f"{folder} already holds another run; save this one into another folder")
        if not self.whole:
            raise CheckpointError("this run stopped inside a step or has diverged; go back to its last checkpoint")
        for name, net in self._players():
            if not all(bool(torch.isfinite(p).all()) for p in net.parameters()):
                raise CheckpointError(
                    f"{name} holds values that are not finite: the run has diverged. Nothing was saved"
                )
        path = checkpoints.write(folder, self._state())
        self._home = folder.absolute()
        return path

    def _state(self) -> dict[str, Any]:
        return {
            "recipe": self.recipe.to_dict(),
            "seed": self.seed,
            "device": self.hardware.device.type,
            "precision": self.hardware.precision,
            "data": self.data.name,
            "fingerprint": self.data.fingerprint(),
            "step": self.step,
            "updates": self.updates,
            "epoch": self.epoch,
            "position": self.position,
            "order": self.order,
            "data_rng": self.data_rng.get_state(),
            "rng": self.rng.get_state(),
            "nets": {name: dict(net.state_dict()) for name, net in self._players()},
            "velocity": self.velocity,
            "history": self.history.state(),
            "sessions": self.sessions,
        }

    @classmethod
    def resume(cls, folder: Path | str, data: Dataset | None = None, *, device: str | None = None) -> Trainer:
        """Go on from the folder's last whole checkpoint; on the CPU bit for bit as if it had not stopped.

        `data` must be the data set the run was trained on (None loads it), and the device of the same kind. Warns
        when the latest checkpoint is damaged and the one before it is taken. Raises `CheckpointError`, `DataError`.
        """
        folder = Path(folder)
        state, remark = checkpoints.read(folder)
        if remark:
            warnings.warn(remark, stacklevel=2)
        try:
            return cls._from_state(state, data or load(state["data"]), folder, device)
        except (LookupError, TypeError, AttributeError, ValueError, RuntimeError) as error:
            raise CheckpointError(
                f"the checkpoint in {folder} lacks a part or is of another version: {error!r}"
            ) from None

    @classmethod
    def _from_state(cls, state: dict[str, Any], data: Dataset, folder: Path, device: str | None) -> Trainer:
        if (state["data"], state["fingerprint"]) != (data.name, data.fingerprint()):
            raise CheckpointError(
                f"the run in {folder} was trained on {state['data']!r} ({state['fingerprint']}), and this is "
                f"{data.name!r} ({data.fingerprint()}): resume it with the data it began with"
            )
        if device is not None and device.partition(":")[0] != state["device"]:
            raise CheckpointError(f"the run in {folder} was made on {state['device']}; it cannot go on on {device}")
        try:
            hardware.choose(device or state["device"], state["precision"])
        except RecipeError as error:
            raise CheckpointError(f"the run in {folder} cannot go on on this machine: {error}") from None
        recipe = Recipe.from_dict(state["recipe"])
        trainer = cls(
            replace(recipe, built_on=""),  # the layers that it was built on are in the checkpoint
            data,
            seed=state["seed"],
            device=device or state["device"],
            precision=state["precision"],
        )
        trainer.recipe = recipe
        trainer.step, trainer.updates = state["step"], state["updates"]
        trainer.epoch, trainer.position, trainer.order = state["epoch"], state["position"], state["order"]
        trainer.data_rng.set_state(state["data_rng"])
        trainer.rng.set_state(state["rng"])
        for name, net in trainer._players():
            checkpoints.load_parameters(net, state["nets"][name], folder)
            for own, saved in zip(trainer.velocity[name], state["velocity"][name], strict=True):
                own.copy_(saved)
        trainer.history = History.from_state(state["history"])
        trainer.sessions = [*state.get("sessions", []), {"from_step": trainer.step, **provenance()}]
        trainer._home = folder.absolute()
        return trainer
