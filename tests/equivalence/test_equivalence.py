"""The same code through each kind of worker: the same outcome, and for the corpus the one that a plain Node gives."""

from collections.abc import Callable
from functools import cache
from typing import Final, NamedTuple

import msgspec
import pytest
import trio

from sandboxd.config import Settings
from sandboxd.executions.engine import Engine, read_policy
from sandboxd.executions.templates import load_templates
from sandboxd.models import Failure, LogLine, Outcome, Source, Status, Usage
from sandboxd.policy.model import Policy
from tests.equivalence.compare import FIELDS, MEASURED, differences, differing
from tests.equivalence.corpus import Workload, corpus, expected
from tests.equivalence.kinds import KINDS, SIDES
from tests.escape.suite import ATTACKS, suite
from tests.support.attacks import shared_folder
from tests.support.engines import opened, run, value
from tests.support.modes import OURS

AT_ONCE: Final = 8
LONG_MS: Final = 30_000

# What an attack tells that is not the same twice: it measures time, draws random numbers, prints the date, or counts how deep
# the stack goes, which is a matter of the functions that V8 has compiled by then.
UNSTEADY: Final[dict[str, set[str]]] = {
    "110_timing_clock_resolution": {"value"},
    "114_math_random_predict": {"value"},
    "44_tojson_bomb": {"failure"},
    "near_stack_end": {"logs"},
    "stack_end_of_result": {"failure"},
    "to_primitive_tricks": {"logs"},
}
# Cut off from outside, code has got as far as the machine was fast.
CUT_OFF: Final = {repr(Status.timed_out), repr(Status.memory_exceeded)}


class Case(NamedTuple):
    """One piece of code."""

    name: str
    source: Source
    check: bool = False


TEMPLATES: Final = [Case(template.id, Source(template.code), check=True) for template in load_templates()]
CORPUS: Final = [Case(workload.name, workload.source) for workload in corpus()]
GROUPS: Final = {"templates": TEMPLATES, "corpus": CORPUS}


@cache
def outcomes(group: str, kind: str, side: int) -> dict[Case, Outcome]:
    """Every case of a group through workers of one kind; `side` asks for a set of its own."""
    del side
    return trio.run(_run_all, GROUPS[group], kind)


async def _run_all(cases: list[Case], kind: str) -> dict[Case, Outcome]:
    found: dict[Case, Outcome] = {}
    async with opened(read_policy(Settings()), **KINDS[kind], running=AT_ONCE, wait_ms=300_000) as engine:

        async def one(case: Case) -> None:
            found[case] = await _run(engine, case)

        async with trio.open_nursery() as nursery:
            for case in cases:
                nursery.start_soon(one, case)
    return found


async def _run(engine: Engine, case: Case) -> Outcome:
    source = case.source
    return await run(engine, source.text, user=case, language=source.language, check=case.check, wall_ms=LONG_MS)


def _both(group: str, case: Case) -> tuple[Outcome, Outcome]:
    one, other = (outcomes(group, *side)[case] for side in SIDES)
    return one, other


def _each(cases: list[Case]) -> Callable[..., pytest.MarkDecorator]:
    return pytest.mark.parametrize("case", cases, ids=[case.name for case in cases])


# ------------------------------------------------------------------ kind against kind


@_each(TEMPLATES)
def test_a_template_ends_alike(case: Case) -> None:
    """A template, checked and run, has the same outcome in every field."""
    assert differences(*_both("templates", case)) == []


@_each(CORPUS)
def test_a_workload_ends_alike(case: Case) -> None:
    """A workload has the same outcome in every field: its checksum, and each line that it printed."""
    assert differences(*_both("corpus", case)) == []


@pytest.mark.parametrize("name", ATTACKS)
def test_an_attack_ends_alike(name: str) -> None:
    """An attack ends in the same status, or in another that its file allows; code that was not cut off tells the same.

    What is compared are the outcomes of the escape suite, in the mode that we are in.
    """
    one, other = (suite(OURS, kind).told["engine"][name] for kind in KINDS)
    told = differing(one["outcome"], other["outcome"], [field for field in FIELDS if field not in UNSTEADY.get(name, ())])
    if one["outcome"]["status"] != other["outcome"]["status"]:
        assert all({*end["words"]} & {*ATTACKS[name].allowed, "contained"} for end in (one, other)), told
    elif one["outcome"]["status"] not in CUT_OFF:
        assert told == []


# ------------------------------------------------------------------ against a plain Node


def test_the_corpus_is_large_enough() -> None:
    """There are workloads of every sort, and names that are unsteady are names of attacks."""
    assert len(CORPUS) >= 24
    if shared_folder().is_dir():
        assert UNSTEADY.keys() <= ATTACKS.keys()


@pytest.mark.parametrize("workload", corpus(), ids=[workload.name for workload in corpus()])
def test_a_workload_gives_what_a_plain_node_gives(workload: Workload) -> None:
    """Jail and harness change nothing of what code computes."""
    for kind, side in SIDES:
        found = {case.name: outcome for case, outcome in outcomes("corpus", kind, side).items()}
        assert value(found[workload.name]) == expected(workload), kind


# ------------------------------------------------------------------ that all of this can fail

SAMPLE = Outcome(Status.failed, Usage(1.0, 1, 1.0), (LogLine("log", "x"),), failure=Failure("error", "Error", "m", 1, 2, "s"))
OTHERWISE: dict[str, object] = {
    "status": Status.crashed,
    "value": msgspec.Raw(b"1"),
    "returned": msgspec.Raw(b"1"),
    "logs": (LogLine("warn", "x"),),
    "truncated": True,
    "failure": Failure("error", "Error", "m", 2, 2, "s"),
}


def test_every_field_is_compared_or_measured() -> None:
    """A field that outcomes get one day is not forgotten here."""
    assert {*FIELDS, *MEASURED} == {*Outcome.__struct_fields__}
    assert OTHERWISE.keys() == {*FIELDS}


@pytest.mark.parametrize("field", FIELDS)
def test_a_difference_is_told(field: str) -> None:
    """Outcomes that differ in one field differ by its name."""
    changed = msgspec.structs.replace(SAMPLE, **{field: OTHERWISE[field]})
    assert [line.partition(":")[0] for line in differences(SAMPLE, changed)] == [field]


async def test_real_outcomes_that_differ_are_told(policy: Policy) -> None:
    """Of two executions that give, print and throw different things no difference goes unseen."""
    for kind in KINDS.values():
        async with opened(policy, **kind) as engine:
            one, other = [await run(engine, f"console.log({n}); if ({n}) null.x; return {n}") for n in (0, 1)]
        assert [line.partition(":")[0] for line in differences(one, other)] == ["status", "value", "logs", "failure"]
