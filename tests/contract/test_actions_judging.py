"""Budgets, assertions, snapshots and repetitions: what is judged of an action's executions."""

import json
from pathlib import Path
from typing import Any

import jsonpatch
import pytest

from tests.support.actions import ActionsCaller, codes, failures, inline, kinds, result
from tests.support.stored import make_token

ON = {"enabled": True}


def echo(tag: str) -> str:
    """An action of its own for each test, which gives back its event."""
    return f"exports.main = (event) => ({{ outputFields: event }}); // {tag}"


def test_the_first_output_is_kept_and_compared(actions: ActionsCaller) -> None:
    """Per action and fixture name; what differs is told as a JSON Patch that leads from the first to this one."""
    first = {"a": 1, "list": [1, 2], "gone": None}
    later = {"a": 2, "list": [1, 2, 3], "new/~key": {"x": True}}
    assert result(actions.run(echo("one"), json.dumps(first), snapshots=ON))["snapshots_ok"]
    assert result(actions.run(echo("one"), json.dumps(first), snapshots=ON))["ok"]
    report = actions.run(echo("one"), json.dumps(later), snapshots=ON)
    assert kinds(report)[-2:] == ["execution_completed", "snapshot_mismatch"]
    mismatch = report["events"][-1]
    assert (mismatch["fixture"], mismatch["repeat"]) == ("fixtures/event1.json", 1)
    assert jsonpatch.apply_patch({"outputFields": first}, mismatch["patch"]) == {"outputFields": later}
    assert (result(report)["ok"], result(report)["snapshots_ok"]) == (False, False)
    assert failures(report) == [("SnapshotMismatch", "The output is not the one that was stored first")]


def test_the_first_one_stays(actions: ActionsCaller) -> None:
    """A mismatch changes nothing: what was first is what counts."""
    for event, good in (("1", True), ("2", False), ("2", False), ("1", True)):
        assert result(actions.run(echo("stays"), event, snapshots=ON))["snapshots_ok"] is good


def test_the_order_of_keys_is_no_difference(actions: ActionsCaller) -> None:
    """Canonical JSON."""
    assert result(actions.run(echo("keys"), '{"a": 1, "b": {"c": 2, "d": 3}}', snapshots=ON))["ok"]
    assert result(actions.run(echo("keys"), '{"b": {"d": 3, "c": 2}, "a": 1.0}', snapshots=ON))["ok"]


def test_another_program_and_another_name_have_their_own(actions: ActionsCaller) -> None:
    """A changed program begins anew, and so does a renamed fixture."""
    assert result(actions.run(echo("v1"), "1", snapshots=ON))["ok"]
    assert result(actions.run(echo("v2"), "2", snapshots=ON))["ok"]
    renamed = inline(echo("v1"), snapshots=ON) | {"fixtures": [{"name": "other", "source": "3"}]}
    assert result(actions.execute(renamed).json)["ok"]


def test_another_tenant_has_his_own(actions: ActionsCaller) -> None:
    """Nobody meets another's snapshots; users of one tenant share them."""
    tokens = {name: make_token(actions.daemon.data_dir, f"user{name}", tenant=name[0]) for name in ("a1", "a2", "b1")}
    seen = {}
    for (name, token), event in zip(tokens.items(), "123", strict=True):
        seen[name] = result(ActionsCaller(actions.daemon, token, actions.root).run(echo("tenants"), event, snapshots=ON))["ok"]
    assert seen == {"a1": True, "a2": False, "b1": True}


def test_without_snapshots_nothing_is_compared(actions: ActionsCaller) -> None:
    """Off unless enabled."""
    assert result(actions.run(echo("off"), "1"))["ok"]
    assert result(actions.run(echo("off"), "2", snapshots={"enabled": False}))["ok"]
    assert result(actions.run(echo("off"), "3", snapshots=ON))["ok"]


def test_a_failed_execution_is_no_snapshot(actions: ActionsCaller) -> None:
    """What comes first of those that succeed is kept."""
    source = "exports.main = (e) => { if (e === 0) throw 1; return e; } // failing"
    assert not result(actions.run(source, "0", snapshots=ON))["ok"]
    assert result(actions.run(source, "1", snapshots=ON))["ok"]
    assert result(actions.run(source, "0", snapshots=ON))["snapshots_ok"]


