"""Attacks that start where an escape would end, with `process` and `require`; and what the machine around them noticed.

They are in escaped/. Each says 'contained' itself, or ends as its file allows, in the words that its file names. The control
runs those marked `bare: escapes` without walls: there each gets out, and the witnesses see it.
"""

import pytest

from tests.escape.suite import BEYOND, SUITES, Suite, is_contained, suite
from tests.support.modes import skip_unless_possible

each_attack = pytest.mark.parametrize("name", BEYOND)
BARE = [name for name, attack in BEYOND.items() if attack.bare]


@pytest.fixture(scope="module", params=SUITES, ids=["-".join(one[:2]) for one in SUITES])
def seen(request: pytest.FixtureRequest) -> Suite:
    """The whole suite in one mode."""
    mode, kind, _ = request.param
    skip_unless_possible(mode)
    return suite(mode, kind)


@pytest.fixture(scope="module")
def bare() -> Suite:
    """An ordinary user's workers without a jail; a fork server does not even start where nothing refuses io_uring."""
    return suite("U", "exec", bare=True)


def test_there_are_enough() -> None:
    """The second family is not empty."""
    assert len(BEYOND) >= 40


@each_attack
def test_it_is_contained(seen: Suite, name: str) -> None:
    """What it tries is refused, or ends the worker as it should."""
    assert is_contained(BEYOND[name], seen.told["escaped"][name]), seen.told["escaped"][name]


def test_not_a_byte_is_written(seen: Suite) -> None:
    """Neither in a folder and files that everybody may write, nor in any such place of the machine."""
    assert seen.changed == {}


def test_nobody_calls(seen: Suite) -> None:
    """No listener outside heard of a connection or a datagram."""
    assert seen.calls == {}


def test_no_process_is_started(seen: Suite) -> None:
    """Nobody but workers was below the launcher, and nobody is left."""
    assert (seen.strangers, seen.left) == ({}, [])


def test_no_signal_arrives(seen: Suite) -> None:
    """Neither at the daemon, nor at processes of the workers' own uids, nor at a sibling, which lives and answers."""
    assert (seen.told["daemon"], set(seen.told["witnesses"].values()), seen.told["sibling"]) == ([], {0}, '"alive"')


def test_the_engine_answers_at_once(seen: Suite) -> None:
    """After everything the product's engine gives the right answer."""
    assert seen.told["after"] == 2


@pytest.mark.parametrize("name", BARE)
def test_without_a_jail_it_gets_out(bare: Suite, name: str) -> None:
    """The attack is one: it is the jail that stops it."""
    assert "ESCAPED" in bare.told["escaped"][name]["traces"]


def test_the_witnesses_would_have_seen(bare: Suite) -> None:
    """Each of them notices what those without a jail did."""
    assert sum(bare.changed.values()) > 1_000_000
    assert {"tcp", "udp", "unix"} <= {*bare.calls}
    assert bare.strangers
    assert bare.signals > 0
