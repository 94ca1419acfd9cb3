"""The engine on real workers: one execution, every way to end."""

import gc
import json
import os
import signal
from pathlib import Path

import psutil
import pytest
import trio

from sandboxd.executions.engine import Engine
from sandboxd.models import Source, Status
from sandboxd.policy.model import Policy
from tests.support.engines import below_us, grant, opened, run, texts, until, value, worker_pids
from tests.support.nodes import fake_node

# ------------------------------------------------------------------ what code does


async def test_value_and_output_arrive(engine: Engine) -> None:
    """The seed's example gives its result and its line."""
    outcome = await run(engine, "const x = 5 + 3; results.sum = x; console.log('Sum:', x)", check=True)
    assert (outcome.status, value(outcome), texts(outcome)) == (Status.succeeded, {"sum": 8}, ["Sum: 8"])


FAILURES = {
    "error": ("null.x", "TypeError"),
    "syntax": ("let 1", "SyntaxError"),
    "stalled": ("await new Promise(() => {})", "Error"),
    "uncaught": (
        "setTimeout(() => { throw new RangeError('late') }); await new Promise(() => setTimeout(() => {}, 1e6))",
        "RangeError",
    ),
    "unhandled_rejection": ("Promise.reject(new URIError('nobody')); await new Promise((r) => setTimeout(r, 1e6))", "URIError"),
    "not_serialisable": ("results.self = results", "TypeError"),
}


@pytest.mark.parametrize(("kind", "code", "name"), [(kind, *row) for kind, row in FAILURES.items()], ids=FAILURES)
async def test_each_kind_of_failure(engine: Engine, kind: str, code: str, name: str) -> None:
    """Code that fails says how, by what name, and keeps what it printed unless it never began."""
    outcome = await run(engine, f"console.log('before');{code}")
    failure = outcome.failure
    assert failure is not None
    assert (outcome.status, failure.kind, failure.name) == (Status.failed, kind, name)
    assert texts(outcome) == ([] if kind == "syntax" else ["before"])


async def test_a_failure_tells_its_place(engine: Engine) -> None:
    """Line and column of an error are the user's own."""
    outcome = await run(engine, "const a = 1;\n  null.x;")
    assert outcome.failure is not None
    assert (outcome.failure.line, outcome.failure.column) == (2, 8)


async def test_finding_is_rejected(engine: Engine) -> None:
    """What the check finds is a rejection, and nothing has run."""
    outcome = await run(engine, "console.log(1); require('fs')", check=True)
    assert outcome.failure is not None
    assert (outcome.status, outcome.failure.kind, outcome.logs) == (Status.rejected, "finding", ())


async def test_check_alone_runs_nothing(engine: Engine) -> None:
    """A check of valid code finds nothing, of forbidden code the finding, and a loop in it does not run."""
    given = grant(engine)
    assert await engine.check(given, Source("for (;;) {}"), user=1) is None
    found = await engine.check(given, Source("process.exit()"), user=1)
    assert found is not None
    assert found.message == "Dangerous pattern detected: process"


async def test_large_result_is_output_exceeded(engine: Engine) -> None:
    """A result above its limit is not cut: there is none."""
    outcome = await run(engine, "console.log('before'); return 'x'.repeat(2 ** 20)")
    assert (outcome.status, outcome.value, texts(outcome)) == (Status.output_exceeded, None, ["before"])


async def test_output_is_cut_at_its_limit(engine: Engine) -> None:
    """What is printed beyond the limit is dropped, and the code goes on."""
    outcome = await run(engine, "for (let i = 0; i < 100; i++) console.log('x'.repeat(99)); return 'end'", output_bytes=1000)
    assert (outcome.status, outcome.truncated, value(outcome)) == (Status.succeeded, True, "end")
    assert len("\n".join(texts(outcome))) <= 1000


async def test_typescript_runs(engine: Engine) -> None:
    """Types are taken off."""
    assert value(await run(engine, "const n: number = 2; return n as number", language="typescript")) == 2


async def test_logs_are_told_while_the_code_runs(engine: Engine) -> None:
    """A line is heard when it is printed, not at the end."""
    heard = trio.Event()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(lambda: run(engine, "console.log('now'); for (;;) {}", wall_ms=30_000, on_log=lambda _: heard.set()))
        with trio.fail_after(20):
            await heard.wait()
        nursery.cancel_scope.cancel()


# ------------------------------------------------------------------ usage


