"""Make every figure of the paper that this project reproduces so far: `make figures`.

Figure 1 is played anew, the digits come from the weights that come with the package. Each figure gets a .json beside it
that says how it was made.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import torch

from ganlib import game, load, pictures, plots, pretrained, provenance, scale
from ganlib.checkpoints import Trained
from ganlib.datasets import Dataset
from ganlib.widgets import ToyEngine
from ganlib.widgets.toy_preview import panel, toy_loop

FIGURES = Path(__file__).resolve().parent.parent / "figures"
SEED = 0


def fig2a_mnist(trained: Trained, data: Dataset) -> dict[str, Any]:
    """Figure 2a: 4 x 5 fair samples, the first that the seed draws, and the nearest training examples."""
    samples = trained.samples(20, SEED)
    index, distance = pictures.nearest(samples[4::5], data.train)
    plots.figure_2(samples, scale(data.train[index]), data.shape)
    nearest = {"training_rows": index.tolist(), "L2": [round(d, 3) for d in distance.tolist()]}
    return {
        "figure": "Figure 2a",
        "shows": "20 samples of G, not picked; right column: nearest training digits",
    } | nearest


def fig3_interpolation(trained: Trained, data: Dataset) -> dict[str, Any]:
    """Figure 3: straight lines in z through a 1, a 5, a 7, a 9 and the 1 again, 21 pictures."""
    digits = (1, 5, 7, 9)
    z = trained.recipe.noise(1_000, SEED)  # (1000, z_dim)
    index, distance = pictures.nearest(trained.pictures(z), data.train)
    labels = data.train_labels[index]
    # of each digit the sample closest to a training example of that class: the clearest one
    chosen = [int(torch.where(labels == digit, distance, torch.inf).argmin()) for digit in digits]
    path = game.interpolate(z[[*chosen, chosen[0]]], 21)  # (21, z_dim)
    plots.figure_3(trained.pictures(path), data.shape)
    return {
        "figure": "Figure 3",
        "shows": "lines in z between the clearest 1, 5, 7, 9 of 1,000 samples",
        "chosen": chosen,
    }


def fig1_toy() -> dict[str, Any]:
    """Figure 1: the four panels, one after the other, as the live toy's presets bring them about; and as a film."""
    engine, film, told = ToyEngine(), ToyEngine(), {}
    film.preset("d")
    _, axes = plt.subplots(1, 4, figsize=(13, 3.1), layout="constrained")
    for name, ax in zip("abcd", axes):
        engine.preset(name)
        engine.finish()
        plots.figure_1(**panel(engine), title=f"({name})", ax=ax)
        told[name] = {key: round(value, 4) for key, value in dataclasses.asdict(engine.toys.measure()).items()}
    (FIGURES / "fig1_toy_loop.png").write_bytes(toy_loop(film))
    return {
        "figure": "Figure 1",
        "shows": "p_data dotted, p_g (exact) solid, D dashed, D* faint; below, arrows from z to x = G(z)",
        "film": "fig1_toy_loop.png: the same four, moving",
        "nats": told,
        "settings": {key: value for key, value in engine.settings.items() if key != "heights"},
    }


def score_curve_mnist(trained: Trained, data: Dataset) -> dict[str, Any]:
    """The validation score over the training of the shipped weights, beside the paper's number."""
    validation = trained.info["validation"]
    columns = (
        np.array([score[name] for score in validation]) for name in ("epoch", "log_likelihood", "standard_error")
    )
    plots.score_curve(*columns, paper=225).set_ylim(-150, 250)
    return {"figure": "none (this project's)", "shows": "Parzen score of the first 1,000 validation digits by epoch"}


OF_THE_TOY = {"fig1_toy": fig1_toy}
OF_THE_DIGITS = {
    "fig2a_mnist": fig2a_mnist,
    "fig3_interpolation": fig3_interpolation,
    "score_curve_mnist": score_curve_mnist,
}


def main() -> None:
    """Make the figures that were asked for by name, or all of them."""
    every = [*OF_THE_TOY, *OF_THE_DIGITS]
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help=f"of {', '.join(every)} (default: all)")
    names = parser.parse_args().names or every
    if unknown := set(names) - set(every):
        parser.error(f"unknown figures {', '.join(sorted(unknown))}; there are: {', '.join(every)}")
    plots.use_style()
    FIGURES.mkdir(exist_ok=True)
    for name in names:
        if name in OF_THE_TOY:
            how = OF_THE_TOY[name]()
        else:
            trained, data = pretrained("mnist"), load("mnist", stand_in=False)
            how = OF_THE_DIGITS[name](trained, data)
            weights = {key: trained.info[key] for key in ("data", "seed", "epochs", "trained_by")}
            how |= {"seed": SEED, "data": data.name, "weights": weights}
        plt.savefig(FIGURES / f"{name}.png")
        plt.close("all")
        how |= provenance.describe()
        (FIGURES / f"{name}.json").write_text(json.dumps(how, indent=1) + "\n")
        print(f"figures/{name}.png, .json")


if __name__ == "__main__":
    main()
