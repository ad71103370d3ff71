"""How an experiment behind a claim is judged: decisive numbers, each with its threshold and the reason for it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

Numbers = dict[str, Any]


def judged(quantity: str, values: Any, threshold: float, reason: str, *, above: bool = True) -> Numbers:
    """One number that a claim stands or falls with: of every seed, and on which side of the threshold it should lie.

    "holds": the share of the seeds that lie there. A claim holds where this is 1 for all its numbers.
    """
    values = np.asarray(values, float)
    good = (values > threshold) if above else (values < threshold)
    spread = values.std(ddof=1) if len(values) > 1 else 0.0
    return {
        "quantity": quantity,
        "values": rounded(values),
        "mean": rounded(values.mean()),
        "spread": rounded(spread),
        "threshold": threshold,
        "above": above,
        "holds": float(good.mean()),
        "reason": reason,
    }


def rounded(values: Any) -> Any:
    """Numbers and arrays as plain lists, to five digits; None for what is not finite."""
    if isinstance(values, Mapping):
        return {key: rounded(value) for key, value in values.items()}
    plain = np.vectorize(lambda v: float(f"{v:.5g}") if math.isfinite(v) else None, otypes=[object])
    return plain(np.asarray(values, float)).tolist()
