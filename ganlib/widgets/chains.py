"""A Markov chain and G side by side: how many steps of the chain is another picture worth?

from ganlib.widgets import Chains, show

show(Chains({"DBN": dbn, "Deep GSN": gsn}, pretrained("mnist"), load("mnist"), classifier))
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from ganlib.baselines import Chain
from ganlib.checkpoints import Trained
from ganlib.controls import Button, Choice
from ganlib.datasets import Dataset
from ganlib.errors import RecipeError
from ganlib.images import scale, tiles
from ganlib.picture import Line, Note, Panel, Picture, Tiles
from ganlib.studies import chains
from ganlib.studies.measures import Judge
from ganlib.widgets.demo import Demo, cell_key
from ganlib.widgets.engine import GAME, Game

MOST = 500  # draws, after which the demo rests
UNSEEN = 20_140_610  # G's draws come from seeds of their own, so that nobody has met them in a grid of samples
COLUMNS, ROWS = 14, 3  # of a sheet of draws: the last ones, in reading order
WAITING = 235  # the grey of a picture that is still to come
LEAST = 10  # draws before there is an autocorrelation to see
LAGS = 30  # draws apart, at the most
STARTS = {"mean": "pixels drawn by the mean picture", "digit": "a real digit", "noise": "pure noise"}
SHOWN = {"means": "conditional means", "draws": "the draws themselves"}


class Trace(NamedTuple):
    """What stands in the charts of some draws."""

    name: str
    digits: list[int]  # (n,): what the classifier takes each for
    rho: np.ndarray  # (lags,): the autocorrelation over draws


class ChainsEngine(Game):
    """The demo without its front end: one chain of the chosen model, a draw in every `thin` steps, and as many of G."""

    title = "A Markov chain and G"
    STATES = Game.STATES | {"idle": "At the start", "stopped": "Done"}

    def __init__(self, models: Mapping[str, Chain], trained: Trained, data: Dataset, classifier: Judge, seed: int = 0):
        d = math.prod(data.shape)
        odd = [name for name, model in models.items() if not isinstance(model, Chain) or model.d != d]
        if not models or odd:
            raise RecipeError(f"no chain over pictures of {data.shape}: {', '.join(odd) or 'there are no models'}")
        self.models, self.trained, self.data, self.classifier = dict(models), trained, data, classifier
        of, look = {"group": "The chain"}, {"group": "What is shown", "look": True}
        super().__init__(
            {
                "start": replace(GAME["start"], hint="Let the chain go on (Space)"),
                "pause": GAME["pause"],
                "step": replace(GAME["step"], hint="One step of the chain (S)"),
                "draw": Button("Next draw", "As many steps as the next draw takes (D)", "d"),
                "reset": replace(GAME["reset"], hint="Back to the start of the seed; the controls stay (R)"),
                "seed": GAME["seed"],
                "model": Choice(list(models), name="Model", slide=len(models) < 2, **of),
                "thin": Choice(
                    [1, 2, 5, 10, 20, 50, 100],
                    name="Steps of the chain for each draw",
                    hint="G takes none: each of its draws has a z of its own",
                    slide=True,
                    **of,
                ),
                "origin": Choice(STARTS, name="It starts at", **of),
                "pace": Choice([1, 5, 10, 20, 50, 200], 10, name="Steps a second, at the most", slide=True, **of),
                "shown": Choice(SHOWN, name="Of the chain", **look),
            },
            seed=seed,
        )
        self.ghost: Trace | None = None  # the chain before the last change of its controls
        self.begin()

    @property
    def pace(self) -> float:  # type: ignore[override]
        """Steps of the chain a second, at the most."""
        return self.values["pace"]

    # -- the game ------------------------------------------------------------------------------------------------------

    @torch.no_grad()
    def begin(self) -> None:
        """Put the chain at its start, and forget all draws."""
        seed = self.values["seed"]
        self.model = self.models[self.values["model"]]
        rng = torch.Generator().manual_seed(seed)
        which = int(torch.randint(len(self.data.test), (1,), generator=rng))
        origin, mean = self.values["origin"], self.model.mean.cpu()[None]
        on = {"mean": mean, "digit": scale(self.data.test[which : which + 1]), "noise": torch.full_like(mean, 0.5)}[
            origin
        ]
        x = on if origin == "digit" else torch.bernoulli(on, generator=rng)
        self.walk: Iterator[tuple[Tensor, Tensor]] = self.model.walk(x, rng)
        self.now = torch.cat([x, x])  # (2, d): where the chain is, and the conditional mean of that
        self.steps, self.drawn, self.taken = 0, [], []  # ... of each draw, and the digit that each is taken for
        self.fresh = self.trained.samples(MOST, seed=UNSEEN + seed).float().cpu()  # (MOST, d)
        self.labels = self.classifier.probabilities(self.fresh).argmax(1).tolist()  # of G's draws
        self._traced: tuple[Any, tuple[Trace, Trace] | None] = ((), None)

    @torch.no_grad()
    def once(self) -> None:
        """One step of the chain; after `thin` of them there is a draw, and G makes one, too."""
        if self.full:
            raise RecipeError(f"all {MOST} draws are there; reset it, or change the chain")
        self.now = torch.cat(next(self.walk)).cpu()
        self.steps += 1
        if self.steps % self.values["thin"] == 0:
            self.drawn.append(self.now)
            self.taken.append(self.classifier.probabilities(self.now).argmax(1).tolist())
            if self.full:
                self.state = "stopped"

    def draw(self) -> None:
        """The steps that are left to the next draw, then rest."""
        self.step()
        while self.steps % self.values["thin"] and self.state == "paused":
            self._guarded()

    def changed(self, values: dict[str, Any]) -> None:
        """Another chain begins anew, and the old one stays in the charts; the rest only changes what is seen."""
        again = values.keys() & {"model", "origin", "thin", "seed"}
        if again and len(self.drawn) >= LEAST:
            self.ghost = self.traces()[0]
        super().changed(values)
        if again:
            self.state = "running" if self.running else "idle"
            self.begin()

    def twin(self) -> ChainsEngine:
        """Another such demo at its start."""
        twin = ChainsEngine(self.models, self.trained, self.data, self.classifier)
        twin.set(**self.values)
        return twin

    @property
    def full(self) -> bool:
        """Whether all draws are there."""
        return len(self.drawn) == MOST

    def off(self) -> list[str]:
        """The buttons that can do nothing now."""
        return [*super().off(), *(("start", "step", "draw") if self.full else ())]

    # -- what is measured ----------------------------------------------------------------------------------------------

    @property
    def side(self) -> int:
        """Which of a draw and its conditional mean is shown and measured: 0 or 1."""
        return int(self.values["shown"] == "means")

    def digits(self) -> tuple[list[int], list[int]]:
        """What the classifier takes the draws for: those of the chain so far, and as many of G."""
        own = [taken[self.side] for taken in self.taken]
        return own, self.labels[: len(own)]

    def traces(self) -> tuple[Trace, Trace]:
        """What the charts show of the chain and of G; the autocorrelation around the mean training picture."""
        n, key = len(self.drawn), (len(self.drawn), self.side)
        if self._traced[0] != key:
            own = torch.stack(self.drawn)[:, self.side] if n else self.fresh[:0]
            lags, mean = min(LAGS, n // 2) if n >= LEAST else 0, self.model.mean.cpu()
            names = (f"{self.values['model']}, {steps(self.values['thin'])} a draw", "G")
            both = []
            for name, x, digits in zip(names, (own, self.fresh[:n]), self.digits()):
                rho = chains.autocorrelation(x[:, None], mean, lags) if lags else np.empty(0)
                both.append(Trace(name, digits, rho))
            self._traced = (key, tuple(both))
        return self._traced[1]

    # -- what there is to see ------------------------------------------------------------------------------------------

    def picture(self) -> Picture:
        """The chain at this step beside its draws, G's draws below them, and two charts."""
        chain, G = self.traces()
        n, thin, name = len(self.drawn), self.values["thin"], self.values["model"]
        draws = [pair[self.side] for pair in self.drawn[-COLUMNS * ROWS :]]
        panels = [
            self._single(f"{name}, now", self.now[self.side, None], 0),
            self._sheet(
                f"{name}: its draws, {'at each step' if thin == 1 else f'one in every {thin} steps'}", draws, 0
            ),
            self._single("G, newest draw", self.fresh[n - 1 : n] if n else None, 7),
            self._sheet("G: as many draws, each from a z of its own", list(self.fresh[:n]), 7),
            *self._charts(chain, G),
        ]
        told = [(f"{self.steps:,}", "steps"), (f"{n}", "draws of each"), (f"{thin - self.steps % thin}", "to the next")]
        return Picture(panels, self._words(), told, [self._note()])

    def _single(self, title: str, x: Tensor | None, row: int) -> Panel:
        image = np.full((1, *self.data.shape[1:]), WAITING, np.uint8) if x is None else tiles(x, self.data.shape)
        return Panel(title, tiles=Tiles(image, 1), at=(row, 0, 7, 3))

    def _sheet(self, title: str, draws: list[Tensor], row: int) -> Panel:
        """The last draws in reading order."""
        n = len(self.drawn)
        first = max(0, -(-n // COLUMNS) - ROWS) * COLUMNS
        sheet = np.full((COLUMNS * ROWS, *self.data.shape[1:]), WAITING, np.uint8)
        if n:
            sheet[: n - first] = tiles(torch.stack(draws[first - n :]), self.data.shape)
        return Panel(title, tiles=Tiles(sheet, COLUMNS), at=(row, 3, 7, 9))

    def _charts(self, chain: Trace, G: Trace) -> list[Panel]:
        """Over the draws: which digit each shows, and how many different ones; over draws apart: how alike they are."""
        known = [*([(self.ghost, "reference")] if self.ghost else []), (G, "G"), (chain, "V")]  # the chain on top
        end = 20 * 2 ** max(0, math.ceil(math.log2(max(len(self.drawn), 1) / 20)))
        over = {"x": (0, end), "x_label": "draws"}
        which, many, alike = [], [], []
        for trace, style in known:
            n, name = len(trace.digits), trace.name
            x, different = np.arange(1, n + 1), so_far(trace.digits)
            which += [Line(x, trace.digits, name, style, dots=True)] if n and trace is not self.ghost else []
            many += [Line(x, different, name, style, str(different[-1]))] if n else []
            alike += [Line(np.arange(len(trace.rho)), trace.rho, name, style)] if len(trace.rho) else []
        every, some = ([(y, str(y)) for y in range(0, 11, step)] for step in (1, 5))
        return [
            Panel("Which digit each draw shows", which, y=(-0.5, 9.5), y_ticks=every[:-1], at=(14, 0, 10, 4), **over),
            Panel("Different digits so far", many, y=(0, 10.5), y_ticks=some, at=(14, 4, 10, 4), **over),
            Panel("How alike: autocorrelation", alike, (0, LAGS), (-0.3, 1), "draws apart", at=(14, 8, 10, 4)),
        ]

    def _words(self) -> str:
        if not self.drawn:
            return "The chain has made no draw yet: press Play, or Step."
        own, fresh = (len(set(digits)) for digits in self.digits())
        n = len(self.drawn)
        return f"In {n} draws the chain has shown {different(own)}, and G {different(fresh)}."

    def _note(self) -> Note:
        if len(self.drawn) < 2:
            return Note(["A classifier that was trained on real digits says which digit a picture shows."])
        own, fresh = (chains.steps_between_digits(torch.tensor(digits)) for digits in self.digits())
        thin = self.values["thin"]
        lasts = f"more than {(len(self.drawn) - 1) * thin:,} steps" if math.isinf(own) else f"{own * thin:,.1f} steps"
        lines = [
            f"The chain shows another digit after {lasts}, on average; G after {fresh:.1f} draws.",
            f"{len(self.drawn)} draws took {self.steps:,} steps of the chain, and {len(self.drawn)} passes through G.",
        ]
        return Note(lines, "So far")


def so_far(digits: list[int]) -> np.ndarray:
    """How many different digits there are up to each of them."""
    return np.cumsum([digit not in digits[:i] for i, digit in enumerate(digits)])


def steps(n: int) -> str:
    """A number of steps in words."""
    return f"{n} step{'s' * (n > 1)}"


def different(n: int) -> str:
    """A number of different digits in words."""
    return f"{n} different digits" if n > 1 else "one digit only"


class Chains(Demo):
    """A chain's pictures, step by step, beside independent draws of G.

        play = Chains({"DBN": dbn, "Deep GSN": gsn}, pretrained("mnist"), load("mnist"), classifier)
        show(play)
        play.thin = 20      # one draw in every 20 steps of the chain
        play.start()

    The charts say how many different digits each has shown, by the classifier, and how alike two draws are that lie
    some draws apart. A change of the chain begins anew, and the chain before it stays in the charts, in grey.
    """

    def __init__(
        self, models: Mapping[str, Chain], trained: Trained, data: Dataset, classifier: Judge, seed: int = 0
    ) -> None:
        super().__init__(ChainsEngine(models, trained, data, classifier, seed), key=cell_key(type(self).__name__))
