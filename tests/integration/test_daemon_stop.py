"""The ways to stop the daemon: what is still answered, what delays it, and what is left."""

import contextlib
import http.client
import signal
import socket
import time
from concurrent.futures import ThreadPoolExecutor

from tests.support.daemon import BASE, Daemon, Serve
from tests.support.held import FOREVER, LARGE, running, send
from tests.support.processes import wait_gone, workers
from tests.support.stored import executions, make_token, statuses, wait_until


def test_sigterm_lets_finish_what_runs(serve: Serve) -> None:
    """After SIGTERM what runs is answered, nobody new is accepted, and the end is exit 0 with no process left."""
    daemon = serve()
    token = make_token(daemon.data_dir, "last")
    with ThreadPoolExecutor(1) as threads:
        call = threads.submit(daemon.execute, token, "await new Promise(r => setTimeout(r, 1500)); return 'done'")
        assert wait_until(lambda: running(daemon) == 1)
        left = daemon.family()
        daemon.process.send_signal(signal.SIGTERM)
        assert call.result().json["return_value"] == "done"
    assert (daemon.process.wait(10), wait_gone(left)) == (0, [])
    assert statuses(daemon.data_dir, "last") == ["succeeded"]


def test_sigint_is_sigterm(serve: Serve) -> None:
    """Ctrl-C stops in the same way, with exit 0."""
    assert serve().stop(signal.SIGINT) == 0


def test_draining_refuses_new_connections(serve: Serve) -> None:
    """While the daemon drains nobody new is accepted."""
    daemon = serve()
    client = send(daemon, make_token(daemon.data_dir, "u"), "await new Promise(r => setTimeout(r, 3000))")
    assert wait_until(lambda: running(daemon) == 1)
    daemon.process.send_signal(signal.SIGTERM)

    def refused() -> bool:
        try:
            socket.create_connection((daemon.host, daemon.port), timeout=1).close()
        except OSError:
            return True
        return False

    assert wait_until(refused)
    assert daemon.process.poll() is None
    client.close()


def test_a_drain_ends_at_its_limit(serve: Serve) -> None:
    """What still runs after drain_ms is cut, and recorded as cancelled."""
    daemon = serve("drain_ms = 500")
    client = send(daemon, make_token(daemon.data_dir, "cut"), FOREVER, timeout_ms=30_000)
    assert wait_until(lambda: running(daemon) == 1)
    left, begun = daemon.family(), time.monotonic()
    assert (daemon.stop(), wait_gone(left)) == (0, [])
    assert time.monotonic() - begun < 10
    assert statuses(daemon.data_dir, "cut") == ["cancelled"]
    client.close()


def test_a_second_signal_cuts(serve: Serve) -> None:
    """Who signals twice does not wait for the drain; nothing is left and the record is complete."""
    daemon = serve("drain_ms = 60000")
    client = send(daemon, make_token(daemon.data_dir, "cut"), FOREVER, timeout_ms=30_000)
    assert wait_until(lambda: running(daemon) == 1)
    left, begun = daemon.family(), time.monotonic()
    daemon.process.send_signal(signal.SIGTERM)
    assert wait_until(lambda: any('"draining"' in line for line in daemon.log()))
    daemon.process.send_signal(signal.SIGTERM)
    assert (daemon.process.wait(15), wait_gone(left)) == (0, [])
    assert time.monotonic() - begun < 15
    assert statuses(daemon.data_dir, "cut") == ["cancelled"]
    client.close()


def test_idle_connections_do_not_delay_the_stop(serve: Serve) -> None:
    """Kept connections on which nothing is asked are closed at once."""
    daemon = serve("drain_ms = 60000")
    connections = [http.client.HTTPConnection(daemon.host, daemon.port, timeout=30) for _ in range(5)]
    for connection in connections:
        connection.request("GET", "/livez")
        connection.getresponse().read()
    silent = socket.create_connection((daemon.host, daemon.port))
    begun = time.monotonic()
    assert daemon.stop() == 0
    assert time.monotonic() - begun < 10
    for connection in connections:
        connection.close()
    silent.close()


def answered_late(daemon: Daemon) -> bool:
    """Whether a request is answered that comes, on an open connection, after the daemon began to drain."""
    said = b""
    with socket.create_connection((daemon.host, daemon.port), timeout=30) as client:
        assert daemon.request("GET", "/livez").status == 200  # it was accepted after the other
        daemon.process.send_signal(signal.SIGTERM)
        assert wait_until(lambda: any('"draining"' in line for line in daemon.log()))
        with contextlib.suppress(OSError):
            client.sendall(b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n")
            said = client.recv(100)
    assert daemon.process.wait(30) == 0
    return said.startswith(b"HTTP/1.1 200")


def test_who_was_accepted_is_not_refused(serve: Serve) -> None:
    """His request may be on the way when the stop begins, as at each restart behind a socket of the service manager's.

    A second is what he has; a machine may be slow, but not each time.
    """
    assert any(answered_late(serve()) for _ in range(3))


def test_a_client_that_does_not_read_does_not_keep_the_daemon(serve: Serve) -> None:
    """An answer that nobody takes is given up after drain_ms, so the daemon stops."""
    daemon = serve("drain_ms = 1000")
    token = make_token(daemon.data_dir, "deaf")
    clients = [send(daemon, token, LARGE, receive_bytes=4096) for _ in range(3)]
    assert wait_until(lambda: statuses(daemon.data_dir, "deaf") == ["succeeded"] * 3)
    begun = time.monotonic()
    assert daemon.stop() == 0
    assert time.monotonic() - begun < 15
    for client in clients:
        client.close()


def test_a_half_sent_request_does_not_keep_the_daemon(serve: Serve) -> None:
    """A body that never comes is given up after drain_ms."""
    daemon = serve("drain_ms = 1000")
    token = make_token(daemon.data_dir, "half")
    head = f"POST {BASE}/execute HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\nContent-Length: 100\r\n\r\n"
    client = socket.create_connection((daemon.host, daemon.port))
    client.sendall(head.encode() + b'{"code":')
    time.sleep(0.3)
    begun = time.monotonic()
    assert daemon.stop() == 0
    assert time.monotonic() - begun < 15
    client.close()


def test_kill_9_leaves_no_process_and_the_next_start_works(serve: Serve) -> None:
    """Launchers and workers die with the daemon; the next one closes what was running as crashed, and it counts."""
    daemon = serve()
    token = make_token(daemon.data_dir, "orphan")
    clients = [send(daemon, token, "for (;;) {}", timeout_ms=30_000) for _ in range(3)]
    assert wait_until(lambda: statuses(daemon.data_dir, "orphan") == ["running"] * 3 and running(daemon) == 3)
    left = daemon.family()
    assert len(workers(daemon.process.pid)) >= 3
    daemon.stop(signal.SIGKILL)
    assert wait_gone(left) == []
    again = serve()
    assert again.execute(token, "return 1").status == 200
    assert wait_until(lambda: statuses(again.data_dir, "orphan") == ["crashed"] * 3 + ["succeeded"])
    assert [row["counted"] for row in executions(again.data_dir, "orphan")] == [1] * 4
    for client in clients:
        client.close()


def test_a_stop_leaves_the_directory_to_the_next(serve: Serve) -> None:
    """After a stop another daemon takes the data directory, and its tokens are the same."""
    first = serve()
    token = make_token(first.data_dir, "u")
    assert first.stop() == 0
    assert serve().execute(token, "return 1").status == 200
