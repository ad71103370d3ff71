"""Verdicts on the paper's claims, each worked out from the results files of the package by a small function.

A function takes what `claims.results` reads and gives a `Verdict`: a word, and the numbers that it rests on. Where the
results lack something it raises KeyError.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from ganlib.studies import table_1
from ganlib.studies.claims_digits import EPOCHS, SEEDS

HOLDS, IN_PART, NOT_HERE, UNTESTED = "holds", "holds in part", "does not hold here", "cannot be tested here"
MISSING = "not measured yet"
VERDICTS = (HOLDS, IN_PART, NOT_HERE, UNTESTED)
SECONDS_A_YEAR = 3.156e7
Results = Mapping[str, Any]


class Verdict(NamedTuple):
    """A verdict, and the numbers that it rests on, in words."""

    word: str
    because: str


def decide(*parts: bool) -> str:
    """Every part of the claim holds, some do, or none does."""
    return HOLDS if all(parts) else IN_PART if any(parts) else NOT_HERE


def untested(why: str) -> Callable[[Results], Verdict]:
    """The verdict on what no experiment of this project can decide, and why."""
    return lambda r: Verdict(UNTESTED, why)


def part(r: Results, experiment: str, name: str) -> dict[str, Any]:
    """What a part of an experiment gave."""
    return r["claims"][experiment][name]["result"]


def seeds(r: Results, variant: str, iterate: str, measure: str) -> np.ndarray:
    """A measure of a variant of the recipe: a number for each seed that was trained, the first of them seed 0."""
    found = [part(r, "variants", f"{variant}, seed 0")[iterate][measure]]
    for seed in SEEDS[1:]:
        if (name := f"{variant}, seed {seed}") in r["claims"]["variants"]:
            found.append(part(r, "variants", name)[iterate][measure])
    return np.array(found)


def said(values: Iterable[float], form: str = ".3g") -> str:
    """Numbers of several seeds in a row."""
    return " and ".join(f"{value:{form}}" for value in values)


def toys(*names: str, only: Sequence[int] | None = None) -> Callable[[Results], Verdict]:
    """A verdict from the numbers that the toys' experiments call decisive.

    It holds where every seed is on its side with every number, and does not where none is with any. `only` are the
    places of the numbers that this claim is about.
    """

    def judge(r: Results) -> Verdict:
        """What the toys say."""
        found = [(name, one) for name in names for one in part(r, "toys", name)["verdicts"]]
        found = found if only is None else [found[i] for i in only]
        shares = [one["holds"] for _, one in found]
        word = HOLDS if min(shares) == 1 else NOT_HERE if max(shares) == 0 else IN_PART
        kinds = [name.partition(", ")[2] for name, _ in found]  # "sharp, circle": the circle
        told = [f"{kind}: {number(one)}" if kind else number(one) for kind, (_, one) in zip(kinds, found)]
        return Verdict(word, "; ".join(told))

    return judge


def number(judged: Mapping[str, Any]) -> str:
    """A decisive number of a toy experiment in words: its mean over the seeds, and where it should lie."""
    side = "above" if judged["above"] else "below"
    mean = "none" if judged["mean"] is None else brief(judged["mean"])
    spread = f" ± {brief(judged['spread'])}" if judged["spread"] else ""
    share = "" if judged["holds"] in (0, 1) else f", so in {judged['holds']:.0%} of the seeds"
    return f"{judged['quantity']}: {mean}{spread} ({side} {judged['threshold']:.3g} is asked{share})"


def brief(value: float) -> str:
    """A number with two or three digits that count."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}" if abs(value) >= 1 else f"{value:.2g}"


def both(*judges: Callable[[Results], Verdict]) -> Callable[[Results], Verdict]:
    """Several verdicts on parts of one claim: the same for all, or in part."""

    def judge(r: Results) -> Verdict:
        """All of them together."""
        each = [one(r) for one in judges]
        words = {verdict.word for verdict in each}
        return Verdict(words.pop() if len(words) == 1 else IN_PART, "; ".join(verdict.because for verdict in each))

    return judge


# -- rows of the table of all models -----------------------------------------------------------------------------------

