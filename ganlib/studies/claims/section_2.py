"""The claims of section 2, "Related work", and above them the functions that judge them."""

from __future__ import annotations

import math

import numpy as np

from ganlib.studies.claims.verdict import (
    COMPARED,
    OURS,
    Claim,
    Results,
    Verdict,
    decide,
    final,
    part,
    row,
    said,
    toys,
)

SECONDS_A_YEAR = 3.156e7


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


CLAIMS = (
    Claim(
        "partition",
        "2",
        "The normaliser of an undirected model, and its gradient, cannot be computed but for the smallest models.",
        "Count and time the terms of log Z of an RBM by enumeration, 8 to 16 hidden units, and extrapolate.",
        "13, results",
        partition,
    ),
    Claim(
        "mixing",
        "2",
        "Chains mix slowly, which is a serious problem for learning that relies on them.",
        "The integrated time of each trained model's chain, and its steps until a classifier sees another digit. (The "
        "chains that learning runs are of the same kind; their own mixing is not measured.)",
        "12, results",
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
        "13, results",
        no_density,
    ),
    Claim(
        "autoencoders",
        "2",
        "Denoising autoencoders learn by a rule much like score matching of an RBM.",
        "The denoising cost, and denoising score matching of a Gaussian RBM (Vincent 2011), with their gradients.",
        "results",
        score_matching,
    ),
    Claim(
        "nce",
        "2",
        "With its fixed noise, noise-contrastive estimation slows down once the model is roughly right.",
        "One dimension: the signal-to-noise ratio of its gradient along training, against the game's.",
        "above",
        toys("nce_signal", "nce_curves"),
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
        "above",
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
        "results",
        discrete,
    ),
    Claim(
        "fooled",
        "2",
        "A classifier can be made sure of a class by a picture that shows a person nothing of it (proceedings).",
        "Noise climbs the gradient of a classifier of digits until it is sure.",
        "results",
        fooled,
    ),
)