def test_the_command_line_keeps_its_own_in_the_data_directory(actions: ActionsCaller, tmp_path: Path) -> None:
    """The same events and exit codes, against snapshots in --data-dir."""
    data = ("--data-dir", str(tmp_path / "data"))
    ran = [actions.cli("run", inline(echo("cli"), event, snapshots=ON), *data) for event in ("1", "1", "2")]
    assert [ended.code for ended in ran] == [0, 0, 1]
    assert kinds(json.loads(ran[2].out))[-1] == "snapshot_mismatch"


# ------------------------------------------------------------------ repetitions


def test_outputs_that_differ_are_flaky(actions: ActionsCaller) -> None:
    """`flaky` says that repetitions of one fixture gave different outputs; by itself it is no failure."""
    report = actions.run("exports.main = () => ({ outputFields: crypto.randomUUID() })", repeat=2)
    assert (result(report)["flaky"], result(report)["ok"], result(report)["runs"]) == (True, True, 2)


def test_fixtures_that_differ_are_not_flaky(actions: ActionsCaller) -> None:
    """Only repetitions are compared."""
    assert not result(actions.run(echo("fixtures"), "1", "2", repeat=2))["flaky"]


def test_flaky_outputs_are_mismatches(actions: ActionsCaller) -> None:
    """With snapshots the second repetition is compared with the first."""
    report = actions.run("exports.main = () => crypto.randomUUID() // flaky", snapshots=ON, repeat=3)
    assert (result(report)["flaky"], result(report)["snapshots_ok"]) == (True, False)
    assert kinds(report).count("snapshot_mismatch") == 2


# ------------------------------------------------------------------ budgets


def test_budgets_that_are_kept(actions: ActionsCaller) -> None:
    """No failure."""
    assert result(actions.run(echo("kept"), budgets={"duration_ms": 19_999.5, "memory_mb": 128}))["ok"]


def test_a_budget_that_is_exceeded_is_a_failure(actions: ActionsCaller) -> None:
    """The execution succeeds, its output stands, and the failure names both numbers."""
    source = (
        "exports.main = async () => { new Uint8Array(32 << 20).fill(1); await new Promise(r => setTimeout(r, 60)); return 1 }"
    )
    report = actions.run(source, budgets={"duration_ms": 5, "memory_mb": 10})
    assert kinds(report)[-3:] == ["execution_completed", "budget_exceeded", "budget_exceeded"]
    assert (result(report)["ok"], [kind for kind, _ in failures(report)]) == (False, ["BudgetExceeded"] * 2)
    (_, slow), (_, large) = failures(report)
    assert (slow.startswith("duration_ms: "), slow.endswith(" is more than 5")) == (True, True)
    assert (large.startswith("memory_mb: "), large.endswith(" is more than 10")) == (True, True)


# ------------------------------------------------------------------ assertions

OUTPUT = "exports.main = () => ({ outputFields: { n: 3, s: 'abc', list: [{ x: null }], yes: true, '0': 'zero' }, rest: 1 })"


@pytest.mark.parametrize(
    ("path", "assertion"),
    [
        ("ok", {"eq": True}),
        ("output_fields.n", {"eq": 3}),
        ("output_fields.n", {"eq": 3.0}),
        ("output_fields.n", {"gt": 2, "lt": 4}),
        ("output_fields.s", {"regex": "^a.c$"}),
        ("output_fields.s", {"eq": "abc", "exists": True, "regex": "b"}),
        ("output_fields.list", {"eq": [{"x": None}]}),
        ("output_fields.list.0.x", {"exists": True, "eq": None}),
        ("output_fields.list.1", {"exists": False}),
        ("output_fields.list.x", {"exists": False}),
        ("output_fields.0", {"eq": "zero"}),
        ("output_fields.nope.deeper", {"exists": False}),
        ("return_value.rest", {"eq": 1}),
        ("return_value", {"exists": True}),
    ],
)
def test_an_assertion_that_holds(actions: ActionsCaller, path: str, assertion: Any) -> None:
    """No failure."""
    assert failures(actions.run(OUTPUT, assertions={path: assertion})) == []


