"""The recorded runs: what they are, how far they went, their noise."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from pandas.io.formats.style import Styler

from ganlib import plots
from ganlib.recipes import MNIST
from ganlib.studies.long_runs import (
    AVERAGE,
    LAST,
    PAPER,
    PAPER_ERROR,
    REAL,
    STEPS_AN_EPOCH,
    Gap,
    Live,
    against,
    effective_rate,
    first,
    jitter,
    look_back,  # noqa: F401
    parts,  # noqa: F401
    precision,  # noqa: F401
    recorded,
    rows,
    score_now,  # noqa: F401
    seeds_of,
    steps,  # noqa: F401
)

SMALL = {"textcoords": "offset points", "fontsize": 8}


# -- the recorded runs -----------------------------------------------------------------------------------------------


def the_runs() -> Styler:
    """The runs: what each changes in the recipe, the code that began it, how far it went, and where it was tested."""
    table = []
    for run, told in recorded().items():
        changes = [change for change in told.get("changes", []) if not change.startswith("epochs")]
        changes += ["matrix products in float32"] if told.get("precision") == "float32" else []
        changes += ["the average looks back over a half of the run"] if told["average_part"] == 2 else []
        changes += ["from epoch 1,000 of seed 0 on"] if run == "annealed" else []
        code = told["trained_by"][0]["commit"][:7]
        tested = ", ".join(f"{epoch:g}" for epoch in rows(run, "test").index) or "none yet"
        table.append((run, "; ".join(changes) or "nothing", code, f"{rows(run, 'validation').index.max():g}", tested))
    names = ["run", "what it changes in the recipe", "begun by commit", "to epoch", "test scores at epoch"]
    return plots.table(
        pd.DataFrame(table, columns=names).sort_values("run", key=lambda names: ~names.str.startswith("seed"))
    )


def beside_seed_0(run: str, back: float = 0) -> str:
    """What a run with one change gives against seed 0, by both iterates, and where all seeds then are, in words."""
    lines = []
    for name in (LAST, AVERAGE):
        lines.append(f"{run}, {name}: {against(run, name, back)}.")
        seeds, epoch = seeds_of(name, "test")[0], rows(run, "test", name).index[-1]
        if epoch in seeds.index:
            x = seeds.loc[epoch]
            lines[-1] += f"\n  Seeds {', '.join(name[5:] for name in x.index)}: {x.min():.1f} to {x.max():.1f}"
            lines[-1] += f" (standard deviation {x.std(ddof=1):.1f})."
    return "\n".join(lines)


# -- the weights of the package, scored now --------------------------------------------------------------------------


def scored(live: Live) -> str:
    """What the weights and the real digits score here, in words."""
    lines = []
    for name in live.centres:
        x = live.each[name, 1]
        lines.append(f"{name}: {x.mean():.1f} ± {x.std() / len(x) ** 0.5:.1f} nats, σ {live.sigma[name, 1]:.4f}")
    many = f"{live.n:,} centres, {len(live.test):,} test digits of {live.data.name}"
    lines.append(f"{many}; weights of seed {live.trained.info['seed']} at epoch {live.epoch:g}.")
    if not live.compares:
        lines.append("These live numbers do NOT compare with the recorded ones: other digits, or fewer samples.")
    return "\n".join(lines)


# -- the number ------------------------------------------------------------------------------------------------------


def in_steps(table: pd.DataFrame) -> Styler:
    """`steps`, with one decimal."""
    return plots.table(table, digits=1, formats={"change": "{:+.1f}"})


def plot_steps(table: pd.DataFrame) -> Axes:
    """The steps as bars from one score to the next."""
    known = table.dropna(subset="score").reset_index(drop=True)
    [ax] = plots.panels(1, width=8.5, height=1 + 0.42 * len(known))
    for i, step in known.iterrows():
        start, end, bar = known["score"][i - 1] if i else 150, step["score"], 2 * step["± score"]
        colour = plots.GREY if not i else plots.GREEN if end > start else plots.VERMILION
        ax.barh(i, end - start, 0.6, left=start, color=colour, hatch="" if end > start else "///", edgecolor="white")
        ax.errorbar(end, i, xerr=bar, color=plots.INK, capsize=3, lw=1)
        words = f"{end:.1f}  ({step['change']:+.1f})".replace("-", "−") if i else f"{end:.1f}"
        ax.annotate(words, (max(start, end) + bar, i), (5, 0), va="center", **SMALL)
    ax.axvspan(PAPER - PAPER_ERROR, PAPER + PAPER_ERROR, color=plots.BLUE, alpha=0.25, lw=0)
    place = {"ha": "center", "color": plots.BLUE, "annotation_clip": False}
    ax.annotate(f"the paper: {PAPER} ± {PAPER_ERROR}", (PAPER, -0.5), (0, 3), **place, **SMALL)
    ax.set_yticks(known.index, known["step"])
    ax.invert_yaxis()
    ax.grid(axis="y", visible=False)
    ax.set(xlim=(150, 265), xlabel="nats (the axis begins at 150)")
    ax.set_title("MNIST test set, 10,000 samples, the paper's grid, seed 0 (bars: two standard errors)\n", x=-0.45)
    return ax


# -- the length of the run, and its noise ----------------------------------------------------------------------------


def plot_noise() -> Axes:
    """The validation scores of the last iterates of the three seeds."""
    runs = {name: run for name, run in recorded().items() if name.startswith("seed ")}
    last = {name: [row for row in run["validation"] if row["iterate"] == LAST] for name, run in runs.items()}
    [ax] = plots.panels(1, width=8.5, height=3)
    plots.run_curves({name: {"validation": found} for name, found in last.items()}, ax=ax)
    ax.set(ylim=(100, 215), xlim=(0, None), title="Last iterates, first 1,000 validation digits")
    ax.legend(loc="lower right")
    return ax


def noise() -> str:
    """How far the validation scores of the last iterate lie off their trend, early and late."""
    found = ", ".join(f"{jitter('seed 0', e):.1f} nats around epoch {e}" for e in (300, 600, 900))
    return f"A validation score of the last iterate of seed 0 lies off its trend by (standard deviation)\n{found}."


def plot_runs(live: Live) -> list[Axes]:
    """The scores by epoch on validation digits (left) and on test digits (right), with the paper's and real digits'."""
    runs = {name: run for name, run in recorded().items() if name.startswith("seed ")}
    late = {s: [row for row in recorded()["annealed"][s] if row["epoch"] >= 1_000] for s in ("validation", "test")}
    left, right = plots.panels(2, width=11, height=4, sharey=True)
    plots.run_curves(runs | {"annealed": late}, ax=left)
    real = {live.now[REAL][0]: f"10,000 real training digits: {live.now[REAL][0]:.1f}"} if live.compares else {}
    plot_tests(runs | {"annealed": late}, right, real)
    left.set(ylim=(100, 252), xlim=(0, None), title="First 1,000 validation digits")
    right.set(ylabel="", title="All 10,000 test digits (bars: two standard errors)")
    left.legend(loc="lower right")
    return [left, right]


def plot_tests(runs: Mapping[str, Any], ax: Axes, levels: Mapping[float, str]) -> None:
    """The test scores of runs by epoch, beside the paper's, which is a test score too, and other levels with a name."""
    plots.run_curves(runs, split="test", ax=ax)
    ax.axhspan(PAPER - PAPER_ERROR, PAPER + PAPER_ERROR, color=plots.GREY, alpha=0.2, lw=0)
    for level, words in ({PAPER: f"the paper: {PAPER} ± {PAPER_ERROR}"} | dict(levels)).items():
        ax.axhline(level, color=plots.GREY, ls=":", lw=1)
        ax.annotate(words, (0.01, level), (0, 11 if level == PAPER else 4), xycoords=("axes fraction", "data"), **SMALL)
    ax.set(xlim=(0, None))


