"""Errors a person can cause. Each message says what is wrong, with which value, and what to do."""

from __future__ import annotations


class GanlibError(Exception):
    """The base of every error that this package raises on purpose."""


class RecipeError(GanlibError, ValueError):
    """A recipe, or a live change of one, holds a value that makes no sense."""


class DataError(GanlibError):
    """A data set is missing, truncated, altered, or of the wrong layout."""


class CheckpointError(GanlibError):
    """A checkpoint or a file of weights cannot be read, written, or used here."""


class TrainingDiverged(GanlibError, ArithmeticError):
    """A cost or a parameter is no longer a finite number."""
