"""What is told of a submitted execution: projections of its record and of its journal."""

from msgspec import Raw, Struct, json

from sandboxd.executions.output import Window
from sandboxd.models import Failure, Source, Status, Usage
from sandboxd.store.journal_queries import Entry, Total
from sandboxd.store.submission_queries import Stored


class Asked(Struct, frozen=True):
    """A submission as a door understood it. `wall_field` and `memory_field` are the caller's words, for the texts of errors."""

    source: Source
    wall_ms: int | None = None
    memory_bytes: int | None = None
    session: str | None = None
    tags: dict[str, str] = {}
    key: str | None = None
    """The Idempotency-Key."""
    wall_field: str = "wall_ms"
    memory_field: str = "memory_bytes"


class Waiting(Struct, frozen=True):
    """Its place among its user's queued executions, from 1, and what the first of them waits for."""

    position: int
    reason: str


class Submitted(Struct, frozen=True):
    """One execution as its owner sees it. `result` is JSON; a list leaves out `result` and `failure`."""

    id: str
    status: Status
    submitted_ms: int
    started_ms: int | None
    finished_ms: int | None
    result: str | None
    failure: Failure | None
    memory_bytes: int
    wall_ms: int
    waiting: Waiting | None
    usage: Usage | None
    session: str | None
    tags: dict[str, str]


class Page(Struct, frozen=True):
    """A part of the output so far: text of bytes [start_byte, end_byte), which touches lines [start_line, end_line)."""

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
    status: Status
    truncated: bool


class Event(Struct, frozen=True):
    """One event of the journal. `kind` is queued, started, log, host_call, output_full or finished; `data` is a JSON object.

    Of a log it is the text and where that stands in the output, of the end the status.
    """

    number: int
    kind: str
    at_ms: int
    data: Raw


class _Log(Struct):
    text: str
    start_byte: int | None
    end_byte: int | None
    start_line: int | None
    end_line: int | None


def submitted(stored: Stored, waiting: Waiting | None) -> Submitted:
    """The record as its owner sees it."""
    usage = None
    if stored.cpu_ms is not None and stored.used_bytes is not None and stored.used_ms is not None:
        usage = Usage(stored.cpu_ms, stored.used_bytes, stored.used_ms)
    return Submitted(
        id=stored.id,
        status=Status(stored.status),
        submitted_ms=stored.submitted_ms,
        started_ms=stored.begun_ms,
        finished_ms=stored.ended_ms,
        result=stored.result,
        failure=json.decode(stored.failure, type=Failure) if stored.failure is not None else None,
        memory_bytes=stored.memory_bytes,
        wall_ms=stored.wall_ms,
        waiting=waiting,
        usage=usage,
        session=stored.session,
        tags=json.decode(stored.tags, type=dict[str, str]),
    )


def page(window: Window, total: Total, stored: Stored) -> Page:
    """A window of the output as it is told."""
    return Page(
        data=window.data,
        start_line=window.start_line,
        end_line=window.end_line,
        next_line_offset=window.next_line,
        total_lines=total.lines,
        start_byte=window.start_byte,
        end_byte=window.end_byte,
        next_byte_offset=window.end_byte,
        total_bytes=total.bytes,
        has_more=window.end_byte < total.bytes,
        status=Status(stored.status),
        truncated=bool(stored.truncated),
    )


def event(entry: Entry) -> Event:
    """A row of the journal as it is told."""
    data = entry.data.encode()
    if entry.kind == "log":
        data = json.encode(_Log(entry.data, entry.start_byte, entry.end_byte, entry.start_line, entry.end_line))
    return Event(entry.number, entry.kind, entry.at_ms, Raw(data))
