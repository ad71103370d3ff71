"""Guess first: a question, a guess on record, and then what happens, with the guess drawn over it.

from ganlib.widgets import Guess, show

guess = Guess("Where does D* stand when p_g = p_data?", ["at 0", "at 1/2", "at 1"], answer="at 1/2", because="...")
show(guess)
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from ganlib import plots
from ganlib.controls import Button, Curve
from ganlib.errors import RecipeError, brief, table
from ganlib.picture import Line, Note, Panel, Picture, minus
from ganlib.widgets.demo import Demo, cell_key
from ganlib.widgets.engine import Engine

NODES = 81  # heights of a sketch, as many as the page draws
NARROW = 6.4  # inches that its still is wide, so that it can be read on a slide and on a narrow page
CLOSE = 0.06  # a sketch is right when it is no farther off than this share of the panel's height, on average
ALIKE = 0.95  # ... and has the right shape when it correlates with what happens by so much
FIRST = "Guess first: then this can be shown."
DRAW = "Draw your guess: drag over the picture, or use the arrow keys. Then press “Show what happens”."
DRAWN = "Your guess is drawn. You may draw it anew, or press “Show what happens”."
Truth = Line | tuple[Any, Any] | Callable[[], Any] | None


class GuessEngine(Engine):
    """The demo without its front end: `made` is the guess, `shown` whether what happens is there to see."""

    title = "Guess first"

    def __init__(
        self,
        question: str,
        options: Sequence[str] | None = None,
        *,
        answer: str | None = None,
        because: str = "",
        panel: Panel | None = None,
        truth: Truth = None,
    ):
        if not isinstance(question, str) or not question.strip():
            raise RecipeError(f"the question is {brief(question)}; give a sentence")
        if (options is None) == (panel is None):
            raise RecipeError("a guess is either one of some options or a sketch over a panel; give one of the two")
        self.question, self.because, self.panel = question, because, panel
        self.options, self.answer = [] if options is None else _options(options, answer), answer
        self.shown, self._picked, self._truth = False, None, truth
        buttons = {
            f"option_{i}": Button(minus(words), group=minus(question)) for i, words in enumerate(self.options, 1)
        }
        for key, option in zip(buttons, self.options):
            setattr(self, key, partial(self.pick, option))
        if panel is not None:
            _check_panel(panel, answer)
            buttons["sketch"] = Curve([None] * NODES, free=True)
        elif truth is not None:
            raise RecipeError("`truth` is the curve that a sketch is held against; for options give `answer`")
        buttons["reveal"] = Button("Show what happens", "What happens, beside your guess (Enter)", "enter", group="-")
        buttons["again"] = Button("Guess again", "Forget the guess (R)", "r", group="-")
        super().__init__(buttons)
        if panel is not None and truth is not None and not callable(truth):
            self.truth()

    # -- commands ------------------------------------------------------------------------------------------------------

    @property
    def made(self) -> Any:
        """The guess: an option, or a sketch's (x, y) with nan where nothing is drawn; None before there is one."""
        if self.panel is None:
            return self._picked
        y = np.array(self.values["sketch"], float)
        return (np.linspace(*self.panel.x, len(y)), y) if np.isfinite(y).any() else None

    @property
    def state(self) -> str:  # type: ignore[override]
        """ "idle", "guessed" or "shown"."""
        return "shown" if self.shown else "idle" if self.made is None else "guessed"

    def pick(self, option: str) -> None:
        """Guess an option; another one than before, as long as nothing is shown."""
        if option not in self.options:
            raise RecipeError(f"{brief(option)} is none of the options; use one of: {', '.join(self.options)}")
        if self.shown and option != self.answer:
            raise RecipeError("What happens is shown already. Press “Guess again” to guess anew.")
        self._picked = self._picked if self.shown else option

    def changed(self, values: dict[str, Any]) -> None:
        """Take a sketch, as long as nothing is shown."""
        if self.shown:
            raise RecipeError("What happens is shown already. Press “Guess again” to draw anew.")
        super().changed(values)

    def reveal(self) -> None:
        """Show what happens. Raises `RecipeError` before a guess was made."""
        if self.made is None:
            raise RecipeError(FIRST)
        if self.panel is not None:
            self.truth()  # what goes wrong in it is said now, and nothing is shown
        self.shown = True

    def again(self) -> None:
        """Forget the guess."""
        self.shown, self._picked = False, None
        if self.panel is not None:
            self.values["sketch"] = [None] * NODES

    def off(self) -> list[str]:
        """Nothing can be shown before a guess; and afterwards only the right option stays lit."""
        wrong = [f"option_{i}" for i, option in enumerate(self.options, 1) if self.shown and option != self.answer]
        return [*wrong, *(["reveal"] if self.shown or self.made is None else []), *([] if self.made else ["again"])]

    def pressed(self) -> list[str]:
        """The option that was guessed."""
        return [f"option_{i}" for i, option in enumerate(self.options, 1) if option == self._picked]

    # -- what there is to see ------------------------------------------------------------------------------------------

    def truth(self) -> Line | None:
        """What happens, as a line; a function is called once. Raises `RecipeError` on what is no curve."""
        if callable(self._truth):
            self._truth = self._truth()
        if self._truth is not None and not isinstance(self._truth, Line):
            self._truth = _curve(self._truth)
        return self._truth

    def line(self, name: str = "your guess") -> Line | None:
        """The sketch as a line of the look "guess"; None while there is none, and for options."""
        return Line(*self.made, name, "guess") if self.panel is not None and self.made is not None else None

    def picture(self) -> Picture:
        """The panel with what is drawn; once it is shown, what happens, whether the guess agreed, and why."""
        notes = [Note([DRAW if self.made is None else DRAWN], self.question, above=True)] if self.panel else []
        right, lines = self.verdict() if self.shown else (False, [])
        if self.shown:
            notes = [replace(note, lines=[]) for note in notes]
            notes.append(Note([*lines, *([self.because] if self.because else [])], tone="normal" if right else "odd"))
        elif not self.panel:
            picked = f"You guess: {self._picked}. Now press “Show what happens”."
            notes.append(Note(["Choose one." if self.made is None else picked]))
        return Picture([self._panel()] if self.panel else [], notes=notes)

    def _panel(self) -> Panel:
        panel, lines = self.panel, [self.truth() if self.shown else None, self.line()]
        at, draws = panel.at or (0, 0, 10, 8), None if self.shown else "sketch"
        return replace(panel, lines=[*panel.lines, *filter(None, lines)], draws=draws, at=at)

    def verdict(self) -> tuple[bool, list[str]]:
        """Whether the guess is right, and that in words."""
        if not self.panel:
            right = self._picked == self.answer
            said = f"Yes: {self.answer}." if right else f"You guessed: {self._picked}. What happens: {self.answer}."
            return right, [said]
        truth = self.truth()
        if truth is None:
            return True, ["Your guess is kept. Now see what happens."]
        (x, y), at = self.made, np.asarray(truth.x, float)
        there = np.isfinite(y) & (x >= at.min()) & (x <= at.max())
        y, real = y[there], np.interp(x[there], at, np.asarray(truth.y, float))
        y, real = y[np.isfinite(real)], real[np.isfinite(real)]
        if not len(y):
            return False, ["Your sketch lies beside the curve: there is nothing to compare."]
        off, tall = float(np.abs(y - real).mean()), self.panel.y[1] - self.panel.y[0]
        if off <= CLOSE * tall:
            return True, [f"Yes: your sketch is close to what happens, {off:.2g} off on average."]
        spread = min(y.std(), real.std()) > 1e-9
        if spread and np.corrcoef(y, real)[0, 1] > ALIKE:
            return True, [f"Your sketch has the right shape. Its height is {off:.2g} off on average."]
        return False, [f"What happens is another curve: your sketch is {off:.2g} off on average. See where they part."]

    def png(self) -> bytes:
        """The question as it is before a guess: for readers without a kernel, and never with the answer."""
        if self.panel:
            notes = [Note([], self.question, above=True)]
            picture = Picture([replace(self.panel, at=self.panel.at or (0, 0, 10, 8))], notes=notes)
            return plots.png(plots.draw(picture, width=NARROW))
        notes = [Note([f"○  {words}" for words in self.options], self.question)]
        return plots.png(plots.draw(Picture([], notes=notes), width=NARROW))


