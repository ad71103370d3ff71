"""All parts together: the hypotheses, and what is left."""

import textwrap
from collections.abc import Mapping

import pandas as pd
from pandas.io.formats.style import Styler

from ganlib import parzen, plots
from ganlib.lessons.why_184.runs import meets
from ganlib.studies.long_runs import (
    AVERAGE,
    LAST,
    PAPER,
    PAPER_ERROR,
    REAL,
    Live,
    Part,
    first,
    gap,
    levers,
    look_back,  # noqa: F401
    parts,  # noqa: F401
    precision,  # noqa: F401
    rows,
    score_now,  # noqa: F401
    seeds_of,
    steps,  # noqa: F401
)

# -- what is left, and all parts -------------------------------------------------------------------------------------


def left(live: Live) -> str:
    """What real digits score above the average: in all, and by digit."""
    if not live.compares:
        return "Not measured here."
    lacking, (digits, draw) = live.each[REAL, 1] - live.each[AVERAGE, 1], live.paired(REAL, AVERAGE)
    by_class = pd.Series(lacking).groupby(live.data.test_labels.numpy()).mean().sort_values()
    return "\n".join(
        [
            f"Real digits minus average: {lacking.mean():.1f} ± {digits:.1f} nats (over draws ± {draw:.1f}).",
            f"Real digits score better on {(lacking > 0).mean():.0%} of the test digits.",
            "By digit, nats: " + ", ".join(f"{digit}: {round(value)}" for digit, value in by_class.items()) + ".",
        ]
    )


def parts_table(found: Mapping[str, Part]) -> Styler:
    """All parts, a row each."""
    return plots.table(
        pd.DataFrame([(what, *part) for what, part in found.items()], columns=["part", "nats", "±", "compared"])
    )


def hypotheses(live: Live, found: Mapping[str, Part]) -> Styler:
    """What the 225 can have been: each hypothesis, our numbers, and a verdict."""
    valid, test, annealed = (
        rows(run, s)["paper"] for run, s in (("seed 0", "validation"), ("seed 0", "test"), ("annealed", "test"))
    )
    latest, reach, average = test.iloc[-1], PAPER - PAPER_ERROR, live.now[AVERAGE]
    rises, short, chosen = (test.diff().dropna() > 0).sum(), PAPER - latest, valid.max() - valid.iloc[-1]
    near = list(parzen.SIGMAS[1:5])
    wide = near[int(parzen.log_likelihood(live.valid, live.centres[AVERAGE], near).mean(1).argmax())]
    fifteen = live.grids.table[live.grids.table["grid of σ"].str.contains("15")].set_index("iterate")["test score"]
    half, same = rows("half", "test", AVERAGE).iloc[-1], wide == live.sigma[AVERAGE, 1]
    nats = {what: f"{part.nats} nats" if part.nats[0] in "+-±" else part.nats for what, part in found.items()}
    judged = [
        (
            "A long run: the last iterate after the rates have decayed",
            f"{rises} of {len(test) - 1} steps from one test score to the next go up, to {latest:.1f} at epoch "
            f"{test.index[-1]:g}. By the fit it comes {meets(gap())}.",
            "reached" if latest >= reach else "for; open until a run gets there",
        ),
        (
            "An average of G's weights",
            f"It scores {average[0]:.1f} ± {average[1]:.1f} at epoch {live.epoch:g}; in the run half, which looks back "
            f"over a half of the run, {half.paper:.1f} at epoch {half.name:g}. The published files hold no average.",
            "the number fits; nothing else speaks for it"
            if abs(average[0] - PAPER) <= 4
            else "the number does not fit",
        ),
        (
            "Early stopping: the best epoch on validation digits",
            f"Of {len(valid)} validation scores of the last iterate the best lies {chosen:.1f} nats above the latest; "
            f"{short:.1f} would be needed.",
            "against, if it is the only reason" if chosen < short - 2 else "possible",
        ),
        (
            "Lower rates at the end than the published ones",
            f"Annealing, last iterate: {nats[f'annealing: {LAST}']}. The published file has one decay and no more.",
            f"annealed, it reaches {annealed.max():.1f} (test)",
        ),
        (
            "Another grid of σ (fifteen values)",
            f"The last iterate then scores {fifteen[LAST]:.1f}, the average {fifteen[AVERAGE]:.1f} (here, test).",
            "against, if it is the only reason" if fifteen[LAST] < reach else "possible for the last iterate",
        ),
        (
            "More samples than 10,000",
            "Every doubling adds tens of nats (notebook 10). The published script draws 10,000.",
            "would be enough; against the script",
        ),
        (
            "Another validation set",
            f"All {len(live.valid):,} validation digits choose σ {wide:.4f} for the average, "
            f"the first 1,000 choose {live.sigma[AVERAGE, 1]:.4f}.",
            "against: the choice is the same" if same else "possible: σ changes",
        ),
        (
            "A lucky draw of the samples, or seed of the run",
            f"Draw: {nats[f'draw of the samples: {LAST}']}. Seed, pooled over epochs: "
            f"{nats[f'seed of the run: {LAST}']}. Both of the last iterate.",
            "against for tens of nats; possible for a few",
        ),
        (
            "The Gaussian prior of 17 June",
            f"Last iterate: {nats[f'prior, Gaussian: {LAST}']} against the uniform prior.",
            beside_a_seed(found[f"prior, Gaussian: {LAST}"]),
        ),
        (
            "Training in float32 instead of bfloat16",
            f"Last iterate: {nats[f'precision of training, float32: {LAST}']} against bfloat16.",
            beside_a_seed(found[f"precision of training, float32: {LAST}"]),
        ),
        (
            "Other hardware and libraries",
            "The authors' README warns of it; not measured here, but for float32.",
            "open",
        ),
    ]
    return plots.table(pd.DataFrame(judged, columns=["hypothesis", "our numbers", "verdict"]))


