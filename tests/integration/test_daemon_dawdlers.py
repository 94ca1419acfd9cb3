"""Connections on which nothing comes of it: what ends them, and that they take nothing from others."""

import resource
import socket
import struct
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest

from tests.support.daemon import Daemon, Serve
from tests.support.dawdling import closed, connect, dripping, execute_head
from tests.support.held import LARGE, running
from tests.support.stored import make_token, statuses, wait_until

HEAD = b"GET /livez HTTP/1.1\r\nHost: x\r\n"
UPGRADE = HEAD + b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: "


def test_what_asks_nothing_is_closed(daemon: Daemon) -> None:
    """Silence, half a head, a head that comes byte by byte and a refused WebSocket do not hold a connection."""
    endless_head, silent, half_head = connect(daemon, HEAD), connect(daemon), connect(daemon, HEAD[:20])
    refused = connect(daemon, UPGRADE + b"websocket\r\n\r\n")
    with dripping((endless_head, b"X: y\r\n"), (silent, b"\r\n"), (half_head, b"o"), (refused, b"\x81")):
        assert [closed(client, 40) for client in (endless_head, silent, half_head, refused)] == [True] * 4


@pytest.mark.parametrize("line", [b"A: " + b"a" * 20_000, b"a: b\r\n" * 4000])
def test_an_endless_head_is_refused(daemon: Daemon, line: bytes) -> None:
    """Beyond 16 KB without its end it is answered 431."""
    with connect(daemon, HEAD + line) as client:
        assert client.recv(100).startswith(b"HTTP/1.1 431")
        assert closed(client, 30)


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00", b"404"),
        (UPGRADE + b"h2c\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n\r\n", b"200"),
    ],
    ids=["preface", "upgrade"],
)
def test_there_is_no_http_2(daemon: Daemon, request_: bytes, status: bytes) -> None:
    """Who begins with it, or asks for it, is answered in HTTP/1.1; none of its frames is ever read."""
    with connect(daemon, request_) as client:
        assert client.recv(100).startswith(b"HTTP/1.1 " + status)
        assert closed(client, 30)


def test_a_request_that_makes_the_server_stumble_is_its_sender_s_trouble(daemon: Daemon) -> None:
    """An exception on one connection is logged, and ends that connection only."""
    stumble = (
        UPGRADE + b"websocket\r\nSec-WebSocket-Key: x\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: \xff\r\n\r\n"
    )
    with connect(daemon, stumble) as client:
        assert closed(client, 30)
    assert daemon.request("GET", "/livez").status == 200
    assert any("a connection failed" in line for line in daemon.log())


def test_a_body_that_is_still_coming_holds_no_worker(daemon: Daemon) -> None:
    """Before its last byte nothing runs, nothing is taken from the quota, and the user's one slot is free for another."""
    token = make_token(daemon.data_dir, "slow", "starter")
    slow = [connect(daemon, execute_head(token, 1000)) for _ in range(20)]
    with dripping(*((client, b" ") for client in slow)):
        assert daemon.execute(token, "return 1").status == 200
        assert running(daemon) == 0
        assert wait_until(lambda: statuses(daemon.data_dir, "slow") == ["succeeded"])


def test_what_was_sent_ahead_is_not_run_for_who_is_gone(daemon: Daemon) -> None:
    """A client that sends thirty requests at once and resets the connection has a few of them run, not thirty."""
    token = make_token(daemon.data_dir, "ahead")
    body = b'{"code": "%s"}' % LARGE.encode()
    client = connect(daemon, (execute_head(token, len(body)) + body) * 30, receive_bytes=4096)
    assert wait_until(lambda: "succeeded" in statuses(daemon.data_dir, "ahead"))
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close()
    assert wait_until(lambda: running(daemon) == 0)
    daemon.execute(token, "return 'the last'")
    assert 2 <= len(statuses(daemon.data_dir, "ahead")) < 10


# ------------------------------------------------------------------ more connections than descriptors

MOST = 256 * 3 // 4


@contextmanager
def few_descriptors() -> Iterator[None]:
    """A daemon that is started in here may have 256 open."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_more_idle_connections_than_descriptors_keep_nobody_out(serve: Serve) -> None:
    """The one that has asked nothing for the longest makes room; the daemon never runs out."""
    with few_descriptors():
        daemon = serve()
    with ExitStack() as opened:
        idle = [opened.enter_context(connect(daemon)) for _ in range(300)]
        assert daemon.execute(make_token(daemon.data_dir, "u"), "return 1").status == 200
        assert closed(idle[0], 30)
    assert not any("Too many open files" in line for line in daemon.log())


def test_no_connection_on_which_something_is_asked_makes_room(serve: Serve) -> None:
    """Where all are being answered the next one is closed, and the daemon still stops in its time."""
    with few_descriptors():
        daemon = serve("drain_ms = 500")
    head = execute_head(make_token(daemon.data_dir, "u"), 100)
    with ExitStack() as opened:
        asking = [opened.enter_context(connect(daemon, head)) for _ in range(MOST + 40)]
        assert wait_until(lambda: _refused(daemon))
        for client in asking[:80]:
            client.close()
        assert wait_until(lambda: not _refused(daemon))
        assert daemon.stop() == 0


def _refused(daemon: Daemon) -> bool:
    try:
        return daemon.request("GET", "/livez").status != 200
    except OSError:
        return True
