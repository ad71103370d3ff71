"""Live training in the notebook: G's samples, the costs, V and D's verdicts, and every control."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ganlib import images
from ganlib.checkpoints import Trained
from ganlib.datasets import Dataset, load
from ganlib.errors import RecipeError, brief
from ganlib.game import MINUS_LOG_4
from ganlib.history import Step
from ganlib.images import scale, shown
from ganlib.picture import Level, Line, Note, Panel, Picture, Tiles
from ganlib.recipes import MNIST, Recipe
from ganlib.runs import Run, take_place
from ganlib.studies.diagnosis import SAMPLES, WINDOW, Evidence, Reference, Verdict, diagnose
from ganlib.trainer import Trainer
from ganlib.widgets.closer import Closer
from ganlib.widgets.demo import Demo, cell_key
from ganlib.widgets.engine import Game
from ganlib.widgets.steering import BREAKS, HeldTrainer, controls

CURVES = ("V", "cost_D", "cost_G", "D_real", "D_fake")  # what is kept of each step, fields of `Step`
BETWEEN = (0.2, 0.5)  # seconds between frames: the least and the most
DRAWING = 0.15  # the share of the time that drawing G's samples may take; frames come less often when they cost more
Z_SEED = 1406  # the seed of the z whose samples are shown, always the same ones


class TrainingEngine(Game):
    """One run of `recipe` on `data` under a person's hands, without a front end.

    With `start`, a trained pair, it begins at that pair, is reset to it, and has presets that try to break it.

    `samples` is the sheet of G's samples, (rows, columns); pictures that are normalised (GCN) are shown in the range of
    as many real ones. `options` are the Trainer's: device, precision, top.
    """

    title = "Live training of a generative adversarial net"
    STATES = Game.STATES | {"running": "Training"}
    COLUMNS = 1 + len(CURVES)

    def __init__(
        self,
        recipe: Recipe,
        data: Dataset,
        seed: int = 0,
        *,
        samples: tuple[int, int] = (8, 8),
        start: Trained | None = None,
        **options: Any,
    ):
        rows, columns = samples
        if not all(isinstance(n, int) and 1 <= n <= 20 for n in samples):
            raise RecipeError(f"samples is {brief(samples)}; it must be (rows, columns), each an integer from 1 to 20")
        self.original, self.data, self.samples, self.trained = recipe, data, (rows, columns), start
        if start is not None and recipe.built_on:
            options["top"] = start.G.layers
        self._options = options
        real = scale(data.valid[: rows * columns], pixels=recipe.pixels)
        self._reference, self._largest = Reference(data, recipe.pixels), real.abs().max().item()
        self.picked: int | None = None  # the sample that is looked at closely
        self._closer = Closer(data, recipe.pixels, self._largest)
        self.trainer = self._begun(recipe, seed)
        super().__init__(controls(recipe, seed, breaks=start is not None))
        vars(self).update({name: partial(self.preset, name) for name in BREAKS})  # what these buttons press
        self._forget()

    def _begun(self, recipe: Recipe, seed: int) -> HeldTrainer:
        """A run at its start: of the seed, or of the trained pair."""
        trainer = HeldTrainer(recipe, self.data, seed=seed, **self._options)
        if self.trained is not None:
            take_place(trainer, self.trained)
        return trainer

    def begin(self) -> None:
        """Go to the start of the seed, or to the trained pair; the controls stay as they are set."""
        self.trainer = self._begun(self.trainer.recipe, self.values["seed"])
        self._hold()
        self._forget()

    def _hold(self) -> None:
        """Hold the players whose rate is 0."""
        self.trainer.held = [player for player in "DG" if self.values[f"lr_{player}"] == 0]

    def _forget(self) -> None:
        """What is empty at the start of a run."""
        self.latest: Step | None = None
        self._recent: deque[Step] = deque(maxlen=WINDOW)
        self._drawn_at, self._drawing, self._closing, self._begun_at = -1, 0.0, 0.0, self.trainer.step

    def twin(self) -> TrainingEngine:
        """The same demo at the start of its run, with the controls as they are set."""
        options = {**self._options, "samples": self.samples, "start": self.trained}
        twin = TrainingEngine(self.trainer.recipe, self.data, self.trainer.seed, **options)
        twin.picked = self.picked
        twin.values |= {name: self.values[name] for name in ("lr_D", "lr_G")}
        twin._hold()
        return twin

    def preset(self, name: str) -> None:
        """Go back to the trained pair, change what one of `BREAKS` changes and nothing else, and train on."""
        self.set(**self.defaults | BREAKS[name].settings(self.original) | {"seed": self.values["seed"]})
        self.reset()
        self.start()

    def pressed(self) -> list[str]:
        """The preset whose settings are in force."""
        own = {name: {**self.defaults, **one.settings(self.original)} for name, one in BREAKS.items()}
        return [name for name, values in own.items() if values | {"seed": self.values["seed"]} == self.values]

    def pick(self, index: int) -> None:
        """Look closely at a sample of the sheet, or no longer when it is the one that is looked at."""
        n = self.samples[0] * self.samples[1]
        if not isinstance(index, int) or isinstance(index, bool) or not 0 <= index < n:
            raise RecipeError(f"there is no sample {brief(index)}; they are numbered from 0 to {n - 1}")
        self.picked = None if self.picked == index else index

    def changed(self, values: dict[str, Any]) -> None:
        """Change the run while it trains; another seed begins it anew.

        A momentum of None is the recipe's schedule; a player whose rate is 0 is held.
        """
        live = {name: value for name, value in values.items() if name != "seed"}
        fields, own = {name: value for name, value in live.items() if name[:2] != "lr" or value}, self.original
        if "momentum" in fields:
            mu = fields.pop("momentum")
            fields["momentum_start"] = own.momentum_start if mu is None else mu
            fields["momentum_end"] = own.momentum_end if mu is None else mu
        if fields:
            self.trainer.change(**fields)
        for name, value in live.items():
            self.note(self.since, name, value)
        self.values |= values
        self._hold()
        if "seed" in values:
            self.reset()

    # -- work ----------------------------------------------------------------------------------------------------------

    @property
    def since(self) -> int:
        """Iterations since the start of the run, or since the trained pair."""
        return self.trainer.step - self._begun_at

    @property
    def interval(self) -> float:
        """Seconds between frames: often enough to follow, seldom enough to cost little."""
        return min(max((self._drawing + self._closing) / DRAWING, BETWEEN[0]), BETWEEN[1])

    def once(self) -> None:
        """One iteration."""
        (self.latest,) = self.trainer.steps(1)
        self._recent.append(self.latest)
        self.curves.add(self.since, tuple(getattr(self.latest, name) for name in CURVES))
        self._ends.append(self.clock())

    def verdict(self) -> Verdict:
        """Is this loss curve normal? A tone and a few plain sentences, from the last steps of the run."""
        if self.state == "error":
            return Verdict(
                "broken", ("The run has ended in an error, which stands above. Reset goes back to its start.",)
            )
        if self.trained is not None and not self.since:
            return Verdict("wait", ("Nothing has happened yet: both players are as their training left them.",))
        self._draw()
        changed_at = self.events[-1][0] if self.events else 0
        steps, run = [step for step in self._recent if step.step - self._begun_at > changed_at], self.trainer
        how = {"changed": changed_at > 0, "held": run.held}
        return diagnose(Evidence(steps, self._seen, run.recipe, run.updates, **how))

    # -- what there is to see ------------------------------------------------------------------------------------------

    def _draw(self) -> None:
        """Draw G's samples, unless nothing has moved since. The run's random numbers stay as they are."""
        if self._drawn_at == self.trainer.step:
            return
        begun = time.perf_counter()
        n = self.samples[0] * self.samples[1]
        x = torch.nan_to_num(self.trainer.samples(max(n, SAMPLES), Z_SEED))  # (n or more, d)
        self._seen = self._reference.look(x[:SAMPLES])
        self._x: Tensor = x[:n]
        self._images = images.tiles(shown(x[:n], self.original.pixels, self._largest), self.data.shape)
        self._drawn_at, self._drawing = self.trainer.step, time.perf_counter() - begun

    def picture(self) -> Picture:
        """G's samples at the left; the costs, V, and what D says at the right; one sample closely; the verdict."""
        self._draw()
        trainer, latest, n = self.trainer, self.latest, self.samples[0] * self.samples[1]
        words = f"{n} samples of G after {trainer.step:,} steps, in {self.samples[0]} rows; {self.STATES[self.state]}"
        badges = {} if self.picked is None else {self.picked: ""}
        tiles = Tiles(self._images, self.samples[1], badges, "pick")
        title = f"G(z): the same {n} z all along. Pick one to look at it closely"
        sheet = Panel(title, tiles=tiles, at=(0, 0, 15, 4), words=words)
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
        return Picture([sheet, *self._charts(), *self._close()], said, readouts, [note])

    def _close(self) -> list[Panel]:
        """What there is to see of the sample that is looked at closely."""
        begun, self._closing = time.perf_counter(), 0.0
        if (i := self.picked) is None:
            return []
        run = self.trainer
        now = {"cost": run.recipe.generator_cost, "step": run.step, "search": not self.running}
        panels = self._closer.panels(i, self._x[i : i + 1], run.D, row=15, **now)
        self._closing = time.perf_counter() - begun
        return panels

    def _charts(self) -> list[Panel]:
        step, *columns = self.curves.rows().T.copy()
        curve, reach = dict(zip(CURVES, columns)), (0.0, float(max(self.since, 20)))
        x_label = "step" if self.trained is None else "steps since the start"

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
            Panel("D says", says, x=reach, y=(0, 1), x_label=x_label, levels=[Level(0.5, "½"), *bare], at=(9, 4, 6, 8)),
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

        broken = LiveTraining(start=pretrained("mnist"))
        broken.hold_D()     # the same as the button; a reset goes back to the trained pair
        broken.pick(9)      # look closely at a sample, numbered from 0 row by row

    With `start`, a trained pair, the run goes on from that pair, at its place in the schedule of the rates, and the
    demo has presets that try to break it. `recipe` None is the pair's own, or MNIST.
    """

    def __init__(
        self,
        recipe: Recipe | None = None,
        data: Dataset | None = None,
        seed: int = 0,
        *,
        samples: tuple[int, int] = (8, 8),
        start: Trained | None = None,
        device: str = "auto",
        precision: str = "auto",
        top: Sequence[torch.nn.Module] | None = None,
    ) -> None:
        recipe = recipe or (MNIST if start is None else start.recipe)
        data = load(recipe.data) if data is None else data
        how: dict[str, Any] = {"device": device, "precision": precision, "top": top}
        engine = TrainingEngine(recipe, data, seed, samples=samples, start=start, **how)
        super().__init__(engine, key=cell_key(type(self).__name__))
        self._run: Run | None = None  # where it was saved last
        self._previewed: tuple[Trainer, Recipe, int, Verdict] | None = None  # of which run, how many steps, what to say

    def pick(self, index: int) -> None:
        """Look closely at a sample, numbered from 0 row by row; at the same one again: no longer."""
        self.press("pick", index=index)

    def diagnosis(self) -> list[str]:
        """Is this loss curve normal? What there is to say about the last steps, sentence by sentence.

        It reads the run that is seen: the live one, or its last preview while the live one stands at its start.
        """
        run = self.trainer
        if self._previewed and self.engine.since == 0 and self._previewed[:2] == (run, run.recipe):
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
