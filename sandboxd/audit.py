"""The audit log: what an operator wants to find later, one JSON line an event, in a file of the data directory.

The daemon and the commands beside it append to the same file, whole lines with one write each. No line has a token, a
credential, or anything of users' code in it.
"""

import logging
import os
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import msgspec
import structlog

from sandboxd.errors import StoreError

FILE: Final = "audit.jsonl"
log = structlog.get_logger()


def append(directory: Path, event: str, *, durable: bool = True, **facts: Any) -> None:
    """Notes an event with its time and our uid; a `durable` one is on the disk when this returns. Raises StoreError."""
    timestamp = datetime.fromtimestamp(time.time(), UTC).isoformat().replace("+00:00", "Z")
    line = msgspec.json.encode({"timestamp": timestamp, "event": event, "uid": os.getuid(), **facts}) + b"\n"
    try:
        # Opened each time: whoever rotates it need not tell us.
        descriptor = os.open(directory / FILE, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            if (written := os.write(descriptor, line)) < len(line):
                _take_back(descriptor, written)
                raise OSError(None, "the disk is full")
            if durable:
                os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except OSError as problem:
        raise StoreError(f"The audit log {directory / FILE} cannot be written: {problem.strerror or problem}") from None


def _take_back(descriptor: int, written: int) -> None:
    """Half a line would spoil the next one."""
    end = os.lseek(descriptor, 0, os.SEEK_CUR)
    if os.fstat(descriptor).st_size == end:  # nobody else has written meanwhile
        os.ftruncate(descriptor, end - written)


class Audit:
    """The daemon's way to it, with the same line in the log. Without a directory only there."""

    def __init__(self, directory: Path | None = None) -> None:
        self._directory = directory

    def note(self, event: str, *, level: int = logging.INFO, **facts: Any) -> None:
        """Notes an event without waiting for the disk. One that takes no more is told in the log, and stops nothing."""
        log.log(level, event, log="audit", **facts)
        if self._directory is not None:
            try:
                append(self._directory, event, durable=False, **facts)
            except StoreError as problem:
                log.error("not in the audit log", of=event, why=problem.message)
