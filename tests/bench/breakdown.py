"""Where the time of one execution goes: `python -m tests.bench.breakdown [EXECUTIONS]`, on a quiet machine.

The real service on a real store, one execution at a time, without HTTP; each part is timed from the outside, by wall clock.
What the HTTP front takes is the bare POST of `make bench`.
"""

import statistics
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import trio

from sandboxd.auth.tokens import hash_token, new_token, token_id
from sandboxd.config import Settings
from sandboxd.executions.engine import open_engine, read_policy
from sandboxd.executions.ledger import Ledger, open_ledger
from sandboxd.executions.service import Service
from sandboxd.models import Source, Status
from sandboxd.pool.forkserver import ForkServer
from sandboxd.pool.pool import Pool
from sandboxd.pool.process import Process
from sandboxd.pool.worker import Worker
from sandboxd.store import queries
from sandboxd.store.database import open_database
from sandboxd.store.group_commit import open_group_commit

CODE = "const x = 5 + 3; results.sum = x; console.log('Sum:', x)"
spent: dict[str, list[float]] = defaultdict(list)


def timed(owner: Any, name: str, part: str) -> None:
    """Times an async method."""
    inner: Callable[..., Any] = getattr(owner, name)

    async def outer(*args: Any, **kwargs: Any) -> Any:
        begun = time.perf_counter()
        try:
            return await inner(*args, **kwargs)
        finally:
            spent[part].append(time.perf_counter() - begun)

    setattr(owner, name, outer)


def timed_ends(owner: Any, name: str, before: str, after: str) -> None:
    """Times how an async context manager is entered, and how it is left."""
    inner: Callable[..., Any] = getattr(owner, name)

    @asynccontextmanager
    async def outer(*args: Any, **kwargs: Any) -> AsyncIterator[Any]:
        begun = time.perf_counter()
        async with inner(*args, **kwargs) as value:
            spent[before].append(time.perf_counter() - begun)
            yield value
            begun = time.perf_counter()
        spent[after].append(time.perf_counter() - begun)

    setattr(owner, name, outer)


async def measure(executions: int) -> None:
    """Runs them one after the other and prints the median of each part."""
    timed(Ledger, "principal", "token")
    timed_ends(Ledger, "take", "quota, committed", "record, posted")
    timed_ends(Pool, "lease", "lease", "give back")
    timed(Worker, "run", "frame, run, reap")
    timed(Process, "wait", "  of that, reap")
    timed(ForkServer, "spawn", "fork to ready (ahead, beside the others)")
    policy, settings = read_policy(Settings()), Settings()
    with tempfile.TemporaryDirectory() as folder, open_database(Path(folder) / "data") as database:
        async with open_group_commit(database) as group, open_engine(settings, policy, ["code-nodes"]) as engine:
            service = Service(engine, await open_ledger(group, database))
            text = new_token()
            key = hash_token(text)
            with database.write() as connection:
                queries.insert_token(connection, queries.StoredToken(key, token_id(key), "bench", "bench", "service", 0))
            for at in range(executions + 50):
                if at == 50:
                    spent.clear()
                begun = time.perf_counter()
                principal = await service.principal(text)
                done = await service.execute(principal, door="code-nodes", profile="code-nodes", source=Source(CODE))
                spent["all, without HTTP"].append(time.perf_counter() - begun)
                assert done.outcome.status is Status.succeeded, done
    for part, times in sorted(spent.items(), key=lambda item: statistics.median(item[1])):
        print(f"{part:45} {statistics.median(times) * 1000:7.3f} ms")


if __name__ == "__main__":
    trio.run(measure, int(sys.argv[1]) if len(sys.argv) > 1 else 500)
