"""Live training in the notebook: G's samples, the costs, V and D's verdicts, and every control."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from ganlib import images
from ganlib.controls import Choice, Slider
from ganlib.datasets import Dataset, load
from ganlib.errors import RecipeError
from ganlib.game import MINUS_LOG_4
from ganlib.images import scale, shown
from ganlib.picture import Level, Line, Note, Panel, Picture, Tiles
from ganlib.recipes import MNIST, Recipe
from ganlib.runs import Run
from ganlib.studies.diagnosis import SAMPLES, WINDOW, Evidence, Reference, Verdict, diagnose
from ganlib.trainer import Step, Trainer
from ganlib.widgets.demo import Demo, cell_key
from ganlib.widgets.engine import GAME, Game

CURVES = ("V", "cost_D", "cost_G", "D_real", "D_fake")  # what is kept of each step, fields of `Step`
BETWEEN = (0.2, 0.5)  # seconds between frames: the least and the most
DRAWING = 0.15  # the share of the time that drawing G's samples may take; frames come less often when they cost more
Z_SEED = 1406  # the seed of the z whose samples are shown, always the same ones
COSTS = {"non-saturating": "−log D(G(z)), non-saturating", "minimax": "log(1 − D(G(z))), minimax"}
UPDATES = {"simultaneous": "simultaneous (authors' code)", "alternating": "alternating (Algorithm 1)"}


def controls(recipe: Recipe, seed: int) -> dict[str, Any]:
    """The controls of a run as its recipe has them. With k = 10 a step of the full nets takes a third of a second."""
    D, G = "D, the discriminator", "G, the generator"
    schedule = f"the recipe's, {recipe.momentum_start:g} to {recipe.momentum_end:g}"
    decays = "at each of its updates; it decays as the recipe says"
    kept = "The share of the last move that is kept in the next one"
    order = "Simultaneous: both from the same old parameters. Alternating: D first, then G against the new D"
    how_often = "How often D is updated for each update of G"
    rate = {"log": True, "words": rate_text}
    rate |= {"low": min(1e-4, recipe.lr_D, recipe.lr_G), "high": max(1.0, recipe.lr_D, recipe.lr_G)}
    return {
        **{key: one for key, one in GAME.items() if key != "restore"},
        "start": replace(GAME["start"], name="Start"),
        "seed": replace(GAME["seed"], start=seed),
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


class TrainingEngine(Game):
    """One run of `recipe` on `data` under a person's hands, without a front end.

    `samples` is the sheet of G's samples, (rows, columns); pictures that are normalised (GCN) are shown in the range of
    as many real ones. `options` are the Trainer's: device, precision, top.
    """

    title = "Live training of a generative adversarial net"
    STATES = Game.STATES | {"running": "Training"}
    COLUMNS = 1 + len(CURVES)

    def __init__(
        self, recipe: Recipe, data: Dataset, seed: int = 0, *, samples: tuple[int, int] = (8, 8), **options: Any
    ):
        rows, columns = samples
        if not all(isinstance(n, int) and 1 <= n <= 20 for n in samples):
            raise RecipeError(f"samples is {samples!r}; it must be (rows, columns), each an integer from 1 to 20")
        self.original, self.data, self.samples, self._options = recipe, data, (rows, columns), options
        real = scale(data.valid[: rows * columns], pixels=recipe.pixels)
        self._reference, self._largest = Reference(data, recipe.pixels), real.abs().max().item()
        self.trainer = Trainer(recipe, data, seed=seed, **self._options)
        super().__init__(controls(recipe, seed))
        self._forget()

    def begin(self) -> None:
        """Go to the start of the seed; the controls stay as they are set."""
        self.trainer = Trainer(self.trainer.recipe, self.data, seed=self.values["seed"], **self._options)
        self._forget()

    def _forget(self) -> None:
        """What is empty at the start of a run."""
        self.latest: Step | None = None
        self._recent: deque[Step] = deque(maxlen=WINDOW)
        self._drawn_at, self._drawing = -1, 0.0

    def twin(self) -> TrainingEngine:
        """The same demo at the start of its run, with the controls as they are set."""
        trainer = self.trainer
        return TrainingEngine(trainer.recipe, self.data, trainer.seed, samples=self.samples, **self._options)

    def changed(self, values: dict[str, Any]) -> None:
        """Change the run while it trains; another seed begins it anew. A momentum of None is the recipe's schedule."""
        live = {name: value for name, value in values.items() if name != "seed"}
        fields, own = dict(live), self.original
        if "momentum" in fields:
            mu = fields.pop("momentum")
            fields["momentum_start"] = own.momentum_start if mu is None else mu
            fields["momentum_end"] = own.momentum_end if mu is None else mu
        if fields:
            self.trainer.change(**fields)
        for name, value in live.items():
            self.note(self.trainer.step, name, value)
        self.values |= values
        if "seed" in values:
            self.reset()

    # -- work ----------------------------------------------------------------------------------------------------------

    @property
    def interval(self) -> float:
        """Seconds between frames: often enough to follow, seldom enough to cost little."""
        return min(max(self._drawing / DRAWING, BETWEEN[0]), BETWEEN[1])

    def once(self) -> None:
        """One iteration."""
        (self.latest,) = self.trainer.steps(1)
        self._recent.append(self.latest)
        self.curves.add(self.latest.step, tuple(getattr(self.latest, name) for name in CURVES))
        self._ends.append(self.clock())

    def verdict(self) -> Verdict:
        """Is this loss curve normal? A tone and a few plain sentences, from the last steps of the run."""
        if self.state == "error":
            return Verdict(
                "broken", ("The run has ended in an error, which stands above. Reset goes back to its start.",)
            )
        self._draw()
        changed_at = self.events[-1][0] if self.events else 0
        steps, run = [step for step in self._recent if step.step > changed_at], self.trainer
        return diagnose(Evidence(steps, self._seen, run.recipe, run.updates, changed=changed_at > 0))

    # -- what there is to see ------------------------------------------------------------------------------------------

    def _draw(self) -> None:
        """Draw G's samples, unless nothing has moved since. The run's random numbers stay as they are."""
        if self._drawn_at == self.trainer.step:
            return
        begun = time.perf_counter()
        n = self.samples[0] * self.samples[1]
        x = torch.nan_to_num(self.trainer.samples(max(n, SAMPLES), Z_SEED))  # (n or more, d)
        self._seen = self._reference.look(x[:SAMPLES])
        self._images = images.tiles(shown(x[:n], self.original.pixels, self._largest), self.data.shape)
        self._drawn_at, self._drawing = self.trainer.step, time.perf_counter() - begun

    def picture(self) -> Picture:
        """G's samples at the left; the costs, V, and what D says at the right; the verdict below."""
        self._draw()
        trainer, latest, n = self.trainer, self.latest, self.samples[0] * self.samples[1]
        words = f"{n} samples of G after {trainer.step:,} steps, in {self.samples[0]} rows; {self.STATES[self.state]}"
        tiles = Tiles(self._images, self.samples[1])
        sheet = Panel(f"G(z): the same {n} z all along", tiles=tiles, at=(0, 0, 15, 4), words=words)
        said = f"Step {trainer.step:,}, trained on {self.data.name}."
        if latest is not None:
            said += (
                f" Cost of D {latest.cost_D:.2f}, cost of G {latest.cost_G:.2f}, V {latest.V:.2f} nats (minus log 4 is "
                f"-1.39). D gives data {latest.D_real:.2f} and samples {latest.D_fake:.2f}."
            )
        epochs, speed, verdict = trainer.epochs_done, self.speed, self.verdict()
        readouts = [(f"{trainer.step:,}", "steps"), (f"{epochs:,.{2 if epochs < 100 else 1}f}", "epochs")]
        readouts.append((f"{speed:,.{1 if speed < 10 else 0}f}", "steps/s"))
        note = Note(verdict.sentences, "Is this normal?", verdict.tone)
        return Picture([sheet, *self._charts()], said, readouts, [note])

    def _charts(self) -> list[Panel]:
        step, *columns = self.curves.rows().T.copy()
        curve, reach = dict(zip(CURVES, columns)), (0.0, float(max(self.trainer.step, 20)))

        def line(name: str, words: str, style: str) -> Line:
            """A measured curve with its present value."""
            value = None if self.latest is None else f"{getattr(self.latest, name):.2f}"
            return Line(step, curve[name], words, style, value, smooth=True)

        lines = [line("cost_D", "D", "D"), line("cost_G", "G", "G")]
        y = self._ranges.around("costs", [curve["cost_D"], curve["cost_G"]], (0, 1))
        low = self._ranges.around("V", [curve["V"]], (-1.5, 0))[0]
        bare, named = self.event_levels(named=False), self.event_levels()
        no_ticks = {"x": reach, "x_label": "", "x_ticks": ()}
        value, minus_log_4 = [line("V", "V(D, G)", "V")], Level(MINUS_LOG_4, "-log 4 = -1.386")
        says = [line("D_real", "D(x)", "data"), line("D_fake", "D(G(z))", "G")]
        return [
            Panel("Costs, nats", lines, y=y, levels=named, at=(0, 4, 5, 8), **no_ticks),
            Panel("Value, nats", value, y=(low, 0), levels=[minus_log_4, *bare], at=(5, 4, 4, 8), **no_ticks),
            Panel("D says", says, x=reach, y=(0, 1), x_label="step", levels=[Level(0.5, "½"), *bare], at=(9, 4, 6, 8)),
        ]


