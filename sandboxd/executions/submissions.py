"""The use-cases of executions that run by themselves: submit, look, watch, cancel."""

from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from functools import partial
from typing import Final

import trio
from sqlalchemy import Connection

from sandboxd.config import Settings
from sandboxd.errors import NotFound, NotRunning, StoreError
from sandboxd.executions import output
from sandboxd.executions.accepting import ACCEPT_SECONDS, Accepting
from sandboxd.executions.engine import Engine
from sandboxd.executions.hub import Hub
from sandboxd.executions.journal import Journal
from sandboxd.executions.ledger import Ledger
from sandboxd.executions.output import Window
from sandboxd.executions.reading import Reading
from sandboxd.executions.restart import resume
from sandboxd.executions.retention import Retention
from sandboxd.executions.runner import CANCELLED, Runner
from sandboxd.executions.scheduler import Queued, Scheduler
from sandboxd.executions.submitted import Asked, Event, Page, Submitted, Waiting, page, submitted
from sandboxd.executions.watcher import Watcher
from sandboxd.models import Principal, Status
from sandboxd.store import journal_queries, submission_queries
from sandboxd.store.database import Database
from sandboxd.store.group_commit import GroupCommit
from sandboxd.store.journal_queries import Chunk, Total
from sandboxd.store.submission_queries import Stored

__all__ = ["Asked", "Event", "Page", "Submissions", "Submitted", "Waiting", "open_submissions"]

LOOK_AGAIN_SECONDS: Final = 0.01
"""Between its acceptance, or its way back into the queue, and its place there an execution is nowhere for a moment."""
LONGEST: Final = 2**62
"""Offsets and limits beyond it mean the same as this one: SQLite knows none from 2**63 on."""
_Chunks = Callable[[Connection, str, int], Iterable[Chunk]]
_Cut = Callable[[Iterable[Chunk], Total, int, int], Window]


