"""Be the generator: drag the pieces of p_g against a D that follows at its optimum, or is held.

from ganlib.widgets import BeTheGenerator, show

show(BeTheGenerator())
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import minimize

from ganlib import theory
from ganlib.controls import Button, Slider
from ganlib.densities import Array, Density, Drawn, Gaussian, Mixture, log_pdf
from ganlib.errors import RecipeError, brief
from ganlib.picture import Arrows, Level, Line, Mark, Panel, Picture, Range, minus, round_range
from ganlib.widgets.curves import Curves
from ganlib.widgets.demo import Demo, cell_key
from ganlib.widgets.engine import Engine

HILLS = ((-1.6, 1.1, 0.4), (1.4, 1.5, 0.6))  # where each stands, how far it reaches to either side, its mass
REACH = 4.0  # pieces may stand from -REACH to REACH
WIDTHS = (0.1, 1.5)  # of the pieces
LANE = 0.055  # the height of a piece's lane below the axis
LONGEST = 1.2  # of an arrow
LOWEST = -8.0  # of the chart of V, nats
NEAR = 0.5  # nats from the least cost, in one place: there the reader has met the Helvetica scenario
STARTS = 10  # of the search for the best place of the pieces
GRID = np.linspace(-REACH - 1, REACH + 1, 401)
SAID = {
    "one_place": "All of p_g in one place: against a D that does not answer, nothing is better. Now let D follow.",
    "held": "D is held: it does not answer. Make your cost, the mean of log(1 - D(x)) over p_g, as low as you can.",
    "leap": "While D was held, you took V from {} to {}. Then D answered, and V was {}: the less p_g looks like "
    "p_data, the nearer to 0.",
    "follows": "D answers every move with D*. Bring p_g onto p_data: then D is 1/2 everywhere, and V is -log 4.",
}
"""What stands below the picture."""
SURE = 700.0  # a logit of D at the most: exp of it is still a number


def two_hills() -> Drawn:
    """p_data unless another is given. It ends on both sides, so that D* has its top among the data, never far out."""
    x = np.linspace(-3, 3, 121)
    away = [(np.abs(x - centre) / reach, mass / reach) for centre, reach, mass in HILLS]
    return Drawn(x, sum(np.where(far < 1, height * np.cos(np.pi * far / 2) ** 2, 0) for far, height in away))


class BeTheGeneratorEngine(Engine):
    """The game without its front end: p_g is a mixture of `pieces` equal Gaussians of one width."""

    title = "Be the generator"

    def __init__(self, p_data: Density | None = None, pieces: int = 5, width: float = 0.5):
        if not isinstance(pieces, int) or isinstance(pieces, bool) or not 2 <= pieces <= 8:
            raise RecipeError(f"{brief(pieces)} pieces; give a whole number from 2 to 8")
        p_data = p_data or two_hills()
        if not hasattr(p_data, "pdf") or not hasattr(p_data, "knots"):
            raise RecipeError(f"p_data is {brief(p_data)}; give a density, such as Gaussian(0, 1)")
        self.p_data, self.n = p_data, pieces
        row, half = "The arrow keys move piece", (pieces + 1) // 2
        begin = np.linspace(-0.6, 0.6, pieces).round(2).tolist()
        picks = {f"pick_{i}": Button(f"{i}", f"Move piece {i} (key {i})", f"{i}", group=row) for i in self._numbers}
        for i in self._numbers:
            setattr(self, f"pick_{i}", partial(self.pick, i))
        controls: dict[str, Any] = {
            "hold": Button("Hold D", "D stays as it is, whatever you do (H)", "h", "pause"),
            "follow": Button("Let D follow", "D is at its optimum for every p_g (H)", "h", "play"),
            "best": Button("Best move", "Where the pieces are best off against this D (B)", "b"),
            "reset": Button("Reset", "Back to the start (R)", "r", "reset"),
            **picks,
            **{f"x_{i}": Slider(-REACH, REACH, x, 0.05, f"piece {i}") for i, x in enumerate(begin, 1)},
            "width": Slider(*WIDTHS, width, 0.05, "width", "The standard deviation of every piece"),
        }
        groups = [f"G, pieces 1 to {half}", f"G, pieces {half + 1} to {pieces}", "G, all pieces"]
        for i, key in enumerate([f"x_{i}" for i in self._numbers] + ["width"]):
            controls[key] = replace(controls[key], group=groups[(i >= half) + (i >= pieces)])
        super().__init__(controls)
        self._closest: tuple[float, Array, float] | None = None
        self.reset()

    # -- commands ------------------------------------------------------------------------------------------------------

    def changed(self, values: dict[str, Any]) -> None:
        """Move pieces: one move of the reader's."""
        super().changed(values)
        self.leap = None
        self.chosen = next((i for i in self._numbers if f"x_{i}" in values), self.chosen)
        self._measure()
        if self.follows:
            self.closest = min(self.closest, self.JSD)

    def pick(self, i: int) -> None:
        """Let the arrow keys move this piece."""
        self.chosen = i

    def hold(self) -> None:
        """Keep D as it is."""
        if self.follows:
            self.held, self.before, self.leap = self.p_g, self.V, None
            self.events.append((self.moves, "D held"))

    def follow(self) -> None:
        """Let D answer: it is D* from now on."""
        if not self.follows:
            was, self.held = self.V, None
            self.events.append((self.moves, "D follows"))
            self._measure()
            self.leap = (self.before, was, self.V)
            self.closest = min(self.closest, self.JSD)

    def best(self) -> None:
        """Put the pieces where they are best off: nearest to p_data while D follows, on D's top while it is held."""
        if self.follows:
            _, x, width = self.possible()
        else:
            x, width = np.full(self.n, self.top()), WIDTHS[0]
        self.values |= {f"x_{i}": float(x[i - 1]) for i in self._numbers} | {"width": float(width)}
        self._measure()

    def reset(self) -> None:
        """Back to the start."""
        self.values = {key: self.controls[key].start for key in self.values}
        self.held, self.leap, self.before, self.chosen, self.moves = None, None, 0.0, 1, 0
        self.events: list[tuple[int, str]] = []
        self.curve = Curves(2)
        self._measure()
        self.closest = self.JSD

    def off(self) -> list[str]:
        """D is either held or follows."""
        return ["follow"] if self.follows else ["hold"]

    def pressed(self) -> list[str]:
        """The piece that the arrow keys move."""
        return [f"pick_{self.chosen}"]

    # -- the mathematics -----------------------------------------------------------------------------------------------

    @property
    def _numbers(self) -> range:
        return range(1, self.n + 1)

    @property
    def x(self) -> Array:
        """Where the pieces stand: (n,)."""
        return np.array([self.values[f"x_{i}"] for i in self._numbers])

    @property
    def p_g(self) -> Mixture:
        """The density of G: pieces of equal mass."""
        return pieces_at(self.x, self.values["width"])

    @property
    def follows(self) -> bool:
        """Whether D is at its optimum for the present p_g."""
        return self.held is None

    def logit(self, x: ArrayLike) -> Array:
        """D's logit at x, D being the optimum for the present p_g, or for that at which it was held."""
        return np.clip(log_pdf(self.p_data, x) - log_pdf(self.held or self.p_g, x), -SURE, SURE)

    def _measure(self) -> None:
        """V, C and JSD by quadrature, G's own part of V, and a row of the chart."""
        p_g = self.p_g
        self.V, self.C, self.JSD = theory.V_C_JSD(self.logit, self.p_data, p_g)
        others = [self.p_data] if self.held is None else [self.p_data, self.held]
        self.cost = theory.expectation(lambda x: -np.logaddexp(0, self.logit(x)), p_g, *others)
        self.curve.add(self.moves, (self.V,))
        self.moves += 1

    def push(self) -> Array:
        """-dV/dx of each piece times their number, D kept as it is: (n,). It points where G's cost falls."""
        p_g, width = self.p_g, self.values["width"]
        x, w = theory.quadrature(p_g, self.p_data, *([self.held] if self.held else []), order=8)
        pieces = np.stack([piece.pdf(x) for piece in p_g.parts])  # (n, nodes)
        return (pieces * (x - self.x[:, None])) @ (w * np.logaddexp(0, self.logit(x))) / width**2

    def top(self) -> float:
        """Where D is highest, of all places where a piece may stand."""
        x = np.array(self.controls["x_1"].places())
        return float(x[np.argmax(self.logit(x))])

    def least(self) -> float:
        """The lowest cost against this D: all of p_g in one point, where D is highest."""
        return float(-np.logaddexp(0, self.logit(self.top())))

    def possible(self) -> tuple[float, Array, float]:
        """The smallest JSD that a search from several starts finds, where the pieces stand then, and their width."""
        if self._closest is None:
            p, step = self.p_data.pdf(GRID), GRID[1] - GRID[0]
            share = np.cumsum(p) / p.sum()

            def jsd(at: Array) -> float:
                """JSD of p_data and the pieces at these places, of this log width, by sums over the grid."""
                q = pieces_at(at[:-1], np.exp(at[-1])).pdf(GRID)
                m = (p + q) / 2 + 1e-300
                return float((p * np.log(p / m + 1e-300) + q * np.log(q / m + 1e-300)).sum() * step / 2)

            x = np.interp((np.arange(self.n) + 0.5) / self.n, share, GRID)
            ends = [(-REACH, REACH)] * self.n + [tuple(np.log(WIDTHS))]
            rng = np.random.default_rng(0)
            begin = [[*(x + rng.normal(0, 0.5 * (i > 0), self.n)), np.log(0.4)] for i in range(STARTS)]
            found = [minimize(jsd, one, bounds=ends, method="L-BFGS-B").x for one in np.clip(begin, *zip(*ends))]
            at = min(found, key=jsd)
            x, width = at[:-1], float(np.exp(at[-1]))
            self._closest = theory.JSD(self.p_data, pieces_at(x, width)), x, width
        return self._closest

    # -- what there is to see ------------------------------------------------------------------------------------------

    def picture(self) -> Picture:
        """p_data, p_g with its pieces and their arrows, and D; and V over the reader's moves."""
        if self.follows:
            told = [(self.C, "V = C(G), nats"), (self.JSD, "JSD"), (self.closest, "your closest")]
            told.append((min(self.possible()[0], self.closest), "the closest known"))
        else:
            told = [(self.V, "V, nats"), (self.cost, "your cost"), (self.least(), "the least there is")]
        return Picture([self._game(), self._chart()], self._words(), [(minus(f"{v:.3f}"), what) for v, what in told])

    def _game(self) -> Panel:
        low, high, p_g = -LANE * (self.n + 1), 1.05, self.p_g.pdf(GRID)
        lanes = -LANE * np.arange(1, self.n + 1)
        order = sorted(self._numbers, key=lambda i: i != self.chosen)  # the arrow keys move the first
        marks = [Mark(self.x[i - 1], lanes[i - 1], f"{i}", "G", (f"x_{i}", None)) for i in order]
        if p_g.max() > high:
            marks.append(Mark(GRID[p_g.argmax()], high, f"p_g to {p_g.max():.1f}", "G", up=True))
        ends = self.x + np.clip(self.push(), -LONGEST, LONGEST)
        arrows = Arrows(np.stack([self.x, lanes], 1), np.stack([ends, lanes], 1), "V")
        D = 1 / (1 + np.exp(-self.logit(GRID)))
        lines = [Line(GRID, self.p_data.pdf(GRID), "p_data", "data")]
        lines.append(Line(GRID, p_g, "p_g", "G", fill=True))
        lines.append(Line(GRID, D, "D*, follows" if self.follows else "D, held", "D", right=True))
        return Panel(
            *("p_g in your hands", lines, (-REACH - 0.4, REACH + 0.4), (low, high), "x", "density"),
            **{"marks": marks, "arrows": [arrows], "levels": [Level(0)], "right": (low, high)},
            **{"right_label": "D(x)", "right_ticks": [(0, "0"), (0.5, "½"), (1, "1")]},
            y_ticks=[(0, "0"), (0.5, "0.5"), (1, "1")],
            caption="Drag the pieces 1, 2, ... below the axis. An arrow shows which way a piece must go to lower V.",
            at=(0, 0, 15, 8),
        )

    def _chart(self) -> Panel:
        moves, V = self.curve.rows().T
        ends: Range = round_range(max(min(-1.5, V.min()), LOWEST), 0)
        levels = [Level(theory.MINUS_LOG_4, "-log 4"), *(Level(x=float(x), name=name) for x, name in self.events[-6:])]
        across = (0, max(20, self.moves))
        line, title = Line(moves, V, "", "V"), "V over your moves, nats"
        return Panel(title, [line], across, ends, "your moves", levels=levels, at=(0, 8, 15, 4))

    def _words(self) -> str:
        if not self.follows:
            if self.cost < self.least() + NEAR and np.ptp(self.x) < NEAR:
                return SAID["one_place"]
            return SAID["held"]
        if self.leap:
            return SAID["leap"].format(*(f"{V:.2f}" for V in self.leap))
        return SAID["follows"]


