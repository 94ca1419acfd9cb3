"""The code-nodes door: /api/ai-automation/code/{validate,execute,templates}."""

from typing import Final, Literal

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType
from quart import Response

from sandboxd.api.direct import Door, Reply
from sandboxd.api.guard import answer, bearer, body
from sandboxd.api.incoming import Framed, Incoming
from sandboxd.api.words import cut, said
from sandboxd.errors import NotFound
from sandboxd.executions.service import Execution, Service
from sandboxd.executions.templates import Template, load_templates
from sandboxd.models import Failure, Outcome, Principal, Source, Status, Usage

DOOR: Final = "code-nodes"
PROFILE: Final = "code-nodes"
NULL: Final = Raw(b"null")

Language = Literal["javascript", "typescript"]


class ValidateRequest(Struct, forbid_unknown_fields=True):
    """POST /validate."""

    code: str
    """The body of an async function."""
    language: Language = "javascript"
    """What it is written in."""


class ExecuteRequest(Struct, forbid_unknown_fields=True):
    """POST /execute. `timeout_ms` is in milliseconds; `input` is any JSON."""

    code: str
    """The body of an async function; it may return, or fill in `results`."""
    timeout_ms: int | UnsetType = UNSET
    """Wall clock in milliseconds, at most what the tier allows; the profile's default if absent."""
    input: Raw = msgspec.field(default_factory=lambda: NULL)  # as a plain default it has no place in a JSON schema
    """Any JSON: the value of the global `input`."""
    language: Language = "javascript"
    """What it is written in; of TypeScript the types are erased."""


class Verdict(Struct):
    """The answer of /validate. `line` and `column` stand only beside an error, null when there is no place."""

    valid: bool
    """Whether it would run."""
    error: str | None
    """Why not; null where it would."""
    line: int | None | UnsetType = UNSET
    """The line of the error, from 1; null where it has no place."""
    column: int | None | UnsetType = UNSET
    """The column of the error, from 1; null where it has no place."""


class Result(Struct):
    """The answer of /execute: the seed's six fields, then ours. `execution_time` is in seconds."""

    status: str
    """success, error, timeout, memory_limit or validation_error."""
    output: str
    """All console text, a line each."""
    error: str | None
    """Why it did not succeed, at most 4 KB; null where it did."""
    execution_time: float
    """Wall clock of the code, in seconds."""
    console_logs: list[str]
    """The console text, call by call."""
    return_value: Raw
    """`results`, else what the code returned; {} where it gave neither, null where it failed."""
    execution_id: str
    """By which the daemon's log and records name it."""
    usage: Usage
    """What it used."""
    returned: Raw | UnsetType = UNSET
    """What it returned, where `results` was filled in too."""
    output_truncated: bool | UnsetType = UNSET
    """True where more was printed than is kept; else absent."""
    line: int | None | UnsetType = UNSET
    """The line of the error, from 1; only beside an error, null where it has no place."""
    column: int | None | UnsetType = UNSET
    """The column of the error, from 1; only beside an error, null where it has no place."""


class Listed(Struct):
    """A template without its code."""

    id: str
    """By which its code is asked for."""
    name: str
    """For people."""
    description: str
    """What it shows."""
    category: str
    """What it belongs to."""
    difficulty: str
    """beginner, intermediate or advanced."""


_STATUS: Final = {
    Status.succeeded: "success",
    Status.timed_out: "timeout",
    Status.memory_exceeded: "memory_limit",
    Status.rejected: "validation_error",
}

_validate: Final = msgspec.json.Decoder(ValidateRequest)
_execute: Final = msgspec.json.Decoder(ExecuteRequest)


def word(status: Status) -> str:
    """An end as this door names it."""
    return _STATUS.get(status, "error")


def error_text(outcome_status: Status, failure: Failure) -> str:
    """A failure in the door's words, at most 4 KB of UTF-8."""
    if outcome_status is Status.output_exceeded:
        return "Output exceeds maximum size (1 MB)"
    return cut(f"Execution crashed: {failure.message}" if outcome_status is Status.crashed else said(failure))


def result_of(execution: Execution) -> Result:
    """An execution as this door answers it."""
    outcome: Outcome = execution.outcome
    texts = [line.text for line in outcome.logs]
    result = Result(
        status=word(outcome.status),
        output="\n".join(texts),
        error=None,
        execution_time=round(outcome.usage.wall_ms / 1000, 3),
        console_logs=texts,
        return_value=outcome.value if outcome.value is not None else NULL,
        execution_id=execution.id,
        usage=outcome.usage,
    )
    if outcome.failure is not None:
        result.error = error_text(outcome.status, outcome.failure)
        result.line, result.column = outcome.failure.line, outcome.failure.column
    if outcome.returned is not None:
        result.returned = outcome.returned
    if outcome.truncated:
        result.output_truncated = True
    return result


def code_nodes(service: Service) -> Door:
    """The door's routes."""
    door = Door("code_nodes", "/api/ai-automation/code")
    templates_by_id: dict[str, Template] = {template.id: template for template in load_templates()}

    async def caller(incoming: Incoming) -> Principal:
        principal = await service.principal(bearer(incoming))
        service.admit(principal, DOOR, PROFILE)
        return principal

    @door.post("/validate")
    async def validate(incoming: Incoming) -> Reply:
        principal = await caller(incoming)
        asked = await body(_validate, incoming)
        failure = await service.validate(principal, door=DOOR, profile=PROFILE, source=Source(asked.code, asked.language))
        if failure is None:
            return Reply(Verdict(valid=True, error=None))
        return Reply(Verdict(False, error_text(Status.failed, failure), failure.line, failure.column))

    @door.post("/execute")
    async def execute(incoming: Incoming) -> Reply:
        principal = await caller(incoming)
        asked = await body(_execute, incoming)
        execution = await service.execute(
            principal,
            door=DOOR,
            profile=PROFILE,
            source=Source(asked.code, asked.language),
            input=asked.input,
            wall_ms=None if isinstance(asked.timeout_ms, UnsetType) else asked.timeout_ms,
            field="timeout_ms",
        )
        return Reply(result_of(execution), 400 if execution.outcome.status is Status.rejected else 200)

    @door.routes.get("/templates")
    async def templates() -> Response:
        await caller(Framed())
        listed = [Listed(t.id, t.name, t.description, t.category, t.difficulty) for t in templates_by_id.values()]
        return answer({"templates": listed})

    @door.routes.get("/templates/<template_id>")
    async def template(template_id: str) -> Response:
        await caller(Framed())
        if template_id not in templates_by_id:
            raise NotFound("Template not found")
        return answer(templates_by_id[template_id])

    return door
