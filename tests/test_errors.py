"""What holds a call to its signature, and how an error names a value."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Protocol, TypeVar

import numpy as np
import pytest
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor
from typing_extensions import TypeAliasType

from ganlib import DataError, RecipeError
from ganlib.errors import Floats, Within, brief, door, held, is_number, is_whole, need, table

T = TypeVar("T")


class Shape(Protocol):
    """What has an area."""

    corners: int

    @property
    def area(self) -> float:
        """It may be dear to work out."""


class Square:
    """A shape."""

    corners = 4

    @property
    def area(self) -> float:
        raise AssertionError("a check works nothing out")


KINDS = [
    (
        int,
        [0, -1, 2**63, np.int8(3), np.uint64(2**63)],
        [True, 1.0, "1", None, 2**64, 10**400, np.float64(1), np.array(1)],
    ),
    (float, [0, 0.5, -1e300, np.float32(1), np.int64(2)], [True, float("nan"), float("inf"), 10**400, "1", None, 1j]),
    (bool, [True, np.True_], [0, 1, None, "yes"]),
    (str, ["", "a"], [None, 1, b"a", ["a"]]),
    (Annotated[int, Within(1, 9)], [1, 9], [0, 10, 1.0, None]),
    (Annotated[float, Within(0, 1, above=True)], [1e-300, 1], [0, 1.5, float("nan")]),
    (Annotated[float, Within(0)], [0, 1e300], [-1e-300]),
    (int | None, [1, None], ["1", 1.5]),
    (
        Sequence[float],
        [[], (1, 2.5), np.array([1.0]), range(3)],
        ["ab", 3, [1, "a"], [float("nan")], {1.0}, np.ones((2, 2))],
    ),
    (tuple[int, str], [(1, "a"), [1, "a"]], [(1,), (1, "a", 2), ("a", 1), None, "1a"]),
    (tuple[float, ...], [(), (1, 2)], [("a",), 3]),
    (Mapping[str, int], [{}], [[], None, "ab"]),
    (Callable[[int], int], [abs, lambda x: x], [None, 3, "abs"]),
    (ArrayLike, [0, [1, 2], np.ones(2), torch.ones(2)], [None, "a", ["a"], [[1], [1, 2]], np.array([1j]), {}]),
    (  # an alias, as numpy 2.5 has NDArray
        TypeAliasType("Several", Sequence[T], type_params=(T,))[int],
        [[], (1, 2)],
        [[0.5], 3, None, "ab"],
    ),
    (TypeAliasType("Ratio", float), [0.5, 1], ["1", None, [0.5]]),
    (NDArray[np.float64], [np.ones(2), np.ones(2, int)], [[1.0], None, np.array(["a"])]),
    (Tensor, [torch.ones(2)], [np.ones(2), None, torch.ones(2, device="meta"), torch.eye(2).to_sparse()]),
    (Annotated[Tensor, Floats(2)], [torch.ones(2, 2)], [torch.ones(2), torch.ones(0, 2), torch.ones(2, 2).int(), None]),
    (Shape, [Square()], [Square, None, 3, "square"]),
    (Any, [None, 3, object()], []),
]


@pytest.mark.parametrize(("kind", "right", "wrong"), KINDS, ids=[str(kind)[:40] for kind, _, _ in KINDS])
def test_a_call_a_dataclass_and_a_value_are_held_to_an_annotation_alike(kind, right, wrong):
    @door(DataError)
    def f(a: kind, /, b: kind, *more: kind, c: kind = None, **rest: int) -> Any:
        return a, b, more, c, rest

    f.__annotations__.update(a=kind, b=kind, more=kind, c=kind)  # as they are, and not as words

    @dataclass
    class Held:
        a: Any

    Held.__annotations__["a"] = kind
    good = right[0]
    for value in right:
        found = f(value, value, value, c=value, d="not held")
        assert all(one is value for one in (*found[:2], *found[2], found[3]))
        held(Held(value), DataError)
        need(DataError, kind, a=value)
    for value in wrong:
        for name, call in (
            ("a", lambda value=value: f(value, good)),
            ("b", lambda value=value: f(good, value)),
            ("b", lambda value=value: f(good, b=value)),
            ("more", lambda value=value: f(good, good, good, value)),
            ("c", lambda value=value: f(good, good, c=value)),
            ("Held's a", lambda value=value: held(Held(value), DataError)),
            ("mine's a", lambda value=value: held(Held(value), DataError, "mine")),
            ("a", lambda value=value: need(DataError, kind, a=value)),
        ):
            with pytest.raises(DataError, match=f"^{name} is .*; it must be "):
                call()


def test_a_door_keeps_what_a_function_is_and_what_it_raises():
    @door(RecipeError)
    def f(n: Annotated[int, Within(1, 1_000)], m: int = "as it is") -> int:
        """What it does."""
        return n // 0

    assert f.__name__ == "f" and f.__doc__ == "What it does."
    with pytest.raises(ZeroDivisionError):
        f(3)
    with pytest.raises(TypeError, match="unexpected keyword argument 'k'"):
        f(3, k=1)
    with pytest.raises(RecipeError, match=r"^n is '3'; it must be a whole number from 1 to 1,000$"):
        f("3")


def test_within_says_its_ends():
    ends = [Within(), Within(0), Within(0, above=True), Within(1, 9), Within(0, 1, above=True), Within(1e-15, 1e15)]
    assert [str(one) for one in ends] == [
        "",
        " >= 0",
        " above 0",
        " from 1 to 9",
        " above 0, at most 1",
        " from 1e-15 to 1e+15",
    ]


class Silent:
    """It cannot be shown."""

    def __repr__(self):
        raise RuntimeError


class Loud:
    """It goes over lines."""

    def __repr__(self):
        return "one\n  two\n" * 100


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("x", "'x'"),
        ("x" * 10_000_000, "'" + "x" * 56 + "..."),
        (b"x" * 10_000_000, "b'" + "x" * 55 + "..."),
        (10**400, "1" + "0" * 56 + "..."),
        (10**10_000, "a number of 33220 bits"),
        ([10**10_000], "a list"),
        (Silent(), "a Silent"),
        (Loud(), "one two one two one two one two one two one two one two o..."),
        (np.ones((3, 4)), "an array of (3, 4) float64"),
        (torch.ones(2), "an array of (2,) torch.float32"),
        (np.float32, "<class 'numpy.float32'>"),
        ([1] * 10**6, "[1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, ...]"),
        (json.loads("[" * 900 + "]" * 900), "[[[[...]]]]"),
        ({"a": {"b": [1, 2]}}, "{'a': {'b': [1, 2]}}"),
    ],
    ids=lambda value: str(type(value).__name__),
)
def test_an_error_names_any_value_in_one_short_line(value, said):
    found = brief(value)
    assert found == said and len(found) <= 60 and "\n" not in found


def test_what_is_a_number_and_what_a_table():
    for value in (True, np.True_, None, "1", 1j, float("nan"), 10**400, [1]):
        assert not is_number(value)
    assert is_number(np.float16(1)) and is_whole(np.int8(1)) and not is_whole(1.0) and not is_whole(True)
    assert table([[1, None]]).shape == (1, 2) and table(torch.ones(2)).tolist() == [1, 1]
    for value in (None, "a", [[1], [1, 2]], [10**400], np.array([1j]), json.loads("[" * 900 + "]" * 900)):
        assert table(value) is None
