"""The measuring itself: all servers up at once, each workload on each of them in turn, round after round."""

import json
import os
import platform
import statistics
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from sandboxd.pool.runtime import find_node
from tests.bench.client import Client, open_client
from tests.bench.install import install
from tests.bench.meter import Peak, cpu_ms, memory_bytes, settled_cpu_ms
from tests.bench.results import Memory, Results, Sample, row_of
from tests.bench.servers import KINDS, Server
from tests.bench.workloads import BARE, WORKLOADS, Workload

IN_FLIGHT = {"W1": (1, 8, 64), "W2": (1, 8), "W3": (1, 8), "W4": (1, 8), "W5": (1, 8)}
FRONTS = ("bare", "direct")
WARM_S = 0.5
FIBS = 5
CELLS = [(workload, in_flight) for workload, counts in IN_FLIGHT.items() for in_flight in counts]

Samples = dict[tuple[str, str, int], list[Sample]]
"""By server, workload and requests in flight."""


def simplest(server: Server) -> Workload:
    """The least that a server can be asked."""
    return BARE if server.name in FRONTS else WORKLOADS["W1"]


def asked(server: Server, workload: str) -> Workload | None:
    """What a server is asked for a workload; the bare front has only one question."""
    if workload == "W1":
        return simplest(server)
    return None if server.name in FRONTS else WORKLOADS[workload]


def sample(client: Client, server: Server, workload: Workload, in_flight: int, seconds: float) -> Sample:
    """One load, and the CPU of the server from before it until all is quiet after it."""
    before = cpu_ms(server.pid)
    measured = client.measure(server.load(workload, in_flight, seconds))
    return Sample(measured, settled_cpu_ms(server.pid) - before)


def bare_node_ms(workload: Workload) -> float:
    """How long a body takes in a bare Node, by that Node's own clock: no start, no HTTP, no jail."""
    code = f"""const results = {{}}, begun = performance.now();
(async () => {{{workload.code}
}})().then(() => console.log(JSON.stringify({{ results, ms: performance.now() - begun }})));"""
    done = subprocess.run([find_node().path, "-e", code], env={}, capture_output=True, check=True)
    said = json.loads(done.stdout)
    assert said["results"] == workload.results, said
    return float(said["ms"])


def machine() -> dict[str, object]:
    """Where it was measured: absolute figures mean nothing elsewhere."""
    return {
        "date": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "cpus": os.cpu_count(),
        "kernel": platform.release(),
        "python": platform.python_version(),
        "node": find_node().version,
        "load_before": os.getloadavg()[0],
    }


def measure(names: Sequence[str], rounds: int, seconds: float, folder: Path) -> Results:
    """All of it. `folder` keeps the peers' packages, and what the servers write."""
    about = machine()
    packages = install(folder / "peers") if any(KINDS[name].npm for name in names) else folder
    with open_client() as client, open_servers(names, folder / "run", packages) as servers:
        idle = {server.name: idle_bytes(client, server) for server in servers}
        warm_up(client, servers)
        fibs: list[float] = []
        samples: Samples = defaultdict(list)
        for number in range(rounds):
            print(f"round {number + 1} of {rounds}", file=sys.stderr)
            fibs += [bare_node_ms(WORKLOADS["W4"]) for _ in range(FIBS)]
            take_turns(client, servers[:: -1 if number % 2 else 1], seconds, samples)
        memory = {server.name: Memory(idle[server.name], peak_bytes(client, server, seconds)) for server in servers}
    rows = [row_of(*key, found) for key, found in samples.items()]
    return Results(about, {"rounds": rounds, "seconds": seconds}, rows, memory, statistics.median(fibs) if fibs else None)


@contextmanager
def open_servers(names: Sequence[str], folder: Path, packages: Path) -> Iterator[list[Server]]:
    """All of them, each with a folder of its own."""
    with ExitStack() as stack:
        servers = []
        for name in names:
            (folder / name).mkdir(parents=True)
            servers.append(stack.enter_context(KINDS[name].open(name, folder / name, packages)))
        yield servers


def idle_bytes(client: Client, server: Server) -> int | None:
    """Memory after the first answer."""
    sample(client, server, simplest(server), 1, 0)
    return memory_bytes(server.pid)


def warm_up(client: Client, servers: Sequence[Server]) -> None:
    """Every workload on every server, unmeasured: compilers, caches and pools are then where they stay."""
    for server in servers:
        for workload in WORKLOADS:
            if (what := asked(server, workload)) is not None:
                client.measure(server.load(what, 8, WARM_S))


def take_turns(client: Client, servers: Sequence[Server], seconds: float, samples: Samples) -> None:
    """One round. The caller turns the order of the servers around, so that a drift of the machine's speed meets all."""
    for workload, in_flight in CELLS:
        for server in servers:
            if (what := asked(server, workload)) is not None:
                samples[server.name, workload, in_flight].append(sample(client, server, what, in_flight, seconds))


def peak_bytes(client: Client, server: Server, seconds: float) -> int | None:
    """The highest memory under load: in a turn of its own, because looking costs time."""
    watch = Peak(server.pid)
    client.measure(server.load(simplest(server), 8, seconds), watch.look)
    return watch.bytes
