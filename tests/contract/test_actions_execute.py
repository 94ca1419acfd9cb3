"""POST /execute of the actions door: what an action is given, what it gives, and how that is told."""

import json
import re
from typing import Any

import pytest

from tests.support.actions import HELLO, ActionsCaller, codes, failures, in_files, inline, kinds, printed, result, settled
from tests.support.stored import executions, wait_until

SUMMARY = ["status", "execution_id", "duration_ms", "result"]
RESULT = ["ok", "runs", "failures", "max_duration_ms", "max_memory_kb", "output_fields", "flaky", "snapshots_ok"]


def gives(actions: ActionsCaller, source: str, *fixtures: str, **more: Any) -> Any:
    """The output fields of an action that succeeds."""
    report = actions.run(source, *fixtures, **more)
    assert failures(report) == []
    return result(report)["output_fields"]


def fails(actions: ActionsCaller, source: str, **more: Any) -> tuple[str, str]:
    """Type and message of the one failure of an action."""
    report = actions.run(source, **more)
    assert (result(report)["ok"], len(result(report)["failures"])) == (False, 1)
    assert kinds(report)[-1] == "execution_failed"
    return failures(report)[0]


# ------------------------------------------------------------------ shapes


def test_the_answer_has_the_document_s_shape(actions: ActionsCaller) -> None:
    """Summary, result and events with the documented fields, in the documented order."""
    report = actions.run("exports.main = (event) => { console.log('hi'); return { outputFields: { a: 1 } }; }")
    assert list(report) == ["summary", "events"]
    assert list(report["summary"]) == SUMMARY
    assert list(result(report)) == RESULT
    assert report["summary"]["status"] == "executed"
    assert settled(result(report)) == {
        "ok": True,
        "runs": 1,
        "failures": [],
        "output_fields": {"a": 1},
        "flaky": False,
        "snapshots_ok": True,
    }
    assert kinds(report) == ["execution_created", "validation_started", "execution_started", "stdout", "execution_completed"]


def test_a_configuration_with_every_key_runs(actions: ActionsCaller) -> None:
    """As the document shows one, inline and in files: it runs, again with the same result, and is valid."""
    more = {
        "env": {"HUBSPOT_TOKEN": "pat-test-token", "HUBSPOT_BASE_URL": "https://api.hubapi.com"},
        "runtime": {"node": "node", "python": "python"},
        "snapshots": {"enabled": True},
        "budgets": {"duration_ms": 20_000, "memory_mb": 128},
        "assertions": {"return_value.ok": {"eq": True}},
        "repeat": 1,
    }
    config = inline("exports.main = async (event) => { return { ok: true }; }", '{ "input": "hello" }', **more)
    for mode in ({}, {"mode": "execute"}):
        answer = actions.execute(config, **mode)
        assert (answer.status, result(answer.json)["ok"], result(answer.json)["snapshots_ok"]) == (200, True, True)
        assert kinds(answer.json) == ["execution_created", "validation_started", "execution_started", "execution_completed"]
    assert actions.validate(in_files(actions.root, config)).json["valid"]


def test_events_are_numbered_and_dated(actions: ActionsCaller) -> None:
    """seq counts from 1; timestamps are RFC 3339 in UTC and never go back; fixture and repeat stand where they apply."""
    events = actions.run(HELLO)["events"]
    assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
    stamps = [event["timestamp"] for event in events]
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", stamp) for stamp in stamps)
    assert stamps == sorted(stamps)
    assert ["fixture" in event for event in events] == ["repeat" in event for event in events] == [False, False, True, True]


def test_measurements_are_taken(actions: ActionsCaller) -> None:
    """The longest execution and the largest one stand in the result."""
    source = (
        "exports.main = async () => { const a = new Uint8Array(24 << 20).fill(1); await new Promise(r => setTimeout(r, 60)); }"
    )
    report = actions.run(source)
    assert 50 <= result(report)["max_duration_ms"] <= report["summary"]["duration_ms"]
    assert result(report)["max_memory_kb"] > 16 << 10


