"""The matrix of claims: what the paper says in sections 2, 3, 5 and 6, what was done about it here, and a verdict.

A `Claim` carries a small function that works its verdict out from the results files of the package. Nothing is typed:
when a file changes, so does the matrix. Words in `said` are ours. "Proceedings": what only the version in the
proceedings (NIPS 2014) says; the rest stands in that of June 2014, too.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Any, NamedTuple

import numpy as np

from ganlib.studies import table_1
from ganlib.studies.claims_digits import SEEDS

HOLDS, IN_PART, NOT_HERE, UNTESTED = "holds", "holds in part", "does not hold here", "cannot be tested here"
MISSING = "not measured yet"
VERDICTS = (HOLDS, IN_PART, NOT_HERE, UNTESTED)
SECTIONS = {
    "2": "Related work",
    "3": "Adversarial nets",
    "5": "Experiments",
    "6": "Advantages and disadvantages",
}
Results = Mapping[str, Any]


class Verdict(NamedTuple):
    """A verdict, and the numbers that it rests on, in words."""

    word: str
    because: str


@dataclass(frozen=True)
class Claim:
    """A claim of the paper, and what was done about it."""

    name: str
    section: str
    said: str  # the claim, in our words
    done: str  # the experiment, in words
    shown: str  # where: notebooks, or results/claims.json
    judge: Callable[[Results], Verdict]

    def verdict(self, r: Results) -> Verdict:
        """What the results say of it; `MISSING` where they lack what it needs."""
        try:
            return self.judge(r)
        except KeyError as error:
            return Verdict(MISSING, f"the results lack {error.args[0]!r}")


def results() -> dict[str, Any]:
    """The results files that verdicts are made from, by name; those that are not there yet are left out."""
    found = {}
    for name in ("claims", "baselines", "mnist_runs", "pictures"):
        path = files("ganlib") / "results" / f"{name}.json"
        if path.is_file():
            found[name] = json.loads(path.read_text(encoding="utf-8"))
    return found


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
    """A measure of a variant of the recipe: a number a seed."""
    return np.array([part(r, "variants", f"{variant}, seed {seed}")[iterate][measure] for seed in SEEDS])


def said(values: Iterable[float], form: str = ".3g") -> str:
    """Numbers of several seeds in a row."""
    return " and ".join(f"{value:{form}}" for value in values)


def toys(*names: str, only: Sequence[int] | None = None) -> Callable[[Results], Verdict]:
    """A verdict from the numbers that the toys' experiments call decisive: all on their side, some, or none.

    A number is on its side where every seed is. `only` are the places of those that this claim is about.
    """

    def judge(r: Results) -> Verdict:
        """What the toys say."""
        found = [one for name in names for one in part(r, "toys", name)["verdicts"]]
        found = found if only is None else [found[i] for i in only]
        return Verdict(decide(*(one["holds"] == 1 for one in found)), "; ".join(map(number, found)))

    return judge


def number(judged: Mapping[str, Any]) -> str:
    """A decisive number of a toy experiment in words: its mean over the seeds, and where it should lie."""
    side = "above" if judged["above"] else "below"
    mean = "none" if judged["mean"] is None else f"{judged['mean']:.3g}"
    spread = f" ± {judged['spread']:.2g}" if judged["spread"] else ""
    share = "" if judged["holds"] in (0, 1) else f", in {judged['holds']:.0%} of the seeds"
    return f"{judged['quantity']}: {mean}{spread} ({side} {judged['threshold']:.3g} is asked{share})"


def both(*judges: Callable[[Results], Verdict]) -> Callable[[Results], Verdict]:
    """Several verdicts on parts of one claim: the same for all, or in part."""

    def judge(r: Results) -> Verdict:
        """All of them together."""
        each = [one(r) for one in judges]
        words = {verdict.word for verdict in each}
        return Verdict(words.pop() if len(words) == 1 else IN_PART, "; ".join(verdict.because for verdict in each))

    return judge


# -- rows of the table of all models -----------------------------------------------------------------------------------

CHAINS = ("rbm", "dbn", "cae", "gsn")
ADVERSARIAL = "adversarial"


def row(r: Results, model: str, kind: str = "samples") -> dict[str, Any]:
    """The row of a model in results/baselines.json: of its samples, or of its conditional "means"."""
    for one in r["baselines"]["rows"]:
        if (one["model"], one["kind"]) == (model, kind):
            return one
    raise KeyError(f"{model}, {kind}")


# -- section 2 ---------------------------------------------------------------------------------------------------------


def partition(r: Results) -> Verdict:
    """The sum over all hidden states doubles with each unit."""
    found = part(r, "checks", "partition")
    grows = [b / a for a, b in zip(found["terms"], found["terms"][1:])]
    units = np.diff(found["hidden"])
    doubles = bool(np.allclose(grows, 2.0**units))
    seconds = found["seconds"][-1] * 10.0 ** (found["full_log10_terms"] - math.log10(found["terms"][-1]))
    years = math.log10(seconds / 3.156e7)
    because = f"{found['terms'][-1]:,} terms for {found['hidden'][-1]} hidden units; the full-size RBM has a number of "
    because += f"{found['full_log10_terms']:.0f} digits, about 10^{years:.0f} years"
    return Verdict(decide(doubles and years > 10), because)


def mixing(r: Results) -> Verdict:
    """Steps between two digits of the chains, against independent draws."""
    rows = {name: row(r, name)["steps_between_digits"] for name in CHAINS}
    slow = [value is None or value > 10 for value in rows.values()]
    told = ", ".join(f"{name} {'never' if v is None else f'{v:.3g}'}" for name, v in rows.items())
    return Verdict(decide(*slow), f"steps of the chain until the digit changes: {told}; independent draws: 1.1")


def hybrid(r: Results) -> Verdict:
    """A DBN trains by chains, and draws by a chain and a pass down."""
    found = part(r, "checks", "work")
    dbn, rbm = found["dbn"], found["rbm"]
    because = f"{dbn['chain_in_training']} chain step in every update, {dbn['steps']:.0f} for every draw, and each costs "
    because += f"{dbn['step']:.3g} million operations, {dbn['step'] / rbm['step']:.2g} times the RBM's, for its pass down"
    return Verdict(decide(dbn["chain"], dbn["chain_in_training"] > 0, dbn["step"] > rbm["step"]), because)


def no_density(r: Results) -> Verdict:
    """The rank of dG/dz."""
    found = part(r, "checks", "support")
    top = max(found["ranks"])
    because = f"at {len(found['ranks'])} samples dG/dz has rank {min(found['ranks'])} to {top}, of {found['d']} pixels: "
    return Verdict(decide(top < found["d"]), because + "the samples fill no volume, so no density p_g(x) exists")


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
    return Verdict(decide(found["gsn"]["chain"], not found["adversarial"]["chain"] and independent), because)


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
    before = part(r, "checks", "ruler")["untrained"]
    after = final(r)["last iterate"]["paper"]
    because = f"validation score of an untrained G: {before:.0f} nats; test score after training: {after:.0f}"
    return Verdict(decide(after - before > 100), because)


def discrete(r: Results) -> Verdict:
    """Gradients through rounded numbers."""
    found = part(r, "checks", "discrete")
    because = f"length of G's gradient: {found['real']:.1e} for real samples, {found['rounded']:g} for rounded ones; of a "
    because += f"VAE's encoder by its reconstruction: {found['VAE']:.1e} for real z, {found['VAE, rounded']:g} for rounded"
    exact = found["rounded"] == 0 and found["real"] > 0, found["VAE, rounded"] == 0 and found["VAE"] > 0
    return Verdict(decide(*exact), because)


def fooled(r: Results) -> Verdict:
    """Noise that a classifier takes for digits."""
    found = part(r, "checks", "fooled")
    because = f"{found['sure']:.0%} of pictures of noise are taken for a digit with probability 0.99, after their pixels "
    because += f"moved by {found['moved']:.2f} on average; they lie {found['nearest']:.1f} times as far from the digits"
    return Verdict(decide(found["sure"] > 0.9, found["sure_before"] < 0.1, found["nearest"] > 1.5), because)


# -- section 3 ---------------------------------------------------------------------------------------------------------


def completion(r: Results) -> Verdict:
    """Updates of D until V on fresh digits is best."""
    found = part(r, "overfitting", "50,000, seed 0")
    best = found["step"][int(np.argmax(found["V_validation"]))]
    because = f"against one held G, D gets better on fresh digits for {best:,} updates; Algorithm 1 takes k = 1 of them "
    return Verdict(decide(best > 100), because + "for each update of G")


def overfits(r: Results) -> Verdict:
    """V on D's own digits and on fresh ones, at the end."""
    told, fewest = [], []
    for name, seed in (("500", 0), ("500", 1), ("5,000", 0), ("5,000", 1), ("50,000", 0)):
        found = part(r, "overfitting", f"{name}, seed {seed}")
        V, fall = found["V_validation"], max(found["V_validation"]) - found["V_validation"][-1]
        if seed == 0:
            own = f"{found['V_train'][-1]:.2f} on its own digits, {V[-1]:.2f} on fresh ones (at best {max(V):.2f})"
            told.append(f"{name} digits: {own}")
        if name == "500":
            fewest.append(fall > 0.1 and found["V_train"][-1] > V[-1] + 0.1)
    return Verdict(decide(*fewest), "V at the end, nats, with " + "; ".join(told))


