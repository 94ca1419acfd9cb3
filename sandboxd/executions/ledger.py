"""Who calls, what he may still start, and what became of it.

Exact by construction: the slot for parallel executions is taken in memory before anything is awaited; the take is
decided and written by the store's one writer; and leaving the block settles it, whichever way it is left.
"""

import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial

import trio
from msgspec import Struct
from msgspec.structs import replace
from sqlalchemy import Connection

from sandboxd import metrics
from sandboxd.auth.tokens import hash_token, principal_of
from sandboxd.errors import InvalidToken, QuotaExceeded
from sandboxd.executions.reading import Reading
from sandboxd.models import Principal, Status, Usage
from sandboxd.policy.quota import Exhausted, Quota, decide, header_windows, windows
from sandboxd.store import queries
from sandboxd.store.database import Database
from sandboxd.store.group_commit import GroupCommit
from sandboxd.store.queries import Closing, Opening

User = tuple[str, str]
"""Tenant and user."""
ROOMS = 10_000
"""Users of whom it is known how far they are from their limits; with one more all are forgotten, and counted anew."""
SETTLE_SECONDS = 5.0
"""How long leaving a take waits for the disk; what is to be written is in the store's queue by then."""


class Take:
    """One execution between its quota and its record; the first of ``close``, ``reject`` and ``give_back`` wins.

    None of them waits or fails: they say what is to be written when the block of ``Ledger.take`` is left.
    """

    def __init__(self, execution_id: str, now: Callable[[], int]) -> None:
        self.id = execution_id
        self._now = now
        self._told = False
        self._given_back = False
        self._closing: Closing | None = None

    def started(self) -> None:
        """Call this right before the worker is told to run: from here on the take counts, whatever happens."""
        self._told = True

    def close(
        self, status: Status, usage: Usage | None = None, *, error_name: str | None = None, output: str | None = None
    ) -> None:
        """The execution ended; it counts. ``output`` is kept, so pass it only where the profile says so."""
        if not self._ended():
            self._closing = Closing(
                id=self.id,
                status=status,
                finished_ms=self._now(),
                cpu_ms=usage.cpu_ms if usage else None,
                memory_bytes=usage.memory_bytes if usage else None,
                wall_ms=usage.wall_ms if usage else None,
                error_name=error_name,
                output=output,
            )

    def reject(self, error_name: str | None = None) -> None:
        """Validation refused the code: the record stays, as ``rejected``, and counts against nothing."""
        if not self._ended():
            self.close(Status.rejected, error_name=error_name)
            self._given_back = True

    def give_back(self) -> None:
        """It never ran (no capacity): neither a count nor a record is left."""
        if not self._ended():
            self._given_back = True

    def _ended(self) -> bool:
        return self._given_back or self._closing is not None


class _Room(Struct, frozen=True):
    """What a user can still take under a quota whatever the windows do: a take more is at most one more in each of them."""

    quota: Quota
    at_ms: int
    """When it was counted. Windows only move forward, unless the clock is set back."""
    takes: int


