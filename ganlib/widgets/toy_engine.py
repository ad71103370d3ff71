"""The game of Figure 1 under a person's hands, without a front end: one small GAN, its controls, what is to be seen."""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, NoReturn

import numpy as np

from ganlib import theory
from ganlib.densities import Pushforward
from ganlib.errors import RecipeError, TrainingDiverged
from ganlib.recipes import TOY, Recipe
from ganlib.studies.toys import BestD, Measured, Toys
from ganlib.widgets import toy_controls as controls
from ganlib.widgets.background import Command
from ganlib.widgets.commanded import Commanded
from ganlib.widgets.curves import Curves, Mark, marked
from ganlib.widgets.protocol import Snapshot
from ganlib.widgets.toy_presets import PLAIN, PRESETS, Act
from ganlib.widgets.toy_scene import SCENERY, Scene, next_move

MEASURE_EVERY = 10
"""Moves between two measurements at high speed: 5 iterations of k = 1."""
SLOW = 30
"""Up to so many moves a second, each one is measured."""
INTERVAL = 0.02
"""Seconds between frames at the least; as a turn takes 0.011, they come every second turn, some 40 a second."""
FAR = 1e4
"""A game whose G(z) or V has gone farther than this has diverged."""


class ToyEngine(Commanded):
    """One game of Figure 1: its controls, its moves one by one or as a run, its presets, and what there is to see.

        engine = ToyEngine(p_data="bimodal", k=3)
        engine.start()
        engine.advance(0.01)
        engine.measured.JSD

    `settings` are the controls' values at first, to which `restore` goes back; see `toy_controls.SETTINGS`. States:
    "idle" (at the start), "running", "paused", "stopped", and "error" (the game has diverged; only a reset, or what
    begins anew, leads out). A command that makes no sense raises `RecipeError` and changes nothing.
    """

    COMMANDS = ("start", "pause", "stop", "step", "step_D", "step_G", "best_D", "restore")
    GOES_ON = "Play"

    def __init__(self, recipe: Recipe = TOY, **settings: Any):
        self.recipe = recipe
        checked = {name: controls.check(name, value) for name, value in settings.items()}
        self.settings: dict[str, Any] = controls.opening(recipe) | checked
        """The controls as they are set."""
        self.defaults = dict(self.settings)
        self.slow = False
        """Whether the person asks for less motion: one picture a second."""
        self.applied = 0
        """The `id` of the last command that was carried out."""
        self.clock: Callable[[], float] = time.perf_counter
        """Seconds; what paces the slow speeds."""
        self.curves = Curves(4)
        self.scene = Scene()
        """What the page draws."""
        self.reset()

    def _begin(self) -> None:
        """The game at the start of its seed, and nothing else."""
        s = self.settings
        recipe = self.recipe if s["units"] == "relu" else controls.smooth(self.recipe)
        rates = {name: s[name] for name in ("k", "lr_D", "lr_G", "momentum")}
        self.toys = Toys(recipe, controls.density(s), seeds=s["seed"], **rates)
        for name in ("batch", "p_z", "generator_cost", "update"):
            setattr(self.toys, name, s[name])
        self.state, self.error, self.message = "idle", "", ""
        self.moves = 0
        """Updates of D and of G so far; an evaluation of V on D's way to its optimum counts as one."""
        self.moved = ""
        """The last move, in words: "D, 2 of 3", "G", "D and G together", "D to its optimum", "an iteration"."""
        self.marks: list[Mark] = []
        self.curves.clear()
        self._times: deque[tuple[float, int]] = deque(maxlen=50)
        self._p_g: Pushforward | None = None
        self.scene.touch(*SCENERY)
        self._end_acts()
        self._pace_from_now()
        self._measured_at = -1
        self._measure()

    def _end_acts(self) -> None:
        self.preset_name = ""
        """The preset that is under way, or whose end this is, as long as no other hand has touched the game."""
        self._acts: deque[Act] = deque()
        self._act: Act | None = None
        self._done = 0
        self._climb: BestD | None = None

    # -- commands ------------------------------------------------------------------------------------------------------

    @property
    def running(self) -> bool:
        """Whether `advance` works: trains, takes D to its optimum, or carries out a preset."""
        return self.state == "running"

    def start(self) -> None:
        """Train, or go on with what was under way. Raises `RecipeError` after an error: `reset` first."""
        self._usable()
        if not self._acts:
            self._end_acts()  # training on leads away from a preset's end
        if not self.running:
            self._pace_from_now()
        self.state = "running"

    def pause(self) -> None:
        """Rest where the game is."""
        if self.running:
            self.state = "paused"
            self._measure()

    def stop(self) -> None:
        """End what is under way; the game stays where it is, and `start` would train on from here."""
        if self.state in ("running", "paused"):
            self.retire()
            self._measure()

    def step(self) -> None:
        """Exactly one iteration, or the rest of the one under way; then rest."""
        self._by_hand("iterate")

    def step_D(self) -> None:
        """One update of D on fresh draws, G held; then rest. It counts in no iteration."""
        self._by_hand("D")

    def step_G(self) -> None:
        """One update of G, D held; then rest. It counts in no iteration."""
        self._by_hand("G")

    def best_D(self) -> None:
        """Take D to its optimum for the G there is, a bit at each turn; then rest."""
        self._usable()
        self._end_acts()
        self._acts.append(Act("best_D"))
        self.state = "running"

    def reset(self, seed: int | None = None) -> None:
        """Go back to the start of the seed, bit for bit; the controls stay as they are set. None: the same seed."""
        if seed is not None:
            self.settings["seed"] = controls.check("seed", seed)
        self._begin()

    def restore(self) -> None:
        """Set every control to what it was at first; where `units` or `seed` differ the game begins anew."""
        self.set(**self.defaults)

    def preset(self, name: str) -> None:
        """Bring a phenomenon about: one of PRESETS, which may first have to bring about the one it goes on from."""
        if name not in PRESETS:
            raise RecipeError(f"there is no preset {name!r}; there are: {', '.join(PRESETS)}")
        chain = [PRESETS[name]]
        while chain[0].after and chain[0].after != self.preset_name:
            chain.insert(0, PRESETS[chain[0].after])
        if not chain[0].after:
            self.settings = controls.opening(self.recipe) | PLAIN | dict(chain[0].settings)
            self._begin()
        self._acts.extend(act for item in chain for act in item.acts)
        self._pace_from_now()
        self.state, self.preset_name = "running", name

    def set(self, **values: Any) -> None:
        """Change some of the controls: all or none. A preset ends, and training goes on; a new G begins anew."""
        checked = {name: controls.check(name, value) for name, value in values.items()}
        changed = {name: value for name, value in checked.items() if value != self.settings[name]}
        if self.preset_name and changed.keys() - {"speed"}:
            self._end_acts()  # those to come would undo what the person chose
        self._apply(changed)

    def check(self, name: str, value: Any) -> Any:
        """The value of a control as the game takes it. Raises `RecipeError` when it makes no sense."""
        return controls.check(name, value)

    def _apply(self, changed: Mapping[str, Any]) -> None:
        self.settings |= changed
        if changed.keys() & {"units", "seed"}:
            self._begin()
            return
        toys = self.toys
        toys.set(**{name: changed[name] for name in ("k", "lr_D", "lr_G", "momentum") if name in changed})
        for name in ("batch", "p_z", "generator_cost", "update"):
            setattr(toys, name, self.settings[name])
        for player in "DG":
            if changed.get(f"lr_{player}") == 0:  # held: the momentum it had goes too
                for v in toys.velocity[player]:
                    v.zero_()
        for name, value in changed.items():
            if name not in ("speed", "heights"):
                near = 20 * self.curves.stride
                self.marks = marked(self.marks, (self.moves, name, value), near=near)
        if "speed" in changed:
            self._pace_from_now()
        if changed.keys() & {"p_data", "heights", "p_z"}:
            toys.p_data = controls.density(self.settings)
            self._climb = None  # it was on its way to another optimum
            self._touch(*changed)
            if self.state != "error":
                self._measure(anew=True)

    def other(self, command: Command) -> None:
        """Play a preset, {"type": "preset", "name": "d"}; there is no other command of its own."""
        if command.get("type") != "preset":
            super().other(command)
        self.preset(str(command.get("name")))

    def fail(self, error: BaseException) -> None:
        """Take note of an error, as `Commanded` does; one that ends the game ends a preset too."""
        super().fail(error)
        if self.state == "error" and not isinstance(error, KeyboardInterrupt | RecipeError):
            self._end_acts()

    def retire(self) -> None:
        """Stop for good, because a newer demo has taken this one's place."""
        if self.state != "error":
            self.state = "stopped"
        if self._acts:  # a preset that has come to its end stays
            self._end_acts()

    def _usable(self) -> None:
        if self.state == "error":
            raise RecipeError(f"the game has ended in an error, reset it first: {self.error}")

    def _by_hand(self, move: str) -> None:
        """End what was under way, make one move, and rest."""
        self._usable()
        self._end_acts()
        self.state = "paused"
        self._move(move)
        self._measure()

    # -- work ----------------------------------------------------------------------------------------------------------

    @property
    def pace(self) -> float:
        """Moves a second; infinite when it goes as fast as it can."""
        speed = self.settings["speed"]
        own = math.inf if speed == "full" else float(speed)
        return min(own, self._acts[0].pace or math.inf) if self._acts else own

    @property
    def interval(self) -> float:
        """Seconds between frames: more where nothing has moved since the last one, and for who asks for less motion."""
        if self.slow:
            return 1.0
        return INTERVAL if self.scene.stale else 0.5

    @property
    def rest(self) -> float:
        """Seconds until the next move is due: 0 at full speed."""
        return 0.0 if math.isinf(self.pace) else max(0.0, (1 - self._owed) / self.pace)

    def advance(self, seconds: float) -> None:
        """Work for about so many seconds, or as many moves as the pace lets. An error ends the game, and shows."""
        begun = self.clock()
        while self.running:
            if not math.isinf(self.pace) and not self._due():
                return
            self.turn()
            if self.clock() >= begun + seconds:
                return

    def finish(self) -> None:
        """Carry a preset, or D's way to its optimum, to its end now, whatever the pace."""
        while self.running and self._acts:
            self.turn()

    def train(self, iterations: int) -> None:
        """So many iterations now, then rest. Raises `RecipeError` for fewer than one."""
        if not iterations >= 1:
            raise RecipeError(f"iterations are {iterations!r}; train for 1 at least")
        self._usable()
        self._end_acts()
        self._acts.append(Act("iterate", iterations))
        self.state = "running"
        self.finish()

    @property
    def act(self) -> Act | None:
        """The part of a preset that is under way."""
        return self._acts[0] if self._acts else None

    def _due(self) -> bool:
        """Whether a move is due at this pace; time in which the kernel did something else makes no burst."""
        now = self.clock()
        self._owed = min(self._owed + (now - self._clock) * self.pace, max(1.0, 0.1 * self.pace))
        self._clock = now
        if self._owed < 1:
            return False
        self._owed -= 1
        return True

    def _pace_from_now(self) -> None:
        self._clock, self._owed = self.clock(), 1.0

    def turn(self) -> None:
        """The next move of what is under way."""
        slow = self.pace <= SLOW
        if not self._acts:
            self._move("next")
        else:
            act = self._acts[0]
            if act is not self._act:
                self._act = act
                self._apply(act.settings)
            self._move(act.move)
            self._done += self._climb is None
            if self._done >= act.n:
                self._acts.popleft()
                self._act, self._done = None, 0
                if not self._acts:
                    self.state = "paused"
        if slow or not self.running or self.moves - self._measured_at >= MEASURE_EVERY:
            self._measure()

    def _move(self, move: str) -> None:
        """One move: "next" (of the iteration under way), "iterate", "D", "G", or a bit of "best_D"."""
        toys, k, turn = self.toys, int(self.toys.k[0]), self.toys.turn
        before = toys.step
        if move == "best_D":
            self.p_g()  # raises where there is none
            self._climb = self._climb or BestD(toys)
            evaluations = self._climb.evaluations
            self._climb.advance()
            self.moves += self._climb.evaluations - evaluations
            self.moved = "D to its optimum"
            if self._climb.done:
                self._climb = None
        elif move == "iterate":
            alone = toys.update == "alternating"
            toys.iterate()
            self.moves += max(k - turn, 0) + 1 if alone else max(k - turn, 1)
            self.moved = "an iteration"
        elif move == "next":
            who = toys.substep()
            self.moves += 1
            self.moved = {"D": f"D, {turn + 1} of {k}", "G": "G", "both": "D and G together"}[who]
        else:
            getattr(toys, f"step_{move}")()
            self.moves, self.moved = self.moves + 1, move
        if toys.step != before:
            self._times.append((self.clock(), toys.step))
        self._touch()

    def _touch(self, *what: str) -> None:
        """Note that the picture, and what else is named, has to be drawn anew."""
        self.scene.touch(*what)
        self._p_g = None

    @property
    def next(self) -> str:
        """The move that comes next, in words."""
        named = {"D": "D", "G": "G", "best_D": "D to its optimum"}
        if self._acts and self._acts[0].move in named:
            return named[self._acts[0].move]
        return next_move(self.toys)

    # -- what there is to see ------------------------------------------------------------------------------------------

    @property
    def speed(self) -> float:
        """Iterations a second of late; 0 at rest."""
        if not self.running or len(self._times) < 2 or self._times[-1][0] <= self._times[0][0]:
            return 0.0
        (t0, step0), (t1, step1) = self._times[0], self._times[-1]
        return (step1 - step0) / (t1 - t0)

    def p_g(self) -> Pushforward:
        """The density of G(z) as it is now. Raises `TrainingDiverged`, and ends the game, where there is none."""
        if self._p_g is None:
            try:
                p_g = self.toys.p_g()
            except TrainingDiverged:
                self._diverged("G's parameters are no longer finite")
            if np.abs(p_g.x).max() > FAR:
                self._diverged(f"G(z) has left ±{FAR:,.0f}")
            self._p_g = p_g
        return self._p_g

    def _diverged(self, how: str) -> NoReturn:
        at = f"after {self.toys.step:,} iterations"
        error = TrainingDiverged(f"The game has diverged: {how} {at}. Reset, then try lower rates or less momentum.")
        self.fail(error)
        raise error

    def _measure(self, *, anew: bool = False) -> None:
        """V, C and JSD by quadrature, once for each move. A game that has diverged ends here."""
        if self._measured_at == self.moves and not anew:
            return
        order = 6 if self.toys.exact else 2  # the 800 pieces of a smooth G are short
        with np.errstate(all="ignore"):
            found = theory.V_C_JSD(self.toys.logit, self.toys.p_data, self.p_g(), order=order)
        if not (np.isfinite(found).all() and found[0] > -FAR):
            self._diverged(f"V(D, G) is {found[0]:.3g}")
        self.measured = Measured(*found)
        """V, C and JSD at the last measurement."""
        self._measured_at = self.moves
        self.curves.add(self.moves, found)

    def _draw(self) -> None:
        """Bring the arrays that the page draws up to date."""
        if self.scene.stale and not self.scene.draw(self.toys, self.p_g(), self.settings["heights"]):
            self._diverged("D's parameters are no longer finite")

    def snapshot(self, draw: bool) -> Snapshot:
        """All that the page shows; `draw` says whether the arrays are to be brought up to date."""
        if draw and self.state != "error":
            with suppress(TrainingDiverged):  # the state and the message say so; the last picture stays
                self._draw()
        header = {
            **{n: getattr(self, n) for n in ("state", "message", "applied", "moves", "moved", "next", "speed")},
            "step": self.toys.step,
            "settings": {name: value for name, value in self.settings.items() if name != "heights"},
            "latest": {"V": self.measured.V, "C": self.measured.C, "JSD": self.measured.JSD},
            "marks": [list(mark) for mark in self.marks],
            "preset": self.preset_name,
            "title": PRESETS[self.preset_name].title if self.preset_name else "",
            "see": PRESETS[self.preset_name].see if self.preset_name else "",
            "exact": self.toys.exact,
            "outside": self.scene.outside,
            "window": list(controls.WINDOW),
        }
        return Snapshot(header, curves=(self.curves.generation, self.curves.rows()), arrays=dict(self.scene.arrays))