def saturates(r: Results) -> Verdict:
    """G's gradient where D is surest of its fakes, early in training on digits, under both costs."""
    ratios, scores = [], []
    for seed in SEEDS:
        plain, minimax = (part(r, "variants", f"{name}, seed {seed}") for name in ("recipe", "minimax cost"))
        surest = [min(one["curves"]["D_fake"]) for one in (plain, minimax)]
        at = [int(np.argmin(one["curves"]["D_fake"])) for one in (plain, minimax)]
        norms = [one["curves"]["norm_G"][i] for one, i in zip((plain, minimax), at)]
        ratios.append(norms[0] / norms[1])
        scores.append((plain["average"]["log_likelihood"], minimax["average"]["log_likelihood"], *surest))
    because = f"on digits, where D is surest (D(G(z)) = {said((s[3] for s in scores), '.2g')} with the minimax cost), the "
    because += f"non-saturating gradient is {said(ratios, '.2g')} times as long; after 8 epochs the average scores "
    because += f"{said((s[0] for s in scores), '.0f')} nats against {said((s[1] for s in scores), '.0f')}"
    return Verdict(decide(min(ratios) > 2, all(s[0] > s[1] for s in scores)), because)


def recovers(r: Results) -> Verdict:
    """JSD at the end of the toy game, and the score on digits beside that of real digits."""
    JSD = part(r, "toys", "cost_games")["near"]["non-saturating"]
    real = part(r, "checks", "ruler")["real"]["10000"]
    because = f"toy game: JSD {min(JSD):.3f} to {max(JSD):.3f} nats at the end, from at most 0.693; digits: "
    because += f"{final(r)['average']['paper']:.0f} nats at best, where real digits score {real:.0f}"
    return Verdict(decide(max(JSD) < 0.05, final(r)["average"]["paper"] > real - 5), because)


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
    """Which of the models score less than adversarial nets, each as the paper scores it."""
    ours = row(r, ADVERSARIAL)["log_likelihood"]
    others = {"dbn": row(r, "dbn"), "cae": row(r, "cae"), "gsn": row(r, "gsn", "means")}
    told = ", ".join(f"{name} {one['log_likelihood']:.0f}" for name, one in others.items())
    below = [one["log_likelihood"] < ours for one in others.values()]
    return Verdict(decide(*below), f"test scores, nats: adversarial nets {ours:.0f}, {told} (of means)")


