"""HTTP clients: one for each principal under each profile, so that no two tenants ever share a connection."""

import ssl
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from typing import Final

import httpcore2
import trio

from sandboxd.broker.capability import CallRefused

KEEP_ALIVE_S: Final = 4.0
"""How long an idle connection is kept: less than the five seconds after which many servers close theirs."""
IDLE_CONNECTIONS: Final = 4
MOST_CLIENTS: Final = 64
"""Clients that are kept; there are more only while more executions than that are fetching."""
HELD_BYTES: Final = 128 << 20
"""What all bodies that are being received may take together. One principal has a quarter of it at most."""


class Held:
    """Bytes of bodies that are being received: one principal's, and as `whole` everybody's."""

    def __init__(self, most: int, whole: "Held | None" = None) -> None:
        self.bytes = 0
        self._most, self._whole = most, whole

    def take(self, count: int) -> None:
        """Raises CallRefused when there is no room: whoever waited for it would be at the mercy of the slowest upstream."""
        if self.bytes + count > self._most:
            raise CallRefused("fetch failed: too much is being received at the same time", rule="limit.held_bytes")
        if self._whole is not None:
            self._whole.take(count)
        self.bytes += count

    def give_back(self, count: int) -> None:
        """They are the worker's now, or nobody's."""
        self.bytes -= count
        if self._whole is not None:
            self._whole.give_back(count)


class Client:
    """The connections of one principal, and what of his is under way."""

    def __init__(self, pool: httpcore2.AsyncConnectionPool, concurrent: int, held: Held) -> None:
        self.pool, self.held = pool, held
        self.turns = trio.CapacityLimiter(concurrent)
        self.executions = 0
        """Those that have it in their hands."""
        self.idle_since = trio.current_time()


class Clients:
    """All clients of a daemon, by whose they are."""

    def __init__(self, tls: Callable[[], ssl.SSLContext]) -> None:
        self._tls = tls
        self.held = Held(HELD_BYTES)
        self._clients: OrderedDict[Hashable, Client] = OrderedDict()
        self._too_many = trio.Event()

    def __len__(self) -> int:
        return len(self._clients)

    @contextmanager
    def borrow(self, whose: Hashable, egress: httpcore2.AsyncNetworkBackend, concurrent: int) -> Iterator[Client]:
        """The client of `whose` for one execution; made if there is none."""
        client = self._clients.get(whose)
        if client is None:
            pool = httpcore2.AsyncConnectionPool(
                ssl_context=self._tls(),
                max_connections=concurrent,
                max_keepalive_connections=IDLE_CONNECTIONS,
                keepalive_expiry=KEEP_ALIVE_S,
                network_backend=egress,
            )
            client = self._clients[whose] = Client(pool, concurrent, Held(HELD_BYTES // 4, self.held))
        self._clients.move_to_end(whose)
        if len(self._clients) > MOST_CLIENTS:
            self._too_many.set()
        client.executions += 1
        try:
            yield client
        finally:
            client.executions -= 1
            client.idle_since = trio.current_time()

    async def sweep(self) -> None:
        """Runs beside everything else: closes clients that nobody has used for a while, or that are too many."""
        while True:
            with trio.move_on_after(KEEP_ALIVE_S):
                await self._too_many.wait()
                self._too_many = trio.Event()
            await self.close_idle()

    async def close_idle(self) -> None:
        """Closes what a sweep closes."""
        too_many, late = len(self._clients) - MOST_CLIENTS, trio.current_time() - KEEP_ALIVE_S
        for whose, client in list(self._clients.items()):
            if client.executions == 0 and (client.idle_since <= late or too_many > 0):
                too_many -= 1
                del self._clients[whose]
                await client.pool.aclose()

    async def aclose(self) -> None:
        """Closes all of them."""
        while self._clients:
            _, client = self._clients.popitem()
            await client.pool.aclose()
