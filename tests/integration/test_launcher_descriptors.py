"""Descriptors of the daemon: none is leaked, and what happens when there are no more."""

import os
import resource
from pathlib import Path

import psutil
import pytest
import trio

from sandboxd.errors import WorkerStartError
from sandboxd.policy.model import Policy
from sandboxd.pool.execserver import ExecServer, open_execserver
from sandboxd.pool.runtime import Workers
from tests.support.engines import open_source, opened, run, until, worker_pids
from tests.support.nodes import fake_node, how


def numbers() -> list[int]:
    """The descriptors of this process."""
    return [int(path.name) for path in Path("/proc/self/fd").iterdir()]


def open_descriptors() -> int:
    """How many this process has."""
    return len(numbers())


async def test_executions_leak_no_descriptor(policy: Policy, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a hundred executions, some cancelled and some that fail, the daemon has as many descriptors as before."""
    monkeypatch.setattr("sandboxd.pool.load.WINDOW_S", 0.5)  # for so long more are kept ready than before
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


@pytest.mark.parametrize("kind", ["fork", "exec"])
async def test_running_out_of_descriptors_harms_nobody(policy: Policy, kind: Workers) -> None:
    """When no descriptor is left workers do not start, and say so; what runs goes on, and later all is well."""
    async with open_source(how(policy, kind=kind)) as server:
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
