"""The rules that need no parser: empty and too long."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandboxd.executions.source import refuse

# White space and line terminators of ECMAScript, by their code points.
BLANKS = [0x9, 0xA, 0xB, 0xC, 0xD, 0x20, 0xA0, 0x1680, *range(0x2000, 0x200B), 0x2028, 0x2029, 0x202F, 0x205F, 0x3000, 0xFEFF]


def message(text: str, most_bytes: int = 10_240) -> str | None:
    found = refuse(text, most_bytes)
    return None if found is None else found.message


@given(st.text(st.sampled_from([chr(point) for point in BLANKS]), max_size=20))
def test_white_space_of_the_language_is_empty(text: str) -> None:
    """What V8 would skip is no code."""
    assert message(text) == "Code cannot be empty"


@pytest.mark.parametrize("point", [0x1C, 0x1F, 0x85, 0x180E, 0x200B, 0x200C, 0x2060, 0x0])
def test_other_invisible_characters_are_not_empty(point: int) -> None:
    """What looks empty but is a syntax error is V8's to tell."""
    assert message(chr(point)) is None


@given(st.text(min_size=1, max_size=200), st.integers(1, 400))
def test_the_length_is_in_bytes(text: str, most_bytes: int) -> None:
    """A text is too long exactly when its UTF-8 is."""
    text = "x" + text.encode(errors="ignore").decode()
    assert (message(text, most_bytes) is not None) == (len(text.encode()) > most_bytes)


def test_the_limit_is_told_in_kb() -> None:
    """The text names the limit that was met."""
    assert message("x" * 10_241) == "Code exceeds maximum length (10 KB)"


def test_empty_comes_before_too_long() -> None:
    """Nothing but white space is empty, however much of it."""
    assert message(" " * 20_000) == "Code cannot be empty"
