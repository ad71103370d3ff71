"""Files that survive: checkpoints to resume a run from, and weights to ship. Nothing is unpickled.

A file is moved to its place in one step and the one before it kept: a killed process leaves a whole one.
"""

import contextlib
import os
import warnings
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

import torch
from torch import Tensor

from ganlib import archive, disk
from ganlib.errors import CheckpointError, brief, door, is_number, is_whole
from ganlib.exports import EIGHT, check_export_path, from_8_bits, in_8_bits, read_weights, shipped, write_weights
from ganlib.nets import Discriminator, Generator
from ganlib.recipes import Recipe, states

__all__ = ["check_export_path", "from_8_bits", "in_8_bits", "read_weights", "shipped", "write_weights"]  # of `exports`
__all__ += ["Strip", "Trained", "load_run", "load_weights", "pretrained", "save_weights"]

Check = Callable[[Any], Any]  # sees a state, and raises `CheckpointError` where it is none

FORMAT = 1
LATEST = "checkpoint.pt"
PREVIOUS = "checkpoint-previous.pt"
LAST = "the last iterate"
WEIGHTS = Path(__file__).parent / "weights"  # those that come with the package


def exists(folder: Path) -> bool:
    """Whether the folder holds a checkpoint, whole or not."""
    return any(os.path.exists(folder / name) for name in (LATEST, PREVIOUS))  # Path.exists raises without permission


def write(folder: Path, state: dict[str, Any], check: Check = states.check) -> Path:
    """Write a checkpoint of tensors and plain values; the latest one, unless damaged, becomes the previous one.

    Only what `read` would give back is written: `CheckpointError` for anything else, and then nothing is.
    """
    state, latest = {"format": FORMAT, **state}, folder / LATEST
    try:
        check(state)
    except CheckpointError as error:
        raise CheckpointError(f"nothing was saved in {folder}: this run {error}") from None

    def save(file: Any) -> None:
        """Write, and see that it can be read."""
        torch.save(state, file)
        file.flush()
        with archive.opened(Path(file.name)) as written:
            written.values()

    return disk.atomically(latest, save, folder / PREVIOUS, lambda path: _damage(path, check) is None)


def read(folder: Path, check: Check = states.check) -> tuple[dict[str, Any], str]:
    """The latest whole checkpoint of the folder, and a remark ("" when the latest was whole). `CheckpointError`.

    What a file says is held to its recipe by `check` before a number of it is read. Memory and time: those of the nets
    of that recipe, in a file of at most `disk.LARGEST` bytes; before that 300 MB and 8 s at the most, whatever it is.
    A checkpoint of another format is no damaged one: nothing is read in its place, so that nothing is written over it.
    """
    folder = Path(folder)
    if not exists(folder):
        raise CheckpointError(f"{folder} holds no checkpoint; train one with `python -m ganlib train RECIPE --out DIR`")
    problems = []
    for path in (path for path in (folder / LATEST, folder / PREVIOUS) if os.path.lexists(path)):
        try:
            with _understood_file(path), archive.opened(path) as found:
                told = found.values()
                _check_format(told)
                check(told)
                state = found.values(read=True)
                check(state)
            return state, "; ".join([*problems, f"going on from {path}"] if problems else [])
        except OtherFormat:
            raise
        except CheckpointError as error:
            problems.append(str(error))
    raise CheckpointError("; ".join(problems) + "; no whole checkpoint is left here: train again into another folder")


@contextlib.contextmanager
def _understood_file(path: Path) -> Iterator[None]:
    """Where a checkpoint is read: what is wrong becomes one `CheckpointError` that names the file."""
    try:
        yield
    except CheckpointError as error:
        raise type(error)(f"{path} {error}") from None
    except ValueError as error:
        raise CheckpointError(f"{path} is not a whole checkpoint ({disk.line(error)})") from None


class OtherFormat(CheckpointError):
    """A whole checkpoint, which another version of this package wrote."""


def _check_format(state: Any) -> None:
    found = state.get("format") if isinstance(state, dict) else type(state).__name__
    if type(found) is not int:
        raise CheckpointError(f"has checkpoint format {brief(found)}; this version of ganlib reads {FORMAT}")
    if found != FORMAT:
        raise OtherFormat(f"has checkpoint format {brief(found)}; this version of ganlib reads {FORMAT}")


def _damage(path: Path, check: Check = states.check) -> str | None:
    """What is wrong with a checkpoint: None when `read` would take it. In the memory of its largest tensor."""
    try:
        with _understood_file(path), archive.opened(path) as found:
            told = found.values()
            _check_format(told)
            check(told)
            found.check()
    except CheckpointError as error:
        return str(error)
    return None


