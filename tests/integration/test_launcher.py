"""The launcher: what a worker inherits, and what is told when none can be made."""

import json
import os
import resource
import signal
from collections.abc import Iterator
from pathlib import Path

import msgspec
import psutil
import pytest
import trio

from sandboxd.errors import WorkerStartError
from sandboxd.models import LogLine
from sandboxd.policy.model import Policy
from sandboxd.pool.execserver import open_execserver
from tests.support.engines import launcher_pids, opened, run, until, worker_pids
from tests.support.nodes import fake_node, how, shell_node

READY = "send(READY); time.sleep(60)"


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
    """Of the daemon's environment nothing reaches a worker; our own module is where it is inside."""
    given = how(policy)
    async with open_execserver(given) as server:
        worker = await server.spawn()
        found = psutil.Process(worker.pid).environ()
        await worker.end()
    assert found == given.env | {"LD_PRELOAD": "/harness/forkserver.node"}


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


@pytest.fixture
def ignoring() -> Iterator[None]:
    """As if started by nohup in a shell's background."""
    numbers = (signal.SIGHUP, signal.SIGQUIT)
    before = [signal.signal(number, signal.SIG_IGN) for number in numbers]
    yield
    for number, action in zip(numbers, before, strict=True):
        signal.signal(number, action)


@pytest.mark.usefixtures("ignoring")
async def test_signals_are_the_default(policy: Policy, tmp_path: Path) -> None:
    """Nothing that Python, the launcher or who started the daemon ignores or blocks is ignored or blocked in a worker."""
    script = "[ \"$1\" = --version ] && echo v24.0.0 && exit\nexec grep -E '^Sig(Ign|Blk):' /proc/self/status >&2"
    probe = shell_node(tmp_path, script)
    async with open_execserver(how(policy, probe)) as server:
        with pytest.raises(WorkerStartError) as words:
            await server.spawn()
    blocked, ignored = (int(mask, 16) & ~LIBC_SIGNALS for mask in words.value.message.split()[-3::2])
    assert (blocked, ignored) == (0, 0)


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
    monkeypatch.setattr("sandboxd.pool.launching.ROOT", "/nonexistent")
    async with open_execserver(how(policy)) as server:
        with trio.fail_after(30):
            await server.lost.wait()
        with pytest.raises(WorkerStartError):
            await server.spawn()