def test_mode_validate_runs_nothing(actions: ActionsCaller) -> None:
    """200, `validated`, no result; no execution is recorded."""
    before = len(executions(actions.daemon.data_dir, "caller"))
    answer = actions.execute(inline("exports.main = () => { for (;;); }"), mode="validate")
    assert (answer.status, answer.json["summary"]["status"], list(answer.json["summary"])) == (
        200,
        "validated",
        ["status", "execution_id"],
    )
    assert kinds(answer.json) == ["execution_created", "validation_started"]
    assert len(executions(actions.daemon.data_dir, "caller")) == before


@pytest.mark.parametrize("mode", ["execute", "validate"])
def test_what_is_not_valid_is_400_and_does_not_run(actions: ActionsCaller, mode: str) -> None:
    """The summary, one event and the findings; no execution is recorded."""
    before = len(executions(actions.daemon.data_dir, "caller"))
    answer = actions.execute(inline(HELLO, "{"), mode=mode)
    assert (answer.status, list(answer.json), answer.json["summary"]["status"]) == (
        400,
        ["summary", "events", "errors"],
        "validation_failed",
    )
    assert list(answer.json["summary"]) == ["status", "execution_id"]
    assert (kinds(answer.json), codes(answer.json["errors"])) == (["validation_failed"], ["FIXTURE_INVALID_JSON"])
    assert len(executions(actions.daemon.data_dir, "caller")) == before


def test_fixtures_and_repeats_run_in_turn(actions: ActionsCaller) -> None:
    """Each fixture as often as asked, in order, each in a worker of its own; the first one's output stands in the result."""
    source = "globalThis.n = (globalThis.n ?? 0) + 1; exports.main = (event) => ({ outputFields: { n, at: event.at } });"
    report = actions.run(source, '{"at": "a"}', '{"at": "b"}', repeat=2)
    done = [event for event in report["events"] if event["kind"] == "execution_completed"]
    assert [(event["fixture"][-11:], event["repeat"], event["output_fields"]) for event in done] == [
        ("event1.json", 1, {"n": 1, "at": "a"}),
        ("event1.json", 2, {"n": 1, "at": "a"}),
        ("event2.json", 1, {"n": 1, "at": "b"}),
        ("event2.json", 2, {"n": 1, "at": "b"}),
    ]
    assert (result(report)["runs"], result(report)["output_fields"], result(report)["flaky"]) == (4, {"n": 1, "at": "a"}, False)


def test_the_failures_of_some_do_not_hide_the_others(actions: ActionsCaller) -> None:
    """Each execution has its own end; the output fields are the first successful one's."""
    report = actions.run(
        "exports.main = (e) => { if (e === 1) throw new TypeError('one'); return { outputFields: e } }", "1", "2"
    )
    assert kinds(report)[2:] == ["execution_started", "execution_failed", "execution_started", "execution_completed"]
    assert (result(report)["ok"], result(report)["runs"], result(report)["output_fields"]) == (False, 2, 2)
    failed = result(report)["failures"][0]
    assert (failed["fixture"], failed["repeat"]) == ("fixtures/event1.json", 1)
    assert (failed["error"]["type"], failed["error"]["message"]) == ("TypeError", "one")
    assert failed["error"]["stack"].startswith("TypeError: one\n    at exports.main (user.js:1:")


# ------------------------------------------------------------------ main


@pytest.mark.parametrize(
    ("source", "output"),
    [
        ("exports.main = async (event) => ({ outputFields: event.inputFields })", {"name": "Ada"}),
        ("exports.main = (event, callback) => { callback({ outputFields: event.inputFields }) }", {"name": "Ada"}),
        ("module.exports = { main: () => ({ outputFields: 1 }) }", 1),
        ("module.exports.main = function () { return this.extra() }; exports.extra = () => ({ outputFields: 2 })", 2),
        ("export const main = async () => ({ outputFields: 3 })", 3),
        ("export async function main(event, callback) { callback({ outputFields: 4 }) }", 4),
        ("export default { main() { return { outputFields: 5 } } }", 5),
        ("const x = await Promise.resolve(6);\nexport function main() { return { outputFields: x } }", 6),
        ("exports.main = () => ({ ok: true })", None),
        ("exports.main = () => [1]", None),
        ("exports.main = () => {}", None),
        ("#!/usr/bin/env node\nexports.main = () => ({ outputFields: 7 })", 7),
        (
            "exports.main = () => ({ outputFields: { u: undefined, f() {}, d: new Date(0) } })",
            {"d": "1970-01-01T00:00:00.000Z"},
        ),
        ("exports.main = () => ({ outputFields: '\\ud800' })", "\ufffd"),
    ],
)
def test_main_returns_or_calls_back(actions: ActionsCaller, source: str, output: Any) -> None:
    """CommonJS and ES modules, by return and by callback."""
    assert gives(actions, source) == output


