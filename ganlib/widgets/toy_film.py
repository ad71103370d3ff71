"""Figure 1 as a picture of four panels, and as a film: the toy played aside."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ganlib.picture import Panel, Picture
from ganlib.studies.phenomena import PRESETS, chain
from ganlib.studies.toys import Measured
from ganlib.widgets.toy_engine import ToyEngine


def four(engine: ToyEngine) -> tuple[list[Panel], dict[str, Measured]]:
    """The panels (a) to (d) of Figure 1, two by two, played aside, and what is measured of each.

    The first has the key to all. What is drawn besides, and what is clipped, has a name where it first stands.
    """
    played, panels, found, named = engine.twin(), [], {}, set[str]()
    for i, name in enumerate("abcd"):
        played.preset(name)
        played.finish()
        upper, lower = played.figure_1(PRESETS[name].title)
        measured = found[name] = played.toys.measure()
        ghosts = {False: "p_g before", True: "D before"}
        lines = [
            replace(line, name=ghosts[line.right]) if line.style == "reference" and not line.name else line
            for line in upper.lines
        ]
        lines = [replace(line, name="" if line.name in named else line.name, lit=False) for line in lines]
        named |= {line.name for line in lines}
        said = f"V {measured.V:.3f}, C(G) {measured.C:.3f}, JSD {measured.JSD:.3f} nats"
        row, column = 14 * (i // 2), 6 * (i % 2)
        panels.append(replace(upper, lines=lines, at=(row, column, 9, 6)))
        panels.append(replace(lower, at=(row + 9, column, 4, 6), caption=said))
    return panels, found


def frame(engine: ToyEngine, title: str) -> Picture:
    """Figure 1 as it is now. What is drawn besides is named in the title, as a legend that grows makes all jump."""
    upper, lower = engine.figure_1()
    said = [f"{title}: {engine.toys.step:,} iterations, JSD {engine.measured.JSD:.3f} nats"]
    said += ["grey: before"] if any(line.style == "reference" for line in upper.lines) else []
    said += ["purple: push on G(z)"] if upper.arrows else []
    arrows = [replace(one, name="", value=None) for one in upper.arrows]
    return Picture([replace(upper, title="; ".join(said), arrows=arrows), lower])


def frames(engine: ToyEngine, preset: str, n: int) -> list[Picture]:
    """A preset, played aside, as about n pictures of Figure 1: as many for each of its acts.

    Each is titled by the preset that its act belongs to: (d) goes through (a), (b) and (c) first.
    """
    played, acts, act, turns = engine.twin(), [], None, 0
    titles = [(own, each.title) for each in chain(preset) for own in each.acts]
    played.preset(preset)
    while True:
        if played.act and played.act is not act:
            act, turns = played.act, 0
            acts.append([])
            said = next(title for own, title in titles if own is act)
        if turns % max(1, act.n // 40) == 0 or not played.act:
            acts[-1].append(frame(played, said))
        if not played.act:
            break
        played._guarded()
        turns += 1
    share = np.linspace(0, 1, max(n // len(acts), 2))
    return [pictures[round(t * (len(pictures) - 1))] for pictures in acts for t in share]
