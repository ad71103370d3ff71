"""What the paper compares itself with in Tables 1 and 2: one short file a model, fitted by one loop.

from ganlib import load, scale
from ganlib.baselines import RECIPES, fit

for step in fit(scale(load("mnist").train), RECIPES["dbn"], seed=0):
    print(step.epoch, step.cost)
x = step.model.samples(100)
"""

from ganlib.baselines.files import KINDS, load, load_weights, pretrained, save_weights, train
from ganlib.baselines.gsn import DAE
from ganlib.baselines.model import Chain, Model, Step, fit
from ganlib.baselines.rbm import PCD

RECIPES = {name: kind() for name, kind in KINDS.items()} | {"rbm": PCD, "dae": DAE}
"""The recipes for MNIST by name; each file says where its numbers come from. Vary one with `dataclasses.replace`."""

__all__ = ["RECIPES", "Chain", "Model", "Step", "fit", "load", "load_weights", "pretrained", "save_weights", "train"]