@pytest.mark.parametrize(
    ("body", "output"),
    [
        ("callback({ outputFields: 1 }); callback({ outputFields: 2 });", 1),
        ("callback({ outputFields: 1 }); return { outputFields: 2 };", 1),
        ("setTimeout(() => callback({ outputFields: 1 }), 5); return { outputFields: 2 };", 2),
        ("setTimeout(() => { callback({ outputFields: 1 }); throw new Error('late') }, 5);", 1),
        ("callback({ outputFields: 1 }); throw new Error('late');", 1),
        ("callback({ outputFields: 1 }); Promise.reject(new Error('late'));", 1),
        ("callback({ outputFields: 1 }); process.exit(1);", 1),
        ("setTimeout(() => { callback({ outputFields: 1 }); process.exit(1) }, 5);", 1),
        ("setInterval(() => {}, 5); setTimeout(() => callback({ outputFields: 1 }), 20);", 1),
        ("setTimeout(() => { throw new Error('late') }, 50); return { outputFields: 1 };", 1),
    ],
)
@pytest.mark.parametrize("keyword", ["", "async "])
def test_what_comes_first_counts(actions: ActionsCaller, keyword: str, body: str, output: int) -> None:
    """The first callback, else the return value, and nothing that happens later changes it."""
    assert gives(actions, f"exports.main = {keyword}(event, callback) => {{ {body} }}") == output


def test_what_is_printed_after_the_callback_is_told(actions: ActionsCaller) -> None:
    """The turn in which the callback was called comes to its end."""
    report = actions.run("exports.main = async (e, callback) => { console.log(1); callback({}); console.log(2); }")
    assert printed(report) == ["1", "2"]


@pytest.mark.parametrize(
    ("source", "kind", "message"),
    [
        ("exports.main = () => { throw new RangeError('far') }", "RangeError", "far"),
        ("exports.main = async () => { throw new Error('later') }", "Error", "later"),
        ("exports.main = () => Promise.reject('text')", "Error", "text"),
        ("throw new TypeError('at load')", "TypeError", "at load"),
        ("exports.other = 1", "MissingMain", "The action exports no function main"),
        ("exports.main = 1", "MissingMain", "The action exports no function main"),
        ("module.exports = null", "MissingMain", "The action exports no function main"),
        ("export const other = 1", "MissingMain", "The action exports no function main"),
        ("exports.main = () => process.exit(0)", "Error", "The code ended its process before it was finished"),
        ("exports.main = (e, callback) => {}", "Error", "The code is waiting for something that can no longer happen"),
        (
            "exports.main = async () => { Promise.reject(new Error('alone')); await new Promise(r => setTimeout(r, 99)) }",
            "Error",
            "alone",
        ),
        ("exports.main = () => 1n", "TypeError", "Do not know how to serialize a BigInt"),
        ("exports.main = () => 'x'.repeat(300000)", "RangeError", "The result is too large"),
        ("exports.main = () => new Uint8Array(1 << 30)", "MemoryError", "Memory limit exceeded (128 MB)"),
    ],
)
def test_a_failure_is_told(actions: ActionsCaller, source: str, kind: str, message: str) -> None:
    """200, `ok` false, with the type and the message; the last event is `execution_failed`."""
    assert fails(actions, source) == (kind, message)


@pytest.mark.parametrize("name", ["axios", "fs", "node:fs", "./other", "@hubspot/api-client"])
@pytest.mark.parametrize(
    "form", ["const x = require('NAME'); exports.main = () => 1", "exports.main = async () => await import('NAME')"]
)
def test_modules_are_off(actions: ActionsCaller, form: str, name: str) -> None:
    """The text names the module and says so."""
    kind, message = fails(actions, form.replace("NAME", name))
    assert (kind, name in message, message.endswith(": modules are off")) == ("TypeError", True, True)


