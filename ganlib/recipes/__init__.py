"""The recipes: every number of an experiment, each with its source. Vary one with `dataclasses.replace`."""

from ganlib.recipes.published import CIFAR10_CONV, CIFAR10_FC, MNIST, PUBLISHED, RING, TFD_1, TFD_2, TOY
from ganlib.recipes.recipe import INFERENCES, LATER, LIVE, PROFILES, RECIPES, SCALES, Recipe, named, number, profile
from ganlib.recipes.scales import SCALED
from ganlib.recipes.section_7 import CONDITIONAL, HALF, INFERENCE, JOINT, MASKS, SECTION_7, SEMI_SUPERVISED

__all__ = [
    "CIFAR10_CONV",
    "CIFAR10_FC",
    "CONDITIONAL",
    "HALF",
    "INFERENCE",
    "INFERENCES",
    "JOINT",
    "LATER",
    "LIVE",
    "MASKS",
    "MNIST",
    "PROFILES",
    "PUBLISHED",
    "RECIPES",
    "RING",
    "SCALES",
    "SECTION_7",
    "SEMI_SUPERVISED",
    "TFD_1",
    "TFD_2",
    "TOY",
    "Recipe",
    "named",
    "number",
    "profile",
]

RECIPES.update({recipe.name: recipe for recipe in (*PUBLISHED, *SECTION_7)})
SCALES.update(SCALED)
