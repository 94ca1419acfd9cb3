"""Inline, in files, by HTTP and by the command line: one action is judged and run in one way."""

import json
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.actions import ActionsCaller, in_files, inline, settled

BODIES = st.sampled_from(
    [
        "async (event) => ({ outputFields: event })",
        "(event, callback) => { console.log('in', event); callback({ outputFields: [event, process.env] }); }",
        "async (event) => { console.warn(typeof event); if (event === null) throw new TypeError('null'); return event; }",
        "(event, callback) => {}",
        "() => { process.stdout.write('x\\n'); process.exit(1); }",
        "() => require('axios')",
    ]
)
SOURCES = st.one_of(
    BODIES.map(lambda body: f"exports.main = {body};"),
    BODIES.map(lambda body: f"export const main = {body};"),
    st.sampled_from(["", " ", "exports.main = (", "export {", "exports.other = 1", "import 'fs'", "throw new Error('load')"]),
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
EVENTS = VALUES.map(json.dumps) | st.sampled_from(["", "{", "[1,]", "nul", '"\\ud800"', " 1 "])
CONFIGS = st.fixed_dictionaries(
    {"version": st.sampled_from([1, 1, 1, 2]), "repeat": st.sampled_from([1, 1, 2, 0])},
    optional={
        "env": st.dictionaries(st.text(max_size=5), st.text(max_size=5), max_size=3),
        "runtime": st.just({"node": "node", "python": "python"}),
        "budgets": st.sampled_from([{}, {"duration_ms": 20_000}, {"memory_mb": 0}]),
        "assertions": st.sampled_from([{"ok": {"eq": True}}, {"output_fields.a": {"exists": False}, "nope": {"eq": 1}}]),
    },
)


@settings(max_examples=25, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(SOURCES, st.lists(EVENTS, max_size=2), CONFIGS)
def test_in_files_as_inline(actions: ActionsCaller, source: str, events: list[str], more: dict[str, Any]) -> None:
    """Generated configurations: `/validate` finds in files what `/execute` finds inline."""
    config = inline(source, *events, **more) | ({} if events else {"fixtures": []})
    paths = in_files(actions.root, config)
    by_text = actions.execute(config, mode="validate").json
    assert actions.validate(paths).json["errors"] == by_text.get("errors", [])


def test_the_command_line_runs_both_kinds_alike(actions: ActionsCaller) -> None:
    """Reports by HTTP, of an inline configuration and of one in files: the same but for ids, times and measurements."""
    cases = [
        inline("exports.main = (event, callback) => { console.log(event); callback({ outputFields: [event, process.env] }) }"),
        inline(
            "exports.main = async (event) => { console.error('e'); if (event) throw new TypeError('x') }", "0", "1", repeat=2
        ),
        inline("export const main = () => ({ outputFields: { n: 1 } })", assertions={"output_fields.n": {"gt": 1}}),
        inline("exports.main = (", "{"),
    ]
    for config in cases:
        answer = actions.execute(config)
        by_http = settled(answer.json)
        for given_config in (config, in_files(actions.root, config)):
            ended = actions.cli("run", given_config)
            assert settled(json.loads(ended.out)) == by_http
            assert (ended.code, ended.err) == (0 if by_http["summary"].get("result", {}).get("ok") else 1, "")
