"""One writer for many tasks: what waits at the same moment is committed together.

A commit costs the same for one row as for fifty, so all jobs that came in during one commit share the next. The order
in which jobs come in is the order in which they are performed, except that records come last in their transaction.

A small batch is committed in the event loop's own thread, which takes 0.1 ms where the way through another takes 0.6 (the log
is written, the disk is not waited for). A large one, and any that the database or the disk would make wait, goes to a thread.
"""

import math
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Collection, Sequence
from contextlib import asynccontextmanager
from typing import Any, Generic, TypeVar

import structlog
import trio
from msgspec import Struct
from sqlalchemy import Connection

from sandboxd import metrics
from sandboxd.errors import StoreError
from sandboxd.store.database import Database

CAPACITY = 10_000
"""Jobs and records that may wait; whoever comes then waits for room."""
BATCH = 256
"""Most jobs and records in one transaction: what one caller's answer may wait for."""
SMALL = 32
"""Most jobs and records in a transaction of the loop's own thread."""
TURNS = 256
"""Commits of the loop's thread before one is the other thread's, where SQLite folds its log into the file and may wait."""
SLOW_SECONDS = 0.01
"""A commit of the loop's thread that took longer sends the next TURNS to the other thread."""
RIDE_SECONDS = 0.02
"""How long a record that nobody waits for may wait for a job, to share its commit."""
FLUSH_SECONDS = 10.0
"""How long closing waits for the disk before what is left is lost, and said to be lost."""

T = TypeVar("T")
R = TypeVar("R")
Job = Callable[[Connection], T]
"""SQL on the connection and nothing else: it may be performed twice, the first time being rolled back."""
Write = Callable[[Connection, Sequence[R]], None]

_TOO_LATE = "The daemon stopped before this was written"

_log = structlog.get_logger(__name__)


class _Call(Generic[T]):
    """A job that somebody waits for."""

    def __init__(self, job: Job[T]) -> None:
        self.job: Job[T] | None = job
        self.done = trio.Event()
        self.value: T | None = None
        self.error: Exception | None = None
        self.queued = True


class _Record(Struct, frozen=True):
    """Something to write that nobody waits for."""

    write: Write[Any]
    record: Any


_Item = _Call[Any] | _Record


