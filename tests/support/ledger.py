"""A ledger on a real database, with a clock that the test moves."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from sqlalchemy import Row, select

from sandboxd.executions.ledger import Ledger, open_ledger
from sandboxd.models import Principal, Status
from sandboxd.policy.quota import Quota
from sandboxd.store.database import Database, open_database
from sandboxd.store.group_commit import open_group_commit
from sandboxd.store.queries import Opening
from sandboxd.store.schema import executions

ANN = Principal("acme", "ann", "starter")
START = 1_700_000_000.0
UNLIMITED = Quota()


class Clock:
    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> float:
        return self.now


House = tuple[Ledger, Database, Clock]


@asynccontextmanager
async def open_house(directory: Path) -> AsyncIterator[House]:
    clock = Clock()
    with open_database(directory) as database:
        async with open_group_commit(database) as group:
            yield await open_ledger(group, database, clock), database, clock


def opening(number: object = 1) -> Opening:
    return Opening(f"x{number}", "code_nodes", "default", "0" * 64)


def rows(database: Database) -> list[Row[tuple[object, ...]]]:
    with database.read() as connection:
        return list(connection.execute(select(executions)))


async def run(ledger: Ledger, quota: Quota, number: object, principal: Principal = ANN) -> None:
    """One execution that succeeds at once."""
    async with ledger.take(principal, quota, opening(number)) as take:
        take.started()
        take.close(Status.succeeded)


async def flushed(ledger: Ledger) -> None:
    """Wait until what was posted so far is committed."""
    await ledger._group.submit(lambda _: None)