COMPARED = {"dbn": "DBN", "cae": "stacked CAE", "gsn": "deep GSN"}
"""The models of Table 1 besides ours, as results/baselines.json names them."""
OURS = "adversarial"
NAMES = {OURS: "adversarial nets", "rbm": "RBM", "dbm": "DBM", "dae": "DAE", "vae": "VAE", **COMPARED}
"""The models whose work is counted."""


def row(r: Results, model: str, kind: str = "samples") -> dict[str, Any]:
    """The row of a model on MNIST in results/baselines.json: of its samples, or of its conditional "means".

    "gan" is the last iterate of the shipped adversarial nets, "gan-average" the average.
    """
    for one in r["baselines"]["rows"]:
        if (one["model"], one["data"], one["kind"]) == (model, "mnist", kind):
            return one
    raise KeyError(f"{model}, {kind}")


# -- section 2 ---------------------------------------------------------------------------------------------------------


def partition(r: Results) -> Verdict:
    """The sum over all hidden states doubles with each unit; annealed importance sampling estimates it."""
    found = part(r, "checks", "partition")
    grows = [b / a for a, b in zip(found["terms"], found["terms"][1:])]
    doubles = bool(np.allclose(grows, 2.0 ** np.diff(found["hidden"])))
    seconds = found["seconds"][-1] * 10.0 ** (found["full_log10_terms"] - math.log10(found["terms"][-1]))
    years = math.log10(seconds / SECONDS_A_YEAR)
    off = max(abs(a - b) for a, b in zip(found["AIS"], found["log_Z"]))
    because = (
        f"{found['terms'][-1]:,} terms for {found['hidden'][-1]} units; for the {found['full_units']} of the full RBM, "
    )
    because += f"10^{found['full_log10_terms']:.0f} terms, about 10^{years:.0f} years. Where both can be had, annealed "
    because += f"importance sampling is at most {off:.2g} nats off"
    return Verdict(decide(doubles and years > 10), because)


SETTLED = 0.25
"""The share of a chain's steps that its digit may last for its mixing to be measured: beyond it the chain has faded."""


def mixing(r: Results) -> Verdict:
    """Steps of a chain that are worth one independent draw, and those to another digit; of the conditional means."""
    watched = r["baselines"]["n_chain"]
    taus, digits, faded = {}, {}, []
    for name, words in COMPARED.items():
        one = row(r, name, "means")
        steps = one["steps_between_digits"]
        if steps is None or steps > SETTLED * watched:
            faded.append(words)
        else:
            taus[words], digits[words] = one["autocorrelation_time"], steps
    told = ", ".join(f"{words} {tau:,.0f}" for words, tau in taus.items())
    because = (
        f"steps worth one independent draw (of conditional means, {r['baselines']['n_chain']:,} steps watched, so "
    )
    because += f"these are lower limits): {told}; steps to another digit, by a classifier that wavers: "
    because += ", ".join(f"{words} {n:.0f}" for words, n in digits.items())
    if faded:
        because += f"; left out, as its chain fades to an empty picture: {', '.join(faded)}"
    return Verdict(decide(*(tau > 10 for tau in taus.values())), because)


def hybrid(r: Results) -> Verdict:
    """A DBN trains by chains, and draws by a chain and a pass down."""
    found = part(r, "checks", "work")
    dbn, rbm = found["dbn"], found["rbm"]
    because = f"{dbn['chain_in_training']} chain step in every update, {dbn['steps']:.0f} for every draw, each at "
    because += f"{dbn['step'] / rbm['step']:.2g} times an RBM's operations, for the pass down"
    return Verdict(decide(dbn["chain"], dbn["chain_in_training"] > 0, dbn["step"] > rbm["step"]), because)


def no_density(r: Results) -> Verdict:
    """The rank of dG/dz."""
    found = part(r, "checks", "support")
    top = max(found["ranks"])
    because = (
        f"at {len(found['ranks'])} samples dG/dz has rank {min(found['ranks'])} to {top}, of {found['d']} pixels; "
    )
    return Verdict(decide(top < found["d"]), because + "the samples fill no volume, so there is no density p_g(x)")


def score_matching(r: Results) -> Verdict:
    """Two costs and their gradients, in float64."""
    found = part(r, "checks", "score matching")
    because = f"costs differ by {found['cost']:.0e}, gradients by {found['gradient']:.0e} of their length"
    return Verdict(decide(found["cost"] < 1e-10, found["gradient"] < 1e-10), because)


