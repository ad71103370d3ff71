"""A baseline's run on the disk, and its weights. The guards on files, stops and locks are those of `ganlib.runs`."""

import time
import warnings
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ganlib import archive, checkpoints, disk, hardware, parzen
from ganlib.baselines.cae import CAERecipe
from ganlib.baselines.dbm import DBMRecipe
from ganlib.baselines.dbn import DBNRecipe
from ganlib.baselines.gsn import GSNRecipe
from ganlib.baselines.model import Model, ModelRecipe, fit
from ganlib.baselines.rbm import RBMRecipe
from ganlib.baselines.vae import VAERecipe
from ganlib.datasets import Dataset
from ganlib.errors import CheckpointError, RecipeError, brief, door
from ganlib.images import scale
from ganlib.layers import NOT_NEGATIVE, WIDEST, is_integer, is_plain
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
                    place.write({"model": model.state(), "made": hardware.provenance(), **plain}, check)
                costs, begun = [], time.monotonic()
            if epoch < recipe.epochs and (stop.is_set() or time.monotonic() > end):
                say(f"Stopped; epoch {epoch} of {recipe.epochs} is saved in {folder}. The same call goes on.")
                break
    return model


def draws(model: Model, n: int, x: Tensor, seed: int = 1, means: bool = False) -> Tensor:
    """n draws or conditional means (n, d), by the recipe's way: where chains begin at data, from the training x on."""
    start = {"start": x} if getattr(model.recipe, "from_data", False) else {}
    return model.samples(n, seed, means, **start)


@door(CheckpointError)
def load(folder: Path | str) -> tuple[Model, dict[str, Any]]:
    """The model of a run's last whole epoch, and what is known of it: seed, data, history, seconds.

    Bounds on memory and time: those of `checkpoints.read`.
    """
    state, remark = checkpoints.read(folder := Path(folder), check)
    if remark:
        warnings.warn(remark, stacklevel=2)
    with checkpoints.understood(folder):
        found = state.pop("model")
        recipe = recipe_from(state["kind"], state["recipe"])
        return recipe.start(found["net"]["mean"].cpu(), state["seed"]).restore(found), state


def check(state: Any) -> None:
    """Raise `CheckpointError` unless this is what `train` writes of a model; it builds none with memory of its own."""
    try:
        recipe = recipe_from(state["kind"], state["recipe"])
        model, net, optimiser = state["model"], state["model"]["net"], state["model"].get("optimiser")
        like = _unborn(recipe, net)
        _hold("seed", state["seed"], is_integer(state["seed"]) and 0 <= state["seed"] < 2**63)
        _hold("done", model["done"], is_integer(model["done"]) and 0 <= model["done"] <= 10**9)
        _hold("seconds", state["seconds"], is_plain(state["seconds"]) and state["seconds"] >= 0)
        for name in ("data", "fingerprint"):
            _hold(name, state[name], isinstance(state[name], str))
        rows = state["history"]
        plain = isinstance(rows, list) and all(
            isinstance(row, dict) and all(map(is_plain, row.values())) for row in rows
        )
        _hold("history", rows, plain)
        for name, tensor in net.items():
            archive.finite(f"its {name}", tensor) if not tensor.is_meta else None
        _hold("optimiser", optimiser, (optimiser is not None) == hasattr(like, "optimiser"))
        if optimiser is not None:
            _check_optimiser(optimiser, like)
    except CheckpointError:
        raise
    except (LookupError, TypeError, AttributeError, ValueError, RuntimeError) as error:
        raise CheckpointError(f"lacks a part or is of another version: {disk.line(error)}") from None


def _unborn(recipe: ModelRecipe, net: dict[str, Tensor]) -> Model:
    """The model of a recipe without memory, if these are tensors of its shapes. ValueError."""
    mean = net["mean"]
    _hold("mean", mean, isinstance(mean, Tensor) and mean.ndim == 1 and 1 <= len(mean) <= WIDEST)
    torch.optim.SGD([torch.zeros(1)])  # the first optimiser loads a part of torch that in 2.6 fails on "meta"
    with torch.device("meta"):
        like = recipe.start(torch.full((len(mean),), 0.5), 0)
    own = like.state_dict()
    _hold("net", list(net), net.keys() == own.keys())
    for name, tensor in own.items():
        right = isinstance(net[name], Tensor) and net[name].is_floating_point() and net[name].shape == tensor.shape
        _hold(name, net[name], right)
    if not mean.is_meta:
        _hold("mean", "not in [0, 1]", bool(((mean >= 0) & (mean <= 1)).all()))
    return like


