"""The launcher: what a worker inherits, and that nothing outlives its maker."""

import json
import os
import resource
import signal
import socket
import subprocess
import sys
from pathlib import Path

import msgspec
import psutil
import pytest
import trio

from sandboxd.errors import WorkerStartError
from sandboxd.executions.engine import most
from sandboxd.models import LogLine
from sandboxd.policy.model import Policy
from sandboxd.pool.execserver import ExecServer, Plan, open_execserver
from sandboxd.pool.runtime import find_node
from tests.support.engines import launcher_pids, opened, run, until, worker_pids
from tests.support.nodes import fake_node, plan, shell_node
from tests.support.processes import wait_gone

ROOT = Path(__file__).resolve().parents[2]
READY = "send(READY); time.sleep(60)"


def how(policy: Policy, node: str = "", **changes: object) -> Plan:
    """A plan for the shipped profile, with some of it replaced."""
    profile = policy.profiles["code-nodes"]
    return msgspec.structs.replace(plan(find_node(node), profile, most(profile), start_timeout_ms=30_000), **changes)


def descriptors(pid: int) -> dict[int, str]:
    """Numbers and targets of a process's descriptors."""
    return {int(path.name): str(path.readlink()) for path in Path(f"/proc/{pid}/fd").iterdir()}


def status(pid: int, key: str) -> str:
    """A line of a process's status."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(line.split(":")[1].strip() for line in lines if line.startswith(key + ":"))


def limit_of(pid: int, name: str) -> tuple[int, ...]:
    """The soft and the hard limit of a process, as the kernel names it."""
    lines = Path(f"/proc/{pid}/limits").read_text().splitlines()
    return next(tuple(int(word) for word in line[26:].split()[:2]) for line in lines if line.startswith(name))


# ------------------------------------------------------------------ what a worker inherits


async def test_environment_is_what_was_given(policy: Policy) -> None:
    """Of the daemon's environment nothing reaches a worker."""
    given = how(policy)
    async with open_execserver(given) as server:
        worker = await server.spawn()
        found = psutil.Process(worker.pid).environ()
        await worker.end()
    assert found == given.env


async def test_descriptors_are_four(policy: Policy, tmp_path: Path) -> None:
    """A worker holds /dev/null twice, its stderr pipe, its channel, and no other descriptor."""
    leaked = [os.open("/dev/null", os.O_RDONLY) for _ in range(5)]
    for number in leaked:
        os.set_inheritable(number, True)
    try:
        async with open_execserver(how(policy, fake_node(tmp_path, READY))) as server:
            workers = [await server.spawn() for _ in range(3)]
            found = [descriptors(worker.pid) for worker in workers]
            for worker in workers:
                await worker.end()
    finally:
        for number in leaked:
            os.close(number)
    for each in found:
        assert sorted(each) == [0, 1, 2, 3]
        assert (each[0], each[1], each[2].split(":")[0], each[3].split(":")[0]) == ("/dev/null", "/dev/null", "pipe", "socket")
    assert len({target for each in found for target in each.values()}) == 1 + 2 * 3


async def test_session_is_its_own(policy: Policy) -> None:
    """Each worker leads a session without a terminal, and so does the launcher."""
    async with open_execserver(how(policy)) as server:
        workers = [await server.spawn() for _ in range(2)]
        assert [os.getsid(worker.pid) for worker in workers] == [worker.pid for worker in workers]
        assert [os.getsid(pid) for pid in launcher_pids()] == launcher_pids()
        for worker in workers:
            await worker.end()


async def test_limits_are_as_given(policy: Policy, tmp_path: Path) -> None:
    """The rlimits of the plan hold, none of them to be raised again; CPU leaves one second to say why."""
    given = how(policy, fake_node(tmp_path, READY))
    async with open_execserver(given) as server:
        worker = await server.spawn()
        for name, value in given.rlimits.items():
            soft, hard = resource.prlimit(worker.pid, getattr(resource, f"RLIMIT_{name}"))
            assert (name, soft, hard) == (name, value, value + (name == "CPU"))
        await worker.end()


