"""The data directory on a real disk: creating, locking, upgrading, and what stands in the way."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from sandboxd.errors import DataDirectoryLocked, SchemaTooNew, StoreError
from sandboxd.store.database import BUSY_SECONDS, FILE, NEWEST, REVISIONS, Database, open_database
from sandboxd.store.locks import lock_directory
from sandboxd.store.schema import metadata

ROOT = Path(__file__).parents[2]


def python(code: str, *arguments: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", code, *map(str, arguments)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    with open_database(tmp_path / "data") as database:
        yield database


def test_a_fresh_database_is_what_the_schema_says(database: Database) -> None:
    """Alembic finds no difference between the migrated file and the tables of schema.py."""
    with database.read() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []


def test_both_indexes_are_used(database: Database) -> None:
    """The quota's look-up and the search for orphans read an index, not the table."""
    quota = "SELECT started_ms FROM executions WHERE tenant=? AND user=? AND counted=1 AND started_ms>? ORDER BY 1 DESC"
    orphans = "UPDATE executions SET status='crashed' WHERE status = 'running'"
    with database.read() as connection:
        plans = [
            connection.exec_driver_sql("EXPLAIN QUERY PLAN " + quota, ("t", "u", 1)).one(),
            connection.exec_driver_sql("EXPLAIN QUERY PLAN " + orphans).one(),
        ]
    assert "COVERING INDEX executions_quota" in plans[0].detail
    assert "INDEX executions_running" in plans[1].detail


def test_a_glance_sees_what_others_have_written_since(database: Database) -> None:
    """The kept connection holds no snapshot: what is committed between two glances is in the second."""

    def tokens() -> object:
        with database.glance() as connection:
            return connection.exec_driver_sql("SELECT count(*) FROM tokens").scalar()

    assert tokens() == 0
    with database.write() as connection:
        connection.exec_driver_sql("INSERT INTO tokens VALUES ('h', 'i', 't', 'u', 'starter', 1, NULL, NULL)")
        assert tokens() == 0
    assert tokens() == 1


def test_a_glance_never_waits(database: Database) -> None:
    """Its connection gives up at once where others wait for BUSY_SECONDS."""
    with database.glance() as glance, database.read() as other:
        assert [each.exec_driver_sql("PRAGMA busy_timeout").scalar() for each in (glance, other)] == [0, 1000 * BUSY_SECONDS]


def test_the_file_names_are_alembics_revisions() -> None:
    """The cheap list of revisions is the one Alembic works with, and ends at its head."""
    config = Config()
    config.set_main_option("script_location", "sandboxd.store:migrations")
    script = ScriptDirectory.from_config(config)
    assert script.get_current_head() == NEWEST
    assert {revision.revision for revision in script.walk_revisions()} == set(REVISIONS)


def test_opening_a_ready_directory_does_not_import_alembic(database: Database) -> None:
    """A start with nothing to upgrade does not pay for Alembic's import."""
    code = """if True:
        import sys
        from pathlib import Path
        from sandboxd.store.database import open_database
        with open_database(Path(sys.argv[1])):
            print("alembic" in sys.modules)"""
    assert python(code, database.directory).communicate()[0].strip() == "False"


def test_the_write_ahead_log_is_on(database: Database) -> None:
    """Readers and the writer do not stop each other."""
    with database.read() as connection:
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"


def test_the_directory_is_its_owners_alone(database: Database) -> None:
    """Neither the directory nor the database can be read by others."""
    assert database.directory.stat().st_mode & 0o777 == 0o700
    assert (database.directory / FILE).stat().st_mode & 0o777 == 0o600


