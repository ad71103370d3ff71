"""Paint a mask over a digit, and see what one G draws beneath it: any p(x_S | x_not S), by hand.

from ganlib.widgets import PaintMask, show

show(PaintMask(pretrained("mnist-masks"), load("mnist")))
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from ganlib.checkpoints import Trained
from ganlib.controls import Button
from ganlib.datasets import Dataset
from ganlib.errors import RecipeError, Seed, brief
from ganlib.images import scale, tiles
from ganlib.picture import Panel, Picture, Tiles
from ganlib.studies.all_conditionals import blocks_of, complete, pixels_of
from ganlib.studies.measures import Judge
from ganlib.widgets.demo import Demo, cell_key
from ganlib.widgets.engine import Engine

N = 8  # completions, each of a z of its own
HIDDEN = (204, 121, 167)  # the colour of a block that is hidden
SHADE = 0.65  # of that colour
ZOOM = 5  # of the blocks, so that the gaps between them are thin
CONTROLS = {
    "all": Button("Hide all", "Hide every block (A)", "a"),
    "none": Button("Hide none", "Show every block (O)", "o"),
    "other": Button("Another digit", "Another test digit; the mask stays (N)", "n"),
    "noise": Button("New noise", "Other z for all eight completions (Z)", "z"),
    "paint": Button("Paint", "", group="hidden"),
}


class PaintMaskEngine(Engine):
    """The demo without its front end: a test digit, a mask of blocks, and N completions by G."""

    title = "Paint a mask"

    def __init__(self, trained: Trained, data: Dataset, classifier: Judge | None = None, seed: int = 0):
        super().__init__(CONTROLS)
        self.blocks = blocks_of(trained, data.shape)
        if trained.G.layers[-1].layer.units != data.d:
            raise RecipeError(
                f"this G draws {trained.G.layers[-1].layer.units} pixels, {brief(data.name)} has {data.d}"
            )
        self.trained, self.data, self.classifier = trained, data, classifier
        self.columns = data.shape[2] // trained.recipe.block
        rng = torch.Generator().manual_seed(seed)
        self.order = torch.randperm(len(data.test), generator=rng).tolist()  # of the test digits
        self.digit, self.seed, self.brush = 0, seed, True
        self.hidden = torch.arange(self.blocks) >= self.blocks // self.columns // 2 * self.columns  # the lower rows
        self._work()

    # -- commands ------------------------------------------------------------------------------------------------------

    def paint(self, index: int, stroke: bool = False) -> None:
        """Hide a block, or show it again; later blocks of the same stroke take on what its first one has become."""
        if not isinstance(index, int) or isinstance(index, bool) or not 0 <= index < self.blocks:
            raise RecipeError(f"there is no block {brief(index)}; they are numbered from 0 to {self.blocks - 1}")
        self.brush = self.brush if stroke else not bool(self.hidden[index])
        self.hidden[index] = self.brush
        self._work()

    def cover(self, hidden: Tensor) -> None:
        """Hide these blocks (blocks,) and no others."""
        if not isinstance(hidden, Tensor) or hidden.shape != (self.blocks,):
            found = tuple(hidden.shape) if isinstance(hidden, Tensor) else brief(hidden)
            raise RecipeError(f"the mask is {found}; it must be a torch.Tensor of ({self.blocks},) blocks")
        self.hidden = hidden.bool().clone()
        self._work()

    def all(self) -> None:
        """Hide every block."""
        self.cover(torch.ones(self.blocks))

    def none(self) -> None:
        """Show every block."""
        self.cover(torch.zeros(self.blocks))

    def other(self) -> None:
        """The next test digit, in an order drawn by the seed."""
        self.digit = (self.digit + 1) % len(self.order)
        self._work()

    def noise(self) -> None:
        """Other z."""
        self.seed += 1
        self._work()

    # -- the mathematics -----------------------------------------------------------------------------------------------

    def _work(self) -> None:
        """The completions of the digit as it is hidden now, and what is measured of them."""
        which = self.order[self.digit]
        self.x, self.label = scale(self.data.test[which : which + 1]), int(self.data.test_labels[which])
        mask = pixels_of(self.hidden[None], self.data.shape, self.trained.recipe.block)
        self.completions = complete(self.trained, self.x.expand(N, -1), mask.expand(N, -1), self.seed)  # (N, d)
        pairs = torch.pdist(self.completions * mask)
        self.apart = pairs.mean().item()
        self.taken: list[int] = []
        if self.classifier is not None:
            self.taken = self.classifier.probabilities(self.completions).argmax(1).tolist()

    # -- what there is to see ------------------------------------------------------------------------------------------

    def picture(self) -> Picture:
        """The digit in blocks, with those that are hidden in colour, and the completions beside it."""
        n = int(self.hidden.sum())
        block, (_, height, width) = self.trained.recipe.block, self.data.shape
        whole = tiles(self.x, self.data.shape)[0]
        cut = whole.reshape(height // block, block, width // block, block, -1).swapaxes(1, 2)
        cut = cut.reshape(self.blocks, block, block, -1).repeat(3 if whole.ndim == 2 else 1, -1)
        cut = cut.repeat(ZOOM, 1).repeat(ZOOM, 2)
        images = np.where(self.hidden.numpy()[:, None, None, None], (SHADE * np.array(HIDDEN)).astype(np.uint8), cut)
        badges = {i: str(digit) for i, digit in enumerate(self.taken)}
        sheet = Tiles(tiles(self.completions, self.data.shape), N // 2, badges)
        hand = "Hold the mouse and paint. Or move with the arrow keys, and press Space."
        painted = Tiles(images.astype(np.uint8), self.columns, {}, "paint", paint=True)
        rows = [str(i // self.columns + 1) for i in range(self.blocks) if self.hidden[i]]
        said = f"A test digit, a {self.label}, in {self.blocks} blocks; {n} are hidden, {len(set(rows))} rows touched."
        told = [(f"{n} of {self.blocks}", "blocks hidden"), (f"{self.apart:.2f}", "between two completions (L2)")]
        if self.taken:
            told.append((f"{self.taken.count(self.label)} of {N}", f"taken for a {self.label}"))
        beside = "Eight completions by one G" + (", and what each is taken for" if self.taken else "")
        panels = [
            Panel(f"A test digit: {self.label}", tiles=painted, at=(0, 0, 14, 5), caption=hand, words=said),
            Panel(beside, tiles=sheet, at=(0, 5, 14, 7), words=self.words(n)),
        ]
        return Picture(panels, self.words(n), told)

    def words(self, n: int) -> str:
        """What is to be seen where n blocks are hidden."""
        if n == 0:
            return "Nothing is hidden: there is nothing left to draw, and all eight are the digit itself."
        if n == self.blocks:
            return "Everything is hidden: these are eight draws of the joint, and the digit has no part in them."
        return f"{n} blocks are hidden. G drew them eight times, given the other {self.blocks - n}."


class PaintMask(Demo):
    """Paint a mask of blocks over a test digit, and see eight completions change.

        show(PaintMask(pretrained("mnist-masks"), load("mnist")))
        play.paint(24)                      # hide the block in the middle, or show it; blocks are numbered row by row
        play.cover(torch.arange(49) < 21)   # hide these, and no others
        play.all(); play.none(); play.other(); play.noise()

    `trained` is a pair of a recipe with the condition "mask". With a `classifier` each completion says what it is taken
    for.
    """

    def __init__(self, trained: Trained, data: Dataset, classifier: Judge | None = None, seed: Seed = 0) -> None:
        super().__init__(PaintMaskEngine(trained, data, classifier, seed), key=cell_key(type(self).__name__))

    def paint(self, *indices: int) -> None:
        """Hide blocks, numbered from 0 row by row, or show those that are hidden."""
        for index in indices:
            self.press("paint", index=index)

    def cover(self, hidden: Tensor) -> None:
        """Hide these blocks (blocks,) and no others."""
        self.engine.cover(hidden)
        self.set()