def no_chain(r: Results) -> Verdict:
    """Only G draws without a chain, and its draws are independent."""
    found, free = part(r, "checks", "work"), part(r, "checks", "independence")
    independent = abs(free["correlation"]) < 3 * free["error"]
    because = f"one sample of G and the next: correlation {free['correlation']:+.4f} ± {free['error']:.4f}; "
    because += f"the GSN's chain: {'needed' if found['gsn']['chain'] else 'not needed'}"
    return Verdict(decide(found["gsn"]["chain"], not found[OURS]["chain"] and independent), because)


def feedback(r: Results) -> Verdict:
    """Rectifiers in a GSN's loop grow without bound."""
    found = part(r, "checks", "feedback")
    ends = {name: one["largest"][-1] / one["largest"][0] for name, one in found.items()}
    loops, bounded = ([v for name, v in ends.items() if kind in name] for kind in ("rectifiers", "tanh"))
    n = len(next(iter(found.values()))["largest"])
    because = f"over {n} steps of the chain the largest unit grows by {said(loops, '.1e')} with rectifiers, "
    return Verdict(decide(min(loops) > 100, max(bounded) < 2), because + f"by {said(bounded, '.2g')} with tanh")


def sole_criterion(r: Results) -> Verdict:
    """The score of G before and after, with nothing but D's gradient."""
    before = part(r, "variants", "untrained G")["log_likelihood"]
    after = final(r)["last iterate"]["paper"]
    because = f"validation score of an untrained G: {before:.0f} nats; test score after training: {after:.0f}"
    return Verdict(decide(after - before > 100), because)


def discrete(r: Results) -> Verdict:
    """Gradients through rounded numbers."""
    found = part(r, "checks", "discrete")
    because = (
        f"length of G's gradient: {found['real']:.1e} for real samples, {found['rounded']:g} for rounded ones; of a "
    )
    because += (
        f"VAE's encoder by its reconstruction: {found['VAE']:.1e} for real z, {found['VAE, rounded']:g} for rounded"
    )
    exact = found["rounded"] == 0 and found["real"] > 0, found["VAE, rounded"] == 0 and found["VAE"] > 0
    return Verdict(decide(*exact), because)


def fooled(r: Results) -> Verdict:
    """Noise that a classifier takes for digits."""
    found = part(r, "checks", "fooled")
    because = (
        f"{found['sure']:.0%} of pictures of noise are taken for a digit with probability 0.99, after their pixels "
    )
    because += f"moved by {found['moved']:.2f} on average; they lie {found['nearest']:.1f} times as far from the digits"
    return Verdict(decide(found["sure"] > 0.9, found["sure_before"] < 0.1, found["nearest"] > 1.5), because)


# -- section 3 ---------------------------------------------------------------------------------------------------------


def completion(r: Results) -> Verdict:
    """Updates of D until V on fresh digits is best."""
    found = part(r, "overfitting", "50,000, seed 0")
    best = found["step"][int(np.argmax(found["V_validation"]))]
    end = " and would go on" if best == found["step"][-1] else ""
    because = (
        f"against one held G, D gets better on fresh digits for {best:,} updates{end}; Algorithm 1 takes k = 1 of "
    )
    return Verdict(decide(best > 100), because + "them for each update of G")


def overfits(r: Results) -> Verdict:
    """V on D's own digits and on fresh ones, at the end; the claim is judged on the fewest digits."""
    told = []
    for name in ("500", "5,000", "50,000"):
        found = part(r, "overfitting", f"{name}, seed 0")
        own, V = found["V_train"][-1], found["V_validation"]
        told.append(f"{name} digits {own:.2f} on its own, {V[-1]:.2f} on fresh ones (at best {max(V):.2f})")
        if name == "500":
            worse = max(V) - V[-1] > 0.1, own > V[-1] + 0.1
    own = part(r, "checks", "trained D")
    because = f"V at the end, nats, with {'; '.join(told)}. The D of the package, {own['epochs']:g} epochs of the game "
    return Verdict(
        decide(*worse), because + f"itself: {own['train']:.2f} on its own, {own['validation']:.2f} on fresh ones"
    )


