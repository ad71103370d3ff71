"""What a run of a recipe keeps, to go on from or to draw from: whether a state is one, number by number."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from ganlib.errors import CheckpointError, GanlibError, brief
from ganlib.nets import is_integer, is_plain
from ganlib.recipes.recipe import Recipe

MOST = 2**53  # steps, updates, epochs: so far a float counts
COLUMNS = 14  # numbers in the record of a step (`trainer.Step`); earlier versions wrote fewer
PRECISIONS = ("float32", "bfloat16", "float64")


def check(state: Any) -> Recipe:
    """The recipe of a run's state; `CheckpointError` unless all that stands in it is what a run of that recipe writes.

    The state is a dict of plain values and tensors, as `Trainer.state` gives it, in a folder with what `Run.save` adds.
    Of tensors on the device "meta" only their types and shapes are held to it, so that a file can be refused unread.
    """
    _hold("state", state, isinstance(state, dict), "a dict")
    try:
        recipe = Recipe.from_dict(_part(state, "recipe"))
        with torch.device("meta"):
            nets = recipe.players(0, torch.full((recipe.G[-1].units,), 0.5))
    except CheckpointError:
        raise
    except GanlibError as error:
        raise _wrong(f"its recipe is none: {error}") from None
    _check_place(recipe, state)
    for name, net in nets.items():
        own = dict(net.state_dict())
        _check_net(f"nets[{name!r}]", _part(_part(state, "nets"), name), own)
        _check_several(f"velocity[{name!r}]", _part(_part(state, "velocity"), name), list(own.values()))
        if recipe.optimiser == "adam":
            moments = _part(_part(state, "moments"), name)
            _whole(moments, "t", 0)
            _check_several(f"moments[{name!r}]", squares := _part(moments, "squares"), list(own.values()))
            right = all(one.is_meta or bool((one >= 0).all()) for one in squares)
            _hold(f"moments[{name!r}]", "below 0", right, "tensors of squares")
    _check_history(_part(state, "history"))
    if "average" in state:
        average = state["average"]
        _hold("average", average, isinstance(average, dict), "a dict")
        _whole(average, "horizon", 1)
        _whole(average, "begun", 0)
        _whole(average, "step", 0)
        _whole({"part": 1} | average, "part", 1)
        _hold("average", average.get("what"), isinstance(average.get("what"), str), "told in words")
        _check_net("average['G']", _part(average, "G"), dict(nets["G"].state_dict()))
    _check_told(recipe, state)
    return recipe


def _check_place(recipe: Recipe, state: dict[str, Any]) -> None:
    """Where the run stands, and its random numbers."""
    _whole(state, "seed", 0, 2**63 - 1)
    for name, least in (("step", 0), ("updates", 0), ("epoch", 1), ("position", 0)):
        _whole(state, name, least)
    order = _tensor("order", _part(state, "order"), torch.int64, (None,))
    n, m = len(order), recipe.batch
    _hold("order", order, n >= m, f"at least a batch of {m} examples")
    if not order.is_meta:
        right = bool(torch.equal(order.sort().values, torch.arange(n)))
        _hold("order", order, right, f"the numbers from 0 to {n - 1:,}, each once")
    batches = -(-n // m)
    _hold("position", state["position"], state["position"] <= batches, f"at most {batches:,} batches")
    drawn = (state["epoch"] - 1) * batches + state["position"]
    _hold("updates", state["updates"], state["updates"] <= drawn, f"at most the {drawn:,} batches that were drawn")
    _hold("step", state["step"], state["step"] <= state["updates"], f"at most its {state['updates']:,} updates")
    device = state.get("device")
    _hold("device", device, isinstance(device, str) and device.isalnum() and device != "meta", "a kind of device")
    _hold("precision", state.get("precision"), state.get("precision") in PRECISIONS, f"one of {', '.join(PRECISIONS)}")
    for name in ("data_rng", "rng"):
        stream = _tensor(name, _part(state, name), torch.uint8, (None,))
        if not stream.is_meta and (name == "data_rng" or state["device"] == "cpu"):
            try:
                torch.Generator().set_state(stream)
            except (RuntimeError, TypeError):
                _hold(name, stream, False, "the state of a stream of random numbers")


def _check_net(what: str, found: Any, own: dict[str, Tensor]) -> None:
    """A net's parameters by name."""
    _hold(what, found, isinstance(found, dict), "a dict")
    _hold(what, list(found), found.keys() == own.keys(), f"the {len(own)} tensors of the recipe's net")
    for key, tensor in own.items():
        _tensor(f"{what}[{key!r}]", found[key], None, tuple(tensor.shape))


