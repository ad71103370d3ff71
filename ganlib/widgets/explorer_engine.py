"""The explorer without a front end: the sweeps, which one trains, and their numbers for the page.

Which cell, slice or moment a person looks at is the page's own business: it holds every run's curves, so that looking
around waits for nobody.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ganlib.errors import GanlibError, RecipeError
from ganlib.studies.sweeps import WIDE, MnistSweep, Results, Sweep, ToySweep
from ganlib.widgets.background import Command
from ganlib.widgets.protocol import Snapshot
from ganlib.widgets.toy_controls import DATA, LIMITS

TABS = {"toy": "Toy", "mnist": "MNIST"}
"""Kind -> what its tab is called."""
OFTEN = 0.4
"""Seconds between frames at the least."""
PER_MEGABYTE = 2.0
"""Seconds between frames for each megabyte that a frame holds."""


class ExplorerEngine:
    """A grid of toys and one of small MNIST nets, each a sweep that can train here or the `Results` of one that has.

    The state of each tab: "idle", "running", "paused", "finished", "error", or "precomputed" for results. Two never
    train at once: starting one pauses the other. A command that makes no sense raises `RecipeError`
    and changes nothing.
    """

    def __init__(self, toy: ToySweep | Results | None, mnist: MnistSweep | Results | None = None):
        given = {kind: source for kind, source in (("toy", toy), ("mnist", mnist)) if source is not None}
        if not given:
            raise RecipeError("an explorer needs a grid: a ToySweep, a MnistSweep, or the results of one")
        for kind, source in given.items():
            if not isinstance(source, Sweep | Results) or source.kind != kind:
                raise RecipeError(f"{kind} is {source!r:.60}; it must be a sweep of that kind, or its results")
        self.sources: dict[str, Sweep | Results] = given
        self.states = {kind: self._rest(kind) for kind in given}
        self.slow = False
        """Whether the person asks for less motion: a frame a second at the most."""
        self.applied = 0
        self.message = ""
        self._errors: dict[str, str] = {}
        self._shown: dict[str, tuple[int, Results]] = {}
        self._handed: dict[str, Results] = {}
        self._arrays: dict[str, tuple[int, np.ndarray]] = {}
        self._version = 0

    def _rest(self, kind: str) -> str:
        """The state of a sweep that does not train."""
        source = self.sources[kind]
        if isinstance(source, Results):
            return "precomputed"
        return "finished" if source.finished else "paused" if source.done > 0 else "idle"

    # -- commands ------------------------------------------------------------------------------------------------------

    @property
    def running(self) -> bool:
        """Whether `advance` trains."""
        return "running" in self.states.values()

    @property
    def interval(self) -> float:
        """Seconds between frames: seldom enough for the megabytes that go to the page."""
        size = sum(array.nbytes for _, array in self._arrays.values()) / 1e6
        return max(1.0 if self.slow else OFTEN, PER_MEGABYTE * size)

    def start(self, kind: str) -> None:
        """Train that grid, or go on; the other one rests."""
        sweep = self._sound(kind)
        self.pause()
        if not sweep.finished:
            self.states[kind] = "running"

    def pause(self) -> None:
        """Rest where the training is."""
        self.states = {kind: self._rest(kind) if state == "running" else state for kind, state in self.states.items()}

    def reset(self, kind: str) -> None:
        """Forget what that grid has learnt: every run back to its start."""
        self._sweep(kind).reset()
        self._errors.pop(kind, None)
        self._shown.pop(kind, None)
        self.states[kind] = "idle"

    def finish(self, kind: str, *, progress: bool = True) -> bool:
        """Train that grid to its end here and now; True when it got there."""
        sweep = self._sound(kind)
        self.pause()
        self.message = ""
        try:
            return sweep.finish(progress=progress)
        finally:
            self.states[kind] = self._rest(kind)

    def _sweep(self, kind: Any) -> Sweep:
        source = self.sources.get(kind) if isinstance(kind, str) else None
        if not isinstance(source, Sweep):
            live = [name for name, source in self.sources.items() if isinstance(source, Sweep)]
            raise RecipeError(f"{kind!r} is no grid that trains here; there are: {', '.join(live) or 'none'}")
        return source

    def _sound(self, kind: Any) -> Sweep:
        """The sweep of that kind, unless an error has ended it: nobody knows what state that left it in."""
        sweep = self._sweep(kind)
        if self.states[kind] == "error":
            raise RecipeError(f"the sweep has ended in an error, reset it first: {self._errors[kind]}")
        return sweep

    def do(self, command: Command) -> None:
        """Carry out a command as plain data: {"type": "start", "tab": "toy"}."""
        kind = command.get("type")
        if isinstance(command.get("id"), int):
            self.applied = command["id"]
        if kind in ("start", "reset"):
            getattr(self, kind)(command.get("tab"))
        elif kind in ("pause", "stop"):
            self.pause()
        elif kind == "slow":
            self.slow = bool(command.get("value"))
        else:
            raise RecipeError(f"unknown command {kind!r}")
        self.message = ""

    def fail(self, error: BaseException) -> None:
        """Take note of an error; one that is not about a command ends the training until a reset."""
        self.message = str(error) if isinstance(error, GanlibError) else f"{type(error).__name__}: {error}"
        if isinstance(error, KeyboardInterrupt):
            self.pause()
            self.message = "Interrupted. Start goes on from here."
        elif not isinstance(error, RecipeError):
            for kind, state in self.states.items():
                if state == "running":
                    self.states[kind], self._errors[kind] = "error", self.message

    def retire(self) -> None:
        """Stop for good, because a newer demo has taken this one's place."""
        self.pause()

    def advance(self, seconds: float) -> None:
        """Train for about so many seconds."""
        for kind, state in self.states.items():
            if state == "running":
                sweep = self._sweep(kind)
                sweep.advance(seconds)
                if sweep.finished:
                    self.states[kind] = "finished"

    # -- what there is to see ------------------------------------------------------------------------------------------

    def results(self, kind: str) -> Results:
        """What that grid has measured so far; made anew only when something was."""
        source = self.sources[kind]
        if isinstance(source, Results):
            return source
        seen = self._shown.get(kind)
        if seen is None or seen[0] != source.version:
            self._shown[kind] = (source.version, source.results)
        return self._shown[kind][1]

    def snapshot(self, draw: bool) -> Snapshot:
        """All that the page shows; `draw` says whether the numbers are to be taken anew."""
        if draw or not self._arrays:
            for kind in self.sources:
                self._take(kind)
        states = self.states.values()
        header = {
            "state": next((state for state in ("running", "error") if state in states), "idle"),
            "message": self.message or next(iter(self._errors.values()), ""),
            "applied": self.applied,
            "step": round(100 * float(np.mean([self._done(kind) for kind in self.sources])), 1),
            "settings": {},
            "tabs": [self._tab(kind) for kind in self.sources],
        }
        return Snapshot(header, arrays=dict(self._arrays))

    def _done(self, kind: str) -> float:
        source = self.sources[kind]
        return 1.0 if isinstance(source, Results) else source.done

    def _take(self, kind: str) -> None:
        """Hand the curves (names, K, D, G, S, T) out, and what else the page draws, where they have changed."""
        results = self.results(kind)
        if self._handed.get(kind) is results:
            return
        self._handed[kind] = results
        self._version += 1
        found = {"curves": np.stack(list(results.curves.values())), "diverged": results.diverged}
        source = self.sources[kind]
        if isinstance(source, ToySweep):
            found["p_g"] = source.p_g
            middle = (source.edges[1:] + source.edges[:-1]) / 2
            found["p_data"] = np.stack([middle, source.p_data.pdf(middle)])
        for name, array in found.items():
            self._arrays[f"{kind}_{name}"] = (self._version, np.array(array, np.float32))

    def _tab(self, kind: str) -> dict[str, Any]:
        """One grid's axes, state and provenance, as the page takes them."""
        results = self.results(kind)
        grid, info = results.grid, results.info
        return {
            "kind": kind,
            "name": TABS[kind],
            "state": self.states[kind],
            "done": self._done(kind),
            "axes": {"k": list(grid.ks), "D": list(grid.lrs_D), "G": list(grid.lrs_G)},
            "seeds": list(grid.seeds),
            "updates": results.updates.tolist(),
            "names": list(results.curves),
            "narrow": results.narrow,
            "wide": WIDE,
            "data": str(info.get("data", "")),
            "note": self._note(kind, info),
            "open": _live_name(self.sources[kind]),
            "limits": {"D": LIMITS["lr_D"], "G": LIMITS["lr_G"], "k": LIMITS["k"]},
        }

    def _note(self, kind: str, info: Mapping[str, Any]) -> str:
        """What must be said about results that were not made here."""
        if self.states[kind] != "precomputed":
            return ""
        runs, seeds = self.results(kind).diverged.size, len(self.results(kind).grid.seeds)
        took = f" in {info['minutes']:.0f} minutes" if "minutes" in info else ""
        return (
            f"Precomputed, not trained here: {runs} runs, {seeds} seeds a cell, made on "
            f"{info.get('made', 'a day unknown')}{took}, "
            f"on {info.get('data', 'data unknown')}, at commit {info.get('commit', 'unknown')}."
        )


def _live_name(source: Sweep | Results) -> str:
    """What the live toy calls this grid's p_data; empty when it has no name for it."""
    p_data = getattr(source, "p_data", None)
    return next((name for name, density in DATA.items() if density == p_data), "")
