"""Submitted executions in this process: the real engine, a real database, and a user."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec

from sandboxd.config import PoolSettings, QueueSettings, RetentionSettings, Settings
from sandboxd.executions.engine import Engine, open_engine
from sandboxd.executions.ledger import open_ledger
from sandboxd.executions.submissions import Asked, Submissions, Submitted, open_submissions
from sandboxd.models import Principal, Source
from sandboxd.policy.model import Access, Policy, Tier
from sandboxd.store.database import Database, open_database
from sandboxd.store.group_commit import open_group_commit
from tests.support.engines import PROFILE

ANN = Principal("acme", "ann", "free")
BOB = Principal("acme", "bob", "free")
FREE = Tier("Whoever tests has no limit but those that a test names.", {"code-nodes": Access(30_000)})
FOREVER = "console.log('begun'); await new Promise(resolve => setTimeout(resolve, 29000))"


def policy_of(policy: Policy, **quota: int | None) -> Policy:
    """The policy with a tier `free`, which has this quota."""
    return msgspec.structs.replace(policy, tiers={"free": msgspec.structs.replace(FREE, **quota)})


@asynccontextmanager
async def opened_engine(policy: Policy, **pool: int) -> AsyncIterator[Engine]:
    """An engine for the house."""
    sizes = PoolSettings(**({"ahead": 2, "running": 4, "running_per_user": 4} | pool))
    async with open_engine(Settings(pool=sizes), policy, [PROFILE]) as engine:
        engine.demand()
        yield engine


@asynccontextmanager
async def open_house(
    directory: Path, engine: Engine, *, queue: dict[str, int] | None = None, retention: dict[str, float] | None = None
) -> AsyncIterator[tuple[Submissions, Database]]:
    """One life of a daemon without its HTTP."""
    settings = Settings(
        queue=QueueSettings(**({"running_percent": 100} | (queue or {}))),
        retention=RetentionSettings(**(retention or {})),
        pool=PoolSettings(running=engine.queue.slots, running_per_user=engine.queue.share),
    )
    with open_database(directory) as database:
        async with open_group_commit(database) as group:
            ledger = await open_ledger(group, database)
            async with open_submissions(settings, engine, ledger, group, database) as submissions:
                yield submissions, database


async def submit(submissions: Submissions, code: str, principal: Principal = ANN, **more: Any) -> str:
    """Submits a body of the code-nodes profile."""
    asked = Asked(Source(code), **more)
    return await submissions.submit(principal, door=PROFILE, profile=PROFILE, asked=asked)


async def end_of(submissions: Submissions, execution_id: str, principal: Principal = ANN) -> Submitted:
    """Waits until it has ended."""
    while (found := await submissions.get(principal, execution_id, wait_s=60)).finished_ms is None:
        pass
    return found


async def output_of(submissions: Submissions, execution_id: str, principal: Principal = ANN) -> str:
    """All that was printed so far."""
    return (await submissions.bytes(principal, execution_id, 0, 1 << 30)).data
