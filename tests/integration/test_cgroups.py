"""A cgroup for each worker, in a subtree of our own: real ones, as far as cgroup.procs and cgroup.kill go.

The limits themselves need controllers in the cgroup v2 hierarchy. What is written for them is tested against a folder of files.
"""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
import trio

from sandboxd.errors import WorkerStartError
from sandboxd.executions.engine import most
from sandboxd.jail import delegation
from sandboxd.jail.cgroups import DAEMON, THREADS, WORKER, Leaf, Subtree
from sandboxd.models import Outcome, Status
from sandboxd.policy.model import Policy
from sandboxd.pool.runtime import Workers
from sandboxd.pool.worker import MEMORY_SLACK, Worker
from sandboxd.protocol.messages import Run, RunLimits
from tests.support import in_cgroup
from tests.support.cli import cli
from tests.support.daemon import Daemon, running_daemon
from tests.support.engines import PROFILE, open_source, until
from tests.support.nodes import how
from tests.support.stored import wait_until

SUM = Run("return 6 * 7", "javascript", "code-nodes", False, RunLimits(1000, 1000, 10))
LOOP = msgspec.structs.replace(SUM, source="for (;;);")
NOBODY = 65_533
KINDS: tuple[Workers, ...] = ("fork", "exec")


@pytest.fixture
def ground() -> Iterator[Path]:
    """A cgroup of ours, delegated to root; what it holds at the end is killed, and it is removed."""
    try:
        folder = delegation.locate(Path("/proc/self/mountinfo").read_text(), Path("/proc/self/cgroup").read_text())
        folder /= f"sandboxd-test-{os.getpid()}"
        folder.mkdir()
    except (delegation.NoSubtree, OSError) as problem:
        pytest.skip(f"cgroups need a hierarchy that this user may write to: {problem}")
    try:
        os.setxattr(folder, "user.delegate", b"1")
        yield folder
    finally:
        (folder / "cgroup.kill").write_text("1")
        wait_until(lambda: "populated 0" in (folder / "cgroup.events").read_text())
        for below, _, _ in os.walk(folder, topdown=False):
            Path(below).rmdir()


@pytest.fixture
def subtree(ground: Path, monkeypatch: pytest.MonkeyPatch) -> Subtree:
    """That cgroup, without controllers, for leaves of workers that this process has."""
    monkeypatch.setattr(delegation, "CONTROLLERS", ())
    return Subtree(ground)


@pytest.fixture
def sleeper() -> Iterator[subprocess.Popen[bytes]]:
    """A process that does nothing for long."""
    with subprocess.Popen(["sleep", "300"]) as process:
        yield process
        process.kill()


def program(folder: Path, uid: int = 0) -> list[str]:
    """What becomes sandboxd in a cgroup."""
    return [sys.executable, in_cgroup.__file__, str(folder), str(uid)]


def held(folder: Path) -> dict[str, list[int]]:
    """The pids in each cgroup below one."""
    found = {}
    for each in folder.iterdir():
        try:
            found[each.name] = [int(pid) for pid in (each / "cgroup.procs").read_text().split()] if each.is_dir() else []
        except OSError:
            continue  # it goes while we look
    return {name: pids for name, pids in found.items() if name == DAEMON or name.startswith(WORKER)}


def settled(daemon: Daemon, folder: Path) -> bool:
    """Whether each process of a daemon is where it belongs, and workers wait, each alone in its leaf."""
    found = held(folder)
    workers = [pids for name, pids in found.items() if name != DAEMON]
    everybody = {daemon.process.pid, *daemon.family()}
    return (
        len(workers) > 0
        and all(len(pids) == 1 for pids in workers)
        and {pid for pids in found.values() for pid in pids} == everybody
        and daemon.process.pid in found[DAEMON]
    )


# ------------------------------------------------------------------ a daemon


def test_each_worker_has_a_leaf_and_a_stop_leaves_none(ground: Path, tmp_path: Path) -> None:
    """Workers wait in leaves, all others in the daemon's; a leaf goes with its worker, the rest with the daemon."""
    with running_daemon(tmp_path / "data", program=program(ground)) as daemon:
        assert wait_until(lambda: settled(daemon, ground))
        first = set(held(ground))
        assert daemon.execute(daemon.token("u"), "return 6 * 7").json["return_value"] == 42
        assert wait_until(lambda: settled(daemon, ground))
        assert (len(first - set(held(ground))), DAEMON in held(ground)) == (1, True)
        assert daemon.stop() == 0
    assert (held(ground), (ground / "cgroup.procs").read_text()) == ({}, "")


