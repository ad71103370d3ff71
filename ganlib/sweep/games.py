"""One run of a sweep as a game that plays piece by piece, measures itself, and goes on from its last checkpoint."""

from pathlib import Path
from typing import Protocol

from ganlib.errors import CheckpointError, door
from ganlib.sweep import planning
from ganlib.sweep.picture_game import PictureGame
from ganlib.sweep.planning import Plan, Row, Run
from ganlib.sweep.toy_game import ToyGame


class Game(Protocol):
    """A run under way."""

    rows: list[Row]
    """What was measured so far, a row a record."""
    resumed: int
    """The iterations that had been done where it went on; 0: it began anew."""

    @property
    def step(self) -> int:
        """Iterations done."""

    @property
    def finished(self) -> bool:
        """Whether it has all its records."""

    def advance(self) -> None:
        """Some iterations, and the record that is due after them. Raises `TrainingDiverged`."""

    def save(self) -> None:
        """Write a checkpoint."""


def opened(plan: Plan, run: Run, folder: Path | None) -> Game:
    """The run, from its start, or from the last checkpoint in its folder; None: without one."""
    return ToyGame(plan, run, folder) if plan.toys else PictureGame(plan, run, folder)


@door(CheckpointError)
def game(source: Plan | Path | str, number: int) -> Game:
    """One run of a plan, or of the sweep in a folder, from its start, to play by itself: `advance` until `finished`.

    Bit for bit as a worker plays it where torch has one thread, as there: torch.set_num_threads(1).
    """
    plan = source if isinstance(source, Plan) else planning.read(source)
    return opened(plan, plan.run(number), None)
