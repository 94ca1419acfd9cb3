"""The executions door: /api/exec, /api/executions…, /api/version."""

from datetime import UTC, datetime
from typing import Any, Final

import msgspec
from quart import Response

from sandboxd import __version__
from sandboxd.api.direct import Door, Reply
from sandboxd.api.event_stream import event_stream, last_seen
from sandboxd.api.execution_shapes import (
    LONGEST_LIST,
    CancelResult,
    ExecAccepted,
    ExecOptions,
    ExecRequest,
    ExecutionInfo,
    ExecutionList,
    ExecutionOutput,
    ExecutionSummary,
    InfoQuery,
    Key,
    ListQuery,
    Nothing,
    OutputQuery,
    Version,
    Waiting,
)
from sandboxd.api.guard import answer, bearer, body, query, text
from sandboxd.api.incoming import Framed, Incoming
from sandboxd.api.words import cut, said
from sandboxd.errors import BadRequest, NotFound, NotRunning, UnsupportedType
from sandboxd.executions.service import Service
from sandboxd.executions.submissions import Asked, Event, Submissions, Submitted
from sandboxd.models import Failure, Principal, Source, Status

DOOR: Final = "executions"
PROFILE: Final = "executions"
MAX_BODY_BYTES: Final = 16 << 20

WORDS: Final = {
    Status.queued: "running",
    Status.running: "running",
    Status.succeeded: "completed",
    Status.cancelled: "cancelled",
    Status.timed_out: "timed_out",
    Status.failed: "failed",
    Status.rejected: "failed",
    Status.memory_exceeded: "failed",
    Status.output_exceeded: "failed",
    Status.crashed: "failed",
}
_ERRORS: Final = {
    Status.timed_out: "Execution timed out",
    Status.memory_exceeded: "Out of memory: V8 heap limit exceeded. Try increasing heap_memory_max_mb.",
    Status.cancelled: "Cancelled by user",
}
_PREFIXES: Final = {"syntax": "TypeScript parse error", "crash": "Execution crashed"}

_exec: Final = msgspec.json.Decoder(ExecRequest)


def error_text(status: Status, failure: Failure | None) -> str | None:
    """Why an execution ended as it did, None where all is well."""
    if status in _ERRORS:
        return _ERRORS[status]
    if failure is None:
        return None
    if (prefix := _PREFIXES.get(failure.kind)) is not None:
        return cut(f"{prefix}: {failure.message}")
    return cut(said(failure))


