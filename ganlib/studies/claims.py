"""The matrix of claims: what the paper says in sections 2, 3, 5 and 6, what was done about it here, and a verdict.

A `Claim` carries a function of `claims_verdicts` that works its verdict out from the results files of the package.
Nothing is typed: when a file changes, so does the matrix. The words are ours. "Proceedings" marks what only the version
in the proceedings (NIPS 2014) says; the rest stands in that of June 2014, too.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

import pandas as pd

from ganlib.studies import claims_verdicts as verdicts
from ganlib.studies.claims_verdicts import MISSING, Results, Verdict, untested

SECTIONS = {
    "2": "Related work",
    "3": "Adversarial nets",
    "5": "Experiments",
    "6": "Advantages and disadvantages",
}


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


# -- the matrix --------------------------------------------------------------------------------------------------------

HERE = "results"
CLAIMS: tuple[Claim, ...] = (
    Claim(
        "partition",
        "2",
        "The normaliser of an undirected model, and its gradient, cannot be computed but for the smallest models.",
        "Count and time the terms of log Z of an RBM by enumeration, 8 to 16 hidden units, and extrapolate.",
        "13, below",
        verdicts.partition,
    ),
    Claim(
        "mixing",
        "2",
        "Chains mix slowly, which is a serious problem for learning that relies on them.",
        "The integrated time of each trained model's chain, and its steps until a classifier sees another digit. (The "
        "chains that learning runs are of the same kind; their own mixing is not measured.)",
        "12, below",
        verdicts.mixing,
    ),
    Claim(
        "hybrid",
        "2",
        "A deep belief net trains fast layer by layer, but has the computational difficulties of undirected and of "
        "directed models together.",
        "Count chain steps and passes, in training and in drawing.",
        "12, 13",
        verdicts.hybrid,
    ),
    Claim(
        "density",
        "2",
        "Noise-contrastive estimation and score matching need a density that is known up to a constant. Models with "
        "several layers of hidden variables often have none.",
        "Our own G: the rank of dG/dz at samples of the shipped weights.",
        "13, below",
        verdicts.no_density,
    ),
    Claim(
        "autoencoders",
        "2",
        "Denoising autoencoders learn by a rule much like score matching of an RBM.",
        "The denoising cost, and denoising score matching of a Gaussian RBM (Vincent 2011), with their gradients.",
        HERE,
        verdicts.score_matching,
    ),
    Claim(
        "nce",
        "2",
        "With its fixed noise, noise-contrastive estimation slows down once the model is roughly right.",
        "One dimension: the signal-to-noise ratio of its gradient along training, against the game's.",
        "below",
        verdicts.toys("nce_signal", "nce_curves"),
    ),
    Claim(
        "gsn",
        "2",
        "A generative stochastic network needs a Markov chain to draw; adversarial nets do not.",
        "What drawing takes, and the correlation of G's samples with the next.",
        "12, 13",
        verdicts.no_chain,
    ),
    Claim(
        "feedback",
        "2",
        "Without feedback loops piecewise linear units can be used, which in a loop grow without bound.",
        "A small GSN on digits, with tanh and with rectifiers in its loop: the largest unit along its chain.",
        "below",
        verdicts.feedback,
    ),
    Claim(
        "sole criterion",
        "2",
        "The competition is the only training criterion, and it is enough to train G (proceedings).",
        "The recipe for digits, which has no other cost: scores before and after.",
        "06, 11",
        verdicts.sole_criterion,
    ),
    Claim(
        "discrete",
        "2",
        "Adversarial nets cannot model discrete data, since they differentiate through what is visible; a variational "
        "autoencoder cannot have discrete hidden variables (proceedings).",
        "Gradients through numbers that are rounded.",
        HERE,
        verdicts.discrete,
    ),
    Claim(
        "fooled",
        "2",
        "A classifier can be made sure of a class by a picture that shows a person nothing of it (proceedings).",
        "Noise climbs the gradient of a classifier of digits until it is sure.",
        "below",
        verdicts.fooled,
    ),
    Claim(
        "recovers",
        "3",
        "With enough capacity and training time the game recovers the distribution of the data.",
        "JSD in the toy game; the score on digits beside that of real digits.",
        "03, 05, 11",
        verdicts.recovers,
    ),
    Claim(
        "completion",
        "3",
        "To train D to completion before each update of G would cost far too much.",
        "D alone on 50,000 digits against a held G: updates until it is best.",
        "below",
        verdicts.completion,
    ),
    Claim(
        "overfits",
        "3",
        "On finite data a D that is trained to completion overfits.",
        "D alone on points in the plane, and on 500, 5,000 and 50,000 digits, against a held G.",
        "below",
        verdicts.both(verdicts.toys("overfit_D"), verdicts.overfits),
    ),
    Claim(
        "k",
        "3",
        "k updates of D to one of G keep D near its best, as long as G changes slowly enough.",
        "Toy games over k and G's rate: C(G) - V(D, G).",
        "09, below",
        verdicts.toys("k_and_gap"),
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
        verdicts.both(verdicts.toys("both_costs", "cost_games", only=(0, 3)), verdicts.saturates),
    ),
    Claim(
        "fixed point",
        "3",
        "Both costs of G have the same fixed point.",
        "Exact gradients at the optimal D, and toy games played to the end with both costs.",
        "04, below",
        verdicts.toys("both_costs", "cost_games", only=(1, 2, 5)),
    ),
    Claim(
        "score",
        "5",
        "On MNIST adversarial nets score 225 ± 2 nats by Parzen windows.",
        "The authors' recipe for 700 epochs, scored by their protocol.",
        "06, 10, 11",
        verdicts.the_score,
    ),
    Claim(
        "order",
        "5",
        "That is more than a deep belief net, a stacked contractive autoencoder and a deep GSN have.",
        "All four trained here and scored by the same protocol.",
        "12",
        verdicts.the_order,
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
        verdicts.anywhere,
    ),
    Claim(
        "maxout",
        "5",
        "Maxout units in D help. (The paper uses them, and does not compare.)",
        "Maxout against as many parameters in rectifiers, with and without dropout, 8 epochs, two seeds.",
        "below",
        verdicts.helps(("recipe", "maxout, no dropout"), ("rectifiers, dropout", "rectifiers, no dropout"), "maxout"),
    ),
    Claim(
        "dropout",
        "5",
        "Dropout in D helps. (The paper uses it, and does not compare.)",
        "The same four recipes.",
        "below",
        verdicts.helps(("recipe", "rectifiers, dropout"), ("maxout, no dropout", "rectifiers, no dropout"), "dropout"),
    ),
    Claim(
        "ruler",
        "5",
        "The Parzen estimate has a somewhat high variance and does not do well in many dimensions.",
        "Scores of G over draws, of real digits over their number, and of blurred digits.",
        "10",
        verdicts.ruler_varies,
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
        verdicts.independent,
    ),
    Claim(
        "memorised",
        "5",
        "The model has not memorised the training set.",
        "The nearest digits of samples, of fresh digits, and of noisy copies as a control.",
        "06, below",
        verdicts.copies,
    ),
    Claim(
        "competitive",
        "5",
        "The samples are at least competitive with those of the better generative models. (The paper does not claim "
        "that they are better.)",
        "Fréchet distances, in the features of one classifier, of samples or conditional means, whichever are nearer; "
        "the models as trained here.",
        "12",
        verdicts.competitive,
    ),
    Claim(
        "interpolation",
        "5",
        "Straight lines between points z give digits all along (Figure 3).",
        "What a classifier says of the pictures halfway, through z and through the pixels.",
        "06, below",
        verdicts.interpolation,
    ),
    Claim(
        "no density",
        "6",
        "There is no explicit p_g(x).",
        "The rank of dG/dz at samples.",
        "13, below",
        verdicts.no_density,
    ),
    Claim(
        "synchrony",
        "6",
        "D must be kept well synchronised with G.",
        "Toy games with more and more updates of G to one of D.",
        "09, below",
        verdicts.toys("synchrony"),
    ),
    Claim(
        "helvetica",
        "6",
        "If G is trained too much without D, it maps too many z to the same x: the Helvetica scenario.",
        "Toy games in which D is held from a moment on, against the same with D updated; also with a bounded G.",
        "05, below",
        verdicts.toys("helvetica", "helvetica, bounded"),
    ),
    Claim(
        "backprop",
        "6",
        "Markov chains are never needed; backpropagation gives all gradients.",
        "Count the chain steps of each model.",
        "12, 13",
        verdicts.only_backprop,
    ),
    Claim(
        "inference",
        "6",
        "No inference is needed while learning.",
        "Look at what each model's update does with its data.",
        "13",
        verdicts.no_inference,
    ),
    Claim(
        "any function",
        "6",
        "A wide variety of functions can be used.",
        "Did they train? Maxout, rectifiers, noise at every layer, convolutions.",
        "06, 08, below",
        verdicts.any_function,
    ),
    Claim(
        "cheap",
        "6",
        "These advantages are mainly computational.",
        "Count the operations of an update and of a draw, model by model, at full size.",
        "12, below",
        verdicts.cheap,
    ),
    Claim(
        "through D",
        "6",
        "G never sees an example; the data reach it only through D.",
        "G's gradient on other data, with D held and with D moved.",
        "below",
        verdicts.through_D,
    ),
    Claim(
        "statistical",
        "6",
        "That may be a statistical advantage, since inputs are not copied into G.",
        "Distances of samples to the nearest training digit, for every model of Table 1. (Samples that are far from "
        "all digits score low, too.)",
        "12",
        verdicts.statistical,
    ),
    Claim(
        "sharp",
        "6",
        "They can represent sharp, even degenerate distributions.",
        "Data on a curve and at a point: GAN, VAE and an RBM's chain.",
        "below",
        verdicts.toys("sharp, circle", "sharp, points"),
    ),
    Claim(
        "blurry",
        "6",
        "Methods with chains need a distribution that is somewhat blurry, so that the chains mix between modes.",
        "The same chain on data of several widths.",
        "below",
        verdicts.toys("blur_and_mixing"),
    ),
)


def verdicts_of(r: Results | None = None) -> dict[str, Verdict]:
    """The verdict on every claim, by name."""
    r = results() if r is None else r
    return {claim.name: claim.verdict(r) for claim in CLAIMS}


def matrix(section: str = "", r: Results | None = None) -> pd.DataFrame:
    """The claims of a section ("": of all): section, claim, experiment, verdict, numbers, and where it is shown."""
    found = verdicts_of(r)
    rows = [
        {
            "section": claim.section,
            "the paper, in our words": claim.said,
            "what we did": claim.done,
            "verdict": found[claim.name].word,
            "what came out": found[claim.name].because,
            "where": claim.shown,
        }
        for claim in CLAIMS
        if section in ("", claim.section)
    ]
    return pd.DataFrame(rows)
