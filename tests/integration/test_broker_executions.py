"""Executions that fetch: real workers, a real broker, and upstreams that are slow, broken and endless."""

import json
import zlib
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import trio
from structlog.testing import capture_logs

from sandboxd.broker.broker import Outside
from sandboxd.models import Outcome, Status
from tests.support.brokers import fetch_of, host, policy_of
from tests.support.cli import cli
from tests.support.daemon import running_daemon
from tests.support.engines import opened, run, until, value
from tests.support.policy_files import changed_policies
from tests.support.stored import make_token
from tests.support.upstream import Names, Raw, Seen, endless, hang, open_upstream, redirect, response, running_upstream

LOOPBACK = host("127.0.0.1", reach=["loopback"])
ROUTES = {
    "/good": response(b"good"),
    "/hang": hang,
    "/endless": endless,
    "/broken": b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nand no more",
    "/garbage": b"\x00\x01\x02\r\n\r\n",
    "/away": redirect("http://10.0.0.1/"),
}
EXPECTED = {
    "good": "good",
    "hang": "fetch failed: 4 s limit of a call",
    "endless": "fetch failed: a response of more than 300000 bytes",
    "garbage": "fetch failed: the upstream did not answer in HTTP",
    "away": "fetch failed: host 10.0.0.1 is not in the profile's list",
}
ASK_ALL = """
const asked = KINDS.map(async (kind) => {
  try { return [kind, await (await fetch(`BASE/${kind}`)).text()] } catch (e) { return [kind, e.message] }
});
return Promise.all(asked);
"""


def asking(base: str, kinds: list[str]) -> str:
    """Code that asks for all of them at once and returns what became of each."""
    return ASK_ALL.replace("KINDS", json.dumps(kinds)).replace("BASE", base)


async def test_every_call_to_a_bad_upstream_ends_by_its_rule() -> None:
    """Eight executions of two principals make 80 of them at once; what a principal may have at once is never exceeded."""
    fetch = fetch_of(LOOPBACK, wall_ms=4000, response_bytes=300_000, concurrent=3, principal_concurrent=5)
    told: list[Outcome] = []
    async with open_upstream(ROUTES) as upstream, opened(policy_of(fetch), running=8, running_per_user=4) as engine:

        async def one(user: str) -> None:
            told.append(await run(engine, asking(upstream.url, list(EXPECTED) * 2), user=user, wall_ms=30_000))

        async with trio.open_nursery() as nursery:
            for n in range(8):
                nursery.start_soon(one, f"user {n % 2}")
        await until(lambda: not upstream.open)
    every = [tuple(pair) for outcome in told for pair in value(outcome)]  # type: ignore[attr-defined]
    assert Counter(every) == dict.fromkeys(EXPECTED.items(), 16)
    assert upstream.most_open <= 2 * 5


async def test_a_dead_upstream_holds_nobody_but_those_who_ask_it() -> None:
    """While one principal has all that he may have, and it never ends, another fetches from the same upstream."""
    fetch = fetch_of(LOOPBACK, wall_ms=60_000, principal_concurrent=5)
    async with open_upstream(ROUTES) as upstream, opened(policy_of(fetch), running=8, running_per_user=4) as engine:
        async with trio.open_nursery() as nursery:
            for _ in range(4):
                nursery.start_soon(lambda: run(engine, asking(upstream.url, ["hang"] * 6), user="one", wall_ms=30_000))
            await until(lambda: upstream.open == 5)
            for _ in range(4):
                outcome = await run(engine, asking(upstream.url, ["good"] * 6), user="another", wall_ms=30_000)
                assert value(outcome) == [["good", "good"]] * 6
            nursery.cancel_scope.cancel()
        await until(lambda: not upstream.open)


@pytest.mark.parametrize("end", ["return 1", "throw 1", "for (;;) {}"], ids=["answer", "error", "killed"])
async def test_an_execution_that_ends_takes_its_calls_with_it(end: str) -> None:
    """Whatever was under way is cut off, and its connections are closed at once."""
    async with open_upstream({"/": hang}) as upstream, opened(policy_of(fetch_of(LOOPBACK))) as engine:
        code = f"for (let i = 0; i < 9; i++) fetch('{upstream.url}/').catch(() => {{}});"
        with capture_logs() as events:
            await run(engine, f"{code} await new Promise((r) => setTimeout(r, 300)); {end}", wall_ms=1000)
        await until(lambda: not upstream.open)
    assert Counter(event["rule"] for event in events if event["event"] == "host call") == {"end": 9}
    assert len(upstream.seen) <= 6


async def test_a_cancelled_execution_takes_its_calls_with_it() -> None:
    """A caller that hangs up."""
    async with open_upstream({"/": hang}) as upstream, opened(policy_of(fetch_of(LOOPBACK))) as engine:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(lambda: run(engine, f"await fetch('{upstream.url}/')", wall_ms=30_000))
            await until(lambda: upstream.seen)
            nursery.cancel_scope.cancel()
        await until(lambda: not upstream.open)
        assert value(await run(engine, "return 2")) == 2


REDIRECTS = {
    "egress.host": ["http://169.254.169.254/", "//evil.example/", "http://[::1]/", "http://0.0.0.0/", "\\\\evil.example\\"],
    "egress.blocked_port": ["http://127.0.0.1:6379/", "//127.0.0.1:5432/", "http://2130706433:6379/"],
    "egress.private": ["http://inside.example/"],
    "egress.metadata": ["http://cloud.example/"],
}


