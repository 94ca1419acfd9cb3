"""The pool's own bookkeeping: workers that are only pretended, on a clock that jumps, in any order of events."""

import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import cast

import trio
from hypothesis import given, settings
from hypothesis import strategies as st
from trio.testing import MockClock

from sandboxd.errors import NoCapacity, WorkerStartError
from sandboxd.pool.pool import Pool
from sandboxd.pool.queue import FairQueue
from sandboxd.pool.worker import Worker, WorkerSource
from tests.support.engines import until


class PretendedWorker:
    """Has no process; `die` is its death, `lent` counts who had it."""

    node = "24.0.0"

    def __init__(self) -> None:
        self.exited = trio.Event()
        self.dying = False
        self.lent = self.ends = 0
        self.told = lambda: None

    def on_exit(self, call: Callable[[], None]) -> None:
        self.told = call

    @property
    def alive(self) -> bool:
        return not self.dying

    async def die(self) -> None:
        """Dead at once, told of later."""
        self.dying = True
        await trio.sleep(0.1)
        self.exited.set()
        self.told()

    async def end(self) -> None:
        self.ends += 1
        self.dying = True
        with trio.CancelScope(shield=True):
            await trio.sleep(0.01)
        self.exited.set()
        self.told()

    def release(self) -> None:
        self.ends += 1


class PretendedSource:
    """Workers after a while, or not; lost when it is told."""

    cheap = False

    def __init__(self, chance: random.Random, made: list[PretendedWorker]) -> None:
        self.lost = trio.Event()
        self.layers = ()
        self.chance, self.made = chance, made

    async def spawn(self) -> PretendedWorker:
        await trio.sleep(self.chance.choice([0.01, 0.05, 0.05, 0.3]))
        if self.lost.is_set() or self.chance.random() < 0.1:
            raise WorkerStartError("pretended")
        self.made.append(PretendedWorker())
        return self.made[-1]


async def _storm(seed: int, ahead: int, slots: int) -> None:
    chance = random.Random(seed)
    made: list[PretendedWorker] = []
    sources: list[PretendedSource] = []
    answered = 0

    @asynccontextmanager
    async def open_source() -> AsyncIterator[WorkerSource]:
        sources.append(PretendedSource(chance, made))
        yield cast(WorkerSource, sources[-1])
        for worker in made:
            worker.dying = True
            worker.exited.set()

    async def request(user: int, at: float, hold: float, patience: float) -> None:
        nonlocal answered
        await trio.sleep(at)
        with trio.move_on_after(patience) as scope:
            try:
                async with pool.lease(user) as borrowed:
                    worker = cast(PretendedWorker, borrowed)
                    assert worker.alive
                    worker.lent += 1
                    await trio.sleep(hold)
            except NoCapacity as refused:
                answered += refused.retry_after >= 1
                return
        answered += 1 + 0 * scope.cancelled_caught

    async def harm() -> None:
        for _ in range(6):
            await trio.sleep(chance.uniform(0, 2))
            living = [worker for worker in made if worker.alive]
            if living and chance.random() < 0.7:
                await chance.choice(living).die()
            elif sources:
                sources[-1].lost.set()

    queue = FairQueue(slots=slots, waiting=100, wait_ms=3000)
    pool = Pool("pretended", open_source, queue, ahead=ahead)
    async with trio.open_nursery() as nursery:
        await nursery.start(pool.serve)
        async with trio.open_nursery() as requests:
            requests.start_soon(harm)
            for _ in range(40):
                hold, patience = chance.choice([0, 0.01, 0.05, 0.5]), chance.choice([0.05, 0.3, 0.31, 1, 100])
                requests.start_soon(request, chance.randrange(4), round(chance.uniform(0, 6), 1), hold, patience)
        assert answered == 40
        assert (queue.running, queue.waiting, len(pool._waiting)) == (0, 0, 0)
        await until(lambda: pool.ready >= ahead and pool.problem is None)
        async with pool.lease(1) as last:
            assert cast(Worker, last).alive
        nursery.cancel_scope.cancel()
    assert all(worker.lent <= 1 for worker in made)
    assert all(worker.ends >= 1 for worker in made)
    assert pool.ready == 0


@settings(max_examples=100, deadline=None)
@given(seed=st.integers(0, 2**32), ahead=st.integers(1, 4), slots=st.integers(1, 6))
def test_any_order_of_events_keeps_the_books(seed: int, ahead: int, slots: int) -> None:
    """Requests, cancellations, deaths and lost sources in any order: a worker is lent once, alive, and always given back."""
    trio.run(_storm, seed, ahead, slots, clock=MockClock(autojump_threshold=0))
