"""Pages of an output against plain slicing of its bytes."""

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandboxd.executions.output import Window, by_bytes, by_lines
from sandboxd.store.journal_queries import Chunk, Total

PIECE = st.sampled_from(["", "a", "\n", "\r", "\r\n", "\n\n", "\u2028", "\u0085", "é", "€", "😀", "e\u0301", "\x00", "word"])
CALLS = st.lists(st.lists(PIECE, max_size=6).map("".join), max_size=12)
SIZES = st.lists(st.integers(1, 9), min_size=1, max_size=6)
OFFSET, LIMIT = st.integers(0, 90), st.integers(0, 40)


class Kept:
    """An output cut into chunks at characters, found as the store finds them. `asked` is how many of them were looked at."""

    def __init__(self, calls: list[str], sizes: list[int]) -> None:
        self.text = "".join(call + "\n" for call in calls)
        self.bytes, self.asked = self.text.encode(), 0
        self.total = Total(len(self.bytes), self.bytes.count(b"\n"))
        self.chunks: list[Chunk] = []
        rest, byte, line = self.text, 0, 0
        while rest:
            size = sizes[len(self.chunks) % len(sizes)]
            part, rest = rest[:size], rest[size:]
            self.chunks.append(Chunk(part, byte, line))
            byte, line = byte + len(part.encode()), line + part.count("\n")

    def _from(self, wanted: list[bool]) -> Iterator[Chunk]:
        first = wanted.index(True) if True in wanted else len(wanted)
        for chunk in self.chunks[first:]:
            self.asked += 1
            yield chunk

    def page(self, offset: int, limit: int) -> Window:
        wanted = [offset < chunk.start_byte + len(chunk.text.encode()) for chunk in self.chunks]
        return by_bytes(self._from(wanted), self.total, offset, limit)

    def lines(self, offset: int, limit: int) -> Window:
        wanted = [offset <= chunk.start_line + chunk.text.count("\n") for chunk in self.chunks]
        return by_lines(self._from(wanted), self.total, offset, limit)


def check_place(kept: Kept, window: Window) -> None:
    """The text is that of its bytes, and its lines are those that the bytes touch."""
    before, inside = kept.bytes[: window.start_byte], kept.bytes[window.start_byte : window.end_byte]
    assert window.data.encode() == inside
    assert window.start_line == before.count(b"\n")
    assert window.next_line == window.start_line + inside.count(b"\n")
    assert window.end_line - window.next_line == (inside != b"" and not inside.endswith(b"\n"))


@given(CALLS, SIZES, OFFSET, LIMIT)
def test_a_byte_page_is_a_slice_of_whole_characters(calls: list[str], sizes: list[int], offset: int, limit: int) -> None:
    """It begins at the character that holds the offset and ends where the next would not fit; one character always does."""
    kept = Kept(calls, sizes)
    window = kept.page(offset, limit)
    check_place(kept, window)
    starts = [len(kept.text[:n].encode()) for n in range(len(kept.text) + 1)]
    start = max(at for at in starts if at <= offset)
    assert window.start_byte == start
    fitting = max((at for at in starts if start < at <= offset + limit), default=start)
    if limit and fitting == start < len(kept.bytes):
        fitting = min(at for at in starts if at > start)
    assert window.end_byte == (fitting if limit else start)


@given(CALLS, SIZES, OFFSET, LIMIT)
def test_a_line_page_is_whole_lines(calls: list[str], sizes: list[int], offset: int, limit: int) -> None:
    """Lines end with a newline and nothing else; past the end there is nothing."""
    kept = Kept(calls, sizes)
    window = kept.lines(offset, limit)
    check_place(kept, window)
    lines = kept.bytes.split(b"\n")[:-1]
    first = min(offset, len(lines))
    assert window.data.encode() == b"".join(line + b"\n" for line in lines[first:][:limit])
    assert (window.start_line, window.next_line) == (first, min(first + limit, len(lines)))


@given(CALLS, SIZES, st.integers(1, 12))
def test_pages_one_behind_the_other_are_the_output(calls: list[str], sizes: list[int], limit: int) -> None:
    """In both modes, whatever the size of a page, and also where it stops in the middle of a line."""
    kept = Kept(calls, sizes)
    for page in (kept.page, kept.lines):
        whole, offset = b"", 0
        while (window := page(offset, limit)).data:
            whole += window.data.encode()
            offset = window.end_byte if page == kept.page else window.next_line
        assert whole == kept.bytes


@given(CALLS, CALLS, SIZES, st.integers(1, 12))
def test_pages_of_what_still_grows_are_the_output(before: list[str], after: list[str], sizes: list[int], limit: int) -> None:
    """What was read before more came is continued without a gap and without anything twice."""
    for mode in ("bytes", "lines"):
        whole, offset, kept = b"", 0, Kept([], sizes)
        for grown in range(len(before + after) + 1):
            kept = Kept((before + after)[:grown], sizes)
            window = kept.page(offset, limit) if mode == "bytes" else kept.lines(offset, limit)
            whole += window.data.encode()
            offset = window.end_byte if mode == "bytes" else window.next_line
        assert kept.bytes.startswith(whole)


@pytest.mark.parametrize("offset", [0, 5_000_000, 9_999_900])
def test_a_page_asks_for_no_more_than_it_shows(offset: int) -> None:
    """Of an output of 10 MB a page of 100 bytes, or of 5 lines, looks at two pieces at most."""
    kept = Kept(["x" * 19] * 500_000, [65_536])
    for page in (lambda: kept.page(offset, 100), lambda: kept.lines(offset // 20, 5)):
        kept.asked = 0
        assert len(page().data) == 100
        assert kept.asked <= 2
