"""The journal of one execution while it runs: console text in chunks, on disk as it comes."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

import msgspec
import trio
from sqlalchemy import Connection

from sandboxd.executions.hub import FINISHED, Hub
from sandboxd.models import LogLine
from sandboxd.store import journal_queries, submission_queries
from sandboxd.store.group_commit import GroupCommit
from sandboxd.store.journal_queries import FIRST, Entry

CHUNK_BYTES: Final = 64 << 10
"""The longest text of one row: what a page of a few lines has to read."""
LINGER_SECONDS: Final = 0.05
"""How long text waits for more before it is written: a program that prints all the time makes 20 rows a second and no more."""
PREFIXES: Final = {"info": "[INFO] ", "warn": "[WARN] ", "error": "[ERROR] "}


def text_of(line: LogLine) -> str:
    """One console call as it stands in the output."""
    return f"{PREFIXES.get(line.level, '')}{line.text}\n"


class Journal:
    """Made when the execution begins; `now` gives milliseconds since the epoch.

    What was not written, or of which that is not known, is kept and written again: entries have their number once and for all.
    """

    def __init__(self, group: GroupCommit, hub: Hub, execution_id: str, *, now: Callable[[], int]) -> None:
        self._group, self._hub, self._id, self._now = group, hub, execution_id, now
        self.most_bytes = 0
        """How much is kept; set before anything is taken."""
        self._text: list[str] = []
        self._waiting = 0
        self._unwritten: list[Entry] = []
        self._number, self._byte, self._line = FIRST, 0, 0
        self._truncated = False
        self._came = trio.Event()
        self._writing = trio.Lock()

    # ------------------------------------------------------------ what is printed

    async def take(self, lines: Sequence[LogLine], full: bool) -> None:
        """The sink of the worker: returns at once, or once it is written when that is a chunk or more. Raises StoreError.

        `full` says that the worker drops what comes after.
        """
        for line in lines:
            self._add(text_of(line))
        if full:
            self._cut("")
        if self._waiting >= CHUNK_BYTES:
            await self.flush()
        elif self._text or self._unwritten:
            self._came.set()

    def _add(self, text: str) -> None:
        if self._truncated:
            return
        size = len(text.encode())
        room = self.most_bytes - self._byte - self._waiting
        if size > room:
            self._cut(text.encode()[:room].decode(errors="ignore"))
            return
        self._text.append(text)
        self._waiting += size

    def _cut(self, last: str) -> None:
        """The last text that there is room for, and a line that says so; every output ends with a line."""
        if not self._truncated:
            self._truncated = True
            end = "" if not last or last.endswith("\n") else "\n"
            mark = f"{last}{end}[output cut: more than {self.most_bytes} bytes]\n"
            self._text.append(mark)
            self._waiting += len(mark.encode())
            self._enter()
            self._unwritten.append(self._entry("output_full", "{}"))

    def note_call(self, facts: dict[str, Any]) -> None:
        """A host call has its answer; of how many that is told the broker bounds."""
        self._enter()
        self._unwritten.append(self._entry("host_call", msgspec.json.encode(facts).decode()))
        self._came.set()

    async def keep_writing(self) -> None:
        """Writes what has come, soon, until it is cancelled. Raises StoreError."""
        while True:
            await self._came.wait()
            await trio.sleep(LINGER_SECONDS)
            await self.flush()

    async def flush(self) -> None:
        """Writes all that has come. Raises StoreError."""
        async with self._writing:
            self._came = trio.Event()
            entries = self._rest()
            if entries:
                await self._group.submit(lambda connection: self.write(connection, entries))
                self.wrote(entries)

    def end(self, data: dict[str, Any]) -> tuple[Entry, ...]:
        """The last entries: what is not yet written, and the end. For `write`, in the job that completes the record."""
        return (*self._rest(), Entry(self._number, self._now(), FINISHED, msgspec.json.encode(data).decode()))

    def write(self, connection: Connection, entries: Sequence[Entry]) -> None:
        """Within a job of the store's."""
        journal_queries.append(connection, self._id, entries)
        if any(entry.kind == "output_full" for entry in entries):
            submission_queries.note_truncated(connection, self._id)

    def wrote(self, entries: Sequence[Entry]) -> None:
        """After the commit of such a job: who watches is told."""
        del self._unwritten[: len(entries)]
        self._hub.tell(self._id, entries)

    # ------------------------------------------------------------ entries

    def _rest(self) -> tuple[Entry, ...]:
        self._enter()
        return tuple(self._unwritten)

    def _enter(self) -> None:
        """Text becomes entries, which have their place."""
        if self._text:
            text, self._text, self._waiting = "".join(self._text), [], 0
            self._unwritten.extend(self._entry("log", chunk) for chunk in chunks(text))

    def _entry(self, kind: str, data: str) -> Entry:
        number, self._number = self._number, self._number + 1
        if kind != "log":
            return Entry(number, self._now(), kind, data)
        byte, line = self._byte, self._line
        self._byte, self._line = byte + len(data.encode()), line + data.count("\n")
        return Entry(number, self._now(), kind, data, byte, self._byte, line, self._line)


def chunks(text: str) -> Iterator[str]:
    """Pieces of at most CHUNK_BYTES, cut between characters."""
    data, at = text.encode(), 0
    while at < len(data):
        end = min(at + CHUNK_BYTES, len(data))
        while end < len(data) and data[end] & 0xC0 == 0x80:
            end -= 1
        yield data[at:end].decode()
        at = end