async def test_usage_of_busy_code(engine: Engine) -> None:
    """CPU time, wall time and memory of code that uses some of each lie where they must."""
    outcome = await run(
        engine, "const end = Date.now() + 300; while (Date.now() < end); return new Uint8Array(32 << 20).fill(1).length"
    )
    usage = outcome.usage
    assert 300 <= usage.wall_ms < 30_000
    assert 20 < usage.cpu_ms <= usage.wall_ms * 3
    assert 30 << 20 < usage.memory_bytes < 128 << 20


async def test_waiting_costs_no_cpu(engine: Engine) -> None:
    """Code that sleeps uses wall time only; the worker's start is not charged."""
    usage = (await run(engine, "await new Promise((r) => setTimeout(r, 500))")).usage
    assert usage.wall_ms >= 499
    assert usage.cpu_ms < 250


# ------------------------------------------------------------------ ends from outside


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (signal.SIGKILL, "The worker was killed by SIGKILL"),
        (signal.SIGSEGV, "The worker was killed by SIGSEGV"),
    ],
    ids=str,
)
async def test_a_worker_killed_from_outside_is_crashed(policy: Policy, number: int, text: str) -> None:
    """A worker that dies of a signal is a crash that names it, and what it printed is kept."""
    async with opened(policy, ahead=1, running=1) as engine:
        await until(worker_pids)
        before = set(worker_pids())

        def kill(_: object) -> None:
            for pid in before:
                os.kill(pid, number)

        outcome = await run(engine, "console.log('mine'); for (;;) {}", wall_ms=30_000, on_log=kill)
    assert outcome.failure is not None
    assert (outcome.status, outcome.failure.kind, outcome.failure.message) == (Status.crashed, "crash", text)
    assert texts(outcome) == ["mine"]


BREACHES = {
    "huge header": (r"send(b'\xff\xff\xff\xff' + b'x' * 100)", "a frame of 4294967295 bytes"),
    "garbage": ("send(os.urandom(4096).replace(b'\\0', b'\\1').join([b'\\0\\0\\0\\x09', b'']))", "not a message"),
    "not UTF-8": (r"""send(frame(b'{"type":"done","value":"\xff"}'))""", "not a message"),
    "second ready": ("send(READY)", "Ready in state running"),
    "unknown message": ("""send(frame('{"type":"host_call"}'))""", "not a message"),
    "unknown field": ("""send(frame('{"type":"log","level":"log","text":"","more":1}'))""", "not a message"),
    "too much output": ("""send(frame('{"type":"log","level":"log","text":"%s"}' % ('x' * 2000000)))""", "more output than"),
    "output after full": ("""send(frame('{"type":"output_full"}') + LOG)""", "LogLine in state full"),
    "too large a result": ("""send(frame('{"type":"done","value":"%s"}' % ('x' * 2000000)))""", "a result of more than"),
    "too deep a result": ("""send(frame('{"type":"done","value":%s}' % ('[' * 300 + ']' * 300)))""", "nested deeper than 256"),
    "nesting bomb": ("""send(frame('{"type":"done","value":%s' % ('[' * 1000000)))""", "not a message"),
}


@pytest.mark.parametrize(("body", "why"), BREACHES.values(), ids=BREACHES)
async def test_a_worker_that_breaks_the_protocol_is_crashed(policy: Policy, tmp_path: Path, body: str, why: str) -> None:
    """Illegal bytes end the execution as crashed with the reason; what was legal before them in the same bytes is kept."""
    node = fake_node(tmp_path, f"send(READY); receive(); send(LOG); {body}\ntime.sleep(60)")
    async with opened(policy, node=node, ahead=1) as engine:
        outcome = await run(engine, "1", wall_ms=20_000)
    assert outcome.failure is not None
    assert (outcome.status, outcome.failure.message[:30]) == (Status.crashed, "The worker broke the protocol:")
    assert why in outcome.failure.message
    assert texts(outcome)[:1] == ["said"]


async def test_what_follows_the_answer_is_ignored(policy: Policy, tmp_path: Path) -> None:
    """One answer counts; garbage behind it changes nothing, and the worker is not waited for."""
    node = fake_node(tmp_path, "send(READY); receive(); send(DONE + LOG + DONE + os.urandom(1000)); time.sleep(60)")
    async with opened(policy, node=node, ahead=1) as engine:
        outcome = await run(engine, "1", wall_ms=20_000)
    assert (outcome.status, value(outcome), outcome.logs) == (Status.succeeded, 1, ())


async def test_a_flood_of_lines_does_not_hold_the_others_up(policy: Policy, tmp_path: Path) -> None:
    """A worker that writes lines without end is cut off at the output limit."""
    node = fake_node(tmp_path, """send(READY); receive()\nwhile True: send(LOG * 1000)""")
    async with opened(policy, node=node, ahead=1) as engine:
        outcome = await run(engine, "1", wall_ms=30_000)
    assert outcome.failure is not None
    assert "more output than" in outcome.failure.message


