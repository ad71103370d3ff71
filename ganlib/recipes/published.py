"""The recipes of the paper, as its authors published them, and those of the toys."""

from dataclasses import replace

from ganlib.nets import Layer
from ganlib.recipes.recipe import Recipe
from ganlib.recipes.stacks import cifar10_G, conv_D, deconv_G, maxout_D, mnist_G, relu_D, tfd_2_G, tfd_G

MNIST = Recipe(
    name="mnist",
    source="mnist.yaml, the authors' published hyperparameters (Goodfellow et al., June 2014)",
    data="mnist",
    p_z="uniform",
    z_dim=100,
    G=mnist_G(1200),
    D=maxout_D(240),
    batch=100,
    k=1,
    update="simultaneous",
    generator_cost="non-saturating",
    lr_D=0.1,
    lr_G=0.1,
    lr_decay=1.000004,
    lr_min=1e-6,
    momentum_start=0.5,
    momentum_end=0.7,
    momentum_epochs=250,
    epochs=700,
)
"""MNIST as the authors trained it: the real-valued digits in [0, 1], 50,000 for training, 10,000 for validation.

The published file has no stopping rule: the epochs are ours. A rule stands in another file, of another recipe (normal
prior, max-norm); it watches 100 samples at sigma .2, and once the log-likelihood is positive a plateau never ends it.
"""

TOY = replace(
    MNIST,
    name="toy",
    source="this project's: the paper gives no numbers for Figure 1",
    data="drawn afresh from a density",
    z_dim=1,
    G=(Layer(32, "relu", irange=1.0, bias="irange"), Layer(1, "linear", irange=0.3)),
    D=relu_D(16, 1.5, above=0.43),
    batch=64,
    update="alternating",
    lr_D=0.3,
    lr_G=0.01,
    lr_decay=1.0,
    momentum_start=0.0,
    momentum_end=0.0,
    momentum_epochs=1,
    epochs=1,
)
"""The game of Figure 1, in one dimension: a G of rectifiers, so that p_g is exact, against a D of rectifiers too."""

RING = replace(
    TOY,
    name="ring",
    p_z="normal",
    z_dim=4,
    G=(Layer(64, "relu", irange=0.87), Layer(64, "relu", irange=0.22), Layer(2, "linear", irange=0.22)),
    D=relu_D(64, 1.2, above=0.22),
    batch=128,
    lr_D=0.03,
    lr_G=0.01,
)
"""Games in the plane, for modes on a ring or a grid. The rates are slow ones; tenfold ones lose most modes."""

TFD_1 = replace(
    MNIST,
    name="tfd-1",
    source="the authors' published hyperparameters for TFD, first stage (Goodfellow et al., June 2014)",
    data="tfd",
    p_z="normal",
    G=tfd_G(8000),
    D=maxout_D(1200),
    lr_D=0.05,
    lr_G=0.05,
    max_norm=1.9365,
    epochs=50,
)
"""The Toronto Face Database, first of two stages: its unlabeled faces, 48 x 48, in [0, 1].

50 epochs, and 22 in the second stage, stand in the authors' files from 10 June 2014 on; an earlier version, of 6 June,
had 53 and 25.
"""

TFD_2 = replace(
    TFD_1,
    name="tfd-2",
    source="the authors' published hyperparameters for TFD, second stage (Goodfellow et al., June 2014)",
    G=tfd_2_G(8000),
    epochs=22,
    built_on="tfd-1",
)
"""The second stage: a new bottom under the three layers of the first stage's G, all trained, against a fresh D."""

CIFAR10_FC = replace(
    MNIST,
    name="cifar10-fc",
    source="the authors' published hyperparameters for CIFAR-10, fully connected (Goodfellow et al., June 2014)",
    data="cifar10",
    pixels="gcn",
    p_z="normal",
    G=cifar10_G(8000, output=0.5),
    D=maxout_D(1600),
    lr_D=0.025,
    lr_G=0.025,
    epochs=250,
)
"""CIFAR-10 with fully connected nets (Figure 2c). The published file has no stopping rule: the epochs are ours."""

CIFAR10_CONV = replace(
    CIFAR10_FC,
    name="cifar10-conv",
    source="the authors' published hyperparameters for CIFAR-10, convolutional (Goodfellow et al., June 2014)",
    G=deconv_G(80, output=0.05),
    D=conv_D(32, 500),
    batch=128,
    lr_D=0.004,
    lr_G=0.004,
)
"""CIFAR-10 with a convolutional D and a G that ends in a transposed convolution (Figure 2d)."""

PUBLISHED = (MNIST, TFD_1, TFD_2, CIFAR10_FC, CIFAR10_CONV)