class Submissions:
    """What the doors call. Made by `open_submissions`. Raises only errors of `sandboxd.errors`."""

    def __init__(self, accepting: Accepting, group: GroupCommit, reading: Reading, runner: Runner, hub: Hub) -> None:
        self.runner, self.ledger, self.scheduler = runner, runner.ledger, runner.scheduler
        self._accepting, self._group, self._reading, self._hub = accepting, group, reading, hub

    # ------------------------------------------------------------ submitting

    async def submit(self, principal: Principal, *, door: str, profile: str, asked: Asked) -> str:
        """Accepts an execution, which is on disk when its id is answered, and runs it when it is its turn.

        A key that the user has used before answers the execution that was submitted under it, if the same was asked.
        Raises SubscriptionRequired, LimitExceeded, BadRequest, QuotaExceeded, NoCapacity, StoreError.
        """
        return await self._accepting.submit(principal, door, profile, asked)

    # ------------------------------------------------------------ looking

    async def get(self, principal: Principal, execution_id: str, *, wait_s: float = 0) -> Submitted:
        """One of the user's own; with `wait_s` as soon as it has ended, or after so many seconds.

        When the daemon drains nobody waits. Raises NotFound; and QuotaExceeded when too many of the user's wait already.
        """
        if wait_s > 0:
            await self._wait(principal, execution_id, wait_s)
        return self._told(principal, await self._find(principal, execution_id))

    async def _wait(self, principal: Principal, execution_id: str, wait_s: float) -> None:
        user = principal.tenant, principal.user
        self._hub.admit(user)
        with self._hub.watching(execution_id, user) as topic:  # before looking: an end in between is not missed
            if (await self._find(principal, execution_id)).ended_ms is None:
                with trio.move_on_after(wait_s):
                    await topic.over.wait()

    async def listed(self, principal: Principal, *, limit: int, before: str | None = None) -> list[Submitted]:
        """The user's own, the newest first, those before `before` if it is given. Raises NotFound for one that is not his."""
        query = partial(submission_queries.list_submissions, principal=principal, limit=limit, before=before)
        found = await self._reading.read(query)
        if found is None:
            raise NotFound
        return [self._told(principal, each) for each in found]

    async def lines(self, principal: Principal, execution_id: str, offset: int, limit: int) -> Page:
        """Whole lines of the output so far, from line `offset` on. Raises NotFound."""
        return await self._page(principal, execution_id, journal_queries.chunks_at_line, output.by_lines, offset, limit)

    async def bytes(self, principal: Principal, execution_id: str, offset: int, limit: int) -> Page:
        """Bytes of the output so far, from byte `offset` on; no character is cut. Raises NotFound."""
        return await self._page(principal, execution_id, journal_queries.chunks_at_byte, output.by_bytes, offset, limit)

    def admit_watcher(self, principal: Principal) -> None:
        """Raises QuotaExceeded when too many of the user's watch or wait already."""
        self._hub.admit((principal.tenant, principal.user))

    @asynccontextmanager
    async def events(self, principal: Principal, execution_id: str, after: int = 0) -> AsyncIterator[Watcher]:
        """What happened to it from event `after` on, and what happens, to its end or until the daemon drains.

        Raises NotFound.
        """
        with self._hub.watching(execution_id, (principal.tenant, principal.user)) as topic:
            if (await self._find(principal, execution_id)).ended_ms is not None:
                topic.end()
            yield Watcher(self._reading, topic, execution_id, after)

    # ------------------------------------------------------------ cancelling

    async def cancel(self, principal: Principal, execution_id: str) -> None:
        """Ends it: a queued one never runs, of a running one the worker is dead when this returns.

        Raises NotFound, and NotRunning with its status when it has ended by itself.
        """
        user = principal.tenant, principal.user
        while True:
            found = await self._find(principal, execution_id)
            if found.ended_ms is not None:
                raise NotRunning(execution_id, Status(found.status))
            if (queued := self.scheduler.remove(execution_id, user)) is not None:
                return await self._withdraw(queued)
            if (live := self.runner.lives.get(execution_id)) is not None:
                live.scope.cancel()
                await live.ended.wait()
                if live.status is None:
                    raise StoreError("The end of the execution could not be written")
                if live.status is not Status.cancelled:
                    raise NotRunning(execution_id, live.status)
                return None
            await trio.sleep(LOOK_AGAIN_SECONDS)

    async def _withdraw(self, queued: Queued) -> None:
        journal = Journal(self._group, self._hub, queued.id, now=self.ledger.now)
        with trio.move_on_after(ACCEPT_SECONDS, shield=True):
            await self.runner.settle(queued.id, journal, CANCELLED)
            return
        self.scheduler.put_back(queued)  # if its end was written after all, it is found when it would begin
        raise StoreError("The data directory takes too long to write")

    # ------------------------------------------------------------ the stop

    def drain(self) -> None:
        """From here on nothing is begun, and nobody waits for news."""
        self.runner.draining.set()
        self._hub.close()

    async def idle(self) -> None:
        """Returns when nothing runs."""
        await self.runner.idle()

    # ------------------------------------------------------------

    async def _find(self, principal: Principal, execution_id: str) -> Stored:
        query = partial(submission_queries.find_submission, principal=principal, execution_id=execution_id)
        found = await self._reading.read(query)
        if found is None:
            raise NotFound
        return found

    def _told(self, principal: Principal, stored: Stored) -> Submitted:
        waiting = None
        if stored.status == Status.queued:
            waiting = self.runner.waiting(stored.id, (principal.tenant, principal.user))
        return submitted(stored, waiting)

    async def _page(self, principal: Principal, execution_id: str, chunks: _Chunks, cut: _Cut, offset: int, limit: int) -> Page:
        offset, limit = min(offset, LONGEST), min(limit, LONGEST)

        def look(connection: Connection) -> Page | None:
            stored = submission_queries.find_submission(connection, principal, execution_id)
            if stored is None:
                return None
            total = journal_queries.total(connection, execution_id)
            return page(cut(chunks(connection, execution_id, offset), total, offset, limit), total, stored)

        found = await self._reading.read(look)
        if found is None:
            raise NotFound
        return found


@asynccontextmanager
async def open_submissions(
    settings: Settings, engine: Engine, ledger: Ledger, group: GroupCommit, database: Database
) -> AsyncIterator[Submissions]:
    """Runs what is queued for the length of the block, beginning with what an earlier life left."""
    reading, hub, pool = Reading(database), Hub(settings.queue.watching_per_user), settings.pool
    percent = settings.queue.running_percent
    scheduler = Scheduler(slots=max(1, pool.running * percent // 100), share=max(1, pool.running_per_user * percent // 100))
    await resume(engine.policy, engine.pools, scheduler, group, reading, now_ms=ledger.now())
    runner = Runner(engine, ledger, group, reading, hub, scheduler)
    async with trio.open_nursery() as nursery:
        await nursery.start(runner.serve)
        await nursery.start(Retention(settings.retention, ledger, group, reading).serve)
        yield Submissions(Accepting(settings.queue, group, reading, runner), group, reading, runner, hub)
        nursery.cancel_scope.cancel()
