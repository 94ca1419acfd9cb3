"""Ten thousand queued executions, and two hundred watchers of one.

    python -m tests.campaigns.load [QUEUED] [WATCHERS]

Prints how fast submissions are accepted, what the daemon weighs with all of them queued, how fast they are run beside what the
synchronous door does with the same code, and how late watchers hear of a line. Client and daemon share the machine.
"""

import json
import statistics
import sys
import tempfile
import threading
import time
from pathlib import Path

from tests.bench.client import Client, Load, open_client
from tests.bench.meter import memory_bytes
from tests.support.daemon import BASE, Daemon, running_daemon
from tests.support.executing import ASLEEP, Caller
from tests.support.stored import make_token, wait_until

SHORT = "console.log('Sum:', 5 + 3)"
CONFIG = "[queue]\nper_user = 1000000\nmost = 1000000\n"
AT_ONCE = 8
LINES = 200
WATCHED = (
    f"console.log('begun'); await new Promise(resolve => setTimeout(resolve, 3000));"
    f"for (let i = 0; i < {LINES}; i++) {{ console.log(Date.now()); await new Promise(resolve => setTimeout(resolve, 50)); }}"
)


def post(daemon: Daemon, token: str, path: str, seconds: float, in_flight: int, status: int = 200) -> Load:
    """Posts the short program again and again."""
    body = json.dumps({"code": SHORT}).encode()
    head = f"POST {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\nContent-Length: {len(body)}\r\n\r\n"
    return Load(daemon.host, daemon.port, head.encode() + body, {}, in_flight, seconds, status)


def weight(daemon: Daemon) -> str:
    """The daemon's own memory and that of its tree."""
    own = int(Path(f"/proc/{daemon.process.pid}/statm").read_text().split()[1]) * 4096
    return f"{own / 2**20:.0f} MB resident, {(memory_bytes(daemon.process.pid) or 0) / 2**20:.0f} MB PSS of the tree"


def queued(daemon: Daemon, client: Client, wanted: int) -> None:
    """Fills the queue behind sleepers, then lets it run empty."""
    sleepers = [Caller(daemon, make_token(daemon.data_dir, f"sleeper {number}")) for number in range(8)]
    asleep = [(each, each.submit(ASLEEP, execution_timeout_secs=300)) for each in sleepers for _ in range(8)]
    wait_until(lambda: daemon.request("GET", "/readyz").json["running"] >= 1)
    time.sleep(2)
    caller = Caller(daemon, make_token(daemon.data_dir, "queued"))
    print(f"before:        {weight(daemon)}")
    accepted, seconds = 0, 0.0
    while accepted < wanted:
        took = client.measure(post(daemon, caller.token, "/api/exec", 2, AT_ONCE, 202))
        assert not took.errors, took.errors
        accepted, seconds = accepted + len(took.latencies_ms), seconds + took.seconds
    print(f"accepted:      {accepted} at {accepted / seconds:.0f} a second, {AT_ONCE} at once")
    print(f"all queued:    {weight(daemon)}")
    last = caller.submit(SHORT)
    told = caller.get(last)
    print(f"the last one:  {told.get('waiting')}")
    begun = time.monotonic()
    for each, execution_id in asleep[::-1]:
        each.cancel(execution_id)
    while caller.get(last, wait=60)["completed_at"] is None:
        pass
    rate = accepted / (time.monotonic() - begun)
    print(f"drained:       {rate:.0f} a second; {weight(daemon)}")
    for in_flight in (4, AT_ONCE):
        took = client.measure(post(daemon, caller.token, f"{BASE}/execute", 10, in_flight))
        assert not took.errors, took.errors
        print(f"synchronous:   {len(took.latencies_ms) / took.seconds:.0f} a second, {in_flight} at once")


def watched(daemon: Daemon, watchers: int) -> None:
    """Many who watch one execution that prints twenty lines a second."""
    caller = Caller(daemon, make_token(daemon.data_dir, "watched"))
    execution_id = caller.submit(WATCHED, execution_timeout_secs=120)
    lags: list[float] = []
    whole: list[bool] = []

    def watch() -> None:
        lines, last = 0, ""
        for event in caller.events(execution_id):
            last = event.kind
            if event.kind == "log":
                now = time.time() * 1000
                printed = [int(line) for line in event.data["text"].split() if line.isdigit()]
                lines += len(printed)
                lags.extend(now - at for at in printed)
        whole.append((lines, last) == (LINES, "finished"))

    threads = [threading.Thread(target=watch) for _ in range(watchers)]
    for thread in threads:
        thread.start()
    time.sleep(2)
    print(f"watched:       {weight(daemon)} with {watchers} watchers")
    for thread in threads:
        thread.join()
    cuts = statistics.quantiles(lags, n=100)
    late = f"{cuts[49]:.0f} ms (median), {cuts[98]:.0f} ms (p99)"
    print(f"               {sum(whole)} of {watchers} saw all {LINES} lines and the end, late by {late}")


def main(wanted: int, watchers: int) -> None:
    """Both."""
    with tempfile.TemporaryDirectory() as name, open_client() as client:
        folder = Path(name)
        (folder / "c.toml").write_text(CONFIG)
        with running_daemon(folder / "data", "--config", str(folder / "c.toml")) as daemon:
            watched(daemon, watchers)
            queued(daemon, client, wanted)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000, int(sys.argv[2]) if len(sys.argv) > 2 else 200)
