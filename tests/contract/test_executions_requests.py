"""What POST /api/exec takes and what it refuses, and the query strings of the other routes."""

import json
from typing import Any

import pytest

from tests.support.daemon import Daemon
from tests.support.executing import Caller
from tests.support.stored import make_token

DOORS = ["code-nodes", "executions"]

JSON = {"Content-Type": "application/json"}
TEXT = {"Content-Type": "text/plain"}


def test_a_submission_is_accepted_at_once(caller: Caller) -> None:
    """202 with nothing but the id, which is a UUID."""
    answer = caller.exec("for (;;) {}", execution_timeout_secs=300)
    assert (answer.status, set(answer.json), len(answer.json["execution_id"])) == (202, {"execution_id"}, 36)
    assert caller.cancel(answer.json["execution_id"]).status == 200


@pytest.mark.parametrize("media", ["application/json", "application/json; charset=utf-8", "Application/JSON", None])
def test_json_is_the_whole_request(caller: Caller, media: str | None) -> None:
    """By its type in any spelling, and where there is none."""
    answer = caller.ask("POST", "/api/exec", body={"code": "'json'"}, headers={"Content-Type": media} if media else {})
    assert caller.ended(answer.json["execution_id"])["result"] == '"json"'


@pytest.mark.parametrize(
    "media", ["application/javascript", "text/plain", "application/octet-stream", "application/x-www-form-urlencoded", "x"]
)
def test_any_other_type_is_the_source_itself(caller: Caller, media: str) -> None:
    """What looks like JSON is then JavaScript: a label in a block."""
    answer = caller.ask("POST", "/api/exec", body=b"const a = 20; a + 1", headers={"Content-Type": media})
    assert caller.ended(answer.json["execution_id"])["result"] == "21"


def test_a_source_brings_its_options_in_the_query_string(caller: Caller) -> None:
    """Each of them is obeyed: here the time, which ends it."""
    query = "session=s%20s&heap_memory_max_mb=128&execution_timeout_secs=1"
    answer = caller.ask("POST", f"/api/exec?{query}", body=b"for (;;) {}", headers=TEXT)
    assert caller.ended(answer.json["execution_id"])["status"] == "timed_out"


def test_a_source_is_utf_8(caller: Caller) -> None:
    """Every character arrives; bytes that are none are refused."""
    answer = caller.ask("POST", "/api/exec", body="'grün \U0001f600'".encode(), headers=TEXT)
    assert caller.ended(answer.json["execution_id"])["result"] == '"grün \U0001f600"'
    refused = caller.ask("POST", "/api/exec", body=b"'\xff'", headers=TEXT)
    assert (refused.status, refused.json) == (400, {"error": "Invalid request: the body is not UTF-8"})


def test_all_fields_may_be_null(caller: Caller) -> None:
    """As the document says: null is the default."""
    nulls = dict.fromkeys(("heap", "fs", "session", "tags", "heap_memory_max_mb", "execution_timeout_secs"))
    assert caller.run("1 + 1", **nulls)["result"] == "2"


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({}, "`code`"),
    ({"code": None}, "`$.code`"),
    ({"code": 1}, "`$.code`"),
    ({"code": " \n"}, "Code cannot be empty"),
    ({"code": "1", "timeout": 5}, "`timeout`"),
    ({"code": "1", "execution_timeout_secs": 0}, "`$.execution_timeout_secs`"),
    ({"code": "1", "execution_timeout_secs": 301}, "`$.execution_timeout_secs`"),
    ({"code": "1", "execution_timeout_secs": -1}, "`$.execution_timeout_secs`"),
    ({"code": "1", "execution_timeout_secs": 1.5}, "`$.execution_timeout_secs`"),
    ({"code": "1", "execution_timeout_secs": "5"}, "`$.execution_timeout_secs`"),
    ({"code": "1", "heap_memory_max_mb": -1}, "`$.heap_memory_max_mb`"),
    ({"code": "1", "heap_memory_max_mb": (1 << 63) - 1}, "`$.heap_memory_max_mb`"),
    ({"code": "1", "session": 1}, "`$.session`"),
    ({"code": "1", "session": "s" * 1001}, "`$.session`"),
    ({"code": "1", "tags": {"a": 1}}, "`$.tags[...]`"),
    ({"code": "1", "tags": ["a"]}, "`$.tags`"),
    ({"code": "1", "tags": {str(number): "" for number in range(101)}}, "`$.tags`"),
    ({"code": "1", "heap": ""}, "heap is not available in this version"),
    ({"code": "1", "heap": "key"}, "heap is not available in this version"),
    ({"code": "1", "fs": "label"}, "fs is not available in this version"),
]


