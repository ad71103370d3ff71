"""What notebook 1 shows: guesses, pictures of one pixel, Figure 1, and six games that go wrong."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn

from ganlib import Dataset, Trainer, plots
from ganlib.densities import Array
from ganlib.drawing import Drawing
from ganlib.picture import Picture
from ganlib.studies.phenomena import PRESETS
from ganlib.studies.toys import Measured
from ganlib.widgets import Guess, ToyEngine, toy_film

WRONG = ("saturation", "no saturation", "Helvetica", "oscillation", "k too small", "k large")
"""The games that go wrong, and two that show what mends them, by the names of the live toy's presets."""
LAST = 50  # moves at the end of a game


def guess_panel_b() -> Guess:
    """Which curves move while D alone learns?"""
    return Guess(
        "From (a) to (b) only D learns, until it is as good as it can be. What moves in the charts?",
        ["V alone", "V and C(G)", "V, C(G) and the divergence"],
        answer="V alone",
        because="C(G) and the divergence belong to G alone, and G stands still. V climbs until it meets C(G), which is "
        "the highest value that any D can reach against this G.",
    )


def guess_helvetica() -> Guess:
    """What does G do when D no longer learns?"""
    return Guess(
        "Both have learnt, and p_g is close to p_data. From now on D is held, and G alone goes on. Where does p_g go?",
        ["it stays on p_data", "it spreads out", "it shrinks to one point", "it leaves the data"],
        answer="it shrinks to one point",
        because="Against a D that never changes, the best that G can do is to send every z to the one x that D "
        "believes most. The paper calls this the Helvetica scenario.",
    )


def one_pixel(pixels: Tensor) -> Dataset:
    """Pictures of a single pixel, (n, 1) from 0 to 255, as a data set that a `Trainer` takes."""
    pictures, labels = pixels.to(torch.uint8), torch.zeros(len(pixels), dtype=torch.int64)
    splits = {part: pictures for part in ("train", "valid", "test")}
    splits |= {f"{part}_labels": labels for part in ("train", "valid", "test")}
    return Dataset("one pixel", (1, 1, 1), **splits, source="made up by notebook 1")


def plot_pixels(pixels: Tensor, fakes: Tensor) -> None:
    """Histograms of the grey values of data and of fakes, both (n, 1) from 0 to 255."""
    [ax] = plots.panels(1, width=6.5, height=2.6)
    bins = np.linspace(0, 255, 35)
    ax.hist(pixels.flatten(), bins, color=plots.GREY, alpha=0.45, label="1,000 pictures of the data")
    ax.hist(fakes.detach().flatten(), bins, histtype="step", color=plots.GREEN, lw=2, label="1,000 pictures by G")
    ax.set(xlabel="grey value, from 0 (black) to 255 (white)", ylabel="pictures", xlim=(0, 255))
    ax.legend(loc="upper left")


def difference(G: nn.Module, D: nn.Module, trainer: Trainer) -> float:
    """The largest difference between a parameter of G or D and the same one of a trainer's nets."""
    pairs = ((G, trainer.G), (D, trainer.D))
    return max(
        (p - q).abs().max().item() for a, b in pairs for p, q in zip(a.parameters(), b.parameters(), strict=True)
    )


def compare(G: nn.Module, D: nn.Module, trainer: Trainer) -> pd.DataFrame:
    """The last parameters of both nets, to twelve decimals, as they were typed and as `ganlib` has them."""
    rows = {}
    for name, typed, theirs in (("G", G, trainer.G), ("D", D, trainer.D)):
        mine, other = list(typed.parameters()), list(theirs.parameters())
        rows[f"{name}, its last bias"] = [f"{net[-1].item():.12f}" for net in (mine, other)]
        rows[f"{name}, a weight in the middle"] = [f"{net[0][3].item():.12f}" for net in (mine, other)]
    n = sum(p.numel() for net in (G, D) for p in net.parameters())
    print(f"the same to 12 decimals in all {n} numbers that G and D learn: {difference(G, D, trainer) < 5e-13}")
    return pd.DataFrame.from_dict(rows, "index", columns=["typed by hand", "ganlib"])


def figure_1() -> tuple[Drawing, dict[str, Measured]]:
    """Figure 1, its four panels as the live toy brings them about, and what was measured in each."""
    panels, measured = toy_film.four(ToyEngine())
    return plots.draw(Picture(panels)), measured


@dataclass(frozen=True)
class Played:
    """A preset of the live toy, from its beginning to its end."""

    title: str
    data: str  # p_data
    moves: Array
    JSD: Array  # nats, at each of the moves
    width: float  # of the stretch that holds 90 % of p_g at the end


def wrong_ways() -> dict[str, Played]:
    """The six games, played by the engine of the live toy."""
    played, edges = {}, np.linspace(-30, 30, 6001)
    for name in WRONG:
        engine = ToyEngine()
        engine.preset(name)
        engine.finish()
        moves, JSD = engine.curves.rows().T[[0, 3]]
        width = np.ptp(np.interp((0.05, 0.95), engine.toys.p_g().cdf(edges), edges))
        data = {"drawn": "one hill, far from G", "bimodal": "two hills", "gaussian": "one Gaussian"}
        kind = engine.values["p_data"]
        played[name] = Played(PRESETS[name].title, data.get(kind, kind), moves, JSD, float(width))
    return played


def plot_wrong_ways(played: Mapping[str, Played]) -> None:
    """The divergence over the moves of each game; the dotted line is log 2: p_g and p_data have nothing in common."""
    _, axes = plt.subplots(2, 3, figsize=(9.5, 4.4), sharey=True, layout="constrained")
    for ax, game in zip(axes.flat, played.values()):
        ax.plot(game.moves, game.JSD, color=plots.GREEN, lw=1)
        ax.axhline(np.log(2), color=plots.GREY, ls=":")
        ax.set(title=f"{game.title}\np_data: {game.data}", ylim=(0, 0.75))
    for ax in axes[:, 0]:
        ax.set_ylabel("JSD, nats")
    for ax in axes[1]:
        ax.set_xlabel("moves of both players")
    axes[0, 2].annotate(
        "log 2", (1, np.log(2)), ha="right", va="bottom", fontsize=8, xycoords=("axes fraction", "data")
    )


def table_of_wrong_ways(played: Mapping[str, Played]) -> pd.DataFrame:
    """The games in numbers."""
    rows = {}
    for game in played.values():
        last = game.JSD[game.moves > game.moves[-1] - LAST]
        over = f"{last.min():.3f} to {last.max():.3f}"
        rows[game.title] = [game.data, f"{game.JSD[-1]:.3f}", over, f"{game.width:.3f}"]
    columns = [
        "p_data",
        "JSD at the end, nats",
        f"JSD in the last {LAST} moves",
        "width of the stretch with 90 % of p_g",
    ]
    return pd.DataFrame.from_dict(rows, "index", columns=columns)
