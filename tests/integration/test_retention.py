"""What is removed, and what is not."""

from pathlib import Path

import pytest

from sandboxd.config import RetentionSettings
from sandboxd.executions.ledger import Ledger, open_ledger
from sandboxd.executions.reading import Reading
from sandboxd.executions.retention import DAY_MS, Retention
from sandboxd.models import LogLine
from sandboxd.store.database import Database
from sandboxd.store.group_commit import GroupCommit
from sandboxd.store.journal_queries import total
from sandboxd.store.submission_queries import list_submissions
from tests.support.journals import ANN, accept, finish, journal_of, opened
from tests.support.ledger import Clock

START_MS = 1_700_000_000_000


async def swept(database: Database, group: GroupCommit, *, days_later: float = 0, **settings: float) -> int:
    """One sweep."""
    clock = Clock()
    clock.now = START_MS / 1000 + days_later * 86_400
    ledger: Ledger = await open_ledger(group, database, clock)
    return await Retention(RetentionSettings(**settings), ledger, group, Reading(database)).sweep()


def rows(database: Database, table: str) -> set[str]:
    """The executions that a table knows."""
    column = "id" if table == "executions" else "execution_id"
    with database.read() as connection:
        return {row[0] for row in connection.exec_driver_sql(f"SELECT {column} FROM {table}")}


def chunks(database: Database) -> int:
    """The rows of all journals."""
    with database.read() as connection:
        return int(connection.exec_driver_sql("SELECT count(*) FROM journal").scalar() or 0)


async def test_what_is_too_old_is_removed(tmp_path: Path) -> None:
    """By its end, however old its beginning; with its journal, but without its record."""
    async with opened(tmp_path) as (database, group):
        for day in range(5):
            accept(database, f"x{day}", at_ms=START_MS)
            finish(database, f"x{day}", at_ms=START_MS + day * DAY_MS)
        assert await swept(database, group, days_later=4.5, age_days=2) == 3
        assert rows(database, "submissions") == rows(database, "journal") == {"x3", "x4"}
        assert rows(database, "executions") == {f"x{day}" for day in range(5)}


async def test_what_has_not_ended_is_never_removed(tmp_path: Path) -> None:
    """However old and however large."""
    async with opened(tmp_path) as (database, group):
        accept(database, "old", source="x" * (3 << 20), at_ms=1)
        assert await swept(database, group, age_days=1, size_mb=1) == 0
        assert rows(database, "submissions") == {"old"}


@pytest.mark.parametrize("what", ["source", "output", "result"])
async def test_of_too_much_the_oldest_goes(tmp_path: Path, what: str) -> None:
    """Source, output and result count, and no more is removed than has to be."""
    large = "x" * (400 << 10)
    async with opened(tmp_path) as (database, group):
        for place in (2, 0, 4, 1, 3):
            name = f"x{place}"
            accept(database, name, source=large if what == "source" else "1", at_ms=START_MS)
            journal = journal_of(group, name)
            await journal.take([LogLine("log", large)] if what == "output" else [], False)
            await journal.flush()
            finish(database, name, at_ms=START_MS + place, result=large if what == "result" else "1")
        assert await swept(database, group, size_mb=1) == 3
        assert rows(database, "submissions") == rows(database, "journal") == {"x3", "x4"}
        assert await swept(database, group, size_mb=1) == 0


async def test_a_sweep_goes_in_small_pieces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No commit removes more than a megabyte, and what is half gone is seen by nobody."""
    seen: list[int] = []
    pieces: list[int] = []
    async with opened(tmp_path) as (database, group):
        submit = group.submit

        async def counted(job, *, undo=None):  # type: ignore[no-untyped-def]
            before = chunks(database)
            done = await submit(job, undo=undo)
            pieces.append(before - chunks(database))
            with database.read() as connection:
                shown = list_submissions(connection, ANN, limit=100, before=None) or []
                seen.extend(total(connection, each.id).bytes for each in shown)
            return done

        monkeypatch.setattr(group, "submit", counted)
        for place in range(50):
            accept(database, f"x{place}")
            journal = journal_of(group, f"x{place}")
            await journal.take([LogLine("log", "x" * ((3 << 20) - 1))] if place < 3 else [], False)
            await journal.flush()
            finish(database, f"x{place}", at_ms=place + 1)
        seen.clear()
        pieces.clear()
        assert await swept(database, group) == 50
        assert max(pieces) == 16
        assert set(seen) <= {0, 3 << 20}
        assert rows(database, "submissions") == rows(database, "journal") == set()
