"""The claims of section 3, "Adversarial nets", and above them the functions that judge them."""

from __future__ import annotations

import numpy as np

from ganlib.studies.claims.digits import EPOCHS
from ganlib.studies.claims.verdict import Claim, Results, Verdict, both, decide, part, said, seeds, toys, untested


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


CLAIMS = (
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
        "above",
        completion,
    ),
    Claim(
        "overfits",
        "3",
        "On finite data a D that is trained to completion overfits.",
        "D alone on points in the plane, and on 500, 5,000 and 50,000 digits, against a held G.",
        "above",
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
        "04, above",
        both(toys("both_costs", "cost_games", only=(0, 3)), saturates),
    ),
    Claim(
        "fixed point",
        "3",
        "Both costs of G have the same fixed point.",
        "Exact gradients at the optimal D, and toy games played to the end with both costs.",
        "04, below",
        toys("both_costs", "cost_games", only=(1, 2, 5)),
    ),
)