async def test_a_limit_above_our_own_is_ours(policy: Policy) -> None:
    """A plan that asks for more than the daemon has does not keep workers from starting."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    given = how(policy)
    async with open_execserver(msgspec.structs.replace(given, rlimits=given.rlimits | {"NOFILE": hard + 1000})) as server:
        worker = await server.spawn()
        assert limit_of(worker.pid, "Max open files") == (hard, hard)  # its uid is another: prlimit might not tell
        await worker.end()


async def test_memory_limit_is_the_budget_of_the_request(policy: Policy) -> None:
    """Code runs in a process that may take no more data than it had and its own budget, and cannot raise that again."""
    async with opened(policy, ahead=1) as engine:
        limits: list[tuple[int, ...]] = []

        def look(_: LogLine) -> None:
            limits.append(limit_of(worker, "Max data size"))

        await until(lambda: engine.pools["code-nodes"].ready)
        worker = worker_pids()[0]
        had = int(status(worker, "VmData").split()[0]) * 1024
        code = "console.log(1); await new Promise((r) => setTimeout(r, 300))"
        assert (await run(engine, code, memory_bytes=50 << 20, on_log=look)).status == "succeeded"
    soft, hard = limits[0]
    assert soft == hard
    assert abs(soft - had - (50 << 20)) < 4 << 20


LIBC_SIGNALS = 0b11 << 31
"""32 and 33: libc keeps them for itself, so nobody can reset what an odd parent made of them."""


async def test_signals_are_the_default(policy: Policy, tmp_path: Path) -> None:
    """Nothing that Python or the launcher ignores or blocks is ignored or blocked in a worker."""
    script = "[ \"$1\" = --version ] && echo v24.0.0 && exit\nexec grep -E '^Sig(Ign|Blk):' /proc/self/status >&2"
    probe = shell_node(tmp_path, script)
    async with open_execserver(how(policy, probe)) as server:
        with pytest.raises(WorkerStartError) as words:
            await server.spawn()
    blocked, ignored = (int(mask, 16) & ~LIBC_SIGNALS for mask in words.value.message.split()[-3::2])
    assert (blocked, ignored) == (0, 0)


# ------------------------------------------------------------------ nothing outlives its maker


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
import sys, trio
from sandboxd.config import PoolSettings, Settings
from sandboxd.executions.engine import open_engine, read_policy
from sandboxd.models import Source
from sandboxd.policy.decide import local_grant
import psutil

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
        server._control.shutdown(socket.SHUT_RDWR)
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
        assert (server._launching, server._living) == ({}, {})


# ------------------------------------------------------------------ failures


async def test_a_failing_exec_tells_step_and_errno(policy: Policy, tmp_path: Path) -> None:
    """A program that cannot be executed is reported with the step and the errno, as often as it is tried."""
    given = how(policy, fake_node(tmp_path, READY))
    (tmp_path / "node").unlink()
    async with open_execserver(given) as server:
        for _ in range(20):
            with pytest.raises(WorkerStartError) as problem:
                await server.spawn()
            told = json.loads(problem.value.message.partition(": ")[2])
            assert (told["step"], told["errno"]) == ("exec", "ENOENT")
        assert not server.lost.is_set()


async def test_a_failing_limit_tells_its_step(policy: Policy) -> None:
    """Any step before exec is named when it fails."""
    given = how(policy)
    async with open_execserver(msgspec.structs.replace(given, rlimits={"NOSUCH": 1})) as server:
        with pytest.raises(WorkerStartError, match=r'"step": "limits".*RLIMIT_NOSUCH'):
            await server.spawn()


async def test_a_launcher_that_cannot_start_is_lost(policy: Policy, monkeypatch: pytest.MonkeyPatch) -> None:
    """A launcher that ends at once is seen as lost, and no process or exception is left of it."""
    monkeypatch.setattr("sandboxd.pool.execserver.ROOT", "/nonexistent")
    async with open_execserver(how(policy)) as server:
        with trio.fail_after(30):
            await server.lost.wait()
        with pytest.raises(WorkerStartError):
            await server.spawn()


# ------------------------------------------------------------------ descriptors of the daemon


def numbers() -> list[int]:
    """The descriptors of this process."""
    return [int(path.name) for path in Path("/proc/self/fd").iterdir()]


def open_descriptors() -> int:
    """How many this process has."""
    return len(numbers())


async def test_executions_leak_no_descriptor(policy: Policy) -> None:
    """After a hundred executions, some cancelled and some that fail, the daemon has as many descriptors as before."""
    async with opened(policy, ahead=2, running=4) as engine:
        await run(engine, "1")
        await until(lambda: engine.pools["code-nodes"].ready == 2)
        before = open_descriptors()
        codes = ["return 1", "throw 1", "process.exit()", "await new Promise(() => {})", "new Uint8Array(2 ** 30).fill(1)"]

        async def some(at: int) -> None:
            for n in range(25):
                if n % 5 == at:
                    with trio.move_on_after(0.05):
                        await run(engine, "for (;;) {}", user=at)
                else:
                    await run(engine, codes[n % 5], user=at)

        async with trio.open_nursery() as nursery:
            for at in range(4):
                nursery.start_soon(some, at)
        await until(lambda: engine.pools["code-nodes"].ready == 2 and open_descriptors() <= before)
        assert open_descriptors() == before


@pytest.mark.parametrize(
    "body", ["sys.exit(1)", "send(b'garbage'); time.sleep(60)", "time.sleep(60)"], ids=["exits", "garbage", "silent"]
)
async def test_failed_starts_leak_no_descriptor(policy: Policy, tmp_path: Path, body: str) -> None:
    """After fifty failed starts the daemon has as many descriptors as before, and no worker is left."""

    async def fail(server: ExecServer) -> None:
        with pytest.raises(WorkerStartError):
            await server.spawn()

    async with open_execserver(how(policy, fake_node(tmp_path, body), start_timeout_ms=1000)) as server:
        await fail(server)
        before = open_descriptors()
        async with trio.open_nursery() as nursery:
            for _ in range(50):
                nursery.start_soon(fail, server)
        await until(lambda: open_descriptors() <= before)
        assert open_descriptors() == before
        await until(lambda: worker_pids() == [])


async def test_engines_leak_no_descriptor(policy: Policy) -> None:
    """Opening and closing engines leaves no descriptor and no child."""
    async with opened(policy):
        pass
    before = open_descriptors()
    for _ in range(3):
        async with opened(policy) as engine:
            await run(engine, "1")
    assert open_descriptors() == before
    assert [child for child in psutil.Process().children() if child.status() == psutil.STATUS_ZOMBIE] == []


async def test_running_out_of_descriptors_harms_nobody(policy: Policy) -> None:
    """When no descriptor is left workers do not start, and say so; what runs goes on, and later all is well."""
    async with open_execserver(how(policy)) as server:
        worker = await server.spawn()
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        for spare in range(8):
            resource.setrlimit(resource.RLIMIT_NOFILE, (max(numbers()) + 1 + spare, hard))
            filler: list[int] = []
            try:
                while True:
                    filler.append(os.dup(0))
            except OSError:
                for number in filler[:spare]:
                    os.close(number)
                try:
                    late = await server.spawn()
                except WorkerStartError as problem:
                    assert "EMFILE" in problem.message or "Too many open files" in problem.message  # noqa: PT017
                else:
                    await late.end()
            finally:
                resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
                for number in filler[spare:]:
                    os.close(number)
        assert not server.lost.is_set()
        assert worker.alive
        await worker.end()
        late = await server.spawn()
        await late.end()