def length() -> str:
    """What the length of the run gives: both iterates at epoch 300 and at the end, and the latest slope."""
    lines = []
    for name in (LAST, AVERAGE):
        tested = rows("seed 0", "test", name)["paper"]
        lines.append(
            f"{name}: {tested[300]:.1f} nats at epoch 300, {tested.iloc[-1]:.1f} at epoch {tested.index[-1]:g}."
        )
        reached = tested.index[tested >= PAPER - PAPER_ERROR]
        least = f"{PAPER - PAPER_ERROR}, the paper's {PAPER} less {PAPER_ERROR},"
        lines.append(
            f"  It first reaches {least} at epoch {reached[0]:g}." if len(reached) else f"  It is below {least} so far."
        )
    late = rows("seed 0", "test")["paper"].loc[lambda found: found.index >= found.index[-1] - 300]
    slope = np.polyfit(late.index / 100, late, 1)[0]
    lines.append(f"Over its last 300 epochs the last iterate gained {slope:.1f} nats per 100 epochs.")
    return "\n".join(lines)


def since_first_release(live: Live) -> str:
    """What today's last iterate gained on the first release, by blocks of 1,000 test digits."""
    if not live.compares:
        return "Not measured here."
    gained = live.blocks[1]
    words = f"From the first release (epoch {first()['epoch']:.0f}) to today's last iterate (epoch {live.epoch:g}), "
    words += (
        f"same noise, same digits:\n{gained.mean():+.1f} ± {gained.std(ddof=1) / 10**0.5:.1f} nats on the test set, "
    )
    return words + f"from {gained.min():+.0f} to {gained.max():+.0f} in its blocks of 1,000."


