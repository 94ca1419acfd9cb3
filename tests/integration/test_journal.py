"""The journal on a real database: what was printed is there, in pieces, and pages of it cost the page."""

from pathlib import Path

import pytest
import trio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sandboxd.executions import output
from sandboxd.executions.journal import CHUNK_BYTES, Journal, chunks, text_of
from sandboxd.executions.output import Window
from sandboxd.models import LogLine
from sandboxd.store import journal_queries
from sandboxd.store.database import Database
from tests.support.journals import accept, counted_steps, journal_of, opened, whole_output

PIECE = st.sampled_from(["", "a", "\n", "\r", "\r\n", "\u2028", "é", "€", "😀", "\x00", "w" * 50, "é" * 40])
LINE = st.builds(LogLine, st.sampled_from(["log", "info", "warn", "error", "debug"]), st.lists(PIECE, max_size=4).map("".join))
BATCHES = st.lists(st.lists(LINE, max_size=5), max_size=8)


def window(database: Database, execution_id: str, mode: str, offset: int, limit: int) -> Window:
    """One page, as the use-case reads it."""
    with database.glance() as connection:
        total = journal_queries.total(connection, execution_id)
        if mode == "bytes":
            return output.by_bytes(journal_queries.chunks_at_byte(connection, execution_id, offset), total, offset, limit)
        return output.by_lines(journal_queries.chunks_at_line(connection, execution_id, offset), total, offset, limit)


def paged(database: Database, execution_id: str, mode: str, limit: int, offset: int = 0) -> tuple[bytes, int]:
    """All pages from an offset on, and the offset after them."""
    whole = b""
    while (page := window(database, execution_id, mode, offset, limit)).data:
        whole += page.data.encode()
        offset = page.end_byte if mode == "bytes" else page.next_line
    return whole, offset


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(BATCHES, st.integers(1, 70), st.integers(5, 40))
def test_pages_are_the_output_while_it_is_written(
    tmp_path_factory: pytest.TempPathFactory, batches: list[list[LogLine]], limit: int, chunk: int
) -> None:
    """In both modes, batch by batch, with pieces of any size: each reader continues where he was and misses nothing."""

    async def check() -> None:
        async with opened(tmp_path_factory.mktemp("journal")) as (database, group):
            accept(database, "x")
            journal = journal_of(group, "x")
            seen = {"bytes": (b"", 0), "lines": (b"", 0)}
            for batch in batches:
                await journal.take(batch, False)
                await journal.flush()
                for mode, (before, offset) in seen.items():
                    more, offset = paged(database, "x", mode, limit, offset)
                    seen[mode] = before + more, offset
            printed = "".join(text_of(line) for batch in batches for line in batch).encode()
            assert seen["bytes"] == (printed, len(printed))
            assert seen["lines"] == (printed, printed.count(b"\n"))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sandboxd.executions.journal.CHUNK_BYTES", chunk)
        trio.run(check)


