"""Synchronous calls and what is queued on the same slots: neither keeps the other from running."""

from contextlib import suppress
from pathlib import Path

import pytest
import trio

from sandboxd.config import QueueSettings
from sandboxd.errors import NoCapacity, QuotaExceeded
from sandboxd.executions.engine import Engine
from sandboxd.executions.submissions import Submissions
from sandboxd.models import Principal, Source
from sandboxd.policy.model import Policy
from tests.support.engines import grant, until
from tests.support.submissions import ANN, FOREVER, end_of, open_house, opened_engine, policy_of, submit

BRIEF = "await new Promise(resolve => setTimeout(resolve, 20))"


def user(number: int) -> Principal:
    """One of many, each of a tenant of his own."""
    return Principal(f"t{number}", "u", "free")


async def queue_up(submissions: Submissions, code: str, users: int, each: int) -> list[tuple[str, Principal]]:
    return [(await submit(submissions, code, user(n)), user(n)) for n in range(users) for _ in range(each)]


async def test_a_full_queue_leaves_slots_to_who_waits_for_an_answer(tmp_path: Path, policy: Policy) -> None:
    """Whatever is queued holds its share of the slots and no more; a call gets one of the others at once."""
    async with (
        opened_engine(policy_of(policy)) as engine,
        open_house(tmp_path, engine, queue={"running_percent": 50}) as (submissions, _),
    ):
        await queue_up(submissions, FOREVER, users=5, each=2)
        await until(lambda: engine.queue.running == 2)
        for _ in range(5):
            outcome = await engine.run(grant(engine), Source("return 1"), user="caller")
            assert outcome.status == "succeeded"
        assert (engine.queue.running, submissions.scheduler.running, submissions.scheduler.waiting) == (2, 2, 8)


async def test_callers_without_end_do_not_keep_the_queue_from_running(tmp_path: Path, policy: Policy) -> None:
    """Eight users who call again and again fill every slot; what is queued is run all the same, to the last one."""
    async with (
        opened_engine(policy_of(policy)) as engine,
        open_house(tmp_path, engine, queue={"running_percent": 50}) as (submissions, _),
    ):
        calls = 0

        async def call(name: str) -> None:
            nonlocal calls
            while True:
                await engine.run(grant(engine), Source(BRIEF), user=name)
                calls += 1

        async with trio.open_nursery() as nursery:
            for place in range(8):
                nursery.start_soon(call, f"caller {place}")
            await until(lambda: engine.queue.waiting > 0)
            for execution_id, who in await queue_up(submissions, BRIEF, users=3, each=4):
                assert (await end_of(submissions, execution_id, who)).status == "succeeded"
            before = calls
            await until(lambda: calls > before)
            nursery.cancel_scope.cancel()


async def test_one_user_s_queue_does_not_hold_up_another_s(tmp_path: Path, policy: Policy) -> None:
    """Of two slots one may be his; the other is free for whoever comes."""
    async with (
        opened_engine(policy_of(policy), running=4, running_per_user=2) as engine,
        open_house(tmp_path, engine, queue={"running_percent": 50}) as (submissions, _),
    ):
        greedy = [await submit(submissions, FOREVER, ANN) for _ in range(5)]
        await until(lambda: submissions.scheduler.running == 1)
        execution_id = await submit(submissions, "return 1", user(1))
        assert (await end_of(submissions, execution_id, user(1))).result == "1"
        found = await submissions.get(ANN, greedy[-1])
        assert found.waiting is not None
        assert (found.waiting.position, found.waiting.reason) == (4, "1 of yours run, as many as one user may have")


async def test_a_queue_that_cannot_be_served_says_so(tmp_path: Path, policy: Policy) -> None:
    """When it is full, and when workers do not start: 503 with a time to come again, and nothing is kept."""
    engine: Engine
    async with (
        opened_engine(policy_of(policy)) as engine,
        open_house(tmp_path, engine, queue={"most": 2, "running_percent": 1}) as (submissions, _),
    ):
        await submit(submissions, FOREVER)
        await until(lambda: submissions.scheduler.running == 1)
        for _ in range(2):
            await submit(submissions, "return 1")
        with pytest.raises(NoCapacity) as full:
            await submit(submissions, "return 1", user(1))
        submissions._accepting._settings = QueueSettings()
        engine.pools["code-nodes"].problem = "no workers"
        with pytest.raises(NoCapacity) as degraded:
            await submit(submissions, "return 1", user(1))
        assert (full.value.retry_after >= 1, degraded.value.retry_after >= 1) == (True, True)
        assert await submissions.listed(user(1), limit=1) == []


async def test_many_submit_at_the_same_time(tmp_path: Path, policy: Policy) -> None:
    """The bound of a user's line is exact however they come."""
    async with (
        opened_engine(policy_of(policy)) as engine,
        open_house(tmp_path, engine, queue={"per_user": 7, "running_percent": 1}) as (submissions, _),
    ):
        await submit(submissions, FOREVER, user(0))
        await until(lambda: submissions.scheduler.running == 1)
        accepted: list[str] = []

        async def come() -> None:
            with suppress(QuotaExceeded):
                accepted.append(await submit(submissions, "return 1"))

        async with trio.open_nursery() as nursery:
            for _ in range(30):
                nursery.start_soon(come)
        assert (len(accepted), submissions.scheduler.waiting_of((ANN.tenant, ANN.user))) == (7, 7)
        assert submissions._accepting._arriving == {}
