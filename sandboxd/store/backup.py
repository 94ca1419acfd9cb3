"""A copy of a data directory, taken while a daemon uses it, and put back where none does.

The database is copied, and the audit log beside it: the locks are the kernel's, the write-ahead log is folded in. A copy's
database is one file, which opens also on a medium that cannot be written; it becomes a daemon's own when one starts on it.
"""

import os
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final

from msgspec import Struct

from sandboxd import audit
from sandboxd.errors import SchemaTooNew, StoreError
from sandboxd.store.database import BUSY_SECONDS, FILE, NEWEST, REVISIONS, damaged
from sandboxd.store.locks import DAEMON_LOCK, UPGRADE_LOCK, lock_directory

_LOCKS: Final = {DAEMON_LOCK, UPGRADE_LOCK}


class Copied(Struct, frozen=True):
    """What a copy holds; it was read through, and found whole."""

    size_bytes: int
    revision: str
    executions: int
    tokens: int


def back_up(directory: Path, to: Path) -> Copied:
    """Copy a data directory as it is at one moment into `to`, a folder that is made, for its owner alone.

    Everything that was committed before this was called is in it. A daemon on the directory goes on meanwhile. What fails
    leaves nothing of `to`. Raises StoreError when either cannot be read or written or something is there, SchemaTooNew.
    """
    with _told(f"The data directory {directory} cannot be copied to {to}", directory / FILE):
        if os.path.lexists(to):
            raise StoreError(f"There is something at {to}; a copy is written to where nothing is")
        part = Path(tempfile.mkdtemp(prefix=f".{to.name}.", dir=to.absolute().parent))
        try:
            copied = _copy(directory / FILE, part / FILE)
            _copy_audit(directory, part)
            part.rename(to)  # whole or not at all; it fails if something came there meanwhile
            _sync(to.absolute().parent)
        except BaseException:
            shutil.rmtree(part, ignore_errors=True)
            raise
    return copied


def restore(source: Path, directory: Path) -> Copied:
    """Put a copy into a data directory that is empty or not there.

    Raises DataDirectoryLocked when a daemon holds it, StoreError when something is in it or either cannot be read or written,
    SchemaTooNew. What fails leaves no database.
    """
    with _told(f"The copy {source} cannot be put into {directory}", source / FILE):
        if not (source / FILE).is_file():
            raise StoreError(f"There is no copy in {source}: it holds no {FILE}")
        if not (directory / DAEMON_LOCK).exists():  # before a lock is left in a folder that is somebody else's
            _demand_empty(directory)
        with lock_directory(directory):
            _demand_empty(directory)
            with tempfile.TemporaryDirectory(prefix=".restore.", dir=directory) as part:
                copied = _copy(source / FILE, Path(part, FILE))
                _copy_audit(source, Path(part))
                for file in sorted(Path(part).iterdir(), key=lambda file: file.name == FILE):  # the database comes last
                    file.rename(directory / file.name)
            _sync(directory)
    return copied


def _demand_empty(directory: Path) -> None:
    names = {path.name for path in directory.iterdir()} - _LOCKS if directory.exists() else set()
    if names:
        some = ", ".join(sorted(names)[:3])
        raise StoreError(f"The data directory {directory} is not empty (there is {some}); a copy is put where nothing is")


def _copy(source: Path, to: Path) -> Copied:
    """One file into another, checked. Raises OSError, sqlite3.Error, StoreError."""
    if not source.is_file():
        raise StoreError(f"There is no database: {source} is missing")
    os.close(os.open(to, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    with closing(_open(source)) as old, closing(_open(to)) as new:
        old.backup(new)  # in one step, for who copies in several begins anew with every commit of the daemon's
        new.execute("PRAGMA journal_mode = DELETE")  # one file, which can be read where nothing can be written
        return _checked(new, to)


def _copy_audit(source: Path, to: Path) -> None:
    """What was noted so far; nothing where nothing was. Raises OSError."""
    if (source / audit.FILE).is_file():
        data = (source / audit.FILE).read_bytes()
        with open(to / audit.FILE, "xb", opener=lambda path, flags: os.open(path, flags, 0o600)) as file:
            file.write(data)


def _open(file: Path) -> sqlite3.Connection:
    """An open database that is there. Read-only where nothing else is possible."""
    mode = "rw" if os.access(file, os.W_OK) and os.access(file.parent, os.W_OK) else "ro"
    return sqlite3.connect(f"{file.absolute().as_uri()}?mode={mode}", uri=True, timeout=BUSY_SECONDS, isolation_level=None)


def _checked(connection: sqlite3.Connection, file: Path) -> Copied:
    found = [str(row[0]) for row in connection.execute("PRAGMA integrity_check(3)")]
    if found != ["ok"]:
        raise StoreError(f"The database is damaged: {'; '.join(found)}")
    if not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'alembic_version'").fetchone():
        raise StoreError("It is no database of sandboxd's: it has no schema revision")
    (revision,) = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    if revision not in REVISIONS:
        raise SchemaTooNew(f"It was written by a newer sandboxd: its schema is {revision}, this program knows up to {NEWEST}")
    executions, tokens = (
        connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in ("executions", "tokens")
    )
    return Copied(file.stat().st_size, revision, executions, tokens)


def _sync(folder: Path) -> None:
    """Makes a rename in it last."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _told(what: str, file: Path) -> Iterator[None]:
    """Turns the errors of the driver and the file system into StoreError."""
    try:
        yield
    except sqlite3.Error as error:
        raise StoreError(damaged(error, file) or f"{what}: {error}") from error
    except OSError as error:
        raise StoreError(f"{what}: {error.strerror or error}") from error
