"""One connection of a client's: hypercorn's HTTP/1.1, with less around it than hypercorn's own server puts there.

A task for each idle timer, an ASGI conversation for each request and two writes for each answer took a quarter of the
daemon's CPU for an execution. And that server ends as a whole when one request makes it stumble, keeps some connections for
ever (HTTP/2 without a stream, a refused WebSocket), and runs what was sent ahead on a connection that is gone. HTTP itself, and
its limits, stay hypercorn's. HTTP/2 is left to a proxy: what bounds a request here it would need again for each stream.
"""

import contextlib
import os
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Any, Final

import h11
import msgspec
import trio
from hypercorn.config import Config
from hypercorn.events import Closed, Event, RawData
from hypercorn.protocol.h11 import H11Protocol
from hypercorn.trio.task_group import TaskGroup
from hypercorn.trio.worker_context import WorkerContext
from hypercorn.typing import AppWrapper, ConnectionState

from sandboxd.api.direct import Direct

READ_BYTES: Final = 1 << 16
"""Read at once. A head must fit, or come to no more than hypercorn's 16 KB before its end."""
_LENGTHS: Final = {b"content-length", b"transfer-encoding"}
Answer = Callable[[], Awaitable[None]]


class Connection:
    """One client. It stands in `silent`, with the time, while no request of its is being answered."""

    def __init__(self, stream: trio.SocketStream, silent: "dict[Connection, float]") -> None:
        self._stream, self._silent = stream, silent
        self._scope, self._sending = trio.CancelScope(), trio.Lock()
        silent[self] = trio.current_time()

    def cut(self) -> None:
        """Ends it at once."""
        self._silent.pop(self, None)
        self._scope.cancel()
        self._stream.socket.close()

    async def serve(
        self, app: AppWrapper, direct: Direct, config: Config, context: WorkerContext, answered: Callable[[int], None]
    ) -> None:
        """Until one of the two sides ends it. `app` answers what `direct` does not. Raises what hypercorn does not catch."""

        async def heard(*told: Any) -> None:
            await self._answering(lambda: app(*told))

        with self._scope:
            async with TaskGroup() as tasks:
                those = heard, config, context, tasks, ConnectionState({}), False, None, None, self._told
                self._http = _Http1(direct, self._answering, answered, self._scope.cancel, *those)
                await self._read()

    async def _answering(self, answer: Answer) -> None:
        self._silent.pop(self, None)
        try:
            await answer()
        finally:
            self._silent[self] = trio.current_time()

    async def _read(self) -> None:
        with contextlib.suppress(trio.ClosedResourceError, trio.BrokenResourceError):
            while data := await self._stream.receive_some(READ_BYTES):
                await self._http.handle(RawData(bytes(data)))
        await self._http.handle(Closed())

    async def _told(self, event: Event) -> None:
        """What hypercorn wants done."""
        if isinstance(event, RawData):
            await self._write(event.data)
        elif isinstance(event, Closed):
            with contextlib.suppress(trio.BrokenResourceError, trio.ClosedResourceError, trio.BusyResourceError):
                await self._stream.send_eof()
            await self._stream.aclose()
            await self._http.handle(Closed())

    async def _write(self, data: bytes) -> None:
        try:
            if not self._sending.locked():  # most answers go at once, and need no turn of the loop
                data = data[_write_now(self._stream.socket.fileno(), data) :]
            if not data:
                return
            async with self._sending:
                with trio.CancelScope(shield=True):  # half an answer would be taken for a whole one of another
                    await self._stream.send_all(data)
        except (trio.BrokenResourceError, trio.ClosedResourceError, OSError):
            self._scope.cancel()  # what it sent ahead is for nobody


def _write_now(descriptor: int, data: bytes) -> int:
    """How many bytes the kernel took."""
    try:
        return os.write(descriptor, data)
    except BlockingIOError:
        return 0


class _Http1(H11Protocol):
    """HTTP/1.1 and nothing else, with a short way for some requests; an answer of a known length is written at once."""

    def __init__(
        self,
        direct: Direct,
        answering: Callable[[Answer], Awaitable[None]],
        answered: Callable[[int], None],
        cut: Callable[[], None],
        *those: Any,
    ) -> None:
        super().__init__(*those)
        self._direct, self._answering, self._answered, self._cut = direct, answering, answered, cut
        self._head = b""

    async def _create_stream(self, request: h11.Request) -> None:
        if len({name for name, _ in request.headers} & _LENGTHS) > 1:  # a proxy in front may have found its end elsewhere
            await self._refuse(400, "Invalid request: it has both Content-Length and Transfer-Encoding")
            await self.send(Closed())
            return
        exchange = self._direct.exchange(request, self.stream_send, self._cut)
        if exchange is None:
            await super()._create_stream(request)
            return
        self.stream = exchange  # type: ignore[assignment]  # it is handled like hypercorn's
        self.keep_alive_requests += 1
        self.task_group.spawn(self._answering, exchange.answer)

    async def _check_protocol(self, event: h11.Request) -> None:
        """A client that asks for HTTP/2 is answered in HTTP/1.1, as it must expect."""

    async def _send_error_response(self, status_code: int) -> None:
        await self._refuse(status_code, HTTPStatus(status_code).phrase)

    async def _refuse(self, status: int, why: str) -> None:
        """Answers, in JSON as ever, what is no request; the connection ends with it."""
        body = msgspec.json.encode({"error": why})
        headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body)), (b"connection", b"close")]
        head = h11.Response(status_code=status, headers=[*headers, *self.config.response_headers("h11")])
        for event in (head, h11.Data(data=body), h11.EndOfMessage()):
            await self._send_h11_event(event)

    async def _send_h11_event(self, event: Any) -> None:
        try:
            data = self.connection.send(event)
        except h11.LocalProtocolError:
            if self.connection.their_state is not h11.ERROR:
                raise
            return
        if isinstance(event, h11.Response):
            self._answered(event.status_code)
            if any(name == b"content-length" for name, _ in event.headers):
                self._head = data  # the body is there as well
                return
        data, self._head = self._head + data, b""
        if data:
            await self.send(RawData(data))
