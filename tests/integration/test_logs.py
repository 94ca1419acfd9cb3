"""The log: whose a line is, how much is told, and what is never told."""

import json
from pathlib import Path
from typing import Any

from tests.support.actions import ActionsCaller, inline
from tests.support.daemon import Daemon, Serve
from tests.support.executing import Caller
from tests.support.stored import executions, make_token, wait_until

DOORS = 'doors = ["code-nodes", "executions", "actions"]'
SECRET = "a-word-of-the-user"
START = ["cgroups for workers", "starting"]
"""What is told of no execution."""


def events(daemon: Daemon) -> list[dict[str, Any]]:
    """The lines that are JSON, without those of the audit log."""
    found = [json.loads(line) for line in daemon.log() if line.startswith("{")]
    return [line for line in found if "log" not in line]


def ended(daemon: Daemon) -> list[dict[str, Any]]:
    """The lines that say how an execution ended."""
    return [line for line in events(daemon) if line["event"] == "execution ended"]


def test_lines_of_an_execution_have_its_id_and_nothing_of_its_code(serve: Serve) -> None:
    """By every door, at the level that tells most: no source, output, error, input, result, address or token."""
    daemon = serve(DOORS, 'log_level = "debug"')
    token = make_token(daemon.data_dir, "u")
    code = f"const a = '{SECRET}'; console.log(a); await fetch('http://{SECRET}.example/').catch(() => 1); "
    for end in ("return a", "throw new Error(a)", "for (;;) {}", "process.exit(a)", f"}} {SECRET} ("):
        daemon.execute(token, code + end, timeout_ms=1000, input={"a": SECRET})
    daemon.validate(token, code)
    caller = Caller(daemon, token)
    submitted = [caller.submit(code + end, session=SECRET, tags={"a": SECRET}) for end in ("", "throw new Error(a)")]
    for each in submitted:
        caller.ended(each)
    main = "exports.main = async (event) => { console.log(event.a, process.env.A); return { outputFields: event } }"
    acted = ActionsCaller(daemon, token, Path()).execute(inline(main, json.dumps({"a": SECRET}), env={"A": SECRET}))
    assert (acted.status, SECRET in str(acted.json)) == (200, True)
    daemon.request("GET", f"/api/executions/{SECRET}", token=SECRET)
    records = executions(daemon.data_dir, "u")
    known = {row["id"] for row in records if row["status"] != "rejected"}
    assert wait_until(lambda: {line["execution"] for line in ended(daemon)} >= known)
    assert known >= set(submitted)
    lines = [line for line in events(daemon) if line["event"] not in START]
    assert [line for line in lines if line.get("execution") not in {row["id"] for row in records}] == []
    assert {line["event"] for line in lines} == {"host call", "execution ended"}
    assert daemon.stop() == 0
    assert [line for line in daemon.log() if token in line] == []
    assert [line for line in daemon.log() if SECRET in line and '"host call"' not in line] == []


def test_a_quiet_level_tells_only_what_is_wrong(serve: Serve) -> None:
    """No start, no end, no host call; the audit log has its lines all the same."""
    daemon = serve('log_level = "error"')
    daemon.execute(make_token(daemon.data_dir, "u"), "await fetch('http://no.example/').catch(() => 1)")
    assert daemon.stop() == 0
    assert [line for line in daemon.log() if line.startswith("{")] == []
    assert "policy loaded" in (daemon.data_dir / "audit.jsonl").read_text()


def test_ends_are_not_told_unless_asked_for(serve: Serve) -> None:
    """An execution without host calls has no line."""
    daemon = serve()
    assert daemon.execute(make_token(daemon.data_dir, "u"), "return 1").status == 200
    assert [line["event"] for line in events(daemon)] == START
