"""The decision: its order, its borders, and what comes of it."""

import msgspec
import pytest

import policies
from sandboxd.errors import BadRequest, LimitExceeded, SettingsError, SubscriptionRequired
from sandboxd.policy.decide import decide, local_grant
from sandboxd.policy.explain import explain
from sandboxd.policy.load import load_policy
from sandboxd.policy.model import Access, Grant, Policy
from sandboxd.policy.quota import Quota

POLICY = load_policy({name: (policies.HOME / name).read_text() for name in ("tiers.toml", "profiles/code-nodes.toml")})


def asked(tier: str, wall_ms: int | None = None, *, policy: Policy = POLICY) -> Grant:
    return decide(policy, tier=tier, door="code-nodes", profile="code-nodes", wall_ms=wall_ms, field="timeout_ms")


def test_the_subscription_is_the_first_question() -> None:
    """Who may not call at all is not told what is wrong with his limits."""
    for wall_ms in (None, 0, 6000):
        with pytest.raises(SubscriptionRequired):
            asked("none", wall_ms)


def test_an_unknown_tier_opens_nothing() -> None:
    """A tier that the policy does not have is one without a subscription."""
    with pytest.raises(SubscriptionRequired):
        asked("unheard-of")


def test_a_door_that_the_tier_does_not_list_stays_closed() -> None:
    """Doors are denied by default."""
    with pytest.raises(SubscriptionRequired):
        decide(POLICY, tier="service", door="scripts", profile="code-nodes")


@pytest.mark.parametrize("wall_ms", [999, 30_001, 0, -1, 10**30])
def test_the_range_is_the_second_question(wall_ms: int) -> None:
    """Outside of the profile's range is a bad request, also where the tier would forbid it; the field is named."""
    with pytest.raises(BadRequest, match=r"^timeout_ms must be between 1000 and 30000$"):
        asked("starter", wall_ms)


def test_the_tier_is_the_third_question() -> None:
    """Inside of the range but above the tier's maximum names the limit and both numbers."""
    with pytest.raises(LimitExceeded) as caught:
        asked("starter", 5001)
    error = caught.value
    assert (error.limit, error.allowed, error.requested) == ("max_timeout_ms", 5000, 5001)
    assert "timeout_ms" in error.message


@pytest.mark.parametrize(("tier", "wall_ms"), [("starter", 1000), ("starter", 5000), ("service", 30_000)])
def test_the_borders_are_allowed(tier: str, wall_ms: int) -> None:
    """The smallest and the largest value are granted as asked."""
    assert asked(tier, wall_ms).limits.wall_ms == wall_ms


def test_the_default_is_the_profile_s() -> None:
    """Who asks for nothing gets the default."""
    assert asked("service").limits.wall_ms == 5000


def test_the_default_is_clamped_to_the_tier() -> None:
    """A default that nobody asked for is no reason to refuse a tier with less."""
    small = msgspec.structs.replace(POLICY.tiers["starter"], doors={"code-nodes": Access(2000)})
    policy = msgspec.structs.replace(POLICY, tiers={"small": small})
    assert asked("small", policy=policy).limits.wall_ms == 2000
    with pytest.raises(LimitExceeded):
        asked("small", 5000, policy=policy)


def test_the_grant_has_the_tier_s_quota_and_the_profile_s_limits() -> None:
    """All that an execution may do is in the grant."""
    grant = asked("ambassador", 2000)
    assert (grant.profile, grant.dialect, grant.keep_content) == ("code-nodes", "code-nodes", False)
    assert grant.quota == Quota(concurrent=3, hourly=100, daily=1000, monthly=500)
    assert (grant.limits.memory_bytes, grant.limits.source_bytes) == (128 << 20, 10_240)


def test_the_operator_has_no_quota() -> None:
    """On the command line the profile's limits hold and nothing else."""
    grant = local_grant(POLICY, "code-nodes", 30_000, field="--timeout-ms")
    assert (grant.quota, grant.limits.wall_ms) == (Quota(), 30_000)


