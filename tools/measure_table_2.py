"""log p(x) of the shipped MNIST G by two rulers, for notebook 13: `python tools/measure_table_2.py [--steps 1000]`.

By Parzen window and by annealed importance sampling, with the same sigma, on test digits; and both bounds of AIS on
samples of G itself, whose z are known. Into `ganlib/results/table_2.json`. Some ten minutes on one thread.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import torch

from ganlib import hardware, load, parzen, pretrained, scale
from ganlib.studies import ais

RESULTS = Path(__file__).resolve().parent.parent / "ganlib" / "results" / "table_2.json"
SIGMA = parzen.SIGMAS[2]  # what the paper's protocol chooses for these weights


def main() -> None:
    """Measure, and write the record."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--steps", type=int, default=1_000)
    parser.add_argument("--digits", type=int, default=100)
    parser.add_argument("--samples", type=int, default=20)
    options, begun = parser.parse_args(), time.perf_counter()
    trained, data = pretrained("mnist"), load("mnist", stand_in=False)
    G, recipe, x = trained.G.requires_grad_(False), trained.recipe, scale(data.test[: options.digits])
    same = {"z_dim": recipe.z_dim, "p_z": recipe.p_z, "steps": options.steps}
    z = recipe.noise(options.samples, 3)
    made = G(z) + SIGMA * torch.randn(options.samples, x.shape[1], generator=torch.Generator().manual_seed(0))
    found = {
        "parzen": parzen.log_likelihood(x, trained.samples(10_000, seed=1), [SIGMA])[0],
        "ais": ais.log_p(G, x, SIGMA, **same),
        "samples_lower": ais.log_p(G, made, SIGMA, **same),
        "samples_upper": ais.log_p(G, made, SIGMA, z=z, **same),
    }
    record = {
        "what": "log p(x), nats, of the MNIST weights of this package with Gaussian noise sigma on the output of G",
        "sigma": SIGMA,
        "centres": 10_000,
        "steps": options.steps,
        "epochs": trained.info["epochs"],
        **{name: [round(value, 2) for value in each.tolist()] for name, each in found.items()},
        "seconds": round(time.perf_counter() - begun),
        "made": hardware.provenance(),
    }
    RESULTS.write_text(json.dumps(record, indent=1) + "\n")


if __name__ == "__main__":
    main()
