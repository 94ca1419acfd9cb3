"""The pool on real processes: workers ahead, lost workers, a Node that does not start, a launcher that is killed."""

import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trio

from sandboxd.config import PoolSettings, Settings
from sandboxd.errors import NoCapacity, SettingsError, WorkerStartError
from sandboxd.executions.engine import Engine, open_engine
from sandboxd.models import Outcome, Status
from sandboxd.policy.model import Policy
from sandboxd.pool.pool import Pool
from tests.support.engines import PROFILE, below_us, launcher_pids, opened, run, until, value, worker_pids
from tests.support.nodes import fake_node, shell_node
from tests.support.processes import wait_gone

ENDLESS = "console.log('on'); for (;;) {}"
ANSWER = "send(READY); receive(); send(DONE)"


def counting(folder: Path, body: str) -> str:
    """A Node that leaves an empty file for each of its starts: workers cannot write a byte."""
    (folder / "starts").mkdir()
    return fake_node(folder, f"os.close(os.open({str(folder / 'starts')!r} + f'/{{time.time_ns()}}', os.O_CREAT))\n{body}")


def starts(folder: Path) -> int:
    return len(list((folder / "starts").iterdir()))


def pool_of(engine: Engine) -> Pool:
    return engine.pools[PROFILE]


@asynccontextmanager
async def busy(engine: Engine, count: int) -> AsyncIterator[list[Outcome]]:
    """Executions without end, all printing already; their outcomes are in the list once there are any."""
    outcomes: list[Outcome] = []
    on = 0

    async def one(user: int) -> None:
        nonlocal on

        def heard(_: object) -> None:
            nonlocal on
            on += 1

        outcomes.append(await run(engine, ENDLESS, user=user, wall_ms=30_000, on_log=heard))

    async with trio.open_nursery() as nursery:
        for user in range(count):
            nursery.start_soon(one, user)
        await until(lambda: on == count)
        yield outcomes
        nursery.cancel_scope.cancel()


# ------------------------------------------------------------------ ahead


async def test_workers_wait_ahead_of_requests(policy: Policy) -> None:
    """As many workers as are set wait ready, and no more."""
    async with opened(policy, ahead=3) as engine:
        await until(lambda: pool_of(engine).ready == 3)
        await trio.sleep(0.3)
        assert (pool_of(engine).ready, len(worker_pids())) == (3, 3)


async def test_each_execution_has_its_own_process(policy: Policy) -> None:
    """A worker that was used is gone before its outcome is there, and another takes its place."""
    async with opened(policy, ahead=2) as engine:
        seen: set[int] = set()
        for _ in range(4):
            await until(lambda: pool_of(engine).ready == 2)
            before = set(worker_pids())
            await run(engine, "return 1")
            gone = before - set(worker_pids())
            assert len(gone) == 1
            assert not gone & seen
            seen |= gone


async def test_a_ready_worker_that_dies_is_replaced(policy: Policy) -> None:
    """A worker killed while it waits is never lent, and a new one comes."""
    async with opened(policy, ahead=2) as engine:
        await until(lambda: pool_of(engine).ready == 2)
        before = worker_pids()
        for pid in before:
            os.kill(pid, signal.SIGKILL)
        assert wait_gone(before) == []  # without a turn of the loop: the pool has not heard of it
        assert value(await run(engine, "return 1 + 1")) == 2
        await until(lambda: pool_of(engine).ready == 2)
        assert not set(before) & set(worker_pids())
        assert engine.problems() == {}


async def test_a_node_that_dies_once_it_is_ready_is_not_started_in_a_hurry(policy: Policy, tmp_path: Path) -> None:
    """Workers that come up and fall over again are made with pauses in between."""
    node = counting(tmp_path, "send(READY); time.sleep(0.01)")
    async with opened(policy, node=node):
        await until(lambda: starts(tmp_path) >= 2)
        begun = starts(tmp_path)
        await trio.sleep(2)
        assert starts(tmp_path) - begun <= 30


async def test_starting_is_bounded(policy: Policy, tmp_path: Path) -> None:
    """However many wait, only as many start at once as there are CPUs."""
    flag = tmp_path / "slow"
    node = counting(tmp_path, f"if os.path.exists({str(flag)!r}): time.sleep(60)\n{ANSWER}")
    async with opened(policy, node=node, ahead=1, running=30, start_timeout_ms=60_000) as engine:
        flag.touch()
        begun = starts(tmp_path)
        async with trio.open_nursery() as nursery:
            for user in range(30):
                nursery.start_soon(lambda: run(engine, "1", user=user))  # noqa: B023
            await until(lambda: starts(tmp_path) > begun)
            await trio.sleep(1)
            assert starts(tmp_path) - begun <= (os.cpu_count() or 1)
            nursery.cancel_scope.cancel()


