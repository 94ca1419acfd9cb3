"""Many callers for a while, and what is left of them: `python -m tests.bench.soak [SECONDS] [CALLERS]`.

The real daemon with token, quota, jail and record; W1 without a pause. Prints memory, processes and descriptors of the daemon
before the load, during it and after it, how long the first answer took after the start, and what is left after a stop.
"""

import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import psutil

from tests.bench.client import open_client
from tests.bench.meter import family, memory_bytes
from tests.bench.servers import Server, sandboxd
from tests.bench.workloads import WORKLOADS

CALM_S = 15
"""Longer than the pool remembers a load, so that surplus workers are gone."""
SLICES = 6


def left(server: Server) -> str:
    """Memory of the tree, its processes, and the daemon's descriptors."""
    memory = memory_bytes(server.pid) or 0
    processes, descriptors = len(list(family(server.pid))), psutil.Process(server.pid).num_fds()
    return f"{memory / 2**20:6.1f} MB PSS, {processes:3} processes, {descriptors:3} descriptors"


def soak(seconds: float, callers: int, tell: Callable[[str], None]) -> int:
    """Tells what it sees; the number of wrong answers."""
    workload, wrong, begun = WORKLOADS["W1"], 0, time.monotonic()
    with tempfile.TemporaryDirectory() as folder, open_client() as client:
        with sandboxd("sandboxd", Path(folder), Path(folder)) as server:
            client.measure(server.load(workload, 1, 0.001))
            tell(f"first answer after   {time.monotonic() - begun:.2f} s, with the start of the client and of a token")
            client.measure(server.load(workload, callers, 2))
            time.sleep(CALM_S)
            tell(f"before               {left(server)}")
            for _ in range(SLICES):
                measured = client.measure(server.load(workload, callers, seconds / SLICES))
                done = len(measured.latencies_ms)
                wrong += sum(measured.errors.values())
                tell(f"{done / measured.seconds:5.0f}/s, {measured.errors or 'no error'} {left(server)}")
            time.sleep(CALM_S)
            tell(f"after                {left(server)}")
            pids = [process.pid for process in family(server.pid)]
        tell(f"after the stop       {sum(psutil.pid_exists(pid) for pid in pids)} of {len(pids)} processes")
        records = sum(path.stat().st_size for path in Path(folder, "data").iterdir())
        tell(f"on disk              {records / 2**20:.1f} MB of records")
    return wrong


def main() -> int:
    """See above. 1 when an answer was wrong."""
    seconds, callers, *_ = [*sys.argv[1:], *("60", "64")[len(sys.argv) - 1 :]]
    return int(soak(float(seconds), int(callers), print) > 0)


if __name__ == "__main__":
    sys.exit(main())
