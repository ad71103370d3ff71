"""The second row, inference: an encoder, mean field, a clamped chain, a search for z."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from ganlib import plots, scale
from ganlib.baselines import fit
from ganlib.baselines.dbm import DBM, DBMRecipe
from ganlib.baselines.vae import VAE
from ganlib.datasets import Dataset
from ganlib.drawing import Drawing
from ganlib.lessons.table_2.table import few
from ganlib.studies import likelihood, measures
from ganlib.studies import table_2 as study


def bits(data: Dataset, n: int) -> Tensor:
    """The first n test digits with each pixel drawn as 0 or 1, its grey value being the probability: (n, d)."""
    return torch.bernoulli(scale(data.test[:n]), generator=torch.Generator().manual_seed(0))


def encoder_gap(vae: VAE, x: Tensor) -> pd.DataFrame:
    """log p(x) of bits x (n, d), nats a picture, by 1, 10, 100, ... draws of the encoder: a row each."""
    ks = (1, 10, 100, few(1_000, 100))
    rows = []
    for k in dict.fromkeys(ks):
        each = likelihood.by_encoder(vae, x, torch.Generator().manual_seed(0), k)
        rows.append((k, each.mean().item(), each.std().item() / len(each) ** 0.5))
    return pd.DataFrame(rows, columns=["draws of z", "log p(x) at least, nats", "±"])


def says_encoder(table: pd.DataFrame, n: int) -> str:
    """What the encoder's bound lacks."""
    bound, best = table.iloc[0, 1], table.iloc[-1, 1]
    return (
        f"One pass of the VAE's encoder. Its bound, {bound:.1f} nats on {n} test digits made binary, lacks "
        f"{best - bound:.1f} nats of what {table.iloc[-1, 0]:,} draws of z reach."
    )


def small_dbms() -> dict[str, DBM]:
    """Deep Boltzmann machines of 12, 8 and 4 units: one trained on bars and stripes, one with random weights."""
    x = study.bars_and_stripes().repeat(5, 1)
    recipe = DBMRecipe(hidden=(8, 4), batch=len(x), epochs=few(1_500, 30), lr=0.3)
    *_, last = fit(x, recipe, 0, device="cpu")
    return {"trained": last.model, "random weights": study.random_dbm(recipe)}


def mean_field(dbms: Mapping[str, DBM]) -> pd.DataFrame:
    """What the variational bound lacks of log p(x), by enumeration, over the steps of mean field: means over the data.

    A column for each machine, nats.
    """
    x, steps, lacking = study.bars_and_stripes(), (0, 1, 2, 5, 10, 50), {}
    for name, dbm in dbms.items():
        log_z, exact = likelihood.log_z(likelihood.bipartite(dbm)), study.dbm_log_likelihood(dbm, x)
        lacking[name] = [(exact - likelihood.bound(dbm, x, log_z, n)).mean().item() for n in steps]
    return pd.DataFrame(lacking, pd.Index(steps, name="steps of mean field"))


def says_mean_field(table: pd.DataFrame) -> str:
    """What mean field lacks in the end, and how many steps it takes with random weights."""
    trained, random = (table[name] for name in table)
    settled = table.index[(random - random.iloc[-1]) < 0.01][0]
    return (
        f"Mean field: {settled} steps for each x. On small deep Boltzmann machines, whose log p(x) is known, its bound "
        f"lacks {random.iloc[-1]:.2f} nats with random weights, {trained.iloc[-1]:.4f} after training by it."
    )


def upper_half(data: Dataset) -> Tensor:
    """Which pixels stand in the upper half of a picture: (d,) bool."""
    rows = torch.arange(data.shape[1]).repeat_interleave(data.shape[2])
    return rows < data.shape[1] // 2


def plot_completions(x: Tensor, filled: Tensor, data: Dataset, at: Sequence[int]) -> Drawing:
    """Digits, and their lower halves as the chain has them after so many steps: a row each."""
    rows = {"test digits": x} | {f"step {step}" + " of the chain" * (step == at[0]): filled[step - 1] for step in at}
    return plots.rows(rows, data.shape, zoom=2)


def moments(filled: Tensor) -> tuple[int, ...]:
    """Steps of a chain of so many that are worth a look."""
    n = len(filled)
    return tuple(dict.fromkeys((1, min(3, n), max(n // 6, 1), n // 2, n)))


def says_chain(filled: Tensor, x: Tensor, known: Tensor) -> str:
    """What the clamped chain does to the squared error of the half that it fills in."""
    error = (filled - x)[:, :, ~known].square().sum(2).mean(1)  # (steps,)
    level = error[len(error) // 2 :].mean()
    return (
        "The GSN fills in the hidden half of a digit by its chain, the other half held. After one step the squared "
        f"error is {error[0]:.0f}, and it stays there (about {level:.0f}): later steps make strokes of the blur, and "
        "the error does not see that."
    )


def says_search(errors: np.ndarray, nearest: float, starts: int) -> str:
    """What a search for z costs and finds."""
    return (
        "G and D have no way from x to z; a net that learns one is future work (section 7). A search for z takes "
        f"{len(errors) - 1} gradient steps from {starts} starts: |x − G(z)|² falls from {errors[0]:.0f} to "
        f"{errors[-1]:.0f} (the nearest training digit: {nearest:.0f})."
    )


def nearest(data: Dataset, x: Tensor) -> float:
    """The mean squared distance of x (n, d) from the nearest training picture."""
    return measures.nearest_distance(x, data.train).square().mean().item()


@torch.no_grad()
def restored(vae: VAE, x: Tensor) -> Tensor:
    """What the VAE's decoder makes of the mean of its encoder: (n, d)."""
    return vae.decoder(vae.q(x)[0]).sigmoid()
