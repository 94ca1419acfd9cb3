"""Server-sent events: the journal of one execution as a stream that a client can take up again where it lost it."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import Final, Self

import trio
from quart import Response
from quart.wrappers.response import ResponseBody

from sandboxd.api.incoming import Incoming
from sandboxd.errors import BadRequest
from sandboxd.executions.submissions import Event

KEEP_ALIVE_S: Final = 15.0
"""After so long without an event a comment is sent, so that nothing in between takes the connection for a dead one."""
RETRY: Final = b"retry: 1000\n\n"

Encode = Callable[[Event], Awaitable[bytes]]


def last_seen(incoming: Incoming) -> int:
    """The number of the last event that the client has, 0 for none. Raises BadRequest."""
    value = incoming.header("Last-Event-ID")
    if value and not (value.isascii() and value.isdigit() and len(value) < 19):
        raise BadRequest("Invalid request: Last-Event-ID must be the id of an event")
    return int(value or 0)


def event_stream(events: AbstractAsyncContextManager[AsyncIterator[Event]], encode: Encode) -> Response:
    """An answer that goes on until the events end. `encode` gives an event's data, JSON on one line."""
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    response = Response(_Body(events, encode), 200, headers, content_type="text/event-stream")
    response.timeout = None
    return response


class _Body(ResponseBody):
    """Takes an event when the one before has been written: who does not read is waited for, and nothing piles up."""

    def __init__(self, events: AbstractAsyncContextManager[AsyncIterator[Event]], encode: Encode) -> None:
        self._context, self._encode = events, encode
        self._begun = False

    async def __aenter__(self) -> Self:
        self._events = await self._context.__aenter__()
        return self

    async def __aexit__(self, *raised: object) -> None:
        await self._context.__aexit__(*raised)  # type: ignore[arg-type]  # noqa: ASYNC102 as it does wherever it is used

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        if not self._begun:
            self._begun = True
            return RETRY
        with trio.move_on_after(KEEP_ALIVE_S) as clock:
            event = await anext(self._events)
        if clock.cancelled_caught:
            return b":\n\n"
        return b"id: %d\nevent: %s\ndata: %s\n\n" % (event.number, event.kind.encode(), await self._encode(event))
