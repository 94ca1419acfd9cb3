"""HTTP through the broker: a real server on loopback whose every byte is known, and what code would get of it."""

import gzip
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
import trio
from structlog.testing import capture_logs

from sandboxd.broker import clients
from sandboxd.broker.session import MOST_LINES
from sandboxd.protocol.messages import HostCall
from tests.support.brokers import ask, call, fetch_of, grant_of, host, opened_broker, opened_session, refusal, value
from tests.support.upstream import Names, Raw, Seen, Upstream, Write, endless, hang, open_upstream, redirect, response

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


# ------------------------------------------------------------------ limits


async def test_more_calls_than_allowed_are_refused() -> None:
    """They are counted here, whatever the worker says; refused ones count too."""
    async with open_upstream({"/": response(b"")}) as upstream:
        async with opened_session(fetch_of(LOOPBACK, calls=3)) as session:
            for url in (upstream.url, "http://10.0.0.1", upstream.url):
                await ask(session, f"{url}/")
            assert (await refusal(session, f"{upstream.url}/")).rule == "limit.calls"
            assert (session.calls, session.refused, len(upstream.seen)) == (4, 2, 2)


async def test_a_flood_of_calls_does_not_fill_the_log() -> None:
    """So many have a line each, the others are a number."""
    with capture_logs() as events:
        async with opened_session(fetch_of(LOOPBACK, calls=1)) as session:
            for _ in range(MOST_LINES + 50):
                await refusal(session, "http://10.0.0.1/")
    assert len([event for event in events if event["event"] == "host call"]) == MOST_LINES
    assert [event["count"] for event in events if event["event"] == "host calls without a line"] == [50]


async def test_a_request_above_its_limit_is_refused() -> None:
    """Body, headers and URL count together; nothing is sent."""
    async with open_upstream({"/": response(b"")}) as upstream:
        async with opened_session(fetch_of(LOOPBACK, request_bytes=1000)) as session:
            assert (await ask(session, f"{upstream.url}/", method="POST", body=b"x" * 900)).status == 200  # type: ignore[union-attr]
            for more in ({"method": "POST", "body": b"x" * 1000}, {"headers": [("X", "x" * 1000)]}):
                assert (await refusal(session, f"{upstream.url}/", **more)).rule == "limit.request_bytes"
            assert (await refusal(session, f"{upstream.url}/?{'x' * 1000}")).rule == "limit.request_bytes"
        assert len(upstream.seen) == 1


@pytest.mark.parametrize("framing", ["length", "chunked"])
async def test_a_response_of_just_the_limit_passes_and_one_byte_more_does_not(framing: str) -> None:
    """Counted as it comes over the wire."""
    most = 200_000
    async with open_upstream({}) as upstream, opened_session(fetch_of(LOOPBACK, response_bytes=most)) as session:
        for size, passes in ((most, True), (most + 1, False)):
            body = b"x" * size
            chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%b\r\n0\r\n\r\n" % (size, body)
            upstream.routes = {"/": chunked if framing == "chunked" else response(body)}
            got = await ask(session, f"{upstream.url}/")
            assert (getattr(got, "body", None) == body) is passes
            assert getattr(got, "rule", "limit.response_bytes") == "limit.response_bytes"


async def test_an_endless_response_is_cut_and_its_connection_closed() -> None:
    """At the limit, not at the end of the time."""
    async with open_upstream({"/": endless}) as upstream, opened_session(fetch_of(LOOPBACK, wall_ms=60_000)) as session:
        assert (await refusal(session, f"{upstream.url}/")).rule == "limit.response_bytes"
        await closed(upstream)


