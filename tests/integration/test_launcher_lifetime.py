"""Nothing outlives its maker: workers their launcher, and both the daemon."""

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
import trio

from sandboxd.errors import WorkerStartError
from sandboxd.policy.model import Policy
from sandboxd.pool.execserver import open_execserver
from tests.support.engines import launcher_pids, until, worker_pids
from tests.support.nodes import fake_node, how
from tests.support.processes import wait_gone

ROOT = Path(__file__).resolve().parents[2]


async def test_a_killed_launcher_takes_its_workers_along(policy: Policy) -> None:
    """Workers die with the launcher, and whoever holds them is told."""
    async with open_execserver(how(policy)) as server:
        workers = [await server.spawn() for _ in range(2)]
        pids = [*launcher_pids(), *(worker.pid for worker in workers)]
        os.kill(launcher_pids()[0], signal.SIGKILL)
        with trio.fail_after(30):
            await server.lost.wait()
            for worker in workers:
                await worker.exited.wait()
                assert (await worker.end()).status is None
        with pytest.raises(WorkerStartError):
            await server.spawn()
    assert wait_gone(pids) == []


DAEMON = """
import structlog, sys, trio
from sandboxd.config import PoolSettings, Settings
from sandboxd.executions.engine import open_engine, read_policy
from sandboxd.models import Source
from sandboxd.policy.decide import local_grant
import psutil

structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))  # a busy machine is complained of

async def main():
    policy = read_policy(Settings())
    async with open_engine(Settings(pool=PoolSettings(ahead=2, running=2)), policy, ["code-nodes"]) as engine:
        def tell(_):
            print(*(child.pid for child in psutil.Process().children(recursive=True)), flush=True)
        grant = local_grant(policy, "code-nodes", 30000, field="wall_ms")
        await engine.run(grant, Source("console.log(1); for (;;) {}"), user=1, on_log=tell)

trio.run(main)
"""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGABRT], ids=str)
def test_a_killed_daemon_leaves_no_process(number: int) -> None:
    """However the daemon dies, its launcher and all its workers, the running ones too, are gone."""
    with subprocess.Popen([sys.executable, "-c", DAEMON], stdout=subprocess.PIPE, text=True, cwd=ROOT) as daemon:
        assert daemon.stdout is not None
        pids = [int(word) for word in daemon.stdout.readline().split()]
        assert len(pids) >= 3
        assert all(psutil.pid_exists(pid) for pid in pids)
        daemon.send_signal(number)
        daemon.wait(30)
    assert wait_gone(pids) == []


async def test_the_end_of_the_control_socket_ends_everything(policy: Policy) -> None:
    """A launcher whose daemon hangs up kills and reaps its workers and ends by itself with success."""
    async with open_execserver(how(policy)) as server:
        workers = [await server.spawn() for _ in range(2)]
        launcher = psutil.Process(launcher_pids()[0])
        server.launcher.control.shutdown(socket.SHUT_RDWR)
        assert await trio.to_thread.run_sync(lambda: launcher.wait(30)) == 0
        for worker in workers:
            await worker.end()
    assert wait_gone([worker.pid for worker in workers]) == []


async def test_a_launch_that_is_cancelled_leaves_no_process(policy: Policy, tmp_path: Path) -> None:
    """A worker that nobody waits for any more is killed as soon as it is known, at whatever moment that happens."""
    async with open_execserver(how(policy, fake_node(tmp_path, "time.sleep(60)"))) as server:
        for moment in (0, 0, 0.0005, 0.001, 0.002, 0.005, 0.02, 0.1):
            with trio.move_on_after(moment):
                await server.spawn()
        await until(lambda: worker_pids() == [])
        assert server.launcher.idle
