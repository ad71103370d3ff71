"""Make every figure of the paper that this project reproduces so far: `make figures`.

Figure 1 is played anew, the pictures are drawn by the nets that come with the package, and their neighbours come from
the data set that is here. Each figure gets a .json beside it that says how it was made.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import torch

from ganlib import game, images, load, named, plots, pretrained, scale
from ganlib.checkpoints import Trained
from ganlib.datasets import Dataset
from ganlib.errors import DataError
from ganlib.hardware import provenance
from ganlib.lessons import why_184
from ganlib.picture import Picture
from ganlib.widgets import ToyEngine, toy_film

FOLDER = Path(__file__).resolve().parent.parent / "figures"
RUNS = FOLDER.parent / "ganlib" / "results" / "mnist_runs.json"
SEED = 0


def fig2a_mnist(trained: Trained, data: Dataset) -> dict[str, Any]:
    """Figure 2a: 4 x 5 fair samples, the first that the seed draws, and the nearest training examples."""
    samples = trained.samples(20, SEED)
    index, distance = images.nearest(samples[4::5], data.train)
    plots.figure_2(samples, scale(data.train[index]), data.shape)
    nearest = {"training_rows": index.tolist(), "L2": [round(d, 3) for d in distance.tolist()]}
    return {
        "figure": "Figure 2a",
        "shows": "20 samples of G (the last iterate), not picked; right column: nearest training digits",
    } | nearest


def fig2b_fer2013(trained: Trained, data: Dataset) -> dict[str, Any]:
    """Figure 2b, as 2a, of the pair for faces: the recipe is TFD's, the faces are FER-2013's."""
    return {"figure": "Figure 2b"} | _narrow(trained, data, "nearest training faces of FER-2013, which are not TFD")


def fig2c_cifar10_fc(trained: Trained, data: Dataset) -> dict[str, Any]:
    """Figure 2c: as 2a, of the fully connected pair for CIFAR-10."""
    return {"figure": "Figure 2c"} | _narrow(trained, data, "nearest training pictures, after GCN as the nets see them")


def fig2d_cifar10_conv(trained: Trained, data: Dataset) -> dict[str, Any]:
    """Figure 2d: as 2a, of the convolutional pair for CIFAR-10."""
    return {"figure": "Figure 2d"} | _narrow(trained, data, "nearest training pictures, after GCN as the nets see them")


def _narrow(trained: Trained, data: Dataset, beside: str) -> dict[str, Any]:
    """Samples of a narrow pair's average and neighbours, as its nets see them; CIFAR-10 by the largest |value|."""
    trained = trained.averaged()
    pixels = trained.recipe.pixels
    samples = trained.samples(20, SEED)  # (20, d)
    index, distance = images.nearest(samples[4::5], data.train, pixels=pixels)
    near = scale(data.train[index], pixels=pixels)
    plots.figure_2(*images.shown_beside(samples, near, pixels), data.shape)
    return {
        "shows": f"20 samples of G ({trained.iterate}), not picked; right column: {beside}",
        "training_rows": index.tolist(),
        "L2": [round(d, 3) for d in distance.tolist()],
        "weights_trained_on": trained.info.get("note", trained.info["data"]),
        "neighbours_from": f"training split with fingerprint {data.fingerprint()}",
        "changed_from_the_recipe": trained.recipe.changes(named(trained.recipe.name)),
    }


def fig3_interpolation(trained: Trained, data: Dataset) -> dict[str, Any]:
    """Figure 3: straight lines in z through a 1, a 5, a 7, a 9 and the 1 again, 21 pictures."""
    digits = (1, 5, 7, 9)
    z = trained.recipe.noise(1_000, SEED)  # (1000, z_dim)
    index, distance = images.nearest(trained.pictures(z), data.train)
    labels = data.train_labels[index]
    # of each digit the sample closest to a training example of that class: the clearest one
    chosen = [int(torch.where(labels == digit, distance, torch.inf).argmin()) for digit in digits]
    path = game.interpolate(z[[*chosen, chosen[0]]], 21)  # (21, z_dim)
    plots.figure_3(trained.pictures(path), data.shape)
    return {
        "figure": "Figure 3",
        "shows": "lines in z between the clearest 1, 5, 7, 9 of 1,000 samples (the last iterate)",
        "chosen": chosen,
    }


