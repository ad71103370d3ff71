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
| shipped pair, D held, lr_G = 1 | V -1.32 at its step 100, -2.95 at 200, -6.5 at 400, D(G(z)) 0.46, 0.77, 0.98; |
| | nearest to 59, 42 and 17 different pictures |
| faces, published rates | V leaves -1.386 at step 330; -0.08 at step 700, D(G(z)) 0.03 |
| | epochs 3 to 25: V -0.35 to -0.15, D(G(z)) 0.05 to 0.10, G's gradient 0.9 to 1.9: G does not catch up |
| | V dips to -12 at step 851, one step long, and comes back |
| | spread 0.03 until step 900, 0.24 at 1,600, 0.42 at 4,858 |
| faces, lr_D 0.05, lr_G 0.15 | V leaves -1.386 at step 180; -0.38 to -0.24 in epochs 2 and 3, D(G(z)) 0.09 to 0.16 |
| faces, lr_D 0.1, lr_G 0.3 | V leaves -1.386 at step 100, -0.85 to -1.15 in epochs 6 to 25 |
| | lost at step 7,350: V -30, then -768 in means over 50 steps, G's cost 25 and 594 |

What 64 samples are nearest to among 4,000 real pictures (see `Reference`): to how many different ones, and the share of
the class, or of the two classes, that come most often. At least four sheets of 64 for each entry.

| sheets | pictures | one class | two |
| --- | --- | --- | --- |
| real digits; real faces; real CIFAR-10 | 56 to 63; 59 to 64; 58 to 64 | to 0.20 | to 0.36 |
| shipped nets for MNIST | 60 to 64 | to 0.25 | to 0.38 |
| shipped nets: faces; CIFAR-10 fc; conv | 55 to 62; 56 to 64; 42 to 56 | | |
| one real digit of 40, with noise up to 0.1 | 1 to 6; faces and CIFAR-10: 1 to 6 | | |
| four pictures; eight pictures | 4 to 6; 8 to 11 | | |
| real digits of one class | 44 to 60 | 0.77 (fives) to 1 | |
| real digits of two classes | 47 to 63 | | 0.73 to 1, three in four from 0.9 |
| MNIST's full run, seed 0, steps 1 to 715; 853; 1,734 | 1 to 4; 8 to 10; 26 to 33 | | |
| from step 1,216 on | | to 0.70 | to 0.83 |
| MNIST's full run, seed 1, steps 1 to 1,400; 1,500; 2,000 | 1 to 6; 8 to 12; 12 to 16 | | |
| steps 3,250 to 4,750, mostly ones; from 5,000 on | 33 to 53 | 0.61 to 0.89; to 0.67 | to 0.98; to 0.81 |
| narrow nets (smoke), steps 1 to 1,452; 1,734 | 1 to 5; 8 to 11 | | |
| from step 3,525 on, lost: V -0.005, spread 0.40, then 0.02 | 3, then 1 | to 1 | 1 |
| narrow nets for faces, steps 1 to 715; 1,216 | 1 to 6; 20 to 27 | | |
| the same, published rates, steps 1 to 1,400; to 3,500; 3,750 | 1 to 5; 4 to 11; 18 | | |
| narrow nets for CIFAR-10, steps 1 to 1,322; 1,500 | 1 to 10; 10 to 16 | | |

So healthy runs came out of both: hardly more than one picture, and little but one class. The spread shows neither.
It was 0.64 for real ones alone, 0.41 for one picture with noise, and up to 0.32 for the one face that G begins with.

The sentences name the run that they quote: a recipe's own healthy run may look different.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import normalize

from ganlib.datasets import Dataset
from ganlib.errors import DataError, Floats, door
from ganlib.game import MINUS_LOG_4
from ganlib.history import Step
from ganlib.images import scale
from ganlib.recipes import Recipe

