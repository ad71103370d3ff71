"""The third row, sampling: what an independent draw costs of each model."""

from __future__ import annotations

import timeit
from collections.abc import Mapping
from typing import Any

import pandas as pd
import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from ganlib import scale
from ganlib.baselines.model import Chain
from ganlib.datasets import Dataset
from ganlib.lessons.table_2.table import few
from ganlib.studies import chains


def multiply_adds(model: Any) -> float:
    """Millions of multiplications in one step of a chain's, or in one pass from z to x."""
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        if isinstance(model, Chain):
            steps = model.walk(model.mean[None].round(), torch.Generator().manual_seed(0))
            next(steps)
            first = counter.get_total_flops()
            next(steps)
            return (counter.get_total_flops() - first) / 2e6
        model.samples(1)
        return counter.get_total_flops() / 2e6


def sampling(models: Mapping[str, Any], data: Dataset) -> pd.DataFrame:
    """What an independent draw costs of each model: steps of its chain, and millions of multiplications."""
    start = scale(data.test[: few(10, 3)])
    rows = []
    for name, model in models.items():
        cost, steps, lower = multiply_adds(model), 1.0, False
        if isinstance(model, Chain):
            chain = model.chain(few(2_000, 20), 0, start, means=True)
            rho = chains.autocorrelation(chain, data_mean(data))
            steps = chains.integrated_time(rho)
            lower = chains.WINDOW * steps > len(rho)  # the chain was too short to see the end
        least = "≥ " * lower  # then so are what the steps cost, and their time
        draw, ms = (
            f"{least}{value:,.{0 if value >= 10 else 2}f}" for value in (steps * cost, _milliseconds(model, steps))
        )
        rows.append((name, f"{least}{steps:,.0f}", cost, draw, ms))
    names = ["model", "steps of its chain, or passes", "million multiplications a step", "and a draw"]
    return pd.DataFrame(rows, columns=[*names, "milliseconds a draw, here"])


def data_mean(data: Dataset) -> Tensor:
    """The mean training picture: (d,)."""
    return scale(data.train[:10_000]).mean(0)


def _milliseconds(model: Any, steps: float) -> float:
    """What a draw takes here: of a hundred side by side, a hundredth; the least of three."""
    n = few(100, 5)
    if isinstance(model, Chain):
        start = model.mean.expand(n, -1).round()
        took = timeit.repeat(lambda: model.chain(3, start=start), number=1, repeat=3)
        return 1e3 * steps * min(took) / (3 * n)
    return 1e3 * min(timeit.repeat(lambda: model.samples(n), number=1, repeat=3)) / n


def says_sampling(table: pd.DataFrame, name: str) -> str:
    """What a draw costs of one model."""
    row = table.set_index("model").loc[name]
    steps, cost = row.iloc[0], row.iloc[2]
    if steps == "1":
        return f"{name}: one pass, {cost} million multiplications a draw."
    return f"{name}: {steps} steps of its chain for a fresh draw, {cost} million multiplications."
