"""No execution shares randomness, clock or state with another, in every kind of worker; `make stress` asks thousands."""

from collections.abc import Callable
from functools import cache
from typing import Final

import pytest
import trio

from sandboxd.config import Settings
from sandboxd.executions.engine import read_policy
from sandboxd.policy.model import Policy
from sandboxd.pool import runtime
from tests.equivalence.freshness import Child, Sample, Walk, complaints, evenness, repeated, sample, sample_keys, tail
from tests.equivalence.kinds import KINDS
from tests.support.engines import opened

CHILDREN, KEY_MAKERS = 200, 24
each_kind = pytest.mark.parametrize("kind", KINDS)


@cache
def asked(kind: str) -> tuple[Sample, list[list[str]]]:
    """A sample of one kind, and the keys that some more executions drew."""

    async def ask() -> tuple[Sample, list[list[str]]]:
        async with opened(read_policy(Settings()), **KINDS[kind], ahead=4, running=8, wait_ms=300_000) as engine:
            return await sample(engine, CHILDREN), await sample_keys(engine, KEY_MAKERS)

    return trio.run(ask)


@each_kind
def test_executions_are_fresh(kind: str) -> None:
    """Random numbers never come twice and are spread evenly, clocks are the execution's own, no state is left of others."""
    found, _ = asked(kind)
    assert len(found.children) + len(found.walks) == CHILDREN
    assert complaints(found) == []


@each_kind
def test_native_secrets_are_fresh(kind: str) -> None:
    """Keys that the thread pool makes and the boundaries of forms never come twice."""
    columns = zip(*asked(kind)[1], strict=True)
    assert [line for column in columns for line in repeated("keys", column)] == []


def test_all_kinds_show_the_same_realm() -> None:
    """Code cannot tell by its realm which kind of worker it runs in: the walk over every object in it gives one text."""
    walks = [asked(kind)[0].walks for kind in KINDS]
    realms = [of_one[0].realm.split("\n") for of_one in walks]
    for realm in realms:
        assert [pair for pair in zip(realm, walks[-1][-1].realm.split("\n"), strict=False) if pair[0] != pair[1]] == []
    assert len({len(realm) for realm in realms}) == 1


# ------------------------------------------------------------------ that all of this can fail


def _with(child: Child, **drawn: object) -> Child:
    return child._replace(drawn=child.drawn | drawn)


CHILD_SPOILERS: Final[dict[str, Callable[[Child, Child], Child]]] = {
    "Math.random": lambda a, b: _with(b, random=a.drawn["random"]),
    "crypto.getRandomValues": lambda a, b: _with(b, words=a.drawn["words"]),
    "crypto.randomUUID": lambda a, b: _with(b, ids=[b.drawn["ids"][0], a.drawn["ids"][1], b.drawn["ids"][2]]),
    "performance.timeOrigin is": lambda a, b: _with(b, timeOrigin=a.drawn["timeOrigin"]),
    "performance.now() began": lambda a, b: _with(b, now=b.answered - a.told),
    "an event has": lambda a, b: _with(b, stamp=b.answered - a.told),
}
WALK_SPOILERS: Final[dict[str, Callable[[Walk], Walk]]] = {
    "the realm changed": lambda walk: walk._replace(realm=walk.realm.replace("iterator", "residue", 1)),
    "the console printed": lambda walk: walk._replace(printed=["residue: 2", *walk.printed[1:]]),
}


def _heads(asked: Sample) -> list[str]:
    found = [*CHILD_SPOILERS, *WALK_SPOILERS]
    return [next((head for head in found if line.startswith(head)), line) for line in complaints(asked)]


@pytest.mark.parametrize("complaint", CHILD_SPOILERS)
def test_one_child_that_is_not_fresh_is_noticed(complaint: str) -> None:
    """Had the last of the real children one thing from the first, that would be told and nothing else."""
    (*children, last), walks = asked([*KINDS][-1])[0]
    assert _heads(Sample([*children, CHILD_SPOILERS[complaint](children[0], last)], walks)) == [complaint]


@pytest.mark.parametrize("complaint", WALK_SPOILERS)
def test_one_walk_through_residue_is_noticed(complaint: str) -> None:
    """Had the last of the real walks found something that an earlier one left, that would be told and nothing else."""
    children, (*walks, last) = asked([*KINDS][-1])[0]
    assert _heads(Sample(children, [*walks, WALK_SPOILERS[complaint](last)])) == [complaint]


def test_residue_that_was_always_there_is_noticed() -> None:
    """Walks that are all dirty alike do not pass for clean."""
    children, walks = asked([*KINDS][-1])[0]
    dirty = [walk._replace(realm=walk.realm + "\nresidue") for walk in walks]
    assert complaints(Sample(children, dirty)) == ["there was residue from the start"]


async def test_a_fixed_seed_is_noticed(policy: Policy, monkeypatch: pytest.MonkeyPatch) -> None:
    """Workers whose V8 is seeded alike give themselves away, by Math.random and by nothing else."""
    monkeypatch.setattr(runtime, "_FLAGS", (*runtime._FLAGS, ((18, 0), "--random-seed=7")))
    async with opened(policy, **KINDS["exec"]) as engine:
        told = complaints(await sample(engine, 10))
    assert {line.partition(":")[0] for line in told} == {"Math.random", "steps between the first Math.random of neighbours"}


BIASES: Final[dict[str, Callable[[float], float]]] = {
    "squared": lambda number: number**2,
    "never high": lambda number: number * 0.9,
    "coarse": lambda number: round(number * 8) / 8.5,
    "constant": lambda _: 0.25,
}


@pytest.mark.parametrize("bias", BIASES)
def test_a_bias_is_noticed(bias: str) -> None:
    """As many numbers as the smallest sample has give away a source that is not even, and an even one passes."""
    even = [number / 1600 for number in range(1600)]
    assert evenness(even) > 0.01
    assert evenness([BIASES[bias](number) for number in even]) < 1e-12


@pytest.mark.parametrize(("chi_square", "chance"), [(26.296, 0.05), (39.252, 0.001)])
def test_the_tail_is_that_of_chi_square(chi_square: float, chance: float) -> None:
    """It agrees with the tables in print."""
    assert tail(chi_square) == pytest.approx(chance, rel=1e-3)
