"""One sample of G looked at closely: the training picture nearest to it, and where D's gradient pushes its pixels."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from ganlib.datasets import Dataset
from ganlib.game import generator_cost
from ganlib.images import nearest, scale, shown, tiles
from ganlib.nets import Discriminator
from ganlib.picture import Heat, Panel, Tiles

TALL = 9  # rows of the grid that the three panels take
MASKS = 32  # dropout masks that the push and D(x) are means over, as in the game of `be_discriminator`
TELLS_G = "Orange: G is told to make it brighter. Blue: darker."


def push(D: Discriminator, x: Tensor, cost: str = "non-saturating", masks: int = 0) -> Tensor:
    """-d cost_G / dx, the way that D tells G to move each picture: x (m, d) -> (m, d), float32 on the CPU.

    Of each picture by itself. "non-saturating": (1 - D(x)) da/dx; "minimax": D(x) da/dx, where a is D's logit. G's own
    step moves its parameters so that its pictures go this way. `masks`: the mean over so many dropout masks, the same
    ones each time, as the game is played with dropout; 0: without dropout.
    """
    return _pushed(D, x, cost, masks)[0]


def _pushed(D: Discriminator, x: Tensor, cost: str, masks: int) -> tuple[Tensor, Tensor]:
    """The push (m, d), and D(x) (m,), both as means over the masks."""
    x = x.detach().to(next(D.parameters())).requires_grad_()
    rng = torch.Generator(x.device).manual_seed(0) if masks else None
    a = D.logit(x.repeat(masks or 1, 1), rng)
    (slope,) = torch.autograd.grad(generator_cost(a.unsqueeze(-1), cost).sum() / (masks or 1), x)
    return -slope.float().cpu(), torch.sigmoid(a.detach()).view(-1, len(x)).mean(0).float().cpu()


class Closer:
    """Three panels about one sample: itself, its nearest neighbour among the training pictures, and the push on it."""

    def __init__(self, data: Dataset, pixels: str, largest: float):
        self.data, self.pixels, self.largest = data, pixels, largest
        self._found: tuple[int, int, int, float] = (-1, -1, 0, 0.0)  # of which sample, at which step, index, distance

    def panels(self, i: int, x: Tensor, D: Discriminator, cost: str, step: int, search: bool, row: int) -> list[Panel]:
        """About sample i, x (1, d), at a step of the run; from `row` of the grid down.

        A search through all the training pictures costs as much as several steps: while the run goes on (`search`
        False) the neighbour stays that of the step at which it was last looked for.
        """
        if self._found[0] != i or (search and self._found[1] != step):
            index, distance = nearest(x, self.data.train, pixels=self.pixels)
            self._found = i, step, int(index), float(distance)
        _, then, index, distance = self._found
        near = "Nearest training picture, " if then == step else f"Nearest at step {then:,}: "
        channels, height, width = self.data.shape
        (pushed,), chance = _pushed(D, x, cost, MASKS)
        heat = pushed.reshape(channels, height, width).sum(0).flip(0).numpy()  # all colours together; first row below
        most = float(np.abs(heat).max()) or 1.0
        map_ = Heat(heat, (0, width - 1), (0, height - 1), name="−∂cost/∂x", limits=(-most, most), ramp="push")
        ends = {"x": (-0.5, width - 0.5), "y": (-0.5, height - 0.5)}
        bare = {"x_label": "", "x_ticks": (), "y_ticks": (), "square": True, "caption": TELLS_G}
        length = f"The push on it, {pushed.norm():.2g} long"
        told = f"{length}: by −d cost/dx G is told which pixels to make brighter, and which darker."
        one, other = f"The chosen sample: D(x) = {chance.item():.2f}", f"{near}{distance:.2f} away"
        real = scale(self.data.train[index : index + 1], pixels=self.pixels)
        return [
            Panel(one, tiles=self._tiles(x), at=(row, 0, TALL, 4)),
            Panel(other, tiles=self._tiles(real), at=(row, 4, TALL, 4)),
            Panel(length, heat=map_, at=(row, 8, TALL, 4), words=told, **ends, **bare),
        ]

    def _tiles(self, x: Tensor) -> Tiles:
        return Tiles(tiles(shown(x, self.pixels, self.largest), self.data.shape), 1)
