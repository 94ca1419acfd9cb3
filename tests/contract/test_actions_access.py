"""The actions door from outside: who may call, how often, and what a request must look like."""

import http.client
import json
import shutil
from pathlib import Path
from typing import Any

import pytest

import policies
from tests.support.actions import HELLO, ActionsCaller, inline, result
from tests.support.daemon import running_daemon
from tests.support.stored import counted, make_token, statuses, wait_until

DOORS = ["code-nodes", "actions"]

ROUTES = ["/execute", "/validate"]


def test_health_is_text_without_a_token(actions: ActionsCaller) -> None:
    """`ok`, as text, for everybody."""
    answer = actions.daemon.request("GET", "/health")
    assert (answer.status, answer.body, answer.headers["Content-Type"]) == (200, b"ok", "text/plain; charset=utf-8")


@pytest.mark.parametrize("route", ROUTES)
def test_a_token_is_demanded(actions: ActionsCaller, route: str) -> None:
    """401 without one and with a wrong one, before anything is looked at."""
    assert actions.daemon.request("POST", route, body=b"{").status == 401
    answer = actions.daemon.request("POST", route, token="nope", body=b"{")
    assert (answer.status, answer.json, answer.headers["WWW-Authenticate"]) == (
        401,
        {"error": "Invalid or expired token"},
        "Bearer",
    )


@pytest.mark.parametrize("route", ROUTES)
def test_a_subscription_is_demanded(actions: ActionsCaller, route: str) -> None:
    """403 for a tier that does not open this door."""
    token = make_token(actions.daemon.data_dir, "nobody", "none")
    answer = actions.daemon.request("POST", route, token=token, body=b"{")
    assert (answer.status, "Subscription" in answer.json["error"]) == (403, True)


def test_without_the_profile_the_door_is_closed(tmp_path: Path) -> None:
    """An operator's own policies may leave actions out: the paths are unknown, and the other doors serve."""
    home = tmp_path / "policies"
    shutil.copytree(policies.HOME, home)
    (home / "profiles/actions.toml").unlink()
    (tmp_path / "c.toml").write_text(f'policies = "{home}"\n')
    with running_daemon(tmp_path / "data", "--config", str(tmp_path / "c.toml")) as daemon:
        caller = ActionsCaller(daemon, make_token(daemon.data_dir, "caller"), tmp_path)
        assert (caller.execute(inline()).status, caller.validate({}).status) == (404, 404)
        assert daemon.execute(caller.token, "return 1").status == 200


@pytest.mark.parametrize("route", ["/health", *ROUTES])
def test_other_methods_are_refused(actions: ActionsCaller, route: str) -> None:
    """405, as JSON."""
    answer = actions.daemon.request("PUT", route, token=actions.token, body={})
    assert (answer.status, list(answer.json)) == (405, ["error"])


@pytest.mark.parametrize(
    ("body", "word"),
    [
        (b"", "Invalid JSON"),
        (b"{", "Invalid JSON"),
        (b'{"config": {"env": {"a": "\xff"}}}', "UTF-8"),
        (b'{"config": {"version": ' + b"[" * 100_000, "nested"),
        (b"[]", "Expected `object`"),
        ({}, "`config`"),
        ({"config": inline(), "extra": 1}, "`extra`"),
        ({"config": inline(), "mode": "run"}, "$.mode"),
        ({"config": inline(extra=1)}, "`extra`"),
        ({"config": inline(mode="execute")}, "`mode`"),
        ({"config": inline() | {"action": {"language": "js", "source": HELLO, "type": "js"}}}, "`type`"),
        ({"config": inline() | {"fixtures": ["a.json"]}}, "$.config.fixtures[0]"),
        ({"config": inline() | {"fixtures": [{"name": "a", "source": {}}]}}, "$.config.fixtures[0].source"),
        ({"config": inline(env={"A": 1})}, "$.config.env"),
        ({"config": inline(snapshots={"enabled": 1})}, "$.config.snapshots.enabled"),
        ({"config": inline(budgets={"cpu_ms": 1})}, "`cpu_ms`"),
        ({"config": inline(runtime={"deno": "deno"})}, "`deno`"),
        ({"config": inline(assertions={"ok": {"gt": "1"}})}, "$.config.assertions"),
    ],
)
def test_a_request_of_another_shape_is_400(actions: ActionsCaller, body: Any, word: str) -> None:
    """With a text that names the key."""
    answer = actions.daemon.request("POST", "/execute", token=actions.token, body=body)
    assert (answer.status, list(answer.json), word in answer.json["error"]) == (400, ["error"], True), answer.body


