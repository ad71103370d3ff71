"""Figure 3 by hand: pick pictures, and walk in a straight line from one's z to the next one's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import torch
from torch import Tensor

from ganlib import images
from ganlib.errors import GanlibError, RecipeError
from ganlib.game import interpolate, on_path
from ganlib.images import shown
from ganlib.nets import Discriminator, Generator
from ganlib.recipes import Recipe
from ganlib.widgets.background import Command
from ganlib.widgets.preview import interpolation_picture
from ganlib.widgets.protocol import LiveWidget, Snapshot, call, cell_key, script, style

STRIP = 20
"""About so many pictures in the strip, as in Figure 3; the exact number puts every picked digit into it."""
MOST_PICKED = 12
"""Pictures that a path may hold."""
PATH_AT_FIRST = 4
"""Pictures on the path that a demo begins with, each as unlike the ones before it as can be."""


class Pair(Protocol):
    """What has two players and the recipe that made them: a `Trained`, a `Trainer`."""

    G: Generator
    D: Discriminator
    recipe: Recipe


class InterpolationEngine:
    """The demo without its front end: `n` pictures of a trained G, a path of picked ones, a place t on it.

    The path begins with a few digits that are as unlike as can be. Every command that makes no sense raises
    `RecipeError` and changes nothing.
    """

    running = False
    interval = 0.1

    def __init__(
        self, trained: Pair | tuple[Generator, Recipe], shape: tuple[int, int, int], seed: int = 0, n: int = 40
    ):
        self.G, self.recipe = trained if isinstance(trained, tuple) else (trained.G, trained.recipe)
        if not isinstance(n, int) or not 2 <= n <= 200:
            raise RecipeError(f"n is {n!r}; the demo shows 2 to 200 pictures")
        self.shape, self.n, self.columns = shape, n, min(10, n)
        self.closed, self.t = False, 0.0
        self.message, self.applied = "", 0
        self._versions = {"grid": 0, "strip": 0, "big": 0}
        self._drawn: dict[str, tuple[int, bytes]] = {}
        self.new(seed)
        self.picks = self._first_path(None if isinstance(trained, tuple) else trained.D)

    # -- commands ------------------------------------------------------------------------------------------------------

    def new(self, seed: int | None = None) -> None:
        """Draw other pictures, of the next seed or of `seed`, and begin a new path."""
        seed = self.seed + 1 if seed is None else seed
        if not isinstance(seed, int) or isinstance(seed, bool) or not 0 <= seed < 2**63:
            raise RecipeError(f"seed is {seed!r}; it must be an integer from 0 to 2^63 - 1")
        z = self.recipe.noise(self.n, seed)  # (n, z_dim): the z of recipe.samples(G, n, seed)
        self.x = self.generate(z)  # (n, d)
        self._largest = self.x.abs().max().item()
        self.z, self.seed, self.picks, self.t = z, seed, [], 0.0
        self._changed("grid", "strip", "big")

    def pick(self, index: int) -> None:
        """Put a picture at the end of the path, or take it off the path when it is on it."""
        if not isinstance(index, int) or isinstance(index, bool) or not 0 <= index < self.n:
            raise RecipeError(f"there is no picture {index!r}; they are numbered from 0 to {self.n - 1}")
        if index in self.picks:
            self.picks = [i for i in self.picks if i != index]
        elif len(self.picks) < MOST_PICKED:
            self.picks = [*self.picks, index]
        else:
            raise RecipeError(f"a path holds {MOST_PICKED} pictures at the most; take one off, or clear it")
        self._changed("strip", "big")

    def clear(self) -> None:
        """Take every picture off the path."""
        self.picks, self.t = [], 0.0
        self._changed("strip", "big")

    def set_closed(self, closed: bool) -> None:
        """Whether the path goes back to its first picture, as in Figure 3."""
        self.closed = bool(closed)
        self._changed("strip", "big")

    def move(self, t: float) -> None:
        """Go to a place on the path: 0 is its start, 1 its end."""
        if isinstance(t, bool) or not isinstance(t, int | float) or not 0 <= t <= 1:
            raise RecipeError(f"t is {t!r}; it must lie in [0, 1]")
        self.t = float(t)
        self._changed("big")

    def do(self, command: Command) -> None:
        """Carry out a command as plain data: {"type": "pick", "index": 3}."""
        kind = command.get("type")
        if isinstance(command.get("id"), int):
            self.applied = command["id"]
        if kind == "pick":
            self.pick(command.get("index"))
        elif kind == "set":  # of many in a row only the last is carried out: a slider's
            values = command.get("values")
            self.move(values.get("t") if isinstance(values, Mapping) else values)
        elif kind == "closed":
            self.set_closed(command.get("value"))
        elif kind == "new":
            self.new(command.get("seed"))
        elif kind == "clear":
            self.clear()
        else:
            raise RecipeError(f"unknown command {kind!r}")
        self.message = ""

    def advance(self, seconds: float) -> None:
        """Nothing goes on between two commands."""

    def fail(self, error: BaseException) -> None:
        """Take note of an error for the status line."""
        self.message = str(error) if isinstance(error, GanlibError) else f"{type(error).__name__}: {error}"

    def retire(self) -> None:
        """Nothing to stop."""

    # -- the mathematics -----------------------------------------------------------------------------------------------

    @property
    def path(self) -> list[int]:
        """The pictures that the walk goes through, in order; empty while fewer than two are picked."""
        if len(self.picks) < 2:
            return []
        return [*self.picks, self.picks[0]] if self.closed else self.picks

    @property
    def strip_length(self) -> int:
        """Pictures in the strip: near `STRIP`, and such that each picked picture is one of them."""
        pieces = len(self.path) - 1
        return pieces * max(round((STRIP - 1) / pieces), 1) + 1 if pieces > 0 else 0

    def strip(self, z_points: Tensor, n: int) -> Tensor:
        """The pictures at n points on the path through z_points (p, z_dim): (n, d)."""
        return self.generate(interpolate(z_points, n))

    @torch.no_grad()
    def generate(self, z: Tensor) -> Tensor:
        """G(z): (m, z_dim) -> (m, d), float32 on the CPU."""
        return torch.nan_to_num(self.G(z.to(next(self.G.parameters()))).float().cpu())

    # -- what there is to see ------------------------------------------------------------------------------------------

    def snapshot(self, draw: bool) -> Snapshot:
        """All that the page shows. Only what has changed is drawn anew."""
        for name, version in self._versions.items():
            if self._drawn.get(name, (0, b""))[0] != version:
                self._drawn[name] = (version, images.png(self._sheet(name)))
        header = {
            "message": self.message,
            "applied": self.applied,
            "seed": self.seed,
            "picks": list(self.picks),
            "path": list(self.path),
            "closed": self.closed,
            "t": self.t,
            "grid": {"n": self.n, "rows": -(-self.n // self.columns), "columns": self.columns},
            "strip": self.strip_length,
            "state": "idle",
        }
        return Snapshot(header, dict(self._drawn))

    def _sheet(self, name: str) -> Any:
        if name == "grid":
            return self._mosaic(self.x, self.columns, paper=0)
        path = self.path
        if name == "strip":
            x = self.strip(self.z[path], self.strip_length) if path else self.x[:1] * 0
            return self._mosaic(x, len(x))
        if path:
            return self._mosaic(self.generate(on_path(self.z[path], torch.tensor([self.t]))), 1)
        return self._mosaic(self.x[self.picks] if self.picks else self.x[:1] * 0, 1)

    def _mosaic(self, x: Tensor, columns: int, paper: int = 255) -> Any:
        """Pictures x (m, d) side by side, all in the range of those of the grid."""
        return images.mosaic(shown(x, self.recipe.pixels, self._largest), self.shape, columns, gap=0, paper=paper)

    @torch.no_grad()
    def _first_path(self, D: Discriminator | None) -> list[int]:
        """A few pictures, each as unlike the ones before it as can be, of the half that D (if any) takes for data."""
        likely = torch.arange(self.n)
        if D is not None:
            x = self.x.to(next(D.parameters()))
            likely = D.logit(x).float().cpu().argsort(descending=True)[: max(self.n // 2, 2)]
        return likely[_unlike(self.x[likely], min(PATH_AT_FIRST, len(likely)))].tolist()

    def _changed(self, *names: str) -> None:
        for name in names:
            self._versions[name] += 1


def _unlike(x: Tensor, n: int) -> list[int]:
    """n of the pictures x (N, d), each the farthest (L2) from the ones before it; the first is the first."""
    picks = [0]
    nearest = torch.cdist(x[:1], x)[0]  # (N,)
    while len(picks) < n:
        picks.append(int(nearest.argmax()))
        nearest = torch.minimum(nearest, torch.cdist(x[picks[-1:]], x)[0])
    return picks


class Interpolation(LiveWidget):
    """Walk between pictures that a person picks: Figure 3, by hand.

        walk = Interpolation(pretrained("mnist"), data.shape, seed=0)
        show(walk)
        walk.clear(); walk.pick(3, 17, 8)       # what clicking does

    `trained` is a `Trained`, a `Trainer`, or (G, recipe). `shape` is a picture's (channels, height, width).
    """

    _esm = script("link.js", "canvas.js", "controls.js", "interpolation.js")
    _css = style("live.css", "interpolation.css")

    def __init__(
        self, trained: Pair | tuple[Generator, Recipe], shape: tuple[int, int, int], seed: int = 0, n: int = 40
    ) -> None:
        super().__init__(InterpolationEngine(trained, shape, seed, n), key=cell_key(type(self).__name__))

    @property
    def engine(self) -> InterpolationEngine:
        """The demo without its front end."""
        return self._engine

    def pick(self, *indices: int) -> None:
        """Put pictures, numbered from 0 row by row, on the path's end; one that is on the path comes off it."""
        for index in indices:
            self._background.call(call("pick", index=index))

    def clear(self) -> None:
        """Take every picture off the path."""
        self._background.call(call("clear"))

    def new_pictures(self, seed: int | None = None) -> None:
        """Draw other pictures: of the next seed, or of `seed`."""
        self._background.call(call("new", seed=seed))

    def set_closed(self, closed: bool) -> None:
        """Whether the path goes back to its first picture."""
        self._background.call(call("closed", value=closed))

    def move(self, t: float) -> None:
        """Go to a place on the path, in [0, 1]."""
        self._background.call(call("set", values={"t": t}))

    def preview(self) -> bytes:
        """A PNG of the demo as it is."""
        return interpolation_picture(self._engine)
