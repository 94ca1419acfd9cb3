"""One connection of a client's: hypercorn's HTTP/1.1, with less around it than hypercorn's own server puts there.

A task for each idle timer, an ASGI conversation for each request and two writes for each answer took a quarter of the
daemon's CPU for an execution. HTTP itself, and its limits, stay hypercorn's. HTTP/2 is left to a proxy: what bounds a request
here, it would need again for each of many streams.
"""

import math
import os
from typing import Any

import h11
import structlog
import trio
from hypercorn.config import Config
from hypercorn.events import Closed, Event, RawData, Updated
from hypercorn.protocol.h11 import H11Protocol
from hypercorn.trio.task_group import TaskGroup
from hypercorn.trio.worker_context import WorkerContext
from hypercorn.typing import AppWrapper, ConnectionState

from sandboxd.api.direct import Direct

RECEIVE_BYTES = 65_536
log = structlog.get_logger()


class Connection:
    """One of them, from its acceptance to its end. `app` answers what `direct` does not."""

    def __init__(
        self, app: AppWrapper, direct: Direct, config: Config, context: WorkerContext, stream: trio.SocketStream
    ) -> None:
        self._stream = stream
        self._writing = trio.Lock()
        self._tasks = TaskGroup()
        self._idle = _Idle(config.keep_alive_timeout, context)
        self._http = _Http1(direct, app, config, context, self._tasks, ConnectionState({}), False, None, None, self._told)

    async def serve(self) -> None:
        """Until either side closes it, or it has been idle for too long. Nothing that a client sends ends more than this."""
        try:
            async with self._stream, self._tasks:
                self._tasks.spawn(self._close_idle)
                await self._read()
                self._idle.over()
        except* OSError:
            pass  # it went away in the middle
        except* Exception as problems:
            log.exception("connection failed", exc_info=problems)

    async def _read(self) -> None:
        data = b"-"
        while data:
            try:
                data = bytes(await self._stream.receive_some(RECEIVE_BYTES))
            except (trio.ClosedResourceError, trio.BrokenResourceError):
                break
            await self._http.handle(RawData(data))
        await self._http.handle(Closed())

    async def _told(self, event: Event) -> None:
        """What hypercorn wants done."""
        if isinstance(event, RawData):
            await self._write(event.data)
        elif isinstance(event, Updated):
            self._idle.set(event.idle)
        elif isinstance(event, Closed):
            await self._close()

    async def _write(self, data: bytes) -> None:
        try:
            if not self._writing.locked():  # most answers go at once, and need no turn of the loop
                data = data[_write_now(self._stream.socket.fileno(), data) :]
            if not data:
                return
            async with self._writing:
                with trio.CancelScope(shield=True):  # no answer is cut in the middle; the socket's own timeout bounds it
                    await self._stream.send_all(data)
        except (trio.BrokenResourceError, trio.ClosedResourceError, OSError):
            await self._http.handle(Closed())

    async def _close_idle(self) -> None:
        if await self._idle.too_long():
            await self._close()

    async def _close(self) -> None:
        await self._stream.aclose()  # which ends the reading as well
        await self._http.handle(Closed())


def _write_now(descriptor: int, data: bytes) -> int:
    """How many bytes the kernel took."""
    try:
        return os.write(descriptor, data)
    except BlockingIOError:
        return 0


class _Idle:
    """How long nothing has been asked: one clock for all the time of a connection."""

    def __init__(self, longest_s: float, context: WorkerContext) -> None:
        self._longest_s, self._context = longest_s, context
        self._clock = trio.CancelScope(deadline=trio.current_time() + longest_s)
        self._over = False

    def set(self, idle: bool) -> None:
        """Whether the connection is."""
        self._clock.deadline = trio.current_time() + self._longest_s if idle else math.inf

    def over(self) -> None:
        """The connection has ended."""
        self._over = True
        self._clock.cancel()

    async def too_long(self) -> bool:
        """Returns when it was idle for too long, or when it is and the daemon stops; False when neither will be."""
        with self._clock:
            await self._context.terminated.wait()
            return self._clock.deadline < math.inf  # else it is closed after its answer
        return not self._over


class _Http1(H11Protocol):
    """Hypercorn's, but for requests that take the short way, and answers of a known length, which are written at once."""

    def __init__(self, direct: Direct, *those: Any) -> None:
        super().__init__(*those)
        self._direct = direct
        self._head = b""

    async def _create_stream(self, request: h11.Request) -> None:
        exchange = self._direct.exchange(request, self.stream_send)
        if exchange is None:
            await super()._create_stream(request)
            return
        self.stream = exchange  # type: ignore[assignment]  # it is handled like hypercorn's
        self.keep_alive_requests += 1
        self.task_group.spawn(exchange.answer)

    async def _check_protocol(self, event: h11.Request) -> None:
        """No upgrade to HTTP/2."""

    async def _send_h11_event(self, event: Any) -> None:
        try:
            data = self.connection.send(event)
        except h11.LocalProtocolError:
            if self.connection.their_state is not h11.ERROR:
                raise
            return
        if isinstance(event, h11.Response) and any(name == b"content-length" for name, _ in event.headers):
            self._head = data  # the body is there as well
            return
        data, self._head = self._head + data, b""
        if data:
            await self.send(RawData(data))
