"""What a tier may do: the policy as its bearer meets it, door by door."""

from collections.abc import Container

from msgspec import Struct

from sandboxd.policy.decide import decide
from sandboxd.policy.fetch import Fetch
from sandboxd.policy.model import Access, Policy, Profile


class QuotaTold(Struct, frozen=True):
    """How much one user may start, over all doors; null is no limit."""

    concurrent: int | None
    """Executions at the same time."""
    hourly: int | None
    """Starts in any 3,600 seconds."""
    daily: int | None
    """Starts in any 86,400 seconds."""
    monthly: int | None
    """Starts in a calendar month, UTC."""


class Choice(Struct, frozen=True):
    """A limit that a caller may choose."""

    min: int
    """Less is refused, or raised to it in the case of memory."""
    default: int
    """For who asks for nothing."""
    max: int
    """More is refused."""


class FetchTold(Struct, frozen=True):
    """What code may ask the broker for."""

    hosts: list[str]
    """Whom it may ask, by exact name."""
    calls: int
    """In one execution."""
    concurrent: int
    """At once in one execution; more wait their turn."""
    wall_ms: int
    """For a call, from its turn to its last byte."""
    request_bytes: int
    """Body, headers and URL."""
    response_bytes: int
    """As they come over the wire."""


class DoorTold(Struct, frozen=True):
    """The limits of one execution by one door."""

    profile: str
    """The profile that it runs under."""
    wall_ms: Choice
    """Wall clock in milliseconds."""
    memory_bytes: Choice
    """Memory above an idle worker's; where it cannot be chosen all three are the same."""
    output_bytes: int
    """Console text that is kept."""
    result_bytes: int
    """The result as JSON."""
    source_bytes: int
    """The code."""
    depth: int
    """Levels of nesting of a result."""
    fetch: FetchTold | None
    """Null where code may ask nobody."""


class LimitsTold(Struct, frozen=True):
    """The answer of /limits: what the bearer of this token may do."""

    tier: str
    """His subscription."""
    quota: QuotaTold
    """How much he may start."""
    doors: dict[str, DoorTold]
    """The doors of this daemon that his tier opens."""


def told(policy: Policy, tier: str, served: Container[str]) -> LimitsTold:
    """What the policy gives a tier, by those doors that are `served`. A tier that is not in the policy opens none."""
    found = policy.tiers.get(tier)
    if found is None:
        return LimitsTold(tier, QuotaTold(0, 0, 0, 0), {})
    quota = QuotaTold(found.concurrent, found.hourly, found.daily, found.monthly)
    doors = {str(name): _door(policy, tier, name, access) for name, access in found.doors.items() if name in served}
    return LimitsTold(tier, quota, doors)


def _door(policy: Policy, tier: str, door: str, access: Access) -> DoorTold:
    """As `decide` grants it to who asks for nothing, and how far it lets him ask. A door serves the profile of its name."""
    limits, profile = decide(policy, tier=tier, door=door, profile=door).limits, policy.profiles[door]
    return DoorTold(
        profile=door,
        wall_ms=Choice(profile.limits.wall_ms.min, limits.wall_ms, min(profile.limits.wall_ms.max, access.max_timeout_ms)),
        memory_bytes=_memory(profile, access, limits.memory_bytes),
        output_bytes=limits.output_bytes,
        result_bytes=limits.result_bytes,
        source_bytes=limits.source_bytes,
        depth=limits.depth,
        fetch=None if profile.fetch is None else _fetch(profile.fetch),
    )


def _memory(profile: Profile, access: Access, usual: int) -> Choice:
    memory = profile.limits.memory_bytes
    if memory.least is None:
        return Choice(usual, usual, usual)
    return Choice(memory.least, usual, min(memory.most, access.max_memory_bytes or memory.most))


def _fetch(fetch: Fetch) -> FetchTold:
    limits = fetch.limits
    return FetchTold(
        hosts=list(dict.fromkeys(host.host for host in fetch.hosts)),
        calls=limits.calls.most,
        concurrent=limits.concurrent.most,
        wall_ms=limits.wall_ms.most,
        request_bytes=limits.request_bytes.most,
        response_bytes=limits.response_bytes.most,
    )
