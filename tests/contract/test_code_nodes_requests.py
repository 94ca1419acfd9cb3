"""What a request may look like: bodies, fields, routes and methods."""

import http.client
import json
import socket
from collections.abc import Callable, Iterator

import pytest

from tests.support.daemon import BASE, Answer, Daemon

Run = Callable[..., Answer]
LIMIT = 1 << 20
TOO_LARGE = {"error": "Request body exceeds maximum size (1 MB)", "limit": "max_body_bytes"}


def post(daemon: Daemon, token: str, body: bytes, path: str = "/execute", **headers: str) -> Answer:
    return daemon.request("POST", BASE + path, token=token, body=body, headers=headers)


def padded(size: int) -> bytes:
    body = b'{"code":"return 1"}'
    return body + b" " * (size - len(body))


def chunked(daemon: Daemon, token: str, body: bytes) -> Answer:
    """Sends a body in pieces, without telling its length first."""

    def pieces() -> Iterator[bytes]:
        for at in range(0, len(body), 50_000):
            yield body[at : at + 50_000]

    connection = http.client.HTTPConnection(daemon.host, daemon.port, timeout=60)
    headers = {"Authorization": f"Bearer {token}", "Transfer-Encoding": "chunked"}
    try:
        connection.request("POST", f"{BASE}/execute", pieces(), headers, encode_chunked=True)
        answer = connection.getresponse()
        return Answer(answer.status, answer.headers, answer.read())
    finally:
        connection.close()


# ------------------------------------------------------------------ size


def test_a_body_of_exactly_the_limit_is_read(daemon: Daemon, token: str) -> None:
    """1,048,576 bytes are allowed."""
    assert post(daemon, token, padded(LIMIT)).status == 200


@pytest.mark.parametrize("path", ["/execute", "/validate"])
def test_one_byte_more_is_too_large(daemon: Daemon, token: str, path: str) -> None:
    """1,048,577 bytes are 413, by the announced length."""
    answer = post(daemon, token, padded(LIMIT + 1), path)
    assert (answer.status, answer.json) == (413, TOO_LARGE)


def test_a_chunked_body_of_exactly_the_limit_is_read(daemon: Daemon, token: str) -> None:
    """A body without a length has the same limit."""
    assert chunked(daemon, token, padded(LIMIT)).status == 200


def test_a_chunked_body_above_the_limit_is_too_large(daemon: Daemon, token: str) -> None:
    """A body without a length is counted while it comes."""
    answer = chunked(daemon, token, padded(LIMIT + 1))
    assert (answer.status, answer.json) == (413, TOO_LARGE)


def test_a_chunked_body_without_end_is_answered_before_its_end(daemon: Daemon, token: str) -> None:
    """The answer comes when the limit is passed, not when the client is done."""
    head = f"POST {BASE}/execute HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\nTransfer-Encoding: chunked\r\n\r\n"
    with socket.create_connection((daemon.host, daemon.port), timeout=30) as client:
        client.sendall(head.encode())
        for _ in range(LIMIT // 65_536 + 1):
            client.sendall(b"10000\r\n" + b" " * 65_536 + b"\r\n")
        assert client.recv(100).startswith(b"HTTP/1.1 413")


def test_a_large_input_goes_through(daemon: Daemon, token: str) -> None:
    """An input of nearly the whole body reaches the code."""
    body = json.dumps({"code": "return input.length", "input": "x" * (LIMIT - 100)}).encode()
    assert post(daemon, token, body).json["return_value"] == LIMIT - 100


# ------------------------------------------------------------------ form


@pytest.mark.parametrize("path", ["/execute", "/validate"])
@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"nul", b'{"code": "1",}', b"{'code': '1'}", b'{"code": "1"} x', b"\xef\xbb\xbf{}", b'{"code": "\x01"}'],
    ids=["empty", "cut", "a word", "comma", "quotes", "more", "BOM", "control"],
)
def test_bad_json_is_named(daemon: Daemon, token: str, path: str, body: bytes) -> None:
    """What is not JSON is 400 and says so."""
    answer = post(daemon, token, body, path)
    assert (answer.status, answer.json["error"][:14]) == (400, "Invalid JSON: ")


@pytest.mark.parametrize("body", [b'{"code": "\xff"}', b'{"code": "1", "input": "\xc3"}', b"\xff", b'{"code": "\xed\xa0\x80"}'])
def test_bad_utf8_is_named(daemon: Daemon, token: str, body: bytes) -> None:
    """Bytes that are no text are 400, in fields that are decoded and in those that are passed on."""
    answer = post(daemon, token, body)
    assert (answer.status, answer.json) == (400, {"error": "Invalid request: the body is not UTF-8"})


