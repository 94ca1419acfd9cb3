"""Thousands of heavy executions: does one hang, crash or compute something wrong, and is anything left behind?

    make stress            (or: python -m tests.equivalence.stress [EXECUTIONS [CHILDREN]])

For each kind of worker: EXECUTIONS over the corpus, eight at a time, each checksum compared with what a plain Node gives; then
CHILDREN that are asked for what must be new in each. Prints a table and ends with 1 when anything was amiss.
"""

import random
import statistics
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import msgspec
import trio

from sandboxd.config import Settings
from sandboxd.executions.engine import Engine, read_policy
from sandboxd.models import Outcome, Status
from tests.equivalence.corpus import Workload, corpus, expected
from tests.equivalence.freshness import complaints, repeated, sample, sample_keys
from tests.equivalence.kinds import KINDS
from tests.support.engines import PROFILE, below_us, opened, percentile, run, until

AT_ONCE: Final = 8
WORDS: Final = ("right", "wrong", "crashed", "hung")
TIMES: Final = ("CPU p50", "CPU max", "wall p50", "wall p99")
REST_S: Final = 30
"""How long the pool may take to fill up again."""


@dataclass
class Tally:
    """What became of the executions of one workload."""

    ends: Counter[str] = field(default_factory=Counter)
    cpu_ms: list[float] = field(default_factory=list)
    wall_ms: list[float] = field(default_factory=list)


@dataclass
class Report:
    """What became of all, and what was left behind. `amiss` has a line for each thing that should not be."""

    tallies: dict[str, Tally]
    amiss: list[str] = field(default_factory=list)


def ending(outcome: Outcome, wanted: str) -> str:
    """One of WORDS. No workload needs a tenth of its 30 s, also on a busy machine: who meets the wall clock hung."""
    if outcome.status == Status.timed_out:
        return "hung"
    if outcome.status == Status.crashed:
        return "crashed"
    right = outcome.status == Status.succeeded and outcome.value is not None and msgspec.json.decode(outcome.value) == wanted
    return "right" if right else "wrong"


async def storm(kind: str, executions: int, workloads: tuple[Workload, ...] = ()) -> Report:
    """Runs `executions` over the workloads (the whole corpus when none is given), in an order of its own."""
    chosen = workloads or corpus()
    report = Report({workload.name: Tally() for workload in chosen})
    wanted = {workload: expected(workload) for workload in chosen}  # beforehand: asking a Node holds everything up
    left = _shuffled(chosen, executions)
    processes = {process.pid for process in below_us()}

    async with opened(read_policy(Settings()), **KINDS[kind], ahead=4, running=AT_ONCE, wait_ms=300_000) as engine:

        async def caller() -> None:
            for workload in left:
                source = workload.source
                outcome = await run(engine, source.text, language=source.language, user=object(), wall_ms=30_000)
                _note(report, workload.name, ending(outcome, wanted[workload]), outcome)

        pool = engine.pools[PROFILE]
        await until(lambda: pool.ready == pool.ahead, 120)
        before = _descriptors()
        async with trio.open_nursery() as nursery:
            for _ in range(AT_ONCE):
                nursery.start_soon(caller)
        if not await _back_to(engine, before):
            report.amiss.append(f"{before} descriptors of the daemon became {_descriptors()}")
    report.amiss += [f"a process is left: {process}" for process in below_us() if process.pid not in processes]
    return report


def _shuffled(workloads: tuple[Workload, ...], executions: int) -> Iterator[Workload]:
    order = [workloads[n % len(workloads)] for n in range(executions)]
    random.Random(executions).shuffle(order)
    return iter(order)


def _note(report: Report, name: str, end: str, outcome: Outcome) -> None:
    tally = report.tallies[name]
    tally.ends[end] += 1
    tally.cpu_ms.append(outcome.usage.cpu_ms)
    tally.wall_ms.append(outcome.usage.wall_ms)
    if end != "right":
        value = bytes(outcome.value or b"")[:500]
        report.amiss.append(f"{name} {end}: {outcome.status} {outcome.failure} {value!r}")


def _descriptors() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


async def _back_to(engine: Engine, before: int) -> bool:
    """Whether we have as many descriptors as before, once the pool has as many ready workers as then."""
    pool = engine.pools[PROFILE]
    with trio.move_on_after(REST_S):
        while pool.ready != pool.ahead or _descriptors() != before:
            if pool.ready > pool.ahead:
                await pool._ready.pop().end()  # kept for a load like that of late; a caller would be load again
            await trio.sleep(0.02)
        return True
    return False


# ------------------------------------------------------------------ the command


def show(kind: str, report: Report, seconds: float) -> None:
    """Prints the table."""
    print(f"\n{kind:20}" + "".join(f"{head:>9}" for head in (*WORDS, *TIMES)))
    for name, tally in report.tallies.items():
        _row(name, tally)
    _row("all", _sum(report))
    count = sum(_sum(report).ends.values())
    print(f"{count} executions in {seconds:.0f} s, {AT_ONCE} at a time; amiss: {len(report.amiss)}")


def _row(name: str, tally: Tally) -> None:
    cpu, wall = tally.cpu_ms or [0.0], tally.wall_ms or [0.0]
    times = (statistics.median(cpu), max(cpu), statistics.median(wall), percentile(wall, 0.99))
    print(f"{name:20}" + "".join(f"{tally.ends[word]:9}" for word in WORDS) + "".join(f"{ms:6.0f} ms" for ms in times))


def _sum(report: Report) -> Tally:
    total = Tally()
    for tally in report.tallies.values():
        total.ends += tally.ends
        total.cpu_ms += tally.cpu_ms
        total.wall_ms += tally.wall_ms
    return total


async def fresh(kind: str, count: int) -> list[str]:
    """What is not fresh about `count` children of a kind."""
    async with opened(read_policy(Settings()), **KINDS[kind], ahead=4, running=AT_ONCE, wait_ms=300_000) as engine:
        found = complaints(await sample(engine, count))
        for column in zip(*await sample_keys(engine, count // 10), strict=True):
            found += repeated("keys", column)
    return found


def main(executions: int = 2000, children: int = 3000) -> int:
    """All kinds, one after the other. 1 when anything was amiss."""
    amiss: list[str] = []
    for kind in KINDS:
        begun = time.monotonic()
        report = trio.run(storm, kind, executions)
        show(kind, report, time.monotonic() - begun)
        begun = time.monotonic()
        stale = trio.run(fresh, kind, children)
        print(f"{children} children asked what is new in {time.monotonic() - begun:.0f} s; not fresh: {len(stale)}")
        amiss += [f"{kind}: {line}" for line in report.amiss + stale]
    print("\n".join(["", *amiss[:50]]))
    return 1 if amiss else 0


if __name__ == "__main__":
    sys.exit(main(*(int(argument) for argument in sys.argv[1:3])))
