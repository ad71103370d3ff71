"""Files that survive: checkpoints to resume a run from, and weights to ship. Nothing is unpickled.

A file is moved to its place in one step and the one before it kept: a killed process leaves a whole one.
"""

import contextlib
import copy
import errno
import json
import os
import warnings
import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

import safetensors
import safetensors.torch
import torch
from torch import Tensor

from ganlib.errors import CheckpointError
from ganlib.nets import Discriminator, Generator
from ganlib.recipes import Recipe

FORMAT = 1
LATEST = "checkpoint.pt"
PREVIOUS = "checkpoint-previous.pt"
LAST = "the last iterate"
EIGHT = ":scale"  # ends the name of the scales of a matrix in 8 bits
WEIGHTS = Path(__file__).parent / "weights"  # those that come with the package


def exists(folder: Path) -> bool:
    """Whether the folder holds a checkpoint, whole or not."""
    return any(os.path.exists(folder / name) for name in (LATEST, PREVIOUS))  # Path.exists raises without permission


def write(folder: Path, state: dict[str, Any]) -> Path:
    """Write a checkpoint of tensors and plain values; the latest one, unless damaged, becomes the previous one."""
    state = {"format": FORMAT, **state}
    return _atomically(folder / LATEST, lambda file: torch.save(state, file), previous=folder / PREVIOUS)


def read(folder: Path) -> tuple[dict[str, Any], str]:
    """The latest whole checkpoint of the folder, and a remark ("" when the latest was whole). `CheckpointError`."""
    if not exists(folder):
        raise CheckpointError(f"{folder} holds no checkpoint; train one with `python -m ganlib train RECIPE --out DIR`")
    problems = []
    for path in filter(Path.exists, (folder / LATEST, folder / PREVIOUS)):
        try:
            return _read_one(path), "; ".join([*problems, f"going on from {path}"] if problems else [])
        except CheckpointError as error:
            problems.append(str(error))
    raise CheckpointError("; ".join(problems) + "; no whole checkpoint is left here: train again into another folder")


def _read_one(path: Path) -> dict[str, Any]:
    state, problem = None, _damage(path)  # torch.load does not compare the checksums
    try:
        state = None if problem else torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # pickle and torch each have their own
        problem = f"{type(error).__name__}: {_line(error)}"
    if problem:
        raise CheckpointError(f"{path} is not a whole checkpoint ({problem})")
    found = state.get("format") if isinstance(state, dict) else type(state).__name__
    if found != FORMAT:
        raise CheckpointError(f"{path} has checkpoint format {found!r}; this version of ganlib reads {FORMAT}")
    return state


def _damage(path: Path) -> str | None:
    """What is wrong with a checkpoint as a file: None when every part matches its checksum."""
    try:
        with zipfile.ZipFile(path) as archive:
            broken = archive.testzip()
    except Exception as error:  # zipfile and zlib have many
        return f"{type(error).__name__}: {_line(error)}"
    return None if broken is None else f"its part {broken} does not match its checksum"


def _line(error: Exception) -> str:
    return (str(error).splitlines() or [""])[0][:120]


def _atomically(path: Path, save: Callable[[Any], Any], previous: Path | None = None) -> Path:
    """Let `save` write beside `path`, flush, and move it there in one step; what was there, if whole, to `previous`."""
    beside = path.with_name(f".{path.name}.writing")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(beside, "wb") as file:
            save(file)
            file.flush()
            os.fsync(file.fileno())
        if previous is not None and path.exists() and _damage(path) is None:
            os.replace(path, previous)
        os.replace(beside, path)
        if os.name == "posix":  # flush the folder itself, so that the move survives a power cut
            handle = os.open(path.parent, os.O_RDONLY)
            try:
                os.fsync(handle)
            finally:
                os.close(handle)
    except (OSError, RuntimeError) as error:  # torch.save wraps a full disk in a RuntimeError
        number = getattr(error, "errno", None) or getattr(error.__context__, "errno", None)
        why = "the disk is full" if number in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG) else _line(error)
        saved = "What was saved before is untouched. Free some space, or save elsewhere."
        raise CheckpointError(f"{path} cannot be written: {why}. {saved}") from error
    finally:
        with contextlib.suppress(OSError):
            beside.unlink(missing_ok=True)
    return path


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
        return replace(self, G=self.average, average=None, iterate=self.info["average"]["what"])

    def samples(self, n: int, seed: int = 0, given: Tensor | None = None) -> Tensor:
        """n fair draws x = G(z): (n, d), in [0, 1] for MNIST. `given` as in `Recipe.samples`."""
        return self.recipe.samples(self.G, n, seed, given)

    def pictures(self, z: Tensor) -> Tensor:
        """G(z) for z of your own: (n, z_dim) -> (n, d)."""
        return self.recipe.settled(self.G).pictures(z)


def load_run(folder: Path) -> Trained:
    """The nets of a run's last whole checkpoint, in float32 on the CPU, wherever it was trained; needs no data."""
    state, remark = read(folder)
    if remark:
        warnings.warn(remark, stacklevel=2)
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
    players = recipe.players(0, torch.full((recipe.G[-1].units,), 0.5))
    if "D" not in nets:
        del players["D"]
    for name, net in players.items():
        net.load_state_dict(nets[name])
    G, average = players["G"], None
    if "average" in nets:
        average = copy.deepcopy(G)
        average.load_state_dict(nets["average"])
    return Trained(G, players.get("D"), recipe, info, average, strip=strip, E=players.get("E"))