def test_the_next_life_sweeps_what_a_kill_has_left(ground: Path, tmp_path: Path, sleeper: subprocess.Popen[bytes]) -> None:
    """A killed daemon's cgroups, and whatever lives in one, are gone when the next daemon serves."""
    with running_daemon(tmp_path / "data", program=program(ground)) as daemon:
        assert wait_until(lambda: settled(daemon, ground))
        before = set(held(ground))
        daemon.stop(signal.SIGKILL)
    left = ground / f"{WORKER}99999"
    left.mkdir()
    (left / "cgroup.procs").write_text(str(sleeper.pid))
    assert before < set(held(ground))
    with running_daemon(tmp_path / "data", program=program(ground)) as daemon:
        assert (sleeper.wait(30), left.exists()) == (-signal.SIGKILL, False)
        assert wait_until(lambda: settled(daemon, ground))
        assert daemon.execute(daemon.token("u"), "return 6 * 7").json["return_value"] == 42
        assert daemon.stop() == 0
    assert held(ground) == {}


def test_a_second_daemon_leaves_the_first_one_s_alone(ground: Path, tmp_path: Path) -> None:
    """It says that another has divided the cgroup, and does without."""
    with running_daemon(tmp_path / "data", program=program(ground)) as first:
        assert wait_until(lambda: settled(first, ground))
        before = held(ground)
        with running_daemon(tmp_path / "other", program=program(ground)) as second:
            assert any("another daemon has divided" in line for line in second.log())
            assert second.execute(second.token("u"), "return 6 * 7").json["return_value"] == 42
            assert second.stop() == 0
        assert held(ground) == before


# ------------------------------------------------------------------ whose it is


def divided(folder: Path, uid: int = 0) -> dict[str, Any]:
    """What a process saw that divided its cgroup."""
    done = subprocess.run([*program(folder, uid), "divide"], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])  # after what was logged
    return found


def owned(folder: Path, uid: int) -> None:
    """What systemd does for the user of a service that is delegated to."""
    for each in (folder, folder / "cgroup.procs", folder / "cgroup.subtree_control", folder / "cgroup.threads"):
        os.chown(each, uid, uid)


@pytest.mark.parametrize("uid", [0, NOBODY])
def test_the_daemon_moves_aside_and_back(ground: Path, uid: int) -> None:
    """As root and as the ordinary user to whom the cgroup belongs."""
    owned(ground, uid)
    told = divided(ground, uid)
    assert (told["given"], told.get("why")) == (True, None)
    assert (told["before"], told["while"]) == ([ground.name, []], [DAEMON, [DAEMON]])
    assert told["after"] == told["before"]


def test_what_is_not_delegated_is_left_alone(ground: Path, sleeper: subprocess.Popen[bytes]) -> None:
    """Nobody has said that it is ours, it is another user's, or somebody else is in it: nothing is made or moved."""
    answers = [divided(ground, NOBODY)]
    os.removexattr(ground, "user.delegate")
    answers.append(divided(ground))
    os.setxattr(ground, "user.delegate", b"1")
    (ground / "cgroup.procs").write_text(str(sleeper.pid))
    answers.append(divided(ground))
    assert [told["given"] for told in answers] == [False] * 3
    assert all(told["before"] == told["while"] == told["after"] == [ground.name, []] for told in answers)
    reasons = ("cannot be written by uid 65533", "is not said to be delegated", "holds other processes than the daemon")
    assert [told["why"] for told, reason in zip(answers, reasons, strict=True) if reason not in told["why"]] == []


def test_doctor_says_whether_there_is_one(tmp_path: Path) -> None:
    """With the reason where there is none, which is no fault."""
    told = cli("doctor", "--data-dir", str(tmp_path / "data"))
    (line,) = [line for line in told.out.splitlines() if "cgroup" in line.split(":")[0]]
    assert told.code == 0
    assert line.startswith(("ok  cgroup: impossible here: ", "ok  cgroup: each worker gets one, in /"))


