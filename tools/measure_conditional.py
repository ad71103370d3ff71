"""Do the conditional pairs do what they are asked for? `python -m tools.measure_conditional class halves scales`.

Into `ganlib/results/conditional.json`, part by part; what is there of other parts stays. "class": whether a classifier
agrees with the class that was asked for, the Parzen score, the Fréchet distance. "halves": several right halves of one
left half. "scales": the first epochs of CONDITIONAL with G given a one for its class,
beside what `--history NAME=FOLDER` say of runs. Some minutes each on one thread.
A pair is the one that is shipped, or, with --from FOLDER, that of a run.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ganlib import checkpoints, hardware, load, parzen, pretrained, runs, scale
from ganlib.checkpoints import Trained
from ganlib.datasets import Dataset
from ganlib.history import History
from ganlib.nets import Generator
from ganlib.recipes import CONDITIONAL
from ganlib.studies import conditional
from ganlib.studies.conditional import Completed, completions, neighbours, own_class_score, right, taken_for
from ganlib.studies.table_1 import random_subset
from ganlib.trainer import Trainer
from tools.score_pictures import Ruler

RESULTS = Path(__file__).resolve().parent.parent / "ganlib" / "results" / "conditional.json"
N, SEED = 10_000, 1  # samples, and the seed of their z
DIGITS, EACH = 2_000, 8  # test digits that are cut in half, and right halves for each
ONE = "a class is 1"
EPOCHS = 4  # of the game in which G is given a one for its class


def both(trained: Trained) -> list[Trained]:
    """The last iterate, and the average where there is one."""
    return [trained, *([trained.averaged()] if trained.average is not None else [])]


def about(trained: Trained) -> dict[str, Any]:
    """What is said of a pair beside its numbers."""
    info = trained.info
    return {"epochs": info["epochs"], "seed": info["seed"], "iterate": trained.iterate}


def classes(trained: Trained, ruler: Ruler) -> dict[str, Any]:
    """The digits of a class: asked for and taken for, by the window and by the Fréchet distance."""
    data, rows = load("mnist", stand_in=False), []
    x, asked = scale(data.test), torch.arange(N) % trained.recipe.classes
    for one in both(trained):
        begun = time.perf_counter()
        counts, centres = taken_for(one, ruler.classifier, N, SEED), one.samples(N, SEED)
        score = runs.score(one, data, seed=SEED, n=N)
        own = own_class_score(centres, asked, x, data.test_labels, score.sigma)
        row = {**about(one), "agrees": right(counts)[0], "taken_for": counts.astype(int).tolist()}
        row |= {"log_likelihood": score.log_likelihood, "standard_error": score.standard_error, "sigma": score.sigma}
        row |= {"own_class": own[0], "own_class_error": own[1], **ruler.measure(centres)}
        rows.append({**row, "seconds": round(time.perf_counter() - begun)})
        print(rows[-1], flush=True)
    taken = ruler.classifier.probabilities(x).argmax(1)
    agrees = {"agrees_on_test_digits": right(conditional.confusion(data.test_labels, taken))[0]}
    return {"samples": N, "noise_seed": SEED, "test_digits": len(x), "rows": rows, "real": real_digits(data) | agrees}


def real_digits(data: Dataset) -> dict[str, float]:
    """Training digits, as many of each class, as the centres: what the two Parzen scores of a perfect G would be."""
    labels, each = data.train_labels, N // 10
    centres = scale(torch.cat([random_subset(data.train[labels == k], each, seed=k) for k in range(10)]))
    score = parzen.score(centres, scale(data.valid), scale(data.test), data=data.name)
    asked = torch.arange(10).repeat_interleave(each)
    own = own_class_score(centres, asked, scale(data.test), data.test_labels, score.sigma)
    told = {"log_likelihood": score.log_likelihood, "standard_error": score.standard_error, "sigma": score.sigma}
    return told | {"own_class": own[0], "own_class_error": own[1]}


def halves(trained: Trained, ruler: Ruler) -> dict[str, Any]:
    """Right halves, drawn by G, and those of the training digits whose left halves are nearest."""
    data = load("mnist", stand_in=False)
    x, labels, shape = scale(data.test[:DIGITS]), data.test_labels[:DIGITS], data.shape
    judged = (labels, ruler.classifier, shape)
    rows = []
    for one in both(trained):
        begun = time.perf_counter()
        found = Completed.of(completions(one, x, EACH, shape, SEED), x, *judged)
        rows.append({**about(one), **vars(found), "seconds": round(time.perf_counter() - begun)})
        print(rows[-1], flush=True)
    near = Completed.of(neighbours(x, scale(data.train), EACH, shape), x, *judged)
    whole = right(conditional.confusion(labels, ruler.classifier.probabilities(x).argmax(1)))[0]
    return {"digits": DIGITS, "each": EACH, "rows": rows, "neighbours": vars(near), "originals": whole}


class Shrunk(nn.Module):
    """A G that reads c times a factor: what G is given at another scale, while D looks at the same rows as before."""

    def __init__(self, G: Generator, z_dim: int, factor: float):
        super().__init__()
        self.G, self.z_dim, self.factor = G, z_dim, factor

    def at_scale(self, zc: Tensor) -> Tensor:
        """Rows (z, c) with c times the factor."""
        z, c = zc.split([self.z_dim, zc.shape[-1] - self.z_dim], -1)
        return torch.cat([z, self.factor * c], -1)

    def forward(self, zc: Tensor) -> Tensor:
        """(m, z_dim + classes) -> (m, d)."""
        return self.G(self.at_scale(zc))

    def pictures(self, zc: Tensor) -> Tensor:
        """The same to score."""
        return self.G.pictures(self.at_scale(zc))


def with_a_one() -> list[dict[str, float]]:
    """The first epochs of CONDITIONAL with a one for the class that G is given: scores, and what D says."""
    data, rows = load("mnist", stand_in=False), []
    trainer = Trainer(replace(CONDITIONAL, epochs=EPOCHS), data, seed=0)
    recipe, player = trainer.recipe, trainer.players["G"]
    factor = 1 / math.sqrt(recipe.classes)
    player._plays = Shrunk(player._plays, recipe.z_dim, factor)
    for epoch in range(1, EPOCHS + 1):
        steps = list(trainer.steps(trainer.batches))[-100:]
        centres = recipe.samples(Shrunk(trainer.G, recipe.z_dim, factor), N, SEED).float()
        score = parzen.validation_score(centres, scale(data.valid))
        says = {f"D_{of}": sum(getattr(step, f"D_{of}") for step in steps) / len(steps) for of in ("real", "fake")}
        rows.append({"epoch": epoch, "log_likelihood": score["log_likelihood"], **says})
        print(rows[-1], flush=True)
    return rows


def of_run(folder: Path) -> list[dict[str, float]]:
    """What a run's history says at the epochs at which it was scored; of D the means of the last 100 steps."""
    state, _ = checkpoints.read(folder)
    history, rows = History.from_state(state["history"]), []
    epochs = history.column("epoch")
    for score in history.scores:
        here = {"epoch": round(score["epoch"]), "log_likelihood": score["log_likelihood"]}
        last = np.flatnonzero(epochs <= score["epoch"] + 1e-6)[-100 // history.every :]
        says = {name: float(history.column(name)[last].mean()) for name in ("D_real", "D_fake")}
        rows.append(here | says)
    return rows


def scales(histories: list[str]) -> dict[str, Any]:
    """The game in which G is given a one, and runs to compare it with."""
    found = [{"what": ONE, "rows": with_a_one()}]
    for name, _, folder in (each.rpartition("=") for each in histories):
        found.append({"what": name, "rows": of_run(Path(folder))})
    return {"recipe": "CONDITIONAL", "seed": 0, "runs": found}


def main() -> None:
    """Measure the parts that are named, and write the record."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("parts", nargs="+", choices=["class", "halves", "scales"])
    parser.add_argument("--from", dest="folder", type=Path, help="a run's folder, in place of the shipped weights")
    parser.add_argument("--history", action="append", default=[], help="NAME=FOLDER: a run beside them (scales)")
    options = parser.parse_args()
    told = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    names = {"class": ("mnist-conditional", classes), "halves": ("mnist-halves", halves)}
    ruler: Ruler | None = None
    for part in options.parts:
        begun = time.perf_counter()
        if part == "scales":
            found = scales(options.history)
        else:
            name, measure = names[part]
            trained = checkpoints.load_run(options.folder) if options.folder else pretrained(name)
            if ruler is None:
                ruler = Ruler(load("mnist", stand_in=False), "unit", epochs=3)
            found = {"weights": name, "ruler": ruler.about(), **measure(trained, ruler)}
        told[part] = {**found, "seconds": round(time.perf_counter() - begun), "made": hardware.provenance()}
        RESULTS.write_text(json.dumps(told, indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