class GroupCommit:
    """Made by ``open_group_commit``."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._queue: deque[_Item] = deque()
        self._idle = trio.lowlevel.ParkingLot()
        self._full = trio.lowlevel.ParkingLot()
        self._closed = False
        self._urgent = False
        self._ride = trio.CancelScope()
        self._turns = TURNS
        # Its own thread slot: however many threads read, the writer never stands in line behind them.
        self._limiter = trio.CapacityLimiter(1)

    async def submit(self, job: Job[T], *, undo: Job[object] | None = None) -> T:
        """Perform ``job`` and answer its value after the commit that holds it.

        A caller who is cancelled cannot know whether his job was committed. With ``undo`` it will be as if it had not
        been: the job is dropped, or ``undo`` (harmless when there is nothing to undo) is performed before anything
        submitted later. Without ``undo`` the job is performed all the same.
        Raises what the job raised (nothing of it is left, other jobs are untouched), or StoreError when the commit
        failed.
        """
        call = _Call(job)
        try:
            await self._room()
        except trio.Cancelled:
            if undo is None:
                self._put(call)
            raise
        self._put(call)
        try:
            await call.done.wait()
        except trio.Cancelled:
            if undo is not None and call.queued:
                call.job = None
            elif undo is not None:
                self._put(_Call(undo))
            raise
        if isinstance(call.error, StoreError):  # may be shared by the whole batch, and a raised exception is not shared
            raise StoreError(call.error.message) from call.error
        if call.error is not None:
            raise call.error
        return call.value  # type: ignore[return-value]  # without an error it is the job's

    async def post(self, write: Write[R], record: R) -> None:
        """Write ``record`` soon, with all others of the same ``write`` in one call; nobody is told when.

        With CAPACITY items waiting it waits for room, and is a checkpoint only then; a caller who is cancelled
        meanwhile leaves the record behind in the queue. A record that cannot be written is logged and lost.
        """
        try:
            await self._room()
        finally:
            self._put(_Record(write, record))

    @property
    def has_room(self) -> bool:
        """Whether what is put in now waits for nothing."""
        return len(self._queue) < CAPACITY

    async def _room(self) -> None:
        while not self.has_room:
            await self._full.park()

    def _put(self, item: _Item) -> None:
        if self._closed:
            raise StoreError("The store is closed: the daemon is stopping")
        self._queue.append(item)
        self._urgent = self._urgent or isinstance(item, _Call) or len(self._queue) >= BATCH
        if self._urgent:
            self._idle.unpark()
        elif len(self._queue) == 1:
            self._ride.deadline = self._departure()

    # ------------------------------------------------------------ the writer

    async def _serve(self, task_status: trio.TaskStatus[trio.CancelScope]) -> None:
        # Shielded, so that tasks that are being cancelled can still write what they leave. It gets its deadline on
        # closing.
        with trio.CancelScope(shield=True) as scope:
            task_status.started(scope)
            while True:
                with trio.CancelScope(deadline=self._departure()) as self._ride:
                    while not (self._urgent or self._closed):
                        await self._idle.park()
                if not self._queue:
                    return
                await self._commit(self._next_batch())
                if self._queue:
                    await trio.lowlevel.checkpoint()  # a commit at once is none
        _fail(self._queue, StoreError(_TOO_LATE))

    def _departure(self) -> float:
        """When the next commit is due even if nobody waits for it."""
        return trio.current_time() + RIDE_SECONDS if self._queue else math.inf

    def _next_batch(self) -> list[_Item]:
        batch: list[_Item] = []
        while self._queue and len(batch) < BATCH:
            item = self._queue.popleft()
            if isinstance(item, _Call):
                item.queued = False
                if item.job is None:
                    continue
            batch.append(item)
        self._urgent = bool(self._queue)
        self._full.unpark_all()
        return batch

    async def _commit(self, batch: list[_Item]) -> None:
        begun = time.perf_counter()
        if not self._commit_at_once(batch):
            try:
                await trio.to_thread.run_sync(_write, self._database, batch, limiter=self._limiter)
            except trio.Cancelled:
                _fail(batch, StoreError(_TOO_LATE))
                raise
        metrics.COMMIT.observe(time.perf_counter() - begun)
        metrics.BATCH.observe(len(batch))
        for item in batch:
            if isinstance(item, _Call):
                item.done.set()

    def _commit_at_once(self, batch: list[_Item]) -> bool:
        """Here and now. False when that is not possible or did not work out: nothing of it was written then."""
        if len(batch) > SMALL:
            return False
        if self._turns <= 0:
            self._turns = self._turns + 1 if self._turns < 0 else TURNS
            return False
        self._turns -= 1
        begun = time.perf_counter()
        try:
            _transact(self._database, batch, at_once=True)
        except (StoreError, _JobError):
            return False
        if time.perf_counter() - begun > SLOW_SECONDS:
            self._turns = -TURNS
        return True


@asynccontextmanager
async def open_group_commit(database: Database) -> AsyncIterator[GroupCommit]:
    """Run the writer for the length of the block; leaving it writes what was posted, for at most FLUSH_SECONDS."""
    group = GroupCommit(database)
    async with trio.open_nursery() as nursery:
        scope: trio.CancelScope = await nursery.start(group._serve)
        try:
            yield group
        finally:
            group._closed = True
            group._idle.unpark()
            scope.deadline = trio.current_time() + FLUSH_SECONDS


# ---------------------------------------------------------------- in the writer's thread


class _JobError(Exception):
    """A job or a write raised ``error``, as against BEGIN or COMMIT."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self.error = error


def _write(database: Database, batch: Sequence[_Item]) -> None:
    """Commit a batch and put into each item what became of it.

    When a job fails, the batch is rolled back and each item is tried in a transaction of its own. Savepoints would do
    the same, but every take would pay for them, and SQLite ends the whole transaction by itself when the disk is full:
    what came after would be written without one.
    """
    try:
        _transact(database, batch)
    except StoreError as error:
        _fail(batch, error)
    except _JobError:
        _write_singly(database, batch)


def _write_singly(database: Database, batch: Sequence[_Item]) -> None:
    for place, item in enumerate(batch):
        try:
            _transact(database, [item])
        except _JobError as failure:
            _fail([item], failure.error)
        except StoreError as error:  # BEGIN or COMMIT: the rest would fail too, each after BUSY_SECONDS
            _fail(batch[place:], error)
            return


def _transact(database: Database, batch: Sequence[_Item], *, at_once: bool = False) -> None:
    with database.write_at_once() if at_once else database.write() as connection:
        try:
            with database.mapped():
                _perform(connection, batch)
        except Exception as error:
            raise _JobError(error) from error


def _perform(connection: Connection, batch: Sequence[_Item]) -> None:
    records: dict[Write[Any], list[Any]] = {}
    for item in batch:
        if isinstance(item, _Record):
            records.setdefault(item.write, []).append(item.record)
        elif item.job is not None:
            item.value = item.job(connection)
    for write, rows in records.items():
        write(connection, rows)


def _fail(items: Collection[_Item], error: Exception) -> None:
    """Give the error to those who wait, and say in the log what nobody waits for."""
    if isinstance(error, StoreError):
        metrics.FAILED_WRITES.inc(len(items))
    for item in items:
        if isinstance(item, _Call):
            item.error = error
    if lost := sum(isinstance(item, _Record) for item in items):
        _log.error("records_lost", count=lost, why=str(error))
