"""An engine for a test, and code run through it."""

import contextlib
import json
import math
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import msgspec
import psutil
import trio

from sandboxd.broker.broker import Outside
from sandboxd.config import PoolSettings, Settings
from sandboxd.executions.engine import Engine, open_engine
from sandboxd.models import LogLine, Outcome, Source
from sandboxd.policy.decide import local_grant
from sandboxd.policy.model import Grant, Policy
from sandboxd.pool.execserver import open_execserver
from sandboxd.pool.forkserver import open_forkserver
from sandboxd.pool.launching import Plan
from sandboxd.pool.worker import WorkerSource

PROFILE = "code-nodes"


def open_source(how: Plan, **more: Any) -> AbstractAsyncContextManager[WorkerSource]:
    """A source of the plan's kind of workers."""
    return (open_forkserver if how.workers == "fork" else open_execserver)(how, **more)


@asynccontextmanager
async def opened(
    policy: Policy, *, node: str = "", profile: str = PROFILE, outside: Outside | None = None, **pool: Any
) -> AsyncIterator[Engine]:
    """An engine with one pool; it may be degraded."""
    sizes = PoolSettings(**({"ahead": 2, "running": 4} | pool))
    async with open_engine(Settings(node=node, pool=sizes), policy, [profile], outside) as engine:
        yield engine


def grant(engine: Engine, *, profile: str = PROFILE, wall_ms: int | None = None, **limits: int) -> Grant:
    """The operator's grant for a profile, with some limits replaced."""
    found = local_grant(engine.policy, profile, wall_ms, field="wall_ms")
    return msgspec.structs.replace(found, limits=msgspec.structs.replace(found.limits, **limits))


async def run(
    engine: Engine,
    text: str,
    *,
    user: object = "test",
    language: str = "javascript",
    check: bool = False,
    profile: str = PROFILE,
    wall_ms: int | None = None,
    started: Callable[[], None] = lambda: None,
    on_log: Callable[[LogLine], None] | None = None,
    **limits: int,
) -> Outcome:
    """Runs `text` once, without the check for patterns unless it is asked for."""
    given = grant(engine, profile=profile, wall_ms=wall_ms, **limits)
    source = Source(text, language)
    return await engine.run(given, source, user=user, check=check, started=started, on_log=on_log)


def as_program(body: str) -> str:
    """The body of a code node as a program: it has its two globals, may return, and is not strict."""
    text = json.dumps(f"(async () => {{\n{body}\n}})()")
    return f"globalThis.results = {{}}; globalThis.input = null\nexport default (await (0, eval)({text})) ?? results"


def value(outcome: Outcome) -> object:
    """The outcome's value, decoded; for an outcome without one the reason fails the test."""
    assert outcome.value is not None, outcome
    return msgspec.json.decode(outcome.value)


def texts(outcome: Outcome) -> list[str]:
    """What was printed."""
    return [line.text for line in outcome.logs]


def below_us() -> list[psutil.Process]:
    """The living processes that this one has started, launchers and workers."""
    found = psutil.Process().children(recursive=True)
    return [process for process in found if process.is_running() and process.status() != psutil.STATUS_ZOMBIE]


def launcher_pids() -> list[int]:
    """The pids of our launchers."""
    return [child.pid for child in psutil.Process().children() if any("sandboxd.jail.launcher" in p for p in child.cmdline())]


def server_pids() -> list[int]:
    """The pids of our fork servers: what the launchers have started, where workers are forked."""
    return [child.pid for child in _launched() if _forks(child)]


def worker_pids() -> list[int]:
    """The pids of our workers: what the launchers have started, or the fork servers that they have."""
    found: list[int] = []
    for child in _launched():
        with contextlib.suppress(psutil.NoSuchProcess):
            found += [each.pid for each in child.children()] if _forks(child) else [child.pid]
    return found


def _launched() -> list[psutil.Process]:
    return [child for pid in launcher_pids() for child in psutil.Process(pid).children()]


def _forks(process: psutil.Process) -> bool:
    """Whether it is a fork server, or will be once it has been executed: its boot configuration says what children need."""
    with contextlib.suppress(psutil.NoSuchProcess):
        return any("children" in part for part in process.cmdline())
    return False


async def until(true: Callable[[], object], seconds: float = 60) -> None:
    """Waits until `true` says so; fails after a long time."""
    give_up = trio.current_time() + seconds
    while not true():
        assert trio.current_time() < give_up, "it did not come about"
        await trio.sleep(0.01)


def percentile(values: Iterable[float], part: float) -> float:
    """The nearest-rank percentile."""
    ranked = sorted(values)
    return ranked[max(0, math.ceil(part * len(ranked)) - 1)]
