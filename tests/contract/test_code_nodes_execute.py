"""POST /execute: statuses, texts and fields."""

import re
from collections.abc import Callable
from typing import Any

import pytest

from tests.support.daemon import Answer, Daemon
from tests.support.stored import executions, wait_until

Run = Callable[..., Answer]
SEED_FIELDS = ["status", "output", "error", "execution_time", "console_logs", "return_value"]


def test_success_has_the_seed_s_body(run: Run) -> None:
    """The documented example gives the documented fields with the documented values."""
    answer = run("const x = 5 + 3; results.sum = x; console.log('Sum:', x);", timeout_ms=5000)
    body = answer.json
    assert answer.status == 200
    assert {name: body[name] for name in SEED_FIELDS if name != "execution_time"} == {
        "status": "success",
        "output": "Sum: 8",
        "error": None,
        "console_logs": ["Sum: 8"],
        "return_value": {"sum": 8},
    }


def test_success_has_only_the_named_extras(run: Run) -> None:
    """Beside the seed's fields stand the id and the usage, and nothing else."""
    body = run("return 1").json
    assert list(body) == [*SEED_FIELDS, "execution_id", "usage"]
    assert set(body["usage"]) == {"cpu_ms", "memory_bytes", "wall_ms"}


def test_an_error_has_only_the_named_extras(run: Run) -> None:
    """An error has its place besides."""
    assert list(run("throw new Error('x')").json) == [*SEED_FIELDS, "execution_id", "usage", "line", "column"]


def test_the_answer_is_json(run: Run) -> None:
    """The type of an answer is application/json."""
    assert run("return 1").headers["Content-Type"] == "application/json"


def test_execution_ids_differ(run: Run) -> None:
    """Every execution has an id of its own, also one that was refused."""
    assert len({run(code).json["execution_id"] for code in ("return 1", "return 1", "", "process", "throw 1")}) == 5


def test_execution_time_is_the_wall_in_seconds(run: Run) -> None:
    """Three places, as the code saw it: its sleep is in it, and it agrees with the usage."""
    body = run("await new Promise(resolve => setTimeout(resolve, 300))").json
    assert 0.25 < body["execution_time"] < 4
    assert body["execution_time"] == round(body["usage"]["wall_ms"] / 1000, 3)


def test_usage_measures_cpu(run: Run) -> None:
    """CPU time that the code burns is in the usage."""
    body = run("let sum = 0; for (let i = 0; i < 2e8; i++) sum ^= i; return sum;", timeout_ms=30_000).json
    assert body["usage"]["cpu_ms"] > 50


def test_usage_measures_memory(run: Run) -> None:
    """Memory that the code touches is in the usage."""
    body = run("const a = new Uint8Array(32 << 20).fill(1); await new Promise(r => setTimeout(r, 100)); return a.length").json
    assert body["usage"]["memory_bytes"] > 24 << 20


# ------------------------------------------------------------------ errors


@pytest.mark.parametrize(
    ("code", "error", "line", "column"),
    [
        ("const a = 1;\nconsole.log(undefinedVar)", "ReferenceError: undefinedVar is not defined", 2, 13),
        ("null.x", "TypeError: Cannot read properties of null (reading 'x')", 1, 6),
        ("\n\nthrow new RangeError('far')", "RangeError: far", 3, 7),
        ("throw new Error()", "Error", 1, 7),
        ("throw 'text'", "Error: text", None, None),
        ("throw null", "Error: null", None, None),
        ("throw { name: 'Own', message: 'kind' }", "Own: kind", None, None),
        ("class MyError extends Error { name = 'MyError' }\nthrow new MyError('m')", "MyError: m", 2, 7),
        ("await Promise.reject(new Error('async'))", "Error: async", 1, 22),
        ("(() => {}).constructor('return 1')()", "EvalError: Code generation from strings disallowed for this context", 1, 12),
    ],
)
def test_a_runtime_error_is_told_with_its_place(run: Run, code: str, error: str, line: int | None, column: int | None) -> None:
    """200, status `error`, name and message, and the user's own line and column, 1-based."""
    answer = run(code)
    body = answer.json
    assert (answer.status, body["status"], body["error"], body["return_value"]) == (200, "error", error, None)
    assert (body["line"], body["column"]) == (line, column)


def test_an_error_later_in_the_event_loop_is_one_of_the_execution(run: Run) -> None:
    """What a callback throws while the code waits ends the execution as an error."""
    body = run("setTimeout(() => { throw new Error('late') }, 10); await new Promise(() => setTimeout(() => {}, 900))").json
    assert (body["status"], body["error"]) == ("error", "Error: late")


def test_a_rejection_that_nobody_handles_is_an_error(run: Run) -> None:
    """A promise that is left alone and fails ends the execution as an error."""
    body = run("Promise.reject(new Error('alone')); await new Promise(resolve => setTimeout(resolve, 100))").json
    assert (body["status"], body["error"]) == ("error", "Error: alone")


