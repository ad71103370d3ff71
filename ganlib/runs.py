"""A run on the disk: begin or resume it, train it to its end, score it.

Everything that trains for long goes through `train`: the command line, the notebooks, the tests.
"""

from __future__ import annotations

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

import numpy as np
from tqdm import tqdm

from ganlib import checkpoints, parzen
from ganlib.datasets import Dataset, load
from ganlib.errors import CheckpointError, RecipeError
from ganlib.images import scale
from ganlib.nets import is_number
from ganlib.recipes import Recipe
from ganlib.trainer import History, Trainer

CHECKPOINT_SECONDS = 60.0
"""How much training a killed process may lose at the most."""


def begin(
    recipe: Recipe,
    folder: Path | str,
    *,
    data: Dataset | None = None,
    seed: int = 0,
    device: str = "auto",
    precision: str = "auto",
    on: Path | str | None = None,
) -> Trainer:
    """Start a run that will live in `folder`; for a recipe built on another one, `on` is that one's folder.

    Raises `CheckpointError` when a run lives in `folder` already.
    """
    folder = Path(folder)
    if checkpoints.exists(folder):
        raise CheckpointError(
            f"{folder} already holds a run; resume it (--resume, or runs.resume), or choose another folder"
        )
    top, below = None, None
    data = data or load(recipe.data)
    if on is not None and not recipe.built_on:
        raise RecipeError(f"the recipe {recipe.name!r} is not built on another one: leave out {on}")
    if on is not None:
        below = checkpoints.load_run(Path(on))
        if below.recipe.name != recipe.built_on:
            raise RecipeError(
                f"{on} holds a run of {below.recipe.name!r}, and {recipe.name!r} is built on "
                f"{recipe.built_on!r}: pass the folder of such a run"
            )
        if below.info["data"] != data.name:
            raise RecipeError(f"the run in {on} was trained on {below.info['data']!r}, and this is {data.name!r}")
        if below.info["epochs"] < below.recipe.epochs:
            warnings.warn(
                f"the run in {on} is at epoch {below.info['epochs']:g} of {below.recipe.epochs}; this one is built on "
                "it as it is",
                stacklevel=2,
            )
        top = below.G.layers
    trainer = Trainer(recipe, data, seed=seed, device=device, precision=precision, top=top)
    if below is not None:
        told = ("data", "seed", "epochs", "trained_by")
        trainer.sessions[0]["built_on"] = {"recipe": below.recipe.name} | {name: below.info[name] for name in told}
    return trainer


def resume(
    folder: Path | str, *, data: Dataset | None = None, epochs: int | None = None, device: str | None = None
) -> Trainer:
    """Go on with the run in `folder`, to more (or fewer) epochs when `epochs` says so.

    Raises `CheckpointError` when no whole checkpoint is there or it does not fit the data or the device.
    """
    trainer = Trainer.resume(folder, data, device=device)
    if epochs is not None:
        trainer.recipe = replace(trainer.recipe, epochs=epochs)
    return trainer


def begin_or_resume(
    recipe: Recipe, folder: Path | str, *, data: Dataset | None = None, seed: int = 0, on: Path | str | None = None
) -> Trainer:
    """What a notebook's cell wants: go on with the run in `folder` when it is this recipe's, else start one.

    Raises `CheckpointError` when the run there has another seed or another recipe (its epochs may differ).
    """
    if not checkpoints.exists(Path(folder)):
        return begin(recipe, folder, data=data, seed=seed, on=on)
    trainer = resume(folder, data=data, epochs=recipe.epochs)
    differences = trainer.recipe.changes(recipe)
    if trainer.seed != seed:
        differences.append(f"seed: {seed} -> {trainer.seed}")
    if differences:
        raise CheckpointError(
            f"the run in {folder} is another one ({'; '.join(differences)}); choose another folder, or delete that one"
        )
    return trainer


