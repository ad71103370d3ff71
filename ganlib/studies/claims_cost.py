"""Section 6 on cost: only backpropagation, no chain, no inference. What an update and a sample take, counted."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import torch
from torch.utils.flop_counter import FlopCounterMode

from ganlib.baselines import RECIPES, Chain
from ganlib.game import discriminator_gradients, generator_gradients
from ganlib.nets import Layer, count_parameters
from ganlib.picture import Cells, Panel, Picture
from ganlib.recipes import RING
from ganlib.studies.claims_judged import Numbers, judged, rounded


def cost_of_a_step(batch: int = 100, hidden: int = 500, pixels: int = 784) -> Numbers:
    """Section 6: only backpropagation, no chain, no inference: what an update and a sample of each model cost, counted.

    Nets of two hidden layers of `hidden` units on so many pixels (RBM and DAE: one layer), as the program runs them:
    products of matrices, a product and a sum counted as two, those of backpropagation included; not what else it does.
    A "pass" is 2 x parameters of the model, what one datum costs once through all of its layers. "update": passes for
    one datum of a minibatch; "inference": the share of that which goes into hidden units given x, forwards alone.
    "sample": passes for one more draw that the recipe keeps (a chain takes `thin` steps to it), and "first" for the
    first one (a chain takes `burn_in` more).
    """
    x, rng = torch.rand(batch, pixels, generator=torch.Generator().manual_seed(0)), torch.Generator().manual_seed(0)
    recipe = replace(RING, z_dim=100, G=_wide(hidden, pixels, "relu"), D=_wide(hidden, 1, "relu"), batch=batch)
    G, D = recipe.networks(0, torch.zeros(pixels))
    z = recipe.noise(batch, 0)

    def play() -> None:
        """Algorithm 1 with k = 1."""
        with torch.no_grad():
            fake = G(z)
        discriminator_gradients(D, x, fake)
        generator_gradients(G, D, z, "non-saturating")

    own = count_parameters(G) + count_parameters(D)
    draw = _count(lambda: G.pictures(z)) / batch
    rows = {"GAN": _row(own, _count(play) / batch, 0.0, draw, draw)}
    VAEs, RBMs = RECIPES["vae"], RECIPES["rbm"]
    recipes = {
        "VAE": replace(VAEs, hidden=(hidden, hidden)),
        "RBM, CD-1": replace(RBMs, hidden=hidden, batch=batch),
        "RBM, PCD-15": replace(RBMs, hidden=hidden, batch=batch, k=15, persistent=True),
        "DAE": replace(RECIPES["gsn"], hidden=(hidden,), walkbacks=1, sigma=0.0),
        "deep GSN": replace(RECIPES["gsn"], hidden=(hidden, hidden)),
    }
    finds = {"VAE": lambda m: m.encoder(x), "RBM": lambda m: m.up(x)}
    for name, recipe in recipes.items():
        model = recipe.start(torch.full((pixels,), 0.5), 0)
        update = _count(lambda: model.learn(x, rng))  # noqa: B023
        find = finds.get(name.split(",")[0])
        inference = _count(lambda: find(model)) if find else math.nan  # noqa: B023
        if isinstance(model, Chain):
            one = _count(lambda: model.chain(10, start=x)) / (10 * batch)  # noqa: B023
            draw, first = recipe.thin * one, max(recipe.burn_in + recipe.thin, 1) * one
        else:
            draw = first = _count(lambda: model.samples(batch)) / batch  # noqa: B023
        own = sum(p.numel() for p in model.parameters())
        rows[name] = _row(own, update / batch, inference / update, draw, first)
    chains = [name for name in rows if name.startswith("RBM")]
    verdicts = [
        judged(
            "products for one kept draw: each Gibbs chain over G",
            [
                rows[name]["sample"] * rows[name]["parameters"] / (rows["GAN"]["sample"] * rows["GAN"]["parameters"])
                for name in chains
            ],
            3.0,
            "more than the sizes of the nets can explain",
        ),
        judged(
            "passes for an update of one datum: the game over each of the others",
            [rows["GAN"]["update"] / row["update"] for name, row in rows.items() if name != "GAN"],
            1.0,
            "the game should not pay in its updates for what it saves",
            above=False,
        ),
    ]
    return {"batch": batch, "hidden": hidden, "pixels": pixels, "rows": rows, "verdicts": verdicts}


def show_cost_of_a_step(found: Numbers) -> Picture:
    """Passes for an update of one datum, and for one kept draw, as a table in colour."""
    rows = dict(reversed(found["rows"].items()))  # a table begins at the bottom
    keys = ("update", "sample", "first")
    values = np.array([[row[key] for key in keys] for row in rows.values()])
    words = [[[f"{value:,.1f}"] for value in row] for row in values]
    titles = ("one update of a datum", "one more kept draw", "the first draw")
    cells = Cells(values, words, list(rows), titles, (0.5, 2_000), log=True, name="passes")
    return Picture([Panel("Passes through all parameters", cells=cells, x_label="", at=(0, 0, 11, 9))])


def _wide(hidden: int, units: int, activation: str) -> tuple[Layer, ...]:
    layer = Layer(hidden, activation, 0.05)
    return layer, layer, Layer(units, "sigmoid", 0.05)


def _row(parameters: int, update: float, inference: float, sample: float, first: float) -> Numbers:
    one = 2 * parameters
    counted = {"update": update / one, "inference": inference, "sample": sample / one, "first": first / one}
    return {"parameters": parameters, **rounded(counted)}


def _count(call: Callable[[], object]) -> int:
    """Products and sums of matrices in a call. Torch's counter knows addmm, but not when it writes in place."""

    def in_place(_: tuple, a: tuple, b: tuple, out_shape: tuple | None = None, **options: float) -> int:
        return 2 * a[0] * a[1] * b[1]

    with FlopCounterMode(display=False, custom_mapping={torch.ops.aten.addmm_: in_place}) as counter:
        call()
    return counter.get_total_flops()
