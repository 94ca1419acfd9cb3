"""Clients that would keep the daemon from stopping, and signals that come when they like: nobody gets more than drain_ms."""

import os
import signal
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import psutil
import pytest

from tests.campaigns.kills import campaign
from tests.support.daemon import FREE, SANDBOXD, Daemon, Serve
from tests.support.dawdling import connect, dripping, execute_head, sipping
from tests.support.executing import ASLEEP, Caller
from tests.support.held import running
from tests.support.processes import wait_gone
from tests.support.stored import make_token, statuses, wait_until


def blocked(daemon: Daemon, user: str) -> bool:
    """Whether answers of this user's wait to be read: nothing runs any more, and it does not go on."""
    before = statuses(daemon.data_dir, user)
    time.sleep(0.5)
    return bool(before) and before == statuses(daemon.data_dir, user) and running(daemon) == 0


@pytest.mark.parametrize(("drain_ms", "signals"), [(1000, 1), (60_000, 2)])
def test_a_client_that_reads_slowly_is_cut(serve: Serve, drain_ms: int, signals: int) -> None:
    """At drain_ms, or by a second signal, an answer that is being written ends where it is."""
    daemon = serve(f"drain_ms = {drain_ms}")
    with sipping(daemon, make_token(daemon.data_dir, "sips")):
        assert wait_until(lambda: blocked(daemon, "sips"))
        daemon.process.send_signal(signal.SIGTERM)
        if signals == 2:
            assert wait_until(lambda: any('"draining"' in line for line in daemon.log()))
            time.sleep(1)
            assert daemon.process.poll() is None  # it is what the daemon waits for
            daemon.process.send_signal(signal.SIGTERM)
        assert daemon.process.wait(20) == 0


def test_all_kinds_of_dawdlers_at_once(serve: Serve) -> None:
    """300 idle connections, heads and bodies byte by byte, a watcher and a long poll: the stop ends with its drain."""
    daemon = serve('doors = ["code-nodes", "executions"]', "drain_ms = 1500")
    caller = Caller(daemon, make_token(daemon.data_dir, "ann"))
    execution_id = caller.submit(ASLEEP)
    head = execute_head(caller.token, 1000)
    watch = f"GET /api/executions/{execution_id}/events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {caller.token}\r\n\r\n"
    with ExitStack() as opened, ThreadPoolExecutor(1) as threads:
        for _ in range(300):
            opened.enter_context(connect(daemon))
        slow = [(connect(daemon, b"GET /livez HTTP/1.1\r\n"), b"X: y\r\n"), (connect(daemon, head), b" ")]
        opened.enter_context(dripping(*slow))
        watcher = opened.enter_context(connect(daemon, watch.encode()))
        assert watcher.recv(100).startswith(b"HTTP/1.1 200")
        poll = threads.submit(caller.ask, "GET", f"/api/executions/{execution_id}?wait=60")
        assert wait_until(lambda: running(daemon) == 1)
        left, begun = daemon.family(), time.monotonic()
        assert (daemon.stop(), wait_gone(left)) == (0, [])
        assert 1 < time.monotonic() - begun < 20
        assert poll.exception() is not None or poll.result().status in (200, 503)
    assert statuses(daemon.data_dir, "ann") == ["crashed"]


def test_signals_may_come_at_any_time(serve: Serve) -> None:
    """One after the other until the end: the first stops, the second cuts, and none of the rest tears the stop apart."""
    daemon = serve("drain_ms = 60000")
    while daemon.process.poll() is None:
        daemon.process.send_signal(signal.SIGTERM)
        time.sleep(0.001)
    assert daemon.process.returncode == 0
    assert any('"stopped"' in line for line in daemon.log())


def test_a_signal_while_it_starts_stops_it(tmp_path: Path) -> None:
    """From the moment it holds the data directory, the daemon ends as from a stop, and leaves no process."""
    data = tmp_path / "data"
    command = [*SANDBOXD, "serve", "--bind", "127.0.0.1:0", "--data-dir", str(data)]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL, env=os.environ | FREE) as process:
        assert wait_until(lambda: (data / "daemon.lock").exists() or process.poll() is not None)
        time.sleep(0.2)
        left = [child.pid for child in psutil.Process(process.pid).children(recursive=True)]
        process.terminate()
        assert (process.wait(30), wait_gone(left)) == (0, [])


def test_restarts_under_load_lose_nothing_and_cut_nothing(tmp_path: Path) -> None:
    """Stopped and started again while clients submit: each accepted execution runs once, and to its own end."""
    found = campaign(tmp_path, kills=3, seed=7, number=signal.SIGTERM)
    assert (found.lost, found.doubled, found.problems) == ([], [], [])
    assert set(found.ends) == {"completed"}