@pytest.mark.parametrize("field", ["code", "input"])
@pytest.mark.parametrize("text", [r"\ud800", r"\udc00 and more behind it", r"\ud800\u0041"])
def test_half_a_surrogate_pair_is_named(daemon: Daemon, token: str, field: str, text: str) -> None:
    """An escape of half a character is 400 and told as that, not as a body that was cut off."""
    answer = post(daemon, token, b'{"code": "1", "%s": "%s"}' % (field.encode(), text.encode()))
    assert (answer.status, "surrogate" in answer.json["error"]) == (400, True)


@pytest.mark.parametrize("value", [b"[" * 100_000 + b"]" * 100_000, b'{"a":' * 100_000 + b"1" + b"}" * 100_000])
def test_nesting_without_end_is_named(daemon: Daemon, token: str, value: bytes) -> None:
    """An input that no decoder follows is 400."""
    answer = post(daemon, token, b'{"code": "return 1", "input": %s}' % value)
    assert (answer.status, answer.json) == (400, {"error": "Invalid request: the body is nested too deep"})


@pytest.mark.parametrize("body", [b"[]", b'"code"', b"1", b"null", b"[" * 500_000])
def test_a_body_that_is_no_object_is_refused(daemon: Daemon, token: str, body: bytes) -> None:
    """JSON that is not an object is 400."""
    assert post(daemon, token, body).status == 400


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""])
def test_no_content_type_is_demanded(daemon: Daemon, token: str, content_type: str) -> None:
    """The body is JSON whatever its type says."""
    answer = post(daemon, token, b'{"code":"return 1"}', **{"Content-Type": content_type})
    assert (answer.status, answer.json["return_value"]) == (200, 1)


# ------------------------------------------------------------------ fields


@pytest.mark.parametrize("path", ["/execute", "/validate"])
def test_a_missing_code_is_named(daemon: Daemon, token: str, path: str) -> None:
    """Without code the answer says which field is missing."""
    answer = post(daemon, token, b"{}", path)
    assert (answer.status, "`code`" in answer.json["error"]) == (400, True)


@pytest.mark.parametrize("field", ["timeout", "Code", "timeoutMs", "context", "ünknown"])
@pytest.mark.parametrize("path", ["/execute", "/validate"])
def test_an_unknown_field_is_named(daemon: Daemon, token: str, path: str, field: str) -> None:
    """A field that does not exist is refused rather than ignored."""
    answer = post(daemon, token, json.dumps({"code": "1", field: 1}, ensure_ascii=False).encode(), path)
    assert (answer.status, f"`{field}`" in answer.json["error"]) == (400, True)


@pytest.mark.parametrize("field", ["timeout_ms", "input"])
def test_validate_has_no_field_of_execute(daemon: Daemon, token: str, field: str) -> None:
    """What only an execution has is unknown to a validation."""
    answer = daemon.validate(token, "1", **{field: 5000})
    assert (answer.status, f"`{field}`" in answer.json["error"]) == (400, True)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *[("code", value) for value in (None, 1, True, [], {}, ["return 1"])],
        *[("timeout_ms", value) for value in (None, "5000", 5000.5, True, [], {})],
        *[("language", value) for value in (None, 1, "", "python", "TypeScript")],
    ],
)
def test_a_wrong_type_is_named(daemon: Daemon, token: str, field: str, value: object) -> None:
    """A value of another type, or outside of the list, is 400 and names its field."""
    answer = daemon.request("POST", f"{BASE}/execute", token=token, body={"code": "1"} | {field: value})
    assert (answer.status, field in answer.json["error"]) == (400, True)


@pytest.mark.parametrize("number", ["5000.0", "1e4", "5e3"])
def test_a_timeout_is_written_as_an_integer(daemon: Daemon, token: str, number: str) -> None:
    """A number with a point or an exponent is no integer, whatever its value."""
    answer = post(daemon, token, b'{"code":"1","timeout_ms":%s}' % number.encode())
    assert (answer.status, "timeout_ms" in answer.json["error"]) == (400, True)


@pytest.mark.parametrize("value", [999, 0, -1, -5000, 30_001, 2**31, 2**63, 2**64, 10**30, 10**400])
def test_a_timeout_outside_of_the_range_is_named(daemon: Daemon, token: str, value: int) -> None:
    """Outside of 1000 to 30000 is 400, however far."""
    answer = post(daemon, token, b'{"code":"1","timeout_ms":%d}' % value)
    assert (answer.status, "timeout_ms" in answer.json["error"]) == (400, True)


@pytest.mark.parametrize("value", [1000, 30_000])
def test_the_borders_of_the_range_are_allowed(daemon: Daemon, token: str, value: int) -> None:
    """1000 and 30000 themselves are in the range."""
    assert daemon.execute(token, "return 1", timeout_ms=value).status == 200


@pytest.mark.parametrize(
    "value",
    [None, True, False, 0, -1.5, 1e300, "", "text \u2028 \U0001f600 \x00", [], [1, [2, [3]]], {}, {"a": {"b": None}}, "null"],
)
def test_every_kind_of_input_arrives(run: Run, value: object) -> None:
    """Any JSON is the global `input`, unchanged."""
    assert run("return { got: input }", input=value).json["return_value"] == {"got": value}