def _check_optimiser(found: dict[str, Any], like: Model) -> None:
    """What torch's optimiser keeps: a number or a tensor of its parameter's shape under each name, and its settings."""
    kept = {"momentum_buffer"} if isinstance(like.optimiser, torch.optim.SGD) else {"step", "exp_avg", "exp_avg_sq"}
    groups, own = found["param_groups"], like.optimiser.state_dict()["param_groups"]
    _hold("optimiser", groups, [group["params"] for group in groups] == [group["params"] for group in own])
    for group in groups:
        settings = {name: value for name, value in group.items() if name != "params"}
        for name, value in settings.items():
            numbers = value if isinstance(value, list | tuple) else [value]
            _hold(name, value, all(one is None or isinstance(one, bool) or NOT_NEGATIVE.fits(one) for one in numbers))
        _hold("optimiser", settings, settings.keys() >= {"lr"} and is_plain(settings["lr"]))
    shapes = [p.shape for p in like.parameters()]
    for i, one in found["state"].items():
        _hold("optimiser", i, is_integer(i) and 0 <= i < len(shapes) and kept <= one.keys())
        for name in kept:
            shape = torch.Size() if name == "step" else shapes[i]
            _hold(name, one[name], isinstance(one[name], Tensor) and one[name].shape == shape)
            _hold(name, one[name], one[name].is_meta or not bool((one[name] < 0).any()) or name != "step")


def _hold(what: str, value: Any, right: bool) -> None:
    if not right:
        raise ValueError(f"its {what} is {brief(value)}")


@door(CheckpointError)
def save_weights(path: Path | str, model: Model, info: dict[str, Any]) -> Path:
    """Write a model as half-precision safetensors, and `info` with its recipe as a .json beside it."""
    tensors = {name: tensor.half() for name, tensor in model.state_dict().items()}
    told = {**info, "kind": kind(model.recipe), "epochs": model.done, "recipe": asdict(model.recipe)}
    return checkpoints.write_weights(path, tensors, told)


@door(CheckpointError)
def load_weights(path: Path | str) -> Model:
    """The model that `save_weights` wrote, in float32, with its `.info`. Raises `CheckpointError`.

    Bounds on memory and time: those of `checkpoints.read_weights`.
    """

    def fits(tensors: dict[str, Tensor], info: dict[str, Any]) -> None:
        """Whether these are the tensors of the model of that recipe."""
        _unborn(recipe_from(info["kind"], info["recipe"]), tensors)
        _hold("epochs", info["epochs"], is_integer(info["epochs"]) and 0 <= info["epochs"] <= 10**9)

    with checkpoints.read_weights(path, fits) as (tensors, info):
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
    if not isinstance(kind_, str) or kind_ not in KINDS:
        raise RecipeError(f"unknown baseline {brief(kind_)}; there are: {', '.join(KINDS)}")
    try:
        return KINDS[kind_](**{name: tuple(v) if isinstance(v, list) else v for name, v in plain.items()})
    except (TypeError, AttributeError) as error:
        raise RecipeError(f"this is not a recipe that this version of ganlib wrote: {disk.line(error)}") from None


def _changes_of(old: ModelRecipe, new: ModelRecipe) -> list[str]:
    """What differs between two recipes but for their end and how the chain is read: a line a field."""
    if type(old) is not type(new):
        return [f"{kind(old)} -> {kind(new)}"]
    asked = {name: value for name, value in vars(new).items() if name not in ("epochs", "chains", "burn_in", "thin")}
    return _changes(vars(old), asked)


def _changes(old: dict[str, Any], new: dict[str, Any]) -> list[str]:
    return [f"{name}: {old[name]!r} -> {value!r}" for name, value in new.items() if old[name] != value]
