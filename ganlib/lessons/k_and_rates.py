"""Notebook 09, k and the learning rates: its grids, its guesses, its maps and its tables."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from pandas.io.formats.style import Styler

from ganlib import plots
from ganlib.densities import Density, Gaussian
from ganlib.drawing import Drawing
from ganlib.picture import Picture
from ganlib.recipes import TOY, Recipe, profile
from ganlib.studies.grids import COLLAPSED, DIVERGED, MEASURES, Results, load_results, seeds_mean
from ganlib.studies.sweeps import MnistSweep, ToySweep
from ganlib.widgets import Explorer, Guess
from ganlib.widgets.explorer_engine import KEY, heat_map

RATES = (0.003, 0.008, 0.02, 0.05, 0.1, 0.2, 0.5, 1.2, 3.0)
SIZES: dict[str, dict[str, Any]] = {  # a few seconds; about two minutes; an hour or two
    "smoke": {"ks": (1, 5), "lrs_D": (0.003, 0.1, 3.0), "lrs_G": (0.02, 0.5), "updates": 240, "records": 10},
    "quick": {"seeds": (0, 1, 2), "updates": 6_000},
    "paper": {"ks": (1, 2, 3, 5, 10, 20), "lrs_D": RATES, "lrs_G": RATES, "seeds": range(4), "updates": 20_000},
}
GOOD = 0.05  # nats: a run whose JSD ends below it is called good
FAST = 0.05  # a rate of G above it is called fast
UNTRAINED = -48  # nats: a G that has not been trained draws the mean digit 500 times; so it scores on the same digits


# -- games ---------------------------------------------------------------------------------------------------------


def games(recipe: Recipe = TOY, p_data: Density | None = None, **grid: Any) -> ToySweep:
    """The grid of toy games of this notebook, at the profile's size; `grid` changes an axis (ks, lrs_D, ...)."""
    return ToySweep(recipe, p_data or Gaussian(0, 1), **SIZES[profile()] | grid)


def few_games(recipe: Recipe = TOY, p_data: Density | None = None, **grid: Any) -> ToySweep:
    """A small grid for an exercise, trained in seconds: k of 1 and 5, one rate of D and two of G, two seeds."""
    small = {"ks": (1, 5), "lrs_D": (0.1,), "lrs_G": (0.02, 0.1), "seeds": (0, 1), "updates": 1_500, "records": 15}
    if profile() == "smoke":
        small |= {"updates": 120, "records": 4}
    return ToySweep(recipe, p_data or Gaussian(0, 1), **small | grid)


def digits() -> Explorer:
    """The explorer of small nets on digits: the runs that come with the package; with `paper` they train live."""
    return Explorer(MnistSweep() if profile() == "paper" else load_results())


def said(results: Results) -> str:
    """What was trained, in words."""
    grid, info = results.grid, results.info
    words = f"{results.diverged.size} runs on {info['data']}: k in {grid.ks}, {len(grid.seeds)} seeds a cell, "
    words += f"{results.updates[-1]:,.0f} updates each\nrates of D: {grid.lrs_D}\nrates of G: {grid.lrs_G}"
    if results.kind == "mnist":
        return f"{words}\nmade on {info['made']} at commit {info['commit']}"
    recipe = Recipe.from_dict(info["recipe"])
    how = f"{recipe.generator_cost} cost, {recipe.update} updates, m = {recipe.batch}"
    return f"{words}\n{how}, momentum {recipe.momentum_start}"


# -- guesses -------------------------------------------------------------------------------------------------------


def guess_where() -> Guess:
    """Where the good runs lie on the map."""
    return Guess(
        "The map has D's rate upward and G's rate to the right. Where do the good runs lie?",
        ["on the diagonal: equal rates", "above it: D is the faster one", "below it: G is the faster one"],
        answer="above it: D is the faster one",
        because="G learns from D. A D that lags behind points to where p_g was some updates ago.",
    )


def guess_k() -> Guess:
    """What a larger k does for the best setting, at the same work."""
    return Guess(
        "k goes from 1 to 10, and the number of updates stays the same. What happens to the JSD of the best setting?",
        ["it becomes much better", "it stays about the same", "it becomes much worse"],
        answer="it stays about the same",
        because="A larger k keeps D closer to its optimum, but it leaves G fewer updates. The two about cancel.",
    )


def guess_rate() -> Guess:
    """How far the rate of D may go up on digits."""
    return Guess(
        "The recipe for MNIST trains both players at 0.1. How far can D's rate go up before every run diverges?",
        ["0.3 is already too much", "somewhere between 0.3 and 1", "beyond 1"],
        answer="somewhere between 0.3 and 1",
        because="At 0.3 some runs diverge and some do not. At 1 all of them do, with every k and every rate of G.",
    )


# -- maps and tables -------------------------------------------------------------------------------------------------


