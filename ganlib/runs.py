"""A run and its folder: the one door to it, training it to its end, what is said of it afterwards."""

import asyncio
import math
import os
import time
import warnings
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import torch

from ganlib import checkpoints, disk, hardware, parzen
from ganlib.average import Average
from ganlib.conditions import right_half
from ganlib.datasets import Dataset, load
from ganlib.datasets.record import folder_named_by
from ganlib.errors import CheckpointError, RecipeError, Within, brief, door
from ganlib.history import History, Step
from ganlib.images import scale, shown
from ganlib.nets import is_plain
from ganlib.recipes import Recipe
from ganlib.trainer import Trainer
from ganlib.unattended import Bar, Lock, in_notebook, polite_stop, say

FOREVER = 1e9  # seconds: longer than any run


@door(RecipeError)
def open(
    folder: Path | str,
    recipe: Recipe | None = None,
    *,
    data: Dataset | None = None,
    seed: int = 0,
    on: Path | str | None = None,
    start: checkpoints.Trained | None = None,
    epochs: int | None = None,
    device: str = "auto",
    precision: str = "auto",
    resume: bool | None = None,
    stand_in: bool = True,
) -> "Run":
    """The run in `folder`: begun by `recipe` and `seed`, or gone on with from its last whole checkpoint.

        run = runs.open("runs/mine", MNIST, data=load("mnist"))
        finished = run.train()

    A run that is there already must be of this recipe (its `epochs` may differ: they are the new end) and seed;
    without a recipe it goes on whatever it is, to `epochs` if given. On the CPU it goes on bit for bit as if it had not
    stopped. `data` None loads the recipe's, with `stand_in` False never others in their place; `on` is the folder of
    the finished run that a new one is built on (tfd-2); `start` is a trained pair that a new one goes on from, at its
    epoch: its parameters and its average, with velocities of zero and the seed's random numbers. `precision` is for a
    new one, too. `resume` False refuses a folder where a run is, True one where none is.

    Warns when the latest checkpoint is damaged and the one before it is taken. Raises `CheckpointError` when the run
    there is another one, fits neither the data nor the device, or has no whole checkpoint; `RecipeError`, `DataError`.
    """
    folder = Path(folder)
    if recipe is not None and epochs is not None:
        recipe = replace(recipe, epochs=epochs)
    there = checkpoints.exists(folder)
    if there and resume is False:
        how = "resume it (--resume, or runs.open), or choose another folder"
        raise CheckpointError(f"{folder} already holds a run; {how}")
    if not (there or resume or recipe is None):
        how = {"seed": seed, "device": device, "precision": precision}
        data = data or load(recipe.data, stand_in=stand_in)
        if start is not None:
            return _begin_from(start, folder, recipe, data, on, **how)
        return _begin(folder, recipe, data, on, **how)
    run = _go_on(folder, data, device)
    end = recipe.epochs if recipe else epochs
    if end is not None:
        run.trainer.recipe = replace(run.trainer.recipe, epochs=end)
    different = run.trainer.recipe.changes(recipe) if recipe else []
    if recipe and run.trainer.seed != seed:
        different.append(f"seed: {seed} -> {run.trainer.seed}")
    if different:
        what = "; ".join(different)
        raise CheckpointError(f"the run in {folder} is another one ({what}); choose another folder, or delete that one")
    return run


def _begin(folder: Path, recipe: Recipe, data: Dataset, on: Path | str | None, **how: Any) -> "Run":
    """A new run, on the pair that the run in the folder `on` has trained, if the recipe asks for one."""
    if on is None:
        return Run(Trainer(recipe, data, **how), folder)
    if not recipe.built_on:
        raise RecipeError(f"the recipe {recipe.name!r} is not built on another one: leave out {on}")
    below = checkpoints.load_run(Path(on))
    other = f"{on} holds a run of {below.recipe.name!r}, and {recipe.name!r} is built on {recipe.built_on!r}"
    if below.recipe.name != recipe.built_on:
        raise RecipeError(f"{other}: pass the folder of such a run")
    if below.info["data"] != data.name:
        raise RecipeError(f"the run in {on} was trained on {below.info['data']!r}, and this is {data.name!r}")
    if below.info["epochs"] < below.recipe.epochs:
        at = f"the run in {on} is at epoch {below.info['epochs']:g} of {below.recipe.epochs}"
        warnings.warn(f"{at}; this one is built on it as it is", stacklevel=3)
    run = Run(Trainer(recipe, data, **how, top=below.G.layers), folder)
    run.sessions[0]["built_on"] = _origin(below)
    run.strip = below.strip.rows() if below.strip else []  # it goes on where the strip of the one below ends
    return run