async def test_refill_leaves_the_cpu_to_running_code(policy: Policy, tmp_path: Path) -> None:
    """While all CPUs run code, one worker starts at a time."""
    cpus = os.cpu_count() or 1
    flag = tmp_path / "slow"
    slow = f"if os.path.exists({str(flag)!r}): time.sleep(60)\n"
    node = counting(tmp_path, f"{slow}send(READY); receive(); send(LOG); time.sleep(60)")
    async with opened(policy, node=node, ahead=cpus, running=2 * cpus, start_timeout_ms=60_000) as engine:
        await until(lambda: pool_of(engine).ready == cpus)
        flag.touch()
        begun = starts(tmp_path)
        async with busy(engine, cpus):
            await trio.sleep(1)
            assert starts(tmp_path) - begun == 1


# ------------------------------------------------------------------ a Node that does not start


async def test_a_node_that_dies_at_start_degrades_the_pool(policy: Policy, tmp_path: Path) -> None:
    """The pool says what the Node said, tries again ever more slowly, and recovers by itself once it starts."""
    broken = tmp_path / "broken"
    broken.touch()
    body = f"if os.path.exists({str(broken)!r}):\n    sys.stderr.write('no such flag: --frob'); sys.exit(9)\n{ANSWER}"
    async with opened(policy, node=counting(tmp_path, body)) as engine:
        assert "no such flag: --frob" in engine.problems()[PROFILE]
        with pytest.raises(WorkerStartError, match="--frob"):
            engine.demand()
        await trio.sleep(2)
        assert starts(tmp_path) <= 20
        broken.unlink()
        assert value(await run(engine, "1")) == 1
        assert engine.problems() == {}


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ("sys.exit(3)", "it ended without a word"),
        ("send(b'HTTP/1.1 200 OK\\r\\n')", "a frame of"),
        ("send(LOG); time.sleep(60)", "LogLine in state booting"),
        ("send(READY + READY); time.sleep(60)", "Ready in state idle"),
        ("send(frame('{}')); time.sleep(60)", "not a message"),
        ("sys.stderr.write('x' * 100000); time.sleep(60)", "not ready within 1500 ms: xxx"),
        ("os.kill(os.getpid(), 9)", "it ended without a word"),
    ],
)
async def test_what_a_worker_does_instead_of_starting_is_told(policy: Policy, tmp_path: Path, body: str, why: str) -> None:
    """Every way not to start has its own words."""
    async with opened(policy, node=fake_node(tmp_path, body), start_timeout_ms=1500) as engine:
        assert why in engine.problems()[PROFILE]
        assert len(engine.problems()[PROFILE]) < 2000


async def test_requests_of_a_degraded_pool_end(policy: Policy, tmp_path: Path) -> None:
    """Who waits for a worker that does not come is refused after the time that he may wait, slot and worker together."""
    async with opened(policy, node=shell_node(tmp_path, '[ "$1" = --version ] && echo v24.0.0'), wait_ms=1000) as engine:
        begun = trio.current_time()
        with pytest.raises(NoCapacity) as refused:
            await run(engine, "1")
        assert 0.9 < trio.current_time() - begun < 20
        assert refused.value.retry_after >= 1
        assert (engine.queue.running, engine.queue.waiting) == (0, 0)


async def test_a_cancelled_request_takes_no_worker_with_it(policy: Policy, tmp_path: Path) -> None:
    """Requests cancelled while they wait for a worker leave neither slots nor places, and the worker stays for the next."""
    slow = tmp_path / "slow"
    slow.touch()
    node = fake_node(tmp_path, f"while os.path.exists({str(slow)!r}): time.sleep(0.01)\n{ANSWER}")
    sizes = PoolSettings(ahead=1, running=4)
    async with trio.open_nursery() as outer:

        async def use() -> None:
            async with open_engine(Settings(node=node, pool=sizes), policy, [PROFILE]) as engine:
                assert value(await run(engine, "1")) == 1
                for _ in range(20):
                    with trio.move_on_after(0.02):
                        await run(engine, "1")
                await until(lambda: pool_of(engine).ready >= 1)  # 2 when one had been started for a request that left
                assert (engine.queue.running, engine.queue.waiting, len(pool_of(engine)._waiting)) == (0, 0, 0)

        outer.start_soon(use)
        await trio.sleep(0.2)
        slow.unlink()


# ------------------------------------------------------------------ a launcher that is lost