def beside_a_seed(part: Part) -> str:
    """A verdict on the difference between two runs, beside the spread of such a difference over seeds."""
    nats, spread = float(part.nats), 2**0.5 * seeds_of(LAST, "validation")[1]
    if abs(nats) > 2 * spread:
        return "more than seeds differ by"
    return f"against for tens of nats: two seeds differ by ± {spread:.1f}"


def quote(live: Live) -> str:
    """The result in a few sentences."""
    (last, average, real), table = (live.now[name] for name in (LAST, AVERAGE, REAL)), levers(live)
    half, released = rows("half", "test", AVERAGE).iloc[-1], first()
    text = f"""The recipe of 2014, run unchanged to epoch {live.epoch:g} (seed 0, bfloat16), scores {last[0]:.1f} ±
        {last[1]:.1f} nats by its last iterate and {average[0]:.1f} ± {average[1]:.1f} nats by an exponential average of
        G's weights over at most 33,333 steps (MNIST test set, 10,000 samples of one draw, σ from the paper's ten
        values). In another run with the same seed an average over the last half of the run so far has
        {half.paper:.1f} ± {half.error:.1f} at epoch {half.name:g}. The paper reports {PAPER} ± {PAPER_ERROR}. Our
        first release, epoch {released["epoch"]:.0f}, had {released["paper"]:.1f} ± {released["error"]:.1f}. Of the
        {PAPER - released["paper"]:.1f} nats that it fell short, a longer run has brought
        {last[0] - released["paper"]:.1f}; the noise of the last iterate still costs {table.iloc[1, 2]:.1f} at epoch
        {live.epoch:g} (it cost {table.iloc[0, 2]:.1f} at epoch 300)."""
    if live.compares:
        over, spread = live.means[AVERAGE].mean(), live.means[AVERAGE].std()
        text += f""" Over {live.draws} draws of the samples the average has {over:.1f}, standard deviation {spread:.1f}.
        Real training digits score {real[0]:.1f} ± {real[1]:.1f}."""
    return textwrap.fill(" ".join(text.split()), 118)
