"""What every execution must have for itself: randomness, a clock, a clean realm. Asked of many, judged over all of them."""

import itertools
import math
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

import trio

from sandboxd.executions.engine import Engine
from tests.support.engines import PROFILE, as_program, run, texts, value

HERE: Final = Path(__file__).parent
DRAW, WALK, KEYS = ((HERE / f"{name}.js").read_text() for name in ("draw", "walk", "keys"))
TIMERS: Final = next(line for line in WALK.splitlines() if line.startswith("  setTimeout("))
"""What a program would wait for."""
WALK_EVERY: Final = 5
"""A walk over the realm takes longer than everything else."""
PRINTED: Final = ["residue: 1", "at the margin", "residue: 2", "residue"]
"""What `walk.js` prints when no counter, timer or group is left of an earlier execution."""

BINS: Final = 17  # an even number of degrees of freedom: the tail of the distribution is then a finite sum
TOO_UNLIKELY: Final = 1e-12
"""A false alarm is rarer than 1e-9 even though a chi-square is only nearly distributed like one."""


class Child(NamedTuple):
    """One execution of `draw.js`, and when it was told to run and had answered, in ms since 1970."""

    told: float
    answered: float
    drawn: dict[str, Any]


class Walk(NamedTuple):
    """One execution of `walk.js`: the realm as it found it, and what it printed."""

    realm: str
    printed: list[str]


class Sample(NamedTuple):
    """Many executions of both, one after and beside the other; the children in the order in which they were told to run."""

    children: list[Child]
    walks: list[Walk]


async def sample(engine: Engine, count: int, profile: str = PROFILE) -> Sample:
    """Asks `count` executions, as many at once as the engine has slots; each fifth one walks."""
    draw_text, walk_text = (DRAW, WALK) if profile == PROFILE else (as_program(DRAW), as_program(WALK.replace(TIMERS, "")))
    children: list[Child] = []
    walks: list[Walk] = []
    realms: dict[str, str] = {}  # they are large, and should be one

    async def draw() -> None:
        told: list[float] = []
        outcome = await run(
            engine, draw_text, user=object(), profile=profile, wall_ms=30_000, started=lambda: told.append(time.time() * 1000)
        )
        answered, drawn = time.time() * 1000, value(outcome)
        assert isinstance(drawn, dict)
        children.append(Child(told[0], answered, drawn))

    async def walk() -> None:
        outcome = await run(engine, walk_text, user=object(), profile=profile, wall_ms=30_000)
        found = value(outcome)
        assert isinstance(found, dict)
        walks.append(Walk(realms.setdefault(found["realm"], found["realm"]), texts(outcome)))

    await _many([walk if n % WALK_EVERY == 0 else draw for n in range(count)])
    return Sample(sorted(children, key=lambda child: child.told), walks)


async def sample_keys(engine: Engine, count: int) -> list[list[str]]:
    """What `count` executions of `keys.js` drew."""
    drawn: list[Any] = []

    async def one() -> None:
        drawn.append(value(await run(engine, KEYS, user=object(), wall_ms=30_000)))

    await _many([one] * count)
    return drawn


async def _many(asking: list[Callable[[], Awaitable[None]]]) -> None:
    left = iter(asking)

    async def caller() -> None:
        for ask in left:
            await ask()

    async with trio.open_nursery() as nursery:
        for _ in range(8):
            nursery.start_soon(caller)


# ------------------------------------------------------------------ judging


def complaints(asked: Sample) -> list[str]:
    """Everything that is not fresh about these executions; empty when all is well."""
    return [*_randomness(asked.children), *_clocks(asked.children), *_residue(asked.walks)]


def repeated(what: str, values: Iterable[object]) -> Iterator[str]:
    """A complaint for values that come twice.

    By chance 24,000 values of 52 bits do so once in 15 million samples. V8's own --random-seed has 32 bits: 2,400 children
    that are seeded by it share a stream once in 1,500 samples, 160 children once in 300,000.
    """
    twice = [str(given) for given, count in Counter(values).items() if count > 1]
    if twice:
        yield f"{what}: {len(twice)} values came more than once, like {twice[0]}"


def uneven(what: str, values: Sequence[float]) -> Iterator[str]:
    """A complaint for values that are not spread evenly over [0, 1)."""
    chance = evenness(values)
    if chance < TOO_UNLIKELY:
        yield f"{what}: spread so unevenly by chance once in {1 / max(chance, 1e-300):.0e} samples"


def evenness(values: Sequence[float]) -> float:
    """How likely even chance spreads so many values at least so unevenly over the bins: Pearson's chi-square."""
    found, wanted = Counter(int(number * BINS) for number in values), len(values) / BINS
    return tail(sum((found[at] - wanted) ** 2 for at in range(BINS)) / wanted)


def tail(chi_square: float) -> float:
    """The probability that a chi-square with BINS - 1 degrees of freedom is exceeded."""
    half, term, total = chi_square / 2, 1.0, 1.0
    for k in range(1, (BINS - 1) // 2):
        term *= half / k
        total += term
    return math.exp(-half) * total


def _randomness(children: Sequence[Child]) -> Iterator[str]:
    random = [number for child in children for number in child.drawn["random"]]
    words = [word / 2**32 for child in children for word in child.drawn["words"]]
    first = [child.drawn["random"][0] for child in children]
    yield from repeated("Math.random", random)
    yield from repeated("crypto.getRandomValues", (tuple(child.drawn["words"]) for child in children))
    yield from repeated("crypto.randomUUID", (drawn for child in children for drawn in child.drawn["ids"]))
    yield from uneven("Math.random", random)
    yield from uneven("crypto.getRandomValues", words)
    yield from uneven("steps between the first Math.random of neighbours", [(b - a) % 1 for a, b in itertools.pairwise(first)])


def _clocks(children: Sequence[Child]) -> Iterator[str]:
    """By no claim about speed: an origin lies between order and answer, and no clock ran for longer than that."""
    for child in children:
        origin, now, stamp = (child.drawn[name] for name in ("timeOrigin", "now", "stamp"))
        lasted = child.answered - child.told
        if not math.floor(child.told) <= origin <= child.drawn["date"] <= child.answered:
            yield f"performance.timeOrigin is {origin}, of an execution told at {child.told} and answered at {child.answered}"
        if not 0 <= now <= lasted:
            yield f"performance.now() began with {now}, in an execution of {lasted} ms"
        if not 0 <= stamp <= lasted:
            yield f"an event has the time {stamp}, in an execution of {lasted} ms"


def _residue(walks: Sequence[Walk]) -> Iterator[str]:
    """All walks give one text: nothing in the realm is left over, or the process's own, like a pid."""
    first = walks[0].realm
    for realm in {walk.realm for walk in walks} - {first}:
        pairs = itertools.zip_longest(first.split("\n"), realm.split("\n"))
        yield next(f"the realm changed from {was!r} to {now!r}" for was, now in pairs if was != now)
    if "residue" in first:
        yield "there was residue from the start"
    for walk in walks:
        if walk.printed != PRINTED:
            yield f"the console printed {walk.printed}"
