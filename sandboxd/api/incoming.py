"""A request, by whichever way it came: through the framework, or past it (see direct.py)."""

from collections.abc import Iterable
from typing import Final, Protocol

import trio
from quart import request
from werkzeug.exceptions import RequestEntityTooLarge, RequestTimeout

from sandboxd.api.lingering import LINGER_BYTES
from sandboxd.errors import BodyTooLarge, NoCapacity

MAX_BODY_BYTES: Final = 1 << 20
"""Where a door says nothing else."""
BODY_TIMEOUT_S: Final = 20
"""How long a client may take to send its body."""
ROOM_BYTES: Final = 128 << 20
"""What bodies may hold together beyond the first megabyte of each: who sends large ones slowly must not fill the memory."""


class Incoming(Protocol):
    """What a door asks of a request."""

    @property
    def query(self) -> bytes:
        """What stands behind the question mark, as it was sent."""
        ...

    def header(self, name: str) -> str:
        """The first header of that name, empty where there is none."""
        ...

    async def data(self) -> bytes:
        """The whole body. Raises BodyTooLarge, and RequestTimeout when it does not come."""
        ...


def _too_large(most_bytes: int) -> BodyTooLarge:
    return BodyTooLarge(f"Request body exceeds maximum size ({most_bytes >> 20} MB)")


class Framed:
    """The framework's current request; the framework keeps the bounds."""

    @property
    def query(self) -> bytes:
        """See Incoming."""
        return request.query_string

    def header(self, name: str) -> str:
        """See Incoming."""
        return request.headers.get(name, "")

    async def data(self) -> bytes:
        """See Incoming."""
        try:
            data = await request.get_data(cache=False, as_text=False)
        except RequestEntityTooLarge:
            raise _too_large(MAX_BODY_BYTES) from None
        assert isinstance(data, bytes)  # as asked; the stubs know only "text or bytes"
        return data


class Room:
    """Bytes that are left for large bodies, over all requests."""

    def __init__(self) -> None:
        self.left_bytes = ROOM_BYTES


class Bare:
    """A request past the framework, whose body is heard as it comes. `leave` gives back the room that its body takes."""

    def __init__(self, headers: Iterable[tuple[bytes, bytes]], query: bytes, most_bytes: int, room: Room) -> None:
        self._headers: dict[bytes, bytes] = {}
        for name, value in headers:
            self._headers.setdefault(name, value)  # of two the first, as the framework takes it
        self.query = query
        self.heard = trio.Event()
        """Set when the body is over, or more of it has been heard than anybody is patient with."""
        self._most_bytes, self._room = most_bytes, room
        self._taken_bytes = self._heard_bytes = 0
        self._crowded = False
        self._size = int(self._headers.get(b"content-length", b"0"))  # digits and nothing else: the server has looked
        self._parts = bytearray()
        self._known = trio.Event()
        if self._size > most_bytes:
            self._known.set()

    def header(self, name: str) -> str:
        """See Incoming."""
        return self._headers.get(name.lower().encode(), b"").decode("latin-1")

    def hear(self, data: bytes) -> None:
        """A part of the body, also where nobody wants it."""
        self._heard_bytes += len(data)
        if self._size <= self._most_bytes and not self._crowded:
            self._hold(data)
        if self._size > self._most_bytes or self._crowded:
            self._known.set()
        if self._heard_bytes > LINGER_BYTES:
            self.heard.set()

    def end(self) -> None:
        """The body is over."""
        self._known.set()
        self.heard.set()

    def _hold(self, data: bytes) -> None:
        size = len(self._parts) + len(data)
        more = max(size - MAX_BODY_BYTES - self._taken_bytes, 0)
        if more > self._room.left_bytes:
            self._crowded = True
            self._parts.clear()
            self.leave()
            return
        self._room.left_bytes -= more
        self._taken_bytes += more
        self._parts += data
        self._size = max(self._size, size)

    def leave(self) -> None:
        """To be called when the request is over."""
        self._room.left_bytes += self._taken_bytes
        self._taken_bytes = 0

    async def data(self) -> bytes:
        """See Incoming."""
        if not self._known.is_set():
            with trio.move_on_after(BODY_TIMEOUT_S) as clock:
                await self._known.wait()
            if clock.cancelled_caught:
                raise RequestTimeout
        if self._size > self._most_bytes:
            raise _too_large(self._most_bytes)
        if self._crowded:
            raise NoCapacity(retry_after=1)
        return bytes(self._parts)
