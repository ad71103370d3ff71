"""Walk between two REAL digits: an inference net finds their z, and G draws what lies between.

from ganlib.widgets import RealWalk, show

show(RealWalk(inference.shipped(), load("mnist")))
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ganlib.controls import Button, Choice, Number, Slider
from ganlib.datasets import Dataset
from ganlib.errors import RecipeError, brief
from ganlib.game import interpolate, on_path
from ganlib.images import scale, tiles
from ganlib.picture import Mark, Panel, Picture, Tiles
from ganlib.studies.inference import NETS, REACH, Inference, best_z
from ganlib.widgets.demo import Demo, cell_key
from ganlib.widgets.engine import Engine

STRIP = 13  # pictures along the walk, with both ends
DESCENT = 20  # steps of gradient descent that one press makes


class RealWalkEngine(Engine):
    """The demo without its front end: `n` test digits, two of them picked, and the line between the z that E gives."""

    title = "A walk between two real digits"

    def __init__(self, nets: Mapping[str, Inference], data: Dataset, seed: int = 0, n: int = 40):
        if not nets or not all(isinstance(net, Inference) for net in nets.values()):
            raise RecipeError(f"nets are {brief(nets)}; give an Inference by name, such as inference.shipped()")
        if not isinstance(n, int) or isinstance(n, bool) or not 2 <= n <= min(200, len(data.test)):
            raise RecipeError(f"n is {brief(n)}; the demo shows 2 to {min(200, len(data.test))} test digits")
        self.nets, self.data, self.n, self.columns = dict(nets), data, n, min(10, n)
        names = {name: NETS.get(name, name) for name in self.nets}
        descend = f"{DESCENT} steps of gradient descent on |x - G(z)|^2, from where both z are (D)"
        super().__init__(
            {
                "new": Button("New digits", "Other test digits, of the next seed (N)", "n"),
                "swap": Button("Turn round", "Walk from the second digit to the first (W)", "w"),
                "descend": Button("Descend", descend, "d"),
                "inferred": Button("E's own z", "Back to the z that E gives (E)", "e"),
                **({"net": Choice(names, name="E learned")} if len(names) > 1 else {}),
                "t": Slider(0, 1, 0, 0.01, "t, from the first digit to the second", play=8.0),
                "pick": Button("Pick", "", group="hidden"),
            }
        )
        self.new(seed)

    # -- commands ------------------------------------------------------------------------------------------------------

    def new(self, seed: int | None = None) -> None:
        """Show other test digits, of the next seed or of `seed`; two of different classes are picked."""
        seed = self.seed + 1 if seed is None else seed
        self.seed = Number().check("seed", seed)
        rows = torch.randperm(len(self.data.test), generator=torch.Generator().manual_seed(self.seed))[: self.n]
        self.x, self.labels = scale(self.data.test[rows]), self.data.test_labels[rows]
        self._sheet = tiles(self.x, self.data.shape)
        other = (self.labels != self.labels[0]).nonzero().flatten()
        self.picks = [0, int(other[0]) if len(other) else 1]
        self.inferred()

    def pick(self, index: int) -> None:
        """Take this digit as the second one, and the one that was second as the first."""
        if not isinstance(index, int) or isinstance(index, bool) or not 0 <= index < self.n:
            raise RecipeError(f"there is no digit {brief(index)}; they are numbered from 0 to {self.n - 1}")
        if index in self.picks:
            raise RecipeError("this digit is picked already; a walk goes between two different ones")
        self.picks = [self.picks[1], index]
        self.inferred()

    def swap(self) -> None:
        """Walk the other way."""
        self.picks, self.z = self.picks[::-1], self.z.flip(0)
        self.values["t"] = float(f"{1 - self.values['t']:.12g}")

    def descend(self) -> None:
        """Move both z towards pictures that are nearer to the digits."""
        uniform = self.net.recipe.p_z == "uniform"
        reach = REACH if uniform else float("inf")
        self.z, _ = best_z(self.net.G, self.ends, [self.z], DESCENT, reach=reach)
        self.descended += DESCENT

    def inferred(self) -> None:
        """Take the z that E gives."""
        self.z, self.descended = self.net.z(self.ends), 0

    def changed(self, values: dict[str, Any]) -> None:
        """Walk, or let another net say where the digits are."""
        super().changed(values)
        if "net" in values:
            self.inferred()

    def off(self) -> list[str]:
        """There is no way back to E's z from there."""
        return [] if self.descended else ["inferred"]

    # -- the mathematics -----------------------------------------------------------------------------------------------

    @property
    def net(self) -> Inference:
        """The chosen one."""
        return self.nets[self.values.get("net", next(iter(self.nets)))]

    @property
    def ends(self) -> Tensor:
        """Both real digits: (2, d)."""
        return self.x[self.picks]

    def at(self, t: float) -> Tensor:
        """The picture at t on the way: (1, d)."""
        return self.net.G.pictures(on_path(self.z, torch.tensor([t])))

    def off_by(self) -> list[float]:
        """|x - G(z)|^2 at both ends."""
        return (self.net.G.pictures(self.z) - self.ends).square().sum(1).tolist()

    # -- what there is to see ------------------------------------------------------------------------------------------

    def picture(self) -> Picture:
        """The sheet to pick from; the two digits with G at t between them; the strip of the whole walk."""
        t, (first, second), shape = self.values["t"], self.picks, self.data.shape
        badges = {first: "1", second: "2"}
        row, column = np.divmod(self.picks, self.columns) + np.int64(1)
        said = f"{self.n} test digits. Picked: row {row[0]} column {column[0]}, then row {row[1]} column {column[1]}."
        rows = -(-self.n // self.columns)
        tall = min(max(round(28 * rows / self.columns), 6) + 1, 15)  # 7 of 12 columns are 28 rows wide
        strip = tiles(self.net.G.pictures(interpolate(self.z, STRIP)), shape)
        real = tiles(self.ends, shape)
        whole = np.concatenate([real[:1], strip, real[1:]])
        step = 1 / (STRIP - 1)
        walk = {"x": (-1.5 * step, 1 + 1.5 * step), "y": (0, 1), "x_label": "", "x_ticks": (), "y_ticks": ()}
        names = {0: "real", STRIP + 1: "real"}
        off = self.off_by()
        three = np.concatenate([real[:1], tiles(self.at(t), shape), real[1:]])
        how = f"{self.descended} steps of descent from E's z" if self.descended else "the z that E gives"
        sheet = Tiles(self._sheet, self.columns, badges, "pick")
        panels = [
            Panel("Test digits: pick two", tiles=sheet, at=(0, 0, tall, 7), words=said),
            Panel(
                "The first digit, G at t, the second digit",
                tiles=Tiles(three, 3, {0: "real", 2: "real"}),
                at=(0, 7, tall, 5),
                words=f"G at t = {t:.2f}, between the two digits.",
            ),
            Panel(
                "The walk: G on the straight line between the two z",
                tiles=Tiles(whole, STRIP + 2, names),
                at=(tall, 0, 4, 12),
                marks=[Mark(t, 0, moves=("t", None))],
                **walk,
            ),
        ]
        words = f"A walk from a {self.labels[first]} to a {self.labels[second]}, by {how}."
        told = [(f"{off[0]:.1f}", "|x − G(z)|², first digit"), (f"{off[1]:.1f}", "second digit"), (how, "")]
        return Picture(panels, words, told)


class RealWalk(Demo):
    """Pick two test digits; E says from which z they might come, and G draws the line between.

        walk = RealWalk(inference.shipped(), load("mnist"))
        show(walk)
        walk.pick(7)      # what clicking does: the second digit becomes the first, this one the second
        walk.net = "joint"
        walk.descend()    # how much better another z would be

    `nets` are `Inference`s by name; `n` test digits are shown.
    """

    def __init__(self, nets: Mapping[str, Inference], data: Dataset, seed: int = 0, n: int = 40):
        super().__init__(RealWalkEngine(nets, data, seed, n), key=cell_key(type(self).__name__))

    def pick(self, index: int) -> None:
        """Take this digit, numbered from 0 row by row, as the second one."""
        self.press("pick", index=index)