@pytest.mark.parametrize(
    ("path", "assertion", "message"),
    [
        ("ok", {"eq": False}, "ok: true is not false"),
        ("output_fields.n", {"eq": "3"}, 'output_fields.n: 3 is not "3"'),
        ("output_fields.yes", {"eq": 1}, "output_fields.yes: true is not 1"),
        ("output_fields.n", {"gt": 3}, "output_fields.n: 3 is not greater than 3"),
        ("output_fields.n", {"lt": 3}, "output_fields.n: 3 is not less than 3"),
        ("output_fields.s", {"gt": 1}, 'output_fields.s: "abc" is not greater than 1'),
        ("output_fields.yes", {"gt": 0}, "output_fields.yes: true is not greater than 0"),
        ("output_fields.n", {"regex": "3"}, 'output_fields.n: 3 does not match "3"'),
        ("output_fields.s", {"regex": "^b"}, 'output_fields.s: "abc" does not match "^b"'),
        ("output_fields.s", {"exists": False}, 'output_fields.s: "abc" is there'),
        ("output_fields.nope", {"exists": True}, "output_fields.nope: is missing"),
        ("output_fields.nope", {"eq": None}, "output_fields.nope: what is missing is not null"),
        ("return_value.list", {"exists": True}, "return_value.list: is missing"),
    ],
)
def test_an_assertion_that_does_not_hold(actions: ActionsCaller, path: str, assertion: Any, message: str) -> None:
    """A failure and an event `assertion_failed`, with the path, what is there and what was asked."""
    report = actions.run(OUTPUT, assertions={path: assertion})
    assert (failures(report), kinds(report)[-1]) == ([("AssertionFailed", message)], "assertion_failed")


def test_all_mismatches_are_told(actions: ActionsCaller) -> None:
    """Of every assertion and every operator, in the order of the configuration, for each execution."""
    report = actions.run(OUTPUT, "1", "2", assertions={"output_fields.n": {"eq": 1, "gt": 5}, "ok": {"eq": 0}})
    assert [message for _, message in failures(report)] == [
        "output_fields.n: 3 is not 1",
        "output_fields.n: 3 is not greater than 5",
        "ok: true is not 0",
    ] * 2


def test_a_failed_execution_is_judged_too(actions: ActionsCaller) -> None:
    """`ok` is false then, and the output is null."""
    report = actions.run("exports.main = () => { throw 1 }", assertions={"ok": {"eq": True}, "output_fields": {"eq": None}})
    assert [message for _, message in failures(report)] == ["1", "ok: false is not true"]


def test_a_hostile_pattern_is_matched_in_time(actions: ActionsCaller) -> None:
    """What would take a backtracking engine for ever is linear here."""
    report = actions.run("exports.main = () => 'a'.repeat(200000) + 'b'", assertions={"return_value": {"regex": "^(a+)+$"}})
    assert [kind for kind, _ in failures(report)] == ["AssertionFailed"]


def test_numbers_without_a_value_here_are_told(actions: ActionsCaller) -> None:
    """JSON may say 1e999; it is no output, and no fault of the house."""
    report = actions.run("exports.main = () => JSON.rawJSON('1e999')", snapshots=ON)
    assert failures(report) == [("ResultError", "The result cannot be read: Number out of range")]


def test_a_nested_output_is_compared(actions: ActionsCaller) -> None:
    """256 levels, the limit, are compared and asserted about."""
    source = "exports.main = (n) => { let v = n; for (let i = 0; i < 255; i++) v = [v]; return { v } } // nested"
    assert result(actions.run(source, "1", snapshots=ON, assertions={"return_value.v": {"eq": 1}}))["snapshots_ok"]
    report = actions.run(source, "2", snapshots=ON)
    assert report["events"][-1]["patch"] == [{"op": "replace", "path": "/v" + "/0" * 255, "value": 2}]


def test_codes_are_unknown_to_the_judged(actions: ActionsCaller) -> None:
    """A wrong operator is a wrong request, not a finding."""
    answer = actions.execute(inline(assertions={"ok": {"equals": 1}}))
    assert (answer.status, "equals" in answer.json["error"], codes(answer.json.get("errors", []))) == (400, True, [])
