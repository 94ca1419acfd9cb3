"""Where metrics are served: a listener of its own, for those who watch the machine and not for those who call the daemon."""

import socket
import sys
from collections.abc import AsyncIterator
from contextlib import AbstractContextManager, asynccontextmanager, nullcontext
from typing import Final

import trio
from prometheus_client import CollectorRegistry

from sandboxd.api.connections import Connections
from sandboxd.api.metrics import metrics_app
from sandboxd.config import Settings
from sandboxd.errors import SettingsError
from sandboxd.listening import address

MOST: Final = 16
"""Connections: there are not many who scrape."""


def metrics_listener(settings: Settings) -> AbstractContextManager[socket.socket | None]:
    """The listening socket, None where there is to be none. Raises SettingsError."""
    where = settings.metrics.address
    if where is None:
        return nullcontext()
    try:
        listener = socket.create_server(where, family=socket.AF_INET6 if ":" in where[0] else socket.AF_INET)
    except OSError as problem:
        raise SettingsError(
            f"Cannot listen on {settings.metrics.bind} (metrics.bind): {problem.strerror or problem}; "
            'give metrics another address, also by SANDBOXD_METRICS_BIND, or none: metrics.bind = ""'
        ) from None
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, settings.drain_ms)  # ends who reads nothing at all
    return listener


@asynccontextmanager
async def serving_metrics(listener: socket.socket | None, registry: CollectorRegistry) -> AsyncIterator[None]:
    """/metrics for as long as the block lasts, a drain included, so that it can be watched; nothing waits for a scrape."""
    if listener is None:
        yield
        return
    connections = Connections(metrics_app(registry), (), most=MOST)
    async with trio.open_nursery() as nursery:
        await nursery.start(connections.serve, [trio.SocketListener(trio.socket.from_stdlib_socket(listener))])
        print(
            f"metrics on http://{address(listener)}/metrics",
            file=sys.stderr,
            flush=True,
        )
        yield
        nursery.cancel_scope.cancel()
