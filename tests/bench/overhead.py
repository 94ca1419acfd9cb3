"""What one execution costs, against a plain `node -e` per request, in one run on one machine.

    make bench            (or: python -m tests.bench.overhead [CALLS])

Prints medians and ratios; absolute times say more about the machine than about the program.
"""

import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from sandboxd.pool.runtime import find_node
from tests.support.daemon import Daemon, running_daemon

CALLERS = 8
SNIPPET = "const x = 5 + 3; results.sum = x; console.log('Sum:', x)"


def node_per_request() -> None:
    """What people write first: a fresh Node for each request, by its command line."""
    code = f"const results = {{}}; {SNIPPET}; console.log(JSON.stringify(results))"
    subprocess.run([find_node().path, "-e", code], check=True, capture_output=True)


def caller(daemon: Daemon, token: str) -> Callable[[], None]:
    """One call of the daemon over HTTP, a connection each."""

    def call() -> None:
        answer = daemon.execute(token, SNIPPET)
        assert answer.json["return_value"] == {"sum": 8}, answer.body

    return call


def timed(call: Callable[[], None]) -> float:
    """Milliseconds of one call."""
    begun = time.perf_counter()
    call()
    return (time.perf_counter() - begun) * 1000


def latency(call: Callable[[], None], calls: int, pause_s: float) -> list[float]:
    """Sorted times of calls one after the other, with a pause in which the pool refills."""
    times = []
    for _ in range(calls):
        times.append(timed(call))
        time.sleep(pause_s)
    return sorted(times)


def throughput(call: Callable[[], None], calls: int) -> float:
    """Calls per second with CALLERS at once."""
    with ThreadPoolExecutor(CALLERS) as executor:
        begun = time.perf_counter()
        list(executor.map(lambda _: call(), range(calls)))
        return calls / (time.perf_counter() - begun)


def main(calls: int = 200) -> None:
    """Measures in turns, so that a drift of the machine's speed meets both."""
    with tempfile.TemporaryDirectory() as folder, running_daemon(Path(folder) / "data") as daemon:
        call = caller(daemon, daemon.token("bench", "service"))
        call()
        ours = latency(call, calls // 4, 0.1)
        theirs = latency(node_per_request, calls // 4, 0.0)
        rates = [(throughput(call, calls), throughput(node_per_request, calls)) for _ in range(3)]
    p50, p99 = statistics.median(ours), ours[int(len(ours) * 0.99)]
    peer = statistics.median(theirs)
    mine, other = (statistics.median(column) for column in zip(*rates, strict=True))
    print(f"one caller, worker ready: p50 {p50:.1f} ms, p99 {p99:.1f} ms; node -e p50 {peer:.1f} ms: ratio {p50 / peer:.2f}")
    print(f"{CALLERS} callers: {mine:.0f}/s; node -e {other:.0f}/s: ratio {mine / other:.2f}")


if __name__ == "__main__":
    main(*(int(argument) for argument in sys.argv[1:2]))