async def test_a_worker_that_closes_its_channel_and_stays_times_out(policy: Policy, tmp_path: Path) -> None:
    """Silence is no end: the wall clock is."""
    node = fake_node(tmp_path, "send(READY); receive(); send(LOG); os.close(3); time.sleep(60)")
    async with opened(policy, node=node, ahead=1) as engine:
        outcome = await run(engine, "1", wall_ms=1000)
    assert (outcome.status, texts(outcome)) == (Status.timed_out, ["said"])


async def test_an_exit_without_an_answer_is_crashed(policy: Policy, tmp_path: Path) -> None:
    """A worker that just goes away is a crash with its exit code."""
    node = fake_node(tmp_path, "send(READY); receive(); os._exit(7)")
    async with opened(policy, node=node, ahead=1) as engine:
        outcome = await run(engine, "1", wall_ms=20_000)
    assert outcome.failure is not None
    assert outcome.failure.message == "The worker ended without an answer (exit code 7)"


async def test_a_worker_that_does_not_read_times_out(policy: Policy, tmp_path: Path) -> None:
    """A request that is larger than the socket's buffer and never read is under the wall clock too."""
    node = fake_node(tmp_path, "send(READY); time.sleep(60)")
    async with opened(policy, node=node, ahead=1) as engine:
        outcome = await run(engine, "x" * 4_000_000, wall_ms=1000)
    assert outcome.status == Status.timed_out


# ------------------------------------------------------------------ cancellation


@pytest.mark.parametrize("code", ["for (;;) {}", "await new Promise((r) => setTimeout(r, 1e6))"], ids=["busy", "waiting"])
async def test_cancelling_frees_worker_and_slot(policy: Policy, code: str) -> None:
    """Whoever stops waiting takes the worker with him: it is gone when the block is left, and the slot is free."""
    async with opened(policy, ahead=1, running=1) as engine:
        await until(worker_pids)
        mine = psutil.Process(worker_pids()[0])
        with trio.CancelScope() as scope:
            await run(engine, f"console.log('on'); {code}", wall_ms=30_000, on_log=lambda _: scope.cancel())
        assert scope.cancelled_caught
        assert (mine.is_running(), engine.queue.running) == (False, 0)
        assert value(await run(engine, "return 1 + 1")) == 2


async def test_nothing_is_left_when_the_engine_closes(policy: Policy) -> None:
    """Executions that run when the engine is closed end with it, and so does every process."""
    before = {process.pid for process in below_us()}
    async with opened(policy, ahead=2, running=3) as engine, trio.open_nursery() as nursery:
        running = trio.Event()
        for _ in range(3):
            nursery.start_soon(lambda: run(engine, "console.log(1); for (;;) {}", on_log=lambda _: running.set()))
        await running.wait()
        nursery.cancel_scope.cancel()
    assert {process.pid for process in below_us()} <= before


async def test_an_execution_leaves_nothing_to_the_garbage_collector(engine: Engine) -> None:
    """What an execution was made of goes with its end: none of it hangs in a circle, which only a collection would find."""
    await run(engine, "1")
    gc.collect()
    gc.disable()
    try:
        for _ in range(10):
            await run(engine, "1")
        assert gc.collect() < 10
    finally:
        gc.enable()


# ------------------------------------------------------------------ many


async def test_parallel_executions_do_not_mix(policy: Policy) -> None:
    """Sixty executions of twenty users at once: each gets its own value, its own lines and its own fresh globals."""
    async with opened(policy, ahead=4, running=8) as engine:
        wrong = []

        async def one(n: int) -> None:
            code = (
                f"console.log('line {n}'); const seen = globalThis.mark; globalThis.mark = {n};"
                f"await new Promise((r) => setTimeout(r, {n % 7})); results.n = {n}; results.seen = seen ?? null"
            )
            outcome = await run(engine, code, user=n % 20, wall_ms=30_000)
            if outcome.status != Status.succeeded or (value(outcome), texts(outcome)) != (
                {"n": n, "seen": None},
                [f"line {n}"],
            ):
                wrong.append(outcome)

        async with trio.open_nursery() as nursery:
            for n in range(60):
                nursery.start_soon(one, n)
    assert wrong == []


async def test_random_numbers_differ_between_executions(engine: Engine) -> None:
    """No two executions share a seed."""
    numbers = [json.dumps(value(await run(engine, "return [Math.random(), crypto.randomUUID()]"))) for _ in range(3)]
    assert len(set(numbers)) == 3
