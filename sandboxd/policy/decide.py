"""One question, asked once per request: may this principal do this, and within which limits? Pure."""

from sandboxd.errors import BadRequest, LimitExceeded, SettingsError, SubscriptionRequired
from sandboxd.models import Limits
from sandboxd.policy.model import Access, Capabilities, Grant, Policy, Profile
from sandboxd.policy.quota import Quota


def decide(
    policy: Policy,
    *,
    tier: str,
    door: str,
    profile: str,
    wall_ms: int | None = None,
    field: str = "wall_ms",
    memory_bytes: int | None = None,
    memory_field: str = "memory_bytes",
) -> Grant:
    """The grant for one execution. `wall_ms` and `memory_bytes` are what the caller asked for in `field` and `memory_field`,
    None for the default. Less memory than the profile's least is raised to it.

    Raises SubscriptionRequired, BadRequest (outside of the profile's range), LimitExceeded (above the tier's maximum).
    """
    subscription = policy.tiers.get(tier)
    access = subscription.access(door) if subscription is not None else None
    if subscription is None or access is None or profile not in policy.profiles:
        raise SubscriptionRequired
    found, allowed = policy.profiles[profile], access.max_timeout_ms
    asked = _wall(found, wall_ms, field)
    if wall_ms is not None and asked > allowed:
        raise LimitExceeded(
            f"{field} exceeds the maximum of your subscription ({allowed} ms)",
            limit="max_timeout_ms",
            allowed=allowed,
            requested=asked,
        )
    memory = _memory(found, access, memory_bytes, memory_field)
    return _grant(profile, found, min(asked, allowed), memory, subscription.quota)


def local_grant(policy: Policy, profile: str, wall_ms: int | None, *, field: str) -> Grant:
    """The operator's own, on his command line: the profile's limits and no quota. Raises SettingsError, BadRequest."""
    if profile not in policy.profiles:
        raise SettingsError(f"There is no profile {profile!r}; there are: {', '.join(sorted(policy.profiles))}")
    found = policy.profiles[profile]
    return _grant(profile, found, _wall(found, wall_ms, field), found.limits.memory_bytes.usual, Quota())


def _wall(profile: Profile, wall_ms: int | None, field: str) -> int:
    wall = profile.limits.wall_ms
    if wall_ms is None:
        return wall.default
    if not wall.min <= wall_ms <= wall.max:
        raise BadRequest(f"{field} must be between {wall.min} and {wall.max}")
    return wall_ms


def _memory(profile: Profile, access: Access, asked: int | None, field: str) -> int:
    memory = profile.limits.memory_bytes
    allowed = min(memory.most, access.max_memory_bytes or memory.most)
    if asked is None:
        return min(memory.usual, allowed)
    if memory.least is None:
        raise BadRequest(f"{field} cannot be chosen here")
    if asked > allowed:
        raise LimitExceeded(
            f"{field} exceeds the maximum of your subscription ({allowed >> 20} MB)",
            limit="max_memory_bytes",
            allowed=allowed,
            requested=asked,
        )
    return max(asked, memory.least)


def _grant(name: str, profile: Profile, wall_ms: int, memory_bytes: int, quota: Quota) -> Grant:
    limits = Limits(
        wall_ms=wall_ms,
        memory_bytes=memory_bytes,
        output_bytes=profile.limits.output_bytes.most,
        result_bytes=profile.limits.result_bytes.most,
        source_bytes=profile.limits.source_bytes.most,
        depth=profile.limits.depth.most,
    )
    return Grant(name, profile.dialect, limits, quota, profile.store.keep == "full", Capabilities(profile.fetch))
