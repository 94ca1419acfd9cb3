"""The journal of executions: rows that are only ever added, and console text found by byte and by line."""

from collections.abc import Iterator, Sequence

from msgspec import Struct
from msgspec.structs import asdict
from sqlalchemy import Connection, bindparam, delete, func, select
from sqlalchemy.dialects.sqlite import insert

from sandboxd.store.prepared import Prepared
from sandboxd.store.schema import journal

SOURCE, QUEUED, STARTED, FIRST = range(4)
"""The numbers that are given: the source, which no stream of events shows, what every journal begins with, the first after."""
READ_ROWS = 64
READ_BYTES = 256 << 10
"""Most rows, and about the most text, of one read of events: a row more is the next read's."""


class Entry(Struct, frozen=True):
    """One event. `data` is JSON; of kind ``log`` it is console text, and the rest says where in the output that stands.

    Bytes and lines count from 0, ends are exclusive; a line counts once its end is there.
    """

    number: int
    at_ms: int
    kind: str
    data: str
    start_byte: int | None = None
    end_byte: int | None = None
    start_line: int | None = None
    end_line: int | None = None


class Chunk(Struct, frozen=True):
    """A piece of an output, and the byte and the line at which it begins."""

    text: str
    start_byte: int
    start_line: int


class Total(Struct, frozen=True):
    """How much output there is."""

    bytes: int = 0
    lines: int = 0


_this = journal.c.execution_id == bindparam("execution_id")
_from = journal.c.number >= bindparam("number")

# An entry is never another than it was: to write it a second time, when nobody knows whether the first time came to pass, is
# no mistake.
_append = Prepared(insert(journal).on_conflict_do_nothing(), ["execution_id", *Entry.__struct_fields__])
_after = Prepared(
    select(*(journal.c[name] for name in Entry.__struct_fields__))
    .where(_this, journal.c.number > bindparam("number"))
    .order_by(journal.c.number)
    .limit(READ_ROWS),
    ["execution_id", "number"],
)
_total = Prepared(
    select(journal.c.end_byte, journal.c.end_line)
    .where(_this, journal.c.end_byte >= 0)
    .order_by(journal.c.end_byte.desc(), journal.c.number.desc())
    .limit(1),
    ["execution_id"],
)
_at_byte = Prepared(
    select(journal.c.number)
    .where(_this, journal.c.end_byte > bindparam("offset"))
    .order_by(journal.c.end_byte, journal.c.number)
    .limit(1),
    ["execution_id", "offset"],
)
_at_line = Prepared(
    select(journal.c.number)
    .where(_this, journal.c.end_line >= bindparam("offset"))
    .order_by(journal.c.end_line, journal.c.number)
    .limit(1),
    ["execution_id", "offset"],
)
_chunks = Prepared(
    select(journal.c.data, journal.c.start_byte, journal.c.start_line)
    .where(_this, _from, journal.c.start_byte >= 0)
    .order_by(journal.c.number),
    ["execution_id", "number"],
)
_last = Prepared(select(func.max(journal.c.number)).where(_this), ["execution_id"])
_source = Prepared(select(journal.c.data).where(_this, journal.c.number == SOURCE), ["execution_id"])
_first = select(journal.c.number).where(_this).order_by(journal.c.number).limit(bindparam("rows"))
_forget_some = Prepared(delete(journal).where(_this, journal.c.number.in_(_first.scalar_subquery())), ["execution_id", "rows"])
_forget = Prepared(delete(journal).where(_this), ["execution_id"])


def append(connection: Connection, execution_id: str, entries: Sequence[Entry]) -> None:
    """Adds events to an execution's journal; one whose number is there already is there."""
    _append.run_each(connection, [{"execution_id": execution_id, **asdict(entry)} for entry in entries])


def entries_after(connection: Connection, execution_id: str, number: int) -> list[Entry]:
    """The next events after `number`: none when there are no more, and never much text at once."""
    found: list[Entry] = []
    room = READ_BYTES
    for row in _after.run(connection, {"execution_id": execution_id, "number": number}):
        found.append(Entry(*row))
        room -= len(found[-1].data)
        if room <= 0:
            break
    return found


def source_of(connection: Connection, execution_id: str) -> str:
    """What was submitted."""
    source: str = _source.run(connection, {"execution_id": execution_id}).fetchone()[0]
    return source


def last_number(connection: Connection, execution_id: str) -> int:
    """That of the newest event of an execution that there is."""
    return int(_last.run(connection, {"execution_id": execution_id}).fetchone()[0])


def total(connection: Connection, execution_id: str) -> Total:
    """How much output is written so far."""
    row = _total.run(connection, {"execution_id": execution_id}).fetchone()
    return Total() if row is None else Total(*row)


def chunks_at_byte(connection: Connection, execution_id: str, offset: int) -> Iterator[Chunk]:
    """The output in pieces, beginning with the one that holds the byte."""
    return _chunks_from(connection, _at_byte, execution_id, offset)


def chunks_at_line(connection: Connection, execution_id: str, offset: int) -> Iterator[Chunk]:
    """The output in pieces, beginning with the one in which the line before this one ends."""
    return _chunks_from(connection, _at_line, execution_id, offset)


def _chunks_from(connection: Connection, place: Prepared, execution_id: str, offset: int) -> Iterator[Chunk]:
    row = place.run(connection, {"execution_id": execution_id, "offset": offset}).fetchone()
    if row is not None:
        for chunk in _chunks.run(connection, {"execution_id": execution_id, "number": row[0]}):
            yield Chunk(*chunk)


def forget_some(connection: Connection, execution_id: str, rows: int) -> int:
    """Removes the first of it, so many rows at most; answers how many there were."""
    count: int = _forget_some.run(connection, {"execution_id": execution_id, "rows": rows}).rowcount
    return count


def forget_journal(connection: Connection, execution_id: str) -> None:
    """Removes all of it."""
    _forget.run(connection, {"execution_id": execution_id})
