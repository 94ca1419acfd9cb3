"""What is told of an action: events in their order, a summary, findings. The shapes of the API's document."""

import time
from datetime import UTC, datetime
from typing import Any, Final, Literal

from msgspec import UNSET, Raw, Struct, UnsetType

from sandboxd.executions.actions.codes import Finding
from sandboxd.models import LogLine

PRINTED: Final = 4 << 20
"""Bytes that the stdout and stderr events of one request may take; what is printed after that is dropped."""
_EVENT: Final = 160  # what an event takes around its text
_STDERR: Final = frozenset({"warn", "error"})

Kind = Literal[
    "execution_created",
    "validation_started",
    "validation_failed",
    "execution_started",
    "stdout",
    "stderr",
    "execution_completed",
    "execution_failed",
    "budget_exceeded",
    "assertion_failed",
    "snapshot_mismatch",
]


class Error(Struct, frozen=True):
    """Why something failed. `stack` is empty where there is none."""

    type: str
    """Its name."""
    message: str
    """Its text."""
    stack: str = ""
    """Where it came from; empty where there is none."""


class Failed(Struct, frozen=True):
    """One failure of one execution."""

    fixture: str
    """With which event."""
    repeat: int
    """In which repetition, from 1."""
    error: Error
    """Why."""


class Event(Struct, frozen=True):
    """One thing that happened; what does not apply to its kind is absent."""

    seq: int
    """From 1, without gaps."""
    timestamp: str
    """RFC 3339 in UTC."""
    kind: Kind
    """What happened."""
    fixture: str | UnsetType = UNSET
    """With which event."""
    repeat: int | UnsetType = UNSET
    """In which repetition, from 1."""
    data: str | UnsetType = UNSET
    """What was printed."""
    duration_ms: int | UnsetType = UNSET
    """Wall clock of the execution."""
    memory_kb: int | UnsetType = UNSET
    """Memory of the execution above an idle worker's."""
    output_fields: Raw | UnsetType = UNSET
    """`outputFields` of the result."""
    output_truncated: bool | UnsetType = UNSET
    """True where more was printed than is told."""
    error: Error | UnsetType = UNSET
    """Why it failed."""
    patch: list[dict[str, Any]] | UnsetType = UNSET
    """How an output differs from its snapshot, as a JSON patch."""


class ActionResult(Struct, frozen=True):
    """What came of all executions together. `ok`: there is no failure. `output_fields` are the first successful one's."""

    ok: bool
    """Whether there is no failure."""
    runs: int
    """Executions."""
    failures: list[Failed]
    """One for each thing that failed."""
    max_duration_ms: int
    """The longest execution's wall clock."""
    max_memory_kb: int
    """The largest execution's memory."""
    output_fields: Raw
    """Of the first execution that succeeded; null where none did."""
    flaky: bool
    """Whether repetitions of one fixture came to different outputs."""
    snapshots_ok: bool
    """Whether outputs are those of before."""


class Summary(Struct, frozen=True):
    """How the request ended."""

    status: Literal["validated", "validation_failed", "executed"]
    """validated is for the mode `validate`."""
    execution_id: str
    """By which the daemon's log names it."""
    duration_ms: int | UnsetType = UNSET
    """Wall clock of the request."""
    result: ActionResult | UnsetType = UNSET
    """Absent where nothing was run."""


class Report(Struct, frozen=True):
    """The answer of `/execute`; `errors` stands only where validation failed."""

    summary: Summary
    """How the request ended."""
    events: list[Event]
    """What happened, in its order."""
    errors: list[Finding] | UnsetType = UNSET
    """What is wrong with the action; only where validation failed."""

    @property
    def ok(self) -> bool:
        """Whether all is well: what exit codes say."""
        status, result = self.summary.status, self.summary.result
        return status == "validated" or (not isinstance(result, UnsetType) and result.ok)


class Validation(Struct, frozen=True):
    """The answer of `/validate`."""

    execution_id: str
    """By which the daemon's log names it."""
    valid: bool
    """Whether it would run."""
    errors: list[Finding]
    """All that is wrong."""
    mode: Literal["validate"] = "validate"
    """Always `validate`."""


class Events:
    """The events so far."""

    def __init__(self) -> None:
        self.list: list[Event] = []
        self._epoch = time.time() - time.monotonic()  # so that no stamp is before the one above it
        self._room = PRINTED

    def add(self, kind: Kind, **fields: Any) -> None:
        """The next one."""
        moment = (
            datetime.fromtimestamp(self._epoch + time.monotonic(), UTC)
            .isoformat(timespec="milliseconds")
            .replace("+00:00", "Z")
        )
        self.list.append(Event(len(self.list) + 1, moment, kind, **fields))

    def printed(self, line: LogLine, fixture: str, repeat: int) -> bool:
        """One console call; False when there was no room for it, and then there is none for any after it."""
        self._room = self._room - len(line.text.encode()) - len(fixture.encode()) - _EVENT if self._room > 0 else 0
        if self._room <= 0:
            return False
        self.add("stderr" if line.level in _STDERR else "stdout", fixture=fixture, repeat=repeat, data=line.text)
        return True