WINDOW = 200  # steps that are looked at, the last ones since a control was changed
ENOUGH = 20  # steps below which nothing is said
AT_CHANCE = 0.03  # D(x) and D(G(z)) this close to 1/2: D cannot tell
SLOW_START = 1_500  # updates of D after which it should have left chance (the narrow nets needed about 700)
CRUSHING = (-0.06, 0.025)  # V above, D(G(z)) below: D wins by more than healthy runs ever showed (-0.08 and 0.023)
AHEAD = -0.5  # V above: D is well ahead, as in MNIST's full run from step 350 to about step 3,500
FLAT = 0.05  # G's gradient below this under a winning D: saturated (MNIST's full run had 0.8 to 2.5)
GROWN_UP = 2_000  # steps after which samples that hardly differ are no longer the start's (mostly until step 1,400)
RUNAWAY = (-8.0, 20.0)  # V below, or G's cost above: the worst on MNIST were -5.2 and 8.8, on faces -12, once
AWAY = 2  # so many such steps among the last ENOUGH: a runaway, and no dip that comes back at once
TURN, TURNS = 0.3, 5  # V's mean over 20 steps turns round by so many nats, so often: a swing (healthy: up to 4)

TOO_FEW = "under the same settings are needed before anything can be said."
BEFORE = "Nothing has happened yet. Before you start: which of the two players will lead at first?"
MANY_TO_ONE = "many z end in one x, the Helvetica scenario."
HELVETICA = (
    "The paper calls this the Helvetica scenario: many z end in one x, or nearly so. Its advice is not to train G too "
    "much without updating D. If it lasts for 2,000 steps more, reset, and try a larger k or a lower rate of G."
)
REAL = 4_000  # real pictures that samples are held against, at most
SAMPLES = 64  # samples that are held against them
FEW = 6  # so many different pictures at the most: hardly more than one (one picture with noise: up to 6, healthy: 42)
ONE, TWO = 0.75, 0.9  # one class, or two, with such a share: little else (one: from 0.77; healthy: 0.70 and 0.83)
TELLS = 0.7  # classes count where so many nearest pictures share them (digits: 0.93; faces and CIFAR-10: 0.3)
CLASSES = 5  # ... and where there are so many: one or two of three would say little


@dataclass(frozen=True)
class Verdict:
    """What there is to say about a run."""

    tone: str  # "wait", "normal", "odd" or "broken"
    sentences: tuple[str, ...]  # plain words, with the run's own numbers in them


