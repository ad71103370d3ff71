"""Be the discriminator: real or fake? The reader plays D on the same pictures as the D that was trained.

from ganlib.widgets import BeTheDiscriminator, show

show(BeTheDiscriminator())  # the shipped MNIST pair, and real test digits
"""

from __future__ import annotations

from functools import partial
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from ganlib import game
from ganlib.checkpoints import pretrained
from ganlib.controls import Button, Choice, Number
from ganlib.datasets import Dataset, load
from ganlib.errors import RecipeError, brief, is_number
from ganlib.images import scale, shown, tiles
from ganlib.picture import Cells, Note, Panel, Picture, Tiles
from ganlib.widgets.demo import Demo, cell_key
from ganlib.widgets.engine import Engine
from ganlib.widgets.interpolation import Pair

ANSWERS = {"surely fake": 0.01, "rather fake": 0.25, "no idea": 0.5, "rather real": 0.75, "surely real": 0.99}
"""What the buttons say, and the D(x) that each stands for."""
UNSEEN = 20_140_610  # the fakes come from seeds of their own, so that nobody has met them in a grid of samples
MASKS = 100  # of D's dropout, over which D(x) is averaged
WAITING = 140  # the grey of a picture that is still to come: mild on light pages and on dark ones
GS = {"last": "the last iterate of G", "average": "the average of G"}


class Score(NamedTuple):
    """How well some D(x) tell real from fake."""

    right: float  # the share on the right side of 1/2; exactly 1/2 counts half
    V: float  # mean log D(real) + mean log(1 - D(fake)), nats; nan while there is only one kind
    confidence: float  # the mean of max(D, 1 - D): 1/2 for one who never knows, 1 for one who is always sure


def score(logits: Tensor, real: Tensor) -> Score:
    """The score of the logits of D(x) (n,), where `real` (n,) says what x was."""
    sure = torch.sigmoid(logits.abs()).mean().item() if len(logits) else float("nan")
    right = torch.where(logits == 0, 0.5, ((logits > 0) == real).double()).mean().item()
    return Score(right, game.value(logits[real], logits[~real]).item(), sure)