@pytest.mark.parametrize(("body", "words"), REFUSED, ids=[json.dumps(body)[:60] for body, _ in REFUSED])
def test_a_wrong_request_is_refused_by_name(caller: Caller, body: dict[str, Any], words: str) -> None:
    """400 with the field in the text, and nothing is submitted."""
    answer = caller.ask("POST", "/api/exec", body=body, headers=JSON)
    assert (answer.status, set(answer.json), words in answer.json["error"]) == (400, {"error"}, True)


def test_heap_and_fs_are_refused_in_these_words(caller: Caller) -> None:
    """Also in a query string."""
    for name in ("heap", "fs"):
        text = {"error": f"{name} is not available in this version"}
        assert caller.exec("1", **{name: "x"}).json == text
        assert caller.ask("POST", f"/api/exec?{name}=x", body=b"1", headers=TEXT).json == text


@pytest.mark.parametrize("data", [b"", b"{", b"null", b"[]", b'{"code": "\xff"}', b'{"code": "1"} x', b"[" * 100_000])
def test_what_is_no_json_is_400(caller: Caller, data: bytes) -> None:
    """Whatever it is instead."""
    answer = caller.ask("POST", "/api/exec", body=data, headers=JSON)
    assert (answer.status, set(answer.json)) == (400, {"error"})


QUERIES = [
    ("POST", "/api/exec?code=1", "`code`"),
    ("POST", "/api/exec?session=a&session=b", "`session`"),
    ("POST", "/api/exec?execution_timeout_secs=0", "`$.execution_timeout_secs`"),
    ("POST", "/api/exec?execution_timeout_secs=x", "`$.execution_timeout_secs`"),
    ("POST", "/api/exec?heap_memory_max_mb=-1", "`$.heap_memory_max_mb`"),
    ("POST", "/api/exec?session=%ff", "UTF-8"),
    ("POST", "/api/exec?session", "name=value"),
    ("GET", "/api/executions?limit=0", "`$.limit`"),
    ("GET", "/api/executions?limit=1001", "`$.limit`"),
    ("GET", "/api/executions?limit=ten", "`$.limit`"),
    ("GET", "/api/executions?offset=1", "`offset`"),
    ("GET", "/api/executions/{id}?wait=-1", "`$.wait`"),
    ("GET", "/api/executions/{id}?wait=61", "`$.wait`"),
    ("GET", "/api/executions/{id}?wait=nan", "`$.wait`"),
    ("GET", "/api/executions/{id}?waits=1", "`waits`"),
    ("GET", "/api/executions/{id}/output?line_offset=-1", "`$.line_offset`"),
    ("GET", "/api/executions/{id}/output?line_limit=1.5", "`$.line_limit`"),
    ("GET", "/api/executions/{id}/output?byte_offset=", "`$.byte_offset`"),
    ("GET", "/api/executions/{id}/output?byte_limit=9223372036854775808", "`$.byte_limit`"),
    ("GET", "/api/executions/{id}/output?page=1", "`page`"),
    ("GET", "/api/executions/{id}/events?after=1", "`after`"),
    ("POST", "/api/executions/{id}/cancel?force=1", "`force`"),
]


@pytest.fixture(scope="module")
def some_id(daemon: Daemon, token: str) -> str:
    """An execution of the caller's."""
    return Caller(daemon, token).submit("1")


@pytest.mark.parametrize(("method", "path", "words"), QUERIES, ids=[path for _, path, _ in QUERIES])
def test_a_wrong_query_is_refused_by_name(caller: Caller, some_id: str, method: str, path: str, words: str) -> None:
    """400 with the parameter in the text; an unknown one is not passed over."""
    answer = caller.ask(method, path.format(id=some_id), body=b"1" if "exec?" in path else None, headers=TEXT)
    assert (answer.status, words in answer.json["error"]) == (400, True), answer.body


def test_a_json_request_has_no_query(caller: Caller) -> None:
    """An option that would be passed over is refused."""
    answer = caller.ask("POST", "/api/exec?execution_timeout_secs=1", body={"code": "1"}, headers=JSON)
    assert (answer.status, "`execution_timeout_secs`" in answer.json["error"]) == (400, True)


@pytest.mark.parametrize("media", ["multipart/form-data", "multipart/form-data; boundary=x", "Multipart/Form-Data"])
def test_a_form_is_415(caller: Caller, media: str) -> None:
    """The text says what to send instead."""
    answer = caller.ask("POST", "/api/exec", body=b"--x--", headers={"Content-Type": media})
    assert (answer.status, "multipart/form-data" in answer.json["error"]) == (415, True)


