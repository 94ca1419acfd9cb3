"""What an execution is, from its submission to its end: status, result, error, times; and lists of them."""

import re
from datetime import UTC, datetime

import pytest

from tests.support.daemon import Daemon
from tests.support.executing import ASLEEP, Caller
from tests.support.stored import make_token, wait_until

DOORS = ["executions"]

KEYS = {"execution_id", "status", "started_at", "completed_at", "result", "error", "heap", "fs"}
RFC3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


def test_all_keys_are_always_there(caller: Caller) -> None:
    """While it runs, after it has ended, whether well or not; what is not is null."""
    running = caller.submit(ASLEEP)
    assert wait_until(lambda: caller.page(running)["total_lines"] == 1)
    info = caller.get(running)
    assert (set(info), info["status"]) == (KEYS, "running")
    assert [info[key] for key in ("completed_at", "result", "error", "heap", "fs")] == [None] * 5
    caller.cancel(running)
    for code, status in (("1", "completed"), ("throw 1", "failed")):
        info = caller.run(code)
        assert (set(info), info["status"], info["heap"], info["fs"]) == (KEYS, status, None, None)


def test_times_are_rfc_3339_in_utc(caller: Caller) -> None:
    """Begun after it was asked for, ended after it has begun, both before now."""
    asked = datetime.now(UTC)
    info = caller.run("await new Promise(resolve => setTimeout(resolve, 50))")
    assert RFC3339.fullmatch(info["started_at"]), info
    assert RFC3339.fullmatch(info["completed_at"]), info
    started, completed = (datetime.fromisoformat(info[key]) for key in ("started_at", "completed_at"))
    assert asked.timestamp() - 0.001 <= started.timestamp() < completed.timestamp() <= datetime.now(UTC).timestamp()


RESULTS = [
    ("export default 1 + 1", "2"),
    ("1 + 1", "2"),
    ("({ a: [1, 'ü', null] })", '{"a":[1,"ü",null]}'),
    ("await Promise.resolve('late')", '"late"'),
    ("const a: number = 3; a", "3"),
    ("const a = 1", "null"),
    ("undefined", "null"),
    ("null", "null"),
]


@pytest.mark.parametrize(("code", "result"), RESULTS)
def test_the_result_is_json_text(caller: Caller, code: str, result: str) -> None:
    """Of the default export or the last expression; undefined is null there."""
    info = caller.run(code)
    assert (info["status"], info["error"], info["result"]) == ("completed", None, result)


ERRORS = [
    ("throw new TypeError('mine')", "failed", "TypeError: mine"),
    ("console.log(1); null.x", "failed", "TypeError: Cannot read properties of null (reading 'x')"),
    ("await Promise.reject(new Error('late'))", "failed", "Error: late"),
    ("let a: number = ;", "failed", "TypeScript parse error: "),
    ("let a = (", "failed", "TypeScript parse error: "),
    ("enum A { B }", "failed", "enum"),
    ("import a from 'lodash'", "failed", "lodash"),
    ("new Uint8Array(1 << 30).fill(1)", "failed", "Out of memory: V8 heap limit exceeded. Try increasing heap_memory_max_mb."),
    ("const a = []; for (;;) a.push(new Array(1000).fill({}))", "failed", "Out of memory: V8 heap limit exceeded."),
]


@pytest.mark.parametrize(("code", "status", "text"), ERRORS, ids=[text[:30] for *_, text in ERRORS])
def test_a_failure_has_its_words(caller: Caller, code: str, status: str, text: str) -> None:
    """A program that fails is no error of the API: it is `failed`, with the reason and without a result."""
    info = caller.run(code)
    assert (info["status"], info["result"], text in info["error"]) == (status, None, True), info


def test_the_clock_ends_it(caller: Caller) -> None:
    """What it had printed is there, its end is `timed_out`."""
    execution_id = caller.submit("console.log('begun'); for (;;) {}", execution_timeout_secs=1)
    info = caller.ended(execution_id)
    assert (info["status"], info["error"], info["result"]) == ("timed_out", "Execution timed out", None)
    assert caller.output(execution_id) == "begun\n"


