"""A fork server's life: replaced without anybody noticing, and whoever is killed takes along what must not outlive it."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import msgspec
import psutil
import pytest
import trio

from sandboxd.errors import NoCapacity, WorkerStartError
from sandboxd.executions.engine import most
from sandboxd.models import Status
from sandboxd.policy.model import Policy
from sandboxd.pool.forkserver import ForkServer, open_forkserver
from sandboxd.pool.worker import Worker
from sandboxd.protocol.messages import Run, RunLimits
from tests.support.engines import PROFILE, launcher_pids, opened, run, server_pids, until, value, worker_pids
from tests.support.nodes import how
from tests.support.processes import wait_gone

ROOT = Path(__file__).resolve().parents[2]
REQUEST = Run("return 1 + 1", "javascript", "code-nodes", False, RunLimits(1000, 1000, 10))


async def answer(policy: Policy, worker: Worker) -> bytes:
    """What a worker makes of a sum."""
    outcome = await worker.run(REQUEST, most(policy.profiles[PROFILE]))
    assert outcome.value is not None, outcome
    return bytes(outcome.value)


# ------------------------------------------------------------------ replaced


async def test_a_server_is_replaced_after_so_many_forks(policy: Policy) -> None:
    """Executions, four at a time, over four servers of five forks: none is refused, and at the end there is one server."""
    async with open_forkserver(how(policy, kind="fork"), forks=5) as source:
        first = source.pid

        async def some() -> None:
            while source.replaced < 3:
                assert await answer(policy, await source.spawn()) == b"2"

        async with trio.open_nursery() as nursery:
            for _ in range(4):
                nursery.start_soon(some)
        await until(lambda: server_pids() == [source.pid])
        assert source.pid != first


async def test_a_server_is_replaced_after_some_time(policy: Policy) -> None:
    """The next fork after that time starts another, and does not wait for it."""
    async with open_forkserver(how(policy, kind="fork"), age_s=0.2) as source:
        first = source.pid
        await trio.sleep(0.3)
        worker = await source.spawn()
        assert source.pid == first
        await until(lambda: source.replaced)
        assert source.pid != first
        assert await answer(policy, worker) == b"2"


async def test_a_replaced_server_ends_with_its_last_child(policy: Policy) -> None:
    """A worker of it that waits is as good as ever; when it is gone the server is."""
    async with open_forkserver(how(policy, kind="fork"), forks=2) as source:
        first = source.pid
        kept, other = await source.spawn(), await source.spawn()
        await until(lambda: source.replaced == 1)
        await other.end()
        await trio.sleep(1.2)  # it is asked twice a second
        assert first in server_pids()
        assert source.pid != first
        assert await answer(policy, kept) == b"2"
        await until(lambda: server_pids() == [source.pid])
        assert not source.lost.is_set()


async def test_a_replacement_that_does_not_start_leaves_the_old_one(policy: Policy, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a launcher that is stopped the old server goes on; with one that goes on the next attempt succeeds."""
    monkeypatch.setattr("sandboxd.pool.forkserver.AGAIN_S", 1.0)
    async with open_forkserver(how(policy, kind="fork"), forks=1) as source:
        first = source.pid
        usual = source._plan
        source._plan = msgspec.structs.replace(
            usual, start_timeout_ms=300
        )  # long enough for a fork, as it does without booting
        (launcher,) = launcher_pids()
        os.kill(launcher, signal.SIGSTOP)
        try:
            with trio.CancelScope() as scope:
                source._nursery.start_soon(_replaced, source, scope)
                await trio.sleep(60)
            assert scope.cancelled_caught
            assert (source.pid, source.replaced, source.lost.is_set()) == (first, 0, False)
        finally:
            os.kill(launcher, signal.SIGCONT)
        source._plan = usual
        assert await answer(policy, await source.spawn()) == b"2"
        await until(lambda: source.replaced == 1)
        await until(lambda: server_pids() == [source.pid])  # nor is the one left that came too late


async def _replaced(source: ForkServer, scope: trio.CancelScope) -> None:
    await source._replace()
    scope.cancel()


# ------------------------------------------------------------------ killed


async def test_a_killed_server_costs_only_what_runs(policy: Policy) -> None:
    """Its executions end as crashed and say so, no process of it stays, and the next ones run as soon as there is another."""
    async with opened(policy, workers="fork", ahead=2, running=4) as engine:
        on, outcomes = 0, []

        def heard(_: object) -> None:
            nonlocal on
            on += 1

        async def endless(user: int) -> None:
            outcomes.append(await run(engine, "console.log('on'); for (;;) {}", user=user, wall_ms=30_000, on_log=heard))

        async with trio.open_nursery() as nursery:
            for user in range(3):
                nursery.start_soon(endless, user)
            await until(lambda: on == 3)
            lost = [*launcher_pids(), *server_pids(), *worker_pids()]
            assert len(lost) >= 5
            os.kill(server_pids()[0], signal.SIGKILL)
        ends = {(outcome.status, outcome.failure.message) for outcome in outcomes if outcome.failure is not None}
        assert ends == {(Status.crashed, "The process that keeps the workers was lost")}
        assert all([line.text for line in outcome.logs] == ["on"] for outcome in outcomes)
        assert value(await run(engine, "return 1 + 1")) == 2
        await until(lambda: wait_gone(lost, 0) == [])
        assert engine.problems() == {}


