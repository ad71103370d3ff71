"""Figure 1, live: p_data, p_g, D and D*, the arrows of x = G(z), V and C over the moves, and every control."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import Any, NoReturn

import numpy as np
import torch

from ganlib import theory
from ganlib.densities import Pushforward
from ganlib.errors import RecipeError, TrainingDiverged, brief
from ganlib.picture import Line, Note, Panel, Picture
from ganlib.recipes import TOY, Recipe
from ganlib.studies.best_D import BestD
from ganlib.studies.diagnosis import STEEP, ToyEvidence, Verdict, diagnose_toy, too_steep
from ganlib.studies.phenomena import PLAIN, PRESETS, Act, chain, density
from ganlib.studies.toys import CHOICES, Measured, Toys
from ganlib.widgets import slow
from ganlib.widgets.charts import Pinned, charts
from ganlib.widgets.past import Moment, Remembering
from ganlib.widgets.scene import CENTRES, WIDTH, Scene, in_bins, scene
from ganlib.widgets.toy_controls import controls

MEASURE_EVERY = 10  # moves between two measurements at high speed: 5 iterations of k = 1
SLOW = 30  # up to so many moves a second, each one is measured and told
FAR = 1e4  # a game whose G(z) or V has gone farther has diverged
#: By the prior: keeps D from becoming a cliff at p_g's edges on its way to its optimum (see `BestD`). From the start of
#: seeds 0 to 9 V ends 0.03 to 0.12 below C, and all games go on well; without it eight were lost within 55 iterations.
DECAY = {"uniform": 3e-3, "normal": 1e-3}
SINCE = 100  # iterations for which it matters how steep D was when it had been trained alone
FIRST = "Predict what will happen, then press Play; or choose above what to see."
ON = "Change anything while it plays: it goes on from there."


class ToyEngine(Remembering):
    """One game of Figure 1 without a front end: its moves one by one or as a run, its presets, what there is to see.

    `opening` is a preset at whose end it begins; a reset then goes to that preset's start. `guess` is anything with a
    method `line()`: a `Line` over the moves, drawn in the chart of the JSD, or None.
    """

    title = "Figure 1, live: a generative adversarial net in one dimension"
    SEEN = ("moment", "push", "speed")
    LIVING = (*Remembering.LIVING, "step_D", "step_G", "best_D")

    def __init__(self, recipe: Recipe = TOY, *, opening: str = "", guess: Any = None, **settings: Any):
        if guess is not None and not callable(getattr(guess, "line", None)):
            raise RecipeError(f"guess is {brief(guess)}; it must have a method line()")
        super().__init__(controls(recipe), **settings)
        self.recipe, self.guess, self._scene = recipe, guess, None
        by_hand = {"step": "iterate", "step_D": "D", "step_G": "G"}
        presses = {name: partial(self._by_hand, move) for name, move in by_hand.items()}
        vars(self).update(presses | {name: partial(self.preset, name) for name in PRESETS})  # what these buttons press
        self.begin()
        if opening:
            self.preset(opening)
            self.finish()
            self._undone.clear()

    # -- the start of a seed, and other moments ------------------------------------------------------------------------

    def begin(self) -> None:
        """The game at the start of its seed, and nothing else."""
        s, recipe = self.values, self.recipe
        if s["units"] == "sigmoid":  # with wider weights, as a sigmoid's slope is 1/4
            hidden = [replace(layer, activation="sigmoid", irange=4 * layer.irange) for layer in recipe.G[:-1]]
            recipe = replace(recipe, G=(*hidden, recipe.G[-1]))
        rates = {name: s[name] for name in ("k", "lr_D", "lr_G", "momentum")}
        self.toys = Toys(recipe, density(s["p_data"], s["heights"]), seeds=s["seed"], **rates)
        self.toys.set(**{name: s[name] for name in CHOICES})
        self.moves = 0  # updates of D and of G so far; an evaluation of V on D's way to its optimum counts as one
        self._shown_stage, self._looked = 0, (-1, False, None)
        self.moved = ""  # the last one: "D, 2 of 3", "D" (by itself), "G", "D and G together", "D to its optimum"
        self._recent: deque[tuple[float, ...]] = deque(maxlen=60)
        self._alone = (-SINCE, 0.0)  # when D was last trained alone, and how steep it was then
        self._end_acts()
        self._new_data()
        self._draw()
        self.keep()

    def saved(self) -> dict[str, Any]:
        """All that the future of the game depends on, besides the controls."""
        about = {"toys": self.toys, "moved": self.moved, "recent": tuple(self._recent), "alone": self._alone}
        return {**about, "game": self.toys.saved(), "preset": "" if self.act else self.preset_name}

    def load(self, saved: dict[str, Any]) -> None:
        """Go back to what `saved` gave: bit for bit, but for a preset or D's way to its optimum that was under way."""
        self._end_acts()
        self._looked = (-1, False, None)
        self.toys, self.moved, self._alone = (saved[name] for name in ("toys", "moved", "alone"))
        self.toys.load(saved["game"])
        self.preset_name = saved["preset"]
        self._recent = deque((row for row in saved["recent"] if row[0] < self.moves), maxlen=self._recent.maxlen)
        self._new_data()

    def same(self, one: Moment, other: Moment) -> bool:
        """Whether the nets are the same, and the controls."""
        nets = zip(one.game["game"]["nets"], other.game["game"]["nets"])
        alike = one.game["toys"] is other.game["toys"] and one.moves == other.moves and one.values == other.values
        return alike and all(torch.equal(a, b) for a, b in nets)

    def shown(self) -> Pinned:
        """What a pinned run is compared by."""
        values = {name: value for name, value in self.values.items() if name not in self.SEEN}
        return Pinned(self.curves.rows(), self._now(), values, self.toys.step)

    def _new_data(self) -> None:
        """Work out anew what depends on p_data and p_z alone, and measure the game again."""
        self._p_data = in_bins(self.toys.p_data)
        self._ranges.clear()
        self._stale, self._p_g, self._measured_at, self._before = True, None, -1, None
        self._measure()

    def _end_acts(self) -> None:
        self.preset_name = ""  # the preset that is under way, or whose end this is while no other hand has touched it
        self.act: Act | None = None  # what is under way besides plain training
        self._work: Iterator[None] = iter(())

    # -- commands ------------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Train, or go on with what was under way. Raises `RecipeError` after an error: `reset` first."""
        self.usable()
        if not self.running:
            self.remember()
        self.present()
        super().start()
        if self.act is None:
            self._end_acts()  # training on leads away from a preset's end

    def stop(self) -> None:
        """End what is under way; the game stays where it is, and `start` would train on from here."""
        super().stop()
        if self.act:  # a preset that has come to its end stays
            self._end_acts()

    def _by_hand(self, move: str) -> None:
        """End what was under way, make one move, and rest. An update of one player alone counts in no iteration."""
        self.usable()
        self.remember()
        self._carry_out(Act(move))
        self.finish()

    def best_D(self) -> None:
        """Take D to its optimum for the G there is, a bit at each turn; then rest."""
        self.usable()
        self.remember()
        self._carry_out(Act("best_D"))

    def preset(self, name: str) -> None:
        """Bring a phenomenon about: one of PRESETS, which may first have to bring about the one it goes on from."""
        presets = chain(name, self.preset_name)
        self.remember()
        if not presets[0].after:
            first = {name: self.controls[name].start for name in self.values}
            self.values |= first | PLAIN | presets[0].settings
            self.anew()
        self._carry_out(*(act for preset in presets for act in preset.acts), name=name)

    def _carry_out(self, *acts: Act, name: str = "") -> None:
        self.usable()
        self.present()
        self._end_acts()
        self.state, self.preset_name, self._due = "running", name, 0.0
        self._work = self._turns(acts)
        next(self._work)

    def changed(self, values: Mapping[str, Any]) -> None:
        """Take over some controls. A preset ends, and training goes on; a new G, or another seed, begins anew."""
        by_hand = self.act is None or values is not self.act.settings
        if self.preset_name and by_hand and values.keys() - set(self.SEEN):
            self._end_acts()  # those to come would undo what the person chose
        anew = bool(values.keys() & {"units", "seed"})
        if anew:
            self.remember()
        held, toys = self.values["lr_G"] == 0, self.toys
        self.values |= values
        if anew:
            self.anew()
            return
        toys.set(**{name: values[name] for name in ("k", "lr_D", "lr_G", "momentum", *CHOICES) if name in values})
        if held and values.get("lr_G"):
            self._left_alone()
        for name in [name for name in values if name not in (*self.SEEN, "heights")]:
            self.note(self.moves, name, values[name])
            self._recent.clear()
        if "speed" in values:
            self._due = 0.0
        self._stale = self._stale or "push" in values
        if values.keys() & {"p_data", "heights", "p_z"}:
            toys.p_data = density(self.values["p_data"], self.values["heights"])
            self._new_data()

    def fail(self, error: BaseException) -> None:
        """Take note of an error; one that ends the game ends a preset too."""
        super().fail(error)
        if self.state == "error":
            self._end_acts()

    def pressed(self) -> tuple[str, ...]:
        """The preset that is under way, or whose end this is; and whether a run is pinned."""
        return (*([self.preset_name] if self.preset_name else []), *(["pin"] if self.pinned else []))

    # -- work ----------------------------------------------------------------------------------------------------------

    @property
    def pace(self) -> float:
        """Moves a second; infinite when it goes as fast as it can."""
        own = math.inf if self.values["speed"] == "full" else float(self.values["speed"])
        return min(own, (self.act and self.act.pace) or math.inf)

    @property
    def interval(self) -> float:
        """Seconds between frames: more where nothing has moved since the last one."""
        return Remembering.interval if self._stale or self.stage != self._shown_stage else 0.5

    @property
    def stage(self) -> int:
        """What slow motion draws: 0, the last move has been made; 1 to 4, a part of the next one (see `slow`)."""
        if not self.running or self.pace > slow.DRAWN or not self.moved or (self.act and self.act.move == "best_D"):
            return 0
        return min(int(slow.STAGES * (1 - self.rest * self.pace)), slow.STAGES - 1)

    def finish(self) -> None:
        """Carry a preset, or D's way to its optimum, to its end now, whatever the pace."""
        while self.running and self.act:
            self._guarded()

    def train(self, iterations: int) -> None:
        """So many iterations now, then rest. Raises `RecipeError` for fewer than one."""
        if not iterations >= 1:
            raise RecipeError(f"iterations are {brief(iterations)}; train for 1 at least")
        self.usable()
        self.remember()
        self._carry_out(Act("iterate", iterations))
        self.finish()

    def twin(self, opening: str = "") -> ToyEngine:
        """Another game with the same controls, at its start or at the end of a preset."""
        return ToyEngine(self.recipe, opening=opening, guess=self.guess, **{**self.values, "moment": None})

    def once(self) -> None:
        """The next move of what is under way, or of plain training."""
        if self.act is None:
            self._move("next")
        elif next(self._work, True):  # it has come to its end
            self.act, self.state = None, "paused"
        self.keep()
        if self.pace <= SLOW or not self.running or self.moves - self._measured_at >= MEASURE_EVERY:
            self._measure()

    def _turns(self, acts: tuple[Act, ...]) -> Iterator[None]:
        """The moves of some acts, one after another; a yield stands before each."""
        for act in acts:
            self.act, climb, done = act, None, 0
            self.changed(act.settings)
            alone = act.move != "iterate" or act.n == 1  # then what it began from stays in grey
            begun = self._now() if alone else None
            while done < act.n:
                yield
                if act.move != "best_D":
                    self._move(act.move, begun)
                    done += 1
                    continue
                if climb is None or climb.p_data is not self.toys.p_data:
                    self.p_g()  # raises where there is none
                    climb = BestD(self.toys, decay=DECAY[self.values["p_z"]])
                before, self.moved = climb.evaluations, self.next
                climb.advance()
                self.moves += climb.evaluations - before
                self._stale, self._p_g, self._before = True, None, ("D", begun)
                done += climb.done
            if act.move in ("D", "best_D"):
                self._left_alone()

    def _move(self, move: str, begun: Scene | None = None) -> None:
        """One move: "D", "G", "next" (of the iteration under way), or "iterate", all that are left of it."""
        toys, before, on = self.toys, self.toys.step, True
        begun = begun or (self._now() if self.pace <= slow.DRAWN else None)
        act = {"D": toys.step_D, "G": toys.step_G}.get(move, toys.substep)
        while on:
            self.moved = self.next
            act()
            self.moves += 1
            on = move == "iterate" and toys.step == before
        if toys.step != before:
            self._ends.append(self.clock())
        players = "DG" if move == "iterate" or "and" in self.moved else self.moved[0]
        self._stale, self._p_g, self._before = True, None, begun and (players, begun)

    @property
    def next(self) -> str:
        """The move that comes next, in words."""
        alone = {"D": "D", "G": "G", "best_D": "D to its optimum"}
        if self.act and self.act.move in alone:
            return alone[self.act.move]
        k, turn, joint = int(self.toys.k[0]), self.toys.turn, self.toys.update == "simultaneous"
        if k - turn > joint:
            return f"D, {turn + 1} of {k}"
        return "D and G together" if joint and k - turn == 1 else "G"

    # -- measuring -----------------------------------------------------------------------------------------------------

    def p_g(self) -> Pushforward:
        """The density of G(z) as it is now. Raises `TrainingDiverged`, and ends the game, where there is none."""
        if self._p_g is None:
            with suppress(TrainingDiverged):
                self._p_g = self.toys.p_g()
            if self._p_g is None or np.abs(self._p_g.x).max() > FAR:
                self._p_g = self._diverged(f"G(z) has left ±{FAR:,.0f}")
        return self._p_g

    def _diverged(self, how: str) -> NoReturn:
        advice = too_steep(self.steep) if self.steep > STEEP else "Reset, then try lower rates or less momentum."
        error = TrainingDiverged(f"The game has diverged: {how} after {self.toys.step:,} iterations. {advice}")
        self.fail(error)
        raise error

    def _left_alone(self) -> None:
        """Note how steep D is, now that it has been trained alone."""
        self._alone = self.toys.step, float(np.abs(np.diff(self.toys.logit(CENTRES))).max() / WIDTH)

    @property
    def steep(self) -> float:
        """How much D's logit changed a unit of x at most when D had been trained alone; 0 when that is long ago."""
        return self._steep(self._alone, self.toys.step)

    @staticmethod
    def _steep(alone: tuple[int, float], step: int) -> float:
        return alone[1] if step - alone[0] <= SINCE else 0.0

    def _measure(self) -> None:
        """V, C and JSD by quadrature, once for each move. A game that has diverged ends here."""
        if self.state == "error" or self._measured_at == self.moves:
            return
        order = 6 if self.toys.exact else 2  # the 800 pieces of a smooth G are short
        with np.errstate(all="ignore"):
            found = theory.V_C_JSD(self.toys.logit, self.toys.p_data, self.p_g(), order=order)
        if not (np.isfinite(found).all() and found[0] > -FAR):
            self._diverged(f"V(D, G) is {found[0]:.3g}")
        self.measured, self._measured_at = Measured(*found), self.moves  # V, C and JSD at the last measurement
        self.curves.add(self.moves, found)
        self._recent.append((self.moves, *found))

    def _draw(self) -> None:
        """Bring what is shown up to date."""
        now = scene(self.toys, self._p_data, self.p_g(), push=self.values["push"])
        if not now.finite:
            self._diverged("D's parameters are no longer finite")
        self._scene, self._stale = now, False

    def _now(self) -> Scene:
        """The game as it is shown now. Raises `TrainingDiverged` where it can not be."""
        if self._stale and self.state != "error":
            self._draw()
        return self._scene

    def verdict(self) -> Verdict:
        """Is this normal? A tone and a few plain sentences, from the last measurements: of the moment that is shown."""
        at = self.looked_at
        looked = self._look(at) if at else None
        if self.state == "error" and not looked:
            return Verdict("broken", ("The game has ended; why stands above. Reset goes back to its start.",))
        if at and looked:
            now, measured, step = looked
            moves, values, alone, recent = at.moves, at.values, at.game["alone"], at.game["recent"]
            recent = [*(row for row in recent if row[0] < moves), (moves, *vars(measured).values())]
        else:
            now, measured, step = self._scene, self.measured, self.toys.step
            moves, values, alone = self.moves, self.values, self._alone
            recent = self._recent or [(moves, *vars(measured).values())]
        ends = np.flatnonzero(np.diff(now.p_data > 0.3 * now.p_data.max(), prepend=False, append=False)).reshape(-1, 2)
        missed = sum(now.p_g[a:b].sum() < 0.25 * now.p_data[a:b].sum() for a, b in ends) if len(ends) > 1 else 0
        width = now.x.std() / math.sqrt(np.cov(CENTRES, aweights=now.p_data))
        steep = self._steep(alone, step)
        return diagnose_toy(ToyEvidence(np.array(recent), values, now.says, width, now.outside, missed, steep, moves))

    # -- what there is to see ------------------------------------------------------------------------------------------

    def figure_1(self, title: str = "") -> list[Panel]:
        """The curves, and the arrows below them, as they are now; in grey what has just moved, as it was before."""
        with suppress(TrainingDiverged):  # state and message say so; what was drawn last stays
            if not self.running:
                self._measure()  # what rests has been measured
            self._now()
        self._shown_stage = self.stage
        if self.stage:
            move = self.act.move if self.act and self.act.move in "DG" else "next"
            self._coming = slow.coming(self.toys, move)
            return self._coming.panels(self._scene, self.stage)
        players, before = self._before or ("", None)
        ghosts = [before.ghost(player) for player in players]
        return self._scene.figure_1(title, [*ghosts, *self._pinned_p_g()], {"D": "D", "G": "p_g"}.get(players, ""))

    def _pinned_p_g(self) -> list[Line]:
        return [self.pinned.scene.ghost("G", "pinned p_g", dash=2)] if self.pinned else []

    def _look(self, moment: Moment) -> tuple[Scene, Measured, int] | None:
        """An earlier moment: how it looked, what is measured of it, and its iterations. Leaves the game alone.

        None where it cannot be drawn: there the game had diverged already.
        """
        if self._looked[:2] != (moment.moves, self.values["push"]):
            toys, found = moment.game["toys"].at(moment.game["game"]), None
            with suppress(TrainingDiverged), np.errstate(all="ignore"):
                seen = scene(toys, in_bins(toys.p_data), toys.p_g(), push=self.values["push"])
                measured = toys.measure(order=6 if toys.exact else 2)
                if seen.finite and np.isfinite([*vars(measured).values()]).all():
                    found = seen, measured, toys.step
            self._looked = moment.moves, self.values["push"], found
        return self._looked[2]

    def picture(self) -> Picture:
        """Figure 1 at the left, V, C and JSD at the right, and whether this is normal."""
        upper, lower = self.figure_1()
        shown, now, step, at = self._scene, self.measured, self.toys.step, self.looked_at
        looked = at and self._look(at)
        if looked:
            shown, now, step = looked
            upper, lower = shown.figure_1(f"At move {at.moves:,}", self._pinned_p_g())
        events = self.event_levels(), self.event_levels(named=False)
        guess = self.guess.line() if self.guess is not None else None
        more = {"at": at.moves if looked else None, "guess": guess, "pinned": self.pinned}
        beside = charts(self.curves.rows(), now, self.moves, self._ranges, events, **more)
        draws, verdict = "heights" if self.values["p_data"] == "drawn" and not looked else None, self.verdict()
        words = (
            f"Figure 1 after {step:,} iterations, {self.STATES[self.state]}. On average D gives data "
            f"{shown.says[0]:.2f} and G's samples {shown.says[1]:.2f}. V(D, G) is {now.V:.3f}, C(G) {now.C:.3f}, the "
            f"Jensen-Shannon divergence {now.JSD:.3f} nats."
        )
        words = f"{self._see()} {words}" if self.stage else words
        how = "exact, as G is made of straight pieces" if self.toys.exact else "that of 800 straight lines through G"
        beyond = f"; {100 * shown.outside:.0f} % of it lies outside the picture" if shown.outside > 0.005 else ""
        turn = f"Last move: {self.moved}; next: {self.next}. " if self.moved else f"Next: {self.next}. "
        turn = turn if (self.pace <= SLOW or self.state == "paused") and not looked else ""
        says = f"D's mean is {shown.says[0]:.2f} on data, {shown.says[1]:.2f} on fakes. "
        upper = replace(upper, draws=draws, at=(0, 0, 10, 8), words=words)
        lower = replace(lower, caption=f"{turn}{says}p_g is {how}{beyond}.", at=(10, 0, 4, 8))
        of_now = f"{self.toys.step:,}", "iterations"
        readouts = [of_now, (f"{self.speed:,.{1 if 0 < self.speed < 10 else 0}f}", "a second")]
        notes = [Note([self._see()], above=True), Note(verdict.sentences, "Is this normal?", verdict.tone)]
        notes += [Note(self.pinned.compared(self.shown(), self.controls), "The pinned run")] if self.pinned else []
        return Picture([upper, lower, *beside], words, readouts, notes)

    def _see(self) -> str:
        """What stands above: what is looked at, what a preset shows, or what has just moved."""
        at = self.looked_at
        if at is not None:
            if self._look(at) is None:
                return f"At move {at.moves:,} the game had diverged already, so that there is nothing to draw of it."
            then = "Go on from here makes it the present; Back to now leaves it."
            return f"You look back at move {at.moves:,} of {self.moves:,}. The game itself stays as it is. {then}"
        if self.stage:
            return self._coming.said(self.stage)
        if self.preset_name:
            return PRESETS[self.preset_name].see
        if self._before:
            return slow.MOVED[self._before[0]]
        return ON if self.moves or self.running else FIRST