def test_two_processes_create_one_directory(tmp_path: Path) -> None:
    """Eight processes that open the same fresh directory at once all succeed, and all their writes are there."""
    code = """if True:
        import sys
        from pathlib import Path
        from sandboxd.store.database import open_database
        from sandboxd.store.queries import StoredToken, insert_token
        sys.stdin.read(1)
        with open_database(Path(sys.argv[1])) as database, database.write() as connection:
            insert_token(connection, StoredToken(sys.argv[2], sys.argv[2], "t", "u", "starter", 0))"""
    processes = [python(code, tmp_path / "data", number) for number in range(8)]
    for process in processes:
        assert process.stdin
        process.stdin.write("\n")
        process.stdin.flush()
    for process in processes:
        _, errors = process.communicate()
        assert process.returncode == 0, errors
    with open_database(tmp_path / "data") as database, database.read() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM tokens").scalar() == 8


def test_a_newer_schema_is_refused(database: Database) -> None:
    """A revision this program does not know is refused, naming the directory, the revision and the way out."""
    with database.write() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(SchemaTooNew, match="written by a newer sandboxd") as refusal, open_database(database.directory):
        pass
    assert str(database.directory) in refusal.value.message
    assert "9999" in refusal.value.message
    assert "start that version" in refusal.value.message


def test_a_file_that_is_no_database_is_a_store_error(tmp_path: Path) -> None:
    """Garbage in place of the database is the house's failure, named with its directory."""
    (tmp_path / FILE).write_text("this is a letter to my aunt, not a database\n" * 100)
    with pytest.raises(StoreError, match=str(tmp_path)), open_database(tmp_path):
        pass


def test_a_directory_that_cannot_be_made_is_a_store_error(tmp_path: Path) -> None:
    """A file in the directory's place is the house's failure, named with its path."""
    (tmp_path / "data").write_text("")
    with pytest.raises(StoreError, match=str(tmp_path / "data")), open_database(tmp_path / "data"):
        pass


def test_an_interrupted_upgrade_leaves_nothing(tmp_path: Path) -> None:
    """A process killed in the middle of creating the tables leaves a directory that opens."""
    code = """if True:
        import os, sys
        from pathlib import Path
        from alembic import op
        from sandboxd.store.database import open_database
        create_index = op.create_index
        op.create_index = lambda *a, **k: os.kill(os.getpid(), 9)
        with open_database(Path(sys.argv[1])):
            pass"""
    process = python(code, tmp_path)
    process.communicate()
    assert process.returncode == -9
    with open_database(tmp_path) as database, database.read() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM executions").scalar() == 0


def test_a_second_daemon_is_refused_by_name(tmp_path: Path) -> None:
    """The second lock of one directory names the directory and the holder's process."""
    code = """if True:
        import sys
        from pathlib import Path
        from sandboxd.store.locks import lock_directory
        with lock_directory(Path(sys.argv[1])):
            print("locked", flush=True)
            sys.stdin.read()"""
    holder = python(code, tmp_path / "data")
    assert holder.stdout
    assert holder.stdout.readline() == "locked\n"
    with pytest.raises(DataDirectoryLocked, match=rf"{tmp_path / 'data'} .*\(pid {holder.pid}\)"):
        lock_directory(tmp_path / "data").__enter__()
    holder.communicate("")


def test_a_killed_daemon_leaves_no_lock(tmp_path: Path) -> None:
    """After a kill -9 the directory can be locked at once."""
    code = """if True:
        import os, sys
        from pathlib import Path
        from sandboxd.store.locks import lock_directory
        with lock_directory(Path(sys.argv[1])):
            os.kill(os.getpid(), 9)"""
    python(code, tmp_path).communicate()
    with lock_directory(tmp_path):
        assert (tmp_path / "daemon.lock").read_text() == f"{os.getpid()}\n"


def test_tools_work_next_to_the_daemon(tmp_path: Path) -> None:
    """The lock is the daemon's: a command-line tool opens and writes the directory while it is held."""
    with (
        lock_directory(tmp_path),
        open_database(tmp_path),
        open_database(tmp_path, synchronous="FULL") as tool,
        tool.write() as connection,
    ):
        connection.exec_driver_sql("DELETE FROM tokens")
