"""Pages of an output, by byte or by line, from the pieces in which it is kept. Pure.

A page costs what is in it: the pieces come one by one, beginning where the page does, and no more of them are asked for than
are needed. Bytes are those of UTF-8, a line ends with a newline and nothing else does, and every output ends with a line.
"""

from collections.abc import Iterable

from msgspec import Struct

from sandboxd.store.journal_queries import Chunk, Total

NEWLINE = b"\n"


class Window(Struct, frozen=True):
    """Bytes [start_byte, end_byte) of an output, as text, and the lines that they touch; ends are exclusive.

    `next_line` is the first line whose end is not in it.
    """

    data: str
    start_byte: int
    end_byte: int
    start_line: int
    end_line: int
    next_line: int


def by_bytes(chunks: Iterable[Chunk], total: Total, offset: int, limit: int) -> Window:
    """At most `limit` bytes from `offset` on, where `chunks` begin with the one that holds it.

    No character is cut: the page begins and ends before one that would be, and holds one at least if `limit` is not 0.
    """
    start, line, kept = total.bytes, total.lines, bytearray()
    for number, chunk in enumerate(chunks):
        text = chunk.text.encode()
        begin = _before(text, offset - chunk.start_byte) if number == 0 else 0
        if number == 0:
            start, line = chunk.start_byte + begin, chunk.start_line + text.count(NEWLINE, 0, begin)
        kept += text[begin:]
        if start + len(kept) >= offset + limit:
            break
    size = _before(kept, offset + limit - start)
    if size <= 0 and limit > 0:
        size = _behind(kept)
    return _window(kept[: max(size, 0)], start, line)


def by_lines(chunks: Iterable[Chunk], total: Total, offset: int, limit: int) -> Window:
    """At most `limit` whole lines from line `offset` on, where `chunks` begin with the one in which the line before it ends."""
    if offset >= total.lines:
        return _window(b"", total.bytes, total.lines)
    start, kept, left = 0, bytearray(), limit
    for number, chunk in enumerate(chunks):
        text = chunk.text.encode()
        begin = _line(text, offset - chunk.start_line) if number == 0 else 0
        if number == 0:
            start = chunk.start_byte + begin
        end = _line(text, left, begin)
        kept += text[begin:end]
        left -= text.count(NEWLINE, begin, end)
        if left <= 0:
            break
    return _window(kept, start, offset)


def _window(data: bytes | bytearray, start: int, line: int) -> Window:
    whole = data.count(NEWLINE)
    touched = whole if data.endswith(NEWLINE) or not data else whole + 1
    return Window(data.decode(), start, start + len(data), line, line + touched, line + whole)


def _before(text: bytes | bytearray, at: int) -> int:
    """The last place not behind `at` where a character begins, or the end."""
    if at >= len(text):
        return len(text)
    while at > 0 and text[at] & 0xC0 == 0x80:
        at -= 1
    return at


def _behind(text: bytes | bytearray) -> int:
    """Where the first character ends."""
    at = 1
    while at < len(text) and text[at] & 0xC0 == 0x80:
        at += 1
    return min(at, len(text))


def _line(text: bytes, count: int, start: int = 0) -> int:
    """Where, from `start` on, the line begins that has `count` lines before it; the end if there are fewer."""
    if count <= 0:
        return start
    parts = text[start:].split(NEWLINE, min(count, len(text)))
    return len(text) - len(parts[-1]) if len(parts) > count else len(text)
