"""The engine on real workers: one execution, every way to end."""

import json

from sandboxd.executions.engine import Engine
from sandboxd.models import Outcome, Source, Status
from sandboxd.policy.decide import local_grant


async def run(engine: Engine, text: str, *, wall_ms: int | None = None, language: str = "javascript") -> Outcome:
    grant = local_grant(engine.policy, "code-nodes", wall_ms, field="wall_ms")
    return await engine.run(grant, Source(text, language), user="test")


async def test_value_and_output_arrive(engine: Engine) -> None:
    """The seed's example gives its result and its line."""
    outcome = await run(engine, "const x = 5 + 3; results.sum = x; console.log('Sum:', x)")
    assert (outcome.status, json.loads(bytes(outcome.value or b"")), [line.text for line in outcome.logs]) == (
        Status.succeeded,
        {"sum": 8},
        ["Sum: 8"],
    )


async def test_output_before_an_endless_loop_is_kept(engine: Engine) -> None:
    """A loop that never ends times out, and what it printed before is there."""
    outcome = await run(engine, "console.log('before'); for (;;) {}", wall_ms=1000)
    assert (outcome.status, [line.text for line in outcome.logs]) == (Status.timed_out, ["before"])
