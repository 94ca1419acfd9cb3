"""What a forked child shares with its server and its siblings: nothing but /dev/null; and what the daemon is left with."""

import ctypes
import errno
import os
import shutil
import signal
import stat
from itertools import combinations
from pathlib import Path

import pytest
import trio

import policies
from sandboxd.config import Settings
from sandboxd.errors import WorkerStartError
from sandboxd.executions.engine import most, read_calls
from sandboxd.jail import seccomp
from sandboxd.models import Status
from sandboxd.policy.model import Policy
from sandboxd.pool.forkserver import ForkServer, open_forkserver
from sandboxd.pool.runtime import find_node, plan
from sandboxd.protocol.messages import Run, RunLimits
from tests.support.engines import PROFILE, until, worker_pids
from tests.support.nodes import how

KCMP_FILE = 0
HOST = seccomp.host()
NULL = os.makedev(1, 3)


def same_file(pids: tuple[int, int], fds: tuple[int, int]) -> bool:
    """Whether two descriptors of two processes are one open file."""
    assert HOST is not None
    libc = ctypes.CDLL(None, use_errno=True)
    answer: int = libc.syscall(HOST.numbers["kcmp"], *pids, KCMP_FILE, *fds)
    if answer < 0:
        if ctypes.get_errno() == errno.EPERM:
            pytest.skip("the kernel lets nobody compare descriptors here: CAP_SYS_PTRACE is missing, or kcmp refused")
        raise OSError(ctypes.get_errno(), "kcmp")
    return answer == 0


def held(pid: int) -> dict[int, os.stat_result]:
    """The descriptors of a process."""
    return {int(path.name): path.stat() for path in Path(f"/proc/{pid}/fd").iterdir()}


def counted(source: ForkServer) -> tuple[int, int]:
    """How many descriptors the daemon has, and how many the server."""
    daemon, server = (len(list(Path(f"/proc/{pid}/fd").iterdir())) for pid in ("self", source.pid))
    return daemon, server


def shared(one: int, other: int) -> list[tuple[int, int]]:
    """The descriptors of two processes that are one open file, apart from /dev/null."""
    return [
        (a, b)
        for a, of in held(one).items()
        for b in held(other)
        if not (stat.S_ISCHR(of.st_mode) and of.st_rdev == NULL) and same_file((one, other), (a, b))
    ]


@pytest.mark.skipif(HOST is None, reason="the number of kcmp is not known for this architecture")
async def test_children_share_nothing(policy: Policy) -> None:
    """No two of the server and two living children have an open file in common but /dev/null; all have some."""
    async with open_forkserver(how(policy, kind="fork")) as source:
        _, before = counted(source)
        workers = [await source.spawn() for _ in range(2)]
        # It answers before it closes what it passed on; a pidfd of each child stays.
        await until(lambda: counted(source)[1] == before + 2)
        pids = [source.pid, *(worker.pid for worker in workers)]
        assert same_file((pids[0], pids[0]), (2, 2))  # it does tell
        found = {pair: shared(*pair) for pair in combinations(pids, 2)}
        counts = [len(held(pid)) for pid in pids]
        for worker in workers:
            await worker.end()
    assert [pair for pair, common in found.items() if common] == []
    assert min(counts) > 4
    assert counts[1] == counts[2]


OOM = "console.log('on'); const a = []; for (;;) a.push(a.length)"
REQUEST = {"language": "javascript", "dialect": "code-nodes", "check": False, "limits": RunLimits(1000, 1000, 10)}


async def test_the_words_of_a_child_are_its_own(policy: Policy) -> None:
    """One dies of its memory and V8 says so on its stderr; its sibling, which is killed just then, has said nothing."""
    limits = most(policy.profiles["code-nodes"])
    async with open_forkserver(how(policy, kind="fork")) as source:
        greedy, other = await source.spawn(), await source.spawn()
        outcome = await greedy.run(Run(OOM, **REQUEST), limits)  # type: ignore[arg-type]
        assert outcome.status == Status.memory_exceeded, outcome
        assert "out of memory" in greedy.words
        other.kill()
        await other.end()
        assert other.words == ""
        last = await source.spawn()
        assert (await last.run(Run("return 1", **REQUEST), limits)).status == Status.succeeded  # type: ignore[arg-type]
        assert last.words == ""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV, signal.SIGABRT, signal.SIGRTMIN + 3], ids=str)
async def test_a_child_that_is_killed_is_told_by_its_signal(policy: Policy, number: int) -> None:
    """Whatever signal it was; its siblings and the server do not notice."""
    async with open_forkserver(how(policy, kind="fork")) as source:
        victim, sibling = await source.spawn(), await source.spawn()
        os.kill(victim.pid, number)
        with trio.fail_after(30):
            await victim.exited.wait()
        assert victim.exit is not None
        assert victim.exit.status is not None
        assert os.WTERMSIG(victim.exit.status) == number
        await victim.end()
        outcome = await sibling.run(Run("return 1", **REQUEST), most(policy.profiles["code-nodes"]))  # type: ignore[arg-type]
        assert outcome.status == Status.succeeded
        assert not source.lost.is_set()


# ------------------------------------------------------------------ nothing is left


async def test_two_hundred_children_leave_no_descriptor(policy: Policy) -> None:
    """Neither here nor in the server: of those that run, of those that are killed, four at a time."""
    limits = most(policy.profiles["code-nodes"])
    async with open_forkserver(how(policy, kind="fork")) as source:
        before = counted(source)

        async def some() -> None:
            for n in range(50):
                worker = await source.spawn()
                if n % 2:
                    await worker.run(Run("return 1", **REQUEST), limits)  # type: ignore[arg-type]
                await worker.end()

        async with trio.open_nursery() as nursery:
            for _ in range(4):
                nursery.start_soon(some)
        await until(lambda: worker_pids() == [] and counted(source) == before)


async def test_a_spawn_that_is_cancelled_leaves_nothing(policy: Policy) -> None:
    """At whatever moment nobody waits for it any more: no process, no descriptor."""
    async with open_forkserver(how(policy, kind="fork")) as source:
        await (await source.spawn()).end()
        before, cancelled = counted(source), 0
        for moment in range(60):
            with trio.move_on_after(moment / 5000) as scope:
                await (await source.spawn()).end()
            cancelled += scope.cancelled_caught
        await until(lambda: worker_pids() == [] and counted(source) == before)
        assert cancelled
        await (await source.spawn()).end()


async def test_a_child_that_does_not_get_ready_is_told_in_its_own_words(policy: Policy, tmp_path: Path) -> None:
    """Where the server's filter lacks what a child needs, the spawn fails with the step; the server stays."""
    profile, home = policy.profiles[PROFILE], tmp_path / "policies"
    shutil.copytree(policies.HOME, home)
    file = home / "seccomp/serve.toml"
    text = file.read_text()
    assert text.count("dup3 close_range") == 1
    file.write_text(text.replace("dup3 close_range", "dup3"))
    calls = read_calls(Settings(policies=str(home)))
    given = plan(find_node(), profile, most(profile), start_timeout_ms=30_000, calls=calls, workers="fork")
    async with open_forkserver(given) as source:
        for _ in range(3):
            with pytest.raises(WorkerStartError, match="did not get past the step descriptors: Operation not permitted"):
                await source.spawn()
        assert not source.lost.is_set()
