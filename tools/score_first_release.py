"""Scores the weights of the first release, thousand digits by thousand: `python tools/score_first_release.py`.

They are in the history only. Notebook 11 compares the weights of today with them, on the same digits and noise.
"""

from __future__ import annotations

import json
import subprocess
import tempfile
from pathlib import Path

from ganlib import load, load_weights, parzen, scale
from ganlib.checkpoints import Trained
from ganlib.hardware import provenance

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "ganlib" / "results" / "mnist_first_release.json"
COMMIT = "65f240e"
BLOCK = 1_000  # digits


def from_history(commit: str, name: str) -> Trained:
    """The weights `ganlib/weights/NAME` as they were at that commit."""
    with tempfile.TemporaryDirectory() as folder:
        for suffix in (".safetensors", ".json"):
            what = f"{commit}:ganlib/weights/{name}{suffix}"
            shown = subprocess.run(["git", "show", what], cwd=ROOT, capture_output=True, check=True)
            (Path(folder) / f"{name}{suffix}").write_bytes(shown.stdout)
        return load_weights(Path(folder) / f"{name}.safetensors")


def main() -> None:
    """Score the weights by the paper's protocol, and write the means of the blocks."""
    trained = from_history(COMMIT, "mnist")
    data = load("mnist", stand_in=False)
    centres = trained.samples(10_000, seed=1)
    sigma, _ = parzen.choose_sigma(scale(data.valid), centres)
    file = f"ganlib/weights/mnist.safetensors at commit {COMMIT}"
    told = {"what": f"weights of the first release, {file}; last iterate"}
    told |= {"seed": trained.info["seed"], "epoch": trained.info["epochs"], "noise_seed": 1, "n_samples": len(centres)}
    for split, pictures in (("validation", data.valid), ("test", data.test)):
        each = parzen.log_likelihood(scale(pictures), centres, [sigma])[0]
        told[f"{split}_blocks"] = [round(block.mean().item(), 3) for block in each.split(BLOCK)]
    told |= {"paper": round(each.mean().item(), 2), "error": round(each.std(correction=0).item() / len(each) ** 0.5, 2)}
    told |= {"sigma": round(sigma, 4), "scored_by": provenance()}
    RESULTS.write_text(json.dumps(told, indent=1) + "\n")
    print(f"{told['what']}: {told['paper']} ± {told['error']} on the test set")


if __name__ == "__main__":
    main()
