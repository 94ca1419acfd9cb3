"""The policy in words."""

import pytest

from sandboxd.jail.seccomp import AARCH64, explain
from tests.support.seccomp_policies import ALL_ON, PHASES, POLICY


@pytest.mark.parametrize("phase", PHASES)
def test_every_call_of_a_phase_is_told(phase: str) -> None:
    """Nothing that a phase names is left out."""
    said = explain(POLICY, phase, ALL_ON).split()
    assert not [call for call in POLICY.rules(phase, ALL_ON) if not {call, f"{call}:", f"{call},"} & set(said)]


@pytest.mark.parametrize("phase", PHASES)
def test_every_reason_is_told(phase: str) -> None:
    """Each rule comes with its why."""
    said = " ".join(explain(POLICY, phase, ALL_ON).split())
    assert not [rule.why for rules in POLICY.rules(phase, ALL_ON).values() for rule in rules if rule.why not in said]


def test_limits_of_arguments_are_told_by_name() -> None:
    """Constants, not numbers."""
    said = " ".join(explain(POLICY, "child", ALL_ON).split())
    assert "mmap, when flags without MAP_SHARED | MAP_GROWSDOWN | MAP_HUGETLB: Private memory only" in said


def test_calls_that_an_architecture_does_not_have_are_left_out() -> None:
    """arm64 has no epoll_wait."""
    assert " epoll_wait " not in explain(POLICY, "child", ALL_ON, AARCH64)


def test_a_switch_that_is_off_shows() -> None:
    """Without jit the refusal of executable pages is told."""
    assert "mprotect with EPERM, when protection & (PROT_EXEC) is PROT_EXEC" in explain(POLICY, "child", {"threads"})
