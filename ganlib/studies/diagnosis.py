"""Is this loss curve normal? Plain sentences about the last steps of a run, by thresholds that come from measured runs.

Measured with the MNIST recipe, seed 0, as means over 100 steps, and (the last rows) with the recipe for faces, its
widths divided by eight, on FER-2013. "Spread" is the mean distance between samples over that between
data (see `spread`).

| run | what was seen |
| --- | --- |
| MNIST's full run | steps 0 to 200: V -1.386, D(x) and D(G(z)) 0.500; 300: V -0.80; 400: V -0.10, D(G(z)) 0.06 |
| | step 500: V dips to -5.2 and comes back |
| | epochs 2 to 6: V -0.25 to -0.19, D(G(z)) 0.05 to 0.08, G's cost 3.5 to 4.8 |
| | epoch 8: V -0.62; 10: -0.74; 20: -0.91; 30: -1.00; 50: -1.08 with D(x) 0.64 and D(G(z)) 0.36 |
| | G's gradient 0.8 to 2.5; spread 0.05 until step 600, 0.34 at 800, 0.57 at 1,000 |
| narrow nets (smoke) | the same, later: V leaves -1.386 at step 600, then -0.1 to -0.25 up to step 4,000 |
| k = 5 and 10 | V -0.012, D(G(z)) 0.006 to 0.007 by step 150 to 200 |
| minimax | V -0.003, D(G(z)) 0.002, G's gradient 0.003 at step 1,000; the samples never move |
| lr_G = 0.001 | V -0.005, D(G(z)) 0.003, G's cost 6.2 at step 1,000; the samples never move |
| lr_D = 0.001 | V -1.386 for 4,000 steps |
| lr_D = 1 | not a number at step 46 (narrow: 96), with V under -8 in the 7 steps before |
| momentum 0.95 | narrow: V turns round 6 times in 200 steps, not a number at step 243 |
| faces, published rates | V leaves -1.386 at step 330; -0.08 at step 700, D(G(z)) 0.03 |
| | epochs 3 to 25: V -0.35 to -0.15, D(G(z)) 0.05 to 0.10, G's gradient 0.9 to 1.9: G does not catch up |
| | V dips to -12 at step 851, one step long, and comes back |
| | spread 0.03 until step 900, 0.24 at 1,600, 0.42 at 4,858 |
| faces, lr_D 0.05, lr_G 0.15 | V leaves -1.386 at step 180; -0.38 to -0.24 in epochs 2 and 3, D(G(z)) 0.09 to 0.16 |
| faces, lr_D 0.1, lr_G 0.3 | V leaves -1.386 at step 100, -0.85 to -1.15 in epochs 6 to 25 |
| | lost at step 7,350: V -30, then -768 in means over 50 steps, G's cost 25 and 594 |

The sentences name the run that they quote: a recipe's own healthy run may look different.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ganlib.game import MINUS_LOG_4
from ganlib.recipes import TOY, Recipe
from ganlib.trainer import Step

WINDOW = 200
"""Steps that are looked at, the last ones since a control was changed."""
ENOUGH = 20
"""Steps below which nothing is said."""
AT_CHANCE = 0.03
"""D(x) and D(G(z)) this close to 1/2: D cannot tell."""
SLOW_START = 1_500
"""Updates of D after which it should have left chance (the narrow nets needed about 700)."""
CRUSHING = (-0.06, 0.025)
"""V above and D(G(z)) below: D wins by more than the healthy runs ever showed (-0.08 and 0.023)."""
AHEAD = -0.5
"""V above: D is well ahead, as in MNIST's full run from step 350 to about step 3,500."""
FLAT = 0.05
"""G's gradient below this under a winning D: saturated (MNIST's full run had 0.8 to 2.5)."""
ALIKE = 0.3
"""Spread below: the samples hardly differ."""
GROWN_UP = 1_500
"""Steps after which samples that hardly differ are no longer the start's."""
RUNAWAY = (-8.0, 20.0)
"""V below, or G's cost above: the worst in MNIST's full run were -5.2 and 8.8; on faces -12, in one step alone."""
AWAY = 2
"""So many such steps among the last ENOUGH: a runaway, and no dip that comes back at once."""
TURN, TURNS = 0.3, 5
"""V's mean over 20 steps turning round by at least so many nats, so often in a window: a swing (healthy: up to 4)."""


@dataclass(frozen=True)
class Verdict:
    """What there is to say about a run."""

    tone: str
    """"wait", "normal", "odd" or "broken"."""
    sentences: tuple[str, ...]
    """Plain words, with the run's own numbers in them."""


