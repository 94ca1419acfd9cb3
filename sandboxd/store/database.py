"""The SQLite file of a data directory: opened, upgraded, and its errors put into our words.

What a crash can take: nothing when the process dies (kill -9, out of memory), because a commit has reached the kernel.
With ``synchronous="NORMAL"`` a loss of *power* can take the last commits (never the file's integrity); ``"FULL"`` waits
for the disk at every commit and loses nothing. The daemon's takes use NORMAL; revoking a token is worth FULL.
"""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any, Literal

from sqlalchemy import Connection, Engine, create_engine, event, exc
from sqlalchemy.engine import URL

from sandboxd.errors import SchemaTooNew, StoreError
from sandboxd.store.locks import lock_upgrade, make_directory

Synchronous = Literal["NORMAL", "FULL"]

FILE = "sandboxd.sqlite3"
BUSY_SECONDS = 5
"""How long a statement waits for another process's transaction."""

# The names of the migration files are the one list of known revisions. Reading it costs a directory listing, where
# asking Alembic costs its import (0.15 s of the daemon's start).
_VERSIONS = Path(__file__).parent / "migrations" / "versions"
REVISIONS = tuple(sorted(file.name.partition("_")[0] for file in _VERSIONS.glob("[0-9]*.py")))
NEWEST = REVISIONS[-1]


class Database:
    """An open data directory. Usable from any thread; each ``read`` and ``write`` takes a connection of its own."""

    def __init__(self, directory: Path, engine: Engine) -> None:
        self.directory = directory
        self.engine = engine
        self._writer = engine.execution_options(sandboxd_begin="BEGIN IMMEDIATE")
        self._kept: Connection | None = None
        self._mapped = _Mapped(directory)

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A connection whose statements see one moment of the database. Raises StoreError."""
        with self.mapped(), self.engine.connect() as connection:
            yield connection

    @contextmanager
    def glance(self) -> Iterator[Connection]:
        """For one statement that finds its row by key, from the event loop's own thread: 0.04 ms, by way of another 0.23.

        It never waits: raises StoreError where `read` would wait for another process.
        """
        with self.mapped():
            yield self._keep()

    @contextmanager
    def write_at_once(self) -> Iterator[Connection]:
        """`write` from the event loop's own thread, for a few rows. Where that would wait, it raises StoreError.

        It does not fold the log into the file, which waits for the disk; any `write` does that once the log is long enough.
        """
        with self.mapped():
            connection = self._keep()
            driver = connection.connection.cursor()  # past SQLAlchemy, which takes 0.1 ms for these two statements
            driver.execute("BEGIN IMMEDIATE")
            try:
                yield connection
                driver.execute("COMMIT")
            except BaseException:
                with suppress(sqlite3.Error):  # SQLite has rolled back by itself
                    driver.execute("ROLLBACK")
                raise

    def _keep(self) -> Connection:
        if self._kept is None:
            kept = self.engine.connect().execution_options(sandboxd_begin="")  # a snapshot kept would hide what comes
            kept.exec_driver_sql("PRAGMA busy_timeout = 0")
            kept.exec_driver_sql("PRAGMA wal_autocheckpoint = 0")
            self._kept = kept
        return self._kept

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction, the only writing one from its first statement on; committed unless the block raises.

        Raises StoreError, also when another process holds the database for longer than BUSY_SECONDS.
        """
        with self.mapped(), self._writer.begin() as connection:
            yield connection

    def close(self) -> None:
        """Close all connections; the last process to do so folds the write-ahead log into the file."""
        if self._kept is not None:
            self._kept.close()
        self.engine.dispose()

    def mapped(self) -> "_Mapped":
        """Turns the errors of the driver and the file system into StoreError."""
        return self._mapped


