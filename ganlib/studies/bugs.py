"""Spot the bug: one short training loop in plain torch, as it should be and with five mistakes that people make.

`LOOP` is the loop as text. A `Bug` replaces a few of its lines, and `play` executes the text, so that what is shown as
the difference is what has run. The data are single numbers, and a run takes a second or two.

What each mistake must lead to can be worked out. With equal rates of both players, at p_g = p_data:

| mistake | what follows |
| --- | --- |
| G's step moves D as well | D tends to (k + 1) / (2 k + 1), and not to 1/2: to 3/5 for k = 2 |
| D's cost reaches G (no detach) | G comes nearer only while D(G(z)) < 1 / (k + 1), and is pushed away above that |
| a sigmoid before a loss that has its own | what the loss takes for a logit lies in (0, 1), so D says 0.50 to 0.73 |
| the wrong sign | G runs to where D is surest of a fake: D(G(z)) and both costs go to 0 |
| one real batch for all k steps | the same gradients on average: nothing that a curve shows |
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated

import torch
from torch import Tensor, nn
from torch.nn import functional

from ganlib.densities import Array
from ganlib.errors import RecipeError, Within, door

MEAN, SD = 1.5, 0.5  # of the data; G begins around 0
LOOP = """\
G = nn.Sequential(nn.Linear(1, 32), nn.ReLU(), nn.Linear(32, 1))
D = nn.Sequential(nn.Linear(1, 32), nn.ReLU(), nn.Linear(32, 1))  # a logit
optim_G = torch.optim.SGD(G.parameters(), lr=0.03)
optim_D = torch.optim.SGD(D.parameters(), lr=0.03)

for _ in range(iterations):
    for _ in range(k):
        x, z = next(batches), noise()
        a_real, a_fake = D(x), D(G(z).detach())
        cost_D = loss(a_real, 1) + loss(a_fake, 0)
        optim_D.zero_grad()
        cost_D.backward()
        optim_D.step()
    a_fake = D(G(noise()))
    cost_G = loss(a_fake, 1)  # -log D(G(z))
    cost_G.backward()
    optim_G.step()
    optim_G.zero_grad()
    record(cost_D, cost_G, a_real, a_fake)
