"""What the paper compares itself with in Tables 1 and 2: one short file a model, fitted by one loop.

from ganlib import load, scale
from ganlib.baselines import RECIPES, fit

for step in fit(scale(load("mnist").train), RECIPES["dbn"], seed=0):
    print(step.epoch, step.cost)
x = step.model.samples(100)
"""

from ganlib.baselines.cae import CAERecipe
from ganlib.baselines.dbn import DBNRecipe
from ganlib.baselines.gsn import GSNRecipe
from ganlib.baselines.model import Chain, Model, Step, fit
from ganlib.baselines.rbm import RBMRecipe
from ganlib.baselines.vae import VAERecipe

RECIPES = {"rbm": RBMRecipe(), "dbn": DBNRecipe(), "cae": CAERecipe(), "gsn": GSNRecipe(), "vae": VAERecipe()}
"""The recipes for MNIST by name; each file says where its numbers come from. Vary one with `dataclasses.replace`."""

__all__ = ["RECIPES", "Chain", "Model", "Step", "fit"]
