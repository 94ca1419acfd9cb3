"""The data directory: who may use it. One daemon at a time; command-line tools next to it as they like."""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sandboxd.errors import DataDirectoryLocked, StoreError

DAEMON_LOCK = "daemon.lock"
UPGRADE_LOCK = "upgrade.lock"
UPGRADE_WAIT_SECONDS = 60.0


def make_directory(directory: Path) -> None:
    """Create the data directory for its owner alone; one that is there keeps its mode. Raises StoreError."""
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(f"The data directory {directory} cannot be created: {error.strerror}") from error


@contextmanager
def lock_directory(directory: Path) -> Iterator[None]:
    """Hold the data directory for one daemon, created when it is missing.

    The kernel gives the lock back when the process ends, however it ends, so no lock is ever stale; the file stays.
    Raises DataDirectoryLocked with the directory and the holder's pid, StoreError when the directory cannot be used.
    """
    make_directory(directory)
    descriptor = _open(directory / DAEMON_LOCK)
    try:
        if not _try_lock(descriptor):
            holder = os.pread(descriptor, 20, 0).decode("ascii", "replace").strip() or "not known yet"
            raise DataDirectoryLocked(
                f"The data directory {directory} is in use by another sandboxd (pid {holder}); "
                "stop that one, or give this one a data directory of its own"
            )
        try:
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        except OSError as error:
            raise StoreError(f"The data directory {directory} cannot be written: {error.strerror}") from error
        yield
    finally:
        os.close(descriptor)


@contextmanager
def lock_upgrade(directory: Path) -> Iterator[None]:
    """Wait to be the only process that creates or upgrades the database. Raises StoreError after a minute."""
    descriptor = _open(directory / UPGRADE_LOCK)
    try:
        give_up = time.monotonic() + UPGRADE_WAIT_SECONDS
        while not _try_lock(descriptor):
            if time.monotonic() > give_up:
                raise StoreError(f"Another process has been upgrading the data directory {directory} for too long")
            time.sleep(0.01)
        yield
    finally:
        os.close(descriptor)


def _open(file: Path) -> int:
    try:
        return os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise StoreError(f"The data directory {file.parent} cannot be written: {error.strerror}") from error


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
