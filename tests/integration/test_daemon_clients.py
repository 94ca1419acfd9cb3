"""The daemon and its clients: those that hang up, dawdle, or send what they should not."""

import contextlib
import http.client
import json
import socket
import time

import pytest

from tests.support.daemon import BASE, Daemon, Serve
from tests.support.held import FOREVER, LARGE, running, send
from tests.support.stored import executions, make_token, statuses, wait_until


def test_hanging_up_frees_the_worker_at_once(daemon: Daemon) -> None:
    """The worker of a client that is gone dies long before its timeout; the record is cancelled, and counts."""
    client = send(daemon, make_token(daemon.data_dir, "gone", "starter"), "for (;;) {}")
    assert wait_until(lambda: statuses(daemon.data_dir, "gone") == ["running"] and running(daemon) == 1)
    begun = time.monotonic()
    client.close()
    assert wait_until(lambda: running(daemon) == 0)
    assert time.monotonic() - begun < 3
    assert wait_until(lambda: statuses(daemon.data_dir, "gone") == ["cancelled"])
    assert executions(daemon.data_dir, "gone")[0]["counted"] == 1


def test_hanging_up_frees_the_user_s_slot(daemon: Daemon) -> None:
    """After his client hung up a starter can call again."""
    token = make_token(daemon.data_dir, "again", "starter")
    client = send(daemon, token, FOREVER)
    assert wait_until(lambda: running(daemon) == 1)
    client.close()
    assert wait_until(lambda: running(daemon) == 0)
    assert daemon.execute(token, "return 1").status == 200


def test_a_client_that_resets_is_one_that_hangs_up(daemon: Daemon) -> None:
    """A connection that ends with a reset frees its worker too."""
    client = send(daemon, make_token(daemon.data_dir, "reset"), FOREVER)
    assert wait_until(lambda: running(daemon) == 1)
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
    client.close()
    assert wait_until(lambda: running(daemon) == 0)


def test_who_hangs_up_in_the_queue_does_not_run(serve: Serve) -> None:
    """A client that is gone before its turn leaves no record, and takes nobody's turn."""
    daemon = serve("[pool]", "ahead = 1", "running = 1")
    holder = send(daemon, make_token(daemon.data_dir, "holder"), FOREVER)
    assert wait_until(lambda: running(daemon) == 1)
    waiting = send(daemon, make_token(daemon.data_dir, "waits"), "return 1")
    assert wait_until(lambda: daemon.request("GET", "/readyz").json["waiting"] == 1)
    waiting.close()
    assert wait_until(lambda: daemon.request("GET", "/readyz").json["waiting"] == 0)
    holder.close()
    assert wait_until(lambda: statuses(daemon.data_dir, "waits") == [])
    assert daemon.execute(make_token(daemon.data_dir, "next"), "return 1").status == 200


def test_clients_that_dawdle_block_nobody(daemon: Daemon) -> None:
    """Open connections, half headers, half bodies and unread answers do not keep others from being answered."""
    token = make_token(daemon.data_dir, "others")
    head = f"POST {BASE}/execute HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\nContent-Length: 100\r\n"
    beginnings = [b"", b"PO", head.encode(), head.encode() + b"\r\n" + b'{"code":']
    clients = []
    try:
        for beginning in beginnings * 25:
            clients.append(socket.create_connection((daemon.host, daemon.port)))
            clients[-1].sendall(beginning)
        clients += [send(daemon, token, LARGE, receive_bytes=4096) for _ in range(3)]
        for number in range(5):
            assert daemon.execute(token, f"return {number}").json["return_value"] == number
    finally:
        for client in clients:
            client.close()


def test_a_half_open_client_still_gets_its_answer_or_is_dropped(daemon: Daemon) -> None:
    """A client that closes its sending side leaves no execution behind."""
    client = send(daemon, make_token(daemon.data_dir, "half"), "await new Promise(r => setTimeout(r, 500)); return 1")
    client.shutdown(socket.SHUT_WR)
    assert wait_until(lambda: running(daemon) == 0)
    client.close()


def test_the_body_may_come_in_pieces(daemon: Daemon) -> None:
    """A body that comes byte by byte is read to its end."""
    token = make_token(daemon.data_dir, "slow")
    body = b'{"code":"return 1"}'
    head = f"POST {BASE}/execute HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\nContent-Length: {len(body)}\r\n\r\n"
    with socket.create_connection((daemon.host, daemon.port), timeout=60) as client:
        client.sendall(head.encode())
        for byte in body:
            client.sendall(bytes([byte]))
            time.sleep(0.01)
        assert client.recv(100).startswith(b"HTTP/1.1 200")


def ends_after(daemon: Daemon, request: bytes) -> tuple[bytes, float]:
    """What a connection gives until the daemon closes it, and the seconds from the last byte to that."""
    with socket.create_connection((daemon.host, daemon.port), timeout=60) as client:
        client.sendall(request)
        got, last = b"", time.monotonic()
        while data := client.recv(65_536):
            got, last = got + data, time.monotonic()
        return got, time.monotonic() - last


@pytest.mark.parametrize("version", [b"HTTP/1.1\r\nConnection: close", b"HTTP/1.0"])
def test_a_connection_is_closed_when_the_client_asks_for_it(daemon: Daemon, version: bytes) -> None:
    """`Connection: close` and HTTP/1.0 get their answer and then the end of the connection."""
    answer, seconds = ends_after(daemon, b"GET /livez " + version + b"\r\nHost: x\r\n\r\n")
    assert (answer.endswith(b'{"status":"alive"}'), seconds < 3) == (True, True)


def test_an_idle_connection_is_closed_after_a_while(daemon: Daemon) -> None:
    """A connection on which nothing more is asked does not stay for ever."""
    answer, seconds = ends_after(daemon, b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n")
    assert (answer.endswith(b'{"status":"alive"}'), 3 < seconds < 30) == (True, True)


@pytest.mark.parametrize(("user", "size", "status"), [("large", 5 << 20, 413), (None, 1 << 20, 401)])
def test_a_refused_body_is_read_so_that_its_sender_hears_why(daemon: Daemon, user: str | None, size: int, status: int) -> None:
    """A client that sends all of a body before it reads gets the answer and no reset, and may go on."""
    headers = {} if user is None else {"Authorization": f"Bearer {make_token(daemon.data_dir, user)}"}
    connection = http.client.HTTPConnection(daemon.host, daemon.port, timeout=60)
    try:
        for _ in range(3):
            connection.request("POST", f"{BASE}/execute", b" " * size, headers)
            answer = connection.getresponse()
            assert (answer.status, "error" in json.loads(answer.read())) == (status, True)
    finally:
        connection.close()


def test_a_body_without_end_is_cut(daemon: Daemon) -> None:
    """Who goes on sending after his answer is not read for ever."""
    token = make_token(daemon.data_dir, "endless")
    head = f"POST {BASE}/execute HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\nTransfer-Encoding: chunked\r\n\r\n"
    sent, begun = 0, time.monotonic()
    with socket.create_connection((daemon.host, daemon.port), timeout=60) as client:
        client.sendall(head.encode())
        with contextlib.suppress(OSError):
            while time.monotonic() - begun < 30:
                client.sendall(b"10000\r\n" + b" " * 65_536 + b"\r\n")
                sent += 65_536
    assert sent < 200 << 20
