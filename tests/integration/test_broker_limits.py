"""What one execution and one principal may fetch: calls, time, bytes, counted in the daemon."""

import os

import pytest
import trio
from structlog.testing import capture_logs

from sandboxd.broker import clients
from sandboxd.broker.session import MOST_LINES
from tests.support.brokers import ask, fetch_of, grant_of, host, opened_broker, opened_session, refusal, value
from tests.support.engines import until
from tests.support.upstream import Raw, Seen, arrived, closed, endless, hang, held_upstream, open_upstream, response

LOOPBACK = host("127.0.0.1", reach=["loopback"])
OPEN = fetch_of(LOOPBACK)


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
