"""A baseline's run on the disk, and its weights. The guards on files, stops and locks are those of `ganlib.runs`."""

import time
import warnings
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from ganlib import checkpoints, hardware, parzen
from ganlib.baselines.cae import CAERecipe
from ganlib.baselines.dbm import DBMRecipe
from ganlib.baselines.dbn import DBNRecipe
from ganlib.baselines.gsn import GSNRecipe
from ganlib.baselines.model import Model, ModelRecipe, fit
from ganlib.baselines.rbm import RBMRecipe
from ganlib.baselines.vae import VAERecipe
from ganlib.datasets import Dataset
from ganlib.errors import CheckpointError, RecipeError
from ganlib.images import scale
from ganlib.runs import Place
from ganlib.unattended import Bar, polite_stop, say

WEIGHTS = checkpoints.WEIGHTS / "baselines"
SCORED = 10_000  # draws in a validation score

KINDS: dict[str, type[ModelRecipe]] = {"rbm": RBMRecipe, "dbn": DBNRecipe, "dbm": DBMRecipe, "cae": CAERecipe}
KINDS |= {"gsn": GSNRecipe, "vae": VAERecipe}
"""The kinds of recipe, as a file names them."""


def train(
    folder: Path | str,
    recipe: ModelRecipe,
    data: Dataset,
    seed: int = 0,
    *,
    seconds: float | None = None,
    validate_every: int = 10,
    progress: bool = True,
    device: str = "auto",
) -> Model:
    """Fit `recipe` to the training pictures, in a folder: begun there, or gone on with from the last whole epoch.

    After each epoch a checkpoint is written; after every `validate_every` the conditional means are scored on the
    validation pictures, as the notebooks do. Ctrl-C, SIGTERM, SIGHUP and the end of `seconds` stop it; the epoch under
    way is lost, and a later call goes on bit for bit. The recipe's `epochs` may be another number then. Raises
    `CheckpointError` when the folder holds another run, or another process trains there.
    """
    folder, end = Path(folder), time.monotonic() + (seconds or float("inf"))
    hardware.choose(device)  # before a folder is made
    told = {"seed": seed, "data": data.name, "fingerprint": data.fingerprint()}
    model, found, place = None, {"history": [], "seconds": 0.0}, Place(folder)
    x, valid = scale(data.train), scale(data.valid)
    batches = -(-len(x) // recipe.batch)
    with place.alone(), polite_stop() as stop, Bar(recipe.epochs * batches, show=progress) as bar:
        if checkpoints.exists(folder):
            model, found = load(folder)
            place.know()
            if changed := _changes(found, told) + _changes_of(model.recipe, recipe):
                what = "; ".join(changed)
                raise CheckpointError(f"the run in {folder} is another one ({what}); choose another folder")
            model.recipe = recipe
        history, spent = found["history"], found["seconds"]
        epoch, costs, begun = model.done if model else 0, [], time.monotonic()
        bar.update(epoch * batches)
        for step in fit(x, recipe, seed, model, device):
            model = step.model
            costs.append(step.cost)
            bar.update(1)
            if model.done > epoch:
                epoch, spent = model.done, spent + time.monotonic() - begun
                row = {"epoch": epoch, "cost": float(np.mean(costs)), "seconds": round(spent, 1)}
                if validate_every and (epoch % validate_every == 0 or epoch == recipe.epochs):
                    row |= parzen.validation_score(draws(model, SCORED, x, means=True), valid)
                    bar.say(after=f"validation {row['log_likelihood']:.1f} nats (means)")
                history.append(row)
                plain = {"kind": kind(recipe), "recipe": asdict(recipe), "history": history, "seconds": spent, **told}
                with stop.waiting():
                    place.write({"model": model.state(), "made": hardware.provenance(), **plain})
                costs, begun = [], time.monotonic()
            if epoch < recipe.epochs and (stop.is_set() or time.monotonic() > end):
                say(f"Stopped; epoch {epoch} of {recipe.epochs} is saved in {folder}. The same call goes on.")
                break
    return model


def draws(model: Model, n: int, x: Tensor, seed: int = 1, means: bool = False) -> Tensor:
    """n draws or conditional means (n, d), by the recipe's way: where chains begin at data, from the training x on."""
    start = {"start": x} if getattr(model.recipe, "from_data", False) else {}
    return model.samples(n, seed, means, **start)


def load(folder: Path | str) -> tuple[Model, dict[str, Any]]:
    """The model of a run's last whole epoch, and what is known of it: seed, data, history, seconds."""
    state, remark = checkpoints.read(Path(folder))
    if remark:
        warnings.warn(remark, stacklevel=2)
    with checkpoints.understood(Path(folder)):
        found = state.pop("model")
        recipe = recipe_from(state["kind"], state["recipe"])
        return recipe.start(found["net"]["mean"].cpu(), state["seed"]).restore(found), state


def save_weights(path: Path, model: Model, info: dict[str, Any]) -> Path:
    """Write a model as half-precision safetensors, and `info` with its recipe as a .json beside it."""
    tensors = {name: tensor.half() for name, tensor in model.state_dict().items()}
    told = {**info, "kind": kind(model.recipe), "epochs": model.done, "recipe": asdict(model.recipe)}
    return checkpoints.write_weights(path, tensors, told)


def load_weights(path: Path) -> Model:
    """The model that `save_weights` wrote, in float32, with its `.info`. Raises `CheckpointError`."""
    with checkpoints.read_weights(path) as (tensors, info):
        recipe = recipe_from(info["kind"], info.pop("recipe"))
        model = recipe.start(tensors["mean"].float(), 0)
        model.load_state_dict({name: tensor.float() for name, tensor in tensors.items()})
        model.done, model.info = info["epochs"], info
        return model.requires_grad_(False)


def pretrained(name: str) -> Model:
    """The baseline that this project trained on MNIST and ships: "rbm", "dbn", "dbm", "cae", "gsn", "vae"."""
    return load_weights(checkpoints.shipped(name, WEIGHTS))


def kind(recipe: ModelRecipe) -> str:
    """The kind of a recipe, as a file names it."""
    return next(name for name, known in KINDS.items() if type(recipe) is known)


def recipe_from(kind_: str, plain: dict[str, Any]) -> ModelRecipe:
    """The recipe of that kind with these numbers. Raises `RecipeError`."""
    if kind_ not in KINDS:
        raise RecipeError(f"unknown baseline {kind_!r}; there are: {', '.join(KINDS)}")
    try:
        return KINDS[kind_](**{name: tuple(v) if isinstance(v, list) else v for name, v in plain.items()})
    except TypeError as error:
        raise RecipeError(f"this is not a recipe that this version of ganlib wrote: {error}") from None


def _changes_of(old: ModelRecipe, new: ModelRecipe) -> list[str]:
    """What differs between two recipes but for their end and how the chain is read: a line a field."""
    if type(old) is not type(new):
        return [f"{kind(old)} -> {kind(new)}"]
    asked = {name: value for name, value in vars(new).items() if name not in ("epochs", "chains", "burn_in", "thin")}
    return _changes(vars(old), asked)


def _changes(old: dict[str, Any], new: dict[str, Any]) -> list[str]:
    return [f"{name}: {old[name]!r} -> {value!r}" for name, value in new.items() if old[name] != value]