def test_waiting_for_nothing_is_an_error(run: Run) -> None:
    """A promise that can never settle is told, at once."""
    body = run("await new Promise(() => {})", timeout_ms=30_000).json
    assert (body["status"], body["error"]) == ("error", "The code is waiting for something that can no longer happen")
    assert body["execution_time"] < 10


def test_a_syntax_error_is_an_error(run: Run) -> None:
    """What rule 4 finds is an error of the execution, not of the validation."""
    answer = run("const x = {invalid: };")
    body = answer.json
    assert (answer.status, body["status"], body["error"][:13], body["line"]) == (200, "error", "SyntaxError: ", 1)


@pytest.mark.parametrize(("text", "most"), [("x", 4096), ("é", 4095), ("\U0001f600", 4095)])
def test_an_error_is_cut_at_4_kb(run: Run, text: str, most: int) -> None:
    """The text has at most 4,096 bytes and ends with a whole character."""
    error = run("throw new Error(input.repeat(20000))", input=text).json["error"]
    assert most - 3 <= len(error.encode()) <= most
    assert error.rstrip(text) == "Error: "


def test_an_error_that_fits_is_not_cut(run: Run) -> None:
    """A long message below the limit is whole."""
    assert run("throw new Error('x'.repeat(4089))").json["error"] == "Error: " + "x" * 4089


def test_no_path_of_the_host_is_told(run: Run) -> None:
    """Neither messages nor stacks nor call sites that the code gets hold of name a file of the machine."""
    body = run(
        """
        const texts = [];
        for (const f of [() => null.x, () => JSON.parse('{'), () => structuredClone(() => {}), () => new URL('x'),
                         () => Buffer.alloc(-1), () => atob('*'), () => [].reduce(a => a), () => new Intl.NumberFormat('x')])
          try { f() } catch (e) { texts.push(String(e), e.stack, e.message) }
        Error.prepareStackTrace = (e, sites) => sites.map(site => `${site.getFileName()} ${site}`).join();
        texts.push(new Error().stack);
        setTimeout(() => {}, 1);
        results.texts = texts;
        """
    ).json
    assert body["status"] == "success"
    assert not re.search(r"/(work|home|root|usr|tmp|opt|lib)\b|\.venv|site-packages|node_modules|js_harness", str(body))


@pytest.mark.parametrize("code", ["throw new Error('x')", "null.x", "await Promise.reject(new Error('y'))", "const a = {b: };"])
def test_no_path_of_the_host_is_in_an_error(run: Run, code: str) -> None:
    """The answer of a failure names no file of the machine."""
    assert b"/" not in run(code).body


# ------------------------------------------------------------------ timeout and memory


@pytest.mark.parametrize(
    "code", ["while (true) {}", "await new Promise(() => setInterval(() => {}, 50))", "/(a+)+$/.test('a'.repeat(40)+'b')"]
)
def test_a_timeout_has_the_exact_text(run: Run, code: str) -> None:
    """A loop, a wait and a runaway regular expression end near the limit, with the limit in the text."""
    answer = run(code, timeout_ms=1000)
    body = answer.json
    assert (answer.status, body["status"], body["error"]) == (200, "timeout", "Execution timeout (>1000ms)")
    assert (body["return_value"], body["line"], body["column"]) == (None, None, None)
    assert 1 <= body["execution_time"] < 4


def test_the_default_timeout_is_5000(daemon: Daemon, token: str) -> None:
    """Without timeout_ms the limit is 5000 milliseconds."""
    body = daemon.execute(token, "for (;;) {}").json
    assert body["error"] == "Execution timeout (>5000ms)"


def test_what_was_printed_before_a_timeout_is_kept(run: Run) -> None:
    """Lines before an endless loop are in both fields."""
    body = run("console.log('one'); console.log('two'); for (;;) {}", timeout_ms=1000).json
    assert (body["console_logs"], body["output"]) == (["one", "two"], "one\ntwo")


@pytest.mark.parametrize(
    "code",
    [
        "const a = []; for (;;) a.push(new Array(1000).fill(Math.random()))",
        "const a = []; for (;;) a.push(new Uint8Array(1 << 20).fill(1))",
        "return new Uint8Array(1 << 30).length",
    ],
    ids=["heap", "buffers", "one buffer"],
)
def test_memory_has_the_exact_text(run: Run, code: str) -> None:
    """In the heap and outside of it, 128 MB are the limit."""
    answer = run(f"console.log('before'); {code}", timeout_ms=30_000)
    body = answer.json
    assert (answer.status, body["status"], body["error"]) == (200, "memory_limit", "Memory limit exceeded (128 MB)")
    assert (body["console_logs"], body["return_value"]) == (["before"], None)


def test_half_of_the_memory_is_there_to_use(run: Run) -> None:
    """64 MB in a buffer and a large heap are no trouble."""
    body = run(
        "const b = new Uint8Array(64 << 20).fill(1); const a = Array.from({length: 1e6}, (_, i) => i); return a.length"
    ).json
    assert (body["status"], body["return_value"]) == ("success", 1_000_000)


# ------------------------------------------------------------------ validation


