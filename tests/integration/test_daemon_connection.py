"""One connection and the requests on it, by the way past the framework and by the framework's."""

import socket

import psutil
import pytest

from tests.support.daemon import BASE, Daemon
from tests.support.stored import make_token, wait_until


class Wire:
    """A connection, and its answers one after the other."""

    def __init__(self, daemon: Daemon) -> None:
        self.socket = socket.create_connection((daemon.host, daemon.port), timeout=60)
        self._file = self.socket.makefile("rb")

    def __enter__(self) -> "Wire":
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()
        self.socket.close()

    def answer(self) -> tuple[int, bytes]:
        """Status and body of the next one; of one that comes before the last, the status alone."""
        status = int(self._file.readline().split(b" ")[1])
        fields = dict(line.lower().strip().split(b": ", 1) for line in iter(self._file.readline, b"\r\n"))
        return status, self._file.read(int(fields.get(b"content-length", b"0")))

    def over(self) -> bool:
        """Whether the daemon has closed it."""
        return self._file.read(1) == b""


def post(token: str, body: bytes, *more: str, version: str = "1.1") -> bytes:
    head = [f"POST {BASE}/execute HTTP/{version}", "Host: x", f"Authorization: Bearer {token}", *more]
    return "\r\n".join([*head, f"Content-Length: {len(body)}", "", ""]).encode() + body


GET = b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n"


def test_requests_may_be_sent_before_the_answers(daemon: Daemon) -> None:
    """Of requests on the heels of one another each is answered in its turn, whichever way it takes."""
    token = make_token(daemon.data_dir, "pipeline")
    with Wire(daemon) as wire:
        wire.socket.sendall(b"".join(post(token, b'{"code":"return %d"}' % n) + GET for n in range(3)))
        for n in range(3):
            status, body = wire.answer()
            assert (status, b'"return_value":%d,' % n in body) == (200, True)
            assert wire.answer() == (200, b'{"status":"alive"}')


def test_many_requests_share_a_connection(daemon: Daemon) -> None:
    """It is kept from one answer to the next question."""
    token = make_token(daemon.data_dir, "kept")
    with Wire(daemon) as wire:
        for _ in range(30):
            wire.socket.sendall(post(token, b'{"code":"'))
            assert wire.answer()[0] == 400
            wire.socket.sendall(GET)
            assert wire.answer()[0] == 200


def test_who_asks_whether_to_go_on_is_told(daemon: Daemon) -> None:
    """`Expect: 100-continue` is answered before the body is sent."""
    head, body = post(make_token(daemon.data_dir, "expects"), b'{"code":"return 7"}', "Expect: 100-continue").split(b"\r\n\r\n")
    with Wire(daemon) as wire:
        wire.socket.sendall(head + b"\r\n\r\n")
        assert wire.answer() == (100, b"")
        wire.socket.sendall(body)
        status, got = wire.answer()
        assert (status, b'"return_value":7,' in got) == (200, True)


@pytest.mark.parametrize(("more", "version"), [(("Connection: close",), "1.1"), ((), "1.0")])
def test_the_connection_ends_after_the_answer_where_that_is_asked(daemon: Daemon, more: tuple[str, ...], version: str) -> None:
    """As with the framework's answers."""
    request = post(make_token(daemon.data_dir, "once"), b'{"code":"return 1"}', *more, version=version)
    with Wire(daemon) as wire:
        wire.socket.sendall(request)
        assert (wire.answer()[0], wire.over()) == (200, True)


@pytest.mark.parametrize("after", [b"GARBAGE\r\n\r\n", b"\0" * 100, b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n"])
def test_what_is_no_request_ends_the_connection_and_nothing_else(daemon: Daemon, after: bytes) -> None:
    """Behind a good request, which is answered, it gets 400 and the end."""
    with Wire(daemon) as wire:
        wire.socket.sendall(post(make_token(daemon.data_dir, "bad"), b'{"code":"return 1"}') + after)
        assert [wire.answer()[0], wire.answer()[0], wire.over()] == [200, 400, True]
    assert daemon.request("GET", "/livez").status == 200


def test_a_request_with_two_lengths_is_refused(daemon: Daemon) -> None:
    """A proxy in front may have found its end elsewhere, and what follows would be another's: it is not read."""
    body = b'{"code":"return 1"}'
    both = post(make_token(daemon.data_dir, "two ends"), body, "Transfer-Encoding: chunked")
    with Wire(daemon) as wire:
        wire.socket.sendall(both + GET)
        status, told = wire.answer()
        assert (status, b"Content-Length and Transfer-Encoding" in told, wire.over()) == (400, True, True)


@pytest.mark.parametrize(
    "head",
    [
        b"POST /\xff HTTP/1.1\r\nHost: x\r\n\r\n",
        b"POST /%ff%00 HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n",
        f"POST {BASE}/execute HTTP/1.1\r\nHost: x\r\nContent-Length: {'9' * 5000}\r\n\r\n".encode(),
        f"POST {BASE}/execute HTTP/1.1\r\nHost: x\r\nContent-Length: 5, 5\r\n\r\n".encode(),
        f"POST {BASE}/execute HTTP/1.1\r\nHost: x\r\nAuthorization: \xff\r\nContent-Length: 0\r\n\r\n".encode("latin-1"),
    ],
    ids=["byte in the path", "bytes behind percents", "endless number", "two numbers", "byte in a header"],
)
def test_no_head_makes_a_connection_fail(daemon: Daemon, head: bytes) -> None:
    """What cannot be decoded or counted is the client's mistake, and is answered as one."""
    with Wire(daemon) as wire:
        wire.socket.sendall(head)
        assert 400 <= wire.answer()[0] < 500
    assert not any("a connection failed" in line for line in daemon.log())


def test_what_is_no_request_is_told_so_in_json(daemon: Daemon) -> None:
    """Like every other error."""
    with Wire(daemon) as wire:
        wire.socket.sendall(b"GARBAGE\r\n\r\n")
        assert (wire.answer(), wire.over()) == ((400, b'{"error":"Bad Request"}'), True)


def open_connections(daemon: Daemon) -> int:
    """Those that the daemon holds, whether or not their clients do."""
    return sum(each.status != psutil.CONN_LISTEN for each in psutil.Process(daemon.process.pid).net_connections("tcp"))


def let_go_at_once(daemon: Daemon) -> bool:
    """Whether connections that were closed by their clients are closed here before an idle one would be, after five seconds."""
    assert wait_until(lambda: open_connections(daemon) == 0)
    clients = [Wire(daemon) for _ in range(40)]
    for client in clients[::2]:
        client.socket.sendall(GET)
        client.answer()
    for client in clients:
        client.__exit__()
    return bool(wait_until(lambda: open_connections(daemon) == 0, 3))


def test_what_the_client_has_closed_is_closed_here(daemon: Daemon) -> None:
    """Connections on which nothing was asked, and those that were answered; a machine may be slow, but not each time."""
    assert any(let_go_at_once(daemon) for _ in range(3))