def step_length() -> str:
    """How the length of a step changes over a run, by the recipe."""
    effective = effective_rate(np.arange(1, 3_001))
    rising = effective.loc[: MNIST.momentum_epochs]
    halved = np.log(2) / np.log(MNIST.lr_decay) / STEPS_AN_EPOCH
    lines = [f"The rates halve every {halved:.0f} epochs. Momentum rises until epoch {MNIST.momentum_epochs}."]
    lines.append(
        f"Until then rate / (1 − momentum) stays between {rising.min():.3f} and {rising.max():.3f}. Then it falls:"
    )
    lines.append(", ".join(f"{effective[e]:.3f} at epoch {e:,}" for e in (300, 500, 700, 1_000, 1_500, 2_000)) + ".")
    return "\n".join(lines)


def gap_table(found: Gap) -> Styler:
    """The gap by epoch."""
    shown = found.table.set_axis([f"{e:g}" for e in found.table.index])
    shown.index.name = "epoch"
    return shown.style.format("{:.1f}").format("{:.3f}", subset=[shown.columns[3]])


def plot_gap(found: Gap) -> list[Axes]:
    """The length of a step by epoch (left), and the gap over it (right)."""
    left, right = plots.panels(2, width=9.5, height=3)
    left.plot(effective_rate(np.arange(1, 2_001)), color=plots.BLUE)
    left.set(xlabel="epoch", ylim=(0, None), title="Learning rate of G over 1 − momentum, by the recipe")
    x, words = np.geomspace(0.01, 0.2, 50), f"power {found.power:.2f}, fitted from epoch {found.late.index[0]:g} on"
    right.plot(x, found.factor * x**found.power, color=plots.INK, ls="--", label=words)
    rate = found.table.iloc[:, 3]
    right.plot(
        rate, found.table["gap"], "o", color=plots.GREEN, label="seed 0, all test digits; the number is the epoch"
    )
    for e in found.late.index[[0, len(found.late) // 2, -1]]:
        right.annotate(f"{e:g}", (rate[e], found.table["gap"][e]), (-4, 4), ha="right", **SMALL)
    right.set(xlabel="rate over 1 − momentum", ylabel="nats", xlim=(0, None), ylim=(0, None))
    right.set_title("Average minus last iterate")
    right.legend(loc="lower right")
    return [left, right]


def meets(found: Gap) -> str:
    """Where the last iterate would come within 2 nats of its average, if the fit went on, in words."""
    effective, end = effective_rate(np.arange(1, 3_001)), int(found.table.index[-1])
    expected = found.table["gap"].iloc[-1] * (effective / effective[end]) ** found.power
    below = expected[(expected.index > end) & (expected < 2)].index
    return f"within 2 nats of its average near epoch {round(below[0], -2):,}" if len(below) else "near it later still"


def gap_says(found: Gap) -> str:
    """The gap, its power law, and where that would lead, in words."""
    start, g, late = found.late.index[0], found.table["gap"].iloc[-1], found.late["gap"].iloc[0]
    lines = [f"From epoch {start:g} to {found.table.index[-1]:g} the gap went from {late:.1f} to {g:.1f} nats,"]
    lines.append(
        f"as the effective rate to the power {found.power:.2f} ± {found.error:.2f} (1 would be in proportion)."
    )
    return "\n".join([*lines, f"If that goes on (a hypothesis), the last iterate comes {meets(found)}."])