async def test_every_redirect_is_judged_anew() -> None:
    """Where a listed host leads to is decided as if the code had asked for it, and nobody connects."""
    places = {f"/{n}": pair for n, pair in enumerate((rule, to) for rule, tos in REDIRECTS.items() for to in tos)}
    names = Names(**{"inside.example": ["10.0.0.1"], "cloud.example": ["169.254.169.254"]})
    fetch = fetch_of(LOOPBACK, host("inside.example"), host("cloud.example"))
    outside = Outside(resolve=names)
    async with open_upstream({path: redirect(to) for path, (_, to) in places.items()}) as upstream:
        async with opened(policy_of(fetch), outside=outside) as engine:
            code = """return Promise.all(PLACES.map(async (path) => {
              try { await fetch('BASE' + path); return 'reached' } catch (e) { return e.cause.rule }
            }))"""
            code = code.replace("PLACES", json.dumps(list(places))).replace("BASE", upstream.url)
            assert value(await run(engine, code)) == [rule for rule, _ in places.values()]
        assert len(upstream.seen) == len(places)


async def test_a_redirect_to_another_host_takes_nothing_along() -> None:
    """Neither the code's Authorization nor the credential of the first host; the second host gets its own."""
    credentials = [
        {"host": "127.0.0.1", "header": "X-First", "value": "one"},
        {"host": "b.example", "header": "X-Second", "value": "two"},
    ]
    fetch = fetch_of(LOOPBACK, host("b.example", reach=["loopback"]), credentials=credentials)
    async with open_upstream({}) as upstream:
        upstream.routes = {"/": redirect(f"http://b.example:{upstream.port}/end"), "/end": response(b"end")}
        async with opened(policy_of(fetch), outside=Outside(resolve=Names(**{"b.example": ["127.0.0.1"]}))) as engine:
            code = f"""const headers = {{ Authorization: 'mine', Cookie: 'c', 'X-Kept': 'k' }};
            const r = await fetch('{upstream.url}/', {{ headers }}); return [r.redirected, await r.text()]"""
            assert value(await run(engine, code)) == [True, "end"]
        first, second = upstream.seen
    names = ("authorization", "cookie", "x-kept", "x-first", "x-second")
    assert [first.header(name) for name in names] == ["mine", "c", "k", "one", None]
    assert [second.header(name) for name in names] == [None, None, "k", None, "two"]


async def test_a_bomb_counts_against_the_execution_that_unpacks_it() -> None:
    """A small answer that unpacks to 512 MB ends that execution for memory; the daemon has held the small one only."""
    packer = zlib.compressobj(1, wbits=31)
    bomb = b"".join(packer.compress(bytes(1 << 20)) for _ in range(512)) + packer.flush()
    assert len(bomb) < 5 << 20
    async with open_upstream({"/": response(bomb, "Content-Encoding: gzip")}) as upstream:
        async with opened(policy_of(fetch_of(LOOPBACK))) as engine:
            code = f"const r = await fetch('{upstream.url}/'); return (await r.arrayBuffer()).byteLength"
            outcome = await run(engine, code, wall_ms=30_000)
    assert outcome.status is Status.memory_exceeded


# ------------------------------------------------------------------ the whole program


def test_the_fetching_templates_work_with_a_base_url(tmp_path: Path) -> None:
    """As they are, without an input: their relative URL is relative to the profile's base; the log has a line for each call."""
    data = response(b'{"items":[1,2,3]}', "Content-Type: application/json")
    with running_upstream({"/api/data": data}) as upstream:
        config = changed_policies(tmp_path, fetch=f'base_url = "{upstream.url}/"')
        with running_daemon(tmp_path / "data", "--config", config) as daemon:
            token = make_token(daemon.data_dir, "caller")
            told: list[Any] = []
            for template in ("fetch_data", "async_await"):
                code = daemon.request("GET", f"/api/ai-automation/code/templates/{template}", token=token).json["code"]
                told.append(daemon.execute(token, code).json)
            daemon.stop()
            lines = [json.loads(line) for line in daemon.log() if line.startswith("{")]
    assert [(each["status"], each["return_value"]["data"]) for each in told] == [("success", {"items": [1, 2, 3]})] * 2
    calls = [line for line in lines if line["event"] == "host call"]
    assert [(call["execution"], call["principal"], call["allowed"], call["origin"]) for call in calls] == [
        (each["execution_id"], ["default", "caller"], True, upstream.url) for each in told
    ]


def test_run_fetches_by_the_same_rules(tmp_path: Path, file: Callable[[str], str]) -> None:
    """The command line has the profile's hosts and credentials too; its output is the code's alone."""
    with running_upstream({"/whoami": _whoami}) as upstream:
        (tmp_path / "key").write_text("s3cret")
        entry = f'host = "x.localhost"\nreach = ["loopback"]\nports = [{upstream.port}]\nwhy = "It is for the test."\n'
        secret = f'host = "x.localhost"\nheader = "X-Key"\nfile = "{tmp_path}/key"\nwhy = "It is for the test."\n'
        config = changed_policies(tmp_path, more=f"[[fetch.hosts]]\n{entry}[[fetch.credentials]]\n{secret}")
        code = f"console.log(await (await fetch('http://x.localhost:{upstream.port}/whoami')).text())"
        ended = cli("run", file(code), "--config", config)
        refused = cli("run", file("await fetch('http://10.0.0.1/')", "refused.js"), "--config", config)
    assert (ended.code, ended.out) == (0, "it has the key\n{}\n")
    assert (refused.code, refused.out) == (1, "")
    assert refused.err.startswith("TypeError: fetch failed: host 10.0.0.1 is not in the profile's list")


async def _whoami(seen: Seen, stream: Raw) -> None:
    has = seen.header("x-key") == "s3cret"
    await stream.send_all(response(b"it has the key" if has else b"it has none", "Connection: close"))