def anywhere(r: Results) -> Verdict:
    """Noise at every layer against noise at the bottom."""
    plain, noisy = (seeds(r, name, "average", "frechet") for name in ("recipe", "noise at every layer"))
    scores = [seeds(r, name, "average", "log_likelihood") for name in ("recipe", "noise at every layer")]
    shares = part(r, "variants", "noise at every layer, seed 0")["shares"]
    because = f"Fréchet distance {said(noisy)} against {said(plain)} with noise at the bottom only, score {said(scores[1], '.0f')} "
    because += f"against {said(scores[0], '.0f')} nats; of the samples' variance the layers' noise makes, from the bottom up, "
    because += ", ".join(f"{share:.0%}" for share in shares)
    return Verdict(decide(bool((noisy < 2 * plain).all()), min(shares) > 0.01), because)


def helps(with_it: Sequence[str], without: Sequence[str], what: str) -> Callable[[Results], Verdict]:
    """Whether variants do better than others, pair by pair and seed by seed, by the Frechet distance of the average."""

    def judge(r: Results) -> Verdict:
        """Count the pairs."""
        better, told = [], []
        for one, other in zip(with_it, without):
            a, b = (seeds(r, name, "average", "frechet") for name in (one, other))
            better += (a < b).tolist()
            told.append(f"{one}: {said(a)}, {other}: {said(b)}")
        because = f"Fréchet distance of the average after 8 epochs, {'; '.join(told)}; {what} is better in "
        return Verdict(decide(*better), because + f"{sum(better)} of {len(better)} pairs of runs")

    return judge


