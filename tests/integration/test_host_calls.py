"""Host calls: real workers of both kinds ask, the test answers."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
import trio
from msgspec import Raw

from sandboxd.executions.engine import Engine
from sandboxd.models import LogLine, Status
from sandboxd.protocol.messages import Capabilities, FetchCapability, HostCall, HostResult
from tests.equivalence.kinds import KINDS
from tests.support.asking import Daemon, answered, args_of, asked
from tests.support.brokers import SHIPPED
from tests.support.engines import opened, texts, value

ASK = "const ask = async (path, init) => (await fetch('http://a' + path, init)).text();"


@pytest.fixture(params=KINDS)
async def engine(request: pytest.FixtureRequest) -> AsyncIterator[Engine]:
    """An engine with workers of one kind, and of the other."""
    async with opened(SHIPPED, **KINDS[request.param]) as opened_engine:
        yield opened_engine


@pytest.fixture
def daemon() -> Daemon:
    """Who answers."""
    return Daemon()


# ------------------------------------------------------------------ asking and being answered


async def test_a_call_is_answered(engine: Engine, daemon: Daemon) -> None:
    """The call says what is wanted, and what was answered arrives."""
    outcome = await asked(engine, ASK + "return ask('/x?y', { method: 'POST', body: 'é' })", daemon.answer)
    assert value(outcome) == "hi"
    (call,) = daemon.calls
    assert (call.id, call.capability, call.method) == (1, "fetch", "request")
    told = args_of(call)
    assert (told["url"], told["method"], told["body"]) == ("http://a/x?y", "POST", "w6k=")
    assert ["content-type", "text/plain;charset=UTF-8"] in told["headers"]


async def test_a_refusal_is_an_error_that_names_its_rule(engine: Engine, daemon: Daemon) -> None:
    """Why is in the message, and the rule in the cause; uncaught, the execution fails at the user's line."""
    code = ASK + "\ntry { await ask('/refused') } catch (e) { return [e instanceof TypeError, e.message, e.cause.rule] }"
    words = "fetch failed: host a is not in the profile's list"
    assert value(await asked(engine, code, daemon.answer)) == [True, words, "egress.host"]
    failure = (await asked(engine, "\n\nawait fetch('http://a/refused')", daemon.answer)).failure
    assert failure is not None
    assert (failure.kind, failure.name, failure.message, failure.line) == ("error", "TypeError", words, 3)


async def test_a_thousand_calls_are_asked_some_at_a_time(engine: Engine, daemon: Daemon) -> None:
    """Code that asks for all at once waits; it breaks no limit of the channel."""
    code = ASK + "return (await Promise.all(Array.from({ length: 1000 }, (_, i) => ask('/' + i)))).length"
    assert value(await asked(engine, code, daemon.answer, wall_ms=30_000)) == 1000
    assert [call.id for call in daemon.calls] == [*range(1, 1001)]
    assert daemon.most_at_once <= 128


async def test_large_bodies_are_asked_one_after_the_other(engine: Engine, daemon: Daemon) -> None:
    """Together they are no longer than one may be, so that no worker fills the daemon."""
    granted = Capabilities(FetchCapability(None, 300_000))
    code = (
        ASK
        + "const init = { method: 'POST', body: 'x'.repeat(200_000) };"
        + "return Promise.all([1, 2, 3, 4, 5].map((i) => ask('/' + i, init)))"
    )
    assert value(await asked(engine, code, daemon.answer, granted=granted)) == ["hi"] * 5
    assert (len(daemon.calls), daemon.most_at_once) == (5, 1)


async def test_a_body_too_long_is_refused_before_it_is_sent(engine: Engine, daemon: Daemon) -> None:
    """The worker knows the limit of the grant: to the byte, and for a stream too."""
    code = (
        ASK
        + "const size = (n) => ask('/', { method: 'POST', body: new Uint8Array(n) }).catch((e) => [e.message, e.cause.rule]);"
        "const body = new ReadableStream({ pull(c) { c.enqueue(new Uint8Array(1000)) } });"
        "const endless = ask('/', { method: 'POST', body, duplex: 'half' }).catch((e) => e.cause.rule);"
        "return [await size(5000), await size(5001), await endless]"
    )
    refusal = ["fetch failed: the body of the request is longer than 5000 bytes", "limit.request_bytes"]
    outcome = await asked(engine, code, daemon.answer, granted=Capabilities(FetchCapability(None, 5000)))
    assert value(outcome) == ["hi", refusal, "limit.request_bytes"]
    assert len(daemon.calls) == 1


async def test_headers_too_long_are_refused_before_they_are_sent(engine: Engine, daemon: Daemon) -> None:
    """128 KB of URL and headers, and no more, have room in a call."""
    code = (
        ASK
        + "const long = (n) => ask('/', { headers: { a: 'x'.repeat(n) } }).catch((e) => e.cause.rule);"
        + "return Promise.all([120_000, 140_000].map(long))"
    )
    assert value(await asked(engine, code, daemon.answer)) == ["hi", "limit.header_bytes"]


async def test_lines_arrive_while_a_call_is_open(engine: Engine) -> None:
    """What is printed while an answer is awaited is heard at once, and the answer goes to who asked."""
    heard: list[str] = []
    printed = trio.Event()

    def on_log(line: LogLine) -> None:
        heard.append(line.text)
        printed.set()

    async def answer(call: HostCall) -> HostResult:
        await printed.wait()
        return answered(call, "aGk=")

    outcome = await asked(
        engine, ASK + "const p = ask('/'); setTimeout(() => console.log('now'), 1); return p", answer, on_log=on_log
    )
    assert (value(outcome), heard, texts(outcome)) == ("hi", ["now"], ["now"])