def maps(results: Results) -> Drawing:
    """A heat map for each k, of the JSD of toys or of the spread of digits, in the explorer's colours and signs."""
    shown, measure = next(iter(MEASURES[results.kind].items()))
    panels = [heat_map(results, shown, "D × G", k) for k in results.grid.ks]
    return plots.draw(Picture(panels, f"{measure.title}: the mean over the seeds. {KEY}"))


def fates(results: Results) -> Styler:
    """How many runs collapsed and diverged: by k, and of those with G's largest rate."""
    outcome, rate = results.outcome, results.grid.lrs_G[-1]
    table = pd.DataFrame(index=pd.Index(results.grid.ks, name="k"))
    table["runs"] = np.prod(outcome.shape[1:])
    for name, fate in (("collapsed", COLLAPSED), ("diverged", DIVERGED)):
        table[name] = (outcome == fate).sum((1, 2, 3))
        table[f"{name}, with G's rate {rate:g}"] = (outcome == fate)[:, :, -1].sum((1, 2))
    return table.style


def where(results: Results) -> tuple[float, float]:
    """The share of the collapsed runs whose G was the faster player; of the diverged runs that with a rate above 1."""
    D, G = np.meshgrid(results.grid.lrs_D, results.grid.lrs_G, indexing="ij")
    collapsed, diverged = ((results.outcome == fate).sum((0, 3)) for fate in (COLLAPSED, DIVERGED))  # (D, G)
    faster, large = collapsed[G > D].sum(), diverged[np.maximum(D, G) > 1].sum()
    return float(faster / max(collapsed.sum(), 1)), float(large / max(diverged.sum(), 1))


def what_k_buys(results: Results) -> pd.DataFrame:
    """By k: the best cell, the share of good runs at the same work and at the same updates of G, and C - V."""
    grid, score = results.grid, np.where(np.isnan(results.score), np.inf, results.score)  # (K, D, G, S)
    n = results.updates[-1] / (grid.ks[-1] + 1)  # G's updates in the runs with the largest k
    records = [np.abs(results.updates - n * (k + 1)).argmin() for k in grid.ks]
    same_G = np.array([results.curves["JSD"][i, ..., record].ravel() for i, record in enumerate(records)])
    whole = (results.outcome != DIVERGED).all(-1)  # (K, D, G): cells without a diverged run
    table = pd.DataFrame(index=pd.Index(grid.ks, name="k"))
    table["JSD of the best setting"] = np.where(whole, seeds_mean(results.score), np.inf).min((1, 2))
    table["good runs, same work"] = (score < GOOD).mean((1, 2, 3))
    table[f"good runs, same {n:,.0f} updates of G"] = (np.nan_to_num(same_G, nan=np.inf) < GOOD).mean(1)
    table["C − V, median"] = np.nanmedian(results.final("gap").reshape(len(grid.ks), -1), axis=1)
    fast = np.array(grid.lrs_G) > FAST
    table["good runs, with a fast G"] = (score < GOOD)[:, :, fast].mean((1, 2, 3))
    return table


def by_k(table: pd.DataFrame) -> Styler:
    """`what_k_buys`, with its shares as percentages."""
    return table.style.format({name: "{:.0%}" if name.startswith("good") else "{:.3f}" for name in table.columns})


def seeds_agree(results: Results) -> str:
    """How far the seeds of one cell agree: how many cells are good with all seeds, and worst over best."""
    score = np.where(np.isnan(results.score), np.inf, results.score)
    good = score < GOOD
    all_good, spread = good.all(-1), score.max(-1) / score.min(-1)
    lines = [f"{len(results.grid.seeds)} seeds a cell. Cells whose runs are all good: {all_good.mean():.0%}; "]
    lines[0] += f"cells with some good runs: {(good.any(-1) & ~all_good).mean():.0%}."
    if all_good.any():
        ratio = np.nanmedian(spread[all_good])
        lines.append(f"JSD of the worst seed over that of the best, median of the good cells: {ratio:.2f};")
    lines.append(f"median of the other cells: {np.nanmedian(spread[~all_good]):.2f}.")
    return "\n".join(lines)


def lost_by_rate(results: Results) -> Styler:
    """The share of runs that diverged, by D's rate and k: (rates of D, K)."""
    lost = results.share(DIVERGED).mean(2)  # (K, D)
    rates = pd.Index([f"{rate:g}" for rate in results.grid.lrs_D], name="D's rate")
    return pd.DataFrame(lost.T, rates, [f"k = {k}" for k in results.grid.ks]).style.format("{:.0%}")


def how_varied(results: Results) -> str:
    """The mean spread of the runs that survive, by k, and how many score better than a G that has not been trained."""
    widths = np.nanmean(results.final("width"), axis=(1, 2, 3))
    better, alive = (results.score > UNTRAINED).sum(), np.isfinite(results.score).sum()
    told = ", ".join(f"{width:.2f} with k = {k}" for k, width in zip(results.grid.ks, widths))
    lines = [f"Mean spread of the runs that survive: {told}.", f"{alive} runs survive."]
    lines[1] += f" Of these {better} end with a better Parzen score than the {UNTRAINED} nats of an untrained G."
    return "\n".join(lines)
