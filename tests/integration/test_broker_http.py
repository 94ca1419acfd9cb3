"""HTTP through the broker: a real server on loopback whose every byte is known, and what code would get of it."""

import gzip
import os

import pytest
import trio

from tests.support.brokers import fetch_of, host, opened_session, refusal, value
from tests.support.upstream import (
    Names,
    Raw,
    Seen,
    Write,
    open_upstream,
    redirect,
    response,
)

LOOPBACK = host("127.0.0.1", reach=["loopback"])
OPEN = fetch_of(LOOPBACK)


def sends(*parts: bytes) -> Write:
    """A route that sends these parts one after the other, and closes."""

    async def write(_: Seen, stream: Raw) -> None:
        for part in parts:
            await stream.send_all(part)
            await trio.sleep(0.01)

    return write


# ------------------------------------------------------------------ what arrives


async def test_an_answer_arrives_as_it_was_sent() -> None:
    """Status, reason, headers in their order with duplicates, and each byte of the body."""
    body = bytes(range(256)) * 300
    answer = response(
        body, "X-A: 1", "Set-Cookie: a=1", "x-a: 2", "Set-Cookie: b=2", "X-Latin: \u00e9", status="203 Some Reason"
    )
    async with open_upstream({"/": answer}) as upstream, opened_session(OPEN) as session:
        got = await value(session, f"{upstream.url}/")
    assert (got.status, got.status_text, got.body) == (203, "Some Reason", body)
    assert got.headers[1:] == [("X-A", "1"), ("Set-Cookie", "a=1"), ("x-a", "2"), ("Set-Cookie", "b=2"), ("X-Latin", "\u00e9")]


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "HEAD", "QUERY", "patch"])
async def test_every_method_goes_through(method: str) -> None:
    """With the target and the body as they were given."""
    body = None if method in ("GET", "HEAD") else os.urandom(100_000)
    async with open_upstream({"/a": response(b"x")}) as upstream, opened_session(OPEN) as session:
        got = await value(session, f"{upstream.url}/a?b=%20c&d", method=method, body=body)
        (seen,) = upstream.seen
    assert (seen.method, seen.target, seen.body) == (method, "/a?b=%20c&d", body or b"")
    assert (got.status, got.body) == (200, None if method == "HEAD" else b"x")


@pytest.mark.parametrize("status", ["204 No Content", "304 Not Modified"])
async def test_an_answer_without_a_body_has_none(status: str) -> None:
    """Which is not an empty one."""
    async with open_upstream({"/": f"HTTP/1.1 {status}\r\n\r\n".encode()}) as upstream, opened_session(OPEN) as session:
        assert (await value(session, f"{upstream.url}/")).body is None


async def test_an_encoded_body_is_not_touched() -> None:
    """The execution unpacks it, in its own memory."""
    packed = gzip.compress(b"x" * 10_000_000)
    answer = response(packed, "Content-Encoding: gzip")
    async with open_upstream({"/": answer}) as upstream, opened_session(OPEN) as session:
        got = await value(session, f"{upstream.url}/")
    assert (got.body, ("Content-Encoding", "gzip") in got.headers) == (packed, True)


BODY = b"abcde"
BODIES = {
    "in chunks": (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n2\r\nde\r\n0\r\nT: x\r\n\r\n",
        BODY,
    ),
    "said twice": (b"HTTP/1.1 200 OK\r\nContent-Length: 5, 5\r\n\r\nabcde", BODY),
    "to the end": (b"HTTP/1.1 200 OK\r\n\r\nabcde", BODY),
    "HTTP/1.0": (b"HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nabcde", BODY),
    "after interim answers": (
        b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\na",
        b"a",
    ),
}


@pytest.mark.parametrize(("sent", "body"), BODIES.values(), ids=BODIES)
async def test_each_way_of_sending_a_body(sent: bytes, body: bytes) -> None:
    """However its end is told, and in however many pieces it comes."""
    middle = len(sent) // 2
    async with open_upstream({"/": sends(sent[:middle], sent[middle:])}) as upstream, opened_session(OPEN) as session:
        assert (await value(session, f"{upstream.url}/")).body == body


BROKEN = {
    "nothing": (b"", "upstream.protocol"),
    "no HTTP": (b"SSH-2.0-OpenSSH_9.2\r\n", "upstream.protocol"),
    "a bad status": (b"HTTP/1.1 2OO OK\r\n\r\n", "upstream.protocol"),
    "a bad header": (b"HTTP/1.1 200 OK\r\nA B: c\r\n\r\n", "upstream.protocol"),
    "an end too early": (b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc", "upstream.protocol"),
    "an end within a chunk": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab", "upstream.protocol"),
    "a bad chunk": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n", "upstream.protocol"),
    "two lengths": (b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab", "upstream.protocol"),
    "a length that is none": (b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\nab", "upstream.protocol"),
    "an endless header": (b"HTTP/1.1 200 OK\r\nX: " + b"x" * 200_000, "upstream.protocol"),
    "endless interim answers": (b"HTTP/1.1 100 Continue\r\n\r\n" * 20_000, "limit.framing"),
    "a body in crumbs": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"1\r\nx\r\n" * 60_000, "limit.framing"),
    "an upgrade": (b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n", "upstream.protocol"),
    "a length of many digits": (b"HTTP/1.1 200 OK\r\nContent-Length: " + b"9" * 5000 + b"\r\n\r\n", "upstream.protocol"),
    "a length above the limit": (b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n", "limit.response_bytes"),
}


@pytest.mark.parametrize(("sent", "rule"), BROKEN.values(), ids=BROKEN)
async def test_a_broken_upstream_is_an_error_with_a_name(sent: bytes, rule: str) -> None:
    """It says what is wrong, and the next call is none the worse for it."""
    async with open_upstream({"/": sends(sent), "/good": response(b"ok")}) as upstream, opened_session(OPEN) as session:
        found = await refusal(session, f"{upstream.url}/")
        assert (found.rule, found.name, found.message[:14]) == (rule, "TypeError", "fetch failed: ")
        assert str(upstream.port) not in found.message
        assert (await value(session, f"{upstream.url}/good")).body == b"ok"


async def test_nobody_there_is_an_error_that_tells_no_address() -> None:
    """A refused connection names the host as the code wrote it."""
    fetch = fetch_of(host("api.example", reach=["loopback"]))
    async with open_upstream({}) as upstream:
        port = upstream.port
    async with opened_session(fetch, resolve=Names(**{"api.example": ["127.0.0.1"]})) as session:
        found = await refusal(session, f"http://api.example:{port}/")
    assert (found.rule, "api.example" in found.message, "127." in found.message) == ("upstream.connect", True, False)


# ------------------------------------------------------------------ redirects


async def test_a_redirect_is_an_answer() -> None:
    """Nothing is asked of the place to which it leads; its body is there too."""
    moved = redirect("http://10.0.0.1/x", 307)
    async with open_upstream({"/": moved}) as upstream, opened_session(OPEN) as session:
        got = await value(session, f"{upstream.url}/")
        assert (got.status, dict(got.headers)["Location"], len(upstream.seen)) == (307, "http://10.0.0.1/x", 1)
