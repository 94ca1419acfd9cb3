"""fetch in a worker against fetch in a plain Node: the same code, the same server, the same visible result.

The whole way is real: worker, frames, broker, sockets. What Node gives is not written down: Node is asked.
"""

import json
import subprocess
from functools import cache, partial
from typing import Any

import pytest
import trio

from sandboxd.models import Outcome
from sandboxd.pool.runtime import find_node
from tests.equivalence.kinds import KINDS
from tests.fetching.cases import CASES, DIFFERING, ORACLE, PRELUDE
from tests.fetching.routes import ROUTES
from tests.support.brokers import fetch_of, host, policy_of
from tests.support.engines import opened, run, value
from tests.support.upstream import open_upstream

AT_ONCE = 4
ALL = CASES | {name: case.code for name, case in DIFFERING.items()}


def program(code: str, origin: str) -> str:
    """The body of the function, with what the cases share."""
    return f"const base = {origin!r};\n{PRELUDE}{code}"


async def _ours(kind: str) -> dict[str, Outcome]:
    """All cases through workers of one kind and the broker."""
    found: dict[str, Outcome] = {}
    places = [host("127.0.0.1", reach=["loopback"]), host("localhost", reach=["loopback"])]
    granted = fetch_of(*places, calls=1000, wall_ms=2000)
    async with open_upstream(ROUTES) as upstream, opened(policy_of(granted), **KINDS[kind], running=AT_ONCE) as engine:

        async def one(name: str) -> None:
            found[name] = await run(engine, program(ALL[name], upstream.url), wall_ms=30_000, user=name)

        for first in range(0, len(ALL), AT_ONCE):
            async with trio.open_nursery() as nursery:
                for name in [*ALL][first : first + AT_ONCE]:
                    nursery.start_soon(one, name)
    return found


async def _theirs() -> dict[str, Any]:
    """All cases in one plain Node."""
    async with open_upstream(ROUTES) as upstream:
        programs = json.dumps({name: program(code, upstream.url) for name, code in ALL.items()}).encode()
        command = [find_node().path, "--no-warnings", str(ORACLE)]
        ran = await trio.run_process(command, stdin=programs, env={"TZ": "UTC"}, capture_stdout=True, stderr=subprocess.STDOUT)
    told: dict[str, Any] = json.loads(ran.stdout)
    return told


ours = cache(partial(trio.run, _ours))
theirs = cache(partial(trio.run, _theirs))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", CASES)
def test_code_sees_what_it_would_in_node(kind: str, name: str) -> None:
    """Code that fetches gets the same from a worker as from a plain Node."""
    expected = theirs()[name]
    assert not str(expected).startswith("it threw"), expected
    assert value(ours(kind)[name]) == expected


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", DIFFERING)
def test_what_differs_is_known(kind: str, name: str) -> None:
    """Where it is not the same, both are what they are said to be."""
    case = DIFFERING[name]
    assert (value(ours(kind)[name]), theirs()[name]) == (case.ours, case.node), case.why


def test_there_are_enough() -> None:
    """No case is without a result, and there are as many as are promised."""
    assert len(CASES) >= 60
    assert [*theirs()] == [*ALL]