def _begin_from(
    start: checkpoints.Trained, folder: Path, recipe: Recipe, data: Dataset, on: Path | str | None, **how: Any
) -> "Run":
    """A new run from the parameters of a trained pair, and from its place in the schedule."""
    if on is not None:
        raise RecipeError(f"a run begins from `start` or on {on}, not from both: leave one of them out")
    trainer = Trainer(recipe, data, **how, top=start.G.layers if recipe.built_on else None)
    take_place(trainer, start)
    run = Run(trainer, folder)
    if start.average is not None:
        place = {"begun": 0, "step": trainer.step, "G": start.average.state_dict()}
        run.average = Average.from_state(trainer.G, start.info["average"] | place)
    run.sessions[0] |= {"from_step": trainer.step, "started_from": _origin(start)}
    return run


@door(RecipeError)
def take_place(trainer: Trainer, start: checkpoints.Trained) -> None:
    """Let a new trainer go on from a trained pair: with its parameters, at its place in the schedule; velocities of 0.

    Raises `RecipeError` when the pair has other nets.
    """
    recipe = trainer.recipe
    for name in ("G", "D", *(["E"] if start.E else [])):
        if getattr(recipe, name) != getattr(start.recipe, name):
            other = f"this recipe's {name} is not that of the pair to start from (recipe {start.recipe.name!r})"
            raise RecipeError(f"{other}: give the recipe the pair's nets, replace(recipe, {name}=start.recipe.{name})")
    trainer.G.load_state_dict(start.G.state_dict())
    trainer.D.load_state_dict(start.D.state_dict())
    if start.E:
        trainer.E.load_state_dict(start.E.state_dict())
    done = int(start.info["epochs"])
    trainer.epoch, trainer.updates = done + 1, done * trainer.batches
    trainer.step = trainer.updates // recipe.k


def _origin(pair: checkpoints.Trained) -> dict[str, Any]:
    """What a session says of the pair that its run began with."""
    told = {name: pair.info.get(name) for name in ("data", "seed", "epochs", "trained_by")}
    return {"recipe": pair.recipe.name, **told}


def _go_on(folder: Path, data: Dataset | None, device: str) -> "Run":
    """The run of the folder's last whole checkpoint, if it fits these data and this device."""
    place = Place(folder)
    with place.alone() if checkpoints.exists(folder) else nullcontext():
        state, remark = checkpoints.read(folder)
        place.know()
    if remark:
        warnings.warn(remark, stacklevel=3)
    with checkpoints.understood(folder):
        data = data or load(state["data"])
        told, here = (state["data"], state["fingerprint"]), (data.name, data.fingerprint())
        if told != here:
            both = f"was trained on {told[0]!r} ({told[1]}), and this is {here[0]!r} ({here[1]})"
            raise CheckpointError(f"the run in {folder} {both}: resume it with the data it began with")
        if device != "auto" and device.partition(":")[0] != state["device"]:
            raise CheckpointError(f"the run in {folder} was made on {state['device']}; it cannot go on on {device}")
        try:
            hardware.choose(state["device"] if device == "auto" else device, state["precision"])
        except RecipeError as error:
            raise CheckpointError(f"the run in {folder} cannot go on on this machine: {error}") from None
        trainer = Trainer.from_state(state, data, device)
        run = Run(trainer, folder, state.get("sessions", []))
        run._place = place
        if "average" in state:
            run.average = Average.from_state(trainer.G, state["average"])
        run.strip = state.get("strip", [])
        return run


class Place(Lock):
    """A run's folder, and what is known of the checkpoint there, so that none that is not known is written over.

    With `alone`, `take` and the lock of `unattended.Lock`.
    """

    def __init__(self, folder: Path | str):
        super().__init__(folder)
        self.found: object = None  # which checkpoint this process has read or written here; None: none yet

    def know(self) -> None:
        """Take the checkpoint that is here now as known."""
        self.found = self._standing()

    def check(self) -> None:
        """Raise `CheckpointError` when the checkpoint here is not the known one."""
        standing = self._standing()
        if standing and not self.found:
            raise CheckpointError(f"{self.folder} already holds another run; save this one into another folder")
        if standing and standing != self.found:
            what = f"the run in {self.folder} is not as it was opened here: another process has written there since"
            how = "open it again, or save this one elsewhere (run.folder = ...; run.save())"
            raise CheckpointError(f"{what}. Nothing was saved over it; {how}")

    def write(self, state: dict[str, Any], *check: checkpoints.Check) -> Path:
        """Write a checkpoint, locked, if there is none here or the known one. Raises `CheckpointError`."""
        with self.alone():
            self.take()
            self.check()
            path = checkpoints.write(self.folder, state, *check)
            self.know()
            return path

    def _standing(self) -> object:
        """Which checkpoint is here, told by the checksums of its parts (of a damaged one by its size); None: none."""
        for path in (self.folder / name for name in (checkpoints.LATEST, checkpoints.PREVIOUS)):
            if os.path.exists(path):
                try:
                    with disk.regular(path) as file, zipfile.ZipFile(file) as archive:
                        return [(part.filename, part.CRC) for part in archive.infolist()]
                except Exception:  # zipfile has many
                    return ["damaged", os.lstat(path).st_size]
        return None


