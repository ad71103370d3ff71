"""Notebook 10, Table 1 and its ruler: its guesses, its tables, and what else is laid against the ruler."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from fractions import Fraction

import numpy as np
import pandas as pd
import torch
from matplotlib.axes import Axes
from pandas.io.formats.style import Styler
from scipy.special import logsumexp
from torch import Tensor

from ganlib import parzen, plots, runs, scale
from ganlib.checkpoints import Trained
from ganlib.datasets import Dataset
from ganlib.densities import Gaussian, Mixture
from ganlib.drawing import Drawing
from ganlib.parzen import FoldsScore, Score
from ganlib.picture import Line, Mark, Panel, Picture
from ganlib.recipes import profile
from ganlib.studies import measures, table_1
from ganlib.studies.measures import Classes, Classifier
from ganlib.widgets import Guess, Ruler

DOTTED = (0, (1, 1.4))
BEFORE = {  # nats: measured by this project before; k-means by Theis et al. (2016)
    "real digits": "243 to 244",
    "real digits, half as many": "201 to 208",
    "real digits, a tenth": "124",
    "real digits, binarised": "114",
    "real digits, blurred": "about 313",
    "k-means centroids": "about 313 (Theis et al.)",
}
NEAR = parzen.SIGMAS[1:6]
"""Of the paper's values of σ those among which the best one lies, where all ten would take long."""
NUMBERS = (100, 200, 400, 1_000, 2_000, 5_000, 10_000, 20_000, 50_000)


# -- what is scored --------------------------------------------------------------------------------------------------


def smoke() -> bool:
    """Whether this is a quick look, in which numbers mean nothing."""
    return profile() == "smoke"


def n_centres(data: Dataset) -> int:
    """How many centres: the paper's 10,000, or as many as there are digits to compare with."""
    return 400 if smoke() else min(10_000, len(data.train))


def test_digits(data: Dataset) -> Tensor:
    """The test split, as pictures in [0, 1]."""
    return scale(data.test[:100] if smoke() else data.test)


def some_digits(data: Dataset, n: int) -> Tensor:
    """So many test digits, drawn fairly, where all of them would take too long."""
    test = data.test[:100] if smoke() else data.test
    return scale(table_1.random_subset(test, min(n, len(test)), seed=2))


def compares(data: Dataset) -> bool:
    """Whether the scores compare with others': by the paper's protocol, on MNIST."""
    return data.name == "mnist" and n_centres(data) == 10_000


def what_is_scored(data: Dataset, trained: Trained) -> str:
    """The data, the centres and the weights, in words."""
    many = f"{n_centres(data):,} centres, {len(test_digits(data)):,} test pictures of {data.name}"
    weights = f"weights of seed {trained.info['seed']} after {trained.info['epochs']:,.0f} epochs"
    note = "" if compares(data) else "\nThese scores do NOT compare with others': other digits, or fewer of them."
    return f"{many}; {weights}. {data.note}{note}".rstrip()


# -- guesses -------------------------------------------------------------------------------------------------------


def guess_best() -> Guess:
    """Which centres score best."""
    return Guess(
        "Three sets of 10,000 centres are scored on the same test digits. Which of them scores best?",
        ["real training digits", "samples of G", "real training digits, blurred"],
        answer="real training digits, blurred",
        because="A soft digit lies nearer to every digit of its kind than any one sharp digit does.",
    )


def guess_doubling() -> Guess:
    """What twice as many samples change."""
    return Guess(
        "The score is said to estimate log p_g(x). What would twice as many samples of the same G change?",
        ["next to nothing: it is an estimate", "they add some 2 nats", "they add some 30 nats"],
        answer="they add some 30 nats",
        because="In 784 dimensions 10,000 Gaussians leave nearly all of the space empty. Each new one helps.",
    )