@dataclass(frozen=True)
class Evidence:
    """The last steps of a run, under settings that did not change."""

    steps: Sequence[Step]
    """At most WINDOW of them."""
    spread: float
    """Mean distance between samples, over that between data pictures; nan when not measured."""
    recipe: Recipe
    """With the controls as they are."""
    updates: int = 0
    """D's updates so far."""
    changed: bool = False
    """Whether a control was changed within the last steps."""

    def mean(self, name: str) -> float:
        """The mean of a field of `Step` over the steps."""
        return float(np.mean([getattr(step, name) for step in self.steps]))


def spread(x: Tensor) -> float:
    """The mean L2 distance between two of the pictures x (n, d), n >= 2."""
    if len(x) < 2:
        return math.nan
    return torch.pdist(x.float()).mean().item()


def diagnose(evidence: Evidence) -> Verdict:
    """Is this loss curve normal? A verdict, in one to three sentences."""
    if not evidence.steps and not evidence.changed:
        return Verdict(
            "wait", ("Nothing has happened yet. Before you start: which of the two players will lead at first?",)
        )
    if len(evidence.steps) < ENOUGH:
        what = "A control has just changed" if evidence.changed else "The run has only begun"
        return Verdict(
            "wait", (f"{what}: {ENOUGH} steps under the same settings are needed before anything can be said.",)
        )
    for rule in (_runaway, _swing, _chance, _saturated, _crushing, _below, _ahead):
        if (verdict := rule(evidence)) is not None:
            return verdict
    return _healthy(evidence)


def _runaway(e: Evidence) -> Verdict | None:
    away = [step for step in e.steps[-ENOUGH:] if step.V < RUNAWAY[0] or step.cost_G > RUNAWAY[1]]
    if len(away) < AWAY:
        return None
    V, cost_G, step = min(step.V for step in away), max(step.cost_G for step in away), e.steps[-1]
    return Verdict(
        "broken",
        (
            f"Not normal: the costs run away (V fell to {V:.3g}, G's cost rose to {cost_G:.3g}). Steps are too long.",
            f"Lower D's rate (now {step.lr_D:.2g}), G's rate ({step.lr_G:.2g}) or the momentum ({step.momentum:.2f}) "
            "at once: on MNIST a run with D's rate at 1 was lost within 50 steps.",
        ),
    )


def _swing(e: Evidence) -> Verdict | None:
    turns = reversals(np.array([step.V for step in e.steps]))
    if turns < TURNS:
        return None
    return Verdict(
        "odd",
        (
            f"Not normal: V swings up and down, {turns} times in {len(e.steps)} steps. Each player overshoots what "
            f"the other has just done. Less momentum (now {e.steps[-1].momentum:.2f}) or lower rates calm it.",
        ),
    )


def reversals(V: np.ndarray, mean_over: int = 20) -> int:
    """How often the running mean of V (n,) turns round by at least TURN nats."""
    if len(V) < 2 * mean_over:
        return 0
    smooth = np.convolve(V, np.ones(mean_over) / mean_over, "valid")
    turns, direction, low, high = 0, 0, smooth[0], smooth[0]
    for v in smooth:
        low, high = min(low, v), max(high, v)
        if direction >= 0 and v < high - TURN:
            turns, direction, low = turns + 1, -1, v
        elif direction <= 0 and v > low + TURN:
            turns, direction, high = turns + 1, 1, v
    return turns


def _chance(e: Evidence) -> Verdict | None:
    D_real, D_fake = e.mean("D_real"), e.mean("D_fake")
    if abs(D_real - 0.5) > AT_CHANCE or abs(D_fake - 0.5) > AT_CHANCE:
        return None
    seen = f"V stands at {e.mean('V'):.3f}, that is -log 4, and D says {D_real:.2f} to data and {D_fake:.2f} to samples"
    if e.spread >= ALIKE:
        return Verdict(
            "odd",
            (
                f"{seen}: D cannot tell them apart.",
                "Theorem 1 asks for just this when G is perfect, but a D too weak to see anything shows it too: only "
                "the samples say which. MNIST's full run came no nearer than -1.08 in 50 epochs.",
            ),
        )
    if e.updates < SLOW_START:
        return Verdict(
            "normal",
            (
                f"Normal for a beginning: {seen}, because neither has learnt anything yet.",
                "D woke up after about 250 updates in MNIST's full run, 700 in its narrow nets.",
            ),
        )
    return Verdict(
        "odd",
        (
            f"Not normal: {seen}, after {e.updates:,} updates of D.",
            f"D does not learn; raise its rate (now {e.recipe.lr_D:.2g}).",
        ),
    )