def fig1_toy() -> dict[str, Any]:
    """Figure 1: the four panels, one after the other, as the live toy's presets bring them about; and as a film."""
    engine = ToyEngine(opening="d")
    panels, found = toy_film.four(engine)
    told = {name: {key: round(value, 4) for key, value in vars(measured).items()} for name, measured in found.items()}
    (FOLDER / "fig1_toy.png").write_bytes(plots.png(plots.draw(Picture(panels), width=9.6, paper=True)))
    (FOLDER / "fig1_toy_loop.png").write_bytes(plots.film(toy_film.frames(ToyEngine(), "d", 36)))
    return {
        "figure": "Figure 1",
        "shows": "p_data dotted, p_g (exact) solid, D dashed, D* faint; grey: D before (b) and p_g before (c); "
        "purple: the push on each G(z), -d cost/dx; below, arrows from z to x = G(z)",
        "film": "fig1_toy_loop.png: the same four, moving",
        "nats": told,
        "settings": {key: value for key, value in engine.values.items() if key != "heights"},
    }


def score_curve_mnist() -> dict[str, Any]:
    """The test scores of the long runs, last iterate and average, beside the paper's number."""
    told = json.loads(RUNS.read_text())
    runs = {name: told["runs"][name] for name in ("seed 0", "seed 1", "seed 2", "half")}
    [ax] = plots.panels(1, width=5.5, height=3.2)
    why_184.plot_tests(runs, ax, {})
    ax.set_title("MNIST, all 10,000 test digits (average: over at most a tenth\nof the run, “half”: over a half)")
    ax.set_ylim(145, 240)
    ax.legend(loc="lower right", ncols=2, fontsize=7)
    tested = {name: sorted({row["epoch"] for row in run["test"]}) for name, run in runs.items()}
    tenth = "exponential average of G over the last tenth of the run so far, at most 33,333 steps"
    iterates = f"thin: last iterate; thick: {tenth}; of the run half: over the last half, at most 33,333 steps"
    measured = "10,000 samples, sigma of the paper's ten by 1,000 validation digits, bars of two standard errors"
    what = f"Parzen score of all 10,000 test digits by epoch, {measured}; {iterates}; grey: the paper's 225 ± 2"
    return {"figure": "none (this project's)", "shows": what, "epochs": tested, "gathered_by": told["gathered_by"]}


class Made(NamedTuple):
    """How a figure is made: from whose weights, and with which data beside them."""

    draw: Callable[..., dict[str, Any]]
    weights: str = ""
    data: str = ""


FIGURES: dict[str, Made] = {
    "fig1_toy": Made(fig1_toy),
    "fig2a_mnist": Made(fig2a_mnist, "mnist", "mnist"),
    "fig2b_fer2013": Made(fig2b_fer2013, "fer2013", "fer2013"),
    "fig2c_cifar10_fc": Made(fig2c_cifar10_fc, "cifar10-fc", "cifar10"),
    "fig2d_cifar10_conv": Made(fig2d_cifar10_conv, "cifar10-conv", "cifar10"),
    "fig3_interpolation": Made(fig3_interpolation, "mnist", "mnist"),
    "score_curve_mnist": Made(score_curve_mnist),
}
"""Every figure by its file's name. `draw` gets the pair and its data set; where `weights` is empty, nothing."""


def make(name: str) -> None:
    """Draw a figure into figures/, and write beside it how it was made."""
    draw, weights, data_name = FIGURES[name]
    if weights:
        trained, data = pretrained(weights), load(data_name, stand_in=False)
        how = draw(trained, data)
        told = {key: trained.info[key] for key in ("data", "seed", "epochs", "trained_by")}
        how |= {"seed": SEED, "data": data.name, "weights": told}
    else:
        how = draw()
    if plt.get_fignums():  # else it has written its picture itself
        plt.savefig(FOLDER / f"{name}.png", facecolor="white")
    plt.close("all")
    how |= provenance()
    (FOLDER / f"{name}.json").write_text(json.dumps(how, indent=1) + "\n")
    print(f"figures/{name}.png, .json")


def main() -> int:
    """Make the figures that were asked for by name, or all of them; 1 when data for one of them are missing."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help=f"of {', '.join(FIGURES)} (default: all)")
    names = parser.parse_args().names or list(FIGURES)
    if unknown := set(names) - set(FIGURES):
        parser.error(f"unknown figures {', '.join(sorted(unknown))}; there are: {', '.join(FIGURES)}")
    plots.use_style()
    FOLDER.mkdir(exist_ok=True)
    missing = 0
    for name in names:
        try:
            make(name)
        except DataError as error:
            print(f"{name} stays as it is: {error}", file=sys.stderr)
            missing = 1
    return missing


if __name__ == "__main__":
    sys.exit(main())