@pytest.mark.parametrize(
    ("more", "word"),
    [
        ({"mode": "validate"}, "`mode`"),
        ({"config": {}}, "`config`"),
        ({"action": {"type": "js", "entry": "a.js", "source": "x"}}, "`source`"),
        ({"fixtures": [{"name": "a", "source": "1"}]}, "$.fixtures[0]"),
    ],
)
def test_validate_takes_configurations_of_paths_only(actions: ActionsCaller, more: dict[str, Any], word: str) -> None:
    """An unknown key is an error, and so is `mode`."""
    answer = actions.validate({"version": 1, "action": {"type": "js", "entry": "a.js"}, "fixtures": ["a.json"]} | more)
    assert (answer.status, word in answer.json["error"]) == (400, True), answer.body


def test_the_command_line_says_the_same_of_a_wrong_shape(actions: ActionsCaller) -> None:
    """Exit code 2, with the words of the 400."""
    for config, command in ((inline(extra=1), "run"), ({"action": {"type": "js"}, "mode": "x"}, "validate")):
        ended = actions.cli(command, config)
        assert (ended.code, ended.out, ended.err.startswith("sandboxd: Invalid request: Object contains unknown field")) == (
            2,
            "",
            True,
        )


def test_a_body_above_1_mb_is_413(actions: ActionsCaller) -> None:
    """Whatever is in it."""
    answer = actions.execute(inline(HELLO, json.dumps("x" * (1 << 20))))
    assert (answer.status, answer.json["limit"]) == (413, "max_body_bytes")


# ------------------------------------------------------------------ quotas


def test_each_execution_is_a_take(actions: ActionsCaller) -> None:
    """Fixtures × repeat, each counted; validation counts nothing."""
    caller = ActionsCaller(actions.daemon, make_token(actions.daemon.data_dir, "counted", "starter"), actions.root)
    assert result(caller.run(HELLO, "{}", "{}", repeat=2))["runs"] == 4
    assert caller.execute(inline(), mode="validate").status == 200
    assert counted(actions.daemon.data_dir, "counted") == 4


def test_a_refused_take_ends_the_request(actions: ActionsCaller) -> None:
    """429 as at every door; what ran before it is counted, and is not told."""
    caller = ActionsCaller(actions.daemon, make_token(actions.daemon.data_dir, "eager", "starter"), actions.root)
    source = "exports.main = () => ({ outputFields: { n: 1 } })"
    assert result(caller.run(source, repeat=98))["runs"] == 98
    answer = caller.execute(inline(source, repeat=3))
    assert (answer.status, answer.json["error"], answer.json["allowed"]) == (429, "Rate limit exceeded", 100)
    assert answer.json["limit"] in ("hourly", "monthly")
    assert int(answer.headers["Retry-After"]) == answer.json["retry_after"] > 0
    done = wait_until(lambda: (all_ := statuses(actions.daemon.data_dir, "eager")) and "running" not in all_ and all_)
    assert done == ["succeeded"] * 100


def test_who_hangs_up_ends_his_executions(actions: ActionsCaller) -> None:
    """The one that runs is cancelled, those that have not begun never do."""
    token = make_token(actions.daemon.data_dir, "gone")
    source = "exports.main = (event, callback) => { if (event === 1) callback(1); else setInterval(() => {}, 50); }"
    body = json.dumps({"config": inline(source, "1", "2", "3")})
    client = http.client.HTTPConnection(actions.daemon.host, actions.daemon.port, timeout=90)
    client.request("POST", "/execute", body, {"Authorization": f"Bearer {token}"})
    assert wait_until(lambda: statuses(actions.daemon.data_dir, "gone") == ["succeeded", "running"])
    client.close()
    assert wait_until(lambda: statuses(actions.daemon.data_dir, "gone") == ["succeeded", "cancelled"])


def test_doors_share_the_user_s_quota(actions: ActionsCaller) -> None:
    """What ran by another door counts here too: the quota is the user's."""
    caller = ActionsCaller(actions.daemon, make_token(actions.daemon.data_dir, "both", "starter"), actions.root)
    assert actions.daemon.execute(caller.token, "return 1").status == 200
    caller.run(HELLO)
    assert counted(actions.daemon.data_dir, "both") == 2
