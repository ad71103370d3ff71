"""Absurd calls: values that are wrong for an argument, and what is made of a table of calls with them."""

from __future__ import annotations

import math
import time
import warnings
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import torch

from ganlib import GanlibError
from ganlib.densities import Gaussian
from ganlib.errors import brief

SECONDS = 10.0  # that one of them may take; milliseconds are what it takes
HUGE = 10**400
LARGE = 10**18


class Bad:
    """A value that cannot even be shown."""

    def __repr__(self):
        raise RuntimeError("no words for it")


NO_NUMBER = (None, "3", "x" * 10_000, [], {}, [1.5], 2j, b"1", Bad(), np.array([1, 2]), math.nan, math.inf, HUGE)
NO_WHOLE = (*NO_NUMBER, True, 1.5, -1, LARGE, -HUGE, np.float64(2.5), torch.tensor([1, 2]))
NO_STRING = (None, 3, b"test", ["test"], Bad())
NO_TENSOR = (None, 3, "x", [0.5], [[0.5, 0.5]], np.ones((2, 3)), Bad(), torch.ones(2, 3, device="meta"))
NO_TENSOR += (torch.eye(3).to_sparse(),)
NO_FLOATS = (
    *NO_TENSOR,
    torch.ones(0),
    torch.tensor(1.0),
    torch.ones(2, 3).long(),
    torch.ones(2, 3, dtype=torch.cfloat),
)
NO_LOGITS = tuple(one for one in NO_FLOATS if getattr(one, "shape", None) != (0,))
NO_ROWS = (*NO_FLOATS, torch.ones(3), torch.ones(2, 2, 2), torch.ones(0, 3))
NO_PIXELS = (*NO_TENSOR, torch.ones(2, 3), torch.ones(2, 3).long())  # floats are scaled already
NO_NUMBERS = (None, "x", ["a"], [[1], [1, 2]], {}, Bad(), np.array(["a"]), np.array([2j]), [HUGE])
NO_DENSITY = (None, 3, "gaussian", Bad(), Gaussian, [Gaussian()])
NO_FUNCTION = (None, 3, "tanh", Bad())
NO_RNG = (None, 0, "seed", Bad(), np.random, np.random.RandomState(0))
NO_TORCH_RNG = (None, 0, "seed", Bad(), np.random.default_rng(0))
NO_ARRAY = (None, 3, "x", [0.5], Bad(), np.array(["a"]), np.array([None]))
NO_SHAPE = (
    None,
    3,
    "x",
    (1, 2),
    (1, 2, 3, 4),
    (1, 0, 2),
    (1, -1, -2),
    (1, 1.0, 2),
    (1, "1", 2),
    (1, 10**9, 10**9),
    (2, 1, 1),
)


class Call(NamedTuple):
    """A public function, arguments that are right, and for some of them values that are not."""

    f: Callable[..., Any]
    right: dict[str, Any]
    wrong: dict[str, tuple[Any, ...]]


def outcome(f: Callable[..., Any], arguments: dict[str, Any]) -> str:
    """ "" where the call ends soon, in one clear error of this package; else what is wrong with it."""
    began = time.monotonic()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            f(**arguments)
    except GanlibError as error:
        said, seconds = str(error), time.monotonic() - began
        if seconds > SECONDS:
            return f"took {seconds:.0f} s"
        return "" if 10 < len(said) <= 1_000 and "\n" not in said else f"said {said[:500]!r}"
    except Exception as error:
        return f"ended in {type(error).__name__}: {str(error)[:200]}"
    return "was taken"


def refused(table: list[Call]) -> int:
    """How many absurd calls there are; each is made, and each must be refused, after the right one was not."""
    problems, n = [], 0
    for f, right, wrong in table:
        f(**right)
        for name, values in wrong.items():
            for value in values:
                n += 1
                if problem := outcome(f, {**right, name: value}):
                    problems.append(f"{getattr(f, '__qualname__', f)}({name}={brief(value)}) {problem}")
    assert not problems, f"{len(problems)} of {n}:\n" + "\n".join(problems)
    return n