@pytest.mark.parametrize(
    ("code", "error"),
    [
        ("", "Code cannot be empty"),
        ("//" + "x" * 10_239, "Code exceeds maximum length (10 KB)"),
        ("if (1) {", "Unmatched curly braces"),
        ("[1", "Unmatched square brackets"),
        ("f(1", "Unmatched parentheses"),
        ("process.exit()", "Dangerous pattern detected: process"),
        ("import 'x'", "Dangerous pattern detected: import"),
    ],
)
def test_a_validation_error_is_400_with_a_full_body(run: Run, code: str, error: str) -> None:
    """Rules 1, 2, 3 and 5: status 400, every field of an execution."""
    answer = run(code)
    body = answer.json
    assert (answer.status, list(body)) == (400, [*SEED_FIELDS, "execution_id", "usage", "line", "column"])
    assert (body["status"], body["error"], body["output"], body["console_logs"], body["return_value"]) == (
        "validation_error",
        error,
        "",
        [],
        None,
    )


def test_code_of_exactly_10_kb_runs(run: Run) -> None:
    """10,240 bytes are allowed."""
    assert run("return 1" + " " * (10_240 - 8)).json["return_value"] == 1


# ------------------------------------------------------------------ how the code runs


@pytest.mark.parametrize(
    ("code", "value"),
    [
        ("const input = 1; let results = 2; return [input, results]", [1, 2]),
        ("undeclared = 5; return undeclared", 5),
        ("const { a = 1, ...rest } = input ?? {}; return [a, rest]", [1, {}]),
        ("#!/usr/bin/env node\nreturn 1", 1),
        ("return await new Promise(resolve => setTimeout(() => resolve(7), 20))", 7),
        ("for await (const x of (async function* () { yield 1 })()) return x", 1),
        ("return [typeof globalThis.process, typeof globalThis.require]", ["undefined", "undefined"]),
        ("return this === globalThis", True),
        ("return 1 // comment", 1),
    ],
)
def test_the_code_is_the_body_of_an_async_function(run: Run, code: str, value: object) -> None:
    """Our globals may be shadowed, undeclared names assigned, and await and return stand at the top."""
    assert run(code).json["return_value"] == value


def test_pending_timers_are_cut(run: Run) -> None:
    """The execution ends with the body's promise, not with its last timer."""
    body = run("setTimeout(() => console.log('late'), 2000); setInterval(() => {}, 10); return 1", timeout_ms=30_000).json
    assert (body["status"], body["console_logs"], body["execution_time"] < 1.5) == ("success", [], True)


def test_the_documented_globals_are_there(run: Run) -> None:
    """Every global that the API's document names exists."""
    names = "console results input fetch Math Date JSON Array Object String Number Boolean Error RegExp Promise Map Set Symbol"
    code = f"return '{names}'.split(' ').filter(name => !(name in globalThis))"
    assert run(code).json["return_value"] == []


def test_executions_share_nothing(run: Run) -> None:
    """What one execution leaves behind, globals and patched built-ins, no other sees."""
    run("globalThis.left = 1; Array.prototype.map = () => 'patched'; results.x = 1")
    assert run("return [typeof left, [1].map(x => x + 1)]").json["return_value"] == ["undefined", [2]]


def test_typescript_runs(run: Run) -> None:
    """Types are erased; lines and columns stay the user's."""
    assert (
        run("interface A { b: number }\nconst a: A = { b: 2 };\nreturn a.b * 2", language="typescript").json["return_value"]
        == 4
    )
    body = run("type A = string;\nconst a: A = null!;\na.length", language="typescript").json
    assert (body["status"], body["line"]) == ("error", 3)


def test_a_type_in_javascript_is_a_syntax_error(run: Run) -> None:
    """TypeScript has to be announced."""
    assert run("const a: number = 1").json["error"].startswith("SyntaxError: ")


# ------------------------------------------------------------------ what is stored


def ended(daemon: Daemon, execution_id: str) -> dict[str, Any]:
    """The record, once it is complete: that is soon after the answer."""

    def found() -> dict[str, Any] | None:
        rows = executions(daemon.data_dir, "caller")
        return next((row for row in rows if row["id"] == execution_id and row["status"] != "running"), None)

    row: dict[str, Any] = wait_until(found)
    return row


def test_the_record_holds_no_content(daemon: Daemon, token: str) -> None:
    """Metadata, a hash, the status, the usage and the error's name are stored; source and output are not."""
    answer = daemon.execute(token, "console.log('secret'); throw new TypeError('secret')")
    row = ended(daemon, answer.json["execution_id"])
    assert (row["status"], row["error_name"], row["counted"], row["door"]) == ("failed", "TypeError", 1, "code-nodes")
    assert re.fullmatch("[0-9a-f]{64}", row["code_sha256"])
    assert (row["source"], row["output"]) == (None, None)
    assert b"secret" not in b"".join(file.read_bytes() for file in daemon.data_dir.iterdir())


def test_tokens_are_stored_as_hashes(daemon: Daemon, token: str) -> None:
    """The token itself is in no file."""
    assert token.encode() not in b"".join(file.read_bytes() for file in daemon.data_dir.iterdir())
