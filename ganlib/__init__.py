"""Generative Adversarial Nets (Goodfellow et al. 2014), reproduced: the core that the notebooks import.

from ganlib import MNIST, Trainer, load

trainer = Trainer(MNIST, load("mnist"), seed=0)
for step in trainer.steps(1_000):
    print(step.V)
"""

from ganlib.average import Average
from ganlib.checkpoints import Trained, load_weights, pretrained, save_weights
from ganlib.datasets import Dataset, load
from ganlib.errors import CheckpointError, DataError, GanlibError, RecipeError, TrainingDiverged
from ganlib.history import History, Step
from ganlib.images import scale
from ganlib.recipes import MNIST, Recipe, named, profile
from ganlib.trainer import Trainer

__version__ = "0.1.0"

__all__ = [
    "MNIST",
    "Average",
    "CheckpointError",
    "DataError",
    "Dataset",
    "GanlibError",
    "History",
    "Recipe",
    "RecipeError",
    "Step",
    "Trained",
    "Trainer",
    "TrainingDiverged",
    "load",
    "load_weights",
    "named",
    "pretrained",
    "profile",
    "save_weights",
    "scale",
]
