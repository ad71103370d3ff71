"""Do the conditional pairs do what they are asked for? `python -m tools.measure_conditional class halves scales`.

Into `ganlib/results/conditional.json`, part by part; what is there of other parts stays. "class": whether a classifier
agrees with the class that was asked for, the Parzen score, the Fréchet distance. "halves": several right halves of one
left half. "scales": five epochs of CONDITIONAL, with G given the class at three scales. Some minutes each on one thread.
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

import torch
from torch import Tensor, nn

from ganlib import checkpoints, hardware, load, parzen, pretrained, runs, scale
from ganlib.checkpoints import Trained
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
SCALES, EPOCHS = (1.0, math.sqrt(10), 10.0), 5


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
    labels = data.train_labels
    real = torch.cat([random_subset(data.train[labels == k], N // 10, seed=k) for k in range(10)])
    window = {"sigma": rows[0]["sigma"]}
    of_real = own_class_score(scale(real), torch.arange(10).repeat_interleave(N // 10), x, data.test_labels, **window)
    taken = ruler.classifier.probabilities(x).argmax(1)
    at_real = {"own_class": of_real[0], "own_class_error": of_real[1], **window}
    at_real["agrees_on_test_digits"] = right(conditional.confusion(data.test_labels, taken))[0]
    return {"samples": N, "noise_seed": SEED, "test_digits": len(x), "rows": rows, "real": at_real}


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


def scales() -> dict[str, Any]:
    """The first epochs of CONDITIONAL, with a one, sqrt(10) or 10 for the class that G is given."""
    data, found = load("mnist", stand_in=False), []
    for size in SCALES:
        begun, rows = time.perf_counter(), []
        recipe = replace(CONDITIONAL, epochs=EPOCHS)
        trainer = Trainer(recipe, data, seed=0)
        factor, player = size / math.sqrt(recipe.classes), trainer.players["G"]
        player._plays = Shrunk(player._plays, recipe.z_dim, factor)
        for epoch in range(1, EPOCHS + 1):
            steps = list(trainer.steps(trainer.batches))[-100:]
            centres = recipe.samples(Shrunk(trainer.G, recipe.z_dim, factor), N, SEED).float()
            score = parzen.validation_score(centres, scale(data.valid))
            says = {f"D_{of}": sum(getattr(step, f"D_{of}") for step in steps) / len(steps) for of in ("real", "fake")}
            rows.append({"epoch": epoch, "log_likelihood": score["log_likelihood"], **says})
            print(size, rows[-1], flush=True)
        found.append({"a_class_is": size, "rows": rows, "seconds": round(time.perf_counter() - begun)})
    return {
        "recipe": "CONDITIONAL",
        "epochs": EPOCHS,
        "seed": 0,
        "precision": trainer.hardware.precision,
        "runs": found,
    }


def main() -> None:
    """Measure the parts that are named, and write the record."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("parts", nargs="+", choices=["class", "halves", "scales"])
    parser.add_argument("--from", dest="folder", type=Path, help="a run's folder, in place of the shipped weights")
    options = parser.parse_args()
    told = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    names = {"class": ("mnist-conditional", classes), "halves": ("mnist-halves", halves)}
    ruler: Ruler | None = None
    for part in options.parts:
        begun = time.perf_counter()
        if part == "scales":
            found = scales()
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
