"""fetch through the whole engine: worker, broker, and a real server on loopback."""

import base64
import gzip
from collections.abc import AsyncIterator
from typing import Any

import pytest
import trio

from sandboxd.executions.templates import load_templates
from sandboxd.models import Status
from sandboxd.protocol.messages import HostCall, HostResult
from tests.equivalence.kinds import KINDS
from tests.support.asking import answered, asked
from tests.support.brokers import SHIPPED, fetch_of, host, policy_of
from tests.support.engines import opened, run, until, value
from tests.support.upstream import Upstream, hang, open_upstream, response

WORKERS: dict[str, dict[str, Any]] = KINDS | {"Node 18": {"node": "nodejs-bin", "workers": "exec"}}
DATA = response(b'{"items":[1,2,3]}', "Content-Type: application/json")
FETCHING = [template for template in load_templates() if "fetch(" in template.code]
each_kind = pytest.mark.parametrize("kind", WORKERS)
LOOPBACK = host("127.0.0.1", reach=["loopback"])


@pytest.fixture
async def upstream() -> AsyncIterator[Upstream]:
    """A server with the data that the templates want."""
    squeezed = response(gzip.compress(b"hi"), "Content-Encoding: gzip")
    async with open_upstream({"/api/data": DATA, "/gzip": squeezed, "/hang": hang}) as opened_upstream:
        yield opened_upstream


@each_kind
async def test_the_templates_that_fetch_succeed(kind: str, upstream: Upstream) -> None:
    """As they are, their relative address being one on the API's own host."""
    granted = policy_of(fetch_of(LOOPBACK, base_url=upstream.url + "/"))
    async with opened(granted, **WORKERS[kind]) as engine:
        for template in FETCHING:
            found: Any = value(await run(engine, template.code, check=True, wall_ms=30_000))
            assert found["data"] == {"items": [1, 2, 3]}
    assert [seen.target for seen in upstream.seen] == ["/api/data"] * len(FETCHING) == ["/api/data"] * 2


@each_kind
async def test_a_body_is_decoded_and_a_refusal_has_words(kind: str, upstream: Upstream) -> None:
    """In every Node and every kind of worker."""
    code = (
        f"const text = await (await fetch('{upstream.url}/gzip')).text();"
        "return [text, await fetch('http://10.0.0.1/').catch((e) => [e.name, e.message, e.cause.rule])]"
    )
    async with opened(policy_of(fetch_of(LOOPBACK)), **WORKERS[kind]) as engine:
        refusal = ["TypeError", "fetch failed: host 10.0.0.1 is not in the profile's list", "egress.host"]
        assert value(await run(engine, code, wall_ms=30_000)) == ["hi", refusal]


@each_kind
async def test_an_abort_closes_the_connection(kind: str, upstream: Upstream) -> None:
    """What nobody waits for is not asked any longer, while the execution goes on."""
    code = (
        f"const c = new AbortController(), p = fetch('{upstream.url}/hang', {{ signal: c.signal }}).catch((e) => e.name);"
        "setTimeout(() => c.abort(), 300); await p; await new Promise((done) => setTimeout(done, 20_000))"
    )
    async with opened(policy_of(fetch_of(LOOPBACK)), **WORKERS[kind]) as engine, trio.open_nursery() as nursery:
        nursery.start_soon(lambda: run(engine, code, wall_ms=30_000))
        await until(lambda: upstream.open)
        await until(lambda: not upstream.open)
        nursery.cancel_scope.cancel()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("megabytes", [100, 1000])
async def test_a_bomb_is_the_executions_own(kind: str, megabytes: int) -> None:
    """What a body unpacks to counts against the memory of who asked for it; the next execution is as ever."""
    bomb = base64.b64encode(gzip.compress(bytes(megabytes << 20), 9)).decode()

    async def answer(call: HostCall) -> HostResult:
        return answered(call, bomb, headers=(("Content-Encoding", "gzip"),))

    async with opened(SHIPPED, **KINDS[kind]) as engine:
        outcome = await asked(engine, "return (await (await fetch('http://a/')).text()).length", answer, wall_ms=30_000)
        assert outcome.status in (Status.memory_exceeded, Status.failed)  # or undici's "terminated", when a buffer is refused
        assert outcome.usage.memory_bytes < (128 + 64) << 20
        assert value(await run(engine, "return 1 + 1")) == 2