def test_the_operator_s_mistakes_are_named() -> None:
    """An unknown profile and a timeout outside of the range."""
    with pytest.raises(SettingsError, match="'nope'; there are: code-nodes"):
        local_grant(POLICY, "nope", None, field="--timeout-ms")
    with pytest.raises(BadRequest, match=r"^--timeout-ms must be"):
        local_grant(POLICY, "code-nodes", 1, field="--timeout-ms")


def test_an_explanation_names_every_limit_and_every_why() -> None:
    """Nothing of the profile's reasons is left out."""
    profile = POLICY.profiles["code-nodes"]
    text = explain("code-nodes", profile)
    limits = profile.limits
    parts = (limits.wall_ms, limits.memory_bytes, limits.output_bytes, limits.result_bytes, limits.source_bytes, limits.depth)
    whys = [profile.why, profile.eval.why, profile.threads.why, profile.store.why]
    whys += [part.why for part in (*parts, *profile.globals)]
    assert [why for why in whys if why not in text] == []
    assert [name for name in profile.global_names if name not in text.split()] == []


MEMORY = {"least": 16 << 20, "default": 64 << 20}


def with_memory(tier_most: int | None = None) -> Policy:
    """The shipped policy, with a memory that the caller may choose."""
    profile, starter = POLICY.profiles["code-nodes"], POLICY.tiers["starter"]
    memory = msgspec.structs.replace(profile.limits.memory_bytes, **MEMORY)
    limits = msgspec.structs.replace(profile.limits, memory_bytes=memory)
    tier = msgspec.structs.replace(starter, doors={"code-nodes": Access(5000, tier_most)})
    return Policy({"code-nodes": msgspec.structs.replace(profile, limits=limits)}, {"starter": tier})


def memory_of(policy: Policy, memory_bytes: int | None) -> int:
    grant = decide(
        policy, tier="starter", door="code-nodes", profile="code-nodes", memory_bytes=memory_bytes, memory_field="heap_mb"
    )
    return grant.limits.memory_bytes


@pytest.mark.parametrize(
    ("tier_most", "asked_mb", "granted_mb"),
    [
        (None, None, 64),
        (None, 1, 16),
        (None, 0, 16),
        (None, 17, 17),
        (None, 128, 128),
        (32 << 20, None, 32),
        (32 << 20, 32, 32),
    ],
)
def test_memory_is_raised_to_what_node_needs(tier_most: int | None, asked_mb: int | None, granted_mb: int) -> None:
    """The default unless asked, never below the least; a tier's ceiling clamps the default."""
    asked_bytes = None if asked_mb is None else asked_mb << 20
    assert memory_of(with_memory(tier_most), asked_bytes) == granted_mb << 20


@pytest.mark.parametrize(("tier_most", "allowed_mb"), [(None, 128), (32 << 20, 32), (1 << 40, 128)])
def test_memory_above_the_ceiling_is_refused(tier_most: int | None, allowed_mb: int) -> None:
    """The lower one of the profile's and the tier's; the caller's word for it is in the text."""
    with pytest.raises(LimitExceeded, match=r"^heap_mb exceeds") as caught:
        memory_of(with_memory(tier_most), (allowed_mb << 20) + 1)
    assert (caught.value.limit, caught.value.allowed) == ("max_memory_bytes", allowed_mb << 20)


def test_memory_is_not_the_caller_s_where_the_profile_says_nothing_of_it() -> None:
    """A profile without a least memory has one for all."""
    with pytest.raises(BadRequest, match="heap_mb cannot be chosen here"):
        memory_of(POLICY, 1 << 20)


def test_an_explanation_says_what_memory_may_be_asked_for() -> None:
    """The default and the least, where the caller may choose."""
    text = explain("code-nodes", with_memory().profiles["code-nodes"])
    assert "at most 134,217,728 bytes of memory, 67,108,864 unless asked, 16,777,216 at least: " in text


def test_a_door_without_its_profile_stays_closed() -> None:
    """An operator's own policy may lack the profile of a door that its tiers name."""
    with pytest.raises(SubscriptionRequired):
        decide(POLICY, tier="service", door="executions", profile="executions")