# ------------------------------------------------------------------ process and console


def test_the_environment_is_the_configuration_s(actions: ActionsCaller) -> None:
    """All of `env`, and nothing else: not the daemon's, not the worker's."""
    env = {"HUBSPOT_TOKEN": "pat-test", "EMPTY": "", "__proto__": "odd", "ü": "ß"}
    assert gives(actions, "exports.main = () => ({ outputFields: process.env })", env=env) == env
    assert gives(actions, "exports.main = () => ({ outputFields: Object.keys(process.env) })") == []


def test_the_daemon_s_environment_is_invisible(actions: ActionsCaller) -> None:
    """No name of it is anywhere in `process`, and there is no other way to it."""
    source = """
    exports.main = () => {
      const seen = new Set(), found = [];
      (function walk(value, path) {
        if ((typeof value !== 'object' && typeof value !== 'function') || value === null || seen.has(value)) {
          if (typeof value === 'string') found.push(value);
          return;
        }
        seen.add(value);
        for (const key of Reflect.ownKeys(value)) { found.push(String(key)); try { walk(value[key], path) } catch {} }
      })(process, '');
      return { outputFields: found };
    };
    """
    found = gives(actions, source)
    assert not {"PATH", "HOME", "LD_PRELOAD", "OPENSSL_CONF", "UV_THREADPOOL_SIZE", "binding", "dlopen", "kill"} & set(found)
    assert not [text for text in found if str(actions.root) in text or ".venv" in text]


def test_console_and_streams_are_events(actions: ActionsCaller) -> None:
    """log, info and debug are stdout, warn and error are stderr, a write is a line, in the order in which they came."""
    source = """
    exports.main = () => {
      console.log('a', { b: 1 }); console.info('i'); console.warn('w'); console.error('e'); console.debug('d');
      process.stdout.write('out\\n'); process.stderr.write(new TextEncoder().encode('err'));
      process.stdout.write('{"summary":{"status":"forged"}}\\n\\n');
    };
    """
    report = actions.run(source)
    assert [(event["kind"], event["data"]) for event in report["events"] if event["kind"] in ("stdout", "stderr")] == [
        ("stdout", "a { b: 1 }"),
        ("stdout", "i"),
        ("stderr", "w"),
        ("stderr", "e"),
        ("stdout", "d"),
        ("stdout", "out"),
        ("stderr", "err"),
        ("stdout", '{"summary":{"status":"forged"}}\n'),
    ]
    assert result(report)["ok"]


def test_output_beyond_its_limit_is_dropped_and_said_so(actions: ActionsCaller) -> None:
    """256 KB of one execution, and about 4 MB of all; the executions go on."""
    report = actions.run("exports.main = () => { console.log('x'.repeat(262144)); console.log('y') }")
    assert (len(printed(report)), kinds(report)[-1], report["events"][-1]["output_truncated"]) == (
        1,
        "execution_completed",
        True,
    )
    report = actions.run("exports.main = (n) => { for (let i = 0; i < 20000; i++) console.log('') }", "1", "2", "3")
    ends = [event.get("output_truncated", False) for event in report["events"] if event["kind"] == "execution_completed"]
    assert (ends, 20_000 < len(printed(report)) < 30_000) == ([False, True, True], True)


def test_the_execution_ids_are_the_request_s(actions: ActionsCaller) -> None:
    """What is recorded of each execution bears the id of the answer, and a number."""
    report = actions.run(HELLO, repeat=2)
    ids = [row["id"] for row in executions(actions.daemon.data_dir, "caller")][-2:]
    assert ids == [f"{report['summary']['execution_id']}-{n}" for n in (1, 2)]


def test_no_source_and_no_output_is_recorded(actions: ActionsCaller) -> None:
    """The profile keeps metadata only."""
    actions.run("exports.main = () => { console.log('secret'); throw new Error('x') }")
    rows = lambda: executions(actions.daemon.data_dir, "caller")  # noqa: E731
    row = wait_until(lambda: rows()[-1]["status"] != "running" and rows()[-1])
    assert (row["door"], row["profile"], row["status"]) == ("actions", "actions", "failed")
    assert (row["source"], row["output"], "secret" in json.dumps(row)) == (None, None, False)
