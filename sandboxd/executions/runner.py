"""Runs what is queued, each execution once, and writes down how it ended.

Each change is on disk before anything follows from it: `started` before the worker is told, the rest of the output and the end
in one commit before anybody sees the end.
"""

from collections.abc import Sequence
from functools import partial
from typing import Final

import structlog
import trio
from msgspec import json
from msgspec.structs import replace
from sqlalchemy import Connection
from structlog.contextvars import bind_contextvars

from sandboxd import metrics
from sandboxd.errors import RequestError, SandboxdError, StoreError, leaves
from sandboxd.executions.engine import Engine
from sandboxd.executions.hub import Hub
from sandboxd.executions.journal import Journal
from sandboxd.executions.ledger import Ledger, User
from sandboxd.executions.reading import Reading
from sandboxd.executions.scheduler import Queued, Scheduler
from sandboxd.executions.submitted import Waiting
from sandboxd.models import Failure, Outcome, Source, Status, Usage
from sandboxd.policy.decide import decide
from sandboxd.policy.model import Grant
from sandboxd.store import submission_queries
from sandboxd.store.group_commit import GroupCommit
from sandboxd.store.journal_queries import STARTED, Entry
from sandboxd.store.queries import Closing
from sandboxd.store.submission_queries import Terms

SETTLE_SECONDS: Final = 5.0
"""How long the disk may take to note a beginning, and at a stop an end; else the next start notes that."""
AGAIN_SECONDS: Final = 1.0
"""After how long an end is written again that could not be."""
UNMEASURED: Final = Usage(0.0, 0, 0.0)
log = structlog.get_logger()


def _ended(status: Status, kind: str, name: str, message: str) -> Outcome:
    return Outcome(status, UNMEASURED, failure=Failure(kind, name, message))


CANCELLED: Final = _ended(Status.cancelled, "cancelled", "Cancelled", "Cancelled by user")
STOPPED: Final = _ended(Status.crashed, "restart", "Stopped", "daemon stopped")


class Live:
    """One execution from the moment it is taken from the queue to its end. `ended` is set once that is on disk."""

    def __init__(self) -> None:
        self.scope, self.ended = trio.CancelScope(), trio.Event()
        self.status: Status | None = None