@given(st.lists(PIECE).map("".join), st.integers(4, 60))
def test_pieces_are_cut_between_characters(text: str, size: int) -> None:
    """None is longer than it may be, and together they are the text."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sandboxd.executions.journal.CHUNK_BYTES", size)
        pieces = list(chunks(text))
    assert "".join(pieces) == text
    assert all(0 < len(piece.encode()) <= size for piece in pieces)


async def test_ten_megabytes_are_the_same_in_pages(tmp_path: Path) -> None:
    """With every kind of line end and characters of every length, in pages that fit nothing."""
    line = "".join(["x" * 98, "é\r", "😀\u2028", "€\r\n", "\x00"])
    async with opened(tmp_path) as (database, group):
        accept(database, "x")
        journal = journal_of(group, "x")
        for _ in range(200):
            await journal.take([LogLine("log", line)] * 460, False)
        await journal.flush()
        printed = (line + "\n").encode() * 92_000
        assert len(printed) > 10 << 20
        assert whole_output(database, "x").encode() == printed
        assert paged(database, "x", "bytes", 1_000_003)[0] == printed
        assert paged(database, "x", "lines", 9_999)[0] == printed


@pytest.mark.parametrize("mode", ["bytes", "lines"])
async def test_a_page_costs_what_is_in_it(tmp_path: Path, mode: str) -> None:
    """A page of a large output takes SQLite no more steps than one of a small output, wherever it begins."""
    async with opened(tmp_path) as (database, group):
        for name, batches in (("small", 2), ("large", 160)):
            accept(database, name)
            journal = journal_of(group, name)
            for _ in range(batches):
                await journal.take([LogLine("log", "x" * 63)] * 1024, False)
                await journal.flush()
        steps = {}
        for name, offset in (("small", 0), ("large", 0), ("large", 80_000), ("large", 163_000)):
            with counted_steps(database) as counted:
                page = window(database, name, mode, offset * 64 if mode == "bytes" else offset, 64 if mode == "bytes" else 1)
            assert page.data == "x" * 63 + "\n"
            steps[name, offset] = counted[0]
        assert 0 < max(steps.values()) <= steps["small", 0] + 50, steps


async def test_what_comes_together_is_written_together(tmp_path: Path) -> None:
    """A program that prints all the time makes a few rows and not one for each line."""
    async with opened(tmp_path) as (database, group):
        accept(database, "x")
        journal = journal_of(group, "x")
        async with trio.open_nursery() as nursery:
            nursery.start_soon(journal.keep_writing)
            for number in range(100):
                await journal.take([LogLine("log", str(number))], False)
            while not whole_output(database, "x").endswith("99\n"):  # noqa: ASYNC110 it looks at the disk
                await trio.sleep(0.01)
            nursery.cancel_scope.cancel()
        with database.read() as connection:
            rows = len(journal_queries.entries_after(connection, "x", 2))
        assert rows <= 3


async def test_a_chunk_is_written_before_more_is_taken(tmp_path: Path) -> None:
    """Who prints faster than the disk writes waits: of what was taken no more than a chunk is not on the disk."""
    async with opened(tmp_path) as (database, group):
        accept(database, "x")
        journal = journal_of(group, "x")
        taken = 0
        for _ in range(30):
            await journal.take([LogLine("log", "é" * 5000)] * 2, False)
            taken += 2 * (10_000 + 1)
            with database.read() as connection:
                assert taken - journal_queries.total(connection, "x").bytes < CHUNK_BYTES


@pytest.mark.parametrize("most", [0, 1, 2, 3, 7, 8, 9, 12])
async def test_an_output_ends_where_it_may_and_says_so(tmp_path: Path, most: int) -> None:
    """What fits is kept to the last character, then comes one marked line, then nothing, whatever is printed."""
    async with opened(tmp_path) as (database, group):
        accept(database, "x")
        journal = journal_of(group, "x", most_bytes=most)
        lines = [LogLine("log", "éé"), LogLine("log", "a"), LogLine("warn", "b")]
        for line in lines * 3:
            await journal.take([line], False)
        await journal.flush()
        text = "".join(map(text_of, lines * 3)).encode()[:most].decode(errors="ignore")
        end = "" if not text or text.endswith("\n") else "\n"
        assert whole_output(database, "x") == f"{text}{end}[output cut: more than {most} bytes]\n"
        with database.read() as connection:
            kinds = [entry.kind for entry in journal_queries.entries_after(connection, "x", 2)]
        assert kinds.count("output_full") == 1


async def test_a_write_that_was_cut_off_is_repeated_and_not_doubled(tmp_path: Path) -> None:
    """Who is cancelled while it is written does not know whether it was: he writes it again, and it is there once."""
    async with opened(tmp_path) as (database, group):
        accept(database, "x")
        journal: Journal = journal_of(group, "x")
        for number in range(5):
            await journal.take([LogLine("log", str(number))], False)
            with trio.CancelScope() as scope:
                scope.cancel()
                await journal.flush()
        await journal.flush()
        assert whole_output(database, "x") == "0\n1\n2\n3\n4\n"
