"""The pool of one profile: workers ready ahead of their execution, lent once each."""

import math
import os
from collections import deque
from collections.abc import AsyncIterator, Callable, Hashable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from typing import Final

import structlog
import trio
from trio.lowlevel import ParkingLot

from sandboxd import metrics
from sandboxd.errors import JailError, NoCapacity, WorkerStartError, leaves
from sandboxd.models import JailLayer
from sandboxd.pool.load import Load
from sandboxd.pool.proof import Proof
from sandboxd.pool.queue import FairQueue
from sandboxd.pool.worker import Worker, WorkerSource

BACK_OFF_S: Final = (0.1, 10.0)
CHEAP_AT_ONCE: Final = 4
CPUS: Final = os.cpu_count() or 1
UNASKED: Final = "not yet asked"
log = structlog.get_logger()

OpenSource = Callable[[], AbstractAsyncContextManager[WorkerSource]]


class Pool:
    """Keeps workers ready and starts another whenever one is taken: `ahead` of them, and where they are cheap as many as ran
    at the same time of late, if that is more.

    Starting costs CPU that running code wants too: as many start at once as the machine has CPUs without running code,
    and always one; of cheap ones always a few.
    """

    def __init__(self, name: str, open_source: OpenSource, queue: FairQueue, *, ahead: int) -> None:
        self.name, self.queue, self.ahead = name, queue, ahead
        self.problem: str | None = None
        """Why workers do not start at present: the pool is degraded while there is one."""
        self.failing = ""
        """Which part it is that fails then: pool, source or jail."""
        self.node: str | None = None
        self.layers: tuple[JailLayer, ...] = ()
        """What became of each layer of the jail around this pool's workers."""
        self.lent = 0
        """Workers that have a request."""
        self.canary = UNASKED
        """What came of attempts to break out, as the last source that was opened has stood them."""
        self._open_source = open_source
        self._ready: deque[Worker] = deque()
        self._waiting: deque[_Turn] = deque()
        self._load = Load()
        self._cheap = False
        self._starting = 0
        self._failures = 0
        self._started = False
        self._asking = 0
        """Those who have asked for a worker and not given it back."""
        self._retiring = False
        self._scope = trio.CancelScope()
        self._watchers, self._starters, self._surplus = ParkingLot(), ParkingLot(), ParkingLot()
        self._lease_wait, self._worker_start = metrics.LEASE_WAIT.labels(name), metrics.WORKER_START.labels(name)
        self._start_failures, self._sources_lost = metrics.START_FAILURES.labels(name), metrics.SOURCES_LOST.labels(name)

    @property
    def ready(self) -> int:
        """Workers that wait for a request."""
        return len(self._ready)

    # ------------------------------------------------------------ lending

    @asynccontextmanager
    async def lease(self, user: Hashable, *, patient: bool = False) -> AsyncIterator[Worker]:
        """A worker on loan. It is killed and reaped when the block is left, however that happens.

        Raises NoCapacity; who is patient waits however long it takes.
        """
        asked = trio.current_time()
        give_up = math.inf if patient else asked + self.queue.wait_ms / 1000  # for the slot and the worker
        self._asking += 1
        try:
            async with self.queue.slot(user, patient=patient):
                worker = await self._take(give_up)
                self._lease_wait.observe(trio.current_time() - asked)
                self.lent += 1
                try:
                    yield worker
                finally:
                    self.lent -= 1
                    await worker.end()  # noqa: ASYNC102 it shields itself
        finally:
            self._asking -= 1
            self._wake()  # a CPU is free again, and with it another worker may start

    async def _take(self, give_up: float) -> Worker:
        while True:
            worker = self._ready.popleft() if self._ready else await self._next(give_up)
            self._wake()
            if worker.alive:
                return worker
            await worker.end()

    async def _next(self, give_up: float) -> Worker:
        turn = _Turn()
        self._waiting.append(turn)
        self._wake()
        try:
            with trio.CancelScope(deadline=give_up):
                await turn.came.wait()
        except BaseException:
            if turn.worker is not None:
                self._offer(turn.worker)  # it came in the same moment: it goes on to the next
            raise
        finally:
            if turn.worker is None:
                self._waiting.remove(turn)
        if turn.worker is None:
            raise NoCapacity(retry_after=max(1, int(self._pause())))
        return turn.worker

    def _offer(self, worker: Worker) -> None:
        """To the one who has waited longest, else to the ready ones."""
        if self._waiting:
            turn = self._waiting.popleft()
            turn.worker = worker
            turn.came.set()
        else:
            self._ready.append(worker)
            if len(self._ready) > self.ahead:
                self._surplus.unpark()
            self._watchers.unpark_all()

    # ------------------------------------------------------------ keeping

    async def serve(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Keeps workers ready until cancelled or closed. Started when the first one is ready, or when it is known why not."""
        with self._scope:
            await self._serve(task_status)

    def close(self) -> None:
        """Ends `serve`, and every worker."""
        self._scope.cancel()

    async def retire(self) -> None:
        """Starts no worker ahead any more, and closes when nobody is left who has asked for one. Not to be asked again."""
        self.ahead, self._retiring = 0, True
        await self._end_surplus()
        while self._asking:
            await self._watchers.park()
        self.close()

    async def _serve(self, task_status: trio.TaskStatus[None]) -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._keep_source)
            while not self._ready and self.problem is None:
                await self._watchers.park()
            self._started = True
            task_status.started()

    async def _keep_source(self) -> None:
        """A source that is lost is opened again, with back-off."""
        while True:
            begun = trio.current_time()
            try:
                async with self._open_source() as source, trio.open_nursery() as nursery:
                    metrics.SOURCE_START.labels(self.name).observe(trio.current_time() - begun)
                    self.layers, self._cheap = source.layers, source.cheap
                    nursery.start_soon(self._supply, source, nursery)
                    await source.lost.wait()
                    self._sources_lost.inc()
                    self._failed(WorkerStartError("The process that makes the workers was lost", part="source"))
                    nursery.cancel_scope.cancel()
            except* JailError as problems:
                if not self._started:
                    raise  # at the start the operator is there to be told; later the daemon goes on, and this pool tries again
                self._failed(WorkerStartError(str(next(leaves(problems))), part="jail"))
            except* WorkerStartError as problems:
                self._failed(WorkerStartError(str(next(leaves(problems))), part="source"))
            except* OSError as problems:
                words = f"The process that makes the workers does not start: {problems.exceptions[0]}"
                self._failed(WorkerStartError(words, part="source"))
            finally:
                await self._discard()  # noqa: ASYNC102 the end of each worker shields itself
            await trio.sleep(self._pause())

    async def _supply(self, source: WorkerSource, nursery: trio.Nursery) -> None:
        """No worker of a source is lent before its canary was stopped at everything."""
        proof, self.canary = Proof(source), UNASKED
        while True:
            try:
                self.canary = await proof.canary()
            except WorkerStartError as problem:
                if not source.lost.is_set():
                    self._failed(problem)
                await trio.sleep(self._pause())
            else:
                break
        nursery.start_soon(self._shrink)
        for _ in range(max(CHEAP_AT_ONCE, CPUS)):  # as many as may ever start at once
            nursery.start_soon(self._start_workers, source, proof)

    def _lacks(self) -> bool:
        """Whether one more should start now."""
        room = max(CHEAP_AT_ONCE if self._cheap else 1, CPUS - self._busy())
        wanted = self._most_ready() + len(self._waiting)
        return self._starting < room and len(self._ready) + self._starting < wanted

    def _most_ready(self) -> int:
        """How many are kept ready."""
        more = self._cheap and not self._retiring
        return max(self.ahead, self._load.peak(self._busy())) if more else self.ahead

    def _busy(self) -> int:
        """Executions that have their worker."""
        return self.queue.running - len(self._waiting)

    async def _start_workers(self, source: WorkerSource, proof: Proof) -> None:
        """One of those that start workers: a task for each start would cost as much as the start's waits."""
        while not source.lost.is_set():
            enough = len(self._ready) >= self.ahead
            if enough:
                self.problem = None  # a start that failed and is not needed any more is none
            if self._lacks():
                await self._start_one(source, proof)
            else:
                self._failures = 0 if enough else self._failures
                await self._starters.park()

    async def _start_one(self, source: WorkerSource, proof: Proof) -> None:
        """Raises JailError."""
        self._starting += 1
        self._wake()  # another starter, if more than one is missing
        try:
            if self._failures:
                await trio.sleep(self._pause())
            begun = trio.current_time()
            worker = await source.spawn()
            self._worker_start.observe(trio.current_time() - begun)
            await proof.attest(worker)
        except WorkerStartError as problem:
            if not source.lost.is_set():  # that is told once, not by each of those that were on their way
                self._failed(problem)
            return
        finally:
            self._starting -= 1
        self._failures, self.problem, self.node = 0, None, worker.node
        worker.on_exit(partial(self._drop, worker))
        self._offer(worker)

    async def _shrink(self) -> None:
        """Ends those that are too many once the load is over, a while after there are."""
        while True:
            if len(self._ready) <= self.ahead:
                await self._surplus.park()
            await self._load.window()
            await self._end_surplus()

    async def _end_surplus(self) -> None:
        while self._cheap and len(self._ready) > self._most_ready():
            await self._ready.pop().end()

    def _drop(self, worker: Worker) -> None:
        """A worker that ended is no longer ready, if it was."""
        if worker in self._ready:
            self._ready.remove(worker)
            worker.release()
            if len(self._ready) < self.ahead:
                self._failures = max(self._failures, 1)  # if the next ones do the same, then not as fast as they can
            self._wake()

    async def _discard(self) -> None:
        while self._ready:
            await self._ready.popleft().end()

    def _failed(self, problem: WorkerStartError) -> None:
        self._failures += 1
        self._start_failures.inc()
        if self.problem != problem.message:
            log.error("pool degraded", profile=self.name, problem=problem.message)
        self.problem, self.failing = problem.message, problem.part
        self._wake()

    def _pause(self) -> float:
        first, longest = BACK_OFF_S
        return min(longest, first * float(2 ** min(self._failures, 10)))

    def _wake(self) -> None:
        """Something has changed. Called some times for each execution, so nobody is woken for nothing."""
        self._watchers.unpark_all()
        if self._starters and self._lacks():
            self._starters.unpark()


class _Turn:
    """One who waits for a worker."""

    def __init__(self) -> None:
        self.came = trio.Event()
        self.worker: Worker | None = None
