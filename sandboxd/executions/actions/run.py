"""One action from its configuration to its report: validated, then run once for each fixture and repetition.

HTTP and the command line both call this; what differs between them is who executes.
"""

import time
import uuid
from typing import Protocol

import msgspec
import trio
from msgspec import Raw

from sandboxd.executions.actions.candidate import Bounds, Candidate, Part
from sandboxd.executions.actions.codes import Finding
from sandboxd.executions.actions.findings import findings, has_program, syntax
from sandboxd.executions.actions.judging import judge, output_fields
from sandboxd.executions.actions.patch import patch
from sandboxd.executions.actions.report import ActionResult, Error, Events, Failed, Report, Summary, Validation
from sandboxd.executions.actions.snapshots import Baselines, hash_of
from sandboxd.executions.engine import NOTHING, Hear
from sandboxd.models import Failure, LogLine, Outcome, Source


class Executor(Protocol):
    """Who executes, within whose bounds."""

    bounds: Bounds

    async def check(self, source: Source) -> Failure | None:
        """Why the source is no program; nothing of it is run."""
        ...

    async def run(self, source: Source, given: Raw, execution_id: str, on_log: Hear) -> Outcome:
        """One execution."""
        ...


async def validate(candidate: Candidate, executor: Executor) -> list[Finding]:
    """All findings, in their order. Raises what the executor raises."""
    found = await trio.to_thread.run_sync(findings, candidate, executor.bounds)  # 16 MB of fixtures may have to be read
    if has_program(candidate, executor.bounds):
        failure = await executor.check(_source(candidate))
        found += [syntax(failure)] if failure is not None else []  # its code is the last one
    return found


def told(found: list[Finding]) -> Validation:
    """The findings as `/validate` answers them."""
    return Validation(str(uuid.uuid4()), valid=not found, errors=found)


async def execute(candidate: Candidate, executor: Executor, baselines: Baselines, *, dry: bool = False) -> Report:
    """Validates, and runs what is valid unless it is `dry`. Raises what the executor raises: a report is whole or is none."""
    execution_id, events, begun = str(uuid.uuid4()), Events(), time.perf_counter()
    events.add("execution_created")
    events.add("validation_started")
    if found := await validate(candidate, executor):
        events = Events()
        events.add("validation_failed")
        return Report(Summary("validation_failed", execution_id), events.list, found)
    if dry:
        return Report(Summary("validated", execution_id), events.list)
    runs = _Runs(candidate, executor, baselines, events, execution_id)
    for fixture in candidate.fixtures:
        await runs.of(fixture)
    duration_ms = round((time.perf_counter() - begun) * 1000)
    return Report(Summary("executed", execution_id, duration_ms, runs.result()), events.list)


def _source(candidate: Candidate) -> Source:
    return Source(candidate.program.text or "")


class _Runs:
    """The executions of one request, one after the other, and what they came to."""

    def __init__(
        self, candidate: Candidate, executor: Executor, baselines: Baselines, events: Events, execution_id: str
    ) -> None:
        self._config, self._executor, self._baselines, self._events = candidate.config, executor, baselines, events
        self._id, self._source = execution_id, _source(candidate)
        self._program = hash_of(self._source.text)
        self._env = msgspec.json.encode(self._config.env)
        self._count, self._most_ms, self._most_kb = 0, 0, 0
        self._failures: list[Failed] = []
        self._output_fields: Raw | None = None
        self._flaky, self._snapshots_ok = False, True

    def result(self) -> ActionResult:
        """What they came to."""
        return ActionResult(
            ok=not self._failures,
            runs=self._count,
            failures=self._failures,
            max_duration_ms=self._most_ms,
            max_memory_kb=self._most_kb,
            output_fields=self._output_fields or NOTHING,
            flaky=self._flaky,
            snapshots_ok=self._snapshots_ok,
        )

    async def of(self, fixture: Part) -> None:
        """All repetitions of a fixture."""
        given = Raw(b'{"env":' + self._env + b',"event":' + (fixture.text or "").encode() + b"}")
        outputs: set[str | None] = set()
        for repeat in range(1, self._config.repeat + 1):
            outcome = await self._once(fixture.name, repeat, given)
            outputs.add(await self._judge(fixture.name, repeat, outcome))
        self._flaky = self._flaky or len(outputs) > 1

    async def _once(self, fixture: str, repeat: int, given: Raw) -> Outcome:
        events, place, whole = self._events, {"fixture": fixture, "repeat": repeat}, True

        def hear(line: LogLine) -> None:
            nonlocal whole
            whole = events.printed(line, fixture, repeat) and whole

        events.add("execution_started", **place)
        self._count += 1
        outcome = await self._executor.run(self._source, given, f"{self._id}-{self._count}", hear)
        used = {"duration_ms": round(outcome.usage.wall_ms), "memory_kb": outcome.usage.memory_bytes >> 10}
        cut = {} if whole and not outcome.truncated else {"output_truncated": True}
        self._most_ms, self._most_kb = max(self._most_ms, used["duration_ms"]), max(self._most_kb, used["memory_kb"])
        if outcome.failure is not None:
            why = outcome.failure
            error = self._fail(fixture, repeat, Error(why.name, why.message, why.stack))
            events.add("execution_failed", **place, **used, **cut, error=error)
        else:
            fields = output_fields(outcome)
            self._output_fields = self._output_fields or fields
            events.add("execution_completed", **place, **used, **cut, output_fields=fields)
        return outcome

    def _fail(self, fixture: str, repeat: int, error: Error) -> Error:
        self._failures.append(Failed(fixture, repeat, error))
        return error

    async def _judge(self, fixture: str, repeat: int, outcome: Outcome) -> str | None:
        """What is wrong with an execution besides its own end; a hash of its output, by which repetitions are compared."""
        judged = await trio.to_thread.run_sync(judge, self._config, outcome)  # a result may be long
        for kind, error in judged.problems:
            self._events.add(kind, fixture=fixture, repeat=repeat, error=self._fail(fixture, repeat, error))
        if judged.output is None:
            return None
        if self._config.snapshots.enabled:
            await self._compare(fixture, repeat, judged.output)
        return hash_of(judged.output)

    async def _compare(self, fixture: str, repeat: int, output: str) -> None:
        kept = await self._baselines.first(self._program, fixture, output)
        if kept == output:
            return
        difference = await trio.to_thread.run_sync(patch, kept, output)
        self._snapshots_ok = False
        error = self._fail(fixture, repeat, Error("SnapshotMismatch", "The output is not the one that was stored first"))
        self._events.add("snapshot_mismatch", fixture=fixture, repeat=repeat, error=error, patch=difference)