def saturates(r: Results) -> Verdict:
    """G's gradient where D is surest of its fakes, on digits, and the score reached, with both costs."""
    runs = [part(r, "variants", f"{name}, seed 0") for name in ("recipe", "minimax cost")]
    surest = [int(np.argmin(run["curves"]["D_fake"])) for run in runs]
    says, norms = ([run["curves"][key][i] for run, i in zip(runs, surest)] for key in ("D_fake", "norm_G"))
    scores = [seeds(r, name, "average", "log_likelihood") for name in ("recipe", "minimax cost")]
    because = (
        f"on digits, where D is surest (D(G(z)) = {says[0]:.2g} and {says[1]:.2g}), the length of G's gradient is "
    )
    because += (
        f"{norms[0]:.2g} with the non-saturating cost and {norms[1]:.2g} with the other; after {EPOCHS} epochs the "
    )
    because += f"averages score {said(scores[0], '.0f')} and {said(scores[1], '.0f')} nats"
    better = [a > b for a, b in zip(*scores)]
    return Verdict(decide(norms[0] > 2 * norms[1], *better), because)


def recovers(r: Results) -> Verdict:
    """JSD at the end of the toy game, and the score of samples on digits beside that of as many real digits."""
    JSD, ruler = part(r, "toys", "cost_games")["near"]["non-saturating"], part(r, "checks", "ruler")
    samples, real = float(np.mean(ruler["draws"])), ruler["real"]["10000"]
    JSD = [one[-1] if isinstance(one, list) else one for one in JSD]
    because = (
        f"toy game: JSD {min(JSD):.3f} to {max(JSD):.3f} nats at the end, where 0.693 is the most; digits: samples "
    )
    because += f"score {samples:.0f} nats on validation digits, as many real digits {real:.0f}"
    return Verdict(decide(max(JSD) < 0.05, samples > real - 5), because)


# -- section 5 ---------------------------------------------------------------------------------------------------------


def final(r: Results) -> dict[str, dict[str, Any]]:
    """The latest test scores of the run of seed 0: of the last iterate, and of the average."""
    rows = r["mnist_runs"]["runs"]["seed 0"]["test"]
    end = max(one["epoch"] for one in rows)
    found = {("average" if "average" in one["iterate"] else "last iterate"): one for one in rows if one["epoch"] == end}
    return found


def printed(model: str) -> float:
    """The score of a model on MNIST that the paper prints."""
    return float(table_1.PAPER[model][0].split()[0])


def the_score(r: Results) -> Verdict:
    """Our score beside the paper's."""
    found, paper = final(r), printed("Adversarial nets")
    reached = [one["paper"] + 2 * one["error"] >= paper for one in (found["last iterate"], found["average"])]
    told = ", ".join(f"{name} {one['paper']:.1f} ± {one['error']:.1f}" for name, one in sorted(found.items()))
    return Verdict(decide(*reached), f"test score, nats: {told}; the paper: {paper:g} ± 2")


def the_order(r: Results) -> Verdict:
    """Which of the models score less than adversarial nets: of each its samples or its means, whichever score more."""
    ours, average = row(r, "gan"), row(r, "gan-average")
    best = {name: max((row(r, name, k) for k in ("samples", "means")), key=score_of) for name in COMPARED}
    told = ", ".join(f"{COMPARED[name]} {nats(one)}" for name, one in best.items())
    because = f"test scores, nats: adversarial nets {nats(ours)} (last iterate), {nats(average)} (average); of samples "
    because += f"or means, whichever score more: {told}"
    return Verdict(decide(*(score_of(one) < score_of(ours) for one in best.values())), because)


def score_of(one: dict[str, Any]) -> float:
    """The test score of a row, nats."""
    return one["log_likelihood"]


def nats(one: dict[str, Any]) -> str:
    """The test score of a row in words, with its standard error."""
    return f"{score_of(one):.0f} ± {one['standard_error']:.0f}"


def anywhere(r: Results) -> Verdict:
    """Noise at every layer against noise at the bottom."""
    plain, noisy = (seeds(r, name, "average", "frechet") for name in ("recipe", "noise at every layer"))
    scores = [seeds(r, name, "average", "log_likelihood") for name in ("recipe", "noise at every layer")]
    shares = part(r, "variants", "noise at every layer, seed 0")["shares"]
    because = f"Fréchet distance {said(noisy)} against {said(plain)} with noise at the bottom only, "
    because += f"score {said(scores[1], '.0f')} "
    because += (
        f"against {said(scores[0], '.0f')} nats; of the samples' variance the layers' noise makes, from the bottom up, "
    )
    because += ", ".join(f"{share:.0%}" for share in shares) + " (each with the others held, so they need not add up)"
    return Verdict(decide(bool((noisy < 2 * plain).all()), min(shares) > 0.01), because)


