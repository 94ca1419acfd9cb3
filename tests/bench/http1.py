"""Answers of an HTTP/1.1 server, cut out of a stream of bytes: as much of the protocol as the benchmark's servers speak."""

from typing import NamedTuple


class Answer(NamedTuple):
    """One whole answer. After `last` the server closes the connection."""

    status: int
    body: bytes
    last: bool


class Answers:
    """Feed it what was received; it gives an answer once one is whole. One request is under way at a time."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._head: tuple[int, int, int | None, bool] | None = None

    def feed(self, data: bytes) -> Answer | None:
        """The answer that `data` completes, if it does."""
        self._buffer += data
        if self._head is None:
            end = self._buffer.find(b"\r\n\r\n")
            if end < 0:
                return None
            self._head = _read_head(bytes(self._buffer[:end]))
        status, begin, length, last = self._head
        if length is None:
            if not self._buffer.endswith(b"\r\n0\r\n\r\n") and self._buffer[begin:] != b"0\r\n\r\n":
                return None
            body = _join_chunks(bytes(self._buffer[begin:]))
        elif len(self._buffer) < begin + length:
            return None
        else:
            body = bytes(self._buffer[begin:])
        self._buffer.clear()
        self._head = None
        return Answer(status, body, last)


def _read_head(head: bytes) -> tuple[int, int, int | None, bool]:
    """Status, where the body begins, its length (None: in chunks), and whether the connection ends with it."""
    first, *lines = head.lower().split(b"\r\n")
    fields = {name: value.strip() for name, _, value in (line.partition(b":") for line in lines)}
    length = None if fields.get(b"transfer-encoding") == b"chunked" else int(fields[b"content-length"])
    return int(first.split(b" ")[1]), len(head) + 4, length, fields.get(b"connection") == b"close"


def _join_chunks(data: bytes) -> bytes:
    parts = []
    while data:
        line, _, data = data.partition(b"\r\n")
        size = int(line.split(b";")[0], 16)
        parts.append(data[:size])
        data = data[size + 2 :]
    return b"".join(parts)