class LiveTraining(Demo):
    """Train `recipe` on `data` in the background of the notebook, and change the run while it trains.

        live = LiveTraining(MNIST, load("mnist"), seed=0)
        show(live)          # the widget; it waits for its start button
        live.k = 3          # the same as the slider, in any other cell, while it trains
        live.save("runs/by-hand")

    The controls `k`, `lr_D`, `lr_G`, `momentum` (None: the recipe's schedule), `update`, `generator_cost` and `seed`
    are traits: they follow the page, and the page follows them. `data` None loads the recipe's; `samples` is the sheet
    (rows, columns); `top` is what `Trainer` takes for a recipe that is built on another one.
    """

    def __init__(
        self,
        recipe: Recipe = MNIST,
        data: Dataset | None = None,
        seed: int = 0,
        *,
        samples: tuple[int, int] = (8, 8),
        device: str = "auto",
        precision: str = "auto",
        top: Sequence[torch.nn.Module] | None = None,
    ) -> None:
        data = load(recipe.data) if data is None else data
        engine = TrainingEngine(recipe, data, seed, samples=samples, device=device, precision=precision, top=top)
        super().__init__(engine, key=cell_key(type(self).__name__))
        self._run: Run | None = None  # where it was saved last
        self._previewed: tuple[Trainer, Recipe, int, Verdict] | None = None  # of which run, how many steps, what to say

    def diagnosis(self) -> list[str]:
        """Is this loss curve normal? What there is to say about the last steps, sentence by sentence.

        It reads the run that is seen: the live one, or its last preview while the live one stands at its start.
        """
        run = self.trainer
        if self._previewed and run.step == 0 and self._previewed[:2] == (run, run.recipe):
            _, _, steps, verdict = self._previewed
            return [f"Read from the preview above, {steps:,} steps:", *verdict.sentences]
        return list(self.engine.verdict().sentences)

    def _played(self, steps: int) -> TrainingEngine:
        engine = super()._played(steps)
        if steps:
            self._previewed = self.trainer, engine.trainer.recipe, steps, engine.verdict()
        return engine

    def save(self, folder: Path | str) -> Path:
        """Write a checkpoint of the run, from which `runs.open` goes on. Raises `CheckpointError`."""
        if self._run is None or (self._run.trainer, self._run.folder) != (self.trainer, Path(folder)):
            self._run = Run(self.trainer, folder)
        return self._run.save()

    @property
    def trainer(self) -> Trainer:
        """The run itself; `reset` replaces it by a new one."""
        return self.engine.trainer