"""
"""The loop as it should be. `loss` is the binary cross-entropy of a logit, `batches` and `noise` give m numbers."""


@dataclass(frozen=True)
class Bug:
    """A mistake: the lines of `LOOP` that it replaces, what with, and what is to be seen of it."""

    name: str
    right: str  # whole lines of LOOP
    wrong: str  # what stands there instead
    why: str  # what happens, and what trace it leaves

    @property
    def source(self) -> str:
        """The whole loop with the mistake in it."""
        return LOOP.replace(self.right, self.wrong)

    @property
    def difference(self) -> str:
        """The lines that differ, - before the broken ones and + before those that mend them, and what lies between."""
        lines = [line for line in difflib.ndiff(self.source.splitlines(), LOOP.splitlines()) if line[0] != "?"]
        changed = [i for i, line in enumerate(lines) if line[0] in "-+"]
        return "\n".join(lines[changed[0] : changed[-1] + 1])


G_MOVES_D = Bug(
    "G's step moves D",
    "optim_G = torch.optim.SGD(G.parameters(), lr=0.03)\n",
    "optim_G = torch.optim.SGD([*G.parameters(), *D.parameters()], lr=0.03)\n",
    "The optimiser of G holds D's parameters too, so each step of G also makes D more willing to believe a fake. D's "
    "best answer moves: where p_g = p_data it is (k + 1) / (2k + 1), which is 3/5 for k = 2, and not 1/2. The trace: "
    "in the end D says more than 1/2 of everything, and its cost stays above log 4, which is what mere guessing costs. "
    "The samples may still be fine, as D goes on pointing the right way.",
)
NO_DETACH = Bug(
    "no detach",
    "        a_real, a_fake = D(x), D(G(z).detach())\n",
    "        a_real, a_fake = D(x), D(G(z))\n",
    "Without the detach the cost of D also leaves gradients in G, k of them in an iteration, and the next step of G "
    "follows their sum with its own. So G helps D. The two pushes cancel where D(G(z)) = 1 / (k + 1), which is 1/3 for "
    "k = 2: from there on G is driven away. The trace: the curves of D stay apart, and the samples stop short of the "
    "data. (Where a loop clears G's gradients right before G's own backward pass, the same slip costs only time.)",
)
TWO_SIGMOIDS = Bug(
    "a sigmoid before a loss that has its own",
    "D = nn.Sequential(nn.Linear(1, 32), nn.ReLU(), nn.Linear(32, 1))  # a logit\n",
    "D = nn.Sequential(nn.Linear(1, 32), nn.ReLU(), nn.Linear(32, 1), nn.Sigmoid())\n",
    "The loss takes what it is given for a logit and applies the sigmoid itself. D's output already lies between 0 and "
    "1, so the probability that the loss sees lies between 0.50 and 0.73: D cannot call anything a fake. The trace: "
    "D(G(z)) is never below 1/2, not even at the start. Afterwards the curves look like a perfect end, since D's own "
    "sigmoid has run flat; but D tells G next to nothing, and the samples are not the data.",
)
WRONG_SIGN = Bug(
    "the wrong sign",
    "    cost_G = loss(a_fake, 1)  # -log D(G(z))\n",
    "    cost_G = loss(a_fake, 0)  # log(1 - D(G(z)))\n",
    "The loss of a fake with the label 0 is -log(1 - D(G(z))), with the minus. To descend it makes D's work easier, so "
    "G runs away from the data. The trace: both costs fall to 0, which looks like success, and D(G(z)) falls to 0 with "
    "them. In a game low costs of both players are no good news. With its sign right, -loss(a, 0), it is the cost "
    "of equation 1; loss(a, 1) is the one that does not saturate.",
)
ONE_BATCH = Bug(
    "one real batch for all k steps",
    "    for _ in range(k):\n        x, z = next(batches), noise()\n",
    "    x = next(batches)\n    for _ in range(k):\n        z = noise()\n",
    "All k steps of D see the same real numbers, although Algorithm 1 draws new ones for each. Its gradients are right "
    "on average, and only noisier. The trace: there is none. Curves and samples differ from those of the right loop no "
    "more than another seed does. Such a mistake is found by reading the code, or by comparing with a second "
    "implementation number for number, as this notebook does.",
)
BUGS = {"A": TWO_SIGMOIDS, "B": WRONG_SIGN, "C": ONE_BATCH, "D": G_MOVES_D, "E": NO_DETACH}
"""The mistakes, by the letters under which a reader meets them."""


@dataclass(frozen=True)
class Played:
    """What a loop did, a value for each iteration, and 2,000 numbers of the data and of G at the end."""

    cost_D: Array
    cost_G: Array
    D_real: Array  # what the loop takes for D(x), mean over the batch
    D_fake: Array
    data: Array
    samples: Array


@door(RecipeError)
def play(
    source: str = LOOP,
    seed: int = 0,
    *,
    iterations: Annotated[int, Within(1, 10**6)] = 2_000,
    k: Annotated[int, Within(1, 100)] = 2,
    m: Annotated[int, Within(1, 10**5)] = 64,
) -> Played:
    """Execute a loop on numbers of a Gaussian, m at a time; torch's own random numbers stay where they are."""
    rows: list[Tensor] = []

    def record(cost_D: Tensor, cost_G: Tensor, a_real: Tensor, a_fake: Tensor) -> None:
        """Take note of an iteration: both costs, and what D says of data and of fakes."""
        rows.append(torch.stack([cost_D, cost_G, a_real.sigmoid().mean(), a_fake.sigmoid().mean()]).detach())

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        space = {"torch": torch, "nn": nn, "loss": loss, "k": k, "iterations": iterations, "record": record}
        space |= {"batches": _batches(m), "noise": lambda: torch.randn(m, 1)}
        exec(compile(source, "<the loop>", "exec"), space)
        with torch.no_grad():
            samples = space["G"](torch.randn(2_000, 1))
        data = next(_batches(2_000))
    return Played(*torch.stack(rows, 1).double().numpy(), *(t.squeeze(1).double().numpy() for t in (data, samples)))


def loss(a: Tensor, label: float) -> Tensor:
    """The binary cross-entropy of logits a with one label, a mean: 1 gives -log D, 0 gives -log(1 - D)."""
    return functional.binary_cross_entropy_with_logits(a, torch.full_like(a, label))


def _batches(m: int) -> Iterator[Tensor]:
    while True:
        yield MEAN + SD * torch.randn(m, 1)
