"""What a person can set and press while a run trains, and a run whose players can be held."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Any

from torch import Tensor

from ganlib.controls import Button, Choice, Slider
from ganlib.recipes import Recipe
from ganlib.trainer import Trainer
from ganlib.widgets.engine import GAME

COSTS = {"non-saturating": "−log D(G(z)), non-saturating", "minimax": "log(1 − D(G(z))), minimax"}
UPDATES = {"simultaneous": "simultaneous (authors' code)", "alternating": "alternating (Algorithm 1)"}
TEN = 10.0  # by so much the presets raise a rate


class HeldTrainer(Trainer):
    """A Trainer whose players can be held: one that is held still answers, and does not move."""

    held: Collection[str] = ()

    def _descend(self, name: str, gradients: tuple[Tensor, ...]) -> None:
        if name not in self.held:
            super()._descend(name, gradients)

    def _fixed(self) -> tuple[Any, ...]:
        return (*super()._fixed(), *sorted(self.held))


@dataclass(frozen=True)
class Break:
    """A way to break a trained pair: what it is called, what to see, and the rates (by their factor) and choices."""

    title: str
    see: str
    lr_D: float = 1.0
    lr_G: float = 1.0
    generator_cost: str | None = None
    momentum: float | None = None

    def settings(self, recipe: Recipe) -> dict[str, Any]:
        """The controls that it sets."""
        rates = {f"lr_{player}": getattr(self, f"lr_{player}") * getattr(recipe, f"lr_{player}") for player in "DG"}
        chosen = {"momentum": self.momentum, "generator_cost": self.generator_cost or recipe.generator_cost}
        return {**rates, **chosen}


BREAKS = {
    "hold_D": Break(
        "Hold D",
        "D is held where it is, as if k were 0, and G takes steps ten times as long: it finds what this one D takes "
        "for data, and D never learns of it.",
        lr_D=0.0,
        lr_G=TEN,
    ),
    "fast_G": Break("G × 10", "Only G takes steps ten times as long.", lr_G=TEN),
    "minimax": Break(
        "Minimax cost", "G descends log(1 − D(G(z))). Does it saturate here, too?", generator_cost="minimax"
    ),
}
"""The presets of a demo that starts from a trained pair."""


def controls(recipe: Recipe, seed: int, breaks: bool = False) -> dict[str, Any]:
    """The controls of a run as its recipe has them; `breaks` adds the presets.

    With k = 10 a step of the full nets takes a third of a second.
    """
    D, G = "D, the discriminator", "G, the generator"
    schedule = f"the recipe's, {recipe.momentum_start:g} to {recipe.momentum_end:g}"
    decays = "at each of its updates; it decays as the recipe says. At the left end the player is held"
    kept = "The share of the last move that is kept in the next one"
    order = "Simultaneous: both from the same old parameters. Alternating: D first, then G against the new D"
    how_often = "How often D is updated for each update of G"
    most = TEN * max(recipe.lr_D, recipe.lr_G)
    rate = {"log": True, "words": rate_text, "off": (0.0, "0: held"), "low": min(1e-4, recipe.lr_D, recipe.lr_G)}
    rate["high"] = max(1.0, most if breaks else max(recipe.lr_D, recipe.lr_G))
    presets = {key: Button(one.title, one.see, group="Try to break it") for key, one in BREAKS.items()}
    start = GAME["start"] if not breaks else replace(GAME["start"], hint="Train on in the background (Space)")
    reset = "Back to the trained pair; the controls stay (R)" if breaks else GAME["reset"].hint
    return {
        **{key: one for key, one in GAME.items() if key != "restore"},
        "start": replace(start, name="Start"),
        "reset": replace(GAME["reset"], hint=reset),
        "seed": replace(GAME["seed"], start=seed),
        **(presets if breaks else {}),
        "pick": Button("Look closer", group="hidden"),
        "k": Slider(1, max(10, recipe.k), recipe.k, 1, "k", how_often, whole=True, group=D, words=k_text),
        "lr_D": Slider(**rate, start=recipe.lr_D, name="Learning rate of D", hint=f"How far D moves {decays}", group=D),
        "lr_G": Slider(**rate, start=recipe.lr_G, name="Learning rate of G", hint=f"How far G moves {decays}", group=G),
        "generator_cost": Choice(list(COSTS), recipe.generator_cost, "Cost of G", "What G descends", COSTS, group=G),
        "momentum": Slider(0, 0.95, None, 0.05, "Momentum μ", kept, off=(None, schedule), group="Both"),
        "update": Choice(list(UPDATES), recipe.update, "Who moves when", order, UPDATES, group="Both"),
        "restore": replace(GAME["restore"], name="The recipe's own values", group="Both"),
    }


def k_text(k: int) -> str:
    """k in words."""
    return f"{k} update{'s' * (k > 1)} of D to one of G"


def rate_text(rate: float) -> str:
    """A learning rate in words, with two digits."""
    return f"{rate:.2f}" if rate >= 0.0995 else f"{rate:.2g}"
