"""The short way in: POST routes that are answered without the framework and without ASGI, for 0.8 ms of CPU less a request.

A handler is a route of the framework as well, which answers for other methods. Errors are told by the same table.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any, Final
from urllib.parse import unquote

import h11
import msgspec
import trio
from hypercorn.protocol.events import Body, EndBody, Event, Response, StreamClosed
from quart import Blueprint
from quart import Response as Framework

from sandboxd.api.guard import answer
from sandboxd.api.incoming import MAX_BODY_BYTES, Bare, Framed, Incoming, Room
from sandboxd.api.lingering import LINGER_S
from sandboxd.api.problems import told

ONLY: Final = 1
"""The number that hypercorn gives to the requests of an HTTP/1.1 connection."""


class Reply(msgspec.Struct, frozen=True):
    """A JSON answer; structs and msgspec.Raw in `value` are written as they are."""

    value: Any
    status: int = 200


Handler = Callable[[Incoming], Awaitable[Reply]]


class Door:
    """The routes of one door: the framework's in `routes`, those that can do without it in `handlers` too, by path.

    `limits` is how many bytes the body of such a request may have.
    """

    def __init__(self, name: str, prefix: str) -> None:
        self.routes = Blueprint(name, __name__, url_prefix=prefix)
        self.handlers: dict[str, Handler] = {}
        self.limits: dict[str, int] = {}
        self._prefix = prefix

    def post(self, path: str, most_bytes: int = MAX_BODY_BYTES) -> Callable[[Handler], Handler]:
        """Makes a handler a route, both ways, with a body of at most so many bytes."""

        def register(handler: Handler) -> Handler:
            async def view() -> Framework:
                reply = await handler(Framed())
                return answer(reply.value, reply.status)

            self.routes.add_url_rule(path, path.strip("/"), view, methods=["POST"])
            self.handlers[self._prefix + path] = handler
            self.limits[self._prefix + path] = most_bytes
            return handler

        return register


class Direct:
    """The requests that are answered here: those that are posted to one of the handlers' paths."""

    def __init__(self, doors: Iterable[Door]) -> None:
        self._handlers = {path: (each, door.limits[path]) for door in doors for path, each in door.handlers.items()}
        self._room = Room()

    def exchange(self, head: h11.Request, send: "Send", cut: Callable[[], None]) -> "Exchange | None":
        """The answer to a request of which this is the head, None where the framework shall give it.

        `cut` is called when the client is gone before it is answered, and cancels what answers.
        """
        if head.method != b"POST":
            return None
        path, _, query = head.target.partition(b"?")
        handler, most_bytes = self._handlers.get(_path(path), (None, 0))
        if handler is None:
            return None
        return Exchange(handler, Bare(head.headers, query, most_bytes, self._room), send, cut)


Send = Callable[[Event], Awaitable[None]]


class Exchange:
    """One request and its answer, told and heard as hypercorn's streams are."""

    def __init__(self, handler: Handler, incoming: Bare, send: Send, cut: Callable[[], None]) -> None:
        self._handler, self._incoming, self._send, self._cut = handler, incoming, send, cut
        self._answered = False

    async def handle(self, event: Event) -> None:
        """What comes from the client."""
        if isinstance(event, Body):
            self._incoming.hear(event.data)
        elif isinstance(event, EndBody):
            self._incoming.end()
        elif isinstance(event, StreamClosed) and not self._answered:
            self._cut()

    async def answer(self) -> None:
        """Calls the handler and sends what it says; returns when the client has it."""
        try:
            status, fields, more = await _reply(self._handler, self._incoming)
        finally:
            self._incoming.leave()
        await self._tell(status, msgspec.json.encode(fields), more)

    async def _tell(self, status: int, body: bytes, more: Mapping[str, str]) -> None:
        headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
        headers += [(name.lower().encode(), value.encode()) for name, value in more.items()]
        await self._send(Response(ONLY, headers, status))
        await self._send(Body(ONLY, body))
        if not self._incoming.heard.is_set():  # see lingering.py
            with trio.move_on_after(LINGER_S):
                await self._incoming.heard.wait()
        await self._send(EndBody(ONLY))
        self._answered = True
        await self._send(StreamClosed(ONLY))


def _path(target: bytes) -> str:
    """The path of a request; a target may be a whole URL."""
    path = unquote(target.decode("ascii"))
    return path if path.startswith("/") else "/" + path.partition("://")[2].partition("/")[2]


async def _reply(handler: Handler, incoming: Incoming) -> tuple[int, Any, Mapping[str, str]]:
    try:
        reply = await handler(incoming)
    except Exception as error:
        return told(error)
    return reply.status, reply.value, {}