def test_a_body_has_16_mib(caller: Caller) -> None:
    """One more byte is 413 with the limit's name; as many are read, whatever becomes of the source in them."""
    space = b" " * (16 << 20)
    large = caller.ask("POST", "/api/exec", body=space + b"1", headers=TEXT)
    text = "Request body exceeds maximum size (16 MB)"
    assert (large.status, large.json) == (413, {"error": text, "limit": "max_body_bytes"})
    assert caller.ask("POST", "/api/exec", body=space[:-1] + b"1", headers=TEXT).status == 202
    assert caller.ask("POST", "/api/exec", body=space, headers=JSON).status == 400


def test_a_target_may_be_a_whole_url(caller: Caller) -> None:
    """As a proxy writes it: the same route with the same limit."""
    assert caller.ask("POST", "http://x/api/exec", body=b"1" + b" " * (2 << 20), headers=TEXT).status == 202
    assert caller.ask("POST", "http://x/api/exec", body=b"1" + b" " * (16 << 20), headers=TEXT).status == 413


def test_the_other_door_keeps_its_megabyte(caller: Caller) -> None:
    """Limits of bodies are each door's own."""
    answer = caller.ask("POST", "/api/ai-automation/code/execute", body=b" " * ((1 << 20) + 1))
    assert (answer.status, answer.json["error"]) == (413, "Request body exceeds maximum size (1 MB)")


@pytest.mark.parametrize("key", ["a b", "ü", "k" * 201])
def test_a_wrong_idempotency_key_is_refused(caller: Caller, key: str) -> None:
    """1 to 200 visible ASCII characters."""
    answer = caller.ask(
        "POST", "/api/exec", body={"code": "1"}, headers=JSON | {"Idempotency-Key": key.encode().decode("latin-1")}
    )
    assert (answer.status, "Idempotency-Key" in answer.json["error"]) == (400, True)


def test_the_same_key_is_the_same_execution(caller: Caller) -> None:
    """A submission that is sent again gives the id of the first, also after it has ended, and runs once."""
    before = len(caller.listed())
    first = caller.submit("console.log('once')", key="once")
    caller.ended(first)
    assert [caller.submit("console.log('once')", key="once") for _ in range(3)] == [first] * 3
    assert (len(caller.listed()) - before, caller.output(first)) == (1, "once\n")


def test_a_key_belongs_to_what_was_asked_under_it(caller: Caller) -> None:
    """Another submission under the same key is a mistake, and refused."""
    caller.submit("1", key="taken")
    answer = caller.exec("2", key="taken")
    assert (answer.status, "Idempotency-Key" in answer.json["error"]) == (400, True)


@pytest.mark.parametrize(
    "path", ["/api/fs/labels", "/api/fs/merge", "/api/cli", "/api/cli/linux-x86_64", "/api/exec/", "/api/nope"]
)
def test_what_this_version_has_not_is_404(caller: Caller, path: str) -> None:
    """In JSON, by GET and by POST."""
    for method in ("GET", "POST"):
        answer = caller.ask(method, path)
        assert (answer.status, answer.headers["Content-Type"], set(answer.json)) == (404, "application/json", {"error"})


@pytest.mark.parametrize(
    ("tier", "options", "limit"),
    [
        ("starter", {"execution_timeout_secs": 31}, {"limit": "max_timeout_ms", "allowed": 30_000, "requested": 31_000}),
        ("ambassador", {"execution_timeout_secs": 61}, {"limit": "max_timeout_ms", "allowed": 60_000, "requested": 61_000}),
        ("service", {"heap_memory_max_mb": 1 << 40}, {"limit": "max_memory_bytes"}),
    ],
)
def test_a_tier_has_its_limits(daemon: Daemon, tier: str, options: dict[str, int], limit: dict[str, Any]) -> None:
    """403 with the limit, and the caller's own name of it in the text."""
    answer = Caller(daemon, make_token(daemon.data_dir, f"of {tier}", tier)).exec("1", **options)
    assert (answer.status, answer.json | limit) == (403, answer.json)
    assert next(iter(options)) in answer.json["error"]


def test_the_longest_time_of_a_tier_is_taken(caller: Caller) -> None:
    """300 s for whom the tier sets nothing less; little memory is raised to what Node needs."""
    assert caller.run("1", execution_timeout_secs=300, heap_memory_max_mb=0)["result"] == "1"
