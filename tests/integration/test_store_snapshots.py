"""Snapshots in the database: the first one stays, also when many come at once; old ones make room."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
import trio

from sandboxd.store import snapshots
from sandboxd.store.database import Database, open_database
from sandboxd.store.group_commit import open_group_commit
from sandboxd.store.snapshots import Key, first_output


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    """A fresh data directory."""
    with open_database(tmp_path / "data") as database:
        yield database


async def test_of_many_at_once_one_is_the_first(database: Database) -> None:
    """All are told the same output."""
    told: list[str] = []
    async with open_group_commit(database) as group:

        async def ask(output: str) -> None:
            told.append(await group.submit(partial(first_output, key=Key("t", "a", "f"), output=output, now_ms=1)))

        async with trio.open_nursery() as nursery:
            for n in range(50):
                nursery.start_soon(ask, f"{n}")
    assert (len(told), len(set(told))) == (50, 1)


def test_keys_do_not_meet(database: Database) -> None:
    """Tenant, program and fixture each tell snapshots apart."""
    keys = [Key(tenant, action, fixture) for tenant in "ab" for action in "cd" for fixture in "ef"]
    for _ in range(2):
        with database.write() as connection:
            told = [first_output(connection, key, f"{n}", now_ms=n) for n, key in enumerate(keys)]
        assert told == [f"{n}" for n in range(len(keys))]


def test_the_oldest_make_room(database: Database) -> None:
    """Those of the same tenant, and only as many as are too many."""
    with database.write() as connection:
        assert first_output(connection, Key("other", "a", "old"), "kept", now_ms=0) == "kept"
        for n in range(snapshots.MOST + 3):
            first_output(connection, Key("t", "a", f"{n}"), "first", now_ms=n)
        gone = [first_output(connection, Key("t", "a", f"{n}"), "second", now_ms=0) for n in (3, snapshots.MOST + 2, 2)]
        assert gone == ["first", "first", "second"]
        assert first_output(connection, Key("other", "a", "old"), "new", now_ms=0) == "kept"
