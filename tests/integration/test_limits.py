"""Time, memory and CPU: what code cannot go beyond, whatever it does."""

import os

import msgspec
import pytest
import trio

from sandboxd.executions.engine import most
from sandboxd.models import Status
from sandboxd.policy.model import Policy
from sandboxd.pool.runtime import Workers, find_node, plan
from sandboxd.protocol.messages import Run, RunLimits
from tests.support.attacks import OWN
from tests.support.engines import open_source, opened, run, texts, until, value, worker_pids
from tests.support.watching import MB, Watch

SLACK_MB = 144  # 128 MB and the 16 MB that the watch allows

BOMBS = {
    "typed array of 1 GB": "new Uint8Array(2 ** 30).fill(1)",
    "typed arrays": "const k = []; for (;;) k.push(new Uint8Array(1 << 20).fill(1))",
    "WebAssembly of 4 GB": "const m = new WebAssembly.Memory({ initial: 65536 }); new Uint8Array(m.buffer).fill(1)",
    "WebAssembly grown": (
        "const m = new WebAssembly.Memory({ initial: 1 }); for (;;) { m.grow(64); new Uint8Array(m.buffer).fill(1) }"
    ),
    "many WebAssembly memories": (
        "const k = [];"
        "for (;;) { const m = new WebAssembly.Memory({ initial: 16 }); new Uint8Array(m.buffer).fill(1); k.push(m) }"
    ),
    "shared buffer grown": (
        "const b = new SharedArrayBuffer(8, { maxByteLength: 2 ** 32 });"
        "for (let i = 1; ; i++) { b.grow(i << 22); new Uint8Array(b).fill(1) }"
    ),
    "endless array": "const a = []; for (;;) a.push(a.length)",
    "strings": "const a = []; for (let i = 0; ; i++) a.push('x'.repeat(1e5) + i, String(i).padEnd(1e5).split('').join('y'))",
    "Map": "const m = new Map(); for (let i = 0; ; i++) m.set(i, [i])",
    "BigInt": "const k = []; for (let i = 0n; ; i++) k.push((1n << 8000000n) + i)",
    "promises": "const k = []; for (;;) k.push(new Promise(() => {}))",
    "regular expressions": (
        "const k = []; for (let i = 0; ; i++) { const r = new RegExp('(a|b|[d-z]{1,30}){1,9}x'.repeat(20) + i);"
        " r.test('abc'); r.test('abc'); r.test('abcabc'); k.push(r) }"
    ),
    "compiled code": (OWN / "wasm_code_bomb.js").read_text(),
}