class Run:
    """A `trainer`, the `average` of its G, and the run's folder; `open` gives one.

    For a run begun in memory: `Run(trainer, folder).save()`. An average begins where it is first kept.
    """

    @door(RecipeError)
    def __init__(self, trainer: Trainer, folder: Path | str, sessions: Sequence[dict[str, Any]] | None = None):
        self.trainer, self.folder = trainer, folder
        self.average = Average(trainer.G, step=trainer.step)
        self.strip: list[dict[str, Any]] = []  # epoch -> what both iterates then drew of eight z (`checkpoints.Strip`)
        # what trained it: commit, day and versions, at the start and at each resume
        now = {"from_step": 0 if sessions is None else trainer.step, **hardware.provenance()}
        self.sessions = [*(sessions or ()), now]

    @property
    def folder(self) -> Path:
        """Where it is saved. Setting it lets the run go on elsewhere."""
        return self._place.folder

    @folder.setter
    @door(RecipeError)
    def folder(self, folder: Path | str) -> None:
        """Let the run go on in another folder."""
        self._place = Place(folder)

    @door(RecipeError)
    def steps(self, n: Annotated[int, Within(0)] | None = None) -> Iterator[Step]:
        """`trainer.steps`, with the average kept on the way."""
        for step in self.trainer.steps(n):
            self.average.see(step.step)
            yield step

    def validate(self) -> dict[str, float]:
        """`trainer.validate` of the last iterate, and of the average beside it."""
        score = self.trainer.validate()
        score |= {f"average_{name}": value for name, value in self.trainer.score(self.average.G).items()}
        return score

    def look(self) -> None:
        """Keep what both iterates draw of eight fixed z, as uint8 pictures (8, d).

        A run that is built on another begins with the strip of that one, and counts the epochs of both.
        """
        before = self.sessions[0].get("built_on", {}).get("epochs", 0)  # of the run below
        recipe, row = self.trainer.recipe, {"epoch": int(before) + int(self.trainer.epochs_done)}
        given = None
        if recipe.condition == "left half":  # of the first validation pictures
            given = scale(self.trainer.data.valid[:8])
            given *= 1 - right_half(self.trainer.data.shape, given)
        for name, G in (("last", self.trainer.G), ("average", self.average.G)):
            x = shown(recipe.samples(G, 8, 0, given, self.trainer.data.shape).float(), recipe.pixels)
            row[name] = x.clamp(0, 1).mul(255).round().to(torch.uint8)
        self.strip.append(row)

    def save(self) -> Path:
        """Write a checkpoint, from which `open` goes on; after a `CheckpointError` what was saved before stays.

        Never over a run that another process has begun or gone on with there in the meantime.
        """
        trainer = self.trainer
        if not trainer.whole:
            raise CheckpointError("this run stopped inside a step or has diverged; go back to its last checkpoint")
        for name, player in trainer.players.items():
            if not all(bool(torch.isfinite(p).all()) for p in player.theta):
                what = f"{name} holds values that are not finite"
                raise CheckpointError(f"{what}: the run has diverged. Nothing was saved")
        told = {"data": trainer.data.name, "fingerprint": trainer.data.fingerprint(), "sessions": self.sessions}
        return self._place.write({**trainer.state(), "average": self.average.state(), "strip": self.strip, **told})

    def train(
        self,
        *,
        progress: bool = True,
        validate: bool = True,
        checkpoint_seconds: float = 60.0,  # what a killed process may lose at the most
        seconds: float | None = None,
    ) -> bool:
        """Train to the recipe's last epoch, saving and scoring on the way; True when it got there.

        Ctrl-C, the notebook's stop button, SIGTERM, SIGHUP and the end of `seconds` let the step under way finish,
        write a checkpoint, and say how to go on; a second Ctrl-C stops at once, and the last checkpoint stays. While
        a checkpoint is written every signal waits. Output that breaks (a pipe without reader, a full disk) is dropped,
        and training goes on. Raises `CheckpointError` when the folder cannot be written, another process trains there,
        or another run has come to be there.
        """
        for name, value in (("checkpoint_seconds", checkpoint_seconds), ("seconds", seconds)):
            if value is not None and not (is_plain(value) and value > 0):
                raise RecipeError(f"{name} is {brief(value)}; it must be positive")
        trainer = self.trainer
        end = math.inf if seconds is None else time.monotonic() + min(seconds, FOREVER)
        epochs_done = int(trainer.epochs_done)
        total = round(trainer.recipe.epochs * (trainer.batches / trainer.recipe.k))
        with self._place.alone(), polite_stop() as stop, Bar(total, trainer.step, show=progress) as bar:
            try:
                self._place.check()
                if not (self._place.found and checkpoints.exists(self.folder)):
                    with stop.waiting():  # a folder that cannot be written shows now, not at the first checkpoint
                        self.save()
                saved = time.monotonic()
                while not trainer.finished and not stop.is_set() and time.monotonic() < end:
                    next(self.steps(1))
                    if int(trainer.epochs_done) > epochs_done:  # with k > 1 a step may end in the next epoch already
                        epochs_done = int(trainer.epochs_done)
                        if f"{epochs_done}".rstrip("0") in ("1", "2", "5"):
                            self.look()
                        due = epochs_done <= 5 or epochs_done % 10 == 0 or trainer.finished
                        if due and validate and scored(trainer.recipe):
                            score = self.validate()
                            both = f"{score['log_likelihood']:.1f}, average {score['average_log_likelihood']:.1f}"
                            bar.say(after=f"validation {both} nats")
                    bar.say(f"epoch {trainer.epoch}/{trainer.recipe.epochs}")
                    bar.update(1)
                    if time.monotonic() - saved > checkpoint_seconds:
                        with stop.waiting():
                            self.save()
                        saved = time.monotonic()
                stop.patient = True
            except (KeyboardInterrupt, asyncio.CancelledError):
                stop.patient = True
                stop.set()
            if trainer.whole:
                self.save()  # while signals still wait: one that comes now would end the process
                if trainer.finished:
                    return True
        at = f"epoch {trainer.epochs_done:.2f} of {trainer.recipe.epochs}, step {trainer.step:,}"
        where = "Saved" if trainer.whole else "This step is lost; the last checkpoint is"
        how = "run this cell again" if in_notebook() else f"python -m ganlib train --resume --out {self.folder}"
        say(f"Stopped at {at}. {where} in {self.folder}. To go on: {how}")
        return False


