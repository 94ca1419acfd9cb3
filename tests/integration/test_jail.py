"""The walls around a worker, in the three privilege modes, seen from where an escape would end: Node's main realm."""

import json
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import psutil
import pytest

from sandboxd.executions.engine import most
from sandboxd.jail import attest
from sandboxd.models import LAYERS
from sandboxd.policy.model import Policy
from sandboxd.pool.execserver import open_execserver
from sandboxd.pool.runtime import ENVIRONMENT, HUGE_PAGES, find_node, plan
from tests.support import jail_mode
from tests.support.modes import KINDS, MODES, NAMESPACES, OURS, USER, copy_harness, skip_unless_possible, told

PROC = Path("/proc")
EPERM, ENOSYS, EOPNOTSUPP = 1, 38, 95


@pytest.fixture(scope="module")
def harness() -> Iterator[str]:
    """The probes' harness."""
    with tempfile.TemporaryDirectory(prefix="probe") as folder:
        copy_harness(Path(folder))
        yield folder


EARLY = """
const fs = require('fs'), seen = {};
for (const path of ['/etc/passwd', '/proc/self/status', '/etc/shadow', '/usr/bin/env'])
  seen[path] = code(() => fs.readFileSync(path));
seen.write = code(() => fs.writeFileSync('/dev/shm/written', 'x'));
seen.harness = code(() => fs.readFileSync(__HARNESS__ + '/harness.js'));
const places = ['/proc', '/sys', '/etc', '/usr', '/root', '/home', '/tmp', '/var', '/sys/class', '/sys/kernel/mm/ksm'];
seen.exists = places.filter((path) => fs.existsSync(path));
seen.pid = process.pid;
seen.uid = process.getuid(); seen.euid = process.geteuid(); seen.gid = process.getgid();
seen.env = Object.keys(process.env).sort();
return seen;
"""
ERROR = "((socket) => new Promise((r) => socket.on('error', (e) => r(e.code)).on('connect', r).on('listening', r)))"
PROBES = {
    "early": "return early",
    "read": "return code(() => require('fs').readFileSync('/dev/null'))",
    "write": "return code(() => require('fs').writeFileSync('/tmp/escaped', 'x'))",
    "tcp": f"return await {ERROR}(require('net').connect(1, '127.0.0.1'))",
    "listen": f"return await {ERROR}(require('net').createServer().listen(0))",
    "unix": f"return await {ERROR}(require('net').connect('/tmp/x'))",
    "exec": "return code(() => { throw require('child_process').spawnSync('/node', ['-v']).error })",
    "kill all": "return code(() => process.kill(-1, 9))",
    "kill parent": "return code(() => process.kill(process.ppid || 1e6, 9))",
    "kill group": "return code(() => process.kill(0, 9))",
    "another filter": "native.installFilter(Buffer.alloc(8)); return 'done'",
    "become root": "process.setuid(0); return 'done'",
    "more memory": "return code(() => native.setLimit(2, 2 ** 40))",
    "processor limit": "return code(() => native.setLimit(0, 1))",
    "abort": "process.abort()",
}


@pytest.fixture(scope="module", params=MODES)
def mode(request: pytest.FixtureRequest) -> str:
    """R is root, U an ordinary user, N one without user namespaces."""
    name: str = request.param
    skip_unless_possible(name)
    return name


