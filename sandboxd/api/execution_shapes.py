"""What the executions door takes and answers, under the names of its contract."""

from typing import Annotated, Final

from msgspec import UNSET, Meta, Struct, UnsetType

LONGEST_WAIT_S: Final = 60
LONGEST_LIST: Final = 1000

Count = Annotated[int, Meta(ge=0, le=(1 << 63) - 1)]
Megabytes = Annotated[int, Meta(ge=0, le=1 << 40)]
Seconds = Annotated[int, Meta(ge=1, le=300)]
Name = Annotated[str, Meta(max_length=1000)]
Tags = Annotated[dict[Name, Name], Meta(max_length=100)]
Key = Annotated[str, Meta(min_length=1, max_length=200, pattern="^[!-~]+$")]


class ExecOptions(Struct, forbid_unknown_fields=True):
    """POST /api/exec with a source as its body: the query string."""

    heap: str | None = None
    """Not in this version: refused."""
    fs: str | None = None
    """Not in this version: refused."""
    session: Name | None = None
    """A name of the caller's, kept with the execution."""
    heap_memory_max_mb: Megabytes | None = None
    """Memory above that of an idle process, in MB; raised to what Node needs, at most what the tier allows."""
    execution_timeout_secs: Seconds | None = None
    """Wall clock in seconds, at most what the tier allows."""


class ExecRequest(ExecOptions, forbid_unknown_fields=True, kw_only=True):
    """POST /api/exec."""

    code: str
    """The program: an ES module in JavaScript or TypeScript."""
    tags: Tags | None = None
    """Names and values of the caller's, kept with the execution."""


class Nothing(Struct, forbid_unknown_fields=True):
    """No parameter at all."""


class InfoQuery(Struct, forbid_unknown_fields=True):
    """GET /api/executions/{id}. `wait` is for how many seconds at most the answer may wait for the end."""

    wait: Annotated[float, Meta(ge=0, le=LONGEST_WAIT_S)] | None = None
    """Seconds to wait for the end before answering; 0 if absent."""


class ListQuery(Struct, forbid_unknown_fields=True):
    """GET /api/executions. `before` is an id: only what was submitted before it."""

    limit: Annotated[int, Meta(ge=1, le=LONGEST_LIST)] | None = None
    """How many at most, the newest first."""
    before: str | None = None
    """An id: only what was submitted before it."""


class OutputQuery(Struct, forbid_unknown_fields=True):
    """GET …/output. By bytes where one of the byte parameters is there, else by lines."""

    line_offset: Count | None = None
    """The first line of the page, from 0."""
    line_limit: Count | None = None
    """How many lines at most; 100 if absent."""
    byte_offset: Count | None = None
    """The first byte of the page, from 0."""
    byte_limit: Count | None = None
    """How many bytes at most; 4096 if absent."""


class ExecAccepted(Struct):
    """The answer of /api/exec: the execution is on disk."""

    execution_id: str
    """By which it is asked for."""


class Waiting(Struct):
    """Why an execution has not begun. `position` is 1 for the next one."""

    position: int
    """Its place among the user's queued executions; 1 is next."""
    reason: str
    """What the first of them waits for."""


class ExecutionSummary(Struct):
    """One execution in a list. Times are RFC 3339 in UTC; until it begins, `started_at` is when it was submitted."""

    execution_id: str
    """By which it is asked for."""
    status: str
    """running (queued, too), completed, failed, timed_out or cancelled."""
    started_at: str
    """When it began; until then when it was submitted. RFC 3339 in UTC."""
    completed_at: str | None
    """When it ended, RFC 3339 in UTC; null until then."""


class ExecutionInfo(ExecutionSummary):
    """One execution. `result` is JSON text; `heap` and `fs` are null in this version."""

    result: str | None
    """The program's result as JSON text; null where there is none."""
    error: str | None
    """Why it did not complete; null where it did, or has not ended."""
    heap: str | None = None
    """Null in this version."""
    fs: str | None = None
    """Null in this version."""
    waiting: Waiting | UnsetType = UNSET
    """Where it stands in the queue; absent when it waits no longer."""


class ExecutionList(Struct):
    """The caller's executions, the newest first."""

    executions: list[ExecutionSummary]
    """The newest first."""


class ExecutionOutput(Struct):
    """A page of console output; ends are exclusive. `truncated` says that more was printed than is kept."""

    execution_id: str
    """Whose output it is."""
    data: str
    """The page."""
    start_line: int
    """The first line that the page touches, from 0."""
    end_line: int
    """The line after the last."""
    next_line_offset: int
    """The line_offset of the next page."""
    total_lines: int
    """Lines so far."""
    start_byte: int
    """The first byte of the page, from 0."""
    end_byte: int
    """The byte after the last."""
    next_byte_offset: int
    """The byte_offset of the next page."""
    total_bytes: int
    """Bytes so far."""
    has_more: bool
    """Whether there is output behind the page."""
    status: str
    """The execution's, as in ExecutionSummary."""
    truncated: bool
    """Whether more was printed than is kept."""


class CancelResult(Struct, omit_defaults=True):
    """The answer of a cancel."""

    ok: bool
    """Whether it was cancelled."""
    error: str | None = None
    """Why not; absent where it was."""


class Version(Struct):
    """The daemon's."""

    version: str
    """Of sandboxd."""