def guess_noise() -> Guess:
    """What nine pictures of noise for each digit cost."""
    return Guess(
        "A model draws a real digit one time in ten, and pure noise nine times in ten. What does the noise cost?",
        ["hundreds of nats", "some 20 nats", "2.3 nats"],
        answer="2.3 nats",
        because="Noise adds nothing near a test digit. Each digit has a tenth of the weight: log 10 is 2.3.",
    )


def guess_copies() -> Guess:
    """Which of three cheats the test of copying lets go."""
    return Guess(
        "Three cheats copy training digits. Which of them gets away from a test of distances?",
        ["copies with a little noise", "copies, shifted by two pixels", "one such noisy copy in twenty samples"],
        answer="copies, shifted by two pixels",
        because="In raw pixels two pixels to the side is far away: farther than most fresh digits.",
    )


# -- the ruler -------------------------------------------------------------------------------------------------------


def one_dimension() -> Drawing:
    """A Parzen window in one dimension: a Gaussian on each of twelve samples, and their sum, for three σ."""
    p_data, x = Mixture((Gaussian(-1.2, 0.5), Gaussian(1.2, 0.5))), np.linspace(-4, 4, 801)
    rng = np.random.default_rng(26)
    samples, test = p_data.sample(12, rng), p_data.sample(2_000, rng)
    panels = []
    for sigma in (0.05, 0.35, 1.5):
        each = [Gaussian(float(mu), sigma).pdf(x) / len(samples) for mu in samples]
        on_test = np.mean([Gaussian(float(mu), sigma).pdf(test) for mu in samples], 0)
        lines = [Line(x, y, "one of the Gaussians" if not i else "", "reference") for i, y in enumerate(each)]
        lines += [Line(x, sum(each), "their sum", "G"), Line(x, p_data.pdf(x), "p_data", "data")]
        marks = [Mark(float(mu), 0.0, style="G") for mu in samples]
        title = f"σ = {sigma}: {np.log(on_test).mean():.1f} nats"
        panels.append(Panel(title, lines, (-4, 4), (0, 1), "x", "density", marks=marks, y_ticks=[(0, "0"), (1, "1")]))
    return plots.draw(Picture(panels))