@pytest.fixture(scope="module", params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    """How the workers are made."""
    name: str = request.param
    return name


@pytest.fixture(scope="module")
def seen(mode: str, kind: str, harness: str) -> dict[str, Any]:
    """All probes of a mode."""
    inside = json.dumps(harness if mode == "N" else "/harness")
    return told(mode, harness, PROBES, kind=kind, early=EARLY.replace("__HARNESS__", inside))


def test_the_product_runs_in_every_mode(seen: dict[str, Any]) -> None:
    """An execution by the real harness succeeds."""
    assert seen["product"] == ["succeeded", "42"]


def test_every_layer_is_enforced_or_named(mode: str, seen: dict[str, Any]) -> None:
    """Nothing is missing but what the mode cannot have."""
    expected = dict.fromkeys(LAYERS, "enforced")
    if mode == "R":
        expected["user_namespace"] = "unneeded"
    else:
        expected["uid"] = "unneeded"
    if mode == "N":
        expected |= dict.fromkeys(NAMESPACES, "relaxed")
    assert seen["layers"] == expected


def test_the_kernel_attests_every_layer(seen: dict[str, Any]) -> None:
    """/proc agrees with the report, thread by thread."""
    assert seen["attested"] == []


def test_no_file_but_its_own_is_there(mode: str, kind: str, seen: dict[str, Any]) -> None:
    """Before the second filter, with open(2) still allowed, only the harness can be read and nothing written.

    A fork server has one file of /sys besides.
    """
    early = seen["early"]
    refused = "EACCES" if mode == "N" else "ENOENT"
    assert [early[path] for path in ("/etc/passwd", "/proc/self/status", "/usr/bin/env")] == [refused] * 3
    assert early["write"] == "EPERM"
    assert early["harness"] == "done"
    if mode != "N":
        assert early["exists"] == (["/sys"] if kind == "fork" and Path(HUGE_PAGES).exists() else [])


def test_it_is_nobody(mode: str, kind: str, seen: dict[str, Any]) -> None:
    """Its uid is its own where root can give one, it or its server is PID 1 where it can be, no variable is the daemon's."""
    early = seen["early"]
    assert early["uid"] == early["euid"] == early["gid"]
    assert early["uid"] >= 0x7000_0000 if mode == "R" else early["uid"] == USER
    assert (early["pid"] == 1) == (mode != "N")
    assert {*early["env"]} == {*ENVIRONMENT, "LD_PRELOAD", *(["LD_BIND_NOW"] if kind == "fork" else [])}


@pytest.mark.parametrize("what", ["read", "write", "tcp", "listen", "unix", "exec", "kill all", "kill parent", "kill group"])
def test_what_is_refused(seen: dict[str, Any], what: str) -> None:
    """Files, sockets, programs and signals to others are refused with EPERM, and the worker goes on."""
    assert seen[what] == "EPERM"


@pytest.mark.parametrize("what", ["another filter", "become root"])
def test_what_ends_the_worker(seen: dict[str, Any], what: str) -> None:
    """What no honest worker does ends it."""
    assert seen[what] == "The worker made a forbidden system call"


def test_limits_only_go_down(seen: dict[str, Any]) -> None:
    """The memory limit cannot rise, and the others cannot be touched."""
    assert "not permitted" in seen["more memory"]
    assert "not permitted" in seen["processor limit"]


def test_an_abort_is_told_as_one(seen: dict[str, Any]) -> None:
    """Whether it is PID 1 or not, a worker that aborts is a crash that says so."""
    assert seen["abort"] == "The worker was killed by SIGABRT"


def test_it_dies_with_its_launcher(seen: dict[str, Any]) -> None:
    """PDEATHSIG has survived user namespace, change of uid and exec."""
    assert seen["orphan"] == "gone"


@pytest.mark.skipif(OURS != "R", reason="only root can give a worker another uid than its own")
async def test_workers_of_root_share_no_uid(policy: Policy) -> None:
    """Each has a uid and a group of its own, which come back when it has ended, and a limit of threads that is its alone."""
    profile = policy.profiles["code-nodes"]
    async with open_execserver(plan(find_node(), profile, most(profile), start_timeout_ms=30_000)) as server:
        workers = [await server.spawn() for _ in range(3)]
        owners = [psutil.Process(worker.pid).uids().real for worker in workers]
        limits = (PROC / f"{workers[0].pid}/limits").read_text()
        await workers[0].end()
        again = await server.spawn()
        reused = psutil.Process(again.pid).uids().real
        for worker in [*workers, again]:
            await worker.end()
    assert len({*owners, 0}) == 4
    assert reused == owners[0]
    assert re.search(r"^Max processes +64 +64 ", limits, re.MULTILINE)


async def test_a_worker_without_walls_is_not_attested(policy: Policy) -> None:
    """Everything that /proc can tell is told, on each thread, of a worker that stands behind nothing."""
    profile = policy.profiles["code-nodes"]
    bare = msgspec.structs.replace(plan(find_node(), profile, most(profile), start_timeout_ms=30_000), walls=None)
    async with open_execserver(bare) as server:
        worker = await server.spawn()
        problems = attest.discrepancies(worker.pid, LAYERS)
        threads = psutil.Process(worker.pid).num_threads()
        await worker.end()
    for part, times in (
        ("Seccomp is 0, not 2", threads),
        ("NoNewPrivs is 0, not 1", threads),
        ("CapBnd is ", threads),
        *(((part, threads) for part in ("CapEff is ", "its ids are 0")) if OURS == "R" else ()),
        *((f"its {name} namespace is the daemon's", 1) for name in ("user", "mnt", "pid", "net", "ipc", "uts")),
    ):
        assert sum(part in problem for problem in problems) == times, (part, problems)


# ------------------------------------------------------------------ layers that cannot be had

LANDLOCK, SECCOMP = [444, 445, 446], [jail_mode.CALLS[2]]


def test_without_namespaces_the_engine_refuses(harness: str) -> None:
    """Nothing relaxed: each missing layer is named with errno and remedy, and the words to relax it."""
    found = told("N", harness, relax=[])
    assert {name for name, state in found["layers"].items() if state == "impossible here"} == set(NAMESPACES)
    for part in ("user_namespace: unshare(0x10000000): Operation not permitted (EPERM)", "A seccomp filter", "relax = ["):
        assert part in found["error"]


@pytest.mark.parametrize("errno", [ENOSYS, EOPNOTSUPP], ids=["ENOSYS", "EOPNOTSUPP"])
def test_without_landlock_the_engine_refuses_until_relaxed(harness: str, errno: int) -> None:
    """Landlock that is not there is named; relaxed, the private root keeps the files."""
    found = told("U", harness, deny=LANDLOCK, errno=errno)
    assert "landlock: landlock_create_ruleset" in found["error"]
    assert "lsm=landlock" in found["error"]
    found = told(
        "U", harness, PROBES, deny=LANDLOCK, errno=errno, relax=["landlock"], early=EARLY.replace("__HARNESS__", '"/harness"')
    )
    assert (found["layers"]["landlock"], found["product"][0]) == ("relaxed", "succeeded")
    assert found["early"]["/etc/passwd"] == "ENOENT"


def test_without_seccomp_nothing_starts(harness: str) -> None:
    """No filter, no worker: there is nothing to relax."""
    found = told("U", harness, deny=SECCOMP, errno=ENOSYS)
    assert "seccomp_boot: seccomp: Function not implemented (ENOSYS)" in found["error"]
    assert "CONFIG_SECCOMP_FILTER" in found["error"]


def test_one_of_the_walls_around_files_must_stand(harness: str) -> None:
    """Neither private root nor Landlock is refused even when both are relaxed."""
    found = told("U", harness, deny=[jail_mode.CALLS[0], *LANDLOCK], relax=[*NAMESPACES, "landlock"])
    assert "the files of this machine would be open" in found["error"]


def test_relaxing_is_no_taking_away(harness: str) -> None:
    """A relaxed layer that can be had is enforced."""
    found = told("U", harness, relax=[*NAMESPACES, "landlock"])
    assert "relaxed" not in found["layers"].values()
