"""Notebook 19: better coordination of both players and better priors on z, at equal cost."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from pandas.io.formats.style import Styler

from ganlib import plots, theory
from ganlib.densities import Density, Gaussian, Mixture
from ganlib.drawing import Drawing
from ganlib.errors import RecipeError, brief
from ganlib.game import PRIORS
from ganlib.picture import Cells, Level, Line, Panel, Picture, Tiles
from ganlib.recipes import profile
from ganlib.studies.coordination import DATA, RATES, SEEDS, WAYS, Z_DIMS, Play, Way, recipe_for, unpacked
from ganlib.widgets import Guess, SideBySide

RECORD = Path(__file__).parent.parent / "results" / "coordination.json"
FAILED = {
    1: 0.3,
    2: 0.5,
}  # nats, by the dimension of x: a run whose JSD ends above it counts as failed, as one that diverged
PLAIN = "k = 1"


def record() -> dict[str, Any]:
    """What `tools/measure_coordination.py` measured: "toys" and "digits"."""
    return json.loads(RECORD.read_text(encoding="utf-8"))


def one_of(named: Mapping[str, Any], name: str, what: str) -> Any:
    """What has this name. Raises `RecipeError` on a name that is not there."""
    if name not in named:
        raise RecipeError(f"{what} is {brief(name)}; use one of: {'; '.join(named)}")
    return named[name]


# -- two at once -------------------------------------------------------------------------------------------------------


def side_by_side(**settings: Any) -> SideBySide:
    """The demo of this notebook: two ways at equal cost."""
    return SideBySide(**settings)


def spent(way: str, data: str = "two hills", budget: int = 600) -> dict[str, int]:
    """How one game spends its gradients: those of D, those of G, and all."""
    play = Play(one_of(WAYS, way, "way"), recipe_for(data), DATA[data], budget=budget).finish()
    return {"of D": int(play.n_D), "of G": int(play.n_G), "together": int(play.cost)}


def costs(*ways: str) -> pd.DataFrame:
    """How some ways spend the same budget: a row each."""
    return pd.DataFrame({way: spent(way) for way in ways}).T.rename_axis("way")


def guess_best() -> Guess:
    """What helps the toys most."""
    return Guess(
        "Sixteen ways to play, at the same number of gradients. By how much does the best way lower the JSD of plain "
        "k = 1 on two hills?",
        ["hardly", "by about a third", "to less than a third"],
        answer=BEST[0],
        because=BEST[1],
    )


BEST = (
    "hardly",
    "The best median is about a sixth below that of k = 1. No way of the sixteen is a leap, and seeds differ by more.",
)


# -- the map of the toys -----------------------------------------------------------------------------------------------


class Best:
    """One way on one p_data: the pair of rates with the smallest median JSD over the seeds, and its runs."""

    def __init__(self, run: dict[str, Any], iterate: str):
        values = np.array(run[iterate], float)  # (rates, seeds); nan: diverged
        medians = np.median(np.where(np.isfinite(values), values, np.inf), axis=1)
        i = int(medians.argmin())
        self.runs, self.median = values[i], float(medians[i])  # (seeds,)
        dim = 2 if "modes" in run else 1
        self.rates = RATES[dim][i]
        self.failed = int((~(self.runs < FAILED[dim])).sum())
        self.modes = np.array(run["modes"][i]) if "modes" in run else None
        self.good = np.array(run["good"][i], float) if "good" in run else None


def bests(iterate: str = "last") -> dict[tuple[str, str, int], Best]:
    """The best pair of rates of each (way or prior, data, coordinates of z)."""
    return {(run["way"], run["data"], run["z_dim"]): Best(run, iterate) for run in record()["toys"]["runs"]}


def plain_dim(data: str) -> int:
    """Coordinates of z in the plain game: one, and in the plane two."""
    return recipe_for(data).z_dim


def map_panel(
    title: str, rows: Sequence[str], columns: Sequence[str], cells: dict[tuple[str, str], Best], **more: Any
) -> Panel:
    """A heat map of the median JSD; ★ is the best of a column, × counts runs that failed. What is not there is grey."""
    value = {key: cell.median for key, cell in cells.items()}
    least = {c: min(v for (_, column), v in value.items() if column == c) for c in columns}

    def words(row: str, column: str) -> list[str]:
        """The number, a star, and failures."""
        if (row, column) not in cells:
            return ["–"]
        cell = cells[row, column]
        star = " ★" if cell.median == least[column] else ""
        failed = f"  × {cell.failed}/{len(cell.runs)}" if cell.failed else ""
        return [(f"{cell.median:.3f}" if math.isfinite(cell.median) else "lost") + star + failed]

    upward = list(rows)[::-1]
    colours = np.array([[value.get((row, column), math.nan) for column in columns] for row in upward])
    colours = np.where(np.isfinite(colours), np.log(np.clip(colours, 0.005, 0.5)) / math.log(100) + 1.151, math.nan)
    table = Cells(colours, [[words(r, c) for c in columns] for r in upward], upward, list(columns), (0, 1))
    return Panel(title, cells=table, x_label="", **more)


def map_of_ways() -> Drawing:
    """The ways on every p_data: median JSD of the last iterate, and of the average of G."""
    panels = []
    for i, (iterate, title) in enumerate((("last", "The last G"), ("average", "The average of G's parameters"))):
        all_ = bests(iterate)
        cells = {(w, d): all_[w, d, plain_dim(d)] for w in WAYS for d in DATA if (w, d, plain_dim(d)) in all_}
        panels.append(map_panel(title, list(WAYS), list(DATA), cells, at=(18 * i, 0, 17, 12)))
    return plots.draw(Picture(panels, CAPTION))


CAPTION = f"Median JSD over {len(SEEDS)} seeds, nats. Dark is good. ★: the best of the column. ×: runs that failed."


def wins() -> Styler:
    """In how many of the seeds a way ends with a smaller JSD than plain k = 1, each at its best rates."""
    found = bests()
    table = {
        data: {
            way: int((found[way, data, plain_dim(data)].runs < found[PLAIN, data, plain_dim(data)].runs).sum())
            for way in WAYS
            if way != PLAIN and (way, data, plain_dim(data)) in found
        }
        for data in DATA
    }
    return pd.DataFrame(table).reindex([way for way in WAYS if way != PLAIN]).style.format("{:.0f}", na_rep="–")


SURE = 7  # of eight seeds: fewer may be luck (at four each way, 7 or more come in 9 of 256 cases)


def verdict_on_ways() -> str:
    """Which ways beat plain k = 1 with most seeds, which lose to it, and the best of each p_data; in words."""
    found, table, lines = bests(), wins().data, []
    n = len(SEEDS)
    for words, chosen in (("beats", table >= SURE), ("loses to", table <= n - SURE)):
        counts = chosen.sum(axis=1)
        told = [f"{way} ({', '.join(table.columns[chosen.loc[way]])})" for way in counts.index if counts[way] >= 2]
        lines.append(
            f"What {words} k = 1 in {SURE} of {n} seeds or more, on two kinds of data or more: "
            f"{'; '.join(told) or 'none'}."
        )
    for data in DATA:
        dim = plain_dim(data)
        best = min((way for way in WAYS if (way, data, dim) in found), key=lambda way: found[way, data, dim].median)
        pair = [found[way, data, dim].median for way in (best, PLAIN)]
        lines.append(
            f"{data}: the smallest median is that of {best}, {pair[0]:.3f} nats; that of k = 1 is {pair[1]:.3f}."
        )
    return "\n".join(lines)


def verdict_on_averages() -> str:
    """How often the average of G has a smaller JSD than the last G, over all ways, by p_data."""
    last, average, lines = bests(), bests("average"), []
    for data in DATA:
        keys = [(way, data, plain_dim(data)) for way in WAYS if (way, data, plain_dim(data)) in last]
        better = sum(average[key].median < last[key].median for key in keys)
        ratio = np.median([average[key].median / last[key].median for key in keys])
        lines.append(
            f"{data}: the average of G is better than the last G in {better} of {len(keys)} ways; "
            f"in the median its JSD is {ratio:.2f} times the other."
        )
    return "\n".join(lines)


def said_of_toys() -> str:
    """How many toys were played, and how."""
    toys = record()["toys"]
    n = sum(np.size(run["last"]) for run in toys["runs"])
    minutes = toys["seconds"] / 60
    lines = [
        f"{n:,} games of {toys['budget']:,} gradients each, {len(SEEDS)} seeds, in {minutes:.0f} minutes of one core."
    ]
    for dim, name in ((1, "In one dimension"), (2, "In the plane")):
        lines.append(f"{name} the pairs of rates (D, G) tried: {', '.join(map(str, RATES[dim]))}.")
    lines.append(f"In the plane a sample of the data itself would have a JSD of {toys['floor']:.3f} nats, by the bins.")
    return "\n".join(lines)


def rerun(*ways: str, data: str = "two hills", seeds: Sequence[int] = SEEDS) -> pd.DataFrame:
    """Some ways played again here and now, at their best recorded rates: the median JSD, and the recorded one."""
    rows = {}
    budget = record()["toys"]["budget"] if profile() != "smoke" else 60
    for way in ways:
        played, p_data = one_of(WAYS, way, "way"), one_of(DATA, data, "data")
        best = bests()[way, data, plain_dim(data)]
        rates = {"lr_D": best.rates[0], "lr_G": best.rates[1]}
        play = Play(played, recipe_for(data), p_data, budget=budget, seeds=list(seeds), **rates).finish()
        rows[way] = {"median JSD here": float(np.median(play.JSD())), "recorded": best.median}
    return pd.DataFrame(rows).T.rename_axis("way").round(4)


# -- the blend ---------------------------------------------------------------------------------------------------------


def guess_blend() -> Guess:
    """What the sum of both gradients is."""
    return Guess(
        "D is at its optimum. Add the gradient of the minimax cost and that of the non-saturating cost. The sum is the "
        "gradient of ...",
        ["the Jensen-Shannon divergence", "KL(p_data ‖ p_g)", "KL(p_g ‖ p_data)"],
        answer="KL(p_g ‖ p_data)",
        because="log(1 − D*) − log D* is log(p_g / p_data), whose mean over p_g is that divergence.",
    )


TWO_HILLS = Mixture((Gaussian(-1.5, 0.5), Gaussian(1.5, 0.5)))


def slopes(p_data: Density, mean: float, std: float = 0.7) -> dict[str, float]:
    """d/d mean of both costs of G for p_g = N(mean, std^2) against D* held, by quadrature, nats a unit of x.

    With D held, d/d mean of E f(x) is E f(x) (x - mean) / std^2. "KL": the slope of KL(p_g || p_data), by differences.
    """
    p_g, h = Gaussian(mean, std), 1e-4
    star, not_star = theory.D_star(p_data, p_g), theory.D_star(p_g, p_data)  # D* and 1 - D*, with all their digits

    def slope(f: Any) -> float:
        """Of E f(x)."""
        return theory.expectation(lambda x: f(x) * (x - mean) / std**2, p_g, p_data)

    below, above = (theory.KL(Gaussian(mean + d, std), p_data) for d in (-h, h))
    return {
        "minimax": slope(lambda x: np.log(not_star(x))),
        "non-saturating": slope(lambda x: -np.log(star(x))),
        "KL": (above - below) / (2 * h),
    }


def plot_blend(p_data: Density = TWO_HILLS) -> Drawing:
    """Both slopes, their sum, and the slope of KL(p_g || p_data) over the mean of p_g."""
    means = np.linspace(-3, 3, 61)
    found = pd.DataFrame([slopes(p_data, mean) for mean in means])
    lines = [
        Line(means, found["minimax"], "minimax", "D", dash=1),
        Line(means, found["non-saturating"], "non-saturating", "G", dash=2),
        Line(means, found["minimax"] + found["non-saturating"], "their sum", "V"),
        Line(means[::4], found["KL"][::4], "slope of KL", "data", dots=True),
    ]
    x = np.linspace(-5, 5, 400)
    shape = [Line(x, p_data.pdf(x), "p_data", "data"), Line(x, Gaussian(-3.0, 0.7).pdf(x), "p_g, mean −3", "G")]
    right = Panel("Slope of each cost, nats a unit of x", lines, y=(-4, 4), x_label="mean of p_g", levels=[Level(0.0)])
    return plots.draw([Panel("What moves", shape, y_label="density"), right])


def largest_difference(p_data: Density = TWO_HILLS) -> float:
    """Between the sum of both slopes and that of the divergence, over the means of the plot."""
    found = [slopes(p_data, mean) for mean in np.linspace(-3, 3, 61)]
    return max(abs(each["minimax"] + each["non-saturating"] - each["KL"]) for each in found)


# -- better z ----------------------------------------------------------------------------------------------------------


def guess_z() -> Guess:
    """Which z suits two hills."""
    return Guess(
        "p_data has two hills. G is continuous. Which z of one coordinate makes it easiest for G?",
        ["uniform, as in the paper", "normal", "a mixture of two heaps"],
        answer="a mixture of two heaps",
        because="A continuous G joins the hills by a bridge, which gets the share of z that lies between. With a "
        "mixture that share is small. A normal z comes close: it has tails, as the data have.",
    )


def map_of_z_line() -> Drawing:
    """Priors of one coordinate on the three densities of one dimension."""
    found, data = bests(), [name for name in DATA if plain_dim(name) == 1]
    names = {PLAIN if p_z == "uniform" else p_z: p_z for p_z in PRIORS}
    cells = {(p_z, d): found[name, d, 1] for name, p_z in names.items() for d in data if (name, d, 1) in found}
    panel = map_panel("z of one coordinate, x of one", PRIORS, data, cells, at=(0, 0, 10, 9))
    return plots.draw(Picture([panel], f"{CAPTION} –: sphere and discrete are two points in one dimension."))


def verdict_on_z() -> str:
    """Each prior of one coordinate against the uniform one: its median, and in how many seeds it is better."""
    found, lines = bests(), []
    for data in (name for name in DATA if plain_dim(name) == 1):
        uniform, told = found[PLAIN, data, 1], []
        for p_z in PRIORS:
            if (p_z, data, 1) in found:
                one = found[p_z, data, 1]
                better = f"better in {(one.runs < uniform.runs).sum()} of {len(one.runs)} seeds"
                told.append(f"{p_z} {one.median:.3f}, {better}")
        lines.append(f"{data}: uniform {uniform.median:.3f} nats; {'; '.join(told)}.")
    return "\n".join(lines)


def map_of_z_plane() -> Drawing:
    """Priors of 1 to 200 coordinates on the ring, JSD of the bins."""
    found, rows = bests(), {}
    for p_z in PRIORS:
        for z_dim in Z_DIMS:
            name = PLAIN if (p_z, z_dim) == ("uniform", 2) else p_z
            if (name, "ring of 8", z_dim) in found:
                rows[p_z, str(z_dim)] = found[name, "ring of 8", z_dim]
    panel = map_panel("The ring of 8, by coordinates of z", PRIORS, [str(n) for n in Z_DIMS], rows, at=(0, 0, 10, 11))
    return plots.draw(Picture([panel], CAPTION))


def ring_table() -> Styler:
    """Modes covered (a sample within 3 std) and the share of good samples, medians over the seeds, by prior and z."""
    found, rows = bests(), {}
    for (name, data, z_dim), best in found.items():
        p_z = "uniform" if name == PLAIN else name
        if data == "ring of 8" and p_z in PRIORS:
            n = f"{np.median(best.modes):.0f}"
            told = f"{n} mode{'s' * (n != '1')}, {np.median(best.good):.0%} good"
            rows.setdefault(p_z, {})[z_dim] = told
    table = pd.DataFrame(rows).T.reindex(PRIORS)[list(Z_DIMS)]
    return table.rename_axis(index="prior", columns="coordinates of z").style


# -- digits ------------------------------------------------------------------------------------------------------------


def guess_digits() -> Guess:
    """Whether the winners of the toys win on digits."""
    return Guess(
        "Ten ways get as many gradients as 8 epochs of the paper's recipe take. The toys liked a mixture as z most. "
        "Does it also win on digits?",
        ["yes", "no"],
        answer=ON_DIGITS[0],
        because=ON_DIGITS[1],
    )


ON_DIGITS = (
    "yes",
    "Its mean over three seeds is the best, but by less than the seeds differ: too little to say that it is better.",
)


def table_of_digits(iterate: str = "last") -> pd.DataFrame:
    """Ten ways on digits: means over the seeds, best scores first.

    "±" is the standard deviation of the score over the seeds.
    """
    one_of({"last": None, "average": None}, iterate, "iterate")
    rows: dict[str, dict[str, Any]] = {}
    for run in record()["digits"]["runs"]:
        rows.setdefault(run["way"], {"runs": []})["runs"].append(run)
    told = {}
    for way, each in rows.items():
        whole = [run for run in each["runs"] if "diverged" not in run]
        scores = [run[iterate]["score"] for run in whole]
        told[way] = {
            "seeds": len(whole),
            "score": float(np.mean(scores)) if scores else math.nan,
            "±": float(np.std(scores, ddof=1)) if len(scores) > 1 else math.nan,
            **{
                name: float(np.mean([run[iterate][name] for run in whole])) if whole else math.nan
                for name in ("frechet", "precision", "recall")
            },
            "G's updates": float(np.mean([run["updates_G"] for run in whole])) if whole else math.nan,
            "seconds": float(np.mean([run["seconds"] for run in whole])) if whole else math.nan,
        }
    return pd.DataFrame(told).T.sort_values("score", ascending=False).rename_axis("way")


def styled(table: pd.DataFrame) -> Styler:
    """`table_of_digits`, with as many digits as say something."""
    shown = {"seeds": "{:.0f}", "score": "{:.0f}", "±": "{:.0f}", "frechet": "{:.1f}"}
    shown |= {"precision": "{:.2f}", "recall": "{:.2f}", "G's updates": "{:,.0f}"}
    heads = {"score": "Parzen score, nats", "frechet": "Fréchet distance"}
    format_ = {heads.get(name, name): how for name, how in shown.items()}
    return table.drop(columns="seconds").rename(columns=heads).style.format(format_)


def verdict_on_digits() -> str:
    """Who is first, where the paper's own way stands, and what averaging did; in words."""
    last, average = table_of_digits(), table_of_digits("average")
    paper = "as the paper"
    lines = []
    for name, table in (("The last G", last), ("The average", average)):
        for measure, ascending in (("score", False), ("frechet", True)):
            ordered = table.sort_values(measure, ascending=ascending)
            first, rank = ordered.index[0], list(ordered.index).index(paper) + 1
            values = f"{ordered[measure].iloc[0]:.1f} against {table.loc[paper, measure]:.1f}"
            lines.append(
                f"{name}, by {'score' if measure == 'score' else 'Fréchet distance'}: first is {first!r} ({values} for "
                f"the paper's way, which is number {rank} of {len(table)})."
            )
    runs = [run for run in record()["digits"]["runs"] if "diverged" not in run]
    gains = [run["average"]["score"] - run["last"]["score"] for run in runs]
    falls = [run["last"]["frechet"] - run["average"]["frechet"] for run in runs]
    lines.append(
        f"Averaging raises the score in {sum(g > 0 for g in gains)} of {len(gains)} runs, by {np.median(gains):.0f} "
        f"nats (median), and lowers the distance in {sum(fall > 0 for fall in falls)}, by {np.median(falls):.1f}."
    )
    return "\n".join(lines)


