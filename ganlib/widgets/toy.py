"""Figure 1, live: p_data, p_g, D and D*, the arrows of x = G(z), V and C over the moves, and every control."""

from __future__ import annotations

from typing import Any

import traitlets

from ganlib.recipes import TOY, Recipe
from ganlib.studies.toys import Measured, Toys
from ganlib.widgets.protocol import Control, LiveRun, call, cell_key, script, style
from ganlib.widgets.toy_engine import ToyEngine
from ganlib.widgets.toy_presets import PRESETS
from ganlib.widgets.toy_preview import toy_loop, toy_picture

__all__ = ["LiveToy", "ToyEngine"]


class LiveToy(LiveRun):
    """The game of Figure 1 in the background of the notebook, to play with while it trains.

        toy = LiveToy("bimodal", seed=0)
        show(toy)           # the widget; it waits for its play button
        toy.k = 3           # the same as the slider, in any other cell, while it trains
        toy.measure().JSD

    The controls are traits: they follow the sliders, and the sliders follow them. `settings` are other controls by
    name, such as `lr_G=0`, with which only D learns; a value that the demo does not take raises `RecipeError`.
    """

    _esm = script("link.js", "canvas.js", "controls.js", "view.js", "figure1.js", "toy.js")
    _css = style("live.css", "toy.css")

    presets = traitlets.List([{"name": p.name, "title": p.title, "see": p.see} for p in PRESETS.values()]).tag(
        sync=True
    )
    """What the buttons say."""

    p_data = Control()
    """"gaussian", "bimodal", "trimodal", "uniform" or "drawn"."""
    heights = Control()
    """A drawn p_data: 8 to 400 heights at equal steps over x from -5 to 5, of any scale."""
    k = Control()
    """D's updates to one of G's: 0 to 20."""
    lr_D = Control()
    """D's rate: 1e-3 to 1, or 0, which holds D."""
    lr_G = Control()
    """G's rate: 1e-3 to 1, or 0, which holds G."""
    momentum = Control()
    """0 to 0.95, for both players."""
    batch = Control()
    """m: 8, 16, ..., 512 data examples, and as many z, in each update."""
    p_z = Control()
    """"uniform" or "normal"."""
    generator_cost = Control()
    """"non-saturating" or "minimax"."""
    update = Control()
    """"alternating" (Algorithm 1 as printed) or "simultaneous" (the authors' code)."""
    units = Control()
    """G's hidden units: "relu" (p_g is exact) or "sigmoid"; another choice begins the game anew."""
    seed = Control()
    """What the game begins from; another one begins it anew."""
    speed = Control()
    """Moves a second: 1, 2, 5, 10, 30, 100, 300 or "full"."""

    def __init__(self, p_data: str = "gaussian", seed: int = 0, *, recipe: Recipe = TOY, **settings: Any) -> None:
        engine = ToyEngine(recipe, p_data=p_data, seed=seed, **settings)
        super().__init__(engine, key=cell_key(type(self).__name__))

    def step_D(self) -> None:
        """One update of D, G held; then rest."""
        self._background.call(call("step_D"))

    def step_G(self) -> None:
        """One update of G, D held; then rest."""
        self._background.call(call("step_G"))

    def best_D(self) -> None:
        """Take D to its optimum for the G there is, in the background; then rest."""
        self._background.call(call("best_D"))

    def preset(self, name: str) -> None:
        """Bring a phenomenon about, in the background; the names are those of `toy_presets.PRESETS`."""
        self._background.call(call("preset", name=name))

    def measure(self) -> Measured:
        """V(D, G), C(G) and JSD(p_data || p_g) as they are now, by quadrature, in nats."""
        return self.toys.measure()

    @property
    def toys(self) -> Toys:
        """The game itself, a stack of one; `reset` replaces it by a new one."""
        return self._engine.toys

    def preview(self, steps: int = 0, preset: str = "") -> bytes:
        """A PNG of the demo as it is, or after so many iterations from its start, or at the end of a preset.

        Both are played aside: the demo does not move.
        """
        return toy_picture(self._aside(preset, steps) if steps or preset else self._engine)

    def loop(self, preset: str = "d", frames: int = 36) -> bytes:
        """A short looping picture (animated PNG) of a preset, from its start to its end, played aside."""
        engine = self._aside()
        engine.preset(preset)
        return toy_loop(engine, frames)

    def _aside(self, preset: str = "", steps: int = 0) -> ToyEngine:
        """Another game with the same controls, at its start, after a preset, or after so many iterations."""
        engine = ToyEngine(self._engine.recipe, **self._engine.settings)
        if preset:
            engine.preset(preset)
            engine.finish()
        if steps:
            engine.train(steps)
        return engine
