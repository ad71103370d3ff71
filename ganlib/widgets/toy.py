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
from scipy.special import expit, ndtri

from ganlib import game, plots, theory
from ganlib.controls import Button, Choice, Curve, Slider
from ganlib.densities import PRIOR_REACH, Array, Pushforward
from ganlib.errors import RecipeError, TrainingDiverged
from ganlib.picture import Level, Line, Note, Panel, Picture
from ganlib.recipes import TOY, Recipe
from ganlib.studies.diagnosis import STEEP, ToyEvidence, Verdict, diagnose_toy, too_steep
from ganlib.studies.phenomena import PLAIN, PRESETS, WINDOW, Act, chain, density, hills
from ganlib.studies.toys import CHOICES, BestD, Measured, Toys
from ganlib.widgets.demo import Demo, Recording, cell_key
from ganlib.widgets.engine import GAME, Game

MEASURE_EVERY = 10  # moves between two measurements at high speed: 5 iterations of k = 1
SLOW = 30  # up to so many moves a second, each one is measured and told
FAR, LOWEST = 1e4, -6.0  # a game whose G(z) or V has gone farther has diverged; a lower V leaves its chart
#: By the prior: keeps D from becoming a cliff at p_g's edges on its way to its optimum (see `BestD`). From the start of
#: seeds 0 to 9 V ends 0.03 to 0.12 below C, and all games go on well; without it eight were lost within 55 iterations.
DECAY = {"uniform": 3e-3, "normal": 1e-3}
SINCE = 100  # iterations for which it matters how steep D was when it had been trained alone
EDGES = np.linspace(*WINDOW, 241)  # the bins of x; p_g is shown as its exact mean in each, so that no spike is missed
CENTRES, WIDTH = (EDGES[1:] + EDGES[:-1]) / 2, EDGES[1] - EDGES[0]
SHARES, ROOT_3 = (np.arange(33) + 0.5) / 33, PRIOR_REACH["uniform"]
#: for each prior: 33 z at equal steps of its quantiles, whose x = G(z) are shown; the axis's largest z, and ticks
ARROWS: dict[str, tuple[Array, float, list[tuple[float, str]]]] = {
    "uniform": (ROOT_3 * (2 * SHARES - 1), ROOT_3, [(-ROOT_3, "−√3"), (0.0, "0"), (ROOT_3, "√3")]),
    "normal": (ndtri(SHARES), 2.6, [(float(z), f"{z}".replace("-", "−")) for z in range(-2, 3)]),
}
FIRST = "Predict what will happen, then press Play; or choose above what to see."
ON = "Change anything while it plays: it goes on from there."


