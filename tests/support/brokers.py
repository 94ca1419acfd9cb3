"""A broker for a test, and what code would ask it, without any code."""

from collections.abc import AsyncIterator, Hashable, Sequence
from contextlib import asynccontextmanager
from itertools import count
from typing import Any

import msgspec
from msgspec.structs import replace

from sandboxd.broker.broker import Broker, Outside, open_broker
from sandboxd.broker.fetch import FetchArgs, FetchValue
from sandboxd.broker.session import Session
from sandboxd.config import Settings
from sandboxd.executions.engine import read_policy
from sandboxd.policy.decide import local_grant
from sandboxd.policy.fetch import Fetch
from sandboxd.policy.model import Grant, Policy
from sandboxd.protocol.messages import HostCall, HostError

PROFILE = "code-nodes"
SHIPPED = read_policy(Settings())
_WHY = "It is there for the test."
_ids = count(1)


def host(name: str, **more: Any) -> dict[str, Any]:
    """An entry of the list of hosts."""
    return {"host": name, "why": _WHY} | more


def fetch_of(*hosts: dict[str, Any], credentials: Sequence[dict[str, Any]] = (), base_url: str = "", **limits: int) -> Fetch:
    """The shipped grant to fetch, with other hosts and some limits replaced."""
    shipped = SHIPPED.profiles[PROFILE].fetch
    assert shipped is not None
    fetch = msgspec.to_builtins(shipped) | {"hosts": list(hosts), "base_url": base_url}
    fetch["credentials"] = [{"why": _WHY} | each for each in credentials]
    for name, most in limits.items():
        fetch["limits"][name]["most"] = most
    return msgspec.convert(fetch, Fetch)


def policy_of(fetch: Fetch | None) -> Policy:
    """The shipped policy with another grant to fetch."""
    return replace(SHIPPED, profiles={PROFILE: replace(SHIPPED.profiles[PROFILE], fetch=fetch)})


def grant_of(fetch: Fetch | None) -> Grant:
    """The operator's grant under that policy."""
    return local_grant(policy_of(fetch), PROFILE, None, field="wall_ms")


@asynccontextmanager
async def opened_broker(fetch: Fetch | None, **outside: Any) -> AsyncIterator[Broker]:
    """A broker for one profile."""
    async with open_broker(policy_of(fetch).profiles, Outside(**outside)) as broker:
        yield broker


@asynccontextmanager
async def opened_session(fetch: Fetch | None, principal: Hashable = "test", **outside: Any) -> AsyncIterator[Session]:
    """A session of one execution, with a broker of its own."""
    async with opened_broker(fetch, **outside) as broker:
        with broker.session(grant_of(fetch), principal) as session:
            yield session


def call(method: str, args: Any, capability: str = "fetch", number: int | None = None) -> HostCall:
    """A host call as the harness would send it."""
    return HostCall(number or next(_ids), capability, method, msgspec.Raw(msgspec.json.encode(args)))


async def ask(
    session: Session,
    url: str,
    *,
    method: str = "GET",
    headers: Sequence[tuple[str, str]] = (),
    body: bytes | None = None,
    number: int | None = None,
) -> FetchValue | HostError:
    """One fetch: its value, or the error that code would see."""
    args = FetchArgs(url, method, list(headers), body)
    result = await session.answer(call("request", args, number=number))
    if result.error is not None:
        return result.error
    assert result.value is not None
    return msgspec.json.decode(result.value, type=FetchValue)


async def value(session: Session, url: str, **more: Any) -> FetchValue:
    """The value of a fetch that is allowed and succeeds."""
    got = await ask(session, url, **more)
    assert isinstance(got, FetchValue), got
    return got


async def refusal(session: Session, url: str, **more: Any) -> HostError:
    """The error of a fetch that is refused or fails."""
    got = await ask(session, url, **more)
    assert isinstance(got, HostError), got
    return got
