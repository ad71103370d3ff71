"""The demos that the browser tests of the view drive: a small game, sliders over a function, pictures of a film.

The whole file is a cell of their notebook.
"""

import numpy as np

from ganlib.controls import Button, Choice, Curve, Points, Slider, Switch
from ganlib.picture import Arrows, Cells, Heat, Level, Line, Mark, Note, Panel, Picture, Tiles
from ganlib.widgets.engine import GAME, Game

X = np.linspace(-3, 3, 121)


class Small(Game):
    """A walk along a curve, with one of everything that can stand on a page."""

    title = "A small game"

    def __init__(self):
        D, G, look = "D, the discriminator", "G, the generator", {"look": True, "slide": True, "group": "Where to look"}
        times = "{} of D to 1 of G".format
        super().__init__(
            {
                **GAME,
                "leap": Button("Leap", "Ten iterations at once (B)", "b", "up", group="Presets"),
                "pick": Button("Pick", group="hidden"),
                "k": Slider(1, 20, 1, 1, "k", "D's updates to one of G's", whole=True, group=D, words=times),
                "rate": Slider(1e-3, 1, 0.1, name="Rate of D", log=True, off=(0, "0: held"), group=D),
                "kind": Choice(["given", "drawn", "points", "broken"], name="Data", group=G),
                "faint": Switch(False, "faint", group=G),
                "row": Choice([1, 2, 3], name="Row", **look),
                "column": Choice(["a", "b"], name="Column", **look),
                "heights": Curve(list(np.exp(-(X[::3] ** 2)))),
                "points": Points([(0, 0)]),
            }
        )
        self.begin()

    def begin(self):
        self.steps, self.picked, self.walk = 0, {}, []

    def once(self):
        self.steps += 1
        self.walk = [*self.walk[-599:], np.sin(self.steps / 40) + 0.3 * np.sin(7.7 * self.steps)]

    def leap(self):
        for _ in range(10):
            self.once()

    def pressed(self):
        return ["leap"] if self.steps % 10 == 0 and self.steps else []

    def pick(self, index):
        self.picked = {**self.picked, index: str(len(self.picked) + 1)}

    def changed(self, values):
        self.values |= values
        for key in values.keys() & {"k", "rate"}:
            self.note(self.steps, key, values[key])

    def picture(self):
        if self.values["kind"] == "broken":
            raise ValueError("this kind is broken")
        notes = [Note([f"{self.steps // 100} hundreds."], "Verdict", "normal"), Note(["x = 1"], "Code", "code")]
        panels = [self.main(), self.sheet(), self.chart(), self.table()]
        return Picture(panels, f"k is {self.values['k']}.", [(f"{self.steps}", "iterations")], notes)

    def main(self):
        kind, drawn, t = self.values["kind"], self.values["heights"], np.sin(self.steps / 40)
        heights = np.interp(X, np.linspace(-3, 3, len(drawn)), drawn) if kind == "drawn" else np.exp(-(X**2))
        bump, own = np.exp(-4 * (X - t) ** 2), np.array(self.values["points"]).reshape(-1, 2)
        lines = [Line(X, heights, "p_data", "data"), Line(X, bump, "p_g", "G", 1.0, fill=True)]
        lines += [Line(X, bump / 2, "D", "D", right=True), Line(*own.T, "own", "other", dots=True)]
        z, x = (np.stack([X[::4] + along, np.full(31, y)], 1) for along, y in ((0, -0.5), (t, -0.1)))
        axes = {"y_label": "density", "right_label": "D(x)", "right_ticks": [(0, "0"), (0.5, "½"), (1, "1")]}
        marks = [Mark(1.5, 1.6, "p_g to 9", "G", up=True)]
        draws = {"drawn": "heights", "points": "points"}.get(kind)
        more = {"arrows": [Arrows(z, x)], "marks": marks, "draws": draws, "right": (0, 1), "at": (0, 0, 12, 7)}
        return Panel("Figure 1", lines, (-3, 3), (-0.6, 1.6), **axes, **more)

    def sheet(self):
        shades = np.add.outer(np.arange(6) * 30 + self.steps, np.arange(64).reshape(8, 8) * 2)
        return Panel("Images", tiles=Tiles((shades % 256).astype(np.uint8), 3, self.picked, "pick"), at=(0, 7, 6, 5))

    def chart(self):
        x = np.arange(len(self.walk)) + max(self.steps - 600, 0)
        lines = [Line(x, np.array(self.walk), "walk", "V", smooth=True)]
        levels = [Level(0.5, "half"), *self.event_levels()]
        return Panel("Walk", lines, (0, max(self.steps, 20)), (-2, 2), levels=levels, at=(6, 7, 6, 5))

    def table(self):
        words = [[["1"], ["2"]], [["3"], []], [["5"], ["6", "× 1/2"]]]
        names = {"rows": ["1", "2", "3"], "columns": ["a", "b"], "name": "worth", "moves": ("column", "row")}
        cells = Cells([[1, 2], [3, np.nan], [5, 6]], words, limits=(1, 6), **names)
        return Panel("Table", cells=cells, x_label="column", y_label="row", at=(12, 0, 8, 6))


def draw(mean, width, kind):
    """A map with a handle, and curves."""
    if kind == "broken":
        raise ValueError("this kind is broken")
    C = np.linspace(-1, 1, 33)[None] ** 2 + np.linspace(-1, 1, 31)[:, None] ** 2
    p, q = np.exp(-(X**2)), np.exp(-(((X - mean) / width) ** 2))
    heat = Heat(C, (-4, 4), (0.25, 4), (0.3, 0.6), "C(G)")
    here = Mark(mean, width, f"{mean:.1f}", moves=("mean", "width"))
    curves = [Line(X, p, "p_data", "data"), Line(X, q, "p_g", "G", fill=True)]
    curves.append(Line(X, p / (p + q + 1e-9), "D*", "D", 0.5))
    surface = Panel("C over mean and width", heat=heat, marks=[here], x_label="mean", y_label="width")
    densities = Panel("Densities", curves, x=(-3, 3), y=(0, 1), levels=[Level(0.5, "1/2")])
    return Picture([surface, densities], f"The mean is {mean:.1f}.")


def film(n):
    """n pictures of a wave."""
    waves = [Panel("Wave", [Line(X, np.sin(X + i / 10), "y", "G")], y=(-1, 1)) for i in range(n)]
    return [Picture([wave], f"Frame {i}.") for i, wave in enumerate(waves)]