def _saturated(e: Evidence) -> Verdict | None:
    norm, D_fake = e.mean("norm_G"), e.mean("D_fake")
    if e.recipe.generator_cost != "minimax" or D_fake > 0.1 or norm > FLAT:
        return None
    return Verdict(
        "broken",
        (
            f"Not normal, but what section 3 predicts: G's cost log(1 - D(G(z))) has saturated. D says {D_fake:.3f} "
            f"to samples, where that cost is flat: G's gradient is {norm:.2g} long (MNIST's full run: 0.8 to 2.5).",
            "G will hardly move again. Choose the non-saturating cost and see whether it moves, or reset.",
        ),
    )


def _crushing(e: Evidence) -> Verdict | None:
    V, D_fake = e.mean("V"), e.mean("D_fake")
    if V < CRUSHING[0] or D_fake > CRUSHING[1]:
        return None
    first = f"Not normal: D wins by too much. D(G(z)) is {D_fake:.3f} and V {V:.3f}; healthy runs stayed below -0.08."
    why = f"G's cost is high ({e.mean('cost_G'):.1f} nats) but its gradient is not gone ({e.mean('norm_G'):.2g})."
    return Verdict("odd", (first, f"{why} {_advice(e.recipe)}", *_alike(e)))


def _advice(recipe: Recipe) -> str:
    if recipe.k > 1:
        return f"With k = {recipe.k} D moves {recipe.k} times for each move of G: lower k."
    if recipe.lr_D >= 3 * recipe.lr_G:
        return f"D's rate is {recipe.lr_D / recipe.lr_G:.0f} times G's: bring them closer."
    return "If it lasts for some hundred steps, lower D's rate."


def _below(e: Evidence) -> Verdict | None:
    if e.mean("V") >= MINUS_LOG_4 - 0.05:
        return None
    return Verdict(
        "odd",
        (
            f"V is {e.mean('V'):.2f}, below -log 4: D does worse than if it said 1/2 to everything. It may be in the "
            "middle of a correction; if it stays there, D's rate or the momentum is too high, or k too small.",
        ),
    )


def _ahead(e: Evidence) -> Verdict | None:
    V = e.mean("V")
    if V < AHEAD:
        return None
    seen = f"D is ahead: it says {e.mean('D_real'):.2f} to data and {e.mean('D_fake'):.2f} to samples, V is {V:.2f}."
    place = "So it was in MNIST's full run from step 350 to 3,500, until G caught up."
    return Verdict("normal", (f"Normal so far. {seen}", place, *_alike(e)))


def _healthy(e: Evidence) -> Verdict:
    seen = f"D says {e.mean('D_real'):.2f} to data and {e.mean('D_fake'):.2f} to samples, V is {e.mean('V'):.2f}"
    return Verdict(
        "normal",
        (
            f"Normal. {seen}: neither player runs away.",
            "MNIST's full run had V at -0.74 in epoch 10, -0.91 in epoch 20, -1.08 in epoch 50.",
            *_alike(e),
        ),
    )


def _alike(e: Evidence) -> tuple[str, ...]:
    """A sentence when the samples hardly differ from one another."""
    if not e.spread < ALIKE:
        return ()
    seen = f"The samples hardly differ ({100 * e.spread:.0f} % of the distance between real pictures)"
    if e.steps[-1].step < GROWN_UP:
        return (f"{seen}. So it was in MNIST's full run until step 700.",)
    return (f"{seen}: many z end in one x, the Helvetica scenario. If they do not spread, reset, or help D.",)


# -- the toy of Figure 1 -----------------------------------------------------------------------------------------------

STEEP = 60.0
"""A logit of D that changes by more than this a unit of x. Of games that were trained on from D's optimum those that
went wrong began above 180; those that the decay of `toys.BestD` saved, at 63 at most."""
WORST, GONE = -5.0, 0.25
"""V below which a game of the toy is going wrong, and such a share of p_g outside the picture."""
NARROW, SURE = 0.15, 0.02
"""p_g's width over that of the data below which samples hardly differ; D(G(z)) below which the minimax cost is flat."""
SETTLED = 0.02
"""JSD, nats, below which p_g lies on p_data."""


