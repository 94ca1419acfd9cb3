"""/limits: what it says is what the doors hold to."""

from typing import Any

import pytest

from tests.support.daemon import Daemon
from tests.support.executing import Caller

DOORS = ["code-nodes", "executions"]


def limits(daemon: Daemon, tier: str) -> Any:
    """What a bearer of such a token is told, and the token."""
    token = daemon.token(f"user of {tier}", tier)
    answer = daemon.request("GET", "/limits", token=token)
    assert answer.status == 200, answer.body
    return answer.json, token


def test_the_longest_time_is_the_longest_that_is_taken(daemon: Daemon) -> None:
    """One millisecond more is refused, with the same number; that of executions is in whole seconds."""
    told, token = limits(daemon, "ambassador")
    most = told["doors"]["code-nodes"]["wall_ms"]["max"]
    assert daemon.execute(token, "return 1", timeout_ms=most).status == 200
    refused = daemon.execute(token, "return 1", timeout_ms=most + 1)
    assert (refused.status, refused.json["allowed"]) == (403, most)
    seconds = told["doors"]["executions"]["wall_ms"]["max"] // 1000
    caller = Caller(daemon, token)
    assert caller.run("1", execution_timeout_secs=seconds)["status"] == "completed"
    refused = caller.exec("1", execution_timeout_secs=seconds + 1)
    assert (refused.status, refused.json["allowed"]) == (403, seconds * 1000)


def test_the_default_is_no_longer_than_what_is_allowed(daemon: Daemon) -> None:
    """A starter's execution by default takes what his tier allows."""
    wall = limits(daemon, "starter")[0]["doors"]["executions"]["wall_ms"]
    assert (wall["default"], wall["max"]) == (30_000, 30_000)


def test_the_largest_source_is_the_largest_that_is_taken(daemon: Daemon) -> None:
    """One byte more is refused."""
    told, token = limits(daemon, "service")
    most = told["doors"]["code-nodes"]["source_bytes"]
    assert daemon.execute(token, "//" + "x" * (most - 2)).status == 200
    assert daemon.execute(token, "//" + "x" * (most - 1)).status == 400


def test_the_most_memory_is_the_most_that_is_taken(daemon: Daemon) -> None:
    """One megabyte more is refused, with the same number."""
    told, token = limits(daemon, "service")
    most = told["doors"]["executions"]["memory_bytes"]["max"]
    caller = Caller(daemon, token)
    assert caller.exec("1", heap_memory_max_mb=most >> 20).status == 202
    refused = caller.exec("1", heap_memory_max_mb=(most >> 20) + 1)
    assert (refused.status, refused.json["allowed"]) == (403, most)


def test_the_quota_is_the_one_that_refuses(daemon: Daemon) -> None:
    """Its windows are those of the RateLimit-Policy header."""
    told, token = limits(daemon, "none")
    assert told == {"tier": "none", "quota": dict.fromkeys(("concurrent", "hourly", "daily", "monthly"), 0), "doors": {}}
    assert daemon.execute(token, "return 1").status == 403


def test_no_limit_is_null_and_only_open_doors_are_told(daemon: Daemon) -> None:
    """The service tier has no quota; this daemon does not serve actions."""
    told, _ = limits(daemon, "service")
    assert set(told["quota"].values()) == {None}
    assert list(told["doors"]) == DOORS


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer sbx_nobody"}])
def test_nobody_is_told_nothing(daemon: Daemon, headers: dict[str, str]) -> None:
    """Without a token that is known there is no answer but 401."""
    assert daemon.request("GET", "/limits", headers=headers).status == 401
