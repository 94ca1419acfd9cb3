"""Depth without parsing, against a parser."""

import json
import time
import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sandboxd.protocol.shape import deeper_than
from tests.support.messages import depth

fuzz = settings(max_examples=500, deadline=None)

MB = 1 << 20
LEVELS = 256

# strings that look like structure, and escapes that look like the end of a string
texts = st.text(st.sampled_from('[]{}"\\,:/\n\t\x00u0é😀 a'), max_size=12)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | texts,
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(texts, inner, max_size=5),
    max_leaves=40,
)
wraps = st.lists(st.sampled_from(["list", "dict", "beside"]), max_size=300)


def wrapped(value: object, kinds: list[str]) -> object:
    for kind in kinds:
        value = {"list": [value], "dict": {"]": value}, "beside": ["[", value, {}]}[kind]
    return value


@fuzz
@given(values, st.booleans(), st.sampled_from([None, 1]))
def test_depth_is_what_a_parser_finds(value: object, ascii_only: bool, indent: int | None) -> None:
    """For any JSON, however it is written, the answer changes from yes to no exactly at its depth."""
    text = json.dumps(value, ensure_ascii=ascii_only, indent=indent).encode()
    deep = depth(value)
    assert [deeper_than(text, levels) for levels in range(deep + 2)] == [levels < deep for levels in range(deep + 2)]


@fuzz
@given(values, wraps)
def test_the_depth_of_deep_json_is_what_a_parser_finds(value: object, kinds: list[str]) -> None:
    """The same for JSON that is hundreds of levels deep, at the levels around its depth and at the limit."""
    tower = wrapped(value, kinds)
    text, deep = json.dumps(tower).encode(), depth(tower)
    for levels in {0, deep - 1, deep, deep + 1, LEVELS} - {-1}:
        assert deeper_than(text, levels) == (deep > levels)


@given(st.lists(texts, min_size=1, max_size=60))
def test_brackets_in_strings_do_not_count(strings: list[str]) -> None:
    """A flat list of strings has one level, whatever stands in them."""
    text = json.dumps(strings).encode()
    assert deeper_than(text, 0)
    assert not deeper_than(text, 1)


@pytest.mark.parametrize(("levels", "deeper"), [(255, False), (256, False), (257, True), (258, True)])
@pytest.mark.parametrize(
    ("opened", "closed", "each"),
    [("[", "]", 1), ('{"a":', "}", 1), ('[{"[":', "}]", 2)],
    ids=["arrays", "objects", "both"],
)
def test_the_border_is_exact(opened: str, closed: str, each: int, levels: int, deeper: bool) -> None:
    """256 levels are not deeper than 256, 257 are, for arrays and objects alike."""
    times, odd = divmod(levels, each)
    text = "[" * odd + opened * times + "0" + closed * times + "]" * odd
    assert deeper_than(text.encode(), LEVELS) == deeper


def filled(piece: bytes, around: int) -> bytes:
    """1 MB of `piece`, inside of so many arrays."""
    times = (MB - 2 * around) // (len(piece) + 1)
    return b"[" * around + b",".join([piece] * times) + b"]" * around


WORST = {
    "one deep array": b"[" * (MB // 2) + b"]" * (MB // 2),
    "many arrays of the last legal depth": filled(b"[" * 255 + b"]" * 255, 1),
    "many arrays that are one too deep": filled(b"[" * 256 + b"]" * 256, 1),
    "flat arrays": filled(b"[]", 1),
    "flat arrays, deep down": filled(b"[]", 255),
    "a comb": b"[[]," * (MB // 5) + b"0" + b"]" * (MB // 5),
    "a comb of objects": b'{"a":[],"b":' * (MB // 13) + b"0" + b"}" * (MB // 13),
    "one string of brackets": b"[" * 200 + b'"' + b"[" * MB + b'"' + b"]" * 200,
    "one string of quotes": b"[" * 300 + b'"' + b'\\"' * (MB // 2) + b'"' + b"]" * 300,
    "one string of backslashes": b"[" * 300 + b'"' + b"\\\\" * (MB // 2) + b'"' + b"]" * 300,
    "strings": filled(b'"["', 200),
    "empty strings": filled(b'""', 300),
    "strings and arrays": filled(b'"[",[]', 200),
    "objects with brackets for names": filled(b'{"[":{}}', 200),
}


@pytest.mark.parametrize("text", WORST.values(), ids=WORST.keys())
def test_the_worst_megabyte_is_quick(text: bytes) -> None:
    """No megabyte of JSON holds the daemon up: each shape takes some 30 ms, and 250 are a slow machine."""
    begun = time.thread_time()
    deeper_than(text, LEVELS)
    assert time.thread_time() - begun < 0.25


@pytest.mark.parametrize("text", WORST.values(), ids=WORST.keys())
def test_the_worst_megabyte_is_small(text: bytes) -> None:
    """No megabyte of JSON takes more than 24 MB to look at."""
    tracemalloc.start()
    try:
        deeper_than(text, LEVELS)
        assert tracemalloc.get_traced_memory()[1] < 24 * MB
    finally:
        tracemalloc.stop()
