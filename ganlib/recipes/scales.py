"""What the profiles `smoke` and `quick` change in each recipe."""

import math

from ganlib.recipes.section_7 import SECTION_7
from ganlib.recipes.stacks import (
    cifar10_G,
    conv_D,
    deconv_G,
    given_D,
    given_G,
    labels_D,
    labels_G,
    maxout_D,
    mnist_E,
    mnist_G,
    relu_E,
    tfd_2_G,
    tfd_G,
)

_FEW = {"epochs": 2, "examples": 1_000, "n_samples": 200}
_8, _10 = math.sqrt(8), math.sqrt(10)

SCALED = {
    "smoke": {
        "mnist": {"G": mnist_G(120), "D": maxout_D(24), "epochs": 5, "examples": 2_000, "n_samples": 500},
        "tfd-1": {"G": tfd_G(200), "D": maxout_D(30), **_FEW},
        "tfd-2": {"G": tfd_2_G(200), "D": maxout_D(30), **_FEW},
        "cifar10-fc": {"G": cifar10_G(200, output=0.5), "D": maxout_D(40), **_FEW},
        "cifar10-conv": {"G": deconv_G(2, output=0.05), "D": conv_D(2, 31), **_FEW, "examples": 512},
        "mnist-conditional": {"G": mnist_G(120)} | {"D": given_D((784, 24), (10, 5), units=24, pieces=4), **_FEW},
        "mnist-halves": {"G": given_G((100, 80), (784, 40), units=120), "D": maxout_D(24), **_FEW},
        "mnist-masks": {"G": given_G((100, 100), (784, 40), (784, 5), units=120, z=0.15)}
        | {"D": given_D((784, 24), (784, 5), units=24), **_FEW},
        "mnist-inference": {"G": mnist_G(120), "D": maxout_D(24), "E": mnist_E(24), **_FEW},
        "mnist-joint": {"G": mnist_G(120), "D": given_D((784, 24), (100, 24), units=24), "E": relu_E(120), **_FEW},
        "mnist-labels": {"G": labels_G(60), "D": labels_D(60), **_FEW},
    },
    "quick": {
        "mnist": {"epochs": 8},
        "tfd-1": {"G": tfd_G(1000, 0.05 * _8), "D": maxout_D(150, 0.005 * _8), "lr_G": 0.15},
        "tfd-2": {"G": tfd_2_G(1000, 0.05 * _8), "D": maxout_D(150, 0.005 * _8), "lr_G": 0.15},
        "cifar10-fc": {"G": cifar10_G(800, 0.05, 0.05 * _10), "D": maxout_D(160, 0.005 * _10)}
        | {"lr_D": 0.05, "lr_G": 0.2},
        "cifar10-conv": {"G": deconv_G(8, 0.7, 0.05 * _10), "D": conv_D(8, 125, irange=0.02, above=0.04)}
        | {"lr_D": 0.008, "lr_G": 0.06, "epochs": 60},
        **{recipe.name: {"epochs": 4} for recipe in SECTION_7},
    },
}
"""What a profile changes, recipe by recipe: narrow nets, fewer passes, fewer pictures. `Recipe.changes` says all of it.

`smoke` takes seconds, for tests. `quick` trains narrow nets long enough to be looked at. There a layer that reads a
c-th of the published layer's inputs starts with sqrt(c) times its irange, as a sum over n inputs spreads as
irange * sqrt(n); at one and the same rate it would learn about c times more slowly, so the rates are higher.

The published G of cifar10-fc starts with pixels 13 times as wide as the data's, from which a narrow one does not
recover within minutes: its output starts at a tenth. The published pair of cifar10-conv rests at logits of a millionth
for thousands of updates: the narrow one starts farther out, G's output at .7, D at four times what the rule gives.
"""