# -- trained pairs -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Strip:
    """How the samples of eight fixed z changed over the epochs of a run: uint8 pictures, as they are shown."""

    epochs: list[int]  # k
    last: Tensor  # by the last iterate of that time, (k, 8, d)
    average: Tensor  # by the average of G, (k, 8, d)

    @classmethod
    def of(cls, rows: Sequence[dict[str, Any]]) -> Self | None:
        """The strip of the rows that a run kept, where it kept any."""
        pictures = (torch.stack([row[name] for row in rows]) for name in ("last", "average"))
        return cls([row["epoch"] for row in rows], *pictures) if rows else None

    def some(self, epochs: Sequence[int], n: int) -> Self:
        """The same at some of the epochs only, and of the first n z."""
        rows = [self.epochs.index(epoch) for epoch in epochs]
        return type(self)(list(epochs), self.last[rows, :n], self.average[rows, :n])

    def rows(self) -> list[dict[str, Any]]:
        """What `of` takes: a row an epoch."""
        columns = zip(self.epochs, self.last, self.average)
        return [{"epoch": epoch, "last": last, "average": average} for epoch, last, average in columns]


@dataclass(frozen=True)
class Trained:
    """A trained pair, with the recipe that made it and what is known of it."""

    G: Generator
    D: Discriminator | None  # None: of weights that were shipped without it
    recipe: Recipe
    info: dict[str, Any]  # data, seed, epochs, what trained it, scores (of weights, the `.json` beside them)
    average: Generator | None = None  # G's parameters averaged over training (`ganlib.average`), where they were kept
    iterate: str = LAST  # which G this is, in words
    strip: Strip | None = None  # samples over the epochs, where the run kept them
    E: Generator | None = None  # the inference net, from x to z, where the recipe has one

    def averaged(self) -> Self:
        """The same with the average of G in G's place. Raises `CheckpointError` where none was kept."""
        if self.average is None:
            raise CheckpointError("no average of G was kept here: train on with this version, or use the last iterate")
        return replace(
            self, G=self.average, average=None, iterate=self.info.get("average", {}).get("what", "an average of G")
        )

    def samples(self, n: int, seed: int = 0, given: Tensor | None = None) -> Tensor:
        """n fair draws x = G(z): (n, d), in [0, 1] for MNIST. `given` as in `Recipe.samples`."""
        return self.recipe.samples(self.G, n, seed, given)

    def pictures(self, z: Tensor) -> Tensor:
        """G(z) for z of your own: (n, z_dim) -> (n, d)."""
        return self.recipe.settled(self.G).pictures(z)


@door(CheckpointError)
def load_run(folder: Path | str) -> Trained:
    """The nets of a run's last whole checkpoint, in float32 on the CPU, wherever it was trained; needs no data."""
    state, remark = read(folder := Path(folder))
    if remark:
        warnings.warn(remark, stacklevel=3)
    with understood(folder):
        recipe = Recipe.from_dict(state["recipe"])
        epochs = recipe.epochs_done(len(state["order"]), state["epoch"], state["position"])
        info = {"data": state["data"], "seed": state["seed"], "epochs": round(epochs, 3), "steps": state["step"]}
        info |= {"precision": state["precision"], "trained_by": state.get("sessions", [])}
        info["validation"] = state["history"]["scores"]
        nets = dict(state["nets"])
        if "average" in state:
            nets["average"] = state["average"]["G"]
            told = ("what", "horizon", "part")
            info["average"] = {name: value for name, value in state["average"].items() if name in told}
        return _trained(recipe, nets, info, Strip.of(state.get("strip", [])))


def _trained(
    recipe: Recipe, nets: dict[str, dict[str, Tensor]], info: dict[str, Any], strip: Strip | None = None
) -> Trained:
    """The pair of a recipe with these parameters. Raises RuntimeError when they are of another architecture."""
    players = _unborn(recipe, nets.keys())
    for name, net in players.items():
        net.load_state_dict({key: tensor.float() for key, tensor in nets[name].items()}, assign=True)
    G, average = players["G"], players.get("average")
    return Trained(G, players.get("D"), recipe, info, average, strip=strip, E=players.get("E"))


def _unborn(recipe: Recipe, names: Collection[str]) -> dict[str, Generator | Discriminator]:
    """The nets of a recipe, and the average where it is named, without memory for their parameters; D where named."""
    with torch.device("meta"):
        pairs = [recipe.players(0, torch.full((recipe.G[-1].units,), 0.5)) for _ in range(1 + ("average" in names))]
    if "D" not in names:
        del pairs[0]["D"]
    return pairs[0] | ({"average": pairs[1]["G"]} if "average" in names else {})


@contextlib.contextmanager
def understood(folder: Path) -> Iterator[None]:
    """Where what `read` gave is used: errors become a `CheckpointError` that names the folder."""
    try:
        yield
    except CheckpointError as error:
        raise CheckpointError(
            str(error) if str(folder) in str(error) else f"the checkpoint in {folder} {error}"
        ) from None
    except (LookupError, TypeError, AttributeError, ValueError, RuntimeError) as error:
        why = disk.line(error)
        raise CheckpointError(f"the checkpoint in {folder} lacks a part or is of another version: {why}") from None


