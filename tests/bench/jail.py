"""What the jail costs per worker start: with and without, in turns, in one run on one machine.

    python -m tests.bench.jail [ROUNDS]

Without means what no policy can ask for: the same Node and harness, no walls. Wall time is from the request to `ready`, CPU the
worker's own from its fork to its end, and the launcher's. Medians, and the median of the differences of each pair.
"""

import statistics
import sys
import time

import msgspec
import psutil
import trio

from sandboxd.config import Settings
from sandboxd.executions.engine import most, read_policy
from sandboxd.pool.execserver import ExecServer, open_execserver
from sandboxd.pool.launching import Plan
from sandboxd.pool.runtime import find_node, plan

Cost = tuple[float, float]


async def start(server: ExecServer) -> Cost:
    """One worker, from nothing to `ready` and away again: wall and CPU milliseconds."""
    begun = time.perf_counter()
    worker = await server.spawn()
    wall = (time.perf_counter() - begun) * 1000
    return wall, (await worker.end()).cpu_us / 1000


def launcher_cpu() -> dict[int, float]:
    """CPU milliseconds of each launcher so far."""
    return {child.pid: sum(child.cpu_times()[:2]) * 1000 for child in psutil.Process().children()}


async def measure(rounds: int) -> None:
    """Measures in turns, so that a drift of the machine's speed meets both."""
    profile = read_policy(Settings()).profiles["code-nodes"]
    jailed = plan(find_node(), profile, most(profile), start_timeout_ms=30_000)
    plans: dict[str, Plan] = {"without": msgspec.structs.replace(jailed, walls=None), "with": jailed}
    costs: dict[str, list[Cost]] = {name: [] for name in plans}
    async with open_execserver(plans["without"]) as without, open_execserver(plans["with"]) as walled:
        for server in (without, walled):
            await start(server)
        before = launcher_cpu()
        for turn in range(rounds):
            for name, server in [("without", without), ("with", walled)][:: 1 if turn % 2 else -1]:
                costs[name].append(await start(server))
        used = [(after - before[pid]) / rounds for pid, after in launcher_cpu().items()]
    for name, launcher in zip(plans, used, strict=True):
        wall, cpu = (statistics.median(column) for column in zip(*costs[name], strict=True))
        print(f"{name:8} wall {wall:5.1f} ms, CPU {cpu:5.1f} ms, launcher {launcher:4.1f} ms")
    for what, at in (("wall", 0), ("CPU", 1)):
        pairs = [b[at] - a[at] for a, b in zip(costs["without"], costs["with"], strict=True)]
        print(f"the jail costs {statistics.median(pairs):+.1f} ms {what}")


if __name__ == "__main__":
    trio.run(measure, *(int(argument) for argument in sys.argv[1:2] or ["60"]))
