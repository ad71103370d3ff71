"""The last row, model design: a decoder that folds, a weight within a layer, the pieces of a net."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from ganlib import plots
from ganlib.drawing import Drawing
from ganlib.lessons.table_2.table import few
from ganlib.picture import Line, Panel
from ganlib.studies import table_2 as study


def plot_fold(folds: Sequence[study.Fold]) -> Drawing:
    """For two noises the posterior of x = |z| and the best Gaussian q, with the nats that q lacks."""
    panels = []
    for fold in folds:
        mu, t, lacks = fold.best()
        q = np.exp(-((fold.z - mu) ** 2) / (2 * t**2)) / (t * np.sqrt(2 * np.pi))
        lines = [Line(fold.z, fold.posterior, "p(z | x)", "C"), Line(fold.z, q, "the best Gaussian q", "D")]
        title = f"x = {fold.x:g}, noise {fold.s:g}: q lacks {lacks:.3f} nats"
        panels.append(Panel(title, lines, (-2.5, 2.5), (0, 1.1 * q.max()), "z", "density"))
    return plots.draw(panels)


def says_fold(fold: study.Fold) -> str:
    """What a fold costs the encoder."""
    return (
        f"A decoder that folds, x = |z|, costs the best Gaussian encoder {fold.best()[2]:.3f} nats, log 2: it covers "
        "one of two causes."
    )


def says_within(far: Mapping[float, float]) -> str:
    """What one weight within a layer does to sampling a layer at a time."""
    least, (weight, most) = far[0], max(far.items())
    return (
        f"One weight of {weight} within a layer, and drawing a layer at a time is off by {most:.2f} in total variation "
        f"(without it {least:.2f}, the error of so many draws)."
    )


def pieces() -> pd.DataFrame:
    """Each piece as a part of G, and of a denoising autoencoder: before and after training."""
    rows = []
    for name in study.PIECES:
        game_ = study.play(study.net_of(name, 0), few(1_500, 20))
        coder = study.autoencode(study.net_of(name, 0, 12, 12), few(2_000, 20))
        rows.append((name, *game_, *coder))
    columns = ["piece", "JSD before", "JSD after", "error before", "error after"]
    return pd.DataFrame(rows, columns=columns)


def says_pieces(table: pd.DataFrame, before: str, after: str, what: str) -> str:
    """Which pieces train: those whose number falls to less than a half."""
    falls = table[after] < table[before] / 2
    stuck = ", ".join(table["piece"][~falls])
    worst = table[after][falls].max()
    return f"{falls.sum()} pieces of {len(table)} train ({what} {worst:.2f} or less in the end), untuned; not: {stuck}."
