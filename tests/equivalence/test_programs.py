"""Programs through each kind of worker: the same outcome, and the one that a plain Node gives."""

from functools import cache
from typing import Final

import pytest
import trio

from sandboxd.config import Settings
from sandboxd.executions.engine import read_policy
from sandboxd.models import Outcome
from tests.equivalence.compare import differences
from tests.equivalence.corpus import Workload, expected, programs
from tests.equivalence.freshness import complaints, sample
from tests.equivalence.kinds import KINDS, SIDES
from tests.support.engines import opened, run, texts, value

PROFILE: Final = "executions"
CHILDREN: Final = 60
LONG_MS: Final = 60_000

each_program = pytest.mark.parametrize("program", programs(), ids=[program.name for program in programs()])


@cache
def outcomes(kind: str) -> dict[Workload, Outcome]:
    """Every program through workers of one kind, one beside the other."""
    return trio.run(_run_all, kind)


async def _run_all(kind: str) -> dict[Workload, Outcome]:
    found: dict[Workload, Outcome] = {}
    async with opened(read_policy(Settings()), profile=PROFILE, **KINDS[kind], wait_ms=300_000) as engine:

        async def one(program: Workload) -> None:
            text, language = program.source.text, program.source.language
            found[program] = await run(engine, text, user=program, language=language, profile=PROFILE, wall_ms=LONG_MS)

        async with trio.open_nursery() as nursery:
            for program in programs():
                nursery.start_soon(one, program)
    return found


@each_program
def test_a_program_ends_alike(program: Workload) -> None:
    """A program has the same outcome in every field: its checksum, and each line that it printed."""
    one, other = (outcomes(kind)[program] for kind, _ in SIDES)
    assert differences(one, other) == []


@each_program
@pytest.mark.parametrize("kind", KINDS)
def test_a_program_gives_what_a_plain_node_gives(kind: str, program: Workload) -> None:
    """Jail and harness change nothing of what a module computes."""
    assert value(outcomes(kind)[program]) == expected(program)


@pytest.mark.parametrize("kind", KINDS)
def test_a_program_prints_after_its_top_level(kind: str) -> None:
    """What timers, streams and events print until nothing is left to do has arrived before the end, in its order."""
    (draining,) = (program for program in programs() if program.name == "draining")
    assert texts(outcomes(kind)[draining]) == ["turn 1", "turn 2", "turn 3", "microtask", "chunk", "done"]


@pytest.mark.parametrize("kind", KINDS)
async def test_programs_are_fresh(kind: str) -> None:
    """Random numbers never come twice, clocks are the program's own, no state is left of others."""
    async with opened(read_policy(Settings()), profile=PROFILE, **KINDS[kind], ahead=4, running=8, wait_ms=300_000) as engine:
        assert complaints(await sample(engine, CHILDREN, PROFILE)) == []
