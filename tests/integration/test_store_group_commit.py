"""The one writer: sharing commits, failing apart, losing nothing that was promised."""

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from threading import Event, get_ident

import pytest
import trio
from sqlalchemy import Connection, event
from structlog.testing import capture_logs

from sandboxd.errors import StoreError
from sandboxd.store import group_commit
from sandboxd.store.database import FILE, Database, open_database
from sandboxd.store.group_commit import GroupCommit, open_group_commit


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    with open_database(tmp_path) as database:
        with database.write() as connection:
            connection.exec_driver_sql("CREATE TABLE parents (id INTEGER PRIMARY KEY)")
            connection.exec_driver_sql("CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT)")
            connection.exec_driver_sql(
                "CREATE TABLE children (parent INTEGER REFERENCES parents (id) DEFERRABLE INITIALLY DEFERRED)"
            )
        yield database


@pytest.fixture(params=["at_once", "by_the_thread"], autouse=True)
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Both threads that commit keep every promise."""
    if request.param == "by_the_thread":
        monkeypatch.setattr(group_commit, "SMALL", 0)
    return str(request.param)


def note(connection: Connection, number: int, text: str = "") -> int:
    connection.exec_driver_sql("INSERT INTO notes VALUES (?, ?)", (number, text))
    return number


def forget(connection: Connection, number: int) -> None:
    connection.exec_driver_sql("DELETE FROM notes WHERE id = ?", (number,))


def note_and_fail(connection: Connection, number: int) -> None:
    note(connection, number)
    raise ValueError("changed my mind")


def orphan(connection: Connection) -> None:
    """Only COMMIT finds out that this child has no parent."""
    connection.exec_driver_sql("INSERT INTO children VALUES (1)")


def note_all(connection: Connection, numbers: Sequence[int]) -> None:
    for number in numbers:
        note(connection, number)


def notes(database: Database) -> set[int]:
    with database.read() as connection:
        return set(connection.exec_driver_sql("SELECT id FROM notes").scalars())


@contextmanager
def commits_counted(database: Database) -> Iterator[list[object]]:
    seen: list[object] = []
    listener: Callable[[object], None] = seen.append
    event.listen(database._writer, "commit", listener)
    yield seen
    event.remove(database._writer, "commit", listener)


async def outcome_of(group: GroupCommit, job: group_commit.Job[object], results: list[object]) -> None:
    try:
        results.append(await group.submit(job))
    except Exception as error:
        results.append(type(error))


async def test_an_answer_means_committed(database: Database) -> None:
    """When submit answers, another connection sees the row."""
    async with open_group_commit(database) as group:
        assert await group.submit(partial(note, number=1)) == 1
        assert notes(database) == {1}


async def test_waiting_jobs_share_a_commit(database: Database) -> None:
    """Fifty jobs that wait at the same moment are one transaction."""
    results: list[object] = []
    with commits_counted(database) as commits:
        async with open_group_commit(database) as group, trio.open_nursery() as nursery:
            for number in range(50):
                nursery.start_soon(outcome_of, group, partial(note, number=number), results)
    assert len(commits) == 1
    assert notes(database) == set(range(50))


async def test_a_failing_job_fails_alone(database: Database) -> None:
    """Of three jobs in one batch the middle one raises: it alone fails and nothing of it is left."""
    results: list[object] = []
    async with open_group_commit(database) as group, trio.open_nursery() as nursery:
        for job in (partial(note, number=1), partial(note_and_fail, number=2), partial(note, number=3)):
            nursery.start_soon(outcome_of, group, job, results)
    assert sorted(map(str, results)) == ["1", "3", "<class 'ValueError'>"]
    assert notes(database) == {1, 3}


async def test_a_refused_statement_is_a_store_error(database: Database) -> None:
    """What the database itself refuses reaches the caller in our words."""
    async with open_group_commit(database) as group:
        await group.submit(partial(note, number=1))
        with pytest.raises(StoreError, match="UNIQUE"):
            await group.submit(partial(note, number=1))


async def test_a_failing_commit_fails_the_whole_batch(database: Database) -> None:
    """When COMMIT itself fails, every job of the batch gets StoreError and none is written."""
    results: list[object] = []
    async with open_group_commit(database) as group, trio.open_nursery() as nursery:
        for job in (partial(note, number=1), orphan, partial(note, number=2)):
            nursery.start_soon(outcome_of, group, job, results)
    assert results == [StoreError] * 3
    assert notes(database) == set()


async def test_the_writer_goes_on_after_a_failed_commit(database: Database) -> None:
    """The job after a failed commit is written as if nothing had been."""
    async with open_group_commit(database) as group:
        with pytest.raises(StoreError):
            await group.submit(orphan)
        await group.submit(partial(note, number=1))
    assert notes(database) == {1}


async def test_a_full_disk_loses_only_what_it_refused(tmp_path: Path) -> None:
    """With the file at its largest, a big row gets StoreError, the small ones of its batch are written."""
    with open_database(tmp_path) as database:
        with database.write() as connection:
            connection.exec_driver_sql("CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT)")
            pages = connection.exec_driver_sql("PRAGMA page_count").scalar()

        def fill(connection: sqlite3.Connection, _: object) -> None:
            connection.execute(f"PRAGMA max_page_count = {pages}")

        database.engine.dispose()
        event.listen(database.engine, "connect", fill)
        results: list[object] = []
        async with open_group_commit(database) as group, trio.open_nursery() as nursery:
            for job in (partial(note, number=1), partial(note, number=2, text="x" * 100_000), partial(note, number=3)):
                nursery.start_soon(outcome_of, group, job, results)
        assert sorted(map(str, results)) == ["1", "3", "<class 'sandboxd.errors.StoreError'>"]
        assert notes(database) == {1, 3}


async def test_posted_records_are_written_before_closing_ends(database: Database) -> None:
    """Everything posted is there when the block has been left."""
    async with open_group_commit(database) as group:
        for number in range(1000):
            await group.post(note_all, number)
    assert notes(database) == set(range(1000))


async def test_posted_records_survive_cancellation(database: Database) -> None:
    """A daemon that is being cancelled still writes what was posted, also from the clean-up of its tasks."""
    with trio.CancelScope() as scope:
        async with open_group_commit(database) as group:
            await group.post(note_all, 1)
            scope.cancel()
            try:
                await trio.sleep_forever()
            finally:
                await group.post(note_all, 2)
    assert notes(database) == {1, 2}


async def test_records_of_one_kind_go_in_one_call(database: Database) -> None:
    """Records with the same write function are handed to it together."""
    calls: list[int] = []

    def write(_: Connection, numbers: Sequence[int]) -> None:
        calls.append(len(numbers))

    async with open_group_commit(database) as group:
        for number in range(10):
            await group.post(write, number)
    assert calls == [10]


async def test_a_bad_record_does_not_take_others_along(database: Database) -> None:
    """A record that cannot be written is lost alone."""
    async with open_group_commit(database) as group:
        for number in (1, 1, 2):
            await group.post(note_all, number)
    assert notes(database) == {1, 2}


async def test_a_lost_record_is_in_the_log(database: Database) -> None:
    """Nobody waits for a record, so the log says how many were lost and why."""
    with capture_logs() as logs:
        async with open_group_commit(database) as group:
            await group.post(note_all, 1)
            await group.post(note_all, 1)
    (entry,) = logs
    assert (entry["event"], entry["count"]) == ("records_lost", 1)
    assert "UNIQUE" in entry["why"]


async def test_a_full_queue_makes_posts_wait(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the queue at its bound a post waits until the writer has made room."""
    monkeypatch.setattr(group_commit, "CAPACITY", 3)
    monkeypatch.setattr(group_commit, "SMALL", 0)  # what holds the loop's thread holds this test
    free, begun = Event(), trio.Event()
    token = trio.lowlevel.current_trio_token()

    def hold(_: Connection, __: Sequence[None]) -> None:
        token.run_sync_soon(begun.set)
        free.wait()

    async with open_group_commit(database) as group:
        await group.post(hold, None)
        await begun.wait()
        for number in range(3):
            await group.post(note_all, number)
        with trio.move_on_after(0.05) as waited:
            await group.post(note_all, 3)
        free.set()
    assert waited.cancelled_caught
    assert notes(database) == {0, 1, 2, 3}


