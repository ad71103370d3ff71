"""The stacks of layers of G, D and E at any width, for the published recipes and for their narrow versions.

`above` is the irange of the layers that read other units, which `quick` changes.
"""

import itertools
import math
from dataclasses import replace

from ganlib.nets import AnyLayer, Beside, Convolution, Deconvolution, Layer


def maxout_D(units: int, above: float = 0.005) -> tuple[Layer, ...]:
    """The D of MNIST, of TFD and of cifar10-fc: two layers of maxout, with dropout."""
    return (
        Layer(units, "maxout", pieces=5, irange=0.005, keep=0.8),
        Layer(units, "maxout", pieces=5, irange=above, keep=0.5),
        Layer(1, "sigmoid", irange=above, keep=0.5),
    )


def relu_D(units: int, irange: float, above: float) -> tuple[Layer, ...]:
    """The D of the toys: two layers of rectifiers."""
    first = Layer(units, "relu", irange, bias="irange")
    return first, replace(first, irange=above), Layer(1, "sigmoid", above)


def conv_D(maps: int, units: int, irange: float = 0.005, above: float = 0.005) -> tuple[AnyLayer, ...]:
    """The D of cifar10-conv: three maxout convolutions and a layer of maxout."""
    return (
        Convolution((3, 32, 32), maps, pieces=2, kernel=8, padding=4, pool=4, stride=2, irange=irange, keep=0.8),
        Convolution((maps, 16, 16), maps, pieces=2, kernel=8, padding=3, pool=4, stride=2, irange=above, keep=0.5),
        Convolution((maps, 7, 7), 6 * maps, pieces=2, kernel=5, padding=3, pool=2, stride=2, irange=above, keep=0.5),
        *maxout_D(units, above)[1:],
    )


def mnist_G(units: int) -> tuple[Layer, ...]:
    """The G of MNIST."""
    hidden = Layer(units, "relu", irange=0.05)
    return hidden, hidden, Layer(784, "sigmoid", irange=0.05, bias="marginal")


def hidden(relu: int, sigmoid: int, above: float = 0.05, bias: str | float = "zero") -> tuple[Layer, ...]:
    """The two hidden layers of the other G: rectifiers, then sigmoids."""
    return Layer(relu, "relu", irange=0.05), Layer(sigmoid, "sigmoid", irange=above, bias=bias)


def tfd_G(units: int, above: float = 0.05) -> tuple[Layer, ...]:
    """The G of the first stage of TFD."""
    return *hidden(units, units, above, -2.0), Layer(2304, "sigmoid", irange=0.05, sparse=100, bias="marginal")


def tfd_2_G(units: int, above: float = 0.05) -> tuple[Layer, ...]:
    """A new bottom, whose 100 sigmoids take the place of z, under the three layers of stage 1."""
    return *hidden(units, 100, above, -2.0), *tfd_G(units, above)


def cifar10_G(units: int, output: float, above: float = 0.05) -> tuple[Layer, ...]:
    """The fully connected G of CIFAR-10."""
    return *hidden(units, units, above), Layer(3072, "linear", irange=output)


def deconv_G(maps: int, output: float, above: float = 0.05) -> tuple[AnyLayer, ...]:
    """The G of cifar10-conv, which ends in a transposed convolution."""
    last = Deconvolution((maps, 10, 10), channels=3, kernel=5, stride=3, irange=output)
    return *hidden(100 * maps, 100 * maps, above), last


def given_G(*parts: tuple[int, int], units: int = 1200, z: float = 0.05) -> tuple[AnyLayer, ...]:
    """An MNIST G that reads z and what it is given side by side: (numbers read, rectifiers on them), each part.

    `z` is the irange of the first part.
    """
    own, *others = (Layer(width, "relu", irange=0.05) for _, width in parts)
    first = Beside(tuple(reads for reads, _ in parts), (replace(own, irange=z), *others))
    return first, *mnist_G(units)[1:]


def given_D(*parts: tuple[int, int], units: int = 240, pieces: int = 5) -> tuple[AnyLayer, ...]:
    """An MNIST D that reads two things side by side: (numbers read, maxout units on them), each part."""
    first, joint, last = maxout_D(units)
    beside = Beside(tuple(reads for reads, _ in parts), tuple(replace(first, units=width) for _, width in parts))
    return beside, replace(joint, pieces=pieces), last


def mnist_E(units: int) -> tuple[Layer, ...]:
    """The inference net of the authors' code."""
    first = Layer(units, "maxout", pieces=5, irange=0.05)
    return first, Layer(units, "sigmoid", irange=0.05), Layer(100, "linear", irange=0.05)


def relu_E(units: int) -> tuple[Layer, ...]:
    """The inference net of the joint game."""
    hidden = Layer(units, "relu", irange=0.1)
    return hidden, hidden, Layer(100, "linear", irange=0.1)


def rectifiers_D(*widths: int, noise: float, first: float) -> tuple[Layer, ...]:
    """A D that names classes, from x up: rectifiers, U(-1, 1) times sqrt(6 / inputs), then a linear unit for each.

    What a layer reads gets noise, x itself so much as `first` says.
    """
    layers = [Layer(n, "relu", math.sqrt(6 / m), noise=noise) for m, n in itertools.pairwise(widths)]
    last = replace(layers[-1], activation="linear", irange=math.sqrt(3 / widths[-2]))
    return replace(layers[0], noise=first), *layers[1:-1], last


def labels_D(units: int) -> tuple[Layer, ...]:
    """The D that names ten digits."""
    return rectifiers_D(784, units, units // 2, units // 2, 10, noise=0.3, first=0.3)


def labels_G(units: int) -> tuple[Layer, ...]:
    """The G that plays against it: its hidden units are normalised over each minibatch."""
    first, second = (Layer(units, "relu", math.sqrt(6 / m), normalise=True) for m in (100, units))
    return first, second, Layer(784, "sigmoid", irange=0.05, bias="marginal")
