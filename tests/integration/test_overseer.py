"""What becomes of running workers while they run, and of the pool when there is load."""

import os

import trio

from sandboxd.policy.model import Policy
from sandboxd.pool.overseer import NICE
from tests.support.engines import PROFILE, opened, run, until, worker_pids


async def test_long_code_goes_behind_short_code(policy: Policy) -> None:
    """A worker that has used its first CPU time gets the lowest priority; one that waits keeps the daemon's."""

    def priorities() -> set[int]:
        found = set()
        for pid in worker_pids():
            try:
                found.add(os.getpriority(os.PRIO_PROCESS, pid))
            except ProcessLookupError:
                continue
        return found

    async with opened(policy, ahead=2, running=2) as engine, trio.open_nursery() as nursery:
        await until(lambda: engine.pools[PROFILE].ready >= 2)
        assert NICE not in priorities()
        nursery.start_soon(lambda: run(engine, "for (;;) {}", wall_ms=30_000))
        await until(lambda: NICE in priorities())
        assert len(priorities()) == 2
        nursery.cancel_scope.cancel()


async def test_forked_workers_follow_the_load(policy: Policy) -> None:
    """While several run at the same time as many are kept ready, so that the next ones need not wait."""
    async with opened(policy, ahead=2, running=6, workers="fork") as engine, trio.open_nursery() as nursery:
        for user in range(4):
            nursery.start_soon(lambda user=user: run(engine, "for (;;) {}", user=user, wall_ms=30_000))
        await until(lambda: engine.queue.running == 4 and engine.pools[PROFILE].ready == 4)
        nursery.cancel_scope.cancel()


async def test_started_workers_do_not(policy: Policy) -> None:
    """A worker that boots a Node of its own is kept ready as often as was set, and no more."""
    async with opened(policy, ahead=1, running=4, workers="exec") as engine, trio.open_nursery() as nursery:
        for user in range(2):
            nursery.start_soon(lambda user=user: run(engine, "for (;;) {}", user=user, wall_ms=30_000))
        await until(lambda: engine.queue.running == 2 and len(worker_pids()) == 3)
        await trio.sleep(1)
        assert engine.pools[PROFILE].ready == 1
        nursery.cancel_scope.cancel()