@door(RecipeError)
def curves(folder: Path | str, points: Annotated[int, Within(1)] = 100) -> dict[str, list[float]]:
    """The history of the run in `folder`, averaged to at most so many points: a list for each of `history.CURVES`."""
    state, _ = checkpoints.read(Path(folder))
    with checkpoints.understood(Path(folder)):
        history = History.from_state(state["history"])
    parts = np.array_split(np.arange(len(history.rows)), min(points, len(history.rows)) or 1)
    columns = history.curves().items()
    return {name: [round(float(all[part].mean()), 4) for part in parts if len(part)] for name, all in columns}


@door(RecipeError)
def scored(recipe: Recipe) -> bool:
    """Whether the protocol of Table 1 is for what the recipe makes: pictures in [0, 1]."""
    return recipe.pixels == "unit" and recipe.condition != "left half"


@door(RecipeError)
def score(
    trained: checkpoints.Trained,
    data: Dataset,
    sigmas: Sequence[float] = parzen.SIGMAS,
    seed: Annotated[int, Within(0, 2**63 - 1)] = 1,
    n: Annotated[int, Within(0, 200_000)] = 0,
) -> parzen.Score | parzen.FoldsScore:
    """The Parzen score by the paper's protocol, n samples (0: the recipe's), on the test split; faces fold by fold."""
    if not scored(trained.recipe):
        what = f"the recipe {trained.recipe.name!r} normalises its pictures ({trained.recipe.pixels})"
        why = "the protocol's sigmas are for pictures in [0, 1]; the paper scores no CIFAR-10 either"
        raise RecipeError(f"{what}, and {why}. parzen.score takes other sigmas")
    centres = trained.samples(n or trained.recipe.n_samples, seed)
    if data.folds:
        folds = [(scale(fold.valid), scale(fold.test)) for fold in data.folds]
        return parzen.folds_score(centres, folds, data=data.name, sigmas=sigmas)
    return parzen.score(centres, scale(data.valid), scale(data.test), data=data.name, sigmas=sigmas)


def home() -> Path:
    """Where the notebooks keep their runs: GANLIB_RUNS, else runs/ of this checkout, else runs/ where you are."""
    if own := folder_named_by("GANLIB_RUNS"):
        return own
    root = Path(__file__).resolve().parent.parent
    place = (root if (root / "pyproject.toml").exists() else Path()) / "runs"
    try:
        return Path(os.path.relpath(place))
    except ValueError:  # Windows: the checkout is on another drive
        return place
