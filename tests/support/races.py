"""Races of a cancel against the end of an execution."""

import collections
import random
import threading
import time
from typing import Final

import psutil

from tests.support.executing import Caller
from tests.support.processes import workers

BUSY_S: Final = 0.1
RACE_MS: Final = 30
"""How long the code runs before it ends by itself; the cancel comes at any time around that."""


class Raced:
    """What came of some races: how each ended, and how long each worker outlived its cancel."""

    def __init__(self) -> None:
        self.ends: collections.Counter[str] = collections.Counter()
        self.problems: list[str] = []


def race(caller: Caller, raced: Raced, chance: random.Random) -> None:
    """One: everything that can be seen of it must tell of the same end."""
    code = f"console.log('begun'); await new Promise(resolve => setTimeout(resolve, {RACE_MS})); 'end'"
    execution_id = caller.submit(code)
    seen: list[str] = []
    watcher = threading.Thread(
        target=lambda: seen.extend(e.data["status"] for e in caller.events(execution_id) if e.kind == "finished")
    )
    watcher.start()
    time.sleep(chance.uniform(0, 4 * RACE_MS / 1000))
    answers = [caller.cancel(execution_id) for _ in range(2)]
    ended = caller.ended(execution_id)
    time.sleep(chance.uniform(0, RACE_MS / 1000))
    watcher.join()
    status = ended["status"]
    raced.ends[status] += 1
    late = {"ok": False, "error": f"Execution '{execution_id}' is not running (status: {status})"}
    facts = {
        "one status": status in ("completed", "cancelled"),
        "nothing changes after the end": caller.get(execution_id) == ended,
        "the events say the same": seen == [status],
        "the result is that of the end": ended["result"] == ('"end"' if status == "completed" else None),
        "the second cancel is refused": (answers[1].status, answers[1].json) == (400, late),
        "the first tells who won": answers[0].json == ({"ok": True} if status == "cancelled" else late),
    }
    raced.problems += [
        f"{execution_id}: not: {fact} {ended} {[a.json for a in answers]} {seen}" for fact, holds in facts.items() if not holds
    ]


def seconds_until_dead(caller: Caller, root: int) -> float:
    """How long the worker of an endless loop lives after its cancel was sent, as the kernel tells of its process."""
    execution_id = caller.submit("console.log('begun'); for (;;) {}")
    while caller.page(execution_id)["total_lines"] == 0:
        time.sleep(0.01)
    loop = _busy(root)
    begun = time.monotonic()
    assert caller.cancel(execution_id).status == 200
    while loop.is_running() and loop.status() != psutil.STATUS_ZOMBIE:
        time.sleep(0.001)
    return time.monotonic() - begun


def _busy(root: int) -> psutil.Process:
    """The process below `root` that computes now: of all, the one that has used most CPU since we began to look."""
    before = {process: process.cpu_times().user for process in workers(root)}
    while True:
        used = {process: process.cpu_times().user - was for process, was in before.items() if process.is_running()}
        busiest = max(used, key=lambda process: used[process])
        if used[busiest] >= BUSY_S:
            return busiest
        time.sleep(0.01)