class BeTheGenerator(Demo):
    """Drag the pieces of p_g, and see what D answers; hold D, and meet the Helvetica scenario by hand.

        show(BeTheGenerator())
        BeTheGenerator(Gaussian(0, 1), pieces=3)
        play.move(-1.6, -1.6, 1.4, 1.4, 1.4)    # the same as dragging
        play.hold(); play.best(); play.follow()
        play.x_1, play.width = 0.5, 0.3         # every piece and the width are traits

    All numbers are exact, by quadrature (`ganlib.theory`), in nats.
    """

    def __init__(self, p_data: Density | None = None, pieces: int = 5, width: float = 0.5) -> None:
        super().__init__(BeTheGeneratorEngine(p_data, pieces, width), key=cell_key(type(self).__name__))

    def move(self, *x: float) -> None:
        """Put the pieces to these places: as many numbers as there are pieces."""
        if len(x) != self.engine.n:
            raise RecipeError(f"{len(x)} places for {self.engine.n} pieces; give one for each")
        self.set(**{f"x_{i}": at for i, at in enumerate(x, 1)})


def pieces_at(x: Sequence[float] | Array, width: float) -> Mixture:
    """Gaussians of equal mass and one width at the places x (n,)."""
    return Mixture(tuple(Gaussian(float(at), float(width)) for at in x))
