"""A store with executions that were submitted, without an engine: what a test writes is what was printed."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

from sandboxd.executions.hub import Hub
from sandboxd.executions.journal import Journal
from sandboxd.models import Principal, Status
from sandboxd.store import journal_queries, queries, submission_queries
from sandboxd.store.database import Database, open_database
from sandboxd.store.group_commit import GroupCommit, open_group_commit
from sandboxd.store.journal_queries import STARTED, Entry
from sandboxd.store.queries import Closing, Opening
from sandboxd.store.submission_queries import Submission

ANN = Principal("acme", "ann", "free")


@asynccontextmanager
async def opened(directory: Path) -> AsyncIterator[tuple[Database, GroupCommit]]:
    """A database and its writer."""
    with open_database(directory) as database:
        async with open_group_commit(database) as group:
            yield database, group


def accept(database: Database, execution_id: str, *, source: str = "return 1", at_ms: int = 1) -> None:
    """Submits one and begins it."""
    with database.write() as connection:
        opening = Opening(execution_id, "executions", "executions", "")
        queries.open_execution(connection, opening, ANN, started_ms=at_ms, status=Status.queued)
        submission = Submission(execution_id, "javascript", 1000, 1 << 20, None, "{}", None, "")
        submission_queries.insert_submission(connection, ANN, submission, source, now_ms=at_ms)
        submission_queries.begin(connection, execution_id, Entry(STARTED, at_ms, "started", "{}"))


def finish(database: Database, execution_id: str, *, at_ms: int, result: str = "null") -> None:
    """Ends one."""
    with database.write() as connection:
        submission_queries.end(connection, Closing(execution_id, Status.succeeded, at_ms), result=result)


def journal_of(group: GroupCommit, execution_id: str, *, most_bytes: int = 1 << 30) -> Journal:
    """The journal of one that has begun."""
    journal = Journal(group, Hub(1), execution_id, now=lambda: 1)
    journal.most_bytes = most_bytes
    return journal


@contextmanager
def counted_steps(database: Database) -> Iterator[list[int]]:
    """How many steps SQLite's machine takes on the loop's connection within the block, as the one entry of a list."""
    steps = [0]

    def step() -> None:
        steps[0] += 1

    with database.glance() as connection:
        driver = connection.connection.driver_connection
        assert driver is not None
        driver.set_progress_handler(step, 1)
        try:
            yield steps
        finally:
            driver.set_progress_handler(None, 0)


def whole_output(database: Database, execution_id: str) -> str:
    """All that is in the journal."""
    with database.read() as connection:
        return "".join(chunk.text for chunk in journal_queries.chunks_at_byte(connection, execution_id, 0))