@door(CheckpointError)
def save_weights(path: Path | str, trained: Trained, small: bool = False) -> Path:
    """Write the nets, and the average, as half-precision safetensors to `path`; `info` and recipe to a `.json`.

    `small`: without D, and a matrix in 8 bits: whole numbers up to 127 times a scale for each of its rows. At every
    moment a pair lies there that belongs together, the old one or the new one. Raises `CheckpointError` as
    `check_export_path` does, and for values that are not finite.
    """
    nets = {"G": trained.G, "D": trained.D, "E": trained.E, "average": trained.average}
    parts = ((name, net.state_dict()) for name, net in nets.items() if net and not (small and name == "D"))
    tensors = {f"{name}.{key}": tensor.half() for name, net in parts for key, tensor in net.items()}
    tensors = in_8_bits(tensors) if small else tensors
    told = {**trained.info, "recipe": trained.recipe.to_dict()}
    if trained.strip:
        told["strip"] = trained.strip.epochs
        tensors |= {f"strip.{name}": getattr(trained.strip, name) for name in ("last", "average")}
    return write_weights(Path(path), tensors, told)


@door(CheckpointError)
def load_weights(path: Path | str) -> Trained:
    """The pair that `save_weights` wrote, in float32. Raises `CheckpointError` when a file is missing or broken.

    Memory and time are bounded as in `read_weights`; of a recipe whose nets are not those in the file none is made.
    """
    with read_weights(path, _fit_recipe) as (tensors, info):
        nets: dict[str, dict[str, Tensor]] = {}
        for key, tensor in from_8_bits(tensors).items():
            name, _, part = key.partition(".")  # "G.layers.0.linear.weight", "strip.last"
            nets.setdefault(name, {})[part] = tensor if name == "strip" else tensor.float()
        pictures, epochs = nets.pop("strip", None), info.pop("strip", None)
        strip = Strip(epochs, **pictures) if pictures and epochs else None
        return _trained(Recipe.from_dict(info.pop("recipe")), nets, info, strip)


def _fit_recipe(tensors: dict[str, Tensor], told: dict[str, Any]) -> None:
    """Raise RuntimeError unless these are the tensors of the recipe's nets and of a strip; ValueError for odd facts."""
    recipe = Recipe.from_dict(told["recipe"])
    for name, (right, words) in FACTS.items():
        if name in told and not right(told[name]):
            raise ValueError(f"its {name} is {brief(told[name])}; it must be {words}")
    wanted: dict[str, torch.Size] = {}
    for name, net in _unborn(recipe, {key.partition(".")[0] for key in tensors}).items():
        wanted |= {f"{name}.{key}": tensor.shape for key, tensor in net.state_dict().items()}
    pictures = [tensor for key, tensor in tensors.items() if key.startswith("strip.")]
    if pictures or "strip" in told:
        epochs = told["strip"] if "strip" in told else [*range(len(pictures[0]))]  # untold ones are left out
        if not (isinstance(epochs, list) and epochs and all(map(is_whole, epochs))):
            raise ValueError(f"the epochs of its strip are {brief(epochs)}")
        wanted |= {f"strip.{name}": torch.Size((len(epochs), 8, recipe.G[-1].units)) for name in ("last", "average")}
    for key, tensor in tensors.items():
        if key.endswith(EIGHT):
            key = key.removesuffix(EIGHT)
            if key not in tensors or tensors[key].dtype != torch.int8 or tensor.shape != (len(tensors[key]), 1):
                raise RuntimeError(f"there is a scale of {brief(key)}, which is not in 8 bits")
        elif wanted.pop(key, None) != tensor.shape:
            raise RuntimeError(f"its {brief(key)} is {tuple(tensor.shape)}")
        elif key.startswith("strip.") != (tensor.dtype == torch.uint8):
            raise RuntimeError(f"its {brief(key)} is of the type {tensor.dtype}")
        elif tensor.dtype == torch.int8 and key + EIGHT not in tensors:
            raise RuntimeError(f"its {brief(key)} is in 8 bits without a scale")
    if wanted:
        raise RuntimeError(f"it lacks {brief(next(iter(wanted)))}")


FACTS: dict[str, tuple[Callable[[Any], bool], str]] = {
    "data": (lambda value: isinstance(value, str), "the name of a data set"),
    "seed": (is_whole, "a whole number"),
    "epochs": (lambda value: is_number(value) and value >= 0, "a number of epochs"),
    "steps": (lambda value: is_whole(value) and value >= 0, "a whole number"),
    "precision": (lambda value: isinstance(value, str), "a word"),
    "average": (lambda value: isinstance(value, dict) and isinstance(value.get("what", ""), str), "told with its what"),
    "trained_by": (lambda value: isinstance(value, list), "a list"),
    "validation": (lambda value: isinstance(value, list), "a list"),
    "note": (lambda value: isinstance(value, str), "a text"),
}
"""What the .json of weights says beside the recipe, where the commands and notebooks use it."""


@door(CheckpointError)
def pretrained(name: str = "mnist") -> Trained:
    """The pair of that name that this project trained and ships. Raises `CheckpointError` with the names there are."""
    return load_weights(shipped(name, WEIGHTS))
