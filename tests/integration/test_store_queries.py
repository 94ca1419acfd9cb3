"""The statements, on a real file."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace
from sqlalchemy import Connection, select

from sandboxd.models import Principal, Status
from sandboxd.store.database import open_database
from sandboxd.store.queries import (
    Closing,
    Opening,
    StoredToken,
    close_executions,
    close_orphans,
    find_token,
    forget_execution,
    insert_token,
    list_tokens,
    nth_newest_starts,
    open_execution,
    revoke_token,
    uncount_execution,
)
from sandboxd.store.schema import executions

ANN = Principal("acme", "ann", "starter")
TOKEN = StoredToken("f" * 64, "f" * 12, "acme", "ann", "starter", 1000, expires_ms=9000)
DONE = Closing("a", Status.succeeded, 2000, cpu_ms=1.5, memory_bytes=4096, wall_ms=20.25, output="null")


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[Connection]:
    with open_database(tmp_path) as database, database.write() as connection:
        yield connection


def begin(connection: Connection, execution_id: str, started_ms: int, principal: Principal = ANN) -> None:
    opening = Opening(execution_id, "code_nodes", "default", "0" * 64)
    open_execution(connection, opening, principal, started_ms=started_ms)


def row(connection: Connection, execution_id: str = "a") -> dict[str, object]:
    return dict(connection.execute(select(executions).where(executions.c.id == execution_id)).one()._mapping)


def test_a_token_is_found_by_its_hash(connection: Connection) -> None:
    """What was inserted comes back whole, and only for its own hash."""
    insert_token(connection, TOKEN)
    assert find_token(connection, TOKEN.hash) == TOKEN
    assert find_token(connection, "0" * 64) is None


def test_tokens_are_listed_oldest_first(connection: Connection) -> None:
    """The list is in the order of creation."""
    newer = replace(TOKEN, hash="a" * 64, id="a" * 12, created_ms=2000)
    insert_token(connection, newer)
    insert_token(connection, TOKEN)
    assert list_tokens(connection) == [TOKEN, newer]


def test_the_first_revocation_stands(connection: Connection) -> None:
    """Revoking twice keeps the first time and still says that the token exists."""
    insert_token(connection, TOKEN)
    assert revoke_token(connection, TOKEN.id, now_ms=5000)
    assert revoke_token(connection, TOKEN.id, now_ms=6000)
    assert find_token(connection, TOKEN.hash) == replace(TOKEN, revoked_ms=5000)


def test_revoking_nothing_says_so(connection: Connection) -> None:
    """An unknown id is answered with False."""
    assert not revoke_token(connection, "nobody", now_ms=1)


def test_an_opened_execution_runs_and_counts(connection: Connection) -> None:
    """The row that takes the quota is the record's beginning."""
    begin(connection, "a", 1000)
    assert {"status": "running", "counted": True, "user": "ann", "finished_ms": None}.items() <= row(connection).items()


def test_closing_completes_the_record(connection: Connection) -> None:
    """All measured fields are in the row and it still counts."""
    begin(connection, "a", 1000)
    close_executions(connection, [DONE])
    expected = {"status": "succeeded", "counted": True, "cpu_ms": 1.5, "wall_ms": 20.25, "output": "null"}
    assert expected.items() <= row(connection).items()


def test_the_first_terminal_status_wins(connection: Connection) -> None:
    """A second closing changes nothing."""
    begin(connection, "a", 1000)
    close_executions(connection, [DONE, replace(DONE, status=Status.cancelled, cpu_ms=99.0)])
    assert row(connection)["status"] == "succeeded"
    assert row(connection)["cpu_ms"] == 1.5


def test_a_forgotten_execution_leaves_no_row(connection: Connection) -> None:
    """Giving back deletes the row, and doing it twice is no error."""
    begin(connection, "a", 1000)
    forget_execution(connection, "a")
    forget_execution(connection, "a")
    assert connection.execute(select(executions)).all() == []


def test_an_uncounted_execution_stays_visible(connection: Connection) -> None:
    """A rejected execution is a record that no window sees."""
    begin(connection, "a", 1000)
    uncount_execution(connection, Closing("a", Status.rejected, 2000))
    assert row(connection)["status"] == "rejected"
    assert nth_newest_starts(connection, "acme", "ann", [(1, 0)]) == (None,)


def test_orphans_end_as_crashed_and_count(connection: Connection) -> None:
    """Only what is running is closed, and it stays in the quota."""
    begin(connection, "a", 1000)
    begin(connection, "b", 1500)
    close_executions(connection, [DONE])
    assert close_orphans(connection, now_ms=7000) == 1
    assert row(connection)["status"] == "succeeded"
    assert {"status": "crashed", "counted": True, "finished_ms": 7000}.items() <= row(connection, "b").items()


def test_each_window_is_answered(connection: Connection) -> None:
    """The n-th newest start inside each window, or None; starts at the window's edge are outside."""
    for number, started_ms in enumerate((100, 200, 300)):
        begin(connection, str(number), started_ms)
    assert nth_newest_starts(connection, "acme", "ann", [(1, 0), (2, 0), (3, 100)]) == (300, 200, None)


def test_users_are_told_apart_by_tenant(connection: Connection) -> None:
    """The same user name in another tenant is somebody else."""
    begin(connection, "a", 100, Principal("other", "ann", "starter"))
    assert nth_newest_starts(connection, "acme", "ann", [(1, 0)]) == (None,)