def helps(with_it: Sequence[str], without: Sequence[str], what: str) -> Callable[[Results], Verdict]:
    """Whether variants do better than others, pair by pair and seed by seed, by the Frechet distance of the average."""

    def judge(r: Results) -> Verdict:
        """Count the pairs of runs of one seed."""
        better, told = [], []
        for one, other in zip(with_it, without):
            a, b = (seeds(r, name, "average", "frechet") for name in (one, other))
            better += [x < y for x, y in zip(a, b)]
            told.append(f"{one} {said(a)}, {other} {said(b)}")
        because = (
            f"Fréchet distance of the average after {EPOCHS} epochs: {'; '.join(told)}. With {what} it is smaller in "
        )
        return Verdict(decide(*better), because + f"{sum(better)} of {len(better)} pairs")

    return judge


def ruler_varies(r: Results) -> Verdict:
    """The spread of the Parzen estimate over draws, its growth with the centres, and blurred digits."""
    found = part(r, "checks", "ruler")
    draws, real = np.array(found["draws"]), found["real"]
    grows = real["10000"] - real["5000"]
    because = (
        f"spread over {len(draws)} draws of 10,000 samples: {draws.std(ddof=1):.1f} nats; from 5,000 to 10,000 real "
    )
    because += (
        f"digits it rises by {grows:.0f}; blurred digits score {found['blurred']:.0f}, real ones {real['10000']:.0f}"
    )
    parts = draws.std(ddof=1) > 1, grows > 10, found["blurred"] > real["10000"]
    return Verdict(decide(*map(bool, parts)), because)


def independent(r: Results) -> Verdict:
    """The correlation of a sample with the next."""
    free = part(r, "checks", "independence")
    because = f"correlation of a sample with the next: {free['correlation']:+.4f} ± {free['error']:.4f} "
    because += f"(sorted by their ink: {free['sorted']:+.3f})"
    return Verdict(decide(abs(free["correlation"]) < 3 * free["error"]), because)


def copies(r: Results) -> Verdict:
    """Distances to the nearest training digit, and whether the nearest digit is one that G has seen."""
    found = part(r, "copies", "shipped weights")
    sides = {"last": "last iterate", "average": "average", "noisy copies": "noisy copies of training digits"}
    told = "; ".join(
        f"{words} z {found[name]['z']:+.1f}, {found[name]['seen']:.0%} seen" for name, words in sides.items()
    )
    because = (
        f"{told}. A z below -3 means nearer to the training digits than fresh digits are; seen: how often the nearest "
    )
    because += (
        f"digit is one of the training set and not one of as many others, {found['fresh']['seen']:.0%} for fresh digits"
    )
    clean = [not found[name]["copies"] for name in ("last", "average")]
    clean += [found[name]["seen_z"] < 3 for name in ("last", "average")]
    control = found["noisy copies"]["copies"] and found["noisy copies"]["seen_z"] > 3
    return Verdict(decide(*clean) if control else UNTESTED, because)


def competitive(r: Results) -> Verdict:
    """Frechet distances of the models as trained here, of samples or conditional means, whichever are nearer."""
    ours = row(r, "gan")["frechet"]
    names = {"vae": "VAE", **COMPARED}
    others = {name: min(row(r, name, kind)["frechet"] for kind in ("samples", "means")) for name in names}
    told = ", ".join(f"{names[name]} {value:.3g}" for name, value in others.items())
    because = f"Fréchet distance: ours {ours:.3g}, {told}. The GSN's pictures are one chain, and many of the DBN's and "
    because += "the CAE's are empty; our trainings of them may be worse than the authors' were"
    return Verdict(decide(ours < 1.1 * min(others.values())), because)