class Runner:
    """Takes from the scheduler what may run; `lives` is what it has taken and not yet ended."""

    def __init__(
        self, engine: Engine, ledger: Ledger, group: GroupCommit, reading: Reading, hub: Hub, scheduler: Scheduler
    ) -> None:
        self.engine, self.ledger, self.scheduler = engine, ledger, scheduler
        self.lives: dict[str, Live] = {}
        self.draining = trio.Event()
        """Set when nothing more is begun."""
        self._group, self._reading, self._hub = group, reading, hub
        self._idle = trio.Event()
        self._idle.set()
        self._changed = trio.Event()
        ledger.on_leave = self._left

    def wake(self) -> None:
        """Something may have become possible."""
        self._changed.set()

    async def idle(self) -> None:
        """Returns when nothing runs."""
        await self._idle.wait()

    async def serve(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Until it is cancelled: then what runs is ended, and what has not begun stays queued."""
        async with trio.open_nursery() as nursery:
            task_status.started()
            while True:
                self._changed = trio.Event()
                while not self.draining.is_set() and (queued := self.scheduler.next(self.may)) is not None:
                    nursery.start_soon(self._run, queued, self._enter(queued))
                await self._changed.wait()

    def may(self, queued: Queued) -> bool:
        """Whether its user has a parallel slot left."""
        return queued.most is None or self.ledger.slots(queued.user) < queued.most

    def _left(self, user: User) -> None:
        if self.scheduler.waiting_of(user):
            self.wake()

    def _enter(self, queued: Queued) -> Live:
        live = self.lives[queued.id] = Live()
        self.ledger.enter(queued.user)
        if self._idle.is_set():
            self._idle = trio.Event()
        return live

    def _leave(self, queued: Queued) -> None:
        self.lives.pop(queued.id).ended.set()
        self.scheduler.ended(queued.user)
        self.ledger.leave(queued.user)
        if not self.lives:
            self._idle.set()
        self.wake()

    def waiting(self, execution_id: str, user: User) -> Waiting:
        """Where one that is queued stands, and why the first of its user's does not run yet."""
        queued = self.scheduler.head(user)
        if execution_id in self.lives or queued is None:
            return Waiting(1, "no worker is free" if not self.engine.problems() else "workers cannot be started at present")
        place = self.scheduler.place(execution_id, user) or 1
        if self.draining.is_set():
            return Waiting(place, "the daemon is stopping; it goes on with the next start")
        if not self.may(queued):
            return Waiting(place, f"{self.ledger.slots(user)} of yours run, as many as your subscription allows at once")
        if self.scheduler.running_of(user) >= self.scheduler.share:
            return Waiting(place, f"{self.scheduler.running_of(user)} of yours run, as many as one user may have")
        return Waiting(place, "all slots for queued executions are in use")

    # ------------------------------------------------------------ one execution

    async def _run(self, queued: Queued, live: Live) -> None:
        bind_contextvars(execution=queued.id)  # in every line of this task
        journal = Journal(self._group, self._hub, queued.id, now=self.ledger.now)
        outcome = STOPPED
        try:
            with live.scope:
                outcome = await self._attempt(queued, journal)
            if live.scope.cancelled_caught:
                outcome = CANCELLED
            live.status = await self.settle(queued.id, journal, outcome)
            log.debug("execution ended", status=live.status, wall_ms=round(outcome.usage.wall_ms, 1))
        except BaseException:  # the daemon stops: Cancelled, or a group of it
            with trio.move_on_after(SETTLE_SECONDS, shield=True):
                live.status = await self.settle(queued.id, journal, outcome, begun=outcome is STOPPED)
            raise
        finally:
            self._leave(queued)

    async def _attempt(self, queued: Queued, journal: Journal) -> Outcome:
        """What became of it. Whatever goes wrong in the house ends this execution and no other."""
        try:
            return await self._execute(queued, journal)
        except Exception as error:
            cause = next(leaves(error))
            if isinstance(cause, SandboxdError):
                log.error("execution failed", execution=queued.id, error=type(cause).__name__, text=cause.message)
                words = cause.message if isinstance(cause, RequestError) else (type(cause).__doc__ or "").strip()
            else:
                log.exception("execution failed", execution=queued.id, exc_info=error)
                words = "Internal error"
            return _ended(Status.crashed, "house", type(cause).__name__, words)

    async def _execute(self, queued: Queued, journal: Journal) -> Outcome:
        terms = await self._reading.glance(partial(submission_queries.terms_of, execution_id=queued.id))
        grant = self._grant(terms)
        journal.most_bytes = grant.limits.output_bytes

        async def begin() -> Source:
            started = Entry(STARTED, self.ledger.now(), "started", "{}")
            begun = partial(submission_queries.begin, execution_id=queued.id, started=started)
            # One commit; who is cancelled meanwhile ends one that has begun.
            with trio.move_on_after(SETTLE_SECONDS, shield=True):
                if (source := await self._group.submit(begun)) is not None:
                    self._hub.tell(queued.id, [started])
                    return Source(source, terms.language)
            raise StoreError(f"The execution {queued.id} is not queued, or that cannot be read in time")

        async with trio.open_nursery() as nursery:
            nursery.start_soon(journal.keep_writing)
            outcome = await self.engine.run_submitted(
                grant, begin, user=queued.user, execution_id=queued.id, sink=journal.take, told=journal.note_call
            )
            nursery.cancel_scope.cancel()
        return outcome

    def _grant(self, terms: Terms) -> Grant:
        """What was granted when it was accepted, by the policy of now, which may be another. Raises RequestError."""
        grant = decide(self.engine.policy, tier=terms.tier, door=terms.door, profile=terms.profile, wall_ms=terms.wall_ms)
        most = self.engine.policy.profiles[terms.profile].limits.memory_bytes.most
        return replace(grant, limits=replace(grant.limits, memory_bytes=min(terms.memory_bytes, most)))

    # ------------------------------------------------------------ the end

    async def settle(self, execution_id: str, journal: Journal, outcome: Outcome, *, begun: bool = False) -> Status:
        """Writes the end, until it is written; answers the status that it has then. With `begun` only if it has begun."""
        while True:
            try:
                status, entries, where = await self._group.submit(
                    partial(self._end, execution_id=execution_id, journal=journal, outcome=outcome, begun=begun)
                )
            except StoreError as problem:
                log.error("an end cannot be written", execution=execution_id, why=problem.message)
                await trio.sleep(AGAIN_SECONDS)
            else:
                journal.wrote(entries)
                if entries:  # it ended now, and not before
                    usage = measured(outcome)
                    wall_ms, cpu_ms = (usage.wall_ms, usage.cpu_ms) if usage else (None, None)
                    metrics.ended(*where, status, wall_ms=wall_ms, cpu_ms=cpu_ms)
                return status

    def _end(
        self, connection: Connection, execution_id: str, journal: Journal, outcome: Outcome, begun: bool
    ) -> tuple[Status, Sequence[Entry], tuple[str, str]]:
        """The status that it has then, what the journal got for it, and its door and profile."""
        status, where = submission_queries.standing_of(connection, execution_id)
        if status not in (Status.queued, Status.running) or (begun and status is Status.queued):
            return status, (), where
        entries = journal.end({"status": outcome.status.value})
        journal.write(connection, entries)
        submission_queries.end(
            connection,
            closing_of(execution_id, outcome, self.ledger.now()),
            counted=status is Status.running,
            result=bytes(outcome.value).decode() if outcome.value is not None else None,
            failure=json.encode(outcome.failure).decode() if outcome.failure is not None else None,
        )
        return outcome.status, entries, where


def measured(outcome: Outcome) -> Usage | None:
    """What it used, None where nobody could tell."""
    return outcome.usage if outcome.usage is not UNMEASURED else None


def closing_of(execution_id: str, outcome: Outcome, now_ms: int) -> Closing:
    """The record's last values. What was not measured is not told."""
    usage = measured(outcome)
    return Closing(
        id=execution_id,
        status=outcome.status,
        finished_ms=now_ms,
        cpu_ms=usage.cpu_ms if usage else None,
        memory_bytes=usage.memory_bytes if usage else None,
        wall_ms=usage.wall_ms if usage else None,
        error_name=outcome.failure.name if outcome.failure is not None else None,
    )
