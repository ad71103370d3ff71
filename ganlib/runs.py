"""A run and its folder: the one door to it, training it to its end, what is said of it afterwards."""

import asyncio
import math
import os
import signal
import sys
import threading
import time
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tqdm import tqdm

from ganlib import checkpoints, hardware, parzen
from ganlib.average import Average
from ganlib.conditions import right_half
from ganlib.datasets import Dataset, load
from ganlib.errors import CheckpointError, RecipeError
from ganlib.images import scale, shown
from ganlib.nets import is_number
from ganlib.recipes import Recipe
from ganlib.trainer import History, Step, Trainer


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
) -> "Run":
    """The run in `folder`: begun by `recipe` and `seed`, or gone on with from its last whole checkpoint.

        run = runs.open("runs/mine", MNIST, data=load("mnist"))
        finished = run.train()

    A run that is there already must be of this recipe (its `epochs` may differ: they are the new end) and seed;
    without a recipe it goes on whatever it is, to `epochs` if given. On the CPU it goes on bit for bit as if it had not
    stopped. `data` None loads the recipe's; `on` is the folder of the finished run that a new one is built on
    (tfd-2); `start` is a trained pair that a new one goes on from, at its epoch: its parameters and its average, with
    velocities of zero and the seed's random numbers. `precision` is for a new one, too. `resume` False refuses a folder
    where a run is, True one where none is.

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
        if start is not None:
            return _begin_from(start, folder, recipe, data or load(recipe.data), on, **how)
        return _begin(folder, recipe, data or load(recipe.data), on, **how)
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
    state, remark = checkpoints.read(folder)
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
        if "average" in state:
            run.average = Average.from_state(trainer.G, state["average"])
        run.strip = state.get("strip", [])
        return run


class Run:
    """A `trainer`, the `average` of its G, and the run's folder; `open` gives one.

    For a run begun in memory: `Run(trainer, folder).save()`. An average begins where it is first kept.
    """

    def __init__(self, trainer: Trainer, folder: Path | str, sessions: Sequence[dict[str, Any]] | None = None):
        self.trainer, self.folder = trainer, Path(folder)
        self.average = Average(trainer.G, step=trainer.step)
        self.strip: list[dict[str, Any]] = []  # epoch -> what both iterates then drew of eight z (`checkpoints.Strip`)
        self._saved_here = sessions is not None
        # what trained it: commit, day and versions, at the start and at each resume
        now = {"from_step": trainer.step if self._saved_here else 0, **hardware.provenance()}
        self.sessions = [*(sessions or ()), now]

    def steps(self, n: int | None = None) -> Iterator[Step]:
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
        """Write a checkpoint, from which `open` goes on; after a `CheckpointError` what was saved before stays."""
        trainer = self.trainer
        if not self._saved_here and checkpoints.exists(self.folder):
            raise CheckpointError(f"{self.folder} already holds another run; save this one into another folder")
        if not trainer.whole:
            raise CheckpointError("this run stopped inside a step or has diverged; go back to its last checkpoint")
        for name, player in trainer.players.items():
            if not all(bool(torch.isfinite(p).all()) for p in player.theta):
                what = f"{name} holds values that are not finite"
                raise CheckpointError(f"{what}: the run has diverged. Nothing was saved")
        told = {"data": trainer.data.name, "fingerprint": trainer.data.fingerprint(), "sessions": self.sessions}
        path = checkpoints.write(
            self.folder, {**trainer.state(), "average": self.average.state(), "strip": self.strip, **told}
        )
        self._saved_here = True
        return path

    def train(
        self,
        *,
        progress: bool = True,
        validate: bool = True,
        checkpoint_seconds: float = 60.0,  # what a killed process may lose at the most
        seconds: float | None = None,
    ) -> bool:
        """Train to the recipe's last epoch, saving and scoring on the way; True when it got there.

        Ctrl-C, the notebook's stop button, SIGTERM and the end of `seconds` let the step under way finish, write a
        checkpoint, and say how to go on; a second Ctrl-C stops at once, and the last checkpoint stays.
        """
        for name, value in (("checkpoint_seconds", checkpoint_seconds), ("seconds", seconds)):
            if value is not None and not (is_number(value) and value > 0):
                raise RecipeError(f"{name} is {value!r}; it must be positive")
        trainer = self.trainer
        end = math.inf if seconds is None else time.monotonic() + seconds
        saved, epochs_done = time.monotonic(), int(trainer.epochs_done)
        with alone(self.folder), polite_stop() as stop, _bar(trainer, progress) as bar:
            if not (self._saved_here and checkpoints.exists(self.folder)):
                self.save()  # a folder that cannot be written shows now, not at the first checkpoint
            try:
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
                            bar.set_postfix_str(f"validation {both} nats", refresh=False)
                    bar.set_description_str(f"epoch {trainer.epoch}/{trainer.recipe.epochs}", refresh=False)
                    bar.update(1)
                    if time.monotonic() - saved > checkpoint_seconds:
                        self.save()
                        saved = time.monotonic()
            except (KeyboardInterrupt, asyncio.CancelledError):
                stop.set()
        if trainer.whole:
            self.save()
            if trainer.finished:
                return True
        at = f"epoch {trainer.epochs_done:.2f} of {trainer.recipe.epochs}, step {trainer.step:,}"
        where = "Saved" if trainer.whole else "This step is lost; the last checkpoint is"
        how = "run this cell again" if in_notebook() else f"python -m ganlib train --resume --out {self.folder}"
        print(f"Stopped at {at}. {where} in {self.folder}. To go on: {how}")
        return False


def curves(folder: Path | str, points: int = 100) -> dict[str, list[float]]:
    """The history of the run in `folder`, averaged to at most so many points: a list for each of `trainer.CURVES`."""
    state, _ = checkpoints.read(Path(folder))
    history = History.from_state(state["history"])
    parts = np.array_split(np.arange(len(history.rows)), min(points, len(history.rows)) or 1)
    columns = history.curves().items()
    return {name: [round(float(all[part].mean()), 4) for part in parts if len(part)] for name, all in columns}


def scored(recipe: Recipe) -> bool:
    """Whether the protocol of Table 1 is for what the recipe makes: pictures in [0, 1]."""
    return recipe.pixels == "unit" and recipe.condition != "left half"


def score(
    trained: checkpoints.Trained, data: Dataset, sigmas: Sequence[float] = parzen.SIGMAS, seed: int = 1, n: int = 0
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
    root = Path(__file__).resolve().parent.parent
    place = root if (root / "pyproject.toml").exists() else Path()
    return Path(os.environ.get("GANLIB_RUNS") or os.path.relpath(place / "runs"))


def in_notebook() -> bool:
    """Whether a Jupyter kernel runs this code."""
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    return getattr(shell, "kernel", None) is not None


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Let no other process train into the same folder meanwhile (where the system can tell)."""
    try:
        import fcntl
    except ImportError:  # Windows
        yield
        return
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = os.open(folder, os.O_RDONLY)
    except OSError as error:
        raise CheckpointError(f"{folder} cannot be written: {error.strerror}. Choose another folder") from None
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)  # the system lets go of it when the process dies
        yield
    except BlockingIOError:
        what = f"another process is training in {folder}"
        raise CheckpointError(f"{what}; wait for its end, or choose another folder") from None
    finally:
        os.close(lock)


@contextmanager
def polite_stop() -> Iterator[threading.Event]:
    """An event that SIGINT and SIGTERM set; the second SIGINT raises KeyboardInterrupt."""
    stop = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return

    def ask(number: int, frame: object) -> None:
        """Note that a stop was asked for; asked again by Ctrl-C, stop at once."""
        if stop.is_set() and number == signal.SIGINT:
            raise KeyboardInterrupt
        stop.set()

    before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _bar(trainer: Trainer, show: bool) -> tqdm:
    """Epoch, step, speed and the time that is left; once in 30 s when it goes to a file."""
    terminal = sys.stdout.isatty()
    looks = {"unit": "step", "dynamic_ncols": terminal, "ncols": None if terminal else 100}
    total = round(trainer.recipe.epochs * (trainer.batches / trainer.recipe.k))
    seconds = 0.5 if terminal or in_notebook() else 30
    return tqdm(total=total, initial=trainer.step, disable=not show, file=sys.stdout, mininterval=seconds, **looks)
