"""The claims of section 6, "Advantages and disadvantages", and above them the functions that judge them."""

from __future__ import annotations

from ganlib.studies.claims.section_2 import no_density
from ganlib.studies.claims.verdict import (
    COMPARED,
    NAMES,
    OURS,
    Claim,
    Results,
    Verdict,
    brief,
    decide,
    part,
    row,
    said,
    seeds,
    toys,
)


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
    told = ", ".join(f"{NAMES[name]} {brief(value)}" for name, value in cost.items())
    updates = {name: one["update"] for name, one in found.items()}
    less = sum(updates[OURS] < value for name, value in updates.items() if name != OURS)
    because = f"million operations for a draw: ours {brief(ours)}, {told}; an update takes ours {brief(updates[OURS])} "
    because += f"for each example, less than {less} of the {len(cost)} others"
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


CLAIMS = (
    Claim(
        "no density",
        "6",
        "There is no explicit p_g(x).",
        "The rank of dG/dz at samples.",
        "13, results",
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
        "Toy games in which D is held from a moment on, against the same with D updated; also with a bounded G.",
        "05, below",
        toys("helvetica", "helvetica, bounded"),
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
        "Did they train? Maxout, rectifiers, noise at every layer, convolutions.",
        "06, 08, above",
        any_function,
    ),
    Claim(
        "cheap",
        "6",
        "These advantages are mainly computational.",
        "Count the operations of an update and of a draw, model by model, at full size.",
        "12, above",
        cheap,
    ),
    Claim(
        "through D",
        "6",
        "G never sees an example; the data reach it only through D.",
        "G's gradient on other data, with D held and with D moved.",
        "above",
        through_D,
    ),
    Claim(
        "statistical",
        "6",
        "That may be a statistical advantage, since inputs are not copied into G.",
        "Distances of samples to the nearest training digit, for every model of Table 1. (Samples that are far from "
        "all digits score low, too.)",
        "12",
        statistical,
    ),
    Claim(
        "sharp",
        "6",
        "They can represent sharp, even degenerate distributions.",
        "Data on a curve and at a point: GAN, VAE and an RBM's chain.",
        "above",
        toys("sharp, circle", "sharp, points"),
    ),
    Claim(
        "blurry",
        "6",
        "Methods with chains need a distribution that is somewhat blurry, so that the chains mix between modes.",
        "The same chain on data of several widths.",
        "below",
        toys("blur_and_mixing"),
    ),
)
