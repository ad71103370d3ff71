"""How well inference nets find z, for notebook 16: `python tools/measure_inference.py beside=runs/inference-0 ...`.

Each run that is named is first written into `ganlib/weights/inference/`, and then measured: the last iterate in 8 bits,
as it is shipped. `--tried` takes the folders of joint games of which only the end is told. Into
`ganlib/results/inference.json`. Two minutes a net on one thread.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

from torch import Tensor

from ganlib import Dataset, hardware, load, scale
from ganlib.checkpoints import load_run, read
from ganlib.history import History
from ganlib.recipes import MNIST
from ganlib.studies import inference
from ganlib.studies.inference import NETS, WEIGHTS, Inference

RESULTS = Path(__file__).resolve().parent.parent / "ganlib" / "results" / "inference.json"
TRAIN, TEST, ERRORS, DESCENT, SPECTRA, SAMPLES = 50_000, 10_000, 1_000, 20, 20, 10_000


def measured(net: Inference, data: Dataset, tests: int) -> dict[str, Any]:
    """Everything about one net."""
    begun = time.perf_counter()
    x = scale(data.test[:ERRORS])
    samples = net.G.pictures(z_samples := net.recipe.noise(SAMPLES, 1))
    few, own = x[:DESCENT], net.G.pictures(net.recipe.noise(DESCENT, 3))
    floors = {}
    for name, pictures in (("digits", few), ("samples", own)):
        near = inference.closest(pictures, samples, 3)[1]
        starts = [net.z(pictures), *(z_samples[near[:, i]] for i in range(3))]
        _, best = inference.best_z(net.G, pictures, starts)
        inferred = (pictures - net.again(pictures)).square().sum(1)
        floors[name] = {"n": DESCENT, "E": inferred.mean().item(), "best": best.mean().item()}
    spectra = inference.spectrum(net.G, net.recipe.noise(SPECTRA, 4))
    train, labels = scale(data.train[:TRAIN]), data.train_labels[:TRAIN]
    untrained = Inference(net.G, net.recipe.players(1, data.mean())["E"], net.recipe, {})
    return {
        "info": net.info,
        "recipe": {"name": net.recipe.name, "changes": net.recipe.changes(MNIST)},
        "errors": {"n": ERRORS, **inference.errors(net, x)},
        "closest_sample": inference.closest(x, samples)[0].mean().item(),
        "floors": floors,
        "singular_values": spectra.median(0).values.tolist(),
        "wrong": {
            "trained": wrong(net, train, labels, data, tests),
            "untrained": wrong(untrained, train, labels, data, tests),
        },
        "seconds": round(time.perf_counter() - begun),
    }


def tried(folder: Path, data: Dataset) -> dict[str, Any]:
    """What became of a joint game: whether E tells pictures apart, and what D says at the end."""
    trained = load_run(folder)
    net, x = Inference.of(trained), scale(data.test[:ERRORS])
    history = History.from_state(read(folder)[0]["history"])
    last = {name: float(history.column(name)[-10:].mean()) for name in ("D_real", "D_fake")}
    spread = net.z(x).std(0).mean().item()
    hidden = ", ".join(f"{layer.units} {layer.activation}" for layer in net.recipe.E[:-1])
    told = {"E": hidden, "irange": net.recipe.E[0].irange, "lr_E": net.recipe.lr_E, **net.info}
    return {**told, "spread": spread, **inference.errors(net, x), **last}


def wrong(net: Inference, train: Tensor, labels: Tensor, data: Dataset, tests: int) -> dict[str, float]:
    """The share of test digits that the nearest training digit names wrong, by the features of each layer."""
    test, truth = net.features(scale(data.test[:tests])), data.test_labels[:tests]
    return {name: share(f, labels, test[name], truth) for name, f in net.features(train).items()}


def share(train: Tensor, labels: Tensor, test: Tensor, truth: Tensor) -> float:
    """The share of wrong names."""
    return (inference.nearest_class(train, labels, test) != truth).double().mean().item()


def reference(data: Dataset, tests: int) -> dict[str, Any]:
    """What the numbers are held against."""
    x, pixels = scale(data.test[:ERRORS]), (scale(data.train[:TRAIN]), data.train_labels[:TRAIN])
    found = {
        "mean_digit": inference.distance(x, data.mean().float().expand(len(x), -1)),
        "closest_training_digit": inference.closest(x, scale(data.train[:SAMPLES]))[0].mean().item(),
        "pixels_wrong": share(*pixels, scale(data.test[:tests]), data.test_labels[:tests]),
        **{"train": TRAIN, "tests": tests, "samples": SAMPLES},
    }
    what = "|x - G(E(x))|^2, mean |z - E(G(z))|^2 / z_dim, and the errors of the nearest neighbour"
    return {"what": what, "reference": found}


def main() -> None:
    """Measure, and write the record."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("runs", nargs="*", metavar="NAME=FOLDER", help=f"NAME: {', '.join(NETS)}")
    parser.add_argument(
        "--pictures", action="store_true", help="of the runs keep weights and pictures, measure nothing"
    )
    parser.add_argument("--tests", type=int, default=TEST, help="test digits that are named by their nearest")
    parser.add_argument("--tried", nargs="*", default=[], type=Path, help="folders of joint games, shipped or not")
    options, data = parser.parse_args(), load("mnist", stand_in=False)
    for name, folder in (one.split("=", 1) for one in options.runs):
        net = Inference.of(load_run(Path(folder)))
        net.save(WEIGHTS / f"{name}.safetensors", own_G=net.recipe.inference != "alone")
        inference.keep_pictures(name, net, scale(data.test[: inference.KEPT]))
    record = json.loads(RESULTS.read_text()) if RESULTS.exists() else {"nets": {}}
    if options.runs and not options.pictures:
        record |= reference(data, options.tests)
    for name in (one.split("=")[0] for one in options.runs if not options.pictures):
        record["nets"][name] = measured(Inference.load(name), data, options.tests)
        print(name, json.dumps(record["nets"][name]["errors"]), record["nets"][name]["wrong"], flush=True)
    record["nets"] = {name: record["nets"][name] for name in NETS if name in record["nets"]}
    if options.tried:
        record["joint_games"] = [tried(folder, data) for folder in options.tried]
    record["made"] = hardware.provenance()
    RESULTS.write_text(json.dumps(_rounded(record), indent=1) + "\n")


def _rounded(value: Any) -> Any:
    """Floats to five places."""
    if isinstance(value, dict):
        return {key: _rounded(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_rounded(one) for one in value]
    return round(value, 5) if isinstance(value, float) else value


if __name__ == "__main__":
    main()