@dataclass(frozen=True)
class ToyEvidence:
    """What a verdict on a game of the toy stands on."""

    recent: np.ndarray
    """The last measurements under settings that did not change: (n, 4), moves, V, C and JSD."""
    controls: Mapping[str, Any]
    says: tuple[float, float]
    """The means of D(x) over p_data and of D(G(z))."""
    width: float
    """The standard deviation of G(z), over that of the data."""
    outside: float
    """The share of p_g outside the picture."""
    missed: int
    """So many of p_data's hills have next to nothing of p_g."""
    steep: float
    """How much D's logit changed a unit of x at most when D had been trained alone; 0: that is long ago."""
    moves: int


def too_steep(steep: float) -> str:
    """Why a game that goes on from such a D goes wrong."""
    return (
        f"D had been trained alone until it was too steep (its logit changed by {steep:,.0f} a unit of x), so that one "
        "step of D turns its verdicts over and one step of G goes too far. Lower rates or less momentum would not "
        "help: reset, and train D alone for less long."
    )


def diagnose_toy(e: ToyEvidence) -> Verdict:
    """Is this normal? A verdict on a game of the toy, in one to three sentences."""
    now, (real, fake), (V, C, JSD) = e.controls, e.says, e.recent[-5:, 1:].mean(0)
    says, lowest = f"D says {real:.2f} to data and {fake:.2f} to samples", e.recent[-ENOUGH:, 1].min()
    since, turns = e.recent[-1, 0] - e.recent[0, 0], reversals(e.recent[:, 1], 3)
    narrow = f"p_g is {100 * e.width:.0f} % as wide as p_data: many z end in one x, the Helvetica scenario."
    alike = (narrow,) if e.width < NARROW else ()
    if not e.moves:
        return diagnose(Evidence((), math.nan, TOY))
    if lowest < WORST:
        rates = f"D's rate (now {now['lr_D']:.2g}), G's rate ({now['lr_G']:.2g})"
        long = f"Steps are too long. Lower {rates} or the momentum ({now['momentum']:.2f})."
        why = too_steep(e.steep) if e.steep > STEEP else long
        return Verdict("broken", (f"Not normal: the costs run away (V fell to {lowest:,.3g}).", why))
    if e.outside > GONE:
        gone = f"Not normal: {100 * e.outside:.0f} % of p_g lies outside the picture. G was thrown beyond the data."
        return Verdict("odd", (gone, "It comes back if D rises towards the data out there; if it does not, reset."))
    if now["k"] == 0 or now["lr_D"] == 0:
        return Verdict("odd", ("D is held: G goes to wherever D was highest, and D does not learn of it.", *alike))
    if now["lr_G"] == 0:
        held = f"G is held, so that only V moves. It is {max(C - V, 0):.3f} below C(G), which no D can exceed."
        return Verdict("normal", (held,))
    if since < ENOUGH:
        return Verdict("wait", (f"{ENOUGH} moves under the same settings are needed before anything can be said.",))
    if now["generator_cost"] == "minimax" and fake < SURE:
        flat = f"G's cost log(1 - D(G(z))) has saturated. D says {fake:.3f} to samples, where that cost is flat."
        return Verdict(
            "broken", (f"Not normal, but what section 3 predicts: {flat}", "Choose the non-saturating cost.")
        )
    if turns >= TURNS:
        swing = f"Not normal: V swings up and down, {turns} times in {since:,.0f} moves. Each player overshoots what"
        calm = f"the other has just done. Less momentum (now {now['momentum']:.2f}) or lower rates calm it."
        return Verdict("odd", (f"{swing} {calm}", *alike))
    if alike:
        return Verdict("odd", (f"Not normal: {narrow} If it does not widen, reset, or help D.",))
    if V < MINUS_LOG_4 - 0.05:
        below = f"V is {V:.2f}, below -log 4: D does worse than if it said 1/2 to everything. It may be in the middle"
        return Verdict("odd", (f"{below} of a correction; if it stays there, k is too small or G's rate too high.",))
    if e.missed:
        far = f"p_g misses {e.missed} of the hills of p_data: G hears of a hill only where some z comes near it."
        return Verdict("odd", (far, f"{says}."))
    if JSD < SETTLED:
        on = f"Normal: p_g lies on p_data. {says}, and V is {V:.3f}, near Theorem 1's -log 4."
        return Verdict("normal", (on,))
    ahead = "D is ahead" if V > AHEAD else "neither player runs away"
    return Verdict("normal", (f"Normal. {says}; V is {max(C - V, 0):.2f} below C(G), JSD {JSD:.2f}: {ahead}.",))