# ------------------------------------------------------------------ ends


async def test_an_open_call_is_not_a_stall(engine: Engine, daemon: Daemon) -> None:
    """Code that waits for an answer that does not come is ended by its time limit; code that waits for nothing, at once."""
    outcome = await asked(engine, ASK + "return ask('/never')", daemon.answer, wall_ms=1500)
    assert (outcome.status, daemon.cancelled) == (Status.timed_out, 1)
    outcome = await asked(engine, ASK + "await ask('/'); await new Promise(() => {})", daemon.answer, wall_ms=30_000)
    assert outcome.failure is not None
    assert outcome.failure.kind == "stalled"


async def test_what_is_open_at_the_end_is_cancelled(engine: Engine, daemon: Daemon) -> None:
    """Code that returns without its answers has its value, and nobody goes on asking for it."""
    outcome = await asked(engine, ASK + "ask('/never'); ask('/never'); await ask('/'); return 1", daemon.answer, wall_ms=30_000)
    assert (value(outcome), daemon.cancelled, daemon.at_once) == (1, 2, 0)


async def test_an_abort_reaches_the_daemon(engine: Engine, daemon: Daemon) -> None:
    """The daemon hears which call is no longer wanted, and both are answered."""
    code = (
        ASK + "const c = new AbortController(); setTimeout(() => c.abort(), 20);"
        "const why = await ask('/never', { signal: c.signal }).catch((e) => e.name); await ask('/'); return why"
    )
    assert value(await asked(engine, code, daemon.answer)) == "AbortError"
    assert [(call.method, call.id) for call in daemon.calls] == [("request", 1), ("abort", 2), ("request", 3)]
    assert (args_of(daemon.calls[1]), daemon.cancelled, daemon.at_once) == ({"id": 1}, 0, 0)


async def test_what_was_aborted_before_its_turn_is_never_asked(engine: Engine, daemon: Daemon) -> None:
    """A call that still waits for a place is given up in silence."""
    code = (
        ASK + "const c = new AbortController(); setTimeout(() => c.abort(), 50);"
        "const many = Array.from({ length: 200 }, () => ask('/never', { signal: c.signal }).catch((e) => e.name));"
        "return new Set(await Promise.all(many)).size"
    )
    assert value(await asked(engine, code, daemon.answer)) == 1
    assert sum(call.method == "request" for call in daemon.calls) <= 128


async def test_a_fault_of_the_house_is_raised(engine: Engine, daemon: Daemon) -> None:
    """What `answer` raises is no outcome of the code's: it comes out as it is, and the worker is ended."""

    async def answer(_: HostCall) -> HostResult:
        raise ZeroDivisionError("ours")

    with pytest.raises(ZeroDivisionError, match="ours"):
        await asked(engine, ASK + "try { await ask('/') } catch {} return 1", answer)
    assert value(await asked(engine, ASK + "return ask('/')", daemon.answer)) == "hi"


async def test_results_that_are_not_read_have_a_limit(engine: Engine) -> None:
    """A worker that asks and does not read ends as crashed when more waits for it than its memory holds."""
    large = "A" * (8 << 20)

    async def answer(call: HostCall) -> HostResult:
        return HostResult(call.id, Raw(b'"%s"' % large.encode()))

    code = (
        ASK
        + "for (let i = 0; i < 30; i++) ask('/' + i); await null; await null; for (let i = 0; i < 9; i++) await null; for (;;);"
    )
    outcome = await asked(engine, code, answer, wall_ms=30_000, memory_bytes=64 << 20)
    assert outcome.failure is not None
    assert outcome.status == Status.crashed
    assert "host results that it does not read" in outcome.failure.message


# ------------------------------------------------------------------ what is granted


async def test_without_a_grant_there_is_no_call(engine: Engine, daemon: Daemon) -> None:
    """fetch is there and rejects in words, data: included; the channel is not used."""
    code = "return Promise.all(['http://a/', 'data:,x', ''].map((url) => fetch(url).catch((e) => [e.name, e.message])))"
    words = ["TypeError", "fetch failed: this profile grants no fetch capability"]
    assert value(await asked(engine, code, daemon.answer, granted=Capabilities())) == [words] * 3
    assert daemon.calls == []


RELATIVE: list[tuple[str | None, str, Any]] = [
    ("http://h:81/b/c", "x?y", "http://h:81/b/x?y"),
    ("http://h:81/b/c", "/x", "http://h:81/x"),
    ("http://h:81/b/c", "//other/x", "http://other/x"),
    ("http://h:81/b/c", "", "http://h:81/b/c"),
    ("http://h:81/b/c", "https://other/", "https://other/"),
    (None, "/x", None),
]


async def test_relative_urls_are_relative_to_that_of_the_grant(engine: Engine, daemon: Daemon) -> None:
    """For fetch and for Request; without one they are no URLs. No Origin and no Referer tell of it."""
    for base, url, absolute in RELATIVE:
        code = (
            f"try {{ const u = {url!r}; await fetch(u); await fetch(new Request(u)); return new Request(u).url }}"
            "catch (e) { return null }"
        )
        daemon.calls.clear()
        outcome = await asked(engine, code, daemon.answer, granted=Capabilities(FetchCapability(base, 1000)))
        assert (value(outcome), [args_of(call)["url"] for call in daemon.calls]) == (
            absolute,
            [absolute] * 2 if absolute else [],
        )
        names = {name for call in daemon.calls for name, _ in args_of(call)["headers"]}
        assert not names & {"origin", "referer"}