def controls(recipe: Recipe) -> dict[str, Any]:
    """What a person can press and set, at first as the recipe has it."""
    noise, for_D, for_G, both = "Data and noise", "D, the discriminator", "G, the generator", "Both"
    data = {"gaussian": "one Gaussian", "bimodal": "two Gaussians", "trimodal": "three Gaussians"}
    data |= {"uniform": "uniform", "drawn": "draw it yourself"}
    costs = {"non-saturating": "−log D(G(z))", "minimax": "log(1 − D(G(z)))"}
    orders = {"alternating": "D, then G (Algorithm 1)", "simultaneous": "both at once (the authors)"}
    units, sizes = {"relu": "rectifiers", "sigmoid": "sigmoids"}, {2**i: str(2**i) for i in range(3, 10)}
    speeds = {n: f"{n} move{'s' * (n > 1)}/s" for n in (1, 2, 5, 10, 30, 100, 300)} | {"full": "as fast as it goes"}
    k_of = {"whole": True, "words": lambda k: f"{k} of D to 1 of G" if k else "0: only G moves"}
    rate = {"low": 1e-3, "high": 1.0, "log": True, "off": (0.0, "0: held")}
    moves = "How far {} moves at each of its updates; at the left end it is held".format
    of_cost = "What G descends: the non-saturating cost, or the minimax one of Algorithm 1"
    of_order = "Alternating: D first, then G against the new D. Simultaneous: both from the same old parameters"
    of_p_data = "What the data are drawn from; draw it yourself: drag on the picture"
    of_mu = "The share of the last move that is kept in the next one"
    of_step = "k updates of D and one of G, or the rest of the iteration under way (S)"
    return {
        **{name: GAME[name] for name in ("start", "pause")},
        "step_D": Button("One D step", "One update of D on fresh draws, G held (D)", "d", "step"),
        "step_G": Button("One G step", "One update of G, D held (G)", "g", "step"),
        "step": Button("One iteration", of_step, "s", "step"),
        "best_D": Button("D to its optimum", "Train D alone until V no longer grows (B)", "b", "up"),
        **{name: GAME[name] for name in ("stop", "reset", "seed", "restore")},
        **{name: Button(preset.title, preset.see, group="Presets") for name, preset in PRESETS.items()},
        "p_data": Choice(data, "gaussian", "p_data", of_p_data, group=noise),
        "heights": Curve(hills((-1.5, 0.9, 1.0), (1.8, 0.5, 0.6))),
        "p_z": Choice(game.PRIORS, recipe.p_z, "Prior on z", "What z is drawn from", group=noise),
        "batch": Choice(sizes, recipe.batch, "Batch m", "Examples, and z, in each update", slide=True, group=noise),
        "k": Slider(0, 20, recipe.k, 1, "k", "How often D is updated for each update of G", **k_of, group=for_D),
        "lr_D": Slider(**rate, start=recipe.lr_D, name="Rate of D", hint=moves("D"), group=for_D),
        "lr_G": Slider(**rate, start=recipe.lr_G, name="Rate of G", hint=moves("G"), group=for_G),
        "generator_cost": Choice(costs, recipe.generator_cost, "Cost of G", of_cost, group=for_G),
        "units": Choice(units, "relu", "Units of G", "G's hidden units; another choice begins anew", group=for_G),
        "speed": Choice(speeds, "full", "Speed", "Moves a second: each an update of D or of G", slide=True, group=both),
        "momentum": Slider(0, 0.95, recipe.momentum_start, 0.05, "Momentum μ", of_mu, group=both),
        "update": Choice(orders, recipe.update, "Who moves when", of_order, group=both),
    }