@dataclass(frozen=True)
class Seen:
    """What samples of G look like, by the real picture that is nearest to each (`Reference.look`)."""

    pictures: int  # so many different real pictures are the nearest of a sample
    classes: tuple[tuple[int, int], ...] = ()  # how many samples each class has, and its label; the most first
    samples: int = SAMPLES  # that were looked at

    @property
    def variety(self) -> str:
        """To how many different real pictures the samples are nearest, in a sentence."""
        real = f" (for {SAMPLES} real digits it is 56 to 63)" if self.classes and self.samples == SAMPLES else ""
        return f"The {self.samples} samples are nearest to {self.pictures} different real pictures{real}."

    @property
    def collapse(self) -> str:
        """What G has collapsed to, in a sentence; "" where its samples differ as those of healthy runs do."""
        near = f"its {self.samples} samples are nearest to"
        if self.pictures == 1:
            return f"G draws only one picture: all {self.samples} samples are nearest to the same real picture."
        if self.pictures <= min(FEW, self.samples // 8):
            return f"G draws hardly more than one picture: {near} only {self.pictures} different real pictures."
        for most, share in ((1, ONE), (2, TWO)):
            some = self.classes[:most]
            if (n := sum(count for count, _ in some)) >= share * self.samples:
                which = " and ".join(str(label) for label in sorted(label for _, label in some))
                which = f"class{'es' if most > 1 else ''} {which}"
                return f"G draws little but {which}: {n} of {near} real pictures of {which}."
        return ""


@dataclass(frozen=True)
class Evidence:
    """The last steps of a run, under settings that did not change."""

    steps: Sequence[Step]  # at most WINDOW of them
    seen: Seen  # what G draws
    recipe: Recipe  # with the controls as they are
    updates: int = 0  # D's updates so far
    changed: bool = False  # whether a control was changed within the last steps
    held: Collection[str] = ()  # the players that do not move: "D", "G"


def spread(x: Tensor) -> float:
    """The mean L2 distance between two of the pictures x (n, d); nan for fewer than two."""
    return torch.pdist(x.float()).mean().item() if len(x) > 1 else math.nan


class Reference:
    """Real pictures that samples are held against, to see a collapse that no cost shows.

    The nearest is the one with the largest cosine. By L2 distance thin digits are near to everything blurred, so that
    a healthy young G would seem to draw more of them than it does. Noise on a picture hardly changes its nearest.
    """

    def __init__(self, data: Dataset, pixels: str = "unit"):
        self._real = normalize(scale(evenly(data.train, REAL), pixels=pixels))  # (at most REAL, d)
        self._labels = evenly(data.train_labels, REAL)
        right = self._labels[self._nearest(scale(evenly(data.valid, 250), pixels=pixels))]
        right = (right == evenly(data.valid_labels, 250)).float().mean().item()
        self.tells = right >= TELLS and len(self._labels.unique()) >= CLASSES

    @door(DataError)
    def look(self, x: Annotated[Tensor, Floats(2)]) -> Seen:
        """What samples x (n, d) look like; the thresholds are those of SAMPLES of them."""
        if len(x) < 8 or x.shape[1] != self._real.shape[1]:
            d = self._real.shape[1]
            raise DataError(f"samples are {tuple(x.shape)}; give eight or more like the real pictures, (n, {d})")
        nearest = self._nearest(torch.nan_to_num(x.detach()))
        labels, counts = self._labels[nearest].unique(return_counts=True)
        classes = sorted(zip(counts.tolist(), labels.tolist()), reverse=True)
        return Seen(len(nearest.unique()), tuple(classes) if self.tells else (), len(x))

    def _nearest(self, x: Tensor) -> Tensor:
        return (normalize(x.float()) @ self._real.T).argmax(1)


def evenly(x: Tensor, n: int) -> Tensor:
    """At most n rows of x, from all of its length."""
    return x[:: max(1, -(-len(x) // n))]


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


def diagnose(e: Evidence) -> Verdict:
    """Is this loss curve normal? A verdict, in one to three sentences."""
    if not e.steps and not e.changed:
        return _say("wait", BEFORE)
    if len(e.steps) < ENOUGH:
        what = "A control has just changed" if e.changed else "The run has only begun"
        return _say("wait", f"{what}: {ENOUGH} steps {TOO_FEW}")

    fields = ("V", "D_real", "D_fake", "cost_G", "norm_G")
    V, D_real, D_fake, cost_G, norm_G = (float(np.mean([getattr(step, name) for step in e.steps])) for name in fields)
    says = f"says {D_real:.2f} to data and {D_fake:.2f} to samples on average over {len(e.steps)} steps"
    last, recipe = e.steps[-1], e.recipe
    collapse = e.seen.collapse
    alike = (collapse,) if collapse else ()

    away = [step for step in e.steps[-ENOUGH:] if step.V < RUNAWAY[0] or step.cost_G > RUNAWAY[1]]
    if len(away) >= AWAY:
        fell, rose = min(step.V for step in away), max(step.cost_G for step in away)
        return _say(
            "broken",
            f"Not normal: the costs run away (V fell to {fell:.3g}, G's cost rose to {rose:.3g}). Steps are too long.",
            f"Lower D's rate (now {last.lr_D:.2g}), G's rate ({last.lr_G:.2g}) or the momentum ({last.momentum:.2f}) "
            "at once: on MNIST a run with D's rate at 1 was lost within 50 steps.",
            *alike,
        )
    if "D" in e.held:
        where = "G goes to where this one D is highest, and D does not learn of it"
        return _say("odd", f"D is held: {where}. D {says}, and V is {V:.2f}.", *(alike or (e.seen.variety,)))
    turns = reversals(np.array([step.V for step in e.steps]))
    if turns >= TURNS:
        return _say("odd", _swings(turns, f"{len(e.steps)} steps", last.momentum), *alike)
    if max(abs(D_real - 0.5), abs(D_fake - 0.5)) <= AT_CHANCE:
        seen = f"V stands at {V:.3f}, that is -log 4, and D {says}"
        if not collapse:
            either = "Theorem 1 asks for just this when G is perfect, but a D too weak to see anything shows it too:"
            which = "only the samples say which. MNIST's full run came no nearer than -1.08 in 50 epochs."
            return _say("odd", f"{seen}: D cannot tell them apart.", f"{either} {which}")
        if e.updates < SLOW_START and e.seen.pictures <= FEW:
            awake = "D woke up after about 250 updates in MNIST's full run, 700 in its narrow nets."
            first = f"Normal for a beginning: {seen}, because neither has learnt anything yet."
            return _say("normal", first, "G still draws the one picture that it began with.", awake)
        learn = f"D does not learn; raise its rate (now {recipe.lr_D:.2g})."
        return _say("odd", f"Not normal: {seen}, after {e.updates:,} updates of D.", learn, *alike)
    if recipe.generator_cost == "minimax" and D_fake <= 0.1 and norm_G <= FLAT:
        return _say(
            "broken",
            f"{_saturated(D_fake)}: G's gradient is {norm_G:.2g} long (MNIST's full run: 0.8 to 2.5).",
            "G will hardly move again. Choose the non-saturating cost and see whether it moves, or reset.",
            *alike,
        )
    if V >= CRUSHING[0] and D_fake <= CRUSHING[1]:
        if recipe.k > 1:
            advice = f"With k = {recipe.k} D moves {recipe.k} times for each move of G: lower k."
        elif recipe.lr_D >= 3 * recipe.lr_G:
            advice = f"D's rate is {recipe.lr_D / recipe.lr_G:.0f} times G's: bring them closer."
        else:
            advice = "If it lasts for some hundred steps, lower D's rate."
        return _say(
            "odd",
            f"Not normal: D wins by too much. D(G(z)) is {D_fake:.3f} and V {V:.3f}; healthy runs stayed below -0.08.",
            f"G's cost is high ({cost_G:.1f} nats) but its gradient is not gone ({norm_G:.2g}). {advice}",
            *alike,
        )
    if collapse and last.step < GROWN_UP:
        first = f"Too early to say. D {says}, and V is {V:.2f}. Look again after step {GROWN_UP:,}."
        begun = "MNIST's full run began so, too: until step 850 with seed 0, and until step 1,400 with seed 1."
        return _say("wait", first, collapse, begun)
    if collapse:
        costs = f"The costs do not show it: D {says}, and V is {V:.2f}."
        faces = "a run on faces drew hardly more than one picture until step 3,250, and many after that."
        ones = "MNIST's full run with seed 1 drew little but ones from step 3,250 to 4,750, and other digits later."
        passing = f"It can pass: {faces if e.seen.pictures <= FEW else ones}"
        return _say("odd", f"Not normal: G has collapsed. {collapse}", f"{costs} {passing}", HELVETICA)
    if V < MINUS_LOG_4 - 0.05:
        return _say("odd", _below(V, "D's rate or the momentum is too high, or k too small"))
    if V >= AHEAD:
        place = "So it was in MNIST's full run from step 350 to 3,500, until G caught up."
        return _say("normal", f"Normal so far. D is ahead: it {says}, V is {V:.2f}.", place)
    place = "MNIST's full run had V at -0.74 in epoch 10, -0.91 in epoch 20, -1.08 in epoch 50."
    return _say("normal", f"Normal. D {says}, V is {V:.2f}: neither player runs away.", place)


def _say(tone: str, *sentences: str) -> Verdict:
    return Verdict(tone, sentences)


def _swings(turns: int, within: str, momentum: float) -> str:
    seen = f"Not normal: V swings up and down, {turns} times in {within}. Each player overshoots what the other has"
    return f"{seen} just done. Less momentum (now {momentum:.2f}) or lower rates calm it."


def _saturated(D_fake: float) -> str:
    cost = "Not normal, but what section 3 predicts: G's cost log(1 - D(G(z))) has saturated."
    return f"{cost} D says {D_fake:.3f} to samples, where that cost is flat"


def _below(V: float, cause: str) -> str:
    seen = f"V is {V:.2f}, below -log 4: D does worse than if it said 1/2 to everything. It may be in the middle of a"
    return f"{seen} correction; if it stays there, {cause}."


# -- the toy of Figure 1 -----------------------------------------------------------------------------------------------

STEEP = 60.0
"""A logit of D that changes by more than this a unit of x. Of games that were trained on from D's optimum those that
went wrong began above 180; those that the decay of `best_D.BestD` saved, at 63 at most."""
WORST = -5.0  # V below which a game of the toy is going wrong
GONE = 0.25  # such a share of p_g outside the picture: thrown out
NARROW = 0.15  # p_g's width over that of the data below which samples hardly differ
SURE = 0.02  # D(G(z)) below which the minimax cost is flat
OF_LATE = "On average over the last measurements"  # so that a reader expects other numbers than those of the charts
SETTLED = 0.02  # JSD, nats, below which p_g lies on p_data


@dataclass(frozen=True)
class ToyEvidence:
    """What a verdict on a game of the toy stands on."""

    recent: np.ndarray  # the last measurements under settings that did not change: (n, 4), moves, V, C and JSD
    controls: Mapping[str, Any]
    says: tuple[float, float]  # the means of D(x) over p_data and of D(G(z))
    width: float  # the standard deviation of G(z), over that of the data
    outside: float  # the share of p_g outside the picture
    missed: int  # so many of p_data's hills have next to nothing of p_g
    steep: float  # how much D's logit changed a unit of x at most when D had been trained alone; 0: that is long ago
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
    narrow = f"p_g is {100 * e.width:.0f} % as wide as p_data: {MANY_TO_ONE}"
    alike = (narrow,) if e.width < NARROW else ()
    if not e.moves:
        return _say("wait", BEFORE)
    if lowest < WORST:
        rates = f"D's rate (now {now['lr_D']:.2g}), G's rate ({now['lr_G']:.2g})"
        long = f"Steps are too long. Lower {rates} or the momentum ({now['momentum']:.2f})."
        why = too_steep(e.steep) if e.steep > STEEP else long
        return _say("broken", f"Not normal: the costs run away (V fell to {lowest:,.3g}).", why)
    if e.outside > GONE:
        gone = f"Not normal: {100 * e.outside:.0f} % of p_g lies outside the picture. G was thrown beyond the data."
        return _say("odd", gone, "It comes back if D rises towards the data out there; if it does not, reset.")
    if now["k"] == 0 or now["lr_D"] == 0:
        return _say("odd", "D is held: G goes to wherever D was highest, and D does not learn of it.", *alike)
    if now["lr_G"] == 0:
        below = f"it is {max(C - V, 0):.3f} below C(G), which no D can exceed."
        return _say("normal", f"G is held, so that only V moves. {OF_LATE}, {below}")
    if since < ENOUGH:
        return _say("wait", f"{ENOUGH} moves {TOO_FEW}")
    if now["generator_cost"] == "minimax" and fake < SURE:
        return _say("broken", f"{_saturated(fake)}.", "Choose the non-saturating cost.")
    if turns >= TURNS:
        return _say("odd", _swings(turns, f"{since:,.0f} moves", now["momentum"]), *alike)
    if alike:
        return _say("odd", f"Not normal: {narrow} If it does not widen, reset, or help D.")
    if V < MINUS_LOG_4 - 0.05:
        return _say("odd", _below(V, "k is too small or G's rate too high"))
    if e.missed:
        far = f"p_g misses {e.missed} of the hills of p_data: G hears of a hill only where some z comes near it."
        return _say("odd", far, f"{says}.")
    if JSD < SETTLED:
        return _say(
            "normal", f"Normal: p_g lies on p_data. {says}, and V is on average {V:.3f}, near Theorem 1's -log 4."
        )
    ahead = "D is ahead" if V > AHEAD else "neither player runs away"
    late = f"{OF_LATE}, V is {max(C - V, 0):.2f} below C(G) and JSD {JSD:.2f}"
    return _say("normal", f"Normal. {says}. {late}: {ahead}.")