def ruler_varies(r: Results) -> Verdict:
    """The spread of the Parzen estimate over draws, its growth with the centres, and blurred digits."""
    found = part(r, "checks", "ruler")
    draws, real = np.array(found["draws"]), found["real"]
    grows = real["10000"] - real["5000"]
    because = f"spread over {len(draws)} draws of 10,000 samples: {draws.std(ddof=1):.1f} nats; from 5,000 to 10,000 real "
    because += f"digits it rises by {grows:.0f}; blurred digits score {found['blurred']:.0f}, real ones {real['10000']:.0f}"
    parts = draws.std(ddof=1) > 1, grows > 10, found["blurred"] > real["10000"]
    return Verdict(decide(*map(bool, parts)), because)


def independent(r: Results) -> Verdict:
    """The correlation of a sample with the next."""
    free = part(r, "checks", "independence")
    because = f"correlation of a sample with the next: {free['correlation']:+.4f} ± {free['error']:.4f} "
    because += f"(sorted by their ink: {free['sorted']:+.3f})"
    return Verdict(decide(abs(free["correlation"]) < 3 * free["error"]), because)


def copies(r: Results) -> Verdict:
    """Distances to the nearest training digit."""
    found = part(r, "copies", "shipped weights")
    sides = ("last", "average")
    told = ", ".join(f"{name} z {found[name]['z']:+.1f}" for name in (*sides, "noisy copies"))
    because = f"nearer to the training digits than fresh digits are? {told} (below -3 is copying)"
    clean = [not found[name]["copies"] for name in sides]
    return Verdict(decide(*clean) if found["noisy copies"]["copies"] else UNTESTED, because)


def competitive(r: Results) -> Verdict:
    """Frechet distances of the table's models."""
    ours = row(r, ADVERSARIAL)["frechet"]
    others = {name: row(r, name)["frechet"] for name in ("dbn", "cae", "gsn")}
    told = ", ".join(f"{name} {value:.3g}" for name, value in others.items())
    return Verdict(decide(ours < 1.1 * min(others.values())), f"Fréchet distance of samples: ours {ours:.3g}, {told}")


def interpolation(r: Results) -> Verdict:
    """What a classifier says halfway between two samples, through z and through the pixels."""
    found = part(r, "checks", "interpolation")
    middle = len(found["t"]) // 2
    z, pixels, ends = found["z"][middle], found["pixels"][middle], found["z"][0]
    because = f"halfway the classifier is unsure of {z:.0%} of the pictures through z, of {pixels:.0%} of the pixels' "
    because += f"means, of {ends:.0%} of samples; Fréchet distance {found['frechet_z']:.3g} against {found['frechet_pixels']:.3g}"
    return Verdict(decide(z < pixels, z < 2 * ends), because)


# -- section 6 ---------------------------------------------------------------------------------------------------------


def only_backprop(r: Results) -> Verdict:
    """Chain steps in training and in drawing."""
    found = part(r, "checks", "work")
    ours = found["adversarial"]
    others = [name for name, one in found.items() if one["chain"]]
    because = f"chain steps in an update and for a draw: 0 and 0; a chain is needed by {', '.join(others)}"
    return Verdict(decide(ours["chain_in_training"] == 0 and not ours["chain"]), because)