class ToyEngine(Game):
    """One game of Figure 1 without a front end: its moves one by one or as a run, its presets, what there is to see.

    `opening` is a preset at whose end it begins; a reset then goes to that preset's start.
    """

    title = "Figure 1, live: a generative adversarial net in one dimension"
    LIVING = (*Game.LIVING, "step_D", "step_G", "best_D")

    def __init__(self, recipe: Recipe = TOY, *, opening: str = "", **settings: Any):
        super().__init__(controls(recipe), **settings)
        self.recipe, self._arrays = recipe, {}
        by_hand = {"step": "iterate", "step_D": "D", "step_G": "G"}
        presses = {name: partial(self._by_hand, move) for name, move in by_hand.items()}
        vars(self).update(presses | {name: partial(self.preset, name) for name in PRESETS})  # what these buttons press
        self.begin()
        if opening:
            self.preset(opening)
            self.finish()

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
        self.moved = ""  # the last one: "D, 2 of 3", "D" (by itself), "G", "D and G together", "D to its optimum"
        self._recent: deque[tuple[float, ...]] = deque(maxlen=60)
        self._alone = (-SINCE, 0.0)  # when D was last trained alone, and how steep it was then
        self._end_acts()
        self._new_data()
        self._draw()

    def _new_data(self) -> None:
        """Work out anew what depends on p_data and p_z alone, and measure the game again."""
        p_data = self.toys.p_data.pdf(EDGES[:-1, None] + WIDTH * (np.arange(16) + 0.5) / 16).mean(1)
        ends = np.flatnonzero(np.diff(p_data > 0.3 * p_data.max(), prepend=False, append=False))
        self._hills = [slice(*pair) for pair in ends.reshape(-1, 2)]
        self._spread = math.sqrt(np.cov(CENTRES, aweights=p_data))
        self._arrays |= {"p_data": p_data, "z": ARROWS[self.values["p_z"]][0]}
        self._ranges.clear()
        self._stale, self._p_g, self._measured_at = True, None, -1
        self._measure()

    def _end_acts(self) -> None:
        self.preset_name = ""  # the preset that is under way, or whose end this is while no other hand has touched it
        self.act: Act | None = None  # what is under way besides plain training
        self._work: Iterator[None] = iter(())

    # -- commands ------------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Train, or go on with what was under way. Raises `RecipeError` after an error: `reset` first."""
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
        self._carry_out(Act(move))
        self.finish()

    def best_D(self) -> None:
        """Take D to its optimum for the G there is, a bit at each turn; then rest."""
        self._carry_out(Act("best_D"))

    def preset(self, name: str) -> None:
        """Bring a phenomenon about: one of PRESETS, which may first have to bring about the one it goes on from."""
        presets = chain(name, self.preset_name)
        if not presets[0].after:
            self.values |= {name: self.controls[name].start for name in self.values} | PLAIN | presets[0].settings
            self.reset()
        self._carry_out(*(act for preset in presets for act in preset.acts), name=name)

    def _carry_out(self, *acts: Act, name: str = "") -> None:
        self.usable()
        self._end_acts()
        self.state, self.preset_name, self._due = "running", name, 0.0
        self._work = self._turns(acts)
        next(self._work)

    def changed(self, values: Mapping[str, Any]) -> None:
        """Take over some controls. A preset ends, and training goes on; a new G, or another seed, begins anew."""
        by_hand = self.act is None or values is not self.act.settings
        if self.preset_name and by_hand and values.keys() - {"speed"}:
            self._end_acts()  # those to come would undo what the person chose
        held, toys = self.values["lr_G"] == 0, self.toys
        self.values |= values
        if values.keys() & {"units", "seed"}:
            self.reset()
            return
        toys.set(**{name: values[name] for name in ("k", "lr_D", "lr_G", "momentum", *CHOICES) if name in values})
        if held and values.get("lr_G"):
            self._left_alone()
        for name in [name for name in values if name not in ("speed", "heights")]:
            self.note(self.moves, name, values[name])
            self._recent.clear()
        if "speed" in values:
            self._due = 0.0
        if values.keys() & {"p_data", "heights", "p_z"}:
            toys.p_data = density(self.values["p_data"], self.values["heights"])
            self._new_data()

    def fail(self, error: BaseException) -> None:
        """Take note of an error; one that ends the game ends a preset too."""
        super().fail(error)
        if self.state == "error":
            self._end_acts()

    def pressed(self) -> tuple[str, ...]:
        """The preset that is under way, or whose end this is."""
        return (self.preset_name,) if self.preset_name else ()

    # -- work ----------------------------------------------------------------------------------------------------------

    @property
    def pace(self) -> float:
        """Moves a second; infinite when it goes as fast as it can."""
        own = math.inf if self.values["speed"] == "full" else float(self.values["speed"])
        return min(own, (self.act and self.act.pace) or math.inf)

    @property
    def interval(self) -> float:
        """Seconds between frames: more where nothing has moved since the last one."""
        return Game.interval if self._stale else 0.5

    def finish(self) -> None:
        """Carry a preset, or D's way to its optimum, to its end now, whatever the pace."""
        while self.running and self.act:
            self._guarded()

    def train(self, iterations: int) -> None:
        """So many iterations now, then rest. Raises `RecipeError` for fewer than one."""
        if not iterations >= 1:
            raise RecipeError(f"iterations are {iterations!r}; train for 1 at least")
        self._carry_out(Act("iterate", iterations))
        self.finish()

    def twin(self, opening: str = "") -> ToyEngine:
        """Another game with the same controls, at its start or at the end of a preset."""
        return ToyEngine(self.recipe, opening=opening, **self.values)

    def frames(self, preset: str, n: int) -> list[Picture]:
        """A preset, played aside, as about n pictures of Figure 1: as many for each of its acts.

        Each is titled by the preset that its act belongs to: (d) goes through (a), (b) and (c) first.
        """
        played, acts, act, turns = self.twin(), [], None, 0
        titles = [(own, each.title) for each in chain(preset) for own in each.acts]
        played.preset(preset)
        while True:
            if played.act and played.act is not act:
                act, turns = played.act, 0
                acts.append([])
                said = next(title for own, title in titles if own is act)
            if turns % max(1, act.n // 40) == 0 or not played.act:
                title = f"{said}: {played.toys.step:,} iterations, JSD {played.measured.JSD:.3f} nats"
                acts[-1].append(Picture(played.figure_1(title)))
            if not played.act:
                break
            played._guarded()
            turns += 1
        share = np.linspace(0, 1, max(n // len(acts), 2))
        return [pictures[round(t * (len(pictures) - 1))] for pictures in acts for t in share]

    def once(self) -> None:
        """The next move of what is under way, or of plain training."""
        if self.act is None:
            self._move("next")
        elif next(self._work, True):  # it has come to its end
            self.act, self.state = None, "paused"
        if self.pace <= SLOW or not self.running or self.moves - self._measured_at >= MEASURE_EVERY:
            self._measure()

    def _turns(self, acts: tuple[Act, ...]) -> Iterator[None]:
        """The moves of some acts, one after another; a yield stands before each."""
        for act in acts:
            self.act, climb, done = act, None, 0
            self.changed(act.settings)
            while done < act.n:
                yield
                if act.move != "best_D":
                    self._move(act.move)
                    done += 1
                    continue
                if climb is None or climb.p_data is not self.toys.p_data:
                    self.p_g()  # raises where there is none
                    climb = BestD(self.toys, decay=DECAY[self.values["p_z"]])
                before, self.moved = climb.evaluations, self.next
                climb.advance()
                self.moves += climb.evaluations - before
                self._stale, self._p_g = True, None
                done += climb.done
            if act.move in ("D", "best_D"):
                self._left_alone()

    def _move(self, move: str) -> None:
        """One move: "D", "G", "next" (of the iteration under way), or "iterate", all that are left of it."""
        toys, before, on = self.toys, self.toys.step, True
        act = {"D": toys.step_D, "G": toys.step_G}.get(move, toys.substep)
        while on:
            self.moved = self.next
            act()
            self.moves += 1
            on = move == "iterate" and toys.step == before
        if toys.step != before:
            self._ends.append(self.clock())
        self._stale, self._p_g = True, None

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
        return self._alone[1] if self.toys.step - self._alone[0] <= SINCE else 0.0

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
        """Bring the arrays that are shown up to date."""
        p_data, z, p_g = self._arrays["p_data"], self._arrays["z"], self.p_g().in_bins(EDGES)
        p_g = np.where(p_g > 1e-12, p_g, 0.0)  # below this it is rounding
        logit, total = self.toys.logit(CENTRES), p_data + p_g
        if not np.isfinite(logit).all():
            self._diverged("D's parameters are no longer finite")
        D, D_star = expit(logit), np.divide(p_data, total, out=np.full_like(total, 0.5), where=total > 0)
        self._arrays |= {"p_g": p_g, "D": D, "D_star": D_star, "x": self.toys.G_of(z)}
        self._says = tuple(float(p @ D / max(p.sum(), 1e-9)) for p in (p_data, p_g))
        self._outside, self._stale = max(0.0, 1.0 - float(p_g.sum()) * WIDTH), False

    def verdict(self) -> Verdict:
        """Is this normal? A tone and a few plain sentences, from the last measurements."""
        if self.state == "error":
            return Verdict("broken", ("The game has ended; why stands above. Reset goes back to its start.",))
        p_data, p_g, x = (self._arrays[name] for name in ("p_data", "p_g", "x"))
        missed = sum(p_g[hill].sum() < 0.25 * p_data[hill].sum() for hill in self._hills)
        recent = np.array(self._recent or [(self.moves, *vars(self.measured).values())])
        seen = (self._says, x.std() / self._spread, self._outside, missed if len(self._hills) > 1 else 0)
        return diagnose_toy(ToyEvidence(recent, self.values, *seen, self.steep, self.moves))

    # -- what there is to see ------------------------------------------------------------------------------------------

    def figure_1(self, title: str = "") -> list[Panel]:
        """The curves, and the arrows below them, as they are now."""
        with suppress(TrainingDiverged):  # state and message say so; the last arrays stay
            if not self.running:
                self._measure()  # what rests has been measured
            if self._stale and self.state != "error":
                self._draw()
        a, (z, reach, z_ticks) = self._arrays, ARROWS[self.values["p_z"]]
        curves = {name: a[name] for name in ("p_data", "p_g", "D", "D_star")}
        return plots.figure_1(CENTRES, **curves, arrows=(z, a["x"]), reach=reach, z_ticks=z_ticks, title=title)

    def picture(self) -> Picture:
        """Figure 1 at the left, V, C and JSD at the right, and whether this is normal."""
        (upper, lower), draws = self.figure_1(), "heights" if self.values["p_data"] == "drawn" else None
        now, verdict, step = self.measured, self.verdict(), self.toys.step
        words = (
            f"Figure 1 after {step:,} iterations, {self.STATES[self.state]}. On average D gives data "
            f"{self._says[0]:.2f} and G's samples {self._says[1]:.2f}. V(D, G) is {now.V:.3f}, C(G) {now.C:.3f}, the "
            f"Jensen-Shannon divergence {now.JSD:.3f} nats."
        )
        how = "exact, as G is made of straight pieces" if self.toys.exact else "that of 800 straight lines through G"
        beyond = f"; {100 * self._outside:.0f} % of it lies outside the picture" if self._outside > 0.005 else ""
        turn = f"Last move: {self.moved}; next: {self.next}. " if self.moved else f"Next: {self.next}. "
        turn = turn if self.pace <= SLOW or self.state == "paused" else ""
        see = PRESETS[self.preset_name].see if self.preset_name else ON if self.moves or self.running else FIRST
        upper = replace(upper, draws=draws, at=(0, 0, 10, 8), words=words)
        lower = replace(lower, caption=f"{turn}p_g is {how}{beyond}.", at=(10, 0, 4, 8))
        readouts = [(f"{step:,}", "iterations"), (f"{self.speed:,.{1 if 0 < self.speed < 10 else 0}f}", "a second")]
        notes = [Note([see], above=True), Note(verdict.sentences, "Is this normal?", verdict.tone)]
        return Picture([upper, lower, *self._charts()], words, readouts, notes)

    def _charts(self) -> list[Panel]:
        moves, V, C, JSD = self.curves.rows().T.copy()
        now, x = self.measured, (0.0, float(max(self.moves, 100)))
        low, high = self._ranges.around("V", [V, C], (-1.45, -1.25))
        top = self._ranges.around("JSD", [JSD], (0, 0.1))[1]
        value = [Line(moves, V, "V(D, G)", "V", now.V), Line(moves, C, "C(G)", "C", now.C)]
        distance = [Line(moves, JSD, "JSD(p_data ‖ p_g)", "G", now.JSD)]
        floor, ceiling = [Level(game.MINUS_LOG_4, "-log 4"), *self.event_levels()], self.event_levels(named=False)
        if top > math.log(2):
            ceiling.insert(0, Level(math.log(2), "log 2"))
        nats, counted = (max(low, LOWEST), high), "moves: updates of D and of G"
        return [
            Panel("Nats", value, x, nats, "", levels=floor, x_ticks=(), at=(0, 8, 8, 4)),
            Panel("Nats", distance, x, (0.0, top), counted, levels=ceiling, at=(8, 8, 6, 4)),
        ]


class LiveToy(Demo):
    """The game of Figure 1 in the background of the notebook, to play with while it trains.

        toy = LiveToy("bimodal", seed=0)
        show(toy)           # the widget; it waits for its play button
        toy.k = 3           # the same as the slider, in any other cell, while it trains
        toy.measure().JSD

    The controls are traits: p_data ("gaussian", "bimodal", "trimodal", "uniform" or "drawn"), heights (of a drawn
    p_data, 8 to 400 at equal steps over x from -5 to 5), k, lr_D and lr_G (0 holds), momentum, batch, p_z,
    generator_cost, update, units, seed and speed (moves a second, or "full"). `settings` are some of them; `opening` is
    a preset at whose end the demo begins. The buttons are methods: start, pause, stop, step, step_D, step_G, best_D.
    """

    def __init__(
        self, p_data: str = "gaussian", seed: int = 0, *, recipe: Recipe = TOY, opening: str = "", **settings: Any
    ) -> None:
        engine = ToyEngine(recipe, opening=opening, p_data=p_data, seed=seed, **settings)
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
        return plots.film(self.engine.frames(preset, frames))

    def record(self, preset: str = "d", frames: int = 100) -> Recording:
        """A preset as a demo of its own, which plays at full speed also while the kernel is busy."""
        return Recording(self.engine.frames(preset, frames), name=PRESETS[preset].title)
