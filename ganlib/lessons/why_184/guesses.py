"""What the reader guesses."""

from ganlib.picture import Line, Panel
from ganlib.studies.long_runs import (
    AVERAGE,
    LAST,
    look_back,  # noqa: F401
    parts,  # noqa: F401
    precision,  # noqa: F401
    rows,
    score_now,  # noqa: F401
    steps,  # noqa: F401
)
from ganlib.widgets import Guess

# -- guesses ---------------------------------------------------------------------------------------------------------


def guess_average() -> Guess:
    """The score of the average over the epochs, to be sketched over that of the last iterate."""
    last, mean = (rows("seed 0", "validation", name)["paper"].loc[20:] for name in (LAST, AVERAGE))
    panel = Panel(
        "Score on the first 1,000 validation digits, nats",
        [Line(last.index.to_numpy(float), last.to_numpy(), "last iterate of seed 0", "reference")],
        (0, 1_000),
        (100, 250),
        "epoch",
    )
    return Guess(
        "The grey line is the last iterate. Sketch the score of the average of G's weights over the run so far.",
        panel=panel,
        truth=lambda: Line(mean.index.to_numpy(float), mean.to_numpy(), "the average", "G"),
        because="The average is near its final score by epoch 300. The last iterate follows only as its steps shrink.",
    )


def guess_look_back() -> Guess:
    """Whether an average over a half of the run is better than one over a tenth."""
    return Guess(
        "An average over a half of the run holds weights from long ago, when G was much worse. "
        "How does it score beside an average over a tenth of the run?",
        ["worse", "about the same", "better"],
        answer="better",
        because="G moves slowly in one direction and quickly around it. What is quick is noise, and averages out.",
    )


def guess_grid() -> Guess:
    """How much a grid of only ten values of σ costs."""
    return Guess(
        "The paper's grid has ten values of σ, each 29 % above the last. How much can a σ between two of them add?",
        ["less than 1 nat", "some 4 to 6 nats", "some 30 nats"],
        answer="some 4 to 6 nats",
        because="The best σ of these weights lies at 0.18, between the third value and the fourth.",
    )
