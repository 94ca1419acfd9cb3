"""What is wrong with an action, all of it and always in the same order. Pure; the syntax is for a worker to judge."""

from collections.abc import Iterator
from typing import Any, Final

import msgspec
from msgspec import Raw, UnsetType

from sandboxd.executions.actions.assertions import unusable
from sandboxd.executions.actions.candidate import Bounds, Candidate
from sandboxd.executions.actions.codes import Code, Finding, ordered
from sandboxd.executions.actions.config import LANGUAGES, VERSION, InlineConfig
from sandboxd.executions.source import is_blank
from sandboxd.models import Failure
from sandboxd.protocol.shape import deeper_than

SHOWN: Final = 80
LONGEST_NAME: Final = 1024


def findings(candidate: Candidate, bounds: Bounds) -> list[Finding]:
    """Everything but the syntax; an empty list when all is well."""
    return ordered((*_program(candidate, bounds), *_fixtures(candidate, bounds), *_settings(candidate, bounds)))


def has_program(candidate: Candidate, bounds: Bounds) -> bool:
    """Whether there is a text of which a worker can say if it is a program."""
    wrong = (finding for finding in _program(candidate, bounds) if finding.code is not Code.PATH_ESCAPE)
    return candidate.program.text is not None and next(wrong, None) is None


def syntax(failure: Failure) -> Finding:
    """What a worker said of the program."""
    place = f" (line {failure.line}, column {failure.column})" if failure.line and failure.column else ""
    place = place or (f" (line {failure.line})" if failure.line else "")
    return Finding(Code.ACTION_SYNTAX_ERROR, f"{failure.name}: {failure.message}{place}")


def _program(candidate: Candidate, bounds: Bounds) -> Iterator[Finding]:
    program, language = candidate.program, candidate.language
    if program.problem is not None:
        yield program.problem
    if language not in LANGUAGES:
        said = f"{language!r} is not supported" if language else "the language is missing"
        yield Finding(Code.ACTION_UNSUPPORTED_TYPE, f"Action type: {said}; this daemon runs JavaScript (js)")
    if program.text is None:
        return
    if is_blank(program.text):
        yield Finding(Code.ACTION_SOURCE_EMPTY, "Action source is empty")
    elif len(program.text.encode()) > bounds.source_bytes:
        yield Finding(Code.ACTION_NOT_FILE, f"Action source is longer than {bounds.source_bytes} bytes")


def _fixtures(candidate: Candidate, bounds: Bounds) -> Iterator[Finding]:
    if not candidate.asked:
        yield Finding(Code.FIXTURES_EMPTY, "There is no fixture: an action runs once for each")
    for place, fixture in enumerate(candidate.fixtures, 1):
        name = fixture.name
        if fixture.problem is not None:
            yield fixture.problem
        if len(name) > LONGEST_NAME:
            yield Finding(Code.FIXTURE_NAME_TOO_LONG, f"Fixture {place} has a name of more than {LONGEST_NAME} characters")
        if not name.strip():
            yield Finding(Code.FIXTURE_NAME_EMPTY, f"Fixture {place} has no name")
        if fixture.text is None:
            continue
        if is_blank(fixture.text):
            yield Finding(Code.FIXTURE_EMPTY, f"Fixture {place} is empty: {name}")
        elif (why := _not_json(fixture.text, bounds.depth)) is not None:
            yield Finding(Code.FIXTURE_INVALID_JSON, f"Fixture {place} is not valid JSON: {name}: {why}")


def _not_json(text: str, depth: int) -> str | None:
    data = text.encode()
    try:
        msgspec.json.decode(data, type=Raw)
    except RecursionError:
        return f"nested deeper than {depth} levels"
    except (msgspec.MsgspecError, ValueError) as problem:
        return str(problem)
    return f"nested deeper than {depth} levels" if deeper_than(data, depth) else None


def _settings(candidate: Candidate, bounds: Bounds) -> Iterator[Finding]:
    config, runtime = candidate.config, candidate.config.runtime
    if runtime is not None and not isinstance(config, InlineConfig):
        if candidate.language in LANGUAGES and not runtime.node.strip():
            yield Finding(Code.RUNTIME_NODE_MISSING, "runtime.node is missing")
        if candidate.language == "python" and not runtime.python.strip():
            yield Finding(Code.RUNTIME_PYTHON_MISSING, "runtime.python is missing")
    for code, key in ((Code.BUDGET_DURATION_INVALID, "duration_ms"), (Code.BUDGET_MEMORY_INVALID, "memory_mb")):
        budget = getattr(config.budgets, key)
        if not isinstance(budget, UnsetType) and not _is_positive(budget):
            yield Finding(code, f"budgets.{key} must be a number above 0, not {_shown(budget)}")
    for path, why in unusable(config.assertions):
        yield Finding(Code.ASSERTION_INVALID, f"assertions: {path}: {why}")
    repeat, most = config.repeat, bounds.executions
    if not _is_positive(repeat) or not isinstance(repeat, int):
        yield Finding(Code.REPEAT_INVALID, f"repeat must be a whole number from 1 on, not {_shown(repeat)}")
    elif candidate.asked * repeat > most:
        asked = f"{candidate.asked} fixtures × repeat {_shown(repeat)}"
        yield Finding(
            Code.REPEAT_INVALID, f"{asked} are more than {most} executions, the limit of a request (actions.executions)"
        )
    if isinstance(config.version, UnsetType | bool) or config.version != VERSION:
        said = "is missing" if isinstance(config.version, UnsetType) else f"{_shown(config.version)} is not supported"
        yield Finding(Code.VERSION_UNSUPPORTED, f"version {said}; this daemon knows version {VERSION}")


def _is_positive(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and value > 0


def _shown(value: Any) -> str:
    text = msgspec.json.encode(value).decode()
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}…"