def no_inference(r: Results) -> Verdict:
    """Whether training infers hidden units from data."""
    found = part(r, "checks", "work")
    others = [name for name, one in found.items() if one["inference"]]
    because = f"passes that infer hidden units from data in an update: 0; {', '.join(others)} each make one or more"
    return Verdict(decide(not found["adversarial"]["inference"]), because)


def any_function(r: Results) -> Verdict:
    """Nets of several kinds, all trained."""
    kinds = ["recipe", "noise at every layer", "rectifiers, dropout"]
    digits = {name: seeds(r, name, "average", "frechet") for name in kinds}
    untrained = part(r, "checks", "ruler")["frechet_untrained"]
    pictures = {name: pair["rows"] for name, pair in r["pictures"]["pairs"].items()}
    works = [bool((values < untrained / 2).all()) for values in digits.values()]
    works.append(min(one["precision"] for one in pictures["cifar10-conv"]) > 0.5)
    because = f"Fréchet distance on digits, from {untrained:.3g} untrained: "
    because += ", ".join(f"{name} {said(values)}" for name, values in digits.items())
    recall = max(one["recall"] for one in pictures["cifar10-conv"])
    return Verdict(decide(*works, recall > 0.1), because + f"; convolutions on CIFAR-10 train, with a recall of {recall:.3f}")


def cheap(r: Results) -> Verdict:
    """Operations for a draw."""
    found = part(r, "checks", "work")
    cost = {name: one["step"] * one["steps"] for name, one in found.items()}
    ours = cost.pop("adversarial")
    chains = {name: value for name, value in cost.items() if found[name]["chain"]}
    told = ", ".join(f"{name} {value:.3g}" for name, value in cost.items())
    updates = {name: one["update"] for name, one in found.items()}
    less = sum(updates["adversarial"] < value for name, value in updates.items() if name != "adversarial")
    because = f"million operations for a draw: ours {ours:.3g}, {told}; for an update and an example ours takes "
    because += f"{updates['adversarial']:.3g}, less than {less} of the {len(updates) - 1} others"
    return Verdict(decide(*(ours < value for value in chains.values()), less > 0), because)


def through_D(r: Results) -> Verdict:
    """Whether other data move G's gradient while D is held."""
    found = part(r, "checks", "through D")
    because = f"other data change G's gradient by {found['D held']:g} of its length with D held, by "
    because += f"{found['D moved by the data']:.2g} through the D that they moved"
    return Verdict(decide(found["D held"] == 0 and found["D moved by the data"] > 0), because)


# -- the matrix --------------------------------------------------------------------------------------------------------

