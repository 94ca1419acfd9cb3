"""What users could send, through the product's engine: the shared set of attacks, where it is, and our own.

Each runs with the pattern check off, in every privilege mode in the shipped profile; those that may turn strings into code
also in a profile that allows it. What may run into the wall clock has a short one; everything else has the longest there is, so
that a slow machine does not decide.
"""

from typing import Any

import pytest

from tests.escape.suite import ATTACKS, SUITES, suite
from tests.support.attacks import OWN, read_attacks, shared_folder
from tests.support.modes import KINDS, OURS, skip_unless_possible

MOST_BYTES = (128 + 16) << 20
PASSES = [*SUITES, *((OURS, kind, True) for kind in KINDS)]

CASES = [
    pytest.param(which, name, id="-".join([name, *which[:2], *["codegen"] * which[2]]))
    for which in PASSES
    for name, attack in ATTACKS.items()
    if attack.makes_code or not which[2]
]

each_attack = pytest.mark.parametrize(("which", "name"), CASES)


def ending(which: tuple[str, str, bool], name: str) -> dict[str, Any]:
    """What became of one attack."""
    mode, kind, codegen = which
    skip_unless_possible(mode)
    found: dict[str, Any] = suite(mode, kind, codegen=codegen).told["engine"][name]
    return found


def test_the_shared_set_is_there() -> None:
    """The larger set was found; without it only our own attacks are run."""
    if not shared_folder().is_dir():
        pytest.skip(f"nothing at {shared_folder()}: only our own attacks were run; SANDBOXD_ATTACKS names another set")
    assert len(read_attacks(shared_folder())) >= 50


def test_there_are_attacks_of_our_own() -> None:
    """The set in this repository is not empty."""
    own = read_attacks(OWN)
    assert len(own) >= 20
    assert sum(attack.makes_code for attack in own) >= 4


@each_attack
def test_it_ends_as_it_may(which: tuple[str, str, bool], name: str) -> None:
    """The attack ends in a status that its file allows; where code from strings is refused, that is one."""
    found = ending(which, name)
    assert {*found["words"]} & {*ATTACKS[name].allowed, "contained"}, found


@each_attack
def test_it_gets_hold_of_nothing(which: tuple[str, str, bool], name: str) -> None:
    """Neither error nor output nor result tells of an escape, or of a path of this machine."""
    assert ending(which, name)["traces"] == []


@each_attack
def test_it_keeps_to_its_memory(which: tuple[str, str, bool], name: str) -> None:
    """The worker never grew beyond the budget and the slack."""
    assert ending(which, name)["memory_bytes"] <= MOST_BYTES


@each_attack
def test_the_next_execution_is_unharmed(which: tuple[str, str, bool], name: str) -> None:
    """Right after the attack its user's next code gives the right answer."""
    assert ending(which, name)["after"] == 2