@pytest.mark.parametrize("code", BOMBS.values(), ids=BOMBS)
async def test_memory_has_an_end(policy: Policy, code: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Code that takes memory without end is stopped for it, and its process never grew beyond budget and slack."""
    async with opened(policy, ahead=1, running=1) as engine:
        await until(worker_pids)
        with Watch(worker_pids()[0]) as watch:
            outcome = await run(engine, f"console.log('before');\n{code}", wall_ms=30_000)
    with capsys.disabled():
        print(f"\n  seen {watch.grown / MB:.1f} MB, told {outcome.usage.memory_bytes / MB:.1f} MB", end=" ")
    assert outcome.failure is not None
    assert (outcome.status, outcome.failure.message) == (Status.memory_exceeded, "Memory limit exceeded (128 MB)")
    assert texts(outcome) == ["before"]
    assert max(watch.grown, outcome.usage.memory_bytes) <= SLACK_MB * MB


async def test_what_is_allowed_can_be_had(policy: Policy) -> None:
    """Of 128 MB code can use 100 in one piece."""
    async with opened(policy, ahead=1) as engine:
        outcome = await run(engine, "return new Uint8Array(100 << 20).fill(1).length", wall_ms=30_000)
    assert (outcome.status, value(outcome)) == (Status.succeeded, 100 << 20)


async def test_memory_beyond_the_data_limit_is_watched(policy: Policy) -> None:
    """The resident size alone ends an execution whose own budget is below what its worker was started with."""
    async with opened(policy, ahead=1) as engine:
        code = "const k = []; for (;;) { k.push(new Uint8Array(1 << 20).fill(1)); await new Promise((r) => setTimeout(r, 5)) }"
        outcome = await run(engine, code, wall_ms=30_000, memory_bytes=16 * MB)
    assert outcome.failure is not None
    assert (outcome.status, outcome.failure.message) == (Status.memory_exceeded, "Memory limit exceeded (16 MB)")


async def test_output_before_an_endless_loop_is_kept(policy: Policy) -> None:
    """A loop that never ends times out, and what it printed before is there."""
    async with opened(policy, ahead=1) as engine:
        outcome = await run(engine, "console.log('before'); for (;;) {}", wall_ms=1000)
    assert outcome.failure is not None
    assert (outcome.status, outcome.failure.message) == (Status.timed_out, "Execution timeout (>1000ms)")
    assert texts(outcome) == ["before"]


LOOPS = {
    "busy": "for (;;) {}",
    "catching": "for (;;) { try { for (;;); } catch {} finally { continue } }",
    "microtasks": "const f = () => { Promise.resolve().then(f) }; f(); await new Promise(() => {})",
    "asleep": "Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)",
    "timers": "await new Promise((r) => setInterval(() => {}, 1))",
    "printing": "for (;;) console.log('')",
    "in its result": "results = { toJSON() { for (;;); } }",
    "on a thread": (
        "const key = await crypto.subtle.importKey('raw', new Uint8Array(32), 'PBKDF2', false, ['deriveBits']);"
        "await crypto.subtle.deriveBits({ name: 'PBKDF2', hash: 'SHA-512', salt: key.usages.length ? new Uint8Array(16) : 0,"
        " iterations: 2e9 }, key, 512)"
    ),
}


@pytest.mark.parametrize("code", LOOPS.values(), ids=LOOPS)
async def test_time_has_an_end(policy: Policy, code: str) -> None:
    """Whatever keeps the code from ending, the wall clock ends it."""
    async with opened(policy, ahead=1) as engine:
        assert (await run(engine, code, wall_ms=1000)).status == Status.timed_out


async def test_others_are_answered_while_loops_run(policy: Policy, capsys: pytest.CaptureFixture[str]) -> None:
    """Endless loops of one user end at their limit, and meanwhile another user's short code is answered."""
    wall_ms = 4000
    late: list[float] = []
    answered = 0
    async with opened(policy, ahead=2, running=4) as engine:

        async def hog() -> None:
            begun: list[float] = []
            outcome = await run(
                engine, "while (true) {}", user="hog", wall_ms=wall_ms, started=lambda: begun.append(trio.current_time())
            )
            assert outcome.status == Status.timed_out
            late.append((trio.current_time() - begun[0]) * 1000 - wall_ms)  # until its process was reaped

        async with trio.open_nursery() as nursery:
            nursery.start_soon(hog)
            nursery.start_soon(hog)
            while not late:
                assert value(await run(engine, "return 1 + 1", user="short", wall_ms=30_000)) == 2
                answered += not late
    with capsys.disabled():
        print(f"\n  late by {max(late):.0f} ms; {answered} answers meanwhile", end=" ")
    assert answered >= 3
    assert max(late) < 2000


@pytest.mark.parametrize("kind", ["fork", "exec"])
async def test_cpu_time_has_an_end_below_the_clock(policy: Policy, monkeypatch: pytest.MonkeyPatch, kind: Workers) -> None:
    """The net below the wall clock: CPU time beyond its own limit ends a worker with a signal that says so."""
    limits = msgspec.structs.replace(most(policy.profiles["code-nodes"]), wall_ms=60_000)
    longest_s = policy.profiles["code-nodes"].limits.wall_ms.max // 1000
    monkeypatch.setattr("sandboxd.pool.runtime.START_CPU_S", 2 - longest_s * (os.cpu_count() or 1))
    how = plan(find_node(), policy.profiles["code-nodes"], limits, start_timeout_ms=60_000, workers=kind)
    assert how.cpu_s == 2
    request = Run("for (;;) {}", "javascript", "code-nodes", False, RunLimits(1000, 1000, 10))
    async with open_source(how) as server:
        worker = await server.spawn()
        outcome = await worker.run(request, limits)
    assert outcome.failure is not None
    assert (outcome.status, outcome.failure.message) == (Status.crashed, "The worker used more CPU time than its limit")
