"""The recipes: every number of an experiment, each with its source. Vary one with `dataclasses.replace`."""

from ganlib.recipes.published import CIFAR10_CONV, CIFAR10_FC, MNIST, PUBLISHED, RING, TFD_1, TFD_2, TOY
from ganlib.recipes.recipe import (
    INFERENCES,
    LATER,
    LIVE,
    PLAIN,
    PROFILES,
    RECIPES,
    SCALES,
    Recipe,
    named,
    number,
    profile,
)
from ganlib.recipes.scales import SCALED
from ganlib.recipes.section_7 import CONDITIONAL, HALF, INFERENCE, JOINT, MASKS, SECTION_7, SEMI_SUPERVISED
from ganlib.recipes.settings import setting

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
    "PLAIN",
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
    "setting",
]

RECIPES.update({recipe.name: recipe for recipe in (*PUBLISHED, *SECTION_7)})
SCALES.update(SCALED)
