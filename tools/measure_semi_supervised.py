"""Errors on MNIST with 20, 100 and 1,000 labels, for notebook 18: `python tools/measure_semi_supervised.py [PART ...]`.

PART is "frozen" (logistic regression on pixels and on frozen features), "tuned" (D with another head, and the same nets
from random weights) or "game" (D names the classes, G matches its features); without one, all three. Into
`ganlib/results/semi_supervised.json`, row by row: what is there already is not measured again. On one thread the first
two take about five minutes together, the game about two minutes for each draw of the labels. `--inference FOLDER` and
`--joint FOLDER` are runs with an inference net; without them E's shipped weights are used where there are any.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from torch import Tensor

from ganlib import Trainer, checkpoints, hardware, load, pretrained, scale
from ganlib.conditions import some_of_each
from ganlib.datasets import Dataset
from ganlib.errors import CheckpointError
from ganlib.recipes import SEMI_SUPERVISED
from ganlib.studies import semi_supervised as study

RESULTS = Path(__file__).resolve().parent.parent / "ganlib" / "results" / "semi_supervised.json"
LABELS, DRAWS = (100, 20, 1_000), 5
CHOOSING = 100  # the draw of labels that penalties are chosen by; its labels are in none of the draws measured
VALID = 1_000  # labelled validation digits that they are chosen on
STRENGTHS = (1e-4, 1e-3, 1e-2, 1e-1, 1.0)  # of logistic regression's penalty, on features of mean square 1
DECAYS = (0.0, 1.0, 10.0)  # of `tune`
Row = dict[str, Any]


class Record:
    """The results file: rows by what they are of."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.read()

    def read(self) -> None:
        """What the file holds: another part may be measured at the same time."""
        self.rows: list[Row] = json.loads(self.path.read_text())["rows"] if self.path.exists() else []

    def missing(self, method: str, labels: int) -> list[int]:
        """The draws that are not measured yet."""
        self.read()
        there = [row["draw"] for row in self.rows if (row["method"], row["labels"]) == (method, labels)]
        return [draw for draw in range(DRAWS) if draw not in there]

    def add(self, row: Row) -> None:
        """Keep a row, and write the file."""
        print(row, flush=True)
        self.read()
        self.rows.append(row)
        about = {
            "what": "share of MNIST's 10,000 test digits that are named wrong",
            "labels": "as many of each class, of the 50,000 training digits, by conditions.some_of_each(seed = draw)",
            "chosen": f"penalties on {VALID:,} validation digits, with a draw of the labels apart (seed {CHOOSING})",
            "made": hardware.provenance(),
        }
        self.path.write_text(json.dumps(about | {"rows": self.rows}, indent=1) + "\n")


def chosen(data: Dataset, labels: int, draw: int) -> tuple[Tensor, Tensor]:
    """The labelled rows of a draw, and their labels."""
    rows = some_of_each(data.train_labels, labels, 10, draw)
    return rows, data.train_labels[rows]


def best(options: tuple[float, ...], error: Callable[[float], float]) -> tuple[float, float]:
    """The option of the least error, and that error."""
    errors = [error(option) for option in options]
    at = min(range(len(options)), key=errors.__getitem__)
    return options[at], errors[at]


def features(options: argparse.Namespace, data: Dataset) -> Iterator[tuple[str, Callable[[Tensor], Tensor]]]:
    """What logistic regression reads, by name."""
    trained = pretrained("mnist")
    D = trained.D
    yield "pixels", lambda x: x
    yield "D, first layer", study.hidden(D, 1)
    yield "D, second layer", study.hidden(D, 2)
    for layer, name in enumerate(("first", "second"), 1):
        yield f"D of random weights, {name} layer", study.hidden(study.from_scratch(D), layer)
    for name, folder in (("inference", options.inference), ("joint", options.joint)):
        try:
            E = (checkpoints.load_run(Path(folder)) if folder else pretrained(f"mnist-{name}")).E
        except CheckpointError as error:
            print(f"no E of {name!r}: {error}")
            continue
        yield f"E ({name}), what its last layer reads", study.hidden(E, len(E.layers) - 1)
        yield f"E ({name}), z as it says", study.hidden(E, len(E.layers))