class _Mapped:
    """See `Database.mapped`. It holds nothing of a block, so one is enough for all."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def __enter__(self) -> None:
        pass

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        if isinstance(error, (exc.DBAPIError, sqlite3.Error, OSError, exc.TimeoutError)):
            cause = error.orig if isinstance(error, exc.DBAPIError) else error
            told = damaged(cause, self._directory / FILE)
            raise StoreError(told or f"The data directory {self._directory} cannot be read or written: {cause}") from error


@contextmanager
def open_database(directory: Path, *, synchronous: Synchronous = "NORMAL") -> Iterator[Database]:
    """Open a data directory, created and upgraded as needed; any number of processes may do so at once.

    Raises SchemaTooNew when a newer sandboxd wrote it, StoreError when it cannot be read or written.
    """
    make_directory(directory)
    database = Database(directory, _engine(directory / FILE, synchronous))
    try:
        with database.mapped():
            _make_file(directory / FILE)
        if not _is_ready(database):
            _upgrade(database)
        yield database
    finally:
        database.close()


def damaged(cause: BaseException | None, file: Path) -> str | None:
    """What to say when a database is not what SQLite wrote; None when something else is wrong."""
    if getattr(cause, "sqlite_errorcode", 0) & 0xFF not in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):  # the low byte
        return None
    return (
        f"The database {file} is damaged: {cause}. Move its folder away, and put the last copy in its place: "
        "sandboxd restore FROM"
    )


def _make_file(file: Path) -> None:
    """Create the file with a mode that its log takes over, so that both are the owner's alone in a wider directory too.

    Never open one that is there: closing any descriptor of a file gives up all locks that SQLite holds on it in this
    process (POSIX), another process then believes to be alone and deletes the log, with commits in it.
    """
    with suppress(FileExistsError):
        os.close(os.open(file, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))


def _engine(file: Path, synchronous: Synchronous) -> Engine:
    url = URL.create("sqlite", database=str(file))
    engine = create_engine(
        url, connect_args={"timeout": BUSY_SECONDS}, hide_parameters=True
    )  # errors are logged, users' code not

    @event.listens_for(engine, "connect")
    def configure(connection: sqlite3.Connection, _: Any) -> None:
        # The driver must not begin transactions by itself: it begins late, and never IMMEDIATE.
        connection.isolation_level = None
        connection.execute(f"PRAGMA synchronous = {synchronous}")
        connection.execute("PRAGMA foreign_keys = ON")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        if statement := connection.get_execution_options().get("sandboxd_begin", "BEGIN"):
            connection.exec_driver_sql(statement)

    return engine


def _is_ready(database: Database) -> bool:
    """Whether there is nothing to create or to upgrade."""
    with database.read() as connection:
        return _revision(connection, database.directory) == NEWEST and _journal_mode(connection) == "wal"


def _revision(connection: Connection, directory: Path) -> str | None:
    if connection.exec_driver_sql("SELECT 1 FROM sqlite_master WHERE name = 'alembic_version'").first() is None:
        return None
    revision: str | None = connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar()
    if revision is not None and revision not in REVISIONS:
        raise SchemaTooNew(
            f"The data directory {directory} was written by a newer sandboxd (its schema is {revision}, this program "
            f"knows up to {NEWEST}); start that version, or give this one another data directory. Nothing was changed"
        )
    return revision


def _journal_mode(connection: Connection) -> str:
    return str(connection.exec_driver_sql("PRAGMA journal_mode").scalar())


def _upgrade(database: Database) -> None:
    """Bring the file to the newest revision, in one transaction; a process that comes second finds nothing to do."""
    with lock_upgrade(database.directory):
        if _is_ready(database):
            return
        with database.mapped(), closing(database.engine.raw_connection()) as raw:
            raw.cursor().execute("PRAGMA journal_mode = WAL")  # it cannot be changed inside a transaction, hence raw
        with database.write() as connection:
            _run_migrations(connection)


def _run_migrations(connection: Connection) -> None:
    # Imported here because most starts have nothing to upgrade: see REVISIONS.
    from alembic import command
    from alembic.config import Config

    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", "sandboxd.store:migrations")
    command.upgrade(config, "head")
