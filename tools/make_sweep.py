"""Make the grid of small MNIST nets that notebook 09 shows: `python tools/make_sweep.py`, about 20 minutes.

It needs the full MNIST, not the digits that stand in for it offline, and says how far it is.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path

import torch

from ganlib import load
from ganlib.studies.grids import MNIST_FILE
from ganlib.studies.sweeps import MnistSweep


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=MNIST_FILE, help="the JSON file to write")
    chosen = parser.parse_args(arguments)
    torch.set_num_threads(1)  # nets this small gain nothing from a second one
    data = load("mnist", stand_in=False)
    sweep, begun = MnistSweep(data=data), time.monotonic()
    while not sweep.finished:
        sweep.advance(60)
        print(f"{100 * sweep.done:.0f} % after {(time.monotonic() - begun) / 60:.1f} minutes", flush=True)
    results = sweep.results
    minutes = round((time.monotonic() - begun) / 60, 1)
    results.info["minutes"] = minutes
    chosen.out.parent.mkdir(exist_ok=True)
    chosen.out.write_text(json.dumps(results.to_dict(), allow_nan=False) + "\n", encoding="utf-8")
    print(f"{chosen.out.name}: {results.outcome.size} runs in {minutes} minutes")


if __name__ == "__main__":
    main(sys.argv[1:])
