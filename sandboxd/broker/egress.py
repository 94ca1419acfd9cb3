"""The egress guard: a name is resolved once, every address of it is judged, and only a judged address is connected to."""

import errno
import ipaddress
import math
import socket
from collections.abc import Iterable
from typing import Any, Final

import httpcore2
import trio

from sandboxd.broker.capability import CallRefused
from sandboxd.broker.resolver import Resolve
from sandboxd.broker.stream import Stream
from sandboxd.policy.address import place_of
from sandboxd.policy.fetch import Fetch

ATTEMPT_S: Final = 3.0
"""How long an address may take to connect while there is another one."""
MOST_ADDRESSES: Final = 64
_LOOPBACK: Final = ["127.0.0.1", "::1"]


class Egress(httpcore2.AsyncNetworkBackend):
    """How the pools of one profile connect. `own_ports` are those on which the daemon listens; `turn` is the streams'."""

    def __init__(self, fetch: Fetch, resolve: Resolve, own_ports: frozenset[int], turn: trio.Lock) -> None:
        self._fetch, self._resolve, self._own_ports, self._turn = fetch, resolve, own_ports, turn

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 the library's signature
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        """A connection to `host`, which is a name or an address without brackets. Raises CallRefused."""
        addresses = await self._addresses(host)
        self._judge(host, port, addresses)
        for n, address in enumerate(addresses):
            with trio.move_on_after(ATTEMPT_S if n + 1 < len(addresses) else math.inf):
                try:
                    return Stream(await _connect(address, port), self._turn)
                except OSError:
                    continue  # the reason is the inside's business
        raise CallRefused(f"fetch failed: host {host} does not accept connections on port {port}", rule="upstream.connect")

    async def _addresses(self, host: str) -> list[str]:
        if _is_address(host):
            return [host]
        if host == "localhost" or host.endswith(".localhost"):
            return _LOOPBACK  # RFC 6761: nobody is asked where this machine is
        try:
            found = await self._resolve(host)
        except (OSError, UnicodeError):
            found = []
        if not found:
            raise CallRefused(f"fetch failed: host {host} has no address", rule="upstream.name")
        if len(found) > MOST_ADDRESSES:
            raise CallRefused(f"fetch failed: host {host} has more than {MOST_ADDRESSES} addresses", rule="upstream.name")
        return found

    def _judge(self, host: str, port: int, addresses: list[str]) -> None:
        """One bad address spoils the name: who mixes them is trying which one is taken."""
        entries = [entry for entry in self._fetch.hosts if entry.bare == host and (not entry.ports or port in entry.ports)]
        if not entries:
            raise CallRefused(f"fetch failed: host {host} is not in the profile's list", rule="egress.host")
        reach = {place for entry in entries for place in entry.reach}
        for address in addresses:
            place = place_of(address)
            if place is not None and place not in reach:
                raise CallRefused(f"fetch failed: host {host} has a {place} address", rule=f"egress.{place}")
            if port in self._own_ports and is_here(address):
                raise CallRefused(f"fetch failed: host {host} on port {port} is the daemon itself", rule="egress.own")


async def _connect(address: str, port: int) -> trio.SocketStream:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    connection = trio.socket.socket(family, socket.SOCK_STREAM)
    try:
        await connection.connect((address, port))
        return trio.SocketStream(connection)
    except BaseException:
        connection.close()
        raise


def is_here(address: str) -> bool:
    """Whether an address is one of this machine's. The kernel knows: only these can be bound to."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind((address, 0))
        except OSError as error:
            return error.errno not in (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT)
    return True


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
