"""Sources of workers that do not hold what they promise, and a pool that is watched while it deals with them."""

import re
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import trio

import policies
from sandboxd.config import Settings
from sandboxd.errors import WorkerStartError
from sandboxd.executions.engine import most, read_calls
from sandboxd.policy.model import Policy
from sandboxd.pool.launching import Plan
from sandboxd.pool.pool import OpenSource, Pool
from sandboxd.pool.proof import ATTEMPTS
from sandboxd.pool.queue import FairQueue
from sandboxd.pool.runtime import find_node, plan
from sandboxd.pool.worker import Worker
from tests.support.engines import PROFILE

ALL_STOPPED = f"{len(ATTEMPTS)} attempts, all stopped"
LEAK = """
[[leak]]
calls = "{calls}"
action = "allow"
why = "A mistake, as somebody may make one."
{when}
"""
FOR_READING = 'when = [{ arg = 2, what = "flags", bits = 32, mask = "O_ACCMODE", eq = 0 }]'


def leaky(folder: Path, *calls: str) -> str:
    """The shipped policies, but every phase allows `calls` too."""
    home = folder / "policies"
    shutil.copytree(policies.HOME, home)
    file = home / "seccomp/worker.toml"
    text = file.read_text()
    text, phases = re.subn(r'^(include = "+\n?)channel ', r"\1leak channel ", text, flags=re.MULTILINE)
    assert phases == text.count("[phases.")
    file.write_text(text)
    (home / "seccomp/leak.toml").write_text(LEAK.format(calls=" ".join(calls), when=FOR_READING if "openat" in calls else ""))
    return str(home)


def plan_of(policy: Policy, *, leaky_policies: str = "", node: str = "") -> Plan:
    """The product's plan for a profile."""
    profile, calls = policy.profiles[PROFILE], read_calls(Settings(policies=leaky_policies))
    return plan(find_node(node), profile, most(profile), start_timeout_ms=60_000, calls=calls)


class WatchedPool(Pool):
    """Notes the problems that it had, and how often it had had one when it offered a worker."""

    def __init__(self, open_source: OpenSource) -> None:
        super().__init__(PROFILE, open_source, FairQueue(slots=4, waiting=4, wait_ms=60_000), ahead=1)
        self.problems: list[str] = []
        self.offered: list[int] = []

    def _failed(self, problem: WorkerStartError) -> None:
        super()._failed(problem)
        self.problems.append(problem.message)

    def _offer(self, worker: Worker) -> None:
        super()._offer(worker)
        self.offered.append(len(self.problems))


@asynccontextmanager
async def serving(open_source: OpenSource) -> AsyncIterator[WatchedPool]:
    """A pool that keeps one worker ready."""
    pool = WatchedPool(open_source)
    async with trio.open_nursery() as nursery:
        await nursery.start(pool.serve)
        yield pool
        nursery.cancel_scope.cancel()
