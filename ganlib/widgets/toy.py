"""Figure 1, live: the widget of `toy_engine`, and its pictures for readers without a kernel."""

from __future__ import annotations

from typing import Any

from ganlib import plots
from ganlib.recipes import TOY, Recipe
from ganlib.studies.phenomena import PRESETS, chain
from ganlib.studies.toys import Measured, Toys
from ganlib.widgets import toy_film
from ganlib.widgets.demo import Demo, Recording, cell_key
from ganlib.widgets.toy_engine import ToyEngine


class LiveToy(Demo):
    """The game of Figure 1 in the background of the notebook, to play with while it trains.

        toy = LiveToy("bimodal", seed=0)
        show(toy)           # the widget; it waits for its play button
        toy.k = 3           # the same as the slider, in any other cell, while it trains
        toy.measure().JSD

    The controls are traits: p_data ("gaussian", "bimodal", "trimodal", "uniform" or "drawn"), heights (of a drawn
    p_data, 8 to 400 at equal steps over x from -5 to 5), k, lr_D and lr_G (0 holds), momentum, batch, p_z,
    generator_cost, update, units, seed and speed (moves a second, or "full"). `settings` are some of them; `opening` is
    a preset at whose end the demo begins. The buttons are methods: start, pause, stop, step, step_D, step_G, best_D,
    undo, and pin. `push` shows where each G(z) is pushed; `moment`, a number of moves, looks back at an earlier moment,
    and `resume` goes on from it. The line of a `guess`, anything with a method `line()`, stays in the chart of the JSD.
    """

    def __init__(
        self,
        p_data: str = "gaussian",
        seed: int = 0,
        *,
        recipe: Recipe = TOY,
        opening: str = "",
        guess: Any = None,
        **settings: Any,
    ) -> None:
        engine = ToyEngine(recipe, opening=opening, guess=guess, p_data=p_data, seed=seed, **settings)
        super().__init__(engine, key=cell_key(type(self).__name__))

    def reset(self, seed: int | None = None) -> None:
        """Go back to the start of a seed, bit for bit; None: the same one."""
        self.press("reset", seed=seed)

    def preset(self, name: str) -> None:
        """Bring a phenomenon about, in the background; the names are those of `phenomena.PRESETS`."""
        self.press(chain(name)[-1].name)

    def measure(self) -> Measured:
        """V(D, G), C(G) and JSD(p_data || p_g) as they are now, by quadrature, in nats."""
        return self.toys.measure()

    @property
    def toys(self) -> Toys:
        """The game itself, a stack of one; `reset` replaces it by a new one."""
        return self.engine.toys

    def preview(self, steps: int = 0, preset: str = "") -> bytes:
        """A PNG of the demo as it is, or, played aside, after so many iterations from its start or a preset's end."""
        engine = self.engine.twin(preset) if steps or preset else self.engine
        if steps:
            engine.train(steps)
        return engine.png()

    def loop(self, preset: str = "d", frames: int = 36) -> bytes:
        """A short looping picture (animated PNG) of a preset, from its start to its end, played aside."""
        return plots.film(toy_film.frames(self.engine, preset, frames))

    def record(self, preset: str = "d", frames: int = 100) -> Recording:
        """A preset as a demo of its own, which plays at full speed also while the kernel is busy."""
        return Recording(toy_film.frames(self.engine, preset, frames), name=PRESETS[preset].title)
