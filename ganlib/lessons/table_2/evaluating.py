"""The fourth row, evaluating p(x): AIS and the Parzen window, held against densities that are known."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from pandas.io.formats.style import Styler
from torch import Tensor

from ganlib import parzen, plots, scale
from ganlib.baselines.dbm import DBM
from ganlib.baselines.gsn import GSN
from ganlib.baselines.rbm import RBM
from ganlib.datasets import Dataset
from ganlib.lessons.table_2.table import few
from ganlib.studies import ais, likelihood

RECORD = Path(__file__).parent.parent.parent / "results" / "table_2.json"


def on_small_machines(rbm: RBM, dbm: DBM) -> pd.DataFrame:
    """log Z of machines small enough to be counted: by enumeration and by AIS, with its error."""
    rows = []
    for name, machine in (("RBM, 12 and 16 units", rbm), ("DBM, 12, 8 and 4 units", likelihood.bipartite(dbm))):
        found = ais.log_z(machine, few(100, 20), few(2_000, 50))
        rows.append((name, likelihood.log_z(machine).item(), found.value, found.standard_error))
    table = pd.DataFrame(rows, columns=["machine", "log Z exactly", "log Z by AIS", "±"])
    return table.assign(difference=table.iloc[:, 2] - table.iloc[:, 1])


def on_digits(machines: Mapping[str, RBM | DBM], x: Tensor) -> pd.DataFrame:
    """log p(x) of bits x (n, d) by AIS, nats: of RBMs, and of a DBM the mean-field bound."""
    rows = []
    for name, machine in machines.items():
        deep = isinstance(machine, DBM)
        z = ais.log_z(likelihood.bipartite(machine) if deep else machine, few(50, 5), few(1_000, 10))
        each = (likelihood.bound if deep else likelihood.log_p)(machine, x, z.value)
        rows.append((name, z.value, z.standard_error, each.mean().item(), each.std().item() / len(x) ** 0.5))
    return pd.DataFrame(rows, columns=["model", "log Z by AIS", "its ±", "log p(x), nats a digit", "±"])


def says_ais(small: pd.DataFrame, large: pd.DataFrame) -> str:
    """How AIS does where it can be checked, and what it says of the large machines."""
    worst = small["difference"].abs().max()
    told = ", ".join(f"{row.iloc[3]:.0f} nats ({row.iloc[0]})" for _, row in large.iterrows())
    return f"AIS: within {worst:.3f} nats of the exact log Z on small machines; on digits made binary {told}."


def says_directed(table: pd.DataFrame) -> str:
    """What the VAE's log-likelihood is, by the most draws."""
    return (
        f"By importance sampling with the encoder, which AIS does in many small steps: at least "
        f"{table.iloc[-1, 1]:.1f} nats for a digit made binary (VAE)."
    )


@dataclass(frozen=True)
class LinearG:
    """G(z) = mean + W z for z from N(0, I): with Gaussian noise on x, p(x) is known. W from the data's components."""

    mean: Tensor  # (d,)
    W: Tensor  # (z_dim, d)

    def __call__(self, z: Tensor) -> Tensor:
        """G(z): (m, d)."""
        return torch.addmm(self.mean, z, self.W)

    def log_p(self, x: Tensor, sigma: float) -> Tensor:
        """log N(x; mean, W^T W + sigma^2 I) of x (n, d): (n,)."""
        C = (self.W.T @ self.W + sigma**2 * torch.eye(self.W.shape[1])).double()
        return torch.distributions.MultivariateNormal(self.mean.double(), C).log_prob(x.double())


def linear_G(data: Dataset, z_dim: int = 20) -> LinearG:
    """The linear G whose samples vary as the training digits do along their first `z_dim` components."""
    x = scale(data.train[: few(10_000, 500)])
    mean = x.mean(0)
    _, s, V = torch.linalg.svd(x - mean, full_matrices=False)
    return LinearG(mean, V[:z_dim] * (s[:z_dim, None] / len(x) ** 0.5))


def rulers(G: Any, x: Tensor, sigma: float, z_dim: int, p_z: str, centres: Tensor, steps: int) -> dict[str, Tensor]:
    """log p of x (n, d) with Gaussian noise sigma on G's output, nats: by Parzen window and by AIS; (n,) each."""
    found = {"Parzen": parzen.log_likelihood(x, centres, [sigma])[0]}
    return found | {"AIS": ais.log_p(G, x, sigma, z_dim, p_z, steps=steps)}


def compare_rulers(found: Mapping[str, Tensor], exact: Tensor | None = None) -> Styler:
    """The means of both rulers over the same digits, nats, with their standard errors; and the exact one."""
    all_ = {**found, **({"exactly": exact} if exact is not None else {})}
    rows = []
    for name, each in all_.items():
        row = {"log p(x) with noise on x": name, "digits": len(each), "nats": each.mean().item()}
        row["±"] = each.std().item() / len(each) ** 0.5
        if exact is not None:
            row["off"] = (each - exact).mean().item()
        rows.append(row)
    return plots.table(rows, digits=1)


def record() -> dict[str, Any]:
    """What `tools/measure_table_2.py` measured of the shipped G: log p(x) of each digit by both rulers, nats."""
    return json.loads(RECORD.read_text(encoding="utf-8"))


def says_rulers() -> str:
    """Both rulers on the shipped G, as they were recorded, and how far apart the bounds of AIS are on its samples."""
    told = record()
    apart = np.subtract(told["samples_upper"], told["samples_lower"])
    return (
        f"Parzen {np.mean(told['parzen']):.0f} nats, AIS at least {np.mean(told['ais']):.0f}, on the same "
        f"{len(told['ais'])} test digits at the same σ, {told['sigma']:.4f} (recorded). On samples of G the bounds of "
        f"AIS lie {np.median(apart):.0f} nats apart (median; {np.sum(apart > 100)} walks of {len(apart)} got lost)."
    )


def says_parzen(gsn: GSN, x: Tensor, data: Dataset) -> str:
    """The Parzen score of a GSN's conditional means on digits x, with few centres."""
    n = few(2_000, 50)
    centres = gsn.samples(n, 1, means=True)
    sigma, _ = parzen.choose_sigma(scale(data.valid[: few(300, 30)]), centres, parzen.SIGMAS[1:6])
    value = parzen.log_likelihood(x, centres, [sigma])[0].mean().item()
    return f"Parzen window: {value:.0f} nats with {n:,} conditional means (GSN; notebook 12 has 10,000)."
