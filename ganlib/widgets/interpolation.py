"""Figure 3 by hand: pick pictures, and walk in a straight line from one's z to the next one's."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

from ganlib.controls import Button, Number, Slider, Switch
from ganlib.errors import RecipeError, brief, is_whole
from ganlib.game import interpolate, on_path
from ganlib.images import shown, tiles
from ganlib.nets import Discriminator, Generator
from ganlib.picture import Mark, Panel, Picture, Tiles
from ganlib.recipes import Recipe
from ganlib.widgets.demo import Demo, cell_key
from ganlib.widgets.engine import Engine

STRIP = 20  # about so many pictures in the strip, as in Figure 3; the exact number puts every picked digit into it
MOST_PICKED = 12  # pictures that a path may hold
PATH_AT_FIRST = 4  # pictures on the path that a demo begins with, each as unlike the ones before it as can be
STRAIGHT = "G on the straight lines between their z"
HINT = "Pick two or more pictures: click them, or move with the arrow keys and press Enter."
PLACE = "0 is the first picked picture, 1 the end of the path"
CONTROLS = {
    "new": Button("New pictures", "Other pictures, of the next seed (N)", "n"),
    "clear": Button("Clear the path", "Take every picture off the path (Backspace)", "backspace"),
    "closed": Switch(False, "back to the first picture at the end", "Whether the path ends where it began"),
    "t": Slider(0, 1, 0, 0.005, "t, the place on the path", PLACE, play=12.0),
    "pick": Button("Pick", "", group="hidden"),
}


class Pair(Protocol):
    """What has two players and the recipe that made them: a `Trained`, a `Trainer`."""

    G: Generator
    D: Discriminator
    recipe: Recipe


class InterpolationEngine(Engine):
    """The demo without its front end: `n` pictures of a trained G, a path of picked ones, a place t on it."""

    title = "Interpolation between pictures"

    def __init__(self, trained: Pair | tuple[Generator, Recipe], shape: tuple[int, ...], seed: int = 0, n: int = 40):
        super().__init__(CONTROLS)
        self.G, self.recipe = trained if isinstance(trained, tuple) else (trained.G, trained.recipe)
        if not is_whole(n) or not 2 <= n <= 200:
            raise RecipeError(f"n is {brief(n)}; the demo shows 2 to 200 pictures")
        self.shape, self.n, self.columns = shape, n, min(10, n)
        self.new(seed)
        self.picks = self._first_path(None if isinstance(trained, tuple) else trained.D)

    # -- commands ------------------------------------------------------------------------------------------------------

    def new(self, seed: int | None = None) -> None:
        """Draw other pictures, of the next seed or of `seed`, and begin a new path."""
        seed = self.seed + 1 if seed is None else seed
        self.seed = Number().check("seed", seed)
        self.z = self.recipe.noise(self.n, self.seed)  # (n, z_dim): the z of recipe.samples(G, n, seed)
        self.x = self.generate(self.z)  # (n, d)
        self._largest = self.x.abs().max().item()
        self._sheet = self._images(self.x)
        self.clear()

    def pick(self, index: int) -> None:
        """Put a picture at the end of the path, or take it off the path when it is on it."""
        if not isinstance(index, int) or isinstance(index, bool) or not 0 <= index < self.n:
            raise RecipeError(f"there is no picture {brief(index)}; they are numbered from 0 to {self.n - 1}")
        if index in self.picks:
            self.picks = [i for i in self.picks if i != index]
        elif len(self.picks) < MOST_PICKED:
            self.picks = [*self.picks, index]
        else:
            raise RecipeError(f"a path holds {MOST_PICKED} pictures at the most; take one off, or clear it")

    def clear(self) -> None:
        """Take every picture off the path."""
        self.picks, self.values["t"], self._strip_of = [], 0.0, None

    def changed(self, values: dict[str, Any]) -> None:
        """Move along the path, or close it. Raises `RecipeError` for a place t while there is no path."""
        if "t" in values and not self.path:
            raise RecipeError(f"there is no path yet. {HINT}")
        super().changed(values)

    def off(self) -> list[str]:
        """t has no place while there is no path."""
        return [] if self.path else ["t"]

    # -- the mathematics -----------------------------------------------------------------------------------------------

    @property
    def path(self) -> list[int]:
        """The pictures that the walk goes through, in order; empty while fewer than two are picked."""
        if len(self.picks) < 2:
            return []
        return [*self.picks, self.picks[0]] if self.values["closed"] else self.picks

    @property
    def strip_length(self) -> int:
        """Pictures in the strip: near `STRIP`, and such that each picked picture is one of them."""
        pieces = len(self.path) - 1
        return pieces * max(round((STRIP - 1) / pieces), 1) + 1 if pieces > 0 else 0

    def at(self, t: float) -> Tensor:
        """The picture at t on the path: (1, d)."""
        return self.generate(on_path(self.z[self.path], torch.tensor([t])))

    @torch.no_grad()
    def generate(self, z: Tensor) -> Tensor:
        """G(z): (m, z_dim) -> (m, d), float32 on the CPU."""
        return torch.nan_to_num(self.G(z.to(next(self.G.parameters()))).float().cpu())

    # -- what there is to see ------------------------------------------------------------------------------------------

    def picture(self) -> Picture:
        """The sheet to pick from, the picture at t, and the strip of pictures along the path.

        Without a path the strip is black, so that nothing on the page jumps.
        """
        path, t, n, nothing = self.path, self.values["t"], self.strip_length or STRIP, np.zeros_like(self._sheet[:1])
        if self._strip_of != path:
            self._strip = self._images(self.generate(interpolate(self.z[path], n))) if path else nothing.repeat(n, 0)
            self._strip_of = path
        now = self._images(self.at(t)) if path else self._sheet[self.picks[:1]] if self.picks else nothing
        between = (n - 1) // max(len(path) - 1, 1)
        badges = {i * between: str(self.picks.index(index) + 1) for i, index in enumerate(path)}
        half = 0.5 / (n - 1)  # the first picture stands at x = 0, the last one at 1
        walk = {"x": (-half, 1 + half), "y": (0, 1), "x_label": "", "x_ticks": (), "y_ticks": ()}
        walk["marks"] = [Mark(t, 0, moves=("t", None))] if path else []
        numbered = Tiles(self._sheet, self.columns, {i: str(k) for k, i in enumerate(self.picks, 1)}, "pick")
        shape = self.shape[1] / self.shape[2] * -(-self.n // self.columns) / self.columns
        tall = min(max(round(32 * shape), 5) + 1, 15)  # 8 of 12 columns are 32 rows wide
        drawn = f"{self.n} pictures drawn by G."
        picked = [f"row {i // self.columns + 1} column {i % self.columns + 1}" for i in self.picks]
        named = f"{drawn} Picked: {', then '.join(picked) or 'none'}."
        panels = [
            Panel(f"{drawn} Pick a path through them.", tiles=numbered, at=(0, 0, tall, 8), words=named),
            Panel("G at t", tiles=Tiles(now, 1), at=(0, 8, tall, 4), words=f"G at t = {t:.3f}"),
            Panel(STRAIGHT, tiles=Tiles(self._strip, n, badges), at=(tall, 0, 4, 12), **walk),
        ]
        words = f"{n} pictures along the path through {len(self.picks)} pictures." if path else HINT
        return Picture(panels, words, [(f"seed {self.seed}", "")])

    def _images(self, x: Tensor) -> Any:
        """Pictures x (m, d) as images, all in the range of those of the sheet."""
        return tiles(shown(x, self.recipe.pixels, self._largest), self.shape)

    @torch.no_grad()
    def _first_path(self, D: Discriminator | None) -> list[int]:
        """A few pictures, each the farthest (L2) from those before it, of the half that D, if any, takes for data."""
        likely = torch.arange(self.n)
        if D is not None:
            x = self.x.to(next(D.parameters()))
            likely = D.logit(x).float().cpu().argsort(descending=True)[: max(self.n // 2, 2)]
        x, picks = self.x[likely], [0]  # (N, d)
        nearest = torch.cdist(x[:1], x)[0]  # (N,)
        while len(picks) < min(PATH_AT_FIRST, len(x)):
            picks.append(int(nearest.argmax()))
            nearest = torch.minimum(nearest, torch.cdist(x[picks[-1:]], x)[0])
        return likely[picks].tolist()


class Interpolation(Demo):
    """Walk between pictures that a person picks: Figure 3, by hand.

        walk = Interpolation(pretrained("mnist"), data.shape, seed=0)
        show(walk)
        walk.clear()
        walk.pick(3, 17, 8)  # what clicking does
        walk.t = 0.5

    `trained` is a `Trained`, a `Trainer`, or (G, recipe). `shape` is a picture's (channels, height, width).
    """

    def __init__(self, trained: Pair | tuple[Generator, Recipe], shape: tuple[int, ...], seed: int = 0, n: int = 40):
        super().__init__(InterpolationEngine(trained, shape, seed, n), key=cell_key(type(self).__name__))

    def pick(self, *indices: int) -> None:
        """Put pictures, numbered from 0 row by row, on the path's end; one that is on the path comes off it."""
        for index in indices:
            self.press("pick", index=index)

    def new_pictures(self, seed: int | None = None) -> None:
        """Draw other pictures: of the next seed, or of `seed`."""
        self.press("new", seed=seed)
