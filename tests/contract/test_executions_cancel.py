"""Cancelling: running ones, queued ones, and those that end by themselves at the same moment."""

import random

import pytest

from tests.support.daemon import Daemon
from tests.support.executing import ASLEEP, ENDLESS, Caller
from tests.support.held import running
from tests.support.races import Raced, race
from tests.support.stored import make_token, wait_until

DOORS = ["executions"]


@pytest.mark.parametrize("code", [ASLEEP, ENDLESS])
def test_a_running_one_is_ended(daemon: Daemon, caller: Caller, code: str) -> None:
    """Its end is there as soon as the cancel is answered, its worker is gone, and what it had printed is kept."""
    execution_id = caller.submit(code)
    assert wait_until(lambda: caller.page(execution_id)["total_lines"] == 1)
    answer = caller.cancel(execution_id)
    assert (answer.status, answer.json) == (200, {"ok": True})
    info = caller.ended(execution_id)
    assert (info["status"], info["error"], info["result"]) == ("cancelled", "Cancelled by user", None)
    assert caller.output(execution_id) == "begun\n"
    assert wait_until(lambda: running(daemon) == 0)


def test_a_queued_one_never_runs(daemon: Daemon) -> None:
    """It ends without having begun, and those behind it move up."""
    caller = Caller(daemon, make_token(daemon.data_dir, "queue", "starter"))
    first, second, third = (caller.submit(ASLEEP, execution_timeout_secs=30) for _ in range(3))
    assert wait_until(lambda: caller.page(first)["total_lines"] == 1)
    assert caller.cancel(second).json == {"ok": True}
    assert (caller.get(second)["status"], caller.get(third)["waiting"]["position"]) == ("cancelled", 1)
    assert caller.cancel(first).json == {"ok": True}
    assert wait_until(lambda: caller.page(third)["total_lines"] == 1)
    assert caller.cancel(third).json == {"ok": True}
    assert (caller.output(second), [event.kind for event in caller.events(second)]) == ("", ["queued", "finished"])


@pytest.mark.parametrize(("code", "status"), [("1", "completed"), ("throw 1", "failed"), (ASLEEP, "cancelled")])
def test_an_ended_one_is_refused(caller: Caller, code: str, status: str) -> None:
    """400 with its status in the text; the first end stays."""
    execution_id = caller.submit(code)
    if status == "cancelled":
        caller.cancel(execution_id)
    ended = caller.ended(execution_id)
    answer = caller.cancel(execution_id)
    text = f"Execution '{execution_id}' is not running (status: {status})"
    assert (answer.status, answer.json) == (400, {"ok": False, "error": text})
    assert caller.get(execution_id) == ended


def test_a_cancel_races_the_end(caller: Caller) -> None:
    """Twenty times: one end, the same everywhere, and the cancel's answer says who won."""
    raced, chance = Raced(), random.Random(6)
    for _ in range(20):
        race(caller, raced, chance)
    assert raced.problems == []
    assert sum(raced.ends.values()) == 20
