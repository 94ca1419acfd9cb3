"""Clients that take their time: over a head, over a body, over reading an answer."""

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress

from tests.support.daemon import BASE, Daemon
from tests.support.held import LARGE

_RECEIVE_BYTES = 1 << 16


def execute_head(token: str, length: int) -> bytes:
    """The head of POST /execute, with its blank line."""
    lines = (f"POST {BASE}/execute HTTP/1.1", "Host: x", f"Authorization: Bearer {token}", f"Content-Length: {length}", "", "")
    return "\r\n".join(lines).encode()


def connect(daemon: Daemon, first: bytes = b"", *, receive_bytes: int | None = None) -> socket.socket:
    """A connection on which so much has been sent."""
    client = socket.socket()
    if receive_bytes is not None:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
    client.settimeout(60)
    client.connect((daemon.host, daemon.port))
    client.sendall(first)
    return client


@contextmanager
def _beside(work: Callable[[], None], done: threading.Event) -> Iterator[None]:
    """Work in a thread for as long as the block lasts; `done` tells it."""
    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


@contextmanager
def dripping(*drips: tuple[socket.socket, bytes]) -> Iterator[None]:
    """A byte now and then on each of these connections, over and over, while the block lasts. Closes them."""
    done = threading.Event()

    def drip() -> None:
        count = 0
        while not done.wait(0.1):
            for client, text in drips:
                with suppress(OSError):  # it was closed, as it should be
                    client.sendall(text[count % len(text) :][:1])
            count += 1

    with ExitStack() as opened:
        for client, _ in drips:
            opened.enter_context(client)
        with _beside(drip, done):
            yield


@contextmanager
def sipping(daemon: Daemon, token: str) -> Iterator[None]:
    """A client that asks for far more than the kernel holds, and reads a little at a time: it takes minutes."""
    body, done = json.dumps({"code": LARGE}).encode(), threading.Event()
    with connect(daemon, (execute_head(token, len(body)) + body) * 8, receive_bytes=_RECEIVE_BYTES) as client:

        def sip() -> None:
            with suppress(OSError):
                while not done.wait(0.2) and client.recv(_RECEIVE_BYTES // 4):
                    pass

        with _beside(sip, done):
            yield


def closed(client: socket.socket, seconds: float) -> bool:
    """Whether the daemon ends this connection in time, however much it says before."""
    give_up = time.monotonic() + seconds
    client.settimeout(1)
    while time.monotonic() < give_up:
        try:
            if not client.recv(65_536):
                return True
        except TimeoutError:
            continue
        except OSError:
            return True
    return False