def _time(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _times(execution: Submitted) -> tuple[str, str | None]:
    begun = execution.submitted_ms if execution.started_ms is None else execution.started_ms
    return _time(begun), None if execution.finished_ms is None else _time(execution.finished_ms)


def summary(execution: Submitted) -> ExecutionSummary:
    """An execution as a list shows it."""
    return ExecutionSummary(execution.id, WORDS[execution.status], *_times(execution))


def info(execution: Submitted) -> ExecutionInfo:
    """An execution as this door answers it."""
    error = error_text(execution.status, execution.failure)
    shown = ExecutionInfo(execution.id, WORDS[execution.status], *_times(execution), result=execution.result, error=error)
    if execution.waiting is not None:
        shown.waiting = Waiting(execution.waiting.position, execution.waiting.reason)
    return shown


async def _asked(incoming: Incoming) -> Asked:
    """What is to be run: a JSON body with everything in it, or a source with its options in the query string."""
    media = incoming.header("Content-Type").partition(";")[0].strip().lower()
    if media.startswith("multipart/"):
        raise UnsupportedType("multipart/form-data is not taken: send JSON, or the source itself")
    options: ExecOptions
    if media in ("", "application/json"):
        query(Nothing, incoming)
        options = request = await body(_exec, incoming)
        code, tags = request.code, request.tags or {}
    else:
        options, code, tags = query(ExecOptions, incoming), await text(incoming), {}
    for name in ("heap", "fs"):
        if getattr(options, name) is not None:
            raise BadRequest(f"{name} is not available in this version")
    seconds, megabytes = options.execution_timeout_secs, options.heap_memory_max_mb
    return Asked(
        source=Source(code, "auto"),
        wall_ms=None if seconds is None else seconds * 1000,
        memory_bytes=None if megabytes is None else megabytes << 20,
        session=options.session,
        tags=tags,
        key=_key(incoming.header("Idempotency-Key")),
        wall_field="execution_timeout_secs",
        memory_field="heap_memory_max_mb",
    )


def _with_time(ms: int, fields: Any) -> bytes:
    """A JSON object that begins with the time."""
    at, rest = msgspec.json.encode({"at": _time(ms)}), msgspec.json.encode(fields)
    return at if rest == b"{}" else at[:-1] + b"," + rest[1:]


def _key(value: str) -> str | None:
    try:
        return msgspec.convert(value, Key) if value else None
    except msgspec.ValidationError:
        raise BadRequest("Invalid request: Idempotency-Key must be 1 to 200 visible ASCII characters") from None


def executions(service: Service, submissions: Submissions) -> Door:
    """The door's routes."""
    door = Door("executions", "/api")

    async def caller(incoming: Incoming) -> Principal:
        principal = await service.principal(bearer(incoming))
        service.admit(principal, DOOR, PROFILE)
        return principal

    @door.post("/exec", MAX_BODY_BYTES)
    async def submit(incoming: Incoming) -> Reply:
        principal = await caller(incoming)
        asked = await _asked(incoming)
        return Reply(ExecAccepted(await submissions.submit(principal, door=DOOR, profile=PROFILE, asked=asked)), 202)

    @door.routes.get("/executions")
    async def listed() -> Response:
        principal, asked = await caller(Framed()), query(ListQuery, Framed())
        found = await submissions.listed(principal, limit=asked.limit or LONGEST_LIST, before=asked.before)
        return answer(ExecutionList([summary(execution) for execution in found]))

    @door.routes.get("/executions/<execution_id>")
    async def get(execution_id: str) -> Response:
        principal, asked = await caller(Framed()), query(InfoQuery, Framed())
        return answer(info(await submissions.get(principal, execution_id, wait_s=asked.wait or 0)))

    @door.routes.post("/executions/<execution_id>/cancel")
    async def cancel(execution_id: str) -> Response:
        principal = await caller(Framed())
        query(Nothing, Framed())
        try:
            await submissions.cancel(principal, execution_id)
        except NotFound as error:
            return answer(CancelResult(False, error.message), 404)
        except NotRunning as error:
            why = f"Execution '{execution_id}' is not running (status: {WORDS[error.status]})"
            return answer(CancelResult(False, why), 400)
        return answer(CancelResult(True))

    @door.routes.get("/executions/<execution_id>/output")
    async def output(execution_id: str) -> Response:
        principal, asked = await caller(Framed()), query(OutputQuery, Framed())
        if asked.byte_offset is None and asked.byte_limit is None:
            limit = 100 if asked.line_limit is None else asked.line_limit
            page = await submissions.lines(principal, execution_id, asked.line_offset or 0, limit)
        else:
            limit = 4096 if asked.byte_limit is None else asked.byte_limit
            page = await submissions.bytes(principal, execution_id, asked.byte_offset or 0, limit)
        fields = msgspec.structs.asdict(page) | {"status": WORDS[page.status]}
        return answer(ExecutionOutput(execution_id=execution_id, **fields))

    @door.routes.get("/executions/<execution_id>/events")
    async def events(execution_id: str) -> Response:
        principal = await caller(Framed())
        query(Nothing, Framed())
        after = last_seen(Framed())
        await submissions.get(principal, execution_id)  # what is not there is a 404, and no stream
        submissions.admit_watcher(principal)

        async def data(event: Event) -> bytes:
            fields: Any = event.data
            if event.kind == "finished":
                fields = info(await submissions.get(principal, execution_id))
            return _with_time(event.at_ms, fields)

        return event_stream(submissions.events(principal, execution_id, after), data)

    @door.routes.get("/version")
    async def version() -> Response:
        return answer(Version(__version__))

    return door