HERE = "results/claims.json"
CLAIMS: tuple[Claim, ...] = (
    Claim(
        "partition",
        "2",
        "The normaliser of an undirected model, and its gradient, cannot be computed but for the smallest models.",
        "Count and time the terms of log Z of an RBM by enumeration, 8 to 16 hidden units, and extrapolate.",
        "13, below",
        partition,
    ),
    Claim(
        "mixing",
        "2",
        "Chains mix slowly, which is a serious problem for learning that relies on them.",
        "Steps of each trained model's chain until a classifier sees another digit. (The chains that learning runs are "
        "of the same kind; their own mixing is not measured.)",
        "12, below",
        mixing,
    ),
    Claim(
        "hybrid",
        "2",
        "A deep belief net trains fast layer by layer, but has the computational difficulties of undirected and of "
        "directed models together.",
        "Count chain steps and passes, in training and in drawing.",
        "12, 13",
        hybrid,
    ),
    Claim(
        "density",
        "2",
        "Noise-contrastive estimation and score matching need a density that is known up to a constant. Models with "
        "several layers of hidden variables often have none.",
        "Our own G: the rank of dG/dz at samples of the shipped weights.",
        "13, below",
        no_density,
    ),
    Claim(
        "autoencoders",
        "2",
        "Denoising autoencoders learn by a rule much like score matching of an RBM.",
        "The denoising cost, and denoising score matching of a Gaussian RBM (Vincent 2011), with their gradients.",
        HERE,
        score_matching,
    ),
    Claim(
        "nce",
        "2",
        "With its fixed noise, noise-contrastive estimation slows down once the model is roughly right.",
        "One dimension: the signal-to-noise ratio of its gradient along training, against the game's.",
        "below",
        toys("nce_and_game"),
    ),
    Claim(
        "gsn",
        "2",
        "A generative stochastic network needs a Markov chain to draw; adversarial nets do not.",
        "What drawing takes, and the correlation of G's samples with the next.",
        "12, 13",
        no_chain,
    ),
    Claim(
        "feedback",
        "2",
        "Without feedback loops piecewise linear units can be used, which in a loop grow without bound.",
        "A small GSN on digits, with tanh and with rectifiers in its loop: the largest unit along its chain.",
        "below",
        feedback,
    ),
    Claim(
        "sole criterion",
        "2",
        "The competition is the only training criterion, and it is enough to train G (proceedings).",
        "The recipe for digits, which has no other cost: scores before and after.",
        "06, 11",
        sole_criterion,
    ),
    Claim(
        "discrete",
        "2",
        "Adversarial nets cannot model discrete data, since they differentiate through what is visible; a variational "
        "autoencoder cannot have discrete hidden variables (proceedings).",
        "Gradients through numbers that are rounded.",
        HERE,
        discrete,
    ),
    Claim(
        "fooled",
        "2",
        "A classifier can be made sure of a class by a picture that has nothing which a person would see (proceedings).",
        "Noise climbs the gradient of a classifier of digits until it is sure.",
        "below",
        fooled,
    ),
    Claim(
        "recovers",
        "3",
        "With enough capacity and training time the game recovers the distribution of the data.",
        "JSD in the toy game; the score on digits beside that of real digits.",
        "03, 05, 11",
        recovers,
    ),
    Claim(
        "completion",
        "3",
        "To train D to completion before each update of G would cost far too much.",
        "D alone on 50,000 digits against a held G: updates until it is best.",
        "below",
        completion,
    ),
    Claim(
        "overfits",
        "3",
        "On finite data a D that is trained to completion overfits.",
        "D alone on points in the plane, and on 500, 5,000 and 50,000 digits, against a held G.",
        "below",
        both(toys("overfit_D"), overfits),
    ),
    Claim(
        "k",
        "3",
        "k updates of D to one of G keep D near its best, as long as G changes slowly enough.",
        "Toy games over k and G's rate: C(G) - V(D, G).",
        "09, below",
        toys("k_and_gap"),
    ),
    Claim(
        "persistent",
        "3",
        "This is like persistent chains, which go on from one update to the next and need no new burn-in.",
        "None.",
        "",
        untested("an analogy; it says nothing that could come out otherwise"),
    ),
    Claim(
        "saturates",
        "3",
        "Early, when D is sure, log(1 - D(G(z))) saturates; -log D(G(z)) gives much stronger gradients.",
        "Hills apart with D at its best, toy games with a sure D, and the recipe for digits with both costs.",
        "04, below",
        both(toys("both_costs", "cost_games", only=(0, 3, 4)), saturates),
    ),
    Claim(
        "fixed point",
        "3",
        "Both costs of G have the same fixed point.",
        "Exact gradients at the optimal D, and toy games played to the end with both costs.",
        "04, below",
        toys("both_costs", "cost_games", only=(1, 2, 5)),
    ),
    Claim(
        "score",
        "5",
        "On MNIST adversarial nets score 225 ± 2 nats by Parzen windows.",
        "The authors' recipe for 700 epochs, scored by their protocol.",
        "06, 10, 11",
        the_score,
    ),
    Claim(
        "order",
        "5",
        "That is more than a deep belief net, a stacked contractive autoencoder and a deep GSN have.",
        "All four trained here and scored by the same protocol.",
        "12",
        the_order,
    ),
    Claim(
        "faces",
        "5",
        "On the Toronto Face Database they score 2057 ± 26, second to the autoencoder.",
        "None on these faces. The recipe was run on a stand-in.",
        "07, 10",
        untested("the faces are given out on request only; scores on other faces do not compare"),
    ),
    Claim(
        "anywhere",
        "5",
        "Noise may enter G at any layer; the experiments used the bottom one only.",
        "The recipe with as much noise again at each layer, 8 epochs, two seeds.",
        "below",
        anywhere,
    ),
    Claim(
        "maxout",
        "5",
        "D is made of maxout units. (The paper does not say that others are worse.)",
        "Maxout against as many parameters in rectifiers, with and without dropout, 8 epochs, two seeds.",
        "below",
        helps(("recipe", "maxout, no dropout"), ("rectifiers, dropout", "rectifiers, no dropout"), "maxout"),
    ),
    Claim(
        "dropout",
        "5",
        "D is trained with dropout. (The paper does not say what it does without.)",
        "The same four recipes.",
        "below",
        helps(("recipe", "rectifiers, dropout"), ("maxout, no dropout", "rectifiers, no dropout"), "dropout"),
    ),
    Claim(
        "ruler",
        "5",
        "The Parzen estimate has a somewhat high variance and does not do well in many dimensions.",
        "Scores of G over draws, of real digits over their number, and of blurred digits.",
        "10",
        ruler_varies,
    ),
    Claim(
        "best ruler",
        "5",
        "It was the best method that the authors knew.",
        "None.",
        "10",
        untested("a statement on what was known in 2014"),
    ),
    Claim(
        "independent",
        "5",
        "The samples of Figure 2 are independent, as no chain makes them.",
        "The correlation of each of 10,000 samples with the next, against shuffled orders.",
        "12",
        independent,
    ),
    Claim(
        "memorised",
        "5",
        "The model has not memorised the training set.",
        "Distances of samples to the nearest training digit, against those of fresh digits; noisy copies as control.",
        "06, below",
        copies,
    ),
    Claim(
        "competitive",
        "5",
        "The samples are at least competitive with those of the better generative models. (The paper does not claim that "
        "they are better.)",
        "Fréchet distances of samples, in the features of one classifier.",
        "12",
        competitive,
    ),
    Claim(
        "interpolation",
        "5",
        "Straight lines between points z give digits all along (Figure 3).",
        "What a classifier says of the pictures halfway, through z and through the pixels.",
        "06, below",
        interpolation,
    ),
    Claim(
        "no density",
        "6",
        "There is no explicit p_g(x).",
        "The rank of dG/dz at samples.",
        "13, below",
        no_density,
    ),
    Claim(
        "synchrony",
        "6",
        "D must be kept well synchronised with G.",
        "Toy games with more and more updates of G to one of D.",
        "09, below",
        toys("synchrony"),
    ),
    Claim(
        "helvetica",
        "6",
        "If G is trained too much without D, it maps too many z to the same x: the Helvetica scenario.",
        "Toy games in which D is held after 500 iterations, against the same with D updated.",
        "05, below",
        toys("helvetica"),
    ),
    Claim(
        "backprop",
        "6",
        "Markov chains are never needed; backpropagation gives all gradients.",
        "Count the chain steps of each model.",
        "12, 13",
        only_backprop,
    ),
    Claim(
        "inference",
        "6",
        "No inference is needed while learning.",
        "Look at what each model's update does with its data.",
        "13",
        no_inference,
    ),
    Claim(
        "any function",
        "6",
        "A wide variety of functions can be used.",
        "Maxout, rectifiers, noise at every layer, convolutions: did they train?",
        "06, 08, below",
        any_function,
    ),
    Claim(
        "cheap",
        "6",
        "These advantages are mainly computational.",
        "Count the operations of an update and of a draw, model by model, at full size.",
        "12, below",
        cheap,
    ),
    Claim(
        "through D",
        "6",
        "G never sees an example; the data reach it only through D.",
        "G's gradient on other data, with D held and with D moved.",
        "below",
        through_D,
    ),
    Claim(
        "statistical",
        "6",
        "That may be a statistical advantage, since inputs are not copied into G.",
        "Samples of every model beside the training digits.",
        "12",
        copies,
    ),
    Claim(
        "sharp",
        "6",
        "They can represent sharp, even degenerate distributions.",
        "Data on a curve and at a point: GAN, VAE and an RBM's chain.",
        "below",
        toys("curve"),
    ),
    Claim(
        "blurry",
        "6",
        "Methods with chains need a distribution that is somewhat blurry, so that the chains mix between modes.",
        "The same chain on data of several widths.",
        "below",
        toys("chain_mixing"),
    ),
)
