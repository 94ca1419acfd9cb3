"""The statements of submissions and journals, on a real file."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError

from sandboxd.models import Principal, Status
from sandboxd.store import journal_queries, queries, submission_queries
from sandboxd.store.database import open_database
from sandboxd.store.journal_queries import FIRST, SOURCE, STARTED, Entry, Total
from sandboxd.store.prepared import Prepared
from sandboxd.store.queries import Closing, Opening, close_orphans
from sandboxd.store.submission_queries import Submission, begin, end, find_key, find_submission, list_submissions, standing_of

ANN = Principal("acme", "ann", "free")
BOB = Principal("acme", "bob", "free")
STARTS = Entry(STARTED, 5, "started", "{}")


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[Connection]:
    with open_database(tmp_path) as database, database.write() as connection:
        yield connection


def accept(connection: Connection, execution_id: str, who: Principal = ANN, key: str | None = None) -> None:
    opening = Opening(execution_id, "executions", "executions", "")
    queries.open_execution(connection, opening, who, started_ms=1, status=Status.queued)
    submission = Submission(execution_id, "auto", 1000, 1 << 20, "s", '{"a":"b"}', key, "hash")
    submission_queries.insert_submission(connection, who, submission, "source", now_ms=1)


def statements() -> list[tuple[str, Prepared]]:
    """All prepared statements that look for something."""
    modules = (journal_queries, submission_queries)
    found = [(name, each) for module in modules for name, each in vars(module).items() if isinstance(each, Prepared)]
    return [(name, each) for name, each in found if name not in ("_insert", "_append")]


@pytest.mark.parametrize(("name", "statement"), statements())
def test_no_statement_reads_a_table_from_end_to_end(connection: Connection, name: str, statement: Prepared) -> None:
    """Each finds its rows by an index, and none has to sort."""
    text = statement._compiled(connection)
    values = [1] * text.count("?")
    plan = [row[3] for row in connection.connection.cursor().execute(f"EXPLAIN QUERY PLAN {text}", values)]
    assert plan, name
    assert [step for step in plan if step.startswith("SCAN") or "B-TREE" in step] == []


@pytest.mark.parametrize(
    ("statement", "index"),
    [
        ("SELECT number FROM submissions WHERE ended_ms IS NULL ORDER BY number", "submissions_open"),
        ("SELECT sum(size_bytes) FROM submissions WHERE ended_ms IS NOT NULL", "COVERING INDEX submissions_ended"),
        ("SELECT execution_id FROM submissions WHERE ended_ms IS NOT NULL ORDER BY ended_ms LIMIT 20", "submissions_ended"),
    ],
)
def test_what_is_read_from_end_to_end_is_an_index(connection: Connection, statement: str, index: str) -> None:
    """A start reads what has not ended, a sweep what has: neither the rest."""
    plan = [row[3] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}")]
    assert (len(plan), index in plan[0]) == (1, True)


def test_an_execution_begins_once(connection: Connection) -> None:
    """It gives its source the first time, and nothing when it runs or has ended."""
    accept(connection, "x")
    assert [begin(connection, "x", STARTS) for _ in range(2)] == ["source", None]
    assert standing_of(connection, "x")[0] is Status.running
    assert end(connection, Closing("x", Status.succeeded, 9), result="1")
    assert begin(connection, "x", STARTS) is None


def test_the_first_end_wins(connection: Connection) -> None:
    """The second changes nothing, and says so."""
    accept(connection, "x")
    assert end(connection, Closing("x", Status.cancelled, 9), counted=False, failure="{}")
    assert not end(connection, Closing("x", Status.succeeded, 10), result="1")
    found = find_submission(connection, ANN, "x")
    assert found is not None
    assert (found.status, found.ended_ms, found.result, found.failure) == ("cancelled", 9, None, "{}")


def test_orphans_are_those_that_had_begun(connection: Connection) -> None:
    """What is queued stays so."""
    accept(connection, "waits")
    accept(connection, "ran")
    begin(connection, "ran", STARTS)
    assert close_orphans(connection, now_ms=7) == 1
    assert [(each.id, each.status) for each in submission_queries.open_submissions(connection)] == [
        ("waits", "queued"),
        ("ran", "crashed"),
    ]


def test_a_key_is_the_user_s_own_and_once(connection: Connection) -> None:
    """Two users may have the same; one user not; whoever has none is not asked."""
    accept(connection, "x", key="k")
    accept(connection, "y", BOB, key="k")
    accept(connection, "z")
    accept(connection, "zz")
    assert (find_key(connection, ANN, "k"), find_key(connection, BOB, "k")) == (("x", "hash"), ("y", "hash"))
    with pytest.raises(Exception, match="UNIQUE") as caught:
        accept(connection, "w", key="k")
    assert not isinstance(caught.value, IntegrityError)  # the driver's own


def test_what_is_hidden_is_gone_for_its_owner(connection: Connection) -> None:
    """From every list and by its key, before it is removed piece by piece."""
    accept(connection, "x", key="k")
    journal_queries.append(connection, "x", [Entry(FIRST + n, 1, "log", "a\n", 2 * n, 2 * n + 2, n, n + 1) for n in range(5)])
    end(connection, Closing("x", Status.succeeded, 9))
    submission_queries.hide(connection, ["x"])
    assert (find_submission(connection, ANN, "x"), find_key(connection, ANN, "k")) == (None, None)
    assert list_submissions(connection, ANN, limit=9, before=None) == []
    accept(connection, "y", key="k")
    assert submission_queries.remove(connection, ["x", "y"], 4) == ["x", "y"]
    assert submission_queries.remove(connection, ["x"], 4) == ()
    assert [each.id for each in submission_queries.oldest_ended(connection, 9)] == []


def test_an_entry_that_is_there_is_there(connection: Connection) -> None:
    """To write the same again changes nothing; the source is no event."""
    accept(connection, "x")
    entries = [Entry(FIRST, 1, "log", "é\n", 0, 3, 0, 1), Entry(FIRST + 1, 1, "output_full", "{}")]
    for _ in range(2):
        journal_queries.append(connection, "x", entries)
    assert journal_queries.total(connection, "x") == Total(3, 1)
    assert journal_queries.last_number(connection, "x") == FIRST + 1
    assert journal_queries.entries_after(connection, "x", STARTED) == entries
    assert journal_queries.entries_after(connection, "x", SOURCE)[0].kind == "queued"


def test_events_are_read_in_bounded_pieces(connection: Connection) -> None:
    """Neither many rows nor much text at once, and always one if there is one."""
    accept(connection, "x")
    text = "x" * ((64 << 10) - 1) + "\n"
    size = len(text)
    journal_queries.append(
        connection, "x", [Entry(FIRST + n, 1, "log", text, n * size, (n + 1) * size, n, n + 1) for n in range(200)]
    )
    seen, after = [], SOURCE
    while entries := journal_queries.entries_after(connection, "x", after):
        assert sum(len(each.data) for each in entries) <= journal_queries.READ_BYTES + size
        assert len(entries) <= journal_queries.READ_ROWS
        seen += [each.number for each in entries]
        after = seen[-1]
    assert seen == [1, *range(FIRST, FIRST + 200)]
