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
    fs: str | None = None
    session: Name | None = None
    heap_memory_max_mb: Megabytes | None = None
    execution_timeout_secs: Seconds | None = None


class ExecRequest(ExecOptions, forbid_unknown_fields=True, kw_only=True):
    """POST /api/exec."""

    code: str
    tags: Tags | None = None


class Nothing(Struct, forbid_unknown_fields=True):
    """No parameter at all."""


class InfoQuery(Struct, forbid_unknown_fields=True):
    """GET /api/executions/{id}. `wait` is for how many seconds at most the answer may wait for the end."""

    wait: Annotated[float, Meta(ge=0, le=LONGEST_WAIT_S)] | None = None


class ListQuery(Struct, forbid_unknown_fields=True):
    """GET /api/executions. `before` is an id: only what was submitted before it."""

    limit: Annotated[int, Meta(ge=1, le=LONGEST_LIST)] | None = None
    before: str | None = None


class OutputQuery(Struct, forbid_unknown_fields=True):
    """GET …/output. By bytes where one of the byte parameters is there, else by lines."""

    line_offset: Count | None = None
    line_limit: Count | None = None
    byte_offset: Count | None = None
    byte_limit: Count | None = None


class ExecAccepted(Struct):
    """The answer of /api/exec: the execution is on disk."""

    execution_id: str


class Waiting(Struct):
    """Why an execution has not begun. `position` is 1 for the next one."""

    position: int
    reason: str


class ExecutionSummary(Struct):
    """One execution in a list. Times are RFC 3339 in UTC; until it begins, `started_at` is when it was submitted."""

    execution_id: str
    status: str
    started_at: str
    completed_at: str | None


class ExecutionInfo(ExecutionSummary):
    """One execution. `result` is JSON text; `heap` and `fs` are null in this version."""

    result: str | None
    error: str | None
    heap: str | None = None
    fs: str | None = None
    waiting: Waiting | UnsetType = UNSET


class ExecutionList(Struct):
    """The caller's executions, the newest first."""

    executions: list[ExecutionSummary]


class ExecutionOutput(Struct):
    """A page of console output; ends are exclusive. `truncated` says that more was printed than is kept."""

    execution_id: str
    data: str
    start_line: int
    end_line: int
    next_line_offset: int
    total_lines: int
    start_byte: int
    end_byte: int
    next_byte_offset: int
    total_bytes: int
    has_more: bool
    status: str
    truncated: bool


class CancelResult(Struct, omit_defaults=True):
    """The answer of a cancel."""

    ok: bool
    error: str | None = None


class Version(Struct):
    """The daemon's."""

    version: str