async def test_a_cancelled_job_with_undo_leaves_nothing(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """Cancelled while his job is being committed, a caller with undo leaves no row."""
    monkeypatch.setattr(group_commit, "SMALL", 0)
    begun = trio.Event()
    free = Event()
    token = trio.lowlevel.current_trio_token()

    def slow(connection: Connection) -> None:
        note(connection, 1)
        token.run_sync_soon(begun.set)
        free.wait()

    async with open_group_commit(database) as group, trio.open_nursery() as nursery:
        nursery.start_soon(partial(group.submit, slow, undo=partial(forget, number=1)))
        await begun.wait()
        nursery.cancel_scope.cancel()
        free.set()
    assert notes(database) == set()


async def test_a_cancelled_job_without_undo_is_performed(database: Database) -> None:
    """A job that gives something back is performed although its caller is gone."""
    async with open_group_commit(database) as group:
        with trio.CancelScope() as scope:
            scope.cancel()
            await group.submit(partial(note, number=1))
    assert scope.cancelled_caught
    assert notes(database) == {1}


async def test_a_small_batch_does_not_leave_the_loop(database: Database, way: str) -> None:
    """One job is performed in the loop's own thread, unless that way is closed."""
    async with open_group_commit(database) as group:
        there = await group.submit(lambda _: get_ident())
    assert (there == get_ident()) == (way == "at_once")


async def test_who_finds_the_database_held_waits_elsewhere(database: Database) -> None:
    """While another connection writes, a job waits for it in the other thread, and the loop goes on."""
    async with open_group_commit(database) as group:
        with database.write() as other:
            note(other, 1)
            async with trio.open_nursery() as nursery:
                results: list[object] = []
                nursery.start_soon(outcome_of, group, partial(note, number=2), results)
                await trio.sleep(0.05)
                assert results == []
                other.commit()
    assert results == [2]
    assert notes(database) == {1, 2}


async def test_the_log_is_folded_into_the_file(tmp_path: Path) -> None:
    """However many commits the loop's thread makes, the write-ahead log does not grow with them."""
    with open_database(tmp_path) as database:
        with database.write() as connection:
            connection.exec_driver_sql("CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT)")
        async with open_group_commit(database) as group:
            for number in range(8 * group_commit.TURNS):
                await group.submit(partial(note, number=number, text="x" * 4096))
        log = (tmp_path / f"{FILE}-wal").stat().st_size
        assert log < 4 * group_commit.TURNS * 4096 + (8 << 20)


async def test_a_slow_disk_sends_commits_to_the_other_thread(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a commit that took long the next ones are not the loop's, and later ones are again."""
    monkeypatch.setattr(group_commit, "TURNS", 3)
    monkeypatch.setattr(group_commit, "SMALL", 32)
    monkeypatch.setattr(group_commit, "SLOW_SECONDS", -1.0)
    async with open_group_commit(database) as group:
        here = [await group.submit(lambda _: get_ident()) == get_ident() for _ in range(10)]
    assert here == [True, False, False, False, False, True, False, False, False, False]
