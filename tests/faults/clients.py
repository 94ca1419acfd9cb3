"""Clients that send what is no request, that send nothing, or that are more than there are descriptors."""

import socket
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from functools import partial

import psutil

from tests.bench.meter import memory_bytes
from tests.faults.requests import ODD, SLOW, Odd
from tests.faults.scene import EXHAUSTED, Scene
from tests.support.daemon import Daemon
from tests.support.stored import wait_until

PATIENCE_S = 60
BYTES_EACH = 64 << 10
"""What an idle connection may cost."""
ROOM = 40
"""Descriptors that are left when there are few."""
CROWD = """
import resource, select, socket, sys, time
_, most = resource.getrlimit(resource.RLIMIT_NOFILE)
resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
clients, port = [], int(sys.argv[1])
for _ in range(int(sys.argv[2])):
    clients.append(socket.create_connection(("127.0.0.1", port)))
print("there", flush=True)
sys.stdin.read(1)
"""


@contextmanager
def crowd(daemon: Daemon, count: int) -> Iterator[None]:
    """So many connections, made in a process of its own, on which nothing is ever sent; it ends with us."""
    command = [sys.executable, "-c", CROWD, str(daemon.port), str(count)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stdout.readline() == "there\n"
        yield
        process.stdin.close()


def _open(daemon: Daemon) -> int:
    """How many connections the daemon has."""
    return sum(each.status == psutil.CONN_ESTABLISHED for each in psutil.Process(daemon.process.pid).net_connections("tcp"))


def idle_connections(scene: Scene) -> None:
    """A thousand or ten thousand who connect and say nothing."""
    count = 10_000 if scene.long else 1000
    with scene.serving() as daemon:
        own = psutil.Process(daemon.process.pid)
        with scene.callers():
            before = memory_bytes(own.pid) or 0
            with scene.fault(asked=20), crowd(daemon, count):
                at_once, most = _open(daemon), memory_bytes(own.pid) or 0
                scene.wait(lambda: _open(daemon) < 50, "they stay for ever")
            scene.facts.append(f"{count} connections, {at_once} at once in the end, {(most - before) / 2**20:.0f} MB more")
            scene.expect(most - before < count * BYTES_EACH + (64 << 20), f"{(most - before) >> 20} MB more")
        scene.reckon()


def out_of_descriptors(scene: Scene) -> None:
    """The daemon may open a few dozen more, and several times as many come and say nothing; the limit stays."""
    with scene.serving() as daemon:
        own = psutil.Process(daemon.process.pid)
        with scene.callers():
            with scene.fault():
                most = own.num_fds() + ROOM
                own.rlimit(psutil.RLIMIT_NOFILE, (most, own.rlimit(psutil.RLIMIT_NOFILE)[1]))
                with crowd(daemon, 5 * ROOM):
                    scene.wait(lambda: any(EXHAUSTED in line for line in daemon.log()), "there are enough")
        scene.reckon()


def odd_requests(scene: Scene) -> None:
    """Many on connections of their own: each is answered as it must be, or closed, and the next one is served."""
    sent = ODD + SLOW if scene.long else ODD
    with scene.serving() as daemon:
        with scene.callers(), scene.fault(asked=10):
            with ThreadPoolExecutor(24) as pool:
                for odd, said in zip(sent, pool.map(partial(_say, scene), sent), strict=True):
                    scene.expect(odd.is_right(said), f"{odd.name} was answered {said[:200]!r}")
            scene.facts.append(f"{len(sent)} odd requests")
            scene.expect(wait_until(lambda: _open(daemon) < 10, PATIENCE_S), "a connection is left")
        scene.reckon()


def _say(scene: Scene, odd: Odd) -> bytes:
    """What a connection gives until it is closed."""
    said = b""
    with socket.create_connection((scene.daemon.host, scene.daemon.port), timeout=PATIENCE_S) as client:
        with suppress(ConnectionError):
            client.sendall(odd.data(scene.token("odd")))
        with suppress(ConnectionError):
            while data := client.recv(65_536):
                said += data
    return said