class Ledger:
    """The running executions of every user, and the rows of all of them. Made by ``open_ledger``.

    ``clock`` gives seconds since the epoch; it is called in the writer's thread too.
    """

    def __init__(self, group: GroupCommit, database: Database, clock: Callable[[], float] = time.time) -> None:
        self._group = group
        self._reading = Reading(database)
        self._clock = clock
        self._running: dict[User, int] = {}
        self._rooms: dict[User, _Room] = {}
        self.on_leave: Callable[[User], None] = lambda _: None
        """What to do when a user's parallel slot is free again."""

    def now(self) -> int:
        """Milliseconds since the epoch."""
        return int(self._clock() * 1000)

    def running(self, principal: Principal) -> int:
        """How many slots this user holds now."""
        return self.slots((principal.tenant, principal.user))

    def slots(self, user: User) -> int:
        """The same by his name."""
        return self._running.get(user, 0)

    async def principal(self, token_text: str) -> Principal:
        """The bearer of this token; never cached, so a revocation holds at once. Raises InvalidToken, StoreError."""
        token_hash = hash_token(token_text)
        stored = await self._reading.glance(partial(queries.find_token, token_hash=token_hash))
        principal = principal_of(token_hash, stored, now_ms=self.now())
        if principal is None:
            raise InvalidToken
        return principal

    @asynccontextmanager
    async def slot(self, principal: Principal, quota: Quota) -> AsyncIterator[None]:
        """Hold one of the user's parallel slots and nothing else, for validation. Raises QuotaExceeded (concurrent)."""
        running = self.running(principal)
        alone = Quota(concurrent=quota.concurrent)
        if exhausted := decide(alone, now_ms=0, running=running, newest=()):
            raise self.exceeded(quota, exhausted)
        user = principal.tenant, principal.user
        self.enter(user)
        try:
            yield
        finally:
            self.leave(user)

    @asynccontextmanager
    async def take(self, principal: Principal, quota: Quota, opening: Opening) -> AsyncIterator[Take]:
        """Take one execution from the user's quota, committed before the block is entered.

        Leaving the block writes what the take was told. When it was told nothing: a take whose worker had ``started``
        ends as ``cancelled`` (by a cancellation) or ``crashed`` and counts; any other is given back. What is given back
        is committed, and the parallel slot is free, when the block has been left; the record of what ran is written
        soon after.
        Raises QuotaExceeded naming the limit that frees last (nothing is left behind), StoreError.
        """
        running = self.running(principal)
        if quota.concurrent is not None and running >= quota.concurrent:
            raise self.exceeded(quota, await self._why_not(principal, quota, running))
        user = principal.tenant, principal.user
        self.enter(user)
        try:
            exhausted = await self._group.submit(
                partial(self._open, principal=principal, quota=quota, running=running, opening=opening),
                undo=partial(queries.forget_execution, execution_id=opening.id),
            )
            if exhausted is not None:
                raise self.exceeded(quota, exhausted)
            take = Take(opening.id, self.now)
            try:
                yield take
            except BaseException as error:
                if take._told:
                    take.close(Status.cancelled if _is_cancellation(error) else Status.crashed)
                raise
            finally:
                await self._settle(take)  # noqa: ASYNC102 it shields itself
                if (closing := take._closing) is not None:
                    metrics.ended(opening.door, opening.profile, closing.status, wall_ms=closing.wall_ms, cpu_ms=closing.cpu_ms)
        finally:
            self.leave(user)

    def queue(self, connection: Connection, principal: Principal, quota: Quota, opening: Opening) -> Exhausted | None:
        """Within a job of the store's: take one execution from the user's quota that runs later, as ``queued``.

        Answers the limit that refuses it. How many of the user run at the same time is no reason: that bounds when it runs.
        """
        return self._open(connection, principal, replace(quota, concurrent=None), 0, opening, Status.queued)

    def enter(self, user: User) -> None:
        """Take one of the user's parallel slots, whether there is one or not."""
        self._running[user] = self._running.get(user, 0) + 1

    def leave(self, user: User) -> None:
        """Give it back."""
        if self._running[user] > 1:
            self._running[user] -= 1
        else:
            del self._running[user]
        self.on_leave(user)

    def _judge(self, connection: Connection, principal: Principal, quota: Quota, running: int, now_ms: int) -> Exhausted | None:
        asked = [(window.allowed, window.since_ms) for window in windows(quota, now_ms)]
        newest = queries.nth_newest_starts(connection, principal.tenant, principal.user, asked)
        return decide(quota, now_ms=now_ms, running=running, newest=newest)

    def _open(
        self,
        connection: Connection,
        principal: Principal,
        quota: Quota,
        running: int,
        opening: Opening,
        status: Status = Status.running,
    ) -> Exhausted | None:
        # The clock is read here, by the one writer, so that starts are stored in the order in which they were judged.
        now_ms = self.now()
        if self._has_room(connection, principal, quota, now_ms):
            exhausted = None
        else:
            exhausted = self._judge(connection, principal, quota, running, now_ms)
        if exhausted is None:
            queries.open_execution(connection, opening, principal, started_ms=now_ms, status=status)
        return exhausted

    def _has_room(self, connection: Connection, principal: Principal, quota: Quota, now_ms: int) -> bool:
        """Whether this take is surely within the windows, so that nobody has to look for the L-th newest: far below a limit
        that look goes over all that the user has run. Counts once for as many takes as there was room.
        """
        user = principal.tenant, principal.user
        room = self._rooms.pop(user, None)
        if room is None or room.takes <= 0 or room.quota != quota or now_ms < room.at_ms:
            free = [
                each.allowed - queries.count_starts(connection, *user, since_ms=each.since_ms)
                for each in windows(quota, now_ms)
            ]
            if not free:
                return True
            room = _Room(quota, now_ms, min(free))
        if room.takes <= 0:
            return False
        if len(self._rooms) >= ROOMS:
            self._rooms.clear()
        self._rooms[user] = replace(room, takes=room.takes - 1)
        return True

    async def _why_not(self, principal: Principal, quota: Quota, running: int) -> Exhausted:
        """All slots are in use, but another limit may be exhausted for longer, and that is the one to name."""

        exhausted = await self._reading.read(lambda connection: self._judge(connection, principal, quota, running, self.now()))
        assert exhausted is not None  # the slots alone exhaust it
        return exhausted

    def exceeded(self, quota: Quota, exhausted: Exhausted) -> QuotaExceeded:
        """The error for a take that a limit refuses, which is counted."""
        metrics.REFUSALS.labels(exhausted.limit).inc()
        return QuotaExceeded(
            limit=exhausted.limit,
            allowed=exhausted.allowed,
            retry_after=exhausted.retry_after,
            windows=header_windows(quota, self.now()),
        )

    async def _settle(self, take: Take) -> None:
        if take._told:
            take.close(Status.crashed)  # only when it was told of no end, which is our mistake
        closing = take._closing
        if closing is not None and not take._given_back and self._group.has_room:
            await self._group.post(queries.close_executions, closing)  # waits for nothing, so that it needs no shield
            return
        with trio.move_on_after(SETTLE_SECONDS, shield=True):
            if closing is None:
                await self._group.submit(partial(queries.forget_execution, execution_id=take.id))
            elif take._given_back:
                await self._group.submit(partial(queries.uncount_execution, closing=closing))
            else:
                await self._group.post(queries.close_executions, closing)


def _is_cancellation(error: BaseException) -> bool:
    """Cancelled, also when a nursery has wrapped it with nothing else."""
    if isinstance(error, BaseExceptionGroup):
        return error.split(trio.Cancelled)[1] is None
    return isinstance(error, trio.Cancelled)


async def open_ledger(group: GroupCommit, database: Database, clock: Callable[[], float] = time.time) -> Ledger:
    """The ledger of a data directory, once what an earlier life left running is closed as ``crashed``.

    Only for the process that holds ``lock_directory``: to any other, what is running there would be an orphan.
    """
    ledger = Ledger(group, database, clock)
    await group.submit(lambda connection: queries.close_orphans(connection, now_ms=ledger.now()))
    return ledger
