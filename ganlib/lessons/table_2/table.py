"""Table 2 itself: the paper's cells in our words, what was found for each, and the guesses of the notebook."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd
from IPython.display import Markdown, display
from pandas.io.formats.style import Styler

from ganlib.picture import minus
from ganlib.recipes import profile
from ganlib.widgets import Guess

ROWS = ("training", "inference", "sampling", "evaluating p(x)", "model design")
COLUMNS = ("directed", "undirected", "autoencoder", "adversarial")
HEADS = ("deep directed models", "deep undirected models", "generative autoencoders", "adversarial models")
PAPER = {  # Table 2, in our words
    "training": (
        "Each update needs inference of the hidden causes.",
        "Each update needs inference, and a Markov chain for the gradient of the partition function.",
        "A trade-off is built in: what reconstructs well mixes badly.",
        "D must keep in step with G, or all z go to one x.",
    ),
    "inference": (
        "A learned approximation.",
        "A variational approximation.",
        "A Markov chain.",
        "A learned approximation.",
    ),
    "sampling": (
        "No difficulty.",
        "Needs a Markov chain.",
        "Needs a Markov chain.",
        "No difficulty.",
    ),
    "evaluating p(x)": (
        "Out of reach; AIS may approximate it.",
        "Out of reach; AIS may approximate it.",
        "Not written down in the model; Parzen windows may approximate it.",
        "Not written down in the model; Parzen windows may approximate it.",
    ),
    "model design": (
        "Hardly any model can be had without great difficulty.",
        "Care is needed for several properties at once.",
        "Any differentiable function will do, in theory.",
        "Any differentiable function will do, in theory.",
    ),
}
"""The twenty cells of the paper's Table 2, in our words: row -> a cell for each of `COLUMNS`."""

Found = dict[tuple[str, str], str]
"""What was found for a cell, in words: (row, column) -> words."""


def smoke() -> bool:
    """Whether this is a quick look, in which numbers mean nothing."""
    return profile() == "smoke"


def few(quick: int, look: int) -> int:
    """A number for the profiles above smoke, and one for a quick look."""
    return look if smoke() else quick


def the_table(found: Mapping[tuple[str, str], str] | None = None) -> Styler:
    """Table 2: in each cell the paper's words, as we put them, and below what was found for it."""
    cells = []
    for row in ROWS:
        ours = [minus((found or {}).get((row, column), "")) for column in COLUMNS]
        both = [f"<i>{said}</i><br><br>{own}" if own else f"<i>{said}</i>" for said, own in zip(PAPER[row], ours)]
        cells.append([f"<b>{row}</b>", *both])
    look = {"text-align": "left", "white-space": "normal", "vertical-align": "top", "min-width": "9em"}
    heads = [{"selector": "th", "props": [("text-align", "left")]}]
    frame = pd.DataFrame(cells, columns=["", *HEADS])
    return frame.style.hide(axis="index").set_properties(**look).set_table_styles(heads)


def say(*found: str) -> None:
    """Show what was found, a paragraph each, as text whose lines break between words on every page."""
    for words in found:
        display(Markdown(minus(words)))


def missing(found: Mapping[tuple[str, str], str]) -> list[tuple[str, str]]:
    """The cells for which nothing was found."""
    return [(row, column) for row in ROWS for column in COLUMNS if not found.get((row, column))]


# -- guesses -----------------------------------------------------------------------------------------------------------


def guess_cd() -> Guess:
    """How far contrastive divergence gets on a machine whose likelihood is known."""
    return Guess(
        "The best possible log-likelihood is -3.09 nats. The exact gradient comes within 0.1 of it. "
        "Where does CD-1, whose chain takes one step, end after as many updates?",
        ["within 0.1 nats as well", "about 1 nat short", "it never leaves its start at -8.3"],
        answer="about 1 nat short",
        because="One step from the data does not see what the model believes in far away from the data.",
    )


def guess_corruption() -> Guess:
    """What more noise does to a denoising autoencoder."""
    return Guess(
        "A denoising autoencoder is trained with nine pixels in ten replaced by noise. What will its chain do?",
        ["bring a fresh picture at nearly every step", "keep one digit for a hundred steps", "draw pure noise"],
        answer="bring a fresh picture at nearly every step",
        because="So little is left of a digit that the next one need not be the same. Nor can it be sharp.",
    )


def guess_ruler() -> Guess:
    """How far the Parzen window falls short of a density that is known."""
    return Guess(
        "A linear G with Gaussian noise has a density that can be written down. 10,000 of its samples are given to "
        "the Parzen window, with the very sigma of that noise. How does the score compare with the true log p(x)?",
        ["it is right to a few nats", "it is some 20 nats too low", "it is some 200 nats too low"],
        answer="it is some 200 nats too low",
        because="In many dimensions no sample is as near to x as the best z would come, and 10,000 are few.",
    )


def guess_fold() -> Guess:
    """What the encoder's shape costs."""
    return Guess(
        "Let x = |z| with a little noise. A given x then has two causes, z and −z. How much of log p(x) does the best "
        "Gaussian encoder lose?",
        ["next to nothing", "log 2, 0.69 nats", "more and more as the noise gets small"],
        answer="log 2, 0.69 nats",
        because="It can only cover one of two equal hills. Half of the posterior is left out, whatever the noise.",
    )
