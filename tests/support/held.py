"""A request that is under way: sent, and not answered for as long as the test wants."""

import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager

from tests.support.daemon import BASE, Daemon
from tests.support.stored import wait_until

FOREVER = "await new Promise(resolve => setTimeout(resolve, 29000))"
LARGE = "console.log('x'.repeat(1 << 20)); return 'y'.repeat(1000000)"


def send(daemon: Daemon, token: str, code: str, *, timeout_ms: int = 5000, receive_bytes: int | None = None) -> socket.socket:
    """Sends POST /execute on a connection of its own and reads nothing; closing it is hanging up."""
    body = json.dumps({"code": code, "timeout_ms": timeout_ms}).encode()
    head = f"POST {BASE}/execute HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\nContent-Length: {len(body)}\r\n\r\n"
    client = socket.socket()
    if receive_bytes is not None:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
    client.settimeout(60)
    client.connect((daemon.host, daemon.port))
    client.sendall(head.encode() + body)
    return client


def running(daemon: Daemon) -> int:
    """How many executions the daemon runs now."""
    count: int = daemon.request("GET", "/readyz").json["running"]
    return count


@contextmanager
def busy(daemon: Daemon, token: str, count: int = 1) -> Iterator[None]:
    """`count` executions that run while the block lasts; then their callers hang up, and they are gone."""
    before = running(daemon)
    clients = [send(daemon, token, FOREVER) for _ in range(count)]
    try:
        assert wait_until(lambda: running(daemon) == before + count)
        yield
    finally:
        for client in clients:
            client.close()
        assert wait_until(lambda: running(daemon) == before)
