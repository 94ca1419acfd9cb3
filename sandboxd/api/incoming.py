"""A request, by whichever way it came: through the framework, or past it (see direct.py)."""

from collections.abc import Iterable
from typing import Any, Final, Protocol

import trio
from quart import request
from werkzeug.exceptions import RequestEntityTooLarge, RequestTimeout

from sandboxd.errors import BodyTooLarge

MAX_BODY_BYTES: Final = 1 << 20
BODY_TIMEOUT_S: Final = 20
"""How long a client may take to send its body."""


class Incoming(Protocol):
    """What a door asks of a request."""

    @property
    def authorization(self) -> str:
        """The header of that name, empty where there is none."""
        ...

    async def data(self) -> bytes:
        """The whole body. Raises BodyTooLarge, and RequestTimeout when it does not come."""
        ...


class Framed:
    """The framework's current request; the framework keeps the bounds."""

    @property
    def authorization(self) -> str:
        """See Incoming."""
        return request.headers.get("Authorization", "")

    async def data(self) -> bytes:
        """See Incoming."""
        try:
            data = await request.get_data(cache=False, as_text=False)
        except RequestEntityTooLarge:
            raise BodyTooLarge from None
        assert isinstance(data, bytes)  # as asked; the stubs know only "text or bytes"
        return data


class Bare:
    """A request as ASGI tells it, heard by `listen` in a task of its own."""

    def __init__(self, headers: Iterable[tuple[bytes, bytes]]) -> None:
        found: dict[bytes, bytes] = {}
        for name, value in headers:
            found.setdefault(name, value)  # of two the first, as the framework takes it
        self.authorization = found.get(b"authorization", b"").decode("latin-1")
        self._size = int(found.get(b"content-length", b"0"))  # digits and nothing else: the server has looked
        self._parts = bytearray()
        self._known = trio.Event()
        if self._size > MAX_BODY_BYTES:
            self._known.set()

    async def listen(self, receive: Any, scope: trio.CancelScope) -> None:
        """Takes what the client sends, also where nobody wants it; its hanging up cancels `scope`."""
        while (message := await receive())["type"] != "http.disconnect":
            if self._size <= MAX_BODY_BYTES:
                self._parts += message.get("body", b"")
                self._size = max(self._size, len(self._parts))
            if self._size > MAX_BODY_BYTES or not message.get("more_body", False):
                self._known.set()
        scope.cancel()

    async def data(self) -> bytes:
        """See Incoming."""
        with trio.move_on_after(BODY_TIMEOUT_S) as clock:
            await self._known.wait()
        if clock.cancelled_caught:
            raise RequestTimeout
        if self._size > MAX_BODY_BYTES:
            raise BodyTooLarge
        return bytes(self._parts)
