"""Assertions about one execution: paths into what came of it, and what must hold there. Pure.

Patterns are the caller's and so are the texts they meet, so they are matched by an engine that is linear in both.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

import msgspec
import re2
from msgspec import UnsetType

from sandboxd.executions.actions.config import Assertion

MOST: Final = 100
"""Assertions of one action."""
ROOTS: Final = ("ok", "output_fields", "return_value")
SHOWN: Final = 200
_PATTERN_BYTES: Final = 1 << 20  # what a compiled pattern may take
_NOTHING: Final = object()


def unusable(assertions: Mapping[str, Assertion]) -> Iterator[tuple[str, str]]:
    """The assertions that can never be judged, as (path, why)."""
    if len(assertions) > MOST:
        yield "all", f"there are {len(assertions)}, and {MOST} is the limit"
        return
    for path, assertion in assertions.items():
        if path.split(".")[0] not in ROOTS:
            yield path, f"a path begins with one of {', '.join(ROOTS)}"
        if all(isinstance(getattr(assertion, name), UnsetType) for name in Assertion.__struct_fields__):
            yield path, f"says nothing; expected one of {', '.join(Assertion.__struct_fields__)}"
        if not isinstance(assertion.regex, UnsetType):
            try:
                _compiled(assertion.regex)
            except re2.error as problem:
                yield path, f"regex: {_told(problem)}"


def mismatches(assertions: Mapping[str, Assertion], root: Mapping[str, Any]) -> Iterator[str]:
    """What does not hold of `root`, which has the keys ROOTS; all of it, as the configuration has it."""
    for path, assertion in assertions.items():
        value = _at(path, root)
        for what in _against(assertion, value):
            yield f"{path}: {what}"


def _at(path: str, value: Any) -> Any:
    """The value at a path of keys and places with dots between them."""
    for step in path.split("."):
        if isinstance(value, Mapping) and step in value:
            value = value[step]
        elif isinstance(value, list) and step.isdecimal() and len(step) < 10 and int(step) < len(value):
            value = value[int(step)]
        else:
            return _NOTHING
    return value


def _against(assertion: Assertion, value: Any) -> Iterator[str]:
    if not isinstance(assertion.exists, UnsetType) and assertion.exists != (value is not _NOTHING):
        yield "is missing" if assertion.exists else f"{_shown(value)} is there"
    if not isinstance(assertion.eq, UnsetType) and (value is _NOTHING or not same(value, assertion.eq)):
        yield f"{_shown(value)} is not {_shown(assertion.eq)}"
    if not isinstance(assertion.gt, UnsetType) and not (_is_number(value) and value > assertion.gt):
        yield f"{_shown(value)} is not greater than {_shown(assertion.gt)}"
    if not isinstance(assertion.lt, UnsetType) and not (_is_number(value) and value < assertion.lt):
        yield f"{_shown(value)} is not less than {_shown(assertion.lt)}"
    if not isinstance(assertion.regex, UnsetType) and not (isinstance(value, str) and _compiled(assertion.regex).search(value)):
        yield f"{_shown(value)} does not match {_shown(assertion.regex)}"


def same(one: Any, other: Any) -> bool:
    """Whether two JSON values are equal; 1 is 1.0 and is not true."""
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    return isinstance(one, bool) == isinstance(other, bool) and bool(one == other)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _compiled(pattern: str) -> Any:
    options = re2.Options()
    options.log_errors = False
    options.max_mem = _PATTERN_BYTES
    return re2.compile(pattern, options)


def _told(problem: Exception) -> str:
    text = problem.args[0] if problem.args else ""
    return text.decode(errors="replace") if isinstance(text, bytes) else str(text)


def _shown(value: Any) -> str:
    if value is _NOTHING:
        return "what is missing"
    text = msgspec.json.encode(value).decode()
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}…"
