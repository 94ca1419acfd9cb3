"""The benchmark measures what it says: its client, its meter, its own servers and its arithmetic. No figure is judged here."""

import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import msgspec
import pytest
from msgspec import Raw

from tests.bench.claims import claims
from tests.bench.client import Client, Load, Measured, open_client
from tests.bench.http1 import Answers
from tests.bench.meter import Peak, cpu_ms, settled_cpu_ms
from tests.bench.plot import plot
from tests.bench.report import report
from tests.bench.results import Memory, Results, Row, Sample, row_of
from tests.bench.rounds import asked, bare_node_ms, sample, simplest
from tests.bench.servers import KINDS, Server
from tests.bench.workloads import WORKLOADS

WITHOUT_NPM = [name for name, kind in KINDS.items() if kind.usual and not kind.npm]


@pytest.fixture(scope="module")
def client() -> Iterator[Client]:
    """The client's process."""
    with open_client() as client:
        yield client


@pytest.fixture(scope="module", params=WITHOUT_NPM)
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Each server that needs nothing from npm."""
    with KINDS[request.param].open(request.param, tmp_path_factory.mktemp(request.param), Path("none")) as server:
        yield server


# ------------------------------------------------------------------ servers


def test_every_workload_is_answered_rightly(client: Client, server: Server) -> None:
    """Each server gives the one right answer to each workload that it is asked."""
    for name in WORKLOADS:
        if (workload := asked(server, name)) is not None:
            measured = client.measure(server.load(workload, 2, 0))
            assert (measured.errors, len(measured.latencies_ms)) == ({}, 2), (server.name, name)


def test_requests_follow_each_other(client: Client, server: Server) -> None:
    """A connection is used again until the time is over."""
    seconds, measured = 0.2, Measured([], {}, 0, 0)
    while len(measured.latencies_ms) < 2 and seconds < 60:  # however slow the machine is
        seconds *= 2
        measured = client.measure(server.load(simplest(server), 1, seconds))
    assert measured.errors == {}
    assert len(measured.latencies_ms) >= 2
    assert measured.seconds >= seconds


def test_an_execution_costs_cpu_and_memory(client: Client, server: Server) -> None:
    """A server's tree is seen to work and to be there."""
    watch = Peak(server.pid)
    assert sample(client, server, simplest(server), 4, 2).cpu_ms > 0
    watch.look()
    assert watch.bytes is None or watch.bytes > 1 << 20


def test_a_bare_node_times_the_body() -> None:
    """The reference of W4 is a Node's own clock around the same code, whose result is checked."""
    assert bare_node_ms(WORKLOADS["W4"]) > 1


# ------------------------------------------------------------------ client


def test_a_wrong_answer_is_an_error(client: Client, server: Server) -> None:
    """What was not asked for is counted by what is wrong with it, and its time is not."""
    load = server.load(simplest(server), 3, 0)
    load.right[server.fields[1]] = Raw(b'["something else"]')
    measured = client.measure(load)
    assert measured.errors == {f"wrong {server.fields[1]}": 3}
    assert measured.latencies_ms == []


def answering(*answers: bytes) -> int:
    """The port of a server that gives each connection the next of `answers` and closes it."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        with listener:
            for answer in answers:
                connection, _ = listener.accept()
                with connection:
                    connection.recv(1 << 16)
                    connection.sendall(answer)

    threading.Thread(target=serve, daemon=True).start()
    port: int = listener.getsockname()[1]
    return port


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 2\r\n\r\n{}", "HTTP 503"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]", "not an answer"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", "not an answer"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{}", "connection lost"),
        (b"", "connection lost"),
    ],
)
def test_what_is_no_answer_is_an_error(client: Client, answer: bytes, error: str) -> None:
    """Refusals, other JSON and connections that break are counted apart."""
    measured = client.measure(Load("127.0.0.1", answering(answer), b"POST", {"results": Raw(b"{}")}, 1, 0))
    assert measured.errors == {error: 1}


def test_a_server_that_is_gone_is_an_error(client: Client) -> None:
    """Where nobody listens each connection is an error, and the client goes on to live."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    assert client.measure(Load("127.0.0.1", port, b"POST", {}, 2, 0)).errors == {"no connection": 2}


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nabcde",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\nConnection: close\r\n\r\n2\r\nab\r\n3;x=y\r\ncde\r\n0\r\n\r\n",
    ],
)
def test_an_answer_may_come_byte_by_byte(answer: bytes) -> None:
    """It is whole with its last byte, and not before."""
    answers = Answers()
    *before, last = (answers.feed(bytes([byte])) for byte in answer)
    assert set(before) == {None}
    assert last == (200, b"abcde", True)


