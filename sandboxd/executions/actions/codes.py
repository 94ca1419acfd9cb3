"""What can be wrong with an action, and the order in which it is told."""

from collections.abc import Iterable
from enum import StrEnum
from typing import Final

from msgspec import Struct


class Code(StrEnum):
    """All codes, in the order in which findings are told."""

    ACTION_MISSING = "ACTION_MISSING"
    ACTION_NOT_FOUND = "ACTION_NOT_FOUND"
    ACTION_NOT_FILE = "ACTION_NOT_FILE"
    ACTION_SOURCE_EMPTY = "ACTION_SOURCE_EMPTY"
    ACTION_UNSUPPORTED_TYPE = "ACTION_UNSUPPORTED_TYPE"
    FIXTURES_EMPTY = "FIXTURES_EMPTY"
    FIXTURE_NAME_EMPTY = "FIXTURE_NAME_EMPTY"
    FIXTURE_NAME_TOO_LONG = "FIXTURE_NAME_TOO_LONG"
    FIXTURE_NOT_FOUND = "FIXTURE_NOT_FOUND"
    FIXTURE_READ_FAILED = "FIXTURE_READ_FAILED"
    FIXTURE_EMPTY = "FIXTURE_EMPTY"
    FIXTURE_INVALID_JSON = "FIXTURE_INVALID_JSON"
    RUNTIME_NODE_MISSING = "RUNTIME_NODE_MISSING"
    RUNTIME_PYTHON_MISSING = "RUNTIME_PYTHON_MISSING"
    BUDGET_DURATION_INVALID = "BUDGET_DURATION_INVALID"
    BUDGET_MEMORY_INVALID = "BUDGET_MEMORY_INVALID"
    ASSERTION_INVALID = "ASSERTION_INVALID"
    REPEAT_INVALID = "REPEAT_INVALID"
    VERSION_UNSUPPORTED = "VERSION_UNSUPPORTED"
    PATH_ESCAPE = "PATH_ESCAPE"
    ACTION_SYNTAX_ERROR = "ACTION_SYNTAX_ERROR"


_ORDER: Final = {code: place for place, code in enumerate(Code)}


class Finding(Struct, frozen=True):
    """One thing that is wrong."""

    code: Code
    """What kind of mistake it is."""
    message: str
    """For people."""


def ordered(found: Iterable[Finding]) -> list[Finding]:
    """By their codes; those of one code as the configuration has them."""
    return sorted(found, key=lambda finding: _ORDER[finding.code])
