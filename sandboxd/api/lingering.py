"""Between the HTTP server and the application: how each answer ends, so that its client gets to read it."""

from typing import Any, Final

import trio

LINGER_S: Final = 5.0
LINGER_BYTES: Final = 16 << 20
"""How long, and how much, of a body that nobody wants is still read after its answer was sent."""


class Lingering:
    """An ASGI application around another one; an answer's end waits for the end of its request, for a while."""

    def __init__(self, app: Any) -> None:
        self._app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """ASGI."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        exchange = _Exchange(receive, send)
        await self._app(scope, exchange.receive, exchange.send)


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
        """A part of the answer. Before the last one the rest of the body is read, for a while.

        An answer like 413 comes before the body has. To close then, with bytes unread, is a reset, and that can take the
        answer from a client that is still sending.
        """
        last = message["type"] == "http.response.body" and not message.get("more_body", False)
        if last and not self._read.is_set():
            await self._pass_on(message | {"more_body": True})
            with trio.move_on_after(LINGER_S):
                await self._read.wait()
            message = {"type": "http.response.body", "body": b"", "more_body": False}
        await self._pass_on(message)

    async def _pass_on(self, message: Any) -> None:
        # After the last part hypercorn tells the application that the client is gone, whereupon quart-trio cancels the task
        # that is sending it: hypercorn then neither closes the connection nor starts its idle timeout. Hence the shield;
        # hypercorn shields the writing itself anyway, and the socket's own timeout bounds it.
        with trio.CancelScope(shield=True):
            await self._send(message)