def frozen(record: Record, data: Dataset, options: argparse.Namespace) -> None:
    """Logistic regression on pixels and on features that stay as they are."""
    x = {"train": scale(data.train), "valid": scale(data.valid[:VALID]), "test": scale(data.test)}
    for method, f in features(options, data):
        if not any(record.missing(method, labels) for labels in LABELS):
            continue
        read = {name: study.by_parts(f, part) for name, part in x.items()}
        by = study.Scaling.of(read["train"])
        read = {name: by(part) for name, part in read.items()}

        def fitted(labels: int, draw: int, strength: float) -> study.Logistic:
            rows, y = chosen(data, labels, draw)
            return study.logistic(read["train"][rows], y, strength)  # noqa: B023 (called in this turn only)

        for labels in LABELS:
            missing = record.missing(method, labels)
            if not missing:
                continue
            strength, of_valid = best(
                STRENGTHS,
                lambda s: study.error(fitted(labels, CHOOSING, s).logits(read["valid"]), data.valid_labels[:VALID]),  # noqa: B023
            )
            for draw in missing:
                begun = time.perf_counter()
                found = study.error(fitted(labels, draw, strength).logits(read["test"]), data.test_labels)
                told = {"strength": strength, "valid_error": of_valid, "seconds": round(time.perf_counter() - begun, 2)}
                record.add({"method": method, "labels": labels, "draw": draw, "error": round(found, 5), **told})


def tuned(record: Record, data: Dataset, options: argparse.Namespace) -> None:
    """The shipped D with ten linear units on top, and the same nets of random weights, tuned on the labels."""
    D, x = pretrained("mnist").D, scale(data.train)
    begin = {"D, tuned": study.reheaded, "the same net from scratch": study.from_scratch}
    for method, new in begin.items():

        def fitted(labels: int, draw: int, decay: float) -> Callable[[Tensor], Tensor]:
            rows, y = chosen(data, labels, draw)
            return study.tune(new(D, seed=draw), x[rows], y, decay, seed=draw).classes  # noqa: B023

        for labels in LABELS:
            missing = record.missing(method, labels)
            if not missing:
                continue
            valid = scale(data.valid[:VALID])
            decay, of_valid = best(
                DECAYS,
                lambda d: study.error(study.by_parts(fitted(labels, CHOOSING, d), valid), data.valid_labels[:VALID]),  # noqa: B023
            )
            for draw in missing:
                begun = time.perf_counter()
                found = study.error(study.by_parts(fitted(labels, draw, decay), scale(data.test)), data.test_labels)
                told = {"decay": decay, "valid_error": of_valid, "seconds": round(time.perf_counter() - begun, 2)}
                record.add({"method": method, "labels": labels, "draw": draw, "error": round(found, 5), **told})


def played(record: Record, data: Dataset, options: argparse.Namespace) -> None:
    """The game in which D names classes, at fixed epochs, its last iterate; of one draw the weights are kept."""
    test, method = scale(data.test), "the game of K + 1 classes"
    left = options.most
    for labels in options.labels:
        while left and (missing := record.missing(method, labels)):
            left, draw = left - 1, missing[0]
            begun, curve = time.process_time(), []
            trainer = Trainer(replace(SEMI_SUPERVISED, labels=labels, labels_seed=draw), data, seed=draw)
            while not trainer.finished:
                for _ in trainer.steps(trainer.batches):
                    pass
                wrong = study.error(study.by_parts(trainer.D.classes, test), data.test_labels)
                curve.append([round(trainer.epochs_done), round(wrong, 5)])
                print(labels, draw, curve[-1], round(time.process_time() - begun), flush=True)
            told = {"curve": curve, "precision": trainer.hardware.precision}
            told["seconds"] = round(time.process_time() - begun)
            record.add({"method": method, "labels": labels, "draw": draw, "error": curve[-1][1], **told})
            if options.weights and (labels, draw) == (100, 0):
                info = {"data": data.name, "seed": draw, "epochs": trainer.recipe.epochs, "labels_seed": draw}
                info |= {"test_error": curve[-1][1], "trained_by": [hardware.provenance()]}
                checkpoints.save_weights(
                    Path(options.weights), checkpoints.Trained(trainer.G, trainer.D, trainer.recipe, info)
                )


def main() -> None:
    """Measure the parts that are asked for."""
    parts = {"frozen": frozen, "tuned": tuned, "game": played}
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("part", nargs="*", choices=[[], *parts])
    parser.add_argument("--inference")
    parser.add_argument("--joint")
    parser.add_argument("--weights", help="where to keep the nets of the game with 100 labels, draw 0")
    parser.add_argument("--labels", type=int, nargs="*", default=LABELS, help="of the game")
    parser.add_argument("--most", type=int, default=10**6, help="so many draws of the game at the most")
    parser.add_argument("--into", type=Path, default=RESULTS)
    options = parser.parse_args()
    record, data = Record(options.into), load("mnist", stand_in=False)
    for part in options.part or parts:
        parts[part](record, data, options)


if __name__ == "__main__":
    main()