def ruler(digits: Tensor, sets: Mapping[str, Tensor]) -> Ruler:
    """The ruler, live: the score of these digits over σ and over the number of centres, for each set of centres."""
    n = len(next(iter(sets.values())))
    sigmas, numbers = parzen.FINE_SIGMAS[:56:2], range(n // 100, n + 1, n // 100)
    return Ruler({name: table_1.score_table(digits, centres, sigmas, numbers) for name, centres in sets.items()})


def legible(table: pd.DataFrame) -> Styler:
    """A table of scores, with one decimal and σ with four."""
    return plots.table(table, digits=1, formats={name: "{:.4f}" for name in table if name.startswith("σ")})


def score_faces(n: int) -> dict[str, FoldsScore]:
    """The scores of the first faces that are on this machine, by the paper's rule of five folds; none where none are.

    Of the last iterate, and of the average where the weights have one.
    """
    last, faces, found = table_1.find_faces()
    print("Faces: " + found)
    if not last or not faces:
        return {}
    pairs = {"last iterate": last} | ({"average": last.averaged()} if last.average else {})
    return {f"{who}, paper's grid": runs.score(pair, faces, n=n) for who, pair in pairs.items()}


def the_table(
    last: tuple[Score, Score], mean: tuple[Score, Score], faces: Mapping[str, FoldsScore] | None = None
) -> Styler:
    """Table 1, with our last iterate and our average below the paper's rows, each by both grids of σ."""
    both = {"last iterate": last, "average": mean}
    grids = ("paper's grid", "fine grid")
    ours = {f"{who}, {grid}": score for who, scores in both.items() for grid, score in zip(grids, scores)}
    return legible(table_1.table_1(ours, faces or {}))


# -- what scores how much --------------------------------------------------------------------------------------------


def grow(data: Dataset, trained: Trained, digits: Tensor) -> pd.DataFrame:
    """Scores over the number of centres, of real digits and of samples of G; σ by 300 digits, which is quicker."""
    numbers = [k for k in NUMBERS if (k >= 1_000) != smoke() and k <= len(data.train)]
    more = {"real digits": scale(table_1.random_subset(data.train, numbers[-1]))}
    more["samples of G"] = trained.samples(numbers[-1], seed=1)
    valid, grown = scale(data.valid[:300]), pd.DataFrame(index=pd.Index(numbers, name="centres"))
    for name, centres in more.items():
        found = [parzen.score(centres[:k], valid, digits, data=data.name, sigmas=NEAR) for k in numbers]
        grown[name] = [score.log_likelihood for score in found]
    return grown


def slopes(grown: pd.DataFrame) -> str:
    """What a doubling of the number of centres adds, and what five times as many as 10,000 add."""
    lines = []
    for name, scores in grown.items():
        slope = np.polyfit(np.log2(grown.index.to_numpy(float)), scores, 1)[0]
        told = ", ".join(f"{k:,}: {score:.0f}" for k, score in scores.items())
        lines.append(f"{name}: {slope:+.1f} nats a doubling ({told})")
        if {10_000, 50_000} <= set(grown.index):
            lines.append(f"  from 10,000 to 50,000 centres {scores[50_000] - scores[10_000]:+.0f} nats")
    return "\n".join(lines)


def plot_growth(grown: pd.DataFrame, n_test: int) -> Axes:
    """The scores over the number of centres, on a logarithmic axis."""
    looks = ({"color": plots.INK, "ls": DOTTED, "marker": "o"}, {"color": plots.GREEN, "ls": "-", "marker": "s"})
    [ax] = plots.panels(1, width=5.8, height=3.4)
    for (name, scores), look in zip(grown.items(), looks):
        ax.semilogx(scores.index, scores, **look, ms=4, label=name)
    ax.set_xticks(grown.index, [f"{k:,}" for k in grown.index])
    ax.minorticks_off()
    ax.set(xlabel="centres", ylabel=f"nats, {n_test:,} test digits", title="The score rises with every doubling")
    ax.legend(loc="lower right")
    return ax


def drawn(centroids: Tensor, sizes: Tensor) -> Tensor:
    """As many draws from centroids, with replacement and by their sizes, as a model would draw them."""
    which = torch.multinomial(
        sizes.double(), len(centroids), replacement=True, generator=torch.Generator().manual_seed(0)
    )
    return centroids[which]


def score_kinds(kinds: Mapping[str, Tensor], valid: Tensor, test: Tensor, data: Dataset) -> pd.DataFrame:
    """A row for each set of centres: its score by the paper's grid of σ and by the fine one."""
    rows = []
    for name, centres in kinds.items():
        score, fine = table_1.both_grids(centres, valid, test, data=data.name)
        row = (name, len(centres), score.log_likelihood, score.standard_error, score.sigma)
        rows.append((*row, fine.log_likelihood, fine.sigma))
    table = pd.DataFrame(rows, columns=["centres", "number", "score", "±", "σ", "score, fine grid", "σ, fine grid"])
    return table.assign(**{"measured before": table["centres"].map(BEFORE).fillna("")}) if compares(data) else table


def plot_kinds(G: Score, table: pd.DataFrame) -> Axes:
    """Bars of the scores: G's samples green, real digits grey, what beats them red and hatched, the rest blue."""
    scores = {"samples of G": G.log_likelihood, **dict(zip(table["centres"], table["score"]))}
    real = scores["real digits"]
    colours = {name: plots.VERMILION if score > real else plots.BLUE for name, score in scores.items()}
    colours |= {"samples of G": plots.GREEN, "real digits": plots.INK}
    hatch = ["///" if score > real else "" for score in scores.values()]
    [ax] = plots.panels(1, width=6.6, height=0.6 + 0.3 * len(scores))
    bars = ax.barh(list(scores), scores.values(), 0.66, color=colours.values(), hatch=hatch, edgecolor="white")
    ax.bar_label(bars, fmt="%.0f", padding=3, fontsize=8)
    ax.axvline(real, color=plots.INK, ls=DOTTED, lw=1)
    ax.invert_yaxis()
    ax.grid(axis="y", visible=False)
    ax.set(xlabel="nats, all test digits (dotted: real digits; hatched: above them)", xmargin=0.08)
    ax.set_title("The same ruler, laid against other things")
    return ax


def worth(table: pd.DataFrame, scores: Mapping[str, float]) -> str:
    """How many real digits would score as much, for each score."""
    rows = table[table["centres"].str.fullmatch("real digits(, half as many|, a tenth)?")]
    many = {name: table_1.equal_number(score, rows["number"], rows["score"]) for name, score in scores.items()}
    told = {name: f"{n:,.0f} real digits" if np.isfinite(n) else "out of their reach" for name, n in many.items()}
    return "\n".join(f"{name}, {score:.1f} nats: worth {told[name]}" for name, score in scores.items())


# -- means in place of samples ---------------------------------------------------------------------------------------


def mean_around(trained: Trained, z: Tensor, r: float) -> Tensor:
    """In place of each G(z) the mean of four samples G(z + r * noise), noise from N(0, I): (n, 784)."""
    rng = torch.Generator().manual_seed(0)
    return sum(trained.pictures(z + r * torch.randn(z.shape, generator=rng)) for _ in range(4)) / 4


def digit_by_digit(digits: Tensor, valid: Tensor, sets: Mapping[str, Tensor]) -> pd.DataFrame:
    """The log-likelihood of each of the same digits (rows), under each set of centres (columns), σ by `valid`."""
    each = {}
    for name, centres in sets.items():
        sigma, _ = parzen.choose_sigma(valid, centres, NEAR)
        each[name] = parzen.log_likelihood(digits, centres, [sigma])[0].numpy()
    return pd.DataFrame(each)


def against(each: pd.DataFrame, name: str = "real digits") -> str:
    """Each column's mean, and its mean difference to one of them: over the same digits, so with a small error."""
    lines = [f"{len(each):,} test digits, the same for all"]
    for column, x in each.items():
        line = f"{column}: {x.mean():.1f} ± {x.std(ddof=0) / len(x) ** 0.5:.1f} nats"
        if column != name:
            more = x - each[name]
            line += f", {more.mean():+.1f} ± {more.std(ddof=0) / len(x) ** 0.5:.1f} against {name}"
        lines.append(line)
    return "\n".join(lines)


def plot_rows(rows: Mapping[str, Tensor], shape: tuple[int, int, int]) -> Axes:
    """The first twenty pictures of each set in a row, with its name at the left."""
    ax = plots.sample_grid(torch.cat([x[:20] for x in rows.values()]), shape, columns=20)
    height = shape[1] + 1
    for i, name in enumerate(rows):
        ax.text(-4, (i + 0.5) * height, name, ha="right", va="center", fontsize=9, color=plots.INK)
    return ax


# -- a library's sum -------------------------------------------------------------------------------------------------


def four_ways(digits: Tensor, centres: Tensor, sigma: float) -> dict[str, np.ndarray]:
    """The same sum, plainly in float64, as this project does it, and by scikit-learn's KernelDensity: (n,) each."""
    from sklearn.neighbors import KernelDensity  # here: it takes a second to import

    x, mu = digits.double().numpy(), centres.double().numpy()
    half = np.array([-((one - mu) ** 2).sum(1) / (2 * sigma**2) for one in x])  # (n, c), float64
    found = {"the sum, done plainly": logsumexp(half, 1) - height(centres, sigma)}
    found["this project's, in float32"] = parzen.log_likelihood(digits, centres, [sigma])[0].numpy()
    calls = {"as it comes": {}, "depth first": {"breadth_first": False}, "ball tree": {"algorithm": "ball_tree"}}
    for name, options in (calls | {"all in one leaf": {"leaf_size": len(mu) + 1}}).items():
        found[f"KernelDensity, {name}"] = KernelDensity(bandwidth=sigma, **options).fit(mu).score_samples(x)
    return found


def height(centres: Tensor, sigma: float) -> float:
    """log of the number of centres, plus d log(σ sqrt(2 pi)): what is taken off the logarithm of the sum."""
    return float(np.log(len(centres)) + centres.shape[1] * np.log(sigma * np.sqrt(2 * np.pi)))


def how_wrong(found: Mapping[str, np.ndarray]) -> Styler:
    """By how much each way is off the plain sum, nats."""
    plain = found["the sum, done plainly"]
    off = {name: each - plain for name, each in found.items()}
    rows = []
    for name, d in off.items():
        numbers = [round(float(value), 1) + 0.0 for value in (d.mean(), d.min(), d.max())]  # no "-0.0"
        rows.append((name, found[name].mean(), *numbers, int((abs(d) > 0.01).sum())))
    names = ["how", "nats", "too high by", "lowest error", "highest error", "digits wrong"]
    return legible(pd.DataFrame(rows, columns=names))


def left_over(digits: Tensor, centres: Tensor, sigma: float, number: type = float) -> np.ndarray:
    """All upper bounds of boxes of 40 centres added up, then each taken off again: (n,), 0 if nothing is rounded."""
    boxes = centres.double().numpy().reshape(-1, 40, centres.shape[1])
    low, high, left = boxes.min(1), boxes.max(1), []
    for x in digits.double().numpy():
        gap = np.maximum(0, np.maximum(low - x, x - high))
        bounds = [number(b) for b in 40 * np.exp(-(gap**2).sum(1) / (2 * sigma**2))]  # at most so much from each box
        uncertain = sum(bounds)
        for bound in bounds:
            uncertain -= bound
        left.append(float(uncertain))
    return np.array(left)


def of_rounding(left: np.ndarray, found: Mapping[str, np.ndarray], above: float) -> str:
    """How often what is left over lies above 0, at 0, and below; how large it is beside the true sum."""
    words = f"above 0 for {(left > 0).sum()} digits, 0 for {(left == 0).sum()}, below 0 for {(left < 0).sum()}"
    if left.any():
        plain, ball = found["the sum, done plainly"], found["KernelDensity, ball tree"]
        size, truth = np.log(np.median(abs(left[left != 0]))), np.median(plain) + above
        words += f".\n    It is about e^{size:.0f}; the true sum, at the median digit, is e^{truth:.0f}."
        wrong = ball[ball - plain > 0.01]
        if len(wrong):
            told = f"{wrong.min():.0f} to {wrong.max():.0f} nats to each of the {len(wrong)} digits"
            words += f"\n    The ball tree gives {told} that it overrates."
    return words


def exactly(number: float) -> Fraction:
    """A double as a fraction, with which nothing is rounded."""
    return Fraction(float(number))


# -- other measures --------------------------------------------------------------------------------------------------


def classifier(data: Dataset) -> Classifier:
    """A small network that tells the digits apart, trained here."""
    n = 2_000 if smoke() else len(data.train)
    return measures.train_classifier(data.train[:n], data.train_labels[:n], data.test, data.test_labels)


def held_out(data: Dataset) -> Tensor:
    """Real digits that the classifier has not seen in training."""
    return scale(table_1.random_subset(data.valid, min(5_000, len(data.valid))))


def what_classes(taken: Mapping[str, Classes]) -> str:
    """How sure the classifier is, and how far each histogram lies from the first one."""
    first = next(iter(taken.values()))
    lines = []
    for name, classes in taken.items():
        lines.append(f"{name}: {classes.unsure:.1%} with confidence under 0.9")
        if classes is not first:
            lines[-1] += f"; {classes.distance(first):.1%} of the histogram lies elsewhere"
    return "\n".join(lines)


def plot_classes(taken: Mapping[str, Classes]) -> Axes:
    """The shares of the classes, two bars for each."""
    [ax] = plots.panels(1, width=4.8, height=2.8)
    looks = ((-0.2, plots.INK, ""), (0.2, plots.GREEN, "///"))
    for (name, classes), (shift, colour, hatch) in zip(taken.items(), looks):
        at = np.arange(10) + shift
        ax.bar(at, classes.shares, 0.4, color=colour, hatch=hatch, edgecolor="white", label=name)
    ax.set(xticks=range(10), xlabel="class", ylabel="share", title="What the classifier takes them for")
    ax.grid(axis="x", visible=False)
    ax.legend(ncols=2, loc="upper center", bbox_to_anchor=(0.5, -0.2))
    return ax


def distances(features: Mapping[str, Tensor], real: Tensor) -> pd.DataFrame:
    """Fréchet distance, precision and recall of each cloud of features, against that of real digits."""
    m = min(2_000, len(real))
    rows = []
    for name, cloud in features.items():
        precision, recall = measures.precision_recall(real[:m], cloud[:m])
        rows.append((name, measures.frechet(cloud, real), precision, recall))
    return pd.DataFrame(rows, columns=["what", "Fréchet distance", "precision", "recall"])


def copies(data: Dataset, G: Tensor) -> dict[str, Tensor]:
    """Fresh real digits, samples of G, and cheats: training digits with a little noise, and shifted by two pixels."""
    k = min(1_000, len(G), len(data.test))
    copied = scale(table_1.random_subset(data.train, k))
    noisy = (copied + 0.05 * torch.randn(copied.shape, generator=torch.Generator().manual_seed(0))).clamp(0, 1)
    shifted = copied.reshape(-1, *data.shape).roll(2, -1).flatten(1)
    fresh = scale(table_1.random_subset(data.valid, min(k, len(data.valid))))
    return {"real digits, fresh": fresh, "samples of G": G[:k], "copies with noise": noisy, "copies, shifted": shifted}


def how_far(pictures: Mapping[str, Tensor], data: Dataset) -> dict[str, Tensor]:
    """Each picture's distance to the nearest training digit; also for one noisy copy in twenty samples of G."""
    away = {name: measures.nearest_distance(x, data.train) for name, x in pictures.items()}
    few = len(away["samples of G"]) // 20
    return away | {"one copy in twenty": torch.cat([away["samples of G"][few:], away["copies with noise"][:few]])}


def verdicts(away: Mapping[str, Tensor], data: Dataset) -> dict[str, measures.Memorisation]:
    """The test of copying for each set of distances, against those of fresh test digits."""
    k = len(next(iter(away.values())))
    fresh = measures.nearest_distance(scale(table_1.random_subset(data.test, min(k, len(data.test)))), data.train)
    return {name: measures.memorisation(distance, fresh) for name, distance in away.items()}


def told(verdicts: Mapping[str, measures.Memorisation]) -> str:
    """The verdicts by name, in lines that fit a page."""
    lines = (f"{name}: {verdict}".replace("99 %", "99\u00a0%") for name, verdict in verdicts.items())
    return "\n".join(textwrap.fill(line, 100, subsequent_indent="    ") for line in lines)


def plot_distances(away: Mapping[str, Tensor]) -> Axes:
    """The share of pictures within each distance of the training set."""
    colours = (plots.INK, plots.GREEN, plots.VERMILION, plots.PURPLE, plots.BLUE)
    dashes: Sequence[object] = (DOTTED, "-", "--", "-.", (0, (4, 1, 1, 1, 1, 1)))
    [ax] = plots.panels(1, width=6.6, height=3)
    for (name, distance), colour, ls in zip(away.items(), colours, dashes):
        ax.ecdf(distance, color=colour, ls=ls, label=name)
    ax.set(xlabel="L2 distance to the nearest training digit", ylabel="share within", ylim=(0, 1.02))
    ax.set(title="How near to the training set?", xlim=(0, None))
    ax.legend(loc="center left", bbox_to_anchor=(1.0, 0.5))
    return ax
