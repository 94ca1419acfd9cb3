"""Single steps of the launcher, in processes of their own: on the way to a whole worker another step may stand in for one."""

import fcntl
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import msgspec
import psutil
import pytest

from sandboxd.errors import JailError
from sandboxd.jail import launcher
from sandboxd.policy.model import Policy
from sandboxd.pool.execserver import open_execserver
from sandboxd.pool.launching import ROOT, START
from tests.support.engines import launcher_pids
from tests.support.held_server import holding
from tests.support.nodes import how
from tests.support.processes import wait_gone

ABOVE = 40  # all numbers that a worker is given


def high(number: int) -> int:
    """A duplicate of a descriptor where it is in nobody's way, as the launcher's own are."""
    return fcntl.fcntl(number, fcntl.F_DUPFD, ABOVE)


def became(code: str, *, orphaned: bool = False, before: Callable[[], object] = lambda: None) -> tuple[int, str]:
    """The exit code and the words of a program that a child of ours becomes by the launcher's steps; `before` happens in it."""
    said, stderr = os.pipe()
    life, maker = os.pipe()
    if orphaned:
        os.close(maker)
    pid = os.fork()
    if pid == 0:
        try:
            given = high(said), high(stderr), high(life)
            before()
            argv = [sys.executable, "-I", "-S", "-c", f"import os, signal, sys; {code}"]
            launcher.become_worker({"argv": argv, "env": {}, "rlimits": {}}, None, 0, *given)
        finally:
            os._exit(70)
    os.close(stderr)
    with os.fdopen(said) as words:
        text = words.read()
    os.close(life)
    if not orphaned:
        os.close(maker)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), text.strip()


# ------------------------------------------------------------------ a child, up to its program


def test_a_child_whose_launcher_is_gone_becomes_nothing() -> None:
    """PDEATHSIG tells of no death that came before it was asked for; the pipe does."""
    assert became("sys.exit(5)") == (5, "")
    assert became("sys.exit(5)", orphaned=True) == (launcher.FAILED, "")


def test_nothing_is_left_of_the_launchers_descriptors() -> None:
    """Whatever lay on the numbers that a worker is given, and above, is replaced or closed."""

    def litter() -> None:
        secret = os.open("/etc/passwd", os.O_RDONLY)
        for number in (0, 1, 3, 4, 5, 30, 200):
            os.dup2(secret, number)

    look = "held = os.listdir('/proc/self/fd'); print(*(os.readlink(f'/proc/self/fd/{n}') for n in held[:-1]), file=sys.stderr)"
    code, words = became(look, before=litter)
    assert (code, [word.partition(":")[0] for word in words.split()]) == (0, ["/dev/null", "/dev/null", "pipe", "pipe"])


def test_no_signal_stays_blocked() -> None:
    """A blocked signal would stay so through exec."""

    def block() -> None:
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR1, signal.SIGTERM, signal.SIGALRM})

    look = "print(*signal.pthread_sigmask(signal.SIG_BLOCK, ()), file=sys.stderr)"
    assert became(look, before=block) == (0, "")


# ------------------------------------------------------------------ the launcher itself


def kinds_above_life(pid: int) -> list[str]:
    """What a process holds above the numbers that workers are given."""
    held = {int(path.name): str(path.readlink()) for path in Path(f"/proc/{pid}/fd").iterdir()}
    return sorted(target.partition(":")[0] for number, target in held.items() if number > launcher.LIFE)


async def test_a_launcher_is_one_process_with_its_own_descriptors(policy: Policy) -> None:
    """No child is left of its rehearsals, dead or alive; above what workers are given it holds its socket and one pipe."""
    async with open_execserver(how(policy)) as server:
        await (await server.spawn()).end()  # then it has all that it will have
        (pid,) = launcher_pids()
        assert psutil.Process(pid).children() == []
        assert kinds_above_life(pid) == ["pipe", "pipe", "socket"]


async def test_a_first_filter_that_keeps_out_the_second_is_told(policy: Policy) -> None:
    """The second filter is rehearsed behind the first; the daemon hears of it before there is a worker."""
    given = how(policy)
    assert given.walls is not None
    locked = dict(given.walls) | {"boot_filter": given.walls["run_filter"]}  # seccomp() is a violation there
    with pytest.raises(BaseExceptionGroup) as problem:
        async with open_execserver(msgspec.structs.replace(given, walls=locked)):
            pass
    (error,) = problem.value.exceptions
    assert isinstance(error, JailError)
    assert "seccomp_run" in error.message


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=str)
async def test_only_the_daemon_ends_it(policy: Policy, number: int) -> None:
    """Control-C in a terminal and a service manager's first word are for the daemon, which still has workers to drain."""
    async with open_execserver(how(policy)) as server:
        os.kill(launcher_pids()[0], number)
        worker = await server.spawn()
        assert (await worker.end()).status == signal.SIGKILL


def test_its_workers_are_gone_before_it_is() -> None:
    """When it is through it has no child any more, dead or alive: it has waited for each."""
    ours, theirs = socket.socketpair(type=socket.SOCK_SEQPACKET)
    pid = os.fork()
    if pid == 0:
        try:
            ours.close()
            while os.open("/dev/null", os.O_RDWR) <= launcher.LIFE:
                pass
            signal.alarm(120)  # of whom it does not kill it would wait for the end
            argv = [sys.executable, "-I", "-S", "-c", "import time; time.sleep(600)"]
            launcher.Launcher(theirs, {"argv": argv, "env": {}, "rlimits": {}}, None).serve()
            os.waitpid(-1, os.WNOHANG)
            os._exit(1)
        except ChildProcessError:
            os._exit(0)
        finally:
            os._exit(70)
    theirs.close()
    with ours, Path("/dev/null").open() as null:
        given = high(null.fileno())
        for worker in range(4):
            socket.send_fds(ours, [launcher.REQUEST.pack(launcher.LAUNCH, worker, 0)], [given, given])
            assert launcher.REPLY.unpack(ours.recv(launcher.REPLY.size))[0] == launcher.LAUNCHED
        os.close(given)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


def test_a_launcher_without_its_daemon_does_nothing() -> None:
    """It asks who its parent is before it looks at its plan."""
    start = [sys.executable, "-I", "-S", "-c", START, ROOT, "0", "1", "no plan"]
    assert subprocess.run(start, check=False, capture_output=True, timeout=60).returncode == launcher.FAILED


@pytest.mark.parametrize("kind", ["fork", "exec"])
@pytest.mark.parametrize("ordinary", [False, True], ids=["as we are", "ordinary user"])
def test_even_a_stopped_launcher_dies_with_its_daemon(ordinary: bool, kind: str) -> None:
    """PDEATHSIG needs nobody to read the end of a socket; and a user namespace has not cleared it."""
    with holding(kind=kind, ordinary=ordinary) as (daemon, words):
        launched, *others = [int(word) for word in words]
        assert len(others) == (2 if kind == "fork" else 1)
        os.kill(launched, signal.SIGSTOP)
        daemon.kill()
    assert wait_gone([launched, *others]) == []
