"""What the shipped policy gives to actions."""

import pytest

from sandboxd.config import Settings
from sandboxd.errors import SubscriptionRequired
from sandboxd.executions.engine import read_policy
from sandboxd.policy.decide import decide

POLICY = read_policy(Settings())


@pytest.mark.parametrize("tier", ["starter", "ambassador", "enterprise", "service"])
def test_every_subscription_gives_20_seconds_and_128_mb(tier: str) -> None:
    """To each execution."""
    limits = decide(POLICY, tier=tier, door="actions", profile="actions").limits
    assert (limits.wall_ms, limits.memory_bytes) == (20_000, 128 << 20)


def test_without_a_subscription_the_door_is_closed() -> None:
    """As every other one."""
    with pytest.raises(SubscriptionRequired):
        decide(POLICY, tier="none", door="actions", profile="actions")


def test_only_the_platform_s_api_may_be_asked() -> None:
    """By https."""
    fetch = POLICY.profiles["actions"].fetch
    assert fetch is not None
    assert [(host.host, host.schemes, host.ports, host.reach) for host in fetch.hosts] == [
        ("api.hubapi.com", ["https"], [443], [])
    ]