def test_an_error_is_at_most_4_kb(caller: Caller) -> None:
    """Code may throw what it likes."""
    error = caller.run("throw new Error('ü'.repeat(100000))")["error"]
    assert 4000 < len(error.encode()) <= 4096


def test_wait_answers_at_the_end(caller: Caller) -> None:
    """A long poll is answered when the execution ends, long before it is out."""
    execution_id = caller.submit("await new Promise(resolve => setTimeout(resolve, 300)); 'end'")
    assert caller.get(execution_id, wait=60)["result"] == '"end"'


def test_wait_has_an_end(caller: Caller) -> None:
    """When the time is out the answer is the execution as it stands; the execution goes on."""
    execution_id = caller.submit(ASLEEP)
    assert caller.get(execution_id, wait=0.3)["status"] == "running"
    assert caller.cancel(execution_id).status == 200


def test_the_list_is_newest_first(caller: Caller) -> None:
    """Each with its status and times; the ones of the caller only."""
    ids = [caller.submit(f"console.log({number})") for number in range(4)]
    for execution_id in ids:
        caller.ended(execution_id)
    found = caller.listed("?limit=4")
    assert [each["execution_id"] for each in found] == ids[::-1]
    assert [(set(each), each["status"]) for each in found] == [
        ({"execution_id", "status", "started_at", "completed_at"}, "completed")
    ] * 4


def test_a_list_goes_on_where_it_ended(daemon: Daemon) -> None:
    """`before` an id is what was submitted before it: pages cover everything once."""
    caller = Caller(daemon, make_token(daemon.data_dir, "pages"))
    assert caller.listed() == []
    ids = [caller.submit(f"{number}") for number in range(5)]
    pages = [caller.listed("?limit=2")]
    while pages[-1]:
        pages.append(caller.listed(f"?limit=2&before={pages[-1][-1]['execution_id']}"))
    assert [[each["execution_id"] for each in page] for page in pages] == [ids[:2:-1], ids[2:0:-1], ids[:1], []]


def test_who_waits_is_told_why(daemon: Daemon) -> None:
    """Behind the one that a starter may run at a time: position and reason; the first status is still `running`."""
    caller = Caller(daemon, make_token(daemon.data_dir, "waits", "starter"))
    first, second, third = (caller.submit(ASLEEP, execution_timeout_secs=30) for _ in range(3))
    assert wait_until(lambda: caller.page(first)["total_lines"] == 1)
    second_info, third_info = caller.get(second), caller.get(third)
    assert (second_info["status"], set(second_info)) == ("running", KEYS | {"waiting"})
    assert [info["waiting"]["position"] for info in (second_info, third_info)] == [1, 2]
    assert "1" in second_info["waiting"]["reason"]
    for execution_id in (second, third, first):
        assert caller.cancel(execution_id).status == 200
    assert [set(caller.ended(each)) for each in (first, second, third)] == [KEYS] * 3
    assert caller.output(second) == ""


def test_a_hundred_may_wait(daemon: Daemon) -> None:
    """One more of a user's is 429, which names the limit; another user's is taken."""
    caller = Caller(daemon, make_token(daemon.data_dir, "many"))
    ids, refused = [], None
    for _ in range(200):
        answer = caller.exec(ASLEEP)
        if answer.status != 202:
            refused = answer
            break
        ids.append(answer.json["execution_id"])
    try:
        assert refused is not None
        assert (refused.status, refused.json["limit"], refused.json["allowed"]) == (429, "queued", 100)
        assert int(refused.headers["Retry-After"]) == refused.json["retry_after"] >= 1
        assert Caller(daemon, make_token(daemon.data_dir, "another")).exec("1").status == 202
    finally:
        for execution_id in ids[::-1]:
            assert caller.cancel(execution_id).status == 200
