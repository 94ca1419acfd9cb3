"""Files of actions: read below one folder, whatever their paths say.

Each part of a path is opened by itself below the part before it and never followed if it is a link, so that nothing that
changes meanwhile leads elsewhere. A file is looked at before it is opened: a FIFO would wait, and a device does things.
"""

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Final

from sandboxd.errors import SettingsError
from sandboxd.executions.actions.candidate import Bounds, Candidate, Part, escape, escapes
from sandboxd.executions.actions.codes import Code, Finding
from sandboxd.executions.actions.config import FileConfig

MOST_BYTES: Final = 16 << 20
"""What all files of one action may have together."""

_LOOK: Final = os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC
_READ: Final = os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC


class _Escaped(Exception):
    """The path leads out, or might."""


class _Absent(Exception):
    """There is nothing by that name."""


class _Unreadable(Exception):
    """There is something, but no text; the message says what."""


def load(config: FileConfig, root: str, bounds: Bounds) -> Candidate:
    """The candidate of a configuration of paths. It waits for the disk. Raises SettingsError when the root cannot be opened."""
    action = config.action
    with _opened(root) as folder:
        room = MOST_BYTES
        program = _program(folder, action.entry, bounds.source_bytes)
        fixtures: list[Part] = []
        for name in config.fixtures if len(config.fixtures) <= bounds.executions else ():
            fixtures.append(_fixture(folder, name, min(bounds.source_bytes, room)))
            room -= len((fixtures[-1].text or "").encode())
    return Candidate(config, action.type, program, tuple(fixtures), len(config.fixtures))


def _program(folder: int, entry: str, most: int) -> Part:
    if not entry.strip():
        return Part(entry, problem=Finding(Code.ACTION_MISSING, "action.entry is missing"))
    try:
        return Part(entry, _text(folder, entry, most))
    except _Escaped:
        return Part(entry, problem=escape("Action entry", entry))
    except _Absent:
        return Part(entry, problem=Finding(Code.ACTION_NOT_FOUND, f"Action entry does not exist: {entry}"))
    except _Unreadable as problem:
        return Part(entry, problem=Finding(Code.ACTION_NOT_FILE, f"Action entry {problem}: {entry}"))


def _fixture(folder: int, name: str, most: int) -> Part:
    if not name.strip():
        return Part(name)  # which is a finding by itself
    try:
        return Part(name, _text(folder, name, most))
    except _Escaped:
        return Part(name, problem=escape("Fixture", name))
    except _Absent:
        return Part(name, problem=Finding(Code.FIXTURE_NOT_FOUND, f"Fixture does not exist: {name}"))
    except _Unreadable as problem:
        return Part(name, problem=Finding(Code.FIXTURE_READ_FAILED, f"Fixture {problem}: {name}"))


@contextmanager
def _opened(root: str) -> Iterator[int]:
    try:
        folder = os.open(root, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as problem:
        raise SettingsError(f"The actions root cannot be opened (actions.root): {problem.strerror}") from None
    try:
        yield folder
    finally:
        os.close(folder)


def _text(folder: int, path: str, most: int) -> str:
    """The text of the file. Raises one of the three above."""
    if escapes(path):
        raise _Escaped
    if "\0" in path:
        raise _Absent
    steps = [step for step in path.split("/") if step not in ("", ".")]
    with _walked(folder, steps) as found:
        return _content(found, most)


@contextmanager
def _walked(folder: int, steps: list[str]) -> Iterator[int]:
    """A descriptor of what the steps lead to, good for looking only."""
    at = os.dup(folder)
    try:
        for step in steps:
            below = _below(at, step)
            os.close(at)
            at = below
        yield at
    finally:
        os.close(at)


def _below(folder: int, name: str) -> int:
    try:
        found = os.open(name, _LOOK, dir_fd=folder)
    except OSError as problem:
        if problem.errno in (errno.ENOENT, errno.ENOTDIR, errno.ENAMETOOLONG):
            raise _Absent from None
        raise _Unreadable(f"cannot be read ({errno.errorcode.get(problem.errno or 0, '?')})") from None
    if stat.S_ISLNK(os.fstat(found).st_mode):
        os.close(found)
        raise _Escaped
    return found


def _content(found: int, most: int) -> str:
    if not stat.S_ISREG(os.fstat(found).st_mode):
        raise _Unreadable("is not a file")
    try:
        file = os.open(f"/proc/self/fd/{found}", _READ)
    except OSError as problem:
        raise _Unreadable(f"cannot be read ({errno.errorcode.get(problem.errno or 0, '?')})") from None
    try:
        with suppress(OSError):
            data = b"".join(_chunks(file, most + 1))
            if len(data) > most:
                raise _Unreadable(f"is longer than {most} bytes")
            return data.decode()
        raise _Unreadable("cannot be read")
    except UnicodeDecodeError:
        raise _Unreadable("is not UTF-8") from None
    finally:
        os.close(file)


def _chunks(file: int, most: int) -> Iterator[bytes]:
    while most > 0 and (chunk := os.read(file, min(most, 1 << 16))):
        most -= len(chunk)
        yield chunk