def test_an_absent_input_is_null(run: Run) -> None:
    """Without input the global is there, and null."""
    assert run("return [input]").json["return_value"] == [None]


def test_an_input_with_prototype_keys_is_plain_data(run: Run) -> None:
    """`__proto__` in an input is a key like any other."""
    code = "return [Object.keys(input), Object.getPrototypeOf(input) === Object.prototype, ({}).x === undefined]"
    assert run(code, input={"__proto__": {"x": 1}}).json["return_value"] == [["__proto__"], True, True]


def test_integers_of_the_input_are_javascript_s(daemon: Daemon, token: str) -> None:
    """A number that JavaScript cannot hold becomes its nearest, by JSON.parse and nobody before it."""
    answer = post(daemon, token, b'{"code":"return String(input)","input":12345678901234567890}')
    assert answer.json["return_value"] == "12345678901234567000"


# ------------------------------------------------------------------ routes and methods


@pytest.mark.parametrize(
    "path", ["/", "/api", BASE, f"{BASE}/", f"{BASE}/run", f"{BASE}/execute/", f"{BASE}/templates/", f"{BASE}//templates"]
)
def test_an_unknown_route_is_json(daemon: Daemon, token: str, path: str) -> None:
    """What does not exist is 404 with a JSON body, and never a redirect."""
    answer = daemon.request("GET", path, token=token)
    assert (answer.status, answer.json, answer.headers["Content-Type"]) == (404, {"error": "Not Found"}, "application/json")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        *[(method, "/execute") for method in ("GET", "PUT", "PATCH", "DELETE", "OPTIONS", "BREW")],
        *[(method, "/validate") for method in ("GET", "OPTIONS")],
        *[(method, "/templates") for method in ("POST", "DELETE", "OPTIONS")],
        *[(method, "/templates/hello_world") for method in ("POST", "PUT")],
    ],
)
def test_another_method_is_json(daemon: Daemon, token: str, method: str, path: str) -> None:
    """A method that a route does not have is 405 with the ones that it has."""
    answer = daemon.request(method, BASE + path, token=token)
    assert (answer.status, answer.json) == (405, {"error": "Method Not Allowed"})
    assert set(answer.headers["Allow"].split(", ")) == ({"POST"} if path in {"/execute", "/validate"} else {"GET", "HEAD"})


def test_connections_are_kept(daemon: Daemon, token: str) -> None:
    """One connection serves one request after the other, also after a refusal."""
    connection = http.client.HTTPConnection(daemon.host, daemon.port, timeout=30)
    headers = {"Authorization": f"Bearer {token}"}
    statuses = []
    try:
        for code in ("return 1", "", "throw 1", "return 2"):
            connection.request("POST", f"{BASE}/execute", json.dumps({"code": code}), headers)
            answer = connection.getresponse()
            answer.read()
            statuses.append(answer.status)
    finally:
        connection.close()
    assert statuses == [200, 400, 200, 200]


def test_the_server_does_not_tell_what_it_is_made_of(daemon: Daemon, token: str) -> None:
    """No header names the software."""
    assert daemon.request("GET", f"{BASE}/templates", token=token).headers["Server"] is None


@pytest.mark.parametrize("target", ["{path}", "{path}?a=1", "http://anywhere{path}", "{path}/../execute"])
def test_one_handler_answers_whichever_way_the_request_came(daemon: Daemon, target: str) -> None:
    """A plain path goes past the web framework, other targets through it, with the same answer; a path is not resolved."""
    path = f"{BASE}/execute"
    answer = daemon.request("POST", target.format(path=path), token=daemon.token("ways"), body={"code": "return 1"})
    status, value = (404, None) if ".." in target else (200, 1)
    assert (answer.status, answer.json.get("return_value")) == (status, value)


@pytest.mark.parametrize("target", ["{path}", "http://anywhere{path}"])
def test_errors_are_alike_whichever_way_the_request_came(daemon: Daemon, target: str) -> None:
    """What is wrong with a request is told in the same words, statuses and headers."""
    path, token = target.format(path=f"{BASE}/execute"), daemon.token("wrong-ways")
    answers = [
        daemon.request("POST", path, body={"code": "1"}),
        daemon.request("POST", path, token="nobody", body={"code": "1"}),
        daemon.request("POST", path, token=token, body={"code": "1", "more": 1}),
        daemon.request("POST", path, token=token, body=b"{"),
        daemon.request("POST", path, token=token, body=b" " * (2 << 20)),
    ]
    assert [answer.status for answer in answers] == [401, 401, 400, 400, 413]
    assert answers[0].headers["WWW-Authenticate"] == "Bearer"
    assert {answer.headers["Content-Type"] for answer in answers} == {"application/json"}
    assert all("error" in answer.json for answer in answers)
