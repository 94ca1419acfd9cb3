"""The benchmark's client: it keeps requests in flight on connections that stay open, and checks every answer.

It is a process of its own (`python -m tests.bench.client`) so that it shares no interpreter with anything: a line of JSON in
is a Load, a line of JSON out what was measured. One thread and one epoll; its own cost is measured with the rest.
"""

import gc
import select
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import msgspec
from msgspec import Raw, Struct

from tests.bench.http1 import Answer, Answers

PATIENCE_S = 60
CHUNK = 1 << 18
LOST = Answer(0, b"", last=True)
"""Stands for the answer that a broken connection does not give."""


class Load(Struct):
    """What to send to whom, how many at a time and for how long. `results` and `logs` are the right ones, by field."""

    host: str
    port: int
    request: bytes
    right: dict[str, Raw]
    in_flight: int
    seconds: float
    status: int = 200


class Measured(Struct):
    """What came of it. `seconds` is until the last answer; `latencies_ms` are those of right answers only."""

    latencies_ms: list[float]
    errors: dict[str, int]
    seconds: float
    client_cpu_ms: float


class Connection:
    """One connection with one request under way."""

    def __init__(self, load: Load) -> None:
        self._request = load.request
        self.socket = socket.create_connection((load.host, load.port), PATIENCE_S)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._answers = Answers()
        self.begun = 0.0

    def send(self) -> None:
        """The next request: less than a kernel buffer, so that it never waits."""
        self.begun = time.perf_counter()
        self.socket.sendall(self._request)

    def receive(self) -> Answer | None:
        """What has arrived, if it is whole."""
        try:
            data = self.socket.recv(CHUNK)
        except OSError:
            return LOST
        return self._answers.feed(data) if data else LOST


class Crowd:
    """The connections of one load. Each sends its next request as soon as an answer is whole, which is checked after that."""

    def __init__(self, load: Load) -> None:
        self._load, self._poll = load, select.epoll()
        self._open: dict[int, Connection] = {}
        self.errors: Counter[str] = Counter()
        self.latencies_ms: list[float] = []

    def run(self) -> float:
        """Seconds from the first request to the last answer."""
        begun = ended = time.perf_counter()
        deadline = begun + self._load.seconds
        for _ in range(self._load.in_flight):
            self._join()
        while self._open:
            if not (ready := self._poll.poll(PATIENCE_S)):
                self.errors["no answer"] += len(self._open)
                break
            for number, _ in ready:
                connection = self._open[number]
                if (answer := connection.receive()) is None:
                    continue
                ended, asked = time.perf_counter(), connection.begun
                if answer.last or ended >= deadline:
                    self._leave(connection)
                    if ended < deadline:
                        self._join()
                else:
                    connection.send()
                self._judge(answer, (ended - asked) * 1000)
        for connection in list(self._open.values()):
            self._leave(connection)
        self._poll.close()
        return ended - begun

    def _join(self) -> None:
        try:
            connection = Connection(self._load)
        except OSError:
            self.errors["no connection"] += 1
            return
        self._open[connection.socket.fileno()] = connection
        self._poll.register(connection.socket, select.EPOLLIN)
        connection.send()

    def _leave(self, connection: Connection) -> None:
        del self._open[connection.socket.fileno()]
        connection.socket.close()

    def _judge(self, answer: Answer, took_ms: float) -> None:
        if wrong := mistake(answer, self._load.right, self._load.status):
            self.errors[wrong] += 1
        else:
            self.latencies_ms.append(took_ms)


def mistake(answer: Answer, right: dict[str, Raw], status: int = 200) -> str | None:
    """What is wrong with an answer. Bytes are compared first: decoding a large answer is dearer than receiving it."""
    if answer.status != status:
        return "connection lost" if answer is LOST else f"HTTP {answer.status}"
    try:
        fields = msgspec.json.decode(answer.body, type=dict[str, Raw])
        for name, value in right.items():
            given = fields[name]
            if bytes(given) != bytes(value) and msgspec.json.decode(given) != msgspec.json.decode(value):
                return f"wrong {name}"
    except (msgspec.MsgspecError, KeyError):
        return "not an answer"
    return None


def run(load: Load) -> Measured:
    """Measures one load; garbage is collected before it, not during it."""
    crowd = Crowd(load)
    gc.collect()
    gc.disable()
    cpu = time.process_time()
    seconds = crowd.run()
    cpu = time.process_time() - cpu
    gc.enable()
    return Measured(crowd.latencies_ms, dict(crowd.errors), seconds, cpu * 1000)


class Client:
    """The client's process, seen from the benchmark."""

    def __init__(self, process: "subprocess.Popen[bytes]") -> None:
        self._process = process

    def measure(self, load: Load, meanwhile: Callable[[], None] | None = None) -> Measured:
        """One load. `meanwhile` is called again and again until it is over."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(msgspec.json.encode(load) + b"\n")
        self._process.stdin.flush()
        while meanwhile is not None and not select.select([self._process.stdout], [], [], 0.05)[0]:
            meanwhile()
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"the client ended with {self._process.wait()}")
        return msgspec.json.decode(line, type=Measured)


@contextmanager
def open_client() -> Iterator[Client]:
    """A client's process; it ends with the block."""
    command = [sys.executable, "-m", "tests.bench.client"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        try:
            yield Client(process)
        finally:
            process.kill()


def main() -> None:
    """Loads in, measurements out, until the input ends."""
    for line in sys.stdin.buffer:
        sys.stdout.buffer.write(msgspec.json.encode(run(msgspec.json.decode(line, type=Load))) + b"\n")
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