async def test_a_killed_launcher_costs_only_what_runs(policy: Policy) -> None:
    """Executions of a launcher that is killed end as crashed and say so, no process of it stays, and the pool recovers."""
    async with opened(policy, ahead=2, running=4) as engine:
        async with busy(engine, 3) as outcomes:
            lost, processes = launcher_pids(), worker_pids()
            assert len(processes) >= 3
            os.kill(lost[0], signal.SIGKILL)
            await until(lambda: len(outcomes) == 3)
        await until(lambda: wait_gone([*lost, *processes], 0) == [])  # with turns of the loop, which reaps
        ends = {(outcome.status, outcome.failure.message) for outcome in outcomes if outcome.failure is not None}
        assert ends == {(Status.crashed, "The process that keeps the workers was lost")}
        assert all([line.text for line in outcome.logs] == ["on"] for outcome in outcomes)
        assert value(await run(engine, "return 1 + 1")) == 2
        assert engine.problems() == {}


async def test_a_launcher_killed_while_workers_start(policy: Policy, tmp_path: Path) -> None:
    """Workers that were on their way when the launcher died are given up, and the pool recovers."""
    slow = tmp_path / "slow"
    node = fake_node(tmp_path, f"while os.path.exists({str(slow)!r}): time.sleep(0.01)\n{ANSWER}")
    async with opened(policy, node=node, ahead=1) as engine:
        slow.touch()
        await run(engine, "1")
        await until(worker_pids)
        lost = [*launcher_pids(), *worker_pids()]
        os.kill(launcher_pids()[0], signal.SIGKILL)
        await until(lambda: engine.problems())
        assert "lost" in engine.problems()[PROFILE]
        slow.unlink()
        assert value(await run(engine, "1")) == 1
        await until(lambda: wait_gone(lost, 0) == [])


# ------------------------------------------------------------------ full


async def test_a_full_queue_refuses(policy: Policy) -> None:
    """With all slots taken and the queue full the next request is refused at once, and told when to come again."""
    async with opened(policy, ahead=1, running=2, waiting=1) as engine, busy(engine, 2), trio.open_nursery() as nursery:
        nursery.start_soon(lambda: run(engine, "1", user="waits"))
        await until(lambda: engine.queue.waiting == 1)
        with pytest.raises(NoCapacity) as refused:
            await run(engine, "1", user="more")
        assert refused.value.retry_after >= 1
        nursery.cancel_scope.cancel()


async def test_waiting_too_long_refuses(policy: Policy) -> None:
    """Who waits for a slot longer than he may is refused, and those who run are not touched."""
    async with opened(policy, ahead=1, running=1, wait_ms=300) as engine, busy(engine, 1) as outcomes:
        with pytest.raises(NoCapacity):
            await run(engine, "1", user="more")
        assert (engine.queue.waiting, outcomes) == (0, [])


async def test_cancelled_waiters_leave_nothing(policy: Policy) -> None:
    """Requests that are cancelled in the queue are gone from it, and no worker was spent on them."""
    async with opened(policy, ahead=1, running=1) as engine, busy(engine, 1):
        await until(lambda: pool_of(engine).ready == 1)
        before = worker_pids()
        async with trio.open_nursery() as nursery:
            for user in range(10):
                nursery.start_soon(lambda: run(engine, "1", user=user))  # noqa: B023
            await until(lambda: engine.queue.waiting == 10)
            nursery.cancel_scope.cancel()
        assert (engine.queue.waiting, engine.queue.running) == (0, 1)
        assert worker_pids() == before


async def test_users_take_turns_for_workers(policy: Policy) -> None:
    """A user with one request gets in before the second of another's."""
    order: list[str] = []
    async with opened(policy, ahead=1, running=1) as engine, trio.open_nursery() as nursery:

        async def one(user: str) -> None:
            await run(engine, "1", user=user, started=lambda: order.append(user))

        async with busy(engine, 1):
            for at, user in enumerate("aaaab", 1):
                nursery.start_soon(one, user)
                await until(lambda: engine.queue.waiting == at)  # noqa: B023
    assert order == ["a", "b", "a", "a", "a"]


async def test_a_pool_of_an_unknown_profile(policy: Policy) -> None:
    """A profile that is not there is the operator's mistake, and the ones that are there are named."""
    with pytest.raises(SettingsError, match="code-nodes"):
        async with open_engine(Settings(), policy, ["nope"]):
            pass


async def test_closing_leaves_no_process(policy: Policy) -> None:
    """When the engine is closed its launcher and all workers are reaped."""
    before = {process.pid for process in below_us()}
    async with opened(policy, ahead=3):
        assert {process.pid for process in below_us()} > before
    assert {process.pid for process in below_us()} <= before
