"""The ruler itself: the grid, the draws, the sets of images."""

import pandas as pd
from matplotlib.axes import Axes
from pandas.io.formats.style import Styler

from ganlib import parzen, plots
from ganlib.studies.long_runs import (
    AVERAGE,
    LAST,
    REAL,
    Live,
    look_back,  # noqa: F401
    parts,  # noqa: F401
    precision,  # noqa: F401
    rows,
    score_now,  # noqa: F401
    steps,  # noqa: F401
)

# -- the ruler -------------------------------------------------------------------------------------------------------


def grid_table(live: Live) -> Styler:
    """What each grid of σ chooses, and scores."""
    return plots.table(live.grids.table, digits=1, formats={"σ chosen": "{:.4f}", "gain": "{:+.1f}"})


def plot_grids(live: Live) -> list[Axes]:
    """The scores over σ, with rings where the paper's grid chooses."""
    axes = plots.panels(2, width=9.5, height=3, sharey=True)
    for name, colour, ls in ((LAST, plots.VERMILION, "--"), (AVERAGE, plots.GREEN, "-")):
        for ax, curve in zip(axes, (live.grids.on_valid[name], live.grids.on_test[name]["mean"])):
            ax.plot(curve, color=colour, ls=ls, label=name, marker="." if ax is axes[1] else "", ms=4)
            ax.plot(live.sigma[name, 1], curve[live.sigma[name, 1]], "o", color=colour, mfc="none", ms=9)
    for ax, words in zip(axes, ("First 1,000 validation digits", "All 10,000 test digits")):
        for i, s in enumerate(parzen.SIGMAS[2:4]):
            ax.axvline(s, color=plots.GREY, lw=1, ls=":", label=None if i else "values of the paper's grid")
        ax.set(xlabel="σ (rings: chosen from the paper's grid)", title=words, xlim=(0.14, 0.24))
        ax.set_ylim((150, 240) if live.compares else None)
    axes[0].set_ylabel("nats")
    axes[1].legend(loc="lower center")
    return list(axes)


def grids_say(live: Live) -> str:
    """Which ± goes with which value of the grid, and which value the weights chose in the course of the run."""
    (third, fourth), at = parzen.SIGMAS[2:4], live.grids.on_test[AVERAGE]["error"]
    lines = [f"± of the average on the test set: {at[third]:.1f} at σ {third:.4f}, {at[fourth]:.1f} at σ {fourth:.4f}."]
    for name in (LAST, AVERAGE):
        wide = rows("seed 0", "validation", name)["sigma"].loc[lambda sigmas: sigmas > (third + fourth) / 2]
        chose = f"the validation digits chose σ {fourth:.4f} or more up to epoch {wide.index[-1]:g}, {third:.4f} later"
        lines.append(f"{name}, seed 0: {chose}.")
    return "\n".join(lines)


def draws_table(live: Live) -> Styler:
    """The scores of each draw of the samples, with their mean and standard deviation."""
    table = live.means.set_axis([f"noise seed {seed}" for seed in live.means.index])
    table["average − last"] = table[AVERAGE] - table[LAST]
    table.loc["mean"], table.loc["standard deviation"] = table.mean(), table.iloc[: live.draws].std()
    return table.style.format("{:.1f}")


def draws_say(live: Live) -> str:
    """How far the first draw, used everywhere else, lies off the mean of the draws."""
    off = live.means.iloc[0] - live.means.mean()
    return "\n".join(
        f"{name}: noise seed 1, used everywhere else, lies {off[name]:+.1f} nats off the mean of {live.draws} draws."
        for name in (AVERAGE, LAST)
    )


def validation_and_test() -> str:
    """Best and latest validation score of both iterates of seed 0, beside their test scores."""
    lines = []
    for name in (LAST, AVERAGE):
        by, on = rows("seed 0", "validation", name)["paper"], rows("seed 0", "test", name)["paper"]
        best = f"best {by.max():.1f} at epoch {by.idxmax():g}, {by.iloc[-1]:.1f} at {by.index[-1]:g}"
        lines.append(f"{name}, validation: {best}.")
        lines.append(f"{name}, test: {on[300]:.1f} at epoch 300, {on.iloc[-1]:.1f} at {on.index[-1]:g}.")
    return "\n".join(lines)


def three_sets(live: Live) -> pd.DataFrame:
    """Today's weights and real digits, scored on three sets of digits."""
    table = {}
    for name in live.centres:
        x = live.on_validation[name]
        of = {
            "first 1,000 validation": x[:1_000],
            "other 9,000 validation": x[1_000:],
            "10,000 test": live.each[name, 1],
        }
        table[name] = {where: f"{y.mean():.1f} ± {y.std() / len(y) ** 0.5:.1f}" for where, y in of.items() if len(y)}
    return pd.DataFrame(table)


def plot_offsets(live: Live) -> Axes:
    """Test score minus validation score, by epoch."""
    [ax] = plots.panels(1, width=6.6, height=2.8)
    for name, colour, lw in ((LAST, plots.VERMILION, 0.9), (AVERAGE, plots.GREEN, 2.2)):
        by, on = rows("seed 0", "validation", name)["paper"], rows("seed 0", "test", name)["paper"]
        ax.plot((on - by).dropna(), color=colour, lw=lw, marker="o", ms=3, label=f"{name}, seed 0")
    if live.compares:
        level = live.each[REAL, 1].mean() - live.on_validation[REAL][:1_000].mean()
        ax.axhline(level, color=plots.INK, ls=":", label="10,000 real training digits in place of samples")
    ax.set(xlabel="epoch", ylabel="nats", title="Test score minus score on 1,000 validation digits")
    ax.legend()
    return ax


def blocks_say(live: Live) -> str:
    """How well 1,000 digits know a score, and how odd the first 1,000 validation digits are among twenty blocks."""
    if not live.compares:
        return "Not measured here."
    x = {name: each[:1_000] for name, each in live.on_validation.items()}
    off = [d.std() / 1_000**0.5 for d in (x[AVERAGE], x[AVERAGE] - x[LAST], x[REAL] - x[AVERAGE])]
    changes = live.blocks.flatten()
    others = f"{changes[1:].mean():.1f} with a standard deviation of {changes[1:].std(ddof=1):.1f}"
    where = f"{changes[0]:+.1f} on the first 1,000 validation digits, {changes[1:10].mean():+.1f} on the other 9,000"
    return "\n".join(
        [
            f"On the first 1,000 validation digits the average's score has an error of {off[0]:.1f} nats;",
            f"average minus last iterate is known to {off[1]:.1f}, real digits minus average to {off[2]:.1f}.",
            f"First release to today, last iterate: {where},",
            f"{changes[10:].mean():+.1f} on the test digits.",
            f"Among the twenty blocks of 1,000 digits the first one has place {(changes < changes[0]).sum() + 1} "
            "of 20, from the lowest gain;",
            f"the others have {others}.",
        ]
    )