class BeTheDiscriminatorEngine(Engine):
    """The game without its front end: half of `n` pictures are real, in an order that only the seed knows."""

    title = "Be the discriminator"

    def __init__(self, trained: Pair, pictures: Tensor, shape: tuple[int, ...], n: int = 20, seed: int = 0):
        if not isinstance(n, int) or isinstance(n, bool) or not 2 <= n <= 60 or n // 2 > len(pictures):
            raise RecipeError(f"n is {brief(n)}; the game takes 2 to 60 pictures, half of them of the {len(pictures)}")
        self.trained, self.pictures, self.shape, self.n = trained, pictures, shape, n
        group = "How sure are you that it is real?"
        buttons = {
            f"say_{i}": Button(f"{words}: {D:g}", f"You say D(x) = {D:g} (key {i})", str(i), group=group)
            for i, (words, D) in enumerate(ANSWERS.items(), 1)
        }
        for key, D in zip(buttons, ANSWERS.values()):
            setattr(self, key, partial(self.say, D))
        buttons["back"] = Button("Take back", "Judge the last picture once more (Backspace)", "backspace", "reset")
        buttons["new"] = Button("New pictures", "Other pictures, of the next seed (N)", "n")
        buttons["look"] = Button("Look", group="hidden")
        if getattr(trained, "average", None) is not None:
            buttons["G"] = Choice(GS, name="The fakes are drawn by")
        super().__init__(buttons)
        self.new(seed)

    # -- commands ------------------------------------------------------------------------------------------------------

    def say(self, D: float) -> None:
        """Judge the next picture: D(x) in (0, 1), how sure it is that the picture is real."""
        if not is_number(D) or not 0 < D < 1:
            raise RecipeError(f"D(x) is {brief(D)}; it must lie in (0, 1): a D that is wholly sure may lose everything")
        if self.finished:
            raise RecipeError(f"all {self.n} pictures are judged; take one back, or ask for new ones")
        self.answers, self.looking = [*self.answers, float(D)], None

    def back(self) -> None:
        """Take the last answer back."""
        self.answers, self.looking = self.answers[:-1], None

    def new(self, seed: int | None = None) -> None:
        """Other pictures: of the next seed, or of `seed`."""
        self.seed = Number().check("seed", self.seed + 1 if seed is None else seed)
        self._deal()

    def look(self, index: int) -> None:
        """Look at a judged picture once more."""
        if not isinstance(index, int) or isinstance(index, bool) or not 0 <= index < self.n:
            raise RecipeError(f"there is no picture {brief(index)}; they are numbered from 0 to {self.n - 1}")
        self.looking = index if index < len(self.answers) else None

    def changed(self, values: dict[str, Any]) -> None:
        """Fakes of another G: a new game of the same seed."""
        super().changed(values)
        self._deal()

    def off(self) -> list[str]:
        """Nothing can be said when all is said, nor taken back before."""
        answers = [f"say_{i}" for i in range(1, len(ANSWERS) + 1)]
        return [*(answers if self.finished else []), *([] if self.answers else ["back"])]

    def twin(self) -> BeTheDiscriminatorEngine:
        """Another game of the same pictures, at its start."""
        twin = BeTheDiscriminatorEngine(self.trained, self.pictures, self.shape, self.n, self.seed)
        twin.set(**self.values)
        return twin

    def once(self) -> None:
        """Say what the trained D would, as near as the buttons let it."""
        D = torch.sigmoid(self.logits[len(self.answers)]).item()
        self.say(min(ANSWERS.values(), key=lambda answer: abs(answer - D)))

    # -- the game ------------------------------------------------------------------------------------------------------

    @property
    def finished(self) -> bool:
        """Whether every picture is judged."""
        return len(self.answers) == self.n

    @property
    def state(self) -> str:  # type: ignore[override]
        """ "idle", "playing" or "finished"."""
        return "finished" if self.finished else "playing" if self.answers else "idle"

    @torch.no_grad()
    def _deal(self) -> None:
        """Draw the pictures of the seed, half of them real, and ask D about all of them.

        D plays with dropout, as in training, and D(x) is the mean over its masks. With scaled weights instead, the
        shipped D says less than 1/2 to nine of ten real digits: maxout units do not pass on the mean over the masks.
        """
        G = self.trained.average if self.values.get("G") == "average" else self.trained.G
        rng, recipe, D, fakes = np.random.default_rng(self.seed), self.trained.recipe, self.trained.D, self.n // 2
        real = scale(self.pictures[rng.choice(len(self.pictures), self.n - fakes, False)].cpu(), pixels=recipe.pixels)
        x = torch.cat([real, recipe.samples(G, fakes, UNSEEN + self.seed).float()])  # (n, d)
        order = torch.from_numpy(rng.permutation(self.n))
        self.x, self.real = x[order], order < len(real)
        x = self.x.to(next(D.parameters()))
        masks = torch.Generator(x.device).manual_seed(self.seed)
        each = D.logit(x.repeat(MASKS, 1), masks).double().cpu()
        self.logits = torch.logit(torch.sigmoid(each).view(MASKS, -1).mean(0))  # (n,)
        self._sheet = tiles(shown(self.x, recipe.pixels), self.shape)
        self.answers: list[float] = []
        self.looking: int | None = None

    def scores(self) -> tuple[Score, Score]:
        """The reader's score and the trained D's, on what is judged so far."""
        n = len(self.answers)
        own, real = torch.logit(torch.tensor(self.answers, dtype=torch.float64)), self.real[:n]
        return score(own, real), score(self.logits[:n], real)

    def sentence(self, i: int) -> str:
        """What a judged picture was, what the reader said of it, and what D said."""
        was, D = "real" if self.real[i] else "drawn by G", torch.sigmoid(self.logits[i]).item()
        return f"Picture {i + 1} was {was}. You said {self.answers[i]:.2f}, and D said {D:.2f}."

    # -- what there is to see ------------------------------------------------------------------------------------------

    def picture(self) -> Picture:
        """The picture to judge, those that are judged, and what was said of each."""
        done, n = len(self.answers), self.n
        here = min(done, n - 1) if self.looking is None else self.looking
        judged, asked = here < done, f"Picture {here + 1} of {n}: real or fake?"
        sheet = np.where((np.arange(n) < done).reshape(-1, *[1] * (self._sheet.ndim - 1)), self._sheet, WAITING)
        marks = ("✗", "", "✓")
        right = np.sign((np.array(self.answers) - 0.5) * np.where(self.real[:done], 1, -1)).astype(int)
        badges = {i: f"{'real' if self.real[i] else 'fake'} {marks[right[i] + 1]}".strip() for i in range(done)}
        columns = min(10, n)
        shape = self.shape[1] / self.shape[2]
        tall = min(max(round(30 * shape * -(-n // columns) / columns), 6) + 2, 14)
        known = f"Picture {here + 1}, a {'real one' if self.real[here] else 'fake'}"
        told = (
            "✓ where you were right. Click one to see it again." if done else f"{n - n // 2} are real, in random order."
        )
        one = Tiles(self._sheet[here : here + 1], 1)
        panels = [
            Panel(known if judged else asked, tiles=one, at=(0, 0, max(tall, 9), 4)),
            Panel(told, tiles=Tiles(sheet.astype(np.uint8), columns, badges, "look"), at=(0, 4, max(tall, 9), 8)),
            self._table(max(tall, 9)),
        ]
        words = self.sentence(here if judged else done - 1) if done else "Say of each picture how sure you are."
        note = Note(self._summary(), "In the end" if self.finished else "So far")
        return Picture(panels, words, [(f"{done} of {n}", "judged")], [note])

    def _table(self, row: int) -> Panel:
        """What each picture was, what the reader said, and what D said, in colours of D(x)."""
        done = len(self.answers)
        values = np.full((3, self.n), np.nan)
        values[:, :done] = torch.sigmoid(self.logits[:done]), self.answers, self.real[:done]
        words = [[[] if np.isnan(v) else [f"{v:.2f}"] for v in row] for row in values]
        words[2] = [[["fake", "real"][int(v)]] if np.isfinite(v) else [] for v in values[2]]
        names = [str(i + 1) for i in range(self.n)]
        cells = Cells(values, words, ["D", "you", "it was"], names, (0, 1), name="D(x)")
        title, at = "D(x): 0 for a fake, 1 for a real picture", (row, 0, 6, 12)
        return Panel(title, cells=cells, x_label="picture", at=at)

    def _summary(self) -> list[str]:
        """Both scores, a line each, and what V says."""
        n, said = len(self.answers), []
        for who, (right, V, confidence) in zip(("You", "The trained D"), self.scores()):
            worth = f"V = {V:.2f} nats" if np.isfinite(V) else "V is not known yet"
            score = f"{right * n:g} of {n} right, {worth}, confidence {confidence:.2f}." if n else "nothing judged yet."
            said.append(f"{who}: {score}")
        return [*said, f"The better D has the higher V: 0 at most, and {game.MINUS_LOG_4:.2f} for 1/2 to everything."]


class BeTheDiscriminator(Demo):
    """Say of each picture how sure you are that it is real, and compare with the D that was trained.

        show(BeTheDiscriminator())                                  # the shipped MNIST pair, real test digits
        BeTheDiscriminator(pretrained("cifar10-conv"), load("cifar10"), n=10)
        play.say(0.9)                                               # the next picture is real, with D(x) = 0.9
        play.scores()                                               # the reader's Score and D's

    `data` is a `Dataset`, of which the test pictures are taken, or uint8 rows (N, d) with their `shape`. V = -log 4 for
    one who says 1/2 to everything.
    """

    def __init__(
        self,
        trained: Pair | None = None,
        data: Dataset | Tensor | None = None,
        shape: tuple[int, ...] | None = None,
        n: int = 20,
        seed: int = 0,
    ) -> None:
        data = load("mnist") if data is None else data
        pictures, shape = (data.test, shape or data.shape) if isinstance(data, Dataset) else (data, shape)
        if not isinstance(pictures, Tensor) or shape is None:
            raise RecipeError("give a data set, or uint8 pictures (N, d) with their shape (channels, height, width)")
        engine = BeTheDiscriminatorEngine(trained or pretrained("mnist"), pictures, shape, n, seed)
        super().__init__(engine, key=cell_key(type(self).__name__))

    def say(self, *D: float) -> None:
        """Judge the next pictures: D(x) in (0, 1) for each, how sure it is that the picture is real."""
        for one in D:
            self.engine.say(one)
        self.set()

    def scores(self) -> tuple[Score, Score]:
        """The reader's score and the trained D's, on what is judged so far."""
        return self.engine.scores()