async def test_a_source_whose_server_was_killed_says_so(policy: Policy) -> None:
    """It is lost, makes no more workers, and those that waited are told."""
    async with open_forkserver(how(policy, kind="fork")) as source:
        worker = await source.spawn()
        os.kill(source.pid, signal.SIGKILL)
        with trio.fail_after(30):
            await source.lost.wait()
            await worker.exited.wait()
        assert (await worker.end()).status is None
        with pytest.raises(WorkerStartError, match="The fork server has ended"):
            await source.spawn()


async def test_a_server_that_does_not_answer_is_killed_and_replaced(policy: Policy) -> None:
    """One that somebody has stopped, and nobody continues, is noticed; who waits is served by the next."""
    async with opened(policy, workers="fork", ahead=1, running=1, start_timeout_ms=2000) as engine:
        assert value(await run(engine, "return 1 + 1")) == 2
        (first,) = server_pids()
        os.kill(first, signal.SIGSTOP)
        with trio.fail_after(60):
            while first in server_pids():
                try:
                    assert value(await run(engine, "return 1 + 1")) == 2
                except NoCapacity:
                    await trio.sleep(0.1)
            await until(lambda: engine.problems() == {})
        assert value(await run(engine, "return 1 + 1")) == 2
    assert wait_gone([first]) == []


async def test_a_server_that_is_only_slow_is_not_killed(policy: Policy) -> None:
    """One that is stopped for less than its time goes on, and what was asked of it comes."""
    async with open_forkserver(how(policy, kind="fork")) as source:
        os.kill(source.pid, signal.SIGSTOP)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_spawned, policy, source)
            await trio.sleep(1.2)  # it is looked at twice a second
            os.kill(source.pid, signal.SIGCONT)
        assert not source.lost.is_set()


async def _spawned(policy: Policy, source: ForkServer) -> None:
    assert await answer(policy, await source.spawn()) == b"2"


DAEMON = """
import sys, trio
from sandboxd.config import PoolSettings, Settings
from sandboxd.executions.engine import open_engine, read_policy
from sandboxd.models import Source
from sandboxd.policy.decide import local_grant
import psutil

async def main():
    policy = read_policy(Settings())
    pool = PoolSettings(ahead=4, running=4, workers="fork")
    async with open_engine(Settings(pool=pool), policy, ["code-nodes"]) as engine, trio.open_nursery() as nursery:
        grant = local_grant(policy, "code-nodes", 30000, field="wall_ms")
        async def load(user, code):
            while True:
                await engine.run(grant, Source(code), user=user)
        for user in range(2):
            nursery.start_soon(load, user, "for (;;) {}")
            nursery.start_soon(load, user + 2, "return 1")
        await trio.sleep(1)
        while True:
            print(*(child.pid for child in psutil.Process().children(recursive=True)), flush=True)
            await trio.sleep(0.05)

trio.run(main)
"""


@pytest.mark.parametrize("whom", ["daemon", "launcher", "server"])
def test_nothing_is_left_of_what_was_killed_under_load(tmp_path: Path, whom: str) -> None:
    """While workers come and go: no process, and no file where temporary files go."""
    environment = os.environ | {"TMPDIR": str(tmp_path)}
    with subprocess.Popen(
        [sys.executable, "-c", DAEMON], stdout=subprocess.PIPE, text=True, cwd=ROOT, env=environment
    ) as daemon:
        try:
            assert daemon.stdout is not None
            daemon.stdout.readline()
            family = psutil.Process(daemon.pid).children(recursive=True)
            (launcher,) = psutil.Process(daemon.pid).children()
            (server,) = launcher.children()
            assert len(family) >= 4
            victim = {"daemon": daemon.pid, "launcher": launcher.pid, "server": server.pid}[whom]
            os.kill(victim, signal.SIGKILL)
            # What had been made after the look is below one of these, and dies with it.
            assert wait_gone([process.pid for process in family]) == []
        finally:
            daemon.kill()
            below = _below(daemon)
            daemon.wait(30)
    assert wait_gone(below) == []
    assert list(tmp_path.iterdir()) == []


def _below(daemon: "subprocess.Popen[str]") -> list[int]:
    try:
        return [process.pid for process in psutil.Process(daemon.pid).children(recursive=True)]
    except psutil.NoSuchProcess:
        return []
