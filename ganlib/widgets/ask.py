"""Draw the digit that I ask for: a sheet of samples of a class, of a mixture of two, from the same z or new ones.

from ganlib.widgets import Ask, show

show(Ask(pretrained("mnist-conditional"), classifier=classifier))
"""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ganlib.checkpoints import Trained
from ganlib.conditions import Shape
from ganlib.controls import Button, Choice, Number, Slider, Switch
from ganlib.errors import RecipeError, brief
from ganlib.images import shown, tiles
from ganlib.picture import Level, Line, Mark, Note, Panel, Picture, Tiles
from ganlib.studies.conditional import along, checked, of_two
from ganlib.studies.measures import Judge
from ganlib.widgets.demo import Demo, cell_key
from ganlib.widgets.engine import Engine

N, COLUMNS = 40, 8  # samples in the sheet
STRIP = 15  # pictures in the strip from one class to the other
STEPS = np.linspace(0, 1, 21)  # where the classifier is asked along the way
MOST = 10  # classes, as there are ten number keys
ALONG = "0 is the digit that was asked for, 1 the other one"


class AskEngine(Engine):
    """The demo without its front end: `n` samples of the class that is asked for, or of a mixture of two classes."""

    title = "Draw the digit that I ask for"

    def __init__(
        self,
        trained: Trained,
        shape: Shape = (1, 28, 28),
        classifier: Judge | None = None,
        seed: int = 0,
        n: int = N,
        digit: int = 3,
    ):
        self.trained, self.shape, self.classifier = checked(trained, "class"), shape, classifier
        classes = trained.recipe.classes
        if classes > MOST:
            raise RecipeError(f"this pair has {classes} classes; the demo has a key for each of {MOST} at the most")
        if type(n) is not int or not 1 <= n <= 200:
            raise RecipeError(f"n is {brief(n)}; the sheet has 1 to 200 samples")
        self.n = n
        self.seed = Number().check("seed", seed)
        asked = {
            f"ask_{k}": Button(f"{k}", f"Draw this digit (the key {k})", f"{k}", group="Draw me a")
            for k in range(classes)
        }
        vars(self).update({key: partial(self.ask, k) for k, key in enumerate(asked)})  # what these buttons press
        super().__init__(
            {
                **asked,
                "new": Button("New noise", "Other z, of the next seed (N)", "n", group="z"),
                "keep": Switch(True, "keep z when I ask for another digit", "Else each question has new z", "z"),
                "other": Choice(list(range(classes)), min(8, classes - 1), "The other digit", group="Mix two digits"),
                "mix": Slider(0, 1, 0, 0.01, "How much of the other", ALONG, play=6.0, group="Mix two digits"),
                "pick": Button("Pick", "", group="hidden"),
            }
        )
        self.digit, self.picked = 0, 0
        self.ask(Number(high=classes - 1).check("digit", digit))

    # -- commands ------------------------------------------------------------------------------------------------------

    def ask(self, digit: int) -> None:
        """Draw this digit, and nothing of the other one."""
        if type(digit) is not int or not 0 <= digit < self.trained.recipe.classes:
            raise RecipeError(f"there is no digit {brief(digit)}; ask for 0 to {self.trained.recipe.classes - 1}")
        if digit != self.digit and not self.values["keep"]:
            self.seed += 1
        self.digit = digit
        self.values["mix"] = 0.0
        self._draw_z()

    def new(self, seed: int | None = None) -> None:
        """Draw from other z: those of the next seed, or of `seed`."""
        self.seed = Number().check("seed", self.seed + 1 if seed is None else seed)
        self._draw_z()

    def pick(self, index: int) -> None:
        """Show this sample's way from the one digit to the other one."""
        if type(index) is not int or not 0 <= index < self.n:
            raise RecipeError(f"there is no sample {brief(index)}; they are numbered from 0 to {self.n - 1}")
        self.picked = index

    def pressed(self) -> list[str]:
        """The digit that was asked for."""
        return [f"ask_{self.digit}"]

    # -- the mathematics -----------------------------------------------------------------------------------------------

    def _draw_z(self) -> None:
        self.z = self.trained.recipe.noise(self.n, self.seed)  # (n, z_dim)
        self._along: tuple[Any, Any] = ((), None)

    def draw(self, w: np.ndarray, z: Tensor) -> Tensor:
        """G's pictures at places w (m,) on the way between the two digits, z (m, z_dim) or one for all: (m, d)."""
        c = of_two(self.trained.recipe, self.digit, self.values["other"], w)
        return torch.nan_to_num(self.trained.pictures(torch.cat([z.expand(len(c), -1), c], 1)).float())

    def taken(self) -> np.ndarray | None:
        """The share of the sheet that is taken for each class along the way, (21, classes).

        None without a classifier.
        """
        key = (self.digit, self.values["other"], self.seed)
        if self.classifier is not None and self._along[0] != key:
            self._along = key, along(self.trained, self.classifier, *key[:2], self.z, STEPS)
        return self._along[1]

    # -- what there is to see ------------------------------------------------------------------------------------------

    def picture(self) -> Picture:
        """The sheet, one sample's way to the other digit, and what the sheet is taken for along the way."""
        w, other, pixels = self.values["mix"], self.values["other"], self.trained.recipe.pixels
        sheet = self.draw(np.full(self.n, w), self.z)
        ends = np.linspace(0, 1, STRIP)
        strip = self.draw(ends, self.z[self.picked : self.picked + 1])
        mixed = w and other != self.digit
        name = f"{1 - w:.2f} of the {self.digit}, {w:.2f} of the {other}" if mixed else f"{self.digit}"
        images, walk = (tiles(shown(x, pixels), self.shape) for x in (sheet, strip))
        where = {round(w * (STRIP - 1)): "now"}
        columns = min(COLUMNS, self.n)
        panels = [
            Panel(f"You asked for: {name}", tiles=Tiles(images, columns, {self.picked: ""}, "pick"), at=(0, 0, 14, 8)),
            *self._chart(),
            Panel(
                f"The framed sample from {self.digit} to {other}", tiles=Tiles(walk, STRIP, where), at=(14, 0, 4, 12)
            ),
        ]
        return Picture(panels, self._words(name), [(f"seed {self.seed}", "of z")], [self._note()])

    def _chart(self) -> list[Panel]:
        """What the classifier says along the way; the mark moves the slider."""
        found, digit, other = self.taken(), self.digit, self.values["other"]
        if found is None:
            return []
        lines = [Line(STEPS, found[:, digit], f"taken for {digit}", "G")]
        if other != digit:
            rest = np.delete(found, [digit, other], 1).sum(1)
            lines += [Line(STEPS, found[:, other], f"taken for {other}", "V")]
            lines += [Line(STEPS, rest, "for any other", "reference", dash=1)]
        mark = Mark(self.values["mix"], 0, moves=("mix", None))
        ticks = [(0, f"{digit}"), (0.5, "half and half"), (1, f"{other}")]
        return [
            Panel(
                "A classifier's verdict",
                lines,
                (0, 1),
                (0, 1),
                "how much of the other",
                "share of the sheet",
                levels=[Level(x=self.values["mix"])],
                marks=[mark],
                x_ticks=ticks,
                at=(0, 8, 14, 4),
            )
        ]

    def _words(self, name: str) -> str:
        found, w = self.taken(), self.values["mix"]
        words = f"{self.n} samples of G, asked for: {name}."
        if found is None:
            return words
        shares = found[round(w * (len(STEPS) - 1))]
        return f"{words} The classifier takes {shares.max():.0%} of them for {int(shares.argmax())}."

    def _note(self) -> Note:
        if self.values["keep"]:
            return Note(["The z stay when you ask for another digit: what stays the same in a picture comes from z."])
        return Note(["Each digit that you ask for is drawn from new z."])


class Ask(Demo):
    """Ask G for a digit, and mix two of them.

        play = Ask(pretrained("mnist-conditional"), data.shape, classifier)
        show(play)
        play.ask(7)         # the same as pressing the button 7, or the key 7
        play.other, play.mix = 1, 0.5
        play.new()          # other z

    `trained` is a pair with the condition "class", `shape` a picture's (channels, height, width). With a `classifier`
    (`ganlib.studies.measures`) a chart says what it takes the samples for on the way from one digit to the other.
    """

    def __init__(
        self,
        trained: Trained,
        shape: Shape = (1, 28, 28),
        classifier: Judge | None = None,
        seed: int = 0,
        n: int = N,
        digit: int = 3,
    ) -> None:
        super().__init__(AskEngine(trained, shape, classifier, seed, n, digit), key=cell_key(type(self).__name__))

    def ask(self, digit: int) -> None:
        """Draw this digit."""
        if type(digit) is not int or f"ask_{digit}" not in self.engine.controls:
            self.engine.ask(digit)  # which says what is wrong
        self.press(f"ask_{digit}")

    def pick(self, index: int) -> None:
        """Frame this sample, numbered from 0 row by row."""
        self.press("pick", index=index)
