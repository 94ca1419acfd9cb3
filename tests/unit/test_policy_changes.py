"""What is told of a change of policy, and what of the old one stays."""

import msgspec
import pytest
from msgspec.structs import replace

from sandboxd.policy.changes import carry_over, changes
from sandboxd.policy.model import Policy

NAME = "code-nodes"


@pytest.fixture
def again(policy: Policy) -> Policy:
    """The same policy as if it had been read again."""
    return msgspec.convert(msgspec.to_builtins(policy), Policy)


def with_profile(policy: Policy, **changed: object) -> Policy:
    """The policy with parts of a profile replaced."""
    return replace(policy, profiles=policy.profiles | {NAME: replace(policy.profiles[NAME], **changed)})


def test_the_same_policy_has_no_changes(policy: Policy, again: Policy) -> None:
    """Read twice it is equal, though nothing of it is the same object."""
    assert (changes(policy, again), again.profiles[NAME] is policy.profiles[NAME]) == ([], False)


def test_each_key_that_differs_is_named(policy: Policy, again: Policy) -> None:
    """At its full depth, in order; a list is one key, and so is a table that came or went."""
    limits = again.profiles[NAME].limits
    changed = with_profile(again, globals=[], fetch=None, limits=replace(limits, depth=replace(limits.depth, most=1)))
    tiers = dict(again.tiers) | {"new": again.tiers["starter"], "starter": replace(again.tiers["starter"], hourly=None)}
    del tiers["none"]
    assert changes(policy, replace(changed, tiers=tiers)) == [
        "profiles.code-nodes.fetch",
        "profiles.code-nodes.globals",
        "profiles.code-nodes.limits.depth.most",
        "tiers.new",
        "tiers.none",
        "tiers.starter.hourly",
    ]


def test_rules_of_fetch_that_are_the_same_are_carried_over(policy: Policy, again: Policy) -> None:
    """As the very objects, also when something else of their profile has changed; then they keep their connections."""
    carried = carry_over(policy, with_profile(again, why="Another reason for it."))
    assert carried.profiles[NAME].fetch is policy.profiles[NAME].fetch
    assert carried.profiles[NAME].why == "Another reason for it."


def test_rules_of_fetch_that_differ_are_the_new_ones(policy: Policy, again: Policy) -> None:
    """And so are those of a profile that is new."""
    fetch = again.profiles[NAME].fetch
    assert fetch is not None
    after = with_profile(again, fetch=replace(fetch, hosts=[]))
    assert carry_over(policy, after) == after
    assert carry_over(replace(policy, profiles={}), again) == again