def interpolation(r: Results) -> Verdict:
    """What a classifier says halfway between two samples, through z and through the pixels."""
    found = part(r, "checks", "interpolation")
    middle = len(found["t"]) // 2
    z, pixels, ends = found["z"][middle], found["pixels"][middle], found["z"][0]
    because = f"halfway the classifier is unsure of {z:.0%} of the pictures through z, of {pixels:.0%} of the pixels' "
    because += f"means, of {ends:.0%} of samples; Fréchet distance {found['frechet_z']:.3g} against "
    because += f"{found['frechet_pixels']:.3g}"
    return Verdict(decide(z < pixels, z < 2 * ends), because)


# -- section 6 ---------------------------------------------------------------------------------------------------------


def only_backprop(r: Results) -> Verdict:
    """Chain steps in training and in drawing."""
    found = part(r, "checks", "work")
    ours = found[OURS]
    others = [NAMES[name] for name, one in found.items() if one["chain"]]
    because = f"chain steps in an update and for a draw: 0 and 0; a chain is needed by {', '.join(others)}"
    return Verdict(decide(ours["chain_in_training"] == 0 and not ours["chain"]), because)


def no_inference(r: Results) -> Verdict:
    """Whether training infers hidden units from data."""
    found = part(r, "checks", "work")
    others = [NAMES[name] for name, one in found.items() if one["inference"]]
    because = f"passes that infer hidden units from data in an update: 0; {', '.join(others)} each make one or more"
    return Verdict(decide(not found[OURS]["inference"]), because)


def any_function(r: Results) -> Verdict:
    """Nets of several kinds, all trained."""
    kinds = ["recipe", "noise at every layer", "rectifiers, dropout"]
    digits = {name: seeds(r, name, "average", "frechet") for name in kinds}
    untrained = part(r, "variants", "untrained G")["frechet"]
    pictures = {name: pair["rows"] for name, pair in r["pictures"]["pairs"].items()}
    works = [bool((values < untrained / 2).all()) for values in digits.values()]
    works.append(min(one["precision"] for one in pictures["cifar10-conv"]) > 0.5)
    because = f"Fréchet distance on digits, from {untrained:.3g} untrained: "
    because += ", ".join(f"{name} {said(values)}" for name, values in digits.items())
    recall = max(one["recall"] for one in pictures["cifar10-conv"])
    return Verdict(
        decide(*works, recall > 0.1), because + f"; convolutions on CIFAR-10 train, with a recall of {recall:.3f}"
    )


def cheap(r: Results) -> Verdict:
    """Operations for a draw, and for an update."""
    found = part(r, "checks", "work")
    cost = {name: one["step"] * one["steps"] for name, one in found.items()}
    ours = cost.pop(OURS)
    told = ", ".join(f"{NAMES[name]} {value:.3g}" for name, value in cost.items())
    updates = {name: one["update"] for name, one in found.items()}
    less = sum(updates[OURS] < value for name, value in updates.items() if name != OURS)
    because = (
        f"million operations for a draw: ours {ours:.3g}, {told}; an update takes ours {updates[OURS]:.3g} for each "
    )
    because += f"example, less than {less} of the {len(cost)} others"
    draws = [ours < value for name, value in cost.items() if found[name]["chain"]]
    return Verdict(decide(*draws, less > len(cost) / 2), because)


def through_D(r: Results) -> Verdict:
    """Whether other data move G's gradient while D is held."""
    found = part(r, "checks", "through D")
    because = f"other data change G's gradient by {found['D held']:g} of its length with D held, by "
    because += f"{found['D moved by the data']:.2g} through the D that they moved"
    return Verdict(decide(found["D held"] == 0 and found["D moved by the data"] > 0), because)


def statistical(r: Results) -> Verdict:
    """How often a sample lies nearer to the training digits than a fresh digit, model by model."""
    ours, others = row(r, "gan")["nearer"], {words: row(r, name)["nearer"] for name, words in COMPARED.items()}
    told = ", ".join(f"{words} {value:.2f}" for words, value in others.items())
    means = ", ".join(f"{COMPARED[name]} {row(r, name, 'means')['nearer']:.2f}" for name in ("dbn", "gsn"))
    because = f"how probably a sample is nearer to the training digits than a fresh digit: ours {ours:.2f}, {told}; "
    because += f"conditional means: {means}. The CAE's chains begin at training digits; empty and smooth pictures lie "
    because += "near everything, and grains far from everything, so this tells little of copying"
    return Verdict(decide(*(ours < value for value in others.values())), because)
