"""Equality of JSON values, as assertions understand it."""

from typing import Any

import pytest

from sandboxd.executions.actions.assertions import same


@pytest.mark.parametrize(
    ("one", "other", "equal"),
    [
        (1, 1.0, True),
        (1, True, False),
        (0, False, False),
        (0, None, False),
        ("1", 1, False),
        ([], {}, False),
        ([1, [2]], [1.0, [2]], True),
        ([1], [1, 1], False),
        ([True], [1], False),
        ({"a": 1, "b": [2]}, {"b": [2], "a": 1}, True),
        ({"a": 1}, {"a": 1, "b": None}, False),
        ({"a": True}, {"a": 1}, False),
        (None, None, True),
        (2**53 + 1, 2**53, False),
    ],
)
def test_same(one: Any, other: Any, equal: bool) -> None:
    """By value, whichever is first."""
    assert (same(one, other), same(other, one)) == (equal, equal)
