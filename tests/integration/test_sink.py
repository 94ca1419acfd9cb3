"""A sink for what is printed: as it comes, one batch at a time, and nothing kept."""

from collections.abc import Sequence
from functools import partial

import pytest
import trio

from sandboxd.errors import NoCapacity, StoreError
from sandboxd.executions.engine import Engine
from sandboxd.models import LogLine, Outcome, Source, Status
from sandboxd.pool.worker import RECEIVE_BYTES, Sink
from tests.support.engines import grant, until, value
from tests.support.engines import run as run_code


async def run(engine: Engine, code: str, sink: Sink, **limits: int) -> Outcome:
    async def begin() -> Source:
        return Source(code)

    return await engine.run_submitted(grant(engine, **limits), begin, user="test", execution_id="x", sink=sink)


async def test_what_is_printed_goes_there_and_nowhere_else(engine: Engine) -> None:
    """In its order, with its level, whole; the outcome has none of it."""
    lines: list[LogLine] = []

    async def sink(batch: Sequence[LogLine], full: bool) -> None:
        lines.extend(batch)
        assert not full

    outcome = await run(engine, "for (let i = 0; i < 5000; i++) console[i % 2 ? 'info' : 'log'](i); return 7", sink)
    assert lines == [LogLine("info" if n % 2 else "log", str(n)) for n in range(5000)]
    assert (value(outcome), outcome.logs) == (7, ())


async def test_who_does_not_take_it_stops_the_code(engine: Engine) -> None:
    """While the sink has not returned nothing more is read: the code waits in its print, and loses nothing."""
    batches: list[Sequence[LogLine]] = []
    printed = "for (let i = 0; i < 100; i++) console.log('x'.repeat(10000)); return 'through'"
    may = trio.Event()

    async def sink(batch: Sequence[LogLine], _: bool) -> None:
        batches.append(batch)
        await may.wait()

    async with trio.open_nursery() as nursery:
        outcomes: list[Outcome] = []

        async def go() -> None:
            outcomes.append(await run(engine, printed, sink, wall_ms=30_000))

        nursery.start_soon(go)
        await until(lambda: batches)
        await trio.sleep(0.3)
        assert outcomes == []
        assert sum(len(line.text) for batch in batches for line in batch) <= RECEIVE_BYTES
        may.set()
    assert value(outcomes[0]) == "through"
    assert sum(len(line.text) for batch in batches for line in batch) == 1_000_000


async def test_a_sink_that_fails_ends_the_execution(engine: Engine) -> None:
    """What it raises is raised, and the worker is dead."""

    async def sink(_: Sequence[LogLine], full: bool) -> None:
        raise StoreError(f"no room {full}")

    with pytest.raises(StoreError, match="no room False"):
        await run(engine, "console.log(1); for (;;) ;", sink, wall_ms=30_000)
    assert engine.queue.running == 0


async def test_what_is_dropped_is_told_with_what_was_not(engine: Engine) -> None:
    """The limit of the output is met once, and the code goes on."""
    told: list[bool] = []

    async def sink(_: Sequence[LogLine], full: bool) -> None:
        told.append(full)

    outcome = await run(engine, "for (let i = 0; i < 9; i++) console.log('x'.repeat(50)); return 1", sink, output_bytes=200)
    assert (outcome.status, outcome.truncated, told[-1]) == (Status.succeeded, True, True)


async def test_who_is_patient_gets_a_worker_where_others_are_refused(engine: Engine) -> None:
    """However short the longest wait is: he is served when a slot is free."""
    outcomes: list[Outcome] = []
    begun: list[LogLine] = []

    async def sink(_: Sequence[LogLine], full: bool) -> None:
        raise AssertionError(full)

    async def wait() -> None:
        outcomes.append(await run(engine, "return 1", sink))

    async with trio.open_nursery() as nursery:
        async with trio.open_nursery() as fillers:
            for place in range(engine.queue.slots):
                code = "console.log(1); for (;;) ;"
                fillers.start_soon(partial(run_code, engine, code, user=place, wall_ms=30_000, on_log=begun.append))
            await until(lambda: len(begun) == engine.queue.slots)
            engine.queue.wait_ms = 1
            nursery.start_soon(wait)
            with pytest.raises(NoCapacity):
                await engine.check(grant(engine), Source("1"), user="z")
            assert outcomes == []
            fillers.cancel_scope.cancel()
    assert value(outcomes[0]) == 1