def test_an_empty_answer_in_chunks_is_whole() -> None:
    """The last chunk may be the only one; the next answer on the connection begins anew."""
    answers = Answers()
    for _ in range(2):
        assert answers.feed(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n") == (200, b"", False)


# ------------------------------------------------------------------ meter

BURN = """
import subprocess, sys, time
burn = "import time\\nwhile time.process_time() < 0.4: pass"
subprocess.run([sys.executable, "-c", burn], check=True)
kept = bytearray(b"x" * (64 << 20))
print(flush=True)
sys.stdin.read()
"""


def test_the_meter_sees_the_dead_and_the_living() -> None:
    """CPU of a child that was waited for counts, and memory is what is held now."""
    with subprocess.Popen([sys.executable, "-c", BURN], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        assert cpu_ms(process.pid) >= 380  # ticks are cut off
        assert settled_cpu_ms(process.pid) >= 380
        assert (Peak(process.pid).bytes or 0) >= 64 << 20
        process.kill()


# ------------------------------------------------------------------ arithmetic


def row(server: str, workload: str = "W1", in_flight: int = 8, per_s: float = 100, p50_ms: float = 10) -> Row:
    return Row(server, workload, in_flight, per_s, p50_ms, p50_ms * 2, 4.0, 0.05, 300, {})


def results(*rows: Row, node_fib_ms: float | None = None) -> Results:
    memory = {row.server: Memory(10 << 20, None) for row in rows}
    return Results({"cpus": 2}, {"rounds": 3}, list(rows), memory, node_fib_ms)


def test_rounds_become_medians() -> None:
    """Rates, p50 and CPU are the middle round's; p99 is over all answers; errors add up and cost CPU too."""
    samples = [
        Sample(Measured([1.0, 2.0, 3.0], {}, 1.0, 0.3), 30.0),
        Sample(Measured([4.0, 5.0, 6.0], {"HTTP 503": 3}, 1.0, 0.6), 30.0),
        Sample(Measured([70.0], {}, 1.0, 0.1), 30.0),
    ]
    assert row_of("x", "W1", 8, samples) == Row("x", "W1", 8, 3.0, 5.0, 70.0, 10.0, 0.1, 7, {"HTTP 503": 3})


def test_a_server_that_answers_nothing_has_a_row_and_no_ratio() -> None:
    """Its errors are shown, and nothing is compared with it."""
    silent = row_of("node", "W1", 8, [Sample(Measured([], {"no connection": 8}, 0.0, 0.1), 0.0)])
    found = results(row("sandboxd"), silent)
    assert "8 no connection" in report(found)
    assert not any("node -e" in claim.what for claim in claims(found))


@pytest.mark.parametrize(("per_s", "holds"), [(799, False), (800, True)])
def test_a_gate_holds_from_its_bound_on(per_s: float, holds: bool) -> None:
    """Eight times `node -e` is the least, not the most."""
    found = claims(results(row("sandboxd", per_s=per_s), row("node", per_s=100)))
    assert [claim.holds for claim in found if claim.gate] == [holds]


@pytest.mark.parametrize(("p50_ms", "holds"), [(5.0, True), (5.1, False)])
def test_latency_is_held_against_the_bare_front(p50_ms: float, holds: bool) -> None:
    """Three bare POSTs and 2 ms."""
    found = claims(results(row("sandboxd", in_flight=1, p50_ms=p50_ms), row("bare", in_flight=1, p50_ms=1)))
    assert [claim.holds for claim in found] == [holds]


@pytest.mark.parametrize(("p50_ms", "holds"), [(109.0, True), (111.0, False)])
def test_computing_is_held_against_a_bare_node(p50_ms: float, holds: bool) -> None:
    """W4 within 10 %."""
    found = claims(results(row("sandboxd", "W4", 1, p50_ms=p50_ms), node_fib_ms=100))
    assert [claim.holds for claim in found] == [holds]


def test_the_report_names_every_server_and_ratio() -> None:
    """A line for each, with how many times the peers' executions a second."""
    text = report(results(row("sandboxd", per_s=500), row("node", per_s=50), row("workerd", per_s=250)))
    line = next(line for line in text.splitlines() if line.startswith("  sandboxd ") and "500.0" in line)
    assert "10.00" in line
    assert "2.00" in line


def test_the_plot_is_a_picture_of_every_server() -> None:
    """Well-formed SVG, in which each server has its bar."""
    drawn = ElementTree.fromstring(plot(results(row("sandboxd"), row("node"), row("isolated-vm"))))
    texts = {element.text for element in drawn.iter("{http://www.w3.org/2000/svg}text")}
    assert {"sandboxd", "node", "isolated-vm"} <= texts


def test_results_can_be_written_and_read() -> None:
    """The JSON file is the results."""
    found = results(row("sandboxd"), node_fib_ms=80)
    assert msgspec.json.decode(msgspec.json.encode(found), type=Results) == found
