"""Where clients come in: connections accepted, each served by a task of its own."""

import socket
from collections.abc import Sequence
from functools import partial
from typing import Any, Final

import trio
from hypercorn.app_wrappers import ASGIWrapper
from hypercorn.config import Config
from hypercorn.trio.worker_context import WorkerContext
from hypercorn.utils import repr_socket_addr

from sandboxd.api.connection import Connection
from sandboxd.api.direct import Direct, Door
from sandboxd.api.in_flight import Counted, InFlight


class Front:
    """The framework's application, and the doors' handlers that are reached past it, behind one listening socket."""

    def __init__(self, app: Any, doors: Sequence[Door]) -> None:
        self.app, self.in_flight = app, InFlight()
        self._app = ASGIWrapper(Counted(app, self.in_flight))
        self._direct = Direct(doors, self.in_flight)

    async def serve(
        self,
        listener: socket.socket,
        *,
        stop: trio.Event,
        drain_s: float,
        task_status: trio.TaskStatus[str] = trio.TASK_STATUS_IGNORED,
    ) -> None:
        """Accepts until `stop`; then what is being answered has `drain_s`. Started with the address, as a URL."""
        config, context = _config(), WorkerContext(None)

        async def handle(stream: trio.SocketStream) -> None:
            await Connection(self._app, self._direct, config, context, stream).serve()

        async with trio.open_nursery() as connections:
            async with trio.open_nursery() as accepting:
                listening = trio.SocketListener(trio.socket.from_stdlib_socket(listener))
                accepting.start_soon(partial(trio.serve_listeners, handle, [listening], handler_nursery=connections))
                task_status.started(f"http://{repr_socket_addr(listener.family, listener.getsockname())}")
                await stop.wait()
                accepting.cancel_scope.cancel()
            connections.cancel_scope.deadline = trio.current_time() + drain_s
            await context.terminated.set()


def _config() -> Config:
    config: Final = Config()
    config.errorlog = None
    config.include_server_header = False
    return config
