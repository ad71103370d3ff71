"""The deep belief net: RBMs trained one above the other; Gibbs sampling in the top one, then one pass down.

Hinton, Osindero & Teh (2006), "A fast learning algorithm for deep belief nets". The row of Table 1 comes from Rifai et
al. (2012), 137.89 +- 2.11, who publish no recipe; the numbers here are the lab's tutorial's (deeplearning.net, 2010).
"""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ganlib.baselines.model import Chain, ModelRecipe
from ganlib.baselines.rbm import RBM, RBMRecipe


@dataclass(frozen=True)
class DBNRecipe(ModelRecipe):
    """The numbers of a DBN."""

    hidden: tuple[int, ...] = (1000, 1000)
    k: int = 1
    lr: float = 0.01
    batch: int = 10
    epochs_a_layer: int = 100
    chains: int = 10_000
    burn_in: int = 300
    thin: int = 1

    @property
    def epochs(self) -> int:
        """Epochs of all the layers, which are trained one after the other."""
        return self.epochs_a_layer * len(self.hidden)


class DBN(Chain, of=DBNRecipe):
    """A stack of RBMs, `layers[0]` on the pictures."""

    def __init__(self, recipe: DBNRecipe, mean: Tensor, seed: int):
        super().__init__(recipe, mean)
        means = [mean, *(torch.full((width,), 0.5) for width in recipe.hidden)]
        each = [RBMRecipe(hidden=width, k=recipe.k, lr=recipe.lr, batch=recipe.batch) for width in recipe.hidden]
        self.layers = nn.ModuleList(RBM(own, means[i], seed + 1000 * i) for i, own in enumerate(each))

    def up(self, x: Tensor, layer: int = -1) -> Tensor:
        """The input of a layer, by itself of the top RBM: the means of each layer below, taken as they are."""
        for rbm in self.layers[:layer]:
            x = rbm.up(x)
        return x

    def down(self, h: Tensor, rng: torch.Generator) -> Tensor:
        """One pass down from bits h of the top RBM's input, each layer's bits drawn in turn: the pictures' means."""
        for rbm in reversed(self.layers[1:-1]):
            h = torch.bernoulli(rbm.down(h), generator=rng)
        return self.layers[0].down(h)

    def learn(self, x: Tensor, rng: torch.Generator) -> float:
        """One update of the layer whose turn it is; the cost is that layer's."""
        layer = min(self.done // self.recipe.epochs_a_layer, len(self.layers) - 1)
        return self.layers[layer].learn(self.up(x, layer), rng)

    def walk(self, x: Tensor, rng: torch.Generator) -> Iterator[tuple[Tensor, Tensor]]:
        """Gibbs sampling in the top RBM; after each step one pass down."""
        first = torch.bernoulli(self.up(x), generator=rng)
        for h, _ in self.layers[-1].walk(first, rng):
            mean = self.down(h, rng)
            yield torch.bernoulli(mean, generator=rng), mean
