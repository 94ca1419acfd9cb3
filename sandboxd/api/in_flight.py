"""How many requests are being answered, and how each one ends.

What a stop waits for is requests; an idle keep-alive connection is not one.
"""

from typing import Any, Final

import trio

LINGER_S: Final = 5.0
LINGER_BYTES: Final = 16 << 20
"""How long, and how much, of a body that nobody wants is still read before the end of its answer.

An answer like 413 comes before the body has. To close then, with bytes unread, is a reset, and that can take the answer from a
client that is still sending.
"""


class InFlight:
    """The count of requests from their start to their last byte."""

    def __init__(self) -> None:
        self._count = 0
        self._idle = trio.Event()
        self._idle.set()

    def begin(self) -> None:
        """One more."""
        if self._count == 0:
            self._idle = trio.Event()
        self._count += 1

    def end(self) -> None:
        """One less."""
        self._count -= 1
        if self._count == 0:
            self._idle.set()

    async def idle(self) -> None:
        """Returns when no request is being answered."""
        await self._idle.wait()


class Counted:
    """An ASGI application around the framework's: its requests are in flight too, and end alike."""

    def __init__(self, app: Any, in_flight: InFlight) -> None:
        self._app, self._in_flight = app, in_flight

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """ASGI."""
        exchange = _Exchange(receive, send)
        self._in_flight.begin()
        try:
            await self._app(scope, exchange.receive, exchange.send)
        finally:
            self._in_flight.end()


class _Exchange:
    """One request and its answer."""

    def __init__(self, receive: Any, send: Any) -> None:
        self._receive, self._send = receive, send
        self._read_bytes = 0
        self._read = trio.Event()

    async def receive(self) -> Any:
        """The next message of the client's."""
        message = await self._receive()
        if message["type"] == "http.request":
            self._read_bytes += len(message.get("body", b""))
            if not message.get("more_body", False) or self._read_bytes > LINGER_BYTES:
                self._read.set()
        return message

    async def send(self, message: Any) -> None:
        """A part of the answer. Before the last one the rest of the body is read, for a while."""
        last = message["type"] == "http.response.body" and not message.get("more_body", False)
        if last and not self._read.is_set():
            await self._pass_on(message | {"more_body": True})
            with trio.move_on_after(LINGER_S):
                await self._read.wait()
            message = {"type": "http.response.body", "body": b"", "more_body": False}
        await self._pass_on(message)

    async def _pass_on(self, message: Any) -> None:
        # After the last part hypercorn tells the application that the client is gone, whereupon quart-trio cancels the task
        # that is sending it: hypercorn then does not close the connection. Hence the shield; the writing itself is shielded
        # anyway, and the socket's own timeout bounds it.
        with trio.CancelScope(shield=True):
            await self._send(message)
