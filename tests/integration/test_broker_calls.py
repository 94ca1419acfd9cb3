"""Host calls around the HTTP: aborted, sharing connections, refused for their form, told to the log."""

import pytest
import trio
from structlog.testing import capture_logs

from sandboxd.broker import clients
from sandboxd.protocol.messages import HostCall
from tests.support.brokers import ask, call, fetch_of, grant_of, host, opened_broker, opened_session, refusal, value
from tests.support.engines import until
from tests.support.upstream import arrived, closed, hang, held_upstream, open_upstream, response

LOOPBACK = host("127.0.0.1", reach=["loopback"])
OPEN = fetch_of(LOOPBACK)

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