def said_of_digits() -> str:
    """How the digits were measured."""
    digits = record()["digits"]
    seconds = [run["seconds"] for run in digits["runs"] if "seconds" in run]
    return (
        f"{len(digits['runs'])} runs, seeds {', '.join(map(str, sorted({run['seed'] for run in digits['runs']})))}, of "
        f"{digits['gradients']:,} gradients, as many as {digits['epochs']} epochs of the paper's recipe; "
        f"{np.median(seconds):.0f} s each (median).\nFréchet distance in the features of a classifier "
        f"with {digits['classifier']:.1%} of the test digits right; real test digits are at {digits['floor']:.2f}."
    )


def samples(iterate: str = "last") -> Drawing:
    """Eight samples of seed 0 of each way, a row each, in the order of the table."""
    order = table_of_digits(iterate).index
    shown = record()["digits"]["shown"][iterate]
    order = [way for way in order if way in shown]
    n = record()["digits"]["n_shown"]
    panels = []
    for i, way in enumerate(order):
        images = unpacked(shown[way]).reshape(n, 28, 28)
        panels.append(Panel(way, tiles=Tiles(images, n), at=(4 * (i // 2), 6 * (i % 2), 4, 6)))
    return plots.draw(panels)


def compare(
    *ways: Way | str, data: str = "two hills", seeds: Sequence[int] = (0, 1), budget: int = 1_000
) -> pd.DataFrame:
    """For the exercises: a small rerun of ways, also of one's own: JSD by seed, last and averaged medians."""
    budget = budget if profile() != "smoke" else 40
    rows, p_data = {}, one_of(DATA, data, "data")
    for way in (one_of(WAYS, way, "way") if isinstance(way, str) else way for way in ways):
        play = Play(way, recipe_for(data), p_data, budget=budget, seeds=list(seeds), lr_G=0.03).finish()
        last, average = play.JSD(), play.JSD(averaged=True)
        rows[way.name] = {
            "JSD, median": np.median(last),
            "of the average": np.median(average),
            "G's updates": play.n_G.float().mean().item(),
        }
    return pd.DataFrame(rows).T.round(3).rename_axis("way")