class Guess(Demo):
    """A question that the reader answers before what happens is shown; the guess stays beside it.

        Guess("Where does C(G) go?", ["to 0", "to -log 4"], answer="to 0", because="Two heaps apart ...")
        Guess("Sketch the JSD.", panel=Panel(x=(0, 10), y=(0, 0.7)), truth=(x, y), because="...")
        guess.pick("to 0"); guess.reveal(); guess.again()   # the same as pressing
        guess.sketch = heights                              # the same as drawing; None where there is a gap

    `truth` is a curve (x, y), a `Line`, or a function that gives one, called when it is first needed; None when it is
    another demo that will show it. `LiveToy(..., guess=guess)` keeps a sketch in its chart.
    """

    def __init__(self, question: str, options: Sequence[str] | None = None, **about: Any) -> None:
        super().__init__(GuessEngine(question, options, **about), key=cell_key(f"{type(self).__name__} {question}"))

    @property
    def made(self) -> Any:
        """The guess: an option, or a sketch's (x, y) with nan where nothing is drawn; None before there is one."""
        return self.engine.made

    def line(self, name: str = "your guess") -> Line | None:
        """The sketch as a line of the look "guess", for other charts; None while there is none, and for options."""
        return self.engine.line(name)

    def pick(self, option: str) -> None:
        """Guess an option."""
        options = self.engine.options
        if option not in options:
            self.engine.pick(option)  # it raises
        self.press(f"option_{options.index(option) + 1}")


def _options(options: Sequence[str], answer: str | None) -> list[str]:
    found = [] if isinstance(options, str) else list(options)
    if not 2 <= len(found) <= 8 or not all(isinstance(o, str) and o for o in found) or len({*found}) < len(found):
        raise RecipeError(f"the options are {brief(options)}; give two to eight different words or sentences")
    if not isinstance(answer, str) or answer not in found:
        raise RecipeError(f"the answer is {brief(answer)}; it must be one of the options: {', '.join(found)}")
    return found


def _check_panel(panel: Panel, answer: Any) -> None:
    if not isinstance(panel, Panel) or panel.x is None or panel.y is None:
        raise RecipeError("a sketch needs a Panel with the ranges x and y, which do not give the answer away")
    if panel.draws or panel.heat or panel.cells or panel.tiles:
        raise RecipeError("a sketch is drawn over a Panel of lines, levels and marks, nothing else")
    if answer is not None:
        raise RecipeError("`answer` is one of some options; for a sketch give `truth`, a curve (x, y)")


def _curve(truth: Any) -> Line:
    if not isinstance(truth, Sequence) or len(truth) != 2:
        raise RecipeError(f"the truth is {brief(truth)}; give a curve (x, y), a Line, or a function that gives one")
    x, y = (table(values) for values in truth)
    if x is None or y is None or x.ndim != 1 or x.shape != y.shape or len(x) < 2 or (np.diff(x) <= 0).any():
        raise RecipeError("the truth must be a curve (x, y): as many y as x, and x growing")
    return Line(x, y, "what happens", "V")
