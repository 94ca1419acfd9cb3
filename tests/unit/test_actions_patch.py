"""The JSON Patch between two outputs: it leads from one to the other, is as small as it can afford, and is soon there."""

import json
from typing import Any

import jsonpatch
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandboxd.executions.actions.patch import ROOM, patch

KEYS = st.sampled_from(["a", "b", "", "~", "/", "~1", "a/b", "0"])
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.sampled_from(["", "x", "1"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=12,
)


def between(old: Any, new: Any) -> list[dict[str, Any]]:
    """The patch between two values."""
    return patch(json.dumps(old), json.dumps(new))


@given(VALUES, VALUES)
def test_it_leads_from_one_to_the_other(old: Any, new: Any) -> None:
    """Applied by somebody else's program."""
    assert json.dumps(jsonpatch.apply_patch(old, between(old, new)), sort_keys=True) == json.dumps(new, sort_keys=True)


@given(VALUES)
def test_equal_values_have_no_patch(value: Any) -> None:
    """No operation."""
    assert between(value, value) == []


@pytest.mark.parametrize(
    ("old", "new", "operations"),
    [
        (1, 2, [("replace", "", 2)]),
        (1, True, [("replace", "", True)]),
        ({"a": 1, "b": 2}, {"b": 2, "c": 3}, [("remove", "/a", None), ("add", "/c", 3)]),
        ([1, 2, 3], [1, 9], [("replace", "/1", 9), ("remove", "/2", None)]),
        ([1], [1, 2, 3], [("add", "/1", 2), ("add", "/2", 3)]),
        ({"x/y": {"~": [1]}}, {"x/y": {"~": [2]}}, [("replace", "/x~1y/~0/0", 2)]),
        ([], {}, [("replace", "", {})]),
    ],
)
def test_only_what_differs_is_named(old: Any, new: Any, operations: list[tuple[str, str, Any]]) -> None:
    """By its place, in the order of the keys."""
    assert [(each["op"], each["path"], each.get("value")) for each in between(old, new)] == operations


def test_a_patch_longer_than_the_output_replaces_it() -> None:
    """So a patch is never much longer than what it leads to."""
    size = 2 * ROOM
    assert between([0] * size, [1] * size) == [{"op": "replace", "path": "", "value": [1] * size}]
    assert len(between([0] * 20, [1] * 20)) == 20


def test_deep_and_long_outputs_are_no_trouble() -> None:
    """What takes others a minute: a long list in 250 others. The paths alone would be a hundred times the output."""
    old: Any = [1] * 100_000
    new: Any = [2] * 100_000
    for _ in range(250):
        old, new = [old], [new]
    assert [each["path"] for each in between(old, new)] == [""]
