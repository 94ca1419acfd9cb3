"""What fetches through the broker cost, and what bad upstreams do to it.

    python -m tests.bench.fetching [EXECUTIONS]

First the latency of one call: small answers asked for one after the other by one execution, and by Node itself without a jail.
Then 20 fetches by each of EXECUTIONS (50) at the same time, over ten users, against upstreams that are good, slow, broken,
endless and dead, in rounds; beside them another user runs code that fetches nothing. In the round to compare with, the 50 wait
as long and fetch nothing either. The daemon has a slot for each and shares the machine with its workers, the upstreams and the
clients. Memory is the resident size of the daemon's own process.
"""

import json
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import psutil
import trio

from sandboxd.pool.runtime import find_node
from tests.support.daemon import Daemon, running_daemon
from tests.support.engines import percentile
from tests.support.stored import make_token
from tests.support.upstream import Raw, Seen, endless, hang, open_upstream, response

USERS, CALLS, ROUNDS = 10, 20, 4
KINDS = ["good", "slow", "broken", "endless", "away", "good", "slow", "broken", "away", "dead"]
MB = 1 << 20


async def slow(_: Seen, stream: Raw) -> None:
    """A second and a half for a few bytes."""
    for part in (b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\nConnection: close\r\n", b"\r\n", b"slow"):
        await trio.sleep(0.5)
        await stream.send_all(part)


async def broken(_: Seen, stream: Raw) -> None:
    """Promises more than it gives."""
    await stream.send_all(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nand no more")


ROUTES = {
    "/good": response(b"good"),
    "/slow": slow,
    "/broken": broken,
    "/endless": endless,
    "/away": response(b"", "Location: http://10.0.0.1/", status="302 Found"),
    "/dead": hang,
}
TIMED = """
const times = [];
for (let n = 0; n < 60; n++) {
  const begun = performance.now();
  await (await fetch('URL')).text();
  times.push(performance.now() - begun);
}
"""
WAIT = "await new Promise((r) => setTimeout(r, 12_000)); return ['waited']"
MANY = """
const kinds = KINDS;
return Promise.all(Array.from({ length: CALLS }, async (_, n) => {
  const kind = kinds[n % kinds.length];
  try { return `${kind}: ${(await (await fetch(`BASE/${kind}`)).text()).length} characters` }
  catch (e) { return `${kind}: ${e.message}` }
}));
"""


def milliseconds(values: list[float]) -> str:
    """Median, 90th percentile and the worst."""
    return f"p50 {statistics.median(values):.2f} ms, p90 {percentile(values, 0.9):.2f}, at most {max(values):.2f}"


def latency(daemon: Daemon, url: str) -> None:
    """One call after the other, in a worker and in a plain Node."""
    code = TIMED.replace("URL", f"{url}/good")
    told = daemon.execute(make_token(daemon.data_dir, "timed"), code + "return times", timeout_ms=30_000).json["return_value"]
    node = [find_node("").path, "-e", f"(async () => {{ {code} console.log(JSON.stringify(times)) }})()"]
    theirs = json.loads(subprocess.run(node, capture_output=True, check=True, timeout=60).stdout)
    for who, times in (("through the broker", told), ("Node's own fetch", theirs)):
        print(f"  {who:20} {milliseconds(times[5:])}, the first {times[0]:.1f} ms")


class Watch:
    """Samples something until it is left."""

    def __init__(self, sample: Callable[[], float], every_s: float) -> None:
        self.values: list[float] = []
        self._sample, self._every_s, self._stop = sample, every_s, threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def _run(self) -> None:
        while not self._stop.wait(self._every_s):
            self.values.append(self._sample())

    def __enter__(self) -> "Watch":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()


def flood(daemon: Daemon, code: str, executions: int) -> tuple[Counter[str], float]:
    """All of them at once: what became of each call, and how many seconds it took."""
    tokens = [make_token(daemon.data_dir, f"user {n}") for n in range(USERS)]

    def one(n: int) -> Any:
        return daemon.execute(tokens[n % USERS], code, timeout_ms=30_000).json

    begun = time.perf_counter()
    with ThreadPoolExecutor(executions) as threads:
        told = list(threads.map(one, range(executions)))
    became = Counter(call for each in told for call in each.get("return_value") or [])
    became.update(f"execution: {each.get('status', 'none')} {each['error'] or ''}" for each in told)
    return became, time.perf_counter() - begun


def main(executions: int) -> None:
    """Measures and prints."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        (folder / "c.toml").write_text(f"[pool]\nrunning = {executions + 2}\nrunning_per_user = {executions}\n")
        url = stack.enter_context(upstream_process())
        daemon = stack.enter_context(running_daemon(folder / "data", "--config", str(folder / "c.toml")))
        print("one call")
        latency(daemon, url)
        bystander = make_token(daemon.data_dir, "bystander")
        process = psutil.Process(daemon.process.pid)

        def beside() -> float:
            begun = time.perf_counter()
            assert daemon.execute(bystander, "return 1 + 1").json["return_value"] == 2
            return (time.perf_counter() - begun) * 1000

        for _ in range(20):
            beside()
        with Watch(beside, 0.05) as alone:
            time.sleep(5)
        print(f"another user's executions, alone: {milliseconds(alone.values)} ({len(alone.values)})")
        many = MANY.replace("KINDS", json.dumps(KINDS)).replace("CALLS", str(CALLS)).replace("BASE", url)
        for name, code in [("to compare", WAIT), *((f"round {n + 1}", many) for n in range(ROUNDS))]:
            before = process.memory_info().rss
            with Watch(lambda: process.memory_info().rss, 0.05) as memory, Watch(beside, 0.05) as meanwhile:
                became, took = flood(daemon, code, executions)
            print(f"{name}: {executions} executions in {took:.1f} s")
            for what, count in sorted(became.items()):
                print(f"  {count:5} {what}")
            after = process.memory_info().rss
            print(f"  daemon: {before / MB:.0f} MB before, at most {max(memory.values) / MB:.0f}, {after / MB:.0f} after")
            print(f"  another user's executions: {milliseconds(meanwhile.values)} ({len(meanwhile.values)})")


@contextmanager
def upstream_process() -> Iterator[str]:
    """The upstreams, in a process of their own; its origin."""
    command = [sys.executable, "-m", "tests.bench.fetching", "upstream"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield process.stdout.readline().strip()
        process.kill()


async def serve_upstream() -> None:
    """Serves until it is killed."""
    async with open_upstream(ROUTES) as upstream:
        print(upstream.url, flush=True)
        await trio.sleep_forever()


if __name__ == "__main__":
    if sys.argv[1:] == ["upstream"]:
        trio.run(serve_upstream)
    else:
        main(int(sys.argv[1]) if len(sys.argv) > 1 else 50)
