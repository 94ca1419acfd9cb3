"""What is counted where no daemon can be made to do it: ends that come too late, workers that do not start."""

from functools import partial
from pathlib import Path

import pytest

from sandboxd import metrics
from sandboxd.executions.journal import Journal
from sandboxd.executions.runner import CANCELLED
from sandboxd.models import Status
from sandboxd.policy.model import Policy
from sandboxd.pool.forkserver import open_forkserver
from tests.support.engines import opened, run, until
from tests.support.nodes import fake_node
from tests.support.submissions import end_of, open_house, opened_engine, policy_of, submit


def counted(name: str, **labels: str) -> float:
    """What this process has counted."""
    return metrics.registry(lambda: ()).get_sample_value(name, labels) or 0


async def test_an_end_that_came_too_late_is_not_counted(policy: Policy, tmp_path: Path) -> None:
    """Who cancels what has just ended by itself writes nothing, and counts nothing."""
    place = {"door": "code-nodes", "profile": "code-nodes"}
    async with opened_engine(policy_of(policy)) as engine, open_house(tmp_path, engine) as (submissions, _):
        execution_id = await submit(submissions, "return 1")
        await end_of(submissions, execution_id)
        before = counted("sandboxd_executions_total", status="cancelled", **place)
        journal = Journal(submissions._group, submissions._hub, execution_id, now=submissions.ledger.now)
        assert await submissions.runner.settle(execution_id, journal, CANCELLED) is Status.succeeded
        assert counted("sandboxd_executions_total", status="cancelled", **place) == before


async def test_a_worker_that_does_not_start_is_counted(policy: Policy, tmp_path: Path) -> None:
    """Again and again, until one does."""
    before = counted("sandboxd_worker_start_failures_total", profile="code-nodes")
    async with opened(policy, node=fake_node(tmp_path, "os._exit(1)")):
        await until(lambda: counted("sandboxd_worker_start_failures_total", profile="code-nodes") >= before + 2)


async def test_a_fork_server_that_was_due_is_counted(policy: Policy, monkeypatch: pytest.MonkeyPatch) -> None:
    """Under the profile whose it was; it is not one that was lost."""
    monkeypatch.setattr("sandboxd.executions.pools.open_forkserver", partial(open_forkserver, forks=3))
    names = ("sandboxd_fork_servers_replaced_total", "sandboxd_worker_sources_lost_total")
    before = [counted(name, profile="code-nodes") for name in names]
    async with opened(policy, ahead=1) as engine:
        for _ in range(3):
            await run(engine, "return 1")
        await until(lambda: counted(names[0], profile="code-nodes") > before[0])
    assert counted(names[1], profile="code-nodes") == before[1]
