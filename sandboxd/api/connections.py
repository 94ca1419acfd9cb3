"""The connections of the HTTP API: how many there are, which are cut, and when there will be no more.

One on which nothing is asked is cut after a while, whatever was sent on it, and sooner where another needs its place. To cut is
to close the socket, which ends every wait on it: a client that reads slowly does not keep a stop from ending.
"""

import logging
import resource
from collections.abc import Callable, Sequence
from typing import Any, Final

import structlog
import trio
from hypercorn.app_wrappers import ASGIWrapper
from hypercorn.config import Config
from hypercorn.trio.worker_context import WorkerContext

from sandboxd.api.connection import Connection
from sandboxd.api.direct import Direct, Door
from sandboxd.api.lingering import Lingering

log = structlog.get_logger()
SILENT_S: Final = 5.0
"""How long a connection may be open on which no request is being answered: also the time that a head may take to come."""
LOOK_S: Final = 0.5
"""How often that is looked at."""
DRAIN_S: Final = 1.0
"""How long a drain leaves one open: its request may be on the way, and whoever was accepted is not refused."""


def most_connections() -> int:
    """As many as leave a quarter of the descriptors to workers and files."""
    limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return 1 << 20 if limit == resource.RLIM_INFINITY else max(16, limit * 3 // 4)


class Connections:
    """The framework's application, and the doors' handlers that are reached past it, behind listening sockets."""

    def __init__(self, app: Any, doors: Sequence[Door], *, most: int, answered: Callable[[int], None] = lambda _: None) -> None:
        """At most `most` are open. `answered` is told the status of each answer."""
        self.app, self._answered = app, answered
        self._wrapped, self._direct, self._most = ASGIWrapper(Lingering(app)), Direct(doors), most
        self._open: set[Connection] = set()
        self._silent: dict[Connection, float] = {}  # since when; the longest is the first
        self._accepting = trio.CancelScope()
        self._config, self._context = Config(), WorkerContext(None)
        self._config.errorlog = logging.getLogger("hypercorn.error")  # else it has standard streams of its own, or is dumb
        self._config.include_server_header = False

    async def serve(
        self, listeners: Sequence[trio.SocketListener], *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
    ) -> None:
        """Until it is cancelled, which cuts what is open. The listeners are closed then, or at `drain`."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._cut_at_the_end)
            nursery.start_soon(self._cut_the_silent)
            with self._accepting:
                task_status.started()
                await trio.serve_listeners(self._serve_one, list(listeners), handler_nursery=nursery)

    async def drain(self) -> None:
        """Accepts nobody new, and returns when no request is being answered. A connection ends with its answer."""
        self._accepting.cancel()
        await self._context.terminated.set()
        while self._open:
            self._cut_silent_since(trio.current_time() - DRAIN_S)
            await trio.sleep(0.02)

    def _cut_silent_since(self, moment: float) -> None:
        """Cuts those that were silent at this moment already."""
        while self._silent and (oldest := next(iter(self._silent.items())))[1] <= moment:
            oldest[0].cut()

    async def _cut_the_silent(self) -> None:
        while True:
            await trio.sleep(LOOK_S)
            self._cut_silent_since(trio.current_time() - SILENT_S)

    async def _cut_at_the_end(self) -> None:
        try:
            await trio.sleep_forever()
        finally:  # a shielded write hears of nothing else
            for connection in self._open:
                connection.cut()

    async def _serve_one(self, stream: trio.SocketStream) -> None:
        if len(self._open) >= self._most and self._silent:
            next(iter(self._silent)).cut()  # who has asked nothing for the longest makes room
        elif len(self._open) >= self._most:
            stream.socket.close()
            return
        connection = Connection(stream, self._silent)
        self._open.add(connection)
        try:
            await connection.serve(self._wrapped, self._direct, self._config, self._context, self._answered)
        except* OSError:
            pass  # it is gone
        except* Exception:  # one client's: the others must not hear of it
            log.warning("a connection failed", exc_info=True)
        finally:
            connection.cut()
            self._open.discard(connection)
