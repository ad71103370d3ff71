"""What a page needs to answer the strokes of `PaintMask` by itself: test digits, z, and both nets in 8 bits."""

from __future__ import annotations

from typing import Any

import numpy as np
from torch import Tensor, nn

from ganlib.conditions import MASK
from ganlib.exports import EIGHT, in_8_bits
from ganlib.widgets.paint import HIDDEN, SHADE, ZOOM, N, PaintMaskEngine

DIGITS, NOISES = 100, 10  # test digits, and z for all completions of one, that the page has


def given(engine: PaintMaskEngine) -> dict[str, Any]:
    """The plain part: labels, the mask at first, and how it is drawn."""
    return {
        "labels": engine.data.test_labels[engine.order[:DIGITS]].tolist(),
        "hidden": engine.hidden.int().tolist(),
        "columns": engine.columns,
        "block": engine.trained.recipe.block,
        "draws": N,
        "zoom": ZOOM,
        "shade": (SHADE * np.array(HIDDEN)).astype(np.uint8).tolist(),
        "mask": MASK,
        "words": [engine.words(n) for n in range(engine.blocks + 1)],
    }


def digits(engine: PaintMaskEngine) -> bytes:
    """The test digits, in the order of the engine: uint8 (DIGITS, d)."""
    return engine.data.test[engine.order[:DIGITS]].numpy().tobytes()


def noises(engine: PaintMaskEngine) -> bytes:
    """z of each noise, in the order of the engine: float32 (NOISES, N, z_dim)."""
    z = [engine.trained.recipe.noise(N, engine.seed + i) for i in range(NOISES)]
    return np.stack(z).astype("<f4").tobytes()


def nets(engine: PaintMaskEngine) -> tuple[dict[str, Any], list[bytes]]:
    """G and the classifier: the layers of each, and of each layer W (int8), the scales of its rows and b (float32).

    A layer is {inputs, units, activation}; G's first one is a list of those that stand side by side.
    """
    buffers: list[bytes] = []

    def plain(linear: nn.Linear, activation: str) -> dict[str, Any]:
        small: dict[str, Tensor] = in_8_bits({"W": linear.weight.detach()})
        buffers.append(small["W"].numpy().tobytes())
        for numbers in (small["W" + EIGHT], linear.bias.detach()):
            buffers.append(numbers.float().numpy().astype("<f4").tobytes())
        return {"inputs": linear.in_features, "units": linear.out_features, "activation": activation}

    first, *rest = engine.trained.G.layers
    G = [[plain(dense.linear, dense.layer.activation) for dense in first.each]]
    G += [plain(dense.linear, dense.layer.activation) for dense in rest]
    linears = [] if engine.classifier is None else [one for one in engine.classifier.net if isinstance(one, nn.Linear)]
    judge = [plain(one, "linear" if one is linears[-1] else "relu") for one in linears]
    return {"G": G, "judge": judge}, buffers
