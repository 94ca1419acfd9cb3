"""What a service manager gives the daemon, and hears of it: sockets (LISTEN_FDS) and messages (NOTIFY_SOCKET)."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO

import psutil
import pytest

from tests.support.daemon import SANDBOXD, Daemon
from tests.support.stored import make_token, wait_until

# As a service manager does it: the sockets become 3 and up, LISTEN_PID is the process that becomes the program.
START = """
import os, sys
given, program = [int(each) for each in sys.argv[1].split(",") if each], sys.argv[2:]
for number, descriptor in enumerate([os.dup2(each, 100 + at) for at, each in enumerate(given)]):
    os.dup2(descriptor, 3 + number)
os.closerange(3 + len(given), 200)
os.environ |= {"LISTEN_PID": os.environ.pop("PRETEND_PID", str(os.getpid()))}
os.execv(program[0], program)
"""


class Manager:
    """Starts daemons with sockets and listens to what they say."""

    def __init__(self, folder: Path, opened: ExitStack, abstract: bool) -> None:
        self.data, self._opened = folder / "data", opened
        name = f"\0sandboxd-test-{os.getpid()}-{time.monotonic_ns()}" if abstract else str(folder / "notify")
        self._heard = opened.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM))
        self._heard.bind(name)
        self._heard.settimeout(60)
        self.bind = "127.0.0.1:1"  # which no daemon of ours is meant to bind
        self._environment = {"NOTIFY_SOCKET": name.replace("\0", "@")}

    def listener(self, family: int = socket.AF_INET, host: str = "127.0.0.1") -> socket.socket:
        """A socket that listens, on a free port."""
        made = self._opened.enter_context(socket.socket(family, socket.SOCK_STREAM))
        made.bind((host, 0))
        made.listen(16)
        return made

    def start(self, *given: socket.socket | IO[bytes], **environment: str) -> subprocess.Popen[str]:
        """A daemon that is given these sockets; its log goes to a file beside its data."""
        config = self.data.with_suffix(".toml")
        config.write_text(f'doors = ["code-nodes"]\nbind = "{self.bind}"\n[metrics]\nbind = ""\n')
        serve = [*SANDBOXD, "serve", "--data-dir", str(self.data), "--config", str(config)]
        numbers = [each.fileno() for each in given]
        environment = self._environment | {"LISTEN_FDS": str(len(given))} | environment
        process = subprocess.Popen(
            [sys.executable, "-c", START, ",".join(map(str, numbers)), *serve],
            pass_fds=numbers,
            env=os.environ | environment,
            stderr=self._opened.enter_context(self.data.with_suffix(".log").open("w")),
            text=True,
        )
        self._opened.callback(_end, process)
        return process

    def hear(self, wanted: str) -> list[str]:
        """The lines of the first message that has this one."""
        while wanted not in (lines := self._heard.recv(4096).decode().split("\n")):
            pass
        return lines

    def log(self) -> str:
        """What the daemons wrote."""
        return self.data.with_suffix(".log").read_text()


def _end(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.wait()


def client_of(process: subprocess.Popen[str], listener: socket.socket, data: Path) -> Daemon:
    """A client by way of this socket."""
    host, port = listener.getsockname()[:2]
    return Daemon(process, f"http://{host}:{port}", data)


@contextmanager
def _managing(folder: Path, abstract: bool) -> Iterator[Manager]:
    with ExitStack() as opened:
        yield Manager(folder, opened, abstract)


@pytest.fixture(params=[False, True], ids=["path", "abstract"])
def manager(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Manager]:
    """A manager whose notify socket has a path, and one whose has none."""
    with _managing(tmp_path, request.param) as made:
        yield made


@pytest.fixture
def one(tmp_path: Path) -> Iterator[Manager]:
    """Any manager."""
    with _managing(tmp_path, True) as made:
        yield made


def test_it_tells_when_it_serves_and_when_it_stops(manager: Manager) -> None:
    """READY=1 comes when a request is answered, with a line of status; STOPPING=1 with the time it may take."""
    listener = manager.listener()
    process = manager.start(listener)
    port = listener.getsockname()[1]
    assert f"STATUS=serving code-nodes on http://127.0.0.1:{port}" in manager.hear("READY=1")
    assert client_of(process, listener, manager.data).request("GET", "/readyz").status == 200
    process.terminate()
    assert "EXTEND_TIMEOUT_USEC=20000000" in manager.hear("STOPPING=1")
    assert process.wait(30) == 0


def test_it_serves_what_it_is_given_and_binds_nothing(one: Manager) -> None:
    """Every socket is served; what connected before the daemon was there is answered; the log says what became of `bind`."""
    first, second = one.listener(), one.listener()
    with socket.create_connection(first.getsockname()) as early:
        early.sendall(b"GET /livez HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        process = one.start(first, second, LISTEN_FDNAMES="a:b")
        assert early.recv(100).startswith(b"HTTP/1.1 200")
    client = client_of(process, second, one.data)
    assert client.execute(make_token(one.data, "u"), "return 6 * 7").json["return_value"] == 42
    own = {each.laddr.port for each in psutil.Process(process.pid).net_connections() if each.status == psutil.CONN_LISTEN}
    assert own == {first.getsockname()[1], second.getsockname()[1]}
    assert '"bind": "127.0.0.1:1"' in one.log()
    assert '"bind is not used"' in one.log()


def test_a_restart_on_the_same_socket_refuses_nobody(one: Manager) -> None:
    """Who connects while no daemon runs waits, and is answered by the next."""
    listener = one.listener()
    process = one.start(listener)
    one.hear("READY=1")
    process.terminate()
    assert process.wait(30) == 0
    with socket.create_connection(listener.getsockname()) as waiting:
        waiting.sendall(b"GET /livez HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        one.start(listener)
        waiting.settimeout(60)
        assert waiting.recv(100).startswith(b"HTTP/1.1 200")


def test_nothing_of_it_reaches_launchers_and_workers(one: Manager) -> None:
    """They have none of the variables, none of the sockets, and no way to the manager."""
    listener = one.listener()
    process = one.start(listener)
    one.hear("READY=1")
    family = psutil.Process(process.pid).children(recursive=True)
    assert len(family) > 1
    kept = f"socket:[{os.fstat(listener.fileno()).st_ino}]"
    for each in family:
        environment = Path(f"/proc/{each.pid}/environ").read_bytes()
        assert [name for name in (b"LISTEN_", b"NOTIFY_SOCKET", b"WATCHDOG_") if name in environment] == []
        assert kept not in {str(path.readlink()) for path in Path(f"/proc/{each.pid}/fd").iterdir()}


def test_sockets_for_another_process_are_not_taken(one: Manager) -> None:
    """With another LISTEN_PID the daemon binds by itself, as it would without."""
    taken = one.listener()
    one.bind = f"127.0.0.1:{taken.getsockname()[1]}"
    assert one.start(one.listener(), PRETEND_PID="1").wait(60) == 2
    assert f"Cannot listen on {one.bind} (bind): Address already in use" in one.log()


def not_listening() -> socket.socket:
    """A TCP socket of which nothing was made."""
    return socket.socket()


def datagrams() -> socket.socket:
    """One that has no connections."""
    return socket.socket(type=socket.SOCK_DGRAM)


def unix() -> socket.socket:
    """One without a port."""
    return socket.socket(socket.AF_UNIX)


def no_socket() -> IO[bytes]:
    """A file."""
    return Path("/dev/null").open("rb")


@pytest.mark.parametrize(
    ("made", "words"),
    [
        (not_listening, "Descriptor 3 of LISTEN_FDS does not listen"),
        (datagrams, "Descriptor 3 of LISTEN_FDS is not a TCP socket"),
        (unix, "Descriptor 3 of LISTEN_FDS is not a TCP socket"),
        (no_socket, "Descriptor 3 of LISTEN_FDS is not a socket"),
    ],
)
def test_what_cannot_be_served_is_refused_by_name(
    one: Manager, made: Callable[[], socket.socket | IO[bytes]], words: str
) -> None:
    """The number of the descriptor and what is wrong with it; the end is exit 2."""
    with made() as given:
        process = one.start(given)
        assert process.wait(60) == 2
    assert words in one.log()
    assert "Traceback" not in one.log()


@pytest.mark.parametrize("count", ["0", "x", "", "-1"])
def test_a_count_that_is_none_is_refused(one: Manager, count: str) -> None:
    """LISTEN_FDS for us has to be a number of sockets."""
    process = one.start(LISTEN_FDS=count)
    assert process.wait(60) == 2
    assert "LISTEN_FDS must be how many sockets were given" in one.log()


def test_the_watchdog_is_fed(one: Manager) -> None:
    """As often as twice in its time, from the start on."""
    one.start(one.listener(), WATCHDOG_USEC="400000")
    one.hear("READY=1")
    assert [one.hear("WATCHDOG=1") for _ in range(3)] == [["WATCHDOG=1"]] * 3


def test_a_manager_that_is_gone_is_no_reason_not_to_serve(one: Manager) -> None:
    """What it cannot be told is logged."""
    listener = one.listener()
    process = one.start(listener, NOTIFY_SOCKET="/nonexistent/notify")
    client = client_of(process, listener, one.data)
    assert client.request("GET", "/livez").status == 200
    assert wait_until(lambda: "the service manager cannot be told" in one.log())
    process.terminate()
    assert process.wait(30) == 0