@pytest.mark.parametrize("route", ["hang", "drip", "no body", "deaf"])
async def test_a_slow_upstream_ends_at_the_time_limit(route: str) -> None:
    """Whether it says nothing, says it slowly, or does not listen."""

    async def drip(_: Seen, stream: Raw) -> None:
        await stream.send_all(b"HTTP/1.1 200 OK\r\nX-")
        while True:
            await stream.send_all(b"x")
            await trio.sleep(0.02)

    async def deaf(_: trio.SocketStream) -> None:
        await trio.sleep_forever()

    async def no_body(_: Seen, stream: Raw) -> None:
        await stream.send_all(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nx")
        await stream.receive_some(1)

    routes = {"/": {"hang": hang, "drip": drip, "no body": no_body, "deaf": hang}[route]}
    async with open_upstream(routes) as upstream, opened_session(fetch_of(LOOPBACK, wall_ms=400)) as session:
        if route == "deaf":
            upstream.serve = deaf  # type: ignore[method-assign]
        found = await refusal(session, f"{upstream.url}/", method="POST", body=b"x" * 1_000_000)
        assert (found.rule, found.message) == ("limit.wall_ms", "fetch failed: 0.4 s limit of a call")
        if route != "deaf":
            await closed(upstream)


async def until(true: Callable[[], object]) -> None:
    """Waits for it; fails after a long time."""
    with trio.fail_after(20):
        while not true():  # noqa: ASYNC110 whom it waits for is a counter
            await trio.sleep(0.01)


async def closed(upstream: Upstream) -> None:
    """Waits until the server has no connection any more."""
    await until(lambda: not upstream.open)


async def test_six_calls_at_once_and_the_seventh_waits_its_turn() -> None:
    """It is not refused, and it does go out when one of the six is done."""
    async with held_upstream() as (upstream, release):
        async with opened_session(OPEN) as session, trio.open_nursery() as nursery:
            for _ in range(9):
                nursery.start_soon(value, session, f"{upstream.url}/")
            await arrived(upstream, 6)
            await trio.testing.wait_all_tasks_blocked(0.1)
            assert len(upstream.seen) == 6
            release.set()
        assert len(upstream.seen) == 9


async def test_all_executions_of_a_principal_share_a_limit() -> None:
    """What he may have at once is one number, however many executions he starts; another principal is not concerned."""
    fetch = fetch_of(LOOPBACK, principal_concurrent=4)
    async with held_upstream() as (upstream, release), opened_broker(fetch) as broker, trio.open_nursery() as nursery:
        with broker.session(grant_of(fetch), "a") as one, broker.session(grant_of(fetch), "a") as two:
            for session in (one, two) * 4:
                nursery.start_soon(value, session, f"{upstream.url}/a")
            await arrived(upstream, 4)
            with broker.session(grant_of(fetch), "b") as other:
                nursery.start_soon(value, other, f"{upstream.url}/b")
                await arrived(upstream, 5)
                assert [seen.target for seen in upstream.seen] == ["/a"] * 4 + ["/b"]
                release.set()
                await arrived(upstream, 9)


@asynccontextmanager
async def held_upstream() -> AsyncIterator[tuple[Upstream, trio.Event]]:
    """A server that answers nobody before it is released, and the release."""
    release = trio.Event()

    async def answer(_: Seen, stream: Raw) -> None:
        await release.wait()
        await stream.send_all(response(b"", "Connection: close"))

    async with open_upstream({"/": answer, "/a": answer, "/b": answer}) as upstream:
        yield upstream, release


async def arrived(upstream: Upstream, requests: int) -> None:
    """Waits for so many."""
    await until(lambda: len(upstream.seen) >= requests)


async def test_the_time_of_a_call_begins_with_its_turn() -> None:
    """One that had to wait for the principal's other calls has as long as they had."""
    fetch = fetch_of(LOOPBACK, wall_ms=1500, principal_concurrent=1)
    async with open_upstream({"/hang": hang, "/good": response(b"good")}) as upstream, opened_session(fetch) as session:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(refusal, session, f"{upstream.url}/hang")
            await arrived(upstream, 1)
            nursery.start_soon(refusal, session, f"{upstream.url}/hang")
            await trio.testing.wait_all_tasks_blocked()
            assert (await value(session, f"{upstream.url}/good")).body == b"good"


async def test_each_answer_has_a_head_of_its_own_size() -> None:
    """What came before it on the same connection does not count."""
    answer = response(b"", *(f"X-{n}: {'x' * 900}" for n in range(80)))
    async with open_upstream({"/": answer}) as upstream, opened_session(OPEN) as session:
        for _ in range(6):
            assert len((await value(session, f"{upstream.url}/")).headers) == 81
        assert upstream.connections == 1


async def test_what_is_received_at_the_same_time_has_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    """One principal has a quarter of it; who gets no room is told so, others are not concerned, and it all comes back."""
    monkeypatch.setattr(clients, "HELD_BYTES", 4_000_000)

    async def stuck(_: Seen, stream: Raw) -> None:
        await stream.send_all(b"HTTP/1.1 200 OK\r\nContent-Length: 900000\r\n\r\n" + bytes(800_000))
        await stream.receive_some(1)

    routes = {"/stuck": stuck, "/large": response(bytes(600_000)), "/small": response(b"x")}
    async with open_upstream(routes) as upstream, opened_broker(OPEN) as broker, trio.open_nursery() as nursery:
        with broker.session(grant_of(OPEN), "a") as greedy, broker.session(grant_of(OPEN), "b") as other:
            nursery.start_soon(ask, greedy, f"{upstream.url}/stuck")
            await until(lambda: broker.clients.held.bytes > 700_000)
            assert (await refusal(greedy, f"{upstream.url}/large")).rule == "limit.held_bytes"
            assert (await value(greedy, f"{upstream.url}/small")).body == b"x"
            assert (await value(other, f"{upstream.url}/large")).body == bytes(600_000)
            nursery.cancel_scope.cancel()
    assert broker.clients.held.bytes == 0


async def test_many_large_bodies_all_arrive() -> None:
    """Large and small, beside each other."""
    big = os.urandom(1_000_000)
    async with open_upstream({"/big": response(big), "/small": response(b"x")}) as upstream, opened_session(OPEN) as session:
        got: list[bytes | None] = []

        async def one(path: str) -> None:
            got.append((await value(session, upstream.url + path)).body)

        async with trio.open_nursery() as nursery:
            for n in range(24):
                nursery.start_soon(one, "/big" if n % 2 else "/small")
    assert sorted(map(len, filter(None, got))) == [1] * 12 + [1_000_000] * 12


# ------------------------------------------------------------------ abort


async def test_an_aborted_call_ends_at_once_and_both_are_answered() -> None:
    """The connection is closed; the aborted call says so."""
    async with open_upstream({"/": hang}) as upstream, opened_session(fetch_of(LOOPBACK, wall_ms=60_000)) as session:
        errors = []

        async def doomed() -> None:
            errors.append(await refusal(session, f"{upstream.url}/", number=7))

        async with trio.open_nursery() as nursery:
            nursery.start_soon(doomed)
            await arrived(upstream, 1)
            result = await session.answer(call("abort", {"id": 7}))
            assert (result.error, bytes(result.value or b"")) == (None, b"null")
        (error,) = errors
        assert (error.name, error.message, error.rule) == ("AbortError", "This operation was aborted", "abort")
        await closed(upstream)


async def test_aborting_what_is_not_under_way_is_no_error() -> None:
    """It may have ended while the abort was on its way."""
    async with opened_session(OPEN) as session:
        assert (await session.answer(call("abort", {"id": 3}))).error is None


async def test_a_call_that_waits_for_its_turn_can_be_aborted() -> None:
    """Before it has asked anybody."""
    async with held_upstream() as (upstream, release), opened_session(fetch_of(LOOPBACK, concurrent=1)) as session:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(value, session, f"{upstream.url}/")
            await arrived(upstream, 1)
            nursery.start_soon(lambda: refusal(session, f"{upstream.url}/", number=99))
            await trio.testing.wait_all_tasks_blocked()
            await session.answer(call("abort", {"id": 99}))
            release.set()
        assert len(upstream.seen) == 1


# ------------------------------------------------------------------ connections


async def test_connections_are_kept_for_a_principal_and_never_shared() -> None:
    """The second call of one principal uses the connection of the first; another principal has his own."""
    async with open_upstream({"/": response(b"")}) as upstream, opened_broker(OPEN) as broker:
        for principal in ("a", "a", "b", ("a", "b"), "a"):
            with broker.session(grant_of(OPEN), principal) as session:
                await value(session, f"{upstream.url}/")
        assert [seen.connection for seen in upstream.seen] == [1, 1, 2, 3, 1]


async def test_idle_clients_are_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    """After a while the connections of those who have no execution are closed, and no other's."""
    monkeypatch.setattr(clients, "KEEP_ALIVE_S", 0.05)
    async with open_upstream({"/": response(b"")}) as upstream, opened_broker(OPEN) as broker:
        with broker.session(grant_of(OPEN), "a") as session:
            await value(session, f"{upstream.url}/")
            with broker.session(grant_of(OPEN), "b") as other:
                await value(other, f"{upstream.url}/")
            assert (len(broker.clients), upstream.open) == (2, 2)
            await until(lambda: len(broker.clients) == 1)
            await trio.sleep(0.2)
            assert len(broker.clients) == 1
        await until(lambda: len(broker.clients) == 0)
        await closed(upstream)


async def test_there_is_a_bound_for_idle_clients(monkeypatch: pytest.MonkeyPatch) -> None:
    """The one that was used longest ago goes first."""
    monkeypatch.setattr(clients, "MOST_CLIENTS", 2)
    async with open_upstream({"/": response(b"")}) as upstream, opened_broker(OPEN) as broker:
        for principal in ("a", "b", "a", "c", "a"):
            with broker.session(grant_of(OPEN), principal) as session:
                await value(session, f"{upstream.url}/")
        await until(lambda: len(broker.clients) == 2)
        for principal in ("a", "c", "b"):
            with broker.session(grant_of(OPEN), principal) as session:
                await value(session, f"{upstream.url}/")
        assert [seen.connection for seen in upstream.seen[-3:]] == [1, 3, 4]


async def test_a_session_that_does_not_fetch_takes_no_client() -> None:
    """Most code does not."""
    async with opened_broker(OPEN) as broker:
        with broker.session(grant_of(OPEN), "a") as session:
            assert (await refusal(session, "http://10.0.0.1/")).rule == "egress.host"
            assert len(broker.clients) == 0


# ------------------------------------------------------------------ what is no call, and the log


CALLS = {
    "another capability": (HostCall(1, "db", "get", b"{}"), "capability"),  # type: ignore[arg-type]
    "another method": (HostCall(1, "fetch", "close", b"{}"), "method"),  # type: ignore[arg-type]
    "no arguments": (call("request", {}), "arguments"),
    "too many": (call("abort", {"id": 1, "more": 1}), "arguments"),
    "wrong types": (call("request", {"url": 1, "method": 2, "headers": 3, "body": 4}), "arguments"),
    "no base64": (call("request", {"url": "", "method": "", "headers": [], "body": "%%"}), "arguments"),
    "no JSON": (HostCall(1, "fetch", "request", b"{"), "arguments"),  # type: ignore[arg-type]
    "nested": (HostCall(1, "fetch", "request", b"[" * 100_000), "arguments"),  # type: ignore[arg-type]
}


@pytest.mark.parametrize(("made", "rule"), CALLS.values(), ids=CALLS)
async def test_what_is_no_call_is_refused(made: HostCall, rule: str) -> None:
    """Whatever a worker sends, it gets an answer and nothing breaks."""
    async with opened_session(OPEN) as session:
        result = await session.answer(made)
    assert result.error is not None
    assert (result.id, result.error.rule) == (made.id, rule)


async def test_without_a_grant_there_is_no_fetch() -> None:
    """The capability is absent, not empty."""
    async with opened_session(None) as session:
        found = await refusal(session, "http://127.0.0.1/")
    assert (found.rule, found.message) == ("capability", "this profile grants no fetch capability")


async def test_every_call_is_in_the_log_without_its_secrets() -> None:
    """Allowed, refused, aborted and cut off: who asked for what, what decided; no path, query, body or credential."""
    fetch = fetch_of(LOOPBACK, credentials=[{"host": "127.0.0.1", "header": "X-Key", "value": "s3cret"}])
    async with open_upstream({"/s3cret": response(b"s3cret", "X: s3cret"), "/hang": hang}) as upstream:
        with capture_logs() as events:
            async with opened_broker(fetch) as broker:
                with broker.session(grant_of(fetch), ("tenant", "user"), execution="e1") as session:
                    await value(
                        session, f"{upstream.url}/s3cret?s3cret", method="POST", body=b"s3cret", headers=[("s3cret", "s3cret")]
                    )
                    await refusal(session, "http://10.0.0.1/s3cret")
                    async with trio.open_nursery() as nursery:
                        nursery.start_soon(ask, session, f"{upstream.url}/hang")
                        await arrived(upstream, 2)
                        nursery.cancel_scope.cancel()
    assert "s3cret" not in str(events)
    told = [(each["allowed"], each["rule"], each["origin"], each.get("status")) for each in events]
    assert told == [
        (True, None, upstream.url, 200),
        (False, "egress.host", "http://10.0.0.1", None),
        (False, "end", upstream.url, None),
    ]
    assert {(each["event"], each["execution"], each["principal"], each["profile"]) for each in events} == {
        ("host call", "e1", ("tenant", "user"), "code-nodes")
    }