def _check_several(what: str, found: Any, own: list[Tensor]) -> None:
    """A list of tensors, one for each parameter of a net."""
    _hold(what, found, isinstance(found, list) and len(found) == len(own), f"{len(own)} tensors")
    for i, (tensor, like) in enumerate(zip(found, own)):
        _tensor(f"{what}[{i}]", tensor, None, tuple(like.shape))


def _check_history(history: Any) -> None:
    _hold("history", history, isinstance(history, dict), "a dict")
    _whole(history, "every", 1)
    rows, window = (_tensor(f"history's {name}", _part(history, name), torch.float64, (None, None)) for name in HISTORY)
    _hold("history's rows", rows, 2 <= rows.shape[1] <= COLUMNS, f"of at most {COLUMNS} columns")
    _hold("history's window", window, window.shape[1] == rows.shape[1], f"of {rows.shape[1]} columns, as its rows")
    _hold("history's window", window, len(window) < history["every"], f"shorter than {history['every']:,}")
    for name, right in (
        ("scores", is_plain),
        ("changes", lambda value: is_plain(value) or isinstance(value, str)),
    ):
        _check_rows(f"history's {name}", _part(history, name), right)


HISTORY = ("rows", "window")


def _check_told(recipe: Recipe, state: dict[str, Any]) -> None:
    """What a folder tells beside: its data, the sessions that trained it, the strip of its samples."""
    for name in ("data", "fingerprint"):
        _hold(name, state.get(name, ""), isinstance(state.get(name, ""), str), "a text")
    _check_rows("sessions", state.get("sessions", []), lambda value: True)
    for one in state.get("sessions", []):
        below = one.get("built_on", {})
        _hold(
            "sessions",
            one,
            isinstance(below, dict) and is_plain(below.get("epochs", 0)),
            "told with their epochs",
        )
    _check_rows("strip", state.get("strip", []), lambda value: True)
    for row in state.get("strip", []):
        _whole(row, "epoch", 0)
        for name in ("last", "average"):
            _tensor(f"strip's {name}", _part(row, name), torch.uint8, (8, recipe.G[-1].units))


def _check_rows(what: str, found: Any, right: Callable[[Any], bool]) -> None:
    """A list of dicts whose values are right, under words."""
    _hold(what, found, isinstance(found, list) and all(isinstance(row, dict) for row in found), "a list of dicts")
    for row in found:
        for key, value in row.items():
            _hold(f"{what}, {brief(key)},", value, isinstance(key, str) and right(value), "a plain value")


def _tensor(what: str, found: Any, kind: torch.dtype | None, shape: tuple[int | None, ...]) -> Tensor:
    """A tensor of a type (None: floating, and finite) and a shape (None: any length)."""
    fits = isinstance(found, Tensor) and found.ndim == len(shape)
    fits = fits and all(own is None or n == own for n, own in zip(found.shape, shape))
    fits = fits and (found.is_floating_point() if kind is None else found.dtype == kind)
    sizes = f"({', '.join('any' if n is None else str(n) for n in shape)})"
    _hold(what, found, fits, f"a tensor of {sizes} {kind or 'floats'}")
    if found.is_floating_point() and not found.is_meta:
        _hold(what, "not all finite", bool(torch.isfinite(found).all()), "a tensor of finite numbers")
    return found


def _part(found: Any, name: str) -> Any:
    """What stands in a dict under a name."""
    if not isinstance(found, dict) or name not in found:
        raise _wrong(f"it has no {name}")
    return found[name]


def _whole(found: dict[str, Any], name: str, least: int, most: int = MOST) -> None:
    value = _part(found, name)
    _hold(name, value, is_integer(value) and least <= value <= most, f"a whole number from {least} to {most:,}")


def _hold(what: str, value: Any, right: bool, words: str) -> None:
    if not right:
        raise _wrong(f"its {what} is {brief(value)}; it must be {words}")


def _wrong(why: str) -> CheckpointError:
    return CheckpointError(f"lacks a part or is of another version: {why}")