def test_a_hierarchy_without_controllers_is_named_as_that(ground: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first reason, since nothing can be done about it from here. No hierarchy has this one."""
    monkeypatch.setattr(delegation, "CONTROLLERS", ("nonesuch",))
    assert delegation._unfit(ground).endswith("no controller for nonesuch")


# ------------------------------------------------------------------ a leaf


def test_a_leaf_is_killed_only_when_it_is_sure_who_is_in_it(subtree: Subtree, sleeper: subprocess.Popen[bytes]) -> None:
    """A pid may be another's when it has been written."""
    leaf = subtree.leaf()
    leaf.fill(sleeper.pid)
    leaf.kill()
    time.sleep(0.1)
    assert sleeper.poll() is None
    leaf.seal()
    leaf.kill()
    assert sleeper.wait(30) == -signal.SIGKILL
    leaf.remove()
    leaf.kill()
    assert held(subtree.folder) == {}


def test_a_leaf_that_is_not_empty_goes_later(subtree: Subtree, sleeper: subprocess.Popen[bytes]) -> None:
    """With the next one that goes."""
    stuck, other = subtree.leaf(), subtree.leaf()
    stuck.fill(sleeper.pid)
    stuck.remove()
    assert held(subtree.folder) == {stuck.folder.name: [sleeper.pid], other.folder.name: []}
    sleeper.kill()
    sleeper.wait()
    other.remove()
    assert held(subtree.folder) == {}


def test_a_process_that_is_gone_is_said_to_be(subtree: Subtree) -> None:
    """Not some other mistake: whoever waits for it hears what it died of."""
    with subprocess.Popen(["true"]) as process:
        process.wait()
    leaf = subtree.leaf()
    with pytest.raises(ProcessLookupError):
        leaf.fill(process.pid)
    leaf.remove()


# ------------------------------------------------------------------ a worker


async def ended(policy: Policy, worker: Worker, request: Run) -> Outcome:
    """The outcome of a request under the profile's largest limits."""
    return await worker.run(request, most(policy.profiles[PROFILE]))


@pytest.mark.parametrize("kind", KINDS)
async def test_a_worker_runs_and_dies_in_its_leaf(policy: Policy, subtree: Subtree, kind: Workers) -> None:
    """It is in before it is given a request, cgroup.kill ends it, and the leaf goes when it was reaped."""
    async with open_source(how(policy, kind=kind), subtree=subtree) as source:
        one, other = await source.spawn(), await source.spawn()
        assert sorted(held(subtree.folder).values()) == sorted([[one.pid], [other.pid]])
        outcome = await ended(policy, one, SUM)
        assert (outcome.status, list(held(subtree.folder).values())) == (Status.succeeded, [[other.pid]])

        async def kill() -> None:
            await trio.sleep(0.2)
            assert other.process.leaf is not None
            other.process.leaf.kill()

        async with trio.open_nursery() as nursery:
            nursery.start_soon(kill)
            outcome = await ended(policy, other, LOOP)
        assert (outcome.status, outcome.failure and outcome.failure.message) == (
            Status.crashed,
            "The worker was killed by SIGKILL",
        )
        assert held(subtree.folder) == {}


async def test_one_that_dies_by_itself_leaves_no_leaf(policy: Policy, subtree: Subtree) -> None:
    """Nobody has to end it."""
    async with open_source(how(policy, kind="fork"), subtree=subtree) as source:
        worker = await source.spawn()
        worker.on_exit(worker.release)
        os.kill(worker.pid, signal.SIGKILL)
        await until(lambda: held(subtree.folder) == {})


@pytest.fixture
def leaf(tmp_path: Path) -> Leaf:
    """A folder that stands for a leaf with controllers, for which it shows only what is written."""
    for name in ("cgroup.procs", "cgroup.kill", "memory.max", "memory.swap.max", "pids.max", "cpu.weight"):
        (tmp_path / name).touch()
    (tmp_path / "memory.events").write_text("low 0\nhigh 0\nmax 0\noom 0\noom_kill 0\noom_group_kill 0\n")
    return Leaf(tmp_path, [])


def test_a_leaf_is_limited_before_it_is_filled(leaf: Leaf) -> None:
    """Values that are written, in a folder of plain files: threads, no swap, then the pid."""
    leaf.fill(4711)
    written = {name: (leaf.folder / name).read_text() for name in ("pids.max", "memory.swap.max", "cgroup.procs")}
    assert written == {"pids.max": str(THREADS), "memory.swap.max": "0", "cgroup.procs": "4711"}
    (leaf.folder / "memory.swap.max").unlink()
    leaf.fill(4711)
    assert not (leaf.folder / "memory.swap.max").exists()


async def test_the_limits_follow_the_request(policy: Policy, leaf: Leaf) -> None:
    """Values that are written, in a folder of plain files: what the daemon's watch allows, and the last place for a loop."""
    async with open_source(how(policy, kind="fork")) as source:
        worker = await source.spawn()
        worker.process.leaf = leaf
        limits = msgspec.structs.replace(most(policy.profiles[PROFILE]), wall_ms=1000)
        assert (await worker.run(LOOP, limits)).status is Status.timed_out
    allowed = worker.idle.resident_bytes + limits.memory_bytes + MEMORY_SLACK
    assert ((leaf.folder / "memory.max").read_text(), (leaf.folder / "cpu.weight").read_text()) == (str(allowed), "1")


async def test_a_kill_for_memory_in_the_leaf_is_told_as_that(policy: Policy, leaf: Leaf) -> None:
    """In a folder of plain files, that say what the kernel would: the status is not that of a crash."""
    async with open_source(how(policy, kind="fork")) as source:
        worker = await source.spawn()
        worker.process.leaf = leaf
        (leaf.folder / "memory.events").write_text("max 9\noom 1\noom_kill 1\noom_group_kill 0\n")
        os.kill(worker.pid, signal.SIGKILL)
        outcome = await ended(policy, worker, SUM)
    assert outcome.status is Status.memory_exceeded


async def test_a_leaf_that_cannot_be_limited_gets_no_request(policy: Policy, leaf: Leaf) -> None:
    """The execution fails as the house's fault, and no code has run."""
    (leaf.folder / "memory.max").unlink()
    async with open_source(how(policy, kind="fork")) as source:
        worker = await source.spawn()
        worker.process.leaf = leaf
        try:
            with pytest.raises(WorkerStartError, match="memory of a worker's cgroup cannot be limited"):
                await ended(policy, worker, SUM)
        finally:
            await worker.end()