def train(
    trainer: Trainer,
    folder: Path | str,
    *,
    progress: bool = True,
    validate: bool = True,
    checkpoint_seconds: float = CHECKPOINT_SECONDS,
    seconds: float | None = None,
) -> bool:
    """Train to the recipe's last epoch, saving and scoring on the way; True when it got there.

    `seconds` is a budget: when it is spent the run stops as if it had been asked to, and goes on when called again.
    Ctrl-C, the notebook's stop button and SIGTERM let the step under way finish, write a checkpoint, and say how to
    go on; a second Ctrl-C stops at once, and the last checkpoint stays. Raises `TrainingDiverged`, `CheckpointError`.
    """
    folder = Path(folder)
    for name, value in (("checkpoint_seconds", checkpoint_seconds), ("seconds", seconds)):
        if value is not None and not (is_number(value) and value > 0):
            raise RecipeError(f"{name} is {value!r}; it must be positive")
    end = math.inf if seconds is None else time.monotonic() + seconds
    saved, epochs_done = time.monotonic(), int(trainer.epochs_done)
    with _alone(folder), _polite_stop() as stop, _bar(trainer, progress) as bar:
        if not checkpoints.exists(folder):
            trainer.save(folder)  # a folder that cannot be written shows now, not at the first checkpoint
        try:
            while not trainer.finished and not stop.is_set() and time.monotonic() < end:
                next(trainer.steps(1))
                if int(trainer.epochs_done) > epochs_done:  # with k > 1 a step may end in the next epoch already
                    epochs_done = int(trainer.epochs_done)
                    if validate and scored(trainer.recipe) and _due(epochs_done, trainer):
                        score = trainer.validate()
                        bar.set_postfix_str(f"validation {score['log_likelihood']:.1f} nats", refresh=False)
                bar.set_description_str(f"epoch {trainer.epoch}/{trainer.recipe.epochs}", refresh=False)
                bar.update(1)
                if time.monotonic() - saved > checkpoint_seconds:
                    trainer.save(folder)
                    saved = time.monotonic()
        except (KeyboardInterrupt, asyncio.CancelledError):
            stop.set()
    if trainer.whole:
        trainer.save(folder)
    if not trainer.finished or not trainer.whole:
        where = "Saved" if trainer.whole else "This step is lost; the last checkpoint is"
        print(
            f"Stopped at epoch {trainer.epochs_done:.2f} of {trainer.recipe.epochs}, step {trainer.step:,}. {where} in "
            f"{folder}. To go on: {_how_to_go_on(folder)}"
        )
    return trainer.finished and trainer.whole


CURVES = ("epoch", "V", "cost_D", "cost_G", "D_real", "D_fake")
"""What is kept of a run's history beside its weights, fields of `Step`."""


def curves(folder: Path | str, points: int = 100) -> dict[str, list[float]]:
    """The history of the run in `folder`, averaged to at most so many points: a list for each of `CURVES`."""
    state, _ = checkpoints.read(Path(folder))
    history = History.from_state(state["history"])
    parts = np.array_split(np.arange(len(history.rows)), min(points, len(history.rows)) or 1)
    return {
        name: [round(float(history.column(name)[part].mean()), 4) for part in parts if len(part)] for name in CURVES
    }


def scored(recipe: Recipe) -> bool:
    """Whether the protocol of Table 1 is for what the recipe makes: pictures in [0, 1]."""
    return recipe.pixels == "unit"


def score(
    trained: checkpoints.Trained, data: Dataset, sigmas: Sequence[float] = parzen.SIGMAS, seed: int = 1, n: int = 0
) -> parzen.Score | parzen.FoldsScore:
    """The Parzen score by the paper's protocol, with n samples (0: as many as the recipe says), on the test split.

    Data that come in folds (faces) are scored fold by fold, as Table 1 has TFD: ± is then across the folds.
    Raises `RecipeError` for pictures that are not in [0, 1]: the protocol's sigmas are for those.
    """
    if not scored(trained.recipe):
        raise RecipeError(
            f"the recipe {trained.recipe.name!r} normalises its pictures ({trained.recipe.pixels}), and the protocol's "
            "sigmas are for pictures in [0, 1]; the paper scores no CIFAR-10 either. parzen.score takes other sigmas"
        )
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


def _in_notebook() -> bool:
    """Whether a Jupyter kernel runs this code."""
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    return getattr(shell, "kernel", None) is not None


def _how_to_go_on(folder: Path) -> str:
    if _in_notebook():
        return "run this cell again"
    return f"python -m ganlib train --resume --out {folder}"


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
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
        raise CheckpointError(
            f"another process is training in {folder}; wait for its end, or choose another folder"
        ) from None
    finally:
        os.close(lock)


def _due(epochs_done: int, trainer: Trainer) -> bool:
    """Validation scores come after each of the first five epochs, each tenth, and the last."""
    return epochs_done <= 5 or epochs_done % 10 == 0 or trainer.finished


@contextmanager
def _polite_stop() -> Iterator[threading.Event]:
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
    live = sys.stdout.isatty() or _in_notebook()
    per_epoch = trainer.batches / trainer.recipe.k
    return tqdm(
        total=round(trainer.recipe.epochs * per_epoch),
        initial=trainer.step,
        disable=not show,
        file=sys.stdout,
        unit="step",
        mininterval=0.5 if live else 30,
        dynamic_ncols=sys.stdout.isatty(),
        ncols=None if sys.stdout.isatty() else 100,
    )
