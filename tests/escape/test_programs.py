"""What users could send as a program: every attack in the executions profile, where code from strings is allowed.

The walls are those of the code nodes' workers, which the suite asks in every mode; here it is the dialect that is asked, in the
mode that we are in.
"""

from functools import cache
from typing import Any, Final

import pytest
import trio

from sandboxd.config import Settings
from sandboxd.executions.engine import Engine, read_policy
from tests.escape.job import LONG_MS, SHORT_MS, Told, each, told_of
from tests.escape.suite import ATTACKS
from tests.escape.test_attacks import MOST_BYTES
from tests.support.attacks import Attack
from tests.support.engines import as_program, opened, run, value

PROFILE: Final = "executions"
AT_ONCE: Final = 6
GO_ON: Final = {"intervals_after_the_end", "fetch_pump_after_end", "74_fetch_after_return"}
"""These show what code does after its end; a program has none before its clock is out."""
INAPPLICABLE: Final = {"102_brace_injection"}
"""It closes a wrapper that programs do not have."""
NAMES: Final = sorted(ATTACKS.keys() - INAPPLICABLE)


@cache
def ends() -> dict[str, Told]:
    """What became of every attack."""
    return trio.run(_run_all)


async def _run_all() -> dict[str, Told]:
    async with opened(read_policy(Settings()), profile=PROFILE, running=AT_ONCE, wait_ms=600_000) as engine:

        async def one(attack: Attack) -> Told:
            short = "timeout" in attack.allowed or attack.name in GO_ON
            outcome = await _ask(engine, as_program(attack.code), attack, SHORT_MS if short else LONG_MS)
            after = await _ask(engine, "1 + 1", attack, LONG_MS)
            return told_of(outcome, codegen=True) | {"after": value(after)}

        return await each([ATTACKS[name] for name in NAMES], AT_ONCE, one)


async def _ask(engine: Engine, text: str, attack: Attack, wall_ms: int) -> Any:
    most = engine.policy.profiles["code-nodes"].limits.memory_bytes.most
    return await run(engine, text, profile=PROFILE, language="auto", user=attack.name, wall_ms=wall_ms, memory_bytes=most)


@pytest.mark.parametrize("name", NAMES)
def test_it_is_contained(name: str) -> None:
    """The attack ends as it may, gets hold of nothing, keeps to its memory, and leaves the next program unharmed."""
    found = ends()[name]
    assert {*found["words"]} & {*ATTACKS[name].allowed, *({"timeout"} if name in GO_ON else ())}, found
    assert (found["traces"], found["after"]) == ([], 2)
    assert found["memory_bytes"] <= MOST_BYTES


def test_the_exceptions_are_attacks() -> None:
    """No name is left over from an attack that is gone."""
    assert {*GO_ON, *INAPPLICABLE} <= ATTACKS.keys() or len(ATTACKS) < 100
