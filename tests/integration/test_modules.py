"""Programs of the executions profile on real workers: ES modules in JavaScript or TypeScript, within larger limits."""

from collections.abc import AsyncIterator

import pytest

from sandboxd.executions.engine import Engine
from sandboxd.models import Outcome, Status
from sandboxd.policy.model import Policy
from tests.support.engines import opened, run, texts, value

PROFILE = "executions"
MB = 1 << 20
SLACK_MB = 16
LONG_MS = 60_000
SOURCE_BYTES = 16 * MB


@pytest.fixture(params=["fork", "exec"])
async def engine(policy: Policy, request: pytest.FixtureRequest) -> AsyncIterator[Engine]:
    """An engine with a pool for programs, with workers of either kind."""
    async with opened(policy, profile=PROFILE, workers=request.param) as engine:
        engine.demand()
        yield engine


async def program(engine: Engine, text: str, *, language: str = "auto", wall_ms: int = LONG_MS, **limits: int) -> Outcome:
    """Runs `text` as a program."""
    return await run(engine, text, profile=PROFILE, language=language, wall_ms=wall_ms, **limits)


async def test_a_typescript_program_runs_to_its_end(engine: Engine) -> None:
    """Types are stripped, the last expression statement is the value, and a timer after it still prints."""
    text = "interface A { n: 1 }\nconst a: A = { n: 1 }; setTimeout(() => console.log('late'), 5); await null;\n[a.n, a.n + 1]"
    outcome = await program(engine, text)
    assert (outcome.status, value(outcome), texts(outcome)) == (Status.succeeded, [1, 2], ["late"])


FAILURES = {
    "error": ("\nnull.x", "TypeError", 2),
    "syntax": ("let a: number = 1;\nlet = ;", "SyntaxError", 2),
    "stalled": ("await new Promise(() => {})", "Error", None),
    "uncaught": ("1;\nsetTimeout(() => { throw new RangeError('late') })", "RangeError", 2),
    "unhandled_rejection": ("1;\n\nPromise.reject(new URIError('nobody')); 1", "URIError", 3),
    "not_serialisable": ("export default 1n", "TypeError", None),
}


@pytest.mark.parametrize(("kind", "text", "name", "line"), [(kind, *row) for kind, row in FAILURES.items()], ids=FAILURES)
async def test_each_kind_of_failure(engine: Engine, kind: str, text: str, name: str, line: int | None) -> None:
    """A program that fails says how, by what name and in which line of its own."""
    failure = (outcome := await program(engine, text)).failure
    assert failure is not None
    assert (outcome.status, failure.kind, failure.name, failure.line) == (Status.failed, kind, name, line)


async def test_columns_are_the_program_s_own(engine: Engine) -> None:
    """Wherever an error is thrown, what another program's text was given by the harness moves no column of this one."""
    for line in range(1, 4):
        for width in (0, 20, 40, 80, 160):
            text = "\n" * (line - 1) + f"/*{'.' * width}*/ let a = 1; null.x; export default a"
            failure = (await program(engine, text)).failure
            assert failure is not None
            assert (failure.line, failure.column) == (line, width + 22)


@pytest.mark.parametrize("text", ["import fs from 'node:fs'", "await import('node:fs')", "export * from 'node:fs'"])
async def test_nothing_can_be_imported(engine: Engine, text: str) -> None:
    """An import fails and names what it wanted."""
    failure = (await program(engine, text)).failure
    assert failure is not None
    assert failure.message == "Cannot import 'node:fs': modules are off"


async def test_a_program_that_does_not_end_is_stopped_by_its_clock(engine: Engine) -> None:
    """What it printed is kept; a value that it had by then is none."""
    outcome = await program(engine, "setInterval(() => {}, 10); console.log('before'); 1", wall_ms=1000)
    assert (outcome.status, outcome.value, texts(outcome)) == (Status.timed_out, None, ["before"])


async def test_a_program_leaves_nothing_to_the_next(engine: Engine) -> None:
    """Globals, patched built-ins and timers are gone with it."""
    spoil = "globalThis.left = 1; Array.prototype.push = null; Promise.prototype.then = null; setTimeout(() => {}, 1); 1"
    look = "[typeof left, typeof [].push, typeof Promise.prototype.then, Object.keys(import.meta).length]"
    assert value(await program(engine, spoil)) == 1
    assert value(await program(engine, look)) == ["undefined", "function", "function", 0]


async def test_ten_megabytes_of_output_arrive(engine: Engine) -> None:
    """Output is kept to the byte of its limit; what comes after it is dropped, and the program goes on."""
    text = "const line = 'x'.repeat(1023); for (let i = 0; i < 10240; i++) console.log(line); console.log('more'); 7"
    outcome = await program(engine, text)
    assert (outcome.status, value(outcome), outcome.truncated) == (Status.succeeded, 7, True)
    assert sum(len(text) + 1 for text in texts(outcome)) == 10 * MB


SOURCES = {
    "text": ("const a = '", "x", "'; a.length"),
    "escaped": ("/*", "\x01", "*/ 5"),
    "wide": ("const a = '", "€", "'; a.length"),
}


@pytest.mark.parametrize("name", SOURCES)
async def test_a_source_of_sixteen_megabytes_runs(engine: Engine, name: str) -> None:
    """The largest source there may be reaches the worker, also when six bytes of JSON stand for each of its own."""
    head, unit, tail = SOURCES[name]
    text = head + unit * ((SOURCE_BYTES - len(head) - len(tail)) // len(unit.encode())) + tail
    outcome = await program(engine, text, memory_bytes=512 * MB)
    assert value(outcome) == (5 if name == "escaped" else len(text) - len(head) - len(tail)), outcome


TAKES = {
    "heap": "const keep = []; for (;;) keep.push(new Array(131072).fill(keep.length))",
    "buffers": "const keep = []; for (;;) keep.push(new Uint8Array(1 << 20).fill(1))",
    "wasm": """
    const memory = new WebAssembly.Memory({ initial: 1 });
    for (let pages = 1; ; pages += 16) { memory.grow(16); new Uint8Array(memory.buffer, pages << 16).fill(1) }""",
}


@pytest.mark.parametrize("mb", [32, 128, 512])
@pytest.mark.parametrize("name", TAKES)
async def test_memory_ends_where_it_was_asked_to(engine: Engine, name: str, mb: int) -> None:
    """A program that takes memory without end is stopped at its own limit, whatever the profile would allow at most."""
    outcome = await program(engine, TAKES[name], memory_bytes=mb * MB)
    assert outcome.failure is not None
    assert (outcome.status, outcome.failure.message) == (Status.memory_exceeded, f"Memory limit exceeded ({mb} MB)")
    assert mb * MB / 2 < outcome.usage.memory_bytes <= (mb + SLACK_MB) * MB


async def test_garbage_is_collected_before_memory_ends(engine: Engine) -> None:
    """A program that throws away many times its memory is not stopped: V8 knows the limit that was asked for."""
    text = """
    const make = (n) => Array.from({ length: n }, (_, i) => Array.from({ length: 10000 }, (_, j) => ({ a: j, b: i, c: [j] })));
    const keep = make(40);
    for (let i = 0; i < 20; i++) keep[i] = make(20)[0];
    keep.length"""
    outcome = await program(engine, text, memory_bytes=128 * MB, wall_ms=300_000)
    assert value(outcome) == 40
