"""The claims of section 5, "Experiments", and above them the functions that judge them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ganlib.studies import table_1
from ganlib.studies.claims.digits import EPOCHS
from ganlib.studies.claims.verdict import (
    COMPARED,
    UNTESTED,
    Claim,
    Results,
    Verdict,
    decide,
    part,
    row,
    said,
    seeds,
    untested,
)


def printed(model: str) -> float:
    """The score of a model on MNIST that the paper prints."""
    return float(table_1.PAPER[model][0].split()[0])


def the_score(r: Results) -> Verdict:
    """Our score beside the paper's."""
    found, paper = {"average": row(r, "gan-average"), "last iterate": row(r, "gan")}, printed("Adversarial nets")
    reached = [score_of(one) + 2 * one["standard_error"] >= paper for one in found.values()]
    told = ", ".join(f"{name} {score_of(one):.1f} ± {one['standard_error']:.1f}" for name, one in found.items())
    because = f"test score after {row(r, 'gan')['epochs']:,.0f} epochs, nats: {told}; the paper: {paper:g} ± 2"
    return Verdict(decide(*reached), because)


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


CLAIMS = (
    Claim(
        "score",
        "5",
        "On MNIST adversarial nets score 225 ± 2 nats by Parzen windows.",
        "The authors' recipe, trained on beyond its 700 epochs, scored by their protocol.",
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
        "above",
        anywhere,
    ),
    Claim(
        "maxout",
        "5",
        "Maxout units in D help. (The paper uses them, and does not compare.)",
        "Maxout against as many parameters in rectifiers, with and without dropout, 8 epochs, two seeds.",
        "above",
        helps(("recipe", "maxout, no dropout"), ("rectifiers, dropout", "rectifiers, no dropout"), "maxout"),
    ),
    Claim(
        "dropout",
        "5",
        "Dropout in D helps. (The paper uses it, and does not compare.)",
        "The same four recipes.",
        "above",
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
        "The nearest digits of samples, of fresh digits, and of noisy copies as a control.",
        "06, results",
        copies,
    ),
    Claim(
        "competitive",
        "5",
        "The samples are at least competitive with those of the better generative models. (The paper does not claim "
        "that they are better.)",
        "Fréchet distances, in the features of one classifier, of samples or conditional means, whichever are nearer; "
        "the models as trained here.",
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
)
