"""The attack sets through the engine: the shared one, where it is, and our own.

Each runs with the pattern check off, in the shipped profile and in one that allows code from strings, eight at a time. Two
CPUs are not enough to give each of eight its time, so one that timed out though it should not is run once more alone.
"""

from functools import cache
from typing import NamedTuple

import msgspec
import pytest
import trio

from sandboxd.config import Settings
from sandboxd.executions.engine import Engine, read_policy
from sandboxd.models import Outcome
from sandboxd.policy.model import Policy
from tests.support.attacks import OWN, Attack, read_attacks, shared_folder, traces, words_of
from tests.support.engines import PROFILE, opened, run, value

WALL_MS = 4000
AT_ONCE = 8
MOST_BYTES = (128 + 16) << 20
CODEGEN = "codegen"

SETS = {"own": OWN, "shared": shared_folder()}
ATTACKS = [(name, attack) for name, folder in SETS.items() if folder.is_dir() for attack in read_attacks(folder)]
each_attack = pytest.mark.parametrize("attack", ATTACKS, ids=[f"{name}-{a.name}" for name, a in ATTACKS])
each_profile = pytest.mark.parametrize("profile", [PROFILE, CODEGEN])


class Ending(NamedTuple):
    """What became of one attack, and what `1 + 1` gave right after it."""

    outcome: Outcome
    after: object


@cache
def endings(profile: str) -> dict[tuple[str, Attack], Ending]:
    """All attacks in one profile."""
    return trio.run(_run_all, profile)


async def _run_all(profile: str) -> dict[tuple[str, Attack], Ending]:
    found: dict[tuple[str, Attack], Ending] = {}
    async with opened(_policy(), profile=profile, running=AT_ONCE, wait_ms=300_000) as engine:

        async def one(key: tuple[str, Attack]) -> None:
            found[key] = await _attack(engine, profile, key[1])

        async with trio.open_nursery() as nursery:
            for key in ATTACKS:
                nursery.start_soon(one, key)
        for key, ending in found.items():
            words = words_of(ending.outcome, codegen=profile == CODEGEN)
            if "timeout" in words and not words & set(key[1].allowed):
                await one(key)
    return found


async def _attack(engine: Engine, profile: str, attack: Attack) -> Ending:
    outcome = await run(engine, attack.code, user=attack, profile=profile, wall_ms=WALL_MS)
    after = await run(engine, "return 1 + 1", user=attack, profile=profile, wall_ms=30_000)
    return Ending(outcome, value(after))


def _policy() -> Policy:
    shipped = read_policy(Settings())
    profile = shipped.profiles[PROFILE]
    allowed = msgspec.structs.replace(profile.eval, allowed=True)
    return Policy(shipped.profiles | {CODEGEN: msgspec.structs.replace(profile, eval=allowed)}, shipped.tiers)


def test_the_shared_set_is_there() -> None:
    """The larger set was found; without it only our own attacks are run."""
    if not shared_folder().is_dir():
        pytest.skip(f"no attack set at {shared_folder()}; SANDBOXD_ATTACKS names another folder")
    assert len(read_attacks(shared_folder())) >= 50


def test_there_are_attacks_of_our_own() -> None:
    """The set in this repository is not empty."""
    assert len(read_attacks(OWN)) >= 20


@each_profile
@each_attack
def test_it_ends_as_it_may(attack: tuple[str, Attack], profile: str) -> None:
    """The attack ends in a status that its file allows; in the shipped profile a refused code from strings is one."""
    outcome = endings(profile)[attack].outcome
    words = words_of(outcome, codegen=profile == CODEGEN)
    assert words & {*attack[1].allowed, "contained"}, (words, outcome.failure)


@each_profile
@each_attack
def test_it_gets_hold_of_nothing(attack: tuple[str, Attack], profile: str) -> None:
    """Neither error nor output nor result tells of an escape, or of a path of this machine."""
    said = traces(endings(profile)[attack].outcome)
    assert "ESCAPED" not in said
    assert "harness.js" not in said


@each_profile
@each_attack
def test_it_keeps_to_its_memory(attack: tuple[str, Attack], profile: str) -> None:
    """The worker never grew beyond the budget and the slack."""
    assert endings(profile)[attack].outcome.usage.memory_bytes <= MOST_BYTES


@each_profile
@each_attack
def test_the_next_execution_is_unharmed(attack: tuple[str, Attack], profile: str) -> None:
    """Right after the attack its user's next code gives the right answer."""
    assert endings(profile)[attack].after == 2
