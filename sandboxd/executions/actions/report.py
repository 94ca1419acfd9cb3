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
    message: str
    stack: str = ""


class Failed(Struct, frozen=True):
    """One failure of one execution."""

    fixture: str
    repeat: int
    error: Error


class Event(Struct, frozen=True):
    """One thing that happened; what does not apply to its kind is absent."""

    seq: int
    timestamp: str
    kind: Kind
    fixture: str | UnsetType = UNSET
    repeat: int | UnsetType = UNSET
    data: str | UnsetType = UNSET
    duration_ms: int | UnsetType = UNSET
    memory_kb: int | UnsetType = UNSET
    output_fields: Raw | UnsetType = UNSET
    output_truncated: bool | UnsetType = UNSET
    error: Error | UnsetType = UNSET
    patch: list[dict[str, Any]] | UnsetType = UNSET


class ActionResult(Struct, frozen=True):
    """What came of all executions together. `ok`: there is no failure. `output_fields` are the first successful one's."""

    ok: bool
    runs: int
    failures: list[Failed]
    max_duration_ms: int
    max_memory_kb: int
    output_fields: Raw
    flaky: bool
    snapshots_ok: bool


class Summary(Struct, frozen=True):
    """How the request ended."""

    status: Literal["validated", "validation_failed", "executed"]
    execution_id: str
    duration_ms: int | UnsetType = UNSET
    result: ActionResult | UnsetType = UNSET


class Report(Struct, frozen=True):
    """The answer of `/execute`; `errors` stands only where validation failed."""

    summary: Summary
    events: list[Event]
    errors: list[Finding] | UnsetType = UNSET

    @property
    def ok(self) -> bool:
        """Whether all is well: what exit codes say."""
        status, result = self.summary.status, self.summary.result
        return status == "validated" or (not isinstance(result, UnsetType) and result.ok)


class Validation(Struct, frozen=True):
    """The answer of `/validate`."""

    execution_id: str
    valid: bool
    errors: list[Finding]
    mode: Literal["validate"] = "validate"


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
