"""One question, asked once per request: may this principal do this, and within which limits? Pure."""

from sandboxd.errors import BadRequest, LimitExceeded, SettingsError, SubscriptionRequired
from sandboxd.models import Limits
from sandboxd.policy.model import Capabilities, Grant, Policy, Profile
from sandboxd.policy.quota import Quota


def decide(policy: Policy, *, tier: str, door: str, profile: str, wall_ms: int | None = None, field: str = "wall_ms") -> Grant:
    """The grant for one execution. `wall_ms` is what the caller asked for in `field`, None for the default.

    Raises SubscriptionRequired, BadRequest (outside of the profile's range), LimitExceeded (above the tier's maximum).
    """
    subscription = policy.tiers.get(tier)
    if subscription is None or door not in subscription.doors:
        raise SubscriptionRequired
    found, allowed = policy.profiles[profile], subscription.max_timeout_ms
    asked = _wall(found, wall_ms, field)
    if wall_ms is not None and asked > allowed:
        raise LimitExceeded(
            f"{field} exceeds the maximum of your subscription ({allowed} ms)",
            limit="max_timeout_ms",
            allowed=allowed,
            requested=asked,
        )
    return _grant(profile, found, min(asked, allowed), subscription.quota)


def local_grant(policy: Policy, profile: str, wall_ms: int | None, *, field: str) -> Grant:
    """The operator's own, on his command line: the profile's limits and no quota. Raises SettingsError, BadRequest."""
    if profile not in policy.profiles:
        raise SettingsError(f"There is no profile {profile!r}; there are: {', '.join(sorted(policy.profiles))}")
    found = policy.profiles[profile]
    return _grant(profile, found, _wall(found, wall_ms, field), Quota())


def _wall(profile: Profile, wall_ms: int | None, field: str) -> int:
    wall = profile.limits.wall_ms
    if wall_ms is None:
        return wall.default
    if not wall.min <= wall_ms <= wall.max:
        raise BadRequest(f"{field} must be between {wall.min} and {wall.max}")
    return wall_ms


def _grant(name: str, profile: Profile, wall_ms: int, quota: Quota) -> Grant:
    limits = Limits(
        wall_ms=wall_ms,
        memory_bytes=profile.limits.memory_bytes.most,
        output_bytes=profile.limits.output_bytes.most,
        result_bytes=profile.limits.result_bytes.most,
        source_bytes=profile.limits.source_bytes.most,
        depth=profile.limits.depth.most,
    )
    return Grant(name, profile.dialect, limits, quota, profile.store.keep == "full", Capabilities(profile.fetch))
