"""A move of the toy taken apart, for slow motion: z is drawn, then G(z), what D says, the gradient, and the move."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy.special import expit

from ganlib import plots
from ganlib.densities import Array
from ganlib.picture import Arrows, Line, Panel
from ganlib.studies.toys import Toys
from ganlib.widgets.scene import Scene

DRAWN = 1.0  # moves a second at the most for which the parts of a move are drawn
STAGES = 5  # 0: the last move has been made; 1 to 4: z, G(z), D(x), and the gradient of the next one
SHOWN = 16  # of a batch
PULL = 0.3  # how far on D's axis an arrow reaches, where an example pulls with all its weight
MOVED = {
    "D": "D has moved. The grey dashes are D as it was.",
    "G": "G has moved. The grey line is p_g as it was.",
    "DG": "D and G have moved. What is grey is D and p_g as they were.",
}


@dataclass(frozen=True)
class Coming:
    """The next move: who makes it, and what it draws, the first SHOWN of the batch."""

    players: str  # "D", "G" or "DG"
    m: int  # the size of the batch
    z: Array
    x: Array  # of the data; empty where G moves alone
    fakes: Array  # G(z)
    D_x: Array
    D_fakes: Array
    push: Array  # -d cost of G / dx at the fakes

    def said(self, stage: int) -> str:
        """What is drawn at a stage, in a sentence."""
        who = {"D": "D moves next", "G": "G moves next, and D is held", "DG": "D and G move next, together"}
        some = f"{len(self.z)} of each" if len(self.x) else f"{len(self.z)} of them"
        some = f" ({some} are shown)" if self.m > len(self.z) else ""
        data = f", and {self.m} x from the data" if len(self.x) else ""
        pull = "each x of the data pulls D up, by 1 − D(x), and each fake pulls it down, by D(G(z))"
        push = "each G(z) is pushed along x to where G's cost falls, by −d cost/dx"
        gradient = {"D": pull, "G": push, "DG": f"{pull}; {push}"}[self.players]
        at = "the data (black) and of the fakes (green)" if len(self.x) else "the fakes"
        parts = (
            f"{who[self.players]}. {self.m} z are drawn from the prior{data}{some}.",
            "G maps each z to a fake, x = G(z): an arrow each.",
            f"D says of {at} how likely they are to be data: a dot each, on D.",
            f"The gradient: {gradient}.",
        )
        return f"{stage} of {STAGES - 1}. {parts[stage - 1]}"

    def panels(self, now: Scene, stage: int) -> list[Panel]:
        """Figure 1 with what is drawn at a stage."""
        upper, lower = replace(now, z=self.z, x=self.fakes, push=None).figure_1(
            lit={"D": "D", "G": "p_g"}.get(self.players, "")
        )
        starts = np.concatenate([arrows.start for arrows in lower.arrows])
        dots = [Line(starts[:, 0], 0 * starts[:, 0] + 0.08, "", "G", dots=True)]
        data = [Line(self.x, 0 * self.x + 0.92, "", "data", dots=True)] if len(self.x) else []
        lower = replace(lower, lines=[*lower.lines, *dots, *data], arrows=lower.arrows if stage > 1 else ())
        if stage < 3:
            return [upper, lower]
        at = [(self.fakes, self.D_fakes, "G"), *([(self.x, self.D_x, "data")] if data else [])]
        lines, arrows, top = [], [], upper.y[1]
        for x, D, style in at:
            lines += [_stems(x, D), Line(x, D, "", style, dots=True, right=True)]
            if stage == 4 and "D" in self.players:
                to = D + PULL * (1 - D) if style == "data" else D - PULL * D
                arrows.append(Arrows(np.stack([x, top * D], 1), np.stack([x, top * to], 1), "D"))
        if stage == 4 and "G" in self.players:
            arrows.append(plots.pushes(self.fakes, self.D_fakes, self.push, top)[1])
        return [replace(upper, lines=[*upper.lines, *lines], arrows=arrows), lower]


def coming(toys: Toys, move: str) -> Coming:
    """The next move of a stack of one game: "D" or "G" by itself, or "next", of the iteration under way."""
    player, stream = {"D": ("D", 0), "G": ("G", -1)}.get(move, toys.coming)
    x, z = (part[0, :SHOWN].flatten().double().numpy() for part in toys.ahead(stream))
    x = x if player != "G" else x[:0]
    fakes = toys.G_of(z)
    says = (expit(toys.logit(of)) for of in (x, fakes))
    return Coming({"both": "DG"}.get(player, player), toys.batch, z, x, fakes, *says, toys.push(fakes))


def _stems(x: Array, D: Array) -> Line:
    """Upright lines from the axis of x up to D, as one line with gaps."""
    return Line(np.repeat(x, 3), np.stack([0 * D, D, np.full_like(D, np.nan)], 1).ravel(), "", "reference", right=True)