@contextlib.contextmanager
def understood(folder: Path) -> Iterator[None]:
    """Where what `read` gave is used: errors become a `CheckpointError` that names the folder."""
    try:
        yield
    except (LookupError, TypeError, AttributeError, ValueError, RuntimeError) as error:
        raise CheckpointError(f"the checkpoint in {folder} lacks a part or is of another version: {error!r}") from None


def save_weights(path: Path, trained: Trained, small: bool = False) -> Path:
    """Write the nets, and the average, as half-precision safetensors to `path`; `info` and recipe to a `.json`.

    `small`: without D, and a matrix in 8 bits: whole numbers up to 127 times a scale for each of its rows.
    """
    nets = {"G": trained.G, "D": trained.D, "E": trained.E, "average": trained.average}
    parts = ((name, net.state_dict()) for name, net in nets.items() if net and not (small and name == "D"))
    tensors = {f"{name}.{key}": tensor.half() for name, net in parts for key, tensor in net.items()}
    tensors = in_8_bits(tensors) if small else tensors
    told = {**trained.info, "recipe": trained.recipe.to_dict()}
    if trained.strip:
        told["strip"] = trained.strip.epochs
        tensors |= {f"strip.{name}": getattr(trained.strip, name) for name in ("last", "average")}
    return write_weights(path, tensors, told)


def in_8_bits(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """The same, each matrix as whole numbers up to 127 and, at its name and `EIGHT`, a scale for each of its rows."""
    small = dict(tensors)
    for key, tensor in tensors.items():
        if tensor.ndim == 2:
            scale = (tensor.float().abs().amax(1, keepdim=True) / 127).clamp_min(1e-6)
            small[key], small[key + EIGHT] = (tensor / scale).round().to(torch.int8), scale
    return small


def from_8_bits(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """What `in_8_bits` took, but for the rounding; what is not in 8 bits stays as it is."""
    plain = {key: tensor for key, tensor in tensors.items() if not key.endswith(EIGHT)}
    return {key: tensor * tensors[key + EIGHT] if key + EIGHT in tensors else tensor for key, tensor in plain.items()}


def write_weights(path: Path, tensors: dict[str, Tensor], told: dict[str, Any]) -> Path:
    """Write tensors as safetensors to `path`, and what is told of them to a `.json` beside it."""
    whole = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    text = json.dumps(told, indent=1, ensure_ascii=False) + "\n"
    _atomically(path, lambda file: file.write(safetensors.torch.save(whole)))
    _atomically(path.with_suffix(".json"), lambda file: file.write(text.encode()))
    return path


@contextlib.contextmanager
def read_weights(path: Path) -> Iterator[tuple[dict[str, Tensor], dict[str, Any]]]:
    """The tensors and what is told of them, as `write_weights` wrote both, for use in a `with`.

    An error there, or in reading, becomes a `CheckpointError` that says which file is missing, broken, or does not fit.
    """
    try:
        told = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
        yield safetensors.torch.load_file(path), told
    except FileNotFoundError as error:
        lost = error.filename or path
        raise CheckpointError(f"{lost} is missing; weights are two files, {path.name} and a .json") from None
    except RuntimeError as error:
        raise CheckpointError(f"{path} does not fit the nets of its recipe: {_line(error)}") from None
    except (OSError, ValueError, LookupError, TypeError, AttributeError, safetensors.SafetensorError) as error:
        why = _line(error)
        raise CheckpointError(f"{path} or the .json beside it is damaged: {why}; get both files again") from None


def load_weights(path: Path) -> Trained:
    """The pair that `save_weights` wrote, in float32. Raises `CheckpointError` when a file is missing or broken."""
    with read_weights(path) as (tensors, info):
        nets: dict[str, dict[str, Tensor]] = {"G": {}}
        for key, tensor in from_8_bits(tensors).items():
            name, _, part = key.partition(".")  # "G.layers.0.linear.weight", "strip.last"
            nets.setdefault(name, {})[part] = tensor if name == "strip" else tensor.float()
        pictures, epochs = nets.pop("strip", None), info.pop("strip", None)
        strip = Strip(epochs, **pictures) if pictures and epochs else None
        return _trained(Recipe.from_dict(info.pop("recipe")), nets, info, strip)


def pretrained(name: str = "mnist") -> Trained:
    """The pair of that name that this project trained and ships. Raises `CheckpointError` with the names there are."""
    return load_weights(shipped(name, WEIGHTS))


def shipped(name: str, folder: Path) -> Path:
    """The file of weights of that name in a folder of this package. Raises `CheckpointError` with the names there."""
    path = folder / f"{name}.safetensors"
    if not path.exists():
        there = ", ".join(sorted(file.stem for file in folder.glob("*.safetensors"))) or "none"
        raise CheckpointError(f"no weights named {name!r} come with this package; there are: {there}")
    return path
